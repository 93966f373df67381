/* SPDX-License-Identifier: MIT */
/*
 * What a program was made of, and what that means for a trace of it. It is read
 * and never run. Which libraries it would get the loader tells, that of this
 * command, not the one that the program names.
 */
#include "cli/doctor.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "cli/term.h"
#include "plan/survey.h"
#include "symbols/elf_file.h"

#ifndef DF_1_PIE
#define DF_1_PIE 0x08000000
#endif

enum { NAME_BYTES = 256 };

/* What the headers say. */
struct program {
	const char *path;
	struct stat status;
	struct ct_elf_file *file;
	GElf_Ehdr header;
	char loader[NAME_BYTES]; /* "": none */
	bool is_dynamic;	 /* has a dynamic section */
	bool is_library;
	bool needs_asan, needs_sanitizer, needs_calltrace;
	struct ct_survey survey;
};

static void program_deinit(struct program *program)
{
	ct_survey_deinit(&program->survey);
	ct_elf_file_destroy(program->file);
}

static void cleanup_file(struct ct_elf_file **file)
{
	ct_elf_file_destroy(*file);
}

/* ---- finding it ---- */

/* As execvp() would: a name without a slash is looked for in $PATH. */
static char *find_program(const char *name)
{
	const char *folders = getenv("PATH");
	if (strchr(name, '/') || !folders)
		return strdup(name);
	for (const char *at = folders; *at;) {
		size_t length = strcspn(at, ":");
		char *path = NULL;
		if (asprintf(&path, "%.*s/%s", length ? (int)length : 1, length ? at : ".", name) <
		    0)
			return NULL;
		struct stat status;
		if (access(path, X_OK) == 0 && stat(path, &status) == 0 && S_ISREG(status.st_mode))
			return path;
		free(path);
		at += length + (at[length] == ':');
	}
	return strdup(name);
}

/* "#!/bin/sh": true, with what follows the mark. */
static bool read_interpreter(const char *path, char ret[NAME_BYTES])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char line[NAME_BYTES] = "";
	ssize_t count = fd >= 0 ? read(fd, line, sizeof(line) - 1) : 0;
	if (fd >= 0)
		close(fd);
	if (count < 3 || line[0] != '#' || line[1] != '!')
		return false;
	const char *at = line + 2 + strspn(line + 2, " \t");
	snprintf(ret, NAME_BYTES, "%.*s", (int)strcspn(at, "\n"), at);
	return true;
}

/* A script makes no calls itself. One of libtool's stands for a program. */
static void tell_script(const char *path, const char *interpreter, struct ct_findings *ret)
{
	const char *slash = strrchr(path, '/');
	ct_cleanup(ct_cleanup_free) char *behind = NULL;
	ct_findings_add(ret, CT_MARK_NOTE, "script",
			"'%s' is a script, run by %s: the programs that it starts are recorded.",
			path, interpreter);
	if (asprintf(&behind, "%.*s.libs/%s", slash ? (int)(slash + 1 - path) : 0, path,
		     slash ? slash + 1 : path) < 0)
		behind = NULL;
	if (behind && access(behind, X_OK) == 0)
		ct_findings_remedy(ret,
				   "it is libtool's, and the program is behind it: calltrace "
				   "doctor %s",
				   behind);
	else
		ct_findings_remedy(ret, "let the doctor look at these programs.");
}

/* ---- headers ---- */

static void read_loader(struct program *program)
{
	size_t count = 0, size_bytes = 0;
	const char *bytes = elf_rawfile(program->file->elf, &size_bytes);
	elf_getphdrnum(program->file->elf, &count);
	for (size_t i = 0; i < count && i <= INT_MAX; i++) {
		GElf_Phdr segment;
		if (!gelf_getphdr(program->file->elf, (int)i, &segment))
			return;
		program->is_dynamic |= segment.p_type == PT_DYNAMIC;
		if (segment.p_type == PT_INTERP && bytes && segment.p_offset < size_bytes &&
		    segment.p_filesz <= size_bytes - segment.p_offset)
			snprintf(program->loader, NAME_BYTES, "%.*s",
				 (int)(segment.p_filesz < NAME_BYTES ? segment.p_filesz
								     : NAME_BYTES),
				 bytes + segment.p_offset);
	}
}

