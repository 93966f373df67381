/* SPDX-License-Identifier: MIT */
/* Strings of libstdc++ as before C++11: a pointer to a text that is shared. */
#define _GLIBCXX_USE_CXX11_ABI 0
#include <string>
#include <vector>

struct row {
	std::string name;
	int number;
};
static volatile int sink;

__attribute__((noinline)) std::string joins(std::string by_value, const std::string &long_one,
					    const row &record, const std::vector<std::string> &list)
{
	sink = record.number + (int)list.size();
	return by_value + std::string("\0b", 2) + (long_one.empty() ? "" : "!");
}

int main()
{
	const row record = {"", 3};
	return joins("text", std::string(100, 'x'), record, {"one", "two"}).size() != 7;
}
