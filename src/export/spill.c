/* SPDX-License-Identifier: MIT */
/*
 * Text of many coroutine stacks: see spill.h. The file holds chunks, each
 * headed by its length and the place of the stack's next one, so that memory
 * does not grow with the number of switches.
 */
#include "export/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"

enum { SLOT_COUNT = 128, SLOT_BYTES = 64 * 1024, NO_SLOT = SLOT_COUNT };
_Static_assert((int)SLOT_BYTES >= (int)CT_SINK_ROOM_BYTES, "a sink's memory");

struct chunk {
	uint64_t next; /* place in the file; 0: the last one */
	uint64_t length;
};

struct slot {
	struct ct_sink sink; /* first: the sink's functions get from it to the slot */
	struct ct_spill *spill;
	uint32_t stack;
	uint64_t used; /* the larger, the more recently */
	char *bytes;
};

struct stack {
	uint64_t first; /* place of the first and last chunk; 0: none */
	uint64_t last;
	uint32_t slot; /* + 1; 0: none */
};

struct ct_spill {
	int fd;
	int error_number; /* of the first write that failed */
	uint64_t size_bytes;
	uint64_t uses;
	struct slot slots[SLOT_COUNT];
	uint32_t slot_count; /* in use */
	struct stack *stacks;
	uint32_t stack_capacity;
};

static void write_at(struct ct_spill *spill, const void *bytes, size_t length, uint64_t offset)
{
	if (spill->error_number == 0)
		spill->error_number = ct_write_at(spill->fd, bytes, length, offset);
}

static void empty_slot(struct slot *slot)
{
	struct ct_spill *spill = slot->spill;
	struct stack *stack = &spill->stacks[slot->stack];
	struct chunk chunk = {.length = (uint64_t)(slot->sink.at - slot->bytes)};
	uint64_t place = spill->size_bytes;

	slot->sink.at = slot->bytes;
	if (chunk.length == 0)
		return;
	write_at(spill, &chunk, sizeof(chunk), place);
	write_at(spill, slot->bytes, chunk.length, place + sizeof(chunk));
	spill->size_bytes += sizeof(chunk) + chunk.length;
	if (stack->last)
		write_at(spill, &place, sizeof(place), stack->last);
	else
		stack->first = place;
	stack->last = place;
}

static void renew_slot(struct ct_sink *sink)
{
	empty_slot((struct slot *)sink);
}

static struct slot *take_slot(struct ct_spill *spill)
{
	if (spill->slot_count < SLOT_COUNT) {
		struct slot *slot = &spill->slots[spill->slot_count];
		slot->bytes = malloc(SLOT_BYTES);
		if (!slot->bytes)
			return NULL;
		slot->spill = spill;
		slot->sink.at = slot->bytes;
		slot->sink.end = slot->bytes + SLOT_BYTES;
		slot->sink.renew = renew_slot;
		spill->slot_count++;
		return slot;
	}
	struct slot *oldest = &spill->slots[0];
	for (int i = 1; i < SLOT_COUNT; i++) {
		if (spill->slots[i].used < oldest->used)
			oldest = &spill->slots[i];
	}
	empty_slot(oldest);
	spill->stacks[oldest->stack].slot = 0;
	return oldest;
}

static bool reserve_stack(struct ct_spill *spill, uint32_t index)
{
	if (index < spill->stack_capacity)
		return true;
	uint32_t capacity = spill->stack_capacity ? spill->stack_capacity : 64;
	while (capacity <= index)
		capacity *= 2;
	struct stack *stacks = realloc(spill->stacks, capacity * sizeof(*stacks));
	if (!stacks)
		return false;
	memset(stacks + spill->stack_capacity, 0,
	       (capacity - spill->stack_capacity) * sizeof(*stacks));
	spill->stacks = stacks;
	spill->stack_capacity = capacity;
	return true;
}

struct ct_sink *ct_spill_sink(struct ct_spill *spill, uint32_t index)
{
	if (!reserve_stack(spill, index))
		return NULL;
	struct stack *stack = &spill->stacks[index];
	if (stack->slot == 0) {
		struct slot *slot = take_slot(spill);
		if (!slot)
			return NULL;
		slot->stack = index;
		stack->slot = (uint32_t)(slot - spill->slots) + 1;
	}
	struct slot *slot = &spill->slots[stack->slot - 1];
	slot->used = ++spill->uses;
	return &slot->sink;
}

static struct ct_error *read_at(const struct ct_spill *spill, void *bytes, size_t length,
				uint64_t offset)
{
	if (ct_read_at(spill->fd, bytes, length, offset) == length)
		return NULL;
	return ct_error_errno(errno ? errno : EIO, "reading a temporary file");
}

static struct ct_error *copy_chunk(const struct ct_spill *spill, uint64_t place, uint64_t length,
				   struct ct_sink *to)
{
	while (length > 0) {
		size_t part = length < CT_SINK_ROOM_BYTES ? (size_t)length : CT_SINK_ROOM_BYTES;
		ct_sink_reserve(to, part);
		struct ct_error *err = read_at(spill, to->at, part, place);
		if (err)
			return err;
		to->at += part;
		place += part;
		length -= part;
	}
	return NULL;
}

struct ct_error *ct_spill_copy(struct ct_spill *spill, uint32_t index, struct ct_sink *to)
{
	if (index >= spill->stack_capacity)
		return NULL;
	struct stack *stack = &spill->stacks[index];
	if (stack->slot)
		empty_slot(&spill->slots[stack->slot - 1]);
	if (spill->error_number)
		return ct_error_errno(spill->error_number, "writing a temporary file");
	uint64_t place = stack->first;
	while (place) {
		struct chunk chunk;
		struct ct_error *err = read_at(spill, &chunk, sizeof(chunk), place);
		if (!err)
			err = copy_chunk(spill, place + sizeof(chunk), chunk.length, to);
		if (err)
			return err;
		place = chunk.next;
	}
	return NULL;
}

static void spill_cleanup(struct ct_spill **spill)
{
	ct_spill_destroy(*spill);
}

struct ct_error *ct_spill_create(struct ct_spill **ret)
{
	static const char name[] = "/calltrace-XXXXXX";
	/* Not /tmp: it may be memory, and this may be as large as the document. */
	const char *directory = getenv("TMPDIR");
	if (!directory || !*directory)
		directory = "/var/tmp";
	ct_cleanup(spill_cleanup) struct ct_spill *spill = calloc(1, sizeof(*spill));
	ct_cleanup(ct_cleanup_free) char *path = malloc(strlen(directory) + sizeof(name));
	if (spill)
		spill->fd = -1;
	if (!spill || !path)
		return ct_error_nomem;
	memcpy(path, directory, strlen(directory));
	memcpy(path + strlen(directory), name, sizeof(name));
	spill->fd = mkostemp(path, O_CLOEXEC);
	if (spill->fd < 0)
		return ct_error_errno(errno, "creating a temporary file in '%s' (TMPDIR)",
				      directory);
	unlink(path);
	spill->size_bytes = 1; /* place 0 means none */
	*ret = ct_take(spill);
	return NULL;
}

void ct_spill_destroy(struct ct_spill *spill)
{
	if (!spill)
		return;
	if (spill->fd >= 0)
		close(spill->fd);
	for (int i = 0; i < SLOT_COUNT; i++)
		free(spill->slots[i].bytes);
	free(spill->stacks);
	free(spill);
}
