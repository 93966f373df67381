/* SPDX-License-Identifier: MIT */
/* The call-site rule: which frames are gone when a call begins, and which are not. */
#include "reader_test.h"

/* Keys of physical functions, as the symbols would give them. */
enum function { NONE, MAIN, A, B, C, P, LIBC };

/* Sites by number; what matters of them to the rule. */
enum site {
	MAIN_SITE = 1,	   /* main, called by libc */
	A_FROM_MAIN,	   /* A, called by main */
	A_FROM_MAIN_AGAIN, /* by another call in main */
	B_FROM_A,
	C_FROM_MAIN,
	C_FROM_B,
	A_FROM_B,    /* mutual recursion */
	A_FROM_A,    /* recursion */
	B_FROM_LIBC, /* callback */
	C_FROM_C,
	INLINED_IN_MAIN, /* shares main's frame: its call site is in libc */
	ANOTHER_IN_MAIN,
	P_FROM_MAIN,
	INLINED_IN_P, /* shares P's frame: its call site is in main */
	ANOTHER_IN_P,
	C_FROM_P,
	UNKNOWN_FROM_MAIN, /* its hook lies in a function nobody knows */
	C_FROM_UNKNOWN,
	B_FROM_MAIN,
	INLINED_IN_P_FROM_LIBC, /* P's frame when libc called it */
	P_FROM_LIBC,
	SITE_END,
};

static const struct {
	enum function own;
	enum function caller;
	uint64_t call_site;
} site_table[SITE_END] = {
	[MAIN_SITE] = {MAIN, LIBC, 0x10},
	[A_FROM_MAIN] = {A, MAIN, 0x20},
	[A_FROM_MAIN_AGAIN] = {A, MAIN, 0x21},
	[B_FROM_A] = {B, A, 0x30},
	[C_FROM_MAIN] = {C, MAIN, 0x40},
	[C_FROM_B] = {C, B, 0x41},
	[A_FROM_B] = {A, B, 0x22},
	[A_FROM_A] = {A, A, 0x23},
	[B_FROM_LIBC] = {B, LIBC, 0x31},
	[C_FROM_C] = {C, C, 0x42},
	[INLINED_IN_MAIN] = {MAIN, LIBC, 0x10},
	[ANOTHER_IN_MAIN] = {MAIN, LIBC, 0x10},
	[P_FROM_MAIN] = {P, MAIN, 0x50},
	[INLINED_IN_P] = {P, MAIN, 0x50},
	[ANOTHER_IN_P] = {P, MAIN, 0x50},
	[C_FROM_P] = {C, P, 0x43},
	[UNKNOWN_FROM_MAIN] = {NONE, MAIN, 0x60},
	[C_FROM_UNKNOWN] = {C, NONE, 0x44},
	[B_FROM_MAIN] = {B, MAIN, 0x32},
	[INLINED_IN_P_FROM_LIBC] = {P, LIBC, 0x51},
	[P_FROM_LIBC] = {P, LIBC, 0x51},
};

enum { RETURN = 0 };

struct fixture {
	struct trace_writer writer;
	struct trace_records records;
	uint64_t site_keys[1001];
	uint64_t call_keys[1001];
};

static void init_fixture(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	trace_writer_init(&f->writer);
	add_sites(&f->writer);
	for (uint32_t i = 1; i < SITE_END; i++) {
		/* Large and sparse, as real keys are. */
		f->site_keys[i] = site_table[i].own * UINT64_C(0x100000001000);
		f->call_keys[i] = site_table[i].caller * UINT64_C(0x100000001000);
		struct ct_site site = {.site = 0x1000 + i,
				       .call_site = site_table[i].call_site,
				       .module = 1,
				       .call_module = 1};
		trace_writer_site(&f->writer, i, &site);
	}
}

static void deinit_fixture(struct fixture *f)
{
	free(f->records.bytes);
	trace_writer_deinit(&f->writer);
}

#define FIXTURE(f)                                   \
	ct_cleanup(deinit_fixture) struct fixture f; \
	init_fixture(&(f))

