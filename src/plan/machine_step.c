/* SPDX-License-Identifier: MIT */
/*
 * One instruction on the machine. Those that compilers put around a hook call
 * are understood; any other makes all that it writes UNKNOWN, by the decoder's
 * word on its operands, and the few whose effects those do not tell end the run.
 */
#include "plan/machine_work.h"

#include <string.h>

/* The code of a function is looked at several times for each of its hooks, and to decode an
 * instruction takes longer than to run it. Known by its bytes: they are all it depends on, so any
 * machine may use what another has left. */
enum { DECODED_COUNT = 256 };
struct decoded {
	struct ct_instruction instruction;
	uint8_t bytes[ZYDIS_MAX_INSTRUCTION_LENGTH]; /* insn.length of them; 0: nothing is here */
};
static _Thread_local struct decoded decoded_before[DECODED_COUNT]; /* by address */

static const struct ct_instruction *decode(const struct ct_machine *machine,
					   const struct ct_code *code, uint64_t address)
{
	uint64_t at = address - code->address;
	if (at >= code->size_bytes)
		return NULL;
	const uint8_t *bytes = code->bytes + at;
	uint64_t there = code->size_bytes - at;
	struct decoded *decoded = &decoded_before[address % DECODED_COUNT];
	const ZydisDecodedInstruction *insn = &decoded->instruction.insn;
	if (insn->length == 0 || insn->length > there ||
	    memcmp(decoded->bytes, bytes, insn->length) != 0) {
		if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&machine->decoder, bytes, there,
							 &decoded->instruction.insn,
							 decoded->instruction.operands))) {
			decoded->instruction.insn.length = 0;
			return NULL;
		}
		memcpy(decoded->bytes, bytes, insn->length);
	}
	return &decoded->instruction;
}

bool ct_machine_decode(const struct ct_machine *machine, const struct ct_code *code,
		       uint64_t address, struct ct_instruction *ret)
{
	enum { FEW_OPERANDS = 4 }; /* those there are by name, for any mnemonic; most have fewer */
	const struct ct_instruction *there = decode(machine, code, address);
	if (!there)
		return false;
	size_t count = there->insn.operand_count > FEW_OPERANDS ? there->insn.operand_count
								: FEW_OPERANDS;
	ret->insn = there->insn;
	memcpy(ret->operands, there->operands, count * sizeof(there->operands[0]));
	ret->next = address + there->insn.length;
	return true;
}

uint64_t ct_machine_next(const struct ct_machine *machine, const struct ct_code *code,
			 uint64_t address)
{
	const struct ct_instruction *there = decode(machine, code, address);
	return there ? address + there->insn.length : 0;
}

/* ---- flags ---- */

static void set_result_flags(const struct ct_work *work, const struct ct_expr *result,
			     unsigned int size_bytes)
{
	struct ct_machine_flags *flags = &work->machine->flags;
	flags->zero = ct_work_binary(work, CT_EXPR_EQUAL,
				     ct_work_zero_extend(work, result, size_bytes),
				     ct_work_constant(work, 0));
	flags->sign = ct_work_binary(work, CT_EXPR_LESS_SIGNED,
				     ct_work_sign_extend(work, result, size_bytes),
				     ct_work_constant(work, 0));
	flags->carry = flags->less = ct_expr_unknown();
	flags->is_canary = false;
}

static void set_logic_flags(const struct ct_work *work, const struct ct_expr *result,
			    unsigned int size_bytes)
{
	set_result_flags(work, result, size_bytes);
	work->machine->flags.carry = ct_work_constant(work, 0);
	work->machine->flags.less = work->machine->flags.sign;
}

static void set_compare_flags(const struct ct_work *work, const struct ct_expr *left,
			      const struct ct_expr *right, unsigned int size_bytes)
{
	struct ct_machine_flags *flags = &work->machine->flags;
	set_result_flags(work, ct_work_binary(work, CT_EXPR_SUBTRACT, left, right), size_bytes);
	const struct ct_expr *low_left = ct_work_zero_extend(work, left, size_bytes);
	const struct ct_expr *low_right = ct_work_zero_extend(work, right, size_bytes);
	flags->zero = ct_work_binary(work, CT_EXPR_EQUAL, low_left, low_right);
	flags->carry = ct_work_binary(work, CT_EXPR_LESS, low_left, low_right);
	flags->less = ct_work_binary(work, CT_EXPR_LESS_SIGNED,
				     ct_work_sign_extend(work, left, size_bytes),
				     ct_work_sign_extend(work, right, size_bytes));
}

