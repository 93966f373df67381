// SPDX-License-Identifier: MIT
// Types of C++ for plan_describe.c, as in plan_describe_types.c.
#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#define TAKE(name, ...)                                            \
	extern "C" void take_##name(__typeof__(__VA_ARGS__) value) \
	{                                                          \
		(void)value;                                       \
	}
#define RET(name, type, ...)                               \
	extern "C" type value_##name;                      \
	type value_##name __VA_ARGS__;                     \
	extern "C" type ret_##name()                       \
	{                                                  \
		return static_cast<type &&>(value_##name); \
	}
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Wreturn-type-c-linkage"

namespace space
{
struct point {
	int x, y;
	static int count;
	int norm() const
	{
		return x * x + y * y;
	}
	struct inner {
		char c;
	};
};
int point::count;
enum class level : unsigned char { low = 1, high = 255 };
enum class depth : short { under = -3 };
inline namespace v1
{
struct versioned {
	int v;
};
} // namespace v1
struct empty {
};
struct base {
	virtual ~base() = default;
	int b = 1;
};
struct derived : empty, base {
	int d = 2;
};
struct diamond : virtual base {
	int e = 3;
};
} // namespace space
namespace
{
struct hidden {
	int h;
};
} // namespace
using space::point;
typedef int(callback)(point &, ...);

struct handle {
	int fd;
};

TAKE(point, point)
TAKE(point_reference, const point &)
TAKE(point_rvalue, point &&)
TAKE(int_reference, int &)
TAKE(unknown_reference, const struct unknown &)
TAKE(inner, point::inner)
TAKE(level, space::level)
TAKE(depth, space::depth)
TAKE(versioned, space::versioned)
TAKE(hidden, hidden *)
TAKE(derived, space::derived *)
TAKE(diamond, space::diamond &)
TAKE(string, std::string)
TAKE(string_reference, const std::string &)
TAKE(view, std::string_view)
TAKE(vector, std::vector<int>)
TAKE(strings, std::vector<std::string> &)
TAKE(unique, std::unique_ptr<point>)
TAKE(unique_file, std::unique_ptr<handle, int (*)(handle *)>)
TAKE(shared, std::shared_ptr<point>)
TAKE(weak, std::weak_ptr<point>)
TAKE(data_member, int point::*)
TAKE(function_member, int (point::*)() const)
TAKE(null, std::nullptr_t)
TAKE(wide, wchar_t)
TAKE(char32, char32_t)
TAKE(function_reference, callback &)
TAKE(array_reference, char (&)[6])
struct one_byte {
	char c;
};
struct upon_one_byte : one_byte {
};
struct upon_that : upon_one_byte {
};
struct upon_empty : space::empty {
};
struct upon_both : upon_empty, upon_that {
};
TAKE(upon_both, upon_both)
TAKE(tuple, std::tuple<int, char, std::string>)
TAKE(array, std::array<const char *, 2>)
TAKE(array_of_points, std::array<point, 2>)
struct node {
	node *next;
	std::string label;
	std::vector<long> weights;
	const char *text;
	long padding[40];
	int last;
};
TAKE(node, node *)
TAKE(node_value, node)
extern "C" void take_lambda_runner(int seed)
{
	auto lambda = [seed](int more) { return seed + more; };
	(void)lambda(1);
}

// Clang describes a class where it is constructed.
extern "C" long construct(space::derived *derived)
{
	std::vector<int> ints(3);
	std::vector<std::string> strings(2);
	space::diamond diamond;
	space::derived other;
	handle file = {3};
	hidden h = {4};
	node n = {};
	return derived->d + other.d + file.fd + diamond.e + h.h + n.last + ints[0] +
	       (long)strings[0].size();
}

RET(cxx_point, point, {1, 2})
RET(level, space::level, = space::level::high)
struct nothing {
};
RET(nothing, nothing, )
struct with_destructor {
	~with_destructor()
	{
	}
	int x = 5;
};
RET(with_destructor, with_destructor, )
struct with_copy {
	with_copy() = default;
	with_copy(const with_copy &other) : x(other.x)
	{
	}
	int x = 6;
};
RET(with_copy, with_copy, )
struct with_move {
	with_move() = default;
	with_move(with_move &&other) noexcept : x(other.x)
	{
	}
	int x = 7;
};
RET(with_move, with_move, )
struct defaulted {
	defaulted() = default;
	defaulted(const defaulted &) = default;
	defaulted &operator=(const defaulted &other)
	{
		x = other.x;
		return *this;
	}
	~defaulted() = default;
	int x = 8;
};
RET(defaulted, defaulted, )
struct move_only {
	move_only() = default;
	move_only(move_only &&) = default;
	move_only(const move_only &) = delete;
	long x = 9;
};
RET(move_only, move_only, )
struct with_constructors {
	with_constructors() : d(0)
	{
	}
	explicit with_constructors(double value) : d(value)
	{
	}
	template <class T> explicit with_constructors(const T &value) : d(value)
	{
	}
	double d;
};
RET(with_constructors, with_constructors, (2.5))
struct around {
	with_destructor inside;
};
RET(around, around, )
struct around_array {
	with_copy inside[2];
};
RET(around_array, around_array, )
struct with_virtual {
	virtual int f()
	{
		return x;
	}
	int x = 10;
};
RET(with_virtual, with_virtual, )
struct from_copy : with_copy {
};
RET(from_copy, from_copy, )
struct from_empty : space::empty {
	double d = 3;
	int i = 4, j = 5;
};
RET(from_empty, from_empty, )
RET(cxx_string, std::string, = "hello")
RET(unique, std::unique_ptr<int>, )
RET(view, std::string_view, = "view")
RET(null, std::nullptr_t, = nullptr)
RET(data_member, int point::*, = &point::y)
typedef int (point::*function_member)() const;
RET(function_member, function_member, = &point::norm)
int ret_reference_target = 11;
extern "C" int &ret_reference()
{
	return ret_reference_target;
}
template <class T> struct holder {
	holder() = default;
	holder(const holder &other) : t(other.t)
	{
	}
	T t = 12;
};
RET(holder, holder<int>, )
template <class T> struct plain_holder {
	T t;
	T more;
};
RET(plain_holder, plain_holder<float>, {1, 2})
