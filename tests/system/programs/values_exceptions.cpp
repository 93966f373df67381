// SPDX-License-Identifier: MIT
// Exceptions in every shape, through functions that have arguments and return values; all but
// "terminate", "unexpected" and "uncaught" (argv[1]) in one run. -std=gnu++14: it has exception
// specifications.
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <pthread.h>

#include "values_account.h"
#include "values_thrower.h"

struct Pair {
	long first;
	double second;
};

static volatile int sum;

static NOINLINE int leaf(int n)
{
	int call = account_enter("leaf", "'n':%d", n);

	sum = sum + n;
	return RESULT(call, "%d", n);
}

static NOINLINE int thrower(int n, const char *text)
{
	account_enter("thrower", "'n':%d,'text':'%s'", n, text);
	if (leaf(n) >= 0)
		throw n;
	return n;
}

/* Returns for even numbers, throws for odd ones. */
static NOINLINE long alternates(int n, double factor)
{
	int call = account_enter("alternates", "'n':%d,'factor':%.17g", n, factor);

	if (n % 2)
		throw n;
	long result = n * 1000L + (long)factor;
	return RESULT(call, "%ld", result);
}

static NOINLINE void returns_and_throws()
{
	int call = account_enter("returns_and_throws", "%s", "");

	for (volatile int i = 0; i < 40; i = i + 1) {
		try {
			leaf((int)alternates(i, i * 1.5));
		} catch (int n) {
			account_landed(call);
			leaf(-n);
		}
	}
	account_leave(call);
}

static NOINLINE int rethrows(int levels, const char *text)
{
	int call = account_enter("rethrows", "'levels':%d,'text':'%s'", levels, text);

	try {
		if (levels == 0)
			thrower(100, text);
		else
			rethrows(levels - 1, text);
	} catch (...) {
		account_landed(call);
		leaf(levels);
		throw;
	}
	return RESULT(call, "%d", levels);
}

static NOINLINE int catches_rethrown(int levels)
{
	int call = account_enter("catches_rethrown", "'levels':%d", levels);
	int result = -1;

	try {
		result = rethrows(levels, "again");
	} catch (int n) {
		account_landed(call);
		result = n + levels;
	}
	return RESULT(call, "%d", result);
}

/* A handler that throws and catches another exception, and then rethrows the first. */
static NOINLINE int nested(int n)
{
	int call = account_enter("nested", "'n':%d", n);
	int result;

	try {
		try {
			thrower(n, "outer");
		} catch (int first) {
			account_landed(call);
			try {
				thrower(first + 1, "inner");
			} catch (int second) {
				account_landed(call);
				leaf(second);
			}
			leaf(first);
			throw;
		}
		result = -1;
	} catch (int first) {
		account_landed(call);
		result = first * 10;
	}
	return RESULT(call, "%d", result);
}

/* Knows the depth at which its destructor runs when an exception leaves its scope. */
struct Guard {
	int id;
	int depth;

	NOINLINE explicit Guard(int number) : id(number)
	{
		int call = account_enter("Guard::Guard", "'number':%d", number);

		account_leave(call);
		depth = account_depth();
	}
	NOINLINE Guard(const Guard &other) : id(other.id + 1)
	{
		int call = account_enter("Guard::Guard", "%s", "");

		account_leave(call);
		depth = account_depth();
	}
	NOINLINE ~Guard()
	{
		if (std::uncaught_exception())
			account_set_depth(depth);
		int call = account_enter("Guard::~Guard", "%s", "");

		leaf(id);
		account_leave(call);
	}
	UNTRACED void here()
	{
		depth = account_depth();
	}
};

static NOINLINE int past_destructors(int n)
{
	int call = account_enter("past_destructors", "'n':%d", n);
	Guard outer(n);

	for (volatile int i = 0; i < 2; i = i + 1) {
		Guard inner(n + 1 + i);
		leaf(i);
		if (i)
			thrower(n, "past destructors");
	}
	return RESULT(call, "%d", n);
}

/* Its destructor throws and catches; it is run by an exception, or without one. */
struct ThrowsInside {
	int depth;

	UNTRACED ThrowsInside() : depth(account_depth())
	{
	}
	NOINLINE ~ThrowsInside()
	{
		if (std::uncaught_exception())
			account_set_depth(depth);
		int call = account_enter("ThrowsInside::~ThrowsInside", "%s", "");

		try {
			thrower(4, "in a destructor");
		} catch (int n) {
			account_landed(call);
			leaf(n);
		}
		account_leave(call);
	}
};

