/* SPDX-License-Identifier: MIT */
/*
 * Where text goes: a run of memory to write into, and what to do when it is
 * used up. The writers of every call's text ask for room once and then store.
 */
#ifndef CT_EXPORT_SINK_H
#define CT_EXPORT_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct ct_sink {
	char *at;  /* the next byte goes here */
	char *end; /* of the memory */
	/*
	 * Take what was written and give new memory, not empty. It never fails:
	 * after an error the sink remembers it, and lets text vanish.
	 */
	void (*renew)(struct ct_sink *sink);
};

enum { CT_SINK_ROOM_BYTES = 16 * 1024 }; /* every sink's memory is at least this */

/* Make room for `size_bytes`, at most CT_SINK_ROOM_BYTES. */
static inline void ct_sink_reserve(struct ct_sink *sink, size_t size_bytes)
{
	if (__builtin_expect((size_t)(sink->end - sink->at) < size_bytes, 0))
		sink->renew(sink);
}

/* Text of any length. */
static inline void ct_sink_add(struct ct_sink *sink, const char *bytes, size_t length)
{
	while (__builtin_expect((size_t)(sink->end - sink->at) < length, 0)) {
		size_t part = (size_t)(sink->end - sink->at);
		memcpy(sink->at, bytes, part);
		sink->at += part;
		bytes += part;
		length -= part;
		sink->renew(sink);
	}
	memcpy(sink->at, bytes, length);
	sink->at += length;
}

#endif
