/* SPDX-License-Identifier: MIT */
/*
 * DWARF 2 to 5 through libdw, GCC's and Clang's, split (.dwo) and dwz'ed: see
 * dwarf_index.h. DIE trees are walked here without recursion and with bounds,
 * because a file may be made to nest or to fan out without end.
 */
#include "symbols/dwarf_index.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "symbols/dwarf_walk.h"

/* Scopes inside scopes: generated code nests some dozens deep. */

/* A function split into more pieces than this (one each for hot and cold, usually) is no
 * function; the rest of its pieces stays unknown. */
#define FUNCTION_RANGES_MAX 1024

struct function {
	Dwarf_Die die;
	uint64_t origin; /* identity of the abstract instance clones share; 0: none */
	uint64_t lowest; /* of its ranges */
};

struct unit {
	Dwarf_Die die;
	bool is_skeleton;
	bool has_functions; /* the fields below are filled */
	struct function *functions;
	size_t function_count;
	size_t function_capacity;
	struct ct_range_map function_map; /* value: index in functions */
};

/* A relative source path and what it is in full. The same libdw string comes again each time. */
struct full_path {
	const char *relative;
	char *full;
};

struct ct_dwarf_index {
	Dwarf *dwarf;
	struct ct_elf_file *alternate_file;
	Dwarf *alternate;
	const struct ct_range_map *code;
	struct unit *units;
	size_t unit_count;
	size_t unit_capacity;
	struct ct_range_map unit_map; /* value: index in units */
	void *full_paths;	      /* search.h's tree of struct full_path */
	/* Ranges that may still be read. Honest DWARF has fewer than bytes; made-up DWARF can
	 * refer to one long list a million times. */
	uint64_t range_budget;
};

static int compare_paths(const void *a, const void *b)
{
	uintptr_t left = (uintptr_t)((const struct full_path *)a)->relative;
	uintptr_t right = (uintptr_t)((const struct full_path *)b)->relative;
	return (left > right) - (left < right);
}

static void free_path(void *path)
{
	free(((struct full_path *)path)->full);
	free(path);
}

void ct_dwarf_index_destroy(struct ct_dwarf_index *index)
{
	if (!index)
		return;
	for (size_t i = 0; i < index->unit_count; i++) {
		free(index->units[i].functions);
		ct_range_map_deinit(&index->units[i].function_map);
	}
	free(index->units);
	tdestroy(index->full_paths, free_path);
	ct_range_map_deinit(&index->unit_map);
	dwarf_end(index->dwarf);
	dwarf_end(index->alternate);
	ct_elf_file_destroy(index->alternate_file);
	free(index);
}

static void cleanup_index(struct ct_dwarf_index **index)
{
	ct_dwarf_index_destroy(*index);
}

/* Add the ranges of `die` that lie in code. Gives the lowest address in *ret_lowest, 0 if none.
 * False: out of memory. */
static bool add_die_ranges(struct ct_dwarf_index *index, Dwarf_Die *die, size_t ranges_max,
			   uint32_t value, struct ct_range_map *map, uint64_t *ret_lowest)
{
	*ret_lowest = 0;
	Dwarf_Addr base;
	Dwarf_Addr low;
	Dwarf_Addr high;
	ptrdiff_t offset = 0;
	for (size_t i = 0; i < ranges_max && index->range_budget > 0; i++) {
		offset = dwarf_ranges(die, offset, &base, &low, &high);
		if (offset <= 0)
			break;
		index->range_budget--;
		/* Linkers leave discarded functions at 0, 1 or near the end of all addresses. */
		if (low == 0 || !ct_range_map_find(index->code, low))
			continue;
		if (low < high && (*ret_lowest == 0 || low < *ret_lowest))
			*ret_lowest = low;
		if (!ct_range_map_add(map, low, high, value, 0))
			return false;
	}
	return true;
}

