/* SPDX-License-Identifier: MIT */
/*
 * Classes of the C++ library that are shown as what they mean. They are known
 * by their names, and by members with the names that libstdc++ and libc++ give
 * them; where those are, the debug information says.
 */
#include "plan/type.h"

#include <dwarf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEARCH_DEPTH_MAX 8

/* The part of an object that a search has come to. */
struct part {
	struct ct_type type;
	Dwarf_Die type_die; /* as it is written */
	uint64_t offset;
	const char *name;
};

static bool begins_with(const char *text, const char *beginning)
{
	return strncmp(text, beginning, strlen(beginning)) == 0;
}

static void enter_member(struct ct_describer *describer, const struct ct_member *member,
			 struct part *part)
{
	part->type_die = member->type;
	part->offset += member->offset;
	part->name = member->name;
	ct_type_peel(describer, &member->type, &part->type);
}

/* Go to the member of that name, of the class, of one of its bases or of an unnamed member. */
static bool find_member(struct ct_describer *describer, struct part *part, const char *name,
			unsigned int depth)
{
	struct ct_class *class = depth < SEARCH_DEPTH_MAX && ct_type_is_class(part->type.tag)
					 ? ct_type_class(describer, &part->type)
					 : NULL;
	if (!class)
		return false;
	for (size_t i = 0; i < class->member_count; i++) {
		struct ct_member *member = &class->members[i];
		if (!member->is_base && member->bit_count == 0 && member->name &&
		    strcmp(member->name, name) == 0) {
			enter_member(describer, member, part);
			return true;
		}
	}
	for (size_t i = 0; i < class->member_count; i++) {
		struct ct_member *member = &class->members[i];
		if (member->is_virtual || member->bit_count || (!member->is_base && member->name))
			continue;
		struct part inner = *part;
		enter_member(describer, member, &inner);
		if (find_member(describer, &inner, name, depth + 1)) {
			*part = inner;
			return true;
		}
	}
	return false;
}

/* Go to the base whose name begins so, however far up. */
static bool find_base(struct ct_describer *describer, struct part *part, const char *beginning,
		      unsigned int depth)
{
	struct ct_class *class = depth < SEARCH_DEPTH_MAX && ct_type_is_class(part->type.tag)
					 ? ct_type_class(describer, &part->type)
					 : NULL;
	for (size_t i = 0; class && i < class->member_count; i++) {
		if (!class->members[i].is_base || class->members[i].is_virtual)
			continue;
		struct part base = *part;
		enter_member(describer, &class->members[i], &base);
		const char *name = dwarf_diename(&base.type.die);
		if ((name && begins_with(name, beginning)) ||
		    find_base(describer, &base, beginning, depth + 1)) {
			*part = base;
			return true;
		}
	}
	return false;
}

/* Members inside members: "_M_impl._M_start". */
static bool find_path(struct ct_describer *describer, struct ct_type *type, const char *path,
		      struct part *ret)
{
	*ret = (struct part){.type = *type};
	while (*path != '\0') {
		char name[32];
		size_t length = strcspn(path, ".");
		if (length >= sizeof(name))
			return false;
		memcpy(name, path, length);
		name[length] = '\0';
		if (!find_member(describer, ret, name, 0))
			return false;
		path += length + (path[length] == '.');
	}
	return true;
}

static bool is_pointer(const struct part *part)
{
	return part->type.tag == DW_TAG_pointer_type;
}

static bool find_text(struct ct_describer *describer, struct ct_type *type, const char *pointer,
		      const char *length, struct ct_library_type *ret)
{
	struct part first;
	struct part second;
	struct ct_type target;
	if (!find_path(describer, type, pointer, &first) || !is_pointer(&first) ||
	    !find_path(describer, type, length, &second) || second.type.tag != DW_TAG_base_type ||
	    ct_type_size(describer, &second.type) != 8)
		return false;
	ct_type_peel_target(describer, &first.type.die, &target);
	if (!ct_type_is_char(describer, &target))
		return false;
	*ret = (struct ct_library_type){CT_LIBRARY_TEXT, first.offset, second.offset,
					first.name,	 second.name,  first.type_die};
	return true;
}

