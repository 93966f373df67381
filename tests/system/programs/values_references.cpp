/* SPDX-License-Identifier: MIT */
/* A reference to what this file does not know. */
struct Unknown;
static volatile int sink;

__attribute__((noinline)) int takes(const Unknown &unknown)
{
	sink = 1;
	return &unknown != nullptr;
}

int main()
{
	static int number = 3;
	return takes(reinterpret_cast<Unknown &>(number)) != 1;
}
