/* SPDX-License-Identifier: MIT */
/* Plan files that are kept: found again, shared, limited in number, and hostile ones refused. */
#include "unit_test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "format/planner_identity.h"
#include "plan/cache.h"
#include "plan/plan_file.h"
#include "symbols_elf_builder.h"

enum { FILES_MAX = 256 }; /* as cache.c has it */

struct fixture {
	char home[64];
	char folder[128];
	struct ct_elf_file *file;
	struct ct_plan_settings settings;
	struct ct_plan_cache cache;
};

static struct ct_elf_file *make_module(void)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf bytes = {0};
	struct elf_builder builder;
	struct ct_elf_file *file;
	int fd;
	char path[64];
	elf_builder_init(&builder);
	elf_builder_build_id(&builder, "0123456789abcdefghij", 20);
	elf_builder_finish(&builder, &bytes);
	elf_builder_deinit(&builder);
	elf_builder_file(bytes.bytes, bytes.length, &fd, path);
	assert_no_error(ct_elf_file_open(path, &file));
	close(fd);
	return file;
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	assert_non_null(fixture);
	snprintf(fixture->home, sizeof(fixture->home), "/tmp/calltrace-cache-XXXXXX");
	assert_non_null(mkdtemp(fixture->home));
	snprintf(fixture->folder, sizeof(fixture->folder), "%s/calltrace/plans", fixture->home);
	setenv("XDG_CACHE_HOME", fixture->home, 1);
	setenv("HOME", "/nonexistent", 1);
	fixture->file = make_module();
	fixture->settings = (struct ct_plan_settings){.max_string = 64, .max_pointee = 1};
	fixture->cache.lock = -1;
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	char command[128];
	ct_plan_cache_close(&fixture->cache);
	snprintf(command, sizeof(command), "rm -rf '%s'", fixture->home);
	assert_int_equal(system(command), 0);
	ct_elf_file_destroy(fixture->file);
	free(fixture);
	return 0;
}

static bool open_cache(struct fixture *fixture)
{
	ct_plan_cache_close(&fixture->cache);
	return ct_plan_cache_open(&fixture->cache, fixture->file, &fixture->settings);
}

static bool is_there(struct fixture *fixture)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf found = {0};
	ct_strbuf_add(&found, "12345678", 8);
	bool is_read = ct_plan_cache_read(&fixture->cache, fixture->file, &fixture->settings,
					  &found);
	/* What was there before stays, whatever comes. */
	assert_true(found.length == 8 || is_read);
	assert_memory_equal(found.bytes, "12345678", 8);
	return is_read;
}

static void make_plans(const struct fixture *fixture, struct ct_strbuf *ret)
{
	struct ct_plan_writer writer = {0};
	struct ct_plan_header header = {.settings = fixture->settings, .build_id_bytes = 20};
	memcpy(header.build_id, fixture->file->build_id, 20);
	for (uint64_t site = 1; site <= 3; site++)
		ct_plan_writer_add(&writer, site,
				   &(struct ct_plan_content){.head.kind = CT_PLAN_ENTER});
	assert_no_error(ct_plan_writer_finish(&writer, &header, NULL, ret));
	ct_plan_writer_deinit(&writer);
}

static void write_plans(struct fixture *fixture)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf plans = {0};
	make_plans(fixture, &plans);
	ct_plan_cache_write(&fixture->cache, &plans);
}

static size_t count_files(const struct fixture *fixture)
{
	size_t count = 0;
	DIR *folder = opendir(fixture->folder);
	assert_non_null(folder);
	for (struct dirent *entry; (entry = readdir(folder));)
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(folder);
	return count;
}

/* ---- */

static void plans_are_found_again(void **state)
{
	struct fixture *fixture = *state;
	assert_true(open_cache(fixture));
	assert_false(is_there(fixture));
	write_plans(fixture);
	assert_true(is_there(fixture));
	assert_true(open_cache(fixture));
	assert_true(is_there(fixture));
	assert_int_equal(count_files(fixture), 1);
}

