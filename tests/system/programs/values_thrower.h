// SPDX-License-Identifier: MIT
// A shared library that throws, catches, and calls back.
#ifndef VALUES_THROWER_H
#define VALUES_THROWER_H

struct __attribute__((visibility("default"))) Thrown {
	int n;
	double weight;
};

int library_throws(int n, const char *text, double weight);
long library_calls(long (*callback)(long, const char *), long n);
long library_catches(long n);

#endif
