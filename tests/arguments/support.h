/* SPDX-License-Identifier: MIT */
/* What generated programs share. support.c is compiled without hooks, as C. */
#ifndef ARGUMENTS_SUPPORT_H
#define ARGUMENTS_SUPPORT_H

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>
#ifdef __cplusplus
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>
#endif

#define UNTRACED __attribute__((no_instrument_function))
#define CALLER	 __attribute__((no_instrument_function, noinline)) static

#ifdef __cplusplus
extern "C" {
#endif

/* The compiler cannot see what these do. */
void opaque(void);
void opaque_bytes(void *bytes, size_t size);
void sink(unsigned long number);
void sink_float(double number);
/* Overwrite an object. */
void scribble(void *bytes, size_t size);
void copy_bytes(void *to, const void *from, size_t size);

/* Write the address of something into the file of addresses. */
void note(const char *name, const void *address);
/* A function returned something else than it was made to. */
void mismatch(const char *function, int call);
/* A copy of `text`, `size` bytes with its NUL, before a page that cannot be read. */
char *at_the_end_of_a_page(const char *text, size_t size);

int callee_0(int number);
int callee_1(int number);
int callee_2(int number);

extern volatile unsigned long global_sum;
extern volatile double global_float;
extern volatile int always;    /* 1 */
extern volatile int some_size; /* 24 */
extern jmp_buf jump;

/* First and last to be called by main. */
void begin(void);
int end(void);

#ifdef __cplusplus
}

/* Throws when `number` is odd. */
void maybe_throw(int number);

template <typename T> UNTRACED static inline T *opaque_pointer(T *pointer)
{
	asm volatile("" : "+r"(pointer) : : "memory");
	return pointer;
}

/* Its destructor runs between the making of the return value and the return. */
struct Guard {
	int number;
	explicit Guard(int number) : number(number)
	{
	}
	~Guard()
	{
		sink((unsigned long)number);
	}
};

/* Base of classes with virtual functions. */
struct Shape {
	long shape_id = 77;
	UNTRACED virtual ~Shape()
	{
	}
};
#endif

#endif
