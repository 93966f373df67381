/* SPDX-License-Identifier: MIT */
/* Another file, or a library, of values_debug.c and values_debug.cpp. */
#include "values_account.h"

#include "values_debug.h"

struct pair {
	long first;
	double second;
};

static NOINLINE struct pair inner(struct pair pair, int n)
{
	int call = account_enter("inner", "'pair':{'first':%ld,'second':%.17g},'n':%d", pair.first,
				 pair.second, n);
	struct pair result = {pair.first + n, pair.second * 2};

	account_return(call, "{'first':%ld,'second':%.17g}", result.first, result.second);
	return result;
}

long debug_other(int n, const char *text, const int *pointer)
{
	int call = account_enter("debug_other", "'n':%d,'text':'%s'", n, text);
	struct pair pair = {*pointer, n * 0.125};
	long result = inner(pair, n).first;

	return RESULT(call, "%ld", result);
}
