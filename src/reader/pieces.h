/* SPDX-License-Identifier: MIT */
/*
 * Blocks of records to columns and back, byte for byte. What is alike lies
 * together then: which functions follow each other, and how long each took,
 * are two stories, and each of them is told over and over.
 */
#ifndef CT_READER_PIECES_H
#define CT_READER_PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/pack.h"
#include "reader/columns.h"

/*
 * Append a whole block to the columns of a frame (CT_PIECES_COLUMNS of them),
 * and what is in it to `facts`: ticks, calls, depth. False, and nothing
 * appended, when it is not a block of records from its first to its last byte,
 * or when memory ran out (a column is `failed` then).
 */
bool ct_piece_split(struct ct_columns *columns, const unsigned char block[CT_BLOCK_BYTES],
		    uint32_t ordinal, struct ct_pack_frame *facts);

/* Where the blocks of a frame are read up to. */
struct ct_joiner {
	const struct ct_columns *columns;
	size_t piece, token, site, enter, ret, other;
};

/*
 * Make the next block; `block` is overwritten whole. False when there is none,
 * or the columns, which may hold anything, make none. `ret_used`: bytes before
 * the zeros that fill it.
 */
bool ct_piece_join(struct ct_joiner *joiner, unsigned char block[CT_BLOCK_BYTES],
		   uint32_t *ret_ordinal, size_t *ret_used);

#endif
