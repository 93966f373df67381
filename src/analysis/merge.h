/* SPDX-License-Identifier: MIT */
/*
 * The calls of all threads of a selection in one order, that of time. Memory
 * grows with threads and open calls. A call without others inside comes whole.
 */
#ifndef CT_ANALYSIS_MERGE_H
#define CT_ANALYSIS_MERGE_H

#include <stdbool.h>
#include <stddef.h>

#include "analysis/events.h"
#include "analysis/selection.h"
#include "analysis/session.h"
#include "base/error.h"

struct ct_merged {
	size_t stream;
	struct ct_event event;
	bool is_whole;	     /* a BEGIN, of which `end` is the END */
	struct ct_event end; /* comes at the time of its BEGIN */
};

struct ct_merge;

struct ct_error *ct_merge_create(const struct ct_session *session,
				 const struct ct_selection *selection, struct ct_merge **ret)
	__attribute__((warn_unused_result));
void ct_merge_destroy(struct ct_merge *merge);
/* False at the end, or when memory ran out (ct_merge_failed()). Values are good until the next. */
bool ct_merge_next(struct ct_merge *merge, struct ct_merged *ret);
bool ct_merge_failed(const struct ct_merge *merge);
/* Threads that are selected. */
size_t ct_merge_stream_count(const struct ct_merge *merge);

#endif
