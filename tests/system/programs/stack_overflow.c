/* SPDX-License-Identifier: MIT */
/*
 * A program that recovers from stack overflows, as interpreters do: a handler on a
 * stack of its own jumps out. Frames of many sizes, so that the end of the
 * stack comes in the functions and in the hooks.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "guest.h"

enum { OVERFLOWS = 100, SIGNAL_STACK_BYTES = 65536, THREAD_STACK_BYTES = 256 << 10 };

static __thread sigjmp_buf way_out;
static __thread volatile int recovered;
static volatile int sum;

struct pair {
	int first, second;
};

static NOINLINE int leaf(int n, const char *text)
{
	sum += n;
	return n + text[0];
}

static NOINLINE int recurse(int n, size_t frame_bytes, const char *text, const struct pair *pair)
{
	volatile char *frame = __builtin_alloca(frame_bytes);
	frame[0] = (char)n;
	leaf(n, text);
	int result = recurse(n + 1, frame_bytes, text, pair);
	return result + frame[0];
}

static UNTRACED void on_fault(int number, siginfo_t *info, void *context)
{
	(void)number, (void)info, (void)context;
	siglongjmp(way_out, 1);
}

static UNTRACED void *overflow(void *unused)
{
	stack_t stack = {.ss_sp = malloc(SIGNAL_STACK_BYTES), .ss_size = SIGNAL_STACK_BYTES};
	const struct pair pair = {1, 2};
	sigaltstack(&stack, NULL);
	for (int i = 0; i < OVERFLOWS; i++) {
		if (sigsetjmp(way_out, 1) == 0)
			recurse(0, 16 + (size_t)i * 40, "a text", &pair);
		else
			recovered++;
		leaf(i, "recovered");
	}
	stack.ss_flags = SS_DISABLE;
	sigaltstack(&stack, NULL);
	free(stack.ss_sp);
	printf("recovered %d times\n", recovered);
	return unused;
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_ONSTACK | SA_SIGINFO};
	pthread_attr_t attributes;
	pthread_t thread;

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	overflow(NULL);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
	pthread_create(&thread, &attributes, overflow, NULL);
	pthread_join(thread, NULL);
	return 0;
}
