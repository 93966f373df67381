/* SPDX-License-Identifier: MIT */
/* Which calls are looked at: see selection.h. */
#include "analysis/selection.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/pattern.h"
#include "base/strbuf.h"

void ct_selection_destroy(struct ct_selection *selection)
{
	if (!selection)
		return;
	for (size_t i = 0; i < selection->condition_count; i++)
		ct_condition_destroy(selection->conditions[i].condition);
	for (size_t i = 0; selection->values && i < selection->input_count; i++)
		ct_values_destroy(selection->values[i]);
	free(selection->values);
	free(selection->function_conditions);
	free(selection->function_flags);
	free(selection->streams);
	free(selection);
}

static void selection_cleanup(struct ct_selection **selection)
{
	ct_selection_destroy(*selection);
}

static void patterns_cleanup(struct ct_patterns **patterns)
{
	ct_patterns_destroy(*patterns);
}

/* ---- functions ---- */

static bool matches(const struct ct_patterns *patterns, const struct ct_function *function,
		    unsigned char *hits)
{
	const struct ct_pattern_subject subject = {
		.linkage_name = function->linkage_name[0] ? function->linkage_name : function->name,
		.whole_name = function->linkage_name[0] ? function->name : NULL,
		.module = function->module[0] ? function->module : NULL,
		.source = function->source[0] ? function->source : NULL,
	};
	return ct_patterns_match_all(patterns, &subject, hits);
}

void ct_unfit_deinit(struct ct_unfit *unfit)
{
	free(unfit->text);
	*unfit = (struct ct_unfit){0};
}

/* Is there a function with this name in a namespace or class? */
static bool is_qualified_somewhere(const struct ct_session *session, const char *name)
{
	size_t length = strlen(name);
	for (uint32_t i = 0; i < session->function_count; i++) {
		/* Most have it nowhere in theirs. */
		if (!strstr(session->functions[i].name, name))
			continue;
		ct_cleanup(ct_cleanup_free) char *own =
			ct_pattern_short_name(session->functions[i].name);
		size_t own_length = own ? strlen(own) : 0;
		if (own_length > length + 2 && strcmp(own + own_length - length, name) == 0 &&
		    memcmp(own + own_length - length - 2, "::", 2) == 0)
			return true;
	}
	return false;
}

static struct ct_error *list_unfit(const struct ct_session *session,
				   const struct ct_patterns *patterns, const unsigned char *hits,
				   struct ct_unfit *ret)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	for (size_t i = 0; i < ct_patterns_count(patterns); i++) {
		const char *pattern = ct_patterns_text(patterns, i);
		if (hits[i])
			continue;
		ct_strbuf_printf(&text, "%s'%s'", text.length ? ", " : "", pattern);
		if (strpbrk(pattern, ":*?[/") || !is_qualified_somewhere(session, pattern))
			continue;
		ct_strbuf_printf(&text, " (did you mean '*::%s'?)", pattern);
		ret->has_hint = true;
	}
	if (text.failed)
		return ct_error_nomem;
	ret->text = ct_take(text.bytes);
	return NULL;
}

struct ct_error *ct_selection_find(const struct ct_session *session, const char *option,
				   const char *text, bool *ret, struct ct_unfit *ret_unfit)
{
	ct_cleanup(patterns_cleanup) struct ct_patterns *patterns = NULL;
	struct ct_error *err = ct_patterns_create(text, &patterns);
	if (err)
		return ct_error_usage(ct_error_wrap(err, "%s", option));
	ct_cleanup(ct_cleanup_free) unsigned char *hits = calloc(ct_patterns_count(patterns) + 1,
								 1);
	if (!hits)
		return ct_error_nomem;
	for (uint32_t i = 0; i < session->function_count; i++)
		ret[i] = matches(patterns, &session->functions[i], hits);
	return list_unfit(session, patterns, hits, ret_unfit);
}

static bool is_condition(const char *text)
{
	struct ct_condition *condition = NULL;
	struct ct_error *err = ct_condition_parse(text, &condition);
	bool ret = !err;
	ct_error_destroy(err);
	ct_condition_destroy(condition);
	return ret;
}

