/* SPDX-License-Identifier: MIT */
/*
 * A call's captured bytes, split into the blocks that its plan's operations
 * made of them. Operations and bytes are both untrusted: whatever they say,
 * the blocks lie in the payload, and what is not there is unreadable.
 */
#ifndef CT_READER_PAYLOAD_H
#define CT_READER_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/plan.h"

enum ct_block_kind {
	CT_PAYLOAD_BYTES = 1, /* `size` bytes */
	CT_PAYLOAD_MEMORY,    /* a status, and `size` bytes */
	CT_PAYLOAD_STRING,    /* STRING and TEXT: at most `size` bytes */
	CT_PAYLOAD_SEQUENCE,  /* at most `count` elements of `size` bytes */
};

/* What a block can be, before a payload is seen. */
struct ct_block_shape {
	uint8_t kind; /* enum ct_block_kind */
	uint16_t size;
	uint32_t count;
};

/* A block of a payload. */
struct ct_payload_block {
	const unsigned char *bytes; /* what it holds after its head; `length` of them */
	uint32_t length;
	uint32_t count; /* SEQUENCE: elements there were, of which `length` / size are here */
	uint8_t status; /* enum ct_plan_status; 0 length unless it is OK */
	bool truncated; /* STRING */
	bool ends;	/* STRING: and the memory, too */
};

/*
 * The blocks that `ops` make, at most CT_PLAN_BLOCKS_MAX. False: these are not
 * operations of a plan (unknown codes, sizes or counts beyond the limits).
 */
bool ct_payload_shapes(const struct ct_plan_op *ops, size_t op_count, struct ct_block_shape *ret,
		       size_t *ret_count);

/* Without a payload (NULL) every block is unreadable. */
void ct_payload_split(const struct ct_block_shape *shapes, size_t count,
		      const unsigned char *payload, size_t payload_bytes,
		      struct ct_payload_block *ret);

#endif
