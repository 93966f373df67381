/* SPDX-License-Identifier: MIT */
/* src/base/plain_text.c: text for people, and how wide it is. */
#include "base/plain_text.h"

#include <string.h>

#include "base/cleanup.h"
#include "export/json_text.h"
#include "unit_test.h"

static void assert_plain(const char *bytes, const char *expected)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	ct_plain_text_add(&text, bytes, strlen(bytes));
	assert_string_equal(text.bytes ? text.bytes : "", expected);
	assert_int_equal(ct_plain_text_is(bytes, strlen(bytes)), strcmp(bytes, expected) == 0);
	assert_true(ct_plain_text_is(expected, strlen(expected)));
}

static void text_of_any_language_stays(void **state)
{
	(void)state;
	assert_plain("", "");
	assert_plain("std::vector<int>::push_back(int const&)",
		     "std::vector<int>::push_back(int const&)");
	assert_plain("größe 測量 מדידה 👩‍🔬 e\u0301",
		     "größe 測量 מדידה 👩‍🔬 e\u0301");
	assert_plain("a\\b", "a\\b");
}

static void control_characters_are_written_out(void **state)
{
	(void)state;
	assert_plain("\033[31mred\033[m", "\\x1b[31mred\\x1b[m");
	assert_plain("two\nlines\tand\ra bell\a\x7f", "two\\x0alines\\x09and\\x0da bell\\x07\\x7f");
	assert_plain("\xc2\x9b"
		     "31m\xc2\x85",
		     "\\u009b31m\\u0085");
	assert_plain("a\u2028b\u2029c", "a\\u2028b\\u2029c");
}

static void marks_that_turn_text_around_are_written_out(void **state)
{
	(void)state;
	assert_plain("\u202egnp.exe\u202c", "\\u202egnp.exe\\u202c");
	assert_plain("\u2066a\u2069\u200e\u200f\u061c", "\\u2066a\\u2069\\u200e\\u200f\\u061c");
}

static void bytes_that_are_no_utf8_are_written_out(void **state)
{
	(void)state;
	assert_plain("\xff\xfe", "\\xff\\xfe");
	assert_plain("cut \xe6\xb8", "cut \\xe6\\xb8");
	assert_plain("\xc0\xaf\xed\xa0\x80", "\\xc0\\xaf\\xed\\xa0\\x80");
	assert_plain("\x9b!", "\\x9b!");
}

static void json_escapes_what_a_terminal_obeys(void **state)
{
	(void)state;
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	static const char bytes[] = "\xc2\x9b"
				    "1m\u202eé";
	ct_json_string(&text, bytes, strlen(bytes));
	assert_string_equal(text.bytes, "\"\\u009b1m\\u202eé\"");
}

static size_t columns(const char *text)
{
	return ct_plain_text_columns(text, strlen(text));
}

static void columns_are_those_of_a_terminal(void **state)
{
	(void)state;
	assert_int_equal(columns(""), 0);
	assert_int_equal(columns("plain"), 5);
	assert_int_equal(columns("größe"), 5);
	assert_int_equal(columns("測量"), 4);
	assert_int_equal(columns("e\u0301"), 1);
	assert_int_equal(columns("🔬"), 2);
}

static void assert_ends(const char *text, size_t most, const char *head, const char *tail)
{
	size_t length = strlen(text);
	size_t head_bytes = ct_plain_text_head(text, length, most);
	size_t tail_bytes = ct_plain_text_tail(text, length, most);
	assert_int_equal(head_bytes, strlen(head));
	assert_memory_equal(text, head, head_bytes);
	assert_int_equal(tail_bytes, strlen(tail));
	assert_memory_equal(text + length - tail_bytes, tail, tail_bytes);
}

static void text_is_cut_between_characters(void **state)
{
	(void)state;
	assert_ends("abcdef", 2, "ab", "ef");
	assert_ends("abcdef", 6, "abcdef", "abcdef");
	assert_ends("abcdef", 0, "", "");
	assert_ends("größe", 3, "grö", "öße");
	assert_ends("測量", 3, "測", "量"); /* half of one is none */
	assert_ends("ae\u0301e\u0301", 2, "ae\u0301", "e\u0301e\u0301");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(text_of_any_language_stays),
	cmocka_unit_test(control_characters_are_written_out),
	cmocka_unit_test(marks_that_turn_text_around_are_written_out),
	cmocka_unit_test(bytes_that_are_no_utf8_are_written_out),
	cmocka_unit_test(json_escapes_what_a_terminal_obeys),
	cmocka_unit_test(columns_are_those_of_a_terminal),
	cmocka_unit_test(text_is_cut_between_characters),
};

UNIT_TEST_MAIN(tests)
