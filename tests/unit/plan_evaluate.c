/* SPDX-License-Identifier: MIT */
#include "plan_evaluate.h"

#include "unit_test.h"

static uint64_t mask_of(unsigned int size_bytes)
{
	return size_bytes == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size_bytes) - 1;
}

uint64_t apply_unary(enum ct_expr_kind kind, uint64_t operand, unsigned int size_bytes)
{
	switch (kind) {
	case CT_EXPR_ZERO_EXTEND:
		return operand & mask_of(size_bytes);
	case CT_EXPR_SIGN_EXTEND:
		switch (size_bytes) {
		case 1:
			return (uint64_t)(int64_t)(int8_t)operand;
		case 2:
			return (uint64_t)(int64_t)(int16_t)operand;
		case 4:
			return (uint64_t)(int64_t)(int32_t)operand;
		default:
			return operand;
		}
	case CT_EXPR_NEGATE:
		return 0 - operand;
	case CT_EXPR_NOT:
		return ~operand;
	default:
		fail_msg("no unary operator: %d", (int)kind);
		return 0;
	}
}

uint64_t apply_binary(enum ct_expr_kind kind, uint64_t left, uint64_t right)
{
	switch (kind) {
	case CT_EXPR_ADD:
		return left + right;
	case CT_EXPR_SUBTRACT:
		return left - right;
	case CT_EXPR_MULTIPLY:
		return left * right;
	case CT_EXPR_AND:
		return left & right;
	case CT_EXPR_OR:
		return left | right;
	case CT_EXPR_XOR:
		return left ^ right;
	case CT_EXPR_SHIFT_LEFT:
		return right > 63 ? 0 : left << right;
	case CT_EXPR_SHIFT_RIGHT:
		return right > 63 ? 0 : left >> right;
	case CT_EXPR_SHIFT_RIGHT_SIGNED:
		if (right > 63)
			return (int64_t)left < 0 ? UINT64_MAX : 0;
		return (uint64_t)((int64_t)left >> right);
	case CT_EXPR_LESS:
		return left < right ? 1 : 0;
	case CT_EXPR_LESS_SIGNED:
		return (int64_t)left < (int64_t)right ? 1 : 0;
	case CT_EXPR_EQUAL:
		return left == right ? 1 : 0;
	default:
		fail_msg("no binary operator: %d", (int)kind);
		return 0;
	}
}

uint64_t evaluate(const struct evaluation *evaluation, const struct ct_expr *expr)
{
	switch ((enum ct_expr_kind)expr->kind) {
	case CT_EXPR_UNKNOWN:
		fail_msg("an unknown value has none");
		return 0;
	case CT_EXPR_REGISTER:
		return evaluation->registers[expr->number];
	case CT_EXPR_CONSTANT:
	case CT_EXPR_ADDRESS:
		return (uint64_t)expr->constant;
	case CT_EXPR_LOAD:
		return evaluation->load(evaluation, evaluate(evaluation, expr->left), expr->size);
	default:
		break;
	}
	uint64_t left = evaluate(evaluation, expr->left);
	if (!expr->right)
		return apply_unary(expr->kind, left, expr->size);
	return apply_binary(expr->kind, left, evaluate(evaluation, expr->right));
}

static uint64_t plan_register(const struct evaluation *evaluation, unsigned int number)
{
	static const uint8_t numbers[CT_PLAN_REGISTERS] = {
		[CT_PLAN_RSP] = 7,
		[CT_PLAN_RBX] = 3,
		[CT_PLAN_RBP] = 6,
		[CT_PLAN_R12] = 12,
		[CT_PLAN_R13] = 13,
		[CT_PLAN_R14] = 14,
		[CT_PLAN_R15] = 15,
		[CT_PLAN_RAX] = 0,
		[CT_PLAN_RDX] = 1,
		[CT_PLAN_XMM0] = CT_EXPR_XMM,
		[CT_PLAN_XMM0_HIGH] = CT_EXPR_XMM_HIGH,
		[CT_PLAN_XMM1] = CT_EXPR_XMM + 1,
		[CT_PLAN_XMM1_HIGH] = CT_EXPR_XMM_HIGH + 1,
	};
	assert_true(number <= CT_PLAN_XMM1_HIGH);
	return evaluation->registers[numbers[number]];
}

static enum ct_expr_kind operator_of(unsigned int code)
{
	if (code >= CT_PLAN_SIGN_EXTEND && code <= CT_PLAN_NOT)
		return CT_EXPR_SIGN_EXTEND + (code - CT_PLAN_SIGN_EXTEND);
	assert_true(code >= CT_PLAN_ADD && code <= CT_PLAN_EQUAL);
	return CT_EXPR_ADD + (code - CT_PLAN_ADD);
}

uint64_t evaluate_ops(const struct evaluation *evaluation, const struct ct_plan_op *ops,
		      size_t count)
{
	uint64_t stack[CT_PLAN_STACK_MAX];
	size_t used = 0;
	for (size_t i = 0; i < count; i++) {
		const struct ct_plan_op *op = &ops[i];
		bool pushes = op->code == CT_PLAN_PUSH_REGISTER ||
			      op->code == CT_PLAN_PUSH_CONSTANT || op->code == CT_PLAN_PUSH_ADDRESS;
		bool is_binary = op->code >= CT_PLAN_ADD;
		assert_true(pushes ? used < CT_PLAN_STACK_MAX : used > is_binary);
		if (op->code == CT_PLAN_PUSH_REGISTER)
			stack[used++] = plan_register(evaluation, op->from) +
					(uint64_t)(int64_t)op->offset;
		else if (pushes)
			stack[used++] = (uint64_t)op->operand;
		else if (op->code == CT_PLAN_LOAD)
			stack[used - 1] = evaluation->load(evaluation, stack[used - 1], op->size);
		else if (op->code == CT_PLAN_ADD_CONSTANT)
			stack[used - 1] += (uint64_t)op->operand;
		else if (!is_binary)
			stack[used - 1] = apply_unary(operator_of(op->code), stack[used - 1],
						      op->size);
		else {
			used--;
			stack[used - 1] = apply_binary(operator_of(op->code), stack[used - 1],
						       stack[used]);
		}
	}
	assert_int_equal(used, 1);
	return stack[0];
}
