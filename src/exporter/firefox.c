/* SPDX-License-Identifier: MIT */
/*
 * Firefox Profiler's processed profiles, version 57. A sample for each call and
 * each return: its stack is what the thread does from then on, its weight the
 * time until the next one, so call tree, flame graph and stack chart have true
 * times. Memory grows with paths; beyond CT_CALL_TREE_MOST of them calls
 * count as their callers' own. What did not return, and events that are lost,
 * are one marker each for a thread, with their number.
 */
#include <stdlib.h>

#include "analysis/call_tree.h"
#include "base/cleanup.h"
#include "calltrace/version.h"
#include "export/open_calls.h"
#include "export/spill.h"
#include "exporter/exporter.h"
#include "exporter/text.h"

enum { NUMBER_BYTES = 64 };

/* What is in meta.categories, in this order. */
enum category { CATEGORY_OTHER, CATEGORY_PROGRAM, CATEGORY_LIBRARY };

static const char categories[] =
	"[{\"name\":\"Other\",\"color\":\"grey\",\"subcategories\":[\"Other\"]},"
	"{\"name\":\"Program\",\"color\":\"blue\",\"subcategories\":[\"Other\"]},"
	"{\"name\":\"Libraries\",\"color\":\"orange\",\"subcategories\":[\"Other\"]}]";

#define MARKER_SCHEMA(name, label)                                                               \
	"{\"name\":\"" name                                                                      \
	"\",\"display\":[\"marker-chart\",\"marker-table\",\"timeline-overview\"],\"fields\":[{" \
	"\"key\":\"number\",\"label\":\"" label "\",\"format\":\"integer\"}]}"
static const char marker_schema[] = "[" MARKER_SCHEMA(
	"unfinished", "Calls that did not return") "," MARKER_SCHEMA("lost",
								     "Events that are missing") "]";

/* What is counted of a thread, and between which moments it happened. */
struct count {
	uint64_t number, first_ns, last_ns;
};

struct pass {
	const struct ct_export *export;
	struct ct_sink *sink;
	uint32_t *modules; /* by function: 1 and more, 0: none */
	uint32_t module_count;
	uint32_t threads; /* written so far */
	/* of the thread that is written */
	struct ct_call_tree *tree;
	uint32_t *numbers;   /* by function: 1 and more, 0: none yet */
	uint32_t *functions; /* the reverse, from 0 */
	uint32_t function_count;
	struct count unfinished, lost;
	uint64_t picture_ns; /* see ct_export_picture_ns() */
	uint64_t samples, first_ns, last_ns;
	struct ct_sink *distances; /* of samples, from that of the third to the second on */
	uint64_t first_distance_ns;
	/* where each of its stacks is, while it is read */
	struct ct_open_stacks stacks; /* numbers to indexes, no calls */
	struct position {
		uint32_t node;	 /* 0: in no call */
		uint64_t folded; /* open calls beyond it that have no node */
	} * positions;
	uint32_t position_count;
	uint32_t number, current;
};

static void put_text(struct pass *pass, const char *text)
{
	ct_sink_add(pass->sink, text, strlen(text));
}

static void put_ms(struct pass *pass, uint64_t ns)
{
	ct_sink_reserve(pass->sink, NUMBER_BYTES);
	pass->sink->at = ct_store_ms(pass->sink->at, ns);
}

/* ---- samples ---- */

static __attribute__((cold, noinline)) bool switch_stack(struct pass *pass, uint32_t number)
{
	uint32_t index = ct_open_stacks_index(&pass->stacks, number);
	if (index == UINT32_MAX)
		return false;
	if (index >= pass->position_count) {
		size_t count = 2 * ((size_t)index + 1);
		struct position *positions = reallocarray(pass->positions, count,
							  sizeof(*positions));
		if (!positions)
			return false;
		pass->positions = positions;
		while (pass->position_count < count)
			positions[pass->position_count++] = (struct position){0, 0};
	}
	pass->number = number;
	pass->current = index;
	return true;
}

static void add_count(struct count *count, uint64_t number, uint64_t ns)
{
	if (count->number == 0)
		count->first_ns = ns;
	count->number += number;
	count->last_ns = ns;
}

static bool enter_function(struct pass *pass, struct position *at, uint32_t function)
{
	bool failed = false;
	uint32_t node = at->folded ? CT_NO_CALL_NODE
				   : ct_call_tree_child(pass->tree, at->node, function,
							CT_CALL_TREE_MOST, &failed);
	if (node == CT_NO_CALL_NODE) {
		at->folded++;
		pass->export->summary->folded_calls++;
		return !failed;
	}
	at->node = node;
	if (pass->numbers[function] == 0) {
		pass->functions[pass->function_count] = function;
		pass->numbers[function] = ++pass->function_count;
	}
	return true;
}

