/* SPDX-License-Identifier: MIT */
/*
 * Nodes of a description, and the operations for what values point to.
 *
 * What is followed, besides a parameter's own bytes:
 * - a reference that is itself the parameter, always; everything else that leads
 *   from one object to another, for `max_pointee` levels;
 * - a string (char *) by value, or in what a parameter refers to, costs no
 *   level; behind a pointer it does;
 * - what a std::string or std::vector holds is its value, and costs none.
 * From inside an array or a vector only what the first elements lead to is
 * followed; each of them has a node of its own then. Nothing is followed from
 * inside a union, whose pointer may be none.
 */
#include "plan/type.h"

#include <dwarf.h>
#include <string.h>

#define POINTEE_BYTES_MAX     256
#define ELEMENTS_MAX	      16
#define ELEMENTS_BYTES_MAX    256
#define SEQUENCE_ELEMENTS_MAX 8
#define FOLLOWED_ELEMENTS_MAX 8
#define ENUMERATORS_MAX	      256

/* Of the description; the rest is for names of parameters and types. */
#define NODES_BYTES_MAX 24576

/* The caller's BLOCK or PIECES around the value, and what a bit-field has below. */
#define NESTING_AROUND 3

#define NO_BLOCK (-1)

/* How much of the plan is used, or may be. */
struct extent {
	size_t op_count;
	size_t block_count;
	size_t payload;
	size_t nodes_length;
};

/* Where in the value we are. Each step inwards works on a copy. */
struct place {
	struct ct_describer *describer;
	struct ct_plan_draft *draft;
	const struct extent *limit; /* for all but the parameter itself */
	int block;		    /* that is the context; NO_BLOCK: nothing is followed */
	uint64_t available;	    /* bytes of the context */
	unsigned int levels;	    /* of pointers that may be followed yet */
	unsigned int depth;
	bool is_parameter; /* the value itself, nothing inside it */
	bool is_behind;	   /* we came through a pointer */
};

static void put_value(struct place place, Dwarf_Die *type, uint64_t offset);

/* --- bytes --- */

static void put(const struct place *place, uint64_t number, unsigned int size_bytes)
{
	unsigned char bytes[8];
	for (unsigned int i = 0; i < size_bytes; i++)
		bytes[i] = (unsigned char)(number >> (8 * i));
	ct_strbuf_add(&place->draft->nodes, bytes, size_bytes);
}

static void put_head(const struct place *place, enum ct_node_kind kind, uint64_t offset)
{
	put(place, kind, 1);
	put(place, offset, 2);
}

static void put_text(const struct place *place, const char *text)
{
	ct_plan_put_text(&place->draft->nodes, text);
}

static void put_absent(const struct place *place, enum ct_why why)
{
	put(place, CT_NODE_ABSENT, 1);
	put(place, why, 1);
}

static void put_sized(const struct place *place, enum ct_node_kind kind, uint64_t offset,
		      uint64_t size_bytes)
{
	put_head(place, kind, offset);
	put(place, size_bytes, 1);
}

static void put_opaque(const struct place *place, uint64_t offset, uint64_t size_bytes)
{
	if (size_bytes > place->available - offset)
		size_bytes = place->available - offset;
	if (size_bytes > POINTEE_BYTES_MAX)
		size_bytes = POINTEE_BYTES_MAX;
	put_head(place, CT_NODE_OPAQUE, offset);
	put(place, size_bytes, 2);
}

/* --- room --- */

static struct extent used(const struct place *place)
{
	return (struct extent){place->draft->op_count, place->draft->block_count,
			       place->draft->payload_max, place->draft->nodes.length};
}

static void go_back(const struct place *place, const struct extent *extent)
{
	place->draft->op_count = extent->op_count;
	place->draft->block_count = (unsigned int)extent->block_count;
	place->draft->payload_max = extent->payload;
}

static bool fits(const struct place *place)
{
	const struct ct_plan_draft *draft = place->draft;
	return place->is_parameter || (draft->op_count <= place->limit->op_count &&
				       draft->block_count <= place->limit->block_count &&
				       draft->payload_max <= place->limit->payload);
}

/* What describing one value may use, except for what it points to itself: half of what is left.
 * A large object leaves something for the parameters that come after it. */
static struct extent half_of_the_rest(const struct ct_plan_draft *draft)
{
	return (struct extent){
		.op_count = draft->op_count + (CT_PLAN_OPS_MAX - draft->op_count) / 2,
		.block_count = draft->block_count + (CT_PLAN_BLOCKS_MAX - draft->block_count) / 2,
		.payload = draft->payload_max + (CT_PLAN_PAYLOAD_MAX - draft->payload_max) / 2,
		.nodes_length = draft->nodes.length +
				(draft->nodes.length < NODES_BYTES_MAX
					 ? (NODES_BYTES_MAX - draft->nodes.length) / 2
					 : 0),
	};
}

