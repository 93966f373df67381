/* SPDX-License-Identifier: MIT */
/*
 * What a function returns, at its exit hook.
 *
 * There the value is not yet where it is returned: the code behind the hook
 * puts it there. That code is run on expressions, up to the `ret`; what the
 * registers of the return value then hold, in terms of the hook's moment, is the
 * plan. Where an expression cannot say it, but the code surely returns, a stub
 * reads the registers when it has.
 *
 * An inlined function's exit hook is followed by more of the function around
 * it, at the latest by that one's exit hook: a call, where the run ends.
 *
 * A result that no caller uses may have been left out of the function or of a
 * clone of it, though the debug information still has its type. Then the
 * registers hold what the hook has left there.
 */
#include "plan/module.h"

#include <dwarf.h>
#include <string.h>

#include "plan/argument_places.h"
#include "plan/type.h"

enum {
	RAX = 0,
	RDX = 1,
	X87_BYTES = 16, /* in memory; 10 count */
};

void ct_plan_shape_deinit(struct ct_plan_shape *shape)
{
	ct_strbuf_deinit(&shape->draft.nodes);
}

/* ---- the shape ---- */

static bool append_register(struct ct_plan_draft *draft, enum ct_plan_register from,
			    unsigned int size_bytes, bool is_joined)
{
	return ct_plan_draft_add(
		draft, (struct ct_plan_op){
			       .code = CT_PLAN_APPEND_REGISTER | (is_joined ? CT_PLAN_JOINED : 0),
			       .from = (uint8_t)from,
			       .size = (uint16_t)size_bytes,
		       });
}

static const uint8_t no_padding[2] = {0, 0};

/* The words that hold a part of a value: up to two of one register. */
struct word {
	enum ct_plan_register plan_register;
	unsigned int number; /* of the register in expressions */
	unsigned int size_bytes;
	unsigned int used_bytes; /* the rest is padding, in which there may be anything */
};

/* The words of a value returned in registers, in order; their number, 0 when it is not known. */
static size_t list_words(const struct ct_return_place *place, const uint8_t used_bytes[2],
			 struct word ret[4])
{
	static const struct word whole[2] = {{CT_PLAN_RAX, RAX, 8, 8}, {CT_PLAN_RDX, RDX, 8, 8}};
	static const struct word vectors[2][2] = {
		{{CT_PLAN_XMM0, CT_EXPR_XMM, 8, 8}, {CT_PLAN_XMM0_HIGH, CT_EXPR_XMM_HIGH, 8, 8}},
		{{CT_PLAN_XMM1, CT_EXPR_XMM + 1, 8, 8},
		 {CT_PLAN_XMM1_HIGH, CT_EXPR_XMM_HIGH + 1, 8, 8}},
	};
	size_t count = 0;
	size_t integers = 0;
	size_t vector_count = 0;
	for (unsigned int i = 0; i < place->part_count && i < 2; i++) {
		unsigned int left = place->parts[i].size_bytes;
		if (left == 0 || left > 16 || (left > 8 && !place->parts[i].is_sse))
			return 0;
		if (!place->parts[i].is_sse) {
			ret[count] = whole[integers++];
			ret[count].size_bytes = left;
			ret[count++].used_bytes = used_bytes[i] && used_bytes[i] < left
							  ? used_bytes[i]
							  : left;
			continue;
		}
		for (size_t half = 0; left > 0; half++) {
			ret[count] = vectors[vector_count][half];
			ret[count].size_bytes = left > 8 ? 8 : left;
			ret[count].used_bytes = ret[count].size_bytes;
			if (half == 0 && left <= 8 && used_bytes[i] && used_bytes[i] < left)
				ret[count].used_bytes = used_bytes[i];
			left -= ret[count++].size_bytes;
		}
		vector_count++;
	}
	return count;
}

/* Clang returns of a class with padding the members alone. */
static void find_used_bytes(struct ct_describer *describer, Dwarf_Die *type,
			    const struct ct_return_place *place, uint8_t ret[2])
{
	bool is_member[CT_ARGUMENT_PADDED_MAX] = {false};
	unsigned int first = 0;
	if (place->class != CT_RETURN_REGISTERS)
		return;
	ct_argument_mark_members(describer, type, is_member);
	for (unsigned int i = 0; i < place->part_count && i < 2; i++) {
		unsigned int size_bytes = place->parts[i].size_bytes;
		for (unsigned int j = 0;
		     size_bytes <= 8 && j < size_bytes && first + j < CT_ARGUMENT_PADDED_MAX; j++)
			if (is_member[first + j])
				ret[i] = (uint8_t)(j + 1);
		first += size_bytes;
	}
}

