/* SPDX-License-Identifier: MIT */
/*
 * Random instructions, run by the processor and by the machine: what the
 * machine says it knows must be so, whatever it takes for unknown.
 */
#include "unit_test.h"

#ifdef __x86_64__

#include <stdio.h>
#include <sys/mman.h>

#include "plan/machine.h"
#include "plan_evaluate.h"

enum { FRAME_BYTES = 4096, FRAME_RSP = 2048, CODE_BYTES = 4096, AROUND = 256 };

/* What the processor's side has: loaded before and stored after. */
struct processor {
	uint64_t gpr[16]; /* in the order of their encoding: rax rcx rdx rbx rsp rbp rsi rdi... */
	uint64_t xmm[16][2];
	uint64_t own_rsp;
};
extern struct processor native;
struct processor native;
static _Alignas(64) uint8_t frame[FRAME_BYTES];
static uint8_t frame_at_start[FRAME_BYTES];

/* Jump to code that ends in a jump to native_back, with all registers as in `native`. */
void native_run(const void *code);
void native_back(void);
__asm__(".text\n"
	".globl native_run, native_back\n"
	"native_run:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"	mov %rsp, native+384(%rip)\n"
	"	push %rdi\n"
	"	lea native(%rip), %rax\n"
	"	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
	"	movups 128+16*\\n(%rax), %xmm\\n\n"
	"	.endr\n"
	"	mov 8(%rax), %rcx; mov 16(%rax), %rdx; mov 24(%rax), %rbx; mov 40(%rax), %rbp\n"
	"	mov 48(%rax), %rsi; mov 56(%rax), %rdi; mov 64(%rax), %r8; mov 72(%rax), %r9\n"
	"	mov 80(%rax), %r10; mov 88(%rax), %r11; mov 96(%rax), %r12; mov 104(%rax), %r13\n"
	"	mov 112(%rax), %r14; mov 120(%rax), %r15\n"
	"	pop native_target(%rip)\n"
	"	mov 32(%rax), %rsp\n"
	"	mov 0(%rax), %rax\n"
	"	jmp *native_target(%rip)\n"
	"native_back:\n"
	"	mov %rax, native(%rip)\n"
	"	mov %rsp, native+32(%rip)\n"
	"	mov native+384(%rip), %rsp\n"
	"	lea native(%rip), %rax\n"
	"	mov %rcx, 8(%rax); mov %rdx, 16(%rax); mov %rbx, 24(%rax); mov %rbp, 40(%rax)\n"
	"	mov %rsi, 48(%rax); mov %rdi, 56(%rax); mov %r8, 64(%rax); mov %r9, 72(%rax)\n"
	"	mov %r10, 80(%rax); mov %r11, 88(%rax); mov %r12, 96(%rax); mov %r13, 104(%rax)\n"
	"	mov %r14, 112(%rax); mov %r15, 120(%rax)\n"
	"	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
	"	movups %xmm\\n, 128+16*\\n(%rax)\n"
	"	.endr\n"
	"	fninit\n"
	"	cld\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n"
	".data\n"
	"native_target: .quad 0\n"
	".text\n");

static uint64_t random_state;

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static unsigned int below(unsigned int limit)
{
	return (unsigned int)((next_random() >> 20) % limit);
}

static bool chance(unsigned int in)
{
	return below(in) == 0;
}

/* ---- making code ---- */

struct assembler {
	uint8_t *bytes;
	size_t count;
	bool has_rbp_frame;
};

static void put(struct assembler *as, unsigned int byte)
{
	as->bytes[as->count++] = (uint8_t)byte;
}

static void put_number(struct assembler *as, uint64_t number, unsigned int size_bytes)
{
	for (unsigned int i = 0; i < size_bytes; i++)
		put(as, (uint8_t)(number >> 8 * i));
}

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R13 = 13 };

/* A general register that may be written: rsp and rbp make the frame, rbx and r13 point into it. */
static unsigned int any_target(void)
{
	static const uint8_t targets[] = {0, 1, 2, 6, 7, 8, 9, 10, 11, 12, 14, 15};
	return targets[below(sizeof(targets))];
}

static unsigned int any_source(void)
{
	return below(16);
}

/* The second operand of an instruction: a register, or memory. */
struct place {
	bool is_memory;
	unsigned int reg; /* or the base */
	int8_t displacement;
};