static void other_settings_are_another_file(void **state)
{
	struct fixture *fixture = *state;
	assert_true(open_cache(fixture));
	write_plans(fixture);
	fixture->settings.max_string = 65;
	/* Under the name of the first ones, and under its own. */
	assert_false(is_there(fixture));
	assert_true(open_cache(fixture));
	assert_false(is_there(fixture));
	fixture->settings.max_string = 64;
	fixture->settings.filter_hash = 1;
	assert_true(open_cache(fixture));
	assert_false(is_there(fixture));
	fixture->settings.filter_hash = 0;
	assert_true(open_cache(fixture));
	assert_true(is_there(fixture));
}

/* Its plans may be wrong where ours are right. */
static void plans_of_another_planner_are_not_used(void **state)
{
	struct fixture *fixture = *state;
	char other[sizeof(fixture->cache.name)];
	assert_true(open_cache(fixture));
	write_plans(fixture);
	assert_true(is_there(fixture));
	snprintf(other, sizeof(other), "%s", fixture->cache.name);
	char *identity = strstr(other, CT_PLANNER_IDENTITY);
	assert_non_null(identity);
	memcpy(identity, "00000000", 8);
	assert_int_equal(
		renameat(fixture->cache.folder, fixture->cache.name, fixture->cache.folder, other),
		0);
	assert_false(is_there(fixture));
	/* They stay for a while, for the other may be in use, too. */
	write_plans(fixture);
	assert_int_equal(count_files(fixture), 2);
	const struct timespec long_ago[2] = {{.tv_sec = time(NULL) - 8 * 24 * 3600},
					     {.tv_sec = time(NULL) - 8 * 24 * 3600}};
	assert_int_equal(utimensat(fixture->cache.folder, other, long_ago, 0), 0);
	assert_int_equal(utimensat(fixture->cache.folder, fixture->cache.name, long_ago, 0), 0);
	fixture->settings.max_string = 65;
	assert_true(open_cache(fixture));
	write_plans(fixture);
	assert_int_equal(count_files(fixture), 2);
	assert_int_not_equal(faccessat(fixture->cache.folder, other, F_OK, 0), 0);
}

static void without_a_home_there_is_no_cache(void **state)
{
	struct fixture *fixture = *state;
	setenv("XDG_CACHE_HOME", "relative", 1);
	assert_false(open_cache(fixture));
	assert_false(is_there(fixture));
	write_plans(fixture);
	ct_plan_cache_lock(&fixture->cache);
	unsetenv("HOME");
	unsetenv("XDG_CACHE_HOME");
	assert_false(open_cache(fixture));
	setenv("HOME", "also-relative", 1);
	assert_false(open_cache(fixture));
	setenv("HOME", fixture->home, 1);
	assert_true(open_cache(fixture));
	write_plans(fixture);
	assert_true(is_there(fixture));
}

static void change(struct fixture *fixture, size_t offset, const void *bytes, size_t size_bytes)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf plans = {0};
	make_plans(fixture, &plans);
	memcpy(plans.bytes + offset, bytes, size_bytes);
	ct_plan_cache_write(&fixture->cache, &plans);
	assert_false(is_there(fixture));
}

#define CHANGE(fixture, field, value)                                                       \
	do {                                                                                \
		__typeof__(((struct ct_plan_header *)0)->field) now = value;                \
		change(fixture, offsetof(struct ct_plan_header, field), &now, sizeof(now)); \
	} while (0)

