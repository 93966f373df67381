/* SPDX-License-Identifier: MIT */
/*
 * calltrace replay: every call as a line of C, in the order of time. What is
 * written goes out as it comes; memory grows with threads and open calls.
 */
#include "cli/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/merge.h"
#include "base/cleanup.h"
#include "base/duration.h"
#include "cli/shown.h"
#include "cli/view.h"
#include "export/json_text.h"
#include "export/open_calls.h"
#include "export/value_text.h"
#include "export/values.h"
#include "exporter/exporter.h"

enum {
	MOST_INDENT = 60,
	FIRST_LINES = 64,    /* these are seen at once */
	LINES_A_LOOK = 1024, /* between looks at whether somebody still reads */
};

enum { VALUES_SHORT = 0, VALUES_FULL, VALUES_NONE, SHORT_VALUE_BYTES = 48 };

struct replay_options {
	unsigned int values; /* VALUES_... */
};
static const struct ct_option options_table[] = {
	{.kind = CT_OPTION_CHOICE,
	 .name = "values",
	 .value = "HOW",
	 .choices = "short|full|none",
	 .help = "show arguments and return values shortened (the default: large structures are cut), "
		 "in full, or not at all",
	 .offset = offsetof(struct replay_options, values)},
};
static const struct ct_option_group own_group = {
	.options = options_table,
	.count = sizeof(options_table) / sizeof(options_table[0]),
};
static const struct ct_option_group *const groups[] = {&own_group, &ct_input_group, &ct_page_group};

/* What is printed of a function each time. */
struct function_text {
	char *bare;    /* its name without the types of parameters: values take their place */
	char *members; /* of its object in JSON */
	size_t members_length;
};

struct replay {
	const struct ct_session *session;
	struct function_text *names; /* by function */
	struct ct_shown *shown;
	struct ct_values **values;     /* by input; NULL: nothing was captured */
	struct ct_open_stacks *stacks; /* by stream: arguments of open calls, for JSON */
	struct ct_sink *sink;
	bool has_threads; /* more than one */
	bool is_timeless;
	unsigned int most_indent;
	uint64_t lines;
};

/* Inline, so that the length of most texts is known. */
static inline void put(struct ct_sink *sink, const char *text)
{
	ct_sink_add(sink, text, strlen(text));
}

static void put_spaces(struct ct_sink *sink, size_t count)
{
	ct_sink_reserve(sink, count);
	memset(sink->at, ' ', count);
	sink->at += count;
}

static void put_number(struct ct_sink *sink, uint64_t number)
{
	char digits[CT_JSON_U64_BYTES];
	ct_sink_add(sink, digits, (size_t)(ct_json_u64(digits, number) - digits));
}

static struct ct_values *values_of(const struct replay *replay, size_t stream)
{
	return replay->values[replay->session->streams[stream].input];
}

/* ---- lines ---- */

enum { THREAD_COLUMNS = 7, DURATION_COLUMNS = 9 };

/* Beside a name and what is before it, two spaces and what closes a call. */
enum { AROUND_COLUMNS = 10 };

static unsigned int margin_columns(const struct replay *replay)
{
	return (replay->has_threads ? THREAD_COLUMNS + 1 : 0) + DURATION_COLUMNS;
}

/* Such that a name has room. */
static unsigned int most_indent(const struct replay *replay)
{
	unsigned int columns = ct_page_columns(), used = margin_columns(replay) + AROUND_COLUMNS +
							 CT_SHOWN_GOOD_COLUMNS +
							 (unsigned int)sizeof("[100] ") - 1;
	if (!ct_page_cuts_names() || columns >= used + MOST_INDENT)
		return MOST_INDENT;
	return columns > used ? (columns - used) & ~1U : 0;
}

/* What is left for the name of a call. */
static unsigned int name_columns(const struct replay *replay, const struct ct_event *event)
{
	unsigned int columns = ct_page_columns(), indent = 2 * event->depth;
	unsigned int used = margin_columns(replay) + AROUND_COLUMNS;
	if (indent > replay->most_indent)
		indent = replay->most_indent + (unsigned int)sizeof("[100] ") - 1;
	return columns > used + indent ? columns - used - indent : 0;
}

