/* SPDX-License-Identifier: MIT */
/*
 * Walks the debug information once: functions with hook sites, the innermost
 * inlined function around each enter site, and a plan for each.
 */
#include "plan/planner.h"

#include <dwarf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "plan/folded.h"
#include "plan/module.h"
#include "plan/passed.h"
#include "plan/workers.h"
#include "symbols/dwarf_index.h"
#include "symbols/dwarf_walk.h"
#include "symbols/range_map.h"
#include "symbols/symbols.h"

enum {
	RANGES_MAX = 1024, /* of one function or inlined instance */
	MISSING_NAMED_MAX = 3,

	SITES_FOR_A_WORKER = 500, /* less work is done before another process has begun */
	ITEMS_OF_A_WORKER = 8,	  /* some take longer than others */
	SITES_OF_AN_ITEM = 100,	  /* at least */
};

static const char default_debug_root[] = "/usr/lib/debug";

/* ---- units ---- */

/* Sites in [low, high), by the call and not by the return address: [*ret_from, *ret_to). */
static void sites_in(const struct ct_hook_sites *sites, uint64_t low, uint64_t high,
		     size_t *ret_from, size_t *ret_to)
{
	*ret_from = ct_hook_sites_from(sites, low + 1);
	*ret_to = ct_hook_sites_from(sites, high + 1);
}

static size_t count_sites(const struct ct_hook_sites *sites, Dwarf_Die *die)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t offset = 0;
	size_t count = 0;
	for (size_t i = 0; i < SIZE_MAX; i++) {
		offset = dwarf_ranges(die, offset, &base, &low, &high);
		if (offset <= 0)
			break;
		size_t from, to;
		sites_in(sites, low, high, &from, &to);
		if (low != 0 && low < high && from < to)
			count += to - from;
	}
	return count;
}

struct unit {
	struct ct_plan_module *module;
	Dwarf_Die die;
	const char *folder; /* it was compiled in; NULL: not known */
	struct ct_plan_origins origins;
	struct ct_plan_function *functions;
	size_t function_count;
	size_t function_capacity;
	unsigned int clang_version;
};

static void unit_deinit(struct unit *unit)
{
	ct_plan_origins_deinit(&unit->origins);
	free(unit->functions);
}

static bool add_function(struct unit *unit, Dwarf_Die *die)
{
	uint64_t low;
	if (!ct_plan_entry_address(die, &low) || !ct_hook_sites_code(&unit->module->sites, low))
		return true;
	if (unit->function_count == unit->function_capacity) {
		size_t capacity = unit->function_capacity ? unit->function_capacity * 2 : 64;
		struct ct_plan_function *functions = reallocarray(unit->functions, capacity,
								  sizeof(*functions));
		if (!functions)
			return false;
		unit->functions = functions;
		unit->function_capacity = capacity;
	}
	struct ct_plan_function *function = &unit->functions[unit->function_count++];
	*function = (struct ct_plan_function){
		.die = *die,
		.low = low,
		.clang_version = unit->clang_version,
	};
	return ct_plan_origins_add(&unit->origins, function);
}

static bool collect_functions(struct unit *unit, Dwarf_Die *root, struct ct_dwarf_walk *walk)
{
	Dwarf_Die *die;
	ct_dwarf_walk_begin(walk, root);
	while ((die = ct_dwarf_walk_next(walk, ct_dwarf_may_hold_functions))) {
		if (dwarf_tag(die) == DW_TAG_subprogram && !add_function(unit, die))
			return false;
	}
	ct_plan_origins_seal(&unit->origins);
	return true;
}

/* ---- functions ---- */

struct scopes {
	struct ct_range_map map; /* value: index in dies */
	Dwarf_Die *dies;
	size_t count;
	size_t capacity;
};

static void scopes_deinit(struct scopes *scopes)
{
	ct_range_map_deinit(&scopes->map);
	free(scopes->dies);
}

