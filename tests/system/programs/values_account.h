/* SPDX-License-Identifier: MIT */
/*
 * What a program says of its own calls: which function, how deep, with which
 * arguments, how it ended and what it returned. It is kept in a file mapped
 * shared (named by the variable ACCOUNT), so that it outlives any death, and is
 * compared with the trace by driver/account.py, which knows struct account_row.
 *
 * Values are written as JSON with single quotes: account_enter("f", "'n':%d", n).
 * A result "..." is one that the account does not tell.
 */
#ifndef VALUES_ACCOUNT_H
#define VALUES_ACCOUNT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest.h"

enum { ACCOUNT_ROWS = 20000, ACCOUNT_THREADS = 256 };

enum account_end { ACCOUNT_OPEN = 0, ACCOUNT_RETURNED = 1 };

struct account_row {
	int pid;
	int tid;
	int stack; /* 0, or a coroutine's number */
	int depth; /* calls of this account's functions around it */
	int end;   /* enum account_end */
	char name[60];
	char arguments[256];
	char result[128]; /* empty: returns no value */
};

struct account_thread {
	int tid;
	int depth;
	int stack;
	int reserved;
};

struct account {
	int count; /* of rows begun */
	int reserved[3];
	struct account_thread threads[ACCOUNT_THREADS];
	struct account_row rows[ACCOUNT_ROWS];
};

/* Not optimised away, and not inlined into what is traced. */
#define ACCOUNT_FUNCTION static UNTRACED NOINLINE __attribute__((unused))

/* One to a module; all map the same file. */
static struct account *account_table;

ACCOUNT_FUNCTION struct account *account_map(void)
{
	const char *path = getenv("ACCOUNT");
	int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	void *mem;

	if (fd >= 0 && ftruncate(fd, sizeof(struct account)))
		_exit(99);
	mem = mmap(NULL, sizeof(struct account), PROT_READ | PROT_WRITE, flags, fd, 0);
	if (mem == MAP_FAILED)
		_exit(99);
	if (fd >= 0)
		close(fd);
	account_table = (struct account *)mem;
	return account_table;
}

ACCOUNT_FUNCTION struct account_thread *account_self(void)
{
	struct account *account = account_table ? account_table : account_map();
	int tid = gettid();

	for (int i = 0; i < ACCOUNT_THREADS; i++) {
		struct account_thread *thread = &account->threads[i];
		int none = 0;

		if (thread->tid == tid)
			return thread;
		if (__atomic_compare_exchange_n(&thread->tid, &none, tid, 0, __ATOMIC_SEQ_CST,
						__ATOMIC_SEQ_CST))
			return thread;
	}
	_exit(98);
}

/* The calling thread's next call has no caller. */
ACCOUNT_FUNCTION void account_begin(int stack)
{
	struct account_thread *self = account_self();

	self->depth = 0;
	self->stack = stack;
}

ACCOUNT_FUNCTION __attribute__((format(printf, 2, 3))) int account_enter(const char *name,
									 const char *format, ...)
{
	struct account_thread *self = account_self();
	int call = __atomic_fetch_add(&account_table->count, 1, __ATOMIC_SEQ_CST);
	struct account_row *row = &account_table->rows[call];
	va_list arguments;

	if (call >= ACCOUNT_ROWS)
		_exit(97);
	row->pid = getpid();
	row->tid = self->tid;
	row->stack = self->stack;
	row->depth = self->depth++;
	snprintf(row->name, sizeof(row->name), "%s", name);
	va_start(arguments, format);
	vsnprintf(row->arguments, sizeof(row->arguments), format, arguments);
	va_end(arguments);
	return call;
}

/* The call will return this value, after the calls that are still to come within it. */
ACCOUNT_FUNCTION __attribute__((format(printf, 2, 3))) void account_promise(int call,
									    const char *format, ...)
{
	struct account_row *row = &account_table->rows[call];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(row->result, sizeof(row->result), format, arguments);
	va_end(arguments);
	account_self()->depth = row->depth + 1;
	row->end = ACCOUNT_RETURNED;
}

/* The call returns this value, and calls nothing more. */
ACCOUNT_FUNCTION __attribute__((format(printf, 2, 3))) void account_return(int call,
									   const char *format, ...)
{
	struct account_row *row = &account_table->rows[call];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(row->result, sizeof(row->result), format, arguments);
	va_end(arguments);
	account_self()->depth = row->depth;
	row->end = ACCOUNT_RETURNED;
}

/* The call returns, without a value. */
ACCOUNT_FUNCTION void account_leave(int call)
{
	account_self()->depth = account_table->rows[call].depth;
	account_table->rows[call].end = ACCOUNT_RETURNED;
}

/* An exception or a jump has come to this call: all below is gone. */
ACCOUNT_FUNCTION void account_landed(int call)
{
	account_self()->depth = account_table->rows[call].depth + 1;
}

ACCOUNT_FUNCTION int account_depth(void)
{
	return account_self()->depth;
}

ACCOUNT_FUNCTION void account_set_depth(int depth)
{
	account_self()->depth = depth;
}

/* A coroutine goes on, at the depth that was kept for it. */
ACCOUNT_FUNCTION void account_switch(int stack, int depth)
{
	struct account_thread *self = account_self();

	self->stack = stack;
	self->depth = depth;
}

/* For a return statement: `return RESULT(call, "%d", value);`, where value is a variable. */
#define RESULT(CALL, FORMAT, VALUE) (account_return(CALL, FORMAT, VALUE), VALUE)

#endif
