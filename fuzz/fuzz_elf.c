/* SPDX-License-Identifier: MIT */
/* Any bytes as a program: headers, symbol tables, unwind tables, notes, debug links. */
#include "fuzz_target.h"
#include "use_symbols.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	use_symbols(bytes, size_bytes);
	return 0;
}
