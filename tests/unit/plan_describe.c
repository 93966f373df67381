/* SPDX-License-Identifier: MIT */
/*
 * Types of compiled C and C++ as plans describe them. The build has made shared
 * libraries of plan_describe_types.c and .cc, by each compiler and DWARF version
 * there is (FIXTURES names them). Where functions return values is compared with
 * where they do: they are called.
 */
#include "unit_test.h"

#include <dlfcn.h>
#include <dwarf.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "plan/describe.h"

static const char *const c_fixtures[] = {C_FIXTURES};
static const char *const cxx_fixtures[] = {CXX_FIXTURES};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- a fixture's debug information --- */

struct fixture {
	const char *path;
	int fd;
	Dwarf *dwarf;
	struct ct_describer *describer;
};

static struct fixture open_fixture(const char *path, const struct ct_plan_settings *settings)
{
	static const struct ct_plan_settings usual = {CT_PLAN_STRING_DEFAULT,
						      CT_PLAN_POINTEE_DEFAULT, 0};
	struct fixture fixture = {.path = path, .fd = open(path, O_RDONLY | O_CLOEXEC)};
	assert_true(fixture.fd >= 0);
	fixture.dwarf = dwarf_begin(fixture.fd, DWARF_C_READ);
	assert_non_null(fixture.dwarf);
	fixture.describer = ct_describer_create(settings ? settings : &usual);
	assert_non_null(fixture.describer);
	return fixture;
}

static void close_fixture(struct fixture *fixture)
{
	ct_describer_destroy(fixture->describer);
	dwarf_end(fixture->dwarf);
	close(fixture->fd);
}

struct wanted_function {
	const char *name;
	Dwarf_Die *ret;
	bool found;
};

static int compare_function(Dwarf_Die *die, void *arg)
{
	struct wanted_function *wanted = arg;
	const char *name = dwarf_diename(die);
	if (!name || strcmp(name, wanted->name) != 0)
		return DWARF_CB_OK;
	*wanted->ret = *die;
	wanted->found = true;
	return DWARF_CB_ABORT;
}

static Dwarf_Die find_function(const struct fixture *fixture, const char *prefix, const char *name)
{
	char full_name[64];
	snprintf(full_name, sizeof(full_name), "%s_%s", prefix, name);
	Dwarf_Die function;
	struct wanted_function wanted = {full_name, &function, false};
	Dwarf_CU *unit = NULL;
	Dwarf_Die die;
	Dwarf_Die split;
	while (!wanted.found &&
	       dwarf_get_units(fixture->dwarf, unit, &unit, NULL, NULL, &die, &split) == 0)
		dwarf_getfuncs(split.addr ? &split : &die, compare_function, &wanted, 0);
	if (!wanted.found)
		fail_msg("%s has no function %s", fixture->path, full_name);
	return function;
}

static Dwarf_Die *type_of(Dwarf_Die *die, Dwarf_Die *ret)
{
	Dwarf_Attribute value;
	return dwarf_formref_die(dwarf_attr_integrate(die, DW_AT_type, &value), ret);
}

static Dwarf_Die parameter_type(const struct fixture *fixture, const char *name)
{
	Dwarf_Die function = find_function(fixture, "take", name);
	Dwarf_Die parameter;
	Dwarf_Die type;
	assert_int_equal(dwarf_child(&function, &parameter), 0);
	while (dwarf_tag(&parameter) != DW_TAG_formal_parameter)
		assert_int_equal(dwarf_siblingof(&parameter, &parameter), 0);
	assert_non_null(type_of(&parameter, &type));
	return type;
}

/* --- nodes as text --- */

static void print_node(struct ct_cursor *cur, struct ct_strbuf *out, unsigned int depth);

static void print_name(struct ct_cursor *cur, struct ct_strbuf *out)
{
	uint16_t length = ct_cursor_u16(cur);
	const char *text = ct_cursor_bytes(cur, length);
	assert_non_null(text);
	ct_strbuf_printf(out, "%.*s", length, text);
}

static void print_members(struct ct_cursor *cur, struct ct_strbuf *out, unsigned int depth)
{
	uint16_t count = ct_cursor_u16(cur);
	ct_strbuf_add_string(out, "{");
	for (unsigned int i = 0; i < count; i++) {
		ct_strbuf_add_string(out, i ? ", " : "");
		print_name(cur, out);
		ct_strbuf_add_string(out, ": ");
		print_node(cur, out, depth);
	}
	ct_strbuf_add_string(out, "}");
}

static void print_enumeration(struct ct_cursor *cur, struct ct_strbuf *out)
{
	uint16_t offset = ct_cursor_u16(cur);
	uint8_t size = ct_cursor_u8(cur);
	bool is_signed = ct_cursor_u8(cur);
	uint16_t count = ct_cursor_u16(cur);
	ct_strbuf_printf(out, "enum%c%u@%u(", is_signed ? 's' : 'u', size, offset);
	for (unsigned int i = 0; i < count; i++) {
		int64_t value = (int64_t)ct_cursor_u64(cur);
		ct_strbuf_add_string(out, i ? " " : "");
		print_name(cur, out);
		ct_strbuf_printf(out, "=%lld", (long long)value);
	}
	ct_strbuf_add_string(out, ")");
}

static void print_array(struct ct_cursor *cur, struct ct_strbuf *out, unsigned int depth)
{
	uint16_t offset = ct_cursor_u16(cur);
	uint16_t stride = ct_cursor_u16(cur);
	uint32_t elements = ct_cursor_u32(cur);
	uint32_t shown = ct_cursor_u32(cur);
	ct_strbuf_printf(out, "%u/%u*%u@%u[", shown, elements, stride, offset);
	print_node(cur, out, depth);
	ct_strbuf_add_string(out, "]");
}

static void print_elements(struct ct_cursor *cur, struct ct_strbuf *out, unsigned int depth)
{
	uint8_t shown = ct_cursor_u8(cur);
	ct_strbuf_add_string(out, "[");
	for (unsigned int i = 0; i < shown; i++) {
		ct_strbuf_add_string(out, i ? ", " : "");
		print_node(cur, out, depth);
	}
	ct_strbuf_add_string(out, "]");
}

static void print_pointer(struct ct_cursor *cur, struct ct_strbuf *out, unsigned int depth)
{
	ct_strbuf_printf(out, "ptr@%u", ct_cursor_u16(cur));
	if (ct_cursor_u8(cur)) {
		ct_strbuf_printf(out, "->b%u ", ct_cursor_u8(cur));
		print_node(cur, out, depth);
	}
}

static void print_sized(struct ct_cursor *cur, struct ct_strbuf *out, const char *word)
{
	uint16_t offset = ct_cursor_u16(cur);
	ct_strbuf_printf(out, "%s%u@%u", word, ct_cursor_u8(cur), offset);
}

