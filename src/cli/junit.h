/* SPDX-License-Identifier: MIT */
/* Results of checks as the XML that continuous integration reads of test runs. */
#ifndef CT_CLI_JUNIT_H
#define CT_CLI_JUNIT_H

#include "analysis/checks.h"
#include "base/error.h"

/* `suite`: the name of all of them; a trace that could not be read is an error among them. The
 * file appears when it is whole. */
struct ct_error *ct_junit_write(const char *path, const char *suite,
				const struct ct_session *session, const struct ct_checks *checks)
	__attribute__((warn_unused_result));
/* The same, where there is nothing but an error. */
struct ct_error *ct_junit_write_error(const char *path, const char *suite, const char *message)
	__attribute__((warn_unused_result));

#endif
