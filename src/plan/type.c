/* SPDX-License-Identifier: MIT */
/* Types of the debug information: see type.h. */
#include "plan/type.h"

#include <dwarf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* DIEs one call may look at. The largest classes of the C++ library have some hundred members;
 * made-up types could be walked for ever. */
#define STEPS_MAX 100000

#define PEEL_MAX	  64
#define CLASS_MEMBERS_MAX 512

struct ct_describer *ct_describer_create(const struct ct_plan_settings *settings)
{
	struct ct_describer *describer = calloc(1, sizeof(*describer));
	if (describer)
		describer->settings = *settings;
	return describer;
}

static void destroy_kept(struct ct_kept *kept)
{
	if (!kept)
		return;
	if (kept->class)
		free(kept->class->members);
	free(kept->class);
	free(kept->name);
	free(kept->definition);
	ct_scope_destroy(kept->root);
	free(kept);
}

void ct_describer_destroy(struct ct_describer *describer)
{
	if (!describer)
		return;
	for (size_t i = 0; i < describer->kept_capacity; i++)
		destroy_kept(describer->kept[i]);
	free(describer->kept);
	free(describer->definitions);
	free(describer->definition_table);
	free(describer);
}

void ct_type_begin(struct ct_describer *describer)
{
	describer->steps = STEPS_MAX;
}

bool ct_type_step(struct ct_describer *describer)
{
	if (describer->steps == 0)
		return false;
	describer->steps--;
	return true;
}

static size_t kept_slot(const struct ct_describer *describer, const void *address)
{
	size_t slot = (size_t)(((uintptr_t)address * UINT64_C(0x9e3779b97f4a7c15)) >> 20);
	for (;; slot++) {
		slot &= describer->kept_capacity - 1;
		if (!describer->kept[slot] || describer->kept[slot]->address == address)
			return slot;
	}
}

static bool grow_kept(struct ct_describer *describer)
{
	struct ct_kept **old = describer->kept;
	size_t old_capacity = describer->kept_capacity;
	size_t capacity = old_capacity ? old_capacity * 2 : 256;
	struct ct_kept **kept = calloc(capacity, sizeof(struct ct_kept *));
	if (!kept)
		return false;
	describer->kept = kept;
	describer->kept_capacity = capacity;
	for (size_t i = 0; i < old_capacity; i++)
		if (old[i])
			kept[kept_slot(describer, old[i]->address)] = old[i];
	free(old);
	return true;
}

struct ct_kept *ct_type_keep(struct ct_describer *describer, const Dwarf_Die *die)
{
	if (describer->kept_count * 4 >= describer->kept_capacity * 3 && !grow_kept(describer))
		return NULL;
	size_t slot = kept_slot(describer, die->addr);
	if (!describer->kept[slot]) {
		describer->kept[slot] = calloc(1, sizeof(**describer->kept));
		if (!describer->kept[slot])
			return NULL;
		describer->kept[slot]->address = die->addr;
		describer->kept_count++;
	}
	return describer->kept[slot];
}

bool ct_type_follow(Dwarf_Die *die, unsigned int attribute, Dwarf_Die *ret)
{
	Dwarf_Attribute value;
	return dwarf_formref_die(dwarf_attr_integrate(die, attribute, &value), ret) != NULL;
}

bool ct_type_target(Dwarf_Die *die, Dwarf_Die *ret)
{
	return ct_type_follow(die, DW_AT_type, ret);
}

bool ct_type_is_qualifier(int tag)
{
	return tag == DW_TAG_const_type || tag == DW_TAG_volatile_type ||
	       tag == DW_TAG_restrict_type || tag == DW_TAG_atomic_type ||
	       tag == DW_TAG_packed_type || tag == DW_TAG_immutable_type ||
	       tag == DW_TAG_shared_type;
}

static bool has_flag(Dwarf_Die *die, unsigned int attribute)
{
	Dwarf_Attribute value;
	bool flag = false;
	return dwarf_formflag(dwarf_attr(die, attribute, &value), &flag) == 0 && flag;
}

static bool names_a_character(Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);
	return name && (strcmp(name, "wchar_t") == 0 || strcmp(name, "char16_t") == 0 ||
			strcmp(name, "char32_t") == 0 || strcmp(name, "char8_t") == 0);
}

