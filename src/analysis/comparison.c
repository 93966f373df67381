/* SPDX-License-Identifier: MIT */
/* Older and newer runs side by side: see comparison.h. */
#include "analysis/comparison.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/events_loop.h"
#include "analysis/parallel.h"
#include "analysis/rank_test.h"
#include "base/cleanup.h"

/* The runs of both sides, the older ones first. */
struct runs {
	uint32_t *of_input;
	enum ct_side *sides; /* by run */
	uint32_t count;
};

/* What one of our threads counts. */
struct counting {
	const struct ct_session *session;
	const struct runs *runs;
	const uint32_t *groups; /* by function */
	uint32_t group_count;	/* those of the session's functions */
	struct ct_run_sums *sums;
	struct ct_statistic *durations, *selfs; /* by side and group; `selfs` NULL: not wanted */
	uint64_t lost_events;
	/* of the stream that is read, by group */
	struct ct_run_sums *run_sums;
	struct ct_statistic *run_durations, *run_selfs;
};

void ct_comparison_destroy(struct ct_comparison *comparison)
{
	if (!comparison)
		return;
	for (size_t i = 0; i < comparison->statistic_count; i++)
		ct_statistic_deinit(&comparison->statistics[i]);
	free(comparison->statistics);
	free(comparison->rows);
	free(comparison);
}

static void comparison_cleanup(struct ct_comparison **comparison)
{
	ct_comparison_destroy(*comparison);
}

/* ---- runs ---- */

static uint64_t run_id(const struct ct_session *session, size_t input)
{
	return ct_trace_info(session->inputs[input].trace)->run_id;
}

static enum ct_side side_of(const struct ct_session *session, size_t input, size_t old_operands)
{
	return session->inputs[input].operand < old_operands ? CT_OLD : CT_NEW;
}

static void runs_cleanup(struct runs *runs)
{
	free(runs->of_input);
	free(runs->sides);
}

/* Traces without an id, which only tests write, are runs of their own. */
static struct ct_error *find_runs(const struct ct_session *session, size_t old_operands,
				  struct runs *ret)
{
	ret->of_input = calloc(session->input_count + 1, sizeof(*ret->of_input));
	ret->sides = calloc(session->input_count + 1, sizeof(*ret->sides));
	if (!ret->of_input || !ret->sides)
		return ct_error_nomem;
	for (size_t i = 0; i < session->input_count; i++) {
		enum ct_side side = side_of(session, i, old_operands);
		size_t same = 0;
		while (same < i &&
		       (run_id(session, same) != run_id(session, i) || run_id(session, i) == 0 ||
			ret->sides[ret->of_input[same]] != side))
			same++;
		ret->of_input[i] = same < i ? ret->of_input[same] : ret->count;
		if (same == i)
			ret->sides[ret->count++] = side;
	}
	return NULL;
}

/* Let times count from the start of each run. */
static struct ct_error *align(struct ct_session *session, const struct runs *runs)
{
	ct_cleanup(ct_cleanup_free)
		uint64_t *starts = calloc((size_t)runs->count + 1, sizeof(*starts));
	if (!starts)
		return ct_error_nomem;
	for (uint32_t i = 0; i < runs->count; i++)
		starts[i] = UINT64_MAX;
	for (size_t i = 0; i < session->input_count; i++) {
		uint64_t *start = &starts[runs->of_input[i]];
		if (session->inputs[i].offset_ns < *start)
			*start = session->inputs[i].offset_ns;
	}
	for (size_t i = 0; i < session->input_count; i++)
		session->inputs[i].offset_ns -= starts[runs->of_input[i]];
	return NULL;
}

static void choose_test(struct ct_comparison *comparison, const struct runs *runs,
			const struct ct_comparison_options *options)
{
	for (uint32_t run = 0; run < runs->count; run++)
		comparison->runs[runs->sides[run]]++;
	size_t old_runs = comparison->runs[CT_OLD], new_runs = comparison->runs[CT_NEW];
	comparison->least_p = ct_rank_test_least(old_runs, new_runs);
	comparison->over = options->over;
	if (comparison->over == CT_TEST_AUTO)
		comparison->over = comparison->least_p < options->alpha ? CT_TEST_RUNS
									: CT_TEST_CALLS;
	comparison->is_exact = comparison->over == CT_TEST_RUNS &&
			       old_runs + new_runs <= CT_RANK_TEST_EXACT;
}

