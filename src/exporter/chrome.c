/* SPDX-License-Identifier: MIT */
/*
 * Trace Event Format: chrome://tracing, Perfetto's viewer, speedscope. A begin
 * and an end for each call, in the order they happened: of complete events ("X")
 * that begin in the same nanosecond nobody could tell which is in which. Ends have
 * names, since speedscope ignores those without. Coroutines are threads of their
 * own.
 */
#include "exporter/exporter.h"
#include "exporter/text.h"
#include "export/open_calls.h"

/* Room for an event but its names and values. */
enum { EVENT_BYTES = 512, IDS_BYTES = 64 };
/* Ids that the kernel does not give to threads. */
enum { FIRST_COROUTINE_ID = 1 << 22 };

struct pass {
	const struct ct_export *export;
	struct ct_sink *sink;
	struct ct_text_table names;	 /* members of an end */
	struct ct_text_table categories; /* what a begin has besides */
	struct ct_memory_sink text;
	struct ct_values *values;
	uint64_t last_ns; /* of the stream */
	uint32_t next_coroutine_id;
	/* of the stream that is read */
	size_t stream;
	struct ct_open_stacks stacks; /* numbers to indexes, no calls */
	uint32_t stack;		      /* that `ids` are of */
	char ids[IDS_BYTES];	      /* members of the process and the thread */
	size_t ids_length;
};

static void render_name(struct ct_strbuf *text, const struct ct_session *session, uint32_t index)
{
	const char *name = session->functions[index].name;
	ct_strbuf_add_string(text, ",\"name\":");
	ct_json_string(text, name, strlen(name));
}

/* Categories are the module, and the file and line. */
static void render_category(struct ct_strbuf *text, const struct ct_session *session,
			    uint32_t index)
{
	const struct ct_function *function = &session->functions[index];
	struct ct_strbuf category = {0};
	ct_strbuf_add_string(&category, ct_export_file_name(function->module));
	if (*function->source)
		ct_strbuf_printf(&category, ",%s:%d", ct_export_file_name(function->source),
				 function->line);
	ct_strbuf_add_string(text, ",\"cat\":");
	ct_json_string(text, category.bytes, category.length);
	text->failed |= category.failed;
	ct_strbuf_deinit(&category);
}

/* ---- names of processes and threads ---- */

static void put_name(struct pass *pass, const char *what, const char *ids, size_t ids_length,
		     struct ct_bytes name, uint32_t coroutine)
{
	struct ct_sink *sink = pass->sink;
	struct ct_strbuf text = {0};
	ct_strbuf_add(&text, name.bytes, name.length);
	if (coroutine)
		ct_strbuf_printf(&text, ", coroutine %u", coroutine);
	CT_PUT(sink, "{\"ph\":\"M\"");
	ct_sink_add(sink, ids, ids_length);
	CT_PUT(sink, ",\"name\":\"");
	ct_sink_add(sink, what, strlen(what));
	CT_PUT(sink, "\",\"args\":{\"name\":");
	ct_put_json_string(sink, text.bytes, text.length);
	CT_PUT(sink, "}}");
	ct_strbuf_deinit(&text);
}

static void put_process(struct pass *pass, size_t input)
{
	char ids[IDS_BYTES], *at = CT_STORE(ids, ",\"pid\":");
	at = ct_json_u64(at, pass->export->process_ids[input]);
	put_name(pass, "process_name", ids, (size_t)(at - ids),
		 ct_export_program_name(pass->export->session, input), 0);
}

static void set_ids(struct pass *pass, uint32_t tid)
{
	const struct ct_stream *thread = &pass->export->session->streams[pass->stream];
	char *at = CT_STORE(pass->ids, ",\"pid\":");
	at = ct_json_u64(at, pass->export->process_ids[thread->input]);
	at = CT_STORE(at, ",\"tid\":");
	at = ct_json_u64(at, tid);
	at = CT_STORE(at, ",\"ts\":");
	pass->ids_length = (size_t)(at - pass->ids);
}

static void put_thread_name(struct pass *pass, uint32_t coroutine)
{
	CT_PUT(pass->sink, ",\n");
	put_name(pass, "thread_name", pass->ids, pass->ids_length - strlen(",\"ts\":"),
		 ct_export_thread_name(pass->export->session, pass->stream), coroutine);
}

static __attribute__((cold, noinline)) bool switch_stack(struct pass *pass, uint32_t number)
{
	uint32_t known = pass->stacks.count;
	uint32_t index = ct_open_stacks_index(&pass->stacks, number);
	if (index == UINT32_MAX)
		return false;
	pass->stack = number;
	set_ids(pass, index ? pass->next_coroutine_id + index
			    : pass->export->session->streams[pass->stream].row.tid);
	if (pass->stacks.count != known)
		put_thread_name(pass, number);
	return true;
}

/* ---- events ---- */

static inline void begin_event(struct pass *pass, char kind, const struct ct_event *event,
			       uint64_t ns)
{
	struct ct_bytes name = ct_text_table_at(&pass->names, event->function);
	ct_sink_reserve(pass->sink, EVENT_BYTES);
	char *at = CT_STORE(pass->sink->at, ",\n{\"ph\":\"");
	*at++ = kind;
	*at++ = '"';
	at = ct_store(at, pass->ids, pass->ids_length);
	pass->sink->at = ct_store_us(at, ns);
	ct_sink_add(pass->sink, name.bytes, name.length);
}

/* The values as people read them, in a JSON string. */
static void put_text(struct pass *pass, const char *key, size_t skip)
{
	struct ct_sink *sink = pass->sink;
	ct_sink_add(sink, key, strlen(key));
	ct_put_json_string(sink, pass->text.bytes + skip,
			   ct_memory_sink_length(&pass->text) - skip);
	ct_memory_sink_clear(&pass->text);
}

