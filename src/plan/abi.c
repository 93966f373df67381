/* SPDX-License-Identifier: MIT */
/*
 * How functions return values: System V ABI for x86-64, 3.2.3, and the Itanium
 * C++ ABI for classes that must not be copied byte by byte. Where compilers
 * differ, or options that DWARF does not tell decide, the answer is UNSURE.
 */
#include "plan/type.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

/* Values of DW_AT_calling_convention for classes, DWARF 5. */
#define PASS_BY_REFERENCE 0x4
#define PASS_BY_VALUE	  0x5

/* Classes of the parts of a value. UNSURE is none of the ABI's. */
enum part_class {
	NO_CLASS = 0,
	INTEGER,
	SSE,
	SSE_UP,
	X87,
	X87_UP,
	MEMORY,
	UNSURE,
};

/* A value of up to 16 bytes while its members are looked at. */
struct parts {
	enum part_class classes[2];
};

static enum part_class merge(enum part_class a, enum part_class b)
{
	if (a == UNSURE || b == UNSURE)
		return UNSURE;
	if (a == b || b == NO_CLASS)
		return a;
	if (a == NO_CLASS)
		return b;
	if (a == MEMORY || b == MEMORY)
		return MEMORY;
	if (a == INTEGER || b == INTEGER)
		return INTEGER;
	if (a == X87 || a == X87_UP || b == X87 || b == X87_UP)
		return MEMORY;
	return SSE;
}

static void put_part(struct parts *parts, uint64_t offset, enum part_class class)
{
	enum part_class *part = &parts->classes[offset / 8];
	*part = merge(*part, class);
}

static void fail(struct parts *parts, enum part_class class)
{
	parts->classes[0] = merge(parts->classes[0], class);
}

/* A number; not at a multiple of its size: MEMORY. */
static void put_scalar(struct parts *parts, uint64_t offset, uint64_t size_bytes,
		       uint64_t alignment, enum part_class class)
{
	if (offset + size_bytes > 16) {
		fail(parts, UNSURE);
		return;
	}
	if (offset % alignment != 0) {
		fail(parts, MEMORY);
		return;
	}
	put_part(parts, offset, class);
	if (size_bytes > 8)
		put_part(parts, offset + 8, class == SSE ? SSE_UP : class == X87 ? X87_UP : class);
}

static void classify(struct ct_describer *describer, Dwarf_Die *type_die, uint64_t offset,
		     struct parts *parts, unsigned int depth);

static void classify_float(struct ct_type *type, uint64_t offset, uint64_t size_bytes,
			   struct parts *parts, unsigned int depth)
{
	unsigned int format = ct_type_float_format(type, size_bytes);
	/* A struct of a quad: GCC follows the ABI, Clang 14 puts it into memory. */
	if ((format == 0 && size_bytes != 2) || (format == 16 && depth > 0))
		fail(parts, UNSURE);
	else
		put_scalar(parts, offset, size_bytes, size_bytes, format == 10 ? X87 : SSE);
}

static void classify_base(struct ct_describer *describer, struct ct_type *type, uint64_t offset,
			  uint64_t size_bytes, struct parts *parts, unsigned int depth)
{
	unsigned int format;
	switch (ct_type_encoding(describer, type)) {
	case DW_ATE_float:
		classify_float(type, offset, size_bytes, parts, depth);
		break;
	case DW_ATE_complex_float:
		format = ct_type_float_format(type, size_bytes / 2);
		if (format != 2 && format != 4 && format != 8) {
			fail(parts, size_bytes > 16 ? MEMORY : UNSURE);
			break;
		}
		put_scalar(parts, offset, format, format, SSE);
		put_scalar(parts, offset + format, format, format, SSE);
		break;
	case DW_ATE_decimal_float:
		put_scalar(parts, offset, size_bytes, size_bytes, SSE);
		break;
	case DW_ATE_boolean:
	case DW_ATE_signed:
	case DW_ATE_signed_char:
	case DW_ATE_unsigned:
	case DW_ATE_unsigned_char:
	case DW_ATE_UTF:
		/* GCC and Clang differ about where a wide _BitInt begins. */
		if (size_bytes > 8 && ct_type_precision(type) != 0)
			fail(parts, UNSURE);
		else
			put_scalar(parts, offset, size_bytes, size_bytes, INTEGER);
		break;
	default:
		fail(parts, UNSURE);
	}
}