/* All of them, or none. */
static bool add_ops(const struct place *place, const struct ct_plan_op *ops, size_t count)
{
	struct extent before = used(place);
	bool added = true;
	for (size_t i = 0; i < count && added; i++)
		added = ct_plan_draft_add(place->draft, ops[i]);
	if (!added || !fits(place)) {
		go_back(place, &before);
		return false;
	}
	return true;
}

static struct ct_plan_op push(const struct place *place, uint64_t offset)
{
	return (struct ct_plan_op){.code = CT_PLAN_PUSH_BLOCK,
				   .from = (uint8_t)place->block,
				   .offset = (int32_t)offset};
}

static bool can_push(const struct place *place, uint64_t offset)
{
	return place->block != NO_BLOCK && offset + 8 <= place->available;
}

/* The operations of a string, whose last one is still without a size, which is smaller than wished
 * when there is little room. Its block, or NO_BLOCK. */
static int add_sized(const struct place *place, struct ct_plan_op *ops, size_t count)
{
	int block = (int)place->draft->block_count;
	unsigned int size = place->describer->settings.max_string;
	if (size == 0 || size > CT_PLAN_STRING_MAX)
		size = size == 0 ? 1 : CT_PLAN_STRING_MAX;
	for (;; size /= 2) {
		ops[count - 1].size = (uint16_t)size;
		if (add_ops(place, ops, count))
			return block;
		if (size <= CT_PLAN_STRING_DEFAULT)
			return NO_BLOCK;
	}
}

static int add_string(const struct place *place, uint64_t pointer)
{
	struct ct_plan_op ops[] = {push(place, pointer), {.code = CT_PLAN_APPEND_STRING}};
	return can_push(place, pointer) ? add_sized(place, ops, 2) : NO_BLOCK;
}

static int add_text(const struct place *place, uint64_t pointer, uint64_t length)
{
	struct ct_plan_op ops[] = {
		push(place, length), push(place, pointer), {.code = CT_PLAN_APPEND_TEXT}};
	return can_push(place, pointer) && can_push(place, length) ? add_sized(place, ops, 3)
								   : NO_BLOCK;
}

/* A text whose length is before it, as are two more numbers. */
static int add_shared_text(const struct place *place, uint64_t pointer)
{
	enum { HEAD_BYTES = 24 };
	struct ct_plan_op ops[] = {
		push(place, pointer),
		{.code = CT_PLAN_ADD_CONSTANT, .operand = -HEAD_BYTES},
		{.code = CT_PLAN_LOAD, .size = 8},
		push(place, pointer),
		{.code = CT_PLAN_APPEND_TEXT},
	};
	return can_push(place, pointer) ? add_sized(place, ops, sizeof(ops) / sizeof(ops[0]))
					: NO_BLOCK;
}

/* A text that is elsewhere when bit 0 at `flag` is set; otherwise no length and no address. */
static int add_text_if(const struct place *place, uint64_t pointer, uint64_t length, uint64_t flag)
{
	const struct ct_plan_op bit = {.code = CT_PLAN_PUSH_CONSTANT, .operand = 1};
	const struct ct_plan_op and = {.code = CT_PLAN_AND};
	const struct ct_plan_op negate = {.code = CT_PLAN_NEGATE};
	struct ct_plan_op ops[] = {
		push(place, length),	       push(place, flag), bit, and, negate, and,
		push(place, pointer),	       push(place, flag), bit, and, negate, and,
		{.code = CT_PLAN_APPEND_TEXT},
	};
	if (!can_push(place, pointer) || !can_push(place, length) || !can_push(place, flag))
		return NO_BLOCK;
	return add_sized(place, ops, sizeof(ops) / sizeof(ops[0]));
}

/* --- pointers --- */

static void put_address(const struct place *place, uint64_t offset)
{
	put_sized(place, CT_NODE_POINTER, offset, 0);
}

/* Copy what the pointer at `offset` leads to, and go there. False: it is not followed. */
static bool follow(const struct place *place, Dwarf_Die *pointee, uint64_t offset,
		   struct place *ret)
{
	struct ct_type type;
	ct_type_peel(place->describer, pointee, &type);
	uint64_t size = ct_type_size(place->describer, &type);
	if (size == 0 || place->levels == 0 || !can_push(place, offset))
		return false;
	if (size > POINTEE_BYTES_MAX)
		size = POINTEE_BYTES_MAX;
	int block = (int)place->draft->block_count;
	struct ct_plan_op ops[2] = {push(place, offset),
				    {.code = CT_PLAN_APPEND_MEMORY,
				     .from = ct_type_has_volatile(place->describer, &type),
				     .size = (uint16_t)size}};
	if (!add_ops(place, ops, 2))
		return false;
	*ret = *place;
	ret->block = block;
	ret->available = size;
	ret->levels--;
	ret->is_parameter = false;
	ret->is_behind = true;
	return true;
}

