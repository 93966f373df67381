/* SPDX-License-Identifier: MIT */
/* Pieces of text: see text.h. */
#include "exporter/text.h"

#include <stdlib.h>

#include "analysis/session.h"

void ct_put_json_string(struct ct_sink *sink, const char *bytes, size_t length)
{
	struct ct_strbuf text = {0};
	ct_json_string(&text, bytes, length);
	if (text.bytes)
		ct_sink_add(sink, text.bytes, text.length);
	ct_strbuf_deinit(&text);
}

char *ct_store_ms(char *at, uint64_t ns)
{
	uint32_t rest = (uint32_t)(ns % 1000000);
	at = ct_json_u64(at, ns / 1000000);
	if (rest == 0)
		return at;
	*at++ = '.';
	for (uint32_t unit = 10000; unit > 0; unit /= 100, at += 2)
		memcpy(at, ct_json_digit_pairs + rest / unit % 100 * 2, 2);
	while (at[-1] == '0')
		at--;
	return at;
}

static void grow(struct ct_sink *sink)
{
	struct ct_memory_sink *memory = (struct ct_memory_sink *)sink;
	size_t length = (size_t)(sink->at - memory->bytes);
	char *bytes = memory->failed ? NULL : malloc(2 * memory->capacity);
	if (!bytes) {
		memory->failed = true;
		sink->at = memory->bytes; /* what comes is written over what was */
		return;
	}
	memcpy(bytes, memory->bytes, length);
	free(memory->bytes);
	memory->bytes = bytes;
	memory->capacity *= 2;
	sink->at = bytes + length;
	sink->end = bytes + memory->capacity;
}

bool ct_memory_sink_init(struct ct_memory_sink *memory)
{
	*memory = (struct ct_memory_sink){.capacity = 2 * (size_t)CT_SINK_ROOM_BYTES};
	memory->bytes = malloc(memory->capacity);
	if (!memory->bytes)
		return false;
	memory->sink = (struct ct_sink){memory->bytes, memory->bytes + memory->capacity, grow};
	return true;
}

void ct_memory_sink_deinit(struct ct_memory_sink *memory)
{
	free(memory->bytes);
}

bool ct_text_table_init(struct ct_text_table *table, const struct ct_session *session,
			void (*render)(struct ct_strbuf *text, const struct ct_session *session,
				       uint32_t function))
{
	*table = (struct ct_text_table){.count = session->function_count};
	table->offsets = calloc((size_t)table->count + 1, sizeof(*table->offsets));
	if (!table->offsets)
		return false;
	for (uint32_t i = 0; i < table->count; i++) {
		render(&table->text, session, i);
		table->offsets[i + 1] = table->text.length;
	}
	ct_strbuf_add(&table->text, "", 0);
	return !table->text.failed;
}

void ct_text_table_deinit(struct ct_text_table *table)
{
	ct_strbuf_deinit(&table->text);
	free(table->offsets);
}
