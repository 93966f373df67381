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
	struct ct_json_summary summary;

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

const struct ct_command ct_command_json = {
	.name = "json",
	.run = run,
	.summary = "write a raw trace as a JSON document",
	.help = "usage: calltrace json RAW [-o OUT] [OPTION]...\n"
		"\n"
		"Writes the raw trace RAW (.ctrace) as a JSON document.\n"
		"\n"
		"  -o, --output OUT     write to OUT; '-' is standard output; without it, to\n"
		"                       RAW's name with .json in place of .ctrace\n"
		"      --pretty         indent; --compact does not; without either, as\n"
		"                       CALLTRACE_PRETTY_JSON was when the trace was recorded\n"
		"      --layout LAYOUT  nested: calls contain the calls they made; flat: one list,\n"
		"                       each call with its parent_id; without it, as\n"
		"                       CALLTRACE_JSON_LAYOUT was\n"
		"      --max-nesting N  in a nested document, calls deeper than N levels lie flat\n"
		"                       in the list of their ancestor at that level; 'unlimited'\n"
		"                       nests all, which jq 1.6 reads up to 83 levels; default\n"
		"                       80, or fewer where values of calls are nested, too\n"
		"      --live           read the trace of a process that still runs\n"
		"      --remove-raw     remove RAW once OUT is complete\n"
		"  -q, --quiet          say nothing but errors\n"
		"      --from-runtime   what libcalltrace.so passes at the program's end:\n"
		"                       --quiet --live --remove-raw\n",
};
