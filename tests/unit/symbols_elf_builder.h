/* SPDX-License-Identifier: MIT */
/*
 * ELF files made in memory, byte by byte: no compiler's version is part of
 * what a test sees. The file is little-endian ELF64 for x86-64, of type ET_DYN,
 * with one executable segment that is a section ".text" (index 1, no bytes).
 */
#ifndef SYMBOLS_ELF_BUILDER_H
#define SYMBOLS_ELF_BUILDER_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

#define ELF_BUILDER_SECTIONS_MAX 32
#define ELF_BUILDER_TEXT	 1 /* section index of .text */
#define ELF_BUILDER_TEXT_LOW	 0x1000
#define ELF_BUILDER_TEXT_HIGH	 0x9000

struct elf_builder {
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	Elf64_Shdr sections[ELF_BUILDER_SECTIONS_MAX];
	struct ct_strbuf contents[ELF_BUILDER_SECTIONS_MAX];
	size_t section_count;
	struct ct_strbuf names;
	struct ct_strbuf symbols;
	struct ct_strbuf strings;
};

void elf_builder_init(struct elf_builder *builder);
void elf_builder_deinit(struct elf_builder *builder);

/* Add a section of SHT_PROGBITS at `address` (0: not loaded) and give its index. */
size_t elf_builder_add(struct elf_builder *builder, const char *name, uint64_t address,
		       const void *bytes, size_t size_bytes);

/* Add a symbol to .symtab. `name` may hold any byte but NUL. */
void elf_builder_symbol(struct elf_builder *builder, const char *name, unsigned char binding,
			unsigned char type, uint16_t section, uint64_t value, uint64_t size);

/* A function in .text. */
void elf_builder_function(struct elf_builder *builder, const char *name, unsigned char binding,
			  uint64_t low, uint64_t size);

/* A STT_FILE symbol: the local ones behind it come from that source. */
void elf_builder_source(struct elf_builder *builder, const char *name);

/* A .note.gnu.build-id. */
void elf_builder_build_id(struct elf_builder *builder, const void *id, size_t id_bytes);

/*
 * Lay the file out and append it to `ret`. Headers changed in the builder by
 * then are written as they are, so a test may put any nonsense there; what the
 * layout sets (offsets and sizes, but of .symtab too) may be damaged in `ret`.
 */
void elf_builder_finish(struct elf_builder *builder, struct ct_strbuf *ret);

/* A file of these bytes with no name, and a path by which it can be opened while `*ret_fd` is. */
void elf_builder_file(const void *bytes, size_t size_bytes, int *ret_fd, char ret_path[64]);

#endif
