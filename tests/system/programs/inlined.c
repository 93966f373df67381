/* SPDX-License-Identifier: MIT */
/* Functions that the compiler puts into their callers, aliases and clones. */
#include <stdio.h>

#include "guest.h"

static volatile int sum;

static inline __attribute__((always_inline)) void always(int n)
{
	sum += n;
}

static inline void small(int n)
{
	always(n);
	always(n);
}

static NOINLINE void keeps(int n)
{
	small(n);
	always(n);
}

/* GCC makes a .constprop clone of it at -O2: always called with 7. */
static NOINLINE int cloned(int n, int seven)
{
	small(n);
	for (int i = 0; i < seven; i++)
		sum += n;
	return sum;
}

NOINLINE void aliased(void)
{
	sum++;
}
void alias(void) __attribute__((alias("aliased")));

int main(void)
{
	small(1);
	keeps(2);
	sum += cloned(3, 7);
	sum += cloned(4, 7);
	always(1);
	printf("%d\n", sum);
	return 0;
}
