/* SPDX-License-Identifier: MIT */
/*
 * The stacks a thread runs on, and their shadow frames. In the traced process,
 * on the thread itself, with signals blocked.
 *
 * Stack addresses alone do not tell which frames are alive: a coroutine's or a
 * signal stack may lie above or below the interrupted frames. So each stack
 * has bounds, from the thread library, from contexts that are switched to, or
 * from the mapping that holds a stack pointer seen for the first time.
 */
#include "runtime/hot.h"

#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>

/* Grown frame arrays keep their predecessor: an interrupted hook may still write to it. */
struct frame_block {
	struct frame_block *previous;
	size_t size_bytes;
	struct ct_frame frames[];
};

static uint64_t stack_limit_bytes(void)
{
	struct rlimit limit = {0, 0};
	ct_sys(SYS_prlimit64, 0, RLIMIT_STACK, 0, &limit);
	return limit.rlim_cur;
}

static struct ct_range main_stack_range(void)
{
	enum { LEAST_GAP_BYTES = 128 << 20 }; /* the kernel keeps that much free below the top */
	const uint64_t unlimited_bytes = UINT64_C(1) << 42;
	/* The program's file name is the highest thing on the first stack. */
	uint64_t high = (getauxval(AT_EXECFN) | 4095) + 1;
	uint64_t size_bytes = stack_limit_bytes();
	if (size_bytes == RLIM_INFINITY || size_bytes > unlimited_bytes)
		size_bytes = unlimited_bytes;
	if (size_bytes < LEAST_GAP_BYTES)
		size_bytes = LEAST_GAP_BYTES;
	return (struct ct_range){.low = high - size_bytes, .high = high};
}

static struct ct_range thread_stack_range(void)
{
	/* The thread's descriptor is at the upper end of its stack. */
	uint64_t high = (uint64_t)pthread_self();
	uint64_t size_bytes = ct_origin.stack_bytes;
	if (!size_bytes)
		size_bytes = stack_limit_bytes();
	if (size_bytes == RLIM_INFINITY)
		size_bytes = 2 << 20;
	return (struct ct_range){.low = high - size_bytes, .high = high};
}

/* Where the stack really ends, as far as that can be told: above a thread's guard page. */
static uint64_t lowest_push(const struct ct_thread *thread)
{
	enum { GUARD_BYTES = 4096 };
	struct ct_range range = thread->own_stack.range;
	if (thread->tid != (uint32_t)ct_runtime.pid)
		return range.low + GUARD_BYTES;
	uint64_t size_bytes = stack_limit_bytes();
	return size_bytes < range.high - range.low ? range.high - size_bytes : range.low;
}

void ct_stack_init_own(struct ct_thread *thread)
{
	struct ct_stack *own = &thread->own_stack;
	own->range = thread->tid == (uint32_t)ct_runtime.pid ? main_stack_range()
							     : thread_stack_range();
	own->floor = lowest_push(thread);
	own->frames = thread->first_frames;
	own->capacity = CT_FIRST_FRAMES;
	own->number = 0;
	own->depth = 0;
	own->base = 0;
	own->signal_depth = 0;
	own->next = NULL;
	/* No function: nothing returns to it. The first enter sets the stack pointer. */
	own->frames[0] = (struct ct_frame){0, 0};
	thread->stack = own;
}

static struct frame_block *block_of(const struct ct_thread *thread, struct ct_frame *frames)
{
	if (frames == thread->first_frames)
		return NULL;
	return (struct frame_block *)((char *)frames - offsetof(struct frame_block, frames));
}

/* Room for `capacity` frames, the current ones copied; false: none. */
static bool set_capacity(struct ct_thread *thread, struct ct_stack *stack, uint64_t capacity)
{
	size_t size_bytes = sizeof(struct frame_block) + capacity * sizeof(struct ct_frame);
	struct frame_block *block = ct_sys_map(size_bytes);
	if (!block)
		return false;
	block->size_bytes = size_bytes;
	block->previous = NULL;
	if (stack->frames) {
		block->previous = block_of(thread, stack->frames);
		ct_copy(block->frames, stack->frames, stack->capacity * sizeof(struct ct_frame));
	}
	stack->frames = block->frames;
	stack->capacity = (uint32_t)capacity;
	return true;
}

bool ct_stack_grow(struct ct_thread *thread, struct ct_stack *stack)
{
	uint64_t capacity = (uint64_t)stack->capacity * 4;
	if (capacity > CT_DEPTH_MAX)
		capacity = CT_DEPTH_MAX;
	return capacity > stack->capacity && set_capacity(thread, stack, capacity);
}

static void free_frames(const struct ct_thread *thread, struct ct_stack *stack)
{
	struct frame_block *block = block_of(thread, stack->frames);
	while (block) {
		struct frame_block *previous = block->previous;
		ct_sys_unmap(block, block->size_bytes);
		block = previous;
	}
	stack->frames = NULL;
	stack->capacity = 0;
}