/* Calls by their sites, RETURN for returns. */
static void record(struct fixture *f, const int *sites, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (sites[i] == RETURN)
			trace_records_return(&f->records, 2000);
		else
			trace_records_enter(&f->records, 2000, (uint32_t)sites[i]);
	}
}

#define RECORD(f, ...)                                                       \
	do {                                                                 \
		static const int recorded[] = {__VA_ARGS__};                 \
		record(f, recorded, sizeof(recorded) / sizeof(recorded[0])); \
	} while (0)

static void unwind(struct fixture *f, uint32_t depth)
{
	trace_records_extended(&f->records, CT_EXTENDED_UNWIND, depth, 2000, CT_UNWIND_STALE);
}

/* Walk the recorded calls; `expected` names sites by number, so build it with text_of(). */
static void assert_fixture_walk(struct fixture *f, const char *expected)
{
	trace_writer_append(&f->writer, (struct trace_piece){1, 0, 0, 0, 0}, &f->records);
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&f->writer);
	ct_trace_set_function_keys(trace, f->site_keys, f->call_keys);
	assert_walk(trace, 1, expected);
}

/* Text of steps: positive a call, negative its return, -(site) - GONE its being found gone. */
enum { GONE = 1000, OPEN = 2000 };

static void text_of(struct ct_strbuf *text, const int *steps, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int site = abs(steps[i]) % GONE;
		const char *end = abs(steps[i]) >= OPEN	  ? ":exit"
				  : abs(steps[i]) >= GONE ? ":unwound"
							  : "";
		ct_strbuf_printf(text, "%s%c%d%s", i ? " " : "", steps[i] < 0 ? '-' : '+', site,
				 end);
	}
}

#define assert_steps(f, ...)                                                       \
	do {                                                                       \
		static const int expected_steps[] = {__VA_ARGS__};                 \
		ct_cleanup(ct_strbuf_deinit) struct ct_strbuf expected_text = {0}; \
		text_of(&expected_text, expected_steps,                            \
			sizeof(expected_steps) / sizeof(expected_steps[0]));       \
		assert_fixture_walk(f, expected_text.bytes);                       \
	} while (0)

static void frames_left_by_longjmp_are_gone(void **state)
{
	(void)state;
	FIXTURE(f);
	/* main calls A calls B, which jumps back to main, which calls C. */
	RECORD(&f, MAIN_SITE, A_FROM_MAIN, B_FROM_A, C_FROM_MAIN, RETURN);
	unwind(&f, 1); /* the runtime notices when main returns */
	RECORD(&f, RETURN);
	assert_steps(&f, MAIN_SITE, A_FROM_MAIN, B_FROM_A, -B_FROM_A - GONE, -A_FROM_MAIN - GONE,
		     C_FROM_MAIN, -C_FROM_MAIN, -MAIN_SITE);
}

static void without_keys_nothing_is_found_gone(void **state)
{
	(void)state;
	FIXTURE(f);
	memset(f.call_keys, 0, sizeof(f.call_keys));
	RECORD(&f, MAIN_SITE, A_FROM_MAIN, C_FROM_MAIN, RETURN, RETURN, RETURN);
	assert_steps(&f, MAIN_SITE, A_FROM_MAIN, C_FROM_MAIN, -C_FROM_MAIN, -A_FROM_MAIN,
		     -MAIN_SITE);
}

static void later_returns_of_gone_frames_end_nothing(void **state)
{
	(void)state;
	FIXTURE(f);
	/* The runtime takes the stale frames off one by one. */
	RECORD(&f, MAIN_SITE, A_FROM_MAIN, B_FROM_A, C_FROM_MAIN, RETURN, RETURN, RETURN, RETURN);
	assert_steps(&f, MAIN_SITE, A_FROM_MAIN, B_FROM_A, -B_FROM_A - GONE, -A_FROM_MAIN - GONE,
		     C_FROM_MAIN, -C_FROM_MAIN, -MAIN_SITE);
}

