/* SPDX-License-Identifier: MIT */
/* What the planner knows of one module while it makes the plans; planner.c owns it. */
#ifndef CT_PLAN_MODULE_H
#define CT_PLAN_MODULE_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

#include "plan/describe.h"
#include "plan/folded.h"
#include "plan/hook_sites.h"
#include "plan/location.h"
#include "plan/machine.h"
#include "plan/names.h"
#include "plan/plan_file.h"
#include "plan/planner.h"
#include "plan/split.h"

struct ct_plan_module {
	const struct ct_planner_options *options;
	const struct ct_elf_file *file;
	struct ct_hook_sites sites;
	struct ct_plan_names names;
	struct ct_plan_folded folded;
	Dwarf *dwarf;
	struct ct_split *split;
	Dwarf_CFI *cfi;	      /* of .eh_frame */
	Dwarf_CFI *debug_cfi; /* of .debug_frame */
	struct ct_location_memo *memo;
	struct ct_expr_arena *arena;
	struct ct_machine *machine;
	struct ct_describer *describer;
	struct ct_plan_draft draft; /* of the plan that is being made */
	struct ct_plan_writer writer;
	struct ct_plan_parameter_list *parameters; /* the same */
	struct ct_passed *passed;		   /* the same */
	unsigned char *hits; /* of the filter's patterns: it fits a function; shared by workers */
	struct ct_strbuf missing_files; /* names of .dwo files that are not there, some of them */
	size_t missing_count;
};

/* A function's code, as debug information has it. */
struct ct_plan_function {
	Dwarf_Die die;		    /* DW_TAG_subprogram with ranges */
	uint64_t low;		    /* where it is entered */
	unsigned int clang_version; /* 0: compiled by GCC; else by Clang, or what may be */
};

/* ---- function_address.c ---- */

/* A function with code, and the abstract instance it is made from. */
struct ct_plan_origin {
	const void *origin;
	uint64_t low;
	Dwarf_Die die;
	/* Of clang.c: parameters that are still what they were right behind the enter hook; one
	 * bit each, of the first 64. */
	bool has_steady;
	uint64_t steady;
};

/* The functions of a unit by the abstract instances they are made from. Zero-initialise. */
struct ct_plan_origins {
	struct ct_plan_origin *entries;
	size_t count;
	size_t capacity;
};
void ct_plan_origins_deinit(struct ct_plan_origins *origins);
bool ct_plan_origins_add(struct ct_plan_origins *origins, const struct ct_plan_function *function);
void ct_plan_origins_seal(struct ct_plan_origins *origins);
/* The copy of the abstract instance of `scope` that was compiled by itself, or NULL. */
struct ct_plan_origin *ct_plan_origins_find(struct ct_plan_module *module,
					    const struct ct_plan_origins *origins,
					    Dwarf_Die *scope);

/* Is it the function itself, and no clone, whose parameters may be other ones? */
bool ct_plan_is_whole(struct ct_plan_module *module, const struct ct_plan_function *function);

/*
 * What the hook at `site` is told as the function when `scope`, which is
 * function->die or an inlined instance in it, calls it: its address, or that of
 * a pointer to it (ct_plan_names_is_pointer()). 0: not known.
 */
uint64_t ct_plan_function_address(struct ct_plan_module *module,
				  const struct ct_plan_origins *origins,
				  const struct ct_plan_function *function, Dwarf_Die *scope,
				  uint64_t site);

/* ---- convention.c ---- */

enum ct_convention {
	CT_CONVENTION_SYSTEM_V = 0,
	CT_CONVENTION_MICROSOFT,  /* as its code tells */
	CT_CONVENTION_PRESERVING, /* called as System V's; but saves registers that it need not */
	CT_CONVENTION_OTHER,
};
/* Of a function that is entered at `low`. */
enum ct_convention ct_plan_convention(struct ct_plan_module *module, Dwarf_Die *function,
				      uint64_t low);

/* ---- parameters.c ---- */

enum { CT_PLAN_PARAMETERS_MAX = 255 };