void ct_type_enter_unit(Dwarf_Die *die)
{
	Dwarf_Attribute value;
	Dwarf_Die type;
	if (dwarf_formref_die(dwarf_attr(die, DW_AT_signature, &value), &type) &&
	    dwarf_tag(&type) == dwarf_tag(die))
		*die = type;
}

/* What a declaration declares, when it can be found. */
static void define(struct ct_describer *describer, struct ct_type *type)
{
	ct_type_enter_unit(&type->die);
	if (!has_flag(&type->die, DW_AT_declaration))
		return;
	Dwarf_Die definition;
	if (ct_type_definition(describer, &type->die, &definition) &&
	    dwarf_tag(&definition) == type->tag && !has_flag(&definition, DW_AT_declaration))
		type->die = definition;
	else
		type->is_declaration = true;
}

static void peel(struct ct_describer *describer, const Dwarf_Die *die, struct ct_type *ret)
{
	*ret = (struct ct_type){.die = *die, .tag = CT_TYPE_VOID};
	for (unsigned int i = 0; i < PEEL_MAX; i++) {
		ret->tag = dwarf_tag(&ret->die);
		bool is_typedef = ret->tag == DW_TAG_typedef || ret->tag == DW_TAG_template_alias;
		if (is_typedef)
			ret->is_character |= names_a_character(&ret->die);
		else if (!ct_type_is_qualifier(ret->tag))
			break;
		ret->is_volatile |= ret->tag == DW_TAG_volatile_type;
		Dwarf_Attribute value;
		if (!dwarf_attr_integrate(&ret->die, DW_AT_type, &value)) {
			ret->tag = CT_TYPE_VOID;
			return;
		}
		ret->tag = CT_TYPE_BROKEN;
		Dwarf_Die target;
		if (!ct_type_target(&ret->die, &target))
			return;
		ret->die = target;
	}
	if (ret->tag == 0 || ret->tag == CT_TYPE_BROKEN || ct_type_is_qualifier(ret->tag))
		ret->tag = CT_TYPE_BROKEN;
	else if (ct_type_is_class(ret->tag) || ret->tag == DW_TAG_enumeration_type)
		define(describer, ret);
}

void ct_type_peel(struct ct_describer *describer, const Dwarf_Die *die, struct ct_type *ret)
{
	*ret = (struct ct_type){.tag = CT_TYPE_VOID};
	if (!die)
		return;
	struct ct_kept *kept = ct_type_keep(describer, die);
	if (kept && kept->is_peeled) {
		*ret = kept->peeled;
		return;
	}
	peel(describer, die, ret);
	if (kept) {
		kept->peeled = *ret;
		kept->is_peeled = true;
	}
}

void ct_type_peel_target(struct ct_describer *describer, Dwarf_Die *die, struct ct_type *ret)
{
	Dwarf_Die target;
	Dwarf_Attribute value;
	if (ct_type_target(die, &target)) {
		ct_type_peel(describer, &target, ret);
		return;
	}
	*ret = (struct ct_type){.tag = CT_TYPE_VOID};
	if (dwarf_attr_integrate(die, DW_AT_type, &value))
		ret->tag = CT_TYPE_BROKEN;
}

static bool number(Dwarf_Die *die, unsigned int attribute, uint64_t *ret)
{
	Dwarf_Attribute value;
	Dwarf_Word word;
	if (dwarf_formudata(dwarf_attr_integrate(die, attribute, &value), &word) != 0)
		return false;
	*ret = word;
	return true;
}

/* --- sizes --- */

/* Elements of one dimension; false when only the running program knows. */
static bool dimension(Dwarf_Die *subrange, uint64_t *ret)
{
	if (number(subrange, DW_AT_count, ret))
		return true;
	uint64_t lower = 0; /* C's and C++'s */
	uint64_t upper;
	number(subrange, DW_AT_lower_bound, &lower);
	if (!number(subrange, DW_AT_upper_bound, &upper))
		return false;
	*ret = upper - lower + 1; /* an upper bound of -1 stands for no elements */
	return true;
}

static bool add_dimension(Dwarf_Die *subrange, struct ct_array *array)
{
	return array->dimensions < CT_TYPE_DIMENSIONS_MAX &&
	       !dwarf_hasattr_integrate(subrange, DW_AT_byte_stride) &&
	       !dwarf_hasattr_integrate(subrange, DW_AT_bit_stride) &&
	       dimension(subrange, &array->counts[array->dimensions++]);
}

