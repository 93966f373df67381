/* SPDX-License-Identifier: MIT */
/* What another file of the program, or a library, gives it. */
#ifndef VALUES_DEBUG_H
#define VALUES_DEBUG_H

#ifdef __cplusplus
extern "C" {
#endif
long debug_other(int n, const char *text, const int *pointer);
#ifdef __cplusplus
}
#endif

#endif
