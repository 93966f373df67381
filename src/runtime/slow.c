/* SPDX-License-Identifier: MIT */
/*
 * The rarely taken branches of the hooks: first call of a thread, a new site,
 * a full window, a new epoch, frames that do not match, the depth limit, and
 * the modes other than recording with the cycle counter. Runs in the traced
 * program on any thread. What writes to a thread's window runs with signals
 * blocked, so that no traced handler finds it half done; and on a stack of the
 * thread's for that alone: where the program's own ends, a fault with signals
 * blocked would kill, and the program may have a handler that goes on.
 */
#include "runtime/hot.h"
#include "runtime/values.h"

static ct_hook first_enter, first_exit;
ct_hook *ct_enter_hook = first_enter;
ct_hook *ct_exit_hook = first_exit;
#if defined(__x86_64__)
/* hooks_x86_64.S: reached by a jump only, with the compiler's registers and stack. */
ct_entry ct_c_enter, ct_c_exit, ct_cycles_enter, ct_cycles_exit, ct_order_enter, ct_order_exit;
ct_entry ct_cycles_values_enter, ct_cycles_values_exit, ct_order_values_enter, ct_order_values_exit;
ct_entry ct_count_call, ct_ignore_call;
ct_entry *ct_enter_entry = ct_c_enter, *ct_exit_entry = ct_c_exit;
#endif

static inline uint64_t *current_word(void)
{
	return &ct_self.word;
}

uint64_t ct_slow_ticks(void)
{
	switch (ct_runtime.config.clock_kind) {
	case CT_CLOCK_TSC:
		return ct_clock_cycles();
	case CT_CLOCK_MONOTONIC:
		return ct_clock_monotonic_ns();
	default:
		return 0;
	}
}

/* ---- the slow stack ---- */

void ct_slow_run(struct ct_thread *thread, void (*function)(long), void *argument)
{
	ct_sys_call_on_stack(thread->slow_stack + sizeof(thread->slow_stack), function,
			     (long)argument);
}

/* What we need of the program's stack until we are on ours: is it the end, the fault comes here,
 * with signals as the program has them, and nothing has been done yet. */
static inline ct_sigset block_signals(void)
{
	enum { NEEDED_BYTES = 768 };
	(void)*((const volatile char *)__builtin_frame_address(0) - NEEDED_BYTES);
	return ct_sys_block_signals();
}

/* A counter that only this thread and its handlers add to. */
static inline void add_one(uint64_t *counter)
{
#if defined(__x86_64__)
	__asm__ volatile("incq %0" : "+m"(*counter) : : "cc");
#else
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
#endif
}

/* ---- writing with signals blocked ---- */

static void write_extended(struct ct_thread *thread, enum ct_extended_kind kind, uint64_t ticks,
			   uint32_t depth, uint64_t value)
{
	uint64_t word = *current_word();
	uint64_t offset = word & CT_WORD_OFFSET_MASK;
	struct ct_extended record = {
		.head = (uint8_t)(CT_RECORD_EXTENDED | kind << 2),
		.size_bytes = CT_EXTENDED_BYTES,
		.depth = depth,
		.ticks = ticks,
		.value = value,
	};
	/* The first bytes last: a process killed in between has no half a record in its trace. And
	 * an end behind it: the window may have anything there. An interrupted hook may even have
	 * left a record in this one's place. */
	ct_self.window[offset] = CT_RECORD_END;
	ct_self.window[offset + CT_EXTENDED_BYTES] = CT_RECORD_END;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	ct_copy(ct_self.window + offset + 2, (char *)&record + 2, sizeof(record) - 2);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	__builtin_memcpy(ct_self.window + offset, &record, 2);
	ct_self.epoch = ticks >> CT_EPOCH_SHIFT;
	thread->extended_bytes += CT_EXTENDED_BYTES;
	*current_word() = ct_word_make(word, ct_word_depth(word), offset + CT_EXTENDED_BYTES);
}

/* Make room for a few records, and so many bytes more; false when recording has stopped. */
static bool make_room_for(struct ct_thread *thread, uint64_t ticks, size_t size_bytes)
{
	uint64_t offset = *current_word() & CT_WORD_OFFSET_MASK;
	if (ct_likely(offset + size_bytes < CT_OFFSET_LIMIT))
		return true;
	return offset != CT_OFFSET_NONE && ct_window_flush(thread, ticks) == 0;
}

static bool make_room(struct ct_thread *thread, uint64_t ticks)
{
	return make_room_for(thread, ticks, 0);
}

void ct_slow_extended(struct ct_thread *thread, enum ct_extended_kind kind, uint64_t ticks,
		      uint32_t depth, uint64_t value)
{
	if (make_room(thread, ticks))
		write_extended(thread, kind, ticks, depth, value);
}