static bool add_unit(struct ct_dwarf_index *index, Dwarf_Die *die, bool is_skeleton)
{
	if (index->unit_count == index->unit_capacity) {
		size_t capacity = index->unit_capacity ? index->unit_capacity * 2 : 64;
		struct unit *units = reallocarray(index->units, capacity, sizeof(*units));
		if (!units)
			return false;
		index->units = units;
		index->unit_capacity = capacity;
	}
	index->units[index->unit_count] = (struct unit){.die = *die, .is_skeleton = is_skeleton};
	uint64_t lowest;
	return add_die_ranges(index, die, SIZE_MAX, (uint32_t)index->unit_count++, &index->unit_map,
			      &lowest);
}

static bool index_units(struct ct_dwarf_index *index)
{
	Dwarf_CU *unit = NULL;
	Dwarf_Half version;
	uint8_t type;
	Dwarf_Die die;
	while (index->unit_count < UINT32_MAX &&
	       dwarf_get_units(index->dwarf, unit, &unit, &version, &type, &die, NULL) == 0) {
		bool is_skeleton = type == DW_UT_skeleton;
		if ((is_skeleton || type == DW_UT_compile) && !add_unit(index, &die, is_skeleton))
			return false;
	}
	return ct_range_map_seal(&index->unit_map);
}

/* libdw would look for it by itself, but only in the default place. */
static void open_alternate(struct ct_dwarf_index *index, const struct ct_elf_file *file,
			   const char *debug_root)
{
	index->alternate_file = ct_elf_file_find_alternate(file, debug_root);
	if (!index->alternate_file)
		return;
	index->alternate = dwarf_begin_elf(index->alternate_file->elf, DWARF_C_READ, NULL);
	if (index->alternate)
		dwarf_setalt(index->dwarf, index->alternate);
}

struct ct_dwarf_index *ct_dwarf_index_create(const struct ct_elf_file *file, const char *debug_root,
					     const struct ct_range_map *code)
{
	ct_cleanup(cleanup_index) struct ct_dwarf_index *index = calloc(1, sizeof(*index));
	if (!index)
		return NULL;
	index->code = code;
	/* Compressed sections unpack to several times their size. */
	index->range_budget = (uint64_t)file->size_bytes * 8;
	index->dwarf = dwarf_begin_elf(file->elf, DWARF_C_READ, NULL);
	if (!index->dwarf)
		return NULL;
	open_alternate(index, file, debug_root);
	if (!index_units(index))
		return NULL;
	return ct_take(index);
}

static struct unit *find_unit(struct ct_dwarf_index *index, uint64_t address)
{
	const struct ct_range *range = ct_range_map_find(&index->unit_map, address);
	return range ? &index->units[range->value] : NULL;
}

/* What libdw leaves relative is relative to the unit's directory (DWARF 5, 6.2.4), unless that
 * was made relative on purpose: libdw has put it in front then. */
static const char *complete_path(struct ct_dwarf_index *index, Dwarf_Die *unit, const char *path)
{
	if (!path || *path == '\0' || *path == '/')
		return path;
	Dwarf_Attribute attribute;
	const char *directory = dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &attribute));
	if (!directory || *directory != '/')
		return path;

	struct full_path wanted = {.relative = path};
	struct full_path **found = tfind(&wanted, &index->full_paths, compare_paths);
	if (found)
		return (*found)->full;
	struct full_path *added = malloc(sizeof(*added));
	if (!added)
		return path;
	*added = wanted;
	if (asprintf(&added->full, "%s/%s", directory, path) < 0) {
		free(added);
		return path;
	}
	if (!tsearch(added, &index->full_paths, compare_paths)) {
		free_path(added);
		return path;
	}
	return added->full;
}

