/* SPDX-License-Identifier: MIT */
#include "plan/machine_private.h"

#include <stdlib.h>
#include <string.h>

enum {
	RUN_STEPS = 400, /* of one ct_machine_run() */
	CHECK_STEPS = 4, /* within which a failed check of the canary must call */
};

static void set_register(struct ct_machine *machine, unsigned int number,
			 const struct ct_expr *value)
{
	machine->gpr[number] = (struct ct_machine_gpr){.value = value};
}

void ct_machine_forget_flags(struct ct_machine *machine)
{
	const struct ct_expr *unknown = ct_expr_unknown();
	machine->flags = (struct ct_machine_flags){
		.zero = unknown, .carry = unknown, .sign = unknown, .less = unknown};
}

void ct_machine_forget_x87(struct ct_machine *machine)
{
	for (unsigned int i = 0; i < CT_X87_COUNT; i++)
		machine->x87[i] = (struct ct_x87_value){ct_expr_unknown(), ct_expr_unknown()};
}

struct ct_machine *ct_machine_create(struct ct_expr_arena *arena)
{
	struct ct_machine *machine = calloc(1, sizeof(*machine));
	if (!machine)
		return NULL;
	machine->arena = arena;
	if (!ZYAN_SUCCESS(ZydisDecoderInit(&machine->decoder, ZYDIS_MACHINE_MODE_LONG_64,
					   ZYDIS_STACK_WIDTH_64))) {
		free(machine);
		return NULL;
	}
	ct_machine_reset(machine);
	return machine;
}

void ct_machine_reset(struct ct_machine *machine)
{
	for (unsigned int i = 0; i < CT_GPR_COUNT; i++)
		set_register(machine, i, ct_expr_register(machine->arena, i));
	for (unsigned int i = 0; i < CT_XMM_COUNT; i++) {
		machine->xmm[i][0] = ct_expr_register(machine->arena, CT_EXPR_XMM + i);
		machine->xmm[i][1] = ct_expr_register(machine->arena, CT_EXPR_XMM_HIGH + i);
	}
	ct_machine_forget_x87(machine);
	ct_machine_forget_flags(machine);
	machine->x87_depth = 0;
	machine->canary_copy = ct_expr_unknown();
	machine->store_count = 0;
	machine->has_lost_stores = false;
	machine->has_relation = false;
	machine->frame_register = CT_RSP;
	machine->start_rsp = 0;
	machine->lowest_rsp = 0;
	machine->is_entered = false;
	machine->has_stored_elsewhere = false;
	machine->is_at_return = false;
	machine->highest_frame_byte = INT64_MIN;
	machine->has_frame_escaped = false;
}

void ct_machine_destroy(struct ct_machine *machine)
{
	if (!machine)
		return;
	free(machine->stores);
	free(machine);
}

void ct_machine_relate(struct ct_machine *machine, unsigned int reg, unsigned int other,
		       int64_t distance)
{
	if (reg >= CT_GPR_COUNT || other >= CT_GPR_COUNT || reg == other || machine->has_relation)
		return;
	machine->has_relation = true;
	machine->related = (uint8_t)reg;
	machine->related_to = (uint8_t)other;
	machine->distance = distance;
	if (reg == CT_RSP) {
		machine->frame_register = (uint8_t)other;
		machine->start_rsp = distance;
		machine->lowest_rsp = distance;
	}
	set_register(machine, reg,
		     ct_machine_normal(machine, ct_expr_register(machine->arena, reg)));
}

void ct_machine_enter(struct ct_machine *machine)
{
	machine->is_entered = true;
}

const struct ct_expr *ct_machine_register_part(const struct ct_machine *machine,
					       unsigned int number, unsigned int size_bytes)
{
	const struct ct_expr *value = ct_machine_register(machine, number);
	if (!ct_expr_is_known(value) && number < CT_GPR_COUNT &&
	    machine->gpr[number].low_size >= size_bytes)
		value = machine->gpr[number].low;
	return ct_expr_unary(machine->arena, CT_EXPR_ZERO_EXTEND, value, size_bytes);
}

