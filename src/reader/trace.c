/* SPDX-License-Identifier: MIT */
/*
 * Opens a trace file: finds its blocks, loads its tables, sorts out its
 * pieces. Runs in the calltrace command. Blocks are read with pread() and not
 * mapped: the file may be cut or grow under us without a SIGBUS, and a trace
 * of any size does not count as our memory. All sizes from the file are
 * bounded by the number of blocks that are really there.
 */
#include "reader/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/io.h"
#include "reader/trace_private.h"

enum {
	MODULES_PER_BLOCK = (CT_BLOCK_BYTES - CT_BLOCK_HEADER_BYTES) / sizeof(struct ct_module),
	PAYLOAD_BYTES = CT_BLOCK_BYTES - CT_BLOCK_HEADER_BYTES,
	MANY_BLOCKS = 512, /* whose headers are not all read */
	RUN = 64,
};
#define MAX_BLOCKS (UINT32_C(1) << 31) /* what struct ct_piece can say; 128 TiB */

/* A block of a table. */
struct table_block {
	uint64_t seq;
	uint32_t block;
	uint16_t type;
};

/* What the first pass over the blocks finds. */
struct scan {
	struct table_block *tables; /* by type, seq */
	size_t table_count;
	size_t table_capacity;
	size_t piece_capacity;
	uint32_t blocks_of_type[CT_BLOCK_PLANS + 1];
};

static void deinit_scan(struct scan *scan)
{
	free(scan->tables);
}

/* As many bytes as there are, up to `size_bytes`; the rest of `ret` is zeroed. */
static size_t read_block(const struct ct_trace *trace, uint32_t block, void *ret, size_t size_bytes,
			 struct ct_pack_cache *cache)
{
	size_t done = trace->pack ? ct_pack_read_block(trace->pack, trace->pack_input, block, ret,
						       size_bytes, cache)
				  : ct_read_at(trace->fd, ret, size_bytes,
					       (uint64_t)block * CT_BLOCK_BYTES);
	memset((char *)ret + done, 0, size_bytes - done);
	return done;
}

/* The array with room for one more element; NULL, and the array as it was, without memory. */
static void *with_room(void *array, size_t count, size_t *capacity, size_t element_bytes)
{
	if (count < *capacity)
		return array;
	size_t wanted = *capacity ? *capacity * 2 : 64;
	void *larger = reallocarray(array, wanted, element_bytes);
	if (larger)
		*capacity = wanted;
	return larger;
}

/* The array with at least `wanted` elements, new ones zeroed; NULL as above. */
static void *extended(void *array, size_t *count, size_t wanted, size_t element_bytes)
{
	if (wanted <= *count)
		return array;
	char *larger = reallocarray(array, wanted, element_bytes);
	if (!larger)
		return NULL;
	memset(larger + *count * element_bytes, 0, (wanted - *count) * element_bytes);
	*count = wanted;
	return larger;
}

/* --- the first block --- */

static struct ct_error *not_a_trace(const unsigned char *bytes, size_t length)
{
	size_t i = 0;
	while (i < length && bytes[i] == 0)
		i++;
	if (i == length)
		return ct_error_create(
			"nothing was recorded: the program ended before tracing had started");
	if (bytes[0] == '{')
		return ct_error_create("not a raw trace but, it seems, a finished JSON document");
	return ct_error_create("not a CallTrace trace");
}

static struct ct_error *other_version(uint32_t version)
{
	return ct_error_create("written in format %u, this tool reads %d; use the calltrace "
			       "command of the version that recorded it%s",
			       version, CT_FORMAT_VERSION,
			       version > CT_FORMAT_VERSION ? " or newer" : "");
}

static bool has_right_head(const struct ct_block_header *header, uint32_t block)
{
	return header->magic == CT_BLOCK_MAGIC && header->version == 1 && header->block == block &&
	       header->head_sum == ct_block_head_sum(header);
}

/* A whole block: is it what its header says, where that says something? */
static bool has_right_sum(const struct ct_block_header *header, const unsigned char *block)
{
	return header->sum == 0 ||
	       header->sum == ct_block_sum(header, block + CT_BLOCK_HEADER_BYTES);
}

/* Of the first block it is not known. False: there is no block to tell it. */
static bool find_file_id(struct ct_trace *trace)
{
	enum { LOOKED_AT = 64 }; /* of a trace the second is a table */
	for (uint32_t block = 1; block < trace->block_count && block < LOOKED_AT; block++) {
		struct ct_block_header header;
		read_block(trace, block, &header, sizeof(header), &trace->opening);
		if (!has_right_head(&header, block))
			continue;
		trace->file_id = header.file_id;
		return true;
	}
	return false;
}

static bool is_of_this_format(const struct ct_file_info *info)
{
	return info->format_version == CT_FORMAT_VERSION && info->block_bytes == CT_BLOCK_BYTES &&
	       info->epoch_shift == CT_EPOCH_SHIFT;
}

static void note_first_block(struct ct_trace *trace, uint16_t type)
{
	trace->damage++;
	ct_damage_add_block(trace->damages, 0, type);
}

