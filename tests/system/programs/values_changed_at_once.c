/* SPDX-License-Identifier: MIT */
/*
 * Functions that are put into their caller, and change a part of what they were
 * passed before anything else; the caller has computed the same already. At
 * their hooks the debug information of Clang may name what the change has made.
 */
#include "guest.h"

struct two_doubles {
	double x, y;
};
struct two_longs {
	long a, b;
};
struct mixed {
	int a;
	double b;
};
struct three_floats {
	float x, y, z;
};

static volatile double sink;

static UNTRACED NOINLINE void spend(double a, double b)
{
	sink = sink + a * b;
}

/* Nobody knows which function it is. */
static void (*volatile use)(double, double) = spend;

static inline double divided(struct two_doubles s)
{
	s.y = s.y / 3.0;
	use(s.x, s.y);
	s.y += 1;
	use(s.x, s.y);
	return s.x;
}

static inline long halved(struct two_longs s)
{
	s.b = s.b / 7;
	use(s.a, s.b);
	use(s.b, s.a);
	return s.a;
}

static inline long counted(struct mixed s)
{
	s.a++;
	use(s.a, s.b);
	s.b *= 2;
	use(s.b, s.a);
	return s.a;
}

static inline double squared(struct three_floats s)
{
	s.z = s.z * s.z;
	use(s.x, s.z);
	use(s.y, s.z);
	return s.x;
}

static inline long remainder_of(long n, long *ret)
{
	n %= 10;
	*ret = n;
	use(n, *ret);
	return n;
}

static inline double third(double d)
{
	d = d / 3;
	use(d, d);
	return d;
}

/* Their own copies, too. */
double (*volatile keep_divided)(struct two_doubles) = divided;
long (*volatile keep_halved)(struct two_longs) = halved;
long (*volatile keep_counted)(struct mixed) = counted;
double (*volatile keep_squared)(struct three_floats) = squared;
long (*volatile keep_remainder)(long, long *) = remainder_of;
double (*volatile keep_third)(double) = third;

static NOINLINE double all(double p, double q, long m, long n)
{
	long rest = 0;
	double result = q / 3.0;

	use(result, p);
	result += divided((struct two_doubles){p, q});
	use(n / 7, p);
	result += (double)halved((struct two_longs){m, n});
	use((int)m + 1, q * 2);
	result += (double)counted((struct mixed){(int)m, q});
	struct three_floats floats = {(float)p, (float)q, 3};
	float z = floats.z * floats.z;
	use(z, 0);
	result += squared(floats) + z;
	use(n % 10, 0);
	result += (double)remainder_of(n, &rest);
	result += third(q) + q / 3;
	return result;
}

int main(void)
{
	long rest;

	all(10, 30, 100, 705);
	keep_divided((struct two_doubles){10, 30});
	keep_halved((struct two_longs){100, 705});
	keep_counted((struct mixed){100, 30});
	keep_squared((struct three_floats){10, 30, 3});
	keep_remainder(705, &rest);
	keep_third(30);
	return 0;
}
