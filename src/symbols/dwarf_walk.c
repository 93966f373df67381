/* SPDX-License-Identifier: MIT */
/* Walks over trees of DIEs: see dwarf_walk.h. */
#include "symbols/dwarf_walk.h"

#include <dwarf.h>

Dwarf_Die *ct_dwarf_walk_next(struct ct_dwarf_walk *walk, bool (*enters)(Dwarf_Die *die))
{
	Dwarf_Die *current = &walk->path[walk->depth];
	if (walk->depth + 1 < CT_DWARF_WALK_DEPTH_MAX && (walk->depth == 0 || enters(current)) &&
	    dwarf_child(current, current + 1) == 0) {
		walk->depth++;
		return current + 1;
	}
	for (; walk->depth > 0; walk->depth--) {
		Dwarf_Die next;
		current = &walk->path[walk->depth];
		if (dwarf_siblingof(current, &next) == 0 &&
		    dwarf_dieoffset(&next) > dwarf_dieoffset(current)) {
			*current = next;
			return current;
		}
	}
	return NULL;
}

bool ct_dwarf_may_hold_functions(Dwarf_Die *die)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_subprogram: /* local classes; GNU C's nested functions */
		return !dwarf_hasattr(die, DW_AT_declaration);
	case DW_TAG_lexical_block:
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
		return true;
	default:
		return false;
	}
}