static bool add_scope(struct scopes *scopes, Dwarf_Die *die, size_t depth)
{
	if (scopes->count == scopes->capacity) {
		size_t capacity = scopes->capacity ? scopes->capacity * 2 : 16;
		Dwarf_Die *dies = reallocarray(scopes->dies, capacity, sizeof(*dies));
		if (!dies)
			return false;
		scopes->dies = dies;
		scopes->capacity = capacity;
	}
	Dwarf_Addr base, low, high;
	ptrdiff_t offset = 0;
	for (int i = 0; i < RANGES_MAX; i++) {
		offset = dwarf_ranges(die, offset, &base, &low, &high);
		if (offset <= 0)
			break;
		/* Of scopes that begin together the deepest is the innermost. */
		if (!ct_range_map_add(&scopes->map, low, high, (uint32_t)scopes->count,
				      (uint32_t)(CT_DWARF_WALK_DEPTH_MAX - depth)))
			return false;
	}
	scopes->dies[scopes->count++] = *die;
	return true;
}

static bool may_hold_inlined(Dwarf_Die *die)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_lexical_block:
	case DW_TAG_inlined_subroutine:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
		return true;
	default:
		return false;
	}
}

static bool collect_scopes(struct scopes *scopes, const Dwarf_Die *function,
			   struct ct_dwarf_walk *walk)
{
	Dwarf_Die *die;
	ct_dwarf_walk_begin(walk, function);
	while ((die = ct_dwarf_walk_next(walk, may_hold_inlined))) {
		if (dwarf_tag(die) == DW_TAG_inlined_subroutine &&
		    !add_scope(scopes, die, walk->depth))
			return false;
	}
	return ct_range_map_seal(&scopes->map);
}

/* The return of an inlined function: its exit hook is not where a value is returned. */
static void put_inlined_return(struct ct_plan_module *module, Dwarf_Die *scope)
{
	Dwarf_Die type;
	struct ct_plan_draft *draft = &module->draft;
	if (!ct_plan_return_type(scope, &type)) {
		ct_plan_put_u8(draft, 0);
		return;
	}
	ct_plan_put_u8(draft, 1);
	ct_plan_put_text(&draft->nodes, ct_describe_name(module->describer, &type));
	ct_plan_put_absent(draft, CT_WHY_INLINED);
}

static void plan_enter(struct unit *unit, const struct ct_plan_function *function, Dwarf_Die *scope,
		       const struct ct_plan_shape *shape, uint64_t address, uint64_t site)
{
	struct ct_plan_module *module = unit->module;
	struct ct_plan_draft *draft = &module->draft;
	bool is_inlined = dwarf_tag(scope) == DW_TAG_inlined_subroutine;
	ct_plan_parameters(module, &unit->origins, function, scope, site);
	if (is_inlined)
		put_inlined_return(module, scope);
	else
		ct_strbuf_add(&draft->nodes, shape->draft.nodes.bytes, shape->draft.nodes.length);
	if (draft->nodes.failed || draft->nodes.length > CT_PLAN_DESCRIPTION_MAX)
		return;
	ct_plan_writer_add(&module->writer, site,
			   &(struct ct_plan_content){
				   .head = {.kind = CT_PLAN_ENTER,
					    .function = address,
					    .function_is_slot = ct_plan_names_is_pointer(
						    &module->names, address)},
				   .ops = draft->ops,
				   .op_count = draft->op_count,
				   .shape = shape->draft.ops,
				   .shape_count = is_inlined ? 0 : shape->draft.op_count,
				   .description = draft->nodes.bytes,
				   .description_bytes = draft->nodes.length,
				   .payload_max = draft->payload_max,
			   });
}

/* A plan for no function at all: what is called there cannot be told. */
static void plan_nothing(struct ct_plan_module *module, uint64_t site)
{
	static const uint8_t description[2]; /* no parameters, no result */
	ct_plan_writer_add(&module->writer, site,
			   &(struct ct_plan_content){
				   .head = {.kind = CT_PLAN_ENTER},
				   .description = description,
				   .description_bytes = sizeof(description),
			   });
}

/* The file where the function is declared, to be freed. Packages of DWARF 5 have no tables of files
 * that can be read: the unit's own source then. Joined with the folder, as the trace's reader does:
 * patterns are to mean the same for both. */
static char *source_of(const struct unit *unit, Dwarf_Die *die)
{
	Dwarf_Die own_unit;
	char *path = NULL;
	const char *source = ct_dwarf_declaration_file(die);
	if (!source && dwarf_diecu(die, &own_unit, NULL, NULL))
		source = dwarf_diename(&own_unit);
	if (!source)
		return NULL;
	if (*source == '/' || !unit->folder || *unit->folder != '/')
		return strdup(source);
	return asprintf(&path, "%s/%s", unit->folder, source) < 0 ? NULL : path;
}

