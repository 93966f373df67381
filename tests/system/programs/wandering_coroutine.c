/* SPDX-License-Identifier: MIT */
/* A coroutine begins on one thread, and is resumed and finished on another. */
#include <pthread.h>
#include <stdio.h>

#include "stack_switch.h"

enum { STACK_BYTES = 1 << 16 };

static volatile int sum;
static struct context coroutine, owner;

static NOINLINE void leaf(void)
{
	sum++;
}

static NOINLINE void wanders(void)
{
	leaf();
	switch_context(&coroutine, &owner);
	leaf();
	leaf();
}

static UNTRACED void start(void)
{
	wanders();
	switch_context(&coroutine, &owner);
}

static NOINLINE void resumes(void)
{
	switch_context(&owner, &coroutine);
	leaf();
}

static NOINLINE void *thread(void *unused)
{
	resumes();
	leaf();
	return unused;
}

int main(void)
{
	pthread_t id;

	prepare_context(&coroutine, stack_memory(STACK_BYTES), STACK_BYTES, start);
	resumes();
	pthread_create(&id, NULL, thread, NULL);
	pthread_join(id, NULL);
	leaf();
	printf("%d\n", sum);
	return 0;
}
