/* SPDX-License-Identifier: MIT */
/* The runtime's side of plans: see use_plans.h. What it needs of the rest is made up here. */
#include "use_plans.h"

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/planner_identity.h"
#include "plan/plan_file.h"
#include "reader/payload.h"
#include "runtime/hot.h"
#include "runtime/values.h"

enum {
	MODULE = 1,
	PLANS_MAX = 64, /* of a file are followed */
	FILE_BYTES_MAX = 6 << 20,
	STACK_BYTES = 4096,
	SP_OFFSET = 1024,
	PATTERN = 0xa5,
	ALLOCATED_MAX = 4096,
};
static const uint64_t bias = 0x555555554000;

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* ---- what the rest of the runtime has ---- */

struct ct_runtime ct_runtime = {.config.capture_args = true};
__thread struct ct_self ct_self;
bool ct_has_crc32, ct_crash_catches_faults;
int64_t ct_rseq_offset;
struct ct_site_table *ct_site_table;
struct ct_hooks ct_plain_hooks;
ct_hook *const ct_record_enter_slow, *const ct_record_exit_slow;
const char ct_stubs[CT_STUBS][CT_STUB_BYTES];
struct ct_stub_entry ct_stub_table[CT_STUBS];
const int32_t ct_cycles_values_enter_steps[CT_QUICK_CODES];
const int32_t ct_cycles_values_exit_steps[CT_QUICK_CODES];
const int32_t ct_order_values_enter_steps[CT_QUICK_CODES];
const int32_t ct_order_values_exit_steps[CT_QUICK_CODES];
const char ct_spawn_failed[] = "failed";

static void *allocated[ALLOCATED_MAX];

/* Instead of those in sys.c: each allocation by itself, as large as was asked for. */
void *exact_map(size_t size_bytes);
void *exact_map(size_t size_bytes)
{
	size_t i = 0;
	while (allocated[i])
		require(++i < ALLOCATED_MAX);
	allocated[i] = calloc(1, size_bytes);
	require(allocated[i]);
	return allocated[i];
}

void exact_unmap(void *memory, size_t size_bytes);
void exact_unmap(void *memory, size_t size_bytes)
{
	for (size_t i = 0; i < ALLOCATED_MAX; i++) {
		if (allocated[i] == memory) {
			allocated[i] = NULL;
			free(memory);
			return;
		}
	}
	munmap(memory, size_bytes); /* what is not allocated is a mapping of a file */
}

void call_here(void *top, void (*function)(long), long argument);
void call_here(void *top, void (*function)(long), long argument)
{
	(void)top;
	function(argument);
}

/* Some pages are there; they hold the same everywhere. */
static bool is_there(uint64_t address, size_t size_bytes)
{
	return address >= 4096 && address + size_bytes > address && (address >> 12) % 4 != 0;
}

bool made_up_peek(const void *from, void *ret, size_t size_bytes);
bool made_up_peek(const void *from, void *ret, size_t size_bytes)
{
	bool result = is_there((uint64_t)from, size_bytes);
	if (result)
		memset(ret, PATTERN, size_bytes);
	return result;
}

bool ct_memory_read(const struct ct_memory_view *view, uint64_t address, void *ret,
		    size_t size_bytes)
{
	(void)view;
	return made_up_peek((const void *)address, ret, size_bytes);
}

bool ct_memory_read_volatile(uint64_t address, void *ret, size_t size_bytes)
{
	return made_up_peek((const void *)address, ret, size_bytes);
}

long ct_memory_read_string(const struct ct_memory_view *view, uint64_t address, unsigned char *ret,
			   size_t size_bytes, bool *ret_ends)
{
	enum { MORE_BYTES = 7 }; /* as values.h has it */
	(void)view;
	*ret_ends = false;
	if (!is_there(address, 1))
		return -1;
	memset(ret, PATTERN, size_bytes + MORE_BYTES);
	size_t length = address % 512;
	if (length >= size_bytes)
		return (long)size_bytes;
	*ret_ends = length > 0 && address % 3 == 0;
	return (long)length;
}

void ct_memory_init(void)
{
}

bool ct_publish_enter(uint64_t word, uint64_t next, unsigned char *at, uint64_t record,
		      const uint64_t *values, uint64_t word_count)
{
	(void)word, (void)next, (void)at, (void)record, (void)values, (void)word_count;
	abort();
}

bool ct_publish_return(uint64_t word, uint64_t next, unsigned char *at, uint64_t record,
		       const uint64_t *values, uint64_t word_count)
{
	(void)word, (void)next, (void)at, (void)record, (void)values, (void)word_count;
	abort();
}

void ct_slow_return(const struct ct_planted *planted, const uint64_t *values)
{
	(void)planted, (void)values;
	abort();
}

