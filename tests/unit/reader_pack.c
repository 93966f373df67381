/* SPDX-License-Identifier: MIT */
/* Packed traces: every byte comes back, and damage is found, wherever it is. */
#include "reader/pack.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "analysis/pack_writer.h"
#include "analysis/profile.h"
#include "analysis/session.h"
#include "export/output.h"
#include "reader/pieces.h"
#include "reader_test.h"

enum { HIGH_SITE = 70000 }; /* more than a token can say */

/* ---- columns ---- */

static void columns_come_back(void **state)
{
	(void)state;
	ct_cleanup(ct_columns_deinit) struct ct_columns columns = {.count = 3}, again = {0};
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf body = {0};
	for (int i = 0; i < 100000; i++)
		ct_strbuf_add(&columns.columns[0], "abc", 3);
	ct_strbuf_add(&columns.columns[2], "x", 1);
	assert_true(ct_columns_write(&columns, 3, &body));
	assert_true(body.length < 1000);
	assert_true(ct_columns_read(&again, body.bytes, body.length, 3, 1 << 20));
	assert_int_equal(again.columns[0].length, 300000);
	assert_memory_equal(again.columns[0].bytes, columns.columns[0].bytes, 300000);
	assert_int_equal(again.columns[1].length, 0);
	assert_memory_equal(again.columns[2].bytes, "x", 1);
}

static void columns_longer_than_allowed_are_refused(void **state)
{
	(void)state;
	ct_cleanup(ct_columns_deinit) struct ct_columns columns = {.count = 1}, again = {0};
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf body = {0};
	for (int i = 0; i < 1000; i++)
		ct_strbuf_add(&columns.columns[0], "abc", 3);
	assert_true(ct_columns_write(&columns, 3, &body));
	assert_false(ct_columns_read(&again, body.bytes, body.length, 1, 2999));
	assert_true(ct_columns_read(&again, body.bytes, body.length, 1, 3000));
	assert_false(ct_columns_read(&again, body.bytes, body.length, 2, 3000));
}

/* A few bytes that stand for hundreds of megabytes: the writer does not make them, the reader
 * does not take them. */
static void columns_compressed_beyond_reason_are_refused(void **state)
{
	(void)state;
	enum { LENGTH = 8 << 20 };
	ct_cleanup(ct_columns_deinit) struct ct_columns columns = {.count = 1}, again = {0};
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf body = {0};
	assert_true(ct_strbuf_reserve(&columns.columns[0], LENGTH));
	memset(columns.columns[0].bytes, 0, LENGTH);
	columns.columns[0].length = LENGTH;
	assert_true(ct_columns_write(&columns, 3, &body));
	assert_true(body.length >= LENGTH);
	assert_true(ct_columns_read(&again, body.bytes, body.length, 1, LENGTH));
	const struct ct_pack_column lie = {.raw_bytes = LENGTH, .stored_bytes = 1000};
	memcpy(body.bytes + sizeof(uint32_t), &lie, sizeof(lie));
	assert_false(ct_columns_read(&again, body.bytes, body.length, 1, LENGTH));
}

/* ---- pieces ---- */

/* Records of every kind. */
static void add_all_kinds(struct trace_records *records)
{
	const uint64_t epoch = UINT64_C(3) << CT_EPOCH_SHIFT;
	char payload[200];
	memset(payload, 'p', sizeof(payload));
	for (uint32_t i = 0; i < 500; i++) {
		trace_records_enter(records, i * 3000, i % 7 + 1);
		trace_records_enter(records, i * 3000 + 5, i % 2 ? HIGH_SITE : 0);
		trace_records_values(records, payload, i % 200);
		trace_records_return(records, i * 3000 + 9);
		trace_records_return(records, i * 3000 + 2000);
	}
	trace_records_extended(records, CT_EXTENDED_SYNC, 0, epoch, 3);
	trace_records_enter(records, epoch + 1, CT_SITE_MAX);
	trace_records_extended(records, CT_EXTENDED_CREATE, 0, epoch + 2, 7);
	trace_records_extended(records, CT_EXTENDED_STACK, 0, epoch + 3, 2);
	trace_records_extended(records, CT_EXTENDED_UNWIND, 0, epoch + 4, 1);
	trace_records_extended(records, CT_EXTENDED_LOST, 0, epoch + 5, 9);
	trace_records_return(records, epoch + 3); /* the clock went back */
	const unsigned char unknown[] = {CT_RECORD_EXTENDED | 20 << 2, 6, 1, 2, 3, 4};
	trace_records_bytes(records, unknown, sizeof(unknown));
}

