/* SPDX-License-Identifier: MIT */
/* Characters among bytes that nobody vouches for. */
#ifndef CT_BASE_UTF8_H
#define CT_BASE_UTF8_H

#include <stddef.h>

/*
 * Length of the well-formed UTF-8 sequence at `at` (Unicode 15, table 3-7), or
 * 0; then `*bad_length` is the length of the maximal ill-formed part.
 */
size_t ct_utf8_sequence(const unsigned char *at, size_t left, size_t *bad_length);

#endif
