/* SPDX-License-Identifier: MIT */
/*
 * Death by a signal: for signals that would end the process by their default
 * action, a handler that closes the trace, makes the document and lets the
 * signal do what it would have done. The program sees SIG_DFL where ours is
 * installed (interpose.c), and its own handlers take our place. Runs in the
 * traced process, in signal context, on any thread.
 */
#include "runtime/hot.h"
#include "runtime/values.h"

#include <sys/mman.h>
#include <ucontext.h>

/*
 * The end of the trace needs some 20 KiB of stack, and the handler may run on
 * a signal stack of the program's, which may be half of that.
 */
enum { END_STACK_BYTES = 65536 };
static char *end_stack;
static bool leaves_signal_stacks;
/* Faults come to `handle` or `relay`. */
bool ct_crash_catches_faults;
/* The program's actions of SIGSEGV and SIGBUS, behind `relay`. Under the lock, but for reading. */
static struct ct_program_action program_actions[2];
/* What the program has set with SIG_DFL, where `handle` is: the kernel shows it as well. */
static struct ct_action defaults[64];
static struct ct_lock actions_lock;
/* Some thread has blocked them, or some handler does while it runs: the kernel knows where. */
static bool masks_have_faults;

static const uint8_t fatal_signals[] = {
	SIGSEGV, SIGBUS,  SIGILL,  SIGFPE,  SIGABRT, SIGTRAP, SIGSYS,  SIGTERM,	  SIGINT,
	SIGHUP,	 SIGQUIT, SIGPIPE, SIGALRM, SIGUSR1, SIGUSR2, SIGXCPU, SIGVTALRM, SIGPROF,
};

static bool is_fatal(int signal_number)
{
	for (size_t i = 0; i < sizeof(fatal_signals); i++)
		if (fatal_signals[i] == signal_number)
			return true;
	return false;
}

static long kernel_sigaction(int number, const struct ct_action *action, struct ct_action *ret)
{
	return ct_sys(SYS_rt_sigaction, number, action, ret, sizeof(ct_sigset));
}

#if defined(__x86_64__)
void ct_crash_restorer(void);
__asm__(".text\n"
	".globl ct_crash_restorer\n"
	".hidden ct_crash_restorer\n"
	".type ct_crash_restorer, @function\n"
	"ct_crash_restorer:\n"
	"	mov $15, %eax\n" /* rt_sigreturn */
	"	syscall\n"
	".size ct_crash_restorer, . - ct_crash_restorer\n");
#endif

static uint64_t program_counter(const void *context)
{
	const ucontext_t *state = context;
#if defined(__x86_64__)
	return (uint64_t)state->uc_mcontext.gregs[REG_RIP];
#else
	return state->uc_mcontext.pc;
#endif
}

static void set_default(int number)
{
	struct ct_action action = {0};
	kernel_sigaction(number, &action, NULL);
}

static void note_crash(int number, const siginfo_t *info, const void *context)
{
	struct ct_file_info *file = ct_runtime.info;
	file->crash_signal = (uint32_t)number;
	file->crash_code = info->si_code;
	/* Only for signals the kernel raised at an instruction is there an address. */
	file->crash_address = info->si_code > 0 ? (uint64_t)info->si_addr : 0;
	file->crash_pc = program_counter(context);
	file->crash_ticks = ct_slow_ticks();
	file->crash_tid = (uint32_t)ct_sys(SYS_gettid);
	file->crash_stream = ct_self.thread ? ct_self.thread->stream : 0;
}

/* Raised by an instruction that is executed again when its handler returns. */
static bool is_repeated_fault(int number)
{
	return number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE;
}

static void end_crashed(long unused)
{
	(void)unused;
	ct_control_end_claimed(CT_STATE_CRASHED);
}

/* A copy from an address that turned out bad (memory.c) goes on where it reports that. */
static bool end_copy(int number, void *context)
{
#if defined(__x86_64__)
	ucontext_t *state = context;
	uint64_t way_out = ct_guarded_way_out(program_counter(context));
	if (!way_out || (number != SIGSEGV && number != SIGBUS))
		return false;
	state->uc_mcontext.gregs[REG_RIP] = (greg_t)way_out;
	return true;
#else
	(void)number, (void)context;
	return false;
#endif
}

