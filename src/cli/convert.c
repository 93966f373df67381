/* SPDX-License-Identifier: MIT */
/* A raw trace to a document: see convert.h. */
#include "cli/convert.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/session.h"
#include "base/cleanup.h"
#include "cli/inputs.h"
#include "cli/term.h"
#include "exporter/exporter.h"

enum { LAYOUT_NESTED, LAYOUT_FLAT, LAYOUT_AS_RECORDED };

/* As they are given. */
struct request {
	const char *output, *max_nesting;
	bool pretty, compact;
	unsigned int layout;
	bool live, remove_raw, quiet, from_runtime;
};

#define OFFSET(member) offsetof(struct request, member)
static const struct ct_option options_table[] = {
	{.kind = CT_OPTION_TEXT,
	 .letter = 'o',
	 .name = "output",
	 .value = "FILE",
	 .choices = "file",
	 .help = "write to FILE, or to standard output if it is '-'",
	 .offset = OFFSET(output)},
	{.kind = CT_OPTION_FLAG,
	 .name = "pretty",
	 .help = "indent; without --pretty and --compact as CALLTRACE_PRETTY_JSON was when the "
		 "trace was recorded",
	 .offset = OFFSET(pretty)},
	{.kind = CT_OPTION_FLAG,
	 .name = "compact",
	 .help = "do not indent",
	 .offset = OFFSET(compact)},
	{.kind = CT_OPTION_CHOICE,
	 .name = "layout",
	 .value = "LAYOUT",
	 .choices = "nested|flat",
	 .help = "nested: calls contain the calls they made; flat: one list, each call with its "
		 "parent_id; without it as CALLTRACE_JSON_LAYOUT was",
	 .offset = OFFSET(layout)},
	{.kind = CT_OPTION_TEXT,
	 .name = "max-nesting",
	 .value = "N",
	 .help = "in a nested document, calls deeper than N levels lie flat in the list of their "
		 "ancestor at that level; 'unlimited' nests all, of which jq 1.6 reads up to 83 "
		 "levels; default 80, or fewer where values of calls are nested, too",
	 .offset = OFFSET(max_nesting)},
	{.kind = CT_OPTION_FLAG,
	 .name = "live",
	 .help = "read the trace of a process that still runs",
	 .offset = OFFSET(live)},
	{.kind = CT_OPTION_FLAG,
	 .name = "remove-raw",
	 .help = "remove TRACE once the document is complete",
	 .offset = OFFSET(remove_raw)},
	{.kind = CT_OPTION_FLAG,
	 .letter = 'q',
	 .name = "quiet",
	 .help = "say nothing but errors",
	 .offset = OFFSET(quiet)},
	/* What libcalltrace.so passes at the program's end. */
	{.kind = CT_OPTION_FLAG, .name = "from-runtime", .offset = OFFSET(from_runtime)},
};
const struct ct_option_group ct_convert_group = {
	.options = options_table,
	.count = sizeof(options_table) / sizeof(options_table[0]),
};

static struct ct_error *read_max_nesting(const char *text, uint32_t *ret)
{
	const uint64_t most = CT_JSON_UNLIMITED_NESTING - 1;
	char *end = NULL;
	*ret = CT_JSON_UNLIMITED_NESTING;
	if (strcmp(text, "unlimited") == 0)
		return NULL;
	errno = 0;
	uint64_t number = isdigit((unsigned char)text[0]) ? strtoull(text, &end, 10) : 0;
	if (!end || *end || errno || number < 1 || number > most)
		return ct_error_create(
			"--max-nesting: '%s' is not a whole number from 1 to %" PRIu64, text, most);
	*ret = (uint32_t)number;
	return NULL;
}

/* Operands are at the front of argv[1]... then. */
static struct ct_error *parse(int argc, char **argv, struct ct_convert *ret, int *ret_operands)
{
	struct request request = {.layout = LAYOUT_AS_RECORDED};
	const struct ct_option_target target = {&ct_convert_group, &request};

