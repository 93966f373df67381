/* SPDX-License-Identifier: MIT */
/* Three levels of calls: for tests of settings. */
#include <stdio.h>
#include <unistd.h>

#include "guest.h"

static volatile int sum;

static NOINLINE void third(void)
{
	sum++;
}

static NOINLINE void second(void)
{
	third();
	third();
}

static NOINLINE void first(void)
{
	second();
}

int main(int argc, char **argv)
{
	(void)argv;
	first();
	if (argc > 1 && chdir("/") != 0)
		return 1;
	first();
	printf("%d\n", sum);
	return 0;
}
