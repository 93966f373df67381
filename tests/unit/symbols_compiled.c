/* SPDX-License-Identifier: MIT */
/*
 * Names, lines and debug files of programs that the installed compilers make
 * while the test runs. A test whose compiler or tool is not there is skipped.
 * readelf tells the addresses: a reader that is not ours.
 */
#include "unit_test.h"

#include <ctype.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "symbols/symbols.h"

/* The folder of the test that runs; each has its own. */
static char folder[64];

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/ct_symbols_XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int remove_folder(void **state)
{
	(void)state;
	return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Run a shell command in the test's folder. */
static bool runs(const char *format, ...) __attribute__((format(printf, 1, 2)));
static bool runs(const char *format, ...)
{
	char command[2048];
	int length = snprintf(command, sizeof(command), "cd %s && { ", folder);
	va_list args;
	va_start(args, format);
	length += vsnprintf(command + length, sizeof(command) - (size_t)length, format, args);
	va_end(args);
	snprintf(command + length, sizeof(command) - (size_t)length, "; } 2>>errors");
	return system(command) == 0; /* NOLINT: a test is a place for a shell */
}

#define assert_runs(...)                              \
	do {                                          \
		if (!runs(__VA_ARGS__)) {             \
			runs("cat errors >&2");       \
			fail_msg("a command failed"); \
		}                                     \
	} while (0)

static void skip_without(const char *tool)
{
	if (!runs("command -v %s >/dev/null", tool)) {
		print_message("skipped: %s is not installed\n", tool);
		skip();
	}
}

static void write_source(const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static struct ct_symbols *open_program(const char *name)
{
	char path[128];
	char debug_root[128];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	snprintf(debug_root, sizeof(debug_root), "%s/debug_root", folder);
	struct ct_symbols *symbols = NULL;
	assert_no_error(ct_symbols_open(path, NULL, 0, debug_root, &symbols));
	return symbols;
}

static void cleanup_symbols(struct ct_symbols **symbols)
{
	ct_symbols_destroy(*symbols);
}

/* Call `visit` for each function of the program's .symtab. */
static void each_function(const char *program,
			  void (*visit)(const char *name, uint64_t address, void *arg), void *arg)
{
	char command[256];
	snprintf(command, sizeof(command), "readelf -sW %s/%s", folder, program);
	FILE *pipe = popen(command, "r"); /* NOLINT: as above */
	assert_non_null(pipe);
	char line[1024];
	while (fgets(line, sizeof(line), pipe)) {
		unsigned long address;
		char type[16];
		char section[16];
		char name[512];
		if (sscanf(line, "%*s %lx %*s %15s %*s %*s %15s %511s", &address, type, section,
			   name) == 4 &&
		    strcmp(type, "FUNC") == 0 && isdigit((unsigned char)section[0]))
			visit(name, address, arg);
	}
	assert_int_equal(pclose(pipe), 0);
}

struct wanted {
	const char *name;
	uint64_t address;
};

static void compare_name(const char *name, uint64_t address, void *arg)
{
	struct wanted *wanted = arg;
	if (strcmp(name, wanted->name) == 0)
		wanted->address = address;
}

static uint64_t address_of(const char *program, const char *name)
{
	struct wanted wanted = {name, 0};
	each_function(program, compare_name, &wanted);
	if (wanted.address == 0)
		fail_msg("%s has no function %s", program, name);
	return wanted.address;
}

static void assert_name(struct ct_symbols *symbols, uint64_t address, const char *name)
{
	struct ct_symbol symbol;
	if (!ct_symbols_find(symbols, address, &symbol))
		fail_msg("%#lx has no name, expected %s", (unsigned long)address, name);
	assert_string_equal(symbol.linkage_name, name);
	assert_true(symbol.low <= address && address < symbol.high);
}

static void assert_path(const struct ct_source_line *line, const char *name)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_string_equal(line->file, path);
}

static void assert_declared(struct ct_symbols *symbols, uint64_t address, const char *source,
			    int number)
{
	struct ct_source_line line;
	if (!ct_symbols_declaration(symbols, address, &line))
		fail_msg("%#lx has no declaration, expected line %d", (unsigned long)address,
			 number);
	assert_path(&line, source);
	assert_int_equal(line.line, number);
}

/* `twice` is declared in line 6 and has code in lines 7 and 8; `helper` in line 1, 2 and 3. */
static const char c_source[] = "__attribute__((noinline)) static int helper(int x)\n"
			       "{\n"
			       "	return x * 3 + (x ^ 5);\n"
			       "}\n"
			       "\n"
			       "__attribute__((noinline)) int twice(int x)\n"
			       "{\n"
			       "	return helper(x) + helper(x + 1);\n"
			       "}\n"
			       "\n"
			       "int main(int argc, char **argv)\n"
			       "{\n"
			       "	(void)argv;\n"
			       "	return twice(argc);\n"
			       "}\n";

static void check_c_program(const char *program, const char *addresses_from)
{
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_program(program);
	uint64_t twice = address_of(addresses_from, "twice");
	uint64_t helper = address_of(addresses_from, "helper");
	assert_name(symbols, twice, "twice");
	assert_name(symbols, twice + 1, "twice");
	assert_name(symbols, helper, "helper");
	assert_declared(symbols, twice, "prog.c", 6);
	assert_declared(symbols, helper, "prog.c", 1);
	assert_declared(symbols, address_of(addresses_from, "main"), "prog.c", 11);

	struct ct_source_line line;
	assert_true(ct_symbols_line(symbols, twice, &line));
	assert_path(&line, "prog.c");
	assert_in_range(line.line, 6, 8);
	assert_true(ct_symbols_line(symbols, helper + 4, &line));
	assert_in_range(line.line, 1, 3);
	/* The start-up code of the C library has no DWARF. */
	assert_false(ct_symbols_line(symbols, address_of(addresses_from, "_start"), &line));
	assert_false(ct_symbols_declaration(symbols, 1, &line));
}

static void check_every_dwarf(const char *compiler)
{
	static const char *const flags[] = {
		"-O0 -gdwarf-4",
		"-O2 -gdwarf-4",
		"-O0 -gdwarf-5",
		"-O2 -gdwarf-5 -fno-pie -no-pie",
		"-O2 -gdwarf-5 -gz",
		"-O1 -gdwarf-4 -gsplit-dwarf",
		"-O1 -gdwarf-5 -gsplit-dwarf",
	};
	skip_without(compiler);
	write_source("prog.c", c_source);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		assert_runs("%s %s prog.c -o prog", compiler, flags[i]);
		check_c_program("prog", "prog");
	}
}

