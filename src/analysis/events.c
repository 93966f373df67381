/* SPDX-License-Identifier: MIT */
/* The calls of one thread as a selection leaves them: see events.h. */
#include "analysis/events.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/events_loop.h"
#include "base/cleanup.h"

static const struct ct_selection everything = {
	.to_ns = UINT64_MAX,
	.max_depth = UINT32_MAX,
	.is_everything = true,
};

void ct_events_destroy(struct ct_events *events)
{
	if (!events)
		return;
	ct_walk_destroy(events->walk);
	ct_open_stacks_deinit(&events->stacks);
	ct_values_destroy(events->values);
	ct_foresight_destroy(events->foresight);
	free(events->nestings);
	free(events->active);
	free(events);
}

static void events_cleanup(struct ct_events **events)
{
	ct_events_destroy(*events);
}

static struct ct_error *prepare_conditions(struct ct_events *events, const struct ct_stream *row)
{
	const struct ct_selection *selection = events->selection;
	const struct ct_values *values = selection->values ? selection->values[row->input] : NULL;
	if (!values)
		return NULL;
	events->values = ct_values_share(values);
	if (!events->values)
		return ct_error_nomem;
	return selection->late_conditions
		       ? ct_foresight_create(events->input, row->stream, selection, events->values,
					     &events->foresight)
		       : NULL;
}

/* Less than half of all numbers: ticks before the start look like more. */
static uint64_t most_ticks(const struct ct_scale *scale)
{
	uint64_t most = UINT64_MAX / 2;
	if (scale->mult >> CT_SCALE_SHIFT)
		most /= (scale->mult >> CT_SCALE_SHIFT) + 1;
	return most;
}

struct ct_error *ct_events_create_part(const struct ct_session *session, size_t stream,
				       const struct ct_selection *selection, const uint32_t *groups,
				       const struct ct_events_part *part, struct ct_events **ret)
{
	const struct ct_stream *row = &session->streams[stream];
	ct_cleanup(events_cleanup) struct ct_events *events = calloc(1, sizeof(*events));
	if (!events)
		return ct_error_nomem;
	events->session = session;
	events->input = &session->inputs[row->input];
	events->selection = selection ? selection : &everything;
	events->is_plain = events->selection->is_everything &&
			   events->selection->min_duration_ns == 0;
	events->scale = ct_trace_scale(events->input->trace);
	events->most_ticks = most_ticks(&events->scale);
	events->groups = groups;
	events->active = calloc((size_t)session->function_count + 1, sizeof(*events->active));
	events->nestings = calloc(1, sizeof(*events->nestings));
	events->nesting_count = 1;
	if (!events->active || !events->nestings || !ct_open_stacks_init(&events->stacks))
		return ct_error_nomem;
	struct ct_error *err = ct_walk_create_part(events->input->trace, row->stream, part->from,
						   part->to, part->state, &events->walk);
	if (!err)
		err = prepare_conditions(events, row);
	if (err)
		return err;
	*ret = ct_take(events);
	return NULL;
}

struct ct_error *ct_events_create(const struct ct_session *session, size_t stream,
				  const struct ct_selection *selection, const uint32_t *groups,
				  struct ct_events **ret)
{
	const struct ct_stream *row = &session->streams[stream];
	const struct ct_trace *trace = session->inputs[row->input].trace;
	const struct ct_events_part all = {0, ct_part_pieces(trace, row->stream), NULL};
	return ct_events_create_part(session, stream, selection, groups, &all, ret);
}

bool ct_events_can_part(const struct ct_selection *selection)
{
	return !selection || (!selection->function_conditions && selection->min_duration_ns == 0);
}

static struct ct_open_stack *current_stack(struct ct_events *events)
{
	return &events->stacks.stacks[events->current];
}

static uint32_t function_of(const struct ct_events *events, uint32_t site)
{
	return ct_session_function(events->input, site);
}

