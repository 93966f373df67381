/* SPDX-License-Identifier: MIT */
/*
 * How a function is called. Clang tells of most conventions. GCC tells of none;
 * but a function of Microsoft's has to keep rdi, rsi and xmm6 to xmm15 for its
 * caller, and the hook, which it calls, keeps none of them: so it saves them
 * before. No other function has anything in xmm8 to xmm15 yet.
 */
#include <dwarf.h>
#include <string.h>

#include "plan/module.h"

/* DW_AT_calling_convention, for LLVM's preserve_most and preserve_all. */
enum { LLVM_PRESERVE_MOST = 0xc9, LLVM_PRESERVE_ALL = 0xca };

/* What is told of all of a file, by an option, or of one function. */
static enum ct_convention told_convention(Dwarf_Die *function)
{
	static const char *const odd_options[] = {"-fpcc-struct-return", "-mabi=ms"};
	Dwarf_Attribute attribute;
	Dwarf_Word convention;
	Dwarf_Die unit;
	if (dwarf_formudata(dwarf_attr_integrate(function, DW_AT_calling_convention, &attribute),
			    &convention) == 0 &&
	    convention != DW_CC_normal)
		return convention == LLVM_PRESERVE_MOST || convention == LLVM_PRESERVE_ALL
			       ? CT_CONVENTION_PRESERVING
			       : CT_CONVENTION_OTHER;
	const char *name =
		dwarf_formstring(dwarf_attr_integrate(function, DW_AT_linkage_name, &attribute));
	if (name && strncmp(name, "__regcall", 9) == 0)
		return CT_CONVENTION_OTHER;
	const char *producer = NULL;
	if (dwarf_cu_info(function->cu, NULL, NULL, &unit, NULL, NULL, NULL, NULL) == 0)
		producer = dwarf_formstring(dwarf_attr(&unit, DW_AT_producer, &attribute));
	for (size_t i = 0; producer && i < sizeof(odd_options) / sizeof(odd_options[0]); i++)
		if (strstr(producer, odd_options[i]))
			return CT_CONVENTION_OTHER;
	return CT_CONVENTION_SYSTEM_V;
}

/* Which of xmm8 to xmm15 an instruction stores: `movaps`, `movups`, and the same of AVX. -1: none.
 */
static int stored_vector(const uint8_t *bytes, size_t size_bytes)
{
	if (size_bytes < 4)
		return -1;
	bool is_high = ((bytes[0] == 0x44 || bytes[0] == 0x45) && bytes[1] == 0x0f) ||
		       (bytes[0] == 0xc5 && (bytes[1] & 0x84) == 0);
	bool is_store = bytes[2] == 0x29 || bytes[2] == 0x11;
	bool is_to_memory = bytes[3] >> 6 != 3;
	return is_high && is_store && is_to_memory ? bytes[3] >> 3 & 7 : -1;
}

static bool saves_as_microsoft(struct ct_plan_module *module, uint64_t low)
{
	enum { PROLOGUE_MAX = 60, PUSH_RSI = 0x56, PUSH_RDI = 0x57, CALL = 0xe8 };
	enum { ALL_VECTORS = 0xff, RSI = 1, RDI = 2, BOTH = 3 };
	const struct ct_code *code = ct_hook_sites_code(&module->sites, low);
	unsigned int vectors = 0;
	unsigned int pushed = 0;
	uint64_t at = low;
	for (int i = 0; code && i < PROLOGUE_MAX; i++) {
		const uint8_t *bytes = code->bytes + (at - code->address);
		uint64_t next = ct_machine_next(module->machine, code, at);
		if (next <= at || bytes[0] == CALL)
			break;
		int vector = stored_vector(bytes, next - at);
		vectors |= vector >= 0 ? 1U << vector : 0;
		pushed |= bytes[0] == PUSH_RSI ? RSI : bytes[0] == PUSH_RDI ? RDI : 0;
		at = next;
	}
	return vectors == ALL_VECTORS || pushed == BOTH;
}

enum ct_convention ct_plan_convention(struct ct_plan_module *module, Dwarf_Die *function,
				      uint64_t low)
{
	enum ct_convention told = told_convention(function);
	if (told != CT_CONVENTION_SYSTEM_V)
		return told;
	return saves_as_microsoft(module, low) ? CT_CONVENTION_MICROSOFT : CT_CONVENTION_SYSTEM_V;
}
