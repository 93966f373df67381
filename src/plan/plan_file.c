/* SPDX-License-Identifier: MIT */
/* Plan files: see plan_file.h and format/plan.h. */
#include "plan/plan_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

void ct_plan_writer_deinit(struct ct_plan_writer *writer)
{
	free(writer->index);
	ct_strbuf_deinit(&writer->plans);
	*writer = (struct ct_plan_writer){0};
}

void ct_plan_writer_clear(struct ct_plan_writer *writer)
{
	writer->count = 0;
	writer->plans.length = 0;
	writer->plans.failed = false;
	writer->failed = false;
}

static bool reserve_index(struct ct_plan_writer *writer, size_t more)
{
	if (more <= writer->capacity - writer->count)
		return true;
	size_t capacity = writer->capacity ? writer->capacity : 256;
	while (capacity - writer->count < more) {
		if (capacity > SIZE_MAX / 2 / sizeof(*writer->index))
			return false;
		capacity *= 2;
	}
	struct ct_plan_index *index = reallocarray(writer->index, capacity, sizeof(*index));
	if (!index)
		return false;
	writer->index = index;
	writer->capacity = capacity;
	return true;
}

static size_t padding(size_t size_bytes)
{
	return -size_bytes & 7;
}

void ct_plan_writer_add(struct ct_plan_writer *writer, uint64_t site,
			const struct ct_plan_content *content)
{
	static const char zeros[8];
	size_t ops_bytes = content->op_count * sizeof(*content->ops);
	size_t shape_bytes = content->shape_count * sizeof(*content->shape);
	size_t size_bytes = sizeof(struct ct_plan) + ops_bytes + shape_bytes +
			    content->description_bytes;
	size_t padding_bytes = padding(size_bytes);
	/* Offsets in the index count in units of 8 bytes. */
	if (writer->plans.length / 8 > UINT32_MAX / 2 || !reserve_index(writer, 1)) {
		writer->failed = true;
		return;
	}
	struct ct_plan head = content->head;
	head.size_bytes = (uint32_t)(size_bytes + padding_bytes);
	head.op_count = (uint16_t)content->op_count;
	head.shape_count = (uint16_t)content->shape_count;
	head.payload_max = (uint16_t)content->payload_max;
	head.description_bytes = (uint16_t)content->description_bytes;
	head.checksum = 0;
	writer->index[writer->count++] = (struct ct_plan_index){
		.site = site,
		.offset = (uint32_t)(writer->plans.length / 8),
		.size_bytes = head.size_bytes,
	};
	size_t start = writer->plans.length;
	ct_strbuf_add(&writer->plans, &head, sizeof(head));
	ct_strbuf_add(&writer->plans, content->ops, ops_bytes);
	ct_strbuf_add(&writer->plans, content->shape, shape_bytes);
	ct_strbuf_add(&writer->plans, content->description, content->description_bytes);
	ct_strbuf_add(&writer->plans, zeros, padding_bytes);
	writer->failed |= writer->plans.failed;
	if (writer->failed)
		return;
	struct ct_plan *plan = (struct ct_plan *)(writer->plans.bytes + start);
	plan->checksum = ct_plan_checksum(plan);
}

void ct_plan_writer_append(struct ct_plan_writer *writer, const struct ct_plan_index *index,
			   size_t count, const void *plans, size_t plans_bytes)
{
	size_t base = writer->plans.length / 8;
	if (base + plans_bytes / 8 > UINT32_MAX / 2 || !reserve_index(writer, count)) {
		writer->failed = true;
		return;
	}
	for (size_t i = 0; i < count; i++) {
		writer->index[writer->count] = index[i];
		writer->index[writer->count++].offset += (uint32_t)base;
	}
	ct_strbuf_add(&writer->plans, plans, plans_bytes);
	writer->failed |= writer->plans.failed;
}

static int compare_index(const void *a, const void *b)
{
	const struct ct_plan_index *left = a;
	const struct ct_plan_index *right = b;
	if (left->site != right->site)
		return left->site < right->site ? -1 : 1;
	return (left->offset > right->offset) - (left->offset < right->offset);
}

static void sort_index(struct ct_plan_writer *writer)
{
	size_t kept = 0;
	if (writer->count > 0)
		qsort(writer->index, writer->count, sizeof(*writer->index), compare_index);
	for (size_t i = 0; i < writer->count; i++)
		if (kept == 0 || writer->index[i].site != writer->index[kept - 1].site)
			writer->index[kept++] = writer->index[i];
	writer->count = kept;
}

