/* SPDX-License-Identifier: MIT */
/* calltrace report: functions, and what they belong to, by calls and times. */
#include "cli/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/profile.h"
#include "base/cleanup.h"
#include "cli/inputs.h"
#include "cli/page.h"
#include "cli/table.h"
#include "cli/term.h"

enum sort_key {
	SORT_TOTAL,
	SORT_SELF,
	SORT_CALLS,
	SORT_MEAN,
	SORT_MIN,
	SORT_MAX,
	SORT_P50,
	SORT_P95,
	SORT_P99,
	SORT_STDDEV,
	SORT_NAME,
};

struct report_options {
	unsigned int by; /* the first of enum ct_profile_by */
	unsigned int sort;
	bool reverse;
	bool wide;
	uint64_t limit;
	const char *callers, *callees;
};

#define OFFSET(member) offsetof(struct report_options, member)
static const struct ct_option options_table[] = {
	{.kind = CT_OPTION_CHOICE,
	 .letter = 'b',
	 .name = "by",
	 .value = "WHAT",
	 .choices = "function|module|file|thread|process",
	 .help = "a row for each function (the default), module, source file, thread or process",
	 .offset = OFFSET(by)},
	{.kind = CT_OPTION_CHOICE,
	 .letter = 's',
	 .name = "sort",
	 .value = "COLUMN",
	 .choices = "total|self|calls|mean|min|max|p50|p95|p99|stddev|name",
	 .help = "the largest first; default: total",
	 .offset = OFFSET(sort)},
	{.kind = CT_OPTION_FLAG,
	 .letter = 'r',
	 .name = "reverse",
	 .help = "the smallest first",
	 .offset = OFFSET(reverse)},
	{.kind = CT_OPTION_NUMBER,
	 .letter = 'n',
	 .name = "limit",
	 .value = "N",
	 .help = "the first N rows",
	 .offset = OFFSET(limit)},
	{.kind = CT_OPTION_FLAG,
	 .letter = 'w',
	 .name = "wide",
	 .help = "all columns: min, p50, p95, max and stddev, too",
	 .offset = OFFSET(wide)},
	{.kind = CT_OPTION_TEXT,
	 .name = "callers",
	 .value = "PATTERN",
	 .help = "calls of these functions, by who called them",
	 .offset = OFFSET(callers)},
	{.kind = CT_OPTION_TEXT,
	 .name = "callees",
	 .value = "PATTERN",
	 .help = "calls that these functions made, by whom they called",
	 .offset = OFFSET(callees)},
};
static const struct ct_option_group own_group = {
	.options = options_table,
	.count = sizeof(options_table) / sizeof(options_table[0]),
};
static const struct ct_option_group *const groups[] = {&own_group, &ct_input_group, &ct_page_group};

/* ---- rows ---- */

struct row {
	const struct ct_profile_row *profile;
	const char *name;
	char *own_name; /* when it was made for this row */
	double sorts_by;
};

static const char *or_unknown(const char *name)
{
	return name[0] ? name : "??";
}

static char *thread_name(const struct ct_session *session, size_t index)
{
	const struct ct_stream *stream = &session->streams[index];
	char *name = NULL;
	if (asprintf(&name, "%.16s (%" PRIu32 ")", stream->row.name, stream->row.tid) < 0)
		return NULL;
	return name;
}

static char *process_name(const struct ct_session *session, size_t index)
{
	const struct ct_trace *trace = session->inputs[index].trace;
	const struct ct_file_info *info = ct_trace_info(trace);
	struct ct_bytes path = ct_trace_string(trace, info->executable);
	char *name = NULL;
	while (path.length > 0 && memchr(path.bytes, '/', path.length)) {
		path.bytes++;
		path.length--;
	}
	if (asprintf(&name, "%.*s (%" PRIu32 ")", (int)path.length, path.bytes ? path.bytes : "",
		     info->pid) < 0)
		return NULL;
	return name;
}

static bool name_row(struct row *row, const struct ct_session *session, enum ct_profile_by by)
{
	uint32_t key = row->profile->key;
	if (by == CT_BY_THREAD || by == CT_BY_PROCESS) {
		row->own_name = by == CT_BY_THREAD ? thread_name(session, key)
						   : process_name(session, key);
		row->name = row->own_name;
		return row->own_name != NULL;
	}
	const struct ct_function *function = key == CT_NO_CALLER ? NULL : &session->functions[key];
	row->name = !function		 ? "(nothing recorded)"
		    : by == CT_BY_MODULE ? or_unknown(function->module)
		    : by == CT_BY_SOURCE ? or_unknown(function->source)
					 : function->name;
	return true;
}