/* Room, and the epoch of `ticks`. */
static bool make_ready(struct ct_thread *thread, uint64_t ticks)
{
	if (!make_room(thread, ticks))
		return false;
	if (ticks >> CT_EPOCH_SHIFT != ct_self.epoch) {
		write_extended(thread, CT_EXTENDED_SYNC, ticks, 0, 0);
		ct_clock_save_latest();
		/* A thread that has ours yet, when another set a handler that wants its own. */
		if (ct_unlikely(!ct_crash_keeps_signal_stacks()))
			ct_crash_thread_end(thread);
		return make_room(thread, ticks);
	}
	return true;
}

/* How many of `depth` frames have records: not the inherited ones, nor those below the limit. */
uint32_t ct_slow_recorded_depth(const struct ct_stack *stack, uint32_t depth)
{
	uint32_t recorded = depth > stack->base ? depth - stack->base : 0;
	uint32_t limit = ct_runtime.config.max_depth;
	return limit && recorded > limit ? limit : recorded;
}

static void set_limits(struct ct_stack *stack)
{
	uint64_t limit = stack->capacity - 1;
	uint32_t max_depth = ct_runtime.config.max_depth;
	if (max_depth && (uint64_t)stack->base + max_depth < limit)
		limit = (uint64_t)stack->base + max_depth;
	ct_self.frames = stack->frames;
	ct_self.depth_limit = limit;
	ct_self.stack_high = stack->range.high;
	ct_self.stack_span = stack->range.high - stack->range.low;
}

static void set_depth(struct ct_thread *thread, uint32_t depth)
{
	uint64_t word = *current_word();
	*current_word() = ct_word_make(word, depth, word & CT_WORD_OFFSET_MASK);
	if (depth < thread->stack->base) {
		thread->stack->base = depth;
		set_limits(thread->stack);
	}
}

void ct_slow_unwind(struct ct_thread *thread, uint32_t new_depth, enum ct_unwind_reason reason,
		    uint64_t ticks)
{
	uint32_t depth = (uint32_t)ct_word_depth(*current_word());
	if (new_depth >= depth)
		return;
	uint32_t old_recorded = ct_slow_recorded_depth(thread->stack, depth);
	uint32_t recorded = ct_slow_recorded_depth(thread->stack, new_depth);
	set_depth(thread, new_depth);
	if (recorded == old_recorded)
		return;
	thread->unwound_calls += old_recorded - recorded;
	ct_slow_extended(thread, CT_EXTENDED_UNWIND, ticks, recorded, reason);
}

void ct_slow_set_stack(struct ct_thread *thread, struct ct_stack *stack, uint64_t ticks)
{
	if (stack != thread->stack) {
		thread->stack->depth = (uint32_t)ct_word_depth(*current_word());
		thread->stack = stack;
		set_depth(thread, stack->depth);
		ct_slow_extended(thread, CT_EXTENDED_STACK, ticks,
				 ct_slow_recorded_depth(stack, stack->depth), stack->number);
	}
	set_limits(stack);
}

/* ---- which frames are alive ---- */

static inline uint64_t frame_sp(const struct ct_frame *frame)
{
	return frame->sp & ~CT_FRAME_FLAGS;
}

/*
 * Where on the stack a call still has something: its frame; or, on its way out
 * through a planted return address (values.c), that address, which may lie far
 * above its frame's end. A handler may run between the two.
 */
static uint64_t frame_place(const struct ct_frame *frame)
{
	uint64_t sp = frame_sp(frame);
	const struct ct_planted *planted = ct_self.thread->planted;
	for (size_t i = 0; planted && i < CT_PLANTED_PER_THREAD; i++)
		if (planted[i].slot && planted[i].sp == sp &&
		    planted[i].function == frame->function)
			return planted[i].slot & ~(uint64_t)CT_PLANTED_BUSY;
	return sp;
}

static bool has_signal_frames(const struct ct_stack *stack, uint32_t depth)
{
	return stack->signal_depth && stack->signal_depth <= depth &&
	       stack->frames[stack->signal_depth].sp & CT_FRAME_SIGNAL;
}

/*
 * The depth that is left when code runs at `sp` in the memory range [low,
 * high): frames in there that lie below `sp` are gone, and so is all that was
 * entered after one that is alive (a handler on a signal stack). A frame at
 * `sp` itself may be the same physical frame with another function inlined, so
 * it stays; the reader knows better, by the call site. Frames outside the range
 * with none of it below them are those that a signal interrupted: they stay.
 */
