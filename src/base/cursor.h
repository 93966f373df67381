/* SPDX-License-Identifier: MIT */
/*
 * A bounds-checked reader over bytes nobody vouches for (a trace, a note, a
 * section). After the first read past the end the cursor is failed: every
 * further read gives zero, so a parser may read a whole struct and check once.
 */
#ifndef CT_BASE_CURSOR_H
#define CT_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ct_cursor {
	const unsigned char *at;
	const unsigned char *end;
	const char *input_name; /* for messages; not owned */
	bool failed;
};

static inline struct ct_cursor ct_cursor_init(const void *bytes, size_t size_bytes,
					      const char *input_name)
{
	const unsigned char *at = bytes;
	return (struct ct_cursor){at, at + size_bytes, input_name, false};
}

static inline size_t ct_cursor_left(const struct ct_cursor *cur)
{
	return (size_t)(cur->end - cur->at);
}

/* Copy `size_bytes` out, or zero them and fail. */
bool ct_cursor_read(struct ct_cursor *cur, void *ret, size_t size_bytes);
bool ct_cursor_skip(struct ct_cursor *cur, size_t size_bytes);
uint8_t ct_cursor_u8(struct ct_cursor *cur);
uint16_t ct_cursor_u16(struct ct_cursor *cur);
uint32_t ct_cursor_u32(struct ct_cursor *cur);
uint64_t ct_cursor_u64(struct ct_cursor *cur);

/* The next `size_bytes` in place, or NULL and failed. */
const void *ct_cursor_bytes(struct ct_cursor *cur, size_t size_bytes);

#endif
