/* SPDX-License-Identifier: MIT */
/* calltrace recover: the JSON document of a process that was killed. */
#include "cli/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/convert.h"
#include "cli/inputs.h"
#include "cli/term.h"
#include "exporter/exporter.h"

/* The real path of the folder `path` names a file in; NULL: there is none. */
static char *real_directory(const char *path)
{
	ct_cleanup(ct_cleanup_free) char *directory = strdup(path);
	char *slash = directory ? strrchr(directory, '/') : NULL;

	if (!directory)
		return NULL;
	if (slash)
		slash[1] = '\0';
	return realpath(slash ? directory : ".", NULL);
}

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* Is RAW named as the runtime names the raw trace of `document`? One that it moved aside for a
 * later run is not, and the document of that name is the later run's. */
static bool belongs_to(const char *raw, const char *document)
{
	static const char raw_ending[] = ".ctrace";
	const char *raw_name = file_name(raw);
	const char *name = file_name(document);
	size_t length = ct_exporter_stem_length(name);

	if (strcmp(name + length, raw_ending) == 0 || strncmp(raw_name, name, length) != 0 ||
	    strcmp(raw_name + length, raw_ending) != 0)
		return false;
	ct_cleanup(ct_cleanup_free) char *raw_directory = real_directory(raw);
	ct_cleanup(ct_cleanup_free) char *directory = real_directory(document);
	return raw_directory && directory && strcmp(raw_directory, directory) == 0;
}

/* The document the runtime would have written from RAW; NULL: RAW has another name by now. */
static char *wanted_output(const struct ct_convert *convert, const struct ct_trace *trace)
{
	struct ct_bytes stored = ct_trace_string(trace, ct_trace_info(trace)->output);

	if (stored.length > 0 && stored.bytes[0] == '/') {
		char *path = strndup(stored.bytes, stored.length);
		if (path && belongs_to(convert->raw, path))
			return path;
		free(path);
	}
	return NULL;
}

static void say_how_it_ended(const struct ct_trace *trace)
{
	const struct ct_file_info *info = ct_trace_info(trace);

	switch (ct_trace_end(trace)) {
	case CT_END_CRASH: {
		const char *name = sigabbrev_np((int)info->crash_signal);
		ct_term_say("process %u crashed by signal %u (%s%s)", info->pid, info->crash_signal,
			    name ? "SIG" : "unknown", name ? name : "");
		break;
	}
	case CT_END_KILLED:
		if (ct_trace_is_live(trace))
			ct_term_say("process %u is still running", info->pid);
		else
			ct_term_say("process %u was killed", info->pid);
		break;
	case CT_END_STOPPED:
		ct_term_say("recording stopped before the end of process %u", info->pid);
		break;
	default:
		if (info->state == CT_STATE_EXEC)
			ct_term_say("process %u was replaced by another program", info->pid);
		else
			ct_term_say("process %u exited", info->pid);
	}
}

static void say_what_was_saved(const struct ct_convert *convert, const char *output,
			       const struct ct_convert_summary *summary)
{
	ct_term_say("%" PRIu64 " call%s of %" PRIu64 " thread%s in '%s', %" PRIu64 " event%s lost",
		    summary->calls, summary->calls == 1 ? "" : "s", summary->threads,
		    summary->threads == 1 ? "" : "s", output, summary->lost_events,
		    summary->lost_events == 1 ? "" : "s");
	if (!convert->remove_raw)
		ct_term_say("the raw trace '%s' is kept", convert->raw);
}

static enum ct_exit save_one(const struct ct_convert *convert, struct ct_trace *trace,
			     const char *name, struct ct_error **err)
{
	struct ct_convert_summary summary;
	ct_cleanup(ct_cleanup_free) char *wanted = wanted_output(convert, trace);
	const char *output = convert->output ? convert->output : wanted ? wanted : name;

	if (!convert->quiet)
		say_how_it_ended(trace);
	enum ct_exit status = ct_convert_run(convert, trace, output, &summary, err);
	if (status == CT_EXIT_OK && !convert->quiet)
		say_what_was_saved(convert, output, &summary);
	return status;
}

static enum ct_exit run(int argc, char **argv, struct ct_error **err)
{
	return ct_convert_each(argc, argv, save_one, err);
}

static const struct ct_option_group *const groups[] = {&ct_convert_group};

const struct ct_command ct_command_recover = {
	.name = "recover",
	.run = run,
	.summary = "save the calls of a process that was killed as a JSON document",
	.synopsis = "[TRACE]... [-o FILE] [OPTION]...",
	.description =
		"Writes the raw trace TRACE, which a killed process left behind, as a JSON document, "
		"or in another format if FILE's extension says so, and says how the process ended, "
		"what was saved and what is lost. TRACE is kept. It may be a folder with raw traces; "
		"without one, " CT_DEFAULT_FOLDER
		" is read. Without -o the document has the name the program was to write, if TRACE "
		"still has the name that belongs to it, else the name that 'calltrace json' gives.",
	.groups = groups,
	.group_count = 1,
};
