/* SPDX-License-Identifier: MIT */
/*
 * Prints a trace as it is in the file: records in the order of the pieces,
 * nothing repaired. Runs in the calltrace command. Lines keep to 80 columns
 * but for paths and addresses that are long themselves.
 */
#include "reader/dump.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/plain_text.h"
#include "reader/dump_values.h"
#include "reader/trace_private.h"

enum { MAX_OPEN_SITES = 4096 };

struct dump {
	const struct ct_dump_options *options;
	const struct ct_trace *trace;
	FILE *out;
	uint64_t left; /* records still to be printed */
	/* Sites of the calls that are open, as far as they are known: what the values of a return
	 * mean goes by its call. 0: not known. */
	uint32_t open_sites[MAX_OPEN_SITES];
	struct ct_piece_buffer piece;
};

/* --- words --- */

/* Bytes from a file may hold anything, escape sequences of a terminal too. */
static void print_text(FILE *out, const char *bytes, size_t length)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	ct_plain_text_add(&text, bytes, length);
	fwrite(text.bytes ? text.bytes : "", 1, text.length, out);
}

static const char *word(const char *const *words, size_t count, uint64_t number)
{
	return number < count && words[number] ? words[number] : "?";
}
#define WORD(words, number) word(words, sizeof(words) / sizeof((words)[0]), number)

static const char *const clock_words[] = {
	[CT_CLOCK_TSC] = "tsc",
	[CT_CLOCK_MONOTONIC] = "monotonic",
	[CT_CLOCK_NONE] = "none",
};

static const char *const state_words[] = {
	[CT_STATE_RUNNING] = "running or killed", [CT_STATE_EXITED] = "exited",
	[CT_STATE_CRASHED] = "crashed",		  [CT_STATE_EXEC] = "replaced by exec",
	[CT_STATE_STOPPED] = "recording stopped",
};

static const char *const extended_words[] = {
	[CT_EXTENDED_SYNC] = "sync",   [CT_EXTENDED_UNWIND] = "unwind",
	[CT_EXTENDED_STACK] = "stack", [CT_EXTENDED_CREATE] = "create",
	[CT_EXTENDED_LOST] = "lost",
};

static const char *const unwind_words[] = {
	[CT_UNWIND_LONGJMP] = "longjmp",
	[CT_UNWIND_EXCEPTION] = "exception",
	[CT_UNWIND_STALE] = "found gone",
};

/* --- the first block --- */

static void print_string(struct dump *dump, const char *name, struct ct_string_ref ref)
{
	struct ct_bytes bytes = ct_trace_string(dump->trace, ref);
	fprintf(dump->out, "%-18s", name);
	print_text(dump->out, bytes.bytes, bytes.length);
	putc('\n', dump->out);
}

static void print_command_line(struct dump *dump)
{
	struct ct_bytes bytes = ct_trace_string(dump->trace, dump->trace->info.command_line);
	fprintf(dump->out, "%-18s", "command line");
	for (size_t at = 0; at < bytes.length;) {
		size_t length = strnlen(bytes.bytes + at, bytes.length - at);
		if (at)
			putc(' ', dump->out);
		print_text(dump->out, bytes.bytes + at, length);
		at += length + 1;
	}
	putc('\n', dump->out);
}

static void print_clock_point(struct dump *dump, const char *name,
			      const struct ct_clock_point *point)
{
	if (point->ticks)
		fprintf(dump->out,
			"%-18s%" PRIu64 " ticks, %" PRIu64 ".%09" PRIu64 " s, %" PRIu64
			".%09" PRIu64 " UTC\n",
			name, point->ticks, point->monotonic_ns / 1000000000,
			point->monotonic_ns % 1000000000, point->realtime_ns / 1000000000,
			point->realtime_ns % 1000000000);
}

static void print_crash(struct dump *dump, const struct ct_file_info *info)
{
	fprintf(dump->out,
		"%-18ssignal %u code %d address 0x%" PRIx64 " pc 0x%" PRIx64 "\n"
		"%-18sthread %u stream %u at %" PRIu64 " ns\n",
		"crash", info->crash_signal, info->crash_code, info->crash_address, info->crash_pc,
		"", info->crash_tid, info->crash_stream,
		ct_trace_ns(dump->trace, info->crash_ticks));
}

