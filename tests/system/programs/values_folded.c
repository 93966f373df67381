/* SPDX-License-Identifier: MIT */
/* Functions of the same code: two pairs that differ in what they take, and one that does not. */
struct box {
	int number;
};
static volatile int sink;

__attribute__((noinline)) long takes_long(long a, int k)
{
	sink += k;
	return a;
}

__attribute__((noinline)) struct box *takes_box(struct box *box, int times)
{
	sink += times;
	return box;
}

__attribute__((noinline)) long one(long a, int k)
{
	sink -= k;
	return a;
}

__attribute__((noinline)) long other(long a, int k)
{
	sink -= k;
	return a;
}

__attribute__((noinline)) long alone(long a)
{
	return a + sink;
}

int main(void)
{
	struct box box = {9};
	takes_long(-1, 2);
	takes_box(&box, 3);
	one(4, 5);
	other(6, 7);
	sink = 0;
	return alone(8) != 8;
}
