/* SPDX-License-Identifier: MIT */
/*
 * Types as DWARF has them, for the files that make up the describer. Debug
 * information is not to be trusted: chains of types are followed for so many
 * steps, and each call of the describer looks at so many DIEs.
 */
#ifndef CT_PLAN_TYPE_H
#define CT_PLAN_TYPE_H

#include "plan/describe.h"

enum {
	CT_TYPE_VOID = 0,    /* as a tag */
	CT_TYPE_BROKEN = -1, /* the same: a loop, or a reference to nowhere */
	CT_TYPE_DEPTH_MAX = 32,
	CT_TYPE_DIMENSIONS_MAX = 8,
};

/* A type without its typedefs and qualifiers; a class's definition, where one was found. */
struct ct_type {
	Dwarf_Die die;
	int tag;
	bool is_character;   /* a typedef on the way was wchar_t or its like */
	bool is_volatile;    /* a qualifier on the way */
	bool is_declaration; /* a class or enumeration that is incomplete here */
};

struct ct_member {
	Dwarf_Die type;
	const char *name; /* NULL: an anonymous struct or union */
	uint64_t offset;  /* bytes; of a bit-field: 0 */
	uint64_t bit_offset;
	uint16_t bit_count; /* 0: no bit-field */
	bool is_base;
	bool is_virtual; /* a virtual base: where it is, only the object knows */
};

/* Classes of the C++ library that are shown as what they mean. */
enum ct_library_kind {
	CT_LIBRARY_NONE = 0,
	CT_LIBRARY_TEXT,	/* std::string, std::string_view: pointer and length */
	CT_LIBRARY_SHORT_TEXT,	/* libc++'s std::string: the same, when bit 0 of its first byte is
				 * set; else that byte is twice the length of a text behind it */
	CT_LIBRARY_SHARED_TEXT, /* std::string with _GLIBCXX_USE_CXX11_ABI=0: a pointer to the
				 * text, whose length is 24 bytes before it */
	CT_LIBRARY_SEQUENCE,	/* std::vector: begin and end */
	CT_LIBRARY_POINTER,	/* std::unique_ptr, std::shared_ptr */
	CT_LIBRARY_ADDRESS,	/* std::weak_ptr: what it points to may be gone */
	CT_LIBRARY_TUPLE,	/* std::tuple: ct_type_tuple() */
	CT_LIBRARY_ARRAY,	/* std::array: the array at `first`, whose type is `pointer` */
};
struct ct_library_type {
	enum ct_library_kind kind;
	uint64_t first, second; /* offsets: pointer and length, begin and end */
	const char *first_name, *second_name;
	Dwarf_Die pointer; /* type of what is at `first`, unless it is a text */
};
/* Does it hold something that is elsewhere? */
static inline bool ct_library_leads_on(enum ct_library_kind kind)
{
	return kind != CT_LIBRARY_NONE && kind != CT_LIBRARY_TUPLE && kind != CT_LIBRARY_ARRAY;
}

enum ct_triviality {
	CT_TRIVIAL_UNKNOWN = 0, /* not asked yet */
	CT_TRIVIAL_ASKED,	/* being found out: a class that contains itself */
	CT_TRIVIAL_YES,
	CT_TRIVIAL_NO,
	CT_TRIVIAL_UNSURE,
};

enum ct_volatility {
	CT_VOLATILE_UNKNOWN = 0, /* not asked yet */
	CT_VOLATILE_YES,
	CT_VOLATILE_NO,
};

/* What is kept about a struct, class or union. */
struct ct_class {
	uint64_t size_bytes;
	struct ct_member *members; /* data members and bases, in the order of the source */
	size_t member_count;
	bool is_cut;	 /* not all members are there */
	bool is_dynamic; /* has a pointer to virtual functions */
	bool is_swapped; /* its numbers begin with their greatest byte (scalar_storage_order) */
	enum ct_triviality triviality;
	enum ct_volatility volatility;
	struct ct_library_type library;
};

struct ct_array {
	Dwarf_Die element;
	uint64_t element_bytes;
	unsigned int dimensions;
	uint64_t counts[CT_TYPE_DIMENSIONS_MAX];
};

struct ct_scope;

/* What is kept by DIE; DIEs are known by where their bytes are. */
struct ct_kept {
	const void *address;
	char *name;
	struct ct_class *class;
	struct ct_scope *root; /* of a unit's DIE: see type_scope.c */
	Dwarf_Die *definition; /* of a declaration; its own address is NULL: there is none */
	uint8_t language;      /* of a unit's DIE: enum ct_language */
	bool is_peeled;	       /* `peeled` is ct_type_peel()'s */
	bool has_size;
	struct ct_type peeled;
	uint64_t size_bytes; /* ct_type_size()'s */
};

enum ct_language { CT_LANGUAGE_UNKNOWN = 0, CT_LANGUAGE_C, CT_LANGUAGE_CXX };

