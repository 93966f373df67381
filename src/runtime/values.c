/* SPDX-License-Identifier: MIT */
/*
 * Arguments and return values, on x86-64: following a plan's operations in a
 * hook, and putting what they give into the thread's window behind the record
 * of the call or the return. In the traced process, on any thread and in any
 * handler; as the hooks, it calls nothing of the program's.
 *
 * A plan is followed into a buffer on the stack: nobody else sees it, and a
 * handler may come at any time. Then the record, the values and the thread's
 * word are published in one restartable sequence (hooks_x86_64.S); should a
 * handler have come since the word was read, that is done again, but not the
 * copying.
 */
#include "runtime/values.h"

#include "runtime/hot.h"

enum {
	STACK_MARGIN_BYTES = 4096,	/* of the program's stack, left for who comes after us */
	UNKNOWN_STACK_ROOM_BYTES = 512, /* what even a signal stack has */
	PUBLISH_TRIES = 16,
};

/* ---- following a plan ---- */

/* The operations' stack of values, and where the blocks begin that are asked for later. */
struct evaluation {
	uint64_t values[CT_PLAN_STACK_MAX + 1];
	bool bad[CT_PLAN_STACK_MAX + 1]; /* could not be read */
	uint16_t marks[CT_PLAN_BLOCKS_MAX];
	struct ct_memory_view view;
	unsigned char *start;
};

static inline void put(unsigned char *at, uint64_t value)
{
	__builtin_memcpy(at, &value, sizeof(value));
}

static inline void put16(unsigned char *at, unsigned int value)
{
	uint16_t half = (uint16_t)value;
	__builtin_memcpy(at, &half, sizeof(half));
}

/* A status byte, and what could be read. */
static unsigned char *append_memory(const struct ct_memory_view *view, unsigned char *at,
				    uint64_t address, bool bad, const struct ct_plan_op *op)
{
	size_t size_bytes = op->size;
	if (!bad && (ct_unlikely(op->from) ? ct_memory_read_volatile(address, at + 1, size_bytes)
					   : ct_memory_read(view, address, at + 1, size_bytes))) {
		*at = CT_PLAN_OK;
		return at + 1 + size_bytes;
	}
	*at = !bad && !address ? CT_PLAN_NULL : CT_PLAN_UNREADABLE;
	return at + 1;
}

static unsigned char *append_string(const struct ct_memory_view *view, unsigned char *at,
				    uint64_t address, bool bad, size_t size_bytes)
{
	if (!bad && address) {
		bool ends;
		/* One more, to see whether it goes on. */
		long length = ct_memory_read_string(view, address, at + 2, size_bytes + 1, &ends);
		if (length > (long)size_bytes) {
			put16(at, CT_PLAN_STRING_TRUNCATED | (unsigned int)size_bytes);
			return at + 2 + size_bytes;
		}
		if (length >= 0) {
			put16(at, (unsigned int)length | (ends ? CT_PLAN_STRING_ENDS : 0u));
			return at + 2 + length;
		}
	}
	put16(at, !bad && !address ? CT_PLAN_STRING_NULL : CT_PLAN_STRING_UNREADABLE);
	return at + 2;
}

static unsigned char *append_text(const struct ct_memory_view *view, unsigned char *at,
				  uint64_t address, uint64_t length, bool bad, size_t size_bytes)
{
	size_t count = length < size_bytes ? length : size_bytes;
	if (!bad && address && ct_memory_read(view, address, at + 2, count)) {
		put16(at, (unsigned int)count | (length > count ? CT_PLAN_STRING_TRUNCATED : 0u));
		return at + 2 + count;
	}
	put16(at, !bad && !address ? CT_PLAN_STRING_NULL : CT_PLAN_STRING_UNREADABLE);
	return at + 2;
}

static unsigned char *append_sequence(const struct ct_memory_view *view, unsigned char *at,
				      uint64_t begin, uint64_t end, bool bad,
				      const struct ct_plan_op *op)
{
	uint64_t size_bytes = end - begin, count = size_bytes / op->size;
	uint64_t shown = count < (uint64_t)op->operand ? count : (uint64_t)op->operand;
	if (bad || end < begin || size_bytes % op->size || count > UINT32_MAX ||
	    !ct_memory_read(view, begin, at + 5, shown * op->size)) {
		*at = CT_PLAN_UNREADABLE;
		return at + 1;
	}
	uint32_t count32 = (uint32_t)count;
	*at = CT_PLAN_OK;
	__builtin_memcpy(at + 1, &count32, sizeof(count32));
	return at + 5 + shown * op->size;
}

