/* SPDX-License-Identifier: MIT */
/* calltrace info: what raw traces are of, without reading all of their calls' names. */
#include "cli/command.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "analysis/call_counts.h"
#include "analysis/session.h"
#include "analysis/summary.h"
#include "base/cleanup.h"
#include "base/duration.h"
#include "cli/inputs.h"
#include "cli/page.h"
#include "cli/shown.h"
#include "cli/table.h"
#include "cli/term.h"
#include "export/json.h"
#include "symbols/elf_file.h"

struct info_options {
	bool live;
};

#define OFFSET(member) offsetof(struct info_options, member)
static const struct ct_option options_table[] = {
	{.kind = CT_OPTION_FLAG,
	 .name = "live",
	 .help = "read traces that processes still write, as they are now",
	 .offset = OFFSET(live)},
};
static const struct ct_option_group own_group = {
	.options = options_table,
	.count = sizeof(options_table) / sizeof(options_table[0]),
};
static const struct ct_option_group *const groups[] = {&own_group, &ct_page_group};

enum { TEXT_BYTES = 128 };

/* ---- facts as text ---- */

static const char *end_text(const struct ct_trace *trace, char ret[TEXT_BYTES])
{
	const struct ct_file_info *info = ct_trace_info(trace);
	const char *name;
	switch (ct_trace_end(trace)) {
	case CT_END_CRASH:
		name = sigabbrev_np((int)info->crash_signal);
		snprintf(ret, TEXT_BYTES, "crashed by signal %u (%s%s)", info->crash_signal,
			 name ? "SIG" : "unknown", name ? name : "");
		return ret;
	case CT_END_KILLED:
		return ct_trace_is_live(trace) ? "still running" : "killed";
	case CT_END_STOPPED:
		return "recording stopped before the end";
	default:
		return info->state == CT_STATE_EXEC ? "replaced by another program" : "exited";
	}
}

/* Is the file on the disk still the one that was recorded? */
static const char *module_state(const struct ct_trace_module *module)
{
	size_t length = module->entry.build_id_bytes;
	struct ct_elf_file *file = NULL;
	if (module->path.length == 0 || module->path.bytes[0] != '/')
		return "no file";
	ct_cleanup(ct_cleanup_free) char *path = strndup(module->path.bytes, module->path.length);
	struct ct_error *err = path ? ct_elf_file_open(path, &file) : ct_error_nomem;
	if (err || !file) {
		ct_error_destroy(err);
		return "not there";
	}
	bool is_same = length == file->build_id_bytes && length <= sizeof(module->entry.build_id) &&
		       memcmp(file->build_id, module->entry.build_id, length) == 0;
	bool is_known = length > 0;
	ct_elf_file_destroy(file);
	return !is_known ? "there" : is_same ? "the same" : "changed since";
}

/* On the disk; of a packed trace, its share of the file. */
static uint64_t file_bytes(const struct ct_input *input)
{
	struct stat status;
	if (input->pack)
		return ct_pack_stored_bytes(input->pack, input->pack_input);
	return stat(input->path, &status) == 0 ? (uint64_t)status.st_blocks * 512 : 0;
}

/* ---- threads ---- */

static const struct ct_column thread_columns[] = {
	{"thread_id", "id", CT_COLUMN_COUNT, 8},
	{"calls", "calls", CT_COLUMN_COUNT, 12},
	{"suppressed_calls", "left out", CT_COLUMN_COUNT, 12},
	{"lost_events", "lost", CT_COLUMN_COUNT, 8},
	{"start_ns", "from", CT_COLUMN_NS, 10},
	{"end_ns", "to", CT_COLUMN_NS, 10},
	{"thread_name", "name", CT_COLUMN_NAME, 0},
};
enum { THREAD_COLUMNS = sizeof(thread_columns) / sizeof(thread_columns[0]) };

/* `counts`: of its streams that have a row. */
static void print_threads(const struct ct_trace *trace, const struct ct_stream_count *counts)
{
	const struct ct_table table = {thread_columns, THREAD_COLUMNS};
	bool is_timeless = ct_trace_info(trace)->clock_kind == CT_CLOCK_NONE;
	ct_table_begin(&table, "threads");
	for (uint32_t i = 1; i <= ct_trace_thread_count(trace); i++) {
		struct ct_thread_row row;
		char name[sizeof(row.name) + 1] = "";
		if (!ct_trace_thread(trace, i, &row))
			continue;
		struct ct_stream_count counted = *counts++;
		memcpy(name, row.name, sizeof(row.name));
		const struct ct_cell cells[THREAD_COLUMNS] = {
			{.number = row.tid},
			{.number = counted.calls},
			{.number = row.suppressed_calls},
			{.number = counted.lost_events + row.lost_events},
			{.number = ct_trace_ns(trace, row.start_ticks), .is_absent = is_timeless},
			{.number = ct_trace_ns(trace, row.flags & CT_THREAD_ENDED
							      ? row.end_ticks
							      : ct_trace_end_ticks(trace)),
			 .is_absent = is_timeless},
			{.text = name},
		};
		ct_table_row(&table, cells);
	}
	ct_table_end();
}

