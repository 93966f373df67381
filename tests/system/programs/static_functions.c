/* SPDX-License-Identifier: MIT */
/* Calls of nothing but static and hidden functions. */
#include <stdio.h>

#include "guest.h"

static volatile int sum;

static NOINLINE void secret(void)
{
	sum++;
}

__attribute__((visibility("hidden"))) NOINLINE void hidden(void)
{
	secret();
}

int main(void)
{
	hidden();
	printf("%d\n", sum);
	return 0;
}
