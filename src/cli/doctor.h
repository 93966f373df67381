/* SPDX-License-Identifier: MIT */
/* The check-ups of `calltrace doctor`. */
#ifndef CT_CLI_DOCTOR_H
#define CT_CLI_DOCTOR_H

#include "base/error.h"
#include "cli/findings.h"

/* Command, library, settings, clock, limits, and `folder`, where the trace is to go. Makes a
 * trace of a few calls there, and removes it. */
struct ct_error *ct_doctor_machine(const char *folder, struct ct_findings *ret)
	__attribute__((warn_unused_result));

/* What ct_doctor_machine() runs to have something to record. */
void ct_doctor_make_calls(void);

/* A program, as it would be given to `calltrace record`; it is not run. An error when there is
 * no such file. */
struct ct_error *ct_doctor_program(const char *name, struct ct_findings *ret)
	__attribute__((warn_unused_result));

#endif
