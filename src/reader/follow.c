/* SPDX-License-Identifier: MIT */
/*
 * Reading a trace while it is written: see follow.h.
 *
 * A piece is in the window first, then appended, then the window begins anew.
 * So a window is read, and the file is looked through for the piece after
 * that: when it is there by now, the window may have been changed while it was
 * read, and what was read of it is thrown away. The record at a window's end may
 * be one that is being written: it is left for the next time.
 */
#include "reader/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/io.h"
#include "reader/trace_private.h"

enum {
	BEHIND_PIECES_MAX = 2048, /* of one thread, 128 MiB, a second or so: more is skipped */
	BLOCKS_MAX = 1 << 30,
	STREAMS_MAX = 1 << 20,
	UNSETTLED_MAX = 1 << 16,
	TABLE_BLOCKS_MAX = 1 << 14,
};

struct piece {
	uint64_t seq;
	uint32_t block;
};

/* One thread. */
struct stream {
	struct ct_walk *walk;
	struct piece *pieces; /* appended, and not read yet */
	size_t piece_count, piece_capacity;
	uint64_t seq;	 /* of the piece that is being read */
	size_t offset;	 /* of its records: read */
	uint32_t window; /* block of its window; 0: none is known */
	uint64_t window_seq;
	size_t seen_end;      /* of the records that its window had last time */
	uint64_t epoch_ticks; /* of the records after `offset` */
	bool has_begun;	      /* `seq` and `offset` mean something */
	bool was_seen;	      /* its window was read the last time */
	struct ct_follow_last last;
};

/* Which block has a table's rows, by the seq of the block; 0: not known. */
struct table {
	uint32_t *blocks;
	size_t count;
};

struct ct_follow {
	int fd;
	struct ct_file_info info;
	uint64_t file_id;
	struct ct_scale scale;
	uint32_t next_block; /* the first that was not looked at */
	uint32_t *unsettled; /* blocks that were reserved and not in use when they were seen */
	size_t unsettled_count, unsettled_capacity;
	uint32_t *windows; /* blocks that are windows, of whichever thread at the moment */
	size_t window_count, window_capacity;
	struct stream *streams; /* by row - 1 */
	size_t stream_count;
	struct table tables[CT_BLOCK_PLANS + 1];
	uint64_t skipped;
	bool is_over, failed;
	struct ct_piece_buffer spare;
};

void ct_follow_destroy(struct ct_follow *follow)
{
	if (!follow)
		return;
	for (size_t i = 0; i < follow->stream_count; i++) {
		ct_walk_destroy(follow->streams[i].walk);
		free(follow->streams[i].pieces);
	}
	for (size_t i = 0; i < sizeof(follow->tables) / sizeof(follow->tables[0]); i++)
		free(follow->tables[i].blocks);
	free(follow->streams);
	free(follow->unsettled);
	free(follow->windows);
	if (follow->fd >= 0)
		close(follow->fd);
	free(follow);
}

static void cleanup_follow(struct ct_follow **follow)
{
	ct_follow_destroy(*follow);
}

static size_t read_at(const struct ct_follow *follow, uint32_t block, size_t offset, void *ret,
		      size_t size_bytes)
{
	size_t done = ct_read_at(follow->fd, ret, size_bytes,
				 (uint64_t)block * CT_BLOCK_BYTES + offset);
	memset((char *)ret + done, 0, size_bytes - done);
	return done;
}

static struct ct_error *read_info(struct ct_follow *follow)
{
	struct ct_block_header header;
	read_at(follow, 0, 0, &header, sizeof(header));
	if (header.magic == 0)
		return ct_error_create("nothing was recorded yet");
	if (header.magic != CT_BLOCK_MAGIC || header.type != CT_BLOCK_FILE)
		return ct_error_create("not a CallTrace trace");
	if (header.version != 1)
		return ct_error_create("written in another format; use the calltrace command of "
				       "the version that records it");
	read_at(follow, 0, sizeof(header), &follow->info, sizeof(follow->info));
	if (follow->info.format_version != CT_FORMAT_VERSION ||
	    follow->info.block_bytes != CT_BLOCK_BYTES ||
	    follow->info.epoch_shift != CT_EPOCH_SHIFT)
		return ct_error_create("written in another format; use the calltrace command of "
				       "the version that records it");
	follow->file_id = header.file_id;
	follow->scale = ct_scale_of(&follow->info);
	return NULL;
}

