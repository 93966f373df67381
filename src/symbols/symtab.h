/* SPDX-License-Identifier: MIT */
/* The function symbols of one program or library, from all its symbol tables. */
#ifndef CT_SYMBOLS_SYMTAB_H
#define CT_SYMBOLS_SYMTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbols/elf_file.h"
#include "symbols/range_map.h"

struct ct_symtab_entry {
	uint64_t low;
	uint64_t high;
	const char *name;      /* in the mapped file */
	uint64_t function_key; /* set by the first ct_symtab_function_key() */
	uint32_t file_scope;   /* number of the STT_FILE group a local symbol is in; 0: not local */
	uint8_t binding_rank;
	bool is_untyped;      /* STT_NOTYPE: a label in hand-written code */
	bool is_size_guessed; /* the symbol has no size: it ends where the next begins */
};

/* Zero-initialise. */
struct ct_symtab {
	struct ct_symtab_entry *entries;
	size_t count;
	size_t capacity;
	uint32_t file_scopes; /* numbers given out */
	bool has_keys;
	struct ct_range_map map; /* value: index of the entry */
};

void ct_symtab_deinit(struct ct_symtab *symtab);

/* Add the functions of every symbol table in `file`. False: out of memory. */
bool ct_symtab_add_file(struct ct_symtab *symtab, const struct ct_elf_file *file);

/* To be called once after the last ct_symtab_add_file(). False: out of memory. */
bool ct_symtab_seal(struct ct_symtab *symtab);

/* The best symbol around `address`, or NULL. */
const struct ct_symtab_entry *ct_symtab_find(const struct ct_symtab *symtab, uint64_t address);

/* Is it known in its own file alone? The linker makes hidden ones such, too. */
bool ct_symtab_is_local(const struct ct_symtab_entry *entry);

/* The lowest address of the function `entry` is a piece of: see ct_symbols_function_key(). */
uint64_t ct_symtab_function_key(struct ct_symtab *symtab, const struct ct_symtab_entry *entry);

/* Length of `name` without the suffixes GCC and Clang give to pieces and clones. */
size_t ct_symtab_stem_length(const char *name);

#endif
