/* SPDX-License-Identifier: MIT */
/* calltrace diff: what became slower, faster, more or less frequent between runs. */
#include "cli/command.h"

#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analysis/comparison.h"
#include "analysis/rank_test.h"
#include "base/cleanup.h"
#include "base/duration.h"
#include "cli/shown.h"
#include "cli/table.h"
#include "cli/term.h"
#include "cli/view.h"

enum sort_key { SORT_CHANGE, SORT_PERCENT, SORT_OLD, SORT_NEW, SORT_CALLS, SORT_NAME };

struct diff_options {
	unsigned int by;   /* enum ct_compared_time */
	unsigned int test; /* enum ct_test_over */
	unsigned int sort;
	unsigned int correction;
	double threshold, min_share; /* per cent */
	double alpha;
	uint64_t limit;
	bool all, wide, exit_code;
};

#define OFFSET(member) offsetof(struct diff_options, member)
static const struct ct_option options_table[] = {
	{.kind = CT_OPTION_CHOICE,
	 .letter = 'b',
	 .name = "by",
	 .value = "TIME",
	 .choices = "self|total",
	 .help = "which time of a call: without the calls it made (self, the default), or with them",
	 .offset = OFFSET(by)},
	{.kind = CT_OPTION_CHOICE,
	 .letter = 's',
	 .name = "sort",
	 .value = "COLUMN",
	 .choices = "change|percent|old|new|calls|name",
	 .help = "the largest first; default: change, of the time in all calls",
	 .offset = OFFSET(sort)},
	{.kind = CT_OPTION_NUMBER,
	 .letter = 'n',
	 .name = "limit",
	 .value = "N",
	 .low = 1,
	 .high = UINT64_MAX,
	 .help = "the first N rows",
	 .offset = OFFSET(limit)},
	{.kind = CT_OPTION_FLAG,
	 .letter = 'a',
	 .name = "all",
	 .help = "functions that did not change, too",
	 .offset = OFFSET(all)},
	{.kind = CT_OPTION_FLAG,
	 .letter = 'w',
	 .name = "wide",
	 .help = "all columns: calls, mean, p50, p99 and the tests' p, too",
	 .offset = OFFSET(wide)},
	{.kind = CT_OPTION_PERCENT,
	 .letter = 't',
	 .name = "threshold",
	 .value = "N",
	 .high = 1000000,
	 .help = "changes of less than N % are none; default: 5",
	 .offset = OFFSET(threshold)},
	{.kind = CT_OPTION_PERCENT,
	 .name = "min-share",
	 .value = "N",
	 .high = 100,
	 .help = "functions with less than N % of the time on both sides are not tested for being "
		 "slower or faster; default: 0.5",
	 .offset = OFFSET(min_share)},
	{.kind = CT_OPTION_REAL,
	 .name = "alpha",
	 .value = "P",
	 .high = 1,
	 .help = "a change is one when chance makes one so large with a probability below P; "
		 "default: 0.05",
	 .offset = OFFSET(alpha)},
	{.kind = CT_OPTION_CHOICE,
	 .name = "test",
	 .value = "OVER",
	 .choices = "auto|runs|calls",
	 .help = "runs: the Mann-Whitney test compares the runs of both sides; calls: all their "
		 "calls, as if each were by itself; auto: runs when they are enough",
	 .offset = OFFSET(test)},
	{.kind = CT_OPTION_CHOICE,
	 .name = "correction",
	 .value = "HOW",
	 .choices = "bh|none",
	 .help = "of p for the number of functions: Benjamini-Hochberg (the default), or none",
	 .offset = OFFSET(correction)},
	{.kind = CT_OPTION_FLAG,
	 .name = "exit-code",
	 .help = "exit with 1 when there is a change",
	 .offset = OFFSET(exit_code)},
};
static const struct ct_option_group own_group = {
	.options = options_table,
	.count = sizeof(options_table) / sizeof(options_table[0]),
};
static const struct ct_option_group *const groups[] = {&own_group, &ct_input_group, &ct_page_group};

