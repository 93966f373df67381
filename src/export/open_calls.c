/* SPDX-License-Identifier: MIT */
/* The calls open on each stack of one thread: see open_calls.h. */
#include "export/open_calls.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 16 };

bool ct_open_stack_grow(struct ct_open_stack *stack)
{
	uint32_t capacity = stack->capacity ? stack->capacity * 2 : FIRST_CAPACITY;
	if (capacity <= stack->capacity)
		return false;
	struct ct_open_call *calls = realloc(stack->calls, capacity * sizeof(*calls));
	if (!calls)
		return false;
	stack->calls = calls;
	stack->capacity = capacity;
	return true;
}

void ct_open_stack_trim(struct ct_open_stack *stack)
{
	if (stack->count > 0 || stack->number == 0)
		return;
	free(stack->calls);
	stack->calls = NULL;
	stack->capacity = 0;
	ct_strbuf_deinit(&stack->saved);
}

/* A saved run of bytes is followed by its length. */
enum { SAVED_NULL = UINT32_MAX };

bool ct_open_stack_save(struct ct_open_stack *stack, const unsigned char *bytes, uint32_t length)
{
	uint32_t tail = bytes ? length : SAVED_NULL;
	ct_strbuf_add(&stack->saved, bytes, bytes ? length : 0);
	ct_strbuf_add(&stack->saved, &tail, sizeof(tail));
	return !stack->saved.failed;
}

const unsigned char *ct_open_stack_restore(struct ct_open_stack *stack, uint32_t *ret_length)
{
	struct ct_strbuf *saved = &stack->saved;
	uint32_t tail;
	*ret_length = 0;
	if (saved->length < sizeof(tail))
		return NULL;
	saved->length -= sizeof(tail);
	memcpy(&tail, saved->bytes + saved->length, sizeof(tail));
	if (tail == SAVED_NULL || tail > saved->length)
		return NULL;
	saved->length -= tail;
	*ret_length = tail;
	return (const unsigned char *)saved->bytes + saved->length;
}

static uint32_t *table_slot(const struct ct_open_stacks *stacks, uint32_t number)
{
	uint32_t at = number * UINT32_C(2654435769) & (stacks->table_size - 1);
	while (stacks->table[at] && stacks->stacks[stacks->table[at] - 1].number != number)
		at = (at + 1) & (stacks->table_size - 1);
	return &stacks->table[at];
}

/* Room for one more stack; the table stays at most half full. */
static bool reserve(struct ct_open_stacks *stacks)
{
	if (stacks->count < stacks->capacity)
		return true;
	uint32_t capacity = stacks->capacity ? stacks->capacity * 2 : FIRST_CAPACITY;
	struct ct_open_stack *rows = realloc(stacks->stacks, capacity * sizeof(*rows));
	if (!rows)
		return false;
	stacks->stacks = rows;
	uint32_t *table = calloc(capacity * 2, sizeof(*table));
	if (!table)
		return false;
	free(stacks->table);
	stacks->table = table;
	stacks->table_size = capacity * 2;
	stacks->capacity = capacity;
	for (uint32_t i = 0; i < stacks->count; i++)
		*table_slot(stacks, rows[i].number) = i + 1;
	return true;
}

uint32_t ct_open_stacks_index(struct ct_open_stacks *stacks, uint32_t number)
{
	if (!reserve(stacks))
		return UINT32_MAX;
	uint32_t *slot = table_slot(stacks, number);
	if (*slot == 0) {
		stacks->stacks[stacks->count] = (struct ct_open_stack){.number = number};
		*slot = ++stacks->count;
	}
	return *slot - 1;
}

bool ct_open_stacks_init(struct ct_open_stacks *stacks)
{
	*stacks = (struct ct_open_stacks){0};
	return ct_open_stacks_index(stacks, 0) == 0;
}

void ct_open_stacks_deinit(struct ct_open_stacks *stacks)
{
	for (uint32_t i = 0; i < stacks->count; i++) {
		free(stacks->stacks[i].calls);
		ct_strbuf_deinit(&stacks->stacks[i].saved);
	}
	free(stacks->stacks);
	free(stacks->table);
}
