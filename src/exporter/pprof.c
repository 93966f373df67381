/* SPDX-License-Identifier: MIT */
/*
 * pprof's profile.proto, compressed: a sample for each path of calls, with how
 * many and their own time. Memory grows with distinct paths. Numbers of fields
 * are those of profile.proto.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis/call_tree.h"
#include "base/cleanup.h"
#include "exporter/exporter.h"
#include "exporter/gzip.h"
#include "exporter/protobuf.h"
#include "exporter/utf8.h"

/*
 * Frames of a sample: of a deeper path the outermost and the innermost. All of
 * them, of recursion a million calls deep, would be a million million.
 */
enum { OUTERMOST_FRAMES = 256, INNERMOST_FRAMES = 256 };

/* Fields of Profile. */
enum {
	PROFILE_SAMPLE_TYPE = 1,
	PROFILE_SAMPLE = 2,
	PROFILE_MAPPING = 3,
	PROFILE_LOCATION = 4,
	PROFILE_FUNCTION = 5,
	PROFILE_STRING_TABLE = 6,
	PROFILE_TIME_NS = 9,
	PROFILE_DURATION_NS = 10,
	PROFILE_COMMENT = 13,
	PROFILE_DEFAULT_SAMPLE_TYPE = 14,
};

/* Fields of what it holds. */
enum {
	VALUE_TYPE = 1,
	VALUE_UNIT = 2,
	SAMPLE_LOCATION = 1,
	SAMPLE_VALUE = 2,
	SAMPLE_LABEL = 3,
	LABEL_KEY = 1,
	LABEL_STR = 2,
	LABEL_NUM = 3,
	MAPPING_ID = 1,
	MAPPING_START = 2,
	MAPPING_LIMIT = 3,
	MAPPING_FILE = 5,
	MAPPING_BUILD_ID = 6,
	MAPPING_HAS_FUNCTIONS = 7,
	MAPPING_HAS_FILENAMES = 8,
	MAPPING_HAS_LINES = 9,
	LOCATION_ID = 1,
	LOCATION_MAPPING = 2,
	LOCATION_ADDRESS = 3,
	LOCATION_LINE = 4,
	LINE_FUNCTION = 1,
	LINE_LINE = 2,
	FUNCTION_ID = 1,
	FUNCTION_NAME = 2,
	FUNCTION_SYSTEM_NAME = 3,
	FUNCTION_FILE = 4,
	FUNCTION_LINE = 5,
};

/* The first strings; names of streams and functions follow as they are written. */
enum {
	STRING_EMPTY = 0,
	STRING_CALLS,
	STRING_COUNT,
	STRING_TIME,
	STRING_NANOSECONDS,
	STRING_PROCESS,
	STRING_THREAD,
	STRING_THREAD_ID,
	FIRST_OWN_STRING,
};
static const char *const first_strings[] = {"",	       "calls",	 "count",    "time", "nanoseconds",
					    "process", "thread", "thread_id"};

/* Where a function was seen first. */
struct place {
	uint32_t input;
	uint32_t module; /* ordinal; 0: not known */
	uint64_t address;
};

struct pass {
	const struct ct_export *export;
	const struct ct_call_tree *tree;
	struct ct_gzip gzip;
	struct ct_memory_sink message;
	struct ct_strbuf text;
	struct place *places; /* by function */
	uint32_t *mappings;   /* ids by input and ordinal, from first_mapping[input] */
	uint32_t *first_mapping;
	bool *has_source; /* as `mappings` */
	uint32_t mapping_count;
	uint64_t string_count;
	uint64_t *frames; /* of the sample being written, the innermost first */
};

/* ---- messages ---- */

/* A field of the profile that is a message is put together in memory, then compressed. */
static void put_message(struct pass *pass, uint32_t number)
{
	char head[CT_PROTO_TAG_BYTES + CT_PROTO_VARINT_BYTES];
	size_t length = ct_memory_sink_length(&pass->message);
	char *at = ct_proto_varint(head, (uint64_t)number << 3 | CT_PROTO_BYTES);
	at = ct_proto_varint(at, length);
	ct_gzip_add(&pass->gzip, head, (size_t)(at - head));
	ct_gzip_add(&pass->gzip, pass->message.bytes, length);
	ct_memory_sink_clear(&pass->message);
}