static void gcc_programs_have_names_lines_and_declarations(void **state)
{
	(void)state;
	check_every_dwarf("gcc");
}

static void clang_programs_have_names_lines_and_declarations(void **state)
{
	(void)state;
	check_every_dwarf("clang");
}

static void arm64_programs_have_names_lines_and_declarations(void **state)
{
	(void)state;
	check_every_dwarf("aarch64-linux-gnu-gcc");
}

static void missing_dwo_leaves_the_lines_of_the_skeleton(void **state)
{
	(void)state;
	skip_without("gcc");
	write_source("prog.c", c_source);
	assert_runs("gcc -O1 -gdwarf-5 -gsplit-dwarf prog.c -o prog && rm *.dwo");
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_program("prog");
	uint64_t twice = address_of("prog", "twice");
	struct ct_source_line line;
	assert_true(ct_symbols_line(symbols, twice, &line));
	assert_in_range(line.line, 6, 8);
	assert_true(ct_symbols_declaration(symbols, twice, &line));
	assert_in_range(line.line, 6, 8);
}

static void dwo_that_is_a_fifo_is_not_waited_for(void **state)
{
	(void)state;
	skip_without("gcc");
	write_source("prog.c", c_source);
	assert_runs("gcc -O1 -gdwarf-5 -gsplit-dwarf prog.c -o prog && "
		    "for dwo in *.dwo; do rm $dwo && mkfifo $dwo; done");
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_program("prog");
	struct ct_source_line line;
	assert_true(ct_symbols_declaration(symbols, address_of("prog", "twice"), &line));
	assert_in_range(line.line, 6, 8);
}

