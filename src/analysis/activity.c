/* SPDX-License-Identifier: MIT */
/* What running processes are doing: see activity.h. */
#include "analysis/activity.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "export/names.h"
#include "format/record.h"
#include "reader/follow.h"
#include "reader/pack.h"
#include "symbols/symbols.h"

enum { NONE = UINT32_MAX, FOLDER_TRACES_MAX = 100000 };

/* Of one file, wherever and in whichever process it is loaded. */
struct module {
	char *path;
	struct ct_trace_module row; /* of the process that had it first */
	struct ct_symbols *symbols;
	bool is_open; /* `symbols` was tried */
};

/* Of a module in one process. */
struct mapping {
	uint64_t bias, low, high;
};

struct function {
	uint32_t module;  /* index; 0: none is known */
	uint64_t address; /* in the file; without a module as it was at run time */
	char *name;	  /* NULL: not looked up yet */
	uint32_t name_number;
	uint64_t calls, self_ns;       /* since the last look */
	struct ct_activity_row counts; /* as of the last look */
};

struct stack {
	uint32_t number;
	uint32_t depth;
	uint32_t *frames; /* functions */
	size_t capacity;
};

struct thread {
	struct stack *stacks;
	size_t stack_count, stack_capacity;
	size_t current;
	uint64_t last_ticks; /* up to here time was given to a call */
	uint64_t last_ns;    /* the same, by the clock's scale as it was in this look: */
	uint64_t look;
};

struct process {
	char *path;
	struct ct_follow *follow; /* NULL: could not be opened yet, or is over */
	bool is_over;
	uint32_t *functions; /* by site: index + 1 */
	size_t site_count;
	uint32_t *modules;	  /* by ordinal: index + 1 */
	struct mapping *mappings; /* by ordinal too */
	size_t module_count;
	struct thread *threads;
	size_t thread_count;
	uint64_t lost_events, skipped;
	uint64_t lasted_ns;
};

struct ct_activity {
	char **folders;
	size_t folder_count;
	struct process *processes;
	size_t process_count;
	struct module *modules; /* the first is no module */
	size_t module_count;
	struct function *functions;
	size_t function_count, function_capacity;
	uint32_t *named; /* functions with names, in the order in which they got them */
	size_t named_count, named_capacity;
	uint32_t *slots; /* of functions, by module and address: index + 1 */
	size_t slot_count;
	struct ct_activity_row *rows;
	uint64_t last_look_ns;
	bool has_read;		      /* of a process */
	struct process *reading;      /* whose steps are coming */
	const struct ct_scale *scale; /* its */
	uint64_t look;		      /* number of this one */
	char *path_bytes;
};

/* ---- life ---- */

static void process_close(struct process *process)
{
	ct_follow_destroy(process->follow);
	process->follow = NULL;
	for (size_t i = 0; i < process->thread_count; i++) {
		for (size_t j = 0; j < process->threads[i].stack_count; j++)
			free(process->threads[i].stacks[j].frames);
		free(process->threads[i].stacks);
	}
	free(process->threads);
	free(process->functions);
	free(process->modules);
	free(process->mappings);
	process->threads = NULL;
	process->functions = process->modules = NULL;
	process->mappings = NULL;
	process->thread_count = process->site_count = process->module_count = 0;
}

void ct_activity_destroy(struct ct_activity *activity)
{
	if (!activity)
		return;
	for (size_t i = 0; i < activity->folder_count; i++)
		free(activity->folders[i]);
	for (size_t i = 0; i < activity->process_count; i++) {
		process_close(&activity->processes[i]);
		free(activity->processes[i].path);
	}
	for (size_t i = 0; i < activity->module_count; i++) {
		ct_symbols_destroy(activity->modules[i].symbols);
		free(activity->modules[i].path);
	}
	for (size_t i = 0; i < activity->function_count; i++)
		free(activity->functions[i].name);
	free(activity->folders);
	free(activity->processes);
	free(activity->modules);
	free(activity->functions);
	free(activity->slots);
	free(activity->named);
	free(activity->rows);
	free(activity->path_bytes);
	free(activity);
}

static void cleanup_activity(struct ct_activity **activity)
{
	ct_activity_destroy(*activity);
}

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

