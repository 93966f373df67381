/* SPDX-License-Identifier: MIT */
/* The library and how it is preloaded: see library.h. */
#include "cli/library.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

char *ct_library_find(void)
{
	static const char *const places[] = {"", "../lib", CT_LIBRARY_PLACE, "../../lib"};
	char command[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", command, sizeof(command) - 1);
	if (length <= 0)
		return NULL;
	command[length] = '\0';
	*strrchr(command, '/') = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		ct_cleanup(ct_cleanup_free) char *path = NULL;
		if (asprintf(&path, "%s/%s/libcalltrace.so", command, places[i]) < 0)
			return NULL;
		char *found = realpath(path, NULL);
		if (found)
			return found;
	}
	return NULL;
}

struct ct_error *ct_library_preload(const char *library)
{
	const char *old = getenv("LD_PRELOAD");
	ct_cleanup(ct_cleanup_free) char *all = NULL;
	if (strpbrk(library, " :"))
		return ct_error_create(
			"the loader cannot preload '%s': there is a space or a colon "
			"in its name",
			library);
	if (asprintf(&all, "%s%s%s", library, old && *old ? ":" : "", old ? old : "") < 0)
		return ct_error_nomem;
	return setenv("LD_PRELOAD", all, 1) == 0 ? NULL : ct_error_nomem;
}

char *ct_library_output(const char *path, const char *behind)
{
	char *ret = malloc(2 * strlen(path) + strlen(behind) + 1), *at = ret;
	if (!ret)
		return NULL;
	for (; *path; *at++ = *path++)
		if (*path == '%')
			*at++ = '%';
	memcpy(at, behind, strlen(behind) + 1);
	return ret;
}
