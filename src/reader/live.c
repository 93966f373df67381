/* SPDX-License-Identifier: MIT */
/* Whether the process that writes a trace is still there: it maps the trace's windows. */
#include "reader/trace.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "reader/trace_private.h"

static void close_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Layered file systems show another device and inode in the list than stat() does: there the
 * path decides. */
static bool line_names_file(char *line, const struct stat *file)
{
	unsigned int dev_major;
	unsigned int dev_minor;
	unsigned long inode;
	int path_at = 0;
	if (sscanf(line, "%*s %*s %*s %x:%x %lu %n", &dev_major, &dev_minor, &inode, &path_at) != 3)
		return false;
	if (inode == file->st_ino && dev_major == major(file->st_dev) &&
	    dev_minor == minor(file->st_dev))
		return true;
	char *path = line + path_at;
	path[strcspn(path, "\n")] = '\0';
	struct stat mapped;
	return *path == '/' && stat(path, &mapped) == 0 && mapped.st_ino == file->st_ino &&
	       mapped.st_dev == file->st_dev;
}

enum answer { ANSWER_NONE, ANSWER_NO, ANSWER_YES };

/* Does a list of mappings name the file? No answer from an unreadable or empty list: that of a
 * main thread that has ended while others run. */
static enum answer maps_name_file(const char *maps_path, const struct stat *file)
{
	ct_cleanup(close_file) FILE *maps = fopen(maps_path, "re");
	if (!maps)
		return ANSWER_NONE;
	enum answer answer = ANSWER_NONE;
	ct_cleanup(ct_cleanup_free) char *line = NULL;
	size_t capacity = 0;
	while (getline(&line, &capacity, maps) > 0) {
		answer = ANSWER_NO;
		if (line_names_file(line, file))
			return ANSWER_YES;
	}
	return answer;
}

bool ct_trace_is_live(const struct ct_trace *trace)
{
	return !trace->pack && trace->info.state == CT_STATE_RUNNING &&
	       ct_process_maps_file(trace->info.pid, trace->fd);
}

void ct_trace_goes_on(struct ct_trace *trace)
{
	uint64_t now = ct_clock_ticks_now(&trace->info);
	if (now > trace->end_ticks)
		trace->end_ticks = now;
}

bool ct_process_maps_file(uint32_t pid, int fd)
{
	struct stat file;
	if (fstat(fd, &file) < 0)
		return false;
	char path[64];
	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	ct_cleanup(close_dir) DIR *tasks = opendir(path);
	if (!tasks)
		return false;
	/* All threads have the same mappings: the first that answers answers for all. */
	for (const struct dirent *task; (task = readdir(tasks));) {
		if (task->d_name[0] == '.')
			continue;
		char maps_path[sizeof(path) + sizeof("//maps") + sizeof(task->d_name)];
		snprintf(maps_path, sizeof(maps_path), "%s/%s/maps", path, task->d_name);
		enum answer answer = maps_name_file(maps_path, &file);
		if (answer != ANSWER_NONE)
			return answer == ANSWER_YES;
	}
	return false;
}
