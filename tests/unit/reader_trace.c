/* SPDX-License-Identifier: MIT */
/* Opening trace files, whole ones and others, and what their tables and clocks tell. */
#include "reader_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRITER(w)                                              \
	ct_cleanup(trace_writer_deinit) struct trace_writer w; \
	trace_writer_init(&(w))

/* Bytes of a file that is no trace. */
static struct ct_error *open_bytes(const void *bytes, size_t length)
{
	int fd = memfd_create("trace", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct ct_trace *trace = NULL;
	struct ct_error *err = ct_trace_open(path, &trace);
	assert_null(trace);
	close(fd);
	return err;
}

static struct ct_error *open_writer(struct trace_writer *writer)
{
	struct ct_trace *trace = NULL;
	struct ct_error *err = ct_trace_open(trace_writer_save(writer), &trace);
	assert_null(trace);
	return err;
}

static void what_is_no_trace_is_refused_in_one_sentence(void **state)
{
	(void)state;
	unsigned char zeros[100] = {0};
	struct ct_trace *trace = NULL;
	assert_error_says(ct_trace_open("/nonexistent/a.ctrace", &trace),
			  "opening trace '/nonexistent/a.ctrace': cannot open it: No such file");
	assert_error_says(ct_trace_open("/", &trace), "a directory, not a trace");
	assert_error_says(ct_trace_open("/dev/null", &trace), "not a regular file, not a trace");
	assert_error_says(open_bytes("", 0), "the file is empty");
	assert_error_says(open_bytes("x", 1), "not a CallTrace trace");
	assert_error_says(open_bytes("{\"metadata\":", 12), "finished JSON document");
	assert_error_says(open_bytes(zeros, sizeof(zeros)), "nothing was recorded");
	assert_null(trace);
}

static void fifo_does_not_hang_the_reader(void **state)
{
	(void)state;
	char path[] = "/tmp/ct-unit-fifo-XXXXXX";
	assert_non_null(mkdtemp(path));
	char fifo[64];
	snprintf(fifo, sizeof(fifo), "%s/fifo", path);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	struct ct_trace *trace = NULL;
	assert_error_says(ct_trace_open(fifo, &trace), "not a regular file");
	unlink(fifo);
	rmdir(path);
}

static void other_format_versions_are_named(void **state)
{
	(void)state;
	WRITER(w);
	trace_writer_info(&w)->format_version = 3;
	assert_error_says(open_writer(&w), "written in format 3, this tool reads 1; ");
	trace_writer_info(&w)->format_version = 1;
	trace_writer_header(&w, 0)->version = 2;
	assert_error_says(open_writer(&w), "written in format 2, this tool reads 1; ");
}

static void first_block_must_be_whole(void **state)
{
	(void)state;
	WRITER(w);
	w.cut_bytes = CT_BLOCK_BYTES - CT_BLOCK_HEADER_BYTES - 20;
	assert_error_says(open_writer(&w), "its first block is cut short or damaged");
	w.cut_bytes = CT_BLOCK_BYTES - 20;
	assert_error_says(open_writer(&w), "not a CallTrace trace");
	w.cut_bytes = 0;
	trace_writer_header(&w, 0)->type = CT_BLOCK_RECORDS;
	assert_error_says(open_writer(&w), "not a CallTrace trace");
}

static void assert_reads_without_first_block(struct trace_writer *w)
{
	struct ct_thread_row row;
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(w);
	assert_true(ct_trace_damage(trace) >= 1);
	assert_true(ct_trace_thread(trace, 1, &row));
	assert_int_equal(row.tid, 7);
	ct_cleanup(cleanup_walk) struct ct_walk *walk = create_walk(trace, 1);
	struct ct_step step;
	assert_true(ct_walk_next(walk, &step));
	assert_int_equal(step.site, 2);
	assert_true(ct_trace_ns(trace, step.ticks) <= 1000);
}

/* Each of its bits, and all of it. */
static void changed_first_block_takes_nothing_else_away(void **state)
{
	(void)state;
	WRITER(w);
	struct trace_records records = {0};
	add_sites(&w);
	trace_writer_thread(&w,
			    &(struct ct_thread_row){.stream = 1, .tid = 7, .start_ticks = 1990});
	trace_records_enter(&records, 2000, 2);
	trace_writer_append(&w, (struct trace_piece){.stream = 1}, &records);
	trace_writer_seal(&w, 0);
	unsigned char *block = (unsigned char *)trace_writer_header(&w, 0);
	for (size_t bit = 0; bit < 8 * (CT_BLOCK_HEADER_BYTES + sizeof(struct ct_file_info));
	     bit++) {
		block[bit / 8] ^= (unsigned char)(1 << bit % 8);
		ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
		assert_true(ct_trace_damage(trace) >= 1);
		assert_int_equal(ct_trace_thread_count(trace), 1);
		block[bit / 8] ^= (unsigned char)(1 << bit % 8);
	}
	trace_writer_info(&w)->block_bytes = 4096;
	assert_reads_without_first_block(&w);
	trace_writer_info(&w)->format_version = 3;
	assert_reads_without_first_block(&w);
	memset(block, 0, 4096);
	assert_reads_without_first_block(&w);
	memset(block, '{', CT_BLOCK_BYTES);
	assert_reads_without_first_block(&w);
}

/* Its names may be right all the same. */
static void changed_table_is_told(void **state)
{
	(void)state;
	WRITER(w);
	add_sites(&w);
	trace_writer_thread(&w, &(struct ct_thread_row){.stream = 1, .suppressed_calls = 1});
	for (size_t block = 0; block < w.block_count; block++)
		trace_writer_seal(&w, block);
	for (size_t block = 1; block < w.block_count; block++) {
		unsigned char *content = (unsigned char *)(trace_writer_header(&w, block) + 1);
		content[30000] ^= 1;
		ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
		assert_true(ct_trace_damage(trace) >= 1);
		assert_true(ct_trace_site_count(trace) >= 5);
		content[30000] ^= 1;
	}
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
	assert_int_equal(ct_trace_damage(trace), 0);
}

static void empty_trace_opens(void **state)
{
	(void)state;
	WRITER(w);
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
	assert_int_equal(ct_trace_site_count(trace), 0);
	assert_int_equal(ct_trace_module_count(trace), 0);
	assert_int_equal(ct_trace_thread_count(trace), 0);
	assert_int_equal(ct_trace_damage(trace), 0);
	assert_int_equal(ct_trace_end(trace), CT_END_EXIT);
	assert_false(ct_trace_is_live(trace));
	assert_walk(trace, 1, "");
}

static void assert_bytes(struct ct_bytes bytes, const char *expected)
{
	assert_int_equal(bytes.length, strlen(expected));
	assert_memory_equal(bytes.bytes, expected, bytes.length);
}

static void strings_lie_in_the_first_block(void **state)
{
	(void)state;
	WRITER(w);
	struct ct_string_ref ref = trace_writer_string(&w, "/bin/true");
	trace_writer_info(&w)->executable = ref;
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
	assert_bytes(ct_trace_string(trace, ct_trace_info(trace)->executable), "/bin/true");
	assert_bytes(ct_trace_string(trace, (struct ct_string_ref){CT_BLOCK_BYTES, 0}), "");
	assert_bytes(ct_trace_string(trace, (struct ct_string_ref){CT_BLOCK_BYTES, 1}), "");
	assert_bytes(ct_trace_string(trace, (struct ct_string_ref){100, CT_BLOCK_BYTES}), "");
	assert_bytes(ct_trace_string(trace, (struct ct_string_ref){UINT32_MAX, 9}), "");
	assert_bytes(ct_trace_string(trace, (struct ct_string_ref){9, UINT32_MAX}), "");
}

static void sites_are_found_by_number(void **state)
{
	(void)state;
	static const uint32_t numbers[] = {1, CT_SITES_PER_BLOCK, CT_SITES_PER_BLOCK + 1,
					   2 * CT_SITES_PER_BLOCK + 7};
	WRITER(w);
	/* The blocks of a table come in any order. */
	for (size_t i = 4; i--;) {
		struct ct_site site = {.site = numbers[i] * 10, .function = numbers[i]};
		trace_writer_site(&w, numbers[i], &site);
	}
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
	struct ct_site site;
	assert_int_equal(ct_trace_site_count(trace), 2 * CT_SITES_PER_BLOCK + 7);
	for (size_t i = 0; i < 4; i++) {
		assert_true(ct_trace_site(trace, numbers[i], &site));
		assert_int_equal(site.function, numbers[i]);
	}
	assert_false(ct_trace_site(trace, 0, &site));
	assert_false(ct_trace_site(trace, 2, &site));
	assert_false(ct_trace_site(trace, 2 * CT_SITES_PER_BLOCK + 8, &site));
	assert_false(ct_trace_site(trace, UINT32_MAX, &site));
	assert_int_equal(ct_trace_damage(trace), 0);
}

static void modules_are_found_by_ordinal(void **state)
{
	(void)state;
	WRITER(w);
	struct ct_module first = {.ordinal = 1, .low = 0x1000, .build_id_bytes = 20};
	struct ct_module third = {.ordinal = 3, .low = 0x3000};
	trace_writer_module(&w, &first, "/usr/bin/program");
	trace_writer_module(&w, &third, "");
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
	struct ct_trace_module module;
	assert_int_equal(ct_trace_module_count(trace), 3);
	assert_true(ct_trace_module(trace, 1, &module));
	assert_int_equal(module.entry.low, 0x1000);
	assert_int_equal(module.entry.build_id_bytes, 20);
	assert_bytes(module.path, "/usr/bin/program");
	assert_true(ct_trace_module(trace, 3, &module));
	assert_bytes(module.path, "");
	assert_false(ct_trace_module(trace, 0, &module));
	assert_false(ct_trace_module(trace, 2, &module));
	assert_false(ct_trace_module(trace, 4, &module));
	assert_int_equal(ct_trace_damage(trace), 0);
}

static void threads_are_found_by_stream(void **state)
{
	(void)state;
	WRITER(w);
	struct ct_thread_row row = {.stream = CT_THREADS_PER_BLOCK + 2, .tid = 42};
	trace_writer_thread(&w, &row);
	row = (struct ct_thread_row){.stream = 1, .tid = 41, .name = "sixteen bytes!!!"};
	trace_writer_thread(&w, &row);
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
	assert_int_equal(ct_trace_thread_count(trace), CT_THREADS_PER_BLOCK + 2);
	assert_true(ct_trace_thread(trace, CT_THREADS_PER_BLOCK + 2, &row));
	assert_int_equal(row.tid, 42);
	assert_true(ct_trace_thread(trace, 1, &row));
	assert_memory_equal(row.name, "sixteen bytes!!!", 16);
	assert_false(ct_trace_thread(trace, 0, &row));
	assert_false(ct_trace_thread(trace, 2, &row));
	assert_false(ct_trace_thread(trace, CT_THREADS_PER_BLOCK + 3, &row));
}

static void row_in_another_rows_place_is_damage(void **state)
{
	(void)state;
	WRITER(w);
	struct ct_thread_row row = {.stream = 1, .tid = 1};
	trace_writer_thread(&w, &row);
	((struct ct_thread_row *)(trace_writer_header(&w, 1) + 1))->stream = 5;
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
	assert_false(ct_trace_thread(trace, 1, &row));
	assert_int_equal(ct_trace_thread_count(trace), 0);
	assert_int_equal(ct_trace_damage(trace), 1);
}

static void streams_without_a_row_are_counted(void **state)
{
	(void)state;
	WRITER(w);
	struct trace_records records = {0};
	trace_records_enter(&records, 2000, 1);
	trace_writer_append(&w, (struct trace_piece){9, 0, 0, 0, 0}, &records);
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
	struct ct_thread_row row;
	assert_int_equal(ct_trace_thread_count(trace), 9);
	assert_false(ct_trace_thread(trace, 9, &row));
	assert_walk(trace, 9, "+0 -0:exit");
	assert_int_equal(ct_trace_damage(trace), 1);
}

static void blocks_of_another_file_are_damage(void **state)
{
	(void)state;
	WRITER(w);
	for (int i = 0; i < 6; i++) {
		struct trace_records records = {0};
		trace_records_enter(&records, 2000, 0);
		trace_records_return(&records, 2000);
		trace_writer_append(&w, (struct trace_piece){(uint32_t)i + 1, 0, 0, 0, 0},
				    &records);
	}
	trace_writer_header(&w, 1)->magic++;
	trace_writer_header(&w, 2)->version = 2;
	trace_writer_header(&w, 3)->file_id++;
	trace_writer_header(&w, 4)->type = 77; /* of a later version of the format: no damage */
	trace_writer_seal_head(trace_writer_header(&w, 4));
	memset(trace_writer_header(&w, 5), 0, CT_BLOCK_BYTES); /* reserved and not yet used */
	trace_writer_thread(&w, &(struct ct_thread_row){.stream = 6});
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
	assert_int_equal(ct_trace_damage(trace), 3);
	for (uint32_t stream = 1; stream <= 5; stream++)
		assert_walk(trace, stream, "");
	assert_walk(trace, 6, "+0 -0");
}

static void missing_pieces_are_damage(void **state)
{
	(void)state;
	WRITER(w);
	static const uint64_t seqs[] = {0, 3, 4, 6};
	for (int i = 0; i < 4; i++) {
		struct trace_records records = {0};
		trace_records_return(&records, 2000);
		trace_writer_append(&w, (struct trace_piece){1, seqs[i], 1, 0, 0}, &records);
	}
	trace_writer_thread(&w, &(struct ct_thread_row){.stream = 1});
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
	assert_int_equal(ct_trace_damage(trace), 3);
}

static void threads_without_records_are_damage(void **state)
{
	(void)state;
	static const struct {
		enum ct_file_state state;
		struct ct_thread_row row;
		uint64_t damage;
	} cases[] = {
		{CT_STATE_EXITED, {.flags = CT_THREAD_MAIN}, 1},
		{CT_STATE_EXITED, {.flags = CT_THREAD_ENDED}, 1},
		{CT_STATE_RUNNING, {.flags = CT_THREAD_ENDED}, 1},
		{CT_STATE_RUNNING, {.start_ticks = 1500}, 1},
		/* It had only just begun; its calls were left out; it got no window. */
		{CT_STATE_RUNNING, {.flags = CT_THREAD_MAIN, .start_ticks = 19000000}, 0},
		{CT_STATE_EXITED, {.start_ticks = 19000000}, 0},
		{CT_STATE_EXITED, {.flags = CT_THREAD_ENDED, .suppressed_calls = 5}, 0},
		{CT_STATE_EXITED, {.flags = CT_THREAD_ENDED, .lost_events = 5}, 0},
		{CT_STATE_STOPPED, {.flags = CT_THREAD_ENDED}, 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		WRITER(w);
		struct ct_file_info *info = trace_writer_info(&w);
		info->state = cases[i].state;
		info->end = (struct ct_clock_point){20001000, 20005000, 0};
		struct ct_thread_row row = cases[i].row;
		row.stream = 1;
		trace_writer_thread(&w, &row);
		ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
		assert_int_equal(ct_trace_damage(trace), cases[i].damage);
	}
}

static void tables_and_windows_cut_short_are_damage(void **state)
{
	(void)state;
	WRITER(w);
	struct trace_records records = {0};
	trace_writer_thread(&w, &(struct ct_thread_row){.stream = 1});
	trace_records_enter(&records, 2000, 1);
	trace_writer_live(&w, (struct trace_piece){1, 0, 0, 0, 0}, &records);
	static const size_t cuts[] = {0, 1, CT_BLOCK_BYTES - CT_BLOCK_HEADER_BYTES,
				      CT_BLOCK_BYTES - 1};
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		w.cut_bytes = cuts[i];
		ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
		assert_int_equal(ct_trace_damage(trace), cuts[i] != 0);
	}
}

/* Numbers from the file must not be taken for sizes: these would be terabytes. */
static void huge_numbers_are_damage(void **state)
{
	(void)state;
	WRITER(w);
	static const enum ct_block_type types[] = {CT_BLOCK_SITES, CT_BLOCK_MODULES,
						   CT_BLOCK_THREADS, CT_BLOCK_RECORDS};
	for (int i = 0; i < 4; i++) {
		trace_writer_block(&w, types[i], 0);
		trace_writer_block(&w, types[i], UINT64_MAX);
		trace_writer_block(&w, types[i], UINT64_MAX / 2047);
	}
	for (size_t i = 1; i < w.block_count; i++)
		memset((unsigned char *)(trace_writer_header(&w, i) + 1), 0xff, 4096);
	trace_writer_header(&w, 10)->stream = UINT32_MAX;
	trace_writer_header(&w, 12)->stream = UINT32_MAX - 1;
	for (size_t i = 1; i < w.block_count; i++)
		trace_writer_seal_head(trace_writer_header(&w, i));
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
	assert_true(ct_trace_site_count(trace) <= 128);
	assert_int_equal(ct_trace_module_count(trace), 0);
	assert_int_equal(ct_trace_thread_count(trace), 0);
	assert_true(ct_trace_damage(trace) >= 8);
}

static void broken_module_chain_ends(void **state)
{
	(void)state;
	static const uint32_t sizes[] = {1, 80, 88, 95, CT_BLOCK_BYTES - 8, UINT32_MAX - 7};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		WRITER(w);
		struct ct_module module = {.ordinal = 1};
		trace_writer_module(&w, &module, "/lib/a");
		module.ordinal = 2;
		trace_writer_module(&w, &module, "/lib/b");
		unsigned char *second = (unsigned char *)(trace_writer_header(&w, 1) + 1) + 96;
		memcpy(second, &sizes[i], sizeof(sizes[i]));
		ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
		assert_int_equal(ct_trace_module_count(trace), 1);
		assert_int_equal(ct_trace_damage(trace), 1);
	}
}

