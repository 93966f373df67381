/* SPDX-License-Identifier: MIT */
/* The JSON document, but for its calls: see json.h and json_calls.h. */
#include "export/json.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "calltrace/version.h"
#include "export/census.h"
#include "export/json_calls.h"
#include "export/json_text.h"
#include "export/json_writer.h"
#include "export/values.h"

enum { DOCUMENT_VERSION = 1 };

struct document {
	const struct ct_trace *trace;
	const struct ct_file_info *info;
	const struct ct_names *names;
	const struct ct_census *census;
	const struct ct_json_options *options;
	struct ct_values *values;
	uint32_t max_nesting;
	struct ct_json_writer writer;
};

/* ---- facts, as info has them, too ---- */

void ct_json_put_time(struct ct_json_writer *writer, const char *key, uint64_t realtime_ns)
{
	time_t seconds = (time_t)(realtime_ns / 1000000000);
	struct tm utc;
	char text[64];

	if (!gmtime_r(&seconds, &utc))
		memset(&utc, 0, sizeof(utc));
	size_t length = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text + length, sizeof(text) - length, ".%09" PRIu64 "Z", realtime_ns % 1000000000);
	ct_json_put_string(writer, key, text);
}

const char *ct_json_clock(uint32_t kind)
{
	switch (kind) {
	case CT_CLOCK_TSC:
		return "tsc";
	case CT_CLOCK_MONOTONIC:
		return "monotonic";
	default:
		return "none";
	}
}

const char *ct_json_end_of(const struct ct_trace *trace)
{
	switch (ct_trace_end(trace)) {
	case CT_END_CRASH:
		return "crash";
	case CT_END_KILLED:
		return ct_trace_is_live(trace) ? "running" : "killed";
	case CT_END_STOPPED:
		return "stopped";
	default:
		return ct_trace_info(trace)->state == CT_STATE_EXEC ? "exec" : "exit";
	}
}

void ct_json_put_command_line(struct ct_json_writer *writer, const struct ct_trace *trace)
{
	struct ct_bytes line = ct_trace_string(trace, ct_trace_info(trace)->command_line);

	ct_json_begin(writer, "command_line", '[');
	while (line.length > 0) {
		size_t length = strnlen(line.bytes, line.length);
		ct_json_put_bytes(writer, NULL, line.bytes, length);
		if (length < line.length)
			length++; /* its NUL */
		line.bytes += length;
		line.length -= length;
	}
	ct_json_end(writer, ']');
}

/* ---- the document ---- */

static void put_ref(struct document *document, const char *key, struct ct_string_ref ref)
{
	struct ct_bytes string = ct_trace_string(document->trace, ref);
	ct_json_put_bytes(&document->writer, key, string.bytes, string.length);
}

static void put_process(struct document *document)
{
	struct ct_json_writer *writer = &document->writer;
	const struct ct_file_info *info = document->info;

	ct_json_begin(writer, "process", '{');
	ct_json_put_u64(writer, "process_id", info->pid);
	ct_json_put_u64(writer, "parent_process_id", info->ppid);
	put_ref(document, "executable", info->executable);
	ct_json_put_command_line(writer, document->trace);
	put_ref(document, "working_directory", info->working_directory);
	put_ref(document, "hostname", info->hostname);
	ct_json_put_hex(writer, "run_id", info->run_id);
	ct_json_put_string(writer, "end", ct_json_end_of(document->trace));
	ct_json_end(writer, '}');
}

static void put_arguments_config(struct document *document)
{
	struct ct_json_writer *writer = &document->writer;
	const struct ct_file_info *info = document->info;

	ct_json_begin(writer, "arguments", '{');
	ct_json_put_bool(writer, "captured", info->capture_args);
	if (info->capture_args) {
		ct_json_put_u64(writer, "max_string", info->max_string);
		ct_json_put_u64(writer, "max_pointee", info->max_pointee);
		if (info->args_filter.length)
			put_ref(document, "filter", info->args_filter);
		else
			ct_json_put_null(writer, "filter");
	}
	ct_json_end(writer, '}');
}

