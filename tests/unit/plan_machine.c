/* SPDX-License-Identifier: MIT */
/*
 * The machine on code as GCC 12 and Clang 14 make it around hook calls, and on
 * code they would not make. The bytes are theirs, from small functions.
 */
#include "unit_test.h"

#include <stdio.h>

#include "plan/machine.h"
#include "plan_evaluate.h"

enum { RAX = 0, RDX = 1, RBX = 3, RSI = 4, RDI = 5, RBP = 6, RSP = 7, R12 = 12, R13 = 13 };
enum { START = 0x1000 };

struct fixture {
	struct ct_expr_arena *arena;
	struct ct_machine *machine;
	uint8_t bytes[256];
	struct ct_code code;
	uint64_t stopped_at;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	fixture->arena = ct_expr_arena_create();
	fixture->machine = ct_machine_create(fixture->arena);
	*state = fixture;
	return fixture->machine ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	ct_machine_destroy(fixture->machine);
	ct_expr_arena_destroy(fixture->arena);
	free(fixture);
	return 0;
}

/* Code from its bytes in hexadecimal; all but hexadecimal digits is left out. */
static void set_code(struct fixture *fixture, const char *hex)
{
	size_t digits = 0;
	memset(fixture->bytes, 0, sizeof(fixture->bytes));
	for (; *hex; hex++) {
		if (*hex == ' ' || *hex == '|')
			continue;
		unsigned int digit = *hex <= '9' ? *hex - '0' : *hex - 'a' + 10;
		assert_true(digit < 16 && digits / 2 < sizeof(fixture->bytes));
		fixture->bytes[digits / 2] |= digit << (digits % 2 ? 0 : 4);
		digits++;
	}
	assert_int_equal(digits % 2, 0);
	fixture->code = (struct ct_code){fixture->bytes, START, digits / 2};
}

static enum ct_machine_stop run(struct fixture *fixture, const char *hex)
{
	set_code(fixture, hex);
	return ct_machine_run(fixture->machine, &fixture->code, START, 0, &fixture->stopped_at);
}

/* The code to its end, which is no instruction. */
static void run_through(struct fixture *fixture, const char *hex)
{
	set_code(fixture, hex);
	uint64_t end = START + fixture->code.size_bytes;
	assert_int_equal(
		ct_machine_run(fixture->machine, &fixture->code, START, end, &fixture->stopped_at),
		CT_MACHINE_AT);
	assert_int_equal(fixture->stopped_at, end);
}

static const struct ct_machine_results no_results;

static bool surely_returns(struct fixture *fixture, const char *hex)
{
	set_code(fixture, hex);
	return ct_machine_surely_returns(&fixture->code, START, &no_results);
}

/* ---- expressions, shorter ---- */

static const struct ct_expr *reg(struct fixture *fixture, unsigned int number)
{
	return ct_expr_register(fixture->arena, number);
}

static const struct ct_expr *at(struct fixture *fixture, unsigned int number, int64_t offset)
{
	return ct_expr_binary(fixture->arena, CT_EXPR_ADD, reg(fixture, number),
			      ct_expr_constant(fixture->arena, offset));
}

static const struct ct_expr *slot(struct fixture *fixture, unsigned int number, int64_t offset,
				  unsigned int size_bytes)
{
	return ct_expr_load(fixture->arena, at(fixture, number, offset), size_bytes);
}

static const struct ct_expr *low(struct fixture *fixture, const struct ct_expr *expr,
				 unsigned int size_bytes)
{
	return ct_expr_unary(fixture->arena, CT_EXPR_ZERO_EXTEND, expr, size_bytes);
}

static void assert_register(struct fixture *fixture, unsigned int number,
			    const struct ct_expr *expected)
{
	const struct ct_expr *held = ct_machine_register(fixture->machine, number);
	assert_true(ct_expr_is_known(expected));
	assert_true(ct_expr_equal(held, expected));
}

static void assert_rax_4(struct fixture *fixture, const struct ct_expr *expected)
{
	assert_ptr_equal(ct_machine_register_part(fixture->machine, RAX, 4),
			 low(fixture, expected, 4));
	assert_true(ct_expr_is_known(expected));
}

static bool is_known(const struct ct_expr *expr)
{
	return ct_expr_is_known(expr);
}

/* ---- from the exit hook to ret ---- */

static void gcc_o0_returns_what_rbx_held(void **state)
{
	struct fixture *fixture = *state;
	/* mov %ebx,%eax; mov -8(%rbp),%rbx; leave; ret */
	assert_int_equal(run(fixture, "89d8 488b5df8 c9 c3"), CT_MACHINE_RETURN);
	assert_rax_4(fixture, reg(fixture, RBX));
	assert_int_equal(fixture->stopped_at, START + 7);
	assert_register(fixture, RSP, at(fixture, RBP, 8));
	assert_register(fixture, RBX, slot(fixture, RBP, -8, 8));
	assert_false(ct_machine_stored_elsewhere(fixture->machine));
}

