/* SPDX-License-Identifier: MIT */
/* The Mann-Whitney U test: see rank_test.h. */
#include "analysis/rank_test.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"

struct ranked {
	double value;
	bool is_old;
	unsigned int twice_rank; /* of equal ones the mean rank, which may be a half */
};

static int compare_values(const void *a, const void *b)
{
	const struct ranked *left = a, *right = b;
	return (left->value > right->value) - (left->value < right->value);
}

/* Give ranks to what is sorted. Returns the sum of t^3 - t over runs of t equal values. */
static double rank(struct ranked *values, size_t count)
{
	double ties = 0;
	for (size_t i = 0, end; i < count; i = end) {
		for (end = i + 1; end < count && values[end].value == values[i].value;)
			end++;
		double equal = (double)(end - i);
		ties += equal * equal * equal - equal;
		for (size_t j = i; j < end; j++)
			values[j].twice_rank = (unsigned int)(i + 1 + end);
	}
	return ties;
}

static const struct ct_rank_result nothing = {1, 0.5};

/* `u`: the number of pairs in which the old value is the larger one, equal pairs as halves. */
static double normal_p(double u, double old_count, double new_count, double ties)
{
	double all = old_count + new_count;
	double variance = old_count * new_count / 12 * (all + 1 - ties / (all * (all - 1)));
	double distance = fabs(u - old_count * new_count / 2) - 0.5;
	if (variance <= 0 || distance <= 0)
		return 1;
	return erfc(distance / sqrt(2 * variance));
}

/*
 * In how many ways can `old_count` of the values have each sum of ranks? All ways are equally
 * likely when there is no difference.
 */
static double exact_p(const struct ranked *values, size_t count, size_t old_count)
{
	size_t sums = count * (count + 1) + 1, observed = 0;
	ct_cleanup(ct_cleanup_free) double *ways = calloc((old_count + 1) * sums, sizeof(*ways));
	double all = 0, as_far = 0;
	if (!ways)
		return NAN;
	ways[0] = 1;
	for (size_t i = 0; i < count; i++) {
		size_t own = values[i].twice_rank;
		observed += values[i].is_old ? own : 0;
		for (size_t k = i + 1 < old_count ? i + 1 : old_count; k > 0; k--)
			for (size_t sum = own; sum < sums; sum++)
				ways[k * sums + sum] += ways[(k - 1) * sums + sum - own];
	}
	double middle = (double)old_count * (double)(count + 1);
	double distance = fabs((double)observed - middle);
	for (size_t sum = 0; sum < sums; sum++) {
		all += ways[old_count * sums + sum];
		if (fabs((double)sum - middle) >= distance)
			as_far += ways[old_count * sums + sum];
	}
	return as_far / all;
}

struct ct_rank_result ct_rank_test(const double *old_values, size_t old_count,
				   const double *new_values, size_t new_count)
{
	size_t count = old_count + new_count;
	if (old_count == 0 || new_count == 0)
		return nothing;
	ct_cleanup(ct_cleanup_free) struct ranked *values = calloc(count, sizeof(*values));
	if (!values)
		return (struct ct_rank_result){NAN, 0.5};
	for (size_t i = 0; i < count; i++)
		values[i] = (struct ranked){
			.value = i < old_count ? old_values[i] : new_values[i - old_count],
			.is_old = i < old_count,
		};
	qsort(values, count, sizeof(*values), compare_values);
	double ties = rank(values, count);
	double ranks = 0, old_ones = (double)old_count, new_ones = (double)new_count;
	for (size_t i = 0; i < count; i++)
		ranks += values[i].is_old ? values[i].twice_rank / 2.0 : 0;
	double u = ranks - old_ones * (old_ones + 1) / 2;
	return (struct ct_rank_result){
		.p = count <= CT_RANK_TEST_EXACT ? exact_p(values, count, old_count)
						 : normal_p(u, old_ones, new_ones, ties),
		.more = 1 - u / (old_ones * new_ones),
	};
}

static double count_of(const struct ct_statistic *times, uint32_t group, uint32_t bucket)
{
	return times->groups[group] ? times->groups[group][bucket] : 0;
}

struct ct_rank_result ct_rank_test_histograms(const struct ct_statistic *old_times,
					      const struct ct_statistic *new_times)
{
	double old_count = 0, new_count = 0, ties = 0, u = 0;
	for (uint32_t group = 0; group < CT_HISTOGRAM_GROUPS; group++) {
		if (!old_times->groups[group] && !new_times->groups[group])
			continue;
		for (uint32_t i = 0; i < 1u << CT_HISTOGRAM_BITS; i++) {
			double old_ones = count_of(old_times, group, i);
			double new_ones = count_of(new_times, group, i);
			double equal = old_ones + new_ones;
			u += old_ones * (new_count + new_ones / 2);
			ties += equal * equal * equal - equal;
			old_count += old_ones;
			new_count += new_ones;
		}
	}
	if (old_count == 0 || new_count == 0)
		return nothing;
	return (struct ct_rank_result){normal_p(u, old_count, new_count, ties),
				       1 - u / (old_count * new_count)};
}

double ct_rank_test_least(size_t old_count, size_t new_count)
{
	double log_ways = lgamma((double)(old_count + new_count) + 1) -
			  lgamma((double)old_count + 1) - lgamma((double)new_count + 1);
	double least = 2 * exp(-log_ways);
	return least < 1 ? least : 1;
}

/* ---- many tests ---- */

struct tested {
	double p;
	size_t index;
};

static int compare_p(const void *a, const void *b)
{
	const struct tested *left = a, *right = b;
	return (left->p > right->p) - (left->p < right->p);
}

bool ct_adjust_discoveries(double *p, size_t count)
{
	ct_cleanup(ct_cleanup_free) struct tested *tests = calloc(count + 1, sizeof(*tests));
	double least = 1;
	if (!tests)
		return false;
	for (size_t i = 0; i < count; i++)
		tests[i] = (struct tested){p[i], i};
	qsort(tests, count, sizeof(*tests), compare_p);
	for (size_t i = count; i-- > 0;) {
		double adjusted = tests[i].p * (double)count / (double)(i + 1);
		if (adjusted < least)
			least = adjusted;
		p[tests[i].index] = least;
	}
	return true;
}
