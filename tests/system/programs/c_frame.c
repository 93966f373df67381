/* SPDX-License-Identifier: MIT */
/* A C function between C++ ones, compiled with or without -fexceptions. */
#include "guest.h"

static volatile int in_progress;

void c_frame(void (*callback)(void));

static NOINLINE void c_inner(void (*callback)(void))
{
	callback();
	in_progress = 0;
}

NOINLINE void c_frame(void (*callback)(void))
{
	in_progress = 1;
	c_inner(callback);
	in_progress = 0;
}