static void print_bits(struct ct_cursor *cur, struct ct_strbuf *out, unsigned int depth)
{
	uint32_t at = ct_cursor_u32(cur);
	uint8_t count = ct_cursor_u8(cur);
	bool is_signed = ct_cursor_u8(cur);
	ct_strbuf_printf(out, "bits%c%u@%u ", is_signed ? 's' : 'u', count, at);
	print_node(cur, out, depth);
}

static void print_offset(struct ct_cursor *cur, struct ct_strbuf *out, const char *word)
{
	ct_strbuf_printf(out, "%s@%u", word, ct_cursor_u16(cur));
}

static void print_node(struct ct_cursor *cur, struct ct_strbuf *out, unsigned int depth)
{
	assert_true(depth < CT_PLAN_NESTING_MAX);
	uint8_t kind = ct_cursor_u8(cur);
	uint16_t offset;
	switch (kind) {
	case CT_NODE_ABSENT:
		ct_strbuf_printf(out, "absent%u", ct_cursor_u8(cur));
		break;
	case CT_NODE_SIGNED:
		print_sized(cur, out, "s");
		break;
	case CT_NODE_UNSIGNED:
		print_sized(cur, out, "u");
		break;
	case CT_NODE_BOOL:
		print_sized(cur, out, "bool");
		break;
	case CT_NODE_CHAR:
		print_sized(cur, out, "char");
		break;
	case CT_NODE_FLOAT:
		print_sized(cur, out, "f");
		break;
	case CT_NODE_COMPLEX:
		print_sized(cur, out, "complex");
		ct_strbuf_printf(out, "*%u", ct_cursor_u8(cur));
		break;
	case CT_NODE_ENUM:
		print_enumeration(cur, out);
		break;
	case CT_NODE_BITS:
		print_bits(cur, out, depth + 1);
		break;
	case CT_NODE_POINTER:
		print_pointer(cur, out, depth + 1);
		break;
	case CT_NODE_STRING:
		offset = ct_cursor_u16(cur);
		ct_strbuf_printf(out, "str@%u->b%u", offset, ct_cursor_u8(cur));
		break;
	case CT_NODE_FUNCTION:
		print_offset(cur, out, "fn");
		break;
	case CT_NODE_ADDRESS:
		print_offset(cur, out, "addr");
		break;
	case CT_NODE_REFERENCE:
		offset = ct_cursor_u16(cur);
		ct_strbuf_printf(out, "ref@%u->b%u ", offset, ct_cursor_u8(cur));
		print_node(cur, out, depth + 1);
		break;
	case CT_NODE_STRUCT:
		print_members(cur, out, depth + 1);
		break;
	case CT_NODE_UNION:
		ct_strbuf_add_string(out, "union ");
		print_members(cur, out, depth + 1);
		break;
	case CT_NODE_ARRAY:
		print_array(cur, out, depth + 1);
		break;
	case CT_NODE_CHARS: {
		offset = ct_cursor_u16(cur);
		uint32_t elements = ct_cursor_u32(cur);
		ct_strbuf_printf(out, "chars %u/%u@%u", ct_cursor_u32(cur), elements, offset);
		break;
	}
	case CT_NODE_TEXT:
		ct_strbuf_printf(out, "text b%u", ct_cursor_u8(cur));
		break;
	case CT_NODE_SEQUENCE: {
		uint8_t block = ct_cursor_u8(cur);
		ct_strbuf_printf(out, "seq b%u *%u[", block, ct_cursor_u16(cur));
		print_node(cur, out, depth + 1);
		ct_strbuf_add_string(out, "]");
		break;
	}
	case CT_NODE_LIST:
		ct_strbuf_printf(out, "list of %u ", ct_cursor_u32(cur));
		print_elements(cur, out, depth + 1);
		break;
	case CT_NODE_SEQUENCE_LIST: {
		uint8_t block = ct_cursor_u8(cur);
		ct_strbuf_printf(out, "seq b%u *%u", block, ct_cursor_u16(cur));
		print_elements(cur, out, depth + 1);
		break;
	}
	case CT_NODE_OPAQUE:
		offset = ct_cursor_u16(cur);
		ct_strbuf_printf(out, "hex%u@%u", ct_cursor_u16(cur), offset);
		break;
	default:
		fail_msg("node of kind %u", kind);
	}
	assert_false(cur->failed);
}

static void print_ops(const struct ct_plan_draft *draft, size_t first, struct ct_strbuf *out)
{
	unsigned int block = 1;
	for (size_t i = first; i < draft->op_count; i++) {
		const struct ct_plan_op *op = &draft->ops[i];
		switch (op->code) {
		case CT_PLAN_PUSH_BLOCK:
			ct_strbuf_printf(out, "; b%u+%d", op->from, op->offset);
			break;
		case CT_PLAN_APPEND_MEMORY:
			ct_strbuf_printf(out, " b%u=%s %u", block++,
					 op->from ? "volatile" : "memory", op->size);
			break;
		case CT_PLAN_APPEND_STRING:
			ct_strbuf_printf(out, " b%u=string %u", block++, op->size);
			break;
		case CT_PLAN_APPEND_TEXT:
			ct_strbuf_printf(out, " b%u=text %u", block++, op->size);
			break;
		case CT_PLAN_APPEND_SEQUENCE:
			ct_strbuf_printf(out, " b%u=sequence %ux%lld", block++, op->size,
					 (long long)op->operand);
			break;
		default:
			fail_msg("operation %u", op->code);
		}
	}
	assert_int_equal(block, draft->block_count);
}

/* The description of a value that is block 0: its name, its nodes, its operations. */
static void describe(const struct fixture *fixture, Dwarf_Die *type, struct ct_strbuf *out)
{
	ct_cleanup(ct_cleanup_free) struct ct_plan_draft *draft = calloc(1, sizeof(*draft));
	assert_non_null(draft);
	uint64_t size = ct_describe_size(fixture->describer, type);
	assert_true(size <= 4096);
	assert_true(ct_plan_draft_add(
		draft, (struct ct_plan_op){.code = CT_PLAN_APPEND_STACK, .size = (uint16_t)size}));
	ct_describe_value(fixture->describer, draft, type, 0, 0);
	assert_false(draft->nodes.failed);
	assert_true(draft->payload_max <= CT_PLAN_PAYLOAD_MAX);
	ct_strbuf_printf(out, "%s | %u: ", ct_describe_name(fixture->describer, type),
			 (unsigned int)size);
	struct ct_cursor cur = ct_cursor_init(draft->nodes.bytes, draft->nodes.length,
					      "description");
	print_node(&cur, out, 0);
	assert_int_equal(ct_cursor_left(&cur), 0);
	print_ops(draft, 1, out);
	ct_strbuf_deinit(&draft->nodes);
}

