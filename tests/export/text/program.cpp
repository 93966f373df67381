// What other programs are to show: threads, processes, coroutines, exceptions, calls that never
// end.
#include <pthread.h>
#include <stdexcept>
#include <stdlib.h>
#include <string>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

namespace app
{
volatile unsigned sink;

__attribute__((noinline)) unsigned leaf(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		sink = sink + i;
	return n;
}

template <typename T> struct box {
	T value;
	__attribute__((noinline)) T twice(const char *why) const
	{
		return why ? value + value : value;
	}
};

unsigned fibonacci(unsigned n)
{
	return n < 2 ? leaf(n) : fibonacci(n - 1) + fibonacci(n - 2);
}

int fails(int n)
{
	if (n == 3)
		throw std::runtime_error("enough");
	return fails(n + 1);
}

void *work(void *)
{
	pthread_setname_np(pthread_self(), "worker <\"&>");
	for (unsigned i = 0; i < 40; i++)
		leaf(1000);
	return nullptr;
}

ucontext_t here, there;
void coroutine()
{
	for (int i = 0; i < 3; i++) {
		leaf(2000);
		swapcontext(&there, &here);
	}
}

void turns()
{
	static char stack[1 << 16];
	getcontext(&there);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = sizeof(stack);
	there.uc_link = &here;
	makecontext(&there, coroutine, 0);
	for (int i = 0; i < 3; i++) {
		swapcontext(&here, &there);
		leaf(1000);
	}
}

void leaves(int status)
{
	exit(status);
}
} // namespace app

int main(int argc, char **)
{
	pthread_t thread;
	pthread_create(&thread, nullptr, app::work, nullptr);
	app::fibonacci(13);
	app::box<unsigned>{21}.twice("<b>\"quoted\", & 100%</b>\n");
	try {
		app::fails(0);
	} catch (const std::exception &) {
	}
	if (argc > 1)
		app::turns();
	pthread_join(thread, nullptr);
	pid_t child = fork();
	if (child == 0) {
		app::fibonacci(8);
		app::leaves(0);
	}
	int status;
	waitpid(child, &status, 0);
	app::leaves(0);
}
