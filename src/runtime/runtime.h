/* SPDX-License-Identifier: MIT */
/*
 * What the parts of libcalltrace.so share: the process's state, a thread's
 * state, and which file answers for what. Nothing here may be called from
 * outside the library.
 */
#ifndef CT_RUNTIME_RUNTIME_H
#define CT_RUNTIME_RUNTIME_H

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "format/file.h"
#include "format/plan.h"
#include "format/record.h"
#include "runtime/self_layout.h"
#include "runtime/sys.h"

/*
 * Registers of the instrumented code at a hook call, numbered as in enum
 * ct_plan_register. On arm64, where nothing is captured, the first one only.
 */
struct ct_registers {
	uint64_t sp; /* as it is when the hook has returned */
#if defined(__x86_64__)
	uint64_t callee_saved[CT_PLAN_HOOK_REGISTERS - 1];
#endif
};

/* ---- a thread's stacks: stack.c ---- */

/* One open call, as the hooks see it. */
struct ct_frame {
	uint64_t sp; /* stack pointer where the enter hook was called; bit 0: not recorded */
	uint64_t function;
};
#define CT_FRAME_HIDDEN UINT64_C(1) /* in `sp`: the call has no record, nor has its return */
#define CT_FRAME_SIGNAL UINT64_C(2) /* in `sp`: the first one on a signal stack */
#define CT_FRAME_FLAGS	(CT_FRAME_HIDDEN | CT_FRAME_SIGNAL)

enum {
	CT_STACK_GAP_BYTES =
		CT_STACK_GAP_BYTES_VALUE, /* a larger step down is looked at: maybe another stack */
	CT_FIRST_FRAMES = 256,
};

/* Addresses from `low` up to but not including `high`. */
struct ct_range {
	uint64_t low;
	uint64_t high;
	bool is_signal_stack; /* used on top of the stack it is given for */
};

/* Is `sp` a stack pointer into a stack of this range? What is pushed goes below it, so an empty
 * stack's is `high`, and `low` is the neighbour's. */
static inline bool ct_range_holds(struct ct_range range, uint64_t sp)
{
	return sp > range.low && sp <= range.high;
}

/* The same for a frame's: there is a return address above it. */
static inline bool ct_range_holds_frame(struct ct_range range, uint64_t sp)
{
	return sp > range.low && sp < range.high;
}

/* A stack the thread runs on: its own, or a coroutine's. frames[0] is a sentinel. */
struct ct_stack {
	struct ct_stack *next;
	struct ct_range range;
	bool announced;	       /* bounds told by a context, not guessed from the mapping */
	uint32_t number;       /* 0: the thread's own */
	uint32_t depth;	       /* while it is not the current one */
	uint32_t base;	       /* lowest frames that were inherited by fork, and have no records */
	uint32_t capacity;     /* of frames */
	uint32_t signal_depth; /* where CT_FRAME_SIGNAL was last set */
	struct ct_frame *frames;
	uint64_t floor; /* nothing can be pushed below: range.low is only what no other stack has */
};

/* ---- a thread: thread.c ---- */

/* A function on its way out, whose return address is a stub's: values.c. */
struct ct_planted {
	uint64_t slot;	     /* where the return address is; 0: entry is free. Claimed first */
	uint32_t x87_values; /* how many it returns, of st0 and st1 */
	uint32_t reserved;
	uint64_t function, call_site, site, sp; /* as the exit hook was told */
	const struct ct_capture *capture;
};
enum {
	CT_PLANTED_PER_THREAD = 4, /* handlers on the way out of what they interrupt */
	/* What the slow path needs, with the largest VALUES record. Its upper end shares a page
	 * with the fields behind it, for most threads need no more. */
	CT_SLOW_STACK_BYTES = (32 << 10) - 1280,
};

