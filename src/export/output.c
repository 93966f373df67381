/* SPDX-License-Identifier: MIT */
/* The file a document goes to: see output.h. */
#include "export/output.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"

enum {
	BUFFER_BYTES = 1 << 20, /* larger ones fall out of the second-level cache */
	BUFFER_COUNT = 4,	/* one being filled, one being written, two of slack */
	/*
	 * A document that does not stay in memory anyway goes past the page cache: copying
	 * into fresh pages is work for a CPU, and formatting could have it. Half as long for
	 * 20 million calls.
	 */
	DIRECT_FROM_BYTES = 256 << 20,
	DIRECT_ALIGNMENT = 4096,
};

struct buffer {
	char *bytes;
	size_t length;
};

struct ct_output {
	struct ct_sink sink; /* first: the sink's functions get from it to the output */
	char *name;	     /* as the user gave it, for messages */
	char *path;	     /* of the finished file; NULL: written directly */
	char *temporary;
	int fd;

	pthread_t writer;
	bool writer_runs;
	atomic_int error_number; /* of the first write that failed; set by the writer */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Under the lock: a ring of buffers. Filled ones are [written, filled). */
	struct buffer buffers[BUFFER_COUNT];
	uint64_t written;
	uint64_t filled;
	bool done;

	bool ends; /* the next buffer handed over is the last, and may end anywhere */
	/* The writer's alone. */
	uint64_t offset;
	bool may_be_direct;
};

/* What a signal handler removes. One document is written at a time. */
static _Atomic(const char *) unfinished_path;

void ct_output_remove_unfinished(void)
{
	const char *path = atomic_exchange(&unfinished_path, NULL);
	if (path)
		unlink(path);
}

static bool set_direct(int fd, bool direct)
{
	int flags = fcntl(fd, F_GETFL);
	return flags >= 0 && fcntl(fd, F_SETFL, direct ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
}

/* Past the page cache when the document is large, as far as the file system can. */
static int write_buffer(struct ct_output *output, const struct buffer *buffer)
{
	bool direct = output->may_be_direct && output->offset >= DIRECT_FROM_BYTES &&
		      buffer->length % DIRECT_ALIGNMENT == 0 && set_direct(output->fd, true);
	int error_number = ct_write_all(output->fd, buffer->bytes, buffer->length);
	if (direct) {
		set_direct(output->fd, false);
		if (error_number == EINVAL) {
			output->may_be_direct = false;
			if (lseek(output->fd, (off_t)output->offset, SEEK_SET) < 0)
				return errno;
			error_number = ct_write_all(output->fd, buffer->bytes, buffer->length);
		}
	}
	output->offset += buffer->length;
	return error_number;
}

static void *write_buffers(void *argument)
{
	struct ct_output *output = argument;

	pthread_mutex_lock(&output->lock);
	for (;;) {
		while (output->written == output->filled && !output->done)
			pthread_cond_wait(&output->changed, &output->lock);
		if (output->written == output->filled)
			break;
		struct buffer *buffer = &output->buffers[output->written % BUFFER_COUNT];
		pthread_mutex_unlock(&output->lock);
		if (!ct_output_failed(output))
			atomic_store(&output->error_number, write_buffer(output, buffer));
		pthread_mutex_lock(&output->lock);
		output->written++;
		pthread_cond_signal(&output->changed);
	}
	pthread_mutex_unlock(&output->lock);
	return NULL;
}

static void use_buffer(struct ct_output *output)
{
	char *bytes = output->buffers[output->filled % BUFFER_COUNT].bytes;
	output->sink.at = bytes;
	output->sink.end = bytes + BUFFER_BYTES;
}

static void hand_over(struct ct_sink *sink)
{
	struct ct_output *output = (struct ct_output *)sink;
	struct buffer *buffer = &output->buffers[output->filled % BUFFER_COUNT];

	size_t length = (size_t)(sink->at - buffer->bytes);
	/* Whole blocks, but for the last buffer: what is over goes into the next one. */
	size_t rest = output->ends ? 0 : length % DIRECT_ALIGNMENT;
	const char *rest_bytes = buffer->bytes + length - rest;

	pthread_mutex_lock(&output->lock);
	buffer->length = length - rest;
	output->filled++;
	pthread_cond_signal(&output->changed);
	while (output->filled - output->written == BUFFER_COUNT)
		pthread_cond_wait(&output->changed, &output->lock);
	pthread_mutex_unlock(&output->lock);
	use_buffer(output);
	memcpy(output->sink.at, rest_bytes, rest);
	output->sink.at += rest;
}

/* A new file gets the permissions that open() would give, a replaced one keeps its own. */
static mode_t mode_for(const struct stat *existing)
{
	if (existing)
		return existing->st_mode & 07777;
	mode_t mask = umask(0);
	umask(mask);
	return 0666 & ~mask;
}

static struct ct_error *open_temporary(struct ct_output *output, const struct stat *existing)
{
	const char *slash = strrchr(output->path, '/');
	int directory_length = slash ? (int)(slash - output->path) + 1 : 0;

	if (asprintf(&output->temporary, "%.*s.calltrace-XXXXXX", directory_length, output->path) <
	    0) {
		output->temporary = NULL;
		return ct_error_nomem;
	}
	/* A signal between the two would leave a file that nobody knows of. */
	sigset_t all, saved;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &saved);
	output->fd = mkostemp(output->temporary, O_CLOEXEC);
	int error_number = errno;
	if (output->fd >= 0)
		atomic_store(&unfinished_path, output->temporary);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	if (output->fd < 0) {
		free(ct_take(output->temporary));
		return ct_error_errno(error_number, "creating '%s'", output->name);
	}
	if (fchmod(output->fd, mode_for(existing)) < 0)
		return ct_error_errno(errno, "setting the permissions of '%s'", output->name);
	return NULL;
}

