/* SPDX-License-Identifier: MIT */
/* From a program or library to the plan file for its hooks. */
#ifndef CT_PLAN_PLANNER_H
#define CT_PLAN_PLANNER_H

#include "base/error.h"
#include "base/pattern.h"
#include "base/strbuf.h"
#include "format/plan.h"
#include "plan/workers.h"
#include "symbols/elf_file.h"

struct ct_planner_options {
	struct ct_plan_settings settings;
	const struct ct_patterns *filter;   /* functions that get plans; NULL: all */
	const char *debug_root;		    /* NULL: /usr/lib/debug */
	unsigned int workers;		    /* processes at most, 0: by the size of the work */
	ct_plan_progress_fn *progress;	    /* may be NULL */
	void (*warn)(const char *sentence); /* of debug information that is missing; may be NULL */
};

/* Append the whole plan file to `ret`. Debug information that is damaged gives fewer plans. */
struct ct_error *ct_planner_run(const struct ct_elf_file *file,
				const struct ct_planner_options *options, struct ct_strbuf *ret)
	__attribute__((warn_unused_result));

#endif
