/* SPDX-License-Identifier: MIT */
/*
 * speedscope's own format: a profile of events for each thread. A thread runs
 * one stack at a time: where it goes on with another coroutine, the calls of
 * the one before are closed and its own opened anew, so that every moment shows
 * what the thread did, and no call has time that was another coroutine's.
 */
#include "exporter/exporter.h"
#include "exporter/text.h"
#include "export/open_calls.h"

enum { EVENT_BYTES = 128 };

struct pass {
	const struct ct_export *export;
	struct ct_sink *sink;
	size_t stream;
	uint32_t profiles; /* begun so far */
	bool has_events;   /* the stream's profile is begun */
	uint64_t last_ns;  /* of an event */
	uint64_t unfinished;
	struct ct_open_stacks stacks; /* `site` is a function */
	uint32_t current;
};

/* ---- frames ---- */

static void put_frames(struct ct_sink *sink, const struct ct_session *session)
{
	for (uint32_t i = 0; i < session->function_count; i++) {
		const struct ct_function *function = &session->functions[i];
		const char *file = *function->source ? function->source : function->module;
		if (i > 0)
			CT_PUT(sink, ",\n");
		CT_PUT(sink, "{\"name\":");
		ct_put_json_string(sink, function->name, strlen(function->name));
		if (*file) {
			CT_PUT(sink, ",\"file\":");
			ct_put_json_string(sink, file, strlen(file));
		}
		if (*function->source && function->line > 0) {
			CT_PUT(sink, ",\"line\":");
			ct_put_u64(sink, (uint64_t)function->line);
		}
		CT_PUT(sink, "}");
	}
}

/* ---- profiles ---- */

static void begin_profile(struct pass *pass, uint64_t ns)
{
	struct ct_sink *sink = pass->sink;
	if (pass->profiles++ > 0)
		CT_PUT(sink, ",\n");
	CT_PUT(sink, "{\"type\":\"evented\",\"unit\":\"");
	if (pass->export->is_timeless)
		CT_PUT(sink, "none");
	else
		CT_PUT(sink, "nanoseconds");
	CT_PUT(sink, "\",\"startValue\":");
	ct_put_u64(sink, ns);
	CT_PUT(sink, ",\"events\":[");
	pass->has_events = true;
}

static void add_count(struct ct_strbuf *text, uint64_t count, const char *what)
{
	if (count)
		ct_strbuf_printf(text, ", %lu %s%s", (unsigned long)count, what,
				 count == 1 ? "" : "s");
}

static void end_profile(struct pass *pass)
{
	const struct ct_session *session = pass->export->session;
	const struct ct_stream *thread = &session->streams[pass->stream];
	struct ct_bytes program = ct_export_program_name(session, thread->input);
	struct ct_bytes name = ct_export_thread_name(session, pass->stream);
	struct ct_strbuf text = {0};
	ct_strbuf_add(&text, program.bytes, program.length);
	ct_strbuf_printf(&text, " (%u): ", pass->export->process_ids[thread->input]);
	ct_strbuf_add(&text, name.bytes, name.length);
	ct_strbuf_printf(&text, " (%u)", thread->row.tid);
	add_count(&text, pass->unfinished, "unfinished call");
	add_count(&text, pass->export->totals[pass->stream].lost_events, "lost event");
	CT_PUT(pass->sink, "],\"endValue\":");
	ct_put_u64(pass->sink, pass->last_ns);
	CT_PUT(pass->sink, ",\"name\":");
	ct_put_json_string(pass->sink, text.bytes, text.length);
	CT_PUT(pass->sink, "}");
	ct_strbuf_deinit(&text);
}

/* ---- events ---- */

static void put_event(struct pass *pass, bool opens, uint32_t function, uint64_t ns)
{
	struct ct_sink *sink = pass->sink;
	ct_sink_reserve(sink, EVENT_BYTES);
	char *at = opens ? CT_STORE(sink->at, "{\"type\":\"O\",\"frame\":")
			 : CT_STORE(sink->at, "{\"type\":\"C\",\"frame\":");
	at = ct_json_u64(at, function);
	at = CT_STORE(at, ",\"at\":");
	at = ct_json_u64(at, ns);
	sink->at = CT_STORE(at, "}");
}