static void odd_modules_are_damage(void **state)
{
	(void)state;
	WRITER(w);
	struct ct_module module = {.ordinal = 1, .build_id_bytes = 33};
	trace_writer_module(&w, &module, "/lib/a");
	trace_writer_module(&w, &module, "/lib/twice");
	module.ordinal = 0;
	trace_writer_module(&w, &module, "/lib/none");
	module.ordinal = UINT32_MAX;
	trace_writer_module(&w, &module, "/lib/huge");
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
	struct ct_trace_module found;
	assert_int_equal(ct_trace_module_count(trace), 1);
	assert_true(ct_trace_module(trace, 1, &found));
	assert_bytes(found.path, "/lib/a");
	assert_int_equal(found.entry.build_id_bytes, 0);
	assert_int_equal(ct_trace_damage(trace), 4);
}

static void ticks_scale_to_the_end_point(void **state)
{
	(void)state;
	WRITER(w);
	struct ct_file_info *info = trace_writer_info(&w);
	info->start = (struct ct_clock_point){1000000, 500, UINT64_C(1700000000000000000)};
	/* A day at 2.6 GHz. */
	info->end = (struct ct_clock_point){1000000 + UINT64_C(86400) * 2600000000,
					    500 + UINT64_C(86400) * 1000000000, 0};
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
	assert_int_equal(ct_trace_ns(trace, 1000000), 0);
	assert_int_equal(ct_trace_ns(trace, 999999), 0);
	assert_int_equal(ct_trace_ns(trace, 0), 0);
	assert_in_range(ct_trace_ns(trace, 1000000 + 2600), 999, 1000);
	uint64_t day_ns = UINT64_C(86400) * 1000000000;
	assert_in_range(ct_trace_duration_ns(trace), day_ns - 1, day_ns);
	assert_int_equal(ct_trace_start_realtime_ns(trace), UINT64_C(1700000000000000000));
	assert_int_equal(ct_trace_end_ticks(trace), info->end.ticks);
	assert_int_equal(ct_trace_ns(trace, UINT64_MAX) > day_ns, 1);
}

