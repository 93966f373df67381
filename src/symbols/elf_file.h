/* SPDX-License-Identifier: MIT */
/* One opened ELF file, and the search for the debug file that belongs to it. */
#ifndef CT_SYMBOLS_ELF_FILE_H
#define CT_SYMBOLS_ELF_FILE_H

#include <elf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "symbols/range_map.h"

struct ct_elf_file {
	char *path;
	int fd;	       /* libdw asks the kernel for its path, to find .dwo files beside it */
	Elf *elf;      /* over a mapping of the file; its strings live as long as this */
	void *content; /* where elf is over memory of ours (.gnu_debugdata) */
	off_t size_bytes;
	dev_t device;
	ino_t inode;
	const uint8_t *build_id; /* in the mapping */
	size_t build_id_bytes;
};

/* An executable or shared library (or the debug file of one) for a machine of any kind. */
struct ct_error *ct_elf_file_open(const char *path, struct ct_elf_file **ret)
	__attribute__((warn_unused_result));
void ct_elf_file_destroy(struct ct_elf_file *file);

/* The separate debug file of `file`, or NULL when there is none that fits. */
struct ct_elf_file *ct_elf_file_find_debug(const struct ct_elf_file *file, const char *debug_root);

/* Where that finds none: the name .gnu_debuglink has for it; NULL: it has none. *ret_unfit: the
 * path of a file of that name that is another module's or build's, to be freed; or NULL. */
const char *ct_elf_file_missing_debug(const struct ct_elf_file *file, const char *debug_root,
				      char **ret_unfit);

/* The file a dwz'ed `debug` file shares data with (.gnu_debugaltlink), or NULL. */
struct ct_elf_file *ct_elf_file_find_alternate(const struct ct_elf_file *debug,
					       const char *debug_root);

/* The small ELF file with a symbol table that .gnu_debugdata holds compressed, or NULL. */
struct ct_elf_file *ct_elf_file_open_minidebug(const struct ct_elf_file *file);

/* The first section of that name, or NULL. */
Elf_Scn *ct_elf_file_section(const struct ct_elf_file *file, const char *name);

/* Fill an empty map with the executable segments. False: out of memory. */
bool ct_elf_file_code_ranges(const struct ct_elf_file *file, struct ct_range_map *ret);

#endif