static void handle(int number, siginfo_t *info, void *context)
{
	if (info->si_code > 0 && end_copy(number, context))
		return;
	/* Further signals of the kind end the process at once. */
	set_default(number);
	enum ct_mode mode = ct_mode();
	bool ours = ct_sys(SYS_getpid) == ct_runtime.pid && end_stack &&
		    (mode == CT_MODE_RECORD || mode == CT_MODE_STOPPED || mode == CT_MODE_ENDED);
	if (ours) {
		if (ct_control_claim_end()) {
			note_crash(number, info, context);
			ct_sys_call_on_stack(end_stack + END_STACK_BYTES, end_crashed, 0);
		} else {
			ct_control_wait_for_end();
		}
	}
	/* A fault happens again when we return, at its own instruction, for the core dump's sake.
	 * What was sent is sent again, and arrives when we return. */
	if (info->si_code > 0 && is_repeated_fault(number))
		return;
	long pid = ct_sys(SYS_getpid), tid = ct_sys(SYS_gettid);
	ct_sys(SYS_tgkill, pid, tid, number);
}

static struct ct_action own_action(void)
{
	struct ct_action action = {
		.handler = (const void *)handle,
		.flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART,
		.mask = ~UINT64_C(0),
	};
#if defined(__x86_64__)
	action.flags |= CT_ACTION_RESTORER;
	action.restorer = ct_crash_restorer;
#endif
	return action;
}

static void install(int number)
{
	struct ct_action action = own_action();
	kernel_sigaction(number, &action, NULL);
}

/* Is the program's action for the signal the default one, whether ours stands there or not? */
static bool is_default(int number)
{
	struct ct_action action = {0};
	return kernel_sigaction(number, NULL, &action) == 0 &&
	       (!action.handler || action.handler == (const void *)handle);
}

/* ---- faults of ours in a program that handles faults ---- */

static bool is_fault(int number)
{
	return number == SIGSEGV || number == SIGBUS;
}

static struct ct_program_action *program_action(int number)
{
	return &program_actions[number == SIGBUS];
}

static struct ct_action *default_action(int number)
{
	return number > 0 && (size_t)number <= ct_array_length(defaults) ? &defaults[number - 1]
									 : NULL;
}

/* The program has this set with SIG_DFL. */
static void note_default(int number, const struct ct_action *action)
{
	*default_action(number) = *action;
}

/*
 * The program's handler is about to run, and asked to be the last time. Not part
 * of `relay`: what this keeps on the stack would be in the way of its jump.
 */
__attribute__((noinline)) static void reset_action(int number, const void *handler)
{
	ct_sigset saved = ct_sys_block_signals();
	ct_lock_take(&actions_lock);
	const struct ct_program_action *action = program_action(number);
	struct ct_action now = {0};
	if (action->resets && action->handler == handler &&
	    kernel_sigaction(number, NULL, &now) == 0) {
		const struct ct_action_change change = {.number = number, .before = *action};
		ct_crash_restore_action(&change, &now);
		now.handler = (const void *)SIG_DFL;
		note_default(number, &now);
		install(number);
	}
	ct_lock_release(&actions_lock);
	ct_sys_restore_signals(saved);
}

/*
 * Stands before the program's handler. It leaves by a jump, so that the handler
 * finds the stack as the kernel made it, and is set with the program's own flags
 * and mask; but with SA_SIGINFO, without which there is nothing in `info`, and
 * without SA_RESETHAND, which would leave our own faults without a handler.
 */
static void relay(int number, siginfo_t *info, void *context)
{
	if (info->si_code > 0 && end_copy(number, context))
		return;
	ct_self.may_block_faults = true;
	const struct ct_program_action *action = program_action(number);
	const void *handler = __atomic_load_n(&action->handler, __ATOMIC_RELAXED);
	if (__atomic_load_n(&action->resets, __ATOMIC_RELAXED))
		reset_action(number, handler);
	CT_TAIL_CALL((void (*)(int, siginfo_t *, void *))handler)(number, info, context);
}

