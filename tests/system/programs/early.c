/* SPDX-License-Identifier: MIT */
/* Traced code before and after all constructors and destructors of libraries; see early_library.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "guest.h"

void library_function(void);

static volatile int sum;

static NOINLINE void leaf(void)
{
	sum++;
}

static void before_everything(int argc, char **argv, char **env)
{
	(void)argc;
	(void)argv;
	(void)env;
	leaf();
}

__attribute__((section(".preinit_array"),
	       used)) static void (*preinit)(int, char **, char **) = before_everything;

__attribute__((constructor)) static void program_constructor(void)
{
	leaf();
}

__attribute__((destructor)) static void program_destructor(void)
{
	leaf();
}

int main(void)
{
	library_function();
	printf("%d\n", sum);
	return 0;
}
