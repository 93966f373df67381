/* SPDX-License-Identifier: MIT */
/* Summaries of packed files: see summary.h. */
#include "analysis/summary.h"

#include <string.h>

#include "base/cleanup.h"
#include "format/pack.h"
#include "reader/pack.h"

enum { BUCKETS_OF_GROUP = 1 << CT_HISTOGRAM_BITS };

/* ---- storing ---- */

/* A site of the function, and the trace that has it. */
struct owner {
	uint32_t input;
	uint32_t site;
};

static struct owner *make_owners(const struct ct_session *session)
{
	struct owner *owners = calloc((size_t)session->function_count + 1, sizeof(*owners));
	for (size_t i = session->input_count; owners && i-- > 0;)
		for (uint32_t j = session->inputs[i].site_count; j-- > 0;)
			owners[session->inputs[i].functions[j]] = (struct owner){(uint32_t)i, j};
	return owners;
}

static uint32_t store_buckets(const struct ct_statistic *times, struct ct_strbuf *ret)
{
	uint32_t count = 0;
	for (uint32_t group = 0; group < CT_HISTOGRAM_GROUPS; group++) {
		for (uint32_t i = 0; times->groups[group] && i < BUCKETS_OF_GROUP; i++) {
			const struct ct_pack_bucket bucket = {
				.number = group * BUCKETS_OF_GROUP + i,
				.count = times->groups[group][i],
			};
			if (bucket.count == 0)
				continue;
			ct_strbuf_add(ret, &bucket, sizeof(bucket));
			count++;
		}
	}
	return count;
}

static void store_row(const struct ct_profile_row *row, const struct owner *owner,
		      struct ct_columns *ret)
{
	const struct ct_pack_times times = {
		.input = owner->input,
		.site = owner->site,
		.calls = row->times.calls,
		.unfinished = row->times.unfinished,
		.total_ns = row->times.total_ns,
		.self_ns = row->times.self_ns,
		.sum_ns = row->times.sum_ns,
		.min_ns = row->times.min_ns,
		.max_ns = row->times.max_ns,
		.squares_ns = (double)row->squares,
		.bucket_count = store_buckets(&row->times, &ret->columns[CT_SUMMARY_BUCKETS]),
	};
	ct_strbuf_add(&ret->columns[CT_SUMMARY_FUNCTIONS], &times, sizeof(times));
}

bool ct_summary_store(const struct ct_session *session, const struct ct_profile *profile,
		      const struct ct_stream_count *streams, struct ct_columns *ret)
{
	ct_cleanup(ct_cleanup_free) struct owner *owners = make_owners(session);
	if (!owners)
		return false;
	ct_columns_reset(ret, CT_SUMMARY_COLUMNS);
	for (size_t i = 0; i < profile->row_count; i++)
		store_row(&profile->rows[i], &owners[profile->rows[i].key], ret);
	for (size_t i = 0; i < session->stream_count; i++) {
		const struct ct_pack_stream stream = {
			.input = session->streams[i].input,
			.stream = session->streams[i].stream,
			.calls = streams[i].calls,
			.lost_events = streams[i].lost_events,
		};
		ct_strbuf_add(&ret->columns[CT_SUMMARY_STREAMS], &stream, sizeof(stream));
	}
	return !ret->columns[CT_SUMMARY_FUNCTIONS].failed &&
	       !ret->columns[CT_SUMMARY_BUCKETS].failed && !ret->columns[CT_SUMMARY_STREAMS].failed;
}

/* ---- reading ---- */

/* Where the traces of one packed file begin in the session; and whether they are all there. */
struct part {
	const struct ct_pack *pack;
	size_t first_input;
};

static bool is_whole(const struct ct_session *session, const struct part *part)
{
	uint32_t count = ct_pack_input_count(part->pack);
	if (ct_pack_damage(part->pack) || count > session->input_count - part->first_input)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		const struct ct_input *input = &session->inputs[part->first_input + i];
		if (input->pack != part->pack || input->pack_input != i)
			return false;
	}
	return true;
}

/* The session's row of a function of a trace; NULL: there is none. */
static struct ct_profile_row *find_row(const struct ct_session *session, const struct part *part,
				       const struct ct_pack_times *times,
				       struct ct_profile_row *rows)
{
	if (times->input >= ct_pack_input_count(part->pack))
		return NULL;
	const struct ct_input *input = &session->inputs[part->first_input + times->input];
	return times->site < input->site_count ? &rows[input->functions[times->site]] : NULL;
}

