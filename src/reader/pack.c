/* SPDX-License-Identifier: MIT */
/* Packed traces: see pack.h. Every byte of the file is hostile. */
#include "reader/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "reader/pieces.h"

#define MAX_BLOCKS (UINT32_C(1) << 31)

/* Where a block is. */
struct place {
	uint32_t block;
	uint32_t frame; /* ordinal */
	uint32_t index; /* in the order of the frames */
};

struct input {
	bool is_there;
	char *name;
	struct ct_pack_input_facts facts;
	struct ct_pack_frame *frames;
	uint32_t frame_count;
	struct place *places; /* by block */
	uint32_t place_count;
	struct ct_block_header *heads; /* by index; NULL: not known */
	uint64_t frames_at, names_at;  /* offsets of chunks; 0: not there */
};

struct ct_pack {
	int fd;
	unsigned int users;
	uint64_t file_bytes;
	struct input *inputs;
	uint32_t input_count;
	uint64_t summary_at; /* 0: not there */
	uint64_t damage;
};

/* What is found in the file. */
struct chunk_list {
	struct ct_pack_entry *entries;
	size_t count;
	size_t capacity;
};

static void chunk_list_deinit(struct chunk_list *list)
{
	free(list->entries);
}

static bool add_chunk(struct chunk_list *list, uint64_t offset, const struct ct_pack_chunk *chunk)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 64;
		struct ct_pack_entry *entries = reallocarray(list->entries, capacity,
							     sizeof(*entries));
		if (!entries)
			return false;
		list->entries = entries;
		list->capacity = capacity;
	}
	list->entries[list->count++] = (struct ct_pack_entry){offset, chunk->type, chunk->input};
	return true;
}

/* ---- chunks ---- */

static bool hash_is(uint64_t hash, const void *bytes, size_t length)
{
	return XXH3_64bits(bytes, length) == hash;
}

static bool read_exactly(const struct ct_pack *pack, uint64_t offset, void *ret, size_t length)
{
	return ct_read_at(pack->fd, ret, length, offset) == length;
}

static bool chunk_is_sound(const struct ct_pack *pack, uint64_t offset,
			   const struct ct_pack_chunk *chunk)
{
	return chunk->magic == CT_PACK_CHUNK_MAGIC &&
	       hash_is(chunk->hash, chunk, offsetof(struct ct_pack_chunk, hash)) &&
	       chunk->body_bytes <= pack->file_bytes - offset - sizeof(*chunk);
}

static bool read_chunk_head(const struct ct_pack *pack, uint64_t offset, struct ct_pack_chunk *ret)
{
	return offset <= pack->file_bytes && pack->file_bytes - offset >= sizeof(*ret) &&
	       read_exactly(pack, offset, ret, sizeof(*ret)) && chunk_is_sound(pack, offset, ret);
}

/* The chunk at `offset`, whole; a NUL follows. */
static bool read_body(const struct ct_pack *pack, uint64_t offset, struct ct_pack_chunk *chunk,
		      struct ct_strbuf *ret)
{
	return read_chunk_head(pack, offset, chunk) && ct_strbuf_reserve(ret, chunk->body_bytes) &&
	       read_exactly(pack, offset + sizeof(*chunk), ret->bytes, chunk->body_bytes) &&
	       hash_is(chunk->body_hash, ret->bytes, chunk->body_bytes);
}

/* The columns of the chunk at `offset`, which should be of this type and of this trace. */
static bool read_chunk(const struct ct_pack *pack, uint64_t offset, enum ct_pack_type type,
		       uint32_t input, uint32_t wanted_columns, size_t most_bytes,
		       struct ct_pack_chunk *chunk, struct ct_columns *ret)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf body = {0};
	return read_body(pack, offset, chunk, &body) && chunk->type == type &&
	       chunk->version == 1 && chunk->input == input &&
	       ct_columns_read(ret, body.bytes, chunk->body_bytes, wanted_columns, most_bytes);
}

