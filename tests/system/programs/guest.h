/* SPDX-License-Identifier: MIT */
/* For traced programs: what must not show up in the trace, and a second opinion of what should. */
#ifndef GUEST_H
#define GUEST_H

#define UNTRACED __attribute__((no_instrument_function))
#define NOINLINE __attribute__((noinline))
/* Keeps the compiler from seeing through a call, a loop or a value. */
#define BARRIER() __asm__ volatile("" ::: "memory")

#endif
