/* SPDX-License-Identifier: MIT */
/* The text of captured numbers and strings: see value_text.h. */
#include "export/value_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "export/json_text.h"
#include "base/plain_text.h"

enum { NUMBER_BYTES = 64 }; /* no number has more digits and marks */
#define EXACT_LIMIT (UINT64_C(1) << 53)

static const char hex_digits[] = "0123456789abcdef";

/* --- whole numbers --- */

/* More than 64 bits. */
static char *put_large(char *at, unsigned __int128 value)
{
	const uint64_t part = UINT64_C(10000000000000000000);
	char low[CT_JSON_U64_BYTES];
	if (value > UINT64_MAX)
		at = put_large(at, value / part);
	else
		return ct_json_u64(at, (uint64_t)value);
	size_t length = (size_t)(ct_json_u64(low, (uint64_t)(value % part)) - low);
	memset(at, '0', 19 - length);
	at += 19 - length;
	memcpy(at, low, length);
	return at + length;
}

static void put_whole(struct ct_sink *sink, bool negative, unsigned __int128 value)
{
	ct_sink_reserve(sink, NUMBER_BYTES);
	char *at = sink->at;
	bool quoted = value > EXACT_LIMIT;
	if (ct_unlikely(quoted))
		*at++ = '"';
	if (negative)
		*at++ = '-';
	at = ct_unlikely(quoted) ? put_large(at, value) : ct_json_u64(at, (uint64_t)value);
	if (ct_unlikely(quoted))
		*at++ = '"';
	sink->at = at;
}

void ct_value_put_signed(struct ct_sink *sink, __int128 value)
{
	unsigned __int128 bits = (unsigned __int128)value;
	put_whole(sink, value < 0, value < 0 ? -bits : bits);
}

void ct_value_put_unsigned(struct ct_sink *sink, unsigned __int128 value)
{
	put_whole(sink, false, value);
}

void ct_value_put_address(struct ct_sink *sink, uint64_t address)
{
	ct_sink_reserve(sink, NUMBER_BYTES);
	*sink->at++ = '"';
	sink->at = ct_json_hex(sink->at, address);
	*sink->at++ = '"';
}

/* --- floating point --- */

static const double powers_of_10[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10};
enum { MAX_PLACES = 10 };

/* digits / 10^places */
static char *put_decimal(char *at, bool negative, uint64_t digits, unsigned int places)
{
	char text[CT_JSON_U64_BYTES + MAX_PLACES] = "0000000000";
	/* `places` zeros in front: at least one digit is left before the point */
	char *first = text + MAX_PLACES;
	size_t length = (size_t)(ct_json_u64(first, digits) - first);
	if (length <= places) {
		first -= places + 1 - length;
		length = places + 1;
	}
	if (negative)
		*at++ = '-';
	memcpy(at, first, length - places);
	at += length - places;
	if (places) {
		*at++ = '.';
		memcpy(at, first + length - places, places);
		at += places;
	}
	return at;
}

/* To many readers "-0" is a whole number, and those have no sign when they are 0. */
static char *put_zero(char *at, bool negative)
{
	if (!negative) {
		*at = '0';
		return at + 1;
	}
	memcpy(at, "-0.0", 4);
	return at + 4;
}

/*
 * The common case: few decimal places. Where both `digits` and the power of
 * ten are exact, their quotient is what reading the text gives.
 */
static char *put_short_double(char *at, double value)
{
	if (value == 0)
		return put_zero(at, signbit(value));
	double magnitude = fabs(value);
	if (magnitude >= (double)EXACT_LIMIT)
		return NULL;
	for (unsigned int places = 0; places <= MAX_PLACES; places++) {
		double digits = rint(magnitude * powers_of_10[places]);
		if (digits >= (double)EXACT_LIMIT)
			return NULL;
		if (digits / powers_of_10[places] == magnitude)
			return put_decimal(at, signbit(value), (uint64_t)digits, places);
	}
	return NULL;
}

/* Who has doubles alone rounds twice. */
static bool is_same_by_double(double read, float value)
{
	return (float)read == value;
}

static char *put_short_float(char *at, float value)
{
	if (value == 0)
		return put_zero(at, signbit(value));
	const float limit = 1 << 24;
	float magnitude = fabsf(value);
	if (magnitude >= limit)
		return NULL;
	for (unsigned int places = 0; places <= MAX_PLACES; places++) {
		float power = (float)powers_of_10[places];
		float digits = rintf(magnitude * power);
		if (digits >= limit)
			return NULL;
		if (digits / power == magnitude &&
		    is_same_by_double((double)digits / powers_of_10[places], magnitude))
			return put_decimal(at, signbit(value), (uint64_t)digits, places);
	}
	return NULL;
}

static char *put_double(char *at, double value)
{
	char *end = put_short_double(at, value);
	int length = 0;
	for (int precision = 15; !end && precision <= 17; precision++) {
		length = snprintf(at, NUMBER_BYTES, "%.*g", precision, value);
		if (strtod(at, NULL) == value)
			break;
	}
	return end ? end : at + length;
}

