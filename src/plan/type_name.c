/* SPDX-License-Identifier: MIT */
/*
 * Names of types as C and C++ write them. A declarator grows from the inside
 * out: what is pointed to, or is an element, is written around what there is
 * already.
 */
#include "plan/type.h"

#include <dwarf.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Names of template classes may have thousands of characters. */
#define NAME_MAX_BYTES 1024
#define PARAMETERS_MAX 32

enum qualifier {
	IS_CONST = 1,
	IS_VOLATILE = 2,
	IS_RESTRICT = 4,
	IS_ATOMIC = 8,
};

/* Where names of parameters and pointees come together; it gives up when much has come. */
struct printer {
	struct ct_describer *describer;
	struct ct_strbuf text;
};

static void print_type(struct printer *printer, Dwarf_Die *die, const char *declarator,
		       unsigned int qualifiers, unsigned int depth);

static unsigned int qualifier_of(int tag)
{
	switch (tag) {
	case DW_TAG_const_type:
		return IS_CONST;
	case DW_TAG_volatile_type:
		return IS_VOLATILE;
	case DW_TAG_restrict_type:
		return IS_RESTRICT;
	case DW_TAG_atomic_type:
		return IS_ATOMIC;
	default:
		return 0;
	}
}

static void add_qualifiers(struct ct_strbuf *text, unsigned int qualifiers, bool is_cxx)
{
	static const char *const words[] = {"const", "volatile", "restrict", "_Atomic"};
	const char *space = "";
	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!(qualifiers & (1U << i)))
			continue;
		ct_strbuf_printf(text, "%s%s%s", space,
				 is_cxx && (1U << i) == IS_RESTRICT ? "__" : "", words[i]);
		space = " ";
	}
}

static const char *keyword(int tag)
{
	switch (tag) {
	case DW_TAG_structure_type:
		return "struct";
	case DW_TAG_class_type:
		return "class";
	case DW_TAG_union_type:
		return "union";
	case DW_TAG_enumeration_type:
		return "enum";
	default:
		return "";
	}
}

/* The same for all compilers. GCC says "long unsigned int"; Clang says "complex" of all of them. */
static const char *base_name(Dwarf_Die *die)
{
	static const struct {
		const char *other;
		const char *name;
	} names[] = {
		{"short int", "short"},
		{"short unsigned int", "unsigned short"},
		{"long int", "long"},
		{"long unsigned int", "unsigned long"},
		{"long long int", "long long"},
		{"long long unsigned int", "unsigned long long"},
		{"__int128 unsigned", "unsigned __int128"},
	};
	const char *name = dwarf_diename(die);
	if (!name)
		return NULL;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i].other) == 0)
			return names[i].name;
	if (strcmp(name, "complex") == 0) {
		int size = dwarf_bytesize(die);
		return size == 8    ? "complex float"
		       : size == 16 ? "complex double"
		       : size == 32 ? "complex long double"
				    : name;
	}
	return name;
}

static void add_named(struct printer *printer, Dwarf_Die *named)
{
	Dwarf_Die there = *named;
	Dwarf_Die *die = &there;
	int tag = dwarf_tag(die);
	if (*keyword(tag) != '\0')
		ct_type_enter_unit(die);
	const char *name = tag == DW_TAG_base_type ? base_name(die) : dwarf_diename(die);
	const char *word = keyword(tag);
	if (!name) {
		if (*word == '\0')
			ct_strbuf_add_string(&printer->text, "?");
		else
			ct_strbuf_printf(&printer->text, "%s {...}", word);
		return;
	}
	bool is_cxx = ct_type_language(printer->describer, die) == CT_LANGUAGE_CXX;
	if (*word != '\0' && !is_cxx)
		ct_strbuf_printf(&printer->text, "%s ", word);
	if (is_cxx && tag != DW_TAG_base_type && tag != DW_TAG_unspecified_type)
		ct_strbuf_add_string(&printer->text, ct_type_scope(printer->describer, die));
	ct_strbuf_printf(&printer->text, "%.*s", NAME_MAX_BYTES, name);
}

