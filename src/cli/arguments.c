/* SPDX-License-Identifier: MIT */
/* Reading a command's arguments: see arguments.h. */
#include "cli/arguments.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

int ct_arguments_next(int argc, char **argv, const char *short_options,
		      const struct option *options, struct ct_error **err)
{
	opterr = 0;
	int index = optind;
	int option = getopt_long(argc, argv, short_options, options, NULL);
	const char *word = index > 0 && index < argc ? argv[index] : "";

	if (option == ':') {
		*err = ct_error_create("%s: '%s' needs a value; see 'calltrace help %s'", argv[0],
				       argv[optind - 1], argv[0]);
		return '?';
	}
	if (option == '?') {
		/* getopt moves operands behind options: its own index is past the bad one. */
		if (optopt && isprint(optopt) && word[0] == '-' && word[1] != '-')
			*err = ct_error_create("%s: unknown option '-%c'; see 'calltrace help %s'",
					       argv[0], optopt, argv[0]);
		else
			*err = ct_error_create("%s: bad option '%s'; see 'calltrace help %s'",
					       argv[0], argv[optind - 1], argv[0]);
	}
	return option;
}

struct ct_error *ct_arguments_one(int argc, char **argv, const char *what, const char **ret)
{
	if (optind >= argc)
		return ct_error_create("%s: name %s; see 'calltrace help %s'", argv[0], what,
				       argv[0]);
	if (optind + 1 < argc)
		return ct_error_create("%s: '%s' is one argument too many; see 'calltrace help %s'",
				       argv[0], argv[optind + 1], argv[0]);
	*ret = argv[optind];
	return NULL;
}

struct ct_error *ct_arguments_number(const char *option, const char *text, uint64_t low,
				     uint64_t high, uint64_t *ret)
{
	char *end = NULL;
	errno = 0;
	uint64_t value = isdigit((unsigned char)text[0]) ? strtoull(text, &end, 10) : 0;
	if (!end || *end || errno || value < low || value > high)
		return ct_error_create("%s: '%s' is not a whole number from %" PRIu64
				       " to %" PRIu64,
				       option, text, low, high);
	*ret = value;
	return NULL;
}
