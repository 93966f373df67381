// SPDX-License-Identifier: MIT
// Values of the types that C++ adds; showcase.c says how to read the comments.
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#ifdef __clang__
// Clang calls the hooks of always_inline functions with an address that libstdc++ does not export.
template class std::basic_string<char>;
#endif

#define NOINLINE __attribute__((noinline))

volatile unsigned long long sink;
volatile double sink_float;
volatile int one = 1;

#define USE(x)	     (sink = sink + (unsigned long long)(x))
#define USE_FLOAT(x) (sink_float = sink_float + (double)(x))

namespace shapes
{

enum class color : unsigned char { red, green = 7 };
enum class large : long { negative = -1, huge = 1L << 40 };

struct point {
	int x;
	int y;
};

/*
 * yes: bool = true
 * c: shapes::color = {"name": "green", "number": 7}
 * l: shapes::large = {"name": "huge", "number": 1099511627776}
 * w: wchar_t = "\u6f22"
 * u: char16_t = "\u00e9"
 * v: char32_t = "\ud83d\ude00"
 * returns: shapes::color = {"name": "red", "number": 0}
 */
NOINLINE static color scalars(bool yes, color c, large l, wchar_t w, char16_t u, char32_t v)
{
	USE(yes), USE(c), USE(l), USE(w), USE(u), USE(v);
	return static_cast<color>(one - 1);
}

/*
 * in: const shapes::point & = {"x": 1, "y": 2}
 * besides: {"address": "0x*"}
 * out: int & = 3
 * besides: {"address": "0x*"}
 * temporary: shapes::point && = {"x": 5, "y": 6}
 * besides: {"address": "0x*"}
 * returns: int & = 4
 * besides: {"address": "0x*"}
 */
NOINLINE static int &references(const point &in, int &out, point &&temporary)
{
	USE(in.x), USE(temporary.y);
	out++;
	return out;
}

/*
 * text: std::string = "short"
 * longer: const std::string & = "a string that is too long to be kept in the object itself"
 * besides: {"address": "0x*"}
 * view: std::string_view = "view"
 * pointer: std::string * = "0x*"
 * besides: {"pointee": "short"}
 * returns: std::string = "short view"
 */
NOINLINE static std::string strings(std::string text, const std::string &longer,
				    std::string_view view, std::string *pointer)
{
	USE(longer.size()), USE(pointer->size());
	return text + " " + std::string(view);
}

/*
 * numbers: const std::vector<int> & = {"size": 3, "elements": [1, 2, 3]}
 * besides: {"address": "0x*"}
 * points: std::vector<shapes::point> = {"size": 1, "elements": [{"x": 1, "y": 2}]}
 * none: const std::vector<double> & = {"size": 0, "elements": []}
 * besides: {"address": "0x*"}
 * returns: std::vector<double> = {"size": 2, "elements": [0.5, 0.5]}
 */
NOINLINE static std::vector<double> vectors(const std::vector<int> &numbers,
					    std::vector<point> points,
					    const std::vector<double> &none)
{
	USE(numbers.size()), USE(points.size()), USE(none.size());
	return std::vector<double>(2, 0.5 * one);
}

/*
 * owner: std::unique_ptr<shapes::point> = "0x*"
 * besides: {"pointee": {"x": 1, "y": 2}}
 * shared: const std::shared_ptr<int> & = "0x*"
 * besides: {"address": "0x*"}
 * none: std::unique_ptr<int> = null
 * returns: std::shared_ptr<int> = "0x*"
 * besides: {"pointee": 7}
 */
NOINLINE static std::shared_ptr<int> smart_pointers(std::unique_ptr<point> owner,
						    const std::shared_ptr<int> &shared,
						    std::unique_ptr<int> none)
{
	USE(owner->x), USE(none == nullptr);
	return shared;
}

using text_list = std::vector<std::string>;
using name_list = std::vector<const char *>;
using row_list = std::vector<std::vector<int>>;
using name_pair = std::array<const char *, 2>;
using triple = std::tuple<int, std::string, double>;

/*
 * texts: shapes::text_list = {"size": 2, "elements": ["first",
 *     "a string that is too long to be kept in the object itself"]}
 * names: const shapes::name_list & = {"size": 3, "elements": ["one", null, "three"]}
 * besides: {"address": "0x*"}
 * rows: const shapes::row_list & = {"size": 2,
 *     "elements": [{"size": 1, "elements": [7]}, {"size": 0, "elements": []}]}
 * besides: {"address": "0x*"}
 * pair: shapes::name_pair = ["left", "right"]
 * returns: shapes::text_list = {"size": 1, "elements": ["first"]}
 */
NOINLINE static text_list strings_in_containers(text_list texts, const name_list &names,
						const row_list &rows, name_pair pair)
{
	USE(names.size()), USE(rows.size()), USE((std::uintptr_t)pair[0] + (std::uintptr_t)pair[1]);
	return text_list(texts.begin(), texts.begin() + one);
}

struct one_byte {
	char letter;
};
struct upon_one_byte : one_byte {
};
struct upon_that : upon_one_byte {
};

/*
 * bases: shapes::upon_that = {"shapes::upon_one_byte": {"shapes::one_byte": {"letter": "x"}}}
 * small: std::tuple<int, char> = [5, "y"]
 * large: const shapes::triple & = [-1, "text", 2.5]
 * besides: {"address": "0x*"}
 * returns: std::tuple<int, char> = [6, "y"]
 */
NOINLINE static std::tuple<int, char> bases_and_tuples(upon_that bases, std::tuple<int, char> small,
						       const triple &large)
{
	USE(bases.letter), USE(std::get<0>(large));
	std::get<0>(small) += one;
	return small;
}

struct shape {
	int id;

