/* SPDX-License-Identifier: MIT */
/* Plan files kept for the next run: see cache.h; the name's rule is in format/plan.h. */
#include "plan/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/io.h"
#include "format/module_identity.h"
#include "format/planner_identity.h"
#include "plan/plan_file.h"

enum {
	LOCK_STEP_MS = 20,
	LOCK_STEPS = 60000 / LOCK_STEP_MS,
	FILES_MAX = 256, /* more are of builds that are gone */
	OTHERS_SECONDS = 7 * 24 * 3600,
};
static const char suffix[] = ".plan";

/* ---- the folder ---- */

/* Ours, and nobody else can put anything there. */
static bool is_private(const struct stat *status)
{
	return status->st_uid == geteuid() && !(status->st_mode & (S_IWGRP | S_IWOTH));
}

/*
 * A folder in `parent`, made when it is not there; takes `parent`. -1: it cannot be used. Links are
 * followed where people set them; in a folder that others write into, one could lead to any of
 * ours.
 */
static int enter_folder(int parent, const char *name, bool follows_link)
{
	struct stat status;
	int folder = -1;
	if (parent >= 0 && (mkdirat(parent, name, 0700) == 0 || errno == EEXIST))
		folder = openat(parent, name,
				O_RDONLY | O_DIRECTORY | O_CLOEXEC |
					(follows_link ? 0 : O_NOFOLLOW));
	if (parent >= 0)
		close(parent);
	if (folder >= 0 && (fstat(folder, &status) != 0 || !is_private(&status))) {
		close(folder);
		return -1;
	}
	return folder;
}

