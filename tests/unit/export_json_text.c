/* SPDX-License-Identifier: MIT */
/* JSON strings from any bytes, and the fast integers. */
#include "unit_test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/json_text.h"

static void assert_string(const char *bytes, size_t length, const char *expected)
{
	struct ct_strbuf text = {0};
	ct_json_string(&text, bytes, length);
	assert_string_equal(text.bytes, expected);
	ct_strbuf_deinit(&text);
}
#define ASSERT_STRING(literal, expected) assert_string(literal, sizeof(literal) - 1, expected)

static void plain_text_stays(void **state)
{
	(void)state;
	ASSERT_STRING("", "\"\"");
	ASSERT_STRING("std::vector<int>::push_back(int&&)",
		      "\"std::vector<int>::push_back(int&&)\"");
	ASSERT_STRING("日本 \xf0\x9f\x98\x80", "\"日本 \xf0\x9f\x98\x80\"");
}

static void special_characters_are_escaped(void **state)
{
	(void)state;
	ASSERT_STRING("a\"b\\c/d", "\"a\\\"b\\\\c/d\"");
	ASSERT_STRING("\n\t\r\x01\x1f\x7f", "\"\\n\\t\\u000d\\u0001\\u001f\\u007f\"");
	ASSERT_STRING("\0x", "\"\\u0000x\"");
}

/* The examples of the Unicode Standard, section 3.9, and the borders around them. */
static void ill_formed_parts_become_replacement_characters(void **state)
{
	(void)state;
	ASSERT_STRING("\xff", "\"\ufffd\"");
	ASSERT_STRING("a\x80z", "\"a\ufffdz\"");
	ASSERT_STRING("\xc0\xaf", "\"\ufffd\ufffd\"");
	ASSERT_STRING("\xe0\x80\xbf", "\"\ufffd\ufffd\ufffd\"");
	ASSERT_STRING("\xed\xa0\x80", "\"\ufffd\ufffd\ufffd\"");
	ASSERT_STRING("\xf4\x90\x80\x80", "\"\ufffd\ufffd\ufffd\ufffd\"");
	ASSERT_STRING("\xf0\x80\x80\x41", "\"\ufffd\ufffd\ufffd\x41\"");
	ASSERT_STRING("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", "\"\ufffd\ufffd\ufffd\ufffd\x41\"");
	ASSERT_STRING("\xe2\x82", "\"\ufffd\"");
	ASSERT_STRING("\xf0\x9f\x98\"", "\"\ufffd\\\"\"");
	ASSERT_STRING("\xed\x9f\xbf\xee\x80\x80", "\"\xed\x9f\xbf\xee\x80\x80\"");
	ASSERT_STRING("\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\"");
}

static void assert_u64(uint64_t value)
{
	char expected[32], text[CT_JSON_U64_BYTES + 1];
	snprintf(expected, sizeof(expected), "%" PRIu64, value);
	*ct_json_u64(text, value) = '\0';
	assert_string_equal(text, expected);
}

static void integers_are_those_of_printf(void **state)
{
	(void)state;
	for (uint64_t power = 1;; power *= 10) {
		assert_u64(power - 1);
		assert_u64(power);
		assert_u64(power + 1);
		if (power > UINT64_MAX / 10)
			break;
	}
	assert_u64(UINT64_MAX);
	for (uint64_t value = 0; value < 20000; value++)
		assert_u64(value);
}

static void hexadecimal_is_that_of_printf(void **state)
{
	(void)state;
	char expected[32], text[CT_JSON_HEX_BYTES + 1];
	for (int shift = 0; shift < 64; shift++) {
		uint64_t value = UINT64_C(0x9e3779b97f4a7c15) >> shift;
		snprintf(expected, sizeof(expected), "0x%" PRIx64, value);
		*ct_json_hex(text, value) = '\0';
		assert_string_equal(text, expected);
	}
	*ct_json_hex(text, 0) = '\0';
	assert_string_equal(text, "0x0");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(plain_text_stays),
	cmocka_unit_test(special_characters_are_escaped),
	cmocka_unit_test(ill_formed_parts_become_replacement_characters),
	cmocka_unit_test(integers_are_those_of_printf),
	cmocka_unit_test(hexadecimal_is_that_of_printf),
};

UNIT_TEST_MAIN(tests)
