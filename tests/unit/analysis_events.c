/* SPDX-License-Identifier: MIT */
/* The calls that selections leave, with their depths, times and callers. */
#include "reader_test.h"

#include <malloc.h>
#include <sched.h>
#include <unistd.h>

#include "analysis/call_tree.h"
#include "analysis/events_loop.h"
#include "analysis/merge.h"
#include "analysis/profile.h"

/*
 * Times are ns from the start. Functions have no names but their addresses: site
 * N's is 0xN00.
 *	100..1000 0x100
 *	   200..600  0x200
 *	      300..400 0x300
 *	   700..900  0x300
 *	      750..800 0x100
 *	1100..1200 0x200
 */
struct fixture {
	struct trace_writer writer;
	struct ct_session *session;
};

static void add_stream(struct trace_writer *writer, uint32_t stream, const int *steps, size_t count)
{
	struct trace_records records = {0};
	struct ct_thread_row row = {.stream = stream, .tid = 40 + stream, .name = "worker"};
	row.name[6] = (char)('0' + stream);
	trace_writer_thread(writer, &row);
	for (size_t i = 0; i < count; i += 2) {
		if (steps[i + 1])
			trace_records_enter(&records, 1000 + (uint64_t)steps[i],
					    (uint32_t)steps[i + 1]);
		else
			trace_records_return(&records, 1000 + (uint64_t)steps[i]);
	}
	trace_writer_append(writer, (struct trace_piece){stream, 0, 0, 0, 0}, &records);
	free(records.bytes);
}

static int set_up(void **state)
{
	static const int first[] = {100, 1, 200, 2, 300, 3, 400,  0, 600,  0, 700,  3,
				    750, 1, 800, 0, 900, 0, 1000, 0, 1100, 2, 1200, 0};
	static const int second[] = {150, 2, 250, 0};
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	trace_writer_init(&f->writer);
	for (uint32_t i = 1; i <= 3; i++) {
		struct ct_site site = {
			.site = i * 0x100 + 8, .function = i * 0x100, .call_site = 0x10000 + i};
		trace_writer_site(&f->writer, i, &site);
	}
	add_stream(&f->writer, 1, first, sizeof(first) / sizeof(first[0]));
	add_stream(&f->writer, 2, second, sizeof(second) / sizeof(second[0]));
	const char *path = trace_writer_save(&f->writer);
	assert_no_error(ct_session_open(&path, 1, 0, NULL, &f->session));
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	ct_session_destroy(f->session);
	trace_writer_deinit(&f->writer);
	free(f);
	return 0;
}

static void cleanup_session(struct ct_session **session)
{
	ct_session_destroy(*session);
}

static void cleanup_events(struct ct_events **events)
{
	ct_events_destroy(*events);
}

static void cleanup_selection(struct ct_selection **selection)
{
	ct_selection_destroy(*selection);
}

/* Events as they come, written down. */
struct written {
	const struct ct_session *session;
	uint64_t last_ns;
	struct ct_strbuf text;
};

static void cleanup_written(struct written *written)
{
	ct_strbuf_deinit(&written->text);
}

/* "+1 0" function 0x100 begins at depth 0; "-1 900/500" it ends, with its duration and its own. */
static bool write_event(void *state, size_t stream, const struct ct_event *event)
{
	struct written *written = state;
	struct ct_strbuf *text = &written->text;
	const char *whole_name = written->session->functions[event->function].name;
	char name = whole_name[2] ? whole_name[2] : whole_name[0]; /* or "??" */
	(void)stream;
	ct_strbuf_add_string(text, text->length ? ", " : "");
	if (event->kind == CT_EVENT_BEGIN) {
		ct_strbuf_printf(text, "+%c %u", name, event->depth);
	} else if (event->kind == CT_EVENT_END) {
		ct_strbuf_printf(text, "-%c %lu/%lu", name, (unsigned long)event->duration_ns,
				 (unsigned long)event->self_ns);
		if (event->end != CT_CALL_RETURNED)
			ct_strbuf_printf(text, ":%u", event->end);
		if (event->is_outermost)
			ct_strbuf_add_string(text, "!");
	} else {
		ct_strbuf_printf(text, "lost %lu", (unsigned long)event->lost);
	}
	if (event->stack)
		ct_strbuf_printf(text, "@%u", event->stack);
	if (event->values)
		ct_strbuf_printf(text, "=%.*s", (int)event->value_bytes,
				 (const char *)event->values);
	assert_true(event->ns >= written->last_ns);
	written->last_ns = event->ns;
	return true;
}

