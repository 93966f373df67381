/* SPDX-License-Identifier: MIT */
/*
 * Functions that debug information does not tell all of: other calling
 * conventions, arguments that are promoted, static chains, types that look like
 * others, single functions compiled in another way.
 */
#include "values_account.h"

struct one_double {
	double x;
};
struct three_chars {
	signed char a, b, c;
};
struct one_int {
	int n;
};
struct two_longs {
	long a, b;
};
struct four_longs {
	long a, b, c, d;
};
typedef double wide_vector __attribute__((vector_size(32)));

static volatile int sum;

static NOINLINE int leaf(int n)
{
	int call = account_enter("leaf", "'n':%d", n);

	sum += n;
	return RESULT(call, "%d", n);
}

#define MS __attribute__((ms_abi))

static MS NOINLINE double ms_double(int a, double x, float y, short d, double z, int f)
{
	int call = account_enter("ms_double", "'a':%d,'x':%g,'y':%g,'d':%d,'z':%g,'f':%d", a, x,
				 (double)y, d, z, f);
	double result = a + x + (double)y + d + z + f + leaf(f);

	return RESULT(call, "%.17g", result);
}

/* In RAX, where the System V convention has it in XMM0. */
static MS NOINLINE struct one_double ms_one_double(double x, struct one_double by)
{
	int call = account_enter("ms_one_double", "'x':%g,'by':{'x':%g}", x, by.x);
	struct one_double result = {x * by.x};

	account_return(call, "{'x':%.17g}", result.x);
	return result;
}

/* In memory, where the System V convention has them in registers; arguments by address. */
static MS NOINLINE struct three_chars ms_three_chars(struct three_chars chars, int n)
{
	int call = account_enter("ms_three_chars", "'n':%d", n);
	struct three_chars result = {chars.c, chars.b, (signed char)n};

	account_return(call, "...");
	return result;
}

static MS NOINLINE struct two_longs ms_two_longs(struct two_longs longs, long n)
{
	int call = account_enter("ms_two_longs", "'longs':{'a':%ld,'b':%ld},'n':%ld", longs.a,
				 longs.b, n);
	struct two_longs result = {longs.b + n, longs.a};

	account_return(call, "{'a':%ld,'b':%ld}", result.a, result.b);
	return result;
}

static NOINLINE struct one_int small_struct(struct one_int in, int n)
{
	int call = account_enter("small_struct", "'in':{'n':%d},'n':%d", in.n, n);
	struct one_int result = {in.n * n};

	account_return(call, "{'n':%d}", result.n);
	return result;
}

static NOINLINE struct two_longs two_longs(struct two_longs in, long n)
{
	int call = account_enter("two_longs", "'in':{'a':%ld,'b':%ld},'n':%ld", in.a, in.b, n);
	struct two_longs result = {in.a + n, in.b - n};

	account_return(call, "{'a':%ld,'b':%ld}", result.a, result.b);
	return result;
}

static NOINLINE struct three_chars small_chars(signed char a, int n)
{
	int call = account_enter("small_chars", "'n':%d", n);
	struct three_chars result = {a, 2, (signed char)n};

	account_return(call, "...");
	return result;
}

/* Sixteen bytes of floating point, as a long double has, but in an XMM register. */
static NOINLINE __float128 quad(__float128 x, int n)
{
	int call = account_enter("quad", "'x':%.17g,'n':%d", (double)x, n);
	__float128 result = x * n;

	account_return(call, "%.17g", (double)result);
	return result;
}

/* Not %Lg: with -mlong-double-64 or -128 libc's long double is another. */
static NOINLINE long double long_one(long double x, int n)
{
	int call = account_enter("long_one", "'x':%.17g,'n':%d", (double)x, n);
	long double result = x + n;

	account_return(call, "%.17g", (double)result);
	return result;
}

struct one_long {
	long double x;
};
struct long_array {
	long double x[1];
};
struct nested_longs {
	struct one_long x[1];
};

