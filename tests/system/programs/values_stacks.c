/* SPDX-License-Identifier: MIT */
/*
 * Values on stacks of all kinds, and pointers that lead nowhere where nobody
 * may fault: signals blocked, ignored, in a handler.
 */
#include "values_account.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>

struct pair {
	long first;
	double second;
};

static volatile int sum;

static NOINLINE int leaf(int n, double weight)
{
	int call = account_enter("leaf", "'n':%d,'weight':%.17g", n, weight);

	sum += n;
	return RESULT(call, "%d", n);
}

static NOINLINE struct pair on_stack(struct pair pair, const struct pair *by, int a, int b, int c,
				     int d, const char *text)
{
	int call = account_enter("on_stack",
				 "'pair':{'first':%ld,'second':%.17g},'by':{'first':%ld},'a':%d,"
				 "'b':%d,'c':%d,'d':%d,'text':'%s'",
				 pair.first, pair.second, by->first, a, b, c, d, text);
	struct pair result = {pair.first + leaf(a, pair.second), pair.second + b};

	account_return(call, "{'first':%ld,'second':%.17g}", result.first, result.second);
	return result;
}

/* The pointer is never followed by the program. */
static NOINLINE long bad_string(const char *bad, int n)
{
	int call = account_enter("bad_string", "'n':%d", n);
	long result = bad ? n : -n;

	return RESULT(call, "%ld", result);
}

static NOINLINE long bad_pair(const struct pair *bad, int n)
{
	int call = account_enter("bad_pair", "'n':%d", n);
	long result = bad ? n : -n;

	return RESULT(call, "%ld", result);
}

static UNTRACED void uses_stack(int n, const char *text)
{
	struct pair pair = {n, n / 4.0}, by = {n + 1, 0};

	sum += (int)on_stack(pair, &by, n, n + 1, n + 2, n + 3, text).first;
}

static char *page; /* readable, before one that is not */
static char *file; /* a page of a file, before one beyond its end */

static UNTRACED void uses_bad_pointers(int n)
{
	char *const bad[] = {page + 4096, page + 4095,	      page + 4088,	  (char *)8,
			     (char *)-8L, (char *)(1L << 47), (char *)(1L << 63), NULL};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		bad_string(bad[i], n + (int)i);
		bad_pair((const struct pair *)bad[i], n + (int)i);
	}
}

static NOINLINE void on_signal(int number)
{
	int call = account_enter("on_signal", "'number':%d", number);

	uses_stack(number, "in a handler");
	uses_bad_pointers(number * 100);
	account_leave(call);
}

static void *thread(void *data)
{
	account_begin(0);
	int call = account_enter("thread", "%s", "");

	uses_stack(*(int *)data, "in a thread");
	account_return(call, "null");
	return NULL;
}

static UNTRACED void in_threads(void)
{
	static char memory[1 << 17] __attribute__((aligned(4096)));
	pthread_attr_t attributes;
	pthread_t id;
	int n = 20;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 1 << 16);
	pthread_create(&id, &attributes, thread, &n);
	pthread_join(id, NULL);
	n = 30;
	pthread_attr_setstack(&attributes, memory, sizeof(memory));
	pthread_create(&id, &attributes, thread, &n);
	pthread_join(id, NULL);
	pthread_attr_destroy(&attributes);
}

static UNTRACED void on_signal_stacks(void)
{
	static char low[1 << 16];
	char high[1 << 16];
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
	stack_t stack = {.ss_sp = low, .ss_size = sizeof(low)};

	sigaction(SIGUSR1, &action, NULL);
	sigaltstack(&stack, NULL);
	raise(SIGUSR1);
	stack.ss_sp = high;
	sigaltstack(&stack, NULL);
	raise(SIGUSR1);
	stack.ss_flags = SS_DISABLE;
	sigaltstack(&stack, NULL);
	raise(SIGUSR1);
}

static UNTRACED void where_nobody_may_fault(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t all, before;

	uses_bad_pointers(1000);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	uses_bad_pointers(2000);
	sigprocmask(SIG_SETMASK, &before, NULL);
	signal(SIGSEGV, SIG_IGN);
	signal(SIGBUS, SIG_IGN);
	uses_bad_pointers(3000);
	action.sa_mask = all;
	sigaction(SIGSEGV, &action, NULL);
	uses_bad_pointers(4000);
	raise(SIGSEGV);
	signal(SIGSEGV, SIG_DFL);
	uses_bad_pointers(5000);
}

static volatile bool stop;

static UNTRACED void *takes_away(void *nothing)
{
	while (!stop) {
		mprotect(page, 4096, PROT_NONE);
		BARRIER();
		mprotect(page, 4096, PROT_READ | PROT_WRITE);
	}
	return nothing;
}

static NOINLINE long racing(const char *bad, const struct pair *pair, int n)
{
	return bad != (const char *)pair ? n : -n;
}

static UNTRACED void on_fault(int number)
{
	(void)number;
	_exit(92);
}

/* Memory goes and comes while it is read. */
static UNTRACED void races(void)
{
	pthread_t id;

	signal(SIGSEGV, on_fault);
	signal(SIGBUS, on_fault);
	pthread_create(&id, NULL, takes_away, NULL);
	for (int i = 0; i < 4000; i++)
		racing(page + i % 4000, (struct pair *)page, i);
	stop = true;
	pthread_join(id, NULL);
}

int main(int argc, char **argv)
{
	account_begin(0);
	int call = account_enter("main", "'argc':%d", argc);

	page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(page + 4096, 4096, PROT_NONE);
	memset(page, 'x', 4096);
	int fd = memfd_create("values", MFD_CLOEXEC);
	if (ftruncate(fd, 4096))
		return 1;
	file = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (argc > 1 && argv[1][0] == 'r') {
		races();
		puts("no fault");
		return RESULT(call, "%d", argc);
	}
	uses_stack(10, "on the main stack");
	in_threads();
	on_signal_stacks();
	where_nobody_may_fault();
	printf("%d\n", sum);
	return RESULT(call, "%d", argc);
}
