/* SPDX-License-Identifier: MIT */
/*
 * Parts of a stream, walked side by side. A walk from the middle has to know
 * which calls are open there: a quick look at the pieces before tells what they
 * do to a stack, whatever is on it. Where that does not say all (coroutines,
 * missing pieces, calls that the rules of docs/format.md would end), the part
 * is not walked by itself.
 */
#ifndef CT_READER_PART_H
#define CT_READER_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "reader/trace.h"

/* An open call. */
struct ct_frame {
	uint64_t ticks;
	uint32_t site;
};

/* Between two pieces: the calls open on the thread's own stack, the outermost first. */
struct ct_walk_state {
	struct ct_frame *frames;
	size_t count;
	uint64_t last_ticks;
};

/* A caller that a call's call site tells, where the stack is not known. */
struct ct_part_check {
	size_t level; /* of the calls open before the part, so many are left */
	uint32_t caller;
	bool is_innermost; /* what is left is all that is open */
};

/* What a part does to the stack. */
struct ct_part_effect {
	size_t base;		 /* calls open where it begins */
	size_t left;		 /* of these, at its end */
	struct ct_frame *frames; /* above them */
	size_t count, capacity;
	uint64_t last_ticks;
	struct ct_part_check *checks;
	size_t check_count;
};

/* Pieces of a stream. */
uint32_t ct_part_pieces(const struct ct_trace *trace, uint32_t stream);

/*
 * What the pieces from the `from`th to before the `to`th do, which is not the last one. False: it
 * cannot be told, or memory ran out. `ret` is to be freed either way.
 */
bool ct_part_scan(const struct ct_trace *trace, uint32_t stream, uint32_t from, uint32_t to,
		  struct ct_part_effect *ret);
void ct_part_effect_deinit(struct ct_part_effect *effect);

/* `ret` is what is open behind a part when `state` was before it. False as above. */
bool ct_part_apply(const struct ct_trace *trace, const struct ct_part_effect *effect,
		   const struct ct_walk_state *state, struct ct_walk_state *ret);
void ct_walk_state_deinit(struct ct_walk_state *state);

/* A walk of these pieces. Where `to` is not their number, it ends there, and calls stay open. */
struct ct_error *ct_walk_create_part(const struct ct_trace *trace, uint32_t stream, uint32_t from,
				     uint32_t to, const struct ct_walk_state *state,
				     struct ct_walk **ret) __attribute__((warn_unused_result));
/* Let one that ended go on up to there. */
void ct_walk_extend(struct ct_walk *walk, uint32_t to);

#endif
