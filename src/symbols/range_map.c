/* SPDX-License-Identifier: MIT */
/* Address ranges made disjoint: see range_map.h. */
#include "symbols/range_map.h"

#include <stdlib.h>

#include "base/cleanup.h"

void ct_range_map_deinit(struct ct_range_map *map)
{
	free(map->ranges);
	*map = (struct ct_range_map){0};
}

bool ct_range_map_add(struct ct_range_map *map, uint64_t low, uint64_t high, uint32_t value,
		      uint32_t rank)
{
	if (low >= high)
		return true;
	if (map->count == map->capacity) {
		size_t capacity = map->capacity ? map->capacity * 2 : 64;
		struct ct_range *ranges = reallocarray(map->ranges, capacity, sizeof(*ranges));
		if (!ranges)
			return false;
		map->ranges = ranges;
		map->capacity = capacity;
	}
	map->ranges[map->count++] = (struct ct_range){low, high, value, rank};
	return true;
}

/* By start; of the same start the one that wins comes last, to lie on top of the others. */
static int compare_ranges(const void *a, const void *b)
{
	const struct ct_range *left = a;
	const struct ct_range *right = b;
	if (left->low != right->low)
		return left->low < right->low ? -1 : 1;
	if (left->rank != right->rank)
		return left->rank > right->rank ? -1 : 1;
	return (left->value < right->value) - (left->value > right->value);
}

/* Write what the open ranges cover between `position` and `end`; the last opened is on top. */
static size_t emit_until(struct ct_range *pieces, size_t piece_count, const struct ct_range **open,
			 size_t *open_count, uint64_t position, uint64_t end)
{
	while (*open_count > 0 && position < end) {
		const struct ct_range *top = open[*open_count - 1];
		if (top->high <= position) {
			(*open_count)--;
			continue;
		}
		struct ct_range *piece = &pieces[piece_count++];
		*piece = *top;
		piece->low = position;
		piece->high = top->high < end ? top->high : end;
		position = piece->high;
	}
	return piece_count;
}

bool ct_range_map_seal(struct ct_range_map *map)
{
	if (map->count == 0)
		return true;
	qsort(map->ranges, map->count, sizeof(*map->ranges), compare_ranges);

	/* A piece ends where a range ends or where one starts: at most two for each range. */
	ct_cleanup(ct_cleanup_free) struct ct_range *pieces = calloc(map->count,
								     2 * sizeof(*pieces));
	ct_cleanup(ct_cleanup_free)
		const struct ct_range **open = calloc(map->count, sizeof(*open));
	if (!pieces || !open) {
		ct_range_map_deinit(map);
		return false;
	}
	size_t piece_count = 0;
	size_t open_count = 0;
	uint64_t position = 0;
	for (size_t i = 0; i < map->count; i++) {
		const struct ct_range *range = &map->ranges[i];
		piece_count = emit_until(pieces, piece_count, open, &open_count, position,
					 range->low);
		position = range->low;
		open[open_count++] = range;
	}
	piece_count = emit_until(pieces, piece_count, open, &open_count, position, UINT64_MAX);

	struct ct_range *fitting = reallocarray(pieces, piece_count, sizeof(*pieces));
	if (fitting)
		pieces = fitting;
	free(map->ranges);
	*map = (struct ct_range_map){ct_take(pieces), piece_count, piece_count};
	return true;
}

const struct ct_range *ct_range_map_find(const struct ct_range_map *map, uint64_t address)
{
	size_t first = 0;
	size_t past = map->count;
	while (first < past) {
		size_t middle = first + (past - first) / 2;
		if (map->ranges[middle].high <= address)
			first = middle + 1;
		else
			past = middle;
	}
	if (first == map->count || address < map->ranges[first].low)
		return NULL;
	return &map->ranges[first];
}
