/* SPDX-License-Identifier: MIT */
/* Errors of the tool side: see error.h. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/plain_text.h"

static struct ct_error nomem_error = {(char *)"out of memory", false};
struct ct_error *const ct_error_nomem = &nomem_error;

char *ct_error_line(char *text)
{
	size_t left = strlen(text);
	for (char *at = text; left;) {
		size_t plain = ct_plain_text_length(at, left), step = 0;
		at += plain;
		left -= plain;
		if (left)
			step = ct_plain_text_step(at, left);
		memset(at, '?', step);
		at += step;
		left -= step;
	}
	return text;
}

/* Takes `message`; NULL means that making it ran out of memory. */
static struct ct_error *error_from_message(char *message)
{
	if (!message)
		return ct_error_nomem;
	struct ct_error *err = malloc(sizeof(*err));
	if (!err) {
		free(message);
		return ct_error_nomem;
	}
	*err = (struct ct_error){.message = ct_error_line(message)};
	return err;
}

static char *format_message(const char *format, va_list args)
{
	char *message = NULL;
	return vasprintf(&message, format, args) < 0 ? NULL : message;
}

/* "<prefix>: <text>"; frees `prefix`. */
static char *join_message(char *prefix, const char *text)
{
	char *message = NULL;
	if (prefix && asprintf(&message, "%s: %s", prefix, text) < 0)
		message = NULL;
	free(prefix);
	return message;
}

struct ct_error *ct_error_create(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *message = format_message(format, args);
	va_end(args);
	return error_from_message(message);
}

struct ct_error *ct_error_errno(int error_number, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *prefix = format_message(format, args);
	va_end(args);
	return error_from_message(join_message(prefix, strerror(error_number)));
}

struct ct_error *ct_error_wrap(struct ct_error *err, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *prefix = format_message(format, args);
	va_end(args);
	struct ct_error *wrapped = error_from_message(join_message(prefix, err->message));
	if (err->is_usage)
		wrapped = ct_error_usage(wrapped);
	ct_error_destroy(err);
	return wrapped;
}

struct ct_error *ct_error_usage(struct ct_error *err)
{
	if (err != ct_error_nomem)
		err->is_usage = true;
	return err;
}

void ct_error_destroy(struct ct_error *err)
{
	if (!err || err == ct_error_nomem)
		return;
	free(err->message);
	free(err);
}
