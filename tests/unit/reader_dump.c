/* SPDX-License-Identifier: MIT */
/* The text of `calltrace dump`. */
#include "reader/dump.h"
#include "reader_test.h"

static void add_records(struct trace_writer *writer)
{
	struct trace_records records = {0};
	static const unsigned char later[] = {CT_RECORD_EXTENDED | 30 << 2, 5, 1, 2, 3};
	static const unsigned char broken[] = {CT_RECORD_EXTENDED, 1};
	trace_records_enter(&records, 2000, 1);
	trace_records_enter(&records, 2100, 2);
	trace_records_return(&records, 2200);
	trace_records_extended(&records, CT_EXTENDED_UNWIND, 0, 2300, CT_UNWIND_LONGJMP);
	trace_records_extended(&records, CT_EXTENDED_STACK, 0, 2400, 9);
	trace_records_bytes(&records, later, sizeof(later));
	trace_records_bytes(&records, broken, sizeof(broken));
	trace_writer_append(writer, (struct trace_piece){1, 0, 0, 0, 0}, &records);
}

static void init_writer(struct trace_writer *writer)
{
	trace_writer_init(writer);
	struct ct_module module = {.ordinal = 1, .low = 0x1000, .high = 0x9000, .bias = 0x1000};
	trace_writer_module(writer, &module, "/opt/bin/\033[31mtool");
	struct ct_site site = {.site = 0x1200,
			       .function = 0x11f0,
			       .call_site = 0x1300,
			       .module = 1,
			       .call_module = 1};
	trace_writer_site(writer, 1, &site);
	struct ct_thread_row row = {.stream = 1, .tid = 77, .name = "tool"};
	trace_writer_thread(writer, &row);
	add_records(writer);
}

static char *dump_text(struct trace_writer *writer, struct ct_dump_options options)
{
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(writer);
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	assert_non_null(out);
	assert_no_error(ct_dump(trace, out, &options));
	fclose(out);
	return text;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in:\n%s", part, text);
}

#define WRITER(w)                                              \
	ct_cleanup(trace_writer_deinit) struct trace_writer w; \
	init_writer(&(w))

static void everything_in_the_file_is_printed(void **state)
{
	(void)state;
	WRITER(w);
	ct_cleanup(ct_cleanup_free) char *text = dump_text(&w, (struct ct_dump_options){0});
	assert_has(text, "state             exited\n");
	assert_has(text, "/opt/bin/\\x1b[31mtool\n");
	assert_has(text, "\nsite 1        \\x1b[31mtool+0x1f0 hook ");
	assert_has(text, "\nstream 1          thread 77 \"tool\"\n");
	assert_has(text, "\npiece 1.0 block 4 appended, 70 bytes, epoch 0, depth 0, stack 0\n"
			 "             1000 ns      0  enter  1 \\x1b[31mtool+0x1f0 from "
			 "\\x1b[31mtool+0x300\n"
			 "             1100 ns      1  enter  2\n"
			 "             1200 ns      1  return\n"
			 "             1300 ns      0  unwind longjmp\n"
			 "             1400 ns      0  stack 9\n"
			 "                            unknown kind 30 of 5 bytes\n"
			 "                            broken: 2 bytes are not a record\n");
}

static void one_stream_is_printed_alone_up_to_the_limit(void **state)
{
	(void)state;
	WRITER(w);
	ct_cleanup(ct_cleanup_free) char *text =
		dump_text(&w, (struct ct_dump_options){.stream = 1, .limit = 2});
	assert_null(strstr(text, "module"));
	assert_has(text, " enter  2\n");
	assert_null(strstr(text, "return"));
}

static void torn_pieces_are_told(void **state)
{
	(void)state;
	WRITER(w);
	trace_writer_header(&w, 4)->used_bytes--;
	trace_writer_seal_head(trace_writer_header(&w, 4));
	ct_cleanup(ct_cleanup_free) char *text = dump_text(&w, (struct ct_dump_options){0});
	assert_has(text, "piece 1.0 block 4 appended, not whole\n");
}

static void stream_that_is_not_there_is_an_error(void **state)
{
	(void)state;
	WRITER(w);
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
	assert_error_says(ct_dump(trace, stdout, &(struct ct_dump_options){.stream = 2}),
			  "the trace has no stream 2; it has 1");
}

static void plans_and_values_are_printed_block_by_block(void **state)
{
	static const struct ct_plan_op ops[] = {
		{.code = CT_PLAN_APPEND_REGISTER, .from = CT_PLAN_RBX, .size = 4, .offset = 8},
		{.code = CT_PLAN_APPEND_STACK | CT_PLAN_JOINED,
		 .from = CT_PLAN_RSP,
		 .size = 1,
		 .offset = -8},
		{.code = CT_PLAN_PUSH_BLOCK, .offset = 0},
		{.code = CT_PLAN_ADD_CONSTANT, .operand = -16},
		{.code = CT_PLAN_APPEND_STRING, .size = 64},
	};
	const struct trace_plan plan = {
		.site = 0x1200,
		.module = 1,
		.ops = ops,
		.op_count = 5,
		.shape = ops,
		.shape_count = 1,
		.description = "\0",
		.description_bytes = 2,
	};
	const struct trace_plan none = {.site = 0x1400, .module = 1, .why = CT_WHY_PLAN_UNSURE};
	struct trace_records records = {0};
	(void)state;
	WRITER(w);
	trace_writer_plan(&w, &plan);
	trace_writer_plan(&w, &none);
	trace_records_enter(&records, 3000, 1);
	trace_records_values(&records, "ABCDE\x02\x20hi", 9);
	trace_records_enter(&records, 3001, 2);
	trace_records_values(&records, "??", 2);
	trace_records_return(&records, 3002);
	trace_records_return(&records, 3003);
	trace_records_values(&records, "AB", 2);
	trace_writer_append(&w, (struct trace_piece){1, 1, 0, 0, 0}, &records);
	ct_cleanup(ct_cleanup_free) char *text = dump_text(&w, (struct ct_dump_options){0});
	assert_has(text, "\nplan              hook \\x1b[31mtool+0x200\n"
			 "                  function 0x0, description of 2 bytes\n"
			 "                  enter append_register rbx+8 size 4\n"
			 "                  enter joined append_stack rsp-8 size 1\n"
			 "                  enter push_block block 0+0\n"
			 "                  enter add_constant -16\n"
			 "                  enter append_string size 64\n"
			 "                  return append_register rbx+8 size 4\n");
	assert_has(text, "\nplan              hook \\x1b[31mtool+0x400\n"
			 "                  none: plan unsure\n");
	assert_has(text, "                            values, 9 bytes\n"
			 "                               41 42 43 44 45 02 20 68 69\n"
			 "                            block 0: 5 bytes\n"
			 "                               41 42 43 44 45\n"
			 "                            block 1: 2 bytes, truncated\n"
			 "                               68 69\n");
	assert_has(text, "                               3f 3f\n"
			 "             2002 ns      1  return\n"
			 "             2003 ns      0  return\n"
			 "                            values, 2 bytes\n"
			 "                               41 42\n"
			 "                            block 0: unreadable\n");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(plans_and_values_are_printed_block_by_block),
	cmocka_unit_test(everything_in_the_file_is_printed),
	cmocka_unit_test(one_stream_is_printed_alone_up_to_the_limit),
	cmocka_unit_test(torn_pieces_are_told),
	cmocka_unit_test(stream_that_is_not_there_is_an_error),
};

UNIT_TEST_MAIN(tests)
