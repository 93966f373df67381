/* SPDX-License-Identifier: MIT */
/*
 * The second walk over a trace. Nothing is kept but the open calls: a nested
 * call's head is written when it begins, its end when it ends; a call that lies
 * flat (in a flat document, or too deep for a nested one) is written whole when
 * it ends, so it comes after the calls it made.
 */
#include "export/json_calls.h"

#include "base/cleanup.h"
#include "export/json_text.h"
#include "export/open_calls.h"
#include "export/spill.h"

/* Room for everything in a call's object but its function's text and, pretty, its indentation. */
enum { CALL_BYTES = 512, CALL_LINES = 16 };
_Static_assert(CALL_BYTES + CALL_LINES * (CT_JSON_MAX_INDENT + 1) < CT_SINK_ROOM_BYTES,
	       "a call's object is written after one ct_sink_reserve()");

struct pass {
	const struct ct_json_calls *job;
	const struct ct_tree *trees; /* of this thread */
	struct ct_open_stacks stacks;
	uint32_t current;
	struct ct_sink *sink;	/* of the current stack */
	struct ct_spill *spill; /* for the stacks but the thread's own */
	uint64_t done;
};

/* The brace of a call of this depth: document, call_trees, tree, root_calls, then two per call. */
enum { ROOT_LEVEL = 4 };

static unsigned int level_of(const struct pass *pass, uint32_t depth)
{
	return ROOT_LEVEL + 2 * (depth < pass->job->limit ? depth : pass->job->limit);
}

static inline char *put(char *at, const char *text, size_t length)
{
	memcpy(at, text, length);
	return at + length;
}
#define PUT(at, literal) put(at, literal, sizeof(literal) - 1)

static char *put_line(char *at, unsigned int level)
{
	size_t width = (size_t)level * CT_JSON_INDENT;
	if (width > CT_JSON_MAX_INDENT)
		width = CT_JSON_MAX_INDENT;
	*at++ = '\n';
	memset(at, ' ', width);
	return at + width;
}

/* `"key":`, on a line of its own in the pretty form. */
static inline __attribute__((always_inline)) char *put_key(char *at, const char *quoted_key,
							   size_t length, bool pretty,
							   unsigned int level)
{
	if (pretty)
		at = put_line(at, level);
	at = put(at, quoted_key, length);
	*at++ = ':';
	if (pretty)
		*at++ = ' ';
	return at;
}
#define PUT_KEY(at, key) put_key(at, "\"" key "\"", sizeof("\"" key "\"") - 1, pretty, level + 1)

/* The pretty form of members: names.h. The sink's room is made anew for each. */
static void put_members_pretty(struct ct_sink *sink, const char *text, size_t length,
			       unsigned int level)
{
	while (length > 0) {
		const char *newline = memchr(text, '\n', length);
		size_t part = newline ? (size_t)(newline - text) : length;
		ct_json_newline(sink, level);
		ct_sink_add(sink, text, part);
		text += part + (newline != NULL);
		length -= part + (newline != NULL);
	}
}

static inline __attribute__((always_inline)) void put_names(const struct pass *pass, uint32_t site,
							    bool pretty, unsigned int level)
{
	const struct ct_names *names = pass->job->names;
	const struct ct_site_name *name = &names->sites[site];
	const struct ct_function_name *function = &names->functions[name->function];
	struct ct_sink *sink = pass->sink;
	const char *text = names->text.bytes + function->offset;

	if (pretty) {
		put_members_pretty(sink, text, function->length, level + 1);
		put_members_pretty(sink, name->text, name->length, level + 1);
		return;
	}
	ct_sink_add(sink, text, function->length);
	ct_sink_reserve(sink, CALL_BYTES);
	memcpy(sink->at, name->text, sizeof(name->text)); /* a fixed size is faster */
	sink->at += name->length;
}

/* Up to the bracket that opens `children`. A parent of UINT64_MAX is not written. */
static inline __attribute__((always_inline)) void put_head(
	struct pass *pass, const struct ct_open_call *call, uint32_t depth, bool comma,
	uint64_t parent_id, struct ct_value_bytes arguments, bool pretty)
{
	struct ct_sink *sink = pass->sink;
	unsigned int level = level_of(pass, depth);

	ct_sink_reserve(sink, CALL_BYTES + (pretty ? CALL_LINES * (CT_JSON_MAX_INDENT + 1) : 0));
	char *at = sink->at;
	if (comma)
		*at++ = ',';
	if (pretty)
		at = put_line(at, level);
	*at++ = '{';
	at = PUT_KEY(at, "id");
	at = ct_json_u64(at, call->id);
	*at++ = ',';
	if (parent_id != UINT64_MAX) {
		at = PUT_KEY(at, "parent_id");
		at = ct_json_u64(at, parent_id);
		*at++ = ',';
	}
	sink->at = at;
	put_names(pass, call->site, pretty, level);
	if (ct_unlikely(pass->job->values))
		ct_values_put_arguments(pass->job->values, sink, call->site, arguments, level + 1);
	ct_sink_reserve(sink, CALL_BYTES + (pretty ? CALL_LINES * (CT_JSON_MAX_INDENT + 1) : 0));
	at = PUT_KEY(sink->at, "depth");
	at = ct_json_u64(at, depth);
	*at++ = ',';
	at = PUT_KEY(at, "start_ns");
	at = ct_json_u64(at, call->start_ns);
	*at++ = ',';
	at = PUT_KEY(at, "children");
	*at++ = '[';
	sink->at = at;
}

