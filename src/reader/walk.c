/* SPDX-License-Identifier: MIT */
/*
 * Walks the calls of one thread: decodes its pieces in order and repairs, by
 * the rules of docs/format.md, what does not nest. Memory is one piece and the
 * calls open at the moment.
 *
 * The walk holds two views of a stack at once. The runtime counts the calls it
 * believes open (`depth` in its records); the reader knows better where frames
 * are gone (call-site rule) and worse where events are missing. So a stack is
 * a list of open calls with runs of calls in between that only the runtime's
 * count knows of: a RETURN takes off the topmost of either.
 */
#include "reader/trace.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "reader/part.h"
#include "reader/trace_private.h"
#include "reader/walk_loop.h"

/* Kept out of the path of a call and its return: 15 % more steps a second. */
#define COLD __attribute__((cold, noinline))

struct stack {
	uint32_t *entries;
	size_t length;
	size_t capacity;
	uint64_t depth;	 /* calls open as the runtime counts */
	uint32_t open;	 /* as we show */
	uint32_t number; /* in the file */
	uint32_t next;	 /* in its bucket, or in the list of free ones; index + 1 */
};

enum { BUCKET_COUNT = 256 };

/* What comes before the next record is decoded. */
enum work {
	WORK_NONE = 0,
	WORK_CLOSE,	  /* end the calls above close_depth */
	WORK_PIECE_BEGIN, /* take over the stack and depth of a piece's header */
	WORK_FINISH,	  /* end everything, stack by stack */
	WORK_WAIT,	  /* for the next piece to be fed */
	WORK_DONE,
};

struct ct_walk {
	/* decoding; first, and together: used by every record */
	const unsigned char *at;
	const unsigned char *end;
	uint64_t epoch_ticks;
	uint64_t last_ticks;
	struct stack *current;
	const struct ct_site_keys *keys;
	uint32_t *open_by_key; /* open calls of all stacks, by the function that holds their hook */
	uint32_t site_count;
	enum work work;

	/* closing */
	uint64_t close_depth;
	uint8_t close_end; /* enum ct_call_end */
	bool close_keeps;  /* the runtime goes on counting what is closed */
	uint64_t close_kept;
	uint32_t pending_site;
	bool has_pending; /* a call begins when closing is done */

	const struct ct_trace *trace;
	uint32_t stream;
	uint32_t first_piece;
	uint32_t next_piece;
	uint32_t last_piece;
	uint64_t expected_seq;
	uint64_t scan_credit;

	/* Pointers: a stack stays where it is while others come. */
	struct stack **stacks;
	size_t stack_count;
	size_t stack_capacity;
	uint32_t buckets[BUCKET_COUNT]; /* index + 1 */
	uint32_t free_stack;
	size_t finish_next;

	uint64_t end_ticks;
	uint8_t end_kind; /* of calls open at the end */
	bool finishing;
	bool failed;
	bool is_fed;
	bool is_part; /* calls stay open at the end */
	struct ct_piece_buffer piece;
};

static bool fail(struct ct_walk *walk)
{
	walk->failed = true;
	walk->work = WORK_DONE;
	return false;
}

/* --- stacks --- */

COLD static bool push_entry_slow(struct ct_walk *walk, struct stack *stack, uint32_t entry)
{
	size_t capacity = stack->capacity ? stack->capacity * 2 : 64;
	uint32_t *entries = reallocarray(stack->entries, capacity, sizeof(*entries));
	if (!entries)
		return fail(walk);
	stack->entries = entries;
	stack->capacity = capacity;
	entries[stack->length++] = entry;
	return true;
}

static inline bool push_entry(struct ct_walk *walk, struct stack *stack, uint32_t entry)
{
	if (ct_unlikely(stack->length == stack->capacity))
		return push_entry_slow(walk, stack, entry);
	stack->entries[stack->length++] = entry;
	return true;
}

static bool push_run(struct ct_walk *walk, struct stack *stack, enum ct_walk_entry_kind kind,
		     uint64_t count)
{
	while (count) {
		uint32_t part = count < CT_WALK_MAX_RUN ? (uint32_t)count : CT_WALK_MAX_RUN;
		if (!push_entry(walk, stack, ct_walk_entry(kind, part)))
			return false;
		count -= part;
	}
	return true;
}