static void gcc_o2_adds_after_the_hook(void **state)
{
	struct fixture *fixture = *state;
	/* lea (%rbx,%rbp),%eax; pop %rbx; pop %rbp; pop %r12; ret */
	assert_int_equal(run(fixture, "8d042b 5b 5d 415c c3"), CT_MACHINE_RETURN);
	assert_rax_4(fixture, ct_expr_binary(fixture->arena, CT_EXPR_ADD, reg(fixture, RBX),
					     reg(fixture, RBP)));
	/* mov 0x28(%rsp),%eax; imul 0x20(%rsp),%eax; add $8,%rsp; add %ebx,%eax; pop; pop; ret */
	ct_machine_reset(fixture->machine);
	assert_int_equal(run(fixture, "8b442428 0faf442420 4883c408 01d8 5b 5d c3"),
			 CT_MACHINE_RETURN);
	const struct ct_expr *product = ct_expr_binary(fixture->arena, CT_EXPR_MULTIPLY,
						       slot(fixture, RSP, 0x28, 4),
						       slot(fixture, RSP, 0x20, 4));
	assert_rax_4(fixture,
		     ct_expr_binary(fixture->arena, CT_EXPR_ADD, product, reg(fixture, RBX)));
}

static void gcc_o2_compares_and_sets_a_byte(void **state)
{
	struct fixture *fixture = *state;
	/* cmp %ebx,%ebp; pop %rbx; pop %rbp; setb %al; pop %r12; ret */
	assert_int_equal(run(fixture, "39dd 5b 5d 0f92c0 415c c3"), CT_MACHINE_RETURN);
	assert_ptr_equal(ct_machine_register_part(fixture->machine, RAX, 1),
			 ct_expr_binary(fixture->arena, CT_EXPR_LESS,
					low(fixture, reg(fixture, RBP), 4),
					low(fixture, reg(fixture, RBX), 4)));
}

static void gcc_o2_three_way_comparison_has_its_values(void **state)
{
	struct fixture *fixture = *state;
	/* xor %eax,%eax; cmp %ebx,%ebp; pop %rbx; setl %dl; setg %al; pop %rbp; pop %r12;
	 * movzbl %dl,%edx; sub %edx,%eax; ret */
	assert_int_equal(run(fixture, "31c0 39dd 5b 0f9cc2 0f9fc0 5d 415c 0fb6d2 29d0 c3"),
			 CT_MACHINE_RETURN);
	static const int32_t pairs[][3] = {{1, 2, -1}, {-1, 1, -1}, {5, 5, 0}, {7, -7, 1}};
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct evaluation evaluation = {.load = NULL};
		evaluation.registers[RBP] = (uint64_t)(int64_t)pairs[i][0];
		evaluation.registers[RBX] = (uint64_t)(int64_t)pairs[i][1];
		const struct ct_expr *rax = ct_machine_register_part(fixture->machine, RAX, 4);
		assert_int_equal((int32_t)evaluate(&evaluation, rax), pairs[i][2]);
		struct ct_plan_op ops[CT_PLAN_OPS_MAX];
		size_t count = ct_expr_to_ops(rax, CT_PLAN_HOOK_REGISTERS, ops, CT_PLAN_OPS_MAX);
		assert_int_not_equal(count, 0);
		assert_int_equal((int32_t)evaluate_ops(&evaluation, ops, count), pairs[i][2]);
	}
}

static void carries_and_counted_shifts_can_be_told(void **state)
{
	struct fixture *fixture = *state;
	/* mov %r12,%rax; mov %r13,%rdx; pop %rbx; add $1,%rax; pop; pop; adc $0,%rdx; ret */
	assert_int_equal(run(fixture, "4c89e0 4c89ea 5b 4883c001 415c 415d 4883d200 c3"),
			 CT_MACHINE_RETURN);
	struct evaluation evaluation = {.load = NULL};
	evaluation.registers[R12] = UINT64_MAX;
	evaluation.registers[R13] = 41;
	assert_int_equal(evaluate(&evaluation, ct_machine_register(fixture->machine, RAX)), 0);
	assert_int_equal(evaluate(&evaluation, ct_machine_register(fixture->machine, RDX)), 42);

	ct_machine_reset(fixture->machine);
	/* mov %rbx,%rax; mov %ebp,%ecx; pop %rbx; shl %cl,%rax; pop %rbp; pop %r12; ret */
	assert_int_equal(run(fixture, "4889d8 89e9 5b 48d3e0 5d 415c c3"), CT_MACHINE_RETURN);
	evaluation.registers[RBX] = 3;
	evaluation.registers[RBP] = 0x145;
	assert_int_equal(evaluate(&evaluation, ct_machine_register(fixture->machine, RAX)), 96);
}

static void division_is_unknown_and_yet_returns(void **state)
{
	struct fixture *fixture = *state;
	/* mov %ebx,%eax; pop %rbx; cltd; idiv %ebp; pop %rbp; pop %r12; ret */
	const char *code = "89d8 5b 99 f7fd 5d 415c c3";
	assert_int_equal(run(fixture, code), CT_MACHINE_RETURN);
	assert_false(is_known(ct_machine_register(fixture->machine, RAX)));
	assert_false(is_known(ct_machine_register_part(fixture->machine, RAX, 1)));
	assert_true(surely_returns(fixture, code));
}

static void clang_o0_bool_is_one_bit(void **state)
{
	struct fixture *fixture = *state;
	/* mov -9(%rbp),%al; and $1,%al; movzbl %al,%eax; add $32,%rsp; pop %rbp; ret */
	assert_int_equal(run(fixture, "8a45f7 2401 0fb6c0 4883c420 5d c3"), CT_MACHINE_RETURN);
	assert_rax_4(fixture, ct_expr_binary(fixture->arena, CT_EXPR_AND, slot(fixture, RBP, -9, 1),
					     ct_expr_constant(fixture->arena, 1)));
}

