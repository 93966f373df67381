/* SPDX-License-Identifier: MIT */
/*
 * Expressions are interned: what is built twice in an arena is one node, so that
 * equality is a comparison of pointers and a value used often costs nothing.
 */
#include "plan/expression.h"

#include <stdlib.h>
#include <string.h>

enum {
	DEPTH_MAX = 40, /* deeper ones are UNKNOWN: no plan could hold them */
	LOOK_DEPTH = 6, /* how far the simplifications look into an expression */
	CHUNK_NODES = 1024,
	SLOTS_MIN = 1024, /* of the intern table; powers of two */
};

struct chunk {
	struct chunk *next;
	struct ct_expr nodes[CHUNK_NODES];
};

/* Of the intern table. One of another generation is free: so an arena is reset at once, and there
 * are three resets for each function. */
struct slot {
	const struct ct_expr *node;
	uint64_t generation;
};

struct ct_expr_arena {
	struct chunk *first;
	struct chunk *current; /* the one being filled; those after it are empty */
	size_t used;	       /* nodes of `current` */
	size_t node_count;
	struct slot *slots;
	size_t slot_count;
	uint64_t generation; /* from 1 */
	/* Registers are asked for the most, all of them with each new machine. */
	struct slot registers[UINT8_MAX + 1];
};

static const struct ct_expr unknown = {.kind = CT_EXPR_UNKNOWN};

struct ct_expr_arena *ct_expr_arena_create(void)
{
	struct ct_expr_arena *arena = calloc(1, sizeof(*arena));
	if (!arena)
		return NULL;
	arena->first = calloc(1, sizeof(*arena->first));
	arena->slots = calloc(SLOTS_MIN, sizeof(*arena->slots));
	if (!arena->first || !arena->slots) {
		ct_expr_arena_destroy(arena);
		return NULL;
	}
	arena->current = arena->first;
	arena->slot_count = SLOTS_MIN;
	arena->generation = 1;
	return arena;
}

void ct_expr_arena_reset(struct ct_expr_arena *arena)
{
	arena->current = arena->first;
	arena->used = 0;
	arena->node_count = 0;
	arena->generation++;
}

void ct_expr_arena_destroy(struct ct_expr_arena *arena)
{
	if (!arena)
		return;
	while (arena->first) {
		struct chunk *next = arena->first->next;
		free(arena->first);
		arena->first = next;
	}
	free(arena->slots);
	free(arena);
}

static size_t mix(uint64_t hash)
{
	hash *= 0x9e3779b97f4a7c15u;
	return (size_t)(hash ^ hash >> 29);
}

static size_t hash_node(const struct ct_expr *node)
{
	uint64_t hash = node->kind | (uint64_t)node->number << 8 | (uint64_t)node->size << 16;
	hash = mix(hash ^ (uint64_t)node->constant);
	hash = mix(hash ^ (uintptr_t)node->left);
	return mix(hash ^ (uintptr_t)node->right);
}

static bool is_same_node(const struct ct_expr *a, const struct ct_expr *b)
{
	return a->kind == b->kind && a->number == b->number && a->size == b->size &&
	       a->constant == b->constant && a->left == b->left && a->right == b->right;
}

/* The slot that has the node, or the free one it belongs in. */
static struct slot *find_slot(struct slot *slots, size_t slot_count, uint64_t generation,
			      const struct ct_expr *node)
{
	size_t at = hash_node(node) & (slot_count - 1);
	while (slots[at].generation == generation && slots[at].node &&
	       !is_same_node(slots[at].node, node))
		at = (at + 1) & (slot_count - 1);
	return &slots[at];
}

static bool grow_slots(struct ct_expr_arena *arena)
{
	size_t slot_count = arena->slot_count * 2;
	struct slot *slots = calloc(slot_count, sizeof(*slots));
	if (!slots)
		return false;
	for (size_t i = 0; i < arena->slot_count; i++)
		if (arena->slots[i].generation == arena->generation)
			*find_slot(slots, slot_count, arena->generation,
				   arena->slots[i].node) = arena->slots[i];
	free(arena->slots);
	arena->slots = slots;
	arena->slot_count = slot_count;
	return true;
}

