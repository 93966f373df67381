/* SPDX-License-Identifier: MIT */
/*
 * The trace file's blocks: docs/format.md is the contract, this its only
 * definition, shared by the runtime that writes and the reader. Little-endian,
 * natural alignment, no implicit padding.
 */
#ifndef CT_FORMAT_FILE_H
#define CT_FORMAT_FILE_H

#include <stdint.h>

#include "format/checksum.h"

enum {
	CT_FORMAT_VERSION = 1,
	CT_BLOCK_BYTES = 65536,
	CT_BLOCK_HEADER_BYTES = 64,
	CT_BLOCK_MAGIC = 0x42544343,  /* "CCTB" */
	CT_EPOCH_SHIFT = 22,	      /* a record keeps this many low bits of the clock */
	CT_DEPTH_MAX = (1 << 24) - 2, /* greatest CALLTRACE_MAX_DEPTH */
};

enum ct_block_type {
	CT_BLOCK_FILE = 1,    /* block 0: what was traced, clock, state */
	CT_BLOCK_RECORDS = 2, /* calls of one thread: format/record.h */
	CT_BLOCK_SITES = 3,   /* table: what a record's site number stands for */
	CT_BLOCK_MODULES = 4, /* table: what was mapped where */
	CT_BLOCK_THREADS = 5, /* table: one row per stream */
	CT_BLOCK_PLANS = 6,   /* table: what the values of a site's calls mean: format/plan.h */
};

/* Head of every block: enough to read it when all else is lost. docs/format.md, "Block". */
struct ct_block_header {
	uint32_t magic;	     /* CT_BLOCK_MAGIC; written last when a block is set up */
	uint16_t type;	     /* enum ct_block_type; a reader skips the ones it does not know */
	uint16_t version;    /* of this block type; 1 */
	uint32_t stream;     /* RECORDS: the thread's row in THREADS, from 1; else 0 */
	uint32_t used_bytes; /* RECORDS: bytes of records, or 0 while the window is live */
	uint64_t seq;	     /* RECORDS: ordinal of the piece in its stream; tables: of the block */
	uint64_t epoch;	     /* RECORDS: ticks >> CT_EPOCH_SHIFT where the piece begins */
	uint32_t depth;	     /* RECORDS: recorded calls open on the current stack where it begins */
	uint32_t stack;	     /* RECORDS: the stack in use where it begins; 0 the thread's own */
	uint64_t file_id;    /* the same in every block of a file */
	uint32_t block;	     /* ordinal in the file */
	uint32_t head_sum;   /* ct_block_head_sum(); 0 while a window is live */
	uint64_t sum;	     /* ct_block_sum(); 0 while the block is written into */
};
_Static_assert(sizeof(struct ct_block_header) == CT_BLOCK_HEADER_BYTES, "part of the file format");

/* Of what is before it in the header; never 0. */
static inline uint32_t ct_block_head_sum(const struct ct_block_header *header)
{
	uint32_t sum = (uint32_t)ct_checksum(0, header,
					     __builtin_offsetof(struct ct_block_header, head_sum));
	return sum ? sum : 1;
}

/* Of the records, or where `used_bytes` is 0 of all that follows the header; never 0. */
static inline uint64_t ct_block_sum(const struct ct_block_header *header, const void *content)
{
	uint64_t sum = ct_checksum(header->file_id, content,
				   header->used_bytes ? header->used_bytes
						      : CT_BLOCK_BYTES - CT_BLOCK_HEADER_BYTES);
	return sum ? sum : 1;
}

enum ct_clock_kind {
	CT_CLOCK_TSC = 1,	/* cycle counter: x86 TSC, arm64 CNTVCT */
	CT_CLOCK_MONOTONIC = 2, /* CLOCK_MONOTONIC, ticks are ns */
	CT_CLOCK_NONE = 3,	/* order only: every record's time is 0 */
};

enum ct_file_state {
	CT_STATE_RUNNING = 1, /* or killed, when the process is gone */
	CT_STATE_EXITED = 2,
	CT_STATE_CRASHED = 3, /* by the signal in `crash` */
	CT_STATE_EXEC = 4,    /* replaced by another program image */
	CT_STATE_STOPPED = 5, /* recording gave up before the end (disk full, descriptor lost) */
};

/* The three clocks read at one moment; `ticks` 0: not set. To change a point, set `ticks` to 0,
 * write the others, then `ticks`: a reader never takes half of one for the other's. */
struct ct_clock_point {
	uint64_t ticks;
	uint64_t monotonic_ns;
	uint64_t realtime_ns;
};

/* Where a string of the FILE block lies: bytes from the start of the block; not NUL-terminated. */
struct ct_string_ref {
	uint32_t offset;
	uint32_t length;
};

enum ct_json_layout { CT_JSON_NESTED = 0, CT_JSON_FLAT = 1 };

