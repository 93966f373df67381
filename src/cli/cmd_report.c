/* SPDX-License-Identifier: MIT */
/* calltrace report: functions, and what they belong to, by calls and times. */
#include "cli/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/profile.h"
#include "base/cleanup.h"
#include "cli/shown.h"
#include "cli/table.h"
#include "cli/term.h"
#include "cli/view.h"
#include "exporter/exporter.h"

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
	 .low = 1,
	 .high = UINT64_MAX,
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

static uint32_t pid_of(const struct ct_session *session, size_t input)
{
	return ct_trace_info(session->inputs[input].trace)->pid;
}

static size_t input_of(const struct ct_session *session, size_t row, enum ct_profile_by by)
{
	return by == CT_BY_THREAD ? session->streams[row].input : row;
}

/* Of several runs, processes and threads may have the same ids. */
static bool is_ambiguous(const struct ct_session *session, size_t row, enum ct_profile_by by)
{
	bool is_thread = by == CT_BY_THREAD;
	size_t count = is_thread ? session->stream_count : session->input_count;
	for (size_t i = 0; i < count; i++)
		if (input_of(session, i, by) != input_of(session, row, by) &&
		    (is_thread ? session->streams[i].row.tid == session->streams[row].row.tid
			       : pid_of(session, i) == pid_of(session, row)))
			return true;
	return false;
}

/* "name (id)", and the trace where others have the same id; in JSON the name alone. */
static char *name_of_thread_or_process(const struct ct_session *session, size_t row,
				       enum ct_profile_by by)
{
	size_t input = input_of(session, row, by);
	const struct ct_bytes bytes = by == CT_BY_THREAD ? ct_export_thread_name(session, row)
							 : ct_export_program_name(session, input);
	uint32_t id = by == CT_BY_THREAD ? session->streams[row].row.tid : pid_of(session, input);
	bool has_trace = is_ambiguous(session, row, by);
	char *name = NULL;
	if (ct_page_is_json())
		return strndup(bytes.bytes ? bytes.bytes : "", bytes.length);
	if (asprintf(&name, "%.*s (%" PRIu32 ")%s%s", (int)bytes.length,
		     bytes.bytes ? bytes.bytes : "", id, has_trace ? " of " : "",
		     has_trace ? session->inputs[input].path : "") < 0)
		return NULL;
	return name;
}