/* In an x87 register, without the padding of a long double. */
static NOINLINE struct one_long struct_of_long(struct one_long in, int n)
{
	int call = account_enter("struct_of_long", "'in':{'x':%.17g},'n':%d", (double)in.x, n);
	struct one_long result = {in.x * n};

	account_return(call, "{'x':%.17g}", (double)result.x);
	return result;
}

static NOINLINE struct long_array array_of_long(struct long_array in, int n)
{
	int call = account_enter("array_of_long", "'in':{'x':[%.17g]},'n':%d", (double)in.x[0], n);
	struct long_array result = {{in.x[0] * n}};

	account_return(call, "{'x':[%.17g]}", (double)result.x[0]);
	return result;
}

static NOINLINE struct nested_longs nested_longs(struct nested_longs in, int n)
{
	int call = account_enter("nested_longs", "'in':{'x':[{'x':%.17g}]},'n':%d",
				 (double)in.x[0].x, n);
	struct nested_longs result = {{{in.x[0].x * n}}};

	account_return(call, "{'x':[{'x':%.17g}]}", (double)result.x[0].x);
	return result;
}

static NOINLINE double _Complex complex_one(double _Complex x, float _Complex y, int n)
{
	int call = account_enter("complex_one",
				 "'x':{'real':%g,'imaginary':%g},'y':{'real':%g,'imaginary':%g},"
				 "'n':%d",
				 __real__ x, __imag__ x, (double)__real__ y, (double)__imag__ y, n);
	double _Complex result = x * n;

	account_return(call, "{'real':%g,'imaginary':%g}", __real__ result, __imag__ result);
	return result;
}

/* A float comes as a double here, and small integers as int. */
#ifdef __clang__
#pragma clang diagnostic ignored "-Wunknown-warning-option"
#pragma clang diagnostic ignored "-Wdeprecated-non-prototype"
#else
#pragma GCC diagnostic ignored "-Wold-style-definition"
#endif
static NOINLINE float promoted(x, c, s, y, u)
float x;
signed char c;
short s;
float y;
unsigned char u;
{
	int call = account_enter("promoted", "'x':%g,'s':%d,'y':%g", (double)x, s, (double)y);
	float result = x + y * (float)s + (float)c + (float)u;

	sum += leaf(s);
	account_return(call, "%g", (double)result);
	return result;
}

/* The same, for all to call. */
NOINLINE int promoted_later(a, b, f)
int a;
double b;
float f;
{
	int call = account_enter("promoted_later", "'a':%d,'b':%g,'f':%g", a, b, (double)f);
	double total = leaf(a);

	total += b;
	total += (double)f;
	return RESULT(call, "%d", (int)total);
}

/* The last ones come on the stack. */
NOINLINE int promoted_many(a, b, c, d, e, f, g, h, i, j, k)
float a, b, c, d, e, f, g, h, i, k;
double j;
{
	int call = account_enter("promoted_many", "'a':%g,'h':%g,'i':%g,'j':%g,'k':%g", (double)a,
				 (double)h, (double)i, j, (double)k);
	float result = a + b + c + d + e + f + g + h + i + k;

	return RESULT(call, "%d", (int)(j + (double)result));
}

/* Without optimisation among optimised ones. */
#ifdef __clang__
#define UNOPTIMIZED __attribute__((optnone))
#else
#define UNOPTIMIZED __attribute__((optimize("O0")))
#endif
static UNOPTIMIZED NOINLINE long unoptimized(int a, long b, const char *text, double x,
					     struct two_longs longs)
{
	int call = account_enter("unoptimized",
				 "'a':%d,'b':%ld,'text':'%s','x':%g,'longs':{'a':%ld,'b':%ld}", a,
				 b, text, x, longs.a, longs.b);
	long result = a + b + text[0] + (long)x + longs.a + longs.b;

	return RESULT(call, "%ld", result);
}