struct frame {
	struct ct_columns columns;
	struct ct_pack_frame facts;
};

static bool split(struct frame *frame, const unsigned char *block, uint32_t ordinal)
{
	frame->columns.count = CT_PIECES_COLUMNS;
	return ct_piece_split(&frame->columns, block, ordinal, &frame->facts);
}

static void assert_joins(const struct frame *frame, const unsigned char *first,
			 const unsigned char *second)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf body = {0};
	ct_cleanup(ct_columns_deinit) struct ct_columns again = {0};
	ct_cleanup(ct_cleanup_free) unsigned char *block = malloc(CT_BLOCK_BYTES);
	uint32_t ordinal;
	size_t used;
	assert_non_null(block);
	assert_true(ct_columns_write(&frame->columns, 3, &body));
	assert_true(ct_columns_read(&again, body.bytes, body.length, CT_PIECES_COLUMNS, 1 << 20));
	struct ct_joiner joiner = {.columns = &again};
	assert_true(ct_piece_join(&joiner, block, &ordinal, &used));
	assert_int_equal(ordinal, 5);
	assert_memory_equal(block, first, CT_BLOCK_BYTES);
	if (second) {
		assert_true(ct_piece_join(&joiner, block, &ordinal, &used));
		assert_int_equal(ordinal, 6);
		assert_memory_equal(block, second, CT_BLOCK_BYTES);
	}
	assert_false(ct_piece_join(&joiner, block, &ordinal, &used));
}

static void pieces_of_all_records_come_back(void **state)
{
	(void)state;
	ct_cleanup(trace_writer_deinit) struct trace_writer writer;
	ct_cleanup(ct_cleanup_free) struct frame *frame = calloc(1, sizeof(*frame));
	struct trace_records records = {0};
	trace_writer_init(&writer);
	add_all_kinds(&records);
	trace_writer_append(&writer, (struct trace_piece){.stream = 1}, &records);
	add_all_kinds(&records);
	trace_writer_live(&writer, (struct trace_piece){.stream = 1, .seq = 1, .depth = 4},
			  &records);
	assert_non_null(frame);
	const unsigned char *block = writer.bytes + CT_BLOCK_BYTES;
	assert_true(split(frame, block, 5));
	assert_true(split(frame, block + CT_BLOCK_BYTES, 6));
	assert_joins(frame, block, block + CT_BLOCK_BYTES);
	assert_int_equal(frame->facts.stream, 1);
	assert_int_equal(frame->facts.calls, 2 * 1001);
	assert_int_equal(frame->facts.depth, 6);
	assert_int_equal(frame->facts.block_count, 2);
	assert_true(frame->facts.last_ticks >= UINT64_C(3) << CT_EPOCH_SHIFT);
	ct_columns_deinit(&frame->columns);
}

static void full_piece_of_the_smallest_records_comes_back(void **state)
{
	(void)state;
	ct_cleanup(trace_writer_deinit) struct trace_writer writer;
	struct frame frame = {0};
	struct trace_records records = {0};
	trace_writer_init(&writer);
	const unsigned char smallest = CT_VALUES_SHORT_HEAD;
	while (records.length < CT_BLOCK_BYTES - CT_BLOCK_HEADER_BYTES)
		trace_records_bytes(&records, &smallest, 1);
	trace_writer_append(&writer, (struct trace_piece){.stream = 1}, &records);
	const unsigned char *block = writer.bytes + CT_BLOCK_BYTES;
	assert_true(split(&frame, block, 5));
	assert_joins(&frame, block, NULL);
	ct_columns_deinit(&frame.columns);
}

