/* SPDX-License-Identifier: MIT */
/*
 * Packs traces: see pack_writer.h. Frames are made by as many threads as there
 * are processors, and written in their order by whichever has made the next.
 */
#include "analysis/pack_writer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "analysis/parallel.h"
#include "analysis/profile.h"
#include "analysis/summary.h"
#include "base/cleanup.h"
#include "format/pack.h"
#include "reader/columns.h"
#include "reader/frame_plan.h"
#include "reader/pack.h"
#include "reader/pieces.h"

enum { MOST_WORKERS = 64 };

/* The file, as far as it is written. */
struct writer {
	const struct ct_session *session;
	const struct ct_pack_options *options;
	struct ct_output *output;
	uint64_t offset;
	uint64_t blocks_done, blocks_all;
	struct ct_strbuf directory; /* struct ct_pack_entry */
};

static void writer_deinit(struct writer *writer)
{
	ct_strbuf_deinit(&writer->directory);
}

static void put(struct writer *writer, const void *bytes, size_t length)
{
	ct_sink_add(ct_output_sink(writer->output), bytes, length);
	writer->offset += length;
}

/* ---- chunks ---- */

static void finish_chunk(struct ct_pack_chunk *chunk, const void *body)
{
	chunk->magic = CT_PACK_CHUNK_MAGIC;
	chunk->version = 1;
	chunk->body_hash = XXH3_64bits(body, chunk->body_bytes);
	chunk->hash = XXH3_64bits(chunk, offsetof(struct ct_pack_chunk, hash));
}

static void put_chunk(struct writer *writer, const struct ct_pack_chunk *chunk, const void *body)
{
	static const char zeros[CT_PACK_ALIGNMENT];
	put(writer, chunk, sizeof(*chunk));
	put(writer, body, chunk->body_bytes);
	put(writer, zeros, -writer->offset % CT_PACK_ALIGNMENT);
}

/* One that is no frame: it goes into the directory. */
static struct ct_error *put_columns(struct writer *writer, enum ct_pack_type type, uint32_t input,
				    const struct ct_columns *columns)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf body = {0};
	struct ct_pack_chunk chunk = {.type = (uint16_t)type, .input = input};
	const struct ct_pack_entry entry = {writer->offset, (uint32_t)type, input};
	if (!ct_columns_write(columns, writer->options->level, &body) ||
	    body.length > CT_PACK_COLUMN_MAX)
		return ct_error_nomem;
	chunk.body_bytes = (uint32_t)body.length;
	finish_chunk(&chunk, body.bytes);
	if (type != CT_PACK_DIRECTORY)
		ct_strbuf_add(&writer->directory, &entry, sizeof(entry));
	put_chunk(writer, &chunk, body.bytes);
	return writer->directory.failed ? ct_error_nomem : NULL;
}

/* ---- frames ---- */

/* A frame that is ready to be written. */
struct frame {
	struct ct_pack_chunk chunk;
	struct ct_strbuf body;
	struct ct_pack_frame facts;
	uint32_t blocks[CT_PACK_FRAME_BLOCKS];
	struct ct_block_header heads[CT_PACK_FRAME_BLOCKS];
};

/* What one of our threads works with. */
struct maker {
	unsigned char blocks[CT_PACK_FRAME_BLOCKS][CT_BLOCK_BYTES];
	struct ct_columns columns;
	struct ct_pack_cache source; /* of a trace that is packed */
	struct ct_pack_cache verified;
	/* Records of one stream, and what is none. */
	struct frame frames[2];
};

static void maker_destroy(struct maker *maker)
{
	if (!maker)
		return;
	ct_columns_deinit(&maker->columns);
	ct_pack_cache_deinit(&maker->source);
	ct_pack_cache_deinit(&maker->verified);
	for (int i = 0; i < 2; i++)
		ct_strbuf_deinit(&maker->frames[i].body);
	free(maker);
}

/* The frames of one trace while they are made. */
struct run {
	struct writer *writer;
	const struct ct_input *input;
	uint32_t ordinal;
	struct ct_frame_plans plans;
	struct ct_columns index; /* CT_FRAMES_COLUMNS */
	pthread_mutex_t lock;
	pthread_cond_t was_written;
	uint32_t next_plan;  /* the next thread takes this one */
	uint32_t next_write; /* and this one is the next in the file */
	struct ct_error *err;
};

