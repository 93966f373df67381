/* SPDX-License-Identifier: MIT */
/*
 * Lists of patterns for functions, separated by commas:
 *	GLOB		on the name without parameters ("ns::f<int>"), on the whole name
 *			("ns::f<int>(char) const"), or on the linker's name
 *	/REGEX/		POSIX extended, anywhere in the whole name
 *	module:GLOB	on the path of the program or library; a relative GLOB also on what
 *			follows any slash of it
 *	file:GLOB	on the source file of the declaration, the same
 * A function is meant when any of them fits. A name fits itself, whatever a
 * glob would make of its brackets; commas between ( ) and < > do not separate.
 */
#ifndef CT_BASE_PATTERN_H
#define CT_BASE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct ct_patterns;

/* A function, as far as it is known: any may be NULL. */
struct ct_pattern_subject {
	const char *linkage_name;
	const char *whole_name; /* demangled; NULL for a C function */
	const char *module;	/* path */
	const char *source;	/* path */
};

struct ct_error *ct_patterns_create(const char *text, struct ct_patterns **ret)
	__attribute__((warn_unused_result));
void ct_patterns_destroy(struct ct_patterns *patterns);

bool ct_patterns_match(const struct ct_patterns *patterns,
		       const struct ct_pattern_subject *subject);

/* The same; and `hits`, one for each pattern, becomes 1 where the pattern fits. It may be NULL. */
bool ct_patterns_match_all(const struct ct_patterns *patterns,
			   const struct ct_pattern_subject *subject, unsigned char *hits);
size_t ct_patterns_count(const struct ct_patterns *patterns);
/* Pattern number `i` as it was given. */
const char *ct_patterns_text(const struct ct_patterns *patterns, size_t i);

/* Do the patterns look at source files? Finding those out takes time. */
bool ct_patterns_want_source(const struct ct_patterns *patterns);

/* The part of a demangled name between return type and parameters, in a buffer of its own
 * (free()); NULL: out of memory. */
char *ct_pattern_short_name(const char *whole_name);

#endif
