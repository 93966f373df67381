/* SPDX-License-Identifier: MIT */
/* Calls in tail position: to another function, to itself, back and forth. */
#include <stdio.h>

#include "guest.h"

static volatile int sum;
static int odd(int n);

static NOINLINE int last(int n)
{
	sum += n;
	return sum;
}

static NOINLINE int sibling(int n)
{
	return last(n + 1);
}

static NOINLINE int count_down(int n)
{
	if (n == 0)
		return 0;
	return count_down(n - 1);
}

static NOINLINE int even(int n)
{
	return n == 0 ? 1 : odd(n - 1);
}

static NOINLINE int odd(int n)
{
	return n == 0 ? 0 : even(n - 1);
}

int main(void)
{
	sum += sibling(1);
	sum += count_down(3);
	sum += even(4);
	printf("%d\n", sum);
	return 0;
}