static uint32_t live_depth(const struct ct_stack *stack, uint32_t depth, struct ct_range range,
			   uint64_t sp)
{
	/* Away from the signal stack: its handler has been left, whatever its addresses. */
	if (!range.is_signal_stack && has_signal_frames(stack, depth))
		depth = stack->signal_depth - 1;
	uint32_t lowest_gone = depth + 1;
	for (uint32_t at = depth; at > 0; at--) {
		uint64_t frame = frame_place(&stack->frames[at]);
		if (!ct_range_holds_frame(range, frame))
			continue;
		if (frame >= sp)
			return at;
		lowest_gone = at;
	}
	return lowest_gone - 1;
}

/* Code of this thread runs at `sp` now: choose the stack, drop the frames that are gone. True:
 * it is a signal stack. */
static bool settle(struct ct_thread *thread, uint64_t sp, enum ct_unwind_reason reason,
		   uint64_t ticks)
{
	struct ct_range range;
	struct ct_stack *stack = ct_stack_of(thread, sp, &range);
	if (!stack)
		return false;
	ct_slow_set_stack(thread, stack, ticks);
	uint32_t depth = (uint32_t)ct_word_depth(*current_word());
	ct_slow_unwind(thread, live_depth(stack, depth, range, sp), reason, ticks);
	return range.is_signal_stack;
}

/* A handler on the signal stack [range] is left for another stack: with it all that it called,
 * even where its frames, on a signal stack within the thread's own, look like ordinary ones. */
static void leave_signal_stack(struct ct_thread *thread, struct ct_range range,
			       enum ct_unwind_reason reason, uint64_t ticks)
{
	uint32_t depth = (uint32_t)ct_word_depth(*current_word());
	while (depth && ct_range_holds_frame(range, frame_sp(&thread->stack->frames[depth])))
		depth--;
	ct_slow_unwind(thread, depth, reason, ticks);
}

struct settling {
	uint64_t from_sp, sp;
	enum ct_unwind_reason reason;
};

static void settle_on_slow_stack(long argument)
{
	const struct settling *settling = (const struct settling *)argument;
	struct ct_thread *thread = ct_self.thread;
	thread->busy = true;
	uint64_t ticks = ct_slow_ticks();
	struct ct_range here = {0};
	if (make_ready(thread, ticks)) {
		if (ct_stack_signal_range(settling->from_sp, &here) &&
		    !ct_range_holds(here, settling->sp))
			leave_signal_stack(thread, here, settling->reason, ticks);
		settle(thread, settling->sp, settling->reason, ticks);
		ct_values_leave(thread, settling->sp);
	}
	thread->busy = false;
}

void ct_slow_settle(uint64_t sp, enum ct_unwind_reason reason)
{
	struct ct_thread *thread = ct_self.thread;
	if (!thread || (*current_word() & CT_WORD_OFFSET_MASK) == CT_OFFSET_NONE)
		return;
	struct settling settling = {(uint64_t)__builtin_frame_address(0), sp, reason};
	ct_sigset saved = block_signals();
	ct_slow_run(thread, settle_on_slow_stack, &settling);
	ct_sys_restore_signals(saved);
}

/* ---- values ---- */

/*
 * Put an enter or a return into the window, with the values that belong to it
 * behind it, and `depth` into the word. The record's first byte comes last; see
 * write_extended().
 */
static void write_with_values(uint64_t record, size_t record_bytes, const unsigned char *values,
			      size_t values_bytes, uint64_t depth)
{
	uint64_t word = *current_word();
	uint64_t offset = word & CT_WORD_OFFSET_MASK;
	unsigned char *at = ct_self.window + offset;
	*at = CT_RECORD_END;
	at[record_bytes + values_bytes] = CT_RECORD_END;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	ct_copy(at + record_bytes, values, values_bytes);
	ct_copy(at + 1, (char *)&record + 1, record_bytes - 1);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	*at = (unsigned char)record;
	ct_self.values_bytes += values_bytes;
	*current_word() = ct_word_make(word, depth, offset + record_bytes + values_bytes);
}

/*
 * An enter or a return, with what the plan gives if it can be had. `sp`: the
 * stack pointer of the code it is about. In a function of its own, for the
 * buffer's sake.
 */
static __attribute__((noinline)) void write_captured(struct ct_thread *thread, uint64_t record,
						     size_t record_bytes, uint64_t ticks,
						     uint64_t depth,
						     const struct ct_capture *capture,
						     const uint64_t *registers)
{
	unsigned char *values = NULL, *room = __builtin_alloca(capture->room_bytes);
	/* Signals are blocked: a fault would end the program. */
	size_t values_bytes = ct_values_evaluate(capture, registers, room, false, &values);
	if (make_room_for(thread, ticks, record_bytes + values_bytes))
		write_with_values(record, record_bytes, values, values_bytes, depth);
}

/* Is there a plan, and is it this function's? */
static bool can_capture(const struct ct_capture *capture, uint64_t function)
{
	return capture && capture->function == function;
}

