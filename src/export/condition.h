/* SPDX-License-Identifier: MIT */
/*
 * Conditions on the values of calls: `handle_request(id=42, name="x*")`,
 * `retval<0`, `parse(req->header.size>=100)`. All comparisons of one hold. A
 * value that is not known, or was not captured, makes none of them hold.
 */
#ifndef CT_EXPORT_CONDITION_H
#define CT_EXPORT_CONDITION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "export/values.h"

enum ct_comparison_sign {
	CT_IS_EQUAL = 1,
	CT_IS_NOT,
	CT_IS_LESS,
	CT_IS_AT_MOST,
	CT_IS_MORE,
	CT_IS_AT_LEAST,
};

enum ct_literal_kind {
	CT_LITERAL_NULL = 1,
	CT_LITERAL_NUMBER,
	CT_LITERAL_REAL,
	CT_LITERAL_TEXT, /* a glob; an enumerator's name without quotes is one, too */
};

struct ct_term {
	struct ct_value_place place;
	enum ct_comparison_sign sign;
	enum ct_literal_kind literal;
	__int128 number;
	long double real; /* NUMBER too */
	char *text;
};

enum { CT_TERMS_MAX = 16, CT_CONDITION_MOST_BYTES = 4096 };

struct ct_condition {
	char *pattern; /* of functions; NULL: all */
	struct ct_term terms[CT_TERMS_MAX];
	size_t term_count;
	bool needs_result;
	char *words; /* what names are in */
};

struct ct_error *ct_condition_parse(const char *text, struct ct_condition **ret)
	__attribute__((warn_unused_result));
void ct_condition_destroy(struct ct_condition *condition);

/* Do those of the comparisons hold that are of the arguments, or of what is returned? */
bool ct_condition_holds(const struct ct_condition *condition, struct ct_values *values,
			uint32_t site, struct ct_value_bytes payload, bool of_result);

#endif
