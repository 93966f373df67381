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

/*
 * On to C, with the hook's own return address and a struct ct_registers: what
 * the instrumented code has in the registers that calls preserve.
 */
.macro CALL_C target:vararg
	mov	(%rsp), %rdx
	lea	8(%rsp), %rcx
	.irp	register, r15, r14, r13, r12, rbp, rbx, rcx
	push	%\register
	.cfi_adjust_cfa_offset 8
	.endr
	mov	%rsp, %rcx
	call	\target
	add	$CT_HOOK_REGISTERS_BYTES, %rsp
	.cfi_adjust_cfa_offset -CT_HOOK_REGISTERS_BYTES
	ret
.endm

/* Everything after the commit: the way out, the abort, the slow path, the descriptor. */
.macro FINISH name, slow
\name\()_commit:
	ret
	.long	CT_RSEQ_SIGNATURE
\name\()_abort:
	jmp	\name
\name\()_slow:
	CALL_C	*\slow(%rip)
	.cfi_endproc
	.size	\name, . - \name
	SEQUENCE \name
.endm

.macro SEQUENCE name
	.section .data.rel.ro, "aw"
	.balign	32
\name\()_sequence:
	.long	0, 0
	.quad	\name\()_start, \name\()_commit - \name\()_start, \name\()_abort
	.text
.endm

/* The hook's two arguments, in the red zone, where no handler writes: what is quick (below) uses
 * their registers. */
.macro KEEP_ARGUMENTS
	mov	%rdi, -16(%rsp)
	mov	%rsi, -24(%rsp)
.endm

.macro TAKE_ARGUMENTS
	mov	-16(%rsp), %rdi
	mov	-24(%rsp), %rsi
.endm

/* The same for hooks with values: rsi has their bytes at the commit. Where C goes on, \values has
 * r8 as its fifth argument. */
.macro FINISH_VALUES name, slow, values
	mov	%r9, %fs:CT_SELF_WORD(%r8)
\name\()_commit:
	add	%rsi, %fs:CT_SELF_VALUES_BYTES(%r8)
	ret
	.long	CT_RSEQ_SIGNATURE
\name\()_abort:
	TAKE_ARGUMENTS
	jmp	\name
\name\()_quick_slow:
	TAKE_ARGUMENTS
\name\()_slow:
	CALL_C	*\slow(%rip)
\name\()_values:
	mov	%r11, %r8
	CALL_C	\values
	.cfi_endproc
	.size	\name, . - \name
	SEQUENCE \name
.endm

/*
 * Quick plans: registers and pieces of the stack, of which the window takes
 * what it gets at once. The steps of such a plan (struct ct_quick_step) are run
 * by jumps from one to the next, in the hook's restartable sequence: for that
 * all their code is in each hook once. rdx is the step, rcx where the VALUES
 * record goes, r11 a sum; rax, rdi and rsi are free.
 */
.macro NEXT_STEP
	add	$CT_QUICK_STEP_BYTES, %rdx
	notrack jmp *(%rdx)
.endm

.macro STEP_REGISTER name, register
\name\()_register_\register:
	movslq	CT_QUICK_STEP_OFFSET(%rdx), %rax
	mov	CT_QUICK_STEP_AT(%rdx), %esi
	.ifc	\register, rsp
	lea	8(%rsp,%rax), %rax
	.else
	add	%\register, %rax
	.endif
	mov	%rax, (%rcx,%rsi)
	NEXT_STEP
.endm

/* The sum begins with a register, or has one added. */
.macro STEP_SUM name, register
\name\()_set_\register:
	xor	%r11d, %r11d
\name\()_add_\register:
	movslq	CT_QUICK_STEP_OFFSET(%rdx), %rax
	.ifc	\register, rsp
	lea	8(%rsp,%rax), %rax
	.else
	add	%\register, %rax
	.endif
	add	%rax, %r11
	NEXT_STEP
.endm

/* Of the size that was stored a moment ago, or the load waits for the cache. */
.macro STEP_STACK name, register, size_bytes
\name\()_stack_\register\()_\size_bytes:
	movslq	CT_QUICK_STEP_OFFSET(%rdx), %rax
	mov	CT_QUICK_STEP_AT(%rdx), %esi
	.ifc	\register, rsp
	add	$8, %rax
	.endif
	.if	\size_bytes == 1
	movzbl	(%\register,%rax), %eax
	mov	%al, (%rcx,%rsi)
	.elseif	\size_bytes == 2
	movzwl	(%\register,%rax), %eax
	mov	%ax, (%rcx,%rsi)
	.elseif	\size_bytes == 4
	mov	(%\register,%rax), %eax
	mov	%eax, (%rcx,%rsi)
	.else
	.irp	piece, 0, 8, 16, 24
	.if	\piece < \size_bytes
	mov	\piece(%\register,%rax), %rdi
	mov	%rdi, \piece(%rcx,%rsi)
	.endif
	.endr
	.endif
	NEXT_STEP
