/* SPDX-License-Identifier: MIT */
/* Characters among bytes: see utf8.h. */
#include "base/utf8.h"

size_t ct_utf8_sequence(const unsigned char *at, size_t left, size_t *bad_length)
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