static void newer_latest_point_serves_without_an_end(void **state)
{
	(void)state;
	WRITER(w);
	struct ct_file_info *info = trace_writer_info(&w);
	info->state = CT_STATE_RUNNING;
	info->end = (struct ct_clock_point){0};
	info->start = (struct ct_clock_point){1000, 1000000, 0};
	info->latest[0] = (struct ct_clock_point){1000 + 4000000, 1000000 + 2000000, 0};
	info->latest[1] = (struct ct_clock_point){1000 + 2000000, 1000000 + 1500000, 0};
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
	assert_int_equal(ct_trace_ns(trace, 1000 + 1000), 500);
	assert_int_equal(ct_trace_damage(trace), 0);
	assert_int_equal(ct_trace_end(trace), CT_END_KILLED);
}

static void half_a_point_is_not_used(void **state)
{
	(void)state;
	WRITER(w);
	struct ct_file_info *info = trace_writer_info(&w);
	info->end = (struct ct_clock_point){0};
	info->start = (struct ct_clock_point){1000, 1000000, 0};
	info->latest[0] = (struct ct_clock_point){0, 1000000 + 9000000, 0};
	info->latest[1] = (struct ct_clock_point){1000 + 4000000, 1000000 + 2000000, 0};
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
	assert_int_equal(ct_trace_ns(trace, 1000 + 1000), 500);
}