static bool is_ours(int number)
{
	struct ct_action action = {0};
	return kernel_sigaction(number, NULL, &action) == 0 &&
	       (action.handler == (const void *)handle || action.handler == (const void *)relay);
}

/* Under the lock. */
static void look_again(void)
{
	__atomic_store_n(&ct_crash_catches_faults, is_ours(SIGSEGV) && is_ours(SIGBUS),
			 __ATOMIC_RELAXED);
}

static bool has_faults(ct_sigset set)
{
	return set & (UINT64_C(1) << (SIGSEGV - 1) | UINT64_C(1) << (SIGBUS - 1));
}

void ct_crash_note_mask(ct_sigset mask)
{
	if (has_faults(mask) && !__atomic_load_n(&masks_have_faults, __ATOMIC_RELAXED))
		__atomic_store_n(&masks_have_faults, true, __ATOMIC_RELAXED);
}

enum { RESETS_ITSELF = (int)SA_RESETHAND };

/*
 * `relay` for a handler. The kernel goes from one action that ends our faults to
 * another at once: threads that follow pointers meanwhile do not notice.
 */
static void put_relay_before(int number, struct ct_action *action)
{
	struct ct_program_action *program = program_action(number);
	__atomic_store_n(&program->handler, action->handler, __ATOMIC_RELAXED);
	__atomic_store_n(&program->resets, (action->flags & (unsigned int)RESETS_ITSELF) != 0,
			 __ATOMIC_RELAXED);
	program->wants_info = action->flags & SA_SIGINFO;
	action->handler = (const void *)relay;
	action->flags = (action->flags | SA_SIGINFO) & ~(unsigned long)(unsigned int)RESETS_ITSELF;
}

static bool is_recorded(void)
{
	enum ct_mode mode = ct_mode();
	return mode == CT_MODE_RECORD || mode == CT_MODE_STOPPED;
}

bool ct_crash_replaces(int number, const void *handler)
{
	if (handler == (const void *)SIG_DFL)
		return is_fatal(number) && is_recorded();
	return is_fault(number) && ct_runtime.config.capture_args && CT_HAS_VALUES;
}

struct ct_action_change ct_crash_begin_action(int number)
{
	bool may_matter = ct_runtime.config.capture_args && CT_HAS_VALUES && is_fault(number);
	struct ct_action_change change = {.number = number};
	if (may_matter || is_fatal(number))
		change.is_ours = ct_sys(SYS_getpid) == ct_runtime.pid;
	change.matters = may_matter && change.is_ours;
	if (change.matters) {
		change.saved = ct_sys_block_signals();
		ct_lock_take(&actions_lock);
	}
	if (may_matter)
		change.before = *program_action(number);
	if (default_action(number))
		change.before_default = *default_action(number);
	return change;
}

void ct_crash_replace_action(const struct ct_action_change *change, struct ct_action *action)
{
	if (action->handler == (const void *)SIG_DFL) {
		if (!change->is_ours || !is_fatal(change->number) || !is_recorded())
			return;
		note_default(change->number, action);
		*action = own_action();
	} else if (change->matters && action->handler == (const void *)SIG_IGN) {
		/* A fault that is ignored kills. */
		__atomic_store_n(&ct_crash_catches_faults, false, __ATOMIC_SEQ_CST);
	} else if (change->matters) {
		/* It notes where its mask holds, which mostly is nowhere. */
		put_relay_before(change->number, action);
	} else if ((uint64_t)action->handler > (uint64_t)SIG_IGN) {
		ct_crash_note_mask(action->mask);
	}
}

void ct_crash_restore_action(const struct ct_action_change *change, struct ct_action *action)
{
	if (action->handler == (const void *)handle)
		*action = change->before_default;
	if (action->handler != (const void *)relay)
		return;
	action->handler = change->before.handler;
	if (!change->before.wants_info)
		action->flags &= ~(unsigned long)SA_SIGINFO;
	if (change->before.resets)
		action->flags |= (unsigned int)RESETS_ITSELF;
}

