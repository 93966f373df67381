/* SPDX-License-Identifier: MIT */
/* Plans and payloads as text: see dump_values.h. */
#include "reader/dump_values.h"

#include <inttypes.h>
#include <stdbool.h>

#include "reader/payload.h"

static const char *const code_words[] = {
	[CT_PLAN_APPEND_REGISTER] = "append_register",
	[CT_PLAN_APPEND_STACK] = "append_stack",
	[CT_PLAN_APPEND_VALUE] = "append_value",
	[CT_PLAN_APPEND_MEMORY] = "append_memory",
	[CT_PLAN_APPEND_STRING] = "append_string",
	[CT_PLAN_APPEND_TEXT] = "append_text",
	[CT_PLAN_APPEND_SEQUENCE] = "append_sequence",
	[CT_PLAN_PUSH_REGISTER] = "push_register",
	[CT_PLAN_PUSH_CONSTANT] = "push_constant",
	[CT_PLAN_PUSH_BLOCK] = "push_block",
	[CT_PLAN_LOAD] = "load",
	[CT_PLAN_ADD_CONSTANT] = "add_constant",
	[CT_PLAN_SIGN_EXTEND] = "sign_extend",
	[CT_PLAN_ZERO_EXTEND] = "zero_extend",
	[CT_PLAN_NEGATE] = "negate",
	[CT_PLAN_NOT] = "not",
	[CT_PLAN_PUSH_ADDRESS] = "push_address",
	[CT_PLAN_ADD] = "add",
	[CT_PLAN_SUBTRACT] = "subtract",
	[CT_PLAN_MULTIPLY] = "multiply",
	[CT_PLAN_AND] = "and",
	[CT_PLAN_OR] = "or",
	[CT_PLAN_XOR] = "xor",
	[CT_PLAN_SHIFT_LEFT] = "shift_left",
	[CT_PLAN_SHIFT_RIGHT] = "shift_right",
	[CT_PLAN_SHIFT_RIGHT_SIGNED] = "shift_right_signed",
	[CT_PLAN_LESS] = "less",
	[CT_PLAN_LESS_SIGNED] = "less_signed",
	[CT_PLAN_EQUAL] = "equal",
};

static const char *const register_words[CT_PLAN_REGISTERS] = {
	[CT_PLAN_RSP] = "rsp",		 [CT_PLAN_RBX] = "rbx",
	[CT_PLAN_RBP] = "rbp",		 [CT_PLAN_R12] = "r12",
	[CT_PLAN_R13] = "r13",		 [CT_PLAN_R14] = "r14",
	[CT_PLAN_R15] = "r15",		 [CT_PLAN_RAX] = "rax",
	[CT_PLAN_RDX] = "rdx",		 [CT_PLAN_XMM0] = "xmm0",
	[CT_PLAN_XMM1] = "xmm1",	 [CT_PLAN_XMM0_HIGH] = "xmm0_high",
	[CT_PLAN_ST0] = "st0",		 [CT_PLAN_XMM1_HIGH] = "xmm1_high",
	[CT_PLAN_ST1] = "st1",		 [CT_PLAN_ST0_HIGH] = "st0_high",
	[CT_PLAN_ST1_HIGH] = "st1_high",
};

static const char *const why_words[] = {
	[CT_WHY_OPTIMIZED_OUT] = "optimized out", [CT_WHY_ENTRY_VALUE] = "entry value",
	[CT_WHY_NO_DEBUG_INFO] = "no debug info", [CT_WHY_PLAN_UNSURE] = "plan unsure",
	[CT_WHY_UNREADABLE] = "unreadable",	  [CT_WHY_INLINED] = "inlined",
	[CT_WHY_LEFT_OUT] = "left out",
};

static const char *word(const char *const *words, size_t count, uint32_t number)
{
	return number < count && words[number] ? words[number] : "?";
}
#define WORD(words, number) word(words, sizeof(words) / sizeof((words)[0]), number)

