/* SPDX-License-Identifier: MIT */
/* All ways to the return, and whether something is returned there. */
#include "plan/machine_work.h"

#include <stdlib.h>

enum {
	EXPLORE_STEPS = 400,
	EXPLORE_WAYS = 32,
	LOOK_NODES = 64, /* of an expression; a larger one is taken for anything */
};

/* ---- results ---- */

static bool is_lost_register(const struct ct_expr *expr)
{
	if (expr->kind != CT_EXPR_REGISTER)
		return false;
	bool is_kept = expr->number == CT_RBX || expr->number == CT_RBP || expr->number == CT_RSP ||
		       expr->number == CT_EXPR_FS_BASE ||
		       (expr->number >= CT_R12 && expr->number <= CT_R15);
	return !is_kept;
}

/* Is it made from a register that the call before the start has changed? */
static bool has_lost_register(const struct ct_expr *expr, int *nodes)
{
	if (!expr)
		return false;
	return --*nodes < 0 || is_lost_register(expr) || has_lost_register(expr->left, nodes) ||
	       has_lost_register(expr->right, nodes);
}

/* The canary, or what it is compared with; a part of them, too. */
static bool is_canary(const struct ct_machine *machine, const struct ct_expr *expr)
{
	const struct ct_expr *copy = machine->canary_copy;
	if (ct_work_is_canary(expr) || (ct_expr_is_known(expr) && ct_expr_equal(expr, copy)))
		return true;
	if (expr->kind != CT_EXPR_LOAD)
		return false;
	const struct ct_expr *whole = ct_expr_load(machine->arena, expr->left, 8);
	return ct_work_is_canary(whole) || (ct_expr_is_known(copy) && ct_expr_equal(whole, copy));
}

static bool has_canary(const struct ct_machine *machine, const struct ct_expr *expr, int *nodes)
{
	if (!expr)
		return false;
	return --*nodes < 0 || is_canary(machine, expr) || has_canary(machine, expr->left, nodes) ||
	       has_canary(machine, expr->right, nodes);
}

/* A bit for each that is not there. */
static unsigned int missing_results(const struct ct_machine *machine,
				    const struct ct_machine_results *results)
{
	unsigned int missing = 0;
	for (size_t i = 0; i < results->register_count; i++) {
		unsigned int number = results->registers[i].number;
		const struct ct_expr *whole = ct_machine_register(machine, number);
		const struct ct_expr *part =
			ct_machine_register_part(machine, number, results->registers[i].size_bytes);
		int whole_nodes = LOOK_NODES, part_nodes = LOOK_NODES;
		/* What is left of it above a part does not count. */
		if (has_canary(machine, ct_expr_is_known(part) ? part : whole, &whole_nodes) ||
		    has_lost_register(part, &part_nodes))
			missing |= 1U << i;
	}
	if (results->x87_count > 0 && machine->x87_depth < (int)results->x87_count)
		missing |= 1U << results->register_count;
	return missing;
}

bool ct_machine_has_results(const struct ct_machine *machine,
			    const struct ct_machine_results *results)
{
	return missing_results(machine, results) == 0;
}

/* ---- all ways ---- */

/* A place of the code that was reached, and the stack there. */
struct visit {
	uint64_t address;
	const struct ct_expr *rsp, *rbp;
	unsigned int missing; /* results */
};

struct exploration {
	const struct ct_code *code;
	const struct ct_machine_results *results;
	struct visit visits[EXPLORE_STEPS];
	size_t visit_count;
	struct {
		uint64_t address;
		struct ct_machine *machine;
	} ways[EXPLORE_WAYS]; /* still to go */
	size_t way_count;
	struct ct_store stores[4 * EXPLORE_STEPS]; /* of all ways */
	size_t store_count;
	const struct ct_expr *slots[EXPLORE_STEPS]; /* where each `ret` takes its address */
	size_t slot_count;
};

static struct ct_machine *copy_machine(const struct ct_machine *machine)
{
	struct ct_machine *copy = malloc(sizeof(*copy));
	if (!copy)
		return NULL;
	*copy = *machine;
	copy->stores = NULL;
	copy->store_count = copy->store_capacity = 0;
	for (size_t i = 0; i < machine->store_count; i++)
		ct_machine_add_store(copy, machine->stores[i]);
	return copy;
}

static bool add_way(struct exploration *all, const struct ct_machine *machine, uint64_t address)
{
	if (all->way_count == EXPLORE_WAYS)
		return false;
	struct ct_machine *copy = copy_machine(machine);
	if (!copy)
		return false;
	all->ways[all->way_count].address = address;
	all->ways[all->way_count].machine = copy;
	all->way_count++;
	return true;
}

