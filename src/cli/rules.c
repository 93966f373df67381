/* SPDX-License-Identifier: MIT */
/* Rules by a table of their keys: see rules.h. */
#include "cli/rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/pattern.h"
#include "base/strbuf.h"
#include "base/toml.h"

struct ct_rules {
	struct ct_toml *toml;
	struct ct_rule *rules;
	size_t count;
	char **made; /* strings that are not the file's own */
	size_t made_count;
	const char *path;
	const char *baseline; /* of all rules that name none; NULL: none */
};

void ct_rules_destroy(struct ct_rules *rules)
{
	if (!rules)
		return;
	for (size_t i = 0; i < rules->made_count; i++)
		free(rules->made[i]);
	free(rules->made);
	free(rules->rules);
	ct_toml_destroy(rules->toml);
	free(rules);
}

static void rules_cleanup(struct ct_rules **rules)
{
	ct_rules_destroy(*rules);
}

static struct ct_error *say(const struct ct_rules *rules, unsigned int line, const char *format,
			    ...) __attribute__((format(printf, 3, 4)));
static struct ct_error *say(const struct ct_rules *rules, unsigned int line, const char *format,
			    ...)
{
	ct_cleanup(ct_cleanup_free) char *text = NULL;
	va_list arguments;
	va_start(arguments, format);
	int length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0) {
		text = NULL;
		return ct_error_nomem;
	}
	return ct_error_create("%s:%u: %s", rules->path, line, text);
}

/* Takes `text`. */
static struct ct_error *keep(struct ct_rules *rules, char *text, const char **ret)
{
	char **made = text ? reallocarray(rules->made, rules->made_count + 1, sizeof(*made)) : NULL;
	if (!made) {
		free(text);
		return ct_error_nomem;
	}
	rules->made = made;
	made[rules->made_count++] = text;
	*ret = text;
	return NULL;
}

/* ---- values ---- */

static struct ct_error *want(const struct ct_rules *rules, const struct ct_toml_value *value,
			     const char *what)
{
	return say(rules, value->line, "'%s' takes %s", value->key, what);
}

static struct ct_error *read_text(const struct ct_rules *rules, const struct ct_toml_value *value,
				  const char *what, const char **ret)
{
	if (value->kind != CT_TOML_STRING || !value->texts[0][0])
		return want(rules, value, what);
	*ret = value->texts[0];
	return NULL;
}

/* A string, or several in an array. */
static struct ct_error *read_strings(const struct ct_rules *rules,
				     const struct ct_toml_value *value, struct ct_strings *ret)
{
	bool is_text = value->kind == CT_TOML_STRING || value->kind == CT_TOML_STRINGS;
	if (!is_text || value->text_count == 0)
		return want(rules, value, "a \"string\", or an array of some");
	*ret = (struct ct_strings){(const char *const *)value->texts, value->text_count};
	return NULL;
}

static struct ct_error *check_pattern(const struct ct_rules *rules,
				      const struct ct_toml_value *value, const char *text)
{
	struct ct_patterns *patterns = NULL;
	struct ct_error *err = ct_patterns_create(text, &patterns);
	ct_patterns_destroy(patterns);
	if (!err)
		return NULL;
	struct ct_error *told = say(rules, value->line, "'%s': %s", value->key, err->message);
	ct_error_destroy(err);
	return told;
}

/* Several patterns are one list of them. */
static struct ct_error *read_patterns(struct ct_rules *rules, const struct ct_toml_value *value,
				      const char **ret)
{
	struct ct_strbuf list = {0};
	struct ct_strings texts = {0};
	struct ct_error *err = read_strings(rules, value, &texts);
	for (size_t i = 0; i < texts.count && !err; i++) {
		ct_strbuf_add_string(&list, i ? "," : "");
		ct_strbuf_add_string(&list, texts.texts[i]);
	}
	if (err)
		return err;
	if (list.failed) {
		ct_strbuf_deinit(&list);
		return ct_error_nomem;
	}
	err = keep(rules, list.bytes, ret);
	return err ? err : check_pattern(rules, value, *ret);
}

static struct ct_error *read_conditions(const struct ct_rules *rules,
					const struct ct_toml_value *value, bool may_be_patterns,
					struct ct_strings *ret)
{
	struct ct_error *err = read_strings(rules, value, ret), *told = NULL;
	for (size_t i = 0; i < ret->count && !err && !told; i++) {
		struct ct_error *wrong = ct_selection_check_condition(ret->texts[i],
								      may_be_patterns);
		if (wrong)
			told = say(rules, value->line, "'%s': %s", value->key, wrong->message);
		ct_error_destroy(wrong);
	}
	return err ? err : told;
}

