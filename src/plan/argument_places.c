/* SPDX-License-Identifier: MIT */
/*
 * System V ABI for x86-64, 3.2.3. A value has the same classes as an argument
 * and as a return value; what does not fit into the registers that are left
 * goes on the stack as a whole. One that the describer is not sure of ends the
 * list: where those behind it are depends on it.
 */
#include "plan/argument_places.h"

#include <dwarf.h>

#include "plan/type.h"

enum {
	INTEGER_REGISTERS = 6,
	VECTOR_REGISTERS = 8,
	RSP = 7,
	RETURN_ADDRESS_BYTES = 8,
	X87_BYTES = 10,
	X87_STACK_BYTES = 16,
};

/* rdi, rsi, rdx, rcx, r8, r9 */
static const uint8_t integer_registers[INTEGER_REGISTERS] = {5, 4, 1, 2, 8, 9};

struct ct_argument_cursor ct_argument_cursor_init(struct ct_describer *describer,
						  struct ct_expr_arena *arena,
						  Dwarf_Die *return_type,
						  unsigned int clang_version)
{
	struct ct_argument_cursor cursor = {
		.describer = describer, .arena = arena, .clang_version = clang_version};
	struct ct_return_place place = {.class = CT_RETURN_NONE};
	if (return_type)
		place = ct_describe_return_place(describer, return_type);
	/* The address of what is returned in memory is an argument before the first. */
	cursor.integer_count = place.class == CT_RETURN_MEMORY;
	cursor.is_lost = place.class == CT_RETURN_UNSURE;
	return cursor;
}

static const struct ct_expr *stack_address(const struct ct_argument_cursor *cursor, uint64_t offset)
{
	return ct_expr_binary(
		cursor->arena, CT_EXPR_ADD, ct_expr_register(cursor->arena, RSP),
		ct_expr_constant(cursor->arena, (int64_t)(offset + RETURN_ADDRESS_BYTES)));
}

static void add_word(struct ct_argument *argument, const struct ct_expr *value, uint64_t size_bytes)
{
	size_t i = argument->word_count++;
	argument->words[i].value = value;
	argument->words[i].size_bytes = (unsigned int)size_bytes;
}

/*
 * Types may be aligned to more than their members are, and the debug
 * information need not tell: but not to more than their size is a multiple of.
 */
static void check_alignment(struct ct_argument_cursor *cursor, uint64_t size_bytes)
{
	enum { ALIGNMENT_MAX = 64 };
	uint64_t alignment = size_bytes ? size_bytes & -size_bytes : 8;
	if (alignment > ALIGNMENT_MAX)
		alignment = ALIGNMENT_MAX;
	if (cursor->stack_bytes % 8 != 0 || (alignment > 8 && cursor->stack_bytes % alignment != 0))
		cursor->is_stack_lost = true;
}

/* Up to 32 bytes word by word, as they lie on the stack. */
static void put_words_on_stack(struct ct_argument_cursor *cursor, struct ct_argument *argument)
{
	uint64_t at = 0;
	argument->stack_offset = cursor->stack_bytes;
	while (at < argument->size_bytes) {
		uint64_t left = argument->size_bytes - at;
		const struct ct_expr *address = stack_address(cursor, cursor->stack_bytes);
		add_word(argument, ct_expr_load(cursor->arena, address, 8), left < 8 ? left : 8);
		cursor->stack_bytes += 8;
		at += 8;
	}
}

static void put_in_registers(struct ct_argument_cursor *cursor, struct ct_argument *argument,
			     const struct ct_return_place *place)
{
	for (unsigned int i = 0; i < place->part_count; i++) {
		uint64_t left = place->parts[i].size_bytes;
		if (!place->parts[i].is_sse) {
			unsigned int number = integer_registers[cursor->integer_count++];
			add_word(argument, ct_expr_register(cursor->arena, number), left);
			continue;
		}
		unsigned int number = cursor->vector_count++;
		add_word(argument, ct_expr_register(cursor->arena, CT_EXPR_XMM + number),
			 left < 8 ? left : 8);
		if (left > 8)
			add_word(argument,
				 ct_expr_register(cursor->arena, CT_EXPR_XMM_HIGH + number),
				 left - 8);
	}
}

/*
 * A number of 16 bytes for which there are not enough registers is aligned on
 * the stack. Not for Clang before 18: that passes each half by itself, maybe
 * one in the last register, and aligns nothing.
 */
