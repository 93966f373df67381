/* SPDX-License-Identifier: MIT */
/*
 * A timer of some microseconds interrupts functions with values: argv[1] says
 * what the handler does ("calls", "jumps", "unwinds"), argv[2] how many times.
 */
#include "values_account.h"
#include "values_ruled.h"

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/time.h>
#include <unwind.h>

static sigjmp_buf target;
static enum { CALLS, JUMPS, UNWINDS } act;
static volatile int ticks, last, failures;

int main(int argc, char **argv);

static NOINLINE double in_handler(int n, const char *text)
{
	ruled_sink = ruled_sink + text[0];
	return n * 1.5;
}

static UNTRACED _Unwind_Reason_Code sees_frame(struct _Unwind_Context *context, void *found)
{
	if (_Unwind_FindEnclosingFunction((void *)_Unwind_GetIP(context)) == (void *)main)
		*(bool *)found = true;
	return _URC_NO_REASON;
}

static UNTRACED void ticks_in(int delay_us)
{
	struct itimerval timer = {{0, act == JUMPS ? 0 : delay_us}, {0, delay_us}};

	setitimer(ITIMER_REAL, &timer, NULL);
}

static UNTRACED void on_tick(int number)
{
	bool found = false;

	(void)number;
	if (ticks == last)
		return;
	if (++ticks == last)
		ticks_in(0);
	switch (act) {
	case CALLS:
		in_handler(ticks, ruled_texts[ticks & 3]);
		break;
	case JUMPS:
		siglongjmp(target, 1);
	case UNWINDS:
		_Unwind_Backtrace(sees_frame, &found);
		failures += !found;
	}
}

static NOINLINE int after(int n, double half)
{
	ruled_sink = ruled_sink + (int)half;
	return n + 1;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_tick};
	volatile int n = 0, wrong = 0;

	if (argc < 3)
		return 1;
	last = atoi(argv[2]);
	act = argv[1][0] == 'c' ? CALLS : argv[1][0] == 'j' ? JUMPS : UNWINDS;
	for (; n < 3; n++) {
		ruled_outer(n, ruled_texts[n & 3]);
		in_handler(n, ruled_texts[n & 3]);
	}
	sigaction(SIGALRM, &action, NULL);
	if (sigsetjmp(target, 1))
		after(ticks, ticks / 2.0);
	if (ticks < last)
		ticks_in(act == JUMPS ? 5 + ticks * 7 % 40 : 25);
	while (ticks < last) {
		n++;
		wrong += ruled_outer(n, ruled_texts[n & 3]) != n * 7 + 3;
	}
	ticks_in(0);
	printf("%s: failures: %d, wrong: %d\n", argv[1], failures, wrong);
	return 0;
}