void ct_crash_end_action(const struct ct_action_change *change, bool failed)
{
	struct ct_action *noted = default_action(change->number);
	if (failed && change->is_ours && noted)
		*noted = change->before_default;
#if defined(__x86_64__)
	struct ct_action now;
	if (noted && noted->flags & CT_ACTION_RESTORER && !noted->restorer &&
	    kernel_sigaction(change->number, NULL, &now) == 0)
		noted->restorer = now.restorer;
#endif
	if (!change->matters)
		return;
	struct ct_program_action *program = program_action(change->number);
	if (failed) {
		__atomic_store_n(&program->handler, change->before.handler, __ATOMIC_RELAXED);
		__atomic_store_n(&program->resets, change->before.resets, __ATOMIC_RELAXED);
		program->wants_info = change->before.wants_info;
	}
	look_again();
	ct_lock_release(&actions_lock);
	ct_sys_restore_signals(change->saved);
}

void ct_crash_fork_child(void)
{
	actions_lock = (struct ct_lock){0};
}

static ct_sigset own_mask(void)
{
	ct_sigset mask = 0;
	ct_sys(SYS_rt_sigprocmask, SIG_BLOCK, 0, &mask, sizeof(mask));
	return mask;
}

bool ct_crash_faults_are_blocked(void)
{
	if (!__atomic_load_n(&masks_have_faults, __ATOMIC_RELAXED) && !ct_self.may_block_faults)
		return false;
	bool are_blocked = has_faults(own_mask());
	ct_self.may_block_faults = are_blocked;
	return are_blocked;
}

/* A handler that the program has had since before we came. */
static void begin_faults(int number)
{
	struct ct_action action = {0};
	if (kernel_sigaction(number, NULL, &action) != 0 ||
	    (uint64_t)action.handler <= (uint64_t)SIG_IGN ||
	    action.handler == (const void *)handle || action.handler == (const void *)relay)
		return;
	put_relay_before(number, &action);
	kernel_sigaction(number, &action, NULL);
}

void ct_crash_init(void)
{
	if (!end_stack)
		end_stack = ct_sys_map(END_STACK_BYTES);
	for (size_t i = 0; i < sizeof(fatal_signals); i++)
		if (is_default(fatal_signals[i]))
			install(fatal_signals[i]);
	if (ct_runtime.config.capture_args && CT_HAS_VALUES) {
		begin_faults(SIGSEGV);
		begin_faults(SIGBUS);
		look_again();
	}
}

/* A stack overflow is found on another stack: give the thread one, unless it has its own. */
void ct_crash_thread_init(struct ct_thread *thread)
{
	stack_t current;
	if (leaves_signal_stacks || ct_mode() != CT_MODE_RECORD ||
	    ct_sys_failed(ct_sys(SYS_sigaltstack, 0, &current)) || !(current.ss_flags & SS_DISABLE))
		return;
	stack_t ours = {.ss_sp = thread->signal_stack, .ss_size = sizeof(thread->signal_stack)};
	ct_sys(SYS_sigaltstack, &ours, 0);
}

void ct_crash_leave_signal_stacks(void)
{
	leaves_signal_stacks = true;
	if (ct_self.thread)
		ct_crash_thread_end(ct_self.thread);
}

bool ct_crash_is_own_stack(const void *stack)
{
	return ct_self.thread && stack == ct_self.thread->signal_stack;
}

bool ct_crash_keeps_signal_stacks(void)
{
	return !leaves_signal_stacks;
}

void ct_crash_thread_end(struct ct_thread *thread)
{
	stack_t current;
	if (ct_sys_failed(ct_sys(SYS_sigaltstack, 0, &current)) ||
	    current.ss_sp != thread->signal_stack)
		return;
	stack_t none = {.ss_flags = SS_DISABLE};
	ct_sys(SYS_sigaltstack, &none, 0);
}
