/* SPDX-License-Identifier: MIT */
/*
 * Any trace, read by any of the commands with any options: patterns, times,
 * ranges and selections. An input is a line, the command and its options as words,
 * and behind the newline a trace as in packed_trace.h.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_target.h"
#include "packed_trace.h"
#include "use_commands.h"

enum { WORDS_MOST = 12, LINE_MOST = 256 };

/*
 * Commands that can write to files are not for a fuzzer. Nor is the C library's regular
 * expression that repeats a repetition: it takes all memory there is.
 */
static bool may_run(char *const *words, size_t count)
{
	static const char *const names[] = {"report", "tree", "graph", "slow",
					    "replay", "info", "dump"};
	bool is_known = false;
	for (size_t i = 0; count && i < sizeof(names) / sizeof(names[0]); i++)
		is_known |= strcmp(words[0], names[i]) == 0;
	for (size_t i = 1; i < count; i++)
		is_known &= strpbrk(words[i], "{\\") == NULL;
	return is_known;
}

static size_t split(char *line, char **words)
{
	size_t count = 0;
	char *rest;
	for (char *word = strtok_r(line, " ", &rest); word && count < WORDS_MOST;
	     word = strtok_r(NULL, " ", &rest))
		words[count++] = word;
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	char line[LINE_MOST + 1];
	char *words[WORDS_MOST + 2] = {NULL};
	const uint8_t *end = size_bytes ? memchr(bytes, '\n', size_bytes) : NULL;
	size_t length = end ? (size_t)(end - bytes) : 0;
	if (!end || length > LINE_MOST)
		return 0;
	memcpy(line, bytes, length);
	line[length] = '\0';
	size_t count = split(line, words);
	if (!may_run(words, count))
		return 0;
	const char *path = packed_trace_save(end + 1, size_bytes - length - 1);
	words[count] = strdup(path);
	use_command(words);
	free(words[count]);
	return 0;
}
