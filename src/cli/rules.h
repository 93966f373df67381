/* SPDX-License-Identifier: MIT */
/* The rules of `calltrace check`, read from a TOML file. */
#ifndef CT_CLI_RULES_H
#define CT_CLI_RULES_H

#include <stddef.h>

#include "analysis/checks.h"
#include "base/error.h"

struct ct_rules;

/* A key or value that makes no sense is an error that says where. */
struct ct_error *ct_rules_read(const char *path, struct ct_rules **ret)
	__attribute__((warn_unused_result));
void ct_rules_destroy(struct ct_rules *rules);

const struct ct_rule *ct_rules_all(const struct ct_rules *rules, size_t *ret_count);

#endif
