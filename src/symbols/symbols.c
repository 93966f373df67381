/* SPDX-License-Identifier: MIT */
/* All that is known of one ELF file's addresses: see symbols.h. */
#include "symbols/symbols.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "symbols/dwarf_index.h"
#include "symbols/elf_file.h"
#include "symbols/symtab.h"
#include "symbols/unwind.h"

#define DEFAULT_DEBUG_ROOT "/usr/lib/debug"

struct ct_symbols {
	struct ct_elf_file *main_file;
	struct ct_elf_file *debug_file; /* NULL: none found */
	struct ct_elf_file *mini_file;	/* .gnu_debugdata unpacked; NULL: none */
	char *debug_root;
	struct ct_range_map code;
	struct ct_symtab symtab;
	/* Made by the first lookup that needs them. */
	bool has_dwarf;
	struct ct_dwarf_index *dwarf; /* NULL: none */
	bool has_unwind;
	struct ct_range_map unwind;
};

void ct_symbols_destroy(struct ct_symbols *symbols)
{
	if (!symbols)
		return;
	ct_dwarf_index_destroy(symbols->dwarf);
	ct_range_map_deinit(&symbols->unwind);
	ct_symtab_deinit(&symbols->symtab);
	ct_range_map_deinit(&symbols->code);
	ct_elf_file_destroy(symbols->mini_file);
	ct_elf_file_destroy(symbols->debug_file);
	ct_elf_file_destroy(symbols->main_file);
	free(symbols->debug_root);
	free(symbols);
}

static void cleanup_symbols(struct ct_symbols **symbols)
{
	ct_symbols_destroy(*symbols);
}

static struct ct_error *check_build_id(const struct ct_elf_file *file, const uint8_t *build_id,
				       size_t build_id_bytes)
{
	if (build_id_bytes == 0 || (file->build_id_bytes == build_id_bytes &&
				    memcmp(file->build_id, build_id, build_id_bytes) == 0))
		return NULL;
	return ct_error_create("'%s' is not the file that was traced: its build-id is another, so "
			       "it was replaced since; its functions stay without names until the "
			       "traced build is back in its place",
			       file->path);
}

static bool add_symbol_tables(struct ct_symbols *symbols)
{
	const struct ct_elf_file *files[] = {
		symbols->main_file,
		symbols->debug_file,
		symbols->mini_file,
	};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (files[i] && !ct_symtab_add_file(&symbols->symtab, files[i]))
			return false;
	return ct_symtab_seal(&symbols->symtab);
}

struct ct_error *ct_symbols_open(const char *path, const uint8_t *build_id, size_t build_id_bytes,
				 const char *debug_root, struct ct_symbols **ret)
{
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = calloc(1, sizeof(*symbols));
	if (!symbols)
		return ct_error_nomem;
	symbols->debug_root = strdup(debug_root ? debug_root : DEFAULT_DEBUG_ROOT);
	if (!symbols->debug_root)
		return ct_error_nomem;
	struct ct_error *err = ct_elf_file_open(path, &symbols->main_file);
	if (err)
		return err;
	err = check_build_id(symbols->main_file, build_id, build_id_bytes);
	if (err)
		return err;
	symbols->debug_file = ct_elf_file_find_debug(symbols->main_file, symbols->debug_root);
	if (!symbols->debug_file)
		symbols->mini_file = ct_elf_file_open_minidebug(symbols->main_file);
	if (!ct_elf_file_code_ranges(symbols->main_file, &symbols->code) ||
	    !add_symbol_tables(symbols))
		return ct_error_nomem;
	*ret = ct_take(symbols);
	return NULL;
}

static struct ct_dwarf_index *open_dwarf(struct ct_symbols *symbols)
{
	if (symbols->has_dwarf)
		return symbols->dwarf;
	symbols->has_dwarf = true;
	const struct ct_elf_file *files[] = {symbols->debug_file, symbols->main_file};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (!files[i] || (!ct_elf_file_section(files[i], ".debug_info") &&
				  !ct_elf_file_section(files[i], ".zdebug_info")))
			continue;
		symbols->dwarf = ct_dwarf_index_create(files[i], symbols->debug_root,
						       &symbols->code);
		break;
	}
	return symbols->dwarf;
}

/* The piece of the unwind table that holds `address`, or NULL. */
static const struct ct_range *find_unwind(struct ct_symbols *symbols, uint64_t address)
{
	if (!symbols->has_unwind) {
		symbols->has_unwind = true;
		if (!ct_unwind_ranges(symbols->main_file, &symbols->unwind))
			ct_range_map_deinit(&symbols->unwind);
	}
	return ct_range_map_find(&symbols->unwind, address);
}

/* The symbol around `address`; one without a size does not reach into another's unwind entry:
 * there are functions between it and the next symbol that have lost their names. */
static const struct ct_symtab_entry *find_entry(struct ct_symbols *symbols, uint64_t address)
{
	const struct ct_symtab_entry *entry = ct_symtab_find(&symbols->symtab, address);
	if (!entry || !entry->is_size_guessed)
		return entry;
	const struct ct_range *range = find_unwind(symbols, address);
	return range && range->low > entry->low ? NULL : entry;
}

static bool find_dwarf_function(struct ct_symbols *symbols, uint64_t address,
				struct ct_dwarf_function *ret)
{
	struct ct_dwarf_index *dwarf = open_dwarf(symbols);
	return dwarf && ct_dwarf_index_function(dwarf, address, ret);
}

bool ct_symbols_find(struct ct_symbols *symbols, uint64_t address, struct ct_symbol *ret)
{
	const struct ct_symtab_entry *entry = find_entry(symbols, address);
	if (entry) {
		*ret = (struct ct_symbol){entry->name, entry->low, entry->high};
		return true;
	}
	struct ct_dwarf_function function;
	if (!find_dwarf_function(symbols, address, &function) || !function.symbol.linkage_name)
		return false;
	*ret = function.symbol;
	return true;
}

bool ct_symbols_line(struct ct_symbols *symbols, uint64_t address, struct ct_source_line *ret)
{
	struct ct_dwarf_index *dwarf = open_dwarf(symbols);
	return dwarf && ct_dwarf_index_line(dwarf, address, ret);
}

bool ct_symbols_declaration(struct ct_symbols *symbols, uint64_t address,
			    struct ct_source_line *ret)
{
	struct ct_dwarf_index *dwarf = open_dwarf(symbols);
	return dwarf && ct_dwarf_index_declaration(dwarf, address, ret);
}

uint64_t ct_symbols_function_key(struct ct_symbols *symbols, uint64_t address)
{
	const struct ct_symtab_entry *entry = find_entry(symbols, address);
	if (entry)
		return ct_symtab_function_key(&symbols->symtab, entry);
	struct ct_dwarf_function function;
	if (find_dwarf_function(symbols, address, &function))
		return function.function_key;
	const struct ct_range *range = find_unwind(symbols, address);
	return range ? range->low : 0;
}
