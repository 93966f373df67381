/* SPDX-License-Identifier: MIT */
/*
 * Timers interrupt traced code, hooks too, every argv[1] microseconds until
 * argv[2] signals were handled. "nested" as argv[3]: another timer interrupts
 * the handlers; "tight": calls follow each other at once, so that many signals
 * hit a hook. Prints how often each function was called.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "guest.h"

static volatile unsigned long ticks, profs, works;
static int pause_steps = 5000;

static NOINLINE void tick_work(void)
{
	BARRIER();
}

static NOINLINE void on_tick(int signo)
{
	(void)signo;
	ticks++;
	tick_work();
	tick_work();
}

static NOINLINE void on_prof(int signo)
{
	(void)signo;
	profs++;
	tick_work();
}

static NOINLINE void leaf(void)
{
	/* The signals are counted, not the calls: without this the trace has millions. */
	for (int i = 0; i < pause_steps; i++)
		BARRIER();
}

static NOINLINE void work(void)
{
	leaf();
	leaf();
	leaf();
}

int main(int argc, char **argv)
{
	long interval_us = argc > 1 ? strtol(argv[1], NULL, 10) : 1000;
	unsigned long wanted = argc > 2 ? strtoul(argv[2], NULL, 10) : 200;
	struct itimerval every = {{0, interval_us}, {0, interval_us}};
	struct itimerval never = {{0, 0}, {0, 0}};

	if (argc > 3 && strcmp(argv[3], "tight") == 0)
		pause_steps = 0;
	signal(SIGALRM, on_tick);
	signal(SIGPROF, on_prof);
	setitimer(ITIMER_REAL, &every, NULL);
	if (argc > 3 && strcmp(argv[3], "nested") == 0)
		setitimer(ITIMER_PROF, &every, NULL);
	while (ticks < wanted) {
		work();
		works++;
	}
	setitimer(ITIMER_REAL, &never, NULL);
	setitimer(ITIMER_PROF, &never, NULL);
	printf("on_tick %lu\non_prof %lu\nwork %lu\nleaf %lu\ntick_work %lu\n", ticks, profs, works,
	       works * 3, ticks * 2 + profs);
	return 0;
}