static void put_u64(struct pass *pass, uint32_t number, uint64_t value)
{
	char field[CT_PROTO_TAG_BYTES + CT_PROTO_VARINT_BYTES];
	const char *end = ct_proto_u64(field, number, value);
	ct_gzip_add(&pass->gzip, field, (size_t)(end - field));
}

/* Gives the string's number. */
static uint64_t put_string(struct pass *pass, const char *bytes, size_t length)
{
	char head[CT_PROTO_TAG_BYTES + CT_PROTO_VARINT_BYTES];
	if (length == 0 && pass->string_count)
		return STRING_EMPTY;
	pass->text.length = 0;
	ct_utf8_add(&pass->text, bytes, length);
	char *at = ct_proto_varint(head, PROFILE_STRING_TABLE << 3 | CT_PROTO_BYTES);
	at = ct_proto_varint(at, pass->text.length);
	ct_gzip_add(&pass->gzip, head, (size_t)(at - head));
	if (pass->text.length)
		ct_gzip_add(&pass->gzip, pass->text.bytes, pass->text.length);
	return pass->string_count++;
}

static void add_nonzero(struct pass *pass, uint32_t number, uint64_t value)
{
	if (value)
		ct_proto_add_u64(&pass->message, number, value);
}

/* ---- files ---- */

static const struct ct_trace *trace_of(const struct pass *pass, uint32_t input)
{
	return pass->export->session->inputs[input].trace;
}

static size_t mapping_index(const struct pass *pass, const struct place *place)
{
	return pass->first_mapping[place->input] + place->module;
}

static void find_places(struct pass *pass)
{
	const struct ct_session *session = pass->export->session;
	for (uint32_t input = 0; input < session->input_count; input++) {
		const struct ct_trace *trace = trace_of(pass, input);
		for (uint32_t i = 1; i <= ct_trace_site_count(trace); i++) {
			struct ct_site site;
			uint32_t function = ct_session_function(&session->inputs[input], i);
			if (!ct_trace_site(trace, i, &site) || pass->places[function].module)
				continue;
			/* A site of a damaged trace may name one that is not there. */
			bool is_there = site.module <= ct_trace_module_count(trace);
			pass->places[function] = (struct place){.input = input,
								.module = is_there ? site.module
										   : 0,
								.address = site.function};
			if (session->functions[function].source[0])
				pass->has_source[mapping_index(pass, &pass->places[function])] =
					true;
		}
	}
}

static void put_mapping(struct pass *pass, uint32_t input, uint32_t ordinal)
{
	struct ct_trace_module module;
	uint32_t *id = &pass->mappings[pass->first_mapping[input] + ordinal];
	if (*id || !ct_trace_module(trace_of(pass, input), ordinal, &module))
		return;
	char build_id[2 * sizeof(module.entry.build_id) + 1] = "";
	for (unsigned int i = 0;
	     i < module.entry.build_id_bytes && i < sizeof(module.entry.build_id); i++)
		snprintf(build_id + (size_t)2 * i, 3, "%02x", module.entry.build_id[i]);
	uint64_t file_string = put_string(pass, module.path.bytes, module.path.length);
	uint64_t build_id_string = put_string(pass, build_id, strlen(build_id));
	bool is_known = pass->has_source[pass->first_mapping[input] + ordinal];
	*id = ++pass->mapping_count;
	ct_proto_add_u64(&pass->message, MAPPING_ID, *id);
	add_nonzero(pass, MAPPING_START, module.entry.low);
	add_nonzero(pass, MAPPING_LIMIT, module.entry.high);
	add_nonzero(pass, MAPPING_FILE, file_string);
	add_nonzero(pass, MAPPING_BUILD_ID, build_id_string);
	ct_proto_add_u64(&pass->message, MAPPING_HAS_FUNCTIONS, 1);
	add_nonzero(pass, MAPPING_HAS_FILENAMES, is_known);
	add_nonzero(pass, MAPPING_HAS_LINES, is_known);
	put_message(pass, PROFILE_MAPPING);
}

