/* SPDX-License-Identifier: MIT */
/* What a part of a stream does to the stack: see part.h. */
#include "reader/part.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "format/record.h"
#include "reader/trace_private.h"
#include "reader/walk_loop.h"

enum { FIRST_FRAMES = 64, MOST_CHECKS = 1024, KNOWN_CHECKS = 64, CREDIT = 1 << 22 };

struct scan {
	const struct ct_trace *trace;
	struct ct_part_effect *effect;
	struct ct_piece_buffer *piece;
	uint64_t epoch_ticks, last_ticks;
	uint32_t known[KNOWN_CHECKS]; /* index + 1 of checks that come again and again */
	uint32_t credit;	      /* frames that may be looked at */
};

uint32_t ct_part_pieces(const struct ct_trace *trace, uint32_t stream)
{
	if (stream == 0 || stream > trace->stream_count)
		return 0;
	return trace->first_piece[stream + 1] - trace->first_piece[stream];
}

void ct_part_effect_deinit(struct ct_part_effect *effect)
{
	free(effect->frames);
	free(effect->checks);
}

void ct_walk_state_deinit(struct ct_walk_state *state)
{
	free(state->frames);
}

/* ---- the call-site rule, as far as it can be told ---- */

static bool add_check(struct scan *scan, uint32_t caller, bool is_innermost)
{
	struct ct_part_effect *effect = scan->effect;
	const struct ct_part_check check = {effect->left, caller, is_innermost};
	uint32_t *known = &scan->known[(caller + effect->left) % KNOWN_CHECKS];
	if (*known) {
		const struct ct_part_check *same = &effect->checks[*known - 1];
		if (same->level == check.level && same->caller == caller &&
		    same->is_innermost == is_innermost)
			return true;
	}
	if (effect->check_count == MOST_CHECKS)
		return false;
	if (!effect->checks)
		effect->checks = calloc(MOST_CHECKS, sizeof(*effect->checks));
	if (!effect->checks)
		return false;
	effect->checks[effect->check_count++] = check;
	*known = (uint32_t)effect->check_count;
	return true;
}

/* The rule for a call whose caller is not the innermost call's function, or that is not known. */
static __attribute__((cold, noinline)) bool check_caller(struct scan *scan, uint32_t caller)
{
	const struct ct_part_effect *effect = scan->effect;
	const struct ct_site_keys *keys = scan->trace->keys;
	if (effect->count > scan->credit)
		return false;
	scan->credit -= (uint32_t)effect->count;
	for (size_t i = 0; i < effect->count; i++)
		if (keys[effect->frames[i].site].own == caller)
			return false;
	return effect->left == 0 || add_check(scan, caller, effect->count == 0);
}

static bool is_open(const struct ct_trace *trace, const struct ct_walk_state *state, size_t level,
		    uint32_t caller)
{
	for (size_t i = 0; i < level; i++)
		if (trace->keys[state->frames[i].site].own == caller)
			return true;
	return false;
}

static bool holds(const struct ct_trace *trace, const struct ct_part_check *check,
		  const struct ct_walk_state *state)
{
	if (check->is_innermost && check->level &&
	    trace->keys[state->frames[check->level - 1].site].own == check->caller)
		return true;
	return !is_open(trace, state, check->level, check->caller);
}

/* ---- records ---- */

static __attribute__((cold, noinline)) bool grow(struct ct_part_effect *effect)
{
	size_t capacity = effect->capacity ? 2 * effect->capacity : FIRST_FRAMES;
	struct ct_frame *frames = reallocarray(effect->frames, capacity, sizeof(*frames));
	if (!frames)
		return false;
	effect->frames = frames;
	effect->capacity = capacity;
	return true;
}

static inline void raise_ticks(struct scan *scan, uint64_t ticks)
{
	if (ticks > scan->last_ticks)
		scan->last_ticks = ticks;
}

static bool unwind(struct ct_part_effect *effect, size_t depth)
{
	if (depth > effect->left + effect->count)
		return false;
	if (depth < effect->left) {
		effect->left = depth;
		effect->count = 0;
	} else {
		effect->count = depth - effect->left;
	}
	return true;
}

/* NULL: what is behind it cannot be told. */
static __attribute__((cold, noinline)) const unsigned char *scan_extended(struct scan *scan,
									  const unsigned char *at,
									  const unsigned char *end)
{
	struct ct_cursor cur = ct_cursor_init(at, (size_t)(end - at), "extended record");
	struct ct_extended record;
	uint64_t word;
	memcpy(&word, at, sizeof(word)); /* zero bytes follow the piece */
	size_t size_bytes = ct_record_bytes(word);
	if (size_bytes > (size_t)(end - at))
		return NULL;
	if (ct_is_values(*at))
		return size_bytes < ct_values_head_bytes(*at) ? NULL : at + size_bytes;
	if (size_bytes < 2)
		return NULL;
	if (!ct_extended_read(&cur, &record))
		return at + size_bytes;
	scan->epoch_ticks = record.ticks & ~CT_TIME_MASK;
	raise_ticks(scan, record.ticks);
	switch (record.head >> 2) {
	case CT_EXTENDED_SYNC:
	case CT_EXTENDED_CREATE:
		return at + size_bytes;
	case CT_EXTENDED_UNWIND:
		return unwind(scan->effect, record.depth) ? at + size_bytes : NULL;
	default:
		return NULL;
	}
}

/* What changes with each record, where the compiler can keep it in registers. */
struct hot {
	const unsigned char *at;
	struct ct_frame *frames;
	size_t count, capacity;
	uint64_t epoch_ticks, last_ticks;
};

