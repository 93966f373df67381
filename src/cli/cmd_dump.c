/* SPDX-License-Identifier: MIT */
/* calltrace dump: what a raw trace holds, as text. */
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "cli/arguments.h"
#include "export/names.h"
#include "format/file.h"
#include "reader/dump.h"

enum { OPTION_STREAM = 256, OPTION_LIMIT };

static const struct option options[] = {
	{"stream", required_argument, NULL, OPTION_STREAM},
	{"limit", required_argument, NULL, OPTION_LIMIT},
	{0},
};

static struct ct_error *parse(int argc, char **argv, struct ct_dump_options *dump, const char **raw)
{
	struct ct_error *err = NULL;
	uint64_t number;
	int option;

	while ((option = ct_arguments_next(argc, argv, ":", options, &err)) != -1) {
		if (!err && option == OPTION_STREAM)
			err = ct_arguments_number("--stream", optarg, 1, UINT32_MAX, &number);
		else if (!err)
			err = ct_arguments_number("--limit", optarg, 1, UINT64_MAX, &number);
		if (err)
			return err;
		if (option == OPTION_STREAM)
			dump->stream = (uint32_t)number;
		else
			dump->limit = number;
	}
	return ct_arguments_one(argc, argv, "the raw trace to read", raw);
}

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

static enum ct_exit run(int argc, char **argv, struct ct_error **err)
{
	ct_cleanup(trace_cleanup) struct ct_trace *trace = NULL;
	struct ct_dump_options dump = {0};
	const char *raw;

	*err = parse(argc, argv, &dump, &raw);
	if (*err)
		return CT_EXIT_USAGE;
	ct_cleanup(names_cleanup) struct ct_names *names = NULL;
	*err = ct_trace_open(raw, &trace);
	if (!*err)
		*err = ct_names_create(trace, false, NULL, &names);
	if (*err)
		return CT_EXIT_FAILURE;
	dump.name_of = name_of;
	dump.names = names;
	*err = ct_dump(trace, stdout, &dump);
	if (*err)
		return CT_EXIT_FAILURE;
	/* ct_dump() stops at the first write that fails, so errno is still that one's. */
	if (fflush(stdout) == 0 && !ferror(stdout))
		return CT_EXIT_OK;
	if (errno == EPIPE)
		return CT_EXIT_ABANDONED;
	*err = ct_error_errno(errno, "writing to standard output");
	return CT_EXIT_FAILURE;
}

const struct ct_command ct_command_dump = {
	.name = "dump",
	.run = run,
	.summary = "print what a raw trace holds, for debugging",
	.help = "usage: calltrace dump RAW [OPTION]...\n"
		"\n"
		"Prints the blocks, tables and records of the raw trace RAW.\n"
		"\n"
		"      --stream N  only thread number N, from 1 in the order of their first calls\n"
		"      --limit N   at most N records\n",
};
