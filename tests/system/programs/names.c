/* SPDX-License-Identifier: MIT */
/* Functions that the test gives odd names, all of them legal in an ELF file. */
#include <stdio.h>

#include "guest.h"

static volatile int sum;

static NOINLINE void quotes(void)
{
	sum++;
}

static NOINLINE void newline(void)
{
	sum++;
}

static NOINLINE void bad_utf8(void)
{
	sum++;
}

static NOINLINE void good_utf8(void)
{
	sum++;
}

static NOINLINE void control(void)
{
	sum++;
}

static NOINLINE void looks_mangled(void)
{
	sum++;
}

int main(void)
{
	quotes();
	newline();
	bad_utf8();
	good_utf8();
	control();
	looks_mangled();
	printf("%d\n", sum);
	return 0;
}