/* The condition an instruction's low four opcode bits name: 0 or 1. */
static const struct ct_expr *condition(const struct ct_work *work, unsigned int code)
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
		holds = ct_work_binary(work, CT_EXPR_OR, flags->carry, flags->zero);
		break;
	case 4:
		holds = flags->sign;
		break;
	case 6:
		holds = flags->less;
		break;
	case 7:
		holds = ct_work_binary(work, CT_EXPR_OR, flags->less, flags->zero);
		break;
	default: /* overflow, parity */
		break;
	}
	return code & 1 ? ct_work_binary(work, CT_EXPR_EQUAL, holds, ct_work_constant(work, 0))
			: holds;
}

/* ---- moves ---- */

static void push(const struct ct_work *work, const struct ct_expr *value)
{
	const struct ct_expr *rsp = ct_work_plus(work, work->machine->gpr[CT_RSP].value, -8);
	ct_work_write_gpr64(work, CT_RSP, rsp);
	ct_machine_store(work->machine, rsp, 8, value);
}

static const struct ct_expr *pop(const struct ct_work *work)
{
	const struct ct_expr *rsp = work->machine->gpr[CT_RSP].value;
	const struct ct_expr *value = ct_work_load(work, rsp, 8);
	ct_work_write_gpr64(work, CT_RSP, ct_work_plus(work, rsp, 8));
	return value;
}

static bool step_stack(const struct ct_work *work)
{
	const ZydisDecodedOperand *operand = &work->operands[0];
	struct ct_machine *machine = work->machine;
	if (work->insn->operand_width != 64)
		return false;
	switch (work->insn->mnemonic) {
	case ZYDIS_MNEMONIC_PUSH:
		if (!ct_work_is_plain(operand))
			return false;
		machine->is_pushing = true;
		push(work, ct_work_read_operand(work, operand));
		return true;
	case ZYDIS_MNEMONIC_POP:
		if (ct_work_is_memory(operand) || !ct_work_is_plain(operand))
			return false;
		ct_work_write_operand(work, operand, pop(work));
		return true;
	case ZYDIS_MNEMONIC_LEAVE:
		ct_work_write_gpr64(work, CT_RSP, machine->gpr[CT_RBP].value);
		ct_work_write_gpr64(work, CT_RBP, pop(work));
		return true;
	case ZYDIS_MNEMONIC_ENTER:
		if (work->operands[1].imm.value.u != 0)
			return false;
		machine->is_pushing = true;
		push(work, machine->gpr[CT_RBP].value);
		ct_work_write_gpr64(work, CT_RBP, machine->gpr[CT_RSP].value);
		ct_work_write_gpr64(work, CT_RSP,
				    ct_work_plus(work, machine->gpr[CT_RSP].value,
						 -(int64_t)operand->imm.value.u));
		return true;
	default:
		return false;
	}
}

static const struct ct_expr *read_gpr64(const struct ct_work *work, unsigned int number)
{
	return ct_work_read_gpr(work, &(struct ct_gpr_part){.number = number, .size_bytes = 8});
}

/* Instructions with nothing but hidden operands: rax is extended. */
static bool step_extend_rax(const struct ct_work *work)
{
	const struct ct_expr *eax = ct_machine_register_part(work->machine, CT_RAX, 4);
	struct ct_gpr_part part = {.number = CT_RAX, .size_bytes = 4};
	switch (work->insn->mnemonic) {
	case ZYDIS_MNEMONIC_CBW:
		part.size_bytes = 2;
		ct_work_write_gpr(
			work, &part,
			ct_work_sign_extend(work,
					    ct_machine_register_part(work->machine, CT_RAX, 1), 1));
		return true;
	case ZYDIS_MNEMONIC_CWDE:
		ct_work_write_gpr(
			work, &part,
			ct_work_sign_extend(work,
					    ct_machine_register_part(work->machine, CT_RAX, 2), 2));
		return true;
	case ZYDIS_MNEMONIC_CDQE:
		ct_work_write_gpr64(work, CT_RAX, ct_work_sign_extend(work, eax, 4));
		return true;
	case ZYDIS_MNEMONIC_CDQ:
		part.number = CT_RDX;
		ct_work_write_gpr(work, &part,
				  ct_work_shift(work, CT_EXPR_SHIFT_RIGHT_SIGNED,
						ct_work_sign_extend(work, eax, 4), 31));
		return true;
	case ZYDIS_MNEMONIC_CQO:
		ct_work_write_gpr64(work, CT_RDX,
				    ct_work_shift(work, CT_EXPR_SHIFT_RIGHT_SIGNED,
						  read_gpr64(work, CT_RAX), 63));
		return true;
	default:
		return false;
	}
}

