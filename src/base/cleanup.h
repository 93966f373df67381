/* SPDX-License-Identifier: MIT */
/* Scope-bound release of resources. Tool side only. */
#ifndef CT_BASE_CLEANUP_H
#define CT_BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

/* Call fn(&variable) when the variable goes out of scope. */
#define ct_cleanup(fn) __attribute__((cleanup(fn)))

/* Hand the pointer's ownership on: the cleanup then sees NULL. */
#define ct_take(pointer)                                  \
	__extension__({                                   \
		__typeof__(pointer) ct_taken = (pointer); \
		(pointer) = NULL;                         \
		ct_taken;                                 \
	})

#define ct_likely(condition)   __builtin_expect(!!(condition), 1)
#define ct_unlikely(condition) __builtin_expect(!!(condition), 0)

static inline void ct_cleanup_free(void *pointer_to_pointer)
{
	free(*(void **)pointer_to_pointer);
}

static inline void ct_cleanup_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#endif
