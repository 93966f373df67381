/* SPDX-License-Identifier: MIT */
/* Plan files in words: see explain.h. What is read may be damaged: then less is said. */
#include "plan/explain.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "symbols/symbols.h"

/* ---- descriptions ---- */

static void skip_text(struct ct_cursor *cur)
{
	ct_cursor_skip(cur, ct_cursor_u16(cur));
}

static bool skip_members(struct ct_cursor *cur, unsigned int nesting)
{
	uint16_t count = ct_cursor_u16(cur);
	for (unsigned int i = 0; i < count && !cur->failed; i++) {
		skip_text(cur);
		if (!ct_plan_skip_node(cur, nesting))
			return false;
	}
	return !cur->failed;
}

static void skip_enumerators(struct ct_cursor *cur)
{
	ct_cursor_skip(cur, 4);
	uint16_t count = ct_cursor_u16(cur);
	for (unsigned int i = 0; i < count && !cur->failed; i++) {
		ct_cursor_skip(cur, 8);
		skip_text(cur);
	}
}

static bool skip_elements(struct ct_cursor *cur, unsigned int nesting)
{
	uint8_t count = ct_cursor_u8(cur);
	for (unsigned int i = 0; i < count; i++)
		if (!ct_plan_skip_node(cur, nesting))
			return false;
	return !cur->failed;
}

bool ct_plan_skip_node(struct ct_cursor *cur, unsigned int nesting)
{
	enum { PIECE_BYTES = 7 };
	if (nesting > CT_PLAN_NESTING_MAX)
		return false;
	nesting++;
	uint8_t kind = ct_cursor_u8(cur);
	if (cur->failed)
		return false;
	switch (kind) {
	case CT_NODE_ABSENT:
		return ct_cursor_skip(cur, 1);
	case CT_NODE_BLOCK:
		return ct_cursor_skip(cur, 1) && ct_plan_skip_node(cur, nesting);
	case CT_NODE_CONSTANT:
		skip_text(cur);
		return ct_plan_skip_node(cur, nesting);
	case CT_NODE_PIECES:
		ct_cursor_skip(cur, 2);
		ct_cursor_skip(cur, ct_cursor_u8(cur) * (size_t)PIECE_BYTES);
		return ct_plan_skip_node(cur, nesting);
	case CT_NODE_SIGNED:
	case CT_NODE_UNSIGNED:
	case CT_NODE_BOOL:
	case CT_NODE_CHAR:
	case CT_NODE_FLOAT:
		return ct_cursor_skip(cur, 3);
	case CT_NODE_COMPLEX:
	case CT_NODE_OPAQUE:
		return ct_cursor_skip(cur, 4);
	case CT_NODE_ENUM:
		skip_enumerators(cur);
		return !cur->failed;
	case CT_NODE_BITS:
		return ct_cursor_skip(cur, 6) && ct_plan_skip_node(cur, nesting);
	case CT_NODE_POINTER:
		ct_cursor_skip(cur, 2);
		if (ct_cursor_u8(cur) == 0)
			return !cur->failed;
		return ct_cursor_skip(cur, 1) && ct_plan_skip_node(cur, nesting);
	case CT_NODE_STRING:
		return ct_cursor_skip(cur, 3);
	case CT_NODE_FUNCTION:
	case CT_NODE_ADDRESS:
		return ct_cursor_skip(cur, 2);
	case CT_NODE_REFERENCE:
	case CT_NODE_SEQUENCE:
		return ct_cursor_skip(cur, 3) && ct_plan_skip_node(cur, nesting);
	case CT_NODE_STRUCT:
	case CT_NODE_UNION:
		return skip_members(cur, nesting);
	case CT_NODE_ARRAY:
		return ct_cursor_skip(cur, 12) && ct_plan_skip_node(cur, nesting);
	case CT_NODE_CHARS:
		return ct_cursor_skip(cur, 10);
	case CT_NODE_TEXT:
		return ct_cursor_skip(cur, 1);
	case CT_NODE_AT:
		return ct_cursor_skip(cur, 2) && ct_plan_skip_node(cur, nesting);
	case CT_NODE_SHORT_TEXT:
		return ct_cursor_skip(cur, 4);
	case CT_NODE_LIST:
		return ct_cursor_skip(cur, 4) && skip_elements(cur, nesting);
	case CT_NODE_SEQUENCE_LIST:
		return ct_cursor_skip(cur, 3) && skip_elements(cur, nesting);
	default:
		return false;
	}
}

