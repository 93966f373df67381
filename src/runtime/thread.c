/* SPDX-License-Identifier: MIT */
/*
 * Birth, end and fork of the traced program's threads, on those threads. A
 * thread is known from its first traced call on; one that makes none costs
 * nothing.
 */
#include "runtime/hot.h"
#include "runtime/values.h"

#include <errno.h>
#include <sys/prctl.h>

__thread struct ct_origin ct_origin;

static pthread_key_t end_key;
static bool has_end_key;

static inline uint64_t *current_word(void)
{
	return &ct_self.word;
}

/*
 * From the bytes: six for an enter, three for a return, and the enters exceed
 * the returns by what is open and what was left without a return.
 */
uint64_t ct_thread_calls(const struct ct_thread *thread)
{
	if (!thread->row)
		return thread->counted_calls + (thread->self ? thread->self->counted_calls : 0);
	uint64_t bytes = thread->appended_bytes;
	uint64_t open = thread->unwound_calls + thread->ended_depth;
	const struct ct_self *self = thread->self;
	if (self && thread->window) {
		uint64_t word = self->word;
		uint64_t offset = word & CT_WORD_OFFSET_MASK;
		if (offset != CT_OFFSET_NONE)
			bytes += offset - CT_BLOCK_HEADER_BYTES;
		open += ct_slow_recorded_depth(thread->stack, (uint32_t)ct_word_depth(word));
		for (const struct ct_stack *stack = &thread->own_stack; stack; stack = stack->next)
			if (stack != thread->stack)
				open += ct_slow_recorded_depth(stack, stack->depth);
	}
	uint64_t other_bytes = thread->extended_bytes + thread->values_bytes +
			       (self ? self->values_bytes : 0);
	return (bytes - other_bytes + CT_RETURN_BYTES * open) / (CT_ENTER_BYTES + CT_RETURN_BYTES);
}

/* Structs of ended threads, oldest first. Under the lock. */
static struct ct_thread *oldest_ended, *newest_ended;

/* One whose thread the kernel no longer knows: until then it might make another call. */
static struct ct_thread *reuse_struct(void)
{
	struct ct_thread *thread = oldest_ended;
	if (!thread || ct_sys(SYS_tgkill, ct_runtime.pid, thread->tid, 0) != -ESRCH)
		return NULL;
	oldest_ended = thread->next_ended;
	if (!oldest_ended)
		newest_ended = NULL;
	ct_runtime.ended_calls += ct_thread_calls(thread);
	ct_stack_free_frames(thread);
	ct_values_end_thread(thread);
	/* Not the first field: others walk the list without the lock. */
	ct_zero(&thread->next_ended,
		offsetof(struct ct_thread, first_frames) - offsetof(struct ct_thread, next_ended));
	return thread;
}

/* Under the lock: a struct for the calling thread. */
static struct ct_thread *take_struct(void)
{
	struct ct_thread *thread = reuse_struct();
	if (thread)
		return thread;
	thread = ct_sys_map(sizeof(*thread));
	if (!thread)
		return NULL;
	thread->next = ct_runtime.threads;
	__atomic_store_n(&ct_runtime.threads, thread, __ATOMIC_RELEASE);
	return thread;
}

void ct_thread_refresh_row(struct ct_thread *thread)
{
	/* PR_GET_NAME gives the calling thread's. */
	if (thread->row && thread == ct_self.thread)
		ct_sys(SYS_prctl, PR_GET_NAME, thread->row->name);
}

static bool set_up_row(struct ct_thread *thread)
{
	struct ct_thread_row *row = ct_file_thread_row(ct_runtime.thread_count + 1);
	if (!row)
		return false;
	thread->stream = ++ct_runtime.thread_count;
	thread->row = row;
	row->tid = thread->tid;
	row->flags = thread->tid == (uint32_t)ct_runtime.pid ? CT_THREAD_MAIN : 0;
	row->create_serial = ct_origin.serial;
	row->parent_tid = ct_origin.parent_tid;
	row->parent_stream = ct_origin.parent_stream;
	row->created_ticks = ct_origin.created_ticks;
	row->start_ticks = ct_slow_ticks();
	ct_thread_refresh_row(thread);
	__atomic_store_n(&row->stream, thread->stream, __ATOMIC_RELEASE);
	return true;
}

struct set_up {
	struct ct_thread *thread;
	bool done;
};

/* Under the lock. A window for recording; none is needed to count. */
static void set_up(long argument)
{
	struct set_up *set_up = (struct set_up *)argument;
	struct ct_thread *thread = set_up->thread;
	int error = 0;
	if (ct_mode() == CT_MODE_RECORD) {
		if (!thread->row && !set_up_row(thread))
			error = -ENOSPC;
		if (!error)
			error = ct_window_open(thread, ct_slow_ticks());
		if (error)
			ct_control_stop(error, "making room for another thread");
	}
	set_up->done = error == 0;
}

/*
 * Make the calling thread known, or, when it has ended as far as we knew and
 * still makes calls (in destructors of thread-specific data), give it a window
 * again. With signals blocked; `saved` is the thread's own mask. NULL: it cannot be
 * traced.
 */
