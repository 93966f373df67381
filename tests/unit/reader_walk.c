/* SPDX-License-Identifier: MIT */
/* What a walk over a thread's records tells, also of records that do not nest. */
#include "reader/damage.h"
#include "reader_test.h"

#include <malloc.h>

/* A trace with sites and stream 1, and records to come. */
struct fixture {
	struct trace_writer writer;
	struct trace_records records;
	uint64_t ticks;
};

static void init_fixture(struct fixture *f)
{
	*f = (struct fixture){.ticks = 2000};
	trace_writer_init(&f->writer);
	add_sites(&f->writer);
	struct ct_thread_row row = {.stream = 1, .tid = 1, .flags = CT_THREAD_MAIN};
	trace_writer_thread(&f->writer, &row);
}

static void deinit_fixture(struct fixture *f)
{
	free(f->records.bytes);
	trace_writer_deinit(&f->writer);
}

#define FIXTURE(f)                                   \
	ct_cleanup(deinit_fixture) struct fixture f; \
	init_fixture(&(f))

static struct ct_strbuf told;

static void keep_sentence(const char *sentence)
{
	ct_strbuf_add_string(&told, sentence);
}

static void drop_sentence(const char *sentence)
{
	(void)sentence;
}

static void enter(struct fixture *f, uint32_t site)
{
	trace_records_enter(&f->records, f->ticks += 10, site);
}

static void leave(struct fixture *f)
{
	trace_records_return(&f->records, f->ticks += 10);
}

static void extended(struct fixture *f, enum ct_extended_kind kind, uint32_t depth, uint64_t value)
{
	trace_records_extended(&f->records, kind, depth, f->ticks += 10, value);
}

/* Put the records into the file as the next piece of stream 1. */
static size_t append(struct fixture *f, uint64_t seq, uint32_t depth)
{
	return trace_writer_append(&f->writer, (struct trace_piece){1, seq, depth, 0, 0},
				   &f->records);
}

static size_t live(struct fixture *f, uint64_t seq, uint32_t depth)
{
	return trace_writer_live(&f->writer, (struct trace_piece){1, seq, depth, 0, 0},
				 &f->records);
}

static void assert_fixture_walk(struct fixture *f, const char *text)
{
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&f->writer);
	assert_walk(trace, 1, text);
}

static void nested_calls_come_in_order(void **state)
{
	(void)state;
	FIXTURE(f);
	enter(&f, 1);
	enter(&f, 2);
	enter(&f, 3);
	leave(&f);
	leave(&f);
	enter(&f, 2);
	leave(&f);
	leave(&f);
	append(&f, 0, 0);
	assert_fixture_walk(&f, "+1 +2 +3 -3 -2 +2 -2 -1");
}

static void times_follow_epochs(void **state)
{
	(void)state;
	FIXTURE(f);
	uint64_t epoch_ticks = UINT64_C(5) << CT_EPOCH_SHIFT;
	trace_records_enter(&f.records, 100, 1);
	trace_records_extended(&f.records, CT_EXTENDED_SYNC, 1, epoch_ticks, 5);
	trace_records_return(&f.records, 7);
	append(&f, 0, 0);
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&f.writer);
	ct_cleanup(cleanup_walk) struct ct_walk *walk = create_walk(trace, 1);
	struct ct_step step;
	assert_true(ct_walk_next(walk, &step));
	assert_int_equal(step.ticks, 100);
	assert_true(ct_walk_next(walk, &step));
	assert_int_equal(step.ticks, epoch_ticks + 7);
	assert_false(ct_walk_next(walk, &step));
}

static void times_never_run_backwards(void **state)
{
	(void)state;
	FIXTURE(f);
	trace_records_enter(&f.records, 500, 1);
	trace_records_enter(&f.records, 490, 2);
	trace_records_return(&f.records, 480);
	trace_records_return(&f.records, 600);
	append(&f, 0, 0);
	assert_fixture_walk(&f, "+1 +2 -2 -1"); /* walk_text() checks the ticks */
}