struct described {
	const char *name;
	const char *text;
	const char *other; /* where Clang differs, what is right too */
};

static void assert_described(const struct fixture *fixture, const struct described *wanted)
{
	Dwarf_Die type = parameter_type(fixture, wanted->name);
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	describe(fixture, &type, &text);
	if (strcmp(text.bytes, wanted->text) != 0 &&
	    (!wanted->other || strcmp(text.bytes, wanted->other) != 0))
		print_error("%s: %s\n  is       %s\n  expected %s\n", fixture->path, wanted->name,
			    text.bytes, wanted->text);
	else
		return;
	assert_true(getenv("CT_TEST_GO_ON"));
}

static void assert_all_described(const char *const *fixtures, size_t fixture_count,
				 const struct described *wanted, size_t count,
				 const struct ct_plan_settings *settings)
{
	for (size_t i = 0; i < fixture_count; i++) {
		struct fixture fixture = open_fixture(fixtures[i], settings);
		for (size_t j = 0; j < count; j++)
			assert_described(&fixture, &wanted[j]);
		close_fixture(&fixture);
	}
}

/* --- the descriptions --- */

#define POINT "{x: s4@0, y: s4@4}"

static void values_of_c_are_described(void **state)
{
	(void)state;
	static const struct described wanted[] = {
		{"schar", "signed char | 1: s1@0", NULL},
		{"uchar", "unsigned char | 1: u1@0", NULL},
		{"char", "char | 1: char1@0", NULL},
		{"short", "short | 2: s2@0", NULL},
		{"uint", "unsigned int | 4: u4@0", NULL},
		{"long", "long | 8: s8@0", NULL},
		{"size", "size_t | 8: u8@0", NULL},
		{"int128", "__int128 | 16: s16@0", NULL},
		{"uint128", "unsigned __int128 | 16: u16@0", NULL},
		{"bool", "_Bool | 1: bool1@0", NULL},
		{"wide", "wchar_t | 4: char4@0", NULL},
		{"char16", "char16_t | 2: char2@0", NULL},
		{"colour", "enum colour | 4: enumu4@0(RED=0 GREEN=5 BLUE=2147483648)", NULL},
		{"sign", "enum sign | 4: enums4@0(MINUS=-1 PLUS=1)", NULL},
		{"float", "float | 4: f4@0", NULL},
		{"double", "double | 8: f8@0", NULL},
		{"long_double", "long double | 16: f10@0", NULL},
		{"quad", "_Float128 | 16: f16@0", "__float128 | 16: f16@0"},
		{"complex", "complex double | 16: complex8@0*8", NULL},
		{"long_complex", "complex long double | 32: complex10@0*16", NULL},
		{"string", "const char * | 8: str@0->b1; b0+0 b1=string 64", NULL},
		{"bytes", "const unsigned char * | 8: ptr@0->b1 u1@0; b0+0 b1=memory 1", NULL},
		{"strings", "char ** | 8: ptr@0->b1 ptr@0; b0+0 b1=memory 8", NULL},
		{"void_pointer", "void * | 8: ptr@0", NULL},
		{"const_pointer", "int *const | 8: ptr@0->b1 s4@0; b0+0 b1=memory 4", NULL},
		{"int_pointer",
		 "const volatile int *restrict | 8: ptr@0->b1 s4@0; b0+0 b1=volatile 4", NULL},
		{"volatile_member",
		 "struct volatile_member * | 8: ptr@0->b1 {n: s4@0, in: {flags: 2/2*4@4[s4@0]}}; "
		 "b0+0 b1=volatile 12",
		 NULL},
		{"volatile_text", "volatile char * | 8: ptr@0", NULL},
		{"opaque", "struct opaque * | 8: ptr@0", NULL},
		{"callback", "callback | 8: fn@0", NULL},
		{"row_pointer", "int (*)[3] | 8: ptr@0->b1 3/3*4@0[s4@0]; b0+0 b1=memory 12", NULL},
		{"functions", "int (*(*)[2])(void) | 8: ptr@0->b1 2/2*8@0[fn@0]; b0+0 b1=memory 16",
		 NULL},
		{"point", "struct point | 8: {x: s4@0, y: s4@4}", NULL},
		{"point_pointer",
		 "const struct point * | 8: ptr@0->b1 {x: s4@0, y: s4@4}; b0+0 b1=memory 8", NULL},
		{"named",
		 "struct named | 32: {name: str@0->b1, next: ptr@8->b2 {name: ptr@0, next: ptr@8, tag: chars 8/8@16, raw: 3/3*1@24[u1@0]}, tag: chars 8/8@16, raw: 3/3*1@24[u1@0]}; b0+0 b1=string 64; b0+8 b2=memory 32",
		 NULL},
		{"named_pointer",
		 "struct named * | 8: ptr@0->b1 {name: ptr@0, next: ptr@8, tag: chars 8/8@16, raw: 3/3*1@24[u1@0]}; b0+0 b1=memory 32",
		 NULL},
		{"bits",
		 "struct bits | 16: {a: bitsu3@0 u8@0, b: bitss7@3 s8@0, c: bitsu1@10 bool1@0, d: bitsu32@32 enumu4@0(RED=0 GREEN=5 BLUE=2147483648), e: bitsu40@64 u8@0}",
		 "struct bits | 16: {a: bitsu3@0 u8@0, b: bitss7@3 s8@0, c: bitsu1@10 bool1@0, d: enumu4@4(RED=0 GREEN=5 BLUE=2147483648), e: bitsu40@64 u8@0}"},
		{"inside",
		 "struct inside | 24: {kind: s4@0, : union {number: s4@8, text: ptr@8}, named: {s: s2@16}}",
		 NULL},
		{"packed", "struct packed | 13: {c: char1@0, d: f8@1, i: s4@9}", NULL},
		{"large_pointer",
		 "struct large * | 8: ptr@0->b1 {first: s4@0, numbers: 16/60*4@4[s4@0], points: 1/2*8@244[{x: s4@0, y: s4@4}], ...: absent7}; b0+0 b1=memory 256",
		 NULL},
		{"aligned", "aligned | 32: {a: s4@0}", NULL},
		{"vector", "vector4 | 16: 4/4*4@0[f4@0]", NULL},
		{"empty", "struct empty | 0: {}", NULL},
		{"around_names",
		 "struct around_names | 32: {names: list of 2 [str@0->b1, str@8->b2], rows: list of 2 [{text: str@16->b3}, {text: str@24->b4}]}; b0+0 b1=string 64; b0+8 b2=string 64; b0+16 b3=string 64; b0+24 b4=string 64",
		 NULL},
		{"around_names_pointer",
		 "struct around_names * | 8: ptr@0->b1 {names: 2/2*8@0[ptr@0], rows: 2/2*8@16[{text: ptr@0}]}; b0+0 b1=memory 32",
		 NULL},
		{"rows_pointer",
		 "struct rows * | 8: ptr@0->b1 {count: s4@0, rows: absent3}; b0+0 b1=memory 8",
		 NULL},
		{"matrix",
		 "matrix * | 8: ptr@0->b1 {m: 2/2*12@0[3/3*4@0[s4@0]]}; b0+0 b1=memory 24", NULL},
	};
	assert_all_described(c_fixtures, COUNT(c_fixtures), wanted, COUNT(wanted), NULL);
}