static bool find_sequence(struct ct_describer *describer, struct ct_type *type, const char *begin,
			  const char *end, struct ct_library_type *ret)
{
	struct part first;
	struct part second;
	if (!find_path(describer, type, begin, &first) || !is_pointer(&first) ||
	    !find_path(describer, type, end, &second) || !is_pointer(&second))
		return false;
	*ret = (struct ct_library_type){CT_LIBRARY_SEQUENCE, first.offset, second.offset,
					first.name,	     second.name,  first.type_die};
	return true;
}

static bool find_pointer(struct ct_describer *describer, struct ct_type *type, const char *path,
			 enum ct_library_kind kind, struct ct_library_type *ret)
{
	struct part first;
	if (!find_path(describer, type, path, &first) || !is_pointer(&first))
		return false;
	*ret = (struct ct_library_type){.kind = kind,
					.first = first.offset,
					.first_name = first.name,
					.pointer = first.type_die};
	return true;
}

static bool is_std_string(struct ct_describer *describer, struct ct_type *type)
{
	const char *name = dwarf_diename(&type->die);
	return name &&
	       (strcmp(name, "basic_string<char, std::char_traits<char>, std::allocator<char> >") ==
			0 ||
		strcmp(name, "basic_string<char, std::char_traits<char>, std::allocator<char>>") ==
			0) &&
	       strcmp(ct_type_scope(describer, &type->die), "std::__cxx11::") == 0;
}

/* Clang may leave the class around the pointer a declaration, since the library has its code. The
 * pointer is all there is space for. */
static void find_text_of_declared(struct ct_describer *describer, struct ct_type *type,
				  struct ct_library_type *ret)
{
	struct part first;
	struct part second;
	if (is_std_string(describer, type) && find_path(describer, type, "_M_dataplus", &first) &&
	    first.type.is_declaration && find_path(describer, type, "_M_string_length", &second) &&
	    second.offset == first.offset + 8 && ct_type_size(describer, &second.type) == 8)
		*ret = (struct ct_library_type){.kind = CT_LIBRARY_TEXT,
						.first = first.offset,
						.second = second.offset,
						.first_name = "_M_p",
						.second_name = second.name};
}

/*
 * libc++'s, whose short texts are in the object itself. The library can be
 * built with another layout, which the offsets tell from this one. `inner` is
 * the path to what holds both.
 */
static bool find_short_text(struct ct_describer *describer, struct ct_type *type, const char *inner,
			    struct ct_library_type *ret)
{
	char pointer[64];
	char length[64];
	char letters[64];
	struct part part;
	struct ct_type target;
	snprintf(pointer, sizeof(pointer), "%s.__l.__data_", inner);
	snprintf(length, sizeof(length), "%s.__l.__size_", inner);
	snprintf(letters, sizeof(letters), "%s.__s.__data_", inner);
	if (!find_text(describer, type, pointer, length, ret))
		return false;
	bool is_known = ret->first == 16 && ret->second == 8 && ct_type_size(describer, type) == 24;
	if (is_known && find_path(describer, type, letters, &part) && part.offset == 1 &&
	    part.type.tag == DW_TAG_array_type) {
		ct_type_peel_target(describer, &part.type.die, &target);
		if (ct_type_is_char(describer, &target)) {
			ret->kind = CT_LIBRARY_SHORT_TEXT;
			return true;
		}
	}
	ret->kind = CT_LIBRARY_NONE;
	return false;
}

/* libstdc++'s of before C++11: nothing but a pointer. */
static bool find_shared_text(struct ct_describer *describer, struct ct_type *type,
			     struct ct_library_type *ret)
{
	struct part first;
	struct ct_type target;
	if (ct_type_size(describer, type) != 8 ||
	    !find_path(describer, type, "_M_dataplus._M_p", &first) || !is_pointer(&first) ||
	    first.offset != 0)
		return false;
	ct_type_peel_target(describer, &first.type.die, &target);
	if (!ct_type_is_char(describer, &target))
		return false;
	*ret = (struct ct_library_type){.kind = CT_LIBRARY_SHARED_TEXT, .first_name = first.name};
	return true;
}