static void estimate_serves_until_there_are_two_points(void **state)
{
	(void)state;
	WRITER(w);
	struct ct_file_info *info = trace_writer_info(&w);
	info->end = (struct ct_clock_point){0};
	info->ticks_per_second = 2000000000;
	{
		ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
		assert_int_equal(ct_trace_ns(trace, 1000 + 1000), 500);
		assert_int_equal(ct_trace_damage(trace), 0);
	}
	/* 50 us apart: the estimate is better. */
	info->end = (struct ct_clock_point){1000 + 150000, 5000 + 50000, 0};
	{
		ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
		assert_int_equal(ct_trace_ns(trace, 1000 + 1000), 500);
	}
	info->ticks_per_second = 0;
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
	assert_in_range(ct_trace_ns(trace, 1000 + 3000), 999, 1000);
	assert_int_equal(ct_trace_damage(trace), 0);
}

static void unknown_rate_is_damage(void **state)
{
	(void)state;
	static const struct ct_clock_point ends[] = {
		{0, 0, 0},
		{1000, 5000, 0},	   /* no time has passed */
		{500, 4000, 0},		   /* it ran backwards */
		{UINT64_MAX, 200000, 0},   /* 10^14 GHz */
		{1001, UINT64_MAX / 2, 0}, /* one tick in 300 years */
		{UINT64_C(1) << 40, 5001, 0},
	};
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		WRITER(w);
		trace_writer_info(&w)->end = ends[i];
		ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
		assert_int_equal(ct_trace_ns(trace, 1000 + 77), 77);
		assert_int_equal(ct_trace_damage(trace), 1);
	}
}