static void blocks_with_anything_else_in_them_are_no_pieces(void **state)
{
	(void)state;
	/* behind the records, at the end or at once; a record that is none; one that goes on
	 * beyond the end */
	for (int what = 0; what < 4; what++) {
		ct_cleanup(trace_writer_deinit) struct trace_writer writer;
		struct frame frame = {0};
		struct trace_records records = {0};
		trace_writer_init(&writer);
		trace_records_enter(&records, 10, 1);
		trace_records_return(&records, 20);
		trace_writer_append(&writer, (struct trace_piece){.stream = 1}, &records);
		unsigned char *block = writer.bytes + CT_BLOCK_BYTES;
		assert_true(split(&frame, block, 1));
		const size_t at[] = {CT_BLOCK_BYTES - 1, CT_BLOCK_HEADER_BYTES + 9,
				     CT_BLOCK_HEADER_BYTES, CT_BLOCK_HEADER_BYTES + 6};
		block[at[what]] = what == 3 ? CT_RECORD_ENTER : block[at[what]] ^ 0x41;
		size_t before = frame.columns.columns[CT_PIECES_TOKENS].length;
		assert_false(split(&frame, block, 2));
		assert_int_equal(frame.columns.columns[CT_PIECES_TOKENS].length, before);
		ct_columns_deinit(&frame.columns);
	}
}

/* ---- whole files ---- */

struct packed {
	struct trace_writer raw;
	char path[64];
};

static void session_cleanup(struct ct_session **session)
{
	ct_session_destroy(*session);
}

static void output_cleanup(struct ct_output **output)
{
	ct_output_destroy(*output);
}

static void pack_cleanup(struct ct_pack **pack)
{
	ct_pack_release(*pack);
}

static void write_pack(const char *raw, const char *path)
{
	ct_cleanup(session_cleanup) struct ct_session *session = NULL;
	ct_cleanup(output_cleanup) struct ct_output *output = NULL;
	const struct ct_pack_options options = {.level = 3, .verify = true};
	struct ct_pack_result result;
	assert_no_error(ct_session_open(&raw, 1, 0, NULL, &session));
	assert_no_error(ct_output_create(path, &output));
	assert_no_error(ct_pack_write(session, &options, output, &result));
	assert_no_error(ct_output_commit(output));
}

/* Two threads, eleven pieces, a window, a hole, a torn piece and a cut last block. */
static void packed_init(struct packed *packed)
{
	struct trace_writer *writer = &packed->raw;
	struct trace_records records = {0};
	trace_writer_init(writer);
	add_sites(writer);
	for (uint32_t stream = 1; stream <= 2; stream++) {
		struct ct_thread_row row = {.stream = stream, .tid = stream, .start_ticks = 1000};
		trace_writer_thread(writer, &row);
	}
	for (uint32_t seq = 0; seq < 10; seq++) {
		for (uint32_t i = 0; i < 20; i++) {
			trace_records_enter(&records, seq * 1000 + i * 10 + 1000, i % 5 + 1);
			trace_records_return(&records, seq * 1000 + i * 10 + 1005);
		}
		trace_writer_append(writer,
				    (struct trace_piece){.stream = seq % 2 + 1, .seq = seq / 2},
				    &records);
	}
	trace_records_enter(&records, 20000, 2);
	trace_writer_live(writer, (struct trace_piece){.stream = 1, .seq = 5}, &records);
	trace_records_enter(&records, 20000, 3);
	size_t torn = trace_writer_append(writer, (struct trace_piece){.stream = 2, .seq = 5},
					  &records);
	writer->bytes[torn * CT_BLOCK_BYTES + CT_BLOCK_HEADER_BYTES + 5] ^= 1;
	memset(trace_writer_block(writer, CT_BLOCK_RECORDS, 0), 0, CT_BLOCK_BYTES);
	trace_records_enter(&records, 20000, 3);
	trace_records_return(&records, 20010);
	trace_writer_append(writer, (struct trace_piece){.stream = 2, .seq = 6}, &records);
	writer->cut_bytes = CT_BLOCK_BYTES - 500;
	trace_writer_save(writer);
	snprintf(packed->path, sizeof(packed->path), "%s.ctpack", writer->path);
	write_pack(writer->path, packed->path);
}

static void packed_deinit(struct packed *packed)
{
	unlink(packed->path);
	trace_writer_deinit(&packed->raw);
}

