// SPDX-License-Identifier: MIT
// Objects that are passed by their address and not used: Clang, not optimizing,
// does not describe them. And functions whose result is found by their body.
#include "guest.h"

struct text {
	const char *letters;

	UNTRACED text(const char *letters) : letters(letters)
	{
	}
	UNTRACED text(const text &other) : letters(other.letters)
	{
	}
};
template <class T> struct box {
	T inside;

	UNTRACED ~box()
	{
	}
};
typedef text alias;
enum mode { on = 1 };

static volatile int one = 1;

static NOINLINE int between(int a, text, int b)
{
	return a + b;
}

static NOINLINE int second_of_two(text, text used)
{
	return used.letters[0];
}

static NOINLINE int first_of_two(text used, text)
{
	return used.letters[0];
}

static NOINLINE int none(alias, box<int>, const text &, mode)
{
	return one;
}

static NOINLINE int many(int a, int b, int c, int d, int e, int f, text, int g, text used, text)
{
	return a + b + c + d + e + f + g + used.letters[0];
}

template <class T> static NOINLINE T generic(int (*)(text), box<T>, T a)
{
	return a;
}

struct member {
	int number;

	NOINLINE int method(text, int plus)
	{
		return number + plus;
	}
	NOINLINE static int of_all(text, int plus)
	{
		return plus;
	}
};

static int callback(text)
{
	return one;
}

int main()
{
	text t("t"), u("u");
	member m = {4};
	int seen = 0;
	between(1, t, 2);
	second_of_two(t, u);
	first_of_two(t, u);
	none(t, box<int>{3}, t, on);
	many(1, 2, 3, 4, 5, 6, t, 7, u, t);
	generic(callback, box<int>{5}, 6);
	m.method(t, 5);
	member::of_all(t, 6);
	auto nothing = [&seen](int plus) { seen += plus; };
	auto something = [&seen](int plus) { return seen + plus; };
	nothing(7);
	something(8);
	return seen != 7;
}
