/* SPDX-License-Identifier: MIT */
/*
 * The descriptions of a trace's plans (format/plan.h), checked and compiled
 * once, so that writing a call's values parses nothing: nodes in an array, and
 * names, types and keys as the JSON text that each call repeats.
 */
#ifndef CT_EXPORT_VALUE_PLAN_H
#define CT_EXPORT_VALUE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "reader/payload.h"
#include "reader/trace.h"

/* What the numbers mean goes by the kind; indexes are into struct ct_value_plans. */
struct ct_value_node {
	uint8_t kind;	  /* enum ct_node_kind */
	uint8_t size;	  /* bytes of a scalar; FLOAT, COMPLEX: format; BITS: bits */
	uint8_t block;	  /* BLOCK, POINTER, STRING, REFERENCE, TEXT, SEQUENCE, SEQUENCE_LIST,
			   * SHORT_TEXT */
	bool is_signed;	  /* ENUM, BITS */
	bool is_followed; /* POINTER, SHORT_TEXT */
	bool is_flags;	  /* ENUM: its values may be added up */
	uint8_t why;	  /* ABSENT */
	uint32_t offset;  /* in the context; BITS: of the first bit; CONSTANT: in `data` */
	uint32_t length;  /* CONSTANT, PIECES, OPAQUE: bytes; ARRAY, SEQUENCE, COMPLEX: stride */
	uint32_t count;	  /* members, enumerators, pieces, elements */
	uint32_t shown;	  /* ARRAY, CHARS, SHORT_TEXT: elements that were captured; LIST,
			   * SEQUENCE_LIST: those that have a node */
	uint32_t first;	  /* member, enumerator; LIST, SEQUENCE_LIST: the first element's member;
			   * of others the node below */
	uint32_t first_piece;
};

struct ct_value_member {
	uint32_t node;
	uint32_t key;	     /* in `text`: "name": */
	uint32_t key_length; /* 0: the members of this unnamed one are among those of its parent */
};

struct ct_value_enumerator {
	int64_t value;
	uint32_t name; /* in `text`, without quotes */
	uint32_t name_length;
};

struct ct_value_piece {
	uint16_t at;
	uint16_t size;
	uint16_t offset;
	uint8_t block;
	bool is_there;
};

/* A parameter or what is returned. */
struct ct_value_slot {
	uint32_t node;
	uint32_t prefix; /* in `text`: {"name":"x","type":"int","value": */
	uint32_t prefix_length;
	bool needs_payload; /* can show something with it alone */
};

struct ct_value_plan {
	uint8_t why; /* enum ct_why: it describes nothing, and all below is 0 */
	bool returns;
	struct ct_value_slot result;
	uint32_t first_slot; /* parameters */
	uint32_t slot_count;
	uint32_t first_shape; /* of the blocks of an enter */
	uint32_t shape_count;
	uint32_t first_result_shape;
	uint32_t result_shape_count;
};

struct ct_value_plans {
	struct ct_value_plan *plans; /* by index of ct_trace_plan_at() */
	struct ct_value_node *nodes;
	struct ct_value_member *members;
	struct ct_value_enumerator *enumerators;
	struct ct_value_piece *pieces;
	struct ct_value_slot *slots;
	struct ct_block_shape *shapes;
	uint32_t plan_count, node_count, member_count, enumerator_count, piece_count, slot_count,
		shape_count;
	uint32_t node_capacity, member_capacity, enumerator_capacity, piece_capacity, slot_capacity,
		shape_capacity;
	struct ct_strbuf text;
	struct ct_strbuf data; /* of constants */
	unsigned int levels;   /* objects, keys and arrays in each other, in the deepest value */
};

/* `pretty`: a space after colons. A description that is not one gives a plan that is "unsure". */
struct ct_error *ct_value_plans_init(struct ct_value_plans *plans, const struct ct_trace *trace,
				     bool pretty) __attribute__((warn_unused_result));
void ct_value_plans_deinit(struct ct_value_plans *plans);

#endif