/* The operations of a stub, which sees the registers the function has returned with. */
static bool append_lead(struct ct_plan_draft *draft, const struct ct_return_place *place,
			uint64_t size_bytes)
{
	struct word words[4];
	size_t count = 0;
	switch (place->class) {
	case CT_RETURN_MEMORY:
		return size_bytes > 0 && size_bytes <= CT_PLAN_PAYLOAD_MAX &&
		       ct_plan_draft_add(draft, (struct ct_plan_op){.code = CT_PLAN_PUSH_REGISTER,
								    .from = CT_PLAN_RAX}) &&
		       ct_plan_draft_add(draft, (struct ct_plan_op){.code = CT_PLAN_APPEND_MEMORY,
								    .size = (uint16_t)size_bytes});
	case CT_RETURN_X87:
		/* Of each 16 bytes in memory the last 6 are nothing; a complex value is two. */
		if (!append_register(draft, CT_PLAN_ST0, 8, false) ||
		    !append_register(draft, CT_PLAN_ST0_HIGH, 2, true))
			return false;
		return size_bytes <= X87_BYTES ||
		       (append_register(draft, CT_PLAN_ST0_HIGH, 6, true) &&
			append_register(draft, CT_PLAN_ST1, 8, true) &&
			append_register(draft, CT_PLAN_ST1_HIGH, 2, true) &&
			append_register(draft, CT_PLAN_ST1_HIGH, 6, true));
	case CT_RETURN_REGISTERS:
		count = list_words(place, no_padding, words);
		for (size_t i = 0; i < count; i++)
			if (!append_register(draft, words[i].plan_register, words[i].size_bytes,
					     i > 0))
				return false;
		return count > 0;
	default:
		return false;
	}
}

static bool may_read_memory(const struct ct_plan_draft *draft, size_t from)
{
	for (size_t i = from; i < draft->op_count; i++) {
		uint8_t code = draft->ops[i].code;
		if (code == CT_PLAN_LOAD ||
		    (code >= CT_PLAN_APPEND_MEMORY && code <= CT_PLAN_LAST_APPEND))
			return true;
	}
	return false;
}

/* An empty class: no byte of it is returned, and nothing in it needs one. */
static void put_empty(struct ct_plan_module *module, struct ct_plan_draft *draft, Dwarf_Die *type)
{
	ct_plan_put_u8(draft, CT_NODE_CONSTANT);
	ct_plan_put_u16(draft, 1);
	ct_plan_put_u8(draft, 0);
	ct_describe_value_flat(module->describer, draft, type, 0);
}

/* Of what Microsoft's convention returns, that which it has where System V's has it. */
static bool is_the_same(struct ct_plan_module *module, const struct ct_return_place *place,
			Dwarf_Die *type_die)
{
	struct ct_type type;
	if (place->class != CT_RETURN_REGISTERS || place->part_count != 1)
		return false;
	unsigned int size_bytes = place->parts[0].size_bytes;
	if (size_bytes > 8 || (size_bytes & (size_bytes - 1)) != 0)
		return false;
	if (!place->parts[0].is_sse)
		return true;
	ct_type_begin(module->describer);
	ct_type_peel(module->describer, type_die, &type);
	return type.tag == DW_TAG_base_type && size_bytes >= sizeof(float) &&
	       ct_type_encoding(module->describer, &type) == DW_ATE_float;
}

/* Is the place where the function returns its value? */
static bool is_place_known(struct ct_plan_module *module, const struct ct_plan_function *function,
			   const struct ct_return_place *place, Dwarf_Die *type)
{
	Dwarf_Die die = function->die;
	switch (ct_plan_convention(module, &die, function->low)) {
	case CT_CONVENTION_SYSTEM_V:
		return true;
	case CT_CONVENTION_MICROSOFT:
		return is_the_same(module, place, type);
	default:
		return false;
	}
}

/*
 * "auto" stands in the declaration of a function whose result is found by its
 * body; the definition has the type, and void is none.
 */
static bool is_left_to_the_body(Dwarf_Die *type)
{
	const char *name = dwarf_tag(type) == DW_TAG_unspecified_type ? dwarf_diename(type) : NULL;
	return name && (strcmp(name, "auto") == 0 || strcmp(name, "decltype(auto)") == 0);
}

