/* SPDX-License-Identifier: MIT */
/* Plan files: putting one together, and reading one that nobody vouches for. */
#ifndef CT_PLAN_PLAN_FILE_H
#define CT_PLAN_PLAN_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "format/plan.h"

/* Plans in the order they were made. Zero-initialise. */
struct ct_plan_writer {
	struct ct_plan_index *index; /* the offsets count from the first plan */
	size_t count;
	size_t capacity;
	struct ct_strbuf plans;
	bool failed; /* memory ran out, or there is more than a file can hold */
};

struct ct_plan_content {
	struct ct_plan head; /* kind, function, return_slot_*; the rest is filled in */
	const struct ct_plan_op *ops;
	size_t op_count;
	const struct ct_plan_op *shape;
	size_t shape_count;
	const void *description;
	size_t description_bytes;
	size_t payload_max;
};

void ct_plan_writer_deinit(struct ct_plan_writer *writer);
/* Forget the plans, and whether something failed. */
void ct_plan_writer_clear(struct ct_plan_writer *writer);

/* Of two plans for one site the first counts. */
void ct_plan_writer_add(struct ct_plan_writer *writer, uint64_t site,
			const struct ct_plan_content *content);
/* Add the plans of another writer, whose bytes may come from another process. */
void ct_plan_writer_append(struct ct_plan_writer *writer, const struct ct_plan_index *index,
			   size_t count, const void *plans, size_t plans_bytes);

/* The file. `header` has settings, build-id and flags; `misses` the header's misses_bytes, or may
 * be NULL. */
struct ct_error *ct_plan_writer_finish(struct ct_plan_writer *writer,
				       const struct ct_plan_header *header, const char *misses,
				       struct ct_strbuf *ret) __attribute__((warn_unused_result));

/* A plan file in memory; plans are aligned to 8 bytes when the file is. */
struct ct_plan_file {
	const uint8_t *bytes;
	struct ct_plan_header header;
};

/* Does a file of `size_bytes` begin like a whole plan file that fits the settings, unless NULL,
 * and the build-id? Its index is as it was written; the plans are not looked at. */
bool ct_plan_file_open(const void *bytes, size_t size_bytes,
		       const struct ct_plan_settings *settings, const void *build_id,
		       size_t build_id_bytes, struct ct_plan_file *ret);

/* Are all its plans as they were written? */
bool ct_plan_file_is_whole(const struct ct_plan_file *file);

/* The plan number `i`, and what belongs to it; false when it is damaged. The pointers lead into
 * the file. */
bool ct_plan_file_get(const struct ct_plan_file *file, uint64_t i, uint64_t *ret_site,
		      struct ct_plan_content *ret);

#endif