/* What was asked of the runtime. */
static void put_config(struct document *document)
{
	struct ct_json_writer *writer = &document->writer;
	const struct ct_file_info *info = document->info;

	ct_json_begin(writer, "config", '{');
	put_ref(document, "output", info->output_setting);
	ct_json_put_bool(writer, "capture_args", info->capture_args);
	put_arguments_config(document);
	ct_json_put_u64(writer, "max_depth", info->max_depth);
	ct_json_put_bool(writer, "debug", info->debug);
	ct_json_put_bool(writer, "pretty_json", info->pretty_json);
	ct_json_put_string(writer, "json_layout",
			   info->json_layout == CT_JSON_FLAT ? "flat" : "nested");
	ct_json_end(writer, '}');
}

/* What this document is, which the command line may have changed. */
static void put_layout(struct document *document)
{
	struct ct_json_writer *writer = &document->writer;
	const struct ct_json_options *options = document->options;

	ct_json_begin(writer, "layout", '{');
	if (options->layout == CT_JSON_FLAT) {
		ct_json_put_string(writer, "kind", "flat");
	} else {
		ct_json_put_string(writer, "kind", "nested");
		if (document->max_nesting == CT_JSON_UNLIMITED_NESTING)
			ct_json_put_null(writer, "max_nesting");
		else
			ct_json_put_u64(writer, "max_nesting", document->max_nesting);
		ct_json_put_u64(writer, "flattened_calls", document->census->calls_below);
	}
	ct_json_end(writer, '}');
}

static void put_build_id(struct ct_json_writer *writer, const struct ct_module *entry)
{
	char text[2 * sizeof(entry->build_id) + 1];
	size_t size_bytes = entry->build_id_bytes;

	if (size_bytes == 0 || size_bytes > sizeof(entry->build_id)) {
		ct_json_put_null(writer, "build_id");
		return;
	}
	for (size_t i = 0; i < size_bytes; i++)
		snprintf(text + 2 * i, 3, "%02x", entry->build_id[i]);
	ct_json_put_string(writer, "build_id", text);
}

static void put_modules(struct document *document)
{
	struct ct_json_writer *writer = &document->writer;
	struct ct_trace_module module;

	ct_json_begin(writer, "modules", '[');
	for (uint32_t i = 1; i <= ct_trace_module_count(document->trace); i++) {
		if (!ct_trace_module(document->trace, i, &module))
			continue;
		ct_json_begin(writer, NULL, '{');
		ct_json_put_bytes(writer, "path", module.path.bytes, module.path.length);
		put_build_id(writer, &module.entry);
		ct_json_put_hex(writer, "address_low", module.entry.low);
		ct_json_put_hex(writer, "address_high", module.entry.high);
		if (module.entry.unload_ticks)
			ct_json_put_u64(writer, "unloaded_ns",
					ct_trace_ns(document->trace, module.entry.unload_ticks));
		ct_json_end(writer, '}');
	}
	ct_json_end(writer, ']');
}

static void sum_threads(const struct document *document, uint64_t *threads, uint64_t *suppressed,
			uint64_t *lost)
{
	struct ct_thread_row row;

	*threads = *suppressed = 0;
	*lost = document->info->lost_events + document->census->lost_events +
		ct_trace_damage(document->trace);
	for (uint32_t stream = 1; stream <= ct_trace_thread_count(document->trace); stream++) {
		if (!ct_trace_thread(document->trace, stream, &row))
			continue;
		++*threads;
		*suppressed += row.suppressed_calls;
		*lost += row.lost_events;
	}
}

static void put_metadata(struct document *document, struct ct_json_summary *summary)
{
	struct ct_json_writer *writer = &document->writer;
	uint64_t start_ns = ct_trace_start_realtime_ns(document->trace);
	uint64_t duration_ns = ct_trace_duration_ns(document->trace);
	uint64_t suppressed;

	sum_threads(document, &summary->threads, &suppressed, &summary->lost_events);
	summary->calls = document->census->calls;
	ct_json_begin(writer, "metadata", '{');
	ct_json_put_u64(writer, "format_version", DOCUMENT_VERSION);
	ct_json_put_string(writer, "generator", "calltrace " CALLTRACE_VERSION);
	ct_json_put_time(writer, "start_time", start_ns);
	ct_json_put_time(writer, "end_time", start_ns + duration_ns);
	ct_json_put_u64(writer, "duration_ns", duration_ns);
	ct_json_put_u64(writer, "total_calls", summary->calls);
	ct_json_put_u64(writer, "suppressed_calls", suppressed);
	ct_json_put_u64(writer, "lost_events", summary->lost_events);
	ct_json_put_u64(writer, "total_threads", summary->threads);
	ct_json_put_string(writer, "clock", ct_json_clock(document->info->clock_kind));
	put_layout(document);
	put_process(document);
	put_config(document);
	put_modules(document);
	ct_json_end(writer, '}');
}

