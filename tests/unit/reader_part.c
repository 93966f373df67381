/* SPDX-License-Identifier: MIT */
/* Parts of a stream walked by themselves: what a walk of the whole gives. */
#include "reader_test.h"

#include "reader/part.h"

enum { PIECES = 12, RECORDS = 60, SITES = 12, KEYS = 5, STREAMS = 60, SPLITS = 12 };

struct stream {
	unsigned int seed;
	uint64_t ticks;
	uint32_t depth;
	uint32_t oddities;  /* of 1,000 records: those that end what can be told */
	uint32_t strangers; /* of 1,000 calls: those whose call site is not in the caller */
	uint32_t sites[PIECES * RECORDS + 1]; /* of the open calls */
};

static uint32_t any(struct stream *stream, uint32_t count)
{
	return (uint32_t)rand_r(&stream->seed) % count;
}

/* The function that holds a site's hook, and the one that holds its call. */
static uint64_t own_key(uint32_t site)
{
	return 1 + site % KEYS;
}

static uint64_t caller_key(uint32_t site)
{
	return site % 4 == 0 ? 0 : 1 + site / 3 % KEYS;
}

static uint32_t any_site(struct stream *stream)
{
	uint32_t around = stream->depth ? stream->sites[stream->depth - 1] : 0;
	bool is_stranger = any(stream, 1000) < stream->strangers;
	for (;;) {
		uint32_t site = 1 + any(stream, SITES);
		uint64_t caller = caller_key(site);
		if (is_stranger || !around || !caller || caller == own_key(around))
			return site;
	}
}

static void add_record(struct stream *stream, struct trace_records *records)
{
	uint32_t kind = any(stream, 1000);
	stream->ticks += any(stream, 50);
	if (any(stream, 30) == 0)
		stream->ticks -= any(stream, 40); /* the other CPU's clock */
	if (kind < stream->oddities) {
		static const enum ct_extended_kind odd[] = {CT_EXTENDED_STACK, CT_EXTENDED_LOST};
		stream->depth = any(stream, 3);
		trace_records_extended(records, odd[any(stream, 2)], stream->depth, stream->ticks,
				       any(stream, 2));
	} else if (kind < 20) {
		stream->depth = any(stream, stream->depth + 1);
		trace_records_extended(records, CT_EXTENDED_UNWIND, stream->depth, stream->ticks,
				       1);
	} else if (kind < 40) {
		trace_records_extended(records,
				       any(stream, 2) ? CT_EXTENDED_SYNC : CT_EXTENDED_CREATE,
				       stream->depth, stream->ticks, 7);
	} else if (kind < 530 || stream->depth == 0) {
		uint32_t site = any_site(stream);
		stream->sites[stream->depth++] = site;
		trace_records_enter(records, stream->ticks, site);
		if (any(stream, 10) == 0)
			trace_records_values(records, "ab", 2);
	} else {
		stream->depth--;
		trace_records_return(records, stream->ticks);
	}
}

static void add_stream(struct trace_writer *writer, struct stream *stream)
{
	struct trace_records records = {0};
	struct ct_thread_row row = {.stream = 1, .tid = 41};
	trace_writer_thread(writer, &row);
	for (uint32_t i = 1; i <= SITES; i++) {
		struct ct_site site = {
			.site = i * 0x100 + 8, .function = i * 0x100, .call_site = 0x9000 + i / 2};
		trace_writer_site(writer, i, &site);
	}
	for (uint64_t seq = 0; seq < PIECES; seq++) {
		uint32_t depth = stream->depth;
		for (int i = 0; i < RECORDS; i++)
			add_record(stream, &records);
		/* now and then one is missing */
		if (any(stream, 1000) >= stream->oddities)
			trace_writer_append(writer, (struct trace_piece){1, seq, depth, 0, 0},
					    &records);
		else
			records.length = 0;
	}
	free(records.bytes);
}

static void set_keys(struct ct_trace *trace)
{
	uint64_t own[SITES + 1] = {0}, caller[SITES + 1] = {0};
	assert_int_equal(ct_trace_site_count(trace), SITES);
	for (uint32_t i = 1; i <= SITES; i++) {
		own[i] = own_key(i);
		caller[i] = caller_key(i);
	}
	ct_trace_set_function_keys(trace, own, caller);
}

/* The calls open at the end of a walk of a part are those that were told. */
struct open_calls {
	struct ct_frame frames[PIECES * RECORDS + 1];
	size_t count;
};

static void follow(struct open_calls *open, const struct ct_step *step)
{
	if (step->kind == CT_STEP_CALL)
		open->frames[open->count++] = (struct ct_frame){step->ticks, step->site};
	else if (step->kind == CT_STEP_END)
		open->count--;
}

static void assert_open(const struct open_calls *open, const struct ct_walk_state *state)
{
	assert_int_equal(open->count, state->count);
	for (size_t i = 0; i < open->count; i++) {
		assert_int_equal(open->frames[i].ticks, state->frames[i].ticks);
		assert_int_equal(open->frames[i].site, state->frames[i].site);
	}
}

static void add_part(const struct ct_trace *trace, uint32_t from, uint32_t to,
		     const struct ct_walk_state *state, struct open_calls *open,
		     struct ct_strbuf *ret)
{
	ct_cleanup(cleanup_walk) struct ct_walk *walk = NULL;
	struct ct_step step;
	assert_no_error(ct_walk_create_part(trace, 1, from, to, state, &walk));
	while (ct_walk_next(walk, &step)) {
		follow(open, &step);
		add_step(&step, ret);
		ct_strbuf_printf(ret, " %lu %u", (unsigned long)step.ticks, step.depth);
	}
	assert_false(ct_walk_failed(walk));
}

