/* SPDX-License-Identifier: MIT */
/*
 * Types of the debug information as a plan needs them: how many bytes a value
 * has, what to copy besides (strings, what pointers lead to), and the nodes of
 * the description. format/plan.h defines both.
 */
#ifndef CT_PLAN_DESCRIBE_H
#define CT_PLAN_DESCRIBE_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "format/plan.h"

/* What is being made for one hook: operations and the nodes they are for. */
struct ct_plan_draft {
	struct ct_plan_op ops[CT_PLAN_OPS_MAX];
	size_t op_count;
	unsigned int block_count; /* blocks the operations make so far */
	size_t payload_max;	  /* bytes they can append so far */
	struct ct_strbuf nodes;	  /* the description so far */
};

/* Append an operation, keeping the counts. False: the plan would become too large; nothing is
 * changed. */
bool ct_plan_draft_add(struct ct_plan_draft *draft, struct ct_plan_op op);
/* Bytes at most that the operation appends to a payload. */
size_t ct_plan_op_payload_max(const struct ct_plan_op *op);

void ct_plan_put_text(struct ct_strbuf *nodes, const char *text);

/* Type texts and sizes are kept for each module: the same ones come again and again. */
struct ct_describer;
struct ct_describer *ct_describer_create(const struct ct_plan_settings *settings);
void ct_describer_destroy(struct ct_describer *describer);

/* The type as C or C++ writes it: "const char *", "struct point", "std::vector<int>". The text
 * lives as long as the describer. A type of NULL is void. */
const char *ct_describe_name(struct ct_describer *describer, Dwarf_Die *type);

/* What is asked next is for this unit: what it shares with others is in its language. */
void ct_describer_enter_unit(struct ct_describer *describer, Dwarf_Die *unit);

/* Bytes of a value of the type; 0: not known, or none (void, an incomplete type). */
uint64_t ct_describe_size(struct ct_describer *describer, Dwarf_Die *type);

/* How a function of the x86-64 System V ABI returns the type. */
enum ct_return_class {
	CT_RETURN_NONE = 0,  /* void, or an empty class */
	CT_RETURN_MEMORY,    /* rax points to it */
	CT_RETURN_X87,	     /* st0, `parts[0]` bytes; complex long double: st0 and st1 */
	CT_RETURN_REGISTERS, /* parts in order */
	CT_RETURN_UNSURE,
};
struct ct_return_place {
	enum ct_return_class class;
	unsigned int part_count; /* REGISTERS: one or two parts of 8 bytes (16: a vector in one) */
	struct {
		bool is_sse;	    /* xmm0, then xmm1; else rax, then rdx */
		uint8_t size_bytes; /* that count */
	} parts[2];
};
/* C++ types that are not trivially copyable come through memory. */
struct ct_return_place ct_describe_return_place(struct ct_describer *describer, Dwarf_Die *type);

/*
 * Append the node of a value of `type` whose bytes begin at `offset` of the
 * context, which is what block `block` holds, and the operations for what it
 * points to. The operations of the block must be in the draft: they tell how many
 * bytes there are. Those for all parameters' own bytes should come first, for
 * what is followed may use the room that is left. When the plan would become too large, the rest is
 * left out: the pointer is not followed, the array is cut.
 */
void ct_describe_value(struct ct_describer *describer, struct ct_plan_draft *draft, Dwarf_Die *type,
		       unsigned int block, uint16_t offset);
/* The same for a context that is no single block (constant, pieces): nothing is followed. */
void ct_describe_value_flat(struct ct_describer *describer, struct ct_plan_draft *draft,
			    Dwarf_Die *type, uint16_t offset);

#endif