static void first_piece_gives_the_epoch(void **state)
{
	(void)state;
	FIXTURE(f);
	trace_records_enter(&f.records, 9, 1);
	trace_records_return(&f.records, 9);
	size_t block = live(&f, 0, 0);
	trace_writer_header(&f.writer, block)->epoch = 3;
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&f.writer);
	ct_cleanup(cleanup_walk) struct ct_walk *walk = create_walk(trace, 1);
	struct ct_step step;
	assert_true(ct_walk_next(walk, &step));
	assert_int_equal(step.ticks, (UINT64_C(3) << CT_EPOCH_SHIFT) + 9);
}

static void pieces_are_read_by_seq(void **state)
{
	(void)state;
	FIXTURE(f);
	enter(&f, 3);
	live(&f, 2, 2);
	enter(&f, 2);
	append(&f, 1, 1);
	enter(&f, 1);
	append(&f, 0, 0);
	assert_fixture_walk(&f, "+1 +2 +3 -3:exit -2:exit -1:exit");
}

static void appended_copy_wins_over_the_window(void **state)
{
	(void)state;
	FIXTURE(f);
	enter(&f, 1);
	live(&f, 0, 0);
	enter(&f, 2);
	append(&f, 0, 0);
	assert_fixture_walk(&f, "+2 -2:exit");
}

static void torn_copy_gives_way_to_the_window(void **state)
{
	(void)state;
	FIXTURE(f);
	enter(&f, 1);
	live(&f, 0, 0);
	enter(&f, 2);
	leave(&f);
	size_t torn = append(&f, 0, 0);
	((unsigned char *)(trace_writer_header(&f.writer, torn) + 1))[5] ^= 1;
	assert_fixture_walk(&f, "+1 -1:exit");
}

static void copy_cut_short_gives_way_to_the_window(void **state)
{
	(void)state;
	FIXTURE(f);
	enter(&f, 1);
	live(&f, 0, 0);
	enter(&f, 2);
	append(&f, 0, 0);
	/* The header and half a record are there. */
	f.writer.cut_bytes = CT_BLOCK_BYTES - CT_BLOCK_HEADER_BYTES - 3;
	assert_fixture_walk(&f, "+1 -1:exit");
}

static void short_last_block_is_read(void **state)
{
	(void)state;
	FIXTURE(f);
	enter(&f, 2);
	append(&f, 0, 0);
	f.writer.cut_bytes = CT_BLOCK_BYTES - CT_BLOCK_HEADER_BYTES - CT_ENTER_BYTES;
	assert_fixture_walk(&f, "+2 -2:exit");
}

static void torn_copy_without_window_is_lost(void **state)
{
	(void)state;
	FIXTURE(f);
	enter(&f, 1);
	append(&f, 0, 0);
	enter(&f, 2);
	size_t torn = append(&f, 1, 1);
	trace_writer_header(&f.writer, torn)->used_bytes++;
	trace_writer_seal_head(trace_writer_header(&f.writer, torn));
	leave(&f);
	append(&f, 2, 1);
	assert_fixture_walk(&f, "+1 lost 1 -1");
}

static void torn_last_piece_is_lost(void **state)
{
	(void)state;
	FIXTURE(f);
	enter(&f, 1);
	append(&f, 0, 0);
	enter(&f, 2);
	size_t torn = append(&f, 1, 1);
	trace_writer_header(&f.writer, torn)->used_bytes = CT_BLOCK_BYTES;
	trace_writer_seal_head(trace_writer_header(&f.writer, torn));
	assert_fixture_walk(&f, "+1 lost 1 -1:exit");
}

