/* SPDX-License-Identifier: MIT */
/* Captured bytes as the JSON of arguments and return values. */
#include "export/values.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "description.h"
#include "export/value_text.h"
#include "reader/trace.h"
#include "unit_test.h"

/* --- a sink with as little room as there may be --- */

struct text_sink {
	struct ct_sink sink; /* first */
	char memory[CT_SINK_ROOM_BYTES];
	struct ct_strbuf text;
};

static void renew(struct ct_sink *sink)
{
	struct text_sink *text = (struct text_sink *)sink;
	ct_strbuf_add(&text->text, text->memory, (size_t)(sink->at - text->memory));
	sink->at = text->memory;
}

static void init_sink(struct text_sink *text)
{
	text->text = (struct ct_strbuf){0};
	text->sink = (struct ct_sink){text->memory, text->memory + sizeof(text->memory), renew};
}

static const char *sink_text(struct text_sink *text)
{
	renew(&text->sink);
	return text->text.bytes;
}

static void deinit_sink(struct text_sink *text)
{
	ct_strbuf_deinit(&text->text);
}

/* --- one function, with one parameter or what it returns --- */

struct sample {
	struct ct_plan_op ops[16];
	size_t op_count;
	struct trace_records nodes; /* of the one value */
	struct trace_records payload;
	bool has_payload;
	bool pretty;
};

static void deinit_sample(struct sample *sample)
{
	free(sample->nodes.bytes);
	free(sample->payload.bytes);
}

#define SAMPLE(s) ct_cleanup(deinit_sample) struct sample s = {.has_payload = true}

static struct ct_plan_op *add_op(struct sample *sample, enum ct_plan_code code, unsigned int size)
{
	struct ct_plan_op *op = &sample->ops[sample->op_count++];
	*op = (struct ct_plan_op){.code = (uint8_t)code, .size = (uint16_t)size};
	return op;
}

/* The next block: bytes as they are. */
static void add_bytes(struct sample *sample, const void *bytes, size_t length)
{
	add_op(sample, CT_PLAN_APPEND_STACK, (unsigned int)length);
	trace_records_bytes(&sample->payload, bytes, length);
}
#define ADD_VALUE(sample, value) add_bytes(sample, &(value), sizeof(value))

static void add_memory(struct sample *sample, enum ct_plan_status status, const void *bytes,
		       size_t length)
{
	add_op(sample, CT_PLAN_APPEND_MEMORY, (unsigned int)length);
	put_u8(&sample->payload, status);
	if (status == CT_PLAN_OK)
		trace_records_bytes(&sample->payload, bytes, length);
}

static void add_string(struct sample *sample, const char *text, unsigned int flags)
{
	add_op(sample, CT_PLAN_APPEND_STRING, CT_PLAN_STRING_MAX);
	put_u16(&sample->payload, (unsigned int)strlen(text) | flags);
	trace_records_bytes(&sample->payload, text, strlen(text));
}

enum { SITE = 0x2000 };

static void write_trace(struct trace_writer *writer, const struct sample *sample, bool as_result)
{
	struct trace_records description = {0};
	put_u8(&description, as_result ? 0 : 1);
	if (as_result)
		put_u8(&description, 1);
	else
		put_text(&description, "x");
	put_text(&description, "T");
	trace_records_bytes(&description, sample->nodes.bytes, sample->nodes.length);
	if (!as_result)
		put_u8(&description, 0);
	struct trace_plan plan = {
		.site = SITE,
		.module = 1,
		.ops = as_result ? NULL : sample->ops,
		.op_count = as_result ? 0 : sample->op_count,
		.shape = as_result ? sample->ops : NULL,
		.shape_count = as_result ? sample->op_count : 0,
		.description = description.bytes,
		.description_bytes = description.length,
	};
	trace_writer_init(writer);
	struct ct_site site = {.site = SITE, .function = SITE, .module = 1};
	trace_writer_site(writer, 1, &site);
	trace_writer_plan(writer, &plan);
	free(description.bytes);
}

static void show(const struct sample *sample, bool as_result, struct text_sink *ret)
{
	struct trace_writer writer;
	struct ct_trace *trace;
	struct ct_values *values;
	struct ct_value_bytes payload = {.bytes = sample->payload.bytes,
					 .length = (uint32_t)sample->payload.length};
	write_trace(&writer, sample, as_result);
	assert_no_error(ct_trace_open(trace_writer_save(&writer), &trace));
	assert_int_equal(ct_trace_damage(trace), 0);
	assert_no_error(ct_values_create(trace, sample->pretty, true, &values));
	assert_non_null(values);
	if (!payload.bytes)
		payload.bytes = (const unsigned char *)"";
	if (!sample->has_payload)
		payload.bytes = NULL;
	if (as_result)
		ct_values_put_result(values, &ret->sink, 1, payload, 2);
	else
		ct_values_put_arguments(values, &ret->sink, 1, payload, 2);
	ct_values_destroy(values);
	ct_trace_destroy(trace);
	trace_writer_deinit(&writer);
}

/* What comes after the type of the one argument. */
#define assert_argument(sample, expected)                                                   \
	do {                                                                                \
		ct_cleanup(deinit_sink) struct text_sink shown;                             \
		init_sink(&shown);                                                          \
		show(sample, false, &shown);                                                \
		assert_string_equal(                                                        \
			sink_text(&shown),                                                  \
			"\"arguments\":[{\"name\":\"x\",\"type\":\"T\",\"value\":" expected \
			"}],");                                                             \
	} while (0)

#define assert_result(sample, expected)                                                           \
	do {                                                                                      \
		ct_cleanup(deinit_sink) struct text_sink shown;                                   \
		init_sink(&shown);                                                                \
		show(sample, true, &shown);                                                       \
		assert_string_equal(sink_text(&shown),                                            \
				    ",\"return_value\":{\"type\":\"T\",\"value\":" expected "}"); \
	} while (0)

/* A scalar of the bytes of `value`. */
#define assert_scalar(kind, value, expected)                     \
	do {                                                     \
		SAMPLE(one);                                     \
		__typeof__(value) stored = (value);              \
		ADD_VALUE(&one, stored);                         \
		put_of(&one.nodes, CT_NODE_BLOCK, 0);            \
		put_scalar(&one.nodes, kind, 0, sizeof(stored)); \
		assert_argument(&one, expected);                 \
	} while (0)