static uint64_t chunk_end(uint64_t offset, const struct ct_pack_chunk *chunk)
{
	uint64_t bytes = sizeof(*chunk) + (uint64_t)chunk->body_bytes + CT_PACK_ALIGNMENT - 1;
	return offset + bytes / CT_PACK_ALIGNMENT * CT_PACK_ALIGNMENT;
}

/* ---- frames ---- */

enum { FRAME_COLUMN_MAX = CT_PACK_FRAME_BLOCKS * CT_BLOCK_BYTES * 4 };

/* The ordinals of a frame's blocks; how many there are; 0: it is none. */
static uint32_t frame_blocks(const struct ct_pack_chunk *chunk, const struct ct_columns *columns,
			     uint32_t ret[CT_PACK_FRAME_BLOCKS])
{
	const struct ct_strbuf *heads = &columns->columns[0];
	size_t size = chunk->type == CT_PACK_PIECES ? sizeof(struct ct_pack_piece)
						    : sizeof(uint32_t);
	size_t count = ct_column_count(heads, size);
	if (count > CT_PACK_FRAME_BLOCKS)
		return 0;
	/* Of a piece's head the ordinal is the first member. */
	for (size_t i = 0; i < count; i++)
		memcpy(&ret[i], heads->bytes + i * size, sizeof(*ret));
	return (uint32_t)count;
}

static bool keep_block(struct ct_pack_cache *cache, uint32_t block, const unsigned char *bytes,
		       size_t length)
{
	if (cache->block_count == CT_PACK_FRAME_BLOCKS)
		return false;
	cache->blocks[cache->block_count].block = block;
	cache->blocks[cache->block_count].offset = (uint32_t)cache->bytes.length;
	cache->blocks[cache->block_count].length = (uint32_t)length;
	cache->block_count++;
	ct_strbuf_add(&cache->bytes, bytes, length);
	return !cache->bytes.failed;
}

static bool decode_pieces(const struct ct_columns *columns, struct ct_pack_cache *cache,
			  XXH3_state_t *hash)
{
	ct_cleanup(ct_cleanup_free) unsigned char *block = malloc(CT_BLOCK_BYTES);
	struct ct_joiner joiner = {.columns = columns};
	size_t count = ct_column_count(&columns->columns[CT_PIECES_HEADS],
				       sizeof(struct ct_pack_piece));
	if (!block)
		return false;
	for (size_t i = 0; i < count; i++) {
		uint32_t ordinal;
		size_t used;
		if (!ct_piece_join(&joiner, block, &ordinal, &used) ||
		    !keep_block(cache, ordinal, block, used))
			return false;
		XXH3_64bits_update(hash, block, CT_BLOCK_BYTES);
	}
	return true;
}

static bool decode_blocks(const struct ct_columns *columns, struct ct_pack_cache *cache,
			  XXH3_state_t *hash)
{
	const struct ct_strbuf *column = &columns->columns[CT_BLOCKS_BYTES];
	const struct ct_strbuf *heads = &columns->columns[CT_BLOCKS_HEADS];
	const char *bytes = column->length ? column->bytes : "";
	size_t count = ct_column_count(heads, sizeof(uint32_t));
	for (size_t i = 0, at = 0; i < count; i++) {
		uint32_t ordinal;
		memcpy(&ordinal, heads->bytes + i * sizeof(ordinal), sizeof(ordinal));
		size_t left = column->length - at;
		size_t length = left < CT_BLOCK_BYTES ? left : CT_BLOCK_BYTES;
		if (!keep_block(cache, ordinal, (const unsigned char *)bytes + at, length))
			return false;
		at += length;
	}
	XXH3_64bits_update(hash, bytes, column->length);
	return true;
}

static void hash_cleanup(XXH3_state_t **hash)
{
	XXH3_freeState(*hash);
}