uint64_t ct_slow_ticks(void)
{
	abort();
}

bool ct_stack_signal_range(uint64_t sp, struct ct_range *ret)
{
	(void)sp, (void)ret;
	return false;
}

void ct_file_lend_descriptor(void)
{
}

/* ---- where the plan file is ---- */

static struct {
	char home[32];
	char folder[64];
	char path[512];
	const void *bytes;
	size_t size_bytes;
	struct ct_module module;
} given;

static void remove_folders(void)
{
	rmdir(given.folder);
	*strrchr(given.folder, '/') = '\0';
	rmdir(given.folder);
	rmdir(given.home);
}

static void make_folders(void)
{
	snprintf(given.home, sizeof(given.home), "/tmp/calltrace-fuzz-XXXXXX");
	if (!mkdtemp(given.home))
		err(1, "%s", given.home);
	snprintf(given.folder, sizeof(given.folder), "%s/calltrace", given.home);
	mkdir(given.folder, 0700);
	strcat(given.folder, "/plans");
	mkdir(given.folder, 0700);
	atexit(remove_folders);
}

const char *ct_config_get(const char *name)
{
	return strcmp(name, "XDG_CACHE_HOME") == 0 ? given.home : NULL;
}

struct ct_module *ct_file_module(uint32_t ordinal)
{
	require(ordinal == MODULE);
	return &given.module;
}

/* For a module without a build-id: it is made. */
const char *ct_spawn_planner(const char *module, int fd, bool quiet)
{
	(void)module, (void)quiet;
	require(write(fd, given.bytes, given.size_bytes) == (ssize_t)given.size_bytes);
	return NULL;
}

/* With one: it is in the cache, and may be larger than what is given of it. */
static void put_into_cache(const struct ct_plan_header *header)
{
	char id[2 * sizeof(header->build_id) + 1];
	for (size_t i = 0; i < header->build_id_bytes; i++)
		snprintf(id + 2 * i, 3, "%02x", header->build_id[i]);
	snprintf(given.path, sizeof(given.path),
		 "%s/%s-%d." CT_PLANNER_IDENTITY "-%u-%u-%016x.plan", given.folder, id,
		 CT_PLAN_VERSION, header->settings.max_string, header->settings.max_pointee, 0);
	int fd = open(given.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, given.bytes, given.size_bytes) != (ssize_t)given.size_bytes)
		err(1, "%s", given.path);
	if (header->total_bytes > given.size_bytes && header->total_bytes <= FILE_BYTES_MAX &&
	    ftruncate(fd, (off_t)header->total_bytes) != 0)
		err(1, "%s", given.path);
	close(fd);
}

/* ---- what the runtime says ---- */

static struct ct_strbuf said;

/* What a plan in the trace is. */
static struct {
	struct ct_plan head;
	struct ct_block_shape shapes[CT_PLAN_BLOCKS_MAX];
	size_t shape_count;
	bool has_shapes;
} noted;

bool ct_file_add_plan(const struct ct_plan_row *row, const struct ct_plan *plan)
{
	require(row->module == MODULE && (plan != NULL) == (row->why == 0));
	said.length = 0;
	if (!plan)
		return true;
	/* All of it can be read, and is copied into a row. */
	require(plan->size_bytes >= sizeof(*plan) && plan->size_bytes < 65536);
	ct_strbuf_add(&said, plan, plan->size_bytes);
	return true;
}

static void note_shapes(const struct ct_plan_op *ops, size_t count)
{
	noted.has_shapes = ct_payload_shapes(ops, count, noted.shapes, &noted.shape_count);
	/* The runtime took it: the reader must. */
	require(noted.has_shapes);
}

/* ---- following ---- */

static struct {
	struct ct_thread thread;
	unsigned char *stack;
	uint64_t registers[CT_PLAN_REGISTERS];
} program;

static void begin_program(void)
{
	/* By itself, so that its end is one that is watched. */
	program.stack = malloc(STACK_BYTES);
	require(program.stack);
	memset(program.stack, PATTERN, STACK_BYTES);
	uint64_t low = (uint64_t)program.stack;
	for (size_t i = 0; i < CT_PLAN_REGISTERS; i++)
		program.registers[i] = 0x10001000 * i + i;
	program.registers[CT_PLAN_RSP] = low + SP_OFFSET;
	program.registers[CT_PLAN_RBP] = low + SP_OFFSET + 256;
	program.registers[CT_PLAN_R12] = low + STACK_BYTES - 4;
	program.registers[CT_PLAN_R13] = UINT64_MAX - 3;
	program.thread.own_stack.range = (struct ct_range){.low = low, .high = low + STACK_BYTES};
	program.thread.stack = &program.thread.own_stack;
	ct_self.thread = &program.thread;
}

