/* SPDX-License-Identifier: MIT */
/* Conditions: see condition.h. */
#include "export/condition.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct parser {
	const char *text, *at;
	const char *problem; /* what should stand at `at` */
	struct ct_condition *condition;
	char *words; /* room for the next word */
};

void ct_condition_destroy(struct ct_condition *condition)
{
	if (!condition)
		return;
	free(condition->pattern);
	free(condition->words);
	free(condition);
}

static void condition_cleanup(struct ct_condition **condition)
{
	ct_condition_destroy(*condition);
}

/* ---- parsing ---- */

static bool expect(struct parser *parser, const char *what)
{
	parser->problem = what;
	return false;
}

static void skip_blanks(struct parser *parser)
{
	while (*parser->at == ' ' || *parser->at == '\t')
		parser->at++;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* There is room for all words of the text, each with its end. */
static char *keep_word(struct parser *parser, const char *from, size_t length)
{
	char *word = parser->words;
	memcpy(word, from, length);
	word[length] = '\0';
	parser->words += length + 1;
	return word;
}

static bool parse_name(struct parser *parser, const char **ret)
{
	const char *from = parser->at;
	if (!is_letter(*from))
		return expect(parser, "the name of an argument or member, or retval");
	while (is_letter(*parser->at) || is_digit(*parser->at))
		parser->at++;
	*ret = keep_word(parser, from, (size_t)(parser->at - from));
	return true;
}

static bool parse_index(struct parser *parser, uint32_t *ret)
{
	char *end;
	if (!is_digit(*parser->at))
		return expect(parser, "the number of an element");
	unsigned long index = strtoul(parser->at, &end, 10);
	if (*end != ']' || index >= UINT32_MAX)
		return expect(parser, "the number of an element, and ]");
	parser->at = end + 1;
	*ret = (uint32_t)index;
	return true;
}

static bool parse_place(struct parser *parser, struct ct_value_place *place)
{
	const char *name;
	if (!parse_name(parser, &name))
		return false;
	place->argument = strcmp(name, "retval") == 0 ? NULL : name;
	parser->condition->needs_result |= !place->argument;
	for (;;) {
		bool is_arrow = parser->at[0] == '-' && parser->at[1] == '>';
		if (*parser->at != '.' && *parser->at != '[' && !is_arrow)
			return true;
		if (place->step_count == CT_PLACE_STEPS_MAX)
			return expect(parser, "a comparison: there are too many members");
		struct ct_place_step *step = &place->steps[place->step_count++];
		bool is_index = *parser->at == '[';
		parser->at += is_arrow ? 2 : 1;
		if (is_index ? !parse_index(parser, &step->index)
			     : !parse_name(parser, &step->name))
			return false;
	}
}

static bool parse_sign(struct parser *parser, enum ct_comparison_sign *ret)
{
	static const struct {
		const char *text;
		enum ct_comparison_sign sign;
	} signs[] = {
		{"==", CT_IS_EQUAL},	{"!=", CT_IS_NOT},  {"<=", CT_IS_AT_MOST},
		{">=", CT_IS_AT_LEAST}, {"=", CT_IS_EQUAL}, {"<", CT_IS_LESS},
		{">", CT_IS_MORE},
	};
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		size_t length = strlen(signs[i].text);
		if (strncmp(parser->at, signs[i].text, length) == 0) {
			parser->at += length;
			*ret = signs[i].sign;
			return true;
		}
	}
	return expect(parser, "one of = != < <= > >=");
}

/* Backslashes are the glob's: they make what follows stand for itself. */
static bool parse_quoted(struct parser *parser, struct ct_term *term)
{
	char quote = *parser->at++;
	const char *from = parser->at;
	while (*parser->at && *parser->at != quote)
		parser->at += parser->at[0] == '\\' && parser->at[1] ? 2 : 1;
	if (!*parser->at)
		return expect(parser, "the other quote");
	term->literal = CT_LITERAL_TEXT;
	term->text = keep_word(parser, from, (size_t)(parser->at - from));
	parser->at++;
	return true;
}

static bool is_word(char c)
{
	return is_letter(c) || is_digit(c) || (c && strchr("*?.-+/:@%|", c));
}

