/* SPDX-License-Identifier: MIT */
/* setcontext to a context saved earlier on the same stack: a jump like longjmp's. */
#include <stdio.h>
#include <ucontext.h>

#include "guest.h"

static volatile int sum, jumped;
static ucontext_t saved;

static NOINLINE void leaf(void)
{
	sum++;
}

static NOINLINE void jump(void)
{
	leaf();
	jumped = 1;
	setcontext(&saved);
}

static NOINLINE void middle(void)
{
	jump();
	leaf();
}

static NOINLINE void after(void)
{
	leaf();
}

static NOINLINE void jumps_out(void)
{
	getcontext(&saved);
	if (!jumped)
		middle();
	after();
}

int main(void)
{
	jumps_out();
	after();
	printf("%d\n", sum);
	return 0;
}
