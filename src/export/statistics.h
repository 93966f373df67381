/* SPDX-License-Identifier: MIT */
/*
 * Times of one function over a whole trace. Memory follows the spread of the
 * durations, not their number: a log-linear histogram, 64 buckets for each
 * doubling, whose groups of 64 are allocated when first hit.
 */
#ifndef CT_EXPORT_STATISTICS_H
#define CT_EXPORT_STATISTICS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	CT_HISTOGRAM_BITS = 6, /* 64 buckets per doubling: a bucket's middle is at most 0.8 % off */
	CT_HISTOGRAM_GROUPS = 64 - CT_HISTOGRAM_BITS + 1,
};

struct ct_statistic {
	uint64_t calls;	     /* all, unfinished ones too */
	uint64_t unfinished; /* have no duration: not in what follows but total and self */
	uint64_t total_ns;   /* of the outermost activations: recursion counts once */
	uint64_t self_ns;
	uint64_t sum_ns; /* of every duration */
	uint64_t min_ns; /* of no use while calls == unfinished */
	uint64_t max_ns;
	uint32_t *groups[CT_HISTOGRAM_GROUPS]; /* counts; stop at UINT32_MAX */
};

void ct_statistic_deinit(struct ct_statistic *statistic);

/* Count a group's first duration: allocates. */
bool ct_statistic_grow(struct ct_statistic *statistic, uint32_t group);

/* Which bucket a duration falls into: `group`, and the number in it. */
static inline uint32_t ct_histogram_bucket(uint64_t duration_ns, uint32_t *group)
{
	if (duration_ns < 1u << CT_HISTOGRAM_BITS) {
		*group = 0;
		return (uint32_t)duration_ns;
	}
	uint32_t shift = 63u - (uint32_t)__builtin_clzll(duration_ns) - CT_HISTOGRAM_BITS;
	*group = shift + 1;
	return (uint32_t)(duration_ns >> shift) & ((1u << CT_HISTOGRAM_BITS) - 1);
}

/* Add the duration of a call that returned. False: out of memory. */
static inline bool ct_statistic_add(struct ct_statistic *statistic, uint64_t duration_ns)
{
	uint32_t group;
	uint32_t bucket = ct_histogram_bucket(duration_ns, &group);
	if (!statistic->groups[group] && !ct_statistic_grow(statistic, group))
		return false;
	uint32_t *count = &statistic->groups[group][bucket];
	*count += *count != UINT32_MAX;
	statistic->sum_ns += duration_ns;
	if (duration_ns < statistic->min_ns || statistic->calls == statistic->unfinished)
		statistic->min_ns = duration_ns;
	if (duration_ns > statistic->max_ns)
		statistic->max_ns = duration_ns;
	statistic->calls++;
	return true;
}

/* Add what `from` counted. False: out of memory. */
bool ct_statistic_merge(struct ct_statistic *to, const struct ct_statistic *from);

/* The duration that `percent` of 100 calls do not exceed (nearest rank); 0 when there is none. */
uint64_t ct_statistic_percentile(const struct ct_statistic *statistic, unsigned int percent);

#endif
