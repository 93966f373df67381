/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a packed file: opened as a session, each trace in it walked, all
 * frames checked, names and summary read. An input that begins as a packed file
 * does is the file itself. No fuzzer guesses hashes and compressed columns, so
 * any other input is a list of chunks, each a struct packed_chunk and the
 * lengths and bytes of its columns, of which a file is made whose hashes are
 * right; corpus/make_pack.py writes some.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "analysis/profile.h"
#include "analysis/session.h"
#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/io.h"
#include "base/strbuf.h"
#include "fuzz_target.h"
#include "reader/columns.h"
#include "reader/pack.h"
#include "reader/pieces.h"

enum packed_flags {
	PACKED_WHOLE_BLOCK = 1, /* the second column is filled up with zeros to a block's length */
	PACKED_NO_INDEX = 2,	/* in the first chunk: no directory, or one that is found to lie */
	PACKED_OTHER_HASH = 4,	/* of the content */
};

struct packed_chunk {
	uint8_t type;
	uint8_t input;
	uint8_t column_count;
	uint8_t flags;
};

enum { MAX_CHUNKS = 32, MAX_STEPS = 1 << 20 };

static uint64_t content_hash(uint32_t type, const struct ct_columns *columns)
{
	static unsigned char block[CT_BLOCK_BYTES];
	const struct ct_strbuf *bytes = &columns->columns[CT_BLOCKS_BYTES];
	struct ct_joiner joiner = {.columns = columns};
	uint32_t ordinal;
	size_t used;
	if (type == CT_PACK_BLOCKS)
		return XXH3_64bits(bytes->bytes ? bytes->bytes : "", bytes->length);
	if (type != CT_PACK_PIECES || columns->count < CT_PIECES_COLUMNS)
		return 0;
	XXH3_state_t *hash = XXH3_createState();
	XXH3_64bits_reset(hash);
	while (ct_piece_join(&joiner, block, &ordinal, &used))
		XXH3_64bits_update(hash, block, sizeof(block));
	uint64_t digest = XXH3_64bits_digest(hash);
	XXH3_freeState(hash);
	return digest;
}

static void add_chunk(struct ct_strbuf *file, struct ct_pack_chunk chunk,
		      const struct ct_columns *columns)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf body = {0};
	static const char zeros[CT_PACK_ALIGNMENT];
	if (!ct_columns_write(columns, 1, &body))
		errx(1, "out of memory");
	chunk.magic = CT_PACK_CHUNK_MAGIC;
	chunk.version = 1;
	chunk.body_bytes = (uint32_t)body.length;
	chunk.body_hash = XXH3_64bits(body.bytes, body.length);
	chunk.hash = XXH3_64bits(&chunk, offsetof(struct ct_pack_chunk, hash));
	ct_strbuf_add(file, &chunk, sizeof(chunk));
	ct_strbuf_add(file, body.bytes, body.length);
	ct_strbuf_add(file, zeros, -file->length % CT_PACK_ALIGNMENT);
}

static void take_columns(struct ct_cursor *cur, const struct packed_chunk *packed,
			 struct ct_columns *columns)
{
	static const unsigned char zeros[CT_BLOCK_BYTES];
	ct_columns_reset(columns, packed->column_count % (CT_PACK_COLUMNS_MAX + 1));
	for (uint32_t i = 0; i < columns->count; i++) {
		uint16_t length = ct_cursor_u16(cur);
		if (length > ct_cursor_left(cur))
			length = (uint16_t)ct_cursor_left(cur);
		ct_strbuf_add(&columns->columns[i], ct_cursor_bytes(cur, length), length);
		if (i == 1 && packed->flags & PACKED_WHOLE_BLOCK)
			ct_strbuf_add(&columns->columns[i], zeros, (size_t)CT_BLOCK_BYTES - length);
	}
}

/* Offsets in it mean "the frame so many bytes into the list of chunks": they are made real. */
static void mend_offsets(struct ct_columns *columns, const uint64_t *offsets, size_t count)
{
	struct ct_strbuf *frames = &columns->columns[CT_FRAMES_FRAMES];
	for (size_t i = 0; i < ct_column_count(frames, sizeof(struct ct_pack_frame)); i++) {
		struct ct_pack_frame frame;
		memcpy(&frame, frames->bytes + i * sizeof(frame), sizeof(frame));
		if (frame.offset < count)
			frame.offset = offsets[frame.offset];
		memcpy(frames->bytes + i * sizeof(frame), &frame, sizeof(frame));
	}
}