static bool put_string(const struct place *place, uint64_t offset)
{
	if (place->is_behind && place->levels == 0)
		return false;
	int block = add_string(place, offset);
	if (block == NO_BLOCK)
		return false;
	put_sized(place, CT_NODE_STRING, offset, (uint64_t)block);
	return true;
}

/* `pointer` is the pointer's type, without typedefs. */
static void put_pointer(struct place place, struct ct_type *pointer, uint64_t offset)
{
	struct ct_type target;
	ct_type_peel_target(place.describer, &pointer->die, &target);
	if (target.tag == DW_TAG_subroutine_type) {
		put_head(&place, CT_NODE_FUNCTION, offset);
		return;
	}
	if (target.tag != CT_TYPE_VOID && target.tag != CT_TYPE_BROKEN) {
		if (ct_type_is_char(place.describer, &target)) {
			if (!target.is_volatile && put_string(&place, offset))
				return;
			put_address(&place, offset);
			return;
		}
		Dwarf_Die pointee;
		struct place inner;
		if (ct_type_target(&pointer->die, &pointee) &&
		    follow(&place, &pointee, offset, &inner)) {
			put_sized(&place, CT_NODE_POINTER, offset, 1);
			put(&place, (uint64_t)inner.block, 1);
			put_value(inner, &pointee, 0);
			return;
		}
	}
	put_address(&place, offset);
}

static void put_reference(struct place place, struct ct_type *reference, uint64_t offset)
{
	struct ct_type target;
	ct_type_peel_target(place.describer, &reference->die, &target);
	if (target.tag == DW_TAG_subroutine_type) {
		put_head(&place, CT_NODE_FUNCTION, offset);
		return;
	}
	if (place.is_parameter && place.levels == 0)
		place.levels = 1;
	Dwarf_Die referred;
	struct place inner;
	if (target.tag == CT_TYPE_VOID || target.tag == CT_TYPE_BROKEN ||
	    !ct_type_target(&reference->die, &referred) ||
	    !follow(&place, &referred, offset, &inner)) {
		/* The address alone would look like the value of what is not described. */
		if (place.block != NO_BLOCK && ct_type_size(place.describer, &target) == 0) {
			put_sized(&place, CT_NODE_REFERENCE, offset, (uint64_t)place.block);
			put_absent(&place, CT_WHY_NO_DEBUG_INFO);
			return;
		}
		put_address(&place, offset);
		return;
	}
	/* For who wrote the function it is the value itself. */
	inner.is_behind = place.is_behind || !place.is_parameter;
	put_sized(&place, CT_NODE_REFERENCE, offset, (uint64_t)inner.block);
	put_value(inner, &referred, 0);
}

/* --- numbers --- */

static bool is_power(uint64_t size_bytes)
{
	return size_bytes == 1 || size_bytes == 2 || size_bytes == 4 || size_bytes == 8 ||
	       size_bytes == 16;
}

static void put_integer(const struct place *place, struct ct_type *type, uint64_t offset,
			uint64_t size_bytes)
{
	bool is_signed = ct_type_is_signed(place->describer, type);
	enum ct_node_kind kind = is_signed ? CT_NODE_SIGNED : CT_NODE_UNSIGNED;
	unsigned int precision = ct_type_precision(type);
	if (precision != 0 && precision < size_bytes * 8) {
		/* What is above the bits of a _BitInt may be anything. */
		if (precision > 64) {
			put_opaque(place, offset, size_bytes);
			return;
		}
		put(place, CT_NODE_BITS, 1);
		put(place, offset * 8, 4);
		put(place, precision, 1);
		put(place, is_signed, 1);
		offset = 0;
		size_bytes = 8;
	}
	if (is_power(size_bytes))
		put_sized(place, kind, offset, size_bytes);
	else
		put_opaque(place, offset, size_bytes);
}

static void put_complex(const struct place *place, struct ct_type *type, uint64_t offset,
			uint64_t size_bytes)
{
	unsigned int format = ct_type_float_format(type, size_bytes / 2);
	if (format == 0) {
		put_opaque(place, offset, size_bytes);
		return;
	}
	put_sized(place, CT_NODE_COMPLEX, offset, format);
	put(place, size_bytes / 2, 1);
}

static void put_float(const struct place *place, struct ct_type *type, uint64_t offset,
		      uint64_t size_bytes)
{
	unsigned int format = ct_type_float_format(type, size_bytes);
	if (format == 0)
		put_opaque(place, offset, size_bytes);
	else
		put_sized(place, CT_NODE_FLOAT, offset, format);
}