static inline bool push_call(struct ct_walk *walk, uint32_t site)
{
	struct stack *stack = walk->current;
	if (!push_entry(walk, stack, ct_walk_entry(CT_WALK_OPEN, site)))
		return false;
	stack->depth++;
	stack->open++;
	if (walk->keys)
		walk->open_by_key[walk->keys[site].own]++;
	return true;
}

/* The topmost entry is an open call: take it off and tell its site. */
static uint32_t pop_call(struct ct_walk *walk)
{
	struct stack *stack = walk->current;
	uint32_t site = ct_walk_entry_value(stack->entries[--stack->length]);
	stack->depth--;
	stack->open--;
	if (walk->keys)
		walk->open_by_key[walk->keys[site].own]--;
	return site;
}

/* The topmost entry is a run: shorten it by up to `count` calls. */
static void shorten_run(struct stack *stack, uint64_t count)
{
	uint32_t entry = stack->entries[stack->length - 1];
	uint32_t length = ct_walk_entry_value(entry);
	if (count >= length) {
		stack->length--;
		stack->depth -= length;
		return;
	}
	stack->entries[stack->length - 1] = ct_walk_entry(ct_walk_entry_kind(entry),
							  length - (uint32_t)count);
	stack->depth -= count;
}

static uint32_t *bucket_of(struct ct_walk *walk, uint32_t number)
{
	return &walk->buckets[(number * UINT32_C(0x9e3779b1)) >> 24];
}

/* An empty stack tells nothing: a program may go through millions of coroutines. */
static void drop_if_empty(struct ct_walk *walk, struct stack *stack)
{
	if (stack->length || stack->number == 0)
		return;
	uint32_t *link = bucket_of(walk, stack->number);
	while (walk->stacks[*link - 1] != stack)
		link = &walk->stacks[*link - 1]->next;
	uint32_t index = *link;
	*link = stack->next;
	stack->next = walk->free_stack;
	walk->free_stack = index;
}

static struct stack *new_stack(struct ct_walk *walk, uint32_t *ret_index)
{
	if (walk->free_stack) {
		*ret_index = walk->free_stack;
		struct stack *stack = walk->stacks[*ret_index - 1];
		walk->free_stack = stack->next;
		return stack;
	}
	if (walk->stack_count == walk->stack_capacity) {
		size_t capacity = walk->stack_capacity ? walk->stack_capacity * 2 : 4;
		struct stack **stacks = reallocarray(walk->stacks, capacity, sizeof(*stacks));
		if (!stacks)
			return NULL;
		walk->stacks = stacks;
		walk->stack_capacity = capacity;
	}
	struct stack *stack = calloc(1, sizeof(*stack));
	if (!stack)
		return NULL;
	walk->stacks[walk->stack_count++] = stack;
	*ret_index = (uint32_t)walk->stack_count;
	return stack;
}

/* Make the stack called `number` the current one. */
static bool switch_stack(struct ct_walk *walk, uint32_t number)
{
	if (walk->current) {
		if (walk->current->number == number)
			return true;
		drop_if_empty(walk, walk->current);
	}
	uint32_t *bucket = bucket_of(walk, number);
	for (uint32_t i = *bucket; i; i = walk->stacks[i - 1]->next) {
		if (walk->stacks[i - 1]->number == number) {
			walk->current = walk->stacks[i - 1];
			return true;
		}
	}
	uint32_t index;
	struct stack *stack = new_stack(walk, &index);
	if (!stack)
		return fail(walk);
	stack->number = number;
	stack->next = *bucket;
	*bucket = index;
	walk->current = stack;
	return true;
}

/* --- steps --- */

static void step_call(const struct ct_walk *walk, uint32_t site, struct ct_step *ret)
{
	*ret = (struct ct_step){.kind = CT_STEP_CALL,
				.site = site,
				.depth = walk->current->open - 1,
				.stack = walk->current->number,
				.ticks = walk->last_ticks};
}

static void step_end(const struct ct_walk *walk, uint32_t site, uint8_t end, struct ct_step *ret)
{
	*ret = (struct ct_step){.kind = CT_STEP_END,
				.end = end,
				.site = site,
				.depth = walk->current->open,
				.stack = walk->current->number,
				.ticks = walk->last_ticks};
}

