/* SPDX-License-Identifier: MIT */
/* A part of TOML: see toml.h. The text may be anything. */
#include "base/toml.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"

/* Each is compared with all before it. */
enum { MOST_TABLES = 10000, MOST_VALUES = 1000 };

struct parser {
	const char *name;
	const char *at, *end;
	unsigned int line;
	struct ct_toml *toml;
};

#define SAY(parser, ...) say(parser, (parser)->line, __VA_ARGS__)
static struct ct_error *say(const struct parser *parser, unsigned int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void values_deinit(struct ct_toml_value *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < values[i].text_count; j++)
			free(values[i].texts[j]);
		free(values[i].texts);
		free(values[i].key);
	}
}

void ct_toml_destroy(struct ct_toml *toml)
{
	if (!toml)
		return;
	for (size_t i = 0; i < toml->table_count; i++) {
		values_deinit(toml->tables[i].values, toml->tables[i].value_count);
		free(toml->tables[i].values);
		free(toml->tables[i].name);
	}
	free(toml->tables);
	free(toml);
}

static void toml_cleanup(struct ct_toml **toml)
{
	ct_toml_destroy(*toml);
}

static struct ct_error *say(const struct parser *parser, unsigned int line, const char *format, ...)
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
	return ct_error_create("%s:%u: %s", parser->name, line, text);
}

/* ---- characters ---- */

/* 0 at the end. There are no zero bytes in the text. */
static char peek(const struct parser *parser)
{
	return parser->at < parser->end ? *parser->at : '\0';
}

static bool starts_with(const struct parser *parser, const char *text)
{
	size_t length = strlen(text);
	return (size_t)(parser->end - parser->at) >= length &&
	       memcmp(parser->at, text, length) == 0;
}

static bool skip(struct parser *parser, char character)
{
	if (parser->at == parser->end || *parser->at != character)
		return false;
	parser->at++;
	return true;
}

static void skip_blanks(struct parser *parser)
{
	while (peek(parser) == ' ' || peek(parser) == '\t')
		parser->at++;
}

static bool at_end_of_line(const struct parser *parser)
{
	return parser->at == parser->end || *parser->at == '\n' || starts_with(parser, "\r\n");
}

/* Blanks, a comment, the end of the line. */
static struct ct_error *end_line(struct parser *parser)
{
	skip_blanks(parser);
	if (peek(parser) == '#')
		while (!at_end_of_line(parser))
			parser->at++;
	if (!at_end_of_line(parser))
		return SAY(parser, "there is more on the line than belongs there");
	skip(parser, '\r');
	if (skip(parser, '\n'))
		parser->line++;
	return NULL;
}

static bool is_bare(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

/*
 * The whole text: UTF-8 without control characters but tabs and the ends of lines, so that
 * whatever comes later may take bytes one by one.
 */
static size_t valid_utf8(const unsigned char *at, size_t left)
{
	uint32_t code = at[0];
	size_t length = code < 0x80 ? 1 : code < 0xc2 ? 0 : code < 0xe0 ? 2 : code < 0xf0 ? 3 : 4;
	if (code > 0xf4 || length == 0 || length > left)
		return 0;
	if (length == 1)
		return 1;
	code &= 0x7fU >> length;
	for (size_t i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (at[i] & 0x3f);
	}
	if ((length == 3 && code < 0x800) || (length == 4 && (code < 0x10000 || code > 0x10ffff)) ||
	    (code >= 0xd800 && code < 0xe000))
		return 0;
	return length;
}

static struct ct_error *check_text(struct parser *parser)
{
	unsigned int line = 1;
	for (const char *at = parser->at; at < parser->end;) {
		unsigned char c = (unsigned char)*at;
		size_t length = valid_utf8((const unsigned char *)at, (size_t)(parser->end - at));
		bool ends_line = c == '\n' || (c == '\r' && at + 1 < parser->end && at[1] == '\n');
		if (length == 0)
			return say(parser, line, "this is not UTF-8");
		if ((c < ' ' && c != '\t' && !ends_line) || c == 0x7f)
			return say(parser, line, "there is a control character, 0x%02x", c);
		line += c == '\n';
		at += length;
	}
	return NULL;
}

/* ---- strings ---- */

static void add_code(struct ct_strbuf *text, uint32_t code)
{
	char bytes[4];
	size_t length = 0;
	if (code < 0x80) {
		bytes[length++] = (char)code;
	} else if (code < 0x800) {
		bytes[length++] = (char)(0xc0 | code >> 6);
		bytes[length++] = (char)(0x80 | (code & 0x3f));
	} else if (code < 0x10000) {
		bytes[length++] = (char)(0xe0 | code >> 12);
		bytes[length++] = (char)(0x80 | (code >> 6 & 0x3f));
		bytes[length++] = (char)(0x80 | (code & 0x3f));
	} else {
		bytes[length++] = (char)(0xf0 | code >> 18);
		bytes[length++] = (char)(0x80 | (code >> 12 & 0x3f));
		bytes[length++] = (char)(0x80 | (code >> 6 & 0x3f));
		bytes[length++] = (char)(0x80 | (code & 0x3f));
	}
	ct_strbuf_add(text, bytes, length);
}

static struct ct_error *parse_code(struct parser *parser, unsigned int digits,
				   struct ct_strbuf *text)
{
	uint32_t code = 0;
	for (unsigned int i = 0; i < digits; i++, parser->at++) {
		static const char hex[] = "0123456789abcdef";
		char c = peek(parser);
		const char *found = c ? strchr(hex, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
		if (!found)
			return SAY(parser, "\\%c is followed by %u hexadecimal digits",
				   digits == 4 ? 'u' : 'U', digits);
		code = code << 4 | (uint32_t)(found - hex);
	}
	if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000) || code == 0)
		return SAY(parser, "\\%c%0*x is no character that a string may have",
			   digits == 4 ? 'u' : 'U', (int)digits, code);
	add_code(text, code);
	return NULL;
}

