/* SPDX-License-Identifier: MIT */
/* Registers and operands of an instruction, read and written. */
#include "plan/machine_work.h"

/* ---- registers ---- */

bool ct_work_find_gpr(ZydisRegister name, struct ct_gpr_part *ret)
{
	static const uint8_t dwarf_numbers[] = {0, 2, 1,  3,  7,  6,  4,  5,
						8, 9, 10, 11, 12, 13, 14, 15};
	unsigned int id;
	*ret = (struct ct_gpr_part){.size_bytes = 0};
	switch (ZydisRegisterGetClass(name)) {
	case ZYDIS_REGCLASS_GPR64:
		id = (unsigned int)(name - ZYDIS_REGISTER_RAX);
		ret->size_bytes = 8;
		break;
	case ZYDIS_REGCLASS_GPR32:
		id = (unsigned int)(name - ZYDIS_REGISTER_EAX);
		ret->size_bytes = 4;
		break;
	case ZYDIS_REGCLASS_GPR16:
		id = (unsigned int)(name - ZYDIS_REGISTER_AX);
		ret->size_bytes = 2;
		break;
	case ZYDIS_REGCLASS_GPR8:
		/* al cl dl bl, ah ch dh bh, spl bpl sil dil, r8b... */
		id = (unsigned int)(name - ZYDIS_REGISTER_AL);
		ret->is_high_byte = id >= 4 && id < 8;
		if (id >= 4)
			id -= 4;
		ret->size_bytes = 1;
		break;
	default:
		return false;
	}
	if (id >= CT_GPR_COUNT)
		return false;
	ret->number = dwarf_numbers[id];
	return true;
}

const struct ct_expr *ct_work_read_gpr(const struct ct_work *work, const struct ct_gpr_part *part)
{
	if (ct_machine_mentions_frame(work->machine, work->machine->gpr[part->number].value))
		work->machine->has_read_frame = true;
	if (part->is_high_byte)
		return ct_work_zero_extend(
			work,
			ct_work_shift(work, CT_EXPR_SHIFT_RIGHT,
				      ct_machine_register_part(work->machine, part->number, 2), 8),
			1);
	return ct_machine_register_part(work->machine, part->number, part->size_bytes);
}

/* The old bits with those of `mask` replaced. */
const struct ct_expr *ct_work_merged(const struct ct_work *work, const struct ct_expr *old,
				     uint64_t mask, const struct ct_expr *bits)
{
	return ct_work_binary(
		work, CT_EXPR_OR,
		ct_work_binary(work, CT_EXPR_AND, old, ct_work_constant(work, (int64_t)~mask)),
		bits);
}

static void write_narrow(const struct ct_work *work, const struct ct_gpr_part *part,
			 const struct ct_expr *value)
{
	struct ct_machine_gpr *gpr = &work->machine->gpr[part->number];
	value = ct_work_zero_extend(work, value, part->size_bytes);
	uint64_t mask = part->size_bytes == 1 ? 0xff : 0xffff;
	if (part->is_high_byte) {
		value = ct_work_shift(work, CT_EXPR_SHIFT_LEFT, value, 8);
		mask = 0xff00;
	}
	if (ct_expr_is_known(gpr->value) && ct_expr_is_known(value)) {
		gpr->value = ct_work_merged(work, gpr->value, mask, value);
		if (ct_expr_is_known(gpr->value))
			return;
	}
	struct ct_machine_gpr written = {.value = ct_expr_unknown()};
	if (gpr->low_size == 2 && part->size_bytes == 1) {
		written.low = ct_work_merged(work, gpr->low, mask, value);
		written.low_size = 2;
	} else if (!part->is_high_byte) {
		written.low = value;
		written.low_size = (uint8_t)part->size_bytes;
	}
	if (written.low_size && !ct_expr_is_known(written.low))
		written.low_size = 0;
	*gpr = written;
}

void ct_work_write_gpr(const struct ct_work *work, const struct ct_gpr_part *part,
		       const struct ct_expr *value)
{
	struct ct_machine *machine = work->machine;
	struct ct_machine_gpr *gpr = &machine->gpr[part->number];
	if (part->size_bytes >= 4) {
		gpr->value = ct_work_zero_extend(work, value, part->size_bytes);
		gpr->low_size = 0;
	} else {
		write_narrow(work, part, value);
	}
	const struct ct_expr *base;
	int64_t offset;
	if (part->number == CT_RSP) {
		ct_expr_split(gpr->value, &base, &offset);
		if (ct_machine_is_frame(machine, base) && offset < machine->lowest_rsp)
			machine->lowest_rsp = offset;
	}
	if (part->number == CT_RSP || part->number == CT_RBP)
		return;
	if (ct_machine_mentions_frame(machine, gpr->value) ||
	    (!ct_expr_is_known(gpr->value) && machine->has_read_frame))
		machine->has_frame_escaped = true;
}

void ct_work_write_gpr64(const struct ct_work *work, unsigned int number,
			 const struct ct_expr *value)
{
	ct_work_write_gpr(work, &(struct ct_gpr_part){.number = number, .size_bytes = 8}, value);
}

/* CT_XMM_COUNT: not one of those. */
unsigned int ct_work_xmm_of(const ZydisDecodedOperand *operand)
{
	if (operand->type != ZYDIS_OPERAND_TYPE_REGISTER ||
	    ZydisRegisterGetClass(operand->reg.value) != ZYDIS_REGCLASS_XMM)
		return CT_XMM_COUNT;
	unsigned int id = (unsigned int)(operand->reg.value - ZYDIS_REGISTER_XMM0);
	return id < CT_XMM_COUNT ? id : CT_XMM_COUNT;
}