/* si_code and registers say where; the calls that were open say how it got there. */
static void put_crash(struct document *document)
{
	struct ct_json_writer *writer = &document->writer;
	const struct ct_file_info *info = document->info;
	const char *name = sigabbrev_np((int)info->crash_signal);
	struct ct_strbuf members = {0};

	ct_json_begin(writer, "crash", '{');
	ct_json_put_u64(writer, "signal", info->crash_signal);
	char text[32];
	if (name) {
		snprintf(text, sizeof(text), "SIG%s", name);
		ct_json_put_string(writer, "signal_name", text);
	} else {
		ct_json_put_null(writer, "signal_name"); /* a real-time signal */
	}
	ct_json_put_i64(writer, "code", info->crash_code);
	ct_json_put_u64(writer, "thread_id", info->crash_tid);
	ct_json_put_u64(writer, "time_ns", ct_trace_ns(document->trace, info->crash_ticks));
	ct_json_put_hex(writer, "fault_address", info->crash_address);
	ct_json_put_hex(writer, "program_counter", info->crash_pc);
	ct_names_locate(document->trace, info->crash_pc, info->crash_ticks, writer->pretty,
			&members);
	ct_json_put_members(writer, members.bytes, members.length);
	ct_strbuf_deinit(&members);
	ct_json_end(writer, '}');
}

static uint32_t tid_of(const struct ct_trace *trace, uint32_t stream)
{
	struct ct_thread_row row;
	return stream && ct_trace_thread(trace, stream, &row) ? row.tid : 0;
}

/* Kernel id of the thread that created this one; 0: not known. */
static uint32_t parent_tid(const struct document *document, const struct ct_thread_row *row)
{
	if (row->flags & CT_THREAD_MAIN)
		return 0;
	if (row->parent_tid)
		return row->parent_tid;
	const struct ct_creation *creation = ct_census_creation(document->census,
								row->create_serial);
	if (creation)
		return tid_of(document->trace, document->census->trees[creation->tree].stream);
	return tid_of(document->trace, row->parent_stream);
}

static void put_relationship(struct document *document, const struct ct_thread_row *row)
{
	struct ct_json_writer *writer = &document->writer;
	const struct ct_creation *creation = ct_census_creation(document->census,
								row->create_serial);

	ct_json_begin(writer, NULL, '{');
	ct_json_put_u64(writer, "parent_thread_id", parent_tid(document, row));
	ct_json_put_u64(writer, "child_thread_id", row->tid);
	if (creation && creation->ordinal != UINT64_MAX) {
		ct_json_put_u64(writer, "call_id",
				document->census->trees[creation->tree].first_id +
					creation->ordinal);
		const struct ct_function_name *function = ct_names_of(document->names,
								      creation->site);
		ct_json_put_members(writer, document->names->text.bytes + function->offset,
				    function->name_length);
	} else {
		ct_json_put_null(writer, "call_id");
		ct_json_put_null(writer, "function");
	}
	if (row->created_ticks && document->info->clock_kind != CT_CLOCK_NONE)
		ct_json_put_u64(writer, "created_ns",
				ct_trace_ns(document->trace, row->created_ticks));
	else
		ct_json_put_null(writer, "created_ns");
	ct_json_end(writer, '}');
}

static void put_relationships(struct document *document)
{
	struct ct_thread_row row;

	ct_json_begin(&document->writer, "thread_relationships", '[');
	for (uint32_t stream = 1; stream <= ct_trace_thread_count(document->trace); stream++) {
		if (ct_trace_thread(document->trace, stream, &row) && parent_tid(document, &row))
			put_relationship(document, &row);
	}
	ct_json_end(&document->writer, ']');
}

