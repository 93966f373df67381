/* SPDX-License-Identifier: MIT */
/* PLANS blocks, VALUES records, and payloads taken apart. */
#include "reader/payload.h"
#include "reader_test.h"

#define WRITER(w)                                              \
	ct_cleanup(trace_writer_deinit) struct trace_writer w; \
	init_writer(&(w))

static void init_writer(struct trace_writer *writer)
{
	trace_writer_init(writer);
	add_sites(writer);
	struct ct_thread_row row = {.stream = 1, .tid = 77};
	trace_writer_thread(writer, &row);
}

static void append(struct trace_writer *writer, struct trace_records *records)
{
	trace_writer_append(writer, (struct trace_piece){1, 0, 0, 0, 0}, records);
}

/* --- the walk --- */

static void values_belong_to_the_call_or_return_before_them(void **state)
{
	(void)state;
	WRITER(w);
	struct trace_records records = {0};
	trace_records_enter(&records, 2000, 1);
	trace_records_values(&records, "args", 4);
	trace_records_enter(&records, 2001, 2);
	trace_records_return(&records, 2002);
	trace_records_values(&records, "ret", 3);
	trace_records_enter(&records, 2003, 3);
	trace_records_values(&records, "", 0);
	trace_records_return(&records, 2004);
	trace_records_return(&records, 2005);
	append(&w, &records);
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
	assert_walk(trace, 1, "+1=args +2 -2=ret +3= -3 -1");
	assert_int_equal(ct_trace_damage(trace), 0);
}

static void stray_values_are_skipped(void **state)
{
	(void)state;
	WRITER(w);
	struct trace_records records = {0};
	trace_records_values(&records, "first", 5);
	trace_records_enter(&records, 2000, 1);
	trace_records_extended(&records, CT_EXTENDED_SYNC, 0, 2001, 0);
	trace_records_values(&records, "after sync", 10);
	trace_records_return(&records, 2002);
	trace_records_values(&records, "a", 1);
	trace_records_values(&records, "b", 1);
	trace_records_return(&records, 2003);
	trace_records_values(&records, "of an orphan", 12);
	trace_records_enter(&records, 2004, 2);
	trace_records_return(&records, 2005);
	append(&w, &records);
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
	assert_walk(trace, 1, "+1 -1=a lost 1 +2 -2");
}

static void broken_values_end_the_piece(void **state)
{
	static const unsigned char too_small[] = {CT_VALUES_HEAD, 2, 0};
	static const unsigned char too_large[] = {CT_VALUES_HEAD, 200, 0, 1};
	static const unsigned char cut[] = {CT_VALUES_HEAD};
	static const unsigned char short_cut[] = {CT_VALUES_SHORT_HEAD | 3 << 2, 1, 2};
	const struct {
		const unsigned char *bytes;
		size_t length;
	} broken[] = {{too_small, 3}, {too_large, 4}, {cut, 1}, {short_cut, 3}};
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		WRITER(w);
		struct trace_records records = {0};
		trace_records_enter(&records, 2000, 1);
		trace_records_bytes(&records, broken[i].bytes, broken[i].length);
		append(&w, &records);
		ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
		assert_walk(trace, 1, "+1 lost 1 -1:exit");
	}
}

static void call_that_waits_for_others_to_be_closed_keeps_its_values(void **state)
{
	(void)state;
	WRITER(w);
	struct trace_records records = {0};
	uint64_t site_keys[1001] = {0};
	uint64_t call_keys[1001] = {0};
	/* 2 and 3 were left by longjmp: 4 is called from 1, which holds its call site. */
	site_keys[1] = call_keys[2] = call_keys[4] = 1;
	site_keys[2] = call_keys[3] = 2;
	site_keys[3] = 3;
	site_keys[4] = 4;
	trace_records_enter(&records, 2000, 1);
	trace_records_values(&records, "one", 3);
	trace_records_enter(&records, 2001, 2);
	trace_records_values(&records, "two", 3);
	trace_records_enter(&records, 2002, 3);
	trace_records_enter(&records, 2003, 4);
	trace_records_values(&records, "four", 4);
	trace_records_return(&records, 2004);
	trace_records_values(&records, "4", 1);
	append(&w, &records);
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
	ct_trace_set_function_keys(trace, site_keys, call_keys);
	assert_walk(trace, 1, "+1=one +2=two +3 -3:unwound -2:unwound +4=four -4=4 -1:exit");
}

/* --- rows --- */

static const struct ct_plan_op an_op = {.code = CT_PLAN_APPEND_REGISTER, .size = 4};

static struct trace_plan plan_of(uint64_t site)
{
	return (struct trace_plan){
		.site = site,
		.module = 1,
		.ops = &an_op,
		.op_count = 1,
		.description = "\0",
		.description_bytes = 2,
	};
}

static uint64_t site_address(uint32_t number)
{
	return 0x1000 + number * 16;
}