/* The 8 bytes at `op->offset` of what a block holds; see struct ct_capture. */
static bool read_block(const struct evaluation *run, const struct ct_plan_op *op, uint64_t *ret)
{
	const unsigned char *block = run->start + run->marks[op->from];
	uint64_t length = (uint64_t)op->operand;
	uint16_t head;
	uint32_t count;
	switch (op->size) {
	case CT_PLAN_APPEND_MEMORY:
		if (block[0] != CT_PLAN_OK)
			return false;
		block += 1;
		break;
	case CT_PLAN_APPEND_STRING:
	case CT_PLAN_APPEND_TEXT:
		__builtin_memcpy(&head, block, sizeof(head));
		length = head & CT_PLAN_STRING_LENGTH;
		block += 2;
		break;
	case CT_PLAN_APPEND_SEQUENCE:
		if (block[0] != CT_PLAN_OK)
			return false;
		__builtin_memcpy(&count, block + 1, sizeof(count));
		if (count < CT_BLOCK_ELEMENTS(length))
			length = count * CT_BLOCK_ELEMENT_BYTES(length);
		else
			length = CT_BLOCK_ELEMENTS(length) * CT_BLOCK_ELEMENT_BYTES(length);
		block += 5;
		break;
	default:
		break;
	}
	if ((uint64_t)op->offset + sizeof(*ret) > length)
		return false;
	__builtin_memcpy(ret, block + op->offset, sizeof(*ret));
	return true;
}

static inline uint64_t sign_extend(uint64_t value, unsigned int size_bytes)
{
	unsigned int shift = 64 - 8 * size_bytes;
	return (uint64_t)((int64_t)(value << shift) >> shift);
}

static uint64_t compute(unsigned int code, uint64_t left, uint64_t right)
{
	switch (code) {
	case CT_PLAN_ADD:
		return left + right;
	case CT_PLAN_SUBTRACT:
		return left - right;
	case CT_PLAN_MULTIPLY:
		return left * right;
	case CT_PLAN_AND:
		return left & right;
	case CT_PLAN_OR:
		return left | right;
	case CT_PLAN_XOR:
		return left ^ right;
	case CT_PLAN_SHIFT_LEFT:
		return right < 64 ? left << right : 0;
	case CT_PLAN_SHIFT_RIGHT:
		return right < 64 ? left >> right : 0;
	case CT_PLAN_SHIFT_RIGHT_SIGNED:
		return (uint64_t)((int64_t)left >> (right < 64 ? right : 63));
	case CT_PLAN_LESS:
		return left < right;
	case CT_PLAN_LESS_SIGNED:
		return (int64_t)left < (int64_t)right;
	default: /* CT_PLAN_EQUAL */
		return left == right;
	}
}

/* Where the code that runs at `sp` may read directly: from there to the end of its stack. */
static inline struct ct_memory_view view_from(uint64_t sp, bool may_fault)
{
	struct ct_memory_view view = {sp, sp, may_fault};
	const struct ct_thread *thread = ct_self.thread;
	if (ct_likely(thread && ct_range_holds_frame(thread->stack->range, sp)))
		view.stack_high = thread->stack->range.high;
	return view;
}

/*
 * A stack nobody told us of (a signal stack's handler, a coroutine's first
 * call): what a plan takes from the stack is somewhere above the stack pointer.
 */
static bool read_stack(const struct ct_memory_view *view, uint64_t address, void *ret,
		       size_t size_bytes)
{
	enum { FARTHEST_BYTES = 1 << 20 };
	if (address - view->stack_low >= FARTHEST_BYTES)
		return false;
	if (view->stack_high != view->stack_low &&
	    (address >= view->stack_high || view->stack_high - address < size_bytes))
		return false;
	return ct_memory_read(view, address, ret, size_bytes);
}

/* Is `address` with so many bytes on the stack? */
static inline bool on_stack(const struct ct_memory_view *view, uint64_t address, size_t size_bytes)
{
	return address >= view->stack_low && address < view->stack_high &&
	       view->stack_high - address >= size_bytes;
}

