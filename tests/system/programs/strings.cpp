/* SPDX-License-Identifier: MIT */
/* The library's functions on strings, which it has copies of: their addresses are its own. */
#include <string>

int main()
{
	std::string all;
	for (int i = 0; i < 100; i++)
		all += std::to_string(i) + ",";
	return all.find("99,") == std::string::npos;
}
