/* SPDX-License-Identifier: MIT */
/* A raw trace to a document: see convert.h. */
#include "cli/convert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/arguments.h"
#include "cli/term.h"

enum {
	OPTION_PRETTY = 256,
	OPTION_COMPACT,
	OPTION_LAYOUT,
	OPTION_MAX_NESTING,
	OPTION_QUIET,
	OPTION_REMOVE_RAW,
	OPTION_FROM_RUNTIME,
	OPTION_LIVE,
};

static const struct option options[] = {
	{"output", required_argument, NULL, 'o'},
	{"pretty", no_argument, NULL, OPTION_PRETTY},
	{"compact", no_argument, NULL, OPTION_COMPACT},
	{"layout", required_argument, NULL, OPTION_LAYOUT},
	{"max-nesting", required_argument, NULL, OPTION_MAX_NESTING},
	{"quiet", no_argument, NULL, OPTION_QUIET},
	{"remove-raw", no_argument, NULL, OPTION_REMOVE_RAW},
	{"from-runtime", no_argument, NULL, OPTION_FROM_RUNTIME},
	{"live", no_argument, NULL, OPTION_LIVE},
	{0},
};

static struct ct_error *set_layout(struct ct_convert *convert, const char *value)
{
	convert->has_layout = true;
	if (strcmp(value, "nested") == 0)
		convert->layout = CT_JSON_NESTED;
	else if (strcmp(value, "flat") == 0)
		convert->layout = CT_JSON_FLAT;
	else
		return ct_error_create("--layout: '%s' is neither 'nested' nor 'flat'", value);
	return NULL;
}

static struct ct_error *set_max_nesting(struct ct_convert *convert, const char *value)
{
	uint64_t number;

	if (strcmp(value, "unlimited") == 0) {
		convert->max_nesting = CT_JSON_UNLIMITED_NESTING;
		return NULL;
	}
	struct ct_error *err = ct_arguments_number("--max-nesting", value, 1,
						   CT_JSON_UNLIMITED_NESTING - 1, &number);
	if (!err)
		convert->max_nesting = (uint32_t)number;
	return err;
}

static struct ct_error *set_option(struct ct_convert *convert, int option)
{
	switch (option) {
	case 'o':
		convert->output = optarg;
		return NULL;
	case OPTION_PRETTY:
	case OPTION_COMPACT:
		convert->has_pretty = true;
		convert->pretty = option == OPTION_PRETTY;
		return NULL;
	case OPTION_LAYOUT:
		return set_layout(convert, optarg);
	case OPTION_MAX_NESTING:
		return set_max_nesting(convert, optarg);
	case 'q':
	case OPTION_QUIET:
		convert->quiet = true;
		return NULL;
	case OPTION_REMOVE_RAW:
		convert->remove_raw = true;
		return NULL;
	case OPTION_FROM_RUNTIME:
		/* The process is there still, waiting for us; it wrote its last word. */
		convert->quiet = convert->remove_raw = convert->live = true;
		return NULL;
	default:
		convert->live = true;
		return NULL;
	}
}

struct ct_error *ct_convert_parse(int argc, char **argv, struct ct_convert *ret)
{
	struct ct_convert convert = {.max_nesting = CT_JSON_DEFAULT_NESTING};
	struct ct_error *err = NULL;
	int option;

	while ((option = ct_arguments_next(argc, argv, ":o:q", options, &err)) != -1) {
		if (!err)
			err = set_option(&convert, option);
		if (err)
			return err;
	}
	err = ct_arguments_one(argc, argv, "the raw trace to read", &convert.raw);
	if (err)
		return err;
	if (convert.output && !*convert.output)
		return ct_error_create("%s: the name of the output is empty", argv[0]);
	*ret = convert;
	return NULL;
}

struct ct_error *ct_convert_open(const struct ct_convert *convert, struct ct_trace **ret)
{
	struct ct_trace *trace;

	struct ct_error *err = ct_trace_open(convert->raw, &trace);
	if (err)
		return err;
	if (!convert->live && ct_trace_is_live(trace)) {
		err = ct_error_create("'%s': process %u is still running and writes to it; "
				      "wait for its end, or use --live to read what is there",
				      convert->raw, ct_trace_info(trace)->pid);
		ct_trace_destroy(trace);
		return err;
	}
	*ret = trace;
	return NULL;
}

static bool has_ending(const char *name, size_t length, const char *ending)
{
	size_t ending_length = strlen(ending);
	return length > ending_length &&
	       memcmp(name + length - ending_length, ending, ending_length) == 0;
}

char *ct_convert_default_output(const char *raw)
{
	size_t length = strlen(raw);
	char *name = NULL;

	if (has_ending(raw, length, ".ctrace"))
		length -= strlen(".ctrace");
	const char *ending = has_ending(raw, length, ".json") ? "" : ".json";
	if (asprintf(&name, "%.*s%s", (int)length, raw, ending) < 0)
		return NULL;
	return name;
}

static struct ct_error *refuse_same_file(const char *raw, const char *output)
{
	struct stat raw_status, output_status;

	if (stat(raw, &raw_status) == 0 && stat(output, &output_status) == 0 &&
	    raw_status.st_dev == output_status.st_dev && raw_status.st_ino == output_status.st_ino)
		return ct_error_create("'%s' is the raw trace itself; name another file with -o",
				       output);
	return NULL;
}

static void output_cleanup(struct ct_output **output)
{
	ct_output_destroy(*output);
}

static struct ct_error *write_document(const struct ct_convert *convert, struct ct_trace *trace,
				       const char *path, struct ct_json_summary *summary,
				       bool *abandoned)
{
	const struct ct_file_info *info = ct_trace_info(trace);
	const struct ct_json_options json = {
		.pretty = convert->has_pretty ? convert->pretty : info->pretty_json,
		.layout = convert->has_layout		      ? convert->layout
			  : info->json_layout == CT_JSON_FLAT ? CT_JSON_FLAT
							      : CT_JSON_NESTED,
		.max_nesting = convert->max_nesting,
		.warn = convert->quiet ? NULL : ct_term_warn,
		.progress = convert->quiet ? NULL : ct_term_progress,
	};
	ct_cleanup(output_cleanup) struct ct_output *output = NULL;

	struct ct_error *err = refuse_same_file(convert->raw, path);
	if (!err)
		err = ct_output_create(path, &output);
	if (!err)
		err = ct_json_write(trace, &json, output, summary);
	if (!err)
		err = ct_output_commit(output);
	ct_term_clear();
	*abandoned = output && ct_output_is_abandoned(output);
	return err;
}

enum ct_exit ct_convert_run(const struct ct_convert *convert, struct ct_trace *trace,
			    const char *output, struct ct_json_summary *summary,
			    struct ct_error **err)
{
	bool abandoned;

	*err = write_document(convert, trace, output, summary, &abandoned);
	if (*err && abandoned) {
		ct_error_destroy(*err);
		*err = NULL;
		return CT_EXIT_ABANDONED;
	}
	if (*err)
		return CT_EXIT_FAILURE;
	if (convert->remove_raw && unlink(convert->raw) < 0) {
		*err = ct_error_errno(errno, "removing the raw trace '%s'", convert->raw);
		return CT_EXIT_FAILURE;
	}
	return CT_EXIT_OK;
}
