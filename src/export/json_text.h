/* SPDX-License-Identifier: MIT */
/*
 * Text of JSON values: strings from bytes nobody vouches for, and integers
 * fast enough to be written for every call of a trace.
 */
#ifndef CT_EXPORT_JSON_TEXT_H
#define CT_EXPORT_JSON_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/utf8.h"

enum { CT_JSON_U64_BYTES = 20, CT_JSON_HEX_BYTES = 18 };

extern const char ct_json_digit_pairs[201];

/* Write `value` in decimal at `at`, which has room for CT_JSON_U64_BYTES; gives the end. */
static inline char *ct_json_u64(char *at, uint64_t value)
{
	char digits[CT_JSON_U64_BYTES];
	char *first = digits + sizeof(digits);
	while (value >= 100) {
		first -= 2;
		memcpy(first, ct_json_digit_pairs + value % 100 * 2, 2);
		value /= 100;
	}
	if (value >= 10) {
		first -= 2;
		memcpy(first, ct_json_digit_pairs + value * 2, 2);
	} else {
		*--first = (char)('0' + value);
	}
	size_t length = (size_t)(digits + sizeof(digits) - first);
	memcpy(at, first, length);
	return at + length;
}

/* Write `value` as 0x... at `at`, which has room for CT_JSON_HEX_BYTES; gives the end. */
char *ct_json_hex(char *at, uint64_t value);

/*
 * Add `bytes` as a JSON string with its quotes. The result is valid UTF-8
 * whatever the bytes are: each maximal ill-formed part becomes one U+FFFD.
 */
void ct_json_string(struct ct_strbuf *buf, const char *bytes, size_t length);

#endif