/* ---- the same functions ---- */

/* How much of what is known of functions has to be the same. */
enum likeness { BY_NAME, BY_SOURCE, BY_MODULE };

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static int compare_functions(const struct ct_function *a, const struct ct_function *b,
			     enum likeness likeness)
{
	int order = strcmp(a->linkage_name[0] ? a->linkage_name : a->name,
			   b->linkage_name[0] ? b->linkage_name : b->name);
	if (!order && likeness >= BY_SOURCE)
		order = strcmp(base_name(a->source), base_name(b->source));
	if (!order && likeness >= BY_MODULE)
		order = strcmp(base_name(a->module), base_name(b->module));
	return order;
}

struct matching {
	const struct ct_session *session;
	enum likeness likeness;
	uint8_t *sides;	  /* by function: a bit for each side that it is on */
	uint32_t *groups; /* by function */
	uint32_t *order;
};

static int compare_order(const void *a, const void *b, void *argument)
{
	const struct matching *matching = argument;
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	int order = compare_functions(&matching->session->functions[left],
				      &matching->session->functions[right], matching->likeness);
	return order ? order : (left > right) - (left < right);
}

enum { ON_BOTH = 1 << CT_OLD | 1 << CT_NEW };

/* `from` is the first of its group; join_by() makes the others follow. */
static void join(const struct matching *matching, uint32_t from, uint32_t to)
{
	matching->groups[from] = to;
	matching->sides[to] |= matching->sides[from];
}

/* Of functions that are alike: all of them, or the one of either side that has no other. */
static void join_alike(const struct matching *matching, const uint32_t *alike, size_t count)
{
	uint32_t lone[CT_SIDES] = {0}, lone_count[CT_SIDES] = {0};
	for (size_t i = 0; i < count; i++) {
		uint32_t function = alike[i];
		if (matching->likeness == BY_MODULE) {
			join(matching, function, alike[0]);
			continue;
		}
		uint8_t sides = matching->sides[function];
		if (matching->groups[function] != function || sides == ON_BOTH)
			continue;
		enum ct_side side = sides == 1 << CT_OLD ? CT_OLD : CT_NEW;
		lone[side] = function;
		lone_count[side]++;
	}
	if (lone_count[CT_OLD] == 1 && lone_count[CT_NEW] == 1)
		join(matching, lone[CT_NEW], lone[CT_OLD]);
}

static void join_by(struct matching *matching, enum likeness likeness)
{
	const struct ct_session *session = matching->session;
	uint32_t count = session->function_count;
	uint32_t *order = matching->order;
	matching->likeness = likeness;
	for (uint32_t i = 0; i < count; i++)
		order[i] = i;
	qsort_r(order, count, sizeof(*order), compare_order, matching);
	for (uint32_t i = 0, end; i < count; i = end) {
		for (end = i + 1; end < count && compare_functions(&session->functions[order[i]],
								   &session->functions[order[end]],
								   likeness) == 0;)
			end++;
		join_alike(matching, order + i, end - i);
	}
	for (uint32_t i = 0; i < count; i++)
		matching->groups[i] = matching->groups[matching->groups[i]];
}

/*
 * A function is the same on both sides when its linker's name and the names of its module and
 * source file are. What is left on one side alone may have moved to another file or module.
 */
