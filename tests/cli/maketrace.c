/* SPDX-License-Identifier: MIT */
/*
 * maketrace OUT.ctrace < SCRIPT: makes a raw trace for a test from a list of
 * what happened, one thing a line; '#' begins a comment. Times are ns from the
 * start of the trace (a tick is one), which lasts 1 ms unless `end` says more.
 *
 *   clock tsc|monotonic|none
 *   state running|exited|crashed|exec|stopped
 *   version N            of the format
 *   machine N            as ELF has it; 62: x86-64, 183: arm64
 *   process PID PPID
 *   command WORD...
 *   output PATH          absolute path of the document asked for
 *   pretty | flat        configuration of the run
 *   realtime NS          when it started, since 1970
 *   end NS
 *   crash SIGNAL TID STREAM NS ADDRESS PC
 *   lost N               events that belong to no thread
 *   module PATH LOW HIGH BIAS [BUILD-ID-BYTE]
 *   site MODULE FUNCTION SITE CALL_SITE CALL_MODULE
 *   thread TID main|other PARENT_TID CREATE_SERIAL CREATED_NS SUPPRESSED LOST NAME
 *                        the thread that the following records are of
 *   + NS SITE            a call
 *   - NS                 a return
 *   unwind NS DEPTH      calls above DEPTH are gone
 *   stack NS NUMBER DEPTH
 *   create NS SERIAL
 *   missing NS EVENTS DEPTH
 *   fib N                the calls of fib(N), each of 10 ns and more, on site 1
 *   window               what follows is in a live window, not in a whole piece
 *
 * Captured values (format/plan.h):
 *   capture STRING POINTEE FILTER|-
 *                        the settings
 *   plan MODULE SITE     a plan of the hook at SITE, which the next lines add to:
 *   op CODE FROM SIZE OFFSET OPERAND
 *   shape CODE FROM SIZE OFFSET OPERAND
 *   describe WORD...     nodes by name, numbers as bytes, others as below
 *   none MODULE SITE WHY
 *   values WORD...       of the call or return before
 * A WORD is a byte, or h:N w:N q:N for 2, 4, 8 bytes, f:N d:N for a float and a
 * double, s:TEXT for bytes, t:TEXT for a text with its length; in TEXT a ~ is
 * a space and \xNN a byte; so it is in a PATH of a module, a NAME and the command.
 */
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace_writer.h"

enum { START_TICKS = 1000, PIECE_BYTES = CT_BLOCK_BYTES - CT_BLOCK_HEADER_BYTES - 64 };

struct script {
	struct trace_writer writer;
	struct trace_records records;
	struct ct_thread_row thread;
	struct trace_piece piece; /* that `records` will be */
	uint64_t epoch;
	uint64_t now; /* ticks */
	uint32_t depth;
	uint32_t stack;
	uint32_t site_count;
	uint32_t module_count;
	uint32_t thread_count;
	bool live;
	bool has_plans;
	struct trace_plan plan; /* that is being put together; site 0: none */
	struct ct_plan_op ops[CT_PLAN_OPS_MAX];
	struct ct_plan_op shape[CT_PLAN_OPS_MAX];
	struct trace_records description;
};

static void end_piece(struct script *script)
{
	if (script->records.length == 0)
		return;
	script->piece.epoch = script->epoch;
	(script->live ? trace_writer_live : trace_writer_append)(&script->writer, script->piece,
								 &script->records);
	script->piece.seq++;
}

static void end_thread(struct script *script)
{
	end_piece(script);
	if (!script->thread.stream)
		return;
	script->thread.end_ticks = script->now;
	if (!script->live)
		script->thread.flags |= CT_THREAD_ENDED;
	trace_writer_thread(&script->writer, &script->thread);
}

