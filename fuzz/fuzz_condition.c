/* SPDX-License-Identifier: MIT */
/* Any text as a condition of --where. */
#include <stdlib.h>
#include <string.h>

#include "export/condition.h"
#include "fuzz_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	struct ct_condition *condition = NULL;
	char *text = malloc(size_bytes + 1);
	if (!text)
		abort();
	memcpy(text, bytes, size_bytes);
	text[size_bytes] = '\0';
	struct ct_error *err = ct_condition_parse(text, &condition);
	free(text); /* a condition keeps what it needs */
	for (size_t i = 0; !err && i < condition->term_count; i++) {
		const struct ct_term *term = &condition->terms[i];
		size_t length = term->place.argument ? strlen(term->place.argument) : 0;
		for (uint32_t j = 0; j < term->place.step_count; j++)
			length += term->place.steps[j].name ? strlen(term->place.steps[j].name) : 0;
		if (length + (term->text ? strlen(term->text) : 0) > size_bytes)
			abort();
	}
	ct_condition_destroy(condition);
	ct_error_destroy(err);
	return 0;
}
