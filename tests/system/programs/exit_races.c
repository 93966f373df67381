/* SPDX-License-Identifier: MIT */
/* main returns, and while the document is made another thread calls _exit(3). */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "guest.h"

static NOINLINE void leaf(void)
{
	BARRIER();
}

static UNTRACED void *leaves(void *unused)
{
	usleep(120000);
	_exit(3);
	return unused;
}

int main(void)
{
	pthread_t thread;
	for (int i = 0; i < 100000; i++)
		leaf();
	pthread_create(&thread, NULL, leaves, NULL);
	usleep(100000);
	return 0;
}
