/* SPDX-License-Identifier: MIT */
/*
 * Perfetto's native protobuf: a stream of TracePackets. Each thread is a
 * sequence of packets with interned names and a clock of its own that counts
 * from the packet before, so that a call takes some thirty bytes. Numbers of
 * fields are those of perfetto_trace.proto.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "exporter/annotations.h"
#include "exporter/exporter.h"
#include "exporter/protobuf.h"
#include "exporter/utf8.h"

enum { TRACE_PACKET = 1 };

/* Fields of TracePacket. */
enum {
	PACKET_CLOCK_SNAPSHOT = 6,
	PACKET_TIMESTAMP = 8,
	PACKET_SEQUENCE_ID = 10,
	PACKET_TRACK_EVENT = 11,
	PACKET_INTERNED_DATA = 12,
	PACKET_SEQUENCE_FLAGS = 13,
	PACKET_CLOCK_ID = 58,
	PACKET_DEFAULTS = 59,
	PACKET_TRACK_DESCRIPTOR = 60,
};

enum { SEQUENCE_CLEARED = 1, SEQUENCE_NEEDS_STATE = 2 };

enum { CLOCK_REALTIME_ID = 1, CLOCK_BOOTTIME_ID = 6, CLOCK_DELTA_ID = 64 };

/* Fields of TrackEvent. */
enum {
	EVENT_ANNOTATIONS = 4,
	EVENT_TYPE = 9,
	EVENT_NAME_IID = 10,
	EVENT_TRACK = 11,
	EVENT_NAME = 23,
	EVENT_SOURCE_IID = 34,
};

enum { TYPE_BEGIN = 1, TYPE_END = 2, TYPE_INSTANT = 3 };

/* Fields of DebugAnnotation. */
enum { ANNOTATION_UINT = 3, ANNOTATION_STRING = 6, ANNOTATION_NAME = 10 };

/* Fields of TrackDescriptor, and of what it holds. */
enum {
	TRACK_UUID = 1,
	TRACK_NAME = 2,
	TRACK_PROCESS = 3,
	TRACK_THREAD = 4,
	TRACK_PARENT = 5,
	PROCESS_PID = 1,
	PROCESS_COMMAND_LINE = 2,
	PROCESS_NAME = 6,
	PROCESS_START_NS = 7,
	THREAD_PID = 1,
	THREAD_TID = 2,
	THREAD_NAME = 5,
};

/* Fields of InternedData and its entries. */
enum {
	INTERNED_EVENT_NAMES = 2,
	INTERNED_SOURCE_LOCATIONS = 4,
	ENTRY_IID = 1,
	ENTRY_NAME = 2,
	SOURCE_FILE = 2,
	SOURCE_FUNCTION = 3,
	SOURCE_LINE = 4,
};

/* Room for a packet without annotations. */
enum { PACKET_BYTES = 128 };

/* How a stream's calls ended that have no end: no event tells it of each. */
enum { END_KINDS = CT_CALL_KILLED + 1 };

/* The track_event of a call's begin on the thread's own stack, ready to be stored. */
struct begin_bytes {
	uint32_t told_by; /* the last sequence that has told the names */
	uint8_t length;
	char bytes[19];
};

struct pass {
	const struct ct_export *export;
	struct ct_sink *sink;
	struct begin_bytes *begins; /* by function */
	struct ct_memory_sink message;
	struct ct_memory_sink json;
	struct ct_strbuf text;
	/* of the stream */
	size_t stream;
	struct ct_values *values;
	uint64_t last_ns; /* of the clock that counts from the packet before */
	unsigned int prefix_bytes;
	char prefix[16];      /* sequence id and flags */
	uint32_t *coroutines; /* that have a track; a hash table of numbers, 0: free */
	uint32_t coroutine_count, coroutine_capacity;
	uint64_t open[END_KINDS]; /* calls that never ended, by how */
	uint64_t open_ns;	  /* to when they were seen */
};

/* ---- identities ---- */

static uint64_t process_track(size_t input)
{
	return input + 1;
}

/* `stack` 0: the thread itself. */
static uint64_t thread_track(size_t stream, uint32_t stack)
{
	return (uint64_t)(stream + 1) << 32 | stack;
}