/* ---- enter ---- */

/* A call below the depth limit: a frame without a record, without blocking signals. */
static bool hide_call(uint64_t function, uint64_t sp)
{
	uint32_t max_depth = ct_runtime.config.max_depth;
	uint64_t word = *current_word();
	if (!max_depth || !ct_self.thread || (word & CT_WORD_OFFSET_MASK) == CT_OFFSET_NONE)
		return false;
	struct ct_thread *thread = ct_self.thread;
	const struct ct_stack *stack = thread->stack;
	uint64_t depth = ct_word_depth(word);
	struct ct_frame *top = &ct_self.frames[depth];
	if (depth < (uint64_t)stack->base + max_depth || depth + 1 >= stack->capacity ||
	    top->sp - sp >= CT_STACK_GAP_BYTES)
		return false;
	top[1] = (struct ct_frame){sp | CT_FRAME_HIDDEN, function};
	if (!ct_word_publish(current_word(), word,
			     ct_word_make(word, depth + 1, word & CT_WORD_OFFSET_MASK)))
		return false;
	add_one(&thread->row->suppressed_calls);
	return true;
}

struct enter {
	uint64_t function, call_site, site;
	const struct ct_registers *registers;
};

static void enter_blocked(struct ct_thread *thread, const struct enter *enter)
{
	uint64_t function = enter->function, sp = enter->registers->sp;
	uint64_t ticks = ct_slow_ticks();
	if (!make_ready(thread, ticks))
		return;
	uint32_t depth = (uint32_t)ct_word_depth(*current_word());
	uint64_t flags = 0;
	if (frame_sp(&ct_self.frames[depth]) - sp >= CT_STACK_GAP_BYTES &&
	    settle(thread, sp, CT_UNWIND_STALE, ticks))
		flags = CT_FRAME_SIGNAL;
	depth = (uint32_t)ct_word_depth(*current_word());
	struct ct_stack *stack = thread->stack;
	if (flags && !has_signal_frames(stack, depth))
		stack->signal_depth = depth + 1;
	else
		flags = 0;
	if (depth == 0 && stack->frames[0].sp - sp >= CT_STACK_GAP_BYTES)
		stack->frames[0].sp = sp + CT_STACK_GAP_BYTES / 2;
	if (depth + 1 >= stack->capacity) {
		if (!ct_stack_grow(thread, stack)) {
			add_one(&thread->row->lost_events);
			return;
		}
		set_limits(stack);
	}
	bool hidden = depth >= ct_self.depth_limit;
	if (hidden)
		flags |= CT_FRAME_HIDDEN;
	stack->frames[depth + 1] = (struct ct_frame){sp | flags, function};
	if (hidden) {
		set_depth(thread, depth + 1);
		add_one(&thread->row->suppressed_calls);
		return;
	}
	uint64_t record = ct_site_find(enter->site, enter->call_site);
	if (!record)
		record = ct_record_enter(0, ct_site_add(enter->site, function, enter->call_site));
	if (!make_ready(thread, ticks))
		return;
	record |= (ticks & CT_TIME_MASK) << 2;
	const struct ct_site_slot *slot = ct_site_slot(enter->site, enter->call_site);
	if (slot && can_capture(slot->capture, function)) {
		write_captured(thread, record, CT_ENTER_BYTES, ticks, depth + 1, slot->capture,
			       (const uint64_t *)enter->registers);
		return;
	}
	uint64_t word = *current_word();
	uint64_t offset = word & CT_WORD_OFFSET_MASK;
	__builtin_memcpy(ct_self.window + offset, &record, sizeof(record));
	*current_word() = ct_word_make(word, depth + 1, offset + CT_ENTER_BYTES);
}

/* ---- exit ---- */

/* What an exit hook is told, and what is captured there. */
struct ct_exit {
	uint64_t function, call_site, site, sp;
	const struct ct_registers *registers; /* NULL: the function has returned already */
	const struct ct_capture *capture;     /* NULL: nothing */
	const uint64_t *values;		      /* registers for the capture */
};

/* The return of a call that hide_call() hid. */
static bool unhide_call(const struct ct_exit *exit)
{
	uint64_t word = *current_word();
	if (!ct_self.thread || (word & CT_WORD_OFFSET_MASK) == CT_OFFSET_NONE)
		return false;
	uint64_t depth = ct_word_depth(word);
	const struct ct_frame *top = &ct_self.frames[depth];
	if (depth <= ct_self.thread->stack->base || !(top->sp & CT_FRAME_HIDDEN) ||
	    top->function != exit->function)
		return false;
	bool jumped = exit->site == exit->call_site && frame_sp(top) < exit->sp &&
		      frame_sp(top - 1) >= exit->sp;
	if (frame_sp(top) != exit->sp && !jumped)
		return false;
	return ct_word_publish(current_word(), word,
			       ct_word_make(word, depth - 1, word & CT_WORD_OFFSET_MASK));
}

