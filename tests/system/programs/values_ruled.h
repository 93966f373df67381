/* SPDX-License-Identifier: MIT */
/*
 * Functions whose arguments and results all follow from their first argument:
 * cases/values.py knows the rules, so that calls can be checked one by one where
 * signals come at any instruction and nobody can keep an account.
 */
#ifndef VALUES_RULED_H
#define VALUES_RULED_H

#include "guest.h"

static const char *const ruled_texts[] = {"zero", "one or so", "two", "a third of them"};

struct ruled_pair {
	long first;
	double second;
};

struct ruled_large {
	int n;
	char text[12];
	double half;
	long square;
};

static volatile int ruled_sink;

static NOINLINE long ruled_sum(int n, long square, unsigned char low, double half)
{
	ruled_sink = ruled_sink + n;
	return n + square + low + (long)(half * 2);
}

static NOINLINE struct ruled_pair ruled_make(int n, const char *text)
{
	struct ruled_pair pair = {n * 2L, n * 0.5};

	ruled_sink = ruled_sink + text[0];
	return pair;
}

static NOINLINE struct ruled_large ruled_big(int n, struct ruled_pair pair)
{
	struct ruled_large large = {n, "large", n / 2.0, (long)n * n};

	ruled_sink = ruled_sink + (int)pair.first + (int)pair.second;
	return large;
}

static NOINLINE double ruled_real(int n, float quarter)
{
	ruled_sink = ruled_sink + n;
	return quarter * 8.0;
}

static NOINLINE long double ruled_wide(int n, const struct ruled_pair *pair)
{
	ruled_sink = ruled_sink + (int)pair->first;
	return n * 0.25L;
}

static NOINLINE const char *ruled_text(int n)
{
	ruled_sink = ruled_sink + 1;
	return ruled_texts[n & 3];
}

static NOINLINE void ruled_nothing(int n, const char *text)
{
	ruled_sink = ruled_sink + n + text[0];
}

static NOINLINE int ruled_outer(int n, const char *text)
{
	struct ruled_pair pair = ruled_make(n, text);
	struct ruled_large large = ruled_big(n, pair);
	double real = ruled_real(n, (float)n / 4);
	long double wide = ruled_wide(n, &pair);
	long sum = ruled_sum(n, (long)n * n, (unsigned char)n, n / 2.0);

	ruled_nothing(n, ruled_text(n));
	if (large.n != n || large.square != (long)n * n || real != n * 2 || wide != n * 0.25L ||
	    sum != n + (long)n * n + (n & 255) + n)
		return -1;
	return n * 7 + 3;
}

#endif
