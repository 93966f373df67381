/* SPDX-License-Identifier: MIT */
/* DWARF made in memory, byte by byte; damaged and endless ones first. */
#include "unit_test.h"

#include <dwarf.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "symbols/symbols.h"
#include "symbols_elf_builder.h"

/* Abbreviation codes of the DIEs below. */
enum {
	UNIT = 1,
	FUNCTION,	  /* name, file, line, low, size */
	SCOPE,		  /* a lexical block: children, no attributes */
	SIBLING_FUNCTION, /* sibling, low, size */
	CLONE,		  /* abstract origin, low, size */
	ABSTRACT,	  /* name, file, line */
	RANGES_FUNCTION,  /* range list */
	NAMESPACE,	  /* children, no attributes */
};

#define FUNCTION_LOW   0x1100
#define FUNCTION_BYTES 0x80

struct dwarf_builder {
	struct ct_strbuf info;
	struct ct_strbuf abbrev;
	struct ct_strbuf line;
	struct ct_strbuf ranges;
};

static void add_u8(struct ct_strbuf *buf, uint8_t value)
{
	ct_strbuf_add(buf, &value, sizeof(value));
}

static void add_u16(struct ct_strbuf *buf, uint16_t value)
{
	ct_strbuf_add(buf, &value, sizeof(value));
}

static void add_u32(struct ct_strbuf *buf, uint32_t value)
{
	ct_strbuf_add(buf, &value, sizeof(value));
}

static void add_u64(struct ct_strbuf *buf, uint64_t value)
{
	ct_strbuf_add(buf, &value, sizeof(value));
}

static void add_text(struct ct_strbuf *buf, const char *text)
{
	ct_strbuf_add(buf, text, strlen(text) + 1);
}

/* Pairs of attribute and form, 0 0 at the end. All codes are below 128. */
static void add_abbrev(struct ct_strbuf *buf, uint8_t code, uint8_t tag, bool has_children,
		       const uint8_t *attributes, size_t count)
{
	add_u8(buf, code);
	add_u8(buf, tag);
	add_u8(buf, has_children);
	ct_strbuf_add(buf, attributes, count);
	add_u16(buf, 0);
}

static void add_abbrevs(struct ct_strbuf *buf)
{
	static const uint8_t unit[] = {
		DW_AT_name,   DW_FORM_string, DW_AT_comp_dir, DW_FORM_string,  DW_AT_low_pc,
		DW_FORM_addr, DW_AT_high_pc,  DW_FORM_data8,  DW_AT_stmt_list, DW_FORM_sec_offset};
	static const uint8_t function[] = {
		DW_AT_name,    DW_FORM_string, DW_AT_decl_file, DW_FORM_data1, DW_AT_decl_line,
		DW_FORM_data2, DW_AT_low_pc,   DW_FORM_addr,	DW_AT_high_pc, DW_FORM_data8};
	static const uint8_t sibling[] = {DW_AT_sibling, DW_FORM_ref4,	DW_AT_low_pc,
					  DW_FORM_addr,	 DW_AT_high_pc, DW_FORM_data8};
	static const uint8_t clone[] = {DW_AT_abstract_origin, DW_FORM_ref4,  DW_AT_low_pc,
					DW_FORM_addr,	       DW_AT_high_pc, DW_FORM_data8};
	static const uint8_t ranges[] = {DW_AT_ranges, DW_FORM_sec_offset};
	add_abbrev(buf, UNIT, DW_TAG_compile_unit, true, unit, sizeof(unit));
	add_abbrev(buf, FUNCTION, DW_TAG_subprogram, false, function, sizeof(function));
	add_abbrev(buf, SCOPE, DW_TAG_lexical_block, true, NULL, 0);
	add_abbrev(buf, SIBLING_FUNCTION, DW_TAG_subprogram, true, sibling, sizeof(sibling));
	add_abbrev(buf, CLONE, DW_TAG_subprogram, false, clone, sizeof(clone));
	add_abbrev(buf, ABSTRACT, DW_TAG_subprogram, false, function, 6);
	add_abbrev(buf, RANGES_FUNCTION, DW_TAG_subprogram, false, ranges, sizeof(ranges));
	add_abbrev(buf, NAMESPACE, DW_TAG_namespace, true, NULL, 0);
	add_u8(buf, 0);
}

