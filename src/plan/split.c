/* SPDX-License-Identifier: MIT */
/* Finding the file that has a skeleton's unit: see split.h. */
#include "plan/split.h"

#include <dwarf.h>
#include <gelf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "plan/split_file.h"

struct opened {
	struct opened *next;
	struct ct_split_file file;
};

struct ct_split {
	const struct ct_elf_file *program, *debug;
	Dwarf *dwarf;
	struct ct_split_program sections;
	bool was_package_sought;
	struct ct_split_file package;
	struct opened *files; /* .dwo files; their DIEs are in use until the end */
};

static struct ct_split_bytes section_bytes(Elf *elf, const char *name, const char *packed_name)
{
	size_t names;
	if (!elf || elf_getshdrstrndx(elf, &names) != 0)
		return (struct ct_split_bytes){0};
	Elf_Scn *section = NULL;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;
		const char *found = gelf_getshdr(section, &header)
					    ? elf_strptr(elf, names, header.sh_name)
					    : NULL;
		if (!found || (strcmp(found, name) != 0 && strcmp(found, packed_name) != 0))
			continue;
		/* libdw has unpacked it when it opened the file. */
		Elf_Data *data = header.sh_flags & SHF_COMPRESSED ? NULL
								  : elf_getdata(section, NULL);
		if (data && data->d_buf)
			return (struct ct_split_bytes){data->d_buf, data->d_size};
	}
	return (struct ct_split_bytes){0};
}

struct ct_split *ct_split_create(const struct ct_elf_file *program, const struct ct_elf_file *debug,
				 Dwarf *dwarf)
{
	struct ct_split *split = calloc(1, sizeof(*split));
	if (!split)
		return NULL;
	split->program = program;
	split->debug = debug;
	split->dwarf = dwarf;
	split->package.fd = -1;
	return split;
}

void ct_split_destroy(struct ct_split *split)
{
	if (!split)
		return;
	while (split->files) {
		struct opened *opened = split->files;
		split->files = opened->next;
		ct_split_file_close(&opened->file);
		free(opened);
	}
	ct_split_file_close(&split->package);
	free(split);
}

/* ---- skeletons ---- */

static uint64_t number_of(Dwarf_Die *die, unsigned int attribute)
{
	Dwarf_Attribute value;
	Dwarf_Word number;
	if (dwarf_formudata(dwarf_attr(die, attribute, &value), &number) != 0)
		return 0;
	return number;
}

/* With -fsplit-dwarf-inlining a skeleton has children, by which libdw takes those of DWARF 4 for
 * what they stand for. */
bool ct_split_is_skeleton(Dwarf_Die *unit, uint8_t type)
{
	return type == DW_UT_skeleton ||
	       (type == DW_UT_split_compile && dwarf_hasattr(unit, DW_AT_GNU_dwo_name));
}

static bool read_skeleton(Dwarf_Die *die, struct ct_split_skeleton *ret)
{
	Dwarf_Half version;
	uint8_t type;
	Dwarf_Addr low;
	*ret = (struct ct_split_skeleton){0};
	if (dwarf_cu_info(die->cu, &version, &type, NULL, NULL, &ret->id, NULL, NULL) != 0 ||
	    !ct_split_is_skeleton(die, type))
		return false;
	if (dwarf_lowpc(die, &low) == 0)
		ret->low = low;
	if (version < 5) {
		ret->addr_base = number_of(die, DW_AT_GNU_addr_base);
		ret->ranges_base = number_of(die, DW_AT_GNU_ranges_base);
	} else {
		ret->addr_base = number_of(die, DW_AT_addr_base);
	}
	return true;
}

/* ---- packages ---- */

static void prepare_all(struct ct_split *split)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;
	struct ct_split_skeleton skeleton;
	while (dwarf_get_units(split->dwarf, cu, &cu, NULL, NULL, &die, NULL) == 0)
		if (read_skeleton(&die, &skeleton))
			ct_split_file_prepare(&split->package, &skeleton);
}

/* "program.dwp"; of a debug file "program.debug" both "program.debug.dwp" and "program.dwp" */
static bool open_package(struct ct_split *split, const struct ct_elf_file *file)
{
	static const char suffix[] = ".debug";
	char name[PATH_MAX + 8];
	ct_cleanup(ct_cleanup_free) char *path = realpath(file->path, NULL);
	if (!path)
		return false;
	snprintf(name, sizeof(name), "%s.dwp", path);
	if (ct_split_file_open(&split->package, name, 0))
		return true;
	size_t length = strlen(path);
	if (length < sizeof(suffix) || strcmp(path + length - (sizeof(suffix) - 1), suffix) != 0)
		return false;
	snprintf(name, sizeof(name), "%.*s.dwp", (int)(length - (sizeof(suffix) - 1)), path);
	return ct_split_file_open(&split->package, name, 0);
}

