/* SPDX-License-Identifier: MIT */
/* Parameters that keep the value passed: see steady.h. */
#include "plan/steady.h"

#include <stdlib.h>

#include "plan/passed.h"

/*
 * An entry of a parameter's location list that begins at `from`: is it about
 * the value passed? The machine tells of those it comes by.
 */
struct entry {
	size_t parameter;
	uint64_t from, to;
	bool is_seen; /* its beginning */
	bool is_lost; /* a call has changed its place */
	bool is_everywhere;
};

struct entries {
	struct entry *list;
	size_t count;
	size_t capacity;
};

static bool add_entry(struct entries *entries, struct entry entry)
{
	if (entries->count == entries->capacity) {
		size_t capacity = entries->capacity ? entries->capacity * 2 : 64;
		struct entry *list = reallocarray(entries->list, capacity, sizeof(*list));
		if (!list)
			return false;
		entries->list = list;
		entries->capacity = capacity;
	}
	entries->list[entries->count++] = entry;
	return true;
}

/* The entries of a parameter's list. False: it has none, or too many. */
static bool list_entries(struct entries *entries, size_t parameter, Dwarf_Die *located,
			 uint64_t site)
{
	struct ct_location_walk walk;
	struct ct_location_entry said;
	ct_location_walk_begin(&walk, located);
	while (ct_location_walk_next(&walk, &said)) {
		struct entry entry = {.parameter = parameter,
				      .from = said.is_everywhere ? site /* the frame is there */
								 : said.from,
				      .to = said.to,
				      .is_everywhere = said.is_everywhere};
		if (!said.is_what_it_was && !add_entry(entries, entry))
			return false;
	}
	return walk.is_whole;
}

static uint64_t first_enter_site(const struct ct_hook_sites *sites, uint64_t low)
{
	size_t at = ct_hook_sites_from(sites, low + 1);
	while (at < sites->count && sites->sites[at].is_exit)
		at++;
	return at < sites->count ? sites->sites[at].address : 0;
}

/* Is what the entry says at this place of it the value passed? */
static bool holds(struct ct_passed *passed, struct ct_plan_parameter_list *parameters,
		  const struct entry *entry, uint64_t at)
{
	struct ct_location location;
	struct ct_location_context context = ct_passed_context(passed, at);
	context.machine = passed->module->machine;
	ct_location_find(&context, &parameters->list[entry->parameter].located, &location);
	return ct_passed_compare(passed, &passed->list[entry->parameter].argument, &location,
				 false) == CT_OPINION_YES;
}

/* ---- ways through the copy ---- */

enum {
	RSP = 7,
	BLOCKS_MAX = 1000,
	VISITS_MAX = 20, /* of a block, until nothing changes any more */
	STEPS_MAX = 200000,
	FUNCTION_BYTES_MAX = 1 << 20,
};

/* Code that is entered at its first instruction only. */
struct block {
	uint64_t address;
	struct ct_machine *machine; /* what is known there, whichever way was taken; NULL: nobody
				     * has come there yet */
	unsigned int visits;
	bool is_waiting;
	bool is_after_call;
};

struct flow {
	struct ct_passed *passed;
	struct ct_plan_parameter_list *parameters;
	struct entries *entries;
	uint64_t end;	    /* of the function */
	uint64_t alignment; /* of its frame: ct_passed_alignment() */
	struct block blocks[BLOCKS_MAX];
	size_t block_count;
	size_t steps;
	uint64_t steady;
	bool is_checking;
};

static struct block *find_block(struct flow *flow, uint64_t address)
{
	for (size_t i = 0; i < flow->block_count; i++)
		if (flow->blocks[i].address == address)
			return &flow->blocks[i];
	return NULL;
}

static bool is_inside(const struct flow *flow, uint64_t address)
{
	return address >= flow->passed->low && address < flow->end;
}

static bool add_block(struct flow *flow, uint64_t address)
{
	if (!is_inside(flow, address) || find_block(flow, address))
		return true;
	if (flow->block_count == BLOCKS_MAX)
		return false;
	flow->blocks[flow->block_count++] = (struct block){.address = address, .is_waiting = true};
	return true;
}

