/* SPDX-License-Identifier: MIT */
/*
 * Arguments and return values: what the hooks, the plans and the reading of
 * the program's memory tell each other. Captured on x86-64 only; elsewhere
 * nothing ever has a plan.
 */
#ifndef CT_RUNTIME_VALUES_H
#define CT_RUNTIME_VALUES_H

#include "runtime/runtime.h"

/* ---- a plan, checked and made ready: plan.c makes it, values.c follows it ---- */

/* Codes of the operations as they are followed, besides those of enum ct_plan_code. */
enum ct_capture_code {
	CT_CAPTURE_END = 0,
	CT_CAPTURE_STACK_1 = 64, /* APPEND_STACK of one size */
	CT_CAPTURE_STACK_2,
	CT_CAPTURE_STACK_4,
	CT_CAPTURE_STACK_8,
	CT_CAPTURE_MARK, /* the next block is number `from`; PUSH_BLOCK will ask for it */
	CT_CAPTURE_PUSH_UNREADABLE, /* PUSH_BLOCK of what can never be there */
};

/*
 * PUSH_BLOCK has the code of the operation that made the block in `size`, and
 * the bytes it holds in `operand`, or, of a SEQUENCE, both of these:
 */
#define CT_BLOCK_ELEMENTS(operand)	((operand) >> 16)
#define CT_BLOCK_ELEMENT_BYTES(operand) ((operand)&0xffff)

/* The code of a step in the hooks, by what it does: a register's value, the beginning of a sum, its
 * next part, 1 to 32 bytes of the stack, the sum itself, the end. */
enum ct_quick_code {
	CT_QUICK_REGISTER = 0,
	CT_QUICK_SET = CT_QUICK_REGISTER + CT_PLAN_HOOK_REGISTERS,
	CT_QUICK_ADD = CT_QUICK_SET + CT_PLAN_HOOK_REGISTERS,
	CT_QUICK_STACK_RSP = CT_QUICK_ADD + CT_PLAN_HOOK_REGISTERS,
	CT_QUICK_STACK_RBP = CT_QUICK_STACK_RSP + 6, /* 1, 2, 4, 8, 16, 32 bytes */
	CT_QUICK_STORE = CT_QUICK_STACK_RBP + 6,
	CT_QUICK_END,
	CT_QUICK_CODES,
	CT_QUICK_STEPS_MAX = 64,
	CT_QUICK_PAYLOAD_MAX = 1024,
};

/*
 * A plan that only takes registers and the stack is followed by the hooks
 * themselves, step by step. A step may store up to 8 bytes behind what it gives:
 * the next one comes behind it.
 */
struct ct_quick_step {
	uint64_t code;	/* address */
	int32_t offset; /* to the register */
	uint32_t at;	/* in the VALUES record; of the last one: its bytes */
};

struct ct_capture {
	uint64_t function; /* the hook must be told this one, or the plan is not for it */
	const struct ct_quick_step *steps;
	/* What the steps take from the stack: up to `rsp_end` from rsp on, and `rbp_span` bytes
	 * from rbp + `rbp_low` on */
	uint32_t rsp_end;
	uint32_t rbp_span;
	int32_t rbp_low;
	uint32_t quick_bytes; /* of the VALUES record; 0: there are no steps */
	uint32_t quick_head;  /* the record's first bytes */
	uint32_t room_bytes;  /* of the buffer for a VALUES record of it */
	uint8_t kind;	      /* enum ct_plan_kind */
	uint8_t return_slot_register;
	uint8_t x87_values; /* EXIT_STUB: how many it wants of st0, st1 */
	int32_t return_slot_offset;
	struct ct_plan_op ops[]; /* up to CT_CAPTURE_END */
};

#if defined(__x86_64__)

/* plan.c's table of exit hooks by their return address; grows like the sites' one. */
struct ct_exit_slot {
	uint64_t site; /* 0: empty. Written last, never changed */
	uint64_t
		capture; /* a struct ct_capture's address, CT_CAPTURE_NONE, or 0: not known (yet) */
};
struct ct_exit_table {
	uint64_t byte_mask;
	uint64_t unused;
	struct ct_exit_slot slots[];
};
extern struct ct_exit_table *ct_exit_table;

/* False: not known. */
bool ct_exit_find(uint64_t site, const struct ct_capture **ret);

/* plan.c; under ct_runtime.lock. NULL: nothing to capture there. */
int ct_plan_init(void);
void ct_plan_fork_child(void);
void ct_plan_forget_module(uint32_t ordinal);
/* At the end: a line for each pattern of the filter that fits nothing. */
void ct_plan_report_misses(void);
/* At the enter hook that returns to `site`; the reader is told, too. */
const struct ct_capture *ct_plan_of_enter(uint64_t site, uint64_t function, uint32_t module);
/* At an exit hook. Takes the lock itself when it must; signals blocked. */
const struct ct_capture *ct_plan_of_exit(uint64_t site, uint64_t call_site);

/* values.c */
/* The slow path's way: a VALUES record, ended by zeros, in `room`, of `capture->room_bytes`; it
 * begins at *ret. `registers`: numbered as in enum ct_plan_register. Its bytes, or 0: no values. */
size_t ct_values_evaluate(const struct ct_capture *capture, const uint64_t *registers,
			  unsigned char *room, bool may_fault, unsigned char **ret);
