/* SPDX-License-Identifier: MIT */
/*
 * Which file plans were made of: a build-id alone does not tell, for a linker can
 * be told what it is to be. Of a file of up to 4 MiB all bytes count; of a larger
 * one 256 pieces, its size, and when it was changed, since a change may be in
 * none of them. Library and command must agree.
 */
#ifndef CT_FORMAT_MODULE_IDENTITY_H
#define CT_FORMAT_MODULE_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "format/checksum.h"

enum {
	CT_IDENTITY_WHOLE_BYTES = 4 << 20,
	CT_IDENTITY_BUFFER_BYTES = 65536,
	CT_IDENTITY_PIECE_BYTES = 4096,
	CT_IDENTITY_PIECES = 256,
};

/* `read` reads all of `size_bytes` at `offset`. False: it could not. */
static inline bool ct_module_identity(int fd, const struct stat *status,
				      bool (*read)(int fd, void *ret, uint64_t size_bytes,
						   uint64_t offset),
				      void *buffer /* CT_IDENTITY_BUFFER_BYTES */, uint64_t *ret)
{
	uint64_t size_bytes = (uint64_t)status->st_size;
	uint64_t sum = size_bytes;
	if (size_bytes <= CT_IDENTITY_WHOLE_BYTES) {
		for (uint64_t at = 0; at < size_bytes; at += CT_IDENTITY_BUFFER_BYTES) {
			uint64_t left = size_bytes - at;
			uint64_t count = left < CT_IDENTITY_BUFFER_BYTES ? left
									 : CT_IDENTITY_BUFFER_BYTES;
			if (!read(fd, buffer, count, at))
				return false;
			sum = ct_checksum(sum, buffer, count);
		}
		*ret = sum;
		return true;
	}
	const int64_t changed[2] = {status->st_mtim.tv_sec, status->st_mtim.tv_nsec};
	sum = ct_checksum(sum, changed, sizeof(changed));
	uint64_t step = (size_bytes - CT_IDENTITY_PIECE_BYTES) / (CT_IDENTITY_PIECES - 1);
	for (uint64_t i = 0; i < CT_IDENTITY_PIECES; i++) {
		uint64_t at = i + 1 < CT_IDENTITY_PIECES ? i * step
							 : size_bytes - CT_IDENTITY_PIECE_BYTES;
		if (!read(fd, buffer, CT_IDENTITY_PIECE_BYTES, at))
			return false;
		sum = ct_checksum(sum, buffer, CT_IDENTITY_PIECE_BYTES);
	}
	*ret = sum;
	return true;
}

#endif
