/* SPDX-License-Identifier: MIT */
/* Expressions keep their value however they are simplified, and as operations of a plan. */
#include "unit_test.h"

#include "plan/expression.h"
#include "plan_evaluate.h"

enum { RBX = 3, RSI = 4, RBP = 6, RSP = 7 };

static int make_arena(void **state)
{
	*state = ct_expr_arena_create();
	return *state ? 0 : -1;
}

static int free_arena(void **state)
{
	ct_expr_arena_destroy(*state);
	return 0;
}

static const struct ct_expr *offset(struct ct_expr_arena *arena, const struct ct_expr *expr,
				    int64_t constant)
{
	return ct_expr_binary(arena, CT_EXPR_ADD, expr, ct_expr_constant(arena, constant));
}

static void what_is_built_twice_is_the_same(void **state)
{
	struct ct_expr_arena *arena = *state;
	const struct ct_expr *rbx = ct_expr_register(arena, RBX);
	assert_ptr_equal(rbx, ct_expr_register(arena, RBX));
	assert_ptr_equal(ct_expr_load(arena, offset(arena, rbx, 8), 4),
			 ct_expr_load(arena, offset(arena, offset(arena, rbx, 16), -8), 4));
}

static void what_is_flipped_twice_is_what_it_was(void **state)
{
	struct ct_expr_arena *arena = *state;
	const struct ct_expr *rbx = ct_expr_register(arena, RBX);
	const struct ct_expr *five = ct_expr_constant(arena, 5);
	const struct ct_expr *flipped = ct_expr_binary(arena, CT_EXPR_XOR, rbx, five);
	assert_ptr_equal(rbx, ct_expr_binary(arena, CT_EXPR_XOR, flipped, five));
}

static void expressions_of_two_arenas_can_be_equal(void **state)
{
	struct ct_expr_arena *arena = *state, *other = ct_expr_arena_create();
	const struct ct_expr *a = offset(arena, ct_expr_register(arena, RBX), 8);
	assert_true(ct_expr_equal(a, offset(other, ct_expr_register(other, RBX), 8)));
	assert_false(ct_expr_equal(a, offset(other, ct_expr_register(other, RBX), 9)));
	ct_expr_arena_destroy(other);
}

static void unknown_spreads_and_equals_nothing(void **state)
{
	struct ct_expr_arena *arena = *state;
	const struct ct_expr *unknown = ct_expr_unknown();
	assert_false(ct_expr_equal(unknown, unknown));
	assert_false(ct_expr_is_known(offset(arena, unknown, 1)));
	assert_false(ct_expr_is_known(ct_expr_load(arena, unknown, 8)));
	assert_false(ct_expr_is_known(ct_expr_unary(arena, CT_EXPR_ZERO_EXTEND, unknown, 1)));
	assert_false(ct_expr_is_known(ct_expr_load(arena, ct_expr_constant(arena, 1), 3)));
}

static void too_deep_ones_are_unknown(void **state)
{
	struct ct_expr_arena *arena = *state;
	const struct ct_expr *expr = ct_expr_register(arena, RBX);
	for (int i = 0; i < 300; i++)
		expr = ct_expr_load(arena, expr, 8);
	assert_false(ct_expr_is_known(expr));
}

static void sums_end_in_their_constant(void **state)
{
	struct ct_expr_arena *arena = *state;
	const struct ct_expr *rbx = ct_expr_register(arena, RBX);
	const struct ct_expr *rsp = ct_expr_register(arena, RSP), *base;
	int64_t constant;
	const struct ct_expr *sum = ct_expr_binary(arena, CT_EXPR_ADD, offset(arena, rbx, 8),
						   offset(arena, rsp, -24));
	ct_expr_split(sum, &base, &constant);
	assert_ptr_equal(base, ct_expr_binary(arena, CT_EXPR_ADD, rbx, rsp));
	assert_int_equal(constant, -16);
	ct_expr_split(rbx, &base, &constant);
	assert_ptr_equal(base, rbx);
	assert_int_equal(constant, 0);
	ct_expr_split(ct_expr_constant(arena, 7), &base, &constant);
	assert_null(base);
	assert_int_equal(constant, 7);
	assert_ptr_equal(ct_expr_binary(arena, CT_EXPR_SUBTRACT, offset(arena, rbx, 8), rbx),
			 ct_expr_constant(arena, 8));
}

