/* SPDX-License-Identifier: MIT */
/*
 * Writes the parts of a document that occur once, value by value; keeps track
 * of commas and indentation. `key` is NULL for an array's element. The parts
 * that occur once per call are written by json_calls.c.
 */
#ifndef CT_EXPORT_JSON_WRITER_H
#define CT_EXPORT_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "export/sink.h"

struct ct_json_writer {
	struct ct_sink *sink;
	bool pretty;
	unsigned int level; /* open objects and arrays */
	bool filled;	    /* the innermost open one has an element already */
};

enum {
	CT_JSON_INDENT = 2,
	CT_JSON_MAX_INDENT = 400, /* deeper text is not pushed further to the right */
};

/* A newline, and the indentation of what is `level` objects and arrays deep. */
void ct_json_newline(struct ct_sink *sink, unsigned int level);

/* `bracket` is '{' or '['. */
void ct_json_begin(struct ct_json_writer *writer, const char *key, char bracket);
/* `bracket` is '}' or ']'. */
void ct_json_end(struct ct_json_writer *writer, char bracket);

void ct_json_put_bytes(struct ct_json_writer *writer, const char *key, const char *bytes,
		       size_t length);
void ct_json_put_string(struct ct_json_writer *writer, const char *key, const char *string);
void ct_json_put_u64(struct ct_json_writer *writer, const char *key, uint64_t value);
void ct_json_put_i64(struct ct_json_writer *writer, const char *key, int64_t value);
/* With at most three digits behind the point; null for what is no number. */
void ct_json_put_real(struct ct_json_writer *writer, const char *key, double value);
/* With six significant digits. */
void ct_json_put_exact(struct ct_json_writer *writer, const char *key, double value);
void ct_json_put_hex(struct ct_json_writer *writer, const char *key, uint64_t value);
void ct_json_put_bool(struct ct_json_writer *writer, const char *key, bool value);
void ct_json_put_null(struct ct_json_writer *writer, const char *key);
/* Members as struct ct_names has them: rendered, each ended by a comma. */
void ct_json_put_members(struct ct_json_writer *writer, const char *text, size_t length);

#endif
