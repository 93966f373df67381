/* SPDX-License-Identifier: MIT */
/*
 * The hooks on x86-64, as restartable sequences: what hot.h does with a
 * compare-and-swap, with plain loads and stores. The kernel makes a thread that
 * a signal (or another thread's turn) interrupted between `start` and the
 * commit go on at `abort`, which begins anew: nothing was published, and the
 * bytes written to the window lie where the next record will be written. That
 * takes the compare-and-swap, some 8 cycles of latency in each hook's only
 * chain of dependences, out of the way. bench/run, "CLOCK=none", shows it most.
 *
 * Runs in the traced process, on any thread. Calls nothing; the slow path is
 * a tail call. Keep in step with ct_hot_enter() and ct_hot_exit(), which say
 * why each step is there.
 */
#include "runtime/self_layout.h"

/*
 * Make the sequence known; `start` is the very next instruction, for the
 * kernel forgets a sequence it finds the thread outside of.
 */
.macro ARM name
	mov	ct_rseq_offset(%rip), %rax
	lea	\name\()_sequence(%rip), %rcx
	mov	%rcx, %fs:(%rax)
\name\()_start:
.endm

/* The word to r9, its offset checked. */
.macro LOAD_WORD slow
	mov	%fs:CT_SELF_WORD(%r8), %r9
	movzwl	%r9w, %eax
	cmp	$CT_OFFSET_LIMIT_VALUE, %eax
	jae	\slow
.endm

/* The top frame to r10. */
.macro TOP_FRAME
	mov	%r9, %r10
	shr	$40, %r10
	shl	$4, %r10
	add	%fs:CT_SELF_FRAMES(%r8), %r10
.endm

/* Ticks to rax, cut to what a record keeps; another epoch is for the slow path. */
.macro READ_CLOCK slow
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	mov	%rax, %rdx
	shr	$22, %rdx
	cmp	%fs:CT_SELF_EPOCH(%r8), %rdx
	jne	\slow
	and	$0x3fffff, %eax
.endm

/* Everything after the commit: the way out, the abort, the slow path, the descriptor. */
.macro FINISH name, target
\name\()_commit:
	ret
	.long	CT_RSEQ_SIGNATURE
\name\()_abort:
	jmp	\name
\name\()_slow:
	mov	(%rsp), %rdx
	lea	8(%rsp), %rcx
	jmp	*\target(%rip)
	.cfi_endproc
	.size	\name, . - \name

	.section .data.rel.ro, "aw"
	.balign	32
\name\()_sequence:
	.long	0, 0
	.quad	\name\()_start, \name\()_commit - \name\()_start, \name\()_abort
	.text
.endm

/* rdi: function, rsi: call site; (rsp): site; rsp + 8: the frame's stack pointer. */
.macro ENTER_HOOK name, has_clock
	.globl	\name
	.hidden	\name
	.type	\name, @function
	.balign	64
\name:
	.cfi_startproc
	mov	ct_self@gottpoff(%rip), %r8
	ARM	\name
	LOAD_WORD \name\()_slow
	mov	%r9, %r10
	shr	$40, %r10
	cmp	%fs:CT_SELF_DEPTH_LIMIT(%r8), %r10
	jae	\name\()_slow
	shl	$4, %r10
	add	%fs:CT_SELF_FRAMES(%r8), %r10
	lea	8(%rsp), %rcx
	mov	(%r10), %rax
	sub	%rcx, %rax
	cmp	$CT_STACK_GAP_BYTES_VALUE, %rax
	jae	\name\()_slow
	/* The site's record, but for the time, to r11. */
	mov	ct_site_table(%rip), %r11
	mov	(%rsp), %rdx
	mov	%rdx, %rax
	crc32q	%rsi, %rax
1:	and	CT_TABLE_BYTE_MASK(%r11), %rax
	cmp	CT_TABLE_SLOTS+CT_SLOT_SITE(%r11,%rax), %rdx
	jne	2f
	cmp	CT_TABLE_SLOTS+CT_SLOT_CALL_SITE(%r11,%rax), %rsi
	je	3f
2:	cmpq	$0, CT_TABLE_SLOTS+CT_SLOT_SITE(%r11,%rax)
	je	\name\()_slow
	add	$CT_SLOT_BYTES, %rax
	jmp	1b
