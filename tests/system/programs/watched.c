/*
 * Works until it is told to end: a line on standard input ends it. Prints how often it called
 * what. With "busy" it calls a lot; with "dies" it kills itself at the end; with "waits" it waits
 * for the line in one call.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile int sink;
static unsigned long leaves, works, naps;
static volatile bool is_over;

__attribute__((noinline)) static void leaf(void)
{
	sink++;
	leaves++;
}

__attribute__((noinline)) static void work(int n)
{
	works++;
	for (int i = 0; i < n; i++)
		leaf();
}

__attribute__((noinline)) static void nap(void)
{
	naps++;
	usleep(1000);
}

static void *sleeper(void *arg)
{
	(void)arg;
	while (!is_over)
		nap();
	return NULL;
}

__attribute__((noinline)) static bool is_told(int timeout_ms)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	return poll(&input, 1, timeout_ms) == 1;
}

int main(int argc, char **argv)
{
	bool is_busy = argc > 1 && strcmp(argv[1], "busy") == 0;
	bool waits = argc > 1 && strcmp(argv[1], "waits") == 0;
	pthread_t thread;
	pthread_create(&thread, NULL, sleeper, NULL);
	do
		work(is_busy ? 2000 : 100);
	while (!is_told(waits ? -1 : is_busy ? 1 : 5));
	is_over = true;
	pthread_join(thread, NULL);
	printf("%lu %lu %lu\n", leaves, works, naps);
	fflush(stdout);
	if (argc > 1 && strcmp(argv[1], "dies") == 0)
		raise(SIGKILL);
	return 0;
}