/* Its header is not what was written. */
static struct ct_error *do_without_header(struct ct_trace *trace,
					  const struct ct_block_header *header)
{
	bool is_trace = header->magic == CT_BLOCK_MAGIC && header->type == CT_BLOCK_FILE;
	if (!find_file_id(trace)) {
		if (is_trace && header->version != 1)
			return other_version(header->version);
		if (is_trace || trace->pack)
			return ct_error_create(
				"its first block is cut short or damaged; nothing can be read");
		return not_a_trace(trace->first_block, trace->first_block_bytes);
	}
	if (is_of_this_format(&trace->info)) {
		note_first_block(trace, CT_BLOCK_FILE);
		return NULL;
	}
	note_first_block(trace, CT_DAMAGE_CLOCK);
	/* How the process ended is not known either: as if it had been killed. */
	trace->info = (struct ct_file_info){
		.format_version = CT_FORMAT_VERSION,
		.block_bytes = CT_BLOCK_BYTES,
		.clock_kind = CT_CLOCK_TSC,
		.epoch_shift = CT_EPOCH_SHIFT,
		.state = CT_STATE_RUNNING,
	};
	trace->is_headless = true;
	return NULL;
}

static struct ct_error *parse_first_block(struct ct_trace *trace)
{
	struct ct_cursor cur = ct_cursor_init(trace->first_block, trace->first_block_bytes,
					      "first block");
	struct ct_block_header header = {0};
	ct_cursor_read(&cur, &header, sizeof(header));
	ct_cursor_read(&cur, &trace->info, sizeof(trace->info));
	if (cur.failed || !has_right_head(&header, 0) || header.type != CT_BLOCK_FILE)
		return do_without_header(trace, &header);
	trace->file_id = header.file_id;
	bool is_right = has_right_sum(&header, trace->first_block);
	if (trace->info.format_version != CT_FORMAT_VERSION && (is_right || header.sum == 0))
		return other_version(trace->info.format_version);
	/* It has its full length from the start. */
	if (!is_right || !is_of_this_format(&trace->info) ||
	    trace->first_block_bytes < CT_BLOCK_BYTES)
		note_first_block(trace, CT_BLOCK_FILE);
	trace->info.format_version = CT_FORMAT_VERSION;
	trace->info.block_bytes = CT_BLOCK_BYTES;
	trace->info.epoch_shift = CT_EPOCH_SHIFT;
	return NULL;
}

/* Times from the first call on, where the first block does not tell the start. */
static void set_missing_start(struct ct_trace *trace)
{
	for (uint32_t i = 0; trace->is_headless && i < trace->thread_row_count; i++) {
		uint64_t ticks = trace->threads[i].start_ticks;
		uint64_t *start = &trace->info.start.ticks;
		if (trace->threads[i].stream && ticks && (*start == 0 || ticks < *start))
			*start = ticks;
	}
}

static struct ct_error *set_size(struct ct_trace *trace, uint64_t file_bytes)
{
	trace->file_bytes = file_bytes;
	uint64_t blocks = file_bytes / CT_BLOCK_BYTES + (file_bytes % CT_BLOCK_BYTES > 0);
	trace->block_count = (uint32_t)(blocks < MAX_BLOCKS ? blocks : MAX_BLOCKS);
	trace->first_block = malloc(CT_BLOCK_BYTES);
	if (!trace->first_block)
		return ct_error_nomem;
	trace->first_block_bytes = read_block(trace, 0, trace->first_block, CT_BLOCK_BYTES,
					      &trace->opening);
	return NULL;
}

static struct ct_error *open_file(const char *path, struct ct_trace *trace)
{
	/* Opening a FIFO would wait for a writer. */
	trace->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (trace->fd < 0)
		return ct_error_errno(errno, "cannot open it");
	struct stat file;
	if (fstat(trace->fd, &file) < 0)
		return ct_error_errno(errno, "cannot read it");
	if (!S_ISREG(file.st_mode))
		return ct_error_create("%s, not a trace", S_ISDIR(file.st_mode)
								  ? "a directory"
								  : "not a regular file");
	if (file.st_size == 0)
		return ct_error_create("the file is empty");
	return set_size(trace, (uint64_t)file.st_size);
}

static struct ct_error *open_packed(struct ct_pack *pack, uint32_t input, struct ct_trace *trace)
{
	trace->pack = ct_pack_keep(pack);
	trace->pack_input = input;
	trace->damage = ct_pack_damage(pack);
	if (trace->damage)
		ct_damage_add(trace->damages);
	return set_size(trace, ct_pack_trace_bytes(pack, input));
}

/* --- finding the blocks --- */

/* Nothing is wrong with what is just being written. */
static void note_block(struct ct_trace *trace, uint32_t block, uint16_t type)
{
	if (ct_trace_is_live(trace))
		return;
	trace->damage++;
	ct_damage_add_block(trace->damages, block, type);
}

static bool is_table(uint16_t type)
{
	return type >= CT_BLOCK_SITES && type <= CT_BLOCK_PLANS;
}

static bool add_table(struct scan *scan, const struct ct_block_header *header, uint32_t block)
{
	struct table_block *tables = with_room(scan->tables, scan->table_count,
					       &scan->table_capacity, sizeof(*tables));
	if (!tables)
		return false;
	scan->tables = tables;
	tables[scan->table_count++] = (struct table_block){header->seq, block, header->type};
	return true;
}