static void every_block_comes_back(void **state)
{
	(void)state;
	ct_cleanup(packed_deinit) struct packed packed;
	ct_cleanup(pack_cleanup) struct ct_pack *pack = NULL;
	ct_cleanup(ct_pack_cache_deinit) struct ct_pack_cache cache = {0};
	ct_cleanup(ct_cleanup_free) unsigned char *block = calloc(1, CT_BLOCK_BYTES);
	packed_init(&packed);
	assert_no_error(ct_pack_open(packed.path, &pack));
	assert_int_equal(ct_pack_damage(pack), 0);
	assert_int_equal(ct_pack_input_count(pack), 1);
	size_t bytes = packed.raw.block_count * CT_BLOCK_BYTES - packed.raw.cut_bytes;
	assert_int_equal(ct_pack_trace_bytes(pack, 0), bytes);
	for (uint32_t i = 0; i < packed.raw.block_count; i++) {
		size_t left = bytes - (size_t)i * CT_BLOCK_BYTES;
		size_t length = left < CT_BLOCK_BYTES ? left : CT_BLOCK_BYTES;
		assert_int_equal(ct_pack_read_block(pack, 0, i, block, CT_BLOCK_BYTES, &cache),
				 length);
		assert_memory_equal(block, packed.raw.bytes + (size_t)i * CT_BLOCK_BYTES, length);
	}
	assert_int_equal(ct_pack_read_block(pack, 0, (uint32_t)packed.raw.block_count, block,
					    CT_BLOCK_BYTES, &cache),
			 0);
}

static void walk_both(const char *left, const char *right)
{
	ct_cleanup(cleanup_trace) struct ct_trace *raw = NULL;
	ct_cleanup(cleanup_trace) struct ct_trace *packed = NULL;
	assert_no_error(ct_trace_open(left, &raw));
	assert_no_error(ct_trace_open(right, &packed));
	assert_int_equal(ct_trace_damage(raw), ct_trace_damage(packed));
	assert_int_equal(ct_trace_end_ticks(raw), ct_trace_end_ticks(packed));
	assert_int_equal(ct_trace_thread_count(raw), ct_trace_thread_count(packed));
	for (uint32_t stream = 1; stream <= ct_trace_thread_count(raw); stream++) {
		ct_cleanup(ct_strbuf_deinit) struct ct_strbuf expected = {0}, walked = {0};
		walk_text(raw, stream, 0, &expected);
		walk_text(packed, stream, 0, &walked);
		assert_string_equal(walked.bytes, expected.bytes);
	}
}

static void walk_is_the_same(void **state)
{
	(void)state;
	ct_cleanup(packed_deinit) struct packed packed;
	packed_init(&packed);
	walk_both(packed.raw.path, packed.path);
}

static void trace_is_packed_again_from_a_packed_file(void **state)
{
	(void)state;
	ct_cleanup(packed_deinit) struct packed packed;
	char again[80];
	packed_init(&packed);
	snprintf(again, sizeof(again), "%s.again", packed.path);
	write_pack(packed.path, again);
	walk_both(packed.raw.path, again);
	unlink(again);
}

static void profile_cleanup(struct ct_profile **profile)
{
	ct_profile_destroy(*profile);
}

static void profile_of(const char *path, struct ct_session **session, struct ct_profile **profile)
{
	const struct ct_profile_options options = {.by = CT_BY_FUNCTION};
	assert_no_error(ct_session_open(&path, 1, 0, NULL, session));
	assert_no_error(ct_profile_create(*session, NULL, &options, profile));
}

static void summary_is_what_counting_gives(void **state)
{
	(void)state;
	ct_cleanup(packed_deinit) struct packed packed;
	ct_cleanup(session_cleanup) struct ct_session *raw = NULL;
	ct_cleanup(session_cleanup) struct ct_session *session = NULL;
	ct_cleanup(profile_cleanup) struct ct_profile *expected = NULL;
	ct_cleanup(profile_cleanup) struct ct_profile *profile = NULL;
	packed_init(&packed);
	profile_of(packed.raw.path, &raw, &expected);
	profile_of(packed.path, &session, &profile);
	assert_int_equal(profile->calls, expected->calls);
	assert_int_equal(profile->self_ns, expected->self_ns);
	assert_int_equal(profile->lost_events, expected->lost_events);
	assert_true(expected->lost_events > 0);
	assert_int_equal(profile->row_count, expected->row_count);
	for (size_t i = 0; i < profile->row_count; i++) {
		const struct ct_statistic *a = &profile->rows[i].times;
		const struct ct_statistic *b = &expected->rows[i].times;
		assert_int_equal(profile->rows[i].key, expected->rows[i].key);
		assert_int_equal(a->calls, b->calls);
		assert_int_equal(a->unfinished, b->unfinished);
		assert_int_equal(a->total_ns, b->total_ns);
		assert_int_equal(a->min_ns, b->min_ns);
		assert_int_equal(a->max_ns, b->max_ns);
		for (unsigned int percent = 0; percent <= 100; percent += 10)
			assert_int_equal(ct_statistic_percentile(a, percent),
					 ct_statistic_percentile(b, percent));
	}
}