struct ct_error *ct_selection_match(const struct ct_session *session, const char *option,
				    const char *text, bool *ret)
{
	ct_cleanup(ct_unfit_deinit) struct ct_unfit unfit = {0};
	struct ct_error *err = ct_selection_find(session, option, text, ret, &unfit);
	if (err || !unfit.text)
		return err;
	if (is_condition(text))
		return ct_error_usage(ct_error_create("%s: '%s' is a condition: those belong to "
						      "--where, --inside and --outside",
						      option, text));
	return ct_error_create("%s: no function that was called is meant by %s", option,
			       unfit.text);
}

/* Set and clear flags of the functions that one of the lists of patterns means. */
static struct ct_error *mark(const struct ct_session *session, struct ct_selection *selection,
			     const char *option, const char *const *texts, size_t count,
			     uint8_t set, uint8_t clear)
{
	ct_cleanup(ct_cleanup_free) bool *meant = calloc((size_t)session->function_count + 1,
							 sizeof(*meant));
	if (!meant)
		return ct_error_nomem;
	for (size_t i = 0; i < count; i++) {
		struct ct_error *err = ct_selection_match(session, option, texts[i], meant);
		if (err)
			return err;
		for (uint32_t j = 0; j < session->function_count; j++) {
			if (!meant[j])
				continue;
			selection->function_flags[j] |= set;
			selection->function_flags[j] &= (uint8_t)~clear;
		}
	}
	return NULL;
}

/* ---- conditions ---- */

/* How far a condition got with what was captured. */
struct found {
	bool is_plan;
	bool is_place[CT_TERMS_MAX], is_known[CT_TERMS_MAX]; /* can be compared; is there */
};

static bool is_meant_site(const struct ct_input *input, uint32_t site, const bool *meant)
{
	return site != 0 && meant[ct_session_function(input, site)];
}

static void look_for(const struct ct_session *session, const struct ct_selection *selection,
		     const struct ct_condition *condition, const bool *meant, struct found *ret)
{
	for (size_t i = 0; i < session->input_count; i++) {
		const struct ct_values *values = selection->values[i];
		uint32_t sites = ct_trace_site_count(session->inputs[i].trace);
		for (uint32_t site = 1; values && site <= sites; site++) {
			if (!is_meant_site(&session->inputs[i], site, meant) ||
			    !ct_values_has_plan(values, site))
				continue;
			ret->is_plan = true;
			for (size_t j = 0; j < condition->term_count; j++) {
				const struct ct_value_place *place = &condition->terms[j].place;
				ret->is_known[j] |= ct_values_has_place(values, site, place, false);
				ret->is_place[j] |= ct_values_has_place(
					values, site, place,
					condition->terms[j].literal == CT_LITERAL_TEXT);
			}
		}
	}
}

static struct ct_error *place_error(const char *option, const char *text,
				    const struct ct_value_place *place, bool is_known)
{
	const char *name = place->argument ? place->argument : "retval";
	if (is_known)
		return ct_error_create("%s '%s': '%s' is no text there: compare it with a number",
				       option, text, name);
	if (place->step_count == 0 && !place->argument)
		return ct_error_create("%s '%s': no return value of these functions was captured",

				       option, text);
	if (place->step_count == 0)
		return ct_error_create("%s '%s': no argument '%s' of these functions was captured; "
				       "see what was with 'calltrace replay'",
				       option, text, name);
	return ct_error_create("%s '%s': in '%s' no such member or element was captured; see what "
			       "was with 'calltrace replay', or record with a larger --max-pointee",
			       option, text, name);
}

/* A condition that can never hold is a mistake. */
static struct ct_error *check_condition(const struct ct_session *session,
					const struct ct_selection *selection, const char *option,
					const char *text, const struct ct_condition *condition,
					const bool *meant)
{
	struct found found = {0};
	bool is_any = false;
	for (size_t i = 0; i < session->input_count; i++)
		is_any |= selection->values[i] != NULL;
	if (!is_any)
		return ct_error_create(
			"%s '%s': no arguments were recorded; record with --args, or "
			"CALLTRACE_CAPTURE_ARGS=1",
			option, text);
	look_for(session, selection, condition, meant, &found);
	if (!found.is_plan)
		return ct_error_create("%s '%s': no values of these functions were recorded: they "
				       "have no debug information (-g), or were not asked for "
				       "(--args-filter)",
				       option, text);
	for (size_t i = 0; i < condition->term_count; i++)
		if (!found.is_place[i])
			return place_error(option, text, &condition->terms[i].place,
					   found.is_known[i]);
	return NULL;
}