/* When the tree's thread ran; a coroutine's stack, from its first call to its last. */
static void tree_span(const struct document *document, const struct ct_tree *tree,
		      const struct ct_thread_row *row, uint64_t *start_ns, uint64_t *end_ns)
{
	*start_ns = tree->start_ns;
	*end_ns = tree->end_ns;
	if (tree->stack != 0)
		return;
	uint64_t born_ns = ct_trace_ns(document->trace, row->start_ticks);
	uint64_t last_ticks = row->flags & CT_THREAD_ENDED ? row->end_ticks
							   : ct_trace_end_ticks(document->trace);
	uint64_t last_ns = ct_trace_ns(document->trace, last_ticks);
	if (tree->calls == 0 || (row->start_ticks && born_ns < *start_ns))
		*start_ns = born_ns;
	if (last_ns > *end_ns)
		*end_ns = last_ns;
}

static void begin_tree(const struct ct_json_calls *calls, const struct ct_tree *tree)
{
	struct document *document = calls->context;
	struct ct_json_writer *writer = &document->writer;
	struct ct_thread_row row = {0};
	uint64_t start_ns, end_ns;

	ct_trace_thread(document->trace, tree->stream, &row);
	tree_span(document, tree, &row, &start_ns, &end_ns);
	uint32_t parent = parent_tid(document, &row);

	ct_json_begin(writer, NULL, '{');
	ct_json_put_u64(writer, "thread_id", row.tid);
	ct_json_put_bytes(writer, "thread_name", row.name, strnlen(row.name, sizeof(row.name)));
	ct_json_put_bool(writer, "is_main_thread", row.flags & CT_THREAD_MAIN);
	if (parent)
		ct_json_put_u64(writer, "parent_thread_id", parent);
	else
		ct_json_put_null(writer, "parent_thread_id");
	if (tree->stack != 0)
		ct_json_put_u64(writer, "coroutine", tree->stack);
	ct_json_put_u64(writer, "start_ns", start_ns);
	ct_json_put_u64(writer, "end_ns", end_ns);
	ct_json_put_u64(writer, "total_calls", tree->calls);
	ct_json_put_u64(writer, "max_depth", tree->levels);
	ct_json_begin(writer, "root_calls", '[');
}

/*
 * How many calls lie in each other. jq 1.6 reads 256 levels and counts the keys
 * of open objects, too: six up to the array of root calls, three for each call,
 * and five for an argument of the innermost one, from its brace on.
 */
static uint32_t nesting_of(const struct ct_json_options *options, const struct ct_values *values)
{
	enum { JQ_LEVELS = 256, AROUND_CALLS = 6, CALL = 3, ARGUMENT = 5 };
	if (options->max_nesting != CT_JSON_DEFAULT_NESTING)
		return options->max_nesting;
	unsigned int others = AROUND_CALLS + ARGUMENT + (values ? ct_values_levels(values) : 0);
	unsigned int calls = others < JQ_LEVELS ? (JQ_LEVELS - others) / CALL + 1 : 1;
	return calls < CT_JSON_JQ_NESTING ? calls : CT_JSON_JQ_NESTING;
}

static struct ct_error *put_trees(struct document *document, struct ct_output *output)
{
	const struct ct_json_calls calls = {
		.trace = document->trace,
		.names = document->names,
		.census = document->census,
		.output = output,
		.writer = &document->writer,
		.context = document,
		.progress = document->options->progress,
		.values = document->values,
		.limit = document->options->layout == CT_JSON_FLAT ? 0 : document->max_nesting,
		.pretty = document->options->pretty,
	};

	ct_json_begin(&document->writer, "call_trees", '[');
	for (uint32_t stream = 1; stream <= ct_trace_thread_count(document->trace); stream++) {
		struct ct_error *err = ct_json_write_stream(&calls, stream, begin_tree);
		if (err)
			return err;
		if (ct_output_failed(output))
			return NULL; /* ct_output_commit() says why */
	}
	ct_json_end(&document->writer, ']');
	return NULL;
}

/* Of durations; null when no call returned. */
static void put_spread(struct ct_json_writer *writer, const char *key,
		       const struct ct_statistic *statistic, uint64_t ns)
{
	if (statistic->calls > statistic->unfinished)
		ct_json_put_u64(writer, key, ns);
	else
		ct_json_put_null(writer, key);
}

