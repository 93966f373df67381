/* SPDX-License-Identifier: MIT */
/*
 * longjmp and siglongjmp past functions with values, setjmp that returns twice
 * in one, and handlers of signals that a function raises or causes itself.
 */
#include "values_account.h"

#include <setjmp.h>
#include <signal.h>
#include <string.h>

static jmp_buf target;
static sigjmp_buf signal_target;
static volatile int sum;

static NOINLINE int leaf(int n, unsigned char small)
{
	int call = account_enter("leaf", "'n':%d,'small':%d", n, small);

	sum += n + small;
	return RESULT(call, "%d", n);
}

static NOINLINE long jumper(long n, const char *text)
{
	account_enter("jumper", "'n':%ld,'text':'%s'", n, text);
	leaf((int)n, 1);
	longjmp(target, (int)n);
	return n;
}

static NOINLINE double middle(int n, double factor)
{
	int call = account_enter("middle", "'n':%d,'factor':%.17g", n, factor);
	double result = (double)jumper(n, "middle") * factor;

	return RESULT(call, "%.17g", result);
}

/* Jumps away for odd numbers, returns for even ones. */
static NOINLINE long alternates(int n, const char *text)
{
	int call = account_enter("alternates", "'n':%d,'text':'%s'", n, text);

	if (n % 2)
		middle(n, 0.5);
	long result = n * 3L;
	return RESULT(call, "%ld", result);
}

static NOINLINE int returns_twice(int n, double weight)
{
	volatile int call = account_enter("returns_twice", "'n':%d,'weight':%.17g", n, weight);
	int value = setjmp(target);

	if (value == 0) {
		alternates(n, "in returns_twice");
		value = -1;
	} else {
		account_landed(call);
	}
	int result = value + (int)weight;
	return RESULT(call, "%d", result);
}

static NOINLINE void in_a_loop(int rounds)
{
	volatile int call = account_enter("in_a_loop", "'rounds':%d", rounds);

	for (volatile int i = 0; i < rounds; i++) {
		if (setjmp(target) == 0)
			leaf((int)alternates(i, "loop"), 2);
		else
			account_landed(call);
	}
	account_leave(call);
}

/* setjmp stays valid while the function runs: jumped to again and again. */
static NOINLINE unsigned comes_back(unsigned times)
{
	volatile int call = account_enter("comes_back", "'times':%u", times);
	volatile unsigned count = 0;

	setjmp(target);
	account_landed(call);
	if (++count < times)
		jumper((long)count, "again");
	unsigned result = count;
	return RESULT(call, "%u", result);
}

struct triple {
	int a, b, c;
};

static NOINLINE struct triple recurses(int level, int bottom)
{
	volatile int call = account_enter("recurses", "'level':%d,'bottom':%d", level, bottom);
	struct triple result = {level, bottom, 0};

	if (level == 2 && setjmp(target)) {
		account_landed(call);
		result.c = leaf(level, 3);
	} else if (level == bottom) {
		longjmp(target, 1);
	} else {
		result = recurses(level + 1, bottom);
		result.a += 1;
	}
	account_return(call, "{'a':%d,'b':%d,'c':%d}", result.a, result.b, result.c);
	return result;
}

/* Called by qsort, which has no hooks. */
static NOINLINE int compares(const void *a, const void *b)
{
	int left = *(const int *)a, right = *(const int *)b;
	int call = account_enter("compares", "%s", "");

	if (left + right > 100)
		longjmp(target, left + right);
	int result = left < right ? -1 : left > right;
	return RESULT(call, "%d", result);
}

static NOINLINE int sorts(int last)
{
	volatile int call = account_enter("sorts", "'last':%d", last);
	int numbers[] = {5, 3, 9, 1, last};
	volatile int result = 0;

	if (setjmp(target) == 0) {
		qsort(numbers, 5, sizeof(numbers[0]), compares);
		result = numbers[4];
	} else {
		account_landed(call);
		result = -last;
	}
	int value = result;
	return RESULT(call, "%d", value);
}

static NOINLINE void on_signal(int number)
{
	int call = account_enter("on_signal", "'number':%d", number);

	leaf(number, 4);
	if (number == SIGSEGV || sum % 2)
		siglongjmp(signal_target, number);
	account_leave(call);
}

static NOINLINE short raises(short n, float weight)
{
	int call = account_enter("raises", "'n':%d,'weight':%.9g", n, (double)weight);

	raise(SIGUSR1);
	short result = (short)(n + (short)weight);
	return RESULT(call, "%d", result);
}

static NOINLINE int faults(const int *pointer, int n)
{
	int call = account_enter("faults", "'n':%d", n);
	int result = *(const volatile int *)pointer + n;

	return RESULT(call, "%d", result);
}

static NOINLINE long handlers(int rounds)
{
	volatile int call = account_enter("handlers", "'rounds':%d", rounds);
	volatile long total = 0;
	int good = 8;

	for (volatile int i = 0; i < rounds; i++) {
		if (sigsetjmp(signal_target, 1) == 0)
			total += raises((short)i, (float)i / 2);
		else
			account_landed(call);
		if (sigsetjmp(signal_target, 1) == 0)
			total += faults(i % 2 ? &good : NULL, i);
		else
			account_landed(call);
	}
	long result = total;
	return RESULT(call, "%ld", result);
}

/* The frame that is called next reaches far below all those that were left. */
static NOINLINE int large_frame(int n, const char *text)
{
	int call = account_enter("large_frame", "'n':%d,'text':'%s'", n, text);
	volatile char pad[65536];

	memset((char *)pad, n, sizeof(pad));
	int result = leaf(n, 5) + pad[100];
	return RESULT(call, "%d", result);
}

static NOINLINE int jumps_to_large_frame(int n)
{
	volatile int call = account_enter("jumps_to_large_frame", "'n':%d", n);

	if (setjmp(target) == 0)
		middle(n, 1.5);
	account_landed(call);
	int result = large_frame(n, "after a jump");
	return RESULT(call, "%d", result);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_NODEFER};
	long total = 0;

	(void)argv;
	account_begin(0);
	int call = account_enter("main", "'argc':%d", argc);

	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	for (int i = 1; i < 6; i++)
		total += returns_twice(i, i * 2.5);
	in_a_loop(30);
	total += comes_back(6);
	struct triple triple = recurses(0, 6);
	total += triple.a * 100 + triple.b * 10 + triple.c;
	total += sorts(7) + sorts(99);
	total += handlers(11);
	total += jumps_to_large_frame(12);
	printf("%ld %d\n", total, sum);
	return RESULT(call, "%d", argc);
}
