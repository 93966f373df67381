/* SPDX-License-Identifier: MIT */
/*
 * Common Trace Format 1.8: a folder with the metadata and one file for each
 * thread. Events and fields have the names of LTTng's, by which Trace Compass
 * knows a call stack. A call's timestamps are the low 32 bits of nanoseconds;
 * packets have all of them.
 */
#include "exporter/ctf.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "exporter/text.h"
#include "exporter/utf8.h"

enum { PACKET_BYTES = 64 * 1024 };

/* As put_metadata() describes it. */
struct packet_head {
	char magic[CT_CTF_HEAD_BYTES];
	uint32_t stream_id;
	uint64_t begin_ns;
	uint64_t end_ns;
	uint64_t content_bits;
	uint64_t packet_bits;
	uint64_t events_discarded;
};

/* What an event tells of its site. */
struct __attribute__((packed)) site_fields {
	uint32_t function;
	uint64_t address;
	uint64_t call_site; /* of an entry */
};
enum { ENTRY_SITE_BYTES = sizeof(struct site_fields), EXIT_SITE_BYTES = ENTRY_SITE_BYTES - 8 };

struct event_head {
	uint32_t timestamp;
	int32_t process;
	int32_t thread;
};

/* A thread's name with a coroutine's number behind it. */
enum { NAME_BYTES = 64, EVENT_BYTES = 128 };

struct pass {
	const struct ct_export *export;
	struct site_fields **sites; /* by input and site */
	bool *has_files;	    /* by input: they were written */
	/* of the stream */
	size_t stream;
	struct ct_values *values;
	struct ct_output *output;
	struct ct_memory_sink packet;
	uint64_t begin_ns, last_ns;
	uint64_t discarded;
	bool has_packet; /* one was written */
	struct event_head head;
	char name[NAME_BYTES]; /* of the thread, with its NUL */
	size_t name_bytes;
	char stack_name[NAME_BYTES]; /* of the coroutine */
	size_t stack_name_bytes;
	uint32_t stack;
	uint64_t open[CT_CALL_KILLED + 1]; /* calls that never ended, by how */
	uint64_t open_ns;		   /* to when they were seen */
};

/* ---- packets ---- */

static size_t packet_length(const struct pass *pass)
{
	return ct_memory_sink_length(&pass->packet);
}

static void begin_packet(struct pass *pass)
{
	ct_memory_sink_clear(&pass->packet);
	pass->packet.sink.at += sizeof(struct packet_head);
}

static struct ct_error *end_packet(struct pass *pass)
{
	struct ct_sink *sink = ct_output_sink(pass->output);
	size_t length = packet_length(pass);
	if (pass->packet.failed)
		return ct_error_nomem;
	const struct packet_head head = {
		.magic = CT_CTF_PACKET_HEAD,
		.begin_ns = pass->begin_ns,
		.end_ns = pass->last_ns,
		.content_bits = (uint64_t)length * 8,
		.packet_bits = (uint64_t)length * 8,
		.events_discarded = pass->discarded,
	};
	memcpy(pass->packet.bytes, &head, sizeof(head));
	ct_sink_add(sink, pass->packet.bytes, length);
	pass->has_packet = true;
	begin_packet(pass);
	return ct_output_failed(pass->output) ? ct_output_commit(pass->output) : NULL;
}

/* A packet tells how many events were lost up to its end: one of its own begins where some were. */
static struct ct_error *put_lost(struct pass *pass, const struct ct_event *event)
{
	bool is_empty = packet_length(pass) == sizeof(struct packet_head);
	struct ct_error *err = is_empty && pass->has_packet ? NULL : end_packet(pass);
	pass->discarded += event->lost;
	pass->begin_ns = pass->last_ns = event->ns;
	return err;
}

/* ---- events ---- */

/* The number of a coroutine is part of its thread's name: a stack of its own to programs that
 * know threads alone. */
static __attribute__((cold, noinline)) void name_stack(struct pass *pass, uint32_t stack)
{
	enum { THREAD_BYTES = 3 * sizeof(((struct ct_thread_row *)NULL)->name) };
	snprintf(pass->stack_name, sizeof(pass->stack_name), "%.*s/%u", THREAD_BYTES, pass->name,
		 stack);
	pass->stack_name_bytes = strlen(pass->stack_name) + 1;
	pass->stack = stack;
}

