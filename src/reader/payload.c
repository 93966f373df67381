/* SPDX-License-Identifier: MIT */
/* Blocks of a payload: see payload.h. */
#include "reader/payload.h"

#include <string.h>

/* --- operations --- */

static bool is_word_size(uint16_t size)
{
	return size >= 1 && size <= 8;
}

/* The operations that make or lengthen a block of bytes without a head. */
static bool is_plain(uint8_t code)
{
	return code == CT_PLAN_APPEND_REGISTER || code == CT_PLAN_APPEND_STACK ||
	       code == CT_PLAN_APPEND_VALUE;
}

static bool is_known(uint8_t code)
{
	return (code >= CT_PLAN_APPEND_REGISTER && code <= CT_PLAN_LAST_APPEND) ||
	       (code >= CT_PLAN_PUSH_REGISTER && code <= CT_PLAN_PUSH_ADDRESS) ||
	       (code >= CT_PLAN_ADD && code <= CT_PLAN_EQUAL);
}

/* The block an operation makes; false when it cannot be. */
static bool shape_of(const struct ct_plan_op *op, struct ct_block_shape *ret)
{
	*ret = (struct ct_block_shape){.kind = CT_PAYLOAD_BYTES, .size = op->size};
	switch (op->code) {
	case CT_PLAN_APPEND_REGISTER:
	case CT_PLAN_APPEND_VALUE:
		return is_word_size(op->size);
	case CT_PLAN_APPEND_STACK:
		return op->size <= CT_PLAN_PAYLOAD_MAX;
	case CT_PLAN_APPEND_MEMORY:
		ret->kind = CT_PAYLOAD_MEMORY;
		return op->size <= CT_PLAN_PAYLOAD_MAX;
	case CT_PLAN_APPEND_STRING:
	case CT_PLAN_APPEND_TEXT:
		ret->kind = CT_PAYLOAD_STRING;
		return op->size <= CT_PLAN_STRING_MAX;
	case CT_PLAN_APPEND_SEQUENCE:
		ret->kind = CT_PAYLOAD_SEQUENCE;
		ret->count = (uint32_t)op->operand;
		return op->size >= 1 && op->operand >= 0 && op->operand <= CT_PLAN_PAYLOAD_MAX;
	default:
		return false;
	}
}

static size_t largest(const struct ct_block_shape *shape)
{
	switch (shape->kind) {
	case CT_PAYLOAD_MEMORY:
		return 1U + shape->size;
	case CT_PAYLOAD_STRING:
		return 2U + shape->size;
	case CT_PAYLOAD_SEQUENCE:
		return 5 + (size_t)shape->size * shape->count;
	default:
		return shape->size;
	}
}

static bool lengthen(const struct ct_plan_op *op, struct ct_block_shape *last)
{
	struct ct_plan_op plain = *op;
	struct ct_block_shape more;
	plain.code &= (uint8_t)~CT_PLAN_JOINED;
	if (last->kind != CT_PAYLOAD_BYTES || !is_plain(plain.code) || !shape_of(&plain, &more) ||
	    last->size + more.size > CT_PLAN_PAYLOAD_MAX)
		return false;
	last->size = (uint16_t)(last->size + more.size);
	return true;
}

bool ct_payload_shapes(const struct ct_plan_op *ops, size_t op_count, struct ct_block_shape *ret,
		       size_t *ret_count)
{
	size_t count = 0;
	size_t total = 0;
	if (op_count > CT_PLAN_OPS_MAX)
		return false;
	for (size_t i = 0; i < op_count; i++) {
		uint8_t code = ops[i].code;
		if (code & CT_PLAN_JOINED) {
			if (count == 0 || !lengthen(&ops[i], &ret[count - 1]))
				return false;
		} else if (!is_known(code)) {
			return false;
		} else if (code <= CT_PLAN_LAST_APPEND) {
			if (count == CT_PLAN_BLOCKS_MAX || !shape_of(&ops[i], &ret[count]))
				return false;
			count++;
		}
	}
	for (size_t i = 0; i < count; i++)
		total += largest(&ret[i]);
	*ret_count = count;
	return total <= CT_PLAN_PAYLOAD_MAX;
}