CT_EVENTS_LOOP(write_all, write_event)

static void events_text(const struct ct_session *session, const struct ct_selection *selection,
			size_t stream, bool in_a_loop, struct written *ret)
{
	ct_cleanup(cleanup_events) struct ct_events *events = NULL;
	struct ct_event event;
	uint64_t some;
	ret->session = session;
	assert_no_error(ct_events_create(session, stream, selection, NULL, &events));
	while (in_a_loop ? write_all(events, ret, stream, &some) : ct_events_next(events, &event))
		if (!in_a_loop)
			write_event(ret, stream, &event);
	assert_false(ct_events_failed(events));
	ct_strbuf_add_string(&ret->text, "");
}

static void assert_events(void **state, const struct ct_selection_options *options,
			  const char *expected)
{
	struct fixture *f = *state;
	ct_cleanup(cleanup_selection) struct ct_selection *selection = NULL;
	assert_no_error(ct_selection_create(f->session, options, &selection));
	for (int in_a_loop = 0; in_a_loop < 2; in_a_loop++) {
		ct_cleanup(cleanup_written) struct written written = {0};
		events_text(f->session, selection, 0, in_a_loop, &written);
		assert_string_equal(written.text.bytes, expected);
	}
}

static void all_calls(void **state)
{
	assert_events(state, &(struct ct_selection_options){0},
		      "+1 0, +2 1, +3 2, -3 100/100!, -2 400/300!, +3 1, +1 2, -1 50/50, "
		      "-3 200/150!, -1 900/300!, +2 0, -2 100/100!");
}

static const char *const function_1[] = {"0x100"};
static const char *const function_2[] = {"0x200"};
static const char *const function_3[] = {"0x300"};

static void one_function(void **state)
{
	assert_events(state,
		      &(struct ct_selection_options){.functions = function_3, .function_count = 1},
		      "+3 0, -3 100/100!, +3 0, -3 200/200!");
}

/* What it called is its callers', its time too. */
static void without_a_function(void **state)
{
	assert_events(state,
		      &(struct ct_selection_options){.excluded = function_2, .excluded_count = 1},
		      "+1 0, +3 1, -3 100/100!, +3 1, +1 2, -1 50/50, -3 200/150!, -1 900/600!");
}

static void inside_a_function(void **state)
{
	assert_events(state,
		      &(struct ct_selection_options){.inside = function_2, .inside_count = 1},
		      "+2 0, +3 1, -3 100/100!, -2 400/300!, +2 0, -2 100/100!");
}

static void outside_of_a_function(void **state)
{
	assert_events(state,
		      &(struct ct_selection_options){.outside = function_2, .outside_count = 1},
		      "+1 0, +3 1, +1 2, -1 50/50, -3 200/150!, -1 900/700!");
}

static void inside_one_and_outside_of_another(void **state)
{
	assert_events(state,
		      &(struct ct_selection_options){.inside = function_1,
						     .inside_count = 1,
						     .outside = function_3,
						     .outside_count = 1},
		      "+1 0, +2 1, -2 400/400!, -1 900/500!");
}

static void the_outermost_levels(void **state)
{
	assert_events(state, &(struct ct_selection_options){.max_depth = 2},
		      "+1 0, +2 1, -2 400/400!, +3 1, -3 200/200!, -1 900/300!, +2 0, -2 100/100!");
}

/* Those around a long call begin late, but in order. */
static void long_calls(void **state)
{
	assert_events(state, &(struct ct_selection_options){.min_duration_ns = 200},
		      "+1 0, +2 1, -2 400/300!, +3 1, -3 200/150!, -1 900/300!");
	assert_events(state, &(struct ct_selection_options){.min_duration_ns = 1000}, "");
}

static void calls_of_a_time(void **state)
{
	assert_events(state, &(struct ct_selection_options){.time = "300ns..751ns"},
		      "+3 0, -3 100/100!, +3 0, +1 1, -1 50/50!, -3 200/150!");
	assert_events(state, &(struct ct_selection_options){.time = "1us.."}, "+2 0, -2 100/100!");
}

