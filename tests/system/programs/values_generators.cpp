// SPDX-License-Identifier: MIT
// C++20 coroutines, and functions with values that they call, throw through and are resumed by.
#include <coroutine>
#include <cstdio>
#include <exception>

#include "values_account.h"

struct Generator {
	struct promise_type {
		long value;
		std::exception_ptr thrown;

		UNTRACED Generator get_return_object()
		{
			return {std::coroutine_handle<promise_type>::from_promise(*this)};
		}
		UNTRACED std::suspend_always initial_suspend() noexcept
		{
			return {};
		}
		UNTRACED std::suspend_always final_suspend() noexcept
		{
			return {};
		}
		UNTRACED std::suspend_always yield_value(long next)
		{
			value = next;
			return {};
		}
		UNTRACED void return_void()
		{
		}
		UNTRACED void unhandled_exception()
		{
			thrown = std::current_exception();
		}
	};
	std::coroutine_handle<promise_type> handle;
};

static NOINLINE long leaf(int n, double weight, const char *text)
{
	int call = account_enter("leaf", "'n':%d,'weight':%.17g,'text':'%s'", n, weight, text);

	if (n == 7)
		throw n;
	long result = n * 10;
	return RESULT(call, "%ld", result);
}

static Generator counts(int from, int to, const char *text)
{
	for (int i = from; i < to; i++)
		co_yield leaf(i, i / 2.0, text);
}

static NOINLINE long resumes(Generator &generator, int n)
{
	int call = account_enter("resumes", "'n':%d", n);

	generator.handle.resume();
	account_landed(call);
	long result = generator.handle.done() ? -1 : generator.handle.promise().value;
	return RESULT(call, "%ld", result);
}

int main(int argc, char **)
{
	account_begin(0);
	int call = account_enter("main", "'argc':%d", argc);
	Generator one = counts(0, 5, "one"), two = counts(3, 20, "two");

	for (int i = 0; i < 6; i++)
		printf("%ld %ld\n", one.handle.done() ? -2 : resumes(one, i),
		       two.handle.done() ? -2 : resumes(two, i));
	one.handle.destroy();
	two.handle.destroy();
	return RESULT(call, "%d", argc);
}
