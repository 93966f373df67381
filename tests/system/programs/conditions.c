/*
 * Calls to choose by their arguments and results: requests with a header, of which every third
 * fails with -1 after two steps; then argv[1] calls of `tick`, of which those with a multiple of
 * 1000 return 1.
 */
#include <stdlib.h>

struct header {
	int size;
	const char *method;
};
struct request {
	int id;
	const struct header *header;
};

static volatile int sum;

static __attribute__((noinline)) int step(int n)
{
	sum += n;
	return n;
}

static __attribute__((noinline)) int handle(const struct request *request, const char *name)
{
	int id = request->id;
	sum += name[0];
	step(id);
	step(id + 1);
	return id % 3 == 0 ? -1 : id;
}

static __attribute__((noinline)) int down(int n)
{
	return n ? down(n - 1) + step(n) : 0;
}

static __attribute__((noinline)) int tick(int n)
{
	sum += n;
	return n % 1000 == 0;
}

int main(int argc, char **argv)
{
	const struct header get = {100, "GET"}, put = {5000, "PUT"};
	const int ticks = argc > 1 ? atoi(argv[1]) : 0;
	for (int i = 0; i < 12; i++) {
		const struct request request = {i, i % 4 ? &get : &put};
		handle(&request, i % 2 ? "odd" : "even");
	}
	down(5);
	for (int i = 0; i < ticks; i++)
		sum += tick(i);
	return 0;
}