/* A call without its time is in nobody's, when a filter of functions is there, too. */
static void long_calls_of_a_function_inside_another(void **state)
{
	assert_events(state,
		      &(struct ct_selection_options){.functions = function_3,
						     .function_count = 1,
						     .inside = function_1,
						     .inside_count = 1,
						     .min_duration_ns = 150},
		      "+3 0, -3 200/200!");
}

static void threads_are_chosen_by_id_and_name(void **state)
{
	struct fixture *f = *state;
	static const char *const texts[][1] = {{"41"}, {"worker2"}, {"work*"}};
	static const bool expected[][2] = {{true, false}, {false, true}, {true, true}};
	for (size_t i = 0; i < 3; i++) {
		ct_cleanup(cleanup_selection) struct ct_selection *selection = NULL;
		const struct ct_selection_options options = {.threads = texts[i],
							     .thread_count = 1};
		assert_no_error(ct_selection_create(f->session, &options, &selection));
		assert_int_equal(selection->streams[0], expected[i][0]);
		assert_int_equal(selection->streams[1], expected[i][1]);
	}
}

static void what_means_nothing_is_said(void **state)
{
	struct fixture *f = *state;
	static const char *const nowhere[] = {"nowhere"};
	static const char *const broken[] = {"/(/"};
	const struct {
		struct ct_selection_options options;
		const char *expected;
	} cases[] = {
		{{.functions = nowhere, .function_count = 1},
		 "--function: no function that was called is meant by 'nowhere'"},
		{{.threads = nowhere, .thread_count = 1},
		 "no thread in the trace is meant by --thread 'nowhere'"},
		{{.processes = nowhere, .process_count = 1},
		 "no thread in the trace is meant by --process 'nowhere'"},
		{{.time = "2s..1s"}, "--time: '2s..1s' ends before it begins"},
		{{.time = "1s"}, "--time: '1s' is not a range such as 1.5s..2s, 10ms.. or ..250us"},
	};
	struct ct_selection *selection = NULL;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ct_error *err = ct_selection_create(f->session, &cases[i].options,
							   &selection);
		assert_non_null(err);
		assert_string_equal(err->message, cases[i].expected);
		ct_error_destroy(err);
	}
	const struct ct_selection_options options = {.inside = broken, .inside_count = 1};
	struct ct_error *err = ct_selection_create(f->session, &options, &selection);
	assert_non_null(err);
	ct_error_destroy(err);
}

/* The values of a call that begins late are still its own. */
static void long_calls_keep_their_values(void **state)
{
	static const unsigned char outer[] = "outer", inner[] = "in", brief[] = "brief";
	struct trace_writer writer;
	struct trace_records records = {0};
	struct ct_thread_row row = {.stream = 1, .tid = 41, .name = "main"};
	struct ct_session *session = NULL;
	struct ct_event event;
	(void)state;
	trace_writer_init(&writer);
	for (uint32_t i = 1; i <= 3; i++) {
		struct ct_site site = {
			.site = i * 0x100 + 8, .function = i * 0x100, .call_site = 0x10000 + i};
		trace_writer_site(&writer, i, &site);
	}
	trace_writer_thread(&writer, &row);
	trace_records_enter(&records, 1100, 1);
	trace_records_values(&records, outer, sizeof(outer));
	trace_records_enter(&records, 1110, 3);
	trace_records_values(&records, brief, sizeof(brief));
	trace_records_return(&records, 1120);
	trace_records_enter(&records, 1200, 2);
	trace_records_values(&records, inner, sizeof(inner));
	trace_records_return(&records, 1500);
	trace_records_return(&records, 1600);
	trace_writer_append(&writer, (struct trace_piece){1, 0, 0, 0, 0}, &records);
	free(records.bytes);
	const char *path = trace_writer_save(&writer);
	assert_no_error(ct_session_open(&path, 1, 0, NULL, &session));
	ct_cleanup(cleanup_selection) struct ct_selection *selection = NULL;
	ct_cleanup(cleanup_events) struct ct_events *events = NULL;
	assert_no_error(ct_selection_create(
		session, &(struct ct_selection_options){.min_duration_ns = 100}, &selection));
	assert_no_error(ct_events_create(session, 0, selection, NULL, &events));
	assert_true(ct_events_next(events, &event));
	assert_non_null(event.values);
	assert_memory_equal(event.values, outer, sizeof(outer));
	assert_true(ct_events_next(events, &event));
	assert_non_null(event.values);
	assert_memory_equal(event.values, inner, sizeof(inner));
	assert_true(ct_events_next(events, &event));
	assert_int_equal(event.kind, CT_EVENT_END);
	assert_true(ct_events_next(events, &event));
	assert_false(ct_events_next(events, &event));
	ct_session_destroy(session);
	trace_writer_deinit(&writer);
}

