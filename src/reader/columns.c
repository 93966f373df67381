/* SPDX-License-Identifier: MIT */
/* Columns of bytes, compressed: see columns.h. */
#include "reader/columns.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "base/cursor.h"

void ct_columns_reset(struct ct_columns *columns, uint32_t count)
{
	columns->count = count;
	for (uint32_t i = 0; i < CT_PACK_COLUMNS_MAX; i++) {
		columns->columns[i].length = 0;
		columns->columns[i].failed = false;
	}
}

void ct_columns_deinit(struct ct_columns *columns)
{
	for (uint32_t i = 0; i < CT_PACK_COLUMNS_MAX; i++)
		ct_strbuf_deinit(&columns->columns[i]);
	*columns = (struct ct_columns){0};
}

/* What a reader takes for a column and not for an attempt to use up its memory. */
static bool is_plausible(size_t raw_bytes, size_t stored_bytes)
{
	return raw_bytes <= CT_PACK_PLAIN_BYTES || raw_bytes / CT_PACK_RATIO_MAX <= stored_bytes;
}

/* ---- writing ---- */

static void cleanup_compressor(ZSTD_CCtx **compressor)
{
	ZSTD_freeCCtx(*compressor);
}

/* Give the bytes stored; 0: something failed. An empty column has none. */
static size_t write_column(ZSTD_CCtx *compressor, const struct ct_strbuf *column, int level,
			   struct ct_strbuf *ret)
{
	size_t most = ZSTD_compressBound(column->length);
	if (!ct_strbuf_reserve(ret, most > column->length ? most : column->length))
		return 0;
	size_t size = ZSTD_compressCCtx(compressor, ret->bytes + ret->length, most, column->bytes,
					column->length, level);
	if (ZSTD_isError(size))
		return 0;
	if (size >= column->length || !is_plausible(column->length, size)) {
		size = column->length;
		memcpy(ret->bytes + ret->length, column->bytes, size);
	}
	ret->length += size;
	return size;
}

bool ct_columns_write(const struct ct_columns *columns, int level, struct ct_strbuf *ret)
{
	ct_cleanup(cleanup_compressor) ZSTD_CCtx *compressor = ZSTD_createCCtx();
	struct ct_pack_column table[CT_PACK_COLUMNS_MAX] = {0};
	size_t table_bytes = columns->count * sizeof(*table);
	ct_strbuf_add(ret, &columns->count, sizeof(columns->count));
	size_t table_at = ret->length;
	ct_strbuf_add(ret, table, table_bytes);
	if (!compressor || ret->failed)
		return false;
	for (uint32_t i = 0; i < columns->count; i++) {
		const struct ct_strbuf *column = &columns->columns[i];
		if (column->failed || column->length > CT_PACK_COLUMN_MAX)
			return false;
		if (column->length == 0)
			continue;
		size_t stored = write_column(compressor, column, level, ret);
		if (stored == 0)
			return false;
		table[i] = (struct ct_pack_column){(uint32_t)column->length, (uint32_t)stored};
	}
	memcpy(ret->bytes + table_at, table, table_bytes);
	return true;
}

/* ---- reading ---- */

static void cleanup_decompressor(ZSTD_DCtx **decompressor)
{
	ZSTD_freeDCtx(*decompressor);
}

static bool read_column(ZSTD_DCtx *decompressor, const void *stored,
			const struct ct_pack_column *entry, struct ct_strbuf *ret)
{
	if (entry->raw_bytes == 0)
		return entry->stored_bytes == 0;
	if (!ct_strbuf_reserve(ret, entry->raw_bytes))
		return false;
	if (entry->raw_bytes == entry->stored_bytes) {
		memcpy(ret->bytes, stored, entry->raw_bytes);
	} else {
		size_t size = ZSTD_decompressDCtx(decompressor, ret->bytes, entry->raw_bytes,
						  stored, entry->stored_bytes);
		if (ZSTD_isError(size) || size != entry->raw_bytes)
			return false;
	}
	ret->length = entry->raw_bytes;
	ret->bytes[ret->length] = '\0';
	return true;
}

bool ct_columns_read(struct ct_columns *columns, const void *body, size_t body_bytes,
		     uint32_t wanted, size_t most_bytes)
{
	ct_cleanup(cleanup_decompressor) ZSTD_DCtx *decompressor = ZSTD_createDCtx();
	struct ct_pack_column table[CT_PACK_COLUMNS_MAX];
	struct ct_cursor cur = ct_cursor_init(body, body_bytes, "packed chunk");
	uint32_t count = ct_cursor_u32(&cur);
	ct_columns_reset(columns, wanted);
	if (!decompressor || count < wanted || count > CT_PACK_COLUMNS_MAX ||
	    !ct_cursor_read(&cur, table, count * sizeof(*table)))
		return false;
	for (uint32_t i = 0; i < wanted; i++) {
		const void *stored = ct_cursor_bytes(&cur, table[i].stored_bytes);
		if (!stored || table[i].raw_bytes > most_bytes ||
		    !is_plausible(table[i].raw_bytes, table[i].stored_bytes) ||
		    !read_column(decompressor, stored, &table[i], &columns->columns[i]))
			return false;
	}
	return true;
}
