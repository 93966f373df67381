/* SPDX-License-Identifier: MIT */
/*
 * The walk's steps that nearly all are, one record after the other, in a loop
 * of the caller's: what changes with each record can stay in registers, and
 * whether it is a call or a return is asked once. Where a step is anything
 * else, the caller puts the cursor back and asks ct_walk_next().
 */
#ifndef CT_READER_WALK_LOOP_H
#define CT_READER_WALK_LOOP_H

#include <string.h>

#include "base/cleanup.h"
#include "format/record.h"
#include "reader/trace.h"

/* The physical functions of a site, as numbers from 1 made dense; 0: not known. */
struct ct_site_keys {
	uint32_t own;	 /* holds the hook */
	uint32_t caller; /* holds the call; 0 too when no hook lies in that function */
};

/*
 * An entry of a walk's stack, 32 bits: kind, and the site of one open call or the
 * length of a run. Four bytes a call keep recursion millions deep affordable.
 */
enum ct_walk_entry_kind {
	CT_WALK_OPEN = 0,    /* a call that was shown and has no end yet */
	CT_WALK_GONE = 1,    /* a run of calls that ended by the call-site rule */
	CT_WALK_UNKNOWN = 2, /* a run of calls whose enters are missing */
};
enum { CT_WALK_ENTRY_SHIFT = 30, CT_WALK_MAX_RUN = (1 << CT_WALK_ENTRY_SHIFT) - 1 };

static inline uint32_t ct_walk_entry(enum ct_walk_entry_kind kind, uint32_t value)
{
	return (uint32_t)kind << CT_WALK_ENTRY_SHIFT | value;
}

static inline enum ct_walk_entry_kind ct_walk_entry_kind(uint32_t entry)
{
	return (enum ct_walk_entry_kind)(entry >> CT_WALK_ENTRY_SHIFT);
}

static inline uint32_t ct_walk_entry_value(uint32_t entry)
{
	return entry & CT_WALK_MAX_RUN;
}

/* Of the current stack. */
struct ct_walk_cursor {
	const unsigned char *at, *end;
	uint64_t epoch_ticks, last_ticks;
	uint32_t *entries;
	size_t length, capacity;
	const struct ct_site_keys *keys; /* NULL: no call-site rule */
	uint32_t *open_by_key;
	uint32_t site_count;
};

/* False: the next step is not plain. `ret_stack`: number of the stack the steps are on. */
bool ct_walk_cursor_take(const struct ct_walk *walk, struct ct_walk_cursor *ret,
			 uint32_t *ret_stack);
void ct_walk_cursor_put(struct ct_walk *walk, const unsigned char *at, uint64_t last_ticks,
			size_t length);
/* After ct_walk_cursor_put(): a call to `site` was read. True: others are to be closed before it,
 * which the walk will do. */
bool ct_walk_cursor_rule(struct ct_walk *walk, uint32_t site);
/* The values at `at`, before `end`, if they are whole; returns what is behind them. */
const unsigned char *ct_walk_cursor_values(const unsigned char *at, const unsigned char *end,
					   const unsigned char **ret, uint32_t *ret_bytes);

/* The rule's cheap part, for nearly every call: its caller's hook is the innermost call's. */
static inline bool ct_walk_needs_rule(const struct ct_site_keys *keys, const uint32_t *open_by_key,
				      const uint32_t *entries, size_t length, uint32_t site)
{
	uint32_t caller = keys[site].caller;
	if (caller == 0 || length == 0)
		return false;
	uint32_t top = entries[length - 1];
	if (ct_walk_entry_kind(top) == CT_WALK_OPEN && keys[ct_walk_entry_value(top)].own == caller)
		return false;
	return open_by_key[caller] != 0;
}

enum ct_walk_got {
	CT_WALK_GOT_STEP,
	CT_WALK_GOT_NONE, /* what comes next is not plain: put the cursor back */
	CT_WALK_GOT_RULE, /* a call was read that ends others; the walk has the cursor back */
};

/* One record. Its values are part of it. */
static inline __attribute__((always_inline)) enum ct_walk_got ct_walk_cursor_step(
	struct ct_walk *walk, struct ct_walk_cursor *cursor, struct ct_plain_step *step,
	bool has_keys)
{
	uint64_t word;
	memcpy(&word, cursor->at, sizeof(word)); /* zero bytes follow the piece */
	uint64_t ticks = cursor->epoch_ticks | (word >> 2 & CT_TIME_MASK);
	if (ticks < cursor->last_ticks)
		ticks = cursor->last_ticks;
	if ((word & 3) == CT_RECORD_ENTER) {
		uint32_t site = word >> 24 & CT_SITE_MAX;
		if (ct_unlikely(site > cursor->site_count))
			site = CT_SITE_UNKNOWN;
		if (ct_unlikely(cursor->end - cursor->at < CT_ENTER_BYTES ||
				cursor->length == cursor->capacity))
			return CT_WALK_GOT_NONE;
		cursor->at += CT_ENTER_BYTES;
		cursor->last_ticks = ticks;
		if (has_keys) {
			if (ct_unlikely(ct_walk_needs_rule(cursor->keys, cursor->open_by_key,
							   cursor->entries, cursor->length,
							   site))) {
				ct_walk_cursor_put(walk, cursor->at, ticks, cursor->length);
				if (ct_walk_cursor_rule(walk, site))
					return CT_WALK_GOT_RULE;
			}
			cursor->open_by_key[cursor->keys[site].own]++;
		}
		cursor->entries[cursor->length++] = ct_walk_entry(CT_WALK_OPEN, site);
		step->site = site;
		step->is_end = false;
	} else {
		if (ct_unlikely((word & 3) != CT_RECORD_RETURN || cursor->length == 0))
			return CT_WALK_GOT_NONE;
		uint32_t top = cursor->entries[cursor->length - 1];
		if (ct_unlikely(ct_walk_entry_kind(top) != CT_WALK_OPEN ||
				cursor->end - cursor->at < CT_RETURN_BYTES))
			return CT_WALK_GOT_NONE;
		cursor->at += CT_RETURN_BYTES;
		cursor->last_ticks = ticks;
		cursor->length--;
		if (has_keys)
			cursor->open_by_key[cursor->keys[ct_walk_entry_value(top)].own]--;
		step->site = ct_walk_entry_value(top);
		step->is_end = true;
	}
	step->ticks = ticks;
	step->values = NULL;
	step->value_bytes = 0;
	if (ct_unlikely(ct_is_values(*cursor->at))) {
		/* not the members' addresses: they would have to be in memory */
		const unsigned char *values = NULL;
		uint32_t bytes = 0;
		cursor->at = ct_walk_cursor_values(cursor->at, cursor->end, &values, &bytes);
		step->values = values;
		step->value_bytes = bytes;
	}
	return CT_WALK_GOT_STEP;
}

#endif
