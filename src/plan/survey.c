/* SPDX-License-Identifier: MIT */
/* Surveys of programs: see survey.h. */
#include "plan/survey.h"

#include <dwarf.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "plan/hook_sites.h"
#include "plan/split.h"
#include "symbols/dwarf_index.h"
#include "symbols/dwarf_walk.h"
#include "symbols/symtab.h"

static const char debug_root[] = "/usr/lib/debug";
static const char flag[] = "-finstrument-functions";

/* A function with code. */
struct function {
	const char *source; /* "": not known */
	const char *name;
	bool is_hooked;
};

struct surveyor {
	struct ct_survey *survey;
	const struct ct_elf_file *file;
	struct ct_hook_sites sites;
	bool *is_inlined; /* by site: it belongs to an inlined instance */
	struct function *functions;
	size_t function_count, function_capacity;
	Dwarf_Die *of_unit; /* functions of the unit that is being read */
	size_t of_unit_count, of_unit_capacity;
	struct ct_dwarf_walk *walk;
	uint64_t budget; /* entries and ranges that may still be read: files may fan out */
	uint32_t units, units_with_types;
};

void ct_survey_deinit(struct ct_survey *survey)
{
	for (size_t i = 0; i < survey->source_count; i++) {
		for (size_t j = 0; j < sizeof(survey->sources[i].bare) / sizeof(char *); j++)
			free(survey->sources[i].bare[j]);
		free(survey->sources[i].name);
	}
	free(survey->sources);
	free(survey->unit_without_flag);
	free(survey->exclusions);
	free(survey->compiler);
	free(survey->debug_file);
	*survey = (struct ct_survey){0};
}

static void surveyor_deinit(struct surveyor *surveyor)
{
	ct_hook_sites_deinit(&surveyor->sites);
	free(surveyor->is_inlined);
	free(surveyor->functions);
	free(surveyor->of_unit);
	free(surveyor->walk);
}

static bool add_function(struct surveyor *surveyor, struct function function)
{
	if (surveyor->function_count == surveyor->function_capacity) {
		size_t capacity = surveyor->function_capacity ? surveyor->function_capacity * 2
							      : 256;
		struct function *functions = reallocarray(surveyor->functions, capacity,
							  sizeof(*functions));
		if (!functions)
			return false;
		surveyor->functions = functions;
		surveyor->function_capacity = capacity;
	}
	surveyor->functions[surveyor->function_count++] = function;
	return true;
}

/* ---- dynamic symbols ---- */

/* Calls `found` for each hook of the dynamic symbol table. */
static void look_for_hooks(const struct ct_elf_file *file, bool *ret_imports, bool *ret_defines)
{
	static const char prefix[] = "__cyg_profile_func_";
	Elf_Scn *section = NULL;
	*ret_imports = *ret_defines = false;
	while ((section = elf_nextscn(file->elf, section))) {
		GElf_Shdr header;
		GElf_Sym symbol;
		if (!gelf_getshdr(section, &header) ||
		    (header.sh_type != SHT_DYNSYM && header.sh_type != SHT_SYMTAB) ||
		    header.sh_flags & SHF_COMPRESSED)
			continue;
		Elf_Data *data = elf_getdata(section, NULL);
		for (int i = 0; data && gelf_getsym(data, i, &symbol); i++) {
			const char *name = elf_strptr(file->elf, header.sh_link, symbol.st_name);
			if (!name || strncmp(name, prefix, sizeof(prefix) - 1) != 0)
				continue;
			*ret_imports |= symbol.st_shndx == SHN_UNDEF &&
					header.sh_type == SHT_DYNSYM;
			*ret_defines |= symbol.st_shndx != SHN_UNDEF && symbol.st_value != 0;
		}
	}
}

bool ct_survey_imports_hooks(const struct ct_elf_file *file)
{
	bool imports, defines;
	look_for_hooks(file, &imports, &defines);
	return imports;
}

/* ---- functions by symbols ---- */

