/* SPDX-License-Identifier: MIT */
/*
 * Folded stacks: a line for each path of functions, outermost first, and its
 * own time in nanoseconds. Where no clock ran, or on request, calls are counted.
 */
#include <stdlib.h>

#include "analysis/call_tree.h"
#include "base/cleanup.h"
#include "exporter/exporter.h"
#include "exporter/text.h"

static void tree_cleanup(struct ct_call_tree **tree)
{
	ct_call_tree_destroy(*tree);
}

/* A frame must hold neither what separates frames nor what separates lines. */
static void add_clean(struct ct_strbuf *text, const char *bytes, size_t length)
{
	size_t start = text->length;
	ct_strbuf_add(text, bytes, length);
	for (size_t i = start; i < text->length; i++) {
		if (text->bytes[i] == ';')
			text->bytes[i] = ':';
		else if ((unsigned char)text->bytes[i] < ' ')
			text->bytes[i] = ' ';
	}
}

static void add_frame(struct ct_strbuf *text, const struct ct_export *export,
		      const struct ct_call_tree *tree, uint32_t key)
{
	const struct ct_session *session = export->session;
	if (key >= tree->function_count) {
		size_t stream = key - tree->function_count;
		struct ct_bytes name = ct_export_thread_name(session, stream);
		add_clean(text, name.bytes, name.length);
		ct_strbuf_printf(text, "-%u", session->streams[stream].row.tid);
		return;
	}
	const struct ct_function *function = &session->functions[key];
	if (export->request->with_modules && *function->module) {
		const char *module = ct_export_file_name(function->module);
		add_clean(text, module, strlen(module));
		ct_strbuf_add(text, "`", 1);
	}
	add_clean(text, function->name, strlen(function->name));
}

/* Where each level's frame ends in the path. */
struct path {
	struct ct_strbuf text;
	size_t *ends;
	uint32_t depth, capacity;
};

static bool enter(struct path *path, const struct ct_export *export,
		  const struct ct_call_tree *tree, uint32_t key)
{
	if (path->depth == path->capacity) {
		uint32_t capacity = path->capacity ? 2 * path->capacity : 64;
		size_t *ends = reallocarray(path->ends, capacity, sizeof(*ends));
		if (!ends)
			return false;
		path->ends = ends;
		path->capacity = capacity;
	}
	if (path->depth > 0)
		ct_strbuf_add(&path->text, ";", 1);
	add_frame(&path->text, export, tree, key);
	path->ends[path->depth++] = path->text.length;
	return !path->text.failed;
}

static void leave(struct path *path)
{
	path->depth--;
	path->text.length = path->depth ? path->ends[path->depth - 1] : 0;
}

static void put_line(struct ct_sink *sink, const struct path *path, uint64_t weight)
{
	ct_sink_add(sink, path->text.bytes, path->text.length);
	CT_PUT(sink, " ");
	ct_put_u64(sink, weight);
	CT_PUT(sink, "\n");
}

static struct ct_error *put_tree(const struct ct_export *export, const struct ct_call_tree *tree,
				 struct path *path)
{
	struct ct_sink *sink = ct_output_sink(export->output);
	bool by_calls = export->request->by_calls || export->is_timeless;
	uint32_t at = tree->nodes[0].first_child;
	while (at) {
		const struct ct_call_node *node = &tree->nodes[at];
		uint64_t weight = by_calls ? node->calls : node->self_ns;
		if (!enter(path, export, tree, node->key))
			return ct_error_nomem;
		if (weight && node->key < tree->function_count)
			put_line(sink, path, weight);
		if (node->first_child) {
			at = node->first_child;
			continue;
		}
		leave(path);
		while (at && !tree->nodes[at].next_sibling) {
			at = tree->nodes[at].parent;
			if (at)
				leave(path);
		}
		at = tree->nodes[at].next_sibling;
	}
	return NULL;
}

static struct ct_error *run(const struct ct_export *export)
{
	ct_cleanup(tree_cleanup) struct ct_call_tree *tree = NULL;
	struct path path = {0};
	struct ct_error *err = ct_export_call_tree(export, export->request->by_thread, &tree);
	if (!err)
		err = put_tree(export, tree, &path);
	ct_strbuf_deinit(&path.text);
	free(path.ends);
	return err;
}

const struct ct_exporter ct_exporter_folded = {
	.name = "folded",
	.extensions = ".folded|.collapsed",
	.summary = "folded stacks: flamegraph.pl, inferno, speedscope",
	.run = run,
};
