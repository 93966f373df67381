/* SPDX-License-Identifier: MIT */
/* Symbol tables, unwind tables and build-ids of ELF files made in memory; damaged ones first. */
#include "unit_test.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "symbols/symbols.h"
#include "symbols_elf_builder.h"

#define NO_DEBUG_ROOT "/nonexistent"

static struct ct_error *open_bytes(const void *bytes, size_t size_bytes, struct ct_symbols **ret)
{
	int fd;
	char path[64];
	elf_builder_file(bytes, size_bytes, &fd, path);
	struct ct_error *err = ct_symbols_open(path, NULL, 0, NO_DEBUG_ROOT, ret);
	close(fd);
	return err;
}

/* Lay out what `builder` has, destroy it, and open the result. */
static struct ct_symbols *open_built(struct elf_builder *builder)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf file = {0};
	elf_builder_finish(builder, &file);
	elf_builder_deinit(builder);
	struct ct_symbols *symbols = NULL;
	assert_no_error(open_bytes(file.bytes, file.length, &symbols));
	return symbols;
}

static void cleanup_symbols(struct ct_symbols **symbols)
{
	ct_symbols_destroy(*symbols);
}

static void assert_name(struct ct_symbols *symbols, uint64_t address, const char *name)
{
	struct ct_symbol symbol = {0};
	bool is_found = ct_symbols_find(symbols, address, &symbol);
	if (!name) {
		if (is_found)
			fail_msg("%#lx is %s, expected none", (unsigned long)address,
				 symbol.linkage_name);
		return;
	}
	if (!is_found)
		fail_msg("%#lx has no name, expected %s", (unsigned long)address, name);
	assert_string_equal(symbol.linkage_name, name);
	assert_true(symbol.low <= address && address < symbol.high);
}

static void missing_file_is_an_error(void **state)
{
	(void)state;
	struct ct_symbols *symbols;
	assert_error_says(ct_symbols_open("/nonexistent/x", NULL, 0, NULL, &symbols),
			  "'/nonexistent/x' is not there any more");
}

static void directory_is_an_error(void **state)
{
	(void)state;
	struct ct_symbols *symbols;
	assert_error_says(ct_symbols_open("/", NULL, 0, NULL, &symbols), "not a regular file");
}

static void fifo_is_refused_without_waiting(void **state)
{
	(void)state;
	char directory[] = "/tmp/ct_symbols_XXXXXX";
	assert_non_null(mkdtemp(directory));
	char path[64];
	snprintf(path, sizeof(path), "%s/fifo", directory);
	assert_int_equal(mkfifo(path, 0600), 0);
	struct ct_symbols *symbols;
	struct ct_error *err = ct_symbols_open(path, NULL, 0, NULL, &symbols);
	unlink(path);
	rmdir(directory);
	assert_error_says(err, "not a regular file");
}

static void empty_file_is_an_error(void **state)
{
	(void)state;
	struct ct_symbols *symbols;
	assert_error_says(open_bytes("", 0, &symbols), "stay without names");
}

static void text_file_is_an_error(void **state)
{
	(void)state;
	struct ct_symbols *symbols;
	assert_error_says(open_bytes("#!/bin/sh\nexit 0\n", 17, &symbols), "is not an ELF file");
}

static void object_file_is_an_error(void **state)
{
	(void)state;
	struct elf_builder builder;
	elf_builder_init(&builder);
	builder.header.e_type = ET_REL;
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf file = {0};
	elf_builder_finish(&builder, &file);
	elf_builder_deinit(&builder);
	struct ct_symbols *symbols;
	assert_error_says(open_bytes(file.bytes, file.length, &symbols),
			  "not an executable or a shared library");
}

/* Ask everything about every interesting address; what comes out does not matter. */
static void use(struct ct_symbols *symbols)
{
	for (uint64_t address = 0; address < ELF_BUILDER_TEXT_HIGH + 0x100; address += 0x80) {
		struct ct_symbol symbol;
		struct ct_source_line line;
		ct_symbols_function_key(symbols, address);
		ct_symbols_line(symbols, address, &line);
		ct_symbols_declaration(symbols, address, &line);
		if (ct_symbols_find(symbols, address, &symbol))
			assert_true(symbol.low <= address && address < symbol.high);
	}
}

static void open_and_use(const void *bytes, size_t size_bytes)
{
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = NULL;
	struct ct_error *err = open_bytes(bytes, size_bytes, &symbols);
	if (err)
		ct_error_destroy(err);
	else
		use(symbols);
}