/* Does the filter let the function at `address` through? GCC leaves the linker's name out of the
 * debug information of some, and a symbol may be gone: either tells. */
static bool is_wanted(const struct unit *unit, Dwarf_Die *die, uint64_t address)
{
	struct ct_plan_module *module = unit->module;
	const struct ct_patterns *filter = module->options->filter;
	Dwarf_Attribute attribute;
	if (!filter)
		return true;
	Dwarf_Attribute *linkage = dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute);
	const char *name = dwarf_formstring(linkage);
	if (!name)
		name = ct_plan_names_at(&module->names, address);
	if (!name)
		name = dwarf_diename(die);
	ct_cleanup(ct_cleanup_free) char *whole = name ? ct_demangle(name) : NULL;
	ct_cleanup(ct_cleanup_free) char *source = ct_patterns_want_source(filter)
							   ? source_of(unit, die)
							   : NULL;
	struct ct_pattern_subject subject = {
		.linkage_name = name,
		.whole_name = whole,
		.module = module->file->path,
		.source = source,
	};
	return ct_patterns_match_all(filter, &subject, module->hits);
}

/* The hooks of a function, and of those inlined into it. */
struct function_sites {
	struct unit *unit;
	const struct ct_plan_function *function;
	struct scopes scopes;
	struct ct_plan_shape shape;
	Dwarf_Die die;	      /* of the function */
	uint64_t own_address; /* that its own hooks are told */
	bool is_own_known;
};

/* The address that the hook is told; 0: not known. */
static uint64_t told_address(struct function_sites *sites, Dwarf_Die *scope, uint64_t site)
{
	bool is_own = scope == &sites->die;
	if (is_own && sites->is_own_known)
		return sites->own_address;
	uint64_t address = ct_plan_function_address(sites->unit->module, &sites->unit->origins,
						    sites->function, scope, site);
	if (is_own) {
		sites->own_address = address;
		sites->is_own_known = true;
	}
	return address;
}

static void plan_site(struct function_sites *sites, const struct ct_hook_site *site)
{
	struct unit *unit = sites->unit;
	Dwarf_Die *scope = &sites->die;
	if (!site->is_exit) {
		const struct ct_range *inlined = ct_range_map_find(&sites->scopes.map,
								   site->address - 1);
		if (inlined)
			scope = &sites->scopes.dies[inlined->value];
	}
	uint64_t address = told_address(sites, scope, site->address);
	if (address == 0 || !is_wanted(unit, scope, address))
		return;
	if (ct_plan_folded_has(&unit->module->folded, sites->function->low)) {
		if (!site->is_exit)
			plan_nothing(unit->module, site->address);
		return;
	}
	if (site->is_exit)
		ct_plan_exit(unit->module, sites->function, &sites->shape, address, site->address);
	else
		plan_enter(unit, sites->function, scope, &sites->shape, address, site->address);
}

/* Those that enter, or those that leave, in all parts of the function. */
static void plan_sites(struct function_sites *sites, bool is_exit)
{
	const struct ct_hook_sites *all = &sites->unit->module->sites;
	Dwarf_Addr base, low, high;
	ptrdiff_t offset = 0;
	for (int i = 0; i < RANGES_MAX; i++) {
		size_t at, to;
		offset = dwarf_ranges(&sites->die, offset, &base, &low, &high);
		if (offset <= 0)
			return;
		if (low >= high)
			continue;
		sites_in(all, low, high, &at, &to);
		for (; at < to; at++)
			if (all->sites[at].is_exit == is_exit)
				plan_site(sites, &all->sites[at]);
	}
}

static bool plan_function(struct unit *unit, const struct ct_plan_function *function,
			  struct ct_dwarf_walk *walk)
{
	Dwarf_Die die = function->die;
	if (count_sites(&unit->module->sites, &die) == 0)
		return true;
	struct function_sites sites = {.unit = unit, .function = function, .die = die};
	bool is_collected = collect_scopes(&sites.scopes, &function->die, walk);
	if (is_collected) {
		ct_plan_shape_init(unit->module, function, &sites.shape);
		/* What its enter sites are told its exit sites are told, too. */
		plan_sites(&sites, false);
		plan_sites(&sites, true);
		ct_plan_shape_deinit(&sites.shape);
	}
	scopes_deinit(&sites.scopes);
	return is_collected;
}