static void two_floats_come_in_one_register(void **state)
{
	struct fixture *fixture = *state;
	/* movaps (%rsp),%xmm0; unpcklps 0x10(%rsp),%xmm0; add $0x28,%rsp; pop; pop; ret */
	assert_int_equal(run(fixture, "0f280424 0f14442410 4883c428 5b 415e c3"),
			 CT_MACHINE_RETURN);
	const struct ct_expr *high = ct_expr_binary(fixture->arena, CT_EXPR_SHIFT_LEFT,
						    slot(fixture, RSP, 0x10, 4),
						    ct_expr_constant(fixture->arena, 32));
	assert_register(fixture, CT_EXPR_XMM,
			ct_expr_binary(fixture->arena, CT_EXPR_OR, slot(fixture, RSP, 0, 4), high));
}

static void a_double_may_come_through_a_general_register(void **state)
{
	struct fixture *fixture = *state;
	/* mov -0x18(%rbp),%rax; movq %rax,%xmm0; leave; ret */
	assert_int_equal(run(fixture, "488b45e8 66480f6ec0 c9 c3"), CT_MACHINE_RETURN);
	assert_register(fixture, CT_EXPR_XMM, slot(fixture, RBP, -0x18, 8));
	assert_register(fixture, CT_EXPR_XMM_HIGH, ct_expr_constant(fixture->arena, 0));
}

static void a_long_double_has_its_source(void **state)
{
	struct fixture *fixture = *state;
	/* fldt -0x1c(%rbp); add $0x40,%rsp; pop %rbp; ret */
	assert_int_equal(run(fixture, "db6de4 4883c440 5d c3"), CT_MACHINE_RETURN);
	assert_true(
		ct_expr_equal(ct_machine_x87_source(fixture->machine, 0), at(fixture, RBP, -0x1c)));
	assert_false(is_known(ct_machine_x87_source(fixture->machine, 1)));
	/* fldt 0x10(%rsp); fldt (%rsp); ret: the second one is on top. */
	ct_machine_reset(fixture->machine);
	assert_int_equal(run(fixture, "db6c2410 db2c24 c3"), CT_MACHINE_RETURN);
	assert_true(ct_expr_equal(ct_machine_x87_source(fixture->machine, 0), reg(fixture, RSP)));
	assert_true(
		ct_expr_equal(ct_machine_x87_source(fixture->machine, 1), at(fixture, RSP, 0x10)));
	/* fldt (%rsp); fchs; ret. flds (%rsp); ret */
	ct_machine_reset(fixture->machine);
	assert_int_equal(run(fixture, "db2c24 d9e0 c3"), CT_MACHINE_RETURN);
	assert_false(is_known(ct_machine_x87_source(fixture->machine, 0)));
	ct_machine_reset(fixture->machine);
	assert_int_equal(run(fixture, "d90424 c3"), CT_MACHINE_RETURN);
	assert_false(is_known(ct_machine_x87_source(fixture->machine, 0)));
}

static void a_long_double_that_was_stored_over_has_no_source(void **state)
{
	struct fixture *fixture = *state;
	/* movb $1,4(%rsp); fldt (%rsp); ret */
	assert_int_equal(run(fixture, "c644240401 db2c24 c3"), CT_MACHINE_RETURN);
	assert_false(is_known(ct_machine_x87_source(fixture->machine, 0)));
}

/* The check of the canary as both compilers make it: with a jump over the call, and to it. */
static const char *const canary_checks[] = {
	/* mov %ebx,%eax; mov -0x18(%rbp),%rdx; sub %fs:0x28,%rdx; je over; call; over:
	 * mov -8(%rbp),%rbx; leave; ret */
	"89d8 488b55e8 64482b142528000000 7405 e800000000 488b5df8 c9 c3",
	/* mov 0x28(%rsp),%rax; sub %fs:0x28,%rax; jne fail; add $0x38,%rsp; mov %ebx,%eax;
	 * pop %rbx; pop %rbp; ret; fail: call */
	"488b442428 64482b042528000000 7509 4883c438 89d8 5b 5d c3 e800000000",
	/* mov %fs:0x28,%rax; mov -8(%rbp),%rcx; cmp %rcx,%rax; jne fail (near); mov %ebx,%eax;
	 * add $0x50,%rsp; pop %rbp; ret; fail: call */
	"64488b042528000000 488b4df8 4839c8 0f8508000000 89d8 4883c450 5d c3 e800000000",
	/* mov %fs:0x28,%rax; cmp 0x30(%rsp),%rax; jne fail; mov %ebx,%eax; add $0x38,%rsp; ret;
	 * fail: call */
	"64488b042528000000 483b442430 7507 89d8 4883c438 c3 e800000000",
	/* mov %ebx,%eax; mov 8(%rsp),%rdx; sub %fs:0x28,%rdx; je over; jmp fail; landing pad;
	 * fail: call; over: pop %rbx; ret */
	"89d8 488b542408 64482b142528000000 7409 eb02 ffe0 e800000000 5b c3",
};

static void a_check_of_the_canary_is_passed(void **state)
{
	struct fixture *fixture = *state;
	for (size_t i = 0; i < sizeof(canary_checks) / sizeof(canary_checks[0]); i++) {
		ct_machine_reset(fixture->machine);
		assert_int_equal(run(fixture, canary_checks[i]), CT_MACHINE_RETURN);
		assert_rax_4(fixture, reg(fixture, RBX));
		assert_true(surely_returns(fixture, canary_checks[i]));
	}
}

