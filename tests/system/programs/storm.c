/* SPDX-License-Identifier: MIT */
/* argv[1] short threads, argv[2] alive at a time, each making one call. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "guest.h"

static pthread_barrier_t barrier;
static int alive_at_once;

static NOINLINE void once(void)
{
	BARRIER();
}

static UNTRACED void *thread(void *unused)
{
	once();
	if (alive_at_once > 50)
		pthread_barrier_wait(&barrier);
	return unused;
}

int main(int argc, char **argv)
{
	int total = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 100;
	pthread_attr_t attributes;
	pthread_t *threads;

	alive_at_once = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 4;
	threads = calloc((size_t)alive_at_once, sizeof(*threads));
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 65536);
	pthread_barrier_init(&barrier, NULL, (unsigned)alive_at_once);
	for (int done = 0; done < total; done += alive_at_once) {
		for (int i = 0; i < alive_at_once; i++)
			if (pthread_create(&threads[i], &attributes, thread, NULL) != 0) {
				puts("cannot create a thread");
				return 1;
			}
		for (int i = 0; i < alive_at_once; i++)
			pthread_join(threads[i], NULL);
	}
	free(threads);
	printf("%d threads\n", total);
	return 0;
}
