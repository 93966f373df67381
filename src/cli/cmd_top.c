/* SPDX-License-Identifier: MIT */
/*
 * calltrace top: what recorded processes are doing now. On a terminal a screen
 * that is drawn again every second; elsewhere a table each time.
 */
#include "cli/command.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "analysis/activity.h"
#include "base/cleanup.h"
#include "base/duration.h"
#include "base/strbuf.h"
#include "cli/inputs.h"
#include "cli/page.h"
#include "cli/screen.h"
#include "cli/shown.h"
#include "cli/table.h"
#include "cli/term.h"
#include "base/plain_text.h"

struct top_options {
	uint64_t interval_ns, count, limit;
	unsigned int sort; /* enum ct_activity_sort */
	bool batch;
};

#define SORTS	       "self|calls|total-self|total-calls"
#define OFFSET(member) offsetof(struct top_options, member)
static const struct ct_option options_table[] = {
	{.kind = CT_OPTION_FLAG,
	 .letter = 'b',
	 .name = "batch",
	 .help = "print tables one after the other, as where the output is no terminal",
	 .offset = OFFSET(batch)},
	{.kind = CT_OPTION_NUMBER,
	 .letter = 'n',
	 .name = "count",
	 .value = "N",
	 .help = "end after N tables; default: when the processes end; implies --batch",
	 .offset = OFFSET(count)},
	{.kind = CT_OPTION_TIME,
	 .letter = 'd',
	 .name = "delay",
	 .value = "TIME",
	 .help = "between two looks, 50ms at least; default: 1s",
	 .offset = OFFSET(interval_ns)},
	{.kind = CT_OPTION_CHOICE,
	 .letter = 's',
	 .name = "sort",
	 .value = "COLUMN",
	 .choices = SORTS,
	 .help = "self time or calls since the look before, or since the beginning; default: self",
	 .offset = OFFSET(sort)},
	{.kind = CT_OPTION_NUMBER,
	 .letter = 'l',
	 .name = "limit",
	 .value = "N",
	 .help = "at most N functions; default: 20, on a terminal as many as it shows",
	 .offset = OFFSET(limit)},
};
static const struct ct_option_group own_group = {
	.options = options_table,
	.count = sizeof(options_table) / sizeof(options_table[0]),
};
static const struct ct_option_group *const groups[] = {&own_group, &ct_page_group};

static const char *const sort_names[] = {
	[CT_ACTIVITY_BY_SELF] = "self time",
	[CT_ACTIVITY_BY_CALLS] = "calls",
	[CT_ACTIVITY_BY_TOTAL_SELF] = "total self time",
	[CT_ACTIVITY_BY_TOTAL_CALLS] = "total calls",
};
enum { SORT_COUNT = sizeof(sort_names) / sizeof(sort_names[0]) };

/* ---- which processes ---- */

