/* SPDX-License-Identifier: MIT */
/*
 * A plug-in, built several times: the functions of SECOND have other arguments
 * and results, at the same addresses.
 */
#include "values_account.h"

double run(int n, const char *text);

#ifdef SECOND
static NOINLINE double inner(const char *text, double weight, short n)
{
	int call = account_enter("inner", "'text':'%s','weight':%.17g,'n':%d", text, weight, n);
	double result = weight + n;

	return RESULT(call, "%.17g", result);
}
#define INNER(n, text) inner(text, (n)*2.5, (short)(n))
#else
static NOINLINE int inner(int n, long square, const char *text)
{
	int call = account_enter("inner", "'n':%d,'square':%ld,'text':'%s'", n, square, text);
	int result = n + (int)square;

	return RESULT(call, "%d", result);
}
#define INNER(n, text) inner(n, (long)(n) * (n), text)
#endif

double run(int n, const char *text)
{
	int call = account_enter("run", "'n':%d,'text':'%s'", n, text);
	double result = INNER(n, text) / 2.0 + INNER(n + 1, "once more");

	return RESULT(call, "%.17g", result);
}
