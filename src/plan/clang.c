/* SPDX-License-Identifier: MIT */
/*
 * Parameters at the enter hook in code that Clang has compiled.
 *
 * Clang calls the hook before anything else. Not optimized, it saves the
 * argument registers somewhere, calls the hook, and only then stores the
 * arguments where the debug information says that they are. Optimized, its
 * location lists tell where a variable is, but not when it got its value: that
 * of n in "n = 5; ..." may be 5 from the function's first byte on.
 *
 * So debug information alone is not believed. What is passed where is known
 * from the ABI; the code up to the hook is run to see where that is kept; and
 * the debug information has to agree, at the entry, at the hook, or with what
 * is stored into the variable's place after it.
 *
 * An inlined function has no ABI, and its locations begin behind the hook. They
 * are believed for parameters whose value behind the hook is still the one
 * passed in the copy of the function that was compiled by itself.
 */
#include <dwarf.h>
#include <stdlib.h>

#include "plan/passed.h"

enum { STEPS_MAX = 300 }; /* behind the hook, until all is stored */

/* ---- functions that were not optimized ---- */

/* Clang tells of optimized functions that all their calls are described. */
static bool is_optimized(Dwarf_Die *function)
{
	static const unsigned int attributes[] = {
		DW_AT_call_all_calls,
		DW_AT_call_all_source_calls,
		DW_AT_call_all_tail_calls,
		DW_AT_GNU_all_call_sites,
		DW_AT_GNU_all_source_call_sites,
		DW_AT_GNU_all_tail_call_sites,
	};
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
		if (dwarf_hasattr_integrate(function, attributes[i]))
			return true;
	return false;
}

/* The bytes of a home as what has been stored there, in terms of the hook; false: not yet. */
static bool read_home(struct ct_passed *passed, const struct ct_expr *home, uint64_t size_bytes,
		      struct ct_location *ret)
{
	struct ct_expr_arena *arena = passed->module->arena;
	ret->is_composite = true;
	ret->is_everywhere = false;
	ret->piece_count = 0;
	for (uint64_t at = 0; at < size_bytes;) {
		uint64_t chunk = ct_passed_chunk(size_bytes - at);
		const struct ct_expr *address = ct_expr_binary(
			arena, CT_EXPR_ADD, home, ct_expr_constant(arena, (int64_t)at));
		const struct ct_expr *value = ct_expr_unknown();
		bool is_stored = false;
		/* What was stored by parts may be known by parts only. */
		for (; chunk > 0; chunk /= 2) {
			value = ct_machine_load(passed->module->machine, address,
						(unsigned int)chunk, &is_stored);
			if (ct_expr_is_known(value) && is_stored)
				break;
		}
		if (chunk == 0 || ret->piece_count == CT_LOCATION_PIECES_MAX)
			return false;
		ret->pieces[ret->piece_count++] = (struct ct_location_piece){
			.kind = CT_LOCATION_VALUE, .expr = value, .size_bytes = chunk};
		at += chunk;
	}
	if (ret->piece_count == 1)
		ret->is_composite = false;
	return ret->piece_count > 0;
}

/* In terms of the hook: a place at or above the end of the frame is the caller's. */
static bool is_callers(const struct ct_expr *address, const struct ct_expr *cfa)
{
	const struct ct_expr *base, *cfa_base;
	int64_t offset, cfa_offset;
	ct_expr_split(address, &base, &offset);
	ct_expr_split(cfa, &cfa_base, &cfa_offset);
	return base && cfa_base && ct_expr_equal(base, cfa_base) && offset >= cfa_offset;
}

/*
 * What the first instructions behind the hook store in the variables' homes is
 * what was passed: nothing else comes first, where nothing is optimized.
 */
static void locate_plain(struct ct_passed *passed, struct ct_plan_parameter_list *parameters)
{
	struct ct_machine *machine = passed->module->machine;
	struct ct_location_context context = ct_passed_context(passed, passed->site - 1);
	context.is_in_call = true;
	const struct ct_expr *cfa = ct_location_cfa(&context);
	bool is_waiting = false;
	for (size_t i = 0; i < passed->count; i++) {
		struct ct_passed_parameter *candidate = &passed->list[i];
		Dwarf_Die *located = &parameters->list[i].located;
		candidate->home = NULL;
		if (candidate->opinion == CT_OPINION_YES || !located->addr)
			continue;
		ct_location_find(&context, located, &candidate->found);
		const struct ct_location *found = &candidate->found;
		if (found->is_composite || found->pieces[0].kind != CT_LOCATION_MEMORY ||
		    !found->is_everywhere || is_callers(found->pieces[0].expr, cfa))
			continue;
		candidate->home = found->pieces[0].expr;
		ct_location_set_absent(&candidate->found, CT_WHY_PLAN_UNSURE);
		is_waiting = true;
	}
	ct_machine_reset(machine);
	uint64_t at = passed->site;
	for (int step = 0; step < STEPS_MAX && is_waiting && passed->code; step++) {
		uint64_t next = ct_machine_next(machine, passed->code, at);
		if (next == 0 ||
		    ct_machine_run(machine, passed->code, at, next, &at) != CT_MACHINE_AT)
			break;
		is_waiting = false;
		for (size_t i = 0; i < passed->count; i++) {
			struct ct_passed_parameter *candidate = &passed->list[i];
			struct ct_location found;
			if (!candidate->home)
				continue;
			if (read_home(passed, candidate->home, candidate->argument.size_bytes,
				      &found)) {
				candidate->found = found;
				candidate->home = NULL;
			} else {
				is_waiting = true;
			}
		}
	}
}