static void names_come_from_dwarf_without_symtab(void **state)
{
	(void)state;
	skip_without("gcc");
	write_source("prog.c", c_source);
	assert_runs("gcc -g -O1 prog.c -o prog && cp prog full && "
		    "strip -s --keep-section='.debug_*' prog");
	check_c_program("prog", "full");
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_program("prog");
	uint64_t twice = address_of("full", "twice");
	assert_true(ct_symbols_function_key(symbols, twice + 1) == twice);
}

static void linkage_names_come_from_dwarf_without_symtab(void **state)
{
	(void)state;
	skip_without("g++");
	write_source("prog.cc", "namespace n { struct S { int f(int x); int v; };\n"
				"int S::f(int x) { return v + x; } }\n"
				"int main() { n::S s{1}; return s.f(2); }\n");
	assert_runs("g++ -g -O0 prog.cc -o prog && cp prog full && "
		    "strip -s --keep-section='.debug_*' prog");
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_program("prog");
	assert_name(symbols, address_of("full", "_ZN1n1S1fEi"), "_ZN1n1S1fEi");
	assert_name(symbols, address_of("full", "main"), "main");
}

static void stripped_program_has_keys_only(void **state)
{
	(void)state;
	skip_without("gcc");
	write_source("prog.c", c_source);
	assert_runs("gcc -O1 prog.c -o prog && cp prog full && strip -s prog");
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_program("prog");
	uint64_t twice = address_of("full", "twice");
	uint64_t helper = address_of("full", "helper");
	struct ct_symbol symbol;
	struct ct_source_line line;
	assert_false(ct_symbols_find(symbols, twice, &symbol));
	assert_false(ct_symbols_line(symbols, twice, &line));
	assert_true(ct_symbols_function_key(symbols, twice) == twice);
	assert_true(ct_symbols_function_key(symbols, twice + 1) == twice);
	assert_true(ct_symbols_function_key(symbols, helper + 1) == helper);
}

/* prog, stripped; full, the same unstripped; prog.debug, what was taken away. */
static void build_split(const char *flags)
{
	skip_without("gcc");
	skip_without("objcopy");
	write_source("prog.c", c_source);
	assert_runs("gcc -g -O1 %s prog.c -o prog && cp prog full && "
		    "objcopy --only-keep-debug prog prog.debug && strip -s prog",
		    flags);
}

static void assert_stays_stripped(void)
{
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_program("prog");
	struct ct_symbol symbol;
	assert_false(ct_symbols_find(symbols, address_of("full", "twice"), &symbol));
}

static void debug_file_is_found_by_build_id(void **state)
{
	(void)state;
	build_split("-Wl,--build-id=0xabcdef0123456789");
	assert_stays_stripped();
	assert_runs("mkdir -p debug_root/.build-id/ab && "
		    "mv prog.debug debug_root/.build-id/ab/cdef0123456789.debug");
	check_c_program("prog", "full");
}

static void debug_file_of_another_build_is_refused(void **state)
{
	(void)state;
	build_split("-Wl,--build-id=0xabcdef0123456789");
	assert_runs("gcc -g -O1 -Wl,--build-id=0xabcdef0123456788 prog.c -o other && "
		    "mkdir -p debug_root/.build-id/ab && "
		    "mv other debug_root/.build-id/ab/cdef0123456789.debug");
	assert_stays_stripped();
}

static void debug_file_is_found_by_link_and_checksum(void **state)
{
	(void)state;
	static const char *const places[] = {".", ".debug", "debug_root/$PWD"};
	build_split("-Wl,--build-id=none");
	assert_runs("objcopy --add-gnu-debuglink=prog.debug prog && mv prog.debug kept");
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		assert_stays_stripped();
		assert_runs("mkdir -p %s && cp kept %s/prog.debug", places[i], places[i]);
		check_c_program("prog", "full");
		assert_runs("rm %s/prog.debug", places[i]);
	}
}

