/* SPDX-License-Identifier: MIT */
/* Plain calls: siblings, nesting, recursion, a callback from libc. */
#include <stdio.h>
#include <stdlib.h>

#include "guest.h"

static volatile int sum;

static NOINLINE void leaf(void)
{
	sum++;
}

static NOINLINE void branch(int leaves)
{
	for (int i = 0; i < leaves; i++)
		leaf();
}

static NOINLINE int factorial(int n)
{
	return n <= 1 ? 1 : n * factorial(n - 1);
}

static NOINLINE int compare_ints(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int main(void)
{
	int numbers[] = {2, 1};

	branch(2);
	branch(3);
	sum += factorial(4);
	qsort(numbers, 2, sizeof(numbers[0]), compare_ints);
	leaf();
	printf("%d %d\n", sum, numbers[0]);
	return 0;
}
