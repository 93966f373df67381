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
#include <string.h>

#include "plan/argument_places.h"
#include "plan/module.h"

enum {
	RSP = 7,
	RETURN_ADDRESS_BYTES = 8,
	STEPS_MAX = 300, /* instructions behind the hook until all parameters are at home */
	CALLS_MAX = 16,	 /* before the hook: thunks of position-independent code and the like */
};

enum opinion {
	OPINION_NONE = 0, /* says nothing */
	OPINION_YES,
	OPINION_NO,
};

/* What is known of a parameter on the way. */
struct candidate {
	struct ct_argument argument;
	enum opinion opinion;	    /* is the debug information of the same mind? */
	const struct ct_expr *home; /* in the frame, in terms of the entry; NULL: none */
	struct ct_location found;   /* at the hook */
};

struct ct_plan_clang {
	struct ct_plan_module *module;
	Dwarf_Die function;
	uint64_t low;
	uint64_t site;
	const struct ct_code *code;
	uint64_t call; /* address of the hook's call; 0: there is no straight way to it */
	int64_t rsp;   /* at the call, in terms of the entry's */
	struct candidate list[CT_PLAN_PARAMETERS_MAX];
	size_t count;
};

/* ---- the way to the hook ---- */

static struct ct_location_context context_at(struct ct_plan_clang *clang, uint64_t address)
{
	return (struct ct_location_context){
		.arena = clang->module->arena,
		.address = address,
		.function = &clang->function,
		.cfi = clang->module->cfi,
		.debug_cfi = clang->module->debug_cfi,
	};
}

/* Run from the function's entry to the hook's call. */
static void run_to_hook(struct ct_plan_clang *clang)
{
	struct ct_machine *machine = clang->module->machine;
	uint64_t at = clang->low;
	ct_machine_reset(machine);
	clang->call = 0;
	if (!clang->code)
		return;
	for (int i = 0; i < CALLS_MAX; i++) {
		if (ct_machine_run(machine, clang->code, at, 0, &at) != CT_MACHINE_CALL)
			return;
		uint64_t next = ct_machine_next(machine, clang->code, at);
		if (next == clang->site) {
			const struct ct_expr *base;
			ct_expr_split(ct_machine_register(machine, RSP), &base, &clang->rsp);
			bool is_frame = base && base->kind == CT_EXPR_REGISTER &&
					base->number == RSP;
			clang->call = is_frame ? at : 0;
			return;
		}
		ct_machine_skip_call(machine, clang->code, &at);
	}
}

/* ---- does the debug information agree? ---- */

static const struct ct_expr *low_bytes(struct ct_expr_arena *arena, const struct ct_expr *expr,
				       uint64_t size_bytes)
{
	/* Of odd sizes the whole word is compared: both have it from the same place. */
	if (size_bytes == 3)
		size_bytes = 4;
	return size_bytes == 1 || size_bytes == 2 || size_bytes == 4
		       ? ct_expr_unary(arena, CT_EXPR_ZERO_EXTEND, expr, (unsigned int)size_bytes)
		       : expr;
}

/* `size_bytes` (up to 8, in one word) bytes of the argument from `offset` on, zero-extended. */
static const struct ct_expr *argument_bytes(struct ct_plan_clang *clang,
					    const struct ct_argument *argument, uint64_t offset,
					    uint64_t size_bytes)
{
	struct ct_expr_arena *arena = clang->module->arena;
	if (argument->kind == CT_ARGUMENT_STACK) {
		uint64_t from_rsp = argument->stack_offset + RETURN_ADDRESS_BYTES + offset;
		const struct ct_expr *address =
			ct_expr_binary(arena, CT_EXPR_ADD, ct_expr_register(arena, RSP),
				       ct_expr_constant(arena, (int64_t)from_rsp));
		return low_bytes(arena, ct_expr_load(arena, address, 8), size_bytes);
	}
	uint64_t word = offset / 8;
	if (argument->kind != CT_ARGUMENT_WORDS || word >= argument->word_count ||
	    offset % 8 + size_bytes > 8)
		return ct_expr_unknown();
	const struct ct_expr *value =
		ct_expr_binary(arena, CT_EXPR_SHIFT_RIGHT, argument->words[word].value,
			       ct_expr_constant(arena, (int64_t)(offset % 8 * 8)));
	return low_bytes(arena, value, size_bytes);
}