static bool begins_with(const char *text, const char *beginning)
{
	return strncmp(text, beginning, strlen(beginning)) == 0;
}

static void note_needed(struct program *program, const char *name)
{
	program->needs_asan |= begins_with(name, "libasan.so") ||
			       begins_with(name, "libclang_rt.asan");
	program->needs_sanitizer |= begins_with(name, "libtsan.so") ||
				    begins_with(name, "libubsan.so") ||
				    begins_with(name, "liblsan.so");
	program->needs_calltrace |= begins_with(name, "libcalltrace.so");
}

static void read_dynamic_section(struct program *program)
{
	Elf_Scn *section = NULL;
	bool is_pie = false;
	while ((section = elf_nextscn(program->file->elf, section))) {
		GElf_Shdr header;
		GElf_Dyn entry;
		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_DYNAMIC)
			continue;
		Elf_Data *data = elf_getdata(section, NULL);
		for (int i = 0; data && gelf_getdyn(data, i, &entry); i++) {
			const char *name = entry.d_tag == DT_NEEDED
						   ? elf_strptr(program->file->elf, header.sh_link,
								entry.d_un.d_val)
						   : NULL;
			if (name)
				note_needed(program, name);
			is_pie |= entry.d_tag == DT_FLAGS_1 && entry.d_un.d_val & DF_1_PIE;
		}
	}
	program->is_library = program->is_dynamic && !program->loader[0] && !is_pie &&
			      program->header.e_type == ET_DYN;
}

static const char *machine_name(const struct program *program, char ret[NAME_BYTES])
{
	static const struct {
		unsigned int machine;
		const char *name;
	} machines[] = {
		{EM_X86_64, "x86-64"}, {EM_386, "x86"},	     {EM_AARCH64, "arm64"},
		{EM_ARM, "arm"},       {EM_RISCV, "RISC-V"}, {EM_PPC64, "PowerPC"},
		{EM_S390, "s390"},
	};
	const char *bits = program->header.e_ident[EI_CLASS] == ELFCLASS32 ? ", 32 bits" : "";
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		if (machines[i].machine != program->header.e_machine)
			continue;
		snprintf(ret, NAME_BYTES, "%s%s", machines[i].name, bits);
		return ret;
	}
	snprintf(ret, NAME_BYTES, "machine %u%s", program->header.e_machine, bits);
	return ret;
}

/* Of this command, and so of the library beside it. */
static void own_loader(GElf_Ehdr *ret_header, char ret_loader[NAME_BYTES])
{
	struct program own = {.path = "/proc/self/exe"};
	struct ct_error *err = ct_elf_file_open(own.path, &own.file);
	*ret_header = (GElf_Ehdr){0};
	ret_loader[0] = '\0';
	if (!err && gelf_getehdr(own.file->elf, ret_header)) {
		read_loader(&own);
		memcpy(ret_loader, own.loader, NAME_BYTES);
	}
	ct_error_destroy(err);
	program_deinit(&own);
}

/* True: the library can be loaded into it, as far as headers tell. */
static bool check_kind(const struct program *program, const GElf_Ehdr *own_header,
		       struct ct_findings *ret)
{
	char machine[NAME_BYTES];
	if (program->header.e_machine != own_header->e_machine ||
	    program->header.e_ident[EI_CLASS] != own_header->e_ident[EI_CLASS]) {
		ct_findings_add(ret, CT_MARK_PROBLEM, "machine", "'%s' is for another machine: %s.",
				program->path, machine_name(program, machine));
		ct_findings_remedy(ret, "build CallTrace for that machine, and record there.");
		return false;
	}
	if (program->is_library)
		return true;
	if (!program->loader[0]) {
		ct_findings_add(ret, CT_MARK_PROBLEM, "static",
				"'%s' is linked statically: nothing can be preloaded into it.",
				program->path);
		ct_findings_remedy(ret, "link it without -static.");
		return false;
	}
	if (strstr(program->loader, "/ld-musl")) {
		ct_findings_add(ret, CT_MARK_PROBLEM, "musl",
				"'%s' is linked with musl (%s): libcalltrace.so needs the GNU C "
				"library.",
				program->path, program->loader);
		ct_findings_remedy(ret, "build it with gcc or clang instead of musl-gcc.");
		return false;
	}
	if (access(program->loader, X_OK) != 0) {
		ct_findings_add(ret, CT_MARK_PROBLEM, "loader",
				"'%s' is to be started by %s, which is not there.", program->path,
				program->loader);
		ct_findings_remedy(ret, "build it on this system, or with "
					"-Wl,--dynamic-linker.");
		return false;
	}
	ct_findings_add(ret, CT_MARK_OK, "program", "'%s' is for %s, linked dynamically.",
			program->path, machine_name(program, machine));
	return true;
}

