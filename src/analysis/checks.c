/* SPDX-License-Identifier: MIT */
/* Rules checked: see checks.h. */
#include "analysis/checks.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/call_tree.h"
#include "analysis/profile.h"
#include "base/cleanup.h"
#include "base/duration.h"
#include "base/strbuf.h"

/* Levels of a path that are shown at its beginning, and at its end. */
enum { PATH_ENDS = 8 };

static const char *const names[CT_CHECK_KINDS] = {
	[CT_CHECK_MIN_CALLS] = "min_calls",	  [CT_CHECK_MAX_CALLS] = "max_calls",
	[CT_CHECK_NEVER_CALLED] = "never_called", [CT_CHECK_ONLY_UNDER] = "only_under",
	[CT_CHECK_MAX_MEAN] = "max_mean",	  [CT_CHECK_MAX_P50] = "max_p50",
	[CT_CHECK_MAX_P95] = "max_p95",		  [CT_CHECK_MAX_P99] = "max_p99",
	[CT_CHECK_MAX_MAX] = "max_max",		  [CT_CHECK_MAX_TOTAL] = "max_total",
	[CT_CHECK_MAX_SELF] = "max_self",	  [CT_CHECK_MAX_SLOWDOWN] = "max_slowdown",
};

const char *ct_check_name(enum ct_check_kind kind)
{
	return names[kind];
}

const char *ct_verdict_name(enum ct_verdict verdict)
{
	static const char *const texts[CT_VERDICTS] = {
		[CT_VERDICT_PASSED] = "passed",
		[CT_VERDICT_FAILED] = "failed",
		[CT_VERDICT_UNKNOWN] = "unknown",
		[CT_VERDICT_ERROR] = "error",
	};
	return texts[verdict];
}

/* One reading of the calls. */
struct pass {
	const struct ct_rule *rule; /* whose choice it is */
	const char *outside;	    /* and not below these; NULL: wherever */
	const struct ct_session *session;
	struct ct_selection *selection;
	struct ct_profile *profile;
	struct ct_call_tree *tree; /* NULL: nobody asked */
	struct ct_error *err;	   /* it cannot be done */
};

struct baseline {
	const char *path;
	struct ct_session *session;
	struct ct_error *err;
};

struct checking {
	const struct ct_session *session;
	const struct ct_check_options *options;
	struct ct_checks *checks;
	struct pass *passes;
	size_t pass_count;
	struct baseline *baselines;
	size_t baseline_count;
};

void ct_checks_destroy(struct ct_checks *checks)
{
	if (!checks)
		return;
	for (size_t i = 0; i < checks->count; i++) {
		free(checks->results[i].message);
		free(checks->results[i].path);
	}
	free(checks->results);
	free(checks);
}

static void checks_cleanup(struct ct_checks **checks)
{
	ct_checks_destroy(*checks);
}

static void checking_cleanup(struct checking *checking)
{
	for (size_t i = 0; i < checking->pass_count; i++) {
		ct_selection_destroy(checking->passes[i].selection);
		ct_profile_destroy(checking->passes[i].profile);
		ct_call_tree_destroy(checking->passes[i].tree);
		ct_error_destroy(checking->passes[i].err);
	}
	for (size_t i = 0; i < checking->baseline_count; i++) {
		ct_session_destroy(checking->baselines[i].session);
		ct_error_destroy(checking->baselines[i].err);
	}
	free(checking->passes);
	free(checking->baselines);
}

/* ---- passes ---- */

static bool same_strings(const struct ct_strings *a, const struct ct_strings *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->texts[i], b->texts[i]) != 0)
			return false;
	return true;
}

static bool is_pass(const struct pass *pass, const struct ct_session *session,
		    const struct ct_rule *rule, const char *outside)
{
	return pass->session == session && !pass->outside == !outside &&
	       (!outside || strcmp(pass->outside, outside) == 0) &&
	       same_strings(&pass->rule->threads, &rule->threads) &&
	       same_strings(&pass->rule->processes, &rule->processes) &&
	       same_strings(&pass->rule->inside, &rule->inside) &&
	       same_strings(&pass->rule->outside, &rule->outside) &&
	       same_strings(&pass->rule->where, &rule->where);
}

/* What a rule says takes the place of what the command's options say. */
static void choose(const struct ct_strings *own, const char *const **texts, size_t *count)
{
	if (!own->count)
		return;
	*texts = own->texts;
	*count = own->count;
}

