/* SPDX-License-Identifier: MIT */
/*
 * Callgrind's profile format: for each function its own time, and for each
 * function it called the calls and their time. A thread is a function of its
 * own, which called what nothing recorded called: so each call has a caller,
 * and the inclusive times that callgrind_annotate adds up over callers are
 * whole. Of recursive calls the outermost alone has time. Memory grows with
 * functions and with pairs of caller and callee.
 */
#include <stdio.h>
#include <stdlib.h>

#include "analysis/parallel.h"
#include "base/cleanup.h"
#include "calltrace/version.h"
#include "exporter/exporter.h"
#include "exporter/text.h"
#include "exporter/utf8.h"

struct pair {
	uint32_t caller; /* function; beyond those of the session: a stream */
	uint32_t callee;
	uint64_t calls; /* 0: free */
	uint64_t total_ns;
};

/* What one of our threads counts. */
struct counting {
	uint32_t function_count;
	uint64_t *self_ns; /* by function */
	struct pair *pairs;
	uint32_t count, capacity; /* of pairs */
	uint64_t lost_events, unfinished;
};

/* ---- counting ---- */

static struct pair *slot_of(const struct counting *counting, uint32_t caller, uint32_t callee)
{
	uint64_t hash = ((uint64_t)caller << 32 | callee) * UINT64_C(0x9e3779b97f4a7c15);
	uint32_t at = (uint32_t)(hash >> 32) & (counting->capacity - 1);
	while (counting->pairs[at].calls &&
	       (counting->pairs[at].caller != caller || counting->pairs[at].callee != callee))
		at = (at + 1) & (counting->capacity - 1);
	return &counting->pairs[at];
}

static bool grow(struct counting *counting)
{
	struct pair *old = counting->pairs;
	uint32_t old_capacity = counting->capacity;
	uint32_t capacity = old_capacity ? 2 * old_capacity : 1024;
	struct pair *pairs = calloc(capacity, sizeof(*pairs));
	if (!pairs)
		return false;
	counting->pairs = pairs;
	counting->capacity = capacity;
	for (uint32_t i = 0; i < old_capacity; i++)
		if (old[i].calls)
			*slot_of(counting, old[i].caller, old[i].callee) = old[i];
	free(old);
	return true;
}

static bool add_pair(struct counting *counting, const struct pair *added)
{
	if (ct_unlikely(2 * counting->count >= counting->capacity) && !grow(counting))
		return false;
	struct pair *pair = slot_of(counting, added->caller, added->callee);
	counting->count += pair->calls == 0;
	pair->caller = added->caller;
	pair->callee = added->callee;
	pair->calls += added->calls;
	pair->total_ns += added->total_ns;
	return true;
}

static bool take(void *state, size_t stream, const struct ct_event *event)
{
	struct counting *counting = state;
	if (event->kind == CT_EVENT_LOST)
		counting->lost_events += event->lost;
	if (event->kind != CT_EVENT_END)
		return true;
	const struct pair pair = {
		.caller = event->caller == CT_NO_CALLER
				  ? counting->function_count + (uint32_t)stream
				  : event->caller,
		.callee = event->function,
		.calls = 1,
		.total_ns = event->is_outermost ? event->duration_ns : 0,
	};
	counting->self_ns[event->function] += event->self_ns;
	counting->unfinished += event->end != CT_CALL_RETURNED;
	return add_pair(counting, &pair);
}

CT_EVENTS_LOOP(read_events, take)

static bool merge(struct counting *to, const struct counting *from)
{
	to->lost_events += from->lost_events;
	to->unfinished += from->unfinished;
	for (uint32_t i = 0; i < from->function_count; i++)
		to->self_ns[i] += from->self_ns[i];
	for (uint32_t i = 0; i < from->capacity; i++)
		if (from->pairs[i].calls && !add_pair(to, &from->pairs[i]))
			return false;
	return true;
}

/* ---- writing ---- */

static int compare_pairs(const void *a, const void *b)
{
	const struct pair *left = a, *right = b;
	if (left->caller != right->caller)
		return left->caller < right->caller ? -1 : 1;
	return left->callee < right->callee ? -1 : left->callee > right->callee;
}

struct pass {
	const struct ct_export *export;
	struct ct_sink *sink;
	struct ct_strbuf text;
	bool *told;		   /* by function: its name is known by its number */
	uint32_t *objects, *files; /* by function: the first with the same name */
	bool *told_objects, *told_files;
	bool told_unknown; /* where threads are, object and file 0 */
	bool failed;
};

static void put_number(struct ct_sink *sink, const char *before, uint64_t number, const char *after)
{
	ct_sink_add(sink, before, strlen(before));
	ct_put_u64(sink, number);
	ct_sink_add(sink, after, strlen(after));
}