/* --- scalars --- */

static void integers_are_numbers_up_to_2_to_the_53(void **state)
{
	(void)state;
	assert_scalar(CT_NODE_SIGNED, (int8_t)-128, "-128");
	assert_scalar(CT_NODE_UNSIGNED, (uint8_t)255, "255");
	assert_scalar(CT_NODE_SIGNED, (int16_t)-1, "-1");
	assert_scalar(CT_NODE_SIGNED, INT32_MIN, "-2147483648");
	assert_scalar(CT_NODE_UNSIGNED, UINT32_MAX, "4294967295");
	assert_scalar(CT_NODE_SIGNED, INT64_C(9007199254740992), "9007199254740992");
	assert_scalar(CT_NODE_SIGNED, INT64_C(-9007199254740993), "\"-9007199254740993\"");
	assert_scalar(CT_NODE_SIGNED, INT64_MIN, "\"-9223372036854775808\"");
	assert_scalar(CT_NODE_UNSIGNED, UINT64_MAX, "\"18446744073709551615\"");
}

static void integers_of_128_bits_lose_no_digit(void **state)
{
	(void)state;
	assert_scalar(CT_NODE_SIGNED, (__int128)-5, "-5");
	assert_scalar(CT_NODE_UNSIGNED, (unsigned __int128)UINT64_MAX + 1,
		      "\"18446744073709551616\"");
	assert_scalar(CT_NODE_UNSIGNED, ~(unsigned __int128)0,
		      "\"340282366920938463463374607431768211455\"");
	assert_scalar(CT_NODE_SIGNED, (__int128)((unsigned __int128)1 << 127),
		      "\"-170141183460469231731687303715884105728\"");
	assert_scalar(CT_NODE_UNSIGNED, (unsigned __int128)UINT64_C(10000000000000000000) * 30 + 7,
		      "\"300000000000000000007\"");
}

static void bools_are_true_and_false_and_what_else_is_there(void **state)
{
	(void)state;
	assert_scalar(CT_NODE_BOOL, (uint8_t)0, "false");
	assert_scalar(CT_NODE_BOOL, (uint8_t)1, "true");
	assert_scalar(CT_NODE_BOOL, (uint8_t)77, "77");
	assert_scalar(CT_NODE_BOOL, (uint32_t)1, "true");
}

static void characters_are_strings_of_one(void **state)
{
	(void)state;
	assert_scalar(CT_NODE_CHAR, (uint8_t)'A', "\"A\"");
	assert_scalar(CT_NODE_CHAR, (uint8_t)0, "\"\\u0000\"");
	assert_scalar(CT_NODE_CHAR, (uint8_t)'"', "\"\\\"\"");
	assert_scalar(CT_NODE_CHAR, (uint8_t)'\\', "\"\\\\\"");
	assert_scalar(CT_NODE_CHAR, (uint8_t)0xe9, "\"\\\\xe9\",\"escaped\":true");
	assert_scalar(CT_NODE_CHAR, (uint16_t)0xe9, "\"\xc3\xa9\"");
	assert_scalar(CT_NODE_CHAR, (uint16_t)0xd800, "\"\\\\ud800\",\"escaped\":true");
	assert_scalar(CT_NODE_CHAR, (uint32_t)0x1f600, "\"\xf0\x9f\x98\x80\"");
	assert_scalar(CT_NODE_CHAR, (uint32_t)0x20ac, "\"\xe2\x82\xac\"");
	assert_scalar(CT_NODE_CHAR, (uint32_t)0x110000, "\"\\\\U00110000\",\"escaped\":true");
}

static void assert_float(const void *bytes, uint8_t format, const char *expected)
{
	ct_cleanup(deinit_sink) struct text_sink shown;
	init_sink(&shown);
	ct_value_put_float(&shown.sink, bytes, format);
	assert_string_equal(sink_text(&shown), expected);
}

static void floats_have_as_few_digits_as_tell_them(void **state)
{
	(void)state;
	assert_scalar(CT_NODE_FLOAT, 0.1F, "0.1");
	assert_scalar(CT_NODE_FLOAT, 3.0F, "3");
	assert_scalar(CT_NODE_FLOAT, 0.0F, "0");
	assert_scalar(CT_NODE_FLOAT, 0.0, "0");
	assert_scalar(CT_NODE_FLOAT, FLT_MAX, "3.4028235e+38");
	assert_scalar(CT_NODE_FLOAT, 16777216.0F, "16777216");
	assert_scalar(CT_NODE_FLOAT, 1.5e-45F, "1.4013e-45");
	assert_scalar(CT_NODE_FLOAT, 0.1, "0.1");
	assert_scalar(CT_NODE_FLOAT, -2.75, "-2.75");
	assert_scalar(CT_NODE_FLOAT, 1e15 / 3, "333333333333333.3");
	assert_scalar(CT_NODE_FLOAT, 1.0 / 3, "0.3333333333333333");
	assert_scalar(CT_NODE_FLOAT, 1e300, "1e+300");
	assert_scalar(CT_NODE_FLOAT, DBL_MAX, "1.7976931348623157e+308");
	assert_scalar(CT_NODE_FLOAT, 0.0000001, "0.0000001");
	assert_scalar(CT_NODE_FLOAT, (double)NAN, "\"nan\"");
	assert_scalar(CT_NODE_FLOAT, -(float)INFINITY, "\"-inf\"");
	assert_scalar(CT_NODE_FLOAT, (uint16_t)0x3c00, "1");
	assert_scalar(CT_NODE_FLOAT, (uint16_t)0xb555, "-0.33325195");
	assert_scalar(CT_NODE_FLOAT, (uint16_t)0x0001, "5.9604645e-08");
	assert_scalar(CT_NODE_FLOAT, (uint16_t)0x7c00, "\"inf\"");
}

/* Readers take "-0" for a whole number, whose sign they do not keep. */
static void zero_below_zero_is_no_whole_number(void **state)
{
	(void)state;
	static const unsigned char x87[10] = {[9] = 0x80};
	static const unsigned char quad[16] = {[15] = 0x80};
	assert_scalar(CT_NODE_FLOAT, -0.0F, "-0.0");
	assert_scalar(CT_NODE_FLOAT, -0.0, "-0.0");
	assert_scalar(CT_NODE_FLOAT, (uint16_t)0x8000, "-0.0");
	assert_float(x87, 10, "-0.0");
	assert_float(quad, 16, "-0.0");
}

