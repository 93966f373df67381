// SPDX-License-Identifier: MIT
// Constructors, destructors (complete, base and deleting), virtual calls through thunks, templates,
// operators, lambdas and names with spaces.
#include <cstdio>
#include <new>

#include "guest.h"

static volatile int sum;

namespace shapes
{

struct Base {
	NOINLINE Base()
	{
		sum = sum + 1;
	}
	virtual NOINLINE ~Base()
	{
		sum = sum + 2;
	}
	virtual NOINLINE void draw()
	{
		sum = sum + 3;
	}
};

struct Other {
	virtual NOINLINE void move(int by)
	{
		sum = sum + by;
	}
	virtual ~Other() = default;
};

struct Derived : Base, Other {
	NOINLINE Derived() : Base()
	{
		sum = sum + 4;
	}
	NOINLINE ~Derived() override
	{
		sum = sum + 5;
	}
	NOINLINE void draw() override
	{
		sum = sum + 6;
	}
	NOINLINE void move(int by) override
	{
		sum = sum + by;
	}
	NOINLINE bool operator<(const Derived &other) const
	{
		return this < &other;
	}
};

} // namespace shapes

template <typename T> static NOINLINE T twice(T value)
{
	sum = sum + (int)value;
	return value + value;
}

static NOINLINE void draw_all(shapes::Base *base, shapes::Other *other)
{
	base->draw();
	other->move(3); // through a thunk: it has no hooks
}

static NOINLINE void on_stack()
{
	shapes::Base base;
	base.draw();
}

static NOINLINE void on_heap()
{
	shapes::Derived *derived = new shapes::Derived;
	draw_all(derived, derived);
	if (*derived < *derived)
		twice(1);
	delete (shapes::Other *)derived;
}

int main()
{
	on_stack();
	on_heap();
	twice(2);
	twice(2.5);
	auto lambda = [](int n) __attribute__((noinline))
	{
		sum = sum + n;
	};
	lambda(1);
	printf("%d\n", sum);
	return 0;
}
