/* SPDX-License-Identifier: MIT */
/* calltrace pack, calltrace merge: traces in one small file that is read as they are. */
#include "cli/command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/pack_writer.h"
#include "analysis/session.h"
#include "base/cleanup.h"
#include "cli/inputs.h"
#include "cli/term.h"

enum { DEFAULT_LEVEL = 3, HIGHEST_LEVEL = 19 };
enum alignment { ALIGN_REALTIME, ALIGN_START };

struct pack_options {
	const char *output;
	uint64_t level;
	unsigned int alignment;
	bool remove, quiet;
};

#define OFFSET(member) offsetof(struct pack_options, member)
#define OUTPUT_OPTION(text)                                                               \
	{                                                                                 \
		.kind = CT_OPTION_TEXT, .letter = 'o', .name = "output", .value = "FILE", \
		.choices = "file", .help = (text), .offset = OFFSET(output)               \
	}
static const struct ct_option pack_table[] = {
	OUTPUT_OPTION("write to FILE; without it to TRACE with .ctpack in place of .ctrace"),
	{.kind = CT_OPTION_FLAG,
	 .name = "remove",
	 .help = "remove the raw traces once FILE is complete",
	 .offset = OFFSET(remove)},
};
static const struct ct_option merge_table[] = {
	OUTPUT_OPTION("write to FILE"),
	{.kind = CT_OPTION_CHOICE,
	 .name = "align",
	 .value = "HOW",
	 .choices = "realtime|start",
	 .help = "realtime: calls keep the time of day they had, by the clocks of their hosts; "
		 "start: each TRACE begins at the same moment, to lay runs beside each other",
	 .offset = OFFSET(alignment)},
};
static const struct ct_option shared_table[] = {
	{.kind = CT_OPTION_NUMBER,
	 .name = "level",
	 .value = "N",
	 .help = "how hard to compress, from 1 to 19, as zstd counts; default 3",
	 .offset = OFFSET(level),
	 .low = 1,
	 .high = HIGHEST_LEVEL},
	{.kind = CT_OPTION_FLAG,
	 .letter = 'q',
	 .name = "quiet",
	 .help = "say nothing but errors",
	 .offset = OFFSET(quiet)},
};
#define GROUP_OF(table)                                                       \
	{                                                                     \
		.options = (table), .count = sizeof(table) / sizeof(*(table)) \
	}
static const struct ct_option_group pack_group = GROUP_OF(pack_table);
static const struct ct_option_group merge_group = GROUP_OF(merge_table);
static const struct ct_option_group shared_group = GROUP_OF(shared_table);
static const struct ct_option_group *const pack_groups[] = {&pack_group, &shared_group};
static const struct ct_option_group *const merge_groups[] = {&merge_group, &shared_group};

static void output_cleanup(struct ct_output **output)
{
	ct_output_destroy(*output);
}