static struct ct_error *match_functions(const struct ct_session *session, size_t old_operands,
					uint32_t *ret)
{
	size_t count = (size_t)session->function_count + 1;
	ct_cleanup(ct_cleanup_free) uint8_t *sides = calloc(count, sizeof(*sides));
	ct_cleanup(ct_cleanup_free) uint32_t *order = calloc(count, sizeof(*order));
	struct matching matching = {session, BY_MODULE, sides, ret, order};
	if (!sides || !order)
		return ct_error_nomem;
	for (uint32_t i = 0; i < session->function_count; i++)
		ret[i] = i;
	for (size_t i = 0; i < session->input_count; i++) {
		const struct ct_input *input = &session->inputs[i];
		for (uint32_t j = 0; j < input->site_count; j++)
			sides[input->functions[j]] |=
				(uint8_t)(1 << side_of(session, i, old_operands));
	}
	join_by(&matching, BY_MODULE);
	join_by(&matching, BY_SOURCE);
	join_by(&matching, BY_NAME);
	return NULL;
}

/* ---- counting ---- */

static bool begin_stream(void *state, size_t stream)
{
	struct counting *counting = state;
	uint32_t run = counting->runs->of_input[counting->session->streams[stream].input];
	size_t side = (size_t)counting->runs->sides[run] * counting->group_count;
	counting->run_sums = &counting->sums[(size_t)run * counting->group_count];
	counting->run_durations = &counting->durations[side];
	counting->run_selfs = counting->selfs ? &counting->selfs[side] : NULL;
	return true;
}

CT_EVENTS_INLINE bool take(void *state, size_t stream, const struct ct_event *event)
{
	struct counting *counting = state;
	(void)stream;
	if (event->kind == CT_EVENT_LOST)
		counting->lost_events += event->lost;
	if (event->kind != CT_EVENT_END)
		return true;
	uint32_t group = counting->groups[event->function];
	struct ct_run_sums *sums = &counting->run_sums[group];
	sums->calls++;
	sums->self_ns += event->self_ns;
	if (event->is_outermost)
		sums->total_ns += event->duration_ns;
	if (ct_unlikely(event->end != CT_CALL_RETURNED))
		return true;
	sums->returned++;
	sums->sum_ns += event->duration_ns;
	return ct_statistic_add(&counting->run_durations[group], event->duration_ns) &&
	       (!counting->run_selfs ||
		ct_statistic_add(&counting->run_selfs[group], event->self_ns));
}

static bool take_part(void *state, size_t stream, const struct ct_event *event)
{
	struct counting *counting = state;
	(void)stream;
	if (event->kind == CT_EVENT_PAUSE)
		counting->run_sums[counting->groups[event->function]].self_ns += event->self_ns;
	return true;
}

CT_EVENTS_LOOP(read_events, take)

static void add_sums(struct ct_run_sums *to, const struct ct_run_sums *from)
{
	to->calls += from->calls;
	to->returned += from->returned;
	to->self_ns += from->self_ns;
	to->total_ns += from->total_ns;
	to->sum_ns += from->sum_ns;
}

static bool merge(struct counting *to, const struct counting *from)
{
	size_t sums = (size_t)to->runs->count * to->group_count;
	size_t statistics = (size_t)CT_SIDES * to->group_count;
	to->lost_events += from->lost_events;
	for (size_t i = 0; i < sums; i++)
		add_sums(&to->sums[i], &from->sums[i]);
	for (size_t i = 0; i < statistics; i++)
		if ((from->durations[i].calls &&
		     !ct_statistic_merge(&to->durations[i], &from->durations[i])) ||
		    (to->selfs && from->selfs[i].calls &&
		     !ct_statistic_merge(&to->selfs[i], &from->selfs[i])))
			return false;
	return true;
}

static bool counting_init(struct counting *counting, bool wants_selfs)
{
	size_t statistics = (size_t)CT_SIDES * counting->group_count;
	counting->sums = calloc((size_t)counting->runs->count * counting->group_count + 1,
				sizeof(*counting->sums));
	counting->durations = calloc(statistics + 1, sizeof(*counting->durations));
	if (wants_selfs)
		counting->selfs = calloc(statistics + 1, sizeof(*counting->selfs));
	return counting->sums && counting->durations && (counting->selfs || !wants_selfs);
}

static void free_statistics(struct ct_statistic *statistics, size_t count)
{
	for (size_t i = 0; statistics && i < count; i++)
		ct_statistic_deinit(&statistics[i]);
	free(statistics);
}

