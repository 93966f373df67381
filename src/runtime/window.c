/* SPDX-License-Identifier: MIT */
/*
 * Live windows: the one block of the trace file that a thread writes into,
 * over and over, and the append of its content when it is full. In the traced
 * process, on the owning thread, with signals blocked. docs/format.md,
 * "Windows and pieces", says what a reader finds at any instant.
 */
#include "runtime/hot.h"

#include <sys/mman.h>

static inline uint64_t *current_word(void)
{
	return &ct_self.word;
}

/* Order of the stores as a killed process leaves them: the kernel sees them in program order. */
static inline void keep_order(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static void set_piece_start(struct ct_thread *thread, uint64_t ticks)
{
	struct ct_block_header *header = thread->window;
	uint32_t depth = (uint32_t)ct_word_depth(*current_word());
	header->epoch = ticks >> CT_EPOCH_SHIFT;
	header->depth = ct_slow_recorded_depth(thread->stack, depth);
	header->stack = thread->stack->number;
	ct_self.epoch = header->epoch;
}

/* Append what the window holds to the file, and start it anew. 0 or -errno; stops recording. */
int ct_window_flush(struct ct_thread *thread, uint64_t ticks)
{
	uint64_t word = *current_word();
	uint64_t offset = word & CT_WORD_OFFSET_MASK;
	if (offset == CT_OFFSET_NONE || ct_mode() != CT_MODE_RECORD) {
		*current_word() = ct_word_make(word, ct_word_depth(word), CT_OFFSET_NONE);
		return -1;
	}
	struct ct_block_header piece = *thread->window;
	piece.used_bytes = (uint32_t)(offset - CT_BLOCK_HEADER_BYTES);
	int error = ct_file_append(&piece, ct_self.window + CT_BLOCK_HEADER_BYTES);
	if (error) {
		*current_word() = ct_word_make(word, ct_word_depth(word), CT_OFFSET_NONE);
		ct_control_stop(error, "writing");
		return error;
	}
	thread->appended_bytes += piece.used_bytes;
	if (ct_unlikely(!ct_crash_keeps_signal_stacks()))
		ct_crash_thread_end(thread);
	/* From here on the window is a duplicate, until it has the next seq. */
	size_t written = offset + sizeof(uint64_t); /* with the tail of the last store */
	if (written > CT_BLOCK_BYTES)
		written = CT_BLOCK_BYTES;
	ct_zero(ct_self.window + CT_BLOCK_HEADER_BYTES, written - CT_BLOCK_HEADER_BYTES);
	set_piece_start(thread, ticks);
	keep_order();
	thread->window->seq = ++thread->seq;
	*current_word() = ct_word_make(word, ct_word_depth(word), CT_BLOCK_HEADER_BYTES);
	ct_clock_save_latest();
	return 0;
}

/* Windows of ended threads, used again before the file grows. Under ct_runtime.lock. */
static struct ct_block_header *free_windows[4096];
static uint32_t free_window_count;

int ct_window_open(struct ct_thread *thread, uint64_t ticks)
{
	int error = 0;
	if (free_window_count) {
		thread->window = free_windows[--free_window_count];
		thread->window->seq = thread->seq;
		keep_order();
		thread->window->stream = thread->stream;
	} else {
		thread->window = ct_file_map_block(CT_BLOCK_RECORDS, thread->stream, thread->seq,
						   &error);
	}
	if (!thread->window)
		return error;
	ct_self.window = (unsigned char *)thread->window;
	set_piece_start(thread, ticks);
	uint64_t word = *current_word();
	*current_word() = ct_word_make(word, ct_word_depth(word), CT_BLOCK_HEADER_BYTES);
	return 0;
}

/* The thread has ended: append the rest, and free the window. */
void ct_window_close(struct ct_thread *thread)
{
	if (!thread->window)
		return;
	uint64_t offset = *current_word() & CT_WORD_OFFSET_MASK;
	if (offset > CT_BLOCK_HEADER_BYTES && ct_window_flush(thread, ct_slow_ticks()) != 0)
		return; /* it keeps what it holds */
	uint64_t word = *current_word();
	*current_word() = ct_word_make(word, ct_word_depth(word), CT_OFFSET_NONE);
	ct_lock_take(&ct_runtime.lock);
	thread->window->stream = 0;
	if (free_window_count < ct_array_length(free_windows))
		free_windows[free_window_count++] = thread->window;
	else
		ct_sys_unmap(thread->window, CT_BLOCK_BYTES); /* the file keeps an empty block */
	thread->window = NULL;
	ct_lock_release(&ct_runtime.lock);
}

static void replace_by_private(struct ct_block_header *window)
{
	ct_sys(SYS_mmap, window, CT_BLOCK_BYTES, PROT_READ | PROT_WRITE,
	       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

/*
 * The trace is closed: threads that still run go on writing into private
 * memory in the place of their windows, and the file stays as it is.
 */
void ct_window_freeze_all(void)
{
	for (struct ct_thread *thread = ct_runtime.threads; thread; thread = thread->next) {
		if (!thread->window)
			continue;
		uint32_t block = thread->window->block;
		replace_by_private(thread->window);
		ct_file_seal(block);
	}
}

/* In a forked child: the windows are the parent's. */
void ct_window_fork_child(struct ct_thread *thread)
{
	for (struct ct_thread *other = ct_runtime.threads; other; other = other->next) {
		if (!other->window)
			continue;
		/* A handler may have forked in the middle of a hook of this thread. */
		if (other == thread)
			replace_by_private(other->window);
		else
			ct_sys_unmap(other->window, CT_BLOCK_BYTES);
		other->window = NULL;
	}
	while (free_window_count)
		ct_sys_unmap(free_windows[--free_window_count], CT_BLOCK_BYTES);
}
