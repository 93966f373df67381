/* SPDX-License-Identifier: MIT */
/*
 * Parameters at the enter hook in code that GCC has compiled.
 *
 * GCC's location lists are right. They are asked for the last byte of the
 * hook's call: there the registers that a call changes are gone already, and
 * nothing behind the call has happened. An entry that begins behind the call may
 * be the value of "n++" in the first line.
 *
 * They are not complete: what is in the caller's part of the stack, or has been
 * kept in another width, is "optimized out" for them. In a function that is no
 * clone the ABI tells what was passed where, and the code up to the hook where
 * that is now.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "plan/passed.h"
#include "plan/type.h"

static void locate_by_lists(struct ct_plan_module *module, Dwarf_Die *function, uint64_t site,
			    struct ct_plan_parameter_list *parameters)
{
	struct ct_location_context context = {
		.arena = module->arena,
		.address = site - 1,
		.function = function,
		.cfi = module->cfi,
		.debug_cfi = module->debug_cfi,
		.memo = module->memo,
		.is_in_call = true,
	};
	for (size_t i = 0; i < parameters->count; i++) {
		struct ct_plan_parameter *parameter = &parameters->list[i];
		if (parameter->located.addr)
			ct_location_find(&context, &parameter->located, &parameter->location);
	}
}

static size_t count_absent(const struct ct_location *location)
{
	size_t count = 0;
	for (size_t i = 0; i < location->piece_count; i++)
		count += location->pieces[i].kind == CT_LOCATION_ABSENT;
	return count;
}

/* Whether __in_chrg and __vtt_parm are passed depends on which constructor it is. */
static bool has_hidden(const struct ct_plan_parameter_list *parameters)
{
	for (size_t i = 0; i < parameters->count; i++)
		if (parameters->list[i].is_hidden)
			return true;
	return false;
}

/* Does the function keep to the ABI, as far as the debug information tells? */
static bool keeps_to_abi(struct ct_passed *passed, struct ct_plan_parameter_list *parameters)
{
	for (size_t i = 0; i < passed->count; i++) {
		struct ct_passed_parameter *parameter = &passed->list[i];
		Dwarf_Die *located = &parameters->list[i].located;
		if (!located->addr || parameter->argument.kind == CT_ARGUMENT_UNKNOWN)
			continue;
		ct_passed_ask_entry(passed, parameter, located);
		if (parameter->opinion == CT_OPINION_NO)
			return false;
	}
	return true;
}

static void use_what_was_passed(struct ct_passed *passed, struct ct_passed_parameter *parameter,
				struct ct_location *location)
{
	if (count_absent(location) == 0 || parameter->argument.kind == CT_ARGUMENT_UNKNOWN)
		return;
	ct_passed_find(passed, parameter);
	bool is_whole = count_absent(&parameter->found) == 0;
	bool is_nowhere = count_absent(location) == location->piece_count;
	bool is_somewhere = count_absent(&parameter->found) < parameter->found.piece_count;
	if (is_whole || (is_nowhere && is_somewhere))
		*location = parameter->found;
}

/* ---- clones ---- */

/*
 * A clone (.constprop, .isra, .part) lacks parameters of the function. GCC makes
 * variables of those, and says of them that they still are where they would have
 * been passed: in a register that now has another one, or in a place of the
 * stack where anything may be. Their entries look like those of parameters, but
 * they come behind the parameters and the function's variables, the last one
 * first, and their location lists do not begin where the function begins.
 */

/* Does the location list begin at the function's entry, or is it the same everywhere? */
static bool is_there_at_entry(Dwarf_Die *located, uint64_t low)
{
	struct ct_location_walk walk;
	struct ct_location_entry entry;
	ct_location_walk_begin(&walk, located);
	while (ct_location_walk_next(&walk, &entry))
		if (entry.from == low || entry.is_everywhere)
			return true;
	return false;
}

struct passed_order {
	size_t last; /* index of the parameter before, + 1 */
	bool is_over;
};