/* The thread, the duration (NULL: none), the indentation. */
static void put_margin(const struct replay *replay, size_t stream, const struct ct_event *event,
		       const struct ct_event *end)
{
	struct ct_sink *sink = replay->sink;
	char duration[CT_DURATION_BYTES] = "";
	if (end && !replay->is_timeless)
		ct_duration_print(duration, end->duration_ns);
	put(sink, ct_page_style(CT_STYLE_DIM));
	if (replay->has_threads) {
		char digits[CT_JSON_U64_BYTES];
		uint32_t tid = replay->session->streams[stream].row.tid;
		size_t length = (size_t)(ct_json_u64(digits, tid) - digits);
		put_spaces(sink, length < THREAD_COLUMNS ? THREAD_COLUMNS - length : 0);
		ct_sink_add(sink, digits, length);
		put(sink, " ");
	}
	size_t length = strlen(duration);
	put_spaces(sink, length < DURATION_COLUMNS ? DURATION_COLUMNS - length : 0);
	ct_sink_add(sink, duration, length);
	put(sink, "  ");
	if (event->stack) {
		put(sink, "~");
		put_number(sink, event->stack);
		put(sink, " ");
	}
	put(sink, ct_page_style(CT_STYLE_PLAIN));
	if (event->depth <= replay->most_indent / 2) {
		put_spaces(sink, 2 * (size_t)event->depth);
		return;
	}
	put_spaces(sink, replay->most_indent);
	put(sink, "[");
	put_number(sink, event->depth);
	put(sink, "] ");
}

/* C++'s names end with the types of parameters: values take their place. */
static size_t bare_length(const char *name)
{
	size_t length = strlen(name), at = length;
	unsigned int open = 0;
	if (length == 0 || name[length - 1] != ')')
		return length;
	while (at-- > 0) {
		open += name[at] == ')';
		if (name[at] == '(' && --open == 0)
			return at ? at : length;
	}
	return length;
}

static void put_name(const struct replay *replay, const struct ct_event *event)
{
	put(replay->sink, ct_page_style(CT_STYLE_NAME));
	put(replay->sink,
	    ct_shown_name(replay->shown, event->function, name_columns(replay, event)));
	put(replay->sink, ct_page_style(CT_STYLE_PLAIN));
}

static void put_call(const struct replay *replay, size_t stream, const struct ct_event *event)
{
	struct ct_values *values = values_of(replay, stream);
	put_name(replay, event);
	put(replay->sink, "(");
	if (values)
		ct_values_put_arguments_text(
			values, replay->sink, event->site,
			(struct ct_value_bytes){event->values, event->value_bytes, event->ns});
	put(replay->sink, ")");
}

static void put_result(const struct replay *replay, size_t stream, const struct ct_event *end)
{
	struct ct_values *values = values_of(replay, stream);
	if (end->end != CT_CALL_RETURNED) {
		put(replay->sink, " /* ");
		put(replay->sink, ct_export_unfinished(end->end));
		put(replay->sink, " */");
	} else if (values) {
		ct_values_put_result_text(
			values, replay->sink, end->site,
			(struct ct_value_bytes){end->values, end->value_bytes, end->ns});
	}
}

static void put_lines(const struct replay *replay, const struct ct_merged *merged)
{
	const struct ct_event *event = &merged->event;
	struct ct_sink *sink = replay->sink;
	if (event->kind == CT_EVENT_LOST) {
		put_margin(replay, merged->stream, event, NULL);
		put(sink, "/* events are missing here: ");
		put_number(sink, event->lost);
		put(sink, " */\n");
		return;
	}
	if (event->kind == CT_EVENT_BEGIN) {
		put_margin(replay, merged->stream, event, merged->is_whole ? &merged->end : NULL);
		put_call(replay, merged->stream, event);
		if (merged->is_whole)
			put_result(replay, merged->stream, &merged->end);
		put(sink, merged->is_whole ? ";\n" : " {\n");
		return;
	}
	put_margin(replay, merged->stream, event, event);
	put(sink, "}");
	put_result(replay, merged->stream, event);
	put(sink, " /* ");
	put_name(replay, event);
	put(sink, " */\n");
}

/* ---- JSON ---- */

/* `key` with its quotes and colon. */
static inline void put_member(struct ct_sink *sink, const char *key, uint64_t number)
{
	put(sink, key);
	put_number(sink, number);
}