static void leave_function(struct pass *pass, struct position *at, const struct ct_event *event,
			   uint64_t ns)
{
	if (at->folded)
		at->folded--;
	else
		at->node = pass->tree->nodes[at->node].parent;
	if (event->end != CT_CALL_RETURNED)
		add_count(&pass->unfinished, 1, ns);
}

static bool take(void *state, size_t stream, const struct ct_event *event)
{
	struct pass *pass = state;
	uint64_t ns = ct_export_picture_ns(pass->export, event, &pass->picture_ns);
	if (event->kind == CT_EVENT_LOST) {
		ct_export_note_gap(pass->export, stream, event->lost);
		add_count(&pass->lost, event->lost, ns);
		return true;
	}
	if (__builtin_expect(event->stack != pass->number, 0) && !switch_stack(pass, event->stack))
		return false;
	struct position *at = &pass->positions[pass->current];
	if (event->kind == CT_EVENT_END)
		leave_function(pass, at, event, ns);
	else if (!enter_function(pass, at, event->function))
		return false;
	ct_sink_reserve(pass->sink, NUMBER_BYTES);
	char *text = pass->sink->at;
	if (pass->samples > 0)
		*text++ = ',';
	pass->sink->at = at->node ? ct_json_u64(text, at->node - 1) : CT_STORE(text, "null");
	if (pass->samples > 1) {
		ct_sink_reserve(pass->distances, NUMBER_BYTES);
		*pass->distances->at++ = ',';
		pass->distances->at = ct_store_ms(pass->distances->at, ns - pass->last_ns);
	} else if (pass->samples == 1) {
		pass->first_distance_ns = ns - pass->last_ns;
	} else {
		pass->first_ns = ns;
	}
	pass->samples++;
	pass->last_ns = ns;
	return true;
}

CT_EVENTS_LOOP(read_events, take)

static void spill_cleanup(struct ct_spill **spill)
{
	ct_spill_destroy(*spill);
}

/*
 * A sample's weight is the next one's distance: one list of distances, which
 * waits in a temporary file, is both columns.
 */
static struct ct_error *put_samples(struct pass *pass, size_t stream)
{
	ct_cleanup(spill_cleanup) struct ct_spill *spill = NULL;
	struct ct_error *err = ct_spill_create(&spill);
	if (err)
		return err;
	pass->distances = ct_spill_sink(spill, 0);
	if (!pass->distances || !ct_open_stacks_init(&pass->stacks))
		return ct_error_nomem;
	put_text(pass, "\"samples\":{\"stack\":[");
	err = ct_export_read(pass->export, stream, read_events, pass);
	ct_open_stacks_deinit(&pass->stacks);
	put_text(pass, "],\n\"timeDeltas\":[");
	if (pass->samples > 0)
		put_ms(pass, pass->first_ns);
	if (pass->samples > 1) {
		CT_PUT(pass->sink, ",");
		put_ms(pass, pass->first_distance_ns);
	}
	if (!err)
		err = ct_spill_copy(spill, 0, pass->sink);
	put_text(pass, "],\n\"weight\":[");
	if (pass->samples > 1)
		put_ms(pass, pass->first_distance_ns);
	if (!err)
		err = ct_spill_copy(spill, 0, pass->sink);
	if (pass->samples > 0)
		put_text(pass, pass->samples > 1 ? ",0" : "0");
	put_text(pass, "],\"weightType\":\"tracing-ms\",\"length\":");
	ct_put_u64(pass->sink, pass->samples);
	put_text(pass, "},\n");
	return err;
}

/* ---- the other tables of a thread ---- */

/* A column of numbers: -1 is null. */
static void put_column(struct pass *pass, const char *name, uint32_t count,
		       int64_t (*value)(const struct pass *pass, uint32_t index))
{
	CT_PUT(pass->sink, "\"");
	put_text(pass, name);
	CT_PUT(pass->sink, "\":[");
	for (uint32_t i = 0; i < count; i++) {
		int64_t number = value(pass, i);
		if (i > 0)
			CT_PUT(pass->sink, ",");
		if (number < 0)
			CT_PUT(pass->sink, "null");
		else
			ct_put_u64(pass->sink, (uint64_t)number);
	}
	CT_PUT(pass->sink, "],");
}