static void loop_of_longjmps_does_not_pile_up(void **state)
{
	(void)state;
	FIXTURE(f);
	RECORD(&f, MAIN_SITE, A_FROM_MAIN, B_FROM_A, A_FROM_MAIN, B_FROM_A, A_FROM_MAIN, B_FROM_A);
	unwind(&f, 1);
	RECORD(&f, RETURN);
	assert_steps(&f, MAIN_SITE, /* one */ A_FROM_MAIN, B_FROM_A, -B_FROM_A - GONE,
		     -A_FROM_MAIN - GONE, /* two */ A_FROM_MAIN, B_FROM_A, -B_FROM_A - GONE,
		     -A_FROM_MAIN - GONE, /* three */ A_FROM_MAIN, B_FROM_A, -B_FROM_A - GONE,
		     -A_FROM_MAIN - GONE, -MAIN_SITE);
}

static void same_function_called_again_replaces_a_stale_frame(void **state)
{
	(void)state;
	FIXTURE(f);
	RECORD(&f, MAIN_SITE, A_FROM_MAIN, A_FROM_MAIN_AGAIN, RETURN);
	unwind(&f, 1);
	RECORD(&f, RETURN);
	assert_steps(&f, MAIN_SITE, A_FROM_MAIN, -A_FROM_MAIN - GONE, A_FROM_MAIN_AGAIN,
		     -A_FROM_MAIN_AGAIN, -MAIN_SITE);
}

static void only_frames_above_the_caller_go(void **state)
{
	(void)state;
	FIXTURE(f);
	/* An exception from C, thrown through B, is caught in A, which calls B again. */
	RECORD(&f, MAIN_SITE, A_FROM_MAIN, B_FROM_A, C_FROM_B, B_FROM_A, RETURN);
	unwind(&f, 2);
	RECORD(&f, RETURN, RETURN);
	assert_steps(&f, MAIN_SITE, A_FROM_MAIN, B_FROM_A, C_FROM_B, -C_FROM_B - GONE,
		     -B_FROM_A - GONE, B_FROM_A, -B_FROM_A, -A_FROM_MAIN, -MAIN_SITE);
}

static void calls_after_a_repair_nest_again(void **state)
{
	(void)state;
	FIXTURE(f);
	RECORD(&f, MAIN_SITE, A_FROM_MAIN, B_FROM_A, C_FROM_MAIN, RETURN, A_FROM_MAIN, B_FROM_A,
	       RETURN, RETURN, C_FROM_MAIN, RETURN);
	unwind(&f, 1);
	RECORD(&f, RETURN);
	assert_steps(&f, MAIN_SITE, A_FROM_MAIN, B_FROM_A, -B_FROM_A - GONE, -A_FROM_MAIN - GONE,
		     C_FROM_MAIN, -C_FROM_MAIN, A_FROM_MAIN, B_FROM_A, -B_FROM_A, -A_FROM_MAIN,
		     C_FROM_MAIN, -C_FROM_MAIN, -MAIN_SITE);
}

static void unwind_may_cut_through_gone_frames(void **state)
{
	(void)state;
	FIXTURE(f);
	RECORD(&f, MAIN_SITE, A_FROM_MAIN, B_FROM_A, C_FROM_MAIN, RETURN);
	unwind(&f, 2); /* of the two gone frames one is left, and known to be gone */
	RECORD(&f, A_FROM_MAIN, C_FROM_MAIN, RETURN, RETURN, RETURN, RETURN);
	assert_steps(&f, MAIN_SITE, A_FROM_MAIN, B_FROM_A, -B_FROM_A - GONE, -A_FROM_MAIN - GONE,
		     C_FROM_MAIN, -C_FROM_MAIN, A_FROM_MAIN, -A_FROM_MAIN - GONE, C_FROM_MAIN,
		     -C_FROM_MAIN, -MAIN_SITE);
}

static void frames_of_a_handler_left_by_siglongjmp_are_gone(void **state)
{
	(void)state;
	FIXTURE(f);
	/* B is the handler: called by the kernel's trampoline in libc while A ran. */
	RECORD(&f, MAIN_SITE, A_FROM_MAIN, B_FROM_LIBC, C_FROM_B, C_FROM_MAIN);
	assert_steps(&f, MAIN_SITE, A_FROM_MAIN, B_FROM_LIBC, C_FROM_B, -C_FROM_B - GONE,
		     -B_FROM_LIBC - GONE, -A_FROM_MAIN - GONE, C_FROM_MAIN, -C_FROM_MAIN - OPEN,
		     -MAIN_SITE - OPEN);
}

