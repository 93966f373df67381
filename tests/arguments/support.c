/* SPDX-License-Identifier: MIT */
/* Compiled without hooks: what generated programs call and must not see through. */
#define _GNU_SOURCE
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

volatile unsigned long global_sum;
volatile double global_float;
volatile int always = 1;
volatile int some_size = 24;
jmp_buf jump;

static FILE *addresses;
static int mismatches;

void opaque(void)
{
	__asm__ volatile("" : : : "memory");
}

void opaque_bytes(void *bytes, size_t size)
{
	__asm__ volatile("" : : "r"(bytes), "r"(size) : "memory");
}

void sink(unsigned long number)
{
	global_sum += number;
}

void sink_float(double number)
{
	global_float = number;
}

void scribble(void *bytes, size_t size)
{
	memset(bytes, 0xa5, size);
}

void copy_bytes(void *to, const void *from, size_t size)
{
	memcpy(to, from, size);
}

void note(const char *name, const void *address)
{
	if (addresses)
		fprintf(addresses, "%s %p\n", name, address);
}

void mismatch(const char *function, int call)
{
	fprintf(stderr, "%s: call %d returned something else\n", function, call);
	mismatches++;
}

char *at_the_end_of_a_page(const char *text, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			   0);
	if (pages == MAP_FAILED || size > page || mprotect(pages + page, page, PROT_NONE) != 0) {
		perror("at_the_end_of_a_page");
		exit(2);
	}
	return memcpy(pages + page - size, text, size);
}

int callee_0(int number)
{
	return number;
}

int callee_1(int number)
{
	return number + 1;
}

int callee_2(int number)
{
	return number * 2;
}

void begin(void)
{
	const char *path = getenv("ARGUMENTS_ADDRESSES");
	if (!path)
		return;
	addresses = fopen(path, "w");
	if (!addresses) {
		perror(path);
		exit(2);
	}
	note("callee_0", (const void *)(uintptr_t)callee_0);
	note("callee_1", (const void *)(uintptr_t)callee_1);
	note("callee_2", (const void *)(uintptr_t)callee_2);
}

int end(void)
{
	if (addresses && fclose(addresses) != 0) {
		perror("addresses");
		return 2;
	}
	return mismatches ? 3 : 0;
}
