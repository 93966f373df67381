/* SPDX-License-Identifier: MIT */
/* calltrace check: do the calls keep to the rules? */
#include "cli/command.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/checks.h"
#include "base/cleanup.h"
#include "base/duration.h"
#include "base/plain_text.h"
#include "base/strbuf.h"
#include "cli/junit.h"
#include "cli/rules.h"
#include "cli/term.h"
#include "cli/view.h"

struct check_options {
	bool all;
	const char *junit;
};
static const struct ct_option options_table[] = {
	{.kind = CT_OPTION_FLAG,
	 .letter = 'a',
	 .name = "all",
	 .help = "tell of rules that are kept, too",
	 .offset = offsetof(struct check_options, all)},
	{.kind = CT_OPTION_TEXT,
	 .name = "junit",
	 .value = "FILE",
	 .choices = "file",
	 .help = "also write the results as JUnit XML",
	 .offset = offsetof(struct check_options, junit)},
};
static const struct ct_option_group own_group = {
	.options = options_table,
	.count = sizeof(options_table) / sizeof(options_table[0]),
};
static const struct ct_option_group *const groups[] = {&own_group, &ct_input_group, &ct_page_group};

/* ---- printing ---- */

enum { INDENT = 8 };

/* Names of any bytes are in it. On a terminal, in lines of its width. */
static void print_indented(const struct ct_strbuf *text, const char *style)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf plain = {0};
	ct_plain_text_add(&plain, text->bytes ? text->bytes : "", text->length);
	fputs(style, stdout);
	ct_options_wrap(stdout, plain.bytes ? plain.bytes : "", INDENT, INDENT,
			ct_page_cuts_names() ? ct_page_columns() - 1 : UINT_MAX);
	fputs(style[0] ? ct_page_style(CT_STYLE_PLAIN) : "", stdout);
}

static void print_mark(enum ct_verdict verdict)
{
	static const char *const marks[CT_VERDICTS] = {
		[CT_VERDICT_PASSED] = "ok",
		[CT_VERDICT_FAILED] = "FAILED",
		[CT_VERDICT_UNKNOWN] = "unknown",
		[CT_VERDICT_ERROR] = "ERROR",
	};
	printf("%s%-*s%s ",
	       ct_page_style(verdict == CT_VERDICT_PASSED ? CT_STYLE_GOOD : CT_STYLE_BAD),
	       INDENT - 1, marks[verdict], ct_page_style(CT_STYLE_PLAIN));
}

static void print_result(const struct ct_check_result *result)
{
	char ns[CT_DURATION_BYTES];
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	print_mark(result->verdict);
	ct_strbuf_printf(&text, "%s: %s: %s", result->rule->name, ct_check_name(result->kind),
			 result->message);
	print_indented(&text, "");
	if (!result->path)
		return;
	text.length = 0;
	ct_duration_print(ns, result->path_ns);
	ct_strbuf_printf(&text, "%s  (%" PRIu64 " call%s%s%s)", result->path, result->path_calls,
			 result->path_calls == 1 ? "" : "s", result->path_ns ? ", " : "",
			 result->path_ns ? ns : "");
	printf("%*s", INDENT, "");
	print_indented(&text, ct_page_style(CT_STYLE_NAME));
}

static const char *unit_of(enum ct_check_kind kind)
{
	return kind < CT_CHECK_MAX_MEAN	       ? "calls"
	       : kind == CT_CHECK_MAX_SLOWDOWN ? "percent"
					       : "ns";
}

static void put_number(struct ct_json_writer *writer, const char *key, bool is_there, double number)
{
	if (is_there)
		ct_json_put_real(writer, key, number);
	else
		ct_json_put_null(writer, key);
}

