/* SPDX-License-Identifier: MIT */
/* Walks over trees of DIEs, which are hostile: no recursion, bounded depth, siblings only go
 * forward. */
#ifndef CT_SYMBOLS_DWARF_WALK_H
#define CT_SYMBOLS_DWARF_WALK_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>

enum { CT_DWARF_WALK_DEPTH_MAX = 256 };

struct ct_dwarf_walk {
	Dwarf_Die path[CT_DWARF_WALK_DEPTH_MAX];
	size_t depth;
};

/* The next DIE below path[0], or NULL. Goes into those that `enters` says. */
Dwarf_Die *ct_dwarf_walk_next(struct ct_dwarf_walk *walk, bool (*enters)(Dwarf_Die *die));

static inline void ct_dwarf_walk_begin(struct ct_dwarf_walk *walk, const Dwarf_Die *root)
{
	walk->path[0] = *root;
	walk->depth = 0;
}

/* A scope: for walks over all functions of a unit. */
bool ct_dwarf_may_hold_functions(Dwarf_Die *die);

#endif
