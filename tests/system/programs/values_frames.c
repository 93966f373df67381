/* SPDX-License-Identifier: MIT */
/*
 * Functions with frames of all kinds: variable ones, aligned ones, large ones,
 * with arguments on the stack, and results in every register that has any. To
 * be compiled with any option that changes how code is made.
 */
#include "values_account.h"

#include <alloca.h>
#include <stdbool.h>
#include <string.h>

static volatile int sum;

static NOINLINE int leaf(int n)
{
	int call = account_enter("leaf", "'n':%d", n);

	sum += n;
	return RESULT(call, "%d", n);
}

static NOINLINE long with_alloca(int n, const char *text)
{
	int call = account_enter("with_alloca", "'n':%d,'text':'%s'", n, text);
	char *room = alloca((size_t)n * 100 + 1);

	memset(room, n, (size_t)n * 100 + 1);
	long result = leaf(n) + room[n * 100];
	return RESULT(call, "%ld", result);
}

static NOINLINE double with_array(int n, double factor)
{
	int call = account_enter("with_array", "'n':%d,'factor':%.17g", n, factor);
	volatile double array[n + 1];

	for (int i = 0; i <= n; i++)
		array[i] = i * factor;
	leaf(n);
	double result = array[n];
	return RESULT(call, "%.17g", result);
}

static NOINLINE int with_scopes(int n, short step)
{
	int call = account_enter("with_scopes", "'n':%d,'step':%d", n, step);
	int result = 0;

	for (int i = 1; i < n; i += step) {
		volatile char array[i * 10];

		array[i] = (char)leaf(i);
		result += array[i];
	}
	return RESULT(call, "%d", result);
}

static NOINLINE unsigned with_alignment(unsigned n, unsigned char low)
{
	int call = account_enter("with_alignment", "'n':%u,'low':%d", n, low);
	volatile unsigned aligned[16] __attribute__((aligned(128)));

	aligned[3] = n + ((unsigned long)aligned % 128 ? 1000 : 0);
	leaf(low);
	unsigned result = aligned[3];
	return RESULT(call, "%u", result);
}

static NOINLINE long aligned_and_variable(long n, const char *text, double weight)
{
	int call = account_enter("aligned_and_variable", "'n':%ld,'text':'%s','weight':%.17g", n,
				 text, weight);
	volatile long aligned[8] __attribute__((aligned(64)));
	char *room = alloca((size_t)n + 64);

	aligned[1] = n;
	memset(room, 1, (size_t)n + 64);
	long result = aligned[1] + room[n] + leaf((int)weight);
	return RESULT(call, "%ld", result);
}

static NOINLINE int large(int n, const char *text)
{
	int call = account_enter("large", "'n':%d,'text':'%s'", n, text);
	volatile char room[100000];

	memset((char *)room, n, sizeof(room));
	int result = leaf(n) + room[5000];
	return RESULT(call, "%d", result);
}

static NOINLINE int on_the_stack(int a, long b, short c, unsigned char d, int e, long f, int g,
				 short h, const char *i, double j, double k, float l, double m,
				 double n, double o, double p, double q, double r, float s)
{
	int call = account_enter("on_the_stack",
				 "'a':%d,'b':%ld,'c':%d,'d':%d,'e':%d,'f':%ld,'g':%d,'h':%d,"
				 "'i':'%s','j':%g,'k':%g,'l':%g,'m':%g,'n':%g,'o':%g,'p':%g,"
				 "'q':%g,'r':%g,'s':%g",
				 a, b, c, d, e, f, g, h, i, j, k, (double)l, m, n, o, p, q, r,
				 (double)s);
	int result = a + (int)b + c + d + e + (int)f + g + h + i[0] + (int)(j + s);

	return RESULT(call, "%d", result);
}

static NOINLINE int variadic(int count, const char *text, ...)
{
	int call = account_enter("variadic", "'count':%d,'text':'%s'", count, text);
	va_list rest;
	int result = 0;

	va_start(rest, text);
	for (int i = 0; i < count; i++)
		result += va_arg(rest, int);
	va_end(rest);
	return RESULT(call, "%d", result);
}

static NOINLINE int recurses(int level, int step, double weight)
{
	int call = account_enter("recurses", "'level':%d,'step':%d,'weight':%.17g", level, step,
				 weight);
	int result = level <= 0 ? 1 : recurses(level - step, step, weight / 2) * 3 + level;

	return RESULT(call, "%d", result);
}

static NOINLINE long is_even(long n, const char *text);

static NOINLINE long is_odd(long n, const char *text)
{
	int call = account_enter("is_odd", "'n':%ld,'text':'%s'", n, text);

	if (n == 0)
		return RESULT(call, "%ld", n);
	account_promise(call, "%d", (int)(n & 1));
	return is_even(n - 1, text);
}

