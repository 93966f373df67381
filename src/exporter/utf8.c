/* SPDX-License-Identifier: MIT */
/* Text of any bytes as UTF-8: see utf8.h. */
#include "exporter/utf8.h"

#include "export/json_text.h"

static bool is_plain(unsigned char byte)
{
	return byte >= 0x20 && byte < 0x7f;
}

void ct_utf8_add(struct ct_strbuf *text, const char *bytes, size_t length)
{
	const unsigned char *at = (const unsigned char *)bytes;
	const unsigned char *end = at + length;
	while (at < end) {
		const unsigned char *from = at;
		while (at < end && is_plain(*at))
			at++;
		ct_strbuf_add(text, from, (size_t)(at - from));
		if (at == end)
			break;
		size_t bad_length = 0;
		size_t good_length = ct_utf8_sequence(at, (size_t)(end - at), &bad_length);
		if (good_length == 1)
			ct_strbuf_add(text, " ", 1);
		else if (good_length)
			ct_strbuf_add(text, at, good_length);
		else
			ct_strbuf_add_string(text, "\xef\xbf\xbd");
		at += good_length ? good_length : bad_length;
	}
}
