/* SPDX-License-Identifier: MIT */
/* A shared library with a constructor and a destructor. */
#include "guest.h"

static volatile int sum;
void library_function(void);

static NOINLINE void library_leaf(void)
{
	sum++;
}

__attribute__((constructor)) static void library_constructor(void)
{
	library_leaf();
}

__attribute__((destructor)) static void library_destructor(void)
{
	library_leaf();
}

NOINLINE void library_function(void)
{
	library_leaf();
}
