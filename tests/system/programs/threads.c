/* SPDX-License-Identifier: MIT */
/* argv[1] threads make argv[2] calls each, at the same time; all of it can be counted. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "guest.h"

static int rounds;
static pthread_barrier_t barrier;

static NOINLINE void leaf(void)
{
	BARRIER();
}

static NOINLINE void step(void)
{
	leaf();
	leaf();
}

static NOINLINE void *worker(void *name)
{
	pthread_setname_np(pthread_self(), name);
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < rounds; i++)
		step();
	return NULL;
}

static NOINLINE void start_threads(pthread_t *threads, int count)
{
	for (int i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, worker, "worker") != 0)
			abort();
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 2;
	pthread_t *threads = calloc((size_t)count, sizeof(*threads));

	rounds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 3;
	pthread_barrier_init(&barrier, NULL, (unsigned)count);
	start_threads(threads, count);
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	puts("joined");
	return 0;
}
