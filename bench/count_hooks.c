/* SPDX-License-Identifier: MIT */
/*
 * Counts calls and does nothing else, so that bench/run need not believe the
 * tracer about how many calls a real program makes. Prints "calls N" on the
 * file descriptor named by CALLS_FD when the program ends.
 */
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static _Atomic uint64_t call_count;

void __cyg_profile_func_enter(void *function, void *call_site);
void __cyg_profile_func_exit(void *function, void *call_site);

void __cyg_profile_func_enter(void *function, void *call_site)
{
	(void)function;
	(void)call_site;
	atomic_fetch_add_explicit(&call_count, 1, memory_order_relaxed);
}

void __cyg_profile_func_exit(void *function, void *call_site)
{
	(void)function;
	(void)call_site;
}

static __attribute__((destructor)) void print_count(void)
{
	const char *fd = getenv("CALLS_FD");
	if (fd)
		dprintf(atoi(fd), "calls %llu\n", (unsigned long long)atomic_load(&call_count));
}
