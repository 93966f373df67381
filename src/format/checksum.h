/* SPDX-License-Identifier: MIT */
/*
 * What tells a file that was kept from one that a disk or memory has changed
 * since: not a stranger's change on purpose. Each step can be undone when the
 * word is known, so a change within one word of 8 bytes always gives another
 * sum. Four lanes, for a multiplication takes the time of four steps.
 */
#ifndef CT_FORMAT_CHECKSUM_H
#define CT_FORMAT_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

enum { CT_CHECKSUM_LANES = 4 };

static inline uint64_t ct_checksum_step(uint64_t lane, uint64_t word)
{
	return ((lane << 29 | lane >> 35) ^ word) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Of whole words of 8 bytes, going on with the sum of what came before, or 0. */
static inline uint64_t ct_checksum(uint64_t sum, const void *bytes, size_t size_bytes)
{
	const char *at = (const char *)bytes;
	uint64_t lanes[CT_CHECKSUM_LANES], word;
	size_t words = size_bytes / sizeof(word);
	for (size_t lane = 0; lane < CT_CHECKSUM_LANES; lane++)
		lanes[lane] = sum + lane;
	for (; words >= CT_CHECKSUM_LANES; words -= CT_CHECKSUM_LANES) {
		for (size_t lane = 0; lane < CT_CHECKSUM_LANES; lane++) {
			__builtin_memcpy(&word, at, sizeof(word));
			lanes[lane] = ct_checksum_step(lanes[lane], word);
			at += sizeof(word);
		}
	}
	for (; words; words--) {
		__builtin_memcpy(&word, at, sizeof(word));
		lanes[0] = ct_checksum_step(lanes[0], word);
		at += sizeof(word);
	}
	sum = size_bytes;
	for (size_t lane = 0; lane < CT_CHECKSUM_LANES; lane++)
		sum = ct_checksum_step(sum, lanes[lane]);
	return sum ^ sum >> 32;
}

#endif
