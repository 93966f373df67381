/* SPDX-License-Identifier: MIT */
/*
 * A .dwo or .dwp file, made into what libdw reads without knowing of either.
 *
 * What such a unit refers to by an offset or an index begins at bases that only
 * the package's index knows, and addresses are in the program. Here the unit
 * gets attributes with these bases instead: constants in its entry of the
 * abbreviations (DW_FORM_implicit_const), which take no bytes in the unit, so
 * that all offsets within stay. Only the address that its ranges count from has
 * to be in the unit, 8 bytes in place of the identifier it was found by. The
 * units are changed in memory, in a private mapping of the file; all else is
 * used where it is.
 */
#ifndef CT_PLAN_SPLIT_FILE_H
#define CT_PLAN_SPLIT_FILE_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

enum ct_split_section {
	CT_SPLIT_INFO,
	CT_SPLIT_TYPES,
	CT_SPLIT_ABBREV,
	CT_SPLIT_LINE,
	CT_SPLIT_LOC,
	CT_SPLIT_LOCLISTS,
	CT_SPLIT_STR_OFFSETS,
	CT_SPLIT_RNGLISTS,
	CT_SPLIT_STR,
	CT_SPLIT_SECTIONS,
};

struct ct_split_bytes {
	unsigned char *start;
	size_t size_bytes;
};

/* A unit and its part of each section: offsets and sizes, within the section. */
struct ct_split_unit {
	uint64_t id;		       /* of the skeleton, or the type's signature */
	enum ct_split_section section; /* it is in */
	bool is_type;
	bool is_ready; /* was changed to what libdw reads */
	uint16_t version;
	struct {
		uint64_t offset, size_bytes;
	} parts[CT_SPLIT_SECTIONS];
};

/* What the skeleton tells about its unit, and the program's sections. */
struct ct_split_skeleton {
	uint64_t id;
	uint64_t low;
	uint64_t addr_base, ranges_base;
};
struct ct_split_program {
	struct ct_split_bytes addr, ranges;
};

struct ct_split_view;

/* Abbreviations that were written for a type's unit, and whose they are. */
struct ct_split_table {
	bool is_there;
	uint32_t offset;
	uint64_t code, abbreviations, str_offsets;
};

struct ct_split_file {
	int fd;
	Elf *elf;
	struct ct_split_bytes sections[CT_SPLIT_SECTIONS];
	struct ct_strbuf joined[CT_SPLIT_SECTIONS]; /* sections made of several */
	struct ct_strbuf abbreviations;		    /* of the units that were changed */
	struct ct_split_table last_table;
	struct ct_split_unit *units; /* by section and offset */
	size_t unit_count;
	size_t *by_id; /* indices of those that are no types, by their id */
	size_t by_id_count;
	struct ct_split_view *views;
	Dwarf *whole; /* of DWARF 5: one view for all units */
};

/* Open a package, or the .dwo file of the unit `dwo_id`. False: it is not there, or cannot be used.
 */
bool ct_split_file_open(struct ct_split_file *ret, const char *path, uint64_t dwo_id);
void ct_split_file_close(struct ct_split_file *file);

/* Change the unit of a skeleton; to be called for all skeletons before any unit is asked for. */
void ct_split_file_prepare(struct ct_split_file *file, const struct ct_split_skeleton *skeleton);
bool ct_split_file_unit(struct ct_split_file *file, const struct ct_split_program *program,
			const struct ct_split_skeleton *skeleton, Dwarf_Die *ret);

/* split_unit.c: change the unit to what libdw reads; `skeleton` is NULL for a type's. */
bool ct_split_unit_change(struct ct_split_file *file, struct ct_split_unit *unit,
			  const struct ct_split_skeleton *skeleton);
/* Where the unit's DIE is afterwards, from the start of the unit. */
uint64_t ct_split_unit_die(const struct ct_split_unit *unit);

#endif