/* Follows the header of block 0. */
struct ct_file_info {
	uint32_t format_version; /* CT_FORMAT_VERSION */
	uint32_t block_bytes;	 /* CT_BLOCK_BYTES */
	uint32_t machine;	 /* ELF e_machine: 62 x86-64, 183 AArch64 */
	uint32_t clock_kind;	 /* enum ct_clock_kind */
	uint32_t epoch_shift;	 /* CT_EPOCH_SHIFT */
	uint32_t state;		 /* enum ct_file_state; written last of what it speaks of */
	uint32_t pid;
	uint32_t ppid;
	uint64_t run_id; /* the same for all processes of one run */
	struct ct_clock_point start;
	struct ct_clock_point latest[2]; /* written in turn; the newer whole one counts */
	struct ct_clock_point end;
	uint64_t ticks_per_second; /* estimate made at start, for want of a second point; 0: none */
	uint64_t lost_events;	   /* calls that belong to no thread's row */
	/* config in force */
	uint32_t max_depth; /* 0: unlimited */
	uint8_t capture_args;
	uint8_t debug;
	uint8_t pretty_json;
	uint8_t json_layout; /* enum ct_json_layout */
	/* crash, when state is CT_STATE_CRASHED */
	uint32_t crash_signal;
	int32_t crash_code;	/* si_code */
	uint64_t crash_address; /* si_addr */
	uint64_t crash_pc;
	uint64_t crash_ticks;
	uint32_t crash_tid;
	uint32_t crash_stream; /* row of the thread, 0 when it recorded nothing */
	/* of the arguments; 0 without */
	uint32_t max_string;
	uint32_t max_pointee;
	struct ct_string_ref args_filter;
	struct ct_string_ref executable;
	struct ct_string_ref working_directory; /* at program start */
	struct ct_string_ref hostname;
	struct ct_string_ref command_line;   /* arguments, each ended by a NUL */
	struct ct_string_ref output;	     /* absolute path of the document asked for */
	struct ct_string_ref output_setting; /* CALLTRACE_OUTPUT as given, or the default */
};

/* A row of a SITES block; site number n (from 1) is row (n - 1) % CT_SITES_PER_BLOCK of
 * the block with seq (n - 1) / CT_SITES_PER_BLOCK. */
struct ct_site {
	uint64_t site;	    /* return address of the hook call; written last; 0: row not set */
	uint64_t function;  /* first argument of the hook: the function, or its out-of-line copy */
	uint64_t call_site; /* second argument: return address of the physical function */
	uint32_t module;    /* ordinal of the module `site` lies in; 0: none known */
	uint32_t call_module; /* ordinal of the module `call_site` - 1 lies in; 0: none known */
};
enum {
	CT_SITES_PER_BLOCK = (CT_BLOCK_BYTES - CT_BLOCK_HEADER_BYTES) / 32,
	CT_SITE_UNKNOWN = 0, /* the site table was full */
	CT_SITE_MAX = (1 << 24) - 1,
};
_Static_assert(sizeof(struct ct_site) == 32, "part of the file format");

/* An entry of a MODULES block; entries follow each other, `size_bytes` apart, until one is 0. */
struct ct_module {
	uint32_t size_bytes; /* of this entry with its path, a multiple of 8; written last */
	uint32_t ordinal;    /* from 1, over all blocks */
	uint64_t low;	     /* address range of the mappings */
	uint64_t high;
	uint64_t bias;		 /* run-time address - address in the file's ELF headers */
	uint64_t load_ticks;	 /* when first seen */
	uint64_t unload_ticks;	 /* when found gone; 0: still there */
	uint16_t build_id_bytes; /* 0 to 32 */
	uint16_t path_bytes;	 /* path follows the struct, not NUL-terminated */
	uint32_t reserved;
	uint8_t build_id[32];
};
_Static_assert(sizeof(struct ct_module) == 88, "part of the file format");

enum ct_thread_flags {
	CT_THREAD_MAIN = 1,  /* pid == tid */
	CT_THREAD_ENDED = 2, /* end_ticks is set; else alive when the trace ended */
};

/* Row `stream` - 1 of the THREADS blocks taken together, CT_THREADS_PER_BLOCK in each. */
struct ct_thread_row {
	uint32_t stream; /* written last; 0: row not set */
	uint32_t tid;
	uint32_t flags;		/* enum ct_thread_flags */
	uint32_t create_serial; /* of the CREATE record that made this thread; 0: not seen */
	uint32_t parent_tid;	/* kernel id of the creator; 0: not known */
	uint32_t parent_stream; /* row of the creator; 0: it had recorded nothing */
	uint64_t start_ticks;	/* first traced call */
	uint64_t end_ticks;
	uint64_t suppressed_calls; /* left out on purpose: depth limit */
	uint64_t lost_events;
	uint64_t created_ticks; /* when pthread_create was called; 0: not known */
	char name[16];		/* kernel's comm at the last flush, NUL-padded */
	uint64_t reserved[6];
};
enum { CT_THREADS_PER_BLOCK = (CT_BLOCK_BYTES - CT_BLOCK_HEADER_BYTES) / 128 };
_Static_assert(sizeof(struct ct_thread_row) == 128, "part of the file format");

#endif