struct ct_error *ct_plan_writer_finish(struct ct_plan_writer *writer,
				       const struct ct_plan_header *header, const char *misses,
				       struct ct_strbuf *ret)
{
	sort_index(writer);
	size_t index_bytes = writer->count * sizeof(*writer->index);
	size_t start = ret->length;
	struct ct_plan_header whole = *header;
	whole.magic = CT_PLAN_MAGIC;
	whole.version = CT_PLAN_VERSION;
	whole.misses_bytes = misses ? header->misses_bytes : 0;
	size_t plans_offset = sizeof(whole) + index_bytes + whole.misses_bytes;
	whole.total_bytes = plans_offset + writer->plans.length;
	whole.index_offset = sizeof(whole);
	whole.index_count = writer->count;
	for (size_t i = 0; i < writer->count; i++)
		writer->index[i].offset += (uint32_t)(plans_offset / 8);
	ct_strbuf_add(ret, &whole, sizeof(whole));
	ct_strbuf_add(ret, writer->index, index_bytes);
	ct_strbuf_add(ret, misses, whole.misses_bytes);
	ct_strbuf_add(ret, writer->plans.bytes, writer->plans.length);
	if (writer->failed || ret->failed)
		return ct_error_nomem;
	struct ct_plan_header *head = (struct ct_plan_header *)(ret->bytes + start);
	head->checksum = ct_plan_file_checksum(&whole, (const struct ct_plan_index *)(head + 1));
	return NULL;
}

/* ---- reading ---- */

bool ct_plan_file_open(const void *bytes, size_t size_bytes,
		       const struct ct_plan_settings *settings, const void *build_id,
		       size_t build_id_bytes, struct ct_plan_file *ret)
{
	struct ct_plan_header header;
	if (size_bytes < sizeof(header))
		return false;
	memcpy(&header, bytes, sizeof(header));
	if (header.magic != CT_PLAN_MAGIC || header.version != CT_PLAN_VERSION ||
	    header.total_bytes != size_bytes || header.index_offset % 8 != 0 ||
	    header.index_offset > size_bytes ||
	    header.index_count > (size_bytes - header.index_offset) / sizeof(struct ct_plan_index))
		return false;
	if (header.misses_bytes % 8 != 0 || header.misses_bytes > CT_PLAN_MISSES_MAX ||
	    header.misses_bytes > size_bytes - header.index_offset -
					  header.index_count * sizeof(struct ct_plan_index))
		return false;
	if (settings && (header.settings.max_string != settings->max_string ||
			 header.settings.max_pointee != settings->max_pointee ||
			 header.settings.filter_hash != settings->filter_hash))
		return false;
	if (build_id_bytes > sizeof(header.build_id) || header.build_id_bytes != build_id_bytes ||
	    (build_id_bytes > 0 && memcmp(header.build_id, build_id, build_id_bytes) != 0))
		return false;
	const struct ct_plan_index *index =
		(const void *)((const char *)bytes + header.index_offset);
	if (header.checksum != ct_plan_file_checksum(&header, index))
		return false;
	*ret = (struct ct_plan_file){.bytes = bytes, .header = header};
	return true;
}

static bool counts_fit(const struct ct_plan *plan, uint64_t there)
{
	return plan->size_bytes <= there && plan->op_count <= CT_PLAN_OPS_MAX &&
	       plan->shape_count <= CT_PLAN_OPS_MAX &&
	       plan->description_bytes <= CT_PLAN_DESCRIPTION_MAX &&
	       plan->payload_max <= CT_PLAN_PAYLOAD_MAX &&
	       sizeof(*plan) + (plan->op_count + plan->shape_count) * sizeof(struct ct_plan_op) +
			       plan->description_bytes <=
		       plan->size_bytes;
}

bool ct_plan_file_is_whole(const struct ct_plan_file *file)
{
	uint64_t site;
	struct ct_plan_content content;
	for (uint64_t i = 0; i < file->header.index_count; i++)
		if (!ct_plan_file_get(file, i, &site, &content))
			return false;
	return true;
}

bool ct_plan_file_get(const struct ct_plan_file *file, uint64_t i, uint64_t *ret_site,
		      struct ct_plan_content *ret)
{
	struct ct_plan_index index;
	struct ct_plan plan;
	memcpy(&index, file->bytes + file->header.index_offset + i * sizeof(index), sizeof(index));
	uint64_t offset = (uint64_t)index.offset * 8;
	if (offset > file->header.total_bytes ||
	    index.size_bytes > file->header.total_bytes - offset || index.size_bytes < sizeof(plan))
		return false;
	const uint8_t *at = file->bytes + offset;
	memcpy(&plan, at, sizeof(plan));
	if (plan.size_bytes != index.size_bytes || !counts_fit(&plan, index.size_bytes) ||
	    plan.checksum != ct_plan_checksum((const struct ct_plan *)at))
		return false;
	const struct ct_plan_op *ops = (const struct ct_plan_op *)(at + sizeof(plan));
	*ret_site = index.site;
	*ret = (struct ct_plan_content){
		.head = plan,
		.ops = ops,
		.op_count = plan.op_count,
		.shape = ops + plan.op_count,
		.shape_count = plan.shape_count,
		.description = ops + plan.op_count + plan.shape_count,
		.description_bytes = plan.description_bytes,
		.payload_max = plan.payload_max,
	};
	return true;
}