static void damaged_files_are_refused(void **state)
{
	struct fixture *fixture = *state;
	assert_true(open_cache(fixture));
	CHANGE(fixture, magic, 1);
	CHANGE(fixture, version, CT_PLAN_VERSION + 1);
	CHANGE(fixture, total_bytes, 104);
	CHANGE(fixture, total_bytes, UINT64_MAX);
	CHANGE(fixture, build_id_bytes, 0);
	CHANGE(fixture, build_id_bytes, UINT32_MAX);
	CHANGE(fixture, build_id[0], 1);
	CHANGE(fixture, index_offset, 105);
	CHANGE(fixture, index_offset, UINT64_MAX - 7);
	CHANGE(fixture, index_count, 1000);
	CHANGE(fixture, index_count, UINT64_MAX / 16 + 2);
	CHANGE(fixture, settings.max_pointee, 2);
	write_plans(fixture);
	assert_true(is_there(fixture));
	static const size_t sizes[] = {0, 1, 103, 104, 150};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		ct_cleanup(ct_strbuf_deinit) struct ct_strbuf plans = {0};
		make_plans(fixture, &plans);
		plans.length = sizes[i];
		ct_plan_cache_write(&fixture->cache, &plans);
		assert_false(is_there(fixture));
	}
}

/* The sum tells what no other check does. */
static void a_changed_bit_is_noticed_wherever_it_is(void **state)
{
	struct fixture *fixture = *state;
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf plans = {0};
	struct ct_plan_file file;
	make_plans(fixture, &plans);
	for (size_t bit = 0; bit < plans.length * 8; bit++) {
		plans.bytes[bit / 8] ^= (char)(1U << bit % 8);
		assert_false(ct_plan_file_open(plans.bytes, plans.length, &fixture->settings,
					       fixture->file->build_id, 20, &file) &&
			     ct_plan_file_is_whole(&file));
		plans.bytes[bit / 8] ^= (char)(1U << bit % 8);
	}
	assert_true(ct_plan_file_open(plans.bytes, plans.length, &fixture->settings,
				      fixture->file->build_id, 20, &file));
	assert_true(ct_plan_file_is_whole(&file));
	/* And it is not taken from the cache. */
	assert_true(open_cache(fixture));
	change(fixture, plans.length - 1, "x", 1);
}

static void strangers_files_are_refused(void **state)
{
	struct fixture *fixture = *state;
	assert_true(open_cache(fixture));
	write_plans(fixture);
	int folder = fixture->cache.folder;
	const char *name = fixture->cache.name;
	static const mode_t modes[] = {0620, 0602, 0666};
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(fchmodat(folder, name, modes[i], 0), 0);
		assert_false(is_there(fixture));
	}
	assert_int_equal(fchmodat(folder, name, 0600, 0), 0);
	assert_true(is_there(fixture));
	assert_int_equal(renameat(folder, name, folder, "elsewhere"), 0);
	assert_int_equal(symlinkat("elsewhere", folder, name), 0);
	assert_false(is_there(fixture));
	/* A link is replaced, and not what it leads to. */
	write_plans(fixture);
	assert_true(is_there(fixture));
	assert_int_equal(unlinkat(folder, name, 0), 0);
	assert_int_equal(mkfifoat(folder, name, 0600), 0);
	assert_false(is_there(fixture));
	if (geteuid() != 0)
		return;
	write_plans(fixture);
	assert_int_equal(fchownat(folder, name, 65534, 65534, 0), 0);
	assert_false(is_there(fixture));
}

static void strangers_folders_are_refused(void **state)
{
	struct fixture *fixture = *state;
	char path[128], moved[128];
	assert_true(open_cache(fixture));
	static const mode_t modes[] = {0770, 0702, 0777};
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(fixture->folder, modes[i]), 0);
		assert_false(open_cache(fixture));
	}
	assert_int_equal(chmod(fixture->folder, 0700), 0);
	assert_true(open_cache(fixture));
	if (geteuid() == 0) {
		assert_int_equal(chown(fixture->folder, 65534, 65534), 0);
		assert_false(open_cache(fixture));
		assert_int_equal(chown(fixture->folder, 0, 0), 0);
	}
	/* A link, to a folder that is our own. */
	snprintf(path, sizeof(path), "%s/calltrace", fixture->home);
	snprintf(moved, sizeof(moved), "%s/moved", fixture->home);
	assert_int_equal(rename(path, moved), 0);
	assert_int_equal(symlink(moved, path), 0);
	assert_false(open_cache(fixture));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rename(moved, path), 0);
	assert_true(open_cache(fixture));
}

