/* SPDX-License-Identifier: MIT */
/* Where a program or library calls the hooks of -finstrument-functions. */
#ifndef CT_PLAN_HOOK_SITES_H
#define CT_PLAN_HOOK_SITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan/machine.h"
#include "symbols/elf_file.h"

struct ct_hook_site {
	uint64_t address; /* in the ELF file, of the instruction behind the call */
	bool is_exit;
};

/* Zero-initialise. */
struct ct_hook_sites {
	struct ct_hook_site *sites; /* ascending */
	size_t count;
	struct ct_code *code; /* the sections with code; the bytes are those of the file */
	size_t code_count;
};

void ct_hook_sites_deinit(struct ct_hook_sites *sites);

/*
 * Find them in an x86-64 file. Code is searched byte by byte, so that what only
 * looks like a call may be among them: nothing ever returns there. Jumps to the
 * exit hook, in place of a call and a return, are not.
 */
struct ct_error *ct_hook_sites_find(const struct ct_elf_file *file, struct ct_hook_sites *ret)
	__attribute__((warn_unused_result));

/* Index of the first site at or behind `address`. */
size_t ct_hook_sites_from(const struct ct_hook_sites *sites, uint64_t address);

/* The section with code around `address`, or NULL. */
const struct ct_code *ct_hook_sites_code(const struct ct_hook_sites *sites, uint64_t address);

#endif
