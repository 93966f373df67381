/* SPDX-License-Identifier: MIT */
/* Which calls pick.S stops at: the numbers in the file that CT_PICK names, one a line, ascending.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_PICKS = 100000 };

#define HIDDEN __attribute__((visibility("hidden")))

HIDDEN uint64_t pick_count, pick_next;
HIDDEN void (*pick_enter)(void);
HIDDEN void (*pick_exit)(void);
HIDDEN void pick_stop(void);

static uint64_t picks[MOST_PICKS + 1]; /* ends with 0, which no count is */
static unsigned int at;

/* The debugger's breakpoint; the number of the call is in pick_count. */
HIDDEN __attribute__((noinline)) void pick_stop(void)
{
	__asm__ volatile("" : : : "memory");
	pick_next = picks[++at];
}

__attribute__((constructor)) static void begin(void)
{
	unsigned long long number;
	unsigned int count = 0;
	FILE *file = fopen(getenv("CT_PICK") ? getenv("CT_PICK") : "", "r");
	while (file && count < MOST_PICKS && fscanf(file, "%llu", &number) == 1)
		picks[count++] = number;
	if (file)
		fclose(file);
	pick_next = picks[0];
	pick_enter = (void (*)(void))dlsym(RTLD_NEXT, "__cyg_profile_func_enter");
	pick_exit = (void (*)(void))dlsym(RTLD_NEXT, "__cyg_profile_func_exit");
}
