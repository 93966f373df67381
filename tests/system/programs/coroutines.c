/* SPDX-License-Identifier: MIT */
/*
 * Coroutines: "ucontext" switches by swapcontext, "assembly" by a few
 * instructions no library sees. Two of them take turns, and finish.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "guest.h"

enum { STACK_BYTES = 1 << 16 };

static volatile int sum;

static NOINLINE void leaf(void)
{
	sum++;
}

#ifdef ASSEMBLY
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

static void *main_sp;
static void *coroutine_sp[2];
static void to_main(int self);
static void body_of(int self);

static UNTRACED void start_0(void)
{
	body_of(0);
	to_main(0);
}

static UNTRACED void start_1(void)
{
	body_of(1);
	to_main(1);
}

static UNTRACED void prepare(int which)
{
	char *stack = malloc(STACK_BYTES);
	void **top = (void **)(((unsigned long)stack + STACK_BYTES) & ~15UL);

	top[-2] = (void *)(which ? start_1 : start_0); /* returned to, with %rsp % 16 == 8 */
	memset(top - 8, 0, 6 * sizeof(*top));
	coroutine_sp[which] = top - 8;
}

static UNTRACED void to_main(int self)
{
	switch_stack(&coroutine_sp[self], main_sp);
}

static UNTRACED void to_coroutine(int which)
{
	switch_stack(&main_sp, coroutine_sp[which]);
}
#else
static ucontext_t main_context;
static ucontext_t contexts[2];
static void body_of(int self);

static UNTRACED void start(int self)
{
	body_of(self);
}

static UNTRACED void prepare(int which)
{
	getcontext(&contexts[which]);
	contexts[which].uc_stack.ss_sp = malloc(STACK_BYTES);
	contexts[which].uc_stack.ss_size = STACK_BYTES;
	contexts[which].uc_link = &main_context;
	makecontext(&contexts[which], (void (*)(void))start, 1, which);
}

static UNTRACED void to_main(int self)
{
	swapcontext(&contexts[self], &main_context);
}

static UNTRACED void to_coroutine(int which)
{
	swapcontext(&main_context, &contexts[which]);
}
#endif

static NOINLINE void step_0(void)
{
	leaf();
	to_main(0);
	leaf();
}

static NOINLINE void step_1(void)
{
	to_main(1);
	leaf();
}

static NOINLINE void body_0(void)
{
	step_0();
	to_main(0);
	step_0();
}

static NOINLINE void body_1(void)
{
	step_1();
	leaf();
	step_1();
}

static UNTRACED void body_of(int self)
{
	if (self == 0)
		body_0();
	else
		body_1();
}

static NOINLINE void schedule(void)
{
	for (volatile int turn = 0; turn < 4; turn++) {
		to_coroutine(0);
		leaf();
		if (turn < 3)
			to_coroutine(1);
	}
}

int main(void)
{
	prepare(0);
	prepare(1);
	schedule();
	leaf();
	printf("%d\n", sum);
	return 0;
}
