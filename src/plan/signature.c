/* SPDX-License-Identifier: MIT */
/*
 * Parameters that Clang, not optimizing, has no entry for: objects of classes
 * that are passed by their address, when the function does not use them. The
 * declaration of a member function has their types; of other functions the
 * mangled name has. What is described is found among them: by type, and where
 * several parameters have the same one, by the register the address came in.
 */
#include "plan/signature.h"

#include <ctype.h>
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "plan/passed.h"
#include "plan/type.h"
#include "symbols/symbols.h"

enum {
	ENTRIES_MAX = 64,
	STEPS_MAX = 4096, /* of the search for a way to put the two lists together */
};

/* A parameter of the signature. */
struct entry {
	Dwarf_Die type;	  /* addr NULL: only the text is known */
	const char *text; /* the type's */
	size_t length;
	bool is_class; /* by value; or an enumeration, of a text */
};

struct search {
	struct ct_passed *passed;
	const struct ct_plan_parameter_list *list;
	const struct ct_expr *const *observed;
	struct entry entries[ENTRIES_MAX];
	size_t entry_count;
	size_t way[ENTRIES_MAX];   /* entry: index of its parameter + 1; 0: it has none */
	size_t found[ENTRIES_MAX]; /* the same, of the first way that can be */
	size_t first[ENTRIES_MAX]; /* the first that goes by the types */
	bool has_found;
	bool has_first;
	unsigned int steps;
};

/* ---- types as texts ---- */

static bool begins_with_word(const struct entry *entry, const char *word)
{
	size_t length = strlen(word);
	return entry->length >= length && memcmp(entry->text, word, length) == 0 &&
	       (entry->length == length || !isalnum((unsigned char)entry->text[length]));
}

/* The demangler's text of a class, or of an enumeration, and of nothing else. */
static bool is_class_text(const struct entry *entry)
{
	static const char *const others[] = {
		"void",	     "bool",	 "char",     "signed",	   "unsigned",	     "short",
		"int",	     "long",	 "float",    "double",	   "wchar_t",	     "char8_t",
		"char16_t",  "char32_t", "__int128", "__float128", "_Float16",	     "decltype",
		"_Float128", "__bf16",	 "auto",     "_Complex",   "std::nullptr_t",
	};
	if (entry->length == 0 || entry->text[entry->length - 1] == '*' ||
	    entry->text[entry->length - 1] == '&' || memchr(entry->text, ')', entry->length))
		return false;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (begins_with_word(entry, others[i]))
			return false;
	return true;
}

/* Are two names of classes the same but for template arguments, which are written in many ways? */
static bool same_class(const char *left, size_t left_length, const char *right)
{
	size_t right_length = strlen(right);
	size_t i = 0;
	size_t j = 0;
	for (;;) {
		for (int depth = 0; i < left_length; i++) {
			depth += left[i] == '<';
			depth -= i > 0 && left[i - 1] == '>';
			if (depth == 0 && left[i] != ' ' && left[i] != '>')
				break;
		}
		for (int depth = 0; j < right_length; j++) {
			depth += right[j] == '<';
			depth -= j > 0 && right[j - 1] == '>';
			if (depth == 0 && right[j] != ' ' && right[j] != '>')
				break;
		}
		if (i == left_length || j == right_length)
			return i == left_length && j == right_length;
		if (left[i++] != right[j++])
			return false;
	}
}

/* ---- the signature ---- */

static void add_entry(struct search *search, const struct entry *entry)
{
	if (search->entry_count < ENTRIES_MAX)
		search->entries[search->entry_count] = *entry;
	search->entry_count++;
}

static void read_declaration(struct search *search, Dwarf_Die *declaration)
{
	struct ct_describer *describer = search->passed->module->describer;
	Dwarf_Die child;
	int status = dwarf_child(declaration, &child);
	for (; status == 0 && search->entry_count <= ENTRIES_MAX;
	     status = dwarf_siblingof(&child, &child)) {
		struct entry entry = {.length = 0};
		struct ct_type type;
		if (dwarf_tag(&child) != DW_TAG_formal_parameter)
			continue;
		ct_type_begin(describer);
		if (!ct_type_target(&child, &entry.type))
			entry.type.addr = NULL;
		if (entry.type.addr) {
			ct_type_peel(describer, &entry.type, &type);
			entry.is_class = ct_type_is_class(type.tag);
		}
		add_entry(search, &entry);
	}
}

/* The parameters' types between the last parentheses of "f(int, std::pair<A, B>) const". */
static void read_text(struct search *search, const char *text)
{
	const char *end = strrchr(text, ')');
	const char *begin = end;
	int depth = 0;
	while (begin && begin >= text) {
		depth += *begin == ')';
		depth -= *begin == '(';
		if (depth == 0)
			break;
		begin--;
	}
	if (!begin || begin < text || begin + 1 == end)
		return;
	depth = 0;
	const char *from = ++begin;
	for (const char *at = begin; at <= end; at++) {
		if (at == end || (*at == ',' && depth == 0)) {
			from += *from == ' ';
			struct entry entry = {.text = from, .length = (size_t)(at - from)};
			entry.is_class = is_class_text(&entry);
			if (entry.length != 3 || memcmp(from, "...", 3) != 0)
				add_entry(search, &entry);
			from = at + 1;
		}
		depth += strchr("<({[", *at) != NULL;
		depth -= strchr(">)}]", *at) != NULL;
	}
}

