// SPDX-License-Identifier: MIT
// Calls, throws and catches at random (argv[1] is the seed), with an account of its own printed at
// the end as the tree that a trace must show.
#include <cstdio>
#include <cstdlib>

#include "guest.h"

enum { MAX_CALLS = 4000, MAX_DEPTH = 30 };

static struct {
	const char *name;
	int depth;
	bool unwound;
} calls[MAX_CALLS * 2];
static int open_calls[MAX_DEPTH * 4];
static int call_count, depth;
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
	open_calls[depth++] = call_count++;
}

static UNTRACED void leave()
{
	depth--;
}

static UNTRACED void unwind_to(int level)
{
	while (depth > level)
		calls[open_calls[--depth]].unwound = true;
}

static void act_0();
static void act_1();
static void act_2();
static void act_3();

#define STEPS(MINE)                                                                 \
	for (volatile int steps = 1 + (int)pick(4); steps > 0; steps = steps - 1) { \
		if (call_count >= MAX_CALLS || (MINE) >= MAX_DEPTH)                 \
			break;                                                      \
		switch (pick(6)) {                                                  \
		case 0:                                                             \
			act_0();                                                    \
			break;                                                      \
		case 1:                                                             \
			act_1();                                                    \
			break;                                                      \
		case 2:                                                             \
			act_2();                                                    \
			break;                                                      \
		case 3:                                                             \
			act_3();                                                    \
			break;                                                      \
		default:                                                            \
			if (pick(3) == 0)                                           \
				throw(int) pick(3);                                 \
		}                                                                   \
	}

#define ACT(NUMBER, FRAME, HANDLER)         \
	static NOINLINE void act_##NUMBER() \
	{                                   \
		volatile char pad[FRAME];   \
		pad[0] = 1;                 \
		enter("act_" #NUMBER);      \
		const int mine = depth;     \
		HANDLER(mine)               \
		leave();                    \
		(void)pad[0];               \
	}
#define CATCHES(MINE)            \
	try {                    \
		STEPS(MINE)      \
	} catch (int value) {    \
		unwind_to(MINE); \
		if (value == 0)  \
			throw;   \
		STEPS(MINE)      \
	}
ACT(0, 8, STEPS)
ACT(1, 2000, STEPS)
ACT(2, 16, CATCHES)
ACT(3, 4000, CATCHES)

int main(int argc, char **argv)
{
	setvbuf(stdout, nullptr, _IOFBF, 1 << 16);
	state = argc > 1 ? strtoul(argv[1], nullptr, 10) : 1;
	enter("main");
	for (volatile int round = 0; round < 400 && call_count < MAX_CALLS; round = round + 1) {
		try {
			STEPS(1)
		} catch (int) {
			unwind_to(1);
		}
	}
	for (int i = 0; i < call_count; i++) {
		printf("%*s", calls[i].depth, "");
#ifdef __clang__
		printf("%s%s\n", calls[i].name, calls[i].unwound ? " !unwound" : "");
#else
		printf("%s\n", calls[i].name);
#endif
	}
	return 0;
}
