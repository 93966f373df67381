/* SPDX-License-Identifier: MIT */
/*
 * Values of every type of C, and how a document shows each. The comment above a
 * function is what its only call must have, at -O0 exactly; with optimisation a
 * value may be absent with a reason, but not another one:
 *
 *	name: type = value, as JSON
 *	besides: keys that come with the value before
 *	returns: type = value
 *
 * "0x*" stands for any address. showcase.py checks it.
 */
#define _GNU_SOURCE
#include <complex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

#define NOINLINE __attribute__((noinline))

/* What is read from here is unknown to the compiler, and what is put here must be computed. */
volatile unsigned long long sink;
volatile double sink_float;
volatile int one = 1;

#define USE(x)	     (sink = sink + (unsigned long long)(x))
#define USE_FLOAT(x) (sink_float = sink_float + (double)(x))

/* ---- numbers ---- */

/*
 * a: signed char = -128
 * b: unsigned char = 255
 * c: short = -32768
 * d: unsigned short = 65535
 * e: int = -2147483648
 * f: unsigned int = 4294967295
 * returns: int = -2147483648
 */
NOINLINE static int small_integers(signed char a, unsigned char b, short c, unsigned short d, int e,
				   unsigned int f)
{
	USE(a + b + c + d), USE(f);
	return e;
}

/*
 * a: long = "-9223372036854775808"
 * b: unsigned long = "18446744073709551615"
 * c: long long = 9007199254740991
 * d: unsigned long long = 1
 * returns: unsigned long = "18446744073709551615"
 */
NOINLINE static unsigned long large_integers(long a, unsigned long b, long long c,
					     unsigned long long d)
{
	USE(a), USE(c), USE(d);
	return b;
}

/*
 * a: __int128 = "-170141183460469231731687303715884105728"
 * b: unsigned __int128 = "340282366920938463463374607431768211455"
 * returns: __int128 = "18446744073709551617"
 */
NOINLINE static __int128 very_large_integers(__int128 a, unsigned __int128 b)
{
	USE(a >> 64), USE(a), USE(b), USE(b >> 64);
	return ((__int128)one << 64) + one;
}

/*
 * a: int8_t = -1
 * b: uint16_t = 2
 * c: int64_t = -3
 * d: size_t = 4
 * returns: uint64_t = 5
 */
NOINLINE static uint64_t named_integers(int8_t a, uint16_t b, int64_t c, size_t d)
{
	USE(a), USE(b), USE(c), USE(d);
	return 4 + (uint64_t)one;
}

/*
 * yes: _Bool = true
 * no: _Bool = false
 * returns: _Bool = true
 */
NOINLINE static bool truth(bool yes, bool no)
{
	USE(yes), USE(no);
	return yes > no;
}

/*
 * letter: char = "A"
 * quote: char = "\""
 * nul: char = "\u0000"
 * byte: char = "\\xff"
 * besides: {"escaped": true}
 * returns: char = "\n"
 */
NOINLINE static char characters(char letter, char quote, char nul, char byte)
{
	USE(letter), USE(quote), USE(nul), USE(byte);
	return (char)('\n' * one);
}

/*
 * a: float = 0.1
 * b: double = 0.1
 * c: long double = "0.1"
 * d: double = "nan"
 * e: float = "-inf"
 * f: double = -0.0
 * g: double = 1.7976931348623157e+308
 * returns: double = 2.5
 */
NOINLINE static double floating(float a, double b, long double c, double d, float e, double f,
				double g)
{
	USE_FLOAT(a), USE_FLOAT(b), USE_FLOAT(c), USE_FLOAT(d), USE_FLOAT(e), USE_FLOAT(f);
	USE_FLOAT(g);
	return one * 2.5;
}

/*
 * a: long double = "0.33333333333333333334"
 * returns: long double = "-0.33333333333333333334"
 */
NOINLINE static long double extended(long double a)
{
	USE_FLOAT(a);
	return -a;
}

/*
 * a: complex float = {"real": 1.5, "imaginary": -2}
 * b: complex double = {"real": 0.1, "imaginary": "inf"}
 * c: complex long double = {"real": -0.0, "imaginary": 3}
 * returns: complex double = {"real": 1, "imaginary": 2}
 */
NOINLINE static double complex complex_numbers(float complex a, double complex b,
					       long double complex c)
{
	USE_FLOAT(__real__ a), USE_FLOAT(__imag__ a), USE_FLOAT(__real__ b);
	USE_FLOAT(__imag__ b), USE_FLOAT(__real__ c), USE_FLOAT(__imag__ c);
	return __builtin_complex(1.0 * one, 2.0 * one);
}

/* ---- enums ---- */

enum direction { NORTH = -1, HERE, SOUTH };
enum access { READ = 1, WRITE = 2, EXECUTE = 4 };

