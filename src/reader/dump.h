/* SPDX-License-Identifier: MIT */
/* What a trace file holds, block for block, as text for people who look for a fault in it. */
#ifndef CT_READER_DUMP_H
#define CT_READER_DUMP_H

#include <stdio.h>

#include "reader/trace.h"

struct ct_dump_options {
	uint32_t stream; /* this one's thread and records alone; 0: everything */
	uint64_t limit;	 /* print at most this many records; 0: all */
	/* The function's name at a site, printed after its address; NULL: addresses alone. */
	struct ct_bytes (*name_of)(const void *names, uint32_t site);
	const void *names; /* for name_of */
};

/* Writing errors stop it and are left for the caller to find in `out`. */
struct ct_error *ct_dump(const struct ct_trace *trace, FILE *out,
			 const struct ct_dump_options *options) __attribute__((warn_unused_result));

#endif
