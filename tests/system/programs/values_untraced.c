/* SPDX-License-Identifier: MIT */
/*
 * Functions that change what they were passed before anything else. Compiled
 * with -fno-var-tracking, each variable has one place for good, where the
 * changed value may be when the hook is called. tests/system/cases/values.py
 * knows the arguments.
 */
#include "guest.h"

struct two_longs {
	long x, y;
};

static volatile long sink;

NOINLINE long changed(int a, const char *s, long n)
{
	a = a * 2 + 1;
	s++;
	n -= 5;
	while (n-- > 90) {
		sink += a;
		a += *s;
	}
	return a + n + *s;
}

NOINLINE struct two_longs member_changed(struct two_longs p, struct two_longs *out)
{
	p.x++;
	while (p.y-- > 0) {
		sink += p.x;
		p.x += 3;
	}
	*out = p;
	return p;
}

NOINLINE long kept(int a, const char *s, long n)
{
	sink += a;
	return a + n + *s;
}

int main(void)
{
	struct two_longs out;

	changed(5, "xyz", 100);
	member_changed((struct two_longs){3, 4}, &out);
	kept(6, "abc", 200);
	return 0;
}
