/* SPDX-License-Identifier: MIT */
/* Durations as text: see duration.h. */
#include "base/duration.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
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

void ct_duration_print(char ret[CT_DURATION_BYTES], uint64_t ns)
{
	static const struct {
		uint64_t ns;
		const char *name;
	} units[] = {{3600000000000, "h"},
		     {60000000000, "min"},
		     {1000000000, "s"},
		     {1000000, "ms"},
		     {1000, "us"}};
	if (ns < 1000) {
		snprintf(ret, CT_DURATION_BYTES, "%" PRIu64 " ns", ns);
		return;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		double value = (double)ns / (double)units[i].ns;
		/* Minutes begin at two, hours too: "90.00 s" says more than "1.500 min". */
		if (value < (i < 2 ? 2 : 1))
			continue;
		int digits = value < 9.9995 ? 3 : value < 99.995 ? 2 : value < 999.95 ? 1 : 0;
		if (digits > 0 && strlen(units[i].name) > 2)
			digits--;
		snprintf(ret, CT_DURATION_BYTES, "%.*f %s", digits, value, units[i].name);
		return;
	}
}