.endm

/* Are all pieces on the stack, which begins at the frame? \capture is not changed. */
.macro CHECK_STACK capture, fail
	cmpq	$0, CT_CAPTURE_RSP_END(\capture)
	je	7f
	lea	8(%rsp), %rcx
	mov	%fs:CT_SELF_STACK_HIGH(%r8), %rax
	sub	%rcx, %rax
	cmp	%fs:CT_SELF_STACK_SPAN(%r8), %rax
	ja	\fail
	mov	CT_CAPTURE_RSP_END(\capture), %edx
	cmp	%rdx, %rax
	jb	\fail
	mov	CT_CAPTURE_RBP_SPAN(\capture), %edx
	test	%edx, %edx
	jz	7f
	sub	%rdx, %rax
	jb	\fail
	movslq	CT_CAPTURE_RBP_LOW(\capture), %rdx
	add	%rbp, %rdx
	sub	%rcx, %rdx
	cmp	%rdx, %rax
	jb	\fail
7:
.endm

/*
 * All steps, the first one by falling into it; a hook goes on at its _end step.
 * Where they are, for plan.c: in the order of enum ct_quick_code.
 */
.macro STEPS name
	notrack jmp *(%rdx)
	.irp	register, rsp, rbx, rbp, r12, r13, r14, r15
	STEP_REGISTER \name, \register
	STEP_SUM \name, \register
	.endr
	.irp	size_bytes, 1, 2, 4, 8, 16, 32
	STEP_STACK \name, rsp, \size_bytes
	STEP_STACK \name, rbp, \size_bytes
	.endr
\name\()_store:
	mov	CT_QUICK_STEP_AT(%rdx), %esi
	mov	%r11, (%rcx,%rsi)
	NEXT_STEP
	.pushsection .rodata
	.balign	4
	.globl	\name\()_steps
	.hidden	\name\()_steps
	.type	\name\()_steps, @object
\name\()_steps:
	.irp	register, rsp, rbx, rbp, r12, r13, r14, r15
	.long	\name\()_register_\register - \name\()_steps
	.endr
	.irp	register, rsp, rbx, rbp, r12, r13, r14, r15
	.long	\name\()_set_\register - \name\()_steps
	.endr
	.irp	register, rsp, rbx, rbp, r12, r13, r14, r15
	.long	\name\()_add_\register - \name\()_steps
	.endr
	.irp	size_bytes, 1, 2, 4, 8, 16, 32
	.long	\name\()_stack_rsp_\size_bytes - \name\()_steps
	.endr
	.irp	size_bytes, 1, 2, 4, 8, 16, 32
	.long	\name\()_stack_rbp_\size_bytes - \name\()_steps
	.endr
	.long	\name\()_store - \name\()_steps
	.long	\name\()_end - \name\()_steps
	.size	\name\()_steps, . - \name\()_steps
	.popsection
.endm

/* The last step: an end behind the VALUES record, whose bytes rsi gets. */
.macro END_STEPS name
\name\()_end:
	mov	CT_QUICK_STEP_AT(%rdx), %esi
	movq	$0, (%rcx,%rsi)
.endm

/* The record's head, whose last bytes the first step writes over, and on to the steps. rcx is where
 * the record goes, \record_bytes from the place of the next one. */
.macro BEGIN_STEPS name, capture, record_bytes
	movzwl	%r9w, %ecx
	add	%fs:CT_SELF_WINDOW(%r8), %rcx
	mov	CT_CAPTURE_STEPS(\capture), %rdx
	mov	CT_CAPTURE_QUICK_HEAD(\capture), %eax
	add	$\record_bytes, %rcx
	mov	%eax, (%rcx)
	STEPS	\name
	END_STEPS \name
.endm

/* rdi: function, rsi: call site; (rsp): site; rsp + 8: the frame's stack pointer. */
.macro BEGIN_HOOK name
	.globl	\name
	.hidden	\name
	.type	\name, @function
	.balign	64
\name:
	.cfi_startproc
.endm