static void mark_passed(Dwarf_Die *scope, const struct ct_plan_parameter_list *parameters,
			struct passed_order *order, bool is_missing[CT_PLAN_PARAMETERS_MAX],
			bool is_pack)
{
	enum { CHILDREN_MAX = 10000 }; /* a broken tree may lead back */
	Dwarf_Die child;
	int status = dwarf_child(scope, &child);
	for (int count = 0; status == 0 && count < CHILDREN_MAX && !order->is_over; count++) {
		int tag = dwarf_tag(&child);
		if (tag == DW_TAG_GNU_formal_parameter_pack && !is_pack)
			mark_passed(&child, parameters, order, is_missing, true);
		order->is_over |= tag == DW_TAG_variable;
		for (size_t i = 0; i < parameters->count && tag == DW_TAG_formal_parameter; i++) {
			if (parameters->list[i].located.addr != child.addr)
				continue;
			order->is_over |= i < order->last;
			order->last = i + 1;
			is_missing[i] = order->is_over;
		}
		status = dwarf_siblingof(&child, &child);
	}
}

/*
 * Which parameters are not passed. Where two share a place at the entry all the
 * same, the one the ABI would put there in the whole function is missing.
 */
static void find_missing(struct ct_passed *passed, struct ct_plan_parameter_list *parameters,
			 bool is_missing[CT_PLAN_PARAMETERS_MAX])
{
	struct ct_location_context at_entry = ct_passed_context(passed, passed->low);
	struct passed_order order = {.last = 0};
	for (size_t i = 0; i < CT_PLAN_PARAMETERS_MAX; i++)
		is_missing[i] = true;
	mark_passed(&passed->function, parameters, &order, is_missing, false);
	ct_passed_assign(passed, parameters);
	for (size_t i = 0; i < passed->count; i++) {
		Dwarf_Die *located = &parameters->list[i].located;
		is_missing[i] |= !located->addr || !is_there_at_entry(located, passed->low);
		if (!is_missing[i])
			ct_location_find(&at_entry, located, &passed->list[i].found);
	}
	for (size_t i = 0; i < passed->count; i++) {
		struct ct_passed_parameter *parameter = &passed->list[i];
		for (size_t j = 0; j < passed->count && !is_missing[i]; j++) {
			const struct ct_location *other = &passed->list[j].found;
			if (i == j || is_missing[j] ||
			    (!ct_location_stands_in(&parameter->found, other) &&
			     !ct_location_stands_in(other, &parameter->found)))
				continue;
			is_missing[i] = parameter->argument.kind == CT_ARGUMENT_UNKNOWN ||
					ct_passed_compare(passed, &parameter->argument,
							  &parameter->found,
							  true) == CT_OPINION_YES;
		}
	}
}

/* A value that is the same in each call of the clone, which is why it is one. */
static bool is_constant(const struct ct_location *location)
{
	for (size_t i = 0; i < location->piece_count; i++) {
		const struct ct_location_piece *piece = &location->pieces[i];
		if (piece->kind != CT_LOCATION_BYTES &&
		    (piece->kind != CT_LOCATION_VALUE || (piece->expr->kind != CT_EXPR_CONSTANT &&
							  piece->expr->kind != CT_EXPR_ADDRESS)))
			return false;
	}
	return true;
}

static bool reads_callers(const struct ct_expr *expr, const struct ct_expr *cfa)
{
	if (!expr)
		return false;
	return (expr->kind == CT_EXPR_LOAD && ct_passed_is_callers(expr->left, cfa)) ||
	       reads_callers(expr->left, cfa) || reads_callers(expr->right, cfa);
}

/* In the caller's part of the stack: there is no telling what a clone has there. */
static bool is_callers(const struct ct_location *location, const struct ct_expr *cfa)
{
	for (size_t i = 0; i < location->piece_count; i++) {
		const struct ct_location_piece *piece = &location->pieces[i];
		if (piece->kind == CT_LOCATION_MEMORY && ct_passed_is_callers(piece->expr, cfa))
			return true;
		if ((piece->kind == CT_LOCATION_MEMORY || piece->kind == CT_LOCATION_VALUE) &&
		    reads_callers(piece->expr, cfa))
			return true;
	}
	return false;
}

