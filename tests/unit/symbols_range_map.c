/* SPDX-License-Identifier: MIT */
/* Overlapping ranges made disjoint, compared with a search through all of them. */
#include "unit_test.h"

#include "symbols/range_map.h"

#define NONE UINT32_MAX

static uint32_t find(const struct ct_range_map *map, uint64_t address)
{
	const struct ct_range *range = ct_range_map_find(map, address);
	if (!range)
		return NONE;
	assert_true(range->low <= address && address < range->high);
	return range->value;
}

static void empty_map_finds_nothing(void **state)
{
	(void)state;
	struct ct_range_map map = {0};
	assert_true(ct_range_map_seal(&map));
	assert_int_equal(find(&map, 0), NONE);
	ct_range_map_deinit(&map);
}

static void empty_and_reversed_ranges_are_ignored(void **state)
{
	(void)state;
	struct ct_range_map map = {0};
	assert_true(ct_range_map_add(&map, 5, 5, 1, 0));
	assert_true(ct_range_map_add(&map, 9, 3, 2, 0));
	assert_true(ct_range_map_seal(&map));
	assert_int_equal(find(&map, 5), NONE);
	ct_range_map_deinit(&map);
}

static void ends_of_the_address_space_work(void **state)
{
	(void)state;
	struct ct_range_map map = {0};
	assert_true(ct_range_map_add(&map, 0, UINT64_MAX, 1, 0));
	assert_true(ct_range_map_add(&map, UINT64_MAX - 1, UINT64_MAX, 2, 0));
	assert_true(ct_range_map_seal(&map));
	assert_int_equal(find(&map, 0), 1);
	assert_int_equal(find(&map, UINT64_MAX - 2), 1);
	assert_int_equal(find(&map, UINT64_MAX - 1), 2);
	assert_int_equal(find(&map, UINT64_MAX), NONE);
	ct_range_map_deinit(&map);
}

static void later_start_then_smaller_rank_then_smaller_value_wins(void **state)
{
	(void)state;
	struct ct_range_map map = {0};
	assert_true(ct_range_map_add(&map, 10, 90, 1, 0));
	assert_true(ct_range_map_add(&map, 20, 60, 2, 5));
	assert_true(ct_range_map_add(&map, 20, 40, 3, 4));
	assert_true(ct_range_map_add(&map, 20, 30, 5, 4));
	assert_true(ct_range_map_add(&map, 50, 100, 6, 9));
	assert_true(ct_range_map_seal(&map));
	static const uint32_t expected[] = {NONE, 1, 3, 3, 2, 6, 6, 6, 6, 6, NONE};
	for (uint64_t i = 0; i <= 10; i++)
		assert_int_equal(find(&map, 10 * i + 5), expected[i]);
	ct_range_map_deinit(&map);
}

/* What the header promises, said another way. */
static uint32_t search_all(const struct ct_range *ranges, size_t count, uint64_t address)
{
	const struct ct_range *best = NULL;
	for (size_t i = 0; i < count; i++) {
		const struct ct_range *range = &ranges[i];
		if (address < range->low || address >= range->high)
			continue;
		if (!best || range->low > best->low ||
		    (range->low == best->low &&
		     (range->rank < best->rank ||
		      (range->rank == best->rank && range->value < best->value))))
			best = range;
	}
	return best ? best->value : NONE;
}

static void any_overlap_gives_what_a_full_search_gives(void **state)
{
	(void)state;
	uint32_t random = 12345;
	for (int round = 0; round < 500; round++) {
		enum { RANGES = 40, ADDRESSES = 64 };
		struct ct_range_map map = {0};
		struct ct_range ranges[RANGES];
		for (uint32_t i = 0; i < RANGES; i++) {
			random = random * 1664525 + 1013904223;
			uint64_t low = random >> 8 & 63;
			uint64_t high = low + (random >> 14 & 31);
			ranges[i] = (struct ct_range){low, high, i, random >> 30};
			assert_true(ct_range_map_add(&map, low, high, i, random >> 30));
		}
		assert_true(ct_range_map_seal(&map));
		for (size_t i = 1; i < map.count; i++)
			assert_true(map.ranges[i - 1].high <= map.ranges[i].low);
		for (uint64_t address = 0; address < ADDRESSES + 40; address++)
			assert_int_equal(find(&map, address), search_all(ranges, RANGES, address));
		ct_range_map_deinit(&map);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(empty_map_finds_nothing),
	cmocka_unit_test(empty_and_reversed_ranges_are_ignored),
	cmocka_unit_test(ends_of_the_address_space_work),
	cmocka_unit_test(later_start_then_smaller_rank_then_smaller_value_wins),
	cmocka_unit_test(any_overlap_gives_what_a_full_search_gives),
};

UNIT_TEST_MAIN(tests)