static char *put_float(char *at, float value)
{
	char *end = put_short_float(at, value);
	int length = 0;
	for (int precision = 6; !end && precision <= 9; precision++) {
		length = snprintf(at, NUMBER_BYTES, "%.*g", precision, (double)value);
		if (strtof(at, NULL) == value && is_same_by_double(strtod(at, NULL), value))
			break;
	}
	return end ? end : at + length;
}

static char *put_long_double(char *at, long double value)
{
	int length = 0;
	/* Readers that keep numbers as doubles would make another number of it, or infinity. */
	bool quoted = (long double)(double)value != value;
	if (value == 0)
		return put_zero(at, signbit(value));
	if (quoted)
		*at++ = '"';
	for (int precision = 17; precision <= 21; precision++) {
		length = snprintf(at, NUMBER_BYTES, "%.*Lg", precision, value);
		if (strtold(at, NULL) == value)
			break;
	}
	at += length;
	if (quoted)
		*at++ = '"';
	return at;
}

/* A number taken apart: sign, and significand * 2^exponent. */
struct parts {
	bool negative;
	bool is_nan;
	bool is_infinite;
	int exponent;
	unsigned __int128 significand;
};

static char *put_special(char *at, const struct parts *parts)
{
	*at++ = '"';
	if (parts->is_nan) {
		memcpy(at, "nan", 3);
	} else {
		if (parts->negative)
			*at++ = '-';
		memcpy(at, "inf", 3);
	}
	at += 3;
	*at++ = '"';
	return at;
}

/* "0x1.8p+3" */
static char *put_hexadecimal(char *at, const struct parts *parts)
{
	unsigned __int128 significand = parts->significand;
	int exponent = parts->exponent + 127;
	while (!(significand >> 127)) {
		significand <<= 1;
		exponent--;
	}
	significand <<= 1;
	at += snprintf(at, NUMBER_BYTES, "\"%s0x1", parts->negative ? "-" : "");
	if (significand)
		*at++ = '.';
	for (; significand; significand <<= 4)
		*at++ = hex_digits[(unsigned int)(significand >> 124)];
	return at + snprintf(at, NUMBER_BYTES / 2, "p%+d\"", exponent);
}

static char *put_parts(char *at, const struct parts *parts)
{
	unsigned __int128 significand = parts->significand;
	int exponent = parts->exponent;
	if (parts->is_nan || parts->is_infinite)
		return put_special(at, parts);
	while (significand && !(significand & 1)) {
		significand >>= 1;
		exponent++;
	}
	if (significand > UINT64_MAX)
		return put_hexadecimal(at, parts);
	long double value = ldexpl((long double)(uint64_t)significand, exponent);
	/* Of a format with a larger range of exponents than the machine's. */
	if (!isfinite(value) || (significand && value == 0))
		return put_hexadecimal(at, parts);
	return put_long_double(at, parts->negative ? -value : value);
}

static struct parts parts_of_half(uint16_t bits)
{
	unsigned int exponent = bits >> 10 & 31;
	uint64_t fraction = bits & 0x3ff;
	return (struct parts){
		.negative = bits >> 15,
		.is_nan = exponent == 31 && fraction,
		.is_infinite = exponent == 31 && !fraction,
		.exponent = (exponent ? (int)exponent : 1) - 25,
		.significand = fraction | (exponent ? 0x400 : 0),
	};
}

/* False for the encodings that no x87 unit makes, and no library promises to read. */
static bool parts_of_x87(const unsigned char *bytes, struct parts *ret)
{
	uint64_t significand;
	uint16_t head;
	memcpy(&significand, bytes, sizeof(significand));
	memcpy(&head, bytes + sizeof(significand), sizeof(head));
	unsigned int exponent = head & 0x7fff;
	bool whole = significand >> 63;
	*ret = (struct parts){
		.negative = head >> 15,
		.is_nan = exponent == 0x7fff && significand << 1,
		.is_infinite = exponent == 0x7fff && !(significand << 1),
		.exponent = (exponent ? (int)exponent : 1) - 16383 - 63,
		.significand = significand,
	};
	return whole == (exponent != 0);
}

static struct parts parts_of_quad(const unsigned char *bytes)
{
	unsigned __int128 bits;
	memcpy(&bits, bytes, sizeof(bits));
	unsigned int exponent = (unsigned int)(bits >> 112) & 0x7fff;
	unsigned __int128 one = (unsigned __int128)1 << 112;
	unsigned __int128 fraction = bits & (one - 1);
	return (struct parts){
		.negative = bits >> 127,
		.is_nan = exponent == 0x7fff && fraction,
		.is_infinite = exponent == 0x7fff && !fraction,
		.exponent = (exponent ? (int)exponent : 1) - 16383 - 112,
		.significand = fraction | (exponent ? one : 0),
	};
}

static char *put_double_or_special(char *at, double value)
{
	struct parts parts = {.is_nan = isnan(value), .negative = signbit(value)};
	return isfinite(value) ? put_double(at, value) : put_special(at, &parts);
}

static char *put_float_or_special(char *at, float value)
{
	struct parts parts = {.is_nan = isnan(value), .negative = signbit(value)};
	return isfinite(value) ? put_float(at, value) : put_special(at, &parts);
}

