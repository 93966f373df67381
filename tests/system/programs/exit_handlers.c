/* SPDX-License-Identifier: MIT */
/* atexit handlers and destructors; "deep": exit() is called far down the stack. */
#include <stdio.h>
#include <stdlib.h>

#include "guest.h"

static volatile int sum;

static NOINLINE void leaf(void)
{
	sum++;
}

static void handler_one(void)
{
	leaf();
	puts("handler_one");
}

static void handler_two(void)
{
	leaf();
	puts("handler_two");
}

__attribute__((constructor)) static void constructor(void)
{
	leaf();
}

__attribute__((destructor)) static void destructor(void)
{
	leaf();
	puts("destructor");
}

static NOINLINE void inner(void)
{
	exit(7);
}

static NOINLINE void outer(void)
{
	inner();
}

int main(int argc, char **argv)
{
	(void)argv;
	atexit(handler_one);
	atexit(handler_two);
	if (argc > 1)
		outer();
	return 0;
}