static void put_begin(struct pass *pass, const struct ct_event *event, uint64_t ns)
{
	const struct ct_value_bytes values = {event->values, event->value_bytes, event->ns};
	struct ct_bytes category = ct_text_table_at(&pass->categories, event->function);
	begin_event(pass, 'B', event, ns);
	ct_sink_add(pass->sink, category.bytes, category.length);
	if (pass->values &&
	    ct_values_put_arguments_text(pass->values, &pass->text.sink, event->site, values) &&
	    ct_memory_sink_length(&pass->text) > 0) {
		put_text(pass, ",\"args\":{\"arguments\":", 0);
		CT_PUT(pass->sink, "}");
	}
	CT_PUT(pass->sink, "}");
}

static void put_end(struct pass *pass, const struct ct_event *event, uint64_t ns)
{
	const struct ct_value_bytes values = {event->values, event->value_bytes, event->ns};
	const char *unfinished = ct_export_unfinished(event->end);
	begin_event(pass, 'E', event, ns);
	if (unfinished) {
		CT_PUT(pass->sink, ",\"args\":{\"unfinished\":\"");
		ct_sink_add(pass->sink, unfinished, strlen(unfinished));
		CT_PUT(pass->sink, "\"}}");
		return;
	}
	if (pass->values &&
	    ct_values_put_result_text(pass->values, &pass->text.sink, event->site, values)) {
		put_text(pass, ",\"args\":{\"return_value\":", strlen(" = "));
		CT_PUT(pass->sink, "}");
	}
	CT_PUT(pass->sink, "}");
}

static void put_lost(struct pass *pass, const struct ct_event *event, uint64_t ns)
{
	ct_sink_reserve(pass->sink, EVENT_BYTES);
	char *at = CT_STORE(pass->sink->at, ",\n{\"ph\":\"i\"");
	at = ct_store(at, pass->ids, pass->ids_length);
	at = ct_store_us(at, ns);
	at = CT_STORE(at, ",\"s\":\"t\",\"name\":\"events lost\",\"args\":{\"lost_events\":");
	at = ct_json_u64(at, event->lost);
	pass->sink->at = CT_STORE(at, "}}");
}

static bool take(void *state, size_t stream, const struct ct_event *event)
{
	struct pass *pass = state;
	uint64_t ns = ct_export_picture_ns(pass->export, event, &pass->last_ns);
	if (__builtin_expect(event->stack != pass->stack, 0) && !switch_stack(pass, event->stack))
		return false;
	if (event->kind == CT_EVENT_BEGIN) {
		put_begin(pass, event, ns);
	} else if (event->kind == CT_EVENT_END) {
		put_end(pass, event, ns);
	} else {
		ct_export_note_gap(pass->export, stream, event->lost);
		put_lost(pass, event, ns);
	}
	return !pass->text.failed;
}

CT_EVENTS_LOOP(read_events, take)

static struct ct_error *put_thread(struct pass *pass, size_t stream)
{
	const struct ct_export *export = pass->export;
	pass->stream = stream;
	pass->values = ct_export_values(export, stream);
	pass->stack = 0;
	pass->last_ns = 0;
	set_ids(pass, export->session->streams[stream].row.tid);
	put_thread_name(pass, 0);
	struct ct_error *err = ct_open_stacks_init(&pass->stacks)
				       ? ct_export_read(export, stream, read_events, pass)
				       : ct_error_nomem;
	pass->next_coroutine_id += pass->stacks.count - 1;
	ct_open_stacks_deinit(&pass->stacks);
	return err;
}

/* ---- the document ---- */

static void put_head(struct pass *pass)
{
	struct ct_sink *sink = pass->sink;
	CT_PUT(sink, "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"producer\":\"calltrace\","
		     "\"start_realtime_ns\":\"");
	ct_put_u64(sink, pass->export->session->start_realtime_ns);
	if (pass->export->is_timeless)
		CT_PUT(sink, "\",\"clock\":\"none: each event of a thread is a step of 1 ns\"");
	else
		CT_PUT(sink, "\"");
	CT_PUT(sink, "},\n\"traceEvents\":[\n");
}

static struct ct_error *run(const struct ct_export *export)
{
	const struct ct_session *session = export->session;
	struct pass pass = {
		.export = export,
		.sink = ct_output_sink(export->output),
		.next_coroutine_id = FIRST_COROUTINE_ID - 1,
	};
	struct ct_error *err = NULL;
	if (!ct_text_table_init(&pass.names, session, render_name) ||
	    !ct_text_table_init(&pass.categories, session, render_category) ||
	    !ct_memory_sink_init(&pass.text))
		err = ct_error_nomem;
	if (!err)
		put_head(&pass);
	for (size_t i = 0; !err && i < session->input_count; i++) {
		if (i > 0)
			CT_PUT(pass.sink, ",\n");
		put_process(&pass, i);
	}
	for (size_t i = 0; !err && i < session->stream_count; i++)
		if (ct_export_has_stream(export, i))
			err = put_thread(&pass, i);
	if (!err)
		CT_PUT(pass.sink, "\n]}\n");
	ct_text_table_deinit(&pass.names);
	ct_text_table_deinit(&pass.categories);
	ct_memory_sink_deinit(&pass.text);
	return err;
}

const struct ct_exporter ct_exporter_chrome = {
	.name = "chrome",
	.extensions = ".chrome-trace.json",
	.summary = "Chrome trace JSON: Perfetto's viewer, chrome://tracing",
	.run = run,
};
