/* SPDX-License-Identifier: MIT */
/* Prints what a guest could change by being there: errno, signal mask and handlers, descriptors,
 * directory, environment, name, limits, mxcsr. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

static NOINLINE void leaf(void)
{
	BARRIER();
}

static NOINLINE void many_calls(void)
{
	for (int i = 0; i < 30000; i++)
		leaf();
}

static UNTRACED void print_mask(const char *where)
{
	sigset_t mask;

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	printf("%s: blocked", where);
	for (int signo = 1; signo < 65; signo++)
		if (sigismember(&mask, signo) == 1)
			printf(" %d", signo);
	printf("\n");
}

/* A new thread whose first traced call is in the way of errno. */
static UNTRACED void *thread(void *unused)
{
	errno = 77;
	many_calls();
	printf("errno in a thread: %d\n", errno);
	print_mask("thread");
	return unused;
}

int main(void)
{
	struct rlimit limit;
	sigset_t mask;
	pthread_t id;
	char name[32], directory[4096];
	int first, status;

	errno = 0;
	leaf();
	printf("errno after the first call: %d\n", errno);
	errno = 42;
	many_calls();
	printf("errno after many calls: %d\n", errno);
	if (open("/nowhere/at/all", O_RDONLY) < 0)
		leaf();
	printf("errno of a failed open: %d\n", errno);
	print_mask("start");
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &mask, NULL);
	many_calls();
	print_mask("after blocking two");
	for (int signo = 1; signo < 32; signo++) {
		struct sigaction action;

		if (sigaction(signo, NULL, &action) == 0 && action.sa_handler != SIG_DFL)
			printf("signal %d: %s\n", signo,
			       action.sa_handler == SIG_IGN ? "ignored" : "handled");
	}
	first = open("/dev/null", O_RDONLY);
	printf("next free descriptor: %d\n", first);
	close(first);
	prctl(PR_GET_NAME, name);
	printf("dumpable %d, child subreaper %d, no_new_privs %d\n", prctl(PR_GET_DUMPABLE),
	       prctl(PR_GET_CHILD_SUBREAPER, &status), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	getrlimit(RLIMIT_NOFILE, &limit);
	printf("descriptors: %lu of %lu\n", (unsigned long)limit.rlim_cur,
	       (unsigned long)limit.rlim_max);
	printf("umask %03o\n", (unsigned)umask(022));
	printf("directory ends in %s\n",
	       strrchr(getcwd(directory, sizeof(directory)), '/') + 1 - 0 ? "a name" : "");
	printf("rounding %d, exceptions %d\n", fegetround(), fetestexcept(FE_ALL_EXCEPT));
	errno = 0;
	printf("children: %d, errno %d\n", (int)waitpid(-1, &status, WNOHANG), errno);
	pthread_create(&id, NULL, thread, NULL);
	pthread_join(id, NULL);
	printf("errno at the end: %d\n", errno);
	return 11;
}
