/* SPDX-License-Identifier: MIT */
/*
 * Loads the plug-ins argv[1..] one after the other, calls each one's run(), and
 * unloads it: the next lands at the same address. Prints whether it did.
 */
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>

#include "guest.h"

static NOINLINE int use(const char *path, unsigned long *base)
{
	void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	void (*run)(void);

	if (!plugin) {
		puts(dlerror());
		return 1;
	}
	*base = ((struct link_map *)plugin)->l_addr;
	*(void **)&run = dlsym(plugin, "run");
	run();
	return dlclose(plugin);
}

int main(int argc, char **argv)
{
	unsigned long base = 0, last = 0;
	int same = 0;

	for (int i = 1; i < argc; i++) {
		if (use(argv[i], &base))
			return 1;
		same += base == last;
		last = base;
	}
	printf("same base: %d\n", same);
	return 0;
}