static void put_base(const struct place *place, struct ct_type *type, uint64_t offset,
		     uint64_t size_bytes)
{
	if (ct_type_is_swapped(type) || ct_type_lacks_precision(type)) {
		put_absent(place, CT_WHY_PLAN_UNSURE);
		return;
	}
	if (ct_type_is_character(place->describer, type)) {
		put_sized(place, CT_NODE_CHAR, offset, size_bytes);
		return;
	}
	switch (ct_type_encoding(place->describer, type)) {
	case DW_ATE_boolean:
		if (is_power(size_bytes))
			put_sized(place, CT_NODE_BOOL, offset, size_bytes);
		else
			put_opaque(place, offset, size_bytes);
		break;
	case DW_ATE_float:
		put_float(place, type, offset, size_bytes);
		break;
	case DW_ATE_complex_float:
		put_complex(place, type, offset, size_bytes);
		break;
	case DW_ATE_signed:
	case DW_ATE_signed_char:
	case DW_ATE_unsigned:
	case DW_ATE_unsigned_char:
		put_integer(place, type, offset, size_bytes);
		break;
	default:
		put_opaque(place, offset, size_bytes);
	}
}

static bool enumerator_value(Dwarf_Die *die, uint64_t *ret)
{
	Dwarf_Attribute value;
	Dwarf_Word word;
	Dwarf_Sword signed_word;
	if (dwarf_tag(die) != DW_TAG_enumerator || !dwarf_diename(die) ||
	    !dwarf_attr(die, DW_AT_const_value, &value))
		return false;
	unsigned int form = dwarf_whatform(&value);
	if (form == DW_FORM_sdata || form == DW_FORM_implicit_const) {
		if (dwarf_formsdata(&value, &signed_word) != 0)
			return false;
		*ret = (uint64_t)signed_word;
		return true;
	}
	/* Forms without a sign are used for values without one. */
	if (dwarf_formudata(&value, &word) != 0)
		return false;
	*ret = word;
	return true;
}

/* A count of 2 bytes whose value is known later. */
static size_t reserve_count(const struct place *place)
{
	put(place, 0, 2);
	return place->draft->nodes.length - 2;
}

static void set_count(const struct place *place, size_t at, unsigned int count)
{
	if (place->draft->nodes.failed)
		return;
	place->draft->nodes.bytes[at] = (char)count;
	place->draft->nodes.bytes[at + 1] = (char)(count >> 8);
}

static void put_enumeration(const struct place *place, struct ct_type *type, uint64_t offset,
			    uint64_t size_bytes)
{
	if (!is_power(size_bytes) || size_bytes > 8) {
		put_opaque(place, offset, size_bytes);
		return;
	}
	put_sized(place, CT_NODE_ENUM, offset, size_bytes);
	put(place, ct_type_is_signed(place->describer, type), 1);
	size_t count_at = reserve_count(place);
	unsigned int count = 0;
	Dwarf_Die child;
	int status = dwarf_haschildren(&type->die) ? dwarf_child(&type->die, &child) : 1;
	for (; status == 0 && count < ENUMERATORS_MAX && ct_type_step(place->describer) &&
	       place->draft->nodes.length < place->limit->nodes_length;
	     status = dwarf_siblingof(&child, &child)) {
		uint64_t value;
		if (!enumerator_value(&child, &value))
			continue;
		put(place, value, 8);
		put_text(place, dwarf_diename(&child));
		count++;
	}
	set_count(place, count_at, count);
}

/* --- elements --- */

/* Is there anything in a value that may be followed? */
static bool leads_on(const struct place *place, struct ct_type *type, unsigned int depth)
{
	struct ct_type inner;
	struct ct_class *class;
	if (depth == CT_TYPE_DEPTH_MAX || !ct_type_step(place->describer))
		return false;
	switch (type->tag) {
	case DW_TAG_pointer_type:
	case DW_TAG_reference_type:
	case DW_TAG_rvalue_reference_type:
		ct_type_peel_target(place->describer, &type->die, &inner);
		if (inner.tag == CT_TYPE_VOID || inner.tag == CT_TYPE_BROKEN ||
		    inner.tag == DW_TAG_subroutine_type)
			return false;
		return place->levels > 0 ||
		       (!place->is_behind && ct_type_is_char(place->describer, &inner));
	case DW_TAG_array_type:
		ct_type_peel_target(place->describer, &type->die, &inner);
		return leads_on(place, &inner, depth + 1);
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
		class = ct_type_class(place->describer, type);
		if (!class)
			return false;
		if (ct_library_leads_on(class->library.kind))
			return class->library.kind != CT_LIBRARY_ADDRESS;
		for (size_t i = 0; i < class->member_count; i++) {
			if (class->members[i].bit_count || class->members[i].is_virtual)
				continue;
			ct_type_peel(place->describer, &class->members[i].type, &inner);
			if (leads_on(place, &inner, depth + 1))
				return true;
		}
		return false;
	default:
		return false;
	}
}

/* `shown` nodes of elements `stride` bytes apart, in the context of the whole. False: there is no
 * room for all of them. */
