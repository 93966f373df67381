/* SPDX-License-Identifier: MIT */
/*
 * What a function was passed, and where it is when the enter hook is called:
 * by the ABI and by running the code from the function's entry to the hook, and
 * not by what the debug information says of the hook. See passed.h.
 */
#include "plan/passed.h"

#include <dwarf.h>
#include <string.h>

enum {
	RSP = 7,
	RETURN_ADDRESS_BYTES = 8,
	STEPS_MAX = 300, /* instructions behind the hook until all parameters are at home */
	CALLS_MAX = 16,	 /* before the hook: thunks of position-independent code and the like */
};

struct ct_location_context ct_passed_context(struct ct_passed *passed, uint64_t address)
{
	return (struct ct_location_context){
		.arena = passed->module->arena,
		.address = address,
		.function = &passed->function,
		.cfi = passed->module->cfi,
		.debug_cfi = passed->module->debug_cfi,
	};
}

/* Run from the function's entry to the hook's call. */
void ct_passed_run(struct ct_passed *passed)
{
	struct ct_machine *machine = passed->module->machine;
	uint64_t at = passed->low;
	ct_machine_reset(machine);
	passed->call = 0;
	if (!passed->code)
		return;
	for (int i = 0; i < CALLS_MAX; i++) {
		if (ct_machine_run(machine, passed->code, at, 0, &at) != CT_MACHINE_CALL)
			return;
		uint64_t next = ct_machine_next(machine, passed->code, at);
		if (next == passed->site) {
			const struct ct_expr *base;
			ct_expr_split(ct_machine_register(machine, RSP), &base, &passed->rsp);
			bool is_frame = base && base->kind == CT_EXPR_REGISTER &&
					base->number == RSP;
			passed->call = is_frame ? at : 0;
			return;
		}
		ct_machine_skip_call(machine, passed->code, &at);
	}
}

