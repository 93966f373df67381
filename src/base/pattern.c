/* SPDX-License-Identifier: MIT */
/* Patterns for functions: see pattern.h. */
#include "base/pattern.h"

#include <ctype.h>
#include <fnmatch.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

enum pattern_kind {
	PATTERN_NAME = 1,
	PATTERN_REGEX,
	PATTERN_MODULE,
	PATTERN_SOURCE,
};

struct pattern {
	enum pattern_kind kind;
	char *text; /* as it was given */
	char *glob;
	regex_t regex;
};

struct ct_patterns {
	struct pattern *list;
	size_t count;
};

void ct_patterns_destroy(struct ct_patterns *patterns)
{
	if (!patterns)
		return;
	for (size_t i = 0; i < patterns->count; i++) {
		free(patterns->list[i].text);
		free(patterns->list[i].glob);
		if (patterns->list[i].kind == PATTERN_REGEX)
			regfree(&patterns->list[i].regex);
	}
	free(patterns->list);
	free(patterns);
}

static void cleanup_patterns(struct ct_patterns **patterns)
{
	ct_patterns_destroy(*patterns);
}

/* ---- names ---- */

/* Length of "operator" and what makes its name, where `at` begins one; its brackets are none. */
static size_t operator_length(const char *begin, const char *at)
{
	static const char word[] = "operator";
	static const char *const symbols[] = {"()", "[]", "<=>", "<<=", ">>=", "->*", "<<",
					      ">>", "<=", ">=",	 "->",	"<",   ">"};
	size_t length = sizeof(word) - 1;
	if (strncmp(at, word, length) != 0 ||
	    (at > begin && (isalnum((unsigned char)at[-1]) || at[-1] == '_')))
		return 0;
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++)
		if (strncmp(at + length, symbols[i], strlen(symbols[i])) == 0)
			return length + strlen(symbols[i]);
	return 0;
}

/* Depth of brackets behind `c`. */
static size_t depth_after(size_t depth, char c)
{
	if (strchr("(<{[", c))
		return depth + 1;
	if (strchr(")>}]", c) && depth > 0)
		return depth - 1;
	return depth;
}

char *ct_pattern_short_name(const char *whole_name)
{
	const char *start = whole_name; /* behind the last blank outside brackets */
	const char *parameters = NULL;	/* the last "(" outside brackets */
	const char *parameters_start = NULL;
	size_t depth = 0;
	for (const char *at = whole_name; *at; at++) {
		size_t operator_bytes = depth == 0 ? operator_length(whole_name, at) : 0;
		if (operator_bytes) {
			at += operator_bytes - 1;
			continue;
		}
		/* "(anonymous namespace)::" is no parameter list, nor is what a name follows. */
		if (*at == '(' && depth == 0) {
			parameters = at;
			parameters_start = start;
		}
		/* "operator int": the blank is part of the name. " const" behind the parameters
		 * begins no name: parameters_start was kept before it. */
		if (*at == ' ' && depth == 0 &&
		    !(at - whole_name >= 8 && strncmp(at - 8, "operator", 8) == 0))
			start = at + 1;
		depth = depth_after(depth, *at);
	}
	if (!parameters || parameters == whole_name)
		return strdup(whole_name);
	return strndup(parameters_start, (size_t)(parameters - parameters_start));
}

static bool fits(const char *glob, const char *name)
{
	return name && (strcmp(glob, name) == 0 || fnmatch(glob, name, 0) == 0);
}

/* A relative glob fits what follows any slash, too. */
static bool fits_path(const char *glob, const char *path)
{
	if (!path || fits(glob, path))
		return path != NULL;
	while (*glob != '/' && (path = strchr(path, '/')))
		if (fits(glob, ++path))
			return true;
	return false;
}

static bool fits_regex(const regex_t *regex, const struct ct_pattern_subject *subject)
{
	const char *name = subject->whole_name ? subject->whole_name : subject->linkage_name;
	return name && regexec(regex, name, 0, NULL, 0) == 0;
}

static bool means(const struct pattern *pattern, const struct ct_pattern_subject *subject,
		  const char *short_name)
{
	switch (pattern->kind) {
	case PATTERN_REGEX:
		return fits_regex(&pattern->regex, subject);
	case PATTERN_MODULE:
		return fits_path(pattern->glob, subject->module);
	case PATTERN_SOURCE:
		return fits_path(pattern->glob, subject->source);
	case PATTERN_NAME:
	default:
		return fits(pattern->glob, short_name) ||
		       fits(pattern->glob, subject->whole_name) ||
		       fits(pattern->glob, subject->linkage_name);
	}
}