/* Values are only looked into where there is a condition. */
static struct ct_error *open_values(const struct ct_session *session,
				    struct ct_selection *selection)
{
	struct ct_error *err = NULL;
	if (selection->values)
		return NULL;
	selection->function_conditions = calloc((size_t)session->function_count + 1,
						sizeof(*selection->function_conditions));
	selection->values = calloc(session->input_count + 1, sizeof(struct ct_values *));
	if (!selection->values || !selection->function_conditions)
		return ct_error_nomem;
	selection->input_count = session->input_count;
	for (size_t i = 0; i < session->input_count && !err; i++)
		err = ct_values_create(session->inputs[i].trace, false, false,
				       &selection->values[i]);
	return err;
}

/* Takes the condition. */
static struct ct_error *add_condition(const struct ct_session *session,
				      struct ct_selection *selection, const char *option,
				      const char *text, struct ct_condition *condition,
				      uint8_t effect)
{
	ct_cleanup(ct_cleanup_free) bool *meant = calloc((size_t)session->function_count + 1,
							 sizeof(*meant));
	size_t index = selection->condition_count;
	if (index == CT_SELECTION_CONDITIONS_MAX) {
		ct_condition_destroy(condition);
		return ct_error_usage(ct_error_create("%s: there are more than %d conditions",
						      option, CT_SELECTION_CONDITIONS_MAX));
	}
	selection->conditions[index] = (struct ct_selection_condition){condition, effect};
	selection->condition_count++;
	if (!meant)
		return ct_error_nomem;
	struct ct_error *err = open_values(session, selection);
	if (!err && condition->pattern)
		err = ct_selection_match(session, option, condition->pattern, meant);
	else
		memset(meant, true, session->function_count);
	if (!err)
		err = check_condition(session, selection, option, text, condition, meant);
	if (err)
		return err;
	for (uint32_t i = 0; i < session->function_count; i++) {
		if (!meant[i])
			continue;
		selection->function_flags[i] |= CT_SELECT_ASK;
		selection->function_conditions[i] |= UINT64_C(1) << index;
	}
	if (condition->needs_result)
		selection->late_conditions |= UINT64_C(1) << index;
	return NULL;
}

static struct ct_error *mark_where(const struct ct_session *session, struct ct_selection *selection,
				   const char *text)
{
	struct ct_condition *condition;
	struct ct_error *err = ct_condition_parse(text, &condition);
	if (err)
		return err; /* ct_selection_check() has looked */
	return add_condition(session, selection, "--where", text, condition, CT_SELECT_HOLDS);
}

/* What is no condition is a pattern: names of functions have brackets, too. */
static struct ct_error *mark_place(const struct ct_session *session, struct ct_selection *selection,
				   const char *option, const char *text, uint8_t effect)
{
	struct ct_condition *condition;
	struct ct_error *err = ct_condition_parse(text, &condition);
	if (!err)
		return add_condition(session, selection, option, text, condition, effect);
	ct_error_destroy(err);
	return mark(session, selection, option, &text, 1, effect, 0);
}

uint64_t ct_selection_holding(const struct ct_selection *selection, struct ct_values *values,
			      uint32_t site, struct ct_value_bytes payload, uint64_t among,
			      bool of_result)
{
	uint64_t holding = 0;
	for (uint64_t left = values ? among : 0; left; left &= left - 1) {
		unsigned int index = (unsigned int)__builtin_ctzll(left);
		if (ct_condition_holds(selection->conditions[index].condition, values, site,
				       payload, of_result))
			holding |= UINT64_C(1) << index;
	}
	return holding;
}

uint8_t ct_selection_effects(const struct ct_selection *selection, uint64_t holding)
{
	uint8_t effects = 0;
	for (; holding; holding &= holding - 1)
		effects |= selection->conditions[__builtin_ctzll(holding)].effect;
	return effects;
}