	*ret = (struct ct_convert){.max_nesting = CT_JSON_DEFAULT_NESTING};
	struct ct_error *err = ct_options_read(argc, argv, &target, 1, false, ret_operands);
	if (!err && request.max_nesting)
		err = read_max_nesting(request.max_nesting, &ret->max_nesting);
	if (!err && request.pretty && request.compact)
		err = ct_error_create("%s: give --pretty or --compact, not both", argv[0]);
	if (!err && request.output && !*request.output)
		err = ct_error_create("%s: the name of the output is empty", argv[0]);
	if (err)
		return err;
	ret->output = request.output;
	ret->has_pretty = request.pretty || request.compact;
	ret->pretty = request.pretty;
	ret->has_nesting = request.max_nesting != NULL;
	ret->has_layout = request.layout != LAYOUT_AS_RECORDED;
	ret->layout = request.layout == LAYOUT_FLAT ? CT_JSON_FLAT : CT_JSON_NESTED;
	/* The process is there still, waiting for us; it wrote its last word. */
	ret->quiet = request.quiet || request.from_runtime;
	ret->remove_raw = request.remove_raw || request.from_runtime;
	ret->live = request.live || request.from_runtime;
	return NULL;
}

/* Refuses one that is still being written, unless told otherwise. */
static struct ct_error *open_trace(const struct ct_convert *convert, struct ct_trace **ret)
{
	struct ct_trace *trace;

	struct ct_error *err = ct_trace_open(convert->raw, &trace);
	if (err)
		return err;
	if (!convert->live && ct_trace_is_live(trace)) {
		err = ct_error_create("'%s': process %u is still running and writes to it; "
				      "wait for its end, or use --live to read what is there",
				      convert->raw, ct_trace_info(trace)->pid);
		ct_trace_destroy(trace);
		return err;
	}
	*ret = trace;
	return NULL;
}

/* ---- what documents are called ---- */

static bool has_ending(const char *name, size_t length, const char *ending)
{
	size_t ending_length = strlen(ending);
	return length > ending_length &&
	       memcmp(name + length - ending_length, ending, ending_length) == 0;
}

/* PATH with .json in place of what traces and packed files end with. NULL: out of memory. */
static char *document_of(const char *path)
{
	size_t length = strlen(path);
	char *name = NULL;

	while (length > 1 && path[length - 1] == '/')
		length--;
	if (has_ending(path, length, ".ctrace") || has_ending(path, length, ".ctpack"))
		length -= strlen(".ctrace");
	const char *ending = has_ending(path, length, ".json") ? "" : ".json";
	if (asprintf(&name, "%.*s%s", (int)length, path, ending) < 0)
		return NULL;
	return name;
}

/* As the library names the documents of further processes: with the id before the extension.
 * Pipes and devices take all of them. */
static char *name_with_pid(const char *name, uint32_t pid, unsigned int number)
{
	const char *slash = strrchr(name, '/');
	const char *last = slash ? slash + 1 : name;
	int stem = (int)(last - name) + (int)ct_exporter_stem_length(last);
	struct stat status;
	char *ret = NULL;
	int length;
	if (strcmp(name, "-") == 0 ||
	    (stat(name, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)))
		return strdup(name);
	if (number > 1)
		length = asprintf(&ret, "%.*s.%u.%u%s", stem, name, pid, number, name + stem);
	else
		length = asprintf(&ret, "%.*s.%u%s", stem, name, pid, name + stem);
	return length < 0 ? NULL : ret;
}

/* ---- each of the traces ---- */

/* The traces of all operands. */
struct each {
	struct ct_convert convert;
	ct_convert_fn *one;
	struct found {
		const char *operand;
		char **traces;
		size_t count;
	} * found;
	size_t operand_count;
	uint32_t *pids; /* of the traces that had one before */
	size_t pid_count;
};