/* Before a record: room in the piece, and its epoch. */
static void prepare(struct script *script, uint64_t ns)
{
	script->now = ns + START_TICKS;
	/* What follows may have values, and these have to be in the same piece. */
	size_t room = script->has_plans ? CT_PLAN_PAYLOAD_MAX + CT_VALUES_HEAD_BYTES : 0;
	if (script->records.length + room >= PIECE_BYTES)
		end_piece(script);
	if (script->records.length == 0) {
		script->epoch = script->now >> CT_EPOCH_SHIFT;
		script->piece.depth = script->depth;
		script->piece.stack = script->stack;
		script->piece.stream = script->thread.stream;
	}
}

static void enter(struct script *script, uint64_t ns, uint32_t site)
{
	prepare(script, ns);
	if (script->now >> CT_EPOCH_SHIFT != script->epoch) {
		end_piece(script);
		prepare(script, ns);
	}
	trace_records_enter(&script->records, script->now, site);
	script->depth++;
}

static void leave(struct script *script, uint64_t ns)
{
	prepare(script, ns);
	if (script->now >> CT_EPOCH_SHIFT != script->epoch) {
		end_piece(script);
		prepare(script, ns);
	}
	trace_records_return(&script->records, script->now);
	script->depth -= script->depth > 0;
}

static void extended(struct script *script, enum ct_extended_kind kind, uint32_t depth, uint64_t ns,
		     uint64_t value)
{
	prepare(script, ns);
	trace_records_extended(&script->records, kind, depth, script->now, value);
	script->epoch = script->now >> CT_EPOCH_SHIFT;
}

static void fib(struct script *script, unsigned int n)
{
	enter(script, script->now - START_TICKS + 5, 1);
	if (n > 1) {
		fib(script, n - 1);
		fib(script, n - 2);
	}
	leave(script, script->now - START_TICKS + 5);
}

static char *word(char **rest)
{
	char *found = strsep(rest, " ");
	while (found && !*found && *rest)
		found = strsep(rest, " ");
	if (!found)
		errx(1, "a word is missing");
	return found;
}

/* In place: a word with \\xNN for a byte. */
static char *decoded(char *text)
{
	char *to = text;
	for (const char *at = text; *at; at++) {
		unsigned int byte;
		if (sscanf(at, "\\x%2x", &byte) == 1) {
			*to++ = (char)byte;
			at += 3;
		} else {
			*to++ = *at;
		}
	}
	*to = '\0';
	return text;
}

static uint64_t number(char **rest)
{
	const char *text = word(rest);
	char *end;
	uint64_t value = strtoull(text, &end, 0);
	if (*end || end == text)
		errx(1, "'%s' is not a number", text);
	return value;
}

static uint32_t choice(char **rest, const char *const *names, uint32_t count)
{
	const char *text = word(rest);
	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(names[i], text) == 0)
			return i;
	}
	errx(1, "'%s' is not one of the choices", text);
}

static void set_command_line(struct script *script, char *rest)
{
	size_t length = strlen(decoded(rest));
	struct ct_string_ref line = trace_writer_string(&script->writer, rest);
	char *text = (char *)script->writer.bytes + line.offset;
	for (size_t i = 0; i < length; i++) {
		if (text[i] == ' ')
			text[i] = '\0';
	}
	line.length++; /* the last NUL */
	trace_writer_info(&script->writer)->command_line = line;
}

static void set_crash(struct script *script, char *rest)
{
	struct ct_file_info *info = trace_writer_info(&script->writer);
	info->crash_signal = (uint32_t)number(&rest);
	info->crash_code = 1;
	info->crash_tid = (uint32_t)number(&rest);
	info->crash_stream = (uint32_t)number(&rest);
	info->crash_ticks = number(&rest) + START_TICKS;
	info->crash_address = number(&rest);
	info->crash_pc = number(&rest);
}

static void add_module(struct script *script, char *rest)
{
	struct ct_module module = {.ordinal = ++script->module_count};
	const char *path = decoded(word(&rest));
	module.low = number(&rest);
	module.high = number(&rest);
	module.bias = number(&rest);
	if (rest && *rest) {
		module.build_id_bytes = 20;
		memset(module.build_id, (int)number(&rest), module.build_id_bytes);
	}
	trace_writer_module(&script->writer, &module, path);
}