static const char *unfinished_name(uint8_t end)
{
	switch (end) {
	case CT_CALL_UNWOUND:
		return "\"unwound\"";
	case CT_CALL_CRASH:
		return "\"crash\"";
	case CT_CALL_KILLED:
		return "\"killed\"";
	default:
		return "\"exit\"";
	}
}

/* What a call that returned gave back. */
static void put_result(struct pass *pass, const struct ct_open_call *call,
		       const struct ct_step *step, uint64_t duration_ns, unsigned int level)
{
	const struct ct_value_bytes result = {
		.bytes = step->values,
		.length = step->value_bytes,
		.ns = call->start_ns + duration_ns,
	};
	ct_values_put_result(pass->job->values, pass->sink, call->site, result, level);
	ct_sink_reserve(pass->sink, CT_JSON_MAX_INDENT + 2);
}

/* From the bracket that closes `children`. */
static inline __attribute__((always_inline)) void put_tail(struct pass *pass,
							   const struct ct_open_call *call,
							   uint32_t depth, uint64_t duration_ns,
							   const struct ct_step *step, bool pretty)
{
	struct ct_sink *sink = pass->sink;
	unsigned int level = level_of(pass, depth);
	uint64_t children_ns = call->children_ns;

	ct_sink_reserve(sink, CALL_BYTES + (pretty ? CALL_LINES * (CT_JSON_MAX_INDENT + 1) : 0));
	char *at = sink->at;
	if (pretty && call->mark)
		at = put_line(at, level + 1);
	*at++ = ']';
	*at++ = ',';
	at = PUT_KEY(at, "duration_ns");
	if (ct_unlikely(step->end != CT_CALL_RETURNED)) {
		const char *name = unfinished_name(step->end);
		at = PUT(at, "null,");
		at = PUT_KEY(at, "unfinished");
		at = put(at, name, strlen(name));
	} else {
		at = ct_json_u64(at, duration_ns);
	}
	*at++ = ',';
	at = PUT_KEY(at, "self_ns");
	at = ct_json_u64(at, duration_ns > children_ns ? duration_ns - children_ns : 0);
	if (ct_unlikely(pass->job->values) && step->end == CT_CALL_RETURNED) {
		sink->at = at;
		put_result(pass, call, step, duration_ns, level + 1);
		at = sink->at;
	}
	if (pretty)
		at = put_line(at, level);
	*at++ = '}';
	sink->at = at;
}

/* `mark` of an open call, here: its children array has an element. */
static bool begin_call(struct pass *pass, const struct ct_step *step)
{
	const struct ct_json_calls *job = pass->job;
	struct ct_open_stack *stack = &pass->stacks.stacks[pass->current];
	const struct ct_tree *tree = &pass->trees[pass->current];
	uint64_t id = tree->first_id + stack->begun++;
	uint32_t depth = stack->count;
	struct ct_open_call *call = ct_open_stack_push(stack);

	if (!call)
		return false;
	*call = (struct ct_open_call){
		.start_ns = ct_trace_ns(job->trace, step->ticks),
		.id = id,
		.site = step->site < job->names->site_count ? step->site : CT_SITE_UNKNOWN,
	};
	/* It is written when it ends: what it was called with has to wait. */
	if (depth >= job->limit)
		return !job->values || ct_open_stack_save(stack, step->values, step->value_bytes);
	const struct ct_value_bytes arguments = {step->values, step->value_bytes, call->start_ns};
	bool *filled = depth ? &call[-1].mark : &stack->filled;
	if (job->pretty)
		put_head(pass, call, depth, *filled, UINT64_MAX, arguments, true);
	else
		put_head(pass, call, depth, *filled, UINT64_MAX, arguments, false);
	*filled = true;
	return true;
}

static void put_flat_call(struct pass *pass, struct ct_open_stack *stack,
			  const struct ct_open_call *call, uint64_t duration_ns,
			  const struct ct_step *step)
{
	uint32_t depth = stack->count;
	uint32_t limit = pass->job->limit;
	bool *filled = limit ? &stack->calls[limit - 1].mark : &stack->filled;
	uint64_t parent_id = depth ? call[-1].id : 0;
	struct ct_value_bytes arguments = {.ns = call->start_ns};

	if (pass->job->values)
		arguments.bytes = ct_open_stack_restore(stack, &arguments.length);
	if (pass->job->pretty) {
		put_head(pass, call, depth, *filled, parent_id, arguments, true);
		put_tail(pass, call, depth, duration_ns, step, true);
	} else {
		put_head(pass, call, depth, *filled, parent_id, arguments, false);
		put_tail(pass, call, depth, duration_ns, step, false);
	}
	*filled = true;
}