static uint64_t chunk_bytes(uint64_t left)
{
	return left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : left;
}

static enum opinion compare(const struct ct_expr *said, const struct ct_expr *passed)
{
	if (!ct_expr_is_known(said) || !ct_expr_is_known(passed))
		return OPINION_NONE;
	return ct_expr_equal(said, passed) ? OPINION_YES : OPINION_NO;
}

/* Memory at `address`, `size_bytes` from `offset` of the argument on. */
static enum opinion compare_memory(struct ct_plan_clang *clang, const struct ct_argument *argument,
				   const struct ct_expr *address, uint64_t offset,
				   uint64_t size_bytes, bool is_at_entry)
{
	struct ct_expr_arena *arena = clang->module->arena;
	enum opinion opinion = OPINION_NONE;
	if (argument->kind == CT_ARGUMENT_REFERENCE)
		return compare(address, argument->words[0].value);
	for (uint64_t at = 0; at < size_bytes;) {
		uint64_t chunk = chunk_bytes(size_bytes - at);
		const struct ct_expr *where = ct_expr_binary(arena, CT_EXPR_ADD, address,
							     ct_expr_constant(arena, (int64_t)at));
		const struct ct_expr *said =
			is_at_entry ? ct_expr_load(arena, where, (unsigned int)chunk)
				    : ct_machine_load(clang->module->machine, where,
						      (unsigned int)chunk, NULL);
		const struct ct_expr *passed = argument_bytes(clang, argument, offset + at, chunk);
		switch (compare(said, passed)) {
		case OPINION_YES:
			opinion = OPINION_YES;
			break;
		case OPINION_NO:
			return OPINION_NO;
		default:
			/* A place where part of it is not yet is not its place yet. */
			return OPINION_NONE;
		}
		at += chunk;
	}
	return opinion;
}

static enum opinion compare_piece(struct ct_plan_clang *clang, const struct ct_argument *argument,
				  const struct ct_location_piece *piece, uint64_t offset,
				  uint64_t size_bytes, bool is_at_entry)
{
	struct ct_expr_arena *arena = clang->module->arena;
	switch (piece->kind) {
	case CT_LOCATION_VALUE:
		if (argument->kind != CT_ARGUMENT_WORDS)
			return OPINION_NO;
		/* A vector register is more than a word; that the first is right tells it. */
		if (size_bytes > 8)
			size_bytes = 8;
		return compare(low_bytes(arena, piece->expr, size_bytes),
			       argument_bytes(clang, argument, offset, size_bytes));
	case CT_LOCATION_MEMORY:
		return compare_memory(clang, argument, piece->expr, offset, size_bytes,
				      is_at_entry);
	case CT_LOCATION_BYTES:
		return OPINION_NO;
	default:
		return OPINION_NONE;
	}
}

/* A location in terms of the entry. */
static enum opinion compare_location(struct ct_plan_clang *clang,
				     const struct ct_argument *argument,
				     const struct ct_location *location, bool is_at_entry)
{
	enum opinion opinion = OPINION_NONE;
	uint64_t offset = 0;
	for (size_t i = 0; i < location->piece_count && offset < argument->size_bytes; i++) {
		const struct ct_location_piece *piece = &location->pieces[i];
		uint64_t left = argument->size_bytes - offset;
		uint64_t size_bytes = location->is_composite && piece->size_bytes < left
					      ? piece->size_bytes
					      : left;
		enum opinion next = compare_piece(clang, argument, piece, offset, size_bytes,
						  is_at_entry);
		if (next == OPINION_NO)
			return OPINION_NO;
		if (next == OPINION_YES)
			opinion = OPINION_YES;
		offset += size_bytes;
	}
	return opinion;
}

