/* SPDX-License-Identifier: MIT */
/* Traces and selections of commands: see inputs.h. */
#include "cli/inputs.h"

#include <errno.h>
#include <unistd.h>

#include "cli/term.h"

#define OFFSET(member) offsetof(struct ct_input_options, member)
static const struct ct_option options_table[] = {
	{.kind = CT_OPTION_LIST,
	 .letter = 'f',
	 .name = "function",
	 .value = "PATTERN",
	 .help = "calls of these functions alone: a glob, /regular expression/, "
		 "file:src/net/*, module:libfoo.so, or several with commas",
	 .offset = OFFSET(functions)},
	{.kind = CT_OPTION_LIST,
	 .letter = 'x',
	 .name = "exclude",
	 .value = "PATTERN",
	 .help = "not these functions: what they called counts as called by their callers",
	 .offset = OFFSET(excluded)},
	{.kind = CT_OPTION_LIST,
	 .name = "inside",
	 .value = "PATTERN",
	 .help = "these functions, and everything below them, alone",
	 .offset = OFFSET(inside)},
	{.kind = CT_OPTION_LIST,
	 .name = "outside",
	 .value = "PATTERN",
	 .help = "neither these functions nor anything below them",
	 .offset = OFFSET(outside)},
	{.kind = CT_OPTION_LIST,
	 .name = "where",
	 .value = "CONDITION",
	 .help = "calls alone whose arguments or result are so: 'handle(id=42, name=\"x*\")', "
		 "'retval<0', 'parse(req.size>=100)'; --inside and --outside take these, too",
	 .offset = OFFSET(where)},
	{.kind = CT_OPTION_LIST,
	 .name = "thread",
	 .value = "THREAD",
	 .help = "this thread alone, by id or by a glob for its name",
	 .offset = OFFSET(threads)},
	{.kind = CT_OPTION_LIST,
	 .name = "process",
	 .value = "PROCESS",
	 .help = "this process alone, by id or by a glob for its program's name",
	 .offset = OFFSET(processes)},
	{.kind = CT_OPTION_TEXT,
	 .name = "time",
	 .value = "A..B",
	 .help = "calls that began between these times from the start: 1.5s..2s, 10ms.., ..1s",
	 .offset = OFFSET(time)},
	{.kind = CT_OPTION_TIME,
	 .name = "min-duration",
	 .value = "TIME",
	 .help = "calls that took at least so long: 10us, 1.5ms",
	 .offset = OFFSET(min_duration_ns)},
	{.kind = CT_OPTION_NUMBER,
	 .name = "max-depth",
	 .value = "N",
	 .help = "the outermost N levels of calls",
	 .offset = OFFSET(max_depth)},
	{.kind = CT_OPTION_FLAG,
	 .name = "live",
	 .help = "read traces that processes still write, as they are now",
	 .offset = OFFSET(live)},
};
const struct ct_option_group ct_input_group = {
	.title = "Which calls",
	.options = options_table,
	.count = sizeof(options_table) / sizeof(options_table[0]),
};

void ct_inputs_session_cleanup(struct ct_session **session)
{
	ct_session_destroy(*session);
}

void ct_inputs_selection_cleanup(struct ct_selection **selection)
{
	ct_selection_destroy(*selection);
}

struct ct_selection_options ct_inputs_selection(const struct ct_input_options *options)
{
	return (struct ct_selection_options){
		.functions = options->functions.texts,
		.function_count = options->functions.count,
		.excluded = options->excluded.texts,
		.excluded_count = options->excluded.count,
		.inside = options->inside.texts,
		.inside_count = options->inside.count,
		.outside = options->outside.texts,
		.outside_count = options->outside.count,
		.where = options->where.texts,
		.where_count = options->where.count,
		.threads = options->threads.texts,
		.thread_count = options->threads.count,
		.processes = options->processes.texts,
		.process_count = options->processes.count,
		.time = options->time,
		.min_duration_ns = options->min_duration_ns,
		.max_depth = options->max_depth,
	};
}

struct ct_error *ct_inputs_paths(char **operands, int operand_count, const char *const **ret,
				 size_t *ret_count)
{
	static const char *const default_paths[] = {CT_DEFAULT_FOLDER};
	if (operand_count == 0 && access(CT_DEFAULT_FOLDER, F_OK) != 0)
		return ct_error_create("there is no '" CT_DEFAULT_FOLDER "' here: name a trace, or "
				       "make one with 'calltrace record PROGRAM'");
	*ret = operand_count ? (const char *const *)operands : default_paths;
	*ret_count = operand_count ? (size_t)operand_count : 1;
	return NULL;
}

struct ct_error *ct_inputs_open(const struct ct_input_options *options, char **operands,
				int operand_count, struct ct_session **ret_session,
				struct ct_selection **ret_selection)
{
	const struct ct_selection_options selection = ct_inputs_selection(options);
	const char *const *paths = NULL;
	size_t path_count = 0;
	struct ct_error *err = ct_selection_check(&selection);
	if (!err)
		err = ct_inputs_paths(operands, operand_count, &paths, &path_count);
	if (!err)
		err = ct_session_open(paths, path_count,
				      (options->live ? CT_SESSION_LIVE : 0U) |
					      (options->has_sides ? CT_SESSION_HAS_SIDES : 0U),
				      ct_term_warn, ret_session);
	return err ? err : ct_selection_create(*ret_session, &selection, ret_selection);
}
