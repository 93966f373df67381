/* SPDX-License-Identifier: MIT */
/*
 * The machine's memory: what was stored since the start, newest last. A load
 * goes back through it until it has all its bytes, or meets a store that may
 * have changed one of them and cannot be told apart.
 */
#include "plan/machine_private.h"

#include <stdlib.h>

enum { LOOK_NODES = 64 }; /* of an expression; a larger one is taken for anything */

enum region {
	REGION_FRAME,
	REGION_CONSTANT,
	REGION_MODULE,
	REGION_THREAD,
	REGION_ANY,
};

bool ct_machine_is_frame(const struct ct_machine *machine, const struct ct_expr *base)
{
	return base && base->kind == CT_EXPR_REGISTER && base->number == machine->frame_register;
}

static enum region region_of(const struct ct_machine *machine, const struct ct_expr *base)
{
	if (!base)
		return REGION_CONSTANT;
	if (base->kind == CT_EXPR_ADDRESS)
		return REGION_MODULE;
	if (base->kind != CT_EXPR_REGISTER)
		return REGION_ANY;
	if (base->number == machine->frame_register)
		return REGION_FRAME;
	return base->number == CT_EXPR_FS_BASE ? REGION_THREAD : REGION_ANY;
}

/* The stack is no module's data and no thread's own; a constant address may be a module's. */
static bool are_apart(enum region a, enum region b)
{
	if (a == b || a == REGION_ANY || b == REGION_ANY)
		return false;
	return a == REGION_FRAME || b == REGION_FRAME ||
	       (a != REGION_CONSTANT && b != REGION_CONSTANT);
}

/* As ct_expr_split(), with one base for all of the module. */
static void split(const struct ct_machine *machine, const struct ct_expr *address,
		  const struct ct_expr **ret_base, int64_t *ret_offset)
{
	ct_expr_split(address, ret_base, ret_offset);
	if (address->kind == CT_EXPR_ADDRESS) {
		*ret_base = ct_expr_address(machine->arena, 0);
		*ret_offset = address->constant;
	}
}

static bool mentions_frame(const struct ct_machine *machine, const struct ct_expr *expr, int *nodes)
{
	if (!expr || expr->kind == CT_EXPR_LOAD)
		return false;
	if (--*nodes < 0)
		return true;
	if (expr->kind == CT_EXPR_REGISTER)
		return expr->number == CT_RSP || expr->number == CT_RBP ||
		       expr->number == machine->frame_register;
	return mentions_frame(machine, expr->left, nodes) ||
	       mentions_frame(machine, expr->right, nodes);
}

bool ct_machine_mentions_frame(const struct ct_machine *machine, const struct ct_expr *expr)
{
	int nodes = LOOK_NODES;
	return mentions_frame(machine, expr, &nodes);
}

static const struct ct_expr *normal(struct ct_machine *machine, const struct ct_expr *expr,
				    int *nodes)
{
	if (--*nodes < 0)
		return ct_expr_unknown();
	if (expr->kind == CT_EXPR_REGISTER && expr->number == machine->related)
		return ct_expr_binary(machine->arena, CT_EXPR_ADD,
				      ct_expr_register(machine->arena, machine->related_to),
				      ct_expr_constant(machine->arena, machine->distance));
	if (!expr->left)
		return expr;
	const struct ct_expr *left = normal(machine, expr->left, nodes);
	if (expr->right) {
		const struct ct_expr *right = normal(machine, expr->right, nodes);
		return left == expr->left && right == expr->right
			       ? expr
			       : ct_expr_binary(machine->arena, expr->kind, left, right);
	}
	if (left == expr->left)
		return expr;
	if (expr->kind == CT_EXPR_LOAD)
		return ct_expr_load(machine->arena, left, expr->size);
	return ct_expr_unary(machine->arena, expr->kind, left, expr->size);
}

const struct ct_expr *ct_machine_normal(struct ct_machine *machine, const struct ct_expr *expr)
{
	int nodes = 4 * LOOK_NODES;
	return machine->has_relation ? normal(machine, expr, &nodes) : expr;
}

