/* SPDX-License-Identifier: MIT */
/* Leaves its directory, its root or its rights behind; argv[1] says which. */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"

static NOINLINE void leaf(void)
{
	BARRIER();
}

static NOINLINE void many_calls(void)
{
	for (int i = 0; i < 20000; i++)
		leaf();
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	int result = 0;

	many_calls();
	if (strcmp(how, "chdir") == 0)
		result = chdir("/");
	else if (strcmp(how, "chroot") == 0)
		result = chroot(argv[2]) || chdir("/");
	else if (strcmp(how, "setuid") == 0)
		result = setgroups(0, NULL) || setgid(65534) || setuid(65534);
	many_calls();
	printf("%s: %d\n", how, result);
	return 0;
}
