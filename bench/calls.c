/* SPDX-License-Identifier: MIT */
/*
 * The program bench/run measures. It makes a known number of calls, times its
 * own loop, and prints "key value" lines; what starts and ends a process is
 * outside the timed part. Built twice, with and without -finstrument-functions.
 *
 *   calls leaf CALLS [THREADS]    a tiny function, called in a loop
 *   calls tree CALLS [THREADS]    calls nested 24 deep, two in each
 *   calls ints CALLS [THREADS]    a function of three ints that returns one
 *   calls string CALLS [THREADS]  the same, and a string of eleven characters
 *   calls struct CALLS [THREADS]  the same, and a struct of 64 bytes by value
 *   calls pointer CALLS [THREADS] the same, and a pointer to such a struct
 *   calls doubles CALLS [THREADS] a function of two doubles, and a result that is
 *                                 computed after its exit hook
 *   calls handled CALLS [THREADS] as string, in a program that handles SIGSEGV
 *   calls once THREADS            that many live threads, one call each
 *
 * With THREADS, every thread makes CALLS calls. Thread i runs on the i-th CPU
 * the process may use, so that a row never measures the scheduler's choice.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PLAIN __attribute__((no_instrument_function))

enum {
	TREE_LEVELS = 24,
	WARM_UP_CALLS = 1 << 20,       /* fills caches, and the first windows of a trace */
	ONCE_STACK_BYTES = 256 * 1024, /* the hooks' static TLS comes out of it */
	MAX_THREADS = 64,
};

struct work {
	pthread_t thread;
	int index;
	uint64_t call_count; /* asked for; then made, warm-up included */
	uint64_t timed_ns;
	uint64_t cpu_ns; /* of timed_ns, how long the thread had a CPU */
	uint64_t timed_calls;
	void (*run)(uint64_t call_count, struct work *work);
};

static pthread_barrier_t start_line;

static __attribute__((noinline)) unsigned leaf(unsigned value)
{
	/* Keeps the call: without it the compiler may see that nothing happens. */
	__asm__ volatile("" : "+r"(value));
	return value + 1;
}

/* 2^(levels + 1) - 1 calls */
static __attribute__((noinline)) unsigned tree(unsigned levels)
{
	__asm__ volatile("" : "+r"(levels));
	if (levels == 0)
		return 1;
	return tree(levels - 1) + tree(levels - 1);
}

static __attribute__((noinline)) int take_ints(int a, int b, int c)
{
	__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c));
	return a + b + c;
}

static __attribute__((noinline)) int take_string(int a, int b, int c, const char *string)
{
	__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(string));
	return a + b + c;
}

struct large {
	int64_t numbers[8];
};

static __attribute__((noinline)) int take_struct(int a, int b, int c, struct large large)
{
	__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+m"(large));
	return a + b + c;
}

static __attribute__((noinline)) int take_pointer(int a, int b, int c, const struct large *large)
{
	__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(large));
	return a + b + c;
}

static __attribute__((noinline)) double take_doubles(double a, double b)
{
	return a * b + 1;
}

PLAIN static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

PLAIN static void run_leaf(uint64_t call_count, struct work *work)
{
	unsigned value = 0;
	for (uint64_t i = 0; i < call_count; i++)
		value = leaf(value);
	work->timed_calls = call_count;
}

PLAIN static void run_tree(uint64_t call_count, struct work *work)
{
	uint64_t made = 0;
	/* Whole trees while they fit, then smaller ones: the depth stays for almost all. */
	for (unsigned levels = TREE_LEVELS; levels + 1 > 0; levels--) {
		uint64_t size = (UINT64_C(2) << levels) - 1;
		for (; call_count - made >= size; made += size)
			(void)tree(levels);
	}
	work->timed_calls = made;
}

PLAIN static void run_ints(uint64_t call_count, struct work *work)
{
	int value = 0;
	for (uint64_t i = 0; i < call_count; i++)
		value = take_ints(value & 1, 2, 3);
	work->timed_calls = call_count;
}

PLAIN static void run_string(uint64_t call_count, struct work *work)
{
	int value = 0;
	for (uint64_t i = 0; i < call_count; i++)
		value = take_string(value & 1, 2, 3, "hello world");
	work->timed_calls = call_count;
}

PLAIN static void run_struct(uint64_t call_count, struct work *work)
{
	struct large large = {{1, 2, 3, 4, 5, 6, 7, 8}};
	int value = 0;
	for (uint64_t i = 0; i < call_count; i++)
		value = take_struct(value & 1, 2, 3, large);
	work->timed_calls = call_count;
}

PLAIN static void run_pointer(uint64_t call_count, struct work *work)
{
	struct large large = {{1, 2, 3, 4, 5, 6, 7, 8}};
	int value = 0;
	for (uint64_t i = 0; i < call_count; i++)
		value = take_pointer(value & 1, 2, 3, &large);
	work->timed_calls = call_count;
}

PLAIN static void run_doubles(uint64_t call_count, struct work *work)
{
	double value = 0;
	for (uint64_t i = 0; i < call_count; i++)
		value = take_doubles(value, 0.5);
	work->timed_calls = call_count;
}

PLAIN static void on_fault(int number)
{
	_exit(128 + number);
}

PLAIN static void run_handled(uint64_t call_count, struct work *work)
{
	signal(SIGSEGV, on_fault);
	run_string(call_count, work);
}

