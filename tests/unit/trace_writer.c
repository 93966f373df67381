/* SPDX-License-Identifier: MIT */
/* Builds trace files for tests: see trace_writer.h. */
#include "trace_writer.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *checked_realloc(void *memory, size_t size_bytes)
{
	void *larger = realloc(memory, size_bytes);
	if (!larger)
		err(1, "building a trace");
	return larger;
}

static unsigned char *block_at(struct trace_writer *writer, size_t block)
{
	return writer->bytes + block * CT_BLOCK_BYTES;
}

void trace_writer_init(struct trace_writer *writer)
{
	*writer = (struct trace_writer){0};
	trace_writer_block(writer, CT_BLOCK_FILE, 0);
	*trace_writer_info(writer) = (struct ct_file_info){
		.format_version = CT_FORMAT_VERSION,
		.block_bytes = CT_BLOCK_BYTES,
		.machine = 62,
		.clock_kind = CT_CLOCK_TSC,
		.epoch_shift = CT_EPOCH_SHIFT,
		.state = CT_STATE_EXITED,
		.pid = 1,
		.start = {1000, 5000, UINT64_C(1700000000000000000)},
		.end = {1001000, 1005000, UINT64_C(1700000000001000000)},
	};
}

void trace_writer_deinit(struct trace_writer *writer)
{
	free(writer->bytes);
	if (*writer->path)
		unlink(writer->path);
}

struct ct_file_info *trace_writer_info(struct trace_writer *writer)
{
	return (struct ct_file_info *)(writer->bytes + CT_BLOCK_HEADER_BYTES);
}

struct ct_string_ref trace_writer_string(struct trace_writer *writer, const char *string)
{
	size_t at = CT_BLOCK_HEADER_BYTES + sizeof(struct ct_file_info);
	while (writer->bytes[at])
		at += strlen((char *)writer->bytes + at) + 1;
	size_t length = strlen(string);
	memcpy(writer->bytes + at, string, length + 1);
	return (struct ct_string_ref){(uint32_t)at, (uint32_t)length};
}

unsigned char *trace_writer_block(struct trace_writer *writer, enum ct_block_type type,
				  uint64_t seq)
{
	size_t block = writer->block_count++;
	/* Doubled each time: sanitizers copy on each realloc(). */
	if ((block & (block - 1)) == 0)
		writer->bytes = checked_realloc(writer->bytes, (block + 1) * 2 * CT_BLOCK_BYTES);
	unsigned char *bytes = block_at(writer, block);
	memset(bytes, 0, CT_BLOCK_BYTES);
	*(struct ct_block_header *)bytes = (struct ct_block_header){
		.magic = CT_BLOCK_MAGIC,
		.type = (uint16_t)type,
		.version = 1,
		.seq = seq,
		.file_id = TRACE_WRITER_FILE_ID,
		.block = (uint32_t)block,
	};
	trace_writer_seal_head((struct ct_block_header *)bytes);
	return bytes;
}

void trace_writer_seal_head(struct ct_block_header *header)
{
	header->head_sum = ct_block_head_sum(header);
}

void trace_writer_seal(struct trace_writer *writer, size_t block)
{
	struct ct_block_header *header = trace_writer_header(writer, block);
	trace_writer_seal_head(header);
	header->sum = ct_block_sum(header, header + 1);
}

struct ct_block_header *trace_writer_header(struct trace_writer *writer, size_t block)
{
	return (struct ct_block_header *)block_at(writer, block);
}

/* The payload of the block of a table with this seq, added when there is none. */
static unsigned char *table_block(struct trace_writer *writer, enum ct_block_type type,
				  uint64_t seq)
{
	for (size_t i = 0; i < writer->block_count; i++) {
		const struct ct_block_header *header = trace_writer_header(writer, i);
		if (header->type == type && header->seq == seq)
			return block_at(writer, i) + CT_BLOCK_HEADER_BYTES;
	}
	return trace_writer_block(writer, type, seq) + CT_BLOCK_HEADER_BYTES;
}