/* ---- modules ---- */

static const struct ct_column module_columns[] = {
	{"file_state", "file", CT_COLUMN_NAME, 14},
	{"build_id", "build-id", CT_COLUMN_NAME, 12},
	{"path", "path", CT_COLUMN_NAME, 0},
};
enum { MODULE_COLUMNS = sizeof(module_columns) / sizeof(module_columns[0]), SHORT_ID = 12 };

static void print_modules(const struct ct_trace *trace)
{
	const struct ct_table table = {module_columns, MODULE_COLUMNS};
	ct_table_begin(&table, "modules");
	for (uint32_t i = 1; i <= ct_trace_module_count(trace); i++) {
		struct ct_trace_module module;
		char id[2 * sizeof(module.entry.build_id) + 1] = "";
		if (!ct_trace_module(trace, i, &module))
			continue;
		for (size_t j = 0;
		     j < module.entry.build_id_bytes && j < sizeof(module.entry.build_id); j++)
			snprintf(id + 2 * j, 3, "%02x", module.entry.build_id[j]);
		if (!ct_page_is_json())
			id[SHORT_ID] = '\0';
		ct_cleanup(ct_cleanup_free) char *path = strndup(module.path.bytes,
								 module.path.length);
		const struct ct_cell cells[MODULE_COLUMNS] = {
			{.text = module_state(&module)},
			{.text = id[0] ? id : NULL},
			{.text = path ? path : ""},
		};
		ct_table_row(&table, cells);
	}
	ct_table_end();
}

/* ---- the whole ---- */

static void print_fact(const char *title, const char *text)
{
	enum { TITLE_COLUMNS = 10 };
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf shown = {0};
	ct_shown_cut(&shown, text,
		     ct_page_cuts_names() ? ct_page_columns() - TITLE_COLUMNS - 1 : 0);
	printf("%s%-*s%s %s\n", ct_page_style(CT_STYLE_HEAD), TITLE_COLUMNS, title,
	       ct_page_style(CT_STYLE_PLAIN), shown.bytes ? shown.bytes : "");
}

static void put_fact(const char *key, const char *title, const char *text)
{
	if (ct_page_is_json())
		ct_json_put_string(ct_page_json(), key, text);
	else
		print_fact(title, text);
}

static void put_number(const char *key, const char *title, uint64_t number)
{
	if (ct_page_is_json())
		ct_json_put_u64(ct_page_json(), key, number);
	else
		printf("%s%-10s%s %" PRIu64 "\n", ct_page_style(CT_STYLE_HEAD), title,
		       ct_page_style(CT_STYLE_PLAIN), number);
}

static void put_string(const struct ct_trace *trace, const char *key, const char *title,
		       struct ct_string_ref ref)
{
	struct ct_bytes bytes = ct_trace_string(trace, ref);
	ct_cleanup(ct_cleanup_free) char *text = strndup(bytes.bytes ? bytes.bytes : "",
							 bytes.length);
	put_fact(key, title, text ? text : "");
}

/* Its arguments, with spaces between. */
static void put_command_line(const struct ct_trace *trace)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	struct ct_bytes words = ct_trace_string(trace, ct_trace_info(trace)->command_line);
	if (ct_page_is_json()) {
		ct_json_put_command_line(ct_page_json(), trace);
		return;
	}
	for (size_t i = 0; i < words.length; i++)
		ct_strbuf_add(&text,
			      words.bytes[i]	     ? &words.bytes[i]
			      : i + 1 < words.length ? " "
						     : "",
			      words.bytes[i] || i + 1 < words.length);
	put_fact("command_line", "command", text.bytes ? text.bytes : "");
}

static void put_start(const struct ct_trace *trace)
{
	uint64_t ns = ct_trace_start_realtime_ns(trace);
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm parts;
	char date[64] = "?", text[TEXT_BYTES];
	if (ct_page_is_json()) {
		ct_json_put_time(ct_page_json(), "start_time", ns);
		return;
	}
	if (gmtime_r(&seconds, &parts))
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &parts);
	snprintf(text, sizeof(text), "%s.%03u UTC", date, (unsigned int)(ns / 1000000 % 1000));
	put_fact("start_time", "started", text);
}

static void put_duration(const struct ct_trace *trace)
{
	char text[CT_DURATION_BYTES];
	uint64_t ns = ct_trace_duration_ns(trace);
	ct_duration_print(text, ns);
	if (ct_page_is_json())
		ct_json_put_u64(ct_page_json(), "duration_ns", ns);
	else
		put_fact("duration", "lasted", text);
}

static void put_settings(const struct ct_file_info *info)
{
	char text[TEXT_BYTES], depth[32] = "all levels";
	if (ct_page_is_json()) {
		ct_json_put_bool(ct_page_json(), "capture_args", info->capture_args);
		ct_json_put_u64(ct_page_json(), "max_depth", info->max_depth);
		return;
	}
	if (info->max_depth)
		snprintf(depth, sizeof(depth), "%u levels", info->max_depth);
	snprintf(text, sizeof(text), "%s, %s", depth,
		 info->capture_args ? "with arguments" : "without arguments");
	put_fact("settings", "recorded", text);
}

