/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as DWARF in an ELF file that is in order, which a fuzzer would
 * hardly keep so. The input is a list of sections: one byte that chooses the
 * name, two of length, and the content. corpus/make.py packs them.
 */
#include "base/cursor.h"
#include "base/strbuf.h"
#include "fuzz_target.h"
#include "symbols_elf_builder.h"
#include "use_symbols.h"

static const char *const section_names[] = {
	".debug_info",	 ".debug_abbrev",   ".debug_line",     ".debug_str",
	".debug_ranges", ".debug_rnglists", ".debug_addr",     ".debug_str_offsets",
	".debug_types",	 ".debug_line_str", ".debug_loclists", ".debug_aranges",
};

#define SECTION_NAMES (sizeof(section_names) / sizeof(section_names[0]))

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	struct elf_builder builder;
	elf_builder_init(&builder);
	struct ct_cursor cur = ct_cursor_init(bytes, size_bytes, "input");
	for (size_t i = 0; i < SECTION_NAMES; i++) {
		const char *name = section_names[ct_cursor_u8(&cur) % SECTION_NAMES];
		size_t length = ct_cursor_u16(&cur);
		if (cur.failed)
			break;
		if (length > ct_cursor_left(&cur))
			length = ct_cursor_left(&cur);
		elf_builder_add(&builder, name, 0, ct_cursor_bytes(&cur, length), length);
	}
	struct ct_strbuf file = {0};
	elf_builder_finish(&builder, &file);
	elf_builder_deinit(&builder);
	use_symbols(file.bytes, file.length);
	ct_strbuf_deinit(&file);
	return 0;
}
