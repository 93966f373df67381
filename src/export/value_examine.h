/* SPDX-License-Identifier: MIT */
/*
 * What is known of a captured value, and where its bytes are. A value is first
 * examined, which finds the node that shows something and its bytes, and then
 * written (value_json.h, value_readable.c) or looked at (value_look.c): whether
 * it comes with more than the bare value has to be known before its first byte,
 * for the sink takes nothing back. Nothing is allocated for a call.
 */
#ifndef CT_EXPORT_VALUE_EXAMINE_H
#define CT_EXPORT_VALUE_EXAMINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "export/code_names.h"
#include "export/value_plan.h"
#include "export/values.h"

struct ct_values {
	struct ct_value_plans plans;
	uint32_t *plan_of_site; /* index into plans + 1; 0: none */
	uint32_t site_count;	/* with number 0 */
	struct ct_code_names *code_names;
	bool pretty;
	bool is_shared; /* plans and sites are another's */
	/* of the call that is being written */
	uint64_t ns;
	uint32_t values_left;
	const char *text_start; /* of one that people read */
	size_t text_most;	/* then its members and elements are left out; 0: none are */
	struct ct_payload_block blocks[CT_PLAN_BLOCKS_MAX];
	unsigned char joined[CT_PLAN_PAYLOAD_MAX]; /* the context a PIECES node makes */
	unsigned char
		joined_why[CT_PLAN_PAYLOAD_MAX]; /* enum ct_why of its bytes that are not there */
};

/* The bytes that a node's offsets count from. */
struct ct_value_context {
	const unsigned char *bytes;
	const unsigned char *whys; /* of each byte, an enum ct_why or 0; NULL: all are there */
	uint32_t length;
	uint8_t why; /* there are none; enum ct_why */
};

/* What is to be shown, and what stands beside it. */
struct ct_value {
	const struct ct_value_node *node; /* not one that only leads to another */
	struct ct_value_context context;
	const unsigned char *bytes; /* of a scalar */
	const unsigned char *text;
	size_t text_length;
	uint64_t address;		      /* of a pointer or a string */
	uint64_t reference;		      /* address of what the context came from */
	const struct ct_payload_block *block; /* followed; NULL: not */
	uint32_t elements;		      /* that can be shown */
	uint8_t why;			      /* enum ct_why: there is no value */
	bool is_null;
	bool is_text;
	bool is_reference;
	bool is_cut;
	bool is_truncated;
	bool is_unterminated;
	bool is_escaped;
	bool is_unreadable;
	bool is_coded; /* a character that is none: `text` holds its code, as text */
	unsigned char own_bytes[8];
	char own_text[12];
};

/* ---- what was captured of a call ---- */

/* NULL: none. */
static inline const struct ct_value_plan *ct_values_plan_of(const struct ct_values *values,
							    uint32_t site)
{
	uint32_t plan = site < values->site_count ? values->plan_of_site[site] : 0;
	return plan ? &values->plans.plans[plan - 1] : NULL;
}

/* Take the payload apart; its values are examined one after the other. */
void ct_values_begin(struct ct_values *values, uint32_t first_shape, uint32_t shape_count,
		     struct ct_value_bytes payload);

/* ---- values ---- */

static inline struct ct_value_context ct_value_context_unreadable(void)
{
	return (struct ct_value_context){.why = CT_WHY_UNREADABLE};
}

struct ct_value_context ct_value_context_of_block(const struct ct_payload_block *block);

/* From `offset` on, at most `length` bytes. */
struct ct_value_context ct_value_context_part(const struct ct_value_context *context,
					      uint32_t offset, uint32_t length);

/* Follow the nodes that only say where a value is. */
void ct_value_examine(struct ct_values *values, uint32_t index, struct ct_value_context context,
		      struct ct_value *value);

const struct ct_value_enumerator *ct_value_find_enumerator(const struct ct_values *values,
							   const struct ct_value_node *node,
							   int64_t value);

static inline __int128 ct_value_signed(const unsigned char *bytes, uint8_t size)
{
	__int128 number = 0;
	unsigned int unused = 128 - size * 8U;
	memcpy(&number, bytes, size);
	return (__int128)((unsigned __int128)number << unused) >> unused;
}

static inline unsigned __int128 ct_value_unsigned(const unsigned char *bytes, uint8_t size)
{
	unsigned __int128 number = 0;
	memcpy(&number, bytes, size);
	return number;
}

static inline bool ct_value_shows_pointee(const struct ct_value *value)
{
	return value->node->kind == CT_NODE_POINTER && value->block && !value->is_unreadable;
}

static inline bool ct_value_shows_symbol(const struct ct_value *value)
{
	return value->node->kind == CT_NODE_FUNCTION && !value->why && !value->is_null;
}

#endif