/* --- plans --- */

/* What a register operand, a block, or a constant adds to the name. */
static void print_operands(FILE *out, const struct ct_plan_op *op)
{
	switch (op->code & ~CT_PLAN_JOINED) {
	case CT_PLAN_APPEND_REGISTER:
	case CT_PLAN_APPEND_STACK:
	case CT_PLAN_PUSH_REGISTER:
		fprintf(out, " %s%+d", WORD(register_words, op->from), op->offset);
		break;
	case CT_PLAN_PUSH_BLOCK:
		fprintf(out, " block %u%+d", op->from, op->offset);
		break;
	case CT_PLAN_PUSH_CONSTANT:
	case CT_PLAN_ADD_CONSTANT:
		fprintf(out, " %" PRId64, op->operand);
		break;
	case CT_PLAN_PUSH_ADDRESS:
		fprintf(out, " 0x%" PRIx64, (uint64_t)op->operand);
		break;
	case CT_PLAN_APPEND_SEQUENCE:
		fprintf(out, " %" PRId64 " times", op->operand);
		break;
	default:
		break;
	}
	if (op->size)
		fprintf(out, " size %u", op->size);
}

static void print_ops(FILE *out, const char *what, const struct ct_plan_op *ops, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint8_t code = ops[i].code & (uint8_t)~CT_PLAN_JOINED;
		fprintf(out, "%-18s%s %s%s", "", what,
			ops[i].code & CT_PLAN_JOINED ? "joined " : "", WORD(code_words, code));
		print_operands(out, &ops[i]);
		putc('\n', out);
	}
}

void ct_dump_plan(FILE *out, const struct ct_trace_plan *plan)
{
	if (plan->why) {
		fprintf(out, "%-18snone: %s\n", "", WORD(why_words, plan->why));
		return;
	}
	fprintf(out, "%-18sfunction 0x%" PRIx64 ", description of %u bytes\n", "", plan->function,
		plan->description_bytes);
	print_ops(out, "enter", plan->ops, plan->op_count);
	print_ops(out, "return", plan->shape, plan->shape_count);
}

/* --- payloads --- */

/* In lines of 16, behind what stands in the first one. */
static void print_hex(FILE *out, const unsigned char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (i && i % 16 == 0)
			fprintf(out, "\n%30s", "");
		fprintf(out, " %02x", bytes[i]);
	}
}

static void print_block(FILE *out, size_t index, uint8_t kind, const struct ct_payload_block *block)
{
	fprintf(out, "%28sblock %zu: ", "", index);
	if (block->status != CT_PLAN_OK) {
		fputs(block->status == CT_PLAN_NULL ? "null\n" : "unreadable\n", out);
		return;
	}
	fprintf(out, "%u bytes%s%s", block->length, block->truncated ? ", truncated" : "",
		block->ends ? " by the end of the memory" : "");
	if (kind == CT_PAYLOAD_SEQUENCE)
		fprintf(out, ", the first of %u elements", block->count);
	if (block->length) {
		fprintf(out, "\n%30s", "");
		print_hex(out, block->bytes, block->length);
	}
	putc('\n', out);
}

void ct_dump_payload(FILE *out, const unsigned char *payload, size_t length,
		     const struct ct_plan_op *ops, size_t op_count)
{
	struct ct_block_shape shapes[CT_PLAN_BLOCKS_MAX];
	struct ct_payload_block blocks[CT_PLAN_BLOCKS_MAX];
	size_t count;
	fprintf(out, "%28svalues, %zu bytes\n", "", length);
	if (length) {
		fprintf(out, "%30s", "");
		print_hex(out, payload, length);
		putc('\n', out);
	}
	if (!ops || !ct_payload_shapes(ops, op_count, shapes, &count))
		return;
	ct_payload_split(shapes, count, payload, length, blocks);
	for (size_t i = 0; i < count; i++)
		print_block(out, i, shapes[i].kind, &blocks[i]);
}
