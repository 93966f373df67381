/* SPDX-License-Identifier: MIT */
/* A table as text, 80 columns wide, or as an array of JSON objects. */
#ifndef CT_CLI_TABLE_H
#define CT_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/page.h"

enum ct_column_kind {
	CT_COLUMN_NAME = 1, /* text to the left; the last column takes what is left of the line */
	CT_COLUMN_COUNT,
	CT_COLUMN_NS,	   /* uint64_t ns, shown with a unit */
	CT_COLUMN_PERCENT, /* of 100 */
	CT_COLUMN_CHANGE,  /* the same, with its sign */
	CT_COLUMN_NS_CHANGE,
	CT_COLUMN_REAL,
};

struct ct_column {
	const char *key;   /* in JSON */
	const char *title; /* NULL: not in text */
	enum ct_column_kind kind;
	unsigned int width; /* 0: the rest of the line */
};

struct ct_cell {
	const char *text;  /* NAME; NULL: null */
	const char *shown; /* the same in text (shown.h); NULL: `text`, cut where it is the last */
	uint64_t number;   /* COUNT, NS */
	double real;	   /* PERCENT, CHANGE, NS_CHANGE, REAL; NS when `number` is 0 */
	bool is_absent;	   /* null; "-" in text */
	enum ct_style style; /* NAME; 0: as names are */
};

struct ct_table {
	const struct ct_column *columns;
	size_t column_count;
};

/* Columns that are left for the last one. */
unsigned int ct_table_rest(const struct ct_table *table);

/* To the page (page.h). `key`: of the array in the object being written, in JSON. */
void ct_table_begin(const struct ct_table *table, const char *key);
void ct_table_row(const struct ct_table *table, const struct ct_cell *cells);
void ct_table_end(void);

#endif
