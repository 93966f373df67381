/* SPDX-License-Identifier: MIT */
/*
 * RFC 4180: a line of names, then one for each call when it ends; where events
 * are lost, a line without a function says how many. Arguments and return values are
 * the JSON that documents have.
 */
#include <stdlib.h>

#include "exporter/exporter.h"
#include "exporter/rows.h"
#include "exporter/text.h"

enum { ROW_BYTES = 512 };

static const char head[] =
	"id,parent_id,process_id,process_name,thread_id,thread_name,coroutine,depth,"
	"function,module,source_file,line_number,start_ns,duration_ns,self_ns,"
	"unfinished,arguments,return_value,lost_events\r\n";

struct pass {
	struct ct_sink *sink;
	const struct ct_export *export;
	struct ct_text_table functions; /* function, module, source_file, line_number */
	struct ct_memory_sink json;
	size_t stream;		 /* that `thread` is of */
	struct ct_strbuf thread; /* process_id, process_name, thread_id, thread_name */
};

/* ---- fields ---- */

/* Well-formed UTF-8 without NUL, as in documents; in quotes where it must be. */
static void add_field(struct ct_strbuf *text, const char *bytes, size_t length)
{
	bool is_quoted = false;
	for (size_t i = 0; i < length; i++)
		is_quoted |= strchr(",\"\r\n", bytes[i]) != NULL;
	if (is_quoted)
		ct_strbuf_add(text, "\"", 1);
	while (length > 0) {
		size_t bad_length;
		size_t step = ct_utf8_sequence((const unsigned char *)bytes, length, &bad_length);
		if (step == 0 || *bytes == '\0') {
			ct_strbuf_add_string(text, "\xef\xbf\xbd");
			step = step ? step : bad_length;
		} else {
			ct_strbuf_add(text, bytes, step);
			if (*bytes == '"')
				ct_strbuf_add(text, "\"", 1);
		}
		bytes += step;
		length -= step;
	}
	if (is_quoted)
		ct_strbuf_add(text, "\"", 1);
}

static void render_function(struct ct_strbuf *text, const struct ct_session *session,
			    uint32_t index)
{
	const struct ct_function *function = &session->functions[index];
	add_field(text, function->name, strlen(function->name));
	ct_strbuf_add(text, ",", 1);
	add_field(text, function->module, strlen(function->module));
	ct_strbuf_add(text, ",", 1);
	add_field(text, function->source, strlen(function->source));
	ct_strbuf_add(text, ",", 1);
	if (function->line > 0)
		ct_strbuf_printf(text, "%d", function->line);
	ct_strbuf_add(text, ",", 1);
}

static void render_thread(struct pass *pass, size_t stream)
{
	const struct ct_session *session = pass->export->session;
	const struct ct_stream *thread = &session->streams[stream];
	struct ct_bytes program = ct_export_program_name(session, thread->input);
	struct ct_bytes name = ct_export_thread_name(session, stream);
	pass->stream = stream;
	pass->thread.length = 0;
	ct_strbuf_printf(&pass->thread, ",%u,", pass->export->process_ids[thread->input]);
	add_field(&pass->thread, program.bytes, program.length);
	ct_strbuf_printf(&pass->thread, ",%u,", thread->row.tid);
	add_field(&pass->thread, name.bytes, name.length);
	ct_strbuf_add(&pass->thread, ",", 1);
}

/* A JSON member without its key; `"` is doubled. */
static void put_json(struct pass *pass, size_t skip, size_t drop)
{
	const char *at = pass->json.bytes + skip;
	const char *end = pass->json.sink.at - drop;
	if (ct_memory_sink_length(&pass->json) <= skip + drop)
		return;
	CT_PUT(pass->sink, "\"");
	while (at < end) {
		const char *quote = memchr(at, '"', (size_t)(end - at));
		size_t length = (size_t)((quote ? quote + 1 : end) - at);
		ct_sink_add(pass->sink, at, length);
		if (quote)
			CT_PUT(pass->sink, "\"");
		at += length;
	}
	CT_PUT(pass->sink, "\"");
}

