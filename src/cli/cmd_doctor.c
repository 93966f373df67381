/* SPDX-License-Identifier: MIT */
/* calltrace doctor: what stands in the way of a good trace, and how to mend it. */
#include "cli/command.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "cli/doctor.h"
#include "cli/options.h"
#include "cli/page.h"

struct doctor_options {
	const char *output;
	bool make_calls;
};

#define OFFSET(member) offsetof(struct doctor_options, member)
static const struct ct_option options_table[] = {
	{.kind = CT_OPTION_TEXT,
	 .letter = 'o',
	 .name = "output",
	 .value = "FOLDER",
	 .choices = "directory",
	 .help = "where traces are to go; default: the current folder",
	 .offset = OFFSET(output)},
	/* What the doctor itself runs to have something to record. */
	{.kind = CT_OPTION_FLAG, .name = "make-calls", .offset = OFFSET(make_calls)},
};
static const struct ct_option_group own_group = {
	.options = options_table,
	.count = sizeof(options_table) / sizeof(options_table[0]),
};
static const struct ct_option_group *const groups[] = {&own_group, &ct_page_group};

static void print_sum(const struct ct_findings *findings)
{
	size_t problems = 0;
	for (size_t i = 0; i < findings->count; i++)
		problems += findings->rows[i].mark == CT_MARK_PROBLEM;
	if (problems)
		printf("\n%s%zu problem%s in the way of a trace.%s\n", ct_page_style(CT_STYLE_BAD),
		       problems, problems == 1 ? " is" : "s are", ct_page_style(CT_STYLE_PLAIN));
	else
		printf("\n%sNothing stands in the way of a trace.%s\n",
		       ct_page_style(CT_STYLE_GOOD), ct_page_style(CT_STYLE_PLAIN));
}

static void print(const struct ct_findings *findings, const char *program)
{
	struct ct_json_writer *writer = ct_page_json();
	if (!ct_page_is_json()) {
		ct_findings_print(findings);
		print_sum(findings);
		return;
	}
	ct_json_begin(writer, NULL, '{');
	if (program)
		ct_json_put_string(writer, "program", program);
	else
		ct_json_put_null(writer, "program");
	ct_json_put_bool(writer, "can_trace", !ct_findings_problem(findings));
	ct_findings_print(findings);
	ct_json_end(writer, '}');
	ct_json_newline(writer->sink, 0);
}

static enum ct_exit run(int argc, char **argv, struct ct_error **err)
{
	struct doctor_options options = {0};
	struct ct_page_options page_options = {0};
	const struct ct_option_target targets[] = {{&own_group, &options},
						   {&ct_page_group, &page_options}};
	ct_cleanup(ct_findings_deinit) struct ct_findings findings = {0};
	const char *program = NULL;
	int operands;
	*err = ct_options_read(argc, argv, targets, 2, false, &operands);
	if (!*err && operands > 0)
		*err = ct_options_one(argv, operands, "a program", &program);
	if (*err)
		return CT_EXIT_USAGE;
	if (options.make_calls) {
		ct_doctor_make_calls();
		return CT_EXIT_OK;
	}
	if (program)
		*err = ct_doctor_program(program, &findings);
	if (!*err)
		*err = ct_doctor_machine(options.output ? options.output : ".", &findings);
	if (*err)
		return CT_EXIT_FAILURE;
	ct_page_begin(&page_options);
	print(&findings, program);
	enum ct_exit status = ct_page_end(err);
	return status == CT_EXIT_OK && ct_findings_problem(&findings) ? CT_EXIT_FAILURE : status;
}

const struct ct_command ct_command_doctor = {
	.name = "doctor",
	.run = run,
	.summary = "what stands in the way of a good trace, and how to mend it",
	.synopsis = "[PROGRAM] [OPTION]...",
	.description =
		"Looks at PROGRAM, without running it: is it instrumented, and which of its functions "
		"are not; can the library be preloaded into it; are there symbols and debug "
		"information. And at the machine: command and library, settings in the environment, "
		"clock, room and limits; a trial is recorded in the folder where traces are to go, and "
		"removed. Each finding is ok, a note, or a problem, with what to do about it. The exit "
		"status is 1 when there is a problem.",
	.groups = groups,
	.group_count = sizeof(groups) / sizeof(groups[0]),
	.takes_program = true,
};
