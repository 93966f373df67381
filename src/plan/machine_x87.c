/* SPDX-License-Identifier: MIT */
/* long double on its way through the x87 stack: loads, stores, exchanges. */
#include "plan/machine_work.h"

static void push_x87(struct ct_machine *machine, struct ct_x87_value value)
{
	for (unsigned int i = CT_X87_COUNT - 1; i > 0; i--)
		machine->x87[i] = machine->x87[i - 1];
	machine->x87[0] = value;
	machine->x87_depth++;
}

static void pop_x87(struct ct_machine *machine)
{
	for (unsigned int i = 0; i + 1 < CT_X87_COUNT; i++)
		machine->x87[i] = machine->x87[i + 1];
	machine->x87[CT_X87_COUNT - 1] = (struct ct_x87_value){ct_expr_unknown(),
							       ct_expr_unknown()};
	machine->x87_depth--;
}

/* The first of the operands that is memory, or a register of the stack but st0; NULL: none. */
static const ZydisDecodedOperand *find_x87_operand(const struct ct_work *work,
						   unsigned int *ret_depth)
{
	*ret_depth = 0;
	for (unsigned int i = 0; i < work->insn->operand_count; i++) {
		const ZydisDecodedOperand *operand = &work->operands[i];
		if (ct_work_is_memory(operand))
			return operand;
		if (operand->type != ZYDIS_OPERAND_TYPE_REGISTER ||
		    ZydisRegisterGetClass(operand->reg.value) != ZYDIS_REGCLASS_X87)
			continue;
		unsigned int depth = (unsigned int)(operand->reg.value - ZYDIS_REGISTER_ST0);
		if (depth == 0 || depth >= CT_X87_COUNT)
			continue;
		*ret_depth = depth;
		return operand;
	}
	return NULL;
}

static bool step_x87_store(const struct ct_work *work, const ZydisDecodedOperand *to,
			   unsigned int depth)
{
	struct ct_machine *machine = work->machine;
	if (!to) {
		/* fstp st0: only popped */
	} else if (!ct_work_is_memory(to)) {
		machine->x87[depth] = machine->x87[0];
	} else if (to->size == 80) {
		const struct ct_expr *address = ct_work_address_of(work, to);
		ct_machine_store(machine, address, 8, machine->x87[0].low);
		ct_machine_store(machine, ct_work_plus(work, address, 8), 2, machine->x87[0].high);
	} else {
		ct_machine_store(machine, ct_work_address_of(work, to), to->size / 8,
				 ct_expr_unknown());
	}
	if (work->insn->mnemonic == ZYDIS_MNEMONIC_FSTP)
		pop_x87(machine);
	return true;
}

bool ct_step_x87(const struct ct_work *work)
{
	struct ct_machine *machine = work->machine;
	struct ct_x87_value value = {ct_expr_unknown(), ct_expr_unknown()};
	unsigned int depth;
	const ZydisDecodedOperand *operand = find_x87_operand(work, &depth);
	switch (work->insn->mnemonic) {
	case ZYDIS_MNEMONIC_FLD:
		if (!operand)
			value = machine->x87[0];
		else if (!ct_work_is_memory(operand))
			value = machine->x87[depth];
		else if (operand->size == 80) {
			const struct ct_expr *address = ct_work_address_of(work, operand);
			value.low = ct_work_load(work, address, 8);
			value.high = ct_work_load(work, ct_work_plus(work, address, 8), 2);
		}
		push_x87(machine, value);
		return true;
	case ZYDIS_MNEMONIC_FLD1:
	case ZYDIS_MNEMONIC_FLDZ:
	case ZYDIS_MNEMONIC_FILD:
		push_x87(machine, value);
		return true;
	case ZYDIS_MNEMONIC_FXCH:
		value = machine->x87[depth];
		machine->x87[depth] = machine->x87[0];
		machine->x87[0] = value;
		return true;
	case ZYDIS_MNEMONIC_FST:
	case ZYDIS_MNEMONIC_FSTP:
		return step_x87_store(work, operand, depth);
	default:
		return false;
	}
}