static bool step_lost(const struct ct_walk *walk, uint64_t count, struct ct_step *ret)
{
	*ret = (struct ct_step){.kind = CT_STEP_LOST,
				.stack = walk->current->number,
				.ticks = walk->last_ticks,
				.value = count};
	return true;
}

static bool step_create(const struct ct_walk *walk, uint64_t serial, struct ct_step *ret)
{
	const struct stack *stack = walk->current;
	*ret = (struct ct_step){.kind = CT_STEP_CREATE,
				.stack = stack->number,
				.ticks = walk->last_ticks,
				.value = serial};
	for (size_t i = stack->length; i; i--) {
		if (ct_walk_entry_kind(stack->entries[i - 1]) != CT_WALK_OPEN)
			continue;
		ret->site = ct_walk_entry_value(stack->entries[i - 1]);
		ret->depth = stack->open - 1;
		break;
	}
	return true;
}

static inline void set_ticks(struct ct_walk *walk, uint64_t ticks)
{
	if (ticks > walk->last_ticks)
		walk->last_ticks = ticks;
}

/* The size of the VALUES record at `at`; 0: it cannot be one. */
static size_t values_record_bytes(const unsigned char *at, const unsigned char *end)
{
	size_t left = (size_t)(end - at);
	uint64_t word;
	memcpy(&word, at, sizeof(word)); /* zero bytes follow the piece */
	size_t size_bytes = ct_record_bytes(word);
	return size_bytes >= ct_values_head_bytes(*at) && size_bytes <= left ? size_bytes : 0;
}

COLD const unsigned char *ct_walk_cursor_values(const unsigned char *at, const unsigned char *end,
						const unsigned char **ret, uint32_t *ret_bytes)
{
	size_t size_bytes = values_record_bytes(at, end);
	if (size_bytes == 0)
		return at; /* the next record to be decoded, then, and found broken */
	uint32_t head_bytes = ct_values_head_bytes(*at);
	*ret = at + head_bytes;
	*ret_bytes = (uint32_t)size_bytes - head_bytes;
	return at + size_bytes;
}

/*
 * The step's record has just been decoded, so what belongs to it is next. A
 * call that had to wait for others to be closed comes here before anything else
 * is decoded, too.
 */
static inline void attach_values(struct ct_walk *walk, struct ct_step *ret)
{
	if (ct_unlikely(ct_is_values(*walk->at)))
		walk->at = ct_walk_cursor_values(walk->at, walk->end, &ret->values,
						 &ret->value_bytes);
}

/* --- closing --- */

static void close_above(struct ct_walk *walk, uint64_t depth, enum ct_call_end end)
{
	walk->close_depth = depth;
	walk->close_end = (uint8_t)end;
	walk->close_keeps = false;
	walk->close_kept = 0;
	walk->work = WORK_CLOSE;
}

/*
 * The calls above `depth` are gone and a call to `site` begins, but the
 * runtime still counts them.
 */
static void close_gone(struct ct_walk *walk, uint64_t depth, uint32_t site)
{
	close_above(walk, depth, CT_CALL_UNWOUND);
	walk->close_keeps = true;
	walk->close_kept = walk->current->depth - depth;
	walk->has_pending = true;
	walk->pending_site = site;
}

/* Nothing is left above close_depth. True when a call begins with that. */
static bool finish_close(struct ct_walk *walk, struct ct_step *ret)
{
	struct stack *stack = walk->current;
	enum ct_walk_entry_kind kind = walk->close_keeps ? CT_WALK_GONE : CT_WALK_UNKNOWN;
	uint64_t count = walk->close_keeps ? walk->close_kept : walk->close_depth - stack->depth;
	walk->work = walk->finishing ? WORK_FINISH : WORK_NONE;
	if (!push_run(walk, stack, kind, count))
		return false;
	stack->depth += count;
	if (!walk->has_pending)
		return false;
	walk->has_pending = false;
	if (!push_call(walk, walk->pending_site))
		return false;
	step_call(walk, walk->pending_site, ret);
	attach_values(walk, ret);
	return true;
}

