/* SPDX-License-Identifier: MIT */
/*
 * What a function was passed, and where it is when the enter hook is called:
 * by the ABI and by running the code from the function's entry to the hook, and
 * not by what the debug information says of the hook. See passed.h.
 */
#include "plan/passed.h"

#include <dwarf.h>
#include <string.h>

#include "plan/machine_scan.h"
#include "plan/type.h"

enum {
	RSP = 7,
	RETURN_ADDRESS_BYTES = 8,
	STEPS_MAX = 300, /* instructions behind the hook until all parameters are at home */
	CALLS_MAX = 16,	 /* before the hook: thunks of position-independent code and the like */
};

/* Those that are what they were at the call all through a function. */
static const uint8_t kept_registers[CT_PASSED_REGISTERS] = {RSP, 6, 3, 12, 13, 14, 15};

struct ct_location_context ct_passed_context(struct ct_passed *passed, uint64_t address)
{
	return (struct ct_location_context){
		.arena = passed->module->arena,
		.address = address,
		.function = &passed->function,
		.cfi = passed->module->cfi,
		.debug_cfi = passed->module->debug_cfi,
		.memo = passed->module->memo,
	};
}

/* `and $-n, %rsp`: the frame from there on begins where nobody knows. */
static bool is_alignment(const struct ct_code *code, uint64_t address)
{
	static const uint8_t prefix[] = {0x48, 0x83, 0xe4};
	static const uint8_t long_prefix[] = {0x48, 0x81, 0xe4};
	uint64_t at = address - code->address;
	return at + sizeof(prefix) < code->size_bytes &&
	       (memcmp(code->bytes + at, prefix, sizeof(prefix)) == 0 ||
		memcmp(code->bytes + at, long_prefix, sizeof(long_prefix)) == 0);
}

/*
 * `test %al, %al; je`, of a function with variable arguments: the vector
 * registers are saved or not. They are when there is an argument in one.
 */
static bool is_vector_test(const struct ct_code *code, uint64_t address)
{
	uint64_t at = address - code->address;
	const uint8_t *bytes = code->bytes + at;
	return at >= 2 && at + 2 <= code->size_bytes && bytes[-2] == 0x84 && bytes[-1] == 0xc0 &&
	       (bytes[0] == 0x74 || bytes[0] == 0x0f);
}

/* The first alignment of the stack, before any call; 0: there is none. */
uint64_t ct_passed_alignment(struct ct_passed *passed)
{
	enum { PROLOGUE_MAX = 40 };
	uint64_t at = passed->low;
	for (int i = 0; i < PROLOGUE_MAX && at && at < passed->site; i++) {
		if (is_alignment(passed->code, at))
			return at;
		at = ct_machine_next(passed->module->machine, passed->code, at);
	}
	return 0;
}

static bool read_rsp(struct ct_passed *passed, int64_t *ret)
{
	const struct ct_expr *base;
	ct_expr_split(ct_machine_register(passed->module->machine, RSP), &base, ret);
	return base && base->kind == CT_EXPR_REGISTER && base->number == RSP;
}

/*
 * Pass over the alignment as if it changed nothing: what lies above and what
 * lies below are addressed from different registers, and do not meet. Only the
 * distance between them is wrong.
 */
static bool pass_alignment(struct ct_passed *passed, uint64_t *at)
{
	struct ct_machine *machine = passed->module->machine;
	uint64_t alignment = ct_passed_alignment(passed);
	passed->is_aligned = alignment != 0;
	if (!alignment)
		return true;
	if (ct_machine_run(machine, passed->code, *at, alignment, at) != CT_MACHINE_AT ||
	    !read_rsp(passed, &passed->aligned_rsp))
		return false;
	*at = ct_machine_next(machine, passed->code, *at);
	return *at != 0;
}

static void keep_registers(struct ct_passed *passed)
{
	for (size_t i = 0; i < sizeof(kept_registers); i++)
		passed->registers[i] = ct_machine_register(passed->module->machine,
							   kept_registers[i]);
}

