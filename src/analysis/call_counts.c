/* SPDX-License-Identifier: MIT */
/* Calls of each thread: see call_counts.h. */
#include "analysis/call_counts.h"

#include <stdlib.h>

#include "analysis/parallel.h"
#include "base/cleanup.h"

/* Steps that are plain, as many as come at once. */
static inline __attribute__((always_inline)) uint64_t count_plain(struct ct_walk *walk,
								  struct ct_walk_cursor cursor,
								  struct ct_stream_count *count,
								  bool has_keys)
{
	enum ct_walk_got got;
	uint64_t steps = 0, ends = 0;
	for (;;) {
		struct ct_plain_step step;
		got = ct_walk_cursor_step(walk, &cursor, &step, has_keys);
		if (ct_unlikely(got != CT_WALK_GOT_STEP))
			break;
		steps++;
		ends += step.is_end;
	}
	if (got != CT_WALK_GOT_RULE)
		ct_walk_cursor_put(walk, cursor.at, cursor.last_ticks, cursor.length);
	count->calls += steps - ends;
	return steps;
}

/* Of the walk alone: times and names are nobody's business here. */
static bool count_some(struct ct_events *events, void *state, size_t stream, uint64_t *ret)
{
	struct ct_stream_count *count = &((struct ct_stream_count *)state)[stream];
	struct ct_walk_cursor cursor;
	struct ct_step step;
	uint32_t stack;
	*ret = 0;
	if (ct_walk_cursor_take(events->walk, &cursor, &stack))
		*ret = cursor.keys ? count_plain(events->walk, cursor, count, true)
				   : count_plain(events->walk, cursor, count, false);
	if (!ct_walk_next(events->walk, &step))
		return false;
	count->calls += step.kind == CT_STEP_CALL;
	count->lost_events += step.kind == CT_STEP_LOST ? step.value : 0;
	++*ret;
	return true;
}

static bool take_part(void *state, size_t stream, const struct ct_event *event)
{
	(void)state;
	(void)stream;
	(void)event;
	return true;
}

struct ct_error *ct_call_counts(const struct ct_session *session, ct_progress_fn *progress,
				struct ct_stream_count *ret)
{
	unsigned int workers = ct_parallel_workers(session, true);
	size_t streams = session->stream_count;
	ct_cleanup(ct_cleanup_free) struct ct_stream_count *counts = calloc(workers * streams + 1,
									    sizeof(*counts));
	ct_cleanup(ct_cleanup_free) void **states = calloc(workers, sizeof(*states));
	if (!counts || !states)
		return ct_error_nomem;
	for (unsigned int i = 0; i < workers; i++)
		states[i] = counts + i * streams;
	const struct ct_parallel parallel = {
		.session = session,
		.read = count_some,
		.states = states,
		.workers = workers,
		.progress = progress,
		.take_part = take_part,
	};
	struct ct_error *err = ct_parallel_run(&parallel);
	for (size_t i = 0; i < streams; i++)
		ret[i] = (struct ct_stream_count){0};
	for (size_t i = 0; i < workers * streams; i++) {
		ret[i % streams].calls += counts[i].calls;
		ret[i % streams].lost_events += counts[i].lost_events;
	}
	return err;
}