static bool close_next(struct ct_walk *walk, struct ct_step *ret)
{
	struct stack *stack = walk->current;
	while (stack->depth > walk->close_depth) {
		if (ct_walk_entry_kind(stack->entries[stack->length - 1]) == CT_WALK_OPEN) {
			uint32_t site = pop_call(walk);
			step_end(walk, site, walk->close_end, ret);
			return true;
		}
		shorten_run(stack, stack->depth - walk->close_depth);
	}
	return finish_close(walk, ret);
}

/* --- the call-site rule --- */

static bool same_frame(const struct ct_site *a, const struct ct_site *b)
{
	return a->call_site == b->call_site && a->call_module == b->call_module;
}

static bool same_hook(const struct ct_site *a, const struct ct_site *b)
{
	return a->site == b->site && a->module == b->module;
}

/*
 * Does the physical frame that the calls from entry `i` - 1 down share hold a
 * call by the very hook of `site`? On return *i is the first entry below them.
 */
static bool frame_has_hook(const struct ct_walk *walk, size_t *i, uint32_t site)
{
	const struct ct_site *sites = walk->trace->sites;
	const struct stack *stack = walk->current;
	bool found = false;
	for (; *i; --*i) {
		uint32_t entry = stack->entries[*i - 1];
		if (ct_walk_entry_kind(entry) == CT_WALK_GONE)
			continue;
		uint32_t other = ct_walk_entry_value(entry);
		if (ct_walk_entry_kind(entry) != CT_WALK_OPEN ||
		    walk->keys[other].own != walk->keys[site].own ||
		    !same_frame(&sites[other], &sites[site]))
			break;
		found |= same_hook(&sites[other], &sites[site]);
	}
	return found;
}

/*
 * How many of the current stack's entries are still there when a call to
 * `site` begins. Its call site lies in function K, which holds the hook of
 * some open call, but not that of the innermost one, T. Two things are possible.
 *
 * - K's frame called, so what is above it has ended: the frames were left by
 *   longjmp, or by an exception through code without exit hooks, or the
 *   runtime could not tell, since the new frame reaches deeper into the stack
 *   than the stale ones.
 * - The call is inlined in the frame of an open call U: it shares the function
 *   that holds the hook and the call site with U, and its call site, being the
 *   frame's own return address, says nothing about its parent. What is above U
 *   has ended; nothing, when U is T.
 *
 * The nearest open call that fits decides. The second case needs care: when
 * the frame of U holds a call by the same hook, that hook would have been
 * passed twice without an end; so that frame is a stale one from an earlier
 * time around a loop, and the search goes on below it.
 *
 * What else could look like the first case, and does not come here or stops:
 * callbacks and signal handlers called by code without hooks (K holds no hook;
 * ct_site_keys.caller is 0), recursion (K holds T's hook), clones and parts
 * (one key with their function), and calls whose function or whose enter is not
 * known: T's caller may be among these, so nothing is concluded. One case is
 * left: K without a hook of its own, but with an inlined one, that recurses
 * while that call is open. It takes a function excluded from instrumentation.
 */
static size_t entries_still_there(const struct ct_walk *walk, uint32_t site, uint64_t limit,
				  size_t *ret_scanned)
{
	const struct stack *stack = walk->current;
	struct ct_site_keys keys = walk->keys[site];
	size_t floor = stack->length > limit ? stack->length - (size_t)limit : 0;
	size_t keep = stack->length;
	size_t i = stack->length;
	while (i > floor) {
		uint32_t entry = stack->entries[i - 1];
		if (ct_walk_entry_kind(entry) == CT_WALK_GONE) {
			i--;
			continue;
		}
		uint32_t other = ct_walk_entry_value(entry);
		if (ct_walk_entry_kind(entry) == CT_WALK_UNKNOWN || walk->keys[other].own == 0)
			break;
		if (walk->keys[other].own == keys.caller) {
			keep = i;
			break;
		}
		if (walk->keys[other].own == keys.own &&
		    same_frame(&walk->trace->sites[other], &walk->trace->sites[site])) {
			size_t frame_top = i;
			if (frame_has_hook(walk, &i, site))
				continue;
			keep = frame_top;
			break;
		}
		i--;
	}
	*ret_scanned = stack->length - i;
	return keep;
}