static struct place any_memory(const struct assembler *as, unsigned int align)
{
	static const uint8_t pointers[] = {RSP, RSP, RSP, RSP, RSP, RSP, RBX, R13};
	struct place place = {.is_memory = true, .reg = pointers[below(sizeof(pointers))]};
	int displacement = (int)below(64);
	if (as->has_rbp_frame && chance(3))
		place.reg = RBP;
	if (place.reg == RBP)
		displacement -= 80;
	place.displacement = (int8_t)(displacement & -(int)align);
	return place;
}

static struct place any_place(const struct assembler *as, unsigned int reg)
{
	return chance(3) ? any_memory(as, 1) : (struct place){.reg = reg};
}

/* [prefix] [rex] opcode modrm, the opcode of one to three bytes; reg is the modrm's first. */
static void put_instruction(struct assembler *as, unsigned int prefix, unsigned int size_bytes,
			    unsigned int opcode, unsigned int reg, struct place place)
{
	if (prefix)
		put(as, prefix);
	if (size_bytes == 2)
		put(as, 0x66);
	unsigned int rex = (size_bytes == 8) << 3 | (reg >> 3 & 1) << 2 | place.reg >> 3;
	/* Without one the byte registers 4 to 7 are ah ch dh bh. */
	if (rex || (size_bytes == 1 && chance(2)))
		put(as, 0x40 | rex);
	if (opcode > 0xffff)
		put(as, opcode >> 16 & 0xff);
	if (opcode > 0xff)
		put(as, opcode >> 8 & 0xff);
	put(as, opcode & 0xff);
	reg &= 7;
	unsigned int base = place.reg & 7;
	if (!place.is_memory) {
		put(as, 0xc0 | reg << 3 | base);
		return;
	}
	put(as, 0x40 | reg << 3 | base);
	if (base == RSP)
		put(as, 0x24);
	put(as, (uint8_t)place.displacement);
}

static unsigned int any_size(void)
{
	static const uint8_t sizes[] = {1, 2, 4, 4, 8, 8};
	return sizes[below(sizeof(sizes))];
}

/* A register the frame hangs on must not be hit through ah, ch, dh, bh either: bh is rbx's. */
static unsigned int safe_target(unsigned int size_bytes)
{
	static const uint8_t bytes[] = {0, 1, 2, 8, 9, 10, 11, 12, 14, 15};
	return size_bytes == 1 ? bytes[below(sizeof(bytes))] : any_target();
}

static void put_arithmetic(struct assembler *as)
{
	unsigned int size = any_size(), kind = below(8) * 8;
	unsigned int wide = size == 1 ? 0 : 1;
	if (chance(2)) /* op r, r/m */
		put_instruction(as, 0, size, kind + 2 + wide, safe_target(size),
				any_place(as, any_source()));
	else /* op r/m, r */
		put_instruction(as, 0, size, kind + wide, any_source(),
				any_place(as, safe_target(size)));
}

static void put_immediate_arithmetic(struct assembler *as)
{
	static const uint8_t constants[] = {0, 1, 0xff, 0x7f, 0x80, 8, 0x1f};
	unsigned int size = any_size(), immediate = constants[below(sizeof(constants))];
	bool is_short = size == 1 || chance(2);
	put_instruction(as, 0, size,
			size == 1  ? 0x80
			: is_short ? 0x83
				   : 0x81,
			below(8), any_place(as, safe_target(size)));
	put_number(as, chance(4) ? next_random() : immediate, is_short ? 1 : size == 2 ? 2 : 4);
}

static void put_move(struct assembler *as)
{
	unsigned int size = any_size(), wide = size == 1 ? 0 : 1;
	switch (below(6)) {
	case 0:
		put_instruction(as, 0, size, 0x88 + wide, any_source(), any_memory(as, 1));
		break;
	case 1:
		put_instruction(as, 0, size, 0x8a + wide, safe_target(size), any_memory(as, 1));
		break;
	case 2:
		put_instruction(as, 0, size, 0x8a + wide, safe_target(size),
				(struct place){.reg = any_source()});
		break;
	case 3: /* movzx, movsx */
		put_instruction(as, 0, chance(2) ? 4 : 8, (chance(2) ? 0x0fb6 : 0x0fbe) + below(2),
				any_target(), any_place(as, any_source()));
		break;
	case 4: /* movsxd */
		put_instruction(as, 0, 8, 0x63, any_target(), any_place(as, any_source()));
		break;
	default: /* mov $, r/m */
		put_instruction(as, 0, size, 0xc6 + wide, 0, any_place(as, safe_target(size)));
		put_number(as, next_random(), size == 8 ? 4 : size);
		break;
	}
}

