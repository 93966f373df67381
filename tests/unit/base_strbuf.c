/* SPDX-License-Identifier: MIT */
/* The growing byte string. */
#include "unit_test.h"

#include "base/cleanup.h"
#include "base/strbuf.h"

static void starts_without_memory(void **state)
{
	(void)state;
	struct ct_strbuf buf = {0};
	assert_null(buf.bytes);
	ct_strbuf_deinit(&buf);
}

static void adding_nothing_gives_an_empty_string(void **state)
{
	(void)state;
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf buf = {0};
	ct_strbuf_add(&buf, NULL, 0);
	assert_string_equal(buf.bytes, "");
	assert_int_equal(buf.length, 0);
}

static void keeps_every_byte(void **state)
{
	(void)state;
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf buf = {0};
	ct_strbuf_add(&buf, "a\0\xff", 3);
	ct_strbuf_add_string(&buf, "b");
	assert_int_equal(buf.length, 4);
	assert_memory_equal(buf.bytes,
			    "a\0\xff"
			    "b",
			    5);
}

static void grows_over_many_additions(void **state)
{
	(void)state;
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf buf = {0};
	for (int i = 0; i < 10000; i++)
		ct_strbuf_printf(&buf, "%04d", i);
	assert_false(buf.failed);
	assert_int_equal(buf.length, 40000);
	assert_int_equal(strlen(buf.bytes), 40000);
	assert_memory_equal(buf.bytes + 4 * 1234, "1234", 4);
	assert_memory_equal(buf.bytes + 4 * 9999, "9999", 4);
}

static void grows_to_one_large_addition(void **state)
{
	(void)state;
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf buf = {0};
	ct_strbuf_printf(&buf, "%s%*d", "x", 100000, 7);
	assert_int_equal(buf.length, 100001);
	assert_int_equal(buf.bytes[100000], '7');
	assert_int_equal(buf.bytes[100001], '\0');
}

static void may_be_used_again_after_deinit(void **state)
{
	(void)state;
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf buf = {0};
	ct_strbuf_add_string(&buf, "old");
	ct_strbuf_deinit(&buf);
	ct_strbuf_add_string(&buf, "new");
	assert_string_equal(buf.bytes, "new");
}

static void impossible_length_fails_and_keeps_the_rest(void **state)
{
	(void)state;
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf buf = {0};
	ct_strbuf_add_string(&buf, "kept");
	ct_strbuf_add(&buf, "x", SIZE_MAX / 2);
	assert_true(buf.failed);
	assert_string_equal(buf.bytes, "kept");
	buf.failed = false;
	/* The sum with what is there does not fit a size_t. */
	ct_strbuf_add(&buf, "x", SIZE_MAX - 2);
	assert_true(buf.failed);
	assert_string_equal(buf.bytes, "kept");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(starts_without_memory),
	cmocka_unit_test(adding_nothing_gives_an_empty_string),
	cmocka_unit_test(keeps_every_byte),
	cmocka_unit_test(grows_over_many_additions),
	cmocka_unit_test(grows_to_one_large_addition),
	cmocka_unit_test(may_be_used_again_after_deinit),
	cmocka_unit_test(impossible_length_fails_and_keeps_the_rest),
};

UNIT_TEST_MAIN(tests)
