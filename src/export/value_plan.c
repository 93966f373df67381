/* SPDX-License-Identifier: MIT */
/* Descriptions of values, compiled: see value_plan.h. */
#include "export/value_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "export/json_text.h"

/* A name that the object being compiled has already. */
struct key {
	struct ct_bytes name;
	unsigned int uses; /* as far as this name's later ones know */
};

struct keys {
	struct key *keys;
	uint32_t count;
	uint32_t capacity;
};

struct compiler {
	struct ct_value_plans *plans;
	struct ct_cursor cur;
	const struct ct_block_shape *shapes; /* of the blocks the nodes may speak of */
	size_t shape_count;
	bool pretty;
	bool uses_blocks; /* since it was last cleared */
	bool no_memory;
};

/* Where a node stands: a few kinds are not for everywhere. */
enum place {
	PLACE_SLOT,  /* PIECES too */
	PLACE_INNER, /* all others */
	PLACE_BITS,  /* whole numbers only */
};

/* --- growing --- */

/* Room for `more` elements; false when memory, or numbers, run out. */
static bool reserve(void **array, uint32_t count, uint32_t *capacity, uint32_t more,
		    size_t element_bytes)
{
	uint64_t wanted = (uint64_t)count + more;
	if (wanted <= *capacity)
		return true;
	uint64_t larger = *capacity ? (uint64_t)*capacity * 2 : 64;
	if (larger < wanted)
		larger = wanted;
	void *grown = larger > UINT32_MAX ? NULL : reallocarray(*array, larger, element_bytes);
	if (!grown)
		return false;
	*array = grown;
	*capacity = (uint32_t)larger;
	return true;
}

