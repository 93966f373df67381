/* SPDX-License-Identifier: MIT */
/* The program's malloc is its own, and traced. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest.h"

static char pool[1 << 22];
static size_t used;

static void *take(size_t size)
{
	return pool + __atomic_fetch_add(&used, (size + 31) & ~15UL, __ATOMIC_RELAXED) + 16;
}

void *malloc(size_t size)
{
	return take(size);
}

void *calloc(size_t count, size_t size)
{
	return take(count * size);
}

void *realloc(void *old, size_t size)
{
	void *new = take(size);

	if (old)
		memmove(new, old, size);
	return new;
}

void free(void *memory)
{
	(void)memory;
}

static void *thread(void *unused)
{
	free(malloc(10));
	return unused;
}

int main(void)
{
	pthread_t id;
	char *text = malloc(20);

	strcpy(text, "own malloc\n");
	pthread_create(&id, NULL, thread, NULL);
	pthread_join(id, NULL);
	fputs(text, stdout);
	free(text);
	return 0;
}