/* *ret_known: the place was reached before. False: too many, or with another stack then. */
static bool visit(struct exploration *all, const struct ct_machine *machine, uint64_t address,
		  bool *ret_known)
{
	const struct ct_expr *rsp = machine->gpr[CT_RSP].value, *rbp = machine->gpr[CT_RBP].value;
	unsigned int missing = missing_results(machine, all->results);
	*ret_known = false;
	for (size_t i = 0; i < all->visit_count; i++) {
		if (all->visits[i].address != address || all->visits[i].missing != missing)
			continue;
		*ret_known = true;
		return all->visits[i].rsp == rsp && all->visits[i].rbp == rbp;
	}
	if (all->visit_count == EXPLORE_STEPS)
		return false;
	all->visits[all->visit_count++] = (struct visit){address, rsp, rbp, missing};
	return true;
}

static bool keep_stores(struct exploration *all, const struct ct_machine *machine, size_t from)
{
	if (machine->has_lost_stores)
		return false;
	for (size_t i = from; i < machine->store_count; i++) {
		if (all->store_count == sizeof(all->stores) / sizeof(all->stores[0]))
			return false;
		all->stores[all->store_count++] = machine->stores[i];
	}
	return true;
}

/* Follow one way to its `ret`, or to where another one was, keeping the other ways for later. */
static bool follow(struct exploration *all, struct ct_machine *machine, uint64_t address)
{
	for (;;) {
		bool is_known;
		if (!visit(all, machine, address, &is_known))
			return false;
		if (is_known)
			return true;
		struct ct_instruction instruction;
		if (!ct_machine_decode(machine, all->code, address, &instruction))
			return false;
		size_t stores_before = machine->store_count;
		uint64_t target = 0;
		enum ct_step step = ct_machine_step(machine, &instruction, &target);
		if (!keep_stores(all, machine, stores_before))
			return false;
		address = instruction.next;
		switch (step) {
		case CT_STEP_NEXT:
			break;
		case CT_STEP_JUMP:
			address = target;
			break;
		case CT_STEP_BRANCH:
			if (!add_way(all, machine, target))
				return false;
			break;
		case CT_STEP_CANARY:
			if (!ct_machine_canary_way(machine, all->code, &instruction, target,
						   &address))
				return false;
			break;
		case CT_STEP_RETURN:
			all->slots[all->slot_count++] = machine->gpr[CT_RSP].value;
			return ct_machine_has_results(machine, all->results);
		default:
			return false;
		}
	}
}

static bool is_stack_register(const struct ct_expr *base)
{
	return base && base->kind == CT_EXPR_REGISTER &&
	       (base->number == CT_RSP || base->number == CT_RBP);
}

static bool leaves_slot(const struct ct_store *store, const struct ct_expr *slot)
{
	const struct ct_expr *base;
	int64_t offset;
	ct_expr_split(slot, &base, &offset);
	if (store->kind != CT_STORE_BYTES)
		return false;
	if (store->base == base) {
		uint64_t distance = (uint64_t)store->offset - (uint64_t)offset;
		return distance >= 8 && -distance >= store->size_bytes;
	}
	/* A frame is addressed through both; no compiler overwrites its own return address. */
	return is_stack_register(store->base) && is_stack_register(base);
}

static bool leaves_all_slots(const struct exploration *all)
{
	for (size_t i = 0; i < all->slot_count; i++) {
		if (!ct_expr_is_known(all->slots[i]))
			return false;
		for (size_t store = 0; store < all->store_count; store++)
			if (!leaves_slot(&all->stores[store], all->slots[i]))
				return false;
	}
	return all->slot_count > 0;
}

static bool explore(struct exploration *all, struct ct_machine *machine, uint64_t from)
{
	if (!add_way(all, machine, from))
		return false;
	bool is_sure = true;
	while (all->way_count > 0) {
		all->way_count--;
		struct ct_machine *way = all->ways[all->way_count].machine;
		is_sure = is_sure && follow(all, way, all->ways[all->way_count].address);
		ct_machine_destroy(way);
	}
	return is_sure && leaves_all_slots(all);
}

bool ct_machine_surely_returns(const struct ct_code *code, uint64_t from,
			       const struct ct_machine_results *results)
{
	bool is_sure = false;
	struct ct_expr_arena *arena = ct_expr_arena_create();
	struct ct_machine *machine = arena ? ct_machine_create(arena) : NULL;
	struct exploration *all = calloc(1, sizeof(*all));
	if (machine && all) {
		all->code = code;
		all->results = results;
		is_sure = explore(all, machine, from);
	}
	free(all);
	ct_machine_destroy(machine);
	ct_expr_arena_destroy(arena);
	return is_sure;
}
