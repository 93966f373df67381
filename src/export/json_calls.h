/* SPDX-License-Identifier: MIT */
/* The second walk over a trace: writes every call. */
#ifndef CT_EXPORT_JSON_CALLS_H
#define CT_EXPORT_JSON_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "export/census.h"
#include "export/json_writer.h"
#include "export/names.h"
#include "export/output.h"
#include "export/values.h"
#include "reader/trace.h"

struct ct_json_calls {
	const struct ct_trace *trace;
	const struct ct_names *names;
	const struct ct_census *census;
	struct ct_values *values; /* NULL: nothing was captured */
	struct ct_output *output;
	struct ct_json_writer *writer;
	void *context; /* for begin_tree */
	ct_progress_fn *progress;
	uint32_t limit; /* calls this deep or deeper lie flat in their ancestor's children */
	bool pretty;
};

/*
 * Writes the trees of one thread, each an object of the array that is open in
 * `writer`; `begin_tree` writes the members before root_calls.
 */
struct ct_error *ct_json_write_stream(const struct ct_json_calls *calls, uint32_t stream,
				      void (*begin_tree)(const struct ct_json_calls *calls,
							 const struct ct_tree *tree))
	__attribute__((warn_unused_result));

#endif