bool ct_pack_decode(const struct ct_pack_chunk *chunk, const void *body, struct ct_pack_cache *ret)
{
	ct_cleanup(ct_columns_deinit) struct ct_columns columns = {0};
	ct_cleanup(hash_cleanup) XXH3_state_t *hash = XXH3_createState();
	bool is_pieces = chunk->type == CT_PACK_PIECES;
	uint32_t wanted = is_pieces ? (uint32_t)CT_PIECES_COLUMNS : (uint32_t)CT_BLOCKS_COLUMNS;
	ret->block_count = 0;
	ret->bytes.length = 0;
	ret->bytes.failed = false;
	if (!hash || (!is_pieces && chunk->type != CT_PACK_BLOCKS) || chunk->version != 1 ||
	    !ct_columns_read(&columns, body, chunk->body_bytes, wanted, FRAME_COLUMN_MAX))
		return false;
	XXH3_64bits_reset(hash);
	if (!(is_pieces ? decode_pieces : decode_blocks)(&columns, ret, hash))
		return false;
	return XXH3_64bits_digest(hash) == chunk->content_hash;
}

static bool decode_frame(const struct ct_pack *pack, uint32_t input, uint32_t frame,
			 struct ct_pack_cache *cache)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf body = {0};
	struct ct_pack_chunk chunk;
	return read_body(pack, pack->inputs[input].frames[frame].offset, &chunk, &body) &&
	       chunk.input == input && ct_pack_decode(&chunk, body.bytes, cache);
}

/* False when it cannot be read, whichever time. */
static bool load_frame(const struct ct_pack *pack, uint32_t input, uint32_t frame,
		       struct ct_pack_cache *cache)
{
	if (cache->frame == frame + 1)
		return cache->block_count > 0;
	cache->frame = frame + 1;
	if (decode_frame(pack, input, frame, cache))
		return true;
	cache->block_count = 0;
	return false;
}

void ct_pack_cache_deinit(struct ct_pack_cache *cache)
{
	ct_strbuf_deinit(&cache->bytes);
	*cache = (struct ct_pack_cache){0};
}

bool ct_pack_check_frame(const struct ct_pack *pack, uint32_t input, uint32_t frame)
{
	ct_cleanup(ct_pack_cache_deinit) struct ct_pack_cache cache = {0};
	return load_frame(pack, input, frame, &cache);
}

/* ---- the index of a trace ---- */

static int compare_places(const void *left, const void *right)
{
	const struct place *a = left, *b = right;
	if (a->block != b->block)
		return a->block < b->block ? -1 : 1;
	return (a->index > b->index) - (a->index < b->index);
}

static bool is_block_of(const struct input *input, uint32_t block)
{
	return block < MAX_BLOCKS && (uint64_t)block * CT_BLOCK_BYTES < input->facts.file_bytes;
}

/* A block that is there twice counts the first time; one beyond the trace's end not at all. */
static void sort_places(struct input *input)
{
	uint32_t kept = 0;
	if (input->place_count)
		qsort(input->places, input->place_count, sizeof(*input->places), compare_places);
	for (uint32_t i = 0; i < input->place_count; i++) {
		if (!is_block_of(input, input->places[i].block) ||
		    (kept && input->places[kept - 1].block == input->places[i].block))
			continue;
		input->places[kept++] = input->places[i];
	}
	input->place_count = kept;
}

static bool is_frames_consistent(const struct ct_columns *columns)
{
	const struct ct_strbuf *frames = &columns->columns[CT_FRAMES_FRAMES];
	size_t blocks = ct_column_count(&columns->columns[CT_FRAMES_BLOCKS], sizeof(uint32_t));
	size_t heads = ct_column_count(&columns->columns[CT_FRAMES_HEADS],
				       sizeof(struct ct_block_header));
	uint64_t sum = 0;
	for (size_t i = 0; i < ct_column_count(frames, sizeof(struct ct_pack_frame)); i++) {
		struct ct_pack_frame frame;
		memcpy(&frame, frames->bytes + i * sizeof(frame), sizeof(frame));
		if (frame.block_count > CT_PACK_FRAME_BLOCKS)
			return false;
		sum += frame.block_count;
	}
	return sum == blocks && sum == heads;
}