static struct ct_expr *new_node(struct ct_expr_arena *arena)
{
	if (arena->used == CHUNK_NODES) {
		if (!arena->current->next)
			arena->current->next = calloc(1, sizeof(*arena->current));
		if (!arena->current->next)
			return NULL;
		arena->current = arena->current->next;
		arena->used = 0;
	}
	return &arena->current->nodes[arena->used++];
}

static const struct ct_expr *intern(struct ct_expr_arena *arena, struct ct_expr node)
{
	unsigned int depth = 0;
	if (node.left)
		depth = node.left->depth;
	if (node.right && node.right->depth > depth)
		depth = node.right->depth;
	if (depth >= DEPTH_MAX)
		return &unknown;
	node.depth = (uint8_t)(depth + 1);
	struct slot *slot = find_slot(arena->slots, arena->slot_count, arena->generation, &node);
	if (slot->generation == arena->generation)
		return slot->node;
	if (2 * arena->node_count >= arena->slot_count) {
		if (!grow_slots(arena))
			return &unknown;
		slot = find_slot(arena->slots, arena->slot_count, arena->generation, &node);
	}
	struct ct_expr *made = new_node(arena);
	if (!made)
		return &unknown;
	*made = node;
	*slot = (struct slot){made, arena->generation};
	arena->node_count++;
	return made;
}

const struct ct_expr *ct_expr_unknown(void)
{
	return &unknown;
}

const struct ct_expr *ct_expr_register(struct ct_expr_arena *arena, unsigned int number)
{
	struct slot *slot = &arena->registers[(uint8_t)number];
	if (slot->generation != arena->generation)
		*slot = (struct slot){intern(arena, (struct ct_expr){.kind = CT_EXPR_REGISTER,
								     .number = (uint8_t)number}),
				      arena->generation};
	return slot->node;
}

const struct ct_expr *ct_expr_constant(struct ct_expr_arena *arena, int64_t constant)
{
	return intern(arena, (struct ct_expr){.kind = CT_EXPR_CONSTANT, .constant = constant});
}

const struct ct_expr *ct_expr_address(struct ct_expr_arena *arena, uint64_t elf_address)
{
	return intern(arena,
		      (struct ct_expr){.kind = CT_EXPR_ADDRESS, .constant = (int64_t)elf_address});
}

static bool is_size(unsigned int size_bytes)
{
	return size_bytes == 1 || size_bytes == 2 || size_bytes == 4 || size_bytes == 8;
}

const struct ct_expr *ct_expr_load(struct ct_expr_arena *arena, const struct ct_expr *address,
				   unsigned int size_bytes)
{
	if (!ct_expr_is_known(address) || !is_size(size_bytes))
		return &unknown;
	return intern(arena, (struct ct_expr){.kind = CT_EXPR_LOAD,
					      .size = (uint8_t)size_bytes,
					      .left = address});
}

static bool is_constant(const struct ct_expr *expr)
{
	return expr->kind == CT_EXPR_CONSTANT;
}

static bool has_constant(const struct ct_expr *expr, int64_t constant)
{
	return is_constant(expr) && expr->constant == constant;
}

/* The bits of the low `size_bytes`. */
static uint64_t low_mask(unsigned int size_bytes)
{
	return size_bytes >= 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size_bytes) - 1;
}

/* Bits that may be set; all others are surely 0. */
static uint64_t possible_bits(const struct ct_expr *expr, int look)
{
	if (look == 0)
		return UINT64_MAX;
	look--;
	switch ((enum ct_expr_kind)expr->kind) {
	case CT_EXPR_CONSTANT:
		return (uint64_t)expr->constant;
	case CT_EXPR_LOAD:
		return low_mask(expr->size);
	case CT_EXPR_ZERO_EXTEND:
		return low_mask(expr->size) & possible_bits(expr->left, look);
	case CT_EXPR_AND:
		return possible_bits(expr->left, look) & possible_bits(expr->right, look);
	case CT_EXPR_OR:
	case CT_EXPR_XOR:
		return possible_bits(expr->left, look) | possible_bits(expr->right, look);
	case CT_EXPR_SHIFT_LEFT:
		return is_constant(expr->right) && (uint64_t)expr->right->constant < 64
			       ? possible_bits(expr->left, look) << expr->right->constant
			       : UINT64_MAX;
	case CT_EXPR_SHIFT_RIGHT:
		return is_constant(expr->right) && (uint64_t)expr->right->constant < 64
			       ? possible_bits(expr->left, look) >> expr->right->constant
			       : UINT64_MAX;
	case CT_EXPR_LESS:
	case CT_EXPR_LESS_SIGNED:
	case CT_EXPR_EQUAL:
		return 1;
	default:
		return UINT64_MAX;
	}
}

