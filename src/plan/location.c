/* SPDX-License-Identifier: MIT */
/*
 * DWARF expressions (DWARF 5, 2.5 and 2.6) evaluated over ct_expr. What is not
 * surely understood makes the location absent. Expressions are hostile: loops
 * are refused, the stack is bounded.
 */
#include "plan/location.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

enum {
	STACK_MAX = 32,
	OPERATIONS_MAX = 1000,
	FRAME_BASE_DEPTH_MAX = 1, /* a frame base does not refer to itself */
	LIST_ENTRIES_MAX = 8,	  /* that cover one address */
	MEMO_FRAMES = 8,
	MEMO_VARIABLES = 128,
};

/* What the debug information says of a variable at an address, not yet evaluated. */
struct said {
	const void *die; /* NULL: nothing is here */
	uint64_t address;
	Dwarf_Attribute attribute;
	bool is_constant;		 /* DW_AT_const_value */
	int count;			 /* entries that cover the address; < 0: broken */
	Dwarf_Op *ops[LIST_ENTRIES_MAX]; /* libdw's, for as long as it has the file */
	size_t op_counts[LIST_ENTRIES_MAX];
};

struct frame {
	Dwarf_CFI *table;
	uint64_t address;
	Dwarf_Frame *frame; /* NULL: the table has none */
};

struct ct_location_memo {
	struct frame frames[MEMO_FRAMES];
	size_t next_frame;
	struct said variables[MEMO_VARIABLES]; /* by address and DIE */
};

/* A value of the DWARF stack. Generic: 8 bytes without a sign of its own. */
struct value {
	const struct ct_expr *expr; /* extended to 64 bits as its type says */
	uint8_t size_bytes;
	bool is_signed;
	bool is_generic;
};

struct evaluation {
	const struct ct_location_context *context;
	Dwarf_Attribute *attribute; /* NULL: an expression of the frame's description */
	struct value stack[STACK_MAX];
	size_t depth;
	unsigned int nesting; /* of frame bases */
	struct ct_location_piece
		current; /* what has been found by something else than an address */
	bool has_current;
	enum ct_why why; /* when it fails */
};

static bool evaluate(struct evaluation *evaluation, const Dwarf_Op *ops, size_t op_count,
		     struct ct_location *ret);

static bool fail(struct evaluation *evaluation, enum ct_why why)
{
	evaluation->why = why;
	return false;
}

static bool is_callee_saved(unsigned int number)
{
	return number == 3 || number == 6 || number == 7 || (number >= 12 && number <= 15);
}

enum { XMM_FIRST = 17, XMM_LAST = 32 };

static const struct ct_expr *read_register(const struct ct_location_context *context,
					   unsigned int number)
{
	bool is_known = number <= 15 || (number >= XMM_FIRST && number <= XMM_LAST);
	if (!is_known || (context->is_in_call && !is_callee_saved(number)))
		return ct_expr_unknown();
	if (context->machine)
		return ct_machine_register(context->machine, number);
	return ct_expr_register(context->arena, number);
}

static const struct ct_expr *read_memory(const struct ct_location_context *context,
					 const struct ct_expr *address, unsigned int size_bytes)
{
	if (context->machine)
		return ct_machine_load(context->machine, address, size_bytes, NULL);
	return ct_expr_load(context->arena, address, size_bytes);
}

/* ---- memo ---- */

struct ct_location_memo *ct_location_memo_create(void)
{
	return calloc(1, sizeof(struct ct_location_memo));
}

void ct_location_memo_destroy(struct ct_location_memo *memo)
{
	for (size_t i = 0; memo && i < MEMO_FRAMES; i++)
		free(memo->frames[i].frame);
	free(memo);
}

static Dwarf_Frame *read_frame(Dwarf_CFI *table, uint64_t address)
{
	Dwarf_Frame *frame = NULL;
	return dwarf_cfi_addrframe(table, address, &frame) == 0 ? frame : NULL;
}

/* The frame of the context's address: *ret_owned is to be freed. */
static Dwarf_Frame *find_frame(const struct ct_location_context *context, Dwarf_CFI *table,
			       Dwarf_Frame **ret_owned)
{
	struct ct_location_memo *memo = context->memo;
	*ret_owned = NULL;
	if (!memo) {
		*ret_owned = read_frame(table, context->address);
		return *ret_owned;
	}
	for (size_t i = 0; i < MEMO_FRAMES; i++)
		if (memo->frames[i].table == table && memo->frames[i].address == context->address)
			return memo->frames[i].frame;
	struct frame *frame = &memo->frames[memo->next_frame++ % MEMO_FRAMES];
	free(frame->frame);
	*frame = (struct frame){table, context->address, read_frame(table, context->address)};
	return frame->frame;
}