/* Calls, as the runtime counts, in the entries from `keep` up. */
static uint64_t calls_above(const struct stack *stack, size_t keep)
{
	uint64_t count = 0;
	for (size_t i = keep; i < stack->length; i++) {
		uint32_t entry = stack->entries[i];
		count += ct_walk_entry_kind(entry) == CT_WALK_OPEN ? 1 : ct_walk_entry_value(entry);
	}
	return count;
}

/*
 * Apply the rule; true when calls are to be closed before `site`'s begins.
 *
 * A search that finds nothing would make deep stacks quadratic. It is rare: K
 * is open somewhere. The credit bounds it by the number of records all the same.
 */
COLD static bool frames_are_gone(struct ct_walk *walk, uint32_t site)
{
	enum { CREDIT_PER_CALL = 256, CREDIT_MAX = 1 << 24 };
	struct stack *stack = walk->current;
	size_t scanned;
	size_t keep = entries_still_there(walk, site, walk->scan_credit, &scanned);
	size_t gone = stack->length - keep;
	size_t spent = scanned > gone ? scanned - gone : 0;
	walk->scan_credit -= spent < walk->scan_credit ? spent : walk->scan_credit;
	if (walk->scan_credit < CREDIT_MAX)
		walk->scan_credit += CREDIT_PER_CALL;
	if (gone == 0)
		return false;
	close_gone(walk, stack->depth - calls_above(stack, keep), site);
	return true;
}

/* --- pieces --- */

/* A window that has gone on since the trace was opened was appended before. */
static bool read_piece(struct ct_walk *walk, const struct ct_piece *piece)
{
	const struct ct_piece *first = &walk->trace->pieces[walk->first_piece];
	if (ct_trace_read_piece(walk->trace, piece, &walk->piece))
		return true;
	return piece->live && piece > first && piece[-1].seq == piece->seq &&
	       ct_trace_read_piece(walk->trace, piece - 1, &walk->piece);
}

/* Open the next piece that is whole. False at the end. */
static bool load_piece(struct ct_walk *walk)
{
	const struct ct_piece *pieces = walk->trace->pieces;
	while (walk->next_piece < walk->last_piece) {
		const struct ct_piece *piece = &pieces[walk->next_piece++];
		if (piece->seq >= walk->expected_seq && read_piece(walk, piece)) {
			walk->at = walk->piece.begin;
			walk->end = walk->piece.end;
			return true;
		}
	}
	return false;
}

/* Pieces were passed over without one that could be read; true when that is to be told. */
static bool count_missing(struct ct_walk *walk, uint64_t seq, struct ct_step *ret)
{
	uint64_t missing = seq - walk->expected_seq;
	walk->expected_seq = seq;
	return missing && step_lost(walk, missing, ret);
}

static bool begin_finish(struct ct_walk *walk, struct ct_step *ret)
{
	walk->work = WORK_FINISH;
	walk->finishing = true;
	if (walk->last_piece == walk->first_piece)
		return false;
	const struct ct_piece *last = &walk->trace->pieces[walk->last_piece - 1];
	/* A window that cannot be read any more has gone on since the trace was opened. */
	bool has_gone_on = last->live && walk->trace->info.state == CT_STATE_RUNNING;
	if (has_gone_on || last->seq < walk->expected_seq)
		return false;
	return count_missing(walk, last->seq + 1, ret);
}

COLD static bool next_piece(struct ct_walk *walk, struct ct_step *ret)
{
	if (walk->is_fed) {
		walk->work = WORK_WAIT;
		return false;
	}
	if (!load_piece(walk)) {
		if (!walk->is_part)
			return begin_finish(walk, ret);
		walk->work = WORK_DONE;
		return false;
	}
	uint64_t seq = walk->piece.header.seq;
	walk->work = WORK_PIECE_BEGIN;
	bool told = count_missing(walk, seq, ret);
	walk->expected_seq = seq + 1;
	return told;
}

static void begin_piece(struct ct_walk *walk)
{
	const struct ct_block_header *header = &walk->piece.header;
	walk->epoch_ticks = header->epoch << CT_EPOCH_SHIFT;
	if (walk->is_fed)
		set_ticks(walk, walk->epoch_ticks); /* pieces before it may have been left out */
	if (switch_stack(walk, header->stack))
		close_above(walk, header->depth, CT_CALL_UNWOUND);
}

