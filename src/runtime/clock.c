/* SPDX-License-Identifier: MIT */
/*
 * Clocks of the traced process: which one to use, and the points that let the
 * reader turn ticks into time. Any thread; async-signal-safe.
 */
#include "runtime/hot.h"

#include <time.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

int (*ct_clock_gettime)(int, struct timespec *);

static uint64_t read_ns(int clock)
{
	struct timespec now = {0, 0};
	ct_sys(SYS_clock_gettime, clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t ct_clock_realtime_ns(void)
{
	return read_ns(CLOCK_REALTIME);
}

uint64_t ct_clock_monotonic_ns(void)
{
	if (ct_unlikely(!ct_clock_gettime))
		return read_ns(CLOCK_MONOTONIC);
	/* libc's, for the vDSO; it fails for no clock that exists, so errno stays. */
	struct timespec now;
	ct_clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void ct_clock_init(void)
{
	ct_clock_gettime = (int (*)(int, struct timespec *))ct_next("clock_gettime");
}

/* Counts at one rate whatever the CPU does, the same on all CPUs. */
bool ct_clock_cycles_usable(void)
{
#if defined(__x86_64__)
	unsigned int a, b, c, d;
	if (!__get_cpuid(0x80000007, &a, &b, &c, &d) || !(d & 1 << 8))
		return false;
	/* The kernel drops the TSC from this list when it finds the CPUs out of step. */
	char sources[256];
	long length = ct_sys_read_file(
		"/sys/devices/system/clocksource/clocksource0/available_clocksource", sources,
		sizeof(sources) - 1);
	if (length <= 0)
		return true;
	sources[length] = '\0';
	for (const char *at = sources; *at; at++)
		if (ct_string_starts(at, "tsc"))
			return true;
	return false;
#else
	return true;
#endif
}

struct ct_clock_point ct_clock_point(void)
{
	struct ct_clock_point point = {0, 0, 0};
	if (ct_runtime.config.clock_kind == CT_CLOCK_TSC) {
		/* The tightest of a few tries: the three clocks as if read at once. */
		uint64_t best = UINT64_MAX;
		for (int i = 0; i < 3; i++) {
			uint64_t before = ct_clock_cycles();
			uint64_t monotonic_ns = ct_clock_monotonic_ns();
			uint64_t after = ct_clock_cycles();
			if (after - before >= best)
				continue;
			best = after - before;
			point.ticks = before + best / 2;
			point.monotonic_ns = monotonic_ns;
		}
	} else {
		point.monotonic_ns = ct_clock_monotonic_ns();
		point.ticks = point.monotonic_ns;
	}
	point.realtime_ns = ct_clock_realtime_ns() - (ct_clock_monotonic_ns() - point.monotonic_ns);
	return point;
}

static int latest_taken;

/* For a process that is killed: the two slots are written in turn, by one thread at a time. */
void ct_clock_save_latest(void)
{
	static unsigned int turn;
	if (__atomic_exchange_n(&latest_taken, 1, __ATOMIC_ACQUIRE))
		return;
	volatile struct ct_clock_point *slot = &ct_runtime.info->latest[turn++ & 1];
	struct ct_clock_point now = ct_clock_point();
	slot->ticks = 0;
	slot->monotonic_ns = now.monotonic_ns;
	slot->realtime_ns = now.realtime_ns;
	slot->ticks = now.ticks;
	__atomic_store_n(&latest_taken, 0, __ATOMIC_RELEASE);
}

void ct_clock_fork_child(void)
{
	latest_taken = 0;
}

uint64_t ct_clock_ticks_per_second(void)
{
	if (ct_runtime.config.clock_kind != CT_CLOCK_TSC)
		return 1000000000;
#if defined(__x86_64__)
	unsigned int a, b, c, d;
	if (__get_cpuid(0x15, &a, &b, &c, &d) && a && b && c)
		return (uint64_t)c * b / a;
	struct ct_clock_point begin = ct_clock_point(), end;
	do
		end = ct_clock_point();
	while (end.monotonic_ns - begin.monotonic_ns < 20000);
	return (end.ticks - begin.ticks) * 1000000000 / (end.monotonic_ns - begin.monotonic_ns);
#else
	uint64_t hertz;
	__asm__("mrs %0, cntfrq_el0" : "=r"(hertz));
	return hertz;
#endif
}
