/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as the code around a hook call: run from one stop to the next, and
 * all that comes out made into operations. The first byte says what is known of
 * rbp, and how wide what is asked for is.
 */
#include <stdlib.h>

#include "fuzz_target.h"
#include "plan/machine.h"

enum { ADDRESS = 0x1000, CALLS = 8, STEPS = 50, RBP = 6, RSP = 7 };

static void use(const struct ct_expr *expr)
{
	struct ct_plan_op ops[CT_PLAN_OPS_MAX];
	size_t count = ct_expr_to_ops(expr, CT_PLAN_REGISTERS, ops, CT_PLAN_OPS_MAX);
	if (count > CT_PLAN_OPS_MAX || (count > 0 && !ct_expr_is_known(expr)))
		abort();
}

static void use_all(struct ct_machine *machine, struct ct_expr_arena *arena, unsigned int size)
{
	for (unsigned int i = 0; i < 128; i++) {
		use(ct_machine_register(machine, i));
		use(ct_machine_register_part(machine, i, size));
		struct ct_expr_place place;
		if (ct_machine_find(machine, ct_expr_register(arena, i), size, &place) &&
		    !place.in_register && place.rsp_offset < 0)
			abort();
	}
	for (int i = -128; i < 128; i += 4) {
		bool is_stored;
		const struct ct_expr *address = ct_expr_binary(
			arena, CT_EXPR_ADD, ct_expr_register(arena, i & 4 ? RSP : RBP),
			ct_expr_constant(arena, i));
		use(ct_machine_load(machine, address, size, &is_stored));
	}
	use(ct_machine_x87_source(machine, 0));
	use(ct_machine_x87_source(machine, 1));
	ct_machine_stored_elsewhere(machine);
}

/* Two ways through the code meet: nothing is known after that but what both know. */
static void merge(struct ct_machine *machine, struct ct_expr_arena *arena,
		  const struct ct_code *code)
{
	uint64_t next[2] = {ADDRESS, ADDRESS};
	struct ct_machine *other = ct_machine_create(arena);
	struct ct_machine *met = ct_machine_create(arena);
	if (!other || !met || !ct_machine_copy(met, machine))
		abort();
	for (int i = 0; i < STEPS; i++) {
		enum ct_machine_way way = ct_machine_go(other, code, next[i & 1], next);
		if (way == CT_MACHINE_WAY_END || way == CT_MACHINE_WAY_UNKNOWN)
			break;
	}
	ct_machine_merge(met, other);
	for (unsigned int i = 0; i < 16; i++) {
		const struct ct_expr *value = ct_machine_register(met, i);
		if (ct_expr_is_known(value) &&
		    (!ct_expr_equal(value, ct_machine_register(machine, i)) ||
		     !ct_expr_equal(value, ct_machine_register(other, i))))
			abort();
	}
	/* Again: nothing new. */
	if (ct_machine_merge(met, other) || ct_machine_merge(met, machine))
		abort();
	ct_machine_destroy(other);
	ct_machine_destroy(met);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	if (size_bytes == 0)
		return 0;
	struct ct_expr_arena *arena = ct_expr_arena_create();
	struct ct_machine *machine = arena ? ct_machine_create(arena) : NULL;
	if (!machine)
		abort();
	struct ct_code code = {bytes + 1, ADDRESS, size_bytes - 1};
	if (bytes[0] & 1)
		ct_machine_relate(machine, RBP, RSP, bytes[0] & 0x70);
	else if (bytes[0] & 2)
		ct_machine_relate(machine, RSP, RBP, -(bytes[0] & 0x70));
	uint64_t address = ADDRESS;
	for (int i = 0; i < CALLS; i++) {
		enum ct_machine_stop stop = ct_machine_run(machine, &code, address, 0, &address);
		use_all(machine, arena, 1u << (bytes[0] >> 2 & 3));
		if (stop != CT_MACHINE_CALL)
			break;
		ct_machine_skip_call(machine, &code, &address);
	}
	if (!(bytes[0] & 3))
		merge(machine, arena, &code);
	ct_machine_surely_returns(&code, ADDRESS, &(struct ct_machine_results){.x87_count = 1});
	ct_machine_destroy(machine);
	ct_expr_arena_destroy(arena);
	return 0;
}