/*
 * The plan was checked when it was loaded: operations, registers, blocks, the
 * depth of the stack and what they can append at most. Each append may store up
 * to 8 bytes more than it appends: there is room for that.
 */
static unsigned char *follow(const struct ct_plan_op *op, const uint64_t *registers,
			     struct evaluation *run, unsigned char *at)
{
	uint64_t *top = run->values; /* the first one is below the stack */
	bool *bad = run->bad;
	for (;; op++) {
		uint64_t address;
		switch (op->code) {
		case CT_CAPTURE_END:
			return at;
		case CT_PLAN_APPEND_REGISTER:
			put(at, registers[op->from] + (uint64_t)(int64_t)op->offset);
			at += op->size;
			break;
			/* Of the size that was stored a moment ago, or the load waits for the
			 * cache. */
#define CT_FROM_STACK(type)                                              \
	address = registers[op->from] + (uint64_t)(int64_t)op->offset;   \
	if (ct_likely(on_stack(&run->view, address, sizeof(type)))) {    \
		put(at, *(const type *)address);                         \
	} else if (!read_stack(&run->view, address, at, sizeof(type))) { \
		return NULL;                                             \
	}                                                                \
	at += sizeof(type)
		case CT_CAPTURE_STACK_1:
			CT_FROM_STACK(uint8_t);
			break;
		case CT_CAPTURE_STACK_2:
			CT_FROM_STACK(uint16_t);
			break;
		case CT_CAPTURE_STACK_4:
			CT_FROM_STACK(uint32_t);
			break;
		case CT_CAPTURE_STACK_8:
			CT_FROM_STACK(uint64_t);
			break;
#undef CT_FROM_STACK
		case CT_PLAN_APPEND_STACK:
			address = registers[op->from] + (uint64_t)(int64_t)op->offset;
			if (!read_stack(&run->view, address, at, op->size))
				return NULL;
			at += op->size;
			break;
		case CT_PLAN_APPEND_VALUE:
			if (*bad)
				return NULL;
			put(at, *top);
			top--, bad--;
			at += op->size;
			break;
		case CT_PLAN_APPEND_MEMORY:
			at = append_memory(&run->view, at, *top, *bad, op);
			top--, bad--;
			break;
		case CT_PLAN_APPEND_STRING:
			at = append_string(&run->view, at, *top, *bad, op->size);
			top--, bad--;
			break;
		case CT_PLAN_APPEND_TEXT:
			at = append_text(&run->view, at, top[0], top[-1], bad[0] || bad[-1],
					 op->size);
			top -= 2, bad -= 2;
			break;
		case CT_PLAN_APPEND_SEQUENCE:
			at = append_sequence(&run->view, at, top[-1], top[0], bad[0] || bad[-1],
					     op);
			top -= 2, bad -= 2;
			break;
		case CT_CAPTURE_MARK:
			run->marks[op->from] = (uint16_t)(at - run->start);
			break;
		case CT_PLAN_PUSH_REGISTER:
			*++top = registers[op->from] + (uint64_t)(int64_t)op->offset;
			*++bad = false;
			break;
		case CT_PLAN_PUSH_CONSTANT: /* PUSH_ADDRESS was turned into it */
			*++top = (uint64_t)op->operand;
			*++bad = false;
			break;
		case CT_CAPTURE_PUSH_UNREADABLE:
			*++top = 0;
			*++bad = true;
			break;
		case CT_PLAN_PUSH_BLOCK:
			*++top = 0;
			*++bad = !read_block(run, op, top);
			break;
		case CT_PLAN_LOAD: {
			uint64_t loaded = 0;
			*bad = *bad || !ct_memory_read(&run->view, *top, &loaded, op->size);
			*top = loaded;
			break;
		}
		case CT_PLAN_ADD_CONSTANT:
			*top += (uint64_t)op->operand;
			break;
		case CT_PLAN_SIGN_EXTEND:
			*top = sign_extend(*top, op->size);
			break;
		case CT_PLAN_ZERO_EXTEND:
			*top &= ~UINT64_C(0) >> (64 - 8 * op->size);
			break;
		case CT_PLAN_NEGATE:
			*top = -*top;
			break;
		case CT_PLAN_NOT:
			*top = ~*top;
			break;
		default:
			top[-1] = compute(op->code, top[-1], top[0]);
			bad[-1] |= bad[0];
			top--, bad--;
		}
	}
}