bool ct_passed_run_to(struct ct_passed *passed, uint64_t address)
{
	struct ct_machine *machine = passed->module->machine;
	uint64_t at = passed->low;
	ct_machine_reset(machine);
	uint64_t alignment = ct_passed_alignment(passed);
	if (alignment && alignment < address && !pass_alignment(passed, &at))
		return false;
	return ct_machine_run(machine, passed->code, at, address, &at) == CT_MACHINE_AT;
}

void ct_passed_run(struct ct_passed *passed)
{
	struct ct_machine *machine = passed->module->machine;
	uint64_t at = passed->low;
	ct_machine_reset(machine);
	passed->call = 0;
	if (!passed->code || !pass_alignment(passed, &at))
		return;
	for (int i = 0; i < CALLS_MAX; i++) {
		enum ct_machine_stop stop = ct_machine_run(machine, passed->code, at, 0, &at);
		uint64_t next = ct_machine_next(machine, passed->code, at);
		if (stop == CT_MACHINE_BRANCH && is_vector_test(passed->code, at)) {
			at = next;
		} else if (stop != CT_MACHINE_CALL) {
			return;
		} else if (next == passed->site) {
			passed->call = read_rsp(passed, &passed->rsp) ? at : 0;
			keep_registers(passed);
			return;
		} else {
			ct_machine_skip_call(machine, passed->code, &at);
		}
	}
}

void ct_passed_run_once(struct ct_passed *passed)
{
	if (!passed->has_run)
		ct_passed_run(passed);
	passed->has_run = true;
}

uint64_t ct_passed_bytes(struct ct_passed *passed, Dwarf_Die *type_die)
{
	enum { X87_FORMAT = 10, X87_BYTES = 10 };
	struct ct_describer *describer = passed->module->describer;
	struct ct_type type;
	uint64_t size_bytes = ct_describe_size(describer, type_die);
	ct_type_begin(describer);
	ct_type_peel(describer, type_die, &type);
	bool is_x87 = type.tag == DW_TAG_base_type &&
		      ct_type_encoding(describer, &type) == DW_ATE_float &&
		      ct_type_float_format(&type, size_bytes) == X87_FORMAT;
	return is_x87 ? X87_BYTES : size_bytes;
}

struct ct_argument_cursor ct_passed_cursor(struct ct_passed *passed)
{
	Dwarf_Die return_type;
	bool returns = ct_plan_return_type(&passed->function, &return_type);
	struct ct_argument_cursor cursor =
		ct_argument_cursor_init(passed->module->describer, passed->module->arena,
					returns ? &return_type : NULL, passed->clang_version);
	if (passed->convention_of != passed->function.addr)
		passed->convention = ct_plan_convention(passed->module, &passed->function,
							passed->low);
	passed->convention_of = passed->function.addr;
	cursor.is_lost |= passed->convention != CT_CONVENTION_SYSTEM_V &&
			  passed->convention != CT_CONVENTION_PRESERVING;
	return cursor;
}

bool ct_passed_is_promoted(struct ct_passed *passed, Dwarf_Die *type_die)
{
	struct ct_describer *describer = passed->module->describer;
	Dwarf_Attribute attribute;
	struct ct_type type;
	bool is_prototyped = false;
	dwarf_formflag(dwarf_attr_integrate(&passed->function, DW_AT_prototyped, &attribute),
		       &is_prototyped);
	if (is_prototyped || !type_die->addr ||
	    ct_type_language(describer, &passed->function) != CT_LANGUAGE_C)
		return false;
	ct_type_begin(describer);
	ct_type_peel(describer, type_die, &type);
	return type.tag == DW_TAG_base_type && ct_type_encoding(describer, &type) == DW_ATE_float &&
	       ct_type_size(describer, &type) == sizeof(float);
}

