/* SPDX-License-Identifier: MIT */
/*
 * What every site of a trace is called, found once and kept as the JSON text
 * that each of its calls repeats. Memory grows with distinct sites.
 *
 * The text is a run of object members, each ended by a comma. In the pretty
 * form a newline follows each comma, and stands for "newline and indentation":
 * inside a JSON string a newline is never bare.
 */
#ifndef CT_EXPORT_NAMES_H
#define CT_EXPORT_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "reader/trace.h"

/* "address":"0x<16>",\n"call_site":"0x<16>",\n with a space after each colon */
enum { CT_SITE_TEXT_BYTES = 68 };

struct ct_site_name {
	uint32_t function; /* index into functions */
	uint8_t length;
	char text[CT_SITE_TEXT_BYTES]; /* address, call_site */
};

/* Functions at one place of one file are one, wherever the file was loaded. */
struct ct_function_name {
	size_t offset; /* into text: function, mangled_name, module, source_file, line_number */
	size_t length;
	size_t name_length; /* of the first of these alone */
	/* The same without JSON, in `plain`, for ct_names_plain(); 0: not known. */
	size_t name;	     /* demangled; never 0 */
	size_t linkage_name; /* where it differs */
	size_t module;	     /* path */
	size_t source;	     /* path */
	int line;	     /* from 1; 0: not known */
};

struct ct_names {
	struct ct_site_name *sites;	    /* by site number; 0 is the unknown one */
	uint32_t site_count;		    /* with number 0 */
	struct ct_function_name *functions; /* 0 is the unknown one */
	uint32_t function_count;
	struct ct_strbuf text;
	struct ct_strbuf plain; /* NUL-terminated strings; an empty one at the beginning */
};

/* Called with one sentence for each module whose names cannot be found. */
typedef void ct_names_warn_fn(const char *sentence);

/* Of a packed trace, the names that are in it. Also tells `trace` which physical functions hold the
 * sites: ct_trace_set_function_keys(). */
struct ct_error *ct_names_create(struct ct_trace *trace, bool pretty, ct_names_warn_fn *warn,
				 struct ct_names **ret) __attribute__((warn_unused_result));
void ct_names_destroy(struct ct_names *names);

static inline const struct ct_function_name *ct_names_of(const struct ct_names *names,
							 uint32_t site)
{
	return &names->functions[names->sites[site < names->site_count ? site : 0].function];
}

/* A string of a function's; "" where it is not known. */
static inline const char *ct_names_plain(const struct ct_names *names, size_t offset)
{
	return names->plain.bytes + offset;
}

/* Add members that tell what is at `address` at the moment `ticks`: function, module,
 * source_file, line_number, as far as they are known. */
void ct_names_locate(const struct ct_trace *trace, uint64_t address, uint64_t ticks, bool pretty,
		     struct ct_strbuf *text);

struct ct_columns;
/* As a packed trace keeps them: CT_NAMES_COLUMNS of format/pack.h. False: out of memory. */
bool ct_names_store(const struct ct_names *names, const struct ct_trace *trace,
		    struct ct_columns *ret);

struct ct_symbols;
/* The symbols of a module's file, or NULL where they cannot be had. */
struct ct_symbols *ct_names_open_symbols(const struct ct_trace_module *module);

#endif
