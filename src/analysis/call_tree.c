/* SPDX-License-Identifier: MIT */
/* Calls by path: see call_tree.h. */
#include "analysis/call_tree.h"

#include <stdlib.h>

#include "analysis/parallel.h"
#include "base/cleanup.h"
#include "export/open_calls.h"

enum { FIRST_NODES = 256 };
#define NO_NODE CT_NO_CALL_NODE

void ct_call_tree_destroy(struct ct_call_tree *tree)
{
	if (!tree)
		return;
	free(tree->nodes);
	free(tree->table);
	free(tree);
}

static void tree_cleanup(struct ct_call_tree **tree)
{
	ct_call_tree_destroy(*tree);
}

/* ---- nodes ---- */

static uint32_t *table_slot(const struct ct_call_tree *tree, uint32_t parent, uint32_t key)
{
	uint64_t hash = ((uint64_t)parent << 32 | key) * UINT64_C(0x9e3779b97f4a7c15);
	uint32_t at = (uint32_t)(hash >> 32) & (tree->table_size - 1);
	while (tree->table[at]) {
		const struct ct_call_node *node = &tree->nodes[tree->table[at] - 1];
		if (node->parent == parent && node->key == key)
			break;
		at = (at + 1) & (tree->table_size - 1);
	}
	return &tree->table[at];
}

/* Room for one more node; the table stays at most half full. */
static bool reserve(struct ct_call_tree *tree)
{
	if (tree->node_count < tree->node_capacity)
		return true;
	uint32_t capacity = tree->node_capacity ? tree->node_capacity * 2 : FIRST_NODES;
	struct ct_call_node *nodes = reallocarray(tree->nodes, capacity, sizeof(*nodes));
	if (!nodes)
		return false;
	tree->nodes = nodes;
	uint32_t *table = calloc((size_t)capacity * 2, sizeof(*table));
	if (!table)
		return false;
	free(tree->table);
	tree->table = table;
	tree->table_size = capacity * 2;
	tree->node_capacity = capacity;
	/* The root is nobody's child: it is not in the table. */
	for (uint32_t i = 1; i < tree->node_count; i++)
		*table_slot(tree, nodes[i].parent, nodes[i].key) = i + 1;
	return true;
}

uint32_t ct_call_tree_child(struct ct_call_tree *tree, uint32_t parent, uint32_t key, uint32_t most,
			    bool *failed)
{
	uint32_t *slot = table_slot(tree, parent, key);
	if (*slot)
		return *slot - 1;
	if (tree->node_count >= most)
		return NO_NODE;
	if (!reserve(tree)) {
		*failed = true;
		return NO_NODE;
	}
	uint32_t index = tree->node_count++;
	struct ct_call_node *above = &tree->nodes[parent];
	tree->nodes[index] = (struct ct_call_node){
		.key = key, .parent = parent, .next_sibling = above->first_child};
	above->first_child = index;
	*table_slot(tree, parent, key) = index + 1;
	return index;
}

struct ct_call_tree *ct_call_tree_new(uint32_t function_count)
{
	ct_cleanup(tree_cleanup) struct ct_call_tree *tree = calloc(1, sizeof(*tree));
	if (!tree || !reserve(tree))
		return NULL;
	tree->function_count = function_count;
	tree->nodes[0] = (struct ct_call_node){.key = UINT32_MAX};
	tree->node_count = 1;
	return ct_take(tree);
}

static void add(struct ct_call_node *to, const struct ct_call_node *from)
{
	to->calls += from->calls;
	to->unfinished += from->unfinished;
	to->total_ns += from->total_ns;
	to->self_ns += from->self_ns;
}

/* ---- counting ---- */

/* Where a stack is. */
struct position {
	uint32_t node;
	uint64_t folded; /* open calls beyond it that have no node */
};

struct counting {
	struct ct_call_tree *tree;
	const struct ct_call_tree_options *options;
	uint32_t most;
	/* of the stream that is read */
	uint32_t root;
	struct ct_open_stacks stacks; /* numbers of stacks to indexes, no calls */
	struct position *positions;   /* by index */
	uint32_t position_count;
	uint32_t number, current; /* the last stack */
};

static bool begin_stream(void *state, size_t stream)
{
	struct counting *counting = state;
	bool failed = false;
	counting->root = 0;
	if (counting->options->by_thread) {
		uint32_t key = counting->tree->function_count + (uint32_t)stream;
		uint32_t node = ct_call_tree_child(counting->tree, 0, key, counting->most, &failed);
		counting->root = node == NO_NODE ? 0 : node;
	}
	counting->position_count = 0;
	counting->number = UINT32_MAX;
	return !failed && ct_open_stacks_init(&counting->stacks);
}

static bool end_stream(void *state, size_t stream)
{
	struct counting *counting = state;
	(void)stream;
	ct_open_stacks_deinit(&counting->stacks);
	counting->stacks = (struct ct_open_stacks){0};
	return true;
}

