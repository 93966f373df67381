/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a plan file that somebody left in the cache, or that the command
 * wrote: through the runtime's checks, and followed. After a first byte that is
 * odd the head of the file, which a fuzzer would hardly keep so, is put in order.
 */
#include <stdlib.h>
#include <string.h>

#include "format/plan.h"
#include "fuzz_target.h"
#include "use_plans.h"

enum { FLAG_ORDER = 1, FLAG_CACHED = 2, FLAG_LARGE = 4, LARGE_BYTES = 5 << 20 };

/* Sums that are right, as far as there is something to be summed. */
static void seal(uint8_t *bytes, size_t size_bytes, struct ct_plan_header *header)
{
	struct ct_plan_index entry;
	if (header->index_offset % 8 != 0 || header->index_offset > size_bytes ||
	    header->misses_bytes > size_bytes - header->index_offset ||
	    header->index_count >
		    (size_bytes - header->index_offset - header->misses_bytes) / sizeof(entry))
		return;
	for (uint64_t i = 0; i < header->index_count; i++) {
		memcpy(&entry, bytes + header->index_offset + i * sizeof(entry), sizeof(entry));
		uint64_t offset = (uint64_t)entry.offset * 8;
		if (offset < sizeof(*header) || offset > size_bytes ||
		    entry.size_bytes > size_bytes - offset ||
		    entry.size_bytes < sizeof(struct ct_plan) || entry.size_bytes % 8 != 0)
			continue;
		struct ct_plan *plan = (struct ct_plan *)(bytes + offset);
		if (plan->size_bytes == entry.size_bytes)
			plan->checksum = ct_plan_checksum(plan);
	}
	header->checksum = ct_plan_file_checksum(
		header, (const struct ct_plan_index *)(bytes + header->index_offset));
	memcpy(bytes, header, sizeof(*header));
}

static void put_in_order(uint8_t *bytes, size_t size_bytes, unsigned int flags)
{
	struct ct_plan_header header;
	if (size_bytes < sizeof(header))
		return;
	memcpy(&header, bytes, sizeof(header));
	header.magic = CT_PLAN_MAGIC;
	header.version = CT_PLAN_VERSION;
	header.total_bytes = flags & FLAG_LARGE ? LARGE_BYTES : size_bytes;
	header.settings.filter_hash = 0;
	header.build_id_bytes = flags & FLAG_CACHED ? 20 : 0;
	memcpy(bytes, &header, sizeof(header));
	seal(bytes, size_bytes, &header);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	if (size_bytes == 0)
		return 0;
	/* A file in memory is aligned; what follows its end is watched. */
	uint8_t *file = malloc(size_bytes - 1 ? size_bytes - 1 : 1);
	if (!file)
		abort();
	memcpy(file, bytes + 1, size_bytes - 1);
	if (bytes[0] & FLAG_ORDER)
		put_in_order(file, size_bytes - 1, bytes[0]);
	use_plans(file, size_bytes - 1);
	free(file);
	return 0;
}
