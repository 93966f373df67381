/* SPDX-License-Identifier: MIT */
/*
 * Calls as rows of a table: each whole, when it ends, so after the calls it
 * made; ids are given when calls begin, so callers have lower ones.
 */
#ifndef CT_EXPORTER_ROWS_H
#define CT_EXPORTER_ROWS_H

#include "exporter/exporter.h"

struct ct_row {
	uint64_t id;	    /* from 1 */
	uint64_t parent_id; /* 0: none */
	struct ct_value_bytes arguments;
	struct ct_value_bytes result;
	const struct ct_event *end;
};

struct ct_rows {
	const struct ct_export *export;
	void (*put)(void *state, size_t stream, const struct ct_row *row);
	void (*put_lost)(void *state, size_t stream, const struct ct_event *lost);
	void *state;
};

/* The calls of every stream, thread by thread. */
struct ct_error *ct_rows_put(const struct ct_rows *rows) __attribute__((warn_unused_result));

#endif
