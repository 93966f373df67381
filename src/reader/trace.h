/* SPDX-License-Identifier: MIT */
/*
 * A trace file opened for reading: its tables, and a walk over the calls of
 * one thread. Memory grows with distinct sites, threads and open calls, never
 * with the number of calls. A struct ct_trace is read-only once opened: several
 * threads may walk different streams of it at the same time.
 */
#ifndef CT_READER_TRACE_H
#define CT_READER_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "format/file.h"
#include "format/plan.h"
#include "format/record.h"

struct ct_columns;
struct ct_pack;
struct ct_trace;

/* Bytes in the mapped trace; not NUL-terminated; any byte. */
struct ct_bytes {
	const char *bytes;
	size_t length;
};

struct ct_trace_module {
	struct ct_module entry;
	struct ct_bytes path;
};

/* How the process ended, as far as the file tells. */
enum ct_trace_end {
	CT_END_EXIT = 1, /* exited, or was replaced by exec */
	CT_END_CRASH,
	CT_END_KILLED,	/* nobody closed the file */
	CT_END_STOPPED, /* recording gave up; the process went on */
};

/* Not a trace, other format version, empty: one sentence. A damaged trace opens as far as it
 * is whole; what is missing shows in ct_trace_damage(). */
struct ct_error *ct_trace_open(const char *path, struct ct_trace **ret)
	__attribute__((warn_unused_result));
/* One of a packed file's, which is kept; `path` is what it is called where it is damaged.
 * ct_trace_open() knows FILE, where there is one alone, and FILE/NAME. */
struct ct_error *ct_trace_open_packed(struct ct_pack *pack, uint32_t input, const char *path,
				      struct ct_trace **ret) __attribute__((warn_unused_result));
void ct_trace_destroy(struct ct_trace *trace);

const struct ct_file_info *ct_trace_info(const struct ct_trace *trace);
struct ct_bytes ct_trace_string(const struct ct_trace *trace, struct ct_string_ref ref);
enum ct_trace_end ct_trace_end(const struct ct_trace *trace);
/* The process that writes it is alive and still has it open. */
bool ct_trace_is_live(const struct ct_trace *trace);
/* Of such a process: calls that are open last until now, not until the last record. */
void ct_trace_goes_on(struct ct_trace *trace);

uint32_t ct_trace_site_count(const struct ct_trace *trace);   /* numbers run from 1 to this */
uint32_t ct_trace_module_count(const struct ct_trace *trace); /* ordinals run from 1 to this */
uint32_t ct_trace_thread_count(const struct ct_trace *trace); /* streams run from 1 to this */
/* Each gives false for a row that was never set. */
bool ct_trace_site(const struct ct_trace *trace, uint32_t number, struct ct_site *ret);
bool ct_trace_module(const struct ct_trace *trace, uint32_t ordinal, struct ct_trace_module *ret);
bool ct_trace_thread(const struct ct_trace *trace, uint32_t stream, struct ct_thread_row *ret);

/*
 * A row of the PLANS blocks: what was captured of the calls at one site. It is
 * checked as format/plan.h says, but for the description, whose bytes are as
 * they are in the file.
 */
struct ct_trace_plan {
	uint64_t site_address; /* run-time address of the hook call */
	uint32_t module;       /* ordinal */
	uint32_t why;	       /* enum ct_why: there is none, and nothing below is set; else 0 */
	uint64_t function;     /* in the ELF file */
	const struct ct_plan_op *ops;
	const struct ct_plan_op *shape; /* of a return */
	const unsigned char *description;
	uint32_t op_count;
	uint32_t shape_count;
	uint32_t description_bytes;
	uint32_t order; /* in the file */
};

/* Rows, one for each site: of several the first. */
uint32_t ct_trace_plan_count(const struct ct_trace *trace);
const struct ct_trace_plan *ct_trace_plan_at(const struct ct_trace *trace, uint32_t index);
/* Index of the row of the site with this number; UINT32_MAX: it has none. */
uint32_t ct_trace_plan_of(const struct ct_trace *trace, uint32_t number);

/* Ticks to ns since the start of the trace; ticks before the start give 0. */
uint64_t ct_trace_ns(const struct ct_trace *trace, uint64_t ticks);

/* The same for who asks often: (ticks - start_ticks) * mult >> CT_SCALE_SHIFT. */
enum { CT_SCALE_SHIFT = 54 };
struct ct_scale {
	uint64_t start_ticks;
	uint64_t mult;
	bool guessed; /* the file does not tell the rate */
};
struct ct_scale ct_trace_scale(const struct ct_trace *trace);

static inline uint64_t ct_scale_ns(const struct ct_scale *scale, uint64_t ticks)
{
	if (ct_unlikely(ticks <= scale->start_ticks))
		return 0;
	unsigned __int128 ns = (unsigned __int128)(ticks - scale->start_ticks) * scale->mult;
	if (ct_unlikely(ns >> (CT_SCALE_SHIFT + 64)))
		return UINT64_MAX;
	return (uint64_t)(ns >> CT_SCALE_SHIFT);
}