static void recursion_stays(void **state)
{
	(void)state;
	FIXTURE(f);
	RECORD(&f, MAIN_SITE, A_FROM_MAIN, A_FROM_A, A_FROM_A, RETURN, RETURN, B_FROM_A, A_FROM_B,
	       B_FROM_A, RETURN, RETURN, RETURN, RETURN, RETURN);
	assert_steps(&f, MAIN_SITE, A_FROM_MAIN, A_FROM_A, A_FROM_A, -A_FROM_A, -A_FROM_A, B_FROM_A,
		     A_FROM_B, B_FROM_A, -B_FROM_A, -A_FROM_B, -B_FROM_A, -A_FROM_MAIN, -MAIN_SITE);
}

static void callback_from_uninstrumented_code_stays(void **state)
{
	(void)state;
	FIXTURE(f);
	/* A calls qsort, which calls B, which calls C. */
	RECORD(&f, MAIN_SITE, A_FROM_MAIN, B_FROM_LIBC, C_FROM_B, RETURN, RETURN, B_FROM_LIBC,
	       RETURN, RETURN, RETURN);
	assert_steps(&f, MAIN_SITE, A_FROM_MAIN, B_FROM_LIBC, C_FROM_B, -C_FROM_B, -B_FROM_LIBC,
		     B_FROM_LIBC, -B_FROM_LIBC, -A_FROM_MAIN, -MAIN_SITE);
}

static void recursion_through_uninstrumented_code_stays(void **state)
{
	(void)state;
	FIXTURE(f);
	/* B, called by qsort, calls qsort. The frames share function and call site. */
	RECORD(&f, MAIN_SITE, B_FROM_LIBC, B_FROM_LIBC, C_FROM_B, RETURN, RETURN, RETURN, RETURN);
	assert_steps(&f, MAIN_SITE, B_FROM_LIBC, B_FROM_LIBC, C_FROM_B, -C_FROM_B, -B_FROM_LIBC,
		     -B_FROM_LIBC, -MAIN_SITE);
}

static void inlined_call_stays_in_its_frame(void **state)
{
	(void)state;
	FIXTURE(f);
	RECORD(&f, MAIN_SITE, P_FROM_MAIN, INLINED_IN_P, ANOTHER_IN_P, RETURN, C_FROM_P, RETURN,
	       RETURN, ANOTHER_IN_P, RETURN, RETURN, RETURN);
	assert_steps(&f, MAIN_SITE, P_FROM_MAIN, INLINED_IN_P, ANOTHER_IN_P, -ANOTHER_IN_P,
		     C_FROM_P, -C_FROM_P, -INLINED_IN_P, ANOTHER_IN_P, -ANOTHER_IN_P, -P_FROM_MAIN,
		     -MAIN_SITE);
}

static void inlined_in_main_stays(void **state)
{
	(void)state;
	FIXTURE(f);
	RECORD(&f, MAIN_SITE, INLINED_IN_MAIN, ANOTHER_IN_MAIN, A_FROM_MAIN, RETURN, RETURN, RETURN,
	       RETURN);
	assert_steps(&f, MAIN_SITE, INLINED_IN_MAIN, ANOTHER_IN_MAIN, A_FROM_MAIN, -A_FROM_MAIN,
		     -ANOTHER_IN_MAIN, -INLINED_IN_MAIN, -MAIN_SITE);
}

static void inlined_call_ends_what_was_above_its_frame(void **state)
{
	(void)state;
	FIXTURE(f);
	/* C jumps back to P, which goes on with an inlined call. */
	RECORD(&f, MAIN_SITE, P_FROM_MAIN, C_FROM_P, INLINED_IN_P, RETURN);
	unwind(&f, 2);
	RECORD(&f, RETURN, RETURN);
	assert_steps(&f, MAIN_SITE, P_FROM_MAIN, C_FROM_P, -C_FROM_P - GONE, INLINED_IN_P,
		     -INLINED_IN_P, -P_FROM_MAIN, -MAIN_SITE);
}