/* Any bit of a piece: no call is shown that was not made, and it is told. */
static void changed_piece_is_left_out_and_told(void **state)
{
	(void)state;
	FIXTURE(f);
	trace_writer_thread(&f.writer, &(struct ct_thread_row){.stream = 1, .tid = 7});
	enter(&f, 1);
	append(&f, 0, 0);
	enter(&f, 2);
	leave(&f);
	size_t changed = append(&f, 1, 1);
	leave(&f);
	append(&f, 2, 1);
	unsigned char *block = (unsigned char *)trace_writer_header(&f.writer, changed);
	for (size_t bit = 0; bit < 8 * (CT_BLOCK_HEADER_BYTES + CT_ENTER_BYTES + CT_RETURN_BYTES);
	     bit++) {
		uint64_t left_out_bytes;
		block[bit / 8] ^= (unsigned char)(1 << bit % 8);
		ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&f.writer);
		assert_walk(trace, 1, "+1 lost 1 -1");
		uint32_t left_out = ct_trace_left_out(trace, &left_out_bytes);
		assert_true(left_out > 0 || ct_trace_damage(trace) > 0);
		if (left_out && bit / 8 >= CT_BLOCK_HEADER_BYTES)
			assert_int_equal(left_out_bytes, CT_ENTER_BYTES + CT_RETURN_BYTES);
		block[bit / 8] ^= (unsigned char)(1 << bit % 8);
	}
	ct_damage_tell_all(drop_sentence);
}

/* The last piece of all, so that none is missing before another. */
static void changed_window_of_a_closed_trace_is_left_out_and_told(void **state)
{
	(void)state;
	FIXTURE(f);
	trace_writer_thread(&f.writer, &(struct ct_thread_row){.stream = 1, .tid = 7});
	enter(&f, 1);
	append(&f, 0, 0);
	enter(&f, 2);
	size_t window = live(&f, 1, 1);
	trace_writer_seal(&f.writer, window);
	((unsigned char *)(trace_writer_header(&f.writer, window) + 1))[4] ^= 16;
	{
		ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&f.writer);
		assert_walk(trace, 1, "+1 lost 1 -1:exit");
	}
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf expected = {0};
	ct_strbuf_printf(&expected,
			 "'%s' is damaged at byte %zu, in the calls of thread 7; 1 block with %d "
			 "bytes of calls left out, what else can be read is shown",
			 f.writer.path, window * CT_BLOCK_BYTES,
			 CT_BLOCK_BYTES - CT_BLOCK_HEADER_BYTES);
	told.length = 0;
	assert_true(ct_damage_tell_all(keep_sentence));
	assert_string_equal(told.bytes, expected.bytes);
	assert_false(ct_damage_tell_all(keep_sentence));
	ct_strbuf_deinit(&told);
}

static void duplicate_pieces_are_read_once(void **state)
{
	(void)state;
	FIXTURE(f);
	for (int i = 0; i < 3; i++) {
		enter(&f, 1);
		leave(&f);
		append(&f, 0, 0);
	}
	assert_fixture_walk(&f, "+1 -1");
}

static void window_of_no_thread_is_skipped(void **state)
{
	(void)state;
	FIXTURE(f);
	enter(&f, 1);
	leave(&f);
	append(&f, 0, 0);
	enter(&f, 2);
	size_t block = live(&f, 1, 0);
	trace_writer_header(&f.writer, block)->stream = 0;
	assert_fixture_walk(&f, "+1 -1");
}

static void missing_piece_keeps_calls_below_its_depth(void **state)
{
	(void)state;
	FIXTURE(f);
	enter(&f, 1);
	enter(&f, 2);
	enter(&f, 3);
	append(&f, 0, 0);
	enter(&f, 4);
	leave(&f);
	leave(&f);
	append(&f, 2, 1);
	assert_fixture_walk(&f, "+1 +2 +3 lost 1 -3:unwound -2:unwound +4 -4 -1");
}

static void returns_of_calls_never_seen_are_swallowed(void **state)
{
	(void)state;
	FIXTURE(f);
	enter(&f, 1);
	append(&f, 0, 0);
	/* Three calls were entered in pieces 1 to 4. */
	enter(&f, 2);
	leave(&f);
	leave(&f);
	leave(&f);
	enter(&f, 3);
	leave(&f);
	leave(&f);
	leave(&f);
	append(&f, 5, 4);
	assert_fixture_walk(&f, "+1 lost 4 +2 -2 +3 -3 -1");
}

static void stream_may_begin_late(void **state)
{
	(void)state;
	FIXTURE(f);
	leave(&f);
	enter(&f, 1);
	append(&f, 7, 2);
	assert_fixture_walk(&f, "lost 7 +1 -1:exit");
}