/* Another process that does something with the cache, and tells when it begins. */
static pid_t start(struct fixture *fixture, void (*function)(struct fixture *))
{
	int pipes[2];
	char byte;
	assert_int_equal(pipe(pipes), 0);
	pid_t child = fork();
	if (child == 0) {
		struct fixture other = *fixture;
		other.cache = (struct ct_plan_cache){.lock = -1};
		if (!open_cache(&other))
			_exit(1);
		ct_plan_cache_lock(&other.cache);
		if (write(pipes[1], "", 1) != 1)
			_exit(1);
		function(&other);
		_exit(0);
	}
	assert_true(child > 0);
	assert_int_equal(read(pipes[0], &byte, 1), 1);
	close(pipes[0]);
	close(pipes[1]);
	return child;
}

static void finish(pid_t child)
{
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void plan_slowly(struct fixture *fixture)
{
	nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
	write_plans(fixture);
	ct_plan_cache_close(&fixture->cache);
}

static void who_comes_second_waits_for_the_first(void **state)
{
	struct fixture *fixture = *state;
	pid_t child = start(fixture, plan_slowly);
	assert_true(open_cache(fixture));
	assert_false(is_there(fixture));
	ct_plan_cache_lock(&fixture->cache);
	assert_true(is_there(fixture));
	finish(child);
	assert_true(open_cache(fixture));
	assert_int_equal(count_files(fixture), 1);
}

static void die(struct fixture *fixture)
{
	(void)fixture;
}

static void who_has_died_holds_nothing(void **state)
{
	struct fixture *fixture = *state;
	finish(start(fixture, die));
	assert_true(open_cache(fixture));
	ct_plan_cache_lock(&fixture->cache);
	assert_true(fixture->cache.lock >= 0);
	write_plans(fixture);
	assert_true(open_cache(fixture));
	assert_int_equal(count_files(fixture), 1);
}

static void make_file(int folder, const char *name, time_t seconds)
{
	struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

static void the_oldest_go_when_there_are_many(void **state)
{
	struct fixture *fixture = *state;
	char name[32];
	assert_true(open_cache(fixture));
	int folder = fixture->cache.folder;
	time_t now = time(NULL);
	for (int i = 0; i < FILES_MAX + 20; i++) {
		snprintf(name, sizeof(name), "%d.plan", i);
		make_file(folder, name, now - 1000 + i);
	}
	make_file(folder, "notes.txt", 1);
	/* Left behind by a process that was killed. */
	make_file(folder, ".1.plan.77", 1);
	write_plans(fixture);
	assert_true(is_there(fixture));
	assert_int_equal(count_files(fixture), FILES_MAX + 1);
	assert_int_equal(faccessat(folder, "notes.txt", F_OK, 0), 0);
	assert_int_equal(faccessat(folder, ".1.plan.77", F_OK, 0), -1);
	assert_int_equal(faccessat(folder, "20.plan", F_OK, 0), -1);
	assert_int_equal(faccessat(folder, "21.plan", F_OK, 0), 0);
}

static void what_does_not_fit_leaves_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct rlimit before, limit;
	assert_true(open_cache(fixture));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 120;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	write_plans(fixture);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(count_files(fixture), 0);
	write_plans(fixture);
	assert_true(is_there(fixture));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	TEST(plans_are_found_again),
	TEST(other_settings_are_another_file),
	TEST(plans_of_another_planner_are_not_used),
	TEST(without_a_home_there_is_no_cache),
	TEST(damaged_files_are_refused),
	TEST(a_changed_bit_is_noticed_wherever_it_is),
	TEST(strangers_files_are_refused),
	TEST(strangers_folders_are_refused),
	TEST(who_comes_second_waits_for_the_first),
	TEST(who_has_died_holds_nothing),
	TEST(the_oldest_go_when_there_are_many),
	TEST(what_does_not_fit_leaves_nothing),
};

UNIT_TEST_MAIN(tests)