/* ---- a function's own hook ---- */

static void ask_all(struct ct_passed *passed, struct ct_plan_parameter_list *parameters)
{
	for (size_t i = 0; i < passed->count; i++) {
		struct ct_passed_parameter *candidate = &passed->list[i];
		Dwarf_Die *located = &parameters->list[i].located;
		if (candidate->argument.kind == CT_ARGUMENT_UNKNOWN || !located->addr)
			continue;
		ct_passed_find(passed, candidate);
		if (candidate->argument.kind == CT_ARGUMENT_EMPTY)
			candidate->opinion = CT_OPINION_YES;
		else
			ct_passed_ask_entry(passed, candidate, located);
		if (candidate->opinion == CT_OPINION_NONE)
			ct_passed_ask_call(passed, candidate, located);
	}
}

static bool has_location(Dwarf_Die *located)
{
	return located->addr && (dwarf_hasattr(located, DW_AT_location) ||
				 dwarf_hasattr(located, DW_AT_const_value));
}

/*
 * The ABI binds functions that others may call; of numbers and pointers it is
 * simple enough to be believed where the debug information says nothing.
 */
static bool is_believed(struct ct_passed *passed, const struct ct_passed_parameter *candidate,
			Dwarf_Die *type)
{
	Dwarf_Attribute attribute;
	Dwarf_Die peeled;
	bool is_external = false;
	if (candidate->opinion != CT_OPINION_NONE)
		return candidate->opinion == CT_OPINION_YES;
	if (!passed->call || candidate->argument.kind != CT_ARGUMENT_WORDS ||
	    dwarf_peel_type(type, &peeled) != 0)
		return false;
	dwarf_formflag(dwarf_attr_integrate(&passed->function, DW_AT_external, &attribute),
		       &is_external);
	int tag = dwarf_tag(&peeled);
	return is_external && (tag == DW_TAG_base_type || tag == DW_TAG_pointer_type ||
			       tag == DW_TAG_enumeration_type || tag == DW_TAG_reference_type ||
			       tag == DW_TAG_rvalue_reference_type);
}

static void locate_function(struct ct_passed *passed, struct ct_plan_parameter_list *parameters)
{
	ct_passed_assign(passed, parameters);
	ct_passed_run(passed);
	if (passed->call) {
		ask_all(passed, parameters);
		ct_passed_ask_behind(passed, parameters);
	}
	bool is_plain = !is_optimized(&passed->function);
	if (is_plain)
		locate_plain(passed, parameters);
	for (size_t i = 0; i < passed->count; i++) {
		struct ct_passed_parameter *candidate = &passed->list[i];
		if (!has_location(&parameters->list[i].located))
			ct_location_set_absent(&candidate->found, CT_WHY_OPTIMIZED_OUT);
		else if (!is_plain && !is_believed(passed, candidate, &parameters->list[i].type))
			ct_location_set_absent(&candidate->found, CT_WHY_PLAN_UNSURE);
	}
}

/* ---- inlined functions ---- */

/*
 * Is a parameter of the copy compiled by itself still what was passed, as far as
 * its location right behind the hook tells?
 */
static bool is_steady(struct ct_passed *passed, struct ct_passed_parameter *candidate,
		      Dwarf_Die *located)
{
	struct ct_location location;
	struct ct_location_context behind = ct_passed_context(passed, passed->site);
	behind.machine = passed->module->machine;
	if (candidate->opinion != CT_OPINION_YES || candidate->argument.kind == CT_ARGUMENT_EMPTY)
		return false;
	ct_location_find(&behind, located, &location);
	return ct_passed_compare(passed, &candidate->argument, &location, false) != CT_OPINION_NO;
}