/* The place of a variable that has one for good: in the frame, in terms of the entry. */
static const struct ct_expr *find_home(struct ct_plan_clang *clang, Dwarf_Die *located)
{
	struct ct_location location;
	struct ct_location_context context = context_at(clang, clang->site);
	context.machine = clang->module->machine;
	ct_location_find(&context, located, &location);
	if (!location.is_everywhere || location.is_composite ||
	    location.pieces[0].kind != CT_LOCATION_MEMORY)
		return NULL;
	return location.pieces[0].expr;
}

static void ask(struct ct_plan_clang *clang, struct candidate *candidate, Dwarf_Die *located)
{
	struct ct_location location;
	struct ct_location_context at_entry = context_at(clang, clang->low);
	ct_location_find(&at_entry, located, &location);
	if (!location.is_everywhere)
		candidate->opinion = compare_location(clang, &candidate->argument, &location, true);
	if (candidate->opinion != OPINION_NONE)
		return;
	/* In the last byte of the call; what the hook may change is not asked. */
	struct ct_location_context at_call = context_at(clang, clang->site - 1);
	at_call.machine = clang->module->machine;
	at_call.is_in_call = true;
	ct_location_find(&at_call, located, &location);
	candidate->opinion = compare_location(clang, &candidate->argument, &location, false);
	candidate->home = find_home(clang, located);
	/* Its home is not yet what it will be. */
	if (candidate->home && candidate->opinion == OPINION_NO)
		candidate->opinion = OPINION_NONE;
}

/* What the debug information says of it at `address`, which the machine has reached. */
static void ask_at(struct ct_plan_clang *clang, struct candidate *candidate, Dwarf_Die *located,
		   uint64_t address)
{
	struct ct_location location;
	if (candidate->home) {
		if (compare_memory(clang, &candidate->argument, candidate->home, 0,
				   candidate->argument.size_bytes, false) == OPINION_YES)
			candidate->opinion = OPINION_YES;
		return;
	}
	struct ct_location_context context = context_at(clang, address);
	context.machine = clang->module->machine;
	ct_location_find(&context, located, &location);
	candidate->opinion = compare_location(clang, &candidate->argument, &location, false);
}

/*
 * Run on behind the hook, until what was passed has been stored in each home,
 * and has begun to be there for the debug information.
 */
static void ask_behind(struct ct_plan_clang *clang, struct ct_plan_parameter_list *parameters)
{
	struct ct_machine *machine = clang->module->machine;
	uint64_t at = clang->call;
	ct_machine_skip_call(machine, clang->code, &at);
	for (int step = 0; step < STEPS_MAX; step++) {
		bool is_waiting = false;
		for (size_t i = 0; i < clang->count; i++) {
			struct candidate *candidate = &clang->list[i];
			Dwarf_Die *located = &parameters->list[i].located;
			if (candidate->opinion != OPINION_NONE || !located->addr ||
			    candidate->argument.kind == CT_ARGUMENT_UNKNOWN)
				continue;
			ask_at(clang, candidate, located, at);
			is_waiting |= candidate->opinion == OPINION_NONE;
		}
		uint64_t next = ct_machine_next(machine, clang->code, at);
		if (!is_waiting || next == 0 ||
		    ct_machine_run(machine, clang->code, at, next, &at) != CT_MACHINE_AT)
			return;
	}
}

/* ---- where it is at the hook ---- */

static struct ct_location_piece absent(enum ct_why why)
{
	return (struct ct_location_piece){.kind = CT_LOCATION_ABSENT, .why = why};
}

static void set_absent(struct ct_location *ret, enum ct_why why)
{
	ret->is_composite = false;
	ret->is_everywhere = false;
	ret->piece_count = 1;
	ret->pieces[0] = absent(why);
}

/* rsp at the hook + offset */
static const struct ct_expr *frame_address(struct ct_plan_clang *clang, int64_t rsp_offset)
{
	struct ct_expr_arena *arena = clang->module->arena;
	return ct_expr_binary(arena, CT_EXPR_ADD, ct_expr_register(arena, RSP),
			      ct_expr_constant(arena, rsp_offset));
}

