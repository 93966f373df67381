/* SPDX-License-Identifier: MIT */
/* Expressions to the operations of a draft. */
#include "plan/module.h"

enum { VALUE_OPS_MAX = 64 };

struct ct_plan_mark ct_plan_mark(const struct ct_plan_draft *draft)
{
	return (struct ct_plan_mark){draft->op_count, draft->block_count, draft->payload_max,
				     draft->nodes.length};
}

void ct_plan_rewind(struct ct_plan_draft *draft, struct ct_plan_mark mark)
{
	draft->op_count = mark.op_count;
	draft->block_count = mark.block_count;
	draft->payload_max = mark.payload_max;
	draft->nodes.length = mark.nodes_length;
}

void ct_plan_put_u8(struct ct_plan_draft *draft, uint8_t value)
{
	ct_strbuf_add(&draft->nodes, &value, sizeof(value));
}

void ct_plan_put_u16(struct ct_plan_draft *draft, uint16_t value)
{
	ct_strbuf_add(&draft->nodes, &value, sizeof(value));
}

void ct_plan_put_absent(struct ct_plan_draft *draft, enum ct_why why)
{
	ct_plan_put_u8(draft, CT_NODE_ABSENT);
	ct_plan_put_u8(draft, (uint8_t)why);
}

static bool add_ops(struct ct_plan_draft *draft, const struct ct_plan_op *ops, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!ct_plan_draft_add(draft, ops[i]))
			return false;
	return true;
}

/* What the low bytes are the same of, and is simpler. */
static const struct ct_expr *without_extension(const struct ct_expr *expr, unsigned int size_bytes)
{
	while ((expr->kind == CT_EXPR_SIGN_EXTEND || expr->kind == CT_EXPR_ZERO_EXTEND) &&
	       expr->size >= size_bytes)
		expr = expr->left;
	return expr;
}

/* A general register may hold anything, rbp too where it is no frame pointer: then the frame's
 * address does not count from it. */
bool ct_plan_is_on_stack(const struct ct_expr *address, const struct ct_expr *cfa)
{
	enum { RSP = 7 };
	const struct ct_expr *base, *cfa_base;
	int64_t offset;
	ct_expr_split(address, &base, &offset);
	if (!base || base->kind != CT_EXPR_REGISTER)
		return false;
	ct_expr_split(cfa, &cfa_base, &offset);
	return base->number == RSP || (cfa_base && ct_expr_equal(cfa_base, base));
}

bool ct_plan_append_value(struct ct_plan_draft *draft, const struct ct_expr *expr,
			  const struct ct_expr *cfa, unsigned int size_bytes, bool is_joined)
{
	struct ct_plan_op ops[VALUE_OPS_MAX];
	struct ct_plan_mark mark = ct_plan_mark(draft);
	expr = without_extension(expr, size_bytes);
	size_t count = ct_expr_to_ops(expr, CT_PLAN_HOOK_REGISTERS, ops, VALUE_OPS_MAX - 1);
	if (count == 0)
		return false;
	uint8_t joined = is_joined ? CT_PLAN_JOINED : 0;
	bool is_stack_load = count == 2 && expr->kind == CT_EXPR_LOAD && expr->size >= size_bytes &&
			     ct_plan_is_on_stack(expr->left, cfa);
	if (count == 1 && ops[0].code == CT_PLAN_PUSH_REGISTER) {
		ops[0].code = CT_PLAN_APPEND_REGISTER | joined;
	} else if (is_stack_load) {
		ops[0].code = CT_PLAN_APPEND_STACK | joined;
		count = 1;
	} else {
		ops[count++] = (struct ct_plan_op){.code = CT_PLAN_APPEND_VALUE | joined};
	}
	ops[count - 1].size = (uint16_t)size_bytes;
	if (add_ops(draft, ops, count))
		return true;
	ct_plan_rewind(draft, mark);
	return false;
}

bool ct_plan_append_memory(struct ct_plan_draft *draft, const struct ct_expr *address,
			   const struct ct_expr *cfa, uint64_t size_bytes)
{
	struct ct_plan_op ops[VALUE_OPS_MAX];
	struct ct_plan_mark mark = ct_plan_mark(draft);
	size_t count = ct_expr_to_ops(address, CT_PLAN_HOOK_REGISTERS, ops, VALUE_OPS_MAX - 1);
	if (count == 0 || size_bytes > CT_PLAN_PAYLOAD_MAX)
		return false;
	if (count == 1 && ops[0].code == CT_PLAN_PUSH_REGISTER && ct_plan_is_on_stack(address, cfa))
		ops[0].code = CT_PLAN_APPEND_STACK;
	else
		ops[count++] = (struct ct_plan_op){.code = CT_PLAN_APPEND_MEMORY};
	ops[count - 1].size = (uint16_t)size_bytes;
	if (add_ops(draft, ops, count))
		return true;
	ct_plan_rewind(draft, mark);
	return false;
}
