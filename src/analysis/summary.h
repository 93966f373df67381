/* SPDX-License-Identifier: MIT */
/* What a packed file says of its calls without their being read: format/pack.h, SUMMARY. */
#ifndef CT_ANALYSIS_SUMMARY_H
#define CT_ANALYSIS_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/profile.h"
#include "analysis/session.h"
#include "reader/columns.h"

/* CT_SUMMARY_COLUMNS of the session's profile by function. False: out of memory. */
bool ct_summary_store(const struct ct_session *session, const struct ct_profile *profile,
		      const struct ct_stream_count *streams, struct ct_columns *ret);

/*
 * Of a session whose traces are whole packed files: add what their summaries say
 * to rows by function of the session, and to `streams` (may be NULL), by stream.
 * False where one has none, or part of a file is not in the session: what was added
 * is to be thrown away. `*nomem` tells when memory ran out.
 */
bool ct_summary_add(const struct ct_session *session, struct ct_profile_row *rows,
		    struct ct_stream_count *streams, bool *nomem);

#endif