#ifndef __clang__
static __attribute__((optimize("O3"), noinline)) long optimized(int a, long b, const char *text)
{
	int call = account_enter("optimized", "'a':%d,'b':%ld,'text':'%s'", a, b, text);
	long result = a + b + text[0];

	return RESULT(call, "%ld", result);
}

/* What the inner functions use of the outer one's arguments moves to another place. */
static NOINLINE int outer(int a, int b, const char *text)
{
	int call = account_enter("outer", "'a':%d,'b':%d,'text':'%s'", a, b, text);

	int NOINLINE inner(int n, double x)
	{
		int inner_call = account_enter("inner", "'n':%d,'x':%g", n, x);
		int inner_result = n + b++ + text[0] + (int)x;

		return RESULT(inner_call, "%d", inner_result);
	}

	int result = inner(a, 0.5) + inner(b, 1.5) + a;
	return RESULT(call, "%d", result);
}
#else
static __attribute__((regcall)) NOINLINE struct four_longs in_registers(int a, long b, double x,
									int d, int e, int f, int g,
									int h)
{
	int call = account_enter("__regcall3__in_registers",
				 "'a':%d,'b':%ld,'x':%g,'d':%d,'e':%d,'f':%d,'g':%d,'h':%d", a, b,
				 x, d, e, f, g, h);
	/* Whoever takes the first member for the address of the result finds memory there. */
	static struct four_longs other = {91, 92, 93, 94};
	struct four_longs result = {(long)&other, a + b + d + e, f + g, h};

	account_return(call, "{'a':%ld,'b':%ld,'c':%ld,'d':%ld}", result.a, result.b, result.c,
		       result.d);
	return result;
}
#endif

static UNTRACED int other_conventions(int n)
{
	int total = 0;
	struct three_chars chars = {1, 2, 3};
	struct two_longs longs = {n, n * 2};
	struct one_double by = {1.5};

	total += (int)ms_double(n, 1.5, 2.5f, 3, 4.5, n + 1);
	total += (int)ms_one_double(n, by).x + ms_three_chars(chars, n).c;
	total += (int)ms_two_longs(longs, n).a;
#ifdef __clang__
	total += (int)in_registers(n, 2, 3.5, 4, 5, 6, 7, 8).b;
#else
	total += (int)optimized(n, 20, "optimized") + outer(n, n + 1, "nested");
#endif
	total += (int)unoptimized(n, 30, "not optimized", 2.5, longs);
	return total;
}

static UNTRACED int odd_types(int n)
{
	int total = 0;
	struct two_longs longs = {n, n * 2};
	struct one_int one = {n};

	total += small_struct(one, 3).n + small_chars((signed char)n, 4).c;
	total += (int)two_longs(longs, 5).b + (int)quad(n, 3) + (int)long_one(n, 4);
	total += (int)__real__ complex_one(n + 2.0i, 1.0f + 0.5if, 2);
	total += (int)promoted((float)n, 1, n + 2, 0.5f, 3);
	total += promoted_later(n, n + 0.5, 3.25f);
	total += promoted_many(1.25f, 2.25f, 3.25f, 4.25f, 5.25f, 6.25f, 7.25f, 8.25f, 9.25f, 10.25,
			       11.25f);
	total += (int)struct_of_long((struct one_long){n + 0.5L}, 3).x;
	total += (int)array_of_long((struct long_array){{n + 0.25L}}, 3).x[0];
	total += (int)nested_longs((struct nested_longs){{{n + 0.75L}}}, 3).x[0].x;
	return total;
}

int main(int argc, char **argv)
{
	(void)argv;
	account_begin(0);
	int call = account_enter("main", "'argc':%d", argc);

	int total = 0;
	for (int n = 1; n < 5; n++)
		total += other_conventions(n) + odd_types(n);
	printf("%d %d\n", total, sum);
	return RESULT(call, "%d", argc);
}