/* A record that cannot be: the rest of the piece means nothing. */
COLD static bool drop_piece(struct ct_walk *walk, struct ct_step *ret)
{
	walk->at = walk->end;
	return step_lost(walk, 1, ret);
}

/* --- records --- */

/* Apply an extended record that is known; true when that gives a step. */
static bool apply_extended(struct ct_walk *walk, const struct ct_extended *record,
			   struct ct_step *ret)
{
	walk->epoch_ticks = record->ticks & ~CT_TIME_MASK;
	set_ticks(walk, record->ticks);
	switch ((enum ct_extended_kind)(record->head >> 2)) {
	case CT_EXTENDED_SYNC:
	case CT_EXTENDED_VALUES:
		return false;
	case CT_EXTENDED_CREATE:
		return step_create(walk, record->value, ret);
	case CT_EXTENDED_STACK:
		if (!switch_stack(walk, (uint32_t)record->value))
			return false;
		close_above(walk, record->depth, CT_CALL_UNWOUND);
		return false;
	case CT_EXTENDED_UNWIND:
		close_above(walk, record->depth, CT_CALL_UNWOUND);
		return false;
	case CT_EXTENDED_LOST:
		close_above(walk, record->depth, CT_CALL_UNWOUND);
		return step_lost(walk, record->value, ret);
	}
	return false;
}

COLD static bool decode_extended(struct ct_walk *walk, struct ct_step *ret)
{
	struct ct_cursor cur = ct_cursor_init(walk->at, (size_t)(walk->end - walk->at),
					      "extended record");
	struct ct_cursor record_cur = cur;
	struct ct_extended record;
	/* VALUES of what gave no step: a return without its enter. */
	bool is_values = ct_is_values(*walk->at);
	size_t size_bytes = is_values ? values_record_bytes(walk->at, walk->end) : walk->at[1];
	if (size_bytes < (is_values ? 1 : 2) || !ct_cursor_skip(&cur, size_bytes))
		return drop_piece(walk, ret);
	walk->at = cur.at;
	return ct_extended_read(&record_cur, &record) && apply_extended(walk, &record, ret);
}

static inline bool decode_return(struct ct_walk *walk, struct ct_step *ret)
{
	struct stack *stack = walk->current;
	if (ct_unlikely(stack->length == 0))
		return step_lost(walk, 1, ret);
	if (ct_unlikely(ct_walk_entry_kind(stack->entries[stack->length - 1]) != CT_WALK_OPEN)) {
		shorten_run(stack, 1);
		return false;
	}
	uint32_t site = pop_call(walk);
	step_end(walk, site, CT_CALL_RETURNED, ret);
	attach_values(walk, ret);
	return true;
}

static inline bool decode_enter(struct ct_walk *walk, uint32_t site, struct ct_step *ret)
{
	if (ct_unlikely(site > walk->site_count))
		site = CT_SITE_UNKNOWN;
	if (walk->keys &&
	    ct_walk_needs_rule(walk->keys, walk->open_by_key, walk->current->entries,
			       walk->current->length, site) &&
	    frames_are_gone(walk, site))
		return false;
	if (!push_call(walk, site))
		return false;
	step_call(walk, site, ret);
	attach_values(walk, ret);
	return true;
}

/* Decode one record; true when it gives a step. */
static inline bool decode(struct ct_walk *walk, struct ct_step *ret)
{
	uint64_t word;
	memcpy(&word, walk->at, sizeof(word)); /* zero bytes follow the piece */
	uint64_t ticks = walk->epoch_ticks | (word >> 2 & CT_TIME_MASK);
	switch (word & 3) {
	case CT_RECORD_ENTER:
		if (ct_unlikely(walk->end - walk->at < CT_ENTER_BYTES))
			return drop_piece(walk, ret);
		walk->at += CT_ENTER_BYTES;
		set_ticks(walk, ticks);
		return decode_enter(walk, word >> 24 & CT_SITE_MAX, ret);
	case CT_RECORD_RETURN:
		if (ct_unlikely(walk->end - walk->at < CT_RETURN_BYTES))
			return drop_piece(walk, ret);
		walk->at += CT_RETURN_BYTES;
		set_ticks(walk, ticks);
		return decode_return(walk, ret);
	case CT_RECORD_EXTENDED:
		return decode_extended(walk, ret);
	default:
		return next_piece(walk, ret);
	}
}