/* A frame that returns: its depth, and what is left once the frames that are gone are dropped. */
struct ct_returning {
	uint32_t depth; /* 0: not here; it was entered before the trace began */
	uint32_t left;
};

/*
 * With a hook that the compiler made the function's last jump (see
 * ct_frame_returns()) the frame lies somewhere below `sp`; of the frames there
 * all are gone, and the newest of the function's is the one that returns.
 */
static struct ct_returning find_jumped(const struct ct_stack *stack, uint32_t depth,
				       const struct ct_exit *exit, struct ct_range range)
{
	struct ct_returning found = {0, depth};
	for (uint32_t at = depth; at > 0; at--) {
		uint64_t sp = frame_place(&stack->frames[at]);
		if (!ct_range_holds_frame(range, sp) || sp >= exit->sp)
			break;
		found.left = at - 1;
		if (!found.depth && stack->frames[at].function == exit->function)
			found.depth = at;
	}
	return found;
}

/* Deeper than the top when frames were left without the hook being called; after alloca the
 * stack pointer is lower than at the entry. */
static struct ct_returning find_returned(const struct ct_stack *stack, uint32_t depth,
					 const struct ct_exit *exit)
{
	/* Nothing is below the stack pointer: a frame of the function on top is the one. */
	if (depth && frame_sp(&stack->frames[depth]) >= exit->sp &&
	    frame_sp(&stack->frames[depth]) - exit->sp < CT_STACK_GAP_BYTES &&
	    stack->frames[depth].function == exit->function)
		return (struct ct_returning){depth, depth - 1};
	for (uint32_t at = depth; at > 0; at--)
		if (frame_sp(&stack->frames[at]) == exit->sp &&
		    stack->frames[at].function == exit->function)
			return (struct ct_returning){at, at - 1};
	for (uint32_t at = depth; at > 0; at--) {
		if (frame_sp(&stack->frames[at]) <= exit->sp)
			continue;
		if (stack->frames[at].function == exit->function)
			return (struct ct_returning){at, at - 1};
		break;
	}
	return (struct ct_returning){0, depth};
}

/* On the stack the hook runs on, which becomes the current one. */
static struct ct_returning find_returning(struct ct_thread *thread, const struct ct_exit *exit,
					  uint64_t ticks)
{
	uint32_t depth = (uint32_t)ct_word_depth(*current_word());
	if (depth && ct_frame_returns(&ct_self.frames[depth], exit->function, exit->call_site,
				      exit->site, exit->sp))
		return (struct ct_returning){depth, depth - 1};
	struct ct_range range;
	struct ct_stack *stack = ct_stack_of(thread, exit->sp, &range);
	if (!stack)
		return (struct ct_returning){0, depth};
	ct_slow_set_stack(thread, stack, ticks);
	depth = (uint32_t)ct_word_depth(*current_word());
	if (exit->site == exit->call_site) {
		struct ct_returning found = find_jumped(stack, depth, exit, range);
		if (found.depth)
			return found;
	}
	return find_returned(stack, depth, exit);
}

static void write_return(struct ct_thread *thread, uint32_t depth, uint64_t ticks,
			 const struct ct_exit *exit)
{
	if (thread->stack->frames[depth].sp & CT_FRAME_HIDDEN) {
		set_depth(thread, depth - 1);
		set_limits(thread->stack);
		return;
	}
	if (!make_ready(thread, ticks))
		return;
	uint64_t record = ct_record_return(ticks);
	if (can_capture(exit->capture, exit->function)) {
		write_captured(thread, record, CT_RETURN_BYTES, ticks, depth - 1, exit->capture,
			       exit->values);
		return;
	}
	uint64_t word = *current_word();
	uint64_t offset = word & CT_WORD_OFFSET_MASK;
	__builtin_memcpy(ct_self.window + offset, &record, sizeof(record));
	*current_word() = ct_word_make(word, depth - 1, offset + CT_RETURN_BYTES);
}

/* The value comes with the return itself: the frame stays until then. True: so it will. */
static bool waits_for_return(struct ct_thread *thread, const struct ct_exit *exit)
{
	const struct ct_frame *top = &ct_self.frames[ct_word_depth(*current_word())];
	return exit->registers && exit->capture->kind == CT_PLAN_EXIT_STUB &&
	       ct_frame_returns(top, exit->function, exit->call_site, exit->site, exit->sp) &&
	       ct_values_plant(thread, exit->capture, exit->function, exit->call_site, exit->site,
			       exit->registers);
}

