/* SPDX-License-Identifier: MIT */
/* Symbol tables to a sorted array: see symtab.h. Tables and strings are hostile. */
#include "symbols/symtab.h"

#include <ctype.h>
#include <gelf.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"

void ct_symtab_deinit(struct ct_symtab *symtab)
{
	ct_range_map_deinit(&symtab->map);
	free(symtab->entries);
	*symtab = (struct ct_symtab){0};
}

static struct ct_symtab_entry *add_entry(struct ct_symtab *symtab)
{
	if (symtab->count == symtab->capacity) {
		size_t capacity = symtab->capacity ? symtab->capacity * 2 : 256;
		struct ct_symtab_entry *entries = reallocarray(symtab->entries, capacity,
							       sizeof(*entries));
		if (!entries)
			return NULL;
		symtab->entries = entries;
		symtab->capacity = capacity;
	}
	return &symtab->entries[symtab->count++];
}

/* The part of a string section in which every offset starts a terminated string. */
struct string_table {
	const char *bytes;
	size_t size_bytes;
};

static struct string_table open_strings(Elf *elf, GElf_Word section_index)
{
	struct string_table none = {0};
	Elf_Scn *section = elf_getscn(elf, section_index);
	GElf_Shdr header;
	if (!section || !gelf_getshdr(section, &header) || header.sh_type != SHT_STRTAB ||
	    (header.sh_flags & SHF_COMPRESSED))
		return none;
	Elf_Data *data = elf_getdata(section, NULL);
	if (!data || !data->d_buf)
		return none;
	const char *last = memrchr(data->d_buf, '\0', data->d_size);
	if (!last)
		return none;
	return (struct string_table){data->d_buf, (size_t)(last + 1 - (char *)data->d_buf)};
}

/* The address range of each section that holds code; empty for the others. */
struct section_range {
	uint64_t low;
	uint64_t high;
};

static struct section_range *list_code_sections(Elf *elf, size_t *ret_count)
{
	if (elf_getshdrnum(elf, ret_count) != 0)
		*ret_count = 0;
	struct section_range *ranges = calloc(*ret_count + 1, sizeof(*ranges));
	for (size_t i = 0; ranges && i < *ret_count; i++) {
		Elf_Scn *section = elf_getscn(elf, i);
		GElf_Shdr header;
		if (section && gelf_getshdr(section, &header) &&
		    (header.sh_flags & SHF_EXECINSTR) &&
		    header.sh_size <= UINT64_MAX - header.sh_addr)
			ranges[i] = (struct section_range){header.sh_addr,
							   header.sh_addr + header.sh_size};
	}
	return ranges;
}

/* arm64's $x and $d mark where code and data start; they name nothing. */
static bool is_mapping_symbol(const char *name)
{
	return name[0] == '$' && name[1] && strchr("adtx", name[1]) &&
	       (name[2] == '\0' || name[2] == '.');
}

enum { LOCAL_RANK = 2 };

static uint8_t rank_binding(unsigned char binding)
{
	switch (binding) {
	case STB_GLOBAL:
	case STB_GNU_UNIQUE:
		return 0;
	case STB_WEAK:
		return 1;
	default:
		return LOCAL_RANK;
	}
}

bool ct_symtab_is_local(const struct ct_symtab_entry *entry)
{
	return entry->binding_rank == LOCAL_RANK;
}

/* False: out of memory. A symbol that is no function of ours is not added. */
static bool add_symbol(struct ct_symtab *symtab, const GElf_Sym *symbol, const char *name,
		       const struct section_range *section, uint32_t file_scope)
{
	unsigned char type = GELF_ST_TYPE(symbol->st_info);
	if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE)
		return true;
	uint64_t low = symbol->st_value;
	/* Address 0 holds the ELF header; it also is where linkers leave what they discard. */
	if (low == 0 || low < section->low || low >= section->high || *name == '\0')
		return true;
	if (type == STT_NOTYPE && is_mapping_symbol(name))
		return true;

	struct ct_symtab_entry *entry = add_entry(symtab);
	if (!entry)
		return false;
	bool is_sized = symbol->st_size > 0;
	uint64_t room = section->high - low;
	*entry = (struct ct_symtab_entry){
		.low = low,
		.high = low + (is_sized && symbol->st_size < room ? symbol->st_size : room),
		.name = name,
		.file_scope = GELF_ST_BIND(symbol->st_info) == STB_LOCAL ? file_scope : 0,
		.binding_rank = rank_binding(GELF_ST_BIND(symbol->st_info)),
		.is_untyped = type == STT_NOTYPE,
		.is_size_guessed = !is_sized,
	};
	return true;
}

