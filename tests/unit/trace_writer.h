/* SPDX-License-Identifier: MIT */
/*
 * Builds trace files for tests, block by block, as the runtime would leave
 * them, or with anything wrong that a test wants: every block is there as bytes
 * until the file is written. Failures of memory or of the file system end the
 * test program.
 */
#ifndef TRACE_WRITER_H
#define TRACE_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "format/file.h"
#include "format/plan.h"
#include "format/record.h"

struct trace_writer {
	unsigned char *bytes;
	size_t block_count;
	size_t cut_bytes; /* taken off the end of the file when it is written */
	char path[32];	  /* of the file, once there is one */
};

/* Records of a piece while they are put together. */
struct trace_records {
	unsigned char *bytes;
	size_t length;
	size_t capacity;
};

enum { TRACE_WRITER_FILE_ID = 0x1234567 };

/* A trace with block 0 alone: TSC at 1 tick per ns from 1000 ticks to 1001000, exited. */
void trace_writer_init(struct trace_writer *writer);
/* Removes the file too. */
void trace_writer_deinit(struct trace_writer *writer);

/* Block 0's content, to be changed. As all pointers into blocks, good until a block is added. */
struct ct_file_info *trace_writer_info(struct trace_writer *writer);
/* Put a string into block 0. */
struct ct_string_ref trace_writer_string(struct trace_writer *writer, const char *string);

/* Add a zeroed block with a header, which is sealed; without a sum of what follows. */
unsigned char *trace_writer_block(struct trace_writer *writer, enum ct_block_type type,
				  uint64_t seq);
struct ct_block_header *trace_writer_header(struct trace_writer *writer, size_t block);
/* After a change: give a header the right sum, or a block both. */
void trace_writer_seal_head(struct ct_block_header *header);
void trace_writer_seal(struct trace_writer *writer, size_t block);

/* Set a row of a table; blocks are added as needed. */
void trace_writer_site(struct trace_writer *writer, uint32_t number, const struct ct_site *site);
void trace_writer_thread(struct trace_writer *writer, const struct ct_thread_row *row);
/* Add an entry to the last MODULES block. */
void trace_writer_module(struct trace_writer *writer, const struct ct_module *module,
			 const char *path);

/* A row of a PLANS block. */
struct trace_plan {
	uint64_t site;
	uint32_t module;
	uint32_t why; /* not 0: nothing else is written */
	const struct ct_plan_op *ops;
	size_t op_count;
	const struct ct_plan_op *shape;
	size_t shape_count;
	const void *description;
	size_t description_bytes;
};
/* Add it to the PLANS blocks. Gives where it lies: good until a block is added. */
struct ct_plan_row *trace_writer_plan(struct trace_writer *writer, const struct trace_plan *plan);
/* Give the row's plan the right sum, after a change. */
void trace_writer_seal_plan(struct ct_plan_row *row);

void trace_records_enter(struct trace_records *records, uint64_t ticks, uint32_t site);
void trace_records_return(struct trace_records *records, uint64_t ticks);
void trace_records_extended(struct trace_records *records, enum ct_extended_kind kind,
			    uint32_t depth, uint64_t ticks, uint64_t value);
void trace_records_values(struct trace_records *records, const void *payload, size_t length);
void trace_records_bytes(struct trace_records *records, const void *bytes, size_t length);

/* Where a piece begins. */
struct trace_piece {
	uint32_t stream;
	uint64_t seq;
	uint32_t depth;
	uint32_t stack;
	uint64_t epoch;
};

/* Add the records as an appended piece or as a live window, and empty `records`. Gives the
 * ordinal of the block. */
size_t trace_writer_append(struct trace_writer *writer, struct trace_piece piece,
			   struct trace_records *records);
size_t trace_writer_live(struct trace_writer *writer, struct trace_piece piece,
			 struct trace_records *records);

/* Write the file, a new one or again, and give its path. */
const char *trace_writer_save(struct trace_writer *writer);

#endif
