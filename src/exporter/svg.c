/* SPDX-License-Identifier: MIT */
/*
 * A flame graph as one SVG file: paths of functions from the top down, as wide
 * as their time. It is a picture everywhere; where scripts run, a click zooms and
 * a word searches (flamegraph.js). What is narrower than a pixel of a large
 * screen is not drawn, and the file stays small.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis/call_tree.h"
#include "base/cleanup.h"
#include "base/duration.h"
#include "base/hash.h"
#include "exporter/exporter.h"
#include "exporter/text.h"
#include "flamegraph_css.inc"
#include "flamegraph_js.inc"

enum {
	MOST_FRAMES = 10000,
	MOST_LEVELS = 400,
	NARROWEST = 5000, /* the part of all time that a frame has at least */
	WIDTH = 1200,	  /* until a script knows better */
	PADDING = 16,
	TOP = 84,
	ROW = 18,
	FAMILIES = 6, /* of colours: what is beyond them shares another */
	SHADES = 5,
};

struct picture {
	const struct ct_export *export;
	const struct ct_call_tree *tree;
	struct ct_sink *sink;
	bool by_calls;
	uint64_t *weights; /* by node: with all below it */
	uint64_t least;	   /* weight of a frame that is drawn */
	uint32_t levels;   /* drawn, without the root's */
	uint64_t frames, left_out;
	/* Of a program that is one file its sources, else the modules: those with most weight. */
	const char *families[FAMILIES];
	bool by_source;
	bool has_others;
};

static void put(struct picture *picture, const char *text)
{
	ct_sink_add(picture->sink, text, strlen(text));
}

/* ---- text ---- */

/* Text of XML from any bytes, at most `most` characters, the last one then "...". */
static void add_xml(struct ct_strbuf *text, const char *bytes, size_t length, size_t most)
{
	const unsigned char *at = (const unsigned char *)bytes;
	size_t characters = 0, cut_at = 0;
	while (length > 0) {
		size_t bad_length;
		size_t step = ct_utf8_sequence(at, length, &bad_length);
		bool is_noncharacter = step == 3 && at[0] == 0xef && at[1] == 0xbf && at[2] >= 0xbe;
		if (characters + 1 == most)
			cut_at = text->length;
		if (characters++ == most) {
			text->length = cut_at;
			ct_strbuf_add_string(text, "\xe2\x80\xa6");
			return;
		}
		if (step == 0 || is_noncharacter || *at < ' ' || *at == 0x7f)
			ct_strbuf_add_string(text, "\xef\xbf\xbd");
		else if (*at == '&')
			ct_strbuf_add_string(text, "&amp;");
		else if (*at == '<')
			ct_strbuf_add_string(text, "&lt;");
		else if (*at == '>')
			ct_strbuf_add_string(text, "&gt;");
		else
			ct_strbuf_add(text, at, step);
		step = step ? step : bad_length;
		at += step;
		length -= step;
	}
}

static void put_xml(struct picture *picture, const char *bytes, size_t length, size_t most)
{
	struct ct_strbuf text = {0};
	add_xml(&text, bytes, length, most);
	if (text.bytes)
		ct_sink_add(picture->sink, text.bytes, text.length);
	ct_strbuf_deinit(&text);
}