/*
 * A function of a library whose address the program takes: in one that is not
 * position-independent it is that of its entry in the procedure linkage table,
 * and the symbol, though undefined, has that value. False: out of memory.
 */
static bool add_plt_entry(struct ct_symtab *symtab, GElf_Sym symbol, const char *name,
			  const struct section_range *sections, size_t section_count)
{
	enum { PLT_ENTRY_BYTES = 16 };
	if (symbol.st_value == 0 || GELF_ST_TYPE(symbol.st_info) != STT_FUNC)
		return true;
	symbol.st_size = PLT_ENTRY_BYTES;
	for (size_t i = 0; i < section_count; i++) {
		if (symbol.st_value >= sections[i].low && symbol.st_value < sections[i].high)
			return add_symbol(symtab, &symbol, name, &sections[i], 0);
	}
	return true;
}

static bool add_table(struct ct_symtab *symtab, Elf *elf, Elf_Scn *table, const GElf_Shdr *header,
		      const struct section_range *sections, size_t section_count)
{
	struct string_table strings = open_strings(elf, header->sh_link);
	Elf_Data *data = elf_getdata(table, NULL);
	size_t symbol_bytes = gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT);
	if (!data || !data->d_buf || symbol_bytes == 0)
		return true;
	size_t count = data->d_size / symbol_bytes;
	uint32_t file_scope = ++symtab->file_scopes;
	for (size_t i = 1; i < count && i <= INT_MAX; i++) {
		GElf_Sym symbol;
		if (!gelf_getsym(data, (int)i, &symbol))
			break;
		if (GELF_ST_TYPE(symbol.st_info) == STT_FILE)
			file_scope = ++symtab->file_scopes;
		/* Absolute and common symbols have indexes no section has. */
		if (symbol.st_shndx >= section_count || symbol.st_name >= strings.size_bytes)
			continue;
		if (symbol.st_shndx == SHN_UNDEF) {
			if (header->sh_type == SHT_DYNSYM &&
			    !add_plt_entry(symtab, symbol, strings.bytes + symbol.st_name, sections,
					   section_count))
				return false;
			continue;
		}
		if (!add_symbol(symtab, &symbol, strings.bytes + symbol.st_name,
				&sections[symbol.st_shndx], file_scope))
			return false;
	}
	return true;
}

bool ct_symtab_add_file(struct ct_symtab *symtab, const struct ct_elf_file *file)
{
	size_t section_count;
	ct_cleanup(ct_cleanup_free) struct section_range *sections =
		list_code_sections(file->elf, &section_count);
	if (!sections)
		return false;
	Elf_Scn *section = NULL;
	while ((section = elf_nextscn(file->elf, section))) {
		GElf_Shdr header;
		if (!gelf_getshdr(section, &header) || (header.sh_flags & SHF_COMPRESSED) ||
		    (header.sh_type != SHT_SYMTAB && header.sh_type != SHT_DYNSYM))
			continue;
		if (!add_table(symtab, file->elf, section, &header, sections, section_count))
			return false;
	}
	return true;
}

/* By address, then the better name first, as ct_symbols_find() promises. */
static int compare_entries(const void *a, const void *b)
{
	const struct ct_symtab_entry *left = a;
	const struct ct_symtab_entry *right = b;
	if (left->low != right->low)
		return left->low < right->low ? -1 : 1;
	if (left->is_size_guessed != right->is_size_guessed)
		return left->is_size_guessed ? 1 : -1;
	if (left->is_untyped != right->is_untyped)
		return left->is_untyped ? 1 : -1;
	if (left->binding_rank != right->binding_rank)
		return left->binding_rank < right->binding_rank ? -1 : 1;
	size_t left_length = strlen(left->name);
	size_t right_length = strlen(right->name);
	if (left_length != right_length)
		return left_length < right_length ? -1 : 1;
	int order = memcmp(left->name, right->name, left_length);
	if (order != 0)
		return order;
	if (left->high != right->high)
		return left->high < right->high ? -1 : 1;
	/* Of duplicates the first stays: all of one table, or the groups of pieces fall apart. */
	return (left->file_scope > right->file_scope) - (left->file_scope < right->file_scope);
}

/* Most symbols of .dynsym are in .symtab too, and all of .symtab may be in a debug file. */
static void drop_duplicates(struct ct_symtab *symtab)
{
	size_t kept = 0;
	for (size_t i = 0; i < symtab->count; i++) {
		const struct ct_symtab_entry *entry = &symtab->entries[i];
		const struct ct_symtab_entry *last = kept ? &symtab->entries[kept - 1] : NULL;
		if (last && last->low == entry->low && last->high == entry->high &&
		    last->binding_rank == entry->binding_rank &&
		    strcmp(last->name, entry->name) == 0)
			continue;
		symtab->entries[kept++] = *entry;
	}
	symtab->count = kept;
	struct ct_symtab_entry *fitting =
		kept ? reallocarray(symtab->entries, kept, sizeof(*fitting)) : NULL;
	if (fitting) {
		symtab->entries = fitting;
		symtab->capacity = kept;
	}
}

