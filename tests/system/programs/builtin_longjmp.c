/* SPDX-License-Identifier: MIT */
/* __builtin_longjmp is code in the program itself: no library function to watch. */
#include <stdio.h>

#include "guest.h"

static void *env[5];
static volatile int sum;

static NOINLINE void leaf(void)
{
	sum++;
}

static NOINLINE void jump(void)
{
	leaf();
	__builtin_longjmp(env, 1);
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
	if (__builtin_setjmp(env) == 0)
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
