/* SPDX-License-Identifier: MIT */
/* calltrace tree, calltrace graph: calls by the paths to them, downwards and upwards. */
#include "cli/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/call_tree.h"
#include "base/cleanup.h"
#include "base/duration.h"
#include "cli/shown.h"
#include "cli/term.h"
#include "cli/view.h"

struct tree_options {
	double min_percent; /* negative: not given */
	bool by_thread;
	unsigned int layout; /* nested|flat */
	uint64_t levels;
	const char *pattern; /* of graph */
};
enum { LAYOUT_NESTED, LAYOUT_FLAT };

enum {
	/* Levels a document may nest: jq 1.6 reads up to 256 objects and arrays in each other. */
	MOST_NESTED = 80,
	MOST_CALLERS = 256,
	MOST_INDENT = 40,
	NUMBER_COLUMNS = 41,
};

#define OFFSET(member) offsetof(struct tree_options, member)
#define OPTION_MIN_PERCENT                                                                                                                 \
	{                                                                                                                                  \
		.kind = CT_OPTION_PERCENT, .letter = 'm', .name = "min-percent", .value = "N",                                             \
		.high = 100,                                                                                                               \
		.help = "leave out paths with less than N % of the time, or of the calls where no clock ran; default: 0.5, with --json 0", \
		.offset = OFFSET(min_percent)                                                                                              \
	}
#define OPTION_LAYOUT                                                                             \
	{                                                                                         \
		.kind = CT_OPTION_CHOICE, .name = "layout", .value = "LAYOUT",                    \
		.choices = "nested|flat",                                                         \
		.help = "of --json: nodes in each other (the default), or a list with parent_id", \
		.offset = OFFSET(layout)                                                          \
	}

static const struct ct_option tree_table[] = {
	OPTION_MIN_PERCENT,
	{.kind = CT_OPTION_FLAG,
	 .name = "by-thread",
	 .help = "a tree for each thread",
	 .offset = OFFSET(by_thread)},
	OPTION_LAYOUT,
};
static const struct ct_option graph_table[] = {
	OPTION_MIN_PERCENT,
	{.kind = CT_OPTION_NUMBER,
	 .name = "levels",
	 .value = "N",
	 .low = 1,
	 .high = MOST_CALLERS,
	 .help = "the N nearest callers; default: 256",
	 .offset = OFFSET(levels)},
	OPTION_LAYOUT,
};
static const struct ct_option_group tree_group = {
	.options = tree_table,
	.count = sizeof(tree_table) / sizeof(tree_table[0]),
};
static const struct ct_option_group graph_group = {
	.options = graph_table,
	.count = sizeof(graph_table) / sizeof(graph_table[0]),
};
static const struct ct_option_group *const tree_groups[] = {&tree_group, &ct_input_group,
							    &ct_page_group};
static const struct ct_option_group *const graph_groups[] = {&graph_group, &ct_input_group,
							     &ct_page_group};

/* ---- printing ---- */

struct printing {
	const struct ct_session *session;
	const struct ct_call_tree *tree;
	const struct tree_options *options;
	uint64_t *calls;   /* by node, with those below it; NULL: shares are of the time */
	uint64_t left_out; /* nodes */
	struct ct_shown *shown;
	unsigned int most_indent;
};

static double share(uint64_t part, uint64_t all)
{
	return all ? 100.0 * (double)part / (double)all : 0;
}

static double percent_of(const struct printing *printing, const struct ct_call_node *node,
			 uint64_t ns)
{
	const struct ct_call_node *nodes = printing->tree->nodes;
	return printing->calls ? share(printing->calls[node - nodes], printing->calls[0])
			       : share(ns, nodes[0].total_ns);
}

/* Without a clock a path's share is of the calls. Callers count no calls of their own. */
static struct ct_error *count_calls(struct printing *printing)
{
	const struct ct_call_tree *tree = printing->tree;
	if (!ct_session_is_timeless(printing->session))
		return NULL;
	printing->calls = calloc((size_t)tree->node_count + 1, sizeof(*printing->calls));
	if (!printing->calls)
		return ct_error_nomem;
	for (uint32_t i = tree->node_count - 1; i > 0; i--) {
		const struct ct_call_node *node = &tree->nodes[i];
		bool is_call = node->key < tree->function_count;
		if (is_call)
			printing->calls[i] += node->calls;
		if (!printing->options->pattern || node->parent == 0)
			printing->calls[node->parent] += printing->calls[i];
	}
	return NULL;
}