static bool read_number(const char *word, struct ct_term *term)
{
	bool is_negative = *word == '-';
	const char *digits = word + (is_negative || *word == '+');
	char *end;
	if (!is_digit(*digits) && !(*digits == '.' && is_digit(digits[1])))
		return false;
	errno = 0;
	unsigned long long magnitude = strtoull(digits, &end, 0);
	bool is_octal = digits[0] == '0' && is_digit(digits[1]);
	if (!*end && !errno && !is_octal) {
		term->literal = CT_LITERAL_NUMBER;
		term->number = is_negative ? -(__int128)magnitude : (__int128)magnitude;
		term->real = (long double)term->number;
		return true;
	}
	term->real = strtold(word, &end);
	term->literal = CT_LITERAL_REAL;
	return !*end;
}

static bool parse_literal(struct parser *parser, struct ct_term *term)
{
	const char *from = parser->at;
	if (*from == '"' || *from == '\'')
		return parse_quoted(parser, term);
	while (is_word(*parser->at))
		parser->at++;
	if (parser->at == from)
		return expect(parser, "a number, a \"string\", null, true, false or the name of an "
				      "enumerator");
	char *word = keep_word(parser, from, (size_t)(parser->at - from));
	term->text = word;
	if (strcmp(word, "null") == 0) {
		term->literal = CT_LITERAL_NULL;
	} else if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0) {
		term->literal = CT_LITERAL_NUMBER;
		term->number = *word == 't';
		term->real = *word == 't';
	} else if (!read_number(word, term)) {
		term->literal = CT_LITERAL_TEXT;
	}
	return true;
}

static bool parse_term(struct parser *parser)
{
	struct ct_condition *condition = parser->condition;
	if (condition->term_count == CT_TERMS_MAX)
		return expect(parser, "the end: there are too many comparisons");
	struct ct_term *term = &condition->terms[condition->term_count];
	*term = (struct ct_term){0};
	skip_blanks(parser);
	if (!parse_place(parser, &term->place))
		return false;
	skip_blanks(parser);
	if (!parse_sign(parser, &term->sign))
		return false;
	skip_blanks(parser);
	const char *literal = parser->at;
	if (!parse_literal(parser, term))
		return false;
	bool is_ordered = term->literal == CT_LITERAL_NUMBER || term->literal == CT_LITERAL_REAL;
	if (!is_ordered && term->sign != CT_IS_EQUAL && term->sign != CT_IS_NOT) {
		parser->at = literal;
		return expect(parser, "a number: strings and null are compared with = and !=");
	}
	condition->term_count++;
	skip_blanks(parser);
	return true;
}

/* From `at` to the end of the text, before which `closing` stands. */
static bool parse_terms(struct parser *parser, const char *at, bool is_closed)
{
	struct ct_condition *condition = parser->condition;
	parser->at = at;
	parser->words = condition->words;
	condition->term_count = 0;
	condition->needs_result = false;
	for (;;) {
		if (!parse_term(parser))
			return false;
		if (*parser->at == ',')
			parser->at++;
		else if (parser->at[0] == '&' && parser->at[1] == '&')
			parser->at += 2;
		else
			break;
	}
	if (is_closed && *parser->at == ')')
		parser->at++;
	else if (is_closed)
		return expect(parser, "a comma or )");
	skip_blanks(parser);
	return *parser->at ? expect(parser, "a comma or the end") : true;
}

struct ct_error *ct_condition_parse(const char *text, struct ct_condition **ret)
{
	size_t length = strlen(text);
	ct_cleanup(condition_cleanup) struct ct_condition *condition = calloc(1,
									      sizeof(*condition));
	if (!condition)
		return ct_error_nomem;
	if (length > CT_CONDITION_MOST_BYTES)
		return ct_error_create("a condition has at most %d bytes", CT_CONDITION_MOST_BYTES);
	condition->words = malloc(2 * length + 2);
	if (!condition->words)
		return ct_error_nomem;
	struct parser parser = {.text = text, .condition = condition};
	const char *farthest = text, *problem = "a comparison";
	bool found = parse_terms(&parser, text, false);
	if (!found && (parser.at > farthest || !strchr(text, '('))) {
		farthest = parser.at;
		problem = parser.problem;
	}
	/* Names of functions have brackets, too: the last ones hold the comparisons. */
	for (const char *open = strchr(text, '('); open && !found; open = strchr(open + 1, '(')) {
		found = open > text && parse_terms(&parser, open + 1, true);
		if (found) {
			condition->pattern = strndup(text, (size_t)(open - text));
			if (!condition->pattern)
				return ct_error_nomem;
		} else if (parser.at > farthest) {
			farthest = parser.at;
			problem = parser.problem;
		}
	}
	if (!found)
		return ct_error_create("'%s': %s%s%.20s%s there should be %s", text,
				       *farthest ? "at " : "at the end", *farthest ? "'" : "",
				       farthest, *farthest ? "'" : "", problem);
	*ret = ct_take(condition);
	return NULL;
}