/* What is not made of another type, or the name of a typedef. */
static void print_named(struct printer *printer, Dwarf_Die *die, const char *declarator,
			unsigned int qualifiers)
{
	bool is_cxx = die && ct_type_language(printer->describer, die) == CT_LANGUAGE_CXX;
	add_qualifiers(&printer->text, qualifiers, is_cxx);
	if (qualifiers)
		ct_strbuf_add_string(&printer->text, " ");
	if (die)
		add_named(printer, die);
	else
		ct_strbuf_add_string(&printer->text, "void");
	if (*declarator != '\0')
		ct_strbuf_printf(&printer->text, " %s", declarator);
}

static void print_target(struct printer *printer, Dwarf_Die *die, const char *declarator,
			 unsigned int qualifiers, unsigned int depth)
{
	Dwarf_Die target;
	print_type(printer, ct_type_target(die, &target) ? &target : NULL, declarator, qualifiers,
		   depth + 1);
}

/* Is a declarator around it to be put in brackets? */
static bool target_is_postfix(Dwarf_Die *die)
{
	Dwarf_Die target = *die;
	for (unsigned int i = 0; i < CT_TYPE_DEPTH_MAX; i++) {
		if (!ct_type_target(&target, &target))
			return false;
		int tag = dwarf_tag(&target);
		if (!ct_type_is_qualifier(tag))
			return tag == DW_TAG_array_type || tag == DW_TAG_subroutine_type;
	}
	return false;
}

static void print_pointer(struct printer *printer, Dwarf_Die *die, const char *sign,
			  const char *declarator, unsigned int qualifiers, unsigned int depth)
{
	bool is_cxx = ct_type_language(printer->describer, die) == CT_LANGUAGE_CXX;
	bool is_postfix = target_is_postfix(die);
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	ct_strbuf_printf(&text, "%s%s", is_postfix ? "(" : "", sign);
	add_qualifiers(&text, qualifiers, is_cxx);
	if (qualifiers && *declarator != '\0' && *declarator != ')')
		ct_strbuf_add_string(&text, " ");
	ct_strbuf_printf(&text, "%s%s", declarator, is_postfix ? ")" : "");
	if (!text.failed)
		print_target(printer, die, text.bytes, 0, depth);
}

static void print_array(struct printer *printer, Dwarf_Die *die, const char *declarator,
			unsigned int qualifiers, unsigned int depth)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	ct_strbuf_add_string(&text, declarator);
	Dwarf_Die child;
	int status = dwarf_haschildren(die) ? dwarf_child(die, &child) : 1;
	unsigned int count = 0;
	for (; status == 0 && count < CT_TYPE_DIMENSIONS_MAX && ct_type_step(printer->describer);
	     status = dwarf_siblingof(&child, &child)) {
		Dwarf_Attribute value;
		Dwarf_Word bound;
		if (dwarf_tag(&child) != DW_TAG_subrange_type)
			continue;
		count++;
		if (dwarf_formudata(dwarf_attr_integrate(&child, DW_AT_count, &value), &bound) == 0)
			ct_strbuf_printf(&text, "[%" PRIu64 "]", (uint64_t)bound);
		else if (dwarf_formudata(dwarf_attr_integrate(&child, DW_AT_upper_bound, &value),
					 &bound) == 0)
			ct_strbuf_printf(&text, "[%" PRIu64 "]", (uint64_t)bound + 1);
		else
			ct_strbuf_add_string(&text, "[]");
	}
	if (count == 0)
		ct_strbuf_add_string(&text, "[]");
	if (!text.failed)
		print_target(printer, die, text.bytes, qualifiers, depth);
}

