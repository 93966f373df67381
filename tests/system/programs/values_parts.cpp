// SPDX-License-Identifier: MIT
// A structure in registers whose parts GCC keeps in places of their own, but for
// one of which its debug information names the structure's home, which nothing is
// stored to. And a function that is always inlined, behind a branch of its caller.
#include "guest.h"

#include <csetjmp>
#include <vector>

struct mixed {
	int a;
	union {
		unsigned int b;
		float c;
	};
	struct {
		short d;
		bool e;
	} in;
};
struct large {
	long p, q, r;
};

static volatile unsigned long sum;

extern "C" UNTRACED NOINLINE void sink(unsigned long value)
{
	sum += value;
	__asm__ volatile("");
}

#define USE(value)                            \
	if ((unsigned long)(value)&1)         \
		sink((unsigned long)(value)); \
	else                                  \
		sum = (unsigned long)(value)

static inline int below(long first, mixed m, long last)
{
	USE(m.in.e);
	(void)first, (void)last;
	return 1;
}

static NOINLINE std::vector<int> above(long first, mixed m, large other, long last)
{
	USE(m.in.e);
	USE(m.b);
	USE(m.a);
	USE(m.in.d);
	(void)below(last, m, last);
	(void)first, (void)other;
	return {1, 2};
}

static inline __attribute__((always_inline)) int always(int n, const char *text)
{
	sink((unsigned long)n + (unsigned long)text[0]);
	return n;
}

static jmp_buf jump;

static NOINLINE int behind_a_branch(int n)
{
	alignas(32) static volatile long far;
	alignas(32) volatile long near = n;
	far = near;
	if (setjmp(jump) != 0)
		return 1;
	return always(n + 40, "text");
}

static mixed passed[] = {{-5, {11}, {-7, false}}, {8, {12}, {9, true}}, {1, {3}, {55, false}}};

int main(int argc, char **)
{
	large other = {1, 2, 3};
	for (const mixed &each : passed)
		above(1, each, other, 4);
	behind_a_branch(argc);
	return behind_a_branch(argc + 1) != 42;
}