	explicit shape(int id) : id(id)
	{
	}
	virtual ~shape() = default;
	virtual double area(double scale) const = 0;
};

struct circle : shape {
	double radius;

	/*
	 * this: shapes::circle * = "0x*"
	 * id: int = 9
	 * radius: double = 2
	 */
	NOINLINE circle(int id, double radius);

	/*
	 * this: const shapes::circle * = "0x*"
	 * scale: double = 3
	 * returns: double = 12
	 */
	NOINLINE double area(double scale) const override;

	/*
	 * radius: double = 2
	 * returns: double = 4
	 */
	NOINLINE static double square(double radius);
};

circle::circle(int id, double radius) : shape(id), radius(radius)
{
}

double circle::area(double scale) const
{
	return square(radius) * scale * one;
}

double circle::square(double radius)
{
	return radius * radius * one;
}

/*
 * s: const shapes::shape & = {"id": 9}
 * besides: {"address": "0x*"}
 * returns: double = 12
 */
NOINLINE static double measure(const shape &s)
{
	return s.area(3 * one);
}

struct counter {
	int count = 10;

	/*
	 * this: shapes::counter * = "0x*"
	 * besides: {"pointee": {"count": 10}}
	 * by: int = 5
	 * returns: int = 15
	 */
	NOINLINE int add(int by)
	{
		count += by * one;
		return count;
	}
};

/*
 * a: int = 1
 * b: double = 2.5
 * returns: double = 3.5
 */
template <typename T, typename U> NOINLINE static U sum(T a, U b)
{
	return a * one + b;
}

/*
 * value: int = 4
 * returns: int = 4
 */
NOINLINE static int throws_inside(int value)
{
	try {
		if (one)
			throw std::runtime_error("caught here");
	} catch (const std::exception &) {
		USE(value);
	}
	return value;
}

/*
 * value: int = 5
 */
NOINLINE static int throws(int value)
{
	if (one)
		throw value;
	return value;
}

} // namespace shapes

using namespace shapes;

/*
 * returns: int = 0
 */
int main()
{
	static std::string longer = "a string that is too long to be kept in the object itself";
	static std::string brief = "short";
	static point here = {1, 2};
	static int number = 3;

	scalars(true, color::green, large::huge, L'\u6f22', u'\u00e9', U'\U0001f600');
	references(here, number, point{5, 6});
	strings("short", longer, "view", &brief);
	vectors({1, 2, 3}, {{1, 2}}, {});
	smart_pointers(std::make_unique<point>(here), std::make_shared<int>(7), nullptr);
	strings_in_containers({"first", longer}, {"one", nullptr, "three"}, {{7}, {}},
			      {"left", "right"});
	bases_and_tuples({{{'x'}}}, {5, 'y'}, {-1, "text", 2.5});
	circle round(9 * one, 2 * one);
	measure(round);
	counter().add(5);
	sum(1, 2.5);
	auto lambda = [&](int plus) { return number + plus; };
	USE(lambda(1));
	throws_inside(4);
	try {
		throws(5);
	} catch (int) {
	}
	return 0;
}