static void end_call(struct pass *pass, const struct ct_step *step)
{
	struct ct_open_stack *stack = &pass->stacks.stacks[pass->current];
	if (stack->count == 0)
		return;
	struct ct_open_call *call = &stack->calls[--stack->count];
	uint64_t end_ns = ct_trace_ns(pass->job->trace, step->ticks);
	uint64_t duration_ns = end_ns > call->start_ns ? end_ns - call->start_ns : 0;

	if (stack->count > 0)
		call[-1].children_ns += duration_ns;
	if (stack->count >= pass->job->limit)
		put_flat_call(pass, stack, call, duration_ns, step);
	else if (pass->job->pretty)
		put_tail(pass, call, stack->count, duration_ns, step, true);
	else
		put_tail(pass, call, stack->count, duration_ns, step, false);
	ct_open_stack_trim(stack);
}

static struct ct_error *switch_stack(struct pass *pass, uint32_t number)
{
	uint32_t index = ct_open_stacks_index(&pass->stacks, number);
	if (index == UINT32_MAX)
		return ct_error_nomem;
	pass->current = index;
	if (index == 0) {
		pass->sink = ct_output_sink(pass->job->output);
		return NULL;
	}
	if (!pass->spill) {
		struct ct_error *err = ct_spill_create(&pass->spill);
		if (err)
			return err;
	}
	pass->sink = ct_spill_sink(pass->spill, index);
	return pass->sink ? NULL : ct_error_nomem;
}

static struct ct_error *take_step(struct pass *pass, const struct ct_step *step)
{
	if (step->kind != CT_STEP_CALL && step->kind != CT_STEP_END)
		return NULL;
	if (ct_unlikely(step->stack != pass->stacks.stacks[pass->current].number)) {
		struct ct_error *err = switch_stack(pass, step->stack);
		if (err)
			return err;
	}
	if (step->kind == CT_STEP_CALL)
		return begin_call(pass, step) ? NULL : ct_error_nomem;
	end_call(pass, step);
	return NULL;
}

static void walk_cleanup(struct ct_walk **walk)
{
	ct_walk_destroy(*walk);
}

static struct ct_error *write_calls(struct pass *pass, uint32_t stream)
{
	const struct ct_json_calls *job = pass->job;
	ct_cleanup(walk_cleanup) struct ct_walk *walk = NULL;
	struct ct_step step;

	struct ct_error *err = ct_walk_create(job->trace, stream, &walk);
	if (err)
		return err;
	while (ct_walk_next(walk, &step)) {
		err = take_step(pass, &step);
		if (err)
			return err;
		if (step.kind != CT_STEP_CALL || ++pass->done % CT_PROGRESS_CALLS)
			continue;
		if (ct_output_failed(job->output))
			return NULL; /* ct_output_commit() says why */
		if (job->progress)
			job->progress(pass->trees->first_id + pass->done, job->census->calls);
	}
	return ct_walk_failed(walk) ? ct_error_nomem : NULL;
}

static void end_tree(const struct pass *pass, bool filled)
{
	/* The calls were written behind the writer's back. */
	pass->job->writer->filled = filled;
	ct_json_end(pass->job->writer, ']');
	ct_json_end(pass->job->writer, '}');
}

static struct ct_error *write_trees(struct pass *pass, uint32_t stream,
				    void (*begin_tree)(const struct ct_json_calls *calls,
						       const struct ct_tree *tree))
{
	const struct ct_json_calls *job = pass->job;

	begin_tree(job, &pass->trees[0]);
	pass->sink = ct_output_sink(job->output);
	struct ct_error *err = write_calls(pass, stream);
	if (err)
		return err;
	end_tree(pass, pass->stacks.stacks[0].filled);
	for (uint32_t i = 1; i < pass->stacks.count; i++) {
		begin_tree(job, &pass->trees[i]);
		err = ct_spill_copy(pass->spill, i, ct_output_sink(job->output));
		if (err)
			return err;
		end_tree(pass, pass->stacks.stacks[i].filled);
	}
	return NULL;
}

struct ct_error *ct_json_write_stream(const struct ct_json_calls *calls, uint32_t stream,
				      void (*begin_tree)(const struct ct_json_calls *calls,
							 const struct ct_tree *tree))
{
	const size_t *first_tree = calls->census->first_tree;
	if (first_tree[stream] == first_tree[stream + 1])
		return NULL;
	struct pass pass = {
		.job = calls,
		.trees = calls->census->trees + first_tree[stream],
	};
	if (!ct_open_stacks_init(&pass.stacks))
		return ct_error_nomem;
	struct ct_error *err = write_trees(&pass, stream, begin_tree);
	ct_open_stacks_deinit(&pass.stacks);
	ct_spill_destroy(pass.spill);
	return err;
}
