/* SPDX-License-Identifier: MIT */
/*
 * From address ranges that may nest, overlap and repeat (symbols, compilation
 * units, unwind entries) to one answer per address, in one binary search: add
 * all, seal once, then find.
 */
#ifndef CT_SYMBOLS_RANGE_MAP_H
#define CT_SYMBOLS_RANGE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ct_range {
	uint64_t low;
	uint64_t high; /* exclusive */
	uint32_t value;
	uint32_t rank; /* of ranges with the same low, the smallest rank wins */
};

/* Zero-initialise. */
struct ct_range_map {
	struct ct_range *ranges;
	size_t count;
	size_t capacity;
};

void ct_range_map_deinit(struct ct_range_map *map);

/* Empty ranges are ignored. False: out of memory. */
bool ct_range_map_add(struct ct_range_map *map, uint64_t low, uint64_t high, uint32_t value,
		      uint32_t rank);

/*
 * Make the ranges disjoint: each address belongs to the range around it that
 * starts last, then has the smallest rank, then the smallest value. False: out
 * of memory, and the map is empty.
 */
bool ct_range_map_seal(struct ct_range_map *map);

/* The piece that holds `address`, or NULL. The map must be sealed. */
const struct ct_range *ct_range_map_find(const struct ct_range_map *map, uint64_t address);

#endif