/*
 * named: enum direction = {"name": "NORTH", "number": -1}
 * unnamed: enum direction = {"name": null, "number": 17}
 * sum: enum access = {"name": "READ|EXECUTE", "number": 5}
 * returns: enum access = {"name": "WRITE", "number": 2}
 */
NOINLINE static enum access enums(enum direction named, enum direction unnamed, enum access sum)
{
	USE(named), USE(unnamed), USE(sum);
	return (enum access)(one * 2);
}

/* ---- pointers and strings ---- */

/*
 * number: int * = "0x*"
 * besides: {"pointee": 42}
 * none: double * = null
 * anything: void * = "0x*"
 * far: int ** = "0x*"
 * besides: {"pointee": "0x*"}
 * nowhere: long * = "0x10"
 * besides: {"unreadable": true}
 * returns: int * = "0x*"
 * besides: {"pointee": 42}
 */
NOINLINE static int *pointers(int *number, double *none, void *anything, int **far, long *nowhere)
{
	USE((uintptr_t)number), USE((uintptr_t)none), USE((uintptr_t)anything);
	USE((uintptr_t)far), USE((uintptr_t)nowhere);
	return number;
}

/*
 * text: const char * = "hello"
 * empty: const char * = ""
 * none: const char * = null
 * odd: char * = "tab\t, \"quotes\", back\\slash"
 * utf8: const char * = "\u00e9\u6f22\ud83d\ude00"
 * returns: const char * = "hello"
 */
NOINLINE static const char *strings(const char *text, const char *empty, const char *none,
				    char *odd, const char *utf8)
{
	USE((uintptr_t)text), USE((uintptr_t)empty), USE((uintptr_t)none), USE((uintptr_t)odd);
	USE((uintptr_t)utf8);
	return text;
}

/*
 * just: const char * = "1234567890123456789012345678901234567890123456789012345678901234"
 * longer: const char * = "1234567890123456789012345678901234567890123456789012345678901234"
 * besides: {"truncated": true}
 * latin1: const char * = "caf\\xe9 \\\\ \u00e9"
 * besides: {"escaped": true}
 * bad: const char * = "0x1"
 * besides: {"unreadable": true}
 * worse: const char * = "0xdead000000000000"
 * besides: {"unreadable": true}
 */
NOINLINE static void difficult_strings(const char *just, const char *longer, const char *latin1,
				       const char *bad, const char *worse)
{
	USE((uintptr_t)just), USE((uintptr_t)longer), USE((uintptr_t)latin1), USE((uintptr_t)bad);
	USE((uintptr_t)worse);
}

NOINLINE static int twice(int number);

/*
 * callback: int (*)(int) = "0x*"
 * besides: {"symbol": "twice"}
 * none: void (*)(void) = null
 * returns: int = 42
 */
NOINLINE static int function_pointers(int (*callback)(int), void (*none)(void))
{
	USE((uintptr_t)none);
	return callback(21);
}

/*
 * number: int = 21
 * returns: int = 42
 */
NOINLINE static int twice(int number)
{
	return number * 2 * one;
}

/*
 * row: int (*)[3] = "0x*"
 * besides: {"pointee": [1, 2, 3]}
 * decayed: const short * = "0x*"
 * besides: {"pointee": 7}
 */
NOINLINE static void arrays(int (*row)[3], const short decayed[])
{
	USE((*row)[0] + (*row)[2]), USE(decayed[0]);
}

/* ---- structs and unions ---- */

struct point {
	int x;
	int y;
};

struct mixed {
	int count;
	double share;
};

struct triangle {
	float a, b, c;
};

struct person {
	const char *name;
	char initials[4];
	unsigned int born;
	struct point home;
	struct person *parent;
};

/*
 * p: struct point = {"x": 3, "y": -4}
 * m: struct mixed = {"count": 1, "share": 0.5}
 * t: struct triangle = {"a": 1, "b": 2, "c": 2.5}
 * returns: struct point = {"x": -4, "y": 3}
 */
NOINLINE static struct point structs(struct point p, struct mixed m, struct triangle t)
{
	USE(m.count), USE_FLOAT(m.share), USE_FLOAT(t.a), USE_FLOAT(t.b), USE_FLOAT(t.c);
	return (struct point){p.y * one, p.x * one};
}

/*
 * who: const struct person * = "0x*"
 * besides: {"pointee": {"name": "0x*", "initials": "AL", "born": 1815,
 *     "home": {"x": 51, "y": 0}, "parent": "0x*"}}
 * returns: struct person = {"name": "Lord Byron", "initials": "GGB", "born": 1788,
 *     "home": {"x": 52, "y": -1}, "parent": null}
 */
NOINLINE static struct person parent_of(const struct person *who)
{
	return *who->parent;
}

