/* SPDX-License-Identifier: MIT */
/*
 * damage [--places N] TRACE...: what the commands do with damaged traces. Each
 * trace is cut at N places, and has a bit turned over at N others, and each time
 * every command that reads traces must end as it should (fuzz/use_commands.h), soon
 * and in little memory, and what is packed must come back as it was. A bit of a block
 * with a sum must be told. A build with sanitizers sees the rest. Places are among the
 * bytes that are not zero, and those around; with an N that is large enough, all.
 */
#include <err.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "exporter/exporter.h"
#include "format/file.h"
#include "use_commands.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { IS_SANITIZED = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { IS_SANITIZED = 1 };
#else
enum { IS_SANITIZED = 0 };
#endif
#else
enum { IS_SANITIZED = 0 };
#endif

enum {
	FILE_BYTES_MOST = 1 << 24,
	PLACES = IS_SANITIZED ? 4 : 16, /* of each kind in each trace, without --all */
	SECONDS_MOST = IS_SANITIZED ? 60 : 20,
	MEMORY_MOST_KIB = IS_SANITIZED ? 1 << 20 : 96 << 10,
};

static unsigned char bytes[FILE_BYTES_MOST];
static size_t size_bytes;
static char path[] = "t.ctrace"; /* in the folder we are in */
static char whole[] = "whole.ctrace";
static int file = -1;

/* What is being done, for who finds the process dead. */
static struct {
	char trace[256];
	char damage[64];
	char command[256];
	unsigned long runs;
} * doing;

static char *const commands[][8] = {
	{"report", path},
	{"report", "--json", "--by", "thread", path},
	{"report", "--callers", "*", path},
	{"tree", path},
	{"tree", "--json", "--time", "1us..", path},
	{"graph", "*", path},
	{"slow", path},
	{"slow", "--json", "--min-duration", "1ns", path},
	{"replay", path},
	{"replay", "--json", "--max-depth", "3", path},
	{"info", path},
	{"info", "--json", path},
	{"dump", path},
	{"json", "-o", "-", path},
	{"recover", "-o", "recovered.json", path},
	{"diff", path, whole},
	{"diff", "--json", "--test", "calls", whole, path},
	{"check", "rules.toml", path},
	{"merge", "-q", "-o", "merged.ctpack", path, whole},
	{"report", "merged.ctpack"},
};

static const char rules[] = "[[rule]]\nfunction = \"*\"\nmin_calls = 1\nmax_p99 = \"1us\"\n"
			    "max_slowdown = \"10%\"\nbaseline = \"whole.ctrace\"\n";

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void put_file(const void *content, size_t length)
{
	if (ftruncate(file, 0) < 0 || pwrite(file, content, length, 0) != (ssize_t)length)
		err(1, "writing the trace");
}

static int use(char *const *words)
{
	doing->command[0] = '\0';
	for (size_t i = 0; words[i]; i++) {
		size_t length = strlen(doing->command);
		snprintf(doing->command + length, sizeof(doing->command) - length, " %s", words[i]);
	}
	uint64_t begin_ms = now_ms();
	int status = use_command(words);
	/* With these two it is a failure, too. */
	if (status == 2 && strcmp(words[0], "check") != 0 && strcmp(words[0], "diff") != 0)
		errx(1, "does not know its own options");
	if (now_ms() - begin_ms > SECONDS_MOST * 1000ULL)
		errx(1, "took %llu ms", (unsigned long long)(now_ms() - begin_ms));
	doing->runs++;
	return status;
}

static int remove_one(const char *name, const struct stat *status, int type, struct FTW *at)
{
	(void)status, (void)type, (void)at;
	return remove(name);
}