struct ct_error *ct_follow_open(const char *path, struct ct_follow **ret)
{
	ct_cleanup(cleanup_follow) struct ct_follow *follow = calloc(1, sizeof(*follow));
	struct stat status;
	if (!follow)
		return ct_error_nomem;
	follow->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (follow->fd < 0)
		return ct_error_errno(errno, "cannot open '%s'", path);
	if (fstat(follow->fd, &status) != 0 || !S_ISREG(status.st_mode))
		return ct_error_create("'%s' is not a trace", path);
	posix_fadvise(follow->fd, 0, 0, POSIX_FADV_RANDOM);
	follow->next_block = 1;
	struct ct_error *err = read_info(follow);
	if (err)
		return ct_error_wrap(err, "opening trace '%s'", path);
	*ret = ct_take(follow);
	return NULL;
}

/* ---- blocks ---- */

static bool add_block(struct ct_follow *follow, uint32_t **array, size_t *count, size_t *capacity,
		      uint32_t block)
{
	if (*count == *capacity) {
		size_t wanted = *capacity ? *capacity * 2 : 64;
		uint32_t *larger = reallocarray(*array, wanted, sizeof(**array));
		if (!larger) {
			follow->failed = true;
			return false;
		}
		*array = larger;
		*capacity = wanted;
	}
	(*array)[(*count)++] = block;
	return true;
}

static struct stream *stream_of(struct ct_follow *follow, uint32_t number)
{
	if (number == 0 || number > STREAMS_MAX)
		return NULL;
	if (number > follow->stream_count) {
		struct stream *larger = reallocarray(follow->streams, number, sizeof(*larger));
		if (!larger) {
			follow->failed = true;
			return NULL;
		}
		memset(larger + follow->stream_count, 0,
		       (number - follow->stream_count) * sizeof(*larger));
		follow->streams = larger;
		follow->stream_count = number;
	}
	return &follow->streams[number - 1];
}

static void add_piece(struct ct_follow *follow, const struct ct_block_header *header,
		      uint32_t block)
{
	struct stream *stream = stream_of(follow, header->stream);
	if (!stream || (stream->has_begun && header->seq < stream->seq))
		return;
	if (stream->piece_count == BEHIND_PIECES_MAX) {
		/* Half of them at once: moving them one by one would take its time. */
		enum { DROPPED = BEHIND_PIECES_MAX / 2 };
		follow->skipped += DROPPED;
		stream->piece_count -= DROPPED;
		memmove(stream->pieces, stream->pieces + DROPPED,
			stream->piece_count * sizeof(*stream->pieces));
	}
	if (stream->piece_count == stream->piece_capacity) {
		size_t wanted = stream->piece_capacity ? stream->piece_capacity * 2 : 4;
		struct piece *larger = reallocarray(stream->pieces, wanted, sizeof(*larger));
		if (!larger) {
			follow->failed = true;
			return;
		}
		stream->pieces = larger;
		stream->piece_capacity = wanted;
	}
	size_t at = stream->piece_count++;
	for (; at > 0 && stream->pieces[at - 1].seq > header->seq; at--)
		stream->pieces[at] = stream->pieces[at - 1];
	stream->pieces[at] = (struct piece){header->seq, block};
}

static void add_table(struct ct_follow *follow, const struct ct_block_header *header,
		      uint32_t block)
{
	struct table *table = &follow->tables[header->type];
	if (header->seq >= TABLE_BLOCKS_MAX)
		return;
	if (header->seq >= table->count) {
		uint32_t *larger = reallocarray(table->blocks, header->seq + 1, sizeof(*larger));
		if (!larger) {
			follow->failed = true;
			return;
		}
		memset(larger + table->count, 0,
		       (header->seq + 1 - table->count) * sizeof(*larger));
		table->blocks = larger;
		table->count = header->seq + 1;
	}
	table->blocks[header->seq] = block;
}