static void *copied(const struct ct_strbuf *column)
{
	void *copy = malloc(column->length + 1);
	if (copy && column->length)
		memcpy(copy, column->bytes, column->length);
	return copy;
}

static void drop_index(struct input *input)
{
	free(input->frames);
	free(input->places);
	free(input->heads);
	input->frames = NULL;
	input->places = NULL;
	input->heads = NULL;
	input->frame_count = 0;
	input->place_count = 0;
}

static bool place_blocks(struct input *input, const struct ct_strbuf *blocks)
{
	size_t count = ct_column_count(blocks, sizeof(uint32_t));
	uint32_t index = 0;
	input->places = calloc(count + 1, sizeof(*input->places));
	if (!input->places)
		return false;
	for (uint32_t i = 0; i < input->frame_count; i++) {
		for (uint32_t j = 0; j < input->frames[i].block_count; j++, index++) {
			struct place *place = &input->places[index];
			*place = (struct place){.frame = i, .index = index};
			memcpy(&place->block, blocks->bytes + index * sizeof(uint32_t),
			       sizeof(uint32_t));
		}
	}
	input->place_count = index;
	sort_places(input);
	return true;
}

/* By the FRAMES chunk; false when it is not whole. */
static bool load_index(struct ct_pack *pack, uint32_t ordinal)
{
	ct_cleanup(ct_columns_deinit) struct ct_columns columns = {0};
	struct input *input = &pack->inputs[ordinal];
	struct ct_pack_chunk chunk;
	if (!input->frames_at ||
	    !read_chunk(pack, input->frames_at, CT_PACK_FRAMES, ordinal, CT_FRAMES_COLUMNS,
			CT_PACK_COLUMN_MAX, &chunk, &columns) ||
	    !is_frames_consistent(&columns))
		return false;
	const struct ct_strbuf *frames = &columns.columns[CT_FRAMES_FRAMES];
	input->frames = copied(frames);
	input->frame_count = (uint32_t)ct_column_count(frames, sizeof(*input->frames));
	input->heads = copied(&columns.columns[CT_FRAMES_HEADS]);
	if (input->frames && input->heads &&
	    place_blocks(input, &columns.columns[CT_FRAMES_BLOCKS]))
		return true;
	drop_index(input);
	return false;
}

/* ---- without an index ---- */

/* The frame at `offset` into the index that is being made; `blocks` gets its blocks. */
static bool index_frame(struct ct_pack *pack, const struct ct_pack_entry *entry,
			struct ct_strbuf *blocks)
{
	ct_cleanup(ct_columns_deinit) struct ct_columns columns = {0};
	struct input *input = &pack->inputs[entry->input];
	struct ct_pack_chunk chunk;
	uint32_t ordinals[CT_PACK_FRAME_BLOCKS];
	if (!read_chunk(pack, entry->offset, (enum ct_pack_type)entry->type, entry->input, 1,
			FRAME_COLUMN_MAX, &chunk, &columns)) {
		pack->damage++;
		return true;
	}
	struct ct_pack_frame frame = {.offset = entry->offset, .stored_bytes = chunk.body_bytes};
	frame.block_count = frame_blocks(&chunk, &columns, ordinals);
	if (chunk.type == CT_PACK_PIECES && frame.block_count > 0) {
		struct ct_pack_piece piece;
		memcpy(&piece, columns.columns[0].bytes, sizeof(piece));
		frame.stream = piece.header.stream;
		frame.first_seq = piece.header.seq;
	}
	struct ct_pack_frame *frames = input->frames;
	uint32_t count = input->frame_count;
	if ((count & (count - 1)) == 0) {
		frames = reallocarray(frames, count ? (size_t)count * 2 : 1, sizeof(*frames));
		if (!frames)
			return false;
		input->frames = frames;
	}
	frames[input->frame_count++] = frame;
	ct_strbuf_add(blocks, ordinals, frame.block_count * sizeof(*ordinals));
	for (uint32_t i = 0; i < frame.block_count; i++) {
		uint64_t end = ((uint64_t)ordinals[i] + 1) * CT_BLOCK_BYTES;
		if (!input->is_there && ordinals[i] < MAX_BLOCKS && end > input->facts.file_bytes)
			input->facts.file_bytes = end;
	}
	return !blocks->failed;
}