static struct ct_error *read_calls(const struct checking *checking, struct pass *pass)
{
	struct ct_selection_options options = checking->options->selection;
	const struct ct_profile_options profile_options = {
		.by = CT_BY_FUNCTION,
		.progress = checking->options->progress,
	};
	const struct ct_rule *rule = pass->rule;
	choose(&rule->threads, &options.threads, &options.thread_count);
	choose(&rule->processes, &options.processes, &options.process_count);
	choose(&rule->inside, &options.inside, &options.inside_count);
	choose(&rule->outside, &options.outside, &options.outside_count);
	choose(&rule->where, &options.where, &options.where_count);
	ct_cleanup(ct_cleanup_free)
		const char **outside = calloc(options.outside_count + 1, sizeof(*outside));
	if (!outside)
		return ct_error_nomem;
	for (size_t i = 0; i < options.outside_count; i++)
		outside[i] = options.outside[i];
	options.outside = outside;
	if (pass->outside)
		outside[options.outside_count++] = pass->outside;
	struct ct_error *err = ct_selection_create(pass->session, &options, &pass->selection);
	return err ? err
		   : ct_profile_create(pass->session, pass->selection, &profile_options,
				       &pass->profile);
}

/* `*ret` is good until the next one is made. */
static struct ct_error *find_pass(struct checking *checking, const struct ct_session *session,
				  const struct ct_rule *rule, const char *outside,
				  struct pass **ret)
{
	for (size_t i = 0; i < checking->pass_count; i++) {
		*ret = &checking->passes[i];
		if (is_pass(*ret, session, rule, outside))
			return NULL;
	}
	struct pass *passes = reallocarray(checking->passes, checking->pass_count + 1,
					   sizeof(*passes));
	if (!passes)
		return ct_error_nomem;
	checking->passes = passes;
	struct pass *pass = &passes[checking->pass_count++];
	*pass = (struct pass){.rule = rule, .outside = outside, .session = session};
	pass->err = read_calls(checking, pass);
	if (pass->profile && session == checking->session &&
	    pass->profile->lost_events > checking->checks->lost_events)
		checking->checks->lost_events = pass->profile->lost_events;
	*ret = pass;
	return NULL;
}

static struct ct_error *find_baseline(struct checking *checking, const char *path,
				      struct baseline **ret)
{
	for (size_t i = 0; i < checking->baseline_count; i++) {
		*ret = &checking->baselines[i];
		if (strcmp((*ret)->path, path) == 0)
			return NULL;
	}
	struct baseline *baselines = reallocarray(checking->baselines, checking->baseline_count + 1,
						  sizeof(*baselines));
	if (!baselines)
		return ct_error_nomem;
	checking->baselines = baselines;
	*ret = &baselines[checking->baseline_count++];
	**ret = (struct baseline){.path = path};
	(*ret)->err = ct_session_open(&path, 1, 0, checking->options->warn, &(*ret)->session);
	return NULL;
}

/* ---- measuring ---- */

/* The calls of a rule's functions in one pass. */
struct measured {
	struct ct_statistic times;
	bool has_times; /* not recorded with CALLTRACE_CLOCK=none */
};

static void measured_cleanup(struct measured *measured)
{
	ct_statistic_deinit(&measured->times);
}

/* `chosen` by function of the pass's session. */
static struct ct_error *measure(const struct pass *pass, const bool *chosen, struct measured *ret)
{
	ret->has_times = ct_session_has_times(pass->session);
	for (size_t i = 0; pass->profile && i < pass->profile->row_count; i++) {
		const struct ct_profile_row *row = &pass->profile->rows[i];
		if (chosen[row->key] && !ct_statistic_merge(&ret->times, &row->times))
			return ct_error_nomem;
	}
	return NULL;
}

static double time_of(const struct ct_statistic *times, enum ct_check_kind kind)
{
	uint64_t returned = times->calls - times->unfinished;
	switch (kind) {
	case CT_CHECK_MAX_P50:
		return (double)ct_statistic_percentile(times, 50);
	case CT_CHECK_MAX_P95:
		return (double)ct_statistic_percentile(times, 95);
	case CT_CHECK_MAX_P99:
		return (double)ct_statistic_percentile(times, 99);
	case CT_CHECK_MAX_MAX:
		return (double)times->max_ns;
	case CT_CHECK_MAX_TOTAL:
		return (double)times->total_ns;
	case CT_CHECK_MAX_SELF:
		return (double)times->self_ns;
	default:
		return returned ? (double)times->sum_ns / (double)returned : 0;
	}
}

