/* SPDX-License-Identifier: MIT */
/* For traced programs: what must not show up in the trace, and a second opinion of what should. */
#ifndef GUEST_H
#define GUEST_H

#define UNTRACED __attribute__((no_instrument_function))
#define NOINLINE __attribute__((noinline))
/* Keeps the compiler from seeing through a call, a loop or a value. */
#define BARRIER() __asm__ volatile("" ::: "memory")

/* Some microseconds without a call: keeps the number of calls down where time must pass. */
static inline UNTRACED __attribute__((unused)) void spend_time(void)
{
	for (int i = 0; i < 5000; i++)
		BARRIER();
}

#endif