static struct ct_error *parse_escape(struct parser *parser, struct ct_strbuf *text)
{
	static const char letters[] = "btnfr\"\\", stands_for[] = "\b\t\n\f\r\"\\";
	char c = peek(parser);
	const char *found = c ? strchr(letters, c) : NULL;
	if (c)
		parser->at++;
	if (c == 'u' || c == 'U')
		return parse_code(parser, c == 'u' ? 4 : 8, text);
	if (!found)
		return SAY(parser, "a backslash stands before one of b t n f r u U \" and "
				   "\\; for text as it is use single quotes");
	ct_strbuf_add(text, &stands_for[found - letters], 1);
	return NULL;
}

static struct ct_error *parse_string(struct parser *parser, char **ret)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	char quote = *parser->at;
	if (starts_with(parser, "\"\"\"") || starts_with(parser, "'''"))
		return SAY(parser, "strings of several lines are not understood here");
	parser->at++;
	ct_strbuf_add(&text, "", 0);
	while (!skip(parser, quote)) {
		struct ct_error *err = NULL;
		if (at_end_of_line(parser))
			return SAY(parser, "the string that begins here has no end");
		if (quote == '"' && skip(parser, '\\'))
			err = parse_escape(parser, &text);
		else
			ct_strbuf_add(&text, parser->at++, 1);
		if (err)
			return err;
	}
	if (text.failed)
		return ct_error_nomem;
	*ret = strdup(text.bytes ? text.bytes : "");
	return *ret ? NULL : ct_error_nomem;
}

/* ---- other values ---- */

static struct ct_error *add_text(struct parser *parser, struct ct_toml_value *value)
{
	char **texts = reallocarray(value->texts, value->text_count + 1, sizeof(*texts));
	if (!texts)
		return ct_error_nomem;
	value->texts = texts;
	texts[value->text_count] = NULL;
	struct ct_error *err = parse_string(parser, &texts[value->text_count]);
	value->text_count += !err;
	return err;
}

/* Between the elements of an array lines may end. */
static struct ct_error *skip_lines(struct parser *parser)
{
	for (;;) {
		skip_blanks(parser);
		if (parser->at == parser->end || (peek(parser) != '#' && !at_end_of_line(parser)))
			return NULL;
		struct ct_error *err = end_line(parser);
		if (err)
			return err;
	}
}

static struct ct_error *parse_array(struct parser *parser, struct ct_toml_value *value)
{
	struct ct_error *err = NULL;
	value->kind = CT_TOML_STRINGS;
	parser->at++;
	for (;;) {
		err = skip_lines(parser);
		if (err || skip(parser, ']'))
			return err;
		if (peek(parser) != '"' && peek(parser) != '\'')
			return SAY(parser, "arrays have strings, with commas between them, here");
		err = add_text(parser, value);
		if (!err)
			err = skip_lines(parser);
		if (err)
			return err;
		if (!skip(parser, ',') && peek(parser) != ']')
			return SAY(parser, "between the strings of an array there are commas, and "
					   "a ] behind the last");
	}
}

