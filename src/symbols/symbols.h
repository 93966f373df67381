/* SPDX-License-Identifier: MIT */
/*
 * Names, lines and function bounds of one ELF file, from .symtab, .dynsym,
 * DWARF and the unwind table, of the file itself and of its separate debug
 * file. Addresses are those of the ELF file (run-time address - bias).
 * Strings returned live as long as the struct ct_symbols.
 * Opening reads what is needed for lookups; not thread-safe per object.
 */
#ifndef CT_SYMBOLS_SYMBOLS_H
#define CT_SYMBOLS_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct ct_symbols;

/* A function that covers an address. */
struct ct_symbol {
	const char *linkage_name; /* bytes as in the file: may be any but NUL */
	uint64_t low;
	uint64_t high; /* exclusive */
};

struct ct_source_line {
	const char *file; /* full path where DWARF knows the directory */
	int line;	  /* from 1 */
};

/*
 * Open the file at `path`. When `build_id_bytes` > 0 and the file's build-id
 * differs (it was replaced since), the names would be wrong: an error says so.
 * Looks for a separate debug file: /usr/lib/debug/.build-id/xx/yyy.debug,
 * .gnu_debuglink beside the file, in .debug/ and under /usr/lib/debug (CRC
 * checked). `debug_root` replaces "/usr/lib/debug"; NULL: the default.
 */
struct ct_error *ct_symbols_open(const char *path, const uint8_t *build_id, size_t build_id_bytes,
				 const char *debug_root, struct ct_symbols **ret)
	__attribute__((warn_unused_result));
void ct_symbols_destroy(struct ct_symbols *symbols);

/* The function symbol that covers `address`: the innermost one; of several with the same start
 * global before weak before local, longest name last. Where no symbol does, DW_AT_linkage_name
 * or DW_AT_name of the subprogram. False: nothing names it. */
bool ct_symbols_find(struct ct_symbols *symbols, uint64_t address, struct ct_symbol *ret);

/* Source line of the code at `address`. */
bool ct_symbols_line(struct ct_symbols *symbols, uint64_t address, struct ct_source_line *ret);

/* Where the function that starts at `address` is declared (DW_AT_decl_file/line), else the
 * line of its first instruction. */
bool ct_symbols_declaration(struct ct_symbols *symbols, uint64_t address,
			    struct ct_source_line *ret);

/*
 * Identity of the physical function whose code holds `address`: equal for two
 * addresses exactly when they lie in the same function, its .cold, .part.N,
 * .constprop.N, .isra.N pieces included; 0 when nothing is known. Falls back
 * on the FDEs of .eh_frame where there is no symbol (stripped files); each
 * piece has its own there, and counts as a function.
 */
uint64_t ct_symbols_function_key(struct ct_symbols *symbols, uint64_t address);

/*
 * The demangled form of a C++ symbol, owned by the caller (free()); the suffix
 * of a piece follows as " [clone .cold]". NULL when it is no C++ symbol, has
 * more than about 1,000 bytes, or would unfold to more than 256 KiB.
 */
char *ct_demangle(const char *linkage_name);

#endif