static void print_info(struct dump *dump)
{
	const struct ct_file_info *info = &dump->trace->info;
	FILE *out = dump->out;
	fprintf(out, "%-18s%u, machine %u, %u blocks, damage %" PRIu64 "\n", "format",
		info->format_version, info->machine, dump->trace->block_count,
		ct_trace_damage(dump->trace));
	fprintf(out, "%-18s%u, parent %u, run %016" PRIx64 "\n", "process", info->pid, info->ppid,
		info->run_id);
	fprintf(out, "%-18s%s%s\n", "state", WORD(state_words, info->state),
		ct_trace_is_live(dump->trace) ? " (the process is alive)" : "");
	if (info->state == CT_STATE_CRASHED)
		print_crash(dump, info);
	print_string(dump, "executable", info->executable);
	print_command_line(dump);
	print_string(dump, "working directory", info->working_directory);
	print_string(dump, "host name", info->hostname);
	print_string(dump, "output", info->output);
	print_string(dump, "output setting", info->output_setting);
	fprintf(out, "%-18smax depth %u, capture args %u, debug %u, pretty %u, layout %u\n",
		"settings", info->max_depth, info->capture_args, info->debug, info->pretty_json,
		info->json_layout);
	if (info->capture_args) {
		fprintf(out, "%-18sstrings of %u bytes, %u levels of pointers\n", "arguments",
			info->max_string, info->max_pointee);
		print_string(dump, "arguments of", info->args_filter);
	}
	fprintf(out, "%-18s%s, estimate %" PRIu64 " ticks per second\n", "clock",
		WORD(clock_words, info->clock_kind), info->ticks_per_second);
	print_clock_point(dump, "clock start", &info->start);
	print_clock_point(dump, "clock latest 0", &info->latest[0]);
	print_clock_point(dump, "clock latest 1", &info->latest[1]);
	print_clock_point(dump, "clock end", &info->end);
	fprintf(out, "%-18s%" PRIu64 "\n", "lost events", info->lost_events);
}

/* --- tables --- */

static void print_modules(struct dump *dump)
{
	for (uint32_t ordinal = 1; ordinal <= ct_trace_module_count(dump->trace); ordinal++) {
		struct ct_trace_module module;
		if (!ct_trace_module(dump->trace, ordinal, &module))
			continue;
		const struct ct_module *entry = &module.entry;
		fprintf(dump->out, "\nmodule %-11u", ordinal);
		print_text(dump->out, module.path.bytes, module.path.length);
		fprintf(dump->out, "\n%-18s0x%" PRIx64 "-0x%" PRIx64 " bias 0x%" PRIx64 "\n", "",
			entry->low, entry->high, entry->bias);
		fprintf(dump->out, "%-18sbuild-id ", "");
		for (size_t i = 0; i < entry->build_id_bytes; i++)
			fprintf(dump->out, "%02x", entry->build_id[i]);
		fprintf(dump->out, "%s\n%-18sloaded at %" PRIu64 " ns",
			entry->build_id_bytes ? "" : "unknown", "",
			ct_trace_ns(dump->trace, entry->load_ticks));
		if (entry->unload_ticks)
			fprintf(dump->out, ", gone at %" PRIu64 " ns",
				ct_trace_ns(dump->trace, entry->unload_ticks));
		putc('\n', dump->out);
	}
}

/* "program+0x1139", the address being one of the module's file, or an address of the process. */
static void print_address(struct dump *dump, uint64_t address, uint32_t ordinal)
{
	struct ct_trace_module module;
	if (!ct_trace_module(dump->trace, ordinal, &module)) {
		fprintf(dump->out, "0x%" PRIx64, address);
		return;
	}
	const char *path = module.path.bytes;
	size_t length = module.path.length;
	const char *slash = memrchr(path, '/', length);
	if (slash) {
		length -= (size_t)(slash + 1 - path);
		path = slash + 1;
	}
	print_text(dump->out, path, length);
	fprintf(dump->out, "+0x%" PRIx64, address - module.entry.bias);
}

static void print_name(const struct dump *dump, uint32_t number)
{
	if (!dump->options->name_of)
		return;
	struct ct_bytes name = dump->options->name_of(dump->options->names, number);
	putc(' ', dump->out);
	print_text(dump->out, name.bytes, name.length);
}

static void print_sites(struct dump *dump)
{
	putc('\n', dump->out);
	for (uint32_t number = 1; number <= ct_trace_site_count(dump->trace); number++) {
		struct ct_site site;
		if (!ct_trace_site(dump->trace, number, &site))
			continue;
		fprintf(dump->out, "site %-8u ", number);
		print_address(dump, site.function, site.module);
		print_name(dump, number);
		fputs(" hook ", dump->out);
		print_address(dump, site.site, site.module);
		fputs(" from ", dump->out);
		print_address(dump, site.call_site, site.call_module);
		putc('\n', dump->out);
	}
}