struct ct_thread {
	char slow_stack[CT_SLOW_STACK_BYTES] __attribute__((aligned(64)));
	struct ct_thread *next; /* all threads, living and ended */
	struct ct_thread *next_ended;
	bool busy;	      /* in a slow path; read by the thread that ends the trace */
	unsigned int forking; /* inside fork(), how deep: the slow path asks who it is */
	uint32_t stream;
	uint32_t tid;
	uint64_t seq;			/* of the piece being written */
	struct ct_block_header *window; /* live window, or NULL */
	struct ct_thread_row *row;
	struct ct_stack own_stack;
	struct ct_stack *stack; /* current one */
	uint64_t appended_bytes;
	uint64_t extended_bytes;
	uint64_t values_bytes; /* as extended_bytes, of VALUES, when the thread has ended */
	uint64_t unwound_calls;
	uint64_t ended_depth;	    /* calls open when the thread ended */
	struct ct_self *self;	    /* NULL once the thread has ended */
	uint64_t counted_calls;	    /* CALLTRACE_OUTPUT=/dev/null, at the thread's end */
	uint64_t saved_word;	    /* while forking */
	unsigned int key_rounds;    /* of the key's destructor */
	struct ct_planted *planted; /* CT_PLANTED_PER_THREAD of values.c's, or NULL yet */
	struct ct_frame first_frames[CT_FIRST_FRAMES];
	/* As large as what programs have, for one of their handlers may come to run on it. */
	char signal_stack[65536] __attribute__((aligned(64)));
};

/*
 * What the hooks touch, per thread, in initial-exec TLS. A thread starts on a
 * word whose offset is CT_OFFSET_NONE, which sends it to the slow path.
 */
struct ct_self {
	uint64_t word; /* depth 24 bits, generation 24, offset in the window 16: see hot.h */
	unsigned char *window;
	struct ct_frame *frames; /* of the current stack */
	uint64_t epoch;
	uint64_t depth_limit; /* first depth that the hot path may not push */
	struct ct_thread *thread;
	uint64_t counted_calls;
	uint64_t values_bytes; /* written in VALUES records */
	uint64_t stack_high; /* of the current stack, and its size: what is captured from it lies */
	uint64_t stack_span; /* between the stack pointer and there */
	bool may_block_faults; /* since a handler of the program's began: the kernel knows */
};
extern __thread struct ct_self ct_self;

/* Who created this thread; set by pthread_create's wrapper before the thread's first call. */
struct ct_origin {
	uint64_t created_ticks; /* 0: not known */
	uint64_t stack_bytes;	/* 0: not known */
	uint32_t serial;
	uint32_t parent_tid;
	uint32_t parent_stream;
};
extern __thread struct ct_origin ct_origin;

struct ct_thread *ct_thread_attach(ct_sigset saved);
void ct_thread_refresh_row(struct ct_thread *thread);
/* Calls recorded, or counted, so far; exact when the thread does not run. */
uint64_t ct_thread_calls(const struct ct_thread *thread);
void ct_thread_init(void);
void ct_thread_before_fork(void);
void ct_thread_after_fork_parent(void);
void ct_thread_after_fork_child(void);
void ct_thread_fork_child(void);

/* ---- the process ---- */

enum ct_mode {
	CT_MODE_UNSET = 0, /* no hook has run yet */
	CT_MODE_OFF,
	CT_MODE_COUNT, /* CALLTRACE_OUTPUT=/dev/null */
	CT_MODE_RECORD,
	CT_MODE_STOPPED, /* could not go on; what is missing is counted */
	CT_MODE_ENDED,	 /* the trace is closed */
};

struct ct_config {
	bool enabled;
	bool capture_args;
	bool debug;
	bool pretty_json;
	uint8_t json_layout; /* enum ct_json_layout */
	uint8_t clock_kind;  /* enum ct_clock_kind as asked */
	uint32_t max_depth;  /* 0: unlimited */
	uint32_t max_string;
	uint32_t max_pointee;
	char args_filter[4096]; /* "": none */
	char output_setting[PATH_MAX];
	char output[PATH_MAX]; /* absolute, fields expanded */
	bool output_is_null;
	bool output_is_raw; /* .ctrace: nothing is converted */
};