static void build_typical(struct ct_strbuf *ret)
{
	struct elf_builder builder;
	elf_builder_init(&builder);
	elf_builder_build_id(&builder, "0123456789abcdefghij", 20);
	elf_builder_source(&builder, "a.c");
	elf_builder_function(&builder, "helper", STB_LOCAL, 0x1000, 0x100);
	elf_builder_function(&builder, "helper.cold", STB_LOCAL, 0x1100, 0x100);
	elf_builder_function(&builder, "main", STB_GLOBAL, 0x1200, 0x100);
	elf_builder_add(&builder, ".gnu_debuglink", 0, "x.debug\0\1\2\3\4", 12);
	elf_builder_finish(&builder, ret);
	elf_builder_deinit(&builder);
}

static void file_cut_short_anywhere_does_no_harm(void **state)
{
	(void)state;
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf file = {0};
	build_typical(&file);
	for (size_t length = 0; length < file.length; length++)
		open_and_use(file.bytes, length);
}

static void any_byte_damaged_does_no_harm(void **state)
{
	(void)state;
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf file = {0};
	build_typical(&file);
	static const unsigned char damages[] = {0x01, 0x80, 0xff};
	for (size_t at = 0; at < file.length; at++) {
		for (size_t i = 0; i < sizeof(damages); i++) {
			file.bytes[at] = (char)(file.bytes[at] ^ damages[i]);
			open_and_use(file.bytes, file.length);
			file.bytes[at] = (char)(file.bytes[at] ^ damages[i]);
		}
	}
}

static void string_table_without_end_gives_no_name(void **state)
{
	(void)state;
	struct elf_builder builder;
	elf_builder_init(&builder);
	elf_builder_function(&builder, "first", STB_GLOBAL, 0x1000, 0x10);
	elf_builder_function(&builder, "second", STB_GLOBAL, 0x1010, 0x10);
	builder.strings.length--; /* the NUL after "second" */
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_built(&builder);
	assert_name(symbols, 0x1000, "first");
	assert_name(symbols, 0x1010, NULL);
}

static void impossible_symbols_are_left_out(void **state)
{
	(void)state;
	struct elf_builder builder;
	elf_builder_init(&builder);
	elf_builder_function(&builder, "null", STB_GLOBAL, 0, 0x2000);
	elf_builder_function(&builder, "below", STB_GLOBAL, 0xfff, 0x10);
	elf_builder_function(&builder, "above", STB_GLOBAL, 0x9000, 0x10);
	elf_builder_symbol(&builder, "undefined", STB_GLOBAL, STT_FUNC, SHN_UNDEF, 0x1000, 0x10);
	elf_builder_symbol(&builder, "absolute", STB_GLOBAL, STT_FUNC, SHN_ABS, 0x1000, 0x10);
	elf_builder_symbol(&builder, "nowhere", STB_GLOBAL, STT_FUNC, 77, 0x1000, 0x10);
	elf_builder_symbol(&builder, "data", STB_GLOBAL, STT_OBJECT, 1, 0x1000, 0x10);
	elf_builder_function(&builder, "", STB_GLOBAL, 0x1000, 0x10);
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_built(&builder);
	assert_name(symbols, 0x1000, NULL);
	assert_name(symbols, 0xfff, NULL);
	assert_name(symbols, 0x9000, NULL);
	assert_true(ct_symbols_function_key(symbols, 0x1000) == 0);
}

static void size_past_the_section_is_cut(void **state)
{
	(void)state;
	struct elf_builder builder;
	elf_builder_init(&builder);
	elf_builder_function(&builder, "large", STB_GLOBAL, 0x8ff0, UINT64_MAX);
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_built(&builder);
	struct ct_symbol symbol;
	assert_true(ct_symbols_find(symbols, 0x8fff, &symbol));
	assert_true(symbol.high == 0x9000);
	assert_name(symbols, 0x9000, NULL);
}

static void symbol_covers_its_range_and_no_more(void **state)
{
	(void)state;
	struct elf_builder builder;
	elf_builder_init(&builder);
	elf_builder_function(&builder, "function", STB_LOCAL, 0x1100, 0x20);
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_built(&builder);
	assert_name(symbols, 0x10ff, NULL);
	assert_name(symbols, 0x1100, "function");
	assert_name(symbols, 0x111f, "function");
	assert_name(symbols, 0x1120, NULL);
}