/* Up to the site's slot: r8 is ct_self, r9 the word, r10 the top frame, r11 the slot. */
.macro BEGIN_ENTER name
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
3:	lea	CT_TABLE_SLOTS(%r11,%rax), %r11
.endm

/* The site's record from its slot, both r11, and its time. Its module may be gone. */
.macro ENTER_RECORD name, slow, has_clock
	mov	CT_SLOT_RECORD(%r11), %r11
	test	%r11, %r11
	jz	\slow
	.if	\has_clock
	READ_CLOCK \slow
	lea	(%r11,%rax,4), %r11
	.endif
.endm

/* The new frame, and one call deeper. */
.macro PUSH_FRAME
	lea	8(%rsp), %rax
	mov	%rax, 16(%r10)
	mov	%rdi, 24(%r10)
	add	enter_step(%rip), %r9
.endm

/* The plain enter record, where the window is. */
.macro PUT_ENTER
	movzwl	%r9w, %ecx
	add	%fs:CT_SELF_WINDOW(%r8), %rcx
	mov	%r11, (%rcx)
.endm

.macro ENTER_HOOK name, has_clock
	BEGIN_HOOK \name
	BEGIN_ENTER \name
	ENTER_RECORD \name, \name\()_slow, \has_clock
	PUT_ENTER
	PUSH_FRAME
	mov	%r9, %fs:CT_SELF_WORD(%r8)
	FINISH	\name, ct_record_enter_slow
.endm

/* CALLTRACE_CAPTURE_ARGS=1: a site may have a plan; what is not quick is for values.c. */
.macro ENTER_VALUES_HOOK name, has_clock
	BEGIN_HOOK \name
	KEEP_ARGUMENTS
	BEGIN_ENTER \name
	mov	CT_SLOT_CAPTURE(%r11), %rdi
	test	%rdi, %rdi
	jnz	5f
	mov	-16(%rsp), %rdi
	ENTER_RECORD \name, \name\()_slow, \has_clock
	PUT_ENTER
	PUSH_FRAME
	xor	%esi, %esi
	jmp	\name\()_publish
5:	mov	CT_CAPTURE_QUICK_BYTES(%rdi), %ecx
	mov	-16(%rsp), %rax
	test	%ecx, %ecx
	jz	\name\()_not_quick
	cmp	CT_CAPTURE_FUNCTION(%rdi), %rax
	jne	\name\()_not_quick
	movzwl	%r9w, %eax
	add	%ecx, %eax
	cmp	$CT_OFFSET_LIMIT_VALUE - 6, %eax
	ja	\name\()_not_quick
	CHECK_STACK %rdi, \name\()_not_quick
	BEGIN_STEPS \name, %rdi, 6
	mov	-16(%rsp), %rdi
	ENTER_RECORD \name, \name\()_quick_slow, \has_clock
	/* The first bytes last: a process killed in between has no half of it in its trace. */
	mov	%r11, %rax
	shr	$32, %rax
	mov	%ax, -2(%rcx)
	mov	%r11d, -6(%rcx)
	PUSH_FRAME
	add	%rsi, %r9
	jmp	\name\()_publish
\name\()_not_quick:
	mov	-16(%rsp), %rdi
	jmp	\name\()_values
\name\()_publish:
	FINISH_VALUES \name, ct_record_enter_slow, ct_values_enter
.endm

/* The frame on top to r10: it returns, or this is for the slow path. */
.macro CHECK_FRAME slow
	TOP_FRAME
	lea	8(%rsp), %rcx
	cmp	%rdi, 8(%r10)
	jne	\slow
	mov	(%r10), %rax
	cmp	%rcx, %rax
	je	1f
	/* Lower than at the entry, after alloca. */
	test	$3, %al
	jnz	\slow
	sub	%rcx, %rax
	cmp	$CT_STACK_GAP_BYTES_VALUE, %rax
	jb	1f
	/* Called by a jump: the frame is gone, its return address is ours, its caller's is whole. */
	cmp	%rsi, (%rsp)
	jne	\slow
	cmp	%rcx, (%r10)
	jae	\slow
	cmp	%rcx, -16(%r10)
	jb	\slow
1:
.endm

/* The return record to eax. */
.macro RETURN_RECORD slow, has_clock
	.if	\has_clock
	READ_CLOCK \slow
	lea	2(,%rax,4), %eax
	.else
	mov	$2, %eax
	.endif
.endm

.macro PUT_RETURN
	movzwl	%r9w, %ecx
	add	%fs:CT_SELF_WINDOW(%r8), %rcx
	mov	%eax, (%rcx)
	add	exit_step(%rip), %r9