static void end_program(void)
{
	free(program.stack);
	ct_self.thread = NULL;
}

static void check_payload(const unsigned char *payload, size_t size_bytes)
{
	struct ct_payload_block blocks[CT_PLAN_BLOCKS_MAX];
	require(size_bytes <= CT_PLAN_PAYLOAD_MAX);
	ct_payload_split(noted.shapes, noted.shape_count, payload, size_bytes, blocks);
	size_t last = noted.shape_count;
	while (last > 0 && !blocks[last - 1].bytes)
		last--;
	if (last == 0)
		return;
	/* What the runtime appended is what the reader finds, to the last byte. */
	const struct ct_payload_block *block = &blocks[last - 1];
	if (block->status == CT_PLAN_OK && last == noted.shape_count)
		require(block->bytes + block->length == payload + size_bytes);
}

static void follow(const struct ct_capture *capture)
{
	unsigned char *values;
	unsigned char *room = malloc(capture->room_bytes);
	require(room);
	size_t size_bytes = ct_values_evaluate(capture, program.registers, room, false, &values);
	if (size_bytes > 0) {
		size_t head_bytes = ct_values_head_bytes(*values);
		require(ct_is_values(*values) && size_bytes >= head_bytes &&
			values + size_bytes <= room + capture->room_bytes);
		check_payload(values + head_bytes, size_bytes - head_bytes);
	}
	free(room);
}

static uint64_t function_of(const struct ct_plan_content *plan)
{
	uint64_t function = plan->head.function + bias;
	uint64_t pointer = 0;
	if (!plan->head.function_is_slot)
		return function;
	return made_up_peek((const void *)function, &pointer, sizeof(pointer)) ? pointer : 0;
}

/* Was it accepted? */
static bool use_plan(uint64_t site, const struct ct_plan_content *plan)
{
	const struct ct_capture *same;
	/* The index has it twice. */
	if (ct_exit_find(site + bias, &same))
		return true;
	if (plan->head.kind == CT_PLAN_ENTER) {
		said.length = 0;
		const struct ct_capture *capture = ct_plan_of_enter(site + bias, function_of(plan),
								    MODULE);
		bool is_accepted = said.length > 0;
		if (capture) {
			require(is_accepted && capture->function == function_of(plan));
			note_shapes(plan->ops, plan->op_count);
			follow(capture);
		}
		/* No other function is told it. */
		require(ct_exit_find(site + bias, &same) && same == capture);
		return is_accepted;
	}
	const struct ct_capture *capture = ct_plan_of_exit(site + bias, 0);
	if (!capture)
		return false;
	note_shapes(plan->ops, plan->op_count);
	follow(capture);
	return true;
}

static void begin_module(const struct ct_plan_header *header)
{
	ct_runtime.config.max_string = header->settings.max_string;
	ct_runtime.config.max_pointee = header->settings.max_pointee;
	given.module = (struct ct_module){
		.size_bytes = sizeof(given.module),
		.ordinal = MODULE,
		.low = 0,
		.high = UINT64_MAX,
		.bias = bias,
		.build_id_bytes = (uint16_t)(header->build_id_bytes <= sizeof(header->build_id)
						     ? header->build_id_bytes
						     : 0),
	};
	memcpy(given.module.build_id, header->build_id, sizeof(header->build_id));
}

struct used_plans use_plans(const void *bytes, size_t size_bytes)
{
	struct used_plans used = {0};
	struct ct_plan_header header;
	if (size_bytes < sizeof(header))
		return used;
	memcpy(&header, bytes, sizeof(header));
	if (!given.home[0])
		make_folders();
	begin_module(&header);
	given.bytes = bytes;
	given.size_bytes = size_bytes;
	given.path[0] = '\0';
	if (given.module.build_id_bytes > 0)
		put_into_cache(&header);
	require(ct_plan_init() == 0);
	begin_program();
	/* One that is in no file; it makes the module known. */
	require(!ct_plan_of_enter(bias + 1, 0, MODULE));
	struct ct_plan_file file = {.bytes = bytes, .header = header};
	file.header.total_bytes = size_bytes; /* of a larger one, what is given of it */
	if (header.index_offset % 8 == 0 && header.index_offset < size_bytes &&
	    header.index_count <= (size_bytes - header.index_offset) / sizeof(struct ct_plan_index))
		used.plans = header.index_count;
	for (uint64_t i = 0; i < used.plans && i < PLANS_MAX; i++) {
		uint64_t site;
		struct ct_plan_content plan;
		used.refused += !ct_plan_file_get(&file, i, &site, &plan) || !use_plan(site, &plan);
	}
	end_program();
	ct_plan_forget_module(MODULE);
	exact_unmap(ct_exit_table, 0);
	if (given.path[0])
		unlink(given.path);
	return used;
}
