/* SPDX-License-Identifier: MIT */
/* Stacks to switch between: by swapcontext, or (-DASSEMBLY) by a few instructions no library sees.
 */
#ifndef STACK_SWITCH_H
#define STACK_SWITCH_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "guest.h"

/* Memory for a stack: a mapping with a guard page below, or (-DIN_HEAP) side by side with others.
 */
static inline UNTRACED void *stack_memory(size_t size)
{
#ifdef IN_HEAP
	static char heap[1 << 19];
	static size_t used;

	used += size;
	return used <= sizeof(heap) ? heap + used - size : NULL;
#else
	char *memory = mmap(NULL, size + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);

	mprotect(memory, 4096, PROT_NONE);
	return memory + 4096;
#endif
}

#ifdef ASSEMBLY
struct context {
	void *sp;
};

/* void switch_stack(void **save, void *load) */
extern void switch_stack(void **save, void *load);
__asm__(".text\n"
	".type switch_stack, @function\n"
	"switch_stack:\n"
	"	pushq %rbp\n"
	"	pushq %rbx\n"
	"	pushq %r12\n"
	"	pushq %r13\n"
	"	pushq %r14\n"
	"	pushq %r15\n"
	"	movq %rsp, (%rdi)\n"
	"	movq %rsi, %rsp\n"
	"	popq %r15\n"
	"	popq %r14\n"
	"	popq %r13\n"
	"	popq %r12\n"
	"	popq %rbx\n"
	"	popq %rbp\n"
	"	ret\n"
	".size switch_stack, . - switch_stack\n");

/* `start` runs on the memory given when first switched to; it must not return. */
static inline UNTRACED void prepare_context(struct context *context, void *memory, size_t size,
					    void (*start)(void))
{
	void **top = (void **)(((unsigned long)memory + size) & ~15UL);

	top[-1] = NULL;
	top[-2] = (void *)start; /* "returned" to, so %rsp % 16 is 8 as after a call */
	memset(top - 8, 0, 6 * sizeof(*top));
	context->sp = top - 8;
}

static inline UNTRACED void switch_context(struct context *from, struct context *to)
{
	switch_stack(&from->sp, to->sp);
}
#else
struct context {
	ucontext_t ucontext;
};

static inline UNTRACED void prepare_context(struct context *context, void *memory, size_t size,
					    void (*start)(void))
{
	getcontext(&context->ucontext);
	context->ucontext.uc_stack.ss_sp = memory;
	context->ucontext.uc_stack.ss_size = size;
	context->ucontext.uc_link = NULL;
	makecontext(&context->ucontext, start, 0);
}

static inline UNTRACED void switch_context(struct context *from, struct context *to)
{
	swapcontext(&from->ucontext, &to->ucontext);
}
#endif

#endif
