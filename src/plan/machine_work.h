/* SPDX-License-Identifier: MIT */
/* What the files that let an instruction have its effect share: its operands. */
#ifndef CT_PLAN_MACHINE_WORK_H
#define CT_PLAN_MACHINE_WORK_H

#include "plan/machine_private.h"

/* One instruction, and what it works on. */
struct ct_work {
	struct ct_machine *machine;
	struct ct_expr_arena *arena;
	const ZydisDecodedInstruction *insn;
	const ZydisDecodedOperand *operands;
	uint64_t next;
};

/* ---- expressions, shorter ---- */

static inline const struct ct_expr *ct_work_constant(const struct ct_work *work, int64_t value)
{
	return ct_expr_constant(work->arena, value);
}

static inline const struct ct_expr *ct_work_binary(const struct ct_work *work,
						   enum ct_expr_kind kind,
						   const struct ct_expr *left,
						   const struct ct_expr *right)
{
	return ct_expr_binary(work->arena, kind, left, right);
}

static inline const struct ct_expr *ct_work_zero_extend(const struct ct_work *work,
							const struct ct_expr *expr,
							unsigned int size_bytes)
{
	return ct_expr_unary(work->arena, CT_EXPR_ZERO_EXTEND, expr, size_bytes);
}

static inline const struct ct_expr *ct_work_sign_extend(const struct ct_work *work,
							const struct ct_expr *expr,
							unsigned int size_bytes)
{
	return ct_expr_unary(work->arena, CT_EXPR_SIGN_EXTEND, expr, size_bytes);
}

static inline const struct ct_expr *ct_work_plus(const struct ct_work *work,
						 const struct ct_expr *expr, int64_t value)
{
	return ct_work_binary(work, CT_EXPR_ADD, expr, ct_work_constant(work, value));
}

static inline const struct ct_expr *ct_work_shift(const struct ct_work *work,
						  enum ct_expr_kind kind,
						  const struct ct_expr *expr, int64_t bits)
{
	return ct_work_binary(work, kind, expr, ct_work_constant(work, bits));
}

static inline bool ct_work_is_zero(const struct ct_expr *expr)
{
	return expr->kind == CT_EXPR_CONSTANT && expr->constant == 0;
}

/* ---- registers ---- */

/* A general register, or a part of one, as an instruction names it. */
struct ct_gpr_part {
	unsigned int number; /* DWARF's */
	unsigned int size_bytes;
	bool is_high_byte;
};

bool ct_work_find_gpr(ZydisRegister name, struct ct_gpr_part *ret);
const struct ct_expr *ct_work_read_gpr(const struct ct_work *work, const struct ct_gpr_part *part);
const struct ct_expr *ct_work_merged(const struct ct_work *work, const struct ct_expr *old,
				     uint64_t mask, const struct ct_expr *bits);
void ct_work_write_gpr(const struct ct_work *work, const struct ct_gpr_part *part,
		       const struct ct_expr *value);
void ct_work_write_gpr64(const struct ct_work *work, unsigned int number,
			 const struct ct_expr *value);
unsigned int ct_work_xmm_of(const ZydisDecodedOperand *operand);
bool ct_work_is_xmm(const ZydisDecodedOperand *operand);
void ct_work_write_xmm(const struct ct_work *work, unsigned int id, const struct ct_expr *low,
		       const struct ct_expr *high);

/* ---- operands ---- */

bool ct_work_is_memory(const ZydisDecodedOperand *operand);
const struct ct_expr *ct_work_address_of(const struct ct_work *work,
					 const ZydisDecodedOperand *operand);
bool ct_work_is_canary(const struct ct_expr *expr);
const struct ct_expr *ct_work_load(const struct ct_work *work, const struct ct_expr *address,
				   unsigned int size_bytes);
const struct ct_expr *ct_work_read_operand(const struct ct_work *work,
					   const ZydisDecodedOperand *operand);
void ct_work_write_operand(const struct ct_work *work, const ZydisDecodedOperand *operand,
			   const struct ct_expr *value);
bool ct_work_is_plain(const ZydisDecodedOperand *operand);
bool ct_work_is_same_register(const ZydisDecodedOperand *a, const ZydisDecodedOperand *b);

/* ---- machine_vector.c, machine_x87.c ---- */

/* False: it is none of those that are understood, and nothing was done. */
bool ct_step_vector(const struct ct_work *work);
bool ct_step_x87(const struct ct_work *work);

#endif