static void exit_blocked(struct ct_thread *thread, struct ct_exit *exit)
{
	uint64_t ticks = ct_slow_ticks();
	if (!make_ready(thread, ticks))
		return;
	struct ct_returning returning = find_returning(thread, exit, ticks);
	if (!returning.depth)
		return;
	ct_slow_unwind(thread, returning.depth, CT_UNWIND_STALE, ticks);
	if (can_capture(exit->capture, exit->function) && waits_for_return(thread, exit))
		return;
	if (exit->capture && exit->registers && exit->capture->kind == CT_PLAN_EXIT_STUB)
		exit->capture = NULL;
	write_return(thread, returning.depth, ticks, exit);
	ct_slow_unwind(thread, returning.left, CT_UNWIND_STALE, ticks);
}

/* ---- the modes ---- */

/* With signals blocked, but for `saved`: the thread, ready to write; NULL when recording has ended.
 */
static struct ct_thread *ready_thread(ct_sigset saved)
{
	if (ct_mode() != CT_MODE_RECORD)
		return NULL;
	struct ct_thread *thread = ct_self.thread;
	return thread && thread->window ? thread : ct_thread_attach(saved);
}

/* Between the fork handlers the word is put away: see thread.c. */
static void take_back_word(struct ct_thread *thread, bool take)
{
	if (take) {
		*current_word() = thread->saved_word;
		return;
	}
	thread->saved_word = *current_word();
	*current_word() = CT_OFFSET_NONE;
}

/* A handler that another atfork handler's code, or a signal, runs in the child before ours. */
static bool is_unannounced_child(const struct ct_thread *thread)
{
	return thread && thread->forking && ct_sys(SYS_getpid) != ct_runtime.pid;
}

static void enter_on_slow_stack(long argument)
{
	struct ct_thread *thread = ct_self.thread;
	bool forking = thread->forking != 0;
	if (forking)
		take_back_word(thread, true);
	thread->busy = true;
	enter_blocked(thread, (const struct enter *)argument);
	thread->busy = false;
	if (forking)
		take_back_word(thread, false);
}

static void record_enter(uint64_t function, uint64_t call_site, uint64_t site,
			 const struct ct_registers *registers)
{
	if (hide_call(function, registers->sp))
		return;
	struct enter enter = {function, call_site, site, registers};
	ct_sigset saved = block_signals();
	if (is_unannounced_child(ct_self.thread)) {
		ct_control_fork_child();
		ct_sys_restore_signals(saved);
		ct_enter_hook(function, call_site, site, registers);
		return;
	}
	struct ct_thread *thread = ready_thread(saved);
	if (thread)
		ct_slow_run(thread, enter_on_slow_stack, &enter);
	ct_sys_restore_signals(saved);
}

static void return_on_slow_stack(long argument)
{
	struct ct_thread *thread = ct_self.thread;
	struct ct_exit *exit = (struct ct_exit *)argument;
	bool forking = thread->forking != 0;
	if (forking)
		take_back_word(thread, true);
	thread->busy = true;
	if (exit->registers)
		exit->capture = ct_plan_of_exit(exit->site, exit->call_site);
	exit_blocked(thread, exit);
	thread->busy = false;
	if (forking)
		take_back_word(thread, false);
}

/* With signals blocked: the return of a function, in a process that is the trace's. */
static void record_return(struct ct_thread *thread, struct ct_exit *exit)
{
	/* A return alone makes no thread known, and no window. */
	if (thread && thread->window && ct_mode() == CT_MODE_RECORD)
		ct_slow_run(thread, return_on_slow_stack, exit);
}

static void record_exit(uint64_t function, uint64_t call_site, uint64_t site,
			const struct ct_registers *registers)
{
	struct ct_exit exit = {
		.function = function,
		.call_site = call_site,
		.site = site,
		.sp = registers->sp,
		.registers = registers,
		.values = (const uint64_t *)registers,
	};
	if (unhide_call(&exit))
		return;
	ct_sigset saved = block_signals();
	if (is_unannounced_child(ct_self.thread)) {
		ct_control_fork_child();
		ct_sys_restore_signals(saved);
		ct_exit_hook(function, call_site, site, registers);
		return;
	}
	record_return(ct_self.thread, &exit);
	ct_sys_restore_signals(saved);
}

void ct_slow_return(const struct ct_planted *planted, const uint64_t *values)
{
	struct ct_registers registers = {.sp = planted->sp};
	struct ct_exit exit = {
		.function = planted->function,
		.call_site = planted->call_site,
		.site = planted->site,
		.sp = planted->sp,
		.capture = planted->capture,
		.values = values,
	};
	ct_sigset saved = block_signals();
	bool is_ours = ct_mode() == CT_MODE_RECORD && !is_unannounced_child(ct_self.thread);
	if (is_ours)
		record_return(ct_self.thread, &exit);
	ct_sys_restore_signals(saved);
	/* As any other return in that mode. */
	if (!is_ours && ct_mode() != CT_MODE_RECORD)
		ct_exit_hook(planted->function, planted->call_site, planted->site, &registers);
}