3:	mov	CT_TABLE_SLOTS+CT_SLOT_RECORD(%r11,%rax), %r11
	test	%r11, %r11
	jz	\name\()_slow
	.if	\has_clock
	READ_CLOCK \name\()_slow
	lea	(%r11,%rax,4), %r11
	.endif
	movzwl	%r9w, %ecx
	add	%fs:CT_SELF_WINDOW(%r8), %rcx
	mov	%r11, (%rcx)
	lea	8(%rsp), %rax
	mov	%rax, 16(%r10)
	mov	%rdi, 24(%r10)
	add	enter_step(%rip), %r9
	mov	%r9, %fs:CT_SELF_WORD(%r8)
	FINISH	\name, ct_record_enter_slow
.endm

.macro EXIT_HOOK name, has_clock
	.globl	\name
	.hidden	\name
	.type	\name, @function
	.balign	64
\name:
	.cfi_startproc
	mov	ct_self@gottpoff(%rip), %r8
	ARM	\name
	LOAD_WORD \name\()_slow
	TOP_FRAME
	lea	8(%rsp), %rcx
	cmp	%rdi, 8(%r10)
	jne	\name\()_slow
	mov	(%r10), %rax
	cmp	%rcx, %rax
	je	1f
	/* Lower than at the entry, after alloca. */
	test	$3, %al
	jnz	\name\()_slow
	sub	%rcx, %rax
	cmp	$CT_STACK_GAP_BYTES_VALUE, %rax
	jb	1f
	/* Called by a jump: the frame is gone, its return address is ours, its caller's is whole. */
	cmp	%rsi, (%rsp)
	jne	\name\()_slow
	cmp	%rcx, (%r10)
	jae	\name\()_slow
	cmp	%rcx, -16(%r10)
	jb	\name\()_slow
1:
	.if	\has_clock
	READ_CLOCK \name\()_slow
	lea	2(,%rax,4), %eax
	.else
	mov	$2, %eax
	.endif
	movzwl	%r9w, %ecx
	add	%fs:CT_SELF_WINDOW(%r8), %rcx
	mov	%eax, (%rcx)
	add	exit_step(%rip), %r9
	mov	%r9, %fs:CT_SELF_WORD(%r8)
	FINISH	\name, ct_record_exit_slow
.endm

/* What the compiler calls: on to the code for the mode and clock, as the registers are. */
.macro ENTRY name, target
	.globl	\name
	.type	\name, @function
	.balign	64
\name:
	.cfi_startproc
	jmp	*\target(%rip)
	.cfi_endproc
	.size	\name, . - \name
.endm

/* On to a hook in C. */
.macro C_HOOK name, target
	.globl	\name
	.hidden	\name
	.type	\name, @function
\name:
	.cfi_startproc
	mov	(%rsp), %rdx
	lea	8(%rsp), %rcx
	jmp	*\target(%rip)
	.cfi_endproc
	.size	\name, . - \name
.endm

	.section .rodata
	.balign	8
	/* One call deeper and six bytes on; one less deep and three bytes on. */
enter_step:
	.quad	(1 << 40) + 6
exit_step:
	.quad	3 - (1 << 40)

	.text
	ENTRY	__cyg_profile_func_enter, ct_enter_entry
	ENTRY	__cyg_profile_func_exit, ct_exit_entry
	ENTER_HOOK ct_cycles_enter, 1
	EXIT_HOOK ct_cycles_exit, 1
	/* CALLTRACE_CLOCK=none: the order alone. */
	ENTER_HOOK ct_order_enter, 0
	EXIT_HOOK ct_order_exit, 0
	C_HOOK	ct_c_enter, ct_enter_hook
	C_HOOK	ct_c_exit, ct_exit_hook

	/* CALLTRACE_OUTPUT=/dev/null; one instruction adds, whatever signal comes. */
	.globl	ct_count_call
	.hidden	ct_count_call
	.type	ct_count_call, @function
	.balign	64
ct_count_call:
	.cfi_startproc
	mov	ct_self@gottpoff(%rip), %r8
	cmpq	$0, %fs:CT_SELF_THREAD(%r8)
	je	ct_c_enter
	incq	%fs:CT_SELF_COUNTED(%r8)
	ret
	.cfi_endproc
	.size	ct_count_call, . - ct_count_call

	.globl	ct_ignore_call
	.hidden	ct_ignore_call
	.type	ct_ignore_call, @function
	.balign	64
ct_ignore_call:
	.cfi_startproc
	ret
	.cfi_endproc
	.size	ct_ignore_call, . - ct_ignore_call

	.section .note.GNU-stack, "", @progbits
