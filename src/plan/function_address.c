/* SPDX-License-Identifier: MIT */
/*
 * Which address a hook is told as the function. Of an inlined function and of
 * a clone it is that of the copy that was compiled by itself.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "plan/module.h"

enum {
	RDI = 5,
	ORIGIN_STEPS_MAX = 8,
	CALLS_MAX = 64, /* that are passed on the way to a hook */
};

void ct_plan_origins_deinit(struct ct_plan_origins *origins)
{
	free(origins->entries);
	*origins = (struct ct_plan_origins){0};
}

/* The abstract instance in the end; the DIE itself when it has none. */
static Dwarf_Die last_origin(const Dwarf_Die *die)
{
	Dwarf_Die at = *die;
	for (int i = 0; i < ORIGIN_STEPS_MAX; i++) {
		Dwarf_Attribute attribute;
		Dwarf_Die next;
		if (!dwarf_attr(&at, DW_AT_abstract_origin, &attribute) ||
		    !dwarf_formref_die(&attribute, &next))
			break;
		at = next;
	}
	return at;
}

bool ct_plan_origins_add(struct ct_plan_origins *origins, const struct ct_plan_function *function)
{
	if (origins->count == origins->capacity) {
		size_t capacity = origins->capacity ? origins->capacity * 2 : 64;
		struct ct_plan_origin *entries = reallocarray(origins->entries, capacity,
							      sizeof(*entries));
		if (!entries)
			return false;
		origins->entries = entries;
		origins->capacity = capacity;
	}
	origins->entries[origins->count++] = (struct ct_plan_origin){
		.origin = last_origin(&function->die).addr,
		.low = function->low,
		.die = function->die,
	};
	return true;
}

static int compare_origins(const void *a, const void *b)
{
	uintptr_t left = (uintptr_t)((const struct ct_plan_origin *)a)->origin;
	uintptr_t right = (uintptr_t)((const struct ct_plan_origin *)b)->origin;
	return (left > right) - (left < right);
}

void ct_plan_origins_seal(struct ct_plan_origins *origins)
{
	if (origins->count > 0)
		qsort(origins->entries, origins->count, sizeof(*origins->entries), compare_origins);
}

static const char *linkage_name(Dwarf_Die *die)
{
	static const unsigned int names[] = {DW_AT_linkage_name, DW_AT_MIPS_linkage_name,
					     DW_AT_name};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		Dwarf_Attribute attribute;
		const char *name =
			dwarf_formstring(dwarf_attr_integrate(die, names[i], &attribute));
		if (name && *name)
			return name;
	}
	return NULL;
}

/* May the linker's name be that of a function with this name in the source? */
static bool is_name_in(const char *symbol, const char *name)
{
	static const char operator_word[] = "operator";
	name += *name == '~';
	size_t length = strcspn(name, "<");
	if (strncmp(symbol, "_Z", 2) != 0)
		return false;
	/* Those of operators have codes for them: "cl" for "operator()". */
	return strncmp(name, operator_word, sizeof(operator_word) - 1) == 0 ||
	       memmem(symbol, strlen(symbol), name, length);
}

/*
 * Is the code at `low` the function itself, and no clone with a name of its own?
 * GCC does not give the linker's names of C++ functions that others cannot call;
 * the name in the source is a part of them.
 */
static enum ct_name_match match_name(struct ct_plan_module *module, Dwarf_Die *die, uint64_t low)
{
	Dwarf_Attribute attribute;
	const char *name = linkage_name(die);
	if (!name)
		return CT_NAME_NONE;
	enum ct_name_match match = ct_plan_names_match(&module->names, low, name);
	if (match != CT_NAME_OTHER || dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute))
		return match;
	const char *symbol = ct_plan_names_at(&module->names, low);
	bool is_clone = symbol[ct_symtab_stem_length(symbol)] != '\0';
	return !is_clone && is_name_in(symbol, name) ? CT_NAME_SAME : CT_NAME_OTHER;
}

/* What rdi holds at the call before `site`, when the way from the function's entry is straight. */
static uint64_t run_to_call(struct ct_plan_module *module, uint64_t low, uint64_t site)
{
	const struct ct_code *code = ct_hook_sites_code(&module->sites, low);
	uint64_t at = low;
	if (!code)
		return 0;
	ct_expr_arena_reset(module->arena);
	ct_machine_reset(module->machine);
	for (int calls = 0; calls < CALLS_MAX; calls++) {
		if (ct_machine_run(module->machine, code, at, 0, &at) != CT_MACHINE_CALL)
			return 0;
		if (at < site && site - at <= 7) {
			const struct ct_expr *told = ct_machine_register(module->machine, RDI);
			return told->kind == CT_EXPR_ADDRESS || told->kind == CT_EXPR_CONSTANT
				       ? (uint64_t)told->constant
				       : 0;
		}
		ct_machine_skip_call(module->machine, code, &at);
	}
	return 0;
}

