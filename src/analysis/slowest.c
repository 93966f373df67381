/* SPDX-License-Identifier: MIT */
/* The slowest calls: see slowest.h. */
#include "analysis/slowest.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/parallel.h"
#include "base/cleanup.h"
#include "export/open_calls.h"

void ct_slowest_destroy(struct ct_slowest *slowest)
{
	if (!slowest)
		return;
	for (size_t i = 0; i < slowest->count; i++) {
		free(slowest->calls[i].path);
		free(slowest->calls[i].callees);
	}
	free(slowest->calls);
	free(slowest);
}

static void slowest_cleanup(struct ct_slowest **slowest)
{
	ct_slowest_destroy(*slowest);
}

/* ---- first pass: which they are ---- */

struct finding {
	struct ct_slow_call *heap; /* the least slow first */
	size_t count, most;
	uint64_t ordinal;
	uint64_t lost_events;
};

/* Equal ones in the order of time, so that they are always the same. */
static int compare_calls(const void *a, const void *b)
{
	const struct ct_slow_call *left = a, *right = b;
	if (left->duration_ns != right->duration_ns)
		return left->duration_ns > right->duration_ns ? -1 : 1;
	if (left->start_ns != right->start_ns)
		return left->start_ns < right->start_ns ? -1 : 1;
	if (left->stream != right->stream)
		return left->stream < right->stream ? -1 : 1;
	if (left->depth != right->depth)
		return left->depth < right->depth ? -1 : 1;
	return left->ordinal < right->ordinal ? -1 : left->ordinal > right->ordinal;
}

static void sift_down(struct finding *finding, struct ct_slow_call call)
{
	size_t at = 0;
	for (size_t child; (child = 2 * at + 1) < finding->count; at = child) {
		if (child + 1 < finding->count &&
		    compare_calls(&finding->heap[child + 1], &finding->heap[child]) > 0)
			child++;
		if (compare_calls(&finding->heap[child], &call) <= 0)
			break;
		finding->heap[at] = finding->heap[child];
	}
	finding->heap[at] = call;
}

static void sift_up(struct finding *finding, struct ct_slow_call call)
{
	size_t at = finding->count++;
	for (; at > 0 && compare_calls(&finding->heap[(at - 1) / 2], &call) < 0; at = (at - 1) / 2)
		finding->heap[at] = finding->heap[(at - 1) / 2];
	finding->heap[at] = call;
}

static bool begin_finding(void *state, size_t stream)
{
	struct finding *finding = state;
	(void)stream;
	finding->ordinal = 0;
	return true;
}

CT_EVENTS_INLINE bool find(void *state, size_t stream, const struct ct_event *event)
{
	struct finding *finding = state;
	if (event->kind == CT_EVENT_LOST)
		finding->lost_events += event->lost;
	if (event->kind != CT_EVENT_END)
		return true;
	uint64_t ordinal = finding->ordinal++;
	if (finding->count == finding->most && event->duration_ns < finding->heap[0].duration_ns)
		return true;
	const struct ct_slow_call call = {
		.stream = (uint32_t)stream,
		.stack = event->stack,
		.function = event->function,
		.depth = event->depth,
		.end = event->end,
		.start_ns = event->start_ns,
		.duration_ns = event->duration_ns,
		.self_ns = event->self_ns,
		.ordinal = ordinal,
	};
	if (finding->count < finding->most)
		sift_up(finding, call);
	else if (compare_calls(&finding->heap[0], &call) > 0)
		sift_down(finding, call);
	return true;
}

CT_EVENTS_LOOP(find_all, find)

/* ---- second pass: what is around them, and inside ---- */

struct looking {
	struct ct_slow_call **calls; /* all, by stream and start */
	size_t count;
	size_t first, end; /* of the stream that is read */
	uint64_t ordinal;
	struct ct_open_stacks stacks; /* `site`: function, `id`: index of the call + 1 */
};

static int compare_starts(const void *a, const void *b)
{
	const struct ct_slow_call *left = *(struct ct_slow_call *const *)a;
	const struct ct_slow_call *right = *(struct ct_slow_call *const *)b;
	if (left->stream != right->stream)
		return left->stream < right->stream ? -1 : 1;
	if (left->start_ns != right->start_ns)
		return left->start_ns < right->start_ns ? -1 : 1;
	return left->ordinal < right->ordinal ? -1 : left->ordinal > right->ordinal;
}

