/* SPDX-License-Identifier: MIT */
/*
 * Text for people, of bytes nobody vouches for: names, paths, threads' names of
 * a trace. What would move a terminal's cursor, colour it, break a line or turn
 * the order of what follows around is written out: \x1b, \u202e. What is no
 * UTF-8, too: \xff.
 */
#ifndef CT_BASE_PLAIN_TEXT_H
#define CT_BASE_PLAIN_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

/* Bytes at the beginning that stay as they are. */
size_t ct_plain_text_length(const char *bytes, size_t length);
/* Bytes of the character at the beginning, which there is; 1 of what is no UTF-8. */
size_t ct_plain_text_step(const char *bytes, size_t length);
/* Nothing of it has to be written out. */
bool ct_plain_text_is(const char *bytes, size_t length);
/* The character of so many bytes as \uNNNN, one of a byte as \xNN; gives the length. */
enum { CT_PLAIN_ESCAPE_BYTES = 16 };
size_t ct_plain_text_escape(char ret[CT_PLAIN_ESCAPE_BYTES], const unsigned char *bytes,
			    size_t length);
void ct_plain_text_add(struct ct_strbuf *text, const char *bytes, size_t length);

/* Columns that plain text takes on a terminal: none for a combining character, two for a wide one.
 */
size_t ct_plain_text_columns(const char *text, size_t length);
/* Bytes of the longest beginning of `text`, and of its longest end, that take at most so many. */
size_t ct_plain_text_head(const char *text, size_t length, size_t columns);
size_t ct_plain_text_tail(const char *text, size_t length, size_t columns);

#endif