static void a_comparison_with_the_canary_that_calls_nothing_is_a_branch(void **state)
{
	struct fixture *fixture = *state;
	/* mov %fs:0x28,%rax; cmp 0x30(%rsp),%rax; jne on; nop; on: ret */
	assert_int_equal(run(fixture, "64488b042528000000 483b442430 7501 90 c3"),
			 CT_MACHINE_BRANCH);
}

/* ---- from the entry hook to the home slots ---- */

static void clang_o0_homes_are_filled_from_where_arguments_waited(void **state)
{
	struct fixture *fixture = *state;
	/* mov -9(%rbp),%cl; mov -8(%rbp),%ax; mov %cl,-1(%rbp); mov %ax,-4(%rbp) */
	run_through(fixture, "8a4df7 668b45f8 884dff 668945fc");
	bool is_stored;
	const struct ct_expr *home = ct_machine_load(fixture->machine, at(fixture, RBP, -1), 1,
						     &is_stored);
	assert_true(is_stored);
	assert_ptr_equal(home, slot(fixture, RBP, -9, 1));
	home = ct_machine_load(fixture->machine, at(fixture, RBP, -4), 2, &is_stored);
	assert_true(is_stored);
	assert_ptr_equal(home, slot(fixture, RBP, -8, 2));
	home = ct_machine_load(fixture->machine, at(fixture, RBP, -8), 2, &is_stored);
	assert_false(is_stored);
	assert_ptr_equal(home, slot(fixture, RBP, -8, 2));
}

static void clang_o0_home_of_a_struct_in_two_registers(void **state)
{
	struct fixture *fixture = *state;
	/* mov -0x60(%rbp),%rcx; mov -0x58(%rbp),%rax; mov -0x50(%rbp),%rdi; mov -0x48(%rbp),%rsi;
	 * mov %rcx,-0x30(%rbp); mov %rax,-0x28(%rbp); movups -0x30(%rbp),%xmm0;
	 * movaps %xmm0,-0x20(%rbp) */
	run_through(fixture, "488b4da0 488b45a8 488b7db0 488b75b8 48894dd0 488945d8 0f1045d0"
			     "0f2945e0");
	bool is_stored;
	assert_ptr_equal(ct_machine_load(fixture->machine, at(fixture, RBP, -0x18), 8, &is_stored),
			 slot(fixture, RBP, -0x58, 8));
	assert_true(is_stored);
}

static void clang_o0_home_of_a_long_double(void **state)
{
	struct fixture *fixture = *state;
	/* fldt -0x3c(%rbp); mov -0x30(%rbp),%rdi; mov -0x28(%rbp),%rsi; fstpt -0x10(%rbp) */
	run_through(fixture, "db6dc4 488b7dd0 488b75d8 db7df0");
	bool is_stored;
	assert_ptr_equal(ct_machine_load(fixture->machine, at(fixture, RBP, -0x10), 8, &is_stored),
			 slot(fixture, RBP, -0x3c, 8));
	assert_true(is_stored);
	assert_ptr_equal(ct_machine_load(fixture->machine, at(fixture, RBP, -8), 2, NULL),
			 slot(fixture, RBP, -0x34, 2));
}

/* ---- from the function's entry to the hook ---- */

static void arguments_are_found_where_the_prologue_put_them(void **state)
{
	struct fixture *fixture = *state;
	/* GCC -O2: push %r12; lea x(%rip),%r12; push %rbp; mov %edi,%ebp; mov %r12,%rdi;
	 * push %rbx; mov %esi,%ebx; mov 0x18(%rsp),%rsi; call */
	assert_int_equal(run(fixture, "4154 4c8d2500000000 55 89fd 4c89e7 53 89f3 488b742418"
				      "e800000000"),
			 CT_MACHINE_CALL);
	struct ct_expr_place place;
	assert_true(ct_machine_find(fixture->machine, reg(fixture, RDI), 4, &place));
	assert_true(place.in_register);
	assert_int_equal(place.number, RBP);
	assert_true(ct_machine_find(fixture->machine, reg(fixture, RSI), 4, &place));
	assert_int_equal(place.number, RBX);
	/* The upper half went away. */
	assert_false(ct_machine_find(fixture->machine, reg(fixture, RSI), 8, &place));
	assert_true(ct_machine_find(fixture->machine, reg(fixture, RBX), 8, &place));
	assert_false(place.in_register);
	assert_int_equal(place.rsp_offset, 0);
	/* An argument that came on the stack is still there. */
	assert_true(ct_machine_find(fixture->machine, slot(fixture, RSP, 8, 4), 4, &place));
	assert_false(place.in_register);
	assert_int_equal(place.rsp_offset, 0x20);
	assert_register(fixture, R12, ct_expr_address(fixture->arena, START + 9));

	uint64_t address = fixture->stopped_at;
	ct_machine_skip_call(fixture->machine, &fixture->code, &address);
	assert_int_equal(address, START + fixture->code.size_bytes);
	assert_true(ct_machine_find(fixture->machine, reg(fixture, RDI), 4, &place));
	assert_true(ct_machine_find(fixture->machine, slot(fixture, RSP, 8, 4), 4, &place));
	assert_false(is_known(ct_machine_register(fixture->machine, RDI)));
}

