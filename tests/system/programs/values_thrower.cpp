// SPDX-License-Identifier: MIT
// The library's side of values_exceptions.cpp.
#include "values_account.h"
#include "values_thrower.h"

static NOINLINE double inner(int n, double weight)
{
	int call = account_enter("inner", "'n':%d,'weight':%.17g", n, weight);

	if (n % 2)
		throw Thrown{n, weight};
	double result = weight * 2;
	return RESULT(call, "%.17g", result);
}

int library_throws(int n, const char *text, double weight)
{
	int call = account_enter("library_throws", "'n':%d,'text':'%s','weight':%.17g", n, text,
				 weight);
	int result = (int)(inner(n - 1, weight) + inner(n, weight));

	return RESULT(call, "%d", result);
}

long library_calls(long (*callback)(long, const char *), long n)
{
	int call = account_enter("library_calls", "'n':%ld", n);
	long result = callback(n + 1, "from a library") + 1;

	return RESULT(call, "%ld", result);
}

long library_catches(long n)
{
	int call = account_enter("library_catches", "'n':%ld", n);
	long result = n;

	try {
		library_throws((int)n | 1, "caught at home", 0.25);
	} catch (const Thrown &thrown) {
		account_landed(call);
		result += thrown.n;
	}
	return RESULT(call, "%ld", result);
}
