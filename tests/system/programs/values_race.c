/* SPDX-License-Identifier: MIT */
/*
 * Many threads call into a module for the first time, all at the same moment:
 * argv[1] is the plug-in that they load first.
 */
#include "values_account.h"

#include <dlfcn.h>
#include <pthread.h>

enum { THREADS = 16, ROUNDS = 20 };

static double (*run)(int, const char *);
static pthread_barrier_t barrier;

static void *thread(void *data)
{
	int id = *(int *)data;

	account_begin(0);
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < ROUNDS; i++)
		run(id * 100 + i, "at the same time");
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	int ids[THREADS];
	void *plugin = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;

	if (!plugin)
		return 1;
	*(void **)&run = dlsym(plugin, "run");
	pthread_barrier_init(&barrier, NULL, THREADS);
	for (int i = 0; i < THREADS; i++) {
		ids[i] = i;
		pthread_create(&threads[i], NULL, thread, &ids[i]);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	puts("done");
	return 0;
}
