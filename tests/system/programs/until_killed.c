/* SPDX-License-Identifier: MIT */
/* Makes argv[1] rounds of three calls, says so, and stays in a call until it is killed. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "guest.h"

static long rounds;

static NOINLINE void leaf(void)
{
	BARRIER();
}

static NOINLINE void step(void)
{
	leaf();
	leaf();
}

static NOINLINE void stays(void)
{
	for (;;)
		pause();
}

static NOINLINE void *works(void *ready)
{
	for (long i = 0; i < rounds; i++)
		step();
	if (ready)
		pthread_barrier_wait(ready);
	else
		puts("ready");
	fflush(stdout);
	stays();
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_barrier_t ready;
	pthread_t thread;

	rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 1000;
	pthread_barrier_init(&ready, NULL, 2);
	pthread_create(&thread, NULL, works, &ready);
	pthread_barrier_wait(&ready);
	works(NULL);
	return 0;
}