static bool is_program(const struct pass *pass, uint32_t input, uint32_t ordinal)
{
	struct ct_trace_module module;
	const struct ct_trace *trace = trace_of(pass, input);
	struct ct_bytes path = ct_trace_string(trace, ct_trace_info(trace)->executable);
	return ct_trace_module(trace, ordinal, &module) && module.path.length == path.length &&
	       path.length && memcmp(module.path.bytes, path.bytes, path.length) == 0;
}

/* The first one is what pprof takes for the program. */
static void put_mappings(struct pass *pass, const bool *used)
{
	const struct ct_session *session = pass->export->session;
	for (uint32_t input = 0; input < session->input_count; input++)
		for (uint32_t i = 1; i <= ct_trace_module_count(trace_of(pass, input)); i++)
			if (is_program(pass, input, i))
				put_mapping(pass, input, i);
	for (uint32_t i = 0; i < session->function_count; i++)
		if (used[i] && pass->places[i].module)
			put_mapping(pass, pass->places[i].input, pass->places[i].module);
}

/* ---- functions, each with one location of the same id ---- */

static void put_location(struct pass *pass, uint32_t function)
{
	const struct place *place = &pass->places[function];
	int line = pass->export->session->functions[function].line;
	uint32_t mapping = place->module ? pass->mappings[mapping_index(pass, place)] : 0;
	struct ct_trace_module module;
	bool is_inside = mapping &&
			 ct_trace_module(trace_of(pass, place->input), place->module, &module) &&
			 place->address >= module.entry.low && place->address < module.entry.high;
	ct_proto_add_u64(&pass->message, LOCATION_ID, function + 1);
	add_nonzero(pass, LOCATION_MAPPING, mapping);
	if (is_inside)
		ct_proto_add_u64(&pass->message, LOCATION_ADDRESS, place->address);
	size_t line_message = ct_proto_begin(&pass->message, LOCATION_LINE);
	ct_proto_add_u64(&pass->message, LINE_FUNCTION, function + 1);
	add_nonzero(pass, LINE_LINE, line > 0 ? (uint64_t)line : 0);
	ct_proto_end(&pass->message, line_message);
	put_message(pass, PROFILE_LOCATION);
}

static void put_function(struct pass *pass, uint32_t function)
{
	const struct ct_function *names = &pass->export->session->functions[function];
	const char *linkage_name = names->linkage_name[0] ? names->linkage_name : names->name;
	uint64_t name = put_string(pass, names->name, strlen(names->name));
	uint64_t system_name = strcmp(linkage_name, names->name) == 0
				       ? name
				       : put_string(pass, linkage_name, strlen(linkage_name));
	uint64_t file = put_string(pass, names->source, strlen(names->source));
	ct_proto_add_u64(&pass->message, FUNCTION_ID, function + 1);
	ct_proto_add_u64(&pass->message, FUNCTION_NAME, name);
	ct_proto_add_u64(&pass->message, FUNCTION_SYSTEM_NAME, system_name);
	add_nonzero(pass, FUNCTION_FILE, file);
	add_nonzero(pass, FUNCTION_LINE, names->line > 0 ? (uint64_t)names->line : 0);
	put_message(pass, PROFILE_FUNCTION);
}

static struct ct_error *put_functions(struct pass *pass)
{
	const struct ct_call_tree *tree = pass->tree;
	ct_cleanup(ct_cleanup_free) bool *used = calloc((size_t)tree->function_count + 1,
							sizeof(*used));
	if (!used)
		return ct_error_nomem;
	for (uint32_t i = 1; i < tree->node_count; i++)
		if (tree->nodes[i].key < tree->function_count)
			used[tree->nodes[i].key] = true;
	find_places(pass);
	put_mappings(pass, used);
	for (uint32_t i = 0; i < tree->function_count; i++) {
		if (!used[i])
			continue;
		put_function(pass, i);
		put_location(pass, i);
	}
	return NULL;
}

/* ---- samples ---- */

static void put_value_type(struct pass *pass, uint32_t type, uint32_t unit)
{
	ct_proto_add_u64(&pass->message, VALUE_TYPE, type);
	ct_proto_add_u64(&pass->message, VALUE_UNIT, unit);
	put_message(pass, PROFILE_SAMPLE_TYPE);
}