static void put_ids(const struct replay *replay, size_t stream, const char *before)
{
	const struct ct_stream *thread = &replay->session->streams[stream];
	const struct ct_trace *trace = replay->session->inputs[thread->input].trace;
	put(replay->sink, before);
	put_member(replay->sink, "\"process_id\":", ct_trace_info(trace)->pid);
	put_member(replay->sink, ",\"thread_id\":", thread->row.tid);
}

static void add_text_member(struct ct_strbuf *members, const char *key, const char *text)
{
	ct_strbuf_add_string(members, key);
	if (text[0])
		ct_json_string(members, text, strlen(text));
	else
		ct_strbuf_add_string(members, "null");
}

static void put_object(const struct replay *replay, size_t stream, const struct ct_event *end,
		       struct ct_value_bytes arguments)
{
	const struct function_text *name = &replay->names[end->function];
	const struct ct_value_bytes result = {end->values, end->value_bytes, end->ns};
	struct ct_values *values = values_of(replay, stream);
	struct ct_sink *sink = replay->sink;
	put(sink, "{");
	if (values)
		ct_values_put_arguments(values, sink, end->site, arguments, 0);
	put_ids(replay, stream, "");
	if (end->stack)
		put_member(sink, ",\"coroutine\":", end->stack);
	put_member(sink, ",\"depth\":", end->depth);
	if (name->members)
		ct_sink_add(sink, name->members, name->members_length);
	put_member(sink, ",\"start_ns\":", end->start_ns);
	if (end->end == CT_CALL_RETURNED) {
		put_member(sink, ",\"duration_ns\":", end->duration_ns);
	} else {
		put(sink, ",\"duration_ns\":null,\"unfinished\":\"");
		put(sink, ct_export_unfinished(end->end));
		put(sink, "\"");
	}
	put_member(sink, ",\"self_ns\":", end->self_ns);
	if (values && end->end == CT_CALL_RETURNED)
		ct_values_put_result(values, sink, end->site, result, 0);
	put(sink, "}\n");
}

/* A call is an object once it has ended: its arguments wait until then. */
static bool put_objects(const struct replay *replay, const struct ct_merged *merged)
{
	const struct ct_event *event = &merged->event;
	struct ct_value_bytes arguments = {event->values, event->value_bytes, event->ns};
	struct ct_open_stacks *stacks = &replay->stacks[merged->stream];
	if (event->kind == CT_EVENT_LOST) {
		put(replay->sink, "{\"lost_events\":");
		put_number(replay->sink, event->lost);
		put_ids(replay, merged->stream, ",");
		put_member(replay->sink, ",\"start_ns\":", event->ns);
		put(replay->sink, "}\n");
		return true;
	}
	if (merged->is_whole) {
		put_object(replay, merged->stream, &merged->end, arguments);
		return true;
	}
	if (!stacks->count && !ct_open_stacks_init(stacks))
		return false;
	uint32_t index = ct_open_stacks_index(stacks, event->stack);
	if (index == UINT32_MAX)
		return false;
	struct ct_open_stack *stack = &stacks->stacks[index];
	if (event->kind == CT_EVENT_BEGIN)
		return ct_open_stack_save(stack, event->values, event->value_bytes);
	arguments.bytes = ct_open_stack_restore(stack, &arguments.length);
	arguments.ns = event->start_ns;
	put_object(replay, merged->stream, event, arguments);
	return true;
}

/* ---- the command ---- */

static void replay_deinit(struct replay *replay)
{
	for (size_t i = 0; replay->values && i < replay->session->input_count; i++)
		ct_values_destroy(replay->values[i]);
	for (size_t i = 0; replay->stacks && i < replay->session->stream_count; i++)
		ct_open_stacks_deinit(&replay->stacks[i]);
	for (uint32_t i = 0; replay->names && i < replay->session->function_count; i++) {
		free(replay->names[i].bare);
		free(replay->names[i].members);
	}
	ct_shown_destroy(replay->shown);
	free(replay->values);
	free(replay->stacks);
	free(replay->names);
}

