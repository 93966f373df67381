/* SPDX-License-Identifier: MIT */
/*
 * What a function was called with, at its enter hook. The hook's call has
 * overwritten the argument registers; what the function still needs is in
 * callee-saved registers and in its frame. gnu.c and clang.c find out where;
 * here that becomes operations and descriptions.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "plan/module.h"
#include "plan/type.h"

/* The next sibling; a broken tree that leads back ends. */
static bool next_sibling(Dwarf_Die *die)
{
	Dwarf_Die next;
	if (dwarf_siblingof(die, &next) != 0 || dwarf_dieoffset(&next) <= dwarf_dieoffset(die))
		return false;
	*die = next;
	return true;
}

static bool is_artificial(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;
	bool flag;
	return dwarf_formflag(dwarf_attr_integrate(die, DW_AT_artificial, &attribute), &flag) ==
		       0 &&
	       flag;
}

/* GCC's name for the object of a lambda's function. */
static bool is_closure(const char *name)
{
	return name && strcmp(name, "__closure") == 0;
}

/* The compiler's own: __in_chrg and __vtt_parm, vtt. "this" is artificial too. */
static bool is_hidden(Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);
	return is_artificial(die) && !is_closure(name) && (!name || strcmp(name, "this") != 0);
}

void ct_plan_parameter_list_clear(struct ct_plan_parameter_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->list[i].type_text);
	list->count = 0;
}

static void add_parameter(struct ct_plan_parameter_list *list, Dwarf_Die *die)
{
	if (list->count == CT_PLAN_PARAMETERS_MAX)
		return;
	struct ct_plan_parameter *parameter = &list->list[list->count++];
	Dwarf_Attribute attribute;
	*parameter = (struct ct_plan_parameter){.named = *die, .located = *die};
	parameter->is_hidden = is_hidden(die);
	if (!dwarf_formref_die(dwarf_attr_integrate(die, DW_AT_type, &attribute), &parameter->type))
		parameter->type.addr = NULL;
	ct_location_set_absent(&parameter->location, CT_WHY_OPTIMIZED_OUT);
}

/* The parameters among the children of `scope`, those of packs in their place. */
static void collect(struct ct_plan_parameter_list *list, Dwarf_Die *scope, bool is_pack)
{
	Dwarf_Die child;
	if (dwarf_child(scope, &child) != 0)
		return;
	do {
		int tag = dwarf_tag(&child);
		if (tag == DW_TAG_formal_parameter)
			add_parameter(list, &child);
		else if (tag == DW_TAG_GNU_formal_parameter_pack && !is_pack)
			collect(list, &child, true);
	} while (next_sibling(&child));
}

static bool find_origin(Dwarf_Die *die, Dwarf_Die *ret)
{
	Dwarf_Attribute attribute;
	return dwarf_attr(die, DW_AT_abstract_origin, &attribute) &&
	       dwarf_formref_die(&attribute, ret);
}

/* Give the parameter that is made from the same one its location's DIE. */
static void attach(struct ct_plan_parameter_list *list, Dwarf_Die *die)
{
	Dwarf_Die origin;
	if (!find_origin(die, &origin))
		return;
	for (size_t i = 0; i < list->count; i++) {
		if (list->list[i].named.addr == origin.addr) {
			list->list[i].located = *die;
			return;
		}
	}
}

static void attach_all(struct ct_plan_parameter_list *list, Dwarf_Die *scope, bool is_pack)
{
	Dwarf_Die child;
	if (dwarf_child(scope, &child) != 0)
		return;
	do {
		int tag = dwarf_tag(&child);
		if (tag == DW_TAG_formal_parameter)
			attach(list, &child);
		else if (tag == DW_TAG_GNU_formal_parameter_pack && !is_pack)
			attach_all(list, &child, true);
	} while (next_sibling(&child));
}

/*
 * The order of the parameters of an inlined or cloned function's own entry is
 * any, and one that is optimized out may be missing: the abstract instance has
 * them all.
 */