static bool add_piece(struct ct_trace *trace, struct scan *scan,
		      const struct ct_block_header *header, uint32_t block)
{
	struct ct_piece *pieces = with_room(trace->pieces, trace->piece_count,
					    &scan->piece_capacity, sizeof(*pieces));
	if (!pieces)
		return false;
	trace->pieces = pieces;
	pieces[trace->piece_count++] = (struct ct_piece){
		.seq = header->seq,
		.stream = header->stream,
		.block = block & (MAX_BLOCKS - 1),
		.live = header->used_bytes == 0,
	};
	return true;
}

static bool is_cut_short(const struct ct_trace *trace, uint32_t block)
{
	return ((uint64_t)block + 1) * CT_BLOCK_BYTES > trace->file_bytes;
}

/* False when memory ran out. */
static bool scan_block(struct ct_trace *trace, struct scan *scan, uint32_t block)
{
	struct ct_block_header header;
	size_t length = read_block(trace, block, &header, sizeof(header), &trace->opening);
	if (length < sizeof(header)) {
		/* Of a killed process it may be a piece whose writing had just begun. */
		trace->damage += length > 0 && trace->info.state != CT_STATE_RUNNING;
		return true;
	}
	/* A block that is reserved but not yet in use is no damage. */
	if (header.magic == 0)
		return true;
	bool is_window = header.type == CT_BLOCK_RECORDS && header.used_bytes == 0;
	/* The highest seq is kept free, so that one more than any seq is a number. */
	if (header.magic != CT_BLOCK_MAGIC || header.file_id != trace->file_id ||
	    header.block != block || header.version != 1 || header.seq == UINT64_MAX ||
	    ((!is_window || header.head_sum) && header.head_sum != ct_block_head_sum(&header))) {
		note_block(trace, block, CT_DAMAGE_HEADER);
		return true;
	}
	if (header.type > CT_BLOCK_PLANS)
		return true; /* of a later version */
	/* All blocks but appended pieces have their full length from the start. */
	if (header.used_bytes == 0 && is_cut_short(trace, block))
		trace->damage++;
	scan->blocks_of_type[header.type]++;
	if (is_table(header.type))
		return add_table(scan, &header, block);
	if (header.type == CT_BLOCK_RECORDS && header.stream)
		return add_piece(trace, scan, &header, block);
	return true;
}

