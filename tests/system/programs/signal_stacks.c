/* SPDX-License-Identifier: MIT */
/* Handlers on an alternate stack above ("above") or below ("below") the frames they interrupt. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "guest.h"

static volatile int sum;

static NOINLINE void leaf(void)
{
	sum++;
}

static NOINLINE void inner_handler(int signo)
{
	(void)signo;
	leaf();
}

static NOINLINE void handler(int signo)
{
	(void)signo;
	leaf();
	raise(SIGUSR2);
	leaf();
}

static NOINLINE void raises(void)
{
	leaf();
	raise(SIGUSR1);
	leaf();
	raise(SIGUSR1);
}

static NOINLINE void outer(void)
{
	raises();
	leaf();
}

static UNTRACED void use_stack(void *memory, size_t size)
{
	stack_t stack = {.ss_sp = memory, .ss_size = size};
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
	struct sigaction inner = {.sa_handler = inner_handler, .sa_flags = SA_ONSTACK};

	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGUSR2, &inner, NULL);
}

int main(int argc, char **argv)
{
	enum { SIZE = 1 << 16 };
	/* Of main's own frame: above everything that main calls. */
	char *above = __builtin_alloca(SIZE);
	static char below[SIZE];

	use_stack(argc > 1 && strcmp(argv[1], "above") == 0 ? above : below, SIZE);
	outer();
	printf("%d\n", sum);
	return 0;
}