static void arguments_are_found_in_frame_slots(void **state)
{
	struct fixture *fixture = *state;
	/* GCC -O2: push %rbx; lea; mov %rbx,%rdi; sub $16,%rsp; mov 0x18(%rsp),%rsi;
	 * movsd %xmm0,(%rsp); movss %xmm1,0xc(%rsp); call */
	assert_int_equal(run(fixture, "53 488d1d00000000 4889df 4883ec10 488b742418 f20f110424"
				      "f30f114c240c e800000000"),
			 CT_MACHINE_CALL);
	struct ct_expr_place place;
	assert_true(ct_machine_find(fixture->machine, reg(fixture, CT_EXPR_XMM + 1), 4, &place));
	assert_false(place.in_register);
	assert_int_equal(place.rsp_offset, 12);
	assert_true(ct_machine_find(fixture->machine, reg(fixture, CT_EXPR_XMM), 8, &place));
	assert_false(place.in_register);
	assert_int_equal(place.rsp_offset, 0);
}

static void what_is_below_the_stack_pointer_is_not_found(void **state)
{
	struct fixture *fixture = *state;
	run_through(fixture, "4889 7c24f8"); /* mov %rdi,-8(%rsp) */
	struct ct_expr_place place;
	assert_false(ct_machine_find(fixture->machine, reg(fixture, RDI), 8, &place));
}

/* ---- memory ---- */

static void parts_of_stores_are_put_together(void **state)
{
	struct fixture *fixture = *state;
	run_through(fixture, "48893c24 89742404"); /* mov %rdi,(%rsp); mov %esi,4(%rsp) */
	const struct ct_expr *both = ct_machine_load(fixture->machine, reg(fixture, RSP), 8, NULL);
	struct evaluation evaluation = {.load = NULL};
	evaluation.registers[RDI] = 0x1111111122222222;
	evaluation.registers[RSI] = 0x3333333344444444;
	assert_int_equal(evaluate(&evaluation, both), 0x4444444422222222);
	assert_ptr_equal(ct_machine_load(fixture->machine, at(fixture, RSP, 4), 4, NULL),
			 low(fixture, reg(fixture, RSI), 4));
}

static void a_store_through_a_pointer_may_hit_the_frame(void **state)
{
	struct fixture *fixture = *state;
	run_through(fixture, "48893c24 48893b"); /* mov %rdi,(%rsp); mov %rdi,(%rbx) */
	assert_false(is_known(ct_machine_load(fixture->machine, reg(fixture, RSP), 8, NULL)));
	assert_false(is_known(ct_machine_load(fixture->machine, at(fixture, RSP, 64), 8, NULL)));
	assert_ptr_equal(ct_machine_load(fixture->machine, reg(fixture, RBX), 8, NULL),
			 reg(fixture, RDI));
	/* And the frame's may be what is beside it. */
	assert_false(is_known(ct_machine_load(fixture->machine, at(fixture, RBX, 8), 8, NULL)));
	assert_true(ct_machine_stored_elsewhere(fixture->machine));
}

static void a_store_to_the_module_leaves_the_frame(void **state)
{
	struct fixture *fixture = *state;
	/* mov %rdi,(%rsp); mov %rdi,0x100(%rip) */
	run_through(fixture, "48893c24 48893d00010000");
	assert_ptr_equal(ct_machine_load(fixture->machine, reg(fixture, RSP), 8, NULL),
			 reg(fixture, RDI));
	assert_ptr_equal(ct_machine_load(fixture->machine,
					 ct_expr_address(fixture->arena, START + 11 + 0x100), 8,
					 NULL),
			 reg(fixture, RDI));
	assert_true(ct_machine_stored_elsewhere(fixture->machine));
}

static void rbp_and_rsp_may_be_related(void **state)
{
	struct fixture *fixture = *state;
	const char *code = "48897df8 4889742418"; /* mov %rdi,-8(%rbp); mov %rsi,24(%rsp) */
	run_through(fixture, code);
	assert_false(is_known(ct_machine_load(fixture->machine, at(fixture, RBP, -8), 8, NULL)));

	ct_machine_reset(fixture->machine);
	ct_machine_relate(fixture->machine, RBP, RSP, 0x20);
	run_through(fixture, code);
	assert_ptr_equal(ct_machine_load(fixture->machine, at(fixture, RBP, -8), 8, NULL),
			 reg(fixture, RSI));
	assert_register(fixture, RBP, at(fixture, RSP, 0x20));

	ct_machine_reset(fixture->machine);
	ct_machine_relate(fixture->machine, RSP, RBP, -0x40);
	run_through(fixture, code);
	assert_ptr_equal(ct_machine_load(fixture->machine, at(fixture, RBP, -8), 8, NULL),
			 reg(fixture, RDI));
	assert_ptr_equal(ct_machine_load(fixture->machine, at(fixture, RSP, 24), 8, NULL),
			 reg(fixture, RSI));
	struct ct_expr_place place;
	assert_true(ct_machine_find(fixture->machine, reg(fixture, RDI), 8, &place));
	assert_int_equal(place.rsp_offset, 0x38);
}

static void there_is_nothing_below_the_stack_at_the_start(void **state)
{
	struct fixture *fixture = *state;
	assert_false(is_known(ct_machine_load(fixture->machine, at(fixture, RSP, -8), 8, NULL)));
	assert_false(is_known(ct_machine_load(fixture->machine, at(fixture, RSP, -4), 8, NULL)));
	run_through(fixture, "4157 4883c408 4883ec08"); /* push %r15; add $8,%rsp; sub $8,%rsp */
	assert_ptr_equal(ct_machine_load(fixture->machine, at(fixture, RSP, -8), 8, NULL),
			 reg(fixture, 15));
}