/* Compilers that are neither GCC nor Clang are built on the latter. 0: GCC. */
static unsigned int find_clang_version(Dwarf_Die *unit_die)
{
	enum { OF_ANOTHER_NAME = 1 };
	static const char clang[] = "clang version ";
	Dwarf_Attribute attribute;
	const char *producer = dwarf_formstring(dwarf_attr(unit_die, DW_AT_producer, &attribute));
	if (producer && strncmp(producer, "GNU ", 4) == 0)
		return 0;
	const char *version = producer ? strstr(producer, clang) : NULL;
	unsigned long number = version ? strtoul(version + sizeof(clang) - 1, NULL, 10) : 0;
	return number > 0 && number < 1000 ? (unsigned int)number : OF_ANOTHER_NAME;
}

/* Of Clang's -g1: nothing but names, of functions that others were put into, or that were. */
static bool has_names_only(Dwarf_Die *unit_die)
{
	Dwarf_Attribute attribute;
	Dwarf_Die child;
	for (int more = dwarf_child(unit_die, &child); more == 0;
	     more = dwarf_siblingof(&child, &child))
		if (dwarf_tag(&child) != DW_TAG_subprogram ||
		    dwarf_attr_integrate(&child, DW_AT_decl_line, &attribute) ||
		    dwarf_hasattr(&child, DW_AT_artificial))
			return false;
	return true;
}

/* With -g1 functions have no parameters, and look like they had none. */
static bool has_lines_only(Dwarf_Die *unit_die)
{
	Dwarf_Attribute attribute;
	const char *producer = dwarf_formstring(dwarf_attr(unit_die, DW_AT_producer, &attribute));
	if (!producer || strncmp(producer, "GNU ", 4) != 0)
		return has_names_only(unit_die);
	const char *level = strstr(producer, " -g1");
	return level && (level[4] == ' ' || level[4] == '\0');
}

/* Some are named, or a line would not do. */
static void note_missing(struct ct_plan_module *module, Dwarf_Die *skeleton)
{
	const char *name = ct_split_name(skeleton);
	if (module->missing_count++ < MISSING_NAMED_MAX)
		ct_strbuf_printf(&module->missing_files, "%s'%s'",
				 module->missing_count > 1 ? ", " : "", name ? name : "?");
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static void warn_of_missing(struct ct_plan_module *module)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf sentence = {0};
	if (!module->missing_count || !module->options->warn)
		return;
	const char *name = last_part(module->file->path);
	size_t others = module->missing_count > MISSING_NAMED_MAX
				? module->missing_count - MISSING_NAMED_MAX
				: 0;
	if (others)
		ct_strbuf_printf(&module->missing_files, " and %zu more", others);
	ct_strbuf_printf(&sentence,
			 "'%s' has debug information in files that are not there (%s), so the "
			 "arguments of functions in them are not captured; put them where they "
			 "were made, beside '%s', or into '%s.dwp'",
			 name, module->missing_files.bytes, name, name);
	if (!sentence.failed && !module->missing_files.failed)
		module->options->warn(sentence.bytes);
}

struct unit_work {
	Dwarf_Die die;
	const char *folder; /* it was compiled in; of a split unit the skeleton knows it */
	size_t site_count;
};

/* A part of a unit's functions, to be planned by itself. */
struct item {
	const struct unit_work *unit;
	size_t part;
	size_t part_count;
};

struct plan_work {
	struct ct_plan_module *module;
	struct ct_dwarf_walk *walk;
	struct unit unit;	 /* of the last item */
	struct unit_work *units; /* that have sites */
	size_t unit_count;
	size_t unit_capacity;
	size_t site_count;
	struct item *items;
	size_t item_count;
};

static void plan_work_deinit(struct plan_work *work)
{
	unit_deinit(&work->unit);
	free(work->walk);
	free(work->units);
	free(work->items);
}

