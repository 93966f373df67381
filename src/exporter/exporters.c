/* SPDX-License-Identifier: MIT */
/* The table of formats, and what all of them need: see exporter.h. */
#include "exporter/exporter.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "exporter/ctf.h"

#define ENTRY(name) &ct_exporter_##name,
static const struct ct_exporter *const exporters[] = {CT_EXPORTERS(ENTRY)};
enum { EXPORTER_COUNT = sizeof(exporters) / sizeof(exporters[0]) };

/* ---- finding one ---- */

const struct ct_exporter *ct_exporter_at(size_t index)
{
	return index < EXPORTER_COUNT ? exporters[index] : NULL;
}

const struct ct_exporter *ct_exporter_by_name(const char *name)
{
	for (size_t i = 0; i < EXPORTER_COUNT; i++)
		if (strcmp(exporters[i]->name, name) == 0)
			return exporters[i];
	return NULL;
}

static bool has_extension(const char *path, const char *extensions)
{
	size_t length = strlen(path);
	while (length > 1 && path[length - 1] == '/')
		length--;
	for (const char *at = extensions; *at;) {
		size_t part = strcspn(at, "|");
		if (length > part && path[length - part - 1] != '/' &&
		    memcmp(path + length - part, at, part) == 0)
			return true;
		at += part + (at[part] == '|');
	}
	return false;
}

const struct ct_exporter *ct_exporter_by_path(const char *path)
{
	for (size_t i = 0; i < EXPORTER_COUNT; i++)
		if (has_extension(path, exporters[i]->extensions))
			return exporters[i];
	return NULL;
}

/* ---- what exporters use ---- */

const char *ct_export_unfinished(uint8_t end)
{
	switch (end) {
	case CT_CALL_RETURNED:
		return NULL;
	case CT_CALL_UNWOUND:
		return "unwound";
	case CT_CALL_CRASH:
		return "crash";
	case CT_CALL_KILLED:
		return "killed";
	default:
		return "exit";
	}
}

struct ct_bytes ct_export_thread_name(const struct ct_session *session, size_t stream)
{
	const char *name = session->streams[stream].row.name;
	return (struct ct_bytes){name, strnlen(name, sizeof(session->streams[stream].row.name))};
}

struct ct_bytes ct_export_program_name(const struct ct_session *session, size_t input)
{
	const struct ct_trace *trace = session->inputs[input].trace;
	struct ct_bytes path = ct_trace_string(trace, ct_trace_info(trace)->executable);
	for (size_t i = path.length; i > 0; i--)
		if (path.bytes[i - 1] == '/')
			return (struct ct_bytes){path.bytes + i, path.length - i};
	return path;
}

static void events_cleanup(struct ct_events **events)
{
	ct_events_destroy(*events);
}

struct ct_error *ct_export_stream(const struct ct_export *export, size_t stream,
				  ct_export_event_fn *take, void *state)
{
	ct_cleanup(events_cleanup) struct ct_events *events = NULL;
	struct ct_event event;
	uint64_t calls = 0;
	struct ct_error *err = ct_events_create(export->session, stream, export->selection, NULL,
						&events);
	if (err)
		return err;
	while (ct_events_next(events, &event)) {
		err = take(state, &event);
		if (err)
			return err;
		if (event.kind != CT_EVENT_END || ++calls % CT_PROGRESS_CALLS)
			continue;
		if (export->output && ct_output_failed(export->output))
			return NULL;
		if (export->progress)
			export->progress(calls, 0);
	}
	return ct_events_failed(events) ? ct_error_nomem : NULL;
}

/* ---- running one ---- */

/* Processes of several runs may have the same id, which to other programs would be one process. */
static bool number_processes(struct ct_export *export)
{
	enum { PID_LIMIT = 1 << 22 }; /* the kernel's */
	const struct ct_session *session = export->session;
	export->process_ids = calloc(session->input_count + 1, sizeof(*export->process_ids));
	if (!export->process_ids)
		return false;
	for (size_t i = 0; i < session->input_count; i++) {
		uint32_t pid = ct_trace_info(session->inputs[i].trace)->pid;
		for (size_t j = 0; j < i; j++)
			if (export->process_ids[j] % PID_LIMIT == pid % PID_LIMIT)
				pid = export->process_ids[j] + PID_LIMIT;
		export->process_ids[i] = pid;
	}
	return true;
}