static void add_site(struct script *script, char *rest)
{
	struct ct_site site = {.module = (uint32_t)number(&rest)};
	site.function = number(&rest);
	site.site = number(&rest);
	site.call_site = number(&rest);
	site.call_module = (uint32_t)number(&rest);
	trace_writer_site(&script->writer, ++script->site_count, &site);
}

static void begin_thread(struct script *script, char *rest)
{
	end_thread(script);
	script->thread = (struct ct_thread_row){.stream = ++script->thread_count};
	script->thread.tid = (uint32_t)number(&rest);
	script->thread.flags = strcmp(word(&rest), "main") == 0 ? CT_THREAD_MAIN : 0;
	script->thread.parent_tid = (uint32_t)number(&rest);
	script->thread.create_serial = (uint32_t)number(&rest);
	uint64_t created_ns = number(&rest);
	script->thread.created_ticks = created_ns ? created_ns + START_TICKS : 0;
	script->thread.suppressed_calls = number(&rest);
	script->thread.lost_events = number(&rest);
	snprintf(script->thread.name, sizeof(script->thread.name), "%s", decoded(word(&rest)));
	script->now = START_TICKS;
	script->depth = script->stack = 0;
	script->live = false;
	script->piece = (struct trace_piece){.seq = 0};
}

/* --- captured values --- */

static void end_plan(struct script *script)
{
	if (script->plan.site == 0)
		return;
	script->plan.ops = script->ops;
	script->plan.shape = script->shape;
	script->plan.description = script->description.bytes;
	script->plan.description_bytes = script->description.length;
	trace_writer_plan(&script->writer, &script->plan);
	script->description.length = 0;
	script->plan = (struct trace_plan){0};
}

static void begin_plan(struct script *script, char *rest, bool is_none)
{
	end_plan(script);
	script->has_plans = true;
	script->plan.module = (uint32_t)number(&rest);
	script->plan.site = number(&rest);
	if (is_none)
		script->plan.why = (uint32_t)number(&rest);
}

static struct ct_plan_op read_op(char *rest)
{
	static const char *const codes[] = {"",	      "register", "stack", "value",
					    "memory", "string",	  "text",  "sequence"};
	struct ct_plan_op op = {.code = (uint8_t)choice(&rest, codes, 8)};
	op.from = (uint8_t)number(&rest);
	op.size = (uint16_t)number(&rest);
	op.offset = (int32_t)number(&rest);
	op.operand = (int64_t)number(&rest);
	return op;
}

static void put_integer(struct trace_records *to, const char *text, size_t size_bytes)
{
	uint64_t value = strtoull(text, NULL, 0);
	trace_records_bytes(to, &value, size_bytes);
}

static void put_bytes(struct trace_records *to, char *text, bool with_length)
{
	size_t length = 0;
	for (const char *at = text; *at; at++) {
		unsigned int byte;
		if (sscanf(at, "\\x%2x", &byte) == 1) {
			text[length++] = (char)byte;
			at += 3;
		} else {
			text[length++] = *at == '~' ? ' ' : *at;
		}
	}
	uint16_t head = (uint16_t)length;
	if (with_length)
		trace_records_bytes(to, &head, sizeof(head));
	trace_records_bytes(to, text, length);
}