static bool add_unit(struct plan_work *work, const struct unit_work *unit)
{
	if (work->unit_count == work->unit_capacity) {
		size_t capacity = work->unit_capacity ? work->unit_capacity * 2 : 64;
		struct unit_work *units = reallocarray(work->units, capacity, sizeof(*units));
		if (!units)
			return false;
		work->units = units;
		work->unit_capacity = capacity;
	}
	work->units[work->unit_count++] = *unit;
	work->site_count += unit->site_count;
	return true;
}

static bool collect_units(struct plan_work *work, uint32_t *ret_flags)
{
	struct ct_plan_module *module = work->module;
	Dwarf_CU *cu = NULL;
	Dwarf_Half version;
	uint8_t type;
	Dwarf_Die die, sub_die;
	size_t without_parameters = 0;
	while (dwarf_get_units(module->dwarf, cu, &cu, &version, &type, &die, &sub_die) == 0) {
		bool is_skeleton = ct_split_is_skeleton(&die, type);
		if (type != DW_UT_compile && !is_skeleton)
			continue;
		size_t site_count = count_sites(&module->sites, &die);
		if (site_count == 0)
			continue;
		Dwarf_Attribute attribute;
		const char *folder = dwarf_formstring(dwarf_attr(&die, DW_AT_comp_dir, &attribute));
		if (is_skeleton) {
			if (!ct_split_find(module->split, &die, &sub_die)) {
				*ret_flags |= CT_PLAN_INCOMPLETE;
				note_missing(module, &die);
				continue;
			}
			die = sub_die;
		}
		if (has_lines_only(&die))
			without_parameters++;
		else if (!add_unit(work, &(struct unit_work){die, folder, site_count}))
			return false;
	}
	if (without_parameters && !work->unit_count && !module->missing_count)
		*ret_flags |= CT_PLAN_NO_DEBUG_INFO | CT_PLAN_LINES_ONLY;
	return true;
}

/* Items of about as many sites each. */
static bool make_items(struct plan_work *work, unsigned int workers)
{
	size_t wanted = work->site_count / ((size_t)workers * ITEMS_OF_A_WORKER) + 1;
	if (wanted < SITES_OF_AN_ITEM)
		wanted = SITES_OF_AN_ITEM;
	size_t item_count = 0;
	for (size_t i = 0; i < work->unit_count; i++)
		item_count += work->units[i].site_count / wanted + 1;
	work->items = calloc(item_count + 1, sizeof(*work->items));
	if (!work->items)
		return false;
	for (size_t i = 0; i < work->unit_count; i++) {
		size_t part_count = work->units[i].site_count / wanted + 1;
		for (size_t part = 0; part < part_count; part++)
			work->items[work->item_count++] = (struct item){&work->units[i], part,
									part_count};
	}
	return true;
}

static bool enter_unit(struct plan_work *work, const struct unit_work *unit_work)
{
	struct unit *unit = &work->unit;
	Dwarf_Die die = unit_work->die;
	if (unit->die.addr == die.addr)
		return true;
	unit_deinit(unit);
	*unit = (struct unit){
		.module = work->module,
		.die = die,
		.folder = unit_work->folder,
		.clang_version = find_clang_version(&die),
	};
	ct_describer_enter_unit(work->module->describer, &die);
	return collect_functions(unit, &die, work->walk);
}

static bool plan_item(void *context, size_t number)
{
	struct plan_work *work = context;
	struct item *item = &work->items[number];
	if (!enter_unit(work, item->unit))
		return false;
	struct unit *unit = &work->unit;
	size_t from = unit->function_count * item->part / item->part_count;
	size_t to = unit->function_count * (item->part + 1) / item->part_count;
	bool is_good = true;
	for (size_t i = from; is_good && i < to; i++)
		is_good = plan_function(unit, &unit->functions[i], work->walk);
	return is_good && !work->module->writer.failed;
}

static unsigned int choose_workers(const struct ct_plan_module *module, size_t site_count)
{
	unsigned int workers = module->options->workers;
	if (workers == 0)
		workers = ct_workers_processors();
	if (module->options->workers == 0 && workers > site_count / SITES_FOR_A_WORKER)
		workers = (unsigned int)(site_count / SITES_FOR_A_WORKER);
	return workers > 0 ? workers : 1;
}

