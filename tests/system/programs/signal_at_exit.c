/* SPDX-License-Identifier: MIT */
/* A fast timer goes on interrupting while the process exits; its handler is traced. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#include "guest.h"

static volatile unsigned long ticks;

static NOINLINE void tick_work(void)
{
	ticks++;
}

static void on_tick(int signo)
{
	(void)signo;
	tick_work();
}

static NOINLINE void leaf(void)
{
	BARRIER();
}

static void at_the_end(void)
{
	for (volatile unsigned long from = ticks; ticks < from + 5;) {
		leaf();
		spend_time();
	}
}

int main(void)
{
	struct itimerval every = {{0, 200}, {0, 200}};

	atexit(at_the_end);
	signal(SIGALRM, on_tick);
	setitimer(ITIMER_REAL, &every, NULL);
	while (ticks < 20) {
		leaf();
		spend_time();
	}
	puts("done");
	return 6;
}
