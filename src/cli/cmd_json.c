/* SPDX-License-Identifier: MIT */
/* calltrace json: traces to JSON documents. */
#include "cli/command.h"

#include <inttypes.h>

#include "cli/convert.h"
#include "cli/inputs.h"
#include "cli/term.h"

static void warn_of_loss(const char *raw, uint64_t lost_events)
{
	ct_term_say("'%s' lacks %" PRIu64
		    " event%s or more: they were lost while recording, or the "
		    "file was cut short or damaged",
		    raw, lost_events, lost_events == 1 ? "" : "s");
}

static enum ct_exit write_one(const struct ct_convert *convert, struct ct_trace *trace,
			      const char *name, struct ct_error **err)
{
	struct ct_convert_summary summary;
	enum ct_exit status = ct_convert_run(
		convert, trace, convert->output ? convert->output : name, &summary, err);
	if (status == CT_EXIT_OK && summary.lost_events > 0 && !convert->quiet)
		warn_of_loss(convert->raw, summary.lost_events);
	return status;
}

static enum ct_exit run(int argc, char **argv, struct ct_error **err)
{
	return ct_convert_each(argc, argv, write_one, err);
}

static const struct ct_option_group *const groups[] = {&ct_convert_group};

const struct ct_command ct_command_json = {
	.name = "json",
	.run = run,
	.summary = "write traces as JSON documents",
	.synopsis = "[TRACE]... [-o FILE] [OPTION]...",
	.description =
		"Writes a JSON document for each process. TRACE is a raw trace (.ctrace), a packed "
		"one (.ctpack) or a folder with raw ones; without one, " CT_DEFAULT_FOLDER
		" is read. Without -o the document has TRACE's name with .json in place of its "
		"extension. Where there are several, each has the process's id before .json, and in "
		"the name FILE, too. If FILE's extension is that of another format, FILE gets that "
		"one ('calltrace help export').",
	.groups = groups,
	.group_count = 1,
};