/* Random bits: the text reads back as the same value. */
static void floats_read_back_as_they_were(void **state)
{
	(void)state;
	uint64_t bits = 88172645463325252;
	for (int i = 0; i < 200000; i++) {
		ct_cleanup(deinit_sink) struct text_sink shown;
		double value;
		float single;
		bits ^= bits << 13;
		bits ^= bits >> 7;
		bits ^= bits << 17;
		memcpy(&value, &bits, sizeof(value));
		memcpy(&single, &bits, sizeof(single));
		if (i % 2)
			value = (double)(int64_t)(bits >> 40) / (i % 3 ? 100 : 1024);
		if (i % 2)
			single = (float)value;
		if (isnan(value) || isinf(value) || isnan(single) || isinf(single))
			continue;
		init_sink(&shown);
		ct_value_put_float(&shown.sink, (const unsigned char *)&value, 8);
		assert_true(strtod(sink_text(&shown), NULL) == value);
		shown.text.length = 0;
		ct_value_put_float(&shown.sink, (const unsigned char *)&single, 4);
		assert_true(strtof(sink_text(&shown), NULL) == single);
		assert_true((float)strtod(sink_text(&shown), NULL) == single);
	}
}

static void long_doubles_keep_all_their_digits(void **state)
{
	(void)state;
#if LDBL_MANT_DIG == 64
	/* As numbers only those that doubles can hold: jq knows no others. */
	assert_float(&(long double){0.1L}, 10, "\"0.1\"");
	assert_float(&(long double){0.5L}, 10, "0.5");
	assert_float(&(long double){DBL_MAX}, 10, "1.7976931348623157081e+308");
	assert_float(&(long double){-1.5L}, 10, "-1.5");
	assert_float(&(long double){1 / 3.0L}, 10, "\"0.33333333333333333334\"");
	assert_float(&(long double){LDBL_MAX}, 10, "\"1.189731495357231765e+4932\"");
	assert_float(&(long double){LDBL_TRUE_MIN}, 10, "\"3.6451995318824746e-4951\"");
	assert_float(&(long double){(long double)INFINITY}, 10, "\"inf\"");
#endif
	/* what no processor makes: an exponent without the leading bit */
	assert_float("\1\0\0\0\0\0\0\0\xff\x3f", 10, "\"0100000000000000ff3f\"");
	assert_float("\0\0\0\0\0\0\0\0\0\0\0\0\0\x80\xff\x3f", 16, "1.5");
	assert_float("\1\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xbf", 16,
		     "\"-0x1.0000000000000000000000000001p+0\"");
	assert_float("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\x7f", 16, "\"inf\"");
}

static void complex_numbers_have_two_parts(void **state)
{
	(void)state;
	const double value[2] = {1.5, -2};
	SAMPLE(s);
	ADD_VALUE(&s, value);
	put_of(&s.nodes, CT_NODE_BLOCK, 0);
	put_scalar(&s.nodes, CT_NODE_COMPLEX, 0, 8);
	put_u8(&s.nodes, 8);
	assert_argument(&s, "{\"real\":1.5,\"imaginary\":-2}");
}

/* --- enums and bits --- */

struct name_of_value {
	const char *name;
	int64_t value;
};

static void put_enum(struct sample *sample, uint8_t size, bool is_signed,
		     const struct name_of_value *names, unsigned int count)
{
	put_scalar(&sample->nodes, CT_NODE_ENUM, 0, size);
	put_u8(&sample->nodes, is_signed);
	put_u16(&sample->nodes, count);
	for (unsigned int i = 0; i < count; i++) {
		put_i64(&sample->nodes, names[i].value);
		put_text(&sample->nodes, names[i].name);
	}
}

#define assert_enum(names, number, is_signed, expected)                                  \
	do {                                                                             \
		SAMPLE(one);                                                             \
		int32_t stored = (number);                                               \
		ADD_VALUE(&one, stored);                                                 \
		put_of(&one.nodes, CT_NODE_BLOCK, 0);                                    \
		put_enum(&one, 4, is_signed, names, sizeof(names) / sizeof((names)[0])); \
		assert_argument(&one, expected);                                         \
	} while (0)

static void enums_have_name_and_number(void **state)
{
	static const struct name_of_value colors[] = {{"RED", 3}, {"GREEN", -1}, {"BLUE", 0}};
	static const struct name_of_value counted[] = {{"ONE", 1}, {"TWO", 2}, {"THREE", 3}};
	static const struct name_of_value flags[] = {{"NONE", 0}, {"A", 1},	 {"C", 4},
						     {"B", 2},	  {"ALSO_B", 2}, {"HIGH", 0x30}};
	static const struct name_of_value combined[] = {{"R", 1}, {"W", 2}, {"RW", 3}, {"X", 4}};
	static const struct name_of_value five[] = {
		{"A", 1}, {"B", 2}, {"C", 3}, {"D", 4}, {"E", 5}};
	static const struct name_of_value unknown_bit[] = {{"A", 1}, {"B", 2}, {"C", 7}};
	(void)state;
	assert_enum(combined, 5, false, "{\"name\":\"R|X\",\"number\":5}");
	assert_enum(combined, 7, false, "{\"name\":\"RW|X\",\"number\":7}");
	assert_enum(combined, 3, false, "{\"name\":\"RW\",\"number\":3}");
	assert_enum(combined, 9, false, "{\"name\":null,\"number\":9}");
	assert_enum(five, 6, false, "{\"name\":null,\"number\":6}");
	assert_enum(unknown_bit, 3, false, "{\"name\":null,\"number\":3}");
	assert_enum(colors, 3, true, "{\"name\":\"RED\",\"number\":3}");
	assert_enum(colors, -1, true, "{\"name\":\"GREEN\",\"number\":-1}");
	assert_enum(colors, 1, true, "{\"name\":null,\"number\":1}");
	assert_enum(colors, -1, false, "{\"name\":null,\"number\":4294967295}");
	assert_enum(counted, 7, false, "{\"name\":null,\"number\":7}");
	assert_enum(flags, 5, false, "{\"name\":\"A|C\",\"number\":5}");
	assert_enum(flags, 2, false, "{\"name\":\"B\",\"number\":2}");
	assert_enum(flags, 0x32, false, "{\"name\":\"B|HIGH\",\"number\":50}");
	assert_enum(flags, 0x12, false, "{\"name\":null,\"number\":18}");
	assert_enum(flags, 0, false, "{\"name\":\"NONE\",\"number\":0}");
	assert_enum(flags, 8, false, "{\"name\":null,\"number\":8}");
}

