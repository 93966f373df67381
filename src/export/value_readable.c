/* SPDX-License-Identifier: MIT */
/* Arguments and return values for people to read: see values.h. */
#include <string.h>

#include "export/code_names.h"
#include "base/plain_text.h"
#include "export/json_text.h"
#include "export/json_writer.h"
#include "export/value_examine.h"
#include "export/value_json.h"
#include "export/value_text.h"
#include "export/values.h"

static void put_text(struct ct_values *values, struct ct_sink *sink, uint32_t node,
		     struct ct_value_context context);

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
			    const struct ct_value *value)
{
	ct_sink_reserve(sink, CT_SINK_ROOM_BYTES / 8);
	char *start = sink->at;
	ct_value_put_json(values, sink, value);
	unquote(sink, start);
}

static void put_complex_text(struct ct_sink *sink, const struct ct_value *value)
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
			  const struct ct_value *value)
{
	const struct ct_value_node *node = value->node;
	int64_t number = node->is_signed ? (int64_t)ct_value_signed(value->bytes, node->size)
					 : (int64_t)ct_value_unsigned(value->bytes, node->size);
	const struct ct_value_enumerator *found = ct_value_find_enumerator(values, node, number);
	if (found)
		ct_sink_add(sink, values->plans.text.bytes + found->name, found->name_length);
	else if (!ct_value_put_flags(values, sink, node, number, ""))
		ct_value_put_signed(sink, number);
}

/* `filled`: the braces have a member already. False: the rest is left out. */
static bool put_members_text(struct ct_values *values, struct ct_sink *sink,
			     const struct ct_value *object, bool *filled)
{
	const struct ct_value_node *node = object->node;
	for (uint32_t i = 0; i < node->count; i++) {
		const struct ct_value_member *member = &values->plans.members[node->first + i];
		/* `"key":`, or `"key": ` */
		const char *key = values->plans.text.bytes + member->key + 1;
		const char *quote = member->key_length ? memchr(key, '"', member->key_length - 1)
						       : NULL;
		if (member->key_length == 0) {
			struct ct_value inner;
			ct_value_examine(values, member->node, object->context, &inner);
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
			      const struct ct_value *value, uint64_t wanted)
{
	const struct ct_value_node *node = value->node;
	uint32_t i = 0;
	for (; i < value->elements && !is_enough(values, sink); i++) {
		ct_sink_add(sink, ", ", i ? 2 : 0);
		put_text(values, sink, node->first,
			 ct_value_context_part(&value->context, i * node->length, node->length));
	}
	if (i < wanted)
		ct_sink_add(sink, ", ...", i ? 5 : 0);
}

static void put_value_text(struct ct_values *values, struct ct_sink *sink,
			   const struct ct_value *value)
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
		ct_value_put_json(values, sink, value);
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
	static const char named[] = "\\\n\t\r", names[] = "\\ntr";
	ct_sink_add(sink, &quote, 1);
	for (size_t step; length; bytes += step, length -= step) {
		char escape[CT_PLAIN_ESCAPE_BYTES];
		const char *name = *bytes ? strchr(named, *bytes) : NULL;
		step = ct_plain_text_step((const char *)bytes, length);
		if (*bytes == (unsigned char)quote)
			ct_sink_add(sink, (char[]){'\\', quote}, 2);
		else if (name)
			ct_sink_add(sink, (char[]){'\\', names[name - named]}, 2);
		else if (ct_plain_text_is((const char *)bytes, step))
			ct_sink_add(sink, (const char *)bytes, step);
		else
			ct_sink_add(sink, escape, ct_plain_text_escape(escape, bytes, step));
	}
	ct_sink_add(sink, &quote, 1);
}

/* <optimized out> */
static void put_why_text(struct ct_sink *sink, enum ct_why why)
{
	const char *quoted = ct_value_why_json(why);
	CT_VALUE_PUT(sink, "<");
	ct_sink_add(sink, quoted + 1, strlen(quoted) - 2);
	CT_VALUE_PUT(sink, ">");
}

static void put_text(struct ct_values *values, struct ct_sink *sink, uint32_t node,
		     struct ct_value_context context)
{
	struct ct_value value;
	ct_value_examine(values, node, context, &value);
	if (value.why) {
		put_why_text(sink, value.why);
	} else if (value.is_null || value.is_coded) {
		put_scalar_text(values, sink, &value);
	} else if (value.is_text) {
		put_string_text(sink, value.text, value.text_length,
				value.node->kind == CT_NODE_CHAR ? '\'' : '"');
		if (value.is_unterminated)
			CT_VALUE_PUT(sink, "<unreadable>");
		else if (value.is_truncated)
			CT_VALUE_PUT(sink, "...");
	} else if (ct_value_shows_symbol(&value)) {
		put_function_text(values, sink, value.address);
	} else {
		put_value_text(values, sink, &value);
	}
	if (ct_value_shows_pointee(&value)) {
		struct ct_value pointee;
		ct_value_examine(values, value.node->first, ct_value_context_of_block(value.block),
				 &pointee);
		bool is_braced = pointee.node->kind == CT_NODE_STRUCT ||
				 pointee.node->kind == CT_NODE_UNION ||
				 pointee.node->kind == CT_NODE_ARRAY;
		ct_sink_add(sink, " -> ", is_braced ? 0 : 4);
		put_text(values, sink, value.node->first, ct_value_context_of_block(value.block));
	}
	if (value.is_unreadable)
		CT_VALUE_PUT(sink, " -> <unreadable>");
}

static void put_slot_text(struct ct_values *values, struct ct_sink *sink,
			  const struct ct_value_slot *slot)
{
	ct_sink_reserve(sink, CT_SINK_ROOM_BYTES / 4);
	values->text_start = sink->at;
	put_text(values, sink, slot->node, ct_value_context_unreadable());
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
	const struct ct_value_plan *plan = ct_values_plan_of(values, site);
	if (!plan || plan->why)
		return false;
	ct_values_begin(values, plan->first_shape, plan->shape_count, payload);
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
	const struct ct_value_plan *plan = ct_values_plan_of(values, site);
	if (!plan || plan->why || !plan->returns)
		return false;
	CT_VALUE_PUT(sink, " = ");
	/* This exit of the function had no plan, or one that could not be carried out. */
	if (!payload.bytes && plan->result.needs_payload) {
		put_why_text(sink, CT_WHY_PLAN_UNSURE);
		return true;
	}
	ct_values_begin(values, plan->first_result_shape, plan->result_shape_count, payload);
	put_slot_text(values, sink, &plan->result);
	return true;
}