static void put_lea(struct assembler *as)
{
	unsigned int base = any_source(), index = any_source(), to = any_target();
	if (index == RSP)
		index = RAX;
	put(as, 0x40 | (chance(2) ? 8 : 0) | (to >> 3) << 2 | (index >> 3) << 1 | base >> 3);
	put(as, 0x8d);
	put(as, 0x44 | (to & 7) << 3);
	put(as, below(4) << 6 | (index & 7) << 3 | (base & 7));
	put(as, (unsigned int)next_random());
}

static void put_one_operand(struct assembler *as)
{
	unsigned int size = any_size(), wide = size == 1 ? 0 : 1;
	struct place to = any_place(as, safe_target(size));
	if (chance(2))
		put_instruction(as, 0, size, 0xfe + wide, below(2), to); /* inc, dec */
	else
		put_instruction(as, 0, size, 0xf6 + wide, 2 + below(2), to); /* not, neg */
}

static void put_shift(struct assembler *as)
{
	static const uint8_t kinds[] = {4, 5, 7, 4, 5, 7, 0, 1}; /* shl shr sar; rol ror */
	unsigned int size = any_size(), wide = size == 1 ? 0 : 1;
	unsigned int kind = kinds[below(sizeof(kinds))];
	struct place to = any_place(as, safe_target(size));
	switch (below(3)) {
	case 0:
		put_instruction(as, 0, size, 0xd0 + wide, kind, to);
		break;
	case 1:
		put_instruction(as, 0, size, 0xd2 + wide, kind, to);
		break;
	default:
		put_instruction(as, 0, size, 0xc0 + wide, kind, to);
		put(as, (unsigned int)next_random());
		break;
	}
}

static void put_condition(struct assembler *as)
{
	if (chance(2)) {
		put_instruction(as, 0, chance(2) ? 4 : 8, 0x0f40 + below(16), any_target(),
				any_place(as, any_source()));
		return;
	}
	put_instruction(as, 0, 1, 0x0f90 + below(16), 0, any_place(as, safe_target(1)));
}

static void put_test(struct assembler *as)
{
	unsigned int size = any_size(), wide = size == 1 ? 0 : 1, reg = any_source();
	if (chance(2))
		put_instruction(as, 0, size, 0x84 + wide, reg, (struct place){.reg = reg});
	else
		put_instruction(as, 0, size, 0x84 + wide, reg, any_place(as, any_source()));
}

static void put_multiply(struct assembler *as)
{
	switch (below(3)) {
	case 0:
		put_instruction(as, 0, chance(2) ? 4 : 8, 0x0faf, any_target(),
				any_place(as, any_source()));
		break;
	case 1:
		put_instruction(as, 0, chance(2) ? 4 : 8, 0x6b, any_target(),
				any_place(as, any_source()));
		put(as, (unsigned int)next_random());
		break;
	default: /* mul, imul to rdx and rax */
		put_instruction(as, 0, any_size(), 0xf7, 4 + below(2), any_place(as, any_source()));
		break;
	}
}

static void put_rax(struct assembler *as)
{
	if (chance(2))
		put(as, 0x48);
	else if (chance(4))
		put(as, 0x66);
	put(as, 0x98 + below(2)); /* cbw cwde cdqe, cwd cdq cqo */
}

static void put_exchange(struct assembler *as)
{
	unsigned int size = any_size();
	put_instruction(as, 0, size, size == 1 ? 0x86 : 0x87, safe_target(size),
			any_place(as, safe_target(size)));
}

static void put_stack(struct assembler *as)
{
	unsigned int reg = chance(2) ? any_source() : any_target();
	if (chance(2)) {
		if (reg >= 8)
			put(as, 0x41);
		put(as, 0x50 + (reg & 7));
		return;
	}
	if (chance(4)) {
		put(as, 0x6a);
		put(as, (unsigned int)next_random());
		return;
	}
	reg = any_target();
	if (reg >= 8)
		put(as, 0x41);
	put(as, 0x58 + (reg & 7));
}