/* Where ways come together or part. False: that is not known of all of them. */
static bool find_blocks(struct flow *flow, uint8_t *is_seen)
{
	struct ct_machine *machine = flow->passed->module->machine;
	if (!add_block(flow, flow->passed->low))
		return false;
	for (size_t i = 0; i < flow->block_count; i++) {
		uint64_t at = flow->blocks[i].address;
		bool goes_on = true;
		ct_machine_reset(machine);
		while (goes_on && is_inside(flow, at) && !is_seen[at - flow->passed->low]) {
			uint64_t next[2];
			is_seen[at - flow->passed->low] = 1;
			switch (ct_machine_go(machine, flow->passed->code, at, next)) {
			case CT_MACHINE_WAY_ON:
			case CT_MACHINE_WAY_CALL:
				at = next[0];
				break;
			case CT_MACHINE_WAY_JUMP:
			case CT_MACHINE_WAY_BRANCH:
				if (!add_block(flow, next[0]) || !add_block(flow, next[1]))
					return false;
				goes_on = false;
				break;
			case CT_MACHINE_WAY_END:
				goes_on = false;
				break;
			default:
				return false;
			}
		}
	}
	return true;
}

/* The frame's alignment is passed over: what lies above it and what lies below do not meet. */
static enum ct_machine_way go(struct flow *flow, uint64_t at, uint64_t ret[2])
{
	struct ct_machine *machine = flow->passed->module->machine;
	if (at != flow->alignment)
		return ct_machine_go(machine, flow->passed->code, at, ret);
	ret[0] = ret[1] = ct_machine_next(machine, flow->passed->code, at);
	return CT_MACHINE_WAY_ON;
}

static bool arrive(struct flow *flow, uint64_t address, bool is_after_call)
{
	struct block *block = find_block(flow, address);
	if (!block || flow->is_checking)
		return true;
	block->is_after_call |= is_after_call;
	if (block->machine) {
		block->is_waiting |= ct_machine_merge(block->machine,
						      flow->passed->module->machine);
		return true;
	}
	block->is_waiting = true;
	block->machine = ct_machine_create(flow->passed->module->arena);
	return block->machine && ct_machine_copy(block->machine, flow->passed->module->machine);
}

/* Is the frame being taken down? Entries speak of places in it all the same. */
static bool is_in_epilogue(struct flow *flow, uint64_t at)
{
	const struct ct_expr *base;
	int64_t rsp;
	if (at < flow->passed->site || !flow->passed->call)
		return false;
	ct_expr_split(ct_machine_register(flow->passed->module->machine, RSP), &base, &rsp);
	return !base || base->kind != CT_EXPR_REGISTER || rsp > flow->passed->rsp;
}

/* Strike out the parameters of which an entry says something else here than what was passed. */
static void check_entries(struct flow *flow, uint64_t at, bool is_after_call)
{
	bool is_over = is_in_epilogue(flow, at);
	for (size_t i = 0; i < flow->entries->count; i++) {
		struct entry *entry = &flow->entries->list[i];
		uint64_t bit = UINT64_C(1) << entry->parameter;
		if (at < entry->from || at >= entry->to || entry->is_lost || !(flow->steady & bit))
			continue;
		entry->is_seen |= at == entry->from;
		if ((is_over && at != entry->from) ||
		    holds(flow->passed, flow->parameters, entry, at))
			continue;
		/*
		 * LLVM makes one entry of two that follow each other and name the same
		 * register: what was passed, and what the instruction between them has made
		 * of it. Behind a call it is the register that has changed.
		 */
		if (is_after_call && at != entry->from && !entry->is_everywhere)
			entry->is_lost = true;
		else
			flow->steady &= ~bit;
	}
}

/* From a block's first instruction to where the next one begins. */
static bool walk(struct flow *flow, struct block *block)
{
	struct ct_machine *machine = flow->passed->module->machine;
	uint64_t at = block->address;
	bool is_after_call = block->is_after_call;
	if (!ct_machine_copy(machine, block->machine))
		return false;
	while (is_inside(flow, at)) {
		uint64_t next[2];
		if (at != block->address && find_block(flow, at))
			return arrive(flow, at, is_after_call);
		if (flow->is_checking)
			check_entries(flow, at, is_after_call);
		if (flow->steps++ >= STEPS_MAX)
			return false;
		is_after_call = false;
		switch (go(flow, at, next)) {
		case CT_MACHINE_WAY_CALL:
			is_after_call = true;
			break;
		case CT_MACHINE_WAY_ON:
			break;
		case CT_MACHINE_WAY_JUMP:
			return arrive(flow, next[0], false);
		case CT_MACHINE_WAY_BRANCH:
			return arrive(flow, next[0], false) && arrive(flow, next[1], false);
		case CT_MACHINE_WAY_END:
			return true;
		default:
			return false;
		}
		at = next[0];
	}
	return true;
}