static void bit_fields_are_extended(void **state)
{
	(void)state;
	static const struct {
		unsigned int offset, count;
		bool is_signed;
		const char *expected;
	} fields[] = {
		{0, 3, false, "5"},
		{0, 3, true, "-3"},
		{4, 9, false, "266"},
		{63, 2, false, "3"},
	};
	for (size_t i = 0; i < 4; i++) {
		SAMPLE(s);
		ct_cleanup(deinit_sink) struct text_sink shown;
		const uint64_t words[2] = {UINT64_C(0x80000000000010a5), 1};
		ADD_VALUE(&s, words);
		put_of(&s.nodes, CT_NODE_BLOCK, 0);
		put_u8(&s.nodes, CT_NODE_BITS);
		put_u32(&s.nodes, fields[i].offset);
		put_u8(&s.nodes, fields[i].count);
		put_u8(&s.nodes, fields[i].is_signed);
		put_scalar(&s.nodes, fields[i].is_signed ? CT_NODE_SIGNED : CT_NODE_UNSIGNED, 0, 8);
		init_sink(&shown);
		show(&s, false, &shown);
		char expected[100];
		snprintf(expected, sizeof(expected),
			 "\"arguments\":[{\"name\":\"x\",\"type\":\"T\",\"value\":%s}],",
			 fields[i].expected);
		assert_string_equal(sink_text(&shown), expected);
	}
}

/* --- pointers and strings --- */

static const uint64_t an_address = 0x7ffe1234;
static const uint64_t no_address = 0;

static void pointers_are_addresses(void **state)
{
	(void)state;
	SAMPLE(s);
	ADD_VALUE(&s, an_address);
	put_of(&s.nodes, CT_NODE_BLOCK, 0);
	put_at(&s.nodes, CT_NODE_POINTER, 0);
	put_u8(&s.nodes, 0);
	assert_argument(&s, "\"0x7ffe1234\"");
	SAMPLE(null);
	ADD_VALUE(&null, no_address);
	put_of(&null.nodes, CT_NODE_BLOCK, 0);
	put_at(&null.nodes, CT_NODE_ADDRESS, 0);
	assert_argument(&null, "null");
}

static void followed(struct sample *sample, uint64_t address, enum ct_plan_status status)
{
	const int32_t pointee = 42;
	ADD_VALUE(sample, address);
	add_memory(sample, status, &pointee, sizeof(pointee));
	put_of(&sample->nodes, CT_NODE_BLOCK, 0);
	put_at(&sample->nodes, CT_NODE_POINTER, 0);
	put_u8(&sample->nodes, 1);
	put_u8(&sample->nodes, 1);
	put_scalar(&sample->nodes, CT_NODE_SIGNED, 0, 4);
}

static void followed_pointers_show_what_they_lead_to(void **state)
{
	(void)state;
	SAMPLE(good);
	followed(&good, an_address, CT_PLAN_OK);
	assert_argument(&good, "\"0x7ffe1234\",\"pointee\":42");
	SAMPLE(null);
	followed(&null, no_address, CT_PLAN_NULL);
	assert_argument(&null, "null");
	SAMPLE(bad);
	followed(&bad, an_address, CT_PLAN_UNREADABLE);
	assert_argument(&bad, "\"0x7ffe1234\",\"unreadable\":true");
	SAMPLE(none);
	followed(&none, an_address, CT_PLAN_OK);
	none.has_payload = false;
	assert_argument(&none, "null,\"why\":\"unreadable\"");
}

static void text_of(struct sample *sample, const char *text, unsigned int flags)
{
	ADD_VALUE(sample, an_address);
	add_string(sample, text, flags);
	put_of(&sample->nodes, CT_NODE_BLOCK, 0);
	put_at(&sample->nodes, CT_NODE_STRING, 0);
	put_u8(&sample->nodes, 1);
}

#define assert_string(text, flags, expected)     \
	do {                                     \
		SAMPLE(one);                     \
		text_of(&one, text, flags);      \
		assert_argument(&one, expected); \
	} while (0)

static void strings_are_text(void **state)
{
	(void)state;
	assert_string("", 0, "\"\"");
	assert_string("say \"hi\"\n\t\x01\x7f", 0, "\"say \\\"hi\\\"\\n\\t\\u0001\\u007f\"");
	assert_string("gr\xc3\xbc\xc3\x9f", 0, "\"gr\xc3\xbc\xc3\x9f\"");
	assert_string("back\\slash", 0, "\"back\\\\slash\"");
	assert_string("abc", CT_PLAN_STRING_TRUNCATED, "\"abc\",\"truncated\":true");
	assert_string("abc", CT_PLAN_STRING_ENDS,
		      "\"abc\",\"truncated\":true,\"unterminated\":true");
	assert_string("", CT_PLAN_STRING_NULL, "null");
	assert_string("", CT_PLAN_STRING_UNREADABLE, "\"0x7ffe1234\",\"unreadable\":true");
}

static void bytes_that_are_no_utf8_are_escaped_without_loss(void **state)
{
	(void)state;
	assert_string("a\xff\\b\xc3", 0, "\"a\\\\xff\\\\\\\\b\\\\xc3\",\"escaped\":true");
	assert_string("\xc3\xbc\xe2\x82", 0, "\"\xc3\xbc\\\\xe2\\\\x82\",\"escaped\":true");
	assert_string("\xff\"", CT_PLAN_STRING_TRUNCATED,
		      "\"\\\\xff\\\"\",\"truncated\":true,\"escaped\":true");
}

