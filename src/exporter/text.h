/* SPDX-License-Identifier: MIT */
/* Pieces of text that formats have in common, written into a sink. */
#ifndef CT_EXPORTER_TEXT_H
#define CT_EXPORTER_TEXT_H

#include <stdint.h>
#include <string.h>

#include "base/strbuf.h"
#include "export/json_text.h"
#include "export/sink.h"
#include "reader/trace.h"

#define CT_PUT(sink, literal) ct_sink_add(sink, literal, sizeof(literal) - 1)

/* Stores where room is known to be. */
#define CT_STORE(at, literal) ct_store(at, literal, sizeof(literal) - 1)
static inline char *ct_store(char *at, const char *text, size_t length)
{
	memcpy(at, text, length);
	return at + length;
}

static inline void ct_put_u64(struct ct_sink *sink, uint64_t number)
{
	ct_sink_reserve(sink, CT_JSON_U64_BYTES);
	sink->at = ct_json_u64(sink->at, number);
}

enum { CT_DECIMAL_BYTES = CT_JSON_U64_BYTES + 4 };

/* Nanoseconds as microseconds, with three digits behind the point; room for CT_DECIMAL_BYTES. */
static inline char *ct_store_us(char *at, uint64_t ns)
{
	uint32_t rest = (uint32_t)(ns % 1000);
	at = ct_json_u64(at, ns / 1000);
	*at++ = '.';
	*at++ = (char)('0' + rest / 100);
	memcpy(at, ct_json_digit_pairs + rest % 100 * 2, 2);
	return at + 2;
}

/* Nanoseconds as milliseconds, without zeros at the end; room for CT_DECIMAL_BYTES + 4. */
char *ct_store_ms(char *at, uint64_t ns);

/* A JSON string of any bytes. */
void ct_put_json_string(struct ct_sink *sink, const char *bytes, size_t length);

/* A sink into memory that grows. */
struct ct_memory_sink {
	struct ct_sink sink; /* first */
	char *bytes;
	size_t capacity;
	bool failed; /* memory ran out, and text was lost */
};

bool ct_memory_sink_init(struct ct_memory_sink *memory);
void ct_memory_sink_deinit(struct ct_memory_sink *memory);
static inline void ct_memory_sink_clear(struct ct_memory_sink *memory)
{
	memory->sink.at = memory->bytes;
}
static inline size_t ct_memory_sink_length(const struct ct_memory_sink *memory)
{
	return (size_t)(memory->sink.at - memory->bytes);
}

/* Strings by index, rendered once, in one piece of memory. */
struct ct_text_table {
	struct ct_strbuf text;
	size_t *offsets; /* count + 1 */
	uint32_t count;
};
struct ct_session;
/* Each function of the session as `render` adds it. False: memory ran out. */
bool ct_text_table_init(struct ct_text_table *table, const struct ct_session *session,
			void (*render)(struct ct_strbuf *text, const struct ct_session *session,
				       uint32_t function));
void ct_text_table_deinit(struct ct_text_table *table);
static inline struct ct_bytes ct_text_table_at(const struct ct_text_table *table, uint32_t index)
{
	return (struct ct_bytes){table->text.bytes + table->offsets[index],
				 table->offsets[index + 1] - table->offsets[index]};
}

#endif
