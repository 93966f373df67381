/* SPDX-License-Identifier: MIT */
/*
 * The PLANS blocks of a trace: rows are checked when it is opened, and found
 * by the hook's address and module. docs/format.md, "Plans".
 */
#include "reader/trace.h"

#include <stdlib.h>
#include <string.h>

#include "reader/payload.h"
#include "reader/trace_private.h"

_Static_assert(CT_BLOCK_HEADER_BYTES % 8 == 0 && sizeof(struct ct_plan_row) % 8 == 0 &&
		       sizeof(struct ct_plan) % 8 == 0,
	       "operations lie aligned in a block, and are used where they lie");

static bool ops_are_valid(const struct ct_plan_op *ops, size_t count)
{
	struct ct_block_shape shapes[CT_PLAN_BLOCKS_MAX];
	size_t shape_count;
	return ct_payload_shapes(ops, count, shapes, &shape_count);
}

/* 0 or 1: recorded before there were sums. */
static bool is_as_written(const struct ct_plan *plan)
{
	return plan->checksum <= 1 || plan->checksum == ct_plan_checksum(plan);
}

/* What follows a row; `cur` is at the end of its struct. */
static bool read_plan(struct ct_cursor *cur, struct ct_trace_plan *ret)
{
	struct ct_plan plan;
	const void *start = cur->at;
	size_t there = ct_cursor_left(cur);
	if (!ct_cursor_read(cur, &plan, sizeof(plan)) || plan.kind != CT_PLAN_ENTER ||
	    plan.size_bytes > there || plan.size_bytes % 8 != 0 || plan.size_bytes < sizeof(plan) ||
	    plan.op_count > CT_PLAN_OPS_MAX || plan.shape_count > CT_PLAN_OPS_MAX ||
	    plan.description_bytes > CT_PLAN_DESCRIPTION_MAX)
		return false;
	size_t ops_bytes = plan.op_count * sizeof(struct ct_plan_op);
	size_t shape_bytes = plan.shape_count * sizeof(struct ct_plan_op);
	if (sizeof(plan) + ops_bytes + shape_bytes + plan.description_bytes > plan.size_bytes ||
	    !is_as_written(start))
		return false;
	ret->function = plan.function;
	ret->op_count = plan.op_count;
	ret->shape_count = plan.shape_count;
	ret->description_bytes = plan.description_bytes;
	ret->ops = ct_cursor_bytes(cur, ops_bytes);
	ret->shape = ct_cursor_bytes(cur, shape_bytes);
	ret->description = ct_cursor_bytes(cur, plan.description_bytes);
	return ops_are_valid(ret->ops, ret->op_count) &&
	       ops_are_valid(ret->shape, ret->shape_count);
}

static bool read_row(const unsigned char *bytes, const struct ct_plan_row *row,
		     struct ct_trace_plan *ret)
{
	struct ct_cursor cur = ct_cursor_init(bytes + sizeof(*row), row->size_bytes - sizeof(*row),
					      "plan");
	*ret = (struct ct_trace_plan){
		.site_address = row->site,
		.module = row->module,
		.why = row->why,
	};
	if (row->why)
		return row->why <= CT_WHY_INLINED;
	return read_plan(&cur, ret);
}

static bool add_plan(struct ct_trace *trace, const struct ct_trace_plan *plan)
{
	uint32_t count = trace->plan_count;
	if ((count & (count - 1)) == 0) {
		struct ct_trace_plan *plans =
			reallocarray(trace->plans, count ? (size_t)count * 2 : 1, sizeof(*plans));
		if (!plans)
			return false;
		trace->plans = plans;
	}
	trace->plans[trace->plan_count++] = *plan;
	return true;
}

/* The rows are used where they lie, so the block is the trace's from here on. */
static bool keep_block(struct ct_trace *trace, unsigned char *block)
{
	unsigned char **blocks = reallocarray(trace->plan_blocks, trace->plan_block_count + 1,
					      sizeof(*blocks));
	if (!blocks)
		return false;
	trace->plan_blocks = blocks;
	trace->plan_blocks[trace->plan_block_count++] = block;
	return true;
}

bool ct_trace_load_plans(struct ct_trace *trace, const unsigned char *bytes)
{
	unsigned char *block = malloc(CT_BLOCK_BYTES);
	if (!block || !keep_block(trace, block)) {
		free(block);
		return false;
	}
	memcpy(block, bytes, CT_BLOCK_BYTES);
	struct ct_cursor cur = ct_cursor_init(block + CT_BLOCK_HEADER_BYTES,
					      CT_BLOCK_BYTES - CT_BLOCK_HEADER_BYTES, "plans");
	while (ct_cursor_left(&cur) >= sizeof(struct ct_plan_row)) {
		struct ct_cursor row_cur = cur;
		struct ct_plan_row row;
		struct ct_trace_plan plan;
		ct_cursor_read(&row_cur, &row, sizeof(row));
		if (row.size_bytes == 0)
			break;
		const unsigned char *at = cur.at;
		if (row.size_bytes % 8 != 0 || row.size_bytes < sizeof(row) ||
		    !ct_cursor_skip(&cur, row.size_bytes)) {
			trace->damage++;
			break;
		}
		if (!read_row(at, &row, &plan))
			trace->damage++;
		else if (!add_plan(trace, &plan))
			return false;
	}
	return true;
}

static int compare_keys(const struct ct_trace_plan *a, const struct ct_trace_plan *b)
{
	if (a->module != b->module)
		return a->module < b->module ? -1 : 1;
	if (a->site_address != b->site_address)
		return a->site_address < b->site_address ? -1 : 1;
	return 0;
}

/* By site, and of one site the first row of the file first. */
static int compare_plans(const void *left, const void *right)
{
	const struct ct_trace_plan *a = left;
	const struct ct_trace_plan *b = right;
	int order = compare_keys(a, b);
	return order ? order : (a->order > b->order) - (a->order < b->order);
}

void ct_trace_sort_plans(struct ct_trace *trace)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < trace->plan_count; i++)
		trace->plans[i].order = i;
	if (trace->plan_count)
		qsort(trace->plans, trace->plan_count, sizeof(*trace->plans), compare_plans);
	for (uint32_t i = 0; i < trace->plan_count; i++) {
		if (kept && compare_keys(&trace->plans[kept - 1], &trace->plans[i]) == 0)
			continue;
		trace->plans[kept++] = trace->plans[i];
	}
	trace->plan_count = kept;
}

uint32_t ct_trace_plan_count(const struct ct_trace *trace)
{
	return trace->plan_count;
}

const struct ct_trace_plan *ct_trace_plan_at(const struct ct_trace *trace, uint32_t index)
{
	return &trace->plans[index];
}

uint32_t ct_trace_plan_of(const struct ct_trace *trace, uint32_t number)
{
	struct ct_site site;
	if (trace->plan_count == 0 || !ct_trace_site(trace, number, &site))
		return UINT32_MAX;
	struct ct_trace_plan key = {.site_address = site.site, .module = site.module};
	uint32_t low = 0;
	uint32_t high = trace->plan_count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = compare_keys(&trace->plans[middle], &key);
		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return UINT32_MAX;
}
