/* SPDX-License-Identifier: MIT */
/* Scaling the clock of a trace to nanoseconds: docs/format.md, "Clock". */
#include <time.h>

#include "reader/trace_private.h"

/* What a clock can be: a counter of 1 MHz (arm64) to 64 GHz. Two points that say otherwise are
 * damaged; within it the multiplier keeps 48 bits or more and never overflows. */
enum { MAX_NS_PER_TICK = 1000, MAX_TICKS_PER_NS = 64 };

/* Closer points than this give a poorer rate than an estimate. */
enum { MIN_SPAN_NS = 100000 };

static bool rate_is_plausible(uint64_t ticks, uint64_t ns)
{
	unsigned __int128 most_ns = (unsigned __int128)ticks * MAX_NS_PER_TICK;
	unsigned __int128 most_ticks = (unsigned __int128)ns * MAX_TICKS_PER_NS;
	return ticks && ns && ns <= most_ns && ticks <= most_ticks;
}

static bool point_is_usable(const struct ct_clock_point *start, const struct ct_clock_point *point)
{
	return point->ticks > start->ticks && point->monotonic_ns > start->monotonic_ns &&
	       rate_is_plausible(point->ticks - start->ticks,
				 point->monotonic_ns - start->monotonic_ns);
}

static const struct ct_clock_point *second_point(const struct ct_file_info *info)
{
	const struct ct_clock_point *newest = NULL;
	if (point_is_usable(&info->start, &info->end))
		return &info->end;
	for (int i = 0; i < 2; i++) {
		const struct ct_clock_point *point = &info->latest[i];
		if (point_is_usable(&info->start, point) &&
		    (!newest || point->ticks > newest->ticks))
			newest = point;
	}
	return newest;
}

static uint64_t multiplier(uint64_t ticks, uint64_t ns)
{
	return (uint64_t)(((unsigned __int128)ns << CT_SCALE_SHIFT) / ticks);
}

struct ct_scale ct_scale_of(const struct ct_file_info *info)
{
	static const uint64_t second_ns = 1000000000;
	struct ct_scale scale = {info->start.ticks, UINT64_C(1) << CT_SCALE_SHIFT, false};
	if (info->clock_kind == CT_CLOCK_MONOTONIC)
		return scale;
	if (info->clock_kind == CT_CLOCK_NONE) {
		scale.mult = 0;
		return scale;
	}
	const struct ct_clock_point *point = second_point(info);
	bool has_estimate = rate_is_plausible(info->ticks_per_second, second_ns);
	if (point &&
	    (point->monotonic_ns - info->start.monotonic_ns >= MIN_SPAN_NS || !has_estimate)) {
		scale.mult = multiplier(point->ticks - info->start.ticks,
					point->monotonic_ns - info->start.monotonic_ns);
	} else if (has_estimate) {
		scale.mult = multiplier(info->ticks_per_second, second_ns);
	} else {
		scale.guessed = true;
	}
	return scale;
}

uint64_t ct_clock_points_ns(const struct ct_file_info *info)
{
	const struct ct_clock_point *points[] = {&info->latest[0], &info->latest[1], &info->end};
	uint64_t longest = 0;
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		if (points[i]->ticks == 0 || points[i]->monotonic_ns <= info->start.monotonic_ns)
			continue;
		uint64_t ns = points[i]->monotonic_ns - info->start.monotonic_ns;
		if (ns > longest)
			longest = ns;
	}
	return longest;
}

uint64_t ct_clock_ticks_now(const struct ct_file_info *info)
{
	struct timespec now;
	const struct ct_clock_point *start = &info->start;
	const struct ct_scale scale = ct_scale_of(info);
	clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t now_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	if (scale.mult == 0 || now_ns <= start->monotonic_ns)
		return 0;
	unsigned __int128 ticks =
		((unsigned __int128)(now_ns - start->monotonic_ns) << CT_SCALE_SHIFT) / scale.mult;
	return ticks > UINT64_MAX - start->ticks ? 0 : start->ticks + (uint64_t)ticks;
}