static __attribute__((cold, noinline)) bool switch_stack(struct counting *counting, uint32_t number)
{
	uint32_t index = ct_open_stacks_index(&counting->stacks, number);
	if (index == UINT32_MAX)
		return false;
	if (index >= counting->position_count) {
		size_t count = 2 * ((size_t)index + 1);
		struct position *positions = reallocarray(counting->positions, count,
							  sizeof(*positions));
		if (!positions)
			return false;
		counting->positions = positions;
		while (counting->position_count < count)
			positions[counting->position_count++] = (struct position){counting->root,
										  0};
	}
	counting->number = number;
	counting->current = index;
	return true;
}

static bool begin_call(struct counting *counting, struct position *at, uint32_t function)
{
	bool failed = false;
	uint32_t node = at->folded ? NO_NODE
				   : ct_call_tree_child(counting->tree, at->node, function,
							counting->most, &failed);
	if (node != NO_NODE)
		at->node = node;
	else
		at->folded++;
	return !failed;
}

static inline void end_call(struct counting *counting, struct position *at,
			    const struct ct_event *event)
{
	struct ct_call_node *node = &counting->tree->nodes[at->node];
	bool ends = event->kind == CT_EVENT_END; /* it may go on in another part */
	node->self_ns += event->self_ns;
	if (at->folded) {
		at->folded--;
		counting->tree->folded_calls += ends;
		return;
	}
	node->calls += ends;
	node->unfinished += ends && event->end != CT_CALL_RETURNED;
	node->total_ns += event->duration_ns;
	if (at->node != counting->root)
		at->node = node->parent;
}

CT_EVENTS_INLINE bool take(void *state, size_t stream, const struct ct_event *event)
{
	struct counting *counting = state;
	(void)stream;
	if (event->kind == CT_EVENT_LOST) {
		counting->tree->lost_events += event->lost;
		return true;
	}
	if (ct_unlikely(event->stack != counting->number) && !switch_stack(counting, event->stack))
		return false;
	struct position *at = &counting->positions[counting->current];
	if (event->kind == CT_EVENT_BEGIN || event->kind == CT_EVENT_RESUME)
		return begin_call(counting, at, event->function);
	end_call(counting, at, event);
	return true;
}

static bool take_part(void *state, size_t stream, const struct ct_event *event)
{
	return take(state, stream, event);
}

CT_EVENTS_LOOP(read_events, take)

/* ---- adding up ---- */

static bool merge(struct ct_call_tree *to, const struct ct_call_tree *from, uint32_t most)
{
	ct_cleanup(ct_cleanup_free) uint32_t *where = calloc(from->node_count, sizeof(*where));
	bool failed = false;
	if (!where)
		return false;
	to->lost_events += from->lost_events;
	to->folded_calls += from->folded_calls;
	for (uint32_t i = 1; i < from->node_count; i++) {
		const struct ct_call_node *node = &from->nodes[i];
		uint32_t parent = where[node->parent];
		uint32_t index = parent == NO_NODE
					 ? NO_NODE
					 : ct_call_tree_child(to, parent, node->key, most, &failed);
		where[i] = index;
		if (index != NO_NODE)
			add(&to->nodes[index], node);
		else
			to->folded_calls += node->calls;
	}
	return !failed;
}

/* Totals of threads and of the root, from their children; and those in order. */
static void add_up(struct ct_call_tree *tree)
{
	struct ct_call_node *nodes = tree->nodes;
	for (uint32_t i = 1; i < tree->node_count; i++) {
		if (nodes[i].key >= tree->function_count)
			continue;
		uint32_t above = nodes[i].parent;
		if (above && nodes[above].key >= tree->function_count) {
			add(&nodes[above], &nodes[i]);
			nodes[above].self_ns -= nodes[i].self_ns;
			above = 0;
		}
		if (above == 0) {
			nodes[0].calls += nodes[i].calls;
			nodes[0].total_ns += nodes[i].total_ns;
		}
	}
	for (uint32_t i = 1; i < tree->node_count; i++)
		nodes[0].self_ns += nodes[i].self_ns;
}

struct sorting {
	const struct ct_call_node *node;
	uint32_t index;
};

static int compare_nodes(const void *a, const void *b)
{
	const struct ct_call_node *left = ((const struct sorting *)a)->node;
	const struct ct_call_node *right = ((const struct sorting *)b)->node;
	if (left->parent != right->parent)
		return left->parent < right->parent ? -1 : 1;
	if (left->total_ns != right->total_ns)
		return left->total_ns < right->total_ns ? -1 : 1;
	if (left->calls != right->calls)
		return left->calls < right->calls ? -1 : 1;
	return left->key > right->key ? -1 : left->key < right->key;
}

