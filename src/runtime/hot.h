/* SPDX-License-Identifier: MIT */
/*
 * Everything that runs once per call, and nothing else.
 *
 * A thread's word holds all that a call changes: depth in the shadow stack
 * (bits 40-63), generation (16-39) and offset in the window (0-15). A hook
 * loads the word, writes its record and its shadow frame to places nobody
 * else looks at yet, and publishes both with one compare-and-swap of the
 * word, not locked: only this thread and signal handlers on it touch the word,
 * and one instruction is atomic against those. When a traced handler ran in
 * between, the word has changed and the hook does its work again, after the
 * handler's records: order and nesting are those of time, without holes (but see
 * ct_window_claim() on arm64). A
 * handler that came back to the same depth and offset has moved the offset, or
 * taken the slow path, which moves the generation: the old word never fits by
 * accident.
 *
 * On x86-64, where the kernel and libc offer restartable sequences, the hooks
 * of hooks_x86_64.S do the same with plain stores; what is here is the way
 * without them, and the description of both.
 *
 * Cost: one clock read, one site lookup (shared, read-only when warm), one
 * record of 6 or 3 bytes, one shadow frame of 16, one unlocked cmpxchg; one
 * taken branch. bench/run shows it beside the limit.
 */
#ifndef CT_RUNTIME_HOT_H
#define CT_RUNTIME_HOT_H

#include <time.h>

#include "runtime/runtime.h"
#include "runtime/self_layout.h"

#define CT_WORD_DEPTH_SHIFT 40
#define CT_WORD_DEPTH_ONE   (UINT64_C(1) << CT_WORD_DEPTH_SHIFT)
#define CT_WORD_GEN_SHIFT   16
#define CT_WORD_OFFSET_MASK UINT64_C(0xffff)
#define CT_OFFSET_NONE	    UINT64_C(0xffff) /* no window yet, forking, stopped */

/* Room kept behind it: an 8-byte store, two extended records, the trailer. */
#define CT_OFFSET_LIMIT CT_OFFSET_LIMIT_VALUE

static inline uint64_t ct_word_depth(uint64_t word)
{
	return word >> CT_WORD_DEPTH_SHIFT;
}

static inline uint64_t ct_word_make(uint64_t old_word, uint64_t depth, uint64_t offset)
{
	uint64_t generation = ((old_word >> CT_WORD_GEN_SHIFT) + 1) & 0xffffff;
	return depth << CT_WORD_DEPTH_SHIFT | generation << CT_WORD_GEN_SHIFT | offset;
}

/* Compare and swap, atomic against signals on this thread only. */
static inline bool ct_word_publish(uint64_t *word, uint64_t old_word, uint64_t new_word)
{
#if defined(__x86_64__)
	bool done;
	__asm__ volatile("cmpxchgq %[new_word], %[word]"
			 : "=@ccz"(done), [word] "+m"(*word), "+a"(old_word)
			 : [new_word] "r"(new_word)
			 : "memory");
	return done;
#else
	return __atomic_compare_exchange_n(word, &old_word, new_word, false, __ATOMIC_RELEASE,
					   __ATOMIC_RELAXED);
#endif
}

/*
 * Put a record where the window is still zero. A handler that came since the
 * word was read has written there, and its records must stay.
 * arm64 has no exchange of unaligned words: there the handler may come between
 * the test and the store, one instruction in a hundred.
 */
static inline bool ct_window_claim(unsigned char *at, uint64_t record)
{
#if defined(__x86_64__)
	return ct_word_publish((uint64_t *)at, 0, record);
#else
	uint64_t there;
	__builtin_memcpy(&there, at, sizeof(there));
	if (there)
		return false;
	__builtin_memcpy(at, &record, sizeof(record));
	return true;
#endif
}

static inline uint64_t ct_clock_cycles(void)
{
#if defined(__x86_64__)
	uint32_t low, high;
	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
#else
	uint64_t ticks;
	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
	return ticks;
#endif
}

/* ---- sites: (hook's return address, call site) -> number ---- */

struct ct_site_slot {
	uint64_t site; /* 0: empty. Written last, never changed */
	uint64_t call_site;
	uint64_t record; /* the enter record but for its time; 0: its module is gone, ask again */
	const struct ct_capture *capture; /* what to copy there; NULL: nothing */
};

struct ct_site_table {
	uint64_t byte_mask; /* (slots - 1) * sizeof(slot) */
	uint64_t unused;
	struct ct_site_slot slots[];
};
/* Replaced by a larger copy when half full; older ones stay readable. Set by site.c. */
extern struct ct_site_table *ct_site_table;

/* Chosen at start: the CPU's CRC32 mixes both addresses in one instruction. */
extern bool ct_has_crc32;

static inline uint64_t ct_site_hash(uint64_t site, uint64_t call_site)
{
#if defined(__x86_64__)
	if (ct_likely(ct_has_crc32)) {
		__asm__("crc32q %1, %0" : "+r"(site) : "rm"(call_site));
		return site;
	}
#endif
	return (site * UINT64_C(0x9e3779b97f4a7c15) + call_site) * UINT64_C(0xd6e8feb86659fd93) >>
	       32;
}

/* The slot's bytes from the first one's; the hash's low bits are as good as any. */
static inline uint64_t ct_site_at(const struct ct_site_table *table, uint64_t hash)
{
	return hash & table->byte_mask;
}