static uint32_t sequence_of(size_t stream)
{
	return (uint32_t)stream + 2; /* 1 has the processes */
}

/* To Perfetto a thread's id is one of the whole machine: as the process's, another where it has
 * to be. */
static uint64_t thread_id(const struct pass *pass, size_t stream)
{
	const struct ct_session *session = pass->export->session;
	const struct ct_stream *thread = &session->streams[stream];
	uint32_t pid = ct_trace_info(session->inputs[thread->input].trace)->pid;
	return (uint64_t)thread->row.tid + (pass->export->process_ids[thread->input] - pid);
}

/* ---- packets put together in memory ---- */

static void begin_packet(struct pass *pass, uint32_t sequence, uint64_t flags)
{
	ct_memory_sink_clear(&pass->message);
	ct_proto_add_u64(&pass->message, PACKET_SEQUENCE_ID, sequence);
	if (flags)
		ct_proto_add_u64(&pass->message, PACKET_SEQUENCE_FLAGS, flags);
}

static struct ct_error *end_packet(struct pass *pass)
{
	struct ct_memory_sink *message = &pass->message;
	if (message->failed || pass->text.failed)
		return ct_error_nomem;
	size_t length = ct_memory_sink_length(message);
	ct_sink_reserve(pass->sink, PACKET_BYTES);
	*pass->sink->at++ = CT_PROTO_TAG(TRACE_PACKET, CT_PROTO_BYTES);
	pass->sink->at = ct_proto_varint(pass->sink->at, length);
	ct_sink_add(pass->sink, message->bytes, length);
	return NULL;
}

static void add_text(struct pass *pass, uint32_t number, const char *bytes, size_t length)
{
	pass->text.length = 0;
	ct_utf8_add(&pass->text, bytes, length);
	ct_proto_add_bytes(&pass->message, number, pass->text.bytes ? pass->text.bytes : "",
			   pass->text.length);
}

static void add_clock(struct pass *pass, uint32_t id, uint64_t ns, bool is_incremental)
{
	size_t clock = ct_proto_begin(&pass->message, 1);
	ct_proto_add_u64(&pass->message, 1, id);
	ct_proto_add_u64(&pass->message, 2, ns);
	if (is_incremental)
		ct_proto_add_u64(&pass->message, 3, 1);
	ct_proto_end(&pass->message, clock);
}

/* ---- processes, threads and coroutines ---- */

static struct ct_error *put_wall_clock(struct pass *pass)
{
	begin_packet(pass, 1, SEQUENCE_CLEARED);
	size_t snapshot = ct_proto_begin(&pass->message, PACKET_CLOCK_SNAPSHOT);
	add_clock(pass, CLOCK_BOOTTIME_ID, 0, false);
	add_clock(pass, CLOCK_REALTIME_ID, pass->export->session->start_realtime_ns, false);
	ct_proto_end(&pass->message, snapshot);
	return end_packet(pass);
}

static void add_command_line(struct pass *pass, struct ct_bytes words)
{
	for (size_t i = 0; i < words.length;) {
		size_t length = strnlen(words.bytes + i, words.length - i);
		add_text(pass, PROCESS_COMMAND_LINE, words.bytes + i, length);
		i += length + 1;
	}
}

static struct ct_error *put_process(struct pass *pass, size_t input)
{
	const struct ct_session *session = pass->export->session;
	const struct ct_trace *trace = session->inputs[input].trace;
	struct ct_bytes name = ct_export_program_name(session, input);
	begin_packet(pass, 1, 0);
	size_t track = ct_proto_begin(&pass->message, PACKET_TRACK_DESCRIPTOR);
	ct_proto_add_u64(&pass->message, TRACK_UUID, process_track(input));
	size_t process = ct_proto_begin(&pass->message, TRACK_PROCESS);
	ct_proto_add_u64(&pass->message, PROCESS_PID, pass->export->process_ids[input]);
	add_command_line(pass, ct_trace_string(trace, ct_trace_info(trace)->command_line));
	add_text(pass, PROCESS_NAME, name.bytes, name.length);
	ct_proto_add_u64(&pass->message, PROCESS_START_NS, session->inputs[input].offset_ns);
	ct_proto_end(&pass->message, process);
	ct_proto_end(&pass->message, track);
	return end_packet(pass);
}

