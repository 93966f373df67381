/* SPDX-License-Identifier: MIT */
/*
 * A program that handles SIGSEGV and SIGBUS itself, in each way there is to set
 * a handler, and calls a function with good and bad pointers outside of its
 * handlers and in them. What it sees it prints.
 */
#include "guest.h"

#include <execinfo.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static char *gone;
static sigjmp_buf way_out;
static volatile int sum;
static int number;

static NOINLINE int takes(const char *text, int n)
{
	sum += n;
	return n + (text != NULL);
}

/* A call with a text, and one with a pointer to nothing. */
static UNTRACED void two_calls(void)
{
	char text[32];
	snprintf(text, sizeof(text), "text %d", number);
	takes(text, number++);
	takes(gone, number++);
}

static UNTRACED int depth(void)
{
	void *frames[64];
	return backtrace(frames, 64);
}

static UNTRACED void on_fault(int signal_number)
{
	two_calls();
	printf("  handler: %d, %d frames\n", signal_number, depth());
	siglongjmp(way_out, 1);
}

static UNTRACED void on_fault_with_info(int signal_number, siginfo_t *info, void *context)
{
	sigset_t mask;
	stack_t stack;
	sigprocmask(SIG_BLOCK, NULL, &mask);
	sigaltstack(NULL, &stack);
	two_calls();
	printf("  handler with info: %d, code %d, at gone%+td, USR1 %d, SEGV %d, stack %d, %d frames%s\n",
	       signal_number, info->si_code, (char *)info->si_addr - gone,
	       sigismember(&mask, SIGUSR1), sigismember(&mask, SIGSEGV),
	       stack.ss_flags & SS_ONSTACK ? 1 : 0, depth(), context ? "" : ", no context");
	siglongjmp(way_out, 1);
}

static UNTRACED NOINLINE void fault(void)
{
	two_calls();
	if (sigsetjmp(way_out, 1) == 0)
		*(volatile char *)(gone + 5) = 1;
	two_calls();
}

static UNTRACED const char *name_of(void *handler)
{
	return handler == (void *)SIG_DFL	       ? "default"
	       : handler == (void *)SIG_IGN	       ? "ignored"
	       : handler == (void *)on_fault	       ? "on_fault"
	       : handler == (void *)on_fault_with_info ? "on_fault_with_info"
						       : "another";
}

static UNTRACED void show(const char *what)
{
	struct sigaction action;
	sigaction(SIGSEGV, NULL, &action);
	printf("%s: %s, flags %x, USR1 %d\n", what, name_of((void *)action.sa_sigaction),
	       (unsigned int)action.sa_flags & ~0x04000000U, sigismember(&action.sa_mask, SIGUSR1));
}

static UNTRACED void set(int flags, int mask_number)
{
	struct sigaction action = {.sa_flags = flags}, old;
	if (flags & SA_SIGINFO)
		action.sa_sigaction = on_fault_with_info;
	else
		action.sa_handler = on_fault;
	sigemptyset(&action.sa_mask);
	if (mask_number)
		sigaddset(&action.sa_mask, mask_number);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, &old);
	printf("before: %s\n", name_of((void *)old.sa_sigaction));
	show("sigaction");
	fault();
}

UNTRACED int main(void)
{
	gone = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	set(0, 0);
	set(SA_SIGINFO, SIGUSR1);
	set(SA_SIGINFO | SA_NODEFER, 0);
	static char room[65536];
	stack_t stack = {.ss_sp = room, .ss_size = sizeof(room)};
	sigaltstack(&stack, NULL);
	set(SA_SIGINFO | SA_ONSTACK, SIGUSR1);
	set((int)SA_RESETHAND | SA_SIGINFO, 0);
	show("after a handler that resets itself");
	printf("signal: %s\n", name_of((void *)signal(SIGSEGV, on_fault)));
	show("signal");
	fault();
	printf("signal: %s\n", name_of((void *)signal(SIGSEGV, SIG_IGN)));
	show("ignored");
	two_calls();
	printf("sigset: %s\n", name_of((void *)sigset(SIGSEGV, on_fault)));
	show("sigset");
	fault();
	/* What sigaction() gave is set again. */
	struct sigaction kept, none = {.sa_handler = SIG_DFL};
	sigaction(SIGSEGV, &none, &kept);
	show("default");
	two_calls();
	sigaction(SIGSEGV, &kept, &kept);
	show("set again");
	printf("before: %s\n", name_of((void *)kept.sa_sigaction));
	fault();
	/* By the system call: libc's own is seen, and what was seen is set again. */
	struct {
		void *handler;
		unsigned long flags;
		void *restorer;
		unsigned long mask;
	} raw, raw_before;
	syscall(SYS_rt_sigaction, SIGSEGV, NULL, &raw, sizeof(raw.mask));
	printf("system call: %s, flags %lx\n", name_of(raw.handler), raw.flags & ~0x04000000UL);
	raw.handler = (void *)on_fault_with_info;
	raw.flags |= SA_SIGINFO;
	syscall(SYS_rt_sigaction, SIGSEGV, &raw, &raw_before, sizeof(raw.mask));
	printf("before: %s, flags %lx\n", name_of(raw_before.handler),
	       raw_before.flags & ~0x04000000UL);
	show("system call");
	fault();
	syscall(SYS_rt_sigaction, SIGSEGV, &raw_before, NULL, sizeof(raw.mask));
	show("system call again");
	fault();
	siginterrupt(SIGSEGV, 1);
	show("siginterrupt");
	fault();
	if (fork() == 0) {
		fault();
		_exit(0);
	}
	wait(NULL);
	if (sigsetjmp(way_out, 1) == 0)
		raise(SIGSEGV);
	two_calls();
	return 0;
}