static void locate_in_clone(struct ct_passed *passed, struct ct_plan_parameter_list *parameters)
{
	bool is_missing[CT_PLAN_PARAMETERS_MAX] = {false};
	struct ct_location_context context = ct_passed_context(passed, passed->site - 1);
	context.is_in_call = true;
	const struct ct_expr *cfa = ct_location_cfa(&context);
	find_missing(passed, parameters, is_missing);
	for (size_t i = 0; i < parameters->count; i++) {
		struct ct_location *location = &parameters->list[i].location;
		if (is_missing[i] && !is_constant(location))
			ct_location_set_absent(location, CT_WHY_OPTIMIZED_OUT);
		else if (is_callers(location, cfa))
			ct_location_set_absent(location, CT_WHY_PLAN_UNSURE);
	}
}

/* What is inlined into a clone may have been given a parameter that is missing. */
static void refuse_missing(struct ct_passed *passed, struct ct_plan_parameter_list *parameters)
{
	bool is_missing[CT_PLAN_PARAMETERS_MAX];
	struct ct_plan_parameter_list *outer = calloc(1, sizeof(*outer));
	if (!outer) {
		for (size_t i = 0; i < parameters->count; i++)
			ct_location_set_absent(&parameters->list[i].location, CT_WHY_PLAN_UNSURE);
		return;
	}
	struct ct_location_context context = ct_passed_context(passed, passed->site - 1);
	context.is_in_call = true;
	const struct ct_expr *cfa = ct_location_cfa(&context);
	ct_plan_list_parameters(outer, &passed->function);
	locate_by_lists(passed->module, &passed->function, passed->site, outer);
	find_missing(passed, outer, is_missing);
	for (size_t i = 0; i < parameters->count; i++)
		if (is_callers(&parameters->list[i].location, cfa))
			ct_location_set_absent(&parameters->list[i].location, CT_WHY_PLAN_UNSURE);
	for (size_t i = 0; i < parameters->count; i++)
		for (size_t j = 0; j < outer->count; j++)
			if (is_missing[j] && ct_location_stands_in(&outer->list[j].location,
								   &parameters->list[i].location))
				ct_location_set_absent(&parameters->list[i].location,
						       CT_WHY_PLAN_UNSURE);
	ct_plan_parameter_list_clear(outer);
	free(outer);
}

/* ---- places for good ---- */

/* Has a variable of the function, or of one inlined there, a list of locations? */
static bool has_lists(Dwarf_Die *die, unsigned int depth)
{
	enum { DEPTH_MAX = 32, CHILDREN_MAX = 10000 };
	Dwarf_Die child;
	int status = depth < DEPTH_MAX ? dwarf_child(die, &child) : 1;
	for (int count = 0; status == 0 && count < CHILDREN_MAX; count++) {
		Dwarf_Attribute location;
		if (dwarf_attr(&child, DW_AT_location, &location) &&
		    (dwarf_whatform(&location) == DW_FORM_sec_offset ||
		     dwarf_whatform(&location) == DW_FORM_loclistx))
			return true;
		if (has_lists(&child, depth + 1))
			return true;
		status = dwarf_siblingof(&child, &child);
	}
	return false;
}

/*
 * Not when it was compiled with -O0, as the unit says, unless an attribute says
 * otherwise, of which nothing tells but that variables are traced.
 */
static bool is_optimized(Dwarf_Die *function, bool has_lists)
{
	Dwarf_Attribute attribute;
	Dwarf_Die unit;
	const char *producer = NULL;
	if (dwarf_diecu(function, &unit, NULL, NULL))
		producer = dwarf_formstring(dwarf_attr(&unit, DW_AT_producer, &attribute));
	if (!producer)
		return true;
	const char *level = NULL;
	for (const char *at = producer; (at = strstr(at, " -O")); at++)
		level = at + 3;
	return (level && *level != '0') || has_lists;
}