/* ---- profiles ---- */

static void cleanup_profile(struct ct_profile **profile)
{
	ct_profile_destroy(*profile);
}

static const struct ct_profile_row *row_of(const struct ct_session *session,
					   const struct ct_profile *profile, char name)
{
	for (size_t i = 0; i < profile->row_count; i++) {
		uint32_t key = profile->rows[i].key;
		if (key == CT_NO_CALLER ? name == '-' : session->functions[key].name[2] == name)
			return &profile->rows[i];
	}
	fail_msg("no row of %c", name);
	return NULL;
}

static void functions_are_counted_over_threads(void **state)
{
	struct fixture *f = *state;
	ct_cleanup(cleanup_profile) struct ct_profile *profile = NULL;
	const struct ct_profile_options options = {.by = CT_BY_FUNCTION};
	assert_no_error(ct_profile_create(f->session, NULL, &options, &profile));
	assert_int_equal(profile->row_count, 3);
	assert_int_equal(profile->calls, 7);
	const struct ct_profile_row *row = row_of(f->session, profile, '1');
	assert_int_equal(row->times.calls, 2);
	assert_int_equal(row->times.total_ns, 900);
	assert_int_equal(row->times.self_ns, 350);
	assert_int_equal(row->times.sum_ns, 950);
	assert_true(ct_profile_mean(row) == 475);
	assert_true(ct_profile_deviation(row) == 425);
	row = row_of(f->session, profile, '2');
	assert_int_equal(row->times.calls, 3);
	assert_int_equal(row->times.min_ns, 100);
	assert_int_equal(row->times.max_ns, 400);
}

static void threads_are_rows(void **state)
{
	struct fixture *f = *state;
	ct_cleanup(cleanup_profile) struct ct_profile *profile = NULL;
	const struct ct_profile_options options = {.by = CT_BY_THREAD};
	assert_no_error(ct_profile_create(f->session, NULL, &options, &profile));
	assert_int_equal(profile->row_count, 2);
	for (size_t i = 0; i < 2; i++) {
		bool is_first = profile->rows[i].key == 0;
		assert_int_equal(profile->rows[i].times.calls, is_first ? 6 : 1);
		assert_int_equal(profile->rows[i].times.total_ns, is_first ? 1000 : 100);
	}
}

static void callers_and_callees(void **state)
{
	struct fixture *f = *state;
	ct_cleanup(ct_cleanup_free) bool *chosen = calloc(f->session->function_count,
							  sizeof(*chosen));
	assert_non_null(chosen);
	for (uint32_t i = 0; i < f->session->function_count; i++)
		chosen[i] = f->session->functions[i].name[2] == '2';
	ct_cleanup(cleanup_profile) struct ct_profile *callers = NULL;
	ct_cleanup(cleanup_profile) struct ct_profile *callees = NULL;
	struct ct_profile_options options = {.by = CT_BY_CALLER, .chosen = chosen};
	assert_no_error(ct_profile_create(f->session, NULL, &options, &callers));
	assert_int_equal(callers->row_count, 2);
	assert_int_equal(row_of(f->session, callers, '1')->times.sum_ns, 400);
	assert_int_equal(row_of(f->session, callers, '-')->times.calls, 2);
	options.by = CT_BY_CALLEE;
	assert_no_error(ct_profile_create(f->session, NULL, &options, &callees));
	assert_int_equal(callees->row_count, 1);
	assert_int_equal(row_of(f->session, callees, '3')->times.sum_ns, 100);
}

/* ---- trees ---- */

static void cleanup_tree(struct ct_call_tree **tree)
{
	ct_call_tree_destroy(*tree);
}