.endm

.macro EXIT_HOOK name, has_clock
	BEGIN_HOOK \name
	mov	ct_self@gottpoff(%rip), %r8
	ARM	\name
	LOAD_WORD \name\()_slow
	CHECK_FRAME \name\()_slow
	RETURN_RECORD \name\()_slow, \has_clock
	PUT_RETURN
	mov	%r9, %fs:CT_SELF_WORD(%r8)
	FINISH	\name, ct_record_exit_slow
.endm

.macro EXIT_VALUES_HOOK name, has_clock
	BEGIN_HOOK \name
	KEEP_ARGUMENTS
	/* What there is to capture where the hook returns to: r11. */
	mov	ct_exit_table(%rip), %r10
	mov	(%rsp), %rdx
	xor	%eax, %eax
	crc32q	%rdx, %rax
1:	and	CT_TABLE_BYTE_MASK(%r10), %rax
	mov	CT_TABLE_SLOTS+CT_EXIT_SLOT_SITE(%r10,%rax), %rcx
	cmp	%rcx, %rdx
	je	2f
	test	%rcx, %rcx
	jz	\name\()_slow
	add	$CT_EXIT_SLOT_BYTES, %rax
	jmp	1b
2:	mov	CT_TABLE_SLOTS+CT_EXIT_SLOT_CAPTURE(%r10,%rax), %r11
	cmp	$CT_CAPTURE_NONE, %r11
	jb	\name\()_slow
	je	3f
	cmpl	$0, CT_CAPTURE_QUICK_BYTES(%r11)
	je	\name\()_values
3:	mov	ct_self@gottpoff(%rip), %r8
	ARM	\name
	LOAD_WORD \name\()_slow
	CHECK_FRAME \name\()_slow
	cmp	$CT_CAPTURE_NONE, %r11
	jne	5f
	RETURN_RECORD \name\()_slow, \has_clock
	PUT_RETURN
	xor	%esi, %esi
	jmp	\name\()_publish
5:	cmp	CT_CAPTURE_FUNCTION(%r11), %rdi
	jne	\name\()_values
	movzwl	%r9w, %eax
	add	CT_CAPTURE_QUICK_BYTES(%r11), %eax
	cmp	$CT_OFFSET_LIMIT_VALUE - 3, %eax
	ja	\name\()_values
	CHECK_STACK %r11, \name\()_values
	BEGIN_STEPS \name, %r11, 3
	RETURN_RECORD \name\()_quick_slow, \has_clock
	mov	%eax, %edx
	shr	$8, %edx
	mov	%dx, -2(%rcx)
	mov	%al, -3(%rcx)
	add	exit_step(%rip), %r9
	add	%rsi, %r9
\name\()_publish:
	FINISH_VALUES \name, ct_record_exit_slow, ct_values_exit
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
	CALL_C	*\target(%rip)
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
	ENTER_VALUES_HOOK ct_cycles_values_enter, 1
	EXIT_VALUES_HOOK ct_cycles_values_exit, 1
	/* CALLTRACE_CLOCK=none: the order alone. */
	ENTER_HOOK ct_order_enter, 0
	EXIT_HOOK ct_order_exit, 0
	ENTER_VALUES_HOOK ct_order_values_enter, 0
	EXIT_VALUES_HOOK ct_order_values_exit, 0
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

/* ---- values ---- */

/*
 * rdi: expected word, rsi: next word, rdx: where, rcx: record, r8: values,
 * r9: words of 8 bytes. The first bytes of the record come last: a process
 * killed in between has no half of it in its trace.
 */
.macro PUBLISH name, record_bytes
	.globl	\name
	.hidden	\name
	.type	\name, @function
	.balign	64
\name:
	.cfi_startproc
	mov	ct_self@gottpoff(%rip), %r10
	mov	ct_rseq_offset(%rip), %r11
	lea	\name\()_sequence(%rip), %rax
	mov	%rax, %fs:(%r11)
\name\()_start:
	cmp	%rdi, %fs:CT_SELF_WORD(%r10)
	jne	\name\()_failed
1:	mov	-8(%r8,%r9,8), %rax
	mov	%rax, \record_bytes-8(%rdx,%r9,8)
	dec	%r9
	jnz	1b
	mov	%rcx, %rax
	.if	\record_bytes == 6
	shr	$32, %rax
	mov	%ax, 4(%rdx)
	mov	%ecx, (%rdx)
	.else
	shr	$8, %rax
	mov	%ax, 1(%rdx)
	mov	%cl, (%rdx)
	.endif
	mov	%rsi, %fs:CT_SELF_WORD(%r10)
