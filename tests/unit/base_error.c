/* SPDX-License-Identifier: MIT */
/* Errors: what the user reads. */
#include "unit_test.h"

#include <errno.h>

#include "base/error.h"

static void message_is_formatted(void **state)
{
	(void)state;
	struct ct_error *err = ct_error_create("trace '%s' has format %d", "a.ctrace", 3);
	assert_string_equal(err->message, "trace 'a.ctrace' has format 3");
	ct_error_destroy(err);
}

static void errno_text_comes_last(void **state)
{
	(void)state;
	struct ct_error *err = ct_error_errno(ENOENT, "opening '%s'", "x");
	assert_string_equal(err->message, "opening 'x': No such file or directory");
	ct_error_destroy(err);
}

static void wrapping_puts_the_doing_in_front(void **state)
{
	(void)state;
	struct ct_error *err = ct_error_wrap(ct_error_create("disk full"), "writing '%s'", "y");
	err = ct_error_wrap(err, "converting");
	assert_string_equal(err->message, "converting: writing 'y': disk full");
	ct_error_destroy(err);
}

static void percent_signs_in_a_wrapped_message_stay(void **state)
{
	(void)state;
	struct ct_error *err = ct_error_wrap(ct_error_create("%s", "100%s%n"), "a");
	assert_string_equal(err->message, "a: 100%s%n");
	ct_error_destroy(err);
}

static void out_of_memory_may_be_wrapped_and_destroyed(void **state)
{
	(void)state;
	struct ct_error *err = ct_error_wrap(ct_error_nomem, "opening '%s'", "z");
	assert_string_equal(err->message, "opening 'z': out of memory");
	ct_error_destroy(err);
	ct_error_destroy(ct_error_nomem);
	assert_string_equal(ct_error_nomem->message, "out of memory");
}

static void control_characters_do_not_reach_the_terminal(void **state)
{
	(void)state;
	struct ct_error *err = ct_error_create("'%s' is gone", "a\nb\033[2J\177\303\274");
	err = ct_error_wrap(err, "\r%d", 1);
	assert_string_equal(err->message, "?1: 'a?b?[2J?\303\274' is gone");
	ct_error_destroy(err);
}

static void destroying_success_is_fine(void **state)
{
	(void)state;
	ct_error_destroy(NULL);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(message_is_formatted),
	cmocka_unit_test(errno_text_comes_last),
	cmocka_unit_test(wrapping_puts_the_doing_in_front),
	cmocka_unit_test(percent_signs_in_a_wrapped_message_stay),
	cmocka_unit_test(out_of_memory_may_be_wrapped_and_destroyed),
	cmocka_unit_test(control_characters_do_not_reach_the_terminal),
	cmocka_unit_test(destroying_success_is_fine),
};

UNIT_TEST_MAIN(tests)
