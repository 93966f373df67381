/* SPDX-License-Identifier: MIT */
/* What the files of the machine share: its state, its memory, one instruction. */
#ifndef CT_PLAN_MACHINE_PRIVATE_H
#define CT_PLAN_MACHINE_PRIVATE_H

#include <Zydis/Zydis.h>

#include "plan/machine.h"

/* DWARF numbers of the registers with a role of their own. */
enum {
	CT_RAX = 0,
	CT_RDX = 1,
	CT_RCX = 2,
	CT_RBX = 3,
	CT_RBP = 6,
	CT_RSP = 7,
	CT_R12 = 12,
	CT_R15 = 15,
	CT_GPR_COUNT = 16,
	CT_XMM_COUNT = 16,
	CT_X87_COUNT = 8,
};

struct ct_machine_gpr {
	const struct ct_expr *value;
	/* When `value` is UNKNOWN: the low `low_size` bytes, zero-extended, if that is not 0. A
	 * byte written to a register that holds anything is still known. */
	const struct ct_expr *low;
	uint8_t low_size;
};

/* Each 0 or 1, or UNKNOWN. */
struct ct_machine_flags {
	const struct ct_expr *zero, *carry, *sign;
	const struct ct_expr *less; /* sign != overflow */
	bool is_canary;		    /* set by a comparison with the canary */
};

enum ct_store_kind {
	CT_STORE_BYTES = 0,
	CT_STORE_ANYWHERE, /* any memory may have changed */
	CT_STORE_CALL,	   /* any memory but the frame from `offset` up */
};

/* Bytes stored at base + offset; a base of NULL: at a constant address. */
struct ct_store {
	const struct ct_expr *base;
	int64_t offset;
	const struct ct_expr *value; /* of at most 8 bytes, zero-extended */
	uint8_t size_bytes;
	uint8_t kind; /* enum ct_store_kind */
};

/* 10 bytes. */
struct ct_x87_value {
	const struct ct_expr *low, *high;
};

struct ct_machine {
	struct ct_expr_arena *arena;
	ZydisDecoder decoder;
	struct ct_machine_gpr gpr[CT_GPR_COUNT];
	const struct ct_expr *xmm[CT_XMM_COUNT][2];
	struct ct_x87_value x87[CT_X87_COUNT]; /* the top first; unknown ones below */
	int x87_depth;			       /* loads less pops since the start */
	struct ct_machine_flags flags;
	const struct ct_expr *canary_copy; /* what the canary was compared with; UNKNOWN */

	struct ct_store *stores; /* in program order */
	size_t store_count;
	size_t store_capacity;
	bool has_lost_stores; /* there was no memory for one: all memory is unknown */

	/* ct_machine_relate(): related == related_to + distance at the start */
	bool has_relation;
	uint8_t related;
	uint8_t related_to;
	int64_t distance;
	uint8_t frame_register; /* the one that addresses in the frame count from */
	int64_t start_rsp;	/* from it */
	int64_t lowest_rsp;

	bool is_entered; /* ct_machine_enter() */
	bool has_stored_elsewhere;
	bool is_at_return;
	int64_t highest_frame_byte; /* stored, exclusive */
	bool has_frame_escaped;	    /* its address went where a callee may find it */
	bool has_read_frame;	    /* the current instruction works on such an address */
	bool is_pushing;
};

struct ct_instruction;

/* ---- machine.c ---- */

void ct_machine_forget_flags(struct ct_machine *machine);
void ct_machine_forget_x87(struct ct_machine *machine);

/* After a comparison with the canary: where the code goes on when it is as it was; false: that is
 * no check of it. */
bool ct_machine_canary_way(const struct ct_machine *machine, const struct ct_code *code,
			   const struct ct_instruction *branch, uint64_t target,
			   uint64_t *ret_address);

/* ---- machine_memory.c ---- */

bool ct_machine_is_frame(const struct ct_machine *machine, const struct ct_expr *base);
/* May the value be an address in the frame? What is loaded from it is not. */
bool ct_machine_mentions_frame(const struct ct_machine *machine, const struct ct_expr *expr);
/* Without related registers. */
const struct ct_expr *ct_machine_normal(struct ct_machine *machine, const struct ct_expr *expr);
void ct_machine_store(struct ct_machine *machine, const struct ct_expr *address,
		      unsigned int size_bytes, const struct ct_expr *value);
void ct_machine_add_store(struct ct_machine *machine, struct ct_store store);
/* Any memory may have changed. */
void ct_machine_clobber(struct ct_machine *machine);

/* ---- machine_step.c ---- */

struct ct_instruction {
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	uint64_t next; /* address behind it */
};
bool ct_machine_decode(const struct ct_machine *machine, const struct ct_code *code,
		       uint64_t address, struct ct_instruction *ret);

/* Of a direct jump. */
bool ct_machine_jump_target(const struct ct_instruction *instruction, uint64_t *ret);

enum ct_step {
	CT_STEP_NEXT = 1,
	CT_STEP_JUMP,	/* to *ret_target */
	CT_STEP_BRANCH, /* to *ret_target or on, not known which */
	CT_STEP_CANARY, /* that branch, after a comparison with the canary */
	CT_STEP_AWAY,	/* a jump whose target is not known */
	CT_STEP_CALL,
	CT_STEP_RETURN,
	CT_STEP_UNKNOWN,
};
/* Let the instruction have its effect; those that do not go on to the next one have none. */
enum ct_step ct_machine_step(struct ct_machine *machine, const struct ct_instruction *instruction,
			     uint64_t *ret_target);

#endif