struct ct_error *ct_activity_create(struct ct_activity **ret)
{
	ct_cleanup(cleanup_activity) struct ct_activity *activity = calloc(1, sizeof(*activity));
	if (!activity)
		return ct_error_nomem;
	activity->path_bytes = malloc(CT_BLOCK_BYTES);
	activity->modules = calloc(1, sizeof(*activity->modules));
	activity->module_count = activity->modules ? 1 : 0;
	activity->slot_count = 1024;
	activity->slots = calloc(activity->slot_count, sizeof(*activity->slots));
	if (!activity->path_bytes || !activity->modules || !activity->slots)
		return ct_error_nomem;
	*ret = ct_take(activity);
	return NULL;
}

/* ---- which traces ---- */

static struct ct_error *add_process(struct ct_activity *activity, const char *path)
{
	for (size_t i = 0; i < activity->process_count; i++)
		if (strcmp(activity->processes[i].path, path) == 0)
			return NULL;
	struct process *processes = reallocarray(activity->processes, activity->process_count + 1,
						 sizeof(*processes));
	if (!processes)
		return ct_error_nomem;
	activity->processes = processes;
	processes[activity->process_count] = (struct process){.path = strdup(path)};
	return processes[activity->process_count++].path ? NULL : ct_error_nomem;
}

static struct ct_error *look_into_folder(struct ct_activity *activity, const char *folder)
{
	static const char ending[] = ".ctrace";
	DIR *entries = opendir(folder);
	struct ct_error *err = NULL;
	if (!entries)
		return ct_error_errno(errno, "cannot read the folder '%s'", folder);
	for (const struct dirent *entry; !err && (entry = readdir(entries));) {
		size_t length = strlen(entry->d_name);
		char *path = NULL;
		if (length < sizeof(ending) ||
		    strcmp(entry->d_name + length - sizeof(ending) + 1, ending) != 0 ||
		    activity->process_count >= FOLDER_TRACES_MAX)
			continue;
		err = asprintf(&path, "%s/%s", folder, entry->d_name) < 0
			      ? ct_error_nomem
			      : add_process(activity, path);
		free(path);
	}
	closedir(entries);
	return err;
}

struct ct_error *ct_activity_add(struct ct_activity *activity, const char *path)
{
	struct stat status;
	if (stat(path, &status) != 0)
		return ct_error_errno(errno, "cannot open '%s'", path);
	if (S_ISREG(status.st_mode) && ct_pack_is_one(path))
		return ct_error_create("'%s' is packed: nothing of it runs any more; see it with "
				       "'calltrace report'",
				       path);
	if (!S_ISDIR(status.st_mode)) {
		struct ct_follow *follow = NULL;
		struct ct_error *err = ct_follow_open(path, &follow);
		ct_follow_destroy(follow);
		return err ? err : add_process(activity, path);
	}
	char **folders = reallocarray(activity->folders, activity->folder_count + 1,
				      sizeof(*folders));
	if (!folders)
		return ct_error_nomem;
	activity->folders = folders;
	folders[activity->folder_count] = strdup(path);
	if (!folders[activity->folder_count])
		return ct_error_nomem;
	return look_into_folder(activity, folders[activity->folder_count++]);
}

/* ---- functions ---- */

/* An array's index, made zeros where it is new; false: no memory. */
static bool make_room(void *array_pointer, size_t *count, size_t index, size_t element_bytes)
{
	void **array = array_pointer;
	if (index < *count)
		return true;
	size_t wanted = index + 1 + *count / 2;
	char *larger = reallocarray(*array, wanted, element_bytes);
	if (!larger)
		return false;
	memset(larger + *count * element_bytes, 0, (wanted - *count) * element_bytes);
	*array = larger;
	*count = wanted;
	return true;
}

