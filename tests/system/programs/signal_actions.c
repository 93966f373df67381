/* SPDX-License-Identifier: MIT */
/*
 * What a program sees of its signals' actions, whatever ways it sets them in: as
 * if nobody else had one. Prints all of it.
 */
#include "guest.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static const int numbers[] = {SIGSEGV, SIGBUS, SIGTERM, SIGUSR1, SIGCHLD, 40};
static sigjmp_buf way_out;
static volatile int handled, sum;

static NOINLINE int leaf(const char *text, int n)
{
	sum += n;
	return n + (text != NULL);
}

static UNTRACED void handler(int number)
{
	handled += number;
}

static UNTRACED void leaving(int number, siginfo_t *info, void *context)
{
	(void)info, (void)context;
	handled += number;
	siglongjmp(way_out, 1);
}

static UNTRACED const char *name_of(const void *action)
{
	return action == (const void *)SIG_DFL	 ? "default"
	       : action == (const void *)SIG_IGN ? "ignored"
	       : action == (const void *)handler ? "handler"
	       : action == (const void *)leaving ? "leaving"
	       : action == (const void *)SIG_ERR ? "error"
						 : "another";
}

static UNTRACED void show(const char *what, int number)
{
	struct sigaction now;
	unsigned long raw[4] = {0};
	memset(&now, 0x55, sizeof(now));
	int result = sigaction(number, NULL, &now);
	printf("%s %d: %d %s %#x %#lx %s\n", what, number, result, name_of((void *)now.sa_handler),
	       now.sa_flags, now.sa_mask.__val[0], now.sa_restorer ? "restorer" : "none");
	long done = syscall(SYS_rt_sigaction, number, NULL, raw, 8);
	printf("  %ld %s %#lx %#lx %s\n", done, name_of((void *)raw[0]), raw[1], raw[3],
	       raw[2] ? "restorer" : "none");
}

static UNTRACED void set(int number, void *how, int flags, unsigned long mask)
{
	struct sigaction action = {.sa_handler = (void (*)(int))how, .sa_flags = flags}, old;
	action.sa_mask.__val[0] = mask;
	errno = 77;
	int result = sigaction(number, &action, &old);
	printf("set %d: %d %s %#x, errno %d\n", number, result, name_of((void *)old.sa_handler),
	       old.sa_flags, errno);
	/* The same place for both. */
	errno = 77;
	result = sigaction(number, &action, &action);
	printf("again: %d %s %#x, errno %d\n", result, name_of((void *)action.sa_handler),
	       action.sa_flags, errno);
	show("set", number);
}

static UNTRACED void in_all_ways(int number)
{
	show("first", number);
	set(number, (void *)handler, SA_RESTART, 0x200);
	leaf((const char *)16, 1);
	set(number, (void *)SIG_DFL, SA_RESTART | SA_NODEFER, 0x400);
	leaf((const char *)16, 2);
	set(number, (void *)leaving, SA_SIGINFO, 0);
	set(number, (void *)SIG_IGN, 0, 0);
	set(number, (void *)handler, (int)SA_RESETHAND | SA_RESTART, 0x800);
	raise(number);
	show("once", number);
	printf("signal: %s\n", name_of((void *)signal(number, handler)));
	show("signal", number);
	printf("sysv_signal: %s\n", name_of((void *)sysv_signal(number, handler)));
	show("sysv_signal", number);
	printf("sigset: %s\n", name_of((void *)sigset(number, SIG_DFL)));
	show("sigset", number);
	printf("sigignore: %d\n", sigignore(number));
	show("sigignore", number);
	siginterrupt(number, 1);
	show("siginterrupt", number);
	printf("default: %s\n", name_of((void *)signal(number, SIG_DFL)));
	show("default", number);
}

static UNTRACED void wrongly(void)
{
	static const int wrong[] = {-1, 0, SIGKILL, SIGSTOP, 32, 33, 65, 1 << 20};
	struct sigaction action = {.sa_handler = handler}, old;
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		errno = 0;
		int result = sigaction(wrong[i], &action, &old);
		printf("wrong %d: %d errno %d", wrong[i], result, errno);
		errno = 0;
		printf(", %s errno %d\n", name_of((void *)signal(wrong[i], handler)), errno);
	}
	/* A call that fails has changed nothing. */
	unsigned long raw[4] = {(unsigned long)leaving, 0x04000000, (unsigned long)handler, 0};
	long result = syscall(SYS_rt_sigaction, SIGSEGV, raw, NULL, 4);
	printf("size: %ld %d\n", result, errno);
	result = syscall(SYS_rt_sigaction, SIGSEGV, (void *)8, NULL, 8);
	printf("address: %ld %d\n", result, errno);
	show("nothing changed", SIGSEGV);
	raise(SIGSEGV);
	result = syscall(SYS_rt_sigaction, SIGUSR1, NULL, (void *)8, 8);
	printf("address: %ld %d\n", result, errno);
}

/* libc reads and writes these itself: a fault of the program's own, which it recovers from. */
static UNTRACED void with_bad_pointers(void)
{
	struct sigaction action = {.sa_sigaction = leaving, .sa_flags = SA_SIGINFO};
	sigaction(SIGSEGV, &action, NULL);
	for (int i = 0; i < 4; i++) {
		volatile int number = i & 1 ? SIGSEGV : SIGUSR1;
		if (sigsetjmp(way_out, 1) == 0)
			printf("%d\n", sigaction(number, i & 2 ? (struct sigaction *)8 : NULL,
						 i & 2 ? NULL : (struct sigaction *)8));
		else
			printf("recovered\n");
		leaf((const char *)16, i);
		fflush(stdout);
	}
	show("after", SIGSEGV);
}

static UNTRACED void in_children(void)
{
	signal(SIGSEGV, handler);
	signal(SIGTERM, SIG_DFL);
	fflush(stdout);
	if (fork() == 0) {
		show("fork", SIGSEGV);
		set(SIGSEGV, (void *)SIG_DFL, 0, 0);
		show("fork", SIGTERM);
		fflush(stdout);
		_exit(leaf((const char *)16, 0) != 1);
	}
	wait(NULL);
	pid_t child = vfork();
	if (child == 0) {
		/* What it sets is not the parent's. */
		struct sigaction now;
		sigaction(SIGSEGV, NULL, &now);
		int is_right = now.sa_handler == handler && !(now.sa_flags & SA_SIGINFO);
		sigaction(SIGSEGV, &now, NULL);
		signal(SIGBUS, handler);
		signal(SIGTERM, handler);
		_exit(is_right ? 3 : 4);
	}
	int status;
	waitpid(child, &status, 0);
	printf("vfork: %d\n", WEXITSTATUS(status));
	show("after vfork", SIGSEGV);
	show("after vfork", SIGBUS);
	show("after vfork", SIGTERM);
	raise(SIGSEGV);
	leaf((const char *)16, 5);
}

UNTRACED int main(void)
{
	leaf("a text", 1);
	for (unsigned int i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		in_all_ways(numbers[i]);
	signal(SIGSEGV, handler);
	wrongly();
	with_bad_pointers();
	in_children();
	printf("handled %d\n", handled);
	return 0;
}