static void frame_entered_again_is_not_taken_for_an_inlined_call(void **state)
{
	(void)state;
	FIXTURE(f);
	/* P jumps back to main out of an inlined call; main calls P from the same place. */
	RECORD(&f, MAIN_SITE, P_FROM_MAIN, INLINED_IN_P, P_FROM_MAIN, INLINED_IN_P, C_FROM_P,
	       P_FROM_MAIN);
	assert_steps(&f, MAIN_SITE, P_FROM_MAIN, INLINED_IN_P, -INLINED_IN_P - GONE,
		     -P_FROM_MAIN - GONE, P_FROM_MAIN, INLINED_IN_P, C_FROM_P, -C_FROM_P - GONE,
		     -INLINED_IN_P - GONE, -P_FROM_MAIN - GONE, P_FROM_MAIN, -P_FROM_MAIN - OPEN,
		     -MAIN_SITE - OPEN);
}

static void frame_of_a_callback_is_not_ended_on_its_kind_alone(void **state)
{
	(void)state;
	FIXTURE(f);
	/* P, called by qsort, calls C, which calls qsort again. */
	RECORD(&f, MAIN_SITE, P_FROM_LIBC, C_FROM_P, INLINED_IN_P_FROM_LIBC, RETURN, RETURN, RETURN,
	       RETURN);
	assert_steps(&f, MAIN_SITE, P_FROM_LIBC, C_FROM_P, INLINED_IN_P_FROM_LIBC,
		     -INLINED_IN_P_FROM_LIBC, -C_FROM_P, -P_FROM_LIBC, -MAIN_SITE);
}

static void unknown_function_on_top_proves_nothing(void **state)
{
	(void)state;
	FIXTURE(f);
	RECORD(&f, MAIN_SITE, UNKNOWN_FROM_MAIN, C_FROM_MAIN, RETURN, C_FROM_UNKNOWN, RETURN,
	       RETURN, RETURN);
	assert_steps(&f, MAIN_SITE, UNKNOWN_FROM_MAIN, C_FROM_MAIN, -C_FROM_MAIN, C_FROM_UNKNOWN,
		     -C_FROM_UNKNOWN, -UNKNOWN_FROM_MAIN, -MAIN_SITE);
}

static void missing_enters_on_top_prove_nothing(void **state)
{
	(void)state;
	FIXTURE(f);
	RECORD(&f, MAIN_SITE, A_FROM_MAIN);
	/* Two enters are missing: one may be that of main, called again. */
	trace_records_extended(&f.records, CT_EXTENDED_LOST, 4, 2000, 2);
	RECORD(&f, C_FROM_MAIN, RETURN, RETURN, RETURN, RETURN, RETURN);
	assert_fixture_walk(&f, "+1 +2 lost 2 +5 -5 -2 -1");
}

static void caller_that_is_not_open_proves_nothing(void **state)
{
	(void)state;
	FIXTURE(f);
	/* B is a hooked function, but its frame's enter was not recorded. */
	RECORD(&f, MAIN_SITE, A_FROM_MAIN, C_FROM_B, RETURN, RETURN, RETURN);
	assert_steps(&f, MAIN_SITE, A_FROM_MAIN, C_FROM_B, -C_FROM_B, -A_FROM_MAIN, -MAIN_SITE);
}

static void first_call_of_a_stack_has_no_caller(void **state)
{
	(void)state;
	FIXTURE(f);
	RECORD(&f, A_FROM_MAIN, RETURN, C_FROM_B, RETURN);
	assert_steps(&f, A_FROM_MAIN, -A_FROM_MAIN, C_FROM_B, -C_FROM_B);
}

