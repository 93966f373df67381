// SPDX-License-Identifier: MIT
// At -O2 Clang puts thrower and catcher into one frame; the true parent cannot be told from the
// hooks, but every call must be there.
#include <cstdio>

static volatile int sum;

static void leaf()
{
	sum = sum + 1;
}

static void thrower()
{
	leaf();
	throw 1;
}

static void middle()
{
	thrower();
}

static void catcher()
{
	try {
		middle();
	} catch (int) {
		leaf();
	}
}

int main()
{
	for (int i = 0; i < 10; i++)
		catcher();
	printf("%d\n", sum);
	return 0;
}