/* Code goes on at `sp` of the current stack: what was below is gone. Signals are blocked. */
void ct_values_leave(struct ct_thread *thread, uint64_t sp);
/* The thread has ended, or is the only one of a forked child. */
void ct_values_end_thread(struct ct_thread *thread);
void ct_values_fork_child(struct ct_thread *thread);
/* Put a stub in place of the return address. False: the value cannot be had. */
bool ct_values_plant(struct ct_thread *thread, const struct ct_capture *capture, uint64_t function,
		     uint64_t call_site, uint64_t site, const struct ct_registers *registers);
void ct_values_init(void);
/* Hooks in C, for what the assembly cannot do: other clocks, older machines. */
extern ct_hook *const ct_values_enter_hook, *const ct_values_exit_hook;

/* memory.c */
struct ct_memory_view {
	uint64_t stack_low, stack_high; /* of the stack the code runs on, from its stack pointer */
	bool may_fault;			/* a fault in ct_guarded_*() comes back as its failure */
};
void ct_memory_init(void);
/* The program has made [low, high) unreadable, or it is gone. */
void ct_memory_lost(uint64_t low, uint64_t high);
/* The program serves page faults itself from now on: reading anything but a stack may wait for one
 * of its threads, which may be this one. */
void ct_memory_faults_are_served(void);
bool ct_memory_read(const struct ct_memory_view *view, uint64_t address, void *ret,
		    size_t size_bytes);
/* What may be a device's registers, where a read has effects: those are not readable. */
bool ct_memory_read_volatile(uint64_t address, void *ret, size_t size_bytes);
/* The bytes before a NUL, at most `size_bytes`; then there is no NUL among these. *ret_ends: these
 * are all that can be read. -1: not readable. Writes up to 7 bytes more than that. */
long ct_memory_read_string(const struct ct_memory_view *view, uint64_t address, unsigned char *ret,
			   size_t size_bytes, bool *ret_ends);

/* hooks_x86_64.S */
/* Copies that the handlers of crash.c end when they fault. 0, or -1. */
long ct_guarded_copy(void *to, const void *from, size_t size_bytes);
/* Up to a NUL: the bytes before it, or `size_bytes`; -1: fault. As ct_memory_read_string(). */
long ct_guarded_string(void *to, const void *from, size_t size_bytes);
/* Where such a copy goes on after a fault at `pc`; 0: `pc` is in none. */
uint64_t ct_guarded_way_out(uint64_t pc);
/*
 * If the thread's word still is `word`: put a record and the values behind it
 * at `at`, and publish `next` as the word; all that as if in one step. False:
 * a handler or another thread came between, begin anew. The values are copied in
 * words of 8 bytes and end with a zero byte.
 */
bool ct_publish_enter(uint64_t word, uint64_t next, unsigned char *at, uint64_t record,
		      const uint64_t *values, uint64_t word_count);
bool ct_publish_return(uint64_t word, uint64_t next, unsigned char *at, uint64_t record,
		       const uint64_t *values, uint64_t word_count);
/* Steps' code, by enum ct_quick_code, from the table's address. */
extern const int32_t ct_cycles_values_enter_steps[CT_QUICK_CODES];
extern const int32_t ct_cycles_values_exit_steps[CT_QUICK_CODES];
extern const int32_t ct_order_values_enter_steps[CT_QUICK_CODES];
extern const int32_t ct_order_values_exit_steps[CT_QUICK_CODES];
/* Code that planted return addresses lead to, CT_STUB_BYTES each; and for each where to go on. */
struct ct_stub_entry {
	uint64_t return_address;
	struct ct_planted *planted;
};
extern const char ct_stubs[CT_STUBS][CT_STUB_BYTES];
extern struct ct_stub_entry ct_stub_table[CT_STUBS];

#else

static inline int ct_plan_init(void)
{
	return 0;
}

static inline void ct_plan_fork_child(void)
{
}

static inline void ct_plan_report_misses(void)
{
}

static inline void ct_plan_forget_module(uint32_t ordinal)
{
	(void)ordinal;
}

static inline const struct ct_capture *ct_plan_of_enter(uint64_t site, uint64_t function,
							uint32_t module)
{
	(void)site, (void)function, (void)module;
	return NULL;
}

static inline const struct ct_capture *ct_plan_of_exit(uint64_t site, uint64_t call_site)
{
	(void)site, (void)call_site;
	return NULL;
}

static inline size_t ct_values_evaluate(const struct ct_capture *capture, const uint64_t *registers,
					unsigned char *room, bool may_fault, unsigned char **ret)
{
	(void)capture, (void)registers, (void)room, (void)may_fault, (void)ret;
	return 0;
}

static inline bool ct_values_plant(struct ct_thread *thread, const struct ct_capture *capture,
				   uint64_t function, uint64_t call_site, uint64_t site,
				   const struct ct_registers *registers)
{
	(void)thread, (void)capture, (void)function, (void)call_site, (void)site, (void)registers;
	return false;
}

static inline void ct_values_init(void)
{
}

static inline void ct_memory_faults_are_served(void)
{
}

static inline void ct_values_leave(struct ct_thread *thread, uint64_t sp)
{
	(void)thread, (void)sp;
}

static inline void ct_values_end_thread(struct ct_thread *thread)
{
	(void)thread;
}

static inline void ct_values_fork_child(struct ct_thread *thread)
{
	(void)thread;
}

static inline void ct_memory_lost(uint64_t low, uint64_t high)
{
	(void)low, (void)high;
}

static inline uint64_t ct_guarded_way_out(uint64_t pc)
{
	(void)pc;
	return 0;
}

#endif

/* slow.c: a function whose return address was planted has returned. `values` are the registers
 * then, numbered as in enum ct_plan_register. */
void ct_slow_return(const struct ct_planted *planted, const uint64_t *values);

#endif