/* When the thread has ended. */
void ct_stack_free_frames(struct ct_thread *thread)
{
	struct ct_stack *stack = thread->own_stack.next;
	while (stack) {
		struct ct_stack *next = stack->next;
		free_frames(thread, stack);
		ct_sys_unmap(stack, sizeof(*stack));
		stack = next;
	}
	free_frames(thread, &thread->own_stack);
	thread->own_stack.next = NULL;
}

static struct ct_stack *add_stack(struct ct_thread *thread, struct ct_range range, bool announced)
{
	enum { COROUTINE_FRAMES = 252 }; /* with its head one page */
	struct ct_stack *stack = ct_sys_map(sizeof(*stack));
	if (!stack)
		return NULL;
	if (!set_capacity(thread, stack, COROUTINE_FRAMES)) {
		ct_sys_unmap(stack, sizeof(*stack));
		return NULL;
	}
	stack->range = range;
	stack->announced = announced;
	stack->number = __atomic_add_fetch(&ct_runtime.stack_count, 1, __ATOMIC_RELAXED);
	stack->next = thread->own_stack.next;
	thread->own_stack.next = stack;
	return stack;
}

static struct ct_stack *find_coroutine(struct ct_thread *thread, uint64_t sp, bool announced)
{
	for (struct ct_stack *stack = thread->own_stack.next; stack; stack = stack->next)
		if (stack->announced == announced && ct_range_holds(stack->range, sp))
			return stack;
	return NULL;
}

void ct_stack_announce(uint64_t low, uint64_t high)
{
	struct ct_thread *thread = ct_self.thread;
	if (!thread || !thread->window || low >= high)
		return;
	ct_sigset saved = ct_sys_block_signals();
	struct ct_stack *stack = find_coroutine(thread, low + 1, true);
	if (!stack)
		add_stack(thread, (struct ct_range){.low = low, .high = high}, true);
	else if (stack->range.high != high)
		stack->range = (struct ct_range){.low = low, .high = high}; /* memory used anew */
	ct_sys_restore_signals(saved);
}

bool ct_stack_signal_range(uint64_t sp, struct ct_range *ret)
{
	stack_t signal_stack;
	/* SS_ONSTACK tells of the stack this very code runs on, which may be the slow one. */
	if (ct_sys_failed(ct_sys(SYS_sigaltstack, 0, &signal_stack)) ||
	    signal_stack.ss_flags & SS_DISABLE)
		return false;
	ret->low = (uint64_t)signal_stack.ss_sp;
	ret->high = ret->low + signal_stack.ss_size;
	ret->is_signal_stack = true;
	return ct_range_holds(*ret, sp);
}

/* Frames of `stack` now. */
static uint32_t depth_of(const struct ct_thread *thread, const struct ct_stack *stack)
{
	return stack == thread->stack ? (uint32_t)ct_word_depth(ct_self.word) : stack->depth;
}

/*
 * Does `sp`, in the range guessed for `stack`, belong to another one? Stacks
 * that a program cuts from one piece of memory lie side by side, and calls on
 * one do not step down by as much as another stack away.
 */
static bool is_far_below(const struct ct_thread *thread, const struct ct_stack *stack, uint64_t sp)
{
	uint32_t depth = depth_of(thread, stack);
	return depth && (stack->frames[depth].sp & ~CT_FRAME_FLAGS) - sp >= CT_STACK_GAP_BYTES &&
	       stack->frames[depth].sp > sp;
}

/* Bounds for a stack nobody announced, on which code runs at `sp`: up to a little above, where
 * the functions that are not traced began it, and down to the next one known. */
static struct ct_range guess_range(struct ct_thread *thread, uint64_t sp)
{
	enum { ABOVE_BYTES = 4096 };
	struct ct_range guess = {0};
	if (!ct_module_mapping(sp, &guess.low, &guess.high))
		guess = (struct ct_range){.low = sp & ~UINT64_C(0xffff), .high = sp + ABOVE_BYTES};
	if (guess.high > sp + ABOVE_BYTES)
		guess.high = sp + ABOVE_BYTES;
	for (struct ct_stack *other = thread->own_stack.next; other; other = other->next) {
		if (ct_range_holds(other->range, sp))
			other->range.low = guess.high;
		else if (other->range.high <= sp && other->range.high > guess.low)
			guess.low = other->range.high;
		else if (other->range.low > sp && other->range.low < guess.high)
			guess.high = other->range.low;
	}
	return guess;
}

struct ct_stack *ct_stack_of(struct ct_thread *thread, uint64_t sp, struct ct_range *ret_range)
{
	struct ct_range signal_stack;
	struct ct_stack *stack = find_coroutine(thread, sp, true);
	if (!stack && ct_stack_signal_range(sp, &signal_stack)) {
		*ret_range = signal_stack;
		return thread->stack;
	}
	if (!stack && ct_range_holds(thread->own_stack.range, sp))
		stack = &thread->own_stack;
	if (!stack) {
		stack = find_coroutine(thread, sp, false);
		if (!stack || is_far_below(thread, stack, sp))
			stack = add_stack(thread, guess_range(thread, sp), false);
	}
	if (stack)
		*ret_range = stack->range;
	return stack;
}