/* ---- permissions ---- */

/* A process with more rights than its user ignores LD_PRELOAD (AT_SECURE). */
static void check_privileges(const struct program *program, struct ct_findings *ret)
{
	char bytes[64];
	bool has_capabilities = getxattr(program->path, "security.capability", bytes,
					 sizeof(bytes)) > 0;
	bool is_setuid = program->status.st_mode & S_ISUID;
	bool is_setgid = (program->status.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);
	bool gains = (is_setuid && program->status.st_uid != getuid()) ||
		     (is_setgid && program->status.st_gid != getgid()) ||
		     (has_capabilities && getuid() != 0);
	const char *what = is_setuid ? "set-user-ID" : is_setgid ? "set-group-ID" : NULL;
	if (!what && !has_capabilities)
		return;
	if (!gains) {
		ct_findings_add(ret, CT_MARK_NOTE, "privileges",
				"'%s' %s%s: it can be recorded by you, but not by others.",
				program->path, what ? "is " : "has file capabilities",
				what ? what : "");
		return;
	}
	ct_findings_add(ret, CT_MARK_PROBLEM, "privileges",
			"'%s' %s%s: the loader preloads nothing into programs that gain rights.",
			program->path, what ? "is " : "has file capabilities", what ? what : "");
	ct_findings_remedy(ret, "record a copy (cp drops it), or run it as a user to whom it gives "
				"nothing, as root with sudo.");
}

static void check_access(const struct program *program, struct ct_findings *ret)
{
	if (!program->is_library && access(program->path, X_OK) != 0) {
		ct_findings_add(ret, CT_MARK_PROBLEM, "permissions", "'%s' cannot be executed: %s.",
				program->path, strerror(errno));
		ct_findings_remedy(ret, "chmod +x %s", program->path);
	}
}

/* ---- hooks ---- */

static void add_names(struct ct_strbuf *text, const struct ct_survey_source *source)
{
	uint32_t bare = source->function_count - source->hooked_count, named = 0;
	for (; named < 3 && source->bare[named]; named++) {
		ct_strbuf_add_string(text, named ? ", " : "");
		ct_strbuf_add_string(text, source->bare[named]);
	}
	if (bare > named)
		ct_strbuf_printf(text, " and %u more", bare - named);
	if (source->name[0])
		ct_strbuf_printf(text, " (%s)", source->name);
}

static void tell_bare_functions(const struct program *program, struct ct_findings *ret)
{
	enum { SOURCES_TOLD = 3 };
	const struct ct_survey *survey = &program->survey;
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	uint32_t bare = survey->function_count - survey->hooked_count;
	size_t with_bare = 0;
	if (bare == 0)
		return;
	while (with_bare < survey->source_count &&
	       survey->sources[with_bare].function_count > survey->sources[with_bare].hooked_count)
		with_bare++;
	for (size_t i = 0; i < with_bare && i < SOURCES_TOLD; i++) {
		ct_strbuf_add_string(&text, i ? "; " : "");
		add_names(&text, &survey->sources[i]);
	}
	if (with_bare > SOURCES_TOLD)
		ct_strbuf_printf(&text, "; and in %zu more file%s", with_bare - SOURCES_TOLD,
				 with_bare - SOURCES_TOLD == 1 ? "" : "s");
	ct_findings_add(ret, CT_MARK_NOTE, "excluded", "%u function%s call%s no hook: %s.", bare,
			bare == 1 ? "" : "s", bare == 1 ? "s" : "", text.bytes ? text.bytes : "?");
	if (survey->exclusions)
		ct_findings_remedy(ret, "compiler options exclude some: %s", survey->exclusions);
	else if (survey->units_without_flag)
		ct_findings_remedy(ret, "compile with -finstrument-functions what was not: %s%s",
				   survey->unit_without_flag ? survey->unit_without_flag : "?",
				   survey->units_without_flag > 1 ? " and others" : "");
	else
		ct_findings_remedy(ret,
				   "nothing, when they are left out on purpose, by "
				   "__attribute__((no_instrument_function)) or a compiler option.");
}

