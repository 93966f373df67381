/* SPDX-License-Identifier: MIT */
/*
 * What the golden traces are of: threads, an exception, longjmp, recursion.
 * Built with: g++ -O1 -finstrument-functions -pthread golden.cpp -o golden
 * Argument "killed": kills itself at the end.
 */
#include <csetjmp>
#include <csignal>
#include <cstring>
#include <pthread.h>
#include <stdexcept>

static std::jmp_buf target;
static volatile int sink;

static void leaf()
{
	sink = sink + 1;
}

static int recursion(int depth)
{
	leaf();
	return depth ? recursion(depth - 1) + 1 : 0;
}

static void thrower()
{
	leaf();
	throw std::runtime_error("golden");
}

static void catcher()
{
	try {
		thrower();
	} catch (const std::exception &) {
		leaf();
	}
}

static void jumper()
{
	leaf();
	std::longjmp(target, 1);
}

static void jumped_to()
{
	if (setjmp(target) == 0)
		jumper();
	leaf();
}

static void *worker(void *)
{
	for (int i = 0; i < 3; i++)
		recursion(i);
	return nullptr;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	recursion(5);
	catcher();
	jumped_to();
	pthread_create(&thread, nullptr, worker, nullptr);
	pthread_join(thread, nullptr);
	if (argc > 1 && std::strcmp(argv[1], "killed") == 0)
		raise(SIGKILL);
	return 0;
}