/*
 * End each symbol without a size where the next begins. One that lies in a
 * function with a size is a label in it, and gets an empty range.
 */
static void guess_sizes(struct ct_symtab *symtab)
{
	uint64_t covered_to = 0;
	size_t i = 0;
	while (i < symtab->count) {
		uint64_t low = symtab->entries[i].low;
		size_t next = i;
		for (; next < symtab->count && symtab->entries[next].low == low; next++) {
			const struct ct_symtab_entry *entry = &symtab->entries[next];
			if (!entry->is_size_guessed && entry->high > covered_to)
				covered_to = entry->high;
		}
		for (; i < next; i++) {
			struct ct_symtab_entry *entry = &symtab->entries[i];
			if (!entry->is_size_guessed)
				continue;
			if (covered_to > low)
				entry->high = low;
			else if (next < symtab->count && symtab->entries[next].low < entry->high)
				entry->high = symtab->entries[next].low;
		}
	}
}

bool ct_symtab_seal(struct ct_symtab *symtab)
{
	if (symtab->count == 0)
		return true;
	qsort(symtab->entries, symtab->count, sizeof(*symtab->entries), compare_entries);
	drop_duplicates(symtab);
	guess_sizes(symtab);
	for (size_t i = 0; i < symtab->count && i <= UINT32_MAX; i++) {
		const struct ct_symtab_entry *entry = &symtab->entries[i];
		if (!ct_range_map_add(&symtab->map, entry->low, entry->high, (uint32_t)i, 0))
			return false;
	}
	return ct_range_map_seal(&symtab->map);
}

const struct ct_symtab_entry *ct_symtab_find(const struct ct_symtab *symtab, uint64_t address)
{
	const struct ct_range *range = ct_range_map_find(&symtab->map, address);
	return range ? &symtab->entries[range->value] : NULL;
}

/* What GCC and Clang put behind a dot when they cut or copy a function, or alias it. */
static bool is_piece_suffix(const char *text, size_t length)
{
	static const char *const suffixes[] = {
		"cold", "part", "__part", "constprop", "isra", "localalias",
	};
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (strlen(suffixes[i]) == length && memcmp(suffixes[i], text, length) == 0)
			return true;
	return false;
}

/* Where the last ".text" of name[0..length) starts; `length` when there is none behind a name. */
static size_t last_suffix(const char *name, size_t length)
{
	const char *dot = memrchr(name, '.', length);
	return dot && dot != name ? (size_t)(dot - name) : length;
}

static bool is_number(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!isdigit((unsigned char)text[i]))
			return false;
	return length > 0;
}

size_t ct_symtab_stem_length(const char *name)
{
	size_t length = strlen(name);
	for (;;) {
		size_t dot = last_suffix(name, length);
		size_t word_end = length;
		/* ".part.0": the number belongs to the word before it. */
		if (dot < length && is_number(name + dot + 1, length - dot - 1)) {
			word_end = dot;
			dot = last_suffix(name, word_end);
		}
		if (dot >= word_end || !is_piece_suffix(name + dot + 1, word_end - dot - 1))
			return length;
		length = dot;
	}
}

/*
 * The pieces of one function: all local symbols with the same stem in the same
 * STT_FILE group. Their function is the local symbol of that name in the group;
 * else the global or weak one, of which there is one by definition.
 * Names are compared by a hash of 64 bits: two that collide by chance are not
 * to be expected, and on purpose would only confuse the file's own functions.
 */
struct piece_group {
	uint64_t stem_hash;
	uint32_t file_scope;
	uint64_t lowest; /* of the pieces */
	uint64_t local_low;
};

static int compare_groups(const void *a, const void *b)
{
	const struct piece_group *left = a;
	const struct piece_group *right = b;
	if (left->stem_hash != right->stem_hash)
		return left->stem_hash < right->stem_hash ? -1 : 1;
	return (left->file_scope > right->file_scope) - (left->file_scope < right->file_scope);
}

struct global_low {
	uint64_t stem_hash;
	uint64_t low;
};

static int compare_globals(const void *a, const void *b)
{
	const struct global_low *left = a;
	const struct global_low *right = b;
	return (left->stem_hash > right->stem_hash) - (left->stem_hash < right->stem_hash);
}

struct pieces {
	struct piece_group *groups;
	size_t group_count;
	struct global_low *globals; /* one for each stem that a group has */
	size_t global_count;
};

static void cleanup_pieces(struct pieces *pieces)
{
	free(pieces->groups);
	free(pieces->globals);
}

