/* SPDX-License-Identifier: MIT */
/* Coroutines that leave and come back in the middle of functions with values. */
#include "values_account.h"

#include "stack_switch.h"

enum { COROUTINES = 3, STACK_BYTES = 1 << 16 };

static struct context main_context, contexts[COROUTINES];
static int depths[COROUTINES + 1];
static volatile long sum;

/* Coroutine numbers begin at 1; 0 is the thread's own stack. */
static UNTRACED void go(int from, int to)
{
	depths[from] = account_depth();
	account_switch(to, depths[to]);
	switch_context(from ? &contexts[from - 1] : &main_context,
		       to ? &contexts[to - 1] : &main_context);
}

static NOINLINE double leaf(int n, double weight)
{
	int call = account_enter("leaf", "'n':%d,'weight':%.17g", n, weight);
	double result = n * weight;

	return RESULT(call, "%.17g", result);
}

static NOINLINE long yields(int self, int n, const char *text)
{
	int call = account_enter("yields", "'self':%d,'n':%d,'text':'%s'", self, n, text);
	long result = (long)leaf(n, 0.5);

	go(self, 0);
	result += n;
	return RESULT(call, "%ld", result);
}

static NOINLINE int nested(int self, int levels, const char *text)
{
	int call = account_enter("nested", "'self':%d,'levels':%d,'text':'%s'", self, levels, text);
	int result = levels ? nested(self, levels - 1, text) + 1 : (int)yields(self, 7, text);

	go(self, 0);
	return RESULT(call, "%d", result);
}

static NOINLINE int body(int self, double weight)
{
	static const char *const texts[] = {"none", "first", "second", "third"};
	int call = account_enter("body", "'self':%d,'weight':%.17g", self, weight);
	int result = 0;

	for (volatile int i = 0; i < self + 1; i++)
		result += (int)yields(self, i, texts[self]) + nested(self, i, texts[i]);
	sum += result;
	return RESULT(call, "%d", result);
}

static UNTRACED void runs(int self)
{
	account_switch(self, 0);
	body(self, self * 1.5);
	for (;;)
		go(self, 0);
}

static UNTRACED void start_1(void)
{
	runs(1);
}

static UNTRACED void start_2(void)
{
	runs(2);
}

static UNTRACED void start_3(void)
{
	runs(3);
}

static NOINLINE long schedules(int rounds, const char *text)
{
	int call = account_enter("schedules", "'rounds':%d,'text':'%s'", rounds, text);

	for (volatile int round = 0; round < rounds; round++) {
		go(0, 1 + round % COROUTINES);
		leaf(round, 2);
	}
	long result = sum;
	return RESULT(call, "%ld", result);
}

int main(int argc, char **argv)
{
	static void (*const starts[])(void) = {start_1, start_2, start_3};

	(void)argv;
	account_begin(0);
	int call = account_enter("main", "'argc':%d", argc);
	for (int i = 0; i < COROUTINES; i++)
		prepare_context(&contexts[i], stack_memory(STACK_BYTES), STACK_BYTES, starts[i]);
	printf("%ld\n", schedules(60, "in turns"));
	return RESULT(call, "%d", argc);
}
