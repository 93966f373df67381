/* SPDX-License-Identifier: MIT */
/* calltrace dump: what a raw trace holds, as text. */
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>

#include "analysis/session.h"
#include "base/cleanup.h"
#include "cli/inputs.h"
#include "export/names.h"
#include "format/file.h"
#include "reader/dump.h"

struct request {
	uint64_t stream;
	uint64_t limit;
};

#define OFFSET(member) offsetof(struct request, member)
static const struct ct_option options_table[] = {
	{.kind = CT_OPTION_NUMBER,
	 .name = "stream",
	 .value = "N",
	 .help = "only thread number N, from 1 in the order of their first calls",
	 .offset = OFFSET(stream),
	 .low = 1,
	 .high = UINT32_MAX},
	{.kind = CT_OPTION_NUMBER,
	 .name = "limit",
	 .value = "N",
	 .help = "at most N records",
	 .offset = OFFSET(limit),
	 .low = 1,
	 .high = UINT64_MAX},
};
static const struct ct_option_group own_group = {
	.options = options_table,
	.count = sizeof(options_table) / sizeof(options_table[0]),
};
static const struct ct_option_group *const groups[] = {&own_group};

static void trace_cleanup(struct ct_trace **trace)
{
	ct_trace_destroy(*trace);
}

static void names_cleanup(struct ct_names **names)
{
	ct_names_destroy(*names);
}

/* The value of `"function":"value"`, which a rendered name begins with. */
static struct ct_bytes name_of(const void *pointer, uint32_t site)
{
	static const char key[] = "\"function\":\"";
	const struct ct_names *names = pointer;
	const struct ct_function_name *function = ct_names_of(names, site);
	const char *value = names->text.bytes + function->offset + sizeof(key) - 1;
	const char *end = names->text.bytes + function->offset + function->name_length;
	while (end > value && end[-1] != '"')
		end--;
	return (struct ct_bytes){value, end > value ? (size_t)(end - value) - 1 : 0};
}

static struct ct_error *dump_one(const char *raw, const struct request *request)
{
	ct_cleanup(trace_cleanup) struct ct_trace *trace = NULL;
	ct_cleanup(names_cleanup) struct ct_names *names = NULL;
	struct ct_error *err = ct_trace_open(raw, &trace);
	if (!err)
		err = ct_names_create(trace, false, NULL, &names);
	if (err)
		return err;
	const struct ct_dump_options dump = {
		.stream = (uint32_t)request->stream,
		.limit = request->limit,
		.name_of = name_of,
		.names = names,
	};
	return ct_dump(trace, stdout, &dump);
}

/* Of several traces each has its name above it. */
static struct ct_error *dump_all(const char *path, bool is_one, const struct request *request)
{
	char **traces = NULL;
	size_t count = 0;
	struct ct_error *err = ct_session_find(path, &traces, &count);
	for (size_t i = 0; i < count && !err && !ferror(stdout); i++) {
		if (count > 1 || !is_one)
			printf("==> %s <==\n", traces[i]);
		err = dump_one(traces[i], request);
	}
	ct_session_found_free(traces, count);
	return err;
}

static enum ct_exit run(int argc, char **argv, struct ct_error **err)
{
	struct request request = {0};
	const struct ct_option_target target = {&own_group, &request};
	const char *const *paths = NULL;
	size_t path_count = 0;
	int operands;

	*err = ct_options_read(argc, argv, &target, 1, false, &operands);
	if (*err)
		return CT_EXIT_USAGE;
	*err = ct_inputs_paths(argv + 1, operands, &paths, &path_count);
	for (size_t i = 0; !*err && i < path_count && !ferror(stdout); i++)
		*err = dump_all(paths[i], path_count == 1, &request);
	if (*err)
		return CT_EXIT_FAILURE;
	/* ct_dump() stops at the first write that fails, so errno is still that one's. */
	if (fflush(stdout) == 0 && !ferror(stdout))
		return CT_EXIT_OK;
	if (errno == EPIPE)
		return CT_EXIT_ABANDONED;
	*err = ct_error_errno(errno, "writing to standard output failed");
	return CT_EXIT_FAILURE;
}

const struct ct_command ct_command_dump = {
	.name = "dump",
	.run = run,
	.summary = "print what a raw trace holds, for debugging",
	.synopsis = "[TRACE]... [OPTION]...",
	.description =
		"Prints the blocks, tables and records of TRACE: a raw trace (.ctrace), a "
		"packed one (.ctpack) or a folder with raw ones; without one, " CT_DEFAULT_FOLDER
		" is read.",
	.groups = groups,
	.group_count = 1,
};
