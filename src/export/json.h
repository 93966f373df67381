/* SPDX-License-Identifier: MIT */
/*
 * Writes a trace as the JSON document of docs/calltrace.schema.json. Memory
 * grows with distinct functions, threads and open calls, not with calls.
 */
#ifndef CT_EXPORT_JSON_H
#define CT_EXPORT_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "export/json_writer.h"
#include "export/names.h"
#include "export/output.h"
#include "export/progress.h"
#include "reader/trace.h"

enum {
	/* As many levels of calls as jq 1.6 reads: CT_JSON_JQ_NESTING, or less where values of
	 * calls are nested themselves. */
	CT_JSON_DEFAULT_NESTING = 0,
	CT_JSON_JQ_NESTING = 80,
	CT_JSON_UNLIMITED_NESTING = UINT32_MAX - 1,
};

struct ct_json_options {
	bool pretty;
	enum ct_json_layout layout;
	uint32_t max_nesting;	  /* levels of calls in `nested`; deeper ones lie flat */
	ct_names_warn_fn *warn;	  /* may be NULL */
	ct_progress_fn *progress; /* may be NULL */
};

/* What the document says of itself, for a closing sentence. */
struct ct_json_summary {
	uint64_t calls;
	uint64_t threads;
	uint64_t lost_events;
};

struct ct_error *ct_json_write(struct ct_trace *trace, const struct ct_json_options *options,
			       struct ct_output *output, struct ct_json_summary *ret)
	__attribute__((warn_unused_result));

/* What documents say of a trace, for others that say it. */
void ct_json_put_time(struct ct_json_writer *writer, const char *key, uint64_t realtime_ns);
void ct_json_put_command_line(struct ct_json_writer *writer, const struct ct_trace *trace);
const char *ct_json_clock(uint32_t kind);
const char *ct_json_end_of(const struct ct_trace *trace);

#endif
