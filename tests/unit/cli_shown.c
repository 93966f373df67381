/* SPDX-License-Identifier: MIT */
/* src/cli/shown.c: names shortened for a terminal. */
#include "cli/shown.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "base/plain_text.h"
#include "unit_test.h"

static const char *nth(const void *names, size_t index)
{
	return ((const char *const *)names)[index];
}

static struct ct_shown *create(const char *const *names, size_t count, bool are_symbols,
			       unsigned int least_columns)
{
	const struct ct_shown_options options = {
		.name = nth,
		.context = names,
		.count = count,
		.are_symbols = are_symbols,
		.least_columns = least_columns,
	};
	struct ct_shown *shown = NULL;
	assert_no_error(ct_shown_create(&options, &shown));
	return shown;
}

static void assert_shown(const char *name, unsigned int columns, const char *expected)
{
	ct_cleanup(ct_shown_cleanup) struct ct_shown *shown = create(&name, 1, true, 0);
	assert_string_equal(ct_shown_name(shown, 0, columns), expected);
}

#define PUSH_BACK "std::vector<int, std::allocator<int> >::push_back(int const&)"
#define SORT                                                                           \
	"void std::sort<__gnu_cxx::__normal_iterator<int*, std::vector<int> >, Less>(" \
	"__gnu_cxx::__normal_iterator<int*, std::vector<int> >, Less)"

static void what_fits_is_whole(void **state)
{
	(void)state;
	assert_shown(PUSH_BACK, 80, PUSH_BACK);
	assert_shown("short", 20, "short");
}

static void parameters_go_first_then_templates_then_scopes(void **state)
{
	(void)state;
	assert_shown(PUSH_BACK, 60, "std::vector<int, std::allocator<int> >::push_back");
	assert_shown(PUSH_BACK, 40, "std::vector<>::push_back");
	assert_shown(PUSH_BACK, 23, "...::push_back");
	assert_shown(SORT, 40, "std::sort<>");
	assert_shown("outer::middle::inner::function(long, long, long)", 25,
		     "...::inner::function");
	assert_shown("a_function_of_c_with_a_long_name", 20, "a_functio...ong_name");
	assert_shown("scope::a_function_of_c_with_a_long_name()", 20, "a_functio...ong_name");
}

/* The result's type goes with the parameters; operators and what is in brackets stay. */
static void parts_of_names_are_found(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"f(int)", "f"},
		{"f", "f"},
		{"ns::C::C(int, (anonymous namespace)::D const&)", "ns::C::C"},
		{"ns::(anonymous namespace)::f(int)", "ns::(anonymous namespace)::f"},
		{"(anonymous namespace)::f(int)", "(anonymous namespace)::f"},
		{"C::f(int) const", "C::f"},
		{"C::f(int) const &", "C::f"},
		{"f(int) [clone .cold]", "f [clone .cold]"},
		{"f[abi:cxx11](int)", "f[abi:cxx11]"},
		{"unsigned long ns::f<int>(int)", "ns::f<int>"},
		{"std::enable_if<(1>0), int>::type ns::f<int>(int)", "ns::f<int>"},
		{"C::operator()(int) const", "C::operator()"},
		{"C::operator bool() const", "C::operator bool"},
		{"C::operator unsigned long() const", "C::operator unsigned long"},
		{"operator new(unsigned long)", "operator new"},
		{"std::ostream& operator<< <char>(std::ostream&, char)", "operator<< <char>"},
		{"bool ns::operator< <int>(A<int> const&, int)", "ns::operator< <int>"},
		{"ns::operator->*(A, B)", "ns::operator->*"},
		{"ns::operator_not(int)", "ns::operator_not"},
		{"main::{lambda(int, char)#1}::operator()(int, char) const",
		 "main::{lambda(int, char)#1}::operator()"},
		{"std::function<void (int)>::operator()(int) const",
		 "std::function<void (int)>::operator()"},
		{"non-virtual thunk to C::f(int)", "non-virtual thunk to C::f"},
		{"(", "("},
		{")", ")"},
		{"())", "())"},
		{"<(>", "<(>"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ct_cleanup(ct_strbuf_deinit) struct ct_strbuf bare = {0};
		ct_shown_bare(cases[i][0], strlen(cases[i][0]), &bare);
		assert_string_equal(bare.bytes ? bare.bytes : "", cases[i][1]);
	}
}

static void templates_of_operators_are_found(void **state)
{
	(void)state;
	assert_shown("std::map<Key, Value>::operator<<(std::map<Key, Value> const&)", 30,
		     "std::map<>::operator<<");
	assert_shown("std::shared_ptr<A_class_of_some_length>::operator->() const", 30,
		     "std::shared_ptr<>::operator->");
	assert_shown("A<(B)(1 > 2), other_type_of_length>::function(int, long)", 30,
		     "A<>::function");
}

static void assert_all_differ(struct ct_shown *shown, const char *const *names, size_t count,
			      unsigned int columns)
{
	for (size_t i = 0; i < count; i++) {
		ct_cleanup(ct_cleanup_free) char *text = strdup(ct_shown_name(shown, i, columns));
		if (ct_plain_text_columns(text, strlen(text)) > columns)
			fail_msg("\"%s\" takes more than %u columns", text, columns);
		for (size_t j = 0; j < i; j++)
			if (strcmp(names[i], names[j]) != 0 &&
			    strcmp(text, ct_shown_name(shown, j, columns)) == 0)
				fail_msg("\"%s\" and \"%s\" are both \"%s\" in %u columns",
					 names[i], names[j], text, columns);
	}
}

