/* SPDX-License-Identifier: MIT */
/*
 * The linker leaves three ways to call a hook: through an entry of the
 * procedure linkage table, through its slot of the global offset table
 * (-fno-plt), and straight to a function of that name in the same file. The
 * relocations name the slots, the slots tell the entries, both tell the calls.
 */
#include "plan/hook_sites.h"

#include <gelf.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* An address that a call of a hook leads to. */
struct target {
	uint64_t address;
	bool is_exit;
	bool is_slot; /* of the global offset table: the call is indirect */
};

/* Honest files have some four. */
enum { TARGETS_MAX = 256 };

struct search {
	struct target targets[TARGETS_MAX];
	size_t target_count;
	struct ct_hook_sites *sites;
	size_t site_capacity;
};

void ct_hook_sites_deinit(struct ct_hook_sites *sites)
{
	free(sites->sites);
	free(sites->code);
	*sites = (struct ct_hook_sites){0};
}

static void add_target(struct search *search, uint64_t address, bool is_exit, bool is_slot)
{
	if (search->target_count < TARGETS_MAX)
		search->targets[search->target_count++] = (struct target){address, is_exit,
									  is_slot};
}

static const struct target *find_target(const struct search *search, uint64_t address, bool is_slot)
{
	for (size_t i = 0; i < search->target_count; i++)
		if (search->targets[i].address == address && search->targets[i].is_slot == is_slot)
			return &search->targets[i];
	return NULL;
}

static bool is_hook_name(const char *name, bool *ret_is_exit)
{
	*ret_is_exit = name && strcmp(name, "__cyg_profile_func_exit") == 0;
	return *ret_is_exit || (name && strcmp(name, "__cyg_profile_func_enter") == 0);
}

/* The name of a symbol of the table in section `table_index`, or NULL. */
static const char *symbol_name(Elf *elf, size_t table_index, size_t symbol_index, GElf_Sym *ret)
{
	Elf_Scn *section = elf_getscn(elf, table_index);
	GElf_Shdr header;
	Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
	if (!data || symbol_index > INT_MAX || !gelf_getshdr(section, &header) ||
	    (header.sh_type != SHT_DYNSYM && header.sh_type != SHT_SYMTAB) ||
	    !gelf_getsym(data, (int)symbol_index, ret))
		return NULL;
	return elf_strptr(elf, header.sh_link, ret->st_name);
}

static void add_slots(struct search *search, Elf *elf, Elf_Scn *section, const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(section, NULL);
	GElf_Rela relocation;
	for (int i = 0; data && gelf_getrela(data, i, &relocation); i++) {
		uint32_t type = GELF_R_TYPE(relocation.r_info);
		if (type != R_X86_64_JUMP_SLOT && type != R_X86_64_GLOB_DAT && type != R_X86_64_64)
			continue;
		GElf_Sym symbol;
		bool is_exit;
		if (is_hook_name(symbol_name(elf, header->sh_link, GELF_R_SYM(relocation.r_info),
					     &symbol),
				 &is_exit))
			add_target(search, relocation.r_offset, is_exit, true);
	}
}

static void add_definitions(struct search *search, Elf *elf, Elf_Scn *section,
			    const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(section, NULL);
	GElf_Sym symbol;
	for (int i = 0; data && gelf_getsym(data, i, &symbol); i++) {
		bool is_exit;
		if (symbol.st_value != 0 && GELF_ST_TYPE(symbol.st_info) == STT_FUNC &&
		    is_hook_name(elf_strptr(elf, header->sh_link, symbol.st_name), &is_exit))
			add_target(search, symbol.st_value, is_exit, false);
	}
}

static void add_symbols_and_slots(struct search *search, Elf *elf)
{
	Elf_Scn *section = NULL;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;
		if (!gelf_getshdr(section, &header) || (header.sh_flags & SHF_COMPRESSED))
			continue;
		if (header.sh_type == SHT_RELA)
			add_slots(search, elf, section, &header);
		else if (header.sh_type == SHT_DYNSYM || header.sh_type == SHT_SYMTAB)
			add_definitions(search, elf, section, &header);
	}
}

static bool add_code(struct ct_hook_sites *sites, Elf *elf)
{
	size_t section_count;
	if (elf_getshdrnum(elf, &section_count) != 0)
		return true;
	sites->code = calloc(section_count + 1, sizeof(*sites->code));
	if (!sites->code)
		return false;
	Elf_Scn *section = NULL;
	while ((section = elf_nextscn(elf, section)) && sites->code_count < section_count) {
		GElf_Shdr header;
		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_PROGBITS ||
		    !(header.sh_flags & SHF_EXECINSTR) || (header.sh_flags & SHF_COMPRESSED))
			continue;
		Elf_Data *data = elf_rawdata(section, NULL);
		if (data && data->d_buf && data->d_size <= UINT64_MAX - header.sh_addr)
			sites->code[sites->code_count++] =
				(struct ct_code){data->d_buf, header.sh_addr, data->d_size};
	}
	return true;
}

static int32_t read_int32(const uint8_t *bytes)
{
	int32_t value;
	memcpy(&value, bytes, sizeof(value));
	return value;
}

/*
 * Where the entry begins that ends with the jump at `at`: before it may be a
 * prefix, the number of the entry in a register, and the mark of indirect targets.
 * Every place a caller could jump to is a target.
 */