static void return_without_a_call_is_an_orphan(void **state)
{
	(void)state;
	FIXTURE(f);
	leave(&f);
	enter(&f, 1);
	leave(&f);
	leave(&f);
	append(&f, 0, 0);
	assert_fixture_walk(&f, "lost 1 +1 -1 lost 1");
}

static void unwind_ends_calls_above_its_depth(void **state)
{
	(void)state;
	FIXTURE(f);
	enter(&f, 1);
	enter(&f, 2);
	enter(&f, 3);
	extended(&f, CT_EXTENDED_UNWIND, 1, CT_UNWIND_LONGJMP);
	enter(&f, 4);
	leave(&f);
	leave(&f);
	append(&f, 0, 0);
	assert_fixture_walk(&f, "+1 +2 +3 -3:unwound -2:unwound +4 -4 -1");
}

static void unwind_to_nothing_ends_all(void **state)
{
	(void)state;
	FIXTURE(f);
	enter(&f, 1);
	enter(&f, 2);
	extended(&f, CT_EXTENDED_UNWIND, 0, CT_UNWIND_STALE);
	append(&f, 0, 0);
	assert_fixture_walk(&f, "+1 +2 -2:unwound -1:unwound");
}

static void coroutines_keep_their_calls(void **state)
{
	(void)state;
	FIXTURE(f);
	enter(&f, 1);
	extended(&f, CT_EXTENDED_STACK, 0, 5);
	enter(&f, 2);
	enter(&f, 3);
	extended(&f, CT_EXTENDED_STACK, 1, 0);
	enter(&f, 4);
	leave(&f);
	extended(&f, CT_EXTENDED_STACK, 2, 5);
	leave(&f);
	leave(&f);
	extended(&f, CT_EXTENDED_STACK, 1, 0);
	leave(&f);
	append(&f, 0, 0);
	assert_fixture_walk(&f, "+1 +2@5 +3@5 +4 -4 -3@5 -2@5 -1");
}

static void stack_record_ends_what_is_gone_on_the_new_stack(void **state)
{
	(void)state;
	FIXTURE(f);
	enter(&f, 1);
	enter(&f, 2);
	extended(&f, CT_EXTENDED_STACK, 0, 5);
	enter(&f, 3);
	extended(&f, CT_EXTENDED_STACK, 1, 0);
	leave(&f);
	append(&f, 0, 0);
	assert_fixture_walk(&f, "+1 +2 +3@5 -2:unwound -1 -3:exit@5");
}

static void stack_numbers_are_used_again(void **state)
{
	(void)state;
	FIXTURE(f);
	/* 600 share buckets, and are left empty in between. */
	for (uint32_t i = 1; i <= 600; i++) {
		extended(&f, CT_EXTENDED_STACK, 0, i);
		enter(&f, 1);
		if (i % 2)
			leave(&f);
	}
	for (uint32_t i = 600; i; i--) {
		extended(&f, CT_EXTENDED_STACK, i % 2 ? 0 : 1, i);
		if (i % 2 == 0)
			leave(&f);
	}
	append(&f, 0, 0);
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&f.writer);
	ct_cleanup(cleanup_walk) struct ct_walk *walk = create_walk(trace, 1);
	uint32_t returned = 0;
	for (struct ct_step step; ct_walk_next(walk, &step);) {
		assert_in_range(step.kind, CT_STEP_CALL, CT_STEP_END);
		assert_int_equal(step.depth, 0);
		returned += step.kind == CT_STEP_END && step.end == CT_CALL_RETURNED;
	}
	assert_int_equal(returned, 600);
}

