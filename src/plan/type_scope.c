/* SPDX-License-Identifier: MIT */
/*
 * Where a type is declared, and where one that is only declared is defined.
 *
 * libdw cannot go from a DIE to its parent. But DIEs lie in the file in the
 * order of the tree: of all namespaces and classes beside each other, the only
 * one that can hold a DIE is the last that begins before it. So the list of
 * those is kept for each that was asked for.
 */
#include "plan/type.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"

/* DIEs that one search for a definition in all units may look at: a second, about. */
#define SEARCH_STEPS_MAX 8000000

#define SCOPE_DEPTH_MAX 32
#define SCOPE_TEXT_MAX	512

/* A unit, namespace or class. */
struct ct_scope {
	Dwarf_Die die;
	const char *end;   /* where what follows it begins */
	char *text;	   /* "std::__cxx11::" */
	bool is_anonymous; /* it, or one around it */
	bool has_children; /* the fields below are filled */
	struct ct_scope **children;
	size_t child_count;
	size_t child_capacity;
};

/* A hostile tree is deep only as far as it was asked for: SCOPE_DEPTH_MAX. */
void ct_scope_destroy(struct ct_scope *scope)
{
	if (!scope)
		return;
	for (size_t i = 0; i < scope->child_count; i++)
		ct_scope_destroy(scope->children[i]);
	free(scope->children);
	free(scope->text);
	free(scope);
}

static bool is_scope(int tag)
{
	return tag == DW_TAG_namespace || ct_type_is_class(tag);
}

/* The text in front of the names in it. */
static char *scope_text(const struct ct_scope *parent, Dwarf_Die *die)
{
	Dwarf_Die named = *die;
	ct_type_enter_unit(&named);
	const char *name = dwarf_diename(&named);
	if (!name)
		name = dwarf_tag(die) == DW_TAG_namespace ? "(anonymous namespace)" : "{...}";
	struct ct_strbuf text = {0};
	if (strlen(parent->text) + strlen(name) > SCOPE_TEXT_MAX)
		ct_strbuf_add_string(&text, "...::");
	else
		ct_strbuf_printf(&text, "%s%s::", parent->text, name);
	if (text.failed) {
		ct_strbuf_deinit(&text);
		return NULL;
	}
	return text.bytes;
}

/* NULL: no memory. */
static struct ct_scope *add_child(struct ct_scope *parent, Dwarf_Die *die)
{
	if (parent->child_count == parent->child_capacity) {
		size_t capacity = parent->child_capacity ? parent->child_capacity * 2 : 8;
		struct ct_scope **children = reallocarray(parent->children, capacity,
							  sizeof(struct ct_scope *));
		if (!children)
			return NULL;
		parent->children = children;
		parent->child_capacity = capacity;
	}
	struct ct_scope *child = calloc(1, sizeof(*child));
	if (!child)
		return NULL;
	child->text = scope_text(parent, die);
	if (!child->text) {
		free(child);
		return NULL;
	}
	child->die = *die;
	child->end = parent->end;
	child->is_anonymous = parent->is_anonymous ||
			      (dwarf_tag(die) == DW_TAG_namespace && !dwarf_diename(die));
	parent->children[parent->child_count++] = child;
	return child;
}

static void find_children(struct ct_scope *scope)
{
	scope->has_children = true;
	Dwarf_Die die;
	struct ct_scope *last = NULL;
	const char *before = scope->die.addr;
	int status = dwarf_haschildren(&scope->die) ? dwarf_child(&scope->die, &die) : 1;
	for (; status == 0; status = dwarf_siblingof(&die, &die)) {
		/* A sibling that lies before would make a loop. */
		if ((const char *)die.addr <= before)
			return;
		before = die.addr;
		if (last)
			last->end = before;
		last = NULL;
		if (is_scope(dwarf_tag(&die)) && dwarf_haschildren(&die)) {
			last = add_child(scope, &die);
			if (!last)
				return;
		}
	}
}

/* The scope of a unit's DIEs, itself without text. NULL: no memory. */
static struct ct_scope *unit_scope(struct ct_describer *describer, Dwarf_Die *unit)
{
	struct ct_kept *kept = ct_type_keep(describer, unit);
	if (!kept || kept->root)
		return kept ? kept->root : NULL;
	struct ct_scope *root = calloc(1, sizeof(*root));
	if (!root)
		return NULL;
	root->text = strdup("");
	if (!root->text) {
		free(root);
		return NULL;
	}
	root->die = *unit;
	root->end = (const char *)UINTPTR_MAX;
	kept->root = root;
	return root;
}

static struct ct_scope *child_around(struct ct_scope *scope, const char *address)
{
	size_t low = 0;
	size_t high = scope->child_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if ((const char *)scope->children[middle]->die.addr < address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || address >= scope->children[low - 1]->end)
		return NULL;
	return scope->children[low - 1];
}

