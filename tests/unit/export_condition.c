/* SPDX-License-Identifier: MIT */
/* Conditions as they are written. What they mean of values is in tests/cli/where. */
#include "unit_test.h"

#include "base/cleanup.h"
#include "export/condition.h"

static void cleanup_condition(struct ct_condition **condition)
{
	ct_condition_destroy(*condition);
}

static struct ct_condition *parse(const char *text)
{
	struct ct_condition *condition = NULL;
	assert_no_error(ct_condition_parse(text, &condition));
	return condition;
}

static void the_last_brackets_hold_the_comparisons(void **state)
{
	(void)state;
	ct_cleanup(cleanup_condition) struct ct_condition *condition =
		parse("ns::f(int, char)(id = 42,name!='a(b)*')");
	assert_string_equal(condition->pattern, "ns::f(int, char)");
	assert_int_equal(condition->term_count, 2);
	assert_string_equal(condition->terms[0].place.argument, "id");
	assert_int_equal(condition->terms[0].sign, CT_IS_EQUAL);
	assert_int_equal(condition->terms[0].literal, CT_LITERAL_NUMBER);
	assert_true(condition->terms[0].number == 42);
	assert_int_equal(condition->terms[1].sign, CT_IS_NOT);
	assert_string_equal(condition->terms[1].text, "a(b)*");
	assert_false(condition->needs_result);
}

static void without_brackets_it_is_of_all_functions(void **state)
{
	(void)state;
	ct_cleanup(cleanup_condition) struct ct_condition *condition = parse("retval < -1.5e1");
	assert_null(condition->pattern);
	assert_true(condition->needs_result);
	assert_null(condition->terms[0].place.argument);
	assert_int_equal(condition->terms[0].sign, CT_IS_LESS);
	assert_int_equal(condition->terms[0].literal, CT_LITERAL_REAL);
	assert_true(condition->terms[0].real == -15);
}

static void members_and_elements_are_steps(void **state)
{
	(void)state;
	ct_cleanup(cleanup_condition) struct ct_condition *condition =
		parse("f(req->header.sizes[12]>=0x10 && ok=true)");
	const struct ct_value_place *place = &condition->terms[0].place;
	assert_int_equal(place->step_count, 3);
	assert_string_equal(place->steps[0].name, "header");
	assert_string_equal(place->steps[1].name, "sizes");
	assert_null(place->steps[2].name);
	assert_int_equal(place->steps[2].index, 12);
	assert_int_equal(condition->terms[0].sign, CT_IS_AT_LEAST);
	assert_true(condition->terms[0].number == 16);
	assert_true(condition->terms[1].number == 1);
}

static void words_are_literals(void **state)
{
	static const struct {
		const char *text;
		enum ct_literal_kind kind;
	} rows[] = {
		{"a=null", CT_LITERAL_NULL},
		{"a=GREEN", CT_LITERAL_TEXT},
		{"a==\"null\"", CT_LITERAL_TEXT},
		{"a=-7", CT_LITERAL_NUMBER},
		{"a=007", CT_LITERAL_REAL},
		{"a=/api/*", CT_LITERAL_TEXT},
		{"a=1.2.3", CT_LITERAL_TEXT},
		{"a=''", CT_LITERAL_TEXT},
		{"a=18446744073709551615", CT_LITERAL_NUMBER},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ct_cleanup(cleanup_condition) struct ct_condition *condition = parse(rows[i].text);
		assert_int_equal(condition->terms[0].literal, rows[i].kind);
	}
}

static void errors_say_where_and_what(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{"", "at the end there should be the name of an argument"},
		{"a", "at the end there should be one of = != < <= > >="},
		{"a=", "at the end there should be a number"},
		{"f(a=1", "at the end there should be a comma or )"},
		{"f(a=1) b", "at 'b' there should be a comma or the end"},
		{"f()", "at ')' there should be the name of an argument"},
		{"(a=1)", "there should be"},
		{"a[x]=1", "at 'x]=1' there should be the number of an element"},
		{"a[4294967295]=1", "there should be the number of an element, and ]"},
		{"a=\"b", "there should be the other quote"},
		{"a<null", "at 'null' there should be a number: strings and null"},
		{"a=1,", "at the end there should be the name"},
		{"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r=1", "there are too many members"},
		{"a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1",
		 "there are too many comparisons"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ct_condition *condition = NULL;
		assert_error_says(ct_condition_parse(rows[i].text, &condition), rows[i].says);
	}
}

/* Names of C++ functions are patterns, not conditions. */
static void names_of_functions_are_none(void **state)
{
	static const char *const names[] = {
		"main",
		"operator==(A const&, A const&)",
		"f(std::vector<int, std::allocator<int> >)",
		"g(unsigned int)",
		"main::{lambda(int)#1}::operator()(int) const",
		"operator<(A, B)",
		"h(bool (*)(char))",
		"t<(E)1>(v<int>)",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct ct_condition *condition = NULL;
		assert_error_says(ct_condition_parse(names[i], &condition), "there should be");
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(the_last_brackets_hold_the_comparisons),
	cmocka_unit_test(without_brackets_it_is_of_all_functions),
	cmocka_unit_test(members_and_elements_are_steps),
	cmocka_unit_test(words_are_literals),
	cmocka_unit_test(errors_say_where_and_what),
	cmocka_unit_test(names_of_functions_are_none),
};
UNIT_TEST_MAIN(tests)