struct ct_plan_parameter {
	Dwarf_Die named;   /* has the name and the type */
	Dwarf_Die located; /* has the location; addr NULL: none of the scope's has */
	Dwarf_Die type;	   /* addr NULL: there is none */
	bool is_hidden;	   /* the compiler's own */
	bool is_unlisted;  /* of the signature only: passed by its address, and not used */
	char *type_text;   /* of one that has no `type`; owned by the list */
	struct ct_location location;
};

struct ct_plan_parameter_list {
	struct ct_plan_parameter list[CT_PLAN_PARAMETERS_MAX];
	size_t count; /* 0, before the first use */
};
void ct_plan_parameter_list_clear(struct ct_plan_parameter_list *list);

/* The parameters of a function or an inlined instance, in order, with ABSENT locations. */
void ct_plan_list_parameters(struct ct_plan_parameter_list *ret, Dwarf_Die *scope);

/* Begin the module's draft and describe the parameters of `scope` at the hook. */
void ct_plan_parameters(struct ct_plan_module *module, const struct ct_plan_origins *origins,
			const struct ct_plan_function *function, Dwarf_Die *scope, uint64_t site);

/* ---- gnu.c ---- */

/* Find the locations of the parameters at a hook in code that GCC has compiled. */
void ct_plan_locate_gnu(struct ct_plan_module *module, const struct ct_plan_function *function,
			Dwarf_Die *scope, uint64_t site, struct ct_plan_parameter_list *parameters);

/* ---- clang.c ---- */

/* Find the locations of the parameters at a hook in code that GCC has not compiled. */
void ct_plan_locate_clang(struct ct_plan_module *module, const struct ct_plan_origins *origins,
			  const struct ct_plan_function *function, Dwarf_Die *scope, uint64_t site,
			  struct ct_plan_parameter_list *parameters);

/* ---- returns.c ---- */

/* Of a function, or of an inlined instance of one. False: it returns nothing. */
bool ct_plan_return_type(Dwarf_Die *function, Dwarf_Die *ret);

/* The operations that a return of a function appends by, and their description. */
struct ct_plan_shape {
	struct ct_return_place place;
	uint8_t used_bytes[2]; /* of each part: up to its last byte that belongs to a member */
	size_t lead;	       /* operations that take the value itself; the rest follow
				* what it points to */
	bool reads_memory;
	struct ct_plan_draft draft; /* nodes: from "u8 1 when the function returns a value" on */
};
void ct_plan_shape_deinit(struct ct_plan_shape *shape);
void ct_plan_shape_init(struct ct_plan_module *module, const struct ct_plan_function *function,
			struct ct_plan_shape *ret);

/* The plan of an exit site, when it can be had, goes to the module's writer. */
void ct_plan_exit(struct ct_plan_module *module, const struct ct_plan_function *function,
		  const struct ct_plan_shape *shape, uint64_t address, uint64_t site);

/* ---- emit.c ---- */

/* Is the address on the thread's stack for certain? Reading there needs no protection. */
bool ct_plan_is_on_stack(const struct ct_expr *address, const struct ct_expr *cfa);

/* An operation (or several) that appends `size_bytes` (1 to 8) low bytes of the value. `cfa` is
 * where the frame ends, UNKNOWN where that is not known. */
bool ct_plan_append_value(struct ct_plan_draft *draft, const struct ct_expr *expr,
			  const struct ct_expr *cfa, unsigned int size_bytes, bool is_joined);
/* The block may have a status. */
bool ct_plan_append_memory(struct ct_plan_draft *draft, const struct ct_expr *address,
			   const struct ct_expr *cfa, uint64_t size_bytes);

/* What a draft was, to go back to. */
struct ct_plan_mark {
	size_t op_count;
	unsigned int block_count;
	size_t payload_max;
	size_t nodes_length;
};
struct ct_plan_mark ct_plan_mark(const struct ct_plan_draft *draft);
void ct_plan_rewind(struct ct_plan_draft *draft, struct ct_plan_mark mark);
void ct_plan_put_u8(struct ct_plan_draft *draft, uint8_t value);
void ct_plan_put_u16(struct ct_plan_draft *draft, uint16_t value);
void ct_plan_put_absent(struct ct_plan_draft *draft, enum ct_why why);

#endif