static void remove_all(const char *name)
{
	if (nftw(name, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
		err(1, "removing '%s'", name);
}

static void use_exporters(void)
{
	static char folder[] = "exported";
	for (size_t i = 0; ct_exporter_at(i); i++) {
		const struct ct_exporter *exporter = ct_exporter_at(i);
		char *const words[] = {"export", "-q",
				       "-F",	 (char *)exporter->name,
				       "-o",	 exporter->is_folder ? folder : "-",
				       path,	 NULL};
		use(words);
		if (access(folder, F_OK) == 0)
			remove_all(folder);
	}
}

static void check_same(const char *name)
{
	static unsigned char other[FILE_BYTES_MOST], now[FILE_BYTES_MOST];
	int back = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t length = back < 0 ? -1 : read(back, other, sizeof(other));
	close(back);
	if (length < 0 || length != pread(file, now, sizeof(now), 0) ||
	    memcmp(now, other, (size_t)length) != 0)
		errx(1, "does not give back what was packed");
}

static void use_packed(void)
{
	static char packed[] = "t.ctpack", back[] = "back";
	char *const pack[] = {"pack", "-q", "-o", packed, path, NULL};
	char *const report[] = {"report", packed, NULL};
	char *const replay[] = {"replay", packed, NULL};
	char *const unpack[] = {"unpack", "-q", "--force", "-o", back, packed, NULL};
	if (use(pack) == 1)
		return;
	use(report);
	use(replay);
	if (use(unpack) == 1)
		errx(1, "does not unpack what was packed");
	check_same("back/t.ctrace");
}

/* Is it told that something is wrong? */
static bool is_told(void)
{
	char *const words[] = {"info", path, NULL};
	return use(words) != 0;
}

static void use_all(void)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		use(commands[i]);
	use_exporters();
	use_packed();
}

/* ---- where ---- */

/* A place worth it: content, or next to some. */
static bool is_interesting(size_t at)
{
	for (size_t i = at > 2 ? at - 2 : 0; i <= at + 2 && i < size_bytes; i++)
		if (bytes[i])
			return true;
	return false;
}

/* Every so manieth of the interesting places is damaged, so that there are about `places`. */
static size_t step_of(size_t places)
{
	size_t count = 0;
	for (size_t at = 0; at < size_bytes; at++)
		count += is_interesting(at);
	return count < places ? 1 : count / places;
}

static void cut(size_t step)
{
	size_t number = 0;
	for (size_t at = 0; at < size_bytes; at++) {
		if (!is_interesting(at) || number++ % step)
			continue;
		snprintf(doing->damage, sizeof(doing->damage), "cut to %zu bytes", at);
		put_file(bytes, at);
		use_all();
	}
}

/* Does a sum tell a change of this byte? */
static bool is_covered(size_t at)
{
	struct ct_block_header header;
	size_t begin = at / CT_BLOCK_BYTES * CT_BLOCK_BYTES;
	if (size_bytes - begin < sizeof(header))
		return false;
	memcpy(&header, bytes + begin, sizeof(header));
	size_t used = header.used_bytes ? header.used_bytes
		      : header.sum	? CT_BLOCK_BYTES - CT_BLOCK_HEADER_BYTES
					: 0;
	return header.head_sum && at - begin < CT_BLOCK_HEADER_BYTES + used;
}

static void flip(size_t step)
{
	size_t number = step / 2;
	unsigned int seed = 1;
	put_file(bytes, size_bytes);
	for (size_t at = 0; at < size_bytes; at++) {
		if (!is_interesting(at) || number++ % step)
			continue;
		int bit = rand_r(&seed) % 8;
		unsigned char byte = bytes[at] ^ (unsigned char)(1 << bit);
		snprintf(doing->damage, sizeof(doing->damage), "bit %d of byte %zu turned over",
			 bit, at);
		if (pwrite(file, &byte, 1, (off_t)at) != 1)
			err(1, "writing the trace");
		use_all();
		if (is_covered(at) && !is_told())
			errx(1, "does not tell it");
		if (pwrite(file, &bytes[at], 1, (off_t)at) != 1)
			err(1, "writing the trace");
	}
}

/* ---- the process that does it ---- */

static void read_trace(const char *name)
{
	int from = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t length = from < 0 ? -1 : read(from, bytes, sizeof(bytes));
	if (length <= 0)
		err(1, "%s", name);
	close(from);
	size_bytes = (size_t)length;
}

static int make_file(const char *name, const void *content, size_t length)
{
	int made = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (made < 0 || write(made, content, length) != (ssize_t)length)
		err(1, "writing '%s'", name);
	return made;
}

/* In a folder of its own, which is the current one. */
static int damage(size_t places)
{
	close(make_file(whole, bytes, size_bytes));
	close(make_file("rules.toml", rules, sizeof(rules) - 1));
	file = make_file(path, bytes, size_bytes);
	size_t step = step_of(places);
	snprintf(doing->damage, sizeof(doing->damage), "whole");
	put_file(bytes, size_bytes);
	use_all();
	cut(step);
	flip(step);
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	snprintf(doing->damage, sizeof(doing->damage), "any");
	snprintf(doing->command, sizeof(doing->command), " (all)");
	if (usage.ru_maxrss > MEMORY_MOST_KIB)
		errx(1, "took %ld KiB of memory", usage.ru_maxrss);
	return 0;
}

static bool succeeds(const char *name, size_t places)
{
	const char *slash = strrchr(name, '/');
	snprintf(doing->trace, sizeof(doing->trace), "%s", slash ? slash + 1 : name);
	fflush(stdout);
	char folder[] = "/tmp/ct-damage-XXXXXX";
	read_trace(name);
	if (!mkdtemp(folder))
		err(1, "%s", folder);
	pid_t child = fork();
	int status;
	if (child < 0)
		err(1, "fork");
	if (child == 0)
		exit(chdir(folder) ? 1 : damage(places));
	while (waitpid(child, &status, 0) < 0)
		;
	remove_all(folder);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	printf("FAILED %s, %s: calltrace%s: %s %d\n", doing->trace, doing->damage, doing->command,
	       WIFSIGNALED(status) ? "signal" : "exit status",
	       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return false;
}

int main(int argc, char **argv)
{
	bool has_places = argc > 2 && strcmp(argv[1], "--places") == 0;
	size_t places = has_places ? strtoul(argv[2], NULL, 10) : PLACES;
	int failed = 0, passed = 0;
	doing = mmap(NULL, sizeof(*doing), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (doing == MAP_FAILED)
		err(1, "memory");
	for (int i = has_places ? 3 : 1; i < argc; i++) {
		if (succeeds(argv[i], places))
			passed++;
		else
			failed++;
	}
	printf("%lu commands run\n%d passed, %d failed\n", doing->runs, passed, failed);
	return failed || !passed;
}
