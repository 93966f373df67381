/* SPDX-License-Identifier: MIT */
/* The parts of a document that occur once: see json_writer.h. */
#include "export/json_writer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "export/json_text.h"

void ct_json_newline(struct ct_sink *sink, unsigned int level)
{
	size_t width = (size_t)level * CT_JSON_INDENT;
	if (width > CT_JSON_MAX_INDENT)
		width = CT_JSON_MAX_INDENT;
	ct_sink_reserve(sink, width + 1);
	*sink->at++ = '\n';
	memset(sink->at, ' ', width);
	sink->at += width;
}

static void put_key(struct ct_json_writer *writer, const char *key)
{
	if (writer->filled)
		ct_sink_add(writer->sink, ",", 1);
	if (writer->pretty && writer->level > 0)
		ct_json_newline(writer->sink, writer->level);
	writer->filled = true;
	if (!key)
		return;
	ct_sink_add(writer->sink, "\"", 1);
	ct_sink_add(writer->sink, key, strlen(key));
	ct_sink_add(writer->sink, "\": ", writer->pretty ? 3 : 2);
}

void ct_json_begin(struct ct_json_writer *writer, const char *key, char bracket)
{
	put_key(writer, key);
	ct_sink_add(writer->sink, &bracket, 1);
	writer->level++;
	writer->filled = false;
}

void ct_json_end(struct ct_json_writer *writer, char bracket)
{
	writer->level--;
	if (writer->pretty && writer->filled)
		ct_json_newline(writer->sink, writer->level);
	ct_sink_add(writer->sink, &bracket, 1);
	writer->filled = true;
}

void ct_json_put_bytes(struct ct_json_writer *writer, const char *key, const char *bytes,
		       size_t length)
{
	struct ct_strbuf text = {0};
	ct_json_string(&text, bytes, length);
	put_key(writer, key);
	if (text.failed)
		ct_sink_add(writer->sink, "\"\"", 2);
	else
		ct_sink_add(writer->sink, text.bytes, text.length);
	ct_strbuf_deinit(&text);
}

void ct_json_put_string(struct ct_json_writer *writer, const char *key, const char *string)
{
	ct_json_put_bytes(writer, key, string, strlen(string));
}

void ct_json_put_u64(struct ct_json_writer *writer, const char *key, uint64_t value)
{
	char digits[CT_JSON_U64_BYTES];
	put_key(writer, key);
	ct_sink_add(writer->sink, digits, (size_t)(ct_json_u64(digits, value) - digits));
}

void ct_json_put_i64(struct ct_json_writer *writer, const char *key, int64_t value)
{
	char digits[1 + CT_JSON_U64_BYTES];
	char *at = digits;
	if (value < 0)
		*at++ = '-';
	at = ct_json_u64(at, value < 0 ? -(uint64_t)value : (uint64_t)value);
	put_key(writer, key);
	ct_sink_add(writer->sink, digits, (size_t)(at - digits));
}

void ct_json_put_real(struct ct_json_writer *writer, const char *key, double value)
{
	char digits[400] = "null"; /* the largest double has 309 digits before its point */
	if (isfinite(value))
		snprintf(digits, sizeof(digits), "%.3f", value);
	size_t length = strlen(digits);
	while (isfinite(value) && digits[length - 1] == '0')
		length--;
	length -= digits[length - 1] == '.';
	digits[length] = '\0';
	put_key(writer, key);
	ct_sink_add(writer->sink, digits, length);
}

void ct_json_put_exact(struct ct_json_writer *writer, const char *key, double value)
{
	char digits[32] = "null";
	if (isfinite(value))
		snprintf(digits, sizeof(digits), "%.6g", value);
	put_key(writer, key);
	ct_sink_add(writer->sink, digits, strlen(digits));
}

void ct_json_put_hex(struct ct_json_writer *writer, const char *key, uint64_t value)
{
	char digits[CT_JSON_HEX_BYTES];
	ct_json_put_bytes(writer, key, digits, (size_t)(ct_json_hex(digits, value) - digits));
}

void ct_json_put_bool(struct ct_json_writer *writer, const char *key, bool value)
{
	put_key(writer, key);
	ct_sink_add(writer->sink, value ? "true" : "false", value ? 4 : 5);
}

void ct_json_put_null(struct ct_json_writer *writer, const char *key)
{
	put_key(writer, key);
	ct_sink_add(writer->sink, "null", 4);
}

void ct_json_put_members(struct ct_json_writer *writer, const char *text, size_t length)
{
	while (length > 0) {
		const char *newline = writer->pretty ? memchr(text, '\n', length) : NULL;
		size_t part = newline ? (size_t)(newline - text) + 1 : length;
		size_t member = part - (newline ? 2 : 1); /* without its comma */
		put_key(writer, NULL);
		ct_sink_add(writer->sink, text, member);
		text += part;
		length -= part;
	}
}