static void print_plans(struct dump *dump)
{
	for (uint32_t i = 0; i < ct_trace_plan_count(dump->trace); i++) {
		const struct ct_trace_plan *plan = ct_trace_plan_at(dump->trace, i);
		fputs("\nplan              hook ", dump->out);
		print_address(dump, plan->site_address, plan->module);
		putc('\n', dump->out);
		ct_dump_plan(dump->out, plan);
	}
}

static void print_thread(struct dump *dump, uint32_t stream)
{
	struct ct_thread_row row;
	fprintf(dump->out, "\nstream %-11u", stream);
	if (!ct_trace_thread(dump->trace, stream, &row)) {
		fputs("no row in the thread table\n", dump->out);
		return;
	}
	fprintf(dump->out, "thread %u%s \"", row.tid, row.flags & CT_THREAD_MAIN ? " (main)" : "");
	print_text(dump->out, row.name, strnlen(row.name, sizeof(row.name)));
	fprintf(dump->out,
		"\"\n%-18screated by thread %u, stream %u, serial %u, at %" PRIu64 " ns\n", "",
		row.parent_tid, row.parent_stream, row.create_serial,
		ct_trace_ns(dump->trace, row.created_ticks));
	fprintf(dump->out, "%-18sfrom %" PRIu64 " ns ", "",
		ct_trace_ns(dump->trace, row.start_ticks));
	if (row.flags & CT_THREAD_ENDED)
		fprintf(dump->out, "to %" PRIu64 " ns", ct_trace_ns(dump->trace, row.end_ticks));
	else
		fputs("on", dump->out);
	fprintf(dump->out, ", suppressed %" PRIu64 ", lost %" PRIu64 "\n", row.suppressed_calls,
		row.lost_events);
}

/* --- records --- */

/* Where the records of a piece have got to. */
struct position {
	const unsigned char *at;
	uint64_t epoch_ticks;
	uint64_t depth;
	uint32_t site;	/* of the call the last record was of; 0: of none, or not known */
	bool is_return; /* it was its return */
};

static void print_record_head(struct dump *dump, const struct position *position, uint64_t ticks,
			      const char *kind)
{
	fprintf(dump->out, "%17" PRIu64 " ns %6" PRIu64 "  %s", ct_trace_ns(dump->trace, ticks),
		position->depth, kind);
}

static void print_enter(struct dump *dump, struct position *position, uint64_t record)
{
	uint32_t number = record >> 24 & CT_SITE_MAX;
	struct ct_site site;
	print_record_head(dump, position, position->epoch_ticks | (record >> 2 & CT_TIME_MASK),
			  "enter ");
	if (position->depth < MAX_OPEN_SITES)
		dump->open_sites[position->depth] = number;
	position->depth++;
	position->site = number;
	position->is_return = false;
	fprintf(dump->out, " %u", number);
	if (ct_trace_site(dump->trace, number, &site)) {
		putc(' ', dump->out);
		print_address(dump, site.function, site.module);
		print_name(dump, number);
		fputs(" from ", dump->out);
		print_address(dump, site.call_site, site.call_module);
	}
	putc('\n', dump->out);
}

static void print_return(struct dump *dump, struct position *position, uint64_t record)
{
	position->site = 0;
	position->is_return = true;
	if (position->depth) {
		position->depth--;
		if (position->depth < MAX_OPEN_SITES)
			position->site = dump->open_sites[position->depth];
	}
	print_record_head(dump, position, position->epoch_ticks | (record >> 2 & CT_TIME_MASK),
			  "return");
	putc('\n', dump->out);
}

static void print_extended(struct dump *dump, struct position *position,
			   const struct ct_extended *record)
{
	uint8_t kind = record->head >> 2;
	position->epoch_ticks = record->ticks & ~CT_TIME_MASK;
	if (kind != CT_EXTENDED_SYNC && kind != CT_EXTENDED_CREATE)
		position->depth = record->depth;
	if (kind == CT_EXTENDED_STACK || kind == CT_EXTENDED_LOST)
		memset(dump->open_sites, 0, sizeof(dump->open_sites));
	position->site = 0;
	print_record_head(dump, position, record->ticks, WORD(extended_words, kind));
	if (kind == CT_EXTENDED_UNWIND)
		fprintf(dump->out, " %s\n", WORD(unwind_words, record->value));
	else
		fprintf(dump->out, " %" PRIu64 "\n", record->value);
}