void ct_plan_list_parameters(struct ct_plan_parameter_list *ret, Dwarf_Die *scope)
{
	Dwarf_Die origin;
	ct_plan_parameter_list_clear(ret);
	if (find_origin(scope, &origin)) {
		collect(ret, &origin, false);
		for (size_t i = 0; i < ret->count; i++)
			ret->list[i].located.addr = NULL;
		attach_all(ret, scope, false);
	}
	if (ret->count == 0)
		collect(ret, scope, false);
}

/* ---- from a location to a node ---- */

static void put_constant(struct ct_plan_module *module, Dwarf_Die *type, const uint8_t *bytes,
			 uint64_t size_bytes)
{
	struct ct_plan_draft *draft = &module->draft;
	ct_plan_put_u8(draft, CT_NODE_CONSTANT);
	ct_plan_put_u16(draft, (uint16_t)size_bytes);
	ct_strbuf_add(&draft->nodes, bytes, size_bytes);
	ct_describe_value_flat(module->describer, draft, type, 0);
}

static void put_block(struct ct_plan_module *module, Dwarf_Die *type)
{
	struct ct_plan_draft *draft = &module->draft;
	unsigned int block = draft->block_count - 1;
	ct_plan_put_u8(draft, CT_NODE_BLOCK);
	ct_plan_put_u8(draft, (uint8_t)block);
	ct_describe_value(module->describer, draft, type, block, 0);
}

static bool put_value(struct ct_plan_module *module, Dwarf_Die *type, const struct ct_expr *expr,
		      const struct ct_expr *cfa, uint64_t size_bytes)
{
	if (size_bytes > 8)
		return false;
	if (expr->kind == CT_EXPR_CONSTANT) {
		int64_t constant = expr->constant;
		put_constant(module, type, (const uint8_t *)&constant, size_bytes);
		return true;
	}
	if (!ct_plan_append_value(&module->draft, expr, cfa, (unsigned int)size_bytes, false))
		return false;
	put_block(module, type);
	return true;
}

static bool put_single(struct ct_plan_module *module, Dwarf_Die *type,
		       const struct ct_location_piece *piece, const struct ct_expr *cfa,
		       uint64_t size_bytes)
{
	switch (piece->kind) {
	case CT_LOCATION_VALUE:
		return put_value(module, type, piece->expr, cfa, size_bytes);
	case CT_LOCATION_MEMORY:
		if (!ct_plan_append_memory(&module->draft, piece->expr, cfa, size_bytes))
			return false;
		put_block(module, type);
		return true;
	case CT_LOCATION_BYTES:
		if (piece->size_bytes < size_bytes || size_bytes > 4096)
			return false;
		put_constant(module, type, piece->bytes, size_bytes);
		return true;
	default:
		ct_plan_put_absent(&module->draft, piece->why);
		return true;
	}
}

/* The operations for a piece; *ret_block is 0xff when it is not there. */
static bool append_piece(struct ct_plan_draft *draft, struct ct_expr_arena *arena,
			 const struct ct_location_piece *piece, const struct ct_expr *cfa,
			 uint8_t *ret_block)
{
	uint64_t constant = 0;
	bool is_there = false;
	*ret_block = (uint8_t)draft->block_count;
	switch (piece->kind) {
	case CT_LOCATION_VALUE:
		is_there = piece->size_bytes <= 8 &&
			   ct_plan_append_value(draft, piece->expr, cfa,
						(unsigned int)piece->size_bytes, false);
		break;
	case CT_LOCATION_MEMORY:
		is_there = ct_plan_append_memory(draft, piece->expr, cfa, piece->size_bytes);
		break;
	case CT_LOCATION_BYTES:
		if (piece->size_bytes > sizeof(constant))
			break;
		memcpy(&constant, piece->bytes, piece->size_bytes);
		is_there = ct_plan_append_value(draft, ct_expr_constant(arena, (int64_t)constant),
						cfa, (unsigned int)piece->size_bytes, false);
		break;
	default:
		break;
	}
	if (!is_there)
		*ret_block = 0xff;
	return is_there;
}