static void counting_deinit(struct counting *counting)
{
	size_t statistics = (size_t)CT_SIDES * counting->group_count;
	free(counting->sums);
	free_statistics(counting->durations, statistics);
	free_statistics(counting->selfs, statistics);
}

/* ---- verdicts ---- */

/* A row, and whether what is compared tends to be more. */
struct tested {
	size_t row;
	double more;
};

struct judging {
	const struct ct_comparison_options *options;
	const struct counting *counting;
	struct ct_comparison *comparison;
	double *samples[CT_SIDES]; /* of one function, by run */
	double *p;
	struct tested *tests; /* that `p` speaks of */
	size_t p_count;
};

/* Time for each call. NAN: there is no call that has one. */
static double call_time(const struct ct_run_sums *sums, enum ct_compared_time measure)
{
	if (measure == CT_COMPARE_SELF)
		return sums->calls ? (double)sums->self_ns / (double)sums->calls : NAN;
	return sums->returned ? (double)sums->sum_ns / (double)sums->returned : NAN;
}

/* Without differences there is nothing to test: NAN. */
static struct ct_rank_result test_runs(const struct judging *judging, uint32_t group, bool is_time)
{
	const struct counting *counting = judging->counting;
	size_t counts[CT_SIDES] = {0};
	bool differs = false;
	double first = NAN;
	for (uint32_t run = 0; run < counting->runs->count; run++) {
		const struct ct_run_sums *sums =
			&counting->sums[(size_t)run * counting->group_count + group];
		double value = is_time ? call_time(sums, judging->options->measure)
				       : (double)sums->calls;
		enum ct_side side = counting->runs->sides[run];
		if (isnan(value))
			continue;
		differs |= !isnan(first) && value != first;
		first = value;
		judging->samples[side][counts[side]++] = value;
	}
	return differs ? ct_rank_test(judging->samples[CT_OLD], counts[CT_OLD],
				      judging->samples[CT_NEW], counts[CT_NEW])
		       : (struct ct_rank_result){NAN, 0.5};
}

static struct ct_rank_result test_calls(const struct judging *judging, uint32_t group)
{
	const struct counting *counting = judging->counting;
	const struct ct_statistic *times = judging->options->measure == CT_COMPARE_SELF
						   ? counting->selfs
						   : counting->durations;
	return ct_rank_test_histograms(&times[group], &times[counting->group_count + group]);
}

static bool is_tested(const struct judging *judging, const struct ct_compared *row)
{
	const struct ct_comparison *comparison = judging->comparison;
	if (isnan(row->call_ns[CT_OLD]) || isnan(row->call_ns[CT_NEW]))
		return false;
	for (int side = 0; side < CT_SIDES; side++) {
		double all = (double)comparison->sums[side].self_ns / comparison->runs[side];
		if (ct_compared_ns(row, judging->options->measure, side) >=
		    judging->options->least_share * all)
			return true;
	}
	return false;
}

/* `group` of each row is in `groups`. */
static struct ct_error *test_rows(struct judging *judging, const uint32_t *groups, bool is_time)
{
	struct ct_comparison *comparison = judging->comparison;
	bool over_runs = comparison->over == CT_TEST_RUNS;
	judging->p_count = 0;
	for (size_t i = 0; i < comparison->row_count; i++) {
		const struct ct_compared *row = &comparison->rows[i];
		struct ct_rank_result result = {NAN, 0.5};
		if (ct_compared_is_lone(row) || (is_time && !is_tested(judging, row)))
			continue;
		if (over_runs)
			result = test_runs(judging, groups[i], is_time);
		else if (is_time)
			result = test_calls(judging, groups[i]);
		if (isnan(result.p))
			continue;
		judging->tests[judging->p_count] = (struct tested){i, result.more};
		judging->p[judging->p_count++] = result.p;
	}
	if (is_time)
		comparison->test_count = judging->p_count;
	if (!judging->options->is_uncorrected &&
	    !ct_adjust_discoveries(judging->p, judging->p_count))
		return ct_error_nomem;
	for (size_t i = 0; i < judging->p_count; i++) {
		const struct tested *test = &judging->tests[i];
		struct ct_compared *row = &comparison->rows[test->row];
		*(is_time ? &row->time_p : &row->calls_p) = judging->p[i];
		*(is_time ? &row->time_more : &row->calls_more) = test->more;
	}
	return NULL;
}