/* The C fixtures of one compiler. */
static void assert_described_of(const char *compiler, const struct described *wanted, size_t count)
{
	for (size_t i = 0; i < COUNT(c_fixtures); i++)
		if (strstr(c_fixtures[i], compiler))
			assert_all_described(&c_fixtures[i], 1, wanted, count, NULL);
}

static void numbers_of_the_other_byte_order_are_not_shown(void **state)
{
	(void)state;
	static const struct described wanted[] = {
		{"swapped", "struct swapped | 12: absent4", NULL},
		{"swapped_pointer", "struct swapped * | 8: ptr@0->b1 absent4; b0+0 b1=memory 12",
		 NULL},
		{"swapped_rows", "struct swapped_rows | 40: absent4", NULL},
		{"around_swapped", "struct around_swapped | 16: {n: s4@0, swapped: absent4}", NULL},
	};
	assert_described_of("/c_gcc_", wanted, COUNT(wanted));
}

static void integers_of_unknown_precision_are_not_shown(void **state)
{
	(void)state;
	/* Clang tells it from version 15 on. */
	static const struct described wanted[] = {
		{"bit_int", "_BitInt | 1: absent4", "_BitInt(5) | 1: bitss5@0 s8@0"},
		{"bit_ints", "struct bit_ints | 8: {n: s4@0, small: absent4}",
		 "struct bit_ints | 8: {n: s4@0, small: bitsu7@32 u8@0}"},
	};
	assert_described_of("/c_clang_", wanted, COUNT(wanted));
}

static void values_of_cxx_are_described(void **state)
{
	(void)state;
	static const struct described wanted[] = {
		{"point", "space::point | 8: {x: s4@0, y: s4@4}", NULL},
		{"point_reference",
		 "const space::point & | 8: ref@0->b1 {x: s4@0, y: s4@4}; b0+0 b1=memory 8", NULL},
		{"point_rvalue",
		 "space::point && | 8: ref@0->b1 {x: s4@0, y: s4@4}; b0+0 b1=memory 8", NULL},
		{"int_reference", "int & | 8: ref@0->b1 s4@0; b0+0 b1=memory 4", NULL},
		{"unknown_reference", "const unknown & | 8: ref@0->b0 absent3", NULL},
		{"inner", "space::point::inner | 1: {c: char1@0}", NULL},
		{"level", "space::level | 1: enumu1@0(low=1 high=255)", NULL},
		{"depth", "space::depth | 2: enums2@0(under=-3)", NULL},
		{"versioned", "space::v1::versioned | 4: {v: s4@0}", NULL},
		{"hidden",
		 "(anonymous namespace)::hidden * | 8: ptr@0->b1 {h: s4@0}; b0+0 b1=memory 4",
		 NULL},
		{"derived",
		 "space::derived * | 8: ptr@0->b1 {space::base: {b: s4@8}, d: s4@12}; b0+0 b1=memory 16",
		 NULL},
		{"diamond",
		 "space::diamond & | 8: ref@0->b1 {space::base: absent4, e: s4@8}; b0+0 b1=memory 32",
		 NULL},
		{"string", "std::string | 32: text b1; b0+8; b0+0 b1=text 64", NULL},
		{"string_reference",
		 "const std::string & | 8: ref@0->b1 text b2; b0+0 b1=memory 32; b1+8; b1+0 b2=text 64",
		 NULL},
		{"view", "std::string_view | 16: text b1; b0+0; b0+8 b1=text 64", NULL},
		{"vector",
		 "std::vector<int, std::allocator<int> > | 24: seq b1 *4[s4@0]; b0+0; b0+8 b1=sequence 4x8",
		 NULL},
		{"strings",
		 "std::vector<std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >, std::allocator<std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> > > > & | 8: ref@0->b1 seq b2 *32[text b3, text b4, text b5, text b6, text b7, text b8, text b9, text b10]; b0+0 b1=memory 24; b1+0; b1+8 b2=sequence 32x8; b2+8; b2+0 b3=text 64; b2+40; b2+32 b4=text 64; b2+72; b2+64 b5=text 64; b2+104; b2+96 b6=text 64; b2+136; b2+128 b7=text 64; b2+168; b2+160 b8=text 64; b2+200; b2+192 b9=text 64; b2+232; b2+224 b10=text 64",
		 NULL},
		{"unique",
		 "std::unique_ptr<space::point, std::default_delete<space::point> > | 8: ptr@0->b1 {x: s4@0, y: s4@4}; b0+0 b1=memory 8",
		 NULL},
		{"unique_file",
		 "std::unique_ptr<handle, int (*)(handle*)> | 16: ptr@8->b1 {fd: s4@0}; b0+8 b1=memory 4",
		 "std::unique_ptr<handle, int (*)(handle *)> | 16: ptr@8->b1 {fd: s4@0}; b0+8 b1=memory 4"},
		{"shared",
		 "std::shared_ptr<space::point> | 16: ptr@0->b1 {x: s4@0, y: s4@4}; b0+0 b1=memory 8",
		 NULL},
		{"weak", "std::weak_ptr<space::point> | 16: addr@0", NULL},
		{"data_member", "int space::point::* | 8: s8@0", NULL},
		{"function_member", "int (space::point::*)() | 16: hex16@0", NULL},
		{"null", "std::nullptr_t | 8: ptr@0", NULL},
		{"wide", "wchar_t | 4: char4@0", NULL},
		{"char32", "char32_t | 4: char4@0", NULL},
		{"function_reference", "callback & | 8: fn@0", NULL},
		{"array_reference", "char (&)[6] | 8: ref@0->b1 chars 6/6@0; b0+0 b1=memory 6",
		 NULL},
		{"upon_both",
		 "upon_both | 1: {upon_that: {upon_one_byte: {one_byte: {c: char1@0}}}}", NULL},
		{"tuple",
		 "std::tuple<int, char, std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> > > | 40: list of 3 [s4@36, char1@32, text b1]; b0+8; b0+0 b1=text 64",
		 NULL},
		{"array",
		 "std::array<char const*, 2> | 16: list of 2 [str@0->b1, str@8->b2]; b0+0 b1=string 64; b0+8 b2=string 64",
		 "std::array<const char *, 2UL> | 16: list of 2 [str@0->b1, str@8->b2]; b0+0 b1=string 64; b0+8 b2=string 64"},
		{"array_of_points", "std::array<space::point, 2> | 16: 2/2*8@0[{x: s4@0, y: s4@4}]",
		 "std::array<space::point, 2UL> | 16: 2/2*8@0[{x: s4@0, y: s4@4}]"},
		{"node",
		 "node * | 8: ptr@0->b1 {next: ptr@0, label: text b2, weights: seq b3 *8[s8@0], text: ptr@64, padding: 16/40*8@72[s8@0], ...: absent7}; b0+0 b1=memory 256; b1+16; b1+8 b2=text 64; b1+40; b1+48 b3=sequence 8x8",
		 NULL},
		{"node_value",
		 "node | 400: {next: ptr@0->b1 {next: ptr@0, label: text b2, weights: seq b3 *8[s8@0], text: ptr@64, padding: 16/40*8@72[s8@0], ...: absent7}, label: text b4, weights: seq b5 *8[s8@0], text: str@64->b6, padding: 16/40*8@72[s8@0], last: s4@392}; b0+0 b1=memory 256; b1+16; b1+8 b2=text 64; b1+40; b1+48 b3=sequence 8x8; b0+16; b0+8 b4=text 64; b0+40; b0+48 b5=sequence 8x8; b0+64 b6=string 64",
		 NULL},
	};
	assert_all_described(cxx_fixtures, COUNT(cxx_fixtures), wanted, COUNT(wanted), NULL);
}

