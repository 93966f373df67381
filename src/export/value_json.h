/* SPDX-License-Identifier: MIT */
/* Captured values as JSON: what the text for people shares with it. */
#ifndef CT_EXPORT_VALUE_JSON_H
#define CT_EXPORT_VALUE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "export/sink.h"
#include "export/value_examine.h"

/* The bare value. */
void ct_value_put_json(struct ct_values *values, struct ct_sink *sink,
		       const struct ct_value *value);

/*
 * "A|B" of an enumeration whose values may be added up, between `quote`s; of
 * those that name several flags at once, the largest first. False: nothing was
 * written, for the names do not make up the number.
 */
bool ct_value_put_flags(const struct ct_values *values, struct ct_sink *sink,
			const struct ct_value_node *node, int64_t number, const char *quote);

/* In quotes. */
const char *ct_value_why_json(enum ct_why why);

#endif