/* Of single calls, which some that did not return have none of. */
static bool is_of_calls(enum ct_check_kind kind)
{
	return kind >= CT_CHECK_MAX_MEAN && kind <= CT_CHECK_MAX_MAX;
}

/* ---- paths ---- */

static void add_level(struct ct_strbuf *text, const struct ct_session *session, uint32_t key)
{
	if (text->length)
		ct_strbuf_add_string(text, " > ");
	ct_strbuf_add_string(text, session->functions[key].name);
}

static struct ct_error *describe_path(const struct pass *pass, uint32_t node, char **ret)
{
	const struct ct_call_node *nodes = pass->tree->nodes;
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	uint32_t levels = 0;
	for (uint32_t at = node; at; at = nodes[at].parent)
		levels++;
	ct_cleanup(ct_cleanup_free) uint32_t *keys = calloc((size_t)levels + 1, sizeof(*keys));
	if (!keys)
		return ct_error_nomem;
	for (uint32_t at = node, i = levels; at; at = nodes[at].parent)
		keys[--i] = nodes[at].key;
	for (uint32_t i = 0; i < levels; i++) {
		if (levels > 2 * PATH_ENDS && i == PATH_ENDS) {
			ct_strbuf_printf(&text, " > (%u more)", levels - 2 * PATH_ENDS);
			i = levels - PATH_ENDS;
		}
		add_level(&text, pass->session, keys[i]);
	}
	if (text.failed)
		return ct_error_nomem;
	*ret = text.bytes;
	text = (struct ct_strbuf){0};
	return NULL;
}

/* The path on which most of what was measured happened. */
static struct ct_error *add_path(const struct checking *checking, struct pass *pass,
				 const bool *chosen, struct ct_check_result *result)
{
	const struct ct_call_tree_options options = {.progress = checking->options->progress};
	struct ct_error *err = NULL;
	if (!pass->tree)
		err = ct_call_tree_create(pass->session, pass->selection, &options, &pass->tree);
	if (err)
		return err;
	uint32_t best = 0;
	uint64_t most = 0;
	for (uint32_t i = 1; i < pass->tree->node_count; i++) {
		const struct ct_call_node *node = &pass->tree->nodes[i];
		uint64_t size = result->kind < CT_CHECK_MAX_MEAN    ? node->calls
				: result->kind == CT_CHECK_MAX_SELF ? node->self_ns
								    : node->total_ns;
		if (!chosen[node->key] || (best && size <= most))
			continue;
		best = i;
		most = size;
	}
	if (!best)
		return NULL;
	result->path_calls = pass->tree->nodes[best].calls;
	result->path_ns = pass->tree->nodes[best].total_ns;
	return describe_path(pass, best, &result->path);
}

/* ---- verdicts ---- */

static void conclude(struct ct_check_result *result, enum ct_verdict verdict, const char *format,
		     ...) __attribute__((format(printf, 3, 4)));
static void conclude(struct ct_check_result *result, enum ct_verdict verdict, const char *format,
		     ...)
{
	va_list arguments;
	va_start(arguments, format);
	if (vasprintf(&result->message, format, arguments) < 0)
		result->message = NULL; /* found out at the end */
	va_end(arguments);
	result->verdict = verdict;
}

static enum ct_verdict passed_if(bool is_kept)
{
	return is_kept ? CT_VERDICT_PASSED : CT_VERDICT_FAILED;
}

static const char *calls_word(uint64_t calls)
{
	return calls == 1 ? "call" : "calls";
}

static void judge_calls(struct ct_check_result *result, uint64_t calls)
{
	uint64_t limit = result->rule->limits[result->kind];
	result->is_measured = true;
	result->measured = (double)calls;
	result->limit = (double)limit;
	if (result->kind == CT_CHECK_NEVER_CALLED)
		conclude(result, passed_if(calls == 0), "%" PRIu64 " %s", calls, calls_word(calls));
	else if (result->kind == CT_CHECK_MIN_CALLS)
		conclude(result, passed_if(calls >= limit), "%" PRIu64 " %s, at least %" PRIu64,
			 calls, calls_word(calls), limit);
	else
		conclude(result, passed_if(calls <= limit), "%" PRIu64 " %s, at most %" PRIu64,
			 calls, calls_word(calls), limit);
}