/* Has each byte been stored on the way to the hook? */
static bool is_stored(struct ct_passed *passed, const struct ct_expr *address, uint64_t size_bytes)
{
	struct ct_expr_arena *arena = passed->module->arena;
	uint64_t at = 0;
	while (at < size_bytes) {
		uint64_t chunk = ct_passed_chunk(size_bytes - at);
		const struct ct_expr *where = ct_expr_binary(arena, CT_EXPR_ADD, address,
							     ct_expr_constant(arena, (int64_t)at));
		bool is_there = false;
		ct_machine_load(passed->module->machine, where, (unsigned int)chunk, &is_there);
		while (!is_there && chunk > 1) {
			chunk /= 2;
			ct_machine_load(passed->module->machine, where, (unsigned int)chunk,
					&is_there);
		}
		if (!is_there)
			return false;
		at += chunk;
	}
	return size_bytes > 0;
}

/* In the function's own part of the stack. */
static bool is_own(const struct ct_location_piece *piece, const struct ct_expr *cfa)
{
	return piece->kind == CT_LOCATION_MEMORY && ct_plan_is_on_stack(piece->expr, cfa) &&
	       !ct_passed_is_callers(piece->expr, cfa);
}

static bool has_own(const struct ct_location *location, const struct ct_expr *cfa)
{
	for (size_t i = 0; i < location->piece_count; i++)
		if (is_own(&location->pieces[i], cfa))
			return true;
	return false;
}

/* `found`: the same location, as the machine has it at the hook. */
static void strike_out_not_stored(struct ct_passed *passed, struct ct_location *location,
				  const struct ct_location *found, const struct ct_expr *cfa,
				  uint64_t size_bytes)
{
	/* Where the way to the hook is not known, what a list says of all of a variable counts. */
	if (!passed->call && !location->is_everywhere && location->piece_count == 1)
		return;
	for (size_t i = 0; i < location->piece_count; i++) {
		struct ct_location_piece *piece = &location->pieces[i];
		uint64_t piece_bytes = location->is_composite ? piece->size_bytes : size_bytes;
		if (!is_own(piece, cfa) || (passed->call && i < found->piece_count &&
					    found->pieces[i].kind == CT_LOCATION_MEMORY &&
					    is_stored(passed, found->pieces[i].expr, piece_bytes)))
			continue;
		piece->kind = CT_LOCATION_ABSENT;
		piece->why = CT_WHY_OPTIMIZED_OUT;
	}
}

/*
 * A place in the frame need not hold anything: what would be stored there, but
 * is never read from there, is not stored when the function is optimized. The
 * debug information has such places for a variable for good, and for parts of it
 * among others that are in registers.
 */
static void refuse_not_stored(struct ct_passed *passed, struct ct_plan_parameter_list *parameters)
{
	struct ct_location_context in_call = ct_passed_context(passed, passed->site - 1);
	const struct ct_expr *cfa;
	in_call.is_in_call = true;
	if (!passed->is_optimized)
		return;
	cfa = ct_location_cfa(&in_call);
	for (size_t i = 0; i < parameters->count; i++) {
		struct ct_plan_parameter *parameter = &parameters->list[i];
		struct ct_location found;
		if (!parameter->type.addr || !has_own(&parameter->location, cfa))
			continue;
		ct_passed_run_once(passed);
		struct ct_location_context context = in_call;
		context.machine = passed->module->machine;
		ct_location_find(&context, &parameter->located, &found);
		strike_out_not_stored(
			passed, &parameter->location, &found, cfa,
			ct_describe_size(passed->module->describer, &parameter->type));
	}
}

/*
 * How a place for good is to be taken. GCC gives one to a variable that it does
 * not trace, and changes it there: a register, or where that has been spilled
 * to. The address of what is passed by it rarely changes.
 */
