/* SPDX-License-Identifier: MIT */
/* What a trace may hold: threads, processes, recursion of both kinds, jumps, calls that never
 * return, and values. */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct point {
	int x;
	double weight;
	const char *label;
};

static jmp_buf out;

static int is_odd(unsigned int n);
static int is_even(unsigned int n)
{
	return n == 0 ? 1 : is_odd(n - 1);
}
static int is_odd(unsigned int n)
{
	return n == 0 ? 0 : is_even(n - 1);
}
static long fib(int n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}
static double scale(struct point *point, double by)
{
	point->weight *= by;
	return point->weight;
}
static void jumps(int depth)
{
	if (depth == 0)
		longjmp(out, 1);
	jumps(depth - 1);
}
static void *worker(void *argument)
{
	for (int i = 0; i < 200; i++)
		is_even((unsigned int)(i % 12));
	return argument;
}
static void leaves(int status)
{
	exit(status);
}
int main(void)
{
	struct point point = {3, 0.5, "a \"quoted\" name\n"};
	pthread_t thread;
	pthread_create(&thread, NULL, worker, &point);
	pthread_setname_np(thread, "helper");
	fib(12);
	scale(&point, -2.5);
	if (setjmp(out) == 0)
		jumps(3);
	pthread_join(thread, NULL);
	pid_t child = fork();
	if (child == 0)
		leaves(fib(5) == 5 ? 0 : 1);
	waitpid(child, NULL, 0);
	leaves(0);
}