static double sort_value(const struct ct_profile_row *row, enum sort_key key)
{
	switch (key) {
	case SORT_TOTAL:
		return (double)row->times.total_ns;
	case SORT_SELF:
		return (double)row->times.self_ns;
	case SORT_CALLS:
		return (double)row->times.calls;
	case SORT_MEAN:
		return ct_profile_mean(row);
	case SORT_MIN:
		return (double)row->times.min_ns;
	case SORT_MAX:
		return (double)row->times.max_ns;
	case SORT_P50:
		return (double)ct_statistic_percentile(&row->times, 50);
	case SORT_P95:
		return (double)ct_statistic_percentile(&row->times, 95);
	case SORT_P99:
		return (double)ct_statistic_percentile(&row->times, 99);
	case SORT_STDDEV:
		return ct_profile_deviation(row);
	case SORT_NAME:
		break;
	}
	return 0;
}

/* Equal ones by name, so that the order is always the same. */
static int compare_rows(const void *a, const void *b)
{
	const struct row *left = a, *right = b;
	if (left->sorts_by != right->sorts_by)
		return left->sorts_by > right->sorts_by ? -1 : 1;
	return strcmp(left->name, right->name);
}

static void rows_destroy(struct row *rows, size_t count)
{
	for (size_t i = 0; rows && i < count; i++)
		free(rows[i].own_name);
	free(rows);
}

/* ---- printing ---- */

static const struct ct_column narrow_columns[] = {
	{"total_ns", "total", CT_COLUMN_NS, 9},
	{"self_ns", "self", CT_COLUMN_NS, 9},
	{"self_percent", "self %", CT_COLUMN_PERCENT, 9},
	{"calls", "calls", CT_COLUMN_COUNT, 10},
	{"mean_ns", "mean", CT_COLUMN_NS, 9},
	{"p99_ns", "p99", CT_COLUMN_NS, 9},
	{"min_ns", NULL, CT_COLUMN_NS, 9},
	{"p50_ns", NULL, CT_COLUMN_NS, 9},
	{"p95_ns", NULL, CT_COLUMN_NS, 9},
	{"max_ns", NULL, CT_COLUMN_NS, 9},
	{"stddev_ns", NULL, CT_COLUMN_NS, 9},
	{"name", "function", CT_COLUMN_NAME, 0},
	{"module", NULL, CT_COLUMN_NAME, 0},
	{"source_file", NULL, CT_COLUMN_NAME, 0},
	{"line_number", NULL, CT_COLUMN_COUNT, 0},
	{"unfinished", NULL, CT_COLUMN_COUNT, 0},
};
enum {
	COLUMN_COUNT = sizeof(narrow_columns) / sizeof(narrow_columns[0]),
	FIRST_WIDE = 6,
	NAME_COLUMN = 11
};

static const char *const name_titles[] = {
	[CT_BY_FUNCTION] = "function", [CT_BY_MODULE] = "module",   [CT_BY_SOURCE] = "source file",
	[CT_BY_THREAD] = "thread",     [CT_BY_PROCESS] = "process", [CT_BY_CALLER] = "caller",
	[CT_BY_CALLEE] = "callee",
};

static void make_columns(struct ct_column *ret, const struct report_options *options,
			 enum ct_profile_by by)
{
	static const char *const wide_titles[] = {"min", "p50", "p95", "max", "stddev"};
	memcpy(ret, narrow_columns, sizeof(narrow_columns));
	ret[NAME_COLUMN].title = name_titles[by];
	for (int i = 0; options->wide && i < 5; i++)
		ret[FIRST_WIDE + i].title = wide_titles[i];
}

static void print_row(const struct ct_table *table, const struct row *row,
		      const struct ct_session *session, const struct ct_profile *profile,
		      enum ct_profile_by by)
{
	const struct ct_statistic *times = &row->profile->times;
	bool none = times->calls == times->unfinished;
	bool is_function = by == CT_BY_FUNCTION || by == CT_BY_CALLER || by == CT_BY_CALLEE;
	const struct ct_function *function = is_function && row->profile->key != CT_NO_CALLER
						     ? &session->functions[row->profile->key]
						     : NULL;
	const struct ct_cell cells[COLUMN_COUNT] = {
		{.number = times->total_ns},
		{.number = times->self_ns},
		{.real = profile->self_ns
				 ? 100.0 * (double)times->self_ns / (double)profile->self_ns
				 : 0},
		{.number = times->calls},
		{.real = ct_profile_mean(row->profile), .is_absent = none},
		{.number = ct_statistic_percentile(times, 99), .is_absent = none},
		{.number = times->min_ns, .is_absent = none},
		{.number = ct_statistic_percentile(times, 50), .is_absent = none},
		{.number = ct_statistic_percentile(times, 95), .is_absent = none},
		{.number = times->max_ns, .is_absent = none},
		{.real = ct_profile_deviation(row->profile), .is_absent = none},
		{.text = row->name},
		{.text = function && function->module[0] ? function->module : NULL},
		{.text = function && function->source[0] ? function->source : NULL},
		{.number = function ? (uint64_t)function->line : 0,
		 .is_absent = !function || !function->line},
		{.number = times->unfinished},
	};
	ct_table_row(table, cells);
}