static void ask(Dwarf_Die *variable, uint64_t address, struct said *ret)
{
	ret->die = variable->addr;
	ret->address = address;
	ret->count = 0;
	ret->is_constant = dwarf_attr(variable, DW_AT_const_value, &ret->attribute) != NULL;
	if (!ret->is_constant && dwarf_attr(variable, DW_AT_location, &ret->attribute))
		ret->count = dwarf_getlocation_addr(&ret->attribute, address, ret->ops,
						    ret->op_counts, LIST_ENTRIES_MAX);
}

/* `room`: for when there is no memo. */
static struct said *find_said(const struct ct_location_context *context, Dwarf_Die *variable,
			      struct said *room)
{
	struct said *said = room;
	if (context->memo) {
		uint64_t hash = ((uintptr_t)variable->addr ^ context->address << 20) *
				0x9e3779b97f4a7c15u;
		said = &context->memo->variables[(hash >> 32) % MEMO_VARIABLES];
		if (said->die == variable->addr && said->address == context->address)
			return said;
	}
	ask(variable, context->address, said);
	return said;
}

/* ---- stack ---- */

static bool push(struct evaluation *evaluation, struct value value)
{
	if (evaluation->depth == STACK_MAX)
		return fail(evaluation, CT_WHY_PLAN_UNSURE);
	evaluation->stack[evaluation->depth++] = value;
	return true;
}

static bool push_expr(struct evaluation *evaluation, const struct ct_expr *expr)
{
	return push(evaluation, (struct value){expr, 8, false, true});
}

static bool push_constant(struct evaluation *evaluation, uint64_t constant)
{
	return push_expr(evaluation,
			 ct_expr_constant(evaluation->context->arena, (int64_t)constant));
}

static bool pop(struct evaluation *evaluation, struct value *ret)
{
	if (evaluation->depth == 0)
		return fail(evaluation, CT_WHY_PLAN_UNSURE);
	*ret = evaluation->stack[--evaluation->depth];
	return true;
}

static bool pick(struct evaluation *evaluation, size_t index)
{
	if (index >= evaluation->depth)
		return fail(evaluation, CT_WHY_PLAN_UNSURE);
	return push(evaluation, evaluation->stack[evaluation->depth - 1 - index]);
}

/* ---- arithmetic ---- */

/* The value's representation after an operation on it, or in another type. */
static struct value typed(struct ct_expr_arena *arena, struct value value)
{
	unsigned int size = value.size_bytes;
	if (size == 1 || size == 2 || size == 4 || size == 8) {
		value.expr = ct_expr_unary(
			arena, value.is_signed ? CT_EXPR_SIGN_EXTEND : CT_EXPR_ZERO_EXTEND,
			value.expr, size);
		return value;
	}
	/* Of Clang's integers of any number of bits. */
	if (value.is_signed) {
		const struct ct_expr *rest = ct_expr_constant(arena, 64 - 8 * (int64_t)size);
		value.expr = ct_expr_binary(arena, CT_EXPR_SHIFT_LEFT, value.expr, rest);
		value.expr = ct_expr_binary(arena, CT_EXPR_SHIFT_RIGHT_SIGNED, value.expr, rest);
	} else {
		int64_t mask = (INT64_C(1) << 8 * size) - 1;
		value.expr = ct_expr_binary(arena, CT_EXPR_AND, value.expr,
					    ct_expr_constant(arena, mask));
	}
	return value;
}

static const struct ct_expr *logical_not(struct ct_expr_arena *arena, const struct ct_expr *expr)
{
	return ct_expr_binary(arena, CT_EXPR_EQUAL, expr, ct_expr_constant(arena, 0));
}

