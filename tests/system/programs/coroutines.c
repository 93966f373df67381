/* SPDX-License-Identifier: MIT */
/* Two coroutines take turns, and finish. */
#include <stdio.h>

#include "stack_switch.h"

enum { STACK_BYTES = 1 << 16 };

static volatile int sum;
static struct context main_context;
static struct context contexts[2];

static UNTRACED void to_main(int self)
{
	switch_context(&contexts[self], &main_context);
}

static NOINLINE void leaf(void)
{
	sum++;
}

static NOINLINE void step_0(void)
{
	leaf();
	to_main(0);
	leaf();
}

static NOINLINE void step_1(void)
{
	to_main(1);
	leaf();
}

static NOINLINE void body_0(void)
{
	step_0();
	to_main(0);
	step_0();
}

static NOINLINE void body_1(void)
{
	step_1();
	leaf();
	step_1();
}

static UNTRACED void start_0(void)
{
	body_0();
	to_main(0);
}

static UNTRACED void start_1(void)
{
	body_1();
	to_main(1);
}

static NOINLINE void schedule(void)
{
	for (volatile int turn = 0; turn < 4; turn++) {
		switch_context(&main_context, &contexts[0]);
		leaf();
		if (turn < 3)
			switch_context(&main_context, &contexts[1]);
	}
}

int main(void)
{
	prepare_context(&contexts[0], stack_memory(STACK_BYTES), STACK_BYTES, start_0);
	prepare_context(&contexts[1], stack_memory(STACK_BYTES), STACK_BYTES, start_1);
	schedule();
	leaf();
	printf("%d\n", sum);
	return 0;
}
