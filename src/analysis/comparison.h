/* SPDX-License-Identifier: MIT */
/*
 * The functions of older and newer runs, side by side, with a verdict on each.
 * Memory grows with functions and runs. A run is the traces that have one run
 * id; the session holds both sides', the older ones' operands first.
 */
#ifndef CT_ANALYSIS_COMPARISON_H
#define CT_ANALYSIS_COMPARISON_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/selection.h"
#include "analysis/session.h"
#include "base/error.h"
#include "export/progress.h"
#include "export/statistics.h"

enum ct_side { CT_OLD, CT_NEW, CT_SIDES };

enum ct_compared_time { CT_COMPARE_SELF, CT_COMPARE_TOTAL };
/* Of what the test's samples are made. */
enum ct_test_over {
	CT_TEST_AUTO,  /* RUNS where they are enough for a verdict, else CALLS */
	CT_TEST_RUNS,  /* of each run the mean time of a call, and the number of calls */
	CT_TEST_CALLS, /* the time of each call; numbers of calls are compared without a test */
};

/* What became of a function's time for each call, or of its number of calls. */
enum ct_verdict { CT_SAME, CT_LESS, CT_MORE };

struct ct_run_sums {
	uint64_t calls, returned;
	uint64_t self_ns, total_ns; /* `total_ns`: of recursive calls once */
	uint64_t sum_ns;	    /* of the durations of those that returned */
};

/* A function as it is on both sides. */
struct ct_compared {
	uint32_t functions[CT_SIDES]; /* of the session; CT_NO_FUNCTION: it was not called */
	struct ct_run_sums sums[CT_SIDES];
	struct ct_statistic *durations; /* by side; of the calls that returned */
	double self_ns[CT_SIDES];	/* the median of the runs */
	double total_ns[CT_SIDES];
	double calls[CT_SIDES];
	/* what is compared, the time of a call: of all of them the mean, or of the runs' means
	 * the median; NAN: none returned */
	double call_ns[CT_SIDES];
	double time_p, calls_p;	      /* corrected; NAN: not tested */
	double time_more, calls_more; /* as struct ct_rank_result has it */
	enum ct_verdict time, frequency;
};
#define CT_NO_FUNCTION UINT32_MAX

struct ct_comparison_options {
	enum ct_compared_time measure;
	enum ct_test_over over;
	bool is_uncorrected; /* for the number of tests */
	double least_change; /* of 1: smaller changes are none */
	double least_share;  /* of 1: of the time of either side; times of others are not tested */
	double alpha;
	ct_progress_fn *progress;
};

struct ct_comparison {
	struct ct_compared *rows; /* the largest change first */
	size_t row_count;
	uint32_t runs[CT_SIDES];
	struct ct_run_sums sums[CT_SIDES];
	uint64_t lost_events;
	enum ct_test_over over; /* RUNS or CALLS */
	size_t test_count;
	bool is_exact;
	bool has_times; /* false: a trace was recorded without a clock, calls alone are compared */
	double least_p; /* RUNS: the least the test can give, not corrected */
	struct ct_statistic *statistics;
	size_t statistic_count;
};

/* `old_operands`: how many of the paths the session was opened with are the older side. Times of
 * the session count from the start of each run afterwards. */
struct ct_error *ct_comparison_create(struct ct_session *session, size_t old_operands,
				      const struct ct_selection *selection,
				      const struct ct_comparison_options *options,
				      struct ct_comparison **ret)
	__attribute__((warn_unused_result));
void ct_comparison_destroy(struct ct_comparison *comparison);

/* Only one side calls it. */
static inline bool ct_compared_is_lone(const struct ct_compared *row)
{
	return row->functions[CT_OLD] == CT_NO_FUNCTION || row->functions[CT_NEW] == CT_NO_FUNCTION;
}

/* Of what is compared, the time of the median run. */
static inline double ct_compared_ns(const struct ct_compared *row, enum ct_compared_time measure,
				    enum ct_side side)
{
	return measure == CT_COMPARE_SELF ? row->self_ns[side] : row->total_ns[side];
}

#endif
