/* SPDX-License-Identifier: MIT */
/*
 * Takes all file descriptors away from whoever thought they were theirs, opens
 * files of its own at these numbers, records enough calls that windows must be
 * appended meanwhile, and checks that its files hold what it wrote.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest.h"

enum { CALLS = 30000 };

static NOINLINE void leaf(void)
{
	BARRIER();
}

static NOINLINE void many_calls(void)
{
	for (int i = 0; i < CALLS; i++)
		leaf();
}

/* The numbers in play: 3 to 511, and any other that was open at the start. */
static int numbers[1024];
static int number_count;

static UNTRACED void find_numbers(void)
{
	DIR *dir = opendir("/proc/self/fd");

	for (int fd = 3; fd < 512; fd++)
		numbers[number_count++] = fd;
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
		if ((int)strtol(entry->d_name, NULL, 10) >= 512 && number_count < 1024)
			numbers[number_count++] = (int)strtol(entry->d_name, NULL, 10);
	closedir(dir);
}

static UNTRACED void close_all(const char *how)
{
	if (strcmp(how, "closefrom") == 0)
		closefrom(3);
	else if (strcmp(how, "close_range") == 0)
		close_range(3, ~0U, 0);
	else if (strcmp(how, "raw_close_range") == 0)
		syscall(SYS_close_range, 3, ~0U, 0);
	else if (strcmp(how, "raw_close") == 0)
		for (int i = 0; i < number_count; i++)
			syscall(SYS_close, numbers[i]);
	else
		for (int i = 0; i < number_count; i++)
			close(numbers[i]);
}

/* A file "own.N" of its own at each number N. */
static UNTRACED void take_all(const char *how)
{
	char name[64];

	for (int i = 0; i < number_count; i++) {
		int fd = numbers[i];

		snprintf(name, sizeof(name), "own.%d", fd);
		int own = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);

		if (own < 0)
			abort();
		if (own != fd) {
			int taken = strcmp(how, "raw_dup2") == 0 ? (int)syscall(SYS_dup2, own, fd)
								 : dup2(own, fd);

			if (taken != fd)
				abort();
			/* Onto the next number, maybe: the loop takes it from there. */
			close(own);
		}
		dprintf(fd, "%s\n", name);
	}
}

/* Closes each, then reads what is in its file. */
static UNTRACED int check_all(void)
{
	char name[64], wanted[64], have[256];
	int wrong = 0;

	for (int i = 0; i < number_count; i++) {
		snprintf(name, sizeof(name), "own.%d", numbers[i]);
		close(numbers[i]);
		int own = open(name, O_RDONLY);

		if (own < 0) {
			wrong += errno != ENOENT;
			continue;
		}
		snprintf(wanted, sizeof(wanted), "%s\n", name);
		ssize_t got = read(own, have, sizeof(have));

		wrong += got != (ssize_t)strlen(wanted) || memcmp(have, wanted, (size_t)got) != 0;
		close(own);
		unlink(name);
	}
	return wrong;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "close";

	many_calls();
	find_numbers();
	if (strstr(how, "dup2") == NULL)
		close_all(how);
	take_all(how);
	many_calls();
	printf("files with wrong content: %d\n", check_all());
	many_calls();
	return 0;
}