/* What the compiler's start-up files and libc's static part bring along. */
static bool is_start_up(const char *name)
{
	static const char *const names[] = {
		"_start",
		"_init",
		"_fini",
		"deregister_tm_clones",
		"atexit",
		"frame_dummy",
		"__libc_csu_init",
		"register_tm_clones",
		"at_quick_exit",
		"__libc_csu_fini",
		"_dl_relocate_static_pie",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return strncmp(name, "__do_global_", 12) == 0 || strncmp(name, "__cyg_profile_", 14) == 0;
}

static bool has_site_between(const struct surveyor *surveyor, uint64_t low, uint64_t high)
{
	const struct ct_hook_sites *sites = &surveyor->sites;
	for (size_t i = ct_hook_sites_from(sites, low);
	     i < sites->count && sites->sites[i].address <= high; i++)
		if (!sites->sites[i].is_exit && !surveyor->is_inlined[i] &&
		    sites->sites[i].address > low)
			return true;
	return false;
}

static bool survey_symbols(struct surveyor *surveyor, const struct ct_symtab *symtab)
{
	for (size_t i = 0; i < symtab->count; i++) {
		const struct ct_symtab_entry *entry = &symtab->entries[i];
		bool is_piece = ct_symtab_stem_length(entry->name) != strlen(entry->name);
		bool is_hooked = has_site_between(surveyor, entry->low, entry->high);
		if (entry->is_untyped || is_start_up(entry->name) || (is_piece && !is_hooked) ||
		    (i > 0 && symtab->entries[i - 1].low == entry->low))
			continue;
		if (!add_function(surveyor, (struct function){"", entry->name, is_hooked}))
			return false;
	}
	return true;
}

/* ---- functions by debug information ---- */

static bool may_hold_code(Dwarf_Die *die)
{
	return dwarf_tag(die) == DW_TAG_inlined_subroutine || ct_dwarf_may_hold_functions(die);
}

static void mark_inlined(struct surveyor *surveyor, Dwarf_Die *die)
{
	const struct ct_hook_sites *sites = &surveyor->sites;
	Dwarf_Addr base, low, high;
	for (ptrdiff_t at = 0;
	     surveyor->budget > 0 && (at = dwarf_ranges(die, at, &base, &low, &high)) > 0;
	     surveyor->budget--)
		for (size_t i = ct_hook_sites_from(sites, low);
		     i < sites->count && sites->sites[i].address <= high; i++)
			surveyor->is_inlined[i] |= sites->sites[i].address > low;
}

static bool is_hooked(struct surveyor *surveyor, Dwarf_Die *die)
{
	Dwarf_Addr base, low, high;
	for (ptrdiff_t at = 0;
	     surveyor->budget > 0 && (at = dwarf_ranges(die, at, &base, &low, &high)) > 0;
	     surveyor->budget--)
		if (has_site_between(surveyor, low, high))
			return true;
	return false;
}

/* Linkers leave what they threw away at 0 or 1. */
static bool has_code(Dwarf_Die *die)
{
	Dwarf_Addr base, low, high;
	return dwarf_ranges(die, 0, &base, &low, &high) > 0 && low > 1 && low < high;
}

static bool keep_of_unit(struct surveyor *surveyor, const Dwarf_Die *die)
{
	if (surveyor->of_unit_count == surveyor->of_unit_capacity) {
		size_t capacity = surveyor->of_unit_capacity ? surveyor->of_unit_capacity * 2 : 64;
		Dwarf_Die *dies = reallocarray(surveyor->of_unit, capacity, sizeof(*dies));
		if (!dies)
			return false;
		surveyor->of_unit = dies;
		surveyor->of_unit_capacity = capacity;
	}
	surveyor->of_unit[surveyor->of_unit_count++] = *die;
	return true;
}

/* Inlined instances come first: a hook that is theirs is not their function's. */
static bool survey_unit(struct surveyor *surveyor, Dwarf_Die *unit)
{
	bool has_types = false;
	surveyor->of_unit_count = 0;
	ct_dwarf_walk_begin(surveyor->walk, unit);
	for (Dwarf_Die *die;
	     surveyor->budget > 0 && (die = ct_dwarf_walk_next(surveyor->walk, may_hold_code));
	     surveyor->budget--) {
		int tag = dwarf_tag(die);
		has_types |= tag == DW_TAG_base_type || tag == DW_TAG_formal_parameter ||
			     tag == DW_TAG_imported_unit;
		if (tag == DW_TAG_inlined_subroutine)
			mark_inlined(surveyor, die);
		else if (tag == DW_TAG_subprogram && has_code(die) && !keep_of_unit(surveyor, die))
			return false;
	}
	surveyor->units++;
	surveyor->units_with_types += has_types || surveyor->of_unit_count == 0;
	for (size_t i = 0; i < surveyor->of_unit_count; i++) {
		Dwarf_Die *die = &surveyor->of_unit[i];
		const char *source = ct_dwarf_declaration_file(die), *name = dwarf_diename(die);
		if (!source)
			source = dwarf_diename(unit);
		if (!add_function(surveyor,
				  (struct function){source ? source : "", name ? name : "?",
						    is_hooked(surveyor, die)}))
			return false;
	}
	return true;
}

/* ---- what compilers write down ---- */

static bool is_word(const char *at, size_t length)
{
	return at[length] == ' ' || at[length] == '\0';
}

static void add_exclusion(struct ct_survey *survey, const char *at)
{
	size_t length = strcspn(at, " ");
	char *all = NULL;
	if (survey->exclusions &&
	    memmem(survey->exclusions, strlen(survey->exclusions), at, length))
		return;
	if (asprintf(&all, "%s%s%.*s", survey->exclusions ? survey->exclusions : "",
		     survey->exclusions ? " " : "", (int)length, at) < 0)
		return;
	free(survey->exclusions);
	survey->exclusions = all;
}

/* "GNU C17 12.2.0 -mtune=generic -g -O2 ...": what it is, and how it optimised. */
static char *short_compiler(const char *producer)
{
	const char *options = strstr(producer, " -");
	size_t length = options ? (size_t)(options - producer) : strlen(producer);
	const char *level = NULL;
	char *ret = NULL;
	for (const char *at = options; at && (at = strstr(at, " -O")); at++)
		level = at;
	size_t level_length = level ? strcspn(level + 1, " ") + 1 : 0;
	if (asprintf(&ret, "%.*s%.*s%s", (int)length, producer, (int)level_length,
		     level ? level : "", options && !level ? " -O0" : "") < 0)
		return NULL;
	return ret;
}

static void read_producer(struct ct_survey *survey, Dwarf_Die *unit)
{
	Dwarf_Attribute attribute;
	const char *producer = dwarf_formstring(dwarf_attr(unit, DW_AT_producer, &attribute));
	if (!producer || strncmp(producer, "GNU ", 4) != 0) {
		if (producer && !survey->compiler)
			survey->compiler = strdup(producer);
		return;
	}
	bool is_assembler = strncmp(producer, "GNU AS ", 7) == 0;
	bool has_flag = false;
	for (const char *at = producer; (at = strstr(at, flag)); at++) {
		has_flag |= is_word(at, sizeof(flag) - 1);
		if (strncmp(at + sizeof(flag) - 1, "-exclude-", 9) == 0)
			add_exclusion(survey, at);
	}
	survey->is_link_time_optimised |= strncmp(producer, "GNU GIMPLE", 10) == 0;
	if (is_assembler)
		return;
	if (!survey->compiler)
		survey->compiler = short_compiler(producer);
	/* Without any options at all they were not to be written down. */
	if (has_flag || !strstr(producer, " -"))
		return;
	survey->units_without_flag++;
	const char *name = dwarf_diename(unit);
	if (!survey->unit_without_flag && name)
		survey->unit_without_flag = strdup(name);
}

/* ---- units ---- */

static void note_version(struct ct_survey *survey, uint32_t version)
{
	if (survey->version_low == 0 || version < survey->version_low)
		survey->version_low = version;
	if (version > survey->version_high)
		survey->version_high = version;
}

static bool survey_units(struct surveyor *surveyor, Dwarf *dwarf, struct ct_split *split,
			 uint64_t info_bytes, void (*progress)(uint64_t done, uint64_t total))
{
	struct ct_survey *survey = surveyor->survey;
	Dwarf_CU *cu = NULL;
	Dwarf_Half version;
	uint8_t type;
	Dwarf_Die die, sub_die;
	while (dwarf_get_units(dwarf, cu, &cu, &version, &type, &die, &sub_die) == 0) {
		bool is_skeleton = ct_split_is_skeleton(&die, type);
		if (type != DW_UT_compile && !is_skeleton)
			continue;
		if (progress)
			progress(dwarf_dieoffset(&die), info_bytes);
		survey->has_debug_info = true;
		note_version(survey, version);
		survey->split_units += is_skeleton;
		if (is_skeleton && !ct_split_find(split, &die, &sub_die)) {
			survey->split_missing++;
			continue;
		}
		if (is_skeleton)
			die = sub_die;
		if (!survey_unit(surveyor, &die))
			return false;
		if (surveyor->of_unit_count)
			read_producer(survey, &die);
	}
	survey->lines_only = surveyor->units > 0 && surveyor->units_with_types == 0;
	return true;
}

/* ---- the sum ---- */

static int compare_functions(const void *a, const void *b)
{
	const struct function *left = a, *right = b;
	int order = strcmp(left->source, right->source);
	return order ? order : strcmp(left->name, right->name);
}

static int compare_sources(const void *a, const void *b)
{
	const struct ct_survey_source *left = a, *right = b;
	uint32_t bare_left = left->function_count - left->hooked_count;
	uint32_t bare_right = right->function_count - right->hooked_count;
	return (bare_left < bare_right) - (bare_left > bare_right);
}

static bool add_to_source(struct ct_survey_source *source, const struct function *function)
{
	uint32_t bare = source->function_count - source->hooked_count;
	source->function_count++;
	source->hooked_count += function->is_hooked;
	if (function->is_hooked || bare >= sizeof(source->bare) / sizeof(char *))
		return true;
	source->bare[bare] = strdup(function->name);
	return source->bare[bare] != NULL;
}

static bool sum_up(struct surveyor *surveyor)
{
	struct ct_survey *survey = surveyor->survey;
	size_t capacity = 0;
	if (surveyor->function_count)
		qsort(surveyor->functions, surveyor->function_count, sizeof(struct function),
		      compare_functions);
	for (size_t i = 0; i < surveyor->function_count; i++) {
		const struct function *function = &surveyor->functions[i];
		survey->function_count++;
		survey->hooked_count += function->is_hooked;
		if (i == 0 || strcmp(function->source, function[-1].source) != 0) {
			if (survey->source_count == capacity) {
				capacity = capacity ? capacity * 2 : 16;
				struct ct_survey_source *sources =
					reallocarray(survey->sources, capacity, sizeof(*sources));
				if (!sources)
					return false;
				survey->sources = sources;
			}
			survey->sources[survey->source_count++] = (struct ct_survey_source){
				.name = strdup(function->source),
			};
		}
		struct ct_survey_source *source = &survey->sources[survey->source_count - 1];
		if (!source->name || !add_to_source(source, function))
			return false;
	}
	if (survey->source_count)
		qsort(survey->sources, survey->source_count, sizeof(*survey->sources),
		      compare_sources);
	return true;
}

/* ---- files ---- */

static void cleanup_file(struct ct_elf_file **file)
{
	ct_elf_file_destroy(*file);
}

static void cleanup_dwarf(Dwarf **dwarf)
{
	dwarf_end(*dwarf);
}

static void cleanup_split(struct ct_split **split)
{
	ct_split_destroy(*split);
}

static void cleanup_symtab(struct ct_symtab *symtab)
{
	ct_symtab_deinit(symtab);
}

static Dwarf *open_dwarf(const struct ct_elf_file *file)
{
	Dwarf_CU *cu = NULL;
	Dwarf *dwarf = dwarf_begin_elf(file->elf, DWARF_C_READ, NULL);
	if (dwarf && dwarf_get_units(dwarf, NULL, &cu, NULL, NULL, NULL, NULL) == 0)
		return dwarf;
	dwarf_end(dwarf);
	return NULL;
}

static uint64_t info_bytes(const struct ct_elf_file *file)
{
	GElf_Shdr header;
	Elf_Scn *section = ct_elf_file_section(file, ".debug_info");
	return section && gelf_getshdr(section, &header) && header.sh_size ? header.sh_size : 1;
}

static struct ct_error *survey_files(struct surveyor *surveyor,
				     void (*progress)(uint64_t done, uint64_t total))
{
	struct ct_survey *survey = surveyor->survey;
	const struct ct_elf_file *file = surveyor->file;
	ct_cleanup(cleanup_file) struct ct_elf_file *debug = ct_elf_file_find_debug(file,
										    debug_root);
	ct_cleanup(cleanup_file) struct ct_elf_file *alternate = NULL;
	ct_cleanup(cleanup_file) struct ct_elf_file *mini = NULL;
	ct_cleanup(cleanup_dwarf) Dwarf *alternate_dwarf = NULL;
	ct_cleanup(cleanup_dwarf) Dwarf *dwarf = open_dwarf(file);
	ct_cleanup(cleanup_split) struct ct_split *split = NULL;
	ct_cleanup(cleanup_symtab) struct ct_symtab symtab = {0};
	const struct ct_elf_file *source = file;
	survey->has_symtab = ct_elf_file_section(file, ".symtab") ||
			     ct_elf_file_section(file, ".gnu_debugdata") ||
			     (debug && ct_elf_file_section(debug, ".symtab"));
	survey->names_debug_file = ct_elf_file_section(file, ".gnu_debuglink");
	survey->is_compressed = !dwarf && ct_elf_file_section(file, ".debug_info");
	if (!dwarf && debug && (dwarf = open_dwarf(debug))) {
		source = debug;
		survey->debug_file = strdup(debug->path);
	}
	if (dwarf) {
		alternate = ct_elf_file_find_alternate(source, debug_root);
		alternate_dwarf = alternate ? dwarf_begin_elf(alternate->elf, DWARF_C_READ, NULL)
					    : NULL;
		if (alternate_dwarf)
			dwarf_setalt(dwarf, alternate_dwarf);
		survey->lacks_alternate = !alternate_dwarf &&
					  ct_elf_file_section(source, ".gnu_debugaltlink");
		split = ct_split_create(file, source, dwarf);
		/* More entries than bytes there are not. */
		surveyor->budget = (uint64_t)source->size_bytes * 8;
		if (!split || !survey_units(surveyor, dwarf, split, info_bytes(source), progress))
			return ct_error_nomem;
	} else if (survey->has_symtab) {
		mini = ct_elf_file_open_minidebug(file);
		if (!ct_symtab_add_file(&symtab, file) ||
		    (debug && !ct_symtab_add_file(&symtab, debug)) ||
		    (mini && !ct_symtab_add_file(&symtab, mini)) || !ct_symtab_seal(&symtab) ||
		    !survey_symbols(surveyor, &symtab))
			return ct_error_nomem;
	}
	/* While the files are open: their names are in them. */
	return sum_up(surveyor) ? NULL : ct_error_nomem;
}

struct ct_error *ct_survey_make(const struct ct_elf_file *file,
				void (*progress)(uint64_t done, uint64_t total),
				struct ct_survey *ret)
{
	struct surveyor surveyor = {.survey = ret, .file = file};
	look_for_hooks(file, &ret->imports_hooks, &ret->defines_hooks);
	struct ct_error *err = ct_hook_sites_find(file, &surveyor.sites);
	ret->counts_calls = !err;
	ct_error_destroy(err);
	for (size_t i = 0; i < surveyor.sites.count; i++)
		ret->enter_calls += !surveyor.sites.sites[i].is_exit;
	surveyor.is_inlined = calloc(surveyor.sites.count + 1, sizeof(bool));
	surveyor.walk = malloc(sizeof(*surveyor.walk));
	err = surveyor.is_inlined && surveyor.walk ? survey_files(&surveyor, progress)
						   : ct_error_nomem;
	surveyor_deinit(&surveyor);
	return err;
}
