/* SPDX-License-Identifier: MIT */
/*
 * Processes that are made, replaced and ended in the middle of functions with
 * values; argv[1] says how.
 */
#include "values_account.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static volatile int sum;
static const char *self;

static NOINLINE int leaf(int n, const char *text)
{
	int call = account_enter("leaf", "'n':%d,'text':'%s'", n, text);

	sum += n;
	return RESULT(call, "%d", n);
}

static NOINLINE int forks(int n, double weight)
{
	int call = account_enter("forks", "'n':%d,'weight':%.17g", n, weight);
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		/* What was called before is in the parent's document alone. */
		account_begin(0);
		leaf(n + 1, "in the child");
		exit(leaf(n + 2, "again"));
	}
	waitpid(pid, &status, 0);
	int result = WEXITSTATUS(status) + (int)weight;
	return RESULT(call, "%d", result);
}

/* The child returns through the frames that it was given. */
static NOINLINE int forks_and_returns(int n, const char *text)
{
	int call = account_enter("forks_and_returns", "'n':%d,'text':'%s'", n, text);
	pid_t pid = fork();

	if (pid == 0) {
		account_begin(0);
		leaf(n, "first of the child");
		account_begin(0);
		return -n;
	}
	waitpid(pid, NULL, 0);
	return RESULT(call, "%d", n);
}

static NOINLINE long vforks(long n, const char *text)
{
	int call = account_enter("vforks", "'n':%ld,'text':'%s'", n, text);
	pid_t pid = vfork();
	int status = 0;

	if (pid == 0)
		_exit((int)n);
	waitpid(pid, &status, 0);
	long result = WEXITSTATUS(status) + n;
	return RESULT(call, "%ld", result);
}

static NOINLINE int executes(int n, const char *text)
{
	account_enter("executes", "'n':%d,'text':'%s'", n, text);
	execl(self, self, "executed", text, (char *)NULL);
	return n;
}

static NOINLINE int spawns(int n, const char *text)
{
	int call = account_enter("spawns", "'n':%d,'text':'%s'", n, text);
	pid_t pid = vfork();
	int status = 0;

	if (pid == 0) {
		execl(self, self, "executed", text, (char *)NULL);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	int result = WEXITSTATUS(status) + n;
	return RESULT(call, "%d", result);
}

static NOINLINE double ends(const char *how, int status, float weight)
{
	int call = account_enter("ends", "'how':'%s','status':%d,'weight':%.9g", how, status,
				 (double)weight);

	leaf(status, how);
	if (strcmp(how, "exit") == 0)
		exit(status);
	if (strcmp(how, "_exit") == 0)
		_exit(status);
	if (strcmp(how, "quick_exit") == 0)
		quick_exit(status);
	if (strcmp(how, "abort") == 0)
		abort();
	if (strcmp(how, "kill") == 0)
		kill(getpid(), SIGKILL);
	if (strcmp(how, "term") == 0)
		kill(getpid(), SIGTERM);
	if (strcmp(how, "segv") == 0)
		*(volatile int *)(long)(status - 2) = status; /* near null */
	double result = (double)weight * status;
	return RESULT(call, "%.17g", result);
}

static void at_exit(void)
{
	account_set_depth(0);
	int call = account_enter("at_exit", "%s", "");

	leaf(9, "at exit");
	account_leave(call);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	int result = 0;

	self = argv[0];
	account_begin(0);
	int call = account_enter("main", "'argc':%d", argc);

	if (strcmp(how, "forks") == 0)
		result = forks(3, 1.5);
	else if (strcmp(how, "forks_and_returns") == 0)
		result = forks_and_returns(4, "both return");
	else if (strcmp(how, "vforks") == 0)
		result = (int)vforks(5, "not for long");
	else if (strcmp(how, "executes") == 0)
		result = executes(6, "replaced");
	else if (strcmp(how, "spawns") == 0)
		result = spawns(7, "a child");
	else if (strcmp(how, "executed") == 0)
		result = leaf(8, argv[2]);
	else if (strcmp(how, "returns") == 0)
		atexit(at_exit);
	else
		result = (int)ends(how, 10, 2.5f);
	if (result >= 0)
		printf("%s: %d\n", how, result);
	return RESULT(call, "%d", result);
}
