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
 * An inlined function has no ABI. Its locations begin behind the hook, and what
 * follows the hook in the source may have been computed before it: where the
 * parameter is changed, the first location may be that of the changed one. So
 * they are believed only for parameters that surely keep the value passed, all
 * the time: in the copy of the function that was compiled by itself.
 */
#include <dwarf.h>

#include "plan/passed.h"
#include "plan/signature.h"
#include "plan/steady.h"
#include "plan/type.h"

enum {
	RSP = 7,
	STEPS_MAX = 300, /* behind the hook, until all is stored */
};

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
		      Dwarf_Die *type, struct ct_location *ret)
{
	struct ct_expr_arena *arena = passed->module->arena;
	bool is_member[CT_ARGUMENT_PADDED_MAX] = {false};
	if (size_bytes <= CT_ARGUMENT_PADDED_MAX && type->addr)
		ct_argument_mark_members(passed->module->describer, type, is_member);
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
		if (chunk == 0 && size_bytes <= CT_ARGUMENT_PADDED_MAX && !is_member[at]) {
			chunk = 1;
			value = ct_expr_constant(arena, 0);
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

/*
 * A class that is passed by its address has, while nothing is optimized, either
 * the one place where the address is kept, in the caller's part of the stack or
 * stored before the hook; or a list, which begins before the hook, where the
 * address is in a register or has just been computed.
 */
static bool is_address_stored(struct ct_passed *passed, Dwarf_Die *located,
			      const struct ct_location *found, const struct ct_expr *cfa)
{
	struct ct_location_context context = ct_passed_context(passed, passed->site - 1);
	struct ct_location location;
	const struct ct_expr *address = found->pieces[0].expr;
	const struct ct_expr *base;
	int64_t offset;
	if (found->is_composite || found->pieces[0].kind != CT_LOCATION_MEMORY ||
	    !found->is_everywhere || address->kind != CT_EXPR_LOAD)
		return false;
	if (ct_passed_is_callers(address->left, cfa))
		return true;
	context.is_in_call = true;
	context.machine = passed->module->machine;
	ct_location_find(&context, located, &location);
	address = location.pieces[0].expr;
	if (location.pieces[0].kind != CT_LOCATION_MEMORY || !ct_expr_is_known(address))
		return false;
	if (address->kind != CT_EXPR_LOAD)
		return true;
	/* As it was at the entry there, where nobody has stored anything yet. */
	ct_expr_split(address->left, &base, &offset);
	return base && base->kind == CT_EXPR_REGISTER && base->number == RSP && offset > 0;
}

/* Where its list begins, before the hook; 0: nowhere there. */
static uint64_t find_list_begin(struct ct_passed *passed, Dwarf_Die *located)
{
	struct ct_location_walk walk;
	struct ct_location_entry first;
	ct_location_walk_begin(&walk, located);
	return ct_location_walk_next(&walk, &first) && first.from >= passed->low &&
			       first.from <= passed->call
		       ? first.from
		       : 0;
}

/* What the address of an object passed by its address was when its list begins, in terms of the
 * entry; NULL: it has no such list. */
static const struct ct_expr *address_at_begin(struct ct_passed *passed, Dwarf_Die *located)
{
	struct ct_location location;
	uint64_t begin = located->addr ? find_list_begin(passed, located) : 0;
	if (!begin || !ct_passed_run_to(passed, begin))
		return NULL;
	struct ct_location_context there = ct_passed_context(passed, begin);
	there.machine = passed->module->machine;
	ct_location_find(&there, located, &location);
	bool is_known = !location.is_composite && location.pieces[0].kind == CT_LOCATION_MEMORY &&
			ct_expr_is_known(location.pieces[0].expr);
	return is_known ? location.pieces[0].expr : NULL;
}

/* Of all parameters of the signature, some may have no entry. */
static void complete_signature(struct ct_passed *passed, struct ct_plan_parameter_list *parameters)
{
	const struct ct_expr *observed[CT_PLAN_PARAMETERS_MAX];
	ct_passed_run(passed);
	for (size_t i = 0; i < parameters->count; i++)
		observed[i] = passed->call ? address_at_begin(passed, &parameters->list[i].located)
					   : NULL;
	ct_signature_complete(passed, &passed->function, parameters, observed);
}

static void locate_references(struct ct_passed *passed, struct ct_plan_parameter_list *parameters)
{
	struct ct_location_context at_call = ct_passed_context(passed, passed->site - 1);
	at_call.is_in_call = true;
	const struct ct_expr *cfa = ct_location_cfa(&at_call);
	for (size_t i = 0; i < passed->count && passed->call; i++) {
		struct ct_passed_parameter *candidate = &passed->list[i];
		Dwarf_Die *located = &parameters->list[i].located;
		struct ct_location location;
		const struct ct_expr *address;
		if (candidate->opinion == CT_OPINION_YES || !located->addr)
			continue;
		ct_passed_run(passed);
		ct_location_find(&at_call, located, &location);
		if (is_address_stored(passed, located, &location, cfa)) {
			candidate->found = location;
			candidate->opinion = CT_OPINION_YES;
			continue;
		}
		address = address_at_begin(passed, located);
		ct_passed_run(passed);
		if (!address)
			continue;
		candidate->argument.kind = CT_ARGUMENT_REFERENCE;
		candidate->argument.word_count = 1;
		candidate->argument.words[0].value = address;
		candidate->argument.words[0].size_bytes = 8;
		ct_passed_find(passed, candidate);
		candidate->opinion = CT_OPINION_YES;
	}
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
		    !found->is_everywhere || ct_passed_is_callers(found->pieces[0].expr, cfa))
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
				      &parameters->list[i].type, &found)) {
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
		else if (passed->convention != CT_CONVENTION_PRESERVING)
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

/* Is a value of the type passed by its bytes, and not by its address? */
static bool is_copied(struct ct_passed *passed, Dwarf_Die *type_die)
{
	struct ct_describer *describer = passed->module->describer;
	struct ct_type type;
	if (!type_die->addr)
		return false;
	ct_type_begin(describer);
	ct_type_peel(describer, type_die, &type);
	return ct_type_triviality(describer, &type) == CT_TRIVIAL_YES;
}

/*
 * What the caller has put on the stack, and the debug information says is there
 * for good: nobody has written to it before the hook.
 */
static void find_callers(struct ct_passed *passed, struct ct_plan_parameter_list *parameters)
{
	struct ct_location_context context = ct_passed_context(passed, passed->site - 1);
	context.is_in_call = true;
	const struct ct_expr *cfa = ct_location_cfa(&context);
	for (size_t i = 0; i < passed->count; i++) {
		struct ct_passed_parameter *candidate = &passed->list[i];
		Dwarf_Die *located = &parameters->list[i].located;
		struct ct_location location;
		if (candidate->opinion != CT_OPINION_NONE || !located->addr ||
		    candidate->argument.kind == CT_ARGUMENT_REFERENCE)
			continue;
		/* Clang forgets to follow the pointer that a class is passed by. */
		if (!is_copied(passed, &parameters->list[i].type))
			continue;
		ct_location_find(&context, located, &location);
		if (location.is_everywhere && !location.is_composite &&
		    location.pieces[0].kind == CT_LOCATION_MEMORY &&
		    ct_passed_is_callers(location.pieces[0].expr, cfa)) {
			candidate->found = location;
			candidate->opinion = CT_OPINION_YES;
		}
	}
}

/*
 * The ABI binds functions that others may call: it is believed of those where the debug
 * information says nothing of a parameter, and nothing else of the others. Not where argument
 * registers are saved for the caller, who need not have put anything there.
 */
static bool is_bound(struct ct_passed *passed)
{
	Dwarf_Attribute attribute;
	bool is_external = false;
	for (size_t i = 0; i < passed->count; i++)
		if (passed->list[i].opinion == CT_OPINION_NO)
			return false;
	dwarf_formflag(dwarf_attr_integrate(&passed->function, DW_AT_external, &attribute),
		       &is_external);
	return passed->call && is_external && passed->convention == CT_CONVENTION_SYSTEM_V;
}

/*
 * May others call it, by a symbol? Link-time optimization makes functions that
 * were external local ones, whose parameters it then may leave out.
 */
static bool is_visible(const struct ct_passed *passed)
{
	const struct ct_symtab_entry *symbol = ct_symtab_find(&passed->module->names.symtab,
							      passed->low);
	return symbol && symbol->low == passed->low && !ct_symtab_is_local(symbol);
}

/*
 * Clang describes no parameter that it has taken apart: a complex number in one
 * register, an integer in two. Where it keeps one of those registers all the
 * same, that is what was passed.
 */
static bool is_undescribed(const struct ct_passed *passed,
			   const struct ct_passed_parameter *candidate, const Dwarf_Die *located)
{
	const struct ct_argument *argument = &candidate->argument;
	if (!located->addr || argument->kind != CT_ARGUMENT_WORDS)
		return false;
	/* On the stack there is something, whether anybody has put it there or not. */
	for (size_t i = 0; i < argument->word_count; i++)
		if (argument->words[i].value->kind != CT_EXPR_REGISTER)
			return false;
	return is_visible(passed);
}

static void locate_function(struct ct_passed *passed, struct ct_plan_parameter_list *parameters)
{
	bool is_plain = !is_optimized(&passed->function);
	if (is_plain)
		complete_signature(passed, parameters);
	ct_passed_assign(passed, parameters);
	ct_passed_run(passed);
	if (passed->call) {
		ask_all(passed, parameters);
		ct_passed_ask_behind(passed, parameters);
	}
	find_callers(passed, parameters);
	bool believes_abi = is_bound(passed);
	if (is_plain) {
		locate_references(passed, parameters);
		locate_plain(passed, parameters);
	}
	for (size_t i = 0; i < passed->count; i++) {
		struct ct_passed_parameter *candidate = &passed->list[i];
		bool is_believed = candidate->opinion == CT_OPINION_YES ||
				   (believes_abi &&
				    candidate->argument.kind != CT_ARGUMENT_UNKNOWN);
		bool is_there = has_location(&parameters->list[i].located);
		if (is_there && !is_plain && !is_believed)
			ct_location_set_absent(&candidate->found, CT_WHY_PLAN_UNSURE);
		else if (!is_there && !is_plain && believes_abi &&
			 is_undescribed(passed, candidate, &parameters->list[i].located))
			continue;
		else if (!is_there || (!is_plain && ct_passed_is_dead(passed, candidate,
								      &parameters->list[i].type)))
			ct_location_set_absent(&candidate->found, CT_WHY_OPTIMIZED_OUT);
	}
}

/* ---- inlined functions ---- */

/* Is the stack's address in what is computed? `cfa` tells whether rbp is the frame pointer. */
static bool has_frame_address(const struct ct_expr *expr, const struct ct_expr *cfa)
{
	const struct ct_expr *cfa_base;
	int64_t offset;
	if (expr->kind == CT_EXPR_LOAD)
		return false;
	ct_expr_split(cfa, &cfa_base, &offset);
	if (expr->kind == CT_EXPR_REGISTER)
		return expr->number == RSP || (cfa_base && ct_expr_equal(cfa_base, expr));
	return (expr->left && has_frame_address(expr->left, cfa)) ||
	       (expr->right && has_frame_address(expr->right, cfa));
}

/* Clang forgets to load what it computes with from the stack: its address is used instead. */
static bool may_lack_load(const struct ct_location *location, const struct ct_expr *cfa)
{
	for (size_t i = 0; i < location->piece_count; i++)
		if (location->pieces[i].kind == CT_LOCATION_VALUE &&
		    has_frame_address(location->pieces[i].expr, cfa))
			return true;
	return false;
}

/*
 * Is it made of parts of a word? A small class is one, for Clang, and where the
 * function around it does not need all of its members, Clang leaves the others
 * out of the word, and does not tell.
 */
static bool is_part_of_word(Dwarf_Die *located, uint64_t address)
{
	enum { EXPRESSIONS_MAX = 4 };
	Dwarf_Attribute attribute;
	Dwarf_Op *ops[EXPRESSIONS_MAX];
	size_t op_counts[EXPRESSIONS_MAX];
	if (!dwarf_attr(located, DW_AT_location, &attribute))
		return false;
	int count = dwarf_getlocation_addr(&attribute, address, ops, op_counts, EXPRESSIONS_MAX);
	for (int i = 0; i < count; i++)
		for (size_t j = 0; j < op_counts[i]; j++)
			switch (ops[i][j].atom) {
			case DW_OP_and:
			case DW_OP_or:
			case DW_OP_xor:
			case DW_OP_shl:
			case DW_OP_shr:
			case DW_OP_shra:
				return true;
			default:
				break;
			}
	return false;
}

/* Where the first entry of its list behind the hook begins; 0: there is none. */
static uint64_t next_begin(Dwarf_Die *located, uint64_t site)
{
	struct ct_location_walk walk;
	struct ct_location_entry entry;
	uint64_t next = 0;
	ct_location_walk_begin(&walk, located);
	while (ct_location_walk_next(&walk, &entry))
		if (entry.from > site && (next == 0 || entry.from < next))
			next = entry.from;
	return next;
}

/*
 * One that keeps its value, and has a place only some instructions behind the
 * hook: what comes to be there is run, in terms of the hook.
 */
static void locate_behind(struct ct_passed *passed, struct ct_plan_parameter *parameter,
			  const struct ct_expr *cfa)
{
	struct ct_machine *machine = passed->module->machine;
	uint64_t begin = next_begin(&parameter->located, passed->site);
	uint64_t at;
	struct ct_location location;
	if (!begin || !passed->code || !parameter->type.addr)
		return;
	ct_machine_reset(machine);
	if (ct_machine_run(machine, passed->code, passed->site, begin, &at) != CT_MACHINE_AT)
		return;
	struct ct_location_context there = ct_passed_context(passed, begin);
	there.machine = machine;
	ct_location_find(&there, &parameter->located, &location);
	struct ct_location_piece *piece = &location.pieces[0];
	if (location.is_composite || location.is_everywhere ||
	    is_part_of_word(&parameter->located, begin))
		return;
	if (piece->kind == CT_LOCATION_MEMORY) {
		uint64_t size_bytes = ct_passed_bytes(passed, &parameter->type);
		if (size_bytes > 8)
			return;
		piece->expr = ct_machine_load(machine, piece->expr, (unsigned int)size_bytes, NULL);
		piece->kind = CT_LOCATION_VALUE;
	}
	if (piece->kind == CT_LOCATION_VALUE && ct_expr_is_known(piece->expr) &&
	    !may_lack_load(&location, cfa))
		parameter->location = location;
}

static void locate_inlined(struct ct_passed *passed, uint64_t steady,
			   struct ct_plan_parameter_list *parameters)
{
	struct ct_location_context context = ct_passed_context(passed, passed->site);
	context.is_in_call = true;
	const struct ct_expr *cfa = ct_location_cfa(&context);
	for (size_t i = 0; i < parameters->count; i++) {
		struct ct_plan_parameter *parameter = &parameters->list[i];
		if (!parameter->located.addr)
			continue;
		ct_location_find(&context, &parameter->located, &parameter->location);
		bool is_there = parameter->location.is_composite ||
				parameter->location.pieces[0].kind != CT_LOCATION_ABSENT;
		/* What has its place for good gets there behind the hook. */
		bool is_home = parameter->location.is_everywhere &&
			       parameter->location.pieces[0].kind == CT_LOCATION_MEMORY;
		bool is_sure = i < 64 && (steady >> i & 1) && !is_home &&
			       !may_lack_load(&parameter->location, cfa) &&
			       !is_part_of_word(&parameter->located, passed->site);
		if (is_there && !is_sure)
			ct_location_set_absent(&parameter->location, CT_WHY_PLAN_UNSURE);
		else if (!is_there && i < 64 && (steady >> i & 1))
			locate_behind(passed, parameter, cfa);
	}
}

/* Not optimized, and in its caller all the same: always_inline. */
static void locate_plain_inlined(struct ct_passed *passed,
				 struct ct_plan_parameter_list *parameters)
{
	passed->count = parameters->count;
	for (size_t i = 0; i < passed->count; i++) {
		struct ct_passed_parameter *candidate = &passed->list[i];
		Dwarf_Die *type = &parameters->list[i].type;
		candidate->opinion = CT_OPINION_NONE;
		candidate->argument = (struct ct_argument){.kind = CT_ARGUMENT_UNKNOWN};
		if (type->addr)
			candidate->argument.size_bytes = ct_passed_bytes(passed, type);
		ct_location_set_absent(&candidate->found, CT_WHY_OPTIMIZED_OUT);
	}
	locate_plain(passed, parameters);
}

static void use_found(const struct ct_passed *passed, struct ct_plan_parameter_list *parameters)
{
	for (size_t i = 0; i < parameters->count; i++)
		parameters->list[i].location = passed->list[i].found;
}

void ct_plan_locate_clang(struct ct_plan_module *module, const struct ct_plan_origins *origins,
			  const struct ct_plan_function *function, Dwarf_Die *scope, uint64_t site,
			  struct ct_plan_parameter_list *parameters)
{
	struct ct_passed *passed = module->passed;
	bool is_inlined = dwarf_tag(scope) == DW_TAG_inlined_subroutine;
	uint64_t steady = 0;
	passed->module = module;
	passed->clang_version = function->clang_version;
	passed->function = function->die;
	bool is_plain = !is_optimized(&passed->function);
	if (is_inlined && !is_plain) {
		struct ct_plan_origin *copy = ct_plan_origins_find(module, origins, scope);
		if (copy && !copy->has_steady) {
			ct_steady_find(passed, copy, parameters);
			ct_plan_list_parameters(parameters, scope);
		}
		steady = copy ? copy->steady : 0;
	}
	passed->function = function->die;
	passed->low = function->low;
	passed->site = site;
	passed->code = ct_hook_sites_code(&module->sites, site);
	if (is_inlined && !is_plain) {
		locate_inlined(passed, steady, parameters);
		return;
	}
	if (is_inlined)
		ct_signature_complete(passed, scope, parameters, NULL);
	if (is_inlined)
		locate_plain_inlined(passed, parameters);
	else
		locate_function(passed, parameters);
	use_found(passed, parameters);
}