struct text {
	const char *bytes;
	int length;
};

static struct text read_text(struct ct_cursor *cur)
{
	uint16_t length = ct_cursor_u16(cur);
	const char *bytes = ct_cursor_bytes(cur, length);
	return bytes ? (struct text){bytes, length} : (struct text){"", 0};
}

static const char *why_text(uint8_t why)
{
	static const char *const texts[] = {
		[CT_WHY_OPTIMIZED_OUT] = "optimized out", [CT_WHY_ENTRY_VALUE] = "entry value",
		[CT_WHY_NO_DEBUG_INFO] = "no debug info", [CT_WHY_PLAN_UNSURE] = "plan unsure",
		[CT_WHY_UNREADABLE] = "unreadable",	  [CT_WHY_INLINED] = "inlined",
		[CT_WHY_LEFT_OUT] = "left out",
	};
	return why < sizeof(texts) / sizeof(texts[0]) && texts[why] ? texts[why] : "?";
}

/* ---- summary ---- */

enum { WHY_COUNT = CT_WHY_LEFT_OUT + 1 };

struct counts {
	uint64_t captured;
	uint64_t absent[WHY_COUNT];
};

static void count_node(struct ct_cursor *cur, struct counts *counts)
{
	struct ct_cursor at = *cur;
	if (ct_cursor_u8(&at) == CT_NODE_ABSENT) {
		uint8_t why = ct_cursor_u8(&at);
		counts->absent[why < WHY_COUNT ? why : 0]++;
	} else {
		counts->captured++;
	}
	ct_plan_skip_node(cur, 0);
}

static void count_description(const struct ct_plan_content *plan, struct counts *parameters,
			      struct counts *returns)
{
	struct ct_cursor cur = ct_cursor_init(plan->description, plan->description_bytes,
					      "description");
	uint8_t count = ct_cursor_u8(&cur);
	for (unsigned int i = 0; i < count && !cur.failed; i++) {
		skip_text(&cur);
		skip_text(&cur);
		count_node(&cur, parameters);
	}
	if (ct_cursor_u8(&cur) == 1) {
		skip_text(&cur);
		skip_text(&cur);
	}
	(void)returns;
}

static void print_absent(const struct counts *counts, struct ct_strbuf *ret)
{
	for (unsigned int why = 1; why < WHY_COUNT; why++)
		if (counts->absent[why] > 0)
			ct_strbuf_printf(ret, ", %" PRIu64 " %s", counts->absent[why],
					 why_text((uint8_t)why));
	ct_strbuf_add_string(ret, "\n");
}

void ct_plan_summarize(const struct ct_plan_file *file, const struct ct_hook_sites *sites,
		       struct ct_strbuf *ret)
{
	struct counts parameters = {0};
	struct counts returns = {0};
	uint64_t enters = 0, exits = 0, stubs = 0;
	uint64_t enter_sites = 0;
	for (size_t i = 0; i < sites->count; i++)
		enter_sites += !sites->sites[i].is_exit;
	for (uint64_t i = 0; i < file->header.index_count; i++) {
		struct ct_plan_content plan;
		uint64_t site;
		if (!ct_plan_file_get(file, i, &site, &plan))
			continue;
		enters += plan.head.kind == CT_PLAN_ENTER && plan.head.function != 0;
		exits += plan.head.kind == CT_PLAN_EXIT;
		stubs += plan.head.kind == CT_PLAN_EXIT_STUB;
		if (plan.head.kind == CT_PLAN_ENTER)
			count_description(&plan, &parameters, &returns);
	}
	ct_strbuf_printf(ret, "enter hooks  %" PRIu64 ", of which %" PRIu64 " have a plan\n",
			 enter_sites, enters);
	ct_strbuf_printf(ret, "parameters   %" PRIu64 " captured", parameters.captured);
	print_absent(&parameters, ret);
	ct_strbuf_printf(ret,
			 "exit hooks   %" PRIu64 ", of which %" PRIu64
			 " give the return value at the hook, %" PRIu64 " after the return\n",
			 (uint64_t)sites->count - enter_sites, exits, stubs);
}

/* ---- list ---- */

static const char *register_name(uint8_t number)
{
	static const char *const names[CT_PLAN_REGISTERS] = {
		"rsp",	"rbx",	  "rbp",  "r12",    "r13", "r14",   "r15", "rax",   "rdx",
		"xmm0", "xmm0+8", "xmm1", "xmm1+8", "st0", "st0+8", "st1", "st1+8",
	};
	return number < CT_PLAN_REGISTERS ? names[number] : "?";
}

