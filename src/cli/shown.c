/* SPDX-License-Identifier: MIT */
/* Names as they are shown: see shown.h. */
#include "cli/shown.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/strbuf.h"
#include "analysis/session.h"
#include "cli/page.h"
#include "base/plain_text.h"

/* In the order in which they are tried; the whole name comes before them. */
enum form {
	FORM_BARE,	 /* without types of parameters and of the result */
	FORM_BARE_PLAIN, /* and without arguments of templates */
	FORM_PLAIN,	 /* without arguments of templates alone */
	FORM_COUNT
};

struct name {
	uint32_t class_number; /* equal names have one */
	uint32_t number;       /* among those that look alike when they are cut */
	bool is_unique[FORM_COUNT];
	bool is_unique_cut;   /* to the least columns */
	unsigned int columns; /* that `text` was made for */
	char *text;
};

struct ct_shown {
	struct ct_shown_options options;
	struct name *names; /* NULL: all are whole */
	char **whole;	    /* those that had to be written out */
};

/* ---- the parts of a C++ name ---- */

static bool is_identifier(char byte)
{
	return isalnum((unsigned char)byte) || byte == '_' || byte == '$' || byte & 0x80;
}

/* Is there the word "operator", with something after it that makes it one? */
static bool is_operator(const char *name, size_t length, size_t at)
{
	static const char word[] = "operator";
	size_t end = at + sizeof(word) - 1;
	return end < length && memcmp(name + at, word, sizeof(word) - 1) == 0 &&
	       !is_identifier(name[end]) && (at == 0 || !is_identifier(name[at - 1]));
}

/* Bytes of the word and of an operator with brackets, which are no brackets there. */
static size_t operator_length(const char *name, size_t length, size_t at)
{
	static const char *const signs[] = {"<=>", "->*", "<<=", ">>=", "->", "<<", ">>",
					    "<=",  ">=",  "()",	 "[]",	"<",  ">"};
	size_t end = at + strlen("operator");
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		size_t sign = strlen(signs[i]);
		if (length - end >= sign && memcmp(name + end, signs[i], sign) == 0)
			return end + sign - at;
	}
	return end - at;
}

/* " const", " &&", " [clone .cold]" behind the parameters: where they begin. */
static size_t without_qualifiers(const char *name, size_t length)
{
	static const char *const words[] = {" const", " volatile", " &", " &&", " noexcept"};
	for (size_t before = 0; before != length;) {
		before = length;
		if (length && name[length - 1] == ']') {
			const char *clone = memrchr(name, '[', length);
			if (clone && clone > name && clone[-1] == ' ')
				length = (size_t)(clone - name) - 1;
		}
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			size_t word = strlen(words[i]);
			if (length > word && memcmp(name + length - word, words[i], word) == 0)
				length -= word;
		}
	}
	return length;
}

/* Where the types of parameters begin, and end; both the length: there are none. */
static void find_parameters(const char *name, size_t length, size_t *ret_begin, size_t *ret_end)
{
	size_t end = without_qualifiers(name, length), at = end;
	unsigned int open = 0;
	*ret_begin = *ret_end = length;
	if (end == 0 || name[end - 1] != ')')
		return;
	while (at-- > 0) {
		open += name[at] == ')';
		if (name[at] != '(' || --open)
			continue;
		/* "(anonymous namespace)" is no list. */
		if (at > 0 && name[at - 1] != ':') {
			*ret_begin = at;
			*ret_end = end;
		}
		return;
	}
}

/* What is open: outside of templates' arguments, those, and inside of them. There, what looks
 * like an angle bracket is a comparison, or has its partner. */
struct brackets {
	unsigned int outer, angle, inner;
};

static bool is_open(const struct brackets *open)
{
	return open->outer || open->angle;
}

static void take_bracket(struct brackets *open, char byte)
{
	unsigned int *count = open->angle ? &open->inner : &open->outer;
	switch (byte) {
	case '<':
		open->angle += open->inner == 0;
		break;
	case '>':
		open->angle -= open->inner == 0 && open->angle;
		break;
	case '(':
	case '[':
	case '{':
		++*count;
		break;
	case ')':
	case ']':
	case '}':
		*count -= *count > 0;
		break;
	default:
		break;
	}
}

/* Moves on by a character, or an operator, in which brackets are none. */
static size_t step_over(const char *name, size_t length, size_t at, struct brackets *open)
{
	if (is_operator(name, length, at))
		return operator_length(name, length, at);
	take_bracket(open, name[at]);
	return 1;
}

