/* SPDX-License-Identifier: MIT */
/*
 * All that is done with each event of a stream, in one loop that the compiler
 * sees whole: several times as fast as ct_events_next() and a function called
 * with what it gives. For the analyses that go through every call.
 */
#ifndef CT_ANALYSIS_EVENTS_LOOP_H
#define CT_ANALYSIS_EVENTS_LOOP_H

#include "analysis/events.h"
#include "analysis/foresight.h"
#include "export/open_calls.h"

/*
 * flags of a struct ct_open_call; `mark`: the outermost of its function,
 * `parent`: index + 1 of the nearest call that takes part, `depth` as shown,
 * `id`: where on the stack's saved bytes the values of a call that may begin
 * late are, behind their length.
 */
enum {
	CT_OPEN_TAKES_PART = 1, /* by function, depth, inside and outside */
	CT_OPEN_IN_TIME = 2,
	CT_OPEN_SHOWN = 4,
	CT_OPEN_BEGINS_INSIDE = 8,
	CT_OPEN_BEGINS_OUTSIDE = 16,
};

/* How much of what --inside and --outside mean is open on a stack. */
struct ct_nesting {
	uint32_t inside, outside;
};

enum { CT_PLAIN_STEPS = 256, CT_WAITING_STEPS = 64 };

struct ct_events {
	const struct ct_session *session;
	const struct ct_input *input;
	const struct ct_selection *selection;
	struct ct_walk *walk;
	struct ct_scale scale;
	bool is_plain; /* every call is selected */
	struct ct_open_stacks stacks;
	struct ct_nesting *nestings; /* by index of the stack */
	uint32_t nesting_count;
	uint32_t current;	/* index of the stack `active` speaks of */
	const uint32_t *groups; /* by function; NULL: itself */
	uint32_t *active;	/* by group: its open calls on the current stack */
	bool failed;
	/* a call that turned out to be long enough ends, after those around it have begun */
	bool is_late;
	uint32_t late_next;
	struct ct_step late_step;
	/* for ct_events_next(): plain ones on the current stack that come before all others */
	struct ct_plain_step waiting[CT_WAITING_STEPS];
	size_t waiting_next, waiting_count;
	/* conditions on values */
	struct ct_values *values;	/* NULL: none are looked at */
	struct ct_foresight *foresight; /* of what is returned; NULL: nothing of it is asked for */
};

/* The calls of stack `number` come next; false: out of memory. */
bool ct_events_switch_stack(struct ct_events *events, uint32_t number)
	__attribute__((cold, noinline));

static inline uint32_t *ct_events_active(const struct ct_events *events, uint32_t function)
{
	return &events->active[events->groups ? events->groups[function] : function];
}

/* What is done with each event of a stream; false: memory ran out. */
typedef bool ct_event_fn(void *state, size_t stream, const struct ct_event *event);

/* A call begins, and all are selected: what begin_call() of events.c does, and less to ask. */
static inline __attribute__((always_inline)) bool ct_events_plain_begin(
	struct ct_events *events, struct ct_open_stack *stack, const struct ct_plain_step *step,
	ct_event_fn *take, void *state, size_t stream)
{
	uint32_t depth = stack->count;
	struct ct_open_call *call = ct_open_stack_push(stack);
	if (ct_unlikely(!call))
		return false;
	uint32_t function = events->input->functions[step->site];
	uint64_t ns = events->input->offset_ns + ct_scale_ns(&events->scale, step->ticks);
	*call = (struct ct_open_call){
		.start_ns = ns,
		.site = step->site,
		.mark = (*ct_events_active(events, function))++ == 0,
		.flags = CT_OPEN_TAKES_PART | CT_OPEN_IN_TIME | CT_OPEN_SHOWN,
		.parent = depth,
		.depth = depth,
	};
	const struct ct_event event = {
		.kind = CT_EVENT_BEGIN,
		.function = function,
		.site = step->site,
		.stack = stack->number,
		.depth = depth,
		.value_bytes = step->value_bytes,
		.ns = ns,
		.start_ns = ns,
		.values = step->values,
	};
	return take(state, stream, &event);
}