/* ---- damage ---- */

struct bytes {
	unsigned char *bytes;
	size_t length;
};

static struct bytes read_file(const char *path)
{
	struct bytes file = {0};
	struct stat status;
	FILE *from = fopen(path, "rb");
	assert_non_null(from);
	assert_int_equal(fstat(fileno(from), &status), 0);
	file.length = (size_t)status.st_size;
	file.bytes = malloc(file.length);
	assert_int_equal(fread(file.bytes, 1, file.length, from), file.length);
	fclose(from);
	return file;
}

static void write_file(const char *path, const unsigned char *bytes, size_t length)
{
	FILE *to = fopen(path, "wb");
	assert_non_null(to);
	assert_int_equal(fwrite(bytes, 1, length, to), length);
	assert_int_equal(fclose(to), 0);
}

/* Calls that can be walked; whatever is wrong with the file. */
static uint64_t calls_that_can_be_read(const char *path)
{
	ct_cleanup(cleanup_trace) struct ct_trace *trace = NULL;
	struct ct_error *err = ct_trace_open(path, &trace);
	uint64_t calls = 0;
	if (err) {
		assert_true(strlen(err->message) > 10);
		ct_error_destroy(err);
		return 0;
	}
	for (uint32_t stream = 1; stream <= ct_trace_thread_count(trace); stream++) {
		ct_cleanup(cleanup_walk) struct ct_walk *walk = create_walk(trace, stream);
		struct promises promises = {0};
		for (struct ct_step step; ct_walk_next(walk, &step);)
			check_promises(&promises, &step);
		assert_int_equal(promises.calls, promises.ends);
		calls += promises.calls;
	}
	return calls;
}

static bool is_whole(const char *path)
{
	ct_cleanup(pack_cleanup) struct ct_pack *pack = NULL;
	struct ct_error *err = ct_pack_open(path, &pack);
	ct_error_destroy(err);
	if (err || ct_pack_damage(pack))
		return false;
	for (uint32_t i = 0; i < ct_pack_input_count(pack); i++) {
		ct_cleanup(ct_columns_deinit) struct ct_columns names = {0}, summary = {0};
		for (uint32_t j = 0; j < ct_pack_frame_count(pack, i); j++)
			if (!ct_pack_check_frame(pack, i, j))
				return false;
		if (!ct_pack_read_names(pack, i, &names) || !ct_pack_read_summary(pack, &summary))
			return false;
	}
	return true;
}

static void file_cut_at_any_byte_gives_what_is_there(void **state)
{
	(void)state;
	ct_cleanup(packed_deinit) struct packed packed;
	packed_init(&packed);
	struct bytes file = read_file(packed.path);
	uint64_t before = 0, all = calls_that_can_be_read(packed.path);
	assert_true(all > 200);
	for (size_t length = 0; length < file.length; length += 29) {
		write_file(packed.path, file.bytes, length);
		assert_false(is_whole(packed.path));
		uint64_t calls = calls_that_can_be_read(packed.path);
		assert_true(calls >= before && calls <= all);
		before = calls;
	}
	assert_int_equal(before, all);
	free(file.bytes);
}

static void flipped_bit_is_found_wherever_it_is(void **state)
{
	(void)state;
	ct_cleanup(packed_deinit) struct packed packed;
	packed_init(&packed);
	struct bytes file = read_file(packed.path);
	uint64_t all = calls_that_can_be_read(packed.path);
	uint64_t worst = all;
	for (size_t at = sizeof(struct ct_pack_header); at < file.length; at += 7) {
		file.bytes[at] ^= (unsigned char)(1 << at % 8);
		write_file(packed.path, file.bytes, file.length);
		/* What fills chunks up is not looked at. */
		bool is_filling = (file.bytes[at] & (file.bytes[at] - 1)) == 0;
		if (is_whole(packed.path))
			assert_true(is_filling);
		uint64_t calls = calls_that_can_be_read(packed.path);
		assert_true(calls <= all);
		if (calls > 0 && calls < worst)
			worst = calls;
		file.bytes[at] ^= (unsigned char)(1 << at % 8);
	}
	/* The others of the stream are there still, and the other stream is. */
	assert_true(worst < all && worst > all / 4);
	free(file.bytes);
}

