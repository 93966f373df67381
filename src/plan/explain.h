/* SPDX-License-Identifier: MIT */
/* What a plan file says, in words: for people who ask why a value is not there. */
#ifndef CT_PLAN_EXPLAIN_H
#define CT_PLAN_EXPLAIN_H

#include "base/pattern.h"
#include "base/strbuf.h"
#include "plan/hook_sites.h"
#include "plan/names.h"
#include "plan/plan_file.h"

/* How many hooks have plans, and how many values are there. */
void ct_plan_summarize(const struct ct_plan_file *file, const struct ct_hook_sites *sites,
		       struct ct_strbuf *ret);

/* Each hook, each parameter, and where it is. `patterns`: functions to list; NULL: all. */
void ct_plan_list(const struct ct_plan_file *file, const struct ct_hook_sites *sites,
		  const struct ct_plan_names *names, const struct ct_patterns *patterns,
		  struct ct_strbuf *ret);

/* Where a description's walk is: over one node and all that belongs to it. False: damaged. */
struct ct_cursor;
bool ct_plan_skip_node(struct ct_cursor *cur, unsigned int nesting);

#endif
