/* SPDX-License-Identifier: MIT */
/* ELF files made in memory: see symbols_elf_builder.h. Stops the program when it cannot. */
#include "symbols_elf_builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void require(bool condition, const char *what)
{
	if (condition)
		return;
	perror(what);
	abort();
}

static size_t add_section(struct elf_builder *builder, const char *name, Elf64_Shdr section)
{
	require(builder->section_count < ELF_BUILDER_SECTIONS_MAX, "too many sections");
	section.sh_name = (Elf64_Word)builder->names.length;
	ct_strbuf_add(&builder->names, name, strlen(name) + 1);
	builder->sections[builder->section_count] = section;
	return builder->section_count++;
}

void elf_builder_init(struct elf_builder *builder)
{
	memset(builder, 0, sizeof(*builder));
	builder->header = (Elf64_Ehdr){
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT,
			    ELFOSABI_NONE},
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1,
		.e_shentsize = sizeof(Elf64_Shdr),
	};
	uint64_t text_bytes = ELF_BUILDER_TEXT_HIGH - ELF_BUILDER_TEXT_LOW;
	builder->segment = (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_X,
		.p_vaddr = ELF_BUILDER_TEXT_LOW,
		.p_memsz = text_bytes,
	};
	add_section(builder, "", (Elf64_Shdr){.sh_type = SHT_NULL});
	add_section(builder, ".text",
		    (Elf64_Shdr){
			    .sh_type = SHT_NOBITS,
			    .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
			    .sh_addr = ELF_BUILDER_TEXT_LOW,
			    .sh_size = text_bytes,
		    });
	ct_strbuf_add(&builder->strings, "", 1);
	ct_strbuf_add(&builder->symbols, &(Elf64_Sym){0}, sizeof(Elf64_Sym));
}

void elf_builder_deinit(struct elf_builder *builder)
{
	for (size_t i = 0; i < builder->section_count; i++)
		ct_strbuf_deinit(&builder->contents[i]);
	ct_strbuf_deinit(&builder->names);
	ct_strbuf_deinit(&builder->symbols);
	ct_strbuf_deinit(&builder->strings);
}

size_t elf_builder_add(struct elf_builder *builder, const char *name, uint64_t address,
		       const void *bytes, size_t size_bytes)
{
	size_t index = add_section(builder, name,
				   (Elf64_Shdr){
					   .sh_type = SHT_PROGBITS,
					   .sh_flags = address ? SHF_ALLOC : 0,
					   .sh_addr = address,
					   .sh_addralign = 1,
				   });
	ct_strbuf_add(&builder->contents[index], bytes, size_bytes);
	return index;
}

void elf_builder_symbol(struct elf_builder *builder, const char *name, unsigned char binding,
			unsigned char type, uint16_t section, uint64_t value, uint64_t size)
{
	Elf64_Sym symbol = {
		.st_name = (Elf64_Word)builder->strings.length,
		.st_info = ELF64_ST_INFO(binding, type),
		.st_shndx = section,
		.st_value = value,
		.st_size = size,
	};
	ct_strbuf_add(&builder->strings, name, strlen(name) + 1);
	ct_strbuf_add(&builder->symbols, &symbol, sizeof(symbol));
}

void elf_builder_function(struct elf_builder *builder, const char *name, unsigned char binding,
			  uint64_t low, uint64_t size)
{
	elf_builder_symbol(builder, name, binding, STT_FUNC, ELF_BUILDER_TEXT, low, size);
}

void elf_builder_source(struct elf_builder *builder, const char *name)
{
	elf_builder_symbol(builder, name, STB_LOCAL, STT_FILE, SHN_ABS, 0, 0);
}

void elf_builder_build_id(struct elf_builder *builder, const void *id, size_t id_bytes)
{
	struct ct_strbuf note = {0};
	Elf64_Nhdr header = {4, (Elf64_Word)id_bytes, NT_GNU_BUILD_ID};
	ct_strbuf_add(&note, &header, sizeof(header));
	ct_strbuf_add(&note, "GNU", 4);
	ct_strbuf_add(&note, id, id_bytes);
	ct_strbuf_add(&note, "\0\0\0", -id_bytes & 3);
	size_t index = elf_builder_add(builder, ".note.gnu.build-id", 0x200, note.bytes,
				       note.length);
	builder->sections[index].sh_type = SHT_NOTE;
	builder->sections[index].sh_addralign = 4;
	ct_strbuf_deinit(&note);
}

static void add_symbol_table(struct elf_builder *builder)
{
	size_t strings = elf_builder_add(builder, ".strtab", 0, builder->strings.bytes,
					 builder->strings.length);
	builder->sections[strings].sh_type = SHT_STRTAB;
	size_t table = elf_builder_add(builder, ".symtab", 0, builder->symbols.bytes,
				       builder->symbols.length);
	builder->sections[table].sh_type = SHT_SYMTAB;
	builder->sections[table].sh_link = (Elf64_Word)strings;
	builder->sections[table].sh_info = 1;
	builder->sections[table].sh_entsize = sizeof(Elf64_Sym);
	builder->sections[table].sh_addralign = 8;
}

static void pad(struct ct_strbuf *buf, size_t start)
{
	static const char zeros[8];
	ct_strbuf_add(buf, zeros, -(buf->length - start) & 7);
}

void elf_builder_finish(struct elf_builder *builder, struct ct_strbuf *ret)
{
	if (builder->symbols.length > sizeof(Elf64_Sym))
		add_symbol_table(builder);
	size_t names = add_section(builder, ".shstrtab", (Elf64_Shdr){.sh_type = SHT_STRTAB});
	ct_strbuf_add(&builder->contents[names], builder->names.bytes, builder->names.length);

	struct ct_strbuf body = {0};
	size_t head_bytes = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
	for (size_t i = 0; i < builder->section_count; i++) {
		pad(&body, 0);
		if (builder->sections[i].sh_type == SHT_NOBITS || i == 0)
			continue;
		builder->sections[i].sh_offset = head_bytes + body.length;
		builder->sections[i].sh_size = builder->contents[i].length;
		ct_strbuf_add(&body, builder->contents[i].bytes, builder->contents[i].length);
	}
	pad(&body, 0);
	builder->header.e_phoff = sizeof(Elf64_Ehdr);
	builder->header.e_shoff = head_bytes + body.length;
	builder->header.e_shnum = (Elf64_Half)builder->section_count;
	builder->header.e_shstrndx = (Elf64_Half)names;
	ct_strbuf_add(ret, &builder->header, sizeof(builder->header));
	ct_strbuf_add(ret, &builder->segment, sizeof(builder->segment));
	ct_strbuf_add(ret, body.bytes, body.length);
	ct_strbuf_add(ret, builder->sections, builder->section_count * sizeof(Elf64_Shdr));
	ct_strbuf_deinit(&body);
	require(!ret->failed, "building an ELF file");
}

void elf_builder_file(const void *bytes, size_t size_bytes, int *ret_fd, char ret_path[64])
{
	*ret_fd = memfd_create("elf_builder", MFD_CLOEXEC);
	require(*ret_fd >= 0, "memfd_create");
	require(pwrite(*ret_fd, bytes, size_bytes, 0) == (ssize_t)size_bytes, "pwrite");
	snprintf(ret_path, 64, "/proc/self/fd/%d", *ret_fd);
}