bool ct_dwarf_index_line(struct ct_dwarf_index *index, uint64_t address, struct ct_source_line *ret)
{
	struct unit *unit = find_unit(index, address);
	if (!unit)
		return false;
	Dwarf_Line *line = dwarf_getsrc_die(&unit->die, address);
	struct ct_source_line found;
	/* Line 0 marks code that belongs to no line. */
	if (!line || dwarf_lineno(line, &found.line) != 0 || found.line <= 0)
		return false;
	found.file = complete_path(index, &unit->die, dwarf_linesrc(line, NULL, NULL));
	if (!found.file || !*found.file)
		return false;
	*ret = found;
	return true;
}

static const char *string_attribute(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attribute;
	return dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
}

/* False when the name of the .dwo file leads to something that is not a file: a FIFO would
 * keep libdw waiting for ever. */
static bool dwo_is_safe(Dwarf_Die *skeleton)
{
	Dwarf_Attribute attribute;
	const char *name = dwarf_formstring(dwarf_attr(skeleton, DW_AT_dwo_name, &attribute));
	if (!name)
		name = dwarf_formstring(dwarf_attr(skeleton, DW_AT_GNU_dwo_name, &attribute));
	if (!name)
		return false;
	const char *directory = dwarf_formstring(dwarf_attr(skeleton, DW_AT_comp_dir, &attribute));
	struct stat status;
	if (*name == '/' || !directory)
		return stat(name, &status) != 0 || S_ISREG(status.st_mode);
	ct_cleanup(ct_cleanup_free) char *path = NULL;
	if (asprintf(&path, "%s/%s", directory, name) < 0) {
		path = NULL;
		return false;
	}
	return stat(path, &status) != 0 || S_ISREG(status.st_mode);
}

/* The DIE whose tree has the unit's functions: of the .dwo file for a skeleton, where found. */
static Dwarf_Die unit_content(struct unit *unit)
{
	Dwarf_Die split;
	if (unit->is_skeleton && dwo_is_safe(&unit->die) &&
	    dwarf_cu_info(unit->die.cu, NULL, NULL, NULL, &split, NULL, NULL, NULL) == 0 &&
	    split.cu)
		return split;
	return unit->die;
}

static bool add_function(struct ct_dwarf_index *index, struct unit *unit, Dwarf_Die *die)
{
	if (unit->function_count == unit->function_capacity) {
		size_t capacity = unit->function_capacity ? unit->function_capacity * 2 : 64;
		struct function *functions = reallocarray(unit->functions, capacity,
							  sizeof(*functions));
		if (!functions)
			return false;
		unit->functions = functions;
		unit->function_capacity = capacity;
	}
	struct function *function = &unit->functions[unit->function_count];
	*function = (struct function){.die = *die};
	if (!add_die_ranges(index, die, FUNCTION_RANGES_MAX, (uint32_t)unit->function_count,
			    &unit->function_map, &function->lowest))
		return false;
	if (function->lowest == 0)
		return true; /* a declaration, an abstract instance, or discarded */

	Dwarf_Attribute attribute;
	Dwarf_Die origin;
	if (dwarf_formref_die(dwarf_attr(die, DW_AT_abstract_origin, &attribute), &origin))
		function->origin = dwarf_dieoffset(&origin);
	unit->function_count++;
	return true;
}

static int compare_origins(const void *a, const void *b)
{
	const struct function *const *left = a;
	const struct function *const *right = b;
	if ((*left)->origin != (*right)->origin)
		return (*left)->origin < (*right)->origin ? -1 : 1;
	return ((*left)->lowest > (*right)->lowest) - ((*left)->lowest < (*right)->lowest);
}

/* Give all clones of a function the lowest address of any. */
static bool join_clones(struct unit *unit)
{
	if (unit->function_count == 0)
		return true;
	ct_cleanup(ct_cleanup_free) struct function **sorted = calloc(unit->function_count,
								      sizeof(*sorted));
	if (!sorted)
		return false;
	for (size_t i = 0; i < unit->function_count; i++)
		sorted[i] = &unit->functions[i];
	qsort(sorted, unit->function_count, sizeof(*sorted), compare_origins);
	for (size_t i = 1; i < unit->function_count; i++)
		if (sorted[i]->origin != 0 && sorted[i]->origin == sorted[i - 1]->origin)
			sorted[i]->lowest = sorted[i - 1]->lowest;
	return true;
}

