/* SPDX-License-Identifier: MIT */
/* Arguments and return values as JSON: see values.h. */
#include "export/value_json.h"

#include <string.h>

#include "export/code_names.h"
#include "export/json_writer.h"
#include "export/value_text.h"

const char *ct_value_why_json(enum ct_why why)
{
	static const char *const words[] = {
		[CT_WHY_OPTIMIZED_OUT] = "\"optimized out\"",
		[CT_WHY_ENTRY_VALUE] = "\"entry value\"",
		[CT_WHY_NO_DEBUG_INFO] = "\"no debug info\"",
		[CT_WHY_PLAN_UNSURE] = "\"plan unsure\"",
		[CT_WHY_UNREADABLE] = "\"unreadable\"",
		[CT_WHY_INLINED] = "\"inlined\"",
		[CT_WHY_LEFT_OUT] = "\"left out\"",
	};
	return words[why];
}

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

static void put_mark(const struct ct_values *values, struct ct_sink *sink, bool is_set,
		     const char *quoted_key, size_t length)
{
	if (!is_set)
		return;
	put_comma(values, sink);
	put_key(values, sink, quoted_key, length);
	CT_VALUE_PUT(sink, "true");
}
#define PUT_MARK(values, sink, is_set, key) \
	put_mark(values, sink, is_set, "\"" key "\"", sizeof("\"" key "\"") - 1)

static void put_nested(struct ct_values *values, struct ct_sink *sink, uint32_t node,
		       struct ct_value_context context);

static void put_bool(struct ct_sink *sink, const struct ct_value *value)
{
	unsigned __int128 number = ct_value_unsigned(value->bytes, value->node->size);
	if (number == 0)
		CT_VALUE_PUT(sink, "false");
	else if (number == 1)
		CT_VALUE_PUT(sink, "true");
	else
		ct_value_put_unsigned(sink, number); /* it was never set, perhaps */
}