/* A column that is the same everywhere. */
static void put_same(struct pass *pass, const char *name, uint32_t count, const char *value)
{
	CT_PUT(pass->sink, "\"");
	put_text(pass, name);
	CT_PUT(pass->sink, "\":[");
	for (uint32_t i = 0; i < count; i++) {
		if (i > 0)
			CT_PUT(pass->sink, ",");
		put_text(pass, value);
	}
	CT_PUT(pass->sink, "],");
}

static void put_length(struct pass *pass, uint32_t count)
{
	CT_PUT(pass->sink, "\"length\":");
	ct_put_u64(pass->sink, count);
	CT_PUT(pass->sink, "}");
}

static int64_t stack_frame(const struct pass *pass, uint32_t index)
{
	return pass->numbers[pass->tree->nodes[index + 1].key] - 1;
}

static int64_t stack_prefix(const struct pass *pass, uint32_t index)
{
	return (int64_t)pass->tree->nodes[index + 1].parent - 1;
}

static int64_t itself(const struct pass *pass, uint32_t index)
{
	(void)pass;
	return index;
}

static const struct ct_function *function_at(const struct pass *pass, uint32_t index)
{
	return &pass->export->session->functions[pass->functions[index]];
}

static int64_t frame_category(const struct pass *pass, uint32_t index)
{
	const struct ct_function *function = function_at(pass, index);
	const struct ct_session *session = pass->export->session;
	if (!*function->module)
		return CATEGORY_OTHER;
	for (size_t i = 0; i < session->input_count; i++) {
		const struct ct_trace *trace = session->inputs[i].trace;
		struct ct_bytes path = ct_trace_string(trace, ct_trace_info(trace)->executable);
		if (path.length == strlen(function->module) &&
		    memcmp(path.bytes, function->module, path.length) == 0)
			return CATEGORY_PROGRAM;
	}
	return CATEGORY_LIBRARY;
}

static int64_t function_name(const struct pass *pass, uint32_t index)
{
	return pass->functions[index];
}

static int64_t function_file(const struct pass *pass, uint32_t index)
{
	return *function_at(pass, index)->source
		       ? (int64_t)pass->export->session->function_count + pass->functions[index]
		       : -1;
}

static int64_t function_line(const struct pass *pass, uint32_t index)
{
	int line = function_at(pass, index)->line;
	return line > 0 ? line : -1;
}

static int64_t module_name(const struct pass *pass, uint32_t index)
{
	return 2 * (int64_t)pass->export->session->function_count + index;
}

static void put_resources_of_functions(struct pass *pass)
{
	CT_PUT(pass->sink, "\"resource\":[");
	for (uint32_t i = 0; i < pass->function_count; i++) {
		uint32_t module = pass->modules[pass->functions[i]];
		if (i > 0)
			CT_PUT(pass->sink, ",");
		if (module)
			ct_put_u64(pass->sink, module - 1);
		else
			CT_PUT(pass->sink, "-1"); /* no null here */
	}
	CT_PUT(pass->sink, "],");
}

static void put_tables(struct pass *pass)
{
	uint32_t stacks = pass->tree->node_count - 1, functions = pass->function_count;
	put_text(pass, "\"stackTable\":{");
	put_column(pass, "frame", stacks, stack_frame);
	put_column(pass, "prefix", stacks, stack_prefix);
	put_length(pass, stacks);
	put_text(pass, ",\n\"frameTable\":{");
	put_same(pass, "address", functions, "-1");
	put_same(pass, "inlineDepth", functions, "0");
	put_column(pass, "category", functions, frame_category);
	put_same(pass, "subcategory", functions, "0");
	put_column(pass, "func", functions, itself);
	put_same(pass, "nativeSymbol", functions, "null");
	put_same(pass, "innerWindowID", functions, "null");
	put_column(pass, "line", functions, function_line);
	put_same(pass, "column", functions, "null");
	put_length(pass, functions);
	put_text(pass, ",\n\"funcTable\":{");
	put_column(pass, "name", functions, function_name);
	put_same(pass, "isJS", functions, "false");
	put_same(pass, "relevantForJS", functions, "false");
	put_resources_of_functions(pass);
	put_column(pass, "fileName", functions, function_file);
	put_column(pass, "lineNumber", functions, function_line);
	put_same(pass, "columnNumber", functions, "null");
	put_length(pass, functions);
	put_text(pass, ",\n\"resourceTable\":{");
	put_same(pass, "lib", pass->module_count, "null");
	put_column(pass, "name", pass->module_count, module_name);
	put_same(pass, "host", pass->module_count, "null");
	put_same(pass, "type", pass->module_count, "1");
	put_length(pass, pass->module_count);
	put_text(pass, ",\n\"nativeSymbols\":{\"libIndex\":[],\"address\":[],\"name\":[],"
		       "\"functionSize\":[],\"length\":0}");
}

