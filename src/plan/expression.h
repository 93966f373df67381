/* SPDX-License-Identifier: MIT */
/*
 * What a value is in terms of the registers and the memory at one instruction:
 * small immutable trees in an arena. Both the DWARF locations and the code
 * between two instructions are turned into these, and these into the operations
 * of a plan. Width is always 64 bits; narrower results are extended explicitly.
 */
#ifndef CT_PLAN_EXPRESSION_H
#define CT_PLAN_EXPRESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/plan.h"

enum ct_expr_kind {
	CT_EXPR_UNKNOWN = 0, /* anything; whatever is computed from it is unknown too */
	CT_EXPR_REGISTER,    /* `number`: DWARF register of x86-64 (rax 0 ... r15 15), or
			      * CT_EXPR_XMM + n, CT_EXPR_XMM_HIGH + n: halves of xmm n, as it was
			      * at the start */
	CT_EXPR_CONSTANT,    /* `constant` */
	CT_EXPR_LOAD, /* `size` (1, 2, 4, 8) bytes at `left`, as at the start, zero-extended */
	CT_EXPR_SIGN_EXTEND, /* low `size` bytes of `left` */
	CT_EXPR_ZERO_EXTEND,
	CT_EXPR_NEGATE,
	CT_EXPR_NOT,
	CT_EXPR_ADD, /* and on: `left` OP `right`, as enum ct_plan_code */
	CT_EXPR_SUBTRACT,
	CT_EXPR_MULTIPLY,
	CT_EXPR_AND,
	CT_EXPR_OR,
	CT_EXPR_XOR,
	CT_EXPR_SHIFT_LEFT,
	CT_EXPR_SHIFT_RIGHT,
	CT_EXPR_SHIFT_RIGHT_SIGNED,
	CT_EXPR_LESS,
	CT_EXPR_LESS_SIGNED,
	CT_EXPR_EQUAL,
	CT_EXPR_ADDRESS, /* `constant`: an address in the ELF file, wherever it is loaded. Not a
			  * CONSTANT: what lea x(%rip) gives, and DW_OP_addr */
};
enum {
	CT_EXPR_XMM = 17,
	CT_EXPR_XMM_HIGH = 64,
	CT_EXPR_FS_BASE = 100, /* of the thread's own data; no plan has it */
};

struct ct_expr {
	uint8_t kind; /* enum ct_expr_kind */
	uint8_t number;
	uint8_t size;
	uint8_t depth; /* nodes deep; beyond a limit an expression becomes UNKNOWN */
	int64_t constant;
	const struct ct_expr *left, *right;
};

/* Owns the expressions made in it; resetting forgets them all and keeps the memory. */
struct ct_expr_arena;
struct ct_expr_arena *ct_expr_arena_create(void); /* NULL: out of memory */
void ct_expr_arena_reset(struct ct_expr_arena *arena);
void ct_expr_arena_destroy(struct ct_expr_arena *arena);

/* Each simplifies what it can: constants fold, sums take the form x + constant, extensions of
 * what is already that narrow vanish. Out of memory gives UNKNOWN. Never NULL. */
const struct ct_expr *ct_expr_unknown(void);
const struct ct_expr *ct_expr_register(struct ct_expr_arena *arena, unsigned int number);
const struct ct_expr *ct_expr_constant(struct ct_expr_arena *arena, int64_t constant);
const struct ct_expr *ct_expr_address(struct ct_expr_arena *arena, uint64_t elf_address);
const struct ct_expr *ct_expr_load(struct ct_expr_arena *arena, const struct ct_expr *address,
				   unsigned int size_bytes);
const struct ct_expr *ct_expr_unary(struct ct_expr_arena *arena, enum ct_expr_kind kind,
				    const struct ct_expr *operand, unsigned int size_bytes);
const struct ct_expr *ct_expr_binary(struct ct_expr_arena *arena, enum ct_expr_kind kind,
				     const struct ct_expr *left, const struct ct_expr *right);

bool ct_expr_equal(const struct ct_expr *a, const struct ct_expr *b);
static inline bool ct_expr_is_known(const struct ct_expr *expr)
{
	return expr->kind != CT_EXPR_UNKNOWN;
}
/* Is it x + constant? x itself counts, with 0; a constant gives a NULL base. An ADDRESS is the
 * base of its own, with 0. */
void ct_expr_split(const struct ct_expr *expr, const struct ct_expr **ret_base,
		   int64_t *ret_constant);

/*
 * Operations that push the value, for a plan whose hook has the registers of
 * enum ct_plan_register up to `registers`. Number of operations, or 0 when it
 * cannot be had: a register the hook does not have, too deep, too long.
 */
size_t ct_expr_to_ops(const struct ct_expr *expr, unsigned int registers, struct ct_plan_op *ret,
		      size_t capacity);

#endif