static bool array_at_depth(struct ct_describer *describer, struct ct_type *type,
			   struct ct_array *ret, unsigned int depth);

static uint64_t size_at_depth(struct ct_describer *describer, struct ct_type *type,
			      unsigned int depth)
{
	uint64_t size = 0;
	struct ct_type target;
	struct ct_array array;
	struct ct_class *class;
	if (depth > CT_TYPE_DEPTH_MAX)
		return 0;
	switch (type->tag) {
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
		class = ct_type_class(describer, type);
		return class ? class->size_bytes : 0;
	case DW_TAG_enumeration_type:
		if (number(&type->die, DW_AT_byte_size, &size))
			return size;
		ct_type_peel_target(describer, &type->die, &target);
		return target.tag == DW_TAG_base_type ? size_at_depth(describer, &target, depth + 1)
						      : 0;
	case DW_TAG_pointer_type:
	case DW_TAG_reference_type:
	case DW_TAG_rvalue_reference_type:
		return number(&type->die, DW_AT_byte_size, &size) ? size : 8;
	case DW_TAG_ptr_to_member_type:
		ct_type_peel_target(describer, &type->die, &target);
		return target.tag == DW_TAG_subroutine_type ? 16 : 8;
	case DW_TAG_array_type:
		if (number(&type->die, DW_AT_byte_size, &size))
			return size;
		if (!array_at_depth(describer, type, &array, depth))
			return 0;
		size = array.element_bytes;
		for (unsigned int i = 0; i < array.dimensions; i++)
			if (__builtin_mul_overflow(size, array.counts[i], &size))
				return 0;
		return size;
	case DW_TAG_base_type:
		return number(&type->die, DW_AT_byte_size, &size) ? size : 0;
	case DW_TAG_unspecified_type: {
		const char *name = dwarf_diename(&type->die);
		return name && strcmp(name, "decltype(nullptr)") == 0 ? 8 : 0;
	}
	default:
		return 0;
	}
}

static bool array_at_depth(struct ct_describer *describer, struct ct_type *type,
			   struct ct_array *ret, unsigned int depth)
{
	*ret = (struct ct_array){0};
	if (type->tag != DW_TAG_array_type || !ct_type_target(&type->die, &ret->element) ||
	    dwarf_hasattr(&type->die, DW_AT_byte_stride) ||
	    dwarf_hasattr(&type->die, DW_AT_bit_stride))
		return false;
	Dwarf_Die child;
	int status = dwarf_child(&type->die, &child);
	for (; status == 0 && ct_type_step(describer); status = dwarf_siblingof(&child, &child)) {
		int tag = dwarf_tag(&child);
		if (tag == DW_TAG_enumeration_type ||
		    (tag == DW_TAG_subrange_type && !add_dimension(&child, ret)))
			return false;
	}
	struct ct_type element;
	ct_type_peel(describer, &ret->element, &element);
	ret->element_bytes = size_at_depth(describer, &element, depth + 1);
	return status == 1 && ret->dimensions > 0 && ret->element_bytes > 0;
}

uint64_t ct_type_size(struct ct_describer *describer, struct ct_type *type)
{
	if (type->tag == CT_TYPE_VOID || type->tag == CT_TYPE_BROKEN)
		return 0;
	struct ct_kept *kept = ct_type_keep(describer, &type->die);
	if (kept && kept->has_size)
		return kept->size_bytes;
	uint64_t size = size_at_depth(describer, type, 0);
	if (kept && describer->steps > 0) {
		kept->size_bytes = size;
		kept->has_size = true;
	}
	return size;
}

bool ct_type_array(struct ct_describer *describer, struct ct_type *type, struct ct_array *ret)
{
	return array_at_depth(describer, type, ret, 0);
}

uint64_t ct_describe_size(struct ct_describer *describer, Dwarf_Die *type)
{
	ct_type_begin(describer);
	struct ct_type peeled;
	ct_type_peel(describer, type, &peeled);
	return ct_type_size(describer, &peeled);
}

/* --- base types --- */