/* The type of the result, which templates have: its length with the space behind. */
static size_t result_length(const char *name, size_t length)
{
	size_t result = 0, step;
	struct brackets open = {0};
	for (size_t at = 0; at < length; at += step) {
		if (!is_open(&open) && is_operator(name, length, at))
			break;
		if (!is_open(&open) && name[at] == ' ' && at + 1 < length && name[at + 1] != '[')
			result = at + 1;
		step = step_over(name, length, at, &open);
	}
	return result;
}

/* Is the name that of a thing with such words before, no type? */
static bool is_special(const char *name, size_t length)
{
	static const char *const words[] = {" thunk to ", "guard variable for ", "vtable for "};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (memmem(name, length, words[i], strlen(words[i])))
			return true;
	return false;
}

void ct_shown_bare(const char *name, size_t length, struct ct_strbuf *ret)
{
	size_t begin, end, from = 0;
	find_parameters(name, length, &begin, &end);
	/* What has no parameters is no function of C++. */
	if (begin < length && !is_special(name, begin))
		from = result_length(name, begin);
	ct_strbuf_add(ret, name + from, begin - from);
	/* A part of a function is not the function. */
	const char *clone = begin < length ? memmem(name + end, length - end, " [clone", 7) : NULL;
	if (clone)
		ct_strbuf_add(ret, clone, length - (size_t)(clone - name));
}

static void add_without_templates(struct ct_strbuf *ret, const char *name, size_t length)
{
	struct brackets open = {0};
	size_t step, begin = ret->length;
	for (size_t at = 0; at < length; at += step) {
		bool was_open = open.angle > 0;
		step = step_over(name, length, at, &open);
		if (!was_open || !open.angle)
			ct_strbuf_add(ret, name + at, step);
	}
	/* It is not as it seems. */
	if (open.angle) {
		ret->length = begin;
		ct_strbuf_add(ret, name, length);
	}
}

static void add_form(struct ct_strbuf *ret, const char *name, enum form form)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf bare = {0};
	size_t length = strlen(name);
	if (form == FORM_BARE) {
		ct_shown_bare(name, length, ret);
		return;
	}
	if (form == FORM_BARE_PLAIN) {
		ct_shown_bare(name, length, &bare);
		ret->failed |= bare.failed;
		name = bare.bytes ? bare.bytes : "";
		length = bare.length;
	}
	add_without_templates(ret, name, length);
}

/* ---- cutting ---- */

static const char dots[] = "...";
enum { DOTS = sizeof(dots) - 1 };

/* Where the last of the parts begins that scopes, or folders, come before. */
static size_t last_part(const char *name, size_t length, bool is_symbol, size_t columns)
{
	struct brackets open = {0};
	size_t last = 0, step;
	for (size_t at = 0; at < length; at += step) {
		bool is_border = is_symbol ? !is_open(&open) && at + 1 < length &&
						     name[at] == ':' && name[at + 1] == ':'
					   : name[at] == '/';
		if (is_border && at) {
			last = at;
			if (DOTS + ct_plain_text_columns(name + at, length - at) <= columns)
				return at;
		}
		step = is_symbol && !is_border ? step_over(name, length, at, &open) : 1;
		if (is_border && is_symbol)
			step = 2;
	}
	return last;
}

/* `name` is plain. Of two that are the same with so many columns, all shorter ones are. */
static void add_cut(struct ct_strbuf *ret, const char *name, size_t length, bool is_symbol,
		    size_t columns)
{
	if (ct_plain_text_columns(name, length) <= columns) {
		ct_strbuf_add(ret, name, length);
		return;
	}
	size_t part = last_part(name, length, is_symbol, columns);
	if (part && DOTS + ct_plain_text_columns(name + part, length - part) <= columns) {
		ct_strbuf_add(ret, dots, DOTS);
		ct_strbuf_add(ret, name + part, length - part);
		return;
	}
	if (part) {
		part += is_symbol ? 2 : 1;
		name += part;
		length -= part;
	}
	size_t left = columns > DOTS ? columns - DOTS : 0, tail = left / 2;
	size_t tail_bytes = ct_plain_text_tail(name, length, tail);
	if (ct_plain_text_columns(name, length) <= columns) {
		ct_strbuf_add(ret, name, length);
		return;
	}
	ct_strbuf_add(ret, name, ct_plain_text_head(name, length, left - tail));
	ct_strbuf_add(ret, dots, DOTS);
	ct_strbuf_add(ret, name + length - tail_bytes, tail_bytes);
}

/* The name as short as it may become: what names are told apart by when nothing else does. */
static void add_shortest(struct ct_strbuf *ret, const char *name, bool is_symbol, size_t columns)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf form = {0}, plain = {0};
	if (is_symbol)
		add_form(&form, name, FORM_BARE_PLAIN);
	else
		ct_strbuf_add_string(&form, name);
	ct_plain_text_add(&plain, form.bytes ? form.bytes : "", form.length);
	add_cut(ret, plain.bytes ? plain.bytes : "", plain.length, is_symbol, columns);
	ret->failed |= form.failed || plain.failed;
}