bool ct_work_is_xmm(const ZydisDecodedOperand *operand)
{
	return ct_work_xmm_of(operand) < CT_XMM_COUNT;
}

void ct_work_write_xmm(const struct ct_work *work, unsigned int id, const struct ct_expr *low,
		       const struct ct_expr *high)
{
	work->machine->xmm[id][0] = low;
	work->machine->xmm[id][1] = high;
	if (work->machine->has_read_frame)
		work->machine->has_frame_escaped = true;
}

/* ---- operands ---- */

bool ct_work_is_memory(const ZydisDecodedOperand *operand)
{
	return operand->type == ZYDIS_OPERAND_TYPE_MEMORY &&
	       operand->mem.type == ZYDIS_MEMOP_TYPE_MEM;
}

static const struct ct_expr *address_register(const struct ct_work *work, ZydisRegister name,
					      bool is_lea)
{
	if (name == ZYDIS_REGISTER_NONE)
		return ct_work_constant(work, 0);
	if (name == ZYDIS_REGISTER_RIP)
		return ct_expr_address(work->arena, work->next);
	struct ct_gpr_part part;
	if (!ct_work_find_gpr(name, &part))
		return ct_expr_unknown();
	/* An access to the frame does not give its address away. */
	bool had_read_frame = work->machine->has_read_frame;
	const struct ct_expr *value = ct_work_read_gpr(work, &part);
	if (!is_lea)
		work->machine->has_read_frame = had_read_frame;
	return value;
}

const struct ct_expr *ct_work_address_of(const struct ct_work *work,
					 const ZydisDecodedOperand *operand)
{
	const ZydisDecodedOperandMem *mem = &operand->mem;
	bool is_lea = mem->type == ZYDIS_MEMOP_TYPE_AGEN;
	if (!is_lea && mem->type != ZYDIS_MEMOP_TYPE_MEM)
		return ct_expr_unknown();
	const struct ct_expr *address = address_register(work, mem->base, is_lea);
	if (mem->index != ZYDIS_REGISTER_NONE) {
		int64_t bits = mem->scale == 8 ? 3 : mem->scale == 4 ? 2 : mem->scale == 2 ? 1 : 0;
		address = ct_work_binary(work, CT_EXPR_ADD, address,
					 ct_work_shift(work, CT_EXPR_SHIFT_LEFT,
						       address_register(work, mem->index, is_lea),
						       bits));
	}
	if (mem->disp.has_displacement)
		address = ct_work_plus(work, address, mem->disp.value);
	if (work->insn->address_width == 32)
		address = ct_work_zero_extend(work, address, 4);
	if (is_lea)
		return address;
	if (mem->segment == ZYDIS_REGISTER_FS)
		return ct_work_binary(work, CT_EXPR_ADD,
				      ct_expr_register(work->arena, CT_EXPR_FS_BASE), address);
	return mem->segment == ZYDIS_REGISTER_GS ? ct_expr_unknown() : address;
}

bool ct_work_is_canary(const struct ct_expr *expr)
{
	enum { CANARY_OFFSET = 0x28 };
	if (expr->kind != CT_EXPR_LOAD || expr->size != 8)
		return false;
	const struct ct_expr *base;
	int64_t offset;
	ct_expr_split(expr->left, &base, &offset);
	return base && base->kind == CT_EXPR_REGISTER && base->number == CT_EXPR_FS_BASE &&
	       offset == CANARY_OFFSET;
}

const struct ct_expr *ct_work_load(const struct ct_work *work, const struct ct_expr *address,
				   unsigned int size_bytes)
{
	/* The canary never changes, whatever was stored. */
	const struct ct_expr *as_at_start = ct_expr_load(work->arena, address, size_bytes);
	if (ct_work_is_canary(as_at_start))
		return as_at_start;
	return ct_machine_load(work->machine, address, size_bytes, NULL);
}

/* Its value, zero-extended; for a vector register its low half. */
const struct ct_expr *ct_work_read_operand(const struct ct_work *work,
					   const ZydisDecodedOperand *operand)
{
	unsigned int size_bytes = operand->size / 8;
	struct ct_gpr_part part;
	switch (operand->type) {
	case ZYDIS_OPERAND_TYPE_REGISTER:
		if (ct_work_find_gpr(operand->reg.value, &part))
			return ct_work_read_gpr(work, &part);
		return ct_work_is_xmm(operand) ? work->machine->xmm[ct_work_xmm_of(operand)][0]
					       : ct_expr_unknown();
	case ZYDIS_OPERAND_TYPE_MEMORY:
		return ct_work_load(work, ct_work_address_of(work, operand), size_bytes);
	case ZYDIS_OPERAND_TYPE_IMMEDIATE:
		return ct_work_constant(work, operand->imm.value.s);
	default:
		return ct_expr_unknown();
	}
}

/* To memory, or to a general register. */
void ct_work_write_operand(const struct ct_work *work, const ZydisDecodedOperand *operand,
			   const struct ct_expr *value)
{
	struct ct_gpr_part part;
	if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY)
		ct_machine_store(work->machine, ct_work_address_of(work, operand),
				 operand->size / 8, value);
	else if (ct_work_find_gpr(operand->reg.value, &part))
		ct_work_write_gpr(work, &part, value);
}

bool ct_work_is_plain(const ZydisDecodedOperand *operand)
{
	struct ct_gpr_part part;
	return operand->type == ZYDIS_OPERAND_TYPE_IMMEDIATE || ct_work_is_memory(operand) ||
	       (operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
		ct_work_find_gpr(operand->reg.value, &part));
}

bool ct_work_is_same_register(const ZydisDecodedOperand *a, const ZydisDecodedOperand *b)
{
	return a->type == ZYDIS_OPERAND_TYPE_REGISTER && b->type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       a->reg.value == b->reg.value;
}