/* ---- holding ---- */

enum answer { NO, YES, UNKNOWN };

static bool has_wildcards(const char *glob)
{
	return strpbrk(glob, "*?[\\") != NULL;
}

/* Of a text of which the beginning is known. */
static enum answer match_beginning(const char *glob, const char *text, size_t length)
{
	size_t glob_length = strlen(glob);
	if (has_wildcards(glob)) {
		bool is_open = glob[glob_length - 1] == '*';
		return is_open && fnmatch(glob, text, 0) == 0 ? YES : UNKNOWN;
	}
	return glob_length > length && memcmp(glob, text, length) == 0 ? UNKNOWN : NO;
}

static enum answer match_text(const char *glob, const unsigned char *bytes, size_t length,
			      bool is_truncated)
{
	char buffer[256];
	if (!has_wildcards(glob) && !is_truncated)
		return strlen(glob) == length && memcmp(glob, bytes, length) == 0;
	ct_cleanup(ct_cleanup_free) char *longer = length < sizeof(buffer) ? NULL
									   : malloc(length + 1);
	char *text = length < sizeof(buffer) ? buffer : longer;
	if (!text)
		return UNKNOWN;
	if (length)
		memcpy(text, bytes, length);
	text[length] = '\0';
	return is_truncated ? match_beginning(glob, text, length) : fnmatch(glob, text, 0) == 0;
}

static enum answer by_order(enum ct_comparison_sign sign, int order)
{
	switch (sign) {
	case CT_IS_LESS:
		return order < 0;
	case CT_IS_AT_MOST:
		return order <= 0;
	case CT_IS_MORE:
		return order > 0;
	case CT_IS_AT_LEAST:
		return order >= 0;
	default:
		return order == 0; /* turned round for != */
	}
}

static enum answer compare_number(const struct ct_term *term, __int128 number)
{
	if (term->literal == CT_LITERAL_NUMBER)
		return by_order(term->sign, (number > term->number) - (number < term->number));
	long double real = (long double)number;
	return by_order(term->sign, (real > term->real) - (real < term->real));
}

static enum answer compare_real(const struct ct_term *term, long double real)
{
	if (real != real)
		return UNKNOWN;
	return by_order(term->sign, (real > term->real) - (real < term->real));
}

static enum answer compare(const struct ct_term *term, const struct ct_look *look)
{
	bool is_number = term->literal == CT_LITERAL_NUMBER || term->literal == CT_LITERAL_REAL;
	switch (look->kind) {
	case CT_LOOK_NULL:
		/* As C has it, 0 is null. */
		return is_number ? compare_number(term, 0) : term->literal == CT_LITERAL_NULL;
	case CT_LOOK_NUMBER:
		if (is_number)
			return compare_number(term, look->number);
		if (term->literal == CT_LITERAL_NULL)
			return NO;
		return look->name ? match_text(term->text, (const unsigned char *)look->name,
					       look->name_length, false)
				  : NO;
	case CT_LOOK_REAL:
		return is_number ? compare_real(term, look->real) : UNKNOWN;
	case CT_LOOK_TEXT:
		if (term->literal == CT_LITERAL_NULL)
			return NO;
		if (is_number && look->has_number)
			return compare_number(term, look->number);
		if (is_number && term->sign != CT_IS_EQUAL && term->sign != CT_IS_NOT)
			return UNKNOWN;
		/* Digits without quotes may be a string's. */
		return match_text(term->text, look->text, look->text_length, look->is_truncated);
	default:
		return UNKNOWN;
	}
}

bool ct_condition_holds(const struct ct_condition *condition, struct ct_values *values,
			uint32_t site, struct ct_value_bytes payload, bool of_result)
{
	bool is_begun = false;
	for (size_t i = 0; i < condition->term_count; i++) {
		const struct ct_term *term = &condition->terms[i];
		struct ct_look look;
		if (!term->place.argument != of_result)
			continue;
		if (!is_begun)
			ct_values_look_at(values, site, payload, of_result);
		is_begun = true;
		ct_values_look(values, site, &term->place, &look);
		if (compare(term, &look) != (term->sign == CT_IS_NOT ? NO : YES))
			return false;
	}
	return true;
}
