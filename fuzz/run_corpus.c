/* SPDX-License-Identifier: MIT */
/*
 * main() for a fuzz target without libFuzzer: run it over each file named on
 * the command line, and each file in each directory named there. What a fuzzer
 * once found stays in the corpus, and so stays found in every build.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "fuzz_target.h"

static unsigned int run_count;

static void die(const char *path)
{
	perror(path);
	exit(2);
}

static void run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct stat status;
	if (!file || fstat(fileno(file), &status) != 0)
		die(path);
	/* Exactly as large as the input: a sanitizer sees the first byte read past it. */
	size_t size_bytes = (size_t)status.st_size;
	ct_cleanup(ct_cleanup_free) uint8_t *bytes = malloc(size_bytes ? size_bytes : 1);
	if (!bytes || fread(bytes, 1, size_bytes, file) != size_bytes)
		die(path);
	fclose(file);
	LLVMFuzzerTestOneInput(bytes, size_bytes);
	run_count++;
}

static void run_directory(const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort);
	if (count < 0)
		die(path);
	for (int i = 0; i < count; i++) {
		char *file = NULL;
		if (entries[i]->d_name[0] != '.') {
			if (asprintf(&file, "%s/%s", path, entries[i]->d_name) < 0)
				die(path);
			run_file(file);
			free(file);
		}
		free(entries[i]);
	}
	free(entries);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct stat status;
		if (stat(argv[i], &status) != 0)
			die(argv[i]);
		if (S_ISDIR(status.st_mode))
			run_directory(argv[i]);
		else
			run_file(argv[i]);
	}
	printf("%u inputs\n", run_count);
	/* An empty corpus would be a test that cannot fail. */
	return run_count > 0 ? 0 : 1;
}