/* The mean and most of the values must have changed in one direction: a single value that is far
 * off moves the mean alone. */
static enum ct_verdict verdict(const struct judging *judging, double was, double is, double p,
			       double more)
{
	double change = fabs(is - was);
	if (!(change > 0) || change < judging->options->least_change * was ||
	    !(p < judging->options->alpha) || (is > was) != (more > 0.5))
		return CT_SAME;
	return is > was ? CT_MORE : CT_LESS;
}

static void judge_rows(const struct judging *judging)
{
	struct ct_comparison *comparison = judging->comparison;
	for (size_t i = 0; i < comparison->row_count; i++) {
		struct ct_compared *row = &comparison->rows[i];
		if (ct_compared_is_lone(row))
			continue;
		double was = row->calls[CT_OLD], is = row->calls[CT_NEW];
		row->time = verdict(judging, row->call_ns[CT_OLD], row->call_ns[CT_NEW],
				    row->time_p, row->time_more);
		row->frequency = comparison->over == CT_TEST_RUNS
					 ? verdict(judging, was, is, row->calls_p, row->calls_more)
					 : verdict(judging, was, is, 0, is > was);
	}
}

/* ---- rows ---- */

static int compare_numbers(const void *a, const void *b)
{
	const double *left = a, *right = b;
	return (*left > *right) - (*left < *right);
}