static void add_label(struct pass *pass, uint64_t key, uint32_t field, uint64_t value)
{
	size_t label = ct_proto_begin(&pass->message, SAMPLE_LABEL);
	ct_proto_add_u64(&pass->message, LABEL_KEY, key);
	ct_proto_add_u64(&pass->message, field, value);
	ct_proto_end(&pass->message, label);
}

/* Frames of the path to a node, the innermost first; the stream's node is none. */
static uint32_t fill_frames(const struct pass *pass, uint32_t index, uint32_t depth)
{
	const struct ct_call_tree *tree = pass->tree;
	const uint32_t most = OUTERMOST_FRAMES + INNERMOST_FRAMES;
	uint32_t count = 0;
	for (uint32_t at = depth; at > 0; at--) {
		if (depth <= most || at <= OUTERMOST_FRAMES || depth - at < INNERMOST_FRAMES)
			pass->frames[count++] = (uint64_t)tree->nodes[index].key + 1;
		index = tree->nodes[index].parent;
	}
	return count;
}

static void put_sample(struct pass *pass, uint32_t index, uint32_t depth, size_t stream,
		       const uint64_t *names)
{
	const struct ct_session *session = pass->export->session;
	const struct ct_call_node *node = &pass->tree->nodes[index];
	uint32_t count = fill_frames(pass, index, depth);
	size_t locations = ct_proto_begin(&pass->message, SAMPLE_LOCATION);
	for (uint32_t i = 0; i < count; i++) {
		ct_sink_reserve(&pass->message.sink, CT_PROTO_VARINT_BYTES);
		pass->message.sink.at = ct_proto_varint(pass->message.sink.at, pass->frames[i]);
	}
	ct_proto_end(&pass->message, locations);
	size_t values = ct_proto_begin(&pass->message, SAMPLE_VALUE);
	ct_sink_reserve(&pass->message.sink, 2 * CT_PROTO_VARINT_BYTES);
	char *at = ct_proto_varint(pass->message.sink.at, node->calls);
	pass->message.sink.at = ct_proto_varint(at, node->self_ns);
	ct_proto_end(&pass->message, values);
	add_label(pass, STRING_PROCESS, LABEL_NUM,
		  pass->export->process_ids[session->streams[stream].input]);
	add_label(pass, STRING_THREAD, LABEL_STR, names[stream]);
	add_label(pass, STRING_THREAD_ID, LABEL_NUM, session->streams[stream].row.tid);
	put_message(pass, PROFILE_SAMPLE);
}

/* The names of threads, by stream. */
static uint64_t *put_threads(struct pass *pass)
{
	const struct ct_session *session = pass->export->session;
	uint64_t *names = calloc(session->stream_count + 1, sizeof(*names));
	for (size_t i = 0; names && i < session->stream_count; i++) {
		struct ct_bytes name = ct_export_thread_name(session, i);
		names[i] = put_string(pass, name.bytes, name.length);
	}
	return names;
}

/* Nodes come behind their parents: depth and stream are known of these. */
static struct ct_error *put_samples(struct pass *pass)
{
	const struct ct_call_tree *tree = pass->tree;
	ct_cleanup(ct_cleanup_free) uint64_t *names = put_threads(pass);
	ct_cleanup(ct_cleanup_free) uint32_t *depths = calloc(tree->node_count, sizeof(*depths));
	ct_cleanup(ct_cleanup_free) uint32_t *streams = calloc(tree->node_count, sizeof(*streams));
	if (!names || !depths || !streams)
		return ct_error_nomem;
	for (uint32_t i = 1; i < tree->node_count; i++) {
		const struct ct_call_node *node = &tree->nodes[i];
		if (node->key >= tree->function_count) {
			streams[i] = node->key - tree->function_count;
			continue;
		}
		depths[i] = depths[node->parent] + 1;
		streams[i] = streams[node->parent];
		if (node->calls || node->self_ns)
			put_sample(pass, i, depths[i], streams[i], names);
		if (ct_output_failed(pass->export->output))
			return NULL;
	}
	return NULL;
}