static struct ct_error *put_thread(struct pass *pass)
{
	const struct ct_session *session = pass->export->session;
	uint32_t input = session->streams[pass->stream].input;
	struct ct_bytes name = ct_export_thread_name(session, pass->stream);
	begin_packet(pass, sequence_of(pass->stream), SEQUENCE_CLEARED);
	size_t track = ct_proto_begin(&pass->message, PACKET_TRACK_DESCRIPTOR);
	ct_proto_add_u64(&pass->message, TRACK_UUID, thread_track(pass->stream, 0));
	ct_proto_add_u64(&pass->message, TRACK_PARENT, process_track(input));
	size_t thread = ct_proto_begin(&pass->message, TRACK_THREAD);
	ct_proto_add_u64(&pass->message, THREAD_PID, pass->export->process_ids[input]);
	ct_proto_add_u64(&pass->message, THREAD_TID, thread_id(pass, pass->stream));
	add_text(pass, THREAD_NAME, name.bytes, name.length);
	ct_proto_end(&pass->message, thread);
	ct_proto_end(&pass->message, track);
	size_t defaults = ct_proto_begin(&pass->message, PACKET_DEFAULTS);
	ct_proto_add_u64(&pass->message, PACKET_CLOCK_ID, CLOCK_DELTA_ID);
	size_t event = ct_proto_begin(&pass->message, PACKET_TRACK_EVENT);
	ct_proto_add_u64(&pass->message, EVENT_TRACK, thread_track(pass->stream, 0));
	ct_proto_end(&pass->message, event);
	ct_proto_end(&pass->message, defaults);
	return end_packet(pass);
}

static struct ct_error *put_delta_clock(struct pass *pass)
{
	begin_packet(pass, sequence_of(pass->stream), SEQUENCE_NEEDS_STATE);
	size_t snapshot = ct_proto_begin(&pass->message, PACKET_CLOCK_SNAPSHOT);
	add_clock(pass, CLOCK_BOOTTIME_ID, 0, false);
	add_clock(pass, CLOCK_DELTA_ID, 0, true);
	ct_proto_end(&pass->message, snapshot);
	return end_packet(pass);
}

static struct ct_error *put_coroutine(struct pass *pass, uint32_t stack)
{
	char name[32];
	begin_packet(pass, sequence_of(pass->stream), SEQUENCE_NEEDS_STATE);
	size_t track = ct_proto_begin(&pass->message, PACKET_TRACK_DESCRIPTOR);
	ct_proto_add_u64(&pass->message, TRACK_UUID, thread_track(pass->stream, stack));
	ct_proto_add_u64(&pass->message, TRACK_PARENT, thread_track(pass->stream, 0));
	snprintf(name, sizeof(name), "coroutine %u", stack);
	ct_proto_add_string(&pass->message, TRACK_NAME, name);
	ct_proto_end(&pass->message, track);
	return end_packet(pass);
}

static uint32_t *coroutine_slot(const struct pass *pass, uint32_t stack)
{
	uint32_t at = stack * UINT32_C(0x9e3779b1) & (pass->coroutine_capacity - 1);
	while (pass->coroutines[at] && pass->coroutines[at] != stack)
		at = (at + 1) & (pass->coroutine_capacity - 1);
	return &pass->coroutines[at];
}

static bool grow_coroutines(struct pass *pass)
{
	uint32_t *old = pass->coroutines;
	uint32_t old_capacity = pass->coroutine_capacity;
	uint32_t capacity = old_capacity ? 2 * old_capacity : 64;
	uint32_t *grown = calloc(capacity, sizeof(*grown));
	if (!grown)
		return false;
	pass->coroutines = grown;
	pass->coroutine_capacity = capacity;
	for (uint32_t i = 0; i < old_capacity; i++)
		if (old[i])
			*coroutine_slot(pass, old[i]) = old[i];
	free(old);
	return true;
}