struct ct_definition {
	uint64_t hash; /* of the qualified name */
	uint32_t next; /* index + 1 */
	bool is_local; /* in an anonymous namespace, or C: for its own unit only */
	Dwarf_Die die;
};

struct ct_describer {
	struct ct_plan_settings settings;
	unsigned int steps; /* DIEs that may still be looked at in this call */
	struct ct_kept **kept;
	size_t kept_count;
	size_t kept_capacity;	   /* a power of 2 */
	enum ct_language language; /* of the last unit that told */
	/* definitions by name, of the units looked through so far */
	struct ct_definition *definitions;
	size_t definition_count;
	size_t definition_capacity;
	uint32_t *definition_table;
	size_t definition_table_capacity; /* a power of 2 */
	Dwarf *looked_through;		  /* all units of this are in there */
};

/* Every public function calls it first. */
void ct_type_begin(struct ct_describer *describer);
bool ct_type_step(struct ct_describer *describer);

struct ct_kept *ct_type_keep(struct ct_describer *describer,
			     const Dwarf_Die *die); /* NULL: no memory */

/* The DIE an attribute refers to. False: no such attribute, or nothing there. */
bool ct_type_follow(Dwarf_Die *die, unsigned int attribute, Dwarf_Die *ret);
/* DW_AT_type's, as it is. False: there is none, which means void, or it is broken. */
bool ct_type_target(Dwarf_Die *die, Dwarf_Die *ret);
/* Go from what stands for a type that has a unit of its own (-fdebug-types-section) there. */
void ct_type_enter_unit(Dwarf_Die *die);
bool ct_type_is_qualifier(int tag);
void ct_type_peel(struct ct_describer *describer, const Dwarf_Die *die, struct ct_type *ret);
/* ct_type_peel() of DW_AT_type's. */
void ct_type_peel_target(struct ct_describer *describer, Dwarf_Die *die, struct ct_type *ret);
uint64_t ct_type_size(struct ct_describer *describer, struct ct_type *type);
bool ct_type_array(struct ct_describer *describer, struct ct_type *type, struct ct_array *ret);
/* Is it volatile, or anything in it? Where that cannot be told it is. */
bool ct_type_has_volatile(struct ct_describer *describer, struct ct_type *type);
/* Is it a class that surely has nothing in it: no members, its bases neither? */
bool ct_type_is_empty(struct ct_describer *describer, struct ct_type *type);
/* Of a struct, class or union. NULL: no memory, or not known. */
struct ct_class *ct_type_class(struct ct_describer *describer, struct ct_type *type);
static inline bool ct_type_is_class(int tag)
{
	return tag == 0x13 /* structure */ || tag == 0x02 /* class */ || tag == 0x17 /* union */;
}
/* Encoding of a base type, or of what an enumeration is made of: DW_ATE_*. */
unsigned int ct_type_encoding(struct ct_describer *describer, struct ct_type *type);
bool ct_type_is_signed(struct ct_describer *describer, struct ct_type *type);
/* Bits of a _BitInt; 0: it is none. */
unsigned int ct_type_precision(struct ct_type *type);
/* A base type whose bytes are in the other order than the machine's. */
bool ct_type_is_swapped(struct ct_type *type);
/* A _BitInt of who knows how many bits: what counts of its bytes is not known. */
bool ct_type_lacks_precision(struct ct_type *type);
/* "char": neither signed nor unsigned; or char8_t. */
bool ct_type_is_char(struct ct_describer *describer, struct ct_type *type);
bool ct_type_is_character(struct ct_describer *describer, struct ct_type *type);
/* How a floating point number is stored, as CT_NODE_FLOAT has it; 0: otherwise. */
unsigned int ct_type_float_format(struct ct_type *type, uint64_t size_bytes);

/* type_scope.c */
enum ct_language ct_type_language(struct ct_describer *describer, Dwarf_Die *die);
/* "std::__cxx11::", or "" */
const char *ct_type_scope(struct ct_describer *describer, Dwarf_Die *die);
bool ct_type_definition(struct ct_describer *describer, Dwarf_Die *declaration, Dwarf_Die *ret);
void ct_scope_destroy(struct ct_scope *scope);

/* type_name.c: ct_describe_name() without ct_type_begin() */
const char *ct_type_name(struct ct_describer *describer, Dwarf_Die *type);

/* abi.c: may a function return it in registers? C++'s "trivial for the purposes of calls". */
enum ct_triviality ct_type_triviality(struct ct_describer *describer, struct ct_type *type);

/* type_library.c */
enum { CT_TYPE_TUPLE_MAX = 16 };
/* The elements of a CT_LIBRARY_TUPLE, in order; their number, at most CT_TYPE_TUPLE_MAX. */
size_t ct_type_tuple(struct ct_describer *describer, struct ct_type *type,
		     struct ct_member ret[CT_TYPE_TUPLE_MAX]);
void ct_type_library(struct ct_describer *describer, struct ct_type *type, struct ct_class *class);

#endif