/* Its head and context, with room for EVENT_BYTES more. Times never go back: see
 * ct_export_stream(). */
static struct ct_error *begin_event(struct pass *pass, uint8_t id, uint64_t ns, uint32_t stack)
{
	bool is_empty = packet_length(pass) == sizeof(struct packet_head);
	if (ct_unlikely(!is_empty && (packet_length(pass) >= PACKET_BYTES ||
				      ns - pass->last_ns > UINT32_MAX / 2))) {
		struct ct_error *err = end_packet(pass);
		if (err)
			return err;
		is_empty = true;
	}
	if (is_empty)
		pass->begin_ns = ns;
	pass->last_ns = ns;
	ct_sink_reserve(&pass->packet.sink, 2 * EVENT_BYTES);
	char *at = pass->packet.sink.at;
	*at++ = (char)id;
	pass->head.timestamp = (uint32_t)ns;
	memcpy(at, &pass->head, sizeof(pass->head));
	at += sizeof(pass->head);
	if (ct_unlikely(stack)) {
		if (stack != pass->stack)
			name_stack(pass, stack);
		memcpy(at, pass->stack_name, NAME_BYTES);
		at += pass->stack_name_bytes;
	} else {
		memcpy(at, pass->name, NAME_BYTES);
		at += pass->name_bytes;
	}
	pass->packet.sink.at = at;
	return NULL;
}

static void add_site(struct pass *pass, uint32_t site, size_t bytes)
{
	uint32_t input = pass->export->session->streams[pass->stream].input;
	uint32_t count = ct_trace_site_count(pass->export->session->inputs[input].trace);
	memcpy(pass->packet.sink.at, &pass->sites[input][site <= count ? site : 0],
	       sizeof(struct site_fields));
	pass->packet.sink.at += bytes;
}

static void add_bytes(struct pass *pass, const void *bytes, size_t length)
{
	ct_sink_add(&pass->packet.sink, bytes, length);
}

static void add_string(struct pass *pass, const char *string)
{
	add_bytes(pass, string, strlen(string) + 1);
}

static struct ct_error *put_begin(struct pass *pass, const struct ct_event *event)
{
	uint8_t id = pass->values ? CT_CTF_ENTRY_ARGUMENTS : CT_CTF_ENTRY;
	struct ct_value_bytes arguments = {event->values, event->value_bytes, event->ns};
	struct ct_error *err = begin_event(pass, id, event->ns, event->stack);
	if (err)
		return err;
	char *at = pass->packet.sink.at;
	add_site(pass, event->site, ENTRY_SITE_BYTES);
	if (!pass->values)
		return NULL;
	size_t id_at = (size_t)(at - pass->packet.bytes) - sizeof(struct event_head) - 1 -
		       (event->stack ? pass->stack_name_bytes : pass->name_bytes);
	size_t text = packet_length(pass);
	ct_values_put_arguments_text(pass->values, &pass->packet.sink, event->site, arguments);
	if (pass->packet.failed)
		return ct_error_nomem;
	if (packet_length(pass) > text)
		add_string(pass, "");
	else
		pass->packet.bytes[id_at] = CT_CTF_ENTRY;
	return NULL;
}

static struct ct_error *put_result(struct pass *pass, const struct ct_event *event)
{
	const size_t equals = 3; /* " = " */
	struct ct_value_bytes result = {event->values, event->value_bytes, event->ns};
	struct ct_memory_sink *packet = &pass->packet;
	struct ct_error *err = begin_event(pass, CT_CTF_EXIT, event->ns, event->stack);
	if (err)
		return err;
	size_t id_at = packet_length(pass) - sizeof(struct event_head) - 1 -
		       (event->stack ? pass->stack_name_bytes : pass->name_bytes);
	add_site(pass, event->site, EXIT_SITE_BYTES);
	size_t text = packet_length(pass);
	if (!ct_values_put_result_text(pass->values, &packet->sink, event->site, result))
		return NULL;
	add_string(pass, "");
	if (packet->failed)
		return ct_error_nomem;
	packet->bytes[id_at] = CT_CTF_EXIT_RESULT;
	memmove(packet->bytes + text, packet->bytes + text + equals,
		packet_length(pass) - text - equals);
	packet->sink.at -= equals;
	return NULL;
}

