/* SPDX-License-Identifier: MIT */
/* What most commands have in common: which traces, and which of their calls. */
#ifndef CT_CLI_INPUTS_H
#define CT_CLI_INPUTS_H

#include "analysis/selection.h"
#include "analysis/session.h"
#include "cli/options.h"

/* Where `calltrace record` leaves traces, and other commands look for them. */
#define CT_DEFAULT_FOLDER "calltrace.data"

struct ct_input_options {
	struct ct_text_list functions, excluded, inside, outside, where, threads, processes;
	const char *time;
	uint64_t min_duration_ns;
	uint64_t max_depth;
	bool live;
	bool has_sides; /* no option: operands are compared with each other */
};
extern const struct ct_option_group ct_input_group;

/* The operands, or CT_DEFAULT_FOLDER where there are none. */
struct ct_error *ct_inputs_paths(char **operands, int operand_count, const char *const **ret,
				 size_t *ret_count) __attribute__((warn_unused_result));

/* Open the operands, or CT_DEFAULT_FOLDER where there are none; and make the selection. */
struct ct_error *ct_inputs_open(const struct ct_input_options *options, char **operands,
				int operand_count, struct ct_session **ret_session,
				struct ct_selection **ret_selection)
	__attribute__((warn_unused_result));

/* The selection that the options make. Strings are theirs. */
struct ct_selection_options ct_inputs_selection(const struct ct_input_options *options);

void ct_inputs_session_cleanup(struct ct_session **session);
void ct_inputs_selection_cleanup(struct ct_selection **selection);

#endif