/* Index of the module with this ordinal of the process; 0: not known, and at no address. */
static uint32_t module_of(struct ct_activity *activity, struct process *process, uint32_t ordinal,
			  struct mapping *ret_mapping)
{
	enum { ORDINALS_MAX = 1 << 20 };
	struct ct_trace_module row;
	size_t mapping_count = process->module_count;
	*ret_mapping = (struct mapping){0};
	if (ordinal == 0 || ordinal > ORDINALS_MAX ||
	    !make_room(&process->mappings, &mapping_count, ordinal, sizeof(*process->mappings)) ||
	    !make_room(&process->modules, &process->module_count, ordinal,
		       sizeof(*process->modules)))
		return 0;
	if (process->modules[ordinal]) {
		*ret_mapping = process->mappings[ordinal];
		return process->modules[ordinal] - 1;
	}
	if (!ct_follow_module(process->follow, ordinal, activity->path_bytes, &row))
		return 0;
	uint32_t index = 1;
	for (; index < activity->module_count; index++)
		if (strlen(activity->modules[index].path) == row.path.length &&
		    memcmp(activity->modules[index].path, row.path.bytes, row.path.length) == 0)
			break;
	if (index == activity->module_count) {
		struct module *modules = reallocarray(activity->modules, activity->module_count + 1,
						      sizeof(*modules));
		char *path = strndup(row.path.bytes, row.path.length);
		if (modules)
			activity->modules = modules;
		if (!modules || !path) {
			free(path);
			return 0;
		}
		modules[activity->module_count++] = (struct module){.path = path, .row = row};
		modules[index].row.path = (struct ct_bytes){path, strlen(path)};
	}
	process->modules[ordinal] = index + 1;
	*ret_mapping = (struct mapping){row.entry.bias, row.entry.low, row.entry.high};
	process->mappings[ordinal] = *ret_mapping;
	return index;
}

static size_t slot_of(const struct ct_activity *activity, uint32_t module, uint64_t address)
{
	uint64_t hash = (address ^ (uint64_t)module << 48) * UINT64_C(0x9e3779b97f4a7c15);
	size_t at = (size_t)(hash >> 32) & (activity->slot_count - 1);
	for (; activity->slots[at]; at = (at + 1) & (activity->slot_count - 1)) {
		const struct function *function = &activity->functions[activity->slots[at] - 1];
		if (function->module == module && function->address == address)
			break;
	}
	return at;
}

static bool grow_slots(struct ct_activity *activity)
{
	if (activity->function_count * 2 < activity->slot_count)
		return true;
	uint32_t *slots = calloc(activity->slot_count * 2, sizeof(*slots));
	if (!slots)
		return false;
	free(activity->slots);
	activity->slots = slots;
	activity->slot_count *= 2;
	for (size_t i = 0; i < activity->function_count; i++)
		slots[slot_of(activity, activity->functions[i].module,
			      activity->functions[i].address)] = (uint32_t)i + 1;
	return true;
}

static uint32_t function_of(struct ct_activity *activity, uint32_t module, uint64_t address)
{
	if (!grow_slots(activity))
		return NONE;
	size_t at = slot_of(activity, module, address);
	if (activity->slots[at])
		return activity->slots[at] - 1;
	if (activity->function_count == activity->function_capacity) {
		size_t capacity = activity->function_capacity ? activity->function_capacity * 2
							      : 256;
		struct function *functions = reallocarray(activity->functions, capacity,
							  sizeof(*functions));
		if (!functions)
			return NONE;
		activity->functions = functions;
		activity->function_capacity = capacity;
	}
	activity->functions[activity->function_count] = (struct function){.module = module,
									  .address = address};
	activity->slots[at] = (uint32_t)++activity->function_count;
	return activity->slots[at] - 1;
}

/*
 * The row's module is the hook's. A function that was inlined from another one
 * has the address it has there.
 */
static uint32_t module_of_function(struct ct_activity *activity, struct process *process,
				   const struct ct_site *site, struct mapping *ret_mapping)
{
	struct ct_trace_module other;
	uint32_t module = module_of(activity, process, site->module, ret_mapping);
	if (module == 0 ||
	    (site->function >= ret_mapping->low && site->function < ret_mapping->high) ||
	    !ct_follow_module_at(process->follow, site->function, activity->path_bytes, &other))
		return module;
	return module_of(activity, process, other.entry.ordinal, ret_mapping);
}

