/* SPDX-License-Identifier: MIT */
/*
 * argv[1] "small": dies by SIGTERM on a signal stack of 8 KiB with a guard page
 * below. "none": a handler that asks for a signal stack, where there is none,
 * uses more than a small one would hold.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest.h"

enum { SMALL_BYTES = 8192 };

static NOINLINE void leaf(void)
{
	BARRIER();
}

static NOINLINE void hungry(int signo)
{
	volatile char room[60000];
	memset((void *)room, signo, sizeof(room));
	leaf();
}

int main(int argc, char **argv)
{
	leaf();
	if (argc > 1 && strcmp(argv[1], "small") == 0) {
		char *memory = mmap(NULL, 2 * SMALL_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
				    -1, 0);
		mprotect(memory + SMALL_BYTES, SMALL_BYTES, PROT_READ | PROT_WRITE);
		stack_t stack = {.ss_sp = memory + SMALL_BYTES, .ss_size = SMALL_BYTES};
		sigaltstack(&stack, NULL);
		kill(getpid(), SIGTERM);
	} else {
		struct sigaction action = {.sa_handler = hungry, .sa_flags = SA_ONSTACK};
		sigaction(SIGUSR1, &action, NULL);
		raise(SIGUSR1);
	}
	puts("alive");
	return 0;
}