/* Measured where malloc can tell; under a sanitizer it tells nothing. */
static void coroutines_that_ended_cost_no_memory(void **state)
{
	(void)state;
	enum { COROUTINES = 100000, PER_PIECE = 1000 };
	FIXTURE(f);
	uint64_t seq = 0;
	for (uint32_t i = 1; i <= COROUTINES; i++) {
		trace_records_extended(&f.records, CT_EXTENDED_STACK, 0, 2000, i);
		trace_records_enter(&f.records, 2000, 1);
		trace_records_return(&f.records, 2000);
		if (i % PER_PIECE == 0)
			trace_writer_append(&f.writer,
					    (struct trace_piece){1, seq++, 0, i - PER_PIECE, 0},
					    &f.records);
	}
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&f.writer);
	size_t before_bytes = mallinfo2().uordblks;
	ct_cleanup(cleanup_walk) struct ct_walk *walk = create_walk(trace, 1);
	uint32_t ends = 0;
	for (struct ct_step step; ct_walk_next(walk, &step);)
		ends += step.kind == CT_STEP_END && step.end == CT_CALL_RETURNED;
	assert_int_equal(ends, COROUTINES);
	assert_true(mallinfo2().uordblks < before_bytes + 200000);
}

static void pieces_begin_on_their_stack(void **state)
{
	(void)state;
	FIXTURE(f);
	enter(&f, 1);
	extended(&f, CT_EXTENDED_STACK, 0, 5);
	enter(&f, 2);
	append(&f, 0, 0);
	leave(&f);
	extended(&f, CT_EXTENDED_STACK, 1, 0);
	leave(&f);
	trace_writer_append(&f.writer, (struct trace_piece){1, 1, 1, 5, 0}, &f.records);
	assert_fixture_walk(&f, "+1 +2@5 -2@5 -1");
}

static void create_names_the_innermost_call(void **state)
{
	(void)state;
	FIXTURE(f);
	extended(&f, CT_EXTENDED_CREATE, 0, 8);
	enter(&f, 1);
	enter(&f, 2);
	extended(&f, CT_EXTENDED_CREATE, 0, 9);
	leave(&f);
	leave(&f);
	append(&f, 0, 0);
	assert_fixture_walk(&f, "create 8 in 0 +1 +2 create 9 in 2 -2 -1");
}

static void lost_events_take_calls_along(void **state)
{
	(void)state;
	FIXTURE(f);
	enter(&f, 1);
	enter(&f, 2);
	extended(&f, CT_EXTENDED_LOST, 1, 17);
	enter(&f, 3);
	extended(&f, CT_EXTENDED_LOST, 4, 2);
	leave(&f);
	leave(&f);
	leave(&f);
	leave(&f);
	append(&f, 0, 0);
	assert_fixture_walk(&f, "+1 +2 lost 17 -2:unwound +3 lost 2 -3 -1");
}

static void unknown_extended_records_are_skipped(void **state)
{
	(void)state;
	static const unsigned char odd[] = {CT_RECORD_EXTENDED | 30 << 2, 5, 1, 2, 3};
	static const unsigned char shortest[] = {CT_RECORD_EXTENDED | 31 << 2, 2};
	unsigned char longest[255] = {CT_RECORD_EXTENDED | 29 << 2, 255};
	FIXTURE(f);
	enter(&f, 1);
	trace_records_bytes(&f.records, odd, sizeof(odd));
	trace_records_bytes(&f.records, shortest, sizeof(shortest));
	trace_records_bytes(&f.records, longest, sizeof(longest));
	leave(&f);
	append(&f, 0, 0);
	assert_fixture_walk(&f, "+1 -1");
}

static void longer_extended_records_are_understood(void **state)
{
	(void)state;
	unsigned char record[32] = {CT_RECORD_EXTENDED | CT_EXTENDED_CREATE << 2, 32};
	record[16] = 6;
	FIXTURE(f);
	enter(&f, 1);
	trace_records_bytes(&f.records, record, sizeof(record));
	leave(&f);
	append(&f, 0, 0);
	assert_fixture_walk(&f, "+1 create 6 in 1 -1");
}

static void impossible_record_drops_the_rest_of_the_piece(void **state)
{
	(void)state;
	static const unsigned char endless[] = {CT_RECORD_EXTENDED, 0};
	static const unsigned char beyond[] = {CT_RECORD_EXTENDED | 30 << 2, 9, 0};
	FIXTURE(f);
	enter(&f, 1);
	trace_records_bytes(&f.records, endless, sizeof(endless));
	enter(&f, 2);
	append(&f, 0, 0);
	enter(&f, 3);
	trace_records_bytes(&f.records, beyond, sizeof(beyond));
	append(&f, 1, 1);
	leave(&f);
	leave(&f);
	append(&f, 2, 2);
	assert_fixture_walk(&f, "+1 lost 1 +3 lost 1 -3 -1");
}

