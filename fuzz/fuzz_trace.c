/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a trace: opened, dumped, and walked with and without the
 * call-site rule, one step at a time and many, which must give the same; the values of its calls
 * are written, and must be JSON, and conditions on them are asked. How the input is a file:
 * packed_trace.h.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "export/condition.h"
#include "export/values.h"
#include "fuzz_target.h"
#include "json_check.h"
#include "packed_trace.h"
#include "reader/dump.h"
#include "reader/trace.h"

enum { MAX_STEPS = 1 << 22, MAX_TEXT = 1 << 24 };

/* --- values --- */

static struct {
	struct ct_sink sink; /* first */
	char memory[CT_SINK_ROOM_BYTES];
	struct ct_strbuf text;
	size_t total; /* of the input: a hostile description makes much of little */
} written;

static void renew(struct ct_sink *sink)
{
	ct_strbuf_add(&written.text, written.memory, (size_t)(sink->at - written.memory));
	sink->at = written.memory;
}

static void begin_text(void)
{
	written.sink = (struct ct_sink){written.memory, written.memory + sizeof(written.memory),
					renew};
	written.text.length = 0;
	ct_sink_add(&written.sink, "{", 1);
}

static void end_text(const char *end)
{
	ct_sink_add(&written.sink, end, strlen(end));
	renew(&written.sink);
	if (written.text.failed || !json_is_valid(written.text.bytes, written.text.length))
		abort();
	written.total += written.text.length;
}

static void write_values(struct ct_values *values, const struct ct_step *step)
{
	struct ct_value_bytes payload = {step->values, step->value_bytes, step->ticks};
	if (!values || written.total > MAX_TEXT)
		return;
	begin_text();
	if (step->kind == CT_STEP_CALL) {
		ct_values_put_arguments(values, &written.sink, step->site, payload, 3);
		end_text("\"end\":0}");
	} else if (step->kind == CT_STEP_END && step->end == CT_CALL_RETURNED) {
		ct_sink_add(&written.sink, "\"begin\":0", 9);
		ct_values_put_result(values, &written.sink, step->site, payload, 3);
		end_text("}");
	}
}

/* Places that the seeds' values have, in whatever the input makes of them. */
static void ask_values(struct ct_values *values, const struct ct_step *step)
{
	static const char *const texts[] = {
		"p.x=3",     "p.label=G*",     "s!=\"x*\"",   "v[2]>=3",    "v.size=1",
		"o.name=a*", "o.numbers[1]=2", "o.inner.b<0", "o.as_int=1", "whole.first=5",
		"d>=1.5",    "color=GREEN",    "letter=A",    "null=null",  "retval.hi=7",
		"retval=ok", "retval<0",       "x.y.z[0]=1",
	};
	static struct ct_condition *conditions[sizeof(texts) / sizeof(texts[0])];
	struct ct_value_bytes payload = {step->values, step->value_bytes, step->ticks};
	bool is_call = step->kind == CT_STEP_CALL;
	if (!values || (!is_call && (step->kind != CT_STEP_END || step->end != CT_CALL_RETURNED)))
		return;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct ct_error *err = conditions[i] ? NULL
						     : ct_condition_parse(texts[i], &conditions[i]);
		if (err)
			errx(1, "%s", err->message);
		bool holds = ct_condition_holds(conditions[i], values, step->site, payload,
						!is_call);
		/* What is nowhere cannot be so. */
		if (holds && conditions[i]->needs_result == !is_call &&
		    !ct_values_has_place(values, step->site, &conditions[i]->terms[0].place, false))
			abort();
	}
}

static void check_values(const struct ct_step *step)
{
	bool may_have = step->kind == CT_STEP_CALL ||
			(step->kind == CT_STEP_END && step->end == CT_CALL_RETURNED);
	/* All of them can be read. */
	unsigned int sum = 0;
	for (uint32_t i = 0; step->values && i < step->value_bytes; i++)
		sum += step->values[i];
	if ((step->values && !may_have) || (!step->values && step->value_bytes) ||
	    sum > 255 * step->value_bytes)
		abort();
}

/* What trace.h promises of a walk. */
static void walk(const struct ct_trace *trace, uint32_t stream, struct ct_values *values)
{
	struct ct_walk *walk;
	struct ct_error *error = ct_walk_create(trace, stream, &walk);
	if (error)
		errx(1, "%s", error->message);
	uint64_t last_ticks = 0;
	uint64_t calls = 0;
	uint64_t ends = 0;
	uint32_t own_depth = 0;
	struct ct_step step;
	for (int steps = 0; ct_walk_next(walk, &step); steps++) {
		bool is_call = step.kind == CT_STEP_CALL;
		bool is_end = step.kind == CT_STEP_END;
		calls += is_call;
		ends += is_end;
		if (step.stack == 0) {
			own_depth -= is_end;
			if ((is_call || is_end) && step.depth != own_depth)
				abort();
			own_depth += is_call;
		}
		if (step.ticks < last_ticks || step.site > ct_trace_site_count(trace) ||
		    ends > calls || steps > MAX_STEPS)
			abort();
		last_ticks = step.ticks;
		check_values(&step);
		write_values(values, &step);
		ask_values(values, &step);
		ct_trace_ns(trace, step.ticks);
	}
	if (ct_walk_failed(walk) || calls != ends)
		abort();
	ct_walk_destroy(walk);
}