static void place_wide(struct ct_argument_cursor *cursor, struct ct_argument *argument,
		       const struct ct_return_place *place)
{
	enum { FIRST_KNOWN = 4, FIRST_WHOLE = 18, WIDE_BYTES = 16 };
	unsigned int version = cursor->clang_version;
	if (place->parts[0].is_sse || argument->size_bytes != WIDE_BYTES ||
	    (version > 0 && version < FIRST_KNOWN)) {
		cursor->is_lost = true;
		return;
	}
	bool is_split = version > 0 && version < FIRST_WHOLE;
	if (!is_split)
		cursor->stack_bytes = (cursor->stack_bytes + 15) & ~UINT64_C(15);
	if (cursor->is_stack_lost)
		return;
	argument->kind = CT_ARGUMENT_WORDS;
	argument->stack_offset = cursor->stack_bytes;
	for (int i = 0; i < 2; i++) {
		if (is_split && cursor->integer_count < INTEGER_REGISTERS) {
			unsigned int number = integer_registers[cursor->integer_count++];
			add_word(argument, ct_expr_register(cursor->arena, number), 8);
			continue;
		}
		const struct ct_expr *address = stack_address(cursor, cursor->stack_bytes);
		add_word(argument, ct_expr_load(cursor->arena, address, 8), 8);
		cursor->stack_bytes += 8;
	}
}

static void place_words(struct ct_argument_cursor *cursor, struct ct_argument *argument,
			const struct ct_return_place *place, bool is_class)
{
	unsigned int integers = 0;
	unsigned int vectors = 0;
	bool is_known = place->part_count >= 1 && place->part_count <= 2;
	for (unsigned int i = 0; is_known && i < place->part_count; i++) {
		unsigned int size = place->parts[i].size_bytes;
		integers += !place->parts[i].is_sse;
		vectors += place->parts[i].is_sse;
		is_known = size > 0 && size <= (place->parts[i].is_sse ? 16 : 8);
	}
	cursor->is_lost = !is_known;
	if (cursor->is_lost)
		return;
	bool fits = cursor->integer_count + integers <= INTEGER_REGISTERS &&
		    cursor->vector_count + vectors <= VECTOR_REGISTERS;
	if (!fits && argument->size_bytes > 8 && !is_class) {
		place_wide(cursor, argument, place);
		return;
	}
	if (!fits)
		check_alignment(cursor, argument->size_bytes);
	if (!fits && cursor->is_stack_lost)
		return;
	argument->kind = CT_ARGUMENT_WORDS;
	if (fits)
		put_in_registers(cursor, argument, place);
	else
		put_words_on_stack(cursor, argument);
}

static void place_reference(struct ct_argument_cursor *cursor, struct ct_argument *argument)
{
	argument->kind = CT_ARGUMENT_REFERENCE;
	if (cursor->integer_count < INTEGER_REGISTERS) {
		unsigned int number = integer_registers[cursor->integer_count++];
		add_word(argument, ct_expr_register(cursor->arena, number), 8);
		return;
	}
	if (cursor->is_stack_lost) {
		argument->kind = CT_ARGUMENT_UNKNOWN;
		return;
	}
	add_word(argument,
		 ct_expr_load(cursor->arena, stack_address(cursor, cursor->stack_bytes), 8), 8);
	cursor->stack_bytes += 8;
}

static void place_on_stack(struct ct_argument_cursor *cursor, struct ct_argument *argument,
			   uint64_t alignment)
{
	if (alignment < 8)
		alignment = 8;
	cursor->stack_bytes = (cursor->stack_bytes + alignment - 1) & ~(alignment - 1);
	check_alignment(cursor, argument->size_bytes);
	if (cursor->is_stack_lost)
		return;
	argument->kind = CT_ARGUMENT_STACK;
	argument->stack_offset = cursor->stack_bytes;
	cursor->stack_bytes += (argument->size_bytes + 7) & ~UINT64_C(7);
}

/* What a type is aligned to, as far as its members and its declaration tell. */
static uint64_t alignment_of(struct ct_argument_cursor *cursor, struct ct_type *type,
			     unsigned int depth)
{
	Dwarf_Attribute attribute;
	Dwarf_Word declared = 0;
	uint64_t alignment = 1;
	if (dwarf_formudata(dwarf_attr(&type->die, DW_AT_alignment, &attribute), &declared) == 0 &&
	    declared > alignment && declared <= 4096 && (declared & (declared - 1)) == 0)
		alignment = declared;
	if (depth > CT_TYPE_DEPTH_MAX || !ct_type_step(cursor->describer))
		return alignment;
	if (type->tag == DW_TAG_array_type) {
		struct ct_type element;
		ct_type_peel_target(cursor->describer, &type->die, &element);
		uint64_t inner = alignment_of(cursor, &element, depth + 1);
		return inner > alignment ? inner : alignment;
	}
	if (!ct_type_is_class(type->tag)) {
		uint64_t size_bytes = ct_type_size(cursor->describer, type);
		bool is_complex = ct_type_encoding(cursor->describer, type) == DW_ATE_complex_float;
		if (is_complex)
			size_bytes /= 2;
		return size_bytes > alignment && size_bytes <= 16 ? size_bytes : alignment;
	}
	const struct ct_class *class = ct_type_class(cursor->describer, type);
	for (size_t i = 0; class && i < class->member_count; i++) {
		struct ct_type member;
		ct_type_peel(cursor->describer, &class->members[i].type, &member);
		uint64_t inner = alignment_of(cursor, &member, depth + 1);
		if (inner > alignment)
			alignment = inner;
	}
	return alignment;
}

