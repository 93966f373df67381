/* SPDX-License-Identifier: MIT */
/*
 * What a program sees of signal stacks: none that it has not set itself; and one
 * that it sets where there is none is what its handlers run on.
 */
#include "guest.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { STACK_BYTES = 65536 };

static __thread char *own_stack;
static pthread_barrier_t barrier;
static volatile int sum;

static NOINLINE int leaf(int n)
{
	sum += n;
	return n;
}

static UNTRACED void show(const char *what)
{
	stack_t now;
	memset(&now, 1, sizeof(now));
	sigaltstack(NULL, &now);
	printf("%s: %s, flags %d, %zu bytes\n", what,
	       !now.ss_sp		? "none"
	       : now.ss_sp == own_stack ? "its own"
					: "another",
	       now.ss_flags, now.ss_size);
	syscall(SYS_sigaltstack, NULL, &now);
	printf("  system call: flags %d, %zu bytes\n", now.ss_flags, now.ss_size);
}

static NOINLINE void on_signal(int number)
{
	char here;
	leaf(number);
	printf("handler on %s stack\n",
	       own_stack && &here - own_stack >= 0 && &here - own_stack < STACK_BYTES
		       ? "its own"
		       : "the thread's");
}

/* As libraries do that need one: what is there, or else one of their own. */
static UNTRACED void use_or_install(void)
{
	stack_t now, stack = {.ss_size = STACK_BYTES};
	sigaltstack(NULL, &now);
	if (!(now.ss_flags & SS_DISABLE))
		return;
	stack.ss_sp = own_stack = malloc(STACK_BYTES);
	sigaltstack(&stack, NULL);
}

static UNTRACED void run(const char *name, int handles)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
	leaf(1);
	show(name);
	use_or_install();
	show("installed");
	if (handles)
		sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	stack_t none = {.ss_flags = SS_DISABLE};
	sigaltstack(&none, NULL);
	free(own_stack);
	own_stack = NULL;
	show("taken away");
	leaf(2);
	raise(SIGUSR1);
}

/* It has made calls when another thread sets a handler that uses signal stacks. */
static UNTRACED void *early(void *unused)
{
	leaf(3);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	/* Longer than a thread goes by the short way without looking up. */
	usleep(5000);
	leaf(4);
	show("early thread");
	run("early thread", 0);
	return unused;
}

static UNTRACED void *late(void *unused)
{
	run("late thread", 0);
	return unused;
}

UNTRACED int main(void)
{
	pthread_t thread;
	setvbuf(stdout, NULL, _IOLBF, 0);
	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&thread, NULL, early, NULL);
	pthread_barrier_wait(&barrier);
	run("main", 1);
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
	pthread_create(&thread, NULL, late, NULL);
	pthread_join(thread, NULL);
	return 0;
}