static void stacks_are_judged_apart(void **state)
{
	(void)state;
	FIXTURE(f);
	RECORD(&f, MAIN_SITE, A_FROM_MAIN);
	trace_records_extended(&f.records, CT_EXTENDED_STACK, 0, 2000, 4);
	RECORD(&f, B_FROM_LIBC, C_FROM_MAIN, RETURN, RETURN);
	trace_records_extended(&f.records, CT_EXTENDED_STACK, 2, 2000, 0);
	RECORD(&f, RETURN, RETURN);
	assert_fixture_walk(&f, "+1 +2 +9@4 +5@4 -5@4 -9@4 -2 -1");
}

static void deep_recursion_left_at_once_is_gone(void **state)
{
	(void)state;
	FIXTURE(f);
	enum { DEPTH = 5000 };
	RECORD(&f, MAIN_SITE, A_FROM_MAIN);
	for (int i = 0; i < DEPTH; i++)
		RECORD(&f, A_FROM_A);
	RECORD(&f, C_FROM_MAIN, RETURN);
	unwind(&f, 1);
	RECORD(&f, RETURN);
	trace_writer_append(&f.writer, (struct trace_piece){1, 0, 0, 0, 0}, &f.records);
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&f.writer);
	ct_trace_set_function_keys(trace, f.site_keys, f.call_keys);
	ct_cleanup(cleanup_walk) struct ct_walk *walk = create_walk(trace, 1);
	uint32_t unwound = 0;
	for (struct ct_step step; ct_walk_next(walk, &step);) {
		unwound += step.kind == CT_STEP_END && step.end == CT_CALL_UNWOUND;
		if (step.kind == CT_STEP_CALL && step.site == C_FROM_MAIN)
			assert_int_equal(step.depth, 1);
	}
	assert_int_equal(unwound, DEPTH + 1);
}

/* Without a pattern that would keep them from meeting in a hash table. 0 for 0. */
static uint64_t many_keys(uint64_t i)
{
	return i * i * i * UINT64_C(0xd1342543de82ef95) >> 7;
}

static void each_of_many_functions_is_told_apart(void **state)
{
	(void)state;
	enum { FUNCTIONS = 990 };
	FIXTURE(f);
	/* A chain of functions, each called by the one before; then each in turn calls again. */
	for (uint32_t i = 1; i <= FUNCTIONS; i++) {
		f.site_keys[i] = many_keys(i);
		f.call_keys[i] = many_keys(i - 1);
		trace_records_enter(&f.records, 2000, i);
	}
	for (uint32_t i = FUNCTIONS - 1; i > 1; i--)
		trace_records_enter(&f.records, 2000, i);
	trace_writer_append(&f.writer, (struct trace_piece){1, 0, 0, 0, 0}, &f.records);
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&f.writer);
	ct_trace_set_function_keys(trace, f.site_keys, f.call_keys);
	ct_cleanup(cleanup_walk) struct ct_walk *walk = create_walk(trace, 1);
	for (struct ct_step step; ct_walk_next(walk, &step);)
		assert_int_equal(step.depth, step.site - 1);
}

/* Fruitless searches of a deep stack are bounded: this would take minutes otherwise. */
static void deep_stack_searched_in_vain_is_not_searched_for_ever(void **state)
{
	(void)state;
	enum { DEPTH = 1000000, PER_PIECE = 10000 };
	FIXTURE(f);
	uint64_t seq = 0;
	/* main is open, on another stack; B's callers are searched for on this one. */
	RECORD(&f, MAIN_SITE);
	trace_records_extended(&f.records, CT_EXTENDED_STACK, 0, 2000, 7);
	trace_writer_append(&f.writer, (struct trace_piece){1, seq++, 0, 0, 0}, &f.records);
	for (uint32_t depth = 0; depth < DEPTH; depth += PER_PIECE) {
		for (int i = 0; i < PER_PIECE; i++)
			RECORD(&f, A_FROM_A);
		trace_writer_append(&f.writer, (struct trace_piece){1, seq++, depth, 7, 0},
				    &f.records);
	}
	for (int piece = 0; piece < 10; piece++) {
		for (int i = 0; i < PER_PIECE / 2; i++)
			RECORD(&f, B_FROM_MAIN, RETURN);
		trace_writer_append(&f.writer, (struct trace_piece){1, seq++, DEPTH, 7, 0},
				    &f.records);
	}
	ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&f.writer);
	ct_trace_set_function_keys(trace, f.site_keys, f.call_keys);
	ct_cleanup(cleanup_walk) struct ct_walk *walk = create_walk(trace, 1);
	uint32_t unwound = 0;
	for (struct ct_step step; ct_walk_next(walk, &step);)
		unwound += step.kind == CT_STEP_END && step.end == CT_CALL_UNWOUND;
	assert_int_equal(unwound, 0);
}