static const struct ct_expr *compute(struct ct_expr_arena *arena, uint8_t atom, struct value left,
				     struct value right)
{
	/* Generic values are compared and shifted right arithmetically as signed ones. */
	enum ct_expr_kind less = left.is_generic || left.is_signed ? CT_EXPR_LESS_SIGNED
								   : CT_EXPR_LESS;
	struct value as_signed = left;
	struct value as_unsigned = left;
	as_signed.is_signed = true;
	as_unsigned.is_signed = false;
	switch (atom) {
	case DW_OP_plus:
		return ct_expr_binary(arena, CT_EXPR_ADD, left.expr, right.expr);
	case DW_OP_minus:
		return ct_expr_binary(arena, CT_EXPR_SUBTRACT, left.expr, right.expr);
	case DW_OP_mul:
		return ct_expr_binary(arena, CT_EXPR_MULTIPLY, left.expr, right.expr);
	case DW_OP_and:
		return ct_expr_binary(arena, CT_EXPR_AND, left.expr, right.expr);
	case DW_OP_or:
		return ct_expr_binary(arena, CT_EXPR_OR, left.expr, right.expr);
	case DW_OP_xor:
		return ct_expr_binary(arena, CT_EXPR_XOR, left.expr, right.expr);
	case DW_OP_shl:
		return ct_expr_binary(arena, CT_EXPR_SHIFT_LEFT, left.expr, right.expr);
	case DW_OP_shr:
		return ct_expr_binary(arena, CT_EXPR_SHIFT_RIGHT, typed(arena, as_unsigned).expr,
				      right.expr);
	case DW_OP_shra:
		return ct_expr_binary(arena, CT_EXPR_SHIFT_RIGHT_SIGNED,
				      typed(arena, as_signed).expr, right.expr);
	case DW_OP_lt:
		return ct_expr_binary(arena, less, left.expr, right.expr);
	case DW_OP_gt:
		return ct_expr_binary(arena, less, right.expr, left.expr);
	case DW_OP_ge:
		return logical_not(arena, ct_expr_binary(arena, less, left.expr, right.expr));
	case DW_OP_le:
		return logical_not(arena, ct_expr_binary(arena, less, right.expr, left.expr));
	case DW_OP_eq:
		return ct_expr_binary(arena, CT_EXPR_EQUAL, left.expr, right.expr);
	default: /* DW_OP_ne */
		return logical_not(arena,
				   ct_expr_binary(arena, CT_EXPR_EQUAL, left.expr, right.expr));
	}
}

static bool is_comparison(uint8_t atom)
{
	return atom >= DW_OP_eq && atom <= DW_OP_ne;
}

static bool apply_binary(struct evaluation *evaluation, uint8_t atom)
{
	struct value left, right;
	if (!pop(evaluation, &right) || !pop(evaluation, &left))
		return false;
	struct ct_expr_arena *arena = evaluation->context->arena;
	/* Shift counts may have a type of their own. */
	bool is_shift = atom == DW_OP_shl || atom == DW_OP_shr || atom == DW_OP_shra;
	if (!is_shift && (left.is_generic != right.is_generic ||
			  left.is_signed != right.is_signed || left.size_bytes != right.size_bytes))
		return fail(evaluation, CT_WHY_PLAN_UNSURE);
	const struct ct_expr *expr = compute(arena, atom, left, right);
	if (is_comparison(atom))
		return push_expr(evaluation, expr);
	left.expr = expr;
	return push(evaluation, typed(arena, left));
}

static bool apply_unary(struct evaluation *evaluation, enum ct_expr_kind kind)
{
	struct value value;
	if (!pop(evaluation, &value))
		return false;
	struct ct_expr_arena *arena = evaluation->context->arena;
	value.expr = ct_expr_unary(arena, kind, value.expr, 8);
	return push(evaluation, typed(arena, value));
}

static bool apply_deref(struct evaluation *evaluation, uint64_t size_bytes)
{
	struct value address;
	if (!pop(evaluation, &address))
		return false;
	if (size_bytes != 1 && size_bytes != 2 && size_bytes != 4 && size_bytes != 8)
		return fail(evaluation, CT_WHY_PLAN_UNSURE);
	return push_expr(evaluation,
			 read_memory(evaluation->context, address.expr, (unsigned int)size_bytes));
}