bool ct_plan_return_type(Dwarf_Die *function, Dwarf_Die *ret)
{
	Dwarf_Attribute attribute;
	return dwarf_formref_die(dwarf_attr_integrate(function, DW_AT_type, &attribute), ret) &&
	       !is_left_to_the_body(ret);
}

void ct_plan_shape_init(struct ct_plan_module *module, const struct ct_plan_function *function,
			struct ct_plan_shape *ret)
{
	Dwarf_Die die = function->die;
	Dwarf_Die type;
	struct ct_plan_draft *draft = &ret->draft;
	*draft = (struct ct_plan_draft){.op_count = 0};
	ret->place = (struct ct_return_place){.class = CT_RETURN_NONE};
	memcpy(ret->used_bytes, no_padding, sizeof(no_padding));
	ret->lead = 0;
	ret->reads_memory = false;
	if (!ct_plan_return_type(&die, &type)) {
		ct_plan_put_u8(draft, 0);
		return;
	}
	ct_plan_put_u8(draft, 1);
	ct_plan_put_text(&draft->nodes, ct_describe_name(module->describer, &type));
	struct ct_plan_mark mark = ct_plan_mark(draft);
	ret->place = ct_describe_return_place(module->describer, &type);
	find_used_bytes(module->describer, &type, &ret->place, ret->used_bytes);
	if (ret->place.class == CT_RETURN_NONE) {
		put_empty(module, draft, &type);
		return;
	}
	if (is_place_known(module, function, &ret->place, &type) &&
	    append_lead(draft, &ret->place, ct_describe_size(module->describer, &type))) {
		ret->lead = draft->op_count;
		ct_plan_put_u8(draft, CT_NODE_BLOCK);
		ct_plan_put_u8(draft, 0);
		ct_describe_value(module->describer, draft, &type, 0, 0);
		ret->reads_memory = may_read_memory(draft, ret->lead);
		return;
	}
	ct_plan_rewind(draft, mark);
	ret->place.class = CT_RETURN_UNSURE;
	ct_plan_put_absent(draft, CT_WHY_PLAN_UNSURE);
}

/* ---- an exit ---- */

/* The 10 bytes at an address, as the shape has them. */
static bool append_x87(struct ct_plan_module *module, struct ct_plan_draft *draft,
		       unsigned int depth, const struct ct_expr *cfa)
{
	const struct ct_expr *address = ct_machine_x87_source(module->machine, depth);
	if (!ct_expr_is_known(address))
		return false;
	const struct ct_expr *high = ct_expr_binary(module->arena, CT_EXPR_ADD, address,
						    ct_expr_constant(module->arena, 8));
	return ct_plan_append_value(draft, ct_expr_load(module->arena, address, 8), cfa, 8,
				    false) &&
	       ct_plan_append_value(draft, ct_expr_load(module->arena, high, 2), cfa, 2, true);
}

/* The next size that the machine knows parts of registers by. */
static unsigned int known_bytes(unsigned int size_bytes)
{
	return size_bytes > 4 ? 8 : size_bytes == 3 ? 4 : size_bytes;
}

/* The value in terms of the hook's moment, in the blocks of the shape. */
static bool append_value(struct ct_plan_module *module, struct ct_plan_draft *draft,
			 const struct ct_plan_shape *shape, const struct ct_expr *cfa)
{
	struct word words[4];
	size_t count;
	switch (shape->place.class) {
	case CT_RETURN_MEMORY:
		/* A frame is never returned: the address is the caller's. */
		return ct_plan_append_memory(draft, ct_machine_register(module->machine, RAX),
					     ct_expr_unknown(),
					     shape->draft.ops[shape->lead - 1].size);
	case CT_RETURN_X87:
		return shape->lead == 2 && append_x87(module, draft, 0, cfa);
	case CT_RETURN_REGISTERS:
		count = list_words(&shape->place, shape->used_bytes, words);
		for (size_t i = 0; i < count; i++) {
			const struct ct_expr *expr = ct_machine_register_part(
				module->machine, words[i].number, known_bytes(words[i].used_bytes));
			if (!ct_plan_append_value(draft, expr, cfa, words[i].size_bytes, i > 0))
				return false;
		}
		return count > 0;
	default:
		return false;
	}
}