static void name_of_any_bytes_comes_out_unchanged(void **state)
{
	(void)state;
	static const char name[] = "a\"b\\\n\x01\xff\xfe\xc3 z";
	struct elf_builder builder;
	elf_builder_init(&builder);
	elf_builder_function(&builder, name, STB_LOCAL, 0x1000, 0x10);
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_built(&builder);
	assert_name(symbols, 0x1008, name);
}

static void of_aliases_global_precedes_weak_precedes_local(void **state)
{
	(void)state;
	struct elf_builder builder;
	elf_builder_init(&builder);
	elf_builder_function(&builder, "a_local", STB_LOCAL, 0x1000, 0x10);
	elf_builder_function(&builder, "b_weak", STB_WEAK, 0x1000, 0x10);
	elf_builder_function(&builder, "c_global", STB_GLOBAL, 0x1000, 0x10);
	elf_builder_function(&builder, "d_local", STB_LOCAL, 0x1010, 0x10);
	elf_builder_function(&builder, "e_weak", STB_WEAK, 0x1010, 0x10);
	elf_builder_symbol(&builder, "f", STB_GLOBAL, STT_NOTYPE, 1, 0x1010, 0x10);
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_built(&builder);
	assert_name(symbols, 0x1000, "c_global");
	assert_name(symbols, 0x1010, "e_weak");
}

static void of_equal_aliases_the_shortest_then_first_name_wins(void **state)
{
	(void)state;
	struct elf_builder builder;
	elf_builder_init(&builder);
	elf_builder_function(&builder, "open@@V_1", STB_GLOBAL, 0x1000, 0x10);
	elf_builder_function(&builder, "open", STB_GLOBAL, 0x1000, 0x10);
	elf_builder_function(&builder, "_ZN1AC2Ev", STB_GLOBAL, 0x1010, 0x10);
	elf_builder_function(&builder, "_ZN1AC1Ev", STB_GLOBAL, 0x1010, 0x10);
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_built(&builder);
	assert_name(symbols, 0x1000, "open");
	assert_name(symbols, 0x1010, "_ZN1AC1Ev");
}

static void inner_symbol_wins_and_the_outer_goes_on_after_it(void **state)
{
	(void)state;
	struct elf_builder builder;
	elf_builder_init(&builder);
	elf_builder_function(&builder, "outer", STB_GLOBAL, 0x1000, 0x100);
	elf_builder_function(&builder, "inner", STB_LOCAL, 0x1040, 0x10);
	elf_builder_function(&builder, "crossing", STB_LOCAL, 0x10f0, 0x20);
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_built(&builder);
	assert_name(symbols, 0x103f, "outer");
	assert_name(symbols, 0x1040, "inner");
	assert_name(symbols, 0x1050, "outer");
	assert_name(symbols, 0x10f0, "crossing");
	assert_name(symbols, 0x110f, "crossing");
	assert_name(symbols, 0x1110, NULL);
}

static void symbol_without_size_reaches_to_the_next(void **state)
{
	(void)state;
	struct elf_builder builder;
	elf_builder_init(&builder);
	elf_builder_function(&builder, "unsized", STB_GLOBAL, 0x1000, 0);
	elf_builder_function(&builder, "next", STB_GLOBAL, 0x1100, 0x10);
	elf_builder_function(&builder, "last", STB_GLOBAL, 0x1200, 0);
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_built(&builder);
	assert_name(symbols, 0x10ff, "unsized");
	assert_name(symbols, 0x1100, "next");
	assert_name(symbols, 0x1110, NULL);
	assert_name(symbols, 0x8fff, "last");
}

static void label_in_a_function_does_not_hide_it(void **state)
{
	(void)state;
	struct elf_builder builder;
	elf_builder_init(&builder);
	elf_builder_symbol(&builder, "at_start", STB_GLOBAL, STT_NOTYPE, 1, 0x1000, 0);
	elf_builder_function(&builder, "function", STB_LOCAL, 0x1000, 0x100);
	elf_builder_symbol(&builder, "label", STB_GLOBAL, STT_NOTYPE, 1, 0x1080, 0);
	elf_builder_function(&builder, "label_2", STB_GLOBAL, 0x1090, 0);
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_built(&builder);
	assert_name(symbols, 0x1000, "function");
	assert_name(symbols, 0x1088, "function");
	assert_name(symbols, 0x10ff, "function");
	assert_name(symbols, 0x1100, NULL);
}

