/* SPDX-License-Identifier: MIT */
/* A noreturn callee as the last thing of a function: its return address is the next function's. */
#include <stdio.h>
#include <stdlib.h>

#include "guest.h"

static volatile int sum;

static NOINLINE void leaf(void)
{
	sum++;
}

static NOINLINE __attribute__((noreturn)) void finish(void)
{
	leaf();
	exit(3);
}

static NOINLINE __attribute__((noreturn)) void calls_finish(void)
{
	leaf();
	finish();
}

NOINLINE void next_in_the_file(void)
{
	sum += 2;
}

static NOINLINE void outer(void)
{
	leaf();
	calls_finish();
}

int main(void)
{
	next_in_the_file();
	outer();
}