static void put_format(struct picture *picture, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void put_format(struct picture *picture, const char *format, ...)
{
	char text[256];
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	ct_sink_add(picture->sink, text,
		    (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
}

/* "1,234 calls" */
static void put_count(struct picture *picture, uint64_t count, const char *what)
{
	char digits[CT_JSON_U64_BYTES];
	size_t length = (size_t)(ct_json_u64(digits, count) - digits);
	for (size_t i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			CT_PUT(picture->sink, ",");
		ct_sink_add(picture->sink, digits + i, 1);
	}
	put_format(picture, " %s%s", what, count == 1 ? "" : "s");
}

static void put_weight(struct picture *picture, uint64_t weight)
{
	char duration[CT_DURATION_BYTES];
	if (picture->by_calls) {
		put_count(picture, weight, "call");
		return;
	}
	ct_duration_print(duration, weight);
	put(picture, duration);
}

/* ---- what is drawn ---- */

static uint64_t own_weight(const struct picture *picture, uint32_t at)
{
	const struct ct_call_node *node = &picture->tree->nodes[at];
	return picture->by_calls ? node->calls : node->self_ns;
}

static void weigh(struct picture *picture)
{
	const struct ct_call_tree *tree = picture->tree;
	for (uint32_t i = tree->node_count; i-- > 0;) {
		const struct ct_call_node *node = &tree->nodes[i];
		bool is_function = i > 0 && node->key < tree->function_count;
		if (is_function)
			picture->weights[i] += own_weight(picture, i);
		if (i > 0)
			picture->weights[node->parent] += picture->weights[i];
	}
}

static int compare_weights(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
	return left > right ? -1 : left < right;
}

/* The widest MOST_FRAMES, and of these none that nobody could see. */
static bool choose_least(struct picture *picture)
{
	uint32_t count = picture->tree->node_count;
	picture->least = picture->weights[0] / NARROWEST;
	if (picture->least == 0)
		picture->least = 1;
	if (count <= MOST_FRAMES)
		return true;
	ct_cleanup(ct_cleanup_free) uint64_t *sorted = calloc(count, sizeof(*sorted));
	if (!sorted)
		return false;
	memcpy(sorted, picture->weights, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), compare_weights);
	if (sorted[MOST_FRAMES] >= picture->least)
		picture->least = sorted[MOST_FRAMES] + 1;
	return true;
}

/* Depth first, each level's index beside it. 0: all is done. */
static uint32_t next_node(const struct ct_call_node *nodes, uint32_t at, bool goes_below,
			  uint32_t *level)
{
	if (goes_below && nodes[at].first_child) {
		++*level;
		return nodes[at].first_child;
	}
	while (at && !nodes[at].next_sibling) {
		at = nodes[at].parent;
		--*level;
	}
	return nodes[at].next_sibling;
}

static bool is_drawn(const struct picture *picture, uint32_t at)
{
	return picture->weights[at] >= picture->least;
}

/* ---- colours ---- */

struct origin {
	const char *path;
	uint64_t weight;
};

static int compare_weights_of(const void *a, const void *b)
{
	const struct origin *left = a, *right = b;
	if (left->weight != right->weight)
		return left->weight > right->weight ? -1 : 1;
	return strcmp(left->path, right->path);
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(((const struct origin *)a)->path, ((const struct origin *)b)->path);
}

static const char *origin_of(const struct picture *picture, const struct ct_function *function)
{
	return picture->by_source ? function->source : function->module;
}

/* Fills `families`; the number of origins that have any weight. */
static size_t rank_origins(struct picture *picture, struct origin *origins)
{
	const struct ct_session *session = picture->export->session;
	const struct ct_call_tree *tree = picture->tree;
	size_t merged = 0, count = 0, families = 0;
	for (uint32_t i = 0; i < session->function_count; i++)
		origins[i] = (struct origin){origin_of(picture, &session->functions[i]), 0};
	for (uint32_t i = 1; i < tree->node_count; i++)
		if (tree->nodes[i].key < session->function_count)
			origins[tree->nodes[i].key].weight += own_weight(picture, i);
	qsort(origins, session->function_count, sizeof(*origins), compare_paths);
	for (uint32_t i = 0; i < session->function_count; i++) {
		if (merged > 0 && strcmp(origins[merged - 1].path, origins[i].path) == 0)
			origins[merged - 1].weight += origins[i].weight;
		else
			origins[merged++] = origins[i];
	}
	qsort(origins, merged, sizeof(*origins), compare_weights_of);
	picture->has_others = false;
	for (; count < merged && origins[count].weight > 0; count++) {
		if (*origins[count].path && families < FAMILIES)
			picture->families[families++] = origins[count].path;
		else
			picture->has_others = true;
	}
	return count;
}

static bool choose_families(struct picture *picture)
{
	ct_cleanup(ct_cleanup_free) struct origin *origins =
		calloc((size_t)picture->export->session->function_count + 1, sizeof(*origins));
	if (!origins)
		return false;
	if (rank_origins(picture, origins) <= 1) {
		picture->by_source = true;
		rank_origins(picture, origins);
		/* Without debug information there are none. */
		if (!picture->families[0] || !*picture->families[0]) {
			picture->by_source = false;
			rank_origins(picture, origins);
		}
	}
	return true;
}

static void put_colour(struct picture *picture, const struct ct_function *function)
{
	unsigned int family = 0;
	while (family < FAMILIES &&
	       (!picture->families[family] ||
		strcmp(picture->families[family], origin_of(picture, function)) != 0))
		family++;
	unsigned int shade = ct_hash_bytes(function->name, strlen(function->name)) % SHADES;
	put_format(picture, "%c%u", 'a' + family, shade);
}

/* ---- frames ---- */

static void add_name(struct picture *picture, struct ct_strbuf *text, uint32_t at)
{
	const struct ct_session *session = picture->export->session;
	uint32_t key = picture->tree->nodes[at].key;
	if (at == 0) {
		ct_strbuf_add_string(text, "all");
	} else if (key >= picture->tree->function_count) {
		size_t stream = key - picture->tree->function_count;
		struct ct_bytes name = ct_export_thread_name(session, stream);
		ct_strbuf_add(text, name.bytes, name.length);
		ct_strbuf_printf(text, " (%u)", session->streams[stream].row.tid);
	} else {
		const struct ct_function *function = &session->functions[key];
		if (picture->export->request->with_modules && *function->module)
			ct_strbuf_printf(text, "%s`", ct_export_file_name(function->module));
		ct_strbuf_add_string(text, function->name);
	}
}

/* Its name, what it took, where it is. */
static void put_title(struct picture *picture, uint32_t at, const struct ct_strbuf *name)
{
	const struct ct_call_node *node = &picture->tree->nodes[at];
	const struct ct_session *session = picture->export->session;
	uint64_t all = picture->weights[0];
	put(picture, "<title>");
	put_xml(picture, name->bytes, name->length, SIZE_MAX);
	put(picture, "\n");
	put_weight(picture, picture->weights[at]);
	put_format(picture, ", %.2f %%",
		   all ? 100.0 * (double)picture->weights[at] / (double)all : 0.0);
	if (at > 0 && node->key < picture->tree->function_count) {
		const struct ct_function *function = &session->functions[node->key];
		if (!picture->by_calls) {
			put(picture, "; its own ");
			put_weight(picture, node->self_ns);
			put(picture, "; ");
			put_count(picture, node->calls, "call");
		}
		if (node->unfinished) {
			put(picture, "; ");
			put_count(picture, node->unfinished, "call");
			put(picture, " did not return");
		}
		if (*function->source) {
			put(picture, "\n");
			put_xml(picture, function->source, strlen(function->source), SIZE_MAX);
			if (function->line > 0)
				put_format(picture, ":%d", function->line);
		} else if (*function->module) {
			put(picture, "\n");
			put_xml(picture, function->module, strlen(function->module), SIZE_MAX);
		}
	}
	put(picture, "</title>");
}

static void put_frame(struct picture *picture, uint32_t at, uint32_t level, uint64_t start)
{
	const double char_width = 7.3, inside = WIDTH - 2 * PADDING;
	const struct ct_session *session = picture->export->session;
	uint32_t key = picture->tree->nodes[at].key;
	double all = (double)picture->weights[0];
	double x = PADDING + (all > 0 ? inside * (double)start / all : 0);
	double width = all > 0 ? inside * (double)picture->weights[at] / all : inside;
	struct ct_strbuf name = {0};
	add_name(picture, &name, at);
	put_format(picture,
		   "<g class=\"frame\" data-start=\"%" PRIu64 "\" data-weight=\"%" PRIu64 "\">",
		   start, picture->weights[at]);
	put_title(picture, at, &name);
	put(picture, "<rect class=\"");
	if (at == 0 || key >= session->function_count)
		put(picture, at == 0 ? "root" : "thread");
	else
		put_colour(picture, &session->functions[key]);
	put_format(picture, "\" x=\"%.2f\" y=\"%u\" width=\"%.2f\" height=\"%d\"/>", x, level * ROW,
		   width > 1 ? width - 0.6 : width, ROW - 1);
	if (width >= 4 * char_width) {
		put_format(picture, "<text x=\"%.2f\" y=\"%u\">", x + 4, level * ROW + 13);
		put_xml(picture, name.bytes, name.length, (size_t)((width - 8) / char_width));
		put(picture, "</text>");
	}
	put(picture, "</g>\n");
	ct_strbuf_deinit(&name);
}

/* Where the frames of each level begin: behind their parent's start and their siblings. */
static void put_frames(struct picture *picture)
{
	const struct ct_call_node *nodes = picture->tree->nodes;
	uint64_t starts[MOST_LEVELS + 2] = {0};
	uint32_t level = 0;
	put_frame(picture, 0, 0, 0);
	uint32_t at = next_node(nodes, 0, true, &level);
	while (at) {
		bool goes_below = is_drawn(picture, at);
		if (goes_below)
			put_frame(picture, at, level, starts[level]);
		starts[level + 1] = starts[level];
		starts[level] += picture->weights[at];
		at = next_node(nodes, at, goes_below && level < MOST_LEVELS, &level);
	}
}

/* Counts what will be drawn. */
static void measure(struct picture *picture)
{
	const struct ct_call_tree *tree = picture->tree;
	ct_cleanup(ct_cleanup_free) uint32_t *levels = calloc(tree->node_count, sizeof(*levels));
	for (uint32_t i = 1; levels && i < tree->node_count; i++) {
		levels[i] = levels[tree->nodes[i].parent] + 1;
		if (!is_drawn(picture, i) || levels[i] > MOST_LEVELS) {
			picture->left_out++;
			continue;
		}
		picture->frames++;
		if (levels[i] > picture->levels)
			picture->levels = levels[i];
	}
}

/* ---- around them ---- */

static void put_note(struct picture *picture)
{
	const struct ct_export *export = picture->export;
	const struct ct_export_summary *summary = export->summary;
	uint64_t threads = 0;
	for (size_t i = 0; i < export->session->stream_count; i++)
		threads += ct_export_has_stream(export, i);
	put_format(picture, "<text class=\"note\" x=\"%d\" y=\"48\">", PADDING);
	if (!picture->by_calls) {
		put_weight(picture, picture->weights[0]);
		put(picture, " in ");
	}
	put_count(picture, summary->calls, "call");
	put(picture, " of ");
	put_count(picture, threads, "thread");
	if (export->session->input_count > 1)
		put_format(picture, " in %zu processes", export->session->input_count);
	if (export->is_timeless)
		put(picture, "; no clock ran: widths are numbers of calls");
	if (picture->left_out) {
		put(picture, "; ");
		put_count(picture, picture->left_out, "path");
		put(picture, " too small to draw");
	}
	if (summary->lost_events) {
		put(picture, "; ");
		put_count(picture, summary->lost_events, "event");
		put(picture, " lost");
	}
	put(picture, "</text>\n");
}

static void put_legend(struct picture *picture)
{
	enum { CHIP = 11, CHAR_WIDTH = 7, MOST_CHARS = 28 };
	int x = PADDING;
	for (unsigned int i = 0; i <= FAMILIES; i++) {
		bool is_others = i == FAMILIES;
		if (is_others ? !picture->has_others : !picture->families[i])
			continue;
		const char *name = is_others ? "others" : ct_export_file_name(picture->families[i]);
		size_t length = strlen(name);
		put_format(picture,
			   "<rect class=\"%c0\" x=\"%d\" y=\"60\" width=\"%d\" height=\"%d\" "
			   "rx=\"3\"/><text class=\"key\" x=\"%d\" y=\"70\">",
			   'a' + i, x, CHIP, CHIP, x + CHIP + 5);
		put_xml(picture, name, length, MOST_CHARS);
		put(picture, "</text>\n");
		x += CHIP + 24 + CHAR_WIDTH * (int)(length < MOST_CHARS ? length : MOST_CHARS);
	}
}

static void put_picture(struct picture *picture)
{
	struct ct_bytes program = ct_export_program_name(picture->export->session, 0);
	uint32_t height = TOP + (picture->levels + 1) * ROW + PADDING;
	put(picture, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	put_format(picture,
		   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%u\" "
		   "viewBox=\"0 0 %d %u\">\n<title>",
		   WIDTH, height, WIDTH, height);
	put_xml(picture, program.bytes, program.length, SIZE_MAX);
	put(picture, ": flame graph</title>\n<style>\n");
	put(picture, flamegraph_css);
	put(picture, "</style>\n<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n");
	put_format(picture, "<text class=\"title\" x=\"%d\" y=\"28\">", PADDING);
	put_xml(picture, program.bytes, program.length, 80);
	put(picture, "</text>\n");
	put_note(picture);
	put_legend(picture);
	put_format(picture, "<g id=\"frames\" transform=\"translate(0,%d)\">\n", TOP);
	put_frames(picture);
	put(picture, "</g>\n<script><![CDATA[\n");
	put(picture, flamegraph_js);
	put(picture, "]]></script>\n</svg>\n");
}

static void tree_cleanup(struct ct_call_tree **tree)
{
	ct_call_tree_destroy(*tree);
}

static struct ct_error *run(const struct ct_export *export)
{
	ct_cleanup(tree_cleanup) struct ct_call_tree *tree = NULL;
	struct ct_error *err = ct_export_call_tree(export, export->request->by_thread, &tree);
	if (err)
		return err;
	struct picture picture = {
		.export = export,
		.tree = tree,
		.sink = ct_output_sink(export->output),
		.by_calls = export->request->by_calls || export->is_timeless,
		.weights = calloc(tree->node_count, sizeof(uint64_t)),
	};
	if (picture.weights)
		weigh(&picture);
	if (picture.weights && choose_least(&picture) && choose_families(&picture)) {
		measure(&picture);
		put_picture(&picture);
		export->summary->left_out = picture.left_out;
	} else {
		err = ct_error_nomem;
	}
	free(picture.weights);
	return err;
}

const struct ct_exporter ct_exporter_svg = {
	.name = "svg",
	.extensions = ".svg",
	.summary = "a flame graph: any browser",
	.run = run,
};
