/* SPDX-License-Identifier: MIT */
/*
 * Parameters that keep the value passed all through a function, as far as its
 * debug information names places for them: all ways through the code of the copy
 * that was compiled by itself are followed, and each place must hold what was
 * passed.
 */
#ifndef CT_PLAN_STEADY_H
#define CT_PLAN_STEADY_H

#include "plan/module.h"

struct ct_passed;

/* Fill in `copy->steady`. `passed` and `parameters` are used for it. */
void ct_steady_find(struct ct_passed *passed, struct ct_plan_origin *copy,
		    struct ct_plan_parameter_list *parameters);

#endif