static void make_file(const uint8_t *bytes, size_t size_bytes, struct ct_strbuf *file)
{
	struct ct_cursor cur = ct_cursor_init(bytes, size_bytes, "input");
	struct ct_pack_header header = {.magic = CT_PACK_MAGIC, .version = CT_PACK_VERSION};
	struct ct_columns columns = {0}, directory = {.count = 1};
	uint64_t offsets[MAX_CHUNKS];
	bool has_index = true;
	header.hash = XXH3_64bits(&header, offsetof(struct ct_pack_header, hash));
	ct_strbuf_add(file, &header, sizeof(header));
	for (size_t i = 0; i < MAX_CHUNKS && ct_cursor_left(&cur); i++) {
		struct packed_chunk packed;
		ct_cursor_read(&cur, &packed, sizeof(packed));
		take_columns(&cur, &packed, &columns);
		if (i == 0)
			has_index = !(packed.flags & PACKED_NO_INDEX);
		offsets[i] = file->length;
		if (packed.type == CT_PACK_FRAMES)
			mend_offsets(&columns, offsets, i);
		const struct ct_pack_entry entry = {file->length, packed.type, packed.input};
		ct_strbuf_add(&directory.columns[0], &entry, sizeof(entry));
		struct ct_pack_chunk chunk = {
			.type = packed.type,
			.input = packed.input,
			.content_hash = content_hash(packed.type, &columns) ^
					(packed.flags & PACKED_OTHER_HASH),
		};
		add_chunk(file, chunk, &columns);
	}
	struct ct_pack_footer footer = {.magic = CT_PACK_FOOTER_MAGIC, .directory = file->length};
	footer.hash = XXH3_64bits(&footer, offsetof(struct ct_pack_footer, hash));
	add_chunk(file, (struct ct_pack_chunk){.type = CT_PACK_DIRECTORY}, &directory);
	if (has_index)
		ct_strbuf_add(file, &footer, sizeof(footer));
	ct_columns_deinit(&columns);
	ct_columns_deinit(&directory);
}

/* ---- reading it ---- */

static void walk(const struct ct_trace *trace, uint32_t stream)
{
	struct ct_walk *walk;
	struct ct_step step;
	struct ct_error *error = ct_walk_create(trace, stream, &walk);
	if (error)
		errx(1, "%s", error->message);
	uint64_t calls = 0, ends = 0, last_ticks = 0;
	for (size_t i = 0; i < MAX_STEPS && ct_walk_next(walk, &step); i++) {
		if (step.ticks < last_ticks)
			abort();
		last_ticks = step.ticks;
		calls += step.kind == CT_STEP_CALL;
		ends += step.kind == CT_STEP_END;
		if (ends > calls)
			abort();
	}
	ct_walk_destroy(walk);
}

static void read_frames(const char *path)
{
	struct ct_pack *pack;
	struct ct_error *error = ct_pack_open(path, &pack);
	if (error) {
		ct_error_destroy(error);
		return;
	}
	for (uint32_t i = 0; i < ct_pack_input_count(pack); i++)
		for (uint32_t j = 0; j < ct_pack_frame_count(pack, i); j++)
			ct_pack_check_frame(pack, i, j);
	ct_pack_release(pack);
}

static void read_session(const char *path)
{
	const struct ct_profile_options options = {.by = CT_BY_FUNCTION};
	struct ct_session *session;
	struct ct_profile *profile;
	struct ct_error *error = ct_session_open(&path, 1, CT_SESSION_LIVE, NULL, &session);
	if (error) {
		ct_error_destroy(error);
		return;
	}
	for (size_t i = 0; i < session->input_count; i++) {
		uint32_t count = ct_trace_thread_count(session->inputs[i].trace);
		for (uint32_t stream = 1; stream <= count && stream < 64; stream++)
			walk(session->inputs[i].trace, stream);
	}
	error = ct_profile_create(session, NULL, &options, &profile);
	if (error)
		errx(1, "%s", error->message);
	ct_profile_destroy(profile);
	ct_session_destroy(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	const uint32_t magic = CT_PACK_MAGIC;
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf file = {0};
	char path[64];
	if (size_bytes >= sizeof(magic) && memcmp(bytes, &magic, sizeof(magic)) == 0)
		ct_strbuf_add(&file, bytes, size_bytes);
	else
		make_file(bytes, size_bytes, &file);
	int fd = memfd_create("pack", MFD_CLOEXEC);
	if (fd < 0 || ct_write_all(fd, file.bytes, file.length) != 0)
		err(1, "memfd");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read_frames(path);
	read_session(path);
	close(fd);
	return 0;
}
