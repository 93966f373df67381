/* SPDX-License-Identifier: MIT */
/* Calls counted and timed: see profile.h. */
#include "analysis/profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/parallel.h"
#include "analysis/summary.h"
#include "base/cleanup.h"

/* What one of our threads counts. */
struct counting {
	const struct ct_session *session;
	const struct ct_profile_options *options;
	const uint32_t *groups; /* by function */
	struct ct_profile_row *rows;
	size_t row_count;
	uint64_t lost_events;
	bool failed;
};

static void rows_destroy(struct ct_profile_row *rows, size_t count)
{
	for (size_t i = 0; rows && i < count; i++)
		ct_statistic_deinit(&rows[i].times);
	free(rows);
}

void ct_profile_destroy(struct ct_profile *profile)
{
	if (!profile)
		return;
	rows_destroy(profile->rows, profile->row_count);
	free(profile);
}

static void profile_cleanup(struct ct_profile **profile)
{
	ct_profile_destroy(*profile);
}

double ct_profile_mean(const struct ct_profile_row *row)
{
	uint64_t count = row->times.calls - row->times.unfinished;
	return count ? (double)row->times.sum_ns / (double)count : 0;
}

double ct_profile_deviation(const struct ct_profile_row *row)
{
	uint64_t count = row->times.calls - row->times.unfinished;
	double mean = ct_profile_mean(row);
	double variance = count ? (double)row->squares / (double)count - mean * mean : 0;
	return variance > 0 ? sqrt(variance) : 0;
}

/* ---- counting ---- */

/* The row a call counts in; NULL: it does not. */
CT_EVENTS_INLINE struct ct_profile_row *row_of(const struct counting *counting, size_t stream,
					       const struct ct_event *event, enum ct_profile_by by)
{
	const struct ct_profile_options *options = counting->options;
	switch (by) {
	case CT_BY_FUNCTION:
		return &counting->rows[event->function];
	case CT_BY_MODULE:
	case CT_BY_SOURCE:
		return &counting->rows[counting->groups[event->function]];
	case CT_BY_THREAD:
		return &counting->rows[stream];
	case CT_BY_PROCESS:
		return &counting->rows[counting->session->streams[stream].input];
	case CT_BY_CALLER:
		if (!options->chosen[event->function])
			return NULL;
		return &counting->rows[event->caller == CT_NO_CALLER
					       ? counting->session->function_count
					       : event->caller];
	case CT_BY_CALLEE:
		if (event->caller == CT_NO_CALLER || !options->chosen[event->caller])
			return NULL;
		return &counting->rows[event->function];
	}
	return NULL;
}

CT_EVENTS_INLINE bool is_outermost(const struct ct_event *event, enum ct_profile_by by)
{
	if (by == CT_BY_CALLER || by == CT_BY_CALLEE)
		return true; /* recursion is a caller of its own */
	return by == CT_BY_THREAD || by == CT_BY_PROCESS ? event->depth == 0 : event->is_outermost;
}

CT_EVENTS_INLINE bool take_by(struct counting *counting, size_t stream,
			      const struct ct_event *event, enum ct_profile_by by)
{
	struct ct_stream_count *streams = counting->options->streams;
	if (event->kind == CT_EVENT_LOST) {
		counting->lost_events += event->lost;
		if (streams)
			streams[stream].lost_events += event->lost;
	}
	if (event->kind != CT_EVENT_END)
		return true;
	if (streams)
		streams[stream].calls++;
	struct ct_profile_row *row = row_of(counting, stream, event, by);
	if (!row)
		return true;
	struct ct_statistic *times = &row->times;
	times->self_ns += event->self_ns;
	if (is_outermost(event, by))
		times->total_ns += event->duration_ns;
	if (event->end != CT_CALL_RETURNED) {
		times->calls++;
		times->unfinished++;
		return true;
	}
	row->squares += (unsigned __int128)event->duration_ns * event->duration_ns;
	return ct_statistic_add(times, event->duration_ns);
}

/* What nearly everybody asks for is a loop of its own. */
CT_EVENTS_INLINE bool take_function(void *state, size_t stream, const struct ct_event *event)
{
	return take_by(state, stream, event, CT_BY_FUNCTION);
}

static bool take(void *state, size_t stream, const struct ct_event *event)
{
	struct counting *counting = state;
	return take_by(counting, stream, event, counting->options->by);
}

static bool take_part(void *state, size_t stream, const struct ct_event *event)
{
	struct counting *counting = state;
	struct ct_profile_row *row = row_of(counting, stream, event, counting->options->by);
	if (row && event->kind == CT_EVENT_PAUSE)
		row->times.self_ns += event->self_ns;
	return true;
}

CT_EVENTS_LOOP(read_functions, take_function)
CT_EVENTS_LOOP(read_events, take)

/* ---- groups ---- */

static const char *group_name(const struct ct_function *function, enum ct_profile_by by)
{
	return by == CT_BY_MODULE ? function->module : function->source;
}

struct named {
	const char *name;
	uint32_t function;
};

static int compare_named(const void *a, const void *b)
{
	const struct named *left = a, *right = b;
	int order = strcmp(left->name, right->name);
	return order ? order : left->function < right->function ? -1 : 1;
}

/* Each function's group is the first function of the same module or file. */
static bool make_groups(const struct ct_session *session, enum ct_profile_by by, uint32_t *ret)
{
	uint32_t count = session->function_count;
	if (by != CT_BY_MODULE && by != CT_BY_SOURCE) {
		for (uint32_t i = 0; i < count; i++)
			ret[i] = i;
		return true;
	}
	ct_cleanup(ct_cleanup_free) struct named *named = calloc((size_t)count + 1, sizeof(*named));
	if (!named)
		return false;
	for (uint32_t i = 0; i < count; i++)
		named[i] = (struct named){group_name(&session->functions[i], by), i};
	qsort(named, count, sizeof(*named), compare_named);
	for (uint32_t i = 0, first = 0; i < count; i++) {
		if (strcmp(named[i].name, named[first].name) != 0)
			first = i;
		ret[named[i].function] = named[first].function;
	}
	return true;
}