static void string(struct ct_describer *describer, struct ct_type *type,
		   struct ct_library_type *ret)
{
	if (!find_text(describer, type, "_M_dataplus._M_p", "_M_string_length", ret) &&
	    !find_shared_text(describer, type, ret) &&
	    !find_short_text(describer, type, "__r_.__value_", ret) &&
	    !find_short_text(describer, type, "__rep_", ret))
		find_text_of_declared(describer, type, ret);
}

static void string_view(struct ct_describer *describer, struct ct_type *type,
			struct ct_library_type *ret)
{
	if (!find_text(describer, type, "_M_str", "_M_len", ret) &&
	    !find_text(describer, type, "__data", "__size", ret))
		find_text(describer, type, "__data_", "__size_", ret);
}

/* A vector<bool> begins with a class, not with a pointer. */
static void vector(struct ct_describer *describer, struct ct_type *type,
		   struct ct_library_type *ret)
{
	if (!find_sequence(describer, type, "_M_impl._M_start", "_M_impl._M_finish", ret))
		find_sequence(describer, type, "__begin_", "__end_", ret);
}

static void unique_ptr(struct ct_describer *describer, struct ct_type *type,
		       struct ct_library_type *ret)
{
	/* A tuple of the pointer and the deleter. */
	struct part part;
	if (find_path(describer, type, "_M_t._M_t", &part) &&
	    find_base(describer, &part, "_Head_base<0", 0) &&
	    find_member(describer, &part, "_M_head_impl", 0) && is_pointer(&part))
		*ret = (struct ct_library_type){.kind = CT_LIBRARY_POINTER,
						.first = part.offset,
						.first_name = part.name,
						.pointer = part.type_die};
	/* libc++'s pair of the same: with a member for each, or without. */
	else if (!find_pointer(describer, type, "__ptr_.__value_", CT_LIBRARY_POINTER, ret))
		find_pointer(describer, type, "__ptr_", CT_LIBRARY_POINTER, ret);
}

static void shared_ptr(struct ct_describer *describer, struct ct_type *type,
		       struct ct_library_type *ret)
{
	if (!find_pointer(describer, type, "_M_ptr", CT_LIBRARY_POINTER, ret))
		find_pointer(describer, type, "__ptr_", CT_LIBRARY_POINTER, ret);
}

static void weak_ptr(struct ct_describer *describer, struct ct_type *type,
		     struct ct_library_type *ret)
{
	if (!find_pointer(describer, type, "_M_ptr", CT_LIBRARY_ADDRESS, ret))
		find_pointer(describer, type, "__ptr_", CT_LIBRARY_ADDRESS, ret);
}

/* ---- tuples ---- */

struct tuple {
	struct ct_member *elements;
	uint32_t found; /* a bit for each */
	bool is_odd;	/* not all are understood */
};

/* The number that a class's first template argument is, when its name begins so. */
static bool read_index(struct part *part, const char *beginning, unsigned long *ret)
{
	const char *name = dwarf_diename(&part->type.die);
	if (!name || !begins_with(name, beginning))
		return false;
	*ret = strtoul(name + strlen(beginning), NULL, 10);
	return true;
}

static void add_element(struct ct_describer *describer, struct part *head, unsigned long index,
			struct tuple *tuple)
{
	bool is_found = find_member(describer, head, "_M_head_impl", 0) ||
			find_member(describer, head, "__value_", 0);
	if (!is_found || index >= CT_TYPE_TUPLE_MAX || tuple->found >> index & 1) {
		tuple->is_odd = true;
		return;
	}
	tuple->found |= UINT32_C(1) << index;
	tuple->elements[index] = (struct ct_member){.type = head->type_die, .offset = head->offset};
}

/* libstdc++ has a base for the first element, and one for the rest of them; libc++ a member that
 * has a base for each. */