enum trust {
	TRUST_IT = 0,
	TRUST_UNLESS_REFUTED,
	TRUST_IF_PROVEN,
};

static enum trust trust_piece(const struct ct_passed *passed, const struct ct_location_piece *piece,
			      const struct ct_expr *cfa)
{
	switch (piece->kind) {
	case CT_LOCATION_VALUE:
		return piece->expr->kind == CT_EXPR_CONSTANT || piece->expr->kind == CT_EXPR_ADDRESS
			       ? TRUST_IT
			       : TRUST_IF_PROVEN;
	case CT_LOCATION_MEMORY:
		if (ct_passed_is_callers(piece->expr, cfa))
			return TRUST_IT;
		if (!passed->has_lists)
			return TRUST_IF_PROVEN;
		return is_own(piece, cfa) ? TRUST_IT : TRUST_UNLESS_REFUTED;
	default:
		return TRUST_IT;
	}
}

static enum trust trust(const struct ct_passed *passed, const struct ct_location *location,
			const struct ct_expr *cfa)
{
	enum trust least = TRUST_IT;
	if (!location->is_everywhere)
		return TRUST_UNLESS_REFUTED;
	for (size_t i = 0; i < location->piece_count && passed->is_optimized; i++) {
		enum trust next = trust_piece(passed, &location->pieces[i], cfa);
		if (next > least)
			least = next;
	}
	return least;
}

/* Where nothing tells what was passed. */
static void refuse_untraced(struct ct_passed *passed, struct ct_plan_parameter_list *parameters)
{
	struct ct_location_context context = ct_passed_context(passed, passed->site - 1);
	context.is_in_call = true;
	const struct ct_expr *cfa = ct_location_cfa(&context);
	for (size_t i = 0; i < parameters->count; i++)
		if (trust(passed, &parameters->list[i].location, cfa) == TRUST_IF_PROVEN)
			ct_location_set_absent(&parameters->list[i].location, CT_WHY_PLAN_UNSURE);
}

/*
 * GCC says of a register with a part of a small struct that it holds the struct,
 * when it has made one from the other by an extension. The code up to the hook
 * tells: what is not what was passed is not believed.
 */
static void refuse_changed(struct ct_passed *passed, struct ct_passed_parameter *parameter,
			   Dwarf_Die *located, struct ct_location *ret)
{
	struct ct_location location;
	struct ct_location_context context = ct_passed_context(passed, passed->site - 1);
	enum ct_opinion opinion = CT_OPINION_NONE;
	context.is_in_call = true;
	enum trust least = trust(passed, ret, ct_location_cfa(&context));
	if (!located->addr || least == TRUST_IT)
		return;
	if (parameter->argument.kind != CT_ARGUMENT_UNKNOWN) {
		context.machine = passed->module->machine;
		ct_location_find(&context, located, &location);
		opinion = ct_passed_compare(passed, &parameter->argument, &location, false);
	}
	if (opinion == CT_OPINION_NO || (least == TRUST_IF_PROVEN && opinion != CT_OPINION_YES))
		ct_location_set_absent(ret, CT_WHY_PLAN_UNSURE);
}

/* ---- x87 ---- */

static bool is_long_double(struct ct_passed *passed, Dwarf_Die *type_die)
{
	enum { X87_BYTES = 16 };
	struct ct_describer *describer = passed->module->describer;
	struct ct_type type;
	if (!type_die->addr)
		return false;
	ct_type_begin(describer);
	ct_type_peel(describer, type_die, &type);
	if (type.tag != DW_TAG_base_type)
		return false;
	uint64_t size_bytes = ct_type_size(describer, &type);
	switch (ct_type_encoding(describer, &type)) {
	case DW_ATE_float:
		return size_bytes == X87_BYTES;
	case DW_ATE_complex_float:
		return size_bytes == 2 * X87_BYTES;
	default:
		return false;
	}
}

