// SPDX-License-Identifier: MIT
// The same as values_debug.c, for what C++ adds to debug information.
#include <string>
#include <vector>

#include "values_account.h"
#include "values_debug.h"

namespace shapes
{

enum class Color : short { RED = -1, GREEN = 5 };

class Shape
{
      public:
	explicit UNTRACED Shape(int corners) : corners(corners)
	{
	}
	virtual UNTRACED ~Shape() = default;
	virtual NOINLINE double area(double scale, Color color) const
	{
		int call = account_enter("shapes::Shape::area", "'scale':%.17g,'color':%d", scale,
					 (int)color);
		double result = corners * scale;

		return RESULT(call, "%.17g", result);
	}

      protected:
	int corners;
};

class Square final : public Shape
{
      public:
	explicit UNTRACED Square(int side) : Shape(4), side(side)
	{
	}
	NOINLINE double area(double scale, Color color) const override
	{
		int call = account_enter("shapes::Square::area", "'scale':%.17g,'color':%d", scale,
					 (int)color);
		double result = Shape::area(scale, Color::RED) + side;

		return RESULT(call, "%.17g", result);
	}
	static NOINLINE bool is_square(const Square &square, bool strict)
	{
		int call = account_enter("shapes::Square::is_square",
					 "'square':{'side':%d},'strict':%s", square.side,
					 strict ? "true" : "false");
		bool result = square.side > 1 || !strict;

		account_return(call, "%s", result ? "true" : "false");
		return result;
	}

      private:
	int side;
};

template <typename T, int N> static NOINLINE T times(T value, const T &other)
{
	int call = account_enter("long shapes::times<long, 3>", "'value':%ld,'other':%ld",
				 (long)value, (long)other);
	T result = value * N + other;

	return RESULT(call, "%ld", (long)result);
}

} // namespace shapes

static NOINLINE int takes_text(const std::string &text, std::string copy)
{
	int call = account_enter("takes_text", "'text':'%s','copy':'%s'", text.c_str(),
				 copy.c_str());
	int result = (int)(text.size() + copy.size());

	return RESULT(call, "%d", result);
}

static NOINLINE std::string gives_text(int n, char letter)
{
	int call = account_enter("gives_text", "'n':%d", n);
	std::string result(static_cast<size_t>(n), letter);

	account_return(call, "'%s'", result.c_str());
	return result;
}

int main(int argc, char **)
{
	account_begin(0);
	int call = account_enter("main", "'argc':%d", argc);
	double total = 0;
	int number = 11;

	for (int i = 0; i < 3; i++) {
		shapes::Square square(i);
		const shapes::Shape &shape = square;
		auto lambda = [i, &total](int by) { total += i * by; };

		total += shape.area(1.5, i ? shapes::Color::GREEN : shapes::Color::RED);
		total += shapes::Square::is_square(square, i == 1);
		total += static_cast<double>(shapes::times<long, 3>(i, 1L << 40));
		total += takes_text(gives_text(i * 10, 'x'), "a short one");
		total += static_cast<double>(debug_other(i, "in C", &number));
		lambda(2);
	}
	printf("%g\n", total);
	return RESULT(call, "%d", argc);
}
