/* SPDX-License-Identifier: MIT */
/* Text of JSON values: see json_text.h. */
#include "export/json_text.h"

#include <stdbool.h>

const char ct_json_digit_pairs[201] =
	"0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546"
	"4748495051525354555657585960616263646566676869707172737475767778798081828384858687888990919293"
	"949596979899";

static const char hex_digits[] = "0123456789abcdef";

char *ct_json_hex(char *at, uint64_t value)
{
	int digits = value ? (64 - __builtin_clzll(value) + 3) / 4 : 1;
	*at++ = '0';
	*at++ = 'x';
	for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4)
		*at++ = hex_digits[value >> shift & 15];
	return at;
}

size_t ct_json_sequence_length(const unsigned char *at, size_t left, size_t *bad_length)
{
	unsigned char first = at[0];
	unsigned char low = 0x80, high = 0xbf; /* of the second byte */
	size_t length;

	*bad_length = 1;
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf) {
		length = 2;
	} else if (first >= 0xe0 && first <= 0xef) {
		length = 3;
		if (first == 0xe0)
			low = 0xa0; /* else overlong */
		if (first == 0xed)
			high = 0x9f; /* else a surrogate */
	} else if (first >= 0xf0 && first <= 0xf4) {
		length = 4;
		if (first == 0xf0)
			low = 0x90;
		if (first == 0xf4)
			high = 0x8f; /* else above U+10FFFF */
	} else {
		return 0;
	}
	for (size_t i = 1; i < length; i++) {
		if (i >= left || at[i] < low || at[i] > high) {
			*bad_length = i;
			return 0;
		}
		low = 0x80;
		high = 0xbf;
	}
	return length;
}

static bool needs_escape(unsigned char byte)
{
	return byte < 0x20 || byte == '"' || byte == '\\' || byte == 0x7f;
}

static void add_escape(struct ct_strbuf *buf, unsigned char byte)
{
	switch (byte) {
	case '"':
		ct_strbuf_add_string(buf, "\\\"");
		break;
	case '\\':
		ct_strbuf_add_string(buf, "\\\\");
		break;
	case '\n':
		ct_strbuf_add_string(buf, "\\n");
		break;
	case '\t':
		ct_strbuf_add_string(buf, "\\t");
		break;
	default:
		ct_strbuf_printf(buf, "\\u%04x", byte);
	}
}

void ct_json_string(struct ct_strbuf *buf, const char *bytes, size_t length)
{
	const unsigned char *at = (const unsigned char *)bytes;
	size_t plain = 0; /* bytes before `at` that are copied as they are */

	ct_strbuf_add(buf, "\"", 1);
	while (length > 0) {
		size_t bad_length;
		size_t step = ct_json_sequence_length(at, length, &bad_length);
		if (step > 0 && !needs_escape(*at)) {
			plain += step;
		} else {
			ct_strbuf_add(buf, at - plain, plain);
			plain = 0;
			if (step == 0) {
				ct_strbuf_add_string(buf, "\xef\xbf\xbd");
				step = bad_length;
			} else {
				add_escape(buf, *at);
			}
		}
		at += step;
		length -= step;
	}
	ct_strbuf_add(buf, at - plain, plain);
	ct_strbuf_add(buf, "\"", 1);
}