static void a_call_that_got_an_address_may_store_to_the_frame(void **state)
{
	struct fixture *fixture = *state;
	/* mov %esi,8(%rsp); call. And before it: lea 4(%rsp),%rdi */
	static const char *const codes[] = {"89742408 e800000000",
					    "89742408 488d7c2404 e800000000"};
	for (size_t i = 0; i < 2; i++) {
		ct_machine_reset(fixture->machine);
		assert_int_equal(run(fixture, codes[i]), CT_MACHINE_CALL);
		uint64_t address = fixture->stopped_at;
		ct_machine_skip_call(fixture->machine, &fixture->code, &address);
		const struct ct_expr *kept = ct_machine_load(fixture->machine, at(fixture, RSP, 8),
							     4, NULL);
		assert_int_equal(is_known(kept), i == 0);
		assert_false(
			is_known(ct_machine_load(fixture->machine, reg(fixture, RBX), 8, NULL)));
	}
}

static void repeated_stores_may_hit_anything(void **state)
{
	struct fixture *fixture = *state;
	run_through(fixture, "48893c24 f348ab"); /* mov %rdi,(%rsp); rep stos */
	assert_false(is_known(ct_machine_load(fixture->machine, reg(fixture, RSP), 8, NULL)));
}

static void what_is_atomic_is_not_known(void **state)
{
	struct fixture *fixture = *state;
	run_through(fixture, "f0480fc103"); /* lock xadd %rax,(%rbx) */
	assert_false(is_known(ct_machine_register(fixture->machine, RAX)));
}

/* ---- where a run stops ---- */

static void it_stops_before_what_it_cannot_follow(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *code;
		enum ct_machine_stop stop;
		uint64_t at;
	} cases[] = {
		{"90 e800000000", CT_MACHINE_CALL, 1},
		{"90 ff5310", CT_MACHINE_CALL, 1},
		{"90 7401 90 c3", CT_MACHINE_BRANCH, 1},
		{"90 ffe0", CT_MACHINE_BRANCH, 1},
		{"90 e900010000", CT_MACHINE_BRANCH, 1}, /* out of the code */
		{"90 e3fe", CT_MACHINE_UNKNOWN, 1},	 /* jrcxz */
		{"90 0f05", CT_MACHINE_UNKNOWN, 1},	 /* syscall */
		{"90 0f0b", CT_MACHINE_UNKNOWN, 1},
		{"90 cc", CT_MACHINE_UNKNOWN, 1},
		{"90 06", CT_MACHINE_UNKNOWN, 1}, /* none in 64-bit code */
		{"90 48", CT_MACHINE_UNKNOWN, 1}, /* cut off */
		{"ebfe", CT_MACHINE_UNKNOWN, 0},  /* for ever */
		{"eb01 cc c3", CT_MACHINE_RETURN, 3},
		{"f30f1efa f3c3", CT_MACHINE_RETURN, 4},
		{"31c0 85c0 7401 cc c3", CT_MACHINE_RETURN, 7}, /* a condition that surely holds */
		{"8ee0 c3", CT_MACHINE_UNKNOWN, 0},		/* mov to %fs */
		{"9c c3", CT_MACHINE_UNKNOWN, 0},		/* pushf */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ct_machine_reset(fixture->machine);
		enum ct_machine_stop stop = run(fixture, cases[i].code);
		if (stop != cases[i].stop || fixture->stopped_at != START + cases[i].at)
			fail_msg("%s: %d at %d", cases[i].code, (int)stop,
				 (int)(fixture->stopped_at - START));
	}
}

static void an_address_outside_the_code_is_no_code(void **state)
{
	struct fixture *fixture = *state;
	set_code(fixture, "c3");
	uint64_t address;
	assert_int_equal(ct_machine_run(fixture->machine, &fixture->code, START - 1, 0, &address),
			 CT_MACHINE_UNKNOWN);
	assert_int_equal(ct_machine_run(fixture->machine, &fixture->code, START + 1, 0, &address),
			 CT_MACHINE_UNKNOWN);
	assert_false(ct_machine_surely_returns(&fixture->code, START + 1, &no_results));
}

/* ---- code that surely returns ---- */

static void all_ways_must_return(void **state)
{
	struct fixture *fixture = *state;
	assert_true(surely_returns(fixture, "c3"));
	assert_true(surely_returns(fixture, "f20f58c1 4883c408 c3"));
	assert_true(surely_returns(fixture, "85ff 7402 5b c3 5b c3"));
	assert_true(surely_returns(fixture, "ffcf 75fc c3"));		  /* a loop */
	assert_false(surely_returns(fixture, "ebfe"));			  /* one without an end */
	assert_false(surely_returns(fixture, "85ff 7401 c3 e800000000")); /* one way calls */
	assert_false(surely_returns(fixture, "85ff 7401 c3 ffe0"));
	assert_false(surely_returns(fixture, "85ff 7401 c3 0f0b"));
	assert_false(surely_returns(fixture, "e800000000 c3"));
	assert_false(surely_returns(fixture, "e900010000")); /* leaves the function */
	assert_false(surely_returns(fixture, "90"));	     /* runs out of the code */
}