static uint64_t sign_extended(uint64_t value, unsigned int size_bytes)
{
	if (size_bytes >= 8)
		return value;
	uint64_t sign = UINT64_C(1) << (8 * size_bytes - 1);
	return ((value & low_mask(size_bytes)) ^ sign) - sign;
}

/* A simpler expression whose low `size_bytes` are the same. */
static const struct ct_expr *strip(struct ct_expr_arena *arena, const struct ct_expr *expr,
				   unsigned int size_bytes, int look)
{
	if (look == 0)
		return expr;
	look--;
	const struct ct_expr *left, *right;
	switch ((enum ct_expr_kind)expr->kind) {
	case CT_EXPR_CONSTANT:
		return ct_expr_constant(arena,
					(int64_t)((uint64_t)expr->constant & low_mask(size_bytes)));
	case CT_EXPR_LOAD:
		return expr->size > size_bytes ? ct_expr_load(arena, expr->left, size_bytes) : expr;
	case CT_EXPR_SIGN_EXTEND:
	case CT_EXPR_ZERO_EXTEND:
		return expr->size >= size_bytes ? strip(arena, expr->left, size_bytes, look) : expr;
	case CT_EXPR_AND:
		/* A mask that keeps all that counts is none. */
		if (is_constant(expr->right) && ((uint64_t)expr->right->constant &
						 low_mask(size_bytes)) == low_mask(size_bytes))
			return strip(arena, expr->left, size_bytes, look);
		/* fall through */
	case CT_EXPR_ADD:
	case CT_EXPR_SUBTRACT:
	case CT_EXPR_MULTIPLY:
	case CT_EXPR_OR:
	case CT_EXPR_XOR:
		left = strip(arena, expr->left, size_bytes, look);
		/* A negative constant stays one: the sum would look different from its twin. */
		right = is_constant(expr->right) && expr->kind == CT_EXPR_ADD
				? expr->right
				: strip(arena, expr->right, size_bytes, look);
		if (left == expr->left && right == expr->right)
			return expr;
		return ct_expr_binary(arena, expr->kind, left, right);
	case CT_EXPR_SHIFT_LEFT:
		left = strip(arena, expr->left, size_bytes, look);
		return left == expr->left ? expr
					  : ct_expr_binary(arena, expr->kind, left, expr->right);
	case CT_EXPR_NEGATE:
	case CT_EXPR_NOT:
		left = strip(arena, expr->left, size_bytes, look);
		return left == expr->left ? expr : ct_expr_unary(arena, expr->kind, left, 8);
	default:
		return expr;
	}
}

static const struct ct_expr *extend(struct ct_expr_arena *arena, enum ct_expr_kind kind,
				    const struct ct_expr *operand, unsigned int size_bytes)
{
	if (!is_size(size_bytes))
		return &unknown;
	if (size_bytes == 8)
		return operand;
	if (is_constant(operand)) {
		uint64_t value = (uint64_t)operand->constant;
		value = kind == CT_EXPR_SIGN_EXTEND ? sign_extended(value, size_bytes)
						    : value & low_mask(size_bytes);
		return ct_expr_constant(arena, (int64_t)value);
	}
	operand = strip(arena, operand, size_bytes, LOOK_DEPTH);
	if (!ct_expr_is_known(operand) || is_constant(operand))
		return ct_expr_unary(arena, kind, operand, size_bytes);
	uint64_t bits = possible_bits(operand, LOOK_DEPTH);
	uint64_t kept = kind == CT_EXPR_SIGN_EXTEND ? low_mask(size_bytes) >> 1
						    : low_mask(size_bytes);
	if ((bits & ~kept) == 0)
		return operand;
	if (kind == CT_EXPR_SIGN_EXTEND && operand->kind == CT_EXPR_SIGN_EXTEND &&
	    operand->size <= size_bytes)
		return operand;
	return intern(arena, (struct ct_expr){.kind = (uint8_t)kind,
					      .size = (uint8_t)size_bytes,
					      .left = operand});
}

