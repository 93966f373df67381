/* SPDX-License-Identifier: MIT */
/* Durations as people write and read them. */
#ifndef CT_BASE_DURATION_H
#define CT_BASE_DURATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "10", "10ns", "10us", "1.5ms", "2s", "3min", "1h", as ns. False: it is none. */
bool ct_duration_parse(const char *text, size_t length, uint64_t *ret);

enum { CT_DURATION_BYTES = 16 };
/* In at most 8 characters, with four digits or so: "38 ns", "1.234 ms", "12.35 s". */
void ct_duration_print(char ret[CT_DURATION_BYTES], uint64_t ns);

#endif