static void untyped_label_is_the_last_resort(void **state)
{
	(void)state;
	struct elf_builder builder;
	elf_builder_init(&builder);
	elf_builder_symbol(&builder, "hand_written", STB_LOCAL, STT_NOTYPE, 1, 0x1000, 0);
	elf_builder_symbol(&builder, "$x", STB_LOCAL, STT_NOTYPE, 1, 0x1010, 0);
	elf_builder_symbol(&builder, "$d.1", STB_LOCAL, STT_NOTYPE, 1, 0x1020, 0);
	elf_builder_function(&builder, "function", STB_LOCAL, 0x1030, 0x10);
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_built(&builder);
	assert_name(symbols, 0x102f, "hand_written");
	assert_name(symbols, 0x1030, "function");
}

static void pieces_count_as_their_function(void **state)
{
	(void)state;
	struct elf_builder builder;
	elf_builder_init(&builder);
	elf_builder_source(&builder, "a.c");
	elf_builder_function(&builder, "work", STB_LOCAL, 0x1100, 0x100);
	elf_builder_function(&builder, "work.cold", STB_LOCAL, 0x1000, 0x10);
	elf_builder_function(&builder, "work.part.0", STB_LOCAL, 0x1200, 0x10);
	elf_builder_function(&builder, "work.constprop.1", STB_LOCAL, 0x1210, 0x10);
	elf_builder_function(&builder, "work.constprop.0.isra.0.cold", STB_LOCAL, 0x1010, 0x10);
	elf_builder_function(&builder, "work.cold.7", STB_LOCAL, 0x1020, 0x10);
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_built(&builder);
	static const uint64_t pieces[] = {0x1000, 0x1200, 0x1210, 0x1010, 0x1028, 0x11ff};
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		assert_true(ct_symbols_function_key(symbols, pieces[i]) == 0x1100);
	/* The name still says which piece it is. */
	assert_name(symbols, 0x1200, "work.part.0");
}

static void equal_names_of_two_sources_stay_apart(void **state)
{
	(void)state;
	struct elf_builder builder;
	elf_builder_init(&builder);
	elf_builder_source(&builder, "a.c");
	elf_builder_function(&builder, "init", STB_LOCAL, 0x1000, 0x10);
	elf_builder_function(&builder, "init.cold", STB_LOCAL, 0x1010, 0x10);
	elf_builder_source(&builder, "b.c");
	elf_builder_function(&builder, "init.cold", STB_LOCAL, 0x1020, 0x10);
	elf_builder_function(&builder, "init", STB_LOCAL, 0x1030, 0x10);
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_built(&builder);
	assert_true(ct_symbols_function_key(symbols, 0x1010) == 0x1000);
	assert_true(ct_symbols_function_key(symbols, 0x1020) == 0x1030);
}

static void piece_of_a_global_function_finds_it(void **state)
{
	(void)state;
	struct elf_builder builder;
	elf_builder_init(&builder);
	elf_builder_source(&builder, "a.c");
	elf_builder_function(&builder, "_Z4workv.cold", STB_LOCAL, 0x1010, 0x10);
	elf_builder_source(&builder, "b.c");
	elf_builder_function(&builder, "_ZN1AC2Ev.part.0", STB_LOCAL, 0x1020, 0x10);
	elf_builder_function(&builder, "_Z4workv", STB_GLOBAL, 0x1100, 0x10);
	elf_builder_function(&builder, "_ZN1AC1Ev", STB_WEAK, 0x1110, 0x10);
	elf_builder_function(&builder, "_ZN1AC2Ev", STB_WEAK, 0x1110, 0x10);
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_built(&builder);
	assert_true(ct_symbols_function_key(symbols, 0x1010) == 0x1100);
	assert_true(ct_symbols_function_key(symbols, 0x1020) ==
		    ct_symbols_function_key(symbols, 0x1118));
}

static void pieces_whose_function_is_gone_count_as_one(void **state)
{
	(void)state;
	struct elf_builder builder;
	elf_builder_init(&builder);
	elf_builder_source(&builder, "a.c");
	elf_builder_function(&builder, "gone.constprop.1", STB_LOCAL, 0x1020, 0x10);
	elf_builder_function(&builder, "gone.constprop.0", STB_LOCAL, 0x1010, 0x10);
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_built(&builder);
	assert_true(ct_symbols_function_key(symbols, 0x1010) == 0x1010);
	assert_true(ct_symbols_function_key(symbols, 0x1020) == 0x1010);
}

