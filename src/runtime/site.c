/* SPDX-License-Identifier: MIT */
/*
 * Numbers for (hook call, call site) pairs, and the table the hooks look them
 * up in. In the traced process, with signals blocked, under ct_runtime.lock.
 */
#include "runtime/hot.h"
#include "runtime/values.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

enum { FIRST_SLOTS = 4096 };

struct ct_site_table *ct_site_table;
bool ct_has_crc32;
static uint32_t site_count;
static uint32_t used_slots; /* fewer than sites: a forgotten site's slot is used again */

static struct ct_site_table *create_table(uint64_t slots)
{
	struct ct_site_table *table =
		ct_sys_map(sizeof(*table) + slots * sizeof(struct ct_site_slot));
	if (!table)
		return NULL;
	table->byte_mask = (slots - 1) * sizeof(struct ct_site_slot);
	return table;
}

static uint64_t last_slot(const struct ct_site_table *table)
{
	return table->byte_mask / sizeof(table->slots[0]);
}

/* The slot of the pair, or the empty one where it belongs. */
static struct ct_site_slot *slot_for(struct ct_site_table *table, uint64_t site, uint64_t call_site)
{
	uint64_t at = ct_site_at(table, ct_site_hash(site, call_site));
	for (;; at = (at + sizeof(struct ct_site_slot)) & table->byte_mask) {
		struct ct_site_slot *slot = (void *)((char *)table->slots + at);
		if (!slot->site || (slot->site == site && slot->call_site == call_site))
			return slot;
	}
}

static void fill_slot(struct ct_site_slot *slot, uint64_t site, uint64_t call_site, uint32_t number,
		      const struct ct_capture *capture)
{
	slot->call_site = call_site;
	slot->capture = capture;
	__atomic_store_n(&slot->record, ct_record_enter(0, number), __ATOMIC_RELEASE);
	__atomic_store_n(&slot->site, site, __ATOMIC_RELEASE);
}

static bool cpu_has_crc32(void)
{
#if defined(__x86_64__)
	unsigned int a, b, c = 0, d;
	return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_2);
#else
	return false;
#endif
}

int ct_site_init(void)
{
	ct_has_crc32 = cpu_has_crc32();
	/* A forked child inherits a table of the parent's numbers; it is small, and stays mapped.
	 */
	struct ct_site_table *table = create_table(FIRST_SLOTS);
	if (!table)
		return -1;
	if (ct_plan_init() != 0)
		return -1;
	site_count = 0;
	used_slots = 0;
	__atomic_store_n(&ct_site_table, table, __ATOMIC_RELEASE);
	return 0;
}

/* Old tables stay mapped: hooks on other threads may be looking. Together they are as large. */
static bool grow_table(void)
{
	struct ct_site_table *old = ct_site_table;
	struct ct_site_table *table = create_table((last_slot(old) + 1) * 2);
	if (!table)
		return false;
	for (uint64_t i = 0; i <= last_slot(old); i++)
		if (old->slots[i].site)
			*slot_for(table, old->slots[i].site,
				  old->slots[i].call_site) = old->slots[i];
	__atomic_store_n(&ct_site_table, table, __ATOMIC_RELEASE);
	return true;
}

static uint32_t add_locked(uint64_t site, uint64_t function, uint64_t call_site)
{
	struct ct_site_slot *slot = slot_for(ct_site_table, site, call_site);
	if (slot->record)
		return (uint32_t)(slot->record >> 24); /* another thread was faster */
	if (!slot->site && used_slots * 2 > last_slot(ct_site_table)) {
		if (!grow_table() && used_slots + 1 >= last_slot(ct_site_table))
			return CT_SITE_UNKNOWN;
		slot = slot_for(ct_site_table, site, call_site);
	}
	if (site_count == CT_SITE_MAX)
		return CT_SITE_UNKNOWN;
	struct ct_site *row = ct_file_site_row(site_count + 1);
	if (!row)
		return CT_SITE_UNKNOWN;
	site_count++;
	row->function = function;
	row->call_site = call_site;
	row->module = ct_module_of(site);
	row->call_module = ct_module_of(call_site - 1);
	__atomic_store_n(&row->site, site, __ATOMIC_RELEASE);
	const struct ct_capture *capture = ct_plan_of_enter(site, function, row->module);
	if (!slot->site)
		used_slots++;
	fill_slot(slot, site, call_site, site_count, capture);
	return site_count;
}

uint32_t ct_site_add(uint64_t site, uint64_t function, uint64_t call_site)
{
	ct_lock_take(&ct_runtime.lock);
	uint32_t number = add_locked(site, function, call_site);
	ct_lock_release(&ct_runtime.lock);
	return number;
}

/* A number for a hook call of our own, once nothing is recorded any more. */
void ct_site_put_unrecorded(uint64_t site, uint64_t call_site)
{
	fill_slot(slot_for(ct_site_table, site, call_site), site, call_site, 1, NULL);
}

/* Under the lock: what is mapped at the module's addresses next gets numbers of its own. */
void ct_site_forget_module(uint32_t ordinal)
{
	for (uint32_t number = 1; number <= site_count; number++) {
		const struct ct_site *row = ct_file_site_row(number);
		if (row->module != ordinal && row->call_module != ordinal)
			continue;
		struct ct_site_slot *slot = slot_for(ct_site_table, row->site, row->call_site);
		if (slot->record >> 24 != number)
			continue;
		slot->capture = NULL;
		__atomic_store_n(&slot->record, 0, __ATOMIC_RELEASE);
	}
}