/* Until what is known at each block is true whichever way leads there. */
static bool settle(struct flow *flow)
{
	ct_machine_reset(flow->passed->module->machine);
	ct_machine_enter(flow->passed->module->machine);
	if (!arrive(flow, flow->passed->low, false))
		return false;
	for (bool is_settled = false; !is_settled;) {
		is_settled = true;
		for (size_t i = 0; i < flow->block_count; i++) {
			struct block *block = &flow->blocks[i];
			if (!block->machine || !block->is_waiting)
				continue;
			block->is_waiting = false;
			is_settled = false;
			if (block->visits++ == VISITS_MAX || !walk(flow, block))
				return false;
		}
	}
	return true;
}

static int compare_blocks(const void *a, const void *b)
{
	uint64_t left = ((const struct block *)a)->address;
	uint64_t right = ((const struct block *)b)->address;
	return (left > right) - (left < right);
}

static void strike_out_changed(struct flow *flow)
{
	flow->is_checking = true;
	qsort(flow->blocks, flow->block_count, sizeof(flow->blocks[0]), compare_blocks);
	for (size_t i = 0; i < flow->block_count && flow->steady; i++)
		if (flow->blocks[i].machine && !walk(flow, &flow->blocks[i]))
			flow->steady = 0;
	/* One that begins where no way leads, as where an exception is caught. */
	for (size_t i = 0; i < flow->entries->count; i++)
		if (!flow->entries->list[i].is_seen)
			flow->steady &= ~(UINT64_C(1) << flow->entries->list[i].parameter);
}

/*
 * Follow all ways through the copy, and strike out the parameters of which an
 * entry says anything else than what was passed.
 */
static uint64_t strike_out(struct ct_passed *passed, struct ct_plan_parameter_list *parameters,
			   struct entries *entries, uint64_t steady)
{
	Dwarf_Addr end;
	if (dwarf_highpc(&passed->function, &end) != 0 || end <= passed->low ||
	    end - passed->low > FUNCTION_BYTES_MAX)
		return 0;
	struct flow *flow = calloc(1, sizeof(*flow));
	uint8_t *is_seen = calloc(1, end - passed->low);
	if (flow && is_seen) {
		flow->passed = passed;
		flow->parameters = parameters;
		flow->entries = entries;
		flow->end = end;
		ct_passed_run(passed);
		flow->alignment = ct_passed_alignment(passed);
		flow->steady = steady;
		if (find_blocks(flow, is_seen) && settle(flow))
			strike_out_changed(flow);
		else
			flow->steady = 0;
		steady = flow->steady;
		for (size_t i = 0; i < flow->block_count; i++)
			ct_machine_destroy(flow->blocks[i].machine);
	} else {
		steady = 0;
	}
	free(is_seen);
	free(flow);
	return steady;
}

void ct_steady_find(struct ct_passed *passed, struct ct_plan_origin *copy,
		    struct ct_plan_parameter_list *parameters)
{
	struct entries entries = {.count = 0};
	uint64_t steady = 0;
	copy->has_steady = true;
	passed->function = copy->die;
	passed->low = copy->low;
	passed->site = first_enter_site(&passed->module->sites, copy->low);
	passed->code = ct_hook_sites_code(&passed->module->sites, copy->low);
	if (!passed->code)
		return;
	ct_plan_list_parameters(parameters, &copy->die);
	ct_passed_assign(passed, parameters);
	for (size_t i = 0; i < passed->count && i < 64; i++) {
		size_t count = entries.count;
		Dwarf_Die *located = &parameters->list[i].located;
		if (passed->list[i].argument.kind == CT_ARGUMENT_UNKNOWN || !located->addr)
			continue;
		/* The first must be there, or nothing is said of what was passed. */
		if (list_entries(&entries, i, located, passed->site) && entries.count > count)
			steady |= UINT64_C(1) << i;
		else
			entries.count = count;
	}
	copy->steady = steady ? strike_out(passed, parameters, &entries, steady) : 0;
	free(entries.list);
}
