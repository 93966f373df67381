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

#include "base/cleanup.h"
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

struct ct_error *ct_convert_parse(int argc, char **argv, struct ct_convert *ret)
{
	struct request request = {.layout = LAYOUT_AS_RECORDED};
	const struct ct_option_target target = {&ct_convert_group, &request};
	int operands;

	*ret = (struct ct_convert){.max_nesting = CT_JSON_DEFAULT_NESTING};
	struct ct_error *err = ct_options_read(argc, argv, &target, 1, false, &operands);
	if (!err)
		err = ct_options_one(argv, operands, "the raw trace to read", &ret->raw);
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

struct ct_error *ct_convert_open(const struct ct_convert *convert, struct ct_trace **ret)
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

static bool has_ending(const char *name, size_t length, const char *ending)
{
	size_t ending_length = strlen(ending);
	return length > ending_length &&
	       memcmp(name + length - ending_length, ending, ending_length) == 0;
}

char *ct_convert_default_output(const char *raw)
{
	size_t length = strlen(raw);
	char *name = NULL;

	if (has_ending(raw, length, ".ctrace") || has_ending(raw, length, ".ctpack"))
		length -= strlen(".ctrace");
	const char *ending = has_ending(raw, length, ".json") ? "" : ".json";
	if (asprintf(&name, "%.*s%s", (int)length, raw, ending) < 0)
		return NULL;
	return name;
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
	struct ct_error *err = ct_session_open(&convert->raw, 1, true,
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