/* True: there is no time to judge, which was told. */
static bool lacks_times(struct ct_check_result *result, const struct measured *measured,
			enum ct_check_kind kind, const char *where)
{
	const struct ct_statistic *times = &measured->times;
	if (!measured->has_times)
		conclude(result, CT_VERDICT_ERROR, "%s was recorded without times", where);
	else if (is_of_calls(kind) && times->calls == times->unfinished)
		conclude(result, CT_VERDICT_FAILED, "none of %" PRIu64 " %s in %s returned",
			 times->calls, calls_word(times->calls), where);
	else
		return false;
	return true;
}

static void judge_time(struct ct_check_result *result, const struct measured *measured)
{
	char found[CT_DURATION_BYTES], limit[CT_DURATION_BYTES];
	uint64_t most = result->rule->limits[result->kind];
	if (lacks_times(result, measured, result->kind, "the trace"))
		return;
	result->is_measured = true;
	result->measured = time_of(&measured->times, result->kind);
	result->limit = (double)most;
	ct_duration_print(found, (uint64_t)(result->measured + 0.5));
	ct_duration_print(limit, most);
	conclude(result, passed_if(result->measured <= (double)most), "%s, at most %s", found,
		 limit);
}

static struct ct_error *judge_slowdown(struct checking *checking, struct ct_check_result *result,
				       const struct measured *now)
{
	const struct ct_rule *rule = result->rule;
	char was_text[CT_DURATION_BYTES], is_text[CT_DURATION_BYTES];
	ct_cleanup(measured_cleanup) struct measured before = {0};
	struct baseline *baseline = NULL;
	struct pass *pass;
	ct_cleanup(ct_unfit_deinit) struct ct_unfit unfit = {0};
	struct ct_error *err = find_baseline(checking, rule->baseline, &baseline);
	if (err || !baseline)
		return err;
	if (baseline->err) {
		conclude(result, CT_VERDICT_ERROR, "baseline: %s", baseline->err->message);
		return NULL;
	}
	ct_cleanup(ct_cleanup_free) bool *chosen =
		calloc((size_t)baseline->session->function_count + 1, sizeof(*chosen));
	if (!chosen)
		return ct_error_nomem;
	err = ct_selection_find(baseline->session, "function", rule->function, chosen, &unfit);
	if (!err)
		err = find_pass(checking, baseline->session, rule, NULL, &pass);
	if (!err && pass->err && !rule->allows_missing) {
		conclude(result, CT_VERDICT_ERROR, "baseline: %s", pass->err->message);
		return NULL;
	}
	if (!err && !pass->err)
		err = measure(pass, chosen, &before);
	if (err)
		return err;
	if (before.times.calls == 0) {
		conclude(result, passed_if(rule->allows_missing),
			 "there are no calls in the baseline '%s'", rule->baseline);
		return NULL;
	}
	enum ct_check_kind kind = rule->slowdown_measure;
	if (lacks_times(result, now, kind, "the trace") ||
	    lacks_times(result, &before, kind, "the baseline"))
		return NULL;
	double was = time_of(&before.times, kind), is = time_of(&now->times, kind);
	result->is_measured = true;
	result->measured = was > 0 ? 100 * (is - was) / was : is > 0 ? 1e9 : 0;
	result->limit = 100 * rule->most_slowdown;
	ct_duration_print(was_text, (uint64_t)(was + 0.5));
	ct_duration_print(is_text, (uint64_t)(is + 0.5));
	conclude(result, passed_if(result->measured <= result->limit),
		 "%s %s, %+.1f %% from %s, at most %+g %%", names[kind] + strlen("max_"), is_text,
		 result->measured, was_text, result->limit);
	return NULL;
}

/* ---- rules ---- */