static void record_cut_by_the_end_is_lost(void **state)
{
	(void)state;
	for (size_t kept = 1; kept < CT_ENTER_BYTES; kept++) {
		FIXTURE(f);
		enter(&f, 1);
		enter(&f, 2);
		f.records.length = CT_ENTER_BYTES + kept;
		append(&f, 0, 0);
		assert_fixture_walk(&f, "+1 lost 1 -1:exit");
	}
	FIXTURE(f);
	enter(&f, 1);
	leave(&f);
	f.records.length--;
	append(&f, 0, 0);
	assert_fixture_walk(&f, "+1 lost 1 -1:exit");
}

static void window_full_to_the_brim_is_read(void **state)
{
	(void)state;
	FIXTURE(f);
	size_t bytes = CT_BLOCK_BYTES - CT_BLOCK_HEADER_BYTES;
	size_t pairs = bytes / (CT_ENTER_BYTES + CT_RETURN_BYTES);
	for (size_t i = 0; i < pairs; i++) {
		trace_records_enter(&f.records, 1, 1);
		trace_records_return(&f.records, 1);
	}
	live(&f, 0, 0);
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&f.writer);
	ct_cleanup(cleanup_walk) struct ct_walk *walk = create_walk(trace, 1);
	size_t steps = 0;
	for (struct ct_step step; ct_walk_next(walk, &step);)
		steps++;
	assert_int_equal(steps, pairs * 2);
}

static void unknown_sites_are_site_0(void **state)
{
	(void)state;
	FIXTURE(f);
	enter(&f, CT_SITE_MAX);
	enter(&f, 1001);
	enter(&f, 0);
	enter(&f, 1000);
	append(&f, 0, 0);
	assert_fixture_walk(&f, "+0 +0 +0 +1000 -1000:exit -0:exit -0:exit -0:exit");
}

static void recursion_a_million_deep_comes_back(void **state)
{
	(void)state;
	enum { DEPTH = 1000000, PER_PIECE = 10000 };
	FIXTURE(f);
	uint64_t seq = 0;
	for (uint32_t depth = 0; depth < DEPTH; depth += PER_PIECE) {
		for (int i = 0; i < PER_PIECE; i++)
			trace_records_enter(&f.records, 1, 1 + i % 2);
		append(&f, seq++, depth);
	}
	for (uint32_t depth = DEPTH; depth; depth -= PER_PIECE) {
		for (int i = 0; i < PER_PIECE; i++)
			trace_records_return(&f.records, 1);
		append(&f, seq++, depth);
	}
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&f.writer);
	ct_cleanup(cleanup_walk) struct ct_walk *walk = create_walk(trace, 1);
	uint32_t depth = 0;
	uint32_t deepest = 0;
	for (struct ct_step step; ct_walk_next(walk, &step);) {
		if (step.kind == CT_STEP_END)
			depth--;
		assert_int_equal(step.depth, depth);
		assert_int_equal(step.site, 1 + depth % 2);
		assert_int_equal(step.end, CT_CALL_RETURNED);
		if (step.kind == CT_STEP_CALL)
			depth++;
		deepest = depth > deepest ? depth : deepest;
	}
	assert_int_equal(depth, 0);
	assert_int_equal(deepest, DEPTH);
}

static void huge_depths_cost_no_memory(void **state)
{
	(void)state;
	FIXTURE(f);
	extended(&f, CT_EXTENDED_UNWIND, UINT32_MAX, 0);
	enter(&f, 1);
	leave(&f);
	leave(&f);
	extended(&f, CT_EXTENDED_UNWIND, 0, 0);
	enter(&f, 2);
	extended(&f, CT_EXTENDED_STACK, UINT32_MAX, UINT64_MAX);
	enter(&f, 3);
	append(&f, 0, UINT32_MAX);
	assert_fixture_walk(&f, "+1 -1 +2 +3@4294967295 -3:exit@4294967295 -2:exit");
}

