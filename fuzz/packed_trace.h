/* SPDX-License-Identifier: MIT */
/*
 * Traces of a fuzzer's inputs. An input whose first byte is even is the file
 * itself. A fuzzer would spend its time in the zeros of 64 KiB blocks, so after an
 * odd byte the input is a list of short blocks, each a struct packed_block and its
 * payload; corpus/make_trace.py packs them.
 */
#ifndef CT_FUZZ_PACKED_TRACE_H
#define CT_FUZZ_PACKED_TRACE_H

#include <stddef.h>
#include <stdint.h>

/* Make the file, the same one each time, and give its path. */
const char *packed_trace_save(const uint8_t *bytes, size_t size_bytes);

#endif