/* Calls of the functions that are not below those of `only_under`. */
static struct ct_error *judge_place(struct checking *checking, struct ct_check_result *result,
				    const bool *chosen, struct pass **pass)
{
	const struct ct_rule *rule = result->rule;
	ct_cleanup(measured_cleanup) struct measured measured = {0};
	ct_cleanup(ct_cleanup_free) bool *above =
		calloc((size_t)checking->session->function_count + 1, sizeof(*above));
	ct_cleanup(ct_unfit_deinit) struct ct_unfit unfit = {0};
	if (!above)
		return ct_error_nomem;
	struct ct_error *err = ct_selection_find(checking->session, "only_under", rule->only_under,
						 above, &unfit);
	if (!err && unfit.text) {
		conclude(result, CT_VERDICT_ERROR, "no function that was called is meant by %s",
			 unfit.text);
		return NULL;
	}
	if (!err)
		err = find_pass(checking, checking->session, rule, rule->only_under, pass);
	if (!err && (*pass)->err) {
		conclude(result, CT_VERDICT_ERROR, "%s", (*pass)->err->message);
		return NULL;
	}
	if (!err)
		err = measure(*pass, chosen, &measured);
	if (err)
		return err;
	uint64_t calls = measured.times.calls;
	result->is_measured = true;
	result->measured = (double)calls;
	conclude(result, passed_if(calls == 0), "%" PRIu64 " %s not under '%s'", calls,
		 calls_word(calls), rule->only_under);
	return NULL;
}

static struct ct_error *judge(struct checking *checking, struct ct_check_result *result,
			      const struct measured *measured, const bool *chosen,
			      struct pass **pass)
{
	const struct ct_rule *rule = result->rule;
	enum ct_check_kind kind = result->kind;
	if (kind == CT_CHECK_MIN_CALLS || kind == CT_CHECK_NEVER_CALLED) {
		judge_calls(result, measured->times.calls);
		return NULL;
	}
	if (measured->times.calls == 0) {
		conclude(result, passed_if(rule->allows_missing), "there are no calls of '%s'%s",
			 rule->function,
			 rule->allows_missing ? "" : " (allow_missing = true accepts that)");
		return NULL;
	}
	if (kind == CT_CHECK_MAX_CALLS) {
		judge_calls(result, measured->times.calls);
		return NULL;
	}
	if (kind == CT_CHECK_ONLY_UNDER)
		return judge_place(checking, result, chosen, pass);
	if (kind == CT_CHECK_MAX_SLOWDOWN)
		return judge_slowdown(checking, result, measured);
	judge_time(result, measured);
	return NULL;
}

/* Is the rule kept where its choice of calls is none? An option's name is in the error. */
static bool accepts_no_choice(const struct ct_rule *rule, enum ct_check_kind kind,
			      const struct ct_error *err)
{
	if (strncmp(err->message, "--outside", strlen("--outside")) == 0)
		return false; /* this leaves all calls */
	return rule->allows_missing ||
	       (kind == CT_CHECK_NEVER_CALLED &&
		rule->inside.count + rule->outside.count + rule->where.count == 0);
}

/* Judged by the pass that has the rule's choice of calls. */
static struct ct_error *judge_pass(struct checking *checking, struct ct_check_result *result,
				   const bool *chosen, const struct ct_unfit *unfit,
				   struct pass **pass)
{
	const struct ct_rule *rule = result->rule;
	ct_cleanup(measured_cleanup) struct measured measured = {0};
	if (unfit->text && result->kind != CT_CHECK_NEVER_CALLED && !rule->allows_missing) {
		conclude(result, CT_VERDICT_ERROR, "no function that was called is meant by %s%s",
			 unfit->text,
			 result->kind == CT_CHECK_MIN_CALLS
				 ? ""
				 : " (allow_missing = true accepts that)");
		return NULL;
	}
	if ((*pass)->err) {
		conclude(result,
			 accepts_no_choice(rule, result->kind, (*pass)->err) ? CT_VERDICT_PASSED
									     : CT_VERDICT_ERROR,
			 "%s", (*pass)->err->message);
		return NULL;
	}
	struct ct_error *err = measure(*pass, chosen, &measured);
	if (err)
		return err;
	if (result->kind == CT_CHECK_NEVER_CALLED && unfit->has_hint && measured.times.calls == 0) {
		result->has_hint = true;
		result->is_measured = true;
		conclude(result, CT_VERDICT_PASSED, "0 calls; no function is meant by %s",
			 unfit->text);
		return NULL;
	}
	return judge(checking, result, &measured, chosen, pass);
}

static struct ct_error *check_one(struct checking *checking, const struct ct_rule *rule,
				  enum ct_check_kind kind, const bool *chosen,
				  const struct ct_unfit *unfit)
{
	struct ct_check_result *result = &checking->checks->results[checking->checks->count++];
	struct pass *pass = NULL;
	*result = (struct ct_check_result){.rule = rule, .kind = kind};
	struct ct_error *err = find_pass(checking, checking->session, rule, NULL, &pass);
	if (err || !pass)
		return err;
	err = judge_pass(checking, result, chosen, unfit, &pass);
	/* Making passes may have moved this one. */
	if (!err && kind != CT_CHECK_ONLY_UNDER)
		err = find_pass(checking, checking->session, rule, NULL, &pass);
	if (!err && pass && result->verdict == CT_VERDICT_FAILED && !pass->err)
		err = add_path(checking, pass, chosen, result);
	return err || result->message ? err : ct_error_nomem;
}

