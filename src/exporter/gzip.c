/* SPDX-License-Identifier: MIT */
/* Compression: see gzip.h. */
#include "exporter/gzip.h"

struct ct_error *ct_gzip_init(struct ct_gzip *gzip, struct ct_sink *sink)
{
	enum { GZIP_WINDOW_BITS = 15 + 16, MEMORY_LEVEL = 8 };
	*gzip = (struct ct_gzip){.sink = sink};
	if (deflateInit2(&gzip->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW_BITS,
			 MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
		return ct_error_nomem;
	return NULL;
}

void ct_gzip_deinit(struct ct_gzip *gzip)
{
	deflateEnd(&gzip->stream);
}

static void compress_all(struct ct_gzip *gzip, int flush)
{
	z_stream *stream = &gzip->stream;
	int status = Z_OK;
	do {
		ct_sink_reserve(gzip->sink, CT_SINK_ROOM_BYTES);
		stream->next_out = (Bytef *)gzip->sink->at;
		stream->avail_out = CT_SINK_ROOM_BYTES;
		status = deflate(stream, flush);
		gzip->sink->at += CT_SINK_ROOM_BYTES - stream->avail_out;
	} while (stream->avail_in || (flush == Z_FINISH && status == Z_OK));
}

void ct_gzip_add(struct ct_gzip *gzip, const char *bytes, size_t length)
{
	enum { PART_BYTES = 1 << 30 };
	while (length) {
		size_t part = length < PART_BYTES ? length : PART_BYTES;
		gzip->stream.next_in = (z_const Bytef *)bytes;
		gzip->stream.avail_in = (uInt)part;
		compress_all(gzip, Z_NO_FLUSH);
		bytes += part;
		length -= part;
	}
}

void ct_gzip_end(struct ct_gzip *gzip)
{
	compress_all(gzip, Z_FINISH);
}
