/* SPDX-License-Identifier: MIT */
/* libcalltrace.so as the command finds it, and how it gets into a program. */
#ifndef CT_CLI_LIBRARY_H
#define CT_CLI_LIBRARY_H

#include <stdbool.h>

#include "base/error.h"

/* The path of the library beside the command, as built or as installed; NULL: it is not there.
 * To be freed. */
char *ct_library_find(void);

/* Put `library` in front of LD_PRELOAD. An error when the loader could not take such a name. */
struct ct_error *ct_library_preload(const char *library) __attribute__((warn_unused_result));

/* A path for CALLTRACE_OUTPUT, where a per cent sign begins a field, with `behind` added, which
 * may have fields. NULL: no memory. To be freed. */
char *ct_library_output(const char *path, const char *behind);

#endif
