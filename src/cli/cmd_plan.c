/* SPDX-License-Identifier: MIT */
/*
 * calltrace plan: which arguments and return values of a program or library
 * can be captured, and how. libcalltrace.so starts it for each module that it
 * finds no plan for in the cache, with the descriptor of an empty file.
 */
#include "cli/command.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/io.h"
#include "cli/page.h"
#include "cli/term.h"
#include "plan/cache.h"
#include "plan/explain.h"
#include "plan/planner.h"

enum { WORKERS_MAX = 64 };
#define NO_FD UINT64_MAX

struct request {
	const char *module;
	uint64_t fd; /* NO_FD: print for people */
	uint64_t workers, max_string, max_pointee;
	const char *filter_text;
	const char *list_text; /* "": of all functions; NULL: no list */
	bool is_quiet;
	bool is_from_runtime;
	struct ct_plan_settings settings;
};

#define OFFSET(member) offsetof(struct request, member)
static const struct ct_option options_table[] = {
	{.kind = CT_OPTION_OPTIONAL,
	 .name = "list",
	 .value = "PATTERNS",
	 .help = "every hook, and where each value is, or why it is not there; of the functions "
		 "that PATTERNS mean",
	 .offset = OFFSET(list_text)},
	{.kind = CT_OPTION_TEXT,
	 .name = "args-filter",
	 .value = "PATTERNS",
	 .help = "as with CALLTRACE_ARGS_FILTER=PATTERNS",
	 .offset = OFFSET(filter_text)},
	{.kind = CT_OPTION_NUMBER,
	 .name = "max-string",
	 .value = "N",
	 .help = "as with CALLTRACE_MAX_STRING=N; default 64",
	 .offset = OFFSET(max_string),
	 .low = 1,
	 .high = CT_PLAN_STRING_MAX},
	{.kind = CT_OPTION_NUMBER,
	 .name = "max-pointee",
	 .value = "N",
	 .help = "as with CALLTRACE_MAX_POINTEE=N; default 1",
	 .offset = OFFSET(max_pointee),
	 .high = CT_PLAN_POINTEE_MAX},
	{.kind = CT_OPTION_NUMBER,
	 .name = "workers",
	 .value = "N",
	 .help = "processes to plan in; default: as many as processors, for a large MODULE",
	 .offset = OFFSET(workers),
	 .low = 1,
	 .high = WORKERS_MAX},
	{.kind = CT_OPTION_FLAG,
	 .name = "quiet",
	 .help = "no progress on the terminal",
	 .offset = OFFSET(is_quiet)},
	/* What libcalltrace.so passes: where the plans are to be written. */
	{.kind = CT_OPTION_NUMBER,
	 .name = "fd",
	 .value = "N",
	 .offset = OFFSET(fd),
	 .high = INT_MAX},
	{.kind = CT_OPTION_FLAG, .name = "from-runtime", .offset = OFFSET(is_from_runtime)},
};
static const struct ct_option_group own_group = {
	.options = options_table,
	.count = sizeof(options_table) / sizeof(options_table[0]),
};
static const struct ct_option_group *const groups[] = {&own_group};

static struct ct_error *parse(int argc, char **argv, struct request *ret)
{
	*ret = (struct request){
		.fd = NO_FD,
		.max_string = CT_PLAN_STRING_DEFAULT,
		.max_pointee = CT_PLAN_POINTEE_DEFAULT,
	};
	const struct ct_option_target target = {&own_group, ret};
	int operands;
	struct ct_error *err = ct_options_read(argc, argv, &target, 1, false, &operands);
	if (!err)
		err = ct_options_one(argv, operands, "the program or library to plan for",
				     &ret->module);
	if (err)
		return err;
	if (ret->filter_text && !*ret->filter_text)
		ret->filter_text = NULL;
	ret->settings = (struct ct_plan_settings){
		.max_string = (uint32_t)ret->max_string,
		.max_pointee = (uint32_t)ret->max_pointee,
		.filter_hash = ret->filter_text
				       ? ct_hash_bytes(ret->filter_text, strlen(ret->filter_text))
				       : 0,
	};
	return NULL;
}

static void cleanup_file(struct ct_elf_file **file)
{
	ct_elf_file_destroy(*file);
}

static void cleanup_patterns(struct ct_patterns **patterns)
{
	ct_patterns_destroy(*patterns);
}

static struct ct_error *explain(const struct request *request, const struct ct_elf_file *file,
				const struct ct_strbuf *plans, struct ct_strbuf *ret)
{
	struct ct_plan_file plan_file;
	struct ct_hook_sites sites = {0};
	struct ct_plan_names names = {0};
	ct_cleanup(cleanup_patterns) struct ct_patterns *patterns = NULL;
	struct ct_error *err = request->list_text && *request->list_text
				       ? ct_patterns_create(request->list_text, &patterns)
				       : NULL;
	if (err)
		return err;
	if (!ct_plan_file_open(plans->bytes, plans->length, &request->settings, file->build_id,
			       file->build_id_bytes, &plan_file))
		return ct_error_create("the plans of '%s' are damaged", request->module);
	err = ct_hook_sites_find(file, &sites);
	if (!err && request->list_text) {
		if (!ct_plan_names_init(&names, file, NULL))
			err = ct_error_nomem;
		else
			ct_plan_list(&plan_file, &sites, &names, patterns, ret);
		ct_plan_names_deinit(&names);
	}
	if (!err)
		ct_plan_summarize(&plan_file, &sites, ret);
	ct_hook_sites_deinit(&sites);
	return err;
}

