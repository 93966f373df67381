/* SPDX-License-Identifier: MIT */
/*
 * One JSON object a line: processes and threads first, then each call when it
 * ends, with the members it has in the JSON document (docs/user-guide.md).
 */
#include <inttypes.h>

#include "exporter/exporter.h"
#include "exporter/rows.h"
#include "exporter/text.h"

/* Room for a row but its names and values. */
enum { ROW_BYTES = 512 };

struct pass {
	const struct ct_export *export;
	struct ct_sink *sink;
};

/* ---- processes and threads ---- */

static void put_process(struct ct_sink *sink, const struct ct_export *export, size_t input)
{
	const struct ct_input *from = &export->session->inputs[input];
	const struct ct_file_info *info = ct_trace_info(from->trace);
	struct ct_bytes executable = ct_trace_string(from->trace, info->executable);
	CT_PUT(sink, "{\"type\":\"process\",\"process_id\":");
	ct_put_u64(sink, export->process_ids[input]);
	if (export->process_ids[input] != info->pid) {
		CT_PUT(sink, ",\"system_process_id\":");
		ct_put_u64(sink, info->pid);
	}
	CT_PUT(sink, ",\"parent_process_id\":");
	ct_put_u64(sink, info->ppid);
	CT_PUT(sink, ",\"executable\":");
	ct_put_json_string(sink, executable.bytes, executable.length);
	CT_PUT(sink, ",\"start_ns\":");
	ct_put_u64(sink, from->offset_ns);
	CT_PUT(sink, ",\"start_realtime_ns\":");
	ct_put_u64(sink, ct_trace_start_realtime_ns(from->trace));
	CT_PUT(sink, ",\"duration_ns\":");
	ct_put_u64(sink, ct_trace_duration_ns(from->trace));
	CT_PUT(sink, "}\n");
}

static void put_thread(struct ct_sink *sink, const struct ct_export *export, size_t stream)
{
	const struct ct_stream *thread = &export->session->streams[stream];
	struct ct_bytes name = ct_export_thread_name(export->session, stream);
	CT_PUT(sink, "{\"type\":\"thread\",\"process_id\":");
	ct_put_u64(sink, export->process_ids[thread->input]);
	CT_PUT(sink, ",\"thread_id\":");
	ct_put_u64(sink, thread->row.tid);
	CT_PUT(sink, ",\"thread_name\":");
	ct_put_json_string(sink, name.bytes, name.length);
	CT_PUT(sink, "}\n");
}

/* ---- calls ---- */

static char *store_ids(char *at, const struct pass *pass, size_t stream)
{
	const struct ct_stream *thread = &pass->export->session->streams[stream];
	at = CT_STORE(at, "\"process_id\":");
	at = ct_json_u64(at, pass->export->process_ids[thread->input]);
	at = CT_STORE(at, ",\"thread_id\":");
	return ct_json_u64(at, thread->row.tid);
}

static void put_names(const struct pass *pass, size_t stream, uint32_t site)
{
	const struct ct_stream *thread = &pass->export->session->streams[stream];
	const struct ct_names *names = pass->export->session->inputs[thread->input].names;
	const struct ct_function_name *function = ct_names_of(names, site);
	const struct ct_site_name *name = &names->sites[site < names->site_count ? site : 0];
	ct_sink_add(pass->sink, names->text.bytes + function->offset, function->length);
	ct_sink_add(pass->sink, name->text, name->length);
}

static void put_duration(struct ct_sink *sink, const struct ct_event *end)
{
	const char *unfinished = ct_export_unfinished(end->end);
	ct_sink_reserve(sink, ROW_BYTES);
	char *at = CT_STORE(sink->at, "\"depth\":");
	at = ct_json_u64(at, end->depth);
	at = CT_STORE(at, ",\"start_ns\":");
	at = ct_json_u64(at, end->start_ns);
	at = CT_STORE(at, ",\"duration_ns\":");
	if (unfinished) {
		at = CT_STORE(at, "null,\"unfinished\":\"");
		at = ct_store(at, unfinished, strlen(unfinished));
		*at++ = '"';
	} else {
		at = ct_json_u64(at, end->duration_ns);
	}
	at = CT_STORE(at, ",\"self_ns\":");
	sink->at = ct_json_u64(at, end->self_ns);
}

static void put_call(void *state, size_t stream, const struct ct_row *row)
{
	const struct pass *pass = state;
	struct ct_sink *sink = pass->sink;
	struct ct_values *values = ct_export_values(pass->export, stream);
	const struct ct_event *end = row->end;
	ct_sink_reserve(sink, ROW_BYTES);
	char *at = CT_STORE(sink->at, "{\"type\":\"call\",\"id\":");
	at = ct_json_u64(at, row->id);
	at = CT_STORE(at, ",\"parent_id\":");
	at = ct_json_u64(at, row->parent_id);
	*at++ = ',';
	at = store_ids(at, pass, stream);
	if (end->stack) {
		at = CT_STORE(at, ",\"coroutine\":");
		at = ct_json_u64(at, end->stack);
	}
	*at++ = ',';
	sink->at = at;
	put_names(pass, stream, end->site);
	if (values)
		ct_values_put_arguments(values, sink, end->site, row->arguments, 0);
	put_duration(sink, end);
	if (values && end->end == CT_CALL_RETURNED)
		ct_values_put_result(values, sink, end->site, row->result, 0);
	CT_PUT(sink, "}\n");
}

static void put_lost(void *state, size_t stream, const struct ct_event *lost)
{
	const struct pass *pass = state;
	struct ct_sink *sink = pass->sink;
	ct_sink_reserve(sink, ROW_BYTES);
	char *at = CT_STORE(sink->at, "{\"type\":\"lost\",");
	at = store_ids(at, pass, stream);
	at = CT_STORE(at, ",\"start_ns\":");
	at = ct_json_u64(at, lost->ns);
	at = CT_STORE(at, ",\"lost_events\":");
	at = ct_json_u64(at, lost->lost);
	sink->at = CT_STORE(at, "}\n");
}

static struct ct_error *run(const struct ct_export *export)
{
	struct pass pass = {export, ct_output_sink(export->output)};
	const struct ct_rows rows = {export, put_call, put_lost, &pass};
	for (size_t i = 0; i < export->session->input_count; i++)
		put_process(pass.sink, export, i);
	for (size_t i = 0; i < export->session->stream_count; i++)
		if (ct_export_has_stream(export, i))
			put_thread(pass.sink, export, i);
	return ct_rows_put(&rows);
}

const struct ct_exporter ct_exporter_ndjson = {
	.name = "ndjson",
	.extensions = ".ndjson|.jsonl",
	.summary = "one JSON object a line: jq, DuckDB, pandas",
	.run = run,
};
