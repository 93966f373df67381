/* SPDX-License-Identifier: MIT */
/* The body of a packed trace's chunk: columns of bytes, each compressed on its own. */
#ifndef CT_READER_COLUMNS_H
#define CT_READER_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "format/pack.h"

struct ct_columns {
	struct ct_strbuf columns[CT_PACK_COLUMNS_MAX];
	uint32_t count;
};

/* Empty columns; what memory they have stays. */
void ct_columns_reset(struct ct_columns *columns, uint32_t count);
void ct_columns_deinit(struct ct_columns *columns);

/* Append the body to `ret`; false when memory ran out, or a column is too long. */
bool ct_columns_write(const struct ct_columns *columns, int level, struct ct_strbuf *ret)
	__attribute__((warn_unused_result));

/*
 * Read the first `wanted` columns of a body that nobody vouches for. False when
 * it is none with at least so many, when a column is longer than `most_bytes`,
 * or when memory ran out.
 */
bool ct_columns_read(struct ct_columns *columns, const void *body, size_t body_bytes,
		     uint32_t wanted, size_t most_bytes) __attribute__((warn_unused_result));

/* How many elements of `size_bytes` a column has. */
static inline size_t ct_column_count(const struct ct_strbuf *column, size_t size_bytes)
{
	return column->length / size_bytes;
}

#endif
