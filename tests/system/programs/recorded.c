/* SPDX-License-Identifier: MIT */
/* Makes 101 calls, and ends as argv[1] says. */
#include "guest.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int sum;

static NOINLINE int add(int n)
{
	return sum += n;
}

static UNTRACED void on_term(int number)
{
	static const char text[] = "signal 15\n";
	if (number == SIGTERM && write(STDOUT_FILENO, text, sizeof(text) - 1) > 0)
		_exit(7);
	_exit(1);
}

static UNTRACED void end_as(const char *how)
{
	char line[64];
	if (strcmp(how, "kill") == 0)
		kill(getpid(), SIGKILL);
	if (strcmp(how, "fault") == 0)
		*(volatile int *)0 = 1;
	if (strcmp(how, "term") == 0)
		raise(SIGTERM);
	if (strcmp(how, "read") == 0 && fgets(line, sizeof(line), stdin))
		printf("read: %s", line);
	if (strcmp(how, "wait") == 0) {
		signal(SIGTERM, on_term);
		printf("ready\n");
		fflush(stdout);
		for (;;)
			pause();
	}
	if (strcmp(how, "fork") == 0) {
		if (fork() == 0) {
			add(1);
			exit(0);
		}
		wait(NULL);
	}
	if (strcmp(how, "signals") == 0)
		for (int i = 1; i < 32; i++) {
			struct sigaction action;
			sigaction(i, NULL, &action);
			if (action.sa_handler == SIG_IGN)
				printf("%d is ignored\n", i);
		}
	exit(atoi(how));
}

int main(int argc, char **argv)
{
	for (int i = 0; i < 100; i++)
		add(i);
	if (argc > 1)
		end_as(argv[1]);
	return 0;
}