/* Index of `more` new elements, zeroed; sets c->no_memory and gives 0 without memory. */
#define GROW(c, what, more)                                                                        \
	__extension__({                                                                            \
		struct ct_value_plans *p_ = (c)->plans;                                            \
		void *array_ = p_->what##s;                                                        \
		uint32_t more_ = (more);                                                           \
		uint32_t index_ = p_->what##_count;                                                \
		if (reserve(&array_, index_, &p_->what##_capacity, more_, sizeof(*p_->what##s))) { \
			p_->what##s = array_;                                                      \
			memset(p_->what##s + index_, 0, more_ * sizeof(*p_->what##s));             \
			p_->what##_count += more_;                                                 \
		} else {                                                                           \
			(c)->no_memory = true;                                                     \
			index_ = 0;                                                                \
		}                                                                                  \
		index_;                                                                            \
	})

/* --- texts --- */

static struct ct_bytes read_text(struct compiler *c)
{
	uint16_t length = ct_cursor_u16(&c->cur);
	const char *bytes = ct_cursor_bytes(&c->cur, length);
	return bytes ? (struct ct_bytes){bytes, length} : (struct ct_bytes){"", 0};
}

static const char *colon(const struct compiler *c)
{
	return c->pretty ? ": " : ":";
}

/* `{"name":"x","type":"int","value":`; without a name for what is returned. */
static void add_prefix(struct compiler *c, const struct ct_bytes *name, struct ct_bytes type,
		       struct ct_value_slot *slot)
{
	struct ct_strbuf *text = &c->plans->text;
	const char *comma = c->pretty ? ", " : ",";
	slot->prefix = (uint32_t)text->length;
	ct_strbuf_add_string(text, "{");
	if (name) {
		ct_strbuf_printf(text, "\"name\"%s", colon(c));
		if (name->length)
			ct_json_string(text, name->bytes, name->length);
		else
			ct_strbuf_add_string(text, "null");
		ct_strbuf_add_string(text, comma);
	}
	ct_strbuf_printf(text, "\"type\"%s", colon(c));
	ct_json_string(text, type.bytes, type.length);
	ct_strbuf_printf(text, "%s\"value\"%s", comma, colon(c));
	slot->prefix_length = (uint32_t)text->length - slot->prefix;
}

/* Which of those with this name it is, from 1. */
static unsigned int use_key(struct compiler *c, struct keys *keys, struct ct_bytes name)
{
	void *array = keys->keys;
	unsigned int uses = 1;
	for (uint32_t i = 0; i < keys->count; i++) {
		const struct key *key = &keys->keys[i];
		if (key->name.length == name.length &&
		    memcmp(key->name.bytes, name.bytes, name.length) == 0)
			uses = key->uses + 1;
	}
	if (keys->count == CT_PLAN_MEMBERS_MAX) {
		c->cur.failed = true;
		return 1;
	}
	if (!reserve(&array, keys->count, &keys->capacity, 1, sizeof(*keys->keys))) {
		c->no_memory = true;
		return 1;
	}
	keys->keys = array;
	keys->keys[keys->count++] = (struct key){name, uses};
	return uses;
}

/* `"x":`, or `"x#2":` for the second x of an object. */
static void add_key(struct compiler *c, struct keys *keys, struct ct_bytes name,
		    struct ct_value_member *member)
{
	struct ct_strbuf *text = &c->plans->text;
	unsigned int uses = use_key(c, keys, name);
	member->key = (uint32_t)text->length;
	ct_json_string(text, name.bytes, name.length);
	if (uses > 1 && !text->failed) {
		text->length--; /* its closing quote */
		ct_strbuf_printf(text, "#%u\"", uses);
	}
	ct_strbuf_add_string(text, colon(c));
	member->key_length = (uint32_t)text->length - member->key;
}

/* --- nodes --- */

/* How deep a value is, as JSON, and its siblings with it. */
struct levels {
	unsigned int count;
	bool wraps; /* where it is inside another, it may come as {"value": ...} */
};

/* A value that is not known always comes so, but then there is nothing in it. */
static unsigned int inner_levels(struct levels levels)
{
	unsigned int count = levels.count + (levels.wraps ? 2 : 0);
	return count > 2 ? count : 2;
}

struct compiled {
	uint32_t node;
	struct levels levels;
};

static bool compile(struct compiler *c, enum place place, unsigned int depth, struct keys *keys,
		    struct compiled *ret);

static bool is_size(uint8_t size, uint8_t largest)
{
	return size && size <= largest && (size & (size - 1)) == 0;
}

static bool is_float_format(uint8_t format)
{
	return format == 10 || (format != 1 && is_size(format, 16));
}

static bool read_block(struct compiler *c, struct ct_value_node *node)
{
	node->block = ct_cursor_u8(&c->cur);
	c->uses_blocks = true;
	return node->block < c->shape_count;
}

static bool read_scalar(struct compiler *c, struct ct_value_node *node)
{
	node->offset = ct_cursor_u16(&c->cur);
	node->size = ct_cursor_u8(&c->cur);
	switch (node->kind) {
	case CT_NODE_CHAR:
		return is_size(node->size, 4);
	case CT_NODE_FLOAT:
		return is_float_format(node->size);
	default:
		return is_size(node->size, 16);
	}
}

static bool read_complex(struct compiler *c, struct ct_value_node *node, struct levels *levels)
{
	node->offset = ct_cursor_u16(&c->cur);
	node->size = ct_cursor_u8(&c->cur);
	node->length = ct_cursor_u8(&c->cur);
	levels->count = 2;
	return is_float_format(node->size);
}

static int compare_enumerators(const void *left, const void *right)
{
	const struct ct_value_enumerator *a = left;
	const struct ct_value_enumerator *b = right;
	if (a->value != b->value)
		return a->value < b->value ? -1 : 1;
	return a->name < b->name ? -1 : a->name > b->name;
}

/* Is a value made up of some of those before it, and of nothing else? */
static bool is_combination(const struct ct_value_enumerator *enumerators, uint32_t index)
{
	uint64_t value = (uint64_t)enumerators[index].value;
	uint64_t rest = value;
	for (uint32_t i = 0; i < index; i++) {
		uint64_t flag = (uint64_t)enumerators[i].value;
		rest &= (value & flag) == flag ? ~flag : UINT64_MAX;
	}
	return rest == 0;
}

/*
 * Values that have bits of their own: 1, 2, 4; and, fewer than half as many,
 * names for several of them at once: 3, 7. Those of 1, 2, 3, 4, 5 are numbers.
 */
static bool are_flags(const struct ct_value_enumerator *enumerators, uint32_t count)
{
	uint64_t seen = 0;
	uint32_t single = 0;
	uint32_t combined = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t value = (uint64_t)enumerators[i].value;
		if (value == 0 || (i && enumerators[i - 1].value == enumerators[i].value))
			continue;
		if (enumerators[i].value < 0 || combined > 32)
			return false;
		if (!(seen & value))
			single++;
		else if (is_combination(enumerators, i))
			combined++;
		else
			return false;
		seen |= value;
	}
	return combined * 2 <= single;
}

static bool read_enum(struct compiler *c, struct ct_value_node *node, struct levels *levels)
{
	node->offset = ct_cursor_u16(&c->cur);
	node->size = ct_cursor_u8(&c->cur);
	node->is_signed = ct_cursor_u8(&c->cur);
	node->count = ct_cursor_u16(&c->cur);
	levels->count = 2;
	/* No memory for enumerators that cannot be there: each has ten bytes and more. */
	if (!is_size(node->size, 8) || node->count > ct_cursor_left(&c->cur) / 10)
		return false;
	node->first = GROW(c, enumerator, node->count);
	if (c->no_memory)
		return false;
	for (uint32_t i = 0; i < node->count; i++) {
		struct ct_strbuf *text = &c->plans->text;
		struct ct_value_enumerator *to = &c->plans->enumerators[node->first + i];
		to->value = (int64_t)ct_cursor_u64(&c->cur);
		struct ct_bytes name = read_text(c);
		to->name = (uint32_t)text->length + 1;
		ct_json_string(text, name.bytes, name.length);
		to->name_length = (uint32_t)text->length - to->name - 1;
	}
	if (c->cur.failed || c->plans->text.failed)
		return false;
	struct ct_value_enumerator *first = &c->plans->enumerators[node->first];
	if (node->count)
		qsort(first, node->count, sizeof(*first), compare_enumerators);
	node->is_flags = are_flags(first, node->count);
	return true;
}

static bool has_members(const struct compiler *c, uint32_t index)
{
	const struct ct_value_node *node = &c->plans->nodes[index];
	while (node->kind == CT_NODE_AT)
		node = &c->plans->nodes[node->first];
	return node->kind == CT_NODE_STRUCT || node->kind == CT_NODE_UNION;
}

static bool read_members(struct compiler *c, struct ct_value_node *node, unsigned int depth,
			 struct keys *keys, struct levels *levels)
{
	node->count = ct_cursor_u16(&c->cur);
	/* A member has a name's length and a node of two bytes at least. */
	if (node->count > ct_cursor_left(&c->cur) / 4)
		return false;
	node->first = GROW(c, member, node->count);
	if (c->no_memory)
		return false;
	unsigned int most = 0;
	for (uint32_t i = 0; i < node->count; i++) {
		struct ct_value_member member = {0};
		struct compiled below;
		struct ct_bytes name = read_text(c);
		if (c->cur.failed)
			return false;
		if (name.length)
			add_key(c, keys, name, &member);
		if (!compile(c, PLACE_INNER, depth, name.length ? NULL : keys, &below))
			return false;
		member.node = below.node;
		if (name.length == 0 && !has_members(c, below.node))
			add_key(c, keys, name, &member);
		if (inner_levels(below.levels) > most)
			most = inner_levels(below.levels);
		c->plans->members[node->first + i] = member;
	}
	levels->count = 2 + most;
	return true;
}

static bool read_struct(struct compiler *c, struct ct_value_node *node, unsigned int depth,
			struct keys *keys, struct levels *levels)
{
	struct keys own = {0};
	bool good = read_members(c, node, depth, keys ? keys : &own, levels);
	free(own.keys);
	return good;
}

static bool read_array(struct compiler *c, struct ct_value_node *node, unsigned int depth,
		       struct levels *levels)
{
	struct compiled below;
	node->offset = ct_cursor_u16(&c->cur);
	node->length = ct_cursor_u16(&c->cur);
	node->count = ct_cursor_u32(&c->cur);
	node->shown = ct_cursor_u32(&c->cur);
	if (node->shown > node->count || !compile(c, PLACE_INNER, depth, NULL, &below))
		return false;
	node->first = below.node;
	*levels = (struct levels){1 + inner_levels(below.levels), true};
	return true;
}

static bool read_chars(struct compiler *c, struct ct_value_node *node)
{
	node->offset = ct_cursor_u16(&c->cur);
	node->count = ct_cursor_u32(&c->cur);
	node->shown = ct_cursor_u32(&c->cur);
	return node->shown <= node->count;
}

static bool read_short_text(struct compiler *c, struct ct_value_node *node)
{
	node->offset = ct_cursor_u16(&c->cur);
	node->shown = ct_cursor_u8(&c->cur);
	node->block = ct_cursor_u8(&c->cur);
	node->is_followed = node->block != 0xff;
	c->uses_blocks |= node->is_followed;
	return !node->is_followed ||
	       (node->block < c->shape_count && c->shapes[node->block].kind == CT_PAYLOAD_STRING);
}

/* `shown` nodes, one for each element; in the array of members, without keys. */
static bool read_elements(struct compiler *c, struct ct_value_node *node, unsigned int depth,
			  unsigned int *levels)
{
	node->shown = ct_cursor_u8(&c->cur);
	/* A node has two bytes at least. */
	if (node->shown > ct_cursor_left(&c->cur) / 2)
		return false;
	node->first = GROW(c, member, node->shown);
	if (c->no_memory)
		return false;
	*levels = 0;
	for (uint32_t i = 0; i < node->shown; i++) {
		struct compiled below;
		if (!compile(c, PLACE_INNER, depth, NULL, &below))
			return false;
		c->plans->members[node->first + i].node = below.node;
		if (inner_levels(below.levels) > *levels)
			*levels = inner_levels(below.levels);
	}
	return true;
}

static bool read_list(struct compiler *c, struct ct_value_node *node, unsigned int depth,
		      struct levels *levels)
{
	unsigned int inner;
	node->count = ct_cursor_u32(&c->cur);
	if (!read_elements(c, node, depth, &inner) || node->shown > node->count)
		return false;
	*levels = (struct levels){1 + inner, true};
	return true;
}

static bool read_sequence_list(struct compiler *c, struct ct_value_node *node, unsigned int depth,
			       struct levels *levels)
{
	unsigned int inner;
	if (!read_block(c, node) || c->shapes[node->block].kind != CT_PAYLOAD_SEQUENCE)
		return false;
	node->length = ct_cursor_u16(&c->cur);
	if (node->length != c->shapes[node->block].size || !read_elements(c, node, depth, &inner))
		return false;
	levels->count = 3 + inner;
	return true;
}

static bool read_sequence(struct compiler *c, struct ct_value_node *node, unsigned int depth,
			  struct levels *levels)
{
	struct compiled below;
	if (!read_block(c, node) || c->shapes[node->block].kind != CT_PAYLOAD_SEQUENCE)
		return false;
	node->length = ct_cursor_u16(&c->cur);
	if (node->length != c->shapes[node->block].size ||
	    !compile(c, PLACE_INNER, depth, NULL, &below))
		return false;
	node->first = below.node;
	levels->count = 3 + inner_levels(below.levels);
	return true;
}

static bool read_pointer(struct compiler *c, struct ct_value_node *node, unsigned int depth,
			 struct levels *levels)
{
	struct compiled below;
	node->offset = ct_cursor_u16(&c->cur);
	node->is_followed = ct_cursor_u8(&c->cur);
	if (!node->is_followed)
		return true;
	if (!read_block(c, node) || !compile(c, PLACE_INNER, depth, NULL, &below))
		return false;
	node->first = below.node;
	*levels = (struct levels){inner_levels(below.levels), true};
	return true;
}

/* Nodes that only say where the value of the one below is. */
static bool read_below(struct compiler *c, struct ct_value_node *node, enum place place,
		       unsigned int depth, struct keys *keys, struct levels *levels)
{
	struct compiled below;
	if (!compile(c, place, depth, keys, &below))
		return false;
	node->first = below.node;
	*levels = below.levels;
	return true;
}

static bool read_constant(struct compiler *c, struct ct_value_node *node)
{
	node->length = ct_cursor_u16(&c->cur);
	node->offset = (uint32_t)c->plans->data.length;
	const void *bytes = ct_cursor_bytes(&c->cur, node->length);
	if (!bytes)
		return false;
	ct_strbuf_add(&c->plans->data, bytes, node->length);
	return true;
}

static bool read_pieces(struct compiler *c, struct ct_value_node *node)
{
	node->length = ct_cursor_u16(&c->cur);
	node->count = ct_cursor_u8(&c->cur);
	if (node->length > CT_PLAN_PAYLOAD_MAX)
		return false;
	node->first_piece = GROW(c, piece, node->count);
	if (c->no_memory)
		return false;
	for (uint32_t i = 0; i < node->count; i++) {
		struct ct_value_piece piece;
		piece.at = ct_cursor_u16(&c->cur);
		piece.size = ct_cursor_u16(&c->cur);
		piece.block = ct_cursor_u8(&c->cur);
		piece.offset = ct_cursor_u16(&c->cur);
		piece.is_there = piece.block != 0xff;
		c->uses_blocks |= piece.is_there;
		if ((piece.is_there && piece.block >= c->shape_count) ||
		    piece.at + piece.size > node->length)
			return false;
		c->plans->pieces[node->first_piece + i] = piece;
	}
	return true;
}

static bool is_whole_number(uint8_t kind)
{
	return (kind >= CT_NODE_SIGNED && kind <= CT_NODE_CHAR) || kind == CT_NODE_ENUM;
}

/* All of a node but its kind, which has been read. */
static bool read_node(struct compiler *c, struct ct_value_node *node, unsigned int depth,
		      struct keys *keys, struct levels *levels)
{
	switch ((enum ct_node_kind)node->kind) {
	case CT_NODE_ABSENT:
		node->why = ct_cursor_u8(&c->cur);
		return node->why >= CT_WHY_OPTIMIZED_OUT && node->why <= CT_WHY_LEFT_OUT;
	case CT_NODE_BLOCK:
		return read_block(c, node) && read_below(c, node, PLACE_INNER, depth, NULL, levels);
	case CT_NODE_CONSTANT:
		return read_constant(c, node) &&
		       read_below(c, node, PLACE_INNER, depth, NULL, levels);
	case CT_NODE_PIECES:
		return read_pieces(c, node) &&
		       read_below(c, node, PLACE_INNER, depth, NULL, levels);
	case CT_NODE_AT:
		node->offset = ct_cursor_u16(&c->cur);
		return read_below(c, node, PLACE_INNER, depth, keys, levels);
	case CT_NODE_BITS:
		node->offset = ct_cursor_u32(&c->cur);
		node->size = ct_cursor_u8(&c->cur);
		node->is_signed = ct_cursor_u8(&c->cur);
		return node->size >= 1 && node->size <= 64 &&
		       read_below(c, node, PLACE_BITS, depth, NULL, levels);
	case CT_NODE_SIGNED:
	case CT_NODE_UNSIGNED:
	case CT_NODE_BOOL:
	case CT_NODE_CHAR:
	case CT_NODE_FLOAT:
		return read_scalar(c, node);
	case CT_NODE_COMPLEX:
		return read_complex(c, node, levels);
	case CT_NODE_ENUM:
		return read_enum(c, node, levels);
	case CT_NODE_POINTER:
		return read_pointer(c, node, depth, levels);
	case CT_NODE_STRING:
		node->offset = ct_cursor_u16(&c->cur);
		return read_block(c, node) && c->shapes[node->block].kind == CT_PAYLOAD_STRING;
	case CT_NODE_FUNCTION:
	case CT_NODE_ADDRESS:
		node->offset = ct_cursor_u16(&c->cur);
		return true;
	case CT_NODE_REFERENCE:
		node->offset = ct_cursor_u16(&c->cur);
		if (!read_block(c, node) || !read_below(c, node, PLACE_INNER, depth, NULL, levels))
			return false;
		levels->wraps = true; /* with its address */
		return true;
	case CT_NODE_STRUCT:
	case CT_NODE_UNION:
		return read_struct(c, node, depth, keys, levels);
	case CT_NODE_ARRAY:
		return read_array(c, node, depth, levels);
	case CT_NODE_CHARS:
		return read_chars(c, node);
	case CT_NODE_TEXT:
		return read_block(c, node) && c->shapes[node->block].kind == CT_PAYLOAD_STRING;
	case CT_NODE_SHORT_TEXT:
		return read_short_text(c, node);
	case CT_NODE_SEQUENCE:
		return read_sequence(c, node, depth, levels);
	case CT_NODE_LIST:
		return read_list(c, node, depth, levels);
	case CT_NODE_SEQUENCE_LIST:
		return read_sequence_list(c, node, depth, levels);
	case CT_NODE_OPAQUE:
		node->offset = ct_cursor_u16(&c->cur);
		node->length = ct_cursor_u16(&c->cur);
		return true;
	}
	return false;
}

/* `keys`: those of the object that a struct or union here shows its members in, or NULL. */
static bool compile(struct compiler *c, enum place place, unsigned int depth, struct keys *keys,
		    struct compiled *ret)
{
	struct ct_value_node node = {.kind = ct_cursor_u8(&c->cur)};
	if (c->cur.failed || depth == CT_PLAN_NESTING_MAX ||
	    (node.kind == CT_NODE_PIECES && place != PLACE_SLOT) ||
	    (place == PLACE_BITS && !is_whole_number(node.kind)))
		return false;
	*ret = (struct compiled){.node = GROW(c, node, 1)};
	if (c->no_memory || !read_node(c, &node, depth + 1, keys, &ret->levels) || c->cur.failed)
		return false;
	c->plans->nodes[ret->node] = node;
	return true;
}

/* --- plans --- */

static bool compile_slot(struct compiler *c, const struct ct_bytes *name, struct ct_value_slot *ret)
{
	struct compiled compiled;
	struct ct_bytes type = read_text(c);
	if (c->cur.failed)
		return false;
	add_prefix(c, name, type, ret);
	c->uses_blocks = false;
	if (!compile(c, PLACE_SLOT, 0, NULL, &compiled))
		return false;
	ret->node = compiled.node;
	ret->needs_payload = c->uses_blocks;
	if (compiled.levels.count > c->plans->levels)
		c->plans->levels = compiled.levels.count;
	return true;
}

static bool add_shapes(struct compiler *c, const struct ct_plan_op *ops, size_t op_count,
		       uint32_t *first, uint32_t *ret_count)
{
	struct ct_block_shape shapes[CT_PLAN_BLOCKS_MAX];
	size_t count;
	if (!ct_payload_shapes(ops, op_count, shapes, &count))
		return false;
	*first = GROW(c, shape, (uint32_t)count);
	*ret_count = (uint32_t)count;
	if (c->no_memory)
		return false;
	if (count)
		memcpy(&c->plans->shapes[*first], shapes, count * sizeof(*shapes));
	return true;
}

static void speak_of(struct compiler *c, uint32_t first_shape, uint32_t count)
{
	c->shapes = c->plans->shapes + first_shape;
	c->shape_count = count;
}

static bool compile_description(struct compiler *c, struct ct_value_plan *plan)
{
	speak_of(c, plan->first_shape, plan->shape_count);
	plan->slot_count = ct_cursor_u8(&c->cur);
	plan->first_slot = GROW(c, slot, plan->slot_count);
	if (c->no_memory)
		return false;
	for (uint32_t i = 0; i < plan->slot_count; i++) {
		struct ct_bytes name = read_text(c);
		if (!compile_slot(c, &name, &c->plans->slots[plan->first_slot + i]))
			return false;
	}
	plan->returns = ct_cursor_u8(&c->cur);
	speak_of(c, plan->first_result_shape, plan->result_shape_count);
	if (c->cur.failed)
		return false;
	return !plan->returns || compile_slot(c, NULL, &plan->result);
}

static bool compile_plan(struct compiler *c, const struct ct_trace_plan *from,
			 struct ct_value_plan *ret)
{
	c->cur = ct_cursor_init(from->description, from->description_bytes, "description");
	return add_shapes(c, from->ops, from->op_count, &ret->first_shape, &ret->shape_count) &&
	       add_shapes(c, from->shape, from->shape_count, &ret->first_result_shape,
			  &ret->result_shape_count) &&
	       compile_description(c, ret);
}

/* So that none of the arrays is NULL, and an index of nothing is still one of them. */
static bool begin_arrays(struct compiler *c)
{
	GROW(c, node, 1);
	GROW(c, member, 1);
	GROW(c, enumerator, 1);
	GROW(c, piece, 1);
	GROW(c, slot, 1);
	GROW(c, shape, 1);
	ct_strbuf_add(&c->plans->data, "", 0);
	return !c->no_memory;
}

/* Texts are found by 32 bits. */
static bool is_too_large(const struct ct_value_plans *plans)
{
	return plans->text.failed || plans->data.failed || plans->text.length > UINT32_MAX / 2 ||
	       plans->data.length > UINT32_MAX / 2;
}

struct ct_error *ct_value_plans_init(struct ct_value_plans *plans, const struct ct_trace *trace,
				     bool pretty)
{
	struct compiler c = {.plans = plans, .pretty = pretty};
	*plans = (struct ct_value_plans){0};
	uint32_t count = ct_trace_plan_count(trace);
	if (count == 0)
		return NULL;
	plans->plans = calloc(count, sizeof(*plans->plans));
	if (!plans->plans || !begin_arrays(&c)) {
		ct_value_plans_deinit(plans);
		return ct_error_nomem;
	}
	plans->plan_count = count;
	for (uint32_t i = 0; i < count; i++) {
		const struct ct_trace_plan *from = ct_trace_plan_at(trace, i);
		struct ct_value_plan plan = {0};
		if (from->why)
			plan.why = (uint8_t)from->why;
		else if (!compile_plan(&c, from, &plan))
			plan = (struct ct_value_plan){.why = CT_WHY_PLAN_UNSURE};
		if (c.no_memory || is_too_large(plans)) {
			ct_value_plans_deinit(plans);
			return ct_error_nomem;
		}
		plans->plans[i] = plan;
	}
	return NULL;
}

void ct_value_plans_deinit(struct ct_value_plans *plans)
{
	free(plans->plans);
	free(plans->nodes);
	free(plans->members);
	free(plans->enumerators);
	free(plans->pieces);
	free(plans->slots);
	free(plans->shapes);
	ct_strbuf_deinit(&plans->text);
	ct_strbuf_deinit(&plans->data);
	*plans = (struct ct_value_plans){0};
}
