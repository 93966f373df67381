/* SPDX-License-Identifier: MIT */
/* Types of C for plan_describe.c: `take_*` has a parameter of each, `ret_*` returns one of value
 * `value_*`. */
#include <complex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uchar.h>

#define TAKE(name, type)                          \
	void take_##name(__typeof__(type) value); \
	void take_##name(__typeof__(type) value)  \
	{                                         \
		(void)value;                      \
	}
#define RET(name, type, ...)             \
	extern type value_##name;        \
	type value_##name = __VA_ARGS__; \
	type ret_##name(void);           \
	type ret_##name(void)            \
	{                                \
		return value_##name;     \
	}

struct point {
	int x, y;
};
struct named {
	const char *name;
	struct named *next;
	char tag[8];
	unsigned char raw[3];
};
enum colour { RED, GREEN = 5, BLUE = 0x80000000 };
enum sign { MINUS = -1, PLUS = 1 };
struct bits {
	unsigned int a : 3;
	int b : 7;
	_Bool c : 1;
	enum colour d : 32;
	uint64_t e : 40;
};
struct inside {
	int kind;
	union {
		int number;
		char *text;
	};
	struct {
		short s;
	} named;
};
struct __attribute__((packed)) packed {
	char c;
	double d;
	int i;
};
struct large {
	int first;
	int numbers[60];
	struct point points[2];
	long last;
	long behind;
};
typedef struct {
	_Alignas(32) int a;
} aligned;
struct opaque;
struct volatile_member {
	int n;
	struct {
		volatile int flags[2];
	} in;
};
struct empty {
};
struct around_names {
	const char *names[2];
	struct {
		char *text;
	} rows[2];
};
struct rows {
	int count;
	char *rows[];
};
typedef int (*callback)(int, char *);
typedef float vector4 __attribute__((vector_size(16)));
typedef float vector8 __attribute__((vector_size(32)));

TAKE(schar, signed char)
TAKE(uchar, unsigned char)
TAKE(char, char)
TAKE(short, short)
TAKE(uint, unsigned int)
TAKE(long, long)
TAKE(size, size_t)
TAKE(int128, __int128)
TAKE(uint128, unsigned __int128)
TAKE(bool, bool)
TAKE(wide, wchar_t)
TAKE(char16, char16_t)
TAKE(colour, enum colour)
TAKE(sign, enum sign)
TAKE(float, float)
TAKE(double, double)
TAKE(long_double, long double)
TAKE(quad, __float128)
TAKE(complex, double complex)
TAKE(long_complex, long double complex)
TAKE(string, const char *)
TAKE(bytes, const unsigned char *)
TAKE(strings, char **)
TAKE(void_pointer, void *)
TAKE(const_pointer, int *const)
TAKE(int_pointer, const volatile int *restrict)
TAKE(volatile_member, struct volatile_member *)
TAKE(volatile_text, volatile char *)
TAKE(opaque, struct opaque *)
TAKE(callback, callback)
TAKE(row_pointer, int (*)[3])
TAKE(functions, int (*(*)[2])(void))
TAKE(point, struct point)
TAKE(point_pointer, const struct point *)
TAKE(named, struct named)
TAKE(named_pointer, struct named *)
TAKE(bits, struct bits)
TAKE(inside, struct inside)
TAKE(packed, struct packed)
TAKE(large_pointer, struct large *)
TAKE(aligned, aligned)
TAKE(vector, vector4)
typedef struct {
	int m[2][3];
} matrix;
TAKE(matrix, matrix *)
TAKE(empty, struct empty)
TAKE(around_names, struct around_names)
TAKE(around_names_pointer, struct around_names *)
TAKE(rows_pointer, struct rows *)
#ifdef __clang__
struct bit_ints {
	int n;
	unsigned _BitInt(7) small;
};
TAKE(bit_int, _BitInt(5))
TAKE(bit_ints, struct bit_ints)
#else
enum step { FIRST, SECOND };
struct __attribute__((scalar_storage_order("big-endian"))) swapped {
	uint32_t a;
	unsigned int f : 4, g : 12;
	enum step step;
};
struct __attribute__((scalar_storage_order("big-endian"))) swapped_rows {
	enum step step;
	double rows[2][2];
};
struct around_swapped {
	int n;
	struct swapped swapped;
};
TAKE(swapped, struct swapped)
TAKE(swapped_pointer, struct swapped *)
TAKE(swapped_rows, struct swapped_rows)
TAKE(around_swapped, struct around_swapped)
#endif
void take_nothing(void);
void take_nothing(void)
{
}