/* All pieces are there and follow each other: one block. Then what the value points to can be
 * followed. */
static bool put_joined(struct ct_plan_module *module, Dwarf_Die *type,
		       const struct ct_location *location, const struct ct_expr *cfa,
		       uint64_t size_bytes)
{
	struct ct_plan_draft *draft = &module->draft;
	struct ct_plan_mark mark = ct_plan_mark(draft);
	uint64_t at = 0;
	for (size_t i = 0; i < location->piece_count && at < size_bytes; i++) {
		const struct ct_location_piece *piece = &location->pieces[i];
		uint64_t left = size_bytes - at;
		uint64_t piece_bytes = piece->size_bytes < left ? piece->size_bytes : left;
		const struct ct_expr *expr = piece->expr;
		if (piece->kind == CT_LOCATION_MEMORY)
			expr = ct_expr_load(module->arena, piece->expr, 8);
		bool is_value = piece->kind == CT_LOCATION_VALUE ||
				(piece->kind == CT_LOCATION_MEMORY &&
				 ct_plan_is_on_stack(piece->expr, cfa));
		if (!is_value || piece_bytes > 8 ||
		    !ct_plan_append_value(draft, expr, cfa, (unsigned int)piece_bytes, i > 0)) {
			ct_plan_rewind(draft, mark);
			return false;
		}
		at += piece_bytes;
	}
	if (at != size_bytes) {
		ct_plan_rewind(draft, mark);
		return false;
	}
	put_block(module, type);
	return true;
}

/* A part of a string says nothing. */
static bool is_library_type(struct ct_plan_module *module, Dwarf_Die *type_die)
{
	struct ct_type type;
	ct_type_begin(module->describer);
	ct_type_peel(module->describer, type_die, &type);
	const struct ct_class *class = ct_type_is_class(type.tag)
					       ? ct_type_class(module->describer, &type)
					       : NULL;
	return class && ct_library_leads_on(class->library.kind);
}

static bool put_pieces(struct ct_plan_module *module, Dwarf_Die *type,
		       const struct ct_location *location, const struct ct_expr *cfa,
		       uint64_t size_bytes)
{
	struct ct_plan_draft *draft = &module->draft;
	size_t at = 0;
	bool is_any_there = false;
	if (put_joined(module, type, location, cfa, size_bytes))
		return true;
	if (is_library_type(module, type)) {
		ct_plan_put_absent(draft, CT_WHY_OPTIMIZED_OUT);
		return true;
	}
	ct_plan_put_u8(draft, CT_NODE_PIECES);
	ct_plan_put_u16(draft, (uint16_t)size_bytes);
	ct_plan_put_u8(draft, (uint8_t)location->piece_count);
	for (size_t i = 0; i < location->piece_count; i++) {
		const struct ct_location_piece *piece = &location->pieces[i];
		uint8_t block;
		/* Not a piece that was said to be there and cannot be had: that would pass for
		 * optimized out. */
		bool is_there = append_piece(draft, module->arena, piece, cfa, &block);
		if ((!is_there && piece->kind != CT_LOCATION_ABSENT) ||
		    piece->why == CT_WHY_PLAN_UNSURE || piece->why == CT_WHY_ENTRY_VALUE ||
		    piece->size_bytes > size_bytes - at)
			return false;
		ct_plan_put_u16(draft, (uint16_t)at);
		ct_plan_put_u16(draft, (uint16_t)piece->size_bytes);
		ct_plan_put_u8(draft, block);
		ct_plan_put_u16(draft, 0);
		at += piece->size_bytes;
		is_any_there |= is_there;
	}
	if (!is_any_there)
		return false;
	ct_describe_value_flat(module->describer, draft, type, 0);
	return true;
}

