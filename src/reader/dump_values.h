/* SPDX-License-Identifier: MIT */
/* Plans and payloads as text for people: see dump.h. */
#ifndef CT_READER_DUMP_VALUES_H
#define CT_READER_DUMP_VALUES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "format/plan.h"
#include "reader/trace.h"

/* A plan's operations and the shape of its return, one a line. */
void ct_dump_plan(FILE *out, const struct ct_trace_plan *plan);

/* The bytes, in hexadecimal; and block by block, when `ops` is not NULL. */
void ct_dump_payload(FILE *out, const unsigned char *payload, size_t length,
		     const struct ct_plan_op *ops, size_t op_count);

#endif
