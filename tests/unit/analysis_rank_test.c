/* SPDX-License-Identifier: MIT */
/* The rank sum test against published tables and against counting every case. */
#include "unit_test.h"

#include <math.h>

#include "analysis/rank_test.h"

/* `old_count` and `new_count` values without ties, of which `u` pairs are out of order. */
static double p_of(size_t old_count, size_t new_count, size_t u)
{
	double old_values[16], new_values[16];
	for (size_t i = 0; i < old_count; i++)
		old_values[i] = (double)i;
	for (size_t i = 0; i < new_count; i++)
		new_values[i] = 100 + (double)i;
	/* Each old value may stand above up to `new_count` of the new ones. */
	for (size_t i = old_count; i-- > 0 && u > 0;) {
		size_t above = u < new_count ? u : new_count;
		old_values[i] = 99.5 + (double)above - 0.01 * (double)(old_count - i);
		u -= above;
	}
	return ct_rank_test(old_values, old_count, new_values, new_count).p;
}

static void assert_near(double expected, double actual, double tolerance)
{
	if (!(fabs(expected - actual) <= tolerance))
		fail_msg("%.10g is not %.10g", actual, expected);
}

/* Mann and Whitney (1947), table I: the probability of a U so small, one-sided, three digits. */
static void exact_probabilities_are_those_of_the_published_table(void **state)
{
	static const struct {
		size_t old_count, new_count, u;
		double one_sided;
	} rows[] = {
		{3, 3, 0, .050}, {3, 3, 1, .100}, {4, 4, 0, .014}, {4, 4, 1, .029},
		{4, 4, 4, .171}, {5, 5, 0, .004}, {5, 5, 2, .016}, {5, 5, 4, .048},
		{3, 5, 1, .036}, {2, 6, 0, .036}, {6, 6, 5, .021}, {8, 8, 13, .025},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_near(2 * rows[i].one_sided,
			    p_of(rows[i].old_count, rows[i].new_count, rows[i].u), 0.00101);
	assert_near(2.0 / 252, p_of(5, 5, 0), 1e-12);
	assert_near(0.1, p_of(3, 3, 0), 1e-12);
}

/* Every choice of `count / 2` of the values, counted one by one. */
static double p_by_counting(const double *values, unsigned int count)
{
	unsigned int half = count / 2, all = 0, as_far = 0;
	double observed = 0;
	for (unsigned int pass = 0; pass < 2; pass++) {
		for (unsigned int choice = 0; choice < 1u << count; choice++) {
			double u = 0;
			if ((unsigned int)__builtin_popcount(choice) != half)
				continue;
			for (unsigned int i = 0; i < count; i++)
				for (unsigned int j = 0; j < count; j++)
					if (choice >> i & 1 && !(choice >> j & 1))
						u += values[i] > values[j]    ? 1
						     : values[i] == values[j] ? 0.5
									      : 0;
			double distance = fabs(u - half * (count - half) / 2.0);
			if (pass == 0 && choice == (1u << half) - 1)
				observed = distance;
			all += pass;
			as_far += pass && distance >= observed;
		}
	}
	return (double)as_far / all;
}

static void ties_are_counted_exactly(void **state)
{
	static const double values[][10] = {
		{1, 1, 2, 2, 3, 3, 3, 4, 4, 5},
		{1, 1, 1, 1, 1, 1, 1, 1, 1, 2},
		{7, 7, 7, 7, 7, 7, 7, 7, 7, 7},
		{1, 2, 2, 3, 9, 2, 2, 9, 9, 10},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		assert_near(p_by_counting(values[i], 10),
			    ct_rank_test(values[i], 5, values[i] + 5, 5).p, 1e-12);
}

static void both_directions_count_alike(void **state)
{
	static const double low[] = {1, 2, 3, 4, 5.5}, high[] = {5, 6, 7, 8};
	(void)state;
	assert_near(ct_rank_test(low, 5, high, 4).p, ct_rank_test(high, 4, low, 5).p, 1e-12);
	assert_near(19.0 / 20, ct_rank_test(low, 5, high, 4).more, 1e-12);
	assert_near(1.0 / 20, ct_rank_test(high, 4, low, 5).more, 1e-12);
}

/* Where both can be had, they are close. */
static void approximation_meets_the_exact_test(void **state)
{
	double old_values[13], new_values[13];
	(void)state;
	for (size_t i = 0; i < 13; i++) {
		old_values[i] = (double)(3 * i);
		new_values[i] = (double)(3 * i) + 7.5;
	}
	double exact = ct_rank_test(old_values, 12, new_values, 12).p;
	double approximate = ct_rank_test(old_values, 13, new_values, 12).p;
	assert_true(exact > 0.05 && exact < 0.5);
	assert_near(exact, approximate, 0.1);
}

/* U = 23 of 10 and 10, with five equal values and four. */
static void histograms_use_the_normal_approximation(void **state)
{
	struct ct_statistic old_times = {0}, new_times = {0};
	static const unsigned int places[] = {2, 2, 2, 2, 3, 3, 3, 3, 2, 1};
	unsigned int sum = 0;
	(void)state;
	for (unsigned int i = 0; i < 10; i++) {
		sum += places[i];
		assert_true(ct_statistic_add(&new_times, 2 * i + 20));
		assert_true(ct_statistic_add(&old_times, 2 * places[i] + 19));
	}
	/* Each old one is above `places` new ones, none is equal to one; some old ones are. */
	assert_int_equal(sum, 23);
	double ties = (5 * 5 * 5 - 5) + (4 * 4 * 4 - 4);
	double variance = 100.0 / 12 * (21 - ties / (20 * 19));
	assert_near(erfc(26.5 / sqrt(2 * variance)),
		    ct_rank_test_histograms(&old_times, &new_times).p, 1e-12);
	assert_near(1, ct_rank_test_histograms(&old_times, &old_times).p, 1e-12);
	assert_near(0.77, ct_rank_test_histograms(&old_times, &new_times).more, 1e-12);
	ct_statistic_deinit(&old_times);
	ct_statistic_deinit(&new_times);
}

static void the_least_probability_is_that_of_full_separation(void **state)
{
	(void)state;
	assert_near(p_of(4, 4, 0), ct_rank_test_least(4, 4), 1e-12);
	assert_near(p_of(5, 7, 0), ct_rank_test_least(5, 7), 1e-12);
	assert_near(1, ct_rank_test_least(1, 1), 1e-12);
}

/* The example of Benjamini and Hochberg (1995): four of fifteen at 5 %. */
static void discoveries_are_those_of_the_published_example(void **state)
{
	static const double published[] = {0.6528, 0.0001, 0.0004, 0.0019, 0.0095,
					   0.0201, 0.0278, 0.0298, 0.0344, 0.0459,
					   0.3240, 0.4262, 0.5719, 0.7590, 1.000};
	double p[15];
	unsigned int discoveries = 0;
	(void)state;
	memcpy(p, published, sizeof(p));
	assert_true(ct_adjust_discoveries(p, 15));
	for (size_t i = 0; i < 15; i++)
		discoveries += p[i] < 0.05;
	assert_int_equal(discoveries, 4);
	assert_near(0.0015, p[1], 1e-12);
	assert_near(0.0095 * 15 / 4, p[4], 1e-12);
	/* 0.0201 * 15 / 5 is 0.0603; 0.0298 * 15 / 7 is 0.0639, 0.0278 * 15 / 6 0.0695. */
	assert_near(0.0603, p[5], 1e-12);
	assert_near(0.0298 * 15 / 7, p[6], 1e-4);
	assert_near(1, p[14], 1e-12);
}

static void nothing_to_compare_is_no_difference(void **state)
{
	const double value = 1;
	struct ct_statistic none = {0};
	(void)state;
	assert_near(1, ct_rank_test(&value, 1, &value, 0).p, 0);
	assert_near(1, ct_rank_test_histograms(&none, &none).p, 0);
	assert_true(ct_adjust_discoveries(NULL, 0));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(exact_probabilities_are_those_of_the_published_table),
	cmocka_unit_test(ties_are_counted_exactly),
	cmocka_unit_test(both_directions_count_alike),
	cmocka_unit_test(approximation_meets_the_exact_test),
	cmocka_unit_test(histograms_use_the_normal_approximation),
	cmocka_unit_test(the_least_probability_is_that_of_full_separation),
	cmocka_unit_test(discoveries_are_those_of_the_published_example),
	cmocka_unit_test(nothing_to_compare_is_no_difference),
};
UNIT_TEST_MAIN(tests)
