/* SPDX-License-Identifier: MIT */
/* Functions that the linker has made one of several (--icf): what it is called with, only its
 * caller knows. */
#ifndef CT_PLAN_FOLDED_H
#define CT_PLAN_FOLDED_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbols/dwarf_walk.h"

struct ct_plan_module;

/* Ascending. Zero-initialise. */
struct ct_plan_folded {
	uint64_t *addresses; /* of functions whose signatures differ */
	size_t count;
};
void ct_plan_folded_deinit(struct ct_plan_folded *folded);
/* To be called once the module's sites, names and debug information are open. False: no memory. */
bool ct_plan_folded_find(struct ct_plan_module *module, struct ct_dwarf_walk *walk);
bool ct_plan_folded_has(const struct ct_plan_folded *folded, uint64_t address);

/* Where the function is entered. False: it has no code. */
bool ct_plan_entry_address(Dwarf_Die *die, uint64_t *ret);

#endif
