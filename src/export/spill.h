/* SPDX-License-Identifier: MIT */
/*
 * Text of many coroutine stacks that comes interleaved and must be given back
 * stack by stack. It waits in a nameless temporary file; a bounded number of
 * stacks have a buffer in memory, the one used longest ago gives way.
 */
#ifndef CT_EXPORT_SPILL_H
#define CT_EXPORT_SPILL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "export/sink.h"

struct ct_spill;

struct ct_error *ct_spill_create(struct ct_spill **ret) __attribute__((warn_unused_result));
void ct_spill_destroy(struct ct_spill *spill);

/* The sink for stack `index`, to be used until the next call; NULL: out of memory. */
struct ct_sink *ct_spill_sink(struct ct_spill *spill, uint32_t index);

/* Copy what stack `index` got to `to`. */
struct ct_error *ct_spill_copy(struct ct_spill *spill, uint32_t index, struct ct_sink *to)
	__attribute__((warn_unused_result));

#endif
