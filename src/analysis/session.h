/* SPDX-License-Identifier: MIT */
/*
 * The traces a command works on, opened together: the processes of a run, or
 * several runs. Functions are numbered over all of them, times count from the
 * moment the first process started. Memory grows with sites, functions and
 * threads. Read-only once opened: threads may read different streams of it.
 */
#ifndef CT_ANALYSIS_SESSION_H
#define CT_ANALYSIS_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "export/names.h"
#include "reader/pack.h"
#include "reader/trace.h"

/* "" where something is not known. Strings live as long as the session. */
struct ct_function {
	const char *name; /* demangled; never "" */
	const char *linkage_name;
	const char *module; /* path */
	const char *source; /* path */
	int line;	    /* 0: not known */
};

/* The trace of one process. */
struct ct_input {
	char *path;
	struct ct_trace *trace;
	struct ct_names *names;
	uint32_t *functions; /* of the session, by site; the first is that of unknown ones */
	uint32_t site_count; /* with it */
	uint64_t offset_ns;  /* of its start in the session's time */
	uint32_t operand;    /* index of the path it comes from */
	dev_t device;	     /* of its file, with the next one; 0: not known */
	ino_t inode;
	int64_t shift_ns;     /* of its clock, for a place beside the others */
	struct ct_pack *pack; /* the file it is in; NULL: one of its own */
	uint32_t pack_input;
};

/* The calls of one thread. */
struct ct_stream {
	uint32_t input;
	uint32_t stream; /* in its trace */
	struct ct_thread_row row;
};

/* One that could not be read. */
struct ct_unread {
	char *path;
	char *message; /* of the error */
};

struct ct_session {
	struct ct_input *inputs;
	size_t input_count;
	struct ct_unread *unread; /* left out, beside those that could be read */
	size_t unread_count;
	struct ct_function *functions;
	uint32_t function_count;
	struct ct_stream *streams; /* by input, then in the order they began */
	size_t stream_count;
	uint64_t start_realtime_ns; /* of its first process */
	uint64_t duration_ns;	    /* to the end of the last one */
};

/*
 * Each path is a raw trace (.ctrace), a packed file, a trace in one (FILE/NAME), or a folder
 * with raw traces. `warn` gets a sentence for what cannot be found, for a file that is there
 * twice, which is read once, and for one of several that cannot be read; it may be NULL. That
 * one counts as damage (reader/damage.h).
 */
enum ct_session_flags {
	CT_SESSION_LIVE = 1,	  /* a process may still write one */
	CT_SESSION_HAS_SIDES = 2, /* paths are compared: two of them may be the same */
};
struct ct_error *ct_session_open(const char *const *paths, size_t path_count, unsigned int flags,
				 ct_names_warn_fn *warn, struct ct_session **ret)
	__attribute__((warn_unused_result));
void ct_session_destroy(struct ct_session *session);

/* The traces that a path of ct_session_open() stands for, each as ct_trace_open() takes it. */
struct ct_error *ct_session_find(const char *path, char ***ret, size_t *ret_count)
	__attribute__((warn_unused_result));
void ct_session_found_free(char **found, size_t count);

/* Times count from the start of the first process again, after `shift_ns` were changed. */
void ct_session_set_times(struct ct_session *session);

/* Were all recorded without a clock (CALLTRACE_CLOCK=none)? */
bool ct_session_is_timeless(const struct ct_session *session);
/* Was none recorded so? */
bool ct_session_has_times(const struct ct_session *session);

/* The session's function at a site of an input. */
static inline uint32_t ct_session_function(const struct ct_input *input, uint32_t site)
{
	return input->functions[site < input->site_count ? site : 0];
}

#endif
