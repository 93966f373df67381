/* SPDX-License-Identifier: MIT */
/* Calls as rows: see rows.h. */
#include "exporter/rows.h"

#include "base/cleanup.h"
#include "export/open_calls.h"

struct pass {
	const struct ct_rows *rows;
	size_t stream;
	struct ct_open_stacks stacks;
	uint32_t current;
	uint64_t *next_id; /* goes on over streams */
	bool has_values;
};

static bool switch_stack(struct pass *pass, uint32_t number)
{
	uint32_t index = ct_open_stacks_index(&pass->stacks, number);
	if (index == UINT32_MAX)
		return false;
	pass->current = index;
	return true;
}

static bool begin_call(struct pass *pass, struct ct_open_stack *stack, const struct ct_event *event)
{
	struct ct_open_call *call = ct_open_stack_push(stack);
	if (!call)
		return false;
	call->id = (*pass->next_id)++;
	return !pass->has_values || ct_open_stack_save(stack, event->values, event->value_bytes);
}

static void end_call(struct pass *pass, struct ct_open_stack *stack, const struct ct_event *event)
{
	const struct ct_open_call *call = &stack->calls[--stack->count];
	struct ct_row row = {
		.id = call->id,
		.parent_id = stack->count ? call[-1].id : 0,
		.arguments = {.ns = event->start_ns},
		.result = {event->values, event->value_bytes, event->ns},
		.end = event,
	};
	if (pass->has_values)
		row.arguments.bytes = ct_open_stack_restore(stack, &row.arguments.length);
	pass->rows->put(pass->rows->state, pass->stream, &row);
	ct_open_stack_trim(stack);
}

static bool take(void *state, size_t stream, const struct ct_event *event)
{
	struct pass *pass = state;
	if (event->kind == CT_EVENT_LOST) {
		ct_export_note_gap(pass->rows->export, stream, event->lost);
		pass->rows->put_lost(pass->rows->state, stream, event);
		return true;
	}
	if (__builtin_expect(event->stack != pass->stacks.stacks[pass->current].number, 0) &&
	    !switch_stack(pass, event->stack))
		return false;
	struct ct_open_stack *stack = &pass->stacks.stacks[pass->current];
	if (event->kind == CT_EVENT_BEGIN)
		return begin_call(pass, stack, event);
	if (stack->count)
		end_call(pass, stack, event);
	return true;
}

CT_EVENTS_LOOP(read_events, take)

struct ct_error *ct_rows_put(const struct ct_rows *rows)
{
	const struct ct_session *session = rows->export->session;
	uint64_t next_id = 1;
	for (size_t i = 0; i < session->stream_count; i++) {
		struct pass pass = {
			.rows = rows,
			.stream = i,
			.next_id = &next_id,
			.has_values = ct_export_values(rows->export, i) != NULL,
		};
		if (!ct_export_has_stream(rows->export, i))
			continue;
		struct ct_error *err = ct_open_stacks_init(&pass.stacks)
					       ? ct_export_read(rows->export, i, read_events, &pass)
					       : ct_error_nomem;
		ct_open_stacks_deinit(&pass.stacks);
		if (err)
			return err;
	}
	return NULL;
}