static void debug_file_with_another_checksum_is_refused(void **state)
{
	(void)state;
	build_split("-Wl,--build-id=none");
	assert_runs("objcopy --add-gnu-debuglink=prog.debug prog && echo >>prog.debug");
	assert_stays_stripped();
}

static void link_to_the_program_itself_is_no_debug_file(void **state)
{
	(void)state;
	build_split("-Wl,--build-id=0xabcdef0123456789");
	assert_runs("objcopy --add-gnu-debuglink=prog.debug prog && ln -sf prog prog.debug");
	assert_stays_stripped();
}

static void symbols_of_gnu_debugdata_are_found(void **state)
{
	(void)state;
#ifndef CT_HAVE_LZMA
	print_message("skipped: built without liblzma\n");
	skip();
#endif
	skip_without("xz");
	build_split("");
	assert_runs("echo helper >keep && "
		    "objcopy -S --keep-symbols=keep -R .comment prog.debug mini && xz mini && "
		    "objcopy --add-section .gnu_debugdata=mini.xz prog");
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_program("prog");
	assert_name(symbols, address_of("full", "helper"), "helper");
	struct ct_symbol symbol;
	assert_false(ct_symbols_find(symbols, address_of("full", "twice"), &symbol));
}

static void damaged_gnu_debugdata_is_ignored(void **state)
{
	(void)state;
	build_split("");
	assert_runs("printf '\\375' >bad && objcopy --add-section .gnu_debugdata=bad prog");
	assert_stays_stripped();
}

static void dwz_shared_debug_data_is_read(void **state)
{
	(void)state;
	skip_without("dwz");
	build_split("-Wl,--build-id=0xabcdef0123456789");
	/* dwz moves only what two files have in common, and wants it to pay. */
	assert_runs("cp prog.debug second.debug && mkdir -p debug_root/.build-id/ab && "
		    "dwz -m shared.debug prog.debug second.debug && "
		    "readelf -SW prog.debug | grep -q gnu_debugaltlink && "
		    "cp shared.debug debug_root/.build-id/ab && "
		    "cp prog.debug debug_root/.build-id/ab/cdef0123456789.debug");
	check_c_program("prog", "full");
	assert_runs("rm shared.debug debug_root/.build-id/ab/shared.debug");
	/* What is shared is gone with its file; the rest still answers, or says no. */
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_program("prog");
	struct ct_source_line line;
	uint64_t twice = address_of("full", "twice");
	assert_name(symbols, twice, "twice");
	assert_true(ct_symbols_line(symbols, twice, &line));
	ct_symbols_declaration(symbols, twice, &line);
}

static const char cxx_source[] = "namespace outer { namespace {\n"
				 "int hidden(int x) { return x + 1; }\n"
				 "} }\n"
				 "template <typename T> struct box {\n"
				 "	T value;\n"
				 "	T get() const { return value; }\n"
				 "};\n"
				 "static int local_class(int x)\n"
				 "{\n"
				 "	struct counter {\n"
				 "		int count;\n"
				 "		int next() { return ++count; }\n"
				 "	};\n"
				 "	counter c{x};\n"
				 "	auto twice = [](int y) {\n"
				 "		return y * 2;\n"
				 "	};\n"
				 "	return c.next() + twice(x);\n"
				 "}\n"
				 "int main(int argc, char **)\n"
				 "{\n"
				 "	box<long> b{argc};\n"
				 "	return outer::hidden(argc) + (int)b.get() + "
				 "local_class(argc);\n"
				 "}\n";

