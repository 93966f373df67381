/* SPDX-License-Identifier: MIT */
/* calltrace json: a raw trace to the JSON document. */
#include "cli/command.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cli/convert.h"
#include "cli/term.h"

static void trace_cleanup(struct ct_trace **trace)
{
	ct_trace_destroy(*trace);
}

static void warn_of_loss(const char *raw, uint64_t lost_events)
{
	ct_term_say("'%s' lacks %" PRIu64
		    " event%s or more: they were lost while recording, or the "
		    "file was cut short or damaged",
		    raw, lost_events, lost_events == 1 ? "" : "s");
}

static enum ct_exit run(int argc, char **argv, struct ct_error **err)
{
	ct_cleanup(trace_cleanup) struct ct_trace *trace = NULL;
	struct ct_convert convert;
	struct ct_convert_summary summary;

	*err = ct_convert_parse(argc, argv, &convert);
	if (*err)
		return CT_EXIT_USAGE;
	*err = ct_convert_open(&convert, &trace);
	if (*err)
		return CT_EXIT_FAILURE;
	ct_cleanup(ct_cleanup_free) char *name = ct_convert_default_output(convert.raw);
	if (!name) {
		*err = ct_error_nomem;
		return CT_EXIT_FAILURE;
	}
	enum ct_exit status = ct_convert_run(&convert, trace,
					     convert.output ? convert.output : name, &summary, err);
	if (status == CT_EXIT_OK && summary.lost_events > 0 && !convert.quiet)
		warn_of_loss(convert.raw, summary.lost_events);
	return status;
}

static const struct ct_option_group *const groups[] = {&ct_convert_group};

const struct ct_command ct_command_json = {
	.name = "json",
	.run = run,
	.summary = "write a raw trace as a JSON document",
	.synopsis = "TRACE [-o FILE] [OPTION]...",
	.description =
		"Writes the raw trace TRACE (.ctrace) as a JSON document, without -o under TRACE's "
		"name with .json in place of .ctrace. If FILE's extension is that of another format, "
		"FILE gets that one ('calltrace help export').",
	.groups = groups,
	.group_count = 1,
};
