/* SPDX-License-Identifier: MIT */
/* What every unit test program includes: cmocka with its headers, and main(). */
#ifndef UNIT_TEST_H
#define UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

/* main() that runs `tests`, or only those whose names match the first argument ("full_*"). */
#define UNIT_TEST_MAIN(tests)                                     \
	int main(int argc, char **argv)                           \
	{                                                         \
		if (argc > 1)                                     \
			cmocka_set_test_filter(argv[1]);          \
		return cmocka_run_group_tests(tests, NULL, NULL); \
	}

/* Fail with the message of an error that should not be. */
#define assert_no_error(error)                                                       \
	do {                                                                         \
		struct ct_error *unexpected_error = (error);                         \
		if (unexpected_error)                                                \
			fail_msg("unexpected error: %s", unexpected_error->message); \
	} while (0)

/* Check that there is an error whose message has `part` in it, and free it. */
#define assert_error_says(error, part)                                                         \
	do {                                                                                   \
		struct ct_error *expected_error = (error);                                     \
		assert_non_null(expected_error);                                               \
		if (!strstr(expected_error->message, (part)))                                  \
			fail_msg("message is \"%s\", without \"%s\"", expected_error->message, \
				 (part));                                                      \
		ct_error_destroy(expected_error);                                              \
	} while (0)

#endif
