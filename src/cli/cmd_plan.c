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

#include "base/cleanup.h"
#include "base/hash.h"
#include "cli/arguments.h"
#include "cli/term.h"
#include "plan/cache.h"
#include "plan/explain.h"
#include "plan/planner.h"

enum {
	OPTION_FD = 256,
	OPTION_MAX_STRING,
	OPTION_MAX_POINTEE,
	OPTION_FILTER,
	OPTION_LIST,
	OPTION_WORKERS,
	OPTION_QUIET,
	OPTION_FROM_RUNTIME,
};

enum { WORKERS_MAX = 64 };

static const struct option options[] = {
	{"fd", required_argument, NULL, OPTION_FD},
	{"max-string", required_argument, NULL, OPTION_MAX_STRING},
	{"max-pointee", required_argument, NULL, OPTION_MAX_POINTEE},
	{"args-filter", required_argument, NULL, OPTION_FILTER},
	{"list", optional_argument, NULL, OPTION_LIST},
	{"workers", required_argument, NULL, OPTION_WORKERS},
	{"quiet", no_argument, NULL, OPTION_QUIET},
	{"from-runtime", no_argument, NULL, OPTION_FROM_RUNTIME},
	{0},
};

struct request {
	const char *module;
	int fd; /* -1: print for people */
	unsigned int workers;
	struct ct_plan_settings settings;
	const char *filter_text;
	bool is_quiet;
	bool is_list;
	const char *list_text;
};

static struct ct_error *parse_option(int option, struct request *ret)
{
	struct ct_error *err = NULL;
	uint64_t number = 0;
	switch (option) {
	case OPTION_FD:
		err = ct_arguments_number("--fd", optarg, 0, INT_MAX, &number);
		ret->fd = (int)number;
		break;
	case OPTION_MAX_STRING:
		err = ct_arguments_number("--max-string", optarg, 1, CT_PLAN_STRING_MAX, &number);
		ret->settings.max_string = (uint32_t)number;
		break;
	case OPTION_MAX_POINTEE:
		err = ct_arguments_number("--max-pointee", optarg, 0, CT_PLAN_POINTEE_MAX, &number);
		ret->settings.max_pointee = (uint32_t)number;
		break;
	case OPTION_FILTER:
		ret->filter_text = *optarg ? optarg : NULL;
		break;
	case OPTION_WORKERS:
		err = ct_arguments_number("--workers", optarg, 1, WORKERS_MAX, &number);
		ret->workers = (unsigned int)number;
		break;
	case OPTION_QUIET:
		ret->is_quiet = true;
		break;
	case OPTION_LIST:
		ret->is_list = true;
		ret->list_text = optarg;
		break;
	default:
		break;
	}
	return err;
}

static struct ct_error *parse(int argc, char **argv, struct request *ret)
{
	struct ct_error *err = NULL;
	int option;
	*ret = (struct request){
		.fd = -1,
		.settings = {.max_string = CT_PLAN_STRING_DEFAULT,
			     .max_pointee = CT_PLAN_POINTEE_DEFAULT},
	};
	while ((option = ct_arguments_next(argc, argv, ":", options, &err)) != -1) {
		if (!err)
			err = parse_option(option, ret);
		if (err)
			return err;
	}
	if (ret->filter_text)
		ret->settings.filter_hash = ct_hash_bytes(ret->filter_text,
							  strlen(ret->filter_text));
	return ct_arguments_one(argc, argv, "the program or library to plan for", &ret->module);
}

static void cleanup_file(struct ct_elf_file **file)
{
	ct_elf_file_destroy(*file);
}

static void cleanup_patterns(struct ct_patterns **patterns)
{
	ct_patterns_destroy(*patterns);
}

static struct ct_error *write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, bytes, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return ct_error_errno(errno, "writing the plans");
		bytes += written;
		length -= (size_t)written;
	}
	return NULL;
}

static struct ct_error *explain(const struct request *request, const struct ct_elf_file *file,
				const struct ct_strbuf *plans, struct ct_strbuf *ret)
{
	struct ct_plan_file plan_file;
	struct ct_hook_sites sites = {0};
	struct ct_plan_names names = {0};
	ct_cleanup(cleanup_patterns) struct ct_patterns *patterns = NULL;
	struct ct_error *err = request->list_text
				       ? ct_patterns_create(request->list_text, &patterns)
				       : NULL;
	if (err)
		return err;
	if (!ct_plan_file_open(plans->bytes, plans->length, &request->settings, file->build_id,
			       file->build_id_bytes, &plan_file))
		return ct_error_create("the plans of '%s' are damaged", request->module);
	err = ct_hook_sites_find(file, &sites);
	if (!err && request->is_list) {
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

static struct ct_error *make_plans(const struct request *request)
{
	ct_cleanup(cleanup_file) struct ct_elf_file *file = NULL;
	ct_cleanup(cleanup_patterns) struct ct_patterns *filter = NULL;
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf plans = {0};
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	struct ct_error *err = request->filter_text
				       ? ct_patterns_create(request->filter_text, &filter)
				       : NULL;
	if (!err)
		err = ct_elf_file_open(request->module, &file);
	if (err)
		return err;
	struct ct_planner_options planner = {
		.settings = request->settings,
		.filter = filter,
		.workers = request->workers,
		.progress = request->is_quiet ? NULL : ct_term_plan_progress,
	};
	if (request->fd >= 0) {
		struct ct_plan_cache cache;
		ct_plan_cache_open(&cache, file, &request->settings);
		err = plan_with_cache(file, &planner, &cache, &plans);
		ct_plan_cache_close(&cache);
		return err ? err : write_all(request->fd, plans.bytes, plans.length);
	}
	err = ct_planner_run(file, &planner, &plans);
	if (err)
		return err;
	err = explain(request, file, &plans, &text);
	if (err)
		return err;
	fwrite(text.bytes, 1, text.length, stdout);
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
	*err = ct_error_errno(errno, "writing to standard output");
	return CT_EXIT_FAILURE;
}

const struct ct_command ct_command_plan = {
	.name = "plan",
	.run = run,
	.summary = "show which arguments and return values can be captured",
	.help = "usage: calltrace plan MODULE [OPTION]...\n"
		"\n"
		"Finds out how the arguments and return values of the functions of MODULE, a\n"
		"program or library compiled with -finstrument-functions and -g, are captured\n"
		"(CALLTRACE_CAPTURE_ARGS=1), and prints how many can be.\n"
		"\n"
		"      --list[=PATTERNS]  every hook, and where each value is, or why it is not\n"
		"                         there; of the functions that PATTERNS mean\n"
		"      --args-filter PATTERNS\n"
		"                         as with CALLTRACE_ARGS_FILTER=PATTERNS\n"
		"      --max-string N     as with CALLTRACE_MAX_STRING=N; default 64\n"
		"      --max-pointee N    as with CALLTRACE_MAX_POINTEE=N; default 1\n"
		"      --workers N        processes to plan in; default: as many as processors, for a\n"
		"                         large MODULE\n"
		"      --quiet            no progress on the terminal\n"
		"      --fd N             write the plans to file descriptor N\n"
		"      --from-runtime     what libcalltrace.so passes\n",
};