\name\()_commit:
	mov	$1, %eax
	ret
	.long	CT_RSEQ_SIGNATURE
\name\()_abort:
\name\()_failed:
	xor	%eax, %eax
	ret
	.cfi_endproc
	.size	\name, . - \name
	SEQUENCE \name
.endm

	PUBLISH	ct_publish_enter, 6
	PUBLISH	ct_publish_return, 3

/* Between these two labels a fault goes on at guarded_failed: no stack may be in use there. */
guarded_begin:
	.globl	ct_guarded_copy
	.hidden	ct_guarded_copy
	.type	ct_guarded_copy, @function
	.balign	32
ct_guarded_copy:
	.cfi_startproc
	cmp	$8, %rdx
	jb	2f
1:	mov	(%rsi), %rax
	mov	%rax, (%rdi)
	add	$8, %rsi
	add	$8, %rdi
	sub	$8, %rdx
	cmp	$8, %rdx
	jae	1b
2:	test	$4, %dl
	jz	3f
	mov	(%rsi), %eax
	mov	%eax, (%rdi)
	add	$4, %rsi
	add	$4, %rdi
3:	test	$2, %dl
	jz	4f
	movzwl	(%rsi), %eax
	mov	%ax, (%rdi)
	add	$2, %rsi
	add	$2, %rdi
4:	test	$1, %dl
	jz	5f
	movzbl	(%rsi), %eax
	mov	%al, (%rdi)
5:	xor	%eax, %eax
	ret
	.cfi_endproc
	.size	ct_guarded_copy, . - ct_guarded_copy

	.globl	ct_guarded_string
	.hidden	ct_guarded_string
	.type	ct_guarded_string, @function
	.balign	32
ct_guarded_string:
	.cfi_startproc
	mov	%rdi, %r8
	movabs	$0x0101010101010101, %r10
	movabs	$0x8080808080808080, %r11
	cmp	$8, %rdx
	jb	2f
1:	mov	(%rsi), %rax
	mov	%rax, (%rdi)
	mov	%rax, %rcx
	sub	%r10, %rcx
	not	%rax
	and	%r11, %rax
	and	%rax, %rcx
	jnz	4f
	add	$8, %rsi
	add	$8, %rdi
	sub	$8, %rdx
	cmp	$8, %rdx
	jae	1b
2:	test	%edx, %edx
	jz	5f
3:	movzbl	(%rsi), %eax
	test	%al, %al
	jz	5f
	mov	%al, (%rdi)
	inc	%rsi
	inc	%rdi
	dec	%edx
	jnz	3b
	jmp	5f
	/* The lowest bit is that of the first NUL. */
4:	bsf	%rcx, %rcx
	shr	$3, %ecx
	add	%rcx, %rdi
5:	mov	%rdi, %rax
	sub	%r8, %rax
	ret
guarded_end:
guarded_failed:
	mov	$-1, %rax
	ret
	.cfi_endproc
	.size	ct_guarded_string, . - ct_guarded_string

	.globl	ct_guarded_way_out
	.hidden	ct_guarded_way_out
	.type	ct_guarded_way_out, @function
ct_guarded_way_out:
	.cfi_startproc
	lea	guarded_begin(%rip), %rax
	lea	guarded_end(%rip), %rcx
	sub	%rax, %rdi
	sub	%rax, %rcx
	lea	guarded_failed(%rip), %rdx
	xor	%eax, %eax
	cmp	%rcx, %rdi
	cmovb	%rdx, %rax
	ret
	.cfi_endproc
	.size	ct_guarded_way_out, . - ct_guarded_way_out

/*
 * What planted return addresses lead to (values.c): stub number k, of
 * CT_STUB_BYTES, has to do with entry k of ct_stub_table: where to go on, and
 * the struct ct_planted. A stub is reached by a return, with the stack pointer
 * of the caller, and the return address in the word below. An unwinder may come
 * by from a handler; it finds what the table says.
 *
 * DWARF: return address (16) is saved at: rip (DW_OP_breg16) & -16, plus the
 * number at 12 from there, which leads to the table's entry.
 */
	.balign	16
	.cfi_startproc
	.cfi_def_cfa rsp, 0
	.cfi_escape 0x10, 16, 11, 0x80, 0, 0x09, -16 & 0xff, 0x1a, 0x12, 0x23, 12, 0x94, 4, 0x22
	/* Unwinders look up the byte before a return address. */
	.skip	16, 0xcc
	.globl	ct_stubs
	.hidden	ct_stubs
	.type	ct_stubs, @function