static int open_base(void)
{
	const char *cache = getenv("XDG_CACHE_HOME");
	if (cache && cache[0] == '/') {
		if (mkdir(cache, 0700) != 0 && errno != EEXIST)
			return -1;
		return open(cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	const char *home = getenv("HOME");
	if (!home || home[0] != '/')
		return -1;
	return enter_folder(open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC), ".cache", true);
}

/* ---- the name ---- */

/* A file without a build-id is the one that it was. */
static uint64_t hash_file(const struct ct_elf_file *file)
{
	struct stat status = {0};
	ct_cleanup(ct_cleanup_free) char *path = realpath(file->path, NULL);
	if (fstat(file->fd, &status) != 0)
		memset(&status, 0, sizeof(status));
	char identity[160];
	int length = snprintf(identity, sizeof(identity), "%ju %ju %jd %jd.%09ld",
			      (uintmax_t)status.st_dev, (uintmax_t)status.st_ino,
			      (intmax_t)status.st_size, (intmax_t)status.st_mtim.tv_sec,
			      status.st_mtim.tv_nsec);
	const char *name = path ? path : file->path;
	return ct_hash_more(ct_hash_bytes(name, strlen(name)), identity, (size_t)length);
}

static bool read_whole(int fd, void *ret, uint64_t size_bytes, uint64_t offset)
{
	return ct_read_at(fd, ret, size_bytes, offset) == size_bytes;
}

/* False: the file cannot be read. */
static bool identify(const struct ct_elf_file *file, uint64_t *ret)
{
	struct stat status;
	ct_cleanup(ct_cleanup_free) void *buffer = malloc(CT_IDENTITY_BUFFER_BYTES);
	return buffer && fstat(file->fd, &status) == 0 &&
	       ct_module_identity(file->fd, &status, read_whole, buffer, ret);
}

enum { PLANNER_PART_BYTES = 32 };

/* Of a file's name, between the build-id and the settings: who made the plans. */
static void planner_part(char ret[PLANNER_PART_BYTES])
{
	snprintf(ret, PLANNER_PART_BYTES, "-%d." CT_PLANNER_IDENTITY "-", CT_PLAN_VERSION);
}

static void make_name(char *ret, size_t size_bytes, const struct ct_elf_file *file,
		      const struct ct_plan_settings *settings)
{
	char id[2 * 32 + 1 + 17] = "";
	uint64_t identity;
	if (file->build_id_bytes == 0 || file->build_id_bytes > 32 || !identify(file, &identity)) {
		snprintf(id, sizeof(id), "none-%016" PRIx64, hash_file(file));
	} else {
		for (size_t i = 0; i < file->build_id_bytes; i++)
			snprintf(id + 2 * i, 3, "%02x", file->build_id[i]);
		snprintf(id + 2 * file->build_id_bytes, 18, ".%016" PRIx64, identity);
	}
	char planner[PLANNER_PART_BYTES];
	planner_part(planner);
	snprintf(ret, size_bytes, "%s%s%" PRIu32 "-%" PRIu32 "-%016" PRIx64 "%s", id, planner,
		 settings->max_string, settings->max_pointee, settings->filter_hash, suffix);
}

bool ct_plan_cache_open(struct ct_plan_cache *ret, const struct ct_elf_file *file,
			const struct ct_plan_settings *settings)
{
	*ret = (struct ct_plan_cache){.lock = -1};
	ret->folder = enter_folder(enter_folder(open_base(), "calltrace", false), "plans", false);
	ret->is_open = ret->folder >= 0;
	make_name(ret->name, sizeof(ret->name), file, settings);
	return ret->is_open;
}

enum { LOCK_NAME_BYTES = sizeof(((struct ct_plan_cache *)NULL)->name) + 8 };

static void lock_name(char ret[LOCK_NAME_BYTES], const struct ct_plan_cache *cache)
{
	snprintf(ret, LOCK_NAME_BYTES, "%s.lock", cache->name);
}

void ct_plan_cache_close(struct ct_plan_cache *cache)
{
	if (!cache->is_open)
		return;
	if (cache->lock >= 0) {
		/* Who waits has it open, and finds the plans; so does who comes later. */
		char name[LOCK_NAME_BYTES];
		lock_name(name, cache);
		unlinkat(cache->folder, name, 0);
		close(cache->lock);
	}
	close(cache->folder);
	*cache = (struct ct_plan_cache){.lock = -1};
}

/* ---- reading ---- */

static bool read_all(int fd, size_t size_bytes, struct ct_strbuf *ret)
{
	char piece[65536];
	for (size_t at = 0; at < size_bytes; at += sizeof(piece)) {
		size_t left = size_bytes - at;
		size_t wanted = left < sizeof(piece) ? left : sizeof(piece);
		if (ct_read_at(fd, piece, wanted, at) != wanted)
			return false;
		ct_strbuf_add(ret, piece, wanted);
	}
	return !ret->failed;
}

bool ct_plan_cache_read(const struct ct_plan_cache *cache, const struct ct_elf_file *file,
			const struct ct_plan_settings *settings, struct ct_strbuf *ret)
{
	struct stat status;
	struct ct_plan_file plans;
	size_t start = ret->length;
	if (!cache->is_open)
		return false;
	int fd = openat(cache->folder, cache->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return false;
	bool is_good = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && is_private(&status) &&
		       status.st_size > 0 && status.st_size <= UINT32_MAX &&
		       read_all(fd, (size_t)status.st_size, ret) &&
		       ct_plan_file_open(ret->bytes + start, ret->length - start, settings,
					 file->build_id, file->build_id_bytes, &plans) &&
		       ct_plan_file_is_whole(&plans);
	close(fd);
	if (!is_good)
		ret->length = start;
	return is_good;
}

/* ---- writing ---- */

void ct_plan_cache_lock(struct ct_plan_cache *cache)
{
	const struct timespec step = {.tv_nsec = LOCK_STEP_MS * 1000000L};
	char name[LOCK_NAME_BYTES];
	if (!cache->is_open || cache->lock >= 0)
		return;
	lock_name(name, cache);
	int lock = openat(cache->folder, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	for (int i = 0; lock >= 0 && i < LOCK_STEPS; i++) {
		if (flock(lock, LOCK_EX | LOCK_NB) == 0) {
			cache->lock = lock;
			return;
		}
		if (errno != EWOULDBLOCK && errno != EINTR)
			break;
		nanosleep(&step, NULL);
	}
	if (lock >= 0)
		close(lock);
}

static DIR *open_entries(int folder)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
	if (!entries && fd >= 0)
		close(fd);
	return entries;
}

/* Plans of other planners, mostly of older ones. Not at once: two may be in use in turn. */
static void remove_of_others(int folder)
{
	struct stat status;
	char planner[PLANNER_PART_BYTES];
	time_t now = time(NULL);
	DIR *entries = open_entries(folder);
	planner_part(planner);
	for (struct dirent *entry; entries && (entry = readdir(entries));)
		if (strstr(entry->d_name, suffix) && !strstr(entry->d_name, planner) &&
		    fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
		    now - status.st_mtim.tv_sec > OTHERS_SECONDS)
			unlinkat(folder, entry->d_name, 0);
	if (entries)
		closedir(entries);
}

/* While there are too many files of ours: the one that was made first goes. */
static void remove_oldest(int folder)
{
	struct stat status;
	for (;;) {
		char oldest[256] = "";
		struct timespec oldest_time = {0};
		size_t count = 0;
		DIR *entries = open_entries(folder);
		if (!entries)
			return;
		for (struct dirent *entry; (entry = readdir(entries));) {
			if (!strstr(entry->d_name, suffix) ||
			    fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0)
				continue;
			count++;
			struct timespec time = status.st_mtim;
			if (oldest[0] && (time.tv_sec > oldest_time.tv_sec ||
					  (time.tv_sec == oldest_time.tv_sec &&
					   time.tv_nsec >= oldest_time.tv_nsec)))
				continue;
			oldest_time = time;
			snprintf(oldest, sizeof(oldest), "%s", entry->d_name);
		}
		closedir(entries);
		if (count <= FILES_MAX || unlinkat(folder, oldest, 0) != 0)
			return;
	}
}

void ct_plan_cache_write(const struct ct_plan_cache *cache, const struct ct_strbuf *plans)
{
	char name[sizeof(cache->name) + 32];
	if (!cache->is_open)
		return;
	snprintf(name, sizeof(name), ".%s.%ld", cache->name, (long)getpid());
	unlinkat(cache->folder, name, 0); /* of a process that was killed */
	int fd = openat(cache->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			0600);
	if (fd < 0)
		return;
	bool is_written = ct_write_all(fd, plans->bytes, plans->length) == 0;
	is_written &= close(fd) == 0;
	if (!is_written || renameat(cache->folder, name, cache->folder, cache->name) != 0) {
		unlinkat(cache->folder, name, 0);
		return;
	}
	remove_of_others(cache->folder);
	remove_oldest(cache->folder);
}