/* NONE: no memory. */
static __attribute__((cold, noinline)) uint32_t find_site(struct ct_activity *activity,
							  struct process *process, uint32_t site)
{
	struct ct_site row = {0};
	struct mapping mapping;
	if (!ct_follow_site(process->follow, site, &row))
		return function_of(activity, 0, 0); /* its row is not written yet */
	uint32_t module = module_of_function(activity, process, &row, &mapping);
	uint32_t function = function_of(activity, module, row.function - mapping.bias);
	if (function == NONE ||
	    !make_room(&process->functions, &process->site_count, site, sizeof(uint32_t)))
		return NONE;
	process->functions[site] = function + 1;
	return function;
}

/* ---- steps ---- */

static struct stack *stack_of(struct thread *thread, uint32_t number)
{
	size_t free_index = NONE;
	for (size_t i = 0; i < thread->stack_count; i++) {
		if (thread->stacks[i].number == number) {
			thread->current = i;
			return &thread->stacks[i];
		}
		if (thread->stacks[i].depth == 0)
			free_index = i;
	}
	if (free_index == NONE) {
		if (thread->stack_count == thread->stack_capacity) {
			size_t capacity = thread->stack_capacity ? thread->stack_capacity * 2 : 1;
			struct stack *stacks = reallocarray(thread->stacks, capacity,
							    sizeof(*stacks));
			if (!stacks)
				return NULL;
			thread->stacks = stacks;
			thread->stack_capacity = capacity;
		}
		free_index = thread->stack_count++;
		thread->stacks[free_index] = (struct stack){0};
	}
	thread->stacks[free_index].number = number;
	thread->current = free_index;
	return &thread->stacks[free_index];
}

/*
 * The thread's time up to `ticks` is the function's. Both ends are rounded, not
 * what is between them: so the rounding of many short calls does not add up.
 */
static inline void give_time_to(struct ct_activity *activity, struct thread *thread,
				uint32_t function, uint64_t ticks)
{
	if (ticks <= thread->last_ticks)
		return;
	if (ct_unlikely(thread->look != activity->look)) {
		thread->look = activity->look;
		thread->last_ns = ct_scale_ns(activity->scale, thread->last_ticks);
	}
	uint64_t ns = ct_scale_ns(activity->scale, ticks);
	if (function != NONE && thread->last_ticks)
		activity->functions[function].self_ns += ns - thread->last_ns;
	thread->last_ticks = ticks;
	thread->last_ns = ns;
}

/* The function of the innermost call, or of one around it; NONE: there is none. */
static inline uint32_t open_function(const struct thread *thread, uint32_t above)
{
	const struct stack *stack = thread->stack_count ? &thread->stacks[thread->current] : NULL;
	return stack && stack->depth > above ? stack->frames[stack->depth - 1 - above] : NONE;
}

/* Up to `ticks` the innermost call had the time. */
static inline void give_time(struct ct_activity *activity, struct thread *thread, uint64_t ticks)
{
	give_time_to(activity, thread, open_function(thread, 0), ticks);
}

/* NONE: no memory. */
static inline uint32_t function_of_site(struct ct_activity *activity, uint32_t site)
{
	struct process *process = activity->reading;
	return site < process->site_count && process->functions[site]
		       ? process->functions[site] - 1
		       : find_site(activity, process, site);
}

static bool begin_call(struct ct_activity *activity, struct stack *stack,
		       const struct ct_step *step)
{
	uint32_t function = function_of_site(activity, step->site);
	if (function == NONE ||
	    (ct_unlikely(step->depth >= stack->capacity) &&
	     !make_room(&stack->frames, &stack->capacity, step->depth, sizeof(*stack->frames))))
		return false;
	stack->frames[step->depth] = function;
	stack->depth = step->depth + 1;
	activity->functions[function].calls++;
	return true;
}

static bool take(void *context, uint32_t stream, const struct ct_step *step)
{
	struct ct_activity *activity = context;
	struct process *process = activity->reading;
	if (ct_unlikely(stream >= process->thread_count) &&
	    !make_room(&process->threads, &process->thread_count, stream, sizeof(struct thread)))
		return false;
	struct thread *thread = &process->threads[stream];
	if (ct_unlikely(step->kind == CT_STEP_LOST && step->ticks == 0)) {
		thread->last_ticks = 0; /* nobody knows who had the time until the next */
		return true;
	}
	give_time(activity, thread, step->ticks);
	struct stack *stack = thread->stack_count &&
					      thread->stacks[thread->current].number == step->stack
				      ? &thread->stacks[thread->current]
				      : stack_of(thread, step->stack);
	if (!stack)
		return false;
	switch (step->kind) {
	case CT_STEP_CALL:
		return begin_call(activity, stack, step);
	case CT_STEP_END:
		stack->depth = step->depth < stack->depth ? step->depth : stack->depth;
		return true;
	case CT_STEP_LOST:
		process->lost_events += step->value;
		return true;
	default:
		return true;
	}
}

