/* SPDX-License-Identifier: MIT */
/*
 * Names as they are shown in text. In a pipe, and with --full-names, whole. On a
 * terminal one that is too long for its line is shortened: of a C++ function
 * first the types of parameters and of the result go, then the arguments of
 * templates ("<>"), then the scopes around it and the middle of the name ("...").
 * What differs looks different: where shorter names would be the same, they are
 * longer again, or numbered ("#2"). Control characters are written out, always.
 */
#ifndef CT_CLI_SHOWN_H
#define CT_CLI_SHOWN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct ct_shown;

/* No name is shown in less; and what it should have where it can be given it. */
enum { CT_SHOWN_LEAST_COLUMNS = 14, CT_SHOWN_GOOD_COLUMNS = 24 };

/* The name with this index. They may be equal, and are then one. Numbers go by the order. */
typedef const char *ct_shown_name_fn(const void *context, size_t index);

struct ct_shown_options {
	ct_shown_name_fn *name; /* good as long as the struct ct_shown */
	const void *context;
	size_t count;
	bool are_whole;	  /* nothing is shortened */
	bool are_symbols; /* demangled names; else paths or other text */
	/* The least that ct_shown_name() will be asked for; at least CT_SHOWN_LEAST_COLUMNS. */
	unsigned int least_columns;
};

struct ct_error *ct_shown_create(const struct ct_shown_options *options, struct ct_shown **ret)
	__attribute__((warn_unused_result));
void ct_shown_destroy(struct ct_shown *shown);
void ct_shown_cleanup(struct ct_shown **shown);

/* Good until the same name is asked for again. `columns` below the least count as that. */
const char *ct_shown_name(struct ct_shown *shown, size_t index, unsigned int columns);

/* The names of a session's functions, as the page (page.h) wants them. */
struct ct_session;
struct ct_error *ct_shown_functions(const struct ct_session *session, unsigned int least_columns,
				    struct ct_shown **ret) __attribute__((warn_unused_result));

/* One text by itself: written out, and cut to so many columns; 0: not cut. */
struct ct_strbuf;
void ct_shown_cut(struct ct_strbuf *ret, const char *text, unsigned int columns);

/* A demangled name without the types of parameters and of the result, in `*ret`. */
void ct_shown_bare(const char *name, size_t length, struct ct_strbuf *ret);

#endif
