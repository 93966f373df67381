/* SPDX-License-Identifier: MIT */
/*
 * JSON of our own to debug annotations: see annotations.h. It is well-formed,
 * but where memory ran out it is cut: every step looks for the end.
 */
#include "exporter/annotations.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* Fields of DebugAnnotation. */
enum {
	BOOL_VALUE = 2,
	INT_VALUE = 4,
	DOUBLE_VALUE = 5,
	STRING_VALUE = 6,
	NAME = 10,
	DICT_ENTRIES = 11,
	ARRAY_VALUES = 12,
};

struct cursor {
	const char *at;
	const char *end;
	struct ct_memory_sink *to;
};

struct text {
	const char *bytes; /* between the quotes, with escapes */
	size_t length;
};

static bool take(struct cursor *cursor, char byte)
{
	if (cursor->at == cursor->end || *cursor->at != byte)
		return false;
	cursor->at++;
	return true;
}

/* ---- strings ---- */

static struct text take_string(struct cursor *cursor)
{
	take(cursor, '"');
	struct text text = {cursor->at, 0};
	while (cursor->at < cursor->end && *cursor->at != '"')
		cursor->at += *cursor->at == '\\' && cursor->at + 1 < cursor->end ? 2 : 1;
	text.length = (size_t)(cursor->at - text.bytes);
	take(cursor, '"');
	return text;
}

/* The code of \uNNNN, below U+0080: our own text escapes nothing else so. */
static char escaped_code(const char *at, const char *end)
{
	char digits[5] = {0};
	if (end - at < 4)
		return '?';
	memcpy(digits, at, 4);
	return (char)strtoul(digits, NULL, 16);
}

/* Escapes undone, in the length that `bytes` has at most. */
static size_t unescape(struct text text, char *bytes)
{
	static const char codes[] = "b\bf\fn\nr\rt\t";
	char *to = bytes;
	const char *end = text.bytes + text.length;
	for (const char *at = text.bytes; at < end;) {
		if (*at != '\\' || at + 1 == end) {
			*to++ = *at++;
			continue;
		}
		const char *code = strchr(codes, at[1]);
		if (at[1] == 'u') {
			*to++ = escaped_code(at + 2, end);
			at += end - at < 6 ? end - at : 6;
			continue;
		}
		*to++ = code && at[1] >= 'a' ? code[1] : at[1];
		at += 2;
	}
	return (size_t)(to - bytes);
}

static void add_string(struct ct_memory_sink *to, uint32_t number, struct text text)
{
	if (text.length == 0 || !memchr(text.bytes, '\\', text.length)) {
		ct_proto_add_bytes(to, number, text.bytes, text.length);
		return;
	}
	char *bytes = malloc(text.length);
	if (bytes)
		ct_proto_add_bytes(to, number, bytes, unescape(text, bytes));
	else
		to->failed = true;
	free(bytes);
}

/* ---- values ---- */

static void add_value(struct cursor *cursor);

static void add_number(struct cursor *cursor)
{
	char digits[64];
	size_t length = 0;
	bool is_whole = true;
	while (cursor->at < cursor->end && strchr("+-.0123456789eE", *cursor->at)) {
		is_whole = is_whole && !strchr(".eE", *cursor->at);
		if (length < sizeof(digits) - 1)
			digits[length++] = *cursor->at;
		cursor->at++;
	}
	digits[length] = '\0';
	if (is_whole)
		ct_proto_add_u64(cursor->to, INT_VALUE, (uint64_t)strtoll(digits, NULL, 10));
	else
		ct_proto_add_double(cursor->to, DOUBLE_VALUE, strtod(digits, NULL));
}

static void add_word(struct cursor *cursor)
{
	const char *from = cursor->at;
	while (cursor->at < cursor->end && *cursor->at >= 'a' && *cursor->at <= 'z')
		cursor->at++;
	size_t length = (size_t)(cursor->at - from);
	if (length == 4 && memcmp(from, "null", 4) == 0)
		ct_proto_add_string(cursor->to, STRING_VALUE, "null");
	else if (length)
		ct_proto_add_u64(cursor->to, BOOL_VALUE, *from == 't');
	else
		cursor->at = cursor->end; /* nothing that it could be */
}

static void add_members(struct cursor *cursor)
{
	while (cursor->at < cursor->end && *cursor->at == '"') {
		size_t entry = ct_proto_begin(cursor->to, DICT_ENTRIES);
		add_string(cursor->to, NAME, take_string(cursor));
		take(cursor, ':');
		add_value(cursor);
		ct_proto_end(cursor->to, entry);
		take(cursor, ',');
	}
}

