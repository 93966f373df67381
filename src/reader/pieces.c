/* SPDX-License-Identifier: MIT */
/* Blocks of records in columns: see pieces.h. */
#include "reader/pieces.h"

#include <string.h>

#include "base/cleanup.h"
#include "format/record.h"
#include "reader/trace_private.h"

enum {
	PAYLOAD_BYTES = CT_BLOCK_BYTES - CT_BLOCK_HEADER_BYTES,
	PLANES = 3, /* bytes of a time of 22 bits, and of a site number */
	HIGHEST_TOKEN_SITE = UINT16_MAX - CT_TOKEN_ENTER,
};

static bool is_zero(const unsigned char *bytes, size_t length)
{
	return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

/* The clock an extended record sets, as what follows counts from it. */
static void follow_other(const unsigned char *record, size_t size_bytes, uint32_t *last)
{
	struct ct_extended extended;
	if (ct_is_values(*record) || size_bytes < sizeof(extended))
		return;
	memcpy(&extended, record, sizeof(extended));
	*last = (uint32_t)(extended.ticks & CT_TIME_MASK);
}

/* ---- splitting ---- */

/* The longest that one block can make each column: no further checks while writing. */
static bool reserve(struct ct_columns *columns)
{
	bool is_there = true;
	for (uint32_t i = 0; i < CT_PIECES_COLUMNS; i++)
		is_there &= ct_strbuf_reserve(&columns->columns[i], (size_t)4 * PAYLOAD_BYTES);
	return is_there;
}

struct writer {
	unsigned char *columns[CT_PIECES_COLUMNS]; /* the next byte goes here */
	uint32_t last;				   /* time of the record before */
	uint64_t epoch_ticks;
	uint32_t calls;
	uint32_t depth, highest;
};

static inline void put_time(struct writer *writer, uint32_t column, uint32_t time)
{
	uint32_t delta = (time - writer->last) & CT_TIME_MASK;
	writer->last = time;
	for (uint32_t i = 0; i < PLANES; i++)
		*writer->columns[column + i]++ = (unsigned char)(delta >> 8 * i);
}

static inline void put_token(struct writer *writer, uint32_t token)
{
	*writer->columns[CT_PIECES_TOKENS]++ = (unsigned char)token;
	*writer->columns[CT_PIECES_TOKENS]++ = (unsigned char)(token >> 8);
}

static inline void put_enter(struct writer *writer, uint64_t word)
{
	uint32_t site = word >> 24 & CT_SITE_MAX;
	if (ct_unlikely(site > HIGHEST_TOKEN_SITE)) {
		put_token(writer, CT_TOKEN_SITE);
		for (uint32_t i = 0; i < PLANES; i++)
			*writer->columns[CT_PIECES_SITES]++ = (unsigned char)(site >> 8 * i);
	} else {
		put_token(writer, site + CT_TOKEN_ENTER);
	}
	put_time(writer, CT_PIECES_ENTERS, word >> 2 & CT_TIME_MASK);
	writer->calls++;
	if (++writer->depth > writer->highest)
		writer->highest = writer->depth;
}

static inline void put_return(struct writer *writer, uint64_t word)
{
	put_token(writer, CT_TOKEN_RETURN);
	put_time(writer, CT_PIECES_RETURNS, word >> 2 & CT_TIME_MASK);
	writer->depth -= writer->depth > 0;
}

static void put_other(struct writer *writer, const unsigned char *record, size_t size_bytes)
{
	put_token(writer, CT_TOKEN_OTHER);
	memcpy(writer->columns[CT_PIECES_OTHERS], record, size_bytes);
	writer->columns[CT_PIECES_OTHERS] += size_bytes;
	follow_other(record, size_bytes, &writer->last);
	struct ct_extended extended;
	if (ct_is_values(*record) || size_bytes < sizeof(extended))
		return;
	memcpy(&extended, record, sizeof(extended));
	writer->epoch_ticks = extended.ticks & ~CT_TIME_MASK;
	writer->depth = extended.depth;
}

/* The records up to `end`, or the end record; NULL where something is no record. */
static const unsigned char *put_records(struct writer *writer, const unsigned char *at,
					const unsigned char *end, uint32_t *count)
{
	while (at < end) {
		uint64_t word = 0;
		size_t left = (size_t)(end - at);
		if (left >= sizeof(word))
			memcpy(&word, at, sizeof(word));
		else
			memcpy(&word, at, left);
		if ((word & 3) == CT_RECORD_END)
			break;
		size_t size_bytes = ct_record_bytes(word);
		if (size_bytes == 0 || size_bytes > left ||
		    (ct_is_values((uint8_t)word) ? size_bytes < ct_values_head_bytes((uint8_t)word)
						 : size_bytes < 2))
			return NULL;
		if ((word & 3) == CT_RECORD_ENTER)
			put_enter(writer, word);
		else if ((word & 3) == CT_RECORD_RETURN)
			put_return(writer, word);
		else
			put_other(writer, at, size_bytes);
		at += size_bytes;
		++*count;
	}
	return at;
}

/* Is what follows the records what a writer puts there? */
static bool ends_well(const struct ct_block_header *header, const unsigned char *at,
		      const unsigned char *records_end, const unsigned char *block_end)
{
	return (!header->used_bytes || at == records_end) && is_zero(at, (size_t)(block_end - at));
}

static void add_facts(const struct writer *writer, const struct ct_block_header *header,
		      struct ct_pack_frame *facts)
{
	facts->calls += writer->calls;
	if (writer->highest > facts->depth)
		facts->depth = writer->highest;
	facts->last_ticks = writer->epoch_ticks | writer->last;
	if (facts->block_count++ == 0) {
		facts->stream = header->stream;
		facts->first_seq = header->seq;
		facts->first_ticks = header->epoch << CT_EPOCH_SHIFT;
	}
}

bool ct_piece_split(struct ct_columns *columns, const unsigned char block[CT_BLOCK_BYTES],
		    uint32_t ordinal, struct ct_pack_frame *facts)
{
	struct ct_pack_piece piece = {.block = ordinal};
	struct ct_block_header *header = &piece.header;
	const unsigned char *begin = block + CT_BLOCK_HEADER_BYTES;
	const unsigned char *block_end = block + CT_BLOCK_BYTES;
	struct writer writer = {0};
	memcpy(header, block, sizeof(*header));
	if (header->used_bytes > PAYLOAD_BYTES || !reserve(columns))
		return false;
	for (uint32_t i = 0; i < CT_PIECES_COLUMNS; i++)
		writer.columns[i] = (unsigned char *)columns->columns[i].bytes +
				    columns->columns[i].length;
	writer.depth = writer.highest = header->depth;
	writer.epoch_ticks = header->epoch << CT_EPOCH_SHIFT;
	const unsigned char *end = header->used_bytes ? begin + header->used_bytes : block_end;
	const unsigned char *at = put_records(&writer, begin, end, &piece.record_count);
	if (!at || !ends_well(header, at, end, block_end))
		return false;
	memcpy(writer.columns[CT_PIECES_HEADS], &piece, sizeof(piece));
	writer.columns[CT_PIECES_HEADS] += sizeof(piece);
	for (uint32_t i = 0; i < CT_PIECES_COLUMNS; i++)
		columns->columns[i].length =
			(size_t)(writer.columns[i] - (unsigned char *)columns->columns[i].bytes);
	add_facts(&writer, header, facts);
	return true;
}

/* ---- joining ---- */

static const unsigned char *column_at(const struct ct_joiner *joiner, uint32_t column, size_t at,
				      size_t size_bytes)
{
	const struct ct_strbuf *bytes = &joiner->columns->columns[column];
	if (at > bytes->length || bytes->length - at < size_bytes)
		return NULL;
	return (const unsigned char *)bytes->bytes + at;
}

/* The next time of three columns, which are of one length; false at their end. */
static inline bool take_time(const struct ct_joiner *joiner, uint32_t column, size_t *at,
			     uint32_t *last)
{
	const struct ct_strbuf *planes = &joiner->columns->columns[column];
	uint32_t delta = 0;
	for (uint32_t i = 0; i < PLANES; i++) {
		if (ct_unlikely(*at >= planes[i].length))
			return false;
		delta |= (uint32_t)(unsigned char)planes[i].bytes[*at] << 8 * i;
	}
	++*at;
	*last = (*last + delta) & CT_TIME_MASK;
	return true;
}

static bool take_site(struct ct_joiner *joiner, uint32_t token, uint32_t *site)
{
	if (token != CT_TOKEN_SITE) {
		*site = token - CT_TOKEN_ENTER;
		return true;
	}
	const unsigned char *bytes = column_at(joiner, CT_PIECES_SITES, joiner->site, PLANES);
	if (!bytes)
		return false;
	*site = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16;
	joiner->site += PLANES;
	return true;
}

/* Bytes of the record copied to `at`; 0: there is none, or no room. */
static size_t take_other(struct ct_joiner *joiner, unsigned char *at, size_t room, uint32_t *last)
{
	uint64_t word = 0;
	const struct ct_strbuf *others = &joiner->columns->columns[CT_PIECES_OTHERS];
	size_t left = others->length - joiner->other;
	const unsigned char *record = column_at(joiner, CT_PIECES_OTHERS, joiner->other, 1);
	if (!record)
		return 0;
	memcpy(&word, record, left < sizeof(word) ? left : sizeof(word));
	size_t size_bytes = (word & 3) == CT_RECORD_EXTENDED ? ct_record_bytes(word) : 0;
	if (size_bytes > left || size_bytes > room)
		return 0;
	memcpy(at, record, size_bytes);
	follow_other(record, size_bytes, last);
	joiner->other += size_bytes;
	return size_bytes;
}

/* Bytes of the next record, stored at `at`; 0: something is wrong. */
static inline size_t take_record(struct ct_joiner *joiner, unsigned char *at, size_t room,
				 uint32_t *last)
{
	const struct ct_strbuf *tokens = &joiner->columns->columns[CT_PIECES_TOKENS];
	if (ct_unlikely(tokens->length - joiner->token < sizeof(uint16_t)))
		return 0;
	uint16_t token;
	memcpy(&token, tokens->bytes + joiner->token, sizeof(token));
	joiner->token += sizeof(token);
	if (token == CT_TOKEN_OTHER)
		return take_other(joiner, at, room, last);
	if (token == CT_TOKEN_RETURN) {
		if (room < CT_RETURN_BYTES ||
		    !take_time(joiner, CT_PIECES_RETURNS, &joiner->ret, last))
			return 0;
		uint32_t word = ct_record_return(*last);
		memcpy(at, &word, CT_RETURN_BYTES);
		return CT_RETURN_BYTES;
	}
	uint32_t site;
	if (room < CT_ENTER_BYTES || !take_site(joiner, token, &site) ||
	    !take_time(joiner, CT_PIECES_ENTERS, &joiner->enter, last))
		return 0;
	uint64_t word = ct_record_enter(*last, site);
	memcpy(at, &word, CT_ENTER_BYTES);
	return CT_ENTER_BYTES;
}

bool ct_piece_join(struct ct_joiner *joiner, unsigned char block[CT_BLOCK_BYTES],
		   uint32_t *ret_ordinal, size_t *ret_used)
{
	struct ct_pack_piece piece;
	const unsigned char *head = column_at(joiner, CT_PIECES_HEADS,
					      joiner->piece * sizeof(piece), sizeof(piece));
	if (!head)
		return false;
	memcpy(&piece, head, sizeof(piece));
	joiner->piece++;
	const struct ct_block_header *header = &piece.header;
	if (header->used_bytes > PAYLOAD_BYTES)
		return false;
	memcpy(block, header, sizeof(*header));
	unsigned char *at = block + sizeof(*header);
	unsigned char *end = header->used_bytes ? at + header->used_bytes : block + CT_BLOCK_BYTES;
	uint32_t last = 0;
	for (uint32_t i = 0; i < piece.record_count; i++) {
		size_t size_bytes = take_record(joiner, at, (size_t)(end - at), &last);
		if (ct_unlikely(size_bytes == 0))
			return false;
		at += size_bytes;
	}
	if (header->used_bytes && at != end)
		return false;
	*ret_ordinal = piece.block;
	*ret_used = (size_t)(at - block);
	memset(at, 0, (size_t)(block + CT_BLOCK_BYTES - at));
	return true;
}