static struct ct_error *select_functions(const struct ct_session *session,
					 const struct ct_selection_options *options,
					 struct ct_selection *selection)
{
	struct ct_error *err = NULL;
	if (options->function_count == 0)
		memset(selection->function_flags, CT_SELECT_SHOWN, session->function_count);
	err = mark(session, selection, "--function", options->functions, options->function_count,
		   CT_SELECT_SHOWN, 0);
	if (!err)
		err = mark(session, selection, "--exclude", options->excluded,
			   options->excluded_count, 0, CT_SELECT_SHOWN);
	for (size_t i = 0; i < options->inside_count && !err; i++)
		err = mark_place(session, selection, "--inside", options->inside[i],
				 CT_SELECT_INSIDE);
	for (size_t i = 0; i < options->outside_count && !err; i++)
		err = mark_place(session, selection, "--outside", options->outside[i],
				 CT_SELECT_OUTSIDE);
	selection->has_where = options->where_count > 0;
	for (size_t i = 0; i < options->where_count && !err; i++)
		err = mark_where(session, selection, options->where[i]);
	return err;
}

/* ---- threads and processes ---- */

static bool is_meant(const char *const *texts, size_t count, uint32_t id, const char *name)
{
	char number[16];
	snprintf(number, sizeof(number), "%" PRIu32, id);
	for (size_t i = 0; i < count; i++)
		if (strcmp(texts[i], number) == 0 || fnmatch(texts[i], name, 0) == 0)
			return true;
	return count == 0;
}

static bool process_is_meant(const struct ct_input *input,
			     const struct ct_selection_options *options)
{
	struct ct_bytes path = ct_trace_string(input->trace,
					       ct_trace_info(input->trace)->executable);
	ct_cleanup(ct_cleanup_free) char *name = strndup(path.bytes ? path.bytes : "", path.length);
	const char *slash = name ? strrchr(name, '/') : NULL;
	return is_meant(options->processes, options->process_count,
			ct_trace_info(input->trace)->pid,
			slash  ? slash + 1
			: name ? name
			       : "");
}

static struct ct_error *select_streams(const struct ct_session *session,
				       const struct ct_selection_options *options,
				       struct ct_selection *selection)
{
	bool is_any = false;
	for (size_t i = 0; i < session->stream_count; i++) {
		const struct ct_stream *stream = &session->streams[i];
		char name[sizeof(stream->row.name) + 1] = "";
		memcpy(name, stream->row.name, sizeof(stream->row.name));
		selection->streams[i] =
			process_is_meant(&session->inputs[stream->input], options) &&
			is_meant(options->threads, options->thread_count, stream->row.tid, name);
		is_any |= selection->streams[i];
	}
	if (!is_any && options->process_count + options->thread_count > 0)
		return ct_error_create("no thread in the trace is meant by %s '%s'",
				       options->thread_count ? "--thread" : "--process",
				       options->thread_count ? options->threads[0]
							     : options->processes[0]);
	return NULL;
}

/* ---- time ---- */

static struct ct_error *read_time(const char *text, uint64_t *ret_from_ns, uint64_t *ret_to_ns)
{
	const char *dots = text ? strstr(text, "..") : NULL;
	struct ct_error *err = NULL;
	*ret_from_ns = 0;
	*ret_to_ns = UINT64_MAX;
	if (!text)
		return NULL;
	if (!dots)
		return ct_error_create("--time: '%s' is not a range such as 1.5s..2s, 10ms.. or "
				       "..250us",
				       text);
	if (dots > text)
		err = ct_duration_parse(text, (size_t)(dots - text), ret_from_ns);
	if (!err && dots[2])
		err = ct_duration_parse(dots + 2, strlen(dots + 2), ret_to_ns);
	if (err)
		return ct_error_wrap(err, "--time");
	if (*ret_from_ns >= *ret_to_ns)
		return ct_error_create("--time: '%s' ends before it begins", text);
	return NULL;
}

/* ---- what is wrong whatever the traces hold ---- */