static void add_block(struct frame *frame, uint32_t block, const unsigned char *bytes)
{
	uint32_t at = frame->facts.block_count - 1;
	frame->blocks[at] = block;
	memcpy(&frame->heads[at], bytes, sizeof(frame->heads[at]));
}

static uint32_t bytes_of_block(const struct ct_trace *trace, uint32_t block)
{
	uint64_t left = ct_trace_file_bytes(trace) - (uint64_t)block * CT_BLOCK_BYTES;
	return left < CT_BLOCK_BYTES ? (uint32_t)left : CT_BLOCK_BYTES;
}

static bool is_zero(const unsigned char *bytes, size_t length)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0;
}

static struct ct_error *read_blocks(const struct run *run, const struct ct_frame_plan *plan,
				    struct maker *maker)
{
	for (uint32_t i = 0; i < plan->block_count; i++) {
		size_t wanted = bytes_of_block(run->input->trace, plan->blocks[i]);
		if (ct_trace_read_block(run->input->trace, plan->blocks[i], maker->blocks[i],
					&maker->source) != wanted)
			return ct_error_create("'%s' cannot be read at byte %llu: it is damaged, "
					       "or changes",
					       run->input->path,
					       (unsigned long long)plan->blocks[i] *
						       CT_BLOCK_BYTES);
	}
	return NULL;
}

static bool finish_frame(const struct run *run, const struct maker *maker, enum ct_pack_type type,
			 uint64_t content_hash, struct frame *frame)
{
	frame->body.length = 0;
	if (!ct_columns_write(&maker->columns, run->writer->options->level, &frame->body))
		return false;
	frame->chunk = (struct ct_pack_chunk){
		.type = (uint16_t)type,
		.input = run->ordinal,
		.body_bytes = (uint32_t)frame->body.length,
		.content_hash = content_hash,
	};
	frame->facts.stored_bytes = frame->chunk.body_bytes;
	finish_chunk(&frame->chunk, frame->body.bytes);
	return true;
}

static void hash_cleanup(XXH3_state_t **hash)
{
	XXH3_freeState(*hash);
}

/* The blocks that are records from their first to their last byte; `is_left`: the others. */
static bool make_pieces(const struct run *run, const struct ct_frame_plan *plan,
			struct maker *maker, bool is_left[CT_PACK_FRAME_BLOCKS])
{
	ct_cleanup(hash_cleanup) XXH3_state_t *hash = XXH3_createState();
	struct frame *frame = &maker->frames[0];
	if (!hash)
		return false;
	XXH3_64bits_reset(hash);
	frame->facts = (struct ct_pack_frame){0};
	ct_columns_reset(&maker->columns, CT_PIECES_COLUMNS);
	for (uint32_t i = 0; i < plan->block_count; i++) {
		const unsigned char *bytes = maker->blocks[i];
		is_left[i] = !plan->is_pieces ||
			     bytes_of_block(run->input->trace, plan->blocks[i]) < CT_BLOCK_BYTES ||
			     !ct_piece_split(&maker->columns, bytes, plan->blocks[i],
					     &frame->facts);
		if (is_left[i])
			continue;
		XXH3_64bits_update(hash, bytes, CT_BLOCK_BYTES);
		add_block(frame, plan->blocks[i], bytes);
	}
	return frame->facts.block_count == 0 ||
	       finish_frame(run, maker, CT_PACK_PIECES, XXH3_64bits_digest(hash), frame);
}

static void take_left(const struct ct_frame_plan *plan, uint32_t i, size_t length,
		      struct maker *maker)
{
	struct frame *frame = &maker->frames[1];
	frame->facts.block_count++;
	add_block(frame, plan->blocks[i], maker->blocks[i]);
	ct_strbuf_add(&maker->columns.columns[CT_BLOCKS_HEADS], &plan->blocks[i],
		      sizeof(plan->blocks[i]));
	ct_strbuf_add(&maker->columns.columns[CT_BLOCKS_BYTES], maker->blocks[i], length);
}

