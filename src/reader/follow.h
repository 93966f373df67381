/* SPDX-License-Identifier: MIT */
/*
 * A trace that is being written, read as it grows: each ct_follow_read() goes on
 * where the one before stopped. Memory grows with threads, open calls and
 * sites, not with the trace. What is not read within bounds is skipped, and
 * counted: a trace that is long already, a process that is faster than we are.
 */
#ifndef CT_READER_FOLLOW_H
#define CT_READER_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "reader/trace.h"

struct ct_follow;

/* Not written yet, or empty: an error, too, and may be tried again. */
struct ct_error *ct_follow_open(const char *path, struct ct_follow **ret)
	__attribute__((warn_unused_result));
void ct_follow_destroy(struct ct_follow *follow);

/*
 * `stream` is the thread's row. Steps are as those of a walk, but calls open at
 * the end have no END. Where something was skipped is a LOST of 0 events at 0
 * ticks: of the calls open there some may be others than they seem. False: stop,
 * memory ran out.
 */
typedef bool ct_follow_step_fn(void *context, uint32_t stream, const struct ct_step *step);

/* All that was written since. */
struct ct_error *ct_follow_read(struct ct_follow *follow, ct_follow_step_fn *take, void *context)
	__attribute__((warn_unused_result));

/* As of the last ct_follow_read(). */
const struct ct_file_info *ct_follow_info(const struct ct_follow *follow);
/* The process has ended, and everything it left was read. */
bool ct_follow_is_over(const struct ct_follow *follow);
/* Pieces of 64 KiB that were not read. */
uint64_t ct_follow_skipped(const struct ct_follow *follow);
/* What a thread's window ended with when it was read. */
struct ct_follow_last {
	uint64_t ticks_seen; /* when that was, as ct_follow_now() */
	/* A record that may not be published, so that its step was not given, or END: all were. It
	 * is for guesses at what the thread is doing. */
	uint8_t record; /* enum ct_record_kind */
	uint64_t ticks; /* ENTER, RETURN */
	uint32_t site;	/* ENTER */
};
/* False: the window was not read. */
bool ct_follow_last(const struct ct_follow *follow, uint32_t stream, struct ct_follow_last *ret);
uint32_t ct_follow_stream_count(const struct ct_follow *follow); /* rows run from 1 to this */

/* From the file, each time. False: it is not there (yet). */
bool ct_follow_site(struct ct_follow *follow, uint32_t number, struct ct_site *ret);
bool ct_follow_thread(struct ct_follow *follow, uint32_t stream, struct ct_thread_row *ret);
/* `ret->path` is good as long as `path`, of at least CT_BLOCK_BYTES, which it is kept in. */
bool ct_follow_module(struct ct_follow *follow, uint32_t ordinal, char *path,
		      struct ct_trace_module *ret);
/* The newest whose mappings hold the address. */
bool ct_follow_module_at(struct ct_follow *follow, uint64_t address, char *path,
			 struct ct_trace_module *ret);

/* Of the clock, as of the last ct_follow_read(). */
const struct ct_scale *ct_follow_scale(const struct ct_follow *follow);
uint64_t ct_follow_lasted_ns(const struct ct_follow *follow); /* the process, until now */
/* The ticks of this moment; 0: the clock does not tell. */
uint64_t ct_follow_now(const struct ct_follow *follow);

#endif