static bool begin_looking(void *state, size_t stream)
{
	struct looking *looking = state;
	looking->ordinal = 0;
	for (looking->first = 0; looking->first < looking->count; looking->first++) {
		if (looking->calls[looking->first]->stream == stream)
			break;
	}
	for (looking->end = looking->first; looking->end < looking->count; looking->end++) {
		if (looking->calls[looking->end]->stream != stream)
			break;
	}
	return ct_open_stacks_init(&looking->stacks);
}

static bool end_looking(void *state, size_t stream)
{
	struct looking *looking = state;
	(void)stream;
	ct_open_stacks_deinit(&looking->stacks);
	looking->stacks = (struct ct_open_stacks){0};
	return true;
}

/* Index + 1 of the call this may be: whether it is shows when it ends. */
static size_t candidate(const struct looking *looking, const struct ct_event *event)
{
	size_t low = looking->first, high = looking->end;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (looking->calls[middle]->start_ns < event->start_ns)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < looking->end && looking->calls[low]->start_ns == event->start_ns; low++) {
		const struct ct_slow_call *call = looking->calls[low];
		if (!call->is_done && call->stack == event->stack && call->depth == event->depth &&
		    call->function == event->function)
			return low + 1;
	}
	return 0;
}

static bool keep_path(struct ct_slow_call *call, const struct ct_open_stack *stack, uint32_t count)
{
	if (count > CT_SLOWEST_PATH_MOST)
		count = CT_SLOWEST_PATH_MOST;
	free(call->path);
	call->path = calloc((size_t)count + 1, sizeof(*call->path));
	call->path_count = call->path ? count : 0;
	for (uint32_t i = 0; i < call->path_count; i++)
		call->path[i] = stack->calls[i].site;
	return call->path != NULL;
}

static bool begin_call(const struct looking *looking, struct ct_open_stack *stack,
		       const struct ct_event *event)
{
	uint32_t count = stack->count;
	struct ct_open_call *open = ct_open_stack_push(stack);
	if (!open)
		return false;
	open->site = event->function;
	open->id = candidate(looking, event);
	return !open->id || keep_path(looking->calls[open->id - 1], stack, count);
}

static bool add_callee(struct ct_slow_call *call, const struct ct_event *event)
{
	size_t i = 0;
	while (i < call->callee_count && call->callees[i].function != event->function)
		i++;
	if (i == call->callee_capacity) {
		size_t capacity = i ? 2 * i : 8;
		struct ct_slow_callee *callees = reallocarray(call->callees, capacity,
							      sizeof(*callees));
		if (!callees)
			return false;
		call->callees = callees;
		call->callee_capacity = capacity;
	}
	if (i == call->callee_count)
		call->callees[call->callee_count++] =
			(struct ct_slow_callee){.function = event->function};
	call->callees[i].calls++;
	call->callees[i].ns += event->duration_ns;
	return true;
}

static bool end_call(struct looking *looking, struct ct_open_stack *stack,
		     const struct ct_event *event)
{
	uint64_t ordinal = looking->ordinal++;
	if (stack->count == 0)
		return true;
	const struct ct_open_call *open = &stack->calls[--stack->count];
	if (open->id) {
		struct ct_slow_call *call = looking->calls[open->id - 1];
		call->is_done = call->ordinal == ordinal;
		if (!call->is_done) /* another one that began at the same time */
			call->callee_count = 0;
	}
	uint64_t around = stack->count ? open[-1].id : 0;
	bool ok = !around || add_callee(looking->calls[around - 1], event);
	ct_open_stack_trim(stack);
	return ok;
}

static bool look(void *state, size_t stream, const struct ct_event *event)
{
	struct looking *looking = state;
	(void)stream;
	if (event->kind == CT_EVENT_LOST)
		return true;
	uint32_t index = ct_open_stacks_index(&looking->stacks, event->stack);
	if (index == UINT32_MAX)
		return false;
	struct ct_open_stack *stack = &looking->stacks.stacks[index];
	return event->kind == CT_EVENT_BEGIN ? begin_call(looking, stack, event)
					     : end_call(looking, stack, event);
}

CT_EVENTS_LOOP(look_all, look)

static int compare_callees(const void *a, const void *b)
{
	const struct ct_slow_callee *left = a, *right = b;
	if (left->ns != right->ns)
		return left->ns > right->ns ? -1 : 1;
	return left->function < right->function ? -1 : left->function > right->function;
}

/* ---- both ---- */

/* Everything the two passes need; freed together. */
struct passes {
	struct finding *findings;
	struct looking *lookings;
	void **states;
	struct ct_slow_call **by_start;
	bool *streams;
	unsigned int workers;
};