/* ---- operands ---- */

struct paths {
	char **texts;
	size_t count;
	size_t old_count;
};

static void paths_deinit(struct paths *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		free(paths->texts[i]);
	free(paths->texts);
}

static struct ct_error *add_path(struct paths *paths, const char *path)
{
	char **texts = reallocarray(paths->texts, paths->count + 2, sizeof(*texts));
	if (!texts)
		return ct_error_nomem;
	paths->texts = texts;
	texts[paths->count] = strdup(path);
	texts[paths->count + 1] = NULL;
	return texts[paths->count] && ++paths->count ? NULL : ct_error_nomem;
}

static bool ends_as_a_trace(const char *name)
{
	static const char ending[] = ".ctrace";
	size_t length = strlen(name), end = sizeof(ending) - 1;
	return length > end && strcmp(name + length - end, ending) == 0;
}

static bool holds_traces(const char *path)
{
	DIR *folder = opendir(path);
	bool found = false;
	for (const struct dirent *entry; folder && !found && (entry = readdir(folder));)
		found = ends_as_a_trace(entry->d_name);
	if (folder)
		closedir(folder);
	return found;
}

/* A folder without traces may have folders with some: a run in each. */
static struct ct_error *add_operand(struct paths *paths, const char *path)
{
	struct stat status;
	struct dirent **entries = NULL;
	struct ct_error *err = NULL;
	size_t before = paths->count;
	if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode) || holds_traces(path))
		return add_path(paths, path);
	int count = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		char *inner = NULL;
		if (!err && entries[i]->d_name[0] != '.' &&
		    asprintf(&inner, "%s/%s", path, entries[i]->d_name) < 0)
			err = ct_error_nomem;
		else if (!err && inner && holds_traces(inner))
			err = add_path(paths, inner);
		free(inner);
		free(entries[i]);
	}
	free(entries);
	return err || paths->count > before ? err : add_path(paths, path);
}

/* OLD NEW, or OLD... vs NEW... */
static struct ct_error *read_operands(char **operands, int count, struct paths *ret)
{
	struct ct_error *err = NULL;
	int between = -1;
	for (int i = 0; i < count; i++) {
		if (strcmp(operands[i], "vs") == 0) {
			if (between >= 0)
				return ct_error_create("diff: 'vs' stands once, between the old "
						       "traces and the new ones");
			between = i;
		}
	}
	if (between < 0 ? count != 2 : between == 0 || between == count - 1)
		return ct_error_create("diff: name an old trace and a new one, or several of each "
				       "with 'vs' between them; see 'calltrace help diff'");
	for (int i = 0; i < count && !err; i++) {
		if (i == (between < 0 ? 1 : between))
			ret->old_count = ret->count;
		if (i != between)
			err = add_operand(ret, operands[i]);
	}
	return err;
}

/* A trace that cannot be read was told and left out; a side without any is none. */
static struct ct_error *check_sides(const struct ct_session *session, const struct paths *paths)
{
	bool has[CT_SIDES] = {false};
	for (size_t i = 0; i < session->input_count; i++)
		has[session->inputs[i].operand < paths->old_count ? CT_OLD : CT_NEW] = true;
	for (int side = 0; side < CT_SIDES; side++)
		if (!has[side])
			return ct_error_create("diff: no trace of the %s side can be read",
					       side == CT_OLD ? "old" : "new");
	return NULL;
}

/* ---- rows ---- */

struct printing {
	const struct diff_options *options;
	const struct ct_session *session;
	const struct ct_comparison *comparison;
	struct ct_shown *shown;
	unsigned int name_columns;
};

static bool is_changed(const struct ct_compared *row)
{
	return ct_compared_is_lone(row) || row->time || row->frequency;
}

static const char *time_word(const struct ct_compared *row)
{
	static const char *const words[] = {
		[CT_SAME] = "same", [CT_LESS] = "faster", [CT_MORE] = "slower"};
	return words[row->time];
}

