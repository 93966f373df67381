/* SPDX-License-Identifier: MIT */
/*
 * The kernel, reached without libc: no errno, no cancellation points, nothing
 * the traced program could have replaced. Also the few memory and text
 * helpers a guest needs. Everything here is async-signal-safe.
 */
#ifndef CT_RUNTIME_SYS_H
#define CT_RUNTIME_SYS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#define ct_likely(condition)   __builtin_expect(!!(condition), 1)
#define ct_unlikely(condition) __builtin_expect(!!(condition), 0)
#define CT_COLD		       __attribute__((cold, noinline))
/* Before a statement that calls what has the caller's own signature: a jump with Clang; GCC 12 has
 * its own mind. */
#if defined(__clang__)
#define CT_TAIL_CALL __attribute__((musttail)) return
#else
#define CT_TAIL_CALL return
#endif
#define ct_array_length(array) (sizeof(array) / sizeof((array)[0]))

/* Returns the kernel's result: a value, or -errno. */
static inline long ct_sys6(long number, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;
	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
#else
#error "CallTrace runs on x86-64 and arm64"
#endif
}

#define ct_sys(number, ...) CT_SYS_ARGS((number), ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define CT_SYS_ARGS(number, a, b, c, d, e, f, ...) \
	ct_sys6(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

static inline bool ct_sys_failed(long result)
{
	return (unsigned long)result > -4096UL;
}

/* The kernel's own signal set: 64 bits, unlike libc's. */
typedef uint64_t ct_sigset;

/* Between these two no traced handler can interrupt this thread. */
ct_sigset ct_sys_block_signals(void);
void ct_sys_restore_signals(ct_sigset saved);

/* Zeroed private memory, or NULL. */
void *ct_sys_map(size_t size_bytes);
void ct_sys_unmap(void *memory, size_t size_bytes);

/* Copy from anywhere in this process, mapped or not; false: not all of it was readable. */
bool ct_sys_peek(const void *from, void *ret, size_t size_bytes);

/* Read at most `size_bytes` of the file; the count, or -errno. */
long ct_sys_read_file(const char *path, void *ret, size_t size_bytes);

struct ct_lock {
	int word; /* 0 free, 1 taken, 2 taken and waited for */
};
/* Take only with signals blocked: a handler on the same thread would wait for ever. */
void ct_lock_take(struct ct_lock *lock);
void ct_lock_release(struct ct_lock *lock);

size_t ct_string_length(const char *string);
bool ct_string_equal(const char *a, const char *b);
bool ct_string_starts(const char *string, const char *prefix);
const char *ct_string_last(const char *string, char c);
void ct_copy(void *to, const void *from, size_t size_bytes);
void ct_zero(void *memory, size_t size_bytes);
bool ct_same_bytes(const void *a, const void *b, size_t size_bytes);

/* Text of at most `capacity` - 1 bytes, always ended by a NUL. */
struct ct_text {
	char *bytes;
	size_t length;
	size_t capacity;
	bool cut; /* something did not fit */
};
void ct_text_add_bytes(struct ct_text *text, const char *bytes, size_t length);
void ct_text_add(struct ct_text *text, const char *string);
/* %s, %d, %u, %lu, %lx, %c and %% only. */
void ct_text_format(struct ct_text *text, const char *format, va_list args);
void ct_text_printf(struct ct_text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Run function(argument) on another stack, `top` its upper end; signals must be blocked. */
void ct_sys_call_on_stack(void *top, void (*function)(long), long argument);

/* Remember what standard error is, so as never to write into a file that took its number. */
void ct_log_init(void);
/* One line on standard error: "calltrace: ...". */
void ct_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The text of the errno values a user meets. */
const char *ct_errno_text(long error);

#endif
