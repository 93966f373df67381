/* SPDX-License-Identifier: MIT */
/*
 * The kernel and small helpers, without libc: see sys.h. Runs inside the
 * traced program, in any thread and any signal handler.
 */
#include "runtime/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

ct_sigset ct_sys_block_signals(void)
{
	ct_sigset all = ~UINT64_C(0), saved = 0;
	ct_sys(SYS_rt_sigprocmask, SIG_SETMASK, &all, &saved, sizeof(saved));
	return saved;
}

void ct_sys_restore_signals(ct_sigset saved)
{
	ct_sys(SYS_rt_sigprocmask, SIG_SETMASK, &saved, 0, sizeof(saved));
}

void *ct_sys_map(size_t size_bytes)
{
	long memory = ct_sys(SYS_mmap, 0, size_bytes, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return ct_sys_failed(memory) ? NULL : (void *)memory;
}

void ct_sys_unmap(void *memory, size_t size_bytes)
{
	ct_sys(SYS_munmap, memory, size_bytes);
}

bool ct_sys_peek(const void *from, void *ret, size_t size_bytes)
{
	struct iovec to_piece = {ret, size_bytes};
	struct iovec from_piece = {(void *)from, size_bytes};
	long pid = ct_sys(SYS_getpid);
	long count = ct_sys(SYS_process_vm_readv, pid, &to_piece, 1, &from_piece, 1, 0);
	if (count == (long)size_bytes)
		return true;
	if (count != -EPERM && count != -ENOSYS)
		return false;
	/* A sandbox without the call, or an emulator. A pipe's write checks addresses too. */
	int ends[2];
	if (size_bytes > 4096 || ct_sys_failed(ct_sys(SYS_pipe2, ends, O_CLOEXEC)))
		return false;
	bool whole = ct_sys(SYS_write, ends[1], from, size_bytes) == (long)size_bytes &&
		     ct_sys(SYS_read, ends[0], ret, size_bytes) == (long)size_bytes;
	ct_sys(SYS_close, ends[0]);
	ct_sys(SYS_close, ends[1]);
	return whole;
}

void ct_sys_call_on_stack(void *top, void (*function)(long), long argument)
{
#if defined(__x86_64__)
	__asm__ volatile("mov %%rsp, %%rbx\n\t"
			 "mov %[top], %%rsp\n\t"
			 "call *%[function]\n\t"
			 "mov %%rbx, %%rsp"
			 : "+D"(argument)
			 : [top] "r"(top), [function] "r"(function)
			 : "rax", "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory",
			   "cc");
#else
	register long x0 __asm__("x0") = argument;
	__asm__ volatile("mov x19, sp\n\t"
			 "mov sp, %[top]\n\t"
			 "blr %[function]\n\t"
			 "mov sp, x19"
			 : "+r"(x0)
			 : [top] "r"(top), [function] "r"(function)
			 : "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11",
			   "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x30", "memory",
			   "cc");
#endif
}

long ct_sys_read_file(const char *path, void *ret, size_t size_bytes)
{
	long fd = ct_sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (ct_sys_failed(fd))
		return fd;
	size_t length = 0;
	while (length < size_bytes) {
		long count = ct_sys(SYS_read, fd, (char *)ret + length, size_bytes - length);
		if (count == -EINTR)
			continue;
		if (count <= 0)
			break;
		length += (size_t)count;
	}
	ct_sys(SYS_close, fd);
	return (long)length;
}

void ct_lock_take(struct ct_lock *lock)
{
	int expected = 0;
	if (__atomic_compare_exchange_n(&lock->word, &expected, 1, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED))
		return;
	while (__atomic_exchange_n(&lock->word, 2, __ATOMIC_ACQUIRE) != 0)
		ct_sys(SYS_futex, &lock->word, FUTEX_WAIT_PRIVATE, 2, 0, 0, 0);
}

void ct_lock_release(struct ct_lock *lock)
{
	if (__atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) == 2)
		ct_sys(SYS_futex, &lock->word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

/* The compiler may call these four by itself; libc's could be the program's own, and traced. */
void *memcpy(void *restrict to, const void *restrict from, size_t size_bytes);
void *memset(void *memory, int value, size_t size_bytes);
void *memmove(void *to, const void *from, size_t size_bytes);
int memcmp(const void *a, const void *b, size_t size_bytes);

void *memcpy(void *restrict to, const void *restrict from, size_t size_bytes)
{
#if defined(__x86_64__)
	void *at = to;
	__asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(size_bytes) : : "memory");
#else
	unsigned char *target = to;
	const unsigned char *source = from;
	for (; size_bytes >= 8; size_bytes -= 8, target += 8, source += 8)
		__builtin_memcpy(target, source, 8);
	while (size_bytes--)
		*target++ = *source++;
#endif
	return to;
}

void *memset(void *memory, int value, size_t size_bytes)
{
#if defined(__x86_64__)
	void *at = memory;
	__asm__ volatile("rep stosb" : "+D"(at), "+c"(size_bytes) : "a"(value) : "memory");
#else
	unsigned char *at = memory;
	while (size_bytes--)
		*at++ = (unsigned char)value;
#endif
	return memory;
}

void *memmove(void *to, const void *from, size_t size_bytes)
{
	unsigned char *target = to;
	const unsigned char *source = from;
	if (target <= source)
		while (size_bytes--)
			*target++ = *source++;
	else
		while (size_bytes--)
			target[size_bytes] = source[size_bytes];
	return to;
}

int memcmp(const void *a, const void *b, size_t size_bytes)
{
	const unsigned char *left = a, *right = b;
	for (; size_bytes--; left++, right++)
		if (*left != *right)
			return *left < *right ? -1 : 1;
	return 0;
}

void ct_copy(void *to, const void *from, size_t size_bytes)
{
	memcpy(to, from, size_bytes);
}

void ct_zero(void *memory, size_t size_bytes)
{
	memset(memory, 0, size_bytes);
}

bool ct_same_bytes(const void *a, const void *b, size_t size_bytes)
{
	return memcmp(a, b, size_bytes) == 0;
}

size_t ct_string_length(const char *string)
{
	size_t length = 0;
	while (string[length])
		length++;
	return length;
}

bool ct_string_equal(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

bool ct_string_starts(const char *string, const char *prefix)
{
	while (*prefix)
		if (*string++ != *prefix++)
			return false;
	return true;
}

const char *ct_string_last(const char *string, char c)
{
	const char *last = NULL;
	for (; *string; string++)
		if (*string == c)
			last = string;
	return last;
}

void ct_text_add_bytes(struct ct_text *text, const char *bytes, size_t length)
{
	size_t room = text->capacity - 1 - text->length;
	if (length > room) {
		length = room;
		text->cut = true;
	}
	ct_copy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
}

void ct_text_add(struct ct_text *text, const char *string)
{
	ct_text_add_bytes(text, string, ct_string_length(string));
}

static void add_number(struct ct_text *text, uint64_t value, unsigned int base)
{
	char digits[20];
	size_t at = sizeof(digits);
	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	ct_text_add_bytes(text, digits + at, sizeof(digits) - at);
}

void ct_text_format(struct ct_text *text, const char *format, va_list args)
{
	for (; *format; format++) {
		if (*format != '%') {
			ct_text_add_bytes(text, format, 1);
			continue;
		}
		format++;
		bool is_long = *format == 'l';
		if (is_long)
			format++;
		switch (*format) {
		case 's':
			ct_text_add(text, va_arg(args, const char *));
			break;
		case 'c': {
			char c = (char)va_arg(args, int);
			ct_text_add_bytes(text, &c, 1);
			break;
		}
		case 'd': {
			long value = is_long ? va_arg(args, long) : va_arg(args, int);
			if (value < 0)
				ct_text_add_bytes(text, "-", 1);
			add_number(text, value < 0 ? -(uint64_t)value : (uint64_t)value, 10);
			break;
		}
		case 'u':
			add_number(text,
				   is_long ? va_arg(args, unsigned long)
					   : va_arg(args, unsigned int),
				   10);
			break;
		case 'x':
			add_number(text,
				   is_long ? va_arg(args, unsigned long)
					   : va_arg(args, unsigned int),
				   16);
			break;
		default:
			ct_text_add_bytes(text, "%", 1);
		}
	}
}

void ct_text_printf(struct ct_text *text, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	ct_text_format(text, format, args);
	va_end(args);
}

static struct {
	bool known;
	dev_t device;
	ino_t inode;
} log_target;

void ct_log_init(void)
{
	struct stat status;
	/* newfstatat with an empty path: fstat has no number of its own on every machine. */
	log_target.known =
		!ct_sys_failed(ct_sys(SYS_newfstatat, STDERR_FILENO, "", &status, AT_EMPTY_PATH));
	if (!log_target.known)
		return;
	log_target.device = status.st_dev;
	log_target.inode = status.st_ino;
}

/*
 * One write, so that lines of several processes do not mix. A pipe nobody reads,
 * or a file at its limit, would kill the program by a signal that is ours: take
 * it back.
 */
static void write_quietly(const char *line, size_t length)
{
	struct timespec at_once = {0, 0};
	ct_sigset ours = UINT64_C(1) << (SIGPIPE - 1) | UINT64_C(1) << (SIGXFSZ - 1);
	ct_sigset pending = 0;
	ct_sigset saved = ct_sys_block_signals();
	ct_sys(SYS_rt_sigpending, &pending, sizeof(pending));
	long result = ct_sys(SYS_write, STDERR_FILENO, line, length);
	ours &= ~pending;
	if ((result == -EPIPE || result == -EFBIG) && ours)
		ct_sys(SYS_rt_sigtimedwait, &ours, 0, &at_once, sizeof(ours));
	ct_sys_restore_signals(saved);
}

void ct_log(const char *format, ...)
{
	char line[1024];
	struct ct_text text = {line, 0, sizeof(line) - 1, false};
	va_list args;

	struct stat status;
	if (!log_target.known ||
	    ct_sys_failed(ct_sys(SYS_newfstatat, STDERR_FILENO, "", &status, AT_EMPTY_PATH)) ||
	    status.st_dev != log_target.device || status.st_ino != log_target.inode)
		return;
	ct_text_add(&text, "calltrace: ");
	va_start(args, format);
	ct_text_format(&text, format, args);
	va_end(args);
	/* What the user gave us may hold anything; a line is a line. */
	for (size_t i = 0; i < text.length; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[text.length++] = '\n';
	write_quietly(line, text.length);
}

const char *ct_errno_text(long error)
{
	static const struct {
		int number;
		const char *text;
	} known[] = {
		{EACCES, "permission denied"},
		{EPERM, "operation not permitted"},
		{ENOENT, "no such directory"},
		{ENOTDIR, "a part of the path is not a directory"},
		{EISDIR, "it is a directory"},
		{EROFS, "the file system is read-only"},
		{ENOSPC, "the disk is full"},
		{EDQUOT, "the disk quota is used up"},
		{EFBIG, "the file size limit is reached"},
		{EMFILE, "the process has no file descriptor left"},
		{ENFILE, "the system has no file descriptor left"},
		{ENOMEM, "out of memory"},
		{ENAMETOOLONG, "the name is too long"},
		{ELOOP, "too many symbolic links"},
		{EIO, "input/output error"},
		{EBADF, "the file descriptor was closed"},
		{ENODEV, "the file system cannot map files"},
	};
	int number = (int)(error < 0 ? -error : error);
	for (size_t i = 0; i < ct_array_length(known); i++)
		if (known[i].number == number)
			return known[i].text;
	return "the kernel refused";
}