/* when ? a : b, with what operations there are */
static const struct ct_expr *choose(const struct ct_work *work, const struct ct_expr *when,
				    const struct ct_expr *a, const struct ct_expr *b)
{
	if (ct_expr_equal(a, b))
		return a;
	if (when->kind == CT_EXPR_CONSTANT)
		return when->constant ? a : b;
	return ct_work_binary(work, CT_EXPR_XOR, b,
			      ct_work_binary(work, CT_EXPR_AND,
					     ct_work_binary(work, CT_EXPR_XOR, a, b),
					     ct_expr_unary(work->arena, CT_EXPR_NEGATE, when, 8)));
}

static bool step_move(const struct ct_work *work)
{
	const ZydisDecodedOperand *to = &work->operands[0], *from = &work->operands[1];
	const struct ct_expr *value;
	switch (work->insn->mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
	case ZYDIS_MNEMONIC_MOVZX:
	case ZYDIS_MNEMONIC_MOVSX:
	case ZYDIS_MNEMONIC_MOVSXD:
		if (!ct_work_is_plain(to) || !ct_work_is_plain(from))
			return false;
		value = ct_work_read_operand(work, from);
		if (work->insn->mnemonic == ZYDIS_MNEMONIC_MOVSX ||
		    work->insn->mnemonic == ZYDIS_MNEMONIC_MOVSXD)
			value = ct_work_sign_extend(work, value, from->size / 8);
		ct_work_write_operand(work, to, value);
		return true;
	case ZYDIS_MNEMONIC_LEA:
		ct_work_write_operand(work, to, ct_work_address_of(work, from));
		return true;
	case ZYDIS_MNEMONIC_XCHG:
		/* With memory it is atomic, and what others store there is not known. */
		if (ct_work_is_memory(to) || ct_work_is_memory(from))
			return false;
		value = ct_work_read_operand(work, to);
		ct_work_write_operand(work, to, ct_work_read_operand(work, from));
		ct_work_write_operand(work, from, value);
		return true;
	default:
		break;
	}
	bool is_0f = work->insn->opcode_map == ZYDIS_OPCODE_MAP_0F &&
		     work->insn->encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY;
	if (work->insn->meta.category == ZYDIS_CATEGORY_SETCC && is_0f &&
	    work->insn->opcode >> 4 == 9) {
		ct_work_write_operand(work, to, condition(work, work->insn->opcode));
		return true;
	}
	if (work->insn->meta.category == ZYDIS_CATEGORY_CMOV && is_0f &&
	    work->insn->opcode >> 4 == 4) {
		const struct ct_expr *old = ct_work_read_operand(work, to);
		value = ct_work_read_operand(work, from);
		ct_work_write_operand(
			work, to, choose(work, condition(work, work->insn->opcode), value, old));
		return true;
	}
	return step_stack(work) || step_extend_rax(work);
}

/* ---- arithmetic ---- */

static void note_canary(const struct ct_work *work, const struct ct_expr *left,
			const struct ct_expr *right, unsigned int size_bytes)
{
	bool is_left = ct_work_is_canary(left), is_right = ct_work_is_canary(right);
	work->machine->flags.is_canary = size_bytes == 8 && (is_left || is_right);
	if (work->machine->flags.is_canary)
		work->machine->canary_copy = is_left ? right : left;
}

static bool step_compare(const struct ct_work *work, const struct ct_expr *left,
			 const struct ct_expr *right, unsigned int size_bytes)
{
	set_compare_flags(work, left, right, size_bytes);
	note_canary(work, left, right, size_bytes);
	return true;
}

