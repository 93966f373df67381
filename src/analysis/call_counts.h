/* SPDX-License-Identifier: MIT */
/* How many calls each thread made, and nothing else of them: the fastest way through a trace. */
#ifndef CT_ANALYSIS_CALL_COUNTS_H
#define CT_ANALYSIS_CALL_COUNTS_H

#include "analysis/profile.h"

/* `ret`: by stream of the session. */
struct ct_error *ct_call_counts(const struct ct_session *session, ct_progress_fn *progress,
				struct ct_stream_count *ret) __attribute__((warn_unused_result));

#endif
