/* SPDX-License-Identifier: MIT */
/* A growing byte string. Zero-initialise it; ct_strbuf_deinit() frees. */
#ifndef CT_BASE_STRBUF_H
#define CT_BASE_STRBUF_H

#include <stdbool.h>
#include <stddef.h>

struct ct_strbuf {
	char *bytes; /* always NUL-terminated once something was added; else NULL */
	size_t length;
	size_t capacity;
	bool failed; /* memory ran out: what was added since is missing */
};

void ct_strbuf_deinit(struct ct_strbuf *buf);
/* Room for so many more bytes and a NUL behind them; false when memory ran out. */
bool ct_strbuf_reserve(struct ct_strbuf *buf, size_t extra);
void ct_strbuf_add(struct ct_strbuf *buf, const void *bytes, size_t length);
void ct_strbuf_add_string(struct ct_strbuf *buf, const char *string);
void ct_strbuf_printf(struct ct_strbuf *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
