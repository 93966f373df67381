/* SPDX-License-Identifier: MIT */
/* A plug-in; built as "one" and "two", different static functions have the same address. */
#include "guest.h"

static volatile int sum;
void run(void);

static NOINLINE void NAME(void)
{
	sum++;
}

void run(void)
{
	NAME();
	NAME();
}
