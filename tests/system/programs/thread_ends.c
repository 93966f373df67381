/* SPDX-License-Identifier: MIT */
/* How threads end; argv[1] says which. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"

static volatile int sum;
static pthread_t main_thread;
static pthread_barrier_t barrier;

static NOINLINE void leaf(void)
{
	__atomic_fetch_add(&sum, 1, __ATOMIC_RELAXED);
}

static NOINLINE void quits(void)
{
	leaf();
	pthread_exit(NULL);
}

static NOINLINE void *exits_deep(void *unused)
{
	quits();
	return unused;
}

static NOINLINE void waits(void)
{
	leaf();
	pthread_barrier_wait(&barrier);
	for (;;)
		pause();
}

static NOINLINE void *is_cancelled(void *unused)
{
	waits();
	return unused;
}

static NOINLINE void *outlives_main(void *unused)
{
	pthread_join(main_thread, NULL);
	leaf();
	leaf();
	puts("main is gone");
	return unused;
}

static NOINLINE void ends_process(void)
{
	leaf();
	exit(5);
}

static NOINLINE void *calls_exit(void *unused)
{
	/* Not before the main thread is in waits_for_ever(). */
	pthread_barrier_wait(&barrier);
	ends_process();
	return unused;
}

static NOINLINE void *runs_on(void *unused)
{
	leaf();
	pthread_barrier_wait(&barrier);
	for (;;)
		pause();
	return unused;
}

static NOINLINE void waits_for_ever(void)
{
	pthread_barrier_wait(&barrier);
	for (;;)
		pause();
}

static pthread_key_t key;

static void key_destructor(void *value)
{
	leaf();
	/* Again, until PTHREAD_DESTRUCTOR_ITERATIONS is reached. */
	if (value != (void *)2UL)
		pthread_setspecific(key, (char *)value + 1);
}

static NOINLINE void *has_key(void *unused)
{
	pthread_setspecific(key, (void *)1UL);
	leaf();
	return unused;
}

static UNTRACED pthread_t spawn(void *(*start)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, start, NULL) != 0)
		abort();
	return thread;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	main_thread = pthread_self();
	pthread_barrier_init(&barrier, NULL, 2);
	pthread_key_create(&key, key_destructor);
	if (strcmp(what, "pthread_exit") == 0) {
		pthread_join(spawn(exits_deep), NULL);
	} else if (strcmp(what, "cancel") == 0) {
		pthread_t thread = spawn(is_cancelled);

		pthread_barrier_wait(&barrier);
		pthread_cancel(thread);
		pthread_join(thread, NULL);
	} else if (strcmp(what, "main_exits") == 0) {
		spawn(outlives_main);
		leaf();
		pthread_exit(NULL);
	} else if (strcmp(what, "exit_in_thread") == 0) {
		spawn(calls_exit);
		waits_for_ever();
	} else if (strcmp(what, "left_running") == 0) {
		spawn(runs_on);
		pthread_barrier_wait(&barrier);
	} else if (strcmp(what, "key") == 0) {
		pthread_join(spawn(has_key), NULL);
	}
	leaf();
	printf("%d\n", sum);
	return 0;
}