/* "1x1 900/300(...)": function, calls, total and self, what is below. */
static void tree_text(const struct ct_session *session, const struct ct_call_tree *tree,
		      struct ct_strbuf *ret)
{
	uint32_t index = tree->nodes[0].first_child;
	while (index) {
		const struct ct_call_node *node = &tree->nodes[index];
		char name = node->key < tree->function_count ? session->functions[node->key].name[2]
							     : 'T';
		ct_strbuf_printf(ret, "%cx%lu %lu/%lu", name, (unsigned long)node->calls,
				 (unsigned long)node->total_ns, (unsigned long)node->self_ns);
		ct_strbuf_add_string(ret, node->first_child ? "(" : "");
		if (node->first_child) {
			index = node->first_child;
			continue;
		}
		while (index && !tree->nodes[index].next_sibling) {
			index = tree->nodes[index].parent;
			ct_strbuf_add_string(ret, index ? ")" : "");
		}
		ct_strbuf_add_string(ret, index ? " " : "");
		index = index ? tree->nodes[index].next_sibling : 0;
	}
}

static void assert_tree(const struct ct_session *session, const struct ct_call_tree *tree,
			const char *expected)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	tree_text(session, tree, &text);
	assert_string_equal(text.bytes ? text.bytes : "", expected);
}

static void paths_are_added_up_over_threads(void **state)
{
	struct fixture *f = *state;
	ct_cleanup(cleanup_tree) struct ct_call_tree *tree = NULL;
	assert_no_error(
		ct_call_tree_create(f->session, NULL, &(struct ct_call_tree_options){0}, &tree));
	assert_tree(f->session, tree,
		    "1x1 900/300(2x1 400/300(3x1 100/100) 3x1 200/150(1x1 50/50)) 2x2 200/200");
	assert_int_equal(tree->nodes[0].total_ns, 1100);
	assert_int_equal(tree->nodes[0].self_ns, 1100);
}

static void threads_have_trees_of_their_own(void **state)
{
	struct fixture *f = *state;
	ct_cleanup(cleanup_tree) struct ct_call_tree *tree = NULL;
	const struct ct_call_tree_options options = {.by_thread = true};
	assert_no_error(ct_call_tree_create(f->session, NULL, &options, &tree));
	assert_tree(f->session, tree,
		    "Tx2 1000/0(1x1 900/300(2x1 400/300(3x1 100/100) 3x1 200/150(1x1 50/50)) "
		    "2x1 100/100) Tx1 100/0(2x1 100/100)");
	assert_int_equal(tree->nodes[0].total_ns, 1100);
}

/* No time is lost: it is the own time of the last node there is. */
static void paths_beyond_the_limit_are_their_callers_own(void **state)
{
	struct fixture *f = *state;
	ct_cleanup(cleanup_tree) struct ct_call_tree *tree = NULL;
	const struct ct_call_tree_options options = {.by_thread = true, .most_nodes = 4};
	assert_no_error(ct_call_tree_create(f->session, NULL, &options, &tree));
	assert_int_equal(tree->node_count, 4);
	assert_true(tree->folded_calls > 0);
}

static void trees_turn_upside_down(void **state)
{
	struct fixture *f = *state;
	ct_cleanup(cleanup_tree) struct ct_call_tree *tree = NULL;
	ct_cleanup(cleanup_tree) struct ct_call_tree *inverted = NULL;
	ct_cleanup(ct_cleanup_free) bool *chosen = calloc(f->session->function_count,
							  sizeof(*chosen));
	assert_non_null(chosen);
	for (uint32_t i = 0; i < f->session->function_count; i++)
		chosen[i] = f->session->functions[i].name[2] != '2';
	assert_no_error(
		ct_call_tree_create(f->session, NULL, &(struct ct_call_tree_options){0}, &tree));
	assert_no_error(ct_call_tree_invert(tree, chosen, 10, &inverted));
	/* 0x100 below itself adds to its own time alone. */
	assert_tree(f->session, inverted,
		    "1x2 900/350(3x1 0/50(1x1 0/50)) "
		    "3x2 300/250(1x1 200/150 2x1 100/100(1x1 100/100))");
}

/* ---- sessions ---- */

static void traces_of_several_processes_are_one(void **state)
{
	struct fixture *f = *state;
	const char *path = f->writer.path;
	const char *paths[] = {path, path};
	struct ct_session *session = NULL;
	assert_no_error(ct_session_open(paths, 2, CT_SESSION_HAS_SIDES, NULL, &session));
	assert_int_equal(session->input_count, 2);
	assert_int_equal(session->stream_count, 4);
	assert_int_equal(session->function_count, f->session->function_count);
	ct_session_destroy(session);
}

