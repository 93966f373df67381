/* SPDX-License-Identifier: MIT */
/* A session's traces written as one packed file (format/pack.h). */
#ifndef CT_ANALYSIS_PACK_WRITER_H
#define CT_ANALYSIS_PACK_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/session.h"
#include "base/error.h"
#include "export/output.h"
#include "export/progress.h"

struct ct_pack_options {
	int level;		  /* of zstd */
	bool verify;		  /* decode each frame again, and compare */
	ct_progress_fn *progress; /* gets blocks of the trace, and the number of all */
};

struct ct_pack_result {
	uint64_t trace_bytes; /* of the traces as they were */
	uint64_t packed_bytes;
	uint64_t calls;
	uint64_t lost_events;
};

/* Uses all processors. `output` is not committed. A trace that cannot be read to its last byte
 * is an error. */
struct ct_error *ct_pack_write(const struct ct_session *session,
			       const struct ct_pack_options *options, struct ct_output *output,
			       struct ct_pack_result *ret) __attribute__((warn_unused_result));

#endif