static void suffixes_that_make_other_functions_stay(void **state)
{
	(void)state;
	struct elf_builder builder;
	elf_builder_init(&builder);
	elf_builder_source(&builder, "a.c");
	elf_builder_function(&builder, "f", STB_LOCAL, 0x1000, 0x10);
	/* A nested function, a static of another file in LTO, a body of OpenMP, a target clone,
	 * and a name that is nothing but a suffix. */
	static const char *const others[] = {"f.0", "f.lto_priv.0", "f._omp_fn.0", "f.avx2",
					     ".cold"};
	for (size_t i = 0; i < 5; i++)
		elf_builder_function(&builder, others[i], STB_LOCAL, 0x1100 + 0x10 * i, 0x10);
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_built(&builder);
	for (uint64_t i = 0; i < 5; i++)
		assert_true(ct_symbols_function_key(symbols, 0x1100 + 0x10 * i) ==
			    0x1100 + 0x10 * i);
}

/* Two FDEs of 0x40 bytes at 0x1000 and 0x1080, by a CIE of the usual "zR", pc-relative. */
static void add_eh_frame(struct elf_builder *builder, uint8_t encoding)
{
	enum { SECTION_ADDRESS = 0x800 };
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf frame = {0};
	unsigned char cie[] = {20, 0,	 0,  0, 0,	  0,	0, 0, 1,    'z', 'R', 0,
			       1,  0x78, 16, 1, encoding, 0x0c, 7, 8, 0x90, 1,	 0,   0};
	ct_strbuf_add(&frame, cie, sizeof(cie));
	for (int i = 0; i < 2; i++) {
		uint32_t fde[5] = {16, (uint32_t)frame.length + 4, 0, 0x40, 0};
		fde[2] = 0x1000 + 0x80 * (uint32_t)i -
			 (SECTION_ADDRESS + (uint32_t)frame.length + 8);
		ct_strbuf_add(&frame, fde, sizeof(fde));
	}
	ct_strbuf_add(&frame, "\0\0\0\0", 4);
	elf_builder_add(builder, ".eh_frame", SECTION_ADDRESS, frame.bytes, frame.length);
}

static void stripped_function_has_its_unwind_entry_as_key(void **state)
{
	(void)state;
	struct elf_builder builder;
	elf_builder_init(&builder);
	add_eh_frame(&builder, 0x1b);
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_built(&builder);
	assert_true(ct_symbols_function_key(symbols, 0xfff) == 0);
	assert_true(ct_symbols_function_key(symbols, 0x1000) == 0x1000);
	assert_true(ct_symbols_function_key(symbols, 0x103f) == 0x1000);
	assert_true(ct_symbols_function_key(symbols, 0x1040) == 0);
	assert_true(ct_symbols_function_key(symbols, 0x10a0) == 0x1080);
	assert_name(symbols, 0x1000, NULL);
}

static void unknown_pointer_encoding_gives_no_key(void **state)
{
	(void)state;
	static const uint8_t encodings[] = {0xff, 0x9b, 0x2b, 0x1f, 0x11};
	for (size_t i = 0; i < sizeof(encodings); i++) {
		struct elf_builder builder;
		elf_builder_init(&builder);
		add_eh_frame(&builder, encodings[i]);
		ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_built(&builder);
		assert_true(ct_symbols_function_key(symbols, 0x1000) == 0);
	}
}

static void damaged_unwind_table_does_no_harm(void **state)
{
	(void)state;
	struct elf_builder builder;
	elf_builder_init(&builder);
	add_eh_frame(&builder, 0x1b);
	size_t section = builder.section_count - 1;
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf file = {0};
	elf_builder_finish(&builder, &file);
	size_t start = builder.sections[section].sh_offset;
	size_t length = builder.sections[section].sh_size;
	elf_builder_deinit(&builder);
	for (size_t at = start; at < start + length; at++) {
		for (int value = 0; value < 256; value++) {
			char kept = file.bytes[at];
			file.bytes[at] = (char)value;
			ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = NULL;
			assert_no_error(open_bytes(file.bytes, file.length, &symbols));
			ct_symbols_function_key(symbols, 0x1000);
			file.bytes[at] = kept;
		}
	}
}

static void symbol_without_size_ends_at_the_next_unwind_entry(void **state)
{
	(void)state;
	struct elf_builder builder;
	elf_builder_init(&builder);
	add_eh_frame(&builder, 0x1b);
	elf_builder_function(&builder, "unsized", STB_GLOBAL, 0x1000, 0);
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_built(&builder);
	assert_name(symbols, 0x1010, "unsized");
	/* The function there was stripped of its name: it is not "unsized". */
	assert_name(symbols, 0x1090, NULL);
	assert_true(ct_symbols_function_key(symbols, 0x1090) == 0x1080);
}

