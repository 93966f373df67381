/* SPDX-License-Identifier: MIT */
/* Function symbols: see names.h. */
#include "plan/names.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "symbols/symbols.h"

void ct_plan_names_deinit(struct ct_plan_names *names)
{
	ct_symtab_deinit(&names->symtab);
	free(names->by_name);
	free(names->pointers);
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

/* ---- pointers ---- */

/* What a relocation is against, when that is a function; else NULL. */
static const char *relocated_function(Elf *elf, Elf_Data *symbols, size_t strings,
				      const GElf_Rela *relocation)
{
	GElf_Sym symbol;
	size_t index = GELF_R_SYM(relocation->r_info);
	if (GELF_R_TYPE(relocation->r_info) != R_X86_64_GLOB_DAT || index > INT32_MAX ||
	    !gelf_getsym(symbols, (int)index, &symbol))
		return NULL;
	int type = GELF_ST_TYPE(symbol.st_info);
	return type == STT_FUNC || type == STT_NOTYPE ? elf_strptr(elf, strings, symbol.st_name)
						      : NULL;
}

static bool add_pointers(struct ct_plan_names *names, Elf *elf, Elf_Data *relocations,
			 size_t symbol_section)
{
	GElf_Shdr header;
	GElf_Rela relocation;
	Elf_Scn *section = elf_getscn(elf, symbol_section);
	Elf_Data *symbols = section ? elf_getdata(section, NULL) : NULL;
	if (!relocations || !symbols || !gelf_getshdr(section, &header) ||
	    header.sh_type != SHT_DYNSYM)
		return true;
	size_t count = relocations->d_size / sizeof(Elf64_Rela);
	struct ct_plan_pointer *pointers =
		reallocarray(names->pointers, names->pointer_count + count + 1, sizeof(*pointers));
	if (!pointers)
		return false;
	names->pointers = pointers;
	for (size_t i = 0; i < count && gelf_getrela(relocations, (int)i, &relocation); i++) {
		const char *name = relocated_function(elf, symbols, header.sh_link, &relocation);
		if (name && *name)
			pointers[names->pointer_count++] =
				(struct ct_plan_pointer){name, relocation.r_offset};
	}
	return true;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct ct_plan_pointer *)a)->name,
		      ((const struct ct_plan_pointer *)b)->name);
}

static int compare_addresses(const void *a, const void *b)
{
	uint64_t left = ((const struct ct_plan_pointer *)a)->address;
	uint64_t right = ((const struct ct_plan_pointer *)b)->address;
	return (left > right) - (left < right);
}

static bool find_pointers(struct ct_plan_names *names, Elf *elf)
{
	Elf_Scn *section = NULL;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;
		if (gelf_getshdr(section, &header) && header.sh_type == SHT_RELA &&
		    !(header.sh_flags & SHF_COMPRESSED) &&
		    !add_pointers(names, elf, elf_getdata(section, NULL), header.sh_link))
			return false;
	}
	size_t count = names->pointer_count;
	if (count == 0)
		return true;
	struct ct_plan_pointer *pointers = reallocarray(names->pointers, 2 * count,
							sizeof(*pointers));
	if (!pointers)
		return false;
	names->pointers = pointers;
	memcpy(pointers + count, pointers, count * sizeof(*pointers));
	qsort(pointers, count, sizeof(*pointers), compare_names);
	qsort(pointers + count, count, sizeof(*pointers), compare_addresses);
	return true;
}

uint64_t ct_plan_names_find_pointer(const struct ct_plan_names *names, const char *name)
{
	struct ct_plan_pointer wanted = {.name = name};
	if (names->pointer_count == 0)
		return 0;
	const struct ct_plan_pointer *found = bsearch(
		&wanted, names->pointers, names->pointer_count, sizeof(wanted), compare_names);
	return found ? found->address : 0;
}

static const struct ct_plan_pointer *pointer_at(const struct ct_plan_names *names, uint64_t address)
{
	struct ct_plan_pointer wanted = {.address = address};
	if (names->pointer_count == 0)
		return NULL;
	return bsearch(&wanted, names->pointers + names->pointer_count, names->pointer_count,
		       sizeof(wanted), compare_addresses);
}

bool ct_plan_names_is_pointer(const struct ct_plan_names *names, uint64_t address)
{
	return pointer_at(names, address) != NULL;
}

/* ---- all ---- */

bool ct_plan_names_init(struct ct_plan_names *names, const struct ct_elf_file *file,
			const struct ct_elf_file *debug)
{
	if (!ct_symtab_add_file(&names->symtab, file) ||
	    (debug && !ct_symtab_add_file(&names->symtab, debug)) ||
	    !ct_symtab_seal(&names->symtab) || !make_table(names) ||
	    !find_pointers(names, file->elf)) {
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
	if (i < symtab->count && symtab->entries[i].low == address)
		return symtab->entries[i].name;
	const struct ct_plan_pointer *pointer = pointer_at(names, address);
	return pointer ? pointer->name : NULL;
}