/* add, sub, adc, sbb, and, or, xor, cmp, test */
static bool step_two_operands(const struct ct_work *work)
{
	const ZydisDecodedOperand *to = &work->operands[0], *from = &work->operands[1];
	unsigned int size_bytes = to->size / 8;
	if (work->insn->operand_count_visible != 2 || !ct_work_is_plain(to) ||
	    !ct_work_is_plain(from))
		return false;
	struct ct_machine_flags *flags = &work->machine->flags;
	const struct ct_expr *old_carry = flags->carry, *result;
	bool is_same = ct_work_is_same_register(to, from);
	const struct ct_expr *left = ct_work_read_operand(work, to),
			     *right = ct_work_read_operand(work, from);
	switch (work->insn->mnemonic) {
	case ZYDIS_MNEMONIC_ADD:
	case ZYDIS_MNEMONIC_ADC:
		result = ct_work_binary(work, CT_EXPR_ADD, left, right);
		if (work->insn->mnemonic == ZYDIS_MNEMONIC_ADC)
			result = ct_work_binary(work, CT_EXPR_ADD, result, old_carry);
		set_result_flags(work, result, size_bytes);
		if (work->insn->mnemonic == ZYDIS_MNEMONIC_ADD)
			flags->carry = ct_work_binary(work, CT_EXPR_LESS,
						      ct_work_zero_extend(work, result, size_bytes),
						      ct_work_zero_extend(work, left, size_bytes));
		break;
	case ZYDIS_MNEMONIC_SUB:
		if (is_same)
			left = right = ct_work_constant(work, 0);
		result = ct_work_binary(work, CT_EXPR_SUBTRACT, left, right);
		step_compare(work, left, right, size_bytes);
		break;
	case ZYDIS_MNEMONIC_SBB:
		result = is_same ? ct_work_constant(work, 0)
				 : ct_work_binary(work, CT_EXPR_SUBTRACT, left, right);
		result = ct_work_binary(work, CT_EXPR_SUBTRACT, result, old_carry);
		set_result_flags(work, result, size_bytes);
		if (is_same)
			flags->carry = old_carry;
		break;
	case ZYDIS_MNEMONIC_CMP:
		return step_compare(work, left, right, size_bytes);
	case ZYDIS_MNEMONIC_TEST:
		set_logic_flags(work, ct_work_binary(work, CT_EXPR_AND, left, right), size_bytes);
		return true;
	case ZYDIS_MNEMONIC_AND:
		result = ct_work_is_zero(right) ? right
						: ct_work_binary(work, CT_EXPR_AND, left, right);
		set_logic_flags(work, result, size_bytes);
		break;
	case ZYDIS_MNEMONIC_OR:
		result = right->kind == CT_EXPR_CONSTANT && right->constant == -1
				 ? right
				 : ct_work_binary(work, CT_EXPR_OR, left, right);
		set_logic_flags(work, result, size_bytes);
		break;
	case ZYDIS_MNEMONIC_XOR:
		result = is_same ? ct_work_constant(work, 0)
				 : ct_work_binary(work, CT_EXPR_XOR, left, right);
		set_logic_flags(work, result, size_bytes);
		note_canary(work, left, right, size_bytes);
		break;
	default:
		return false;
	}
	ct_work_write_operand(work, to, result);
	return true;
}

static bool step_one_operand(const struct ct_work *work)
{
	const ZydisDecodedOperand *to = &work->operands[0];
	unsigned int size_bytes = to->size / 8;
	if (work->insn->operand_count_visible != 1 || !ct_work_is_plain(to))
		return false;
	struct ct_machine_flags *flags = &work->machine->flags;
	const struct ct_expr *carry = flags->carry, *zero = ct_work_constant(work, 0), *result;
	switch (work->insn->mnemonic) {
	case ZYDIS_MNEMONIC_INC:
		result = ct_work_plus(work, ct_work_read_operand(work, to), 1);
		set_result_flags(work, result, size_bytes);
		flags->carry = carry;
		break;
	case ZYDIS_MNEMONIC_DEC:
		result = ct_work_read_operand(work, to);
		set_compare_flags(work, result, ct_work_constant(work, 1), size_bytes);
		flags->carry = carry;
		result = ct_work_plus(work, result, -1);
		break;
	case ZYDIS_MNEMONIC_NEG:
		result = ct_work_read_operand(work, to);
		set_compare_flags(work, zero, result, size_bytes);
		result = ct_expr_unary(work->arena, CT_EXPR_NEGATE, result, 8);
		break;
	case ZYDIS_MNEMONIC_NOT:
		result = ct_expr_unary(work->arena, CT_EXPR_NOT, ct_work_read_operand(work, to), 8);
		break;
	default:
		return false;
	}
	ct_work_write_operand(work, to, result);
	return true;
}

