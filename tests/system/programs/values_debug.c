/* SPDX-License-Identifier: MIT */
/* A small program for every way in which debug information comes. */
#include "values_account.h"

#include "values_debug.h"

enum color { RED, GREEN = 5, BLUE };

struct point {
	int x, y;
	const char *name;
};

static volatile int sum;

static NOINLINE int sum_of(int a, long b, short c, unsigned char d)
{
	int call = account_enter("sum_of", "'a':%d,'b':%ld,'c':%d,'d':%d", a, b, c, d);
	int result = a + (int)b + c + d;

	sum += result;
	return RESULT(call, "%d", result);
}

static NOINLINE double mean(double x, float y, const char *text)
{
	int call = account_enter("mean", "'x':%.17g,'y':%.9g,'text':'%s'", x, (double)y, text);
	double result = (x + (double)y) / 2;

	return RESULT(call, "%.17g", result);
}

static NOINLINE struct point moved(struct point point, const struct point *by, enum color color)
{
	int call = account_enter("moved",
				 "'point':{'x':%d,'y':%d,'name':'%s'},'by':{'x':%d,'y':%d},"
				 "'color':%d",
				 point.x, point.y, point.name, by->x, by->y, color);
	struct point result = {point.x + by->x, point.y + by->y, by->name};

	account_return(call, "{'x':%d,'y':%d,'name':'%s'}", result.x, result.y, result.name);
	return result;
}

static NOINLINE const char *name_of(enum color color)
{
	static const char *const names[] = {"red", "green", "blue"};
	int call = account_enter("name_of", "'color':%d", color);
	const char *result = names[color == RED ? 0 : color - GREEN + 1];

	return RESULT(call, "'%s'", result);
}

int main(int argc, char **argv)
{
	struct point point = {1, 2, "from"}, by = {10, 20, "by"};

	(void)argv;
	account_begin(0);
	int call = account_enter("main", "'argc':%d", argc);
	for (int i = 0; i < 3; i++) {
		point = moved(point, &by, i ? GREEN : RED);
		sum_of(i, 1L << 33, (short)-i, 255);
		mean(i * 0.5, 2.5f, name_of(i ? BLUE : GREEN));
		debug_other(i, "another file", &by.x);
	}
	printf("%d %d %d\n", sum, point.x, point.y);
	return RESULT(call, "%d", argc);
}
