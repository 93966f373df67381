/* SPDX-License-Identifier: MIT */
/* Times of one function: see statistics.h. */
#include "export/statistics.h"

#include <stdlib.h>

enum { BUCKETS = 1 << CT_HISTOGRAM_BITS };

void ct_statistic_deinit(struct ct_statistic *statistic)
{
	for (int group = 0; group < CT_HISTOGRAM_GROUPS; group++)
		free(statistic->groups[group]);
}

bool ct_statistic_grow(struct ct_statistic *statistic, uint32_t group)
{
	statistic->groups[group] = calloc(BUCKETS, sizeof(uint32_t));
	return statistic->groups[group] != NULL;
}

bool ct_statistic_merge(struct ct_statistic *to, const struct ct_statistic *from)
{
	if (from->calls > from->unfinished) {
		if (to->calls == to->unfinished || from->min_ns < to->min_ns)
			to->min_ns = from->min_ns;
		if (from->max_ns > to->max_ns)
			to->max_ns = from->max_ns;
	}
	to->calls += from->calls;
	to->unfinished += from->unfinished;
	to->total_ns += from->total_ns;
	to->self_ns += from->self_ns;
	to->sum_ns += from->sum_ns;
	for (uint32_t group = 0; group < CT_HISTOGRAM_GROUPS; group++) {
		if (!from->groups[group])
			continue;
		if (!to->groups[group] && !ct_statistic_grow(to, group))
			return false;
		for (uint32_t i = 0; i < BUCKETS; i++) {
			uint32_t sum = to->groups[group][i] + from->groups[group][i];
			to->groups[group][i] = sum < from->groups[group][i] ? UINT32_MAX : sum;
		}
	}
	return true;
}

static uint64_t bucket_middle(uint32_t group, uint32_t bucket)
{
	if (group == 0)
		return bucket;
	uint64_t low = (uint64_t)(BUCKETS + bucket) << (group - 1);
	return low + ((UINT64_C(1) << (group - 1)) - 1) / 2;
}

static uint64_t counted(const struct ct_statistic *statistic)
{
	uint64_t sum = 0;
	for (uint32_t group = 0; group < CT_HISTOGRAM_GROUPS; group++)
		for (uint32_t i = 0; statistic->groups[group] && i < BUCKETS; i++)
			sum += statistic->groups[group][i];
	return sum;
}

uint64_t ct_statistic_percentile(const struct ct_statistic *statistic, unsigned int percent)
{
	uint64_t count = counted(statistic);
	if (count == 0)
		return 0;
	/* ceil(count * percent / 100) without overflow, at least 1 */
	uint64_t rank = count / 100 * percent + (count % 100 * percent + 99) / 100;
	if (rank == 0)
		rank = 1;
	if (rank == count)
		return statistic->max_ns;
	uint64_t seen = 0;
	for (uint32_t group = 0; group < CT_HISTOGRAM_GROUPS; group++) {
		for (uint32_t i = 0; statistic->groups[group] && i < BUCKETS; i++) {
			seen += statistic->groups[group][i];
			if (seen < rank)
				continue;
			uint64_t middle = bucket_middle(group, i);
			if (middle < statistic->min_ns)
				return statistic->min_ns;
			return middle > statistic->max_ns ? statistic->max_ns : middle;
		}
	}
	return statistic->max_ns;
}