static uint32_t *active_of(const struct ct_events *events, uint32_t function)
{
	return &events->active[events->groups ? events->groups[function] : function];
}

/* ---- stacks ---- */

static void count_active(struct ct_events *events, const struct ct_open_stack *stack, uint32_t by)
{
	for (uint32_t i = 0; i < stack->count; i++)
		*active_of(events, function_of(events, stack->calls[i].site)) += by;
}

bool ct_events_switch_stack(struct ct_events *events, uint32_t number)
{
	uint32_t to = ct_open_stacks_index(&events->stacks, number);
	if (to == UINT32_MAX)
		return false;
	if (to >= events->nesting_count) {
		struct ct_nesting *nestings = reallocarray(events->nestings, 2 * ((size_t)to + 1),
							   sizeof(*nestings));
		if (!nestings)
			return false;
		events->nestings = nestings;
		while (events->nesting_count < 2 * (to + 1))
			nestings[events->nesting_count++] = (struct ct_nesting){0, 0};
	}
	count_active(events, current_stack(events), UINT32_MAX);
	events->current = to;
	count_active(events, current_stack(events), 1);
	return true;
}

/* ---- calls ---- */

static uint64_t session_ns(const struct ct_events *events, uint64_t ticks)
{
	return events->input->offset_ns + ct_scale_ns(&events->scale, ticks);
}

/* What a function's flags and the values of this call make of it. */
static uint8_t ask(struct ct_events *events, const struct ct_step *step, uint32_t function)
{
	const struct ct_selection *selection = events->selection;
	uint8_t is = selection->function_flags[function];
	uint8_t effects = 0;
	if (is & CT_SELECT_ASK) {
		uint64_t among = selection->function_conditions[function];
		const struct ct_value_bytes payload = {step->values, step->value_bytes, 0};
		if (among & selection->late_conditions)
			effects = ct_foresight_next(events->foresight);
		else
			effects = ct_selection_effects(
				selection, ct_selection_holding(selection, events->values,
								step->site, payload, among, false));
	}
	if (selection->has_where && !(effects & CT_SELECT_HOLDS))
		is &= (uint8_t)~CT_SELECT_SHOWN;
	return is | effects;
}

/* Does the call take part, and is it in time? */
static uint8_t classify(struct ct_events *events, const struct ct_open_call *call,
			const struct ct_step *step, uint32_t function)
{
	const struct ct_selection *selection = events->selection;
	if (selection->is_everything)
		return CT_OPEN_TAKES_PART | CT_OPEN_IN_TIME;
	struct ct_nesting *nesting = &events->nestings[events->current];
	uint8_t is = selection->function_conditions ? ask(events, step, function)
						    : selection->function_flags[function];
	uint8_t flags = 0;
	if (is & CT_SELECT_INSIDE) {
		flags |= CT_OPEN_BEGINS_INSIDE;
		nesting->inside++;
	}
	if (is & CT_SELECT_OUTSIDE) {
		flags |= CT_OPEN_BEGINS_OUTSIDE;
		nesting->outside++;
	}
	if (is & CT_SELECT_SHOWN && nesting->outside == 0 &&
	    (!selection->has_inside || nesting->inside > 0) && call->depth < selection->max_depth)
		flags |= CT_OPEN_TAKES_PART;
	if (call->start_ns >= selection->from_ns && call->start_ns < selection->to_ns)
		flags |= CT_OPEN_IN_TIME;
	return flags;
}

static bool is_selected(const struct ct_open_call *call)
{
	return (call->flags & (CT_OPEN_TAKES_PART | CT_OPEN_IN_TIME)) ==
	       (CT_OPEN_TAKES_PART | CT_OPEN_IN_TIME);
}

/* Of a call that may begin late: the walk forgets its values. */
static bool save_values(struct ct_open_stack *stack, struct ct_open_call *call,
			const struct ct_step *step)
{
	uint32_t length = step->values ? step->value_bytes : 0;
	call->id = stack->saved.length;
	ct_strbuf_add(&stack->saved, &length, sizeof(length));
	if (length)
		ct_strbuf_add(&stack->saved, step->values, length);
	return !stack->saved.failed;
}