/* ---- stores ---- */

void ct_machine_add_store(struct ct_machine *machine, struct ct_store store)
{
	if (machine->store_count == machine->store_capacity) {
		size_t capacity = machine->store_capacity ? 2 * machine->store_capacity : 64;
		struct ct_store *stores = realloc(machine->stores, capacity * sizeof(*stores));
		if (!stores) {
			machine->has_lost_stores = true;
			return;
		}
		machine->stores = stores;
		machine->store_capacity = capacity;
	}
	machine->stores[machine->store_count++] = store;
}

void ct_machine_clobber(struct ct_machine *machine)
{
	machine->has_stored_elsewhere = true;
	ct_machine_add_store(
		machine, (struct ct_store){.kind = CT_STORE_ANYWHERE, .value = ct_expr_unknown()});
}

/* Offsets in the frame far from where it can be would overflow in comparisons. */
static bool is_near(int64_t offset)
{
	return offset > -(INT64_C(1) << 40) && offset < INT64_C(1) << 40;
}

static void note_place(struct ct_machine *machine, const struct ct_store *store)
{
	if (!ct_machine_is_frame(machine, store->base) || !is_near(store->offset) ||
	    store->offset < machine->lowest_rsp) {
		machine->has_stored_elsewhere = true;
		return;
	}
	if (store->offset + store->size_bytes > machine->highest_frame_byte)
		machine->highest_frame_byte = store->offset + store->size_bytes;
}

void ct_machine_store(struct ct_machine *machine, const struct ct_expr *address,
		      unsigned int size_bytes, const struct ct_expr *value)
{
	if (!ct_expr_is_known(address) || size_bytes == 0 || size_bytes > 64) {
		ct_machine_clobber(machine);
		return;
	}
	struct ct_store store = {.size_bytes = (uint8_t)size_bytes};
	split(machine, address, &store.base, &store.offset);
	store.value = size_bytes <= 8 ? ct_expr_unary(machine->arena, CT_EXPR_ZERO_EXTEND, value,
						      size_bytes)
				      : ct_expr_unknown();
	note_place(machine, &store);
	bool is_saved_rbp = machine->is_pushing && value->kind == CT_EXPR_REGISTER &&
			    value->number == CT_RBP;
	if ((ct_machine_mentions_frame(machine, value) && !is_saved_rbp) ||
	    (!ct_expr_is_known(store.value) && machine->has_read_frame))
		machine->has_frame_escaped = true;
	ct_machine_add_store(machine, store);
}

/* ---- loads ---- */

/* Where a byte of a load comes from: byte `at` of `value`; NULL: memory as at the start. */
struct source {
	const struct ct_expr *value;
	uint8_t at;
	bool is_found;
};

static bool mentions_rsp(const struct ct_expr *expr, int *nodes)
{
	if (!expr || expr->kind == CT_EXPR_LOAD)
		return false;
	if (--*nodes < 0 || !ct_expr_is_known(expr))
		return true;
	return (expr->kind == CT_EXPR_REGISTER && expr->number == CT_RSP) ||
	       mentions_rsp(expr->left, nodes) || mentions_rsp(expr->right, nodes);
}

/* Is one in the frame that the function has made, and the other where something points that is
 * older than the frame? */
static bool is_older(const struct ct_machine *machine, const struct ct_expr *frame, int64_t offset,
		     unsigned int size_bytes, const struct ct_expr *other)
{
	int nodes = LOOK_NODES;
	return machine->is_entered && machine->frame_register == CT_RSP &&
	       ct_machine_is_frame(machine, frame) && is_near(offset) &&
	       offset + (int64_t)size_bytes <= 0 && other && !mentions_rsp(other, &nodes);
}

