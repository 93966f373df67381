/* SPDX-License-Identifier: MIT */
/*
 * The file a document goes to. A thread of its own writes, so that formatting
 * and the kernel's copying overlap. A regular file appears under its name only
 * when it is whole: it is written beside it and renamed. Anything else that
 * exists (a pipe, a device) and "-" (standard output) is written directly.
 */
#ifndef CT_EXPORT_OUTPUT_H
#define CT_EXPORT_OUTPUT_H

#include <stdbool.h>

#include "base/error.h"
#include "export/sink.h"

struct ct_output;

struct ct_error *ct_output_create(const char *path, struct ct_output **ret)
	__attribute__((warn_unused_result));
/* Removes what was written unless ct_output_commit() succeeded. */
void ct_output_destroy(struct ct_output *output);

struct ct_sink *ct_output_sink(struct ct_output *output);
/* A write failed: nothing of what follows will be kept. */
bool ct_output_failed(const struct ct_output *output);
/* The failure was that nobody reads the pipe any more. */
bool ct_output_is_abandoned(const struct ct_output *output);

/* Wait for the last byte and give the file its name. */
struct ct_error *ct_output_commit(struct ct_output *output) __attribute__((warn_unused_result));

/*
 * Remove the unfinished file of this process, if there is one.
 * Async-signal-safe: for handlers of signals that end the process.
 */
void ct_output_remove_unfinished(void);

#endif
