/* SPDX-License-Identifier: MIT */
/* The threads of a session, read by as many threads of ours as there are processors. */
#ifndef CT_ANALYSIS_PARALLEL_H
#define CT_ANALYSIS_PARALLEL_H

#include <stdint.h>

#include "analysis/events.h"
#include "export/progress.h"

/* What is done with each event of a stream; `state` is the worker's. False: memory ran out. */
typedef bool ct_event_fn(void *state, size_t stream, const struct ct_event *event);

struct ct_parallel {
	const struct ct_session *session;
	const struct ct_selection *selection;
	const uint32_t *groups; /* as ct_events_create() has it */
	ct_event_fn *take;
	bool (*begin_stream)(void *state, size_t stream); /* may be NULL */
	bool (*end_stream)(void *state, size_t stream);	  /* may be NULL */
	void **states;					  /* one for each worker */
	unsigned int workers;				  /* at most ct_parallel_workers() */
	ct_progress_fn *progress;
};

/* As many as are of use: processors, but not more than streams; 1 at least. */
unsigned int ct_parallel_workers(const struct ct_session *session);

/* A stream's events come in order, to one worker. */
struct ct_error *ct_parallel_run(const struct ct_parallel *parallel)
	__attribute__((warn_unused_result));

#endif