static bool put_each(struct place place, Dwarf_Die *element, uint64_t offset, uint64_t stride,
		     uint64_t shown)
{
	int block = place.block;
	place.is_parameter = false;
	for (uint64_t i = 0; i < shown; i++) {
		place.block = i < FOLLOWED_ELEMENTS_MAX ? block : NO_BLOCK;
		put_value(place, element, offset + i * stride);
	}
	return place.draft->nodes.length < place.limit->nodes_length;
}

/* --- arrays --- */

/* Bytes that must be there for a value to be shown. */
static uint64_t needed_bytes(struct ct_describer *describer, struct ct_type *type)
{
	uint64_t size = ct_type_size(describer, type);
	/* A long double has six bytes of nothing at its end; registers do not have them. */
	if (size == 16 && type->tag == DW_TAG_base_type && ct_type_float_format(type, 16) == 10 &&
	    ct_type_encoding(describer, type) == DW_ATE_float)
		return 10;
	return size;
}

/* The same of an element: all of its members, without what is behind the last. */
static uint64_t needed_of_element(struct ct_describer *describer, struct ct_type *type,
				  unsigned int depth)
{
	struct ct_type inner;
	struct ct_array array;
	uint64_t size = ct_type_size(describer, type);
	uint64_t end = 0;
	if (depth == CT_TYPE_DEPTH_MAX || !ct_type_step(describer))
		return size;
	if (type->tag == DW_TAG_array_type) {
		if (!ct_type_array(describer, type, &array) || array.element_bytes > size)
			return size;
		ct_type_peel(describer, &array.element, &inner);
		return size - array.element_bytes + needed_of_element(describer, &inner, depth + 1);
	}
	if (!ct_type_is_class(type->tag))
		return needed_bytes(describer, type);
	const struct ct_class *class = ct_type_class(describer, type);
	if (!class || class->is_cut || class->library.kind != CT_LIBRARY_NONE)
		return size;
	for (size_t i = 0; i < class->member_count; i++) {
		const struct ct_member *member = &class->members[i];
		if (member->bit_count || member->is_virtual)
			return size;
		ct_type_peel(describer, &member->type, &inner);
		uint64_t member_end = member->offset +
				      needed_of_element(describer, &inner, depth + 1);
		if (member_end > end)
			end = member_end;
	}
	return end > 0 && end < size ? end : size;
}

static void put_chars(const struct place *place, uint64_t offset, uint64_t elements)
{
	uint64_t there = elements;
	if (there > place->available - offset)
		there = place->available - offset;
	if (there > place->describer->settings.max_string)
		there = place->describer->settings.max_string;
	put_head(place, CT_NODE_CHARS, offset);
	put(place, elements, 4);
	put(place, there, 4);
}

static void put_dimension(struct place place, const struct ct_array *array, unsigned int dimension,
			  uint64_t offset)
{
	uint64_t elements = array->counts[dimension];
	uint64_t stride = array->element_bytes;
	for (unsigned int i = dimension + 1; i < array->dimensions; i++)
		if (__builtin_mul_overflow(stride, array->counts[i], &stride))
			stride = UINT64_MAX;
	struct ct_type element;
	Dwarf_Die element_die = array->element;
	ct_type_peel(place.describer, &element_die, &element);
	bool is_last = dimension + 1 == array->dimensions;
	if (elements > UINT32_MAX || stride > UINT16_MAX || stride == 0) {
		put_absent(&place, CT_WHY_LEFT_OUT);
		return;
	}
	if (is_last && ct_type_is_char(place.describer, &element)) {
		put_chars(&place, offset, elements);
		return;
	}
	uint64_t shown = elements < ELEMENTS_MAX ? elements : ELEMENTS_MAX;
	if (shown > 1 && shown * stride > ELEMENTS_BYTES_MAX)
		shown = stride > ELEMENTS_BYTES_MAX ? 1 : ELEMENTS_BYTES_MAX / stride;
	uint64_t there = place.available - offset;
	if (shown * stride > there) {
		uint64_t needed = stride - array->element_bytes +
				  needed_of_element(place.describer, &element, 0);
		shown = there / stride + (there % stride >= needed);
	}
	if (shown == 0 && elements > 0) {
		put_absent(&place, CT_WHY_LEFT_OUT);
		return;
	}
	if (is_last && place.block != NO_BLOCK && leads_on(&place, &element, 0)) {
		struct extent before = used(&place);
		put(&place, CT_NODE_LIST, 1);
		put(&place, elements, 4);
		put(&place, shown, 1);
		if (put_each(place, &element_die, offset, stride, shown))
			return;
		go_back(&place, &before);
		place.draft->nodes.length = before.nodes_length;
	}
	put_head(&place, CT_NODE_ARRAY, offset);
	put(&place, stride, 2);
	put(&place, elements, 4);
	put(&place, shown, 4);
	struct place inner = place;
	inner.block = NO_BLOCK;
	inner.available = stride;
	inner.is_parameter = false;
	inner.depth++;
	if (is_last)
		put_value(inner, &element_die, 0);
	else
		put_dimension(inner, array, dimension + 1, 0);
}

