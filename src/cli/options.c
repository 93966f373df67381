/* SPDX-License-Identifier: MIT */
/* Options by tables: see options.h. */
#include "cli/options.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"

enum { COLUMNS = 80, HELP_COLUMN = 24 };

struct reader {
	const char *command;
	const struct ct_option_target *targets;
	size_t target_count;
};

struct found {
	const struct ct_option *option;
	void *at; /* what it sets */
};

/* ---- looking up ---- */

static struct found find_letter(const struct reader *reader, char letter)
{
	for (size_t i = 0; i < reader->target_count; i++) {
		const struct ct_option_target *target = &reader->targets[i];
		for (size_t j = 0; j < target->group->count; j++) {
			const struct ct_option *option = &target->group->options[j];
			if (option->letter == letter)
				return (struct found){option,
						      (char *)target->values + option->offset};
		}
	}
	return (struct found){0};
}

/* By its whole name, or a beginning that no other option has. */
static struct found find_name(const struct reader *reader, const char *name, size_t length,
			      bool *ret_is_ambiguous)
{
	struct found found = {0};
	*ret_is_ambiguous = false;
	for (size_t i = 0; i < reader->target_count; i++) {
		const struct ct_option_target *target = &reader->targets[i];
		for (size_t j = 0; j < target->group->count; j++) {
			const struct ct_option *option = &target->group->options[j];
			if (strncmp(option->name, name, length) != 0)
				continue;
			*ret_is_ambiguous |= found.option != NULL;
			found = (struct found){option, (char *)target->values + option->offset};
			if (option->name[length] == '\0') {
				*ret_is_ambiguous = false;
				return found;
			}
		}
	}
	return found;
}

/* ---- values ---- */

static struct ct_error *read_number(const struct ct_option *option, const char *shown,
				    const char *text, uint64_t *ret)
{
	bool is_bounded = option->low || option->high;
	char *end = NULL;
	errno = 0;
	uint64_t value = isdigit((unsigned char)text[0]) ? strtoull(text, &end, 10) : 0;
	bool is_number = end && !*end && !errno;
	if (is_number && (!is_bounded || (value >= option->low && value <= option->high))) {
		*ret = value;
		return NULL;
	}
	if (!is_bounded)
		return ct_error_create("%s: '%s' is not a whole number", shown, text);
	if (option->high == UINT64_MAX)
		return ct_error_create("%s: '%s' is not a whole number, %" PRIu64 " or more", shown,
				       text, option->low);
	return ct_error_create("%s: '%s' is not a whole number from %" PRIu64 " to %" PRIu64, shown,
			       text, option->low, option->high);
}

static struct ct_error *read_real(const struct ct_option *option, const char *shown,
				  const char *text, double *ret)
{
	char *end = NULL;
	double value = strtod(text, &end);
	bool is_percent = option->kind == CT_OPTION_PERCENT && strcmp(end, "%") == 0;
	if (end == text || (*end && !is_percent) || !(value >= 0 && value <= (double)option->high))
		return ct_error_create("%s: '%s' is not a number from 0 to %" PRIu64, shown, text,
				       option->high);
	*ret = value;
	return NULL;
}

static struct ct_error *read_time(const char *option, const char *text, uint64_t *ret)
{
	struct ct_error *err = ct_duration_parse(text, strlen(text), ret);
	return err ? ct_error_wrap(err, "%s", option) : NULL;
}

static struct ct_error *read_choice(const char *option, const char *choices, const char *text,
				    unsigned int *ret)
{
	unsigned int index = 0;
	for (const char *at = choices; at; index++) {
		const char *bar = strchr(at, '|');
		size_t length = bar ? (size_t)(bar - at) : strlen(at);
		if (strlen(text) == length && strncmp(at, text, length) == 0) {
			*ret = index;
			return NULL;
		}
		at = bar ? bar + 1 : NULL;
	}
	return ct_error_create("%s: '%s' is not one of %s", option, text, choices);
}

/* Texts are handed on as they are, settings of the library for one. */
static struct ct_error *check_text(const struct ct_option *option, const char *shown,
				   const char *text)
{
	uint64_t number;
	unsigned int index;
	if (option->low || option->high)
		return read_number(option, shown, text, &number);
	if (option->choices && strchr(option->choices, '|'))
		return read_choice(shown, option->choices, text, &index);
	return NULL;
}

/* `shown`: the option as the user wrote it. */
static struct ct_error *set_value(const struct found *found, const char *shown, const char *text)
{
	struct ct_text_list *list = found->at;
	switch (found->option->kind) {
	case CT_OPTION_FLAG:
		*(bool *)found->at = true;
		return NULL;
	case CT_OPTION_TEXT:
	case CT_OPTION_OPTIONAL:
		*(const char **)found->at = text;
		return check_text(found->option, shown, text);
	case CT_OPTION_LIST:
		if (list->count == CT_TEXT_LIST_MAX)
			return ct_error_create("%s: more than %d of them", shown, CT_TEXT_LIST_MAX);
		list->texts[list->count++] = text;
		return NULL;
	case CT_OPTION_NUMBER:
		return read_number(found->option, shown, text, found->at);
	case CT_OPTION_REAL:
	case CT_OPTION_PERCENT:
		return read_real(found->option, shown, text, found->at);
	case CT_OPTION_TIME:
		return read_time(shown, text, found->at);
	case CT_OPTION_CHOICE:
		return read_choice(shown, found->option->choices, text, found->at);
	}
	return NULL;
}

static struct ct_error *lacks_value(const struct reader *reader, const char *shown)
{
	return ct_error_create("%s: '%s' needs a value; see 'calltrace help %s'", reader->command,
			       shown, reader->command);
}

