// SPDX-License-Identifier: MIT
// Static objects: constructed before main, or at first use; destroyed after it.
#include <cstdio>

#include "guest.h"

static volatile int sum;

static NOINLINE void leaf()
{
	sum = sum + 1;
}

struct Global {
	NOINLINE Global()
	{
		leaf();
	}
	NOINLINE ~Global()
	{
		leaf();
	}
};

struct Local {
	NOINLINE Local()
	{
		leaf();
	}
	NOINLINE ~Local()
	{
		leaf();
	}
};

static Global global;

static NOINLINE void use()
{
	static Local local;

	leaf();
}

int main()
{
	use();
	use();
	printf("%d\n", sum);
	return 0;
}
