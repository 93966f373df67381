/* SPDX-License-Identifier: MIT */
/*
 * One instruction on the machine. Those that compilers put around a hook call
 * are understood; any other makes all that it writes UNKNOWN, by the decoder's
 * word on its operands, and the few whose effects those do not tell end the run.
 */
#include "plan/machine_private.h"

/* What the steps below work on. */
struct work {
	struct ct_machine *machine;
	struct ct_expr_arena *arena;
	const ZydisDecodedInstruction *insn;
	const ZydisDecodedOperand *operands;
	uint64_t next;
};

bool ct_machine_decode(const struct ct_machine *machine, const struct ct_code *code,
		       uint64_t address, struct ct_instruction *ret)
{
	uint64_t at = address - code->address;
	if (at >= code->size_bytes)
		return false;
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&machine->decoder, code->bytes + at,
						 code->size_bytes - at, &ret->insn, ret->operands)))
		return false;
	ret->next = address + ret->insn.length;
	return true;
}

/* ---- expressions, shorter ---- */

static const struct ct_expr *constant(const struct work *work, int64_t value)
{
	return ct_expr_constant(work->arena, value);
}

static const struct ct_expr *binary(const struct work *work, enum ct_expr_kind kind,
				    const struct ct_expr *left, const struct ct_expr *right)
{
	return ct_expr_binary(work->arena, kind, left, right);
}

static const struct ct_expr *zero_extend(const struct work *work, const struct ct_expr *expr,
					 unsigned int size_bytes)
{
	return ct_expr_unary(work->arena, CT_EXPR_ZERO_EXTEND, expr, size_bytes);
}

static const struct ct_expr *sign_extend(const struct work *work, const struct ct_expr *expr,
					 unsigned int size_bytes)
{
	return ct_expr_unary(work->arena, CT_EXPR_SIGN_EXTEND, expr, size_bytes);
}

static const struct ct_expr *plus(const struct work *work, const struct ct_expr *expr,
				  int64_t value)
{
	return binary(work, CT_EXPR_ADD, expr, constant(work, value));
}

static const struct ct_expr *shift(const struct work *work, enum ct_expr_kind kind,
				   const struct ct_expr *expr, int64_t bits)
{
	return binary(work, kind, expr, constant(work, bits));
}

static bool is_zero(const struct ct_expr *expr)
{
	return expr->kind == CT_EXPR_CONSTANT && expr->constant == 0;
}

/* ---- registers ---- */

/* A general register, or a part of one, as an instruction names it. */
struct gpr_part {
	unsigned int number; /* DWARF's */
	unsigned int size_bytes;
	bool is_high_byte;
};