/* A word that was passed, in terms of the hook. NULL: it is nowhere. */
static const struct ct_expr *find_word(struct ct_plan_clang *clang, const struct ct_expr *value,
				       unsigned int size_bytes)
{
	struct ct_expr_arena *arena = clang->module->arena;
	struct ct_expr_place place;
	unsigned int found_bytes = size_bytes == 3 ? 4 : size_bytes > 4 ? 8 : size_bytes;
	if (!ct_machine_find(clang->module->machine, value, found_bytes, &place))
		return NULL;
	if (place.in_register)
		return ct_expr_register(arena, place.number);
	return ct_expr_load(arena, frame_address(clang, place.rsp_offset), found_bytes);
}

static void find_words(struct ct_plan_clang *clang, struct candidate *candidate)
{
	const struct ct_argument *argument = &candidate->argument;
	struct ct_location *found = &candidate->found;
	bool is_any_found = false;
	found->is_composite = argument->word_count > 1;
	found->is_everywhere = false;
	found->piece_count = argument->word_count;
	for (size_t i = 0; i < argument->word_count; i++) {
		const struct ct_expr *word = find_word(clang, argument->words[i].value,
						       argument->words[i].size_bytes);
		found->pieces[i] = absent(CT_WHY_OPTIMIZED_OUT);
		if (word)
			found->pieces[i] = (struct ct_location_piece){.kind = CT_LOCATION_VALUE,
								      .expr = word};
		found->pieces[i].size_bytes = argument->words[i].size_bytes;
		is_any_found |= word != NULL;
	}
	if (!is_any_found)
		set_absent(found, CT_WHY_OPTIMIZED_OUT);
}