static bool is_number(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

/* The traces that a process has mapped: its windows are in them. */
static struct ct_error *add_pid(struct ct_activity *activity, const char *pid)
{
	static const char ending[] = ".ctrace";
	char path[64];
	size_t found = 0;
	ct_cleanup(ct_cleanup_free) char *line = NULL;
	size_t capacity = 0;
	struct ct_error *err = NULL;
	if (strlen(pid) > 10)
		return ct_error_create("there is no process %s", pid);
	snprintf(path, sizeof(path), "/proc/%s/maps", pid);
	FILE *maps = fopen(path, "re");
	if (!maps)
		return errno == ENOENT ? ct_error_create("there is no process %s", pid)
				       : ct_error_errno(errno, "cannot look into process %s", pid);
	while (!err && getline(&line, &capacity, maps) > 0) {
		char *name = strchr(line, '/');
		size_t length = name ? strcspn(name, "\n") : 0;
		if (length < sizeof(ending) ||
		    strncmp(name + length - sizeof(ending) + 1, ending, sizeof(ending) - 1) != 0)
			continue;
		name[length] = '\0';
		err = ct_activity_add(activity, name);
		found++;
	}
	fclose(maps);
	if (!err && found == 0)
		return ct_error_create("process %s records nothing: it was not started with "
				       "calltrace record, or made no call yet; see: calltrace "
				       "doctor /proc/%s/exe",
				       pid, pid);
	return err;
}

static struct ct_error *add_all(struct ct_activity *activity, char **operands, int count)
{
	struct ct_error *err = NULL;
	if (count == 0 && access(CT_DEFAULT_FOLDER, F_OK) != 0)
		return ct_error_create("there is no '" CT_DEFAULT_FOLDER
				       "' here: name a trace, a folder with some, or the process "
				       "that is being recorded");
	if (count == 0)
		return ct_activity_add(activity, CT_DEFAULT_FOLDER);
	for (int i = 0; i < count && !err; i++) {
		bool is_pid = is_number(operands[i]) && access(operands[i], F_OK) != 0;
		err = is_pid ? add_pid(activity, operands[i])
			     : ct_activity_add(activity, operands[i]);
	}
	return err;
}

/* ---- a snapshot as text and as JSON ---- */

enum { PIECE_KB = 64 };

static double per_second(const struct ct_activity_snapshot *shot, uint64_t number)
{
	return shot->interval_ns ? 1e9 * (double)number / (double)shot->interval_ns : 0;
}

static double percent(const struct ct_activity_snapshot *shot, uint64_t ns)
{
	return shot->interval_ns ? 100.0 * (double)ns / (double)shot->interval_ns : 0;
}

static void put_rate(char *ret, size_t size_bytes, double rate)
{
	static const char *const units[] = {"", "k", "M", "G"};
	size_t unit = 0;
	for (; rate >= 9999.5 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++)
		rate /= 1000;
	snprintf(ret, size_bytes, unit && rate < 99.95 ? "%.1f%s" : "%.0f%s", rate, units[unit]);
}

static const char *plural(uint64_t count, const char *many)
{
	return count == 1 ? "" : many;
}

static void add_head(struct ct_strbuf *text, const struct ct_activity_snapshot *shot)
{
	char rate[32];
	put_rate(rate, sizeof(rate), per_second(shot, shot->calls));
	if (shot->running)
		ct_strbuf_printf(text, "%u process%s, %u thread%s, ", shot->running,
				 plural(shot->running, "es"), shot->threads,
				 plural(shot->threads, "s"));
	if (shot->ended)
		ct_strbuf_printf(text, "%u process%s ended, ", shot->ended,
				 plural(shot->ended, "es"));
	if (shot->running || shot->ended)
		ct_strbuf_printf(text, "%s call%s/s", rate, strcmp(rate, "1") == 0 ? "" : "s");
	else
		ct_strbuf_add_string(text, "no process yet");
	if (shot->is_first && (shot->running || shot->ended))
		ct_strbuf_add_string(text, " since the beginning");
	if (shot->lost_events)
		ct_strbuf_printf(text, "; %" PRIu64 " events lost", shot->lost_events);
	if (shot->skipped_pieces)
		ct_strbuf_printf(text, "; %" PRIu64 " MB not looked at",
				 shot->skipped_pieces * PIECE_KB / 1000 + 1);
}

static const char column_heads[] = "  self%       self   calls/s      calls  function";

static const char *row_name(const void *activity, size_t number)
{
	return ct_activity_name(activity, number);
}

enum { NAME_COLUMN = 41 };

static struct ct_error *create_shown(const struct ct_activity *activity, unsigned int columns,
				     struct ct_shown **ret)
{
	const struct ct_shown_options options = {
		.name = row_name,
		.context = activity,
		.count = ct_activity_name_count(activity),
		.are_whole = !ct_page_cuts_names(),
		.are_symbols = true,
		.least_columns = columns > NAME_COLUMN ? columns - NAME_COLUMN : 0,
	};
	return ct_shown_create(&options, ret);
}

static void add_row(struct ct_strbuf *text, const struct ct_activity_snapshot *shot,
		    const struct ct_activity_row *row, const char *name)
{
	char self[CT_DURATION_BYTES], rate[32], calls[32];
	ct_duration_print(self, row->total_self_ns);
	put_rate(rate, sizeof(rate), per_second(shot, row->calls));
	put_rate(calls, sizeof(calls), (double)row->total_calls);
	ct_strbuf_printf(text, "%7.1f %10s %9s %10s  %s", percent(shot, row->self_ns), self, rate,
			 calls, name);
}

static struct ct_error *print_text(const struct ct_activity *activity,
				   const struct ct_activity_snapshot *shot, bool is_first)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	ct_cleanup(ct_shown_cleanup) struct ct_shown *shown = NULL;
	unsigned int columns = ct_page_columns();
	struct ct_error *err = create_shown(activity, columns, &shown);
	if (err)
		return err;
	add_head(&text, shot);
	printf("%s%s\n%s%s%s\n", is_first ? "" : "\n", text.bytes ? text.bytes : "",
	       ct_page_style(CT_STYLE_HEAD), column_heads, ct_page_style(CT_STYLE_PLAIN));
	for (size_t i = 0; i < shot->row_count; i++) {
		text.length = 0;
		add_row(&text, shot, &shot->rows[i],
			ct_shown_name(shown, shot->rows[i].name_number,
				      columns > NAME_COLUMN ? columns - NAME_COLUMN : 0));
		puts(text.bytes ? text.bytes : "");
	}
	return NULL;
}

