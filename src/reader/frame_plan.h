/* SPDX-License-Identifier: MIT */
/* Which blocks of a trace make a frame of a packed file together. */
#ifndef CT_READER_FRAME_PLAN_H
#define CT_READER_FRAME_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "format/pack.h"
#include "reader/trace.h"

/* Blocks of records of one stream, in the order of time; or others. */
struct ct_frame_plan {
	uint32_t blocks[CT_PACK_FRAME_BLOCKS];
	uint32_t block_count;
	bool is_pieces;
};

struct ct_frame_plans {
	struct ct_frame_plan *plans;
	uint32_t count;
};

/* Each block that may be other than zeros is in one. False when memory ran out. */
bool ct_frame_plans_init(struct ct_frame_plans *plans, const struct ct_trace *trace);
void ct_frame_plans_deinit(struct ct_frame_plans *plans);

#endif