static uint64_t first_enter_site(const struct ct_hook_sites *sites, uint64_t low)
{
	size_t at = ct_hook_sites_from(sites, low + 1);
	while (at < sites->count && sites->sites[at].is_exit)
		at++;
	return at < sites->count ? sites->sites[at].address : 0;
}

/* Fill in `copy->steady`. */
static void find_steady(struct ct_passed *passed, struct ct_plan_origin *copy,
			struct ct_plan_parameter_list *parameters)
{
	copy->has_steady = true;
	passed->function = copy->die;
	passed->low = copy->low;
	passed->site = first_enter_site(&passed->module->sites, copy->low);
	passed->code = ct_hook_sites_code(&passed->module->sites, copy->low);
	ct_plan_list_parameters(parameters, &copy->die);
	ct_passed_assign(passed, parameters);
	ct_passed_run(passed);
	if (!passed->call)
		return;
	ask_all(passed, parameters);
	uint64_t at = passed->call;
	ct_machine_skip_call(passed->module->machine, passed->code, &at);
	for (size_t i = 0; i < passed->count && i < 64; i++)
		if (parameters->list[i].located.addr &&
		    is_steady(passed, &passed->list[i], &parameters->list[i].located))
			copy->steady |= UINT64_C(1) << i;
}

/* A register or a place in the frame, nothing computed. */
static bool is_simple(const struct ct_location *location)
{
	for (size_t i = 0; i < location->piece_count; i++) {
		const struct ct_location_piece *piece = &location->pieces[i];
		if (piece->kind == CT_LOCATION_BYTES ||
		    (piece->kind == CT_LOCATION_VALUE && piece->expr->kind != CT_EXPR_REGISTER))
			return false;
	}
	return true;
}

static bool is_same_place(const struct ct_location *a, const struct ct_location *b)
{
	const struct ct_location_piece *left = &a->pieces[0];
	const struct ct_location_piece *right = &b->pieces[0];
	return left->kind == right->kind && left->kind != CT_LOCATION_ABSENT &&
	       left->kind != CT_LOCATION_BYTES && ct_expr_equal(left->expr, right->expr);
}

/* Two parameters in one place: one may have been set to the other. */
static bool is_shared(const struct ct_plan_parameter_list *parameters, size_t which)
{
	for (size_t i = 0; i < parameters->count; i++)
		if (i != which &&
		    is_same_place(&parameters->list[i].location, &parameters->list[which].location))
			return true;
	return false;
}

static void locate_inlined(struct ct_passed *passed, uint64_t steady,
			   struct ct_plan_parameter_list *parameters)
{
	struct ct_location_context context = ct_passed_context(passed, passed->site);
	bool is_refused[CT_PLAN_PARAMETERS_MAX] = {false};
	context.is_in_call = true;
	for (size_t i = 0; i < parameters->count; i++) {
		struct ct_plan_parameter *parameter = &parameters->list[i];
		if (!parameter->located.addr)
			continue;
		ct_location_find(&context, &parameter->located, &parameter->location);
		/* What has its place for good gets there behind the hook. */
		is_refused[i] = parameter->location.is_everywhere &&
				parameter->location.pieces[0].kind == CT_LOCATION_MEMORY;
	}
	for (size_t i = 0; i < parameters->count; i++) {
		bool is_sure = i < 64 && (steady >> i & 1);
		if (!is_sure)
			is_refused[i] |= !is_simple(&parameters->list[i].location) ||
					 is_shared(parameters, i);
	}
	for (size_t i = 0; i < parameters->count; i++)
		if (is_refused[i])
			ct_location_set_absent(&parameters->list[i].location, CT_WHY_PLAN_UNSURE);
}

void ct_plan_locate_clang(struct ct_plan_module *module, const struct ct_plan_origins *origins,
			  const struct ct_plan_function *function, Dwarf_Die *scope, uint64_t site,
			  struct ct_plan_parameter_list *parameters)
{
	struct ct_passed *passed = module->passed;
	uint64_t steady = 0;
	passed->module = module;
	if (dwarf_tag(scope) == DW_TAG_inlined_subroutine) {
		struct ct_plan_origin *copy = ct_plan_origins_find(module, origins, scope);
		if (copy && !copy->has_steady) {
			find_steady(passed, copy, parameters);
			ct_plan_list_parameters(parameters, scope);
		}
		steady = copy ? copy->steady : 0;
	}
	passed->function = function->die;
	passed->low = function->low;
	passed->site = site;
	passed->code = ct_hook_sites_code(&module->sites, site);
	if (dwarf_tag(scope) == DW_TAG_inlined_subroutine) {
		locate_inlined(passed, steady, parameters);
		return;
	}
	locate_function(passed, parameters);
	for (size_t i = 0; i < parameters->count; i++)
		parameters->list[i].location = passed->list[i].found;
}