/* Without a hole between or behind the members a class may be packed, and not be aligned. */
static bool may_be_packed(struct ct_argument_cursor *cursor, struct ct_type *type)
{
	const struct ct_class *class = ct_type_class(cursor->describer, type);
	uint64_t member_bytes = 0;
	for (size_t i = 0; class && i < class->member_count; i++) {
		struct ct_type member;
		if (class->members[i].bit_count)
			return true;
		ct_type_peel(cursor->describer, &class->members[i].type, &member);
		member_bytes += ct_type_size(cursor->describer, &member);
	}
	return !class || member_bytes >= class->size_bytes;
}

static void place_in_memory(struct ct_argument_cursor *cursor, struct ct_argument *argument,
			    struct ct_type *type)
{
	ct_type_begin(cursor->describer);
	enum ct_triviality triviality = ct_type_triviality(cursor->describer, type);
	if (triviality == CT_TRIVIAL_NO) {
		place_reference(cursor, argument);
		return;
	}
	cursor->is_lost = triviality != CT_TRIVIAL_YES;
	if (cursor->is_lost)
		return;
	uint64_t alignment = alignment_of(cursor, type, 0);
	if (cursor->stack_bytes % alignment != 0 && alignment > 8 && may_be_packed(cursor, type))
		cursor->is_stack_lost = true;
	place_on_stack(cursor, argument, alignment);
}

struct ct_argument ct_argument_next(struct ct_argument_cursor *cursor, Dwarf_Die *type_die)
{
	struct ct_argument argument = {.kind = CT_ARGUMENT_UNKNOWN};
	struct ct_type type;
	if (cursor->is_lost)
		return argument;
	argument.size_bytes = ct_describe_size(cursor->describer, type_die);
	struct ct_return_place place = ct_describe_return_place(cursor->describer, type_die);
	ct_type_begin(cursor->describer);
	ct_type_peel(cursor->describer, type_die, &type);
	switch (place.class) {
	case CT_RETURN_NONE:
		argument.kind = CT_ARGUMENT_EMPTY;
		break;
	case CT_RETURN_MEMORY:
		place_in_memory(cursor, &argument, &type);
		break;
	case CT_RETURN_X87:
		place_on_stack(cursor, &argument, X87_STACK_BYTES);
		if (argument.size_bytes == X87_STACK_BYTES)
			argument.size_bytes = X87_BYTES;
		break;
	case CT_RETURN_REGISTERS:
		place_words(cursor, &argument, &place, ct_type_is_class(type.tag));
		break;
	default:
		cursor->is_lost = true;
		break;
	}
	return argument;
}

struct ct_argument ct_argument_next_reference(struct ct_argument_cursor *cursor)
{
	struct ct_argument argument = {.kind = CT_ARGUMENT_UNKNOWN};
	if (!cursor->is_lost)
		place_reference(cursor, &argument);
	return argument;
}

/* ---- padding ---- */

static void mark_members(struct ct_describer *describer, Dwarf_Die *type_die, uint64_t offset,
			 bool is_member[CT_ARGUMENT_PADDED_MAX], unsigned int depth)
{
	struct ct_type type;
	ct_type_peel(describer, type_die, &type);
	const struct ct_class *class = ct_type_is_class(type.tag) ? ct_type_class(describer, &type)
								  : NULL;
	uint64_t size_bytes = ct_type_size(describer, &type);
	/* What is not looked into counts as a whole. */
	bool is_whole = !class || class->is_cut || depth > CT_TYPE_DEPTH_MAX ||
			!ct_type_step(describer);
	for (uint64_t i = offset; is_whole && i < offset + size_bytes && i < CT_ARGUMENT_PADDED_MAX;
	     i++)
		is_member[i] = true;
	for (size_t i = 0; !is_whole && i < class->member_count; i++) {
		const struct ct_member *member = &class->members[i];
		Dwarf_Die member_type = member->type;
		uint64_t first = offset + member->bit_offset / 8;
		uint64_t last = offset + (member->bit_offset + member->bit_count + 7) / 8;
		if (!member->bit_count)
			mark_members(describer, &member_type, offset + member->offset, is_member,
				     depth + 1);
		for (uint64_t j = first;
		     member->bit_count && j < last && j < CT_ARGUMENT_PADDED_MAX; j++)
			is_member[j] = true;
	}
}

void ct_argument_mark_members(struct ct_describer *describer, Dwarf_Die *type,
			      bool is_member[CT_ARGUMENT_PADDED_MAX])
{
	ct_type_begin(describer);
	mark_members(describer, type, 0, is_member, 0);
}