static void huge_gaps_are_counted(void **state)
{
	(void)state;
	FIXTURE(f);
	enter(&f, 1);
	append(&f, UINT64_MAX - 1, 0);
	enter(&f, 2);
	append(&f, UINT64_MAX, 0); /* no piece has this ordinal */
	assert_fixture_walk(&f, "lost 18446744073709551614 +1 -1:exit");
}

static void ends_tell_how_the_process_ended(void **state)
{
	(void)state;
	static const struct {
		enum ct_file_state state;
		uint32_t crash_stream;
		const char *text;
	} cases[] = {
		{CT_STATE_EXITED, 1, "+1 +2 -2:exit -1:exit"},
		{CT_STATE_EXEC, 0, "+1 +2 -2:exit -1:exit"},
		{CT_STATE_STOPPED, 0, "+1 +2 -2:exit -1:exit"},
		{CT_STATE_CRASHED, 1, "+1 +2 -2:crash -1:crash"},
		{CT_STATE_CRASHED, 2, "+1 +2 -2:exit -1:exit"},
		{CT_STATE_RUNNING, 1, "+1 +2 -2:killed -1:killed"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		FIXTURE(f);
		trace_writer_info(&f.writer)->state = cases[i].state;
		trace_writer_info(&f.writer)->crash_stream = cases[i].crash_stream;
		enter(&f, 1);
		enter(&f, 2);
		live(&f, 0, 0);
		assert_fixture_walk(&f, cases[i].text);
	}
}

static void thread_that_ended_left_its_calls(void **state)
{
	(void)state;
	FIXTURE(f);
	struct ct_thread_row row = {.stream = 1, .flags = CT_THREAD_ENDED, .end_ticks = 9000};
	trace_writer_thread(&f.writer, &row);
	enter(&f, 1);
	append(&f, 0, 0);
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&f.writer);
	ct_cleanup(cleanup_walk) struct ct_walk *walk = create_walk(trace, 1);
	struct ct_step step;
	assert_true(ct_walk_next(walk, &step));
	assert_true(ct_walk_next(walk, &step));
	assert_int_equal(step.kind, CT_STEP_END);
	assert_int_equal(step.end, CT_CALL_UNWOUND);
	assert_int_equal(step.ticks, 9000);
}

static void open_calls_end_with_the_trace(void **state)
{
	(void)state;
	FIXTURE(f);
	enter(&f, 1);
	append(&f, 0, 0);
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&f.writer);
	ct_cleanup(cleanup_walk) struct ct_walk *walk = create_walk(trace, 1);
	struct ct_step step;
	assert_true(ct_walk_next(walk, &step));
	assert_true(ct_walk_next(walk, &step));
	assert_int_equal(step.ticks, 1001000);
}

static void streams_are_apart(void **state)
{
	(void)state;
	FIXTURE(f);
	enter(&f, 1);
	append(&f, 0, 0);
	enter(&f, 2);
	trace_writer_append(&f.writer, (struct trace_piece){3, 0, 0, 0, 0}, &f.records);
	leave(&f);
	append(&f, 1, 1);
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&f.writer);
	assert_int_equal(ct_trace_thread_count(trace), 3);
	assert_walk(trace, 1, "+1 -1");
	assert_walk(trace, 2, "");
	assert_walk(trace, 3, "+2 -2:exit");
	assert_walk(trace, 0, "");
	assert_walk(trace, 4, "");
}

static void file_may_shrink_while_it_is_read(void **state)
{
	(void)state;
	FIXTURE(f);
	enter(&f, 1);
	append(&f, 0, 0);
	enter(&f, 2);
	append(&f, 1, 1);
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&f.writer);
	f.writer.cut_bytes = CT_BLOCK_BYTES;
	trace_writer_save(&f.writer); /* the same file, cut */
	assert_walk(trace, 1, "+1 lost 1 -1:exit");
}

