/* SPDX-License-Identifier: MIT */
/*
 * The runtime's reader of plan files (runtime/plan.c) and what follows plans
 * (runtime/values.c), in a process that is no traced program: with memory whose
 * bounds a sanitizer knows, and pointers that lead anywhere.
 */
#ifndef USE_PLANS_H
#define USE_PLANS_H

#include <stddef.h>
#include <stdint.h>

struct used_plans {
	uint64_t plans;	  /* in the file's index */
	uint64_t refused; /* by the runtime, of the first ones */
};

/*
 * Put the plan file where the runtime looks for it, have every plan in it
 * checked and followed, and what that gives split by the reader. Stops the
 * program where they do not agree, or more is written than there is room for.
 */
struct used_plans use_plans(const void *bytes, size_t size_bytes);

#endif