static bool make_names(struct replay *replay)
{
	uint32_t count = replay->session->function_count;
	replay->names = calloc((size_t)count + 1, sizeof(*replay->names));
	if (!replay->names)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		const struct ct_function *function = &replay->session->functions[i];
		struct ct_strbuf members = {0};
		add_text_member(&members, ",\"function\":", function->name);
		add_text_member(&members, ",\"module\":", function->module);
		replay->names[i] = (struct function_text){
			.bare = strndup(function->name, bare_length(function->name)),
			.members = members.bytes,
			.members_length = members.length,
		};
		if (members.failed || !replay->names[i].bare)
			return false;
	}
	return true;
}

static const char *bare_name(const void *names, size_t index)
{
	return ((const struct function_text *)names)[index].bare;
}

static struct ct_error *replay_init(struct replay *replay, const struct ct_session *session,
				    const struct replay_options *options)
{
	struct ct_error *err = NULL;
	*replay = (struct replay){
		.session = session,
		.sink = ct_page_json()->sink,
		.is_timeless = ct_session_is_timeless(session),
	};
	replay->values = calloc(session->input_count + 1, sizeof(struct ct_values *));
	replay->stacks = calloc(session->stream_count + 1, sizeof(*replay->stacks));
	if (!replay->values || !replay->stacks || !make_names(replay))
		return ct_error_nomem;
	const struct ct_shown_options shown = {
		.name = bare_name,
		.context = replay->names,
		.count = session->function_count,
		.are_whole = !ct_page_cuts_names(),
		.are_symbols = true,
		.least_columns = CT_SHOWN_GOOD_COLUMNS,
	};
	err = ct_shown_create(&shown, &replay->shown);
	for (size_t i = 0; !err && options->values != VALUES_NONE && i < session->input_count;
	     i++) {
		err = ct_values_create(session->inputs[i].trace, false, true, &replay->values[i]);
		if (replay->values[i] && options->values == VALUES_SHORT)
			ct_values_limit_text(replay->values[i], SHORT_VALUE_BYTES);
	}
	return err;
}

/* False: nobody reads any more. */
static bool send_on(struct replay *replay)
{
	bool is_first = replay->lines++ < FIRST_LINES;
	if (is_first)
		return ct_page_flush();
	return replay->lines % LINES_A_LOOK || !ferror(stdout);
}

static void merge_cleanup(struct ct_merge **merge)
{
	ct_merge_destroy(*merge);
}

static struct ct_error *replay_calls(struct replay *replay, const struct ct_selection *selection)
{
	ct_cleanup(merge_cleanup) struct ct_merge *merge = NULL;
	struct ct_merged merged;
	struct ct_error *err = ct_merge_create(replay->session, selection, &merge);
	if (err)
		return err;
	replay->has_threads = ct_merge_stream_count(merge) > 1;
	replay->most_indent = most_indent(replay);
	while (ct_merge_next(merge, &merged)) {
		if (!ct_page_is_json())
			put_lines(replay, &merged);
		else if (!put_objects(replay, &merged))
			return ct_error_nomem;
		if (!send_on(replay))
			return NULL; /* ct_page_end() says why */
	}
	return ct_merge_failed(merge) ? ct_error_nomem : NULL;
}

static struct ct_error *show(void *state, const struct ct_view *view)
{
	struct replay replay;
	struct ct_error *err = replay_init(&replay, view->session, state);
	if (!err)
		err = replay_calls(&replay, view->selection);
	replay_deinit(&replay);
	return err;
}

static enum ct_exit run(int argc, char **argv, struct ct_error **err)
{
	struct replay_options options = {0};
	struct ct_view view = {0};
	int operands;
	*err = ct_view_read(&view, argc, argv, &own_group, &options, &operands);
	if (*err)
		return CT_EXIT_USAGE;
	return ct_view_show(&view, argv + 1, operands, show, &options, err);
}

const struct ct_command ct_command_replay = {
	.name = "replay",
	.run = run,
	.summary = "every call in the order of time, as lines of C",
	.synopsis = "[TRACE]... [OPTION]...",
	.description =
		"Shows each call as it began and ended, with its duration, and its arguments and "
		"return value where they were captured. TRACE is a raw trace (.ctrace), a "
		"packed one (.ctpack) or a folder with raw ones; without one, " CT_DEFAULT_FOLDER
		" is read. With --json each call is "
		"an object on a line of its own.",
	.groups = groups,
	.group_count = sizeof(groups) / sizeof(groups[0]),
};