/* Links of siblings anew, by total. */
static bool sort_siblings(struct ct_call_tree *tree)
{
	ct_cleanup(ct_cleanup_free) struct sorting *rows = calloc((size_t)tree->node_count + 1,
								  sizeof(*rows));
	if (!rows)
		return false;
	for (uint32_t i = 1; i < tree->node_count; i++) {
		rows[i - 1] = (struct sorting){&tree->nodes[i], i};
		tree->nodes[tree->nodes[i].parent].first_child = 0;
	}
	qsort(rows, tree->node_count - 1, sizeof(*rows), compare_nodes);
	for (uint32_t i = 0; i + 1 < tree->node_count; i++) {
		struct ct_call_node *node = &tree->nodes[rows[i].index];
		node->next_sibling = tree->nodes[node->parent].first_child;
		tree->nodes[node->parent].first_child = rows[i].index;
	}
	return true;
}

/* Of the workers' trees one. */
static struct ct_error *merge_all(struct counting *countings, unsigned int workers,
				  struct ct_call_tree **ret)
{
	for (unsigned int i = 1; i < workers; i++) {
		if (!merge(countings[0].tree, countings[i].tree, countings[0].most))
			return ct_error_nomem;
	}
	add_up(countings[0].tree);
	if (!sort_siblings(countings[0].tree))
		return ct_error_nomem;
	*ret = ct_take(countings[0].tree);
	return NULL;
}

static void counting_deinit(struct counting *counting)
{
	ct_call_tree_destroy(counting->tree);
	ct_open_stacks_deinit(&counting->stacks);
	free(counting->positions);
}

struct ct_error *ct_call_tree_create(const struct ct_session *session,
				     const struct ct_selection *selection,
				     const struct ct_call_tree_options *options,
				     struct ct_call_tree **ret)
{
	unsigned int workers = ct_parallel_workers(session, true);
	ct_cleanup(ct_cleanup_free) struct counting *countings = calloc(workers,
									sizeof(*countings));
	ct_cleanup(ct_cleanup_free) void **states = calloc(workers, sizeof(*states));
	struct ct_error *err = NULL;
	if (!countings || !states)
		return ct_error_nomem;
	for (unsigned int i = 0; i < workers; i++) {
		countings[i] = (struct counting){
			.tree = ct_call_tree_new(session->function_count),
			.options = options,
			.most = options->most_nodes ? options->most_nodes : CT_CALL_TREE_MOST,
		};
		states[i] = &countings[i];
		if (!countings[i].tree)
			err = ct_error_nomem;
	}
	const struct ct_parallel parallel = {
		.session = session,
		.selection = selection,
		.read = read_events,
		.begin_stream = begin_stream,
		.end_stream = end_stream,
		.states = states,
		.workers = workers,
		.progress = options->progress,
		.take_part = take_part,
	};
	if (!err)
		err = ct_parallel_run(&parallel);
	if (!err)
		err = merge_all(countings, workers, ret);
	for (unsigned int i = 0; i < workers; i++)
		counting_deinit(&countings[i]);
	return err;
}

/* ---- upside down ---- */

/* Is there another call of the same function around? */
static bool is_inside_itself(const struct ct_call_tree *tree, uint32_t index)
{
	uint32_t key = tree->nodes[index].key;
	while (index) {
		index = tree->nodes[index].parent;
		if (index && tree->nodes[index].key == key)
			return true;
	}
	return false;
}

/* The path to a node, added from its end. */
static bool add_path(struct ct_call_tree *to, const struct ct_call_tree *tree, uint32_t index,
		     uint32_t levels)
{
	struct ct_call_node amount = tree->nodes[index];
	bool failed = false;
	if (is_inside_itself(tree, index))
		amount.total_ns = 0;
	uint32_t at = 0;
	for (uint32_t level = 0; index && level < levels; level++) {
		at = ct_call_tree_child(to, at, tree->nodes[index].key, CT_CALL_TREE_MOST, &failed);
		if (at == NO_NODE)
			break;
		add(&to->nodes[at], &amount);
		index = tree->nodes[index].parent;
	}
	return !failed;
}

struct ct_error *ct_call_tree_invert(const struct ct_call_tree *tree, const bool *chosen,
				     uint32_t levels, struct ct_call_tree **ret)
{
	ct_cleanup(tree_cleanup) struct ct_call_tree *inverted =
		ct_call_tree_new(tree->function_count);
	if (!inverted)
		return ct_error_nomem;
	inverted->lost_events = tree->lost_events;
	inverted->folded_calls = tree->folded_calls;
	for (uint32_t i = 1; i < tree->node_count; i++) {
		uint32_t key = tree->nodes[i].key;
		if (key < tree->function_count && chosen[key] &&
		    !add_path(inverted, tree, i, levels))
			return ct_error_nomem;
	}
	for (uint32_t i = 1; i < inverted->node_count; i++) {
		if (inverted->nodes[i].parent == 0)
			add(&inverted->nodes[0], &inverted->nodes[i]);
	}
	if (!sort_siblings(inverted))
		return ct_error_nomem;
	*ret = ct_take(inverted);
	return NULL;
}
