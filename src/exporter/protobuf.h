/* SPDX-License-Identifier: MIT */
/*
 * Protocol buffers: fields of messages stored where room is known to be, or
 * added to a message in memory.
 */
#ifndef CT_EXPORTER_PROTOBUF_H
#define CT_EXPORTER_PROTOBUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "exporter/text.h"

enum { CT_PROTO_VARINT_BYTES = 10, CT_PROTO_TAG_BYTES = 5 };

enum ct_proto_wire {
	CT_PROTO_VARINT = 0,
	CT_PROTO_FIXED64 = 1,
	CT_PROTO_BYTES = 2,
};

/* A field's tag, for numbers below 16: one byte. */
#define CT_PROTO_TAG(number, wire) ((char)((number) << 3 | (wire)))

/* Room for CT_PROTO_VARINT_BYTES. */
static inline char *ct_proto_varint(char *at, uint64_t value)
{
	while (value >= 0x80) {
		*at++ = (char)(value | 0x80);
		value >>= 7;
	}
	*at++ = (char)value;
	return at;
}

/* Room for CT_PROTO_TAG_BYTES and CT_PROTO_VARINT_BYTES. */
static inline char *ct_proto_u64(char *at, uint32_t number, uint64_t value)
{
	at = ct_proto_varint(at, (uint64_t)number << 3 | CT_PROTO_VARINT);
	return ct_proto_varint(at, value);
}

/* ---- messages in memory, of any size ---- */

static inline void ct_proto_add_u64(struct ct_memory_sink *to, uint32_t number, uint64_t value)
{
	ct_sink_reserve(&to->sink, CT_PROTO_TAG_BYTES + CT_PROTO_VARINT_BYTES);
	to->sink.at = ct_proto_u64(to->sink.at, number, value);
}

static inline void ct_proto_add_double(struct ct_memory_sink *to, uint32_t number, double value)
{
	ct_sink_reserve(&to->sink, CT_PROTO_TAG_BYTES + sizeof(value));
	char *at = ct_proto_varint(to->sink.at, (uint64_t)number << 3 | CT_PROTO_FIXED64);
	memcpy(at, &value, sizeof(value));
	to->sink.at = at + sizeof(value);
}

static inline void ct_proto_add_bytes(struct ct_memory_sink *to, uint32_t number, const char *bytes,
				      size_t length)
{
	ct_sink_reserve(&to->sink, CT_PROTO_TAG_BYTES + CT_PROTO_VARINT_BYTES);
	char *at = ct_proto_varint(to->sink.at, (uint64_t)number << 3 | CT_PROTO_BYTES);
	to->sink.at = ct_proto_varint(at, length);
	ct_sink_add(&to->sink, bytes, length);
}

static inline void ct_proto_add_string(struct ct_memory_sink *to, uint32_t number,
				       const char *string)
{
	ct_proto_add_bytes(to, number, string, strlen(string));
}

/*
 * A message in a message, whose length is known when it ends: room is left for
 * it, of as many bytes as Perfetto's own writer leaves.
 */
enum { CT_PROTO_LENGTH_BYTES = 4, CT_PROTO_LENGTH_LIMIT = 1 << 28 };

/* Gives where it begins, for ct_proto_end(). */
static inline size_t ct_proto_begin(struct ct_memory_sink *to, uint32_t number)
{
	ct_sink_reserve(&to->sink, CT_PROTO_TAG_BYTES + CT_PROTO_LENGTH_BYTES);
	to->sink.at = ct_proto_varint(to->sink.at, (uint64_t)number << 3 | CT_PROTO_BYTES) +
		      CT_PROTO_LENGTH_BYTES;
	return ct_memory_sink_length(to);
}

static inline void ct_proto_end(struct ct_memory_sink *to, size_t begin)
{
	size_t end = ct_memory_sink_length(to);
	if (to->failed || end - begin >= CT_PROTO_LENGTH_LIMIT) {
		to->failed = true;
		return;
	}
	size_t length = end - begin;
	char *at = to->bytes + begin - CT_PROTO_LENGTH_BYTES;
	for (int i = 0; i < CT_PROTO_LENGTH_BYTES; i++, length >>= 7)
		at[i] = (char)((length & 0x7f) | (i + 1 < CT_PROTO_LENGTH_BYTES ? 0x80 : 0));
}

#endif