static char *put_half(char *at, uint16_t bits)
{
	struct parts parts = parts_of_half(bits);
	if (parts.is_nan || parts.is_infinite)
		return put_special(at, &parts);
	float value = ldexpf((float)(uint64_t)parts.significand, parts.exponent);
	return put_float(at, parts.negative ? -value : value);
}

void ct_value_put_float(struct ct_sink *sink, const unsigned char *bytes, uint8_t format)
{
	struct parts parts;
	union {
		uint16_t half;
		float single;
		double twice;
	} value;
	ct_sink_reserve(sink, 2 * NUMBER_BYTES);
	if (format <= sizeof(value))
		memcpy(&value, bytes, format);
	switch (format) {
	case 2:
		sink->at = put_half(sink->at, value.half);
		break;
	case 4:
		sink->at = put_float_or_special(sink->at, value.single);
		break;
	case 8:
		sink->at = put_double_or_special(sink->at, value.twice);
		break;
	case 10:
		if (parts_of_x87(bytes, &parts))
			sink->at = put_parts(sink->at, &parts);
		else
			ct_value_put_hex(sink, bytes, 10);
		break;
	default:
		parts = parts_of_quad(bytes);
		sink->at = put_parts(sink->at, &parts);
	}
}

/* --- strings --- */

/* First bytes of characters that a terminal may obey (base/plain_text.h). */
static inline bool may_rule(unsigned char byte)
{
	return byte == 0xc2 || byte == 0xd8 || byte == 0xe2;
}

/* Bytes at the start that a JSON string holds as they are. */
static size_t plain_length(const unsigned char *bytes, size_t length, bool escaped)
{
	size_t i = 0;
	while (i < length && bytes[i] >= ' ' && bytes[i] != '"' && bytes[i] != '\\' &&
	       bytes[i] != 0x7f && (bytes[i] < 0x80 || (!escaped && !may_rule(bytes[i]))))
		i++;
	return i;
}

static void put_ascii(struct ct_sink *sink, unsigned char byte, bool escaped)
{
	switch (byte) {
	case '"':
		CT_VALUE_PUT(sink, "\\\"");
		return;
	case '\\':
		ct_sink_add(sink, "\\\\\\\\", escaped ? 4 : 2);
		return;
	case '\n':
		CT_VALUE_PUT(sink, "\\n");
		return;
	case '\t':
		CT_VALUE_PUT(sink, "\\t");
		return;
	default:
		ct_sink_add(
			sink,
			(char[]){'\\', 'u', '0', '0', hex_digits[byte >> 4], hex_digits[byte & 15]},
			6);
	}
}

static void put_bad_bytes(struct ct_sink *sink, const unsigned char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		ct_sink_add(sink,
			    (char[]){'\\', '\\', 'x', hex_digits[bytes[i] >> 4],
				     hex_digits[bytes[i] & 15]},
			    5);
}

/* JSON's escape of what a terminal would obey. */
static void put_escape(struct ct_sink *sink, const unsigned char *bytes, size_t length)
{
	char text[CT_PLAIN_ESCAPE_BYTES];
	ct_sink_add(sink, text, ct_plain_text_escape(text, bytes, length));
}

void ct_value_put_string(struct ct_sink *sink, const unsigned char *bytes, size_t length,
			 bool escaped)
{
	CT_VALUE_PUT(sink, "\"");
	while (length) {
		size_t step = plain_length(bytes, length, escaped);
		size_t bad_length;
		if (step) {
			ct_sink_add(sink, (const char *)bytes, step);
		} else if (*bytes < 0x80) {
			step = 1;
			put_ascii(sink, *bytes, escaped);
		} else {
			step = ct_utf8_sequence(bytes, length, &bad_length);
			if (step && !ct_plain_text_is((const char *)bytes, step))
				put_escape(sink, bytes, step);
			else if (step)
				ct_sink_add(sink, (const char *)bytes, step);
			else
				put_bad_bytes(sink, bytes, step = bad_length);
		}
		bytes += step;
		length -= step;
	}
	CT_VALUE_PUT(sink, "\"");
}

bool ct_value_is_utf8(const unsigned char *bytes, size_t *length, bool truncated)
{
	const unsigned char *at = bytes;
	size_t left = *length;
	while (left) {
		size_t bad_length;
		size_t step = *at < 0x80 ? 1 : ct_utf8_sequence(at, left, &bad_length);
		if (step == 0 && truncated && bad_length == left && *at >= 0xc2 && *at <= 0xf4) {
			*length -= left;
			return true;
		}
		if (step == 0)
			return false;
		at += step;
		left -= step;
	}
	return true;
}

void ct_value_put_hex(struct ct_sink *sink, const unsigned char *bytes, size_t length)
{
	CT_VALUE_PUT(sink, "\"");
	for (size_t i = 0; i < length; i++)
		ct_sink_add(sink, (char[]){hex_digits[bytes[i] >> 4], hex_digits[bytes[i] & 15]},
			    2);
	CT_VALUE_PUT(sink, "\"");
}
