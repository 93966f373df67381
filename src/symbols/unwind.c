/* SPDX-License-Identifier: MIT */
/*
 * FDE ranges of .eh_frame. libdw finds the entries and their augmentations;
 * the two encoded numbers we want it keeps to itself, so they are decoded here
 * (LSB 5.0, 10.6.1 "Exception frames"; encodings: 10.5.1).
 */
#include "symbols/unwind.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>
#include <string.h>

#include "base/cursor.h"

#define ENCODING_FORMAT 0x0f
#define ENCODING_SIGNED 0x08
#define ENCODING_BASE	0x70

struct unwind_section {
	unsigned char ident[EI_NIDENT];
	Elf_Data *data;
	uint64_t address;
};

static bool open_section(const struct ct_elf_file *file, struct unwind_section *ret)
{
	Elf_Scn *section = ct_elf_file_section(file, ".eh_frame");
	GElf_Shdr header;
	const char *ident = elf_getident(file->elf, NULL);
	/* In a debug file the section is there, but empty. */
	if (!section || !ident || !gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS ||
	    (header.sh_flags & SHF_COMPRESSED))
		return false;
	memcpy(ret->ident, ident, EI_NIDENT);
	ret->data = elf_rawdata(section, NULL);
	ret->address = header.sh_addr;
	/* A foreign byte order would need another cursor; there is no such target yet. */
	return ret->data && ret->data->d_buf && ident[EI_DATA] == ELFDATA2LSB;
}

/* The encoding of addresses in the FDEs of a CIE: what the 'R' of its augmentation says. */
static uint8_t pointer_encoding(const Dwarf_CIE *cie, bool is_64_bit)
{
	const char *letter = cie->augmentation;
	if (!letter || *letter != 'z')
		return DW_EH_PE_absptr;
	if (!cie->augmentation_data)
		return DW_EH_PE_omit;
	struct ct_cursor cur = ct_cursor_init(cie->augmentation_data, cie->augmentation_data_size,
					      "augmentation");
	for (letter++; *letter && !cur.failed; letter++) {
		switch (*letter) {
		case 'R':
			return ct_cursor_u8(&cur);
		case 'L':
			ct_cursor_skip(&cur, 1);
			break;
		case 'P': {
			/* The personality routine's address, of which only the size matters. */
			uint8_t format = ct_cursor_u8(&cur) & ENCODING_FORMAT;
			if (format == DW_EH_PE_udata4 || format == DW_EH_PE_sdata4)
				ct_cursor_skip(&cur, 4);
			else if (format == DW_EH_PE_udata8 || format == DW_EH_PE_sdata8)
				ct_cursor_skip(&cur, 8);
			else if (format == DW_EH_PE_absptr)
				ct_cursor_skip(&cur, is_64_bit ? 8 : 4);
			else
				return DW_EH_PE_omit;
			break;
		}
		case 'S': /* a signal frame */
		case 'B': /* arm64: signed return addresses */
			break;
		default:
			return DW_EH_PE_omit;
		}
	}
	return cur.failed ? DW_EH_PE_omit : DW_EH_PE_absptr;
}

/* One number in `format`; the cursor fails on one that is not used for code addresses. */
static uint64_t read_encoded(struct ct_cursor *cur, uint8_t format, bool is_64_bit)
{
	switch (format) {
	case DW_EH_PE_absptr:
		return is_64_bit ? ct_cursor_u64(cur) : ct_cursor_u32(cur);
	case DW_EH_PE_udata4:
		return ct_cursor_u32(cur);
	case DW_EH_PE_sdata4:
		return (uint64_t)(int64_t)(int32_t)ct_cursor_u32(cur);
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		return ct_cursor_u64(cur);
	default:
		cur->failed = true;
		return 0;
	}
}

static bool add_fde(const struct unwind_section *section, const Dwarf_FDE *fde, uint8_t encoding,
		    struct ct_range_map *map)
{
	uint8_t base = encoding & ENCODING_BASE;
	bool is_64_bit = section->ident[EI_CLASS] == ELFCLASS64;
	if (encoding == DW_EH_PE_omit || (encoding & DW_EH_PE_indirect) ||
	    (base != DW_EH_PE_absptr && base != DW_EH_PE_pcrel))
		return true;
	struct ct_cursor cur = ct_cursor_init(fde->start, (size_t)(fde->end - fde->start),
					      ".eh_frame");
	uint64_t low = read_encoded(&cur, encoding & ENCODING_FORMAT, is_64_bit);
	if (base == DW_EH_PE_pcrel)
		low += section->address +
		       (uint64_t)(fde->start - (const uint8_t *)section->data->d_buf);
	/* The length has the width of the address; it is neither relative nor signed. */
	uint8_t size_format = encoding & ENCODING_FORMAT & ~ENCODING_SIGNED;
	uint64_t size = read_encoded(&cur, size_format, is_64_bit);
	if (cur.failed || low == 0 || size > UINT64_MAX - low)
		return true;
	return ct_range_map_add(map, low, low + size, 0, 0);
}

bool ct_unwind_ranges(const struct ct_elf_file *file, struct ct_range_map *ret)
{
	struct unwind_section section;
	if (!open_section(file, &section))
		return true;
	bool is_64_bit = section.ident[EI_CLASS] == ELFCLASS64;

	/* The CIE of the FDEs that follow it: linkers put each FDE close behind its own. */
	Dwarf_Off cie_offset = (Dwarf_Off)-1;
	uint8_t encoding = DW_EH_PE_omit;
	Dwarf_Off offset = 0;
	for (;;) {
		Dwarf_Off at = offset;
		Dwarf_CFI_Entry entry;
		int status = dwarf_next_cfi(section.ident, section.data, true, at, &offset, &entry);
		if (status > 0 || offset <= at)
			break;
		if (status < 0)
			continue;
		if (dwarf_cfi_cie_p(&entry)) {
			cie_offset = at;
			encoding = pointer_encoding(&entry.cie, is_64_bit);
			continue;
		}
		if (entry.fde.CIE_pointer != cie_offset) {
			Dwarf_CFI_Entry cie;
			Dwarf_Off ignored;
			cie_offset = entry.fde.CIE_pointer;
			encoding = DW_EH_PE_omit;
			if (dwarf_next_cfi(section.ident, section.data, true, cie_offset, &ignored,
					   &cie) == 0 &&
			    dwarf_cfi_cie_p(&cie))
				encoding = pointer_encoding(&cie.cie, is_64_bit);
		}
		if (!add_fde(&section, &entry.fde, encoding, ret))
			return false;
	}
	return ct_range_map_seal(ret);
}
