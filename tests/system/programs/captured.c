/* SPDX-License-Identifier: MIT */
/*
 * Functions written by hand, whose values are in known registers at the hooks,
 * for plans written by hand (driver/plans.py): what argv[1] says is done with
 * them. At the enter hook captured(address, number, third, fourth) has its
 * arguments in rbx, rbp, r12, r13; at the exit hook the return address is at
 * rsp + 56. It returns address + number in rax, third in rdx, and the bits of
 * address and fourth in xmm0 and xmm1.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

#define PAGE 4096

uint64_t captured(const void *address, uint64_t number, uint64_t third, uint64_t fourth);
uint64_t captured_large(const void *address, uint64_t number, uint64_t third, uint64_t fourth);
long double captured_real(const void *address, uint64_t number);

/* `frame`: bytes between the saved registers and the stack pointer. */
#define HAND_WRITTEN(name, frame, result)                                           \
	__asm__(".pushsection .text\n"                                              \
		".globl " #name ", " #name "_enter, " #name "_exit\n"               \
		".type " #name ", @function\n" #name ":\n"                          \
		"	.cfi_startproc\n"                                                 \
		"	push %rbx\n	push %rbp\n	push %r12\n"                              \
		"	push %r13\n	push %r14\n	push %r15\n"                              \
		"	.cfi_def_cfa_offset 56\n"                                         \
		"	sub $" #frame ", %rsp\n"                                    \
		"	.cfi_adjust_cfa_offset " #frame "\n"                        \
		"	mov %rdi, %rbx\n	mov %rsi, %rbp\n"                                \
		"	mov %rdx, %r12\n	mov %rcx, %r13\n"                                \
		"	lea " #name "(%rip), %rdi\n"                                \
		"	mov " #frame " + 48(%rsp), %rsi\n"                          \
		"	call __cyg_profile_func_enter@PLT\n" #name "_enter:\n"      \
		"	lea " #name "(%rip), %rdi\n"                                \
		"	mov " #frame " + 48(%rsp), %rsi\n"                          \
		"	call __cyg_profile_func_exit@PLT\n" #name "_exit:\n" result \
		"	add $" #frame ", %rsp\n"                                    \
		"	.cfi_adjust_cfa_offset -" #frame "\n"                       \
		"	pop %r15\n	pop %r14\n	pop %r13\n"                                 \
		"	pop %r12\n	pop %rbp\n	pop %rbx\n"                                 \
		"	ret\n"                                                            \
		"	.cfi_endproc\n"                                                   \
		".size " #name ", . - " #name "\n"                                  \
		".popsection\n")

#define RESULT                     \
	"	lea (%rbx,%rbp), %rax\n" \
	"	mov %r12, %rdx\n"        \
	"	movq %rbx, %xmm0\n"      \
	"	movq %r13, %xmm1\n"
HAND_WRITTEN(captured, 8, RESULT);
/* The same with a frame so large that a handler, once it is gone, runs above its end. */
HAND_WRITTEN(captured_large, 12296, RESULT);
/* 1 + pi in st0 */
HAND_WRITTEN(captured_real, 8, "	fldpi\n	fld1\n	faddp\n");

/* ---- strings wherever they may be, and where they may not ---- */

static const char constant[] = "in the constants";
static char variable[] = "in the data";

static char *map_pages(size_t count)
{
	char *pages = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	if (pages == MAP_FAILED)
		abort();
	return pages;
}

/* A string that ends with the last byte of a page, and nothing readable behind. */
static char *put_before_nothing(const char *string, int with_nul)
{
	char *pages = map_pages(2);
	mprotect(pages + PAGE, PAGE, PROT_NONE);
	size_t length = strlen(string) + (with_nul ? 1 : 0);
	memcpy(pages + PAGE - length, string, length);
	return pages + PAGE - length;
}

