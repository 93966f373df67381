/* SPDX-License-Identifier: MIT */
/* Loads the plug-ins argv[1..], calls each one's run() and unloads it, several times over. */
#include "values_account.h"

#include <dlfcn.h>

static NOINLINE double uses(const char *path, int n, const char *text)
{
	int call = account_enter("uses", "'n':%d,'text':'%s'", n, text);
	void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	double (*run)(int, const char *);

	if (!plugin)
		_exit(95);
	*(void **)&run = dlsym(plugin, "run");
	double result = run(n, text);
	if (dlclose(plugin))
		_exit(94);
	return RESULT(call, "%.17g", result);
}

int main(int argc, char **argv)
{
	double total = 0;

	account_begin(0);
	int call = account_enter("main", "'argc':%d", argc);

	for (int round = 0; round < 4; round++) {
		for (int i = 1; i < argc; i++)
			total += uses(argv[i], round * 10 + i,
				      i % 2 ? "an odd one" : "an even one");
	}
	printf("%g\n", total);
	return RESULT(call, "%d", argc);
}
