/* SPDX-License-Identifier: MIT */
/* Threads' calls in one order: see merge.h. */
#include "analysis/merge.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/strbuf.h"

/*
 * A thread, one event ahead: what follows a BEGIN tells whether it is whole. It is
 * open from its first event to its last: there may have been a thousand times as
 * many threads as there ever were at a time.
 */
struct source {
	size_t stream;
	uint64_t begin_ns; /* no event is earlier */
	struct ct_events *events;
	struct ct_event event; /* the next to be given; its values are in `values` */
	struct ct_strbuf values;
};

struct ct_merge {
	const struct ct_session *session;
	const struct ct_selection *selection;
	struct source *sources; /* by `begin_ns` */
	size_t source_count, opened;
	struct source **heap; /* the earliest first */
	size_t heap_count;
	struct source *last; /* whose event was given: its next one is not read yet */
	struct ct_event following;
	bool has_following, failed;
};

void ct_merge_destroy(struct ct_merge *merge)
{
	if (!merge)
		return;
	for (size_t i = 0; i < merge->opened; i++) {
		ct_events_destroy(merge->sources[i].events);
		ct_strbuf_deinit(&merge->sources[i].values);
	}
	free(merge->sources);
	free(merge->heap);
	free(merge);
}

static void merge_cleanup(struct ct_merge **merge)
{
	ct_merge_destroy(*merge);
}

/* ---- the heap ---- */

static bool is_earlier(const struct source *a, const struct source *b)
{
	return a->event.ns != b->event.ns ? a->event.ns < b->event.ns : a->stream < b->stream;
}

static void sift_down(struct ct_merge *merge, size_t at)
{
	struct source *source = merge->heap[at];
	for (size_t child; (child = 2 * at + 1) < merge->heap_count; at = child) {
		if (child + 1 < merge->heap_count &&
		    is_earlier(merge->heap[child + 1], merge->heap[child]))
			child++;
		if (!is_earlier(merge->heap[child], source))
			break;
		merge->heap[at] = merge->heap[child];
	}
	merge->heap[at] = source;
}

/* ---- sources ---- */

static bool keep(struct ct_merge *merge, struct source *source, const struct ct_event *event)
{
	source->event = *event;
	if (!event->values)
		return true;
	source->values.length = 0;
	ct_strbuf_add(&source->values, event->values, event->value_bytes);
	source->event.values = (const unsigned char *)source->values.bytes;
	merge->failed |= source->values.failed;
	return !merge->failed;
}

/* False: there is no more. */
static bool advance(struct ct_merge *merge, struct source *source)
{
	struct ct_event event;
	if (ct_events_next(source->events, &event))
		return keep(merge, source, &event);
	merge->failed |= ct_events_failed(source->events);
	return false;
}

static void close_source(struct source *source)
{
	ct_events_destroy(source->events);
	source->events = NULL;
	ct_strbuf_deinit(&source->values);
}

static void sift_up(struct ct_merge *merge, struct source *source)
{
	size_t at = merge->heap_count++;
	for (; at > 0 && is_earlier(source, merge->heap[(at - 1) / 2]); at = (at - 1) / 2)
		merge->heap[at] = merge->heap[(at - 1) / 2];
	merge->heap[at] = source;
}

static bool open_source(struct ct_merge *merge, struct source *source)
{
	struct ct_error *err = ct_events_create(merge->session, source->stream, merge->selection,
						NULL, &source->events);
	if (err) { /* for want of memory alone */
		ct_error_destroy(err);
		merge->failed = true;
		return false;
	}
	if (advance(merge, source))
		sift_up(merge, source);
	else
		close_source(source);
	return !merge->failed;
}

/* Threads that may have an event before the earliest that is known. */
static bool open_sources(struct ct_merge *merge)
{
	while (merge->opened < merge->source_count) {
		struct source *source = &merge->sources[merge->opened];
		if (merge->heap_count && merge->heap[0]->event.ns < source->begin_ns)
			break;
		merge->opened++;
		if (!open_source(merge, source))
			return false;
	}
	return true;
}

static int compare_sources(const void *a, const void *b)
{
	const struct source *left = a, *right = b;
	if (left->begin_ns != right->begin_ns)
		return left->begin_ns < right->begin_ns ? -1 : 1;
	return left->stream < right->stream ? -1 : 1;
}

static void list_sources(struct ct_merge *merge)
{
	for (size_t i = 0; i < merge->session->stream_count; i++) {
		const struct ct_stream *stream = &merge->session->streams[i];
		const struct ct_input *input = &merge->session->inputs[stream->input];
		if (merge->selection && !merge->selection->streams[i])
			continue;
		uint64_t ticks = ct_trace_begin_ticks(input->trace, stream->stream);
		merge->sources[merge->source_count++] = (struct source){
			.stream = i,
			.begin_ns = input->offset_ns + ct_trace_ns(input->trace, ticks),
		};
	}
	qsort(merge->sources, merge->source_count, sizeof(*merge->sources), compare_sources);
}

struct ct_error *ct_merge_create(const struct ct_session *session,
				 const struct ct_selection *selection, struct ct_merge **ret)
{
	ct_cleanup(merge_cleanup) struct ct_merge *merge = calloc(1, sizeof(*merge));
	if (!merge)
		return ct_error_nomem;
	merge->session = session;
	merge->selection = selection;
	merge->sources = calloc(session->stream_count + 1, sizeof(*merge->sources));
	merge->heap = calloc(session->stream_count + 1, sizeof(*merge->heap));
	if (!merge->sources || !merge->heap)
		return ct_error_nomem;
	list_sources(merge);
	*ret = ct_take(merge);
	return NULL;
}

/* The source whose event was given goes to its next one. */
static void settle(struct ct_merge *merge)
{
	struct source *source = merge->last;
	if (!source)
		return;
	merge->last = NULL;
	bool more = merge->has_following ? keep(merge, source, &merge->following)
					 : advance(merge, source);
	merge->has_following = false;
	if (!more) {
		close_source(source);
		merge->heap[0] = merge->heap[--merge->heap_count];
	}
	if (merge->heap_count)
		sift_down(merge, 0);
}

bool ct_merge_next(struct ct_merge *merge, struct ct_merged *ret)
{
	settle(merge);
	if (merge->failed || !open_sources(merge) || merge->heap_count == 0)
		return false;
	struct source *source = merge->heap[0];
	merge->last = source;
	*ret = (struct ct_merged){.stream = source->stream, .event = source->event};
	if (source->event.kind != CT_EVENT_BEGIN ||
	    !ct_events_next(source->events, &merge->following))
		return true;
	const struct ct_event *next = &merge->following;
	ret->is_whole = next->kind == CT_EVENT_END && next->stack == ret->event.stack;
	if (ret->is_whole)
		ret->end = *next;
	merge->has_following = !ret->is_whole;
	return true;
}

bool ct_merge_failed(const struct ct_merge *merge)
{
	return merge->failed;
}

size_t ct_merge_stream_count(const struct ct_merge *merge)
{
	return merge->source_count;
}