const struct ct_expr *ct_expr_unary(struct ct_expr_arena *arena, enum ct_expr_kind kind,
				    const struct ct_expr *operand, unsigned int size_bytes)
{
	if (!ct_expr_is_known(operand))
		return &unknown;
	switch (kind) {
	case CT_EXPR_SIGN_EXTEND:
	case CT_EXPR_ZERO_EXTEND:
		return extend(arena, kind, operand, size_bytes);
	case CT_EXPR_NEGATE:
	case CT_EXPR_NOT:
		if (is_constant(operand)) {
			uint64_t value = ~(uint64_t)operand->constant;
			value += kind == CT_EXPR_NEGATE;
			return ct_expr_constant(arena, (int64_t)value);
		}
		if (operand->kind == kind)
			return operand->left;
		return intern(arena, (struct ct_expr){.kind = (uint8_t)kind, .left = operand});
	default:
		return &unknown;
	}
}

static uint64_t fold(enum ct_expr_kind kind, uint64_t left, uint64_t right)
{
	switch (kind) {
	case CT_EXPR_ADD:
		return left + right;
	case CT_EXPR_SUBTRACT:
		return left - right;
	case CT_EXPR_MULTIPLY:
		return left * right;
	case CT_EXPR_AND:
		return left & right;
	case CT_EXPR_OR:
		return left | right;
	case CT_EXPR_XOR:
		return left ^ right;
	case CT_EXPR_SHIFT_LEFT:
		return right < 64 ? left << right : 0;
	case CT_EXPR_SHIFT_RIGHT:
		return right < 64 ? left >> right : 0;
	case CT_EXPR_SHIFT_RIGHT_SIGNED:
		return (uint64_t)((int64_t)left >> (right < 64 ? right : 63));
	case CT_EXPR_LESS:
		return left < right;
	case CT_EXPR_LESS_SIGNED:
		return (int64_t)left < (int64_t)right;
	default: /* EQUAL */
		return left == right;
	}
}

static bool commutes(enum ct_expr_kind kind)
{
	return kind == CT_EXPR_ADD || kind == CT_EXPR_MULTIPLY || kind == CT_EXPR_AND ||
	       kind == CT_EXPR_OR || kind == CT_EXPR_XOR || kind == CT_EXPR_EQUAL;
}

static const struct ct_expr *plus(struct ct_expr_arena *arena, const struct ct_expr *expr,
				  uint64_t constant)
{
	return ct_expr_binary(arena, CT_EXPR_ADD, expr, ct_expr_constant(arena, (int64_t)constant));
}

/* Sums and differences with the constant outermost; NULL: nothing to do. */
static const struct ct_expr *simplify_sum(struct ct_expr_arena *arena, enum ct_expr_kind kind,
					  const struct ct_expr *left, const struct ct_expr *right)
{
	if (kind == CT_EXPR_SUBTRACT && is_constant(right))
		return plus(arena, left, -(uint64_t)right->constant);
	if (kind == CT_EXPR_SUBTRACT && has_constant(left, 0))
		return ct_expr_unary(arena, CT_EXPR_NEGATE, right, 8);
	if (kind == CT_EXPR_ADD && has_constant(right, 0))
		return left;
	if (kind == CT_EXPR_ADD && left->kind == CT_EXPR_ADDRESS && is_constant(right))
		return ct_expr_address(arena, (uint64_t)left->constant + (uint64_t)right->constant);
	if (kind == CT_EXPR_SUBTRACT && left->kind == CT_EXPR_ADDRESS &&
	    right->kind == CT_EXPR_ADDRESS)
		return ct_expr_constant(
			arena, (int64_t)((uint64_t)left->constant - (uint64_t)right->constant));
	const struct ct_expr *left_base, *right_base;
	int64_t left_constant, right_constant;
	ct_expr_split(left, &left_base, &left_constant);
	ct_expr_split(right, &right_base, &right_constant);
	if (kind == CT_EXPR_SUBTRACT && left_base == right_base && left_base)
		return ct_expr_constant(
			arena, (int64_t)((uint64_t)left_constant - (uint64_t)right_constant));
	if (kind == CT_EXPR_ADD && left_base && left_base->kind == CT_EXPR_SUBTRACT &&
	    left_base->right == right_base)
		return plus(arena, left_base->left,
			    (uint64_t)left_constant + (uint64_t)right_constant);
	uint64_t constant = kind == CT_EXPR_ADD
				    ? (uint64_t)left_constant + (uint64_t)right_constant
				    : (uint64_t)left_constant - (uint64_t)right_constant;
	if (left_base && !right_base && left_base != left)
		return plus(arena, left_base, constant);
	if (left_base && right_base && (left_base != left || right_base != right))
		return plus(arena, ct_expr_binary(arena, kind, left_base, right_base), constant);
	return NULL;
}