static void bytes_missing_in_the_middle_cost_no_more_than_a_frame(void **state)
{
	(void)state;
	ct_cleanup(packed_deinit) struct packed packed;
	ct_cleanup(pack_cleanup) struct ct_pack *pack = NULL;
	packed_init(&packed);
	uint64_t all = calls_that_can_be_read(packed.path);
	assert_no_error(ct_pack_open(packed.path, &pack));
	struct bytes file = read_file(packed.path);
	/* In the first frame of records: eight bytes are gone, and all behind moves. */
	uint32_t frame = 0;
	while (ct_pack_frame_at(pack, 0, frame)->stream == 0)
		frame++;
	size_t at = ct_pack_frame_at(pack, 0, frame)->offset + 64;
	memmove(file.bytes + at, file.bytes + at + 8, file.length - at - 8);
	write_file(packed.path, file.bytes, file.length - 8);
	uint64_t calls = calls_that_can_be_read(packed.path);
	assert_true(calls < all && calls >= all - 4 * 20 - 1);
	free(file.bytes);
}

static void newer_version_is_told(void **state)
{
	(void)state;
	ct_cleanup(packed_deinit) struct packed packed;
	struct ct_pack *pack = NULL;
	packed_init(&packed);
	struct bytes file = read_file(packed.path);
	struct ct_pack_header header;
	memcpy(&header, file.bytes, sizeof(header));
	header.version = 2;
	header.hash = XXH3_64bits(&header, offsetof(struct ct_pack_header, hash));
	memcpy(file.bytes, &header, sizeof(header));
	write_file(packed.path, file.bytes, file.length);
	assert_error_says(ct_pack_open(packed.path, &pack), "packed in version 2");
	free(file.bytes);
}

static void chunk_of_an_unknown_type_is_skipped(void **state)
{
	(void)state;
	ct_cleanup(packed_deinit) struct packed packed;
	ct_cleanup(pack_cleanup) struct ct_pack *pack = NULL;
	packed_init(&packed);
	uint64_t all = calls_that_can_be_read(packed.path);
	assert_no_error(ct_pack_open(packed.path, &pack));
	struct bytes file = read_file(packed.path);
	/* The summary becomes one. */
	for (size_t at = sizeof(struct ct_pack_header);
	     at + sizeof(struct ct_pack_chunk) < file.length; at += CT_PACK_ALIGNMENT) {
		struct ct_pack_chunk chunk;
		memcpy(&chunk, file.bytes + at, sizeof(chunk));
		if (chunk.magic != CT_PACK_CHUNK_MAGIC || chunk.type != CT_PACK_SUMMARY)
			continue;
		chunk.type = 99;
		chunk.hash = XXH3_64bits(&chunk, offsetof(struct ct_pack_chunk, hash));
		memcpy(file.bytes + at, &chunk, sizeof(chunk));
	}
	write_file(packed.path, file.bytes, file.length);
	assert_int_equal(calls_that_can_be_read(packed.path), all);
	/* The same by reading through the file. */
	write_file(packed.path, file.bytes, file.length - 1);
	assert_int_equal(calls_that_can_be_read(packed.path), all);
	free(file.bytes);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(columns_come_back),
	cmocka_unit_test(columns_longer_than_allowed_are_refused),
	cmocka_unit_test(columns_compressed_beyond_reason_are_refused),
	cmocka_unit_test(pieces_of_all_records_come_back),
	cmocka_unit_test(full_piece_of_the_smallest_records_comes_back),
	cmocka_unit_test(blocks_with_anything_else_in_them_are_no_pieces),
	cmocka_unit_test(every_block_comes_back),
	cmocka_unit_test(walk_is_the_same),
	cmocka_unit_test(trace_is_packed_again_from_a_packed_file),
	cmocka_unit_test(summary_is_what_counting_gives),
	cmocka_unit_test(file_cut_at_any_byte_gives_what_is_there),
	cmocka_unit_test(flipped_bit_is_found_wherever_it_is),
	cmocka_unit_test(bytes_missing_in_the_middle_cost_no_more_than_a_frame),
	cmocka_unit_test(newer_version_is_told),
	cmocka_unit_test(chunk_of_an_unknown_type_is_skipped),
};

UNIT_TEST_MAIN(tests)
