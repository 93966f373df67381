/* SPDX-License-Identifier: MIT */
/* Function symbols of a module by address and by name. */
#ifndef CT_PLAN_NAMES_H
#define CT_PLAN_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "symbols/symtab.h"

/* Zero-initialise. */
struct ct_plan_names {
	struct ct_symtab symtab;
	uint32_t *by_name;		  /* hash table of entries + 1 */
	size_t slot_count;		  /* power of two */
	struct ct_plan_pointer *pointers; /* by name; and again, by address */
	size_t pointer_count;
};

/* A pointer to a function, perhaps another module's, that the dynamic linker fills in. */
struct ct_plan_pointer {
	const char *name;
	uint64_t address; /* of the pointer */
};

void ct_plan_names_deinit(struct ct_plan_names *names);
/* Of the module and of its debug file, unless NULL. False: out of memory. */
bool ct_plan_names_init(struct ct_plan_names *names, const struct ct_elf_file *file,
			const struct ct_elf_file *debug);

enum ct_name_match {
	CT_NAME_NONE = 0, /* there is no symbol at the address */
	CT_NAME_OTHER,
	CT_NAME_SAME,
};
/* Does a symbol of that name begin at the address? */
enum ct_name_match ct_plan_names_match(const struct ct_plan_names *names, uint64_t address,
				       const char *name);

/* The address of the only function of that name; 0: there is none, or several. */
uint64_t ct_plan_names_find(const struct ct_plan_names *names, const char *name);

/* The address of a pointer to the function of that name; 0: there is none. */
uint64_t ct_plan_names_find_pointer(const struct ct_plan_names *names, const char *name);
bool ct_plan_names_is_pointer(const struct ct_plan_names *names, uint64_t address);

/* A name for the address, or for what a pointer there points to; or NULL. */
const char *ct_plan_names_at(const struct ct_plan_names *names, uint64_t address);

#endif