static const struct {
	const char *name;
	void (*run)(uint64_t call_count, struct work *work);
} workloads[] = {
	{"leaf", run_leaf},	  {"tree", run_tree},	    {"ints", run_ints},
	{"string", run_string},	  {"struct", run_struct},   {"pointer", run_pointer},
	{"doubles", run_doubles}, {"handled", run_handled},
};
enum { WORKLOAD_COUNT = sizeof(workloads) / sizeof(workloads[0]) };

/* WORKLOAD_COUNT: there is none of that name. */
PLAIN static int find_workload(const char *name)
{
	int at = 0;
	while (at < WORKLOAD_COUNT && strcmp(workloads[at].name, name) != 0)
		at++;
	return at;
}

PLAIN static void pin_to_cpu(int index)
{
	cpu_set_t allowed;
	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return;
	index %= CPU_COUNT(&allowed);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed) || index-- > 0)
			continue;
		cpu_set_t one;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
		return;
	}
}

PLAIN static void *work_main(void *argument)
{
	struct work *work = argument;
	pin_to_cpu(work->index);
	work->run(WARM_UP_CALLS, work);
	uint64_t warm_up_calls = work->timed_calls;
	pthread_barrier_wait(&start_line);
	uint64_t begin_cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	uint64_t begin_ns = clock_ns(CLOCK_MONOTONIC);
	work->run(work->call_count, work);
	work->timed_ns = clock_ns(CLOCK_MONOTONIC) - begin_ns;
	work->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin_cpu_ns;
	work->call_count = warm_up_calls + work->timed_calls;
	return NULL;
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

PLAIN static void *once_main(void *argument)
{
	(void)leaf(0);
	pthread_barrier_wait(&start_line);
	/* Live until main has looked at the memory. */
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	return argument;
}

/* The lines of /proc/self/status that bench/run wants: the resident memory. */
PLAIN static void print_memory(void)
{
	char text[4096];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t length = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (length < 0)
		return;
	text[length] = '\0';
	static const char *const keys[] = {"VmHWM", "VmRSS", "RssAnon", "RssFile", "RssShmem"};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *line = strstr(text, keys[i]);
		unsigned long kib;
		if (line && sscanf(line + strlen(keys[i]), ": %lu kB", &kib) == 1)
			printf("%s_kib %lu\n", keys[i], kib);
	}
}

PLAIN static void fail(const char *what, int error_number)
{
	fprintf(stderr, "calls: %s: %s\n", what, strerror(error_number));
	exit(1);
}

PLAIN static void time_calls(int workload, uint64_t call_count, int thread_count)
{
	static struct work works[MAX_THREADS];
	pthread_barrier_init(&start_line, NULL, (unsigned)thread_count);
	for (int i = 0; i < thread_count; i++) {
		works[i].index = i;
		works[i].call_count = call_count;
		works[i].run = workloads[workload].run;
	}
	/* The first one is main itself, so that one thread means one thread. */
	for (int i = 1; i < thread_count; i++) {
		int error_number = pthread_create(&works[i].thread, NULL, work_main, &works[i]);
		if (error_number)
			fail("pthread_create", error_number);
	}
	work_main(&works[0]);
	uint64_t made = works[0].call_count;
	for (int i = 1; i < thread_count; i++) {
		pthread_join(works[i].thread, NULL);
		made += works[i].call_count;
	}
	for (int i = 0; i < thread_count; i++) {
		printf("ns_per_call %.4f\n",
		       (double)works[i].timed_ns / (double)works[i].timed_calls);
		printf("cpu_ns_per_call %.4f\n",
		       (double)works[i].cpu_ns / (double)works[i].timed_calls);
		printf("cpu_share %.4f\n", (double)works[i].cpu_ns / (double)works[i].timed_ns);
	}
	printf("calls %llu\n", (unsigned long long)made);
}

PLAIN static void call_once_each(int thread_count)
{
	pthread_t *threads = calloc((size_t)thread_count, sizeof(*threads));
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, ONCE_STACK_BYTES);
	pthread_barrier_init(&start_line, NULL, (unsigned)thread_count + 1);
	pthread_mutex_lock(&gate);
	for (int i = 0; i < thread_count; i++) {
		int error_number = pthread_create(&threads[i], &attributes, once_main, NULL);
		if (error_number)
			fail("pthread_create", error_number);
	}
	pthread_barrier_wait(&start_line);
	print_memory();
	pthread_mutex_unlock(&gate);
	for (int i = 0; i < thread_count; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	printf("calls %d\n", thread_count);
}

PLAIN static long argument_number(const char *text, long lowest, long highest)
{
	char *end;
	errno = 0;
	long number = strtol(text, &end, 10);
	if (errno || *end || number < lowest || number > highest)
		fail(text, EINVAL);
	return number;
}

PLAIN int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "once") == 0) {
		call_once_each((int)argument_number(argv[2], 1, 100000));
	} else if ((argc == 3 || argc == 4) && find_workload(argv[1]) < WORKLOAD_COUNT) {
		int thread_count = argc == 4 ? (int)argument_number(argv[3], 1, MAX_THREADS) : 1;
		time_calls(find_workload(argv[1]), (uint64_t)argument_number(argv[2], 1, INT64_MAX),
			   thread_count);
		print_memory();
	} else {
		fputs("usage: calls leaf|tree|ints|string|struct|pointer|doubles|handled CALLS [THREADS] | "
		      "calls once THREADS\n",
		      stderr);
		return 2;
	}
	/* The last statement: from here to waitpid() is what ending costs. */
	fflush(stdout);
	char line[64];
	int length = snprintf(line, sizeof(line), "end_ns %llu\n",
			      (unsigned long long)clock_ns(CLOCK_MONOTONIC));
	return write(STDOUT_FILENO, line, (size_t)length) != length;
}