/* A coroutine has a track from its first event on. */
static struct ct_error *know_coroutine(struct pass *pass, uint32_t stack)
{
	if (2 * pass->coroutine_count >= pass->coroutine_capacity && !grow_coroutines(pass))
		return ct_error_nomem;
	uint32_t *slot = coroutine_slot(pass, stack);
	if (*slot)
		return NULL;
	*slot = stack;
	pass->coroutine_count++;
	return put_coroutine(pass, stack);
}

/* ---- names ---- */

static void prepare_begin(struct pass *pass, uint32_t function)
{
	struct begin_bytes *begin = &pass->begins[function];
	bool has_source = pass->export->session->functions[function].source[0] != '\0';
	char *at = begin->bytes;
	*at++ = CT_PROTO_TAG(PACKET_TRACK_EVENT, CT_PROTO_BYTES);
	char *length = at++;
	at = ct_proto_u64(at, EVENT_TYPE, TYPE_BEGIN);
	at = ct_proto_u64(at, EVENT_NAME_IID, function + 1);
	if (has_source)
		at = ct_proto_u64(at, EVENT_SOURCE_IID, function + 1);
	*length = (char)(at - length - 1);
	begin->length = (uint8_t)(at - begin->bytes);
	begin->told_by = sequence_of(pass->stream);
}

/* The sequence tells a function's names before its first call. */
static __attribute__((cold, noinline)) struct ct_error *know_function(struct pass *pass,
								      uint32_t function)
{
	const struct ct_function *names = &pass->export->session->functions[function];
	struct ct_memory_sink *message = &pass->message;
	begin_packet(pass, sequence_of(pass->stream), SEQUENCE_NEEDS_STATE);
	size_t interned = ct_proto_begin(message, PACKET_INTERNED_DATA);
	size_t name = ct_proto_begin(message, INTERNED_EVENT_NAMES);
	ct_proto_add_u64(message, ENTRY_IID, function + 1);
	add_text(pass, ENTRY_NAME, names->name, strlen(names->name));
	ct_proto_end(message, name);
	if (names->source[0]) {
		size_t source = ct_proto_begin(message, INTERNED_SOURCE_LOCATIONS);
		ct_proto_add_u64(message, ENTRY_IID, function + 1);
		add_text(pass, SOURCE_FILE, names->source, strlen(names->source));
		add_text(pass, SOURCE_FUNCTION, names->name, strlen(names->name));
		if (names->line > 0)
			ct_proto_add_u64(message, SOURCE_LINE, (uint64_t)names->line);
		ct_proto_end(message, source);
	}
	ct_proto_end(message, interned);
	prepare_begin(pass, function);
	return end_packet(pass);
}

/* ---- events ---- */

/* Of a packet that is put together in memory. */
static void add_timestamp(struct pass *pass, uint64_t ns)
{
	if (ns < pass->last_ns) {
		ct_proto_add_u64(&pass->message, PACKET_TIMESTAMP, ns);
		ct_proto_add_u64(&pass->message, PACKET_CLOCK_ID, CLOCK_BOOTTIME_ID);
		return;
	}
	ct_proto_add_u64(&pass->message, PACKET_TIMESTAMP, ns - pass->last_ns);
	pass->last_ns = ns;
}

/* Gives the beginning of the track_event, for end_event(). */
static size_t begin_event(struct pass *pass, uint64_t ns, uint32_t stack, unsigned int type)
{
	begin_packet(pass, sequence_of(pass->stream), SEQUENCE_NEEDS_STATE);
	add_timestamp(pass, ns);
	size_t event = ct_proto_begin(&pass->message, PACKET_TRACK_EVENT);
	ct_proto_add_u64(&pass->message, EVENT_TYPE, type);
	if (stack)
		ct_proto_add_u64(&pass->message, EVENT_TRACK, thread_track(pass->stream, stack));
	return event;
}

static struct ct_error *end_event(struct pass *pass, size_t event)
{
	ct_proto_end(&pass->message, event);
	return end_packet(pass);
}

static void add_count(struct pass *pass, const char *name, uint64_t count)
{
	size_t annotation = ct_proto_begin(&pass->message, EVENT_ANNOTATIONS);
	ct_proto_add_string(&pass->message, ANNOTATION_NAME, name);
	ct_proto_add_u64(&pass->message, ANNOTATION_UINT, count);
	ct_proto_end(&pass->message, annotation);
}

