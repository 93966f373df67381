/* SPDX-License-Identifier: MIT */
/* Code looked through without running it. */
#include "plan/machine_scan.h"

#include "plan/machine_private.h"

/* Numbers as in struct ct_expr; -1: no whole general register. */
static int number_of(ZydisRegister reg)
{
	static const ZydisRegister numbers[CT_GPR_COUNT] = {
		ZYDIS_REGISTER_RAX, ZYDIS_REGISTER_RDX, ZYDIS_REGISTER_RCX, ZYDIS_REGISTER_RBX,
		ZYDIS_REGISTER_RSI, ZYDIS_REGISTER_RDI, ZYDIS_REGISTER_RBP, ZYDIS_REGISTER_RSP,
		ZYDIS_REGISTER_R8,  ZYDIS_REGISTER_R9,	ZYDIS_REGISTER_R10, ZYDIS_REGISTER_R11,
		ZYDIS_REGISTER_R12, ZYDIS_REGISTER_R13, ZYDIS_REGISTER_R14, ZYDIS_REGISTER_R15,
	};
	for (int i = 0; i < CT_GPR_COUNT; i++)
		if (numbers[i] == reg)
			return i;
	return -1;
}

static bool names_memory(const struct ct_instruction *instruction,
			 const struct ct_machine_range *range)
{
	for (unsigned int i = 0; i < instruction->insn.operand_count; i++) {
		const ZydisDecodedOperand *operand = &instruction->operands[i];
		if (operand->type != ZYDIS_OPERAND_TYPE_MEMORY ||
		    number_of(operand->mem.base) != (int)range->number ||
		    operand->mem.index != ZYDIS_REGISTER_NONE)
			continue;
		int64_t offset = operand->mem.disp.has_displacement ? operand->mem.disp.value : 0;
		int64_t size_bytes = operand->size ? operand->size / 8 : 1;
		if (offset < range->high && offset + size_bytes > range->low)
			return true;
	}
	return false;
}

static bool is_register(const ZydisDecodedOperand *operand, ZydisRegister whole)
{
	return operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, operand->reg.value) ==
		       whole;
}

static bool is_based_on(const ZydisDecodedOperand *operand, ZydisRegister whole)
{
	return operand->type == ZYDIS_OPERAND_TYPE_MEMORY &&
	       (operand->mem.base == whole || operand->mem.index == whole);
}

static bool mentions(const struct ct_instruction *instruction, ZydisRegister whole)
{
	for (unsigned int i = 0; i < instruction->insn.operand_count; i++)
		if (is_register(&instruction->operands[i], whole) ||
		    is_based_on(&instruction->operands[i], whole))
			return true;
	return false;
}

static bool is_stack_place(const ZydisDecodedOperand *operand)
{
	return operand->type == ZYDIS_OPERAND_TYPE_MEMORY &&
	       operand->mem.base == ZYDIS_REGISTER_RSP && operand->mem.index == ZYDIS_REGISTER_NONE;
}

/* A plain load, or the address of memory, into a register. */
static bool fills_register(const struct ct_instruction *instruction)
{
	return instruction->insn.operand_count_visible == 2 &&
	       instruction->operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       (instruction->insn.meta.category == ZYDIS_CATEGORY_DATAXFER ||
		instruction->insn.mnemonic == ZYDIS_MNEMONIC_LEA);
}

static ZydisRegister filled_register(const struct ct_instruction *instruction)
{
	return ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64,
						instruction->operands[0].reg.value);
}

static bool is_kept_by_calls(ZydisRegister whole)
{
	return whole == ZYDIS_REGISTER_RBX || whole == ZYDIS_REGISTER_RBP ||
	       (whole >= ZYDIS_REGISTER_R12 && whole <= ZYDIS_REGISTER_R15);
}

struct scan {
	const struct ct_machine *machine;
	const struct ct_code *code;
	uint64_t to;
};

/* Does what is loaded go straight to the stack? */
static bool is_value_copied(const struct scan *scan, const struct ct_instruction *load)
{
	enum { STEPS_MAX = 32 };
	if (load->insn.mnemonic == ZYDIS_MNEMONIC_PUSH)
		return true;
	if (!fills_register(load))
		return false;
	ZydisRegister whole = filled_register(load);
	uint64_t at = load->next;
	struct ct_instruction next;
	for (int i = 0; i < STEPS_MAX && at < scan->to; i++, at = next.next) {
		if (!ct_machine_decode(scan->machine, scan->code, at, &next) ||
		    next.insn.meta.branch_type != ZYDIS_BRANCH_TYPE_NONE)
			return false;
		if (mentions(&next, whole))
			return next.insn.mnemonic == ZYDIS_MNEMONIC_PUSH ||
			       (next.insn.meta.category == ZYDIS_CATEGORY_DATAXFER &&
				is_stack_place(&next.operands[0]));
	}
	return false;
}

/*
 * Is memory at an address only copied from there, or the address given to
 * another function? Up to where the register has something else; the other ways
 * of branches are not looked at.
 */
static bool is_pointee_copied(const struct scan *scan, const struct ct_instruction *load)
{
	if (!fills_register(load))
		return false;
	ZydisRegister whole = filled_register(load);
	uint64_t at = load->next;
	struct ct_instruction next;
	for (; at < scan->to; at = next.next) {
		if (!ct_machine_decode(scan->machine, scan->code, at, &next))
			return false;
		if (next.insn.meta.category == ZYDIS_CATEGORY_CALL && !is_kept_by_calls(whole))
			return true;
		if (!mentions(&next, whole) || next.insn.meta.category == ZYDIS_CATEGORY_STRINGOP)
			continue;
		bool is_base = false;
		for (unsigned int i = 0; i < next.insn.operand_count; i++)
			is_base |= is_based_on(&next.operands[i], whole);
		if (is_base && !is_value_copied(scan, &next))
			return false;
		if (fills_register(&next) && filled_register(&next) == whole)
			return true;
		/* Into another register: an argument. All else computes with it. */
		if (!is_base && next.insn.meta.category != ZYDIS_CATEGORY_DATAXFER)
			return false;
	}
	return true;
}

bool ct_machine_uses_memory(const struct ct_machine *machine, const struct ct_code *code,
			    uint64_t from, uint64_t to, bool copies_count,
			    const struct ct_machine_range *range)
{
	const struct scan scan = {machine, code, to};
	uint64_t at = from;
	while (at < to) {
		struct ct_instruction instruction;
		if (!ct_machine_decode(machine, code, at, &instruction))
			return false;
		bool is_address = instruction.insn.mnemonic == ZYDIS_MNEMONIC_LEA;
		if (names_memory(&instruction, range) &&
		    (copies_count || !(is_address ? is_pointee_copied(&scan, &instruction)
						  : is_value_copied(&scan, &instruction))))
			return true;
		at = instruction.next;
	}
	return false;
}
