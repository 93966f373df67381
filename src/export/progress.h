/* SPDX-License-Identifier: MIT */
/* How long work tells what it has done. */
#ifndef CT_EXPORT_PROGRESS_H
#define CT_EXPORT_PROGRESS_H

#include <stdint.h>

enum { CT_PROGRESS_CALLS = 1 << 16 }; /* told each time so many calls are done */

/* `calls` of `total`; a total of 0 is not known yet. */
typedef void ct_progress_fn(uint64_t calls, uint64_t total);

#endif
