/* SPDX-License-Identifier: MIT */
/*
 * Arguments and return values as JSON: see values.h. Each value is first
 * examined, which finds the node that shows something and its bytes, and then
 * written: whether it comes with more than the bare value has to be known
 * before its first byte, for the sink takes nothing back. Nothing is allocated
 * for a call.
 */
#include "export/values.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "export/code_names.h"
#include "export/json_text.h"
#include "export/json_writer.h"
#include "export/value_plan.h"
#include "export/value_text.h"

/*
 * Values a call may show. A payload has no more bits; a hostile description
 * could show the same bytes over and over.
 */
enum { VALUES_MAX = CT_PLAN_PAYLOAD_MAX * 8 };

struct ct_values {
	struct ct_value_plans plans;
	uint32_t *plan_of_site; /* index into plans + 1; 0: none */
	uint32_t site_count;	/* with number 0 */
	struct ct_code_names *code_names;
	bool pretty;
	bool is_shared; /* plans and sites are another's */
	/* of the call that is being written */
	uint64_t ns;
	uint32_t values_left;
	const char *text_start; /* of one that people read */
	size_t text_most;	/* then its members and elements are left out; 0: none are */
	struct ct_payload_block blocks[CT_PLAN_BLOCKS_MAX];
	unsigned char joined[CT_PLAN_PAYLOAD_MAX]; /* the context a PIECES node makes */
	unsigned char
		joined_why[CT_PLAN_PAYLOAD_MAX]; /* enum ct_why of its bytes that are not there */
};

/* The bytes that a node's offsets count from. */
struct context {
	const unsigned char *bytes;
	const unsigned char *whys; /* of each byte, an enum ct_why or 0; NULL: all are there */
	uint32_t length;
	uint8_t why; /* there are none; enum ct_why */
};

/* What is to be shown, and what stands beside it. */
struct value {
	const struct ct_value_node *node; /* not one that only leads to another */
	struct context context;
	const unsigned char *bytes; /* of a scalar */
	const unsigned char *text;
	size_t text_length;
	uint64_t address;		      /* of a pointer or a string */
	uint64_t reference;		      /* address of what the context came from */
	const struct ct_payload_block *block; /* followed; NULL: not */
	uint32_t elements;		      /* that can be shown */
	uint8_t why;			      /* enum ct_why: there is no value */
	bool is_null;
	bool is_text;
	bool is_reference;
	bool is_cut;
	bool is_truncated;
	bool is_unterminated;
	bool is_escaped;
	bool is_unreadable;
	bool is_coded; /* a character that is none: `text` holds its code, as text */
	unsigned char own_bytes[8];
	char own_text[12];
};

static const char *const why_words[] = {
	[CT_WHY_OPTIMIZED_OUT] = "\"optimized out\"", [CT_WHY_ENTRY_VALUE] = "\"entry value\"",
	[CT_WHY_NO_DEBUG_INFO] = "\"no debug info\"", [CT_WHY_PLAN_UNSURE] = "\"plan unsure\"",
	[CT_WHY_UNREADABLE] = "\"unreadable\"",	      [CT_WHY_INLINED] = "\"inlined\"",
	[CT_WHY_LEFT_OUT] = "\"left out\"",
};

/* --- contexts --- */

static struct context unreadable_context(void)
{
	return (struct context){.why = CT_WHY_UNREADABLE};
}

static struct context context_of_block(const struct ct_payload_block *block)
{
	if (block->status != CT_PLAN_OK)
		return unreadable_context();
	return (struct context){.bytes = block->bytes, .length = block->length};
}