static void look_at_block(struct ct_follow *follow, uint32_t block)
{
	struct ct_block_header header;
	read_at(follow, block, 0, &header, sizeof(header));
	bool is_piece = header.type == CT_BLOCK_RECORDS && header.used_bytes > 0;
	bool is_whole = header.magic != 0 &&
			(!is_piece || header.head_sum == ct_block_head_sum(&header));
	if (!is_whole && follow->unsettled_count < UNSETTLED_MAX) {
		add_block(follow, &follow->unsettled, &follow->unsettled_count,
			  &follow->unsettled_capacity, block);
		return;
	}
	if (header.magic != CT_BLOCK_MAGIC || header.file_id != follow->file_id ||
	    header.version != 1 || header.seq == UINT64_MAX)
		return;
	if (header.type >= CT_BLOCK_SITES && header.type <= CT_BLOCK_PLANS)
		add_table(follow, &header, block);
	else if (header.type == CT_BLOCK_RECORDS && header.used_bytes == 0)
		add_block(follow, &follow->windows, &follow->window_count, &follow->window_capacity,
			  block);
	else if (is_piece && is_whole)
		add_piece(follow, &header, block);
}

static void look_for_blocks(struct ct_follow *follow)
{
	struct stat status;
	size_t waiting = follow->unsettled_count;
	follow->unsettled_count = 0;
	for (size_t i = 0; i < waiting; i++)
		look_at_block(follow, follow->unsettled[i]);
	if (fstat(follow->fd, &status) != 0)
		return;
	/* The last one may be a piece that is shorter. */
	uint64_t blocks = ((uint64_t)status.st_size + CT_BLOCK_BYTES - 1) / CT_BLOCK_BYTES;
	for (; follow->next_block < blocks && follow->next_block < BLOCKS_MAX && !follow->failed;
	     follow->next_block++)
		look_at_block(follow, follow->next_block);
}

/* A window goes from a thread that has ended to another. */
static void look_at_windows(struct ct_follow *follow)
{
	for (size_t i = 0; i < follow->stream_count; i++)
		follow->streams[i].window = 0;
	for (size_t i = 0; i < follow->window_count; i++) {
		struct ct_block_header header;
		read_at(follow, follow->windows[i], 0, &header, sizeof(header));
		struct stream *stream = header.magic == CT_BLOCK_MAGIC &&
							header.type == CT_BLOCK_RECORDS &&
							header.used_bytes == 0
						? stream_of(follow, header.stream)
						: NULL;
		if (!stream)
			continue;
		stream->window = follow->windows[i];
		stream->window_seq = header.seq;
	}
}

/* ---- pieces ---- */

static bool read_block(struct ct_follow *follow, uint32_t block, uint32_t stream, uint64_t seq,
		       bool is_window, struct ct_piece_buffer *ret)
{
	const struct ct_trace trace = {.fd = follow->fd, .file_id = follow->file_id};
	const struct ct_piece piece = {
		.seq = seq,
		.stream = stream,
		.block = block & 0x7fffffff,
		.live = is_window,
	};
	return ct_trace_read_piece(&trace, &piece, ret);
}

struct records {
	const unsigned char *last,
		*end; /* the last one begins, with what belongs to it; and ends */
	uint64_t last_word;
	uint64_t last_epoch_ticks; /* before it */
	uint64_t epoch_ticks;	   /* after it */
};

/* The last record of a piece: one that is being written may be seen in part, or never be
 * published. */
static struct records find_last_record(const struct ct_piece_buffer *piece, size_t offset,
				       uint64_t epoch_ticks)
{
	const unsigned char *at = piece->begin + offset;
	struct records records = {.last = at, .last_epoch_ticks = epoch_ticks};
	while (at < piece->end && (*at & 3) != CT_RECORD_END) {
		uint64_t word;
		struct ct_extended extended;
		memcpy(&word, at, sizeof(word));
		size_t size_bytes = ct_record_bytes(word);
		if (size_bytes < 2 || size_bytes > (size_t)(piece->end - at))
			break;
		/* Values belong to the record before them. */
		if (!ct_is_values((uint8_t)word)) {
			records.last = at;
			records.last_word = word;
			records.last_epoch_ticks = epoch_ticks;
			if ((word & 3) == CT_RECORD_EXTENDED && size_bytes >= sizeof(extended)) {
				memcpy(&extended, at, sizeof(extended));
				epoch_ticks = extended.ticks & ~CT_TIME_MASK;
			}
		}
		at += size_bytes;
	}
	records.end = at;
	records.epoch_ticks = epoch_ticks;
	return records;
}