static void keep_lowest(uint64_t *lowest, uint64_t low)
{
	if (*lowest == 0 || low < *lowest)
		*lowest = low;
}

/* One group for each stem and scope that has pieces. False: out of memory. */
static bool collect_groups(const struct ct_symtab *symtab, struct pieces *ret)
{
	size_t piece_count = 0;
	for (size_t i = 0; i < symtab->count; i++)
		piece_count +=
			symtab->entries[i].name[ct_symtab_stem_length(symtab->entries[i].name)] !=
			'\0';
	if (piece_count == 0)
		return true;
	ret->groups = calloc(piece_count, sizeof(*ret->groups));
	ret->globals = calloc(piece_count, sizeof(*ret->globals));
	if (!ret->groups || !ret->globals)
		return false;

	struct piece_group *groups = ret->groups;
	size_t filled = 0;
	for (size_t i = 0; i < symtab->count; i++) {
		const struct ct_symtab_entry *entry = &symtab->entries[i];
		size_t stem = ct_symtab_stem_length(entry->name);
		if (entry->name[stem] == '\0')
			continue;
		groups[filled++] = (struct piece_group){
			.stem_hash = ct_hash_bytes(entry->name, stem),
			.file_scope = entry->file_scope,
			.lowest = entry->low,
		};
	}
	qsort(groups, filled, sizeof(*groups), compare_groups);
	for (size_t i = 0; i < filled; i++) {
		struct piece_group *last = ret->group_count ? &groups[ret->group_count - 1] : NULL;
		if (last && compare_groups(last, &groups[i]) == 0) {
			keep_lowest(&last->lowest, groups[i].lowest);
			continue;
		}
		if (!last || last->stem_hash != groups[i].stem_hash)
			ret->globals[ret->global_count++].stem_hash = groups[i].stem_hash;
		groups[ret->group_count++] = groups[i];
	}
	return true;
}

static struct piece_group *find_group(const struct pieces *pieces, uint64_t hash, uint32_t scope)
{
	struct piece_group wanted = {.stem_hash = hash, .file_scope = scope};
	return pieces->group_count ? bsearch(&wanted, pieces->groups, pieces->group_count,
					     sizeof(wanted), compare_groups)
				   : NULL;
}

static struct global_low *find_global(const struct pieces *pieces, uint64_t hash)
{
	struct global_low wanted = {.stem_hash = hash};
	return pieces->global_count ? bsearch(&wanted, pieces->globals, pieces->global_count,
					      sizeof(wanted), compare_globals)
				    : NULL;
}

/* Note the whole functions whose names are stems of pieces; each is its own key. */
static void match_functions(struct ct_symtab *symtab, const struct pieces *pieces)
{
	for (size_t i = 0; i < symtab->count; i++) {
		struct ct_symtab_entry *entry = &symtab->entries[i];
		entry->function_key = entry->low;
		if (pieces->group_count == 0)
			continue;
		size_t stem = ct_symtab_stem_length(entry->name);
		if (entry->name[stem] != '\0')
			continue;
		uint64_t hash = ct_hash_bytes(entry->name, stem);
		if (entry->file_scope == 0) {
			struct global_low *global = find_global(pieces, hash);
			if (global)
				keep_lowest(&global->low, entry->low);
		} else {
			struct piece_group *group = find_group(pieces, hash, entry->file_scope);
			if (group)
				keep_lowest(&group->local_low, entry->low);
		}
	}
}

static void assign_keys(struct ct_symtab *symtab)
{
	ct_cleanup(cleanup_pieces) struct pieces pieces = {0};
	/* Out of memory: each piece then counts as a function of its own. */
	if (!collect_groups(symtab, &pieces))
		pieces.group_count = 0;
	match_functions(symtab, &pieces);
	if (pieces.group_count == 0)
		return;
	for (size_t i = 0; i < symtab->count; i++) {
		struct ct_symtab_entry *entry = &symtab->entries[i];
		size_t stem = ct_symtab_stem_length(entry->name);
		if (entry->name[stem] == '\0')
			continue;
		uint64_t hash = ct_hash_bytes(entry->name, stem);
		const struct piece_group *group = find_group(&pieces, hash, entry->file_scope);
		const struct global_low *global = find_global(&pieces, hash);
		if (group && group->local_low)
			entry->function_key = group->local_low;
		else if (global && global->low)
			entry->function_key = global->low;
		else if (group)
			entry->function_key = group->lowest;
	}
}

uint64_t ct_symtab_function_key(struct ct_symtab *symtab, const struct ct_symtab_entry *entry)
{
	if (!symtab->has_keys) {
		assign_keys(symtab);
		symtab->has_keys = true;
	}
	return entry->function_key;
}
