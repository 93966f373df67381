/* SPDX-License-Identifier: MIT */
/*
 * Where a command's result goes: standard output, through a pager when that is
 * a terminal, in colour where that is wanted, or as JSON. One for each process.
 */
#ifndef CT_CLI_PAGE_H
#define CT_CLI_PAGE_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/options.h"
#include "export/json_writer.h"

struct ct_page_options {
	bool json;
	bool no_pager;
	bool full_names;
	unsigned int colour; /* auto|always|never */
};
extern const struct ct_option_group ct_page_group;

enum ct_style {
	CT_STYLE_PLAIN,
	CT_STYLE_HEAD,
	CT_STYLE_NAME,
	CT_STYLE_DIM,
	CT_STYLE_GOOD,
	CT_STYLE_BAD
};

/* Start the pager when there is to be one. */
void ct_page_begin(const struct ct_page_options *options);
/* Wait for the pager. CT_EXIT_OK; or a failure to write, with an error, or CT_EXIT_ABANDONED.
 * An error that `*err` is already goes before. */
enum ct_exit ct_page_end(struct ct_error **err);

/* What was printed until now is to be seen now. False: it cannot be written. */
bool ct_page_flush(void);

bool ct_page_is_json(void);
/* Columns of the terminal; 80 when it is none, and unless $COLUMNS says otherwise. */
unsigned int ct_page_columns(void);
/* Names are shortened to fit into them: on a terminal, unless the user wants them whole. */
bool ct_page_cuts_names(void);
/* Bytes of a trace, to standard output: control characters are written out. */
void ct_page_put_text(const char *bytes, size_t length);
/* "" without colour. */
const char *ct_page_style(enum ct_style style);

/* For documents: text that goes to standard output. Flushed by ct_page_end(). */
struct ct_json_writer *ct_page_json(void);

#endif