static bool plan_units(struct ct_plan_module *module, uint32_t *ret_flags)
{
	struct plan_work work = {.module = module, .walk = malloc(sizeof(*work.walk))};
	bool is_good = work.walk && collect_units(&work, ret_flags) &&
		       ct_plan_folded_find(module, work.walk);
	unsigned int workers = choose_workers(module, work.site_count);
	is_good = is_good && make_items(&work, workers) &&
		  ct_workers_run(&(struct ct_work){.count = work.item_count,
						   .run = plan_item,
						   .context = &work,
						   .writer = &module->writer,
						   .progress = module->options->progress},
				 workers);
	plan_work_deinit(&work);
	return is_good;
}

/* ---- files ---- */

struct files {
	struct ct_elf_file *debug;
	struct ct_elf_file *alternate;
	Dwarf *alternate_dwarf;
};

static bool has_units(Dwarf *dwarf)
{
	Dwarf_CU *cu = NULL;
	return dwarf && dwarf_get_units(dwarf, NULL, &cu, NULL, NULL, NULL, NULL) == 0;
}

static Dwarf *open_dwarf(const struct ct_elf_file *file)
{
	Dwarf *dwarf = dwarf_begin_elf(file->elf, DWARF_C_READ, NULL);
	if (has_units(dwarf))
		return dwarf;
	dwarf_end(dwarf);
	return NULL;
}

static const char *debug_root(const struct ct_plan_module *module)
{
	return module->options->debug_root ? module->options->debug_root : default_debug_root;
}

static void open_debug_info(struct ct_plan_module *module, struct files *files)
{
	const char *root = debug_root(module);
	const struct ct_elf_file *source = module->file;
	module->dwarf = open_dwarf(module->file);
	if (!module->dwarf) {
		files->debug = ct_elf_file_find_debug(module->file, root);
		if (!files->debug)
			return;
		source = files->debug;
		module->dwarf = open_dwarf(files->debug);
	}
	if (!module->dwarf)
		return;
	files->alternate = ct_elf_file_find_alternate(source, root);
	if (!files->alternate)
		return;
	files->alternate_dwarf = dwarf_begin_elf(files->alternate->elf, DWARF_C_READ, NULL);
	if (files->alternate_dwarf)
		dwarf_setalt(module->dwarf, files->alternate_dwarf);
}

static bool open_tools(struct ct_plan_module *module, const struct files *files)
{
	module->cfi = dwarf_getcfi_elf(module->file->elf);
	module->debug_cfi = dwarf_getcfi(module->dwarf);
	module->memo = ct_location_memo_create();
	module->arena = ct_expr_arena_create();
	module->machine = module->arena ? ct_machine_create(module->arena) : NULL;
	module->describer = ct_describer_create(&module->options->settings);
	module->parameters = calloc(1, sizeof(*module->parameters));
	module->passed = calloc(1, sizeof(*module->passed));
	module->split = ct_split_create(module->file, files->debug ? files->debug : module->file,
					module->dwarf);
	return module->memo && module->machine && module->describer && module->parameters &&
	       module->passed && module->split &&
	       ct_plan_names_init(&module->names, module->file, files->debug);
}

static void module_deinit(struct ct_plan_module *module, struct files *files)
{
	ct_strbuf_deinit(&module->draft.nodes);
	ct_strbuf_deinit(&module->missing_files);
	if (module->hits)
		munmap(module->hits, ct_patterns_count(module->options->filter));
	if (module->parameters)
		ct_plan_parameter_list_clear(module->parameters);
	free(module->parameters);
	free(module->passed);
	ct_plan_writer_deinit(&module->writer);
	ct_plan_folded_deinit(&module->folded);
	ct_plan_names_deinit(&module->names);
	ct_describer_destroy(module->describer);
	ct_location_memo_destroy(module->memo);
	ct_machine_destroy(module->machine);
	ct_expr_arena_destroy(module->arena);
	ct_hook_sites_deinit(&module->sites);
	dwarf_cfi_end(module->cfi);
	ct_split_destroy(module->split);
	dwarf_end(module->dwarf);
	dwarf_end(files->alternate_dwarf);
	ct_elf_file_destroy(files->alternate);
	ct_elf_file_destroy(files->debug);
}

