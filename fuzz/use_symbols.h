/* SPDX-License-Identifier: MIT */
/* Ask src/symbols everything about a file. */
#ifndef FUZZ_USE_SYMBOLS_H
#define FUZZ_USE_SYMBOLS_H

#include <stddef.h>

/* Open a file of these bytes and look up addresses all over it. */
void use_symbols(const void *bytes, size_t size_bytes);

#endif