static bool walk_functions(struct ct_dwarf_index *index, struct unit *unit)
{
	ct_cleanup(ct_cleanup_free) struct ct_dwarf_walk *walk = malloc(sizeof(*walk));
	if (!walk)
		return false;
	Dwarf_Die content = unit_content(unit);
	Dwarf_Die *die;
	ct_dwarf_walk_begin(walk, &content);
	while ((die = ct_dwarf_walk_next(walk, ct_dwarf_may_hold_functions)))
		if (dwarf_tag(die) == DW_TAG_subprogram && !add_function(index, unit, die))
			return false;
	return ct_range_map_seal(&unit->function_map) && join_clones(unit);
}

static struct function *find_function(struct ct_dwarf_index *index, uint64_t address,
				      const struct ct_range **ret_range)
{
	struct unit *unit = find_unit(index, address);
	if (!unit)
		return NULL;
	if (!unit->has_functions) {
		unit->has_functions = true;
		/* Out of memory: what is not in the map is not known. */
		if (!walk_functions(index, unit))
			ct_range_map_deinit(&unit->function_map);
	}
	*ret_range = ct_range_map_find(&unit->function_map, address);
	return *ret_range ? &unit->functions[(*ret_range)->value] : NULL;
}

bool ct_dwarf_index_function(struct ct_dwarf_index *index, uint64_t address,
			     struct ct_dwarf_function *ret)
{
	const struct ct_range *range;
	struct function *function = find_function(index, address, &range);
	if (!function)
		return false;
	const char *name = string_attribute(&function->die, DW_AT_linkage_name);
	if (!name)
		name = string_attribute(&function->die, DW_AT_MIPS_linkage_name);
	if (!name)
		name = string_attribute(&function->die, DW_AT_name);
	*ret = (struct ct_dwarf_function){
		.symbol = {name && *name ? name : NULL, range->low, range->high},
		.function_key = function->lowest,
	};
	return true;
}

/* Not dwarf_decl_file(), which takes file 0 for none: in DWARF 5 it is the unit's own source. And
 * it aborts the process where a split unit's table of files is not to be had. */
const char *ct_dwarf_declaration_file(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;
	Dwarf_Word number;
	if (!dwarf_attr_integrate(die, DW_AT_decl_file, &attribute) ||
	    dwarf_formudata(&attribute, &number) != 0)
		return NULL;
	/* The number counts in the unit the attribute was found in. */
	Dwarf_Die unit;
	Dwarf_Half version;
	Dwarf_Files *files;
	size_t file_count;
	if (!dwarf_cu_die(attribute.cu, &unit, &version, NULL, NULL, NULL, NULL, NULL) ||
	    (number == 0 && version < 5) || dwarf_getsrcfiles(&unit, &files, &file_count) != 0 ||
	    number >= file_count)
		return NULL;
	return dwarf_filesrc(files, number, NULL, NULL);
}

static int declaration_line(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;
	Dwarf_Word line;
	if (dwarf_formudata(dwarf_attr_integrate(die, DW_AT_decl_line, &attribute), &line) != 0 ||
	    line > INT_MAX)
		return 0;
	return (int)line;
}

bool ct_dwarf_index_declaration(struct ct_dwarf_index *index, uint64_t address,
				struct ct_source_line *ret)
{
	const struct ct_range *range;
	struct function *function = find_function(index, address, &range);
	if (function) {
		/* The unit in the file itself has the directory, also where a .dwo has the rest. */
		struct ct_source_line found = {
			complete_path(index, &find_unit(index, address)->die,
				      ct_dwarf_declaration_file(&function->die)),
			declaration_line(&function->die),
		};
		if (found.file && *found.file && found.line > 0) {
			*ret = found;
			return true;
		}
	}
	return ct_dwarf_index_line(index, address, ret);
}
