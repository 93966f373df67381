/* SPDX-License-Identifier: MIT */
/* Where the ABI puts a function's arguments when it is entered. */
#ifndef CT_PLAN_ARGUMENT_PLACES_H
#define CT_PLAN_ARGUMENT_PLACES_H

#include <elfutils/libdw.h>
#include <stddef.h>

#include "plan/describe.h"
#include "plan/expression.h"

enum { CT_ARGUMENT_WORDS_MAX = 4 };

enum ct_argument_kind {
	CT_ARGUMENT_UNKNOWN = 0,
	CT_ARGUMENT_WORDS,     /* `words` */
	CT_ARGUMENT_STACK,     /* all of it on the stack */
	CT_ARGUMENT_REFERENCE, /* its address is words[0] */
	CT_ARGUMENT_EMPTY,     /* a class without members: nothing is passed */
};

struct ct_argument {
	enum ct_argument_kind kind;
	uint64_t size_bytes;   /* of its type that count: 10 of a long double's 16 */
	uint64_t stack_offset; /* STACK, from the end of the frame (CFA) */
	size_t word_count;
	struct {
		const struct ct_expr *value; /* in terms of the function's entry */
		unsigned int size_bytes;     /* that count, 1 to 8 */
	} words[CT_ARGUMENT_WORDS_MAX];
};

/* Where the next argument goes. */
struct ct_argument_cursor {
	struct ct_describer *describer;
	struct ct_expr_arena *arena;
	unsigned int clang_version;
	unsigned int integer_count;
	unsigned int vector_count;
	uint64_t stack_bytes;
	bool is_lost;	    /* the place of one was not known: nor are those of all behind it */
	bool is_stack_lost; /* the same on the stack */
};

/* For a function that returns `return_type`; NULL: nothing. `clang_version` is 0 for GCC, 1 for
 * what may differ from both. */
struct ct_argument_cursor ct_argument_cursor_init(struct ct_describer *describer,
						  struct ct_expr_arena *arena,
						  Dwarf_Die *return_type,
						  unsigned int clang_version);

struct ct_argument ct_argument_next(struct ct_argument_cursor *cursor, Dwarf_Die *type_die);

/* The same for an object that is passed by its address, whatever its type. */
struct ct_argument ct_argument_next_reference(struct ct_argument_cursor *cursor);

enum { CT_ARGUMENT_PADDED_MAX = 16 };

/* The bytes of a small class that belong to a member; the others may never be stored. False at
 * first. */
void ct_argument_mark_members(struct ct_describer *describer, Dwarf_Die *type,
			      bool is_member[CT_ARGUMENT_PADDED_MAX]);

#endif
