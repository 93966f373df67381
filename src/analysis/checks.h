/* SPDX-License-Identifier: MIT */
/*
 * Rules that the calls of traces have to keep to, checked. Calls are read once
 * for each different choice of threads, processes and places among the rules.
 */
#ifndef CT_ANALYSIS_CHECKS_H
#define CT_ANALYSIS_CHECKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/selection.h"
#include "analysis/session.h"
#include "base/error.h"
#include "export/progress.h"

/* In the order in which they are told. */
enum ct_check_kind {
	CT_CHECK_MIN_CALLS,
	CT_CHECK_MAX_CALLS,
	CT_CHECK_NEVER_CALLED,
	CT_CHECK_ONLY_UNDER,
	CT_CHECK_MAX_MEAN,
	CT_CHECK_MAX_P50,
	CT_CHECK_MAX_P95,
	CT_CHECK_MAX_P99,
	CT_CHECK_MAX_MAX,
	CT_CHECK_MAX_TOTAL,
	CT_CHECK_MAX_SELF,
	CT_CHECK_MAX_SLOWDOWN,
	CT_CHECK_KINDS,
};

/* As rules have them: "max_calls". */
const char *ct_check_name(enum ct_check_kind kind);

struct ct_strings {
	const char *const *texts;
	size_t count;
};

struct ct_rule {
	const char *name;
	const char *function; /* a list of patterns: all of these functions taken together */
	struct ct_strings threads, processes, inside, outside,
		where;	     /* none: as the command's options */
	bool allows_missing; /* that there are no calls */
	bool has[CT_CHECK_KINDS];
	uint64_t limits[CT_CHECK_KINDS];     /* calls or ns */
	const char *only_under;		     /* a list of patterns */
	double most_slowdown;		     /* of 1 */
	enum ct_check_kind slowdown_measure; /* MAX_MEAN to MAX_SELF: of this */
	const char *baseline;		     /* path */
};

enum ct_verdict {
	CT_VERDICT_PASSED,
	CT_VERDICT_FAILED,
	CT_VERDICT_UNKNOWN, /* calls are missing, with which it might be the other one */
	CT_VERDICT_ERROR,   /* there is nothing to judge, or nothing to judge it by */
	CT_VERDICTS,
};
/* In words of one: "failed". */
const char *ct_verdict_name(enum ct_verdict verdict);

struct ct_check_result {
	const struct ct_rule *rule;
	enum ct_check_kind kind;
	enum ct_verdict verdict;
	bool has_hint; /* passed, but perhaps for another function than was meant */
	bool is_measured;
	double measured; /* calls, ns, or with MAX_SLOWDOWN percent */
	double limit;	 /* the same */
	char *message;	 /* of what was found: "450 calls, at most 300" */
	char *path;	 /* of a check that failed, NULL where there is none: "main > a > b" */
	uint64_t path_calls, path_ns;
};

struct ct_checks {
	struct ct_check_result *results; /* in the order of the rules */
	size_t count;
	size_t verdicts[CT_VERDICTS]; /* how many of each */
	uint64_t lost_events;
};

struct ct_check_options {
	const struct ct_rule *rules;
	size_t rule_count;
	struct ct_selection_options selection;
	ct_names_warn_fn *warn; /* as ct_session_open() has it */
	ct_progress_fn *progress;
};

/* Only memory and the like fail: what is wrong with one rule is told as its failure. */
struct ct_error *ct_checks_run(const struct ct_session *session,
			       const struct ct_check_options *options, struct ct_checks **ret)
	__attribute__((warn_unused_result));
void ct_checks_destroy(struct ct_checks *checks);

#endif