/* False: the store may have changed bytes that are not found yet. */
static bool look_in_store(const struct ct_machine *machine, const struct ct_store *store,
			  const struct ct_expr *base, int64_t offset, unsigned int size_bytes,
			  struct source *sources)
{
	if (store->kind == CT_STORE_CALL)
		return ct_machine_is_frame(machine, base) && is_near(offset) &&
		       offset >= store->offset;
	if (store->kind == CT_STORE_ANYWHERE)
		return false;
	if (store->base != base)
		return are_apart(region_of(machine, store->base), region_of(machine, base)) ||
		       is_older(machine, base, offset, size_bytes, store->base) ||
		       is_older(machine, store->base, store->offset, store->size_bytes, base);
	for (unsigned int i = 0; i < size_bytes; i++) {
		/* Wraps as addresses do. */
		uint64_t at = (uint64_t)offset + i - (uint64_t)store->offset;
		if (at >= store->size_bytes || sources[i].is_found)
			continue;
		sources[i] =
			(struct source){.value = store->value, .at = (uint8_t)at, .is_found = true};
	}
	return true;
}

static const struct ct_expr *shifted(struct ct_machine *machine, enum ct_expr_kind kind,
				     const struct ct_expr *expr, unsigned int size_bytes)
{
	return ct_expr_binary(machine->arena, kind, expr,
			      ct_expr_constant(machine->arena, 8 * (int64_t)size_bytes));
}

/* The largest power of two that `count` bytes can be taken in. */
static unsigned int piece_size(unsigned int count)
{
	return count >= 8 ? 8 : count >= 4 ? 4 : count >= 2 ? 2 : 1;
}

static unsigned int run_length(const struct source *sources, unsigned int from, unsigned int end)
{
	unsigned int to = from + 1;
	while (to < end && sources[to].value == sources[from].value &&
	       (!sources[from].value || sources[to].at == sources[from].at + (to - from)))
		to++;
	return to - from;
}

static const struct ct_expr *assemble(struct ct_machine *machine, const struct ct_expr *address,
				      unsigned int size_bytes, const struct source *sources)
{
	struct ct_expr_arena *arena = machine->arena;
	const struct ct_expr *all = ct_expr_constant(arena, 0);
	for (unsigned int at = 0; at < size_bytes;) {
		unsigned int count = piece_size(run_length(sources, at, size_bytes));
		const struct ct_expr *piece;
		if (sources[at].value)
			piece = ct_expr_unary(arena, CT_EXPR_ZERO_EXTEND,
					      shifted(machine, CT_EXPR_SHIFT_RIGHT,
						      sources[at].value, sources[at].at),
					      count);
		else
			piece = ct_expr_load(arena,
					     ct_expr_binary(arena, CT_EXPR_ADD, address,
							    ct_expr_constant(arena, at)),
					     count);
		all = ct_expr_binary(arena, CT_EXPR_OR, all,
				     shifted(machine, CT_EXPR_SHIFT_LEFT, piece, at));
		at += count;
	}
	return all;
}

const struct ct_expr *ct_machine_load(struct ct_machine *machine, const struct ct_expr *address,
				      unsigned int size_bytes, bool *ret_stored)
{
	if (ret_stored)
		*ret_stored = false;
	if (size_bytes != 1 && size_bytes != 2 && size_bytes != 4 && size_bytes != 8)
		return ct_expr_unknown();
	address = ct_machine_normal(machine, address);
	if (!ct_expr_is_known(address) || machine->has_lost_stores)
		return ct_expr_unknown();
	const struct ct_expr *base;
	int64_t offset;
	split(machine, address, &base, &offset);

	struct source sources[8] = {{.value = NULL}};
	unsigned int found = 0;
	for (size_t i = machine->store_count; i-- > 0 && found < size_bytes;) {
		if (!look_in_store(machine, &machine->stores[i], base, offset, size_bytes, sources))
			return ct_expr_unknown();
		found = 0;
		for (unsigned int byte = 0; byte < size_bytes; byte++)
			found += sources[byte].is_found;
	}
	/* Below the stack pointer there is nothing at the start: a hook's own frame may be there.
	 */
	if (found < size_bytes && ct_machine_is_frame(machine, base) &&
	    (!is_near(offset) || offset < machine->start_rsp))
		return ct_expr_unknown();
	if (ret_stored)
		*ret_stored = found == size_bytes;
	return assemble(machine, address, size_bytes, sources);
}