/* What was found when it was opened, and when its calls were counted. */
static void put_damage(const struct ct_trace *trace)
{
	uint64_t bytes;
	uint32_t blocks = ct_trace_left_out(trace, &bytes);
	uint64_t places = ct_trace_damage(trace) + blocks;
	char text[TEXT_BYTES];
	if (places == 0)
		return;
	if (ct_page_is_json()) {
		ct_json_put_u64(ct_page_json(), "damage", places);
		ct_json_put_u64(ct_page_json(), "left_out_blocks", blocks);
		ct_json_put_u64(ct_page_json(), "left_out_bytes", bytes);
		return;
	}
	snprintf(text, sizeof(text), "in %" PRIu64 " place%s; %" PRIu64 " bytes of calls left out",
		 places, places == 1 ? "" : "s", bytes);
	put_fact("damage", "damaged", text);
}

static void print_trace(const struct ct_input *input, const struct ct_stream_count *counts)
{
	const struct ct_trace *trace = input->trace;
	const struct ct_file_info *info = ct_trace_info(trace);
	char text[TEXT_BYTES];
	if (ct_page_is_json())
		ct_json_begin(ct_page_json(), NULL, '{');
	put_fact("trace", "trace", input->path);
	put_number("bytes", "bytes", file_bytes(input));
	put_string(trace, "executable", "program", info->executable);
	put_command_line(trace);
	put_number("process_id", "process", info->pid);
	put_number("parent_process_id", "parent", info->ppid);
	put_string(trace, "hostname", "host", info->hostname);
	put_start(trace);
	put_duration(trace);
	put_fact("end", "ended", ct_page_is_json() ? ct_json_end_of(trace) : end_text(trace, text));
	put_fact("clock", "clock", ct_json_clock(info->clock_kind));
	put_settings(info);
	put_damage(trace);
	if (!ct_page_is_json())
		putchar('\n');
	print_threads(trace, counts);
	if (!ct_page_is_json())
		putchar('\n');
	print_modules(trace);
	if (ct_page_is_json())
		ct_json_end(ct_page_json(), '}');
}

static struct ct_error *print_all(const struct ct_session *session)
{
	ct_cleanup(ct_cleanup_free) struct ct_stream_count *counts =
		calloc(session->stream_count + 1, sizeof(*counts));
	bool nomem;
	if (!counts)
		return ct_error_nomem;
	/* A packed file knows without its calls being read. */
	if (!ct_summary_add(session, NULL, counts, &nomem)) {
		struct ct_error *err = ct_call_counts(session, ct_term_progress, counts);
		ct_term_clear();
		if (err)
			return err;
	}
	const struct ct_stream_count *next = counts;
	if (ct_page_is_json()) {
		ct_json_begin(ct_page_json(), NULL, '{');
		ct_json_begin(ct_page_json(), "traces", '[');
	}
	for (size_t i = 0; i < session->input_count; i++) {
		if (i && !ct_page_is_json())
			putchar('\n');
		print_trace(&session->inputs[i], next);
		for (size_t j = 0; j < session->stream_count; j++)
			next += session->streams[j].input == i;
	}
	if (ct_page_is_json()) {
		ct_json_end(ct_page_json(), ']');
		ct_json_end(ct_page_json(), '}');
		ct_json_newline(ct_page_json()->sink, 0);
	}
	return NULL;
}

static enum ct_exit run(int argc, char **argv, struct ct_error **err)
{
	struct info_options options = {0};
	struct ct_page_options page_options = {0};
	const struct ct_option_target targets[] = {{&own_group, &options},
						   {&ct_page_group, &page_options}};
	ct_cleanup(ct_inputs_session_cleanup) struct ct_session *session = NULL;
	ct_cleanup(ct_inputs_selection_cleanup) struct ct_selection *selection = NULL;
	struct ct_input_options inputs = {0};
	int operands;
	*err = ct_options_read(argc, argv, targets, 2, false, &operands);
	if (*err)
		return CT_EXIT_USAGE;
	inputs.live = options.live;
	*err = ct_inputs_open(&inputs, argv + 1, operands, &session, &selection);
	if (*err)
		return CT_EXIT_FAILURE;
	ct_page_begin(&page_options);
	*err = print_all(session);
	return ct_page_end(err);
}

const struct ct_command ct_command_info = {
	.name = "info",
	.run = run,
	.summary = "what a trace is of: program, end, threads, files",
	.synopsis = "[TRACE]... [OPTION]...",
	.description =
		"Shows what a trace was made of, how the process ended, its threads with the calls "
		"they made, and whether the files it ran are still the same, on which the names of "
		"functions depend. TRACE is a raw trace (.ctrace), a packed one (.ctpack) "
		"or a folder with raw ones; without one, " CT_DEFAULT_FOLDER " is read.",
	.groups = groups,
	.group_count = sizeof(groups) / sizeof(groups[0]),
};
