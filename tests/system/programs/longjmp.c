/* SPDX-License-Identifier: MIT */
/* longjmp in several shapes; argv[1] says which. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest.h"

static jmp_buf env;
static sigjmp_buf sig_env;
static volatile int sum;

static NOINLINE void leaf(void)
{
	sum++;
}

static NOINLINE void jump(void)
{
	leaf();
	longjmp(env, 1);
}

static NOINLINE void middle(void)
{
	jump();
	leaf();
}

static NOINLINE void after(void)
{
	leaf();
}

/* Its frame is larger than all that longjmp left: comparing stack pointers, it lies below them. */
static NOINLINE void after_with_large_frame(void)
{
	volatile char pad[65536];

	memset((char *)pad, 1, sizeof(pad));
	leaf();
	sum += pad[100];
}

static NOINLINE void jumps_out(void)
{
	if (setjmp(env) == 0)
		middle();
	after();
	after();
}

static NOINLINE void jumps_out_to_large_frame(void)
{
	if (setjmp(env) == 0)
		middle();
	after_with_large_frame();
	after();
}

static NOINLINE void returns_at_once(void)
{
	if (setjmp(env) == 0)
		middle();
}

static NOINLINE void jumps_in_loop(void)
{
	volatile int count = 0;

	setjmp(env);
	if (count++ < 3)
		middle();
}

/* Recursion: every level has the same call site; only the stack tells which level was jumped to. */
static NOINLINE void descend(int level)
{
	if (level == 2) {
		if (setjmp(env) != 0) {
			after();
			return;
		}
	}
	if (level == 5)
		longjmp(env, 1);
	descend(level + 1);
	leaf();
}

static NOINLINE void descend_again(int level)
{
	if (level == 2) {
		if (setjmp(env) != 0) {
			/* the same call site as the stale frames' */
			level = 4;
			goto again;
		}
	}
	if (level == 4 && sum++ == 0)
		longjmp(env, 1);
	if (level == 5)
		return;
again:
	descend_again(level + 1);
}

static NOINLINE void handler(int signo)
{
	(void)signo;
	leaf();
	siglongjmp(sig_env, 1);
}

static NOINLINE void raises(void)
{
	raise(SIGUSR1);
	leaf();
}

static NOINLINE void jumps_from_handler(void)
{
	for (volatile int i = 0; i < 3; i++) {
		if (sigsetjmp(sig_env, 1) == 0)
			raises();
		after();
	}
}

static NOINLINE int compare_and_jump(const void *a, const void *b)
{
	(void)a;
	(void)b;
	longjmp(env, 1);
	return 0;
}

static NOINLINE void jumps_from_qsort(void)
{
	int numbers[] = {2, 1};

	if (setjmp(env) == 0)
		qsort(numbers, 2, sizeof(numbers[0]), compare_and_jump);
	after();
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	signal(SIGUSR1, handler);
	if (strcmp(what, "out") == 0)
		jumps_out();
	else if (strcmp(what, "large") == 0)
		jumps_out_to_large_frame();
	else if (strcmp(what, "return") == 0)
		returns_at_once();
	else if (strcmp(what, "loop") == 0)
		jumps_in_loop();
	else if (strcmp(what, "recursion") == 0)
		descend(1);
	else if (strcmp(what, "same_site") == 0)
		descend_again(1);
	else if (strcmp(what, "handler") == 0)
		jumps_from_handler();
	else if (strcmp(what, "qsort") == 0)
		jumps_from_qsort();
	after();
	printf("%d\n", sum);
	return 0;
}
