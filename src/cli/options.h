/* SPDX-License-Identifier: MIT */
/*
 * A command's options as tables: read from the command line by them, and
 * printed as help, manual page and shell completion from them.
 */
#ifndef CT_CLI_OPTIONS_H
#define CT_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

/* What an option sets, in the struct its group is read into. */
enum ct_option_kind {
	CT_OPTION_FLAG = 1, /* bool: true */
	CT_OPTION_TEXT,	    /* const char * */
	CT_OPTION_LIST,	    /* struct ct_text_list: may come more than once */
	CT_OPTION_OPTIONAL, /* const char *: --name=VALUE, or "" for --name alone */
	CT_OPTION_NUMBER,   /* uint64_t, from `low` to `high` */
	CT_OPTION_REAL,	    /* double, from 0 to `high` */
	CT_OPTION_PERCENT,  /* the same; "5%" is 5 */
	CT_OPTION_TIME,	    /* uint64_t, ns: "10us", "1.5s" */
	CT_OPTION_CHOICE,   /* unsigned int: index of one of `choices` */
};

struct ct_option {
	enum ct_option_kind kind;
	char letter;	     /* 0: none */
	const char *name;    /* without the dashes */
	const char *value;   /* what stands for its value in help: "N" */
	const char *help;    /* sentences; wrapped when they are printed; NULL: not in help */
	size_t offset;	     /* of what it sets */
	uint64_t low, high;  /* of NUMBER; both 0: any; of a TEXT: it is such a number */
	const char *choices; /* of CHOICE: "nested|flat", and of a TEXT that is one of some; of
			      * other TEXTs and LISTs what completion offers: "file",
			      * "directory", or NULL */
};

enum { CT_TEXT_LIST_MAX = 64 };
struct ct_text_list {
	const char *texts[CT_TEXT_LIST_MAX];
	size_t count;
};

/* Options that several commands share are a group of their own. */
struct ct_option_group {
	const char *title; /* NULL: the command's own */
	const struct ct_option *options;
	size_t count;
};

/* The options of a group that is read now, and where they go. */
struct ct_option_target {
	const struct ct_option_group *group;
	void *values; /* holds the defaults */
};

/*
 * Read argv[1] and further; argv[0] is the command's name. Operands are moved
 * to the front of argv[1]... in their order, and counted. `--` ends options; with
 * `stops_at_operand` the first operand does, too, for programs with arguments of
 * their own. Strings stay argv's.
 */
struct ct_error *ct_options_read(int argc, char **argv, const struct ct_option_target *targets,
				 size_t target_count, bool stops_at_operand, int *ret_operands)
	__attribute__((warn_unused_result));

/* The one operand there must be: argv[1], of `operands`. */
struct ct_error *ct_options_one(char **argv, int operands, const char *what, const char **ret)
	__attribute__((warn_unused_result));

/* The groups' help, as in `calltrace help`, 80 columns wide. */
void ct_options_print(FILE *to, const struct ct_option_group *const *groups, size_t count);
/* Text in lines of at most `columns`, each after the first line indented by `indent`. */
void ct_options_wrap(FILE *to, const char *text, unsigned int column, unsigned int indent,
		     unsigned int columns);

#endif