static const char *frequency_word(const struct ct_compared *row)
{
	static const char *const words[] = {
		[CT_SAME] = "same", [CT_LESS] = "fewer", [CT_MORE] = "more"};
	return !row->sums[CT_OLD].calls	  ? "new"
	       : !row->sums[CT_NEW].calls ? "gone"
					  : words[row->frequency];
}

static const char *what_word(const struct ct_compared *row, char *buffer, size_t size)
{
	if (ct_compared_is_lone(row) || !row->time)
		return frequency_word(row);
	if (!row->frequency)
		return time_word(row);
	snprintf(buffer, size, "%s, %s", time_word(row), frequency_word(row));
	return buffer;
}

static enum ct_style style_of(const struct ct_compared *row)
{
	if (ct_compared_is_lone(row))
		return CT_STYLE_HEAD;
	if (row->time)
		return row->time == CT_MORE ? CT_STYLE_BAD : CT_STYLE_GOOD;
	return row->frequency ? CT_STYLE_HEAD : CT_STYLE_DIM;
}

static uint32_t function_index(const struct ct_compared *row)
{
	return row->functions[CT_NEW] != CT_NO_FUNCTION ? row->functions[CT_NEW]
							: row->functions[CT_OLD];
}

static const struct ct_function *function_of(const struct printing *printing,
					     const struct ct_compared *row)
{
	return &printing->session->functions[function_index(row)];
}

/* NAN: of nothing. */
static double percent(double was, double is)
{
	return was > 0 ? 100 * (is - was) / was : NAN;
}

static const struct ct_column all_columns[] = {
	{"self_old_ns", "self old", CT_COLUMN_NS, 9},
	{"self_new_ns", "self new", CT_COLUMN_NS, 10},
	{"change_ns", "change", CT_COLUMN_NS_CHANGE, 11},
	{"per_call_percent", "per call", CT_COLUMN_CHANGE, 10},
	{"calls_percent", "calls", CT_COLUMN_CHANGE, 9},
	{"calls_old", NULL, CT_COLUMN_REAL, 11},
	{"calls_new", NULL, CT_COLUMN_REAL, 11},
	{"mean_old_ns", NULL, CT_COLUMN_NS, 10},
	{"mean_new_ns", NULL, CT_COLUMN_NS, 10},
	{"p50_old_ns", NULL, CT_COLUMN_NS, 9},
	{"p50_new_ns", NULL, CT_COLUMN_NS, 9},
	{"p99_old_ns", NULL, CT_COLUMN_NS, 9},
	{"p99_new_ns", NULL, CT_COLUMN_NS, 9},
	{"time_p", NULL, CT_COLUMN_REAL, 11},
	{"calls_p", NULL, CT_COLUMN_REAL, 11},
	{"what", "what", CT_COLUMN_NAME, 13},
	{"function", "function", CT_COLUMN_NAME, 0},
	{"time_verdict", NULL, CT_COLUMN_NAME, 0},
	{"calls_verdict", NULL, CT_COLUMN_NAME, 0},
	{"total_old_ns", NULL, CT_COLUMN_NS, 0},
	{"total_new_ns", NULL, CT_COLUMN_NS, 0},
	{"module", NULL, CT_COLUMN_NAME, 0},
	{"source_file", NULL, CT_COLUMN_NAME, 0},
	{"line_number", NULL, CT_COLUMN_COUNT, 0},
};
enum { COLUMN_COUNT = sizeof(all_columns) / sizeof(all_columns[0]), FIRST_WIDE = 5 };