static void put_frame(struct assembler *as)
{
	if (as->has_rbp_frame) {
		put(as, 0xc9); /* leave */
		as->has_rbp_frame = false;
		return;
	}
	as->has_rbp_frame = true;
	if (chance(4)) {
		put(as, 0xc8); /* enter */
		put_number(as, 96, 2);
		put(as, 0);
		return;
	}
	put(as, 0x55);
	put_number(as, 0xe58948, 3);   /* mov %rsp, %rbp */
	put_number(as, 0x60ec8348, 4); /* sub $96, %rsp */
}

static struct place vector_place(struct assembler *as, unsigned int align)
{
	return chance(3) ? any_memory(as, align) : (struct place){.reg = below(16)};
}

static void put_vector(struct assembler *as)
{
	unsigned int reg = below(16);
	switch (below(10)) {
	case 0: /* movss, movsd */
		put_instruction(as, chance(2) ? 0xf3 : 0xf2, 4, 0x0f10 + below(2), reg,
				vector_place(as, 1));
		break;
	case 1: /* movups, movupd */
		put_instruction(as, chance(2) ? 0x66 : 0, 4, 0x0f10 + below(2), reg,
				vector_place(as, 1));
		break;
	case 2: /* movdqu */
		put_instruction(as, 0xf3, 4, chance(2) ? 0x0f6f : 0x0f7f, reg, vector_place(as, 1));
		break;
	case 3: /* movd, movq, with general registers and memory */
		if (chance(2))
			put_instruction(as, 0x66, chance(2) ? 4 : 8, 0x0f6e, reg,
					any_place(as, any_source()));
		else
			put_instruction(as, 0x66, chance(2) ? 4 : 8, 0x0f7e, reg,
					any_place(as, any_target()));
		break;
	case 4: /* movq */
		if (chance(2))
			put_instruction(as, 0xf3, 4, 0x0f7e, reg, vector_place(as, 1));
		else
			put_instruction(as, 0x66, 4, 0x0fd6, reg, vector_place(as, 1));
		break;
	case 5: { /* movlps, movhps; movhlps, movlhps */
		unsigned int opcode = chance(2) ? 0x0f12 : 0x0f16;
		struct place place = vector_place(as, 1);
		put_instruction(as, 0, 4, opcode + (place.is_memory && chance(2)), reg, place);
		break;
	}
	case 6: { /* unpcklps unpcklpd unpckhps unpckhpd, shuffles */
		static const uint8_t opcodes[] = {0x14, 0x15};
		put_instruction(as, chance(2) ? 0x66 : 0, 4, 0x0f00 + opcodes[below(2)], reg,
				(struct place){.reg = below(16)});
		break;
	}
	case 7: {
		static const uint8_t opcodes[] = {0x62, 0x6c, 0x6d, 0x6a, 0xef, 0xeb,
						  0xdb, 0xdf, 0xd4, 0xfe, 0x76};
		put_instruction(as, 0x66, 4, 0x0f00 + opcodes[below(sizeof(opcodes))], reg,
				(struct place){.reg = chance(3) ? reg : below(16)});
		break;
	}
	case 8: { /* andps andnps orps xorps; sqrtps is not among them */
		put_instruction(as, chance(2) ? 0x66 : 0, 4, 0x0f54 + below(4), reg,
				(struct place){.reg = chance(3) ? reg : below(16)});
		break;
	}
	default:
		if (chance(2))
			put_instruction(as, 0x66, 4, 0x0f70, reg, (struct place){.reg = below(16)});
		else
			put_instruction(as, 0, 4, 0x0fc6, reg, (struct place){.reg = below(16)});
		put(as, (unsigned int)next_random());
		break;
	}
}

/* Prefix C5, and a second source. */
static void put_vex(struct assembler *as, unsigned int prefix, bool is_wide, unsigned int opcode,
		    unsigned int reg, unsigned int second, struct place place)
{
	/* Two bytes of prefix have no room for the upper half of the last operand's registers. */
	place.reg = place.reg < 8 ? place.reg : place.is_memory ? RSP : place.reg & 7;
	put(as, 0xc5);
	put(as, (reg < 8) << 7 | (~second & 15) << 3 | is_wide << 2 | prefix);
	put(as, opcode);
	put(as, (place.is_memory ? 0x40 : 0xc0) | (reg & 7) << 3 | place.reg);
	if (place.is_memory && place.reg == RSP)
		put(as, 0x24);
	if (place.is_memory)
		put(as, (uint8_t)place.displacement);
}