uint64_t ct_trace_start_realtime_ns(const struct ct_trace *trace);
/* To the last moment anything is known of; of a trace without times too. */
uint64_t ct_trace_duration_ns(const struct ct_trace *trace);
/* The last moment anything is known of, in ticks: open calls are shown up to here. */
uint64_t ct_trace_end_ticks(const struct ct_trace *trace);

/* Things found wrong while opening: blocks skipped, pieces missing. 0: none. */
uint64_t ct_trace_damage(const struct ct_trace *trace);
/* Blocks of records that were found damaged until now, and so left out, and their bytes. All of a
 * thread's are looked at when it is walked. */
uint32_t ct_trace_left_out(const struct ct_trace *trace, uint64_t *ret_bytes);

/*
 * Tell the reader which physical function holds a site and a call site, for
 * the call-site rule of docs/format.md. Arrays indexed by site number, of
 * ct_trace_site_count() + 1 keys, 0 for not known; not kept. Call it before
 * the walks begin. Without it the rule is not applied.
 */
void ct_trace_set_function_keys(struct ct_trace *trace, const uint64_t *site_keys,
				const uint64_t *call_keys);

/* What it was told, as numbers from 1, made dense; 0: not known. */
void ct_trace_function_keys(const struct ct_trace *trace, uint32_t site, uint32_t *ret_own,
			    uint32_t *ret_caller);

/* A packed trace's names (CT_NAMES_COLUMNS of format/pack.h); false: there are none. */
bool ct_trace_read_names(const struct ct_trace *trace, struct ct_columns *ret);

/* Its length in blocks, and each of them as it is: its bytes, up to CT_BLOCK_BYTES. */
uint32_t ct_trace_block_count(const struct ct_trace *trace);
uint64_t ct_trace_file_bytes(const struct ct_trace *trace);
struct ct_pack_cache;
size_t ct_trace_read_block(const struct ct_trace *trace, uint32_t block, void *ret,
			   struct ct_pack_cache *cache);
/* The first block from `block` on that may be other than zeros; its length at the end. */
uint32_t ct_trace_next_block(const struct ct_trace *trace, uint32_t block);

enum ct_step_kind {
	CT_STEP_CALL = 1, /* a call begins: site, depth, ticks */
	CT_STEP_END, /* the innermost open call of `stack` ends: ticks, end, and its site, depth */
	CT_STEP_CREATE, /* the innermost open call (site 0: none) creates thread `value` (serial) */
	CT_STEP_LOST,	/* `value` events are missing here */
};

enum ct_call_end {
	CT_CALL_RETURNED = 0,
	CT_CALL_UNWOUND, /* left by longjmp, an exception or thread exit */
	CT_CALL_EXIT,	 /* open when the process or the trace ended */
	CT_CALL_CRASH,	 /* open on the crashing thread */
	CT_CALL_KILLED,
};

/*
 * One step of a walk. Steps of one (stream, stack) nest properly: each CALL has
 * exactly one END, and depth counts the calls open below it, from 0. `ticks`
 * never decrease within a walk. `site` is at most ct_trace_site_count(), and 0 for
 * a number beyond that.
 */
struct ct_step {
	uint8_t kind; /* enum ct_step_kind */
	uint8_t end;  /* enum ct_call_end */
	uint32_t site;
	uint32_t depth;
	uint32_t stack; /* 0: the thread's own; others: coroutines, each a tree of its own */
	uint32_t value_bytes;
	uint64_t ticks;
	uint64_t value;
	/* CALL: the payload of its arguments; END of a call that returned: that of its value;
	 * NULL: there is none. Good until the next ct_walk_next(). */
	const unsigned char *values;
};

struct ct_walk;

/* No step of the stream is before this. 0 where its first records are missing, and where it has
 * none. */
uint64_t ct_trace_begin_ticks(const struct ct_trace *trace, uint32_t stream);

/* A stream without records, or without a row, gives a walk without steps. */
struct ct_error *ct_walk_create(const struct ct_trace *trace, uint32_t stream, struct ct_walk **ret)
	__attribute__((warn_unused_result));
void ct_walk_destroy(struct ct_walk *walk);
/* The next step; false at the end, when every call has had its END, or when memory ran out
 * (ct_walk_failed()). */
bool ct_walk_next(struct ct_walk *walk, struct ct_step *ret);
bool ct_walk_failed(const struct ct_walk *walk);

/* A step that nearly all are: a call begins, or the innermost call returns. */
struct ct_plain_step {
	uint64_t ticks;
	const unsigned char *values; /* as in struct ct_step */
	uint32_t value_bytes;
	uint32_t site;
	bool is_end;
};

/*
 * The same steps, many at a time, in half the time: up to `most` plain ones, all of stack
 * *ret_stack. 0: what is next is not one, ask ct_walk_next(). Their values are good until then, or
 * until the next call of this.
 */
size_t ct_walk_plain(struct ct_walk *walk, struct ct_plain_step *ret, size_t most,
		     uint32_t *ret_stack);
/* Calls that are open on the stack that the walk is on. */
uint32_t ct_walk_open_count(const struct ct_walk *walk);

#endif