ct_hook *const ct_record_enter_slow = record_enter;
ct_hook *const ct_record_exit_slow = record_exit;

static uint64_t no_ticks(void)
{
	return 0;
}

/* The hooks by clock, with the compare-and-swap of hot.h. */
#define CT_CLOCK_HOOKS(name, clock, has_time)                                                      \
	static void name##_enter(uint64_t function, uint64_t call_site, uint64_t site,             \
				 const struct ct_registers *registers)                             \
	{                                                                                          \
		ct_hot_enter(function, call_site, site, registers, clock, has_time, record_enter); \
	}                                                                                          \
	static void name##_exit(uint64_t function, uint64_t call_site, uint64_t site,              \
				const struct ct_registers *registers)                              \
	{                                                                                          \
		ct_hot_exit(function, call_site, site, registers, clock, has_time, record_exit);   \
	}

CT_CLOCK_HOOKS(cycles, ct_clock_cycles, true)
CT_CLOCK_HOOKS(monotonic, ct_clock_monotonic_ns, true)
CT_CLOCK_HOOKS(order, no_ticks, false)

static void ignore(uint64_t function, uint64_t call_site, uint64_t site,
		   const struct ct_registers *registers)
{
	(void)function, (void)call_site, (void)site, (void)registers;
}

static void count_enter(uint64_t function, uint64_t call_site, uint64_t site,
			const struct ct_registers *registers)
{
	(void)function, (void)call_site, (void)site, (void)registers;
	if (ct_unlikely(!ct_self.thread)) {
		ct_sigset saved = block_signals();
		ct_thread_attach(saved);
		ct_sys_restore_signals(saved);
	}
	add_one(&ct_self.counted_calls);
}

/* Recording stopped before the program's end: what is missing is counted. */
static void lose_event(uint64_t function, uint64_t call_site, uint64_t site,
		       const struct ct_registers *registers)
{
	(void)function, (void)call_site, (void)site, (void)registers;
	if (ct_self.thread && ct_self.thread->row)
		add_one(&ct_self.thread->row->lost_events);
	else
		__atomic_fetch_add(&ct_runtime.info->lost_events, 1, __ATOMIC_RELAXED);
}

struct ct_hooks ct_plain_hooks;

static struct ct_hooks plain_hooks(void)
{
	switch (ct_runtime.config.clock_kind) {
	case CT_CLOCK_TSC:
		return (struct ct_hooks){cycles_enter, cycles_exit};
	case CT_CLOCK_MONOTONIC:
		return (struct ct_hooks){monotonic_enter, monotonic_exit};
	default:
		return (struct ct_hooks){order_enter, order_exit};
	}
}

static struct ct_hooks recording_hooks(void)
{
	ct_plain_hooks = plain_hooks();
#if defined(__x86_64__)
	if (ct_runtime.config.capture_args)
		return (struct ct_hooks){ct_values_enter_hook, ct_values_exit_hook};
#endif
	return ct_plain_hooks;
}

static struct ct_hooks hooks_for(enum ct_mode mode)
{
	switch (mode) {
	case CT_MODE_UNSET:
		return (struct ct_hooks){first_enter, first_exit};
	case CT_MODE_COUNT:
		return (struct ct_hooks){count_enter, ignore};
	case CT_MODE_STOPPED:
		return (struct ct_hooks){lose_event, lose_event};
	case CT_MODE_RECORD:
		return recording_hooks();
	case CT_MODE_OFF:
	case CT_MODE_ENDED:
		break;
	}
	return (struct ct_hooks){ignore, ignore};
}

#if defined(__x86_64__)
struct entries {
	ct_entry *enter, *exit;
};

/* What needs no C, in assembly; the rest by way of ct_enter_hook. */
static struct entries entries_for(enum ct_mode mode)
{
	uint32_t clock_kind = ct_runtime.config.clock_kind;
	bool can_restart = ct_rseq_offset && ct_has_crc32;
	bool has_values = ct_runtime.config.capture_args;
	if (mode == CT_MODE_OFF || mode == CT_MODE_ENDED)
		return (struct entries){ct_ignore_call, ct_ignore_call};
	if (mode == CT_MODE_COUNT)
		return (struct entries){ct_count_call, ct_ignore_call};
	if (mode == CT_MODE_RECORD && can_restart && clock_kind == CT_CLOCK_TSC)
		return has_values ? (struct entries){ct_cycles_values_enter, ct_cycles_values_exit}
				  : (struct entries){ct_cycles_enter, ct_cycles_exit};
	if (mode == CT_MODE_RECORD && can_restart && clock_kind == CT_CLOCK_NONE)
		return has_values ? (struct entries){ct_order_values_enter, ct_order_values_exit}
				  : (struct entries){ct_order_enter, ct_order_exit};
	return (struct entries){ct_c_enter, ct_c_exit};
}
#endif