static bool find_gpr(ZydisRegister name, struct gpr_part *ret)
{
	static const uint8_t dwarf_numbers[] = {0, 2, 1,  3,  7,  6,  4,  5,
						8, 9, 10, 11, 12, 13, 14, 15};
	unsigned int id;
	*ret = (struct gpr_part){.size_bytes = 0};
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

static const struct ct_expr *read_gpr(const struct work *work, const struct gpr_part *part)
{
	if (ct_machine_mentions_frame(work->machine, work->machine->gpr[part->number].value))
		work->machine->has_read_frame = true;
	if (part->is_high_byte)
		return zero_extend(work,
				   shift(work, CT_EXPR_SHIFT_RIGHT,
					 ct_machine_register_part(work->machine, part->number, 2),
					 8),
				   1);
	return ct_machine_register_part(work->machine, part->number, part->size_bytes);
}

/* The old bits with those of `mask` replaced. */
static const struct ct_expr *merged(const struct work *work, const struct ct_expr *old,
				    uint64_t mask, const struct ct_expr *bits)
{
	return binary(work, CT_EXPR_OR,
		      binary(work, CT_EXPR_AND, old, constant(work, (int64_t)~mask)), bits);
}

static void write_narrow(const struct work *work, const struct gpr_part *part,
			 const struct ct_expr *value)
{
	struct ct_machine_gpr *gpr = &work->machine->gpr[part->number];
	value = zero_extend(work, value, part->size_bytes);
	uint64_t mask = part->size_bytes == 1 ? 0xff : 0xffff;
	if (part->is_high_byte) {
		value = shift(work, CT_EXPR_SHIFT_LEFT, value, 8);
		mask = 0xff00;
	}
	if (ct_expr_is_known(gpr->value) && ct_expr_is_known(value)) {
		gpr->value = merged(work, gpr->value, mask, value);
		if (ct_expr_is_known(gpr->value))
			return;
	}
	struct ct_machine_gpr written = {.value = ct_expr_unknown()};
	if (gpr->low_size == 2 && part->size_bytes == 1) {
		written.low = merged(work, gpr->low, mask, value);
		written.low_size = 2;
	} else if (!part->is_high_byte) {
		written.low = value;
		written.low_size = (uint8_t)part->size_bytes;
	}
	if (written.low_size && !ct_expr_is_known(written.low))
		written.low_size = 0;
	*gpr = written;
}

static void write_gpr(const struct work *work, const struct gpr_part *part,
		      const struct ct_expr *value)
{
	struct ct_machine *machine = work->machine;
	struct ct_machine_gpr *gpr = &machine->gpr[part->number];
	if (part->size_bytes >= 4) {
		gpr->value = zero_extend(work, value, part->size_bytes);
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

static void write_gpr64(const struct work *work, unsigned int number, const struct ct_expr *value)
{
	write_gpr(work, &(struct gpr_part){.number = number, .size_bytes = 8}, value);
}

/* CT_XMM_COUNT: not one of those. */
static unsigned int xmm_of(const ZydisDecodedOperand *operand)
{
	if (operand->type != ZYDIS_OPERAND_TYPE_REGISTER ||
	    ZydisRegisterGetClass(operand->reg.value) != ZYDIS_REGCLASS_XMM)
		return CT_XMM_COUNT;
	unsigned int id = (unsigned int)(operand->reg.value - ZYDIS_REGISTER_XMM0);
	return id < CT_XMM_COUNT ? id : CT_XMM_COUNT;
}

static bool is_xmm(const ZydisDecodedOperand *operand)
{
	return xmm_of(operand) < CT_XMM_COUNT;
}

static void write_xmm(const struct work *work, unsigned int id, const struct ct_expr *low,
		      const struct ct_expr *high)
{
	work->machine->xmm[id][0] = low;
	work->machine->xmm[id][1] = high;
	if (work->machine->has_read_frame)
		work->machine->has_frame_escaped = true;
}

static void forget_x87(struct ct_machine *machine)
{
	for (unsigned int i = 0; i < CT_X87_COUNT; i++)
		machine->x87[i] = (struct ct_x87_value){ct_expr_unknown(), ct_expr_unknown()};
}

/* ---- operands ---- */

static bool is_memory(const ZydisDecodedOperand *operand)
{
	return operand->type == ZYDIS_OPERAND_TYPE_MEMORY &&
	       operand->mem.type == ZYDIS_MEMOP_TYPE_MEM;
}

static const struct ct_expr *address_register(const struct work *work, ZydisRegister name,
					      bool is_lea)
{
	if (name == ZYDIS_REGISTER_NONE)
		return constant(work, 0);
	if (name == ZYDIS_REGISTER_RIP)
		return ct_expr_address(work->arena, work->next);
	struct gpr_part part;
	if (!find_gpr(name, &part))
		return ct_expr_unknown();
	/* An access to the frame does not give its address away. */
	bool had_read_frame = work->machine->has_read_frame;
	const struct ct_expr *value = read_gpr(work, &part);
	if (!is_lea)
		work->machine->has_read_frame = had_read_frame;
	return value;
}

static const struct ct_expr *address_of(const struct work *work, const ZydisDecodedOperand *operand)
{
	const ZydisDecodedOperandMem *mem = &operand->mem;
	bool is_lea = mem->type == ZYDIS_MEMOP_TYPE_AGEN;
	if (!is_lea && mem->type != ZYDIS_MEMOP_TYPE_MEM)
		return ct_expr_unknown();
	const struct ct_expr *address = address_register(work, mem->base, is_lea);
	if (mem->index != ZYDIS_REGISTER_NONE) {
		int64_t bits = mem->scale == 8 ? 3 : mem->scale == 4 ? 2 : mem->scale == 2 ? 1 : 0;
		address = binary(work, CT_EXPR_ADD, address,
				 shift(work, CT_EXPR_SHIFT_LEFT,
				       address_register(work, mem->index, is_lea), bits));
	}
	if (mem->disp.has_displacement)
		address = plus(work, address, mem->disp.value);
	if (work->insn->address_width == 32)
		address = zero_extend(work, address, 4);
	if (is_lea)
		return address;
	if (mem->segment == ZYDIS_REGISTER_FS)
		return binary(work, CT_EXPR_ADD, ct_expr_register(work->arena, CT_EXPR_FS_BASE),
			      address);
	return mem->segment == ZYDIS_REGISTER_GS ? ct_expr_unknown() : address;
}

static bool is_canary(const struct ct_expr *expr)
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

static const struct ct_expr *load(const struct work *work, const struct ct_expr *address,
				  unsigned int size_bytes)
{
	/* The canary never changes, whatever was stored. */
	const struct ct_expr *as_at_start = ct_expr_load(work->arena, address, size_bytes);
	if (is_canary(as_at_start))
		return as_at_start;
	return ct_machine_load(work->machine, address, size_bytes, NULL);
}

/* Its value, zero-extended; for a vector register its low half. */
static const struct ct_expr *read_operand(const struct work *work,
					  const ZydisDecodedOperand *operand)
{
	unsigned int size_bytes = operand->size / 8;
	struct gpr_part part;
	switch (operand->type) {
	case ZYDIS_OPERAND_TYPE_REGISTER:
		if (find_gpr(operand->reg.value, &part))
			return read_gpr(work, &part);
		return is_xmm(operand) ? work->machine->xmm[xmm_of(operand)][0] : ct_expr_unknown();
	case ZYDIS_OPERAND_TYPE_MEMORY:
		return load(work, address_of(work, operand), size_bytes);
	case ZYDIS_OPERAND_TYPE_IMMEDIATE:
		return constant(work, operand->imm.value.s);
	default:
		return ct_expr_unknown();
	}
}

/* To memory, or to a general register. */
static void write_operand(const struct work *work, const ZydisDecodedOperand *operand,
			  const struct ct_expr *value)
{
	struct gpr_part part;
	if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY)
		ct_machine_store(work->machine, address_of(work, operand), operand->size / 8,
				 value);
	else if (find_gpr(operand->reg.value, &part))
		write_gpr(work, &part, value);
}

static bool is_plain(const ZydisDecodedOperand *operand)
{
	struct gpr_part part;
	return operand->type == ZYDIS_OPERAND_TYPE_IMMEDIATE || is_memory(operand) ||
	       (operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
		find_gpr(operand->reg.value, &part));
}

static bool is_same_register(const ZydisDecodedOperand *a, const ZydisDecodedOperand *b)
{
	return a->type == ZYDIS_OPERAND_TYPE_REGISTER && b->type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       a->reg.value == b->reg.value;
}

/* ---- flags ---- */

static void forget_flags(struct ct_machine *machine)
{
	const struct ct_expr *unknown = ct_expr_unknown();
	machine->flags = (struct ct_machine_flags){
		.zero = unknown, .carry = unknown, .sign = unknown, .less = unknown};
}

static void set_result_flags(const struct work *work, const struct ct_expr *result,
			     unsigned int size_bytes)
{
	struct ct_machine_flags *flags = &work->machine->flags;
	flags->zero = binary(work, CT_EXPR_EQUAL, zero_extend(work, result, size_bytes),
			     constant(work, 0));
	flags->sign = binary(work, CT_EXPR_LESS_SIGNED, sign_extend(work, result, size_bytes),
			     constant(work, 0));
	flags->carry = flags->less = ct_expr_unknown();
	flags->is_canary = false;
}

static void set_logic_flags(const struct work *work, const struct ct_expr *result,
			    unsigned int size_bytes)
{
	set_result_flags(work, result, size_bytes);
	work->machine->flags.carry = constant(work, 0);
	work->machine->flags.less = work->machine->flags.sign;
}

static void set_compare_flags(const struct work *work, const struct ct_expr *left,
			      const struct ct_expr *right, unsigned int size_bytes)
{
	struct ct_machine_flags *flags = &work->machine->flags;
	set_result_flags(work, binary(work, CT_EXPR_SUBTRACT, left, right), size_bytes);
	const struct ct_expr *low_left = zero_extend(work, left, size_bytes);
	const struct ct_expr *low_right = zero_extend(work, right, size_bytes);
	flags->zero = binary(work, CT_EXPR_EQUAL, low_left, low_right);
	flags->carry = binary(work, CT_EXPR_LESS, low_left, low_right);
	flags->less = binary(work, CT_EXPR_LESS_SIGNED, sign_extend(work, left, size_bytes),
			     sign_extend(work, right, size_bytes));
}

/* The condition an instruction's low four opcode bits name: 0 or 1. */
static const struct ct_expr *condition(const struct work *work, unsigned int code)
{
	const struct ct_machine_flags *flags = &work->machine->flags;
	const struct ct_expr *holds = ct_expr_unknown();
	switch (code >> 1 & 7) {
	case 1:
		holds = flags->carry;
		break;
	case 2:
		holds = flags->zero;
		break;
	case 3:
		holds = binary(work, CT_EXPR_OR, flags->carry, flags->zero);
		break;
	case 4:
		holds = flags->sign;
		break;
	case 6:
		holds = flags->less;
		break;
	case 7:
		holds = binary(work, CT_EXPR_OR, flags->less, flags->zero);
		break;
	default: /* overflow, parity */
		break;
	}
	return code & 1 ? binary(work, CT_EXPR_EQUAL, holds, constant(work, 0)) : holds;
}

/* ---- moves ---- */

static void push(const struct work *work, const struct ct_expr *value)
{
	const struct ct_expr *rsp = plus(work, work->machine->gpr[CT_RSP].value, -8);
	write_gpr64(work, CT_RSP, rsp);
	ct_machine_store(work->machine, rsp, 8, value);
}

static const struct ct_expr *pop(const struct work *work)
{
	const struct ct_expr *rsp = work->machine->gpr[CT_RSP].value;
	const struct ct_expr *value = load(work, rsp, 8);
	write_gpr64(work, CT_RSP, plus(work, rsp, 8));
	return value;
}

static bool step_stack(const struct work *work)
{
	const ZydisDecodedOperand *operand = &work->operands[0];
	struct ct_machine *machine = work->machine;
	if (work->insn->operand_width != 64)
		return false;
	switch (work->insn->mnemonic) {
	case ZYDIS_MNEMONIC_PUSH:
		if (!is_plain(operand))
			return false;
		machine->is_pushing = true;
		push(work, read_operand(work, operand));
		return true;
	case ZYDIS_MNEMONIC_POP:
		if (is_memory(operand) || !is_plain(operand))
			return false;
		write_operand(work, operand, pop(work));
		return true;
	case ZYDIS_MNEMONIC_LEAVE:
		write_gpr64(work, CT_RSP, machine->gpr[CT_RBP].value);
		write_gpr64(work, CT_RBP, pop(work));
		return true;
	case ZYDIS_MNEMONIC_ENTER:
		if (work->operands[1].imm.value.u != 0)
			return false;
		machine->is_pushing = true;
		push(work, machine->gpr[CT_RBP].value);
		write_gpr64(work, CT_RBP, machine->gpr[CT_RSP].value);
		write_gpr64(work, CT_RSP,
			    plus(work, machine->gpr[CT_RSP].value, -(int64_t)operand->imm.value.u));
		return true;
	default:
		return false;
	}
}

static const struct ct_expr *read_gpr64(const struct work *work, unsigned int number)
{
	return read_gpr(work, &(struct gpr_part){.number = number, .size_bytes = 8});
}

/* Instructions with nothing but hidden operands: rax is extended. */
static bool step_extend_rax(const struct work *work)
{
	const struct ct_expr *eax = ct_machine_register_part(work->machine, CT_RAX, 4);
	struct gpr_part part = {.number = CT_RAX, .size_bytes = 4};
	switch (work->insn->mnemonic) {
	case ZYDIS_MNEMONIC_CBW:
		part.size_bytes = 2;
		write_gpr(work, &part,
			  sign_extend(work, ct_machine_register_part(work->machine, CT_RAX, 1), 1));
		return true;
	case ZYDIS_MNEMONIC_CWDE:
		write_gpr(work, &part,
			  sign_extend(work, ct_machine_register_part(work->machine, CT_RAX, 2), 2));
		return true;
	case ZYDIS_MNEMONIC_CDQE:
		write_gpr64(work, CT_RAX, sign_extend(work, eax, 4));
		return true;
	case ZYDIS_MNEMONIC_CDQ:
		part.number = CT_RDX;
		write_gpr(work, &part,
			  shift(work, CT_EXPR_SHIFT_RIGHT_SIGNED, sign_extend(work, eax, 4), 31));
		return true;
	case ZYDIS_MNEMONIC_CQO:
		write_gpr64(work, CT_RDX,
			    shift(work, CT_EXPR_SHIFT_RIGHT_SIGNED, read_gpr64(work, CT_RAX), 63));
		return true;
	default:
		return false;
	}
}

/* when ? a : b, with what operations there are */
static const struct ct_expr *choose(const struct work *work, const struct ct_expr *when,
				    const struct ct_expr *a, const struct ct_expr *b)
{
	if (ct_expr_equal(a, b))
		return a;
	if (when->kind == CT_EXPR_CONSTANT)
		return when->constant ? a : b;
	return binary(work, CT_EXPR_XOR, b,
		      binary(work, CT_EXPR_AND, binary(work, CT_EXPR_XOR, a, b),
			     ct_expr_unary(work->arena, CT_EXPR_NEGATE, when, 8)));
}

static bool step_move(const struct work *work)
{
	const ZydisDecodedOperand *to = &work->operands[0], *from = &work->operands[1];
	const struct ct_expr *value;
	switch (work->insn->mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
	case ZYDIS_MNEMONIC_MOVZX:
	case ZYDIS_MNEMONIC_MOVSX:
	case ZYDIS_MNEMONIC_MOVSXD:
		if (!is_plain(to) || !is_plain(from))
			return false;
		value = read_operand(work, from);
		if (work->insn->mnemonic == ZYDIS_MNEMONIC_MOVSX ||
		    work->insn->mnemonic == ZYDIS_MNEMONIC_MOVSXD)
			value = sign_extend(work, value, from->size / 8);
		write_operand(work, to, value);
		return true;
	case ZYDIS_MNEMONIC_LEA:
		write_operand(work, to, address_of(work, from));
		return true;
	case ZYDIS_MNEMONIC_XCHG:
		/* With memory it is atomic, and what others store there is not known. */
		if (is_memory(to) || is_memory(from))
			return false;
		value = read_operand(work, to);
		write_operand(work, to, read_operand(work, from));
		write_operand(work, from, value);
		return true;
	default:
		break;
	}
	bool is_0f = work->insn->opcode_map == ZYDIS_OPCODE_MAP_0F &&
		     work->insn->encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY;
	if (work->insn->meta.category == ZYDIS_CATEGORY_SETCC && is_0f &&
	    work->insn->opcode >> 4 == 9) {
		write_operand(work, to, condition(work, work->insn->opcode));
		return true;
	}
	if (work->insn->meta.category == ZYDIS_CATEGORY_CMOV && is_0f &&
	    work->insn->opcode >> 4 == 4) {
		const struct ct_expr *old = read_operand(work, to);
		value = read_operand(work, from);
		write_operand(work, to,
			      choose(work, condition(work, work->insn->opcode), value, old));
		return true;
	}
	return step_stack(work) || step_extend_rax(work);
}

/* ---- arithmetic ---- */

static bool step_compare(const struct work *work, const struct ct_expr *left,
			 const struct ct_expr *right, unsigned int size_bytes)
{
	set_compare_flags(work, left, right, size_bytes);
	work->machine->flags.is_canary = size_bytes == 8 && (is_canary(left) || is_canary(right));
	return true;
}

/* add, sub, adc, sbb, and, or, xor, cmp, test */
static bool step_two_operands(const struct work *work)
{
	const ZydisDecodedOperand *to = &work->operands[0], *from = &work->operands[1];
	unsigned int size_bytes = to->size / 8;
	if (work->insn->operand_count_visible != 2 || !is_plain(to) || !is_plain(from))
		return false;
	struct ct_machine_flags *flags = &work->machine->flags;
	const struct ct_expr *old_carry = flags->carry, *result;
	bool is_same = is_same_register(to, from);
	const struct ct_expr *left = read_operand(work, to), *right = read_operand(work, from);
	switch (work->insn->mnemonic) {
	case ZYDIS_MNEMONIC_ADD:
	case ZYDIS_MNEMONIC_ADC:
		result = binary(work, CT_EXPR_ADD, left, right);
		if (work->insn->mnemonic == ZYDIS_MNEMONIC_ADC)
			result = binary(work, CT_EXPR_ADD, result, old_carry);
		set_result_flags(work, result, size_bytes);
		if (work->insn->mnemonic == ZYDIS_MNEMONIC_ADD)
			flags->carry = binary(work, CT_EXPR_LESS,
					      zero_extend(work, result, size_bytes),
					      zero_extend(work, left, size_bytes));
		break;
	case ZYDIS_MNEMONIC_SUB:
		if (is_same)
			left = right = constant(work, 0);
		result = binary(work, CT_EXPR_SUBTRACT, left, right);
		step_compare(work, left, right, size_bytes);
		break;
	case ZYDIS_MNEMONIC_SBB:
		result = is_same ? constant(work, 0) : binary(work, CT_EXPR_SUBTRACT, left, right);
		result = binary(work, CT_EXPR_SUBTRACT, result, old_carry);
		set_result_flags(work, result, size_bytes);
		if (is_same)
			flags->carry = old_carry;
		break;
	case ZYDIS_MNEMONIC_CMP:
		return step_compare(work, left, right, size_bytes);
	case ZYDIS_MNEMONIC_TEST:
		set_logic_flags(work, binary(work, CT_EXPR_AND, left, right), size_bytes);
		return true;
	case ZYDIS_MNEMONIC_AND:
		result = is_zero(right) ? right : binary(work, CT_EXPR_AND, left, right);
		set_logic_flags(work, result, size_bytes);
		break;
	case ZYDIS_MNEMONIC_OR:
		result = right->kind == CT_EXPR_CONSTANT && right->constant == -1
				 ? right
				 : binary(work, CT_EXPR_OR, left, right);
		set_logic_flags(work, result, size_bytes);
		break;
	case ZYDIS_MNEMONIC_XOR:
		result = is_same ? constant(work, 0) : binary(work, CT_EXPR_XOR, left, right);
		set_logic_flags(work, result, size_bytes);
		flags->is_canary = size_bytes == 8 && (is_canary(left) || is_canary(right));
		break;
	default:
		return false;
	}
	write_operand(work, to, result);
	return true;
}

static bool step_one_operand(const struct work *work)
{
	const ZydisDecodedOperand *to = &work->operands[0];
	unsigned int size_bytes = to->size / 8;
	if (work->insn->operand_count_visible != 1 || !is_plain(to))
		return false;
	struct ct_machine_flags *flags = &work->machine->flags;
	const struct ct_expr *carry = flags->carry, *zero = constant(work, 0), *result;
	switch (work->insn->mnemonic) {
	case ZYDIS_MNEMONIC_INC:
		result = plus(work, read_operand(work, to), 1);
		set_result_flags(work, result, size_bytes);
		flags->carry = carry;
		break;
	case ZYDIS_MNEMONIC_DEC:
		result = read_operand(work, to);
		set_compare_flags(work, result, constant(work, 1), size_bytes);
		flags->carry = carry;
		result = plus(work, result, -1);
		break;
	case ZYDIS_MNEMONIC_NEG:
		result = read_operand(work, to);
		set_compare_flags(work, zero, result, size_bytes);
		result = ct_expr_unary(work->arena, CT_EXPR_NEGATE, result, 8);
		break;
	case ZYDIS_MNEMONIC_NOT:
		result = ct_expr_unary(work->arena, CT_EXPR_NOT, read_operand(work, to), 8);
		break;
	default:
		return false;
	}
	write_operand(work, to, result);
	return true;
}

static bool step_shift(const struct work *work)
{
	const ZydisDecodedOperand *to = &work->operands[0], *by = &work->operands[1];
	unsigned int size_bytes = to->size / 8;
	enum ct_expr_kind kind;
	switch (work->insn->mnemonic) {
	case ZYDIS_MNEMONIC_SHL:
		kind = CT_EXPR_SHIFT_LEFT;
		break;
	case ZYDIS_MNEMONIC_SHR:
		kind = CT_EXPR_SHIFT_RIGHT;
		break;
	case ZYDIS_MNEMONIC_SAR:
		kind = CT_EXPR_SHIFT_RIGHT_SIGNED;
		break;
	default:
		return false;
	}
	if (!is_plain(to) || !is_plain(by))
		return false;
	const struct ct_expr *count = binary(work, CT_EXPR_AND, read_operand(work, by),
					     constant(work, size_bytes == 8 ? 63 : 31));
	const struct ct_expr *value = read_operand(work, to);
	if (kind == CT_EXPR_SHIFT_RIGHT_SIGNED)
		value = sign_extend(work, value, size_bytes);
	const struct ct_expr *result = binary(work, kind, value, count);
	if (count->kind != CT_EXPR_CONSTANT)
		forget_flags(work->machine); /* they stay when the count is 0 */
	else if (!is_zero(count))
		set_result_flags(work, result, size_bytes);
	write_operand(work, to, result);
	return true;
}

static bool step_multiply(const struct work *work)
{
	unsigned int count = work->insn->operand_count_visible;
	if (work->insn->mnemonic != ZYDIS_MNEMONIC_IMUL || count < 2)
		return false;
	const ZydisDecodedOperand *to = &work->operands[0];
	const struct ct_expr *left = read_operand(work, &work->operands[count - 2]);
	const struct ct_expr *right = read_operand(work, &work->operands[count - 1]);
	forget_flags(work->machine);
	write_operand(work, to, binary(work, CT_EXPR_MULTIPLY, left, right));
	return true;
}

/* ---- vectors ---- */

/* 16 bytes as two halves. */
struct vector {
	const struct ct_expr *half[2];
};

static const struct ct_expr *read_half(const struct work *work, const ZydisDecodedOperand *operand,
				       unsigned int half)
{
	if (is_xmm(operand))
		return work->machine->xmm[xmm_of(operand)][half];
	if (!is_memory(operand))
		return ct_expr_unknown();
	return load(work, plus(work, address_of(work, operand), 8 * half), 8);
}

static struct vector read_vector(const struct work *work, const ZydisDecodedOperand *operand)
{
	return (struct vector){{read_half(work, operand, 0), read_half(work, operand, 1)}};
}

static void write_vector(const struct work *work, const ZydisDecodedOperand *to,
			 struct vector value)
{
	if (is_xmm(to)) {
		write_xmm(work, xmm_of(to), value.half[0], value.half[1]);
		return;
	}
	const struct ct_expr *address = address_of(work, to);
	ct_machine_store(work->machine, address, 8, value.half[0]);
	ct_machine_store(work->machine, plus(work, address, 8), 8, value.half[1]);
}

static const struct ct_expr *word(const struct work *work, const struct vector *vector,
				  unsigned int at)
{
	const struct ct_expr *half = vector->half[at / 2];
	if (at & 1)
		half = shift(work, CT_EXPR_SHIFT_RIGHT, half, 32);
	return zero_extend(work, half, 4);
}

/* A half of two 32-bit words. */
static const struct ct_expr *words(const struct work *work, const struct ct_expr *low,
				   const struct ct_expr *high)
{
	return binary(work, CT_EXPR_OR, low, shift(work, CT_EXPR_SHIFT_LEFT, high, 32));
}

/* All 16 bytes from one place to the other. */
static bool is_whole_move(ZydisMnemonic mnemonic)
{
	switch (mnemonic) {
	case ZYDIS_MNEMONIC_MOVAPS:
	case ZYDIS_MNEMONIC_MOVUPS:
	case ZYDIS_MNEMONIC_MOVAPD:
	case ZYDIS_MNEMONIC_MOVUPD:
	case ZYDIS_MNEMONIC_MOVDQA:
	case ZYDIS_MNEMONIC_MOVDQU:
	case ZYDIS_MNEMONIC_LDDQU:
	case ZYDIS_MNEMONIC_VMOVAPS:
	case ZYDIS_MNEMONIC_VMOVUPS:
	case ZYDIS_MNEMONIC_VMOVAPD:
	case ZYDIS_MNEMONIC_VMOVUPD:
	case ZYDIS_MNEMONIC_VMOVDQA:
	case ZYDIS_MNEMONIC_VMOVDQU:
	case ZYDIS_MNEMONIC_VLDDQU:
		return true;
	default:
		return false;
	}
}

/* movss, movsd, movd, movq: a part to or from the low end. */
static bool step_low_move(const struct work *work)
{
	unsigned int count = work->insn->operand_count_visible, size_bytes;
	const ZydisDecodedOperand *to = &work->operands[0], *from = &work->operands[count - 1];
	bool keeps_rest = false; /* between registers */
	switch (work->insn->mnemonic) {
	case ZYDIS_MNEMONIC_MOVSS:
	case ZYDIS_MNEMONIC_VMOVSS:
		size_bytes = 4;
		keeps_rest = true;
		break;
	case ZYDIS_MNEMONIC_MOVSD:
	case ZYDIS_MNEMONIC_VMOVSD:
		size_bytes = 8;
		keeps_rest = true;
		break;
	case ZYDIS_MNEMONIC_MOVD:
	case ZYDIS_MNEMONIC_VMOVD:
		size_bytes = 4;
		break;
	case ZYDIS_MNEMONIC_MOVQ:
	case ZYDIS_MNEMONIC_VMOVQ:
		size_bytes = 8;
		break;
	default:
		return false;
	}
	if (!is_xmm(to)) {
		if (!is_xmm(from) || !is_plain(to) || to->size / 8 != size_bytes)
			return false;
		write_operand(work, to, work->machine->xmm[xmm_of(from)][0]);
		return true;
	}
	if (!is_xmm(from) && !is_plain(from))
		return false;
	const struct ct_expr *high = constant(work, 0);
	const struct ct_expr *low = is_memory(from) ? load(work, address_of(work, from), size_bytes)
						    : read_operand(work, from);
	low = zero_extend(work, low, size_bytes);
	if (keeps_rest && is_xmm(from)) {
		const ZydisDecodedOperand *rest = &work->operands[count - 2];
		if (!is_xmm(rest))
			return false;
		high = work->machine->xmm[xmm_of(rest)][1];
		if (size_bytes == 4)
			low = merged(work, work->machine->xmm[xmm_of(rest)][0], UINT32_MAX, low);
	}
	write_xmm(work, xmm_of(to), low, high);
	return true;
}

/* movlps, movhps: a half to or from memory. */
static bool step_half_move(const struct work *work)
{
	unsigned int count = work->insn->operand_count_visible, half;
	const ZydisDecodedOperand *to = &work->operands[0], *from = &work->operands[count - 1];
	switch (work->insn->mnemonic) {
	case ZYDIS_MNEMONIC_MOVLPS:
	case ZYDIS_MNEMONIC_MOVLPD:
	case ZYDIS_MNEMONIC_VMOVLPS:
	case ZYDIS_MNEMONIC_VMOVLPD:
		half = 0;
		break;
	case ZYDIS_MNEMONIC_MOVHPS:
	case ZYDIS_MNEMONIC_MOVHPD:
	case ZYDIS_MNEMONIC_VMOVHPS:
	case ZYDIS_MNEMONIC_VMOVHPD:
		half = 1;
		break;
	default:
		return false;
	}
	if (is_memory(to) && is_xmm(from)) {
		ct_machine_store(work->machine, address_of(work, to), 8,
				 work->machine->xmm[xmm_of(from)][half]);
		return true;
	}
	const ZydisDecodedOperand *rest = &work->operands[count - 2];
	if (!is_xmm(to) || !is_xmm(rest) || !is_memory(from))
		return false;
	struct vector value = read_vector(work, rest);
	value.half[half] = load(work, address_of(work, from), 8);
	write_vector(work, to, value);
	return true;
}

static bool bitwise_kind(ZydisMnemonic mnemonic, enum ct_expr_kind *ret, bool *ret_not_left)
{
	*ret_not_left = false;
	switch (mnemonic) {
	case ZYDIS_MNEMONIC_PXOR:
	case ZYDIS_MNEMONIC_XORPS:
	case ZYDIS_MNEMONIC_XORPD:
	case ZYDIS_MNEMONIC_VPXOR:
	case ZYDIS_MNEMONIC_VXORPS:
	case ZYDIS_MNEMONIC_VXORPD:
		*ret = CT_EXPR_XOR;
		return true;
	case ZYDIS_MNEMONIC_POR:
	case ZYDIS_MNEMONIC_ORPS:
	case ZYDIS_MNEMONIC_ORPD:
	case ZYDIS_MNEMONIC_VPOR:
	case ZYDIS_MNEMONIC_VORPS:
	case ZYDIS_MNEMONIC_VORPD:
		*ret = CT_EXPR_OR;
		return true;
	case ZYDIS_MNEMONIC_PANDN:
	case ZYDIS_MNEMONIC_ANDNPS:
	case ZYDIS_MNEMONIC_ANDNPD:
	case ZYDIS_MNEMONIC_VPANDN:
	case ZYDIS_MNEMONIC_VANDNPS:
	case ZYDIS_MNEMONIC_VANDNPD:
		*ret_not_left = true;
		/* fall through */
	case ZYDIS_MNEMONIC_PAND:
	case ZYDIS_MNEMONIC_ANDPS:
	case ZYDIS_MNEMONIC_ANDPD:
	case ZYDIS_MNEMONIC_VPAND:
	case ZYDIS_MNEMONIC_VANDPS:
	case ZYDIS_MNEMONIC_VANDPD:
		*ret = CT_EXPR_AND;
		return true;
	default:
		return false;
	}
}

static bool step_bitwise(const struct work *work, const ZydisDecodedOperand *left_operand,
			 const ZydisDecodedOperand *right_operand)
{
	enum ct_expr_kind kind;
	bool not_left;
	if (!bitwise_kind(work->insn->mnemonic, &kind, &not_left))
		return false;
	bool is_same = is_same_register(left_operand, right_operand);
	struct vector left = read_vector(work, left_operand);
	struct vector right = read_vector(work, right_operand), value;
	for (unsigned int i = 0; i < 2; i++) {
		if (is_same && kind == CT_EXPR_XOR) {
			value.half[i] = constant(work, 0);
			continue;
		}
		if (not_left)
			left.half[i] = ct_expr_unary(work->arena, CT_EXPR_NOT, left.half[i], 8);
		value.half[i] = binary(work, kind, left.half[i], right.half[i]);
	}
	write_vector(work, &work->operands[0], value);
	return true;
}

/* Two vectors, a left and a right one, make a third. */
static bool step_shuffle(const struct work *work, const ZydisDecodedOperand *left_operand,
			 const ZydisDecodedOperand *right_operand)
{
	/* Where the right one is memory, some read but half of it: only what is used is read. */
	struct vector left = read_vector(work, left_operand), value = left;
	switch (work->insn->mnemonic) {
	case ZYDIS_MNEMONIC_MOVHLPS:
	case ZYDIS_MNEMONIC_VMOVHLPS:
		value.half[0] = read_half(work, right_operand, 1);
		break;
	case ZYDIS_MNEMONIC_MOVLHPS:
	case ZYDIS_MNEMONIC_VMOVLHPS:
	case ZYDIS_MNEMONIC_UNPCKLPD:
	case ZYDIS_MNEMONIC_VUNPCKLPD:
	case ZYDIS_MNEMONIC_PUNPCKLQDQ:
	case ZYDIS_MNEMONIC_VPUNPCKLQDQ:
		value.half[1] = read_half(work, right_operand, 0);
		break;
	case ZYDIS_MNEMONIC_UNPCKHPD:
	case ZYDIS_MNEMONIC_VUNPCKHPD:
	case ZYDIS_MNEMONIC_PUNPCKHQDQ:
	case ZYDIS_MNEMONIC_VPUNPCKHQDQ:
		value.half[0] = left.half[1];
		value.half[1] = read_half(work, right_operand, 1);
		break;
	case ZYDIS_MNEMONIC_UNPCKLPS:
	case ZYDIS_MNEMONIC_VUNPCKLPS:
	case ZYDIS_MNEMONIC_PUNPCKLDQ:
	case ZYDIS_MNEMONIC_VPUNPCKLDQ: {
		struct vector right = {{read_half(work, right_operand, 0), NULL}};
		value.half[0] = words(work, word(work, &left, 0), word(work, &right, 0));
		value.half[1] = words(work, word(work, &left, 1), word(work, &right, 1));
		break;
	}
	default:
		return false;
	}
	write_vector(work, &work->operands[0], value);
	return true;
}

/* pshufd, shufps: words chosen by an immediate. */
static bool step_choose_words(const struct work *work, unsigned int count)
{
	bool is_pshufd = work->insn->mnemonic == ZYDIS_MNEMONIC_PSHUFD ||
			 work->insn->mnemonic == ZYDIS_MNEMONIC_VPSHUFD;
	bool is_shufps = work->insn->mnemonic == ZYDIS_MNEMONIC_SHUFPS ||
			 work->insn->mnemonic == ZYDIS_MNEMONIC_VSHUFPS;
	if (!is_pshufd && !is_shufps)
		return false;
	const ZydisDecodedOperand *from = &work->operands[count - 2];
	struct vector right = read_vector(work, from);
	struct vector left = is_pshufd ? right : read_vector(work, &work->operands[count - 3]);
	uint64_t order = work->operands[count - 1].imm.value.u;
	struct vector value = {
		{words(work, word(work, &left, order & 3), word(work, &left, order >> 2 & 3)),
		 words(work, word(work, &right, order >> 4 & 3),
		       word(work, &right, order >> 6 & 3))}};
	write_vector(work, &work->operands[0], value);
	return true;
}

static bool step_vector(const struct work *work)
{
	unsigned int count = work->insn->operand_count_visible;
	const ZydisDecodedOperand *operands = work->operands;
	/* Masked and wide ones are not understood. */
	if (count < 2 || count > 4 ||
	    (work->insn->encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY &&
	     work->insn->encoding != ZYDIS_INSTRUCTION_ENCODING_VEX))
		return false;
	bool is_string = false; /* movsd has a namesake */
	for (unsigned int i = 0; i < count; i++) {
		const ZydisDecodedOperand *operand = &operands[i];
		is_string = is_string || operand->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN;
	}
	if (is_string)
		return false;
	if (step_low_move(work) || step_half_move(work))
		return true;
	if (is_whole_move(work->insn->mnemonic)) {
		if ((!is_xmm(&operands[0]) && !is_memory(&operands[0])) ||
		    (!is_xmm(&operands[1]) && !is_memory(&operands[1])) || operands[0].size != 128)
			return false;
		write_vector(work, &operands[0], read_vector(work, &operands[1]));
		return true;
	}
	if (!is_xmm(&operands[0]))
		return false;
	if (step_choose_words(work, count))
		return true;
	if (count > 3 || (!is_xmm(&operands[count - 1]) && !is_memory(&operands[count - 1])))
		return false;
	return step_bitwise(work, &operands[count - 2], &operands[count - 1]) ||
	       step_shuffle(work, &operands[count - 2], &operands[count - 1]);
}

/* ---- x87 ---- */

static void push_x87(struct ct_machine *machine, struct ct_x87_value value)
{
	for (unsigned int i = CT_X87_COUNT - 1; i > 0; i--)
		machine->x87[i] = machine->x87[i - 1];
	machine->x87[0] = value;
}

static void pop_x87(struct ct_machine *machine)
{
	for (unsigned int i = 0; i + 1 < CT_X87_COUNT; i++)
		machine->x87[i] = machine->x87[i + 1];
	machine->x87[CT_X87_COUNT - 1] = (struct ct_x87_value){ct_expr_unknown(),
							       ct_expr_unknown()};
}

/* The first of the operands that is memory, or a register of the stack but st0; NULL: none. */
static const ZydisDecodedOperand *find_x87_operand(const struct work *work, unsigned int *ret_depth)
{
	*ret_depth = 0;
	for (unsigned int i = 0; i < work->insn->operand_count; i++) {
		const ZydisDecodedOperand *operand = &work->operands[i];
		if (is_memory(operand))
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

static bool step_x87_store(const struct work *work, const ZydisDecodedOperand *to,
			   unsigned int depth)
{
	struct ct_machine *machine = work->machine;
	if (!to) {
		/* fstp st0: only popped */
	} else if (!is_memory(to)) {
		machine->x87[depth] = machine->x87[0];
	} else if (to->size == 80) {
		const struct ct_expr *address = address_of(work, to);
		ct_machine_store(machine, address, 8, machine->x87[0].low);
		ct_machine_store(machine, plus(work, address, 8), 2, machine->x87[0].high);
	} else {
		ct_machine_store(machine, address_of(work, to), to->size / 8, ct_expr_unknown());
	}
	if (work->insn->mnemonic == ZYDIS_MNEMONIC_FSTP)
		pop_x87(machine);
	return true;
}

static bool step_x87(const struct work *work)
{
	struct ct_machine *machine = work->machine;
	struct ct_x87_value value = {ct_expr_unknown(), ct_expr_unknown()};
	unsigned int depth;
	const ZydisDecodedOperand *operand = find_x87_operand(work, &depth);
	switch (work->insn->mnemonic) {
	case ZYDIS_MNEMONIC_FLD:
		if (!operand)
			value = machine->x87[0];
		else if (!is_memory(operand))
			value = machine->x87[depth];
		else if (operand->size == 80) {
			const struct ct_expr *address = address_of(work, operand);
			value.low = load(work, address, 8);
			value.high = load(work, plus(work, address, 8), 2);
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

/* ---- all others ---- */

static bool has_no_effect(ZydisMnemonic mnemonic)
{
	switch (mnemonic) {
	case ZYDIS_MNEMONIC_NOP:
	case ZYDIS_MNEMONIC_ENDBR64:
	case ZYDIS_MNEMONIC_PAUSE:
	case ZYDIS_MNEMONIC_PREFETCHT0:
	case ZYDIS_MNEMONIC_PREFETCHT1:
	case ZYDIS_MNEMONIC_PREFETCHT2:
	case ZYDIS_MNEMONIC_PREFETCHNTA:
	case ZYDIS_MNEMONIC_PREFETCHW:
	case ZYDIS_MNEMONIC_LFENCE:
	case ZYDIS_MNEMONIC_MFENCE:
	case ZYDIS_MNEMONIC_SFENCE:
	case ZYDIS_MNEMONIC_CLD:
	case ZYDIS_MNEMONIC_VZEROUPPER: /* above the halves that are known here */
		return true;
	default:
		return false;
	}
}

/* Do the operands tell all that it does? */
static bool is_ordinary(const ZydisDecodedInstruction *insn)
{
	switch (insn->meta.category) {
	case ZYDIS_CATEGORY_CALL:
	case ZYDIS_CATEGORY_RET:
	case ZYDIS_CATEGORY_COND_BR:
	case ZYDIS_CATEGORY_UNCOND_BR:
	case ZYDIS_CATEGORY_PUSH:
	case ZYDIS_CATEGORY_POP:
	case ZYDIS_CATEGORY_SYSCALL:
	case ZYDIS_CATEGORY_SYSRET:
	case ZYDIS_CATEGORY_INTERRUPT:
	case ZYDIS_CATEGORY_SYSTEM:
	case ZYDIS_CATEGORY_SEGOP:
	case ZYDIS_CATEGORY_RDWRFSGS:
	case ZYDIS_CATEGORY_IO:
	case ZYDIS_CATEGORY_IOSTRINGOP:
	case ZYDIS_CATEGORY_CET:
	case ZYDIS_CATEGORY_CLZERO:
	case ZYDIS_CATEGORY_ENQCMD:
	case ZYDIS_CATEGORY_MOVDIR:
	case ZYDIS_CATEGORY_KEYLOCKER:
	case ZYDIS_CATEGORY_KEYLOCKER_WIDE:
	case ZYDIS_CATEGORY_XSAVE:
	case ZYDIS_CATEGORY_XSAVEOPT:
	case ZYDIS_CATEGORY_AMX_TILE:
	case ZYDIS_CATEGORY_UINTR:
	case ZYDIS_CATEGORY_SGX:
	case ZYDIS_CATEGORY_VTX:
	case ZYDIS_CATEGORY_WAITPKG:
	case ZYDIS_CATEGORY_PADLOCK:
	case ZYDIS_CATEGORY_PCONFIG:
	case ZYDIS_CATEGORY_KNC:
	case ZYDIS_CATEGORY_INVALID:
		return false;
	default:
		break;
	}
	switch (insn->mnemonic) {
	case ZYDIS_MNEMONIC_UD0:
	case ZYDIS_MNEMONIC_UD1:
	case ZYDIS_MNEMONIC_UD2:
	case ZYDIS_MNEMONIC_STD:
	case ZYDIS_MNEMONIC_ENTER:
	case ZYDIS_MNEMONIC_LEAVE:
	case ZYDIS_MNEMONIC_VZEROALL:
	case ZYDIS_MNEMONIC_FXRSTOR:
	case ZYDIS_MNEMONIC_FXRSTOR64:
	case ZYDIS_MNEMONIC_FXSAVE:
	case ZYDIS_MNEMONIC_FXSAVE64:
	case ZYDIS_MNEMONIC_FRSTOR:
	case ZYDIS_MNEMONIC_FNSAVE:
		return false;
	default:
		return true;
	}
}

/* False: it writes to what the run cannot go on without. */
static bool forget_register(const struct work *work, ZydisRegister name)
{
	struct ct_machine *machine = work->machine;
	struct gpr_part part;
	if (find_gpr(name, &part)) {
		part.size_bytes = 8;
		part.is_high_byte = false;
		write_gpr(work, &part, ct_expr_unknown());
		return part.number != CT_RSP;
	}
	ZydisRegister first = ZYDIS_REGISTER_XMM0;
	switch (ZydisRegisterGetClass(name)) {
	case ZYDIS_REGCLASS_ZMM:
		first = ZYDIS_REGISTER_ZMM0;
		break;
	case ZYDIS_REGCLASS_YMM:
		first = ZYDIS_REGISTER_YMM0;
		break;
	case ZYDIS_REGCLASS_XMM:
		break;
	case ZYDIS_REGCLASS_X87:
	case ZYDIS_REGCLASS_MMX:
		forget_x87(machine);
		return true;
	case ZYDIS_REGCLASS_SEGMENT:
		return false;
	default:
		return true;
	}
	if (name - first < CT_XMM_COUNT)
		write_xmm(work, (unsigned int)(name - first), ct_expr_unknown(), ct_expr_unknown());
	return true;
}

static void note_frame_reads(const struct work *work)
{
	for (unsigned int i = 0; i < work->insn->operand_count; i++) {
		const ZydisDecodedOperand *operand = &work->operands[i];
		struct gpr_part part;
		if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    operand->actions & ZYDIS_OPERAND_ACTION_MASK_READ &&
		    find_gpr(operand->reg.value, &part))
			read_gpr(work, &part);
	}
}

/* All it writes is UNKNOWN. */
static bool step_other(const struct work *work)
{
	struct ct_machine *machine = work->machine;
	const ZydisDecodedInstruction *insn = work->insn;
	if (!is_ordinary(insn))
		return false;
	note_frame_reads(work);
	bool is_repeated = insn->attributes &
			   (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE);
	/* Memory first: the addresses are made of registers as they were. */
	for (unsigned int i = 0; i < insn->operand_count; i++) {
		const ZydisDecodedOperand *operand = &work->operands[i];
		if (operand->type != ZYDIS_OPERAND_TYPE_MEMORY ||
		    !(operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			continue;
		if (is_repeated || !is_memory(operand))
			ct_machine_clobber(machine);
		else
			ct_machine_store(machine, address_of(work, operand), operand->size / 8,
					 ct_expr_unknown());
	}
	for (unsigned int i = 0; i < insn->operand_count; i++) {
		const ZydisDecodedOperand *operand = &work->operands[i];
		if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE &&
		    !forget_register(work, operand->reg.value))
			return false;
	}
	if (insn->cpu_flags && (insn->cpu_flags->modified | insn->cpu_flags->set_0 |
				insn->cpu_flags->set_1 | insn->cpu_flags->undefined))
		forget_flags(machine);
	if (insn->meta.isa_ext == ZYDIS_ISA_EXT_X87 || insn->meta.isa_ext == ZYDIS_ISA_EXT_MMX)
		forget_x87(machine);
	return true;
}

/* ---- jumps ---- */

static enum ct_step step_branch(const struct work *work, uint64_t *ret_target)
{
	const ZydisDecodedOperand *operand = &work->operands[0];
	bool is_direct = operand->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && operand->imm.is_relative;
	unsigned int code = work->insn->opcode;
	if (work->insn->operand_width == 16)
		return CT_STEP_UNKNOWN;
	if (is_direct)
		*ret_target = work->next + operand->imm.value.u;
	if (work->insn->mnemonic == ZYDIS_MNEMONIC_JMP)
		return is_direct ? CT_STEP_JUMP : CT_STEP_AWAY;
	bool has_condition = (work->insn->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT &&
			      code >> 4 == 7) ||
			     (work->insn->opcode_map == ZYDIS_OPCODE_MAP_0F && code >> 4 == 8);
	if (work->insn->meta.category != ZYDIS_CATEGORY_COND_BR || !is_direct || !has_condition)
		return CT_STEP_UNKNOWN;
	if (work->machine->flags.is_canary)
		return CT_STEP_CANARY;
	const struct ct_expr *taken = condition(work, code);
	if (taken->kind != CT_EXPR_CONSTANT)
		return CT_STEP_BRANCH;
	return taken->constant ? CT_STEP_JUMP : CT_STEP_NEXT;
}

enum ct_step ct_machine_step(struct ct_machine *machine, const struct ct_instruction *instruction,
			     uint64_t *ret_target)
{
	const struct work work = {
		.machine = machine,
		.arena = machine->arena,
		.insn = &instruction->insn,
		.operands = instruction->operands,
		.next = instruction->next,
	};
	machine->has_read_frame = false;
	machine->is_pushing = false;
	switch (instruction->insn.meta.category) {
	case ZYDIS_CATEGORY_CALL:
		return CT_STEP_CALL;
	case ZYDIS_CATEGORY_RET:
		return instruction->insn.mnemonic == ZYDIS_MNEMONIC_RET &&
				       instruction->insn.operand_width != 16 &&
				       instruction->insn.meta.branch_type == ZYDIS_BRANCH_TYPE_NEAR
			       ? CT_STEP_RETURN
			       : CT_STEP_UNKNOWN;
	case ZYDIS_CATEGORY_COND_BR:
	case ZYDIS_CATEGORY_UNCOND_BR:
		return step_branch(&work, ret_target);
	default:
		break;
	}
	if (has_no_effect(instruction->insn.mnemonic))
		return CT_STEP_NEXT;
	/* What other threads make of memory that needs a lock is not known. */
	bool is_locked = instruction->insn.attributes & ZYDIS_ATTRIB_HAS_LOCK;
	bool is_done = !is_locked &&
		       (step_move(&work) || step_two_operands(&work) || step_one_operand(&work) ||
			step_shift(&work) || step_multiply(&work) || step_vector(&work) ||
			step_x87(&work));
	return is_done || step_other(&work) ? CT_STEP_NEXT : CT_STEP_UNKNOWN;
}