/* --- payloads --- */

struct rest {
	const unsigned char *at;
	size_t left;
};

static const unsigned char *take(struct rest *rest, size_t size_bytes)
{
	if (rest->left < size_bytes)
		return NULL;
	const unsigned char *bytes = rest->at;
	rest->at += size_bytes;
	rest->left -= size_bytes;
	return bytes;
}

static bool take_bytes(struct rest *rest, size_t size_bytes, struct ct_payload_block *ret)
{
	const unsigned char *bytes = take(rest, size_bytes);
	if (!bytes)
		return false;
	*ret = (struct ct_payload_block){.bytes = bytes, .length = (uint32_t)size_bytes};
	return true;
}

/* A status that says why nothing follows. */
static bool take_status(struct rest *rest, struct ct_payload_block *ret)
{
	const unsigned char *status = take(rest, 1);
	if (!status || *status > CT_PLAN_UNREADABLE)
		return false;
	*ret = (struct ct_payload_block){.status = *status};
	return true;
}

static bool take_string(struct rest *rest, uint16_t size, struct ct_payload_block *ret)
{
	uint16_t head;
	const unsigned char *bytes = take(rest, sizeof(head));
	if (!bytes)
		return false;
	memcpy(&head, bytes, sizeof(head));
	uint32_t length = head & CT_PLAN_STRING_LENGTH;
	if (length > size)
		return false;
	*ret = (struct ct_payload_block){0};
	bool ends = (head & CT_PLAN_STRING_ENDS) == CT_PLAN_STRING_ENDS;
	if (head & CT_PLAN_STRING_UNREADABLE && !ends)
		ret->status = CT_PLAN_UNREADABLE;
	else if (head & CT_PLAN_STRING_NULL)
		ret->status = CT_PLAN_NULL;
	if (ret->status != CT_PLAN_OK)
		return length == 0;
	if (!take_bytes(rest, length, ret))
		return false;
	ret->truncated = head & CT_PLAN_STRING_TRUNCATED;
	ret->ends = ends;
	return true;
}

static bool take_sequence(struct rest *rest, const struct ct_block_shape *shape,
			  struct ct_payload_block *ret)
{
	if (!take_status(rest, ret))
		return false;
	if (ret->status != CT_PLAN_OK)
		return true;
	uint32_t count;
	const unsigned char *bytes = take(rest, sizeof(count));
	if (!bytes)
		return false;
	memcpy(&count, bytes, sizeof(count));
	uint32_t here = count < shape->count ? count : shape->count;
	if (!take_bytes(rest, (size_t)here * shape->size, ret))
		return false;
	ret->count = count;
	return true;
}

static bool take_block(struct rest *rest, const struct ct_block_shape *shape,
		       struct ct_payload_block *ret)
{
	switch (shape->kind) {
	case CT_PAYLOAD_MEMORY:
		return take_status(rest, ret) &&
		       (ret->status != CT_PLAN_OK || take_bytes(rest, shape->size, ret));
	case CT_PAYLOAD_STRING:
		return take_string(rest, shape->size, ret);
	case CT_PAYLOAD_SEQUENCE:
		return take_sequence(rest, shape, ret);
	default:
		return take_bytes(rest, shape->size, ret);
	}
}

void ct_payload_split(const struct ct_block_shape *shapes, size_t count,
		      const unsigned char *payload, size_t payload_bytes,
		      struct ct_payload_block *ret)
{
	struct rest rest = {payload, payload ? payload_bytes : 0};
	size_t i = 0;
	while (payload && i < count && take_block(&rest, &shapes[i], &ret[i]))
		i++;
	/* Where one block cannot be, nothing behind it can be found. */
	for (; i < count; i++)
		ret[i] = (struct ct_payload_block){.status = CT_PLAN_UNREADABLE};
}