static void put_statistic(struct document *document, uint32_t function)
{
	const struct ct_statistic *statistic = &document->census->statistics[function];
	const struct ct_function_name *name = &document->names->functions[function];
	struct ct_json_writer *writer = &document->writer;
	uint64_t returned = statistic->calls - statistic->unfinished;

	ct_json_begin(writer, NULL, '{');
	ct_json_put_members(writer, document->names->text.bytes + name->offset, name->length);
	ct_json_put_u64(writer, "calls", statistic->calls);
	ct_json_put_u64(writer, "unfinished_calls", statistic->unfinished);
	ct_json_put_u64(writer, "total_ns", statistic->total_ns);
	ct_json_put_u64(writer, "self_ns", statistic->self_ns);
	put_spread(writer, "min_ns", statistic, statistic->min_ns);
	put_spread(writer, "max_ns", statistic, statistic->max_ns);
	put_spread(writer, "mean_ns", statistic, returned ? statistic->sum_ns / returned : 0);
	put_spread(writer, "p50_ns", statistic, ct_statistic_percentile(statistic, 50));
	put_spread(writer, "p99_ns", statistic, ct_statistic_percentile(statistic, 99));
	ct_json_end(writer, '}');
}

static int compare_statistics(const void *a, const void *b, void *statistics)
{
	uint32_t left_index = *(const uint32_t *)a, right_index = *(const uint32_t *)b;
	const struct ct_statistic *left = (const struct ct_statistic *)statistics + left_index;
	const struct ct_statistic *right = (const struct ct_statistic *)statistics + right_index;
	if (left->self_ns != right->self_ns)
		return left->self_ns > right->self_ns ? -1 : 1;
	if (left->calls != right->calls)
		return left->calls > right->calls ? -1 : 1;
	return left_index < right_index ? -1 : 1;
}

static struct ct_error *put_statistics(struct document *document)
{
	uint32_t count = document->census->function_count;
	ct_cleanup(ct_cleanup_free) uint32_t *order = calloc(count, sizeof(*order));
	if (!order)
		return ct_error_nomem;
	for (uint32_t i = 0; i < count; i++)
		order[i] = i;
	qsort_r(order, count, sizeof(*order), compare_statistics, document->census->statistics);

	ct_json_begin(&document->writer, "statistics", '[');
	for (uint32_t i = 0; i < count; i++) {
		if (document->census->statistics[order[i]].calls > 0)
			put_statistic(document, order[i]);
	}
	ct_json_end(&document->writer, ']');
	return NULL;
}

static struct ct_error *write_document(struct document *document, struct ct_output *output,
				       struct ct_json_summary *summary)
{
	struct ct_json_writer *writer = &document->writer;

	ct_json_begin(writer, NULL, '{');
	put_metadata(document, summary);
	if (document->info->state == CT_STATE_CRASHED)
		put_crash(document);
	struct ct_error *err = put_trees(document, output);
	if (err || ct_output_failed(output))
		return err;
	put_relationships(document);
	err = put_statistics(document);
	if (err)
		return err;
	ct_json_end(writer, '}');
	ct_sink_add(writer->sink, "\n", 1);
	return NULL;
}

static void names_cleanup(struct ct_names **names)
{
	ct_names_destroy(*names);
}

static void census_cleanup(struct ct_census **census)
{
	ct_census_destroy(*census);
}

static void values_cleanup(struct ct_values **values)
{
	ct_values_destroy(*values);
}

struct ct_error *ct_json_write(struct ct_trace *trace, const struct ct_json_options *options,
			       struct ct_output *output, struct ct_json_summary *ret)
{
	ct_cleanup(names_cleanup) struct ct_names *names = NULL;
	ct_cleanup(census_cleanup) struct ct_census *census = NULL;
	ct_cleanup(values_cleanup) struct ct_values *values = NULL;

	struct ct_error *err = ct_names_create(trace, options->pretty, options->warn, &names);
	if (!err)
		err = ct_values_create(trace, options->pretty, true, &values);
	if (err)
		return err;
	uint32_t max_nesting = nesting_of(options, values);
	err = ct_census_create(trace, names, options->layout == CT_JSON_FLAT ? 0 : max_nesting,
			       options->progress, &census);
	if (err)
		return err;
	struct document document = {
		.trace = trace,
		.info = ct_trace_info(trace),
		.names = names,
		.census = census,
		.options = options,
		.values = values,
		.max_nesting = max_nesting,
		.writer = {.sink = ct_output_sink(output), .pretty = options->pretty},
	};
	struct ct_json_summary summary = {0};
	err = write_document(&document, output, &summary);
	if (!err)
		*ret = summary;
	return err;
}
