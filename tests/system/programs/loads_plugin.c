/* SPDX-License-Identifier: MIT */
/* Loads the plug-in argv[1], calls its plug(), prints the result. Argument 2: a call first. */
#include <dlfcn.h>
#include <stdio.h>

#include "guest.h"

static NOINLINE void leaf(void)
{
	BARRIER();
}

int main(int argc, char **argv)
{
	leaf();
	void *plugin = dlopen(argc > 1 ? argv[1] : "", RTLD_NOW | RTLD_LOCAL);
	if (!plugin) {
		puts(dlerror());
		return 1;
	}
	int (*plug)(void) = (int (*)(void))dlsym(plugin, "plug");
	printf("%d\n", plug());
	return 0;
}