static void put_location(struct ct_plan_module *module, Dwarf_Die *type,
			 const struct ct_location *location, const struct ct_expr *cfa)
{
	struct ct_plan_draft *draft = &module->draft;
	struct ct_plan_mark mark = ct_plan_mark(draft);
	uint64_t size_bytes = ct_describe_size(module->describer, type);
	bool is_put = false;
	if (!location->is_composite && location->pieces[0].kind == CT_LOCATION_ABSENT) {
		ct_plan_put_absent(draft, location->pieces[0].why);
		return;
	}
	if (size_bytes > 0 && size_bytes <= CT_PLAN_PAYLOAD_MAX)
		is_put = location->is_composite
				 ? put_pieces(module, type, location, cfa, size_bytes)
				 : put_single(module, type, &location->pieces[0], cfa, size_bytes);
	if (is_put && draft->nodes.length <= CT_PLAN_DESCRIPTION_MAX)
		return;
	ct_plan_rewind(draft, mark);
	ct_plan_put_absent(draft, CT_WHY_PLAN_UNSURE);
}

/* Nothing of it is passed, and what it is is known all the same. */
static bool put_empty(struct ct_plan_module *module, Dwarf_Die *type_die)
{
	static const uint8_t nothing[1] = {0};
	struct ct_type type;
	ct_type_begin(module->describer);
	ct_type_peel(module->describer, type_die, &type);
	if (!ct_type_is_empty(module->describer, &type))
		return false;
	put_constant(module, type_die, nothing, sizeof(nothing));
	return true;
}

static void put_parameter(struct ct_plan_module *module, struct ct_plan_parameter *parameter,
			  const struct ct_expr *cfa)
{
	struct ct_plan_draft *draft = &module->draft;
	const char *name = parameter->is_unlisted ? NULL : dwarf_diename(&parameter->named);
	bool has_type = parameter->type.addr != NULL;
	ct_plan_put_text(&draft->nodes, !name ? "" : is_closure(name) ? "this" : name);
	ct_plan_put_text(&draft->nodes,
			 has_type ? ct_describe_name(module->describer, &parameter->type)
			 : parameter->type_text ? parameter->type_text
						: "");
	if (!has_type)
		ct_plan_put_absent(draft, parameter->is_unlisted ? CT_WHY_OPTIMIZED_OUT
								 : CT_WHY_PLAN_UNSURE);
	else if (!put_empty(module, &parameter->type))
		put_location(module, &parameter->type, &parameter->location, cfa);
}

void ct_plan_parameters(struct ct_plan_module *module, const struct ct_plan_origins *origins,
			const struct ct_plan_function *function, Dwarf_Die *scope, uint64_t site)
{
	struct ct_plan_draft *draft = &module->draft;
	struct ct_plan_parameter_list *parameters = module->parameters;
	Dwarf_Die function_die = function->die;
	size_t shown = 0;
	ct_plan_rewind(draft, (struct ct_plan_mark){0});
	ct_expr_arena_reset(module->arena);
	ct_plan_list_parameters(parameters, scope);
	if (function->clang_version)
		ct_plan_locate_clang(module, origins, function, scope, site, parameters);
	else
		ct_plan_locate_gnu(module, function, scope, site, parameters);

	struct ct_location_context context = {
		.arena = module->arena,
		.address = site - 1,
		.function = &function_die,
		.cfi = module->cfi,
		.debug_cfi = module->debug_cfi,
		.memo = module->memo,
		.is_in_call = true,
	};
	const struct ct_expr *cfa = ct_location_cfa(&context);
	for (size_t i = 0; i < parameters->count; i++)
		shown += !parameters->list[i].is_hidden;
	ct_plan_put_u8(draft, (uint8_t)shown);
	for (size_t i = 0; i < parameters->count; i++)
		if (!parameters->list[i].is_hidden)
			put_parameter(module, &parameters->list[i], cfa);
}