static struct ct_error *put_end(struct pass *pass, const struct ct_event *event)
{
	bool is_unwound = event->end == CT_CALL_UNWOUND;
	if (ct_unlikely(event->end != CT_CALL_RETURNED && !is_unwound)) {
		pass->open[event->end <= CT_CALL_KILLED ? event->end : CT_CALL_EXIT]++;
		pass->open_ns = event->ns;
		return NULL;
	}
	if (pass->values && !is_unwound)
		return put_result(pass, event);
	struct ct_error *err = begin_event(pass, is_unwound ? CT_CTF_EXIT_UNWOUND : CT_CTF_EXIT,
					   event->ns, event->stack);
	if (err)
		return err;
	add_site(pass, event->site, EXIT_SITE_BYTES);
	if (is_unwound)
		add_string(pass, ct_export_unfinished(event->end));
	return NULL;
}

static struct ct_error *take_event(void *state, const struct ct_event *event)
{
	struct pass *pass = state;
	if (event->kind == CT_EVENT_END)
		return put_end(pass, event);
	if (event->kind == CT_EVENT_BEGIN)
		return put_begin(pass, event);
	return put_lost(pass, event);
}

/* A file of the process, by which addresses get their names. */
static struct ct_error *put_file(struct pass *pass, const struct ct_trace_module *module,
				 uint64_t ns)
{
	const struct ct_module *entry = &module->entry;
	bool is_pic = entry->bias != 0;
	uint64_t base = is_pic && entry->bias < entry->low ? entry->bias : entry->low;
	uint64_t size = entry->high > base ? entry->high - base : 0;
	uint64_t build_id_bytes = entry->build_id_bytes < sizeof(entry->build_id)
					  ? entry->build_id_bytes
					  : sizeof(entry->build_id);
	const uint8_t flags[] = {is_pic, build_id_bytes > 0, false};
	struct ct_strbuf path = {0};
	struct ct_error *err = begin_event(pass, CT_CTF_FILE, ns, 0);
	if (err)
		return err;
	ct_utf8_add(&path, module->path.bytes, module->path.length);
	add_bytes(pass, &base, sizeof(base));
	add_bytes(pass, &size, sizeof(size));
	add_string(pass, path.bytes ? path.bytes : "");
	add_bytes(pass, flags, sizeof(flags));
	bool failed = path.failed;
	ct_strbuf_deinit(&path);
	if (failed)
		return ct_error_nomem;
	if (!build_id_bytes)
		return NULL;
	err = begin_event(pass, CT_CTF_BUILD_ID, ns, 0);
	if (err)
		return err;
	add_bytes(pass, &base, sizeof(base));
	add_bytes(pass, &build_id_bytes, sizeof(build_id_bytes));
	add_bytes(pass, entry->build_id, build_id_bytes);
	return NULL;
}

/* Of a process, in the first of its streams. */
static struct ct_error *put_files(struct pass *pass, uint32_t input)
{
	const struct ct_input *from = &pass->export->session->inputs[input];
	struct ct_error *err = NULL;
	for (uint32_t i = 1; !err && i <= ct_trace_module_count(from->trace); i++) {
		struct ct_trace_module module;
		if (ct_trace_module(from->trace, i, &module))
			err = put_file(pass, &module,
				       pass->export->is_timeless ? 0 : from->offset_ns);
	}
	return err;
}

/* Calls that never ended have no exit; this tells why. */
static struct ct_error *put_open(struct pass *pass)
{
	uint64_t ns = pass->open_ns > pass->last_ns ? pass->open_ns : pass->last_ns;
	for (unsigned int end = 0; end <= CT_CALL_KILLED; end++) {
		if (!pass->open[end])
			continue;
		struct ct_error *err = begin_event(pass, CT_CTF_OPEN, ns, 0);
		if (err)
			return err;
		add_string(pass, ct_export_unfinished((uint8_t)end));
		add_bytes(pass, &pass->open[end], sizeof(pass->open[end]));
	}
	return end_packet(pass);
}

