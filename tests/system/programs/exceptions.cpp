// SPDX-License-Identifier: MIT
// Exceptions in several shapes; argv[1] says which. With GCC an exit hook runs for each frame
// that is unwound, so these calls return; with Clang none does, so they are "unwound".
#include <cstdio>
#include <cstring>

#include "guest.h"

static volatile int sum;

extern "C" void c_frame(void (*callback)(void));

static NOINLINE void leaf()
{
	sum = sum + 1;
}

static NOINLINE void thrower(int value)
{
	leaf();
	throw value;
}

static NOINLINE void middle(int value)
{
	thrower(value);
	leaf();
}

static NOINLINE void after()
{
	leaf();
}

/* Its frame reaches below those that the exception left. */
static NOINLINE void after_with_large_frame()
{
	volatile char pad[65536];

	memset((char *)pad, 1, sizeof(pad));
	leaf();
	sum = sum + pad[100];
}

static NOINLINE void catches_several_frames_up()
{
	try {
		middle(1);
	} catch (int) {
		after();
	}
	after_with_large_frame();
}

static NOINLINE void rethrows()
{
	try {
		middle(2);
	} catch (...) {
		after();
		throw;
	}
}

static NOINLINE void catches_rethrown()
{
	try {
		rethrows();
	} catch (int) {
		after();
	}
}

struct Guard {
	NOINLINE Guard()
	{
		leaf();
	}
	NOINLINE ~Guard()
	{
		leaf();
	}
};

static NOINLINE void holds_guard()
{
	Guard guard;
	thrower(3);
}

static NOINLINE void catches_past_destructor()
{
	try {
		holds_guard();
	} catch (int) {
		after();
	}
}

struct ThrowsInDestructorBody {
	NOINLINE ~ThrowsInDestructorBody()
	{
		try {
			thrower(4);
		} catch (int) {
			after();
		}
	}
};

static NOINLINE void holds_thrower()
{
	ThrowsInDestructorBody object;
	thrower(5);
}

static NOINLINE void catches_while_unwinding()
{
	try {
		holds_thrower();
	} catch (int) {
		after();
	}
}

static NOINLINE void function_try_block()
try {
	thrower(6);
} catch (int) {
	after();
}

struct Fails {
	Guard guard;
	NOINLINE Fails()
	{
		thrower(7);
	}
};

static NOINLINE void catches_from_constructor()
{
	try {
		Fails fails;
	} catch (int) {
		after();
	}
}

static void throws_for_c()
{
	thrower(8);
}

static NOINLINE void catches_through_c()
{
	try {
		c_frame(throws_for_c);
	} catch (int) {
		after();
	}
}

static NOINLINE void catches_in_loop()
{
	for (volatile int i = 0; i < 5; i = i + 1) {
		try {
			middle(i);
		} catch (int) {
		}
	}
	after();
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "frames"))
		catches_several_frames_up();
	else if (!strcmp(what, "rethrow"))
		catches_rethrown();
	else if (!strcmp(what, "destructor"))
		catches_past_destructor();
	else if (!strcmp(what, "while_unwinding"))
		catches_while_unwinding();
	else if (!strcmp(what, "try_block"))
		function_try_block();
	else if (!strcmp(what, "constructor"))
		catches_from_constructor();
	else if (!strcmp(what, "c_frames"))
		catches_through_c();
	else if (!strcmp(what, "loop"))
		catches_in_loop();
	else if (!strcmp(what, "uncaught"))
		middle(9);
	after();
	printf("%d\n", sum);
	return 0;
}
