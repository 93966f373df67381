/* SPDX-License-Identifier: MIT */
/* Patterns for functions. */
#include "unit_test.h"

#include "base/pattern.h"

static bool matches(const char *text, const char *linkage_name, const char *whole_name)
{
	struct ct_patterns *patterns = NULL;
	struct ct_error *err = ct_patterns_create(text, &patterns);
	assert_null(err);
	struct ct_pattern_subject subject = {
		.linkage_name = linkage_name,
		.whole_name = whole_name,
		.module = "/usr/bin/prog",
		.source = "/src/lib/a.c",
	};
	bool is_match = ct_patterns_match(patterns, &subject);
	ct_patterns_destroy(patterns);
	return is_match;
}

static void c_functions_match_by_name(void **state)
{
	(void)state;
	assert_true(matches("main", "main", NULL));
	assert_true(matches("ma*", "main", NULL));
	assert_true(matches("x,main", "main", NULL));
	assert_true(matches(" x , main ", "main", NULL));
	assert_false(matches("mai", "main", NULL));
	assert_false(matches("", "main", NULL));
	assert_false(matches(",,", "main", NULL));
}

static void cxx_functions_match_by_any_of_their_names(void **state)
{
	(void)state;
	const char *linkage = "_ZN1n1fIiEEvic";
	const char *whole = "void n::f<int>(int, char)";
	assert_true(matches("n::f<int>", linkage, whole));
	assert_true(matches("n::f*", linkage, whole));
	assert_true(matches("void n::f<int>(int, char)", linkage, whole));
	assert_true(matches("_ZN1n1fIiEEvic", linkage, whole));
	assert_false(matches("f", linkage, whole));
	assert_false(matches("n::f", linkage, whole));
}

static void commas_in_brackets_do_not_separate(void **state)
{
	(void)state;
	assert_true(matches("g,void n::f<int>(int, char)", "_Z", "void n::f<int>(int, char)"));
	assert_true(matches("f<int, char>", "_Z", "f<int, char>()"));
	assert_true(matches("operator<,g", "_Z", "g()"));
	assert_true(matches("operator<,g", "_Z", "operator<(a, b)"));
	assert_true(matches("f(,g", "_Z", "g()"));
}

static void names_with_brackets_match_themselves(void **state)
{
	(void)state;
	assert_true(matches("v::operator[]", "_Z", "v::operator[](int)"));
	assert_true(matches("v::operator()", "_Z", "v::operator()(int) const"));
}

static void expressions_match_anywhere(void **state)
{
	(void)state;
	assert_true(matches("/^main$/", "main", NULL));
	assert_true(matches("/f<(int|char)>/", "_Z", "void n::f<int>(int)"));
	assert_true(matches("/a{1,2}b/", "xaab", NULL));
	assert_false(matches("/^f/", "_Z", "void n::f<int>(int)"));
}

static void modules_and_sources_match_by_path_or_name(void **state)
{
	(void)state;
	assert_true(matches("module:prog", "x", NULL));
	assert_true(matches("module:/usr/*", "x", NULL));
	assert_true(matches("file:a.c", "x", NULL));
	assert_true(matches("file:*/lib/*", "x", NULL));
	assert_true(matches("file:lib/*", "x", NULL));
	assert_true(matches("file:src/*/a.c", "x", NULL));
	assert_true(matches("file:/src/lib/a.c", "x", NULL));
	assert_true(matches("module:bin/prog", "x", NULL));
	assert_false(matches("file:b.c,module:other", "x", NULL));
	assert_false(matches("file:/lib/*", "x", NULL));
	assert_false(matches("file:ib/*", "x", NULL));
	assert_false(matches("file:lib", "x", NULL));
	assert_false(matches("module:/bin/prog", "x", NULL));
}

static void patterns_that_fit_something_are_noted(void **state)
{
	(void)state;
	static const char *const names[] = {"main", "other", "first"};
	unsigned char hits[4] = {0};
	struct ct_patterns *patterns = NULL;
	assert_null(ct_patterns_create("ma*, main ,/^fi/,nothing(a, b)", &patterns));
	assert_int_equal(ct_patterns_count(patterns), 4);
	for (size_t i = 0; i < 3; i++) {
		const struct ct_pattern_subject subject = {.linkage_name = names[i]};
		assert_int_equal(ct_patterns_match_all(patterns, &subject, hits), i != 1);
	}
	assert_memory_equal(hits, "\1\1\1\0", 4);
	assert_string_equal(ct_patterns_text(patterns, 1), "main");
	assert_string_equal(ct_patterns_text(patterns, 2), "/^fi/");
	assert_string_equal(ct_patterns_text(patterns, 3), "nothing(a, b)");
	ct_patterns_destroy(patterns);
}

static void wrong_expressions_are_errors(void **state)
{
	(void)state;
	static const char *const wrong[] = {"/(/", "/abc", "/"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct ct_patterns *patterns = NULL;
		struct ct_error *err = ct_patterns_create(wrong[i], &patterns);
		assert_non_null(err);
		assert_non_null(strstr(err->message, wrong[i]));
		ct_error_destroy(err);
	}
}

static void short_names_lack_parameters_and_result(void **state)
{
	(void)state;
	static const char *const names[][2] = {
		{"f(int)", "f"},
		{"n::f(int) const", "n::f"},
		{"void n::f<int>(int, char)", "n::f<int>"},
		{"(anonymous namespace)::f(int)", "(anonymous namespace)::f"},
		{"f()::{lambda(int)#1}::operator()(int) const", "f()::{lambda(int)#1}::operator()"},
		{"v::operator()(int)", "v::operator()"},
		{"v::operator<<(int)", "v::operator<<"},
		{"v::operator->() const", "v::operator->"},
		{"v::operator int() const", "v::operator int"},
		{"std::function<void (int)>::g(int)", "std::function<void (int)>::g"},
		{"variable", "variable"},
		{"", ""},
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *name = ct_pattern_short_name(names[i][0]);
		assert_string_equal(name, names[i][1]);
		free(name);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(c_functions_match_by_name),
	cmocka_unit_test(cxx_functions_match_by_any_of_their_names),
	cmocka_unit_test(commas_in_brackets_do_not_separate),
	cmocka_unit_test(names_with_brackets_match_themselves),
	cmocka_unit_test(expressions_match_anywhere),
	cmocka_unit_test(modules_and_sources_match_by_path_or_name),
	cmocka_unit_test(patterns_that_fit_something_are_noted),
	cmocka_unit_test(wrong_expressions_are_errors),
	cmocka_unit_test(short_names_lack_parameters_and_result),
};

UNIT_TEST_MAIN(tests)