struct ct_runtime {
	enum ct_mode mode;	 /* set under `lock`; atomic */
	struct ct_lock lock;	 /* tables, threads, modules, start and end */
	struct ct_config config; /* read once; see config.c */
	pid_t pid;
	uint64_t run_id;
	uint64_t run_start_realtime_ns; /* of its first process */
	bool nameless;			/* the raw trace was removed for an exec that then failed */
	bool start_captured;		/* the next four are set: before main */
	bool privileged;		/* AT_SECURE */
	char start_directory[PATH_MAX];
	char executable[PATH_MAX];
	uint64_t start_realtime_ns;
	char raw_path[PATH_MAX];   /* the trace being written */
	uint32_t thread_count;	   /* rows given out; under lock */
	uint32_t create_serial;	   /* atomic */
	uint32_t stack_count;	   /* atomic */
	struct ct_thread *threads; /* newest first */
	uint64_t ended_calls;	   /* of ended threads whose struct is used again */
	struct ct_file_info *info; /* in block 0, mapped */
};
extern struct ct_runtime ct_runtime;

static inline enum ct_mode ct_mode(void)
{
	return __atomic_load_n(&ct_runtime.mode, __ATOMIC_ACQUIRE);
}

#define ct_debug(...)                        \
	do {                                 \
		if (ct_runtime.config.debug) \
			ct_log(__VA_ARGS__); \
	} while (0)

/* control.c: life of the trace */
/* What only the start of the process can tell: directory, environment, libc's functions. */
void ct_control_capture_start(void);
/* First hook of the process. False: the hook was called from inside the start itself. */
bool ct_control_start(void);
/* Recording cannot go on: says so once, keeps what is there. Any context. */
void ct_control_stop(long error, const char *doing);
/* The process ends: close the trace, make the document. Any context; the first call counts. */
void ct_control_end(enum ct_file_state state);
/* The same in steps, for a signal handler: claim, or else wait for who has. */
bool ct_control_claim_end(void);
void ct_control_end_claimed(enum ct_file_state state);
void ct_control_wait_for_end(void);
/* Around execve: the document as of now; and, when it failed, on with the recording. */
void ct_control_before_exec(void);
void ct_control_exec_failed(void);
/* In a forked child, with signals blocked: forget the parent's trace. */
void ct_control_fork_child(void);

/* config.c */
void ct_config_read(struct ct_config *config);
void ct_config_report(void); /* the lines about bad values, once the program turns out traced */
int ct_config_expand_output(struct ct_config *config);
const char *ct_config_get(const char *name);

/* clock.c */
bool ct_clock_cycles_usable(void);
void ct_clock_init(void);
struct ct_clock_point ct_clock_point(void);
void ct_clock_save_latest(void);
void ct_clock_fork_child(void);
uint64_t ct_clock_realtime_ns(void);
uint64_t ct_clock_monotonic_ns(void);
uint64_t ct_clock_ticks_per_second(void);
extern int (*ct_clock_gettime)(int, struct timespec *);

/* file.c: the trace file and its blocks */
int ct_file_create(void); /* 0 or -errno */
void ct_file_remove(void);
void ct_file_close(void);
void ct_file_fork_child(void);
/* Close the descriptor for a moment; it is opened again when it is needed. */
void ct_file_lend_descriptor(void);
struct ct_block_header *ct_file_map_block(enum ct_block_type type, uint32_t stream, uint64_t seq,
					  int *ret_error);
int ct_file_append(struct ct_block_header *header, const void *records);
/* What was reserved on the disk and is not needed. Not in a crash. */
void ct_file_give_back(void);
/* Put its sums into a block that nobody writes into any more. */
void ct_file_seal(uint32_t block);
/* The trace is closed: do so with the first block and all tables. Threads that still run change
 * nothing of the file. */