/* From `offset` on, at most `length` bytes. */
static struct context part_of(const struct context *context, uint32_t offset, uint32_t length)
{
	struct context part = *context;
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
static const unsigned char *take(const struct context *context, uint32_t offset, uint32_t length,
				 uint8_t *why)
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

static struct context join_pieces(struct ct_values *values, const struct ct_value_node *node)
{
	memset(values->joined, 0, node->length);
	memset(values->joined_why, CT_WHY_OPTIMIZED_OUT, node->length);
	for (uint32_t i = 0; i < node->count; i++) {
		const struct ct_value_piece *piece = &values->plans.pieces[node->first_piece + i];
		unsigned char why = CT_WHY_OPTIMIZED_OUT;
		const unsigned char *bytes = NULL;
		if (piece->is_there) {
			struct context from = context_of_block(&values->blocks[piece->block]);
			bytes = take(&from, piece->offset, piece->size, &why);
		}
		memset(values->joined_why + piece->at, why, piece->size);
		if (bytes)
			memcpy(values->joined + piece->at, bytes, piece->size);
	}
	return (struct context){values->joined, values->joined_why, node->length, 0};
}

/* The bits as a number of eight bytes; NULL when they are not all there. */
static const unsigned char *take_bits(const struct context *context,
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

static void set_text(struct value *value, const unsigned char *bytes, size_t length, bool truncated)
{
	value->is_text = true;
	value->text = bytes;
	value->text_length = length;
	value->is_truncated = truncated;
	value->is_escaped = !ct_value_is_utf8(bytes, &value->text_length, truncated);
}

static void examine_scalar(struct value *value, uint32_t length)
{
	value->bytes = take(&value->context, value->node->offset, length, &value->why);
}

static void encode(struct value *value, uint32_t code)
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

static void examine_char(struct value *value)
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

static void examine_address(struct value *value)
{
	examine_scalar(value, sizeof(value->address));
	if (value->bytes)
		memcpy(&value->address, value->bytes, sizeof(value->address));
	value->is_null = value->bytes && value->address == 0;
}

static void examine_pointer(const struct ct_values *values, struct value *value)
{
	examine_address(value);
	if (!value->node->is_followed || value->is_null || value->why)
		return;
	value->block = &values->blocks[value->node->block];
	value->is_unreadable = value->block->status != CT_PLAN_OK;
}

/* The pointer tells more than "not there" only where nothing could be read. */
static void examine_string(const struct ct_values *values, struct value *value)
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

static void examine_text(const struct ct_values *values, struct value *value)
{
	const struct ct_payload_block *block = &values->blocks[value->node->block];
	if (block->status == CT_PLAN_OK)
		set_text(value, block->bytes, block->length, block->truncated);
	else if (block->status == CT_PLAN_NULL)
		value->is_null = true;
	else
		value->why = CT_WHY_UNREADABLE;
}

static void examine_short_text(const struct ct_values *values, struct value *value)
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

static void examine_chars(struct value *value)
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

static void examine_array(struct value *value)
{
	const struct ct_value_node *node = value->node;
	value->why = value->context.why;
	value->context = part_of(&value->context, node->offset, UINT32_MAX);
	value->elements = elements_there(value->context.length, node->length, node->shown);
	if (value->elements == 0 && node->shown && !value->why)
		value->why = CT_WHY_UNREADABLE;
	value->is_cut = value->elements < node->count;
}

static void examine_list(struct value *value)
{
	value->why = value->context.why;
	value->elements = value->node->shown;
	value->is_cut = value->elements < value->node->count;
}

static void examine_sequence(const struct ct_values *values, struct value *value)
{
	value->block = &values->blocks[value->node->block];
	if (value->block->status == CT_PLAN_UNREADABLE)
		value->why = CT_WHY_UNREADABLE;
	value->context = (struct context){.bytes = value->block->bytes,
					  .length = value->block->length};
	value->elements = elements_there(value->block->length, value->node->length,
					 value->block->count);
	if (value->node->kind == CT_NODE_SEQUENCE_LIST && value->elements > value->node->shown)
		value->elements = value->node->shown;
}

static void examine_shown(const struct ct_values *values, struct value *value)
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

static void examine_reference(const struct ct_values *values, struct value *value)
{
	uint8_t why;
	const unsigned char *bytes = take(&value->context, value->node->offset,
					  sizeof(value->reference), &why);
	if (bytes) {
		value->is_reference = true;
		memcpy(&value->reference, bytes, sizeof(value->reference));
	}
	value->context = context_of_block(&values->blocks[value->node->block]);
}

/* Follow the nodes that only say where a value is. */
static void examine(struct ct_values *values, uint32_t index, struct context context,
		    struct value *value)
{
	memset(value, 0, offsetof(struct value, own_bytes));
	value->context = context;
	for (;; index = value->node->first) {
		const struct ct_value_node *node = &values->plans.nodes[index];
		value->node = node;
		switch (node->kind) {
		case CT_NODE_BLOCK:
			value->context = context_of_block(&values->blocks[node->block]);
			continue;
		case CT_NODE_CONSTANT:
			value->context = (struct context){
				.bytes = (const unsigned char *)values->plans.data.bytes +
					 node->offset,
				.length = node->length,
			};
			continue;
		case CT_NODE_PIECES:
			value->context = join_pieces(values, node);
			continue;
		case CT_NODE_AT:
			value->context = part_of(&value->context, node->offset, UINT32_MAX);
			continue;
		case CT_NODE_BITS:
			if (!take_bits(&value->context, node, value->own_bytes, &value->why)) {
				value->context.why = value->why;
				continue;
			}
			value->context = (struct context){.bytes = value->own_bytes,
							  .length = sizeof(value->own_bytes)};
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

/* --- writing --- */

static void put_key(const struct ct_values *values, struct ct_sink *sink, const char *quoted_key,
		    size_t length)
{
	ct_sink_add(sink, quoted_key, length);
	ct_sink_add(sink, ": ", values->pretty ? 2 : 1);
}
#define PUT_KEY(values, sink, key) put_key(values, sink, "\"" key "\"", sizeof("\"" key "\"") - 1)

static void put_comma(const struct ct_values *values, struct ct_sink *sink)
{
	ct_sink_add(sink, ", ", values->pretty ? 2 : 1);
}

static void put_nested(struct ct_values *values, struct ct_sink *sink, uint32_t node,
		       struct context context);

static __int128 signed_number(const unsigned char *bytes, uint8_t size)
{
	__int128 number = 0;
	unsigned int unused = 128 - size * 8U;
	memcpy(&number, bytes, size);
	return (__int128)((unsigned __int128)number << unused) >> unused;
}

static unsigned __int128 unsigned_number(const unsigned char *bytes, uint8_t size)
{
	unsigned __int128 number = 0;
	memcpy(&number, bytes, size);
	return number;
}

static void put_bool(struct ct_sink *sink, const struct value *value)
{
	unsigned __int128 number = unsigned_number(value->bytes, value->node->size);
	if (number == 0)
		CT_VALUE_PUT(sink, "false");
	else if (number == 1)
		CT_VALUE_PUT(sink, "true");
	else
		ct_value_put_unsigned(sink, number); /* it was never set, perhaps */
}

static const struct ct_value_enumerator *find_enumerator(const struct ct_values *values,
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

/* "A|B": of those that name several flags at once, the largest first. */
static bool put_flags(const struct ct_values *values, struct ct_sink *sink,
		      const struct ct_value_node *node, int64_t number, const char *quote)
{
	const struct ct_value_enumerator *first = &values->plans.enumerators[node->first];
	const struct ct_value_enumerator *names[64]; /* each has a bit of its own */
	size_t count = 0;
	uint64_t rest = (uint64_t)number;
	if (!node->is_flags || number <= 0)
		return false;
	for (uint32_t i = node->count; i > 0; i--) {
		uint64_t flag = (uint64_t)first[i - 1].value;
		/* The first of several names. */
		while (i > 1 && first[i - 2].value == first[i - 1].value)
			i--;
		if (flag == 0 || (rest & flag) != flag)
			continue;
		names[count++] = &first[i - 1];
		rest &= ~flag;
	}
	if (rest)
		return false;
	ct_sink_add(sink, quote, strlen(quote));
	for (size_t i = count; i > 0; i--) {
		ct_sink_add(sink, "|", i < count ? 1 : 0);
		ct_sink_add(sink, values->plans.text.bytes + names[i - 1]->name,
			    names[i - 1]->name_length);
	}
	ct_sink_add(sink, quote, strlen(quote));
	return true;
}

static void put_enum(const struct ct_values *values, struct ct_sink *sink,
		     const struct value *value)
{
	const struct ct_value_node *node = value->node;
	int64_t number = node->is_signed ? (int64_t)signed_number(value->bytes, node->size)
					 : (int64_t)unsigned_number(value->bytes, node->size);
	const struct ct_value_enumerator *found = find_enumerator(values, node, number);
	CT_VALUE_PUT(sink, "{");
	PUT_KEY(values, sink, "name");
	if (found) {
		CT_VALUE_PUT(sink, "\"");
		ct_sink_add(sink, values->plans.text.bytes + found->name, found->name_length);
		CT_VALUE_PUT(sink, "\"");
	} else if (!put_flags(values, sink, node, number, "\"")) {
		CT_VALUE_PUT(sink, "null");
	}
	put_comma(values, sink);
	PUT_KEY(values, sink, "number");
	if (node->is_signed)
		ct_value_put_signed(sink, number);
	else
		ct_value_put_unsigned(sink, (uint64_t)number);
	CT_VALUE_PUT(sink, "}");
}

static void put_complex(const struct ct_values *values, struct ct_sink *sink,
			const struct value *value)
{
	const struct ct_value_node *node = value->node;
	CT_VALUE_PUT(sink, "{");
	PUT_KEY(values, sink, "real");
	ct_value_put_float(sink, value->bytes, node->size);
	put_comma(values, sink);
	PUT_KEY(values, sink, "imaginary");
	ct_value_put_float(sink, value->bytes + node->length, node->size);
	CT_VALUE_PUT(sink, "}");
}

/* `filled`: the object has a member already. */
static void put_members(struct ct_values *values, struct ct_sink *sink, const struct value *object,
			bool *filled)
{
	const struct ct_value_node *node = object->node;
	for (uint32_t i = 0; i < node->count; i++) {
		const struct ct_value_member *member = &values->plans.members[node->first + i];
		if (member->key_length == 0) {
			struct value inner;
			examine(values, member->node, object->context, &inner);
			if (!inner.why)
				put_members(values, sink, &inner, filled);
			continue;
		}
		if (*filled)
			put_comma(values, sink);
		*filled = true;
		ct_sink_add(sink, values->plans.text.bytes + member->key, member->key_length);
		put_nested(values, sink, member->node, object->context);
	}
}

static void put_struct(struct ct_values *values, struct ct_sink *sink, const struct value *value)
{
	bool filled = false;
	CT_VALUE_PUT(sink, "{");
	put_members(values, sink, value, &filled);
	CT_VALUE_PUT(sink, "}");
}

static void put_elements(struct ct_values *values, struct ct_sink *sink, const struct value *value)
{
	const struct ct_value_node *node = value->node;
	bool has_own_nodes = node->kind == CT_NODE_LIST || node->kind == CT_NODE_SEQUENCE_LIST;
	CT_VALUE_PUT(sink, "[");
	for (uint32_t i = 0; i < value->elements; i++) {
		if (i)
			put_comma(values, sink);
		if (has_own_nodes)
			put_nested(values, sink, values->plans.members[node->first + i].node,
				   value->context);
		else
			put_nested(values, sink, node->first,
				   part_of(&value->context, i * node->length, node->length));
	}
	CT_VALUE_PUT(sink, "]");
}

static void put_sequence(struct ct_values *values, struct ct_sink *sink, const struct value *value)
{
	CT_VALUE_PUT(sink, "{");
	PUT_KEY(values, sink, "size");
	ct_value_put_unsigned(sink, value->block->count);
	put_comma(values, sink);
	PUT_KEY(values, sink, "elements");
	put_elements(values, sink, value);
	CT_VALUE_PUT(sink, "}");
}

static void put_value(struct ct_values *values, struct ct_sink *sink, const struct value *value)
{
	const struct ct_value_node *node = value->node;
	if (value->why || value->is_null) {
		CT_VALUE_PUT(sink, "null");
		return;
	}
	if (value->is_text) {
		ct_value_put_string(sink, value->text, value->text_length, value->is_escaped);
		return;
	}
	switch (node->kind) {
	case CT_NODE_SIGNED:
		ct_value_put_signed(sink, signed_number(value->bytes, node->size));
		break;
	case CT_NODE_UNSIGNED:
		ct_value_put_unsigned(sink, unsigned_number(value->bytes, node->size));
		break;
	case CT_NODE_BOOL:
		put_bool(sink, value);
		break;
	case CT_NODE_FLOAT:
		ct_value_put_float(sink, value->bytes, node->size);
		break;
	case CT_NODE_COMPLEX:
		put_complex(values, sink, value);
		break;
	case CT_NODE_ENUM:
		put_enum(values, sink, value);
		break;
	case CT_NODE_STRUCT:
	case CT_NODE_UNION:
		put_struct(values, sink, value);
		break;
	case CT_NODE_ARRAY:
	case CT_NODE_LIST:
		put_elements(values, sink, value);
		break;
	case CT_NODE_SEQUENCE:
	case CT_NODE_SEQUENCE_LIST:
		put_sequence(values, sink, value);
		break;
	case CT_NODE_OPAQUE:
		ct_value_put_hex(sink, value->bytes, node->length);
		break;
	default:
		ct_value_put_address(sink, value->address);
	}
}

static bool shows_pointee(const struct value *value)
{
	return value->node->kind == CT_NODE_POINTER && value->block && !value->is_unreadable;
}

static bool shows_symbol(const struct value *value)
{
	return value->node->kind == CT_NODE_FUNCTION && !value->why && !value->is_null;
}

/* Is there something to say besides the value? */
static bool has_siblings(const struct value *value)
{
	return value->why || value->is_reference || value->is_cut || value->is_truncated ||
	       value->is_escaped || value->is_coded || value->is_unreadable ||
	       shows_pointee(value) || shows_symbol(value);
}

static void put_symbol(struct ct_values *values, struct ct_sink *sink, uint64_t address)
{
	struct ct_bytes name = {"null", 4};
	if (values->code_names)
		name = ct_code_names_find(values->code_names, address, values->ns);
	ct_sink_add(sink, name.bytes, name.length);
}

static void put_siblings(struct ct_values *values, struct ct_sink *sink, const struct value *value)
{
	if (shows_pointee(value)) {
		put_comma(values, sink);
		PUT_KEY(values, sink, "pointee");
		put_nested(values, sink, value->node->first, context_of_block(value->block));
	}
	if (shows_symbol(value)) {
		put_comma(values, sink);
		PUT_KEY(values, sink, "symbol");
		put_symbol(values, sink, value->address);
	}
	if (value->is_cut && !value->why) {
		put_comma(values, sink);
		PUT_KEY(values, sink, "length");
		ct_value_put_unsigned(sink, value->node->count);
	}
	if (value->is_truncated) {
		put_comma(values, sink);
		PUT_KEY(values, sink, "truncated");
		CT_VALUE_PUT(sink, "true");
	}
	if (value->is_unterminated) {
		put_comma(values, sink);
		PUT_KEY(values, sink, "unterminated");
		CT_VALUE_PUT(sink, "true");
	}
	if (value->is_escaped || value->is_coded) {
		put_comma(values, sink);
		PUT_KEY(values, sink, "escaped");
		CT_VALUE_PUT(sink, "true");
	}
	if (value->is_unreadable) {
		put_comma(values, sink);
		PUT_KEY(values, sink, "unreadable");
		CT_VALUE_PUT(sink, "true");
	}
	if (value->is_reference) {
		put_comma(values, sink);
		PUT_KEY(values, sink, "address");
		ct_value_put_address(sink, value->reference);
	}
	if (value->why) {
		put_comma(values, sink);
		PUT_KEY(values, sink, "why");
		ct_sink_add(sink, why_words[value->why], strlen(why_words[value->why]));
	}
}

/* A member or an element: as it is, or as an object when there is more to say. */
static void put_nested(struct ct_values *values, struct ct_sink *sink, uint32_t node,
		       struct context context)
{
	struct value value;
	examine(values, node, context, &value);
	if (!has_siblings(&value)) {
		put_value(values, sink, &value);
		return;
	}
	CT_VALUE_PUT(sink, "{");
	PUT_KEY(values, sink, "value");
	put_value(values, sink, &value);
	put_siblings(values, sink, &value);
	CT_VALUE_PUT(sink, "}");
}

static void put_slot(struct ct_values *values, struct ct_sink *sink,
		     const struct ct_value_slot *slot)
{
	struct value value;
	examine(values, slot->node, unreadable_context(), &value);
	ct_sink_add(sink, values->plans.text.bytes + slot->prefix, slot->prefix_length);
	put_value(values, sink, &value);
	if (has_siblings(&value))
		put_siblings(values, sink, &value);
	CT_VALUE_PUT(sink, "}");
}

/* The type is known, the value is not. */
static void put_absent(struct ct_values *values, struct ct_sink *sink, const char *prefix,
		       size_t prefix_length, enum ct_why why)
{
	ct_sink_add(sink, prefix, prefix_length);
	CT_VALUE_PUT(sink, "null");
	put_comma(values, sink);
	PUT_KEY(values, sink, "why");
	ct_sink_add(sink, why_words[why], strlen(why_words[why]));
	CT_VALUE_PUT(sink, "}");
}

/* --- calls --- */

static const struct ct_value_plan *plan_of(const struct ct_values *values, uint32_t site)
{
	uint32_t plan = site < values->site_count ? values->plan_of_site[site] : 0;
	return plan ? &values->plans.plans[plan - 1] : NULL;
}

static void begin(struct ct_values *values, uint32_t first_shape, uint32_t shape_count,
		  struct ct_value_bytes payload)
{
	values->ns = payload.ns;
	values->values_left = VALUES_MAX;
	ct_payload_split(values->plans.shapes + first_shape, shape_count, payload.bytes,
			 payload.length, values->blocks);
}

void ct_values_put_arguments(struct ct_values *values, struct ct_sink *sink, uint32_t site,
			     struct ct_value_bytes payload, unsigned int level)
{
	const struct ct_value_plan *plan = plan_of(values, site);
	if (!plan || plan->why)
		return;
	begin(values, plan->first_shape, plan->shape_count, payload);
	if (values->pretty)
		ct_json_newline(sink, level);
	PUT_KEY(values, sink, "arguments");
	CT_VALUE_PUT(sink, "[");
	for (uint32_t i = 0; i < plan->slot_count; i++) {
		ct_sink_add(sink, ",", i ? 1 : 0);
		if (values->pretty)
			ct_json_newline(sink, level + 1);
		put_slot(values, sink, &values->plans.slots[plan->first_slot + i]);
	}
	if (values->pretty && plan->slot_count)
		ct_json_newline(sink, level);
	CT_VALUE_PUT(sink, "],");
}

static void begin_result(struct ct_values *values, struct ct_sink *sink, unsigned int level)
{
	CT_VALUE_PUT(sink, ",");
	if (values->pretty)
		ct_json_newline(sink, level);
	PUT_KEY(values, sink, "return_value");
}

/* Nothing is known of the function, not even whether it returns something. */
static void put_unknown(struct ct_values *values, struct ct_sink *sink, enum ct_why why,
			unsigned int level)
{
	begin_result(values, sink, level);
	CT_VALUE_PUT(sink, "{");
	PUT_KEY(values, sink, "type");
	CT_VALUE_PUT(sink, "null");
	put_comma(values, sink);
	put_absent(values, sink,
		   values->pretty ? "\"value\": " : "\"value\":", values->pretty ? 9 : 8, why);
}

void ct_values_put_result(struct ct_values *values, struct ct_sink *sink, uint32_t site,
			  struct ct_value_bytes payload, unsigned int level)
{
	const struct ct_value_plan *plan = plan_of(values, site);
	if (!plan)
		return;
	if (plan->why) {
		put_unknown(values, sink, plan->why, level);
		return;
	}
	if (!plan->returns)
		return;
	begin_result(values, sink, level);
	/* This exit of the function had no plan, or one that could not be carried out. */
	if (!payload.bytes && plan->result.needs_payload) {
		put_absent(values, sink, values->plans.text.bytes + plan->result.prefix,
			   plan->result.prefix_length, CT_WHY_PLAN_UNSURE);
		return;
	}
	begin(values, plan->first_result_shape, plan->result_shape_count, payload);
	put_slot(values, sink, &plan->result);
}

/* --- for people --- */

static void put_text(struct ct_values *values, struct ct_sink *sink, uint32_t node,
		     struct context context);

/* Enough was written of the value that began at `text_start`; memory that was renewed is enough. */
static bool is_enough(const struct ct_values *values, const struct ct_sink *sink)
{
	return values->text_most && (size_t)(sink->at - values->text_start) > values->text_most;
}

static void put_address_text(struct ct_sink *sink, uint64_t address)
{
	char digits[24];
	ct_sink_add(sink, digits, (size_t)(ct_json_hex(digits, address) - digits));
}

/* What JSON has to quote: large numbers, nan. Its room was there before `start`. */
static void unquote(struct ct_sink *sink, char *start)
{
	size_t length = (size_t)(sink->at - start);
	if (length < 2 || *start != '"')
		return;
	memmove(start, start + 1, length - 2);
	sink->at -= 2;
}

static void put_scalar_text(struct ct_values *values, struct ct_sink *sink,
			    const struct value *value)
{
	ct_sink_reserve(sink, CT_SINK_ROOM_BYTES / 8);
	char *start = sink->at;
	put_value(values, sink, value);
	unquote(sink, start);
}

static void put_complex_text(struct ct_sink *sink, const struct value *value)
{
	const struct ct_value_node *node = value->node;
	ct_sink_reserve(sink, CT_SINK_ROOM_BYTES / 8);
	char *start = sink->at;
	ct_value_put_float(sink, value->bytes, node->size);
	unquote(sink, start);
	start = sink->at;
	ct_value_put_float(sink, value->bytes + node->length, node->size);
	unquote(sink, start);
	if (*start != '-') {
		memmove(start + 1, start, (size_t)(sink->at - start));
		*start = '+';
		sink->at++;
	}
	CT_VALUE_PUT(sink, "i");
}

static void put_enum_text(const struct ct_values *values, struct ct_sink *sink,
			  const struct value *value)
{
	const struct ct_value_node *node = value->node;
	int64_t number = node->is_signed ? (int64_t)signed_number(value->bytes, node->size)
					 : (int64_t)unsigned_number(value->bytes, node->size);
	const struct ct_value_enumerator *found = find_enumerator(values, node, number);
	if (found)
		ct_sink_add(sink, values->plans.text.bytes + found->name, found->name_length);
	else if (!put_flags(values, sink, node, number, ""))
		ct_value_put_signed(sink, number);
}

/* `filled`: the braces have a member already. False: the rest is left out. */
static bool put_members_text(struct ct_values *values, struct ct_sink *sink,
			     const struct value *object, bool *filled)
{
	const struct ct_value_node *node = object->node;
	for (uint32_t i = 0; i < node->count; i++) {
		const struct ct_value_member *member = &values->plans.members[node->first + i];
		/* `"key":`, or `"key": ` */
		const char *key = values->plans.text.bytes + member->key + 1;
		const char *quote = member->key_length ? memchr(key, '"', member->key_length - 1)
						       : NULL;
		if (member->key_length == 0) {
			struct value inner;
			examine(values, member->node, object->context, &inner);
			if (!inner.why && !put_members_text(values, sink, &inner, filled))
				return false;
			continue;
		}
		ct_sink_add(sink, ", ", *filled ? 2 : 0);
		*filled = true;
		if (is_enough(values, sink)) {
			CT_VALUE_PUT(sink, "...");
			return false;
		}
		/* Members that were left out. */
		if (quote == key + 3 && memcmp(key, "...", 3) == 0) {
			CT_VALUE_PUT(sink, "...");
			continue;
		}
		ct_sink_add(sink, key, quote ? (size_t)(quote - key) : 0);
		CT_VALUE_PUT(sink, "=");
		put_text(values, sink, member->node, object->context);
	}
	return true;
}

static void put_elements_text(struct ct_values *values, struct ct_sink *sink,
			      const struct value *value, uint64_t wanted)
{
	const struct ct_value_node *node = value->node;
	uint32_t i = 0;
	for (; i < value->elements && !is_enough(values, sink); i++) {
		ct_sink_add(sink, ", ", i ? 2 : 0);
		put_text(values, sink, node->first,
			 part_of(&value->context, i * node->length, node->length));
	}
	if (i < wanted)
		ct_sink_add(sink, ", ...", i ? 5 : 0);
}

static void put_value_text(struct ct_values *values, struct ct_sink *sink,
			   const struct value *value)
{
	bool filled = false;
	switch (value->node->kind) {
	case CT_NODE_ENUM:
		put_enum_text(values, sink, value);
		break;
	case CT_NODE_STRUCT:
	case CT_NODE_UNION:
		CT_VALUE_PUT(sink, "{");
		put_members_text(values, sink, value, &filled);
		CT_VALUE_PUT(sink, "}");
		break;
	case CT_NODE_ARRAY:
		CT_VALUE_PUT(sink, "[");
		put_elements_text(values, sink, value, value->node->count);
		CT_VALUE_PUT(sink, "]");
		break;
	case CT_NODE_SEQUENCE:
		ct_value_put_unsigned(sink, value->block->count);
		CT_VALUE_PUT(sink, ":[");
		put_elements_text(values, sink, value, value->block->count);
		CT_VALUE_PUT(sink, "]");
		break;
	case CT_NODE_STRING:
	case CT_NODE_POINTER:
	case CT_NODE_ADDRESS:
		put_address_text(sink, value->address);
		break;
	case CT_NODE_COMPLEX:
		put_complex_text(sink, value);
		break;
	case CT_NODE_OPAQUE:
		put_value(values, sink, value);
		break;
	default:
		put_scalar_text(values, sink, value);
	}
}

/* A name stands for its address, if it is known. */
static void put_function_text(struct ct_values *values, struct ct_sink *sink, uint64_t address)
{
	struct ct_bytes name = {"null", 4};
	if (values->code_names)
		name = ct_code_names_find(values->code_names, address, values->ns);
	if (name.length > 2 && name.bytes[0] == '"')
		ct_sink_add(sink, name.bytes + 1, name.length - 2);
	else
		put_address_text(sink, address);
}

/* As in C, but that UTF-8 stays. */
static void put_string_text(struct ct_sink *sink, const unsigned char *bytes, size_t length,
			    char quote)
{
	static const char digits[] = "0123456789abcdef";
	static const char named[] = "\\\n\t\r", names[] = "\\ntr";
	ct_sink_add(sink, &quote, 1);
	for (size_t step; length; bytes += step, length -= step) {
		size_t bad_length;
		const char *name = *bytes ? strchr(named, *bytes) : NULL;
		step = *bytes < 0x80 ? 1 : ct_json_sequence_length(bytes, length, &bad_length);
		if (*bytes == (unsigned char)quote)
			ct_sink_add(sink, (char[]){'\\', quote}, 2);
		else if (name)
			ct_sink_add(sink, (char[]){'\\', names[name - named]}, 2);
		else if (step == 0 || *bytes < ' ' || *bytes == 0x7f)
			ct_sink_add(sink,
				    (char[]){'\\', 'x', digits[*bytes >> 4], digits[*bytes & 15]},
				    4);
		else
			ct_sink_add(sink, (const char *)bytes, step);
		step += step == 0;
	}
	ct_sink_add(sink, &quote, 1);
}

static void put_text(struct ct_values *values, struct ct_sink *sink, uint32_t node,
		     struct context context)
{
	struct value value;
	examine(values, node, context, &value);
	if (value.why) {
		/* "optimized out", without its quotes */
		CT_VALUE_PUT(sink, "<");
		ct_sink_add(sink, why_words[value.why] + 1, strlen(why_words[value.why]) - 2);
		CT_VALUE_PUT(sink, ">");
	} else if (value.is_null || value.is_coded) {
		put_scalar_text(values, sink, &value);
	} else if (value.is_text) {
		put_string_text(sink, value.text, value.text_length,
				value.node->kind == CT_NODE_CHAR ? '\'' : '"');
		if (value.is_unterminated)
			CT_VALUE_PUT(sink, "<unreadable>");
		else if (value.is_truncated)
			CT_VALUE_PUT(sink, "...");
	} else if (shows_symbol(&value)) {
		put_function_text(values, sink, value.address);
	} else {
		put_value_text(values, sink, &value);
	}
	if (shows_pointee(&value)) {
		struct value pointee;
		examine(values, value.node->first, context_of_block(value.block), &pointee);
		bool is_braced = pointee.node->kind == CT_NODE_STRUCT ||
				 pointee.node->kind == CT_NODE_UNION ||
				 pointee.node->kind == CT_NODE_ARRAY;
		ct_sink_add(sink, " -> ", is_braced ? 0 : 4);
		put_text(values, sink, value.node->first, context_of_block(value.block));
	}
	if (value.is_unreadable)
		CT_VALUE_PUT(sink, " -> <unreadable>");
}

static void put_slot_text(struct ct_values *values, struct ct_sink *sink,
			  const struct ct_value_slot *slot)
{
	ct_sink_reserve(sink, CT_SINK_ROOM_BYTES / 4);
	values->text_start = sink->at;
	put_text(values, sink, slot->node, unreadable_context());
}

/* The name is in the prefix: `{"name":"x",...`. */
static void put_slot_name(const struct ct_values *values, struct ct_sink *sink,
			  const struct ct_value_slot *slot)
{
	const size_t head = strlen("{\"name\":\"");
	const char *name = values->plans.text.bytes + slot->prefix + head;
	const char *end = slot->prefix_length > head ? memchr(name, '"', slot->prefix_length - head)
						     : NULL;
	if (values->pretty || !end || name[-1] != '"')
		return;
	ct_sink_add(sink, name, (size_t)(end - name));
	CT_VALUE_PUT(sink, "=");
}

bool ct_values_put_arguments_text(struct ct_values *values, struct ct_sink *sink, uint32_t site,
				  struct ct_value_bytes payload)
{
	const struct ct_value_plan *plan = plan_of(values, site);
	if (!plan || plan->why)
		return false;
	begin(values, plan->first_shape, plan->shape_count, payload);
	for (uint32_t i = 0; i < plan->slot_count; i++) {
		ct_sink_add(sink, ", ", i ? 2 : 0);
		put_slot_name(values, sink, &values->plans.slots[plan->first_slot + i]);
		put_slot_text(values, sink, &values->plans.slots[plan->first_slot + i]);
	}
	return true;
}

bool ct_values_put_result_text(struct ct_values *values, struct ct_sink *sink, uint32_t site,
			       struct ct_value_bytes payload)
{
	const struct ct_value_plan *plan = plan_of(values, site);
	if (!plan || plan->why || !plan->returns || (!payload.bytes && plan->result.needs_payload))
		return false;
	CT_VALUE_PUT(sink, " = ");
	begin(values, plan->first_result_shape, plan->result_shape_count, payload);
	put_slot_text(values, sink, &plan->result);
	return true;
}

/* --- single values --- */

/* The text of a key or prefix from its first quote to the next is `name`. */
static bool is_named(const struct ct_values *values, uint32_t at, uint32_t length, uint32_t head,
		     const char *name)
{
	const char *text = values->plans.text.bytes + at + head;
	size_t name_length = strlen(name);
	return length > head + name_length && memcmp(text, name, name_length) == 0 &&
	       text[name_length] == '"';
}

static const struct ct_value_slot *find_slot(const struct ct_values *values,
					     const struct ct_value_plan *plan,
					     const struct ct_value_place *place)
{
	const uint32_t head = values->pretty ? 10 : 9; /* {"name":" */
	if (!place->argument)
		return plan->returns ? &plan->result : NULL;
	for (uint32_t i = 0; i < plan->slot_count; i++) {
		const struct ct_value_slot *slot = &values->plans.slots[plan->first_slot + i];
		if (is_named(values, slot->prefix, slot->prefix_length, head, place->argument))
			return slot;
	}
	return NULL;
}

/* The node that shows something, wherever its bytes are. */
static const struct ct_value_node *shown_node(const struct ct_values *values, uint32_t index)
{
	const struct ct_value_node *node = &values->plans.nodes[index];
	while (node->kind == CT_NODE_BLOCK || node->kind == CT_NODE_CONSTANT ||
	       node->kind == CT_NODE_PIECES || node->kind == CT_NODE_AT ||
	       node->kind == CT_NODE_BITS || node->kind == CT_NODE_REFERENCE)
		node = &values->plans.nodes[node->first];
	return node;
}

static bool is_aggregate(const struct ct_value_node *node)
{
	return node->kind == CT_NODE_STRUCT || node->kind == CT_NODE_UNION;
}

static bool find_member(const struct ct_values *values, const struct ct_value_node *node,
			const char *name)
{
	for (uint32_t i = 0; i < node->count; i++) {
		const struct ct_value_member *member = &values->plans.members[node->first + i];
		const struct ct_value_node *inner = shown_node(values, member->node);
		if (member->key_length ? is_named(values, member->key, member->key_length, 1, name)
				       : is_aggregate(inner) && find_member(values, inner, name))
			return true;
	}
	return false;
}

/* `from` is about to end: what it holds itself goes along. */
static void move_value(struct value *to, const struct value *from)
{
	*to = *from;
	if (from->bytes == from->own_bytes)
		to->bytes = to->own_bytes;
	if (from->context.bytes == from->own_bytes)
		to->context.bytes = to->own_bytes;
	if (from->text == (const unsigned char *)from->own_text)
		to->text = (const unsigned char *)to->own_text;
	else if (from->text == from->own_bytes)
		to->text = to->own_bytes;
}

/* As find_member(), with its bytes. */
static bool examine_member(struct ct_values *values, const struct value *object, const char *name,
			   struct value *ret)
{
	for (uint32_t i = 0; i < object->node->count; i++) {
		const struct ct_value_member *member =
			&values->plans.members[object->node->first + i];
		if (member->key_length &&
		    !is_named(values, member->key, member->key_length, 1, name))
			continue;
		struct value inner;
		examine(values, member->node, object->context, &inner);
		if (member->key_length) {
			move_value(ret, &inner);
			return true;
		}
		if (!inner.why && is_aggregate(inner.node) &&
		    examine_member(values, &inner, name, ret))
			return true;
	}
	return false;
}

/* The node a step leads to; NULL: there is none. Of members it is enough that they are there. */
static bool has_step(const struct ct_values *values, uint32_t *index,
		     const struct ct_place_step *step, bool *ret_is_size)
{
	const struct ct_value_node *node = shown_node(values, *index);
	while (node->kind == CT_NODE_POINTER && node->is_followed) {
		*index = node->first;
		node = shown_node(values, *index);
	}
	*ret_is_size = node->kind == CT_NODE_SEQUENCE && step->name &&
		       strcmp(step->name, "size") == 0;
	if (!step->name && (node->kind == CT_NODE_ARRAY || node->kind == CT_NODE_SEQUENCE)) {
		*index = node->first;
		return true;
	}
	if (!step->name || !is_aggregate(node))
		return *ret_is_size;
	for (uint32_t i = 0; i < node->count; i++) {
		const struct ct_value_member *member = &values->plans.members[node->first + i];
		const struct ct_value_node *inner = shown_node(values, member->node);
		bool is_it =
			member->key_length
				? is_named(values, member->key, member->key_length, 1, step->name)
				: is_aggregate(inner) && find_member(values, inner, step->name);
		if (!is_it)
			continue;
		*index = member->node;
		/* One more time, in the unnamed one. */
		return member->key_length || has_step(values, index, step, ret_is_size);
	}
	return false;
}

bool ct_values_has_plan(const struct ct_values *values, uint32_t site)
{
	const struct ct_value_plan *plan = plan_of(values, site);
	return plan && !plan->why;
}

static bool has_text(enum ct_node_kind kind)
{
	return kind == CT_NODE_STRING || kind == CT_NODE_TEXT || kind == CT_NODE_SHORT_TEXT ||
	       kind == CT_NODE_CHARS || kind == CT_NODE_CHAR || kind == CT_NODE_ENUM;
}

bool ct_values_has_place(const struct ct_values *values, uint32_t site,
			 const struct ct_value_place *place, bool as_text)
{
	const struct ct_value_plan *plan = plan_of(values, site);
	const struct ct_value_slot *slot = plan && !plan->why ? find_slot(values, plan, place)
							      : NULL;
	uint32_t index = slot ? slot->node : 0;
	bool is_size = false;
	for (uint32_t i = 0; slot && i < place->step_count; i++)
		if (is_size || !has_step(values, &index, &place->steps[i], &is_size))
			return false;
	if (!slot)
		return false;
	enum ct_node_kind kind = shown_node(values, index)->kind;
	return is_size ? !as_text : kind != CT_NODE_ABSENT && (!as_text || has_text(kind));
}

void ct_values_look_at(struct ct_values *values, uint32_t site, struct ct_value_bytes payload,
		       bool is_result)
{
	const struct ct_value_plan *plan = plan_of(values, site);
	if (!plan || plan->why)
		return;
	begin(values, is_result ? plan->first_result_shape : plan->first_shape,
	      is_result ? plan->result_shape_count : plan->shape_count, payload);
}

static bool follow(struct ct_values *values, struct value *value)
{
	while (value->node->kind == CT_NODE_POINTER && shows_pointee(value) && !value->why) {
		struct value pointee;
		examine(values, value->node->first, context_of_block(value->block), &pointee);
		move_value(value, &pointee);
	}
	return !value->why;
}

/* False: there is no such place. */
static bool take_step(struct ct_values *values, struct value *value,
		      const struct ct_place_step *step)
{
	const struct ct_value_node *node = value->node;
	struct value next;
	if (step->name) {
		if (!is_aggregate(node) || !examine_member(values, value, step->name, &next))
			return false;
	} else {
		bool has_elements = node->kind == CT_NODE_ARRAY || node->kind == CT_NODE_SEQUENCE;
		if (!has_elements || step->index >= value->elements)
			return false;
		examine(values, node->first,
			part_of(&value->context, step->index * node->length, node->length), &next);
	}
	move_value(value, &next);
	return true;
}

/* By its text: the formats are many. */
static bool look_at_float(const struct value *value, struct ct_look *ret)
{
	char buffer[2 * CT_SINK_ROOM_BYTES];
	struct ct_sink sink = {buffer, buffer + sizeof(buffer), NULL};
	ct_value_put_float(&sink, value->bytes, value->node->size);
	*sink.at = '\0';
	ret->real = strtold(buffer + (buffer[0] == '"'), NULL);
	ret->kind = CT_LOOK_REAL;
	return true;
}

static void look_at_enum(const struct ct_values *values, struct ct_look *ret,
			 const struct ct_value_node *node)
{
	const struct ct_value_enumerator *found = find_enumerator(values, node,
								  (int64_t)ret->number);
	if (!found)
		return;
	ret->name = values->plans.text.bytes + found->name;
	ret->name_length = found->name_length;
}

static void look_at_scalar(const struct ct_values *values, const struct value *value,
			   struct ct_look *ret)
{
	const struct ct_value_node *node = value->node;
	bool is_signed = node->kind == CT_NODE_SIGNED ||
			 (node->kind == CT_NODE_ENUM && node->is_signed);
	switch (node->kind) {
	case CT_NODE_SIGNED:
	case CT_NODE_UNSIGNED:
	case CT_NODE_BOOL:
	case CT_NODE_ENUM:
		ret->kind = CT_LOOK_NUMBER;
		ret->number = is_signed ? signed_number(value->bytes, node->size)
					: (__int128)unsigned_number(value->bytes, node->size);
		if (node->kind == CT_NODE_ENUM)
			look_at_enum(values, ret, node);
		break;
	case CT_NODE_FLOAT:
		look_at_float(value, ret);
		break;
	case CT_NODE_POINTER:
	case CT_NODE_STRING:
	case CT_NODE_FUNCTION:
	case CT_NODE_ADDRESS:
		ret->kind = CT_LOOK_NUMBER;
		ret->number = value->address;
		break;
	default:
		break;
	}
}

static void look_at_text(const struct value *value, struct ct_look *ret)
{
	const struct ct_value_node *node = value->node;
	ret->kind = CT_LOOK_TEXT;
	ret->text = value->text;
	ret->text_length = value->text_length;
	ret->is_truncated = value->is_truncated;
	if (node->kind != CT_NODE_CHAR)
		return;
	ret->has_number = true;
	ret->number = (__int128)unsigned_number(value->bytes, node->size);
	if ((const char *)value->text == value->own_text) {
		memcpy(ret->own_text, value->own_text, sizeof(value->own_text));
		ret->text = (const unsigned char *)ret->own_text;
	}
}

void ct_values_look(struct ct_values *values, uint32_t site, const struct ct_value_place *place,
		    struct ct_look *ret)
{
	const struct ct_value_plan *plan = plan_of(values, site);
	const struct ct_value_slot *slot = plan && !plan->why ? find_slot(values, plan, place)
							      : NULL;
	struct value value;
	memset(ret, 0, sizeof(*ret));
	if (!slot)
		return;
	examine(values, slot->node, unreadable_context(), &value);
	for (uint32_t i = 0; i < place->step_count; i++) {
		const struct ct_place_step *step = &place->steps[i];
		if (!follow(values, &value))
			return;
		if (value.node->kind == CT_NODE_SEQUENCE && step->name &&
		    strcmp(step->name, "size") == 0 && i + 1 == place->step_count) {
			ret->kind = CT_LOOK_NUMBER;
			ret->number = value.block->count;
			return;
		}
		if (!take_step(values, &value, step))
			return;
	}
	if (value.why)
		return;
	if (value.is_null)
		ret->kind = CT_LOOK_NULL;
	else if (value.is_text)
		look_at_text(&value, ret);
	else
		look_at_scalar(values, &value, ret);
}

/* --- beginning and end --- */

void ct_values_destroy(struct ct_values *values)
{
	if (!values)
		return;
	if (!values->is_shared) {
		ct_value_plans_deinit(&values->plans);
		ct_code_names_destroy(values->code_names);
		free(values->plan_of_site);
	}
	free(values);
}

struct ct_values *ct_values_share(const struct ct_values *from)
{
	struct ct_values *values = malloc(sizeof(*values));
	if (!values)
		return NULL;
	/* What follows is only of use while a call is looked at. */
	memcpy(values, from, offsetof(struct ct_values, blocks));
	values->code_names = NULL;
	values->is_shared = true;
	return values;
}

static void values_cleanup(struct ct_values **values)
{
	ct_values_destroy(*values);
}

struct ct_error *ct_values_create(const struct ct_trace *trace, bool pretty, bool find_names,
				  struct ct_values **ret)
{
	*ret = NULL;
	if (ct_trace_plan_count(trace) == 0)
		return NULL;
	ct_cleanup(values_cleanup) struct ct_values *values = calloc(1, sizeof(*values));
	if (!values)
		return ct_error_nomem;
	values->pretty = pretty;
	values->site_count = ct_trace_site_count(trace) + 1;
	values->plan_of_site = calloc(values->site_count, sizeof(*values->plan_of_site));
	values->code_names = find_names ? ct_code_names_create(trace) : NULL;
	if (!values->plan_of_site || (find_names && !values->code_names))
		return ct_error_nomem;
	for (uint32_t site = 1; site < values->site_count; site++)
		values->plan_of_site[site] = ct_trace_plan_of(trace, site) + 1;
	struct ct_error *err = ct_value_plans_init(&values->plans, trace, pretty);
	if (err)
		return err;
	*ret = ct_take(values);
	return NULL;
}

void ct_values_limit_text(struct ct_values *values, size_t most)
{
	values->text_most = most;
}

unsigned int ct_values_levels(const struct ct_values *values)
{
	return values->plans.levels;
}
