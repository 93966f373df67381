/* SPDX-License-Identifier: MIT */
/* Durations as text: see duration.h. */
#include "base/duration.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool ct_duration_parse(const char *text, size_t length, uint64_t *ret)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {{"", 1},	 {"ns", 1},	{"us", 1e3}, {"ms", 1e6},
		     {"s", 1e9}, {"min", 6e10}, {"m", 6e10}, {"h", 3.6e12}};
	char copy[64];
	char *end = copy;
	if (length >= sizeof(copy) || length == 0 || !isdigit((unsigned char)text[0]))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	if (copy[1] == 'x' || copy[1] == 'X')
		return false;
	double value = strtod(copy, &end);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		double ns = value * units[i].ns;
		if (strcmp(end, units[i].name) != 0 || !isfinite(ns) || ns >= 0x1p63)
			continue;
		*ret = (uint64_t)(ns + 0.5);
		return true;
	}
	return false;
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