static bool is_shown(struct printing *printing, const struct ct_call_node *node)
{
	uint64_t ns = node->total_ns > node->self_ns ? node->total_ns : node->self_ns;
	if (printing->options->min_percent <= 0 ||
	    percent_of(printing, node, ns) >= printing->options->min_percent)
		return true;
	printing->left_out++;
	return false;
}

static const struct ct_stream *thread_of(const struct printing *printing,
					 const struct ct_call_node *node)
{
	uint32_t count = printing->tree->function_count;
	return node->key < count ? NULL : &printing->session->streams[node->key - count];
}

/* Without a clock, the share of the calls alone. The time of calls inside another of the same
 * function is in that one's total. */
static void print_times(const struct printing *printing, const struct ct_call_node *node)
{
	char total[CT_DURATION_BYTES], self[CT_DURATION_BYTES];
	if (!printing->calls) {
		ct_duration_print(total, node->total_ns);
		ct_duration_print(self, node->self_ns);
		if (node->total_ns == 0 && node->self_ns > 0) {
			printf("%9s%9s%11s", "-", self, "-");
			return;
		}
		printf("%9s%9s", total, self);
	}
	printf("%9.2f %%", percent_of(printing, node, node->total_ns));
}

static void print_node(const struct printing *printing, const struct ct_call_node *node,
		       unsigned int depth)
{
	const struct ct_stream *thread = thread_of(printing, node);
	unsigned int indent = 2 * depth, used = NUMBER_COLUMNS + indent;
	char level[16] = "";
	print_times(printing, node);
	printf("%10" PRIu64 "  ", node->calls);
	if (indent > printing->most_indent) { /* deep recursion stays on the screen */
		used = NUMBER_COLUMNS + printing->most_indent +
		       (unsigned int)snprintf(level, sizeof(level), "[%u] ", depth);
		indent = printing->most_indent;
	}
	printf("%*s%s%s%s", (int)indent, "", level[0] ? ct_page_style(CT_STYLE_DIM) : "", level,
	       level[0] ? ct_page_style(CT_STYLE_PLAIN) : "");
	if (thread) {
		printf("%sthread ", ct_page_style(CT_STYLE_HEAD));
		ct_page_put_text(thread->row.name,
				 strnlen(thread->row.name, sizeof(thread->row.name)));
		printf(" (%" PRIu32 ")%s\n", thread->row.tid, ct_page_style(CT_STYLE_PLAIN));
		return;
	}
	unsigned int columns = ct_page_columns();
	printf("%s%s%s\n", ct_page_style(CT_STYLE_NAME),
	       ct_shown_name(printing->shown, node->key, columns > used ? columns - used : 0),
	       ct_page_style(CT_STYLE_PLAIN));
}

static void put_ns(const struct printing *printing, const char *key, uint64_t ns)
{
	if (printing->calls)
		ct_json_put_null(ct_page_json(), key);
	else
		ct_json_put_u64(ct_page_json(), key, ns);
}

static void put_node(const struct printing *printing, const struct ct_call_node *node)
{
	struct ct_json_writer *writer = ct_page_json();
	const struct ct_stream *thread = thread_of(printing, node);
	if (thread) {
		ct_json_put_bytes(writer, "thread_name", thread->row.name,
				  strnlen(thread->row.name, sizeof(thread->row.name)));
		ct_json_put_u64(writer, "thread_id", thread->row.tid);
		ct_json_put_u64(writer, "process_id",
				ct_trace_info(printing->session->inputs[thread->input].trace)->pid);
	} else {
		ct_view_put_function(printing->session, node->key);
	}
	ct_json_put_u64(writer, "calls", node->calls);
	ct_json_put_u64(writer, "unfinished_calls", node->unfinished);
	put_ns(printing, "total_ns", node->total_ns);
	put_ns(printing, "self_ns", node->self_ns);
	ct_json_put_real(writer, "percent", percent_of(printing, node, node->total_ns));
}

/* What lies below is in "children", as far as documents may nest. */
static bool nests(const struct printing *printing, unsigned int depth)
{
	return printing->options->layout == LAYOUT_NESTED && depth < MOST_NESTED;
}

