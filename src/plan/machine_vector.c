/* SPDX-License-Identifier: MIT */
/* Instructions on xmm registers that move, mix and mask. Arithmetic is not among them. */
#include "plan/machine_work.h"

/* 16 bytes as two halves. */
struct vector {
	const struct ct_expr *half[2];
};

static const struct ct_expr *read_half(const struct ct_work *work,
				       const ZydisDecodedOperand *operand, unsigned int half)
{
	if (ct_work_is_xmm(operand))
		return work->machine->xmm[ct_work_xmm_of(operand)][half];
	if (!ct_work_is_memory(operand))
		return ct_expr_unknown();
	return ct_work_load(work, ct_work_plus(work, ct_work_address_of(work, operand), 8 * half),
			    8);
}

static struct vector read_vector(const struct ct_work *work, const ZydisDecodedOperand *operand)
{
	return (struct vector){{read_half(work, operand, 0), read_half(work, operand, 1)}};
}

static void write_vector(const struct ct_work *work, const ZydisDecodedOperand *to,
			 struct vector value)
{
	if (ct_work_is_xmm(to)) {
		ct_work_write_xmm(work, ct_work_xmm_of(to), value.half[0], value.half[1]);
		return;
	}
	const struct ct_expr *address = ct_work_address_of(work, to);
	ct_machine_store(work->machine, address, 8, value.half[0]);
	ct_machine_store(work->machine, ct_work_plus(work, address, 8), 8, value.half[1]);
}

static const struct ct_expr *word(const struct ct_work *work, const struct vector *vector,
				  unsigned int at)
{
	const struct ct_expr *half = vector->half[at / 2];
	if (at & 1)
		half = ct_work_shift(work, CT_EXPR_SHIFT_RIGHT, half, 32);
	return ct_work_zero_extend(work, half, 4);
}

/* A half of two 32-bit words. */
static const struct ct_expr *words(const struct ct_work *work, const struct ct_expr *low,
				   const struct ct_expr *high)
{
	return ct_work_binary(work, CT_EXPR_OR, low,
			      ct_work_shift(work, CT_EXPR_SHIFT_LEFT, high, 32));
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
static bool step_low_move(const struct ct_work *work)
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
	if (!ct_work_is_xmm(to)) {
		if (!ct_work_is_xmm(from) || !ct_work_is_plain(to) || to->size / 8 != size_bytes)
			return false;
		ct_work_write_operand(work, to, work->machine->xmm[ct_work_xmm_of(from)][0]);
		return true;
	}
	if (!ct_work_is_xmm(from) && !ct_work_is_plain(from))
		return false;
	const struct ct_expr *high = ct_work_constant(work, 0);
	const struct ct_expr *low = ct_work_is_memory(from)
					    ? ct_work_load(work, ct_work_address_of(work, from),
							   size_bytes)
					    : ct_work_read_operand(work, from);
	low = ct_work_zero_extend(work, low, size_bytes);
	if (keeps_rest && ct_work_is_xmm(from)) {
		const ZydisDecodedOperand *rest = &work->operands[count - 2];
		if (!ct_work_is_xmm(rest))
			return false;
		high = work->machine->xmm[ct_work_xmm_of(rest)][1];
		if (size_bytes == 4)
			low = ct_work_merged(work, work->machine->xmm[ct_work_xmm_of(rest)][0],
					     UINT32_MAX, low);
	}
	ct_work_write_xmm(work, ct_work_xmm_of(to), low, high);
	return true;
}

/* movlps, movhps: a half to or from memory. */
static bool step_half_move(const struct ct_work *work)
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
	if (ct_work_is_memory(to) && ct_work_is_xmm(from)) {
		ct_machine_store(work->machine, ct_work_address_of(work, to), 8,
				 work->machine->xmm[ct_work_xmm_of(from)][half]);
		return true;
	}
	const ZydisDecodedOperand *rest = &work->operands[count - 2];
	if (!ct_work_is_xmm(to) || !ct_work_is_xmm(rest) || !ct_work_is_memory(from))
		return false;
	struct vector value = read_vector(work, rest);
	value.half[half] = ct_work_load(work, ct_work_address_of(work, from), 8);
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

static bool step_bitwise(const struct ct_work *work, const ZydisDecodedOperand *left_operand,
			 const ZydisDecodedOperand *right_operand)
{
	enum ct_expr_kind kind;
	bool not_left;
	if (!bitwise_kind(work->insn->mnemonic, &kind, &not_left))
		return false;
	bool is_same = ct_work_is_same_register(left_operand, right_operand);
	struct vector left = read_vector(work, left_operand);
	struct vector right = read_vector(work, right_operand), value;
	for (unsigned int i = 0; i < 2; i++) {
		if (is_same && kind == CT_EXPR_XOR) {
			value.half[i] = ct_work_constant(work, 0);
			continue;
		}
		if (not_left)
			left.half[i] = ct_expr_unary(work->arena, CT_EXPR_NOT, left.half[i], 8);
		value.half[i] = ct_work_binary(work, kind, left.half[i], right.half[i]);
	}
	write_vector(work, &work->operands[0], value);
	return true;
}

/* Two vectors, a left and a right one, make a third. */
static bool step_shuffle(const struct ct_work *work, const ZydisDecodedOperand *left_operand,
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
static bool step_choose_words(const struct ct_work *work, unsigned int count)
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

bool ct_step_vector(const struct ct_work *work)
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
		if ((!ct_work_is_xmm(&operands[0]) && !ct_work_is_memory(&operands[0])) ||
		    (!ct_work_is_xmm(&operands[1]) && !ct_work_is_memory(&operands[1])) ||
		    operands[0].size != 128)
			return false;
		write_vector(work, &operands[0], read_vector(work, &operands[1]));
		return true;
	}
	if (!ct_work_is_xmm(&operands[0]))
		return false;
	if (step_choose_words(work, count))
		return true;
	if (count > 3 ||
	    (!ct_work_is_xmm(&operands[count - 1]) && !ct_work_is_memory(&operands[count - 1])))
		return false;
	return step_bitwise(work, &operands[count - 2], &operands[count - 1]) ||
	       step_shuffle(work, &operands[count - 2], &operands[count - 1]);
}