static struct ct_error *open_with_build_id(const char *has, const char *expected)
{
	struct elf_builder builder;
	elf_builder_init(&builder);
	if (has)
		elf_builder_build_id(&builder, has, strlen(has));
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf file = {0};
	elf_builder_finish(&builder, &file);
	elf_builder_deinit(&builder);
	int fd;
	char path[64];
	elf_builder_file(file.bytes, file.length, &fd, path);
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = NULL;
	struct ct_error *err = ct_symbols_open(path, (const uint8_t *)expected, strlen(expected),
					       NO_DEBUG_ROOT, &symbols);
	close(fd);
	return err;
}

static void same_build_id_opens(void **state)
{
	(void)state;
	assert_no_error(open_with_build_id("abcdefghijklmnopqrst", "abcdefghijklmnopqrst"));
	assert_no_error(open_with_build_id("ab", "ab"));
}

static void replaced_file_is_an_error(void **state)
{
	(void)state;
	assert_error_says(open_with_build_id("abcdefghijklmnopqrst", "abcdefghijklmnopqrsX"),
			  "is not the file that was traced");
	assert_error_says(open_with_build_id("abcdefghijklmnopqrst", "abcd"),
			  "is not the file that was traced");
	assert_error_says(open_with_build_id(NULL, "abcd"), "is not the file that was traced");
}

static void fifty_thousand_symbols_are_found(void **state)
{
	(void)state;
	struct elf_builder builder;
	elf_builder_init(&builder);
	enum { COUNT = 50000 };
	builder.sections[ELF_BUILDER_TEXT].sh_size = COUNT * 16;
	char name[32];
	/* In an order that is not that of the addresses: 7919 and 50,000 have no common factor. */
	for (unsigned int i = 0; i < COUNT; i++) {
		unsigned int number = i * 7919U % COUNT;
		snprintf(name, sizeof(name), "function_%u", number);
		elf_builder_function(&builder, name, STB_LOCAL, 0x1000 + 16 * (uint64_t)number, 16);
	}
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_built(&builder);
	for (unsigned int i = 0; i < COUNT; i++) {
		snprintf(name, sizeof(name), "function_%u", i);
		assert_name(symbols, 0x1000 + 16 * (uint64_t)i + 15, name);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(missing_file_is_an_error),
	cmocka_unit_test(directory_is_an_error),
	cmocka_unit_test(fifo_is_refused_without_waiting),
	cmocka_unit_test(empty_file_is_an_error),
	cmocka_unit_test(text_file_is_an_error),
	cmocka_unit_test(object_file_is_an_error),
	cmocka_unit_test(file_cut_short_anywhere_does_no_harm),
	cmocka_unit_test(any_byte_damaged_does_no_harm),
	cmocka_unit_test(string_table_without_end_gives_no_name),
	cmocka_unit_test(impossible_symbols_are_left_out),
	cmocka_unit_test(size_past_the_section_is_cut),
	cmocka_unit_test(symbol_covers_its_range_and_no_more),
	cmocka_unit_test(name_of_any_bytes_comes_out_unchanged),
	cmocka_unit_test(of_aliases_global_precedes_weak_precedes_local),
	cmocka_unit_test(of_equal_aliases_the_shortest_then_first_name_wins),
	cmocka_unit_test(inner_symbol_wins_and_the_outer_goes_on_after_it),
	cmocka_unit_test(symbol_without_size_reaches_to_the_next),
	cmocka_unit_test(label_in_a_function_does_not_hide_it),
	cmocka_unit_test(untyped_label_is_the_last_resort),
	cmocka_unit_test(pieces_count_as_their_function),
	cmocka_unit_test(equal_names_of_two_sources_stay_apart),
	cmocka_unit_test(piece_of_a_global_function_finds_it),
	cmocka_unit_test(pieces_whose_function_is_gone_count_as_one),
	cmocka_unit_test(suffixes_that_make_other_functions_stay),
	cmocka_unit_test(stripped_function_has_its_unwind_entry_as_key),
	cmocka_unit_test(unknown_pointer_encoding_gives_no_key),
	cmocka_unit_test(damaged_unwind_table_does_no_harm),
	cmocka_unit_test(symbol_without_size_ends_at_the_next_unwind_entry),
	cmocka_unit_test(same_build_id_opens),
	cmocka_unit_test(replaced_file_is_an_error),
	cmocka_unit_test(fifty_thousand_symbols_are_found),
};

UNIT_TEST_MAIN(tests)