static void check_cxx_program(const char *compiler, const char *flags)
{
	static const struct {
		const char *name;
		const char *demangled;
		int line;
	} functions[] = {
		{"_ZN5outer12_GLOBAL__N_16hiddenEi", "outer::(anonymous namespace)::hidden(int)",
		 2},
		{"_ZNK3boxIlE3getEv", "box<long>::get() const", 6},
		{"_ZL11local_classi", "local_class(int)", 8},
		{"_ZZL11local_classiEN7counter4nextEv", "local_class(int)::counter::next()", 12},
		{"_ZZL11local_classiENKUliE_clEi",
		 "local_class(int)::{lambda(int)#1}::operator()(int) const", 15},
		{"main", NULL, 20},
	};
	skip_without(compiler);
	write_source("prog.cc", cxx_source);
	assert_runs("%s -g -O0 %s prog.cc -o prog", compiler, flags);
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_program("prog");
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		const char *name = functions[i].name;
		/* Clang mangles the lambda of a static function as GCC does, without the "L". */
		struct wanted wanted = {name, 0};
		each_function("prog", compare_name, &wanted);
		if (wanted.address == 0 && strstr(name, "Uli"))
			continue;
		assert_true(wanted.address != 0);
		assert_name(symbols, wanted.address, name);
		assert_declared(symbols, wanted.address, "prog.cc", functions[i].line);
		ct_cleanup(ct_cleanup_free) char *demangled = ct_demangle(name);
		if (functions[i].demangled)
			assert_string_equal(demangled, functions[i].demangled);
		else
			assert_null(demangled);
	}
}

static void gcc_cxx_functions_are_declared_where_they_are(void **state)
{
	(void)state;
	check_cxx_program("g++", "-gdwarf-4");
	check_cxx_program("g++", "-gdwarf-5");
	check_cxx_program("g++", "-gdwarf-5 -fdebug-types-section");
	check_cxx_program("g++", "-gdwarf-5 -gsplit-dwarf");
}

static void clang_cxx_functions_are_declared_where_they_are(void **state)
{
	(void)state;
	check_cxx_program("clang++", "-gdwarf-4");
	check_cxx_program("clang++", "-gdwarf-5");
	check_cxx_program("clang++", "-gdwarf-5 -gsplit-dwarf -fdebug-types-section");
}

static void declaration_may_be_in_a_header(void **state)
{
	(void)state;
	skip_without("gcc");
	assert_runs("mkdir include");
	write_source("include/inline.h", "\n\nstatic inline int from_header(int x)\n"
					 "{\n	return x + 40;\n}\n");
	write_source("prog.c", "#include \"include/inline.h\"\n"
			       "int main(int argc, char **argv)\n"
			       "{\n	(void)argv;\n	return from_header(argc);\n}\n");
	assert_runs("gcc -g -O0 prog.c -o prog");
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_program("prog");
	uint64_t address = address_of("prog", "from_header");
	assert_declared(symbols, address, "include/inline.h", 3);
	struct ct_source_line line;
	assert_true(ct_symbols_line(symbols, address, &line));
	assert_path(&line, "include/inline.h");
}

struct piece_check {
	struct ct_symbols *symbols;
	int pieces;
};

static void check_piece(const char *name, uint64_t address, void *arg)
{
	static const char *const suffixes[] = {".cold", ".part.", ".constprop.", ".isra."};
	struct piece_check *check = arg;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		if (!strstr(name, suffixes[i]))
			continue;
		char base[64];
		snprintf(base, sizeof(base), "%.*s", (int)strcspn(name, "."), name);
		struct wanted wanted = {base, 0};
		each_function("prog", compare_name, &wanted);
		if (wanted.address == 0)
			continue;
		check->pieces++;
		assert_true(ct_symbols_function_key(check->symbols, address) == wanted.address);
	}
}

static void pieces_made_by_gcc_count_as_their_function(void **state)
{
	(void)state;
	skip_without("gcc");
	write_source("prog.c", "#include <stdio.h>\n#include <stdlib.h>\n"
			       "#define BODY \\\n"
			       "	for (int i = 0; i < x; i++) \\\n"
			       "		if (puts(\"x\") < y) \\\n"
			       "			abort(); \\\n"
			       "	return x + y;\n"
			       "__attribute__((noinline)) int checked(int x, int y) { BODY }\n"
			       "__attribute__((noinline)) static int inner(int x, int y) { BODY }\n"
			       "int main(int argc, char **argv)\n"
			       "{\n"
			       "	(void)argv;\n"
			       "	return checked(argc, argc) + inner(argc, argc + 1);\n"
			       "}\n");
	assert_runs("gcc -O2 -fno-ipa-icf prog.c -o prog");
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_program("prog");
	struct piece_check check = {symbols, 0};
	each_function("prog", check_piece, &check);
	assert_true(check.pieces >= 2);
	assert_true(ct_symbols_function_key(symbols, address_of("prog", "checked")) !=
		    ct_symbols_function_key(symbols, address_of("prog", "inner")));
}