static void put_avx(struct assembler *as)
{
	static const uint8_t bitwise[] = {0xef, 0xeb, 0xdb, 0xdf, 0x62, 0x6c, 0x6d, 0xfe};
	unsigned int reg = below(16), second = below(16), prefix;
	struct place place = vector_place(as, 1), other = {.reg = below(8)};
	switch (below(8)) {
	case 0: /* vmovups vmovupd vmovss vmovsd */
		prefix = below(4);
		put_vex(as, prefix, prefix < 2 && chance(4), 0x10 + below(2), reg,
			prefix < 2 || place.is_memory ? 0 : second, place);
		break;
	case 1: /* vmovdqu */
		put_vex(as, 2, chance(4), chance(2) ? 0x6f : 0x7f, reg, 0, place);
		break;
	case 2: /* vmovlps vmovhps vmovhlps vmovlhps */
		put_vex(as, 0, false, chance(2) ? 0x12 : 0x16, reg, second, place);
		break;
	case 3: /* vunpcklps vunpcklpd vxorps vandps */
		put_vex(as, below(2), chance(4),
			(const uint8_t[]){0x14, 0x15, 0x54, 0x55, 0x57}[below(5)], reg, second,
			place);
		break;
	case 4:
		put_vex(as, 1, false, bitwise[below(sizeof(bitwise))], reg, second, place);
		break;
	case 5: /* vmovd, vmovq */
		if (chance(2))
			put_vex(as, 2, false, 0x7e, reg, 0, place);
		else
			put_vex(as, 1, false, 0xd6, reg, 0, place);
		break;
	case 6: /* vpshufd, vshufps */
		if (chance(2))
			put_vex(as, 1, false, 0x70, reg, 0, other);
		else
			put_vex(as, 0, false, 0xc6, reg, second, other);
		put(as, (unsigned int)next_random());
		break;
	default: /* vzeroupper */
		put_number(as, 0x77f8c5, 3);
		break;
	}
}

/* Instructions nobody taught the machine. */
static void put_strange(struct assembler *as)
{
	switch (below(8)) {
	case 0: /* bswap */
		put_number(as, 0x0f48, 2);
		put(as, 0xc8 + (unsigned int[]){0, 1, 2, 6, 7}[below(5)]);
		break;
	case 1: /* bsf, bsr */
		put_instruction(as, 0, 8, 0x0fbc + below(2), any_target(),
				any_place(as, any_source()));
		break;
	case 2: /* bt, bts, btr, btc */
		put_instruction(as, 0, 8, 0x0fba, 4 + below(4), any_place(as, any_target()));
		put(as, (unsigned int)next_random());
		break;
	case 3: /* shld */
		put_instruction(as, 0, 8, 0x0fa5, any_source(), any_place(as, any_target()));
		break;
	case 4: /* cvtsi2sd */
		put_instruction(as, 0xf2, 8, 0x0f2a, below(16), any_place(as, any_source()));
		break;
	case 5: /* lock xadd */
		put_instruction(as, 0xf0, 8, 0x0fc1, any_target(), any_memory(as, 8));
		break;
	case 6: /* cmpxchg */
		put_instruction(as, 0, 8, 0x0fb1, any_source(), any_place(as, any_target()));
		break;
	default: /* movmskps */
		put_instruction(as, 0, 4, 0x0f50, any_target(), (struct place){.reg = below(16)});
		break;
	}
}

/* Long doubles through the x87 stack, which is empty again afterwards. */
static void put_x87(struct assembler *as)
{
	put_instruction(as, 0, 4, 0xdb, 5, any_memory(as, 1));
	if (chance(2)) {
		put_instruction(as, 0, 4, 0xdb, 7, any_memory(as, 1));
		return;
	}
	put_instruction(as, 0, 4, 0xdb, 5, any_memory(as, 1));
	if (chance(2))
		put_number(as, 0xc9d9, 2); /* fxch */
	if (chance(3)) {
		put_number(as, 0xc1d9, 2); /* fld %st(1) */
		put_number(as, 0xd9dd, 2); /* fstp %st(1) */
	}
	if (chance(3))
		put_number(as, 0xe0d9, 2); /* fchs */
	put_instruction(as, 0, 4, 0xdb, 7, any_memory(as, 1));
	put_instruction(as, 0, 4, 0xdb, 7, any_memory(as, 1));
}