static void the_same_file_is_read_once(void **state)
{
	struct fixture *f = *state;
	const char *paths[] = {f->writer.path, f->writer.path};
	struct ct_session *session = NULL;
	assert_no_error(ct_session_open(paths, 2, 0, NULL, &session));
	assert_int_equal(session->input_count, 1);
	assert_int_equal(session->stream_count, f->session->stream_count);
	ct_session_destroy(session);
}

static unsigned int warnings;

static void count_warning(const char *sentence)
{
	(void)sentence;
	warnings++;
}

static void one_that_cannot_be_read_is_left_out(void **state)
{
	struct fixture *f = *state;
	const char *paths[] = {"/dev/null", f->writer.path};
	struct ct_session *session = NULL;
	warnings = 0;
	assert_no_error(ct_session_open(paths, 2, 0, count_warning, &session));
	assert_int_equal(session->input_count, 1);
	assert_int_equal(warnings, 1);
	ct_session_destroy(session);
	struct ct_error *err = ct_session_open(paths, 1, 0, NULL, &session);
	assert_non_null(err);
	ct_error_destroy(err);
	paths[0] = "/nowhere/at/all";
	err = ct_session_open(paths, 1, 0, NULL, &session);
	assert_non_null(err);
	ct_error_destroy(err);
}

/* Calls that mostly nest on some stacks, and what comes between. */
static void add_anything(struct trace_writer *writer, unsigned int *seed)
{
	enum { RECORDS = 1000 };
	struct trace_records records = {0};
	struct ct_thread_row row = {.stream = 1, .tid = 41};
	uint64_t ticks = 1000;
	trace_writer_thread(writer, &row);
	for (int i = 0; i < RECORDS; i++) {
		uint32_t kind = (uint32_t)rand_r(seed) % 100;
		uint32_t depth = (uint32_t)rand_r(seed) % 8;
		ticks += (uint32_t)rand_r(seed) % 50;
		if (kind < 45)
			trace_records_enter(&records, ticks, 1 + (uint32_t)rand_r(seed) % 4);
		else if (kind < 92)
			trace_records_return(&records, ticks);
		else if (kind < 95)
			trace_records_values(&records, "some values", depth);
		else
			trace_records_extended(&records, (enum ct_extended_kind)(kind - 95), depth,
					       ticks, (uint32_t)rand_r(seed) % 3);
	}
	trace_writer_append(writer, (struct trace_piece){1, 0, 0, 0, 0}, &records);
	free(records.bytes);
}

static void events_are_the_same_in_a_loop(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 100; seed++) {
		unsigned int random = seed;
		ct_cleanup(trace_writer_deinit) struct trace_writer writer;
		ct_cleanup(cleanup_session) struct ct_session *session = NULL;
		trace_writer_init(&writer);
		for (uint32_t i = 1; i <= 3; i++) {
			struct ct_site site = {
				.site = i * 0x100 + 8, .function = i * 0x100, .call_site = 1};
			trace_writer_site(&writer, i, &site);
		}
		add_anything(&writer, &random);
		const char *path = trace_writer_save(&writer);
		assert_no_error(ct_session_open(&path, 1, 0, NULL, &session));
		ct_cleanup(cleanup_written) struct written single = {0}, loop = {0};
		events_text(session, NULL, 0, false, &single);
		events_text(session, NULL, 0, true, &loop);
		assert_string_equal(single.text.bytes, loop.text.bytes);
	}
}

/* ---- parts of a stream ---- */

/* Calls of one thread in so many pieces that it is read in parts, open at the end of each. */
static void add_pieces(struct trace_writer *writer)
{
	enum { PIECES = 300, RECORDS = 40, MOST_DEPTH = 30 };
	struct trace_records records = {0};
	struct ct_thread_row row = {.stream = 1, .tid = 41};
	unsigned int seed = 1;
	uint64_t ticks = 5000;
	uint32_t depth = 0;
	trace_writer_thread(writer, &row);
	for (uint64_t seq = 0; seq < PIECES; seq++) {
		uint32_t before = depth;
		for (int i = 0; i < RECORDS; i++) {
			ticks += (uint32_t)rand_r(&seed) % 50;
			if (depth < MOST_DEPTH && (depth == 0 || rand_r(&seed) % 2)) {
				trace_records_enter(&records, ticks,
						    1 + (uint32_t)rand_r(&seed) % 3);
				depth++;
			} else {
				trace_records_return(&records, ticks);
				depth--;
			}
		}
		trace_writer_append(writer, (struct trace_piece){1, seq, before, 0, 0}, &records);
	}
	free(records.bytes);
}