static void character_cut_by_the_limit_is_left_out(void **state)
{
	(void)state;
	assert_string("ab\xe2\x82", CT_PLAN_STRING_TRUNCATED, "\"ab\",\"truncated\":true");
	assert_string("ab\xff", CT_PLAN_STRING_TRUNCATED,
		      "\"ab\\\\xff\",\"truncated\":true,\"escaped\":true");
}

static void longest_string_fits(void **state)
{
	(void)state;
	SAMPLE(s);
	ct_cleanup(deinit_sink) struct text_sink shown;
	char text[CT_PLAN_STRING_MAX + 1];
	memset(text, 1, CT_PLAN_STRING_MAX);
	text[CT_PLAN_STRING_MAX] = '\0';
	text_of(&s, text, 0);
	init_sink(&shown);
	show(&s, false, &shown);
	assert_int_equal(
		strlen(sink_text(&shown)),
		CT_PLAN_STRING_MAX * 6 +
			strlen("\"arguments\":[{\"name\":\"x\",\"type\":\"T\",\"value\":\"\"}],"));
}

static void functions_without_a_name_have_their_address(void **state)
{
	(void)state;
	SAMPLE(s);
	ADD_VALUE(&s, an_address);
	put_of(&s.nodes, CT_NODE_BLOCK, 0);
	put_at(&s.nodes, CT_NODE_FUNCTION, 0);
	assert_argument(&s, "\"0x7ffe1234\",\"symbol\":null");
}

static void references_show_what_they_refer_to(void **state)
{
	(void)state;
	for (int readable = 0; readable < 2; readable++) {
		SAMPLE(s);
		const int16_t target = -7;
		ADD_VALUE(&s, an_address);
		add_memory(&s, readable ? CT_PLAN_OK : CT_PLAN_UNREADABLE, &target, sizeof(target));
		put_of(&s.nodes, CT_NODE_BLOCK, 0);
		put_at(&s.nodes, CT_NODE_REFERENCE, 0);
		put_u8(&s.nodes, 1);
		put_scalar(&s.nodes, CT_NODE_SIGNED, 0, 2);
		if (readable)
			assert_argument(&s, "-7,\"address\":\"0x7ffe1234\"");
		else
			assert_argument(&s,
					"null,\"address\":\"0x7ffe1234\",\"why\":\"unreadable\"");
	}
}

/* --- aggregates --- */

static void begin_members(struct sample *sample, enum ct_node_kind kind, unsigned int count)
{
	put_u8(&sample->nodes, kind);
	put_u16(&sample->nodes, count);
}

static void put_member(struct sample *sample, const char *name, unsigned int offset)
{
	put_text(&sample->nodes, name);
	put_scalar(&sample->nodes, CT_NODE_UNSIGNED, offset, 1);
}

static void structs_are_objects_of_their_members(void **state)
{
	(void)state;
	SAMPLE(s);
	add_bytes(&s, "\1\2\3\4\5", 5);
	put_of(&s.nodes, CT_NODE_BLOCK, 0);
	begin_members(&s, CT_NODE_STRUCT, 4);
	put_member(&s, "a", 0);
	put_text(&s.nodes, "inner");
	put_at(&s.nodes, CT_NODE_AT, 1);
	begin_members(&s, CT_NODE_UNION, 2);
	put_member(&s, "one", 0);
	put_member(&s, "two", 1);
	put_text(&s.nodes, "gone");
	put_of(&s.nodes, CT_NODE_ABSENT, CT_WHY_OPTIMIZED_OUT);
	put_member(&s, "beyond", 5);
	assert_argument(&s, "{\"a\":1,\"inner\":{\"one\":2,\"two\":3},"
			    "\"gone\":{\"value\":null,\"why\":\"optimized out\"},"
			    "\"beyond\":{\"value\":null,\"why\":\"unreadable\"}}");
}

static void members_of_unnamed_members_are_the_parents(void **state)
{
	(void)state;
	SAMPLE(s);
	add_bytes(&s, "\1\2\3\4", 4);
	put_of(&s.nodes, CT_NODE_BLOCK, 0);
	begin_members(&s, CT_NODE_STRUCT, 4);
	put_text(&s.nodes, "");
	put_at(&s.nodes, CT_NODE_AT, 1);
	begin_members(&s, CT_NODE_UNION, 2);
	put_member(&s, "x", 0);
	put_text(&s.nodes, "");
	begin_members(&s, CT_NODE_STRUCT, 1);
	put_member(&s, "y", 1);
	put_member(&s, "x", 3);
	put_member(&s, "x", 0);
	put_member(&s, "", 2);
	assert_argument(&s, "{\"x\":2,\"y\":3,\"x#2\":4,\"x#3\":1,\"\":3}");
}

static void empty_struct_is_an_empty_object(void **state)
{
	(void)state;
	SAMPLE(s);
	put_u8(&s.nodes, CT_NODE_CONSTANT);
	put_u16(&s.nodes, 0);
	begin_members(&s, CT_NODE_STRUCT, 0);
	s.has_payload = false;
	assert_argument(&s, "{}");
}

static void put_array(struct sample *sample, unsigned int stride, uint32_t elements, uint32_t shown)
{
	put_at(&sample->nodes, CT_NODE_ARRAY, 1);
	put_u16(&sample->nodes, stride);
	put_u32(&sample->nodes, elements);
	put_u32(&sample->nodes, shown);
}

static void arrays_tell_when_they_are_cut(void **state)
{
	(void)state;
	static const struct {
		uint32_t elements, shown;
		const char *expected;
	} arrays[] = {
		{2, 2, "[513,1027]"},
		{9, 2, "[513,1027],\"length\":9"},
		{9, 3, "[513,1027,{\"value\":null,\"why\":\"unreadable\"}],\"length\":9"},
		{0, 0, "[]"},
	};
	for (size_t i = 0; i < 4; i++) {
		SAMPLE(s);
		ct_cleanup(deinit_sink) struct text_sink shown;
		add_bytes(&s, "\0\1\2\3\4\5", 6);
		put_of(&s.nodes, CT_NODE_BLOCK, 0);
		put_array(&s, 2, arrays[i].elements, arrays[i].shown);
		put_scalar(&s.nodes, CT_NODE_UNSIGNED, 0, 2);
		init_sink(&shown);
		show(&s, false, &shown);
		char expected[200];
		snprintf(expected, sizeof(expected),
			 "\"arguments\":[{\"name\":\"x\",\"type\":\"T\",\"value\":%s}],",
			 arrays[i].expected);
		assert_string_equal(sink_text(&shown), expected);
	}
}