/* Mostly calls that nest, and all that may come between. */
static void record_anything(struct fixture *f, unsigned int *seed)
{
	enum { RECORDS = 400 };
	uint64_t ticks = 2000;
	for (int i = 0; i < RECORDS; i++) {
		uint32_t kind = (uint32_t)rand_r(seed) % 64;
		uint32_t depth = (uint32_t)rand_r(seed) % 8;
		ticks += (uint32_t)rand_r(seed) % 50;
		if (kind < 28)
			trace_records_enter(&f->records, ticks,
					    1 + (uint32_t)rand_r(seed) % SITE_END);
		else if (kind < 57)
			trace_records_return(&f->records, ticks);
		else if (kind < 60)
			trace_records_values(&f->records, "some values", depth);
		else
			trace_records_extended(&f->records, (enum ct_extended_kind)(kind - 60),
					       depth, ticks, (uint32_t)rand_r(seed) % 3);
	}
}

static void steps_are_the_same_many_at_a_time(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 200; seed++) {
		unsigned int random = seed;
		FIXTURE(f);
		for (uint64_t seq = 0; seq < 3; seq++) {
			record_anything(&f, &random);
			trace_writer_append(&f.writer,
					    (struct trace_piece){1, seq, (uint32_t)seq * 2, 0, 0},
					    &f.records);
		}
		ct_cleanup(cleanup_trace) struct ct_trace *trace = open_trace(&f.writer);
		if (seed % 4)
			ct_trace_set_function_keys(trace, f.site_keys, f.call_keys);
		ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
		walk_text(trace, 1, 0, &text);
		assert_walk(trace, 1, text.bytes);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(steps_are_the_same_many_at_a_time),
	cmocka_unit_test(frames_left_by_longjmp_are_gone),
	cmocka_unit_test(without_keys_nothing_is_found_gone),
	cmocka_unit_test(later_returns_of_gone_frames_end_nothing),
	cmocka_unit_test(loop_of_longjmps_does_not_pile_up),
	cmocka_unit_test(same_function_called_again_replaces_a_stale_frame),
	cmocka_unit_test(only_frames_above_the_caller_go),
	cmocka_unit_test(calls_after_a_repair_nest_again),
	cmocka_unit_test(unwind_may_cut_through_gone_frames),
	cmocka_unit_test(frames_of_a_handler_left_by_siglongjmp_are_gone),
	cmocka_unit_test(recursion_stays),
	cmocka_unit_test(callback_from_uninstrumented_code_stays),
	cmocka_unit_test(recursion_through_uninstrumented_code_stays),
	cmocka_unit_test(inlined_call_stays_in_its_frame),
	cmocka_unit_test(inlined_in_main_stays),
	cmocka_unit_test(inlined_call_ends_what_was_above_its_frame),
	cmocka_unit_test(frame_entered_again_is_not_taken_for_an_inlined_call),
	cmocka_unit_test(frame_of_a_callback_is_not_ended_on_its_kind_alone),
	cmocka_unit_test(unknown_function_on_top_proves_nothing),
	cmocka_unit_test(missing_enters_on_top_prove_nothing),
	cmocka_unit_test(caller_that_is_not_open_proves_nothing),
	cmocka_unit_test(first_call_of_a_stack_has_no_caller),
	cmocka_unit_test(stacks_are_judged_apart),
	cmocka_unit_test(each_of_many_functions_is_told_apart),
	cmocka_unit_test(deep_recursion_left_at_once_is_gone),
	cmocka_unit_test(deep_stack_searched_in_vain_is_not_searched_for_ever),
};

UNIT_TEST_MAIN(tests)