static void monotonic_clock_counts_ns(void **state)
{
	(void)state;
	WRITER(w);
	struct ct_file_info *info = trace_writer_info(&w);
	info->clock_kind = CT_CLOCK_MONOTONIC;
	info->end = (struct ct_clock_point){0};
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
	assert_int_equal(ct_trace_ns(trace, 1000 + 77), 77);
	assert_int_equal(ct_trace_damage(trace), 0);
}

static void no_clock_has_no_times(void **state)
{
	(void)state;
	WRITER(w);
	trace_writer_info(&w)->clock_kind = CT_CLOCK_NONE;
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
	assert_int_equal(ct_trace_ns(trace, 1000 + 77), 0);
	assert_int_equal(ct_trace_duration_ns(trace), 1000000); /* the clock points' */
	assert_int_equal(ct_trace_damage(trace), 0);
}

static void killed_trace_ends_with_its_last_record(void **state)
{
	(void)state;
	WRITER(w);
	struct trace_records records = {0};
	trace_writer_info(&w)->state = CT_STATE_RUNNING;
	trace_writer_info(&w)->end = (struct ct_clock_point){0};
	trace_records_enter(&records, 2000, 1);
	trace_records_enter(&records, 7000, 1);
	trace_writer_append(&w, (struct trace_piece){2, 0, 0, 0, 0}, &records);
	/* The window begun after it holds nothing yet; that of another thread does. */
	trace_writer_live(&w, (struct trace_piece){2, 1, 2, 0, 0}, &records);
	trace_records_enter(&records, 100, 1);
	trace_records_extended(&records, CT_EXTENDED_SYNC, 1, UINT64_C(3) << CT_EPOCH_SHIFT, 3);
	trace_records_return(&records, 55);
	trace_writer_live(&w, (struct trace_piece){1, 0, 0, 0, 0}, &records);
	{
		ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
		assert_int_equal(ct_trace_end_ticks(trace), (UINT64_C(3) << CT_EPOCH_SHIFT) + 55);
	}
	w.cut_bytes = CT_BLOCK_BYTES;
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
	assert_int_equal(ct_trace_end_ticks(trace), 7000);
}

