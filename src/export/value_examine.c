/* SPDX-License-Identifier: MIT */
/* What is known of a captured value, and where its bytes are: see value_examine.h. */
#include "export/value_examine.h"

#include <string.h>

#include "export/value_text.h"

/*
 * Values a call may show. A payload has no more bits; a hostile description
 * could show the same bytes over and over.
 */
enum { VALUES_MAX = CT_PLAN_PAYLOAD_MAX * 8 };

void ct_values_begin(struct ct_values *values, uint32_t first_shape, uint32_t shape_count,
		     struct ct_value_bytes payload)
{
	values->ns = payload.ns;
	values->values_left = VALUES_MAX;
	ct_payload_split(values->plans.shapes + first_shape, shape_count, payload.bytes,
			 payload.length, values->blocks);
}

/* --- contexts --- */

struct ct_value_context ct_value_context_of_block(const struct ct_payload_block *block)
{
	if (block->status != CT_PLAN_OK)
		return ct_value_context_unreadable();
	return (struct ct_value_context){.bytes = block->bytes, .length = block->length};
}

/* From `offset` on, at most `length` bytes. */
struct ct_value_context ct_value_context_part(const struct ct_value_context *context,
					      uint32_t offset, uint32_t length)
{
	struct ct_value_context part = *context;
	if (part.why)
		return part;
	if (offset > part.length)
		offset = part.length;
	part.length -= offset;
	if (offset) /* nothing may be added to NULL, which is where no bytes are */
		part.bytes += offset;
	if (part.whys)
		part.whys += offset;
	if (part.length > length)
		part.length = length;
	return part;
}

/* The bytes of a scalar; NULL, and why, when they are not all there. */
static const unsigned char *take(const struct ct_value_context *context, uint32_t offset,
				 uint32_t length, uint8_t *why)
{
	*why = context->why ? context->why : CT_WHY_UNREADABLE;
	if (context->why || offset > context->length || length > context->length - offset)
		return NULL;
	for (uint32_t i = 0; context->whys && i < length; i++) {
		*why = context->whys[offset + i];
		if (*why)
			return NULL;
	}
	*why = 0;
	return context->bytes + offset;
}

static struct ct_value_context join_pieces(struct ct_values *values,
					   const struct ct_value_node *node)
{
	memset(values->joined, 0, node->length);
	memset(values->joined_why, CT_WHY_OPTIMIZED_OUT, node->length);
	for (uint32_t i = 0; i < node->count; i++) {
		const struct ct_value_piece *piece = &values->plans.pieces[node->first_piece + i];
		unsigned char why = CT_WHY_OPTIMIZED_OUT;
		const unsigned char *bytes = NULL;
		if (piece->is_there) {
			struct ct_value_context from =
				ct_value_context_of_block(&values->blocks[piece->block]);
			bytes = take(&from, piece->offset, piece->size, &why);
		}
		memset(values->joined_why + piece->at, why, piece->size);
		if (bytes)
			memcpy(values->joined + piece->at, bytes, piece->size);
	}
	return (struct ct_value_context){values->joined, values->joined_why, node->length, 0};
}

/* The bits as a number of eight bytes; NULL when they are not all there. */
static const unsigned char *take_bits(const struct ct_value_context *context,
				      const struct ct_value_node *node, unsigned char *number,
				      uint8_t *why)
{
	uint32_t first = node->offset / 8;
	unsigned int shift = node->offset % 8;
	uint32_t size = (shift + node->size + 7) / 8;
	const unsigned char *bytes = take(context, first, size, why);
	if (!bytes)
		return NULL;
	unsigned __int128 wide = 0;
	memcpy(&wide, bytes, size);
	uint64_t value = (uint64_t)(wide >> shift);
	unsigned int unused = 64 - node->size;
	value <<= unused;
	value = node->is_signed ? (uint64_t)((int64_t)value >> unused) : value >> unused;
	memcpy(number, &value, sizeof(value));
	return number;
}

/* --- examining --- */

static void set_text(struct ct_value *value, const unsigned char *bytes, size_t length,
		     bool truncated)
{
	value->is_text = true;
	value->text = bytes;
	value->text_length = length;
	value->is_truncated = truncated;
	value->is_escaped = !ct_value_is_utf8(bytes, &value->text_length, truncated);
}

static void examine_scalar(struct ct_value *value, uint32_t length)
{
	value->bytes = take(&value->context, value->node->offset, length, &value->why);
}

