/* SPDX-License-Identifier: MIT */
/* A growing byte string: see strbuf.h. */
#include "base/strbuf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ct_strbuf_deinit(struct ct_strbuf *buf)
{
	free(buf->bytes);
	*buf = (struct ct_strbuf){0};
}

bool ct_strbuf_reserve(struct ct_strbuf *buf, size_t extra)
{
	/* Half of all memory: neither the sum nor the doubling below can wrap. */
	if (extra >= SIZE_MAX / 2 - buf->length) {
		buf->failed = true;
		return false;
	}
	size_t needed = buf->length + extra + 1;
	if (needed <= buf->capacity)
		return true;
	size_t capacity = buf->capacity ? buf->capacity * 2 : 64;
	while (capacity < needed)
		capacity *= 2;
	char *bytes = realloc(buf->bytes, capacity);
	if (!bytes) {
		buf->failed = true;
		return false;
	}
	buf->bytes = bytes;
	buf->capacity = capacity;
	return true;
}

void ct_strbuf_add(struct ct_strbuf *buf, const void *bytes, size_t length)
{
	if (!ct_strbuf_reserve(buf, length))
		return;
	if (length)
		memcpy(buf->bytes + buf->length, bytes, length);
	buf->length += length;
	buf->bytes[buf->length] = '\0';
}

void ct_strbuf_add_string(struct ct_strbuf *buf, const char *string)
{
	ct_strbuf_add(buf, string, strlen(string));
}

void ct_strbuf_printf(struct ct_strbuf *buf, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int length = vsnprintf(NULL, 0, format, args);
	if (length < 0)
		buf->failed = true;
	else if (ct_strbuf_reserve(buf, (size_t)length)) {
		vsnprintf(buf->bytes + buf->length, (size_t)length + 1, format, again);
		buf->length += (size_t)length;
	}
	va_end(again);
	va_end(args);
}
