/* SPDX-License-Identifier: MIT */
/* calltrace export: traces in other programs' formats. */
#include "cli/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "analysis/call_tree.h"
#include "base/cleanup.h"
#include "cli/inputs.h"
#include "cli/term.h"
#include "cli/view.h"
#include "exporter/exporter.h"

enum { FORMAT_BY_NAME = 1000 };

struct export_options {
	unsigned int format; /* as ct_exporter_at() counts, or FORMAT_BY_NAME */
	const char *output;
	bool by_thread, by_calls, with_modules, quiet;
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
	{.kind = CT_OPTION_FLAG,
	 .name = "by-thread",
	 .help = "folded, svg: the outermost frames are threads",
	 .offset = OFFSET(by_thread)},
	{.kind = CT_OPTION_FLAG,
	 .name = "by-calls",
	 .help = "folded, svg: count calls, in place of the time that they took themselves",
	 .offset = OFFSET(by_calls)},
	{.kind = CT_OPTION_FLAG,
	 .name = "modules",
	 .help = "folded, svg: put a function's module before it, as in module`function",
	 .offset = OFFSET(with_modules)},
	{.kind = CT_OPTION_FLAG,
	 .letter = 'q',
	 .name = "quiet",
	 .help = "say nothing but errors",
	 .offset = OFFSET(quiet)},
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

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

/* What the file cannot show, or does not show everybody. */
static void tell(const struct ct_export_summary *summary)
{
	ct_view_tell_lost(summary->lost_events);
	if (summary->folded_calls)
		ct_term_say("there are more than %d paths of calls: %" PRIu64 " call%s count%s as "
			    "the time of their callers; choose with --function or --max-depth",
			    CT_CALL_TREE_MOST, summary->folded_calls, plural(summary->folded_calls),
			    summary->folded_calls == 1 ? "s" : "");
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
	struct ct_export_summary summary;
	int operands;
	*err = ct_options_read(argc, argv, targets, 2, false, &operands);
	if (!*err)
		*err = choose(&options, &exporter);
	if (*err)
		return CT_EXIT_USAGE;
	*err = ct_inputs_open(&input_options, argv + 1, operands, &session, &selection);
	if (*err)
		return CT_EXIT_FAILURE;
	const struct ct_export_request request = {
		.session = session,
		.selection = selection,
		.path = options.output ? options.output : "-",
		.by_thread = options.by_thread,
		.by_calls = options.by_calls,
		.with_modules = options.with_modules,
		.progress = options.quiet ? NULL : ct_term_progress,
	};
	*err = ct_exporter_write(exporter, &request, &summary);
	ct_term_clear();
	if (*err && summary.is_abandoned) {
		ct_error_destroy(*err);
		*err = NULL;
		return CT_EXIT_ABANDONED;
	}
	if (*err)
		return CT_EXIT_FAILURE;
	if (!options.quiet)
		tell(&summary);
	return CT_EXIT_OK;
}

static bool list_item(size_t index, const char **ret_name, const char **ret_text,
		      const char **ret_extensions)
{
	const struct ct_exporter *exporter = ct_exporter_at(index);
	if (!exporter)
		return false;
	*ret_name = exporter->name;
	*ret_text = exporter->summary;
	*ret_extensions = exporter->extensions;
	return true;
}

const struct ct_command ct_command_export = {
	.name = "export",
	.run = run,
	.summary = "write traces in other programs' formats",
	.synopsis = "[--format FORMAT] [-o FILE] [TRACE]... [OPTION]...",
	.description =
		"Writes the calls of TRACE in a format that other programs read. TRACE is a raw trace (.ctrace), a "
		"packed one (.ctpack) or a folder with raw ones; without one, " CT_DEFAULT_FOLDER
		" is read. A file's extension tells the format, for CALLTRACE_OUTPUT and 'record "
		"-o' too.",
	.list_title = "Formats",
	.list_item = list_item,
	.groups = groups,
	.group_count = sizeof(groups) / sizeof(groups[0]),
};
