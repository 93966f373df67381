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

#include "plan/passed.h"

static void locate_by_lists(struct ct_plan_module *module, const struct ct_plan_function *function,
			    uint64_t site, struct ct_plan_parameter_list *parameters)
{
	Dwarf_Die function_die = function->die;
	struct ct_location_context context = {
		.arena = module->arena,
		.address = site - 1,
		.function = &function_die,
		.cfi = module->cfi,
		.debug_cfi = module->debug_cfi,
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

static bool is_any_absent(const struct ct_plan_parameter_list *parameters)
{
	for (size_t i = 0; i < parameters->count; i++)
		if (!parameters->list[i].is_hidden &&
		    count_absent(&parameters->list[i].location) > 0)
			return true;
	return false;
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

void ct_plan_locate_gnu(struct ct_plan_module *module, const struct ct_plan_function *function,
			Dwarf_Die *scope, uint64_t site, struct ct_plan_parameter_list *parameters)
{
	struct ct_passed *passed = module->passed;
	locate_by_lists(module, function, site, parameters);
	if (dwarf_tag(scope) == DW_TAG_inlined_subroutine || !is_any_absent(parameters) ||
	    has_hidden(parameters) || !ct_plan_is_whole(module, function))
		return;
	passed->module = module;
	passed->function = function->die;
	passed->low = function->low;
	passed->site = site;
	passed->code = ct_hook_sites_code(&module->sites, site);
	ct_passed_assign(passed, parameters);
	ct_passed_run(passed);
	if (!passed->call || !keeps_to_abi(passed, parameters))
		return;
	for (size_t i = 0; i < parameters->count; i++)
		use_what_was_passed(passed, &passed->list[i], &parameters->list[i].location);
}