static void classify_array(struct ct_describer *describer, struct ct_type *type, uint64_t offset,
			   struct parts *parts, unsigned int depth)
{
	struct ct_array array;
	if (!ct_type_array(describer, type, &array)) {
		/* Clang has structs with a flexible array member in memory, GCC as without. */
		fail(parts, UNSURE);
		return;
	}
	uint64_t elements = 1;
	for (unsigned int i = 0; i < array.dimensions; i++)
		if (__builtin_mul_overflow(elements, array.counts[i], &elements))
			elements = UINT64_MAX;
	if (elements > 16) {
		fail(parts, UNSURE);
		return;
	}
	for (uint64_t i = 0; i < elements; i++) {
		Dwarf_Die element = array.element;
		classify(describer, &element, offset + i * array.element_bytes, parts, depth + 1);
	}
}

static bool is_vector(struct ct_type *type)
{
	return type->tag == DW_TAG_array_type && dwarf_hasattr(&type->die, DW_AT_GNU_vector);
}

static void classify_vector(struct ct_describer *describer, struct ct_type *type, uint64_t offset,
			    uint64_t size_bytes, struct parts *parts)
{
	struct ct_array array;
	/* Small ones, and those of a single element, are where compilers disagree. */
	if (!ct_type_array(describer, type, &array) || array.counts[0] < 2 ||
	    (size_bytes != 8 && size_bytes != 16))
		fail(parts, UNSURE);
	else
		put_scalar(parts, offset, size_bytes, size_bytes, SSE);
}

static void classify_bits(const struct ct_member *member, uint64_t offset, struct parts *parts)
{
	uint64_t first = offset * 8 + member->bit_offset;
	uint64_t last = first + member->bit_count - 1;
	if (last >= 128 || (first / 64 != last / 64 && first % 64 != 0))
		fail(parts, UNSURE);
	else
		for (uint64_t at = first / 64; at <= last / 64; at++)
			put_part(parts, at * 8, INTEGER);
}

static void classify_class(struct ct_describer *describer, struct ct_type *type, uint64_t offset,
			   struct parts *parts, unsigned int depth)
{
	struct ct_class *class = ct_type_class(describer, type);
	if (!class || class->is_cut || type->is_declaration) {
		fail(parts, UNSURE);
		return;
	}
	for (size_t i = 0; i < class->member_count; i++) {
		const struct ct_member *member = &class->members[i];
		Dwarf_Die member_type = member->type;
		if (member->is_virtual)
			fail(parts, UNSURE);
		else if (member->bit_count)
			classify_bits(member, offset, parts);
		else
			classify(describer, &member_type, offset + member->offset, parts,
				 depth + 1);
	}
}

/* A typedef with an alignment of its own: for Clang the type then is where it should be, for GCC
 * it is misplaced. */
static bool is_aligned_otherwise(Dwarf_Die *type_die)
{
	Dwarf_Die die = *type_die;
	for (unsigned int i = 0; i < CT_TYPE_DEPTH_MAX; i++) {
		int tag = dwarf_tag(&die);
		if (tag != DW_TAG_typedef && !ct_type_is_qualifier(tag))
			return false;
		if (dwarf_hasattr(&die, DW_AT_alignment))
			return true;
		if (!ct_type_target(&die, &die))
			return false;
	}
	return true;
}

static void classify(struct ct_describer *describer, Dwarf_Die *type_die, uint64_t offset,
		     struct parts *parts, unsigned int depth)
{
	struct ct_type type;
	ct_type_peel(describer, type_die, &type);
	uint64_t size = ct_type_size(describer, &type);
	if (size > 0 && offset % size != 0 && is_aligned_otherwise(type_die))
		fail(parts, UNSURE);
	if (depth > CT_TYPE_DEPTH_MAX || offset > 16 || size > 16 || !ct_type_step(describer)) {
		fail(parts, UNSURE);
		return;
	}
	if (size == 0 && type.tag != DW_TAG_array_type && !ct_type_is_class(type.tag)) {
		fail(parts, UNSURE);
		return;
	}
	switch (type.tag) {
	case DW_TAG_base_type:
		classify_base(describer, &type, offset, size, parts, depth);
		break;
	case DW_TAG_enumeration_type:
	case DW_TAG_pointer_type:
	case DW_TAG_reference_type:
	case DW_TAG_rvalue_reference_type:
	case DW_TAG_unspecified_type: /* std::nullptr_t */
		put_scalar(parts, offset, size, size, INTEGER);
		break;
	case DW_TAG_ptr_to_member_type:
		put_scalar(parts, offset, size, 8, INTEGER);
		break;
	case DW_TAG_array_type:
		if (is_vector(&type))
			classify_vector(describer, &type, offset, size, parts);
		else
			classify_array(describer, &type, offset, parts, depth);
		break;
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
		classify_class(describer, &type, offset, parts, depth);
		break;
	default:
		fail(parts, UNSURE);
	}
}

