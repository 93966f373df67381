/* SPDX-License-Identifier: MIT */
/* Brings the C++ runtime into a C program, in a scope of its own, and throws. */
#include <stdexcept>

static void thrower()
{
	throw std::runtime_error("plug-in");
}

extern "C" int plug()
{
	try {
		thrower();
	} catch (const std::exception &) {
		return 42;
	}
	return 0;
}
