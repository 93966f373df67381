/* SPDX-License-Identifier: MIT */
/* The smallest stacks that the system allows: for threads, for signal handlers, and 4 KiB for
 * coroutines. */
#define _GNU_SOURCE
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "stack_switch.h"

enum { COROUTINE_BYTES = 4096 };

static struct context main_context, coroutine;

static NOINLINE void leaf(void)
{
	BARRIER();
}

static NOINLINE void many_calls(void)
{
	for (int i = 0; i < 8000; i++)
		leaf();
}

static NOINLINE void *thread(void *unused)
{
	many_calls();
	return unused;
}

static NOINLINE void handler(int signo)
{
	(void)signo;
	many_calls();
}

static UNTRACED void start(void)
{
	many_calls();
	switch_context(&coroutine, &main_context);
}

int main(void)
{
	size_t stack_bytes = (size_t)sysconf(_SC_MINSIGSTKSZ);
	stack_t stack = {.ss_sp = malloc(stack_bytes + 1024), .ss_size = stack_bytes + 1024};
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
	pthread_attr_t attributes;
	pthread_t id;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, (size_t)PTHREAD_STACK_MIN);
	pthread_create(&id, &attributes, thread, NULL);
	pthread_join(id, NULL);
	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	prepare_context(&coroutine, malloc(COROUTINE_BYTES), COROUTINE_BYTES, start);
	switch_context(&main_context, &coroutine);
	puts("done");
	return 0;
}