static void find_elements(struct ct_describer *describer, struct part *part, struct tuple *tuple,
			  unsigned int depth)
{
	struct ct_class *class = ct_type_is_class(part->type.tag)
					 ? ct_type_class(describer, &part->type)
					 : NULL;
	tuple->is_odd |= !class || class->is_cut || depth > CT_TYPE_TUPLE_MAX + 2;
	for (size_t i = 0; !tuple->is_odd && i < class->member_count; i++) {
		struct part inner = *part;
		unsigned long index;
		if (class->members[i].is_virtual || class->members[i].bit_count) {
			tuple->is_odd = true;
			return;
		}
		enter_member(describer, &class->members[i], &inner);
		if (read_index(&inner, "_Head_base<", &index) ||
		    read_index(&inner, "__tuple_leaf<", &index))
			add_element(describer, &inner, index, tuple);
		else
			find_elements(describer, &inner, tuple, depth + 1);
	}
}

size_t ct_type_tuple(struct ct_describer *describer, struct ct_type *type,
		     struct ct_member ret[CT_TYPE_TUPLE_MAX])
{
	struct tuple tuple = {.elements = ret};
	struct part part = {.type = *type};
	find_elements(describer, &part, &tuple, 0);
	size_t count = 0;
	while (count < CT_TYPE_TUPLE_MAX && tuple.found >> count & 1)
		count++;
	return tuple.is_odd || tuple.found >> count ? 0 : count;
}

static void tuple(struct ct_describer *describer, struct ct_type *type, struct ct_library_type *ret)
{
	struct ct_member elements[CT_TYPE_TUPLE_MAX];
	if (ct_type_tuple(describer, type, elements) > 0)
		ret->kind = CT_LIBRARY_TUPLE;
}

static void array(struct ct_describer *describer, struct ct_type *type, struct ct_library_type *ret)
{
	struct part part;
	if ((find_path(describer, type, "_M_elems", &part) ||
	     find_path(describer, type, "__elems_", &part)) &&
	    part.type.tag == DW_TAG_array_type)
		*ret = (struct ct_library_type){.kind = CT_LIBRARY_ARRAY,
						.first = part.offset,
						.first_name = part.name,
						.pointer = part.type_die};
}

static const struct {
	const char *name;
	void (*find)(struct ct_describer *describer, struct ct_type *type,
		     struct ct_library_type *ret);
} library_types[] = {
	{"basic_string", string},   {"basic_string_view", string_view},
	{"vector", vector},	    {"unique_ptr", unique_ptr},
	{"shared_ptr", shared_ptr}, {"weak_ptr", weak_ptr},
	{"tuple", tuple},	    {"array", array},
};

/*
 * Clang may leave std::string a declaration too. The
 * inline namespace __cxx11 is the name of this layout: another one would have to
 * be called otherwise.
 */
static void declared_string(struct ct_describer *describer, struct ct_type *type,
			    struct ct_class *class)
{
	if (!is_std_string(describer, type))
		return;
	class->size_bytes = 32;
	class->triviality = CT_TRIVIAL_NO;
	class->library = (struct ct_library_type){.kind = CT_LIBRARY_TEXT,
						  .first = 0,
						  .second = 8,
						  .first_name = "_M_p",
						  .second_name = "_M_string_length"};
}

void ct_type_library(struct ct_describer *describer, struct ct_type *type, struct ct_class *class)
{
	const char *name = dwarf_diename(&type->die);
	if (!name)
		return;
	size_t length = strcspn(name, "<");
	for (size_t i = 0; i < sizeof(library_types) / sizeof(library_types[0]); i++) {
		if (strlen(library_types[i].name) != length ||
		    memcmp(name, library_types[i].name, length) != 0)
			continue;
		if (!begins_with(ct_type_scope(describer, &type->die), "std::"))
			return;
		if (type->is_declaration)
			declared_string(describer, type, class);
		else
			library_types[i].find(describer, type, &class->library);
		/* What is behind an offset this large cannot be described anyway. */
		if (class->library.first > UINT16_MAX - 8 || class->library.second > UINT16_MAX - 8)
			class->library.kind = CT_LIBRARY_NONE;
		return;
	}
}