/* The integer type at `offset` of the expression's unit; 0 is the generic one. */
static bool find_type(struct evaluation *evaluation, uint64_t offset, struct value *ret)
{
	*ret = (struct value){ct_expr_unknown(), 8, false, true};
	if (offset == 0)
		return true;
	Dwarf_Die unit, type;
	Dwarf_Attribute attribute;
	Dwarf_Word encoding, size_bytes;
	if (!evaluation->attribute ||
	    !dwarf_cu_die(evaluation->attribute->cu, &unit, NULL, NULL, NULL, NULL, NULL, NULL))
		return fail(evaluation, CT_WHY_PLAN_UNSURE);
	Dwarf *dwarf = dwarf_cu_getdwarf(unit.cu);
	Dwarf_Off unit_offset = dwarf_dieoffset(&unit) - dwarf_cuoffset(&unit);
	if (!dwarf || !dwarf_offdie(dwarf, unit_offset + offset, &type) ||
	    dwarf_tag(&type) != DW_TAG_base_type ||
	    dwarf_formudata(dwarf_attr(&type, DW_AT_encoding, &attribute), &encoding) != 0 ||
	    dwarf_formudata(dwarf_attr(&type, DW_AT_byte_size, &attribute), &size_bytes) != 0 ||
	    size_bytes < 1 || size_bytes > 8)
		return fail(evaluation, CT_WHY_PLAN_UNSURE);
	switch (encoding) {
	case DW_ATE_signed:
	case DW_ATE_signed_char:
		ret->is_signed = true;
		break;
	case DW_ATE_unsigned:
	case DW_ATE_unsigned_char:
	case DW_ATE_boolean:
	case DW_ATE_UTF:
	case DW_ATE_address:
		break;
	default:
		return fail(evaluation, CT_WHY_PLAN_UNSURE);
	}
	ret->size_bytes = (uint8_t)size_bytes;
	ret->is_generic = false;
	return true;
}

static bool apply_convert(struct evaluation *evaluation, uint64_t type_offset)
{
	struct value value, type;
	if (!pop(evaluation, &value) || !find_type(evaluation, type_offset, &type))
		return false;
	type.expr = value.expr;
	return push(evaluation, typed(evaluation->context->arena, type));
}

/* A register read as a value of a type. */
static bool push_typed(struct evaluation *evaluation, const struct ct_expr *expr,
		       uint64_t type_offset)
{
	struct value type;
	if (!find_type(evaluation, type_offset, &type))
		return false;
	type.expr = expr;
	return push(evaluation, typed(evaluation->context->arena, type));
}

/* ---- frames ---- */

static const struct ct_expr *evaluate_to_value(struct evaluation *outer, Dwarf_Attribute *attribute,
					       const Dwarf_Op *ops, size_t op_count)
{
	struct evaluation inner = {
		.context = outer->context,
		.attribute = attribute,
		.nesting = outer->nesting + 1,
	};
	struct ct_location location = {0};
	if (inner.nesting > FRAME_BASE_DEPTH_MAX + 1 ||
	    !evaluate(&inner, ops, op_count, &location) || location.is_composite ||
	    location.pieces[0].kind == CT_LOCATION_BYTES ||
	    location.pieces[0].kind == CT_LOCATION_ABSENT)
		return ct_expr_unknown();
	return location.pieces[0].expr;
}

static const struct ct_expr *find_cfa(struct evaluation *outer)
{
	Dwarf_CFI *const tables[] = {outer->context->cfi, outer->context->debug_cfi};
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		Dwarf_Frame *owned = NULL;
		Dwarf_Frame *frame = tables[i] ? find_frame(outer->context, tables[i], &owned)
					       : NULL;
		if (!frame)
			continue;
		Dwarf_Op *ops;
		size_t op_count;
		const struct ct_expr *cfa = ct_expr_unknown();
		if (dwarf_frame_cfa(frame, &ops, &op_count) == 0 && op_count > 0)
			cfa = evaluate_to_value(outer, NULL, ops, op_count);
		free(owned);
		if (ct_expr_is_known(cfa))
			return cfa;
	}
	return ct_expr_unknown();
}

const struct ct_expr *ct_location_cfa(const struct ct_location_context *context)
{
	struct evaluation evaluation = {.context = context};
	return find_cfa(&evaluation);
}

static const struct ct_expr *find_frame_base(struct evaluation *outer)
{
	Dwarf_Attribute attribute;
	Dwarf_Op *ops;
	size_t op_count;
	if (!outer->context->function ||
	    !dwarf_attr_integrate(outer->context->function, DW_AT_frame_base, &attribute) ||
	    dwarf_getlocation_addr(&attribute, outer->context->address, &ops, &op_count, 1) != 1 ||
	    op_count == 0)
		return ct_expr_unknown();
	return evaluate_to_value(outer, &attribute, ops, op_count);
}

/* ---- operations ---- */

static bool set_current(struct evaluation *evaluation, struct ct_location_piece piece)
{
	evaluation->current = piece;
	evaluation->has_current = true;
	return true;
}

static bool set_register(struct evaluation *evaluation, uint64_t number)
{
	const struct ct_expr *expr = number <= 127 ? read_register(evaluation->context,
								   (unsigned int)number)
						   : ct_expr_unknown();
	return set_current(evaluation,
			   (struct ct_location_piece){.kind = CT_LOCATION_VALUE, .expr = expr});
}