static void a_result_that_nobody_put_there_is_none(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *code;
		bool in_eax, in_al, in_rdx, in_xmm0;
	} cases[] = {
		{"c3", false, false, false, false},
		{"89d8 c3", true, true, false, false},			       /* mov %ebx,%eax */
		{"88d8 c3", false, true, false, false},			       /* mov %bl,%al */
		{"01d8 c3", false, false, false, false},		       /* add %ebx,%eax */
		{"89d8 99 c3", true, true, true, false},		       /* cltd */
		{"f30f10042484db 7401 c3 89d8 c3", false, false, false, true}, /* one way only */
		{"84db 7404 89d8 eb02 89e8 c3", true, true, false, false},     /* both */
		{"f30fb8c3 c3", true, true, false, false}, /* popcnt %ebx,%eax */
		{"0f57c0 c3", false, false, false, true},  /* xorps %xmm0,%xmm0 */
		/* mov 8(%rsp),%rax; sub %fs:0x28,%rax; jne fail; ret; fail: call */
		{"488b442408 64482b042528000000 7501 c3 e800000000", false, false, false, false},
		/* mov 8(%rsp),%rax; cmp %fs:0x28,%rax; and so on */
		{"488b442408 64483b042528000000 7501 c3 e800000000", false, false, false, false},
		/* mov %fs:0x28,%rax; cmp 8(%rsp),%rax */
		{"64488b042528000000 483b442408 7501 c3 e800000000", false, false, false, false},
		/* mov %fs:0,%rax; mov -4(%rax),%eax */
		{"64488b042500000000 8b40fc c3", true, true, false, false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct {
			unsigned int number, size_bytes;
			bool is_there;
		} wanted[] = {
			{RAX, 4, cases[i].in_eax},
			{RAX, 1, cases[i].in_al},
			{RDX, 4, cases[i].in_rdx},
			{CT_EXPR_XMM, 8, cases[i].in_xmm0},
		};
		for (size_t k = 0; k < sizeof(wanted) / sizeof(wanted[0]); k++) {
			struct ct_machine_results results = {
				.registers = {{wanted[k].number, wanted[k].size_bytes}},
				.register_count = 1,
			};
			set_code(fixture, cases[i].code);
			if (ct_machine_surely_returns(&fixture->code, START, &results) !=
			    wanted[k].is_there)
				fail_msg("%s: register %u", cases[i].code, wanted[k].number);
		}
	}
	struct ct_machine_results on_x87 = {.x87_count = 1};
	set_code(fixture, "c3");
	assert_false(ct_machine_surely_returns(&fixture->code, START, &on_x87));
	set_code(fixture, "db2c24 c3"); /* fldt (%rsp) */
	assert_true(ct_machine_surely_returns(&fixture->code, START, &on_x87));
	set_code(fixture, "db2c24 ddd8 c3"); /* and fstp %st(0) */
	assert_false(ct_machine_surely_returns(&fixture->code, START, &on_x87));
}

static void the_return_address_must_stay(void **state)
{
	struct fixture *fixture = *state;
	assert_false(surely_returns(fixture, "48890424 c3"));	  /* mov %rax,(%rsp) */
	assert_false(surely_returns(fixture, "c6442407 00 c3"));  /* movb $0,7(%rsp) */
	assert_true(surely_returns(fixture, "c6442408 00 c3"));	  /* movb $0,8(%rsp) */
	assert_true(surely_returns(fixture, "c64424ff 00 c3"));	  /* movb $0,-1(%rsp) */
	assert_false(surely_returns(fixture, "488903 c3"));	  /* mov %rax,(%rbx) */
	assert_true(surely_returns(fixture, "89442408 c9 c3"));	  /* mov %eax,8(%rsp); leave */
	assert_false(surely_returns(fixture, "488945 08 c9 c3")); /* mov %rax,8(%rbp); leave */
	assert_false(surely_returns(fixture, "f3aa c3"));	  /* rep stos */
	assert_false(surely_returns(fixture, "50 c3"));		  /* push %rax */
	assert_false(surely_returns(fixture, "488b2424 48f7e0 4889c4 c3")); /* rsp anywhere */
	/* One way pops less than the other. */
	assert_false(surely_returns(fixture, "85ff 7401 5b c3"));
}

/* ---- any bytes ---- */

static void random_bytes_end_the_run(void **state)
{
	struct fixture *fixture = *state;
	uint64_t random = 0x9e3779b97f4a7c15u;
	for (int round = 0; round < 20000; round++) {
		for (size_t i = 0; i < sizeof(fixture->bytes); i++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			fixture->bytes[i] = (uint8_t)(random >> 56);
		}
		fixture->code = (struct ct_code){fixture->bytes, START, sizeof(fixture->bytes)};
		ct_expr_arena_reset(fixture->arena);
		ct_machine_reset(fixture->machine);
		uint64_t address = START;
		for (int calls = 0; calls < 4; calls++) {
			if (ct_machine_run(fixture->machine, &fixture->code, address, 0,
					   &address) != CT_MACHINE_CALL)
				break;
			ct_machine_skip_call(fixture->machine, &fixture->code, &address);
		}
		struct ct_expr_place place;
		ct_machine_find(fixture->machine, reg(fixture, RDI), 4, &place);
		ct_machine_surely_returns(&fixture->code, START, &no_results);
	}
}

/* ---- ways that meet ---- */

/* What `one` and `other` know in common; to be destroyed. */
static struct ct_machine *merged(struct fixture *fixture, const char *one, const char *other)
{
	struct ct_machine *met = ct_machine_create(fixture->arena);
	assert_non_null(met);
	run_through(fixture, one);
	assert_true(ct_machine_copy(met, fixture->machine));
	ct_machine_reset(fixture->machine);
	run_through(fixture, other);
	ct_machine_merge(met, fixture->machine);
	assert_false(ct_machine_merge(met, fixture->machine));
	return met;
}

