/* SPDX-License-Identifier: MIT */
/* The bounds-checked reader: nothing is read past the end, and it shows. */
#include "unit_test.h"

#include "base/cursor.h"

static const unsigned char bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static void numbers_are_little_endian(void **state)
{
	(void)state;
	struct ct_cursor cur = ct_cursor_init(bytes, sizeof(bytes), "bytes");
	assert_int_equal(ct_cursor_u8(&cur), 0x01);
	assert_int_equal(ct_cursor_u16(&cur), 0x0302);
	assert_int_equal(ct_cursor_u32(&cur), 0x07060504);
	assert_true(ct_cursor_u64(&cur) == 0x0f0e0d0c0b0a0908);
	assert_int_equal(ct_cursor_left(&cur), 0);
	assert_false(cur.failed);
}

static void number_cut_short_is_zero_and_fails(void **state)
{
	(void)state;
	struct ct_cursor cur = ct_cursor_init(bytes, 7, "bytes");
	assert_true(ct_cursor_u64(&cur) == 0);
	assert_true(cur.failed);
}

static void everything_after_a_failure_is_zero(void **state)
{
	(void)state;
	struct ct_cursor cur = ct_cursor_init(bytes, 3, "bytes");
	assert_int_equal(ct_cursor_u32(&cur), 0);
	/* One byte is there, but a parser that reads on must not get a shifted view. */
	assert_int_equal(ct_cursor_u8(&cur), 0);
	assert_false(ct_cursor_skip(&cur, 1));
	assert_null(ct_cursor_bytes(&cur, 1));
}

static void failed_copy_is_zeroed(void **state)
{
	(void)state;
	struct ct_cursor cur = ct_cursor_init(bytes, 3, "bytes");
	unsigned char copy[4] = {9, 9, 9, 9};
	assert_false(ct_cursor_read(&cur, copy, sizeof(copy)));
	assert_memory_equal(copy, "\0\0\0\0", 4);
}

static void bytes_are_in_place(void **state)
{
	(void)state;
	struct ct_cursor cur = ct_cursor_init(bytes, sizeof(bytes), "bytes");
	assert_true(ct_cursor_skip(&cur, 5));
	assert_ptr_equal(ct_cursor_bytes(&cur, 10), bytes + 5);
	assert_false(cur.failed);
	/* Nothing is left, and nothing may be asked for. */
	assert_ptr_equal(ct_cursor_bytes(&cur, 0), bytes + sizeof(bytes));
	assert_false(cur.failed);
}

static void huge_size_does_not_wrap(void **state)
{
	(void)state;
	struct ct_cursor cur = ct_cursor_init(bytes, sizeof(bytes), "bytes");
	ct_cursor_u8(&cur);
	assert_false(ct_cursor_skip(&cur, SIZE_MAX));
	assert_true(cur.failed);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(numbers_are_little_endian),
	cmocka_unit_test(number_cut_short_is_zero_and_fails),
	cmocka_unit_test(everything_after_a_failure_is_zero),
	cmocka_unit_test(failed_copy_is_zeroed),
	cmocka_unit_test(bytes_are_in_place),
	cmocka_unit_test(huge_size_does_not_wrap),
};

UNIT_TEST_MAIN(tests)