/* ---- rows ---- */

static void put_values(struct pass *pass, struct ct_values *values, const struct ct_row *row)
{
	ct_memory_sink_clear(&pass->json);
	ct_values_put_arguments(values, &pass->json.sink, row->end->site, row->arguments, 0);
	put_json(pass, strlen("\"arguments\":"), strlen(","));
	CT_PUT(pass->sink, ",");
	ct_memory_sink_clear(&pass->json);
	if (row->end->end == CT_CALL_RETURNED)
		ct_values_put_result(values, &pass->json.sink, row->end->site, row->result, 0);
	put_json(pass, strlen(",\"return_value\":"), 0);
	CT_PUT(pass->sink, ",\r\n");
}

static void put_call(void *state, size_t stream, const struct ct_row *row)
{
	struct pass *pass = state;
	struct ct_sink *sink = pass->sink;
	const struct ct_event *end = row->end;
	const char *unfinished = ct_export_unfinished(end->end);
	struct ct_values *values = ct_export_values(pass->export, stream);
	struct ct_bytes function = ct_text_table_at(&pass->functions, end->function);
	if (__builtin_expect(stream != pass->stream, 0))
		render_thread(pass, stream);
	ct_sink_reserve(sink, ROW_BYTES);
	char *at = ct_json_u64(sink->at, row->id);
	*at++ = ',';
	at = ct_json_u64(at, row->parent_id);
	sink->at = at;
	ct_sink_add(sink, pass->thread.bytes, pass->thread.length);
	ct_sink_reserve(sink, ROW_BYTES);
	at = sink->at;
	if (end->stack)
		at = ct_json_u64(at, end->stack);
	*at++ = ',';
	at = ct_json_u64(at, end->depth);
	*at++ = ',';
	sink->at = at;
	ct_sink_add(sink, function.bytes, function.length);
	ct_sink_reserve(sink, ROW_BYTES);
	at = ct_json_u64(sink->at, end->start_ns);
	*at++ = ',';
	if (!unfinished)
		at = ct_json_u64(at, end->duration_ns);
	*at++ = ',';
	at = ct_json_u64(at, end->self_ns);
	*at++ = ',';
	if (unfinished)
		at = ct_store(at, unfinished, strlen(unfinished));
	*at++ = ',';
	sink->at = at;
	if (values)
		put_values(pass, values, row);
	else
		sink->at = CT_STORE(at, ",,\r\n");
}

static void put_lost(void *state, size_t stream, const struct ct_event *lost)
{
	struct pass *pass = state;
	struct ct_sink *sink = pass->sink;
	if (stream != pass->stream)
		render_thread(pass, stream);
	CT_PUT(sink, ",");
	ct_sink_add(sink, pass->thread.bytes, pass->thread.length);
	CT_PUT(sink, ",,,,,,");
	ct_put_u64(sink, lost->ns);
	CT_PUT(sink, ",,,,,,");
	ct_put_u64(sink, lost->lost);
	CT_PUT(sink, "\r\n");
}

static struct ct_error *run(const struct ct_export *export)
{
	struct pass pass = {
		.sink = ct_output_sink(export->output),
		.export = export,
		.stream = SIZE_MAX,
	};
	const struct ct_rows rows = {export, put_call, put_lost, &pass};
	struct ct_error *err = NULL;
	if (!ct_text_table_init(&pass.functions, export->session, render_function) ||
	    !ct_memory_sink_init(&pass.json))
		err = ct_error_nomem;
	CT_PUT(pass.sink, head);
	if (!err)
		err = ct_rows_put(&rows);
	if (!err && (pass.json.failed || pass.thread.failed))
		err = ct_error_nomem;
	ct_text_table_deinit(&pass.functions);
	ct_memory_sink_deinit(&pass.json);
	ct_strbuf_deinit(&pass.thread);
	return err;
}

const struct ct_exporter ct_exporter_csv = {
	.name = "csv",
	.extensions = ".csv",
	.summary = "comma-separated values: SQLite, DuckDB, pandas, spreadsheets",
	.run = run,
};