/* The buckets from `at` on; false: damaged, or memory ran out. */
static bool read_buckets(const struct ct_strbuf *column, size_t at, uint32_t count,
			 struct ct_statistic *times, bool *nomem)
{
	if (count > ct_column_count(column, sizeof(struct ct_pack_bucket)) - at)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		struct ct_pack_bucket bucket;
		memcpy(&bucket, column->bytes + (at + i) * sizeof(bucket), sizeof(bucket));
		uint32_t group = bucket.number / BUCKETS_OF_GROUP;
		if (group >= CT_HISTOGRAM_GROUPS)
			return false;
		if (!times->groups[group] && !ct_statistic_grow(times, group)) {
			*nomem = true;
			return false;
		}
		times->groups[group][bucket.number % BUCKETS_OF_GROUP] = bucket.count;
	}
	return true;
}

static bool add_row(const struct ct_pack_times *stored, const struct ct_strbuf *buckets, size_t at,
		    struct ct_profile_row *row, bool *nomem)
{
	struct ct_statistic times = {
		.calls = stored->calls,
		.unfinished = stored->unfinished,
		.total_ns = stored->total_ns,
		.self_ns = stored->self_ns,
		.sum_ns = stored->sum_ns,
		.min_ns = stored->min_ns,
		.max_ns = stored->max_ns,
	};
	bool is_good = stored->unfinished <= stored->calls &&
		       read_buckets(buckets, at, stored->bucket_count, &times, nomem);
	if (is_good && !ct_statistic_merge(&row->times, &times)) {
		*nomem = true;
		is_good = false;
	}
	/* A file may say anything. */
	if (stored->squares_ns > 0 && stored->squares_ns < 0x1p120)
		row->squares += (unsigned __int128)stored->squares_ns;
	ct_statistic_deinit(&times);
	return is_good;
}

static bool add_rows(const struct ct_session *session, const struct part *part,
		     const struct ct_columns *columns, struct ct_profile_row *rows, bool *nomem)
{
	const struct ct_strbuf *functions = &columns->columns[CT_SUMMARY_FUNCTIONS];
	struct ct_pack_times times;
	size_t bucket = 0;
	for (size_t i = 0; i < ct_column_count(functions, sizeof(times)); i++) {
		memcpy(&times, functions->bytes + i * sizeof(times), sizeof(times));
		struct ct_profile_row *row = find_row(session, part, &times, rows);
		if (!row ||
		    !add_row(&times, &columns->columns[CT_SUMMARY_BUCKETS], bucket, row, nomem))
			return false;
		bucket += times.bucket_count;
	}
	return true;
}

/* Both are in the order of traces and of their streams. */
static bool add_streams(const struct ct_session *session, const struct part *part,
			const struct ct_columns *columns, struct ct_stream_count *counts)
{
	const struct ct_strbuf *streams = &columns->columns[CT_SUMMARY_STREAMS];
	struct ct_pack_stream stream;
	size_t at = 0;
	for (size_t i = 0; i < ct_column_count(streams, sizeof(stream)); i++) {
		memcpy(&stream, streams->bytes + i * sizeof(stream), sizeof(stream));
		while (at < session->stream_count &&
		       (session->streams[at].input != part->first_input + stream.input ||
			session->streams[at].stream != stream.stream))
			at++;
		if (at == session->stream_count)
			return false;
		counts[at] = (struct ct_stream_count){stream.calls, stream.lost_events};
	}
	return true;
}

static bool add_part(const struct ct_session *session, const struct part *part,
		     struct ct_profile_row *rows, struct ct_stream_count *streams, bool *nomem)
{
	ct_cleanup(ct_columns_deinit) struct ct_columns columns = {0};
	return is_whole(session, part) && ct_pack_read_summary(part->pack, &columns) &&
	       (!rows || add_rows(session, part, &columns, rows, nomem)) &&
	       (!streams || add_streams(session, part, &columns, streams));
}

bool ct_summary_add(const struct ct_session *session, struct ct_profile_row *rows,
		    struct ct_stream_count *streams, bool *nomem)
{
	*nomem = false;
	for (size_t i = 0; i < session->input_count;) {
		const struct part part = {session->inputs[i].pack, i};
		if (!part.pack || !add_part(session, &part, rows, streams, nomem))
			return false;
		i += ct_pack_input_count(part.pack);
	}
	return session->input_count > 0;
}
