/* SPDX-License-Identifier: MIT */
/*
 * Runs straight x86-64 code on expressions: where a value that was in one place
 * at one instruction is at another. Conservative: what is not understood makes
 * its results UNKNOWN, or ends the run.
 */
#ifndef CT_PLAN_MACHINE_H
#define CT_PLAN_MACHINE_H

#include "plan/expression.h"

/* Code of one function, or of the section it lies in. */
struct ct_code {
	const uint8_t *bytes;
	uint64_t address; /* of the first byte, in the ELF file */
	size_t size_bytes;
};

struct ct_machine;

/* All registers and all memory as they are at the start. NULL: out of memory. */
struct ct_machine *ct_machine_create(struct ct_expr_arena *arena);
/* To the start again; after ct_expr_arena_reset() too. */
void ct_machine_reset(struct ct_machine *machine);
void ct_machine_destroy(struct ct_machine *machine);

/*
 * `reg` is `other` + `distance` at the start: then `reg` stands in no expression
 * of the machine, and what is stored through the one is found through the other.
 * Right after ct_machine_create() or ct_machine_reset(), which forgets it; one
 * relation at most, usually of rbp to rsp.
 */
void ct_machine_relate(struct ct_machine *machine, unsigned int reg, unsigned int other,
		       int64_t distance);

/*
 * The start is a function's entry: what was in registers and in memory then
 * points nowhere into the frame that the function makes. Right after
 * ct_machine_reset(), which forgets it.
 */
void ct_machine_enter(struct ct_machine *machine);

/* What a register (numbers as in struct ct_expr) holds now, in terms of the start. */
const struct ct_expr *ct_machine_register(const struct ct_machine *machine, unsigned int number);
/* Its low `size_bytes` (1, 2, 4, 8), zero-extended; they may be known where the whole is not. */
const struct ct_expr *ct_machine_register_part(const struct ct_machine *machine,
					       unsigned int number, unsigned int size_bytes);

/*
 * The `size` (1, 2, 4, 8) bytes at `address` (in terms of the start) now,
 * zero-extended: what was stored there since, or as at the start; UNKNOWN when a
 * store since may have changed them. `*ret_stored`, unless NULL: all of them
 * were stored since the start.
 */
const struct ct_expr *ct_machine_load(struct ct_machine *machine, const struct ct_expr *address,
				      unsigned int size_bytes, bool *ret_stored);

/* Where the run stopped. */
enum ct_machine_stop {
	CT_MACHINE_AT = 1,  /* before the instruction at `until` */
	CT_MACHINE_RETURN,  /* before a `ret` */
	CT_MACHINE_CALL,    /* before a call */
	CT_MACHINE_BRANCH,  /* before a jump whose way is not known */
	CT_MACHINE_UNKNOWN, /* before an instruction that is not understood, or not code */
};

/*
 * Run from `from` on until `until` (0: until something stops it), at most some
 * hundred instructions; unconditional direct jumps within the code are followed.
 * A jump to a call of __stack_chk_fail after a comparison with the canary is not
 * taken. May be called again to go on. `*ret_address`: of the instruction before
 * which it stopped.
 */
enum ct_machine_stop ct_machine_run(struct ct_machine *machine, const struct ct_code *code,
				    uint64_t from, uint64_t until, uint64_t *ret_address);

/* The address behind the instruction at `address`; 0: that is none. */
uint64_t ct_machine_next(const struct ct_machine *machine, const struct ct_code *code,
			 uint64_t address);

/*
 * A call by the machine, after CT_MACHINE_CALL, of a function that keeps to the
 * ABI: callee-saved registers and the frame at and above the stack pointer,
 * whose address nobody else has, stay; the rest is UNKNOWN. Go on at
 * `*address`, which is moved behind the call.
 */
void ct_machine_skip_call(struct ct_machine *machine, const struct ct_code *code,
			  uint64_t *address);

/* After CT_MACHINE_RETURN: the value on top of the x87 stack (0) or below it (1), as the address
 * it was loaded from as 10 bytes, unchanged since; UNKNOWN otherwise. */
const struct ct_expr *ct_machine_x87_source(const struct ct_machine *machine, unsigned int depth);

/* Has anything been stored outside the frame (at or above the stack pointer's lowest value since
 * the start, up to the return address)? */
bool ct_machine_stored_elsewhere(const struct ct_machine *machine);

/*
 * For code with several ways through it. What the flags are is not copied, and
 * merging forgets it. False: out of memory. Both machines have one arena and
 * started at the same instruction.
 */
bool ct_machine_copy(struct ct_machine *to, const struct ct_machine *from);
/* Keep what is the same in both. True: that is less than before. */
bool ct_machine_merge(struct ct_machine *into, const struct ct_machine *other);

enum ct_machine_way {
	CT_MACHINE_WAY_ON = 1, /* to ret[0] */
	CT_MACHINE_WAY_CALL,   /* the same; the call has been skipped */
	CT_MACHINE_WAY_JUMP,   /* the same */
	CT_MACHINE_WAY_BRANCH, /* to ret[0] or ret[1] */
	CT_MACHINE_WAY_END,    /* it does not go on in this function */
	CT_MACHINE_WAY_UNKNOWN,
};
/* Run one instruction. */
enum ct_machine_way ct_machine_go(struct ct_machine *machine, const struct ct_code *code,
				  uint64_t address, uint64_t ret[2]);

struct ct_expr_place {
	bool in_register;
	unsigned int number; /* of the register: rbx, rbp, r12 to r15 */
	int64_t rsp_offset;  /* or else its address, from where rsp is now: 0 or more */
};
/* Where the low `size_bytes` (1, 2, 4, 8) of `value` are now, of the places that a call leaves
 * as they are: callee-saved registers and the frame. */
bool ct_machine_find(struct ct_machine *machine, const struct ct_expr *value,
		     unsigned int size_bytes, struct ct_expr_place *ret);

/* Where a function returns its value: parts of registers, or the top of the x87 stack. */
struct ct_machine_results {
	struct {
		unsigned int number;
		unsigned int size_bytes; /* 1, 2, 4, 8 */
	} registers[4];
	size_t register_count;
	unsigned int x87_count;
};

/*
 * After a run that began behind a call and ended in CT_MACHINE_RETURN: was
 * something put into all of them? Not what the call, or a check of the canary,
 * has left there: compilers leave out results that nobody uses.
 */
bool ct_machine_has_results(const struct ct_machine *machine,
			    const struct ct_machine_results *results);

/*
 * Does every way from `from`, behind a call, end in a `ret` with `results`,
 * without calls (but for __stack_chk_fail, when the canary is not as it was),
 * without jumps whose target is not known, and without a store that might change
 * the return address?
 */
bool ct_machine_surely_returns(const struct ct_code *code, uint64_t from,
			       const struct ct_machine_results *results);

#endif