static struct ct_error *read_count(const struct ct_rules *rules, const struct ct_toml_value *value,
				   uint64_t *ret)
{
	if (value->kind != CT_TOML_INTEGER || value->integer < 0)
		return want(rules, value, "a number of calls, such as 100");
	*ret = (uint64_t)value->integer;
	return NULL;
}

static struct ct_error *read_time(const struct ct_rules *rules, const struct ct_toml_value *value,
				  uint64_t *ret)
{
	if (value->kind == CT_TOML_STRING) {
		struct ct_error *err = ct_duration_parse(value->texts[0], strlen(value->texts[0]),
							 ret);
		if (!err)
			return NULL;
		ct_error_destroy(err);
	}
	return want(rules, value, "a time in quotes, such as \"250us\" or \"1.5ms\"");
}

static struct ct_error *read_percent(const struct ct_rules *rules,
				     const struct ct_toml_value *value, double *ret)
{
	char *end = NULL;
	double percent = value->kind == CT_TOML_INTEGER ? (double)value->integer
			 : value->kind == CT_TOML_REAL	? value->real
							: -1;
	if (value->kind == CT_TOML_STRING) {
		percent = strtod(value->texts[0], &end);
		if (end == value->texts[0] || (strcmp(end, "%") != 0 && strcmp(end, " %") != 0))
			percent = -1;
	}
	if (!(percent >= 0 && percent <= 1e9))
		return want(rules, value, "a percentage, such as \"10%\"");
	*ret = percent / 100;
	return NULL;
}

static struct ct_error *read_flag(const struct ct_rules *rules, const struct ct_toml_value *value,
				  bool *ret)
{
	if (value->kind != CT_TOML_BOOLEAN)
		return want(rules, value, "true or false");
	*ret = value->boolean;
	return NULL;
}

static struct ct_error *read_measure(const struct ct_rules *rules,
				     const struct ct_toml_value *value, enum ct_check_kind *ret)
{
	for (int kind = CT_CHECK_MAX_MEAN; kind <= CT_CHECK_MAX_SELF; kind++) {
		if (value->kind == CT_TOML_STRING &&
		    strcmp(value->texts[0], ct_check_name(kind) + strlen("max_")) == 0) {
			*ret = kind;
			return NULL;
		}
	}
	return want(rules, value,
		    "one of \"mean\", \"p50\", \"p95\", \"p99\", \"max\", \"total\" "
		    "and \"self\"");
}

/* Beside the file with the rules, unless the path is absolute. */
static struct ct_error *read_path(struct ct_rules *rules, const struct ct_toml_value *value,
				  const char **ret)
{
	const char *text = NULL, *slash = strrchr(rules->path, '/');
	char *path = NULL;
	struct ct_error *err = read_text(rules, value, "the path of a trace, in quotes", &text);
	if (err || !text)
		return err;
	if (text[0] == '/' || !slash) {
		*ret = text;
		return NULL;
	}
	if (asprintf(&path, "%.*s/%s", (int)(slash - rules->path), rules->path, text) < 0)
		return ct_error_nomem;
	return keep(rules, path, ret);
}

/* ---- rules ---- */

static int find_check(const char *key)
{
	for (int kind = 0; kind < CT_CHECK_KINDS; kind++)
		if (strcmp(key, ct_check_name(kind)) == 0)
			return kind;
	return -1;
}

static struct ct_error *read_check(struct ct_rules *rules, const struct ct_toml_value *value,
				   enum ct_check_kind kind, struct ct_rule *rule)
{
	rule->has[kind] = true;
	switch (kind) {
	case CT_CHECK_MIN_CALLS:
	case CT_CHECK_MAX_CALLS:
		return read_count(rules, value, &rule->limits[kind]);
	case CT_CHECK_NEVER_CALLED:
		return read_flag(rules, value, &rule->has[kind]);
	case CT_CHECK_ONLY_UNDER:
		return read_patterns(rules, value, &rule->only_under);
	case CT_CHECK_MAX_SLOWDOWN:
		return read_percent(rules, value, &rule->most_slowdown);
	default:
		return read_time(rules, value, &rule->limits[kind]);
	}
}

