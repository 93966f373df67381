/* SPDX-License-Identifier: MIT */
/* At -O2 Clang instruments the C library's inline functions: the hook's function is libc's atoi. */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	printf("%d\n", argc + atoi(argv[0]));
	return 0;
}
