/* SPDX-License-Identifier: MIT */
/*
 * Is what was measured twice different? The rank sum test of Mann, Whitney and
 * Wilcoxon, two-sided; and the correction for having asked many times.
 */
#ifndef CT_ANALYSIS_RANK_TEST_H
#define CT_ANALYSIS_RANK_TEST_H

#include <stdbool.h>
#include <stddef.h>

#include "export/statistics.h"

/* Together at most so many values are tested exactly, with ties, too; more by the normal
 * approximation, corrected for ties and continuity. */
enum { CT_RANK_TEST_EXACT = 24 };

struct ct_rank_result {
	double p;    /* that samples of one distribution differ as much; NAN: memory ran out */
	double more; /* share of the pairs in which the new value is larger; equal ones as halves */
};

/* Of empty samples p is 1. */
struct ct_rank_result ct_rank_test(const double *old_values, size_t old_count,
				   const double *new_values, size_t new_count);
/* The same of the durations in histograms; those in one bucket count as equal. */
struct ct_rank_result ct_rank_test_histograms(const struct ct_statistic *old_times,
					      const struct ct_statistic *new_times);
/* The least p that ct_rank_test() can give for samples of these sizes. */
double ct_rank_test_least(size_t old_count, size_t new_count);

/* Benjamini and Hochberg: `p` becomes the false discovery rate at which each would still be
 * one. False: memory ran out. */
bool ct_adjust_discoveries(double *p, size_t count);

#endif