static const struct ct_expr *simplify_and(struct ct_expr_arena *arena, const struct ct_expr *left,
					  const struct ct_expr *right)
{
	if (left == right)
		return left;
	if (!is_constant(right))
		return NULL;
	uint64_t mask = (uint64_t)right->constant;
	uint64_t bits = possible_bits(left, LOOK_DEPTH);
	if ((bits & mask) == 0)
		return ct_expr_constant(arena, 0);
	if ((bits & ~mask) == 0)
		return left;
	for (unsigned int size = 1; size < 8; size *= 2)
		if (mask == low_mask(size))
			return ct_expr_unary(arena, CT_EXPR_ZERO_EXTEND, left, size);
	if (left->kind == CT_EXPR_AND && is_constant(left->right))
		return ct_expr_binary(
			arena, CT_EXPR_AND, left->left,
			ct_expr_constant(arena, (int64_t)(mask & (uint64_t)left->right->constant)));
	/* Registers that are written in parts are such a union. */
	if (left->kind == CT_EXPR_OR) {
		if ((possible_bits(left->left, LOOK_DEPTH) & mask) == 0)
			return ct_expr_binary(arena, CT_EXPR_AND, left->right, right);
		if ((possible_bits(left->right, LOOK_DEPTH) & mask) == 0)
			return ct_expr_binary(arena, CT_EXPR_AND, left->left, right);
	}
	return NULL;
}

static const struct ct_expr *simplify(struct ct_expr_arena *arena, enum ct_expr_kind kind,
				      const struct ct_expr *left, const struct ct_expr *right)
{
	switch (kind) {
	case CT_EXPR_ADD:
	case CT_EXPR_SUBTRACT:
		return simplify_sum(arena, kind, left, right);
	case CT_EXPR_MULTIPLY:
		if (has_constant(right, 0))
			return right;
		return has_constant(right, 1) ? left : NULL;
	case CT_EXPR_AND:
		return simplify_and(arena, left, right);
	case CT_EXPR_OR:
		if (left == right || has_constant(right, 0))
			return left;
		if (has_constant(left, 0) || has_constant(right, -1))
			return right;
		return NULL;
	case CT_EXPR_XOR:
		if (left == right)
			return ct_expr_constant(arena, 0);
		if (has_constant(right, -1))
			return ct_expr_unary(arena, CT_EXPR_NOT, left, 8);
		if (is_constant(right) && left->kind == CT_EXPR_XOR && is_constant(left->right))
			return ct_expr_binary(
				arena, kind, left->left,
				ct_expr_constant(arena, left->right->constant ^ right->constant));
		return has_constant(right, 0) ? left : NULL;
	case CT_EXPR_SHIFT_LEFT:
	case CT_EXPR_SHIFT_RIGHT:
		if (is_constant(right) && (uint64_t)right->constant >= 64)
			return ct_expr_constant(arena, 0);
		return has_constant(right, 0) ? left : NULL;
	case CT_EXPR_SHIFT_RIGHT_SIGNED:
		return has_constant(right, 0) ? left : NULL;
	case CT_EXPR_LESS:
		return left == right || has_constant(right, 0) ? ct_expr_constant(arena, 0) : NULL;
	case CT_EXPR_LESS_SIGNED:
		return left == right ? ct_expr_constant(arena, 0) : NULL;
	case CT_EXPR_EQUAL:
		return left == right ? ct_expr_constant(arena, 1) : NULL;
	default:
		return &unknown;
	}
}

