/* SPDX-License-Identifier: MIT */
/* Stands in for describe.c until that is there: whole numbers and pointers alone. */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "plan/describe.h"

struct ct_describer {
	int unused;
};

size_t ct_plan_op_payload_max(const struct ct_plan_op *op)
{
	switch (op->code & ~CT_PLAN_JOINED) {
	case CT_PLAN_APPEND_REGISTER:
	case CT_PLAN_APPEND_STACK:
	case CT_PLAN_APPEND_VALUE:
		return op->size;
	case CT_PLAN_APPEND_MEMORY:
		return op->size + 1U;
	default:
		return 0;
	}
}

bool ct_plan_draft_add(struct ct_plan_draft *draft, struct ct_plan_op op)
{
	size_t more = ct_plan_op_payload_max(&op);
	if (draft->op_count == CT_PLAN_OPS_MAX || draft->payload_max + more > CT_PLAN_PAYLOAD_MAX ||
	    draft->block_count == CT_PLAN_BLOCKS_MAX)
		return false;
	draft->ops[draft->op_count++] = op;
	draft->payload_max += more;
	draft->block_count += op.code <= CT_PLAN_LAST_APPEND;
	return true;
}

void ct_plan_put_text(struct ct_strbuf *nodes, const char *text)
{
	uint16_t length = (uint16_t)strnlen(text, 4096);
	ct_strbuf_add(nodes, &length, sizeof(length));
	ct_strbuf_add(nodes, text, length);
}

struct ct_describer *ct_describer_create(const struct ct_plan_settings *settings)
{
	(void)settings;
	return calloc(1, sizeof(struct ct_describer));
}

void ct_describer_destroy(struct ct_describer *describer)
{
	free(describer);
}

const char *ct_describe_name(struct ct_describer *describer, Dwarf_Die *type)
{
	(void)describer;
	const char *name = type ? dwarf_diename(type) : "void";
	return name ? name : "?";
}

uint64_t ct_describe_size(struct ct_describer *describer, Dwarf_Die *type)
{
	(void)describer;
	Dwarf_Word size;
	Dwarf_Die peeled;
	if (dwarf_peel_type(type, &peeled) != 0 || dwarf_aggregate_size(&peeled, &size) != 0)
		return 0;
	return size;
}

static int encoding_of(Dwarf_Die *type)
{
	Dwarf_Attribute attribute;
	Dwarf_Word encoding = 0;
	Dwarf_Die peeled;
	if (dwarf_peel_type(type, &peeled) != 0)
		return 0;
	if (dwarf_tag(&peeled) == DW_TAG_pointer_type)
		return DW_ATE_address;
	if (dwarf_tag(&peeled) != DW_TAG_base_type ||
	    dwarf_formudata(dwarf_attr(&peeled, DW_AT_encoding, &attribute), &encoding) != 0)
		return 0;
	return (int)encoding;
}

struct ct_return_place ct_describe_return_place(struct ct_describer *describer, Dwarf_Die *type)
{
	uint64_t size = ct_describe_size(describer, type);
	struct ct_return_place place = {.class = CT_RETURN_UNSURE};
	int encoding = encoding_of(type);
	if (!encoding || size > 8)
		return place;
	place.class = CT_RETURN_REGISTERS;
	place.part_count = 1;
	place.parts[0].is_sse = encoding == DW_ATE_float;
	place.parts[0].size_bytes = (uint8_t)size;
	return place;
}

void ct_describe_value(struct ct_describer *describer, struct ct_plan_draft *draft, Dwarf_Die *type,
		       unsigned int block, uint16_t offset)
{
	(void)block;
	ct_describe_value_flat(describer, draft, type, offset);
}

void ct_describe_value_flat(struct ct_describer *describer, struct ct_plan_draft *draft,
			    Dwarf_Die *type, uint16_t offset)
{
	uint8_t size = (uint8_t)ct_describe_size(describer, type);
	uint8_t kind = CT_NODE_OPAQUE;
	uint8_t zero = 0;
	switch (encoding_of(type)) {
	case DW_ATE_signed:
	case DW_ATE_signed_char:
		kind = CT_NODE_SIGNED;
		break;
	case DW_ATE_unsigned:
	case DW_ATE_unsigned_char:
		kind = CT_NODE_UNSIGNED;
		break;
	case DW_ATE_boolean:
		kind = CT_NODE_BOOL;
		break;
	case DW_ATE_float:
		kind = CT_NODE_FLOAT;
		break;
	case DW_ATE_address:
		kind = CT_NODE_POINTER;
		size = 0;
		break;
	default:
		break;
	}
	ct_strbuf_add(&draft->nodes, &kind, 1);
	ct_strbuf_add(&draft->nodes, &offset, sizeof(offset));
	ct_strbuf_add(&draft->nodes, &size, 1);
	if (kind == CT_NODE_OPAQUE)
		ct_strbuf_add(&draft->nodes, &zero, 1);
}