/* ---- streams ---- */

static bool name_thread(struct pass *pass)
{
	struct ct_bytes name = ct_export_thread_name(pass->export->session, pass->stream);
	struct ct_strbuf text = {0};
	ct_utf8_add(&text, name.bytes, name.length);
	bool failed = text.failed;
	snprintf(pass->name, sizeof(pass->name), "%s", text.bytes ? text.bytes : "");
	pass->name_bytes = strlen(pass->name) + 1;
	ct_strbuf_deinit(&text);
	return !failed;
}

static void output_cleanup(struct ct_output **output)
{
	ct_output_destroy(*output);
}

static struct ct_error *put_stream(struct pass *pass, size_t stream)
{
	const struct ct_stream *thread = &pass->export->session->streams[stream];
	ct_cleanup(output_cleanup) struct ct_output *output = NULL;
	ct_cleanup(ct_cleanup_free) char *path = NULL;
	if (asprintf(&path, "%s/stream-%zu", pass->export->folder, stream) < 0) {
		path = NULL;
		return ct_error_nomem;
	}
	struct ct_error *err = ct_output_create(path, &output);
	if (err)
		return err;
	pass->stream = stream;
	pass->values = ct_export_values(pass->export, stream);
	pass->output = output;
	pass->begin_ns = pass->last_ns = pass->open_ns = 0;
	pass->discarded = 0;
	pass->has_packet = false;
	pass->head.process = (int32_t)pass->export->process_ids[thread->input];
	pass->head.thread = (int32_t)thread->row.tid;
	pass->stack = 0;
	memset(pass->open, 0, sizeof(pass->open));
	if (!name_thread(pass))
		return ct_error_nomem;
	begin_packet(pass);
	if (!pass->has_files[thread->input])
		err = put_files(pass, thread->input);
	pass->has_files[thread->input] = true;
	if (!err)
		err = ct_export_stream(pass->export, stream, take_event, pass);
	if (!err)
		err = put_open(pass);
	return err ? err : ct_output_commit(output);
}

/* ---- sites ---- */

static bool make_sites(struct pass *pass)
{
	const struct ct_session *session = pass->export->session;
	pass->sites = calloc(session->input_count + 1, sizeof(struct site_fields *));
	for (size_t i = 0; pass->sites && i < session->input_count; i++) {
		const struct ct_trace *trace = session->inputs[i].trace;
		uint32_t count = ct_trace_site_count(trace);
		struct site_fields *sites = calloc((size_t)count + 1, sizeof(*sites));
		if (!sites)
			return false;
		pass->sites[i] = sites;
		for (uint32_t number = 0; number <= count; number++) {
			struct ct_site site;
			sites[number].function = ct_session_function(&session->inputs[i], number);
			if (number == 0 || !ct_trace_site(trace, number, &site))
				continue;
			sites[number].address = site.function;
			sites[number].call_site = site.call_site;
		}
	}
	return pass->sites != NULL;
}

static void pass_cleanup(struct pass *pass)
{
	for (size_t i = 0; pass->sites && i < pass->export->session->input_count; i++)
		free(pass->sites[i]);
	free(pass->sites);
	free(pass->has_files);
	ct_memory_sink_deinit(&pass->packet);
}

static struct ct_error *run(const struct ct_export *export)
{
	ct_cleanup(pass_cleanup) struct pass pass = {.export = export};
	struct ct_error *err = NULL;
	pass.has_files = calloc(export->session->input_count + 1, sizeof(*pass.has_files));
	if (!pass.has_files || !make_sites(&pass) || !ct_memory_sink_init(&pass.packet))
		return ct_error_nomem;
	for (size_t i = 0; !err && i < export->session->stream_count; i++)
		if (ct_export_has_stream(export, i))
			err = put_stream(&pass, i);
	/* Last: without it the folder is no trace. */
	return err ? err : ct_ctf_put_metadata(export);
}

const struct ct_exporter ct_exporter_ctf = {
	.name = "ctf",
	.extensions = ".ctf",
	.summary = "Common Trace Format 1.8, a folder: babeltrace2, Trace Compass",
	.is_binary = true,
	.is_folder = true,
	.run = run,
};