static void show_saved_values(const struct ct_open_stack *stack, const struct ct_open_call *call,
			      struct ct_event *ret)
{
	const char *at = stack->saved.bytes + call->id;
	memcpy(&ret->value_bytes, at, sizeof(ret->value_bytes));
	if (ret->value_bytes)
		ret->values = (const unsigned char *)at + sizeof(ret->value_bytes);
}

static void show_begin(const struct ct_events *events, struct ct_open_call *call, uint32_t stack,
		       struct ct_event *ret)
{
	call->flags |= CT_OPEN_SHOWN;
	*ret = (struct ct_event){
		.kind = CT_EVENT_BEGIN,
		.function = function_of(events, call->site),
		.site = call->site,
		.stack = stack,
		.depth = call->depth,
		.ns = call->start_ns,
		.start_ns = call->start_ns,
	};
}

/* True: there is an event. */
static bool begin_call(struct ct_events *events, const struct ct_step *step, struct ct_event *ret)
{
	struct ct_open_stack *stack = current_stack(events);
	uint32_t count = stack->count;
	struct ct_open_call *call = ct_open_stack_push(stack);
	if (!call) {
		events->failed = true;
		return false;
	}
	const struct ct_open_call *above = count ? call - 1 : NULL;
	uint32_t parent = !above ? 0 : above->flags & CT_OPEN_TAKES_PART ? count : above->parent;
	const struct ct_open_call *around = parent ? &stack->calls[parent - 1] : NULL;
	uint32_t function = function_of(events, step->site);
	call->start_ns = session_ns(events, step->ticks);
	call->children_ns = 0;
	call->site = step->site;
	call->parent = parent;
	call->depth = around ? around->depth + is_selected(around) : 0;
	call->flags = classify(events, call, step, function);
	if (!is_selected(call))
		return false;
	call->mark = (*active_of(events, function))++ == 0;
	if (events->selection->min_duration_ns > 0) {
		events->failed = !save_values(stack, call, step);
		return false;
	}
	show_begin(events, call, stack->number, ret);
	ret->values = step->values;
	ret->value_bytes = step->value_bytes;
	return true;
}

/* Take the innermost call off. True: it is shown. */
static bool end_call(struct ct_events *events, const struct ct_step *step, struct ct_event *ret)
{
	struct ct_open_stack *stack = current_stack(events);
	const struct ct_open_call *call = &stack->calls[--stack->count];
	uint32_t function = function_of(events, call->site);
	uint64_t end_ns = session_ns(events, step->ticks);
	uint64_t duration_ns = end_ns > call->start_ns ? end_ns - call->start_ns : 0;
	struct ct_nesting *nesting = &events->nestings[events->current];
	uint8_t flags = call->flags;
	if (events->selection->min_duration_ns > 0 && is_selected(call))
		stack->saved.length = call->id;
	*active_of(events, function) -= is_selected(call);
	nesting->inside -= (flags & CT_OPEN_BEGINS_INSIDE) != 0;
	nesting->outside -= (flags & CT_OPEN_BEGINS_OUTSIDE) != 0;
	struct ct_open_call *around = call->parent ? &stack->calls[call->parent - 1] : NULL;
	if (flags & CT_OPEN_TAKES_PART && around)
		around->children_ns += duration_ns;
	if (flags & CT_OPEN_SHOWN)
		*ret = (struct ct_event){
			.kind = CT_EVENT_END,
			.end = step->end,
			.is_outermost = call->mark,
			.function = function,
			.caller = around ? function_of(events, around->site) : CT_NO_CALLER,
			.site = call->site,
			.stack = stack->number,
			.depth = call->depth,
			.value_bytes = step->value_bytes,
			.ns = end_ns,
			.start_ns = call->start_ns,
			.duration_ns = duration_ns,
			.self_ns = duration_ns > call->children_ns ? duration_ns - call->children_ns
								   : 0,
			.values = step->values,
		};
	ct_open_stack_trim(stack);
	return flags & CT_OPEN_SHOWN;
}

