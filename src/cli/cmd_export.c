/* SPDX-License-Identifier: MIT */
/* calltrace export: traces in other programs' formats. */
#include "cli/command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/inputs.h"
#include "cli/term.h"
#include "exporter/exporter.h"

enum { FORMAT_BY_NAME = 1000 };

struct export_options {
	unsigned int format; /* as ct_exporter_at() counts, or FORMAT_BY_NAME */
	const char *output;
};

#define OFFSET(member) offsetof(struct export_options, member)
static const struct ct_option options_table[] = {
	{.kind = CT_OPTION_CHOICE,
	 .letter = 'F',
	 .name = "format",
	 .value = "FORMAT",
	 .choices = CT_EXPORTER_NAMES,
	 .help = "the format; without it, what the output's extension says",
	 .offset = OFFSET(format)},
	{.kind = CT_OPTION_TEXT,
	 .letter = 'o',
	 .name = "output",
	 .value = "FILE",
	 .choices = "file",
	 .help = "write to FILE; without it, or if it is '-', to standard output",
	 .offset = OFFSET(output)},
};
static const struct ct_option_group own_group = {
	.options = options_table,
	.count = sizeof(options_table) / sizeof(options_table[0]),
};
static const struct ct_option_group *const groups[] = {&own_group, &ct_input_group};

static struct ct_error *choose(const struct export_options *options, const struct ct_exporter **ret)
{
	bool is_stdout = !options->output || strcmp(options->output, "-") == 0;
	*ret = options->format != FORMAT_BY_NAME ? ct_exporter_at(options->format)
	       : is_stdout			 ? NULL
						 : ct_exporter_by_path(options->output);
	if (options->output && !*options->output)
		return ct_error_create("export: the name of the output is empty");
	if (!*ret && is_stdout)
		return ct_error_create("export: which format? --format takes %s",
				       CT_EXPORTER_NAMES);
	if (!*ret)
		return ct_error_create("export: the name '%s' does not tell the format; --format "
				       "takes %s",
				       options->output, CT_EXPORTER_NAMES);
	if ((*ret)->is_folder && is_stdout)
		return ct_error_create("export: %s is a folder of files; name it with -o",
				       (*ret)->name);
	if ((*ret)->is_binary && is_stdout && isatty(STDOUT_FILENO))
		return ct_error_create("export: %s is binary, nothing for a terminal; name a file "
				       "with -o",
				       (*ret)->name);
	return NULL;
}

static enum ct_exit run(int argc, char **argv, struct ct_error **err)
{
	struct export_options options = {.format = FORMAT_BY_NAME};
	struct ct_input_options input_options = {0};
	const struct ct_option_target targets[] = {{&own_group, &options},
						   {&ct_input_group, &input_options}};
	ct_cleanup(ct_inputs_session_cleanup) struct ct_session *session = NULL;
	ct_cleanup(ct_inputs_selection_cleanup) struct ct_selection *selection = NULL;
	const struct ct_exporter *exporter = NULL;
	bool abandoned = false;
	int operands;
	*err = ct_options_read(argc, argv, targets, 2, false, &operands);
	if (!*err)
		*err = choose(&options, &exporter);
	if (*err)
		return CT_EXIT_USAGE;
	*err = ct_inputs_open(&input_options, argv + 1, operands, &session, &selection);
	if (*err)
		return CT_EXIT_FAILURE;
	*err = ct_exporter_write(exporter, session, selection,
				 options.output ? options.output : "-", ct_term_progress,
				 &abandoned);
	ct_term_clear();
	if (*err && abandoned) {
		ct_error_destroy(*err);
		*err = NULL;
		return CT_EXIT_ABANDONED;
	}
	return *err ? CT_EXIT_FAILURE : CT_EXIT_OK;
}

const struct ct_command ct_command_export = {
	.name = "export",
	.run = run,
	.summary = "write traces in other programs' formats",
	.synopsis = "[--format FORMAT] [-o FILE] [TRACE]... [OPTION]...",
	.description =
		"Writes the calls of TRACE in a format that other programs read. TRACE is a raw "
		"trace (.ctrace) or a folder with some; without one, " CT_DEFAULT_FOLDER
		" is read.",
	.groups = groups,
	.group_count = sizeof(groups) / sizeof(groups[0]),
};