static void plans_are_found_by_site_and_module(void **state)
{
	(void)state;
	WRITER(w);
	for (uint32_t number = 100; number > 0; number--) {
		struct trace_plan plan = plan_of(site_address(number));
		plan.why = number == 50 ? CT_WHY_NO_DEBUG_INFO : 0;
		trace_writer_plan(&w, &plan);
	}
	struct trace_plan elsewhere = plan_of(site_address(200));
	elsewhere.module = 2;
	trace_writer_plan(&w, &elsewhere);
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
	assert_int_equal(ct_trace_damage(trace), 0);
	assert_int_equal(ct_trace_plan_count(trace), 101);
	for (uint32_t number = 1; number <= 100; number++) {
		const struct ct_trace_plan *plan =
			ct_trace_plan_at(trace, ct_trace_plan_of(trace, number));
		assert_int_equal(plan->site_address, site_address(number));
		assert_int_equal(plan->why, number == 50 ? CT_WHY_NO_DEBUG_INFO : 0);
		assert_int_equal(plan->op_count, number == 50 ? 0 : 1);
	}
	assert_int_equal(ct_trace_plan_of(trace, 0), UINT32_MAX);
	assert_int_equal(ct_trace_plan_of(trace, 101), UINT32_MAX);
	assert_int_equal(ct_trace_plan_of(trace, 200), UINT32_MAX);
	assert_int_equal(ct_trace_plan_of(trace, 5000), UINT32_MAX);
}

static void first_of_several_rows_for_a_site_counts(void **state)
{
	(void)state;
	WRITER(w);
	struct trace_plan plan = plan_of(site_address(7));
	plan.description_bytes = 1;
	trace_writer_plan(&w, &plan);
	plan.description_bytes = 2;
	trace_writer_plan(&w, &plan);
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
	assert_int_equal(ct_trace_plan_count(trace), 1);
	assert_int_equal(ct_trace_plan_at(trace, ct_trace_plan_of(trace, 7))->description_bytes, 1);
}

static struct ct_plan *plan_in(struct ct_plan_row *row)
{
	return (struct ct_plan *)(row + 1);
}

enum { WAYS_TO_SPOIL = 11 };

static void spoil(struct ct_plan_row *row, int how)
{
	struct ct_plan_op *op = (struct ct_plan_op *)(plan_in(row) + 1);
	switch (how) {
	case 0:
		row->why = 99;
		break;
	case 1:
		plan_in(row)->size_bytes = 4096;
		break;
	case 2:
		plan_in(row)->op_count = 3;
		break;
	case 3:
		plan_in(row)->shape_count = 0xffff;
		break;
	case 4:
		plan_in(row)->description_bytes = UINT16_MAX;
		break;
	case 5:
		plan_in(row)->kind = CT_PLAN_EXIT;
		break;
	case 6:
		op->code = 99;
		break;
	case 7:
		op->size = 9;
		break;
	case 8:
		op->code |= CT_PLAN_JOINED;
		break;
	case 9:
		/* What could be right, and is not as it was written. */
		op->from ^= 1;
		return;
	default:
		plan_in(row)->checksum ^= 0x100;
		return;
	}
	/* Nor do sums that are right make it so. */
	if (plan_in(row)->size_bytes < 4096)
		trace_writer_seal_plan(row);
}

static void broken_rows_are_damage_and_hide_no_others(void **state)
{
	(void)state;
	for (int how = 0; how < WAYS_TO_SPOIL; how++) {
		WRITER(w);
		struct trace_plan plan = plan_of(site_address(1));
		spoil(trace_writer_plan(&w, &plan), how);
		plan = plan_of(site_address(2));
		trace_writer_plan(&w, &plan);
		ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
		assert_int_equal(ct_trace_damage(trace), 1);
		assert_int_equal(ct_trace_plan_of(trace, 1), UINT32_MAX);
		assert_int_not_equal(ct_trace_plan_of(trace, 2), UINT32_MAX);
	}
}

static void plans_without_a_sum_are_those_of_older_traces(void **state)
{
	(void)state;
	for (uint32_t was_slot = 0; was_slot <= 1; was_slot++) {
		WRITER(w);
		struct trace_plan plan = plan_of(site_address(1));
		plan_in(trace_writer_plan(&w, &plan))->checksum = was_slot;
		ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
		assert_int_equal(ct_trace_damage(trace), 0);
		assert_int_not_equal(ct_trace_plan_of(trace, 1), UINT32_MAX);
	}
}

static void row_of_impossible_size_ends_its_block(void **state)
{
	static const uint32_t sizes[] = {8, 57, 0xfffffff8};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		WRITER(w);
		struct trace_plan plan = plan_of(site_address(1));
		trace_writer_plan(&w, &plan);
		plan = plan_of(site_address(2));
		trace_writer_plan(&w, &plan)->size_bytes = sizes[i];
		ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&w);
		assert_int_equal(ct_trace_damage(trace), 1);
		assert_int_equal(ct_trace_plan_count(trace), 1);
	}
}

/* --- payloads --- */