static struct ct_error *open_values(struct ct_export *export)
{
	const struct ct_session *session = export->session;
	struct ct_error *err = NULL;
	export->values = calloc(session->input_count + 1, sizeof(struct ct_values *));
	if (!export->values)
		return ct_error_nomem;
	for (size_t i = 0; !err && i < session->input_count; i++)
		err = ct_values_create(session->inputs[i].trace, false, true, &export->values[i]);
	return err;
}

static void export_cleanup(struct ct_export *export)
{
	for (size_t i = 0; export->values && i < export->session->input_count; i++)
		ct_values_destroy(export->values[i]);
	free(export->values);
	free(export->process_ids);
	ct_output_destroy(export->output);
}

static struct ct_error *run(const struct ct_exporter *exporter, struct ct_export *export)
{
	if (!number_processes(export))
		return ct_error_nomem;
	struct ct_error *err = open_values(export);
	return err ? err : exporter->run(export);
}

/* Is it a file of a CTF trace, by its name and first bytes? */
static bool is_part_of_ctf(int folder, const char *name)
{
	char head[CT_CTF_HEAD_BYTES];
	const char *expected = strcmp(name, "metadata") == 0	  ? CT_CTF_METADATA_HEAD
			       : strncmp(name, "stream-", 7) == 0 ? CT_CTF_PACKET_HEAD
								  : NULL;
	int fd = expected ? openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
	if (fd < 0)
		return false;
	ssize_t length = read(fd, head, sizeof(head));
	close(fd);
	return length == 0 || (length == sizeof(head) && memcmp(head, expected, sizeof(head)) == 0);
}

/* For each of its files, but for those whose names begin with a dot. */
static struct ct_error *visit_folder(DIR *folder, const char *path, bool removes)
{
	rewinddir(folder);
	for (const struct dirent *entry; (entry = readdir(folder));) {
		if (entry->d_name[0] == '.')
			continue;
		if (!is_part_of_ctf(dirfd(folder), entry->d_name))
			return ct_error_create("the folder '%s' holds '%s', which is no part of a "
					       "CTF trace; name another with -o",
					       path, entry->d_name);
		if (removes && unlinkat(dirfd(folder), entry->d_name, 0) < 0)
			return ct_error_errno(errno, "removing '%s/%s'", path, entry->d_name);
	}
	return NULL;
}

/* Of a trace of CTF that is to be replaced, or is not whole; nothing else may be there. */
static struct ct_error *empty_folder(const char *path)
{
	DIR *folder = opendir(path);
	if (!folder)
		return ct_error_errno(errno, "reading the folder '%s'", path);
	struct ct_error *err = visit_folder(folder, path, false);
	if (!err)
		err = visit_folder(folder, path, true);
	closedir(folder);
	return err;
}

static struct ct_error *write_folder(const struct ct_exporter *exporter, struct ct_export *export)
{
	bool is_new = mkdir(export->folder, 0777) == 0;
	if (!is_new && errno != EEXIST)
		return ct_error_errno(errno, "making the folder '%s'", export->folder);
	struct ct_error *err = empty_folder(export->folder);
	if (err)
		return err;
	err = run(exporter, export);
	if (!err)
		return NULL;
	ct_error_destroy(empty_folder(export->folder));
	if (is_new)
		rmdir(export->folder);
	return err;
}

struct ct_error *ct_exporter_write(const struct ct_exporter *exporter,
				   const struct ct_session *session,
				   const struct ct_selection *selection, const char *path,
				   ct_progress_fn *progress, bool *abandoned)
{
	ct_cleanup(export_cleanup) struct ct_export export = {
		.session = session,
		.selection = selection,
		.progress = progress,
	};
	*abandoned = false;
	if (exporter->is_folder) {
		export.folder = path;
		return write_folder(exporter, &export);
	}
	struct ct_error *err = ct_output_create(path, &export.output);
	if (!err)
		err = run(exporter, &export);
	if (!err)
		err = ct_output_commit(export.output);
	*abandoned = export.output && ct_output_is_abandoned(export.output);
	return err;
}