static void clang_names_of_any_bytes_come_out_unchanged(void **state)
{
	(void)state;
	/* GCC hands names to the assembler as text; Clang writes them itself. */
	skip_without("clang");
	write_source("prog.c", "int odd(void) __asm__(\"a\\\"b\\nc\\xff\");\n"
			       "int odd(void) { return 1; }\n"
			       "int main(void) { return odd(); }\n");
	assert_runs("clang -O0 -g prog.c -o prog");
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_program("prog");
	uint64_t main_address = address_of("prog", "main");
	bool is_found = false;
	for (uint64_t address = main_address - 64; address < main_address; address++) {
		struct ct_symbol symbol;
		is_found |= ct_symbols_find(symbols, address, &symbol) &&
			    strcmp(symbol.linkage_name, "a\"b\nc\xff") == 0;
	}
	assert_true(is_found);
}

static void plt_entries_whose_address_is_taken_have_names(void **state)
{
	(void)state;
	skip_without("gcc");
	write_source("prog.c", "#include <stdlib.h>\n"
			       "int (*volatile taken)(int);\n"
			       "int main(void) { taken = abs; return taken(-1) - 1; }\n");
	assert_runs("gcc -O1 -fno-builtin -fno-pie -no-pie prog.c -o prog");
	char command[256];
	snprintf(
		command, sizeof(command),
		"readelf --dyn-syms -W %s/prog | awk '$7 == \"UND\" && $8 ~ /^abs(@|$)/ { print $2 }'",
		folder);
	FILE *pipe = popen(command, "r"); /* NOLINT: as above */
	assert_non_null(pipe);
	unsigned long entry = 0;
	assert_int_equal(fscanf(pipe, "%lx", &entry), 1);
	assert_int_equal(pclose(pipe), 0);
	if (entry == 0) {
		print_message("skipped: the address does not lie in the program\n");
		skip();
	}
	ct_cleanup(cleanup_symbols) struct ct_symbols *symbols = open_program("prog");
	assert_name(symbols, entry, "abs");
	assert_name(symbols, entry + 15, "abs");
	struct ct_symbol symbol;
	if (ct_symbols_find(symbols, entry + 16, &symbol))
		assert_string_not_equal(symbol.linkage_name, "abs");
}

#define test(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

static const struct CMUnitTest tests[] = {
	test(gcc_programs_have_names_lines_and_declarations),
	test(clang_programs_have_names_lines_and_declarations),
	test(arm64_programs_have_names_lines_and_declarations),
	test(missing_dwo_leaves_the_lines_of_the_skeleton),
	test(dwo_that_is_a_fifo_is_not_waited_for),
	test(names_come_from_dwarf_without_symtab),
	test(linkage_names_come_from_dwarf_without_symtab),
	test(stripped_program_has_keys_only),
	test(debug_file_is_found_by_build_id),
	test(debug_file_of_another_build_is_refused),
	test(debug_file_is_found_by_link_and_checksum),
	test(debug_file_with_another_checksum_is_refused),
	test(link_to_the_program_itself_is_no_debug_file),
	test(symbols_of_gnu_debugdata_are_found),
	test(damaged_gnu_debugdata_is_ignored),
	test(dwz_shared_debug_data_is_read),
	test(gcc_cxx_functions_are_declared_where_they_are),
	test(clang_cxx_functions_are_declared_where_they_are),
	test(declaration_may_be_in_a_header),
	test(pieces_made_by_gcc_count_as_their_function),
	test(clang_names_of_any_bytes_come_out_unchanged),
	test(plt_entries_whose_address_is_taken_have_names),
};

UNIT_TEST_MAIN(tests)
