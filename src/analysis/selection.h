/* SPDX-License-Identifier: MIT */
/*
 * Which calls of a session a command looks at: the options that all of them
 * take, and what they mean for this session's functions and threads.
 *
 * A call that is left out by its function, its depth, --where, --inside or --outside is
 * as if it had not been recorded: its time is its caller's own, its callees
 * are its caller's. One that is left out by its time or duration is not shown,
 * but its time is not its caller's own.
 */
#ifndef CT_ANALYSIS_SELECTION_H
#define CT_ANALYSIS_SELECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/session.h"
#include "export/condition.h"

/* As they were given; zeros: everything. Lists of patterns as in base/pattern.h. */
struct ct_selection_options {
	const char *const *functions; /* these alone */
	size_t function_count;
	const char *const *excluded;
	size_t excluded_count;
	const char *const *inside; /* calls of these, and below; conditions, too */
	size_t inside_count;
	const char *const *outside; /* not these, nor anything below; the same */
	size_t outside_count;
	const char *const *threads; /* ids, or globs for names */
	size_t thread_count;
	const char *const *processes; /* ids, or globs for programs' names */
	size_t process_count;
	const char *const *where; /* calls for which one of these conditions holds */
	size_t where_count;
	const char *time; /* "A..B", each a time from the start or nothing */
	uint64_t min_duration_ns;
	uint64_t max_depth; /* levels of calls; 0: all */
};

/* What a function is to the selection. */
enum {
	CT_SELECT_SHOWN = 1,
	CT_SELECT_INSIDE = 2,
	CT_SELECT_OUTSIDE = 4,
	CT_SELECT_ASK = 8,    /* its calls are asked: see ct_selection_ask() */
	CT_SELECT_HOLDS = 16, /* of the answer: a condition of --where holds */
};

/* What follows when a condition holds for a call. */
struct ct_selection_condition {
	struct ct_condition *condition;
	uint8_t effect; /* CT_SELECT_INSIDE, OUTSIDE or HOLDS */
};
enum { CT_SELECTION_CONDITIONS_MAX = 64 };

struct ct_selection {
	uint8_t *function_flags; /* by function of the session */
	bool *streams;		 /* by stream of the session */
	bool has_inside;
	uint64_t from_ns, to_ns; /* calls that begin between, `to_ns` excluded */
	uint64_t min_duration_ns;
	uint32_t max_depth;
	bool is_everything;
	/* conditions on values; by function, a bit for each that is about it */
	struct ct_selection_condition conditions[CT_SELECTION_CONDITIONS_MAX];
	size_t condition_count;
	uint64_t *function_conditions; /* NULL: there are none */
	uint64_t late_conditions;      /* those of what is returned */
	bool has_where;
	struct ct_values **values; /* by input; NULL: nothing was captured */
	size_t input_count;
};

/* What makes no sense in the options, whatever the traces hold. */
struct ct_error *ct_selection_check(const struct ct_selection_options *options)
	__attribute__((warn_unused_result));
/* The same of a text alone; --inside and --outside take patterns as well as conditions. */
struct ct_error *ct_selection_check_condition(const char *text, bool may_be_pattern)
	__attribute__((warn_unused_result));
struct ct_error *ct_selection_create(const struct ct_session *session,
				     const struct ct_selection_options *options,
				     struct ct_selection **ret) __attribute__((warn_unused_result));
void ct_selection_destroy(struct ct_selection *selection);

/* Which of the conditions `among` hold, as far as they are of the arguments, or of the result. */
uint64_t ct_selection_holding(const struct ct_selection *selection, struct ct_values *values,
			      uint32_t site, struct ct_value_bytes payload, uint64_t among,
			      bool of_result);
/* What follows from those that hold: effects. */
uint8_t ct_selection_effects(const struct ct_selection *selection, uint64_t holding);

/* The patterns of a list that fit no function. */
struct ct_unfit {
	char *text;    /* "'a', 'f' (did you mean '*::f'?)"; NULL: each fits one */
	bool has_hint; /* there is such a question in it */
};
void ct_unfit_deinit(struct ct_unfit *unfit);

/* Which functions `text`, a list of patterns, means, by function of the session; `option` is for
 * errors. */
struct ct_error *ct_selection_find(const struct ct_session *session, const char *option,
				   const char *text, bool *ret, struct ct_unfit *ret_unfit)
	__attribute__((warn_unused_result));
/* The same; a pattern that fits none is an error. */
struct ct_error *ct_selection_match(const struct ct_session *session, const char *option,
				    const char *text, bool *ret)
	__attribute__((warn_unused_result));

#endif