static void passes_deinit(struct passes *passes)
{
	for (unsigned int i = 0; passes->findings && i < passes->workers; i++)
		free(passes->findings[i].heap);
	for (unsigned int i = 0; passes->lookings && i < passes->workers; i++)
		ct_open_stacks_deinit(&passes->lookings[i].stacks);
	free(passes->findings);
	free(passes->lookings);
	free(passes->states);
	free(passes->by_start);
	free(passes->streams);
}

static bool passes_init(struct passes *passes, const struct ct_session *session, size_t most)
{
	passes->workers = ct_parallel_workers(session, false);
	passes->findings = calloc(passes->workers, sizeof(*passes->findings));
	passes->lookings = calloc(passes->workers, sizeof(*passes->lookings));
	passes->states = calloc(passes->workers, sizeof(*passes->states));
	passes->by_start = calloc(most + 1, sizeof(struct ct_slow_call *));
	passes->streams = calloc(session->stream_count + 1, sizeof(*passes->streams));
	if (!passes->findings || !passes->lookings || !passes->states || !passes->by_start ||
	    !passes->streams)
		return false;
	for (unsigned int i = 0; i < passes->workers; i++) {
		struct finding *finding = &passes->findings[i];
		finding->most = most;
		finding->heap = calloc(most + 1, sizeof(*finding->heap));
		passes->states[i] = finding;
		if (!finding->heap)
			return false;
	}
	return true;
}

/* The slowest of what the workers found. */
static bool gather(const struct passes *passes, size_t most, struct ct_slowest *slowest)
{
	size_t count = 0;
	slowest->calls = calloc(passes->workers * most + 1, sizeof(*slowest->calls));
	if (!slowest->calls)
		return false;
	for (unsigned int i = 0; i < passes->workers; i++) {
		const struct finding *finding = &passes->findings[i];
		memcpy(slowest->calls + count, finding->heap,
		       finding->count * sizeof(*finding->heap));
		count += finding->count;
		slowest->lost_events += finding->lost_events;
	}
	qsort(slowest->calls, count, sizeof(*slowest->calls), compare_calls);
	slowest->count = count < most ? count : most;
	return true;
}

/* Read the streams again that have one of them. */
static struct ct_error *look_into(struct passes *passes, struct ct_parallel *parallel,
				  const struct ct_selection *selection, struct ct_slowest *slowest)
{
	struct ct_selection again = *selection;
	again.streams = passes->streams;
	for (size_t i = 0; i < slowest->count; i++) {
		passes->by_start[i] = &slowest->calls[i];
		passes->streams[slowest->calls[i].stream] = true;
	}
	qsort(passes->by_start, slowest->count, sizeof(struct ct_slow_call *), compare_starts);
	for (unsigned int i = 0; i < passes->workers; i++) {
		passes->lookings[i].calls = passes->by_start;
		passes->lookings[i].count = slowest->count;
		passes->states[i] = &passes->lookings[i];
	}
	parallel->selection = &again;
	parallel->begin_stream = begin_looking;
	parallel->read = look_all;
	parallel->end_stream = end_looking;
	struct ct_error *err = ct_parallel_run(parallel);
	for (size_t i = 0; i < slowest->count; i++) {
		struct ct_slow_call *call = &slowest->calls[i];
		if (call->callee_count)
			qsort(call->callees, call->callee_count, sizeof(*call->callees),
			      compare_callees);
	}
	return err;
}

struct ct_error *ct_slowest_create(const struct ct_session *session,
				   const struct ct_selection *selection, size_t most,
				   ct_progress_fn *progress, struct ct_slowest **ret)
{
	ct_cleanup(slowest_cleanup) struct ct_slowest *slowest = calloc(1, sizeof(*slowest));
	ct_cleanup(passes_deinit) struct passes passes = {0};
	if (!slowest || !passes_init(&passes, session, most))
		return ct_error_nomem;
	struct ct_parallel parallel = {
		.session = session,
		.selection = selection,
		.read = find_all,
		.begin_stream = begin_finding,
		.states = passes.states,
		.workers = passes.workers,
		.progress = progress,
	};
	struct ct_error *err = ct_parallel_run(&parallel);
	if (!err && !gather(&passes, most, slowest))
		err = ct_error_nomem;
	if (!err)
		err = look_into(&passes, &parallel, selection, slowest);
	if (err)
		return err;
	*ret = ct_take(slowest);
	return NULL;
}