void trace_writer_site(struct trace_writer *writer, uint32_t number, const struct ct_site *site)
{
	struct ct_site *rows = (struct ct_site *)table_block(writer, CT_BLOCK_SITES,
							     (number - 1) / CT_SITES_PER_BLOCK);
	rows[(number - 1) % CT_SITES_PER_BLOCK] = *site;
}

void trace_writer_thread(struct trace_writer *writer, const struct ct_thread_row *row)
{
	struct ct_thread_row *rows = (struct ct_thread_row *)table_block(
		writer, CT_BLOCK_THREADS, (row->stream - 1) / CT_THREADS_PER_BLOCK);
	rows[(row->stream - 1) % CT_THREADS_PER_BLOCK] = *row;
}

void trace_writer_module(struct trace_writer *writer, const struct ct_module *module,
			 const char *path)
{
	unsigned char *at = table_block(writer, CT_BLOCK_MODULES, 0);
	for (uint32_t size_bytes; memcpy(&size_bytes, at, sizeof(size_bytes)), size_bytes;)
		at += size_bytes;
	struct ct_module entry = *module;
	entry.path_bytes = (uint16_t)strlen(path);
	entry.size_bytes = (uint32_t)(sizeof(entry) + entry.path_bytes + 7) & ~UINT32_C(7);
	memcpy(at, &entry, sizeof(entry));
	memcpy(at + sizeof(entry), path, entry.path_bytes);
}

/* Room for an entry of a chain, in the first block of the table that has it. */
static unsigned char *chain_room(struct trace_writer *writer, enum ct_block_type type,
				 size_t size_bytes)
{
	for (uint64_t seq = 0;; seq++) {
		unsigned char *first = table_block(writer, type, seq);
		unsigned char *at = first;
		for (uint32_t step; memcpy(&step, at, sizeof(step)), step;)
			at += step;
		/* What ends the chain has to fit, too. */
		if ((size_t)(at - first) + size_bytes + sizeof(uint64_t) <=
		    CT_BLOCK_BYTES - CT_BLOCK_HEADER_BYTES)
			return at;
	}
}

static unsigned char *put(unsigned char *at, const void *bytes, size_t length)
{
	if (length)
		memcpy(at, bytes, length);
	return at + length;
}

void trace_writer_seal_plan(struct ct_plan_row *row)
{
	struct ct_plan *plan = (struct ct_plan *)(row + 1);
	plan->checksum = ct_plan_checksum(plan);
}

struct ct_plan_row *trace_writer_plan(struct trace_writer *writer, const struct trace_plan *plan)
{
	struct ct_plan head = {
		.kind = CT_PLAN_ENTER,
		.op_count = (uint16_t)plan->op_count,
		.shape_count = (uint16_t)plan->shape_count,
		.description_bytes = (uint16_t)plan->description_bytes,
	};
	size_t ops_bytes = plan->op_count * sizeof(*plan->ops);
	size_t shape_bytes = plan->shape_count * sizeof(*plan->shape);
	head.size_bytes =
		(uint32_t)(sizeof(head) + ops_bytes + shape_bytes + plan->description_bytes + 7) &
		~UINT32_C(7);
	struct ct_plan_row row = {
		.size_bytes = (uint32_t)sizeof(row) + (plan->why ? 0 : head.size_bytes),
		.module = plan->module,
		.site = plan->site,
		.why = plan->why,
	};
	unsigned char *start = chain_room(writer, CT_BLOCK_PLANS, row.size_bytes);
	unsigned char *at = put(start, &row, sizeof(row));
	if (!plan->why) {
		at = put(at, &head, sizeof(head));
		at = put(at, plan->ops, ops_bytes);
		at = put(at, plan->shape, shape_bytes);
		put(at, plan->description, plan->description_bytes);
		trace_writer_seal_plan((struct ct_plan_row *)start);
	}
	return (struct ct_plan_row *)start;
}