/* --- classes --- */

/* Of 24 bytes, the first is the length, and the last one's place is for the NUL. */
#define SHORT_TEXT_MAX 22

static void put_short_text(const struct place *place, uint64_t offset, int block)
{
	unsigned int there = place->describer->settings.max_string;
	put_sized(place, CT_NODE_SHORT_TEXT, offset,
		  there < SHORT_TEXT_MAX ? there : SHORT_TEXT_MAX);
	put(place, block == NO_BLOCK ? 0xff : (uint64_t)block, 1);
}

/* A string, vector or pointer of the C++ library without what it holds: its own members that lead
 * there. */
static void put_library_flat(struct place place, const struct ct_library_type *library,
			     uint64_t offset)
{
	if (library->kind == CT_LIBRARY_SHORT_TEXT) {
		put_short_text(&place, offset, NO_BLOCK);
		return;
	}
	if (library->kind == CT_LIBRARY_POINTER || library->kind == CT_LIBRARY_ADDRESS ||
	    library->kind == CT_LIBRARY_SHARED_TEXT) {
		put_address(&place, offset + library->first);
		return;
	}
	put(&place, CT_NODE_STRUCT, 1);
	put(&place, 2, 2);
	put_text(&place, library->first_name);
	put_address(&place, offset + library->first);
	put_text(&place, library->second_name);
	if (library->kind == CT_LIBRARY_TEXT)
		put_sized(&place, CT_NODE_UNSIGNED, offset + library->second, 8);
	else
		put_address(&place, offset + library->second);
}

static bool put_sequence(struct place place, const struct ct_library_type *library, uint64_t offset)
{
	struct ct_type pointer;
	Dwarf_Die element;
	struct ct_type element_type;
	ct_type_peel(place.describer, &library->pointer, &pointer);
	if (!ct_type_target(&pointer.die, &element))
		return false;
	ct_type_peel(place.describer, &element, &element_type);
	uint64_t size = ct_type_size(place.describer, &element_type);
	if (size == 0 || size > UINT16_MAX || !can_push(&place, offset + library->first) ||
	    !can_push(&place, offset + library->second))
		return false;
	uint64_t count = ELEMENTS_BYTES_MAX / size;
	if (count > SEQUENCE_ELEMENTS_MAX)
		count = SEQUENCE_ELEMENTS_MAX;
	if (count == 0)
		count = size <= 4 * ELEMENTS_BYTES_MAX;
	int block = (int)place.draft->block_count;
	struct ct_plan_op ops[3] = {push(&place, offset + library->first),
				    push(&place, offset + library->second),
				    {.code = CT_PLAN_APPEND_SEQUENCE,
				     .size = (uint16_t)size,
				     .operand = (int64_t)count}};
	if (!add_ops(&place, ops, 3))
		return false;
	bool has_own_nodes = leads_on(&place, &element_type, 0);
	struct extent before = used(&place);
	struct place inner = place;
	if (has_own_nodes) {
		put(&place, CT_NODE_SEQUENCE_LIST, 1);
		put(&place, (uint64_t)block, 1);
		put(&place, size, 2);
		put(&place, count, 1);
		inner.block = block;
		inner.available = count * size;
		if (put_each(inner, &element, 0, size, count))
			return true;
		go_back(&place, &before);
		place.draft->nodes.length = before.nodes_length;
	}
	put(&place, CT_NODE_SEQUENCE, 1);
	put(&place, (uint64_t)block, 1);
	put(&place, size, 2);
	inner.block = NO_BLOCK;
	inner.available = size;
	inner.is_parameter = false;
	put_value(inner, &element, 0);
	return true;
}

static void put_library(struct place place, const struct ct_library_type *library, uint64_t offset)
{
	struct ct_type pointer;
	int block;
	switch (library->kind) {
	case CT_LIBRARY_TEXT:
		block = add_text(&place, offset + library->first, offset + library->second);
		if (block == NO_BLOCK)
			break;
		put(&place, CT_NODE_TEXT, 1);
		put(&place, (uint64_t)block, 1);
		return;
	case CT_LIBRARY_SHARED_TEXT:
		block = add_shared_text(&place, offset + library->first);
		if (block == NO_BLOCK)
			break;
		put(&place, CT_NODE_TEXT, 1);
		put(&place, (uint64_t)block, 1);
		return;
	case CT_LIBRARY_SHORT_TEXT:
		block = add_text_if(&place, offset + library->first, offset + library->second,
				    offset);
		put_short_text(&place, offset, block);
		return;
	case CT_LIBRARY_SEQUENCE:
		if (!put_sequence(place, library, offset))
			break;
		return;
	case CT_LIBRARY_POINTER:
		ct_type_peel(place.describer, &library->pointer, &pointer);
		put_pointer(place, &pointer, offset + library->first);
		return;
	case CT_LIBRARY_ADDRESS:
		put_head(&place, CT_NODE_ADDRESS, offset + library->first);
		return;
	case CT_LIBRARY_TUPLE:
	case CT_LIBRARY_ARRAY: /* put_class() */
	case CT_LIBRARY_NONE:
		break;
	}
	put_library_flat(place, library, offset);
}