static void arrays_of_char_end_at_their_nul(void **state)
{
	(void)state;
	static const struct {
		uint32_t elements, there;
		const char *expected;
	} arrays[] = {
		{9, 9, "\"abc\""},
		{3, 3, "\"abc\""},
		{9, 2, "\"ab\",\"truncated\":true"},
		{20, 20, "null,\"why\":\"unreadable\""},
	};
	for (size_t i = 0; i < 4; i++) {
		SAMPLE(s);
		ct_cleanup(deinit_sink) struct text_sink shown;
		add_bytes(&s, "abc\0xxxxx", 9);
		put_of(&s.nodes, CT_NODE_BLOCK, 0);
		put_at(&s.nodes, CT_NODE_CHARS, 0);
		put_u32(&s.nodes, arrays[i].elements);
		put_u32(&s.nodes, arrays[i].there);
		init_sink(&shown);
		show(&s, false, &shown);
		char expected[200];
		snprintf(expected, sizeof(expected),
			 "\"arguments\":[{\"name\":\"x\",\"type\":\"T\",\"value\":%s}],",
			 arrays[i].expected);
		assert_string_equal(sink_text(&shown), expected);
	}
}

static void sequences_have_size_and_first_elements(void **state)
{
	(void)state;
	for (unsigned int status = CT_PLAN_OK; status <= CT_PLAN_UNREADABLE; status++) {
		SAMPLE(s);
		add_op(&s, CT_PLAN_APPEND_SEQUENCE, 2)->operand = 2;
		put_u8(&s.payload, status);
		if (status == CT_PLAN_OK) {
			put_u32(&s.payload, 1000);
			trace_records_bytes(&s.payload, "\1\0\2\0", 4);
		}
		put_of(&s.nodes, CT_NODE_SEQUENCE, 0);
		put_u16(&s.nodes, 2);
		put_scalar(&s.nodes, CT_NODE_SIGNED, 0, 2);
		if (status == CT_PLAN_OK)
			assert_argument(&s, "{\"size\":1000,\"elements\":[1,2]}");
		else if (status == CT_PLAN_NULL)
			assert_argument(&s, "{\"size\":0,\"elements\":[]}");
		else
			assert_argument(&s, "null,\"why\":\"unreadable\"");
	}
}

static void elements_may_have_nodes_of_their_own(void **state)
{
	(void)state;
	SAMPLE(s);
	add_bytes(&s, "\0\0\0\0\0\0\0\0\7", 9);
	add_string(&s, "one", 0);
	put_of(&s.nodes, CT_NODE_BLOCK, 0);
	put_u8(&s.nodes, CT_NODE_LIST);
	put_u32(&s.nodes, 3);
	put_u8(&s.nodes, 2);
	put_at(&s.nodes, CT_NODE_STRING, 0);
	put_u8(&s.nodes, 1);
	put_scalar(&s.nodes, CT_NODE_SIGNED, 8, 1);
	assert_argument(&s, "[\"one\",7],\"length\":3");
}

static void elements_of_sequences_may_too(void **state)
{
	(void)state;
	for (uint32_t count = 0; count < 4; count++) {
		SAMPLE(s);
		add_op(&s, CT_PLAN_APPEND_SEQUENCE, 8)->operand = 2;
		put_u8(&s.payload, CT_PLAN_OK);
		put_u32(&s.payload, count);
		trace_records_bytes(&s.payload, "\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0",
				    count < 2 ? count * 8 : 16);
		if (count > 0)
			add_string(&s, "one", 0);
		else
			add_string(&s, "", CT_PLAN_STRING_UNREADABLE);
		put_of(&s.nodes, CT_NODE_SEQUENCE_LIST, 0);
		put_u16(&s.nodes, 8);
		put_u8(&s.nodes, 2);
		put_at(&s.nodes, CT_NODE_STRING, 0);
		put_u8(&s.nodes, 1);
		put_scalar(&s.nodes, CT_NODE_SIGNED, 8, 8);
		if (count == 0)
			assert_argument(&s, "{\"size\":0,\"elements\":[]}");
		else if (count == 1)
			assert_argument(&s, "{\"size\":1,\"elements\":[\"one\"]}");
		else if (count == 2)
			assert_argument(&s, "{\"size\":2,\"elements\":[\"one\",2]}");
		else
			assert_argument(&s, "{\"size\":3,\"elements\":[\"one\",2]}");
	}
}

static void library_strings_are_text(void **state)
{
	(void)state;
	SAMPLE(s);
	add_string(&s, "abc", CT_PLAN_STRING_TRUNCATED);
	put_of(&s.nodes, CT_NODE_TEXT, 0);
	assert_argument(&s, "\"abc\",\"truncated\":true");
	SAMPLE(bad);
	add_string(&bad, "", CT_PLAN_STRING_UNREADABLE);
	put_of(&bad.nodes, CT_NODE_TEXT, 0);
	assert_argument(&bad, "null,\"why\":\"unreadable\"");
}

/* An object of 24 bytes, and perhaps the text that is elsewhere. */
static void put_short_text(struct sample *sample, const char object[25], bool has_block,
			   unsigned int there)
{
	add_bytes(sample, object, 24);
	if (has_block)
		add_string(sample, "long", 0);
	put_of(&sample->nodes, CT_NODE_BLOCK, 0);
	put_at(&sample->nodes, CT_NODE_SHORT_TEXT, 0);
	put_u8(&sample->nodes, there);
	put_u8(&sample->nodes, has_block ? 1 : 0xff);
}

static void short_texts_are_in_the_object(void **state)
{
	(void)state;
	SAMPLE(s);
	put_short_text(&s, "\6abcdefghijklmnopqrstuvw", true, 22);
	assert_argument(&s, "\"abc\"");
	SAMPLE(flat);
	put_short_text(&flat, "\6abcdefghijklmnopqrstuvw", false, 22);
	assert_argument(&flat, "\"abc\"");
	SAMPLE(cut);
	put_short_text(&cut, "\6abcdefghijklmnopqrstuvw", true, 2);
	assert_argument(&cut, "\"ab\",\"truncated\":true");
	SAMPLE(empty);
	put_short_text(&empty, "\0abcdefghijklmnopqrstuvw", true, 22);
	assert_argument(&empty, "\"\"");
	SAMPLE(longest);
	put_short_text(&longest, "\54abcdefghijklmnopqrstuvw", true, 22);
	assert_argument(&longest, "\"abcdefghijklmnopqrstuv\"");
	SAMPLE(none);
	put_short_text(&none, "\56abcdefghijklmnopqrstuvw", true, 22);
	assert_argument(&none, "null,\"why\":\"unreadable\"");
}