void ct_file_freeze(void);
struct ct_site *ct_file_site_row(uint32_t number);
struct ct_thread_row *ct_file_thread_row(uint32_t stream);
bool ct_file_add_module(const struct ct_module *entry, const char *path);
struct ct_module *ct_file_module(uint32_t ordinal);
/* `plan` with all that follows it, `plan->size_bytes` long; NULL: none. */
bool ct_file_add_plan(const struct ct_plan_row *row, const struct ct_plan *plan);
uint64_t ct_file_bytes(void);
int ct_file_descriptor(void);
void ct_file_leave_number(int number); /* the program is about to take this descriptor number */

/* site.c */
uint32_t ct_site_add(uint64_t site, uint64_t function, uint64_t call_site);
void ct_site_forget_module(uint32_t ordinal);
int ct_site_init(void);
void ct_site_put_unrecorded(uint64_t site, uint64_t call_site);

/* module.c; under ct_runtime.lock */
uint32_t ct_module_of(uint64_t address);
void ct_module_rescan(void);
void ct_module_forget_all(void);
/* The mapping that holds `address`: false when there is none. No lock needed. */
bool ct_module_mapping(uint64_t address, uint64_t *ret_low, uint64_t *ret_high);
bool ct_module_own_path(char *ret, size_t size_bytes);

/* window.c; signals blocked */
int ct_window_flush(struct ct_thread *thread, uint64_t ticks);
int ct_window_open(struct ct_thread *thread, uint64_t ticks);
void ct_window_close(struct ct_thread *thread);
void ct_window_freeze_all(void);
void ct_window_fork_child(struct ct_thread *thread);

/* stack.c; signals blocked, on the thread itself */
void ct_stack_init_own(struct ct_thread *thread);
bool ct_stack_grow(struct ct_thread *thread, struct ct_stack *stack);
/* The stack that code at `sp` runs on, made known if need be, and the memory range `sp` lies in:
 * the stack's, or that of a signal stack used on top of the current one. NULL: out of memory. */
struct ct_stack *ct_stack_of(struct ct_thread *thread, uint64_t sp, struct ct_range *ret_range);
void ct_stack_free_frames(struct ct_thread *thread);
/* The signal stack of the calling thread that code at `sp` runs on; false: on none. */
bool ct_stack_signal_range(uint64_t sp, struct ct_range *ret);
/* A context switch to the stack [low, high) is about to happen on this thread. */
void ct_stack_announce(uint64_t low, uint64_t high);

/* slow.c: the rarely taken branches of the hooks */
typedef void ct_hook(uint64_t function, uint64_t call_site, uint64_t site,
		     const struct ct_registers *registers);
extern ct_hook *ct_enter_hook, *ct_exit_hook; /* for the present mode and clock */
struct ct_hooks {
	ct_hook *enter, *exit;
};
extern struct ct_hooks ct_plain_hooks; /* recording without values, with the present clock */
/* Recording, where the hot path cannot go on. Pointers for the assembly's sake. */
extern ct_hook *const ct_record_enter_slow, *const ct_record_exit_slow;
#if defined(__x86_64__)
/* Where the compiler's calls jump to, in the same state: code of hooks_x86_64.S. */
typedef void ct_entry(void);
extern ct_entry *ct_enter_entry, *ct_exit_entry;
#endif
void ct_slow_select(enum ct_mode mode);
/* On the thread's own slow stack, for the program's may end here. Signals are blocked. */
void ct_slow_run(struct ct_thread *thread, void (*function)(long), void *argument);
void ct_slow_take_back(unsigned char *at, uint64_t record);
uint64_t ct_slow_ticks(void);
void ct_slow_extended(struct ct_thread *thread, enum ct_extended_kind kind, uint64_t ticks,
		      uint32_t depth, uint64_t value);