static void find_at_hook(struct ct_plan_clang *clang, struct candidate *candidate)
{
	const struct ct_argument *argument = &candidate->argument;
	static const uint8_t nothing[1];
	const struct ct_expr *address = NULL;
	switch (argument->kind) {
	case CT_ARGUMENT_WORDS:
		find_words(clang, candidate);
		return;
	case CT_ARGUMENT_STACK:
		address = frame_address(clang, (int64_t)argument->stack_offset +
						       RETURN_ADDRESS_BYTES - clang->rsp);
		break;
	case CT_ARGUMENT_REFERENCE:
		address = find_word(clang, argument->words[0].value, 8);
		break;
	case CT_ARGUMENT_EMPTY:
		set_absent(&candidate->found, CT_WHY_OPTIMIZED_OUT);
		candidate->found.pieces[0] = (struct ct_location_piece){
			.kind = CT_LOCATION_BYTES, .bytes = nothing, .size_bytes = 1};
		return;
	default:
		break;
	}
	set_absent(&candidate->found, CT_WHY_OPTIMIZED_OUT);
	if (address)
		candidate->found.pieces[0] = (struct ct_location_piece){.kind = CT_LOCATION_MEMORY,
									.expr = address};
}

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
static bool read_home(struct ct_plan_clang *clang, const struct ct_expr *home, uint64_t size_bytes,
		      struct ct_location *ret)
{
	struct ct_expr_arena *arena = clang->module->arena;
	ret->is_composite = true;
	ret->is_everywhere = false;
	ret->piece_count = 0;
	for (uint64_t at = 0; at < size_bytes;) {
		uint64_t chunk = chunk_bytes(size_bytes - at);
		const struct ct_expr *address = ct_expr_binary(
			arena, CT_EXPR_ADD, home, ct_expr_constant(arena, (int64_t)at));
		const struct ct_expr *value = ct_expr_unknown();
		bool is_stored = false;
		/* What was stored by parts may be known by parts only. */
		for (; chunk > 0; chunk /= 2) {
			value = ct_machine_load(clang->module->machine, address,
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
static void locate_plain(struct ct_plan_clang *clang, struct ct_plan_parameter_list *parameters)
{
	struct ct_machine *machine = clang->module->machine;
	struct ct_location_context context = context_at(clang, clang->site - 1);
	context.is_in_call = true;
	const struct ct_expr *cfa = ct_location_cfa(&context);
	bool is_waiting = false;
	for (size_t i = 0; i < clang->count; i++) {
		struct candidate *candidate = &clang->list[i];
		Dwarf_Die *located = &parameters->list[i].located;
		candidate->home = NULL;
		if (candidate->opinion == OPINION_YES || !located->addr)
			continue;
		ct_location_find(&context, located, &candidate->found);
		const struct ct_location *found = &candidate->found;
		if (found->is_composite || found->pieces[0].kind != CT_LOCATION_MEMORY ||
		    !found->is_everywhere || is_callers(found->pieces[0].expr, cfa))
			continue;
		candidate->home = found->pieces[0].expr;
		set_absent(&candidate->found, CT_WHY_PLAN_UNSURE);
		is_waiting = true;
	}
	ct_machine_reset(machine);
	uint64_t at = clang->site;
	for (int step = 0; step < STEPS_MAX && is_waiting && clang->code; step++) {
		uint64_t next = ct_machine_next(machine, clang->code, at);
		if (next == 0 ||
		    ct_machine_run(machine, clang->code, at, next, &at) != CT_MACHINE_AT)
			break;
		is_waiting = false;
		for (size_t i = 0; i < clang->count; i++) {
			struct candidate *candidate = &clang->list[i];
			struct ct_location found;
			if (!candidate->home)
				continue;
			if (read_home(clang, candidate->home, candidate->argument.size_bytes,
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

static void assign_arguments(struct ct_plan_clang *clang, struct ct_plan_parameter_list *parameters)
{
	Dwarf_Attribute attribute;
	Dwarf_Die return_type;
	bool returns =
		dwarf_formref_die(dwarf_attr_integrate(&clang->function, DW_AT_type, &attribute),
				  &return_type) != NULL;
	struct ct_argument_cursor cursor = ct_argument_cursor_init(
		clang->module->describer, clang->module->arena, returns ? &return_type : NULL);
	clang->count = parameters->count;
	for (size_t i = 0; i < clang->count; i++) {
		struct candidate *candidate = &clang->list[i];
		Dwarf_Die *type = &parameters->list[i].type;
		candidate->opinion = OPINION_NONE;
		candidate->home = NULL;
		cursor.is_lost |= type->addr == NULL;
		candidate->argument = (struct ct_argument){.kind = CT_ARGUMENT_UNKNOWN};
		set_absent(&candidate->found, CT_WHY_PLAN_UNSURE);
		if (type->addr) {
			candidate->argument = ct_argument_next(&cursor, type);
			candidate->argument.size_bytes =
				candidate->argument.kind != CT_ARGUMENT_UNKNOWN
					? candidate->argument.size_bytes
					: ct_describe_size(clang->module->describer, type);
		}
	}
}

static void ask_all(struct ct_plan_clang *clang, struct ct_plan_parameter_list *parameters)
{
	for (size_t i = 0; i < clang->count; i++) {
		struct candidate *candidate = &clang->list[i];
		Dwarf_Die *located = &parameters->list[i].located;
		if (candidate->argument.kind == CT_ARGUMENT_UNKNOWN || !located->addr)
			continue;
		find_at_hook(clang, candidate);
		if (candidate->argument.kind == CT_ARGUMENT_EMPTY)
			candidate->opinion = OPINION_YES;
		else
			ask(clang, candidate, located);
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
static bool is_believed(struct ct_plan_clang *clang, const struct candidate *candidate,
			Dwarf_Die *type)
{
	Dwarf_Attribute attribute;
	Dwarf_Die peeled;
	bool is_external = false;
	if (candidate->opinion != OPINION_NONE)
		return candidate->opinion == OPINION_YES;
	if (!clang->call || candidate->argument.kind != CT_ARGUMENT_WORDS ||
	    dwarf_peel_type(type, &peeled) != 0)
		return false;
	dwarf_formflag(dwarf_attr_integrate(&clang->function, DW_AT_external, &attribute),
		       &is_external);
	int tag = dwarf_tag(&peeled);
	return is_external && (tag == DW_TAG_base_type || tag == DW_TAG_pointer_type ||
			       tag == DW_TAG_enumeration_type || tag == DW_TAG_reference_type ||
			       tag == DW_TAG_rvalue_reference_type);
}

static void locate_function(struct ct_plan_clang *clang, struct ct_plan_parameter_list *parameters)
{
	assign_arguments(clang, parameters);
	run_to_hook(clang);
	if (clang->call) {
		ask_all(clang, parameters);
		ask_behind(clang, parameters);
	}
	bool is_plain = !is_optimized(&clang->function);
	if (is_plain)
		locate_plain(clang, parameters);
	for (size_t i = 0; i < clang->count; i++) {
		struct candidate *candidate = &clang->list[i];
		if (!has_location(&parameters->list[i].located))
			set_absent(&candidate->found, CT_WHY_OPTIMIZED_OUT);
		else if (!is_plain && !is_believed(clang, candidate, &parameters->list[i].type))
			set_absent(&candidate->found, CT_WHY_PLAN_UNSURE);
	}
}

/* ---- inlined functions ---- */

/*
 * Is a parameter of the copy compiled by itself still what was passed, as far as
 * its location right behind the hook tells?
 */
static bool is_steady(struct ct_plan_clang *clang, struct candidate *candidate, Dwarf_Die *located)
{
	struct ct_location location;
	struct ct_location_context behind = context_at(clang, clang->site);
	behind.machine = clang->module->machine;
	if (candidate->opinion != OPINION_YES || candidate->argument.kind == CT_ARGUMENT_EMPTY)
		return false;
	ct_location_find(&behind, located, &location);
	return compare_location(clang, &candidate->argument, &location, false) != OPINION_NO;
}

static uint64_t first_enter_site(const struct ct_hook_sites *sites, uint64_t low)
{
	size_t at = ct_hook_sites_from(sites, low + 1);
	while (at < sites->count && sites->sites[at].is_exit)
		at++;
	return at < sites->count ? sites->sites[at].address : 0;
}

/* Fill in `copy->steady`. */
static void find_steady(struct ct_plan_clang *clang, struct ct_plan_origin *copy,
			struct ct_plan_parameter_list *parameters)
{
	copy->has_steady = true;
	clang->function = copy->die;
	clang->low = copy->low;
	clang->site = first_enter_site(&clang->module->sites, copy->low);
	clang->code = ct_hook_sites_code(&clang->module->sites, copy->low);
	ct_plan_list_parameters(parameters, &copy->die);
	assign_arguments(clang, parameters);
	run_to_hook(clang);
	if (!clang->call)
		return;
	ask_all(clang, parameters);
	uint64_t at = clang->call;
	ct_machine_skip_call(clang->module->machine, clang->code, &at);
	for (size_t i = 0; i < clang->count && i < 64; i++)
		if (parameters->list[i].located.addr &&
		    is_steady(clang, &clang->list[i], &parameters->list[i].located))
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

static void locate_inlined(struct ct_plan_clang *clang, uint64_t steady,
			   struct ct_plan_parameter_list *parameters)
{
	struct ct_location_context context = context_at(clang, clang->site);
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
			set_absent(&parameters->list[i].location, CT_WHY_PLAN_UNSURE);
}

void ct_plan_locate_clang(struct ct_plan_module *module, const struct ct_plan_origins *origins,
			  const struct ct_plan_function *function, Dwarf_Die *scope, uint64_t site,
			  struct ct_plan_parameter_list *parameters)
{
	struct ct_plan_clang *clang = module->clang;
	uint64_t steady = 0;
	clang->module = module;
	if (dwarf_tag(scope) == DW_TAG_inlined_subroutine) {
		struct ct_plan_origin *copy = ct_plan_origins_find(module, origins, scope);
		if (copy && !copy->has_steady) {
			find_steady(clang, copy, parameters);
			ct_plan_list_parameters(parameters, scope);
		}
		steady = copy ? copy->steady : 0;
	}
	clang->function = function->die;
	clang->low = function->low;
	clang->site = site;
	clang->code = ct_hook_sites_code(&module->sites, site);
	if (dwarf_tag(scope) == DW_TAG_inlined_subroutine) {
		locate_inlined(clang, steady, parameters);
		return;
	}
	locate_function(clang, parameters);
	for (size_t i = 0; i < parameters->count; i++)
		parameters->list[i].location = clang->list[i].found;
}

struct ct_plan_clang *ct_plan_clang_create(void)
{
	return malloc(sizeof(struct ct_plan_clang));
}