/* An event whose time is the sequence's next, on the thread's own track, without annotations. */
static inline void put_small(struct pass *pass, uint64_t ns, const char *event, size_t length,
			     size_t copied)
{
	struct ct_sink *sink = pass->sink;
	ct_sink_reserve(sink, PACKET_BYTES);
	char *start = sink->at;
	start[0] = CT_PROTO_TAG(TRACE_PACKET, CT_PROTO_BYTES);
	start[2] = CT_PROTO_TAG(PACKET_TIMESTAMP, CT_PROTO_VARINT);
	char *at = ct_proto_varint(start + 3, ns - pass->last_ns);
	memcpy(at, pass->prefix, sizeof(pass->prefix));
	at += pass->prefix_bytes;
	memcpy(at, event, copied);
	at += length;
	start[1] = (char)(at - start - 2);
	sink->at = at;
	pass->last_ns = ns;
}

static __attribute__((noinline)) struct ct_error *put_begin(struct pass *pass,
							    const struct ct_event *event)
{
	const struct ct_session *session = pass->export->session;
	struct ct_value_bytes arguments = {event->values, event->value_bytes, event->ns};
	if (event->stack) {
		struct ct_error *err = know_coroutine(pass, event->stack);
		if (err)
			return err;
	}
	ct_memory_sink_clear(&pass->json);
	if (pass->values)
		ct_values_put_arguments(pass->values, &pass->json.sink, event->site, arguments, 0);
	if (pass->json.failed)
		return ct_error_nomem;
	size_t start = begin_event(pass, event->ns, event->stack, TYPE_BEGIN);
	ct_proto_add_u64(&pass->message, EVENT_NAME_IID, event->function + 1);
	if (session->functions[event->function].source[0])
		ct_proto_add_u64(&pass->message, EVENT_SOURCE_IID, event->function + 1);
	if (ct_memory_sink_length(&pass->json))
		ct_annotations_add(&pass->message, EVENT_ANNOTATIONS, pass->json.bytes,
				   ct_memory_sink_length(&pass->json));
	return end_event(pass, start);
}

static __attribute__((noinline)) struct ct_error *put_end(struct pass *pass,
							  const struct ct_event *event)
{
	struct ct_value_bytes result = {event->values, event->value_bytes, event->ns};
	if (event->end != CT_CALL_RETURNED && event->end != CT_CALL_UNWOUND) {
		pass->open[event->end < END_KINDS ? event->end : CT_CALL_EXIT]++;
		pass->open_ns = event->ns;
		return NULL;
	}
	ct_memory_sink_clear(&pass->json);
	if (pass->values && event->end == CT_CALL_RETURNED)
		ct_values_put_result(pass->values, &pass->json.sink, event->site, result, 0);
	if (pass->json.failed)
		return ct_error_nomem;
	size_t start = begin_event(pass, event->ns, event->stack, TYPE_END);
	if (event->end == CT_CALL_UNWOUND) {
		size_t annotation = ct_proto_begin(&pass->message, EVENT_ANNOTATIONS);
		ct_proto_add_string(&pass->message, ANNOTATION_NAME, "unfinished");
		ct_proto_add_string(&pass->message, ANNOTATION_STRING, "unwound");
		ct_proto_end(&pass->message, annotation);
	}
	if (ct_memory_sink_length(&pass->json))
		ct_annotations_add(&pass->message, EVENT_ANNOTATIONS, pass->json.bytes,
				   ct_memory_sink_length(&pass->json));
	return end_event(pass, start);
}

static struct ct_error *put_lost(struct pass *pass, const struct ct_event *event)
{
	size_t start = begin_event(pass, event->ns, 0, TYPE_INSTANT);
	ct_proto_add_string(&pass->message, EVENT_NAME, "lost events");
	add_count(pass, "lost_events", event->lost);
	return end_event(pass, start);
}

