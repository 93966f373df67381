/* SPDX-License-Identifier: MIT */
/* What the tests of the reader share: a walk written down as a line of text. */
#ifndef READER_TEST_H
#define READER_TEST_H

#include <stdio.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "reader/trace.h"
#include "trace_writer.h"
#include "unit_test.h"

static inline void cleanup_trace(struct ct_trace **trace)
{
	ct_trace_destroy(*trace);
}

static inline void cleanup_walk(struct ct_walk **walk)
{
	ct_walk_destroy(*walk);
}

static inline struct ct_trace *open_trace(struct trace_writer *writer)
{
	struct ct_trace *trace = NULL;
	assert_no_error(ct_trace_open(trace_writer_save(writer), &trace));
	return trace;
}

static inline struct ct_walk *create_walk(const struct ct_trace *trace, uint32_t stream)
{
	struct ct_walk *walk = NULL;
	assert_no_error(ct_walk_create(trace, stream, &walk));
	return walk;
}

/* What a walk promises, checked step by step. */
struct promises {
	uint64_t last_ticks;
	uint32_t open[8]; /* by stack */
	uint64_t calls;
	uint64_t ends;
};

static inline void check_promises(struct promises *promises, const struct ct_step *step)
{
	assert_true(step->ticks >= promises->last_ticks);
	promises->last_ticks = step->ticks;
	uint32_t *open = &promises->open[step->stack & 7];
	if (step->kind == CT_STEP_CALL) {
		promises->calls++;
		assert_int_equal(step->depth, (*open)++);
	} else if (step->kind == CT_STEP_END) {
		promises->ends++;
		assert_true(*open > 0);
		assert_int_equal(step->depth, --*open);
	}
}

static inline void add_step(const struct ct_step *step, struct ct_strbuf *ret)
{
	static const char *const ends[] = {"", ":unwound", ":exit", ":crash", ":killed"};
	ct_strbuf_add_string(ret, ret->length ? " " : "");
	switch ((enum ct_step_kind)step->kind) {
	case CT_STEP_CALL:
		ct_strbuf_printf(ret, "+%u", step->site);
		break;
	case CT_STEP_END:
		ct_strbuf_printf(ret, "-%u%s", step->site, ends[step->end]);
		break;
	case CT_STEP_CREATE:
		ct_strbuf_printf(ret, "create %lu in %u", (unsigned long)step->value, step->site);
		break;
	case CT_STEP_LOST:
		ct_strbuf_printf(ret, "lost %lu", (unsigned long)step->value);
		break;
	}
	if (step->stack)
		ct_strbuf_printf(ret, "@%u", step->stack);
	if (step->values)
		ct_strbuf_printf(ret, "=%.*s", (int)step->value_bytes, (const char *)step->values);
}

/* Steps that come many at a time, `most` at once, as those that come one by one. */
static inline void add_plain_steps(struct ct_walk *walk, size_t most, struct promises *promises,
				   struct ct_strbuf *ret)
{
	struct ct_plain_step steps[8];
	uint32_t stack;
	for (size_t count; (count = ct_walk_plain(walk, steps, most, &stack)) > 0;) {
		assert_true(count <= most);
		for (size_t i = 0; i < count; i++) {
			const struct ct_step step = {
				.kind = steps[i].is_end ? CT_STEP_END : CT_STEP_CALL,
				.site = steps[i].site,
				.depth = promises->open[stack & 7] - steps[i].is_end,
				.stack = stack,
				.value_bytes = steps[i].value_bytes,
				.ticks = steps[i].ticks,
				.values = steps[i].values,
			};
			check_promises(promises, &step);
			add_step(&step, ret);
		}
	}
}

/*
 * The steps of a stream as text: "+3" a call to site 3 and "-3" its return, "-3:unwound" and
 * so on another end, "create 7", "lost 2"; "@5" after it on stack 5, "=ab" with the values a, b.
 * `most`: as many as may come at a time; 0: one by one.
 */
static inline void walk_text(const struct ct_trace *trace, uint32_t stream, size_t most,
			     struct ct_strbuf *ret)
{
	ct_cleanup(cleanup_walk) struct ct_walk *walk = create_walk(trace, stream);
	struct promises promises = {0};
	struct ct_step step;
	do {
		if (most)
			add_plain_steps(walk, most, &promises, ret);
		step.kind = 0;
		if (ct_walk_next(walk, &step)) {
			check_promises(&promises, &step);
			add_step(&step, ret);
		}
	} while (step.kind);
	assert_false(ct_walk_failed(walk));
	assert_int_equal(promises.calls, promises.ends);
	ct_strbuf_add_string(ret, "");
}

/* However many steps are asked for at a time. */
#define assert_walk(trace, stream, text)                                             \
	do {                                                                         \
		for (size_t most = 0; most <= 8; most = most * 2 + 1) {              \
			ct_cleanup(ct_strbuf_deinit) struct ct_strbuf walked = {0};  \
			walk_text(trace, stream, most, &walked);                     \
			assert_string_equal(walked.bytes ? walked.bytes : "", text); \
		}                                                                    \
	} while (0)

/* As many sites as there can be in one block, so that any number a test uses is one. */
static inline void add_sites(struct trace_writer *writer)
{
	for (uint32_t i = 1; i <= 1000; i++) {
		struct ct_site site = {.site = 0x1000 + i * 16,
				       .function = 0x1000 + i * 16 - 4,
				       .call_site = 0x100000 + i * 16,
				       .module = 1,
				       .call_module = 1};
		trace_writer_site(writer, i, &site);
	}
}

#endif
