/* SPDX-License-Identifier: MIT */
/* calltrace slow: the slowest calls, the path to each, and where its time went. */
#include "cli/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analysis/slowest.h"
#include "base/cleanup.h"
#include "base/duration.h"
#include "base/plain_text.h"
#include "cli/shown.h"
#include "cli/term.h"
#include "cli/view.h"
#include "exporter/exporter.h"

struct slow_options {
	uint64_t limit;
	uint64_t callees;
};
static const struct ct_option options_table[] = {
	{.kind = CT_OPTION_NUMBER,
	 .letter = 'n',
	 .name = "limit",
	 .value = "N",
	 .low = 1,
	 .high = CT_SLOWEST_MOST,
	 .help = "the N slowest calls; default: 10",
	 .offset = offsetof(struct slow_options, limit)},
	{.kind = CT_OPTION_NUMBER,
	 .name = "callees",
	 .value = "N",
	 .low = 1,
	 .high = UINT32_MAX,
	 .help = "of the functions each call called the N with most time; default: 5",
	 .offset = offsetof(struct slow_options, callees)},
};
static const struct ct_option_group own_group = {
	.options = options_table,
	.count = sizeof(options_table) / sizeof(options_table[0]),
};
static const struct ct_option_group *const groups[] = {&own_group, &ct_input_group, &ct_page_group};

static double share(uint64_t part_ns, uint64_t all_ns)
{
	return all_ns ? 100.0 * (double)part_ns / (double)all_ns : 0;
}

/* ---- text ---- */

/* Of a line that has so much besides a name: what is left for it. */
static unsigned int name_columns(size_t used)
{
	unsigned int columns = ct_page_columns();
	return used < columns ? columns - (unsigned int)used : 0;
}

static void print_share(const struct ct_slow_call *call, uint64_t ns)
{
	char text[CT_DURATION_BYTES];
	ct_duration_print(text, ns);
	printf("  %9s %8.2f %%  ", text, share(ns, call->duration_ns));
}

static void print_callee(struct ct_shown *shown, const struct ct_slow_call *call,
			 const struct ct_slow_callee *callee)
{
	enum { NUMBER_COLUMNS = 24 };
	char calls[48];
	int length = snprintf(calls, sizeof(calls), ", %" PRIu64 " %s", callee->calls,
			      callee->calls == 1 ? "call" : "calls");
	print_share(call, callee->ns);
	printf("%s%s%s%s\n",
	       ct_shown_name(shown, callee->function,
			     name_columns(NUMBER_COLUMNS + (size_t)length)),
	       ct_page_style(CT_STYLE_DIM), calls, ct_page_style(CT_STYLE_PLAIN));
}

/* The moment and the thread: behind the name, or below it where they leave it too little room. */
static void print_head(const struct ct_session *session, struct ct_shown *shown,
		       const struct ct_slow_call *call, size_t number)
{
	char duration[CT_DURATION_BYTES], start[CT_DURATION_BYTES], head[64];
	const struct ct_thread_row *thread = &session->streams[call->stream].row;
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf place = {0};
	ct_duration_print(duration, call->duration_ns);
	ct_duration_print(start, call->start_ns);
	size_t used = (size_t)snprintf(head, sizeof(head), "%zu. %s  ", number, duration);
	ct_strbuf_printf(&place, "at %s, thread ", start);
	ct_plain_text_add(&place, thread->name, strnlen(thread->name, sizeof(thread->name)));
	ct_strbuf_printf(&place, " (%" PRIu32 ")%s", thread->tid,
			 call->end == CT_CALL_RETURNED ? "" : ", did not return");
	size_t place_columns = 2 + ct_plain_text_columns(place.bytes, place.length);
	bool is_below = ct_page_cuts_names() &&
			used + CT_SHOWN_GOOD_COLUMNS + place_columns > ct_page_columns();
	printf("%s%s%s%s%s%s%s%s\n", ct_page_style(CT_STYLE_HEAD), head,
	       ct_shown_name(shown, call->function,
			     name_columns(is_below ? used : used + place_columns)),
	       ct_page_style(CT_STYLE_PLAIN), is_below ? "\n  " : "  ", ct_page_style(CT_STYLE_DIM),
	       place.bytes ? place.bytes : "", ct_page_style(CT_STYLE_PLAIN));
}

static void print_call(const struct ct_session *session, struct ct_shown *shown,
		       const struct ct_slow_call *call, size_t number, size_t most_callees)
{
	enum { PATH_COLUMNS = sizeof("  from  > ...") - 1 };
	print_head(session, shown, call, number);
	for (uint32_t i = 0; i < call->path_count; i++)
		printf("  %s%s%s\n", i ? "> " : "from ",
		       ct_shown_name(shown, call->path[i], name_columns(PATH_COLUMNS)),
		       i + 1 == call->path_count && call->depth > call->path_count ? " > ..." : "");
	print_share(call, call->self_ns);
	puts("self");
	for (size_t i = 0; i < call->callee_count && i < most_callees; i++)
		print_callee(shown, call, &call->callees[i]);
	if (call->callee_count > most_callees)
		printf("  %22s  %zu more functions (--callees)\n", "",
		       call->callee_count - most_callees);
	putchar('\n');
}

