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

static bool names_memory(const struct ct_instruction *instruction, unsigned int number, int64_t low,
			 int64_t high)
{
	for (unsigned int i = 0; i < instruction->insn.operand_count; i++) {
		const ZydisDecodedOperand *operand = &instruction->operands[i];
		if (operand->type != ZYDIS_OPERAND_TYPE_MEMORY ||
		    number_of(operand->mem.base) != (int)number ||
		    operand->mem.index != ZYDIS_REGISTER_NONE)
			continue;
		int64_t offset = operand->mem.disp.has_displacement ? operand->mem.disp.value : 0;
		int64_t size_bytes = operand->size ? operand->size / 8 : 1;
		if (offset < high && offset + size_bytes > low)
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

static bool mentions(const struct ct_instruction *instruction, ZydisRegister whole)
{
	for (unsigned int i = 0; i < instruction->insn.operand_count; i++)
		if (is_register(&instruction->operands[i], whole))
			return true;
	return false;
}

static bool is_stack_place(const ZydisDecodedOperand *operand)
{
	return operand->type == ZYDIS_OPERAND_TYPE_MEMORY &&
	       operand->mem.base == ZYDIS_REGISTER_RSP && operand->mem.index == ZYDIS_REGISTER_NONE;
}

/* The next thing done with `whole`, the address of a place in memory, is to copy from there. */
static bool begins_copy(const struct ct_instruction *next, ZydisRegister whole)
{
	if (next->insn.mnemonic == ZYDIS_MNEMONIC_MOV)
		return is_register(&next->operands[0], ZYDIS_REGISTER_RSI) &&
		       is_register(&next->operands[1], whole);
	return (next->insn.attributes & ZYDIS_ATTRIB_HAS_REP) && whole == ZYDIS_REGISTER_RSI;
}

/* What is loaded goes to the stack. */
static bool is_stored_on_stack(const struct ct_instruction *next)
{
	return next->insn.meta.category == ZYDIS_CATEGORY_DATAXFER &&
	       is_stack_place(&next->operands[0]);
}

/* A load of a register that is next stored on the stack, and the like. */
static bool is_passed_on(const struct ct_machine *machine, const struct ct_code *code,
			 const struct ct_instruction *load)
{
	enum { STEPS_MAX = 16 };
	const ZydisDecodedOperand *to = &load->operands[0];
	if (load->insn.mnemonic == ZYDIS_MNEMONIC_PUSH)
		return true;
	if (load->insn.operand_count_visible != 2 || to->type != ZYDIS_OPERAND_TYPE_REGISTER ||
	    (load->insn.meta.category != ZYDIS_CATEGORY_DATAXFER &&
	     load->insn.mnemonic != ZYDIS_MNEMONIC_LEA))
		return false;
	ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64,
							       to->reg.value);
	bool is_address = load->insn.mnemonic == ZYDIS_MNEMONIC_LEA;
	uint64_t at = load->next;
	for (int i = 0; i < STEPS_MAX; i++) {
		struct ct_instruction next;
		if (!ct_machine_decode(machine, code, at, &next) ||
		    next.insn.meta.branch_type != ZYDIS_BRANCH_TYPE_NONE)
			return false;
		if (mentions(&next, whole)) {
			return is_address ? begins_copy(&next, whole) : is_stored_on_stack(&next);
		}
		at = next.next;
	}
	return false;
}

bool ct_machine_uses_memory(const struct ct_machine *machine, const struct ct_code *code,
			    uint64_t from, uint64_t to, unsigned int number, int64_t low,
			    int64_t high)
{
	uint64_t at = from;
	while (at < to) {
		struct ct_instruction instruction;
		if (!ct_machine_decode(machine, code, at, &instruction))
			return false;
		if (names_memory(&instruction, number, low, high) &&
		    !is_passed_on(machine, code, &instruction))
			return true;
		at = instruction.next;
	}
	return false;
}