static void print_json(const struct ct_activity_snapshot *shot)
{
	struct ct_json_writer *writer = ct_page_json();
	writer->filled = false; /* a document of its own */
	ct_json_begin(writer, NULL, '{');
	ct_json_put_bool(writer, "since_beginning", shot->is_first);
	ct_json_put_u64(writer, "interval_ns", shot->interval_ns);
	ct_json_put_u64(writer, "running", shot->running);
	ct_json_put_u64(writer, "ended", shot->ended);
	ct_json_put_u64(writer, "total_threads", shot->threads);
	ct_json_put_u64(writer, "calls", shot->calls);
	ct_json_put_u64(writer, "lost_events", shot->lost_events);
	ct_json_put_u64(writer, "skipped_bytes", shot->skipped_pieces * 1024 * PIECE_KB);
	ct_json_begin(writer, "rows", '[');
	for (size_t i = 0; i < shot->row_count; i++) {
		const struct ct_activity_row *row = &shot->rows[i];
		ct_json_begin(writer, NULL, '{');
		ct_json_put_string(writer, "function", row->name);
		if (row->module[0])
			ct_json_put_string(writer, "module", row->module);
		else
			ct_json_put_null(writer, "module");
		ct_json_put_u64(writer, "self_ns", row->self_ns);
		ct_json_put_u64(writer, "calls", row->calls);
		ct_json_put_u64(writer, "total_self_ns", row->total_self_ns);
		ct_json_put_u64(writer, "total_calls", row->total_calls);
		ct_json_end(writer, '}');
	}
	ct_json_end(writer, ']');
	ct_json_end(writer, '}');
	ct_json_newline(writer->sink, 0);
}

/* ---- without a terminal ---- */

static bool is_all_over(const struct ct_activity_snapshot *shot)
{
	return shot->running == 0 && shot->ended > 0;
}

static void sleep_ns(uint64_t ns)
{
	struct timespec rest = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
	while (nanosleep(&rest, &rest) != 0 && errno == EINTR)
		;
}

/*
 * The first look. What was before is in the sums alone; of a process that is gone
 * there is nothing else. Where nobody looks and nothing begins, there would be
 * tables of nothing for ever: one that has no end is given a second.
 */
static struct ct_error *look_at_first(const struct top_options *options,
				      struct ct_activity *activity, size_t limit,
				      struct ct_activity_snapshot *ret)
{
	enum { LOOKS = 10, BETWEEN_NS = 100000000 };
	for (int i = 0;; i++) {
		struct ct_error *err = ct_activity_look(activity, CT_ACTIVITY_BY_TOTAL_SELF, limit,
							ret);
		if (err || options->count || ret->running || ret->ended)
			return err;
		if (i == LOOKS)
			return ct_error_create("no process has recorded here, and none begins: "
					       "start one with 'calltrace record', or say with "
					       "--count how many tables to wait for");
		sleep_ns(BETWEEN_NS);
	}
}