struct ct_thread *ct_thread_attach(ct_sigset saved)
{
	struct ct_thread *thread = ct_self.thread;
	ct_crash_note_mask(saved);
	ct_lock_take(&ct_runtime.lock);
	if (!thread) {
		thread = take_struct();
		if (thread) {
			thread->tid = (uint32_t)ct_sys(SYS_gettid);
			ct_self.thread = thread;
			thread->self = &ct_self;
			ct_stack_init_own(thread);
			ct_self.frames = thread->stack->frames;
			ct_self.depth_limit = 0; /* the first call settles it */
		}
	}
	struct set_up attached = {.thread = thread};
	if (thread)
		ct_slow_run(thread, set_up, &attached);
	ct_lock_release(&ct_runtime.lock);
	if (!attached.done)
		return NULL;
	ct_slow_set_stack(thread, thread->stack, 0);
	ct_crash_thread_init(thread);
	if (has_end_key)
		pthread_setspecific(end_key, thread);
	return thread;
}

/* The thread has run all destructors we can wait for. */
static void end_thread(struct ct_thread *thread)
{
	ct_sigset saved = ct_sys_block_signals();
	thread->counted_calls += ct_self.counted_calls;
	thread->values_bytes += ct_self.values_bytes;
	ct_self.counted_calls = ct_self.values_bytes = 0;
	thread->self = NULL;
	thread->ended_depth = ct_slow_recorded_depth(thread->stack,
						     (uint32_t)ct_word_depth(*current_word()));
	if (thread->row && ct_mode() == CT_MODE_RECORD) {
		thread->busy = true;
		ct_thread_refresh_row(thread);
		thread->row->end_ticks = ct_slow_ticks();
		thread->row->flags |= CT_THREAD_ENDED;
		ct_window_close(thread);
		thread->busy = false;
	}
	ct_crash_thread_end(thread);
	ct_lock_take(&ct_runtime.lock);
	thread->next_ended = NULL;
	if (newest_ended)
		newest_ended->next_ended = thread;
	else
		oldest_ended = thread;
	newest_ended = thread;
	ct_lock_release(&ct_runtime.lock);
	ct_sys_restore_signals(saved);
}

/*
 * libc calls this up to PTHREAD_DESTRUCTOR_ITERATIONS times, as long as there
 * is a value again: the last round comes after the other keys' destructors of
 * the rounds before, which may be traced.
 */
static void end_key_destructor(void *value)
{
	struct ct_thread *thread = value;
	if (++thread->key_rounds < PTHREAD_DESTRUCTOR_ITERATIONS) {
		pthread_setspecific(end_key, thread);
		return;
	}
	end_thread(thread);
}

/* ---- creation ---- */

typedef void *start_routine(void *);
typedef int create_function(pthread_t *, const pthread_attr_t *, start_routine *, void *);
static create_function *next_create;

/* What the new thread is told; a list of free ones, for there is no malloc here. */
struct start_note {
	struct start_note *next_free;
	start_routine *start;
	void *argument;
	struct ct_origin origin;
};
static struct start_note *free_notes;
static struct ct_lock notes_lock;

static struct start_note *take_note(void)
{
	enum { NOTES_PER_MAPPING = 4096 / sizeof(struct start_note) };
	ct_sigset saved = ct_sys_block_signals();
	ct_lock_take(&notes_lock);
	if (!free_notes) {
		struct start_note *notes = ct_sys_map(NOTES_PER_MAPPING * sizeof(*notes));
		for (unsigned int i = 0; notes && i < NOTES_PER_MAPPING; i++) {
			notes[i].next_free = free_notes;
			free_notes = &notes[i];
		}
	}
	struct start_note *note = free_notes;
	if (note)
		free_notes = note->next_free;
	ct_lock_release(&notes_lock);
	ct_sys_restore_signals(saved);
	return note;
}

static void give_note_back(struct start_note *note)
{
	ct_sigset saved = ct_sys_block_signals();
	ct_lock_take(&notes_lock);
	note->next_free = free_notes;
	free_notes = note;
	ct_lock_release(&notes_lock);
	ct_sys_restore_signals(saved);
}

static void *start_thread(void *argument)
{
	struct start_note note = *(struct start_note *)argument;
	give_note_back(argument);
	ct_origin = note.origin;
	void *result = note.start(note.argument);
	if (!has_end_key && ct_self.thread)
		end_thread(ct_self.thread);
	return result;
}

static void record_creation(struct ct_thread *thread, const struct ct_origin *origin)
{
	ct_sigset saved = ct_sys_block_signals();
	if (thread->window && ct_mode() == CT_MODE_RECORD) {
		thread->busy = true;
		uint32_t depth = (uint32_t)ct_word_depth(*current_word());
		ct_slow_extended(thread, CT_EXTENDED_CREATE, origin->created_ticks,
				 ct_slow_recorded_depth(thread->stack, depth), origin->serial);
		thread->busy = false;
	}
	ct_sys_restore_signals(saved);
}