const struct ct_expr *ct_machine_register(const struct ct_machine *machine, unsigned int number)
{
	if (number < CT_GPR_COUNT)
		return machine->gpr[number].value;
	if (number >= CT_EXPR_XMM && number < CT_EXPR_XMM + CT_XMM_COUNT)
		return machine->xmm[number - CT_EXPR_XMM][0];
	if (number >= CT_EXPR_XMM_HIGH && number < CT_EXPR_XMM_HIGH + CT_XMM_COUNT)
		return machine->xmm[number - CT_EXPR_XMM_HIGH][1];
	return ct_expr_unknown();
}

/* ---- running ---- */

/* Does this way come to a call with next to nothing before it? */
static bool leads_to_call(const struct ct_machine *machine, const struct ct_code *code,
			  uint64_t address)
{
	for (int i = 0; i < CHECK_STEPS; i++) {
		struct ct_instruction instruction;
		if (!ct_machine_decode(machine, code, address, &instruction))
			return false;
		switch (instruction.insn.meta.category) {
		case ZYDIS_CATEGORY_CALL:
			return true;
		case ZYDIS_CATEGORY_UNCOND_BR:
			/* Over a landing pad, where GCC does not optimize. */
			if (!ct_machine_jump_target(&instruction, &address))
				return false;
			break;
		case ZYDIS_CATEGORY_COND_BR:
		case ZYDIS_CATEGORY_RET:
			return false;
		default:
			address = instruction.next;
			break;
		}
	}
	return false;
}

bool ct_machine_canary_way(const struct ct_machine *machine, const struct ct_code *code,
			   const struct ct_instruction *branch, uint64_t target,
			   uint64_t *ret_address)
{
	bool is_jump_when_equal = branch->insn.mnemonic == ZYDIS_MNEMONIC_JZ;
	if (!is_jump_when_equal && branch->insn.mnemonic != ZYDIS_MNEMONIC_JNZ)
		return false;
	if (!leads_to_call(machine, code, is_jump_when_equal ? branch->next : target))
		return false;
	*ret_address = is_jump_when_equal ? target : branch->next;
	return true;
}

enum ct_machine_stop ct_machine_run(struct ct_machine *machine, const struct ct_code *code,
				    uint64_t from, uint64_t until, uint64_t *ret_address)
{
	uint64_t address = from, target = 0;
	machine->is_at_return = false;
	for (int i = 0; i < RUN_STEPS; i++) {
		*ret_address = address;
		if (until && address == until)
			return CT_MACHINE_AT;
		struct ct_instruction instruction;
		if (!ct_machine_decode(machine, code, address, &instruction))
			return CT_MACHINE_UNKNOWN;
		switch (ct_machine_step(machine, &instruction, &target)) {
		case CT_STEP_NEXT:
			address = instruction.next;
			break;
		case CT_STEP_JUMP:
			if (target - code->address >= code->size_bytes)
				return CT_MACHINE_BRANCH;
			address = target;
			break;
		case CT_STEP_CANARY:
			if (!ct_machine_canary_way(machine, code, &instruction, target, &address))
				return CT_MACHINE_BRANCH;
			break;
		case CT_STEP_BRANCH:
		case CT_STEP_AWAY:
			return CT_MACHINE_BRANCH;
		case CT_STEP_CALL:
			return CT_MACHINE_CALL;
		case CT_STEP_RETURN:
			machine->is_at_return = true;
			return CT_MACHINE_RETURN;
		case CT_STEP_UNKNOWN:
			return CT_MACHINE_UNKNOWN;
		}
	}
	*ret_address = address;
	return CT_MACHINE_UNKNOWN;
}

static bool split_frame(const struct ct_machine *machine, const struct ct_expr *expr,
			int64_t *ret_offset)
{
	const struct ct_expr *base;
	ct_expr_split(expr, &base, ret_offset);
	return ct_machine_is_frame(machine, base);
}

