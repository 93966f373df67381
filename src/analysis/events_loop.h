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
#include "reader/walk_loop.h"

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

enum { CT_PLAIN_STEPS = 1 << 12, CT_WAITING_STEPS = 64 };

struct ct_events {
	const struct ct_session *session;
	const struct ct_input *input;
	const struct ct_selection *selection;
	struct ct_walk *walk;
	struct ct_scale scale;
	uint64_t most_ticks; /* since the start, that need no further look */
	bool is_plain;	     /* every call is selected */
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

/* What is done with each event of a stream; false: memory ran out. */
typedef bool ct_event_fn(void *state, size_t stream, const struct ct_event *event);

/*
 * Of a part: call `take` with the calls open before it, the outermost first; with those open
 * behind it, the innermost first, when what follows is read by somebody else; or go on up to
 * piece `to`. False: out of memory.
 */
bool ct_events_resume(struct ct_events *events, const struct ct_walk_state *open, ct_event_fn *take,
		      void *state, size_t stream);
bool ct_events_pause(struct ct_events *events, ct_event_fn *take, void *state, size_t stream);
void ct_events_extend(struct ct_events *events, uint32_t to);

/* The calls of stack `number` come next; false: out of memory. */
bool ct_events_switch_stack(struct ct_events *events, uint32_t number)
	__attribute__((cold, noinline));

/*
 * Where all calls are selected: what a step needs of a stream and of its current stack, where the
 * compiler can keep it in registers. Of open calls, `start_ns`, `children_ns`, `site` and `mark`
 * are kept up alone, for all around a call are its callers and as deep as they lie.
 */
struct ct_plain {
	const uint32_t *functions;
	uint64_t offset_ns;
	struct ct_scale scale;
	uint64_t most_ticks; /* since the start, whose ns are a number */
	uint32_t *active;
	const uint32_t *groups;
	struct ct_open_call *calls;
	uint32_t count, capacity, number;
};

static inline __attribute__((always_inline)) struct ct_plain ct_plain_take(
	const struct ct_events *events)
{
	const struct ct_open_stack *stack = &events->stacks.stacks[events->current];
	return (struct ct_plain){
		.functions = events->input->functions,
		.offset_ns = events->input->offset_ns,
		.scale = events->scale,
		.most_ticks = events->most_ticks,
		.active = events->active,
		.groups = events->groups,
		.calls = stack->calls,
		.count = stack->count,
		.capacity = stack->capacity,
		.number = stack->number,
	};
}

static inline void ct_plain_put(struct ct_events *events, uint32_t count)
{
	events->stacks.stacks[events->current].count = count;
}

/* Room for one more call; the stack is to be taken again. False: out of memory. */
bool ct_plain_grow(struct ct_events *events, uint32_t count) __attribute__((cold, noinline));
/* A coroutine came to its end; as above. */
void ct_plain_trim(struct ct_events *events) __attribute__((cold, noinline));

static inline uint64_t ct_plain_ns(const struct ct_plain *plain, uint64_t ticks)
{
	uint64_t since = ticks - plain->scale.start_ticks;
	if (ct_unlikely(since > plain->most_ticks))
		return plain->offset_ns + ct_scale_ns(&plain->scale, ticks);
	unsigned __int128 ns = (unsigned __int128)since * plain->scale.mult;
	return plain->offset_ns + (uint64_t)(ns >> CT_SCALE_SHIFT);
}

static inline uint32_t *ct_plain_active(const struct ct_plain *plain, uint32_t function)
{
	return &plain->active[plain->groups ? plain->groups[function] : function];
}

/* A call begins, for which there is room. */
static inline __attribute__((always_inline)) struct ct_event ct_plain_begin(
	struct ct_plain *plain, const struct ct_plain_step *step)
{
	uint32_t function = plain->functions[step->site];
	uint64_t ns = ct_plain_ns(plain, step->ticks);
	uint32_t depth = plain->count++;
	struct ct_open_call *call = &plain->calls[depth];
	call->start_ns = ns;
	call->children_ns = 0;
	call->site = step->site;
	call->mark = (*ct_plain_active(plain, function))++ == 0;
	return (struct ct_event){
		.kind = CT_EVENT_BEGIN,
		.function = function,
		.site = step->site,
		.stack = plain->number,
		.depth = depth,
		.value_bytes = step->value_bytes,
		.ns = ns,
		.start_ns = ns,
		.values = step->values,
	};
}

/* The innermost call ends. */
static inline __attribute__((always_inline)) struct ct_event ct_plain_end(
	struct ct_plain *plain, const struct ct_plain_step *step, uint8_t end)
{
	uint64_t ns = ct_plain_ns(plain, step->ticks);
	const struct ct_open_call *call = &plain->calls[--plain->count];
	/* A walk's ticks do not decrease; those of a damaged trace may be beyond what ns can say.
	 */
	uint64_t duration_ns = ct_likely(ns > call->start_ns) ? ns - call->start_ns : 0;
	uint32_t function = plain->functions[step->site];
	uint32_t caller = CT_NO_CALLER;
	--*ct_plain_active(plain, function);
	if (ct_likely(plain->count)) {
		struct ct_open_call *around = &plain->calls[plain->count - 1];
		around->children_ns += duration_ns;
		caller = plain->functions[around->site];
	}
	return (struct ct_event){
		.kind = CT_EVENT_END,
		.end = end,
		.is_outermost = call->mark,
		.function = function,
		.caller = caller,
		.site = step->site,
		.stack = plain->number,
		.depth = plain->count,
		.value_bytes = step->value_bytes,
		.ns = ns,
		.start_ns = call->start_ns,
		.duration_ns = duration_ns,
		.self_ns = duration_ns > call->children_ns ? duration_ns - call->children_ns : 0,
		.values = step->values,
	};
}

static inline __attribute__((always_inline)) size_t ct_events_plain_keyed(
	struct ct_events *events, struct ct_walk_cursor cursor, ct_event_fn *take, void *state,
	size_t stream, bool has_keys)
{
	struct ct_plain plain = ct_plain_take(events);
	enum ct_walk_got got = CT_WALK_GOT_STEP;
	size_t count = 0;
	while (count < CT_PLAIN_STEPS) {
		struct ct_plain_step step;
		if (ct_unlikely(plain.count == plain.capacity)) {
			if (!ct_plain_grow(events, plain.count)) {
				events->failed = true;
				break;
			}
			plain = ct_plain_take(events);
		}
		got = ct_walk_cursor_step(events->walk, &cursor, &step, has_keys);
		if (ct_unlikely(got != CT_WALK_GOT_STEP))
			break;
		count++;
		bool ok;
		if (step.is_end) {
			const struct ct_event event = ct_plain_end(&plain, &step, CT_CALL_RETURNED);
			ok = take(state, stream, &event);
			if (ct_unlikely(plain.count == 0) && plain.number != 0) {
				ct_plain_put(events, 0);
				ct_plain_trim(events);
				plain = ct_plain_take(events);
			}
		} else {
			const struct ct_event event = ct_plain_begin(&plain, &step);
			ok = take(state, stream, &event);
		}
		if (ct_unlikely(!ok)) {
			events->failed = true;
			break;
		}
	}
	if (got != CT_WALK_GOT_RULE)
		ct_walk_cursor_put(events->walk, cursor.at, cursor.last_ticks, cursor.length);
	ct_plain_put(events, plain.count);
	return events->failed ? 0 : count;
}

/* As many as come at once, up to CT_PLAIN_STEPS; 0: what is next is not plain, or memory ran out.
 */
static inline __attribute__((always_inline)) size_t ct_events_plain(struct ct_events *events,
								    ct_event_fn *take, void *state,
								    size_t stream)
{
	struct ct_walk_cursor cursor;
	uint32_t number;
	if (events->waiting_next < events->waiting_count || events->failed ||
	    !ct_walk_cursor_take(events->walk, &cursor, &number))
		return 0;
	if (ct_unlikely(number != events->stacks.stacks[events->current].number) &&
	    !ct_events_switch_stack(events, number)) {
		events->failed = true;
		return 0;
	}
	return cursor.keys ? ct_events_plain_keyed(events, cursor, take, state, stream, true)
			   : ct_events_plain_keyed(events, cursor, take, state, stream, false);
}

/* The next event, plain or not; false as ct_events_some(). */
bool ct_events_one(struct ct_events *events, ct_event_fn *take, void *state, size_t stream)
	__attribute__((cold, noinline));

/*
 * Call `take` with some events, *ret of them. False: there are no more, or memory ran out
 * (ct_events_failed()). Where `take` is known, it becomes a part of the loop.
 */
static inline __attribute__((always_inline)) bool ct_events_some(struct ct_events *events,
								 ct_event_fn *take, void *state,
								 size_t stream, uint64_t *ret)
{
	enum { AT_ONCE = 1 << 14 };
	*ret = 0;
	while (*ret < AT_ONCE) {
		size_t count = events->is_plain ? ct_events_plain(events, take, state, stream) : 0;
		*ret += count;
		if (count)
			continue;
		if (!ct_events_one(events, take, state, stream))
			return false;
		++*ret;
	}
	return true;
}

/* For the function in a loop below: there is a copy of it for each kind of event. */
#define CT_EVENTS_INLINE static inline __attribute__((always_inline))

/* Such a loop around a function of the file's own, for struct ct_parallel. */
#define CT_EVENTS_LOOP(name, take)                                                            \
	static bool name(struct ct_events *events, void *state, size_t stream, uint64_t *ret) \
	{                                                                                     \
		return ct_events_some(events, take, state, stream, ret);                      \
	}

#endif