static void add_parameters(struct printer *printer, Dwarf_Die *die, struct ct_strbuf *text,
			   unsigned int depth)
{
	Dwarf_Die child;
	int status = dwarf_haschildren(die) ? dwarf_child(die, &child) : 1;
	const char *comma = "";
	unsigned int count = 0;
	for (; status == 0 && ct_type_step(printer->describer);
	     status = dwarf_siblingof(&child, &child)) {
		int tag = dwarf_tag(&child);
		if ((tag != DW_TAG_formal_parameter && tag != DW_TAG_unspecified_parameters) ||
		    dwarf_hasattr(&child, DW_AT_artificial))
			continue;
		ct_strbuf_add_string(text, comma);
		comma = ", ";
		if (tag == DW_TAG_unspecified_parameters || ++count > PARAMETERS_MAX) {
			ct_strbuf_add_string(text, "...");
			break;
		}
		struct printer parameter = {.describer = printer->describer};
		print_target(&parameter, &child, "", 0, depth);
		if (parameter.text.bytes)
			ct_strbuf_add_string(text, parameter.text.bytes);
		ct_strbuf_deinit(&parameter.text);
		if (text->length > NAME_MAX_BYTES)
			break;
	}
	bool is_cxx = ct_type_language(printer->describer, die) == CT_LANGUAGE_CXX;
	if (*comma == '\0' && !is_cxx)
		ct_strbuf_add_string(text, "void");
}

static void print_function(struct printer *printer, Dwarf_Die *die, const char *declarator,
			   unsigned int depth)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	ct_strbuf_printf(&text, "%s(", declarator);
	add_parameters(printer, die, &text, depth);
	ct_strbuf_add_string(&text, ")");
	if (!text.failed)
		print_target(printer, die, text.bytes, 0, depth);
}

static void print_member_pointer(struct printer *printer, Dwarf_Die *die, const char *declarator,
				 unsigned int qualifiers, unsigned int depth)
{
	struct printer class = {.describer = printer->describer};
	Dwarf_Die containing;
	if (ct_type_follow(die, DW_AT_containing_type, &containing))
		print_type(&class, &containing, "", 0, depth + 1);
	ct_strbuf_add_string(&class.text, "::*");
	if (!class.text.failed)
		print_pointer(printer, die, class.text.bytes, declarator, qualifiers, depth);
	ct_strbuf_deinit(&class.text);
}

static void print_type(struct printer *printer, Dwarf_Die *die, const char *declarator,
		       unsigned int qualifiers, unsigned int depth)
{
	if (depth > CT_TYPE_DEPTH_MAX || strlen(declarator) > NAME_MAX_BYTES ||
	    printer->text.length > NAME_MAX_BYTES || !ct_type_step(printer->describer)) {
		ct_strbuf_add_string(&printer->text, "...");
		return;
	}
	int tag = die ? dwarf_tag(die) : 0;
	if (ct_type_is_qualifier(tag)) {
		print_target(printer, die, declarator, qualifiers | qualifier_of(tag), depth);
		return;
	}
	switch (tag) {
	case DW_TAG_pointer_type:
		print_pointer(printer, die, "*", declarator, qualifiers, depth);
		break;
	case DW_TAG_reference_type:
		print_pointer(printer, die, "&", declarator, qualifiers, depth);
		break;
	case DW_TAG_rvalue_reference_type:
		print_pointer(printer, die, "&&", declarator, qualifiers, depth);
		break;
	case DW_TAG_ptr_to_member_type:
		print_member_pointer(printer, die, declarator, qualifiers, depth);
		break;
	case DW_TAG_array_type:
		print_array(printer, die, declarator, qualifiers, depth);
		break;
	case DW_TAG_subroutine_type:
		print_function(printer, die, declarator, depth);
		break;
	default:
		print_named(printer, die, declarator, qualifiers);
	}
}

static char *make_name(struct ct_describer *describer, Dwarf_Die *type)
{
	struct printer printer = {.describer = describer};
	print_type(&printer, type, "", 0, 0);
	if (printer.text.failed || !printer.text.bytes) {
		ct_strbuf_deinit(&printer.text);
		return NULL;
	}
	if (printer.text.length > NAME_MAX_BYTES)
		memcpy(printer.text.bytes + NAME_MAX_BYTES - 3, "...", sizeof("..."));
	return printer.text.bytes;
}

const char *ct_type_name(struct ct_describer *describer, Dwarf_Die *type)
{
	if (!type)
		return "void";
	struct ct_kept *kept = ct_type_keep(describer, type);
	if (!kept)
		return "?";
	if (!kept->name)
		kept->name = make_name(describer, type);
	return kept->name ? kept->name : "?";
}

const char *ct_describe_name(struct ct_describer *describer, Dwarf_Die *type)
{
	ct_type_begin(describer);
	return ct_type_name(describer, type);
}