static void crash_and_ended_threads_move_the_end(void **state)
{
	(void)state;
	WRITER(w);
	trace_writer_info(&w)->state = CT_STATE_CRASHED;
	trace_writer_info(&w)->crash_ticks = 1001500;
	{
		ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
		assert_int_equal(ct_trace_end_ticks(trace), 1001500);
		assert_int_equal(ct_trace_end(trace), CT_END_CRASH);
	}
	struct ct_thread_row row = {.stream = 1, .flags = CT_THREAD_ENDED, .end_ticks = 1002000};
	trace_writer_thread(&w, &row);
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
	assert_int_equal(ct_trace_end_ticks(trace), 1002000);
}

static void trace_is_live_while_its_process_maps_it(void **state)
{
	(void)state;
	WRITER(w);
	trace_writer_info(&w)->state = CT_STATE_RUNNING;
	trace_writer_info(&w)->pid = (uint32_t)getpid();
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
	assert_false(ct_trace_is_live(trace));
	int fd = open(w.path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	void *window = mmap(NULL, CT_BLOCK_BYTES, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(window, MAP_FAILED);
	close(fd);
	assert_true(ct_trace_is_live(trace));
	munmap(window, CT_BLOCK_BYTES);
	assert_false(ct_trace_is_live(trace));
}

/* Of a large trace not each block is looked at, but each that is read. */
static void pieces_between_those_looked_at_are_found(void **state)
{
	enum { PIECES = 600, BROKEN = 300 };
	(void)state;
	for (int is_broken = 0; is_broken < 2; is_broken++) {
		WRITER(writer);
		struct trace_records records = {0};
		uint64_t calls = 0, lost = 0;
		struct ct_step step;
		trace_writer_site(&writer, 1, &(struct ct_site){.site = 0x108});
		trace_writer_thread(&writer, &(struct ct_thread_row){.stream = 1, .tid = 41});
		for (uint64_t seq = 0; seq < PIECES; seq++) {
			trace_records_enter(&records, seq, 1);
			trace_records_return(&records, seq);
			size_t block = trace_writer_append(
				&writer, (struct trace_piece){.stream = 1, .seq = seq}, &records);
			if (seq == BROKEN && is_broken)
				trace_writer_header(&writer, block)->used_bytes++;
			/* another thread's */
			if (seq == 100)
				trace_writer_append(&writer, (struct trace_piece){.stream = 2},
						    &records);
		}
		free(records.bytes);
		ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&writer);
		ct_cleanup(cleanup_walk) struct ct_walk *walk = create_walk(trace, 1);
		while (ct_walk_next(walk, &step)) {
			calls += step.kind == CT_STEP_CALL;
			lost += step.kind == CT_STEP_LOST ? step.value : 0;
		}
		assert_int_equal(calls, PIECES - is_broken);
		assert_int_equal(lost, is_broken);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(pieces_between_those_looked_at_are_found),
	cmocka_unit_test(what_is_no_trace_is_refused_in_one_sentence),
	cmocka_unit_test(fifo_does_not_hang_the_reader),
	cmocka_unit_test(other_format_versions_are_named),
	cmocka_unit_test(first_block_must_be_whole),
	cmocka_unit_test(changed_first_block_takes_nothing_else_away),
	cmocka_unit_test(changed_table_is_told),
	cmocka_unit_test(empty_trace_opens),
	cmocka_unit_test(strings_lie_in_the_first_block),
	cmocka_unit_test(sites_are_found_by_number),
	cmocka_unit_test(modules_are_found_by_ordinal),
	cmocka_unit_test(threads_are_found_by_stream),
	cmocka_unit_test(row_in_another_rows_place_is_damage),
	cmocka_unit_test(streams_without_a_row_are_counted),
	cmocka_unit_test(blocks_of_another_file_are_damage),
	cmocka_unit_test(missing_pieces_are_damage),
	cmocka_unit_test(threads_without_records_are_damage),
	cmocka_unit_test(tables_and_windows_cut_short_are_damage),
	cmocka_unit_test(huge_numbers_are_damage),
	cmocka_unit_test(broken_module_chain_ends),
	cmocka_unit_test(odd_modules_are_damage),
	cmocka_unit_test(ticks_scale_to_the_end_point),
	cmocka_unit_test(newer_latest_point_serves_without_an_end),
	cmocka_unit_test(half_a_point_is_not_used),
	cmocka_unit_test(estimate_serves_until_there_are_two_points),
	cmocka_unit_test(unknown_rate_is_damage),
	cmocka_unit_test(monotonic_clock_counts_ns),
	cmocka_unit_test(no_clock_has_no_times),
	cmocka_unit_test(killed_trace_ends_with_its_last_record),
	cmocka_unit_test(crash_and_ended_threads_move_the_end),
	cmocka_unit_test(trace_is_live_while_its_process_maps_it),
};

UNIT_TEST_MAIN(tests)