void ct_passed_assign(struct ct_passed *passed, struct ct_plan_parameter_list *parameters)
{
	struct ct_argument_cursor cursor = ct_passed_cursor(passed);
	passed->count = parameters->count;
	for (size_t i = 0; i < passed->count; i++) {
		struct ct_passed_parameter *candidate = &passed->list[i];
		Dwarf_Die *type = &parameters->list[i].type;
		candidate->opinion = CT_OPINION_NONE;
		candidate->home = NULL;
		cursor.is_lost |= type->addr == NULL && !parameters->list[i].is_unlisted;
		candidate->argument = (struct ct_argument){.kind = CT_ARGUMENT_UNKNOWN};
		ct_location_set_absent(&candidate->found, CT_WHY_PLAN_UNSURE);
		if (parameters->list[i].is_unlisted) {
			candidate->argument = ct_argument_next_reference(&cursor);
		} else if (type->addr) {
			candidate->argument = ct_argument_next(&cursor, type);
			if (ct_passed_is_promoted(passed, type))
				candidate->argument.kind = CT_ARGUMENT_UNKNOWN;
			if (candidate->argument.kind == CT_ARGUMENT_UNKNOWN)
				candidate->argument.size_bytes = ct_passed_bytes(passed, type);
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
	if (argument->kind == CT_ARGUMENT_REFERENCE) {
		const struct ct_expr *value = argument->words[0].value;
		/* Clang forgets to follow the pointer when that is on the stack. */
		if (value->kind == CT_EXPR_LOAD && ct_expr_equal(value->left, address))
			return CT_OPINION_YES;
		return compare(address, value);
	}
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

enum ct_opinion ct_passed_compare(struct ct_passed *passed, const struct ct_argument *argument,
				  const struct ct_location *location, bool is_at_entry)
{
	enum ct_opinion opinion = CT_OPINION_NONE;
	bool is_unsure = false;
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
		else if (piece->kind != CT_LOCATION_ABSENT)
			is_unsure = true;
		offset += size_bytes;
	}
	/* One member that is as it was passed says nothing of the others. */
	return is_unsure ? CT_OPINION_NONE : opinion;
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

/* An address in the frame, as an offset from rsp at the entry, in terms of the hook. */
static const struct ct_expr *frame_address(struct ct_passed *passed, int64_t offset)
{
	struct ct_expr_arena *arena = passed->module->arena;
	const struct ct_expr *base = ct_expr_register(arena, RSP);
	int64_t base_offset = passed->rsp;
	/* Above an alignment the end of the frame is near, and rsp is not. */
	if (offset >= 0 || (passed->is_aligned && offset >= passed->aligned_rsp)) {
		struct ct_location_context context = ct_passed_context(passed, passed->site - 1);
		context.is_in_call = true;
		base = ct_location_cfa(&context);
		base_offset = RETURN_ADDRESS_BYTES;
	}
	return ct_expr_binary(arena, CT_EXPR_ADD, base,
			      ct_expr_constant(arena, offset - base_offset));
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
	return ct_expr_load(arena, frame_address(passed, passed->rsp + place.rsp_offset),
			    found_bytes);
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

bool ct_passed_is_callers(const struct ct_expr *address, const struct ct_expr *cfa)
{
	const struct ct_expr *base, *cfa_base;
	int64_t offset, cfa_offset;
	ct_expr_split(address, &base, &offset);
	ct_expr_split(cfa, &cfa_base, &cfa_offset);
	return base && cfa_base && ct_expr_equal(base, cfa_base) && offset >= cfa_offset;
}

/* The range of memory a location counts on in the caller's part of the stack, from the CFA. */
static bool callers_part(const struct ct_passed_parameter *parameter, const struct ct_expr *cfa,
			 int64_t *ret_low, int64_t *ret_high)
{
	const struct ct_expr *base;
	int64_t offset, cfa_offset;
	bool is_any = false;
	ct_expr_split(cfa, &base, &cfa_offset);
	for (size_t i = 0; i < parameter->found.piece_count; i++) {
		const struct ct_location_piece *piece = &parameter->found.pieces[i];
		const struct ct_expr *address = piece->expr;
		int64_t size_bytes = (int64_t)parameter->argument.size_bytes;
		if (piece->kind == CT_LOCATION_VALUE && address->kind == CT_EXPR_LOAD) {
			size_bytes = address->size;
			address = address->left;
		} else if (piece->kind != CT_LOCATION_MEMORY) {
			continue;
		}
		if (!ct_passed_is_callers(address, cfa))
			continue;
		ct_expr_split(address, &base, &offset);
		offset -= cfa_offset;
		if (!is_any || offset < *ret_low)
			*ret_low = offset;
		if (!is_any || offset + size_bytes > *ret_high)
			*ret_high = offset + size_bytes;
		is_any = true;
	}
	return is_any;
}

/* A range of the caller's part of the stack, from the CFA on, that is looked for in the code. */
struct wanted {
	int64_t low;
	int64_t high;
	bool copies_count;
};

/* In terms of a register that holds rsp as it was at the entry + `value`. */
static struct ct_machine_range range_from(const struct wanted *wanted, unsigned int number,
					  int64_t value)
{
	int64_t distance = RETURN_ADDRESS_BYTES - value;
	return (struct ct_machine_range){number, wanted->low + distance, wanted->high + distance};
}

/* Does code of the function behind the hook use it? */
static bool is_used_behind(struct ct_passed *passed, const struct wanted *wanted)
{
	enum { RANGES_MAX = 16 };
	const struct ct_machine *machine = passed->module->machine;
	Dwarf_Addr base, from, to;
	ptrdiff_t offset = 0;
	for (int i = 0; i < RANGES_MAX; i++) {
		offset = dwarf_ranges(&passed->function, offset, &base, &from, &to);
		if (offset <= 0)
			return false;
		const struct ct_code *code = ct_hook_sites_code(&passed->module->sites, from);
		if (passed->site >= from && passed->site < to)
			from = passed->site;
		for (size_t j = 0; code && j < CT_PASSED_REGISTERS; j++) {
			const struct ct_expr *value_base;
			int64_t value;
			ct_expr_split(passed->registers[j], &value_base, &value);
			if (!value_base || value_base->kind != CT_EXPR_REGISTER ||
			    value_base->number != RSP)
				continue;
			struct ct_machine_range range = range_from(wanted, kept_registers[j],
								   value);
			if (ct_machine_uses_memory(machine, code, from, to, wanted->copies_count,
						   &range))
				return true;
		}
	}
	return false;
}

/* The same on the way to the hook, where rsp moves. */
static bool is_used_before(struct ct_passed *passed, const struct wanted *wanted)
{
	struct ct_machine *machine = passed->module->machine;
	static const uint8_t registers[] = {RSP, 6};
	uint64_t at = passed->low;
	ct_machine_reset(machine);
	while (at < passed->call) {
		uint64_t next = ct_machine_next(machine, passed->code, at);
		for (size_t j = 0; j < sizeof(registers); j++) {
			const struct ct_expr *base;
			int64_t value;
			ct_expr_split(ct_machine_register(machine, registers[j]), &base, &value);
			struct ct_machine_range range = range_from(wanted, registers[j], value);
			if (base && base->kind == CT_EXPR_REGISTER && base->number == RSP &&
			    ct_machine_uses_memory(machine, passed->code, at, next,
						   wanted->copies_count, &range))
				return true;
		}
		if (next == 0)
			return false;
		if (!is_alignment(passed->code, at) &&
		    ct_machine_run(machine, passed->code, at, next, &at) != CT_MACHINE_AT)
			return false;
		at = next;
	}
	return false;
}

/* One value for the compiler: no class, array or complex number, whose bytes are copied. */
static bool is_scalar(struct ct_passed *passed, Dwarf_Die *type_die)
{
	struct ct_describer *describer = passed->module->describer;
	struct ct_type type;
	if (!type_die->addr)
		return false;
	ct_type_begin(describer);
	ct_type_peel(describer, type_die, &type);
	switch (type.tag) {
	case DW_TAG_base_type:
		return ct_type_encoding(describer, &type) != DW_ATE_complex_float;
	case DW_TAG_enumeration_type:
	case DW_TAG_pointer_type:
	case DW_TAG_reference_type:
	case DW_TAG_rvalue_reference_type:
		return true;
	default:
		return false;
	}
}

bool ct_passed_is_dead(struct ct_passed *passed, const struct ct_passed_parameter *parameter,
		       Dwarf_Die *type)
{
	struct ct_location_context context = ct_passed_context(passed, passed->site - 1);
	struct wanted wanted = {.copies_count = is_scalar(passed, type)};
	context.is_in_call = true;
	if (!passed->call ||
	    !callers_part(parameter, ct_location_cfa(&context), &wanted.low, &wanted.high))
		return false;
	return !is_used_behind(passed, &wanted) && !is_used_before(passed, &wanted);
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
								RETURN_ADDRESS_BYTES);
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