static void add_plt_entry(struct search *search, const struct ct_code *code, size_t at,
			  bool is_exit)
{
	static const uint8_t mark[] = {0xf3, 0x0f, 0x1e, 0xfa}; /* endbr64 */
	enum { NUMBER_BYTES = 6 };				/* mov $n, %r11d: 41 bb n */
	add_target(search, code->address + at, is_exit, false);
	if (at >= 1 && code->bytes[at - 1] == 0xf2)
		add_target(search, code->address + --at, is_exit, false);
	if (at >= NUMBER_BYTES && code->bytes[at - NUMBER_BYTES] == 0x41 &&
	    code->bytes[at - NUMBER_BYTES + 1] == 0xbb) {
		at -= NUMBER_BYTES;
		add_target(search, code->address + at, is_exit, false);
	}
	if (at >= sizeof(mark) && memcmp(code->bytes + at - sizeof(mark), mark, sizeof(mark)) == 0)
		add_target(search, code->address + at - sizeof(mark), is_exit, false);
}

/* Entries of the procedure linkage table, wherever it is: jumps through a hook's slot. */
static void add_plt(struct search *search, const struct ct_code *code)
{
	const uint8_t *at = code->bytes;
	const uint8_t *end = code->bytes + code->size_bytes;
	while (end - at >= 6 && (at = memchr(at, 0xff, (size_t)(end - at) - 5))) {
		if (at[1] == 0x25) {
			uint64_t next = code->address + (uint64_t)(at - code->bytes) + 6;
			const struct target *slot = find_target(
				search, next + (uint64_t)(int64_t)read_int32(at + 2), true);
			if (slot)
				add_plt_entry(search, code, (size_t)(at - code->bytes),
					      slot->is_exit);
		}
		at++;
	}
}

static bool add_site(struct search *search, uint64_t address, bool is_exit)
{
	struct ct_hook_sites *sites = search->sites;
	if (sites->count == search->site_capacity) {
		size_t capacity = search->site_capacity ? search->site_capacity * 2 : 1024;
		struct ct_hook_site *larger = reallocarray(sites->sites, capacity, sizeof(*larger));
		if (!larger)
			return false;
		sites->sites = larger;
		search->site_capacity = capacity;
	}
	sites->sites[sites->count++] = (struct ct_hook_site){address, is_exit};
	return true;
}

static bool add_direct_calls(struct search *search, const struct ct_code *code)
{
	const uint8_t *at = code->bytes;
	const uint8_t *end = code->bytes + code->size_bytes;
	while (end - at >= 5 && (at = memchr(at, 0xe8, (size_t)(end - at) - 4))) {
		uint64_t next = code->address + (uint64_t)(at - code->bytes) + 5;
		const struct target *target =
			find_target(search, next + (uint64_t)(int64_t)read_int32(at + 1), false);
		if (target && !add_site(search, next, target->is_exit))
			return false;
		at++;
	}
	return true;
}

static bool add_indirect_calls(struct search *search, const struct ct_code *code)
{
	const uint8_t *at = code->bytes;
	const uint8_t *end = code->bytes + code->size_bytes;
	while (end - at >= 6 && (at = memchr(at, 0xff, (size_t)(end - at) - 5))) {
		uint64_t next = code->address + (uint64_t)(at - code->bytes) + 6;
		const struct target *target =
			at[1] == 0x15
				? find_target(search, next + (uint64_t)(int64_t)read_int32(at + 2),
					      true)
				: NULL;
		if (target && !add_site(search, next, target->is_exit))
			return false;
		at++;
	}
	return true;
}

static int compare_sites(const void *a, const void *b)
{
	uint64_t left = ((const struct ct_hook_site *)a)->address;
	uint64_t right = ((const struct ct_hook_site *)b)->address;
	return (left > right) - (left < right);
}

static void sort_sites(struct ct_hook_sites *sites)
{
	if (sites->count == 0)
		return;
	qsort(sites->sites, sites->count, sizeof(*sites->sites), compare_sites);
	size_t kept = 1;
	for (size_t i = 1; i < sites->count; i++)
		if (sites->sites[i].address != sites->sites[kept - 1].address)
			sites->sites[kept++] = sites->sites[i];
	sites->count = kept;
}

struct ct_error *ct_hook_sites_find(const struct ct_elf_file *file, struct ct_hook_sites *ret)
{
	GElf_Ehdr header;
	if (!gelf_getehdr(file->elf, &header) || header.e_machine != EM_X86_64 ||
	    header.e_ident[EI_CLASS] != ELFCLASS64)
		return ct_error_create("'%s' is not for x86-64; arguments are captured there only",
				       file->path);
	struct search search = {.sites = ret};
	add_symbols_and_slots(&search, file->elf);
	if (search.target_count == 0)
		return NULL;
	if (!add_code(ret, file->elf))
		return ct_error_nomem;
	for (size_t i = 0; i < ret->code_count; i++)
		add_plt(&search, &ret->code[i]);
	for (size_t i = 0; i < ret->code_count; i++) {
		if (!add_direct_calls(&search, &ret->code[i]) ||
		    !add_indirect_calls(&search, &ret->code[i])) {
			ct_hook_sites_deinit(ret);
			return ct_error_nomem;
		}
	}
	sort_sites(ret);
	return NULL;
}

size_t ct_hook_sites_from(const struct ct_hook_sites *sites, uint64_t address)
{
	size_t low = 0;
	size_t high = sites->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (sites->sites[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct ct_code *ct_hook_sites_code(const struct ct_hook_sites *sites, uint64_t address)
{
	for (size_t i = 0; i < sites->code_count; i++)
		if (address - sites->code[i].address < sites->code[i].size_bytes)
			return &sites->code[i];
	return NULL;
}