static NOINLINE double destroys(int n, bool throws)
{
	int call = account_enter("destroys", "'n':%d,'throws':%s", n, throws ? "true" : "false");
	ThrowsInside object;

	if (throws)
		thrower(n, "while an object is alive");
	double result = n / 4.0;
	account_promise(call, "%.17g", result);
	return result;
}

/* A destructor that may throw, and does. */
struct Throws {
	int n;

	UNTRACED explicit Throws(int number) : n(number)
	{
	}
	NOINLINE ~Throws() noexcept(false)
	{
		account_enter("Throws::~Throws", "%s", "");
		thrower(n, "out of a destructor");
	}
};

static NOINLINE int leaves_by_destructor(int n)
{
	int call = account_enter("leaves_by_destructor", "'n':%d", n);
	Guard guard(n);
	Throws object(n + 1);

	leaf(call >= 0 ? n : 0);
	return n; /* not reached by the caller */
}

static int in_try_block;

static NOINLINE int function_try_block(int n, const char *text)
try {
	in_try_block = account_enter("function_try_block", "'n':%d,'text':'%s'", n, text);
	return thrower(n, text);
} catch (int value) {
	account_landed(in_try_block);
	leaf(value);
	int result = value + 1;
	return RESULT(in_try_block, "%d", result);
}

/* A member's constructor fails below a function-try-block, which always throws on. */
struct Member {
	NOINLINE explicit Member(int n)
	{
		account_enter("Member::Member", "'n':%d", n);
		thrower(n, "from a constructor");
	}
};

struct Whole {
	Guard guard;
	Member member;

	NOINLINE explicit Whole(int n)
	try : guard(n), member(n + 1) {
	} catch (int) {
		throw;
	}
};

static NOINLINE int constructor_fails(int n)
{
	int call = account_enter("constructor_fails", "'n':%d", n);
	int result = 0;

	try {
		Whole whole(n);
	} catch (int value) {
		account_landed(call);
		result = value;
	}
	return RESULT(call, "%d", result);
}

/* By value: constructed and destroyed by the caller, passed by address. */
static NOINLINE int takes_by_value(Guard guard, int n, bool throws)
{
	int call = account_enter("takes_by_value", "'n':%d,'throws':%s", n,
				 throws ? "true" : "false");

	if (throws)
		throw n;
	int result = guard.id + n;
	return RESULT(call, "%d", result);
}

static NOINLINE int passes_by_value(int n)
{
	int call = account_enter("passes_by_value", "'n':%d", n);
	int result = 0;

	for (volatile int i = 0; i < 2; i = i + 1) {
		try {
			result += takes_by_value(Guard(n), n + 1, i == 1);
		} catch (int value) {
			account_landed(call);
			result += value;
		}
	}
	return RESULT(call, "%d", result);
}

/* Returned through a hidden pointer; the object exists already when the function throws. */
static NOINLINE Guard returns_object(int n, bool throws)
{
	int call = account_enter("returns_object", "'n':%d,'throws':%s", n,
				 throws ? "true" : "false");
	Guard result(n * 2);

	if (throws)
		thrower(n, "with a result");
	account_return(call, "{'id':%d}", result.id);
	return result;
}

static NOINLINE int gets_object(int n)
{
	int call = account_enter("gets_object", "'n':%d", n);
	int result = 0;

	for (volatile int i = 0; i < 2; i = i + 1) {
		try {
			Guard guard = returns_object(n, i == 1);
			guard.here();
			result += guard.id;
		} catch (int value) {
			account_landed(call);
			result += value;
		}
	}
	return RESULT(call, "%d", result);
}

static NOINLINE Pair returns_pair(long first, double second, bool throws)
{
	int call = account_enter("returns_pair", "'first':%ld,'second':%.17g,'throws':%s", first,
				 second, throws ? "true" : "false");

	if (throws)
		throw Pair{first, second};
	Pair pair = {first + 1, second * 2};
	account_return(call, "{'first':%ld,'second':%.17g}", pair.first, pair.second);
	return pair;
}

static NOINLINE double gets_pair(long n)
{
	int call = account_enter("gets_pair", "'n':%ld", n);
	double result = 0;

	for (volatile int i = 0; i < 2; i = i + 1) {
		try {
			result += returns_pair(n, n / 8.0, i == 1).second;
		} catch (const Pair &pair) {
			account_landed(call);
			result += (double)pair.first;
		}
	}
	return RESULT(call, "%.17g", result);
}

/* An object as exception: copied, caught by base, and sliced. */
struct Error {
	int code;

