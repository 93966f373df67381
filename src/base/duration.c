/* SPDX-License-Identifier: MIT */
/* Durations as text: see duration.h. */
#include "base/duration.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct ct_error *ct_duration_parse(const char *text, size_t length, uint64_t *ret)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {{"ns", 1},	  {"us", 1e3},	 {"ms", 1e6},  {"s", 1e9},
		     {"m", 6e10}, {"min", 6e10}, {"h", 3.6e12}};
	char copy[64] = "";
	char *end = copy;
	if (length < sizeof(copy))
		memcpy(copy, text, length);
	bool is_decimal = isdigit((unsigned char)copy[0]) && copy[1] != 'x' && copy[1] != 'X';
	double value = is_decimal ? strtod(copy, &end) : 0;
	bool has_unit = *end != '\0';
	for (size_t i = 0; is_decimal && i < sizeof(units) / sizeof(units[0]); i++) {
		double ns = value * units[i].ns;
		bool is_meant = has_unit ? strcmp(end, units[i].name) == 0 : value == 0;
		if (!is_meant || !isfinite(ns) || ns >= 0x1p63)
			continue;
		*ret = (uint64_t)(ns + 0.5);
		return NULL;
	}
	if (is_decimal && !has_unit && isfinite(value))
		return ct_error_create("'%s' has no unit: write %sns, %sus, %sms, %ss, %smin or "
				       "%sh",
				       copy, copy, copy, copy, copy, copy, copy);
	return ct_error_create("'%.*s' is not a time such as 250us, 1.5ms or 2s", (int)length,
			       text);
}

static char *put_number(char *at, uint64_t number, int least_digits)
{
	char digits[20];
	int count = 0;
	do {
		digits[count++] = (char)('0' + number % 10);
		number /= 10;
	} while (number || count < least_digits);
	while (count)
		*at++ = digits[--count];
	return at;
}

/* ns / unit_ns with four digits or so, `fewer` of them behind the point less. */
static char *put_quotient(char *at, uint64_t ns, uint64_t unit_ns, int fewer)
{
	static const uint64_t powers[] = {1, 10, 100, 1000};
	uint64_t whole, parts = 0;
	int digits = 4;
	/* A number that rounding makes one digit longer has one less behind the point. */
	do {
		digits--;
		whole = ns / unit_ns;
		parts = (ns % unit_ns * powers[digits] + unit_ns / 2) / unit_ns;
		whole += parts == powers[digits];
	} while (digits > 0 && whole >= powers[4 - digits]);
	if (digits > 0 && fewer) {
		digits -= fewer;
		whole = ns / unit_ns;
		parts = (ns % unit_ns * powers[digits] + unit_ns / 2) / unit_ns;
		whole += parts == powers[digits];
	}
	at = put_number(at, whole, 1);
	if (digits > 0) {
		*at++ = '.';
		at = put_number(at, parts % powers[digits], digits);
	}
	return at;
}

/* Without printf(): a replay prints one for each call. */
void ct_duration_print(char ret[CT_DURATION_BYTES], uint64_t ns)
{
	static const struct {
		uint64_t ns;
		char name[4];
	} units[] = {{3600000000000, "h"},
		     {60000000000, "min"},
		     {1000000000, "s"},
		     {1000000, "ms"},
		     {1000, "us"}};
	const char *name = "ns";
	char *at = ret;
	size_t i = 0;
	/* Minutes begin at two, hours too: "90.00 s" says more than "1.500 min". */
	while (i < sizeof(units) / sizeof(units[0]) && ns / units[i].ns < (i < 2 ? 2 : 1))
		i++;
	if (i < sizeof(units) / sizeof(units[0])) {
		name = units[i].name;
		at = put_quotient(at, ns, units[i].ns, strlen(name) > 2);
	} else {
		at = put_number(at, ns, 1);
	}
	*at++ = ' ';
	memcpy(at, name, strlen(name) + 1);
}
