/* SPDX-License-Identifier: MIT */
/* Blocks put together for frames: see frame_plan.h. */
#include "reader/frame_plan.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "reader/trace_private.h"

/* The last plan when it has room and is of that kind; else a new one; NULL: out of memory. */
static struct ct_frame_plan *plan_with_room(struct ct_frame_plans *plans, bool is_pieces,
					    bool is_new)
{
	struct ct_frame_plan *last = plans->count ? &plans->plans[plans->count - 1] : NULL;
	if (last && !is_new && last->is_pieces == is_pieces &&
	    last->block_count < CT_PACK_FRAME_BLOCKS)
		return last;
	if ((plans->count & (plans->count - 1)) == 0) {
		size_t capacity = plans->count ? (size_t)plans->count * 2 : 1;
		struct ct_frame_plan *larger = reallocarray(plans->plans, capacity,
							    sizeof(*larger));
		if (!larger)
			return NULL;
		plans->plans = larger;
	}
	last = &plans->plans[plans->count++];
	*last = (struct ct_frame_plan){.is_pieces = is_pieces};
	return last;
}

static bool add_block(struct ct_frame_plans *plans, uint32_t block, bool is_pieces, bool is_new)
{
	struct ct_frame_plan *plan = plan_with_room(plans, is_pieces, is_new);
	if (!plan)
		return false;
	plan->blocks[plan->block_count++] = block;
	return true;
}

bool ct_frame_plans_init(struct ct_frame_plans *plans, const struct ct_trace *trace)
{
	ct_cleanup(ct_cleanup_free) unsigned char *is_piece = calloc(trace->block_count / 8 + 1, 1);
	*plans = (struct ct_frame_plans){0};
	if (!is_piece)
		return false;
	/* Tables first: whoever opens the file reads them, and nothing else. */
	for (uint32_t i = 0; i < trace->piece_count; i++)
		is_piece[trace->pieces[i].block / 8] |=
			(unsigned char)(1 << trace->pieces[i].block % 8);
	for (uint32_t block = ct_trace_next_block(trace, 0); block < trace->block_count;
	     block = ct_trace_next_block(trace, block + 1))
		if (!(is_piece[block / 8] & 1 << block % 8) &&
		    !add_block(plans, block, false, false))
			return false;
	for (uint32_t i = 0; i < trace->piece_count; i++) {
		bool is_new = i == 0 || trace->pieces[i].stream != trace->pieces[i - 1].stream;
		if (!add_block(plans, trace->pieces[i].block, true, is_new))
			return false;
	}
	return true;
}

void ct_frame_plans_deinit(struct ct_frame_plans *plans)
{
	free(plans->plans);
	*plans = (struct ct_frame_plans){0};
}
