/* SPDX-License-Identifier: MIT */
/*
 * Calls, longjmps, signals and siglongjmps at random (argv[1] is the seed), with
 * an account of its own printed at the end as the tree that a trace must show.
 * -DON_ALTSTACK: handlers run on an alternate stack, above or below at random.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest.h"

enum { MAX_CALLS = 4000, MAX_DEPTH = 40, MAX_SIGNAL_DEPTH = 1 };

static struct {
	const char *name;
	int depth;
	bool unwound;
} calls[MAX_CALLS * 2];
static int open_calls[MAX_DEPTH * 4];
static volatile int call_count, depth, signal_depth;
static sigjmp_buf targets[MAX_DEPTH * 4];
static volatile bool target_set[MAX_DEPTH * 4];
static volatile int target_signal_depth[MAX_DEPTH * 4];
static unsigned long state;

static UNTRACED unsigned pick(unsigned below)
{
	state = state * 6364136223846793005UL + 1442695040888963407UL;
	return (unsigned)(state >> 33) % below;
}

static UNTRACED void enter(const char *name)
{
	calls[call_count].name = name;
	calls[call_count].depth = depth;
	target_set[depth] = false;
	open_calls[depth++] = call_count++;
}

static UNTRACED void leave(void)
{
	depth--;
}

static UNTRACED void unwind_to(int level)
{
	while (depth > level)
		calls[open_calls[--depth]].unwound = true;
}

static UNTRACED int pick_target(void)
{
	for (int tries = 0; tries < 8; tries++) {
		int level = (int)pick((unsigned)depth);

		if (target_set[level])
			return level;
	}
	return -1;
}

static void act_0(void);
static void act_1(void);
static void act_2(void);
static void act_3(void);
static void act_4(void);
static void act_5(void);

/* The body of every function: a macro, so that call sites lie in the traced functions. */
#define BODY()                                                                    \
	do {                                                                      \
		volatile int mine = depth;                                        \
		if (pick(2)) {                                                    \
			if (sigsetjmp(targets[mine - 1], 1) == 0) {               \
				target_set[mine - 1] = true;                      \
				target_signal_depth[mine - 1] = signal_depth;     \
			} else {                                                  \
				unwind_to(mine);                                  \
				signal_depth = target_signal_depth[mine - 1];     \
			}                                                         \
		}                                                                 \
		for (volatile int steps = 1 + (int)pick(4); steps > 0; steps--) { \
			if (call_count >= MAX_CALLS || mine >= MAX_DEPTH)         \
				break;                                            \
			switch (pick(9)) {                                        \
			case 0:                                                   \
				act_0();                                          \
				break;                                            \
			case 1:                                                   \
				act_1();                                          \
				break;                                            \
			case 2:                                                   \
				act_2();                                          \
				break;                                            \
			case 3:                                                   \
				act_3();                                          \
				break;                                            \
			case 4:                                                   \
				act_4();                                          \
				break;                                            \
			case 5:                                                   \
				act_5();                                          \
				break;                                            \
			case 6:                                                   \
				if (signal_depth < MAX_SIGNAL_DEPTH) {            \
					raise(SIGUSR1);                           \
				}                                                 \
				break;                                            \
			default: {                                                \
				int level = pick(3) ? -1 : pick_target();         \
				if (level >= 0)                                   \
					siglongjmp(targets[level], 1);            \
			}                                                         \
			}                                                         \
		}                                                                 \
		target_set[mine - 1] = false;                                     \
	} while (0)

#define ACT(NUMBER, FRAME)                      \
	static NOINLINE void act_##NUMBER(void) \
	{                                       \
		volatile char pad[FRAME];       \
		pad[0] = 1;                     \
		enter("act_" #NUMBER);          \
		BODY();                         \
		leave();                        \
		(void)pad[0];                   \
	}
ACT(0, 8)
ACT(1, 16)
ACT(2, 200)
ACT(3, 1000)
ACT(4, 8)
ACT(5, 3000)

static NOINLINE void on_signal(int signo)
{
	(void)signo;
	enter("on_signal");
	signal_depth++;
	BODY();
	signal_depth--;
	leave();
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};
	static char alternate[1 << 18]; /* below the stack of the process */

	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	state = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
#ifdef ON_ALTSTACK
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)};

	if (state % 2) {
		/* Above the frames that it interrupts: on the stack of main itself. */
		stack.ss_sp = __builtin_alloca(1 << 18);
	}
	sigaltstack(&stack, NULL);
	action.sa_flags = SA_ONSTACK;
#else
	(void)alternate;
#endif
	sigaction(SIGUSR1, &action, NULL);
	enter("main");
	for (volatile int round = 0; round < 200 && call_count < MAX_CALLS; round++)
		BODY();
	for (int i = 0; i < call_count; i++) {
		printf("%*s", calls[i].depth, "");
		printf("%s%s\n", calls[i].name, calls[i].unwound ? " !unwound" : "");
	}
	return 0;
}