static bool name_row(struct row *row, const struct ct_session *session, enum ct_profile_by by)
{
	uint32_t key = row->profile->key;
	if (by == CT_BY_THREAD || by == CT_BY_PROCESS) {
		row->own_name = name_of_thread_or_process(session, key, by);
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

static const struct ct_column times_columns[] = {
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
	{"unfinished_calls", NULL, CT_COLUMN_COUNT, 0},
};
enum {
	TIMES_COUNT = sizeof(times_columns) / sizeof(times_columns[0]),
	PERCENT_COLUMN = 2,
	CALLS_COLUMN = 3,
	FIRST_WIDE = 6,
	NAME_COLUMN = TIMES_COUNT,
	MORE_COUNT = 3, /* what else there is to say of a function, or of a thread */
	COLUMN_COUNT = NAME_COLUMN + 1 + MORE_COUNT,
};
static const struct ct_column function_columns[MORE_COUNT] = {
	{"module", NULL, CT_COLUMN_NAME, 0},
	{"source_file", NULL, CT_COLUMN_NAME, 0},
	{"line_number", NULL, CT_COLUMN_COUNT, 0},
};
static const struct ct_column process_columns[MORE_COUNT] = {
	{"process_id", NULL, CT_COLUMN_COUNT, 0},
	{"trace", NULL, CT_COLUMN_NAME, 0},
	{"thread_id", NULL, CT_COLUMN_COUNT, 0},
};

static const struct {
	const char *by, *key, *title;
} names[] = {
	[CT_BY_FUNCTION] = {"function", "function", "function"},
	[CT_BY_MODULE] = {"module", "module", "module"},
	[CT_BY_SOURCE] = {"file", "source_file", "source file"},
	[CT_BY_THREAD] = {"thread", "thread_name", "thread"},
	[CT_BY_PROCESS] = {"process", "process_name", "process"},
	[CT_BY_CALLER] = {"caller", "function", "caller"},
	[CT_BY_CALLEE] = {"callee", "function", "callee"},
};

static bool is_of_functions(enum ct_profile_by by)
{
	return by == CT_BY_FUNCTION || by == CT_BY_CALLER || by == CT_BY_CALLEE;
}

/* How many there are. */
static size_t make_columns(struct ct_column ret[COLUMN_COUNT], const struct report_options *options,
			   enum ct_profile_by by, bool is_timeless)
{
	static const char *const wide_titles[] = {"min", "p50", "p95", "max", "stddev"};
	memcpy(ret, times_columns, sizeof(times_columns));
	ret[NAME_COLUMN] = (struct ct_column){names[by].key, names[by].title, CT_COLUMN_NAME, 0};
	memcpy(ret + NAME_COLUMN + 1, is_of_functions(by) ? function_columns : process_columns,
	       sizeof(function_columns));
	for (int i = 0; options->wide && i < 5; i++)
		ret[FIRST_WIDE + i].title = wide_titles[i];
	for (int i = 0; is_timeless && i < TIMES_COUNT; i++)
		if (i != CALLS_COLUMN && i != PERCENT_COLUMN)
			ret[i].title = NULL;
	if (is_timeless)
		ret[PERCENT_COLUMN].title = "calls %";
	return by == CT_BY_THREAD    ? COLUMN_COUNT
	       : by == CT_BY_PROCESS ? COLUMN_COUNT - 1
	       : is_of_functions(by) ? COLUMN_COUNT
				     : NAME_COLUMN + 1;
}

static void make_times(struct ct_cell ret[TIMES_COUNT], const struct ct_profile_row *row,
		       const struct ct_profile *profile, bool is_timeless)
{
	const struct ct_statistic *times = &row->times;
	bool none = is_timeless || times->calls == times->unfinished;
	double part = is_timeless ? (double)times->calls : (double)times->self_ns;
	double whole = is_timeless ? (double)profile->calls : (double)profile->self_ns;
	const struct ct_cell cells[TIMES_COUNT] = {
		{.number = times->total_ns, .is_absent = is_timeless},
		{.number = times->self_ns, .is_absent = is_timeless},
		{.real = whole > 0 ? 100.0 * part / whole : 0,
		 .is_absent = is_timeless && ct_page_is_json()},
		{.number = times->calls},
		{.real = ct_profile_mean(row), .is_absent = none},
		{.number = ct_statistic_percentile(times, 99), .is_absent = none},
		{.number = times->min_ns, .is_absent = none},
		{.number = ct_statistic_percentile(times, 50), .is_absent = none},
		{.number = ct_statistic_percentile(times, 95), .is_absent = none},
		{.number = times->max_ns, .is_absent = none},
		{.real = ct_profile_deviation(row), .is_absent = none},
		{.number = times->unfinished},
	};
	memcpy(ret, cells, sizeof(cells));
}

static void make_more(struct ct_cell ret[MORE_COUNT], uint32_t key,
		      const struct ct_session *session, enum ct_profile_by by)
{
	if (by == CT_BY_THREAD || by == CT_BY_PROCESS) {
		size_t input = input_of(session, key, by);
		ret[0].number = pid_of(session, input);
		ret[1].text = session->inputs[input].path;
		if (by == CT_BY_THREAD)
			ret[2].number = session->streams[key].row.tid;
		return;
	}
	const struct ct_function *function = key == CT_NO_CALLER ? NULL : &session->functions[key];
	ret[0].text = function && function->module[0] ? function->module : NULL;
	ret[1].text = function && function->source[0] ? function->source : NULL;
	ret[2].number = function ? (uint64_t)function->line : 0;
	ret[2].is_absent = ret[2].number == 0;
}

static void print_row(const struct ct_table *table, const struct row *row, const char *shown,
		      const struct ct_session *session, const struct ct_profile *profile,
		      enum ct_profile_by by)
{
	struct ct_cell cells[COLUMN_COUNT] = {0};
	bool is_nothing = row->profile->key == CT_NO_CALLER && is_of_functions(by);
	make_times(cells, row->profile, profile, ct_session_is_timeless(session));
	cells[NAME_COLUMN].shown = shown;
	cells[NAME_COLUMN].text = is_nothing && ct_page_is_json() ? NULL : row->name;
	make_more(cells + NAME_COLUMN + 1, row->profile->key, session, by);
	ct_table_row(table, cells);
}

static const char *row_name(const void *rows, size_t index)
{
	return ((const struct row *)rows)[index].name;
}

/* Functions by their numbers in the session, as in other commands; else by row. */
static struct ct_error *create_shown(const struct ct_session *session,
				     const struct ct_profile *profile, const struct row *rows,
				     enum ct_profile_by by, unsigned int columns,
				     struct ct_shown **ret)
{
	const struct ct_shown_options options = {
		.name = row_name,
		.context = rows,
		.count = profile->row_count,
		.are_whole = !ct_page_cuts_names(),
		.least_columns = columns,
	};
	return is_of_functions(by) ? ct_shown_functions(session, columns, ret)
				   : ct_shown_create(&options, ret);
}

static struct ct_error *print_rows(const struct report_options *options,
				   const struct ct_session *session,
				   const struct ct_profile *profile, struct row *rows,
				   enum ct_profile_by by)
{
	struct ct_column columns[COLUMN_COUNT];
	const struct ct_table table = {
		columns, make_columns(columns, options, by, ct_session_is_timeless(session))};
	ct_cleanup(ct_shown_cleanup) struct ct_shown *shown = NULL;
	struct ct_json_writer *writer = ct_page_json();
	size_t count = options->limit && options->limit < profile->row_count
			       ? (size_t)options->limit
			       : profile->row_count;
	unsigned int rest = ct_table_rest(&table);
	struct ct_error *err = create_shown(session, profile, rows, by, rest, &shown);
	if (err)
		return err;
	if (ct_page_is_json()) {
		ct_json_begin(writer, NULL, '{');
		ct_json_put_string(writer, "by", names[by].by);
		ct_json_put_u64(writer, "calls", profile->calls);
		ct_json_put_u64(writer, "lost_events", profile->lost_events);
		ct_json_put_u64(writer, "duration_ns", session->duration_ns);
	}
	ct_table_begin(&table, "rows");
	for (size_t i = 0; i < count; i++) {
		size_t index = options->reverse ? profile->row_count - 1 - i : i;
		size_t name = is_of_functions(by) ? rows[index].profile->key : index;
		print_row(&table, &rows[index],
			  name == CT_NO_CALLER ? NULL : ct_shown_name(shown, name, rest), session,
			  profile, by);
	}
	ct_table_end();
	if (ct_page_is_json()) {
		ct_json_end(writer, '}');
		ct_json_newline(writer->sink, 0);
	}
	return NULL;
}

/* ---- the command ---- */

static void profile_cleanup(struct ct_profile **profile)
{
	ct_profile_destroy(*profile);
}

/* Where no clock ran, calls are all there is to sort by. */
static enum sort_key sort_key(const struct report_options *options,
			      const struct ct_session *session)
{
	return ct_session_is_timeless(session) && options->sort != SORT_NAME
		       ? SORT_CALLS
		       : (enum sort_key)options->sort;
}

static struct ct_error *report(void *state, const struct ct_view *view)
{
	const struct report_options *options = state;
	const struct ct_session *session = view->session;
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
		err = ct_profile_create(session, view->selection, &profile_options, &profile);
	ct_term_clear();
	if (err)
		return err;
	struct row *rows = calloc(profile->row_count + 1, sizeof(*rows));
	for (size_t i = 0; rows && i < profile->row_count; i++) {
		rows[i].profile = &profile->rows[i];
		rows[i].sorts_by = sort_value(&profile->rows[i], sort_key(options, session));
		if (!name_row(&rows[i], session, profile_options.by))
			err = ct_error_nomem;
	}
	if (!rows)
		err = ct_error_nomem;
	if (!err && rows) {
		qsort(rows, profile->row_count, sizeof(*rows), compare_rows);
		err = print_rows(options, session, profile, rows, profile_options.by);
		if (!err)
			ct_view_tell_lost(profile->lost_events);
	}
	rows_destroy(rows, profile->row_count);
	return err;
}

static enum ct_exit run(int argc, char **argv, struct ct_error **err)
{
	struct report_options options = {0};
	struct ct_view view = {0};
	int operands;
	*err = ct_view_read(&view, argc, argv, &own_group, &options, &operands);
	if (!*err && options.callers && options.callees)
		*err = ct_error_create("report: give --callers or --callees, not both");
	if (*err)
		return CT_EXIT_USAGE;
	return ct_view_show(&view, argv + 1, operands, report, &options, err);
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