const struct ct_expr *ct_expr_binary(struct ct_expr_arena *arena, enum ct_expr_kind kind,
				     const struct ct_expr *left, const struct ct_expr *right)
{
	if (kind < CT_EXPR_ADD || kind > CT_EXPR_EQUAL || !ct_expr_is_known(left) ||
	    !ct_expr_is_known(right))
		return &unknown;
	if (is_constant(left) && is_constant(right))
		return ct_expr_constant(arena, (int64_t)fold(kind, (uint64_t)left->constant,
							     (uint64_t)right->constant));
	if (commutes(kind) && is_constant(left)) {
		const struct ct_expr *swap = left;
		left = right;
		right = swap;
	}
	const struct ct_expr *simpler = simplify(arena, kind, left, right);
	if (simpler)
		return simpler;
	return intern(arena, (struct ct_expr){.kind = (uint8_t)kind, .left = left, .right = right});
}

bool ct_expr_equal(const struct ct_expr *a, const struct ct_expr *b)
{
	/* Within an arena the pointers tell; for two arenas the way down ends at the first
	 * difference. */
	if (!ct_expr_is_known(a) || !ct_expr_is_known(b))
		return false;
	if (a == b)
		return true;
	if (a->kind != b->kind || a->number != b->number || a->size != b->size ||
	    a->depth != b->depth || a->constant != b->constant || !a->left != !b->left ||
	    !a->right != !b->right)
		return false;
	return (!a->left || ct_expr_equal(a->left, b->left)) &&
	       (!a->right || ct_expr_equal(a->right, b->right));
}

void ct_expr_split(const struct ct_expr *expr, const struct ct_expr **ret_base,
		   int64_t *ret_constant)
{
	*ret_base = expr;
	*ret_constant = 0;
	if (is_constant(expr)) {
		*ret_base = NULL;
		*ret_constant = expr->constant;
	} else if (expr->kind == CT_EXPR_ADD && is_constant(expr->right)) {
		*ret_base = expr->left;
		*ret_constant = expr->right->constant;
	}
}

/* ---- operations ---- */

struct ops {
	struct ct_plan_op *ops;
	size_t count;
	size_t capacity;
	unsigned int registers;
};

static bool plan_register(unsigned int number, uint8_t *ret)
{
	static const struct {
		uint8_t number;
		uint8_t plan;
	} table[] = {
		{7, CT_PLAN_RSP},
		{3, CT_PLAN_RBX},
		{6, CT_PLAN_RBP},
		{12, CT_PLAN_R12},
		{13, CT_PLAN_R13},
		{14, CT_PLAN_R14},
		{15, CT_PLAN_R15},
		{0, CT_PLAN_RAX},
		{1, CT_PLAN_RDX},
		{CT_EXPR_XMM, CT_PLAN_XMM0},
		{CT_EXPR_XMM_HIGH, CT_PLAN_XMM0_HIGH},
		{CT_EXPR_XMM + 1, CT_PLAN_XMM1},
		{CT_EXPR_XMM_HIGH + 1, CT_PLAN_XMM1_HIGH},
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].number == number) {
			*ret = table[i].plan;
			return true;
		}
	}
	return false;
}

static bool add_op(struct ops *ops, struct ct_plan_op op)
{
	if (ops->count >= ops->capacity)
		return false;
	ops->ops[ops->count++] = op;
	return true;
}

static bool add_register(struct ops *ops, const struct ct_expr *expr, int64_t offset)
{
	uint8_t from;
	if (!plan_register(expr->number, &from) || from >= ops->registers)
		return false;
	return add_op(ops, (struct ct_plan_op){.code = CT_PLAN_PUSH_REGISTER,
					       .from = from,
					       .offset = (int32_t)offset});
}

/* Nodes of the expression as a tree, counted up to `limit`: shared ones count each time. */
static size_t count_nodes(const struct ct_expr *expr, size_t limit)
{
	size_t count = 1;
	if (expr->left && count < limit)
		count += count_nodes(expr->left, limit - count);
	if (expr->right && count < limit)
		count += count_nodes(expr->right, limit - count);
	return count;
}

/* Values on the plan's stack at once when the deeper operand comes first where it may. */
static unsigned int stack_need(const struct ct_expr *expr)
{
	if (!expr->left)
		return 1;
	unsigned int left = stack_need(expr->left);
	if (!expr->right || (expr->kind == CT_EXPR_ADD && is_constant(expr->right)))
		return left;
	unsigned int right = stack_need(expr->right);
	if (commutes(expr->kind) && right > left)
		return right > left + 1 ? right : left + 1;
	return left > right + 1 ? left : right + 1;
}