static void begin_node(const struct printing *printing, uint32_t index, unsigned int depth,
		       uint32_t flat_parent)
{
	const struct ct_call_node *node = &printing->tree->nodes[index];
	struct ct_json_writer *writer = ct_page_json();
	if (!ct_page_is_json()) {
		print_node(printing, node, depth);
		return;
	}
	ct_json_begin(writer, NULL, '{');
	ct_json_put_u64(writer, "id", index);
	if (!nests(printing, depth))
		ct_json_put_u64(writer, "parent_id", flat_parent);
	ct_json_put_u64(writer, "depth", depth);
	put_node(printing, node);
	if (nests(printing, depth))
		ct_json_begin(writer, "children", '[');
	else
		ct_json_end(writer, '}');
}

static void end_node(const struct printing *printing, unsigned int depth)
{
	if (!ct_page_is_json() || !nests(printing, depth))
		return;
	ct_json_end(ct_page_json(), ']');
	ct_json_end(ct_page_json(), '}');
}

static uint32_t next_shown(struct printing *printing, uint32_t index)
{
	while (index && !is_shown(printing, &printing->tree->nodes[index]))
		index = printing->tree->nodes[index].next_sibling;
	return index;
}

/* Each node, then those below it; without recursion, for recursion of the program is deep. */
static void print_nodes(struct printing *printing)
{
	const struct ct_call_node *nodes = printing->tree->nodes;
	uint32_t index = next_shown(printing, nodes[0].first_child);
	unsigned int depth = 0;
	while (index) {
		begin_node(printing, index, depth, nodes[index].parent);
		uint32_t next = next_shown(printing, nodes[index].first_child);
		if (next) {
			index = next;
			depth++;
			continue;
		}
		for (;;) {
			end_node(printing, depth);
			next = next_shown(printing, nodes[index].next_sibling);
			if (next || depth == 0)
				break;
			index = nodes[index].parent;
			depth--;
		}
		index = next;
	}
}

static void print_tree(struct printing *printing)
{
	const struct ct_call_tree *tree = printing->tree;
	struct ct_json_writer *writer = ct_page_json();
	if (ct_page_is_json()) {
		ct_json_begin(writer, NULL, '{');
		put_ns(printing, "total_ns", tree->nodes[0].total_ns);
		ct_json_put_u64(writer, "duration_ns", printing->session->duration_ns);
		ct_json_put_u64(writer, "lost_events", tree->lost_events);
		ct_json_put_u64(writer, "folded_calls", tree->folded_calls);
		ct_json_begin(writer, "nodes", '[');
		print_nodes(printing);
		ct_json_end(writer, ']');
		ct_json_end(writer, '}');
		ct_json_newline(writer->sink, 0);
		return;
	}
	printf("%s%s%11s%10s  %s%s\n", ct_page_style(CT_STYLE_HEAD),
	       printing->calls ? "" : "    total     self", printing->calls ? "calls %" : "total %",
	       "calls", printing->options->pattern ? "function, and its callers" : "function",
	       ct_page_style(CT_STYLE_PLAIN));
	print_nodes(printing);
	if (printing->left_out)
		printf("%s%*s%" PRIu64 " path%s below %g %% %s not shown (--min-percent)%s\n",
		       ct_page_style(CT_STYLE_DIM), printing->calls ? 23 : 41, "",
		       printing->left_out, printing->left_out == 1 ? "" : "s",
		       printing->options->min_percent, printing->left_out == 1 ? "is" : "are",
		       ct_page_style(CT_STYLE_PLAIN));
}

/* ---- the commands ---- */

static void tree_cleanup(struct ct_call_tree **tree)
{
	ct_call_tree_destroy(*tree);
}

static struct ct_error *invert(const struct tree_options *options, const struct ct_session *session,
			       struct ct_call_tree **tree)
{
	ct_cleanup(ct_cleanup_free) bool *chosen = calloc((size_t)session->function_count + 1,
							  sizeof(*chosen));
	struct ct_call_tree *inverted = NULL;
	if (!chosen)
		return ct_error_nomem;
	struct ct_error *err = ct_selection_match(session, "graph", options->pattern, chosen);
	if (!err)
		err = ct_call_tree_invert(
			*tree, chosen, options->levels ? (uint32_t)options->levels : MOST_CALLERS,
			&inverted);
	if (err)
		return err;
	ct_call_tree_destroy(*tree);
	*tree = inverted;
	return NULL;
}

