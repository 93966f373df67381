/* SPDX-License-Identifier: MIT */
/* Bounds-checked reading: see cursor.h. Little-endian hosts only, as the format is. */
#include "base/cursor.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the trace format is little-endian");

const void *ct_cursor_bytes(struct ct_cursor *cur, size_t size_bytes)
{
	if (cur->failed || ct_cursor_left(cur) < size_bytes) {
		cur->failed = true;
		return NULL;
	}
	const void *bytes = cur->at;
	cur->at += size_bytes;
	return bytes;
}

bool ct_cursor_read(struct ct_cursor *cur, void *ret, size_t size_bytes)
{
	const void *bytes = ct_cursor_bytes(cur, size_bytes);
	if (!bytes) {
		memset(ret, 0, size_bytes);
		return false;
	}
	memcpy(ret, bytes, size_bytes);
	return true;
}

bool ct_cursor_skip(struct ct_cursor *cur, size_t size_bytes)
{
	return ct_cursor_bytes(cur, size_bytes) != NULL;
}

uint8_t ct_cursor_u8(struct ct_cursor *cur)
{
	uint8_t value;
	ct_cursor_read(cur, &value, sizeof(value));
	return value;
}

uint16_t ct_cursor_u16(struct ct_cursor *cur)
{
	uint16_t value;
	ct_cursor_read(cur, &value, sizeof(value));
	return value;
}

uint32_t ct_cursor_u32(struct ct_cursor *cur)
{
	uint32_t value;
	ct_cursor_read(cur, &value, sizeof(value));
	return value;
}

uint64_t ct_cursor_u64(struct ct_cursor *cur)
{
	uint64_t value;
	ct_cursor_read(cur, &value, sizeof(value));
	return value;
}
