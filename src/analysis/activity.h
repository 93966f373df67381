/* SPDX-License-Identifier: MIT */
/*
 * What running processes are doing: calls and time of each function since the
 * last look. Memory grows with functions, sites, threads and open calls.
 * Time is given to the innermost call as it passes, so that a call which has
 * not returned yet counts, too.
 */
#ifndef CT_ANALYSIS_ACTIVITY_H
#define CT_ANALYSIS_ACTIVITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct ct_activity;

struct ct_activity_row {
	const char *name;	 /* demangled; never "" */
	size_t name_number;	 /* of ct_activity_name() */
	const char *module;	 /* path; "" where it is not known */
	uint64_t calls, self_ns; /* since the snapshot before */
	uint64_t total_calls,
		total_self_ns; /* since the activity was created, or the process began */
};

enum ct_activity_sort {
	CT_ACTIVITY_BY_SELF = 0,
	CT_ACTIVITY_BY_CALLS,
	CT_ACTIVITY_BY_TOTAL_SELF,
	CT_ACTIVITY_BY_TOTAL_CALLS,
};

struct ct_activity_snapshot {
	const struct ct_activity_row *rows; /* until the next snapshot */
	size_t row_count;
	bool is_first;	      /* that has a process: its interval is all the time until now */
	uint64_t interval_ns; /* of the first: what the process lasted that began first */
	uint64_t calls;	      /* of all functions, in the interval */
	uint64_t lost_events, skipped_pieces; /* since the beginning */
	uint32_t running, ended;	      /* processes */
	uint32_t threads;		      /* of running ones */
};

struct ct_error *ct_activity_create(struct ct_activity **ret) __attribute__((warn_unused_result));
void ct_activity_destroy(struct ct_activity *activity);

/* A trace, or a folder whose traces are all taken, also those that appear later. */
struct ct_error *ct_activity_add(struct ct_activity *activity, const char *path)
	__attribute__((warn_unused_result));

/* Read what was written, and sum up; at most `most` rows, those that come first by `sort`. */
struct ct_error *ct_activity_look(struct ct_activity *activity, enum ct_activity_sort sort,
				  size_t most, struct ct_activity_snapshot *ret)
	__attribute__((warn_unused_result));

/* The names that rows have had until now, in the order in which they came: a number keeps its
 * name. */
size_t ct_activity_name_count(const struct ct_activity *activity);
const char *ct_activity_name(const struct ct_activity *activity, size_t number);

/* The rows of a snapshot in another order; nothing is read. */
struct ct_error *ct_activity_rank(struct ct_activity *activity, enum ct_activity_sort sort,
				  size_t most, struct ct_activity_snapshot *shot)
	__attribute__((warn_unused_result));

#endif