/* Lines 7 and 8 of a.c at FUNCTION_LOW and 16 bytes on; line 0 at 32 bytes. */
static void add_lines(struct ct_strbuf *buf)
{
	static const uint8_t header[] = {1, 1, 1, 0xfb, 14, 13,	 0,   1,   1, 1, 1, 0, 0, 0,
					 1, 0, 0, 1,	0,  'a', '.', 'c', 0, 0, 0, 0, 0};
	static const uint8_t rows[] = {3,  6, 1,    2, 16, 3,	 1, 1, 2,
				       16, 3, 0x78, 1, 2,  0x60, 0, 1, 1};
	static const uint8_t set_address[] = {0, 9, 2};
	add_u32(buf, 2 + 4 + sizeof(header) + sizeof(set_address) + 8 + sizeof(rows));
	add_u16(buf, 4);
	add_u32(buf, sizeof(header));
	ct_strbuf_add(buf, header, sizeof(header));
	ct_strbuf_add(buf, set_address, sizeof(set_address));
	add_u64(buf, FUNCTION_LOW);
	ct_strbuf_add(buf, rows, sizeof(rows));
}

static void builder_init(struct dwarf_builder *dwarf)
{
	memset(dwarf, 0, sizeof(*dwarf));
	add_abbrevs(&dwarf->abbrev);
	add_lines(&dwarf->line);
	struct ct_strbuf *info = &dwarf->info;
	add_u32(info, 0); /* length, set at the end */
	add_u16(info, 4);
	add_u32(info, 0);
	add_u8(info, 8);
	add_u8(info, UNIT);
	add_text(info, "a.c");
	add_text(info, "/src");
	add_u64(info, ELF_BUILDER_TEXT_LOW);
	add_u64(info, ELF_BUILDER_TEXT_HIGH - ELF_BUILDER_TEXT_LOW);
	add_u32(info, 0);
}

static void add_sized_function(struct dwarf_builder *dwarf, const char *name, uint8_t file,
			       uint16_t line, uint64_t low, uint64_t size)
{
	add_u8(&dwarf->info, FUNCTION);
	add_text(&dwarf->info, name);
	add_u8(&dwarf->info, file);
	add_u16(&dwarf->info, line);
	add_u64(&dwarf->info, low);
	add_u64(&dwarf->info, size);
}

static void add_function(struct dwarf_builder *dwarf, const char *name, uint8_t file, uint16_t line,
			 uint64_t low)
{
	add_sized_function(dwarf, name, file, line, low, FUNCTION_BYTES);
}

static void add_clone(struct dwarf_builder *dwarf, uint32_t origin, uint64_t low)
{
	add_u8(&dwarf->info, CLONE);
	add_u32(&dwarf->info, origin);
	add_u64(&dwarf->info, low);
	add_u64(&dwarf->info, FUNCTION_BYTES);
}

/* Close the unit, lay out the file and destroy the builder. */
static void builder_finish(struct dwarf_builder *dwarf, struct ct_strbuf *ret)
{
	add_u8(&dwarf->info, 0);
	uint32_t unit_bytes = (uint32_t)dwarf->info.length - 4;
	memcpy(dwarf->info.bytes, &unit_bytes, sizeof(unit_bytes));
	struct elf_builder elf;
	elf_builder_init(&elf);
	elf_builder_add(&elf, ".debug_info", 0, dwarf->info.bytes, dwarf->info.length);
	elf_builder_add(&elf, ".debug_abbrev", 0, dwarf->abbrev.bytes, dwarf->abbrev.length);
	elf_builder_add(&elf, ".debug_line", 0, dwarf->line.bytes, dwarf->line.length);
	elf_builder_add(&elf, ".debug_ranges", 0, dwarf->ranges.bytes, dwarf->ranges.length);
	elf_builder_finish(&elf, ret);
	elf_builder_deinit(&elf);
	ct_strbuf_deinit(&dwarf->info);
	ct_strbuf_deinit(&dwarf->abbrev);
	ct_strbuf_deinit(&dwarf->line);
	ct_strbuf_deinit(&dwarf->ranges);
}