/* ---- the profile ---- */

static void put_comment(struct pass *pass, const char *format, uint64_t count)
{
	char text[128];
	if (!count)
		return;
	snprintf(text, sizeof(text), format, count);
	put_u64(pass, PROFILE_COMMENT, put_string(pass, text, strlen(text)));
}

static struct ct_error *put_profile(struct pass *pass)
{
	const struct ct_session *session = pass->export->session;
	uint64_t unfinished = 0;
	for (size_t i = 0; i < sizeof(first_strings) / sizeof(first_strings[0]); i++)
		put_string(pass, first_strings[i], strlen(first_strings[i]));
	for (uint32_t i = 1; i < pass->tree->node_count; i++) {
		const struct ct_call_node *node = &pass->tree->nodes[i];
		if (node->key >= pass->tree->function_count)
			continue;
		unfinished += node->unfinished;
	}
	put_value_type(pass, STRING_CALLS, STRING_COUNT);
	put_value_type(pass, STRING_TIME, STRING_NANOSECONDS);
	put_u64(pass, PROFILE_DEFAULT_SAMPLE_TYPE,
		pass->export->is_timeless ? STRING_CALLS : STRING_TIME);
	put_u64(pass, PROFILE_TIME_NS, session->start_realtime_ns);
	put_u64(pass, PROFILE_DURATION_NS, session->duration_ns);
	put_comment(pass, "%" PRIu64 " events were lost", pass->tree->lost_events);
	put_comment(pass, "%" PRIu64 " calls did not return; they count to where they ended",
		    unfinished);
	put_comment(pass, "%" PRIu64 " calls of too many paths are their callers' own time",
		    pass->tree->folded_calls);
	struct ct_error *err = put_functions(pass);
	if (!err)
		err = put_samples(pass);
	ct_gzip_end(&pass->gzip);
	return !err && (pass->message.failed || pass->text.failed) ? ct_error_nomem : err;
}

static void tree_cleanup(struct ct_call_tree **tree)
{
	ct_call_tree_destroy(*tree);
}

static void pass_cleanup(struct pass *pass)
{
	ct_memory_sink_deinit(&pass->message);
	ct_gzip_deinit(&pass->gzip);
	ct_strbuf_deinit(&pass->text);
	free(pass->places);
	free(pass->mappings);
	free(pass->first_mapping);
	free(pass->has_source);
	free(pass->frames);
}

static bool allocate(struct pass *pass)
{
	const struct ct_session *session = pass->export->session;
	uint32_t modules = 0;
	pass->places = calloc((size_t)session->function_count + 1, sizeof(*pass->places));
	pass->first_mapping = calloc(session->input_count + 1, sizeof(*pass->first_mapping));
	pass->frames = calloc(OUTERMOST_FRAMES + INNERMOST_FRAMES, sizeof(*pass->frames));
	if (!pass->places || !pass->first_mapping || !pass->frames)
		return false;
	for (uint32_t i = 0; i < session->input_count; i++) {
		pass->first_mapping[i] = modules;
		modules += ct_trace_module_count(trace_of(pass, i)) + 1;
	}
	pass->mappings = calloc((size_t)modules + 1, sizeof(*pass->mappings));
	pass->has_source = calloc((size_t)modules + 1, sizeof(*pass->has_source));
	return pass->mappings && pass->has_source && ct_memory_sink_init(&pass->message);
}

static struct ct_error *run(const struct ct_export *export)
{
	ct_cleanup(tree_cleanup) struct ct_call_tree *tree = NULL;
	struct ct_error *err = ct_export_call_tree(export, true, &tree);
	if (err)
		return err;
	ct_cleanup(pass_cleanup) struct pass pass = {.export = export, .tree = tree};
	err = ct_gzip_init(&pass.gzip, ct_output_sink(export->output));
	if (!err && !allocate(&pass))
		err = ct_error_nomem;
	return err ? err : put_profile(&pass);
}

const struct ct_exporter ct_exporter_pprof = {
	.name = "pprof",
	.extensions = ".pb.gz|.pprof",
	.summary = "pprof's profile.pb.gz: go tool pprof",
	.is_binary = true,
	.run = run,
};