/*
 * Calls that go on have had the time up to now. A record that was left for the
 * next time mostly stands: the call that it begins, or that it returns to, goes on.
 */
static void give_time_up_to_now(struct ct_activity *activity, struct thread *thread,
				const struct ct_follow_last *last)
{
	if (last->record == CT_RECORD_EXTENDED)
		return;
	if (last->record == CT_RECORD_END) {
		give_time(activity, thread, last->ticks_seen);
		return;
	}
	give_time(activity, thread, last->ticks);
	give_time_to(activity, thread,
		     last->record == CT_RECORD_ENTER ? function_of_site(activity, last->site)
						     : open_function(thread, 1),
		     last->ticks_seen);
}

/* Gives how many there are. */
static uint32_t look_at_threads(struct ct_activity *activity, struct process *process)
{
	uint32_t running = 0;
	for (uint32_t stream = 1; stream <= ct_follow_stream_count(process->follow); stream++) {
		struct ct_thread_row row;
		struct ct_follow_last last;
		if (!ct_follow_thread(process->follow, stream, &row) || row.flags & CT_THREAD_ENDED)
			continue;
		running++;
		if (ct_follow_last(process->follow, stream, &last) &&
		    make_room(&process->threads, &process->thread_count, stream,
			      sizeof(struct thread)))
			give_time_up_to_now(activity, &process->threads[stream], &last);
	}
	return running;
}

static struct ct_error *read_process(struct ct_activity *activity, struct process *process,
				     uint32_t *ret_threads)
{
	if (process->is_over)
		return NULL;
	if (!process->follow) {
		/* The first block may not be written yet. */
		struct ct_error *err = ct_follow_open(process->path, &process->follow);
		if (err) {
			ct_error_destroy(err);
			return NULL;
		}
	}
	activity->reading = process;
	activity->scale = ct_follow_scale(process->follow);
	struct ct_error *err = ct_follow_read(process->follow, take, activity);
	process->skipped = ct_follow_skipped(process->follow);
	process->lasted_ns = ct_follow_lasted_ns(process->follow);
	if (err)
		return err;
	if (!ct_follow_is_over(process->follow)) {
		*ret_threads += look_at_threads(activity, process);
		return NULL;
	}
	process->is_over = true;
	process_close(process);
	return NULL;
}

/* ---- names ---- */

static bool name_function(struct ct_activity *activity, struct function *function)
{
	struct module *module = &activity->modules[function->module];
	struct ct_symbol symbol;
	if (function->name)
		return true;
	if (!make_room(&activity->named, &activity->named_capacity, activity->named_count,
		       sizeof(*activity->named)))
		return false;
	if (function->module && !module->is_open) {
		module->symbols = ct_names_open_symbols(&module->row);
		module->is_open = true;
	}
	if (module->symbols && ct_symbols_find(module->symbols, function->address, &symbol)) {
		function->name = ct_demangle(symbol.linkage_name);
		if (!function->name)
			function->name = strdup(symbol.linkage_name);
	} else if (function->module) {
		const char *slash = strrchr(module->path, '/');
		if (asprintf(&function->name, "%s+0x%" PRIx64, slash ? slash + 1 : module->path,
			     function->address) < 0)
			function->name = NULL;
	} else if (asprintf(&function->name, function->address ? "0x%" PRIx64 : "unknown",
			    function->address) < 0) {
		function->name = NULL;
	}
	if (!function->name)
		return false;
	function->name_number = (uint32_t)activity->named_count;
	activity->named[activity->named_count++] = (uint32_t)(function - activity->functions);
	return true;
}

size_t ct_activity_name_count(const struct ct_activity *activity)
{
	return activity->named_count;
}