static bool push_register(struct evaluation *evaluation, uint64_t number, uint64_t offset)
{
	struct ct_expr_arena *arena = evaluation->context->arena;
	const struct ct_expr *expr = number <= 15 ? read_register(evaluation->context,
								  (unsigned int)number)
						  : ct_expr_unknown();
	return push_expr(evaluation, ct_expr_binary(arena, CT_EXPR_ADD, expr,
						    ct_expr_constant(arena, (int64_t)offset)));
}

static bool push_base(struct evaluation *evaluation, const struct ct_expr *base, uint64_t offset)
{
	struct ct_expr_arena *arena = evaluation->context->arena;
	return push_expr(evaluation, ct_expr_binary(arena, CT_EXPR_ADD, base,
						    ct_expr_constant(arena, (int64_t)offset)));
}

/* DW_OP_addrx and DW_OP_constx: the value is in a table. */
static bool push_indexed(struct evaluation *evaluation, const Dwarf_Op *op, bool is_address)
{
	Dwarf_Attribute attribute;
	Dwarf_Addr address;
	if (!evaluation->attribute ||
	    dwarf_getlocation_attr(evaluation->attribute, op, &attribute) != 0 ||
	    dwarf_formaddr(&attribute, &address) != 0)
		return fail(evaluation, CT_WHY_PLAN_UNSURE);
	if (is_address)
		return push_expr(evaluation, ct_expr_address(evaluation->context->arena, address));
	return push_constant(evaluation, address);
}

static bool set_implicit_value(struct evaluation *evaluation, const Dwarf_Op *op)
{
	Dwarf_Block block;
	if (!evaluation->attribute ||
	    dwarf_getlocation_implicit_value(evaluation->attribute, op, &block) != 0)
		return fail(evaluation, CT_WHY_PLAN_UNSURE);
	return set_current(evaluation, (struct ct_location_piece){.kind = CT_LOCATION_BYTES,
								  .bytes = block.data,
								  .size_bytes = block.length});
}

static bool set_stack_value(struct evaluation *evaluation)
{
	struct value value;
	if (!pop(evaluation, &value))
		return false;
	return set_current(evaluation, (struct ct_location_piece){.kind = CT_LOCATION_VALUE,
								  .expr = value.expr});
}

/* What the operations so far have located: nothing at all, what one of them set, or an address. */
static bool take_current(struct evaluation *evaluation, struct ct_location_piece *ret)
{
	if (evaluation->has_current) {
		*ret = evaluation->current;
		evaluation->has_current = false;
	} else if (evaluation->depth == 0) {
		*ret = (struct ct_location_piece){.kind = CT_LOCATION_ABSENT,
						  .why = CT_WHY_OPTIMIZED_OUT};
	} else {
		struct value value;
		pop(evaluation, &value);
		*ret = (struct ct_location_piece){.kind = CT_LOCATION_MEMORY, .expr = value.expr};
	}
	bool has_expr = ret->kind == CT_LOCATION_VALUE || ret->kind == CT_LOCATION_MEMORY;
	if (has_expr && !ct_expr_is_known(ret->expr))
		*ret = (struct ct_location_piece){.kind = CT_LOCATION_ABSENT,
						  .why = CT_WHY_PLAN_UNSURE};
	return true;
}

static bool add_piece(struct evaluation *evaluation, struct ct_location *location,
		      uint64_t size_bytes, uint64_t offset_bytes)
{
	if (location->piece_count == CT_LOCATION_PIECES_MAX || size_bytes == 0 ||
	    size_bytes > UINT16_MAX || offset_bytes > UINT16_MAX)
		return fail(evaluation, CT_WHY_PLAN_UNSURE);
	struct ct_expr_arena *arena = evaluation->context->arena;
	struct ct_location_piece piece;
	if (!take_current(evaluation, &piece))
		return false;
	const struct ct_expr *offset = ct_expr_constant(arena, (int64_t)offset_bytes);
	if (piece.kind == CT_LOCATION_MEMORY) {
		piece.expr = ct_expr_binary(arena, CT_EXPR_ADD, piece.expr, offset);
	} else if (piece.kind == CT_LOCATION_VALUE && offset_bytes > 0) {
		piece.expr = ct_expr_binary(arena, CT_EXPR_SHIFT_RIGHT, piece.expr,
					    ct_expr_constant(arena, (int64_t)offset_bytes * 8));
	} else if (piece.kind == CT_LOCATION_BYTES) {
		if (offset_bytes > piece.size_bytes || size_bytes > piece.size_bytes - offset_bytes)
			return fail(evaluation, CT_WHY_PLAN_UNSURE);
		piece.bytes += offset_bytes;
	}
	piece.size_bytes = size_bytes;
	location->pieces[location->piece_count++] = piece;
	location->is_composite = true;
	return true;
}

