/* SPDX-License-Identifier: MIT */
/* The commands of `calltrace`: one file and one line of the table in main.c each. */
#ifndef CT_CLI_COMMAND_H
#define CT_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "cli/options.h"

enum ct_exit {
	CT_EXIT_OK = 0,
	CT_EXIT_FAILURE = 1,
	CT_EXIT_USAGE = 2,
	CT_EXIT_TROUBLE = 2,   /* a failure, of commands whose answer 1 is */
	CT_EXIT_DAMAGED = 3,   /* done, with what could be read of a damaged trace */
	CT_EXIT_ABANDONED = 4, /* nobody reads the output: main() ends as SIGPIPE would */
};

struct ct_command {
	const char *name;
	/* argv[0] is the command's name. On failure `*err` says why; main() prints it, and exits
	 * with CT_EXIT_USAGE where it is one of the arguments. */
	enum ct_exit (*run)(int argc, char **argv, struct ct_error **err);
	bool owns_signals;   /* main() leaves them alone; `run` gives an exit status of any kind */
	const char *summary; /* of a few words */
	/* The rest is for `calltrace help NAME`, manual pages and completion. */
	const char *synopsis; /* behind "calltrace NAME " */
	const char *description;
	const char *exit_status; /* of those that have one of their own meaning; else NULL */
	/* A list behind the description; `list_item` is false behind its end. */
	const char *list_title; /* NULL: none */
	bool (*list_item)(size_t index, const char **ret_name, const char **ret_text,
			  const char **ret_extensions);
	const struct ct_option_group *const *groups;
	size_t group_count;
	bool takes_program; /* completion offers commands for its operand, as well as files */
};

extern const struct ct_command ct_command_json;
extern const struct ct_command ct_command_recover;
extern const struct ct_command ct_command_dump;
extern const struct ct_command ct_command_plan;
extern const struct ct_command ct_command_cc;
extern const struct ct_command ct_command_cxx;
extern const struct ct_command ct_command_top;
extern const struct ct_command ct_command_info;
extern const struct ct_command ct_command_doctor;
extern const struct ct_command ct_command_record;
extern const struct ct_command ct_command_report;
extern const struct ct_command ct_command_replay;
extern const struct ct_command ct_command_slow;
extern const struct ct_command ct_command_tree;
extern const struct ct_command ct_command_graph;
extern const struct ct_command ct_command_diff;
extern const struct ct_command ct_command_check;
extern const struct ct_command ct_command_export;
extern const struct ct_command ct_command_pack;
extern const struct ct_command ct_command_unpack;
extern const struct ct_command ct_command_merge;

#endif