/* --- C++: may it be copied byte by byte? --- */

static bool flag(Dwarf_Die *die, unsigned int attribute)
{
	Dwarf_Attribute value;
	bool is_set = false;
	return dwarf_formflag(dwarf_attr_integrate(die, attribute, &value), &is_set) == 0 && is_set;
}

static uint64_t number(Dwarf_Die *die, unsigned int attribute)
{
	Dwarf_Attribute value;
	Dwarf_Word word;
	return dwarf_formudata(dwarf_attr_integrate(die, attribute, &value), &word) == 0 ? word : 0;
}

/* Does a function that is defaulted say so? DWARF 5 has an attribute for it, which GCC uses in
 * earlier versions too, when it is not told to keep to the letter. */
static bool tells_defaulted(Dwarf_Die *die)
{
	Dwarf_Half version;
	Dwarf_Die unit;
	Dwarf_Attribute value;
	if (dwarf_cu_info(die->cu, &version, NULL, &unit, NULL, NULL, NULL, NULL) != 0)
		return false;
	if (version >= 5)
		return true;
	const char *producer = dwarf_formstring(dwarf_attr(&unit, DW_AT_producer, &value));
	if (!producer || strncmp(producer, "GNU C++", 7) != 0 || strstr(producer, "-gstrict-dwarf"))
		return false;
	const char *number_text = strchr(producer + 4, ' ');
	return number_text && strtoul(number_text, NULL, 10) >= 8;
}

/* What the class says of copying itself; the parts of it are asked too. */
struct copying {
	bool is_user_provided; /* a copy or move constructor, or the destructor */
	bool is_unsure;
	unsigned int deleted;
	unsigned int defaulted;
};

/* Is the constructor's second parameter (after `this`) a reference to the class itself? */
static void look_at_constructor(struct ct_describer *describer, Dwarf_Die *class,
				Dwarf_Die *function, struct copying *copying)
{
	Dwarf_Die child;
	unsigned int parameter = 0;
	bool is_copying = false;
	int status = dwarf_haschildren(function) ? dwarf_child(function, &child) : 1;
	for (; status == 0 && ct_type_step(describer); status = dwarf_siblingof(&child, &child)) {
		if (dwarf_tag(&child) != DW_TAG_formal_parameter)
			continue;
		parameter++;
		struct ct_type type;
		struct ct_type target;
		ct_type_peel_target(describer, &child, &type);
		if (parameter != 2 ||
		    (type.tag != DW_TAG_reference_type && type.tag != DW_TAG_rvalue_reference_type))
			continue;
		ct_type_peel_target(describer, &type.die, &target);
		is_copying = target.die.addr == class->addr;
	}
	if (!is_copying)
		return;
	if (flag(function, DW_AT_deleted))
		copying->deleted++;
	else if (number(function, DW_AT_defaulted) == DW_DEFAULTED_in_class ||
		 flag(function, DW_AT_artificial))
		copying->defaulted++;
	else if (parameter == 2)
		copying->is_user_provided = true;
	else
		copying->is_unsure = true; /* a copy constructor if the rest has default values */
}

static void look_at_functions(struct ct_describer *describer, struct ct_type *type,
			      struct copying *copying)
{
	const char *name = dwarf_diename(&type->die);
	size_t length = name ? strcspn(name, "<") : 0;
	Dwarf_Die child;
	int status = dwarf_haschildren(&type->die) ? dwarf_child(&type->die, &child) : 1;
	for (; status == 0; status = dwarf_siblingof(&child, &child)) {
		if (!ct_type_step(describer)) {
			copying->is_unsure = true;
			return;
		}
		const char *function = dwarf_tag(&child) == DW_TAG_subprogram
					       ? dwarf_diename(&child)
					       : NULL;
		if (!function)
			continue;
		if (*function == '~' && !flag(&child, DW_AT_artificial) &&
		    number(&child, DW_AT_defaulted) != DW_DEFAULTED_in_class)
			copying->is_user_provided = true;
		else if (length > 0 && strncmp(function, name, length) == 0 &&
			 (function[length] == '\0' || function[length] == '<'))
			look_at_constructor(describer, &type->die, &child, copying);
	}
}

