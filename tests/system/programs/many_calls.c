/* SPDX-License-Identifier: MIT */
/* argv[1] calls of leaf() from main; says that it did them all. */
#include <stdio.h>
#include <stdlib.h>

#include "guest.h"

static NOINLINE void leaf(void)
{
	BARRIER();
}

int main(int argc, char **argv)
{
	long count = argc > 1 ? strtol(argv[1], NULL, 10) : 1000;

	for (long i = 0; i < count; i++)
		leaf();
	printf("%ld calls\n", count);
	return 9;
}