/* --- where values are returned --- */

/* What a function left behind. The x87 values are taken only when there are that many. */
struct left {
	uint64_t rax, rdx;
	unsigned char xmm[2][16];
	unsigned char st[2][16];
	uint64_t st_count;
};

/* Calls the function with the address of room for a value, as if it returned one there. */
void call_and_look(void *function, void *hidden, struct left *left);
__asm__(".text\n"
	".type call_and_look, @function\n"
	"call_and_look:\n"
	"	push %rbx\n"
	"	mov %rdx, %rbx\n"
	"	mov %rdi, %rax\n"
	"	mov %rsi, %rdi\n"
	"	call *%rax\n"
	"	mov %rax, 0(%rbx)\n"
	"	mov %rdx, 8(%rbx)\n"
	"	movups %xmm0, 16(%rbx)\n"
	"	movups %xmm1, 32(%rbx)\n"
	"	cmpq $1, 80(%rbx)\n"
	"	jb 1f\n"
	"	fstpt 48(%rbx)\n"
	"	cmpq $2, 80(%rbx)\n"
	"	jb 1f\n"
	"	fstpt 64(%rbx)\n"
	"1:	pop %rbx\n"
	"	ret\n"
	".size call_and_look, . - call_and_look\n");
_Static_assert(offsetof(struct left, st_count) == 80, "call_and_look knows the offsets");

struct returned {
	const char *name;
	const char *place;
	unsigned int compared; /* bytes of the value that mean something; 0: all */
};
/* The returned value is another than the one it was made of. */
#define NOT_COMPARED UINT32_MAX

static void print_place(const struct ct_return_place *place, char ret[64])
{
	static const char *const words[] = {
		[CT_RETURN_NONE] = "none",  [CT_RETURN_MEMORY] = "memory", [CT_RETURN_X87] = "x87",
		[CT_RETURN_REGISTERS] = "", [CT_RETURN_UNSURE] = "unsure",
	};
	int length = snprintf(ret, 64, "%s", words[place->class]);
	for (unsigned int i = 0; i < place->part_count; i++) {
		const char *word = place->class == CT_RETURN_X87 ? ""
				   : place->parts[i].is_sse	 ? "xmm"
								 : "int";
		length += snprintf(ret + length, 64 - (size_t)length, "%s%s%u", length ? " " : "",
				   word, place->parts[i].size_bytes);
	}
}

/* Put the value together from where it is said to be. */
static size_t collect(const struct ct_return_place *place, const struct left *left,
		      const unsigned char *room, size_t size_bytes, unsigned char *ret)
{
	uint64_t integers[2] = {left->rax, left->rdx};
	unsigned int integer = 0;
	unsigned int sse = 0;
	size_t length = 0;
	if (place->class == CT_RETURN_MEMORY) {
		assert_true(left->rax == (uintptr_t)room);
		memcpy(ret, room, size_bytes);
		return size_bytes;
	}
	for (unsigned int i = 0; i < place->part_count; i++) {
		size_t part = place->parts[i].size_bytes;
		if (place->class == CT_RETURN_X87) {
			memcpy(ret + length, left->st[i], part);
			part = 16;
		} else if (place->parts[i].is_sse) {
			memcpy(ret + length, left->xmm[sse++], part);
		} else {
			memcpy(ret + length, &integers[integer++], part);
		}
		length += part;
	}
	return length;
}

static bool is_untouched(const unsigned char *room, size_t size_bytes)
{
	for (size_t i = 0; i < size_bytes; i++)
		if (room[i] != 0xcc)
			return false;
	return true;
}

static void assert_returned_there(void *library, const struct returned *wanted,
				  const struct ct_return_place *place, size_t size_bytes)
{
	char name[64];
	snprintf(name, sizeof(name), "ret_%s", wanted->name);
	void *function = dlsym(library, name);
	assert_non_null(function);
	snprintf(name, sizeof(name), "value_%s", wanted->name);
	const unsigned char *value = dlsym(library, name);
	assert_non_null(value);
	_Alignas(64) unsigned char room[256];
	memset(room, 0xcc, sizeof(room));
	unsigned char copy[256];
	memcpy(copy, value, size_bytes);
	struct left left = {.st_count = place->class == CT_RETURN_X87 ? place->part_count : 0};
	call_and_look(function, room, &left);
	if (place->class != CT_RETURN_MEMORY && place->class != CT_RETURN_UNSURE)
		assert_true(is_untouched(room, sizeof(room)));
	unsigned char found[256];
	size_t found_bytes = collect(place, &left, room, size_bytes, found);
	size_t compared = wanted->compared ? wanted->compared : size_bytes;
	if (place->class == CT_RETURN_NONE || place->class == CT_RETURN_UNSURE ||
	    compared == NOT_COMPARED)
		return;
	assert_true(compared <= found_bytes);
	if (place->class == CT_RETURN_X87 && place->part_count == 2)
		assert_memory_equal(found + 16, copy + 16, 10);
	assert_memory_equal(found, copy, compared);
}

