/* SPDX-License-Identifier: MIT */
/* Conditions on what calls return: see foresight.h. */
#include "analysis/foresight.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "export/open_calls.h"

/* Answers are half a byte each. */
enum { FIRST_BYTES = 4096, MOST_IN_MEMORY = 1 << 20 };

struct ct_foresight {
	unsigned char *answers;
	uint64_t size_bytes;
	bool is_mapped;
	int fd;		/* of the file; -1: none */
	uint64_t count; /* calls asked */
	uint64_t next;
};

void ct_foresight_destroy(struct ct_foresight *foresight)
{
	if (!foresight)
		return;
	if (foresight->is_mapped)
		munmap(foresight->answers, foresight->size_bytes);
	else
		free(foresight->answers);
	if (foresight->fd >= 0)
		close(foresight->fd);
	free(foresight);
}

static void foresight_cleanup(struct ct_foresight **foresight)
{
	ct_foresight_destroy(*foresight);
}

/* ---- answers ---- */

static struct ct_error *make_file(struct ct_foresight *foresight)
{
	/* Not /tmp: it may be memory. */
	const char *directory = getenv("TMPDIR");
	ct_cleanup(ct_cleanup_free) char *path = NULL;
	if (!directory || !*directory)
		directory = "/var/tmp";
	if (asprintf(&path, "%s/calltrace-XXXXXX", directory) < 0) {
		path = NULL;
		return ct_error_nomem;
	}
	foresight->fd = mkostemp(path, O_CLOEXEC);
	if (foresight->fd < 0)
		return ct_error_errno(errno, "creating a temporary file in '%s' (TMPDIR)",
				      directory);
	unlink(path);
	return NULL;
}

/* Reserved before it is mapped: a full disk is an error, not a signal. */
static struct ct_error *map(struct ct_foresight *foresight, uint64_t size_bytes)
{
	struct ct_error *err = foresight->fd < 0 ? make_file(foresight) : NULL;
	if (err)
		return err;
	int error = posix_fallocate(foresight->fd, 0, (off_t)size_bytes);
	if (error)
		return ct_error_errno(error, "writing a temporary file (TMPDIR) failed");
	unsigned char *mapped = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
				     foresight->fd, 0);
	if (mapped == MAP_FAILED)
		return ct_error_nomem;
	if (foresight->is_mapped) {
		munmap(foresight->answers, foresight->size_bytes);
	} else {
		memcpy(mapped, foresight->answers, foresight->size_bytes);
		free(foresight->answers);
	}
	foresight->answers = mapped;
	foresight->is_mapped = true;
	return NULL;
}

static struct ct_error *reserve(struct ct_foresight *foresight)
{
	uint64_t size_bytes = foresight->size_bytes ? 2 * foresight->size_bytes : FIRST_BYTES;
	if (foresight->count / 2 < foresight->size_bytes)
		return NULL;
	if (size_bytes > MOST_IN_MEMORY) {
		struct ct_error *err = map(foresight, size_bytes);
		if (err)
			return err;
	} else {
		unsigned char *answers = realloc(foresight->answers, size_bytes);
		if (!answers)
			return ct_error_nomem;
		memset(answers + foresight->size_bytes, 0, size_bytes - foresight->size_bytes);
		foresight->answers = answers;
	}
	foresight->size_bytes = size_bytes;
	return NULL;
}

/* In four bits: HOLDS, the highest of the effects, takes the lowest place. */
static void put_answer(struct ct_foresight *foresight, uint64_t call, uint8_t effects)
{
	uint8_t bits = (effects & (CT_SELECT_INSIDE | CT_SELECT_OUTSIDE)) |
		       (effects & CT_SELECT_HOLDS ? 1 : 0);
	foresight->answers[call / 2] |= (unsigned char)(bits << 4 * (call % 2));
}

uint8_t ct_foresight_next(struct ct_foresight *foresight)
{
	if (!foresight || foresight->next >= foresight->count)
		return 0;
	uint64_t call = foresight->next++;
	uint8_t bits = foresight->answers[call / 2] >> 4 * (call % 2) & 15;
	return (uint8_t)((bits & (CT_SELECT_INSIDE | CT_SELECT_OUTSIDE)) |
			 (bits & 1 ? CT_SELECT_HOLDS : 0));
}