static NOINLINE long is_even(long n, const char *text)
{
	int call = account_enter("is_even", "'n':%ld,'text':'%s'", n, text);

	if (n == 0) {
		account_return(call, "1");
		return 1;
	}
	account_promise(call, "%d", (int)(~n & 1));
	return is_odd(n - 1, text);
}

/* Results that are not one integer. */
struct two_floats {
	float x, y;
};
struct mixed {
	double x;
	long n;
};
struct mixed_too {
	long n;
	float x;
};
struct three {
	long a, b, c;
};
struct small {
	char a;
	short b;
};
union either {
	double x;
	long n;
};
typedef float vector __attribute__((vector_size(16)));

static NOINLINE struct two_floats gives_two_floats(float x, int n)
{
	int call = account_enter("gives_two_floats", "'x':%.9g,'n':%d", (double)x, n);
	struct two_floats result = {x * 2, (float)n};

	account_return(call, "{'x':%.9g,'y':%.9g}", (double)result.x, (double)result.y);
	return result;
}

static NOINLINE struct mixed gives_mixed(double x, long n)
{
	int call = account_enter("gives_mixed", "'x':%.17g,'n':%ld", x, n);
	struct mixed result = {x / 3, n + 1};

	account_return(call, "{'x':%.17g,'n':%ld}", result.x, result.n);
	return result;
}

static NOINLINE struct mixed_too gives_mixed_too(struct mixed mixed, float x)
{
	int call = account_enter("gives_mixed_too", "'mixed':{'x':%.17g,'n':%ld},'x':%.9g", mixed.x,
				 mixed.n, (double)x);
	struct mixed_too result = {mixed.n * 2, x + 1};

	account_return(call, "{'n':%ld,'x':%.9g}", result.n, (double)result.x);
	return result;
}

static NOINLINE struct three gives_three(struct three three, const struct three *other)
{
	int call = account_enter("gives_three",
				 "'three':{'a':%ld,'b':%ld,'c':%ld},"
				 "'other':{'a':%ld,'b':%ld,'c':%ld}",
				 three.a, three.b, three.c, other->a, other->b, other->c);
	struct three result = {three.c + other->a, three.b, three.a};

	account_return(call, "{'a':%ld,'b':%ld,'c':%ld}", result.a, result.b, result.c);
	return result;
}

static NOINLINE struct small gives_small(char a, short b)
{
	int call = account_enter("gives_small", "'b':%d", b);
	struct small result = {a, (short)-b};

	account_return(call, "{'b':%d}", result.b);
	return result;
}

static NOINLINE union either gives_either(bool real, long n)
{
	int call = account_enter("gives_either", "'real':%s,'n':%ld", real ? "true" : "false", n);
	union either result = {.n = n};

	account_return(call, "{'n':%ld}", result.n);
	return result;
}

static NOINLINE long double gives_long_double(long double x, unsigned short n)
{
	int call = account_enter("gives_long_double", "'x':%.17Lg,'n':%u", x, n);
	long double result = x * n;

	return RESULT(call, "%.17Lg", result);
}

static NOINLINE float gives_float(float x, double y)
{
	int call = account_enter("gives_float", "'x':%.9g,'y':%.17g", (double)x, y);
	float result = x + (float)y;

	account_return(call, "%.9g", (double)result);
	return result;
}

static NOINLINE bool gives_bool(bool b, signed char c)
{
	int call = account_enter("gives_bool", "'b':%s", b ? "true" : "false");
	bool result = b != (c > 0);

	account_return(call, "%s", result ? "true" : "false");
	return result;
}

static NOINLINE signed char gives_byte(signed char c, unsigned char d)
{
	int call = account_enter("gives_byte", "'d':%d", d);
	short wide = (short)(c * d);

	leaf(wide);
	account_return(call, "...");
	return (signed char)wide;
}

static NOINLINE unsigned short gives_short(unsigned short n, int shift)
{
	int call = account_enter("gives_short", "'n':%u,'shift':%d", n, shift);
	unsigned short result = (unsigned short)(n << shift);

	return RESULT(call, "%u", result);
}

static NOINLINE const char *gives_string(int n, const char *const *texts)
{
	int call = account_enter("gives_string", "'n':%d", n);
	const char *result = texts[n];

	return RESULT(call, "'%s'", result);
}

static NOINLINE vector gives_vector(vector v, float x)
{
	account_return(account_enter("gives_vector", "'x':%g", (double)x), "...");
	return v * x;
}

static NOINLINE double _Complex gives_complex(double _Complex z, int n)
{
	account_return(account_enter("gives_complex", "'n':%d", n), "...");
	return z * n;
}

static NOINLINE __int128 gives_wide(__int128 n, long by)
{
	int call = account_enter("gives_wide", "'by':%ld", by);
	__int128 result = n * by;

	account_return(call, "%ld", (long)result);
	return result;
}