static void assert_all_returned(const char *const *fixtures, size_t fixture_count,
				const struct returned *wanted, size_t count)
{
	for (size_t i = 0; i < fixture_count; i++) {
		struct fixture fixture = open_fixture(fixtures[i], NULL);
		void *library = dlopen(fixtures[i], RTLD_NOW | RTLD_LOCAL);
		assert_non_null(library);
		for (size_t j = 0; j < count; j++) {
			Dwarf_Die function = find_function(&fixture, "ret", wanted[j].name);
			Dwarf_Die type;
			assert_non_null(type_of(&function, &type));
			struct ct_return_place place = ct_describe_return_place(fixture.describer,
										&type);
			char text[64];
			print_place(&place, text);
			if (strcmp(text, wanted[j].place) != 0) {
				print_error("%s: %s is \"%s\", expected \"%s\"\n", fixtures[i],
					    wanted[j].name, text, wanted[j].place);
				assert_true(getenv("CT_TEST_GO_ON"));
			}
			assert_returned_there(library, &wanted[j], &place,
					      ct_describe_size(fixture.describer, &type));
		}
		dlclose(library);
		close_fixture(&fixture);
	}
}

static void c_returns_values_where_expected(void **state)
{
	(void)state;
	static const struct returned wanted[] = {
		{"char", "int1", 0},
		{"ushort", "int2", 0},
		{"int", "int4", 0},
		{"ulong", "int8", 0},
		{"int128", "int8 int8", 0},
		{"bool", "int1", 0},
		{"colour", "int4", 0},
		{"pointer", "int8", 0},
		{"float", "xmm4", 0},
		{"double", "xmm8", 0},
		{"long_double", "x87 10", 10},
		{"quad", "xmm16", 0},
		{"complex_float", "xmm8", 0},
		{"complex", "xmm8 xmm8", 0},
		{"complex_long", "x87 10 10", 10},
		{"vector", "xmm16", 0},
		{"point", "int8", 0},
		{"char3", "int3", 0},
		{"int3", "int8 int4", 0},
		{"float3", "xmm8 xmm4", 0},
		{"mixed", "int8 xmm8", 0},
		{"double_long", "xmm8 int8", 0},
		{"longs", "int8 int8", 0},
		{"longs3", "memory", 0},
		{"union_number", "int8", 0},
		{"union_floats", "xmm8", 0},
		{"long_double_1", "x87 10", 10},
		{"long_array", "x87 10", 10},
		{"nested_longs", "x87 10", 10},
		{"long_double_int", "memory", 10},
		{"misplaced", "memory", 0},
		{"placed", "int5", 0},
		{"packed", "memory", 0},
		{"one_vector", "xmm16", 0},
		{"one_quad", "unsure", 0},
		{"complex_1", "xmm8 xmm4", 0},
		{"bits_double", "int8 xmm8", 0},
		{"over_aligned", "int8", 4},
		{"flexible", "unsure", 0},
		{"float_array", "xmm8 xmm8", 0},
		{"int128_1", "int8 int8", 0},
		{"bits_across", "unsure", 0},
	};
	assert_all_returned(c_fixtures, COUNT(c_fixtures), wanted, COUNT(wanted));
}

static void cxx_returns_values_where_expected(void **state)
{
	(void)state;
	static const struct returned wanted[] = {
		{"cxx_point", "int8", 0},
		{"level", "int1", 0},
		{"nothing", "none", 0},
		{"with_destructor", "memory", 0},
		{"with_copy", "memory", 0},
		{"with_move", "memory", 0},
		{"defaulted", "int4", 0},
		{"move_only", "int8", 0},
		{"with_constructors", "xmm8", 0},
		{"around", "memory", 0},
		{"around_array", "memory", 0},
		{"with_virtual", "memory", 12},
		{"from_copy", "memory", 0},
		{"from_empty", "xmm8 int8", 0},
		{"cxx_string", "memory", NOT_COMPARED},
		{"unique", "memory", 0},
		{"view", "int8 int8", 0},
		{"null", "int8", 0},
		{"data_member", "int8", 0},
		{"function_member", "int8 int8", 0},
		{"holder", "memory", 0},
		{"plain_holder", "xmm8", 0},
	};
	assert_all_returned(cxx_fixtures, COUNT(cxx_fixtures), wanted, COUNT(wanted));
}

static void void_is_no_value(void **state)
{
	(void)state;
	struct fixture fixture = open_fixture(c_fixtures[0], NULL);
	assert_int_equal(ct_describe_return_place(fixture.describer, NULL).class, CT_RETURN_NONE);
	assert_int_equal(ct_describe_size(fixture.describer, NULL), 0);
	assert_string_equal(ct_describe_name(fixture.describer, NULL), "void");
	close_fixture(&fixture);
}

/* --- settings and limits --- */

static void no_levels_follow_references_and_strings(void **state)
{
	(void)state;
	static const struct ct_plan_settings settings = {16, 0, 0};
	static const struct described c[] = {
		{"point_pointer", "const struct point * | 8: ptr@0", NULL},
		{"string", "const char * | 8: str@0->b1; b0+0 b1=string 16", NULL},
	};
	static const struct described cxx[] = {
		{"point_reference",
		 "const space::point & | 8: ref@0->b1 " POINT "; b0+0 b1=memory 8", NULL},
		{"string_reference",
		 "const std::string & | 8: ref@0->b1 text b2; b0+0 b1=memory 32; b1+8; b1+0 "
		 "b2=text 16",
		 NULL},
	};
	assert_all_described(c_fixtures, COUNT(c_fixtures), c, COUNT(c), &settings);
	assert_all_described(cxx_fixtures, COUNT(cxx_fixtures), cxx, COUNT(cxx), &settings);
}

static void levels_are_counted(void **state)
{
	(void)state;
	static const struct ct_plan_settings settings = {64, 2, 0};
	static const struct described wanted[] = {
		{"named_pointer",
		 "struct named * | 8: ptr@0->b1 {name: str@0->b2, next: ptr@8->b3 {name: ptr@0, "
		 "next: ptr@8, tag: chars 8/8@16, raw: 3/3*1@24[u1@0]}, tag: chars 8/8@16, raw: "
		 "3/3*1@24[u1@0]}; b0+0 b1=memory 32; b1+0 b2=string 64; b1+8 b3=memory 32",
		 NULL},
		{"strings", "char ** | 8: ptr@0->b1 str@0->b2; b0+0 b1=memory 8; b1+0 b2=string 64",
		 NULL},
	};
	assert_all_described(c_fixtures, COUNT(c_fixtures), wanted, COUNT(wanted), &settings);
}