static inline __attribute__((always_inline)) bool ct_events_plain_end(
	struct ct_events *events, struct ct_open_stack *stack, const struct ct_plain_step *step,
	ct_event_fn *take, void *state, size_t stream)
{
	const uint32_t *functions = events->input->functions;
	uint64_t ns = events->input->offset_ns + ct_scale_ns(&events->scale, step->ticks);
	const struct ct_open_call *call = &stack->calls[--stack->count];
	/* A walk's ticks do not decrease; those of a damaged trace may be beyond what ns can say.
	 */
	uint64_t duration_ns = ct_likely(ns > call->start_ns) ? ns - call->start_ns : 0;
	uint32_t function = functions[step->site];
	--*ct_events_active(events, function);
	struct ct_event event = {
		.kind = CT_EVENT_END,
		.end = CT_CALL_RETURNED,
		.is_outermost = call->mark,
		.function = function,
		.caller = CT_NO_CALLER,
		.site = step->site,
		.stack = stack->number,
		.depth = call->depth,
		.value_bytes = step->value_bytes,
		.ns = ns,
		.start_ns = call->start_ns,
		.duration_ns = duration_ns,
		.self_ns = duration_ns > call->children_ns ? duration_ns - call->children_ns : 0,
		.values = step->values,
	};
	if (stack->count) {
		struct ct_open_call *around = &stack->calls[stack->count - 1];
		around->children_ns += duration_ns;
		event.caller = functions[around->site];
	} else {
		ct_open_stack_trim(stack);
	}
	return take(state, stream, &event);
}

static inline __attribute__((always_inline)) bool ct_events_plain_step(
	struct ct_events *events, const struct ct_plain_step *step, ct_event_fn *take, void *state,
	size_t stream)
{
	struct ct_open_stack *stack = &events->stacks.stacks[events->current];
	return step->is_end ? ct_events_plain_end(events, stack, step, take, state, stream)
			    : ct_events_plain_begin(events, stack, step, take, state, stream);
}

/* Steps that come next, and all are plain; 0: the next one is not, or memory ran out. */
static inline size_t ct_events_plain_steps(struct ct_events *events, struct ct_plain_step *ret,
					   size_t most)
{
	uint32_t number;
	size_t count = ct_walk_plain(events->walk, ret, most, &number);
	if (count && ct_unlikely(number != events->stacks.stacks[events->current].number) &&
	    !ct_events_switch_stack(events, number)) {
		events->failed = true;
		return 0;
	}
	return count;
}

/* As many as come at once, at most CT_PLAIN_STEPS; 0 as above. */
static inline __attribute__((always_inline)) size_t ct_events_plain(struct ct_events *events,
								    ct_event_fn *take, void *state,
								    size_t stream)
{
	struct ct_plain_step steps[CT_PLAIN_STEPS];
	if (events->waiting_next < events->waiting_count)
		return 0;
	size_t count = ct_events_plain_steps(events, steps, CT_PLAIN_STEPS);
	for (size_t i = 0; i < count; i++) {
		if (ct_unlikely(!ct_events_plain_step(events, &steps[i], take, state, stream))) {
			events->failed = true;
			return 0;
		}
	}
	return count;
}

/*
 * Call `take` with some events, *ret of them. False: there are no more, or memory ran out
 * (ct_events_failed()). Where `take` is known, it becomes a part of the loop.
 */
static inline __attribute__((always_inline)) bool ct_events_some(struct ct_events *events,
								 ct_event_fn *take, void *state,
								 size_t stream, uint64_t *ret)
{
	enum { AT_ONCE = 1 << 14 };
	struct ct_event event;
	*ret = 0;
	while (*ret < AT_ONCE) {
		size_t count = events->is_plain ? ct_events_plain(events, take, state, stream) : 0;
		*ret += count;
		if (count)
			continue;
		if (!ct_events_next(events, &event))
			return false;
		if (!take(state, stream, &event)) {
			events->failed = true;
			return false;
		}
		++*ret;
	}
	return true;
}

/* Such a loop around a function of the file's own, for struct ct_parallel. */
#define CT_EVENTS_LOOP(name, take)                                                            \
	static bool name(struct ct_events *events, void *state, size_t stream, uint64_t *ret) \
	{                                                                                     \
		return ct_events_some(events, take, state, stream, ret);                      \
	}

#endif