/* --- the end --- */

/* Go on to the next stack with something on it. */
static void finish_next_stack(struct ct_walk *walk)
{
	set_ticks(walk, walk->end_ticks);
	if (walk->current->depth) {
		close_above(walk, 0, (enum ct_call_end)walk->end_kind);
		return;
	}
	if (walk->finish_next == walk->stack_count)
		walk->work = WORK_DONE;
	else
		walk->current = walk->stacks[walk->finish_next++];
}

COLD static bool do_work(struct ct_walk *walk, struct ct_step *ret)
{
	switch (walk->work) {
	case WORK_CLOSE:
		return close_next(walk, ret);
	case WORK_PIECE_BEGIN:
		begin_piece(walk);
		return false;
	case WORK_FINISH:
		finish_next_stack(walk);
		return false;
	case WORK_NONE:
	case WORK_WAIT:
	case WORK_DONE:
		break;
	}
	return false;
}

bool ct_walk_next(struct ct_walk *walk, struct ct_step *ret)
{
	while (walk->work < WORK_WAIT) {
		if (walk->work == WORK_NONE ? decode(walk, ret) : do_work(walk, ret))
			return true;
	}
	return false;
}

/* --- many steps at a time --- */

bool ct_walk_cursor_take(const struct ct_walk *walk, struct ct_walk_cursor *ret,
			 uint32_t *ret_stack)
{
	const struct stack *stack = walk->current;
	if (walk->work != WORK_NONE)
		return false;
	*ret = (struct ct_walk_cursor){
		.at = walk->at,
		.end = walk->end,
		.epoch_ticks = walk->epoch_ticks,
		.last_ticks = walk->last_ticks,
		.entries = stack->entries,
		.length = stack->length,
		.capacity = stack->capacity,
		.keys = walk->keys,
		.open_by_key = walk->open_by_key,
		.site_count = walk->site_count,
	};
	*ret_stack = stack->number;
	return true;
}

void ct_walk_cursor_put(struct ct_walk *walk, const unsigned char *at, uint64_t last_ticks,
			size_t length)
{
	struct stack *stack = walk->current;
	/* As many calls have come to the stack, or gone, as entries. */
	uint64_t more = (uint64_t)length - stack->length;
	stack->depth += more;
	stack->open += (uint32_t)more;
	stack->length = length;
	walk->at = at;
	walk->last_ticks = last_ticks;
}

bool ct_walk_cursor_rule(struct ct_walk *walk, uint32_t site)
{
	return frames_are_gone(walk, site);
}

static inline size_t plain_steps(struct ct_walk *walk, struct ct_walk_cursor cursor,
				 struct ct_plain_step *ret, size_t most, bool has_keys)
{
	enum ct_walk_got got = CT_WALK_GOT_STEP;
	size_t count = 0;
	while (count < most) {
		got = ct_walk_cursor_step(walk, &cursor, &ret[count], has_keys);
		if (got != CT_WALK_GOT_STEP)
			break;
		count++;
	}
	if (got != CT_WALK_GOT_RULE)
		ct_walk_cursor_put(walk, cursor.at, cursor.last_ticks, cursor.length);
	return count;
}

size_t ct_walk_plain(struct ct_walk *walk, struct ct_plain_step *ret, size_t most,
		     uint32_t *ret_stack)
{
	struct ct_walk_cursor cursor;
	if (!ct_walk_cursor_take(walk, &cursor, ret_stack))
		return 0;
	return cursor.keys ? plain_steps(walk, cursor, ret, most, true)
			   : plain_steps(walk, cursor, ret, most, false);
}

uint32_t ct_walk_open_count(const struct ct_walk *walk)
{
	return walk->current->open;
}

bool ct_walk_failed(const struct ct_walk *walk)
{
	return walk->failed;
}

static void set_end(struct ct_walk *walk, uint32_t stream)
{
	const struct ct_trace *trace = walk->trace;
	struct ct_thread_row row;
	walk->end_ticks = trace->end_ticks;
	if (ct_trace_thread(trace, stream, &row) && row.flags & CT_THREAD_ENDED) {
		walk->end_ticks = row.end_ticks;
		walk->end_kind = CT_CALL_UNWOUND; /* pthread_exit, or cancelled */
	} else if (ct_trace_end(trace) == CT_END_KILLED) {
		walk->end_kind = CT_CALL_KILLED;
	} else if (ct_trace_end(trace) == CT_END_CRASH && trace->info.crash_stream == stream) {
		walk->end_kind = CT_CALL_CRASH;
	} else {
		walk->end_kind = CT_CALL_EXIT;
	}
}