void ct_machine_skip_call(struct ct_machine *machine, const struct ct_code *code, uint64_t *address)
{
	struct ct_instruction instruction;
	if (ct_machine_decode(machine, code, *address, &instruction))
		*address = instruction.next;
	static const uint8_t changed[] = {0, 1, 2, 4, 5, 8, 9, 10, 11};
	for (size_t i = 0; i < sizeof(changed); i++)
		set_register(machine, changed[i], ct_expr_unknown());
	for (unsigned int i = 0; i < CT_XMM_COUNT; i++)
		machine->xmm[i][0] = machine->xmm[i][1] = ct_expr_unknown();
	ct_machine_forget_x87(machine);
	ct_machine_forget_flags(machine);
	struct ct_store call = {.kind = CT_STORE_CALL, .value = ct_expr_unknown()};
	if (machine->has_frame_escaped ||
	    !split_frame(machine, machine->gpr[CT_RSP].value, &call.offset)) {
		ct_machine_clobber(machine);
		return;
	}
	machine->has_stored_elsewhere = true;
	ct_machine_add_store(machine, call);
}

const struct ct_expr *ct_machine_x87_source(const struct ct_machine *machine, unsigned int depth)
{
	if (depth >= CT_X87_COUNT)
		return ct_expr_unknown();
	const struct ct_expr *low = machine->x87[depth].low, *high = machine->x87[depth].high;
	if (low->kind != CT_EXPR_LOAD || low->size != 8 || high->kind != CT_EXPR_LOAD ||
	    high->size != 2)
		return ct_expr_unknown();
	const struct ct_expr *low_base, *high_base;
	int64_t low_offset, high_offset;
	ct_expr_split(low->left, &low_base, &low_offset);
	ct_expr_split(high->left, &high_base, &high_offset);
	if (low_base != high_base || (uint64_t)high_offset - (uint64_t)low_offset != 8)
		return ct_expr_unknown();
	return low->left;
}

bool ct_machine_stored_elsewhere(const struct ct_machine *machine)
{
	if (machine->has_stored_elsewhere || machine->has_lost_stores)
		return true;
	int64_t rsp;
	return machine->is_at_return && machine->highest_frame_byte != INT64_MIN &&
	       (!split_frame(machine, machine->gpr[CT_RSP].value, &rsp) ||
		machine->highest_frame_byte > rsp);
}

/* ---- places ---- */

struct search {
	struct ct_machine *machine;
	const struct ct_expr *value;
	unsigned int size_bytes;
	int64_t rsp; /* now, in the frame */
};

static bool is_value_at(const struct search *search, const struct ct_expr *address,
			struct ct_expr_place *ret)
{
	int64_t offset;
	if (!split_frame(search->machine, address, &offset) || offset < search->rsp)
		return false;
	if (!ct_expr_equal(ct_machine_load(search->machine, address, search->size_bytes, NULL),
			   search->value))
		return false;
	*ret = (struct ct_expr_place){.rsp_offset = offset - search->rsp};
	return true;
}

bool ct_machine_find(struct ct_machine *machine, const struct ct_expr *value,
		     unsigned int size_bytes, struct ct_expr_place *ret)
{
	struct search search = {.machine = machine, .size_bytes = size_bytes};
	search.value = ct_expr_unary(machine->arena, CT_EXPR_ZERO_EXTEND,
				     ct_machine_normal(machine, value), size_bytes);
	if (!ct_expr_is_known(search.value))
		return false;
	static const uint8_t callee_saved[] = {3, 6, 12, 13, 14, 15};
	for (size_t i = 0; i < sizeof(callee_saved); i++) {
		const struct ct_expr *held = ct_machine_register_part(machine, callee_saved[i],
								      size_bytes);
		if (ct_expr_equal(held, search.value)) {
			*ret = (struct ct_expr_place){.in_register = true,
						      .number = callee_saved[i]};
			return true;
		}
	}
	if (!split_frame(machine, machine->gpr[CT_RSP].value, &search.rsp))
		return false;
	if (search.value->kind == CT_EXPR_LOAD && is_value_at(&search, search.value->left, ret))
		return true;
	for (size_t i = machine->store_count; i-- > 0;) {
		const struct ct_store *store = &machine->stores[i];
		if (store->kind != CT_STORE_BYTES || !ct_machine_is_frame(machine, store->base))
			continue;
		const struct ct_expr *address =
			ct_expr_binary(machine->arena, CT_EXPR_ADD, store->base,
				       ct_expr_constant(machine->arena, store->offset));
		if (is_value_at(&search, address, ret))
			return true;
	}
	return false;
}
