/* SPDX-License-Identifier: MIT */
/* Traces to documents, or what else the names ask for: what `json` and `recover` have in
 * common. */
#ifndef CT_CLI_CONVERT_H
#define CT_CLI_CONVERT_H

#include <stdbool.h>

#include "cli/command.h"
#include "cli/options.h"
#include "export/json.h"
#include "reader/trace.h"

/* What the command line said; what it did not say is the trace's own configuration. */
struct ct_convert {
	const char *raw;    /* the trace that is converted now */
	const char *output; /* NULL: the command's default */
	bool has_pretty, has_layout, has_nesting;
	bool pretty;
	enum ct_json_layout layout;
	uint32_t max_nesting;
	bool quiet;
	bool remove_raw;
	bool live; /* a process that still runs is fine */
};

/* What was written. */
struct ct_convert_summary {
	uint64_t calls, threads, lost_events;
};

/* The options of `json` and `recover`. */
extern const struct ct_option_group ct_convert_group;

/*
 * Reads the arguments and opens each trace that they name, or that is in CT_DEFAULT_FOLDER:
 * `one` writes its document. `name` is what that is called without -o. One trace
 * of several that fails is told, and the others are written.
 */
typedef enum ct_exit ct_convert_fn(const struct ct_convert *convert, struct ct_trace *trace,
				   const char *name, struct ct_error **err);
enum ct_exit ct_convert_each(int argc, char **argv, ct_convert_fn *one, struct ct_error **err);

/* Writes `output`. Gives CT_EXIT_OK, or another and, unless abandoned, an error. */
enum ct_exit ct_convert_run(const struct ct_convert *convert, struct ct_trace *trace,
			    const char *output, struct ct_convert_summary *summary,
			    struct ct_error **err);

#endif
