/* SPDX-License-Identifier: MIT */
/* C++ names as the user reads them, and names made to hurt. */
#include "unit_test.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "symbols/symbols.h"

static void assert_demangled(const char *linkage_name, const char *expected)
{
	ct_cleanup(ct_cleanup_free) char *text = ct_demangle(linkage_name);
	if (!text)
		fail_msg("%s is not demangled, expected %s", linkage_name, expected);
	assert_string_equal(text, expected);
}

static void cxx_names_are_demangled(void **state)
{
	(void)state;
	assert_demangled("_Z1fi", "f(int)");
	assert_demangled("_ZN1AC1Ev", "A::A()");
	assert_demangled("_ZN1AD0Ev", "A::~A()");
	assert_demangled("_ZZ4mainENKUlvE_clEv", "main::{lambda()#1}::operator()() const");
	assert_demangled("_ZN12_GLOBAL__N_14workEv", "(anonymous namespace)::work()");
}

static void clone_suffix_follows_in_brackets(void **state)
{
	(void)state;
	assert_demangled("_Z1fi.constprop.0", "f(int) [clone .constprop.0]");
	assert_demangled("_Z1fi.part.0.cold", "f(int) [clone .part.0] [clone .cold]");
	assert_demangled("_Z1fi.llvm.12345", "f(int) [clone .llvm.12345]");
}

static void symbol_version_is_kept_behind(void **state)
{
	(void)state;
	assert_demangled("_Z1fi@@V_1.0", "f(int)@@V_1.0");
	assert_demangled("_Z1fi@V_1.0", "f(int)@V_1.0");
}

static void other_names_are_none(void **state)
{
	(void)state;
	/* "i", "v" and "f" are mangled types: as functions they are C. */
	static const char *const names[] = {"",		 "i",	"v",   "f",   "main",
					    "_start",	 "_Z",	"_Zz", "__Z", "Z1fi",
					    "_Z1fi\xff", "_Z@", "@"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_null(ct_demangle(names[i]));
}

static void bytes_of_an_identifier_stay(void **state)
{
	(void)state;
	assert_demangled("_Z3\xff\"\nv", "\xff\"\n()");
}

static void cut_short_anywhere_does_no_harm(void **state)
{
	(void)state;
	static const char name[] = "_ZNSt6vectorISt4pairINSt7__cxx1112basic_stringIcSt11char_"
				   "traitsIcESaIcEEEiESaIS7_EE17_M_realloc_insertIJS7_EEEvN9__"
				   "gnu_cxx17__normal_iteratorIPS7_S9_EEDpOT_.isra.0";
	assert_demangled("_ZNSt6vectorIiSaIiEE9push_backEOi",
			 "std::vector<int, std::allocator<int> >::push_back(int&&)");
	for (size_t length = 0; length < sizeof(name); length++) {
		char cut[sizeof(name)];
		memcpy(cut, name, length);
		cut[length] = '\0';
		free(ct_demangle(cut));
	}
}

static void deep_nesting_does_not_overflow_the_stack(void **state)
{
	(void)state;
	static const char *const levels[] = {"P", "K", "FP", "1AI", "N1A", "DpT_", "Xcv", "Dt"};
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		ct_cleanup(ct_strbuf_deinit) struct ct_strbuf name = {0};
		ct_strbuf_add_string(&name, "_Z1f");
		for (int depth = 0; depth < 300000; depth++)
			ct_strbuf_add_string(&name, levels[i]);
		ct_strbuf_add_string(&name, "i");
		free(ct_demangle(name.bytes));
	}
}

static void huge_identifier_does_not_overflow_the_stack(void **state)
{
	(void)state;
	enum { LENGTH = 50000000 };
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf name = {0};
	ct_strbuf_printf(&name, "_Z%d%0*dv", LENGTH, LENGTH, 0);
	free(ct_demangle(name.bytes));
}

static void name_that_doubles_with_each_part_is_refused(void **state)
{
	(void)state;
	/* f(A<int, int>, A<X, X>, A<Y, Y>...), X and Y being the argument before: 2^30 bytes. */
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf name = {0};
	ct_strbuf_add_string(&name, "_Z1f1AIiiE");
	for (int i = 0; i < 30; i++) {
		char digit = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[i];
		ct_strbuf_printf(&name, "S_IS%c_S%c_E", digit, digit);
	}
	assert_null(ct_demangle(name.bytes));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(cxx_names_are_demangled),
	cmocka_unit_test(clone_suffix_follows_in_brackets),
	cmocka_unit_test(symbol_version_is_kept_behind),
	cmocka_unit_test(other_names_are_none),
	cmocka_unit_test(bytes_of_an_identifier_stay),
	cmocka_unit_test(cut_short_anywhere_does_no_harm),
	cmocka_unit_test(deep_nesting_does_not_overflow_the_stack),
	cmocka_unit_test(huge_identifier_does_not_overflow_the_stack),
	cmocka_unit_test(name_that_doubles_with_each_part_is_refused),
};

UNIT_TEST_MAIN(tests)
