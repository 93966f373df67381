/* SPDX-License-Identifier: MIT */
/*
 * Split debug information (-gsplit-dwarf) where libdw does not find it by
 * itself: packages (.dwp), which elfutils reads from 0.191 on, and .dwo files
 * with -fdebug-types-section, of whose sections of one name it takes the first.
 */
#ifndef CT_PLAN_SPLIT_H
#define CT_PLAN_SPLIT_H

#include <elfutils/libdw.h>
#include <stdbool.h>

#include "symbols/elf_file.h"

struct ct_split;

/*
 * `dwarf` is what was opened of `debug`, the program itself or its debug file.
 * All three stay until ct_split_destroy(). NULL: no memory.
 */
struct ct_split *ct_split_create(const struct ct_elf_file *program, const struct ct_elf_file *debug,
				 Dwarf *dwarf);
/* The DIEs that ct_split_find() gave, and what they lead to, go. */
void ct_split_destroy(struct ct_split *split);

/* Does the unit, of the type that libdw tells, stand for one elsewhere? */
bool ct_split_is_skeleton(Dwarf_Die *unit, uint8_t type);

/* The .dwo file it names, as it does; NULL: none. */
const char *ct_split_name(Dwarf_Die *skeleton);

/*
 * The compile unit that `skeleton` stands for. `found` is what libdw found, and
 * may be changed. False: it is nowhere.
 */
bool ct_split_find(struct ct_split *split, Dwarf_Die *skeleton, Dwarf_Die *found);

#endif
