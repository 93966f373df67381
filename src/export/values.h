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

/* ---- single values, for conditions on them ---- */

enum { CT_PLACE_STEPS_MAX = 16 };

/* A member, or an element: `name` NULL. */
struct ct_place_step {
	const char *name;
	uint32_t index;
};

/* Where in an argument, or in what is returned. Pointers and references on the way are followed. */
struct ct_value_place {
	const char *argument; /* NULL: what is returned */
	struct ct_place_step steps[CT_PLACE_STEPS_MAX];
	uint32_t step_count;
};

enum ct_look_kind {
	CT_LOOK_NOTHING = 0, /* not known, or nothing single */
	CT_LOOK_NULL,
	CT_LOOK_NUMBER,
	CT_LOOK_REAL,
	CT_LOOK_TEXT,
};

struct ct_look {
	enum ct_look_kind kind;
	__int128 number; /* NUMBER; of an unsigned one of 16 bytes what fits */
	bool has_number; /* TEXT: a single character's code */
	long double real;
	const unsigned char *text; /* TEXT; good until the next look */
	size_t text_length;
	bool is_truncated; /* there was more of the text */
	const char *name;  /* NUMBER: of an enumerator; NULL: none */
	size_t name_length;
	char own_text[16];
};

/* The same plans for another thread to look at; `from` has to live longer. NULL: out of memory. */
struct ct_values *ct_values_share(const struct ct_values *from);

/* Is something known of values at the site; and is the place among them, `as_text` where it can be
 * compared with a text? */
bool ct_values_has_plan(const struct ct_values *values, uint32_t site);
bool ct_values_has_place(const struct ct_values *values, uint32_t site,
			 const struct ct_value_place *place, bool as_text);
/* The places of one payload are looked at one after the other. */
void ct_values_look_at(struct ct_values *values, uint32_t site, struct ct_value_bytes payload,
		       bool is_result);
void ct_values_look(struct ct_values *values, uint32_t site, const struct ct_value_place *place,
		    struct ct_look *ret);

#endif