static bool make_index(struct ct_pack *pack, const struct chunk_list *list, uint32_t ordinal)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf blocks = {0};
	for (size_t i = 0; i < list->count; i++) {
		const struct ct_pack_entry *entry = &list->entries[i];
		if (entry->input == ordinal &&
		    (entry->type == CT_PACK_PIECES || entry->type == CT_PACK_BLOCKS) &&
		    !index_frame(pack, entry, &blocks))
			return false;
	}
	return place_blocks(&pack->inputs[ordinal], &blocks);
}

/* The next place at or after `offset` where a chunk may begin; UINT64_MAX: there is none. */
static uint64_t find_chunk(const struct ct_pack *pack, uint64_t offset)
{
	enum { PART_BYTES = 1 << 16 };
	ct_cleanup(ct_cleanup_free) unsigned char *part = malloc(PART_BYTES);
	const uint32_t magic = CT_PACK_CHUNK_MAGIC;
	while (part && offset < pack->file_bytes) {
		size_t length = ct_read_at(pack->fd, part, PART_BYTES, offset);
		if (length < sizeof(magic))
			break;
		for (size_t i = 0; i + sizeof(magic) <= length; i += CT_PACK_ALIGNMENT)
			if (memcmp(part + i, &magic, sizeof(magic)) == 0)
				return offset + i;
		offset += PART_BYTES;
	}
	return UINT64_MAX;
}

/* All chunks of the file, whether or not something between them is damaged. */
static bool scan_chunks(struct ct_pack *pack, struct chunk_list *list)
{
	uint64_t offset = sizeof(struct ct_pack_header);
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf body = {0};
	struct ct_pack_chunk chunk;
	list->count = 0;
	while (offset < pack->file_bytes) {
		/* One that is damaged may have lost bytes: where it ends is not known. */
		body.length = 0;
		if (read_body(pack, offset, &chunk, &body)) {
			if (!add_chunk(list, offset, &chunk))
				return false;
			offset = chunk_end(offset, &chunk);
			continue;
		}
		offset = find_chunk(pack, offset + CT_PACK_ALIGNMENT);
	}
	return true;
}

/* ---- opening ---- */

/* A name for a file of this folder and no other; NULL: out of memory. */
static char *safe_name(const struct ct_strbuf *name, uint32_t ordinal)
{
	char *copy = NULL;
	bool is_safe = name->length > 0 && name->length <= 255 && name->bytes[0] != '.' &&
		       !memchr(name->bytes, '/', name->length) &&
		       !memchr(name->bytes, '\0', name->length);
	if (is_safe)
		return strndup(name->bytes, name->length);
	return asprintf(&copy, "trace-%u.ctrace", ordinal + 1) < 0 ? NULL : copy;
}

static bool load_input(struct ct_pack *pack, const struct ct_pack_entry *entry)
{
	ct_cleanup(ct_columns_deinit) struct ct_columns columns = {0};
	struct input *input = &pack->inputs[entry->input];
	struct ct_pack_chunk chunk;
	if (!read_chunk(pack, entry->offset, CT_PACK_INPUT, entry->input, CT_INPUT_COLUMNS,
			CT_PACK_PLAIN_BYTES, &chunk, &columns) ||
	    columns.columns[CT_INPUT_FACTS].length < sizeof(input->facts) || input->is_there) {
		pack->damage++;
		return true;
	}
	memcpy(&input->facts, columns.columns[CT_INPUT_FACTS].bytes, sizeof(input->facts));
	input->is_there = true;
	input->name = safe_name(&columns.columns[CT_INPUT_NAME], entry->input);
	return input->name;
}