/* `fl=(3) /src/calc.c`, and the name only where it is new. */
static void put_name(struct pass *pass, const char *key, uint32_t number, const char *name,
		     bool *told)
{
	put_number(pass->sink, key, number + 1, ")");
	if (!*told) {
		pass->text.length = 0;
		ct_utf8_add(&pass->text, name, strlen(name));
		CT_PUT(pass->sink, " ");
		if (pass->text.bytes)
			ct_sink_add(pass->sink, pass->text.bytes, pass->text.length);
	}
	*told = true;
	CT_PUT(pass->sink, "\n");
}

static const char *or_unknown(const char *name)
{
	return name[0] ? name : "???";
}

/* As the function of a block, or as the callee of one. */
static void put_function(struct pass *pass, uint32_t function, bool is_callee)
{
	const struct ct_function *names = &pass->export->session->functions[function];
	uint32_t object = pass->objects[function];
	uint32_t file = pass->files[function];
	put_name(pass, is_callee ? "cob=(" : "ob=(", object, or_unknown(names->module),
		 &pass->told_objects[object]);
	put_name(pass, is_callee ? "cfi=(" : "fl=(", file, or_unknown(names->source),
		 &pass->told_files[file]);
	put_name(pass, is_callee ? "cfn=(" : "fn=(", function, names->name, &pass->told[function]);
}

static uint64_t line_of(const struct pass *pass, uint32_t function)
{
	int line = pass->export->session->functions[function].line;
	return line > 0 ? (uint64_t)line : 0;
}

static void put_thread(struct pass *pass, uint32_t number, size_t stream)
{
	const struct ct_session *session = pass->export->session;
	struct ct_bytes name = ct_export_thread_name(session, stream);
	uint32_t process = pass->export->process_ids[session->streams[stream].input];
	struct ct_strbuf text = {0};
	bool told = false;
	ct_strbuf_printf(&text, "thread %u of process %u: ", session->streams[stream].row.tid,
			 process);
	ct_strbuf_add(&text, name.bytes, name.length);
	/* A number that gets its name a second time is an error to speedscope. */
	if (pass->told_unknown)
		CT_PUT(pass->sink, "\nob=(0)\nfl=(0)\n");
	else
		CT_PUT(pass->sink, "\nob=(0) ???\nfl=(0) ???\n");
	pass->told_unknown = true;
	put_name(pass, "fn=(", number, text.bytes ? text.bytes : "", &told);
	pass->failed = pass->failed || text.failed;
	ct_strbuf_deinit(&text);
}

static void put_calls(struct pass *pass, const struct pair *pair, uint64_t line)
{
	put_function(pass, pair->callee, true);
	put_number(pass->sink, "calls=", pair->calls, " ");
	put_number(pass->sink, "", line_of(pass, pair->callee), "\n");
	put_number(pass->sink, "", line, " ");
	put_number(pass->sink, "", pair->total_ns, "\n");
}

/* The command line, its words as they were, on one line. */
static void put_command(struct pass *pass, const struct ct_trace *trace)
{
	struct ct_bytes words = ct_trace_string(trace, ct_trace_info(trace)->command_line);
	pass->text.length = 0;
	ct_utf8_add(&pass->text, words.bytes, words.length);
	while (pass->text.length && pass->text.bytes[pass->text.length - 1] == ' ')
		pass->text.length--;
	CT_PUT(pass->sink, "cmd: ");
	if (pass->text.bytes)
		ct_sink_add(pass->sink, pass->text.bytes, pass->text.length);
	CT_PUT(pass->sink, "\n");
}

static void put_head(struct pass *pass, const struct counting *counting)
{
	const struct ct_session *session = pass->export->session;
	struct ct_sink *sink = pass->sink;
	CT_PUT(sink, "# callgrind format\nversion: 1\ncreator: calltrace " CALLTRACE_VERSION "\n");
	if (session->input_count == 1) {
		put_number(sink, "pid: ", pass->export->process_ids[0], "\n");
		put_command(pass, session->inputs[0].trace);
	}
	if (counting->lost_events)
		put_number(sink, "desc: Lost: ", counting->lost_events, " events are missing\n");
	if (counting->unfinished)
		put_number(sink, "desc: Unfinished: ", counting->unfinished,
			   " calls did not return; they count to where they ended\n");
	CT_PUT(sink, "positions: line\nevent: ns : Time (ns)\nevents: ns\n");
	uint64_t sum = 0;
	for (uint32_t i = 0; i < counting->function_count; i++)
		sum += counting->self_ns[i];
	put_number(sink, "summary: ", sum, "\n");
}

/* Each pair's caller begins a block; so does a function that called nothing. */
static void put_blocks(struct pass *pass, const struct counting *counting)
{
	uint32_t functions = counting->function_count;
	size_t streams = pass->export->session->stream_count;
	uint32_t at = 0;
	for (size_t caller = 0; caller < functions + streams; caller++) {
		bool has_calls = at < counting->count && counting->pairs[at].caller == caller;
		uint64_t line = caller < functions ? line_of(pass, (uint32_t)caller) : 0;
		if (caller >= functions && has_calls) {
			put_thread(pass, (uint32_t)caller, caller - functions);
		} else if (caller < functions && (has_calls || counting->self_ns[caller])) {
			CT_PUT(pass->sink, "\n");
			put_function(pass, (uint32_t)caller, false);
			put_number(pass->sink, "", line, " ");
			put_number(pass->sink, "", counting->self_ns[caller], "\n");
		}
		for (; at < counting->count && counting->pairs[at].caller == caller; at++)
			put_calls(pass, &counting->pairs[at], line);
	}
}

