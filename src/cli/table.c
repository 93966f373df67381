/* SPDX-License-Identifier: MIT */
/* Tables: see table.h. */
#include "cli/table.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/strbuf.h"
#include "cli/page.h"
#include "cli/shown.h"

enum { NAME_GAP = 2 };

static void print_head(const struct ct_table *table)
{
	fputs(ct_page_style(CT_STYLE_HEAD), stdout);
	for (size_t i = 0; i < table->column_count; i++) {
		const struct ct_column *column = &table->columns[i];
		if (!column->title)
			continue;
		if (column->kind == CT_COLUMN_NAME)
			printf("%*s%-*s", NAME_GAP, "", (int)column->width, column->title);
		else
			printf("%*s", (int)column->width, column->title);
	}
	printf("%s\n", ct_page_style(CT_STYLE_PLAIN));
}

void ct_table_begin(const struct ct_table *table, const char *key)
{
	if (ct_page_is_json())
		ct_json_begin(ct_page_json(), key, '[');
	else
		print_head(table);
}

static void print_percent_change(char *ret, size_t size, double percent)
{
	if (fabs(percent) < 10000)
		snprintf(ret, size, "%+.1f %%", percent);
	else
		snprintf(ret, size, "x %.4g", 1 + percent / 100);
}

static void print_ns_change(char *ret, double ns)
{
	*ret = ns < 0 ? '-' : '+';
	ct_duration_print(ret + 1, (uint64_t)(fabs(ns) + 0.5));
}

unsigned int ct_table_rest(const struct ct_table *table)
{
	unsigned int columns = ct_page_columns(), used = 0;
	for (size_t i = 0; i < table->column_count; i++) {
		const struct ct_column *column = &table->columns[i];
		if (column->title)
			used += column->width + (column->kind == CT_COLUMN_NAME ? NAME_GAP : 0);
	}
	return columns > used + CT_SHOWN_LEAST_COLUMNS ? columns - used : CT_SHOWN_LEAST_COLUMNS;
}

static void print_name(const struct ct_table *table, const struct ct_column *column,
		       const struct ct_cell *cell)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	const char *name = cell->shown ? cell->shown : "-";
	if (!cell->shown && cell->text) {
		bool is_cut = ct_page_cuts_names() && column->width == 0;
		ct_shown_cut(&text, cell->text, is_cut ? ct_table_rest(table) : 0);
		name = text.bytes ? text.bytes : "";
	}
	printf("%*s%s%-*s%s", NAME_GAP, "",
	       ct_page_style(cell->style ? cell->style : CT_STYLE_NAME), (int)column->width, name,
	       ct_page_style(CT_STYLE_PLAIN));
}

static void print_cell(const struct ct_column *column, const struct ct_cell *cell)
{
	char text[32] = "-";
	if (!cell->is_absent && column->kind == CT_COLUMN_COUNT)
		snprintf(text, sizeof(text), "%" PRIu64, cell->number);
	else if (!cell->is_absent && column->kind == CT_COLUMN_PERCENT)
		snprintf(text, sizeof(text), "%.2f %%", cell->real);
	else if (!cell->is_absent && column->kind == CT_COLUMN_CHANGE)
		print_percent_change(text, sizeof(text), cell->real);
	else if (!cell->is_absent && column->kind == CT_COLUMN_NS_CHANGE)
		print_ns_change(text, cell->real);
	else if (!cell->is_absent && column->kind == CT_COLUMN_REAL)
		snprintf(text, sizeof(text), "%.4g", cell->real);
	else if (!cell->is_absent)
		ct_duration_print(text, cell->number ? cell->number : (uint64_t)(cell->real + 0.5));
	printf("%*s", (int)column->width, text);
}

static void put_cell(struct ct_json_writer *writer, const struct ct_column *column,
		     const struct ct_cell *cell)
{
	if (cell->is_absent || (column->kind == CT_COLUMN_NAME && !cell->text))
		ct_json_put_null(writer, column->key);
	else if (column->kind == CT_COLUMN_NAME)
		ct_json_put_string(writer, column->key, cell->text);
	else if (column->kind == CT_COLUMN_REAL)
		ct_json_put_exact(writer, column->key, cell->real);
	else if (column->kind == CT_COLUMN_PERCENT || column->kind == CT_COLUMN_CHANGE ||
		 column->kind == CT_COLUMN_NS_CHANGE ||
		 (column->kind == CT_COLUMN_NS && !cell->number))
		ct_json_put_real(writer, column->key, cell->real);
	else
		ct_json_put_u64(writer, column->key, cell->number);
}

void ct_table_row(const struct ct_table *table, const struct ct_cell *cells)
{
	struct ct_json_writer *writer = ct_page_json();
	if (ct_page_is_json())
		ct_json_begin(writer, NULL, '{');
	for (size_t i = 0; i < table->column_count; i++) {
		if (ct_page_is_json())
			put_cell(writer, &table->columns[i], &cells[i]);
		else if (table->columns[i].title && table->columns[i].kind == CT_COLUMN_NAME)
			print_name(table, &table->columns[i], &cells[i]);
		else if (table->columns[i].title)
			print_cell(&table->columns[i], &cells[i]);
	}
	if (ct_page_is_json())
		ct_json_end(writer, '}');
	else
		putchar('\n');
}

void ct_table_end(void)
{
	if (ct_page_is_json())
		ct_json_end(ct_page_json(), ']');
}
