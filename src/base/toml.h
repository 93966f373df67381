/* SPDX-License-Identifier: MIT */
/*
 * TOML as far as settings need it: comments, tables, arrays of tables; values
 * that are strings of one line, whole decimal numbers, numbers with a point,
 * booleans, and arrays of strings. What else TOML has is an error that says so.
 */
#ifndef CT_BASE_TOML_H
#define CT_BASE_TOML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum ct_toml_kind {
	CT_TOML_STRING = 1,
	CT_TOML_INTEGER,
	CT_TOML_REAL,
	CT_TOML_BOOLEAN,
	CT_TOML_STRINGS, /* an array */
};

struct ct_toml_value {
	char *key;
	enum ct_toml_kind kind;
	unsigned int line; /* from 1 */
	int64_t integer;
	double real;
	bool boolean;
	char **texts; /* STRING: one; STRINGS */
	size_t text_count;
};

struct ct_toml_table {
	char *name;	 /* "": what stands before the first head */
	bool is_element; /* of an array of tables: [[name]] */
	unsigned int line;
	struct ct_toml_value *values;
	size_t value_count;
};

struct ct_toml {
	struct ct_toml_table *tables; /* in the order of the file, the nameless one first */
	size_t table_count;
};

enum { CT_TOML_MOST_BYTES = 1 << 20 };

/* `name` is for errors: "name:3: ...". */
struct ct_error *ct_toml_parse(const char *name, const char *text, size_t length,
			       struct ct_toml **ret) __attribute__((warn_unused_result));
struct ct_error *ct_toml_read(const char *path, struct ct_toml **ret)
	__attribute__((warn_unused_result));
void ct_toml_destroy(struct ct_toml *toml);

#endif