static enum ct_language unit_language(Dwarf_Die *unit)
{
	switch (dwarf_srclang(unit)) {
	case -1:
		return CT_LANGUAGE_UNKNOWN;
	case DW_LANG_C_plus_plus:
	case DW_LANG_C_plus_plus_03:
	case DW_LANG_C_plus_plus_11:
	case DW_LANG_C_plus_plus_14:
	case DW_LANG_ObjC_plus_plus:
	case 0x2a: /* C++17 */
	case 0x2b: /* C++20 */
		return CT_LANGUAGE_CXX;
	default:
		return CT_LANGUAGE_C;
	}
}

/* Units that dwz makes of what others share need not tell: as those that use them. */
static enum ct_language language_of(struct ct_describer *describer, Dwarf_Die *unit)
{
	struct ct_kept *kept = ct_type_keep(describer, unit);
	if (!kept)
		return CT_LANGUAGE_C;
	if (kept->language == CT_LANGUAGE_UNKNOWN)
		kept->language = (uint8_t)unit_language(unit);
	if (kept->language != CT_LANGUAGE_UNKNOWN)
		describer->language = kept->language;
	return describer->language;
}

void ct_describer_enter_unit(struct ct_describer *describer, Dwarf_Die *unit)
{
	describer->language = CT_LANGUAGE_UNKNOWN;
	language_of(describer, unit);
}

enum ct_language ct_type_language(struct ct_describer *describer, Dwarf_Die *die)
{
	Dwarf_Die unit;
	if (!dwarf_diecu(die, &unit, NULL, NULL))
		return CT_LANGUAGE_C;
	return language_of(describer, &unit);
}

static struct ct_scope *scope_of(struct ct_describer *describer, Dwarf_Die *die)
{
	/* Defined outside of where it was declared: its scope is the declaration's. */
	Dwarf_Attribute value;
	Dwarf_Die declaration = *die;
	if (dwarf_hasattr(die, DW_AT_specification))
		dwarf_formref_die(dwarf_attr(die, DW_AT_specification, &value), &declaration);
	Dwarf_Die unit;
	if (!dwarf_diecu(&declaration, &unit, NULL, NULL))
		return NULL;
	struct ct_scope *scope = unit_scope(describer, &unit);
	for (unsigned int i = 0; scope && i < SCOPE_DEPTH_MAX; i++) {
		if (!scope->has_children)
			find_children(scope);
		struct ct_scope *child = child_around(scope, declaration.addr);
		if (!child)
			return scope;
		scope = child;
	}
	return scope;
}

const char *ct_type_scope(struct ct_describer *describer, Dwarf_Die *die)
{
	if (ct_type_language(describer, die) != CT_LANGUAGE_CXX)
		return "";
	struct ct_scope *scope = scope_of(describer, die);
	return scope ? scope->text : "";
}

/* --- definitions by name --- */

static uint64_t hash_name(const char *scope, const char *name)
{
	return ct_hash_more(ct_hash_bytes(scope, strlen(scope)), name, strlen(name));
}

static bool grow_definitions(struct ct_describer *describer)
{
	size_t capacity = describer->definition_capacity ? describer->definition_capacity * 2 : 256;
	struct ct_definition *definitions = reallocarray(describer->definitions, capacity,
							 sizeof(*definitions));
	if (!definitions)
		return false;
	describer->definitions = definitions;
	uint32_t *table = calloc(capacity * 2, sizeof(*table));
	if (!table)
		return false;
	free(describer->definition_table);
	describer->definition_table = table;
	describer->definition_table_capacity = capacity * 2;
	describer->definition_capacity = capacity;
	for (size_t i = 0; i < describer->definition_count; i++) {
		uint32_t *slot = &table[definitions[i].hash & (capacity * 2 - 1)];
		definitions[i].next = *slot;
		*slot = (uint32_t)i + 1;
	}
	return true;
}

static bool add_definition(struct ct_describer *describer, uint64_t hash, bool is_local,
			   Dwarf_Die *die)
{
	if (describer->definition_count >= UINT32_MAX / 2 ||
	    (describer->definition_count == describer->definition_capacity &&
	     !grow_definitions(describer)))
		return false;
	uint32_t *slot =
		&describer->definition_table[hash & (describer->definition_table_capacity - 1)];
	describer->definitions[describer->definition_count++] =
		(struct ct_definition){hash, *slot, is_local, *die};
	*slot = (uint32_t)describer->definition_count;
	return true;
}

static bool is_definition(Dwarf_Die *die)
{
	int tag = dwarf_tag(die);
	return (ct_type_is_class(tag) || tag == DW_TAG_enumeration_type) &&
	       !dwarf_hasattr(die, DW_AT_declaration) && dwarf_diename(die);
}