/* Digits with single underscores between them, which are not copied. */
static bool take_digits(const char **at, const char *end, struct ct_strbuf *to)
{
	bool is_any = false;
	while (*at < end) {
		if (**at >= '0' && **at <= '9') {
			ct_strbuf_add(to, *at, 1);
			is_any = true;
		} else if (!(**at == '_' && is_any && *at + 1 < end && (*at)[1] >= '0' &&
			     (*at)[1] <= '9')) {
			break;
		}
		++*at;
	}
	return is_any;
}

/* As C reads it; NULL: it is no number of TOML's, or too long for one of ours. */
static bool clean_number(const char *at, const char *end, struct ct_strbuf *to, bool *is_real)
{
	if (at < end && (*at == '+' || *at == '-'))
		ct_strbuf_add(to, at++, 1);
	const char *first = at;
	if (!take_digits(&at, end, to) || (*first == '0' && at - first > 1))
		return false;
	*is_real = at < end;
	if (at < end && *at == '.') {
		ct_strbuf_add(to, at++, 1);
		if (!take_digits(&at, end, to))
			return false;
	}
	if (at < end && (*at == 'e' || *at == 'E')) {
		ct_strbuf_add(to, at++, 1);
		if (at < end && (*at == '+' || *at == '-'))
			ct_strbuf_add(to, at++, 1);
		if (!take_digits(&at, end, to))
			return false;
	}
	return at == end && !to->failed;
}

static struct ct_error *parse_word(struct parser *parser, struct ct_toml_value *value)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf number = {0};
	const char *from = parser->at;
	bool is_real = false;
	while (is_bare(peek(parser)) || peek(parser) == '+' || peek(parser) == '.' ||
	       peek(parser) == ':')
		parser->at++;
	size_t length = (size_t)(parser->at - from);
	if ((length == 4 && memcmp(from, "true", 4) == 0) ||
	    (length == 5 && memcmp(from, "false", 5) == 0)) {
		value->kind = CT_TOML_BOOLEAN;
		value->boolean = length == 4;
		return NULL;
	}
	if (length == 0 || !clean_number(from, parser->at, &number, &is_real))
		return SAY(parser,
			   "'%.*s' is no value: there are \"strings\", numbers, true, "
			   "false and [\"arrays\", \"of strings\"] here",
			   (int)(length < 40 ? length : 40), from);
	errno = 0;
	value->kind = is_real ? CT_TOML_REAL : CT_TOML_INTEGER;
	if (is_real)
		value->real = strtod(number.bytes, NULL);
	else
		value->integer = strtoll(number.bytes, NULL, 10);
	if (is_real ? !isfinite(value->real) : errno != 0)
		return SAY(parser, "the number is too large");
	return NULL;
}

static struct ct_error *parse_value(struct parser *parser, struct ct_toml_value *value)
{
	switch (peek(parser)) {
	case '"':
	case '\'':
		value->kind = CT_TOML_STRING;
		return add_text(parser, value);
	case '[':
		return parse_array(parser, value);
	default:
		return parse_word(parser, value);
	}
}

/* ---- keys, tables ---- */

static struct ct_error *parse_key(struct parser *parser, char **ret)
{
	const char *from = parser->at;
	if (peek(parser) == '"' || peek(parser) == '\'') {
		struct ct_error *err = parse_string(parser, ret);
		if (err)
			return err;
	} else {
		while (is_bare(peek(parser)))
			parser->at++;
		if (parser->at == from)
			return SAY(parser, "here a key stands, and what it is: key = \"value\"");
		*ret = strndup(from, (size_t)(parser->at - from));
		if (!*ret)
			return ct_error_nomem;
	}
	skip_blanks(parser);
	return peek(parser) == '.' ? SAY(parser, "keys with points in them are not understood here")
				   : NULL;
}

static struct ct_error *add_table(struct parser *parser, struct ct_toml_table **ret)
{
	struct ct_toml *toml = parser->toml;
	if (toml->table_count > MOST_TABLES)
		return SAY(parser, "there are more than %d tables", MOST_TABLES);
	struct ct_toml_table *tables = reallocarray(toml->tables, toml->table_count + 1,
						    sizeof(*tables));
	if (!tables)
		return ct_error_nomem;
	toml->tables = tables;
	*ret = &tables[toml->table_count++];
	**ret = (struct ct_toml_table){.line = parser->line};
	return NULL;
}