ct_stubs:
	.set	number, 0
	.rept	CT_STUBS
	lea	-7(%rip), %r11
	.byte	0xe9	/* jmp, never the short one */
	.long	stub_common - . - 4
	.long	ct_stub_table + CT_STUB_BYTES * number + 12 - .
	.set	number, number + 1
	.endr
	.size	ct_stubs, . - ct_stubs
	.cfi_endproc

/*
 * From a stub, r11: its address. Every register is as the function left it when
 * we go where it would have returned to, but r11. The return address is put
 * back at once, and this is a function like any other from there on.
 */
	.type	stub_common, @function
	.balign	32
stub_common:
	.cfi_startproc
	.cfi_def_cfa rsp, 0
	/* Saved at: r11, plus the number at 12 from there. */
	.cfi_escape 0x10, 16, 8, 0x7b, 0, 0x12, 0x23, 12, 0x94, 4, 0x22
	sub	$CT_STUB_FRAME_BYTES, %rsp
	.cfi_adjust_cfa_offset CT_STUB_FRAME_BYTES
	mov	%r10, 176(%rsp)
	mov	%r9, 168(%rsp)
	mov	%r8, 160(%rsp)
	movslq	12(%r11), %r10
	mov	8(%r11,%r10), %r8
	mov	(%r11,%r10), %r9
	/* Before the return address is no stub's any more, by which a waiting entry is known. */
	orq	$CT_PLANTED_BUSY, CT_PLANTED_SLOT(%r8)
	mov	%r9, 184(%rsp)
	.cfi_offset rip, -8
	mov	%rbx, 8(%rsp)
	.cfi_rel_offset rbx, 8
	mov	%rbp, 16(%rsp)
	mov	%r12, 24(%rsp)
	mov	%r13, 32(%rsp)
	mov	%r14, 40(%rsp)
	mov	%r15, 48(%rsp)
	mov	%rax, 56(%rsp)
	mov	%rdx, 64(%rsp)
	movups	%xmm0, 72(%rsp)
	movups	%xmm1, 88(%rsp)
	/* Not for the plan: conventions of a compiler's own may keep something there. */
	mov	%rcx, 136(%rsp)
	mov	%rsi, 144(%rsp)
	mov	%rdi, 152(%rsp)
	lea	CT_STUB_FRAME_BYTES(%rsp), %rax
	mov	%rax, (%rsp)
	mov	CT_PLANTED_X87(%r8), %ebx
	test	%ebx, %ebx
	jnz	3f
1:	mov	%rsp, %rdi
	mov	%r8, %rsi
	call	ct_values_returned
	test	%ebx, %ebx
	jnz	5f
2:	.cfi_remember_state
	mov	8(%rsp), %rbx
	.cfi_restore rbx
	mov	56(%rsp), %rax
	mov	64(%rsp), %rdx
	movups	72(%rsp), %xmm0
	movups	88(%rsp), %xmm1
	mov	136(%rsp), %rcx
	mov	144(%rsp), %rsi
	mov	152(%rsp), %rdi
	mov	160(%rsp), %r8
	mov	168(%rsp), %r9
	mov	176(%rsp), %r10
	mov	184(%rsp), %r11
	add	$CT_STUB_FRAME_BYTES, %rsp
	.cfi_adjust_cfa_offset -CT_STUB_FRAME_BYTES
	/* Not `ret`: the processor's own stack of return addresses has had this one. */
	notrack jmp *%r11
	.cfi_restore_state
	/* st0, or st0 and st1. */
3:	movq	$0, 112(%rsp)
	fstpt	104(%rsp)
	cmp	$1, %ebx
	je	1b
	movq	$0, 128(%rsp)
	fstpt	120(%rsp)
	jmp	1b
5:	cmp	$1, %ebx
	je	6f
	fldt	120(%rsp)
6:	fldt	104(%rsp)
	jmp	2b
	.cfi_endproc
	.size	stub_common, . - stub_common

	.bss
	.balign	64
	.globl	ct_stub_table
	.hidden	ct_stub_table
	.type	ct_stub_table, @object
ct_stub_table:
	.skip	CT_STUB_BYTES * CT_STUBS
	.size	ct_stub_table, . - ct_stub_table
	.text

	.section .note.GNU-stack, "", @progbits