static void make_columns(struct ct_column *ret, const struct diff_options *options)
{
	static const char *const wide_titles[] = {"calls old", "calls new", "mean old", "mean new",
						  "p50 old",   "p50 new",   "p99 old",	"p99 new",
						  "p",	       "p of calls"};
	memcpy(ret, all_columns, sizeof(all_columns));
	if (options->by == CT_COMPARE_TOTAL && !ct_page_is_json()) {
		ret[0].title = "total old";
		ret[1].title = "total new";
	}
	for (size_t i = 0; options->wide && i < sizeof(wide_titles) / sizeof(wide_titles[0]); i++)
		ret[FIRST_WIDE + i].title = wide_titles[i];
}

static double mean_of(const struct ct_compared *row, enum ct_side side)
{
	const struct ct_run_sums *sums = &row->sums[side];
	return sums->returned ? (double)sums->sum_ns / (double)sums->returned : NAN;
}

static struct ct_cell real_cell(double value)
{
	return (struct ct_cell){.real = value, .is_absent = isnan(value)};
}

static struct ct_cell percentile_cell(const struct printing *printing,
				      const struct ct_compared *row, enum ct_side side,
				      unsigned int percent_of_calls)
{
	return (struct ct_cell){
		.number = ct_statistic_percentile(&row->durations[side], percent_of_calls),
		.is_absent = !printing->comparison->has_times || !row->sums[side].returned,
	};
}

static void print_row(const struct printing *printing, const struct ct_table *table,
		      const struct ct_compared *row)
{
	char what[32];
	const struct ct_function *function = function_of(printing, row);
	enum ct_compared_time by = ct_page_is_json() ? CT_COMPARE_SELF
						     : (enum ct_compared_time)printing->options->by;
	double was = ct_compared_ns(row, by, CT_OLD), is = ct_compared_ns(row, by, CT_NEW);
	bool timeless = !printing->comparison->has_times;
	const struct ct_cell cells[COLUMN_COUNT] = {
		{.real = was, .is_absent = timeless || !row->sums[CT_OLD].calls},
		{.real = is, .is_absent = timeless || !row->sums[CT_NEW].calls},
		{.real = is - was, .is_absent = timeless},
		real_cell(percent(row->call_ns[CT_OLD], row->call_ns[CT_NEW])),
		real_cell(!ct_compared_is_lone(row)
				  ? percent(row->calls[CT_OLD], row->calls[CT_NEW])
				  : NAN),
		{.real = row->calls[CT_OLD]},
		{.real = row->calls[CT_NEW]},
		real_cell(timeless ? NAN : mean_of(row, CT_OLD)),
		real_cell(timeless ? NAN : mean_of(row, CT_NEW)),
		percentile_cell(printing, row, CT_OLD, 50),
		percentile_cell(printing, row, CT_NEW, 50),
		percentile_cell(printing, row, CT_OLD, 99),
		percentile_cell(printing, row, CT_NEW, 99),
		real_cell(row->time_p),
		real_cell(row->calls_p),
		{.text = what_word(row, what, sizeof(what)), .style = style_of(row)},
		{.text = function->name,
		 .shown = ct_shown_name(printing->shown, function_index(row),
					printing->name_columns)},
		{.text = timeless ? NULL : time_word(row)},
		{.text = frequency_word(row)},
		{.real = row->total_ns[CT_OLD], .is_absent = timeless || !row->sums[CT_OLD].calls},
		{.real = row->total_ns[CT_NEW], .is_absent = timeless || !row->sums[CT_NEW].calls},
		{.text = function->module[0] ? function->module : NULL},
		{.text = function->source[0] ? function->source : NULL},
		{.number = (uint64_t)function->line, .is_absent = !function->line},
	};
	ct_table_row(table, cells);
}

/* ---- the order ---- */

struct sorted {
	const struct ct_compared *row;
	const char *name;
	double by;
};

