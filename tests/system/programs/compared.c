/*
 * One program in two versions: with -DNEW `parse` takes three times as long, `often` is called
 * half as much again, and `appeared` takes the place of `vanished`. They sleep: how busy the
 * machine is changes that least.
 */
#include <time.h>

enum {
#ifdef NEW
	PARSE_US = 1500,
	OFTEN_CALLS = 300,
#else
	PARSE_US = 500,
	OFTEN_CALLS = 200,
#endif
	STEADY_US = 500,
	ROUNDS = 20,
};

static __attribute__((noinline, no_instrument_function)) void take_us(long us)
{
	const struct timespec time = {.tv_nsec = us * 1000};
	nanosleep(&time, NULL);
}

static __attribute__((noinline)) void parse(void)
{
	take_us(PARSE_US);
}

static __attribute__((noinline)) void steady(void)
{
	take_us(STEADY_US);
}

static __attribute__((noinline)) void often(void)
{
	__asm__ volatile("");
}

#ifdef NEW
static __attribute__((noinline)) void appeared(void)
#else
static __attribute__((noinline)) void vanished(void)
#endif
{
	__asm__ volatile("");
}

int main(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		parse();
		steady();
	}
	for (int i = 0; i < OFTEN_CALLS; i++)
		often();
#ifdef NEW
	appeared();
#else
	vanished();
#endif
	return 0;
}
