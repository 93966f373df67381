/* SPDX-License-Identifier: MIT */
/*
 * Where the debug information says that a variable is at one instruction, as
 * expressions over the registers and the memory there.
 */
#ifndef CT_PLAN_LOCATION_H
#define CT_PLAN_LOCATION_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan/expression.h"
#include "plan/machine.h"

enum { CT_LOCATION_PIECES_MAX = 32 };

enum ct_location_kind {
	CT_LOCATION_ABSENT = 0, /* `why` */
	CT_LOCATION_VALUE,	/* its low bytes are the variable: `expr` */
	CT_LOCATION_MEMORY,	/* the variable is at the address `expr` */
	CT_LOCATION_BYTES,	/* it always is these bytes */
};

struct ct_location_piece {
	enum ct_location_kind kind;
	enum ct_why why;
	const struct ct_expr *expr;
	const uint8_t *bytes; /* in the debug information */
	size_t size_bytes;    /* of the piece; of BYTES where there is one piece */
};

struct ct_location {
	struct ct_location_piece pieces[CT_LOCATION_PIECES_MAX];
	size_t piece_count; /* 1: all of the variable */
	bool is_composite;  /* made with DW_OP_piece: sizes count */
	bool is_everywhere; /* one location for all of the variable's scope, not a list */
};

/* What the debug information said when it was asked last: it is asked the same several times. */
struct ct_location_memo *ct_location_memo_create(void);
void ct_location_memo_destroy(struct ct_location_memo *memo);

/* The code a location is asked for. */
struct ct_location_context {
	struct ct_expr_arena *arena;
	uint64_t address;	       /* whose entry of a location list counts */
	Dwarf_Die *function;	       /* has DW_AT_frame_base */
	Dwarf_CFI *cfi;		       /* has the frame of `address`, or NULL */
	Dwarf_CFI *debug_cfi;	       /* the same, when the first has not */
	struct ct_location_memo *memo; /* or NULL */
	/* Registers and memory are those of the machine now; NULL: those of the instruction. */
	struct ct_machine *machine;
	/* Registers that a function may change are gone: `address` is in a call. */
	bool is_in_call;
};

/*
 * The location of a parameter's or variable's DIE. Always gives one, which may
 * be ABSENT with the reason.
 */
void ct_location_find(const struct ct_location_context *context, Dwarf_Die *variable,
		      struct ct_location *ret);

/* An entry of a variable's location list. */
struct ct_location_entry {
	uint64_t from, to;
	bool is_everywhere;  /* the only one, not of a list: from 0 to UINT64_MAX */
	bool is_what_it_was; /* it was the value passed, which is nowhere now: DW_OP_entry_value */
};

/* Goes through a location list, of up to 200 entries. */
struct ct_location_walk {
	Dwarf_Attribute attribute;
	Dwarf_Addr base;
	ptrdiff_t offset;
	unsigned int count; /* of the entries so far */
	bool is_whole;	    /* there was a list, and it was understood to its end */
};
void ct_location_walk_begin(struct ct_location_walk *ret, Dwarf_Die *variable);
/* False at the end. */
bool ct_location_walk_next(struct ct_location_walk *walk, struct ct_location_entry *ret);

/* The same for all of a variable: it is not there. */
void ct_location_set_absent(struct ct_location *ret, enum ct_why why);

/*
 * Is what a piece of `part` is made from a part of what one of `location` is
 * made from: the same register, or that register as an address? Constants do not
 * count.
 */
bool ct_location_stands_in(const struct ct_location *part, const struct ct_location *location);

/* The address above the return address of the function's frame; UNKNOWN where it is not told. */
const struct ct_expr *ct_location_cfa(const struct ct_location_context *context);

#endif
