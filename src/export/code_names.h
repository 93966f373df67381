/* SPDX-License-Identifier: MIT */
/* Names of the functions that captured pointers lead to. */
#ifndef CT_EXPORT_CODE_NAMES_H
#define CT_EXPORT_CODE_NAMES_H

#include <stdint.h>

#include "reader/trace.h"

struct ct_code_names;

/* NULL: out of memory. Files are opened when something in them is looked for. */
struct ct_code_names *ct_code_names_create(const struct ct_trace *trace);
void ct_code_names_destroy(struct ct_code_names *names);

/* The JSON string of the function that began at `address` at the time `ns`, or "null". Good until
 * the next call. */
struct ct_bytes ct_code_names_find(struct ct_code_names *names, uint64_t address, uint64_t ns);

#endif
