/* SPDX-License-Identifier: MIT */
/*
 * Coroutines that call and yield at random (argv[1] is the seed); the stack of
 * one that has finished is used by the next. Prints each root call as a line
 * "name(children)..." of its own account: what the trees must show.
 */
#include <stdio.h>

#include "stack_switch.h"

enum { SLOTS = 6, STACK_BYTES = 1 << 15, STARTS = 60, MAX_DEPTH = 12, MAX_TEXT = 1 << 16 };

static struct slot {
	struct context context;
	char text[MAX_TEXT];
	int length;
	int depth;
	int alive;
	char *memory;
} slots[SLOTS];
static struct context main_context;
static int current, started;
static unsigned long state;

static UNTRACED unsigned pick(unsigned below)
{
	state = state * 6364136223846793005UL + 1442695040888963407UL;
	return (unsigned)(state >> 33) % below;
}

static UNTRACED void note(const char *text)
{
	struct slot *slot = &slots[current];

	slot->length += snprintf(slot->text + slot->length, (size_t)(MAX_TEXT - slot->length), "%s",
				 text);
}

static UNTRACED void yield(void)
{
	switch_context(&slots[current].context, &main_context);
}

static void act_0(void);
static void act_1(void);
static void act_2(void);

static UNTRACED void act(void)
{
	struct slot *slot = &slots[current];

	for (int steps = (int)pick(4); steps > 0; steps--) {
		unsigned what = pick(6);

		if (what >= 3 || slot->depth >= MAX_DEPTH || slot->length > MAX_TEXT - 4096)
			yield();
		else if (what == 0)
			act_0();
		else if (what == 1)
			act_1();
		else
			act_2();
	}
}

#define ACT(NUMBER, FRAME)                      \
	static NOINLINE void act_##NUMBER(void) \
	{                                       \
		volatile char pad[FRAME];       \
		pad[0] = 1;                     \
		note("act_" #NUMBER "(");       \
		slots[current].depth++;         \
		act();                          \
		slots[current].depth--;         \
		note(")");                      \
		(void)pad[0];                   \
	}
ACT(0, 8)
ACT(1, 500)
ACT(2, 1100)

static NOINLINE void body(void)
{
	note("body(");
	act_1();
	act_0();
	note(")\n");
}

static UNTRACED void start(void)
{
	body();
	slots[current].alive = 0;
	yield();
}

static NOINLINE void resume(int which)
{
	current = which;
	switch_context(&main_context, &slots[which].context);
}

int main(int argc, char **argv)
{
	int resumed = 0;

	state = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
	for (int i = 0; i < SLOTS; i++)
		slots[i].memory = stack_memory(STACK_BYTES);
	for (;;) {
		int which = (int)pick(SLOTS), alive = 0;

		for (int i = 0; i < SLOTS; i++)
			alive += slots[i].alive;
		if (started >= STARTS && !alive)
			break;
		if (!slots[which].alive) {
			if (started >= STARTS)
				continue;
			started++;
			slots[which].alive = 1;
			prepare_context(&slots[which].context, slots[which].memory, STACK_BYTES,
					start);
		}
		resume(which);
		resumed++;
	}
	printf("%d\n", resumed);
	for (int i = 0; i < SLOTS; i++)
		fputs(slots[i].text, stdout);
	return 0;
}