__attribute__((visibility("default"))) int pthread_create(pthread_t *ret,
							  const pthread_attr_t *attributes,
							  start_routine *start, void *argument)
{
	if (!next_create)
		next_create = (create_function *)ct_next("pthread_create"); /* before our load */
	enum ct_mode mode = ct_mode();
	struct start_note *note = mode == CT_MODE_RECORD ? take_note() : NULL;
	if (!note)
		return next_create(ret, attributes, start, argument);
	struct ct_thread *creator = ct_self.thread;
	*note = (struct start_note){
		.start = start,
		.argument = argument,
		.origin =
			{
				.created_ticks = ct_slow_ticks(),
				.serial = __atomic_add_fetch(&ct_runtime.create_serial, 1,
							     __ATOMIC_RELAXED),
				.parent_tid = creator ? creator->tid : (uint32_t)ct_sys(SYS_gettid),
				.parent_stream = creator ? creator->stream : 0,
			},
	};
	size_t stack_bytes = 0;
	if (attributes && pthread_attr_getstacksize(attributes, &stack_bytes) == 0)
		note->origin.stack_bytes = stack_bytes;
	struct ct_origin origin = note->origin;
	int error = next_create(ret, attributes, start_thread, note);
	if (error)
		give_note_back(note);
	else if (creator)
		record_creation(creator, &origin);
	return error;
}

/* ---- fork ---- */

/*
 * Between these, hooks take the slow path, which looks whether it is in the
 * child: another library's fork handlers may be traced, and in the child the
 * window is still the parent's.
 */
void ct_thread_before_fork(void)
{
	struct ct_thread *thread = ct_self.thread;
	if (!thread || !thread->window || ct_mode() != CT_MODE_RECORD)
		return;
	ct_sigset saved = ct_sys_block_signals();
	/* A handler may fork while its thread is forking. */
	if (thread->forking++ == 0) {
		thread->saved_word = *current_word();
		*current_word() = CT_OFFSET_NONE;
	}
	ct_sys_restore_signals(saved);
}

void ct_thread_after_fork_parent(void)
{
	struct ct_thread *thread = ct_self.thread;
	if (!thread || !thread->forking)
		return;
	ct_sigset saved = ct_sys_block_signals();
	if (--thread->forking == 0)
		*current_word() = thread->saved_word;
	ct_sys_restore_signals(saved);
}

void ct_thread_after_fork_child(void)
{
	if (ct_sys(SYS_getpid) == ct_runtime.pid)
		return;
	ct_sigset saved = ct_sys_block_signals();
	ct_crash_fork_child();
	ct_control_fork_child();
	ct_sys_restore_signals(saved);
}

/* Frames that are open at the fork belong to the parent's trace: their returns have no record. */
static void inherit_frames(struct ct_stack *stack, uint32_t depth)
{
	for (uint32_t at = 1; at <= depth; at++)
		stack->frames[at].sp |= CT_FRAME_HIDDEN;
	stack->depth = depth;
	stack->base = depth;
}

/* The child's only thread starts over; the structs of the others are free. */
void ct_thread_fork_child(void)
{
	struct ct_thread *thread = ct_self.thread;
	notes_lock.word = 0;
	ct_window_fork_child(thread);
	ct_values_fork_child(thread);
	/* The other threads' structs are unreachable from here on; few forks have many threads. */
	ct_runtime.threads = thread;
	oldest_ended = newest_ended = NULL;
	ct_runtime.thread_count = 0;
	ct_runtime.create_serial = 0;
	ct_runtime.stack_count = 0;
	ct_zero(&ct_origin, sizeof(ct_origin));
	if (!thread)
		return;
	thread->next = NULL;
	uint64_t word = thread->forking ? thread->saved_word : *current_word();
	for (struct ct_stack *stack = thread->own_stack.next; stack; stack = stack->next) {
		if (stack != thread->stack)
			inherit_frames(stack, stack->depth);
		stack->number = ++ct_runtime.stack_count;
	}
	if (thread->stack != &thread->own_stack)
		inherit_frames(&thread->own_stack, thread->own_stack.depth);
	inherit_frames(thread->stack, (uint32_t)ct_word_depth(word));
	thread->forking = 0;
	thread->busy = false;
	thread->row = NULL;
	thread->stream = 0;
	thread->seq = 0;
	thread->tid = (uint32_t)ct_sys(SYS_gettid);
	thread->appended_bytes = thread->extended_bytes = thread->unwound_calls = 0;
	thread->values_bytes = ct_self.values_bytes = 0;
	thread->counted_calls = 0;
	ct_self.counted_calls = 0;
	*current_word() = ct_word_make(word, ct_word_depth(word), CT_OFFSET_NONE);
}

void ct_thread_init(void)
{
	/* A key beyond libc's first block of them would make it call malloc in every thread. */
	enum { KEYS_WITHOUT_MALLOC = 32 };
	if (has_end_key || pthread_key_create(&end_key, end_key_destructor) != 0)
		return;
	if (end_key >= KEYS_WITHOUT_MALLOC) {
		pthread_key_delete(end_key);
		return;
	}
	has_end_key = true;
}
