/* SPDX-License-Identifier: MIT */
/* Whole reads and writes of files, whatever interrupts them. Tool side only. */
#ifndef CT_BASE_IO_H
#define CT_BASE_IO_H

#include <stddef.h>
#include <stdint.h>

/* Bytes that could be read: all `length`, unless the file ends before (errno is 0) or reading
 * fails (errno). */
size_t ct_read_at(int fd, void *ret, size_t length, uint64_t offset);

/* 0, or the errno of what failed; then some of the bytes may be written. */
int ct_write_all(int fd, const void *bytes, size_t length);
int ct_write_at(int fd, const void *bytes, size_t length, uint64_t offset);

#endif
