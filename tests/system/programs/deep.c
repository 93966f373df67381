/* SPDX-License-Identifier: MIT */
/* Recursion argv[1] deep. */
#include <stdio.h>
#include <stdlib.h>

#include "guest.h"

static NOINLINE long deeper(long n)
{
	if (n <= 1)
		return 1;
	return deeper(n - 1) + 1;
}

int main(int argc, char **argv)
{
	printf("%ld\n", deeper(argc > 1 ? strtol(argv[1], NULL, 10) : 1000));
	return 0;
}