static bool step_shift(const struct ct_work *work)
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
	if (!ct_work_is_plain(to) || !ct_work_is_plain(by))
		return false;
	const struct ct_expr *count =
		ct_work_binary(work, CT_EXPR_AND, ct_work_read_operand(work, by),
			       ct_work_constant(work, size_bytes == 8 ? 63 : 31));
	const struct ct_expr *value = ct_work_read_operand(work, to);
	if (kind == CT_EXPR_SHIFT_RIGHT_SIGNED)
		value = ct_work_sign_extend(work, value, size_bytes);
	const struct ct_expr *result = ct_work_binary(work, kind, value, count);
	if (count->kind != CT_EXPR_CONSTANT)
		ct_machine_forget_flags(work->machine); /* they stay when the count is 0 */
	else if (!ct_work_is_zero(count))
		set_result_flags(work, result, size_bytes);
	ct_work_write_operand(work, to, result);
	return true;
}

static bool step_multiply(const struct ct_work *work)
{
	unsigned int count = work->insn->operand_count_visible;
	if (work->insn->mnemonic != ZYDIS_MNEMONIC_IMUL || count < 2)
		return false;
	const ZydisDecodedOperand *to = &work->operands[0];
	const struct ct_expr *left = ct_work_read_operand(work, &work->operands[count - 2]);
	const struct ct_expr *right = ct_work_read_operand(work, &work->operands[count - 1]);
	ct_machine_forget_flags(work->machine);
	ct_work_write_operand(work, to, ct_work_binary(work, CT_EXPR_MULTIPLY, left, right));
	return true;
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
static bool forget_register(const struct ct_work *work, ZydisRegister name)
{
	struct ct_machine *machine = work->machine;
	struct ct_gpr_part part;
	if (ct_work_find_gpr(name, &part)) {
		part.size_bytes = 8;
		part.is_high_byte = false;
		ct_work_write_gpr(work, &part, ct_expr_unknown());
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
		ct_machine_forget_x87(machine);
		return true;
	case ZYDIS_REGCLASS_SEGMENT:
		return false;
	default:
		return true;
	}
	if (name - first < CT_XMM_COUNT)
		ct_work_write_xmm(work, (unsigned int)(name - first), ct_expr_unknown(),
				  ct_expr_unknown());
	return true;
}

static void note_frame_reads(const struct ct_work *work)
{
	for (unsigned int i = 0; i < work->insn->operand_count; i++) {
		const ZydisDecodedOperand *operand = &work->operands[i];
		struct ct_gpr_part part;
		if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    operand->actions & ZYDIS_OPERAND_ACTION_MASK_READ &&
		    ct_work_find_gpr(operand->reg.value, &part))
			ct_work_read_gpr(work, &part);
	}
}

/* All it writes is UNKNOWN. */
static bool step_other(const struct ct_work *work)
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
		if (is_repeated || !ct_work_is_memory(operand))
			ct_machine_clobber(machine);
		else
			ct_machine_store(machine, ct_work_address_of(work, operand),
					 operand->size / 8, ct_expr_unknown());
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
		ct_machine_forget_flags(machine);
	if (insn->meta.isa_ext == ZYDIS_ISA_EXT_X87 || insn->meta.isa_ext == ZYDIS_ISA_EXT_MMX)
		ct_machine_forget_x87(machine);
	return true;
}

/* ---- jumps ---- */

bool ct_machine_jump_target(const struct ct_instruction *instruction, uint64_t *ret)
{
	const ZydisDecodedOperand *operand = &instruction->operands[0];
	if (operand->type != ZYDIS_OPERAND_TYPE_IMMEDIATE || !operand->imm.is_relative)
		return false;
	*ret = instruction->next + operand->imm.value.u;
	return true;
}

static enum ct_step step_branch(const struct ct_work *work, uint64_t *ret_target)
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
	const struct ct_work work = {
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
			step_shift(&work) || step_multiply(&work) || ct_step_vector(&work) ||
			ct_step_x87(&work));
	return is_done || step_other(&work) ? CT_STEP_NEXT : CT_STEP_UNKNOWN;
}