static inline struct hot take(const struct scan *scan, const unsigned char *at)
{
	const struct ct_part_effect *effect = scan->effect;
	return (struct hot){at,
			    effect->frames,
			    effect->count,
			    effect->capacity,
			    scan->epoch_ticks,
			    scan->last_ticks};
}

static inline void put(struct scan *scan, const struct hot *hot)
{
	scan->effect->count = hot->count;
	scan->last_ticks = hot->last_ticks;
}

/* A record that is no plain one; false: the scan ends here. */
static inline bool scan_other(struct scan *scan, struct hot *hot, const unsigned char *end)
{
	put(scan, hot);
	const unsigned char *at = scan_extended(scan, hot->at, end);
	*hot = take(scan, at);
	return at != NULL;
}

static inline bool scan_enter(struct scan *scan, struct hot *hot, uint32_t site)
{
	const struct ct_site_keys *keys = scan->trace->keys;
	if (ct_unlikely(site > scan->trace->site_count))
		site = CT_SITE_UNKNOWN;
	uint32_t caller = keys ? keys[site].caller : 0;
	if (caller != 0 && !(hot->count && keys[hot->frames[hot->count - 1].site].own == caller)) {
		put(scan, hot);
		if (!check_caller(scan, caller))
			return false;
	}
	if (ct_unlikely(hot->count == hot->capacity)) {
		put(scan, hot);
		if (!grow(scan->effect))
			return false;
		*hot = take(scan, hot->at);
	}
	hot->frames[hot->count++] = (struct ct_frame){hot->last_ticks, site};
	return true;
}

static inline bool scan_return(struct ct_part_effect *effect, struct hot *hot)
{
	if (ct_likely(hot->count))
		hot->count--;
	else if (effect->left)
		effect->left--;
	else
		return false;
	return true;
}

static bool scan_piece(struct scan *scan)
{
	const unsigned char *end = scan->piece->end;
	struct hot hot = take(scan, scan->piece->begin);
	for (;;) {
		uint64_t word;
		memcpy(&word, hot.at, sizeof(word)); /* zero bytes follow the piece */
		if (ct_unlikely((word & 3) == CT_RECORD_END))
			break;
		if (ct_unlikely((word & 3) == CT_RECORD_EXTENDED)) {
			if (!scan_other(scan, &hot, end))
				return false;
			continue;
		}
		uint64_t ticks = hot.epoch_ticks | (word >> 2 & CT_TIME_MASK);
		hot.last_ticks = ticks > hot.last_ticks ? ticks : hot.last_ticks;
		if ((word & 3) == CT_RECORD_ENTER) {
			hot.at += CT_ENTER_BYTES;
			if (ct_unlikely(!scan_enter(scan, &hot, word >> 24 & CT_SITE_MAX)))
				return false;
		} else {
			hot.at += CT_RETURN_BYTES;
			if (ct_unlikely(!scan_return(scan->effect, &hot)))
				return false;
		}
		if (ct_unlikely(hot.at > end))
			return false;
	}
	put(scan, &hot);
	return true;
}

/* ---- parts ---- */

static void free_buffer(struct ct_piece_buffer **buffer)
{
	if (*buffer)
		ct_pack_cache_deinit(&(*buffer)->cache);
	free(*buffer);
}

bool ct_part_scan(const struct ct_trace *trace, uint32_t stream, uint32_t from, uint32_t to,
		  struct ct_part_effect *ret)
{
	ct_cleanup(free_buffer) struct ct_piece_buffer *buffer = calloc(1, sizeof(*buffer));
	struct scan scan = {.trace = trace, .effect = ret, .piece = buffer, .credit = CREDIT};
	const struct ct_piece *pieces = &trace->pieces[trace->first_piece[stream]];
	*ret = (struct ct_part_effect){0};
	if (!buffer)
		return false;
	for (uint32_t i = from; i < to; i++) {
		if (pieces[i].live || pieces[i + 1].seq != pieces[i].seq + 1 ||
		    !ct_trace_read_piece(trace, &pieces[i], buffer) || buffer->header.stack != 0)
			return false;
		if (i == from)
			ret->base = ret->left = buffer->header.depth;
		if (buffer->header.depth != ret->left + ret->count)
			return false;
		scan.epoch_ticks = buffer->header.epoch << CT_EPOCH_SHIFT;
		if (!scan_piece(&scan))
			return false;
	}
	ret->last_ticks = scan.last_ticks;
	return true;
}

bool ct_part_apply(const struct ct_trace *trace, const struct ct_part_effect *effect,
		   const struct ct_walk_state *state, struct ct_walk_state *ret)
{
	if (effect->base != state->count ||
	    (effect->check_count && state->count > CREDIT / effect->check_count))
		return false;
	for (size_t i = 0; i < effect->check_count; i++)
		if (!holds(trace, &effect->checks[i], state))
			return false;
	size_t count = effect->left + effect->count;
	struct ct_frame *frames = calloc(count + 1, sizeof(*frames));
	if (!frames)
		return false;
	for (size_t i = 0; i < effect->left; i++)
		frames[i] = state->frames[i];
	for (size_t i = 0; i < effect->count; i++) {
		struct ct_frame *frame = &frames[effect->left + i];
		*frame = effect->frames[i];
		/* A walk's ticks do not decrease. */
		if (frame->ticks < state->last_ticks)
			frame->ticks = state->last_ticks;
	}
	*ret = (struct ct_walk_state){frames, count, effect->last_ticks};
	if (ret->last_ticks < state->last_ticks)
		ret->last_ticks = state->last_ticks;
	return true;
}
