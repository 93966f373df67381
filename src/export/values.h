/* SPDX-License-Identifier: MIT */
/*
 * Arguments and return values as JSON: docs/user-guide.md, "Arguments and
 * return values". The bytes of a call are untrusted: what is not in them, or
 * cannot be what the plan says, is shown as unreadable.
 */
#ifndef CT_EXPORT_VALUES_H
#define CT_EXPORT_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "export/sink.h"
#include "reader/trace.h"

struct ct_values;

/* What was captured of a call, or of its return. */
struct ct_value_bytes {
	const unsigned char *bytes; /* NULL: nothing */
	uint32_t length;
	uint64_t ns; /* when */
};

/* `ret` is NULL when no site of the trace has a plan. Names of functions that captured pointers
 * lead to are looked up in the modules' files when `find_names` is set. */
struct ct_error *ct_values_create(const struct ct_trace *trace, bool pretty, bool find_names,
				  struct ct_values **ret) __attribute__((warn_unused_result));
void ct_values_destroy(struct ct_values *values);

/* How deep a reader has to go into the deepest value: objects, their keys, and arrays. */
unsigned int ct_values_levels(const struct ct_values *values);

/*
 * Write `"arguments":[...],`, or nothing for a site without a plan. In the
 * pretty form the key begins a line of its own, `level` objects and arrays deep.
 */
void ct_values_put_arguments(struct ct_values *values, struct ct_sink *sink, uint32_t site,
			     struct ct_value_bytes payload, unsigned int level);
/* Write `,"return_value":{...}` for a call that returned, or nothing. */
void ct_values_put_result(struct ct_values *values, struct ct_sink *sink, uint32_t site,
			  struct ct_value_bytes payload, unsigned int level);

/*
 * The same for people to read: `argc=2, argv=0x7ffe01`, and ` = 2`; false: nothing was written,
 * for there is no plan, or nothing is returned.
 */
bool ct_values_put_arguments_text(struct ct_values *values, struct ct_sink *sink, uint32_t site,
				  struct ct_value_bytes payload);
bool ct_values_put_result_text(struct ct_values *values, struct ct_sink *sink, uint32_t site,
			       struct ct_value_bytes payload);
/* In such text, leave out the members and elements of an argument beyond `most` bytes; 0: none. */
void ct_values_limit_text(struct ct_values *values, size_t most);

#endif