void ct_slow_select(enum ct_mode mode)
{
	struct ct_hooks hooks = hooks_for(mode);
	__atomic_store_n(&ct_exit_hook, hooks.exit, __ATOMIC_RELEASE);
	__atomic_store_n(&ct_enter_hook, hooks.enter, __ATOMIC_RELEASE);
#if defined(__x86_64__)
	struct entries entries = entries_for(mode);
	__atomic_store_n(&ct_exit_entry, entries.exit, __ATOMIC_RELEASE);
	__atomic_store_n(&ct_enter_entry, entries.enter, __ATOMIC_RELEASE);
#endif
}

static void first_enter(uint64_t function, uint64_t call_site, uint64_t site,
			const struct ct_registers *registers)
{
	/* A vfork child is a guest in its parent's memory: nothing begins there. */
	if (ct_runtime.start_captured && ct_sys(SYS_getpid) != ct_runtime.pid)
		return;
	if (ct_control_start())
		ct_enter_hook(function, call_site, site, registers);
}

/* The return of a call that began before the library was there. */
static void first_exit(uint64_t function, uint64_t call_site, uint64_t site,
		       const struct ct_registers *registers)
{
	(void)function, (void)call_site, (void)site, (void)registers;
}

/*
 * A hook put its record into the window, and a handler came before it could
 * publish it. The handler has written over it, or else the window was recycled
 * and the record lies where a reader would take it for one some day: take it
 * back.
 */
void ct_slow_take_back(unsigned char *at, uint64_t record)
{
	ct_sigset saved = block_signals();
	uint64_t there;
	__builtin_memcpy(&there, at, sizeof(there));
	uint64_t offset = *current_word() & CT_WORD_OFFSET_MASK;
	if (there == record && offset <= (uint64_t)(at - ct_self.window))
		ct_zero(at, sizeof(there));
	ct_sys_restore_signals(saved);
}

/* ---- what the hooks cost here, for the summary of CALLTRACE_DEBUG ---- */

/* As the compiler calls them. */
void __cyg_profile_func_enter(void *function, void *call_site);
void __cyg_profile_func_exit(void *function, void *call_site);

static __attribute__((noinline)) void measured_call(void *function)
{
	__cyg_profile_func_enter(function, __builtin_return_address(0));
	__cyg_profile_func_exit(function, __builtin_return_address(0));
}

static __attribute__((noinline)) void make_calls(int count, void *function)
{
	for (int call = 0; call < count; call++)
		measured_call(function);
}

static void learn_site(uint64_t function, uint64_t call_site, uint64_t site,
		       const struct ct_registers *registers)
{
	(void)function, (void)registers;
	ct_site_put_unrecorded(site, call_site);
}

/*
 * Picoseconds per call and return, with signals blocked, after the trace is
 * closed, into memory that is thrown away.
 */
uint64_t ct_slow_measure_ps(void *window, struct ct_frame *frames)
{
	enum { BATCHES = 100, CALLS = 1000 };
	struct ct_self saved = ct_self;
	*current_word() = CT_OFFSET_NONE;
	ct_enter_hook = learn_site;
#if defined(__x86_64__)
	ct_enter_entry = ct_c_enter;
#endif
	make_calls(1, window);
	/* What values cost depends on the functions; the plain hooks are what is measured. */
	bool capture_args = ct_runtime.config.capture_args;
	ct_runtime.config.capture_args = false;
	ct_slow_select(CT_MODE_RECORD);
	ct_runtime.config.capture_args = capture_args;

	frames[0].sp = (uint64_t)&saved;
	ct_self.window = window;
	ct_self.frames = frames;
	ct_self.depth_limit = 1;
	uint64_t elapsed_ns = 0;
	for (int batch = 0; batch < BATCHES; batch++) {
		ct_self.epoch = ct_slow_ticks() >> CT_EPOCH_SHIFT;
		*current_word() = ct_word_make(*current_word(), 0, CT_BLOCK_HEADER_BYTES);
		ct_zero(window, CT_BLOCK_BYTES);
		uint64_t begin_ns = ct_clock_monotonic_ns();
		make_calls(CALLS, window);
		elapsed_ns += ct_clock_monotonic_ns() - begin_ns;
	}
	ct_self = saved;
	ct_slow_select(CT_MODE_ENDED);
	return elapsed_ns * 1000 / (BATCHES * CALLS);
}