	NOINLINE explicit Error(int number) : code(number)
	{
		int call = account_enter("Error::Error", "'number':%d", number);

		account_leave(call);
	}
	NOINLINE Error(const Error &other) : code(other.code)
	{
		int call = account_enter("Error::Error", "%s", "");

		account_leave(call);
	}
	NOINLINE virtual ~Error()
	{
		int call = account_enter("Error::~Error", "%s", "");

		account_leave(call);
	}
	NOINLINE virtual int value(int factor) const
	{
		int call = account_enter("Error::value", "'factor':%d", factor);
		int result = code * factor;

		return RESULT(call, "%d", result);
	}
};

struct Special : Error {
	NOINLINE explicit Special(int number) : Error((account_enter_special(number), number))
	{
		account_leave(entered);
	}
	NOINLINE Special(const Special &other) = default;
	NOINLINE int value(int factor) const override
	{
		int call = account_enter("Special::value", "'factor':%d", factor);
		int result = Error::value(factor) + 1;

		return RESULT(call, "%d", result);
	}
	UNTRACED ~Special() override
	{
	}
	static int entered;
	static UNTRACED void account_enter_special(int number)
	{
		entered = account_enter("Special::Special", "'number':%d", number);
	}
};

int Special::entered;

static NOINLINE short throws_object(short n)
{
	account_enter("throws_object", "'n':%d", n);
	if (n)
		throw Special(n);
	return n;
}

static NOINLINE int catches_object(short n)
{
	int call = account_enter("catches_object", "'n':%d", n);
	int result = 0;

	try {
		throws_object(n);
	} catch (const Error &error) {
		account_landed(call);
		result = error.value(3);
	}
	return RESULT(call, "%d", result);
}

/* Exceptions carried by exception_ptr, thrown twice. */
static std::exception_ptr kept;

static NOINLINE int keeps(int n)
{
	int call = account_enter("keeps", "'n':%d", n);
	int result = 0;

	try {
		thrower(n, "to be kept");
	} catch (...) {
		account_landed(call);
		kept = std::current_exception();
		result = 1;
	}
	return RESULT(call, "%d", result);
}

static NOINLINE int throws_kept(int n)
{
	account_enter("throws_kept", "'n':%d", n);
	if (n)
		std::rethrow_exception(kept);
	return n;
}

static NOINLINE int exception_pointer(int n)
{
	int call = account_enter("exception_pointer", "'n':%d", n);
	int result = 0;

	keeps(n);
	for (volatile int i = 0; i < 3; i = i + 1) {
		try {
			throws_kept(i + 1);
		} catch (int value) {
			account_landed(call);
			result += value;
		}
	}
	return RESULT(call, "%d", result);
}

static void *rethrows_in_thread(void *data)
{
	account_begin(0);
	int call = account_enter("rethrows_in_thread", "%s", "");
	int n = *(int *)data;

	try {
		throws_kept(n);
	} catch (int value) {
		account_landed(call);
		*(int *)data = value + n;
	}
	account_return(call, "null");
	return nullptr;
}

static NOINLINE int in_another_thread(int n)
{
	int call = account_enter("in_another_thread", "'n':%d", n);
	pthread_t thread;
	int data = n;

	keeps(n);
	pthread_create(&thread, nullptr, rethrows_in_thread, &data);
	pthread_join(thread, nullptr);
	kept = nullptr;
	return RESULT(call, "%d", data);
}