/* The others, as they are; one that the end of the trace cuts short comes last. */
static bool make_left(const struct run *run, const struct ct_frame_plan *plan, struct maker *maker,
		      const bool is_left[CT_PACK_FRAME_BLOCKS])
{
	struct frame *frame = &maker->frames[1];
	frame->facts = (struct ct_pack_frame){0};
	ct_columns_reset(&maker->columns, CT_BLOCKS_COLUMNS);
	for (int is_cut = 0; is_cut < 2; is_cut++) {
		for (uint32_t i = 0; i < plan->block_count; i++) {
			size_t length = bytes_of_block(run->input->trace, plan->blocks[i]);
			if (is_left[i] && (length < CT_BLOCK_BYTES) == is_cut &&
			    !is_zero(maker->blocks[i], length))
				take_left(plan, i, length, maker);
		}
	}
	const struct ct_strbuf *bytes = &maker->columns.columns[CT_BLOCKS_BYTES];
	return frame->facts.block_count == 0 ||
	       finish_frame(run, maker, CT_PACK_BLOCKS, XXH3_64bits(bytes->bytes, bytes->length),
			    frame);
}

/* Does the frame give back the blocks it was made of? */
static bool verify(const struct run *run, const struct ct_frame_plan *plan, struct maker *maker,
		   const struct frame *frame)
{
	static _Thread_local unsigned char again[CT_BLOCK_BYTES];
	if (!ct_pack_decode(&frame->chunk, frame->body.bytes, &maker->verified))
		return false;
	for (uint32_t i = 0; i < frame->facts.block_count; i++) {
		uint32_t at = 0;
		while (plan->blocks[at] != frame->blocks[i])
			at++;
		size_t length = bytes_of_block(run->input->trace, frame->blocks[i]);
		if (ct_pack_cached_block(&maker->verified, frame->blocks[i], again, length) !=
			    length ||
		    memcmp(again, maker->blocks[at], length) != 0)
			return false;
	}
	return true;
}

static struct ct_error *make_frames(const struct run *run, const struct ct_frame_plan *plan,
				    struct maker *maker)
{
	bool is_left[CT_PACK_FRAME_BLOCKS];
	struct ct_error *err = read_blocks(run, plan, maker);
	if (err)
		return err;
	if (!make_pieces(run, plan, maker, is_left) || !make_left(run, plan, maker, is_left))
		return ct_error_nomem;
	for (int i = 0; i < 2 && run->writer->options->verify; i++)
		if (maker->frames[i].facts.block_count > 0 &&
		    !verify(run, plan, maker, &maker->frames[i]))
			return ct_error_create("'%s' would not be the same when it is unpacked, by "
					       "a fault of this program or of this machine's "
					       "memory; nothing was written",
					       run->input->path);
	return NULL;
}

static void write_frame(struct run *run, struct frame *frame)
{
	uint32_t count = frame->facts.block_count;
	if (count == 0)
		return;
	frame->facts.offset = run->writer->offset;
	put_chunk(run->writer, &frame->chunk, frame->body.bytes);
	ct_strbuf_add(&run->index.columns[CT_FRAMES_FRAMES], &frame->facts, sizeof(frame->facts));
	ct_strbuf_add(&run->index.columns[CT_FRAMES_BLOCKS], frame->blocks,
		      count * sizeof(*frame->blocks));
	ct_strbuf_add(&run->index.columns[CT_FRAMES_HEADS], frame->heads,
		      count * sizeof(*frame->heads));
}

/* When its turn has come. Called with the lock held. */
static void write_in_turn(struct run *run, uint32_t plan, struct maker *maker)
{
	struct writer *writer = run->writer;
	while (run->next_write != plan && !run->err)
		pthread_cond_wait(&run->was_written, &run->lock);
	if (run->err)
		return;
	for (int i = 0; i < 2; i++)
		write_frame(run, &maker->frames[i]);
	run->next_write++;
	writer->blocks_done += run->plans.plans[plan].block_count;
	if (ct_output_failed(writer->output))
		run->err = ct_error_create("the output failed"); /* committing it says why */
	if (writer->options->progress)
		writer->options->progress(writer->blocks_done, writer->blocks_all);
	pthread_cond_broadcast(&run->was_written);
}

