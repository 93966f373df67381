/* SPDX-License-Identifier: MIT */
/* Text of JSON values: see json_text.h. */
#include "export/json_text.h"

#include <stdbool.h>

#include "base/plain_text.h"

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
		size_t step = ct_utf8_sequence(at, length, &bad_length);
		if (step > 0 && !needs_escape(*at) &&
		    (step == 1 || ct_plain_text_is((const char *)at, step))) {
			plain += step;
		} else {
			ct_strbuf_add(buf, at - plain, plain);
			plain = 0;
			if (step == 0) {
				ct_strbuf_add_string(buf, "\xef\xbf\xbd");
				step = bad_length;
			} else if (step > 1) {
				char text[CT_PLAIN_ESCAPE_BYTES];
				ct_strbuf_add(buf, text, ct_plain_text_escape(text, at, step));
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