/* ---- numbers of names ---- */

struct named {
	const char *name;
	uint32_t function;
};

static int compare_named(const void *a, const void *b)
{
	const struct named *left = a, *right = b;
	int order = strcmp(left->name, right->name);
	return order ? order : left->function < right->function ? -1 : 1;
}

static void number_names(const struct ct_session *session, bool by_module, struct named *rows,
			 uint32_t *ret)
{
	for (uint32_t i = 0; i < session->function_count; i++)
		rows[i] = (struct named){
			by_module ? session->functions[i].module : session->functions[i].source, i};
	qsort(rows, session->function_count, sizeof(*rows), compare_named);
	for (uint32_t i = 0; i < session->function_count; i++)
		ret[rows[i].function] = i && strcmp(rows[i].name, rows[i - 1].name) == 0
						? ret[rows[i - 1].function]
						: rows[i].function;
}

static void pass_cleanup(struct pass *pass)
{
	free(pass->told);
	free(pass->objects);
	free(pass->files);
	free(pass->told_objects);
	free(pass->told_files);
	ct_strbuf_deinit(&pass->text);
}

static struct ct_error *write_all(const struct ct_export *export, struct counting *counting)
{
	const struct ct_session *session = export->session;
	size_t count = (size_t)session->function_count + 1;
	ct_cleanup(pass_cleanup) struct pass pass = {
		.export = export,
		.sink = ct_output_sink(export->output),
		.told = calloc(count, sizeof(bool)),
		.objects = calloc(count, sizeof(uint32_t)),
		.files = calloc(count, sizeof(uint32_t)),
		.told_objects = calloc(count, sizeof(bool)),
		.told_files = calloc(count, sizeof(bool)),
	};
	ct_cleanup(ct_cleanup_free) struct named *rows = calloc(count, sizeof(*rows));
	if (!pass.told || !pass.objects || !pass.files || !pass.told_objects || !pass.told_files ||
	    !rows)
		return ct_error_nomem;
	number_names(session, true, rows, pass.objects);
	number_names(session, false, rows, pass.files);
	/* The table becomes a list. */
	uint32_t filled = 0;
	for (uint32_t i = 0; i < counting->capacity; i++)
		if (counting->pairs[i].calls)
			counting->pairs[filled++] = counting->pairs[i];
	if (filled)
		qsort(counting->pairs, filled, sizeof(*counting->pairs), compare_pairs);
	put_head(&pass, counting);
	put_blocks(&pass, counting);
	return pass.failed || pass.text.failed ? ct_error_nomem : NULL;
}

static void countings_cleanup(struct counting *countings, unsigned int workers)
{
	for (unsigned int i = 0; i < workers; i++) {
		free(countings[i].self_ns);
		free(countings[i].pairs);
	}
}

static struct ct_error *run(const struct ct_export *export)
{
	const struct ct_session *session = export->session;
	unsigned int workers = ct_parallel_workers(session, false);
	ct_cleanup(ct_cleanup_free) struct counting *countings = calloc(workers,
									sizeof(*countings));
	ct_cleanup(ct_cleanup_free) void **states = calloc(workers, sizeof(*states));
	struct ct_error *err = NULL;
	if (!countings || !states)
		return ct_error_nomem;
	for (unsigned int i = 0; i < workers; i++) {
		countings[i].function_count = session->function_count;
		countings[i].self_ns = calloc((size_t)session->function_count + 1,
					      sizeof(uint64_t));
		states[i] = &countings[i];
		if (!countings[i].self_ns)
			err = ct_error_nomem;
	}
	const struct ct_parallel parallel = {
		.session = session,
		.selection = export->selection,
		.read = read_events,
		.states = states,
		.workers = workers,
		.progress = export->progress,
	};
	if (!err)
		err = ct_parallel_run(&parallel);
	for (unsigned int i = 1; !err && i < workers; i++)
		if (!merge(&countings[0], &countings[i]))
			err = ct_error_nomem;
	for (uint32_t i = 0; !err && i < countings[0].capacity; i++)
		export->summary->calls += countings[0].pairs[i].calls;
	if (!err)
		export->summary->lost_events = countings[0].lost_events;
	if (!err)
		err = write_all(export, &countings[0]);
	countings_cleanup(countings, workers);
	return err;
}

const struct ct_exporter ct_exporter_callgrind = {
	.name = "callgrind",
	.extensions = ".callgrind",
	.summary = "Callgrind's profile: KCachegrind, callgrind_annotate",
	.run = run,
};
