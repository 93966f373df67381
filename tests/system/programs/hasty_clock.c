/* SPDX-License-Identifier: MIT */
/* Preloaded: whenever the process looks at the clock, a second more has gone by. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	static int (*next)(clockid_t, struct timespec *);
	static int times;
	int status;

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "clock_gettime");
	status = next(clock, ret);
	if (status == 0)
		ret->tv_sec += ++times;
	return status;
}