static void encode(struct ct_value *value, uint32_t code)
{
	unsigned char *text = (unsigned char *)value->own_text;
	value->is_text = true;
	value->text = text;
	if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
		static const char digits[] = "0123456789abcdef";
		unsigned int count = code > 0xffff ? 8 : 4;
		*text++ = '\\';
		*text++ = count == 8 ? 'U' : 'u';
		while (count)
			*text++ = (unsigned char)digits[code >> 4 * --count & 15];
		value->is_coded = true;
	} else if (code < 0x80) {
		*text++ = (unsigned char)code;
	} else if (code < 0x800) {
		*text++ = (unsigned char)(0xc0 | code >> 6);
		*text++ = (unsigned char)(0x80 | (code & 63));
	} else if (code < 0x10000) {
		*text++ = (unsigned char)(0xe0 | code >> 12);
		*text++ = (unsigned char)(0x80 | (code >> 6 & 63));
		*text++ = (unsigned char)(0x80 | (code & 63));
	} else {
		*text++ = (unsigned char)(0xf0 | code >> 18);
		*text++ = (unsigned char)(0x80 | (code >> 12 & 63));
		*text++ = (unsigned char)(0x80 | (code >> 6 & 63));
		*text++ = (unsigned char)(0x80 | (code & 63));
	}
	value->text_length = (size_t)(text - value->text);
}

static void examine_char(struct ct_value *value)
{
	uint32_t code = 0;
	examine_scalar(value, value->node->size);
	if (!value->bytes)
		return;
	if (value->node->size == 1) {
		set_text(value, value->bytes, 1, false);
		return;
	}
	memcpy(&code, value->bytes, value->node->size);
	encode(value, code);
}

static void examine_address(struct ct_value *value)
{
	examine_scalar(value, sizeof(value->address));
	if (value->bytes)
		memcpy(&value->address, value->bytes, sizeof(value->address));
	value->is_null = value->bytes && value->address == 0;
}

static void examine_pointer(const struct ct_values *values, struct ct_value *value)
{
	examine_address(value);
	if (!value->node->is_followed || value->is_null || value->why)
		return;
	value->block = &values->blocks[value->node->block];
	value->is_unreadable = value->block->status != CT_PLAN_OK;
}

/* The pointer tells more than "not there" only where nothing could be read. */
static void examine_string(const struct ct_values *values, struct ct_value *value)
{
	const struct ct_payload_block *block = &values->blocks[value->node->block];
	if (block->status == CT_PLAN_OK) {
		set_text(value, block->bytes, block->length, block->truncated);
		value->is_unterminated = block->ends;
		return;
	}
	examine_address(value);
	if (block->status == CT_PLAN_NULL && !value->why)
		value->is_null = true;
	else
		value->is_unreadable = !value->why && !value->is_null;
}

static void examine_text(const struct ct_values *values, struct ct_value *value)
{
	const struct ct_payload_block *block = &values->blocks[value->node->block];
	if (block->status == CT_PLAN_OK)
		set_text(value, block->bytes, block->length, block->truncated);
	else if (block->status == CT_PLAN_NULL)
		value->is_null = true;
	else
		value->why = CT_WHY_UNREADABLE;
}

static void examine_short_text(const struct ct_values *values, struct ct_value *value)
{
	enum { SHORT_MAX = 22 };
	const struct ct_value_node *node = value->node;
	const unsigned char *head = take(&value->context, node->offset, 1, &value->why);
	if (!head)
		return;
	if (*head & 1) {
		if (node->is_followed)
			examine_text(values, value);
		else
			value->why = CT_WHY_LEFT_OUT;
		return;
	}
	unsigned int length = *head / 2U;
	unsigned int there = length < node->shown ? length : node->shown;
	value->bytes = take(&value->context, node->offset + 1, there, &value->why);
	if (length > SHORT_MAX)
		value->why = CT_WHY_UNREADABLE; /* nothing has made it a string yet */
	else if (value->bytes)
		set_text(value, value->bytes, there, there < length);
}

static void examine_chars(struct ct_value *value)
{
	const struct ct_value_node *node = value->node;
	value->bytes = take(&value->context, node->offset, node->shown, &value->why);
	if (!value->bytes)
		return;
	size_t length = strnlen((const char *)value->bytes, node->shown);
	set_text(value, value->bytes, length, length == node->shown && node->shown < node->count);
}

static uint32_t elements_there(uint32_t bytes, uint32_t stride, uint32_t wanted)
{
	if (stride == 0)
		return wanted < 64 ? wanted : 64; /* empty structs */
	uint32_t there = bytes / stride + (bytes % stride != 0);
	return wanted < there ? wanted : there;
}

static void examine_array(struct ct_value *value)
{
	const struct ct_value_node *node = value->node;
	value->why = value->context.why;
	value->context = ct_value_context_part(&value->context, node->offset, UINT32_MAX);
	value->elements = elements_there(value->context.length, node->length, node->shown);
	if (value->elements == 0 && node->shown && !value->why)
		value->why = CT_WHY_UNREADABLE;
	value->is_cut = value->elements < node->count;
}

