/* SPDX-License-Identifier: MIT */
/*
 * Errors of the tool side. A function that can fail returns a struct ct_error
 * pointer, NULL meaning success; the caller that gets one owns it and either
 * returns it, wraps it or destroys it. Only main() prints.
 */
#ifndef CT_BASE_ERROR_H
#define CT_BASE_ERROR_H

#include <stdbool.h>

struct ct_error {
	char *message; /* one sentence: what, where, what to do */
	bool is_usage; /* what was asked for makes no sense, whatever the files hold */
};

/* Returned when memory ran out; destroying or wrapping it is fine. */
extern struct ct_error *const ct_error_nomem;

struct ct_error *ct_error_create(const char *format, ...)
	__attribute__((format(printf, 1, 2), warn_unused_result));

/* As ct_error_create(), followed by ": " and the text of `error_number`. */
struct ct_error *ct_error_errno(int error_number, const char *format, ...)
	__attribute__((format(printf, 2, 3), warn_unused_result));

/* Put what was being done in front: "<format>: <message of err>". Takes `err`. */
struct ct_error *ct_error_wrap(struct ct_error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3), warn_unused_result));

/* Sets `is_usage`; wrapping keeps it. Takes and returns `err`. */
struct ct_error *ct_error_usage(struct ct_error *err) __attribute__((warn_unused_result));

void ct_error_destroy(struct ct_error *err);

/*
 * `text`, made one line that a terminal shows as it is: paths and names out of a
 * foreign trace may hold control characters, which become '?'. Messages of errors
 * have been through it.
 */
char *ct_error_line(char *text);

#endif