/*
 * For the runtime: from the cache, or made and kept there. Plans without all the
 * debug information are not kept: it may be installed tomorrow.
 */
static struct ct_error *plan_with_cache(const struct ct_elf_file *file,
					const struct ct_planner_options *planner,
					struct ct_plan_cache *cache, struct ct_strbuf *ret)
{
	struct ct_plan_file plans;
	const struct ct_plan_settings *settings = &planner->settings;
	if (ct_plan_cache_read(cache, file, settings, ret))
		return NULL;
	ct_plan_cache_lock(cache);
	if (ct_plan_cache_read(cache, file, settings, ret))
		return NULL;
	struct ct_error *err = ct_planner_run(file, planner, ret);
	if (!err &&
	    ct_plan_file_open(ret->bytes, ret->length, settings, file->build_id,
			      file->build_id_bytes, &plans) &&
	    !(plans.header.flags & (CT_PLAN_NO_DEBUG_INFO | CT_PLAN_INCOMPLETE)))
		ct_plan_cache_write(cache, ret);
	return err;
}

static const char *filter_name(const struct request *request)
{
	return request->fd == NO_FD ? "--args-filter" : "CALLTRACE_ARGS_FILTER";
}

/* Names out of a file may hold anything. */
static void print_lines(const char *text, size_t length)
{
	while (length) {
		const char *end = memchr(text, '\n', length);
		size_t line = end ? (size_t)(end - text) : length;
		ct_page_put_text(text, line);
		if (end)
			putchar('\n');
		line += end != NULL;
		text += line;
		length -= line;
	}
}

static struct ct_error *make_plans(const struct request *request)
{
	ct_cleanup(cleanup_file) struct ct_elf_file *file = NULL;
	ct_cleanup(cleanup_patterns) struct ct_patterns *filter = NULL;
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf plans = {0};
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	struct ct_error *err = request->filter_text
				       ? ct_patterns_create(request->filter_text, &filter)
				       : NULL;
	if (err)
		return ct_error_wrap(err, "%s", filter_name(request));
	if (filter && ct_patterns_count(filter) == 0)
		return ct_error_create(
			"%s: '%s' holds no pattern, so no arguments are captured; name "
			"functions, as in 'parse_*,main', or leave it out for all",
			filter_name(request), request->filter_text);
	if (request->fd == NO_FD && access(request->module, R_OK) != 0)
		return ct_error_errno(errno, "cannot open '%s'", request->module);
	err = ct_elf_file_open(request->module, &file);
	if (err)
		return err;
	struct ct_planner_options planner = {
		.settings = request->settings,
		.filter = filter,
		.workers = (unsigned int)request->workers,
		.progress = request->is_quiet ? NULL : ct_term_plan_progress,
		.warn = ct_term_warn,
	};
	if (request->fd != NO_FD) {
		struct ct_plan_cache cache;
		ct_plan_cache_open(&cache, file, &request->settings);
		err = plan_with_cache(file, &planner, &cache, &plans);
		ct_plan_cache_close(&cache);
		int error_number = err ? 0
				       : ct_write_all((int)request->fd, plans.bytes, plans.length);
		return error_number ? ct_error_errno(error_number, "writing the plans") : err;
	}
	err = ct_planner_run(file, &planner, &plans);
	if (err)
		return err;
	err = explain(request, file, &plans, &text);
	if (err)
		return err;
	print_lines(text.bytes, text.length);
	return NULL;
}

static enum ct_exit run(int argc, char **argv, struct ct_error **err)
{
	struct request request;
	*err = parse(argc, argv, &request);
	if (*err)
		return CT_EXIT_USAGE;
	*err = make_plans(&request);
	ct_term_clear();
	if (*err)
		return CT_EXIT_FAILURE;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return CT_EXIT_OK;
	if (errno == EPIPE)
		return CT_EXIT_ABANDONED;
	*err = ct_error_errno(errno, "writing to standard output failed");
	return CT_EXIT_FAILURE;
}

const struct ct_command ct_command_plan = {
	.name = "plan",
	.run = run,
	.summary = "show which arguments and return values can be captured",
	.synopsis = "MODULE [OPTION]...",
	.description =
		"Finds out how the arguments and return values of the functions of MODULE, a program "
		"or library compiled with -finstrument-functions and -g, are captured "
		"(CALLTRACE_CAPTURE_ARGS=1), and prints how many can be.",
	.groups = groups,
	.group_count = 1,
};