static struct ct_error *take_timed(struct pass *pass, const struct ct_event *event)
{
	static const char end_bytes[16] = {CT_PROTO_TAG(PACKET_TRACK_EVENT, CT_PROTO_BYTES), 2,
					   CT_PROTO_TAG(EVENT_TYPE, CT_PROTO_VARINT), TYPE_END};
	bool is_small = event->stack == 0 && !pass->values && event->ns >= pass->last_ns;
	if (event->kind == CT_EVENT_END) {
		if (ct_unlikely(!is_small || event->end != CT_CALL_RETURNED))
			return put_end(pass, event);
		put_small(pass, event->ns, end_bytes, 4, sizeof(end_bytes));
		return NULL;
	}
	if (ct_unlikely(event->kind == CT_EVENT_LOST))
		return put_lost(pass, event);
	const struct begin_bytes *begin = &pass->begins[event->function];
	if (ct_unlikely(begin->told_by != sequence_of(pass->stream))) {
		struct ct_error *err = know_function(pass, event->function);
		if (err)
			return err;
	}
	if (ct_unlikely(!is_small))
		return put_begin(pass, event);
	put_small(pass, event->ns, begin->bytes, begin->length, sizeof(begin->bytes));
	return NULL;
}

static struct ct_error *take_event(void *state, const struct ct_event *event)
{
	struct pass *pass = state;
	if (!pass->export->is_timeless)
		return take_timed(pass, event);
	/* Without a clock each event is a step of its own. */
	struct ct_event step = *event;
	step.ns = pass->last_ns + 1;
	return take_timed(pass, &step);
}

/* Calls that never ended are slices without an end; this tells why. */
static struct ct_error *put_open(struct pass *pass)
{
	struct ct_error *err = NULL;
	for (uint8_t end = 0; !err && end < END_KINDS; end++) {
		if (!pass->open[end])
			continue;
		size_t start = begin_event(pass, pass->open_ns, 0, TYPE_INSTANT);
		ct_proto_add_string(&pass->message, EVENT_NAME, ct_export_unfinished(end));
		add_count(pass, "open_calls", pass->open[end]);
		err = end_event(pass, start);
	}
	return err;
}

/* ---- streams ---- */

static struct ct_error *put_stream(struct pass *pass, size_t stream)
{
	pass->stream = stream;
	pass->values = ct_export_values(pass->export, stream);
	pass->last_ns = 0;
	pass->coroutine_count = pass->coroutine_capacity = 0;
	free(ct_take(pass->coroutines));
	memset(pass->open, 0, sizeof(pass->open));
	char *at = ct_proto_u64(pass->prefix, PACKET_SEQUENCE_ID, sequence_of(stream));
	at = ct_proto_u64(at, PACKET_SEQUENCE_FLAGS, SEQUENCE_NEEDS_STATE);
	pass->prefix_bytes = (unsigned int)(at - pass->prefix);
	struct ct_error *err = put_thread(pass);
	if (!err)
		err = put_delta_clock(pass);
	if (!err)
		err = ct_export_stream(pass->export, stream, take_event, pass);
	return err ? err : put_open(pass);
}

static void pass_cleanup(struct pass *pass)
{
	free(pass->begins);
	free(pass->coroutines);
	ct_memory_sink_deinit(&pass->message);
	ct_memory_sink_deinit(&pass->json);
	ct_strbuf_deinit(&pass->text);
}

static struct ct_error *run(const struct ct_export *export)
{
	const struct ct_session *session = export->session;
	ct_cleanup(pass_cleanup) struct pass pass = {
		.export = export,
		.sink = ct_output_sink(export->output),
		.begins = calloc((size_t)session->function_count + 1, sizeof(*pass.begins)),
	};
	if (!pass.begins || !ct_memory_sink_init(&pass.message) || !ct_memory_sink_init(&pass.json))
		return ct_error_nomem;
	struct ct_error *err = put_wall_clock(&pass);
	for (size_t i = 0; !err && i < session->input_count; i++)
		err = put_process(&pass, i);
	for (size_t i = 0; !err && i < session->stream_count; i++)
		if (ct_export_has_stream(export, i))
			err = put_stream(&pass, i);
	return err;
}

const struct ct_exporter ct_exporter_perfetto = {
	.name = "perfetto",
	.extensions = ".perfetto-trace|.pftrace|.perfetto",
	.summary = "Perfetto's protobuf: ui.perfetto.dev",
	.is_binary = true,
	.run = run,
};
