/* SPDX-License-Identifier: MIT */
/*
 * What a function was passed. Where the ABI puts it is known; the code from the
 * function's entry up to the enter hook is run to see where it is kept. Whether
 * the function keeps to the ABI, only its debug information can tell, when it
 * names the same places.
 */
#ifndef CT_PLAN_PASSED_H
#define CT_PLAN_PASSED_H

#include "plan/argument_places.h"
#include "plan/module.h"

enum ct_opinion {
	CT_OPINION_NONE = 0, /* says nothing */
	CT_OPINION_YES,
	CT_OPINION_NO,
};

struct ct_passed_parameter {
	struct ct_argument argument;
	enum ct_opinion opinion;    /* is the debug information of the same mind? */
	const struct ct_expr *home; /* in the frame, in terms of the entry; NULL: none */
	struct ct_location found;   /* at the hook */
};

enum { CT_PASSED_REGISTERS = 7 };

struct ct_passed {
	struct ct_plan_module *module;
	Dwarf_Die function;
	uint64_t low;
	uint64_t site;
	const struct ct_code *code;
	bool has_run; /* ct_passed_run_once() */
	enum ct_convention convention;
	const void *convention_of; /* the function's DIE, once asked */
	uint64_t call; /* address of the hook's call; 0: there is no straight way to it */
	int64_t rsp;   /* at the call, in terms of the entry's */
	const struct ct_expr *registers[CT_PASSED_REGISTERS]; /* the same */
	bool is_aligned; /* the frame below this is at an unknown distance from the entry's rsp */
	int64_t aligned_rsp;
	unsigned int clang_version; /* 0: GCC */
	bool is_optimized;	    /* GCC's code */
	bool has_lists;		    /* GCC traces variables of the function */
	struct ct_passed_parameter list[CT_PLAN_PARAMETERS_MAX];
	size_t count;
};

/* Ask ct_location_find() for the function at an address. */
struct ct_location_context ct_passed_context(struct ct_passed *passed, uint64_t address);

/* For the function's first argument; lost where the ABI does not tell. */
struct ct_argument_cursor ct_passed_cursor(struct ct_passed *passed);

/* Give each parameter its place by the ABI, and an ABSENT `found`. */
void ct_passed_assign(struct ct_passed *passed, struct ct_plan_parameter_list *parameters);

/* Is a parameter of the type passed as another? A float of a C function without a prototype comes
 * as a double, and what is passed by the ABI is not the parameter's value. */
bool ct_passed_is_promoted(struct ct_passed *passed, Dwarf_Die *type);

/* Bytes of a value of the type that count: 10 of a long double's. */
uint64_t ct_passed_bytes(struct ct_passed *passed, Dwarf_Die *type);

/* Run from the function's entry to the hook's call: `call`, `rsp`, and the module's machine. */
void ct_passed_run(struct ct_passed *passed);
/* The same, unless `has_run`, and the machine has not been used since. */
void ct_passed_run_once(struct ct_passed *passed);

/* Address of the instruction that aligns the frame, which is before any call; 0: there is none. */
uint64_t ct_passed_alignment(struct ct_passed *passed);

/* The same to an instruction before it, without calls on the way. */
bool ct_passed_run_to(struct ct_passed *passed, uint64_t address);

/* After ct_passed_run(): `found`, of one whose place is known. */
void ct_passed_find(struct ct_passed *passed, struct ct_passed_parameter *candidate);

/* Does the debug information name the same place at the function's entry; or, and then find a
 * `home` too, in the hook's call? */
void ct_passed_ask_entry(struct ct_passed *passed, struct ct_passed_parameter *candidate,
			 Dwarf_Die *located);
void ct_passed_ask_call(struct ct_passed *passed, struct ct_passed_parameter *candidate,
			Dwarf_Die *located);
/* Or behind the hook, when it begins there or what was passed is stored there? */
void ct_passed_ask_behind(struct ct_passed *passed, struct ct_plan_parameter_list *parameters);

/* A location in terms of the machine now, or of the entry. */
enum ct_opinion ct_passed_compare(struct ct_passed *passed, const struct ct_argument *argument,
				  const struct ct_location *location, bool is_at_entry);

/* In terms of the hook: is a place at or above the end of the frame, the caller's? */
bool ct_passed_is_callers(const struct ct_expr *address, const struct ct_expr *cfa);

/*
 * Is `found` in the caller's part of the stack, and nothing in the function uses
 * it? Then Clang does not put it there: what is there is anything. It also knows
 * of a class by value that is handed on, to the function itself or others, and
 * read by none of them: callers do not fill it in, though those in between copy
 * it. The machine is used for it.
 */
bool ct_passed_is_dead(struct ct_passed *passed, const struct ct_passed_parameter *parameter,
		       Dwarf_Die *type);

/* Of so many bytes the first that a machine can load at once. */
uint64_t ct_passed_chunk(uint64_t left);

#endif