/* ---- which look alike ---- */

/* A text and whose it is. Texts are known by 64 bits of hash: two that differ and share
 * them are only numbered without need. */
struct text {
	uint64_t hash;
	uint32_t class_number;
	uint32_t index; /* of the name */
	uint8_t form;
};
/* Forms of texts beside those of names. Numbers are given by a text that is shorter than any that
 * is shown, so that a name has the same one whatever the width. */
enum { TEXT_WHOLE = FORM_COUNT, TEXT_CUT, TEXT_NUMBERED };
enum { NUMBER_COLUMNS = 6 };

static int compare_texts(const void *a, const void *b)
{
	const struct text *left = a, *right = b;
	if (left->hash != right->hash)
		return left->hash < right->hash ? -1 : 1;
	if (left->class_number != right->class_number)
		return left->class_number < right->class_number ? -1 : 1;
	return left->index < right->index ? -1 : left->index > right->index;
}

static uint64_t hash_of(const struct ct_strbuf *text)
{
	return ct_hash_bytes(text->bytes ? text->bytes : "", text->length);
}

static const char *name_of(const struct ct_shown *shown, size_t index)
{
	return shown->options.name(shown->options.context, index);
}

/* What is known of a name by a text of its, that `classes` different names have. */
static void note(struct name *name, const struct text *text, uint32_t classes, uint32_t number)
{
	if (text->form < FORM_COUNT)
		name->is_unique[text->form] = classes == 1;
	else if (text->form == TEXT_CUT)
		name->is_unique_cut = classes == 1;
	else if (text->form == TEXT_NUMBERED)
		name->number = number;
}

static void tell_apart(struct ct_shown *shown, struct text *texts, size_t count)
{
	qsort(texts, count, sizeof(*texts), compare_texts);
	for (size_t begin = 0, end; begin < count; begin = end) {
		uint32_t classes = 1, number = 1;
		for (end = begin + 1; end < count && texts[end].hash == texts[begin].hash; end++)
			classes += texts[end].class_number != texts[end - 1].class_number;
		for (size_t i = begin; i < end; i++) {
			number += i > begin && texts[i].class_number != texts[i - 1].class_number;
			note(&shown->names[texts[i].index], &texts[i], classes, number);
		}
	}
}

/* Equal names are of one class, the number of the first of them. */
static void classify(struct ct_shown *shown, struct text *texts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *name = name_of(shown, i);
		texts[i] = (struct text){.hash = ct_hash_bytes(name, strlen(name)),
					 .index = (uint32_t)i};
	}
	qsort(texts, count, sizeof(*texts), compare_texts);
	for (size_t begin = 0, i = 0; i < count; i++) {
		if (texts[i].hash != texts[begin].hash)
			begin = i;
		shown->names[texts[i].index].class_number = texts[begin].index;
	}
}

static void add_text(const struct ct_shown *shown, struct ct_strbuf *ret, size_t index, int form)
{
	const struct ct_shown_options *options = &shown->options;
	const char *name = name_of(shown, index);
	if (form < FORM_COUNT)
		add_form(ret, name, (enum form)form);
	else if (form == TEXT_WHOLE)
		ct_strbuf_add_string(ret, name);
	else
		add_shortest(ret, name, options->are_symbols,
			     options->least_columns - (form == TEXT_NUMBERED ? NUMBER_COLUMNS : 0));
}

static struct ct_error *compare_texts_of(struct ct_shown *shown, struct text *texts, int first,
					 int last)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	size_t count = 0;
	for (size_t i = 0; i < shown->options.count; i++) {
		for (int form = first; form <= last; form++) {
			text.length = 0;
			add_text(shown, &text, i, form);
			texts[count++] = (struct text){hash_of(&text), shown->names[i].class_number,
						       (uint32_t)i, (uint8_t)form};
		}
	}
	tell_apart(shown, texts, count);
	return text.failed ? ct_error_nomem : NULL;
}

static struct ct_error *compare_names(struct ct_shown *shown)
{
	size_t count = shown->options.count;
	ct_cleanup(ct_cleanup_free) struct text *texts = calloc(count + 1,
								(TEXT_WHOLE + 1) * sizeof(*texts));
	struct ct_error *err = NULL;
	if (!texts)
		return ct_error_nomem;
	classify(shown, texts, count);
	if (shown->options.are_symbols)
		err = compare_texts_of(shown, texts, 0, TEXT_WHOLE);
	if (!err)
		err = compare_texts_of(shown, texts, TEXT_CUT, TEXT_CUT);
	if (!err)
		err = compare_texts_of(shown, texts, TEXT_NUMBERED, TEXT_NUMBERED);
	return err;
}

