/* SPDX-License-Identifier: MIT */
/*
 * Other programs' formats: each is one file here, and one line of CT_EXPORTERS.
 * Memory grows with functions, threads and open calls, not with calls.
 */
#ifndef CT_EXPORTER_EXPORTER_H
#define CT_EXPORTER_EXPORTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/events.h"
#include "analysis/parallel.h"
#include "analysis/selection.h"
#include "analysis/session.h"
#include "base/error.h"
#include "export/output.h"
#include "export/progress.h"
#include "export/values.h"

/* All of them, in the order help shows them. */
#define CT_EXPORTERS(X) \
	X(perfetto)     \
	X(chrome)       \
	X(firefox)      \
	X(speedscope)   \
	X(folded)       \
	X(svg)          \
	X(callgrind)    \
	X(pprof)        \
	X(ctf)          \
	X(csv)          \
	X(ndjson)

/* "ndjson|csv": the names, as an option's choices (cli/options.h). */
#define CT_EXPORTER_NAME(name) "|" #name
#define CT_EXPORTER_NAMES      (&(CT_EXPORTERS(CT_EXPORTER_NAME))[1])

/* What is asked for. */
struct ct_export_request {
	const struct ct_session *session;
	const struct ct_selection *selection; /* NULL: everything */
	const char *path;		      /* "-": standard output */
	/* Of formats that add up calls by their paths: */
	bool by_thread;		  /* the outermost frames are threads */
	bool by_calls;		  /* a path weighs as much as it has calls */
	bool with_modules;	  /* module`function */
	ct_progress_fn *progress; /* may be NULL */
};

/* What was written. */
struct ct_export_summary {
	uint64_t calls;
	uint64_t lost_events;
	uint64_t folded_calls; /* beyond CT_CALL_TREE_MOST paths: they count as their callers' */
	uint64_t left_out;     /* paths too narrow, or too deep, for a picture */
	uint32_t threads;
	bool is_abandoned; /* the error is that nobody reads the pipe any more */
};

struct ct_export_totals {
	uint64_t calls;
	uint64_t lost_events, gaps; /* how many are missing, at how many places */
};

/* What is written, and where to. */
struct ct_export {
	const struct ct_export_request *request;
	const struct ct_session *session;
	const struct ct_selection *selection;
	struct ct_output *output;  /* of a file; NULL for a folder */
	const char *folder;	   /* there already, and empty; NULL for a file */
	struct ct_values **values; /* by input; NULL: it has none */
	uint32_t *process_ids;	  /* by input: the process's, or where two have the same, another */
	ct_progress_fn *progress; /* may be NULL */
	struct ct_export_summary *summary;
	struct ct_export_totals *totals; /* by stream, as far as it was read */
	bool is_timeless;		 /* recorded with CALLTRACE_CLOCK=none */
};

struct ct_exporter {
	const char *name;
	const char *extensions; /* ".perfetto-trace|.pftrace" */
	const char *summary;	/* of a few words: what it is, and what opens it */
	bool is_binary;		/* nothing for a terminal */
	bool is_folder;
	struct ct_error *(*run)(const struct ct_export *export);
};

/* NULL: there is none. */
const struct ct_exporter *ct_exporter_by_name(const char *name);
const struct ct_exporter *ct_exporter_at(size_t index); /* in the order of CT_EXPORTERS */
/* By the path's extension. */
const struct ct_exporter *ct_exporter_by_path(const char *path);
/* Of a file's name, the length without its extension, which may have two parts. */
size_t ct_exporter_stem_length(const char *name);

/* Write the request's path, which appears under its name only when it is whole. */
struct ct_error *ct_exporter_write(const struct ct_exporter *exporter,
				   const struct ct_export_request *request,
				   struct ct_export_summary *ret)
	__attribute__((warn_unused_result));

/* ---- for exporters ---- */

typedef struct ct_error *ct_export_event_fn(void *state, const struct ct_event *event);

/*
 * Every event of one of the session's streams, in its order, at its time in a picture (see
 * ct_export_picture_ns()). Ends early, without an error, when the output failed:
 * ct_output_commit() says why.
 */
struct ct_error *ct_export_stream(const struct ct_export *export, size_t stream,
				  ct_export_event_fn *take, void *state)
	__attribute__((warn_unused_result));

/*
 * The same for formats that write something of every call: `read` is a loop around a function of
 * the exporter's own (CT_EVENTS_LOOP, analysis/events_loop.h), which gives gaps to
 * ct_export_note_gap().
 */
struct ct_error *ct_export_read(const struct ct_export *export, size_t stream, ct_read_fn *read,
				void *state) __attribute__((warn_unused_result));

static inline void ct_export_note_gap(const struct ct_export *export, size_t stream,
				      uint64_t lost_events)
{
	export->totals[stream].lost_events += lost_events;
	export->totals[stream].gaps++;
}

/*
 * An event's time in a picture: it never goes back, as it may where --min-duration shows a
 * coroutine's call late, and where no clock ran each event of a thread is a step of 1 ns.
 * `*last_ns` is the thread's, 0 at its beginning.
 */
static inline uint64_t ct_export_picture_ns(const struct ct_export *export,
					    const struct ct_event *event, uint64_t *last_ns)
{
	if (__builtin_expect(export->is_timeless, 0))
		return ++*last_ns;
	if (__builtin_expect(event->ns > *last_ns, 1))
		*last_ns = event->ns;
	return *last_ns;
}

struct ct_call_tree;
/* The calls by their paths; its totals are the summary's. */
struct ct_error *ct_export_call_tree(const struct ct_export *export, bool by_thread,
				     struct ct_call_tree **ret) __attribute__((warn_unused_result));

/* Is the stream one of the selection's? */
static inline bool ct_export_has_stream(const struct ct_export *export, size_t stream)
{
	return !export->selection || export->selection->streams[stream];
}

static inline struct ct_values *ct_export_values(const struct ct_export *export, size_t stream)
{
	return export->values[export->session->streams[stream].input];
}

/* "exit", "crash", "killed" or "unwound"; NULL: it returned. */
const char *ct_export_unfinished(uint8_t end);

/* The name of the thread of a stream: not NUL-terminated, any bytes. */
struct ct_bytes ct_export_thread_name(const struct ct_session *session, size_t stream);
/* The file name of the program of an input, the same. */
struct ct_bytes ct_export_program_name(const struct ct_session *session, size_t input);
/* The last part of a path. */
const char *ct_export_file_name(const char *path);

#define CT_EXPORTER_DECLARE(name) extern const struct ct_exporter ct_exporter_##name;
CT_EXPORTERS(CT_EXPORTER_DECLARE)
#undef CT_EXPORTER_DECLARE

#endif