static bool run_operation(struct evaluation *evaluation, const Dwarf_Op *op,
			  struct ct_location *location)
{
	struct value value;
	uint8_t atom = op->atom;
	if (atom >= DW_OP_lit0 && atom <= DW_OP_lit31)
		return push_constant(evaluation, atom - DW_OP_lit0);
	if (atom >= DW_OP_reg0 && atom <= DW_OP_reg31)
		return set_register(evaluation, atom - DW_OP_reg0);
	if (atom >= DW_OP_breg0 && atom <= DW_OP_breg31)
		return push_register(evaluation, atom - DW_OP_breg0, op->number);
	switch (atom) {
	case DW_OP_nop:
	case DW_OP_GNU_uninit:
		return true;
	case DW_OP_addr:
		return push_expr(evaluation,
				 ct_expr_address(evaluation->context->arena, op->number));
	case DW_OP_addrx:
	case DW_OP_GNU_addr_index:
		return push_indexed(evaluation, op, true);
	case DW_OP_constx:
	case DW_OP_GNU_const_index:
		return push_indexed(evaluation, op, false);
	case DW_OP_const1u:
	case DW_OP_const1s:
	case DW_OP_const2u:
	case DW_OP_const2s:
	case DW_OP_const4u:
	case DW_OP_const4s:
	case DW_OP_const8u:
	case DW_OP_const8s:
	case DW_OP_constu:
	case DW_OP_consts:
		return push_constant(evaluation, op->number);
	case DW_OP_const_type:
	case DW_OP_GNU_const_type: {
		Dwarf_Block block;
		uint64_t constant = 0;
		if (!evaluation->attribute ||
		    dwarf_getlocation_implicit_value(evaluation->attribute, op, &block) != 0 ||
		    block.length > sizeof(constant))
			return fail(evaluation, CT_WHY_PLAN_UNSURE);
		memcpy(&constant, block.data, block.length);
		return push_typed(evaluation,
				  ct_expr_constant(evaluation->context->arena, (int64_t)constant),
				  op->number);
	}
	case DW_OP_regx:
		return set_register(evaluation, op->number);
	case DW_OP_bregx:
		return push_register(evaluation, op->number, op->number2);
	case DW_OP_regval_type:
	case DW_OP_GNU_regval_type:
		return push_typed(evaluation,
				  op->number <= 15 ? read_register(evaluation->context,
								   (unsigned int)op->number)
						   : ct_expr_unknown(),
				  op->number2);
	case DW_OP_fbreg:
		return push_base(evaluation, find_frame_base(evaluation), op->number);
	case DW_OP_call_frame_cfa:
		return push_base(evaluation, find_cfa(evaluation), 0);
	case DW_OP_dup:
		return pick(evaluation, 0);
	case DW_OP_over:
		return pick(evaluation, 1);
	case DW_OP_pick:
		return pick(evaluation, op->number);
	case DW_OP_drop:
		return pop(evaluation, &value);
	case DW_OP_swap: {
		struct value below;
		return pop(evaluation, &value) && pop(evaluation, &below) &&
		       push(evaluation, value) && push(evaluation, below);
	}
	case DW_OP_rot: {
		struct value below, lowest;
		return pop(evaluation, &value) && pop(evaluation, &below) &&
		       pop(evaluation, &lowest) && push(evaluation, value) &&
		       push(evaluation, lowest) && push(evaluation, below);
	}
	case DW_OP_deref:
		return apply_deref(evaluation, 8);
	case DW_OP_deref_size:
		return apply_deref(evaluation, op->number);
	case DW_OP_deref_type:
	case DW_OP_GNU_deref_type:
		return apply_deref(evaluation, op->number) && pop(evaluation, &value) &&
		       push_typed(evaluation, value.expr, op->number2);
	case DW_OP_plus_uconst:
		return pop(evaluation, &value) &&
		       push(evaluation,
			    typed(evaluation->context->arena,
				  (struct value){ct_expr_binary(evaluation->context->arena,
								CT_EXPR_ADD, value.expr,
								ct_expr_constant(
									evaluation->context->arena,
									(int64_t)op->number)),
						 value.size_bytes, value.is_signed,
						 value.is_generic}));
	case DW_OP_plus:
	case DW_OP_minus:
	case DW_OP_mul:
	case DW_OP_and:
	case DW_OP_or:
	case DW_OP_xor:
	case DW_OP_shl:
	case DW_OP_shr:
	case DW_OP_shra:
	case DW_OP_eq:
	case DW_OP_ge:
	case DW_OP_gt:
	case DW_OP_le:
	case DW_OP_lt:
	case DW_OP_ne:
		return apply_binary(evaluation, atom);
	case DW_OP_neg:
		return apply_unary(evaluation, CT_EXPR_NEGATE);
	case DW_OP_not:
		return apply_unary(evaluation, CT_EXPR_NOT);
	case DW_OP_convert:
	case DW_OP_GNU_convert:
	case DW_OP_reinterpret:
	case DW_OP_GNU_reinterpret:
		return apply_convert(evaluation, op->number);
	case DW_OP_stack_value:
		return set_stack_value(evaluation);
	case DW_OP_implicit_value:
		return set_implicit_value(evaluation, op);
	case DW_OP_piece:
		return add_piece(evaluation, location, op->number, 0);
	case DW_OP_bit_piece:
		if (op->number % 8 != 0 || op->number2 % 8 != 0)
			return fail(evaluation, CT_WHY_PLAN_UNSURE);
		return add_piece(evaluation, location, op->number / 8, op->number2 / 8);
	case DW_OP_implicit_pointer:
	case DW_OP_GNU_implicit_pointer:
		/* The pointer's target exists, the pointer does not. */
		return set_current(evaluation,
				   (struct ct_location_piece){.kind = CT_LOCATION_ABSENT,
							      .why = CT_WHY_OPTIMIZED_OUT});
	case DW_OP_entry_value:
	case DW_OP_GNU_entry_value:
	case DW_OP_GNU_parameter_ref:
		return fail(evaluation, CT_WHY_ENTRY_VALUE);
	default:
		/* Branches, thread-local storage, division, what is not known. */
		return fail(evaluation, CT_WHY_PLAN_UNSURE);
	}
}

