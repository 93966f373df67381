/* SPDX-License-Identifier: MIT */
/*
 * Numbers the physical functions of a trace's sites from 1, so that a walk
 * compares and counts them by small numbers.
 */
#include "reader/trace.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "reader/trace_private.h"

/* Open addressing; key 0 marks a free slot. */
struct key_table {
	struct key_slot {
		uint64_t key;
		uint32_t number;
	} * slots;
	uint64_t mask;
	uint32_t count;
};

static bool init_table(struct key_table *table, uint32_t key_count)
{
	uint64_t capacity = 16;
	while (capacity < (uint64_t)key_count * 2)
		capacity *= 2;
	*table = (struct key_table){calloc(capacity, sizeof(*table->slots)), capacity - 1, 0};
	return table->slots;
}

static void deinit_table(struct key_table *table)
{
	free(table->slots);
}

/* The slot of `key`, or the free one where it would be. */
static struct key_slot *find_slot(const struct key_table *table, uint64_t key)
{
	uint64_t hash = key * UINT64_C(0x9e3779b97f4a7c15);
	uint64_t i = hash >> 32 & table->mask;
	while (table->slots[i].key && table->slots[i].key != key)
		i = (i + 1) & table->mask;
	return &table->slots[i];
}

static uint32_t number_of(struct key_table *table, uint64_t key)
{
	if (key == 0)
		return 0;
	struct key_slot *slot = find_slot(table, key);
	if (slot->key == 0)
		*slot = (struct key_slot){key, ++table->count};
	return slot->number;
}

static bool make_keys(struct ct_trace *trace, const uint64_t *site_keys, const uint64_t *call_keys)
{
	ct_cleanup(deinit_table) struct key_table table = {0};
	trace->keys = calloc((size_t)trace->site_count + 1, sizeof(*trace->keys));
	if (!trace->keys || !init_table(&table, trace->site_count))
		return false;
	for (uint32_t i = 1; i <= trace->site_count; i++)
		trace->keys[i].own = number_of(&table, site_keys[i]);
	/* A caller that holds no hook is never on the stack of recorded calls. */
	for (uint32_t i = 1; i <= trace->site_count; i++) {
		if (call_keys[i])
			trace->keys[i].caller = find_slot(&table, call_keys[i])->number;
	}
	trace->key_count = table.count;
	return true;
}

void ct_trace_set_function_keys(struct ct_trace *trace, const uint64_t *site_keys,
				const uint64_t *call_keys)
{
	free(trace->keys);
	trace->keys = NULL;
	trace->keys_failed = !make_keys(trace, site_keys, call_keys);
}

void ct_trace_function_keys(const struct ct_trace *trace, uint32_t site, uint32_t *ret_own,
			    uint32_t *ret_caller)
{
	bool is_known = trace->keys && site <= trace->site_count;
	*ret_own = is_known ? trace->keys[site].own : 0;
	*ret_caller = is_known ? trace->keys[site].caller : 0;
}