unsigned int ct_type_encoding(struct ct_describer *describer, struct ct_type *type)
{
	uint64_t encoding = 0;
	if (type->tag == DW_TAG_enumeration_type) {
		if (number(&type->die, DW_AT_encoding, &encoding))
			return (unsigned int)encoding;
		struct ct_type target;
		ct_type_peel_target(describer, &type->die, &target);
		if (target.tag == DW_TAG_base_type &&
		    number(&target.die, DW_AT_encoding, &encoding))
			return (unsigned int)encoding;
		return 0;
	}
	if (type->tag == DW_TAG_base_type && number(&type->die, DW_AT_encoding, &encoding))
		return (unsigned int)encoding;
	return 0;
}

/* DWARF before version 5 may not say what an enumeration is made of; a negative value does. */
static bool has_negative_enumerator(struct ct_describer *describer, Dwarf_Die *enumeration)
{
	Dwarf_Die child;
	int status = dwarf_child(enumeration, &child);
	for (; status == 0 && ct_type_step(describer); status = dwarf_siblingof(&child, &child)) {
		Dwarf_Attribute value;
		Dwarf_Sword word;
		if (dwarf_tag(&child) == DW_TAG_enumerator &&
		    dwarf_attr(&child, DW_AT_const_value, &value) &&
		    dwarf_whatform(&value) == DW_FORM_sdata &&
		    dwarf_formsdata(&value, &word) == 0 && word < 0)
			return true;
	}
	return false;
}

bool ct_type_is_signed(struct ct_describer *describer, struct ct_type *type)
{
	unsigned int encoding = ct_type_encoding(describer, type);
	if (encoding == 0 && type->tag == DW_TAG_enumeration_type)
		return has_negative_enumerator(describer, &type->die);
	return encoding == DW_ATE_signed || encoding == DW_ATE_signed_char;
}

static const char *base_name(struct ct_type *type)
{
	const char *name = type->tag == DW_TAG_base_type ? dwarf_diename(&type->die) : NULL;
	return name ? name : "";
}

/* Clang up to 14 leaves out the number of bits. */
static bool is_bare_bit_int(const char *name)
{
	if (strncmp(name, "unsigned ", 9) == 0)
		name += 9;
	return strcmp(name, "_BitInt") == 0 || strcmp(name, "_ExtInt") == 0;
}

unsigned int ct_type_precision(struct ct_type *type)
{
	const char *name = base_name(type);
	const char *digits = strstr(name, "_BitInt(");
	uint64_t bits;
	if (digits)
		return (unsigned int)strtoul(digits + 8, NULL, 10);
	return is_bare_bit_int(name) && number(&type->die, DW_AT_bit_size, &bits) &&
			       bits <= UINT_MAX
		       ? (unsigned int)bits
		       : 0;
}

bool ct_type_lacks_precision(struct ct_type *type)
{
	return is_bare_bit_int(base_name(type)) && ct_type_precision(type) == 0;
}

bool ct_type_is_swapped(struct ct_type *type)
{
	uint64_t order;
	return type->tag == DW_TAG_base_type && number(&type->die, DW_AT_endianity, &order) &&
	       order != DW_END_default && order != DW_END_little;
}

bool ct_type_is_char(struct ct_describer *describer, struct ct_type *type)
{
	const char *name = base_name(type);
	return (strcmp(name, "char") == 0 || strcmp(name, "char8_t") == 0) &&
	       ct_type_size(describer, type) == 1;
}

bool ct_type_is_character(struct ct_describer *describer, struct ct_type *type)
{
	if (type->tag != DW_TAG_base_type)
		return false;
	uint64_t size = ct_type_size(describer, type);
	if (size != 1 && size != 2 && size != 4)
		return false;
	unsigned int encoding = ct_type_encoding(describer, type);
	return type->is_character || encoding == DW_ATE_UTF || encoding == DW_ATE_UCS ||
	       encoding == DW_ATE_ASCII || names_a_character(&type->die) ||
	       ct_type_is_char(describer, type);
}

/* GCC tells the option; Clang does not. */
static bool has_quad_long_double(struct ct_type *type)
{
	Dwarf_Attribute attribute;
	Dwarf_Die unit;
	if (dwarf_cu_info(type->die.cu, NULL, NULL, &unit, NULL, NULL, NULL, NULL) != 0)
		return false;
	const char *producer = dwarf_formstring(dwarf_attr(&unit, DW_AT_producer, &attribute));
	return producer && strstr(producer, "-mlong-double-128");
}