static bool evaluate(struct evaluation *evaluation, const Dwarf_Op *ops, size_t op_count,
		     struct ct_location *ret)
{
	if (op_count > OPERATIONS_MAX)
		return fail(evaluation, CT_WHY_PLAN_UNSURE);
	for (size_t i = 0; i < op_count; i++)
		if (!run_operation(evaluation, &ops[i], ret))
			return false;
	if (ret->is_composite)
		return true;
	ret->piece_count = 1;
	return take_current(evaluation, &ret->pieces[0]);
}

void ct_location_set_absent(struct ct_location *ret, enum ct_why why)
{
	ret->is_composite = false;
	ret->is_everywhere = false;
	ret->piece_count = 1;
	ret->pieces[0] = (struct ct_location_piece){.kind = CT_LOCATION_ABSENT, .why = why};
}

static bool stands_in(const struct ct_expr *part, const struct ct_expr *expr, int *nodes)
{
	return expr && (--*nodes < 0 || ct_expr_equal(part, expr) ||
			stands_in(part, expr->left, nodes) || stands_in(part, expr->right, nodes));
}

bool ct_location_stands_in(const struct ct_location *part, const struct ct_location *location)
{
	enum { LOOK_NODES = 64 }; /* in a larger expression there may be anything */
	for (size_t i = 0; i < part->piece_count; i++) {
		const struct ct_location_piece *piece = &part->pieces[i];
		if ((piece->kind != CT_LOCATION_VALUE && piece->kind != CT_LOCATION_MEMORY) ||
		    piece->expr->kind == CT_EXPR_CONSTANT)
			continue;
		for (size_t j = 0; j < location->piece_count; j++) {
			const struct ct_location_piece *other = &location->pieces[j];
			int nodes = LOOK_NODES;
			if ((other->kind == CT_LOCATION_VALUE ||
			     other->kind == CT_LOCATION_MEMORY) &&
			    stands_in(piece->expr, other->expr, &nodes))
				return true;
		}
	}
	return false;
}