const char *ct_activity_name(const struct ct_activity *activity, size_t number)
{
	return activity->functions[activity->named[number]].name;
}

/* ---- the sum ---- */

static uint64_t sort_value(const struct ct_activity_row *row, enum ct_activity_sort sort)
{
	switch (sort) {
	case CT_ACTIVITY_BY_SELF:
		return row->self_ns;
	case CT_ACTIVITY_BY_CALLS:
		return row->calls;
	case CT_ACTIVITY_BY_TOTAL_SELF:
		return row->total_self_ns;
	case CT_ACTIVITY_BY_TOTAL_CALLS:
		return row->total_calls;
	}
	return 0;
}

struct ranked {
	uint64_t first, second;
	uint32_t function;
};

static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *left = a, *right = b;
	if (left->first != right->first)
		return left->first < right->first ? 1 : -1;
	if (left->second != right->second)
		return left->second < right->second ? 1 : -1;
	return (left->function > right->function) - (left->function < right->function);
}

static void sum_up(struct ct_activity *activity, struct ct_activity_snapshot *ret)
{
	for (size_t i = 0; i < activity->function_count; i++) {
		struct function *function = &activity->functions[i];
		struct ct_activity_row *row = &function->counts;
		row->calls = function->calls;
		row->self_ns = function->self_ns;
		row->total_calls += row->calls;
		row->total_self_ns += row->self_ns;
		ret->calls += row->calls;
		function->calls = function->self_ns = 0;
	}
}

struct ct_error *ct_activity_rank(struct ct_activity *activity, enum ct_activity_sort sort,
				  size_t most, struct ct_activity_snapshot *shot)
{
	ct_cleanup(ct_cleanup_free) struct ranked *ranked = calloc(activity->function_count + 1,
								   sizeof(*ranked));
	struct ct_activity_row *rows = reallocarray(activity->rows, activity->function_count + 1,
						    sizeof(*rows));
	size_t count = 0;
	if (rows)
		activity->rows = rows;
	if (!ranked || !rows)
		return ct_error_nomem;
	for (size_t i = 0; i < activity->function_count; i++) {
		const struct ct_activity_row *row = &activity->functions[i].counts;
		if (sort_value(row, sort) || row->calls)
			ranked[count++] = (struct ranked){sort_value(row, sort), row->total_calls,
							  (uint32_t)i};
	}
	shot->row_count = 0;
	qsort(ranked, count, sizeof(*ranked), compare_ranked);
	for (size_t i = 0; i < count && i < most; i++) {
		struct function *function = &activity->functions[ranked[i].function];
		if (!name_function(activity, function))
			return ct_error_nomem;
		rows[i] = function->counts;
		rows[i].name = function->name;
		rows[i].name_number = function->name_number;
		rows[i].module = function->module ? activity->modules[function->module].path : "";
		shot->row_count++;
	}
	shot->rows = rows;
	return NULL;
}

struct ct_error *ct_activity_look(struct ct_activity *activity, enum ct_activity_sort sort,
				  size_t most, struct ct_activity_snapshot *ret)
{
	struct ct_error *err = NULL;
	*ret = (struct ct_activity_snapshot){0};
	activity->look++;
	for (size_t i = 0; i < activity->folder_count && !err; i++)
		err = look_into_folder(activity, activity->folders[i]);
	for (size_t i = 0; i < activity->process_count && !err; i++) {
		struct process *process = &activity->processes[i];
		err = read_process(activity, process, &ret->threads);
		ret->ended += process->is_over;
		ret->running += process->follow != NULL;
		ret->lost_events += process->lost_events;
		ret->skipped_pieces += process->skipped;
	}
	if (err)
		return err;
	uint64_t now = now_ns();
	ret->is_first = !activity->has_read && (ret->running || ret->ended);
	activity->has_read |= ret->is_first;
	ret->interval_ns = now - activity->last_look_ns;
	for (size_t i = 0; ret->is_first && i < activity->process_count; i++)
		if (i == 0 || activity->processes[i].lasted_ns > ret->interval_ns)
			ret->interval_ns = activity->processes[i].lasted_ns;
	activity->last_look_ns = now;
	sum_up(activity, ret);
	return ct_activity_rank(activity, sort, most, ret);
}