static struct ct_error *run_batch(const struct top_options *options, struct ct_activity *activity)
{
	struct ct_activity_snapshot shot;
	size_t limit = options->limit ? (size_t)options->limit : 20;
	struct ct_error *err = look_at_first(options, activity, limit, &shot);
	bool is_over = !err && is_all_over(&shot);
	for (uint64_t i = 0;
	     !err && (i == 0 || (!is_over && (!options->count || i < options->count))); i++) {
		if (!is_over) {
			sleep_ns(options->interval_ns);
			err = ct_activity_look(activity, (enum ct_activity_sort)options->sort,
					       limit, &shot);
			is_over = !err && is_all_over(&shot);
		}
		if (err)
			break;
		if (ct_page_is_json())
			print_json(&shot);
		else
			err = print_text(activity, &shot, i == 0);
		if (!err && !ct_page_flush())
			return NULL; /* ct_page_end() says why */
	}
	if (!err && is_over)
		ct_term_say("all processes have ended");
	return err;
}

/* ---- on a terminal ---- */

struct view {
	struct ct_activity *activity;
	struct ct_activity_snapshot shot;
	const struct top_options *options;
	enum ct_activity_sort sort;
	bool is_paused, is_over;
};

static void add_line(struct ct_strbuf *text, const char *style, const char *line, size_t columns)
{
	ct_strbuf_add_string(text, style);
	ct_strbuf_add(text, line, ct_plain_text_head(line, strlen(line), columns));
	ct_strbuf_add_string(text, ct_page_style(CT_STYLE_PLAIN));
	ct_strbuf_add_string(text, "\033[K\n");
}

static struct ct_error *draw(const struct view *view)
{
	enum { HEAD_ROWS = 4 };
	ct_cleanup(ct_shown_cleanup) struct ct_shown *shown = NULL;
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf line = {0};
	unsigned int rows, columns;
	ct_screen_size(&rows, &columns);
	struct ct_error *err = create_shown(view->activity, columns, &shown);
	if (err)
		return err;
	ct_strbuf_add_string(&text, "\033[H");
	ct_strbuf_add_string(&line, "calltrace top: ");
	add_head(&line, &view->shot);
	add_line(&text, "", line.bytes ? line.bytes : "", columns);
	line.length = 0;
	ct_strbuf_printf(&line, "sorted by %s; q quits, s sorts, p %s%s", sort_names[view->sort],
			 view->is_paused ? "goes on" : "pauses",
			 view->is_over	   ? "; ALL HAVE ENDED"
			 : view->is_paused ? "; PAUSED"
					   : "");
	add_line(&text, ct_page_style(CT_STYLE_DIM), line.bytes ? line.bytes : "", columns);
	add_line(&text, "", "", columns);
	add_line(&text, ct_page_style(CT_STYLE_HEAD), column_heads, columns);
	size_t room = rows > HEAD_ROWS + 1 ? rows - HEAD_ROWS - 1 : 0;
	for (size_t i = 0; i < view->shot.row_count && i < room; i++) {
		line.length = 0;
		add_row(&line, &view->shot, &view->shot.rows[i],
			ct_shown_name(shown, view->shot.rows[i].name_number,
				      columns > NAME_COLUMN ? columns - NAME_COLUMN : 0));
		add_line(&text, "", line.bytes ? line.bytes : "", columns);
	}
	ct_strbuf_add_string(&text, "\033[J");
	fwrite(text.bytes, 1, text.length, stdout);
	fflush(stdout);
	return NULL;
}

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static size_t rows_wanted(const struct view *view)
{
	enum { ROWS_MAX = 500 };
	return view->options->limit ? (size_t)view->options->limit : ROWS_MAX;
}

static struct ct_error *look(struct view *view)
{
	struct ct_error *err = ct_activity_look(view->activity, view->sort, rows_wanted(view),
						&view->shot);
	view->is_over = !err && is_all_over(&view->shot);
	return err;
}