/* Leave it, unless it is as it was the last time. */
static void leave_last_record(struct stream *stream, struct ct_piece_buffer *piece, bool begins)
{
	size_t offset = begins ? 0 : stream->offset;
	struct records records = find_last_record(piece, offset,
						  begins ? piece->header.epoch << CT_EPOCH_SHIFT
							 : stream->epoch_ticks);
	size_t end = (size_t)(records.end - piece->begin);
	bool is_settled = !begins && end == stream->seen_end;
	stream->seen_end = end;
	stream->epoch_ticks = is_settled ? records.epoch_ticks : records.last_epoch_ticks;
	if (is_settled)
		return;
	stream->last.record = (uint8_t)(records.last_word & 3);
	stream->last.ticks = records.last_epoch_ticks | (records.last_word >> 2 & CT_TIME_MASK);
	stream->last.site = (uint32_t)(records.last_word >> 24 & CT_SITE_MAX);
	unsigned char *last = piece->block + (records.last - piece->block);
	memset(last, 0, (size_t)(piece->block + sizeof(piece->block) - last));
}

struct reading {
	struct ct_follow *follow;
	uint32_t number;
	struct stream *stream;
	ct_follow_step_fn *take;
	void *context;
};

/* Calls and returns, many at a time, up to the first step of another kind. `*ret_done`: there
 * was none. */
static bool take_plain_steps(const struct reading *reading, bool *ret_done)
{
	enum { AT_ONCE = 256 };
	struct ct_plain_step steps[AT_ONCE];
	struct ct_walk *walk = reading->stream->walk;
	struct ct_step step = {0};
	uint32_t depth = ct_walk_open_count(walk);
	size_t count = ct_walk_plain(walk, steps, AT_ONCE, &step.stack);
	*ret_done = count == 0;
	for (size_t i = 0; i < count; i++) {
		bool is_end = steps[i].is_end;
		step.kind = is_end ? CT_STEP_END : CT_STEP_CALL;
		step.site = steps[i].site;
		step.ticks = steps[i].ticks;
		step.values = steps[i].values;
		step.value_bytes = steps[i].value_bytes;
		step.depth = is_end ? --depth : depth++;
		if (!reading->take(reading->context, reading->number, &step))
			return false;
	}
	return true;
}

/* Give the walk what is in its buffer. */
static bool walk_on(const struct reading *reading, uint64_t seq)
{
	struct stream *stream = reading->stream;
	bool begins = !stream->has_begun || seq != stream->seq;
	struct ct_step step = {.kind = CT_STEP_LOST};
	if (stream->has_begun && seq > stream->seq + 1 &&
	    !reading->take(reading->context, reading->number, &step))
		return false;
	ct_walk_feed(stream->walk, begins ? 0 : stream->offset, begins);
	stream->seq = seq;
	stream->has_begun = true;
	for (;;) {
		bool is_done = false;
		while (!is_done)
			if (!take_plain_steps(reading, &is_done))
				return false;
		if (!ct_walk_next(stream->walk, &step))
			break;
		if (!reading->take(reading->context, reading->number, &step))
			return false;
	}
	stream->offset = ct_walk_offset(stream->walk);
	return !ct_walk_failed(stream->walk);
}

/* Appended pieces, in order; one that is not whole yet ends it. */
static bool read_appended(const struct reading *reading)
{
	struct stream *stream = reading->stream;
	size_t done = 0;
	bool is_good = true;
	for (; done < stream->piece_count && is_good; done++) {
		const struct piece *piece = &stream->pieces[done];
		if (stream->has_begun && piece->seq < stream->seq)
			continue;
		if (!read_block(reading->follow, piece->block, reading->number, piece->seq, false,
				ct_walk_buffer(stream->walk))) {
			bool is_being_written = !stream->window || stream->window_seq <= piece->seq;
			if (is_being_written && !reading->follow->is_over)
				break;
			reading->follow->skipped++;
			continue;
		}
		is_good = walk_on(reading, piece->seq);
	}
	stream->piece_count -= done;
	if (stream->piece_count && done)
		memmove(stream->pieces, stream->pieces + done,
			stream->piece_count * sizeof(*stream->pieces));
	return is_good;
}