static void put_result(struct ct_json_writer *writer, const struct ct_check_result *result)
{
	bool has_limit = result->kind != CT_CHECK_ONLY_UNDER;
	ct_json_begin(writer, NULL, '{');
	ct_json_put_string(writer, "rule", result->rule->name);
	ct_json_put_string(writer, "check", ct_check_name(result->kind));
	ct_json_put_bool(writer, "passed", result->verdict == CT_VERDICT_PASSED);
	ct_json_put_string(writer, "verdict", ct_verdict_name(result->verdict));
	ct_json_put_string(writer, "function", result->rule->function);
	put_number(writer, "measured", result->is_measured, result->measured);
	put_number(writer, "limit", result->is_measured && has_limit, result->limit);
	ct_json_put_string(writer, "unit", unit_of(result->kind));
	ct_json_put_string(writer, "message", result->message);
	if (result->path) {
		ct_json_put_string(writer, "call_path", result->path);
		ct_json_put_u64(writer, "call_path_calls", result->path_calls);
		ct_json_put_u64(writer, "call_path_total_ns", result->path_ns);
	} else {
		ct_json_put_null(writer, "call_path");
	}
	ct_json_end(writer, '}');
}

static void print_unread(const struct ct_unread *unread)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	print_mark(CT_VERDICT_ERROR);
	ct_strbuf_add_string(&text, unread->message);
	print_indented(&text, "");
}

static void put_unread(struct ct_json_writer *writer, const struct ct_session *session)
{
	ct_json_begin(writer, "unread_traces", '[');
	for (size_t i = 0; i < session->unread_count; i++) {
		ct_json_begin(writer, NULL, '{');
		ct_json_put_string(writer, "trace", session->unread[i].path);
		ct_json_put_string(writer, "message", session->unread[i].message);
		ct_json_end(writer, '}');
	}
	ct_json_end(writer, ']');
}

static void print_summary(const struct ct_session *session, const struct ct_checks *checks)
{
	const char *plural = checks->count == 1 ? "" : "s";
	const size_t *verdicts = checks->verdicts;
	if (verdicts[CT_VERDICT_FAILED])
		printf("%zu of %zu check%s failed", verdicts[CT_VERDICT_FAILED], checks->count,
		       plural);
	else if (verdicts[CT_VERDICT_PASSED] < checks->count)
		printf("%zu of %zu check%s passed", verdicts[CT_VERDICT_PASSED], checks->count,
		       plural);
	else
		printf("%zu check%s, all passed", checks->count, plural);
	if (verdicts[CT_VERDICT_UNKNOWN])
		printf("; %zu unknown, as calls are missing", verdicts[CT_VERDICT_UNKNOWN]);
	if (verdicts[CT_VERDICT_ERROR])
		printf("; %zu could not be judged", verdicts[CT_VERDICT_ERROR]);
	if (session->unread_count)
		printf("; %zu trace%s could not be read", session->unread_count,
		       session->unread_count == 1 ? "" : "s");
	putchar('\n');
}

static void print_results(const struct check_options *options, const struct ct_session *session,
			  const struct ct_checks *checks)
{
	struct ct_json_writer *writer = ct_page_json();
	if (ct_page_is_json()) {
		ct_json_begin(writer, NULL, '{');
		ct_json_put_u64(writer, "checks", checks->count);
		ct_json_put_u64(writer, "failed", checks->verdicts[CT_VERDICT_FAILED]);
		ct_json_put_u64(writer, "unknown", checks->verdicts[CT_VERDICT_UNKNOWN]);
		ct_json_put_u64(writer, "errors", checks->verdicts[CT_VERDICT_ERROR]);
		ct_json_put_u64(writer, "lost_events", checks->lost_events);
		put_unread(writer, session);
		ct_json_begin(writer, "results", '[');
		for (size_t i = 0; i < checks->count; i++)
			put_result(writer, &checks->results[i]);
		ct_json_end(writer, ']');
		ct_json_end(writer, '}');
		ct_json_newline(writer->sink, 0);
		return;
	}
	for (size_t i = 0; i < checks->count; i++)
		if (checks->results[i].verdict != CT_VERDICT_PASSED ||
		    checks->results[i].has_hint || options->all)
			print_result(&checks->results[i]);
	for (size_t i = 0; i < session->unread_count; i++)
		print_unread(&session->unread[i]);
	print_summary(session, checks);
}

/* ---- the command ---- */

static void checks_cleanup(struct ct_checks **checks)
{
	ct_checks_destroy(*checks);
}

/* The file's name without its folders. */
static const char *suite_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

struct checking {
	struct check_options options;
	const char *path;
	struct ct_rules *rules;
	bool failed, is_in_error, is_unknown;
	bool has_junit; /* written, or it could not be */
};