static const struct ct_plan_op all_ops[] = {
	{.code = CT_PLAN_APPEND_REGISTER, .size = 4},
	{.code = CT_PLAN_PUSH_REGISTER},
	{.code = CT_PLAN_APPEND_MEMORY, .size = 3},
	{.code = CT_PLAN_APPEND_STACK, .size = 2},
	{.code = CT_PLAN_APPEND_VALUE | CT_PLAN_JOINED, .size = 1},
	{.code = CT_PLAN_APPEND_STRING, .size = 8},
	{.code = CT_PLAN_APPEND_SEQUENCE, .size = 2, .operand = 2},
	{.code = CT_PLAN_APPEND_TEXT, .size = 8},
};
enum { ALL_BLOCKS = 6 };

static void split_all(const void *payload, size_t length, struct ct_payload_block *ret)
{
	struct ct_block_shape shapes[CT_PLAN_BLOCKS_MAX];
	size_t count;
	assert_true(ct_payload_shapes(all_ops, 8, shapes, &count));
	assert_int_equal(count, ALL_BLOCKS);
	ct_payload_split(shapes, count, payload, length, ret);
}

#define assert_block(block, text)                                           \
	do {                                                                \
		assert_int_equal((block).status, CT_PLAN_OK);               \
		assert_int_equal((block).length, sizeof(text) - 1);         \
		assert_memory_equal((block).bytes, text, sizeof(text) - 1); \
	} while (0)

static const char whole[] = "abcd"
			    "\0efg"
			    "hij"
			    "\x02\x20kl"
			    "\0\x05\0\0\0mnop"
			    "\0\x40";

static void payload_is_split_as_its_operations_say(void **state)
{
	struct ct_payload_block blocks[ALL_BLOCKS];
	(void)state;
	split_all(whole, sizeof(whole) - 1, blocks);
	assert_block(blocks[0], "abcd");
	assert_block(blocks[1], "efg");
	assert_block(blocks[2], "hij");
	assert_block(blocks[3], "kl");
	assert_true(blocks[3].truncated);
	assert_block(blocks[4], "mnop");
	assert_int_equal(blocks[4].count, 5);
	assert_int_equal(blocks[5].status, CT_PLAN_NULL);
	assert_false(blocks[3].ends);
	char ending[sizeof(whole)];
	memcpy(ending, whole, sizeof(whole));
	ending[12] |= (char)(CT_PLAN_STRING_UNREADABLE >> 8);
	split_all(ending, sizeof(whole) - 1, blocks);
	assert_block(blocks[3], "kl");
	assert_true(blocks[3].truncated && blocks[3].ends);
	assert_block(blocks[4], "mnop");
}

static void what_a_short_payload_lacks_is_unreadable(void **state)
{
	struct ct_payload_block blocks[ALL_BLOCKS];
	(void)state;
	for (size_t length = 0; length < sizeof(whole) - 1; length++) {
		split_all(whole, length, blocks);
		assert_int_equal(blocks[5].status, CT_PLAN_UNREADABLE);
		assert_int_equal(blocks[0].status, length < 4 ? CT_PLAN_UNREADABLE : CT_PLAN_OK);
		for (int i = 0; i < ALL_BLOCKS; i++)
			assert_true(blocks[i].status == CT_PLAN_OK || blocks[i].length == 0);
	}
	split_all(NULL, 100, blocks);
	assert_int_equal(blocks[0].status, CT_PLAN_UNREADABLE);
}

static void impossible_heads_make_the_rest_unreadable(void **state)
{
	struct ct_payload_block blocks[ALL_BLOCKS];
	(void)state;
	/* a status that is none; a string longer than its operation allows */
	split_all("abcd\7efghij", 11, blocks);
	assert_int_equal(blocks[1].status, CT_PLAN_UNREADABLE);
	assert_int_equal(blocks[2].status, CT_PLAN_UNREADABLE);
	split_all("abcd\2hij\x09\0klklklklkl", 20, blocks);
	assert_int_equal(blocks[1].status, CT_PLAN_UNREADABLE);
	assert_block(blocks[2], "hij");
	assert_int_equal(blocks[3].status, CT_PLAN_UNREADABLE);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(values_belong_to_the_call_or_return_before_them),
	cmocka_unit_test(stray_values_are_skipped),
	cmocka_unit_test(broken_values_end_the_piece),
	cmocka_unit_test(call_that_waits_for_others_to_be_closed_keeps_its_values),
	cmocka_unit_test(plans_are_found_by_site_and_module),
	cmocka_unit_test(first_of_several_rows_for_a_site_counts),
	cmocka_unit_test(broken_rows_are_damage_and_hide_no_others),
	cmocka_unit_test(plans_without_a_sum_are_those_of_older_traces),
	cmocka_unit_test(row_of_impossible_size_ends_its_block),
	cmocka_unit_test(payload_is_split_as_its_operations_say),
	cmocka_unit_test(what_a_short_payload_lacks_is_unreadable),
	cmocka_unit_test(impossible_heads_make_the_rest_unreadable),
};

UNIT_TEST_MAIN(tests)