static bool is_same_file(const char *left, const char *right)
{
	struct stat a, b;
	return stat(left, &a) == 0 && stat(right, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static struct ct_error *refuse_output(const char *output, const char *const *paths, size_t count)
{
	if (strcmp(output, "-") == 0 && isatty(STDOUT_FILENO))
		return ct_error_usage(ct_error_create("a packed trace is nothing for a terminal; "
						      "name a file with -o"));
	for (size_t i = 0; i < count; i++)
		if (is_same_file(output, paths[i]))
			return ct_error_create("'%s' is what is to be read; name another file with "
					       "-o",
					       output);
	return NULL;
}

static void align_starts(struct ct_session *session)
{
	for (size_t first = 0, end; first < session->input_count; first = end) {
		uint64_t earliest = UINT64_MAX;
		for (end = first; end < session->input_count; end++) {
			if (session->inputs[end].operand != session->inputs[first].operand)
				break;
			if (session->inputs[end].offset_ns < earliest)
				earliest = session->inputs[end].offset_ns;
		}
		for (size_t i = first; i < end; i++)
			session->inputs[i].shift_ns -= (int64_t)earliest;
	}
	ct_session_set_times(session);
}

static struct ct_error *remove_raw(const struct ct_session *session)
{
	for (size_t i = 0; i < session->input_count; i++)
		if (!session->inputs[i].pack && unlink(session->inputs[i].path) < 0)
			return ct_error_errno(errno, "removing the raw trace '%s'",
					      session->inputs[i].path);
	return NULL;
}

static void say_result(const struct ct_session *session, const char *output,
		       const struct ct_pack_result *result)
{
	enum { FEW_CALLS = 1000 };
	char rate[32] = "";
	if (result->calls >= FEW_CALLS)
		snprintf(rate, sizeof(rate), ", %.2f a call",
			 (double)result->packed_bytes / (double)result->calls);
	ct_term_say("%zu trace%s of %" PRIu64 " bytes, %" PRIu64 " call%s, in '%s' of %" PRIu64
		    " bytes%s",
		    session->input_count, session->input_count == 1 ? "" : "s", result->trace_bytes,
		    result->calls, result->calls == 1 ? "" : "s", output, result->packed_bytes,
		    rate);
}

static enum ct_exit write_pack(const struct pack_options *options, const char *output_path,
			       const struct ct_session *session, struct ct_error **err)
{
	ct_cleanup(output_cleanup) struct ct_output *output = NULL;
	struct ct_pack_result result;
	const struct ct_pack_options pack = {
		.level = (int)options->level,
		.verify = true,
		.progress = options->quiet ? NULL : ct_term_progress,
	};
	*err = ct_output_create(output_path, &output);
	if (*err)
		return CT_EXIT_FAILURE;
	*err = ct_pack_write(session, &pack, output, &result);
	/* Where the output failed, it knows why. */
	if (!*err || ct_output_failed(output)) {
		ct_error_destroy(*err);
		*err = ct_output_commit(output);
	}
	ct_term_clear();
	if (*err && ct_output_is_abandoned(output)) {
		ct_error_destroy(*err);
		*err = NULL;
		return CT_EXIT_ABANDONED;
	}
	if (!*err && options->remove)
		*err = remove_raw(session);
	if (!*err && !options->quiet)
		say_result(session, output_path, &result);
	return *err ? CT_EXIT_FAILURE : CT_EXIT_OK;
}

static enum ct_exit open_and_write(const struct pack_options *options, const char *output,
				   const char *const *paths, size_t count, struct ct_error **err)
{
	ct_cleanup(ct_inputs_session_cleanup) struct ct_session *session = NULL;
	*err = refuse_output(output, paths, count);
	if (!*err)
		*err = ct_session_open(paths, count, 0, options->quiet ? NULL : ct_term_warn,
				       &session);
	if (*err)
		return CT_EXIT_FAILURE;
	if (options->alignment == ALIGN_START)
		align_starts(session);
	return write_pack(options, output, session, err);
}

/* TRACE with .ctpack in place of .ctrace; NULL: out of memory. */
static char *default_output(const char *path)
{
	static const char raw_ending[] = ".ctrace";
	size_t length = strlen(path);
	char *name = NULL;
	while (length > 1 && path[length - 1] == '/')
		length--;
	if (length > sizeof(raw_ending) - 1 && strncmp(path + length - (sizeof(raw_ending) - 1),
						       raw_ending, sizeof(raw_ending) - 1) == 0)
		length -= sizeof(raw_ending) - 1;
	return asprintf(&name, "%.*s.ctpack", (int)length, path) < 0 ? NULL : name;
}

static enum ct_exit run_pack(int argc, char **argv, struct ct_error **err)
{
	struct pack_options options = {.level = DEFAULT_LEVEL};
	const struct ct_option_target targets[] = {{&pack_group, &options},
						   {&shared_group, &options}};
	const char *const *paths = NULL;
	size_t path_count = 0;
	int count;
	*err = ct_options_read(argc, argv, targets, 2, false, &count);
	if (!*err && count > 1 && !options.output)
		*err = ct_error_create("pack: several traces need a name for the file: -o FILE");
	if (!*err && options.output && !*options.output)
		*err = ct_error_create("pack: the name of the output is empty");
	if (*err)
		return CT_EXIT_USAGE;
	*err = ct_inputs_paths(argv + 1, count, &paths, &path_count);
	ct_cleanup(ct_cleanup_free) char *name = *err ? NULL : default_output(paths[0]);
	if (!*err && !name)
		*err = ct_error_nomem;
	if (*err)
		return CT_EXIT_FAILURE;
	return open_and_write(&options, options.output ? options.output : name, paths, path_count,
			      err);
}

static enum ct_exit run_merge(int argc, char **argv, struct ct_error **err)
{
	struct pack_options options = {.level = DEFAULT_LEVEL};
	const struct ct_option_target targets[] = {{&merge_group, &options},
						   {&shared_group, &options}};
	int count;
	*err = ct_options_read(argc, argv, targets, 2, false, &count);
	const char *output = options.output ? options.output : "";
	if (!*err && !*output)
		*err = ct_error_create("merge: name the file to write: -o FILE");
	if (!*err && count < 2)
		*err = ct_error_create("merge: name two traces at least");
	if (*err)
		return CT_EXIT_USAGE;
	return open_and_write(&options, output, (const char *const *)argv + 1, (size_t)count, err);
}

const struct ct_command ct_command_pack = {
	.name = "pack",
	.run = run_pack,
	.summary = "compress traces into one file that is read as they are",
	.synopsis = "[TRACE]... [-o FILE] [OPTION]...",
	.description =
		"Writes the raw traces TRACE (.ctrace files, or folders with some; without one, " CT_DEFAULT_FOLDER
		") into one packed file. It is compressed, has an index and "
		"checksums, and holds the names of the functions, so that it can be read where the "
		"program is not. Every command that reads traces reads it as it is. 'calltrace "
		"unpack' gives the traces back, byte for byte; each part is decoded and compared "
		"before it is written.",
	.groups = pack_groups,
	.group_count = sizeof(pack_groups) / sizeof(pack_groups[0]),
};

const struct ct_command ct_command_merge = {
	.name = "merge",
	.run = run_merge,
	.summary = "put traces of several runs or hosts into one file",
	.synopsis = "TRACE TRACE... -o FILE [OPTION]...",
	.description =
		"Writes the traces TRACE (raw, packed, or folders) into one packed file, which "
		"commands read as one run of several processes. Processes and threads stay apart, "
		"also where their ids are the same. Times are compared by the clocks of their hosts, "
		"as exactly as those agree; with --align=start each TRACE begins at the same moment "
		"instead.",
	.groups = merge_groups,
	.group_count = sizeof(merge_groups) / sizeof(merge_groups[0]),
};