static struct ct_error *check_rule(struct checking *checking, const struct ct_rule *rule)
{
	ct_cleanup(ct_cleanup_free) bool *chosen =
		calloc((size_t)checking->session->function_count + 1, sizeof(*chosen));
	ct_cleanup(ct_unfit_deinit) struct ct_unfit unfit = {0};
	if (!chosen)
		return ct_error_nomem;
	struct ct_error *err = ct_selection_find(checking->session, "function", rule->function,
						 chosen, &unfit);
	for (int kind = 0; kind < CT_CHECK_KINDS && !err; kind++)
		if (rule->has[kind])
			err = check_one(checking, rule, kind, chosen, &unfit);
	return err;
}

/* ---- what is missing ---- */

static bool is_damaged(const struct ct_session *session)
{
	uint64_t bytes;
	bool ret = session->unread_count > 0;
	for (size_t i = 0; i < session->input_count && !ret; i++)
		ret = ct_trace_damage(session->inputs[i].trace) > 0 ||
		      ct_trace_left_out(session->inputs[i].trace, &bytes) > 0;
	return ret;
}

static bool is_incomplete(const struct checking *checking, const struct ct_session *session)
{
	bool ret = is_damaged(session);
	for (size_t i = 0; i < checking->pass_count && !ret; i++)
		ret = checking->passes[i].session == session && checking->passes[i].profile &&
		      checking->passes[i].profile->lost_events > 0;
	return ret;
}

static const struct ct_session *baseline_of(const struct checking *checking,
					    const struct ct_check_result *result)
{
	for (size_t i = 0; i < checking->baseline_count; i++)
		if (result->kind == CT_CHECK_MAX_SLOWDOWN &&
		    strcmp(checking->baselines[i].path, result->rule->baseline) == 0)
			return checking->baselines[i].session;
	return NULL;
}

/* More calls would only break a bound that is kept, or keep one from below. */
static bool hangs_on_the_missing(const struct ct_check_result *result)
{
	return result->verdict ==
	       (result->kind == CT_CHECK_MIN_CALLS ? CT_VERDICT_FAILED : CT_VERDICT_PASSED);
}

/* Most damage shows only when calls are read: asked when all were. */
static struct ct_error *doubt(const struct checking *checking, struct ct_check_result *result)
{
	const struct ct_session *baseline = baseline_of(checking, result);
	const char *where = is_incomplete(checking, checking->session)	    ? "traces"
			    : baseline && is_incomplete(checking, baseline) ? "baseline"
									    : NULL;
	char *message = NULL;
	if (!where || !hangs_on_the_missing(result))
		return NULL;
	if (asprintf(&message, "%s: unknown, as calls are missing in the %s", result->message,
		     where) < 0)
		return ct_error_nomem;
	free(result->message);
	free(result->path);
	result->message = message;
	result->path = NULL;
	result->verdict = CT_VERDICT_UNKNOWN;
	return NULL;
}

struct ct_error *ct_checks_run(const struct ct_session *session,
			       const struct ct_check_options *options, struct ct_checks **ret)
{
	ct_cleanup(checks_cleanup) struct ct_checks *checks = calloc(1, sizeof(*checks));
	ct_cleanup(checking_cleanup) struct checking checking = {
		.session = session,
		.options = options,
		.checks = checks,
	};
	struct ct_error *err = NULL;
	if (!checks)
		return ct_error_nomem;
	checks->results = calloc(options->rule_count * CT_CHECK_KINDS + 1,
				 sizeof(*checks->results));
	if (!checks->results)
		return ct_error_nomem;
	for (size_t i = 0; i < options->rule_count && !err; i++)
		err = check_rule(&checking, &options->rules[i]);
	for (size_t i = 0; i < checks->count && !err; i++) {
		err = doubt(&checking, &checks->results[i]);
		checks->verdicts[checks->results[i].verdict]++;
	}
	if (err)
		return err;
	*ret = ct_take(checks);
	return NULL;
}