static struct ct_symbols *open_bytes(const struct ct_strbuf *file)
{
	int fd;
	char path[64];
	elf_builder_file(file->bytes, file->length, &fd, path);
	struct ct_symbols *symbols = NULL;
	struct ct_error *err = ct_symbols_open(path, NULL, 0, "/nonexistent", &symbols);
	close(fd);
	assert_no_error(err);
	return symbols;
}

static struct ct_symbols *open_built(struct dwarf_builder *dwarf)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf file = {0};
	builder_finish(dwarf, &file);
	return open_bytes(&file);
}

static void cleanup_symbols(struct ct_symbols **symbols)
{
	ct_symbols_destroy(*symbols);
}

static void use(struct ct_symbols *symbols)
{
	for (uint64_t address = FUNCTION_LOW; address < FUNCTION_LOW + 0x200; address += 0x10) {
		struct ct_symbol symbol;
		struct ct_source_line line;
		ct_symbols_find(symbols, address, &symbol);
		ct_symbols_function_key(symbols, address);
		if (ct_symbols_line(symbols, address, &line))
			assert_true(line.line > 0 && strlen(line.file) > 0);
		if (ct_symbols_declaration(symbols, address, &line))
			assert_true(line.line > 0 && strlen(line.file) > 0);
	}
}

/* One function in line 7, a second in a namespace, and a clone of the second. */
static void build_typical(struct ct_strbuf *ret)
{
	struct dwarf_builder dwarf;
	builder_init(&dwarf);
	add_function(&dwarf, "work", 1, 7, FUNCTION_LOW);
	add_u8(&dwarf.info, NAMESPACE);
	uint32_t second = (uint32_t)dwarf.info.length;
	add_function(&dwarf, "second", 1, 9, FUNCTION_LOW + 0x80);
	add_u8(&dwarf.info, 0);
	add_clone(&dwarf, second, FUNCTION_LOW + 0x100);
	builder_finish(&dwarf, ret);
}

static void any_byte_damaged_does_no_harm(void **state)
{
	(void)state;
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf file = {0};
	build_typical(&file);
	size_t end = file.length - 8 * sizeof(Elf64_Shdr);
	for (size_t at = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr); at < end; at++) {
		static const uint8_t values[] = {0,    1,    2,	   4,	 5,    8,    0x20,
						 0x7f, 0x80, 0x81, 0xfe, 0xff, 0x2e, 0x1d};
		char kept = file.bytes[at];
		for (size_t i = 0; i < sizeof(values); i++) {
			file.bytes[at] = (char)values[i];
			ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_bytes(&file);
			use(symbols);
		}
		file.bytes[at] = kept;
	}
}

static void sibling_that_leads_back_ends_the_walk(void **state)
{
	(void)state;
	struct dwarf_builder dwarf;
	builder_init(&dwarf);
	uint32_t start = (uint32_t)dwarf.info.length;
	for (int i = 0; i < 2; i++) {
		add_u8(&dwarf.info, SIBLING_FUNCTION);
		add_u32(&dwarf.info, start);
		add_u64(&dwarf.info, FUNCTION_LOW + 0x100 * (uint64_t)i);
		add_u64(&dwarf.info, FUNCTION_BYTES);
		add_u8(&dwarf.info, 0);
	}
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_built(&dwarf);
	assert_true(ct_symbols_function_key(symbols, FUNCTION_LOW) == FUNCTION_LOW);
}

