/* SPDX-License-Identifier: MIT */
/* What every fuzz target defines, by the name libFuzzer wants. */
#ifndef FUZZ_TARGET_H
#define FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

#endif
