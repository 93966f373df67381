/* SPDX-License-Identifier: MIT */
/* A constructor that waits, with the loader's lock held, for a thread that uses libc. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static void *uses_libc(void *unused)
{
	int fd = open("/dev/null", O_RDONLY);
	signal(SIGUSR1, SIG_IGN);
	dup2(fd, fd);
	close(fd);
	return unused;
}

__attribute__((constructor)) static void waits(void)
{
	pthread_t thread;
	pthread_create(&thread, 0, uses_libc, 0);
	pthread_join(thread, 0);
}

int plug(void)
{
	return 42;
}
