// SPDX-License-Identifier: MIT
// Calls, returns, throws, catches, rethrows and signals at random (argv[1] is the seed), through
// functions with values of many kinds.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "values_account.h"

enum { MAX_CALLS = 1500, MAX_DEPTH = 20 };

struct Pair {
	long first;
	double second;
};

struct Triple {
	int a;
	float b;
	long c[2];
};

static unsigned long state;
static int calls;

static UNTRACED unsigned pick(unsigned below)
{
	state = state * 6364136223846793005UL + 1442695040888963407UL;
	return (unsigned)(state >> 33) % below;
}

static const char *const texts[] = {"", "a", "some text", "quite a long text of many characters"};

static int act_int(int n, const char *text);
static double act_double(double x, const Pair &pair, unsigned char small);
static Pair act_pair(Pair pair, long n);
static Triple act_triple(short n, Triple triple, const Triple *other);
static std::string act_string(const std::string &text, unsigned n);
static void act_nothing(long double x, bool b, int n);
static bool act_bool(float x, unsigned long n);

/* Some calls, and an exception at times. */
static UNTRACED long steps(int depth)
{
	long total = 0;

	for (unsigned count = pick(4); count > 0; count--) {
		if (calls >= MAX_CALLS || depth >= MAX_DEPTH)
			break;
		const int n = (int)pick(2000) - 1000;
		const char *text = texts[pick(4)];

		switch (pick(10)) {
		case 0:
			total += act_int(n, text);
			break;
		case 1:
			total += (long)act_double(n / 8.0, Pair{n, n * 0.5}, (unsigned char)n);
			break;
		case 2:
			total += act_pair(Pair{n * 3L, n * 0.25}, n).first;
			break;
		case 3: {
			const Triple other = {n, 0.5f, {n, -n}};
			total += act_triple((short)n, Triple{n + 1, 1.5f, {1, n}}, &other).c[1];
			break;
		}
		case 4:
			total += (long)act_string(text, pick(30)).size();
			break;
		case 5:
			act_nothing(n / 4.0L, n % 2, n);
			break;
		case 6:
			total += act_bool((float)n / 2, (unsigned long)n);
			break;
		case 7:
			raise(SIGUSR1);
			break;
		default:
			if (pick(3) == 0)
				throw(int) pick(3);
		}
	}
	return total;
}

/* The same with a handler, that may throw on. */
static UNTRACED long body(int call)
{
	const int depth = account_depth();

	calls++;
	if (pick(2))
		return steps(depth);
	try {
		return steps(depth);
	} catch (int value) {
		account_landed(call);
		if (value == 0)
			throw;
		return steps(depth) + value;
	}
}

static NOINLINE int act_int(int n, const char *text)
{
	int call = account_enter("act_int", "'n':%d,'text':'%s'", n, text);
	int result = (int)body(call) + n;

	return RESULT(call, "%d", result);
}

static NOINLINE double act_double(double x, const Pair &pair, unsigned char small)
{
	int call = account_enter("act_double",
				 "'x':%.17g,'pair':{'first':%ld,'second':%.17g},'small':%d", x,
				 pair.first, pair.second, small);
	double result = (double)body(call) * 0.5 + x;

	return RESULT(call, "%.17g", result);
}

static NOINLINE Pair act_pair(Pair pair, long n)
{
	int call = account_enter("act_pair", "'pair':{'first':%ld,'second':%.17g},'n':%ld",
				 pair.first, pair.second, n);
	Pair result = {pair.first + body(call), pair.second * 2};

	account_return(call, "{'first':%ld,'second':%.17g}", result.first, result.second);
	return result;
}

static NOINLINE Triple act_triple(short n, Triple triple, const Triple *other)
{
	int call = account_enter("act_triple",
				 "'n':%d,'triple':{'a':%d,'b':%.9g,'c':[%ld,%ld]},"
				 "'other':{'a':%d,'c':[%ld,%ld]}",
				 n, triple.a, (double)triple.b, triple.c[0], triple.c[1], other->a,
				 other->c[0], other->c[1]);
	Triple result = {triple.a + n, triple.b, {body(call), other->c[1]}};

	account_return(call, "{'a':%d,'b':%.9g,'c':[%ld,%ld]}", result.a, (double)result.b,
		       result.c[0], result.c[1]);
	return result;
}

static NOINLINE std::string act_string(const std::string &text, unsigned n)
{
	int call = account_enter("act_string", "'text':'%s','n':%u", text.c_str(), n);
	std::string result = text.substr(0, n);

	body(call);
	account_return(call, "'%s'", result.c_str());
	return result;
}

static NOINLINE void act_nothing(long double x, bool b, int n)
{
	int call = account_enter("act_nothing", "'x':%.17g,'b':%s,'n':%d", (double)x,
				 b ? "true" : "false", n);

	body(call);
	account_leave(call);
}

static NOINLINE bool act_bool(float x, unsigned long n)
{
	int call = account_enter("act_bool", "'x':%.9g,'n':%lu", (double)x, n);
	bool result = body(call) % 2 != 0;

	account_return(call, "%s", result ? "true" : "false");
	return result;
}

static NOINLINE void on_signal(int number)
{
	int call = account_enter("on_signal", "'number':%d", number);

	try {
		if (account_depth() < MAX_DEPTH)
			act_int(number, "in a handler");
	} catch (int) {
		account_landed(call);
	}
	account_leave(call);
}

int main(int argc, char **argv)
{
	struct sigaction action = {};

	action.sa_handler = on_signal;
	action.sa_flags = SA_NODEFER;
	sigaction(SIGUSR1, &action, nullptr);
	state = argc > 1 ? strtoul(argv[1], nullptr, 10) : 1;
	account_begin(0);
	int call = account_enter("main", "'argc':%d", argc);
	long total = 0;

	for (volatile int round = 0; round < 300 && calls < MAX_CALLS; round = round + 1) {
		try {
			total += steps(1);
		} catch (int value) {
			account_landed(call);
			total += value;
		}
	}
	printf("%ld of %d\n", total, calls);
	return RESULT(call, "%d", argc);
}
