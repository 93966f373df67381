/* SPDX-License-Identifier: MIT */
/* Where functions start and end according to the unwind table, which stripping leaves alone. */
#ifndef CT_SYMBOLS_UNWIND_H
#define CT_SYMBOLS_UNWIND_H

#include <stdbool.h>

#include "symbols/elf_file.h"
#include "symbols/range_map.h"

/* Fill an empty map with the ranges of the FDEs of .eh_frame. What is damaged is skipped.
 * False: out of memory. */
bool ct_unwind_ranges(const struct ct_elf_file *file, struct ct_range_map *ret);

#endif
