/* SPDX-License-Identifier: MIT */
/*
 * The functions of libc and the unwinder that this library stands in front of.
 * dlsym() takes the loader's lock, so what is known from the start is looked
 * up at the start; what is loaded later (the unwinder) when it is first used.
 */
#include "runtime/runtime.h"

#include <dlfcn.h>

void *ct_next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}