static void print_rows(const struct report_options *options, const struct ct_session *session,
		       const struct ct_profile *profile, struct row *rows, enum ct_profile_by by)
{
	struct ct_column columns[COLUMN_COUNT];
	const struct ct_table table = {columns, COLUMN_COUNT};
	struct ct_json_writer *writer = ct_page_json();
	size_t count = options->limit && options->limit < profile->row_count
			       ? (size_t)options->limit
			       : profile->row_count;
	make_columns(columns, options, by);
	if (ct_page_is_json()) {
		ct_json_begin(writer, NULL, '{');
		ct_json_put_string(writer, "by", name_titles[by]);
		ct_json_put_u64(writer, "calls", profile->calls);
		ct_json_put_u64(writer, "lost_events", profile->lost_events);
		ct_json_put_u64(writer, "duration_ns", session->duration_ns);
	}
	ct_table_begin(&table, "rows");
	for (size_t i = 0; i < count; i++)
		print_row(&table, &rows[options->reverse ? profile->row_count - 1 - i : i], session,
			  profile, by);
	ct_table_end();
	if (ct_page_is_json()) {
		ct_json_end(writer, '}');
		ct_json_newline(writer->sink, 0);
	}
}

/* ---- the command ---- */

static void profile_cleanup(struct ct_profile **profile)
{
	ct_profile_destroy(*profile);
}

static struct ct_error *report(const struct report_options *options,
			       const struct ct_session *session,
			       const struct ct_selection *selection)
{
	ct_cleanup(profile_cleanup) struct ct_profile *profile = NULL;
	ct_cleanup(ct_cleanup_free) bool *chosen = NULL;
	struct ct_profile_options profile_options = {
		.by = (enum ct_profile_by)options->by,
		.progress = ct_term_progress,
	};
	struct ct_error *err = NULL;
	if (options->callers || options->callees) {
		profile_options.by = options->callers ? CT_BY_CALLER : CT_BY_CALLEE;
		chosen = calloc((size_t)session->function_count + 1, sizeof(*chosen));
		err = !chosen ? ct_error_nomem
			      : ct_selection_match(
					session, options->callers ? "--callers" : "--callees",
					options->callers ? options->callers : options->callees,
					chosen);
		profile_options.chosen = chosen;
	}
	if (!err)
		err = ct_profile_create(session, selection, &profile_options, &profile);
	ct_term_clear();
	if (err)
		return err;
	struct row *rows = calloc(profile->row_count + 1, sizeof(*rows));
	for (size_t i = 0; rows && i < profile->row_count; i++) {
		rows[i].profile = &profile->rows[i];
		rows[i].sorts_by = sort_value(&profile->rows[i], (enum sort_key)options->sort);
		if (!name_row(&rows[i], session, profile_options.by))
			err = ct_error_nomem;
	}
	if (!rows)
		err = ct_error_nomem;
	if (!err && rows) {
		qsort(rows, profile->row_count, sizeof(*rows), compare_rows);
		print_rows(options, session, profile, rows, profile_options.by);
		if (profile->lost_events)
			ct_term_say("%" PRIu64
				    " events are missing: they were lost while recording, "
				    "or a trace is damaged",
				    profile->lost_events);
	}
	rows_destroy(rows, profile->row_count);
	return err;
}

static enum ct_exit run(int argc, char **argv, struct ct_error **err)
{
	struct report_options options = {0};
	struct ct_input_options input_options = {0};
	struct ct_page_options page_options = {0};
	const struct ct_option_target targets[] = {{&own_group, &options},
						   {&ct_input_group, &input_options},
						   {&ct_page_group, &page_options}};
	ct_cleanup(ct_inputs_session_cleanup) struct ct_session *session = NULL;
	ct_cleanup(ct_inputs_selection_cleanup) struct ct_selection *selection = NULL;
	int operands;
	*err = ct_options_read(argc, argv, targets, 3, false, &operands);
	if (!*err && options.callers && options.callees)
		*err = ct_error_create("report: give --callers or --callees, not both");
	if (*err)
		return CT_EXIT_USAGE;
	*err = ct_inputs_open(&input_options, argv + 1, operands, &session, &selection);
	if (*err)
		return CT_EXIT_FAILURE;
	ct_page_begin(&page_options);
	*err = report(&options, session, selection);
	struct ct_error *page_error = NULL;
	enum ct_exit status = ct_page_end(&page_error);
	if (*err) {
		ct_error_destroy(page_error);
		return CT_EXIT_FAILURE;
	}
	*err = page_error;
	return status;
}

const struct ct_command ct_command_report = {
	.name = "report",
	.run = run,
	.summary = "functions by calls and times: total, self, mean, percentiles",
	.synopsis = "[TRACE]... [OPTION]...",
	.description =
		"Counts and times the calls of each function. TRACE is a raw trace (.ctrace), a "
		"packed one (.ctpack) or a folder with raw ones; without one, " CT_DEFAULT_FOLDER
		" is read. A function's total "
		"counts recursive calls once; self is its total without the calls it made.",
	.groups = groups,
	.group_count = sizeof(groups) / sizeof(groups[0]),
};