static bool is_empty_base(struct ct_describer *describer, const struct ct_member *member)
{
	struct ct_type type;
	if (!member->is_base || member->is_virtual)
		return false;
	ct_type_peel(describer, &member->type, &type);
	return ct_type_is_empty(describer, &type);
}

static void put_bits(struct place place, const struct ct_member *member, uint64_t offset)
{
	Dwarf_Die type_die = member->type;
	struct ct_type type;
	ct_type_peel(place.describer, &type_die, &type);
	put(&place, CT_NODE_BITS, 1);
	put(&place, offset * 8 + member->bit_offset, 4);
	put(&place, member->bit_count, 1);
	put(&place,
	    ct_type_is_signed(place.describer, &type) ||
		    (ct_type_encoding(place.describer, &type) == DW_ATE_signed_char),
	    1);
	place.block = NO_BLOCK;
	place.available = 8;
	place.is_parameter = false;
	uint64_t size = ct_type_size(place.describer, &type);
	if (type.tag == DW_TAG_enumeration_type)
		put_enumeration(&place, &type, 0, size <= 8 ? size : 8);
	else if (type.tag == DW_TAG_base_type &&
		 ct_type_encoding(place.describer, &type) == DW_ATE_boolean)
		put_sized(&place, CT_NODE_BOOL, 0, 1);
	else
		put_sized(&place,
			  ct_type_is_signed(place.describer, &type) ? CT_NODE_SIGNED
								    : CT_NODE_UNSIGNED,
			  0, 8);
}

/* Does what is there of the context have something of the member? */
static bool has_member(struct place *place, const struct ct_member *member, uint64_t offset)
{
	if (member->is_virtual)
		return true;
	if (member->bit_count)
		return member->bit_count <= 64 &&
		       offset * 8 + member->bit_offset + member->bit_count <= place->available * 8;
	uint64_t at = offset + member->offset;
	if (at > place->available || at > UINT16_MAX)
		return false;
	struct ct_type type;
	ct_type_peel(place->describer, &member->type, &type);
	/* A part of a class or of an array says something; a part of a number does not. */
	if (ct_type_is_class(type.tag) || type.tag == DW_TAG_array_type)
		return at < place->available || ct_type_size(place->describer, &type) == 0;
	return needed_bytes(place->describer, &type) <= place->available - at;
}

static void put_member(struct place place, const struct ct_member *member, uint64_t offset)
{
	Dwarf_Die type = member->type;
	put_text(&place, member->is_base ? ct_type_name(place.describer, &type)
			 : member->name	 ? member->name
					 : "");
	if (member->is_virtual)
		put_absent(&place, CT_WHY_PLAN_UNSURE);
	else if (member->bit_count)
		put_bits(place, member, offset);
	else
		put_value(place, &type, offset + member->offset);
}

static void put_tuple(struct place place, struct ct_type *type, uint64_t offset)
{
	struct ct_member elements[CT_TYPE_TUPLE_MAX];
	size_t count = ct_type_tuple(place.describer, type, elements);
	put(&place, CT_NODE_LIST, 1);
	put(&place, count, 4);
	put(&place, count, 1);
	place.is_parameter = false;
	for (size_t i = 0; i < count; i++)
		put_value(place, &elements[i].type, offset + elements[i].offset);
}

static void put_class(struct place place, struct ct_type *type, uint64_t offset)
{
	struct ct_class *class = ct_type_class(place.describer, type);
	if (!class || (class->size_bytes == 0 && type->is_declaration)) {
		put_absent(&place, CT_WHY_NO_DEBUG_INFO);
		return;
	}
	if (class->is_swapped) {
		put_absent(&place, CT_WHY_PLAN_UNSURE);
		return;
	}
	if (class->library.kind == CT_LIBRARY_TUPLE) {
		put_tuple(place, type, offset);
		return;
	}
	if (class->library.kind == CT_LIBRARY_ARRAY) {
		place.is_parameter = false;
		put_value(place, &class->library.pointer, offset + class->library.first);
		return;
	}
	if (class->library.kind != CT_LIBRARY_NONE &&
	    offset + class->size_bytes <= place.available) {
		put_library(place, &class->library, offset);
		return;
	}
	bool is_union = type->tag == DW_TAG_union_type;
	put(&place, is_union ? CT_NODE_UNION : CT_NODE_STRUCT, 1);
	size_t count_at = reserve_count(&place);
	unsigned int count = 0;
	bool is_cut = class->is_cut;
	struct place inner = place;
	inner.is_parameter = false;
	if (is_union)
		inner.block = NO_BLOCK;
	for (size_t i = 0; i < class->member_count; i++) {
		const struct ct_member *member = &class->members[i];
		if (is_empty_base(place.describer, member))
			continue;
		if (place.draft->nodes.length >= place.limit->nodes_length ||
		    !ct_type_step(place.describer) || !has_member(&inner, member, offset)) {
			is_cut = true;
			continue;
		}
		put_member(inner, member, offset);
		count++;
	}
	if (is_cut) {
		put_text(&place, "...");
		put_absent(&place, CT_WHY_LEFT_OUT);
		count++;
	}
	set_count(&place, count_at, count);
}

