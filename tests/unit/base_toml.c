/* SPDX-License-Identifier: MIT */
/* What of TOML is understood, and what is said of the rest. */
#include "unit_test.h"

#include "base/cleanup.h"
#include "base/toml.h"

static void cleanup_toml(struct ct_toml **toml)
{
	ct_toml_destroy(*toml);
}

static struct ct_toml *parse(const char *text)
{
	struct ct_toml *toml = NULL;
	assert_no_error(ct_toml_parse("rules", text, strlen(text), &toml));
	return toml;
}

static void tables_and_values_of_every_kind(void **state)
{
	(void)state;
	ct_cleanup(cleanup_toml) struct ct_toml *toml = parse(
		"# rules\n"
		"baseline = 'C:\\old'  # as it is\r\n"
		"\n"
		"[[rule]]\n"
		"\"a name\" = \"tab\\t quote\\\" e\\u00e9 \\U0001F600\"\n"
		"n = 1_000\n"
		"minus=-17\n"
		"real = +1.5e1\n"
		"yes = true\n"
		"list = [ # of strings\n"
		"  \"a\", 'b' ,\n"
		"]\n"
		"empty = []\n"
		"[[ rule ]]\n"
		"[table-1]\n"
		"no = false");
	assert_int_equal(toml->table_count, 4);
	const struct ct_toml_table *tables = toml->tables;
	assert_string_equal(tables[0].name, "");
	assert_string_equal(tables[0].values[0].texts[0], "C:\\old");
	assert_string_equal(tables[1].name, "rule");
	assert_true(tables[1].is_element);
	assert_int_equal(tables[1].line, 4);
	assert_int_equal(tables[1].value_count, 7);
	const struct ct_toml_value *values = tables[1].values;
	assert_string_equal(values[0].key, "a name");
	assert_string_equal(values[0].texts[0], "tab\t quote\" e\xc3\xa9 \xf0\x9f\x98\x80");
	assert_int_equal(values[1].kind, CT_TOML_INTEGER);
	assert_int_equal(values[1].integer, 1000);
	assert_int_equal(values[2].integer, -17);
	assert_int_equal(values[3].kind, CT_TOML_REAL);
	assert_true(values[3].real == 15);
	assert_true(values[4].boolean);
	assert_int_equal(values[5].kind, CT_TOML_STRINGS);
	assert_int_equal(values[5].text_count, 2);
	assert_string_equal(values[5].texts[1], "b");
	assert_int_equal(values[6].text_count, 0);
	assert_int_equal(values[6].line, 13);
	assert_string_equal(tables[3].name, "table-1");
	assert_false(tables[3].is_element);
	assert_false(tables[3].values[0].boolean);
}

static void errors_name_the_line_and_what_is_wrong(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{"a = 1\nb", "rules:2: behind the key 'b' there is no ="},
		{"a = 1 2", "rules:1: there is more on the line"},
		{"a = 1\n\na = 2", "rules:3: 'a' is there already, in line 1"},
		{"a = \"b", "rules:1: the string that begins here has no end"},
		{"a = \"b\n\"", "has no end"},
		{"a = \"\\q\"", "a backslash stands before"},
		{"a = \"\\u12\"", "\\u is followed by 4 hexadecimal digits"},
		{"a = \"\\ud800\"", "\\ud800 is no character"},
		{"a = \"\"\"b\"\"\"", "strings of several lines"},
		{"a = 01", "'01' is no value"},
		{"a = 1__0", "'1__0' is no value"},
		{"a = 1.", "'1.' is no value"},
		{"a = inf", "'inf' is no value"},
		{"a = 0x10", "'0x10' is no value"},
		{"a = 1979-05-27", "'1979-05-27' is no value"},
		{"a = {}", "is no value"},
		{"a =", "is no value"},
		{"a = 9223372036854775808", "the number is too large"},
		{"a = 1e999", "the number is too large"},
		{"a = [1]", "arrays have strings"},
		{"a = ['b' 'c']", "between the strings of an array there are commas"},
		{"a = ['b'", "between the strings of an array there are commas"},
		{"a = [", "arrays have strings"},
		{"a.b = 1", "keys with points"},
		{"= 1", "here a key stands"},
		{"[a", "the head of a table ends with ]"},
		{"[[a]", "the head of a table ends with ]]"},
		{"[a.b]", "keys with points"},
		{"[a]\n[a]", "rules:2: the table 'a' is there already, in line 1"},
		{"[a]\n[[a]]", "rules:2: the table 'a' is there already"},
		{"a = 1\n[a]", "rules:2: 'a' is a value already"},
		{"a = '\xff'", "rules:1: this is not UTF-8"},
		{"a = '\xed\xa0\x80'", "this is not UTF-8"},
		{"a = 1\nb = '\x01'", "rules:2: there is a control character, 0x01"},
		{"a = 1\rb = 2", "there is a control character, 0x0d"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ct_toml *toml = NULL;
		assert_error_says(ct_toml_parse("rules", rows[i].text, strlen(rows[i].text), &toml),
				  rows[i].says);
	}
}

/* Without a byte behind the text, which the sanitizers see. */
static void every_beginning_is_read_to_its_end(void **state)
{
	static const char text[] = "a = \"b\\u00e9\"\n[[c]]\nd = [ 'e', \"f\" ] # g\nh = -1.5e+3\n";
	(void)state;
	for (size_t length = 0; length < sizeof(text); length++) {
		ct_cleanup(cleanup_toml) struct ct_toml *toml = NULL;
		char *copy = malloc(length ? length : 1);
		assert_non_null(copy);
		memcpy(copy, text, length);
		ct_error_destroy(ct_toml_parse("rules", copy, length, &toml));
		free(copy);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(tables_and_values_of_every_kind),
	cmocka_unit_test(errors_name_the_line_and_what_is_wrong),
	cmocka_unit_test(every_beginning_is_read_to_its_end),
};
UNIT_TEST_MAIN(tests)
