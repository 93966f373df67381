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

#include "analysis/call_tree.h"
#include "base/cleanup.h"
#include "exporter/ctf.h"
#include "format/output_name.h"

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

/* Which of the extensions a path has: its length; 0: none. */
static size_t extension_length(const char *path, const char *extensions)
{
	size_t length = strlen(path);
	while (length > 1 && path[length - 1] == '/')
		length--;
	for (const char *at = extensions; *at;) {
		size_t part = strcspn(at, "|");
		if (length > part && path[length - part - 1] != '/' &&
		    memcmp(path + length - part, at, part) == 0)
			return part;
		at += part + (at[part] == '|');
	}
	return 0;
}

const struct ct_exporter *ct_exporter_by_path(const char *path)
{
	for (size_t i = 0; i < EXPORTER_COUNT; i++)
		if (extension_length(path, exporters[i]->extensions))
			return exporters[i];
	return NULL;
}

size_t ct_exporter_stem_length(const char *name)
{
	static const char *const doubles[] = CT_DOUBLE_EXTENSIONS;
	const char *dot = strrchr(name, '.');
	for (size_t i = 0; i < sizeof(doubles) / sizeof(doubles[0]); i++)
		if (extension_length(name, doubles[i]))
			return strlen(name) - strlen(doubles[i]);
	return dot && dot != name ? (size_t)(dot - name) : strlen(name);
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

const char *ct_export_file_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* False: nobody will see what follows. */
static bool goes_on(const struct ct_export *export, uint64_t calls)
{
	if (export->output && ct_output_failed(export->output))
		return false;
	if (export->progress)
		export->progress(calls, 0);
	return true;
}

struct ct_error *ct_export_read(const struct ct_export *export, size_t stream, ct_read_fn *read,
				void *state)
{
	ct_cleanup(events_cleanup) struct ct_events *events = NULL;
	struct ct_export_totals *totals = &export->totals[stream];
	uint64_t some, count = 0, told = 0;
	struct ct_error *err = ct_events_create(export->session, stream, export->selection, NULL,
						&events);
	if (err)
		return err;
	*totals = (struct ct_export_totals){0};
	while (read(events, state, stream, &some)) {
		count += some;
		if (count - told < 2 * CT_PROGRESS_CALLS)
			continue;
		told = count;
		if (!goes_on(export, count / 2))
			return NULL;
	}
	totals->calls = (count + some - totals->gaps) / 2;
	return ct_events_failed(events) ? ct_error_nomem : NULL;
}

/* A stream being read, event by event. */
struct reading {
	const struct ct_export *export;
	ct_export_event_fn *take;
	void *state;
	uint64_t last_ns;
	struct ct_error *err;
};

static __attribute__((noinline)) bool take_moved(struct reading *reading,
						 const struct ct_event *event)
{
	struct ct_event moved = *event;
	moved.ns = reading->last_ns;
	reading->err = reading->take(reading->state, &moved);
	return !reading->err;
}

static bool take_event(void *state, size_t stream, const struct ct_event *event)
{
	struct reading *reading = state;
	if (event->kind == CT_EVENT_LOST)
		ct_export_note_gap(reading->export, stream, event->lost);
	if (ct_unlikely(ct_export_picture_ns(reading->export, event, &reading->last_ns) !=
			event->ns))
		return take_moved(reading, event);
	reading->err = reading->take(reading->state, event);
	return !reading->err;
}

CT_EVENTS_LOOP(read_events, take_event)

struct ct_error *ct_export_stream(const struct ct_export *export, size_t stream,
				  ct_export_event_fn *take, void *state)
{
	struct reading reading = {.export = export, .take = take, .state = state};
	struct ct_error *err = ct_export_read(export, stream, read_events, &reading);
	return reading.err ? reading.err : err;
}

struct ct_error *ct_export_call_tree(const struct ct_export *export, bool by_thread,
				     struct ct_call_tree **ret)
{
	const struct ct_call_tree_options options = {
		.by_thread = by_thread,
		.progress = export->progress,
	};
	struct ct_error *err = ct_call_tree_create(export->session, export->selection, &options,
						   ret);
	if (err)
		return err;
	for (uint32_t i = 1; i < (*ret)->node_count; i++)
		if ((*ret)->nodes[i].key < (*ret)->function_count)
			export->summary->calls += (*ret)->nodes[i].calls;
	export->summary->lost_events = (*ret)->lost_events;
	export->summary->folded_calls = (*ret)->folded_calls;
	return NULL;
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
	free(export->totals);
	ct_output_destroy(export->output);
}

static void sum_up(const struct ct_export *export)
{
	struct ct_export_summary *summary = export->summary;
	for (size_t i = 0; i < export->session->stream_count; i++) {
		summary->calls += export->totals[i].calls;
		summary->lost_events += export->totals[i].lost_events;
		summary->threads += ct_export_has_stream(export, i);
	}
}

static struct ct_error *run(const struct ct_exporter *exporter, struct ct_export *export)
{
	export->is_timeless = ct_session_is_timeless(export->session);
	export->totals = calloc(export->session->stream_count + 1, sizeof(*export->totals));
	if (!export->totals || !number_processes(export))
		return ct_error_nomem;
	struct ct_error *err = open_values(export);
	if (!err)
		err = exporter->run(export);
	if (!err)
		sum_up(export);
	return err;
}

/* The traces stay what they are, whatever name was given. */
static struct ct_error *refuse_input(const struct ct_session *session, const char *path)
{
	struct stat output, input;
	if (stat(path, &output) < 0)
		return NULL;
	for (size_t i = 0; i < session->input_count; i++)
		if (stat(session->inputs[i].path, &input) == 0 && input.st_dev == output.st_dev &&
		    input.st_ino == output.st_ino)
			return ct_error_create("'%s' is the raw trace itself; name another file "
					       "with -o",
					       path);
	return NULL;
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
				   const struct ct_export_request *request,
				   struct ct_export_summary *ret)
{
	*ret = (struct ct_export_summary){0};
	ct_cleanup(export_cleanup) struct ct_export export = {
		.request = request,
		.session = request->session,
		.selection = request->selection,
		.progress = request->progress,
		.summary = ret,
	};
	struct ct_error *err = refuse_input(request->session, request->path);
	if (err)
		return err;
	if (exporter->is_folder) {
		export.folder = request->path;
		return write_folder(exporter, &export);
	}
	err = ct_output_create(request->path, &export.output);
	if (!err)
		err = run(exporter, &export);
	if (!err)
		err = ct_output_commit(export.output);
	ret->is_abandoned = export.output && ct_output_is_abandoned(export.output);
	return err;
}
