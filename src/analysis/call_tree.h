/* SPDX-License-Identifier: MIT */
/*
 * Calls added up by the path of functions that led to them; and the same
 * upside down, from a function to those that led to it.
 */
#ifndef CT_ANALYSIS_CALL_TREE_H
#define CT_ANALYSIS_CALL_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/events.h"
#include "analysis/selection.h"
#include "analysis/session.h"
#include "base/error.h"
#include "export/progress.h"

/* A path. Nodes come behind their parents. */
struct ct_call_node {
	uint32_t key;	 /* function; beyond those of the session: a stream, see ct_call_tree */
	uint32_t parent; /* index; the root's is itself */
	uint32_t first_child, next_sibling; /* indexes; 0: none */
	uint64_t calls;
	uint64_t unfinished; /* of them: that did not return */
	uint64_t total_ns;
	uint64_t self_ns;
};

struct ct_call_tree {
	struct ct_call_node *nodes; /* the first is the root, with the sums of all */
	uint32_t node_count;
	uint32_t function_count; /* a key of this and more: the stream of that less this */
	uint64_t folded_calls;	 /* of paths beyond the limit; they count as their callers' own */
	uint64_t lost_events;
	/* of ct_call_node by parent and key: index + 1, 0 for free ones */
	uint32_t *table;
	uint32_t node_capacity, table_size;
};

struct ct_call_tree_options {
	bool by_thread;	     /* the root's children are streams */
	uint32_t most_nodes; /* 0: CT_CALL_TREE_MOST */
	ct_progress_fn *progress;
};

/* Paths there may be: recursion without end has no end of them. */
enum { CT_CALL_TREE_MOST = 1 << 21 };

/* Siblings are in the order of their totals, the largest first. */
struct ct_error *ct_call_tree_create(const struct ct_session *session,
				     const struct ct_selection *selection,
				     const struct ct_call_tree_options *options,
				     struct ct_call_tree **ret) __attribute__((warn_unused_result));
/*
 * `tree`, made without `by_thread`, upside down: below the root the functions that `chosen`
 * has, below each the functions that called it, with the times of its calls on that path. The
 * total of a call inside another of the same function is that one's. The root has the sums of the
 * functions. At most `levels` levels.
 */
struct ct_error *ct_call_tree_invert(const struct ct_call_tree *tree, const bool *chosen,
				     uint32_t levels, struct ct_call_tree **ret)
	__attribute__((warn_unused_result));
void ct_call_tree_destroy(struct ct_call_tree *tree);

/* For trees that grow while they are used: the root alone; NULL: no memory. */
struct ct_call_tree *ct_call_tree_new(uint32_t function_count);
#define CT_NO_CALL_NODE UINT32_MAX
/* The child of a node, made when new; CT_NO_CALL_NODE: there are `most` nodes already, or no
 * memory, and then `*failed` is set. */
uint32_t ct_call_tree_child(struct ct_call_tree *tree, uint32_t parent, uint32_t key, uint32_t most,
			    bool *failed);

#endif