static struct ct_error *open_directly(struct ct_output *output, const char *path)
{
	output->fd = open(path, O_WRONLY | O_CLOEXEC);
	if (output->fd < 0)
		return ct_error_errno(errno, "opening '%s'", output->name);
	return NULL;
}

/* The descriptor that `path` is a name of; -1: of none. */
static int descriptor_of(const char *path)
{
	static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};

	if (strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0)
		return STDOUT_FILENO;
	if (strcmp(path, "/dev/stderr") == 0)
		return STDERR_FILENO;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		size_t length = strlen(folders[i]);
		if (strncmp(path, folders[i], length) != 0 || !isdigit((unsigned char)path[length]))
			continue;
		char *end;
		unsigned long number = strtoul(path + length, &end, 10);
		if (*end == '\0' && number <= INT_MAX)
			return (int)number;
	}
	return -1;
}

static struct ct_error *open_descriptor(struct ct_output *output, int descriptor)
{
	output->fd = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
	if (output->fd < 0)
		return ct_error_errno(errno, "writing to %s", output->name);
	return NULL;
}

/* What the symbolic link leads to, one step on; NULL and errno: it is none, or a failure. */
static char *follow_link(const char *path)
{
	char target[PATH_MAX];
	char *followed;
	ssize_t length = readlink(path, target, sizeof(target));

	if (length < 0)
		return NULL;
	if (length == sizeof(target)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	const char *slash = target[0] == '/' ? NULL : strrchr(path, '/');
	int directory_length = slash ? (int)(slash - path) + 1 : 0;
	if (asprintf(&followed, "%.*s%.*s", directory_length, path, (int)length, target) < 0) {
		errno = ENOMEM;
		return NULL;
	}
	return followed;
}

/* A link to a file that is not there stays, and the file is made. */
static struct ct_error *open_new(struct ct_output *output, const char *path)
{
	enum { MAX_LINKS = 40 };

	output->path = strdup(path);
	for (int i = 0; output->path && i < MAX_LINKS; i++) {
		char *followed = follow_link(output->path);
		if (!followed && (errno == EINVAL || errno == ENOENT))
			return open_temporary(output, NULL);
		if (!followed)
			return ct_error_errno(errno, "resolving '%s'", path);
		free(output->path);
		output->path = followed;
	}
	return output->path ? ct_error_errno(ELOOP, "resolving '%s'", path) : ct_error_nomem;
}

static struct ct_error *open_output(struct ct_output *output, const char *path)
{
	struct stat status;

	/* It may be a regular file the shell opened, not ours to replace. */
	int descriptor = descriptor_of(path);
	if (descriptor >= 0)
		return open_descriptor(output, descriptor);
	if (stat(path, &status) < 0)
		return open_new(output, path);
	if (S_ISDIR(status.st_mode))
		return ct_error_create("writing '%s': it is a directory; name a file", path);
	if (!S_ISREG(status.st_mode) || strncmp(path, "/proc/", 6) == 0)
		return open_directly(output, path);
	/* A symbolic link stays, and what it points to is replaced. */
	output->path = realpath(path, NULL);
	if (!output->path)
		return ct_error_errno(errno, "resolving '%s'", path);
	return open_temporary(output, &status);
}

static bool allocate_buffers(struct ct_output *output)
{
	for (int i = 0; i < BUFFER_COUNT; i++) {
		output->buffers[i].bytes = aligned_alloc(DIRECT_ALIGNMENT, BUFFER_BYTES);
		if (!output->buffers[i].bytes)
			return false;
	}
	return true;
}

static void output_cleanup(struct ct_output **output)
{
	ct_output_destroy(*output);
}

struct ct_error *ct_output_create(const char *path, struct ct_output **ret)
{
	ct_cleanup(output_cleanup) struct ct_output *output = calloc(1, sizeof(*output));
	if (!output)
		return ct_error_nomem;
	output->fd = -1;
	output->sink.renew = hand_over;
	pthread_mutex_init(&output->lock, NULL);
	pthread_cond_init(&output->changed, NULL);
	output->name = strdup(strcmp(path, "-") == 0 ? "standard output" : path);
	if (!output->name || !allocate_buffers(output))
		return ct_error_nomem;
	use_buffer(output);
	struct ct_error *err = open_output(output, path);
	if (err)
		return err;
	output->may_be_direct = output->temporary != NULL; /* a file of its own, from its start */
	int error_number = pthread_create(&output->writer, NULL, write_buffers, output);
	if (error_number)
		return ct_error_errno(error_number, "starting the thread that writes '%s'", path);
	output->writer_runs = true;
	*ret = ct_take(output);
	return NULL;
}

static void finish_writing(struct ct_output *output)
{
	if (!output->writer_runs)
		return;
	output->ends = true;
	hand_over(&output->sink);
	pthread_mutex_lock(&output->lock);
	output->done = true;
	pthread_cond_signal(&output->changed);
	pthread_mutex_unlock(&output->lock);
	pthread_join(output->writer, NULL);
	output->writer_runs = false;
}

void ct_output_destroy(struct ct_output *output)
{
	if (!output)
		return;
	finish_writing(output);
	if (output->fd >= 0)
		close(output->fd);
	if (output->temporary)
		ct_output_remove_unfinished();
	free(output->temporary);
	free(output->path);
	free(output->name);
	for (int i = 0; i < BUFFER_COUNT; i++)
		free(output->buffers[i].bytes);
	pthread_cond_destroy(&output->changed);
	pthread_mutex_destroy(&output->lock);
	free(output);
}

struct ct_sink *ct_output_sink(struct ct_output *output)
{
	return &output->sink;
}

bool ct_output_failed(const struct ct_output *output)
{
	return atomic_load_explicit(&output->error_number, memory_order_relaxed) != 0;
}

bool ct_output_is_abandoned(const struct ct_output *output)
{
	return atomic_load(&output->error_number) == EPIPE;
}

struct ct_error *ct_output_commit(struct ct_output *output)
{
	finish_writing(output);
	int error_number = atomic_load(&output->error_number);
	/* Quotas and network file systems report a failed write at close. */
	int closed = close(output->fd);
	output->fd = -1;
	if (error_number == 0 && closed < 0)
		error_number = errno;
	if (error_number)
		return ct_error_errno(error_number, "writing '%s'", output->name);
	if (!output->temporary)
		return NULL;
	if (rename(output->temporary, output->path) < 0)
		return ct_error_errno(errno, "renaming '%s' to '%s'", output->temporary,
				      output->path);
	atomic_store(&unfinished_path, NULL);
	free(ct_take(output->temporary));
	return NULL;
}
