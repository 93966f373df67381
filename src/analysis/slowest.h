/* SPDX-License-Identifier: MIT */
/*
 * The slowest calls: found in one pass over the events, looked into in a second
 * one. Memory grows with their number, not with that of calls.
 */
#ifndef CT_ANALYSIS_SLOWEST_H
#define CT_ANALYSIS_SLOWEST_H

#include <stdint.h>

#include "analysis/events.h"
#include "analysis/selection.h"
#include "analysis/session.h"
#include "base/error.h"
#include "export/progress.h"

enum {
	CT_SLOWEST_MOST = 10000,
	CT_SLOWEST_PATH_MOST = 4096, /* callers kept of one: the outermost */
};

struct ct_slow_callee {
	uint32_t function;
	uint64_t calls;
	uint64_t ns;
};

struct ct_slow_call {
	uint32_t stream, stack, function, depth;
	uint8_t end; /* enum ct_call_end */
	uint64_t start_ns, duration_ns, self_ns;
	uint32_t *path; /* functions around it, the root first */
	uint32_t path_count;
	struct ct_slow_callee *callees; /* the most time first */
	size_t callee_count;
	/* while they are looked for */
	uint64_t ordinal; /* of its end, among those of its stream */
	size_t callee_capacity;
	bool is_done;
};

struct ct_slowest {
	struct ct_slow_call *calls; /* the slowest first */
	size_t count;
	uint64_t lost_events;
};

struct ct_error *ct_slowest_create(const struct ct_session *session,
				   const struct ct_selection *selection, size_t most,
				   ct_progress_fn *progress, struct ct_slowest **ret)
	__attribute__((warn_unused_result));
void ct_slowest_destroy(struct ct_slowest *slowest);

#endif
