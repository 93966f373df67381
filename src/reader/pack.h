/* SPDX-License-Identifier: MIT */
/*
 * A packed file opened for reading: the traces in it, block by block, as they
 * were. Memory grows with its blocks (some 80 bytes for each 64 KiB of a trace
 * while it is opened, then 12), never with calls. Where the index is missing or
 * damaged the chunks are found by reading through the file.
 */
#ifndef CT_READER_PACK_H
#define CT_READER_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "format/pack.h"
#include "reader/columns.h"

struct ct_pack;

/* Does the file begin as a packed one does? */
bool ct_pack_is_one(const char *path);
/* The first one; further ones with ct_pack_keep(). Released when all are. */
struct ct_error *ct_pack_open(const char *path, struct ct_pack **ret)
	__attribute__((warn_unused_result));
struct ct_pack *ct_pack_keep(struct ct_pack *pack);
void ct_pack_release(struct ct_pack *pack);

int ct_pack_descriptor(const struct ct_pack *pack);
uint32_t ct_pack_input_count(const struct ct_pack *pack);
/* Of the raw trace; never "", and without a slash. */
const char *ct_pack_name(const struct ct_pack *pack, uint32_t input);
/* UINT32_MAX: there is none of this name. */
uint32_t ct_pack_find(const struct ct_pack *pack, const char *name);
uint64_t ct_pack_trace_bytes(const struct ct_pack *pack, uint32_t input);
int64_t ct_pack_shift_ns(const struct ct_pack *pack, uint32_t input);
/* Bytes the frames of a trace take in the file. */
uint64_t ct_pack_stored_bytes(const struct ct_pack *pack, uint32_t input);
/* Chunks that are missing or cannot be read, as far as opening told. */
uint64_t ct_pack_damage(const struct ct_pack *pack);

/* One frame as it was read last, for one thread. Zero-initialise it. */
struct ct_pack_cache {
	uint32_t frame; /* ordinal + 1; 0: none */
	uint32_t block_count;
	struct {
		uint32_t block;
		uint32_t offset;
		uint32_t length; /* without zeros at the end */
	} blocks[CT_PACK_FRAME_BLOCKS];
	struct ct_strbuf bytes;
};
void ct_pack_cache_deinit(struct ct_pack_cache *cache);

/* The frame a chunk of type PIECES or BLOCKS holds; false when it is not what its hash says. */
bool ct_pack_decode(const struct ct_pack_chunk *chunk, const void *body, struct ct_pack_cache *ret);
/* As ct_pack_read_block(), of the frame in the cache; 0: the block is not in it. */
size_t ct_pack_cached_block(const struct ct_pack_cache *cache, uint32_t block, void *ret,
			    size_t size_bytes);

/* Of the trace `ordinal`: the frame a block is in; UINT32_MAX: in none, it is zeros. */
uint32_t ct_pack_frame_of(const struct ct_pack *pack, uint32_t ordinal, uint32_t block);
/* The first block from `block` on that is not all zeros; UINT32_MAX: there is none. */
uint32_t ct_pack_next_block(const struct ct_pack *pack, uint32_t input, uint32_t block);
/*
 * As many bytes of a block as the trace has, up to `size_bytes`; what `ret` has
 * beyond them is not touched. 0 too where the frame is damaged. A block's header alone
 * is had without its frame while the heads are there.
 */
size_t ct_pack_read_block(const struct ct_pack *pack, uint32_t ordinal, uint32_t block, void *ret,
			  size_t size_bytes, struct ct_pack_cache *cache);
/* Nobody will ask for headers alone any more. */
void ct_pack_forget_heads(struct ct_pack *pack, uint32_t input);

uint32_t ct_pack_frame_count(const struct ct_pack *pack, uint32_t input);
const struct ct_pack_frame *ct_pack_frame_at(const struct ct_pack *pack, uint32_t input,
					     uint32_t frame);
/* Read a frame and compare it with its hashes. */
bool ct_pack_check_frame(const struct ct_pack *pack, uint32_t input, uint32_t frame);

/* The columns of the chunk; false where there is none, or none that is whole. */
bool ct_pack_read_names(const struct ct_pack *pack, uint32_t input, struct ct_columns *ret);
bool ct_pack_read_summary(const struct ct_pack *pack, struct ct_columns *ret);

#endif