static enum ct_triviality triviality_at_depth(struct ct_describer *describer, struct ct_type *type,
					      unsigned int depth);

static enum ct_triviality member_triviality(struct ct_describer *describer,
					    const struct ct_member *member, unsigned int depth)
{
	struct ct_type type;
	ct_type_peel(describer, &member->type, &type);
	for (unsigned int i = 0; i < CT_TYPE_DEPTH_MAX && type.tag == DW_TAG_array_type; i++) {
		struct ct_type element;
		ct_type_peel_target(describer, &type.die, &element);
		type = element;
	}
	return ct_type_is_class(type.tag) ? triviality_at_depth(describer, &type, depth + 1)
					  : CT_TRIVIAL_YES;
}

static enum ct_triviality find_triviality(struct ct_describer *describer, struct ct_type *type,
					  struct ct_class *class, unsigned int depth)
{
	uint64_t convention = number(&type->die, DW_AT_calling_convention);
	if (convention == PASS_BY_REFERENCE)
		return CT_TRIVIAL_NO;
	if (convention == PASS_BY_VALUE)
		return CT_TRIVIAL_YES;
	if (type->is_declaration || class->is_cut)
		return CT_TRIVIAL_UNSURE;
	if (class->is_dynamic)
		return CT_TRIVIAL_NO;
	struct copying copying = {0};
	look_at_functions(describer, type, &copying);
	if (copying.is_user_provided && !tells_defaulted(&type->die))
		return CT_TRIVIAL_UNSURE;
	if (copying.is_user_provided || (copying.deleted && !copying.defaulted))
		return CT_TRIVIAL_NO;
	enum ct_triviality worst = copying.is_unsure ? CT_TRIVIAL_UNSURE : CT_TRIVIAL_YES;
	for (size_t i = 0; i < class->member_count; i++) {
		if (class->members[i].is_virtual)
			return CT_TRIVIAL_NO;
		enum ct_triviality member = member_triviality(describer, &class->members[i], depth);
		if (member == CT_TRIVIAL_NO)
			return CT_TRIVIAL_NO;
		if (member != CT_TRIVIAL_YES)
			worst = CT_TRIVIAL_UNSURE;
	}
	return worst;
}

static enum ct_triviality triviality_at_depth(struct ct_describer *describer, struct ct_type *type,
					      unsigned int depth)
{
	if (ct_type_language(describer, &type->die) == CT_LANGUAGE_C)
		return CT_TRIVIAL_YES;
	struct ct_class *class = ct_type_class(describer, type);
	if (!class || depth > CT_TYPE_DEPTH_MAX)
		return CT_TRIVIAL_UNSURE;
	if (class->triviality == CT_TRIVIAL_UNKNOWN) {
		class->triviality = CT_TRIVIAL_ASKED;
		class->triviality = find_triviality(describer, type, class, depth);
	}
	return class->triviality == CT_TRIVIAL_ASKED ? CT_TRIVIAL_UNSURE : class->triviality;
}

enum ct_triviality ct_type_triviality(struct ct_describer *describer, struct ct_type *type)
{
	return ct_type_is_class(type->tag) ? triviality_at_depth(describer, type, 0)
					   : CT_TRIVIAL_YES;
}

/* --- the answer --- */

static struct ct_return_place only(enum ct_return_class class)
{
	return (struct ct_return_place){.class = class};
}

static struct ct_return_place x87(unsigned int count)
{
	struct ct_return_place place = {.class = CT_RETURN_X87, .part_count = count};
	for (unsigned int i = 0; i < count; i++)
		place.parts[i].size_bytes = 10;
	return place;
}