/* Of the calls around the one that ends the next that has not begun yet; then the end. */
static bool next_late(struct ct_events *events, struct ct_event *ret)
{
	struct ct_open_stack *stack = current_stack(events);
	while (events->late_next < stack->count) {
		struct ct_open_call *call = &stack->calls[events->late_next++];
		if (!is_selected(call) || call->flags & CT_OPEN_SHOWN)
			continue;
		show_begin(events, call, stack->number, ret);
		show_saved_values(stack, call, ret);
		return true;
	}
	events->is_late = false;
	return end_call(events, &events->late_step, ret);
}

/* The innermost call ends: is it long enough to be shown, which it was not yet? */
static bool becomes_late(struct ct_events *events, const struct ct_step *step)
{
	struct ct_open_stack *stack = current_stack(events);
	const struct ct_open_call *call = &stack->calls[stack->count - 1];
	uint64_t end_ns = session_ns(events, step->ticks);
	if (!is_selected(call) || call->flags & CT_OPEN_SHOWN || end_ns < call->start_ns ||
	    end_ns - call->start_ns < events->selection->min_duration_ns)
		return false;
	events->is_late = true;
	events->late_step = *step;
	/* Those below the first that has begun have, too. */
	events->late_next = stack->count - 1;
	while (events->late_next > 0 &&
	       !(stack->calls[events->late_next - 1].flags & CT_OPEN_SHOWN))
		events->late_next--;
	return true;
}

/* ---- where all are selected ---- */

bool ct_plain_grow(struct ct_events *events, uint32_t count)
{
	struct ct_open_stack *stack = current_stack(events);
	stack->count = count;
	return ct_open_stack_grow(stack);
}

void ct_plain_trim(struct ct_events *events)
{
	ct_open_stack_trim(current_stack(events));
}

/* True: there is an event. */
static inline bool take_plain(struct ct_events *events, const struct ct_plain_step *step,
			      uint8_t end, struct ct_event *ret)
{
	struct ct_plain plain = ct_plain_take(events);
	if (step->is_end) {
		*ret = ct_plain_end(&plain, step, end);
		ct_plain_put(events, plain.count);
		if (plain.count == 0)
			ct_plain_trim(events);
		return true;
	}
	if (ct_unlikely(plain.count == plain.capacity)) {
		if (!ct_plain_grow(events, plain.count)) {
			events->failed = true;
			return false;
		}
		plain = ct_plain_take(events);
	}
	*ret = ct_plain_begin(&plain, step);
	ct_plain_put(events, plain.count);
	return true;
}

static bool take_plain_step(struct ct_events *events, const struct ct_step *step,
			    struct ct_event *ret)
{
	const struct ct_plain_step plain = {
		.ticks = step->ticks,
		.values = step->values,
		.value_bytes = step->value_bytes,
		.site = step->site,
		.is_end = step->kind == CT_STEP_END,
	};
	if (plain.is_end && current_stack(events)->count == 0)
		return false; /* the walk promises it does not happen */
	return take_plain(events, &plain, step->end, ret);
}

/* True: there is an event. */
static bool take_step(struct ct_events *events, const struct ct_step *step, struct ct_event *ret)
{
	if (events->is_plain && (step->kind == CT_STEP_CALL || step->kind == CT_STEP_END))
		return take_plain_step(events, step, ret);
	switch (step->kind) {
	case CT_STEP_CALL:
		return begin_call(events, step, ret);
	case CT_STEP_END:
		if (current_stack(events)->count == 0)
			return false; /* the walk promises it does not happen */
		if (events->selection->min_duration_ns > 0 && becomes_late(events, step))
			return next_late(events, ret);
		return end_call(events, step, ret);
	case CT_STEP_LOST:
		*ret = (struct ct_event){
			.kind = CT_EVENT_LOST,
			.stack = step->stack,
			.ns = session_ns(events, step->ticks),
			.lost = step->value,
		};
		return true;
	default:
		return false;
	}
}

