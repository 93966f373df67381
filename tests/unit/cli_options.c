/* SPDX-License-Identifier: MIT */
/* Options read by tables: each kind and spelling, operands, and what is wrong. */
#include "unit_test.h"

#include "cli/options.h"

struct values {
	bool flag, other;
	const char *text;
	struct ct_text_list list;
	uint64_t number, time;
	unsigned int choice;
};

static const struct ct_option options[] = {
	{.kind = CT_OPTION_FLAG,
	 .letter = 'f',
	 .name = "flag",
	 .offset = offsetof(struct values, flag)},
	{.kind = CT_OPTION_FLAG,
	 .letter = 'g',
	 .name = "flagged",
	 .offset = offsetof(struct values, other)},
	{.kind = CT_OPTION_TEXT,
	 .letter = 't',
	 .name = "text",
	 .value = "T",
	 .offset = offsetof(struct values, text)},
	{.kind = CT_OPTION_LIST,
	 .letter = 'l',
	 .name = "list",
	 .value = "L",
	 .offset = offsetof(struct values, list)},
	{.kind = CT_OPTION_NUMBER,
	 .letter = 'n',
	 .name = "number",
	 .value = "N",
	 .offset = offsetof(struct values, number)},
	{.kind = CT_OPTION_TIME,
	 .name = "time",
	 .value = "T",
	 .offset = offsetof(struct values, time)},
	{.kind = CT_OPTION_CHOICE,
	 .name = "choice",
	 .value = "C",
	 .choices = "one|two|three",
	 .offset = offsetof(struct values, choice)},
};
static const struct ct_option_group group = {.options = options,
					     .count = sizeof(options) / sizeof(options[0])};

enum { MOST_WORDS = 80 };

/* The words of a line, as argv. */
struct line {
	char text[512];
	char *argv[MOST_WORDS + 1];
	int argc;
	int operands;
	struct values values;
};

static struct ct_error *read_line(struct line *line, const char *text, bool stops)
{
	const struct ct_option_target target = {&group, &line->values};
	*line = (struct line){.argc = 0};
	strncpy(line->text, text, sizeof(line->text) - 1);
	for (char *at = strtok(line->text, " "); at; at = strtok(NULL, " "))
		line->argv[line->argc++] = at;
	return ct_options_read(line->argc, line->argv, &target, 1, stops, &line->operands);
}

static void each_kind_is_read(void **state)
{
	(void)state;
	struct line line;
	assert_no_error(read_line(&line,
				  "do --flag --text=a --list b -l c --number 7 --time 1.5ms "
				  "--choice two x y",
				  false));
	assert_true(line.values.flag);
	assert_false(line.values.other);
	assert_string_equal(line.values.text, "a");
	assert_int_equal(line.values.list.count, 2);
	assert_string_equal(line.values.list.texts[0], "b");
	assert_string_equal(line.values.list.texts[1], "c");
	assert_int_equal(line.values.number, 7);
	assert_int_equal(line.values.time, 1500000);
	assert_int_equal(line.values.choice, 1);
	assert_int_equal(line.operands, 2);
	assert_string_equal(line.argv[1], "x");
	assert_string_equal(line.argv[2], "y");
}

static void operands_come_anywhere_and_keep_their_order(void **state)
{
	(void)state;
	struct line line;
	assert_no_error(read_line(&line, "do x -f y --number 1 z - -- -f --no", false));
	static const char *const expected[] = {"x", "y", "z", "-", "-f", "--no"};
	assert_int_equal(line.operands, 6);
	for (int i = 0; i < 6; i++)
		assert_string_equal(line.argv[1 + i], expected[i]);
	assert_null(line.argv[7]);
	assert_true(line.values.flag);
}

static void a_program_keeps_its_own_options(void **state)
{
	(void)state;
	struct line line;
	assert_no_error(read_line(&line, "do -f prog -g --what", true));
	assert_int_equal(line.operands, 3);
	assert_string_equal(line.argv[1], "prog");
	assert_string_equal(line.argv[2], "-g");
	assert_false(line.values.other);
	assert_no_error(read_line(&line, "do -f -- -g", true));
	assert_int_equal(line.operands, 1);
	assert_string_equal(line.argv[1], "-g");
}

static void letters_go_together(void **state)
{
	(void)state;
	struct line line;
	assert_no_error(read_line(&line, "do -fgn12 -tword", false));
	assert_true(line.values.flag && line.values.other);
	assert_int_equal(line.values.number, 12);
	assert_string_equal(line.values.text, "word");
}

static void a_beginning_that_is_one_options_alone_will_do(void **state)
{
	(void)state;
	struct line line;
	assert_no_error(read_line(&line, "do --num=3 --flag", false));
	assert_int_equal(line.values.number, 3);
	assert_true(line.values.flag);
	assert_false(line.values.other);
}

static void what_is_wrong_is_said(void **state)
{
	static const char *const cases[][2] = {
		{"do --nothing", "do: '--nothing' is no option; see 'calltrace help do'"},
		{"do -z", "do: '-z' is no option; see 'calltrace help do'"},
		{"do --fla", "do: '--fla' may be several options; see 'calltrace help do'"},
		{"do --flag=1", "do: '--flag' takes no value; see 'calltrace help do'"},
		{"do --text", "do: '--text' needs a value; see 'calltrace help do'"},
		{"do -n", "do: '-n' needs a value; see 'calltrace help do'"},
		{"do -n 1x", "-n: '1x' is not a whole number"},
		{"do -n -1", "-n: '-1' is not a whole number"},
		{"do -n 99999999999999999999", "-n: '99999999999999999999' is not a whole number"},
		{"do --time soon", "--time: 'soon' is not a time such as 250us, 1.5ms or 2s"},
		{"do --choice four", "--choice: 'four' is not one of one|two|three"},
		{"do --choice thre", "--choice: 'thre' is not one of one|two|three"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct line line;
		struct ct_error *err = read_line(&line, cases[i][0], false);
		assert_non_null(err);
		assert_string_equal(err->message, cases[i][1]);
		ct_error_destroy(err);
	}
}

static void too_many_of_a_list_are_refused(void **state)
{
	(void)state;
	char text[512] = "do";
	struct line line;
	for (int i = 0; i <= CT_TEXT_LIST_MAX; i++)
		strcat(text, " -lx");
	struct ct_error *err = read_line(&line, text, false);
	assert_non_null(err);
	ct_error_destroy(err);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(each_kind_is_read),
	cmocka_unit_test(operands_come_anywhere_and_keep_their_order),
	cmocka_unit_test(a_program_keeps_its_own_options),
	cmocka_unit_test(letters_go_together),
	cmocka_unit_test(a_beginning_that_is_one_options_alone_will_do),
	cmocka_unit_test(what_is_wrong_is_said),
	cmocka_unit_test(too_many_of_a_list_are_refused),
};

UNIT_TEST_MAIN(tests)
