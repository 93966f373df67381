/* SPDX-License-Identifier: MIT */
/*
 * A packed trace: docs/format.md, "Packed traces", is the contract, this its
 * only definition. Little-endian, natural alignment, no implicit padding.
 */
#ifndef CT_FORMAT_PACK_H
#define CT_FORMAT_PACK_H

#include <stdint.h>

#include "format/file.h"

enum {
	CT_PACK_VERSION = 1,
	CT_PACK_MAGIC = 0x4b505443,	   /* "CTPK" */
	CT_PACK_CHUNK_MAGIC = 0x43505443,  /* "CTPC" */
	CT_PACK_FOOTER_MAGIC = 0x46505443, /* "CTPF" */
	CT_PACK_ALIGNMENT = 8,		   /* of chunks */
};

/* Begins the file. */
struct ct_pack_header {
	uint32_t magic;	  /* CT_PACK_MAGIC */
	uint32_t version; /* CT_PACK_VERSION */
	uint64_t reserved[2];
	uint64_t hash; /* XXH3 of what is before it */
};
_Static_assert(sizeof(struct ct_pack_header) == 32, "part of the file format");

enum ct_pack_type {
	CT_PACK_INPUT = 1,     /* a trace begins: its name and size */
	CT_PACK_PIECES = 2,    /* frame: blocks of records of one stream, in columns */
	CT_PACK_BLOCKS = 3,    /* frame: other blocks, as they are */
	CT_PACK_FRAMES = 4,    /* where the frames of a trace are, and the heads of its blocks */
	CT_PACK_NAMES = 5,     /* what the symbols said about the sites of a trace */
	CT_PACK_SUMMARY = 6,   /* calls counted and timed, of all traces */
	CT_PACK_DIRECTORY = 7, /* where the chunks are that are no frames */
};

/* Head of every chunk. Its body follows, filled up with zeros to CT_PACK_ALIGNMENT. */
struct ct_pack_chunk {
	uint32_t magic;	       /* CT_PACK_CHUNK_MAGIC */
	uint16_t type;	       /* enum ct_pack_type; a reader skips the ones it does not know */
	uint16_t version;      /* of this type; 1 */
	uint32_t input;	       /* the trace it is of, from 0 in the order of INPUT chunks */
	uint32_t body_bytes;   /* without what fills it up */
	uint64_t body_hash;    /* XXH3 of the body */
	uint64_t content_hash; /* frames: XXH3 over the blocks they hold; else 0 */
	uint64_t hash;	       /* XXH3 of what is before it */
};
_Static_assert(sizeof(struct ct_pack_chunk) == 40, "part of the file format");

/* A body is columns: their number as uint32, this for each, then their bytes. */
struct ct_pack_column {
	uint32_t raw_bytes;
	uint32_t stored_bytes; /* equal to raw_bytes: as they are; else a zstd frame */
};

enum {
	CT_PACK_COLUMNS_MAX = 16,
	CT_PACK_FRAME_BLOCKS = 4,      /* most blocks in a frame */
	CT_PACK_PLAIN_BYTES = 1 << 20, /* a column up to this may be compressed by any ratio */
	CT_PACK_RATIO_MAX = 64,	       /* a larger one by this */
	CT_PACK_COLUMN_MAX = 0x40000000,
};

/* PIECES: columns. */
enum ct_pieces_column {
	CT_PIECES_HEADS = 0,   /* struct ct_pack_piece */
	CT_PIECES_TOKENS = 1,  /* uint16: enum ct_pack_token, of each record */
	CT_PIECES_SITES = 2,   /* of CT_TOKEN_SITE: three bytes */
	CT_PIECES_ENTERS = 3,  /* three columns: time since the record before, low byte first */
	CT_PIECES_RETURNS = 6, /* the same of returns */
	CT_PIECES_OTHERS = 9,  /* records of CT_TOKEN_OTHER as they are */
	CT_PIECES_COLUMNS = 10,
};

enum ct_pack_token {
	CT_TOKEN_RETURN = 0,
	CT_TOKEN_OTHER = 1,
	CT_TOKEN_SITE = 2,  /* an enter, its site number does not fit */
	CT_TOKEN_ENTER = 3, /* and above: an enter, site number + 3 */
};

struct ct_pack_piece {
	uint32_t block; /* its ordinal in the trace */
	uint32_t record_count;
	struct ct_block_header header; /* as it is */
};
_Static_assert(sizeof(struct ct_pack_piece) == 72, "part of the file format");