/* The header of a block, if it is that of an appended piece of this trace. */
static bool read_appended(struct ct_trace *trace, uint32_t block, struct ct_block_header *ret)
{
	return read_block(trace, block, ret, sizeof(*ret), &trace->opening) == sizeof(*ret) &&
	       has_right_head(ret, block) && ret->type == CT_BLOCK_RECORDS &&
	       ret->file_id == trace->file_id && ret->used_bytes && ret->stream &&
	       ret->seq != UINT64_MAX;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_tables(const void *left, const void *right)
{
	const struct table_block *a = left;
	const struct table_block *b = right;
	if (a->type != b->type)
		return compare_numbers(a->type, b->type);
	if (a->seq != b->seq)
		return compare_numbers(a->seq, b->seq);
	return compare_numbers(a->block, b->block);
}

static int compare_pieces(const void *left, const void *right)
{
	const struct ct_piece *a = left;
	const struct ct_piece *b = right;
	if (a->stream != b->stream)
		return compare_numbers(a->stream, b->stream);
	if (a->seq != b->seq)
		return compare_numbers(a->seq, b->seq);
	if (a->live != b->live)
		return compare_numbers(a->live, b->live);
	return compare_numbers(a->block, b->block);
}

/*
 * In a large file: when the block RUN further on is the piece of the same stream that is RUN later,
 * what lies between are the pieces between, for each is appended once and in its turn. They are not
 * looked at now; whoever reads one finds out whether it is there. So a trace of a billion calls
 * opens at once. False: it is not so, or memory ran out (`failed`).
 */
static bool scan_run(struct ct_trace *trace, struct scan *scan, uint32_t block, bool *failed)
{
	struct ct_block_header first, last;
	if (!read_appended(trace, block, &first) || !read_appended(trace, block + RUN, &last) ||
	    first.stream != last.stream || last.seq - first.seq != RUN)
		return false;
	for (uint32_t i = 0; i < RUN && !*failed; i++, first.seq++)
		*failed = !add_piece(trace, scan, &first, block + i);
	return !*failed;
}

static struct ct_error *scan_blocks(struct ct_trace *trace, struct scan *scan)
{
	bool is_large = !trace->pack && trace->block_count >= MANY_BLOCKS, failed = false;
	uint32_t run_from = 1; /* no run begins before */
	/* A page of each block is wanted; reading ahead would read the whole file. */
	if (!trace->pack)
		posix_fadvise(trace->fd, 0, 0, POSIX_FADV_RANDOM);
	uint32_t block = ct_trace_next_block(trace, 1);
	while (block < trace->block_count) {
		uint32_t step = 1;
		if (is_large && block >= run_from && block < trace->block_count - RUN) {
			bool is_run = scan_run(trace, scan, block, &failed);
			step = is_run ? RUN : 1;
			run_from = is_run ? 0 : block + RUN;
		}
		if (failed || (step == 1 && !scan_block(trace, scan, block)))
			return ct_error_nomem;
		block = ct_trace_next_block(trace, block + step);
	}
	if (!trace->pack)
		posix_fadvise(trace->fd, 0, 0, POSIX_FADV_NORMAL);
	if (scan->table_count)
		qsort(scan->tables, scan->table_count, sizeof(*scan->tables), compare_tables);
	if (trace->piece_count)
		qsort(trace->pieces, trace->piece_count, sizeof(*trace->pieces), compare_pieces);
	return NULL;
}

/* --- tables --- */

/*
 * How many blocks a table may have had: a row's number is its block's seq
 * times the rows of a block, and memory goes by the highest number. Half of
 * the blocks may be lost; a higher seq is damage and not a reason to allocate.
 */
static uint64_t table_limit(const struct scan *scan, enum ct_block_type type)
{
	return (uint64_t)scan->blocks_of_type[type] * 2;
}

typedef bool load_block_fn(struct ct_trace *trace, const struct scan *scan, uint64_t seq,
			   unsigned char *block);

/* Call `load` with each block of a table in turn. It owns `block` when it sets trace's to it. */
static struct ct_error *load_table(struct ct_trace *trace, const struct scan *scan,
				   enum ct_block_type type, load_block_fn *load)
{
	ct_cleanup(ct_cleanup_free) unsigned char *block = malloc(CT_BLOCK_BYTES);
	if (!block)
		return ct_error_nomem;
	uint64_t next_seq = 0;
	for (size_t i = 0; i < scan->table_count; i++) {
		const struct table_block *table = &scan->tables[i];
		if (table->type != type)
			continue;
		if (table->seq < next_seq || table->seq >= table_limit(scan, type)) {
			trace->damage++;
			continue;
		}
		trace->damage += table->seq - next_seq;
		next_seq = table->seq + 1;
		size_t length = read_block(trace, table->block, block, CT_BLOCK_BYTES,
					   &trace->opening);
		struct ct_block_header header;
		memcpy(&header, block, sizeof(header));
		/* That it is cut short was found before. */
		if (length == 0 || (length == CT_BLOCK_BYTES && !has_right_sum(&header, block)))
			note_block(trace, table->block, table->type);
		if (!load(trace, scan, table->seq, block))
			return ct_error_nomem;
	}
	return NULL;
}

static bool load_sites(struct ct_trace *trace, const struct scan *scan, uint64_t seq,
		       unsigned char *block)
{
	(void)scan;
	uint64_t first = seq * CT_SITES_PER_BLOCK + 1;
	size_t count = trace->sites ? trace->site_count + 1 : 0;
	if (first + CT_SITES_PER_BLOCK > CT_SITE_MAX) {
		trace->damage++;
		return true;
	}
	struct ct_site *sites = extended(trace->sites, &count, first + CT_SITES_PER_BLOCK,
					 sizeof(*sites));
	if (!sites)
		return false;
	trace->sites = sites;
	trace->site_count = (uint32_t)count - 1;
	memcpy(&sites[first], block + CT_BLOCK_HEADER_BYTES, CT_SITES_PER_BLOCK * sizeof(*sites));
	return true;
}

static bool load_threads(struct ct_trace *trace, const struct scan *scan, uint64_t seq,
			 unsigned char *block)
{
	(void)scan;
	size_t first = seq * CT_THREADS_PER_BLOCK;
	size_t count = trace->thread_row_count;
	struct ct_thread_row *threads = extended(trace->threads, &count,
						 first + CT_THREADS_PER_BLOCK, sizeof(*threads));
	if (!threads)
		return false;
	trace->threads = threads;
	trace->thread_row_count = (uint32_t)count;
	struct ct_thread_row *rows = &threads[first];
	memcpy(rows, block + CT_BLOCK_HEADER_BYTES, CT_THREADS_PER_BLOCK * sizeof(*rows));
	for (size_t i = 0; i < CT_THREADS_PER_BLOCK; i++) {
		if (rows[i].stream && rows[i].stream != first + i + 1) {
			rows[i].stream = 0;
			trace->damage++;
		}
	}
	return true;
}

/* Takes the module; its path stays where it is. False when memory ran out. */
static bool add_module(struct ct_trace *trace, const struct scan *scan,
		       const struct ct_module *entry, const char *path)
{
	if (entry->ordinal == 0 ||
	    entry->ordinal > table_limit(scan, CT_BLOCK_MODULES) * MODULES_PER_BLOCK) {
		trace->damage++;
		return true;
	}
	size_t count = trace->modules ? trace->module_count + 1 : 0;
	struct ct_trace_module *modules = extended(trace->modules, &count,
						   (size_t)entry->ordinal + 1, sizeof(*modules));
	if (!modules)
		return false;
	trace->modules = modules;
	trace->module_count = (uint32_t)count - 1;
	struct ct_trace_module *module = &modules[entry->ordinal];
	if (module->entry.ordinal) {
		trace->damage++;
		return true;
	}
	module->entry = *entry;
	module->path = (struct ct_bytes){path, entry->path_bytes};
	if (module->entry.build_id_bytes > sizeof(module->entry.build_id)) {
		module->entry.build_id_bytes = 0;
		trace->damage++;
	}
	return true;
}

static bool load_modules(struct ct_trace *trace, const struct scan *scan, uint64_t seq,
			 unsigned char *block)
{
	(void)seq;
	/* The paths are used where they lie. */
	unsigned char *kept = malloc(CT_BLOCK_BYTES);
	unsigned char **blocks = reallocarray(trace->module_blocks, trace->module_block_count + 1,
					      sizeof(*blocks));
	if (blocks)
		trace->module_blocks = blocks;
	if (!kept || !blocks) {
		free(kept);
		return false;
	}
	memcpy(kept, block, CT_BLOCK_BYTES);
	trace->module_blocks[trace->module_block_count++] = kept;

	struct ct_cursor cur = ct_cursor_init(kept + CT_BLOCK_HEADER_BYTES, PAYLOAD_BYTES,
					      "module table");
	while (ct_cursor_left(&cur) >= sizeof(uint32_t)) {
		struct ct_cursor entry_cur = cur;
		struct ct_module entry;
		if (ct_cursor_u32(&entry_cur) == 0)
			break;
		entry_cur = cur;
		ct_cursor_read(&entry_cur, &entry, sizeof(entry));
		const char *path = ct_cursor_bytes(&entry_cur, entry.path_bytes);
		if (entry_cur.failed || entry.size_bytes % 8 != 0 ||
		    entry.size_bytes < sizeof(entry) + entry.path_bytes ||
		    !ct_cursor_skip(&cur, entry.size_bytes)) {
			trace->damage++;
			break;
		}
		if (!add_module(trace, scan, &entry, path))
			return false;
	}
	return true;
}

static bool load_plans(struct ct_trace *trace, const struct scan *scan, uint64_t seq,
		       unsigned char *block)
{
	(void)scan;
	(void)seq;
	return ct_trace_load_plans(trace, block);
}

static struct ct_error *load_tables(struct ct_trace *trace, const struct scan *scan)
{
	struct ct_error *err = load_table(trace, scan, CT_BLOCK_SITES, load_sites);
	if (!err)
		err = load_table(trace, scan, CT_BLOCK_MODULES, load_modules);
	if (!err)
		err = load_table(trace, scan, CT_BLOCK_THREADS, load_threads);
	if (!err)
		err = load_table(trace, scan, CT_BLOCK_PLANS, load_plans);
	ct_trace_sort_plans(trace);
	while (trace->site_count && !trace->sites[trace->site_count].site)
		trace->site_count--;
	while (trace->thread_row_count && !trace->threads[trace->thread_row_count - 1].stream)
		trace->thread_row_count--;
	return err;
}

/* --- pieces --- */

/*
 * Streams are numbered by their rows. Pieces without a row are read too (the
 * row's block may be what is lost), as long as the number is one that a thread
 * table of a sane size could have given.
 */
static uint64_t stream_limit(const struct ct_trace *trace, const struct scan *scan)
{
	return (table_limit(scan, CT_BLOCK_THREADS) + 1) * CT_THREADS_PER_BLOCK +
	       trace->piece_count;
}

static struct ct_error *index_streams(struct ct_trace *trace, const struct scan *scan)
{
	uint64_t limit = stream_limit(trace, scan);
	while (trace->piece_count && trace->pieces[trace->piece_count - 1].stream > limit) {
		trace->piece_count--;
		trace->damage++;
	}
	trace->stream_count = trace->thread_row_count;
	if (trace->piece_count &&
	    trace->pieces[trace->piece_count - 1].stream > trace->stream_count)
		trace->stream_count = trace->pieces[trace->piece_count - 1].stream;

	trace->first_piece = calloc((size_t)trace->stream_count + 2, sizeof(*trace->first_piece));
	if (!trace->first_piece)
		return ct_error_nomem;
	uint32_t piece = 0;
	for (uint32_t stream = 0; stream <= trace->stream_count; stream++) {
		trace->first_piece[stream] = piece;
		while (piece < trace->piece_count && trace->pieces[piece].stream == stream)
			piece++;
	}
	trace->first_piece[trace->stream_count + 1] = piece;
	return NULL;
}

static uint64_t missing_pieces(const struct ct_trace *trace, uint32_t stream)
{
	uint64_t missing = 0;
	uint64_t next_seq = 0;
	for (uint32_t i = trace->first_piece[stream]; i < trace->first_piece[stream + 1]; i++) {
		if (trace->pieces[i].seq < next_seq)
			continue;
		missing = ct_add_saturated(missing, trace->pieces[i].seq - next_seq);
		next_seq = trace->pieces[i].seq + 1;
	}
	return missing;
}

/*
 * Must there be a block of records for this row? A thread makes its row, then
 * its window, then a record; its window goes to another once it has ended, the
 * records stay. One that had only just begun may have come no further.
 */
static bool expects_records(const struct ct_trace *trace, const struct ct_thread_row *row)
{
	static const uint64_t just_begun_ns = 10000000;

	if (trace->info.state == CT_STATE_STOPPED || row->suppressed_calls || row->lost_events)
		return false;
	if (row->flags & CT_THREAD_ENDED)
		return true;
	if (row->flags & CT_THREAD_MAIN && trace->info.state != CT_STATE_RUNNING)
		return true;
	uint64_t start_ns = ct_trace_ns(trace, row->start_ticks);
	uint64_t end_ns = ct_trace_ns(trace, trace->end_ticks);
	return row->start_ticks && end_ns > start_ns && end_ns - start_ns >= just_begun_ns;
}

/* Rows whose records are gone, and records whose row is. */
static uint64_t missing_halves(const struct ct_trace *trace)
{
	uint64_t missing = 0;
	struct ct_thread_row row;
	for (uint32_t stream = 1; stream <= trace->stream_count; stream++) {
		bool has_pieces = trace->first_piece[stream] != trace->first_piece[stream + 1];
		if (ct_trace_thread(trace, stream, &row))
			missing += !has_pieces && expects_records(trace, &row);
		else
			missing += has_pieces;
	}
	return missing;
}

static bool header_matches(const struct ct_trace *trace, const struct ct_piece *piece,
			   const struct ct_block_header *header)
{
	return header->magic == CT_BLOCK_MAGIC && header->type == CT_BLOCK_RECORDS &&
	       header->version == 1 && header->file_id == trace->file_id &&
	       header->stream == piece->stream && header->seq == piece->seq &&
	       (header->used_bytes == 0) == piece->live &&
	       ((piece->live && !header->head_sum) ||
		header->head_sum == ct_block_head_sum(header));
}

/* Is what follows the header what was written there? */
static bool is_intact(const struct ct_block_header *header, const unsigned char *content,
		      size_t length)
{
	if (header->used_bytes == 0)
		return header->sum == 0 || (length == CT_BLOCK_BYTES - CT_BLOCK_HEADER_BYTES &&
					    header->sum == ct_block_sum(header, content));
	return header->used_bytes <= length && header->sum == ct_block_sum(header, content);
}

static bool read_piece(const struct ct_trace *trace, const struct ct_piece *piece,
		       struct ct_piece_buffer *ret)
{
	size_t length = read_block(trace, piece->block, ret->block, CT_BLOCK_BYTES, &ret->cache);
	memset(ret->block + CT_BLOCK_BYTES, 0, sizeof(ret->block) - CT_BLOCK_BYTES);
	memcpy(&ret->header, ret->block, sizeof(ret->header));
	ret->begin = ret->block + CT_BLOCK_HEADER_BYTES;
	if (length < CT_BLOCK_HEADER_BYTES || !header_matches(trace, piece, &ret->header) ||
	    !is_intact(&ret->header, ret->begin, length - CT_BLOCK_HEADER_BYTES))
		return false;
	ret->end = piece->live ? ret->block + length : ret->begin + ret->header.used_bytes;
	/* What follows may be anything, and the records' end shall read as one. */
	memset(ret->block + (ret->end - ret->block), 0, sizeof(uint64_t));
	return true;
}

/* The process died while it appended this one, or was about to go on in its window. */
static bool is_in_a_window(const struct ct_trace *trace, const struct ct_piece *piece)
{
	const struct ct_piece *end = trace->pieces + trace->piece_count;
	for (const struct ct_piece *other = piece + 1; other < end; other++) {
		if (other->stream != piece->stream || other->seq != piece->seq)
			return false;
		if (other->live)
			return true;
	}
	return false;
}

static void note_piece(const struct ct_trace *trace, const struct ct_piece *piece,
		       const struct ct_block_header *header)
{
	struct ct_thread_row row = {0};
	/* A window may have gone on since the trace was opened. */
	if (piece->live ? trace->info.state == CT_STATE_RUNNING : is_in_a_window(trace, piece))
		return;
	ct_trace_thread(trace, piece->stream, &row);
	ct_damage_add_records(trace->damages, piece->block, row.tid,
			      header->head_sum == ct_block_head_sum(header) && header->used_bytes
				      ? header->used_bytes
				      : CT_BLOCK_BYTES - CT_BLOCK_HEADER_BYTES);
}

bool ct_trace_read_piece(const struct ct_trace *trace, const struct ct_piece *piece,
			 struct ct_piece_buffer *ret)
{
	if (read_piece(trace, piece, ret))
		return true;
	if (trace->damages)
		note_piece(trace, piece, &ret->header);
	return false;
}

uint64_t ct_trace_begin_ticks(const struct ct_trace *trace, uint32_t stream)
{
	struct ct_block_header header;
	ct_cleanup(ct_pack_cache_deinit) struct ct_pack_cache cache = {0};
	if (stream == 0 || stream > trace->stream_count)
		return 0;
	uint32_t first = trace->first_piece[stream];
	if (first == trace->first_piece[stream + 1] || trace->pieces[first].seq != 0)
		return 0;
	read_block(trace, trace->pieces[first].block, &header, sizeof(header), &cache);
	return header_matches(trace, &trace->pieces[first], &header)
		       ? header.epoch << CT_EPOCH_SHIFT
		       : 0;
}

/* --- the end --- */

/* Ticks of the last record of a piece; false when it has none. */
static bool find_last_ticks(const struct ct_piece_buffer *piece, uint64_t *ret)
{
	bool found = false;
	uint64_t ticks = 0;
	uint64_t epoch_ticks = piece->header.epoch << CT_EPOCH_SHIFT;
	struct ct_cursor cur = ct_cursor_init(piece->begin, (size_t)(piece->end - piece->begin),
					      "piece");
	while (ct_cursor_left(&cur) && (*cur.at & 3) != CT_RECORD_END) {
		struct ct_cursor record = cur;
		struct ct_extended extended_record;
		uint32_t word;
		memcpy(&word, cur.at, sizeof(word)); /* the buffer goes on after `end` */
		size_t size_bytes = ct_record_bytes(word);
		if (size_bytes < 2 || !ct_cursor_skip(&cur, size_bytes))
			break;
		if ((word & 3) != CT_RECORD_EXTENDED) {
			ticks = epoch_ticks | (word >> 2 & CT_TIME_MASK);
		} else if (ct_extended_read(&record, &extended_record)) {
			ticks = extended_record.ticks;
			epoch_ticks = ticks & ~CT_TIME_MASK;
		} else {
			continue;
		}
		found = true;
	}
	*ret = ticks;
	return found;
}

static void raise(uint64_t *highest, uint64_t value)
{
	if (value > *highest)
		*highest = value;
}

static void free_piece_buffer(struct ct_piece_buffer **buffer)
{
	if (*buffer)
		ct_pack_cache_deinit(&(*buffer)->cache);
	free(*buffer);
}

/* The end point is not enough: threads may go on after it, and a killed process sets none. */
static struct ct_error *find_end(struct ct_trace *trace)
{
	raise(&trace->end_ticks, trace->info.start.ticks);
	raise(&trace->end_ticks, trace->info.latest[0].ticks);
	raise(&trace->end_ticks, trace->info.latest[1].ticks);
	raise(&trace->end_ticks, trace->info.end.ticks);
	if (trace->info.state == CT_STATE_CRASHED)
		raise(&trace->end_ticks, trace->info.crash_ticks);

	if (trace->info.clock_kind == CT_CLOCK_NONE)
		return NULL;

	ct_cleanup(free_piece_buffer) struct ct_piece_buffer *buffer = calloc(1, sizeof(*buffer));
	if (!buffer)
		return ct_error_nomem;
	for (uint32_t stream = 1; stream <= trace->stream_count; stream++) {
		struct ct_thread_row row;
		if (ct_trace_thread(trace, stream, &row) && row.flags & CT_THREAD_ENDED) {
			raise(&trace->end_ticks, row.end_ticks);
			continue;
		}
		for (uint32_t i = trace->first_piece[stream + 1]; i > trace->first_piece[stream];) {
			uint64_t ticks;
			if (!ct_trace_read_piece(trace, &trace->pieces[--i], buffer) ||
			    !find_last_ticks(buffer, &ticks))
				continue; /* torn, or a window just begun: look before it */
			raise(&trace->end_ticks, ticks);
			break;
		}
	}
	return NULL;
}

/* --- the door --- */

static void cleanup_trace(struct ct_trace **trace)
{
	ct_trace_destroy(*trace);
}

static struct ct_error *load_trace(struct ct_trace *trace)
{
	ct_cleanup(deinit_scan) struct scan scan = {0};
	struct ct_error *err = parse_first_block(trace);
	if (!err)
		err = scan_blocks(trace, &scan);
	if (!err)
		err = load_tables(trace, &scan);
	if (!err)
		set_missing_start(trace);
	if (!err)
		err = index_streams(trace, &scan);
	if (!err)
		err = find_end(trace);
	if (err)
		return err;
	for (uint32_t stream = 1; stream <= trace->stream_count; stream++)
		trace->damage = ct_add_saturated(trace->damage, missing_pieces(trace, stream));
	trace->scale = ct_scale_of(&trace->info);
	trace->damage = ct_add_saturated(trace->damage, trace->scale.guessed);
	trace->damage = ct_add_saturated(trace->damage, missing_halves(trace));
	if (trace->damage)
		ct_damage_add(trace->damages);
	return NULL;
}

/* The file at `path`, or an input of `pack` unless that is NULL. */
static struct ct_error *open_trace(const char *path, struct ct_pack *pack, uint32_t input,
				   struct ct_trace **ret)
{
	ct_cleanup(cleanup_trace) struct ct_trace *trace = calloc(1, sizeof(*trace));
	if (!trace)
		return ct_error_nomem;
	trace->fd = -1;
	trace->damages = ct_damage_begin(path, pack != NULL);
	struct ct_error *err = pack ? open_packed(pack, input, trace) : open_file(path, trace);
	if (!err)
		err = load_trace(trace);
	if (err) {
		ct_damage_drop(trace->damages);
		trace->damages = NULL;
		return err;
	}
	ct_pack_cache_deinit(&trace->opening);
	if (pack)
		ct_pack_forget_heads(pack, input);
	*ret = ct_take(trace);
	return NULL;
}

struct ct_error *ct_trace_open_packed(struct ct_pack *pack, uint32_t input, const char *path,
				      struct ct_trace **ret)
{
	struct ct_error *err = open_trace(path, pack, input, ret);
	return err ? ct_error_wrap(err, "opening trace '%s'", ct_pack_name(pack, input)) : NULL;
}

static void cleanup_pack(struct ct_pack **pack)
{
	ct_pack_release(*pack);
}

/* `name` NULL: the only trace in it. */
static struct ct_error *open_in_pack(const char *path, const char *name, struct ct_trace **ret)
{
	ct_cleanup(cleanup_pack) struct ct_pack *pack = NULL;
	struct ct_error *err = ct_pack_open(path, &pack);
	if (err)
		return err;
	if (!name && ct_pack_input_count(pack) != 1)
		return ct_error_create("there are %u traces in '%s': name one of them, such as "
				       "'%s/%s'",
				       ct_pack_input_count(pack), path, path,
				       ct_pack_name(pack, 0));
	uint32_t input = name ? ct_pack_find(pack, name) : 0;
	if (input == UINT32_MAX)
		return ct_error_create("there is no trace '%s' in '%s'", name, path);
	return ct_trace_open_packed(pack, input, path, ret);
}

struct ct_error *ct_trace_open(const char *path, struct ct_trace **ret)
{
	if (ct_pack_is_one(path))
		return open_in_pack(path, NULL, ret);
	ct_cleanup(ct_cleanup_free) char *folder = strdup(path);
	char *slash = folder ? strrchr(folder, '/') : NULL;
	if (slash) {
		*slash = '\0';
		if (ct_pack_is_one(folder))
			return open_in_pack(folder, slash + 1, ret);
	}
	struct ct_error *err = open_trace(path, NULL, 0, ret);
	return err ? ct_error_wrap(err, "opening trace '%s'", path) : NULL;
}

void ct_trace_destroy(struct ct_trace *trace)
{
	if (!trace)
		return;
	if (trace->fd >= 0)
		close(trace->fd);
	ct_damage_end(trace->damages);
	ct_pack_cache_deinit(&trace->opening);
	ct_pack_release(trace->pack);
	for (uint32_t i = 0; i < trace->module_block_count; i++)
		free(trace->module_blocks[i]);
	free(trace->module_blocks);
	for (uint32_t i = 0; i < trace->plan_block_count; i++)
		free(trace->plan_blocks[i]);
	free(trace->plan_blocks);
	free(trace->plans);
	free(trace->first_block);
	free(trace->sites);
	free(trace->modules);
	free(trace->threads);
	free(trace->pieces);
	free(trace->first_piece);
	free(trace->keys);
	free(trace);
}

const struct ct_file_info *ct_trace_info(const struct ct_trace *trace)
{
	return &trace->info;
}

struct ct_bytes ct_trace_string(const struct ct_trace *trace, struct ct_string_ref ref)
{
	if (ref.offset > trace->first_block_bytes ||
	    ref.length > trace->first_block_bytes - ref.offset)
		return (struct ct_bytes){"", 0};
	return (struct ct_bytes){(const char *)trace->first_block + ref.offset, ref.length};
}

enum ct_trace_end ct_trace_end(const struct ct_trace *trace)
{
	switch (trace->info.state) {
	case CT_STATE_EXITED:
	case CT_STATE_EXEC:
		return CT_END_EXIT;
	case CT_STATE_CRASHED:
		return CT_END_CRASH;
	case CT_STATE_STOPPED:
		return CT_END_STOPPED;
	default:
		return CT_END_KILLED;
	}
}

uint32_t ct_trace_site_count(const struct ct_trace *trace)
{
	return trace->site_count;
}

uint32_t ct_trace_module_count(const struct ct_trace *trace)
{
	return trace->module_count;
}

uint32_t ct_trace_thread_count(const struct ct_trace *trace)
{
	return trace->stream_count;
}

bool ct_trace_site(const struct ct_trace *trace, uint32_t number, struct ct_site *ret)
{
	if (number == 0 || number > trace->site_count || !trace->sites[number].site)
		return false;
	*ret = trace->sites[number];
	return true;
}

bool ct_trace_module(const struct ct_trace *trace, uint32_t ordinal, struct ct_trace_module *ret)
{
	if (ordinal == 0 || ordinal > trace->module_count || !trace->modules[ordinal].entry.ordinal)
		return false;
	*ret = trace->modules[ordinal];
	return true;
}

bool ct_trace_thread(const struct ct_trace *trace, uint32_t stream, struct ct_thread_row *ret)
{
	if (stream == 0 || stream > trace->thread_row_count || !trace->threads[stream - 1].stream)
		return false;
	*ret = trace->threads[stream - 1];
	return true;
}

uint64_t ct_trace_ns(const struct ct_trace *trace, uint64_t ticks)
{
	return ct_scale_ns(&trace->scale, ticks);
}

struct ct_scale ct_trace_scale(const struct ct_trace *trace)
{
	return trace->scale;
}

uint64_t ct_trace_start_realtime_ns(const struct ct_trace *trace)
{
	return trace->info.start.realtime_ns;
}

uint64_t ct_trace_duration_ns(const struct ct_trace *trace)
{
	if (trace->info.clock_kind == CT_CLOCK_NONE)
		return ct_clock_points_ns(&trace->info);
	return ct_trace_ns(trace, trace->end_ticks);
}

uint64_t ct_trace_end_ticks(const struct ct_trace *trace)
{
	return trace->end_ticks;
}

uint64_t ct_trace_damage(const struct ct_trace *trace)
{
	return trace->damage;
}

uint32_t ct_trace_left_out(const struct ct_trace *trace, uint64_t *ret_bytes)
{
	return ct_damage_records(trace->damages, ret_bytes);
}

bool ct_trace_read_names(const struct ct_trace *trace, struct ct_columns *ret)
{
	return trace->pack && ct_pack_read_names(trace->pack, trace->pack_input, ret);
}

uint32_t ct_trace_block_count(const struct ct_trace *trace)
{
	return trace->block_count;
}

uint64_t ct_trace_file_bytes(const struct ct_trace *trace)
{
	return trace->file_bytes;
}

size_t ct_trace_read_block(const struct ct_trace *trace, uint32_t block, void *ret,
			   struct ct_pack_cache *cache)
{
	return read_block(trace, block, ret, CT_BLOCK_BYTES, cache);
}

uint32_t ct_trace_next_block(const struct ct_trace *trace, uint32_t block)
{
	uint32_t next = block;
	if (trace->pack)
		next = ct_pack_next_block(trace->pack, trace->pack_input, block);
	return next < trace->block_count ? next : trace->block_count;
}