static double sort_value(const struct printing *printing, const struct ct_compared *row)
{
	enum ct_compared_time by = (enum ct_compared_time)printing->options->by;
	double change;
	enum sort_key key = (enum sort_key)printing->options->sort;
	if (key != SORT_NAME && !printing->comparison->has_times)
		key = SORT_CALLS;
	switch (key) {
	case SORT_CHANGE:
		return fabs(ct_compared_ns(row, by, CT_NEW) - ct_compared_ns(row, by, CT_OLD));
	case SORT_PERCENT:
		change = fabs(percent(row->call_ns[CT_OLD], row->call_ns[CT_NEW]));
		return isnan(change) ? INFINITY : change;
	case SORT_OLD:
		return ct_compared_ns(row, by, CT_OLD);
	case SORT_NEW:
		return ct_compared_ns(row, by, CT_NEW);
	case SORT_CALLS:
		return fabs(row->calls[CT_NEW] - row->calls[CT_OLD]);
	case SORT_NAME:
		break;
	}
	return 0;
}

static int compare_sorted(const void *a, const void *b)
{
	const struct sorted *left = a, *right = b;
	if (left->by != right->by)
		return left->by > right->by ? -1 : 1;
	return strcmp(left->name, right->name);
}

/* ---- printing ---- */

static const char *over_word(const struct ct_comparison *comparison)
{
	return comparison->over == CT_TEST_RUNS ? "runs" : "calls";
}

/* How many runs a lone change among `count` functions needs on either side. */
static uint32_t runs_needed(const struct diff_options *options, size_t count)
{
	uint32_t runs = 2;
	double tests = options->correction == 0 && count > 1 ? (double)count : 1;
	while (runs < 1000 && ct_rank_test_least(runs, runs) * tests >= options->alpha)
		runs++;
	return runs;
}

static void print_side(const struct printing *printing, enum ct_side side)
{
	const struct ct_comparison *comparison = printing->comparison;
	char ns[CT_DURATION_BYTES];
	ct_duration_print(ns, comparison->sums[side].self_ns);
	printf("%s%s  %" PRIu32 " run%s, %" PRIu64 " call%s%s%s%s\n", ct_page_style(CT_STYLE_DIM),
	       side == CT_OLD ? "old" : "new", comparison->runs[side],
	       comparison->runs[side] == 1 ? "" : "s", comparison->sums[side].calls,
	       comparison->sums[side].calls == 1 ? "" : "s", comparison->has_times ? " in " : "",
	       comparison->has_times ? ns : "", ct_page_style(CT_STYLE_PLAIN));
}

static void tell_time_test(const struct printing *printing, FILE *to)
{
	const struct ct_comparison *comparison = printing->comparison;
	const struct diff_options *options = printing->options;
	fprintf(to,
		"Slower, faster: %s time of a call by at least %g %%, and p < %g in a "
		"Mann-Whitney U test over %s (two-sided, %s",
		options->by == CT_COMPARE_SELF ? "self" : "total", options->threshold,
		options->alpha, over_word(comparison),
		comparison->is_exact ? "exact" : "normal approximation");
	if (options->correction == 0)
		fprintf(to, "; Benjamini-Hochberg for %zu function%s", comparison->test_count,
			comparison->test_count == 1 ? "" : "s");
	fputs("). ", to);
}

static void print_test(const struct printing *printing, size_t unchanged)
{
	const struct ct_comparison *comparison = printing->comparison;
	const struct diff_options *options = printing->options;
	ct_cleanup(ct_cleanup_free) char *text = NULL;
	size_t length = 0;
	FILE *to = open_memstream(&text, &length);
	uint32_t needed = runs_needed(options, comparison->test_count);
	if (!to)
		return;
	if (unchanged)
		fprintf(to, "%zu function%s did not change (--all). ", unchanged,
			unchanged == 1 ? "" : "s");
	if (comparison->has_times)
		tell_time_test(printing, to);
	else
		fputs("Times are not compared: a trace was recorded without a clock. ", to);
	if (comparison->over == CT_TEST_CALLS && !comparison->has_times)
		fprintf(to, "More, fewer: calls by at least %g %%, without a test.",
			options->threshold);
	else if (comparison->over == CT_TEST_CALLS)
		fprintf(to,
			"It takes calls as independent, and knows nothing of how runs differ by "
			"chance: for that, compare %" PRIu32 " runs or more of each. More, fewer: "
			"calls by at least %g %%, without a test.",
			needed, options->threshold);
	else if (comparison->runs[CT_OLD] < needed || comparison->runs[CT_NEW] < needed)
		fprintf(to, "A change of one function alone shows from %" PRIu32 " runs of each.",
			needed);
	fclose(to);
	fputs(ct_page_style(CT_STYLE_DIM), stdout);
	ct_options_wrap(stdout, text, 0, 0, ct_page_columns() - 1);
	fputs(ct_page_style(CT_STYLE_PLAIN), stdout);
}