/* The piece of the window that was read is in the file by now, or one of a later seq. */
static bool was_appended(const struct stream *stream, uint64_t seq)
{
	return stream->piece_count > 0 && stream->pieces[stream->piece_count - 1].seq >= seq;
}

static bool read_window(const struct reading *reading)
{
	struct ct_follow *follow = reading->follow;
	struct stream *stream = reading->stream;
	uint64_t seq = stream->window_seq;
	const struct ct_follow_last last = {.ticks_seen = ct_follow_now(follow)};
	if (!stream->window || (stream->has_begun && seq < stream->seq) ||
	    was_appended(stream, seq) ||
	    !read_block(follow, stream->window, reading->number, seq, true, &follow->spare))
		return true;
	look_for_blocks(follow);
	/* The streams may have moved. */
	const struct reading again = {follow, reading->number,
				      &follow->streams[reading->number - 1], reading->take,
				      reading->context};
	stream = again.stream;
	if (follow->failed)
		return false;
	if (was_appended(stream, seq))
		return true;
	bool begins = !stream->has_begun || seq != stream->seq;
	stream->was_seen = true;
	stream->last = last;
	if (!follow->is_over)
		leave_last_record(stream, &follow->spare, begins);
	struct ct_piece_buffer *buffer = ct_walk_buffer(stream->walk);
	memcpy(buffer, &follow->spare, sizeof(*buffer));
	buffer->begin = buffer->block + (follow->spare.begin - follow->spare.block);
	buffer->end = buffer->block + (follow->spare.end - follow->spare.block);
	return walk_on(&again, seq);
}

/* A thread without a window has ended: its walk is large. */
static void forget_ended(struct stream *stream)
{
	if (stream->window || stream->piece_count)
		return;
	ct_walk_destroy(stream->walk);
	stream->walk = NULL;
	free(stream->pieces);
	stream->pieces = NULL;
	stream->piece_capacity = 0;
}

struct ct_error *ct_follow_read(struct ct_follow *follow, ct_follow_step_fn *take, void *context)
{
	if (follow->is_over)
		return NULL;
	struct ct_error *err = read_info(follow);
	if (err)
		return err;
	/* It may be gone without a word. Then what is read now is all there is. */
	bool ends = follow->info.state != CT_STATE_RUNNING ||
		    !ct_process_maps_file(follow->info.pid, follow->fd);
	follow->is_over = ends;
	look_for_blocks(follow);
	look_at_windows(follow);
	look_for_blocks(follow); /* a thread that had no window any more has its last piece there */
	for (uint32_t i = 0; i < follow->stream_count && !follow->failed; i++) {
		struct reading reading = {follow, i + 1, &follow->streams[i], take, context};
		reading.stream->was_seen = false;
		if (!reading.stream->window && reading.stream->piece_count == 0)
			continue;
		if (!reading.stream->walk)
			reading.stream->walk = ct_walk_create_fed();
		follow->failed |= !reading.stream->walk || !read_appended(&reading) ||
				  !read_window(&reading);
		forget_ended(&follow->streams[i]);
	}
	return follow->failed ? ct_error_nomem : NULL;
}

const struct ct_file_info *ct_follow_info(const struct ct_follow *follow)
{
	return &follow->info;
}

bool ct_follow_is_over(const struct ct_follow *follow)
{
	return follow->is_over;
}

uint64_t ct_follow_skipped(const struct ct_follow *follow)
{
	return follow->skipped;
}

bool ct_follow_last(const struct ct_follow *follow, uint32_t stream, struct ct_follow_last *ret)
{
	if (stream == 0 || stream > follow->stream_count || !follow->streams[stream - 1].was_seen)
		return false;
	*ret = follow->streams[stream - 1].last;
	return true;
}

uint32_t ct_follow_stream_count(const struct ct_follow *follow)
{
	return (uint32_t)follow->stream_count;
}

/* ---- tables ---- */

