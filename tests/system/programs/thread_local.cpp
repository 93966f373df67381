// SPDX-License-Identifier: MIT
// Destructors of thread_local objects run traced code, in threads and in main.
#include <cstdio>
#include <pthread.h>

#include "guest.h"

static volatile int sum;

static NOINLINE void leaf()
{
	__atomic_fetch_add(&sum, 1, __ATOMIC_RELAXED);
}

struct Local {
	int value;
	NOINLINE Local() : value(1)
	{
		leaf();
	}
	NOINLINE ~Local()
	{
		leaf();
	}
	NOINLINE void touch()
	{
		value++;
	}
};

static thread_local Local local;

static NOINLINE UNTRACED void touch_local()
{
	local.touch();
}

static void *worker(void *)
{
	touch_local();
	return nullptr;
}

int main()
{
	pthread_t thread;

	pthread_create(&thread, nullptr, worker, nullptr);
	pthread_join(thread, nullptr);
	touch_local();
	printf("%d\n", sum);
	return 0;
}