/* True: there is an event. */
static inline bool next_plain(struct ct_events *events, struct ct_event *ret)
{
	if (events->waiting_next == events->waiting_count) {
		uint32_t number;
		events->waiting_next = 0;
		events->waiting_count = ct_walk_plain(events->walk, events->waiting,
						      CT_WAITING_STEPS, &number);
		if (events->waiting_count == 0)
			return false;
		if (number != current_stack(events)->number &&
		    !ct_events_switch_stack(events, number)) {
			events->failed = true;
			return false;
		}
	}
	return take_plain(events, &events->waiting[events->waiting_next++], CT_CALL_RETURNED, ret);
}

bool ct_events_next(struct ct_events *events, struct ct_event *ret)
{
	struct ct_step step;
	if (ct_unlikely(events->is_late))
		return next_late(events, ret);
	if (events->is_plain && ct_likely(!events->failed) && next_plain(events, ret))
		return true;
	while (!events->failed && ct_walk_next(events->walk, &step)) {
		if (ct_unlikely(step.stack != current_stack(events)->number) &&
		    !ct_events_switch_stack(events, step.stack)) {
			events->failed = true;
			return false;
		}
		if (take_step(events, &step, ret))
			return true;
	}
	return false;
}

/* ---- parts ---- */

bool ct_events_resume(struct ct_events *events, const struct ct_walk_state *open, ct_event_fn *take,
		      void *state, size_t stream)
{
	for (size_t i = 0; i < open->count && !events->failed; i++) {
		const struct ct_step step = {
			.kind = CT_STEP_CALL,
			.site = open->frames[i].site,
			.ticks = open->frames[i].ticks,
		};
		struct ct_event event;
		if (!take_step(events, &step, &event))
			continue;
		event.kind = CT_EVENT_RESUME;
		events->failed |= !take(state, stream, &event);
	}
	return !events->failed;
}

/* What a call's callees took in this part is to be taken off its own time. */
static struct ct_event pause_of(const struct ct_events *events, const struct ct_open_stack *stack,
				uint32_t index)
{
	const struct ct_open_call *call = &stack->calls[index];
	uint32_t parent = events->is_plain ? index : call->parent;
	return (struct ct_event){
		.kind = CT_EVENT_PAUSE,
		.is_outermost = call->mark,
		.function = function_of(events, call->site),
		.caller = parent ? function_of(events, stack->calls[parent - 1].site)
				 : CT_NO_CALLER,
		.site = call->site,
		.stack = stack->number,
		.depth = events->is_plain ? index : call->depth,
		.start_ns = call->start_ns,
		.self_ns = -call->children_ns,
	};
}

bool ct_events_pause(struct ct_events *events, ct_event_fn *take, void *state, size_t stream)
{
	const struct ct_open_stack *stack = current_stack(events);
	for (uint32_t i = stack->count; i > 0; i--) {
		if (!events->is_plain && !(stack->calls[i - 1].flags & CT_OPEN_SHOWN))
			continue;
		const struct ct_event event = pause_of(events, stack, i - 1);
		if (!take(state, stream, &event))
			return false;
	}
	return true;
}

void ct_events_extend(struct ct_events *events, uint32_t to)
{
	ct_walk_extend(events->walk, to);
}

bool ct_events_one(struct ct_events *events, ct_event_fn *take, void *state, size_t stream)
{
	struct ct_event event;
	if (!ct_events_next(events, &event))
		return false;
	if (!take(state, stream, &event))
		events->failed = true;
	return !events->failed;
}

bool ct_events_failed(const struct ct_events *events)
{
	return events->failed || ct_walk_failed(events->walk);
}