unsigned int ct_type_float_format(struct ct_type *type, uint64_t size_bytes)
{
	const char *name = base_name(type);
	if (strstr(name, "bf16") || strstr(name, "bfloat"))
		return 0;
	if (size_bytes == 2 || size_bytes == 4 || size_bytes == 8)
		return (unsigned int)size_bytes;
	if (size_bytes != 16)
		return 0;
	/* Two formats of 16 bytes, with one encoding: only the name tells them apart. */
	if (strstr(name, "128"))
		return 16;
	/* Clang calls all complex numbers that, and has no quad ones but by an attribute. */
	if (strcmp(name, "complex") == 0)
		return 10;
	if (strstr(name, "long double") && has_quad_long_double(type))
		return 16;
	if (strstr(name, "long double") || strstr(name, "64x") || strstr(name, "float80"))
		return 10;
	return 0;
}

/* --- classes --- */

static bool member_offset(Dwarf_Die *die, uint64_t *ret)
{
	*ret = 0; /* as in a union */
	Dwarf_Attribute value;
	if (!dwarf_attr(die, DW_AT_data_member_location, &value))
		return true;
	Dwarf_Word word;
	if (dwarf_formudata(&value, &word) == 0) {
		*ret = word;
		return true;
	}
	Dwarf_Op *ops; /* DWARF 2 has a computation here */
	size_t op_count;
	if (dwarf_getlocation(&value, &ops, &op_count) != 0 || op_count != 1 ||
	    ops[0].atom != DW_OP_plus_uconst)
		return false;
	*ret = ops[0].number;
	return true;
}

/* A bit-field's place from the struct's first bit. */
static bool bit_field(struct ct_describer *describer, Dwarf_Die *die, struct ct_member *member)
{
	uint64_t count;
	uint64_t at;
	if (!number(die, DW_AT_bit_size, &count))
		return true;
	if (count == 0 || count > 128)
		return false;
	if (number(die, DW_AT_data_bit_offset, &at)) {
		if (__builtin_add_overflow(member->offset * 8, at, &at))
			return false;
	} else if (number(die, DW_AT_bit_offset, &at)) {
		/* DWARF 2 and 3 count from the most significant bit of a storage unit. */
		uint64_t storage;
		if (!number(die, DW_AT_byte_size, &storage)) {
			struct ct_type type;
			ct_type_peel(describer, &member->type, &type);
			storage = ct_type_size(describer, &type);
		}
		if (storage > 16 || (int64_t)at > 128 || (int64_t)at < -128)
			return false;
		at = (member->offset + storage) * 8 - at - count;
	} else {
		at = member->offset * 8;
	}
	if (at > UINT32_MAX)
		return false;
	member->bit_offset = at;
	member->bit_count = (uint16_t)count;
	member->offset = 0;
	return true;
}

/* False: it is no part of an object, or not to be understood (then `*ret_cut`). */
static bool read_member(struct ct_describer *describer, Dwarf_Die *die, struct ct_member *ret,
			bool *ret_cut)
{
	int tag = dwarf_tag(die);
	if (tag != DW_TAG_member && tag != DW_TAG_inheritance)
		return false;
	/* Static members are members in DWARF 4. */
	if (has_flag(die, DW_AT_external) || has_flag(die, DW_AT_declaration))
		return false;
	*ret = (struct ct_member){.is_base = tag == DW_TAG_inheritance};
	uint64_t virtuality = 0;
	number(die, DW_AT_virtuality, &virtuality);
	ret->is_virtual = ret->is_base && virtuality != 0;
	if (!ct_type_target(die, &ret->type) ||
	    (!ret->is_virtual && !member_offset(die, &ret->offset)) || ret->offset > UINT32_MAX ||
	    !bit_field(describer, die, ret)) {
		*ret_cut = true;
		return false;
	}
	ret->name = dwarf_diename(die);
	return true;
}

/* The pointer to the virtual functions, that compilers put in. */
static bool is_hidden(Dwarf_Die *die)
{
	return dwarf_tag(die) == DW_TAG_member && has_flag(die, DW_AT_artificial);
}

static void add_member(struct ct_class *class, const struct ct_member *member, size_t *capacity)
{
	if (class->member_count == *capacity) {
		size_t wanted = *capacity ? *capacity * 2 : 8;
		struct ct_member *members = wanted > CLASS_MEMBERS_MAX
						    ? NULL
						    : reallocarray(class->members, wanted,
								   sizeof(*members));
		if (!members) {
			class->is_cut = true;
			return;
		}
		class->members = members;
		*capacity = wanted;
	}
	class->members[class->member_count++] = *member;
}