/* What the code behind the hook has to put where, unless the compiler has left the result out. */
static struct ct_machine_results list_results(const struct ct_plan_shape *shape)
{
	struct ct_machine_results results = {.register_count = 0};
	struct word words[4] = {{CT_PLAN_RAX, RAX, 8, 8}};
	size_t count = 1;
	if (shape->place.class == CT_RETURN_X87) {
		results.x87_count = shape->lead > 2 ? 2 : 1;
		return results;
	}
	if (shape->place.class == CT_RETURN_REGISTERS)
		count = list_words(&shape->place, shape->used_bytes, words);
	results.register_count = count;
	for (size_t i = 0; i < count; i++) {
		results.registers[i].number = words[i].number;
		results.registers[i].size_bytes = known_bytes(words[i].used_bytes);
	}
	return results;
}

static bool add_rest(struct ct_plan_draft *draft, const struct ct_plan_shape *shape, size_t from)
{
	for (size_t i = from; i < shape->draft.op_count; i++)
		if (!ct_plan_draft_add(draft, shape->draft.ops[i]))
			return false;
	return true;
}

/* Through the code behind the hook, when it can be told in expressions. */
static bool plan_by_expression(struct ct_plan_module *module, const struct ct_plan_shape *shape,
			       const struct ct_machine_results *results, const struct ct_code *code,
			       const struct ct_expr *cfa, uint64_t site)
{
	struct ct_plan_draft *draft = &module->draft;
	uint64_t end;
	ct_machine_reset(module->machine);
	if (ct_machine_run(module->machine, code, site, 0, &end) != CT_MACHINE_RETURN ||
	    !ct_machine_has_results(module->machine, results))
		return false;
	/* What is read through pointers must be what it is at the return. */
	bool reads_memory = shape->reads_memory || shape->place.class == CT_RETURN_MEMORY;
	if (reads_memory && ct_machine_stored_elsewhere(module->machine))
		return false;
	return append_value(module, draft, shape, cfa) && add_rest(draft, shape, shape->lead);
}

/* Where the return address is, as register and offset. */
static bool find_return_slot(struct ct_plan_module *module, const struct ct_expr *cfa,
			     struct ct_plan *plan)
{
	enum { WORD = 8 };
	struct ct_plan_op op;
	const struct ct_expr *slot = ct_expr_binary(module->arena, CT_EXPR_ADD, cfa,
						    ct_expr_constant(module->arena, -WORD));
	if (ct_expr_to_ops(slot, CT_PLAN_HOOK_REGISTERS, &op, 1) != 1 ||
	    op.code != CT_PLAN_PUSH_REGISTER)
		return false;
	plan->return_slot_register = op.from;
	plan->return_slot_offset = op.offset;
	return true;
}

void ct_plan_exit(struct ct_plan_module *module, const struct ct_plan_function *function,
		  const struct ct_plan_shape *shape, uint64_t address, uint64_t site)
{
	const struct ct_code *code = ct_hook_sites_code(&module->sites, site);
	struct ct_plan_draft *draft = &module->draft;
	struct ct_plan head = {
		.kind = CT_PLAN_EXIT,
		.function = address,
		.function_is_slot = ct_plan_names_is_pointer(&module->names, address),
	};
	if (!code || address == 0 || shape->lead == 0)
		return;
	ct_plan_rewind(draft, (struct ct_plan_mark){0});
	ct_expr_arena_reset(module->arena);
	Dwarf_Die die = function->die;
	struct ct_location_context context = {
		.arena = module->arena,
		.address = site - 1,
		.function = &die,
		.cfi = module->cfi,
		.debug_cfi = module->debug_cfi,
		.memo = module->memo,
		.is_in_call = true,
	};
	const struct ct_expr *cfa = ct_location_cfa(&context);
	struct ct_machine_results results = list_results(shape);
	if (!plan_by_expression(module, shape, &results, code, cfa, site)) {
		head.kind = CT_PLAN_EXIT_STUB;
		ct_plan_rewind(draft, (struct ct_plan_mark){0});
		if (!ct_machine_surely_returns(code, site, &results) ||
		    !find_return_slot(module, cfa, &head) || !add_rest(draft, shape, 0))
			return;
	}
	ct_plan_writer_add(&module->writer, site,
			   &(struct ct_plan_content){
				   .head = head,
				   .ops = draft->ops,
				   .op_count = draft->op_count,
				   .payload_max = draft->payload_max,
			   });
}