uint32_t ct_slow_recorded_depth(const struct ct_stack *stack, uint32_t depth);
void ct_slow_unwind(struct ct_thread *thread, uint32_t new_depth, enum ct_unwind_reason reason,
		    uint64_t ticks);
void ct_slow_set_stack(struct ct_thread *thread, struct ct_stack *stack, uint64_t ticks);
/* The calling thread is about to go on at `sp` (longjmp, landing pad, context switch): drop the
 * frames that are gone by then. Any context. */
void ct_slow_settle(uint64_t sp, enum ct_unwind_reason reason);
uint64_t ct_slow_measure_ps(void *window, struct ct_frame *frames);

/* Where the thread's restartable sequence is announced, from the thread pointer; 0: cannot. */
extern int64_t ct_rseq_offset;
void ct_hooks_init(void);

/* crash.c */
/* Are arguments captured on this kind of machine? */
#if defined(__x86_64__)
#define CT_HAS_VALUES true
#else
#define CT_HAS_VALUES false
#endif
void ct_crash_init(void);
/* Do faults of ours come back to us? False while an action is being set. */
extern bool ct_crash_catches_faults;
enum { CT_ACTION_RESTORER = 0x04000000 };
/* As the kernel has it: libc's sigaction() might be the program's. */
struct ct_action {
	const void *handler;
	unsigned long flags; /* CT_ACTION_RESTORER: there is a restorer, NULL: libc's */
#if defined(__x86_64__)
	void (*restorer)(void);
#endif
	ct_sigset mask;
};
/* What the program wants, where ours stands before it. */
struct ct_program_action {
	const void *handler;
	bool wants_info, resets; /* SA_SIGINFO, SA_RESETHAND */
};
struct ct_action_change {
	int number;
	bool is_ours; /* no child of vfork(): that has actions of its own, but not a memory */
	bool matters; /* to faults of ours */
	ct_sigset saved;
	struct ct_program_action before;
	struct ct_action before_default;
};
/* Around each look at a signal's action, and each change of it, which may have failed. */
struct ct_action_change ct_crash_begin_action(int number);
void ct_crash_end_action(const struct ct_action_change *change, bool failed);
/* The program sets this, by way of libc or by a system call: make it what the kernel is to have. */
void ct_crash_replace_action(const struct ct_action_change *change, struct ct_action *action);
/* The kernel had this: make it what the program has set. */
void ct_crash_restore_action(const struct ct_action_change *change, struct ct_action *action);
/* Must such a handler be set by way of sigaction()? */
bool ct_crash_replaces(int number, const void *handler);
void ct_crash_fork_child(void);
/* A thread has this signal mask, or will have. */
void ct_crash_note_mask(ct_sigset mask);
/* Would a fault of this thread's kill the process, since it blocks the signal? */
bool ct_crash_faults_are_blocked(void);
/* The program has a handler that uses signal stacks: ours would be too small for it. */
void ct_crash_leave_signal_stacks(void);
bool ct_crash_keeps_signal_stacks(void);
/* Is it the stack that we gave the calling thread? */
bool ct_crash_is_own_stack(const void *stack);
void ct_crash_thread_init(struct ct_thread *thread);
void ct_crash_thread_end(struct ct_thread *thread);

/* spawn.c: run `calltrace json` on the raw trace, or `calltrace plan` on a module with `fd` for its
 * result, and wait. NULL, or what went wrong. */
const char *ct_spawn_converter(const char *raw_path, bool remove_raw);
/* `quiet`: it says nothing. The last of what can go wrong is what it has said itself. */
const char *ct_spawn_planner(const char *module, int fd, bool quiet);
extern const char ct_spawn_failed[];

/* next.c: the function that libc, or whoever comes after us, has under this name */
void *ct_next(const char *name);

/* interpose.c */
void ct_interpose_init(void);
void *ct_interpose_clone(void);

#endif
