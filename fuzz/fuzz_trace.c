/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a trace: opened, dumped, and walked with and without the
 * call-site rule; the values of its calls are written, and must be JSON. An input whose first byte
 * is even is the file itself. A fuzzer would spend its time in the zeros of 64 KiB blocks, so after
 * an odd byte the input is a list of short blocks, each a struct packed_block and its payload;
 * corpus/make_trace.py packs them.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/strbuf.h"
#include "export/values.h"
#include "format/file.h"
#include "fuzz_target.h"
#include "json_check.h"
#include "reader/dump.h"
#include "reader/trace.h"

enum packed_flags {
	PACKED_APPENDED = 1, /* records of a known length, with a trailer; else a live window */
	PACKED_TORN = 2,     /* a wrong trailer, or a FILE block without what makes it valid */
	PACKED_HUGE_SEQ = 4,
	PACKED_HUGE_STREAM = 8,
	PACKED_HUGE_DEPTH = 16,
	PACKED_FOREIGN = 32, /* of another file */
	PACKED_LAST = 64,    /* the file is cut after the payload */
};

struct packed_block {
	uint8_t type;
	uint8_t flags; /* enum packed_flags */
	uint8_t stream;
	uint8_t seq;
	uint8_t epoch;
	uint8_t stack;
	uint16_t depth;
	uint16_t payload_bytes;
};

enum { FILE_ID = 77, MAX_BLOCKS = 24, MAX_STEPS = 1 << 22, MAX_TEXT = 1 << 24 };

static unsigned char file_bytes[MAX_BLOCKS * CT_BLOCK_BYTES];

static void make_file_valid(struct ct_file_info *info)
{
	info->format_version = CT_FORMAT_VERSION;
	info->block_bytes = CT_BLOCK_BYTES;
	info->epoch_shift = CT_EPOCH_SHIFT;
}

static struct ct_block_header unpack_header(const struct packed_block *packed)
{
	return (struct ct_block_header){
		.magic = CT_BLOCK_MAGIC,
		.type = packed->type,
		.version = 1,
		.stream = packed->flags & PACKED_HUGE_STREAM ? packed->stream * 0x1010101U
							     : packed->stream,
		.used_bytes = packed->flags & PACKED_APPENDED ? packed->payload_bytes : 0,
		.seq = packed->flags & PACKED_HUGE_SEQ ? packed->seq * 0x101010101010101U
						       : packed->seq,
		.epoch = packed->epoch,
		.depth = packed->flags & PACKED_HUGE_DEPTH ? packed->depth * 0x10001U
							   : packed->depth,
		.stack = packed->stack,
		.file_id = FILE_ID + (packed->flags & PACKED_FOREIGN),
	};
}

/* Fill a block of zeros; how much of it is in the file. */
static size_t unpack_block(struct ct_cursor *cur, unsigned char *block)
{
	struct packed_block packed;
	ct_cursor_read(cur, &packed, sizeof(packed));
	if (packed.payload_bytes > ct_cursor_left(cur))
		packed.payload_bytes = (uint16_t)ct_cursor_left(cur);
	if (packed.payload_bytes > CT_BLOCK_BYTES - CT_BLOCK_HEADER_BYTES - CT_BLOCK_TRAILER_BYTES)
		packed.payload_bytes = 0;
	struct ct_block_header header = unpack_header(&packed);
	unsigned char *payload = block + sizeof(header);
	memcpy(block, &header, sizeof(header));
	ct_cursor_read(cur, payload, packed.payload_bytes);
	if (packed.type == CT_BLOCK_FILE && !(packed.flags & PACKED_TORN)) {
		struct ct_file_info info;
		memcpy(&info, payload, sizeof(info));
		make_file_valid(&info);
		memcpy(payload, &info, sizeof(info));
	}
	size_t size_bytes = sizeof(header) + packed.payload_bytes;
	if (packed.flags & PACKED_APPENDED) {
		uint64_t trailer = ct_block_trailer(&header) ^ (packed.flags & PACKED_TORN);
		memcpy(block + size_bytes, &trailer, sizeof(trailer));
		size_bytes += sizeof(trailer);
	}
	return packed.flags & PACKED_LAST ? size_bytes : CT_BLOCK_BYTES;
}

static size_t unpack_file(const uint8_t *bytes, size_t size_bytes)
{
	struct ct_cursor cur = ct_cursor_init(bytes, size_bytes, "input");
	size_t length = 0;
	for (size_t i = 0; i < MAX_BLOCKS && ct_cursor_left(&cur); i++) {
		memset(file_bytes + length, 0, CT_BLOCK_BYTES);
		size_t block_bytes = unpack_block(&cur, file_bytes + length);
		length += block_bytes;
		if (block_bytes < CT_BLOCK_BYTES)
			break;
	}
	return length;
}

/* --- values --- */

static struct {
	struct ct_sink sink; /* first */
	char memory[CT_SINK_ROOM_BYTES];
	struct ct_strbuf text;
	size_t total; /* of the input: a hostile description makes much of little */
} written;

static void renew(struct ct_sink *sink)
{
	ct_strbuf_add(&written.text, written.memory, (size_t)(sink->at - written.memory));
	sink->at = written.memory;
}

static void begin_text(void)
{
	written.sink = (struct ct_sink){written.memory, written.memory + sizeof(written.memory),
					renew};
	written.text.length = 0;
	ct_sink_add(&written.sink, "{", 1);
}