static void function_that_is_its_own_origin_has_no_declaration(void **state)
{
	(void)state;
	struct dwarf_builder dwarf;
	builder_init(&dwarf);
	add_clone(&dwarf, (uint32_t)dwarf.info.length, FUNCTION_LOW);
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_built(&dwarf);
	struct ct_symbol symbol;
	struct ct_source_line line;
	assert_false(ct_symbols_find(symbols, FUNCTION_LOW, &symbol));
	assert_true(ct_symbols_declaration(symbols, FUNCTION_LOW, &line));
	assert_int_equal(line.line, 7); /* that of its code */
	assert_true(ct_symbols_function_key(symbols, FUNCTION_LOW) == FUNCTION_LOW);
}

static void endless_nesting_does_not_overflow_the_stack(void **state)
{
	(void)state;
	struct dwarf_builder dwarf;
	builder_init(&dwarf);
	add_function(&dwarf, "before", 1, 7, FUNCTION_LOW);
	for (int i = 0; i < 100000; i++)
		add_u8(&dwarf.info, SCOPE);
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_built(&dwarf);
	struct ct_symbol symbol;
	assert_true(ct_symbols_find(symbols, FUNCTION_LOW, &symbol));
	assert_string_equal(symbol.linkage_name, "before");
}

static void range_list_used_by_thousands_does_not_eat_the_memory(void **state)
{
	(void)state;
	enum { FUNCTIONS = 20000, RANGES = 20000 };
	struct dwarf_builder dwarf;
	builder_init(&dwarf);
	for (int i = 0; i < FUNCTIONS; i++) {
		add_u8(&dwarf.info, RANGES_FUNCTION);
		add_u32(&dwarf.info, 0);
	}
	for (uint64_t i = 1; i <= RANGES; i++) {
		/* Relative to the unit's low address; each is two bytes from the next. */
		add_u64(&dwarf.ranges, i % 0x3000 * 2);
		add_u64(&dwarf.ranges, i % 0x3000 * 2 + 1);
	}
	add_u64(&dwarf.ranges, 0);
	add_u64(&dwarf.ranges, 0);
	/* 400 million ranges, were all of them read: 10 GB. */
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_built(&dwarf);
	assert_true(ct_symbols_function_key(symbols, ELF_BUILDER_TEXT_LOW + 2) ==
		    ELF_BUILDER_TEXT_LOW + 2);
}

static void unit_that_ends_after_the_section_does_no_harm(void **state)
{
	(void)state;
	struct dwarf_builder dwarf;
	builder_init(&dwarf);
	add_u8(&dwarf.info, FUNCTION);
	ct_strbuf_add(&dwarf.info, "cut in its na", 13);
	/* The zero that closes the unit ends the name; the rest is missing. */
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_built(&dwarf);
	use(symbols);
}

static void lines_declarations_and_names_are_found(void **state)
{
	(void)state;
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf file = {0};
	build_typical(&file);
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_bytes(&file);
	struct ct_source_line line;
	assert_true(ct_symbols_line(symbols, FUNCTION_LOW, &line));
	assert_string_equal(line.file, "/src/a.c");
	assert_int_equal(line.line, 7);
	assert_true(ct_symbols_line(symbols, FUNCTION_LOW + 0x1f, &line));
	assert_int_equal(line.line, 8);

	assert_true(ct_symbols_declaration(symbols, FUNCTION_LOW + 0x90, &line));
	assert_string_equal(line.file, "/src/a.c");
	assert_int_equal(line.line, 9);
	struct ct_symbol symbol;
	assert_true(ct_symbols_find(symbols, FUNCTION_LOW + 0x90, &symbol));
	assert_string_equal(symbol.linkage_name, "second");
	assert_true(symbol.low == FUNCTION_LOW + 0x80 && symbol.high == FUNCTION_LOW + 0x100);
}

static void code_without_a_line_has_none(void **state)
{
	(void)state;
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf file = {0};
	build_typical(&file);
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_bytes(&file);
	struct ct_source_line line;
	assert_false(ct_symbols_line(symbols, FUNCTION_LOW + 0x20, &line)); /* line 0 */
	assert_false(ct_symbols_line(symbols, FUNCTION_LOW - 1, &line));    /* before the rows */
	assert_false(ct_symbols_line(symbols, FUNCTION_LOW + 0x80, &line)); /* after them */
	assert_false(ct_symbols_line(symbols, 1, &line));		    /* in no unit */
}

