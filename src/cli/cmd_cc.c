/* SPDX-License-Identifier: MIT */
/*
 * calltrace cc, calltrace c++: a compiler that adds what a traced program has to
 * be compiled with, for CC= and CXX=. Nothing of it is left at run time: the
 * compiler takes this process's place.
 */
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Words that make the compiler compile nothing. */
static bool compiles_nothing(const char *word)
{
	static const char *const whole[] = {
		"-E",	     "-M",	     "-MM",	     "--version",
		"--help",    "-dumpversion", "-dumpmachine", "-dumpfullversion",
		"-dumpspecs"};
	static const char *const beginnings[] = {"-print-", "--print-", "--help="};
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		if (strcmp(word, whole[i]) == 0)
			return true;
	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
		if (strncmp(word, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	return false;
}

/* -g, -g3, -ggdb, -gsplit-dwarf: the user has chosen. Others are about its form alone. */
static bool is_about_debug_information(const char *word)
{
	return strncmp(word, "-g", 2) == 0 && strncmp(word, "-gz", 3) != 0 &&
	       strncmp(word, "-gno-", 5) != 0 && strncmp(word, "-grecord-", 9) != 0;
}

static bool is_about_hooks(const char *word)
{
	return strcmp(word, "-finstrument-functions") == 0 ||
	       strcmp(word, "-finstrument-functions-after-inlining") == 0;
}

/* $CALLTRACE_CC may be several words: "ccache gcc". They are split at spaces. */
static int split(char *text, char **ret, int most)
{
	int count = 0;
	for (char *rest, *word = strtok_r(text, " ", &rest); word && count < most;
	     word = strtok_r(NULL, " ", &rest))
		ret[count++] = word;
	return count;
}

static enum ct_exit compile(int argc, char **argv, const char *variable, const char *compiler,
			    struct ct_error **err)
{
	enum { MOST_WORDS = 16, ADDED = 2 };
	const char *chosen = getenv(variable);
	ct_cleanup(ct_cleanup_free) char *text = strdup(chosen && *chosen ? chosen : compiler);
	ct_cleanup(ct_cleanup_free) char **words = calloc((size_t)argc + MOST_WORDS + ADDED + 1,
							  sizeof(*words));
	bool adds_hooks = argc > 1, adds_debug_information = argc > 1;
	if (!text || !words) {
		*err = ct_error_nomem;
		return CT_EXIT_FAILURE;
	}
	int count = split(text, words, MOST_WORDS);
	for (int i = 1; i < argc; i++) {
		if (compiles_nothing(argv[i]))
			adds_hooks = adds_debug_information = false;
		if (is_about_hooks(argv[i]))
			adds_hooks = false;
		if (is_about_debug_information(argv[i]))
			adds_debug_information = false;
	}
	/* In front: what the user says later has the last word. */
	if (adds_hooks)
		words[count++] = "-finstrument-functions";
	if (adds_debug_information)
		words[count++] = "-g";
	for (int i = 1; i < argc; i++)
		words[count++] = argv[i];
	if (count == 0 || !words[0]) {
		*err = ct_error_create("%s: %s names no compiler", argv[0], variable);
		return CT_EXIT_FAILURE;
	}
	execvp(words[0], words);
	*err = ct_error_errno(errno, "%s: cannot run the compiler '%s'; %s names another", argv[0],
			      words[0], variable);
	return (enum ct_exit)(errno == ENOENT ? 127 : 126);
}

static enum ct_exit run_c(int argc, char **argv, struct ct_error **err)
{
	return compile(argc, argv, "CALLTRACE_CC", "cc", err);
}

static enum ct_exit run_cxx(int argc, char **argv, struct ct_error **err)
{
	return compile(argc, argv, "CALLTRACE_CXX", "c++", err);
}

const struct ct_command ct_command_cc = {
	.name = "cc",
	.run = run_c,
	.owns_signals = true,
	.summary = "a C compiler that makes programs whose calls can be recorded",
	.synopsis = "[COMPILER'S ARGUMENT]...",
	.description =
		"Runs the C compiler cc, or what CALLTRACE_CC names, with -finstrument-functions "
		"and, unless an option about debug information is given, -g in front of the "
		"arguments. For builds: make CC=\"calltrace cc\". Where a single word is wanted, "
		"calltrace-cc is the same.",
};

const struct ct_command ct_command_cxx = {
	.name = "c++",
	.run = run_cxx,
	.owns_signals = true,
	.summary = "the same for C++",
	.synopsis = "[COMPILER'S ARGUMENT]...",
	.description =
		"Runs the C++ compiler c++, or what CALLTRACE_CXX names, as 'calltrace cc' runs the "
		"C compiler. For builds: make CXX=\"calltrace c++\". Where a single word is wanted, "
		"calltrace-c++ is the same. With Clang and libstdc++ a program may not link; add "
		"-finstrument-functions-after-inlining then, which takes the other option's place.",
};
