/* SPDX-License-Identifier: MIT */
/*
 * Where two ways through code meet: what is known there is what is known on
 * both of them, and is the same.
 */
#include "plan/machine_private.h"

#include <stdlib.h>
#include <string.h>

bool ct_machine_copy(struct ct_machine *to, const struct ct_machine *from)
{
	struct ct_store *stores = to->stores;
	size_t capacity = to->store_capacity;
	if (from->store_count > capacity) {
		stores = reallocarray(stores, from->store_count, sizeof(*stores));
		if (!stores)
			return false;
		capacity = from->store_count;
	}
	*to = *from;
	to->stores = stores;
	to->store_capacity = capacity;
	if (from->store_count)
		memcpy(stores, from->stores, from->store_count * sizeof(*stores));
	ct_machine_forget_flags(to);
	return true;
}

static bool merge_value(const struct ct_expr **into, const struct ct_expr *other)
{
	if (!ct_expr_is_known(*into) || ct_expr_equal(*into, other))
		return false;
	*into = ct_expr_unknown();
	return true;
}

static bool merge_gpr(struct ct_machine_gpr *into, const struct ct_machine_gpr *other)
{
	if (ct_expr_is_known(into->value) && ct_expr_is_known(other->value))
		return merge_value(&into->value, other->value);
	/* Of one that is known on one way only, its part is not asked for. */
	bool is_same = !ct_expr_is_known(into->value) &&
		       (into->low_size == 0 ||
			(!ct_expr_is_known(other->value) && into->low_size == other->low_size &&
			 ct_expr_equal(into->low, other->low)));
	if (is_same)
		return false;
	*into = (struct ct_machine_gpr){.value = ct_expr_unknown()};
	return true;
}

static bool same_place(const struct ct_store *a, const struct ct_store *b)
{
	return a->kind == b->kind && a->offset == b->offset && a->size_bytes == b->size_bytes &&
	       (a->base == b->base || (a->base && b->base && ct_expr_equal(a->base, b->base)));
}

static bool same_store(const struct ct_store *a, const struct ct_store *b)
{
	return same_place(a, b) && (a->value == b->value ||
				    (a->value && b->value && ct_expr_equal(a->value, b->value)));
}

static bool are_disjoint(const struct ct_store *a, const struct ct_store *b)
{
	bool has_same_base = a->base == b->base ||
			     (a->base && b->base && ct_expr_equal(a->base, b->base));
	/* Wraps as addresses do. */
	return a->kind == CT_STORE_BYTES && b->kind == CT_STORE_BYTES && has_same_base &&
	       (uint64_t)a->offset - (uint64_t)b->offset >= b->size_bytes &&
	       (uint64_t)b->offset - (uint64_t)a->offset >= a->size_bytes;
}

/* Is the store's place unknown already, by one that nothing known has been stored behind that it
 * could have changed? */
static bool is_lost(const struct ct_machine *machine, const struct ct_store *store)
{
	for (size_t i = machine->store_count; i-- > 0;) {
		const struct ct_store *there = &machine->stores[i];
		bool is_known = there->kind == CT_STORE_BYTES && ct_expr_is_known(there->value);
		if (!is_known && same_place(there, store))
			return true;
		if (is_known && !are_disjoint(there, store))
			return false;
	}
	return false;
}

static bool lose(struct ct_machine *machine, struct ct_store store)
{
	store.value = ct_expr_unknown();
	if (is_lost(machine, &store))
		return false;
	ct_machine_add_store(machine, store);
	return true;
}

static bool merge_stores(struct ct_machine *into, const struct ct_machine *other)
{
	size_t same = 0;
	bool is_changed = false;
	while (same < into->store_count && same < other->store_count &&
	       same_store(&into->stores[same], &other->stores[same]))
		same++;
	size_t into_count = into->store_count;
	for (size_t i = same; i < other->store_count; i++)
		is_changed |= lose(into, other->stores[i]);
	/* Those of this way alone: what was there before is not what is there. */
	for (size_t i = same; i < into_count; i++)
		is_changed |= lose(into, into->stores[i]);
	return is_changed;
}

bool ct_machine_merge(struct ct_machine *into, const struct ct_machine *other)
{
	bool is_changed = false;
	for (unsigned int i = 0; i < CT_GPR_COUNT; i++)
		is_changed |= merge_gpr(&into->gpr[i], &other->gpr[i]);
	for (unsigned int i = 0; i < CT_XMM_COUNT; i++)
		for (unsigned int half = 0; half < 2; half++)
			is_changed |= merge_value(&into->xmm[i][half], other->xmm[i][half]);
	for (unsigned int i = 0; i < CT_X87_COUNT; i++) {
		struct ct_x87_value value = other->x87[i];
		if (into->x87_depth != other->x87_depth)
			value.low = value.high = ct_expr_unknown();
		is_changed |= merge_value(&into->x87[i].low, value.low);
		is_changed |= merge_value(&into->x87[i].high, value.high);
	}
	is_changed |= merge_value(&into->canary_copy, other->canary_copy);
	ct_machine_forget_flags(into);
	is_changed |= merge_stores(into, other);
	is_changed |= other->has_lost_stores && !into->has_lost_stores;
	is_changed |= other->has_frame_escaped && !into->has_frame_escaped;
	into->has_lost_stores |= other->has_lost_stores;
	into->has_frame_escaped |= other->has_frame_escaped;
	into->has_stored_elsewhere |= other->has_stored_elsewhere;
	is_changed |= other->lowest_rsp < into->lowest_rsp;
	if (other->lowest_rsp < into->lowest_rsp)
		into->lowest_rsp = other->lowest_rsp;
	if (other->highest_frame_byte > into->highest_frame_byte)
		into->highest_frame_byte = other->highest_frame_byte;
	return is_changed;
}

enum ct_machine_way ct_machine_go(struct ct_machine *machine, const struct ct_code *code,
				  uint64_t address, uint64_t ret[2])
{
	struct ct_instruction instruction;
	uint64_t target = 0;
	if (!ct_machine_decode(machine, code, address, &instruction))
		return CT_MACHINE_WAY_UNKNOWN;
	ret[0] = ret[1] = instruction.next;
	if (instruction.insn.mnemonic == ZYDIS_MNEMONIC_UD2)
		return CT_MACHINE_WAY_END;
	switch (ct_machine_step(machine, &instruction, &target)) {
	case CT_STEP_NEXT:
		return CT_MACHINE_WAY_ON;
	case CT_STEP_JUMP:
		ret[0] = ret[1] = target;
		return CT_MACHINE_WAY_JUMP;
	case CT_STEP_CANARY:
	case CT_STEP_BRANCH:
		ret[1] = target;
		return CT_MACHINE_WAY_BRANCH;
	case CT_STEP_CALL:
		ct_machine_skip_call(machine, code, &address);
		return CT_MACHINE_WAY_CALL;
	case CT_STEP_RETURN:
		return CT_MACHINE_WAY_END;
	default:
		return CT_MACHINE_WAY_UNKNOWN;
	}
}
