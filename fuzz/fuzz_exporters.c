/* SPDX-License-Identifier: MIT */
/*
 * Any trace, written in any of the formats of `calltrace export`. The first byte of an
 * input chooses the format, the second what is asked for; behind them is a trace as in
 * packed_trace.h. Formats of JSON must be JSON, and others what their readers need of
 * any file: no byte but valid UTF-8 in text.
 */
#include <err.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "exporter/exporter.h"
#include "fuzz_target.h"
#include "json_check.h"
#include "packed_trace.h"

enum request_flags { BY_THREAD = 1, BY_CALLS = 2, WITH_MODULES = 4 };

enum { OUTPUT_MOST = 1 << 26 };

static char folder[] = "/tmp/ct-fuzz-exporters-XXXXXX";
static char output[sizeof(folder) + 8];

static int remove_one(const char *name, const struct stat *status, int type, struct FTW *at)
{
	(void)status, (void)type, (void)at;
	return remove(name);
}

static void remove_output(void)
{
	if (access(output, F_OK) == 0 && nftw(output, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
		err(1, "removing '%s'", output);
}

static void remove_folder(void)
{
	remove_output();
	rmdir(folder);
}

static void make_folder(void)
{
	if (*output)
		return;
	if (!mkdtemp(folder))
		err(1, "%s", folder);
	snprintf(output, sizeof(output), "%s/output", folder);
	atexit(remove_folder);
}

/* The whole file; NULL where it is larger than what is looked at. */
static char *read_output(size_t *ret_length)
{
	FILE *file = fopen(output, "re");
	if (!file)
		err(1, "%s", output);
	char *bytes = NULL;
	long length = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
	rewind(file);
	if (length >= 0 && length < OUTPUT_MOST) {
		bytes = malloc((size_t)length + 1);
		if (!bytes || fread(bytes, 1, (size_t)length, file) != (size_t)length)
			err(1, "%s", output);
		*ret_length = (size_t)length;
	}
	fclose(file);
	return bytes;
}

static void check_lines_of_json(const char *bytes, size_t length)
{
	while (length) {
		const char *end = memchr(bytes, '\n', length);
		if (!end || !json_is_valid(bytes, (size_t)(end - bytes)))
			abort();
		length -= (size_t)(end + 1 - bytes);
		bytes = end + 1;
	}
}

static void check_output(const struct ct_exporter *exporter)
{
	static const char *const json[] = {"chrome", "speedscope", "firefox"};
	size_t length;
	if (exporter->is_folder || exporter->is_binary)
		return;
	ct_cleanup(ct_cleanup_free) char *bytes = read_output(&length);
	if (!bytes)
		return;
	if (strcmp(exporter->name, "ndjson") == 0)
		check_lines_of_json(bytes, length);
	for (size_t i = 0; i < sizeof(json) / sizeof(json[0]); i++)
		if (strcmp(exporter->name, json[i]) == 0 && !json_is_valid(bytes, length))
			abort();
	/* A NUL ends a line for many readers. */
	if (memchr(bytes, '\0', length))
		abort();
}

static void session_cleanup(struct ct_session **session)
{
	ct_session_destroy(*session);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	ct_cleanup(session_cleanup) struct ct_session *session = NULL;
	size_t count = 0;
	while (ct_exporter_at(count))
		count++;
	if (size_bytes < 2)
		return 0;
	make_folder();
	const struct ct_exporter *exporter = ct_exporter_at(bytes[0] % count);
	const char *path = packed_trace_save(bytes + 2, size_bytes - 2);
	struct ct_error *error = ct_session_open(&path, 1, CT_SESSION_LIVE, NULL, &session);
	if (error) {
		ct_error_destroy(error);
		return 0;
	}
	const struct ct_export_request request = {
		.session = session,
		.path = output,
		.by_thread = bytes[1] & BY_THREAD,
		.by_calls = bytes[1] & BY_CALLS,
		.with_modules = bytes[1] & WITH_MODULES,
	};
	struct ct_export_summary summary;
	error = ct_exporter_write(exporter, &request, &summary);
	/* Some formats cannot say everything: then nothing is left behind. */
	if ((error != NULL) == (access(output, F_OK) == 0))
		abort();
	if (!error)
		check_output(exporter);
	ct_error_destroy(error);
	remove_output();
	return 0;
}
