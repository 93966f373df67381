/* SPDX-License-Identifier: MIT */
/* Blocks unpacked into a file in memory: see packed_trace.h. */
#include "packed_trace.h"

#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cursor.h"
#include "format/file.h"

enum packed_flags {
	PACKED_APPENDED = 1, /* records of a known length, with a sum; else a live window */
	PACKED_TORN = 2,     /* a wrong sum, or a FILE block without what makes it valid */
	PACKED_HUGE_SEQ = 4,
	PACKED_HUGE_STREAM = 8,
	PACKED_HUGE_DEPTH = 16,
	PACKED_FOREIGN = 32, /* of another file */
	PACKED_LAST = 64,    /* the file is cut after the payload */
};

struct packed_block {
	uint8_t type;
	uint8_t flags; /* enum packed_flags */
	uint8_t stream;
	uint8_t seq;
	uint8_t epoch;
	uint8_t stack;
	uint16_t depth;
	uint16_t payload_bytes;
};

enum { FILE_ID = 77, MAX_BLOCKS = 24 };

static unsigned char file_bytes[MAX_BLOCKS * CT_BLOCK_BYTES];

static void make_file_valid(struct ct_file_info *info)
{
	info->format_version = CT_FORMAT_VERSION;
	info->block_bytes = CT_BLOCK_BYTES;
	info->epoch_shift = CT_EPOCH_SHIFT;
}

static struct ct_block_header unpack_header(const struct packed_block *packed)
{
	return (struct ct_block_header){
		.magic = CT_BLOCK_MAGIC,
		.type = packed->type,
		.version = 1,
		.stream = packed->flags & PACKED_HUGE_STREAM ? packed->stream * 0x1010101U
							     : packed->stream,
		.used_bytes = packed->flags & PACKED_APPENDED ? packed->payload_bytes : 0,
		.seq = packed->flags & PACKED_HUGE_SEQ ? packed->seq * 0x101010101010101U
						       : packed->seq,
		.epoch = packed->epoch,
		.depth = packed->flags & PACKED_HUGE_DEPTH ? packed->depth * 0x10001U
							   : packed->depth,
		.stack = packed->stack,
		.file_id = FILE_ID + (packed->flags & PACKED_FOREIGN),
	};
}

/* Fill a block of zeros; how much of it is in the file. */
static size_t unpack_block(struct ct_cursor *cur, uint32_t number, unsigned char *block)
{
	struct packed_block packed;
	ct_cursor_read(cur, &packed, sizeof(packed));
	if (packed.payload_bytes > ct_cursor_left(cur))
		packed.payload_bytes = (uint16_t)ct_cursor_left(cur);
	if (packed.payload_bytes > CT_BLOCK_BYTES - CT_BLOCK_HEADER_BYTES)
		packed.payload_bytes = 0;
	struct ct_block_header header = unpack_header(&packed);
	unsigned char *payload = block + sizeof(header);
	ct_cursor_read(cur, payload, packed.payload_bytes);
	if (packed.type == CT_BLOCK_FILE && !(packed.flags & PACKED_TORN)) {
		struct ct_file_info info;
		memcpy(&info, payload, sizeof(info));
		make_file_valid(&info);
		memcpy(payload, &info, sizeof(info));
	}
	header.block = number;
	if (packed.type != CT_BLOCK_RECORDS || packed.flags & PACKED_APPENDED)
		header.head_sum = ct_block_head_sum(&header);
	if (packed.flags & PACKED_APPENDED)
		header.sum = ct_block_sum(&header, payload) ^ (packed.flags & PACKED_TORN);
	memcpy(block, &header, sizeof(header));
	size_t size_bytes = sizeof(header) + packed.payload_bytes;
	return packed.flags & PACKED_LAST ? size_bytes : CT_BLOCK_BYTES;
}

static size_t unpack_file(const uint8_t *bytes, size_t size_bytes)
{
	struct ct_cursor cur = ct_cursor_init(bytes, size_bytes, "input");
	size_t length = 0;
	for (uint32_t i = 0; i < MAX_BLOCKS && ct_cursor_left(&cur); i++) {
		memset(file_bytes + length, 0, CT_BLOCK_BYTES);
		size_t block_bytes = unpack_block(&cur, i, file_bytes + length);
		length += block_bytes;
		if (block_bytes < CT_BLOCK_BYTES)
			break;
	}
	return length;
}

const char *packed_trace_save(const uint8_t *bytes, size_t size_bytes)
{
	static int fd = -1;
	static char path[32];
	if (fd < 0) {
		fd = memfd_create("trace", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	if (size_bytes && bytes[0] % 2) {
		size_bytes = unpack_file(bytes + 1, size_bytes - 1);
		bytes = file_bytes;
	}
	if (fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, bytes, size_bytes, 0) < 0)
		err(1, "input");
	return path;
}