static void put_side(const struct printing *printing, enum ct_side side)
{
	struct ct_json_writer *writer = ct_page_json();
	const struct ct_comparison *comparison = printing->comparison;
	ct_json_begin(writer, side == CT_OLD ? "old" : "new", '{');
	ct_json_put_u64(writer, "runs", comparison->runs[side]);
	ct_json_put_u64(writer, "calls", comparison->sums[side].calls);
	if (comparison->has_times)
		ct_json_put_u64(writer, "self_ns", comparison->sums[side].self_ns);
	else
		ct_json_put_null(writer, "self_ns");
	ct_json_end(writer, '}');
}

static void put_head(const struct printing *printing)
{
	struct ct_json_writer *writer = ct_page_json();
	const struct ct_comparison *comparison = printing->comparison;
	const struct diff_options *options = printing->options;
	ct_json_begin(writer, NULL, '{');
	put_side(printing, CT_OLD);
	put_side(printing, CT_NEW);
	ct_json_begin(writer, "test", '{');
	ct_json_put_string(writer, "name", "Mann-Whitney U");
	ct_json_put_string(writer, "over", over_word(comparison));
	ct_json_put_string(writer, "of",
			   options->by == CT_COMPARE_SELF ? "self time" : "total time");
	ct_json_put_bool(writer, "exact", comparison->is_exact);
	if (options->correction == 0)
		ct_json_put_string(writer, "correction", "Benjamini-Hochberg");
	else
		ct_json_put_null(writer, "correction");
	ct_json_put_u64(writer, "functions", comparison->test_count);
	ct_json_put_exact(writer, "alpha", options->alpha);
	ct_json_put_exact(writer, "threshold_percent", options->threshold);
	if (comparison->over == CT_TEST_RUNS)
		ct_json_put_exact(writer, "least_p", comparison->least_p);
	ct_json_put_u64(writer, "runs_for_a_lone_change",
			runs_needed(options, comparison->test_count));
	ct_json_end(writer, '}');
	ct_json_put_u64(writer, "lost_events", comparison->lost_events);
}

static struct ct_error *print_rows(struct printing *printing, bool *changed)
{
	const struct ct_comparison *comparison = printing->comparison;
	const struct diff_options *options = printing->options;
	struct ct_column columns[COLUMN_COUNT];
	const struct ct_table table = {columns, COLUMN_COUNT};
	size_t count = 0;
	ct_cleanup(ct_cleanup_free) struct sorted *rows = calloc(comparison->row_count + 1,
								 sizeof(*rows));
	if (!rows)
		return ct_error_nomem;
	for (size_t i = 0; i < comparison->row_count; i++) {
		const struct ct_compared *row = &comparison->rows[i];
		*changed |= is_changed(row);
		if (is_changed(row) || options->all)
			rows[count++] = (struct sorted){row, function_of(printing, row)->name,
							sort_value(printing, row)};
	}
	size_t unchanged = comparison->row_count - count;
	qsort(rows, count, sizeof(*rows), compare_sorted);
	make_columns(columns, options);
	printing->name_columns = ct_table_rest(&table);
	struct ct_error *err = ct_shown_functions(printing->session, printing->name_columns,
						  &printing->shown);
	if (err)
		return err;
	if (ct_page_is_json()) {
		put_head(printing);
	} else {
		print_side(printing, CT_OLD);
		print_side(printing, CT_NEW);
	}
	if (options->limit && options->limit < count)
		count = (size_t)options->limit;
	if (count || ct_page_is_json()) {
		ct_table_begin(&table, "rows");
		for (size_t i = 0; i < count; i++)
			print_row(printing, &table, rows[i].row);
		ct_table_end();
	}
	if (ct_page_is_json()) {
		ct_json_end(ct_page_json(), '}');
		ct_json_newline(ct_page_json()->sink, 0);
	} else {
		print_test(printing, unchanged);
	}
	return NULL;
}