static struct ct_error *check(void *state, const struct ct_view *view)
{
	struct checking *checking = state;
	ct_cleanup(checks_cleanup) struct ct_checks *checks = NULL;
	/* The selection is made again for rules with a choice of their own. */
	struct ct_check_options check_options = {
		.selection = ct_inputs_selection(&view->inputs),
		.warn = ct_term_warn,
		.progress = ct_term_progress,
	};
	check_options.rules = ct_rules_all(checking->rules, &check_options.rule_count);
	struct ct_error *err = ct_checks_run(view->session, &check_options, &checks);
	ct_term_clear();
	checking->has_junit = !err;
	if (!err && checking->options.junit)
		err = ct_junit_write(checking->options.junit, suite_name(checking->path),
				     view->session, checks);
	if (err)
		return err;
	print_results(&checking->options, view->session, checks);
	ct_view_tell_lost(checks->lost_events);
	checking->failed = checks->verdicts[CT_VERDICT_FAILED] > 0;
	checking->is_unknown = checks->verdicts[CT_VERDICT_UNKNOWN] > 0;
	checking->is_in_error = checks->verdicts[CT_VERDICT_ERROR] > 0;
	return NULL;
}

static void checking_deinit(struct checking *checking)
{
	ct_rules_destroy(checking->rules);
}

/* Who reads the XML is to see why there are no results. */
static void write_failure(const struct checking *checking, const struct ct_error *why)
{
	if (!checking->options.junit || checking->has_junit || !checking->path)
		return;
	ct_error_destroy(ct_junit_write_error(checking->options.junit, suite_name(checking->path),
					      why->message));
}

static enum ct_exit status_of(const struct checking *checking, enum ct_exit status)
{
	if (status == CT_EXIT_FAILURE || (status == CT_EXIT_OK && checking->is_in_error))
		return CT_EXIT_TROUBLE;
	if (status == CT_EXIT_OK && checking->failed)
		return CT_EXIT_FAILURE;
	return status == CT_EXIT_OK && checking->is_unknown ? CT_EXIT_DAMAGED : status;
}

static enum ct_exit run(int argc, char **argv, struct ct_error **err)
{
	ct_cleanup(checking_deinit) struct checking checking = {0};
	struct ct_view view = {0};
	enum ct_exit status = CT_EXIT_USAGE;
	int operands;
	*err = ct_view_read(&view, argc, argv, &own_group, &checking.options, &operands);
	if (!*err && operands == 0)
		*err = ct_error_create("check: which rules? 'calltrace help check' says more");
	if (*err)
		return status;
	checking.path = argv[1];
	*err = ct_rules_read(checking.path, &checking.rules);
	if (!*err)
		status = ct_view_show(&view, argv + 2, operands - 1, check, &checking, err);
	if (*err)
		write_failure(&checking, *err);
	return status_of(&checking, status);
}

const struct ct_command ct_command_check = {
	.name = "check",
	.run = run,
	.summary = "rules for calls and times, for continuous integration",
	.synopsis = "RULES.toml [TRACE]... [OPTION]...",
	.description =
		"Tells which rules the calls of traces break, by how much and on which path. TRACE "
		"is a raw trace (.ctrace), a "
		"packed one (.ctpack) or a folder with raw ones; without one, " CT_DEFAULT_FOLDER
		" is read. RULES.toml has tables such as\n"
		"\n"
		"[[rule]]\n"
		"function = \"parse*\"\n"
		"max_calls = 1000\n"
		"max_p99 = \"10ms\"\n"
		"\n"
		"with function, a pattern or an array of some, whose calls are taken together; any "
		"of min_calls, max_calls, never_called = true, only_under = PATTERN, max_mean, "
		"max_p50, max_p95, max_p99, max_max, max_total, max_self, and max_slowdown = "
		"\"10%\" against baseline = \"old.ctrace\", of the mean or what slowdown_of says; "
		"and name, thread, process, inside, outside, where as the options are, allow_missing "
		"= true where there may be no calls.",
	.exit_status =
		"0 when all rules are kept; 1 when one is broken; 2 after a failure, and when a "
		"rule or an argument makes no sense or a rule cannot be judged; 3 when none is "
		"broken, but a trace is damaged, lost calls, or is one of several that cannot be "
		"read.",
	.groups = groups,
	.group_count = sizeof(groups) / sizeof(groups[0]),
};
