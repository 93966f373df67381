/* SPDX-License-Identifier: MIT */
/* What the files of src/reader/ share about an open trace. */
#ifndef CT_READER_TRACE_PRIVATE_H
#define CT_READER_TRACE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"
#include "format/record.h"
#include "reader/damage.h"
#include "reader/pack.h"
#include "reader/trace.h"
#include "reader/walk_loop.h"

/* Where one piece of a stream lies: all that is kept of a block of records. */
struct ct_piece {
	uint64_t seq;
	uint32_t stream;
	uint32_t block : 31; /* ordinal of the block in the file */
	uint32_t live : 1;   /* a window in use, as against an appended block */
};

struct ct_trace {
	int fd;		      /* -1: it is packed */
	struct ct_pack *pack; /* NULL: it is a file of its own */
	uint32_t pack_input;
	struct ct_pack_cache opening; /* while it is opened */
	uint32_t block_count;
	uint64_t file_bytes;
	struct ct_file_info info;
	uint64_t file_id;
	bool is_headless; /* of the first block nothing could be read */
	size_t first_block_bytes;
	unsigned char *first_block; /* the strings lie there */

	struct ct_site *sites; /* [site_count + 1], by number */
	uint32_t site_count;
	struct ct_trace_module *modules; /* [module_count + 1], by ordinal; ordinal 0: not set */
	uint32_t module_count;
	unsigned char **module_blocks; /* the paths lie there */
	uint32_t module_block_count;
	struct ct_thread_row *threads; /* [thread_row_count], by stream - 1 */
	uint32_t thread_row_count;
	struct ct_trace_plan *plans; /* by module and site */
	uint32_t plan_count;
	unsigned char **plan_blocks; /* the rows lie there */
	uint32_t plan_block_count;

	struct ct_piece *pieces; /* by stream, seq, appended before live */
	uint32_t piece_count;
	uint32_t *first_piece; /* [stream_count + 2]: where the pieces of a stream begin */
	uint32_t stream_count;

	struct ct_scale scale;
	uint64_t end_ticks;
	uint64_t damage;	   /* found while it was opened */
	struct ct_damage *damages; /* also what is found later; NULL: not kept */

	struct ct_site_keys *keys; /* [site_count + 1], or NULL: no call-site rule */
	uint32_t key_count;	   /* the highest of them */
	bool keys_failed;	   /* memory ran out while making them */
};

/*
 * One piece in memory. Zero bytes follow the records: a reader may load eight
 * bytes at any record's start and finds an end record at the end.
 */
struct ct_piece_buffer {
	struct ct_block_header header;
	const unsigned char *begin;
	const unsigned char *end;
	struct ct_pack_cache cache; /* zeros at first; ct_pack_cache_deinit() */
	unsigned char block[CT_BLOCK_BYTES + 64];
};

/* Does the process have the file mapped? */
bool ct_process_maps_file(uint32_t pid, int fd);

/*
 * A walk that is handed its pieces one by one, by follow.c. Without the call-site
 * rule. ct_walk_next() gives false when it wants more.
 */
struct ct_walk *ct_walk_create_fed(void);
/* To be filled before ct_walk_feed(). */
struct ct_piece_buffer *ct_walk_buffer(struct ct_walk *walk);
/* Go on `offset` bytes behind the begin of the buffer's records. `begins`: it is another piece
 * than before, and its header says what is open. */
void ct_walk_feed(struct ct_walk *walk, size_t offset, bool begins);
/* How far the buffer's records were read. */
size_t ct_walk_offset(const struct ct_walk *walk);

/* False when the piece is not whole, or not what was written; that is noted, unless another block
 * has the same records. */
bool ct_trace_read_piece(const struct ct_trace *trace, const struct ct_piece *piece,
			 struct ct_piece_buffer *ret);

/* Take over the rows of a PLANS block; false when memory ran out. */
bool ct_trace_load_plans(struct ct_trace *trace, const unsigned char *bytes);
/* After the last of them. */
void ct_trace_sort_plans(struct ct_trace *trace);

/* Length of the record that begins with the low bytes of `word`; 0: there is none. */
static inline size_t ct_record_bytes(uint64_t word)
{
	switch (word & 3) {
	case CT_RECORD_ENTER:
		return CT_ENTER_BYTES;
	case CT_RECORD_RETURN:
		return CT_RETURN_BYTES;
	case CT_RECORD_EXTENDED:
		if (ct_values_is_short((uint8_t)word))
			return CT_VALUES_SHORT_HEAD_BYTES + (word >> 2 & CT_VALUES_SHORT_MAX);
		return (word & 0xff) == CT_VALUES_HEAD ? word >> 8 & 0xffff : word >> 8 & 0xff;
	default:
		return 0;
	}
}

/* False for an extended record of a kind that is not known; it is to be skipped. */
static inline bool ct_extended_read(struct ct_cursor *cur, struct ct_extended *ret)
{
	return ct_cursor_left(cur) >= sizeof(*ret) && cur->at[1] >= sizeof(*ret) &&
	       cur->at[0] >> 2 <= CT_EXTENDED_LOST && ct_cursor_read(cur, ret, sizeof(*ret));
}

/* Sum, at most UINT64_MAX. */
static inline uint64_t ct_add_saturated(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

struct ct_scale ct_scale_of(const struct ct_file_info *info);
/* From the start to the last clock point that is set, by CLOCK_MONOTONIC. */
uint64_t ct_clock_points_ns(const struct ct_file_info *info);
/* The ticks of this moment, of a process that runs; 0: the clock does not tell. */
uint64_t ct_clock_ticks_now(const struct ct_file_info *info);

#endif
