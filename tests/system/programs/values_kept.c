/* SPDX-License-Identifier: MIT */
/* Inlined functions: what is passed is kept on all ways, or changed on one of them. */
#include "guest.h"

static volatile int sink;

static NOINLINE int add(int n)
{
	sink += n;
	return sink;
}

static inline int kept(const int *row, int count, int limit)
{
	int sum = 0;
	for (int i = 0; i < count; i++) {
		if (row[i] > limit)
			sum += add(row[i]);
		else
			sum += add(limit);
	}
	return sum + limit;
}

static inline int changed(int count, int limit)
{
	int sum = 0;
	while (count > 0) {
		sum += add(limit);
		count -= 2;
	}
	return sum + count;
}

static NOINLINE int outer(const int *row, int a, int b)
{
	return kept(row, a, b) + changed(a, b) + add(a + b);
}

int main(int argc, char **argv)
{
	static const int row[] = {1, 5, 9};
	(void)argv;
	outer(row, argc + 2, 4 * argc);
	return 0;
}