/* DW_AT_const_value: a number in the form of the variable's size, or bytes. */
static void find_constant(const struct ct_location_context *context, Dwarf_Attribute *attribute,
			  struct ct_location *ret)
{
	Dwarf_Block block;
	Dwarf_Sword number;
	Dwarf_Word word;
	const char *string;
	struct ct_location_piece *piece = &ret->pieces[0];
	ret->piece_count = 1;
	ret->is_everywhere = true;
	switch (dwarf_whatform(attribute)) {
	case DW_FORM_block:
	case DW_FORM_block1:
	case DW_FORM_block2:
	case DW_FORM_block4:
	case DW_FORM_exprloc:
	case DW_FORM_data16:
		if (dwarf_formblock(attribute, &block) == 0) {
			*piece = (struct ct_location_piece){.kind = CT_LOCATION_BYTES,
							    .bytes = block.data,
							    .size_bytes = block.length};
			return;
		}
		break;
	case DW_FORM_addr:
	case DW_FORM_addrx:
		break;
	case DW_FORM_data1:
	case DW_FORM_data2:
	case DW_FORM_data4:
	case DW_FORM_data8:
	case DW_FORM_udata:
		/* GCC has a form of its own for what is negative; libdw would extend the sign. */
		if (dwarf_formudata(attribute, &word) == 0) {
			*piece = (struct ct_location_piece){
				.kind = CT_LOCATION_VALUE,
				.expr = ct_expr_constant(context->arena, (int64_t)word)};
			return;
		}
		break;
	default:
		string = dwarf_formstring(attribute);
		if (string) {
			*piece = (struct ct_location_piece){.kind = CT_LOCATION_BYTES,
							    .bytes = (const uint8_t *)string,
							    .size_bytes = strlen(string) + 1};
			return;
		}
		if (dwarf_formsdata(attribute, &number) == 0) {
			*piece = (struct ct_location_piece){
				.kind = CT_LOCATION_VALUE,
				.expr = ct_expr_constant(context->arena, number)};
			return;
		}
		break;
	}
	ct_location_set_absent(ret, CT_WHY_PLAN_UNSURE);
}

static bool is_list(Dwarf_Attribute *attribute)
{
	switch (dwarf_whatform(attribute)) {
	case DW_FORM_exprloc:
	case DW_FORM_block:
	case DW_FORM_block1:
	case DW_FORM_block2:
	case DW_FORM_block4:
		return false;
	default:
		return true;
	}
}

void ct_location_find(const struct ct_location_context *context, Dwarf_Die *variable,
		      struct ct_location *ret)
{
	struct said room;
	struct said *said = find_said(context, variable, &room);
	ct_location_set_absent(ret, CT_WHY_OPTIMIZED_OUT);
	if (said->is_constant) {
		*ret = (struct ct_location){0};
		find_constant(context, &said->attribute, ret);
		return;
	}
	if (said->count < 0)
		ct_location_set_absent(ret, CT_WHY_PLAN_UNSURE);
	/* Several entries for one address are as good as each other: the first that can be had. */
	for (int i = 0; i < said->count; i++) {
		if (said->op_counts[i] == 0)
			continue;
		struct evaluation evaluation = {.context = context, .attribute = &said->attribute};
		struct ct_location location = {.is_everywhere = !is_list(&said->attribute)};
		if (!evaluate(&evaluation, said->ops[i], said->op_counts[i], &location)) {
			ct_location_set_absent(ret, evaluation.why);
			continue;
		}
		*ret = location;
		if (location.is_composite || location.pieces[0].kind != CT_LOCATION_ABSENT)
			return;
	}
}

/* ---- lists ---- */

void ct_location_walk_begin(struct ct_location_walk *ret, Dwarf_Die *variable)
{
	*ret = (struct ct_location_walk){0};
	if (!dwarf_attr(variable, DW_AT_location, &ret->attribute))
		ret->offset = -1;
}

static bool is_entry_value(const Dwarf_Op *ops, size_t op_count)
{
	return op_count == 2 && ops[1].atom == DW_OP_stack_value &&
	       (ops[0].atom == DW_OP_entry_value || ops[0].atom == DW_OP_GNU_entry_value);
}

bool ct_location_walk_next(struct ct_location_walk *walk, struct ct_location_entry *ret)
{
	enum { ENTRIES_MAX = 200 };
	Dwarf_Addr from, to;
	Dwarf_Op *ops;
	size_t op_count;
	if (walk->offset < 0 || walk->count == ENTRIES_MAX)
		return false;
	walk->offset = dwarf_getlocations(&walk->attribute, walk->offset, &walk->base, &from, &to,
					  &ops, &op_count);
	if (walk->offset <= 0) {
		walk->is_whole = walk->offset == 0 && walk->count > 0;
		walk->offset = -1;
		return false;
	}
	walk->count++;
	*ret = (struct ct_location_entry){
		.from = from,
		.to = to,
		.is_everywhere = from == 0 && to == UINT64_MAX,
		.is_what_it_was = is_entry_value(ops, op_count),
	};
	return true;
}
