/* SPDX-License-Identifier: MIT */
/* Functions whose stack pointer at the exit is not that of the entry. */
#include <alloca.h>
#include <string.h>

#include "guest.h"

static volatile int sink;

static NOINLINE void leaf(void)
{
	sink++;
}

static NOINLINE int takes(int bytes)
{
	char *room = alloca((size_t)bytes);
	memset(room, bytes, (size_t)bytes);
	leaf();
	return room[0];
}

static NOINLINE int nested(int depth)
{
	char room[depth * 16 + 16];
	memset(room, depth, sizeof(room));
	leaf();
	return depth ? nested(depth - 1) + room[0] : takes(100);
}

int main(void)
{
	sink += takes(16) + takes(40000);
	sink += nested(3);
	leaf();
	return 0;
}