/* NAN of nothing. A single run that was disturbed does not move it. */
static double median(double *values, size_t count)
{
	if (count == 0)
		return NAN;
	qsort(values, count, sizeof(*values), compare_numbers);
	return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

enum { OF_SELF, OF_TOTAL, OF_CALLS, OF_CALL_TIME };

static double median_of(const struct judging *judging, uint32_t group, enum ct_side side, int what)
{
	const struct counting *counting = judging->counting;
	double *values = judging->samples[side];
	size_t count = 0;
	for (uint32_t run = 0; run < counting->runs->count; run++) {
		const struct ct_run_sums *sums =
			&counting->sums[(size_t)run * counting->group_count + group];
		if (counting->runs->sides[run] != side)
			continue;
		double value = what == OF_SELF	  ? (double)sums->self_ns
			       : what == OF_TOTAL ? (double)sums->total_ns
			       : what == OF_CALLS ? (double)sums->calls
						  : call_time(sums, judging->options->measure);
		if (!isnan(value))
			values[count++] = value;
	}
	return median(values, count);
}

static void add_up(const struct judging *judging, uint32_t group, struct ct_compared *row)
{
	const struct counting *counting = judging->counting;
	*row = (struct ct_compared){
		.functions = {CT_NO_FUNCTION, CT_NO_FUNCTION},
		.time_p = NAN,
		.calls_p = NAN,
	};
	for (uint32_t run = 0; run < counting->runs->count; run++)
		add_sums(&row->sums[counting->runs->sides[run]],
			 &counting->sums[(size_t)run * counting->group_count + group]);
	for (int side = 0; side < CT_SIDES; side++) {
		row->self_ns[side] = median_of(judging, group, side, OF_SELF);
		row->total_ns[side] = median_of(judging, group, side, OF_TOTAL);
		row->calls[side] = median_of(judging, group, side, OF_CALLS);
		row->call_ns[side] = !judging->comparison->has_times ? NAN
				     : judging->comparison->over == CT_TEST_RUNS
					     ? median_of(judging, group, side, OF_CALL_TIME)
					     : call_time(&row->sums[side],
							 judging->options->measure);
	}
}

/* The first function of each group that a side has. */
static void name_rows(struct ct_comparison *comparison, const struct ct_session *session,
		      size_t old_operands, const uint32_t *groups, const uint32_t *row_of_group)
{
	for (size_t i = 0; i < session->input_count; i++) {
		const struct ct_input *input = &session->inputs[i];
		enum ct_side side = side_of(session, i, old_operands);
		for (uint32_t j = 0; j < input->site_count; j++) {
			uint32_t function = input->functions[j];
			uint32_t row = row_of_group[groups[function]];
			if (!row || !comparison->rows[row - 1].sums[side].calls)
				continue;
			uint32_t *named = &comparison->rows[row - 1].functions[side];
			if (function < *named)
				*named = function;
		}
	}
}

static int compare_rows(const void *a, const void *b, void *argument)
{
	const struct ct_compared *left = a, *right = b;
	const enum ct_compared_time *measure = argument;
	double left_change = fabs(ct_compared_ns(left, *measure, CT_NEW) -
				  ct_compared_ns(left, *measure, CT_OLD));
	double right_change = fabs(ct_compared_ns(right, *measure, CT_NEW) -
				   ct_compared_ns(right, *measure, CT_OLD));
	if (left_change != right_change)
		return left_change > right_change ? -1 : 1;
	for (int side = 0; side < CT_SIDES; side++)
		if (left->functions[side] != right->functions[side])
			return left->functions[side] < right->functions[side] ? -1 : 1;
	return 0;
}

/* Two histograms for each row are what is left of the counts. */
static bool keep_durations(struct ct_comparison *comparison, const struct counting *counting,
			   const uint32_t *group_of_row)
{
	size_t count = CT_SIDES * comparison->row_count;
	comparison->statistics = calloc(count + 1, sizeof(*comparison->statistics));
	if (!comparison->statistics)
		return false;
	comparison->statistic_count = count;
	for (size_t i = 0; i < count; i++) {
		struct ct_statistic *from =
			&counting->durations[i % CT_SIDES * counting->group_count +
					     group_of_row[i / CT_SIDES]];
		comparison->statistics[i] = *from;
		*from = (struct ct_statistic){0};
	}
	for (size_t i = 0; i < comparison->row_count; i++)
		comparison->rows[i].durations = &comparison->statistics[CT_SIDES * i];
	return true;
}

static struct ct_error *make_rows(struct judging *judging, const struct ct_session *session,
				  size_t old_operands)
{
	struct ct_comparison *comparison = judging->comparison;
	const struct counting *counting = judging->counting;
	enum ct_compared_time measure = judging->options->measure;
	size_t count = (size_t)counting->group_count + 1;
	ct_cleanup(ct_cleanup_free) uint32_t *row_of_group = calloc(count, sizeof(uint32_t));
	ct_cleanup(ct_cleanup_free) uint32_t *group_of_row = calloc(count, sizeof(uint32_t));
	struct ct_run_sums *sums = comparison->sums;
	comparison->rows = calloc(count, sizeof(*comparison->rows));
	if (!row_of_group || !group_of_row || !comparison->rows)
		return ct_error_nomem;
	for (uint32_t group = 0; group < counting->group_count; group++) {
		struct ct_compared *row = &comparison->rows[comparison->row_count];
		add_up(judging, group, row);
		if (row->sums[CT_OLD].calls + row->sums[CT_NEW].calls == 0)
			continue;
		add_sums(&sums[CT_OLD], &row->sums[CT_OLD]);
		add_sums(&sums[CT_NEW], &row->sums[CT_NEW]);
		group_of_row[comparison->row_count++] = group;
		row_of_group[group] = (uint32_t)comparison->row_count;
	}
	name_rows(comparison, session, old_operands, counting->groups, row_of_group);
	struct ct_error *err = test_rows(judging, group_of_row, true);
	if (!err)
		err = test_rows(judging, group_of_row, false);
	if (err)
		return err;
	judge_rows(judging);
	if (!keep_durations(comparison, counting, group_of_row))
		return ct_error_nomem;
	qsort_r(comparison->rows, comparison->row_count, sizeof(*comparison->rows), compare_rows,
		&measure);
	return NULL;
}

static struct ct_error *judge(struct ct_comparison *comparison, const struct ct_session *session,
			      size_t old_operands, struct counting *counting,
			      const struct ct_comparison_options *options)
{
	size_t runs = (size_t)counting->runs->count + 1, groups = (size_t)counting->group_count + 1;
	ct_cleanup(ct_cleanup_free) double *old_samples = calloc(runs, sizeof(double));
	ct_cleanup(ct_cleanup_free) double *new_samples = calloc(runs, sizeof(double));
	ct_cleanup(ct_cleanup_free) double *p = calloc(groups, sizeof(double));
	ct_cleanup(ct_cleanup_free) struct tested *tests = calloc(groups, sizeof(*tests));
	struct judging judging = {
		.options = options,
		.counting = counting,
		.comparison = comparison,
		.samples = {old_samples, new_samples},
		.p = p,
		.tests = tests,
	};
	if (!old_samples || !new_samples || !p || !tests)
		return ct_error_nomem;
	comparison->lost_events = counting->lost_events;
	return make_rows(&judging, session, old_operands);
}

/* ---- the whole ---- */

static struct ct_error *count(const struct ct_session *session,
			      const struct ct_selection *selection, const uint32_t *groups,
			      struct counting *countings, unsigned int workers,
			      ct_progress_fn *progress)
{
	ct_cleanup(ct_cleanup_free) void **states = calloc(workers, sizeof(*states));
	if (!states)
		return ct_error_nomem;
	for (unsigned int i = 0; i < workers; i++)
		states[i] = &countings[i];
	const struct ct_parallel parallel = {
		.session = session,
		.selection = selection,
		.groups = groups,
		.read = read_events,
		.begin_stream = begin_stream,
		.states = states,
		.workers = workers,
		.progress = progress,
		/* How long a call's own time was is told by where all of it is read. */
		.take_part = countings[0].selfs ? NULL : take_part,
	};
	struct ct_error *err = ct_parallel_run(&parallel);
	for (unsigned int i = 1; !err && i < workers; i++)
		if (!merge(&countings[0], &countings[i]))
			err = ct_error_nomem;
	return err;
}

struct ct_error *ct_comparison_create(struct ct_session *session, size_t old_operands,
				      const struct ct_selection *selection,
				      const struct ct_comparison_options *options,
				      struct ct_comparison **ret)
{
	unsigned int workers = ct_parallel_workers(session, true);
	ct_cleanup(comparison_cleanup) struct ct_comparison *comparison =
		calloc(1, sizeof(*comparison));
	ct_cleanup(runs_cleanup) struct runs runs = {0};
	ct_cleanup(ct_cleanup_free) struct counting *countings = calloc(workers,
									sizeof(*countings));
	ct_cleanup(ct_cleanup_free)
		uint32_t *groups = calloc((size_t)session->function_count + 1, sizeof(*groups));
	if (!comparison || !countings || !groups)
		return ct_error_nomem;
	struct ct_error *err = find_runs(session, old_operands, &runs);
	if (!err)
		err = align(session, &runs);
	if (!err)
		err = match_functions(session, old_operands, groups);
	choose_test(comparison, &runs, options);
	comparison->has_times = ct_session_has_times(session);
	bool wants_selfs = comparison->over == CT_TEST_CALLS && options->measure == CT_COMPARE_SELF;
	for (unsigned int i = 0; i < workers; i++) {
		countings[i] = (struct counting){
			.session = session,
			.runs = &runs,
			.groups = groups,
			.group_count = session->function_count,
		};
		if (!err && !counting_init(&countings[i], wants_selfs))
			err = ct_error_nomem;
	}
	if (!err)
		err = count(session, selection, groups, countings, workers, options->progress);
	if (!err)
		err = judge(comparison, session, old_operands, &countings[0], options);
	for (unsigned int i = 0; i < workers; i++)
		counting_deinit(&countings[i]);
	if (err)
		return err;
	*ret = ct_take(comparison);
	return NULL;
}