bool ct_patterns_match_all(const struct ct_patterns *patterns,
			   const struct ct_pattern_subject *subject, unsigned char *hits)
{
	bool is_meant = false;
	ct_cleanup(ct_cleanup_free) char *short_name =
		subject->whole_name ? ct_pattern_short_name(subject->whole_name) : NULL;
	for (size_t i = 0; i < patterns->count; i++) {
		/* What it has hit before need not be asked when another one has decided. */
		if ((is_meant && (!hits || hits[i])) ||
		    !means(&patterns->list[i], subject, short_name))
			continue;
		is_meant = true;
		if (!hits)
			break;
		hits[i] = 1;
	}
	return is_meant;
}

bool ct_patterns_match(const struct ct_patterns *patterns, const struct ct_pattern_subject *subject)
{
	return ct_patterns_match_all(patterns, subject, NULL);
}

size_t ct_patterns_count(const struct ct_patterns *patterns)
{
	return patterns->count;
}

const char *ct_patterns_text(const struct ct_patterns *patterns, size_t i)
{
	return patterns->list[i].text;
}

bool ct_patterns_want_source(const struct ct_patterns *patterns)
{
	for (size_t i = 0; i < patterns->count; i++)
		if (patterns->list[i].kind == PATTERN_SOURCE)
			return true;
	return false;
}

/* ---- parsing ---- */

/* Where the pattern at `text` ends: at a comma, or at the end of the list. */
static const char *pattern_end(const char *text)
{
	if (*text == '/') {
		/* The regular expression goes to the last slash before a comma or the end. */
		for (const char *at = text + 1; *at; at++)
			if (*at == '/' && (at[1] == ',' || at[1] == '\0'))
				return at + 1;
		return text + strlen(text);
	}
	size_t depth = 0;
	const char *at = text;
	for (; *at && (*at != ',' || depth > 0); at++) {
		size_t operator_bytes = operator_length(text, at);
		if (operator_bytes)
			at += operator_bytes - 1;
		else if (strchr("(<)>", *at))
			depth = depth_after(depth, *at);
	}
	/* Brackets that do not match: every comma separates. */
	return *at == '\0' && depth > 0 ? text + strcspn(text, ",") : at;
}

static struct ct_error *parse_regex(struct pattern *pattern)
{
	size_t length = strlen(pattern->glob);
	if (length < 2 || pattern->glob[length - 1] != '/')
		return ct_error_create("'%s' begins a regular expression and has no '/' at its end",
				       pattern->text);
	pattern->glob[length - 1] = '\0';
	int status = regcomp(&pattern->regex, pattern->glob + 1, REG_EXTENDED | REG_NOSUB);
	if (status != 0) {
		char reason[128];
		regerror(status, &pattern->regex, reason, sizeof(reason));
		return ct_error_create("the regular expression '%s' is wrong: %s", pattern->text,
				       reason);
	}
	pattern->kind = PATTERN_REGEX;
	return NULL;
}

static struct ct_error *parse_pattern(struct pattern *pattern, const char *text, size_t length)
{
	static const struct {
		const char *prefix;
		enum pattern_kind kind;
	} prefixes[] = {{"module:", PATTERN_MODULE}, {"file:", PATTERN_SOURCE}};
	pattern->kind = PATTERN_NAME;
	pattern->text = strndup(text, length);
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t prefix_length = strlen(prefixes[i].prefix);
		if (length >= prefix_length &&
		    strncmp(text, prefixes[i].prefix, prefix_length) == 0) {
			pattern->kind = prefixes[i].kind;
			text += prefix_length;
			length -= prefix_length;
			break;
		}
	}
	pattern->glob = strndup(text, length);
	if (!pattern->glob || !pattern->text)
		return ct_error_nomem;
	return pattern->kind == PATTERN_NAME && *pattern->glob == '/' ? parse_regex(pattern) : NULL;
}

struct ct_error *ct_patterns_create(const char *text, struct ct_patterns **ret)
{
	ct_cleanup(cleanup_patterns) struct ct_patterns *patterns = calloc(1, sizeof(*patterns));
	if (!patterns)
		return ct_error_nomem;
	for (const char *at = text; *at;) {
		at += strspn(at, ", \t");
		const char *end = pattern_end(at);
		size_t length = (size_t)(end - at);
		while (length > 0 && (at[length - 1] == ' ' || at[length - 1] == '\t'))
			length--;
		if (length > 0) {
			struct pattern *list = reallocarray(patterns->list, patterns->count + 1,
							    sizeof(*list));
			if (!list)
				return ct_error_nomem;
			patterns->list = list;
			list[patterns->count] = (struct pattern){0};
			struct ct_error *err = parse_pattern(&list[patterns->count], at, length);
			if (err) {
				free(list[patterns->count].text);
				free(list[patterns->count].glob);
				return err;
			}
			patterns->count++;
		}
		at = end;
	}
	*ret = ct_take(patterns);
	return NULL;
}