static const char *linkage_name(Dwarf_Die *function)
{
	Dwarf_Attribute attribute;
	return dwarf_formstring(dwarf_attr_integrate(function, DW_AT_linkage_name, &attribute));
}

/* ---- putting the two together ---- */

static bool matches(struct search *search, const struct entry *entry,
		    const struct ct_plan_parameter *parameter)
{
	struct ct_describer *describer = search->passed->module->describer;
	struct ct_type type;
	Dwarf_Die type_die = parameter->type;
	if (!type_die.addr)
		return false;
	ct_type_begin(describer);
	if (entry->type.addr) {
		Dwarf_Die entry_die = entry->type;
		return entry_die.addr == type_die.addr ||
		       strcmp(ct_type_name(describer, &entry_die),
			      ct_type_name(describer, &type_die)) == 0;
	}
	ct_type_peel(describer, &type_die, &type);
	if (ct_type_is_class(type.tag) || type.tag == DW_TAG_enumeration_type)
		return entry->is_class &&
		       same_class(entry->text, entry->length, ct_type_name(describer, &type.die));
	return !entry->is_class;
}

/* Does a way agree with the registers that addresses were seen to come in? */
static bool is_possible(struct search *search)
{
	struct ct_passed *passed = search->passed;
	struct ct_argument_cursor cursor = ct_passed_cursor(passed);
	for (size_t i = 0; i < search->entry_count; i++) {
		if (search->way[i] == 0) {
			ct_argument_next_reference(&cursor);
			continue;
		}
		size_t index = search->way[i] - 1;
		Dwarf_Die type = search->list->list[index].type;
		struct ct_argument argument = ct_argument_next(&cursor, &type);
		const struct ct_expr *observed = search->observed ? search->observed[index] : NULL;
		if (observed && argument.kind == CT_ARGUMENT_REFERENCE &&
		    !ct_expr_equal(observed, argument.words[0].value))
			return false;
	}
	return true;
}

/* All ways for the entries from `entry` and the parameters from `parameter` on. */
static void try_ways(struct search *search, size_t entry, size_t parameter)
{
	const struct ct_plan_parameter_list *list = search->list;
	while (parameter < list->count && list->list[parameter].is_hidden)
		parameter++;
	if (search->has_found || search->steps++ >= STEPS_MAX)
		return;
	if (entry == search->entry_count) {
		if (parameter != list->count)
			return;
		if (!search->has_first)
			memcpy(search->first, search->way, sizeof(search->way));
		search->has_first = true;
		search->has_found = is_possible(search);
		if (search->has_found)
			memcpy(search->found, search->way, sizeof(search->way));
		return;
	}
	if (parameter < list->count &&
	    matches(search, &search->entries[entry], &list->list[parameter])) {
		search->way[entry] = parameter + 1;
		try_ways(search, entry + 1, parameter + 1);
	}
	if (search->entries[entry].is_class) {
		search->way[entry] = 0;
		try_ways(search, entry + 1, parameter);
	}
}

/* ---- the list ---- */

static size_t count_shown(const struct ct_plan_parameter_list *list)
{
	size_t count = 0;
	for (size_t i = 0; i < list->count; i++)
		count += !list->list[i].is_hidden;
	return count;
}

static void insert(struct ct_plan_parameter_list *list, size_t at, const struct entry *entry)
{
	struct ct_plan_parameter *to = &list->list[at];
	memmove(to + 1, to, (list->count - at) * sizeof(*to));
	list->count++;
	*to = (struct ct_plan_parameter){.type = entry->type, .is_unlisted = true};
	if (!entry->type.addr)
		to->type_text = strndup(entry->text, entry->length);
	ct_location_set_absent(&to->location, CT_WHY_OPTIMIZED_OUT);
}

void ct_signature_complete(struct ct_passed *passed, Dwarf_Die *function,
			   struct ct_plan_parameter_list *list,
			   const struct ct_expr *const *observed)
{
	struct search search = {.passed = passed, .list = list, .observed = observed};
	Dwarf_Die declaration = *function;
	char *text = NULL;
	bool is_member = ct_type_follow(function, DW_AT_specification, &declaration) ||
			 (ct_type_follow(function, DW_AT_abstract_origin, &declaration) &&
			  ct_type_follow(&declaration, DW_AT_specification, &declaration));
	if (is_member) {
		read_declaration(&search, &declaration);
	} else {
		const char *name = linkage_name(function);
		text = name ? ct_demangle(name) : NULL;
		if (text)
			read_text(&search, text);
	}
	if (search.entry_count > count_shown(list) && search.entry_count <= ENTRIES_MAX &&
	    list->count + search.entry_count <= CT_PLAN_PARAMETERS_MAX) {
		try_ways(&search, 0, 0);
		const size_t *way = search.has_found ? search.found : search.first;
		size_t at = 0;
		for (size_t i = 0; search.has_first && i < search.entry_count; i++) {
			/* The compiler's own stay behind the one they follow. */
			while (way[i] && at < list->count && list->list[at].is_hidden)
				at++;
			if (!way[i])
				insert(list, at, &search.entries[i]);
			at++;
		}
	}
	free(text);
}