static void what_both_ways_know_is_kept(void **state)
{
	struct fixture *fixture = *state;
	/* mov %rdi,%rbx; mov %rsi,-8(%rsp); mov $1,%eax | the same with mov $2,%eax */
	struct ct_machine *met = merged(fixture, "48 89 fb 48 89 74 24 f8 b8 01 00 00 00",
					"48 89 fb 48 89 74 24 f8 b8 02 00 00 00");
	assert_true(ct_expr_equal(ct_machine_register(met, RBX), reg(fixture, RDI)));
	assert_true(ct_expr_equal(ct_machine_load(met, at(fixture, RSP, -8), 8, NULL),
				  reg(fixture, RSI)));
	assert_false(ct_expr_is_known(ct_machine_register(met, RAX)));
	ct_machine_destroy(met);
}

static void what_one_way_stores_is_lost(void **state)
{
	struct fixture *fixture = *state;
	/* mov %rsi,-8(%rsp); mov %rdi,-16(%rsp) | and then mov %rdx,-8(%rsp) */
	struct ct_machine *met = merged(fixture, "48 89 74 24 f8 48 89 7c 24 f0",
					"48 89 74 24 f8 48 89 7c 24 f0 48 89 54 24 f8");
	assert_false(ct_expr_is_known(ct_machine_load(met, at(fixture, RSP, -8), 8, NULL)));
	assert_true(ct_expr_equal(ct_machine_load(met, at(fixture, RSP, -16), 8, NULL),
				  reg(fixture, RDI)));
	ct_machine_destroy(met);
	/* The other way round, and stored through a pointer that may lead there. */
	ct_machine_reset(fixture->machine);
	met = merged(fixture, "48 89 74 24 f8 48 89 17", "48 89 74 24 f8");
	assert_false(ct_expr_is_known(ct_machine_load(met, at(fixture, RSP, -8), 8, NULL)));
	ct_machine_destroy(met);
}

static void older_pointers_lead_nowhere_into_the_frame(void **state)
{
	struct fixture *fixture = *state;
	/* mov %rsi,-8(%rsp); mov %rdx,(%rdi) */
	ct_machine_enter(fixture->machine);
	run_through(fixture, "48 89 74 24 f8 48 89 17");
	assert_true(ct_expr_equal(ct_machine_load(fixture->machine, at(fixture, RSP, -8), 8, NULL),
				  reg(fixture, RSI)));
	/* The caller's part may be what it leads to. */
	assert_false(
		ct_expr_is_known(ct_machine_load(fixture->machine, at(fixture, RSP, 8), 8, NULL)));
}

#define MACHINE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
static const struct CMUnitTest tests[] = {
	MACHINE_TEST(gcc_o0_returns_what_rbx_held),
	MACHINE_TEST(gcc_o2_adds_after_the_hook),
	MACHINE_TEST(gcc_o2_compares_and_sets_a_byte),
	MACHINE_TEST(gcc_o2_three_way_comparison_has_its_values),
	MACHINE_TEST(carries_and_counted_shifts_can_be_told),
	MACHINE_TEST(division_is_unknown_and_yet_returns),
	MACHINE_TEST(clang_o0_bool_is_one_bit),
	MACHINE_TEST(two_floats_come_in_one_register),
	MACHINE_TEST(a_double_may_come_through_a_general_register),
	MACHINE_TEST(a_long_double_has_its_source),
	MACHINE_TEST(a_long_double_that_was_stored_over_has_no_source),
	MACHINE_TEST(a_check_of_the_canary_is_passed),
	MACHINE_TEST(a_comparison_with_the_canary_that_calls_nothing_is_a_branch),
	MACHINE_TEST(clang_o0_homes_are_filled_from_where_arguments_waited),
	MACHINE_TEST(clang_o0_home_of_a_struct_in_two_registers),
	MACHINE_TEST(clang_o0_home_of_a_long_double),
	MACHINE_TEST(arguments_are_found_where_the_prologue_put_them),
	MACHINE_TEST(arguments_are_found_in_frame_slots),
	MACHINE_TEST(what_is_below_the_stack_pointer_is_not_found),
	MACHINE_TEST(parts_of_stores_are_put_together),
	MACHINE_TEST(a_store_through_a_pointer_may_hit_the_frame),
	MACHINE_TEST(a_store_to_the_module_leaves_the_frame),
	MACHINE_TEST(rbp_and_rsp_may_be_related),
	MACHINE_TEST(there_is_nothing_below_the_stack_at_the_start),
	MACHINE_TEST(a_call_that_got_an_address_may_store_to_the_frame),
	MACHINE_TEST(repeated_stores_may_hit_anything),
	MACHINE_TEST(what_is_atomic_is_not_known),
	MACHINE_TEST(it_stops_before_what_it_cannot_follow),
	MACHINE_TEST(an_address_outside_the_code_is_no_code),
	MACHINE_TEST(all_ways_must_return),
	MACHINE_TEST(a_result_that_nobody_put_there_is_none),
	MACHINE_TEST(the_return_address_must_stay),
	MACHINE_TEST(what_both_ways_know_is_kept),
	MACHINE_TEST(what_one_way_stores_is_lost),
	MACHINE_TEST(older_pointers_lead_nowhere_into_the_frame),
	MACHINE_TEST(random_bytes_end_the_run),
};

UNIT_TEST_MAIN(tests)