/* GCC marks the numbers of a class that has them in the other order, not its enumerations. */
static bool holds_swapped(struct ct_describer *describer, const struct ct_member *member)
{
	struct ct_type type;
	Dwarf_Die die = member->type;
	ct_type_peel(describer, &die, &type);
	for (unsigned int i = 0; type.tag == DW_TAG_array_type && i < PEEL_MAX; i++) {
		die = type.die;
		ct_type_peel_target(describer, &die, &type);
	}
	return ct_type_is_swapped(&type);
}

static void read_class(struct ct_describer *describer, struct ct_type *type, struct ct_class *class)
{
	Dwarf_Die child;
	size_t capacity = 0;
	class->is_dynamic = dwarf_hasattr(&type->die, DW_AT_containing_type);
	int status = dwarf_haschildren(&type->die) ? dwarf_child(&type->die, &child) : 1;
	for (; status == 0; status = dwarf_siblingof(&child, &child)) {
		struct ct_member member;
		if (!ct_type_step(describer))
			break;
		class->is_dynamic |= is_hidden(&child);
		if (is_hidden(&child) || !read_member(describer, &child, &member, &class->is_cut))
			continue;
		class->is_swapped |= holds_swapped(describer, &member);
		add_member(class, &member, &capacity);
	}
	class->is_cut |= status != 1;
}

struct ct_class *ct_type_class(struct ct_describer *describer, struct ct_type *type)
{
	struct ct_kept *kept = ct_type_keep(describer, &type->die);
	if (!kept)
		return NULL;
	if (kept->class)
		return kept->class;
	struct ct_class *class = calloc(1, sizeof(*class));
	if (!class)
		return NULL;
	/* Before its members are read: one may be of this very type, in made-up DWARF. */
	kept->class = class;
	if (!type->is_declaration) {
		number(&type->die, DW_AT_byte_size, &class->size_bytes);
		read_class(describer, type, class);
	}
	ct_type_library(describer, type, class);
	return class;
}

static bool is_empty(struct ct_describer *describer, struct ct_type *type, unsigned int depth)
{
	struct ct_class *class = ct_type_is_class(type->tag) ? ct_type_class(describer, type)
							     : NULL;
	if (!class || type->is_declaration || class->is_cut || class->is_dynamic ||
	    depth == CT_TYPE_DEPTH_MAX || !ct_type_step(describer))
		return false;
	for (size_t i = 0; i < class->member_count; i++) {
		struct ct_type base;
		ct_type_peel(describer, &class->members[i].type, &base);
		if (!class->members[i].is_base || class->members[i].is_virtual ||
		    !is_empty(describer, &base, depth + 1))
			return false;
	}
	return true;
}

bool ct_type_is_empty(struct ct_describer *describer, struct ct_type *type)
{
	return is_empty(describer, type, 0);
}

static bool has_volatile(struct ct_describer *describer, struct ct_type *type, unsigned int depth)
{
	if (type->is_volatile)
		return true;
	struct ct_type inner;
	if (type->tag == DW_TAG_array_type) {
		ct_type_peel_target(describer, &type->die, &inner);
		if (depth == CT_TYPE_DEPTH_MAX || inner.tag == CT_TYPE_VOID ||
		    inner.tag == CT_TYPE_BROKEN)
			return true;
		return has_volatile(describer, &inner, depth + 1);
	}
	if (!ct_type_is_class(type->tag))
		return false;
	struct ct_class *class = ct_type_class(describer, type);
	if (!class || depth == CT_TYPE_DEPTH_MAX)
		return true;
	if (class->volatility == CT_VOLATILE_UNKNOWN) {
		bool found = false;
		/* For a class that contains itself, in made-up DWARF. */
		class->volatility = CT_VOLATILE_YES;
		for (size_t i = 0; i < class->member_count && !found; i++) {
			ct_type_peel(describer, &class->members[i].type, &inner);
			found = has_volatile(describer, &inner, depth + 1);
		}
		class->volatility = found ? CT_VOLATILE_YES : CT_VOLATILE_NO;
	}
	return class->volatility == CT_VOLATILE_YES;
}

bool ct_type_has_volatile(struct ct_describer *describer, struct ct_type *type)
{
	return has_volatile(describer, type, 0);
}