bool ct_value_put_flags(const struct ct_values *values, struct ct_sink *sink,
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
		     const struct ct_value *value)
{
	const struct ct_value_node *node = value->node;
	int64_t number = node->is_signed ? (int64_t)ct_value_signed(value->bytes, node->size)
					 : (int64_t)ct_value_unsigned(value->bytes, node->size);
	const struct ct_value_enumerator *found = ct_value_find_enumerator(values, node, number);
	CT_VALUE_PUT(sink, "{");
	PUT_KEY(values, sink, "name");
	if (found) {
		CT_VALUE_PUT(sink, "\"");
		ct_sink_add(sink, values->plans.text.bytes + found->name, found->name_length);
		CT_VALUE_PUT(sink, "\"");
	} else if (!ct_value_put_flags(values, sink, node, number, "\"")) {
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
			const struct ct_value *value)
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
static void put_members(struct ct_values *values, struct ct_sink *sink,
			const struct ct_value *object, bool *filled)
{
	const struct ct_value_node *node = object->node;
	for (uint32_t i = 0; i < node->count; i++) {
		const struct ct_value_member *member = &values->plans.members[node->first + i];
		if (member->key_length == 0) {
			struct ct_value inner;
			ct_value_examine(values, member->node, object->context, &inner);
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

static void put_struct(struct ct_values *values, struct ct_sink *sink, const struct ct_value *value)
{
	bool filled = false;
	CT_VALUE_PUT(sink, "{");
	put_members(values, sink, value, &filled);
	CT_VALUE_PUT(sink, "}");
}

static void put_elements(struct ct_values *values, struct ct_sink *sink,
			 const struct ct_value *value)
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
				   ct_value_context_part(&value->context, i * node->length,
							 node->length));
	}
	CT_VALUE_PUT(sink, "]");
}

static void put_sequence(struct ct_values *values, struct ct_sink *sink,
			 const struct ct_value *value)
{
	CT_VALUE_PUT(sink, "{");
	PUT_KEY(values, sink, "size");
	ct_value_put_unsigned(sink, value->block->count);
	put_comma(values, sink);
	PUT_KEY(values, sink, "elements");
	put_elements(values, sink, value);
	CT_VALUE_PUT(sink, "}");
}

void ct_value_put_json(struct ct_values *values, struct ct_sink *sink, const struct ct_value *value)
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
		ct_value_put_signed(sink, ct_value_signed(value->bytes, node->size));
		break;
	case CT_NODE_UNSIGNED:
		ct_value_put_unsigned(sink, ct_value_unsigned(value->bytes, node->size));
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

/* Is there something to say besides the value? */
static bool has_siblings(const struct ct_value *value)
{
	return value->why || value->is_reference || value->is_cut || value->is_truncated ||
	       value->is_escaped || value->is_coded || value->is_unreadable ||
	       ct_value_shows_pointee(value) || ct_value_shows_symbol(value);
}

static void put_symbol(struct ct_values *values, struct ct_sink *sink, uint64_t address)
{
	struct ct_bytes name = {"null", 4};
	if (values->code_names)
		name = ct_code_names_find(values->code_names, address, values->ns);
	ct_sink_add(sink, name.bytes, name.length);
}

static void put_siblings(struct ct_values *values, struct ct_sink *sink,
			 const struct ct_value *value)
{
	if (ct_value_shows_pointee(value)) {
		put_comma(values, sink);
		PUT_KEY(values, sink, "pointee");
		put_nested(values, sink, value->node->first,
			   ct_value_context_of_block(value->block));
	}
	if (ct_value_shows_symbol(value)) {
		put_comma(values, sink);
		PUT_KEY(values, sink, "symbol");
		put_symbol(values, sink, value->address);
	}
	if (value->is_cut && !value->why) {
		put_comma(values, sink);
		PUT_KEY(values, sink, "length");
		ct_value_put_unsigned(sink, value->node->count);
	}
	PUT_MARK(values, sink, value->is_truncated, "truncated");
	PUT_MARK(values, sink, value->is_unterminated, "unterminated");
	PUT_MARK(values, sink, value->is_escaped || value->is_coded, "escaped");
	PUT_MARK(values, sink, value->is_unreadable, "unreadable");
	if (value->is_reference) {
		put_comma(values, sink);
		PUT_KEY(values, sink, "address");
		ct_value_put_address(sink, value->reference);
	}
	if (value->why) {
		put_comma(values, sink);
		PUT_KEY(values, sink, "why");
		ct_sink_add(sink, ct_value_why_json(value->why),
			    strlen(ct_value_why_json(value->why)));
	}
}

/* A member or an element: as it is, or as an object when there is more to say. */
static void put_nested(struct ct_values *values, struct ct_sink *sink, uint32_t node,
		       struct ct_value_context context)
{
	struct ct_value value;
	ct_value_examine(values, node, context, &value);
	if (!has_siblings(&value)) {
		ct_value_put_json(values, sink, &value);
		return;
	}
	CT_VALUE_PUT(sink, "{");
	PUT_KEY(values, sink, "value");
	ct_value_put_json(values, sink, &value);
	put_siblings(values, sink, &value);
	CT_VALUE_PUT(sink, "}");
}

static void put_slot(struct ct_values *values, struct ct_sink *sink,
		     const struct ct_value_slot *slot)
{
	struct ct_value value;
	ct_value_examine(values, slot->node, ct_value_context_unreadable(), &value);
	ct_sink_add(sink, values->plans.text.bytes + slot->prefix, slot->prefix_length);
	ct_value_put_json(values, sink, &value);
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
	ct_sink_add(sink, ct_value_why_json(why), strlen(ct_value_why_json(why)));
	CT_VALUE_PUT(sink, "}");
}

void ct_values_put_arguments(struct ct_values *values, struct ct_sink *sink, uint32_t site,
			     struct ct_value_bytes payload, unsigned int level)
{
	const struct ct_value_plan *plan = ct_values_plan_of(values, site);
	if (!plan || plan->why)
		return;
	ct_values_begin(values, plan->first_shape, plan->shape_count, payload);
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
	const struct ct_value_plan *plan = ct_values_plan_of(values, site);
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
	ct_values_begin(values, plan->first_result_shape, plan->result_shape_count, payload);
	put_slot(values, sink, &plan->result);
}