/* NULL: not known. */
static inline const struct ct_site_slot *ct_site_slot(uint64_t site, uint64_t call_site)
{
	const struct ct_site_table *table = __atomic_load_n(&ct_site_table, __ATOMIC_ACQUIRE);
	uint64_t at = ct_site_at(table, ct_site_hash(site, call_site));
	for (;;) {
		const struct ct_site_slot *slot = (const void *)((const char *)table->slots + at);
		uint64_t found = __atomic_load_n(&slot->site, __ATOMIC_ACQUIRE);
		if (ct_likely(found == site && slot->call_site == call_site))
			return slot;
		if (!found)
			return NULL;
		at = (at + sizeof(*slot)) & table->byte_mask;
	}
}

static inline uint64_t ct_site_find(uint64_t site, uint64_t call_site)
{
	const struct ct_site_slot *slot = ct_site_slot(site, call_site);
	return ct_likely(slot != NULL) ? __atomic_load_n(&slot->record, __ATOMIC_ACQUIRE) : 0;
}

/* ---- the hooks ---- */

typedef uint64_t ct_clock_read(void);

/*
 * A call to `function` begins. The stack pointer is that of the physical frame
 * at the hook call, the same for every hook of a frame but for alloca.
 * Calls nothing, takes no lock, writes no line another thread writes.
 */
static inline __attribute__((always_inline)) void ct_hot_enter(uint64_t function,
							       uint64_t call_site, uint64_t site,
							       const struct ct_registers *registers,
							       ct_clock_read *clock, bool has_time,
							       ct_hook *slow)
{
	uint64_t sp = registers->sp;
	uint64_t word = __atomic_load_n(&ct_self.word, __ATOMIC_RELAXED);
	uint64_t offset = word & CT_WORD_OFFSET_MASK;
	if (ct_unlikely(offset >= CT_OFFSET_LIMIT)) {
		slow(function, call_site, site, registers);
		return;
	}
	uint64_t depth = ct_word_depth(word);
	struct ct_frame *top = &ct_self.frames[depth];
	uint64_t record = ct_site_find(site, call_site);
	uint64_t ticks = clock();
	if (ct_unlikely(top->sp - sp >= CT_STACK_GAP_BYTES || depth >= ct_self.depth_limit ||
			record == 0 || (has_time && ticks >> CT_EPOCH_SHIFT != ct_self.epoch))) {
		slow(function, call_site, site, registers);
		return;
	}
	record |= (ticks & CT_TIME_MASK) << 2;
	unsigned char *at = ct_self.window + offset;
	if (ct_unlikely(!ct_window_claim(at, record))) {
		slow(function, call_site, site, registers);
		return;
	}
	top[1] = (struct ct_frame){sp, function};
	if (ct_unlikely(!ct_word_publish(&ct_self.word, word,
					 word + CT_WORD_DEPTH_ONE + CT_ENTER_BYTES))) {
		ct_slow_take_back(at, record);
		slow(function, call_site, site, registers);
	}
}

/*
 * Does the frame on top return, with the exit hook called at `sp`? Compilers
 * make the hook call of a function without a result a jump: then the hook's own
 * return address is the function's, `sp` lies above the function's frame, and
 * the frame below on the shadow stack, the caller's, is not below `sp`.
 */
static inline bool ct_frame_returns(const struct ct_frame *top, uint64_t function,
				    uint64_t call_site, uint64_t site, uint64_t sp)
{
	if (ct_unlikely(top->function != function))
		return false;
	/* Lower than at the entry after alloca; the top frame's flags are in the low bits. */
	if (top->sp - sp < CT_STACK_GAP_BYTES && !(top->sp & CT_FRAME_FLAGS))
		return true;
	return (site == call_site && !(top->sp & CT_FRAME_HIDDEN) && top->sp < sp &&
		top[-1].sp >= sp);
}

/* The innermost call returns: its frame must be the one on top, all else is rare. */
static inline __attribute__((always_inline)) void ct_hot_exit(uint64_t function, uint64_t call_site,
							      uint64_t site,
							      const struct ct_registers *registers,
							      ct_clock_read *clock, bool has_time,
							      ct_hook *slow)
{
	uint64_t sp = registers->sp;
	uint64_t word = __atomic_load_n(&ct_self.word, __ATOMIC_RELAXED);
	uint64_t offset = word & CT_WORD_OFFSET_MASK;
	if (ct_unlikely(offset >= CT_OFFSET_LIMIT)) {
		slow(function, call_site, site, registers);
		return;
	}
	uint64_t ticks = clock();
	const struct ct_frame *top = &ct_self.frames[ct_word_depth(word)];
	if (ct_unlikely(!ct_frame_returns(top, function, call_site, site, sp) ||
			(has_time && ticks >> CT_EPOCH_SHIFT != ct_self.epoch))) {
		slow(function, call_site, site, registers);
		return;
	}
	uint64_t record = ct_record_return(ticks);
	unsigned char *at = ct_self.window + offset;
	if (ct_unlikely(!ct_window_claim(at, record))) {
		slow(function, call_site, site, registers);
		return;
	}
	if (ct_unlikely(!ct_word_publish(&ct_self.word, word,
					 word - CT_WORD_DEPTH_ONE + CT_RETURN_BYTES))) {
		ct_slow_take_back(at, record);
		slow(function, call_site, site, registers);
	}
}

#endif
