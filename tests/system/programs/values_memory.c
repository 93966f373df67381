/* SPDX-License-Identifier: MIT */
/*
 * Memory that goes away while pointers to it are passed, in a process that must
 * not fault, or that must not be waited for: argv[1] says how.
 */
#include "guest.h"

#include <fcntl.h>
#include <poll.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE	   4096
#define MANY_CALLS 5000

static char page[2 * PAGE] __attribute__((aligned(PAGE)));
static volatile int sum;

/* The pointer is never followed by the program. */
static NOINLINE int takes(const char *text, int n)
{
	sum += n;
	return n + (text != NULL);
}

static UNTRACED void vanish(char *memory)
{
	mmap(memory, PAGE, PROT_NONE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static UNTRACED void uses(char *memory, int n)
{
	/* From one place: all but the first are recorded by the short way. */
	for (volatile int i = 0; i < 4; i++)
		takes(memory, n + i);
	takes("text", n + 4);
}

/* ---- the program handles faults, which are not to be ours ---- */

static UNTRACED void on_fault(int number)
{
	(void)number;
	static const char text[] = "the program's handler ran\n";
	if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
		_exit(2);
	_exit(3);
}

/* ---- faults are blocked: one would be deadly ---- */

static sigset_t everything;

static UNTRACED void on_signal(int number)
{
	(void)number;
	uses(page, 10);
}

static UNTRACED void *in_thread(void *unused)
{
	uses(page, 10);
	return unused;
}

static UNTRACED void start_thread(const pthread_attr_t *attributes)
{
	pthread_t thread;
	vanish(page);
	pthread_create(&thread, attributes, in_thread, NULL);
	pthread_join(thread, NULL);
}

static UNTRACED void send_signal(const sigset_t *mask)
{
	struct sigaction action = {.sa_handler = on_signal};
	if (mask)
		action.sa_mask = *mask;
	sigaction(SIGUSR1, &action, NULL);
	vanish(page);
	raise(SIGUSR1);
}

/* libc's own names. */
int __sigaction(int number, const struct sigaction *action, struct sigaction *old);
int __ppoll_chk(struct pollfd *files, nfds_t count, const struct timespec *timeout,
		const sigset_t *mask, size_t files_bytes);
int bsd_sigpause(int mask) __asm__("sigpause");

/* Wait with everything blocked but a signal that has been sent. */
static UNTRACED void wait_blocked(const char *how)
{
	sigset_t one, mask = everything;
	struct epoll_event event;
	const struct timespec second = {1, 0};
	sigemptyset(&one);
	sigaddset(&one, SIGUSR1);
	sigprocmask(SIG_BLOCK, &one, NULL);
	send_signal(NULL);
	sigdelset(&mask, SIGUSR1);
	if (strcmp(how, "sigsuspend") == 0)
		sigsuspend(&mask);
	else if (strcmp(how, "sigpause") == 0)
		bsd_sigpause(~(1 << (SIGUSR1 - 1)));
	else if (strcmp(how, "pselect") == 0)
		pselect(0, NULL, NULL, NULL, &second, &mask);
	else if (strcmp(how, "ppoll") == 0)
		ppoll(NULL, 0, &second, &mask);
	else if (strcmp(how, "__ppoll_chk") == 0)
		__ppoll_chk(NULL, 0, &second, &mask, 0);
	else if (strcmp(how, "epoll_pwait") == 0)
		epoll_pwait(epoll_create1(0), &event, 1, 1000, &mask);
	else if (strcmp(how, "epoll_pwait2") == 0)
		epoll_pwait2(epoll_create1(0), &event, 1, &second, &mask);
}

/* ---- page faults that wait for the program ---- */

static UNTRACED int serve_faults(char *memory)
{
	/* With UFFD_USER_MODE_ONLY the kernel's own reads fail at once: not what is tested. */
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register range = {
		.range = {(unsigned long)memory, PAGE},
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	return fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0 &&
	       ioctl(fd, UFFDIO_REGISTER, &range) == 0;
}

static UNTRACED int run(const char *act)
{
	takes("before", 0);
	sigfillset(&everything);
	if (strcmp(act, "unmap") == 0) {
		munmap(page, PAGE);
		uses(page, 10);
	} else if (strcmp(act, "map") == 0) {
		vanish(page);
		uses(page, 10);
	} else if (strcmp(act, "handler") == 0) {
		signal(SIGSEGV, on_fault);
		vanish(page);
		uses(page, 10);
	} else if (strcmp(act, "handler, many calls") == 0) {
		signal(SIGSEGV, on_fault);
		for (volatile int i = 0; i < MANY_CALLS; i++)
			takes("text", i);
	} else if (strcmp(act, "sigprocmask") == 0) {
		sigprocmask(SIG_BLOCK, &everything, NULL);
		vanish(page);
		uses(page, 10);
	} else if (strcmp(act, "system call") == 0) {
		syscall(SYS_rt_sigprocmask, SIG_BLOCK, &everything, NULL, 8);
		vanish(page);
		uses(page, 10);
	} else if (strcmp(act, "thread") == 0) {
		pthread_sigmask(SIG_SETMASK, &everything, NULL);
		start_thread(NULL);
	} else if (strcmp(act, "attribute") == 0) {
		pthread_attr_t attributes;
		pthread_attr_init(&attributes);
		pthread_attr_setsigmask_np(&attributes, &everything);
		start_thread(&attributes);
	} else if (strcmp(act, "action") == 0) {
		send_signal(&everything);
	} else if (strcmp(act, "__sigaction") == 0) {
		const struct sigaction action = {.sa_handler = on_signal, .sa_mask = everything};
		__sigaction(SIGUSR1, &action, NULL);
		vanish(page);
		raise(SIGUSR1);
	} else if (strcmp(act, "userfaultfd") == 0) {
		char *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				    -1, 0);
		if (!serve_faults(memory))
			return 77;
		uses(memory, 10);
	} else {
		wait_blocked(act);
	}
	return 0;
}

UNTRACED int main(int argc, char **argv)
{
	if (argc < 2)
		return 1;
	strcpy(page, "in the page");
	int result = run(argv[1]);
	printf("%d\n", sum);
	return result;
}
