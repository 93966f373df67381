/* SPDX-License-Identifier: MIT */
/* Findings: see findings.h. */
#include "cli/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "cli/options.h"
#include "cli/page.h"
#include "base/plain_text.h"

static const struct {
	const char *name;
	enum ct_style style;
} marks[] = {
	[CT_MARK_OK] = {"ok", CT_STYLE_GOOD},
	[CT_MARK_NOTE] = {"note", CT_STYLE_NAME},
	[CT_MARK_PROBLEM] = {"problem", CT_STYLE_BAD},
};

void ct_findings_deinit(struct ct_findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		free(findings->rows[i].what);
		free(findings->rows[i].remedy);
	}
	free(findings->rows);
	*findings = (struct ct_findings){0};
}

void ct_findings_add(struct ct_findings *findings, enum ct_mark mark, const char *check,
		     const char *format, ...)
{
	va_list args;
	struct ct_finding row = {.mark = mark, .check = check};
	if (findings->count == findings->capacity) {
		size_t capacity = findings->capacity ? findings->capacity * 2 : 32;
		struct ct_finding *rows = reallocarray(findings->rows, capacity, sizeof(*rows));
		if (!rows) {
			findings->failed = true;
			return;
		}
		findings->rows = rows;
		findings->capacity = capacity;
	}
	va_start(args, format);
	bool is_made = vasprintf(&row.what, format, args) >= 0;
	va_end(args);
	if (is_made)
		findings->rows[findings->count++] = row;
	else
		findings->failed = true;
}

void ct_findings_remedy(struct ct_findings *findings, const char *format, ...)
{
	va_list args;
	char *text;
	if (findings->failed || findings->count == 0)
		return;
	va_start(args, format);
	bool is_made = vasprintf(&text, format, args) >= 0;
	va_end(args);
	if (is_made)
		findings->rows[findings->count - 1].remedy = text;
	else
		findings->failed = true;
}

const struct ct_finding *ct_findings_problem(const struct ct_findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->rows[i].mark == CT_MARK_PROBLEM)
			return &findings->rows[i];
	return NULL;
}

/* Names out of files may hold anything. */
static void print_wrapped(const char *text, unsigned int indent, unsigned int columns)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf plain = {0};
	ct_plain_text_add(&plain, text, strlen(text));
	ct_options_wrap(stdout, plain.bytes ? plain.bytes : "", indent, indent, columns);
}

static void print_row(const struct ct_finding *row)
{
	enum { INDENT = 9 };
	unsigned int columns = ct_page_columns() - 1;
	printf("%s%-*s%s", ct_page_style(marks[row->mark].style), INDENT, marks[row->mark].name,
	       ct_page_style(CT_STYLE_PLAIN));
	print_wrapped(row->what, INDENT, columns);
	if (!row->remedy)
		return;
	printf("%*s-> ", INDENT, "");
	print_wrapped(row->remedy, INDENT + 3, columns);
}

static void put_row(const struct ct_finding *row)
{
	struct ct_json_writer *writer = ct_page_json();
	ct_json_begin(writer, NULL, '{');
	ct_json_put_string(writer, "check", row->check);
	ct_json_put_string(writer, "mark", marks[row->mark].name);
	ct_json_put_string(writer, "finding", row->what);
	if (row->remedy)
		ct_json_put_string(writer, "remedy", row->remedy);
	else
		ct_json_put_null(writer, "remedy");
	ct_json_end(writer, '}');
}

void ct_findings_print(const struct ct_findings *findings)
{
	if (ct_page_is_json())
		ct_json_begin(ct_page_json(), "findings", '[');
	for (size_t i = 0; i < findings->count; i++) {
		if (ct_page_is_json())
			put_row(&findings->rows[i]);
		else
			print_row(&findings->rows[i]);
	}
	if (ct_page_is_json())
		ct_json_end(ct_page_json(), ']');
}
