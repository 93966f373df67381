/* SPDX-License-Identifier: MIT */
/* The histogram's error, and what it says of few, many, equal and huge durations. */
#include "unit_test.h"

#include <stdlib.h>

#include "export/statistics.h"

static void add_all(struct ct_statistic *statistic, const uint64_t *durations, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_true(ct_statistic_add(statistic, durations[i]));
}

static int compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
	return left < right ? -1 : left > right;
}

static void percentiles_are_within_one_percent(void **state)
{
	(void)state;
	enum { COUNT = 20000 };
	static uint64_t durations[COUNT];
	uint64_t random = 42;
	for (int i = 0; i < COUNT; i++) {
		random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		durations[i] = random >> (1 + (random >> 20) % 62); /* of every size */
	}
	struct ct_statistic statistic = {0};
	add_all(&statistic, durations, COUNT);
	qsort(durations, COUNT, sizeof(*durations), compare);
	for (unsigned int percent = 1; percent <= 100; percent++) {
		uint64_t exact = durations[(size_t)COUNT * percent / 100 - 1];
		uint64_t said = ct_statistic_percentile(&statistic, percent);
		uint64_t error = said > exact ? said - exact : exact - said;
		assert_true(error <= exact / 128 + 1);
	}
	assert_int_equal(statistic.min_ns, durations[0]);
	assert_int_equal(statistic.max_ns, durations[COUNT - 1]);
	ct_statistic_deinit(&statistic);
}

static void few_calls_give_their_own_durations(void **state)
{
	(void)state;
	static const uint64_t durations[] = {1000003, 17, 999};
	struct ct_statistic statistic = {0};
	add_all(&statistic, durations, 1);
	assert_int_equal(ct_statistic_percentile(&statistic, 50), 1000003);
	assert_int_equal(ct_statistic_percentile(&statistic, 99), 1000003);
	add_all(&statistic, durations + 1, 2);
	assert_int_equal(ct_statistic_percentile(&statistic, 1), 17);
	assert_int_equal(ct_statistic_percentile(&statistic, 99), 1000003);
	assert_int_equal(statistic.sum_ns, 1001019);
	ct_statistic_deinit(&statistic);
}

static void no_calls_give_zero(void **state)
{
	(void)state;
	struct ct_statistic statistic = {0};
	assert_int_equal(ct_statistic_percentile(&statistic, 50), 0);
	ct_statistic_deinit(&statistic);
}

static void the_ends_of_the_range_have_buckets(void **state)
{
	(void)state;
	static const uint64_t durations[] = {0, UINT64_MAX};
	struct ct_statistic statistic = {0};
	add_all(&statistic, durations, 2);
	assert_int_equal(ct_statistic_percentile(&statistic, 50), 0);
	assert_true(ct_statistic_percentile(&statistic, 100) == UINT64_MAX);
	assert_int_equal(statistic.min_ns, 0);
	assert_true(statistic.max_ns == UINT64_MAX);
	ct_statistic_deinit(&statistic);
}

static void minimum_ignores_unfinished_calls(void **state)
{
	(void)state;
	struct ct_statistic statistic = {.calls = 2, .unfinished = 2};
	assert_true(ct_statistic_add(&statistic, 70));
	assert_int_equal(statistic.min_ns, 70);
	assert_int_equal(statistic.calls, 3);
	ct_statistic_deinit(&statistic);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(percentiles_are_within_one_percent),
	cmocka_unit_test(few_calls_give_their_own_durations),
	cmocka_unit_test(no_calls_give_zero),
	cmocka_unit_test(the_ends_of_the_range_have_buckets),
	cmocka_unit_test(minimum_ignores_unfinished_calls),
};

UNIT_TEST_MAIN(tests)