/* Describe parameter `name` when the plan has room for so much more. */
static void describe_with_room(const struct fixture *fixture, const char *name, size_t ops,
			       size_t payload, struct ct_strbuf *out)
{
	ct_cleanup(ct_cleanup_free) struct ct_plan_draft *draft = calloc(1, sizeof(*draft));
	assert_non_null(draft);
	Dwarf_Die type = parameter_type(fixture, name);
	draft->ops[draft->op_count++] =
		(struct ct_plan_op){.code = CT_PLAN_APPEND_STACK,
				    .size = (uint16_t)ct_describe_size(fixture->describer, &type)};
	while (draft->op_count < CT_PLAN_OPS_MAX - ops)
		draft->ops[draft->op_count++].code = CT_PLAN_NOT;
	draft->block_count = 1;
	draft->payload_max = CT_PLAN_PAYLOAD_MAX - payload;
	size_t first = draft->op_count;
	ct_describe_value(fixture->describer, draft, &type, 0, 0);
	assert_true(draft->payload_max <= CT_PLAN_PAYLOAD_MAX);
	struct ct_cursor cur = ct_cursor_init(draft->nodes.bytes, draft->nodes.length,
					      "description");
	print_node(&cur, out, 0);
	print_ops(draft, first, out);
	ct_strbuf_deinit(&draft->nodes);
}

static void a_full_plan_follows_nothing(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		size_t ops, payload;
		const char *text;
	} wanted[] = {
		{"named_pointer", 1, 1000, "ptr@0"},
		{"named_pointer", 100, 32, "ptr@0"},
		{"string", 1, 1000, "ptr@0"},
		{"string", 100, 66, "str@0->b1; b0+0 b1=string 64"},
		{"string", 100, 65, "ptr@0"},
	};
	struct fixture fixture = open_fixture(c_fixtures[0], NULL);
	for (size_t i = 0; i < COUNT(wanted); i++) {
		ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
		describe_with_room(&fixture, wanted[i].name, wanted[i].ops, wanted[i].payload,
				   &text);
		assert_string_equal(text.bytes, wanted[i].text);
	}
	close_fixture(&fixture);
}

static void long_strings_are_cut_to_what_fits(void **state)
{
	(void)state;
	static const struct ct_plan_settings settings = {CT_PLAN_STRING_MAX, 1, 0};
	struct fixture fixture = open_fixture(c_fixtures[0], &settings);
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	describe_with_room(&fixture, "string", 100, 2000, &text);
	assert_string_equal(text.bytes, "str@0->b1; b0+0 b1=string 1024");
	close_fixture(&fixture);
}

static void pieces_follow_nothing(void **state)
{
	(void)state;
	struct fixture fixture = open_fixture(c_fixtures[0], NULL);
	ct_cleanup(ct_cleanup_free) struct ct_plan_draft *draft = calloc(1, sizeof(*draft));
	assert_non_null(draft);
	Dwarf_Die type = parameter_type(&fixture, "named");
	ct_describe_value_flat(fixture.describer, draft, &type, 8);
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	struct ct_cursor cur = ct_cursor_init(draft->nodes.bytes, draft->nodes.length,
					      "description");
	print_node(&cur, &text, 0);
	assert_string_equal(text.bytes,
			    "{name: ptr@8, next: ptr@16, tag: chars 8/8@24, raw: 3/3*1@32[u1@0]}");
	assert_int_equal(draft->op_count, 0);
	ct_strbuf_deinit(&draft->nodes);
	close_fixture(&fixture);
}

/* A value of which less is there than its type has. */
static void what_is_not_there_is_left_out(void **state)
{
	(void)state;
	struct fixture fixture = open_fixture(c_fixtures[0], NULL);
	ct_cleanup(ct_cleanup_free) struct ct_plan_draft *draft = calloc(1, sizeof(*draft));
	assert_non_null(draft);
	Dwarf_Die type = parameter_type(&fixture, "named");
	ct_plan_draft_add(draft, (struct ct_plan_op){.code = CT_PLAN_APPEND_STACK, .size = 18});
	ct_describe_value(fixture.describer, draft, &type, 0, 0);
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	struct ct_cursor cur = ct_cursor_init(draft->nodes.bytes, draft->nodes.length,
					      "description");
	print_node(&cur, &text, 0);
	assert_string_equal(text.bytes,
			    "{name: str@0->b1, next: ptr@8->b2 {name: ptr@0, next: ptr@8, tag: "
			    "chars 8/8@16, raw: 3/3*1@24[u1@0]}, tag: chars 2/8@16, ...: absent7}");
	ct_strbuf_deinit(&draft->nodes);
	close_fixture(&fixture);
}

/* Of the 16 bytes of a long double in memory an x87 register has 10. */
static void a_long_double_is_whole_without_its_padding(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		uint16_t there;
		const char *nodes;
	} wanted[] = {
		{"long_double_1", 10, "{l: f10@0}"},
		{"long_double_1", 9, "{...: absent7}"},
		{"long_array", 10, "{l: 1/1*16@0[f10@0]}"},
		{"long_array", 9, "{l: absent7}"},
		{"nested_longs", 10, "{n: 1/1*16@0[{l: 1/1*16@0[f10@0]}]}"},
		{"nested_longs", 9, "{n: absent7}"},
	};
	for (size_t i = 0; i < COUNT(c_fixtures); i++) {
		struct fixture fixture = open_fixture(c_fixtures[i], NULL);
		for (size_t j = 0; j < COUNT(wanted); j++) {
			ct_cleanup(ct_cleanup_free) struct ct_plan_draft *draft =
				calloc(1, sizeof(*draft));
			assert_non_null(draft);
			Dwarf_Die function = find_function(&fixture, "ret", wanted[j].name);
			Dwarf_Die type;
			assert_non_null(type_of(&function, &type));
			ct_plan_draft_add(draft, (struct ct_plan_op){.code = CT_PLAN_APPEND_STACK,
								     .size = wanted[j].there});
			ct_describe_value(fixture.describer, draft, &type, 0, 0);
			ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
			struct ct_cursor cur = ct_cursor_init(draft->nodes.bytes,
							      draft->nodes.length, "description");
			print_node(&cur, &text, 0);
			assert_string_equal(text.bytes, wanted[j].nodes);
			ct_strbuf_deinit(&draft->nodes);
		}
		close_fixture(&fixture);
	}
}