/* --- values --- */

static void put_array(struct place place, struct ct_type *type, uint64_t offset)
{
	struct ct_array array;
	if (!ct_type_array(place.describer, type, &array))
		put_absent(&place, CT_WHY_NO_DEBUG_INFO); /* as long as it happens to be */
	else if (place.depth + array.dimensions < CT_PLAN_NESTING_MAX)
		put_dimension(place, &array, 0, offset);
	else
		put_absent(&place, CT_WHY_LEFT_OUT);
}

static void put_value(struct place place, Dwarf_Die *type_die, uint64_t offset)
{
	struct ct_type type;
	ct_type_peel(place.describer, type_die, &type);
	uint64_t size = ct_type_size(place.describer, &type);
	bool may_be_cut = ct_type_is_class(type.tag) || type.tag == DW_TAG_array_type;
	if (offset > UINT16_MAX || offset > place.available ||
	    ++place.depth > CT_PLAN_NESTING_MAX - NESTING_AROUND ||
	    !ct_type_step(place.describer) || place.draft->nodes.length >= NODES_BYTES_MAX ||
	    (!may_be_cut && needed_bytes(place.describer, &type) > place.available - offset)) {
		put_absent(&place, CT_WHY_LEFT_OUT);
		return;
	}
	if (size == 0 && !may_be_cut) {
		put_absent(&place, CT_WHY_NO_DEBUG_INFO);
		return;
	}
	struct ct_type target;
	switch (type.tag) {
	case DW_TAG_base_type:
		put_base(&place, &type, offset, size);
		break;
	case DW_TAG_enumeration_type:
		put_enumeration(&place, &type, offset, size);
		break;
	case DW_TAG_pointer_type:
		put_pointer(place, &type, offset);
		break;
	case DW_TAG_reference_type:
	case DW_TAG_rvalue_reference_type:
		put_reference(place, &type, offset);
		break;
	case DW_TAG_ptr_to_member_type:
		ct_type_peel_target(place.describer, &type.die, &target);
		if (target.tag == DW_TAG_subroutine_type)
			put_opaque(&place, offset, size);
		else
			put_sized(&place, CT_NODE_SIGNED, offset, 8);
		break;
	case DW_TAG_array_type:
		put_array(place, &type, offset);
		break;
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
		put_class(place, &type, offset);
		break;
	case DW_TAG_unspecified_type: /* std::nullptr_t */
		put_address(&place, offset);
		break;
	default:
		put_opaque(&place, offset, size);
	}
}

/* Bytes of what a block holds; 0: there is no such block, or none that can be cut into values. */
static uint64_t block_bytes(const struct ct_plan_draft *draft, unsigned int block)
{
	unsigned int next = 0;
	uint64_t bytes = 0;
	for (size_t i = 0; i < draft->op_count; i++) {
		const struct ct_plan_op *op = &draft->ops[i];
		unsigned int code = op->code & ~(unsigned int)CT_PLAN_JOINED;
		if (code > CT_PLAN_LAST_APPEND)
			continue;
		if (!(op->code & CT_PLAN_JOINED))
			next++;
		if (next == block + 1 && code <= CT_PLAN_APPEND_MEMORY)
			bytes += op->size;
	}
	return bytes;
}

void ct_describe_value(struct ct_describer *describer, struct ct_plan_draft *draft, Dwarf_Die *type,
		       unsigned int block, uint16_t offset)
{
	ct_type_begin(describer);
	struct extent limit = half_of_the_rest(draft);
	struct place place = {
		.describer = describer,
		.draft = draft,
		.limit = &limit,
		.block = (int)block,
		.available = block_bytes(draft, block),
		.levels = describer->settings.max_pointee,
		.is_parameter = true,
	};
	put_value(place, type, offset);
}

void ct_describe_value_flat(struct ct_describer *describer, struct ct_plan_draft *draft,
			    Dwarf_Die *type, uint16_t offset)
{
	ct_type_begin(describer);
	struct extent limit = half_of_the_rest(draft);
	struct place place = {
		.describer = describer,
		.draft = draft,
		.limit = &limit,
		.block = NO_BLOCK,
		.available = UINT16_MAX + 1,
		.is_parameter = true,
	};
	put_value(place, type, offset);
}
