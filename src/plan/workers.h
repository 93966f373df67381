/* SPDX-License-Identifier: MIT */
/* Plans made by several processes at once, for libdw's handles are one thread's. */
#ifndef CT_PLAN_WORKERS_H
#define CT_PLAN_WORKERS_H

#include <stdint.h>

#include "plan/plan_file.h"

/* So many of `total` items are done, or being done. */
typedef void ct_plan_progress_fn(uint64_t done, uint64_t total);

/* Items that are planned each by itself. `run` adds the plans of one to `writer`, and they are the
 * same whatever was run before, in this process or not; false: out of memory. */
struct ct_work {
	size_t count;
	bool (*run)(void *context, size_t item);
	void *context;
	struct ct_plan_writer *writer; /* empty before */
	ct_plan_progress_fn *progress; /* told now and then, by the caller; may be NULL */
};

/* Processors this process may run on; at least 1. */
unsigned int ct_workers_processors(void);

/*
 * Run all items, in `workers` processes of which the caller is one. What is in
 * `writer` afterwards is the same with any number of them. An item whose worker
 * ended, or could not be started, is run again by the caller. No child is left.
 * False: out of memory.
 */
bool ct_workers_run(const struct ct_work *work, unsigned int workers);

#endif
