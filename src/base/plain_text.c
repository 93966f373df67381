/* SPDX-License-Identifier: MIT */
/* Text for people: see plain_text.h. */
#include "base/plain_text.h"

#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <wchar.h>

#include "base/utf8.h"

/* The character at `at`, and its length; of a byte that is no UTF-8 UINT32_MAX, and 1. */
static uint32_t read_character(const unsigned char *at, size_t left, size_t *ret_length)
{
	size_t bad_length;
	size_t length = ct_utf8_sequence(at, left, &bad_length);
	*ret_length = length ? length : 1;
	switch (length) {
	case 0:
		return UINT32_MAX;
	case 1:
		return at[0];
	case 2:
		return (at[0] & 0x1fU) << 6 | (at[1] & 0x3fU);
	case 3:
		return (at[0] & 0x0fU) << 12 | (at[1] & 0x3fU) << 6 | (at[2] & 0x3fU);
	default:
		return (at[0] & 0x07U) << 18 | (at[1] & 0x3fU) << 12 | (at[2] & 0x3fU) << 6 |
		       (at[3] & 0x3fU);
	}
}

static bool is_plain(uint32_t character)
{
	if (character < 0x7f)
		return character >= ' ';
	/* DEL and C1; separators of lines; marks, embeddings and isolates of the bidirectional
	 * algorithm, with which text can look like another. */
	return character >= 0xa0 && character != UINT32_MAX && character != 0x61c &&
	       !(character >= 0x200e && character <= 0x200f) &&
	       !(character >= 0x2028 && character <= 0x202e) &&
	       !(character >= 0x2066 && character <= 0x2069);
}

size_t ct_plain_text_length(const char *bytes, size_t length)
{
	size_t done = 0;
	while (done < length) {
		size_t step;
		if (!is_plain(read_character((const unsigned char *)bytes + done, length - done,
					     &step)))
			break;
		done += step;
	}
	return done;
}

size_t ct_plain_text_step(const char *bytes, size_t length)
{
	size_t step;
	read_character((const unsigned char *)bytes, length, &step);
	return step;
}

bool ct_plain_text_is(const char *bytes, size_t length)
{
	return ct_plain_text_length(bytes, length) == length;
}

size_t ct_plain_text_escape(char ret[CT_PLAIN_ESCAPE_BYTES], const unsigned char *bytes,
			    size_t length)
{
	size_t step;
	uint32_t character = read_character(bytes, length, &step);
	if (length == 1)
		return (size_t)snprintf(ret, CT_PLAIN_ESCAPE_BYTES, "\\x%02x", *bytes);
	return (size_t)snprintf(ret, CT_PLAIN_ESCAPE_BYTES, "\\u%04x", character & 0x1fffffU);
}

void ct_plain_text_add(struct ct_strbuf *text, const char *bytes, size_t length)
{
	while (length) {
		size_t plain = ct_plain_text_length(bytes, length), step = 0;
		ct_strbuf_add(text, bytes, plain);
		bytes += plain;
		length -= plain;
		if (!length)
			return;
		char escape[CT_PLAIN_ESCAPE_BYTES];
		step = ct_plain_text_step(bytes, length);
		ct_strbuf_add(text, escape,
			      ct_plain_text_escape(escape, (const unsigned char *)bytes, step));
		bytes += step;
		length -= step;
	}
}

/* ---- columns ---- */

/* wcwidth() knows the characters of the locale alone. Made once and kept. */
static locale_t unicode_locale(void)
{
	static locale_t locale;
	static bool is_made;
	if (!is_made) {
		locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
		is_made = true;
	}
	return locale;
}

static size_t character_columns(uint32_t character)
{
	if (character < 0x300) /* the first that is not one column wide */
		return 1;
	locale_t unicode = unicode_locale();
	if (character == UINT32_MAX || !unicode)
		return 1;
	locale_t before = uselocale(unicode);
	int columns = wcwidth((wchar_t)character);
	uselocale(before);
	return columns < 0 ? 1 : (size_t)columns;
}

size_t ct_plain_text_columns(const char *text, size_t length)
{
	size_t columns = 0, step;
	for (size_t at = 0; at < length; at += step)
		columns += character_columns(
			read_character((const unsigned char *)text + at, length - at, &step));
	return columns;
}

size_t ct_plain_text_head(const char *text, size_t length, size_t columns)
{
	size_t used = 0, step;
	for (size_t at = 0; at < length; at += step) {
		used += character_columns(
			read_character((const unsigned char *)text + at, length - at, &step));
		if (used > columns)
			return at;
	}
	return length;
}

size_t ct_plain_text_tail(const char *text, size_t length, size_t columns)
{
	/* What is left out takes the columns that are too many, or one more for half a wide
	 * character; combining characters go with the one before. */
	size_t all = ct_plain_text_columns(text, length), used = 0, step;
	size_t too_many = all > columns ? all - columns : 0;
	for (size_t at = 0; at < length; at += step) {
		size_t wide = character_columns(
			read_character((const unsigned char *)text + at, length - at, &step));
		if (used >= too_many && wide > 0)
			return length - at;
		used += wide;
	}
	return 0;
}