void ct_passed_assign(struct ct_passed *passed, struct ct_plan_parameter_list *parameters)
{
	Dwarf_Attribute attribute;
	Dwarf_Die return_type;
	bool returns =
		dwarf_formref_die(dwarf_attr_integrate(&passed->function, DW_AT_type, &attribute),
				  &return_type) != NULL;
	struct ct_argument_cursor cursor = ct_argument_cursor_init(
		passed->module->describer, passed->module->arena, returns ? &return_type : NULL);
	passed->count = parameters->count;
	for (size_t i = 0; i < passed->count; i++) {
		struct ct_passed_parameter *candidate = &passed->list[i];
		Dwarf_Die *type = &parameters->list[i].type;
		candidate->opinion = CT_OPINION_NONE;
		candidate->home = NULL;
		cursor.is_lost |= type->addr == NULL;
		candidate->argument = (struct ct_argument){.kind = CT_ARGUMENT_UNKNOWN};
		ct_location_set_absent(&candidate->found, CT_WHY_PLAN_UNSURE);
		if (type->addr) {
			candidate->argument = ct_argument_next(&cursor, type);
			candidate->argument.size_bytes =
				candidate->argument.kind != CT_ARGUMENT_UNKNOWN
					? candidate->argument.size_bytes
					: ct_describe_size(passed->module->describer, type);
		}
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
static const struct ct_expr *argument_bytes(struct ct_passed *passed,
					    const struct ct_argument *argument, uint64_t offset,
					    uint64_t size_bytes)
{
	struct ct_expr_arena *arena = passed->module->arena;
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

uint64_t ct_passed_chunk(uint64_t left)
{
	return left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : left;
}

static enum ct_opinion compare(const struct ct_expr *said, const struct ct_expr *there)
{
	if (!ct_expr_is_known(said) || !ct_expr_is_known(there))
		return CT_OPINION_NONE;
	return ct_expr_equal(said, there) ? CT_OPINION_YES : CT_OPINION_NO;
}

/* Memory at `address`, `size_bytes` from `offset` of the argument on. */
static enum ct_opinion ct_passed_compare_memory(struct ct_passed *passed,
						const struct ct_argument *argument,
						const struct ct_expr *address, uint64_t offset,
						uint64_t size_bytes, bool is_at_entry)
{
	struct ct_expr_arena *arena = passed->module->arena;
	enum ct_opinion opinion = CT_OPINION_NONE;
	if (argument->kind == CT_ARGUMENT_REFERENCE)
		return compare(address, argument->words[0].value);
	for (uint64_t at = 0; at < size_bytes;) {
		uint64_t chunk = ct_passed_chunk(size_bytes - at);
		const struct ct_expr *where = ct_expr_binary(arena, CT_EXPR_ADD, address,
							     ct_expr_constant(arena, (int64_t)at));
		const struct ct_expr *said =
			is_at_entry ? ct_expr_load(arena, where, (unsigned int)chunk)
				    : ct_machine_load(passed->module->machine, where,
						      (unsigned int)chunk, NULL);
		const struct ct_expr *there = argument_bytes(passed, argument, offset + at, chunk);
		switch (compare(said, there)) {
		case CT_OPINION_YES:
			opinion = CT_OPINION_YES;
			break;
		case CT_OPINION_NO:
			return CT_OPINION_NO;
		default:
			/* A place where part of it is not yet is not its place yet. */
			return CT_OPINION_NONE;
		}
		at += chunk;
	}
	return opinion;
}

static enum ct_opinion compare_piece(struct ct_passed *passed, const struct ct_argument *argument,
				     const struct ct_location_piece *piece, uint64_t offset,
				     uint64_t size_bytes, bool is_at_entry)
{
	struct ct_expr_arena *arena = passed->module->arena;
	switch (piece->kind) {
	case CT_LOCATION_VALUE:
		if (argument->kind != CT_ARGUMENT_WORDS)
			return CT_OPINION_NO;
		/* A vector register is more than a word; that the first is right tells it. */
		if (size_bytes > 8)
			size_bytes = 8;
		return compare(low_bytes(arena, piece->expr, size_bytes),
			       argument_bytes(passed, argument, offset, size_bytes));
	case CT_LOCATION_MEMORY:
		return ct_passed_compare_memory(passed, argument, piece->expr, offset, size_bytes,
						is_at_entry);
	case CT_LOCATION_BYTES:
		return CT_OPINION_NO;
	default:
		return CT_OPINION_NONE;
	}
}

/* A location in terms of the entry. */
enum ct_opinion ct_passed_compare(struct ct_passed *passed, const struct ct_argument *argument,
				  const struct ct_location *location, bool is_at_entry)
{
	enum ct_opinion opinion = CT_OPINION_NONE;
	uint64_t offset = 0;
	for (size_t i = 0; i < location->piece_count && offset < argument->size_bytes; i++) {
		const struct ct_location_piece *piece = &location->pieces[i];
		uint64_t left = argument->size_bytes - offset;
		uint64_t size_bytes = location->is_composite && piece->size_bytes < left
					      ? piece->size_bytes
					      : left;
		enum ct_opinion next = compare_piece(passed, argument, piece, offset, size_bytes,
						     is_at_entry);
		if (next == CT_OPINION_NO)
			return CT_OPINION_NO;
		if (next == CT_OPINION_YES)
			opinion = CT_OPINION_YES;
		offset += size_bytes;
	}
	return opinion;
}

/* The place of a variable that has one for good: in the frame, in terms of the entry. */
static const struct ct_expr *find_home(struct ct_passed *passed, Dwarf_Die *located)
{
	struct ct_location location;
	struct ct_location_context context = ct_passed_context(passed, passed->site);
	context.machine = passed->module->machine;
	ct_location_find(&context, located, &location);
	if (!location.is_everywhere || location.is_composite ||
	    location.pieces[0].kind != CT_LOCATION_MEMORY)
		return NULL;
	return location.pieces[0].expr;
}

void ct_passed_ask_entry(struct ct_passed *passed, struct ct_passed_parameter *candidate,
			 Dwarf_Die *located)
{
	struct ct_location location;
	struct ct_location_context at_entry = ct_passed_context(passed, passed->low);
	ct_location_find(&at_entry, located, &location);
	if (!location.is_everywhere)
		candidate->opinion = ct_passed_compare(passed, &candidate->argument, &location,
						       true);
}

void ct_passed_ask_call(struct ct_passed *passed, struct ct_passed_parameter *candidate,
			Dwarf_Die *located)
{
	struct ct_location location;
	/* In the last byte of the call; what the hook may change is not asked. */
	struct ct_location_context at_call = ct_passed_context(passed, passed->site - 1);
	at_call.machine = passed->module->machine;
	at_call.is_in_call = true;
	ct_location_find(&at_call, located, &location);
	candidate->opinion = ct_passed_compare(passed, &candidate->argument, &location, false);
	candidate->home = find_home(passed, located);
	/* Its home is not yet what it will be. */
	if (candidate->home && candidate->opinion == CT_OPINION_NO)
		candidate->opinion = CT_OPINION_NONE;
}

/* What the debug information says of it at `address`, which the machine has reached. */
static void ask_at(struct ct_passed *passed, struct ct_passed_parameter *candidate,
		   Dwarf_Die *located, uint64_t address)
{
	struct ct_location location;
	if (candidate->home) {
		if (ct_passed_compare_memory(passed, &candidate->argument, candidate->home, 0,
					     candidate->argument.size_bytes,
					     false) == CT_OPINION_YES)
			candidate->opinion = CT_OPINION_YES;
		return;
	}
	struct ct_location_context context = ct_passed_context(passed, address);
	context.machine = passed->module->machine;
	ct_location_find(&context, located, &location);
	candidate->opinion = ct_passed_compare(passed, &candidate->argument, &location, false);
}

/*
 * Run on behind the hook, until what was passed has been stored in each home,
 * and has begun to be there for the debug information.
 */
void ct_passed_ask_behind(struct ct_passed *passed, struct ct_plan_parameter_list *parameters)
{
	struct ct_machine *machine = passed->module->machine;
	uint64_t at = passed->call;
	ct_machine_skip_call(machine, passed->code, &at);
	for (int step = 0; step < STEPS_MAX; step++) {
		bool is_waiting = false;
		for (size_t i = 0; i < passed->count; i++) {
			struct ct_passed_parameter *candidate = &passed->list[i];
			Dwarf_Die *located = &parameters->list[i].located;
			if (candidate->opinion != CT_OPINION_NONE || !located->addr ||
			    candidate->argument.kind == CT_ARGUMENT_UNKNOWN)
				continue;
			ask_at(passed, candidate, located, at);
			is_waiting |= candidate->opinion == CT_OPINION_NONE;
		}
		uint64_t next = ct_machine_next(machine, passed->code, at);
		if (!is_waiting || next == 0 ||
		    ct_machine_run(machine, passed->code, at, next, &at) != CT_MACHINE_AT)
			return;
	}
}

/* ---- where it is at the hook ---- */

static struct ct_location_piece absent(enum ct_why why)
{
	return (struct ct_location_piece){.kind = CT_LOCATION_ABSENT, .why = why};
}

/* rsp at the hook + offset */
static const struct ct_expr *frame_address(struct ct_passed *passed, int64_t rsp_offset)
{
	struct ct_expr_arena *arena = passed->module->arena;
	return ct_expr_binary(arena, CT_EXPR_ADD, ct_expr_register(arena, RSP),
			      ct_expr_constant(arena, rsp_offset));
}

/* A word that was passed, in terms of the hook. NULL: it is nowhere. */
static const struct ct_expr *find_word(struct ct_passed *passed, const struct ct_expr *value,
				       unsigned int size_bytes)
{
	struct ct_expr_arena *arena = passed->module->arena;
	struct ct_expr_place place;
	unsigned int found_bytes = size_bytes == 3 ? 4 : size_bytes > 4 ? 8 : size_bytes;
	if (!ct_machine_find(passed->module->machine, value, found_bytes, &place))
		return NULL;
	if (place.in_register)
		return ct_expr_register(arena, place.number);
	return ct_expr_load(arena, frame_address(passed, place.rsp_offset), found_bytes);
}

static void find_words(struct ct_passed *passed, struct ct_passed_parameter *candidate)
{
	const struct ct_argument *argument = &candidate->argument;
	struct ct_location *found = &candidate->found;
	bool is_any_found = false;
	found->is_composite = argument->word_count > 1;
	found->is_everywhere = false;
	found->piece_count = argument->word_count;
	for (size_t i = 0; i < argument->word_count; i++) {
		const struct ct_expr *word = find_word(passed, argument->words[i].value,
						       argument->words[i].size_bytes);
		found->pieces[i] = absent(CT_WHY_OPTIMIZED_OUT);
		if (word)
			found->pieces[i] = (struct ct_location_piece){.kind = CT_LOCATION_VALUE,
								      .expr = word};
		found->pieces[i].size_bytes = argument->words[i].size_bytes;
		is_any_found |= word != NULL;
	}
	if (!is_any_found)
		ct_location_set_absent(found, CT_WHY_OPTIMIZED_OUT);
}

/* Has nothing been stored over an argument on the stack on the way to the hook? */
static bool is_untouched(struct ct_passed *passed, const struct ct_argument *argument)
{
	for (uint64_t at = 0; at < argument->size_bytes; at += 8) {
		const struct ct_expr *initial = argument_bytes(passed, argument, at, 8);
		if (initial->kind != CT_EXPR_LOAD ||
		    !ct_expr_equal(ct_machine_load(passed->module->machine, initial->left, 8, NULL),
				   initial))
			return false;
	}
	return true;
}

void ct_passed_find(struct ct_passed *passed, struct ct_passed_parameter *candidate)
{
	const struct ct_argument *argument = &candidate->argument;
	static const uint8_t nothing[1];
	const struct ct_expr *address = NULL;
	switch (argument->kind) {
	case CT_ARGUMENT_WORDS:
		find_words(passed, candidate);
		return;
	case CT_ARGUMENT_STACK:
		if (is_untouched(passed, argument))
			address = frame_address(passed, (int64_t)argument->stack_offset +
								RETURN_ADDRESS_BYTES - passed->rsp);
		break;
	case CT_ARGUMENT_REFERENCE:
		address = find_word(passed, argument->words[0].value, 8);
		break;
	case CT_ARGUMENT_EMPTY:
		ct_location_set_absent(&candidate->found, CT_WHY_OPTIMIZED_OUT);
		candidate->found.pieces[0] = (struct ct_location_piece){
			.kind = CT_LOCATION_BYTES, .bytes = nothing, .size_bytes = 1};
		return;
	default:
		break;
	}
	ct_location_set_absent(&candidate->found, CT_WHY_OPTIMIZED_OUT);
	if (address)
		candidate->found.pieces[0] = (struct ct_location_piece){.kind = CT_LOCATION_MEMORY,
									.expr = address};
}
