/* SPDX-License-Identifier: MIT */
/* Threads record calls while main forks argv[1] children, each of which records calls too. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

enum { THREADS = 3, CHILD_CALLS = 1000 };

static volatile int stop;
static unsigned long counts[THREADS];

static NOINLINE void leaf(void)
{
	BARRIER();
}

static NOINLINE void child_leaf(void)
{
	BARRIER();
}

static NOINLINE void in_child(void)
{
	for (int i = 0; i < CHILD_CALLS; i++)
		child_leaf();
}

static NOINLINE void *worker(void *count)
{
	while (!stop) {
		leaf();
		/* On a busy machine main may take long: the trace should not grow with that. */
		if (++*(unsigned long *)count % 100 == 0)
			usleep(1000);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int children = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 10, failed = 0;
	pthread_t threads[THREADS];
	unsigned long total = 0;

	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, worker, &counts[i]);
	for (int i = 0; i < children; i++) {
		int status = -1;
		pid_t child = fork();

		if (child == 0) {
			in_child();
			_exit(7);
		}
		waitpid(child, &status, 0);
		failed += !WIFEXITED(status) || WEXITSTATUS(status) != 7;
	}
	stop = 1;
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		total += counts[i];
	}
	printf("leaf %lu\nfailed %d\n", total, failed);
	return 0;
}
