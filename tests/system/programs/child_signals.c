/* SPDX-License-Identifier: MIT */
/* What the program does about its children must not meet any of ours; argv[1] says what that is. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

static NOINLINE void leaf(void)
{
	BARRIER();
}

static void on_child(int signo)
{
	static const char text[] = "a child changed state\n";

	(void)signo;
	if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
		_exit(1);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		leaf();
}

static void wait_for_all(void)
{
	int count = 0;

	while (waitpid(-1, NULL, 0) > 0)
		count++;
	printf("waited for %d, errno %d\n", count, errno);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	leaf();
	if (strcmp(how, "handler") == 0) {
		signal(SIGCHLD, on_child);
	} else if (strcmp(how, "ignore") == 0) {
		signal(SIGCHLD, SIG_IGN);
	} else if (strcmp(how, "wait") == 0) {
		atexit(wait_for_all);
	} else if (strcmp(how, "blocked") == 0) {
		sigset_t all;

		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, NULL);
	}
	leaf();
	puts("ends");
	return 4;
}