static inline __attribute__((always_inline)) size_t evaluate(const struct ct_capture *capture,
							     const uint64_t *registers,
							     unsigned char *room, bool may_fault,
							     unsigned char **ret)
{
	struct evaluation run;
	unsigned char *payload = room + CT_VALUES_HEAD_BYTES;
#ifdef __clang_analyzer__
	/* It does not know that plans are checked: none takes a value that is not there. */
	__builtin_memset(&run, 0, sizeof(run));
#endif
	run.view = view_from(registers[CT_PLAN_RSP], may_fault);
	run.start = room;
	unsigned char *end = follow(capture->ops, registers, &run, payload);
	if (ct_unlikely(!end))
		return 0;
	put(end, 0);
	size_t payload_bytes = (size_t)(end - payload);
	if (payload_bytes <= CT_VALUES_SHORT_MAX) {
		*ret = payload - CT_VALUES_SHORT_HEAD_BYTES;
		**ret = (unsigned char)(CT_VALUES_SHORT_HEAD | payload_bytes << 2);
		return CT_VALUES_SHORT_HEAD_BYTES + payload_bytes;
	}
	*ret = room;
	room[0] = CT_VALUES_HEAD;
	put16(room + 1, (unsigned int)(CT_VALUES_HEAD_BYTES + payload_bytes));
	return CT_VALUES_HEAD_BYTES + payload_bytes;
}

size_t ct_values_evaluate(const struct ct_capture *capture, const uint64_t *registers,
			  unsigned char *room, bool may_fault, unsigned char **ret)
{
	return evaluate(capture, registers, room, may_fault, ret);
}

static inline bool has_room(const struct ct_thread *thread, uint64_t sp, uint64_t room_bytes)
{
	const struct ct_stack *stack = thread->stack;
	uint64_t low = stack->range.low > stack->floor ? stack->range.low : stack->floor;
	if (ct_likely(ct_range_holds(stack->range, sp)))
		return sp - low > room_bytes + STACK_MARGIN_BYTES && sp > low;
	return room_bytes <= UNKNOWN_STACK_ROOM_BYTES;
}

/* ---- publishing ---- */

static inline uint64_t read_ticks(void)
{
	return ct_likely(ct_runtime.config.clock_kind == CT_CLOCK_TSC) ? ct_clock_cycles()
								       : ct_slow_ticks();
}

/* One instruction: handlers add to it, too. */
static inline void count_values(size_t size_bytes)
{
	__asm__ volatile("addq %1, %0" : "+m"(ct_self.values_bytes) : "r"(size_bytes) : "cc");
}

/* Words of 8 bytes that hold the values and a zero byte. */
static inline uint64_t word_count(size_t size_bytes)
{
	return size_bytes / 8 + 1;
}

/*
 * What ct_hot_enter() does, with values. Never inline: it has the buffer on its
 * stack. False: nothing was published, it is for the slow path.
 */
static __attribute__((noinline)) bool enter_with_values(uint64_t function,
							const struct ct_registers *registers,
							uint64_t site_record,
							const struct ct_capture *capture)
{
	uint64_t sp = registers->sp;
	unsigned char *values, *room = __builtin_alloca(capture->room_bytes);
	size_t size_bytes = evaluate(capture, (const uint64_t *)registers, room,
				     ct_crash_catches_faults, &values);
	if (ct_unlikely(!size_bytes))
		return false;
	for (int i = 0; i < PUBLISH_TRIES; i++) {
		uint64_t word = __atomic_load_n(&ct_self.word, __ATOMIC_RELAXED);
		uint64_t offset = word & CT_WORD_OFFSET_MASK;
		uint64_t depth = ct_word_depth(word);
		struct ct_frame *top = &ct_self.frames[depth];
		if (ct_unlikely(offset + CT_ENTER_BYTES + size_bytes > CT_OFFSET_LIMIT ||
				depth >= ct_self.depth_limit || top->sp - sp >= CT_STACK_GAP_BYTES))
			return false;
		uint64_t ticks = read_ticks();
		if (ct_unlikely(ticks >> CT_EPOCH_SHIFT != ct_self.epoch))
			return false;
		/* A handler that writes there moves the word. */
		top[1] = (struct ct_frame){sp, function};
		if (ct_likely(ct_publish_enter(
			    word, word + CT_WORD_DEPTH_ONE + CT_ENTER_BYTES + size_bytes,
			    ct_self.window + offset, site_record | (ticks & CT_TIME_MASK) << 2,
			    (const uint64_t *)values, word_count(size_bytes)))) {
			count_values(size_bytes);
			return true;
		}
	}
	return false;
}

