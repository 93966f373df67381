/* SPDX-License-Identifier: MIT */
/* Single values of a call, for conditions on them: see values.h. */
#include <stdlib.h>
#include <string.h>

#include "export/value_examine.h"
#include "export/value_text.h"
#include "export/values.h"

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
static void move_value(struct ct_value *to, const struct ct_value *from)
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
static bool examine_member(struct ct_values *values, const struct ct_value *object,
			   const char *name, struct ct_value *ret)
{
	for (uint32_t i = 0; i < object->node->count; i++) {
		const struct ct_value_member *member =
			&values->plans.members[object->node->first + i];
		if (member->key_length &&
		    !is_named(values, member->key, member->key_length, 1, name))
			continue;
		struct ct_value inner;
		ct_value_examine(values, member->node, object->context, &inner);
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
	const struct ct_value_plan *plan = ct_values_plan_of(values, site);
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
	const struct ct_value_plan *plan = ct_values_plan_of(values, site);
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
	const struct ct_value_plan *plan = ct_values_plan_of(values, site);
	if (!plan || plan->why)
		return;
	ct_values_begin(values, is_result ? plan->first_result_shape : plan->first_shape,
			is_result ? plan->result_shape_count : plan->shape_count, payload);
}

static bool follow(struct ct_values *values, struct ct_value *value)
{
	while (value->node->kind == CT_NODE_POINTER && ct_value_shows_pointee(value) &&
	       !value->why) {
		struct ct_value pointee;
		ct_value_examine(values, value->node->first,
				 ct_value_context_of_block(value->block), &pointee);
		move_value(value, &pointee);
	}
	return !value->why;
}

/* False: there is no such place. */
static bool take_step(struct ct_values *values, struct ct_value *value,
		      const struct ct_place_step *step)
{
	const struct ct_value_node *node = value->node;
	struct ct_value next;
	if (step->name) {
		if (!is_aggregate(node) || !examine_member(values, value, step->name, &next))
			return false;
	} else {
		bool has_elements = node->kind == CT_NODE_ARRAY || node->kind == CT_NODE_SEQUENCE;
		if (!has_elements || step->index >= value->elements)
			return false;
		ct_value_examine(values, node->first,
				 ct_value_context_part(&value->context, step->index * node->length,
						       node->length),
				 &next);
	}
	move_value(value, &next);
	return true;
}

/* By its text: the formats are many. */
static bool look_at_float(const struct ct_value *value, struct ct_look *ret)
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
	const struct ct_value_enumerator *found = ct_value_find_enumerator(values, node,
									   (int64_t)ret->number);
	if (!found)
		return;
	ret->name = values->plans.text.bytes + found->name;
	ret->name_length = found->name_length;
}

static void look_at_scalar(const struct ct_values *values, const struct ct_value *value,
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
		ret->number = is_signed ? ct_value_signed(value->bytes, node->size)
					: (__int128)ct_value_unsigned(value->bytes, node->size);
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

static void look_at_text(const struct ct_value *value, struct ct_look *ret)
{
	const struct ct_value_node *node = value->node;
	ret->kind = CT_LOOK_TEXT;
	ret->text = value->text;
	ret->text_length = value->text_length;
	ret->is_truncated = value->is_truncated;
	if (node->kind != CT_NODE_CHAR)
		return;
	ret->has_number = true;
	ret->number = (__int128)ct_value_unsigned(value->bytes, node->size);
	if ((const char *)value->text == value->own_text) {
		memcpy(ret->own_text, value->own_text, sizeof(value->own_text));
		ret->text = (const unsigned char *)ret->own_text;
	}
}

void ct_values_look(struct ct_values *values, uint32_t site, const struct ct_value_place *place,
		    struct ct_look *ret)
{
	const struct ct_value_plan *plan = ct_values_plan_of(values, site);
	const struct ct_value_slot *slot = plan && !plan->why ? find_slot(values, plan, place)
							      : NULL;
	struct ct_value value;
	memset(ret, 0, sizeof(*ret));
	if (!slot)
		return;
	ct_value_examine(values, slot->node, ct_value_context_unreadable(), &value);
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
