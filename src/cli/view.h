/* SPDX-License-Identifier: MIT */
/* Commands that show calls of traces: what they all read, open, and tell. */
#ifndef CT_CLI_VIEW_H
#define CT_CLI_VIEW_H

#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/page.h"

struct ct_view {
	struct ct_input_options inputs;
	struct ct_page_options page;
	struct ct_session *session;
	struct ct_selection *selection;
};

/* Read the command's own options, which of the calls, and how they are shown. */
struct ct_error *ct_view_read(struct ct_view *view, int argc, char **argv,
			      const struct ct_option_group *own_group, void *own_options,
			      int *ret_operands) __attribute__((warn_unused_result));

/* Open the traces, or CT_DEFAULT_FOLDER where there are none, and `show` their calls on a page.
 * The view is of no use afterwards. */
enum ct_exit ct_view_show(struct ct_view *view, char **operands, int operand_count,
			  struct ct_error *(*show)(void *state, const struct ct_view *view),
			  void *state, struct ct_error **err);

/* The members that say which function it is, in the object being written. */
void ct_view_put_function(const struct ct_session *session, uint32_t function);

/* What all of them have to tell, on standard error. */
void ct_view_tell_lost(uint64_t lost_events);

#endif
