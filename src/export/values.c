/* SPDX-License-Identifier: MIT */
/* A trace's plans, ready for the values of its calls: see values.h. */
#include "export/values.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "export/code_names.h"
#include "export/value_examine.h"
#include "export/value_plan.h"

void ct_values_destroy(struct ct_values *values)
{
	if (!values)
		return;
	if (!values->is_shared) {
		ct_value_plans_deinit(&values->plans);
		ct_code_names_destroy(values->code_names);
		free(values->plan_of_site);
	}
	free(values);
}

struct ct_values *ct_values_share(const struct ct_values *from)
{
	struct ct_values *values = malloc(sizeof(*values));
	if (!values)
		return NULL;
	/* What follows is only of use while a call is looked at. */
	memcpy(values, from, offsetof(struct ct_values, blocks));
	values->code_names = NULL;
	values->is_shared = true;
	return values;
}

static void values_cleanup(struct ct_values **values)
{
	ct_values_destroy(*values);
}

struct ct_error *ct_values_create(const struct ct_trace *trace, bool pretty, bool find_names,
				  struct ct_values **ret)
{
	*ret = NULL;
	if (ct_trace_plan_count(trace) == 0)
		return NULL;
	ct_cleanup(values_cleanup) struct ct_values *values = calloc(1, sizeof(*values));
	if (!values)
		return ct_error_nomem;
	values->pretty = pretty;
	values->site_count = ct_trace_site_count(trace) + 1;
	values->plan_of_site = calloc(values->site_count, sizeof(*values->plan_of_site));
	values->code_names = find_names ? ct_code_names_create(trace) : NULL;
	if (!values->plan_of_site || (find_names && !values->code_names))
		return ct_error_nomem;
	for (uint32_t site = 1; site < values->site_count; site++)
		values->plan_of_site[site] = ct_trace_plan_of(trace, site) + 1;
	struct ct_error *err = ct_value_plans_init(&values->plans, trace, pretty);
	if (err)
		return err;
	*ret = ct_take(values);
	return NULL;
}

void ct_values_limit_text(struct ct_values *values, size_t most)
{
	values->text_most = most;
}

unsigned int ct_values_levels(const struct ct_values *values)
{
	return values->plans.levels;
}