static void window_that_went_on_is_left_out(void **state)
{
	(void)state;
	FIXTURE(f);
	enter(&f, 1);
	append(&f, 0, 0);
	enter(&f, 2);
	size_t block = live(&f, 1, 1);
	trace_writer_info(&f.writer)->state = CT_STATE_RUNNING;
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&f.writer);
	/* Its process has appended it meanwhile, beyond what was there, and goes on. */
	trace_writer_header(&f.writer, block)->seq = 2;
	trace_writer_save(&f.writer);
	assert_walk(trace, 1, "+1 -1:killed");
}

/* Its piece is being written when the trace is opened, and whole when it is read. */
static void piece_of_a_window_that_went_on_is_read(void **state)
{
	(void)state;
	FIXTURE(f);
	trace_writer_info(&f.writer)->state = CT_STATE_RUNNING;
	enter(&f, 1);
	size_t window = live(&f, 0, 0);
	enter(&f, 1);
	size_t piece = append(&f, 0, 0);
	unsigned char *record = (unsigned char *)(trace_writer_header(&f.writer, piece) + 1);
	*record ^= 4;
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&f.writer);
	*record ^= 4;
	trace_writer_header(&f.writer, window)->seq = 1;
	trace_writer_save(&f.writer);
	assert_walk(trace, 1, "+1 -1:killed");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(nested_calls_come_in_order),
	cmocka_unit_test(times_follow_epochs),
	cmocka_unit_test(times_never_run_backwards),
	cmocka_unit_test(first_piece_gives_the_epoch),
	cmocka_unit_test(pieces_are_read_by_seq),
	cmocka_unit_test(appended_copy_wins_over_the_window),
	cmocka_unit_test(torn_copy_gives_way_to_the_window),
	cmocka_unit_test(copy_cut_short_gives_way_to_the_window),
	cmocka_unit_test(short_last_block_is_read),
	cmocka_unit_test(torn_copy_without_window_is_lost),
	cmocka_unit_test(torn_last_piece_is_lost),
	cmocka_unit_test(changed_piece_is_left_out_and_told),
	cmocka_unit_test(changed_window_of_a_closed_trace_is_left_out_and_told),
	cmocka_unit_test(duplicate_pieces_are_read_once),
	cmocka_unit_test(window_of_no_thread_is_skipped),
	cmocka_unit_test(missing_piece_keeps_calls_below_its_depth),
	cmocka_unit_test(returns_of_calls_never_seen_are_swallowed),
	cmocka_unit_test(stream_may_begin_late),
	cmocka_unit_test(return_without_a_call_is_an_orphan),
	cmocka_unit_test(unwind_ends_calls_above_its_depth),
	cmocka_unit_test(unwind_to_nothing_ends_all),
	cmocka_unit_test(coroutines_keep_their_calls),
	cmocka_unit_test(stack_record_ends_what_is_gone_on_the_new_stack),
	cmocka_unit_test(stack_numbers_are_used_again),
	cmocka_unit_test(coroutines_that_ended_cost_no_memory),
	cmocka_unit_test(pieces_begin_on_their_stack),
	cmocka_unit_test(create_names_the_innermost_call),
	cmocka_unit_test(lost_events_take_calls_along),
	cmocka_unit_test(unknown_extended_records_are_skipped),
	cmocka_unit_test(longer_extended_records_are_understood),
	cmocka_unit_test(impossible_record_drops_the_rest_of_the_piece),
	cmocka_unit_test(record_cut_by_the_end_is_lost),
	cmocka_unit_test(window_full_to_the_brim_is_read),
	cmocka_unit_test(unknown_sites_are_site_0),
	cmocka_unit_test(recursion_a_million_deep_comes_back),
	cmocka_unit_test(huge_depths_cost_no_memory),
	cmocka_unit_test(huge_gaps_are_counted),
	cmocka_unit_test(ends_tell_how_the_process_ended),
	cmocka_unit_test(thread_that_ended_left_its_calls),
	cmocka_unit_test(open_calls_end_with_the_trace),
	cmocka_unit_test(streams_are_apart),
	cmocka_unit_test(file_may_shrink_while_it_is_read),
	cmocka_unit_test(window_that_went_on_is_left_out),
	cmocka_unit_test(piece_of_a_window_that_went_on_is_read),
};

UNIT_TEST_MAIN(tests)
