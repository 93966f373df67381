/* SPDX-License-Identifier: MIT */
/*
 * The first of the two walks over a trace: everything a document says before
 * the calls themselves, and the statistics.
 */
#ifndef CT_EXPORT_CENSUS_H
#define CT_EXPORT_CENSUS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "export/names.h"
#include "export/progress.h"
#include "export/statistics.h"
#include "reader/trace.h"

/* The calls of one stack of one thread. */
struct ct_tree {
	uint32_t stream;
	uint32_t stack;
	uint64_t calls;
	uint64_t first_id; /* its calls have the ids from this one on */
	uint64_t start_ns; /* of the first call */
	uint64_t end_ns;   /* of the last call to end */
	uint32_t levels;   /* calls on top of each other where it is deepest */
};

/* A call that created a thread. */
struct ct_creation {
	size_t tree;
	uint64_t serial;
	uint64_t ordinal; /* of the call in its tree; UINT64_MAX: in no call */
	uint32_t site;
};

struct ct_census {
	struct ct_tree *trees; /* by stream, then in the order of struct ct_open_stacks */
	size_t tree_count;
	size_t *first_tree;	       /* by stream; entry thread_count + 1 is tree_count */
	struct ct_creation *creations; /* sorted by serial */
	size_t creation_count;
	struct ct_statistic *statistics; /* by function of struct ct_names */
	uint32_t function_count;
	uint64_t calls;
	uint64_t calls_below; /* as deep as `limit` of ct_census_create() or deeper */
	uint64_t lost_events; /* found missing in the streams */
};

struct ct_error *ct_census_create(const struct ct_trace *trace, const struct ct_names *names,
				  uint32_t limit, ct_progress_fn *progress, struct ct_census **ret)
	__attribute__((warn_unused_result));
void ct_census_destroy(struct ct_census *census);

/* The creation with this serial, or NULL. */
const struct ct_creation *ct_census_creation(const struct ct_census *census, uint64_t serial);

#endif