static struct ct_error *read_key(struct ct_rules *rules, const struct ct_toml_value *value,
				 struct ct_rule *rule)
{
	const char *key = value->key;
	int kind = find_check(key);
	if (kind >= 0)
		return read_check(rules, value, (enum ct_check_kind)kind, rule);
	if (strcmp(key, "name") == 0)
		return read_text(rules, value, "a name in quotes", &rule->name);
	if (strcmp(key, "function") == 0)
		return read_patterns(rules, value, &rule->function);
	if (strcmp(key, "where") == 0)
		return read_conditions(rules, value, false, &rule->where);
	if (strcmp(key, "thread") == 0)
		return read_strings(rules, value, &rule->threads);
	if (strcmp(key, "process") == 0)
		return read_strings(rules, value, &rule->processes);
	if (strcmp(key, "inside") == 0)
		return read_conditions(rules, value, true, &rule->inside);
	if (strcmp(key, "outside") == 0)
		return read_conditions(rules, value, true, &rule->outside);
	if (strcmp(key, "baseline") == 0)
		return read_path(rules, value, &rule->baseline);
	if (strcmp(key, "slowdown_of") == 0)
		return read_measure(rules, value, &rule->slowdown_measure);
	if (strcmp(key, "allow_missing") == 0)
		return read_flag(rules, value, &rule->allows_missing);
	return say(rules, value->line, "a rule has no key '%s'; see 'calltrace help check'", key);
}

/* A rule that asks for nothing would always be kept. */
static struct ct_error *check_rule(const struct ct_rules *rules, const struct ct_toml_table *table,
				   const struct ct_rule *rule)
{
	bool is_any = false;
	for (int kind = 0; kind < CT_CHECK_KINDS; kind++)
		is_any |= rule->has[kind];
	if (!rule->function)
		return say(rules, table->line, "the rule has no 'function': which is it for?");
	if (!is_any)
		return say(rules, table->line,
			   "the rule asks for nothing: give it max_calls, max_p99 or the like; see "
			   "'calltrace help check'");
	if (rule->has[CT_CHECK_MAX_SLOWDOWN] && !rule->baseline)
		return say(rules, table->line,
			   "the rule has max_slowdown, but there is no 'baseline' to compare with");
	return NULL;
}

static struct ct_error *read_rule(struct ct_rules *rules, const struct ct_toml_table *table)
{
	struct ct_rule *rule = &rules->rules[rules->count++];
	*rule = (struct ct_rule){
		.slowdown_measure = CT_CHECK_MAX_MEAN,
		.baseline = rules->baseline,
	};
	for (size_t i = 0; i < table->value_count; i++) {
		struct ct_error *err = read_key(rules, &table->values[i], rule);
		if (err)
			return err;
	}
	if (!rule->name)
		rule->name = rule->function;
	return check_rule(rules, table, rule);
}

static struct ct_error *read_tables(struct ct_rules *rules)
{
	const struct ct_toml *toml = rules->toml;
	struct ct_error *err = NULL;
	rules->rules = calloc(toml->table_count + 1, sizeof(*rules->rules));
	if (!rules->rules)
		return ct_error_nomem;
	for (size_t i = 0; i < toml->tables[0].value_count && !err; i++) {
		const struct ct_toml_value *value = &toml->tables[0].values[i];
		if (strcmp(value->key, "baseline") == 0)
			err = read_path(rules, value, &rules->baseline);
		else
			err = say(
				rules, value->line,
				"'%s' stands before the first [[rule]], where only 'baseline' may",
				value->key);
	}
	for (size_t i = 1; i < toml->table_count && !err; i++) {
		const struct ct_toml_table *table = &toml->tables[i];
		if (strcmp(table->name, "rule") == 0 && table->is_element)
			err = read_rule(rules, table);
		else
			err = say(rules, table->line, "there are no tables but [[rule]]");
	}
	if (!err && rules->count == 0)
		err = ct_error_create("there is no [[rule]] in '%s'", rules->path);
	return err;
}

struct ct_error *ct_rules_read(const char *path, struct ct_rules **ret)
{
	ct_cleanup(rules_cleanup) struct ct_rules *rules = calloc(1, sizeof(*rules));
	if (!rules)
		return ct_error_nomem;
	rules->path = path;
	struct ct_error *err = ct_toml_read(path, &rules->toml);
	if (!err)
		err = read_tables(rules);
	if (err)
		return err;
	*ret = ct_take(rules);
	return NULL;
}

const struct ct_rule *ct_rules_all(const struct ct_rules *rules, size_t *ret_count)
{
	*ret_count = rules->count;
	return rules->rules;
}
