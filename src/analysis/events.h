/* SPDX-License-Identifier: MIT */
/*
 * The calls of one thread as a selection leaves them, in the order of time: a
 * walk (reader/trace.h) with names, nanoseconds, self times and filters. Memory
 * grows with open calls. Begin and end of each stack's calls nest properly.
 */
#ifndef CT_ANALYSIS_EVENTS_H
#define CT_ANALYSIS_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/selection.h"
#include "analysis/session.h"
#include "base/error.h"
#include "reader/part.h"

enum ct_event_kind {
	CT_EVENT_BEGIN = 1, /* a call begins */
	CT_EVENT_END,	    /* the innermost call shown of `stack` ends */
	CT_EVENT_LOST,	    /* `lost` events are missing here */
	/* of parts, see ct_events_create_part(); not from ct_events_next() */
	CT_EVENT_RESUME, /* a call goes on that began before, as BEGIN */
	CT_EVENT_PAUSE,	 /* the innermost call goes on after, as END, without its duration:
			  * `self_ns` is what to add, modulo 2^64, to that of the part it ends in */
};

struct ct_event {
	uint8_t kind;	   /* enum ct_event_kind */
	uint8_t end;	   /* END: enum ct_call_end */
	bool is_outermost; /* END: its group had no other open call on the stack */
	uint32_t function; /* of the session */
	uint32_t caller;   /* END: the function of the call around it; CT_NO_CALLER: none */
	uint32_t site;	   /* of the trace */
	uint32_t stack;	   /* 0: the thread's own; others: coroutines */
	uint32_t depth;	   /* from 0, among the calls shown */
	uint32_t value_bytes;
	uint64_t ns;	      /* of the event, since the session's start */
	uint64_t start_ns;    /* BEGIN, END */
	uint64_t duration_ns; /* END */
	uint64_t self_ns;     /* END */
	uint64_t lost;
	/* BEGIN: the payload of the arguments; END of a call that returned: of the result; NULL:
	 * there is none. Good until the next event. */
	const unsigned char *values;
};

#define CT_NO_CALLER UINT32_MAX

struct ct_events;

/*
 * `stream`: index of one of the session's. `selection` NULL: everything. `groups`: for
 * `is_outermost`, by function, less than the number of functions; NULL: each function is one.
 */
struct ct_error *ct_events_create(const struct ct_session *session, size_t stream,
				  const struct ct_selection *selection, const uint32_t *groups,
				  struct ct_events **ret) __attribute__((warn_unused_result));

/*
 * Those of the pieces from the `from`th to before the `to`th of a stream alone (reader/part.h);
 * `state` is what is open before them. Not for a selection by values or by duration.
 */
struct ct_events_part {
	uint32_t from, to;
	const struct ct_walk_state *state; /* NULL: nothing */
};
struct ct_error *ct_events_create_part(const struct ct_session *session, size_t stream,
				       const struct ct_selection *selection, const uint32_t *groups,
				       const struct ct_events_part *part, struct ct_events **ret)
	__attribute__((warn_unused_result));
bool ct_events_can_part(const struct ct_selection *selection);
void ct_events_destroy(struct ct_events *events);
/* False at the end, or when memory ran out (ct_events_failed()). */
bool ct_events_next(struct ct_events *events, struct ct_event *ret);
bool ct_events_failed(const struct ct_events *events);

#endif
