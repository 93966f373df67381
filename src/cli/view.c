/* SPDX-License-Identifier: MIT */
/* Commands that show calls: see view.h. */
#include "cli/view.h"

#include <inttypes.h>

#include "cli/term.h"

struct ct_error *ct_view_read(struct ct_view *view, int argc, char **argv,
			      const struct ct_option_group *own_group, void *own_options,
			      int *ret_operands)
{
	const struct ct_option_target targets[] = {{own_group, own_options},
						   {&ct_input_group, &view->inputs},
						   {&ct_page_group, &view->page}};
	return ct_options_read(argc, argv, targets, sizeof(targets) / sizeof(targets[0]), false,
			       ret_operands);
}

enum ct_exit ct_view_show(struct ct_view *view, char **operands, int operand_count,
			  struct ct_error *(*show)(void *state, const struct ct_view *view),
			  void *state, struct ct_error **err)
{
	enum ct_exit status = CT_EXIT_FAILURE;
	*err = ct_inputs_open(&view->inputs, operands, operand_count, &view->session,
			      &view->selection);
	if (!*err) {
		ct_page_begin(&view->page);
		*err = show(state, view);
		status = ct_page_end(err);
	}
	ct_selection_destroy(view->selection);
	ct_session_destroy(view->session);
	return status;
}

static void put_if_known(const char *key, const char *text)
{
	if (text[0])
		ct_json_put_string(ct_page_json(), key, text);
	else
		ct_json_put_null(ct_page_json(), key);
}

void ct_view_put_function(const struct ct_session *session, uint32_t function)
{
	ct_json_put_string(ct_page_json(), "function", session->functions[function].name);
	put_if_known("module", session->functions[function].module);
}

void ct_view_tell_lost(uint64_t lost_events)
{
	/* What damage leaves out counts as one, however much it was. */
	if (lost_events)
		ct_term_say("%" PRIu64 " event%s or more are missing: they were lost while "
			    "recording, or the trace was cut short or damaged",
			    lost_events, lost_events == 1 ? "" : "s");
}