static void print_op(const struct ct_plan_op *op, struct ct_strbuf *ret)
{
	static const char *const binary[] = {"+",  "-",	 "*",	"&", "|",  "^",
					     "<<", ">>", ">>s", "<", "<s", "=="};
	switch (op->code & ~CT_PLAN_JOINED) {
	case CT_PLAN_APPEND_REGISTER:
	case CT_PLAN_PUSH_REGISTER:
		ct_strbuf_printf(ret, op->offset ? " %s%+d" : " %s", register_name(op->from),
				 op->offset);
		break;
	case CT_PLAN_APPEND_STACK:
		ct_strbuf_printf(ret, " [%s%+d]", register_name(op->from), op->offset);
		break;
	case CT_PLAN_APPEND_VALUE:
		break;
	case CT_PLAN_APPEND_MEMORY:
		ct_strbuf_printf(ret, " [%u]", op->size);
		break;
	case CT_PLAN_APPEND_STRING:
		ct_strbuf_add_string(ret, " string");
		break;
	case CT_PLAN_APPEND_TEXT:
		ct_strbuf_add_string(ret, " text");
		break;
	case CT_PLAN_APPEND_SEQUENCE:
		ct_strbuf_add_string(ret, " sequence");
		break;
	case CT_PLAN_PUSH_CONSTANT:
		ct_strbuf_printf(ret, " %" PRId64, op->operand);
		break;
	case CT_PLAN_PUSH_ADDRESS:
		ct_strbuf_printf(ret, " address 0x%" PRIx64, (uint64_t)op->operand);
		break;
	case CT_PLAN_PUSH_BLOCK:
		ct_strbuf_printf(ret, " block %u+%d", op->from, op->offset);
		break;
	case CT_PLAN_LOAD:
		ct_strbuf_printf(ret, " load%u", op->size * 8U);
		break;
	case CT_PLAN_ADD_CONSTANT:
		ct_strbuf_printf(ret, " %+" PRId64, op->operand);
		break;
	case CT_PLAN_SIGN_EXTEND:
		ct_strbuf_printf(ret, " s%u", op->size * 8U);
		break;
	case CT_PLAN_ZERO_EXTEND:
		ct_strbuf_printf(ret, " u%u", op->size * 8U);
		break;
	case CT_PLAN_NEGATE:
		ct_strbuf_add_string(ret, " neg");
		break;
	case CT_PLAN_NOT:
		ct_strbuf_add_string(ret, " not");
		break;
	default:
		if (op->code >= CT_PLAN_ADD && op->code <= CT_PLAN_EQUAL)
			ct_strbuf_printf(ret, " %s", binary[op->code - CT_PLAN_ADD]);
		break;
	}
}

/* The operations that make a block, in the order they run: reverse Polish. */
static void print_block(const struct ct_plan_op *ops, size_t op_count, unsigned int block,
			struct ct_strbuf *ret)
{
	unsigned int made = 0;
	size_t first = 0; /* of those that belong to the next operation that appends */
	for (size_t i = 0; i < op_count; i++) {
		bool joins = (ops[i].code & CT_PLAN_JOINED) != 0;
		if (!joins && ops[i].code > CT_PLAN_LAST_APPEND)
			continue;
		for (; first <= i; first++)
			if (made == block + (joins ? 1 : 0))
				print_op(&ops[first], ret);
		made += !joins;
	}
}

static void print_where(const struct ct_plan_content *plan, struct ct_cursor *cur,
			struct ct_strbuf *ret)
{
	struct ct_cursor at = *cur;
	switch (ct_cursor_u8(&at)) {
	case CT_NODE_ABSENT:
		ct_strbuf_printf(ret, " -- %s", why_text(ct_cursor_u8(&at)));
		break;
	case CT_NODE_BLOCK:
		print_block(plan->ops, plan->op_count, ct_cursor_u8(&at), ret);
		break;
	case CT_NODE_CONSTANT: {
		uint16_t length = ct_cursor_u16(&at);
		ct_strbuf_add_string(ret, " constant");
		for (unsigned int i = 0; i < length && i < 16; i++)
			ct_strbuf_printf(ret, " %02x", ct_cursor_u8(&at));
		break;
	}
	case CT_NODE_PIECES: {
		ct_cursor_skip(&at, 2);
		uint8_t count = ct_cursor_u8(&at);
		for (unsigned int i = 0; i < count && !at.failed; i++) {
			uint16_t from = ct_cursor_u16(&at);
			uint16_t size = ct_cursor_u16(&at);
			uint8_t block = ct_cursor_u8(&at);
			ct_cursor_skip(&at, 2);
			ct_strbuf_printf(ret, " %u..%u:", from, from + size);
			if (block == 0xff)
				ct_strbuf_add_string(ret, " optimized out");
			else
				print_block(plan->ops, plan->op_count, block, ret);
		}
		break;
	}
	default:
		break;
	}
	ct_plan_skip_node(cur, 0);
}

