/* SPDX-License-Identifier: MIT */
/* Ways to die; argv[1] says which. "mine" as argv[2]: with handlers of its own. */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

static volatile int sum;
static sigjmp_buf recover;
static char *volatile guarded;

static NOINLINE void leaf(void)
{
	sum++;
}

static NOINLINE void bad_write(void)
{
	leaf();
	*(volatile int *)8 = 1;
}

static NOINLINE void calls_abort(void)
{
	leaf();
	abort();
}

static NOINLINE void *crashing_thread(void *unused)
{
	bad_write();
	return unused;
}

static NOINLINE void starts_crashing_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, crashing_thread, NULL);
	pthread_join(thread, NULL);
}

static NOINLINE long overflow(long n)
{
	volatile char pad[4096];

	pad[n % 4096] = 1;
	return overflow(n + 1) + pad[n % 4096];
}

static NOINLINE void raises(int signo)
{
	leaf();
	raise(signo);
	leaf();
}

static NOINLINE void kills_itself(int signo)
{
	leaf();
	kill(getpid(), signo);
	leaf();
}

static void repair(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	leaf();
	if (info->si_addr == guarded)
		mprotect(guarded, 4096, PROT_READ | PROT_WRITE);
	else
		siglongjmp(recover, 1);
}

static void says_goodbye(int signo)
{
	static const char text[] = "goodbye\n";

	leaf();
	if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
		_exit(1);
	if (signo == SIGTERM)
		_exit(21);
	signal(signo, SIG_DFL);
	raise(signo);
}

static NOINLINE void survives(void)
{
	struct sigaction action = {.sa_sigaction = repair, .sa_flags = SA_SIGINFO | SA_NODEFER};

	sigaction(SIGSEGV, &action, NULL);
	guarded = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*(volatile char *)guarded = 1;
	if (sigsetjmp(recover, 1) == 0)
		bad_write();
	leaf();
}

static void at_quick(void)
{
	leaf();
}

static NOINLINE void die(const char *how)
{
	if (strcmp(how, "segv") == 0)
		bad_write();
	else if (strcmp(how, "thread") == 0)
		starts_crashing_thread();
	else if (strcmp(how, "abort") == 0)
		calls_abort();
	else if (strcmp(how, "fpe") == 0)
		raises(SIGFPE);
	else if (strcmp(how, "bus") == 0)
		raises(SIGBUS);
	else if (strcmp(how, "ill") == 0)
		__builtin_trap();
	else if (strcmp(how, "trap") == 0)
		raises(SIGTRAP);
	else if (strcmp(how, "sys") == 0)
		raises(SIGSYS);
	else if (strcmp(how, "overflow") == 0)
		sum += (int)overflow(0);
	else if (strcmp(how, "term") == 0)
		kills_itself(SIGTERM);
	else if (strcmp(how, "int") == 0)
		kills_itself(SIGINT);
	else if (strcmp(how, "kill") == 0)
		kills_itself(SIGKILL);
	else if (strcmp(how, "_exit") == 0)
		_exit(12);
	else if (strcmp(how, "_Exit") == 0)
		_Exit(13);
	else if (strcmp(how, "quick_exit") == 0)
		quick_exit(14);
	else if (strcmp(how, "exit_group") == 0)
		syscall(SYS_exit_group, 15);
	else if (strcmp(how, "survive") == 0)
		survives();
	else if (strcmp(how, "ignore") == 0)
		raises(SIGTERM);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	at_quick_exit(at_quick);
	if (strcmp(how, "ignore") == 0)
		signal(SIGTERM, SIG_IGN);
	if (argc > 2) {
		signal(SIGSEGV, says_goodbye);
		signal(SIGABRT, says_goodbye);
		signal(SIGTERM, says_goodbye);
	}
	die(how);
	printf("%d\n", sum);
	return 0;
}
