/* SPDX-License-Identifier: MIT */
/* FNV-1a, 64 bits: for tables, and for names of files that must stay the same. */
#ifndef CT_BASE_HASH_H
#define CT_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define CT_HASH_START UINT64_C(0xcbf29ce484222325)

/* Go on with a hash, CT_HASH_START at first. */
static inline uint64_t ct_hash_more(uint64_t hash, const void *bytes, size_t size_bytes)
{
	const unsigned char *at = bytes;
	for (size_t i = 0; i < size_bytes; i++)
		hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static inline uint64_t ct_hash_bytes(const void *bytes, size_t size_bytes)
{
	return ct_hash_more(CT_HASH_START, bytes, size_bytes);
}

#endif
