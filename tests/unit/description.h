/* SPDX-License-Identifier: MIT */
/* Puts descriptions of captured values together, node by node: format/plan.h says what follows
 * each kind. */
#ifndef DESCRIPTION_H
#define DESCRIPTION_H

#include <string.h>

#include "format/plan.h"
#include "trace_writer.h"

static inline void put_u8(struct trace_records *to, unsigned int value)
{
	uint8_t byte = (uint8_t)value;
	trace_records_bytes(to, &byte, 1);
}

static inline void put_u16(struct trace_records *to, unsigned int value)
{
	uint16_t number = (uint16_t)value;
	trace_records_bytes(to, &number, sizeof(number));
}

static inline void put_u32(struct trace_records *to, uint32_t value)
{
	trace_records_bytes(to, &value, sizeof(value));
}

static inline void put_i64(struct trace_records *to, int64_t value)
{
	trace_records_bytes(to, &value, sizeof(value));
}

static inline void put_text(struct trace_records *to, const char *text)
{
	put_u16(to, (unsigned int)strlen(text));
	trace_records_bytes(to, text, strlen(text));
}

/* SIGNED, UNSIGNED, BOOL, CHAR, FLOAT */
static inline void put_scalar(struct trace_records *to, enum ct_node_kind kind, unsigned int offset,
			      unsigned int size)
{
	put_u8(to, kind);
	put_u16(to, offset);
	put_u8(to, size);
}

/* Nodes of a kind and one byte: ABSENT, TEXT, BLOCK. */
static inline void put_of(struct trace_records *to, enum ct_node_kind kind, unsigned int value)
{
	put_u8(to, kind);
	put_u8(to, value);
}

/* Nodes of a kind and an offset: FUNCTION, ADDRESS, AT. */
static inline void put_at(struct trace_records *to, enum ct_node_kind kind, unsigned int offset)
{
	put_u8(to, kind);
	put_u16(to, offset);
}

#endif
