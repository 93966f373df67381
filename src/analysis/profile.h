/* SPDX-License-Identifier: MIT */
/* Calls counted and timed by function, or by what functions and threads belong to. */
#ifndef CT_ANALYSIS_PROFILE_H
#define CT_ANALYSIS_PROFILE_H

#include <stdint.h>

#include "analysis/events.h"
#include "analysis/selection.h"
#include "analysis/session.h"
#include "base/error.h"
#include "export/progress.h"
#include "export/statistics.h"

enum ct_profile_by {
	CT_BY_FUNCTION = 0,
	CT_BY_MODULE,
	CT_BY_SOURCE,
	CT_BY_THREAD,
	CT_BY_PROCESS,
	CT_BY_CALLER, /* calls of the functions chosen, by who called */
	CT_BY_CALLEE, /* calls that the functions chosen made, by whom they called */
};

struct ct_profile_row {
	struct ct_statistic times; /* `total_ns` of recursive calls once */
	unsigned __int128 squares; /* sum of those of every duration: exact, in any order */
	uint32_t key;		   /* function (of MODULE and SOURCE: one of it), stream or input;
				    * CT_NO_CALLER: called by nothing that was recorded */
};

struct ct_profile {
	struct ct_profile_row *rows; /* with calls, in no order */
	size_t row_count;
	uint64_t calls;
	uint64_t self_ns; /* of all rows */
	uint64_t lost_events;
};

/* Of a thread. */
struct ct_stream_count {
	uint64_t calls;
	uint64_t lost_events;
};

struct ct_profile_options {
	enum ct_profile_by by;
	const bool *chosen; /* CALLER, CALLEE: by function of the session */
	ct_progress_fn *progress;
	struct ct_stream_count *streams; /* by stream of the session, zeros at first; or NULL */
};

struct ct_error *ct_profile_create(const struct ct_session *session,
				   const struct ct_selection *selection,
				   const struct ct_profile_options *options,
				   struct ct_profile **ret) __attribute__((warn_unused_result));
void ct_profile_destroy(struct ct_profile *profile);

/* Mean and standard deviation of the calls that returned; 0 when there are none. */
double ct_profile_mean(const struct ct_profile_row *row);
double ct_profile_deviation(const struct ct_profile_row *row);

#endif
