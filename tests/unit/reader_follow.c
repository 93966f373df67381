/* SPDX-License-Identifier: MIT */
/* src/reader/follow.c: a trace that is read while it is written. This process is the one that
 * writes it: it has the file mapped, as the runtime has its windows. */
#include "reader/follow.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "reader_test.h"

enum { START = 1000 };

struct live {
	struct trace_writer writer;
	struct trace_records records;
	struct ct_follow *follow;
	void *map;
	size_t window; /* block; 0: there is none */
	struct trace_piece piece;
	uint64_t ticks;
	struct ct_strbuf steps; /* of the last look */
};

static uint64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void map_file(struct live *live)
{
	int fd = open(trace_writer_save(&live->writer), O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	live->map = mmap(NULL, CT_BLOCK_BYTES, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(live->map != MAP_FAILED);
	close(fd);
}

static void init_live(struct live *live)
{
	*live = (struct live){.ticks = START, .piece = {.stream = 1}};
	trace_writer_init(&live->writer);
	struct ct_file_info *info = trace_writer_info(&live->writer);
	info->state = CT_STATE_RUNNING;
	info->pid = (uint32_t)getpid();
	info->clock_kind = CT_CLOCK_MONOTONIC;
	info->start = (struct ct_clock_point){START, monotonic_ns() - 1000000, 0};
	info->latest[0] = info->latest[1] = info->end = (struct ct_clock_point){0};
	for (uint32_t i = 1; i <= 3; i++)
		trace_writer_site(&live->writer, i, &(struct ct_site){.site = i, .function = i});
	trace_writer_thread(&live->writer, &(struct ct_thread_row){.stream = 1, .tid = 1});
	map_file(live);
	assert_no_error(ct_follow_open(live->writer.path, &live->follow));
}

static void deinit_live(struct live *live)
{
	ct_follow_destroy(live->follow);
	if (live->map)
		munmap(live->map, CT_BLOCK_BYTES);
	free(live->records.bytes);
	ct_strbuf_deinit(&live->steps);
	trace_writer_deinit(&live->writer);
}

#define LIVE(live)                                \
	ct_cleanup(deinit_live) struct live live; \
	init_live(&(live))

static void enter(struct live *live, uint32_t site)
{
	trace_records_enter(&live->records, live->ticks += 10, site);
}

static void leave(struct live *live)
{
	trace_records_return(&live->records, live->ticks += 10);
}

/* What was recorded until now is in the thread's window. */
static void write_window(struct live *live)
{
	struct trace_records records = {0};
	trace_records_bytes(&records, live->records.bytes, live->records.length);
	if (!live->window) {
		live->window = trace_writer_live(&live->writer, live->piece, &records);
		return;
	}
	unsigned char *block = live->writer.bytes + live->window * CT_BLOCK_BYTES;
	struct ct_block_header *header = (struct ct_block_header *)block;
	header->seq = live->piece.seq;
	header->depth = live->piece.depth;
	memset(block + CT_BLOCK_HEADER_BYTES, 0, CT_BLOCK_BYTES - CT_BLOCK_HEADER_BYTES);
	memcpy(block + CT_BLOCK_HEADER_BYTES, records.bytes ? records.bytes : (void *)"",
	       records.length);
	free(records.bytes);
}

/* The window is appended to the file and begins anew, `depth` calls deep. */
static void append(struct live *live, uint32_t depth)
{
	trace_writer_append(&live->writer, live->piece, &live->records);
	live->piece.seq++;
	live->piece.depth = depth;
}

static bool take(void *context, uint32_t stream, const struct ct_step *step)
{
	struct live *live = context;
	add_step(step, &live->steps);
	if (stream != 1)
		ct_strbuf_printf(&live->steps, " of %u", stream);
	if (step->kind == CT_STEP_LOST && step->ticks == 0)
		ct_strbuf_add_string(&live->steps, " somewhere");
	return true;
}

static void assert_look(struct live *live, const char *expected)
{
	live->steps.length = 0;
	trace_writer_save(&live->writer);
	assert_no_error(ct_follow_read(live->follow, take, live));
	ct_strbuf_add_string(&live->steps, "");
	live->steps.bytes = live->steps.bytes ? live->steps.bytes : strdup("");
	live->steps.bytes[live->steps.length] = '\0';
	assert_string_equal(live->steps.bytes, expected);
}

static void assert_last(const struct live *live, enum ct_record_kind record, uint64_t ticks,
			uint32_t site)
{
	struct ct_follow_last last;
	assert_true(ct_follow_last(live->follow, 1, &last));
	assert_int_equal(last.record, record);
	assert_true(last.ticks_seen > START);
	assert_true(last.ticks_seen <= ct_follow_now(live->follow));
	if (record != CT_RECORD_END && record != CT_RECORD_EXTENDED)
		assert_int_equal(last.ticks, ticks);
	if (record == CT_RECORD_ENTER)
		assert_int_equal(last.site, site);
}

/* It may be one that is being written. */
static void the_last_record_of_a_window_waits(void **state)
{
	(void)state;
	LIVE(live);
	enter(&live, 1);
	enter(&live, 2);
	write_window(&live);
	assert_look(&live, "+1");
	assert_last(&live, CT_RECORD_ENTER, START + 20, 2);
	leave(&live);
	write_window(&live);
	assert_look(&live, "+2");
	assert_last(&live, CT_RECORD_RETURN, START + 30, 0);
}

static void a_record_that_stays_is_told_the_second_time(void **state)
{
	(void)state;
	LIVE(live);
	enter(&live, 1);
	write_window(&live);
	assert_look(&live, "");
	assert_last(&live, CT_RECORD_ENTER, START + 10, 1);
	assert_look(&live, "+1");
	assert_last(&live, CT_RECORD_END, 0, 0);
	assert_look(&live, "");
	assert_last(&live, CT_RECORD_END, 0, 0);
	assert_false(ct_follow_is_over(live.follow));
}

static void values_wait_with_their_call(void **state)
{
	(void)state;
	LIVE(live);
	enter(&live, 1);
	enter(&live, 2);
	trace_records_values(&live.records, "ab", 2);
	write_window(&live);
	assert_look(&live, "+1");
	assert_last(&live, CT_RECORD_ENTER, START + 20, 2);
	assert_look(&live, "+2=ab");
}

/* The waiting record's time has the epoch of the records before it. */
static void the_last_record_has_its_epoch(void **state)
{
	(void)state;
	LIVE(live);
	enter(&live, 1);
	live.ticks = UINT64_C(5) << CT_EPOCH_SHIFT;
	trace_records_extended(&live.records, CT_EXTENDED_SYNC, 0, live.ticks, 5);
	enter(&live, 2);
	write_window(&live);
	assert_look(&live, "+1");
	assert_last(&live, CT_RECORD_ENTER, live.ticks, 2);
	leave(&live);
	write_window(&live);
	assert_look(&live, "+2");
	assert_last(&live, CT_RECORD_RETURN, live.ticks, 0);
	trace_records_extended(&live.records, CT_EXTENDED_UNWIND, 0, live.ticks += 10,
			       CT_UNWIND_LONGJMP);
	write_window(&live);
	assert_look(&live, "-2");
	assert_last(&live, CT_RECORD_EXTENDED, 0, 0);
}

static void a_window_that_was_appended_is_not_read_twice(void **state)
{
	(void)state;
	LIVE(live);
	enter(&live, 1);
	enter(&live, 2);
	write_window(&live);
	assert_look(&live, "+1");
	leave(&live);
	append(&live, 1);
	enter(&live, 3);
	enter(&live, 2);
	write_window(&live);
	assert_look(&live, "+2 -2 +3");
	append(&live, 3);
	leave(&live);
	leave(&live);
	write_window(&live);
	assert_look(&live, "+2 -2");
	assert_int_equal(ct_follow_skipped(live.follow), 0);
}

/* The window still is as it was when its piece was appended. */
static void a_piece_is_taken_before_its_window(void **state)
{
	(void)state;
	LIVE(live);
	enter(&live, 1);
	enter(&live, 2);
	write_window(&live);
	append(&live, 2);
	assert_look(&live, "+1 +2");
	assert_last(&live, CT_RECORD_END, 0, 0);
	assert_look(&live, "");
}

static void what_is_missing_is_told(void **state)
{
	(void)state;
	LIVE(live);
	enter(&live, 1);
	append(&live, 1);
	live.piece.seq += 2;
	enter(&live, 2);
	enter(&live, 3);
	write_window(&live);
	assert_look(&live, "+1 lost 0 somewhere +2");
	append(&live, 3);
	live.piece.seq++;
	enter(&live, 1);
	append(&live, 4);
	assert_look(&live, "+3 lost 0 somewhere +1");
}

static void of_a_long_trace_the_end_is_read(void **state)
{
	enum { PIECES = 2100, KEPT_LEAST = 1024, KEPT_MOST = 2048 };
	(void)state;
	LIVE(live);
	for (int i = 0; i < PIECES; i++) {
		enter(&live, 1);
		leave(&live);
		append(&live, 0);
	}
	live.steps.length = 0;
	trace_writer_save(&live.writer);
	assert_no_error(ct_follow_read(live.follow, take, &live));
	size_t calls = 0;
	for (const char *at = live.steps.bytes; (at = strstr(at, "+1")); at++)
		calls++;
	assert_in_range(calls, KEPT_LEAST, KEPT_MOST);
	assert_int_equal(ct_follow_skipped(live.follow), PIECES - calls);
}

static void streams_have_windows_of_their_own(void **state)
{
	(void)state;
	LIVE(live);
	enter(&live, 1);
	leave(&live);
	write_window(&live);
	struct trace_records records = {0};
	trace_records_enter(&records, START + 15, 2);
	trace_records_enter(&records, START + 16, 3);
	trace_writer_live(&live.writer, (struct trace_piece){.stream = 2}, &records);
	assert_look(&live, "+1 +2 of 2");
	assert_int_equal(ct_follow_stream_count(live.follow), 2);
	assert_look(&live, "-1 +3 of 2");
}

static void the_last_record_of_a_process_that_ended_is_read(void **state)
{
	(void)state;
	LIVE(live);
	enter(&live, 1);
	leave(&live);
	write_window(&live);
	assert_look(&live, "+1");
	trace_writer_info(&live.writer)->state = CT_STATE_EXITED;
	assert_look(&live, "-1");
	assert_true(ct_follow_is_over(live.follow));
	assert_look(&live, "");
}

/* It has not said that it ended, and does not map the file any more. */
static void a_process_that_was_killed_is_over(void **state)
{
	(void)state;
	LIVE(live);
	enter(&live, 1);
	enter(&live, 2);
	write_window(&live);
	assert_look(&live, "+1");
	assert_false(ct_follow_is_over(live.follow));
	munmap(live.map, CT_BLOCK_BYTES);
	live.map = NULL;
	assert_look(&live, "+2");
	assert_true(ct_follow_is_over(live.follow));
}

static void tables_are_read_as_they_grow(void **state)
{
	(void)state;
	LIVE(live);
	struct ct_site site;
	struct ct_thread_row thread;
	char path[CT_BLOCK_BYTES];
	struct ct_trace_module module;
	assert_look(&live, "");
	assert_true(ct_follow_site(live.follow, 3, &site));
	assert_int_equal(site.site, 3);
	assert_false(ct_follow_site(live.follow, 4, &site));
	assert_false(ct_follow_site(live.follow, 0, &site));
	assert_true(ct_follow_thread(live.follow, 1, &thread));
	assert_false(ct_follow_thread(live.follow, 2, &thread));
	assert_false(ct_follow_module(live.follow, 1, path, &module));
	trace_writer_site(&live.writer, 4, &(struct ct_site){.site = 44});
	trace_writer_module(&live.writer, &(struct ct_module){.ordinal = 1, .low = 1, .high = 2},
			    "/lib/a.so");
	assert_look(&live, "");
	assert_true(ct_follow_site(live.follow, 4, &site));
	assert_int_equal(site.site, 44);
	assert_true(ct_follow_module(live.follow, 1, path, &module));
	assert_int_equal(module.path.length, strlen("/lib/a.so"));
	assert_memory_equal(module.path.bytes, "/lib/a.so", module.path.length);
}

static void time_goes_on(void **state)
{
	(void)state;
	LIVE(live);
	assert_look(&live, "");
	uint64_t before = ct_follow_now(live.follow);
	uint64_t lasted = ct_follow_lasted_ns(live.follow);
	assert_true(lasted >= 1000000);
	usleep(2000);
	assert_true(ct_follow_now(live.follow) >= before + 2000000);
	assert_true(ct_follow_lasted_ns(live.follow) >= lasted + 2000000);
	assert_int_equal(ct_scale_ns(ct_follow_scale(live.follow), START + 500), 500);
}

static void what_is_no_trace_is_refused(void **state)
{
	struct ct_follow *follow = NULL;
	char path[] = "/tmp/ct-unit-XXXXXX";
	int fd = mkstemp(path);
	(void)state;
	assert_error_says(ct_follow_open("/nonexistent", &follow), "cannot open '/nonexistent'");
	assert_error_says(ct_follow_open("/dev", &follow), "is not a trace");
	assert_error_says(ct_follow_open(path, &follow), "nothing was recorded yet");
	assert_int_equal(write(fd, "text, and more text", 19), 19);
	assert_error_says(ct_follow_open(path, &follow), "not a CallTrace trace");
	close(fd);
	unlink(path);
	LIVE(live);
	trace_writer_info(&live.writer)->format_version = 99;
	assert_error_says(ct_follow_open(trace_writer_save(&live.writer), &follow),
			  "written in another format");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(the_last_record_of_a_window_waits),
	cmocka_unit_test(a_record_that_stays_is_told_the_second_time),
	cmocka_unit_test(values_wait_with_their_call),
	cmocka_unit_test(the_last_record_has_its_epoch),
	cmocka_unit_test(a_window_that_was_appended_is_not_read_twice),
	cmocka_unit_test(a_piece_is_taken_before_its_window),
	cmocka_unit_test(what_is_missing_is_told),
	cmocka_unit_test(of_a_long_trace_the_end_is_read),
	cmocka_unit_test(streams_have_windows_of_their_own),
	cmocka_unit_test(the_last_record_of_a_process_that_ended_is_read),
	cmocka_unit_test(a_process_that_was_killed_is_over),
	cmocka_unit_test(tables_are_read_as_they_grow),
	cmocka_unit_test(time_goes_on),
	cmocka_unit_test(what_is_no_trace_is_refused),
};

UNIT_TEST_MAIN(tests)