static void put_any(struct assembler *as)
{
	static void (*const makers[])(struct assembler *) = {
		put_immediate_arithmetic,
		put_move,
		put_move,
		put_move,
		put_lea,
		put_one_operand,
		put_shift,
		put_test,
		put_condition,
		put_condition,
		put_multiply,
		put_rax,
		put_exchange,
		put_stack,
		put_stack,
		put_frame,
		put_vector,
		put_vector,
		put_vector,
		put_strange,
		put_x87,
		put_arithmetic,
	};
	if (chance(20) && __builtin_cpu_supports("avx"))
		put_avx(as);
	else
		makers[below(sizeof(makers) / sizeof(makers[0]))](as);
}

/* ---- comparing ---- */

static uint64_t load_frame(const struct evaluation *evaluation, uint64_t address,
			   unsigned int size_bytes)
{
	(void)evaluation;
	uint64_t at = address - (uintptr_t)frame, value = 0;
	if (at > FRAME_BYTES - size_bytes)
		fail_msg("a load from outside the frame, at %#llx", (unsigned long long)at);
	memcpy(&value, frame_at_start + at, size_bytes);
	return value;
}

static void fill_randomly(void *bytes, size_t size_bytes)
{
	uint8_t *to = bytes;
	for (size_t i = 0; i < size_bytes; i++)
		to[i] = (uint8_t)(next_random() >> 32);
}

static unsigned int dwarf_number(unsigned int encoded)
{
	static const uint8_t numbers[] = {0, 2, 1, 3, 7, 6, 4, 5};
	return encoded < 8 ? numbers[encoded] : encoded;
}

struct tally {
	size_t known, unknown;
	size_t known_bytes, unknown_bytes;
};

static void dump(const struct assembler *as, unsigned int round)
{
	fprintf(stderr, "round %u:", round);
	for (size_t i = 0; i < as->count; i++)
		fprintf(stderr, " %02x", as->bytes[i]);
	fprintf(stderr, "\n");
}

static void compare(const struct assembler *as, unsigned int round, const char *what,
		    unsigned int number, const struct evaluation *evaluation,
		    const struct ct_expr *expr, uint64_t value)
{
	uint64_t said = evaluate(evaluation, expr);
	if (said == value)
		return;
	dump(as, round);
	fail_msg("%s %u is %#llx, not %#llx", what, number, (unsigned long long)value,
		 (unsigned long long)said);
}

static void compare_registers(const struct assembler *as, unsigned int round,
			      const struct ct_machine *machine, const struct evaluation *evaluation,
			      struct tally *tally)
{
	for (unsigned int i = 0; i < 16; i++) {
		for (unsigned int size = 1; size <= 8; size *= 2) {
			const struct ct_expr *expr =
				ct_machine_register_part(machine, dwarf_number(i), size);
			bool is_known = ct_expr_is_known(expr);
			if (size == 8 && i != RSP && i != RBX && i != R13)
				*(is_known ? &tally->known : &tally->unknown) += 1;
			if (is_known)
				compare(as, round, "register", i * 10 + size, evaluation, expr,
					apply_unary(CT_EXPR_ZERO_EXTEND, native.gpr[i], size));
		}
		for (unsigned int half = 0; half < 2; half++) {
			const struct ct_expr *expr = ct_machine_register(
				machine, (half ? CT_EXPR_XMM_HIGH : CT_EXPR_XMM) + i);
			if (ct_expr_is_known(expr))
				compare(as, round, half ? "high xmm" : "low xmm", i, evaluation,
					expr, native.xmm[i][half]);
		}
	}
}

static void compare_memory(const struct assembler *as, unsigned int round,
			   struct ct_machine *machine, struct ct_expr_arena *arena,
			   const struct evaluation *evaluation, struct tally *tally)
{
	for (int offset = -AROUND; offset < AROUND; offset++) {
		unsigned int size = 1u << below(4);
		const struct ct_expr *address = ct_expr_binary(arena, CT_EXPR_ADD,
							       ct_expr_register(arena, 7),
							       ct_expr_constant(arena, offset));
		const struct ct_expr *expr = ct_machine_load(machine, address, size, NULL);
		bool is_known = ct_expr_is_known(expr);
		*(is_known ? &tally->known_bytes : &tally->unknown_bytes) += 1;
		uint64_t value = 0;
		memcpy(&value, frame + FRAME_RSP + offset, size);
		if (is_known)
			compare(as, round, "memory", (unsigned int)(AROUND + offset), evaluation,
				expr, value);
	}
}