/* What is compared of a walk. */
static uint64_t add_step(uint64_t sum, const struct ct_step *step)
{
	uint64_t place = step->values ? *step->values : 256;
	const uint64_t parts[] = {step->kind,	     step->end,	  step->site, step->stack,
				  step->value_bytes, step->ticks, place};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		sum = (sum ^ parts[i]) * UINT64_C(0x100000001b3);
	return sum;
}

static uint64_t add_plain_steps(uint64_t sum, struct ct_walk *walk, size_t most)
{
	struct ct_plain_step steps[64];
	uint32_t stack;
	for (size_t count; (count = ct_walk_plain(walk, steps, most, &stack)) > 0;) {
		for (size_t i = 0; i < count; i++) {
			const struct ct_step step = {
				.kind = steps[i].is_end ? CT_STEP_END : CT_STEP_CALL,
				.site = steps[i].site,
				.stack = stack,
				.value_bytes = steps[i].value_bytes,
				.ticks = steps[i].ticks,
				.values = steps[i].values,
			};
			sum = add_step(sum, &step);
		}
	}
	return sum;
}

static uint64_t sum_of_walk(const struct ct_trace *trace, uint32_t stream, size_t most)
{
	struct ct_walk *walk;
	struct ct_step step;
	uint64_t sum = 0;
	struct ct_error *error = ct_walk_create(trace, stream, &walk);
	if (error)
		errx(1, "%s", error->message);
	do {
		if (most)
			sum = add_plain_steps(sum, walk, most);
		step.kind = 0;
		if (ct_walk_next(walk, &step))
			sum = add_step(sum, &step);
	} while (step.kind);
	ct_walk_destroy(walk);
	return sum;
}

/* Few and small keys, so that callers are found and recursion happens. */
static void set_keys(struct ct_trace *trace)
{
	uint32_t count = ct_trace_site_count(trace);
	uint64_t *keys = calloc((size_t)count + 1, 2 * sizeof(*keys));
	if (!keys)
		err(1, "keys");
	for (uint32_t i = 1; i <= count; i++) {
		struct ct_site site;
		if (!ct_trace_site(trace, i, &site))
			continue;
		keys[i] = site.function & 7;
		keys[count + 1 + i] = site.call_site & 7;
	}
	ct_trace_set_function_keys(trace, keys, keys + count + 1);
	free(keys);
}

static void use_tables(const struct ct_trace *trace)
{
	struct ct_trace_module module;
	for (uint32_t i = 1; i <= ct_trace_module_count(trace); i++) {
		if (ct_trace_module(trace, i, &module) && module.path.length)
			free(strndup(module.path.bytes, module.path.length));
	}
	ct_trace_duration_ns(trace);
}

static void use_trace(struct ct_trace *trace, FILE *null)
{
	use_tables(trace);
	for (uint32_t stream = 0; stream <= ct_trace_thread_count(trace); stream++)
		walk(trace, stream, NULL);
	set_keys(trace);
	for (uint32_t stream = 1; stream <= ct_trace_thread_count(trace); stream++)
		if (sum_of_walk(trace, stream, 0) != sum_of_walk(trace, stream, 1 + stream % 64))
			abort();
	written.total = 0;
	for (int pretty = 0; pretty < 2; pretty++) {
		struct ct_values *values;
		struct ct_error *error = ct_values_create(trace, pretty, false, &values);
		if (error)
			errx(1, "%s", error->message);
		for (uint32_t stream = 1; stream <= ct_trace_thread_count(trace); stream++)
			walk(trace, stream, values);
		ct_values_destroy(values);
	}
	struct ct_dump_options options = {.limit = 10000};
	ct_error_destroy(ct_dump(trace, null, &options));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	static FILE *null;
	if (!null)
		null = fopen("/dev/null", "we");
	if (!null)
		err(1, "/dev/null");
	struct ct_trace *trace;
	struct ct_error *error = ct_trace_open(packed_trace_save(bytes, size_bytes), &trace);
	if (error) {
		ct_error_destroy(error);
		return 0;
	}
	use_trace(trace, null);
	ct_trace_destroy(trace);
	return 0;
}