static void longer_texts_are_elsewhere(void **state)
{
	(void)state;
	SAMPLE(s);
	put_short_text(&s, "\1abcdefghijklmnopqrstuvw", true, 22);
	assert_argument(&s, "\"long\"");
	SAMPLE(flat);
	put_short_text(&flat, "\1abcdefghijklmnopqrstuvw", false, 22);
	assert_argument(&flat, "null,\"why\":\"left out\"");
}

static void opaque_bytes_are_hexadecimal(void **state)
{
	(void)state;
	SAMPLE(s);
	add_bytes(&s, "\x01\xab", 2);
	put_of(&s.nodes, CT_NODE_BLOCK, 0);
	put_at(&s.nodes, CT_NODE_OPAQUE, 0);
	put_u16(&s.nodes, 2);
	assert_argument(&s, "\"01ab\"");
}

/* --- where values come from --- */

static void put_piece(struct sample *sample, unsigned int at, unsigned int size, unsigned int block,
		      unsigned int offset)
{
	put_u16(&sample->nodes, at);
	put_u16(&sample->nodes, size);
	put_u8(&sample->nodes, block);
	put_u16(&sample->nodes, offset);
}

static void pieces_are_put_together_and_gaps_are_told(void **state)
{
	(void)state;
	SAMPLE(s);
	add_bytes(&s, "\1\2\3\4", 4);
	add_memory(&s, CT_PLAN_UNREADABLE, NULL, 1);
	put_u8(&s.nodes, CT_NODE_PIECES);
	put_u16(&s.nodes, 5);
	put_u8(&s.nodes, 3);
	put_piece(&s, 0, 2, 0, 2);
	put_piece(&s, 2, 1, 0xff, 0);
	put_piece(&s, 3, 1, 1, 0);
	begin_members(&s, CT_NODE_STRUCT, 4);
	put_member(&s, "a", 1);
	put_member(&s, "b", 2);
	put_member(&s, "c", 3);
	put_member(&s, "d", 4);
	assert_argument(&s, "{\"a\":4,\"b\":{\"value\":null,\"why\":\"optimized out\"},"
			    "\"c\":{\"value\":null,\"why\":\"unreadable\"},"
			    "\"d\":{\"value\":null,\"why\":\"optimized out\"}}");
}

static void put_constant(struct sample *sample)
{
	put_u8(&sample->nodes, CT_NODE_CONSTANT);
	put_u16(&sample->nodes, 4);
	put_u32(&sample->nodes, 77);
	put_scalar(&sample->nodes, CT_NODE_SIGNED, 0, 4);
}

static void constants_need_no_payload(void **state)
{
	(void)state;
	SAMPLE(s);
	put_constant(&s);
	s.has_payload = false;
	assert_argument(&s, "77");
	assert_result(&s, "77");
}

static void absent_values_say_why(void **state)
{
	static const char *const words[] = {
		"",	      "optimized out", "entry value", "no debug info", "plan unsure",
		"unreadable", "inlined"};
	(void)state;
	for (unsigned int why = CT_WHY_OPTIMIZED_OUT; why <= CT_WHY_INLINED; why++) {
		SAMPLE(s);
		ct_cleanup(deinit_sink) struct text_sink shown;
		put_of(&s.nodes, CT_NODE_ABSENT, why);
		s.has_payload = false;
		init_sink(&shown);
		show(&s, true, &shown);
		char expected[200];
		snprintf(expected, sizeof(expected),
			 ",\"return_value\":{\"type\":\"T\",\"value\":null,\"why\":\"%s\"}",
			 words[why]);
		assert_string_equal(sink_text(&shown), expected);
	}
}

static void returns_without_payload_are_unsure(void **state)
{
	(void)state;
	SAMPLE(s);
	const int32_t number = 5;
	ADD_VALUE(&s, number);
	put_of(&s.nodes, CT_NODE_BLOCK, 0);
	put_scalar(&s.nodes, CT_NODE_SIGNED, 0, 4);
	assert_result(&s, "5");
	s.has_payload = false;
	assert_result(&s, "null,\"why\":\"plan unsure\"");
}

static void short_payload_is_unreadable(void **state)
{
	(void)state;
	SAMPLE(s);
	const int32_t number = 5;
	ADD_VALUE(&s, number);
	s.payload.length--;
	put_of(&s.nodes, CT_NODE_BLOCK, 0);
	put_scalar(&s.nodes, CT_NODE_SIGNED, 0, 4);
	assert_argument(&s, "null,\"why\":\"unreadable\"");
	assert_result(&s, "null,\"why\":\"unreadable\"");
}

static void pretty_form_has_a_line_for_each_argument(void **state)
{
	(void)state;
	SAMPLE(s);
	ct_cleanup(deinit_sink) struct text_sink shown;
	s.pretty = true;
	s.has_payload = false;
	put_constant(&s);
	init_sink(&shown);
	show(&s, false, &shown);
	assert_string_equal(sink_text(&shown),
			    "\n    \"arguments\": [\n      {\"name\": \"x\", \"type\": \"T\", "
			    "\"value\": 77}\n    ],");
	deinit_sink(&shown);
	init_sink(&shown);
	show(&s, true, &shown);
	assert_string_equal(sink_text(&shown),
			    ",\n    \"return_value\": {\"type\": \"T\", \"value\": 77}");
}

/* --- descriptions that are none --- */