/* Exception specifications. */
static NOINLINE int allows_int(int n) noexcept(false)
{
	account_enter("allows_int", "'n':%d", n);
	return thrower(n, "allowed");
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated"
static NOINLINE int specified(int n) throw(int)
{
	int call = account_enter("specified", "'n':%d", n);

	if (n > 0)
		thrower(n, "specified");
	return RESULT(call, "%d", n);
}

/* Throws what its specification does not allow, and std::bad_exception comes out. */
static NOINLINE int badly_specified(int n) throw(std::bad_exception)
{
	account_enter("badly_specified", "'n':%d", n);
	return thrower(n, "not specified");
}
#pragma GCC diagnostic pop

static NOINLINE int specifications(int n)
{
	int call = account_enter("specifications", "'n':%d", n);
	int result = specified(-n);

	try {
		specified(n);
	} catch (int value) {
		account_landed(call);
		result += value;
	}
	try {
		allows_int(n);
	} catch (int value) {
		account_landed(call);
		result += value;
	}
	return RESULT(call, "%d", result);
}

static NOINLINE int across_library(int n)
{
	int call = account_enter("across_library", "'n':%d", n);
	int result = 0;

	try {
		result = library_throws(n, "library", n / 2.0);
	} catch (const Thrown &thrown) {
		account_landed(call);
		result = thrown.n + 1;
	}
	return RESULT(call, "%d", result);
}

static NOINLINE long called_back(long n, const char *text)
{
	account_enter("called_back", "'n':%ld,'text':'%s'", n, text);
	thrower((int)n, text);
	return n;
}

static NOINLINE long through_library(long n)
{
	int call = account_enter("through_library", "'n':%ld", n);
	long result = 0;

	try {
		result = library_calls(called_back, n);
	} catch (int value) {
		account_landed(call);
		result = value + 5;
	}
	result += library_catches(n);
	return RESULT(call, "%ld", result);
}

/* Inlined where there is optimisation: its exit hook runs in the middle of a frame. */
static inline __attribute__((always_inline)) int inlined(int n)
{
	int call = account_enter("inlined", "'n':%d", n);
	int result = n * 3;

	return RESULT(call, "%d", result);
}

static NOINLINE int throws_after_inlined(int n)
{
	int call = account_enter("throws_after_inlined", "'n':%d", n);
	int value = inlined(n);

	if (value % 2)
		throw value;
	return RESULT(call, "%d", value);
}

static NOINLINE int after_inlined(int n)
{
	int call = account_enter("after_inlined", "'n':%d", n);
	int result = 0;

	for (volatile int i = 0; i < 4; i = i + 1) {
		try {
			result += throws_after_inlined(n + i);
		} catch (int value) {
			account_landed(call);
			result -= value;
		}
	}
	return RESULT(call, "%d", result);
}

template <typename T> static NOINLINE T twice(T value, bool throws)
{
	int call = account_enter("int twice<int>", "'value':%d,'throws':%s", (int)value,
				 throws ? "true" : "false");

	if (throws)
		throw value;
	T result = value + value;
	return RESULT(call, "%d", (int)result);
}

static NOINLINE int templates(int n)
{
	int call = account_enter("templates", "'n':%d", n);
	int result = twice<int>(n, false);

	try {
		result = twice<int>(n, true);
	} catch (int value) {
		account_landed(call);
		result += value;
	}
	return RESULT(call, "%d", result);
}

/* A deep recursion left at once, with a large frame in between. */
static NOINLINE int deep(int levels, double weight)
{
	int call = account_enter("deep", "'levels':%d,'weight':%.17g", levels, weight);
	volatile char pad[3000];

	memset((char *)pad, levels, sizeof(pad));
	if (levels == 0)
		throw 77;
	int result = deep(levels - 1, weight / 2) + pad[5];
	return RESULT(call, "%d", result);
}

static NOINLINE int leaves_deep(int levels)
{
	int call = account_enter("leaves_deep", "'levels':%d", levels);
	int result = 0;

	try {
		result = deep(levels, 1024);
	} catch (int value) {
		account_landed(call);
		result = value;
	}
	return RESULT(call, "%d", result);
}

/* noexcept is violated below it: terminate is called before or while frames are left. */
static NOINLINE int never_throws(int n) noexcept
{
	account_enter("never_throws", "'n':%d", n);
	return thrower(n, "through noexcept");
}

static UNTRACED void on_terminate()
{
	std::exception_ptr current = std::current_exception();
	printf("terminate: %s\n", current ? "an exception" : "none");
	fflush(stdout);
	abort();
}

static UNTRACED int all_that_return(int n)
{
	returns_and_throws();
	n += catches_rethrown(5) + nested(7);
	try {
		past_destructors(20);
	} catch (int value) {
		account_set_depth(1);
		n += value;
	}
	n += (int)destroys(6, false);
	account_set_depth(1); /* its destructor was its last call */
	try {
		destroys(8, true);
	} catch (int value) {
		account_set_depth(1);
		n += value;
	}
	try {
		leaves_by_destructor(9);
	} catch (int value) {
		account_set_depth(1);
		n += value;
	}
	n += function_try_block(11, "function try");
	n += constructor_fails(12) + passes_by_value(13) + gets_object(14);
	n += (int)gets_pair(15) + catches_object(16) + exception_pointer(17);
	n += in_another_thread(18) + specifications(19) + across_library(21);
	n += (int)through_library(22) + after_inlined(23) + templates(24) + leaves_deep(25);
	return n;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	account_begin(0);
	int call = account_enter("main", "'argc':%d", argc);
	int result = 3;

	std::set_terminate(on_terminate);
	if (!strcmp(what, "terminate")) {
		try {
			never_throws(31);
		} catch (int) {
			puts("not reached");
		}
	} else if (!strcmp(what, "unexpected")) {
		try {
			badly_specified(32);
		} catch (...) {
			puts("not reached");
		}
	} else if (!strcmp(what, "uncaught")) {
		leaf(33);
		thrower(34, "nobody catches");
	} else {
		printf("%d\n", all_that_return(0));
		printf("%d\n", sum);
	}
	return RESULT(call, "%d", result);
}
