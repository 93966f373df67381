/* SPDX-License-Identifier: MIT */
/*
 * Lines, declarations and functions from DWARF. Only the heads of the
 * compilation units are read at the first lookup; what is inside one is read
 * when an address in it is asked for.
 */
#ifndef CT_SYMBOLS_DWARF_INDEX_H
#define CT_SYMBOLS_DWARF_INDEX_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

#include "symbols/elf_file.h"
#include "symbols/range_map.h"
#include "symbols/symbols.h"

struct ct_dwarf_index;

/* A subprogram's code around an address. */
struct ct_dwarf_function {
	struct ct_symbol symbol; /* linkage_name may be NULL */
	uint64_t function_key;	 /* the same for all clones of a function in its unit */
};

/*
 * Of the DWARF in `file`; NULL when it has none or memory ran out. `file` and
 * `code`, the executable segments, must outlive the index.
 */
struct ct_dwarf_index *ct_dwarf_index_create(const struct ct_elf_file *file, const char *debug_root,
					     const struct ct_range_map *code);
void ct_dwarf_index_destroy(struct ct_dwarf_index *index);

bool ct_dwarf_index_line(struct ct_dwarf_index *index, uint64_t address,
			 struct ct_source_line *ret);
bool ct_dwarf_index_declaration(struct ct_dwarf_index *index, uint64_t address,
				struct ct_source_line *ret);
bool ct_dwarf_index_function(struct ct_dwarf_index *index, uint64_t address,
			     struct ct_dwarf_function *ret);

/* The file where a function's DIE says that it is declared, or NULL. It lives as long as the DIE.
 */
const char *ct_dwarf_declaration_file(Dwarf_Die *die);

#endif
