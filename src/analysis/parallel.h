/* SPDX-License-Identifier: MIT */
/*
 * The threads of a session, read by as many threads of ours as there are processors. Where one
 * has so many calls that the others would wait for it, several read parts of it (reader/part.h).
 */
#ifndef CT_ANALYSIS_PARALLEL_H
#define CT_ANALYSIS_PARALLEL_H

#include <stdint.h>

#include "analysis/events_loop.h"
#include "export/progress.h"

/* Does what is to be done with some of a stream's events: see events_loop.h. */
typedef bool ct_read_fn(struct ct_events *events, void *state, size_t stream, uint64_t *ret);

struct ct_parallel {
	const struct ct_session *session;
	const struct ct_selection *selection;
	const uint32_t *groups; /* as ct_events_create() has it */
	ct_read_fn *read;
	bool (*begin_stream)(void *state, size_t stream); /* may be NULL */
	bool (*end_stream)(void *state, size_t stream);	  /* may be NULL */
	void **states;					  /* one for each worker */
	unsigned int workers;				  /* at most ct_parallel_workers() */
	/*
	 * Given RESUME and PAUSE: parts of one stream may then be read side by side, by workers
	 * that begin the stream each. What they count of it has to be a sum. NULL: no parts.
	 */
	ct_event_fn *take_part;
	ct_progress_fn *progress;
};

/* Processors this process may use; 1 at least. */
unsigned int ct_parallel_processors(void);
/* As many as are of use: processors, but not more than streams, or than parts of them; 1 at
 * least. */
unsigned int ct_parallel_workers(const struct ct_session *session, bool has_parts);

/* The events of a stream, or of a part of it, come in order, to one worker. */
struct ct_error *ct_parallel_run(const struct ct_parallel *parallel)
	__attribute__((warn_unused_result));

#endif