static bool find_in_package(struct ct_split *split, const struct ct_split_skeleton *skeleton,
			    Dwarf_Die *ret)
{
	if (!split->was_package_sought) {
		Elf *elf = dwarf_getelf(split->dwarf);
		split->was_package_sought = true;
		split->sections.addr = section_bytes(elf, ".debug_addr", ".zdebug_addr");
		split->sections.ranges = section_bytes(elf, ".debug_ranges", ".zdebug_ranges");
		if (open_package(split, split->program) ||
		    (split->debug != split->program && open_package(split, split->debug)))
			prepare_all(split);
	}
	return split->package.elf &&
	       ct_split_file_unit(&split->package, &split->sections, skeleton, ret);
}

/* ---- .dwo files ---- */

static bool find_in_file(struct ct_split *split, const char *path,
			 const struct ct_split_skeleton *skeleton, Dwarf_Die *ret)
{
	struct opened *opened = calloc(1, sizeof(*opened));
	if (!opened)
		return false;
	if (!ct_split_file_open(&opened->file, path, skeleton->id)) {
		free(opened);
		return false;
	}
	opened->next = split->files;
	split->files = opened;
	ct_split_file_prepare(&opened->file, skeleton);
	return ct_split_file_unit(&opened->file, &split->sections, skeleton, ret);
}

const char *ct_split_name(Dwarf_Die *skeleton)
{
	Dwarf_Attribute attribute;
	const char *name = dwarf_formstring(dwarf_attr(skeleton, DW_AT_dwo_name, &attribute));
	return name ? name : dwarf_formstring(dwarf_attr(skeleton, DW_AT_GNU_dwo_name, &attribute));
}

/* Where libdw looks, too: beside the file with the skeleton, and where it was compiled. */
static bool find_in_files(struct ct_split *split, Dwarf_Die *die,
			  const struct ct_split_skeleton *skeleton, Dwarf_Die *ret)
{
	char path[2 * PATH_MAX];
	Dwarf_Attribute attribute;
	const char *name = ct_split_name(die);
	if (!name || !*name)
		return false;
	if (*name == '/')
		return find_in_file(split, name, skeleton, ret);
	ct_cleanup(ct_cleanup_free) char *folder = realpath(split->debug->path, NULL);
	if (folder) {
		strrchr(folder, '/')[1] = '\0';
		snprintf(path, sizeof(path), "%s%s", folder, name);
		if (find_in_file(split, path, skeleton, ret))
			return true;
	}
	const char *compiled = dwarf_formstring(dwarf_attr(die, DW_AT_comp_dir, &attribute));
	if (!compiled)
		return false;
	snprintf(path, sizeof(path), "%s/%s", compiled, name);
	return find_in_file(split, path, skeleton, ret);
}

/* Is there more than libdw has read? */
static bool has_several_types_sections(Dwarf_Die *unit)
{
	size_t names, count = 0;
	Elf *elf = dwarf_getelf(dwarf_cu_getdwarf(unit->cu));
	if (!elf || elf_getshdrstrndx(elf, &names) != 0)
		return false;
	Elf_Scn *section = NULL;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;
		const char *name = gelf_getshdr(section, &header)
					   ? elf_strptr(elf, names, header.sh_name)
					   : NULL;
		count += name && (strcmp(name, ".debug_types.dwo") == 0 ||
				  strcmp(name, ".zdebug_types.dwo") == 0);
	}
	return count > 1;
}

bool ct_split_find(struct ct_split *split, Dwarf_Die *skeleton, Dwarf_Die *found)
{
	struct ct_split_skeleton facts;
	Dwarf_Die unit;
	bool is_found = dwarf_tag(found) == DW_TAG_compile_unit;
	if ((is_found && !has_several_types_sections(found)) || !read_skeleton(skeleton, &facts))
		return is_found;
	if (find_in_package(split, &facts, &unit) ||
	    find_in_files(split, skeleton, &facts, &unit)) {
		*found = unit;
		return true;
	}
	return is_found;
}
