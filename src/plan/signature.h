/* SPDX-License-Identifier: MIT */
/* Parameters that are in a function's signature and not in its debug information. */
#ifndef CT_PLAN_SIGNATURE_H
#define CT_PLAN_SIGNATURE_H

#include "plan/module.h"

struct ct_passed;

/*
 * Insert what Clang's debug information of `function`, which is not optimized,
 * lacks, in its place. `observed`: of each parameter of the list the register or
 * the place on the stack that its address came in, NULL where that is not known;
 * NULL: of none.
 */
void ct_signature_complete(struct ct_passed *passed, Dwarf_Die *function,
			   struct ct_plan_parameter_list *list,
			   const struct ct_expr *const *observed);

#endif