static void addresses_of_the_module_move_by_constants_only(void **state)
{
	struct ct_expr_arena *arena = *state;
	const struct ct_expr *address = ct_expr_address(arena, 0x4010);
	assert_ptr_equal(offset(arena, address, -0x10), ct_expr_address(arena, 0x4000));
	assert_ptr_equal(
		ct_expr_binary(arena, CT_EXPR_SUBTRACT, address, ct_expr_address(arena, 0x4000)),
		ct_expr_constant(arena, 0x10));
	assert_ptr_not_equal(address, ct_expr_constant(arena, 0x4010));
	struct ct_plan_op op;
	assert_int_equal(ct_expr_to_ops(address, CT_PLAN_HOOK_REGISTERS, &op, 1), 1);
	assert_int_equal(op.code, CT_PLAN_PUSH_ADDRESS);
	assert_int_equal(op.operand, 0x4010);
}

static void extensions_of_narrow_values_vanish(void **state)
{
	struct ct_expr_arena *arena = *state;
	const struct ct_expr *rbx = ct_expr_register(arena, RBX);
	const struct ct_expr *byte = ct_expr_load(arena, rbx, 1);
	assert_ptr_equal(ct_expr_unary(arena, CT_EXPR_ZERO_EXTEND, byte, 4), byte);
	assert_ptr_equal(ct_expr_unary(arena, CT_EXPR_SIGN_EXTEND, byte, 2), byte);
	assert_ptr_equal(ct_expr_unary(arena, CT_EXPR_ZERO_EXTEND, ct_expr_load(arena, rbx, 8), 1),
			 byte);
	const struct ct_expr *is_signed = ct_expr_unary(arena, CT_EXPR_SIGN_EXTEND, rbx, 4);
	assert_ptr_equal(ct_expr_unary(arena, CT_EXPR_ZERO_EXTEND, is_signed, 4),
			 ct_expr_unary(arena, CT_EXPR_ZERO_EXTEND, rbx, 4));
}

static void a_byte_put_into_a_register_comes_out_again(void **state)
{
	struct ct_expr_arena *arena = *state;
	const struct ct_expr *byte = ct_expr_load(arena, ct_expr_register(arena, RSP), 1);
	const struct ct_expr *merged =
		ct_expr_binary(arena, CT_EXPR_OR,
			       ct_expr_binary(arena, CT_EXPR_AND, ct_expr_register(arena, RSI),
					      ct_expr_constant(arena, ~INT64_C(0xff))),
			       byte);
	assert_ptr_equal(ct_expr_unary(arena, CT_EXPR_ZERO_EXTEND, merged, 1), byte);
}

static void registers_the_hook_does_not_have_give_no_operations(void **state)
{
	struct ct_expr_arena *arena = *state;
	struct ct_plan_op ops[8];
	const struct ct_expr *rax = offset(arena, ct_expr_register(arena, 0), 1);
	assert_int_equal(ct_expr_to_ops(rax, CT_PLAN_HOOK_REGISTERS, ops, 8), 0);
	assert_int_equal(ct_expr_to_ops(rax, CT_PLAN_REGISTERS, ops, 8), 1);
	assert_int_equal(ops[0].from, CT_PLAN_RAX);
	assert_int_equal(ops[0].offset, 1);
	const struct ct_expr *rsi = ct_expr_register(arena, RSI);
	assert_int_equal(ct_expr_to_ops(rsi, CT_PLAN_REGISTERS, ops, 8), 0);
	const struct ct_expr *thread = ct_expr_register(arena, CT_EXPR_FS_BASE);
	assert_int_equal(ct_expr_to_ops(thread, CT_PLAN_REGISTERS, ops, 8), 0);
	assert_int_equal(ct_expr_to_ops(ct_expr_unknown(), CT_PLAN_REGISTERS, ops, 8), 0);
}

static void a_slot_of_the_frame_is_two_operations(void **state)
{
	struct ct_expr_arena *arena = *state;
	struct ct_plan_op ops[2];
	const struct ct_expr *slot =
		ct_expr_load(arena, offset(arena, ct_expr_register(arena, RBP), -20), 4);
	assert_int_equal(ct_expr_to_ops(slot, CT_PLAN_HOOK_REGISTERS, ops, 1), 0);
	assert_int_equal(ct_expr_to_ops(slot, CT_PLAN_HOOK_REGISTERS, ops, 2), 2);
	assert_int_equal(ops[0].code, CT_PLAN_PUSH_REGISTER);
	assert_int_equal(ops[0].from, CT_PLAN_RBP);
	assert_int_equal(ops[0].offset, -20);
	assert_int_equal(ops[1].code, CT_PLAN_LOAD);
	assert_int_equal(ops[1].size, 4);
}

/* ---- random ones ---- */

static uint64_t random_state;

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static uint64_t load_noise(const struct evaluation *evaluation, uint64_t address,
			   unsigned int size_bytes)
{
	(void)evaluation;
	uint64_t value = 0;
	for (unsigned int i = 0; i < size_bytes; i++)
		value |= (((address + i) * UINT64_C(0x9e3779b97f4a7c15)) >> 56) << 8 * i;
	return value;
}

