/* SPDX-License-Identifier: MIT */
/* The first walk over a trace: see census.h. */
#include "export/census.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "export/open_calls.h"

/* The walk over one thread. */
struct pass {
	const struct ct_trace *trace;
	const struct ct_names *names;
	struct ct_census *census;
	uint32_t limit;
	struct ct_open_stacks stacks;
	uint32_t current;  /* index of the stack `active` speaks of */
	uint32_t *active;  /* by function: its open calls on the current stack */
	size_t first_tree; /* of the thread */
	ct_progress_fn *progress;
};

void ct_census_destroy(struct ct_census *census)
{
	if (!census)
		return;
	for (uint32_t i = 0; census->statistics && i < census->function_count; i++)
		ct_statistic_deinit(&census->statistics[i]);
	free(census->statistics);
	free(census->trees);
	free(census->first_tree);
	free(census->creations);
	free(census);
}

static void census_cleanup(struct ct_census **census)
{
	ct_census_destroy(*census);
}

static void walk_cleanup(struct ct_walk **walk)
{
	ct_walk_destroy(*walk);
}

/* Room for one more element behind `count` of them; capacities are powers of two. */
static bool reserve_one(void **array, size_t count, size_t element_bytes)
{
	if (count & (count - 1) || count == 1)
		return true;
	void *grown = realloc(*array, (count ? count * 2 : 2) * element_bytes);
	if (!grown)
		return false;
	*array = grown;
	return true;
}

static bool add_tree(struct pass *pass, uint32_t stream, uint32_t stack)
{
	struct ct_census *census = pass->census;
	void *trees = census->trees;
	if (!reserve_one(&trees, census->tree_count, sizeof(*census->trees)))
		return false;
	census->trees = trees;
	census->trees[census->tree_count++] = (struct ct_tree){.stream = stream, .stack = stack};
	return true;
}

/* A function's total counts its outermost calls; which those are is a matter of one stack. */
static void switch_active(struct pass *pass, uint32_t to)
{
	const struct ct_open_stack *old = &pass->stacks.stacks[pass->current];
	for (uint32_t i = 0; i < old->count; i++)
		pass->active[pass->names->sites[old->calls[i].site].function]--;
	const struct ct_open_stack *new = &pass->stacks.stacks[to];
	for (uint32_t i = 0; i < new->count; i++)
		pass->active[pass->names->sites[new->calls[i].site].function]++;
	pass->current = to;
}

static bool switch_stack(struct pass *pass, uint32_t stream, uint32_t number)
{
	uint32_t count = pass->stacks.count;
	uint32_t to = ct_open_stacks_index(&pass->stacks, number);
	if (to == UINT32_MAX)
		return false;
	if (to == count && !add_tree(pass, stream, number))
		return false;
	switch_active(pass, to);
	return true;
}

static bool begin_call(struct pass *pass, const struct ct_step *step)
{
	struct ct_tree *tree = &pass->census->trees[pass->first_tree + pass->current];
	struct ct_open_stack *stack = &pass->stacks.stacks[pass->current];
	uint32_t site = step->site < pass->names->site_count ? step->site : CT_SITE_UNKNOWN;
	struct ct_open_call *call = ct_open_stack_push(stack);

	if (!call)
		return false;
	call->start_ns = ct_trace_ns(pass->trace, step->ticks);
	call->children_ns = 0;
	call->id = tree->calls++;
	call->site = site;
	call->mark = pass->active[pass->names->sites[site].function]++ == 0;
	if (stack->count > tree->levels)
		tree->levels = stack->count;
	if (call->id == 0)
		tree->start_ns = call->start_ns;
	pass->census->calls_below += stack->count > pass->limit;
	if (++pass->census->calls % CT_PROGRESS_CALLS == 0 && pass->progress)
		pass->progress(pass->census->calls, 0);
	return true;
}

static bool end_call(struct pass *pass, const struct ct_step *step)
{
	struct ct_tree *tree = &pass->census->trees[pass->first_tree + pass->current];
	struct ct_open_stack *stack = &pass->stacks.stacks[pass->current];
	if (stack->count == 0)
		return true; /* the walk promises it does not happen */
	const struct ct_open_call *call = &stack->calls[--stack->count];
	uint32_t function = pass->names->sites[call->site].function;
	struct ct_statistic *statistic = &pass->census->statistics[function];
	uint64_t end_ns = ct_trace_ns(pass->trace, step->ticks);
	uint64_t duration_ns = end_ns > call->start_ns ? end_ns - call->start_ns : 0;

	pass->active[function]--;
	if (call->mark)
		statistic->total_ns += duration_ns;
	if (duration_ns > call->children_ns)
		statistic->self_ns += duration_ns - call->children_ns;
	if (stack->count > 0)
		stack->calls[stack->count - 1].children_ns += duration_ns;
	if (end_ns > tree->end_ns)
		tree->end_ns = end_ns;
	ct_open_stack_trim(stack);
	if (step->end == CT_CALL_RETURNED)
		return ct_statistic_add(statistic, duration_ns);
	statistic->calls++;
	statistic->unfinished++;
	return true;
}