static void each_deinit(struct each *each)
{
	for (size_t i = 0; each->found && i < each->operand_count; i++)
		ct_session_found_free(each->found[i].traces, each->found[i].count);
	free(each->found);
	free(each->pids);
}

static struct ct_error *find_traces(struct each *each, char **operands, int operand_count,
				    size_t *ret_count)
{
	const char *const *paths = NULL;
	size_t path_count = 0;
	struct ct_error *err = ct_inputs_paths(operands, operand_count, &paths, &path_count);
	if (err)
		return err;
	each->found = calloc(path_count, sizeof(*each->found));
	each->operand_count = path_count;
	*ret_count = 0;
	if (!each->found)
		return ct_error_nomem;
	for (size_t i = 0; i < path_count && !err; i++) {
		struct found *found = &each->found[i];
		found->operand = paths[i];
		err = ct_session_find(paths[i], &found->traces, &found->count);
		*ret_count += found->count;
	}
	each->pids = calloc(*ret_count + 1, sizeof(*each->pids));
	return err || each->pids ? err : ct_error_nomem;
}

/* How many of the traces until now were of this process, with this one. */
static unsigned int count_pid(struct each *each, uint32_t pid)
{
	unsigned int number = 1;
	for (size_t i = 0; i < each->pid_count; i++)
		number += each->pids[i] == pid;
	each->pids[each->pid_count++] = pid;
	return number;
}

static void trace_cleanup(struct ct_trace **trace)
{
	ct_trace_destroy(*trace);
}

/* `is_one`: -o names this document alone. */
static enum ct_exit convert_one(struct each *each, const struct found *found, const char *raw,
				bool is_one, struct ct_error **err)
{
	ct_cleanup(trace_cleanup) struct ct_trace *trace = NULL;
	const char *output = each->convert.output;
	each->convert.raw = raw;
	*err = open_trace(&each->convert, &trace);
	if (*err)
		return CT_EXIT_FAILURE;
	unsigned int number = count_pid(each, ct_trace_info(trace)->pid);
	ct_cleanup(ct_cleanup_free) char *document = document_of(found->operand);
	ct_cleanup(ct_cleanup_free) char *name =
		document && found->count > 1
			? name_with_pid(document, ct_trace_info(trace)->pid, number)
			: ct_take(document);
	ct_cleanup(ct_cleanup_free) char *own_output =
		output && !is_one ? name_with_pid(output, ct_trace_info(trace)->pid, number) : NULL;
	if (!name || (output && !is_one && !own_output)) {
		*err = ct_error_nomem;
		return CT_EXIT_FAILURE;
	}
	if (own_output)
		each->convert.output = own_output;
	enum ct_exit status = each->one(&each->convert, trace, name, err);
	each->convert.output = output;
	return status;
}

enum ct_exit ct_convert_each(int argc, char **argv, ct_convert_fn *one, struct ct_error **err)
{
	ct_cleanup(each_deinit) struct each each = {.one = one};
	size_t trace_count;
	int operand_count;
	*err = parse(argc, argv, &each.convert, &operand_count);
	if (*err)
		return CT_EXIT_USAGE;
	*err = find_traces(&each, argv + 1, operand_count, &trace_count);
	if (*err)
		return CT_EXIT_FAILURE;
	enum ct_exit worst = CT_EXIT_OK;
	for (size_t i = 0; i < each.operand_count; i++) {
		for (size_t j = 0; j < each.found[i].count; j++) {
			if (*err)
				ct_term_say("%s", (*err)->message);
			ct_error_destroy(*err);
			*err = NULL;
			enum ct_exit status = convert_one(&each, &each.found[i],
							  each.found[i].traces[j], trace_count == 1,
							  err);
			if (status == CT_EXIT_ABANDONED)
				return status;
			worst = status == CT_EXIT_OK ? worst : status;
		}
	}
	return worst;
}

