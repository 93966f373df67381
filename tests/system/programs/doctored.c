/* Functions that a doctor is to count: some are instrumented, some are not. */
#include <stdio.h>

static int leaf(int n)
{
	return n + 1;
}

__attribute__((no_instrument_function, noinline)) int quiet(int n)
{
	return n * 2;
}

__attribute__((noinline)) int helper(int n)
{
	return leaf(n);
}

int main(int argc, char **argv)
{
	(void)argv;
	int n = 0;
	for (int i = 0; i < 10; i++)
		n = helper(n) + quiet(argc);
	printf("%d\n", n);
	return 0;
}