static void put_word(struct trace_records *to, char *text)
{
	static const char *const nodes[] = {
		"absent",   "block",	 "constant", "pieces", "signed", "unsigned", "bool",
		"char",	    "float",	 "complex",  "enum",   "bits",	 "pointer",  "string",
		"function", "reference", "struct",   "union",  "array",	 "chars",    "text",
		"sequence", "opaque",	 "at",	     "address"};
	char kind = text[0] && text[1] == ':' ? text[0] : 'b';
	float single = strtof(text + 2, NULL);
	double twice = strtod(text + 2, NULL);
	for (uint8_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		if (strcmp(text, nodes[i]) == 0) {
			trace_records_bytes(to, &i, 1);
			return;
		}
	}
	if (kind == 'b')
		put_integer(to, text, 1);
	else if (kind == 'h')
		put_integer(to, text + 2, 2);
	else if (kind == 'w')
		put_integer(to, text + 2, 4);
	else if (kind == 'q')
		put_integer(to, text + 2, 8);
	else if (kind == 'f')
		trace_records_bytes(to, &single, sizeof(single));
	else if (kind == 'd')
		trace_records_bytes(to, &twice, sizeof(twice));
	else if (kind == 's' || kind == 't')
		put_bytes(to, text + 2, kind == 't');
	else
		errx(1, "'%s' is no word of values", text);
}

static void put_words(struct trace_records *to, char *rest)
{
	for (char *text; (text = strsep(&rest, " "));) {
		if (*text)
			put_word(to, text);
	}
}

static void add_values(struct script *script, char *rest)
{
	struct trace_records payload = {0};
	put_words(&payload, rest);
	trace_records_values(&script->records, payload.bytes, payload.length);
	free(payload.bytes);
}

static void set_capture(struct script *script, char *rest)
{
	uint32_t max_string = (uint32_t)number(&rest);
	uint32_t max_pointee = (uint32_t)number(&rest);
	const char *filter = word(&rest);
	struct ct_string_ref ref = {0};
	if (strcmp(filter, "-") != 0)
		ref = trace_writer_string(&script->writer, filter);
	struct ct_file_info *info = trace_writer_info(&script->writer);
	info->capture_args = 1;
	info->max_string = max_string;
	info->max_pointee = max_pointee;
	info->args_filter = ref;
}

/* False: it is a line about something else. */
static bool take_values_line(struct script *script, const char *what, char *rest)
{
	if (strcmp(what, "capture") == 0)
		set_capture(script, rest);
	else if (strcmp(what, "plan") == 0)
		begin_plan(script, rest, false);
	else if (strcmp(what, "none") == 0)
		begin_plan(script, rest, true);
	else if (strcmp(what, "op") == 0)
		script->ops[script->plan.op_count++] = read_op(rest);
	else if (strcmp(what, "shape") == 0)
		script->shape[script->plan.shape_count++] = read_op(rest);
	else if (strcmp(what, "describe") == 0)
		put_words(&script->description, rest);
	else if (strcmp(what, "values") == 0)
		add_values(script, rest);
	else
		return false;
	return true;
}

static void set_info(struct script *script, const char *what, char *rest)
{
	static const char *const clocks[] = {"", "tsc", "monotonic", "none"};
	static const char *const states[] = {"", "running", "exited", "crashed", "exec", "stopped"};
	struct ct_file_info *info = trace_writer_info(&script->writer);

	if (strcmp(what, "clock") == 0) {
		info->clock_kind = choice(&rest, clocks, 4);
	} else if (strcmp(what, "state") == 0) {
		info->state = choice(&rest, states, 6);
	} else if (strcmp(what, "version") == 0) {
		info->format_version = (uint32_t)number(&rest);
	} else if (strcmp(what, "machine") == 0) {
		info->machine = (uint32_t)number(&rest);
	} else if (strcmp(what, "process") == 0) {
		info->pid = (uint32_t)number(&rest);
		info->ppid = (uint32_t)number(&rest);
	} else if (strcmp(what, "pretty") == 0) {
		info->pretty_json = 1;
	} else if (strcmp(what, "flat") == 0) {
		info->json_layout = CT_JSON_FLAT;
	} else if (strcmp(what, "lost") == 0) {
		info->lost_events = number(&rest);
	} else if (strcmp(what, "realtime") == 0) {
		info->start.realtime_ns = number(&rest);
	} else if (strcmp(what, "end") == 0) {
		uint64_t ns = number(&rest);
		info->end.ticks = info->start.ticks + ns;
		info->end.monotonic_ns = info->start.monotonic_ns + ns;
		info->end.realtime_ns = info->start.realtime_ns + ns;
	} else {
		errx(1, "there is nothing called '%s'", what);
	}
}

