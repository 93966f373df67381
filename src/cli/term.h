/* SPDX-License-Identifier: MIT */
/* What the commands say on standard error while they work. */
#ifndef CT_CLI_TERM_H
#define CT_CLI_TERM_H

#include <stdint.h>

#include "cli/command.h"

/* One sentence, on a line of its own: "calltrace: ...". */
void ct_term_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A ct_names_warn_fn. */
void ct_term_warn(const char *sentence);

/* What was found damaged of the traces that were read, which are closed by now; the status that is
 * right then. */
enum ct_exit ct_term_tell_damage(enum ct_exit status);

/* A ct_progress_fn: a line that is written over, on a terminal and when it takes long. */
void ct_term_progress(uint64_t calls, uint64_t total);

/* The same, a ct_plan_progress_fn. */
void ct_term_plan_progress(uint64_t done, uint64_t total);

/* The same while debug information is read. */
void ct_term_survey_progress(uint64_t done, uint64_t total);

/* Take the progress line away. */
void ct_term_clear(void);

#endif