/* "--name", "--name=value", "--name value". `*at` moves on by the words taken. */
static struct ct_error *read_long(const struct reader *reader, char **argv, int argc, int *at)
{
	const char *word = argv[*at];
	const char *name = word + 2;
	const char *equals = strchr(name, '=');
	size_t length = equals ? (size_t)(equals - name) : strlen(name);
	bool is_ambiguous;
	struct found found = find_name(reader, name, length, &is_ambiguous);
	char shown[64];
	if (!found.option || is_ambiguous)
		return ct_error_create("%s: '%.*s' %s; see 'calltrace help %s'", reader->command,
				       (int)length + 2, word,
				       is_ambiguous ? "may be several options" : "is no option",
				       reader->command);
	snprintf(shown, sizeof(shown), "--%s", found.option->name);
	++*at;
	if (found.option->kind == CT_OPTION_FLAG)
		return equals ? ct_error_create("%s: '%s' takes no value; see 'calltrace help %s'",
						reader->command, shown, reader->command)
			      : set_value(&found, shown, NULL);
	if (equals || found.option->kind == CT_OPTION_OPTIONAL)
		return set_value(&found, shown, equals ? equals + 1 : "");
	if (*at == argc)
		return lacks_value(reader, shown);
	return set_value(&found, shown, argv[(*at)++]);
}

/* "-abc", "-nVALUE", "-n VALUE". */
static struct ct_error *read_short(const struct reader *reader, char **argv, int argc, int *at)
{
	const char *word = argv[(*at)++];
	for (size_t i = 1; word[i]; i++) {
		char shown[] = {'-', word[i], '\0'};
		struct found found = find_letter(reader, word[i]);
		if (!found.option)
			return ct_error_create("%s: '%s' is no option; see 'calltrace help %s'",
					       reader->command, shown, reader->command);
		if (found.option->kind == CT_OPTION_FLAG) {
			struct ct_error *err = set_value(&found, shown, NULL);
			if (err)
				return err;
			continue;
		}
		if (word[i + 1])
			return set_value(&found, shown, word + i + 1);
		if (*at == argc)
			return lacks_value(reader, shown);
		return set_value(&found, shown, argv[(*at)++]);
	}
	return NULL;
}

struct ct_error *ct_options_read(int argc, char **argv, const struct ct_option_target *targets,
				 size_t target_count, bool stops_at_operand, int *ret_operands)
{
	const struct reader reader = {argv[0], targets, target_count};
	int operands = 0, at = 1;
	while (at < argc) {
		const char *word = argv[at];
		struct ct_error *err = NULL;
		if (strcmp(word, "--") == 0) {
			at++;
			break;
		}
		if (word[0] != '-' || word[1] == '\0') {
			if (stops_at_operand)
				break;
			argv[1 + operands++] = argv[at++];
		} else if (word[1] == '-') {
			err = read_long(&reader, argv, argc, &at);
		} else {
			err = read_short(&reader, argv, argc, &at);
		}
		if (err)
			return err;
	}
	while (at < argc)
		argv[1 + operands++] = argv[at++];
	argv[1 + operands] = NULL;
	*ret_operands = operands;
	return NULL;
}

struct ct_error *ct_options_one(char **argv, int operands, const char *what, const char **ret)
{
	if (operands == 0)
		return ct_error_create("%s: name %s; see 'calltrace help %s'", argv[0], what,
				       argv[0]);
	if (operands > 1)
		return ct_error_create("%s: '%s' is one argument too many; see 'calltrace help %s'",
				       argv[0], argv[2], argv[0]);
	*ret = argv[1];
	return NULL;
}

/* ---- help ---- */

void ct_options_wrap(FILE *to, const char *text, unsigned int column, unsigned int indent,
		     unsigned int columns)
{
	bool is_first = true;
	while (*text) {
		size_t length = strcspn(text, " \n");
		if (!is_first && column + 1 + length > columns) {
			fprintf(to, "\n%*s", (int)indent, "");
			column = indent;
			is_first = true;
		}
		if (!is_first) {
			fputc(' ', to);
			column++;
		}
		fwrite(text, 1, length, to);
		column += (unsigned int)length;
		is_first = false;
		text += length;
		if (*text == '\n') {
			fprintf(to, "\n%*s", (int)indent, "");
			column = indent;
			is_first = true;
		}
		text += *text != '\0';
	}
	fputc('\n', to);
}

static void print_option(FILE *to, const struct ct_option *option)
{
	char head[128];
	int length = option->letter ? snprintf(head, sizeof(head), "  -%c, ", option->letter)
				    : snprintf(head, sizeof(head), "      ");
	length += snprintf(head + length, sizeof(head) - (size_t)length, "--%s%s%s", option->name,
			   option->value ? " " : "", option->value ? option->value : "");
	if (option->kind == CT_OPTION_OPTIONAL)
		length = snprintf(head, sizeof(head), "      --%s[=%s]", option->name,
				  option->value);
	fputs(head, to);
	if (length + 2 > HELP_COLUMN)
		fprintf(to, "\n%*s", HELP_COLUMN, "");
	else
		fprintf(to, "%*s", HELP_COLUMN - length, "");
	ct_options_wrap(to, option->help, HELP_COLUMN, HELP_COLUMN, COLUMNS - 1);
}

void ct_options_print(FILE *to, const struct ct_option_group *const *groups, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || groups[i]->title)
			fprintf(to, "%s%s:\n", i ? "\n" : "",
				groups[i]->title ? groups[i]->title : "Options");
		for (size_t j = 0; j < groups[i]->count; j++)
			if (groups[i]->options[j].help)
				print_option(to, &groups[i]->options[j]);
	}
}