static void open_pieces(struct trace_writer *writer, struct ct_session **ret)
{
	trace_writer_init(writer);
	for (uint32_t i = 1; i <= 3; i++) {
		struct ct_site site = {
			.site = i * 0x100 + 8, .function = i * 0x100, .call_site = 1};
		trace_writer_site(writer, i, &site);
	}
	add_pieces(writer);
	const char *path = trace_writer_save(writer);
	assert_no_error(ct_session_open(&path, 1, 0, NULL, ret));
}

/* As on a machine with one processor, where nothing is read in parts. */
static void use_processors(const cpu_set_t *all, bool one)
{
	cpu_set_t some;
	CPU_ZERO(&some);
	for (int cpu = 0; one && CPU_COUNT(&some) == 0; cpu++)
		if (CPU_ISSET(cpu, all))
			CPU_SET(cpu, &some);
	assert_int_equal(sched_setaffinity(0, sizeof(some), one ? &some : all), 0);
}

static void assert_same_rows(const struct ct_profile *a, const struct ct_profile *b)
{
	assert_int_equal(a->row_count, b->row_count);
	for (size_t i = 0; i < a->row_count; i++) {
		const struct ct_profile_row *left = &a->rows[i], *right = &b->rows[i];
		assert_memory_equal(&left->times, &right->times,
				    offsetof(struct ct_statistic, groups));
		assert_true(left->squares == right->squares);
		for (unsigned int percent = 0; percent <= 100; percent += 5)
			assert_int_equal(ct_statistic_percentile(&left->times, percent),
					 ct_statistic_percentile(&right->times, percent));
	}
}

static void selected(const struct ct_session *session, unsigned int which,
		     struct ct_selection **ret)
{
	const struct ct_selection_options options[] = {
		{0},
		{.excluded = function_2, .excluded_count = 1},
		{.inside = function_2, .inside_count = 1},
		{.max_depth = 4},
		{.time = "100us..200us"},
		{.min_duration_ns = 200},
	};
	assert_true(which < sizeof(options) / sizeof(options[0]));
	assert_no_error(ct_selection_create(session, &options[which], ret));
}

static void profiles_of_parts_are_those_of_the_whole(void **state)
{
	ct_cleanup(trace_writer_deinit) struct trace_writer writer;
	ct_cleanup(cleanup_session) struct ct_session *session = NULL;
	cpu_set_t all;
	(void)state;
	open_pieces(&writer, &session);
	bool *chosen = calloc(session->function_count, sizeof(*chosen));
	assert_non_null(chosen);
	chosen[1] = true;
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	for (unsigned int i = 0; i < 6 * (CT_BY_CALLEE + 1); i++) {
		ct_cleanup(cleanup_selection) struct ct_selection *selection = NULL;
		ct_cleanup(cleanup_profile) struct ct_profile *whole = NULL, *parts = NULL;
		const struct ct_profile_options options = {.by = (enum ct_profile_by)(i / 6),
							   .chosen = chosen};
		selected(session, i % 6, &selection);
		use_processors(&all, true);
		assert_no_error(ct_profile_create(session, selection, &options, &whole));
		use_processors(&all, false);
		assert_no_error(ct_profile_create(session, selection, &options, &parts));
		assert_same_rows(whole, parts);
	}
	free(chosen);
}