static struct ct_error *check_patterns(const char *option, const char *const *texts, size_t count)
{
	struct ct_error *err = NULL;
	for (size_t i = 0; i < count && !err; i++) {
		ct_cleanup(patterns_cleanup) struct ct_patterns *patterns = NULL;
		if (!*texts[i])
			return ct_error_create("%s: the pattern is empty", option);
		err = ct_patterns_create(texts[i], &patterns);
		if (err)
			err = ct_error_wrap(err, "%s", option);
	}
	return err;
}

/* Is it one that was begun? Names have brackets, and templates' names those of conditions, too. */
static bool is_meant_as_condition(const char *text)
{
	const char *bracket = strchr(text, '(');
	const char *at = bracket ? bracket : text;
	int open = 0;
	if (text[0] == '/' || strstr(text, "operator"))
		return false;
	for (; *at; at++) {
		if (*at == '=' || *at == '"')
			return true;
		open += (*at == '<') - (*at == '>' && at > text && at[-1] != '-');
	}
	return open != 0;
}

struct ct_error *ct_selection_check_condition(const char *text, bool may_be_pattern)
{
	struct ct_condition *condition = NULL;
	ct_cleanup(patterns_cleanup) struct ct_patterns *patterns = NULL;
	struct ct_error *err = ct_condition_parse(text, &condition);
	ct_condition_destroy(condition);
	if (!err || !may_be_pattern || is_meant_as_condition(text))
		return err;
	ct_error_destroy(err);
	return ct_patterns_create(text, &patterns);
}

static struct ct_error *check_conditions(const char *option, const char *const *texts, size_t count,
					 bool may_be_patterns)
{
	struct ct_error *err = NULL;
	for (size_t i = 0; i < count && !err; i++) {
		err = ct_selection_check_condition(texts[i], may_be_patterns);
		if (err)
			err = ct_error_wrap(err, "%s", option);
	}
	return err;
}

struct ct_error *ct_selection_check(const struct ct_selection_options *options)
{
	uint64_t from_ns, to_ns;
	struct ct_error *err = read_time(options->time, &from_ns, &to_ns);
	if (!err)
		err = check_patterns("--function", options->functions, options->function_count);
	if (!err)
		err = check_patterns("--exclude", options->excluded, options->excluded_count);
	if (!err)
		err = check_conditions("--inside", options->inside, options->inside_count, true);
	if (!err)
		err = check_conditions("--outside", options->outside, options->outside_count, true);
	if (!err)
		err = check_conditions("--where", options->where, options->where_count, false);
	return err ? ct_error_usage(err) : NULL;
}

/* ---- the whole ---- */

struct ct_error *ct_selection_create(const struct ct_session *session,
				     const struct ct_selection_options *options,
				     struct ct_selection **ret)
{
	ct_cleanup(selection_cleanup) struct ct_selection *selection = calloc(1,
									      sizeof(*selection));
	if (!selection)
		return ct_error_nomem;
	selection->function_flags = calloc((size_t)session->function_count + 1, 1);
	selection->streams = calloc(session->stream_count + 1, sizeof(bool));
	if (!selection->function_flags || !selection->streams)
		return ct_error_nomem;
	selection->has_inside = options->inside_count > 0;
	selection->min_duration_ns = options->min_duration_ns;
	selection->max_depth = options->max_depth && options->max_depth < UINT32_MAX
				       ? (uint32_t)options->max_depth
				       : UINT32_MAX;
	struct ct_error *err = ct_selection_check(options);
	if (!err)
		err = read_time(options->time, &selection->from_ns, &selection->to_ns);
	if (!err)
		err = select_functions(session, options, selection);
	if (!err)
		err = select_streams(session, options, selection);
	if (!err && (options->time || options->min_duration_ns) && ct_session_is_timeless(session))
		err = ct_error_create("%s: the trace was recorded without a clock, so no call has "
				      "a time; leave it out",
				      options->time ? "--time" : "--min-duration");
	if (err)
		return err;
	selection->is_everything = options->function_count + options->excluded_count +
						   options->inside_count + options->outside_count +
						   options->where_count ==
					   0 &&
				   !options->time && selection->max_depth == UINT32_MAX;
	*ret = ct_take(selection);
	return NULL;
}