/* What libdw can decompress it has opened. */
static bool is_compressed(const struct ct_elf_file *file)
{
	GElf_Shdr header;
	Elf_Scn *section = file ? ct_elf_file_section(file, ".debug_info") : NULL;
	return section && gelf_getshdr(section, &header) && header.sh_flags & SHF_COMPRESSED;
}

/* The file that .gnu_debuglink names is not there, or is another's. False: it names none. */
static bool warn_of_debug_file(const struct ct_plan_module *module, const char *root)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf sentence = {0};
	ct_cleanup(ct_cleanup_free) char *unfit = NULL;
	const char *name = last_part(module->file->path);
	const char *debug = ct_elf_file_missing_debug(module->file, root, &unfit);
	if (!debug)
		return false;
	if (unfit)
		ct_strbuf_printf(
			&sentence,
			"'%s' is not the debug information of '%s', but of another build, so "
			"arguments are not captured; put there what was made with '%s', or "
			"install the package of its debug symbols",
			unfit, name, name);
	else
		ct_strbuf_printf(
			&sentence,
			"the debug information of '%s' is in a file of its own, '%s', which is "
			"not there, so arguments are not captured; install the package of its "
			"debug symbols, or put the file beside '%s'",
			name, debug, name);
	if (module->options->warn && !sentence.failed)
		module->options->warn(sentence.bytes);
	return true;
}

static struct ct_error *plan_module(struct ct_plan_module *module, struct files *files,
				    uint32_t *ret_flags)
{
	struct ct_error *err = ct_hook_sites_find(module->file, &module->sites);
	if (err)
		return err;
	if (module->sites.count == 0) {
		*ret_flags = CT_PLAN_NO_HOOKS;
		return NULL;
	}
	open_debug_info(module, files);
	if (!module->dwarf) {
		*ret_flags = CT_PLAN_NO_DEBUG_INFO;
		if (is_compressed(module->file) || is_compressed(files->debug))
			*ret_flags |= CT_PLAN_COMPRESSED;
		else if (!files->debug && warn_of_debug_file(module, debug_root(module)))
			*ret_flags |= CT_PLAN_NO_DEBUG_FILE;
		return NULL;
	}
	return open_tools(module, files) && plan_units(module, ret_flags) ? NULL : ct_error_nomem;
}

static struct ct_error *prepare_hits(struct ct_plan_module *module)
{
	size_t count = module->options->filter ? ct_patterns_count(module->options->filter) : 0;
	if (!count)
		return NULL;
	void *hits = mmap(NULL, count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (hits == MAP_FAILED)
		return ct_error_nomem;
	module->hits = hits;
	return NULL;
}

/* The patterns that fit nothing, as a plan file has them. */
static void list_misses(const struct ct_plan_module *module, struct ct_strbuf *ret)
{
	const struct ct_patterns *filter = module->options->filter;
	for (size_t i = 0; module->hits && i < ct_patterns_count(filter); i++) {
		const char *text = ct_patterns_text(filter, i);
		size_t size_bytes = strlen(text) + 1;
		if (!module->hits[i] && ret->length + size_bytes <= CT_PLAN_MISSES_MAX)
			ct_strbuf_add(ret, text, size_bytes);
	}
	while (ret->length % 8)
		ct_strbuf_add(ret, "", 1);
}

struct ct_error *ct_planner_run(const struct ct_elf_file *file,
				const struct ct_planner_options *options, struct ct_strbuf *ret)
{
	struct ct_plan_module module = {.options = options, .file = file};
	struct files files = {0};
	struct ct_plan_header header = {.settings = options->settings};
	if (file->build_id_bytes > 0 && file->build_id_bytes <= sizeof(header.build_id)) {
		header.build_id_bytes = (uint32_t)file->build_id_bytes;
		memcpy(header.build_id, file->build_id, file->build_id_bytes);
	}
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf misses = {0};
	struct ct_error *err = prepare_hits(&module);
	if (!err)
		err = plan_module(&module, &files, &header.flags);
	if (!err) {
		list_misses(&module, &misses);
		header.misses_bytes = misses.length;
		err = misses.failed
			      ? ct_error_nomem
			      : ct_plan_writer_finish(&module.writer, &header, misses.bytes, ret);
	}
	if (!err)
		warn_of_missing(&module);
	module_deinit(&module, &files);
	return err;
}