static void end_text(const char *end)
{
	ct_sink_add(&written.sink, end, strlen(end));
	renew(&written.sink);
	if (written.text.failed || !json_is_valid(written.text.bytes, written.text.length))
		abort();
	written.total += written.text.length;
}

static void write_values(struct ct_values *values, const struct ct_step *step)
{
	struct ct_value_bytes payload = {step->values, step->value_bytes, step->ticks};
	if (!values || written.total > MAX_TEXT)
		return;
	begin_text();
	if (step->kind == CT_STEP_CALL) {
		ct_values_put_arguments(values, &written.sink, step->site, payload, 3);
		end_text("\"end\":0}");
	} else if (step->kind == CT_STEP_END && step->end == CT_CALL_RETURNED) {
		ct_sink_add(&written.sink, "\"begin\":0", 9);
		ct_values_put_result(values, &written.sink, step->site, payload, 3);
		end_text("}");
	}
}

static void check_values(const struct ct_step *step)
{
	bool may_have = step->kind == CT_STEP_CALL ||
			(step->kind == CT_STEP_END && step->end == CT_CALL_RETURNED);
	/* All of them can be read. */
	unsigned int sum = 0;
	for (uint32_t i = 0; step->values && i < step->value_bytes; i++)
		sum += step->values[i];
	if ((step->values && !may_have) || (!step->values && step->value_bytes) ||
	    sum > 255 * step->value_bytes)
		abort();
}

/* What trace.h promises of a walk. */
static void walk(const struct ct_trace *trace, uint32_t stream, struct ct_values *values)
{
	struct ct_walk *walk;
	struct ct_error *error = ct_walk_create(trace, stream, &walk);
	if (error)
		errx(1, "%s", error->message);
	uint64_t last_ticks = 0;
	uint64_t calls = 0;
	uint64_t ends = 0;
	uint32_t own_depth = 0;
	struct ct_step step;
	for (int steps = 0; ct_walk_next(walk, &step); steps++) {
		bool is_call = step.kind == CT_STEP_CALL;
		bool is_end = step.kind == CT_STEP_END;
		calls += is_call;
		ends += is_end;
		if (step.stack == 0) {
			own_depth -= is_end;
			if ((is_call || is_end) && step.depth != own_depth)
				abort();
			own_depth += is_call;
		}
		if (step.ticks < last_ticks || step.site > ct_trace_site_count(trace) ||
		    ends > calls || steps > MAX_STEPS)
			abort();
		last_ticks = step.ticks;
		check_values(&step);
		write_values(values, &step);
		ct_trace_ns(trace, step.ticks);
	}
	if (ct_walk_failed(walk) || calls != ends)
		abort();
	ct_walk_destroy(walk);
}

/* Few and small keys, so that callers are found and recursion happens. */
static void set_keys(struct ct_trace *trace)
{
	uint32_t count = ct_trace_site_count(trace);
	uint64_t *keys = calloc((size_t)count + 1, 2 * sizeof(*keys));
	if (!keys)
		err(1, "keys");
	for (uint32_t i = 1; i <= count; i++) {
		struct ct_site site;
		if (!ct_trace_site(trace, i, &site))
			continue;
		keys[i] = site.function & 7;
		keys[count + 1 + i] = site.call_site & 7;
	}
	ct_trace_set_function_keys(trace, keys, keys + count + 1);
	free(keys);
}

static void use_tables(const struct ct_trace *trace)
{
	struct ct_trace_module module;
	for (uint32_t i = 1; i <= ct_trace_module_count(trace); i++) {
		if (ct_trace_module(trace, i, &module) && module.path.length)
			free(strndup(module.path.bytes, module.path.length));
	}
	ct_trace_duration_ns(trace);
}

static void use_trace(struct ct_trace *trace, FILE *null)
{
	use_tables(trace);
	for (uint32_t stream = 0; stream <= ct_trace_thread_count(trace); stream++)
		walk(trace, stream, NULL);
	set_keys(trace);
	written.total = 0;
	for (int pretty = 0; pretty < 2; pretty++) {
		struct ct_values *values;
		struct ct_error *error = ct_values_create(trace, pretty, false, &values);
		if (error)
			errx(1, "%s", error->message);
		for (uint32_t stream = 1; stream <= ct_trace_thread_count(trace); stream++)
			walk(trace, stream, values);
		ct_values_destroy(values);
	}
	struct ct_dump_options options = {.limit = 10000};
	ct_error_destroy(ct_dump(trace, null, &options));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	static int fd = -1;
	static FILE *null;
	static char path[32];
	if (fd < 0) {
		fd = memfd_create("trace", MFD_CLOEXEC);
		null = fopen("/dev/null", "we");
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	size_t length = size_bytes;
	if (size_bytes && bytes[0] % 2) {
		length = unpack_file(bytes + 1, size_bytes - 1);
		bytes = file_bytes;
	}
	if (fd < 0 || !null || ftruncate(fd, 0) < 0 || pwrite(fd, bytes, length, 0) < 0)
		err(1, "input");
	struct ct_trace *trace;
	struct ct_error *error = ct_trace_open(path, &trace);
	if (error) {
		ct_error_destroy(error);
		return 0;
	}
	use_trace(trace, null);
	ct_trace_destroy(trace);
	return 0;
}
