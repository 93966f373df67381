/* SPDX-License-Identifier: MIT */
/*
 * Preloaded before libcalltrace.so: counts the calls of the hooks, calls
 * pick_stop(), where a debugger waits, at the chosen ones, and goes on to the
 * real hooks by a jump, so that these see the registers and the return address
 * that the compiled code gave them. x86-64.
 */
	.text
	.globl	__cyg_profile_func_enter
	.type	__cyg_profile_func_enter, @function
__cyg_profile_func_enter:
	.cfi_startproc
	mov	pick_count(%rip), %rax
	inc	%rax
	mov	%rax, pick_count(%rip)
	cmp	pick_next(%rip), %rax
	jne	1f
	push	%rdi
	.cfi_adjust_cfa_offset 8
	push	%rsi
	.cfi_adjust_cfa_offset 8
	sub	$8, %rsp
	.cfi_adjust_cfa_offset 8
	call	pick_stop
	add	$8, %rsp
	.cfi_adjust_cfa_offset -8
	pop	%rsi
	.cfi_adjust_cfa_offset -8
	pop	%rdi
	.cfi_adjust_cfa_offset -8
1:	jmp	*pick_enter(%rip)
	.cfi_endproc
	.size	__cyg_profile_func_enter, . - __cyg_profile_func_enter

	.globl	__cyg_profile_func_exit
	.type	__cyg_profile_func_exit, @function
__cyg_profile_func_exit:
	.cfi_startproc
	jmp	*pick_exit(%rip)
	.cfi_endproc
	.size	__cyg_profile_func_exit, . - __cyg_profile_func_exit

	.section .note.GNU-stack, "", @progbits