/* The same in the program's own memory, where a page is replaced unseen. */
static char *put_before_hole(const char *string)
{
	static char pages[4 * PAGE] __attribute__((aligned(PAGE)));
	static char *hole = pages + PAGE;
	char *to = hole - strlen(string);
	memcpy(to, string, strlen(string));
	mmap(hole, PAGE, PROT_NONE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	hole += 2 * PAGE;
	return to;
}

static char *map_file_and_cut_it(void)
{
	char name[] = "cut-XXXXXX";
	int fd = mkstemp(name);
	unlink(name);
	if (ftruncate(fd, PAGE) < 0)
		abort();
	char *page = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	if (ftruncate(fd, 0) < 0)
		abort();
	close(fd);
	return page;
}

static const char *places[32];
static int place_count;

static void find_places(void)
{
	static const char sixty_four[] =
		"as many bytes as are captured, and then the memory has its end..";
	static char on_page_end[2 * PAGE] __attribute__((aligned(PAGE)));
	char *small = malloc(32), *large = malloc(1 << 20);
	char *gone = map_pages(1), *none = map_pages(1), *crossing = map_pages(2);
	strcpy(small, "in a small piece of the heap");
	strcpy(large, "in a large one");
	strcpy(gone, "gone");
	munmap(gone, PAGE);
	mprotect(none, PAGE, PROT_NONE);
	strcpy(crossing + PAGE - 5, "across two pages");
	strcpy(on_page_end + PAGE - 3, "over a boundary");
	const char *found[] = {
		constant,
		variable,
		small,
		large,
		put_before_nothing("the last byte", 1),
		put_before_nothing("no end", 0),
		put_before_nothing("", 1),
		crossing + PAGE - 5,
		on_page_end + PAGE - 3,
		gone,
		none,
		map_file_and_cut_it(),
		NULL,
		(const char *)1,
		(const char *)4095,
		(const char *)UINT64_C(0x8000000000000000),
		(const char *)UINT64_C(0xffffffffffffffff),
		(const char *)UINT64_C(0x00007ffffffffff8),
		(const char *)UINT64_C(0xffffffff81000000),
		put_before_hole("no end, in a module"),
		put_before_hole(sixty_four),
		put_before_nothing(sixty_four, 0),
		put_before_nothing(sixty_four, 1),
	};
	place_count = sizeof(found) / sizeof(found[0]);
	memcpy(places, found, sizeof(found));
}

static void call_places(void)
{
	char local[] = "on the stack";
	char exact[65], longer[100];
	memset(exact, 'x', 64);
	exact[64] = '\0';
	memset(longer, 'y', 99);
	longer[99] = '\0';
	for (int i = 0; i < place_count; i++)
		captured(places[i], (uint64_t)i, 0, 0);
	captured(local, 100, 0, 0);
	captured(exact, 101, 0, 0);
	captured(longer, 102, 0, 0);
}

static void *call_places_in_thread(void *unused)
{
	char *text = malloc(40);
	(void)unused;
	strcpy(text, "in the heap of a thread");
	captured(text, 200, 0, 0);
	call_places();
	free(text);
	return NULL;
}

static void strings(void)
{
	pthread_t thread;
	find_places();
	/* First calls, which the library handles with signals blocked, and further ones. */
	call_places();
	call_places();
	pthread_create(&thread, NULL, call_places_in_thread, NULL);
	pthread_join(thread, NULL);
}

static void never_called(int number)
{
	(void)number;
	_exit(99);
}

/* ---- many calls ---- */

static void check_result(const void *address, uint64_t number)
{
	static long wrong;
	if (captured(address, number, number * 3, ~number) != (uint64_t)address + number)
		printf("wrong: %ld\n", ++wrong);
}

static void many(uint64_t count)
{
	char text[80];
	for (uint64_t i = 0; i < count; i++) {
		memset(text, 'a' + (int)(i % 26), i % 70);
		text[i % 70] = '\0';
		check_result(text, i);
	}
}

static volatile uint64_t handled;

static void on_alarm(int number)
{
	(void)number;
	handled++;
	check_result("in a handler", UINT64_C(1) << 40 | handled);
	check_result("twice", UINT64_C(1) << 41 | handled);
}

static void interrupted(uint64_t wanted, int large)
{
	struct itimerval every = {{0, 200}, {0, 200}}, never = {{0, 0}, {0, 0}};
	uint64_t calls = 0;
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &every, NULL);
	while (handled < wanted)
		if (large)
			captured_large("interrupted", calls++, 0, 0);
		else
			check_result("interrupted", calls++);
	setitimer(ITIMER_REAL, &never, NULL);
	printf("%lu calls, %lu handled\n", calls, handled);
}

static void forks(void)
{
	many(50);
	pid_t pid = fork();
	if (pid == 0) {
		many(70);
		exit(0);
	}
	waitpid(pid, NULL, 0);
	many(20);
}

static void real(void)
{
	long double sum = 0;
	for (int i = 0; i < 10; i++)
		sum += captured_real("real", (uint64_t)i);
	printf("%.15Lf\n", sum);
}

static void recurse(uint64_t depth)
{
	captured("deep", depth, 0, 0);
	if (depth)
		recurse(depth - 1);
	BARRIER();
}

/* Calls on a stack with hardly any room. */
static void *little_room(void *unused)
{
	(void)unused;
	many(100);
	return NULL;
}

static void small_stack(void)
{
	pthread_attr_t attributes;
	pthread_t thread;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 16384);
	pthread_create(&thread, &attributes, little_room, NULL);
	pthread_join(thread, NULL);
}

static void signal_stack(void)
{
	static char memory[65536];
	stack_t stack = {.ss_sp = memory, .ss_size = sizeof(memory)};
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_ONSTACK};
	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	for (int i = 0; i < 20; i++)
		raise(SIGUSR1);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "many";
	uint64_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000;

	if (strcmp(what, "strings") == 0) {
		strings();
	} else if (strcmp(what, "strings_handler") == 0) {
		signal(SIGSEGV, never_called);
		signal(SIGBUS, never_called);
		strings();
	} else if (strcmp(what, "strings_blocked") == 0) {
		sigset_t all;
		sigfillset(&all);
		sigprocmask(SIG_BLOCK, &all, NULL);
		strings();
	} else if (strcmp(what, "interrupted") == 0) {
		interrupted(count, 0);
	} else if (strcmp(what, "interrupted_large") == 0) {
		interrupted(count, 1);
	} else if (strcmp(what, "fork") == 0) {
		forks();
	} else if (strcmp(what, "real") == 0) {
		real();
	} else if (strcmp(what, "deep") == 0) {
		recurse(count);
	} else if (strcmp(what, "small_stack") == 0) {
		small_stack();
	} else if (strcmp(what, "signal_stack") == 0) {
		signal_stack();
	} else if (strcmp(what, "close") == 0) {
		for (int fd = 3; fd < 4096; fd++)
			close(fd);
		many(count);
	} else if (strcmp(what, "kill") == 0) {
		many(count);
		kill(getpid(), SIGKILL);
	} else {
		many(count);
	}
	puts("done");
	return 0;
}
