/* SPDX-License-Identifier: MIT */
/* A raw trace to a document, or what else its name asks for: what `json` and `recover` have in
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
	const char *raw;
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
/* Reads their arguments. */
struct ct_error *ct_convert_parse(int argc, char **argv, struct ct_convert *ret)
	__attribute__((warn_unused_result));

/* Opens the raw trace; refuses one that is still being written, unless told otherwise. */
struct ct_error *ct_convert_open(const struct ct_convert *convert, struct ct_trace **ret)
	__attribute__((warn_unused_result));

/* The raw trace's name with .json in place of .ctrace; NULL: out of memory. */
char *ct_convert_default_output(const char *raw);

/* Writes `output`. Gives CT_EXIT_OK, or another and, unless abandoned, an error. */
enum ct_exit ct_convert_run(const struct ct_convert *convert, struct ct_trace *trace,
			    const char *output, struct ct_convert_summary *summary,
			    struct ct_error **err);

#endif
