/* SPDX-License-Identifier: MIT */
/* Durations as people write and read them. */
#ifndef CT_BASE_DURATION_H
#define CT_BASE_DURATION_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* "0", "10ns", "10us", "1.5ms", "2s", "3min", "1h", as ns; errors say what is wrong with it. */
struct ct_error *ct_duration_parse(const char *text, size_t length, uint64_t *ret)
	__attribute__((warn_unused_result));

enum { CT_DURATION_BYTES = 16 };
/* In at most 8 characters, with four digits or so: "38 ns", "1.234 ms", "12.35 s". */
void ct_duration_print(char ret[CT_DURATION_BYTES], uint64_t ns);

#endif