/* What ct_hot_exit() does for the frame on top, with values; `sp` as the exit hook saw it. */
static __attribute__((noinline)) bool return_with_values(uint64_t function, uint64_t call_site,
							 uint64_t site, uint64_t sp,
							 const uint64_t *registers,
							 const struct ct_capture *capture)
{
	unsigned char *values, *room = __builtin_alloca(capture->room_bytes);
	size_t size_bytes = evaluate(capture, registers, room, ct_crash_catches_faults, &values);
	if (ct_unlikely(!size_bytes))
		return false;
	for (int i = 0; i < PUBLISH_TRIES; i++) {
		uint64_t word = __atomic_load_n(&ct_self.word, __ATOMIC_RELAXED);
		uint64_t offset = word & CT_WORD_OFFSET_MASK;
		if (ct_unlikely(offset + CT_RETURN_BYTES + size_bytes > CT_OFFSET_LIMIT))
			return false;
		const struct ct_frame *top = &ct_self.frames[ct_word_depth(word)];
		uint64_t ticks = read_ticks();
		if (ct_unlikely(!ct_frame_returns(top, function, call_site, site, sp) ||
				ticks >> CT_EPOCH_SHIFT != ct_self.epoch))
			return false;
		if (ct_likely(ct_publish_return(
			    word, word - CT_WORD_DEPTH_ONE + CT_RETURN_BYTES + size_bytes,
			    ct_self.window + offset, ct_record_return(ticks),
			    (const uint64_t *)values, word_count(size_bytes)))) {
			count_values(size_bytes);
			return true;
		}
	}
	return false;
}

/* ---- the hooks ---- */

/* The window is there and nothing is in the way, as far as one look tells. */
static inline bool is_ready(const struct ct_capture *capture, uint64_t function, uint64_t sp)
{
	uint64_t offset = ct_self.word & CT_WORD_OFFSET_MASK;
	return ct_likely(offset < CT_OFFSET_LIMIT && capture->function == function &&
			 ct_rseq_offset && has_room(ct_self.thread, sp, capture->room_bytes));
}

/* From the assembly: the slot of a site that has a plan. */
void ct_values_enter(uint64_t function, uint64_t call_site, uint64_t site,
		     const struct ct_registers *registers, const struct ct_site_slot *slot);
void ct_values_enter(uint64_t function, uint64_t call_site, uint64_t site,
		     const struct ct_registers *registers, const struct ct_site_slot *slot)
{
	uint64_t record = __atomic_load_n(&slot->record, __ATOMIC_ACQUIRE);
	const struct ct_capture *capture = __atomic_load_n(&slot->capture, __ATOMIC_RELAXED);
	if (ct_unlikely(!record || !capture || !is_ready(capture, function, registers->sp) ||
			!enter_with_values(function, registers, record, capture)))
		ct_record_enter_slow(function, call_site, site, registers);
}

/* From the assembly: what there is to capture at the site. */
void ct_values_exit(uint64_t function, uint64_t call_site, uint64_t site,
		    const struct ct_registers *registers, const struct ct_capture *capture);
void ct_values_exit(uint64_t function, uint64_t call_site, uint64_t site,
		    const struct ct_registers *registers, const struct ct_capture *capture)
{
	if (ct_unlikely(!is_ready(capture, function, registers->sp))) {
		ct_record_exit_slow(function, call_site, site, registers);
		return;
	}
	bool done;
	if (capture->kind == CT_PLAN_EXIT)
		done = return_with_values(function, call_site, site, registers->sp,
					  (const uint64_t *)registers, capture);
	else
		done = ct_frame_returns(&ct_self.frames[ct_word_depth(ct_self.word)], function,
					call_site, site, registers->sp) &&
		       ct_values_plant(ct_self.thread, capture, function, call_site, site,
				       registers);
	if (ct_unlikely(!done))
		ct_record_exit_slow(function, call_site, site, registers);
}