/* How many traces the chunks are of; what is beyond the number of chunks is damage. */
static uint32_t count_inputs(const struct chunk_list *list)
{
	uint32_t count = 0;
	for (size_t i = 0; i < list->count; i++) {
		const struct ct_pack_entry *entry = &list->entries[i];
		bool is_of_one = entry->type >= CT_PACK_INPUT && entry->type <= CT_PACK_NAMES;
		if (is_of_one && entry->input >= count && entry->input < list->count)
			count = entry->input + 1;
	}
	return count;
}

static bool load_chunk(struct ct_pack *pack, const struct ct_pack_entry *entry)
{
	if (entry->type == CT_PACK_SUMMARY)
		pack->summary_at = entry->offset;
	if (entry->input >= pack->input_count)
		return true;
	struct input *input = &pack->inputs[entry->input];
	if (entry->type == CT_PACK_INPUT)
		return load_input(pack, entry);
	if (entry->type == CT_PACK_FRAMES)
		input->frames_at = entry->offset;
	if (entry->type == CT_PACK_NAMES)
		input->names_at = entry->offset;
	return true;
}

static void drop_inputs(struct ct_pack *pack)
{
	for (uint32_t i = 0; i < pack->input_count; i++) {
		drop_index(&pack->inputs[i]);
		free(pack->inputs[i].name);
	}
	free(pack->inputs);
	pack->inputs = NULL;
	pack->input_count = 0;
}

static bool load_inputs(struct ct_pack *pack, const struct chunk_list *list)
{
	drop_inputs(pack);
	uint32_t count = count_inputs(list);
	pack->inputs = calloc((size_t)count + 1, sizeof(*pack->inputs));
	if (!pack->inputs)
		return false;
	pack->input_count = count;
	for (size_t i = 0; i < list->count; i++)
		if (!load_chunk(pack, &list->entries[i]))
			return false;
	for (uint32_t i = 0; i < count; i++) {
		const struct ct_strbuf nameless = {0};
		if (!pack->inputs[i].name && !(pack->inputs[i].name = safe_name(&nameless, i)))
			return false;
	}
	return true;
}

/* The directory, as the footer tells; false: there is none that is whole. */
static bool read_directory(struct ct_pack *pack, struct chunk_list *list)
{
	ct_cleanup(ct_columns_deinit) struct ct_columns columns = {0};
	struct ct_pack_footer footer;
	struct ct_pack_chunk chunk;
	if (pack->file_bytes < sizeof(footer) ||
	    !read_exactly(pack, pack->file_bytes - sizeof(footer), &footer, sizeof(footer)) ||
	    footer.magic != CT_PACK_FOOTER_MAGIC ||
	    !hash_is(footer.hash, &footer, offsetof(struct ct_pack_footer, hash)) ||
	    !read_chunk(pack, footer.directory, CT_PACK_DIRECTORY, 0, 1, CT_PACK_COLUMN_MAX, &chunk,
			&columns))
		return false;
	list->entries = copied(&columns.columns[0]);
	list->count = list->capacity = ct_column_count(&columns.columns[0], sizeof(*list->entries));
	return list->entries;
}

static bool load_by_directory(struct ct_pack *pack)
{
	ct_cleanup(chunk_list_deinit) struct chunk_list list = {0};
	if (!read_directory(pack, &list) || !load_inputs(pack, &list))
		return false;
	for (uint32_t i = 0; i < pack->input_count; i++)
		if (!pack->inputs[i].is_there || !load_index(pack, i))
			return false;
	return true;
}

/*
 * Does the index know every frame that was found? It does not where bytes are missing in the
 * middle of the file, so that all behind them lie elsewhere now.
 */
static bool index_knows(const struct input *input, uint32_t ordinal, const struct chunk_list *list)
{
	size_t known = 0;
	for (size_t i = 0, at = 0; i < list->count; i++) {
		const struct ct_pack_entry *entry = &list->entries[i];
		if (entry->input != ordinal ||
		    (entry->type != CT_PACK_PIECES && entry->type != CT_PACK_BLOCKS))
			continue;
		while (at < input->frame_count && input->frames[at].offset < entry->offset)
			at++;
		if (at == input->frame_count || input->frames[at].offset != entry->offset)
			return false;
		known++;
	}
	return known > 0;
}

