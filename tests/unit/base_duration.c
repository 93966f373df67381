/* SPDX-License-Identifier: MIT */
/* Durations as people write them, and as they are shown. */
#include "unit_test.h"

#include "base/duration.h"

static void assert_parsed(const char *text, uint64_t expected)
{
	uint64_t ns = 12345;
	assert_no_error(ct_duration_parse(text, strlen(text), &ns));
	assert_int_equal(ns, expected);
}

static void units_are_understood(void **state)
{
	(void)state;
	assert_parsed("0", 0);
	assert_parsed("0.0", 0);
	assert_parsed("10ns", 10);
	assert_parsed("250us", 250000);
	assert_parsed("1.5ms", 1500000);
	assert_parsed("2s", UINT64_C(2000000000));
	assert_parsed("0.25s", 250000000);
	assert_parsed("3min", UINT64_C(180000000000));
	assert_parsed("1m", UINT64_C(60000000000));
	assert_parsed("1h", UINT64_C(3600000000000));
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"s",
		"-1",
		"1 s",
		"1sec",
		"0x10",
		"nan",
		"inf",
		"1e400",
		"1..2",
		"1us2",
		"99999999999h",
		" 1",
		"1e100000000000000000000000000000000000000000000000000000000000000000000000"};
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		uint64_t ns;
		struct ct_error *err = ct_duration_parse(texts[i], strlen(texts[i]), &ns);
		if (!err)
			fail_msg("'%s' was taken for %lu ns", texts[i], (unsigned long)ns);
		assert_non_null(strstr(err->message, "is not a time such as 250us"));
		ct_error_destroy(err);
	}
}

static void a_number_without_unit_is_told(void **state)
{
	(void)state;
	uint64_t ns;
	assert_error_says(ct_duration_parse("5..", 1, &ns),
			  "'5' has no unit: write 5ns, 5us, 5ms, 5s, 5min or 5h");
	assert_error_says(ct_duration_parse("1.5", 3, &ns),
			  "'1.5' has no unit: write 1.5ns, 1.5us, 1.5ms, 1.5s, 1.5min or 1.5h");
}

/* A part of a longer text. */
static void the_length_counts(void **state)
{
	(void)state;
	uint64_t ns;
	assert_no_error(ct_duration_parse("10ms..20ms", 4, &ns));
	assert_int_equal(ns, 10000000);
}

static void assert_printed(uint64_t ns, const char *expected)
{
	char text[CT_DURATION_BYTES];
	ct_duration_print(text, ns);
	assert_string_equal(text, expected);
	assert_true(strlen(text) <= 8 || ns > UINT64_C(9999) * 3600 * 1000000000);
}

static void four_digits_are_shown(void **state)
{
	(void)state;
	assert_printed(0, "0 ns");
	assert_printed(999, "999 ns");
	assert_printed(1000, "1.000 us");
	assert_printed(9999, "9.999 us");
	assert_printed(12345, "12.35 us");
	assert_printed(123456, "123.5 us");
	assert_printed(999949, "999.9 us");
	assert_printed(999951, "1000 us");
	assert_printed(1234567, "1.235 ms");
	assert_printed(UINT64_C(90000000000), "90.00 s");
	assert_printed(UINT64_C(600000000000), "10.0 min");
	assert_printed(UINT64_C(36000000000000), "10.00 h");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(units_are_understood),
	cmocka_unit_test(what_is_no_time_is_refused),
	cmocka_unit_test(a_number_without_unit_is_told),
	cmocka_unit_test(a_number_without_unit_is_told),
	cmocka_unit_test(the_length_counts),
	cmocka_unit_test(four_digits_are_shown),
};

UNIT_TEST_MAIN(tests)
