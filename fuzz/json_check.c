/* SPDX-License-Identifier: MIT */
/* Checks JSON: see json_check.h. RFC 8259, and nothing kept. */
#include "json_check.h"

#include <string.h>

#include "export/json_text.h"

struct text {
	const unsigned char *at;
	const unsigned char *end;
};

enum { MAX_DEPTH = 1000 };

static bool skip_value(struct text *text, int depth);

static int peek(const struct text *text)
{
	return text->at < text->end ? *text->at : -1;
}

static bool skip(struct text *text, char wanted)
{
	if (peek(text) != wanted)
		return false;
	text->at++;
	return true;
}

static void skip_space(struct text *text)
{
	while (peek(text) == ' ' || peek(text) == '\n')
		text->at++;
}

static bool skip_word(struct text *text, const char *word)
{
	size_t length = strlen(word);
	if ((size_t)(text->end - text->at) < length || memcmp(text->at, word, length) != 0)
		return false;
	text->at += length;
	return true;
}

static bool skip_digits(struct text *text)
{
	const unsigned char *first = text->at;
	while (peek(text) >= '0' && peek(text) <= '9')
		text->at++;
	return text->at > first;
}

static bool skip_number(struct text *text)
{
	skip(text, '-');
	if (!skip(text, '0') && !skip_digits(text))
		return false;
	if (skip(text, '.') && !skip_digits(text))
		return false;
	if (!skip(text, 'e') && !skip(text, 'E'))
		return true;
	if (!skip(text, '+'))
		skip(text, '-');
	return skip_digits(text);
}

static bool skip_escape(struct text *text)
{
	int byte = peek(text);
	text->at++;
	if (byte != 'u')
		return byte > 0 && strchr("\"\\/bfnrt", byte);
	for (int i = 0; i < 4; i++, text->at++) {
		if (peek(text) <= 0 || !strchr("0123456789abcdefABCDEF", peek(text)))
			return false;
	}
	return true;
}

static bool skip_string(struct text *text)
{
	if (!skip(text, '"'))
		return false;
	while (!skip(text, '"')) {
		size_t bad_length;
		if (peek(text) < ' ')
			return false;
		if (skip(text, '\\')) {
			if (!skip_escape(text))
				return false;
			continue;
		}
		size_t step = ct_utf8_sequence(text->at, (size_t)(text->end - text->at),
					       &bad_length);
		if (step == 0)
			return false;
		text->at += step;
	}
	return true;
}

static bool skip_members(struct text *text, int depth)
{
	skip_space(text);
	if (skip(text, '}'))
		return true;
	do {
		skip_space(text);
		if (!skip_string(text))
			return false;
		skip_space(text);
		if (!skip(text, ':') || !skip_value(text, depth + 1))
			return false;
		skip_space(text);
	} while (skip(text, ','));
	return skip(text, '}');
}

static bool skip_elements(struct text *text, int depth)
{
	skip_space(text);
	if (skip(text, ']'))
		return true;
	do {
		if (!skip_value(text, depth + 1))
			return false;
		skip_space(text);
	} while (skip(text, ','));
	return skip(text, ']');
}

static bool skip_value(struct text *text, int depth)
{
	if (depth > MAX_DEPTH)
		return false;
	skip_space(text);
	if (skip(text, '{'))
		return skip_members(text, depth);
	if (skip(text, '['))
		return skip_elements(text, depth);
	if (peek(text) == '"')
		return skip_string(text);
	return skip_word(text, "null") || skip_word(text, "true") || skip_word(text, "false") ||
	       skip_number(text);
}

bool json_is_valid(const char *text, size_t length)
{
	struct text rest = {(const unsigned char *)text, (const unsigned char *)text + length};
	if (!skip_value(&rest, 0))
		return false;
	skip_space(&rest);
	return rest.at == rest.end;
}
