/* SPDX-License-Identifier: MIT */
/* Reading a command's arguments; what is wrong with them, as one sentence. */
#ifndef CT_CLI_ARGUMENTS_H
#define CT_CLI_ARGUMENTS_H

#include <getopt.h>
#include <stdint.h>

#include "base/error.h"

/* The next option as getopt_long() gives it; on a bad one '?' and an error. */
int ct_arguments_next(int argc, char **argv, const char *short_options,
		      const struct option *options, struct ct_error **err);

/* The one operand there must be. */
struct ct_error *ct_arguments_one(int argc, char **argv, const char *what, const char **ret)
	__attribute__((warn_unused_result));

/* A whole number from `low` on. */
struct ct_error *ct_arguments_number(const char *option, const char *text, uint64_t low,
				     uint64_t high, uint64_t *ret)
	__attribute__((warn_unused_result));

#endif