/* ---- the command ---- */

static void comparison_cleanup(struct ct_comparison **comparison)
{
	ct_comparison_destroy(*comparison);
}

struct diffing {
	struct diff_options options;
	struct paths paths;
	bool changed;
};

static struct ct_error *diff(void *state, const struct ct_view *view)
{
	struct diffing *diffing = state;
	const struct diff_options *options = &diffing->options;
	ct_cleanup(comparison_cleanup) struct ct_comparison *comparison = NULL;
	const struct ct_comparison_options comparison_options = {
		.measure = (enum ct_compared_time)options->by,
		.over = (enum ct_test_over)options->test,
		.is_uncorrected = options->correction != 0,
		.least_change = options->threshold / 100,
		.least_share = options->min_share / 100,
		.alpha = options->alpha,
		.progress = ct_term_progress,
	};
	struct ct_error *err = check_sides(view->session, &diffing->paths);
	if (!err)
		err = ct_comparison_create(view->session, diffing->paths.old_count, view->selection,
					   &comparison_options, &comparison);
	ct_term_clear();
	if (err)
		return err;
	struct printing printing = {options, view->session, comparison, NULL, 0};
	err = print_rows(&printing, &diffing->changed);
	ct_shown_destroy(printing.shown);
	if (!err)
		ct_view_tell_lost(comparison->lost_events);
	return err;
}

static void diffing_deinit(struct diffing *diffing)
{
	paths_deinit(&diffing->paths);
}

static enum ct_exit run(int argc, char **argv, struct ct_error **err)
{
	ct_cleanup(diffing_deinit) struct diffing diffing = {
		.options = {.threshold = 5, .min_share = 0.5, .alpha = 0.05},
	};
	struct ct_view view = {.inputs.has_sides = true};
	int operands;
	*err = ct_view_read(&view, argc, argv, &own_group, &diffing.options, &operands);
	if (!*err)
		*err = read_operands(argv + 1, operands, &diffing.paths);
	if (*err)
		return CT_EXIT_USAGE;
	enum ct_exit status = ct_view_show(&view, diffing.paths.texts, (int)diffing.paths.count,
					   diff, &diffing, err);
	if (status == CT_EXIT_FAILURE)
		return CT_EXIT_TROUBLE;
	return status == CT_EXIT_OK && diffing.options.exit_code && diffing.changed
		       ? CT_EXIT_FAILURE
		       : status;
}

const struct ct_command ct_command_diff = {
	.name = "diff",
	.run = run,
	.summary = "what became slower, faster, more or less frequent",
	.synopsis = "OLD NEW [OPTION]...\n       calltrace diff OLD... vs NEW... [OPTION]...",
	.description =
		"Compares the calls of each function before and after. OLD and NEW are raw traces "
		"(.ctrace), folders with the traces of a run, or folders with such folders. "
		"Traces of several runs on each side tell changes from chance: record seven or "
		"more of each. Functions are the same when their names are and those of their "
		"files, wherever the files are; times and calls are the median of the runs.",
	.exit_status =
		"0; with --exit-code 1 when there is a change; 2 after a failure, and for arguments "
		"that make no sense; 3 when a trace is damaged or one of several cannot be read, "
		"and with --exit-code no change was found in the rest.",
	.groups = groups,
	.group_count = sizeof(groups) / sizeof(groups[0]),
};