/* What is open at the end of the pieces from `from` to `to`, where that can be told. */
static bool go_on(const struct ct_trace *trace, uint32_t from, uint32_t to,
		  struct ct_walk_state *state)
{
	ct_cleanup(ct_part_effect_deinit) struct ct_part_effect effect = {0};
	struct ct_walk_state next;
	if (!ct_part_scan(trace, 1, from, to, &effect) ||
	    !ct_part_apply(trace, &effect, state, &next))
		return false;
	ct_walk_state_deinit(state);
	*state = next;
	return true;
}

/* Parts that begin at `first` and `second`; false where it cannot be told what is open there. */
static bool parts_are_as_the_whole(const struct ct_trace *trace, uint32_t first, uint32_t second,
				   const char *whole)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	ct_cleanup(ct_walk_state_deinit) struct ct_walk_state state = {0};
	struct open_calls open = {.count = 0};
	add_part(trace, 0, first, &state, &open, &text);
	if (!go_on(trace, 0, first, &state))
		return false;
	assert_open(&open, &state);
	add_part(trace, first, second, &state, &open, &text);
	if (!go_on(trace, first, second, &state))
		return false;
	assert_open(&open, &state);
	add_part(trace, second, ct_part_pieces(trace, 1), &state, &open, &text);
	assert_string_equal(text.bytes, whole);
	return true;
}

static uint32_t count_told(uint32_t oddities, uint32_t strangers, bool has_keys)
{
	uint32_t told = 0;
	for (unsigned int seed = 1; seed <= STREAMS; seed++) {
		struct stream stream = {
			.seed = seed, .ticks = 5000, .oddities = oddities, .strangers = strangers};
		struct open_calls open = {.count = 0};
		ct_cleanup(trace_writer_deinit) struct trace_writer writer;
		ct_cleanup(cleanup_trace) struct ct_trace *trace = NULL;
		ct_cleanup(ct_strbuf_deinit) struct ct_strbuf whole = {0};
		trace_writer_init(&writer);
		add_stream(&writer, &stream);
		trace = open_trace(&writer);
		if (has_keys)
			set_keys(trace);
		uint32_t count = ct_part_pieces(trace, 1);
		add_part(trace, 0, count, NULL, &open, &whole);
		for (uint32_t first = 1; first + 1 < count; first += 3)
			for (uint32_t second = first + 1; second < count; second += 2)
				told += parts_are_as_the_whole(trace, first, second, whole.bytes);
	}
	return told;
}

static void parts_give_what_the_whole_gives(void **state)
{
	(void)state;
	assert_int_equal(count_told(0, 1000, false), STREAMS * SPLITS);
	assert_int_equal(count_told(0, 0, true), STREAMS * SPLITS);
}

static void so_they_do_where_calls_end_by_their_call_sites(void **state)
{
	(void)state;
	assert_in_range(count_told(0, 5, true), STREAMS * SPLITS / 10, STREAMS * SPLITS - 1);
}

static void where_it_cannot_be_told_what_is_open_nothing_is_said(void **state)
{
	(void)state;
	assert_in_range(count_told(3, 0, true), STREAMS * SPLITS / 10, STREAMS * SPLITS - 1);
}

static void assert_same_step(const struct ct_step *step, const struct ct_step *expected)
{
	assert_int_equal(step->kind, expected->kind);
	assert_int_equal(step->end, expected->end);
	assert_int_equal(step->site, expected->site);
	assert_int_equal(step->depth, expected->depth);
	assert_int_equal(step->stack, expected->stack);
	assert_int_equal(step->value_bytes, expected->value_bytes);
	assert_int_equal(step->ticks, expected->ticks);
	assert_int_equal(step->value, expected->value);
}

/* One that ended goes on as if it had not. */
static void a_part_can_be_extended(void **state)
{
	struct stream stream = {.seed = 1, .ticks = 5000, .oddities = 5};
	ct_cleanup(trace_writer_deinit) struct trace_writer writer;
	ct_cleanup(cleanup_trace) struct ct_trace *trace = NULL;
	ct_cleanup(cleanup_walk) struct ct_walk *walk = NULL;
	ct_cleanup(cleanup_walk) struct ct_walk *whole = NULL;
	struct ct_step step, expected;
	(void)state;
	trace_writer_init(&writer);
	add_stream(&writer, &stream);
	trace = open_trace(&writer);
	uint32_t count = ct_part_pieces(trace, 1);
	assert_no_error(ct_walk_create(trace, 1, &whole));
	assert_no_error(ct_walk_create_part(trace, 1, 0, 1, NULL, &walk));
	for (uint32_t to = 1; to <= count; to++) {
		ct_walk_extend(walk, to);
		while (ct_walk_next(walk, &step)) {
			assert_true(ct_walk_next(whole, &expected));
			assert_same_step(&step, &expected);
		}
	}
	assert_false(ct_walk_next(whole, &expected));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(parts_give_what_the_whole_gives),
	cmocka_unit_test(so_they_do_where_calls_end_by_their_call_sites),
	cmocka_unit_test(where_it_cannot_be_told_what_is_open_nothing_is_said),
	cmocka_unit_test(a_part_can_be_extended),
};

UNIT_TEST_MAIN(tests)
