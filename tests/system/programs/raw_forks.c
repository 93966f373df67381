/* SPDX-License-Identifier: MIT */
/* Makes a process by each of libc's ways other than fork(); both sides make calls. */
#define _GNU_SOURCE
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

enum { CALLS = 20000, STACK_BYTES = 65536 };

static NOINLINE void in_parent(void)
{
	BARRIER();
}

static NOINLINE void in_child(void)
{
	BARRIER();
}

static UNTRACED int child(void *unused)
{
	(void)unused;
	for (int i = 0; i < CALLS; i++)
		in_child();
	return 0;
}

static UNTRACED void parent(long pid)
{
	for (int i = 0; i < CALLS; i++)
		in_parent();
	waitpid((pid_t)pid, NULL, 0);
}

int main(void)
{
	struct clone_args arguments = {.exit_signal = SIGCHLD};
	long pid = syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L);
	if (pid == 0)
		_exit(child(NULL));
	parent(pid);
	pid = syscall(SYS_clone3, &arguments, sizeof(arguments));
	if (pid == 0)
		_exit(child(NULL));
	parent(pid);
	pid = _Fork();
	if (pid == 0)
		_exit(child(NULL));
	parent(pid);
	char *stack = malloc(STACK_BYTES);
	parent(clone(child, stack + STACK_BYTES, SIGCHLD, NULL));
	return 0;
}