static struct ct_error *refuse_same_file(const char *raw, const char *output)
{
	struct stat raw_status, output_status;

	if (stat(raw, &raw_status) == 0 && stat(output, &output_status) == 0 &&
	    raw_status.st_dev == output_status.st_dev && raw_status.st_ino == output_status.st_ino)
		return ct_error_create("'%s' is the raw trace itself; name another file with -o",
				       output);
	return NULL;
}

static void output_cleanup(struct ct_output **output)
{
	ct_output_destroy(*output);
}

static struct ct_error *write_document(const struct ct_convert *convert, struct ct_trace *trace,
				       const char *path, struct ct_convert_summary *ret,
				       bool *abandoned)
{
	struct ct_json_summary summary;
	const struct ct_file_info *info = ct_trace_info(trace);
	const struct ct_json_options json = {
		.pretty = convert->has_pretty ? convert->pretty : info->pretty_json,
		.layout = convert->has_layout		      ? convert->layout
			  : info->json_layout == CT_JSON_FLAT ? CT_JSON_FLAT
							      : CT_JSON_NESTED,
		.max_nesting = convert->max_nesting,
		.warn = convert->quiet ? NULL : ct_term_warn,
		.progress = convert->quiet ? NULL : ct_term_progress,
	};
	ct_cleanup(output_cleanup) struct ct_output *output = NULL;

	struct ct_error *err = refuse_same_file(convert->raw, path);
	if (!err)
		err = ct_output_create(path, &output);
	if (!err)
		err = ct_json_write(trace, &json, output, &summary);
	if (!err)
		err = ct_output_commit(output);
	ct_term_clear();
	*abandoned = output && ct_output_is_abandoned(output);
	if (!err)
		*ret = (struct ct_convert_summary){summary.calls, summary.threads,
						   summary.lost_events};
	return err;
}

static void session_cleanup(struct ct_session **session)
{
	ct_session_destroy(*session);
}

static struct ct_error *write_export(const struct ct_convert *convert,
				     const struct ct_exporter *exporter, const char *path,
				     struct ct_convert_summary *ret, bool *abandoned)
{
	ct_cleanup(session_cleanup) struct ct_session *session = NULL;
	struct ct_export_summary summary = {0};
	if (convert->has_pretty || convert->has_layout || convert->has_nesting)
		return ct_error_create("--pretty, --compact, --layout and --max-nesting are for "
				       "JSON documents; '%s' gets the format %s",
				       path, exporter->name);
	struct ct_error *err = ct_session_open(&convert->raw, 1, CT_SESSION_LIVE,
					       convert->quiet ? NULL : ct_term_warn, &session);
	if (err)
		return err;
	const struct ct_export_request request = {
		.session = session,
		.path = path,
		.progress = convert->quiet ? NULL : ct_term_progress,
	};
	err = ct_exporter_write(exporter, &request, &summary);
	ct_term_clear();
	*abandoned = summary.is_abandoned;
	*ret = (struct ct_convert_summary){summary.calls, summary.threads, summary.lost_events};
	return err;
}

enum ct_exit ct_convert_run(const struct ct_convert *convert, struct ct_trace *trace,
			    const char *output, struct ct_convert_summary *summary,
			    struct ct_error **err)
{
	bool abandoned = false;
	const struct ct_exporter *exporter = ct_exporter_by_path(output);

	*err = exporter ? write_export(convert, exporter, output, summary, &abandoned)
			: write_document(convert, trace, output, summary, &abandoned);
	if (*err && abandoned) {
		ct_error_destroy(*err);
		*err = NULL;
		return CT_EXIT_ABANDONED;
	}
	if (*err)
		return CT_EXIT_FAILURE;
	if (convert->remove_raw && unlink(convert->raw) < 0) {
		*err = ct_error_errno(errno, "removing the raw trace '%s'", convert->raw);
		return CT_EXIT_FAILURE;
	}
	return CT_EXIT_OK;
}
