/* SPDX-License-Identifier: MIT */
/* What a check-up finds: sentences with a mark, and what to do about them. */
#ifndef CT_CLI_FINDINGS_H
#define CT_CLI_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

enum ct_mark {
	CT_MARK_OK,
	CT_MARK_NOTE,	 /* a trace can be made, but lacks something or costs more */
	CT_MARK_PROBLEM, /* stands in the way of a trace */
};

struct ct_finding {
	enum ct_mark mark;
	const char *check; /* one word, for programs */
	char *what;
	char *remedy; /* NULL: there is nothing to do */
};

/* Zero-initialise. */
struct ct_findings {
	struct ct_finding *rows;
	size_t count, capacity;
	bool failed; /* memory ran out */
};

void ct_findings_deinit(struct ct_findings *findings);
void ct_findings_add(struct ct_findings *findings, enum ct_mark mark, const char *check,
		     const char *format, ...) __attribute__((format(printf, 4, 5)));
/* What to do about the one added last. */
void ct_findings_remedy(struct ct_findings *findings, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The first one that stands in the way, or NULL. */
const struct ct_finding *ct_findings_problem(const struct ct_findings *findings);
/* To the page (page.h); in JSON as an array of this name in the object being written. */
void ct_findings_print(const struct ct_findings *findings);

#endif
