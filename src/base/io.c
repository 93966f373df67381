/* SPDX-License-Identifier: MIT */
/* Whole reads and writes: see io.h. */
#include "base/io.h"

#include <errno.h>
#include <unistd.h>

size_t ct_read_at(int fd, void *ret, size_t length, uint64_t offset)
{
	size_t done = 0;
	while (done < length) {
		errno = 0;
		ssize_t count = pread(fd, (char *)ret + done, length - done,
				      (off_t)(offset + done));
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			break;
		done += (size_t)count;
	}
	return done;
}

int ct_write_all(int fd, const void *bytes, size_t length)
{
	for (const char *at = bytes; length > 0;) {
		ssize_t count = write(fd, at, length);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return count < 0 ? errno : EIO;
		at += count;
		length -= (size_t)count;
	}
	return 0;
}

int ct_write_at(int fd, const void *bytes, size_t length, uint64_t offset)
{
	for (const char *at = bytes; length > 0;) {
		ssize_t count = pwrite(fd, at, length, (off_t)offset);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return count < 0 ? errno : EIO;
		at += count;
		offset += (uint64_t)count;
		length -= (size_t)count;
	}
	return 0;
}