static void take_line(struct script *script, char *line)
{
	char *rest = line;
	const char *what = word(&rest);

	if (take_values_line(script, what, rest))
		return;
	if (strcmp(what, "module") == 0) {
		add_module(script, rest);
	} else if (strcmp(what, "site") == 0) {
		add_site(script, rest);
	} else if (strcmp(what, "thread") == 0) {
		begin_thread(script, rest);
	} else if (strcmp(what, "command") == 0) {
		set_command_line(script, rest);
	} else if (strcmp(what, "output") == 0) {
		struct ct_string_ref output = trace_writer_string(&script->writer, word(&rest));
		trace_writer_info(&script->writer)->output = output;
	} else if (strcmp(what, "crash") == 0) {
		set_crash(script, rest);
	} else if (strcmp(what, "+") == 0) {
		uint64_t ns = number(&rest);
		enter(script, ns, (uint32_t)number(&rest));
	} else if (strcmp(what, "-") == 0) {
		leave(script, number(&rest));
	} else if (strcmp(what, "unwind") == 0) {
		uint64_t ns = number(&rest);
		script->depth = (uint32_t)number(&rest);
		extended(script, CT_EXTENDED_UNWIND, script->depth, ns, CT_UNWIND_LONGJMP);
	} else if (strcmp(what, "stack") == 0) {
		uint64_t ns = number(&rest);
		uint32_t to = (uint32_t)number(&rest);
		uint32_t depth = (uint32_t)number(&rest);
		extended(script, CT_EXTENDED_STACK, depth, ns, to);
		script->stack = to;
		script->depth = depth;
	} else if (strcmp(what, "create") == 0) {
		uint64_t ns = number(&rest);
		extended(script, CT_EXTENDED_CREATE, script->depth, ns, number(&rest));
	} else if (strcmp(what, "missing") == 0) {
		uint64_t ns = number(&rest);
		uint64_t events = number(&rest);
		script->depth = (uint32_t)number(&rest);
		extended(script, CT_EXTENDED_LOST, script->depth, ns, events);
	} else if (strcmp(what, "fib") == 0) {
		fib(script, (unsigned int)number(&rest));
	} else if (strcmp(what, "window") == 0) {
		script->live = true;
	} else {
		set_info(script, what, rest);
	}
}

int main(int argc, char **argv)
{
	struct script script = {0};
	char *line = NULL;
	size_t capacity = 0;
	ssize_t length;

	if (argc != 2)
		errx(2, "usage: maketrace OUT.ctrace < SCRIPT");
	trace_writer_init(&script.writer);
	while ((length = getline(&line, &capacity, stdin)) > 0) {
		line[strcspn(line, "#\n")] = '\0';
		length = (ssize_t)strlen(line);
		while (length > 0 && line[length - 1] == ' ')
			line[--length] = '\0';
		if (length > 0)
			take_line(&script, line);
	}
	free(line);
	end_plan(&script);
	end_thread(&script);
	for (size_t block = 0; block < script.writer.block_count &&
			       trace_writer_info(&script.writer)->state != CT_STATE_RUNNING;
	     block++)
		trace_writer_seal(&script.writer, block);
	FILE *file = fopen(argv[1], "we");
	size_t size_bytes = script.writer.block_count * CT_BLOCK_BYTES;
	if (!file || fwrite(script.writer.bytes, 1, size_bytes, file) != size_bytes || fclose(file))
		err(1, "%s", argv[1]);
	trace_writer_deinit(&script.writer);
	free(script.records.bytes);
	free(script.description.bytes);
	return 0;
}