static struct ct_return_place place_of(const struct parts *parts, uint64_t size_bytes)
{
	enum part_class low = parts->classes[0];
	enum part_class high = parts->classes[1];
	if (low == UNSURE || high == UNSURE)
		return only(CT_RETURN_UNSURE);
	if (low == MEMORY || high == MEMORY || (high == X87_UP && low != X87))
		return only(CT_RETURN_MEMORY);
	if (low == NO_CLASS && high == NO_CLASS)
		return only(CT_RETURN_NONE);
	if (low == X87)
		return high == X87_UP ? x87(1) : only(CT_RETURN_UNSURE);
	/* Nothing in the first half, something in the second: no part for a hole. */
	if (low == NO_CLASS || low == SSE_UP || low == X87_UP || high == X87)
		return only(CT_RETURN_UNSURE);
	struct ct_return_place place = {.class = CT_RETURN_REGISTERS, .part_count = 1};
	uint64_t low_bytes = size_bytes < 8 ? size_bytes : 8;
	place.parts[0].is_sse = low == SSE;
	place.parts[0].size_bytes = (uint8_t)low_bytes;
	if (low == SSE && high == SSE_UP) {
		place.parts[0].size_bytes = (uint8_t)size_bytes;
	} else if (high != NO_CLASS) {
		place.part_count = 2;
		place.parts[1].is_sse = high != INTEGER;
		place.parts[1].size_bytes = (uint8_t)(size_bytes - 8);
	}
	return place;
}

/* Numbers that are no struct: some have registers that a struct of them would not. */
static bool place_of_number(struct ct_describer *describer, struct ct_type *type,
			    uint64_t size_bytes, struct ct_return_place *ret)
{
	if (type->tag != DW_TAG_base_type ||
	    ct_type_encoding(describer, type) != DW_ATE_complex_float || size_bytes != 32)
		return false;
	unsigned int format = ct_type_float_format(type, 16);
	*ret = format == 10   ? x87(2)
	       : format == 16 ? only(CT_RETURN_MEMORY)
			      : only(CT_RETURN_UNSURE);
	return true;
}

/* A struct of one wide vector comes in one wide register, if the function was compiled so. */
static bool has_wide_vector(struct ct_describer *describer, struct ct_type *type,
			    unsigned int depth)
{
	if (is_vector(type))
		return true;
	struct ct_class *class = ct_type_is_class(type->tag) && depth < CT_TYPE_DEPTH_MAX
					 ? ct_type_class(describer, type)
					 : NULL;
	for (size_t i = 0; class && i < class->member_count; i++) {
		struct ct_type member;
		if (!ct_type_step(describer))
			return true;
		ct_type_peel(describer, &class->members[i].type, &member);
		for (unsigned int j = 0; j < CT_TYPE_DEPTH_MAX && !is_vector(&member) &&
					 member.tag == DW_TAG_array_type;
		     j++) {
			struct ct_type element;
			ct_type_peel_target(describer, &member.die, &element);
			member = element;
		}
		if (has_wide_vector(describer, &member, depth + 1))
			return true;
	}
	return false;
}

static struct ct_return_place place_of_large(struct ct_describer *describer, struct ct_type *type,
					     uint64_t size_bytes)
{
	if ((size_bytes == 32 || size_bytes == 64) && has_wide_vector(describer, type, 0))
		return only(CT_RETURN_UNSURE);
	/* A wide _BitInt, or something new. */
	return only(ct_type_is_class(type->tag) ? CT_RETURN_MEMORY : CT_RETURN_UNSURE);
}

struct ct_return_place ct_describe_return_place(struct ct_describer *describer, Dwarf_Die *type_die)
{
	ct_type_begin(describer);
	struct ct_type type;
	ct_type_peel(describer, type_die, &type);
	if (type.tag == CT_TYPE_VOID)
		return only(CT_RETURN_NONE);
	enum ct_triviality triviality = ct_type_triviality(describer, &type);
	if (triviality == CT_TRIVIAL_NO)
		return only(CT_RETURN_MEMORY);
	uint64_t size = ct_type_size(describer, &type);
	struct ct_return_place place;
	if (place_of_number(describer, &type, size, &place))
		return place;
	/* Large ones come through memory whatever they are. */
	if (size > 16)
		return place_of_large(describer, &type, size);
	if (triviality != CT_TRIVIAL_YES)
		return only(CT_RETURN_UNSURE);
	if (size == 0)
		return only(ct_type_is_class(type.tag) && !type.is_declaration ? CT_RETURN_NONE
									       : CT_RETURN_UNSURE);
	struct parts parts = {{NO_CLASS, NO_CLASS}};
	classify(describer, type_die, 0, &parts, 0);
	return place_of(&parts, size);
}