static void trees_of_parts_are_those_of_the_whole(void **state)
{
	ct_cleanup(trace_writer_deinit) struct trace_writer writer;
	ct_cleanup(cleanup_session) struct ct_session *session = NULL;
	cpu_set_t all;
	(void)state;
	open_pieces(&writer, &session);
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	for (unsigned int i = 0; i < 6; i++) {
		ct_cleanup(cleanup_selection) struct ct_selection *selection = NULL;
		struct ct_strbuf texts[2] = {{0}};
		const struct ct_call_tree_options options = {.by_thread = i % 2};
		selected(session, i, &selection);
		for (int one = 0; one < 2; one++) {
			ct_cleanup(cleanup_tree) struct ct_call_tree *tree = NULL;
			use_processors(&all, one);
			assert_no_error(ct_call_tree_create(session, selection, &options, &tree));
			tree_text(session, tree, &texts[one]);
			ct_strbuf_printf(&texts[one], " %lu",
					 (unsigned long)tree->nodes[0].self_ns);
		}
		use_processors(&all, false);
		assert_string_equal(texts[0].bytes, texts[1].bytes);
		ct_strbuf_deinit(&texts[0]);
		ct_strbuf_deinit(&texts[1]);
	}
}

static void cleanup_merge(struct ct_merge **merge)
{
	ct_merge_destroy(*merge);
}

/* Thread i calls in epoch i, and in the one after it. */
static void add_thread(struct trace_writer *writer, uint32_t i)
{
	struct trace_records records = {0};
	struct ct_thread_row row = {.stream = i, .tid = 40 + i};
	trace_writer_thread(writer, &row);
	trace_records_enter(&records, 5, 1);
	trace_records_extended(&records, CT_EXTENDED_SYNC, 1, (uint64_t)(i + 1) << CT_EPOCH_SHIFT,
			       0);
	trace_records_return(&records, 10);
	trace_writer_append(writer, (struct trace_piece){.stream = i, .epoch = i}, &records);
	free(records.bytes);
}

static void threads_in_the_order_of_time_are_open_while_they_call(void **state)
{
	enum { THREADS = 400, MEMORY_MOST = 1 << 20 };
	(void)state;
	ct_cleanup(trace_writer_deinit) struct trace_writer writer;
	ct_cleanup(cleanup_session) struct ct_session *session = NULL;
	ct_cleanup(cleanup_merge) struct ct_merge *merge = NULL;
	struct ct_merged merged;
	trace_writer_init(&writer);
	trace_writer_site(&writer, 1, &(struct ct_site){.site = 0x108, .function = 0x100});
	for (uint32_t i = THREADS; i > 0; i--)
		add_thread(&writer, i);
	const char *path = trace_writer_save(&writer);
	assert_no_error(ct_session_open(&path, 1, 0, NULL, &session));
	size_t before_bytes = mallinfo2().uordblks;
	assert_no_error(ct_merge_create(session, NULL, &merge));
	uint64_t last_ns = 0, ends = 0;
	while (ct_merge_next(merge, &merged)) {
		assert_true(merged.event.ns >= last_ns);
		last_ns = merged.event.ns;
		ends += merged.is_whole || merged.event.kind == CT_EVENT_END;
		assert_true(mallinfo2().uordblks < before_bytes + MEMORY_MOST);
	}
	assert_false(ct_merge_failed(merge));
	assert_int_equal(ends, THREADS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	TEST(all_calls),
	TEST(one_function),
	TEST(without_a_function),
	TEST(inside_a_function),
	TEST(outside_of_a_function),
	TEST(inside_one_and_outside_of_another),
	TEST(the_outermost_levels),
	TEST(long_calls),
	TEST(calls_of_a_time),
	TEST(long_calls_of_a_function_inside_another),
	cmocka_unit_test(long_calls_keep_their_values),
	cmocka_unit_test(events_are_the_same_in_a_loop),
	cmocka_unit_test(profiles_of_parts_are_those_of_the_whole),
	cmocka_unit_test(trees_of_parts_are_those_of_the_whole),
	cmocka_unit_test(threads_in_the_order_of_time_are_open_while_they_call),
	TEST(threads_are_chosen_by_id_and_name),
	TEST(what_means_nothing_is_said),
	TEST(functions_are_counted_over_threads),
	TEST(threads_are_rows),
	TEST(callers_and_callees),
	TEST(paths_are_added_up_over_threads),
	TEST(threads_have_trees_of_their_own),
	TEST(paths_beyond_the_limit_are_their_callers_own),
	TEST(trees_turn_upside_down),
	TEST(traces_of_several_processes_are_one),
	TEST(the_same_file_is_read_once),
	TEST(one_that_cannot_be_read_is_left_out),
};

UNIT_TEST_MAIN(tests)