void trace_records_bytes(struct trace_records *records, const void *bytes, size_t length)
{
	if (records->length + length > records->capacity) {
		records->capacity = (records->length + length) * 2;
		records->bytes = checked_realloc(records->bytes, records->capacity);
	}
	if (length)
		memcpy(records->bytes + records->length, bytes, length);
	records->length += length;
}

void trace_records_enter(struct trace_records *records, uint64_t ticks, uint32_t site)
{
	uint64_t word = ct_record_enter(ticks, site);
	trace_records_bytes(records, &word, CT_ENTER_BYTES);
}

void trace_records_return(struct trace_records *records, uint64_t ticks)
{
	uint32_t word = ct_record_return(ticks);
	trace_records_bytes(records, &word, CT_RETURN_BYTES);
}

void trace_records_extended(struct trace_records *records, enum ct_extended_kind kind,
			    uint32_t depth, uint64_t ticks, uint64_t value)
{
	struct ct_extended record = {
		.head = (uint8_t)(CT_RECORD_EXTENDED | kind << 2),
		.size_bytes = CT_EXTENDED_BYTES,
		.depth = depth,
		.ticks = ticks,
		.value = value,
	};
	trace_records_bytes(records, &record, sizeof(record));
}

void trace_records_values(struct trace_records *records, const void *payload, size_t length)
{
	uint16_t size_bytes = (uint16_t)(CT_VALUES_HEAD_BYTES + length);
	unsigned char short_head = (unsigned char)(CT_VALUES_SHORT_HEAD | length << 2);
	if (length <= CT_VALUES_SHORT_MAX) {
		trace_records_bytes(records, &short_head, 1);
	} else {
		trace_records_bytes(records, &(unsigned char){CT_VALUES_HEAD}, 1);
		trace_records_bytes(records, &size_bytes, sizeof(size_bytes));
	}
	if (length)
		trace_records_bytes(records, payload, length);
}

static size_t add_piece(struct trace_writer *writer, struct trace_piece piece,
			struct trace_records *records)
{
	unsigned char *bytes = trace_writer_block(writer, CT_BLOCK_RECORDS, piece.seq);
	struct ct_block_header *header = (struct ct_block_header *)bytes;
	header->stream = piece.stream;
	header->depth = piece.depth;
	header->stack = piece.stack;
	header->epoch = piece.epoch;
	if (records->length > CT_BLOCK_BYTES - CT_BLOCK_HEADER_BYTES)
		errx(1, "building a trace: more records than a piece holds");
	if (records->length)
		memcpy(bytes + CT_BLOCK_HEADER_BYTES, records->bytes, records->length);
	return writer->block_count - 1;
}

static void empty_records(struct trace_records *records)
{
	free(records->bytes);
	*records = (struct trace_records){0};
}

size_t trace_writer_append(struct trace_writer *writer, struct trace_piece piece,
			   struct trace_records *records)
{
	size_t block = add_piece(writer, piece, records);
	trace_writer_header(writer, block)->used_bytes = (uint32_t)records->length;
	trace_writer_seal(writer, block);
	empty_records(records);
	return block;
}

size_t trace_writer_live(struct trace_writer *writer, struct trace_piece piece,
			 struct trace_records *records)
{
	size_t block = add_piece(writer, piece, records);
	trace_writer_header(writer, block)->head_sum = 0;
	empty_records(records);
	return block;
}

const char *trace_writer_save(struct trace_writer *writer)
{
	if (!*writer->path) {
		strcpy(writer->path, "/tmp/ct-unit-XXXXXX");
		int fd = mkstemp(writer->path);
		if (fd < 0)
			err(1, "%s", writer->path);
		close(fd);
	}
	FILE *file = fopen(writer->path, "we");
	size_t length = writer->block_count * CT_BLOCK_BYTES - writer->cut_bytes;
	if (!file || fwrite(writer->bytes, 1, length, file) != length || fclose(file))
		err(1, "%s", writer->path);
	return writer->path;
}
