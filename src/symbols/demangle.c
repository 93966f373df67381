/* SPDX-License-Identifier: MIT */
/*
 * C++ symbol to source form, by the demangler of GCC's run-time library. It
 * bounds its own recursion and refuses names of more than about 1,000 bytes,
 * but not its output: a name of 300 bytes can unfold to more than the memory
 * of the machine, each substitution doubling the one before.
 */
#include "symbols/symbols.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"

/* The longest names of real programs (template libraries) stay below a tenth of this. */
#define DEMANGLED_MAX_BYTES (256 * 1024)

#ifdef CT_HAVE_DEMANGLE_CALLBACK

#include <setjmp.h>

/* cp-demangle.c of libstdc++. Gives 0 on success; it allocates on the stack only. */
int __gcclibcxx_demangle_callback(const char *name,
				  void (*callback)(const char *text, size_t length, void *arg),
				  void *arg);

struct demangled {
	struct ct_strbuf text;
	jmp_buf too_long;
};

static void collect(const char *text, size_t length, void *arg)
{
	struct demangled *demangled = arg;
	/* The only way to stop it. It holds no resource at this point. */
	if (demangled->text.length + length > DEMANGLED_MAX_BYTES)
		longjmp(demangled->too_long, 1);
	ct_strbuf_add(&demangled->text, text, length);
}

/* A function of its own: what it changes outlives the jump back into it only outside its frame. */
static bool run_demangler(const char *name, struct demangled *demangled)
{
	if (setjmp(demangled->too_long) != 0)
		return false;
	return __gcclibcxx_demangle_callback(name, collect, demangled) == 0;
}

static char *demangle(const char *name)
{
	struct demangled demangled = {0};
	if (run_demangler(name, &demangled) && !demangled.text.failed && demangled.text.length > 0)
		return demangled.text.bytes;
	ct_strbuf_deinit(&demangled.text);
	return NULL;
}

#else

/* The one entry libstdc++.so exports (C++ ABI, 3.4). Its output has no bound. */
char *__cxa_demangle(const char *name, char *buffer, size_t *length, int *status);

static char *demangle(const char *name)
{
	char *text = __cxa_demangle(name, NULL, NULL, NULL);
	if (text && strlen(text) > DEMANGLED_MAX_BYTES) {
		free(text);
		return NULL;
	}
	return text;
}

#endif

char *ct_demangle(const char *linkage_name)
{
	/* Without this test the C function "i" would come out as the type int. */
	if (strncmp(linkage_name, "_Z", 2) != 0)
		return NULL;
	/* A symbol version ("@@CXXABI_1.3") is no part of the mangling: keep it behind. */
	const char *version = strchr(linkage_name, '@');
	if (!version)
		return demangle(linkage_name);

	ct_cleanup(ct_cleanup_free) char *bare = strndup(linkage_name,
							 (size_t)(version - linkage_name));
	ct_cleanup(ct_cleanup_free) char *text = bare ? demangle(bare) : NULL;
	if (!text)
		return NULL;
	struct ct_strbuf joined = {0};
	ct_strbuf_add_string(&joined, text);
	ct_strbuf_add_string(&joined, version);
	if (!joined.failed)
		return joined.bytes;
	ct_strbuf_deinit(&joined);
	return NULL;
}