static void set_start(void)
{
	fill_randomly(&native, sizeof(native));
	fill_randomly(frame, sizeof(frame));
	/* Small values meet conditions more often. */
	for (unsigned int i = 0; i < 16; i++)
		if (chance(2))
			native.gpr[i] = (uint64_t)(int64_t)((int)below(5) - 2);
	native.gpr[RSP] = (uintptr_t)(frame + FRAME_RSP);
	native.gpr[RBX] = (uintptr_t)(frame + FRAME_RSP + below(128)) - 64;
	native.gpr[R13] = (uintptr_t)(frame + FRAME_RSP + below(128)) - 64;
	memcpy(frame_at_start, frame, sizeof(frame));
}

static void run_round(uint8_t *code_page, unsigned int round, struct ct_machine *machine,
		      struct ct_expr_arena *arena, struct tally *tally)
{
	struct assembler as = {.bytes = code_page};
	unsigned int length = 1 + below(12);
	for (unsigned int i = 0; i < length; i++)
		put_any(&as);
	size_t code_bytes = as.count;
	put_number(&as, 0x25ff, 2); /* jmp *0(%rip) */
	put_number(&as, 0, 4);
	put_number(&as, (uintptr_t)native_back, 8);
	as.count = code_bytes;
	set_start();
	struct evaluation evaluation = {.load = load_frame};
	for (unsigned int i = 0; i < 16; i++) {
		evaluation.registers[dwarf_number(i)] = native.gpr[i];
		evaluation.registers[CT_EXPR_XMM + i] = native.xmm[i][0];
		evaluation.registers[CT_EXPR_XMM_HIGH + i] = native.xmm[i][1];
	}

	ct_expr_arena_reset(arena);
	ct_machine_reset(machine);
	/* Sometimes rbx is known to point into the frame. */
	if (chance(3))
		ct_machine_relate(machine, 3, 7, (int64_t)(native.gpr[RBX] - native.gpr[RSP]));
	struct ct_code code = {.bytes = code_page, .address = 0x1000, .size_bytes = code_bytes + 6};
	uint64_t at = 0;
	enum ct_machine_stop stop = ct_machine_run(machine, &code, code.address,
						   code.address + code_bytes, &at);
	if (stop != CT_MACHINE_AT) {
		dump(&as, round);
		fail_msg("stopped at %#llx: %d", (unsigned long long)at, (int)stop);
	}
	native_run(code_page);
	compare_registers(&as, round, machine, &evaluation, tally);
	compare_memory(&as, round, machine, arena, &evaluation, tally);
}

static void machine_and_processor_agree(void **state)
{
	(void)state;
	const char *rounds_text = getenv("ROUNDS");
	unsigned int rounds = rounds_text ? (unsigned int)strtoul(rounds_text, NULL, 10) : 20000;
	uint8_t *code_page = mmap(NULL, CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (code_page == MAP_FAILED)
		skip(); /* a system that maps nothing writable and executable */
	struct ct_expr_arena *arena = ct_expr_arena_create();
	struct ct_machine *machine = ct_machine_create(arena);
	assert_non_null(machine);
	struct tally tally = {0};
	random_state = 0x2545f4914f6cdd1du;
	for (unsigned int round = 0; round < rounds; round++)
		run_round(code_page, round, machine, arena, &tally);
	print_message("registers: %zu known, %zu not; memory: %zu known, %zu not\n", tally.known,
		      tally.unknown, tally.known_bytes, tally.unknown_bytes);
	/* Else the test would say nothing. */
	assert_true(tally.known > 4 * tally.unknown);
	ct_machine_destroy(machine);
	ct_expr_arena_destroy(arena);
	munmap(code_page, CODE_BYTES);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(machine_and_processor_agree),
};

#else

static void machine_and_processor_agree(void **state)
{
	(void)state;
	skip(); /* another processor */
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(machine_and_processor_agree),
};

#endif

UNIT_TEST_MAIN(tests)