struct flags {
	unsigned int ready : 1;
	int level : 5;
	unsigned int : 4;
	bool open : 1;
	unsigned long long serial : 40;
	enum access access : 4;
};

struct __attribute__((packed)) packed {
	char tag;
	long number;
	short last;
};

struct wide {
	long number;
} __attribute__((aligned(32)));

/*
 * f: struct flags = {"ready": 1, "level": -3, "open": true, "serial": 1000000000000,
 *     "access": {"name": "WRITE", "number": 2}}
 * p: struct packed = {"tag": "p", "number": -1, "last": 2}
 * w: struct wide = {"number": 32}
 * returns: struct flags = {"ready": 1, "level": -3, "open": true, "serial": 1000000000000,
 *     "access": {"name": "WRITE", "number": 2}}
 */
NOINLINE static struct flags layouts(struct flags f, struct packed p, struct wide w)
{
	USE(p.tag), USE(p.number), USE(p.last), USE(w.number);
	return f;
}

union number {
	unsigned int whole;
	float real;
	unsigned char bytes[4];
};

struct variant {
	int kind;
	union {
		long number;
		double real;
	};
	struct {
		short low, high;
	};
};

/*
 * u: union number = {"whole": 1069547520, "real": 1.5, "bytes": [0, 0, 192, 63]}
 * v: struct variant = {"kind": 1, "number": 0, "real": 0, "low": -1, "high": 1}
 * returns: union number = {"whole": 0, "real": 0, "bytes": [0, 0, 0, 0]}
 */
NOINLINE static union number unions(union number u, struct variant v)
{
	USE(u.whole), USE(v.kind), USE(v.number), USE(v.low), USE(v.high);
	return (union number){.whole = (unsigned int)one - 1};
}

struct matrix {
	double cells[2][2];
	char name[8];
	struct point corners[2];
};

/*
 * m: struct matrix = {"cells": [[1, 0], [0, 1]], "name": "unit", "corners": [{"x": 0, "y": 0},
 *     {"x": 1, "y": 1}]}
 * returns: struct matrix = {"cells": [[1, 0], [0, 1]], "name": "unit", "corners": [{"x": 0,
 *     "y": 0}, {"x": 1, "y": 1}]}
 */
NOINLINE static struct matrix nested(struct matrix m)
{
	return m;
}

typedef struct point point_t;

/*
 * p: point_t = {"x": 3, "y": -4}
 * q: const point_t * = "0x*"
 * besides: {"pointee": {"x": 3, "y": -4}}
 * n: volatile int = 1
 * returns: const point_t * = "0x*"
 * besides: {"pointee": {"x": 3, "y": -4}}
 */
NOINLINE static const point_t *typedefs(point_t p, const point_t *q, volatile int n)
{
	USE(p.x + p.y), USE(n);
	return q;
}

struct nothing {
};

struct rows {
	int count;
	const char *rows[];
};

/*
 * x: struct nothing = {}
 * n: int = 3
 * table: struct rows * = "0x*"
 * besides: {"pointee": {"count": 2, "rows": {"value": null, "why": "no debug info"}}}
 * returns: struct nothing = {}
 */
NOINLINE static struct nothing without_size(struct nothing x, int n, struct rows *table)
{
	USE(n), USE(table->count);
	return x;
}

struct names {
	const char *of[3];
	struct {
		const char *title;
		int year;
	} books[2];
};

/*
 * n: struct names = {"of": ["one", "two", null],
 *     "books": [{"title": "first", "year": 1851}, {"title": "second", "year": 1857}]}
 * returns: int = 1851
 */
NOINLINE static int arrays_of_strings(struct names n)
{
	USE((uintptr_t)n.of[0]), USE((uintptr_t)n.books[1].title);
	return n.books[0].year * one;
}

enum mode { R = 1, W = 2, RW = 3, X = 4 };

/*
 * both: enum mode = {"name": "RW", "number": 3}
 * sum: enum mode = {"name": "R|X", "number": 5}
 * all: enum mode = {"name": "RW|X", "number": 7}
 * other: enum mode = {"name": null, "number": 9}
 * returns: enum mode = {"name": "W|X", "number": 6}
 */
NOINLINE static enum mode combined_flags(enum mode both, enum mode sum, enum mode all,
					 enum mode other)
{
	USE(both), USE(sum), USE(all), USE(other);
	return (enum mode)((W | X) * one);
}

/* ---- functions ---- */

/*
 * a: int = 1
 * b: int = 2
 * c: int = 3
 * d: int = 4
 * e: int = 5
 * f: int = 6
 * g: int = 7
 * h: int = 8
 * x0: double = 0.5
 * x1: double = 1.5
 * x2: double = 2.5
 * x3: double = 3.5
 * x4: double = 4.5
 * x5: double = 5.5
 * x6: double = 6.5
 * x7: double = 7.5
 * x8: double = 8.5
 * x9: double = 9.5
 * returns: double = 86
 */
