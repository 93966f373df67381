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

bool ct_machine_names_memory(const struct ct_machine *machine, const struct ct_code *code,
			     uint64_t from, uint64_t to, unsigned int number, int64_t low,
			     int64_t high)
{
	uint64_t at = from;
	while (at < to) {
		struct ct_instruction instruction;
		if (!ct_machine_decode(machine, code, at, &instruction))
			return false;
		if (names_memory(&instruction, number, low, high))
			return true;
		at = instruction.next;
	}
	return false;
}
