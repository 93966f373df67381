/* SPDX-License-Identifier: MIT */
/*
 * A linker that folds functions of the same code keeps the symbols of all. Where
 * two of them, of different names, are at one address, the signatures that the
 * debug information has for these names are compared. GNU gold gives all of them
 * that address there, LLVM's linker all but one none.
 */
#include "plan/folded.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "plan/module.h"
#include "symbols/symbols.h"

struct candidate {
	uint64_t address;
	const char *name;
	char *signature; /* of the first function found; of the first of its address */
	bool differs;	 /* the same */
};

struct candidates {
	struct candidate *by_address;
	struct candidate **by_name;
	size_t count;
};

void ct_plan_folded_deinit(struct ct_plan_folded *folded)
{
	free(folded->addresses);
	*folded = (struct ct_plan_folded){0};
}

static void candidates_deinit(struct candidates *candidates)
{
	for (size_t i = 0; i < candidates->count; i++)
		free(candidates->by_address[i].signature);
	free(candidates->by_address);
	free(candidates->by_name);
}

bool ct_plan_entry_address(Dwarf_Die *die, uint64_t *ret)
{
	Dwarf_Addr base, low, high;
	if (dwarf_entrypc(die, ret) == 0)
		return *ret != 0;
	/* Of several ranges the first has the entry. */
	if (dwarf_ranges(die, 0, &base, &low, &high) <= 0 || low == 0)
		return false;
	*ret = low;
	return true;
}

/* ---- symbols ---- */

/* Do they name one function: a constructor for whole objects and for bases, a local alias? */
static bool is_same_function(const char *a, const char *b)
{
	size_t length = ct_symtab_stem_length(a);
	if (length == ct_symtab_stem_length(b) && memcmp(a, b, length) == 0)
		return true;
	if (strncmp(a, "_Z", 2) != 0 || strncmp(b, "_Z", 2) != 0)
		return false;
	ct_cleanup(ct_cleanup_free) char *whole_a = ct_demangle(a);
	ct_cleanup(ct_cleanup_free) char *whole_b = ct_demangle(b);
	return whole_a && whole_b && strcmp(whole_a, whole_b) == 0;
}

static bool has_several_functions(const struct ct_symtab_entry *entries, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (!is_same_function(entries[0].name, entries[i].name))
			return true;
	return false;
}

static int compare_by_name(const void *a, const void *b)
{
	const struct candidate *const *left = a;
	const struct candidate *const *right = b;
	return strcmp((*left)->name, (*right)->name);
}

static bool add_candidates(struct candidates *candidates, const struct ct_symtab_entry *entries,
			   size_t count)
{
	struct candidate *larger = reallocarray(candidates->by_address, candidates->count + count,
						sizeof(*larger));
	if (!larger)
		return false;
	candidates->by_address = larger;
	for (size_t i = 0; i < count; i++)
		larger[candidates->count++] = (struct candidate){.address = entries[i].low,
								 .name = entries[i].name};
	return true;
}

static bool find_candidates(const struct ct_plan_module *module, struct candidates *candidates)
{
	const struct ct_symtab *symtab = &module->names.symtab;
	size_t end;
	for (size_t i = 0; i < symtab->count; i = end) {
		const struct ct_symtab_entry *first = &symtab->entries[i];
		for (end = i + 1; end < symtab->count && symtab->entries[end].low == first->low;)
			end++;
		if (end > i + 1 && ct_hook_sites_code(&module->sites, first->low) &&
		    has_several_functions(first, end - i) &&
		    !add_candidates(candidates, first, end - i))
			return false;
	}
	if (candidates->count == 0)
		return true;
	candidates->by_name = calloc(candidates->count, sizeof(struct candidate *));
	if (!candidates->by_name)
		return false;
	for (size_t i = 0; i < candidates->count; i++)
		candidates->by_name[i] = &candidates->by_address[i];
	qsort(candidates->by_name, candidates->count, sizeof(struct candidate *), compare_by_name);
	return true;
}

/* ---- functions ---- */

static const char *linkage_name(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;
	const char *name =
		dwarf_formstring(dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute));
	return name ? name : dwarf_diename(die);
}