/* A name stands for one table, for an array of them, or for a value. */
static struct ct_error *check_head(const struct parser *parser, const struct ct_toml_table *table)
{
	const struct ct_toml *toml = parser->toml;
	for (size_t i = 0; i < toml->tables[0].value_count; i++)
		if (strcmp(toml->tables[0].values[i].key, table->name) == 0)
			return SAY(parser, "'%s' is a value already", table->name);
	for (size_t i = 1; i + 1 < toml->table_count; i++)
		if (strcmp(toml->tables[i].name, table->name) == 0 &&
		    !(table->is_element && toml->tables[i].is_element))
			return SAY(parser, "the table '%s' is there already, in line %u",
				   table->name, toml->tables[i].line);
	return NULL;
}

static struct ct_error *parse_head(struct parser *parser)
{
	struct ct_toml_table *table = NULL;
	struct ct_error *err = add_table(parser, &table);
	if (err || !table)
		return err;
	table->is_element = starts_with(parser, "[[");
	parser->at += table->is_element ? 2 : 1;
	skip_blanks(parser);
	err = parse_key(parser, &table->name);
	if (err)
		return err;
	if (!skip(parser, ']') || (table->is_element && !skip(parser, ']')))
		return SAY(parser, "the head of a table ends with %s",
			   table->is_element ? "]]" : "]");
	err = check_head(parser, table);
	return err ? err : end_line(parser);
}

static struct ct_error *parse_entry(struct parser *parser)
{
	struct ct_toml_table *table = &parser->toml->tables[parser->toml->table_count - 1];
	if (table->value_count == MOST_VALUES)
		return SAY(parser, "there are more than %d keys in one table", MOST_VALUES);
	struct ct_toml_value *values = reallocarray(table->values, table->value_count + 1,
						    sizeof(*values));
	if (!values)
		return ct_error_nomem;
	table->values = values;
	struct ct_toml_value *value = &values[table->value_count++];
	*value = (struct ct_toml_value){.line = parser->line};
	struct ct_error *err = parse_key(parser, &value->key);
	if (err)
		return err;
	for (size_t i = 0; i + 1 < table->value_count; i++)
		if (strcmp(values[i].key, value->key) == 0)
			return SAY(parser, "'%s' is there already, in line %u", value->key,
				   values[i].line);
	if (!skip(parser, '='))
		return SAY(parser, "behind the key '%s' there is no =", value->key);
	skip_blanks(parser);
	err = parse_value(parser, value);
	return err ? err : end_line(parser);
}

struct ct_error *ct_toml_parse(const char *name, const char *text, size_t length,
			       struct ct_toml **ret)
{
	ct_cleanup(toml_cleanup) struct ct_toml *toml = calloc(1, sizeof(*toml));
	struct parser parser = {name, text, text + length, 1, toml};
	struct ct_toml_table *first = NULL;
	if (!toml)
		return ct_error_nomem;
	if (starts_with(&parser, "\xef\xbb\xbf"))
		parser.at += 3;
	struct ct_error *err = check_text(&parser);
	if (!err)
		err = add_table(&parser, &first);
	if (!err && first && !(first->name = strdup("")))
		err = ct_error_nomem;
	while (!err) {
		err = skip_lines(&parser);
		if (err || parser.at == parser.end)
			break;
		err = peek(&parser) == '[' ? parse_head(&parser) : parse_entry(&parser);
	}
	if (err)
		return err;
	*ret = ct_take(toml);
	return NULL;
}

static void file_cleanup(FILE **file)
{
	if (*file)
		fclose(*file);
}

struct ct_error *ct_toml_read(const char *path, struct ct_toml **ret)
{
	ct_cleanup(file_cleanup) FILE *file = fopen(path, "re");
	ct_cleanup(ct_cleanup_free) char *text = malloc(CT_TOML_MOST_BYTES + 1);
	if (!file)
		return ct_error_errno(errno, "cannot open '%s'", path);
	if (!text)
		return ct_error_nomem;
	size_t length = fread(text, 1, CT_TOML_MOST_BYTES + 1, file);
	if (ferror(file))
		return ct_error_errno(errno, "cannot read '%s'", path);
	if (length > CT_TOML_MOST_BYTES)
		return ct_error_create("'%s' has more than a mebibyte: no rules are so long", path);
	return ct_toml_parse(path, text, length, ret);
}
