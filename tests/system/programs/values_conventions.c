/* SPDX-License-Identifier: MIT */
/*
 * Microsoft's calling convention, and others that save more registers than they
 * must, where they differ from the usual one. tests/system/cases/values.py knows
 * what the functions are passed and what they return.
 */
#include "guest.h"

#define MS NOINLINE __attribute__((ms_abi))

struct chars_3 {
	unsigned char c[3];
};
struct chars_5 {
	unsigned char c[5];
};
struct chars_6 {
	unsigned char c[6];
};
struct chars_7 {
	unsigned char c[7];
};
struct chars_8 {
	unsigned char c[8];
};
struct one_float {
	float x;
};

static volatile long sink;

MS struct chars_3 ms_3(int k)
{
	return (struct chars_3){{(unsigned char)k, 2, 3}};
}

MS struct chars_5 ms_5(int k)
{
	return (struct chars_5){{(unsigned char)k, 2, 3, 4, 5}};
}

MS struct chars_6 ms_6(int k)
{
	return (struct chars_6){{(unsigned char)k, 2, 3, 4, 5, 6}};
}

MS struct chars_7 ms_7(int k)
{
	return (struct chars_7){{(unsigned char)k, 2, 3, 4, 5, 6, 7}};
}

MS struct chars_8 ms_8(int k)
{
	return (struct chars_8){{(unsigned char)k, 2, 3, 4, 5, 6, 7, 8}};
}

/* Nothing is passed that would tell. */
MS struct chars_5 ms_none(void)
{
	return (struct chars_5){{(unsigned char)sink, 2, 3, 4, 5}};
}

MS struct one_float ms_float(float x)
{
	return (struct one_float){x};
}

MS float _Complex ms_complex(float a)
{
	return a + 2.0if;
}

MS long double ms_long_double(long double a)
{
	return a + 1;
}

MS __int128 ms_wide(__int128 a)
{
	return a + 1;
}

MS int ms_ints(int a, int b, int c, int d, int e, int f)
{
	sink += a + b + c + d + e + f;
	return a + f;
}

MS double ms_doubles(double a, double b)
{
	sink += (long)a;
	return a + b;
}

MS int ms_unused(int a, int b, int c, int d)
{
	(void)a, (void)b, (void)c, (void)d;
	sink++;
	return 5;
}

#ifdef __clang__
NOINLINE __attribute__((preserve_most)) int preserving_unused(int a, int b, double c)
{
	(void)a, (void)b, (void)c;
	sink++;
	return 5;
}

NOINLINE __attribute__((preserve_most)) int preserving(int a, int b, double c)
{
	sink += a;
	return b + (int)c;
}
#endif

int main(void)
{
	sink = 1;
	ms_3(1);
	ms_5(1);
	ms_6(1);
	ms_7(1);
	ms_8(1);
	ms_none();
	ms_float(1.5f);
	ms_complex(1.5f);
	ms_long_double(3);
	ms_wide(4);
	ms_ints(1, 2, 3, 4, 5, 6);
	ms_doubles(1.5, 2.5);
	ms_unused(1, 2, 3, 4);
#ifdef __clang__
	preserving_unused(1, 2, 3.5);
	preserving(1, 2, 3.5);
#endif
	return 0;
}
