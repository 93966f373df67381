/* SPDX-License-Identifier: MIT */
/* fork, vfork, exec and friends; argv[1] says which. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

extern char **environ;
static volatile int sum;
static char *self;

static NOINLINE void leaf(void)
{
	sum++;
}

static NOINLINE void before(void)
{
	leaf();
}

static NOINLINE void in_child(void)
{
	leaf();
	leaf();
}

static NOINLINE void in_grandchild(void)
{
	leaf();
}

static NOINLINE void in_parent(void)
{
	leaf();
}

static UNTRACED void wait_for(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	printf("child: %d\n", status);
}

static NOINLINE void forks(void)
{
	fflush(stdout);
	pid_t child = fork();

	if (child == 0) {
		in_child();
		_exit(3);
	}
	wait_for(child);
	in_parent();
}

/* The child returns through the calls that were open at the fork, and ends as main does. */
static NOINLINE void forks_and_returns(void)
{
	fflush(stdout);
	pid_t child = fork();

	if (child == 0) {
		in_child();
		return;
	}
	wait_for(child);
	in_parent();
}

static NOINLINE void forks_twice(void)
{
	fflush(stdout);
	pid_t child = fork();

	if (child == 0) {
		in_child();
		pid_t grandchild = fork();

		if (grandchild == 0) {
			in_grandchild();
			exit(0);
		}
		waitpid(grandchild, NULL, 0);
		exit(0);
	}
	wait_for(child);
	in_parent();
}

static NOINLINE void *forking_thread(void *unused)
{
	forks();
	return unused;
}

static NOINLINE void vforks(void)
{
	char *argv[] = {self, "child", NULL};

	fflush(stdout);
	pid_t child = vfork();

	if (child == 0) {
		execv(self, argv);
		_exit(9);
	}
	wait_for(child);
	in_parent();
}

/* POSIX allows no call in a vfork child but exec and _exit; real programs make them. */
static NOINLINE void vforks_and_calls(void)
{
	char *argv[] = {self, "child", NULL};

	fflush(stdout);
	pid_t child = vfork();

	if (child == 0) {
		leaf();
		execv(self, argv);
		_exit(9);
	}
	wait_for(child);
	in_parent();
}

static NOINLINE void vforks_and_exits(void)
{
	fflush(stdout);
	pid_t child = vfork();

	if (child == 0)
		_exit(9);
	wait_for(child);
	in_parent();
}

static NOINLINE void execs(const char *path, char **argv)
{
	fflush(stdout);
	execv(path, argv);
	printf("exec failed: %d\n", errno);
}

static NOINLINE void spawns(void)
{
	char *argv[] = {self, "child", NULL};
	pid_t child;

	fflush(stdout);
	if (posix_spawn(&child, self, NULL, NULL, argv, environ) == 0)
		wait_for(child);
	in_parent();
}

static NOINLINE void calls_system(void)
{
	char command[4096];

	fflush(stdout);
	snprintf(command, sizeof(command), "'%s' child; exit 4", self);
	printf("system: %d\n", system(command));
	in_parent();
}

static NOINLINE void raw_fork(void)
{
	fflush(stdout);
	long child = syscall(SYS_fork);

	if (child == 0) {
		in_child();
		_exit(3);
	}
	wait_for((pid_t)child);
	in_parent();
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	pthread_t thread;

	self = argv[0];
	before();
	if (strcmp(what, "child") == 0) {
		in_child();
		return 2;
	}
	if (strcmp(what, "fork") == 0) {
		forks();
	} else if (strcmp(what, "fork_return") == 0) {
		forks_and_returns();
	} else if (strcmp(what, "fork_twice") == 0) {
		forks_twice();
	} else if (strcmp(what, "fork_in_thread") == 0) {
		pthread_create(&thread, NULL, forking_thread, NULL);
		pthread_join(thread, NULL);
	} else if (strcmp(what, "vfork") == 0) {
		vforks();
	} else if (strcmp(what, "vfork_call") == 0) {
		vforks_and_calls();
	} else if (strcmp(what, "vfork_exit") == 0) {
		vforks_and_exits();
	} else if (strcmp(what, "exec_self") == 0) {
		execs(self, (char *[]){self, "child", NULL});
	} else if (strcmp(what, "exec_other") == 0) {
		execs("/bin/echo", (char *[]){"echo", "hello", NULL});
	} else if (strcmp(what, "exec_missing") == 0) {
		execs("/nowhere/at/all", (char *[]){"nowhere", NULL});
	} else if (strcmp(what, "spawn") == 0) {
		spawns();
	} else if (strcmp(what, "system") == 0) {
		calls_system();
	} else if (strcmp(what, "raw_fork") == 0) {
		raw_fork();
	} else if (strcmp(what, "many") == 0) {
		for (int i = 0; i < 20; i++)
			forks();
	}
	return 0;
}
