/* SPDX-License-Identifier: MIT */
/* Function symbols: see names.h. */
#include "plan/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

void ct_plan_names_deinit(struct ct_plan_names *names)
{
	ct_symtab_deinit(&names->symtab);
	free(names->by_name);
	*names = (struct ct_plan_names){0};
}

static size_t slot_of(const struct ct_plan_names *names, const char *name)
{
	return (size_t)ct_hash_bytes(name, strlen(name)) & (names->slot_count - 1);
}

static bool make_table(struct ct_plan_names *names)
{
	size_t slot_count = 64;
	while (slot_count < names->symtab.count * 2)
		slot_count *= 2;
	names->by_name = calloc(slot_count, sizeof(*names->by_name));
	if (!names->by_name)
		return false;
	names->slot_count = slot_count;
	for (size_t i = 0; i < names->symtab.count && i < UINT32_MAX; i++) {
		size_t slot = slot_of(names, names->symtab.entries[i].name);
		while (names->by_name[slot])
			slot = (slot + 1) & (slot_count - 1);
		names->by_name[slot] = (uint32_t)i + 1;
	}
	return true;
}

bool ct_plan_names_init(struct ct_plan_names *names, const struct ct_elf_file *file,
			const struct ct_elf_file *debug)
{
	if (!ct_symtab_add_file(&names->symtab, file) ||
	    (debug && !ct_symtab_add_file(&names->symtab, debug)) ||
	    !ct_symtab_seal(&names->symtab) || !make_table(names)) {
		ct_plan_names_deinit(names);
		return false;
	}
	return true;
}

/* Index of the first symbol at or behind the address. */
static size_t lower_bound(const struct ct_symtab *symtab, uint64_t address)
{
	size_t low = 0;
	size_t high = symtab->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (symtab->entries[middle].low < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

enum ct_name_match ct_plan_names_match(const struct ct_plan_names *names, uint64_t address,
				       const char *name)
{
	enum ct_name_match match = CT_NAME_NONE;
	const struct ct_symtab *symtab = &names->symtab;
	for (size_t i = lower_bound(symtab, address);
	     i < symtab->count && symtab->entries[i].low == address; i++) {
		if (strcmp(symtab->entries[i].name, name) == 0)
			return CT_NAME_SAME;
		match = CT_NAME_OTHER;
	}
	return match;
}

uint64_t ct_plan_names_find(const struct ct_plan_names *names, const char *name)
{
	uint64_t found = 0;
	if (!names->by_name)
		return 0;
	for (size_t slot = slot_of(names, name); names->by_name[slot];
	     slot = (slot + 1) & (names->slot_count - 1)) {
		const struct ct_symtab_entry *entry =
			&names->symtab.entries[names->by_name[slot] - 1];
		if (strcmp(entry->name, name) != 0 || entry->low == found)
			continue;
		if (found)
			return 0;
		found = entry->low;
	}
	return found;
}

const char *ct_plan_names_at(const struct ct_plan_names *names, uint64_t address)
{
	const struct ct_symtab *symtab = &names->symtab;
	size_t i = lower_bound(symtab, address);
	return i < symtab->count && symtab->entries[i].low == address ? symtab->entries[i].name
								      : NULL;
}