/* ---- JSON ---- */

static void put_call(const struct ct_session *session, const struct ct_slow_call *call)
{
	struct ct_json_writer *writer = ct_page_json();
	const struct ct_thread_row *thread = &session->streams[call->stream].row;
	const char *unfinished = ct_export_unfinished(call->end);
	ct_json_begin(writer, NULL, '{');
	ct_view_put_function(session, call->function);
	ct_json_put_u64(writer, "start_ns", call->start_ns);
	if (unfinished) {
		ct_json_put_null(writer, "duration_ns");
		ct_json_put_string(writer, "unfinished", unfinished);
		ct_json_put_u64(writer, "open_ns", call->duration_ns);
	} else {
		ct_json_put_u64(writer, "duration_ns", call->duration_ns);
	}
	ct_json_put_u64(writer, "self_ns", call->self_ns);
	ct_json_put_u64(
		writer, "process_id",
		ct_trace_info(session->inputs[session->streams[call->stream].input].trace)->pid);
	ct_json_put_u64(writer, "thread_id", thread->tid);
	ct_json_put_bytes(writer, "thread_name", thread->name,
			  strnlen(thread->name, sizeof(thread->name)));
	ct_json_put_u64(writer, "depth", call->depth);
	ct_json_begin(writer, "callers", '[');
	for (uint32_t i = 0; i < call->path_count; i++)
		ct_json_put_string(writer, NULL, session->functions[call->path[i]].name);
	ct_json_end(writer, ']');
	ct_json_begin(writer, "callees", '[');
	for (size_t i = 0; i < call->callee_count; i++) {
		const struct ct_slow_callee *callee = &call->callees[i];
		ct_json_begin(writer, NULL, '{');
		ct_view_put_function(session, callee->function);
		ct_json_put_u64(writer, "calls", callee->calls);
		ct_json_put_u64(writer, "total_ns", callee->ns);
		ct_json_put_real(writer, "percent", share(callee->ns, call->duration_ns));
		ct_json_end(writer, '}');
	}
	ct_json_end(writer, ']');
	ct_json_end(writer, '}');
}

/* ---- the command ---- */

static void slowest_cleanup(struct ct_slowest **slowest)
{
	ct_slowest_destroy(*slowest);
}

static struct ct_error *show(void *state, const struct ct_view *view)
{
	const struct slow_options *options = state;
	const struct ct_session *session = view->session;
	ct_cleanup(slowest_cleanup) struct ct_slowest *slowest = NULL;
	ct_cleanup(ct_shown_cleanup) struct ct_shown *shown = NULL;
	struct ct_json_writer *writer = ct_page_json();
	if (ct_session_is_timeless(session))
		return ct_error_create("the trace was recorded without a clock: no call is known "
				       "to be slow; see how often each was made with 'calltrace "
				       "report'");
	struct ct_error *err = ct_slowest_create(session, view->selection, (size_t)options->limit,
						 ct_term_progress, &slowest);
	ct_term_clear();
	if (!err)
		err = ct_shown_functions(session, CT_SHOWN_GOOD_COLUMNS, &shown);
	if (err)
		return err;
	if (ct_page_is_json()) {
		ct_json_begin(writer, NULL, '{');
		ct_json_put_u64(writer, "lost_events", slowest->lost_events);
		ct_json_begin(writer, "rows", '[');
	}
	for (size_t i = 0; i < slowest->count; i++) {
		if (ct_page_is_json())
			put_call(session, &slowest->calls[i]);
		else
			print_call(session, shown, &slowest->calls[i], i + 1,
				   (size_t)options->callees);
	}
	if (ct_page_is_json()) {
		ct_json_end(writer, ']');
		ct_json_end(writer, '}');
		ct_json_newline(writer->sink, 0);
	}
	ct_view_tell_lost(slowest->lost_events);
	return NULL;
}

static enum ct_exit run(int argc, char **argv, struct ct_error **err)
{
	struct slow_options options = {.limit = 10, .callees = 5};
	struct ct_view view = {0};
	int operands;
	*err = ct_view_read(&view, argc, argv, &own_group, &options, &operands);
	if (*err)
		return CT_EXIT_USAGE;
	return ct_view_show(&view, argv + 1, operands, show, &options, err);
}

const struct ct_command ct_command_slow = {
	.name = "slow",
	.run = run,
	.summary = "the slowest calls, their paths, and where their time went",
	.synopsis = "[TRACE]... [OPTION]...",
	.description =
		"Shows the calls that took longest, one by one: the functions that led to each, and "
		"how its time is shared by itself and those it called. TRACE is a raw trace (.ctrace), a "
		"packed one (.ctpack) or a folder with raw ones; without one, " CT_DEFAULT_FOLDER
		" is read.",
	.groups = groups,
	.group_count = sizeof(groups) / sizeof(groups[0]),
};