static bool load_by_scan(struct ct_pack *pack)
{
	ct_cleanup(chunk_list_deinit) struct chunk_list list = {0};
	pack->damage = 1;
	if (!scan_chunks(pack, &list) || !load_inputs(pack, &list))
		return false;
	for (uint32_t i = 0; i < pack->input_count; i++) {
		if (load_index(pack, i) && index_knows(&pack->inputs[i], i, &list))
			continue;
		drop_index(&pack->inputs[i]);
		if (!make_index(pack, &list, i))
			return false;
	}
	return true;
}

static struct ct_error *check_header(const struct ct_pack *pack)
{
	struct ct_pack_header header;
	if (!read_exactly(pack, 0, &header, sizeof(header)) || header.magic != CT_PACK_MAGIC)
		return ct_error_create("not a packed trace");
	if (header.version != CT_PACK_VERSION &&
	    hash_is(header.hash, &header, offsetof(struct ct_pack_header, hash)))
		return ct_error_create("packed in version %u, this tool reads %d; use the "
				       "calltrace command of the version that packed it or newer",
				       header.version, CT_PACK_VERSION);
	return NULL;
}

static void cleanup_pack(struct ct_pack **pack)
{
	ct_pack_release(*pack);
}

struct ct_error *ct_pack_open(const char *path, struct ct_pack **ret)
{
	ct_cleanup(cleanup_pack) struct ct_pack *pack = calloc(1, sizeof(*pack));
	struct stat file;
	if (!pack)
		return ct_error_nomem;
	pack->users = 1;
	pack->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (pack->fd < 0 || fstat(pack->fd, &file) < 0)
		return ct_error_errno(errno, "cannot open '%s'", path);
	pack->file_bytes = (uint64_t)file.st_size;
	struct ct_error *err = check_header(pack);
	if (err)
		return ct_error_wrap(err, "opening '%s'", path);
	if (!load_by_directory(pack) && !load_by_scan(pack))
		return ct_error_nomem;
	if (pack->input_count == 0)
		return ct_error_create("opening '%s': it is cut short or damaged; nothing can be "
				       "read",
				       path);
	*ret = ct_take(pack);
	return NULL;
}

struct ct_pack *ct_pack_keep(struct ct_pack *pack)
{
	pack->users++;
	return pack;
}

void ct_pack_release(struct ct_pack *pack)
{
	if (!pack || --pack->users > 0)
		return;
	if (pack->fd >= 0)
		close(pack->fd);
	drop_inputs(pack);
	free(pack);
}

bool ct_pack_is_one(const char *path)
{
	uint32_t magic = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	size_t length = ct_read_at(fd, &magic, sizeof(magic), 0);
	close(fd);
	return length == sizeof(magic) && magic == CT_PACK_MAGIC;
}

/* ---- what is in it ---- */

int ct_pack_descriptor(const struct ct_pack *pack)
{
	return pack->fd;
}

uint32_t ct_pack_input_count(const struct ct_pack *pack)
{
	return pack->input_count;
}

const char *ct_pack_name(const struct ct_pack *pack, uint32_t input)
{
	return pack->inputs[input].name;
}

uint32_t ct_pack_find(const struct ct_pack *pack, const char *name)
{
	for (uint32_t i = 0; i < pack->input_count; i++)
		if (strcmp(pack->inputs[i].name, name) == 0)
			return i;
	return UINT32_MAX;
}

uint64_t ct_pack_trace_bytes(const struct ct_pack *pack, uint32_t input)
{
	return pack->inputs[input].facts.file_bytes;
}

int64_t ct_pack_shift_ns(const struct ct_pack *pack, uint32_t input)
{
	return pack->inputs[input].facts.shift_ns;
}