static void check_hooks(const struct program *program, size_t hooked_libraries,
			struct ct_findings *ret)
{
	const struct ct_survey *survey = &program->survey;
	bool has_hooks = survey->imports_hooks || survey->defines_hooks;
	if (!has_hooks) {
		ct_findings_add(
			ret, hooked_libraries ? CT_MARK_NOTE : CT_MARK_PROBLEM, "instrumentation",
			"'%s' is not instrumented: it has no call of "
			"__cyg_profile_func_enter%s.",
			program->path, hooked_libraries ? ", but libraries of it have" : "");
		ct_findings_remedy(ret, "compile and link it with -finstrument-functions: make "
					"CC=\"calltrace cc\" CXX=\"calltrace c++\"");
		return;
	}
	/* A static program's hooks are libc's, of which enter and exit are one. */
	if (survey->defines_hooks && !program->loader[0] && !program->is_library) {
		ct_findings_add(ret, CT_MARK_OK, "instrumentation", "It is instrumented.");
		return;
	}
	if (survey->defines_hooks && !survey->imports_hooks) {
		ct_findings_add(ret, CT_MARK_PROBLEM, "own-hooks",
				"'%s' defines __cyg_profile_func_enter itself: its calls do not "
				"reach the library.",
				program->path);
		ct_findings_remedy(ret, "link it without the file that defines the hooks.");
		return;
	}
	if (survey->function_count && survey->counts_calls)
		ct_findings_add(ret, CT_MARK_OK, "instrumentation",
				"%u of %u functions call the hooks.", survey->hooked_count,
				survey->function_count);
	else if (survey->counts_calls)
		ct_findings_add(ret, CT_MARK_OK, "instrumentation",
				"It is instrumented: %zu calls of the hook.", survey->enter_calls);
	else
		ct_findings_add(ret, CT_MARK_OK, "instrumentation", "It is instrumented.");
	if (survey->counts_calls)
		tell_bare_functions(program, ret);
}

/* ---- libraries ---- */

struct libraries {
	size_t hooked, known;
	struct ct_strbuf names; /* of those with hooks */
	struct ct_strbuf bare;	/* of those without, outside the system's folders */
	struct ct_strbuf missing;
};

static void libraries_deinit(struct libraries *libraries)
{
	ct_strbuf_deinit(&libraries->names);
	ct_strbuf_deinit(&libraries->bare);
	ct_strbuf_deinit(&libraries->missing);
}

static void add_word(struct ct_strbuf *text, const char *word)
{
	ct_strbuf_add_string(text, text->length ? ", " : "");
	ct_strbuf_add_string(text, word);
}

static void look_at_library(struct libraries *libraries, const char *path)
{
	ct_cleanup(cleanup_file) struct ct_elf_file *file = NULL;
	struct ct_error *err = ct_elf_file_open(path, &file);
	if (err) {
		ct_error_destroy(err);
		return;
	}
	const char *name = strrchr(path, '/') + 1;
	if (begins_with(name, "libcalltrace.so"))
		return;
	libraries->known++;
	if (ct_survey_imports_hooks(file)) {
		libraries->hooked++;
		add_word(&libraries->names, name);
	} else if (!begins_with(path, "/lib") && !begins_with(path, "/usr/lib")) {
		add_word(&libraries->bare, name);
	}
}

/* "\tlibm.so.6 => /lib/libm.so.6 (0x7f...)", "\tlibx.so => not found" */
static void read_line(struct libraries *libraries, char *line)
{
	char *arrow = strstr(line, " => ");
	if (!arrow)
		return;
	*arrow = '\0';
	char *path = arrow + strlen(" => ");
	const char *name = line + strspn(line, "\t ");
	if (begins_with(path, "not found")) {
		add_word(&libraries->missing, name);
		return;
	}
	char *address = strstr(path, " (0x");
	if (!address || path[0] != '/')
		return;
	*address = '\0';
	look_at_library(libraries, path);
}