static void cleanup_walk(struct ct_walk **walk)
{
	ct_walk_destroy(*walk);
}

/* As a walk is that has come here. */
static bool set_state(struct ct_walk *walk, const struct ct_walk_state *state)
{
	for (size_t i = 0; i < state->count; i++)
		if (!push_call(walk, state->frames[i].site))
			return false;
	walk->last_ticks = state->last_ticks;
	if (walk->next_piece < walk->last_piece)
		walk->expected_seq = walk->trace->pieces[walk->next_piece].seq;
	return true;
}

struct ct_error *ct_walk_create_part(const struct ct_trace *trace, uint32_t stream, uint32_t from,
				     uint32_t to, const struct ct_walk_state *state,
				     struct ct_walk **ret)
{
	if (trace->keys_failed)
		return ct_error_nomem;
	ct_cleanup(cleanup_walk) struct ct_walk *walk = calloc(1, sizeof(*walk));
	if (!walk)
		return ct_error_nomem;
	walk->trace = trace;
	walk->keys = trace->keys;
	walk->site_count = trace->site_count;
	walk->scan_credit = 1 << 24;
	if (walk->keys) {
		walk->open_by_key = calloc((size_t)trace->key_count + 1,
					   sizeof(*walk->open_by_key));
		if (!walk->open_by_key)
			return ct_error_nomem;
	}
	if (!switch_stack(walk, 0))
		return ct_error_nomem;
	if (stream && stream <= trace->stream_count) {
		walk->first_piece = trace->first_piece[stream];
		walk->next_piece = walk->first_piece + from;
		walk->last_piece = walk->first_piece + to;
		walk->is_part = walk->last_piece != trace->first_piece[stream + 1];
	}
	walk->stream = stream;
	walk->at = walk->end = walk->piece.block;
	if (state && !set_state(walk, state))
		return ct_error_nomem;
	set_end(walk, stream);
	*ret = ct_take(walk);
	return NULL;
}

struct ct_error *ct_walk_create(const struct ct_trace *trace, uint32_t stream, struct ct_walk **ret)
{
	return ct_walk_create_part(trace, stream, 0, ct_part_pieces(trace, stream), NULL, ret);
}

void ct_walk_extend(struct ct_walk *walk, uint32_t to)
{
	walk->last_piece = walk->first_piece + to;
	walk->is_part = walk->last_piece != walk->trace->first_piece[walk->stream + 1];
	if (walk->work == WORK_DONE && !walk->failed)
		walk->work = WORK_NONE;
}

struct ct_walk *ct_walk_create_fed(void)
{
	ct_cleanup(cleanup_walk) struct ct_walk *walk = calloc(1, sizeof(*walk));
	if (!walk || !switch_stack(walk, 0))
		return NULL;
	walk->site_count = CT_SITE_MAX;
	walk->is_fed = true;
	walk->work = WORK_WAIT;
	walk->at = walk->end = walk->piece.block;
	return ct_take(walk);
}

struct ct_piece_buffer *ct_walk_buffer(struct ct_walk *walk)
{
	return &walk->piece;
}

void ct_walk_feed(struct ct_walk *walk, size_t offset, bool begins)
{
	if (walk->work == WORK_DONE)
		return;
	walk->at = walk->piece.begin + offset;
	walk->end = walk->piece.end;
	walk->work = begins ? WORK_PIECE_BEGIN : WORK_NONE;
}

size_t ct_walk_offset(const struct ct_walk *walk)
{
	return (size_t)(walk->at - walk->piece.begin);
}

void ct_walk_destroy(struct ct_walk *walk)
{
	if (!walk)
		return;
	for (size_t i = 0; i < walk->stack_count; i++) {
		free(walk->stacks[i]->entries);
		free(walk->stacks[i]);
	}
	free(walk->stacks);
	free(walk->open_by_key);
	ct_pack_cache_deinit(&walk->piece.cache);
	free(walk);
}