/* Such that a name has room. */
static unsigned int most_indent(void)
{
	enum { WITH_LEVEL = NUMBER_COLUMNS + CT_SHOWN_GOOD_COLUMNS + sizeof("[100] ") - 1 };
	unsigned int columns = ct_page_columns();
	if (!ct_page_cuts_names() || columns >= WITH_LEVEL + MOST_INDENT)
		return MOST_INDENT;
	return columns > WITH_LEVEL ? (columns - WITH_LEVEL) & ~1U : 0;
}

static struct ct_error *show(void *state, const struct ct_view *view)
{
	const struct tree_options *options = state;
	const struct ct_session *session = view->session;
	ct_cleanup(tree_cleanup) struct ct_call_tree *tree = NULL;
	const struct ct_call_tree_options tree_options = {
		.by_thread = options->by_thread,
		.progress = ct_term_progress,
	};
	struct ct_error *err = ct_call_tree_create(session, view->selection, &tree_options, &tree);
	ct_term_clear();
	if (!err && options->pattern)
		err = invert(options, session, &tree);
	if (err)
		return err;
	struct printing printing = {
		.session = session,
		.tree = tree,
		.options = options,
		.most_indent = most_indent(),
	};
	err = count_calls(&printing);
	if (!err)
		err = ct_shown_functions(session, CT_SHOWN_GOOD_COLUMNS, &printing.shown);
	if (!err)
		print_tree(&printing);
	ct_shown_destroy(printing.shown);
	free(printing.calls);
	if (err)
		return err;
	if (tree->folded_calls)
		ct_term_say("there are too many different paths: %" PRIu64 " calls on further ones "
			    "count as time of their callers",
			    tree->folded_calls);
	ct_view_tell_lost(tree->lost_events);
	return NULL;
}

static enum ct_exit run(int argc, char **argv, const struct ct_option_group *group, bool is_graph,
			struct ct_error **err)
{
	struct tree_options options = {.min_percent = -1};
	struct ct_view view = {0};
	int operands;
	*err = ct_view_read(&view, argc, argv, group, &options, &operands);
	if (!*err && is_graph && operands == 0)
		*err = ct_error_create("graph: which function? 'calltrace help graph' says more");
	if (*err)
		return CT_EXIT_USAGE;
	if (options.min_percent < 0)
		options.min_percent = view.page.json ? 0 : 0.5;
	options.pattern = is_graph ? argv[1] : NULL;
	return ct_view_show(&view, argv + 1 + is_graph, operands - is_graph, show, &options, err);
}

static enum ct_exit run_tree(int argc, char **argv, struct ct_error **err)
{
	return run(argc, argv, &tree_group, false, err);
}

static enum ct_exit run_graph(int argc, char **argv, struct ct_error **err)
{
	return run(argc, argv, &graph_group, true, err);
}

const struct ct_command ct_command_tree = {
	.name = "tree",
	.run = run_tree,
	.summary = "calls and times by the path of functions to them",
	.synopsis = "[TRACE]... [OPTION]...",
	.description =
		"Adds up the calls of each path of functions, over all threads. TRACE is a raw trace (.ctrace), a "
		"packed one (.ctpack) or a folder with raw ones; without one, " CT_DEFAULT_FOLDER
		" is read.",
	.groups = tree_groups,
	.group_count = sizeof(tree_groups) / sizeof(tree_groups[0]),
};

const struct ct_command ct_command_graph = {
	.name = "graph",
	.run = run_graph,
	.summary = "the paths that lead to a function, from the function up",
	.synopsis = "FUNCTION [TRACE]... [OPTION]...",
	.description =
		"Shows who called FUNCTION, a pattern, who called those, and so on, with the calls "
		"and times of FUNCTION on each path. A call inside another of the same function "
		"adds to self alone: its total is part of that one's. TRACE is a raw trace (.ctrace), a "
		"packed one (.ctpack) or a folder with raw ones; without one, " CT_DEFAULT_FOLDER
		" is read.",
	.groups = graph_groups,
	.group_count = sizeof(graph_groups) / sizeof(graph_groups[0]),
};
