/* SPDX-License-Identifier: MIT */
/*
 * What of a program or library is instrumented, and what its symbols and debug
 * information tell: for people who wonder why a trace lacks something.
 */
#ifndef CT_PLAN_SURVEY_H
#define CT_PLAN_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "symbols/elf_file.h"

/* Functions with code that call no hook, of one source file. */
struct ct_survey_source {
	char *name; /* "" where the source is not known */
	uint32_t function_count;
	uint32_t hooked_count;
	char *bare[3]; /* names of some without a hook; NULL: no more */
};

/* Zero-initialise. */
struct ct_survey {
	/* hooks */
	bool imports_hooks;	 /* as undefined symbols: a preloaded library can answer */
	bool defines_hooks;	 /* it has functions of that name itself */
	bool counts_calls;	 /* the machine is one whose code is searched */
	size_t enter_calls;	 /* of the hook */
	uint32_t function_count; /* with code, as far as symbols or debug information tell */
	uint32_t hooked_count;	 /* of them: call the hook */
	struct ct_survey_source *sources; /* that have functions without; the most of them first */
	size_t source_count;
	/* what the compiler wrote down about its options; GCC does */
	uint32_t units_without_flag; /* units whose options lack -finstrument-functions */
	char *unit_without_flag;     /* name of one of them */
	char *exclusions;	     /* options that exclude files or functions */
	char *compiler;		     /* "GNU C17 12.2.0 -O2" */
	bool is_link_time_optimised;
	/* symbols */
	bool has_symtab; /* here, or in the debug file */
	/* debug information */
	bool has_debug_info;
	bool is_compressed;		    /* there is some that libdw does not unpack */
	bool lines_only;		    /* of no unit more than lines */
	char *debug_file;		    /* where it is when not in the file itself */
	bool names_debug_file;		    /* it says that there is one */
	bool lacks_alternate;		    /* the file that dwz moved parts to is not found */
	uint32_t version_low, version_high; /* of DWARF */
	uint32_t split_units, split_missing;
};

/* `progress` is called with what is done and the whole; may be NULL. */
struct ct_error *ct_survey_make(const struct ct_elf_file *file,
				void (*progress)(uint64_t done, uint64_t total),
				struct ct_survey *ret) __attribute__((warn_unused_result));
void ct_survey_deinit(struct ct_survey *survey);

/* The dynamic symbol table of `file` alone: does it want the hooks from elsewhere? */
bool ct_survey_imports_hooks(const struct ct_elf_file *file);

#endif