static void overloads_keep_their_parameters_or_are_numbered(void **state)
{
	(void)state;
	static const char *const names[] = {
		"parser::parse(std::vector<int, std::allocator<int> >)",
		"parser::parse(std::vector<long, std::allocator<long> >)",
		"parser::parse(short_type, another_type)",
		"parser::parse",
		"lexer::parse(std::vector<int, std::allocator<int> >)",
	};
	ct_cleanup(ct_shown_cleanup) struct ct_shown *shown = create(names, 5, true, 24);
	assert_string_equal(ct_shown_name(shown, 0, 40), "parser::parse #1");
	assert_string_equal(ct_shown_name(shown, 1, 40), "parser::parse #2");
	assert_string_equal(ct_shown_name(shown, 2, 40), names[2]);
	assert_string_equal(ct_shown_name(shown, 3, 40), "parser::parse");
	assert_string_equal(ct_shown_name(shown, 4, 40), "lexer::parse");
	for (unsigned int columns = 24; columns < 60; columns++)
		assert_all_differ(shown, names, 5, columns);
}

/* However much has to be cut, and however wide the terminal is. */
static void different_names_stay_different(void **state)
{
	enum { COUNT = 300 };
	char texts[COUNT][200];
	const char *names[COUNT];
	(void)state;
	for (int i = 0; i < COUNT; i++) {
		static const char *const forms[] = {
			"void scope::of::some::length::Class<int, %d>::method<long>(int)",
			"scope::of::some::length::Class<int>::a_long_name_of_a_method_%d(int)",
			"scope_%d::of::some::length::Class<int>::a_long_name_of_a_method(int)",
			"scope::a_name(std::vector<number_%d, std::allocator<number> >, int)",
			"a_name_of_c_that_has_its_number_%d_in_the_middle_of_its_length",
			"a_name_of_c_that_has_its_number_at_its_end_%d",
		};
		snprintf(texts[i], sizeof(texts[i]), forms[i % 6], i / 6);
		names[i] = texts[i];
	}
	names[7] = names[1]; /* one that is there twice */
	for (unsigned int least = 14; least <= 80; least += 15) {
		ct_cleanup(ct_shown_cleanup) struct ct_shown *shown = create(names, COUNT, true,
									     least);
		for (unsigned int columns = least; columns < 90; columns += 7)
			assert_all_differ(shown, names, COUNT, columns);
	}
}

static void equal_names_are_one(void **state)
{
	(void)state;
	static const char *const names[] = {PUSH_BACK, PUSH_BACK};
	ct_cleanup(ct_shown_cleanup) struct ct_shown *shown = create(names, 2, true, 24);
	assert_string_equal(ct_shown_name(shown, 0, 30), "std::vector<>::push_back");
	assert_string_equal(ct_shown_name(shown, 1, 30), "std::vector<>::push_back");
}

static void paths_keep_their_end(void **state)
{
	(void)state;
	static const char *const names[] = {
		"/home/user/project/build-one/source/library/file.c",
		"/home/user/project/build-two/source/library/file.c",
		"/home/user/project/build-one/other/file.c",
	};
	ct_cleanup(ct_shown_cleanup) struct ct_shown *wide = create(names, 3, false, 45);
	assert_string_equal(ct_shown_name(wide, 0, 45),
			    ".../project/build-one/source/library/file.c");
	ct_cleanup(ct_shown_cleanup) struct ct_shown *shown = create(names, 3, false, 25);
	assert_string_equal(ct_shown_name(shown, 2, 25), ".../other/file.c");
	for (unsigned int columns = 25; columns < 50; columns++)
		assert_all_differ(shown, names, 3, columns);
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	ct_shown_cut(&text, names[0], 30);
	assert_string_equal(text.bytes, ".../source/library/file.c");
}

static void control_characters_are_written_out_and_counted(void **state)
{
	(void)state;
	assert_shown("bell\033]0;title\a", 80, "bell\\x1b]0;title\\x07");
	assert_shown("\033[1m\033[2m\033[3m\033[4m\033[5m", 20, "\\x1b[1m\\x...m\\x1b[5m");
	assert_shown("größen::測量測量測量測量測量測量測量", 22, "測量測量測...測量測量");
}

static void whole_names_are_whole(void **state)
{
	static const char *const names[] = {PUSH_BACK "\n" PUSH_BACK};
	const struct ct_shown_options options = {
		.name = nth, .context = names, .count = 1, .are_whole = true, .are_symbols = true};
	ct_cleanup(ct_shown_cleanup) struct ct_shown *shown = NULL;
	(void)state;
	assert_no_error(ct_shown_create(&options, &shown));
	assert_string_equal(ct_shown_name(shown, 0, 20), PUSH_BACK "\\x0a" PUSH_BACK);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(what_fits_is_whole),
	cmocka_unit_test(parameters_go_first_then_templates_then_scopes),
	cmocka_unit_test(parts_of_names_are_found),
	cmocka_unit_test(templates_of_operators_are_found),
	cmocka_unit_test(overloads_keep_their_parameters_or_are_numbered),
	cmocka_unit_test(different_names_stay_different),
	cmocka_unit_test(equal_names_are_one),
	cmocka_unit_test(paths_keep_their_end),
	cmocka_unit_test(control_characters_are_written_out_and_counted),
	cmocka_unit_test(whole_names_are_whole),
};

UNIT_TEST_MAIN(tests)