NOINLINE static double many(int a, int b, int c, int d, int e, int f, int g, int h, double x0,
			    double x1, double x2, double x3, double x4, double x5, double x6,
			    double x7, double x8, double x9)
{
	return a + b + c + d + e + f + g + h + x0 + x1 + x2 + x3 + x4 + x5 + x6 + x7 + x8 + x9;
}

/*
 * format: const char * = "%d %s"
 * count: int = 2
 * returns: int = 9
 */
NOINLINE static int variadic(const char *format, int count, ...)
{
	va_list rest;
	va_start(rest, count);
	int number = va_arg(rest, int);
	va_end(rest);
	USE((uintptr_t)format);
	return number + count;
}

/*
 * left: unsigned int = 3
 * total: unsigned int = 100
 * returns: unsigned int = 106
 */
NOINLINE static unsigned int changes_its_parameters(unsigned int left, unsigned int total)
{
	for (; left > 0; left--)
		total += left;
	return total;
}

/*
 * at: int = 5
 */
NOINLINE static void takes_an_address(int at)
{
	int *volatile place = &at;
	*place = 99;
	USE(at);
}

/*
 * size: unsigned int = 100
 * fill: char = "f"
 * returns: int = 204
 */
NOINLINE static int frames(unsigned int size, char fill)
{
	_Alignas(64) volatile char aligned[64];
	volatile char row[size];
	aligned[0] = row[size - 1] = fill;
	return aligned[0] + row[size - 1];
}

static jmp_buf back;

/*
 * value: int = 3
 */
NOINLINE static int leaves(int value)
{
	if (one)
		longjmp(back, value);
	return value;
}

/*
 */
NOINLINE static void nothing(void)
{
	USE(1);
}

/*
 * returns: int = 0
 */
int main(void)
{
	static int number = 42, *to_number = &number, row[3] = {1, 2, 3};
	static const short decayed[2] = {7, 8};
	static char odd[] = "tab\t, \"quotes\", back\\slash";
	static struct person byron = {"Lord Byron", "GGB", 1788, {52, -1}, NULL};
	static struct person ada = {"Ada Lovelace", "AL", 1815, {51, 0}, &byron};
	static point_t point = {3, -4};
	static struct rows table = {.count = 2};

	small_integers(-128, 255, -32768, 65535, INT32_MIN, UINT32_MAX);
	large_integers(INT64_MIN, UINT64_MAX, 9007199254740991, 1);
	very_large_integers((__int128)1 << 127, ~(unsigned __int128)0);
	named_integers(-1, 2, -3, 4);
	truth(true, false);
	characters('A', '"', '\0', (char)0xff);
	floating(0.1F, 0.1, 0.1L, __builtin_nan(""), -__builtin_inff(), -0.0,
		 1.7976931348623157e+308);
	extended(1 / 3.0L);
	complex_numbers(__builtin_complex(1.5F, -2.0F), __builtin_complex(0.1, __builtin_inf()),
			__builtin_complex(-0.0L, 3.0L));
	enums(NORTH, (enum direction)17, (enum access)(READ | EXECUTE));
	pointers(&number, NULL, &row, &to_number, (long *)16);
	strings("hello", "", NULL, odd, "\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x98\x80");
	difficult_strings("1234567890123456789012345678901234567890123456789012345678901234",
			  "1234567890123456789012345678901234567890123456789012345678901234567890",
			  "caf\xe9 \\ \xc3\xa9", (const char *)1, (const char *)0xdead000000000000);
	function_pointers(twice, NULL);
	arrays(&row, decayed);
	structs((struct point){3, -4}, (struct mixed){1, 0.5}, (struct triangle){1, 2, 2.5F});
	parent_of(&ada);
	layouts((struct flags){1, -3, true, 1000000000000, WRITE}, (struct packed){'p', -1, 2},
		(struct wide){32});
	unions((union number){.real = 1.5F}, (struct variant){1, {0}, {-1, 1}});
	nested((struct matrix){{{1, 0}, {0, 1}}, "unit", {{0, 0}, {1, 1}}});
	without_size((struct nothing){}, 3, &table);
	arrays_of_strings((struct names){{"one", "two"}, {{"first", 1851}, {"second", 1857}}});
	combined_flags(RW, (enum mode)(R | X), (enum mode)(RW | X), (enum mode)9);
	typedefs(point, &point, 1);
	many(1, 2, 3, 4, 5, 6, 7, 8, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5);
	variadic("%d %s", 2, 7, "seven");
	changes_its_parameters(3, 100);
	takes_an_address(5);
	frames(100, 'f');
	if (setjmp(back) == 0)
		leaves(3);
	nothing();
	return 0;
}
