/* SPDX-License-Identifier: MIT */
/* The text of captured numbers and strings, written into a sink. */
#ifndef CT_EXPORT_VALUE_TEXT_H
#define CT_EXPORT_VALUE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "export/sink.h"

#define CT_VALUE_PUT(sink, literal) ct_sink_add(sink, literal, sizeof(literal) - 1)

/*
 * A JSON number, or where a reader that keeps numbers as doubles (jq, most of
 * them) would round it, more than 2^53, a string of its digits.
 */
void ct_value_put_signed(struct ct_sink *sink, __int128 value);
void ct_value_put_unsigned(struct ct_sink *sink, unsigned __int128 value);

/* "0x..." */
void ct_value_put_address(struct ct_sink *sink, uint64_t address);

/*
 * The shortest decimal number that reads back as the same value, as a string
 * where a double cannot hold it; "nan", "inf" and "-inf". `format` is that of
 * CT_NODE_FLOAT. A value that a long double cannot hold is a string in
 * hexadecimal, as %La writes it.
 */
void ct_value_put_float(struct ct_sink *sink, const unsigned char *bytes, uint8_t format);

/*
 * A JSON string. With `escaped`, \xNN stands for each byte that is no UTF-8,
 * and \\ for a backslash; without, all is UTF-8.
 */
void ct_value_put_string(struct ct_sink *sink, const unsigned char *bytes, size_t length,
			 bool escaped);

/* Is it UTF-8? With `truncated`, the beginning of a sequence at the end does not count, and is
 * taken off `*length`. */
bool ct_value_is_utf8(const unsigned char *bytes, size_t *length, bool truncated);

/* Two digits a byte, in quotes. */
void ct_value_put_hex(struct ct_sink *sink, const unsigned char *bytes, size_t length);

#endif