static void put_markers(struct pass *pass)
{
	static const char *const types[] = {"unfinished", "lost"};
	const struct count *const counts[] = {&pass->unfinished, &pass->lost};
	static const char *const columns[] = {"data",	 "name",  "startTime",
					      "endTime", "phase", "category"};
	uint32_t first = 2 * pass->export->session->function_count + pass->module_count;
	put_text(pass, "\"markers\":{");
	for (size_t column = 0; column < sizeof(columns) / sizeof(columns[0]); column++) {
		const char *comma = "";
		CT_PUT(pass->sink, "\"");
		put_text(pass, columns[column]);
		CT_PUT(pass->sink, "\":[");
		for (uint32_t i = 0; i < 2; i++) {
			if (counts[i]->number == 0)
				continue;
			put_text(pass, comma);
			comma = ",";
			switch (column) {
			case 0:
				CT_PUT(pass->sink, "{\"type\":\"");
				put_text(pass, types[i]);
				CT_PUT(pass->sink, "\",\"number\":");
				ct_put_u64(pass->sink, counts[i]->number);
				CT_PUT(pass->sink, "}");
				break;
			case 1:
				ct_put_u64(pass->sink, first + i);
				break;
			case 2:
				put_ms(pass, counts[i]->first_ns);
				break;
			case 3:
				put_ms(pass, counts[i]->last_ns);
				break;
			default: /* an interval; of the first category */
				ct_put_u64(pass->sink, column == 4);
			}
		}
		CT_PUT(pass->sink, "],");
	}
	put_length(pass, (counts[0]->number != 0) + (counts[1]->number != 0));
	CT_PUT(pass->sink, ",\n");
}

/* ---- threads ---- */

static void put_thread_head(struct pass *pass, size_t stream)
{
	const struct ct_session *session = pass->export->session;
	const struct ct_stream *thread = &session->streams[stream];
	const struct ct_input *input = &session->inputs[thread->input];
	struct ct_bytes name = ct_export_thread_name(session, stream);
	struct ct_bytes program = ct_export_program_name(session, thread->input);
	put_text(pass, "{\"processType\":\"default\",\"processName\":");
	ct_put_json_string(pass->sink, program.bytes, program.length);
	put_text(pass, ",\"processStartupTime\":");
	put_ms(pass, input->offset_ns);
	put_text(pass, ",\"processShutdownTime\":");
	put_ms(pass, input->offset_ns + ct_trace_duration_ns(input->trace));
	put_text(pass, ",\"pausedRanges\":[],\"name\":");
	ct_put_json_string(pass->sink, name.bytes, name.length);
	put_text(pass, ",\"isMainThread\":");
	put_text(pass, thread->row.tid == ct_trace_info(input->trace)->pid ? "true" : "false");
	put_text(pass, ",\"pid\":\"");
	ct_put_u64(pass->sink, pass->export->process_ids[thread->input]);
	put_text(pass, "\",\"tid\":");
	ct_put_u64(pass->sink, thread->row.tid);
	put_text(pass, ",\n");
}

static struct ct_error *put_thread(struct pass *pass, size_t stream)
{
	const struct ct_session *session = pass->export->session;
	pass->tree = ct_call_tree_new(session->function_count);
	if (!pass->tree)
		return ct_error_nomem;
	memset(pass->numbers, 0, session->function_count * sizeof(*pass->numbers));
	pass->function_count = 0;
	pass->unfinished = pass->lost = (struct count){0};
	pass->samples = pass->first_ns = pass->last_ns = pass->picture_ns = 0;
	pass->position_count = 0;
	pass->number = UINT32_MAX;
	if (pass->threads++ > 0)
		put_text(pass, ",\n");
	put_thread_head(pass, stream);
	struct ct_error *err = put_samples(pass, stream);
	if (!err) {
		put_text(pass, "\"registerTime\":");
		put_ms(pass, pass->first_ns);
		put_text(pass, ",\"unregisterTime\":");
		put_ms(pass, pass->last_ns);
		put_text(pass, ",\n");
		put_markers(pass);
		put_tables(pass);
		put_text(pass, "}");
	}
	ct_call_tree_destroy(pass->tree);
	pass->tree = NULL;
	return err;
}

/* ---- the document ---- */

