/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a program whose hooks are to be planned for. What comes out must
 * be accepted by the runtime, and be explained. After an even first byte the
 * rest is the file itself; after an odd one it is a list of sections, for a file
 * that is in order otherwise: one byte that chooses the name, four of address,
 * two of length, and the content. corpus/make_plan.py packs them.
 *
 * Sections of a .dwo file go into one that has the descriptor below, and is
 * found by the name "/proc/self/fd/100"; or, as the first byte says, into the
 * package that lies beside the program.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/strbuf.h"
#include "fuzz_target.h"
#include "plan/explain.h"
#include "plan/planner.h"
#include "symbols_elf_builder.h"
#include "use_plans.h"

enum { SPLIT_FD = 100, SECTIONS_MAX = 26, FLAG_PACKED = 1, FLAG_PACKAGE = 8 };

struct section_name {
	const char *name;
	uint32_t type;
	uint32_t flags;
	const char *link;
	uint32_t entry_bytes;
};

/* corpus/make_plan.py has the same order. */
static const struct section_name section_names[] = {
	{".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, NULL, 0},
	{".plt", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, NULL, 0},
	{".plt.got", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, NULL, 0},
	{".dynsym", SHT_DYNSYM, SHF_ALLOC, ".dynstr", sizeof(Elf64_Sym)},
	{".dynstr", SHT_STRTAB, SHF_ALLOC, NULL, 0},
	{".rela.plt", SHT_RELA, SHF_ALLOC, ".dynsym", sizeof(Elf64_Rela)},
	{".rela.dyn", SHT_RELA, SHF_ALLOC, ".dynsym", sizeof(Elf64_Rela)},
	{".symtab", SHT_SYMTAB, 0, ".strtab", sizeof(Elf64_Sym)},
	{".strtab", SHT_STRTAB, 0, NULL, 0},
	{".eh_frame", SHT_PROGBITS, SHF_ALLOC, NULL, 0},
	{".debug_frame", SHT_PROGBITS, 0, NULL, 0},
	{".debug_info", SHT_PROGBITS, 0, NULL, 0},
	{".debug_abbrev", SHT_PROGBITS, 0, NULL, 0},
	{".debug_line", SHT_PROGBITS, 0, NULL, 0},
	{".debug_str", SHT_PROGBITS, 0, NULL, 0},
	{".debug_ranges", SHT_PROGBITS, 0, NULL, 0},
	{".debug_rnglists", SHT_PROGBITS, 0, NULL, 0},
	{".debug_addr", SHT_PROGBITS, 0, NULL, 0},
	{".debug_str_offsets", SHT_PROGBITS, 0, NULL, 0},
	{".debug_types", SHT_PROGBITS, 0, NULL, 0},
	{".debug_line_str", SHT_PROGBITS, 0, NULL, 0},
	{".debug_loc", SHT_PROGBITS, 0, NULL, 0},
	{".debug_loclists", SHT_PROGBITS, 0, NULL, 0},
	/* From here on those of the other file. */
	{".debug_info.dwo", SHT_PROGBITS, 0, NULL, 0},
	{".debug_abbrev.dwo", SHT_PROGBITS, 0, NULL, 0},
	{".debug_str.dwo", SHT_PROGBITS, 0, NULL, 0},
	{".debug_str_offsets.dwo", SHT_PROGBITS, 0, NULL, 0},
	{".debug_loc.dwo", SHT_PROGBITS, 0, NULL, 0},
	{".debug_loclists.dwo", SHT_PROGBITS, 0, NULL, 0},
	{".debug_rnglists.dwo", SHT_PROGBITS, 0, NULL, 0},
	{".debug_line.dwo", SHT_PROGBITS, 0, NULL, 0},
	{".debug_types.dwo", SHT_PROGBITS, 0, NULL, 0},
	{".debug_cu_index", SHT_PROGBITS, 0, NULL, 0},
	{".debug_tu_index", SHT_PROGBITS, 0, NULL, 0},
};

#define SECTION_NAMES (sizeof(section_names) / sizeof(section_names[0]))
#define FIRST_SPLIT   23

/* The number of the first section of that name, or 0. */
static size_t find_section(const struct elf_builder *builder, const char *name)
{
	for (size_t i = ELF_BUILDER_TEXT + 1; i < builder->section_count; i++)
		if (strcmp(builder->names.bytes + builder->sections[i].sh_name, name) == 0)
			return i;
	return 0;
}

static void link_sections(struct elf_builder *builder)
{
	for (size_t i = ELF_BUILDER_TEXT + 1; i < builder->section_count; i++) {
		const char *name = builder->names.bytes + builder->sections[i].sh_name;
		for (size_t k = 0; k < FIRST_SPLIT; k++)
			if (section_names[k].link && strcmp(section_names[k].name, name) == 0)
				builder->sections[i].sh_link =
					(Elf64_Word)find_section(builder, section_names[k].link);
	}
}

static void add_section(struct elf_builder *builder, const struct section_name *name,
			uint32_t address, struct ct_cursor *cur, size_t length)
{
	const void *bytes = ct_cursor_bytes(cur, length);
	if (builder->section_count == SECTIONS_MAX)
		return;
	size_t number = elf_builder_add(builder, name->name, address, bytes, length);
	builder->sections[number].sh_type = name->type;
	builder->sections[number].sh_flags = name->flags;
	builder->sections[number].sh_entsize = name->entry_bytes;
	builder->sections[number].sh_addralign = 8;
}

static void finish(struct elf_builder *builder, struct ct_strbuf *ret)
{
	link_sections(builder);
	elf_builder_finish(builder, ret);
	elf_builder_deinit(builder);
}

/* The program; and the other file, when there are sections of it. */
static void unpack(const uint8_t *bytes, size_t size_bytes, struct ct_strbuf *ret,
		   struct ct_strbuf *ret_split)
{
	struct elf_builder builder, split;
	elf_builder_init(&builder);
	elf_builder_init(&split);
	split.header.e_type = ET_REL;
	struct ct_cursor cur = ct_cursor_init(bytes, size_bytes, "input");
	size_t nothing = split.section_count;
	for (;;) {
		size_t name = ct_cursor_u8(&cur) % SECTION_NAMES;
		uint32_t address = ct_cursor_u32(&cur);
		size_t length = ct_cursor_u16(&cur);
		if (cur.failed)
			break;
		if (length > ct_cursor_left(&cur))
			length = ct_cursor_left(&cur);
		add_section(name < FIRST_SPLIT ? &builder : &split, &section_names[name],
			    name < FIRST_SPLIT ? address : 0, &cur, length);
	}
	bool has_split = split.section_count > nothing;
	finish(&builder, ret);
	finish(&split, ret_split);
	if (!has_split)
		ret_split->length = 0;
}

static void put_split_file(const struct ct_strbuf *split)
{
	int fd;
	char path[64];
	elf_builder_file(split->bytes, split->length, &fd, path);
	if (dup2(fd, SPLIT_FD) != SPLIT_FD)
		abort();
	close(fd);
}

/* ---- files with names ---- */

static char folder[] = "/tmp/calltrace-fuzz-plan-XXXXXX";
static char program_path[64], package_path[64];

static void remove_folder(void)
{
	unlink(program_path);
	unlink(package_path);
	rmdir(folder);
}

static void make_folder(void)
{
	if (!mkdtemp(folder))
		err(1, "%s", folder);
	snprintf(program_path, sizeof(program_path), "%s/program", folder);
	snprintf(package_path, sizeof(package_path), "%s/program.dwp", folder);
	atexit(remove_folder);
}

static void put_file(const char *path, const struct ct_strbuf *content)
{
	FILE *file = fopen(path, "we");
	if (!file || fwrite(content->bytes, 1, content->length, file) != content->length ||
	    fclose(file) != 0)
		err(1, "%s", path);
}

/* ---- planning ---- */

/* Each plan can be told in words. */
static void explain(const struct ct_elf_file *file, const struct ct_strbuf *plans)
{
	struct ct_plan_file plan_file;
	struct ct_hook_sites sites = {0};
	struct ct_plan_names names = {0};
	struct ct_strbuf text = {0};
	if (!ct_plan_file_open(plans->bytes, plans->length, NULL, file->build_id,
			       file->build_id_bytes, &plan_file))
		abort();
	struct ct_error *err = ct_hook_sites_find(file, &sites);
	if (err || !ct_plan_names_init(&names, file, NULL))
		abort();
	ct_plan_list(&plan_file, &sites, &names, NULL, &text);
	ct_plan_summarize(&plan_file, &sites, &text);
	ct_strbuf_deinit(&text);
	ct_plan_names_deinit(&names);
	ct_hook_sites_deinit(&sites);
}

static void plan(const struct ct_elf_file *file, unsigned int flags)
{
	struct ct_strbuf plans = {0};
	struct ct_planner_options options = {
		.settings = {.max_string = CT_PLAN_STRING_DEFAULT, .max_pointee = flags >> 1 & 3},
		.debug_root = "/nonexistent",
		.workers = 1,
	};
	struct ct_error *err = ct_planner_run(file, &options, &plans);
	if (err) {
		ct_error_destroy(err);
	} else {
		if (file->build_id_bytes <= 32)
			explain(file, &plans);
		struct used_plans used = use_plans(plans.bytes, plans.length);
		/* All that the planner makes the runtime accepts, as far as it looked. */
		if (used.refused > 0)
			abort();
	}
	ct_strbuf_deinit(&plans);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	if (size_bytes == 0)
		return 0;
	struct ct_strbuf program = {0};
	struct ct_strbuf split = {0};
	if (bytes[0] & FLAG_PACKED)
		unpack(bytes + 1, size_bytes - 1, &program, &split);
	else
		ct_strbuf_add(&program, bytes + 1, size_bytes - 1);
	int fd = -1;
	char path[64];
	bool has_split = split.length > 0;
	bool has_package = has_split && bytes[0] & FLAG_PACKAGE;
	if (has_package) {
		if (!program_path[0])
			make_folder();
		put_file(program_path, &program);
		put_file(package_path, &split);
		snprintf(path, sizeof(path), "%s", program_path);
	} else {
		elf_builder_file(program.bytes, program.length, &fd, path);
		if (has_split)
			put_split_file(&split);
	}
	struct ct_elf_file *file;
	struct ct_error *err = ct_elf_file_open(path, &file);
	if (!err) {
		plan(file, bytes[0]);
		ct_elf_file_destroy(file);
	}
	ct_error_destroy(err);
	if (fd >= 0)
		close(fd);
	if (has_split && !has_package)
		close(SPLIT_FD);
	ct_strbuf_deinit(&program);
	ct_strbuf_deinit(&split);
	return 0;
}
