/* SPDX-License-Identifier: MIT */
/* What an expression is worth when all registers and all memory at the start are given. */
#ifndef UNIT_PLAN_EVALUATE_H
#define UNIT_PLAN_EVALUATE_H

#include "plan/expression.h"

struct evaluation {
	uint64_t registers[128]; /* numbers as in struct ct_expr */
	/* Little-endian, zero-extended. */
	uint64_t (*load)(const struct evaluation *evaluation, uint64_t address,
			 unsigned int size_bytes);
	const void *memory; /* for load() */
};

uint64_t evaluate(const struct evaluation *evaluation, const struct ct_expr *expr);

/* What one operator makes of values, told apart from the code that folds constants. */
uint64_t apply_unary(enum ct_expr_kind kind, uint64_t operand, unsigned int size_bytes);
uint64_t apply_binary(enum ct_expr_kind kind, uint64_t left, uint64_t right);

/* Follow a plan's operations to the value they leave. */
uint64_t evaluate_ops(const struct evaluation *evaluation, const struct ct_plan_op *ops,
		      size_t count);

#endif