static bool add_creation(struct pass *pass, const struct ct_step *step)
{
	struct ct_census *census = pass->census;
	const struct ct_open_stack *stack = &pass->stacks.stacks[pass->current];
	const struct ct_open_call *call = stack->count ? &stack->calls[stack->count - 1] : NULL;
	void *creations = census->creations;

	if (!reserve_one(&creations, census->creation_count, sizeof(*census->creations)))
		return false;
	census->creations = creations;
	census->creations[census->creation_count++] = (struct ct_creation){
		.tree = pass->first_tree + pass->current,
		.serial = step->value,
		.ordinal = call ? call->id : UINT64_MAX,
		.site = call ? call->site : CT_SITE_UNKNOWN,
	};
	return true;
}

static bool take_step(struct pass *pass, uint32_t stream, const struct ct_step *step)
{
	if (step->kind == CT_STEP_LOST) {
		pass->census->lost_events += step->value;
		return true;
	}
	if (ct_unlikely(step->stack != pass->stacks.stacks[pass->current].number) &&
	    !switch_stack(pass, stream, step->stack))
		return false;
	switch (step->kind) {
	case CT_STEP_CALL:
		return begin_call(pass, step);
	case CT_STEP_END:
		return end_call(pass, step);
	case CT_STEP_CREATE:
		return add_creation(pass, step);
	default:
		return true;
	}
}

static struct ct_error *count_calls(struct pass *pass, uint32_t stream)
{
	ct_cleanup(walk_cleanup) struct ct_walk *walk = NULL;
	struct ct_step step;

	struct ct_error *err = ct_walk_create(pass->trace, stream, &walk);
	if (err)
		return err;
	while (ct_walk_next(walk, &step)) {
		if (!take_step(pass, stream, &step))
			return ct_error_nomem;
	}
	return ct_walk_failed(walk) ? ct_error_nomem : NULL;
}

static struct ct_error *count_stream(struct pass *pass, uint32_t stream)
{
	struct ct_thread_row row;

	if (!ct_trace_thread(pass->trace, stream, &row))
		return NULL;
	pass->first_tree = pass->census->tree_count;
	pass->current = 0;
	if (!add_tree(pass, stream, 0) || !ct_open_stacks_init(&pass->stacks))
		return ct_error_nomem;
	struct ct_error *err = count_calls(pass, stream);
	ct_open_stacks_deinit(&pass->stacks);
	return err;
}

static int compare_creations(const void *a, const void *b)
{
	const struct ct_creation *left = a, *right = b;
	return left->serial < right->serial ? -1 : left->serial > right->serial;
}

static void number_trees(struct ct_census *census)
{
	uint64_t id = 1;
	for (size_t i = 0; i < census->tree_count; i++) {
		census->trees[i].first_id = id;
		id += census->trees[i].calls;
	}
}

struct ct_error *ct_census_create(const struct ct_trace *trace, const struct ct_names *names,
				  uint32_t limit, ct_progress_fn *progress, struct ct_census **ret)
{
	ct_cleanup(census_cleanup) struct ct_census *census = calloc(1, sizeof(*census));
	if (!census)
		return ct_error_nomem;
	uint32_t thread_count = ct_trace_thread_count(trace);
	ct_cleanup(ct_cleanup_free)
		uint32_t *active = calloc(names->function_count, sizeof(*active));
	census->function_count = names->function_count;
	census->statistics = calloc(names->function_count, sizeof(*census->statistics));
	census->first_tree = calloc((size_t)thread_count + 2, sizeof(*census->first_tree));
	if (!active || !census->statistics || !census->first_tree)
		return ct_error_nomem;

	struct pass pass = {
		.trace = trace,
		.names = names,
		.census = census,
		.limit = limit,
		.active = active,
		.progress = progress,
	};
	for (uint32_t stream = 1; stream <= thread_count; stream++) {
		census->first_tree[stream] = census->tree_count;
		struct ct_error *err = count_stream(&pass, stream);
		if (err)
			return err;
	}
	census->first_tree[thread_count + 1] = census->tree_count;
	number_trees(census);
	if (census->creation_count > 0)
		qsort(census->creations, census->creation_count, sizeof(*census->creations),
		      compare_creations);
	*ret = ct_take(census);
	return NULL;
}

const struct ct_creation *ct_census_creation(const struct ct_census *census, uint64_t serial)
{
	struct ct_creation key = {.serial = serial};
	if (serial == 0 || census->creation_count == 0)
		return NULL;
	return bsearch(&key, census->creations, census->creation_count, sizeof(key),
		       compare_creations);
}