/* Many ways out, some of them unlikely: GCC moves those into another section. */
static NOINLINE long many_exits(int n, long m, const char *text)
{
	int call = account_enter("many_exits", "'n':%d,'m':%ld,'text':'%s'", n, m, text);
	long result;

	switch (n) {
	case 0:
		account_return(call, "%ld", m);
		return m;
	case 1:
		account_return(call, "-1");
		return -1;
	case 2:
		account_return(call, "%ld", m * 2);
		return m * 2;
	case 3:
		account_promise(call, "%d", n);
		return leaf(n);
	default:
		break;
	}
	if (__builtin_expect(n > 10, 0)) {
		leaf(n);
		result = m + text[0];
		return RESULT(call, "%ld", result);
	}
	for (result = 0; result < 100; result += n)
		if (result > m)
			return RESULT(call, "%ld", result);
	account_return(call, "%d", n);
	return n;
}

/* Nothing stays in a register. */
static NOINLINE int clobbers(int n, long m, const char *text)
{
	int call = account_enter("clobbers", "'n':%d,'m':%ld,'text':'%s'", n, m, text);

	__asm__ volatile("" ::: "rbx", "r12", "r13", "r14", "r15", "memory");
	int result = n + (int)m + text[0];
	return RESULT(call, "%d", result);
}

static __attribute__((ms_abi)) NOINLINE int other_convention(int n, double x, long m, int k, int l)
{
	int call = account_enter("other_convention", "'n':%d,'x':%g,'m':%ld,'k':%d,'l':%d", n, x, m,
				 k, l);
	int result = n + (int)x + (int)m + k + l;

	return RESULT(call, "%d", result);
}

static NOINLINE int calls_back(int (*function)(int), int n)
{
	int call = account_enter("calls_back", "'n':%d", n);
	int result = function(n) + 1;

	return RESULT(call, "%d", result);
}

static inline __attribute__((always_inline)) int inlined(int n, const char *text)
{
	int call = account_enter("inlined", "'n':%d,'text':'%s'", n, text);
	int result = n * 5 + text[0];

	return RESULT(call, "%d", result);
}

/* Two instances of an inlined function, one of them within a loop. */
static NOINLINE int inlines(int n)
{
	int call = account_enter("inlines", "'n':%d", n);
	int result = inlined(n, "first");

	for (volatile int i = 0; i < 3; i++)
		result += inlined(i, "in a loop");
	return RESULT(call, "%d", result);
}

static UNTRACED long frames(int n)
{
	struct three three = {n, n + 1, n + 2}, other = {7, 8, 9};
	long total = with_alloca(n, "room") + (long)with_array(n, 1.25) + with_scopes(n, 2);

	total += with_alignment((unsigned)n, 200) + aligned_and_variable(n, "both", 2.5);
	total += large(n, "large");
	total += on_the_stack(1, -2, 3, 250, -5, 6000000000, n, -8, "ninth", 0.5, 1.5, 2.5f, 3.5,
			      4.5, 5.5, 6.5, 7.5, 8.5, 9.5f);
	total += variadic(3, "three more", n, 2, 3) + variadic(0, "none");
	total += recurses(n, 2, 64) + is_even(n, "even?");
	account_set_depth(1); /* that call ended with its last callee */
	total += is_odd(n, "odd?");
	account_set_depth(1);
	total += calls_back(leaf, n) + inlines(n);
	for (int i = 0; i < 5; i++) {
		total += many_exits(i, n * 10L, "exits");
		account_set_depth(1);
	}
	total += many_exits(77, n, "unlikely") + clobbers(n, 3, "clobbers");
	total += other_convention(n, 1.5, 5000000000, 4, 5);
	return total + (int)gives_three(three, &other).a;
}

static UNTRACED long results(int n)
{
	static const char *const texts[] = {"nought", "first", "second", "third"};
	struct mixed mixed = gives_mixed(n * 0.1, n);
	vector v = {1, 2, 3, 4};
	long total = (long)gives_two_floats(1.5f, n).y + mixed.n;

	total += gives_mixed_too(mixed, 2.25f).n + gives_small('x', (short)n).b;
	total += gives_either(true, n).n + (long)gives_long_double(n / 8.0L, 3);
	total += (long)gives_float(2.5f, n) + gives_bool(true, -1) + gives_byte(3, 200);
	total += gives_short(40000, 1) + gives_string(n & 3, texts)[0];
	total += (long)gives_vector(v, 2)[3] + (long)__real__ gives_complex(1.5 + 2.0i, n);
	return total + (long)gives_wide(n, -5000000000);
}

int main(int argc, char **argv)
{
	long total = 0;

	(void)argv;
	account_begin(0);
	int call = account_enter("main", "'argc':%d", argc);

	for (int n = 4; n < 8; n++)
		total += frames(n) + results(n);
	printf("%ld %d\n", total, sum);
	account_return(call, "5");
	return 5;
}
