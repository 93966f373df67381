/* SPDX-License-Identifier: MIT */
/* The plan that is being made: see describe.h. */
#include "plan/describe.h"

#include <string.h>

size_t ct_plan_op_payload_max(const struct ct_plan_op *op)
{
	switch (op->code & ~CT_PLAN_JOINED) {
	case CT_PLAN_APPEND_REGISTER:
	case CT_PLAN_APPEND_STACK:
	case CT_PLAN_APPEND_VALUE:
		return op->size;
	case CT_PLAN_APPEND_MEMORY:
		return 1 + (size_t)op->size;
	case CT_PLAN_APPEND_STRING:
	case CT_PLAN_APPEND_TEXT:
		return 2 + (size_t)op->size;
	case CT_PLAN_APPEND_SEQUENCE:
		if (op->operand < 0 || op->operand > CT_PLAN_PAYLOAD_MAX)
			return SIZE_MAX;
		return 1 + 4 + (size_t)op->operand * op->size;
	default:
		return 0;
	}
}

bool ct_plan_draft_add(struct ct_plan_draft *draft, struct ct_plan_op op)
{
	size_t payload = ct_plan_op_payload_max(&op);
	bool is_block = !(op.code & CT_PLAN_JOINED) && op.code <= CT_PLAN_LAST_APPEND;
	if (draft->op_count >= CT_PLAN_OPS_MAX || payload > CT_PLAN_PAYLOAD_MAX ||
	    draft->payload_max + payload > CT_PLAN_PAYLOAD_MAX ||
	    (is_block && draft->block_count >= CT_PLAN_BLOCKS_MAX))
		return false;
	draft->ops[draft->op_count++] = op;
	draft->payload_max += payload;
	draft->block_count += is_block;
	return true;
}

void ct_plan_put_text(struct ct_strbuf *nodes, const char *text)
{
	size_t length = strlen(text);
	uint16_t head = length > UINT16_MAX ? UINT16_MAX : (uint16_t)length;
	unsigned char bytes[2] = {(unsigned char)head, (unsigned char)(head >> 8)};
	ct_strbuf_add(nodes, bytes, sizeof(bytes));
	ct_strbuf_add(nodes, text, head);
}