static size_t most_rows(const struct ct_session *session, enum ct_profile_by by)
{
	if (by == CT_BY_THREAD)
		return session->stream_count;
	return by == CT_BY_PROCESS ? session->input_count : (size_t)session->function_count + 1;
}

/* ---- adding up ---- */

/* Into the first of them. */
static bool merge(struct counting *countings, unsigned int count)
{
	for (unsigned int i = 1; i < count; i++) {
		countings[0].lost_events += countings[i].lost_events;
		for (size_t j = 0; j < countings[0].row_count; j++) {
			countings[0].rows[j].squares += countings[i].rows[j].squares;
			if (countings[i].rows[j].times.calls &&
			    !ct_statistic_merge(&countings[0].rows[j].times,
						&countings[i].rows[j].times))
				return false;
		}
	}
	return true;
}

static void keep_rows_with_calls(struct ct_profile *profile, struct counting *counting,
				 const struct ct_session *session, enum ct_profile_by by)
{
	profile->rows = ct_take(counting->rows);
	profile->lost_events = counting->lost_events;
	for (size_t i = 0; i < counting->row_count; i++) {
		struct ct_profile_row row = profile->rows[i];
		if (!row.times.calls) {
			ct_statistic_deinit(&row.times);
			continue;
		}
		row.key = by == CT_BY_CALLER && i == session->function_count ? CT_NO_CALLER
									     : (uint32_t)i;
		profile->calls += row.times.calls;
		profile->self_ns += row.times.self_ns;
		profile->rows[profile->row_count++] = row;
	}
}

/* Everything, of whole packed files: they tell it. False when they do not. */
static bool is_told_by_summary(const struct ct_session *session,
			       const struct ct_selection *selection,
			       const struct ct_profile_options *options)
{
	if (options->by != CT_BY_FUNCTION || options->streams)
		return false;
	if (selection && (!selection->is_everything || selection->min_duration_ns > 0))
		return false;
	for (size_t i = 0; selection && i < session->stream_count; i++)
		if (!selection->streams[i])
			return false;
	return session->input_count > 0 && session->inputs[0].pack;
}

/* `*is_done` false: the calls have to be read. */
static struct ct_error *take_summary(const struct ct_session *session, struct ct_profile *profile,
				     bool *is_done)
{
	struct counting counting = {.row_count = session->function_count};
	ct_cleanup(ct_cleanup_free) struct ct_stream_count *streams =
		calloc(session->stream_count + 1, sizeof(*streams));
	bool nomem = false;
	counting.rows = calloc(counting.row_count + 1, sizeof(*counting.rows));
	*is_done = counting.rows && streams &&
		   ct_summary_add(session, counting.rows, streams, &nomem);
	if (*is_done) {
		for (size_t i = 0; i < session->stream_count; i++)
			counting.lost_events += streams[i].lost_events;
		keep_rows_with_calls(profile, &counting, session, CT_BY_FUNCTION);
	}
	nomem |= !streams || (!*is_done && !counting.rows);
	rows_destroy(counting.rows, counting.row_count);
	return nomem ? ct_error_nomem : NULL;
}

struct ct_error *ct_profile_create(const struct ct_session *session,
				   const struct ct_selection *selection,
				   const struct ct_profile_options *options,
				   struct ct_profile **ret)
{
	unsigned int workers = ct_parallel_workers(session, !options->streams);
	ct_cleanup(profile_cleanup) struct ct_profile *profile = calloc(1, sizeof(*profile));
	ct_cleanup(ct_cleanup_free) struct counting *countings = calloc(workers,
									sizeof(*countings));
	ct_cleanup(ct_cleanup_free) void **states = calloc(workers, sizeof(*states));
	ct_cleanup(ct_cleanup_free)
		uint32_t *groups = calloc((size_t)session->function_count + 1, sizeof(*groups));
	if (!profile || !countings || !states || !groups ||
	    !make_groups(session, options->by, groups))
		return ct_error_nomem;
	struct ct_error *err = NULL;
	if (is_told_by_summary(session, selection, options)) {
		bool is_done;
		err = take_summary(session, profile, &is_done);
		if (!err && is_done)
			*ret = ct_take(profile);
		if (err || is_done)
			return err;
	}
	for (unsigned int i = 0; i < workers; i++) {
		countings[i] = (struct counting){
			.session = session,
			.options = options,
			.groups = groups,
			.row_count = most_rows(session, options->by),
		};
		countings[i].rows = calloc(countings[i].row_count + 1, sizeof(*countings[i].rows));
		states[i] = &countings[i];
		if (!countings[i].rows)
			err = ct_error_nomem;
	}
	const struct ct_parallel parallel = {
		.session = session,
		.selection = selection,
		.groups = options->by == CT_BY_FUNCTION ? NULL : groups,
		.read = options->by == CT_BY_FUNCTION ? read_functions : read_events,
		.states = states,
		.workers = workers,
		.progress = options->progress,
		.take_part = options->streams ? NULL : take_part,
	};
	if (!err)
		err = ct_parallel_run(&parallel);
	if (!err && !merge(countings, workers))
		err = ct_error_nomem;
	if (!err)
		keep_rows_with_calls(profile, &countings[0], session, options->by);
	for (unsigned int i = 0; i < workers; i++)
		rows_destroy(countings[i].rows, countings[i].row_count);
	if (err)
		return err;
	*ret = ct_take(profile);
	return NULL;
}
