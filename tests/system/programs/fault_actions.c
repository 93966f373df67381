/* SPDX-License-Identifier: MIT */
/*
 * One thread changes what SIGSEGV and SIGBUS do, in every way, over and over;
 * another passes a pointer to nothing, which it never follows, as long.
 */
#include "guest.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

enum { CHANGES = 20000, CALLS_AT_LEAST = 20000 };

static volatile int changed, faults, sum;

static NOINLINE int takes(const char *text, int n)
{
	sum += n;
	return n + (text != NULL);
}

static UNTRACED void on_fault(int number)
{
	(void)number;
	faults++;
}

static UNTRACED void change(int number, int way)
{
	struct sigaction action = {.sa_handler = on_fault};
	unsigned long raw[4];
	switch (way) {
	case 0:
		sigaction(number, &action, NULL);
		break;
	case 1:
		signal(number, SIG_DFL);
		break;
	case 2:
		signal(number, on_fault);
		break;
	case 3:
		action.sa_handler = SIG_DFL;
		sigaction(number, &action, NULL);
		break;
	case 4:
		action.sa_flags = (int)SA_RESETHAND;
		sigaction(number, &action, NULL);
		break;
	case 5:
		sigset(number, on_fault);
		break;
	case 6:
		/* As it is, set again. */
		syscall(SYS_rt_sigaction, number, NULL, raw, 8);
		syscall(SYS_rt_sigaction, number, raw, NULL, 8);
		break;
	default:
		break;
	}
}

static UNTRACED void *changes(void *unused)
{
	for (int i = 0; i < CHANGES; i++)
		change(i & 1 ? SIGBUS : SIGSEGV, i / 2 % 7);
	changed = 1;
	return unused;
}

UNTRACED int main(void)
{
	pthread_t thread;
	char *gone = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	/* In the program's own memory, which is read without asking. */
	static char page[8192] __attribute__((aligned(4096)));
	mmap(page, 4096, PROT_NONE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_create(&thread, NULL, changes, NULL);
	for (int i = 0; i < CALLS_AT_LEAST || !changed; i++)
		takes(i & 1 ? gone : page, i);
	pthread_join(thread, NULL);
	printf("%d faults\n", faults);
	return 0;
}