static void print_enter(const struct ct_plan_content *plan, struct ct_strbuf *ret)
{
	struct ct_cursor cur = ct_cursor_init(plan->description, plan->description_bytes,
					      "description");
	uint8_t count = ct_cursor_u8(&cur);
	for (unsigned int i = 0; i < count && !cur.failed; i++) {
		struct text name = read_text(&cur);
		struct text type = read_text(&cur);
		ct_strbuf_printf(ret, "    %.*s (%.*s):", name.length, name.bytes, type.length,
				 type.bytes);
		print_where(plan, &cur, ret);
		ct_strbuf_add_string(ret, "\n");
	}
}

static void print_exit(const struct ct_plan_content *plan, struct ct_strbuf *ret)
{
	ct_strbuf_add_string(ret, plan->head.kind == CT_PLAN_EXIT_STUB ? "    after the return:"
								       : "    at the hook:");
	for (size_t i = 0; i < plan->op_count; i++)
		print_op(&plan->ops[i], ret);
	if (plan->head.kind == CT_PLAN_EXIT_STUB)
		ct_strbuf_printf(ret, ", return address at %s%+d",
				 register_name(plan->head.return_slot_register),
				 plan->head.return_slot_offset);
	ct_strbuf_add_string(ret, "\n");
}

/* Of what is inlined also where. False: it is not to be listed. */
static bool print_head(const struct ct_plan_names *names, const struct ct_patterns *patterns,
		       const struct ct_hook_site *site, const char *name, struct ct_strbuf *ret)
{
	const struct ct_symtab_entry *around = ct_symtab_find(&names->symtab, site->address - 1);
	const char *outer = around ? around->name : "?";
	bool is_inlined = name && strcmp(name, outer) != 0;
	if (!name)
		name = outer;
	ct_cleanup(ct_cleanup_free) char *whole = ct_demangle(name);
	ct_cleanup(ct_cleanup_free) char *outer_whole = is_inlined ? ct_demangle(outer) : NULL;
	struct ct_pattern_subject subject = {.linkage_name = name, .whole_name = whole};
	if (patterns && !ct_patterns_match(patterns, &subject))
		return false;
	ct_strbuf_printf(ret, "0x%" PRIx64 "  %s  %s", site->address,
			 site->is_exit ? "exit " : "enter", whole ? whole : name);
	if (is_inlined)
		ct_strbuf_printf(ret, ", in %s", outer_whole ? outer_whole : outer);
	ct_strbuf_add_string(ret, "\n");
	return true;
}

void ct_plan_list(const struct ct_plan_file *file, const struct ct_hook_sites *sites,
		  const struct ct_plan_names *names, const struct ct_patterns *patterns,
		  struct ct_strbuf *ret)
{
	uint64_t next = 0;
	for (size_t i = 0; i < sites->count; i++) {
		const struct ct_hook_site *site = &sites->sites[i];
		struct ct_plan_content plan;
		uint64_t planned = UINT64_MAX;
		while (next < file->header.index_count &&
		       (!ct_plan_file_get(file, next, &planned, &plan) || planned < site->address))
			next++;
		if (next == file->header.index_count || planned != site->address) {
			if (print_head(names, patterns, site, NULL, ret))
				ct_strbuf_add_string(ret, "    no plan\n");
			continue;
		}
		bool is_enter = plan.head.kind == CT_PLAN_ENTER;
		if (!print_head(names, patterns, site, ct_plan_names_at(names, plan.head.function),
				ret))
			continue;
		if (is_enter && plan.head.function == 0)
			ct_strbuf_add_string(ret, "    folded from several functions\n");
		else if (is_enter)
			print_enter(&plan, ret);
		else
			print_exit(&plan, ret);
	}
}