static int64_t interesting_constant(void)
{
	static const int64_t constants[] = {0,	  1,	  -1,	     8,		 31,	   32,
					    63,	  64,	  0xff,	     0x80,	 ~0xff,	   0xffff,
					    0x7f, 0x8000, INT32_MIN, 0xffffffff, INT64_MIN};
	uint64_t random = next_random();
	return random & 3 ? constants[(random >> 8) % (sizeof(constants) / sizeof(constants[0]))]
			  : (int64_t)next_random();
}

/* A value and what it was before it was simplified. */
struct pair {
	const struct ct_expr *expr;
	uint64_t value;
};

static struct pair random_pair(struct ct_expr_arena *arena, const struct evaluation *evaluation,
			       const struct pair *made, size_t made_count)
{
	static const uint8_t registers[] = {RBX, RBP, RSP, 12, 0, 1, CT_EXPR_XMM};
	static const uint8_t sizes[] = {1, 2, 4, 8};
	uint64_t random = next_random();
	const struct pair a = made[(random >> 8) % made_count];
	const struct pair b = made[(random >> 24) % made_count];
	unsigned int size = sizes[random >> 40 & 3];
	switch (random % 8) {
	case 0: {
		unsigned int number = registers[(random >> 8) % sizeof(registers)];
		return (struct pair){ct_expr_register(arena, number),
				     evaluation->registers[number]};
	}
	case 1: {
		int64_t constant = interesting_constant();
		return (struct pair){ct_expr_constant(arena, constant), (uint64_t)constant};
	}
	case 2:
		return (struct pair){ct_expr_load(arena, a.expr, size),
				     load_noise(evaluation, a.value, size)};
	case 3: {
		enum ct_expr_kind kind = CT_EXPR_SIGN_EXTEND + (random >> 50) % 4;
		return (struct pair){ct_expr_unary(arena, kind, a.expr, size),
				     apply_unary(kind, a.value, size)};
	}
	default: {
		enum ct_expr_kind kind = CT_EXPR_ADD +
					 (random >> 50) % (CT_EXPR_EQUAL - CT_EXPR_ADD + 1);
		return (struct pair){ct_expr_binary(arena, kind, a.expr, b.expr),
				     apply_binary(kind, a.value, b.value)};
	}
	}
}

static void simplified_or_as_operations_the_value_stays(void **state)
{
	struct ct_expr_arena *arena = *state;
	enum { ROUNDS = 100000, STEPS = 16 };
	size_t planned = 0;
	random_state = 88172645463325252u;
	for (int round = 0; round < ROUNDS; round++) {
		ct_expr_arena_reset(arena);
		struct evaluation evaluation = {.load = load_noise};
		for (size_t i = 0; i < 128; i++)
			evaluation.registers[i] = (uint64_t)interesting_constant();
		struct pair made[STEPS + 1] = {{ct_expr_constant(arena, 5), 5}};
		for (size_t i = 1; i <= STEPS; i++) {
			made[i] = random_pair(arena, &evaluation, made, i);
			if (!ct_expr_is_known(made[i].expr))
				fail_msg("round %d, step %zu is unknown", round, i);
			if (evaluate(&evaluation, made[i].expr) != made[i].value)
				fail_msg("round %d, step %zu lost its value", round, i);
			struct ct_plan_op ops[CT_PLAN_OPS_MAX];
			size_t count = ct_expr_to_ops(made[i].expr, CT_PLAN_REGISTERS, ops,
						      CT_PLAN_OPS_MAX);
			if (count && evaluate_ops(&evaluation, ops, count) != made[i].value)
				fail_msg("round %d, step %zu has wrong operations", round, i);
			planned += count > 0;
		}
	}
	assert_true(planned > (size_t)ROUNDS * STEPS * 9 / 10);
}

#define ARENA_TEST(name) cmocka_unit_test_setup_teardown(name, make_arena, free_arena)
static const struct CMUnitTest tests[] = {
	ARENA_TEST(what_is_built_twice_is_the_same),
	ARENA_TEST(what_is_flipped_twice_is_what_it_was),
	ARENA_TEST(expressions_of_two_arenas_can_be_equal),
	ARENA_TEST(unknown_spreads_and_equals_nothing),
	ARENA_TEST(too_deep_ones_are_unknown),
	ARENA_TEST(sums_end_in_their_constant),
	ARENA_TEST(addresses_of_the_module_move_by_constants_only),
	ARENA_TEST(extensions_of_narrow_values_vanish),
	ARENA_TEST(a_byte_put_into_a_register_comes_out_again),
	ARENA_TEST(registers_the_hook_does_not_have_give_no_operations),
	ARENA_TEST(a_slot_of_the_frame_is_two_operations),
	ARENA_TEST(simplified_or_as_operations_the_value_stays),
};

UNIT_TEST_MAIN(tests)