static bool is_int32(int64_t value)
{
	return value == (int32_t)value;
}

static bool add_expr(struct ops *ops, const struct ct_expr *expr)
{
	static const uint8_t codes[] = {
		[CT_EXPR_SIGN_EXTEND] = CT_PLAN_SIGN_EXTEND,
		[CT_EXPR_ZERO_EXTEND] = CT_PLAN_ZERO_EXTEND,
		[CT_EXPR_NEGATE] = CT_PLAN_NEGATE,
		[CT_EXPR_NOT] = CT_PLAN_NOT,
		[CT_EXPR_ADD] = CT_PLAN_ADD,
		[CT_EXPR_SUBTRACT] = CT_PLAN_SUBTRACT,
		[CT_EXPR_MULTIPLY] = CT_PLAN_MULTIPLY,
		[CT_EXPR_AND] = CT_PLAN_AND,
		[CT_EXPR_OR] = CT_PLAN_OR,
		[CT_EXPR_XOR] = CT_PLAN_XOR,
		[CT_EXPR_SHIFT_LEFT] = CT_PLAN_SHIFT_LEFT,
		[CT_EXPR_SHIFT_RIGHT] = CT_PLAN_SHIFT_RIGHT,
		[CT_EXPR_SHIFT_RIGHT_SIGNED] = CT_PLAN_SHIFT_RIGHT_SIGNED,
		[CT_EXPR_LESS] = CT_PLAN_LESS,
		[CT_EXPR_LESS_SIGNED] = CT_PLAN_LESS_SIGNED,
		[CT_EXPR_EQUAL] = CT_PLAN_EQUAL,
	};
	switch ((enum ct_expr_kind)expr->kind) {
	case CT_EXPR_UNKNOWN:
		return false;
	case CT_EXPR_REGISTER:
		return add_register(ops, expr, 0);
	case CT_EXPR_CONSTANT:
		return add_op(ops, (struct ct_plan_op){.code = CT_PLAN_PUSH_CONSTANT,
						       .operand = expr->constant});
	case CT_EXPR_ADDRESS:
		return add_op(ops, (struct ct_plan_op){.code = CT_PLAN_PUSH_ADDRESS,
						       .operand = expr->constant});
	case CT_EXPR_LOAD:
		return add_expr(ops, expr->left) &&
		       add_op(ops, (struct ct_plan_op){.code = CT_PLAN_LOAD, .size = expr->size});
	case CT_EXPR_SIGN_EXTEND:
	case CT_EXPR_ZERO_EXTEND:
	case CT_EXPR_NEGATE:
	case CT_EXPR_NOT:
		return add_expr(ops, expr->left) &&
		       add_op(ops,
			      (struct ct_plan_op){.code = codes[expr->kind], .size = expr->size});
	default:
		break;
	}
	if (expr->kind == CT_EXPR_ADD && is_constant(expr->right)) {
		int64_t constant = expr->right->constant;
		if (expr->left->kind == CT_EXPR_REGISTER && is_int32(constant))
			return add_register(ops, expr->left, constant);
		return add_expr(ops, expr->left) &&
		       add_op(ops, (struct ct_plan_op){.code = CT_PLAN_ADD_CONSTANT,
						       .operand = constant});
	}
	const struct ct_expr *first = expr->left, *second = expr->right;
	if (commutes(expr->kind) && stack_need(second) > stack_need(first)) {
		first = expr->right;
		second = expr->left;
	}
	return add_expr(ops, first) && add_expr(ops, second) &&
	       add_op(ops, (struct ct_plan_op){.code = codes[expr->kind]});
}

size_t ct_expr_to_ops(const struct ct_expr *expr, unsigned int registers, struct ct_plan_op *ret,
		      size_t capacity)
{
	/* A sum with a constant is two nodes and one operation. */
	if (capacity == 0 || count_nodes(expr, 2 * CT_PLAN_OPS_MAX + 1) > 2 * CT_PLAN_OPS_MAX)
		return 0;
	if (stack_need(expr) > CT_PLAN_STACK_MAX)
		return 0;
	struct ops ops = {.ops = ret, .capacity = capacity, .registers = registers};
	return add_expr(&ops, expr) ? ops.count : 0;
}