/* False: the user wants to quit. */
static bool take_key(struct view *view, int key)
{
	switch (key) {
	case 'q':
	case 'Q':
	case CT_KEY_END:
		return false;
	case 's':
		view->sort = (enum ct_activity_sort)((view->sort + 1) % SORT_COUNT);
		return true;
	case 'p':
	case ' ':
		view->is_paused = !view->is_paused;
		return true;
	default:
		return true;
	}
}

static struct ct_error *run_screen(struct view *view)
{
	const uint64_t long_ns = UINT64_C(60000000000);
	uint64_t next_ns = now_ns() + view->options->interval_ns;
	for (;;) {
		uint64_t now = now_ns();
		struct ct_error *err = NULL;
		/* After the end the last look stays. */
		if (now >= next_ns && !view->is_paused && !view->is_over) {
			err = look(view);
			next_ns = now + view->options->interval_ns;
		}
		if (!err)
			err = draw(view);
		if (err)
			return err;
		now = now_ns();
		uint64_t rest_ns = next_ns > now ? next_ns - now : 0;
		int key = ct_screen_key(view->is_paused || view->is_over ? long_ns : rest_ns);
		if (!take_key(view, key))
			return NULL;
		if (key == 's')
			err = ct_activity_rank(view->activity, view->sort, rows_wanted(view),
					       &view->shot);
		if (err)
			return err;
	}
}

static struct ct_error *run_interactive(const struct top_options *options,
					struct ct_activity *activity)
{
	struct view view = {
		.activity = activity,
		.options = options,
		.sort = (enum ct_activity_sort)options->sort,
	};
	struct ct_error *err = look(&view);
	if (err)
		return err;
	ct_screen_begin();
	err = run_screen(&view);
	ct_screen_end();
	if (ct_screen_signal())
		raise(ct_screen_signal());
	return err;
}

/* ---- the command ---- */

static void activity_cleanup(struct ct_activity **activity)
{
	ct_activity_destroy(*activity);
}

static enum ct_exit run(int argc, char **argv, struct ct_error **err)
{
	enum { LEAST_INTERVAL_NS = 50000000 };
	struct top_options options = {.interval_ns = 1000000000};
	struct ct_page_options page_options = {0};
	const struct ct_option_target targets[] = {{&own_group, &options},
						   {&ct_page_group, &page_options}};
	ct_cleanup(activity_cleanup) struct ct_activity *activity = NULL;
	int operands;
	*err = ct_options_read(argc, argv, targets, 2, false, &operands);
	if (!*err && options.interval_ns < LEAST_INTERVAL_NS)
		*err = ct_error_create("top: --delay is 50ms at least");
	if (*err)
		return CT_EXIT_USAGE;
	*err = ct_activity_create(&activity);
	if (!*err)
		*err = add_all(activity, argv + 1, operands);
	if (*err)
		return CT_EXIT_FAILURE;
	page_options.no_pager = true;
	ct_page_begin(&page_options);
	bool is_interactive = !options.batch && !options.count && !page_options.json &&
			      ct_screen_is_there();
	*err = is_interactive ? run_interactive(&options, activity) : run_batch(&options, activity);
	return ct_page_end(err);
}

const struct ct_command ct_command_top = {
	.name = "top",
	.run = run,
	.summary = "what recorded processes are doing now, function by function",
	.synopsis = "[TRACE | PROCESS]... [OPTION]...",
	.description =
		"Shows the functions of processes that are being recorded, by the time spent in them "
		"and the calls to them since the last look, again and again. Self is the share of a "
		"second that calls of a function had for themselves: more than 100 % when several "
		"threads run it. PROCESS is the id of a process, TRACE a raw trace (.ctrace) or a "
		"folder whose traces are all followed, also those that appear later; without one, " CT_DEFAULT_FOLDER
		" is. On a terminal, q quits, s sorts by another column, p pauses. "
		"It reads on where it stopped; of a trace that is long already, the last 64 to 128 MB "
		"of each thread.",
	.groups = groups,
	.group_count = sizeof(groups) / sizeof(groups[0]),
};