static void add_elements(struct cursor *cursor)
{
	while (cursor->at < cursor->end && *cursor->at != ']') {
		size_t entry = ct_proto_begin(cursor->to, ARRAY_VALUES);
		add_value(cursor);
		ct_proto_end(cursor->to, entry);
		take(cursor, ',');
	}
}

static void add_value(struct cursor *cursor)
{
	if (cursor->at == cursor->end)
		return;
	switch (*cursor->at) {
	case '"':
		add_string(cursor->to, STRING_VALUE, take_string(cursor));
		break;
	case '{':
		cursor->at++;
		add_members(cursor);
		take(cursor, '}');
		break;
	case '[':
		cursor->at++;
		add_elements(cursor);
		take(cursor, ']');
		break;
	case '-':
	case '0' ... '9':
		add_number(cursor);
		break;
	default:
		add_word(cursor);
	}
}

/* ---- parameters ---- */

static bool skip_string_or_null(struct cursor *cursor, struct text *ret)
{
	*ret = (struct text){cursor->at, 0};
	if (cursor->at < cursor->end && *cursor->at == '"') {
		*ret = take_string(cursor);
		return true;
	}
	while (cursor->at < cursor->end && *cursor->at >= 'a' && *cursor->at <= 'z')
		cursor->at++;
	return false;
}

static bool take_key(struct cursor *cursor, const char *key)
{
	size_t length = strlen(key);
	if ((size_t)(cursor->end - cursor->at) < length || memcmp(cursor->at, key, length) != 0)
		return false;
	cursor->at += length;
	return true;
}

/* The end of the value at the cursor, which stays. */
static const char *end_of_value(struct cursor cursor)
{
	int depth = 0;
	while (cursor.at < cursor.end) {
		char byte = *cursor.at;
		if (byte == '"') {
			take_string(&cursor);
			continue;
		}
		if (depth == 0 && (byte == ',' || byte == '}' || byte == ']'))
			break;
		depth += byte == '{' || byte == '[';
		depth -= byte == '}' || byte == ']';
		cursor.at++;
	}
	return cursor.at;
}

/* Behind `"type":...,` of an object: `"value":V}` is V, and with more members a dictionary. */
static void add_typed(struct cursor *cursor)
{
	struct text type;
	if (take_key(cursor, "\"type\":")) {
		skip_string_or_null(cursor, &type);
		take(cursor, ',');
	}
	struct cursor value = *cursor;
	bool is_value = take_key(&value, "\"value\":");
	const char *end = end_of_value(value);
	if (is_value && end < cursor->end && *end == '}') {
		*cursor = value;
		add_value(cursor);
	} else {
		add_members(cursor);
	}
	take(cursor, '}');
}

static void add_parameter(struct cursor *cursor, unsigned int index)
{
	struct text name;
	bool has_name = false;
	char own_name[32];
	take(cursor, '{');
	if (take_key(cursor, "\"name\":")) {
		has_name = skip_string_or_null(cursor, &name);
		take(cursor, ',');
	}
	size_t entry = ct_proto_begin(cursor->to, DICT_ENTRIES);
	if (has_name && name.length) {
		add_string(cursor->to, NAME, name);
	} else {
		snprintf(own_name, sizeof(own_name), "argument %u", index);
		ct_proto_add_string(cursor->to, NAME, own_name);
	}
	add_typed(cursor);
	ct_proto_end(cursor->to, entry);
}

void ct_annotations_add(struct ct_memory_sink *to, uint32_t number, const char *json, size_t length)
{
	struct cursor cursor = {json, json + length, to};
	take(&cursor, ',');
	struct text name = take_string(&cursor);
	take(&cursor, ':');
	if (cursor.end - cursor.at < 2 || memcmp(cursor.at, "[]", 2) == 0)
		return;
	size_t annotation = ct_proto_begin(to, number);
	add_string(to, NAME, name);
	if (take(&cursor, '[')) {
		for (unsigned int i = 1; cursor.at < cursor.end && *cursor.at == '{'; i++) {
			add_parameter(&cursor, i);
			take(&cursor, ',');
		}
	} else if (take(&cursor, '{')) {
		add_typed(&cursor);
	}
	ct_proto_end(to, annotation);
}