struct ct_plan_origin *ct_plan_origins_find(struct ct_plan_module *module,
					    const struct ct_plan_origins *origins, Dwarf_Die *scope)
{
	struct ct_plan_origin wanted = {.origin = last_origin(scope).addr};
	struct ct_plan_origin *named = NULL;
	struct ct_plan_origin *unnamed = NULL;
	size_t named_count = 0;
	size_t unnamed_count = 0;
	size_t low = 0;
	size_t high = origins->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare_origins(&origins->entries[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < origins->count && origins->entries[low].origin == wanted.origin; low++) {
		struct ct_plan_origin *entry = &origins->entries[low];
		enum ct_name_match match = match_name(module, &entry->die, entry->low);
		if (match == CT_NAME_SAME) {
			named = entry;
			named_count++;
		} else if (match == CT_NAME_NONE) {
			unnamed = entry;
			unnamed_count++;
		}
	}
	/* Constructors are in the file once for whole objects and once for base classes. */
	if (named_count > 0)
		return named_count == 1 ? named : NULL;
	return unnamed_count == 1 ? unnamed : NULL;
}

/* The entries of the unit that are made from an abstract instance. */
static bool is_copy_at(const struct ct_plan_origins *origins, const void *origin, uint64_t low)
{
	for (size_t i = 0; i < origins->count; i++)
		if (origins->entries[i].low == low)
			return origins->entries[i].origin == origin;
	return false;
}

/*
 * Is what the code tells the hook the function that the scope is of? If not, the
 * hook is called for another one than the debug information says, and must not
 * get this one's plan.
 */
static bool is_told_right(struct ct_plan_module *module, const struct ct_plan_origins *origins,
			  Dwarf_Die *origin, uint64_t told)
{
	if (is_copy_at(origins, origin->addr, told))
		return true;
	const char *name = linkage_name(origin);
	/* Constructors and destructors have several linkage names, the abstract instance none. Of
	 * operators the name in the source says too little. */
	return name && strncmp(name, "operator", 8) != 0 &&
	       match_name(module, origin, told) == CT_NAME_SAME;
}

bool ct_plan_is_whole(struct ct_plan_module *module, const struct ct_plan_function *function)
{
	Dwarf_Die die = function->die;
	/* A function without an abstract instance has neither copies nor clones. */
	return !dwarf_hasattr(&die, DW_AT_abstract_origin) ||
	       match_name(module, &die, function->low) == CT_NAME_SAME;
}

static uint64_t find_by_name(struct ct_plan_module *module, const char *name)
{
	uint64_t pointer = ct_plan_names_find_pointer(&module->names, name);
	return pointer ? pointer : ct_plan_names_find(&module->names, name);
}

/*
 * Constructors and destructors have several functions each: C1 or D1 for whole
 * objects, C2 or D2 for base classes. The abstract instance, which is C4 or D4,
 * does not tell which one the hook is told; often they are one. A guess that is
 * wrong costs the values: the runtime refuses a plan of another function.
 */
static uint64_t find_structor(struct ct_plan_module *module, const char *name)
{
	ct_cleanup(ct_cleanup_free) char *copy = strdup(name);
	if (!copy || strncmp(copy, "_Z", 2) != 0)
		return 0;
	for (char *at = strchr(copy, '4'); at; at = strchr(at + 1, '4')) {
		if (at[-1] != 'C' && at[-1] != 'D')
			continue;
		for (char kind = '2'; kind >= '1'; kind--) {
			*at = kind;
			uint64_t found = find_by_name(module, copy);
			if (found)
				return found;
		}
		*at = '4';
	}
	return 0;
}

uint64_t ct_plan_function_address(struct ct_plan_module *module,
				  const struct ct_plan_origins *origins,
				  const struct ct_plan_function *function, Dwarf_Die *scope,
				  uint64_t site)
{
	bool is_inlined = dwarf_tag(scope) == DW_TAG_inlined_subroutine;
	if (!is_inlined && ct_plan_is_whole(module, function))
		return function->low;
	Dwarf_Die origin = last_origin(scope);
	uint64_t told = run_to_call(module, function->low, site);
	if (told)
		return is_told_right(module, origins, &origin, told) ? told : 0;
	/* Of one that others may have a copy of the dynamic linker chooses one. */
	const char *name = linkage_name(&origin);
	uint64_t pointer = name ? ct_plan_names_find_pointer(&module->names, name) : 0;
	if (pointer)
		return pointer;
	const struct ct_plan_origin *copy = ct_plan_origins_find(module, origins, scope);
	if (copy)
		return copy->low;
	/* In another unit: of one that is in several the linker has kept one copy. */
	uint64_t found = name ? ct_plan_names_find(&module->names, name) : 0;
	return found || !name ? found : find_structor(module, name);
}