static void clones_share_key_name_and_declaration(void **state)
{
	(void)state;
	struct dwarf_builder dwarf;
	builder_init(&dwarf);
	uint32_t origin = (uint32_t)dwarf.info.length;
	add_u8(&dwarf.info, ABSTRACT);
	add_text(&dwarf.info, "twofold");
	add_u8(&dwarf.info, 1);
	add_u16(&dwarf.info, 5);
	add_clone(&dwarf, origin, FUNCTION_LOW + 0x200);
	add_clone(&dwarf, origin, FUNCTION_LOW + 0x100);
	add_function(&dwarf, "other", 1, 30, FUNCTION_LOW + 0x300);
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_built(&dwarf);
	uint64_t key = ct_symbols_function_key(symbols, FUNCTION_LOW + 0x110);
	assert_true(key != 0);
	assert_true(ct_symbols_function_key(symbols, FUNCTION_LOW + 0x210) == key);
	assert_true(ct_symbols_function_key(symbols, FUNCTION_LOW + 0x310) != key);
	struct ct_symbol symbol;
	struct ct_source_line line;
	assert_true(ct_symbols_find(symbols, FUNCTION_LOW + 0x210, &symbol));
	assert_string_equal(symbol.linkage_name, "twofold");
	assert_true(symbol.low == FUNCTION_LOW + 0x200);
	assert_true(ct_symbols_declaration(symbols, FUNCTION_LOW + 0x210, &line));
	assert_int_equal(line.line, 5);
}

static void declaration_in_no_file_falls_back_on_the_code(void **state)
{
	(void)state;
	static const uint8_t files[] = {0, 2, 255};
	for (size_t i = 0; i < sizeof(files); i++) {
		struct dwarf_builder dwarf;
		builder_init(&dwarf);
		add_function(&dwarf, "work", files[i], 500, FUNCTION_LOW);
		ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_built(&dwarf);
		struct ct_source_line line;
		assert_true(ct_symbols_declaration(symbols, FUNCTION_LOW, &line));
		assert_int_equal(line.line, 7);
	}
}

static void discarded_functions_claim_no_address(void **state)
{
	(void)state;
	/* Where linkers leave what they discard. Each is long enough to reach the code. */
	static const uint64_t lows[] = {0, 1, ELF_BUILDER_TEXT_LOW - 1};
	struct dwarf_builder dwarf;
	builder_init(&dwarf);
	for (size_t i = 0; i < sizeof(lows) / sizeof(lows[0]); i++)
		add_sized_function(&dwarf, "discarded", 1, 1, lows[i], 0x2000);
	add_sized_function(&dwarf, "at_end", 1, 1, UINT64_MAX, 0x2000);
	add_function(&dwarf, "kept", 1, 1, FUNCTION_LOW);
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_built(&dwarf);
	struct ct_symbol symbol;
	for (uint64_t address = 0; address < FUNCTION_LOW; address += 8)
		assert_false(ct_symbols_find(symbols, address, &symbol));
	assert_true(ct_symbols_find(symbols, FUNCTION_LOW, &symbol));
	assert_string_equal(symbol.linkage_name, "kept");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(any_byte_damaged_does_no_harm),
	cmocka_unit_test(sibling_that_leads_back_ends_the_walk),
	cmocka_unit_test(function_that_is_its_own_origin_has_no_declaration),
	cmocka_unit_test(endless_nesting_does_not_overflow_the_stack),
	cmocka_unit_test(range_list_used_by_thousands_does_not_eat_the_memory),
	cmocka_unit_test(unit_that_ends_after_the_section_does_no_harm),
	cmocka_unit_test(lines_declarations_and_names_are_found),
	cmocka_unit_test(code_without_a_line_has_none),
	cmocka_unit_test(clones_share_key_name_and_declaration),
	cmocka_unit_test(declaration_in_no_file_falls_back_on_the_code),
	cmocka_unit_test(discarded_functions_claim_no_address),
};

UNIT_TEST_MAIN(tests)