static void broken_descriptions_are_unsure(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
	} broken[] = {
		{"", 0},
		{"\x63", 1},				/* no such node */
		{"\x01\x07\x04\0\0\x04", 6},		/* no such block */
		{"\x01\x00\x04\0\0\x03", 6},		/* 3 bytes */
		{"\x01\x00\x04\0", 4},			/* cut */
		{"\x00\x63", 2},			/* no such reason */
		{"\x14\x00", 2},			/* a text of plain bytes */
		{"\x15\x00\x01\x00\x04\0\0\1", 8},	/* a sequence of plain bytes */
		{"\x1b\x00\x01\x00\x00", 5},		/* the same, with nodes for each */
		{"\x01\x00\x1a\1\0\0\0\2\0\1\0\1", 12}, /* more elements than there are */
		{"\x01\x00\x1a\xff\0\0\0\xff\0\1", 10}, /* elements that are not there */
		{"\x01\x00\x10\xff\xff", 5},		/* members that are not there */
		{"\x01\x00\x0a\0\0\x04\x01\xff\xff", 9},
		{"\x01\x00\x0b\0\0\0\0\x41\0\x04\0\0\x08", 13},	    /* 65 bits */
		{"\x01\x00\x0b\0\0\0\0\x04\0\x10\0\0", 12},	    /* bits of a struct */
		{"\x01\x00\x03\0\0\0\x04\0\0\x01", 10},		    /* pieces inside */
		{"\x03\x04\0\x01\x02\0\x03\0\0\0\0\x04\0\0\1", 15}, /* a piece beyond the whole */
		{"\x02\x10\0\x04", 4},
		{"\x01\x00\x12\0\0\1\0\1\0\0\0\2\0\0\0\x04\0\0\1", 19}, /* more shown than there */
	};
	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		SAMPLE(s);
		ct_cleanup(deinit_sink) struct text_sink shown;
		const int32_t number = 5;
		ADD_VALUE(&s, number);
		trace_records_bytes(&s.nodes, broken[i].bytes, broken[i].length);
		init_sink(&shown);
		show(&s, true, &shown);
		assert_string_equal(
			sink_text(&shown),
			",\"return_value\":{\"type\":null,\"value\":null,\"why\":\"plan unsure\"}");
		show(&s, false, &shown);
		assert_true(shown.sink.at == shown.memory); /* nothing at all */
	}
}

static void too_deep_descriptions_are_unsure(void **state)
{
	(void)state;
	for (int depth = 20; depth < 40; depth++) {
		SAMPLE(s);
		ct_cleanup(deinit_sink) struct text_sink shown;
		const int32_t number = 5;
		ADD_VALUE(&s, number);
		put_of(&s.nodes, CT_NODE_BLOCK, 0);
		for (int i = 2; i < depth; i++)
			put_at(&s.nodes, CT_NODE_AT, 0);
		put_scalar(&s.nodes, CT_NODE_SIGNED, 0, 4);
		init_sink(&shown);
		show(&s, true, &shown);
		bool good = strstr(sink_text(&shown), "\"value\":5");
		assert_int_equal(good, depth <= CT_PLAN_NESTING_MAX);
	}
}

/* The same byte, over and over: elements in elements. */
static void hostile_description_does_not_flood(void **state)
{
	(void)state;
	SAMPLE(s);
	ct_cleanup(deinit_sink) struct text_sink shown;
	unsigned char bytes[4096] = {0};
	ADD_VALUE(&s, bytes);
	put_of(&s.nodes, CT_NODE_BLOCK, 0);
	for (int i = 0; i < 8; i++)
		put_array(&s, 0, 1000, 1000);
	begin_members(&s, CT_NODE_STRUCT, 2000);
	for (int i = 0; i < 2000; i++)
		put_member(&s, "m", 0);
	init_sink(&shown);
	show(&s, false, &shown);
	assert_true(strlen(sink_text(&shown)) < 100000000);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(integers_are_numbers_up_to_2_to_the_53),
	cmocka_unit_test(integers_of_128_bits_lose_no_digit),
	cmocka_unit_test(bools_are_true_and_false_and_what_else_is_there),
	cmocka_unit_test(characters_are_strings_of_one),
	cmocka_unit_test(floats_have_as_few_digits_as_tell_them),
	cmocka_unit_test(zero_below_zero_is_no_whole_number),
	cmocka_unit_test(floats_read_back_as_they_were),
	cmocka_unit_test(long_doubles_keep_all_their_digits),
	cmocka_unit_test(complex_numbers_have_two_parts),
	cmocka_unit_test(enums_have_name_and_number),
	cmocka_unit_test(bit_fields_are_extended),
	cmocka_unit_test(pointers_are_addresses),
	cmocka_unit_test(followed_pointers_show_what_they_lead_to),
	cmocka_unit_test(strings_are_text),
	cmocka_unit_test(bytes_that_are_no_utf8_are_escaped_without_loss),
	cmocka_unit_test(character_cut_by_the_limit_is_left_out),
	cmocka_unit_test(longest_string_fits),
	cmocka_unit_test(functions_without_a_name_have_their_address),
	cmocka_unit_test(references_show_what_they_refer_to),
	cmocka_unit_test(structs_are_objects_of_their_members),
	cmocka_unit_test(members_of_unnamed_members_are_the_parents),
	cmocka_unit_test(empty_struct_is_an_empty_object),
	cmocka_unit_test(arrays_tell_when_they_are_cut),
	cmocka_unit_test(arrays_of_char_end_at_their_nul),
	cmocka_unit_test(sequences_have_size_and_first_elements),
	cmocka_unit_test(elements_may_have_nodes_of_their_own),
	cmocka_unit_test(elements_of_sequences_may_too),
	cmocka_unit_test(library_strings_are_text),
	cmocka_unit_test(short_texts_are_in_the_object),
	cmocka_unit_test(longer_texts_are_elsewhere),
	cmocka_unit_test(opaque_bytes_are_hexadecimal),
	cmocka_unit_test(pieces_are_put_together_and_gaps_are_told),
	cmocka_unit_test(constants_need_no_payload),
	cmocka_unit_test(absent_values_say_why),
	cmocka_unit_test(returns_without_payload_are_unsure),
	cmocka_unit_test(short_payload_is_unreadable),
	cmocka_unit_test(pretty_form_has_a_line_for_each_argument),
	cmocka_unit_test(broken_descriptions_are_unsure),
	cmocka_unit_test(too_deep_descriptions_are_unsure),
	cmocka_unit_test(hostile_description_does_not_flood),
};

UNIT_TEST_MAIN(tests)
