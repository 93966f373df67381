/* SPDX-License-Identifier: MIT */
/*
 * Plan files kept for the next run. A cache is a convenience: whatever keeps
 * it from being used (no home, a full disk, somebody else's folder) is no
 * error, and what is read from it is checked like any other input.
 */
#ifndef CT_PLAN_CACHE_H
#define CT_PLAN_CACHE_H

#include <stdbool.h>

#include "base/strbuf.h"
#include "format/plan.h"
#include "symbols/elf_file.h"

/* Where a module's plans are kept. Zero-initialised it is closed. */
struct ct_plan_cache {
	bool is_open;
	int folder;	/* <cache>/plans */
	int lock;	/* -1: not held */
	char name[256]; /* of the file */
};

/* False: no cache can be used; the others then do nothing. */
bool ct_plan_cache_open(struct ct_plan_cache *ret, const struct ct_elf_file *file,
			const struct ct_plan_settings *settings);
void ct_plan_cache_close(struct ct_plan_cache *cache);

/* Append the whole plan file to `ret`; false: there is none that fits. */
bool ct_plan_cache_read(const struct ct_plan_cache *cache, const struct ct_elf_file *file,
			const struct ct_plan_settings *settings, struct ct_strbuf *ret);

/*
 * Wait until no other process makes these plans, up to a minute; held until
 * the cache is closed. Read again afterwards.
 */
void ct_plan_cache_lock(struct ct_plan_cache *cache);

/* Keep a plan file: another process sees it whole or not at all. Removes those of other planners
 * that are a week old, and the oldest ones where there are many. */
void ct_plan_cache_write(const struct ct_plan_cache *cache, const struct ct_strbuf *plans);

#endif