static int compare_modules(const void *a, const void *b, void *functions)
{
	const struct ct_function *rows = functions;
	return strcmp(rows[*(const uint32_t *)a].module, rows[*(const uint32_t *)b].module);
}

/* Numbers the modules in the order of their paths; `order` gets the functions in it. */
static void number_modules(struct pass *pass, uint32_t *order)
{
	const struct ct_session *session = pass->export->session;
	const char *last = "";
	for (uint32_t i = 0; i < session->function_count; i++)
		order[i] = i;
	qsort_r(order, session->function_count, sizeof(*order), compare_modules,
		session->functions);
	for (uint32_t i = 0; i < session->function_count; i++) {
		const char *module = session->functions[order[i]].module;
		if (strcmp(module, last) != 0)
			pass->module_count++;
		last = module;
		pass->modules[order[i]] = pass->module_count;
	}
}

static void put_strings(struct pass *pass, const uint32_t *order)
{
	const struct ct_session *session = pass->export->session;
	struct ct_sink *sink = pass->sink;
	uint32_t last = 0;
	put_text(pass, "\"shared\":{\"stringArray\":[\n");
	for (uint32_t i = 0; i < session->function_count; i++) {
		ct_put_json_string(sink, session->functions[i].name,
				   strlen(session->functions[i].name));
		CT_PUT(sink, ",\n");
	}
	for (uint32_t i = 0; i < session->function_count; i++) {
		ct_put_json_string(sink, session->functions[i].source,
				   strlen(session->functions[i].source));
		CT_PUT(sink, ",\n");
	}
	for (uint32_t i = 0; i < session->function_count; i++) {
		const char *module = ct_export_file_name(session->functions[order[i]].module);
		if (pass->modules[order[i]] == last)
			continue;
		last = pass->modules[order[i]];
		ct_put_json_string(sink, module, strlen(module));
		CT_PUT(sink, ",\n");
	}
	put_text(pass, "\"Unfinished calls\",\n\"Lost events\"]},\n");
}

static void put_head(struct pass *pass)
{
	const struct ct_session *session = pass->export->session;
	struct ct_bytes program = ct_export_program_name(session, 0);
	put_text(pass, "{\"meta\":{\"interval\":0.001,\"startTime\":");
	put_ms(pass, session->start_realtime_ns);
	put_text(pass, ",\"processType\":0,\"product\":");
	ct_put_json_string(pass->sink, program.bytes, program.length);
	put_text(pass, ",\"importedFrom\":\"calltrace " CALLTRACE_VERSION
		       "\",\"stackwalk\":1,\"debug\":false,\"version\":31,"
		       "\"preprocessedProfileVersion\":57,\"symbolicated\":true,"
		       "\"symbolicationNotSupported\":true,\"usesOnlyOneStackType\":true,"
		       "\"sourceCodeIsNotOnSearchfox\":true,"
		       "\"extensions\":{\"baseURL\":[],\"id\":[],\"name\":[],\"length\":0},"
		       "\"categories\":");
	put_text(pass, categories);
	put_text(pass, ",\"markerSchema\":");
	put_text(pass, marker_schema);
	put_text(pass, "},\n\"libs\":[],\n");
}

static struct ct_error *put_profile(struct pass *pass, uint32_t *order)
{
	const struct ct_session *session = pass->export->session;
	struct ct_error *err = NULL;
	number_modules(pass, order);
	put_head(pass);
	put_strings(pass, order);
	put_text(pass, "\"threads\":[\n");
	for (size_t i = 0; !err && i < session->stream_count; i++)
		if (ct_export_has_stream(pass->export, i))
			err = put_thread(pass, i);
	put_text(pass, "]}\n");
	return err;
}

static struct ct_error *run(const struct ct_export *export)
{
	size_t count = (size_t) export->session->function_count + 1;
	ct_cleanup(ct_cleanup_free) uint32_t *order = calloc(count, sizeof(*order));
	struct pass pass = {
		.export = export,
		.sink = ct_output_sink(export->output),
		.modules = calloc(count, sizeof(uint32_t)),
		.numbers = calloc(count, sizeof(uint32_t)),
		.functions = calloc(count, sizeof(uint32_t)),
	};
	struct ct_error *err = order && pass.modules && pass.numbers && pass.functions
				       ? put_profile(&pass, order)
				       : ct_error_nomem;
	free(pass.modules);
	free(pass.numbers);
	free(pass.functions);
	free(pass.positions);
	return err;
}

const struct ct_exporter ct_exporter_firefox = {
	.name = "firefox",
	.extensions = ".firefox.json",
	.summary = "Firefox Profiler's processed profile",
	.run = run,
};