/*
 * The x87 registers turn with each value that is pushed or popped. GCC loses
 * count of them, and says of the place where one is stored that it holds what
 * another did. A place for good is another matter.
 */
static void refuse_x87(struct ct_passed *passed, struct ct_plan_parameter_list *parameters)
{
	struct ct_location_context context = ct_passed_context(passed, passed->site - 1);
	context.is_in_call = true;
	const struct ct_expr *cfa = ct_location_cfa(&context);
	for (size_t i = 0; i < parameters->count; i++) {
		struct ct_plan_parameter *parameter = &parameters->list[i];
		bool is_stored = false;
		for (size_t j = 0; j < parameter->location.piece_count; j++) {
			const struct ct_location_piece *piece = &parameter->location.pieces[j];
			is_stored |= piece->kind == CT_LOCATION_VALUE ||
				     (piece->kind == CT_LOCATION_MEMORY &&
				      ct_plan_is_on_stack(piece->expr, cfa) &&
				      !ct_passed_is_callers(piece->expr, cfa));
		}
		if (is_stored && !parameter->location.is_everywhere &&
		    is_long_double(passed, &parameter->type))
			ct_location_set_absent(&parameter->location, CT_WHY_PLAN_UNSURE);
	}
}

/*
 * A float that comes as a double on the stack is there, GCC says, which changes
 * it somewhere else. So it is with what is inlined, and is given such a one.
 */
static void refuse_promoted(struct ct_passed *passed, struct ct_plan_parameter_list *parameters)
{
	struct ct_location_context context = ct_passed_context(passed, passed->site - 1);
	context.is_in_call = true;
	const struct ct_expr *cfa = ct_location_cfa(&context);
	for (size_t i = 0; i < parameters->count; i++) {
		struct ct_plan_parameter *parameter = &parameters->list[i];
		if (is_callers(&parameter->location, cfa) &&
		    ct_passed_is_promoted(passed, &parameter->type))
			ct_location_set_absent(&parameter->location, CT_WHY_PLAN_UNSURE);
	}
}

static void locate_by_abi(struct ct_passed *passed, struct ct_plan_parameter_list *parameters)
{
	bool is_told = false;
	if (!has_hidden(parameters)) {
		ct_passed_assign(passed, parameters);
		ct_passed_run_once(passed);
		is_told = passed->call && keeps_to_abi(passed, parameters);
	}
	if (!is_told) {
		refuse_untraced(passed, parameters);
		return;
	}
	for (size_t i = 0; i < parameters->count; i++) {
		struct ct_location *location = &parameters->list[i].location;
		refuse_changed(passed, &passed->list[i], &parameters->list[i].located, location);
		use_what_was_passed(passed, &passed->list[i], location);
	}
}

void ct_plan_locate_gnu(struct ct_plan_module *module, const struct ct_plan_function *function,
			Dwarf_Die *scope, uint64_t site, struct ct_plan_parameter_list *parameters)
{
	bool is_inlined = dwarf_tag(scope) == DW_TAG_inlined_subroutine;
	bool is_whole = ct_plan_is_whole(module, function);
	struct ct_passed *passed = module->passed;
	passed->module = module;
	passed->clang_version = 0;
	passed->function = function->die;
	passed->low = function->low;
	passed->site = site;
	passed->code = ct_hook_sites_code(&module->sites, site);
	passed->has_run = false;
	passed->has_lists = has_lists(&passed->function, 0);
	passed->is_optimized = is_optimized(&passed->function, passed->has_lists);
	locate_by_lists(module, &passed->function, site, parameters);
	refuse_not_stored(passed, parameters);
	refuse_x87(passed, parameters);
	refuse_promoted(passed, parameters);
	if (is_inlined || !is_whole)
		refuse_untraced(passed, parameters);
	if (is_inlined && !is_whole)
		refuse_missing(passed, parameters);
	else if (!is_inlined && !is_whole)
		locate_in_clone(passed, parameters);
	else if (!is_inlined)
		locate_by_abi(passed, parameters);
}