uint64_t ct_pack_stored_bytes(const struct ct_pack *pack, uint32_t input)
{
	uint64_t bytes = 0;
	for (uint32_t i = 0; i < pack->inputs[input].frame_count; i++)
		bytes += pack->inputs[input].frames[i].stored_bytes;
	return bytes;
}

uint64_t ct_pack_damage(const struct ct_pack *pack)
{
	return pack->damage;
}

uint32_t ct_pack_frame_count(const struct ct_pack *pack, uint32_t input)
{
	return pack->inputs[input].frame_count;
}

const struct ct_pack_frame *ct_pack_frame_at(const struct ct_pack *pack, uint32_t input,
					     uint32_t frame)
{
	return &pack->inputs[input].frames[frame];
}

/* The first place at or after `block`. */
static uint32_t find_place(const struct input *input, uint32_t block)
{
	uint32_t low = 0, high = input->place_count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (input->places[middle].block < block)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t ct_pack_frame_of(const struct ct_pack *pack, uint32_t ordinal, uint32_t block)
{
	const struct input *input = &pack->inputs[ordinal];
	uint32_t at = find_place(input, block);
	bool is_there = at < input->place_count && input->places[at].block == block;
	return is_there ? input->places[at].frame : UINT32_MAX;
}

uint32_t ct_pack_next_block(const struct ct_pack *pack, uint32_t input, uint32_t block)
{
	uint32_t at = find_place(&pack->inputs[input], block);
	return at < pack->inputs[input].place_count ? pack->inputs[input].places[at].block
						    : UINT32_MAX;
}

size_t ct_pack_cached_block(const struct ct_pack_cache *cache, uint32_t block, void *ret,
			    size_t size_bytes)
{
	for (uint32_t i = 0; i < cache->block_count; i++) {
		if (cache->blocks[i].block != block)
			continue;
		size_t there = cache->blocks[i].length;
		size_t part = there < size_bytes ? there : size_bytes;
		memcpy(ret, cache->bytes.bytes + cache->blocks[i].offset, part);
		memset((char *)ret + part, 0, size_bytes - part);
		return size_bytes;
	}
	return 0;
}

size_t ct_pack_read_block(const struct ct_pack *pack, uint32_t ordinal, uint32_t block, void *ret,
			  size_t size_bytes, struct ct_pack_cache *cache)
{
	const struct input *input = &pack->inputs[ordinal];
	if (!is_block_of(input, block))
		return 0;
	uint64_t left = input->facts.file_bytes - (uint64_t)block * CT_BLOCK_BYTES;
	if (size_bytes > left)
		size_bytes = (size_t)left;
	uint32_t at = find_place(input, block);
	if (at == input->place_count || input->places[at].block != block) {
		memset(ret, 0, size_bytes);
		return size_bytes;
	}
	const struct place *place = &input->places[at];
	if (input->heads && size_bytes <= sizeof(*input->heads)) {
		memcpy(ret, &input->heads[place->index], size_bytes);
		return size_bytes;
	}
	return load_frame(pack, ordinal, place->frame, cache)
		       ? ct_pack_cached_block(cache, block, ret, size_bytes)
		       : 0;
}

void ct_pack_forget_heads(struct ct_pack *pack, uint32_t input)
{
	free(pack->inputs[input].heads);
	pack->inputs[input].heads = NULL;
}

bool ct_pack_read_names(const struct ct_pack *pack, uint32_t input, struct ct_columns *ret)
{
	struct ct_pack_chunk chunk;
	return pack->inputs[input].names_at &&
	       read_chunk(pack, pack->inputs[input].names_at, CT_PACK_NAMES, input,
			  CT_NAMES_COLUMNS, CT_PACK_COLUMN_MAX, &chunk, ret);
}

bool ct_pack_read_summary(const struct ct_pack *pack, struct ct_columns *ret)
{
	struct ct_pack_chunk chunk;
	return pack->summary_at && read_chunk(pack, pack->summary_at, CT_PACK_SUMMARY, 0,
					      CT_SUMMARY_COLUMNS, CT_PACK_COLUMN_MAX, &chunk, ret);
}