static void fail(struct run *run, struct ct_error *err)
{
	if (run->err)
		ct_error_destroy(err);
	else
		run->err = err;
	pthread_cond_broadcast(&run->was_written);
}

static void *work(void *argument)
{
	struct run *run = argument;
	struct maker *maker = calloc(1, sizeof(*maker));
	pthread_mutex_lock(&run->lock);
	if (!maker) {
		fail(run, ct_error_nomem);
		pthread_mutex_unlock(&run->lock);
		return NULL;
	}
	while (!run->err && run->next_plan < run->plans.count) {
		uint32_t plan = run->next_plan++;
		pthread_mutex_unlock(&run->lock);
		struct ct_error *err = make_frames(run, &run->plans.plans[plan], maker);
		pthread_mutex_lock(&run->lock);
		if (err)
			fail(run, err);
		else
			write_in_turn(run, plan, maker);
	}
	pthread_mutex_unlock(&run->lock);
	maker_destroy(maker);
	return NULL;
}

static void run_threads(struct run *run)
{
	pthread_t threads[MOST_WORKERS];
	unsigned int wanted = ct_parallel_processors(), started = 0;
	if (wanted > run->plans.count)
		wanted = run->plans.count;
	for (; started + 1 < wanted && started < MOST_WORKERS; started++)
		if (pthread_create(&threads[started], NULL, work, run) != 0)
			break;
	work(run);
	for (unsigned int i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
}

static struct ct_error *write_frames(struct writer *writer, uint32_t ordinal)
{
	struct run run = {
		.writer = writer,
		.input = &writer->session->inputs[ordinal],
		.ordinal = ordinal,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.was_written = PTHREAD_COND_INITIALIZER,
	};
	struct ct_error *err = NULL;
	ct_columns_reset(&run.index, CT_FRAMES_COLUMNS);
	if (!ct_frame_plans_init(&run.plans, run.input->trace))
		err = ct_error_nomem;
	if (!err) {
		run_threads(&run);
		err = run.err;
	}
	if (!err)
		err = put_columns(writer, CT_PACK_FRAMES, ordinal, &run.index);
	ct_frame_plans_deinit(&run.plans);
	ct_columns_deinit(&run.index);
	return err;
}

/* ---- the whole ---- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static bool is_taken(uint32_t ordinal, const char *name, char *const *names)
{
	for (uint32_t i = 0; i < ordinal; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* Of several traces with one name, the later ones get a number: "lua-2.ctrace". */
static char *unique_name(const struct ct_session *session, uint32_t ordinal, char *const *names)
{
	const char *name = base_name(session->inputs[ordinal].path);
	const char *dot = strrchr(name, '.');
	size_t stem = dot && dot != name ? (size_t)(dot - name) : strlen(name);
	char *made = strdup(name);
	for (unsigned int number = 2; made && is_taken(ordinal, made, names); number++) {
		free(made);
		if (asprintf(&made, "%.*s-%u%s", (int)stem, name, number, name + stem) < 0)
			made = NULL;
	}
	return made;
}

static struct ct_error *write_input(struct writer *writer, uint32_t ordinal, const char *name)
{
	ct_cleanup(ct_columns_deinit) struct ct_columns columns = {0};
	const struct ct_input *input = &writer->session->inputs[ordinal];
	const struct ct_pack_input_facts facts = {
		.file_bytes = ct_trace_file_bytes(input->trace),
		.shift_ns = input->shift_ns,
	};
	ct_columns_reset(&columns, CT_INPUT_COLUMNS);
	ct_strbuf_add(&columns.columns[CT_INPUT_FACTS], &facts, sizeof(facts));
	ct_strbuf_add(&columns.columns[CT_INPUT_NAME], name, strlen(name));
	struct ct_error *err = put_columns(writer, CT_PACK_INPUT, ordinal, &columns);
	if (!err)
		err = write_frames(writer, ordinal);
	if (!err && !ct_names_store(input->names, input->trace, &columns))
		err = ct_error_nomem;
	return err ? err : put_columns(writer, CT_PACK_NAMES, ordinal, &columns);
}

static void free_names(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

static struct ct_error *write_inputs(struct writer *writer)
{
	const struct ct_session *session = writer->session;
	char **names = calloc(session->input_count + 1, sizeof(*names));
	struct ct_error *err = NULL;
	if (!names)
		return ct_error_nomem;
	for (uint32_t i = 0; i < session->input_count && !err; i++) {
		names[i] = unique_name(session, i, names);
		err = names[i] ? write_input(writer, i, names[i]) : ct_error_nomem;
	}
	free_names(names, session->input_count);
	return err;
}

/* Calls are counted while they are packed: both read the traces, and nothing of each other. */
struct counting {
	const struct ct_session *session;
	struct ct_profile *profile;
	struct ct_stream_count *streams;
	struct ct_error *err;
	pthread_t thread;
	bool is_started;
};

static void *count(void *argument)
{
	struct counting *counting = argument;
	const struct ct_profile_options options = {
		.by = CT_BY_FUNCTION,
		.streams = counting->streams,
	};
	counting->err = ct_profile_create(counting->session, NULL, &options, &counting->profile);
	return NULL;
}

static bool begin_counting(struct counting *counting, const struct ct_session *session)
{
	counting->session = session;
	counting->streams = calloc(session->stream_count + 1, sizeof(*counting->streams));
	if (!counting->streams)
		return false;
	counting->is_started = pthread_create(&counting->thread, NULL, count, counting) == 0;
	return true;
}

static void end_counting(struct counting *counting)
{
	if (counting->is_started)
		pthread_join(counting->thread, NULL);
	else
		count(counting);
	counting->is_started = false;
}

static void counting_deinit(struct counting *counting)
{
	if (counting->is_started)
		pthread_join(counting->thread, NULL);
	ct_profile_destroy(counting->profile);
	ct_error_destroy(counting->err);
	free(counting->streams);
}

static struct ct_error *write_summary(struct writer *writer, struct counting *counting,
				      struct ct_pack_result *ret)
{
	ct_cleanup(ct_columns_deinit) struct ct_columns columns = {0};
	end_counting(counting);
	if (counting->err)
		return ct_take(counting->err);
	ret->calls = counting->profile->calls;
	ret->lost_events = counting->profile->lost_events;
	if (!ct_summary_store(writer->session, counting->profile, counting->streams, &columns))
		return ct_error_nomem;
	return put_columns(writer, CT_PACK_SUMMARY, 0, &columns);
}

static struct ct_error *write_end(struct writer *writer)
{
	ct_cleanup(ct_columns_deinit) struct ct_columns columns = {0};
	struct ct_pack_footer footer = {
		.magic = CT_PACK_FOOTER_MAGIC,
		.directory = writer->offset,
	};
	ct_columns_reset(&columns, 1);
	ct_strbuf_add(&columns.columns[0], writer->directory.bytes, writer->directory.length);
	struct ct_error *err = put_columns(writer, CT_PACK_DIRECTORY, 0, &columns);
	footer.hash = XXH3_64bits(&footer, offsetof(struct ct_pack_footer, hash));
	put(writer, &footer, sizeof(footer));
	return err;
}

struct ct_error *ct_pack_write(const struct ct_session *session,
			       const struct ct_pack_options *options, struct ct_output *output,
			       struct ct_pack_result *ret)
{
	ct_cleanup(writer_deinit) struct writer writer = {
		.session = session,
		.options = options,
		.output = output,
	};
	struct ct_pack_header header = {.magic = CT_PACK_MAGIC, .version = CT_PACK_VERSION};
	*ret = (struct ct_pack_result){0};
	for (size_t i = 0; i < session->input_count; i++) {
		ret->trace_bytes += ct_trace_file_bytes(session->inputs[i].trace);
		writer.blocks_all += ct_trace_block_count(session->inputs[i].trace);
	}
	header.hash = XXH3_64bits(&header, offsetof(struct ct_pack_header, hash));
	put(&writer, &header, sizeof(header));
	ct_cleanup(counting_deinit) struct counting counting = {0};
	if (!begin_counting(&counting, session))
		return ct_error_nomem;
	struct ct_error *err = write_inputs(&writer);
	if (!err)
		err = write_summary(&writer, &counting, ret);
	if (!err)
		err = write_end(&writer);
	ret->packed_bytes = writer.offset;
	return err;
}