/* ---- the walk ---- */

/*
 * Of an open call: `mark`: it is asked, `id`: its number among those, `start_ns`: the conditions
 * whose comparisons of arguments hold.
 */
struct walking {
	const struct ct_input *input;
	const struct ct_selection *selection;
	struct ct_values *values;
	struct ct_foresight *foresight;
	struct ct_open_stacks stacks;
};

static struct ct_error *begin(struct walking *walking, struct ct_open_stack *stack,
			      const struct ct_step *step)
{
	const struct ct_selection *selection = walking->selection;
	struct ct_open_call *call = ct_open_stack_push(stack);
	if (!call)
		return ct_error_nomem;
	uint32_t function = ct_session_function(walking->input, step->site);
	uint64_t among = selection->function_conditions[function];
	*call = (struct ct_open_call){.mark = (among & selection->late_conditions) != 0};
	if (!call->mark)
		return NULL;
	call->id = walking->foresight->count;
	call->start_ns = ct_selection_holding(
		selection, walking->values, step->site,
		(struct ct_value_bytes){step->values, step->value_bytes, 0}, among, false);
	struct ct_error *err = reserve(walking->foresight);
	walking->foresight->count++;
	return err;
}

static void end(struct walking *walking, struct ct_open_stack *stack, const struct ct_step *step)
{
	const struct ct_selection *selection = walking->selection;
	const struct ct_open_call *call = &stack->calls[--stack->count];
	if (call->mark && call->start_ns) {
		uint64_t holding = call->start_ns & ~selection->late_conditions;
		if (step->end == CT_CALL_RETURNED)
			holding |= ct_selection_holding(
				selection, walking->values, step->site,
				(struct ct_value_bytes){step->values, step->value_bytes, 0},
				call->start_ns & selection->late_conditions, true);
		put_answer(walking->foresight, call->id, ct_selection_effects(selection, holding));
	}
	ct_open_stack_trim(stack);
}

static void walk_cleanup(struct ct_walk **walk)
{
	ct_walk_destroy(*walk);
}

static struct ct_error *foresee(struct walking *walking, uint32_t stream)
{
	ct_cleanup(walk_cleanup) struct ct_walk *walk = NULL;
	struct ct_step step;
	struct ct_error *err = ct_walk_create(walking->input->trace, stream, &walk);
	while (!err && ct_walk_next(walk, &step)) {
		if (step.kind != CT_STEP_CALL && step.kind != CT_STEP_END)
			continue;
		uint32_t index = ct_open_stacks_index(&walking->stacks, step.stack);
		if (index == UINT32_MAX)
			return ct_error_nomem;
		struct ct_open_stack *stack = &walking->stacks.stacks[index];
		if (step.kind == CT_STEP_CALL)
			err = begin(walking, stack, &step);
		else if (stack->count)
			end(walking, stack, &step);
	}
	return err ? err : ct_walk_failed(walk) ? ct_error_nomem : NULL;
}

struct ct_error *ct_foresight_create(const struct ct_input *input, uint32_t stream,
				     const struct ct_selection *selection, struct ct_values *values,
				     struct ct_foresight **ret)
{
	ct_cleanup(foresight_cleanup) struct ct_foresight *foresight = calloc(1,
									      sizeof(*foresight));
	struct walking walking = {
		.input = input,
		.selection = selection,
		.values = values,
		.foresight = foresight,
	};
	if (!foresight)
		return ct_error_nomem;
	foresight->fd = -1;
	struct ct_error *err = ct_open_stacks_init(&walking.stacks) ? foresee(&walking, stream)
								    : ct_error_nomem;
	ct_open_stacks_deinit(&walking.stacks);
	if (err)
		return err;
	/* The mapping needs no descriptor: thousands of streams may be open at once. */
	if (foresight->fd >= 0)
		close(foresight->fd);
	foresight->fd = -1;
	*ret = ct_take(foresight);
	return NULL;
}