static void examine_list(struct ct_value *value)
{
	value->why = value->context.why;
	value->elements = value->node->shown;
	value->is_cut = value->elements < value->node->count;
}

static void examine_sequence(const struct ct_values *values, struct ct_value *value)
{
	value->block = &values->blocks[value->node->block];
	if (value->block->status == CT_PLAN_UNREADABLE)
		value->why = CT_WHY_UNREADABLE;
	value->context = (struct ct_value_context){.bytes = value->block->bytes,
						   .length = value->block->length};
	value->elements = elements_there(value->block->length, value->node->length,
					 value->block->count);
	if (value->node->kind == CT_NODE_SEQUENCE_LIST && value->elements > value->node->shown)
		value->elements = value->node->shown;
}

static void examine_shown(const struct ct_values *values, struct ct_value *value)
{
	const struct ct_value_node *node = value->node;
	switch (node->kind) {
	case CT_NODE_CHAR:
		examine_char(value);
		break;
	case CT_NODE_COMPLEX:
		examine_scalar(value, node->length + node->size);
		break;
	case CT_NODE_OPAQUE:
		examine_scalar(value, node->length);
		break;
	case CT_NODE_POINTER:
		examine_pointer(values, value);
		break;
	case CT_NODE_FUNCTION:
	case CT_NODE_ADDRESS:
		examine_address(value);
		break;
	case CT_NODE_STRING:
		examine_string(values, value);
		break;
	case CT_NODE_TEXT:
		examine_text(values, value);
		break;
	case CT_NODE_SHORT_TEXT:
		examine_short_text(values, value);
		break;
	case CT_NODE_CHARS:
		examine_chars(value);
		break;
	case CT_NODE_STRUCT:
	case CT_NODE_UNION:
		value->why = value->context.why;
		break;
	case CT_NODE_ARRAY:
		examine_array(value);
		break;
	case CT_NODE_LIST:
		examine_list(value);
		break;
	case CT_NODE_SEQUENCE:
	case CT_NODE_SEQUENCE_LIST:
		examine_sequence(values, value);
		break;
	case CT_NODE_ABSENT:
		value->why = node->why;
		break;
	default:
		examine_scalar(value, node->size);
	}
}

static void examine_reference(const struct ct_values *values, struct ct_value *value)
{
	uint8_t why;
	const unsigned char *bytes = take(&value->context, value->node->offset,
					  sizeof(value->reference), &why);
	if (bytes) {
		value->is_reference = true;
		memcpy(&value->reference, bytes, sizeof(value->reference));
	}
	value->context = ct_value_context_of_block(&values->blocks[value->node->block]);
}

void ct_value_examine(struct ct_values *values, uint32_t index, struct ct_value_context context,
		      struct ct_value *value)
{
	memset(value, 0, offsetof(struct ct_value, own_bytes));
	value->context = context;
	for (;; index = value->node->first) {
		const struct ct_value_node *node = &values->plans.nodes[index];
		value->node = node;
		switch (node->kind) {
		case CT_NODE_BLOCK:
			value->context = ct_value_context_of_block(&values->blocks[node->block]);
			continue;
		case CT_NODE_CONSTANT:
			value->context = (struct ct_value_context){
				.bytes = (const unsigned char *)values->plans.data.bytes +
					 node->offset,
				.length = node->length,
			};
			continue;
		case CT_NODE_PIECES:
			value->context = join_pieces(values, node);
			continue;
		case CT_NODE_AT:
			value->context = ct_value_context_part(&value->context, node->offset,
							       UINT32_MAX);
			continue;
		case CT_NODE_BITS:
			if (!take_bits(&value->context, node, value->own_bytes, &value->why)) {
				value->context.why = value->why;
				continue;
			}
			value->context = (struct ct_value_context){
				.bytes = value->own_bytes, .length = sizeof(value->own_bytes)};
			continue;
		case CT_NODE_REFERENCE:
			examine_reference(values, value);
			continue;
		default:
			break;
		}
		break;
	}
	if (ct_unlikely(values->values_left == 0)) {
		value->why = CT_WHY_UNREADABLE;
		return;
	}
	examine_shown(values, value);
	/* The same bytes may be shown again and again, too. */
	size_t cost = 1 + value->text_length / 8;
	values->values_left -= cost < values->values_left ? (uint32_t)cost : values->values_left;
}

/* --- enumerators --- */

const struct ct_value_enumerator *ct_value_find_enumerator(const struct ct_values *values,
							   const struct ct_value_node *node,
							   int64_t value)
{
	const struct ct_value_enumerator *first = &values->plans.enumerators[node->first];
	uint32_t low = 0;
	uint32_t high = node->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (first[middle].value < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low < node->count && first[low].value == value ? &first[low] : NULL;
}