static void enter_in_c(uint64_t function, uint64_t call_site, uint64_t site,
		       const struct ct_registers *registers)
{
	const struct ct_site_slot *slot = ct_site_slot(site, call_site);
	if (slot && slot->capture)
		ct_values_enter(function, call_site, site, registers, slot);
	else
		ct_plain_hooks.enter(function, call_site, site, registers);
}

static void exit_in_c(uint64_t function, uint64_t call_site, uint64_t site,
		      const struct ct_registers *registers)
{
	const struct ct_capture *capture;
	if (!ct_exit_find(site, &capture))
		ct_record_exit_slow(function, call_site, site, registers);
	else if (capture)
		ct_values_exit(function, call_site, site, registers, capture);
	else
		ct_plain_hooks.exit(function, call_site, site, registers);
}

ct_hook *const ct_values_enter_hook = enter_in_c;
ct_hook *const ct_values_exit_hook = exit_in_c;

/* ---- return addresses ---- */

/* Not where the kernel has the processor check return addresses. */
static bool can_plant;

void ct_values_init(void)
{
	enum { ARCH_SHSTK_STATUS = 0x5005, ARCH_SHSTK_SHSTK = 1 };
	uint64_t features = 0;
	bool has_shadow_stack = ct_sys(SYS_arch_prctl, ARCH_SHSTK_STATUS, &features) == 0 &&
				features & ARCH_SHSTK_SHSTK;
	/* The stubs' unwind information adds the distance as an unsigned number. */
	can_plant = !has_shadow_stack && (uint64_t)ct_stub_table > (uint64_t)ct_stubs;
	ct_memory_init();
}

static bool is_stub(uint64_t address)
{
	return address - (uint64_t)ct_stubs < sizeof(ct_stubs);
}

/* One for each stub; each thread has some for itself, from its first one on. */
static struct ct_planted all_planted[CT_STUBS];
enum { THREADS_MAX = CT_STUBS / CT_PLANTED_PER_THREAD };
static uint64_t taken_threads[THREADS_MAX / 64]; /* a bit for each */

/* Entries for a thread; NULL: too many threads have some. */
static CT_COLD struct ct_planted *take_entries(struct ct_thread *thread)
{
	for (size_t i = 0; i < THREADS_MAX; i++) {
		uint64_t bit = UINT64_C(1) << (i % 64);
		if (__atomic_load_n(&taken_threads[i / 64], __ATOMIC_RELAXED) & bit ||
		    __atomic_fetch_or(&taken_threads[i / 64], bit, __ATOMIC_ACQUIRE) & bit)
			continue;
		struct ct_planted *none = NULL;
		if (!__atomic_compare_exchange_n(&thread->planted, &none,
						 &all_planted[i * CT_PLANTED_PER_THREAD], false,
						 __ATOMIC_RELEASE, __ATOMIC_RELAXED))
			/* A handler was faster. */
			__atomic_fetch_and(&taken_threads[i / 64], ~bit, __ATOMIC_RELEASE);
		break;
	}
	return thread->planted;
}

void ct_values_end_thread(struct ct_thread *thread)
{
	struct ct_planted *planted = thread->planted;
	if (!planted)
		return;
	/* One that waits still keeps its stub for ever. */
	for (size_t i = 0; i < CT_PLANTED_PER_THREAD; i++)
		if (planted[i].slot)
			return;
	size_t number = (size_t)(planted - all_planted) / CT_PLANTED_PER_THREAD;
	thread->planted = NULL;
	__atomic_fetch_and(&taken_threads[number / 64], ~(UINT64_C(1) << (number % 64)),
			   __ATOMIC_RELEASE);
}

void ct_values_fork_child(struct ct_thread *thread)
{
	ct_zero(taken_threads, sizeof(taken_threads));
	if (!thread || !thread->planted)
		return;
	size_t number = (size_t)(thread->planted - all_planted) / CT_PLANTED_PER_THREAD;
	taken_threads[number / 64] = UINT64_C(1) << (number % 64);
}

/*
 * Entries whose return never comes: a handler has left the function, or us, by
 * a jump. Code that runs at `sp` of a stack that is no signal stack has nothing
 * alive below; elsewhere, a slot that waits holds a stub's address.
 */