/* All definitions in a scope, and in those inside. */
static void add_scope(struct ct_describer *describer, struct ct_scope *scope, bool is_c,
		      unsigned int depth, unsigned int *steps)
{
	if (depth > SCOPE_DEPTH_MAX)
		return;
	if (!scope->has_children)
		find_children(scope);
	Dwarf_Die die;
	const char *before = scope->die.addr;
	int status = dwarf_haschildren(&scope->die) ? dwarf_child(&scope->die, &die) : 1;
	for (; status == 0 && *steps > 0; status = dwarf_siblingof(&die, &die)) {
		if ((const char *)die.addr <= before)
			break;
		before = die.addr;
		--*steps;
		if (!is_definition(&die))
			continue;
		const char *text = scope->text;
		if (dwarf_hasattr(&die, DW_AT_specification))
			text = ct_type_scope(describer, &die);
		if (!add_definition(describer, hash_name(text, dwarf_diename(&die)),
				    is_c || scope->is_anonymous, &die))
			return;
	}
	for (size_t i = 0; i<scope->child_count && * steps> 0; i++)
		add_scope(describer, scope->children[i], is_c, depth + 1, steps);
}

/* Once for each unit; ct_kept.definition of the unit's DIE tells. */
static void add_unit(struct ct_describer *describer, Dwarf_Die *unit, unsigned int *steps)
{
	struct ct_kept *kept = ct_type_keep(describer, unit);
	struct ct_scope *scope = unit_scope(describer, unit);
	if (!kept || !scope || kept->definition)
		return;
	kept->definition = calloc(1, sizeof(*kept->definition));
	if (kept->definition)
		add_scope(describer, scope, language_of(describer, unit) != CT_LANGUAGE_CXX, 0,
			  steps);
}

static void add_all_units(struct ct_describer *describer, Dwarf *dwarf)
{
	if (describer->looked_through == dwarf)
		return;
	describer->looked_through = dwarf;
	unsigned int steps = SEARCH_STEPS_MAX;
	Dwarf_CU *unit = NULL;
	Dwarf_Half version;
	uint8_t type;
	Dwarf_Die die;
	Dwarf_Die split;
	while (steps > 0 &&
	       dwarf_get_units(dwarf, unit, &unit, &version, &type, &die, &split) == 0) {
		if (type == DW_UT_skeleton)
			die = split;
		if (die.addr && unit_language(&die) == CT_LANGUAGE_CXX)
			add_unit(describer, &die, &steps);
	}
}

static bool same_name(struct ct_describer *describer, Dwarf_Die *a, Dwarf_Die *b)
{
	return dwarf_tag(a) == dwarf_tag(b) && strcmp(dwarf_diename(a), dwarf_diename(b)) == 0 &&
	       strcmp(ct_type_scope(describer, a), ct_type_scope(describer, b)) == 0;
}

static uint64_t byte_size(Dwarf_Die *die)
{
	Dwarf_Attribute value;
	Dwarf_Word word;
	return dwarf_formudata(dwarf_attr(die, DW_AT_byte_size, &value), &word) == 0 ? word : 0;
}

/* Of its own unit if there is one; else of any, when all agree about the size. */
static bool find_definition(struct ct_describer *describer, Dwarf_Die *declaration, uint64_t hash,
			    bool anywhere, Dwarf_Die *ret)
{
	bool found = false;
	uint32_t at =
		describer->definition_table_capacity == 0
			? 0
			: describer->definition_table[hash &
						      (describer->definition_table_capacity - 1)];
	for (; at != 0; at = describer->definitions[at - 1].next) {
		struct ct_definition *candidate = &describer->definitions[at - 1];
		bool is_own = candidate->die.cu == declaration->cu;
		if (candidate->hash != hash || (!is_own && (!anywhere || candidate->is_local)) ||
		    !same_name(describer, &candidate->die, declaration))
			continue;
		if (is_own) {
			*ret = candidate->die;
			return true;
		}
		if (found && byte_size(ret) != byte_size(&candidate->die))
			return false;
		*ret = candidate->die;
		found = true;
	}
	return found;
}

static bool search_definition(struct ct_describer *describer, Dwarf_Die *declaration,
			      Dwarf_Die *ret)
{
	Dwarf_Die unit;
	const char *name = dwarf_diename(declaration);
	if (!name || !dwarf_diecu(declaration, &unit, NULL, NULL))
		return false;
	const char *scope = ct_type_scope(describer, declaration);
	uint64_t hash = hash_name(scope, name);
	unsigned int steps = SEARCH_STEPS_MAX;
	add_unit(describer, &unit, &steps);
	if (find_definition(describer, declaration, hash, false, ret))
		return true;
	/* In C++ one name is one type, except in anonymous namespaces. */
	if (ct_type_language(describer, declaration) != CT_LANGUAGE_CXX ||
	    strstr(scope, "(anonymous namespace)"))
		return false;
	add_all_units(describer, dwarf_cu_getdwarf(declaration->cu));
	return find_definition(describer, declaration, hash, true, ret);
}

bool ct_type_definition(struct ct_describer *describer, Dwarf_Die *declaration, Dwarf_Die *ret)
{
	struct ct_kept *kept = ct_type_keep(describer, declaration);
	if (!kept)
		return false;
	if (!kept->definition) {
		kept->definition = calloc(1, sizeof(*kept->definition));
		if (!kept->definition ||
		    !search_definition(describer, declaration, kept->definition))
			return false;
	}
	*ret = *kept->definition;
	return ret->addr != NULL;
}