/* The first symbol of the address; NULL: nothing is folded there. */
static struct candidate *candidate_at(const struct candidates *candidates, uint64_t address)
{
	size_t low = 0;
	size_t high = candidates->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (candidates->by_address[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < candidates->count && candidates->by_address[low].address == address
		       ? &candidates->by_address[low]
		       : NULL;
}

static struct candidate *candidate_of(const struct ct_plan_module *module,
				      const struct candidates *candidates, Dwarf_Die *die)
{
	uint64_t address;
	if (!dwarf_hasattr(die, DW_AT_low_pc) && !dwarf_hasattr(die, DW_AT_ranges))
		return NULL;
	if (ct_plan_entry_address(die, &address) && ct_hook_sites_code(&module->sites, address))
		return candidate_at(candidates, address);
	/* Its code is gone: discarded, or folded into another's. */
	const char *name = linkage_name(die);
	struct candidate wanted = {.name = name};
	struct candidate *key = &wanted;
	struct candidate **found = name ? bsearch(&key, candidates->by_name, candidates->count,
						  sizeof(key), compare_by_name)
					: NULL;
	return found ? candidate_at(candidates, (*found)->address) : NULL;
}

/* Names and types of parameters, and the type of the result; NULL: no memory. */
static char *signature_of(struct ct_plan_module *module, Dwarf_Die *function)
{
	struct ct_plan_parameter_list *list = module->parameters;
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	Dwarf_Die type;
	if (ct_plan_return_type(function, &type))
		ct_strbuf_printf(&text, "%s", ct_describe_name(module->describer, &type));
	ct_plan_list_parameters(list, function);
	for (size_t i = 0; i < list->count; i++) {
		struct ct_plan_parameter *parameter = &list->list[i];
		const char *name = dwarf_diename(&parameter->named);
		ct_strbuf_printf(&text, ", %s: ", name ? name : "");
		if (parameter->type.addr)
			ct_strbuf_printf(&text, "%s",
					 ct_describe_name(module->describer, &parameter->type));
	}
	ct_plan_parameter_list_clear(list);
	return text.failed ? NULL : strdup(text.bytes ? text.bytes : "");
}

static bool compare_function(struct ct_plan_module *module, const struct candidates *candidates,
			     Dwarf_Die *die)
{
	struct candidate *candidate = candidate_of(module, candidates, die);
	if (!candidate || candidate->differs)
		return true;
	char *signature = signature_of(module, die);
	if (!signature)
		return false;
	if (!candidate->signature) {
		candidate->signature = signature;
		return true;
	}
	candidate->differs = strcmp(candidate->signature, signature) != 0;
	free(signature);
	return true;
}

static bool compare_functions(struct ct_plan_module *module, const struct candidates *candidates,
			      struct ct_dwarf_walk *walk)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Half version;
	uint8_t type;
	Dwarf_Die unit, sub_unit;
	while (dwarf_get_units(module->dwarf, cu, &cu, &version, &type, &unit, &sub_unit) == 0) {
		bool is_skeleton = ct_split_is_skeleton(&unit, type);
		if ((type != DW_UT_compile && !is_skeleton) ||
		    (is_skeleton && !ct_split_find(module->split, &unit, &sub_unit)))
			continue;
		ct_describer_enter_unit(module->describer, is_skeleton ? &sub_unit : &unit);
		ct_dwarf_walk_begin(walk, is_skeleton ? &sub_unit : &unit);
		Dwarf_Die *die;
		while ((die = ct_dwarf_walk_next(walk, ct_dwarf_may_hold_functions)))
			if (dwarf_tag(die) == DW_TAG_subprogram &&
			    !compare_function(module, candidates, die))
				return false;
	}
	return true;
}

bool ct_plan_folded_find(struct ct_plan_module *module, struct ct_dwarf_walk *walk)
{
	struct ct_plan_folded *folded = &module->folded;
	struct candidates candidates = {0};
	bool is_good = find_candidates(module, &candidates) &&
		       (candidates.count == 0 || compare_functions(module, &candidates, walk));
	folded->addresses = is_good ? calloc(candidates.count + 1, sizeof(uint64_t)) : NULL;
	for (size_t i = 0; folded->addresses && i < candidates.count; i++)
		if (candidates.by_address[i].differs)
			folded->addresses[folded->count++] = candidates.by_address[i].address;
	candidates_deinit(&candidates);
	return folded->addresses != NULL;
}

static int compare_addresses(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a;
	uint64_t right = *(const uint64_t *)b;
	return (left > right) - (left < right);
}

bool ct_plan_folded_has(const struct ct_plan_folded *folded, uint64_t address)
{
	return folded->count > 0 && bsearch(&address, folded->addresses, folded->count,
					    sizeof(address), compare_addresses);
}