static CT_COLD void drop_stale(struct ct_thread *thread, uint64_t sp)
{
	struct ct_range signal_stack, range = thread->stack->range;
	bool knows_stack = ct_range_holds(range, sp) && !ct_stack_signal_range(sp, &signal_stack);
	for (size_t i = 0; i < CT_PLANTED_PER_THREAD; i++) {
		struct ct_planted *entry = &thread->planted[i];
		uint64_t slot = __atomic_load_n(&entry->slot, __ATOMIC_RELAXED), there;
		uint64_t address = slot & ~(uint64_t)CT_PLANTED_BUSY;
		bool is_gone = knows_stack && ct_range_holds(range, address) && address < sp;
		if (!is_gone && !(slot & CT_PLANTED_BUSY))
			is_gone = !ct_sys_peek((const void *)address, &there, sizeof(there)) ||
				  !is_stub(there);
		if (is_gone)
			ct_word_publish(&entry->slot, slot, 0);
	}
}

/*
 * Code goes on at `sp` of the thread's current stack, by a jump or after an
 * exception: returns from below it never come. Their slots may hold a stub's
 * address for a long time, in a part of a later frame that nothing writes to.
 */
void ct_values_leave(struct ct_thread *thread, uint64_t sp)
{
	struct ct_range range = thread->stack->range;
	for (size_t i = 0; thread->planted && i < CT_PLANTED_PER_THREAD; i++) {
		struct ct_planted *entry = &thread->planted[i];
		uint64_t address = entry->slot & ~(uint64_t)CT_PLANTED_BUSY;
		if (ct_range_holds(range, sp) && ct_range_holds(range, address) && address < sp)
			entry->slot = 0;
	}
}

/* An entry claimed for `slot`, against handlers on this thread; NULL: all are taken. */
static struct ct_planted *claim_entry(struct ct_thread *thread, uint64_t slot)
{
	for (size_t i = 0; i < CT_PLANTED_PER_THREAD; i++) {
		struct ct_planted *entry = &thread->planted[i];
		uint64_t there = __atomic_load_n(&entry->slot, __ATOMIC_RELAXED);
		/* One of the same slot is stale: the slot holds an address of the program's. */
		if ((!there || there == slot) &&
		    ct_word_publish(&entry->slot, there, slot | CT_PLANTED_BUSY))
			return entry;
	}
	return NULL;
}

bool ct_values_plant(struct ct_thread *thread, const struct ct_capture *capture, uint64_t function,
		     uint64_t call_site, uint64_t site, const struct ct_registers *registers)
{
	const uint64_t *values = (const uint64_t *)registers;
	uint64_t slot = values[capture->return_slot_register] +
			(uint64_t)(int64_t)capture->return_slot_offset;
	struct ct_memory_view view = view_from(registers->sp, false);
	if (!can_plant || slot % sizeof(slot) || !on_stack(&view, slot, sizeof(slot)) ||
	    *(const uint64_t *)slot != call_site || is_stub(call_site))
		return false;
	if (ct_unlikely(!thread->planted && !take_entries(thread)))
		return false;
	struct ct_planted *entry = claim_entry(thread, slot);
	if (ct_unlikely(!entry)) {
		drop_stale(thread, registers->sp);
		entry = claim_entry(thread, slot);
		if (!entry)
			return false;
	}
	size_t number = (size_t)(entry - all_planted);
	entry->x87_values = capture->x87_values;
	entry->function = function;
	entry->call_site = call_site;
	entry->site = site;
	entry->sp = registers->sp;
	entry->capture = capture;
	ct_stub_table[number] = (struct ct_stub_entry){call_site, entry};
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	*(volatile uint64_t *)slot = (uint64_t)ct_stubs[number];
	__atomic_store_n(&entry->slot, slot, __ATOMIC_RELEASE);
	return true;
}

/*
 * From a stub, which knows where to go on: a planted function has returned, with
 * these registers. The entry is marked as busy.
 */
void ct_values_returned(const uint64_t *registers, struct ct_planted *entry);
void ct_values_returned(const uint64_t *registers, struct ct_planted *entry)
{
	struct ct_planted planted = *entry;
	if (ct_unlikely(ct_mode() != CT_MODE_RECORD ||
			!is_ready(planted.capture, planted.function, registers[CT_PLAN_RSP]) ||
			!return_with_values(planted.function, planted.call_site, planted.site,
					    planted.sp, registers, planted.capture)))
		ct_slow_return(&planted, registers);
	/* Only now: a handler that comes before must find the frame alive, see frame_place(). */
	__atomic_store_n(&entry->slot, 0, __ATOMIC_RELEASE);
}