/* ---- life ---- */

void ct_shown_destroy(struct ct_shown *shown)
{
	if (!shown)
		return;
	for (size_t i = 0; i < shown->options.count; i++) {
		if (shown->names)
			free(shown->names[i].text);
		if (shown->whole)
			free(shown->whole[i]);
	}
	free(shown->names);
	free(shown->whole);
	free(shown);
}

void ct_shown_cleanup(struct ct_shown **shown)
{
	ct_shown_destroy(*shown);
}

struct ct_error *ct_shown_create(const struct ct_shown_options *options, struct ct_shown **ret)
{
	ct_cleanup(ct_shown_cleanup) struct ct_shown *shown = calloc(1, sizeof(*shown));
	struct ct_error *err = NULL;
	if (!shown)
		return ct_error_nomem;
	shown->whole = calloc(options->count + 1, sizeof(*shown->whole));
	if (!shown->whole)
		return ct_error_nomem;
	shown->options = *options;
	if (shown->options.least_columns < CT_SHOWN_LEAST_COLUMNS)
		shown->options.least_columns = CT_SHOWN_LEAST_COLUMNS;
	if (!options->are_whole) {
		shown->names = calloc(options->count + 1, sizeof(*shown->names));
		err = shown->names ? compare_names(shown) : ct_error_nomem;
	}
	if (err)
		return err;
	*ret = ct_take(shown);
	return NULL;
}

static const char *function_name(const void *session, size_t index)
{
	return ((const struct ct_session *)session)->functions[index].name;
}

struct ct_error *ct_shown_functions(const struct ct_session *session, unsigned int least_columns,
				    struct ct_shown **ret)
{
	const struct ct_shown_options options = {
		.name = function_name,
		.context = session,
		.count = session->function_count,
		.are_whole = !ct_page_cuts_names(),
		.are_symbols = true,
		.least_columns = least_columns,
	};
	return ct_shown_create(&options, ret);
}

/* ---- names ---- */

static const char out_of_memory[] = "(out of memory)";

static const char *whole_name(struct ct_shown *shown, size_t index)
{
	const char *name = name_of(shown, index);
	size_t length = strlen(name);
	struct ct_strbuf text = {0};
	if (shown->whole[index])
		return shown->whole[index];
	if (ct_plain_text_is(name, length))
		return name;
	ct_plain_text_add(&text, name, length);
	shown->whole[index] = text.bytes;
	return text.bytes ? text.bytes : out_of_memory;
}

static bool fits(const struct ct_strbuf *text, size_t columns)
{
	return ct_plain_text_columns(text->bytes ? text->bytes : "", text->length) <= columns;
}

void ct_shown_cut(struct ct_strbuf *ret, const char *text, unsigned int columns)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf plain = {0};
	ct_plain_text_add(&plain, text, strlen(text));
	ret->failed |= plain.failed;
	if (plain.length)
		add_cut(ret, plain.bytes, plain.length, false, columns ? columns : SIZE_MAX);
}

/* The longest form that fits and that no other name has, or one that is cut and numbered. */
static void shorten(const struct ct_shown *shown, size_t index, size_t columns,
		    struct ct_strbuf *ret)
{
	const struct name *name = &shown->names[index];
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	char number[16] = "";
	for (enum form form = FORM_BARE; shown->options.are_symbols && form < FORM_COUNT; form++) {
		text.length = ret->length = 0;
		add_form(&text, name_of(shown, index), form);
		ct_plain_text_add(ret, text.bytes ? text.bytes : "", text.length);
		if (name->is_unique[form] && fits(ret, columns))
			return;
	}
	ret->length = 0;
	if (!name->is_unique_cut)
		snprintf(number, sizeof(number), " #%u", name->number);
	add_shortest(ret, name_of(shown, index), shown->options.are_symbols,
		     columns - strlen(number));
	ct_strbuf_add_string(ret, number);
}

const char *ct_shown_name(struct ct_shown *shown, size_t index, unsigned int columns)
{
	const char *whole = whole_name(shown, index);
	struct ct_strbuf text = {0};
	if (!shown->names)
		return whole;
	if (columns < shown->options.least_columns)
		columns = shown->options.least_columns;
	if (ct_plain_text_columns(whole, strlen(whole)) <= columns)
		return whole;
	struct name *name = &shown->names[index];
	if (name->text && name->columns == columns)
		return name->text;
	free(name->text);
	shorten(shown, index, columns, &text);
	name->text = text.bytes;
	name->columns = columns;
	return text.bytes && !text.failed ? text.bytes : out_of_memory;
}