static bool read_row(const struct ct_follow *follow, enum ct_block_type type, uint64_t row,
		     uint32_t rows_per_block, void *ret, size_t size_bytes)
{
	const struct table *table = &follow->tables[type];
	uint64_t seq = row / rows_per_block;
	if (seq >= table->count || !table->blocks[seq])
		return false;
	size_t offset = CT_BLOCK_HEADER_BYTES + (size_t)(row % rows_per_block) * size_bytes;
	return read_at(follow, table->blocks[seq], offset, ret, size_bytes) == size_bytes;
}

bool ct_follow_site(struct ct_follow *follow, uint32_t number, struct ct_site *ret)
{
	return number > 0 &&
	       read_row(follow, CT_BLOCK_SITES, number - 1, CT_SITES_PER_BLOCK, ret,
			sizeof(*ret)) &&
	       ret->site != 0;
}

bool ct_follow_thread(struct ct_follow *follow, uint32_t stream, struct ct_thread_row *ret)
{
	return stream > 0 &&
	       read_row(follow, CT_BLOCK_THREADS, stream - 1, CT_THREADS_PER_BLOCK, ret,
			sizeof(*ret)) &&
	       ret->stream == stream;
}

/* What is looked for among the modules: `ordinal`, or 0 for the last one that holds `address`. */
struct wanted_module {
	uint32_t ordinal;
	uint64_t address;
};

static bool is_wanted(const struct wanted_module *wanted, const struct ct_module *entry)
{
	return wanted->ordinal ? entry->ordinal == wanted->ordinal
			       : wanted->address >= entry->low && wanted->address < entry->high;
}

static bool find_module(struct ct_follow *follow, const struct wanted_module *wanted, char *path,
			struct ct_trace_module *ret)
{
	const struct table *table = &follow->tables[CT_BLOCK_MODULES];
	ct_cleanup(ct_cleanup_free) unsigned char *bytes = malloc(CT_BLOCK_BYTES);
	bool is_found = false;
	for (size_t i = 0; bytes && i < table->count; i++) {
		if (!table->blocks[i])
			continue;
		size_t length = read_at(follow, table->blocks[i], 0, bytes, CT_BLOCK_BYTES);
		struct ct_cursor cur = ct_cursor_init(bytes, length, "module table");
		ct_cursor_skip(&cur, CT_BLOCK_HEADER_BYTES);
		while (!cur.failed && ct_cursor_left(&cur) >= sizeof(ret->entry)) {
			struct ct_cursor entry_cur = cur;
			struct ct_module entry;
			ct_cursor_read(&entry_cur, &entry, sizeof(entry));
			const char *name = ct_cursor_bytes(&entry_cur, entry.path_bytes);
			if (entry.size_bytes == 0 || entry_cur.failed ||
			    entry.size_bytes < sizeof(entry) + entry.path_bytes ||
			    !ct_cursor_skip(&cur, entry.size_bytes))
				break;
			if (!is_wanted(wanted, &entry) ||
			    entry.build_id_bytes > sizeof(entry.build_id))
				continue;
			memcpy(path, name, entry.path_bytes);
			*ret = (struct ct_trace_module){entry, {path, entry.path_bytes}};
			is_found = true;
			if (wanted->ordinal)
				return true;
		}
	}
	return is_found;
}

bool ct_follow_module(struct ct_follow *follow, uint32_t ordinal, char *path,
		      struct ct_trace_module *ret)
{
	return ordinal &&
	       find_module(follow, &(struct wanted_module){.ordinal = ordinal}, path, ret);
}

bool ct_follow_module_at(struct ct_follow *follow, uint64_t address, char *path,
			 struct ct_trace_module *ret)
{
	return find_module(follow, &(struct wanted_module){.address = address}, path, ret);
}

/* ---- time ---- */

const struct ct_scale *ct_follow_scale(const struct ct_follow *follow)
{
	return &follow->scale;
}

uint64_t ct_follow_lasted_ns(const struct ct_follow *follow)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t now_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	if (follow->is_over)
		return ct_clock_points_ns(&follow->info);
	return now_ns > follow->info.start.monotonic_ns ? now_ns - follow->info.start.monotonic_ns
							: 0;
}

uint64_t ct_follow_now(const struct ct_follow *follow)
{
	return ct_clock_ticks_now(&follow->info);
}