/* BLOCKS: columns. */
enum ct_blocks_column {
	CT_BLOCKS_HEADS = 0, /* uint32: ordinals */
	CT_BLOCKS_BYTES = 1, /* one after the other; all but the trace's last are whole */
	CT_BLOCKS_COLUMNS = 2,
};

/* INPUT: columns. */
enum ct_input_column {
	CT_INPUT_FACTS = 0, /* struct ct_pack_input_facts */
	CT_INPUT_NAME = 1,  /* of the raw trace, without a folder */
	CT_INPUT_COLUMNS = 2,
};
struct ct_pack_input_facts {
	uint64_t file_bytes;
	int64_t shift_ns; /* added to its times beside those of other traces */
	uint64_t reserved[2];
};
_Static_assert(sizeof(struct ct_pack_input_facts) == 32, "part of the file format");

/* FRAMES: columns. A block in no frame is zeros. */
enum ct_frames_column {
	CT_FRAMES_FRAMES = 0, /* struct ct_pack_frame */
	CT_FRAMES_BLOCKS = 1, /* uint32: ordinals of their blocks */
	CT_FRAMES_HEADS = 2,  /* struct ct_block_header, of every block of the trace */
	CT_FRAMES_COLUMNS = 3,
};
struct ct_pack_frame {
	uint64_t offset;      /* of its chunk in the file */
	uint64_t first_ticks; /* of its records; 0: there are none */
	uint64_t last_ticks;
	uint64_t first_seq;
	uint32_t stream; /* 0: not of one */
	uint32_t block_count;
	uint32_t calls; /* enters */
	uint32_t depth; /* highest */
	uint32_t stored_bytes;
	uint32_t reserved;
};
_Static_assert(sizeof(struct ct_pack_frame) == 56, "part of the file format");

/* NAMES: columns. */
enum ct_names_column {
	CT_NAMES_SITES = 0,	/* struct ct_pack_site, from site number 0 */
	CT_NAMES_FUNCTIONS = 1, /* struct ct_pack_function; 0 is the unknown one */
	CT_NAMES_STRINGS = 2,	/* each ends with a NUL */
	CT_NAMES_COLUMNS = 3,
};
struct ct_pack_site {
	uint32_t function; /* index */
	uint32_t own;	   /* number of the physical function that holds the hook; 0: not known */
	uint32_t caller;   /* the same of the call site */
};
_Static_assert(sizeof(struct ct_pack_site) == 12, "part of the file format");
struct ct_pack_function {
	uint32_t name;	       /* offsets of strings; demangled */
	uint32_t linkage_name; /* where it differs, else of "" */
	uint32_t module;       /* path */
	uint32_t source;       /* path */
	uint32_t line;	       /* 0: not known */
};
_Static_assert(sizeof(struct ct_pack_function) == 20, "part of the file format");

/* SUMMARY: columns. */
enum ct_summary_column {
	CT_SUMMARY_FUNCTIONS = 0, /* struct ct_pack_times */
	CT_SUMMARY_BUCKETS = 1,	  /* struct ct_pack_bucket, of one function after the other */
	CT_SUMMARY_STREAMS = 2,	  /* struct ct_pack_stream */
	CT_SUMMARY_COLUMNS = 3,
};
struct ct_pack_times {
	uint32_t input;
	uint32_t site; /* of that trace: one of the function's */
	uint64_t calls;
	uint64_t unfinished;
	uint64_t total_ns;
	uint64_t self_ns;
	uint64_t sum_ns;
	uint64_t min_ns;
	uint64_t max_ns;
	double squares_ns;
	uint32_t bucket_count;
	uint32_t reserved;
};
_Static_assert(sizeof(struct ct_pack_times) == 80, "part of the file format");
struct ct_pack_bucket {
	uint32_t number; /* 64 for each doubling: see docs/format.md */
	uint32_t count;
};
struct ct_pack_stream {
	uint32_t input;
	uint32_t stream;
	uint64_t calls;
	uint64_t lost_events;
};
_Static_assert(sizeof(struct ct_pack_stream) == 24, "part of the file format");

/* DIRECTORY: one column of these. */
struct ct_pack_entry {
	uint64_t offset;
	uint32_t type;
	uint32_t input;
};
_Static_assert(sizeof(struct ct_pack_entry) == 16, "part of the file format");

/* Ends the file. */
struct ct_pack_footer {
	uint32_t magic; /* CT_PACK_FOOTER_MAGIC */
	uint32_t reserved;
	uint64_t directory; /* offset of the DIRECTORY chunk */
	uint64_t hash;	    /* XXH3 of what is before it */
};
_Static_assert(sizeof(struct ct_pack_footer) == 24, "part of the file format");

#endif