static void print_values(struct dump *dump, const struct position *position,
			 const unsigned char *payload, size_t length)
{
	uint32_t index = ct_trace_plan_of(dump->trace, position->site);
	const struct ct_trace_plan *plan = index == UINT32_MAX
						   ? NULL
						   : ct_trace_plan_at(dump->trace, index);
	if (!plan || plan->why)
		ct_dump_payload(dump->out, payload, length, NULL, 0);
	else if (position->is_return)
		ct_dump_payload(dump->out, payload, length, plan->shape, plan->shape_count);
	else
		ct_dump_payload(dump->out, payload, length, plan->ops, plan->op_count);
}

/* One record; false after the last. */
static bool print_record(struct dump *dump, struct position *position)
{
	uint64_t record;
	memcpy(&record, position->at, sizeof(record)); /* zero bytes follow the piece */
	size_t left = (size_t)(dump->piece.end - position->at);
	size_t size_bytes = ct_record_bytes(record);
	if ((record & 3) == CT_RECORD_END)
		return false;
	bool is_values = ct_is_values((uint8_t)record);
	size_t head_bytes = ct_values_head_bytes((uint8_t)record);
	size_t smallest = is_values ? head_bytes : 2;
	if (size_bytes < smallest || size_bytes > left) {
		fprintf(dump->out, "%27s broken: %zu bytes are not a record\n", "", left);
		return false;
	}
	struct ct_cursor cur = ct_cursor_init(position->at, left, "record");
	struct ct_extended extended;
	if ((record & 3) == CT_RECORD_ENTER)
		print_enter(dump, position, record);
	else if ((record & 3) == CT_RECORD_RETURN)
		print_return(dump, position, record);
	else if (is_values)
		print_values(dump, position, position->at + head_bytes, size_bytes - head_bytes);
	else if (ct_extended_read(&cur, &extended))
		print_extended(dump, position, &extended);
	else
		fprintf(dump->out, "%27s unknown kind %u of %zu bytes\n", "",
			(unsigned int)(record >> 2 & 63), size_bytes);
	position->at += size_bytes;
	return true;
}

static void print_piece(struct dump *dump, const struct ct_piece *piece)
{
	fprintf(dump->out, "piece %u.%" PRIu64 " block %u %s", piece->stream, piece->seq,
		(unsigned int)piece->block, piece->live ? "live" : "appended");
	if (!ct_trace_read_piece(dump->trace, piece, &dump->piece)) {
		fputs(", not whole\n", dump->out);
		return;
	}
	const struct ct_block_header *header = &dump->piece.header;
	fprintf(dump->out, ", %u bytes, epoch %" PRIu64 ", depth %u, stack %u\n",
		header->used_bytes, header->epoch, header->depth, header->stack);
	struct position position = {dump->piece.begin, header->epoch << CT_EPOCH_SHIFT,
				    header->depth, 0, false};
	while (dump->left && print_record(dump, &position))
		dump->left--;
}

static void print_stream(struct dump *dump, uint32_t stream)
{
	const struct ct_trace *trace = dump->trace;
	print_thread(dump, stream);
	memset(dump->open_sites, 0, sizeof(dump->open_sites));
	for (uint32_t i = trace->first_piece[stream]; i < trace->first_piece[stream + 1]; i++) {
		if (!dump->left || ferror(dump->out))
			return;
		print_piece(dump, &trace->pieces[i]);
	}
}

static void dump_cleanup(struct dump **dump)
{
	if (*dump)
		ct_pack_cache_deinit(&(*dump)->piece.cache);
	free(*dump);
}

struct ct_error *ct_dump(const struct ct_trace *trace, FILE *out,
			 const struct ct_dump_options *options)
{
	if (options->stream > trace->stream_count)
		return ct_error_create("the trace has no stream %u; it has %u", options->stream,
				       trace->stream_count);
	ct_cleanup(dump_cleanup) struct dump *dump = calloc(1, sizeof(*dump));
	if (!dump)
		return ct_error_nomem;
	dump->trace = trace;
	dump->out = out;
	dump->options = options;
	dump->left = options->limit ? options->limit : UINT64_MAX;
	if (options->stream) {
		print_stream(dump, options->stream);
		return NULL;
	}
	print_info(dump);
	print_modules(dump);
	print_sites(dump);
	print_plans(dump);
	for (uint32_t stream = 1; stream <= trace->stream_count && !ferror(out); stream++)
		print_stream(dump, stream);
	return NULL;
}