RET(char, char, 'x')
RET(ushort, unsigned short, 0xabcd)
RET(int, int, -5)
RET(ulong, unsigned long, 0x123456789abcdef0)
RET(int128, __int128, (__int128)0x123456789abcdef << 64 | 77)
RET(bool, bool, true)
RET(colour, enum colour, BLUE)
RET(pointer, const char *, "text")
RET(float, float, 1.5F)
RET(double, double, -2.25)
RET(long_double, long double, 3.125L)
RET(quad, __float128, 4.5)
RET(complex_float, float complex, 1.0F + 2.0F * I)
RET(complex, double complex, 3.0 + 4.0 * I)
RET(complex_long, long double complex, 5.0L + 6.0L * I)
RET(vector, vector4, {1, 2, 3, 4})
RET(point, struct point, {1, 2})
struct char3 {
	char c[3];
};
RET(char3, struct char3, {"abc"})
struct int3 {
	int i[3];
};
RET(int3, struct int3, {{1, 2, 3}})
struct float3 {
	float a, b, c;
};
RET(float3, struct float3, {1, 2, 3})
struct mixed {
	int i;
	float f;
	double d;
};
RET(mixed, struct mixed, {1, 2, 3})
struct double_long {
	double d;
	long l;
};
RET(double_long, struct double_long, {1, 2})
struct longs {
	long a, b;
};
RET(longs, struct longs, {1, 2})
struct longs3 {
	long a, b, c;
};
RET(longs3, struct longs3, {1, 2, 3})
union number {
	long l;
	double d;
};
RET(union_number, union number, {77})
union floats {
	float f;
	double d;
};
RET(union_floats, union floats, {.d = 1.25})
struct long_double_1 {
	long double l;
};
RET(long_double_1, struct long_double_1, {7.5L})
struct long_array {
	long double l[1];
};
RET(long_array, struct long_array, {{7.25L}})
struct nested_longs {
	struct long_array n[1];
};
RET(nested_longs, struct nested_longs, {{{{7.75L}}}})
union long_double_int {
	long double l;
	int i;
};
RET(long_double_int, union long_double_int, {8.5L})
struct __attribute__((packed)) misplaced {
	char c;
	int i;
};
RET(misplaced, struct misplaced, {1, 2})
struct __attribute__((packed)) placed {
	int i;
	char c;
};
RET(placed, struct placed, {1, 2})
RET(packed, struct packed, {1, 2, 3})
struct one_vector {
	vector4 v;
};
RET(one_vector, struct one_vector, {{1, 2, 3, 4}})
struct one_quad {
	__float128 q;
};
RET(one_quad, struct one_quad, {9})
struct complex_1 {
	float f;
	float complex c;
};
RET(complex_1, struct complex_1, {1, 2 + 3 * I})
struct bits_double {
	unsigned int a : 3, b : 29;
	unsigned int c;
	double d;
};
RET(bits_double, struct bits_double, {1, 2, 3, 4})
struct over_aligned {
	_Alignas(16) int a;
};
RET(over_aligned, struct over_aligned, {5})
struct flexible {
	int count;
	char rest[];
};
RET(flexible, struct flexible, {6})
struct float_array {
	float f[4];
};
RET(float_array, struct float_array, {{1, 2, 3, 4}})
struct int128_1 {
	__int128 i;
};
RET(int128_1, struct int128_1, {(__int128)5 << 80})
struct __attribute__((packed, aligned(4))) bits_across {
	unsigned int a : 30;
	unsigned long b : 40;
	unsigned int c : 26;
};
RET(bits_across, struct bits_across, {1, 2, 3})
