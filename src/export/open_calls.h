/* SPDX-License-Identifier: MIT */
/* The calls open on each stack of one thread, while its trace is walked. */
#ifndef CT_EXPORT_OPEN_CALLS_H
#define CT_EXPORT_OPEN_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

struct ct_open_call {
	uint64_t start_ns;
	uint64_t children_ns; /* durations of the children that ended */
	uint64_t id;	      /* callers have lower ones */
	uint32_t site;
	bool mark;		/* free for the pass */
	uint8_t flags;		/* the same */
	uint32_t parent, depth; /* the same */
};

struct ct_open_stack {
	struct ct_open_call *calls;
	uint64_t begun; /* calls that ever began */
	uint32_t count;
	uint32_t capacity;
	uint32_t number;	/* as in struct ct_step */
	bool filled;		/* free for the pass */
	struct ct_strbuf saved; /* bytes kept for open calls, the innermost one's last */
};

/*
 * Stacks in the order of their first step, the thread's own (number 0) first:
 * every walk of a thread numbers them alike.
 */
struct ct_open_stacks {
	struct ct_open_stack *stacks;
	uint32_t count;
	uint32_t capacity;
	uint32_t *table; /* hash of `number` to index + 1 */
	uint32_t table_size;
};

bool ct_open_stacks_init(struct ct_open_stacks *stacks);
void ct_open_stacks_deinit(struct ct_open_stacks *stacks);

/* Index of the stack with this number, made when new; UINT32_MAX: out of memory. */
uint32_t ct_open_stacks_index(struct ct_open_stacks *stacks, uint32_t number);

bool ct_open_stack_grow(struct ct_open_stack *stack);

/* NULL: out of memory. */
static inline struct ct_open_call *ct_open_stack_push(struct ct_open_stack *stack)
{
	if (__builtin_expect(stack->count == stack->capacity, 0) && !ct_open_stack_grow(stack))
		return NULL;
	return &stack->calls[stack->count++];
}

/* Keep bytes, or NULL, for the call that begins; false: out of memory. */
bool ct_open_stack_save(struct ct_open_stack *stack, const unsigned char *bytes, uint32_t length);
/* What was saved last, which is then forgotten; good until the next is saved. */
const unsigned char *ct_open_stack_restore(struct ct_open_stack *stack, uint32_t *ret_length);

/* Forget the memory of a coroutine that came to its end: there may be millions. */
void ct_open_stack_trim(struct ct_open_stack *stack);

#endif