static __attribute__((noreturn)) void run_loader(const char *loader, const char *path, int fd)
{
	enum { PATIENCE_S = 10 };
	int nothing = open("/dev/null", O_RDWR);
	dup2(nothing, STDIN_FILENO);
	dup2(nothing, STDERR_FILENO);
	dup2(fd, STDOUT_FILENO);
	unsetenv("LD_PRELOAD");
	/* --list of glibc 2.36 stops at the first that is missing. */
	setenv("LD_TRACE_LOADED_OBJECTS", "1", 1);
	alarm(PATIENCE_S);
	execl(loader, loader, path, (char *)NULL);
	_exit(1);
}

static void list_libraries(const char *loader, const char *program, struct libraries *ret)
{
	enum { LINES_MAX = 10000 };
	int ends[2];
	ct_cleanup(ct_cleanup_free) char *path = realpath(program, NULL);
	if (!path || pipe2(ends, O_CLOEXEC) != 0)
		return;
	pid_t pid = fork();
	if (pid == 0)
		run_loader(loader, path, ends[1]);
	close(ends[1]);
	FILE *lines = pid > 0 ? fdopen(ends[0], "r") : NULL;
	if (!lines) {
		close(ends[0]);
	} else {
		ct_cleanup(ct_cleanup_free) char *line = NULL;
		size_t capacity = 0;
		for (int i = 0; i < LINES_MAX && getline(&line, &capacity, lines) > 0; i++)
			read_line(ret, line);
		fclose(lines);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void check_libraries(const struct libraries *libraries, struct ct_findings *ret)
{
	if (libraries->missing.length) {
		ct_findings_add(ret, CT_MARK_PROBLEM, "libraries",
				"Libraries that it needs are not found: %s.",
				libraries->missing.bytes);
		ct_findings_remedy(ret, "install them, or tell the loader where they are: "
					"LD_LIBRARY_PATH=FOLDER");
	}
	if (libraries->hooked)
		ct_findings_add(ret, CT_MARK_OK, "libraries",
				"%zu of its %zu shared libraries %s instrumented: %s.",
				libraries->hooked, libraries->known,
				libraries->hooked == 1 ? "is" : "are", libraries->names.bytes);
	if (libraries->bare.length) {
		ct_findings_add(ret, CT_MARK_NOTE, "libraries",
				"Shared libraries that are not the system's are not instrumented: "
				"%s.",
				libraries->bare.bytes);
		ct_findings_remedy(ret, "compile them with -finstrument-functions if their calls "
					"matter.");
	}
}

/* ---- symbols and debug information ---- */

static void check_symbols(const struct ct_survey *survey, struct ct_findings *ret)
{
	if (survey->has_symtab) {
		ct_findings_add(ret, CT_MARK_OK, "symbols", "It has a symbol table.");
		return;
	}
	ct_findings_add(ret, CT_MARK_NOTE, "symbols",
			"It is stripped: functions that are not exported %s.",
			survey->has_debug_info ? "have the names of the debug information alone"
					       : "are shown as addresses");
	ct_findings_remedy(ret, "link without -s, and record what was not run through strip.");
}

static void tell_debug_info(const struct ct_survey *survey, struct ct_findings *ret)
{
	char version[32];
	if (survey->version_low == survey->version_high)
		snprintf(version, sizeof(version), "DWARF %u", survey->version_low);
	else
		snprintf(version, sizeof(version), "DWARF %u to %u", survey->version_low,
			 survey->version_high);
	ct_findings_add(
		ret, CT_MARK_OK, "debug-info", "It has debug information: %s%s%s%s%s.", version,
		survey->debug_file ? ", in " : "", survey->debug_file ? survey->debug_file : "",
		survey->compiler ? "; compiled by " : "", survey->compiler ? survey->compiler : "");
	if (survey->lines_only) {
		ct_findings_add(
			ret, CT_MARK_NOTE, "debug-info",
			"The debug information has lines, but neither types nor variables: no "
			"arguments can be captured.");
		ct_findings_remedy(ret, "compile with -g instead of -g1 or -gline-tables-only.");
	}
	if (survey->split_missing) {
		ct_findings_add(ret, CT_MARK_NOTE, "debug-info",
				"Of %u units with split debug information %u are not found: they "
				"have lines, but no arguments.",
				survey->split_units, survey->split_missing);
		ct_findings_remedy(ret, "keep the .dwo files where the compiler left them, or the "
					".dwp file beside the program.");
	}
	if (survey->lacks_alternate) {
		ct_findings_add(ret, CT_MARK_NOTE, "debug-info",
				"The file to which dwz moved parts of the debug information is not "
				"found.");
		ct_findings_remedy(ret, "install the debug package as a whole.");
	}
	if (survey->is_link_time_optimised) {
		ct_findings_add(
			ret, CT_MARK_NOTE, "optimisation",
			"It is optimised at link time (-flto): calls are recorded as in the "
			"source, but arguments are optimised out more often.");
		ct_findings_remedy(ret, "compile without -flto if arguments matter.");
	}
}

static void check_debug_info(const struct program *program, struct ct_findings *ret)
{
	const struct ct_survey *survey = &program->survey;
	if (survey->has_debug_info) {
		tell_debug_info(survey, ret);
		return;
	}
	ct_findings_add(ret, CT_MARK_NOTE, "debug-info",
			"%s: calls have no source lines, and no arguments can be captured.",
			survey->is_compressed ? "Its debug information cannot be unpacked"
			: survey->names_debug_file
				? "Its debug information is in a file of its own "
				  "that is not found"
				: "It has no debug information");
	if (survey->is_compressed)
		ct_findings_remedy(ret, "compile without -gz=zstd.");
	else if (survey->names_debug_file)
		ct_findings_remedy(ret, "install the package of its debug symbols.");
	else
		ct_findings_remedy(ret, "compile with -g.");
}

/* ---- what else is in there ---- */

static void check_sanitizers(const struct program *program, struct ct_findings *ret)
{
	const char *options = getenv("ASAN_OPTIONS");
	bool is_told = options && (strstr(options, "verify_asan_link_order=0") ||
				   strstr(options, "verify_asan_link_order=false"));
	if (program->needs_asan && !is_told) {
		ct_findings_add(
			ret, CT_MARK_PROBLEM, "asan",
			"It is linked with AddressSanitizer's library, which ends a process "
			"into which another was preloaded.");
		ct_findings_remedy(ret, "ASAN_OPTIONS=verify_asan_link_order=0 calltrace record %s",
				   program->path);
	} else if (program->needs_asan || program->needs_sanitizer) {
		ct_findings_add(ret, CT_MARK_NOTE, "sanitizer",
				"It is linked with a sanitizer: times include its checks.");
		ct_findings_remedy(ret, "compile without -fsanitize if times matter.");
	}
}

static bool imports(const struct ct_elf_file *file, const char *wanted)
{
	Elf_Scn *section = NULL;
	while ((section = elf_nextscn(file->elf, section))) {
		GElf_Shdr header;
		GElf_Sym symbol;
		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_DYNSYM)
			continue;
		Elf_Data *data = elf_getdata(section, NULL);
		for (int i = 0; data && gelf_getsym(data, i, &symbol); i++) {
			const char *name = elf_strptr(file->elf, header.sh_link, symbol.st_name);
			if (name && symbol.st_shndx == SHN_UNDEF && strcmp(name, wanted) == 0)
				return true;
		}
	}
	return false;
}

static void check_profiling(const struct program *program, struct ct_findings *ret)
{
	if (!imports(program->file, "mcount") && !imports(program->file, "_mcount") &&
	    !imports(program->file, "__fentry__"))
		return;
	ct_findings_add(ret, CT_MARK_NOTE, "profiling",
			"It is compiled with -pg, too: times include that profiler's work.");
	ct_findings_remedy(ret, "compile without -pg.");
}

/* Is the program marked for shadow stacks, on a machine whose kernel gives them? */
static void check_shadow_stack(const struct program *program, struct ct_findings *ret)
{
	enum { PROPERTY_X86_FEATURES = 0xc0000002, SHADOW_STACK = 2 };
	Elf_Scn *section = ct_elf_file_section(program->file, ".note.gnu.property");
	Elf_Data *data = section ? elf_rawdata(section, NULL) : NULL;
	bool is_marked = false, has_kernel = false;
	for (size_t at = 16; data && at + 12 <= data->d_size; at += 8) {
		uint32_t words[3];
		memcpy(words, (const char *)data->d_buf + at, sizeof(words));
		is_marked |= words[0] == PROPERTY_X86_FEATURES && words[1] == 4 &&
			     words[2] & SHADOW_STACK;
	}
	FILE *processors = is_marked ? fopen("/proc/cpuinfo", "re") : NULL;
	ct_cleanup(ct_cleanup_free) char *line = NULL;
	size_t capacity = 0;
	while (processors && getline(&line, &capacity, processors) > 0 && *line != '\n')
		has_kernel |= strstr(line, " user_shstk") != NULL;
	if (processors)
		fclose(processors);
	if (!has_kernel)
		return;
	ct_findings_add(
		ret, CT_MARK_NOTE, "shadow-stack",
		"It is marked for shadow stacks, which this machine has: with them on, some "
		"return values are not captured.");
	ct_findings_remedy(ret, "compile with -fcf-protection=none if return values matter.");
}

/* ---- the whole ---- */

static struct ct_error *examine(struct program *program, struct ct_findings *ret)
{
	struct libraries libraries = {0};
	GElf_Ehdr own_header;
	char loader[NAME_BYTES];
	own_loader(&own_header, loader);
	read_loader(program);
	read_dynamic_section(program);
	bool fits = check_kind(program, &own_header, ret);
	check_access(program, ret);
	check_privileges(program, ret);
	if (fits && loader[0] && (program->is_library || strcmp(loader, program->loader) == 0))
		list_libraries(loader, program->path, &libraries);
	struct ct_error *err = ct_survey_make(program->file, ct_term_survey_progress,
					      &program->survey);
	ct_term_clear();
	if (!err) {
		check_hooks(program, libraries.hooked, ret);
		check_libraries(&libraries, ret);
		check_symbols(&program->survey, ret);
		check_debug_info(program, ret);
		check_sanitizers(program, ret);
		check_profiling(program, ret);
		check_shadow_stack(program, ret);
		if (program->needs_calltrace)
			ct_findings_add(ret, CT_MARK_OK, "linked",
					"It is linked with libcalltrace.so: nothing has to be "
					"preloaded.");
	}
	libraries_deinit(&libraries);
	return !err && ret->failed ? ct_error_nomem : err;
}

struct ct_error *ct_doctor_program(const char *name, struct ct_findings *ret)
{
	ct_cleanup(ct_cleanup_free) char *path = find_program(name);
	ct_cleanup(program_deinit) struct program program = {.path = path};
	char interpreter[NAME_BYTES];
	if (!path)
		return ct_error_nomem;
	if (stat(path, &program.status) != 0)
		return ct_error_create("there is no program '%s'", name);
	if (!S_ISREG(program.status.st_mode))
		return ct_error_create("'%s' is no program but %s", path,
				       S_ISDIR(program.status.st_mode) ? "a folder"
								       : "a special file");
	if (access(path, R_OK) != 0) {
		ct_findings_add(
			ret, CT_MARK_NOTE, "permissions",
			"'%s' cannot be read: nothing is known of it, and its functions will "
			"be shown as addresses.",
			path);
		ct_findings_remedy(ret, "chmod +r %s", path);
		return ret->failed ? ct_error_nomem : NULL;
	}
	if (read_interpreter(path, interpreter)) {
		tell_script(path, interpreter, ret);
		check_access(&program, ret);
		return ret->failed ? ct_error_nomem : NULL;
	}
	struct ct_error *err = ct_elf_file_open(path, &program.file);
	if (err || !gelf_getehdr(program.file->elf, &program.header)) {
		ct_error_destroy(err);
		ct_findings_add(ret, CT_MARK_PROBLEM, "program",
				"'%s' is neither a program nor a shared library.", path);
		ct_findings_remedy(ret, "name what the linker made.");
		return ret->failed ? ct_error_nomem : NULL;
	}
	return examine(&program, ret);
}