static void operations_are_counted_or_refused(void **state)
{
	(void)state;
	ct_cleanup(ct_cleanup_free) struct ct_plan_draft *draft = calloc(1, sizeof(*draft));
	assert_non_null(draft);
	struct ct_plan_op op = {.code = CT_PLAN_APPEND_MEMORY, .size = 100};
	assert_true(ct_plan_draft_add(draft, op));
	assert_int_equal(draft->payload_max, 101);
	op = (struct ct_plan_op){.code = CT_PLAN_APPEND_STACK | CT_PLAN_JOINED, .size = 8};
	assert_true(ct_plan_draft_add(draft, op));
	assert_int_equal(draft->payload_max, 109);
	assert_int_equal(draft->block_count, 1);
	op = (struct ct_plan_op){.code = CT_PLAN_APPEND_SEQUENCE, .size = 100, .operand = 1000};
	assert_false(ct_plan_draft_add(draft, op));
	op.operand = -1;
	assert_false(ct_plan_draft_add(draft, op));
	op = (struct ct_plan_op){.code = CT_PLAN_PUSH_CONSTANT};
	while (ct_plan_draft_add(draft, op))
		;
	assert_int_equal(draft->op_count, CT_PLAN_OPS_MAX);
	assert_int_equal(draft->payload_max, 109);
}

/* --- debug information that lies --- */

struct noise {
	uint64_t state;
};

static uint64_t next_noise(struct noise *noise)
{
	noise->state ^= noise->state << 13;
	noise->state ^= noise->state >> 7;
	noise->state ^= noise->state << 17;
	return noise->state;
}

struct asking {
	struct ct_describer *describer;
	unsigned int left; /* a damaged tree may have functions without end */
};

/* Everything that can be asked about a type; that it comes back is the test. */
static int ask_about_function(Dwarf_Die *die, void *arg)
{
	struct asking *asking = arg;
	struct ct_describer *describer = asking->describer;
	if (asking->left-- == 0)
		return DWARF_CB_ABORT;
	Dwarf_Die child;
	Dwarf_Die type;
	if (type_of(die, &type))
		ct_describe_return_place(describer, &type);
	if (dwarf_child(die, &child) != 0 || !type_of(&child, &type))
		return DWARF_CB_OK;
	ct_cleanup(ct_cleanup_free) struct ct_plan_draft *draft = calloc(1, sizeof(*draft));
	assert_non_null(draft);
	uint64_t size = ct_describe_size(describer, &type);
	ct_plan_draft_add(draft, (struct ct_plan_op){.code = CT_PLAN_APPEND_STACK,
						     .size = size < 4096 ? (uint16_t)size : 4096});
	ct_describe_value(describer, draft, &type, 0, 0);
	ct_describe_name(describer, &type);
	assert_true(draft->nodes.length <= CT_PLAN_DESCRIPTION_MAX);
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	struct ct_cursor cur = ct_cursor_init(draft->nodes.bytes, draft->nodes.length,
					      "description");
	print_node(&cur, &text, 0);
	assert_int_equal(ct_cursor_left(&cur), 0);
	ct_strbuf_deinit(&draft->nodes);
	return DWARF_CB_OK;
}

static void ask_about_everything(Elf *elf)
{
	static const struct ct_plan_settings settings = {64, CT_PLAN_POINTEE_MAX, 0};
	Dwarf *dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
	if (!dwarf)
		return;
	struct asking asking = {ct_describer_create(&settings), 300};
	assert_non_null(asking.describer);
	Dwarf_CU *unit = NULL;
	Dwarf_Die die;
	while (dwarf_get_units(dwarf, unit, &unit, NULL, NULL, &die, NULL) == 0)
		if (dwarf_getfuncs(&die, ask_about_function, &asking, 0) > 0)
			break;
	ct_describer_destroy(asking.describer);
	dwarf_end(dwarf);
}

static size_t find_section(Elf *elf, const char *wanted, size_t *ret_bytes)
{
	size_t names;
	Elf_Scn *section = NULL;
	assert_int_equal(elf_getshdrstrndx(elf, &names), 0);
	while ((section = elf_nextscn(elf, section)) != NULL) {
		GElf_Shdr header;
		assert_non_null(gelf_getshdr(section, &header));
		if (strcmp(elf_strptr(elf, names, header.sh_name), wanted) == 0) {
			*ret_bytes = header.sh_size;
			return header.sh_offset;
		}
	}
	fail_msg("no section %s", wanted);
	return 0;
}

/* Change some bytes of the types, and ask; many times. */
static void damage(const char *path, const char *section, unsigned int rounds)
{
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	size_t size = (size_t)ftell(file);
	rewind(file);
	ct_cleanup(ct_cleanup_free) char *bytes = malloc(size);
	ct_cleanup(ct_cleanup_free) char *copy = malloc(size);
	assert_non_null(bytes);
	assert_non_null(copy);
	assert_int_equal(fread(bytes, 1, size, file), size);
	fclose(file);
	elf_version(EV_CURRENT);
	struct noise noise = {0x9e3779b97f4a7c15};
	for (unsigned int i = 0; i < rounds; i++) {
		memcpy(copy, bytes, size);
		Elf *elf = elf_memory(copy, size);
		size_t section_bytes = 1;
		size_t offset = find_section(elf, section, &section_bytes);
		for (unsigned int j = 0; j < 1 + i % 16; j++)
			copy[offset + next_noise(&noise) % section_bytes] =
				(char)next_noise(&noise);
		ask_about_everything(elf);
		elf_end(elf);
	}
}

static void damaged_types_do_no_harm(void **state)
{
	(void)state;
	damage(c_fixtures[0], ".debug_info", 400);
	damage(c_fixtures[0], ".debug_abbrev", 200);
	damage(cxx_fixtures[0], ".debug_info", 40);
	damage(cxx_fixtures[0], ".debug_abbrev", 20);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(values_of_c_are_described),
	cmocka_unit_test(numbers_of_the_other_byte_order_are_not_shown),
	cmocka_unit_test(integers_of_unknown_precision_are_not_shown),
	cmocka_unit_test(values_of_cxx_are_described),
	cmocka_unit_test(c_returns_values_where_expected),
	cmocka_unit_test(cxx_returns_values_where_expected),
	cmocka_unit_test(void_is_no_value),
	cmocka_unit_test(no_levels_follow_references_and_strings),
	cmocka_unit_test(levels_are_counted),
	cmocka_unit_test(a_full_plan_follows_nothing),
	cmocka_unit_test(long_strings_are_cut_to_what_fits),
	cmocka_unit_test(pieces_follow_nothing),
	cmocka_unit_test(what_is_not_there_is_left_out),
	cmocka_unit_test(a_long_double_is_whole_without_its_padding),
	cmocka_unit_test(operations_are_counted_or_refused),
	cmocka_unit_test(damaged_types_do_no_harm),
};
UNIT_TEST_MAIN(tests)