static void put_next_event(struct pass *pass, bool opens, uint32_t function, uint64_t ns)
{
	ct_sink_reserve(pass->sink, EVENT_BYTES);
	pass->sink->at = CT_STORE(pass->sink->at, ",\n");
	put_event(pass, opens, function, ns);
}

static void put_first_event(struct pass *pass, uint32_t function, uint64_t ns)
{
	begin_profile(pass, ns);
	put_event(pass, true, function, ns);
}

static __attribute__((cold, noinline)) bool switch_stack(struct pass *pass, uint32_t number,
							 uint64_t ns)
{
	uint32_t index = ct_open_stacks_index(&pass->stacks, number);
	if (index == UINT32_MAX)
		return false;
	const struct ct_open_stack *before = &pass->stacks.stacks[pass->current];
	const struct ct_open_stack *after = &pass->stacks.stacks[index];
	for (uint32_t i = before->count; i > 0; i--)
		put_next_event(pass, false, before->calls[i - 1].site, ns);
	for (uint32_t i = 0; i < after->count; i++)
		put_next_event(pass, true, after->calls[i].site, ns);
	pass->current = index;
	return true;
}

static bool take(void *state, size_t stream, const struct ct_event *event)
{
	struct pass *pass = state;
	if (event->kind == CT_EVENT_LOST) {
		ct_export_note_gap(pass->export, stream, event->lost);
		return true;
	}
	uint64_t ns = ct_export_picture_ns(pass->export, event, &pass->last_ns);
	if (__builtin_expect(event->stack != pass->stacks.stacks[pass->current].number, 0) &&
	    !switch_stack(pass, event->stack, ns))
		return false;
	struct ct_open_stack *stack = &pass->stacks.stacks[pass->current];
	if (event->kind == CT_EVENT_BEGIN) {
		struct ct_open_call *call = ct_open_stack_push(stack);
		if (!call)
			return false;
		call->site = event->function;
		if (__builtin_expect(pass->has_events, 1))
			put_next_event(pass, true, event->function, ns);
		else
			put_first_event(pass, event->function, ns);
	} else if (stack->count) {
		put_next_event(pass, false, stack->calls[--stack->count].site, ns);
		pass->unfinished += event->end != CT_CALL_RETURNED;
		ct_open_stack_trim(stack);
	}
	return true;
}

CT_EVENTS_LOOP(read_events, take)

/* Calls of coroutines that wait are closed already; those of the current one have ended. */
static struct ct_error *put_thread(struct pass *pass, size_t stream)
{
	pass->stream = stream;
	pass->has_events = false;
	pass->current = 0;
	pass->last_ns = pass->unfinished = 0;
	struct ct_error *err = ct_open_stacks_init(&pass->stacks)
				       ? ct_export_read(pass->export, stream, read_events, pass)
				       : ct_error_nomem;
	ct_open_stacks_deinit(&pass->stacks);
	if (!err && pass->has_events)
		end_profile(pass);
	return err;
}

static struct ct_error *run(const struct ct_export *export)
{
	const struct ct_session *session = export->session;
	struct pass pass = {.export = export, .sink = ct_output_sink(export->output)};
	struct ct_bytes program = ct_export_program_name(session, 0);
	struct ct_error *err = NULL;
	CT_PUT(pass.sink, "{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\","
			  "\"exporter\":\"calltrace\",\"name\":");
	ct_put_json_string(pass.sink, program.bytes, program.length);
	CT_PUT(pass.sink, ",\"activeProfileIndex\":0,\n\"shared\":{\"frames\":[\n");
	put_frames(pass.sink, session);
	CT_PUT(pass.sink, "]},\n\"profiles\":[\n");
	for (size_t i = 0; !err && i < session->stream_count; i++)
		if (ct_export_has_stream(export, i))
			err = put_thread(&pass, i);
	/* Without a profile it is no file to speedscope. */
	if (!err && pass.profiles == 0) {
		begin_profile(&pass, 0);
		CT_PUT(pass.sink, "],\"endValue\":0,\"name\":\"no calls\"}");
	}
	CT_PUT(pass.sink, "]}\n");
	return err;
}

const struct ct_exporter ct_exporter_speedscope = {
	.name = "speedscope",
	.extensions = ".speedscope.json|.speedscope",
	.summary = "speedscope's evented profiles, one for each thread",
	.run = run,
};
