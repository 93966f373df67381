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
/* The program's handlers of SIGSEGV and SIGBUS, behind `relay`. Under the lock, but for reading. */
static void *program_handlers[2];
static bool wants_info[2]; /* they are set with SA_SIGINFO */
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

/* The kernel's own struct: libc's sigaction() might be the program's. */
struct kernel_sigaction {
	void (*handler)(int, siginfo_t *, void *);
	unsigned long flags;
#if defined(__x86_64__)
	void (*restorer)(void);
#endif
	ct_sigset mask;
};

static long kernel_sigaction(int number, const struct kernel_sigaction *action,
			     struct kernel_sigaction *ret)
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
	struct kernel_sigaction action = {0};
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

static void install(int number)
{
	struct kernel_sigaction action = {
		.handler = handle,
		.flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART,
		.mask = ~UINT64_C(0),
	};
#if defined(__x86_64__)
	action.flags |= 0x04000000; /* SA_RESTORER */
	action.restorer = ct_crash_restorer;
#endif
	kernel_sigaction(number, &action, NULL);
}

/* Is the program's action for the signal the default one, whether ours stands there or not? */
static bool is_default(int number)
{
	struct kernel_sigaction action = {0};
	return kernel_sigaction(number, NULL, &action) == 0 &&
	       (!action.handler || action.handler == handle);
}

/* ---- faults of ours in a program that handles faults ---- */

static int fault_index(int number)
{
	return number == SIGBUS;
}

/*
 * Stands before the program's handler. It leaves by a jump, so that the handler
 * finds the stack as the kernel made it, and is set with the program's own flags
 * and mask; and SA_SIGINFO, without which there is nothing in `info`.
 */
static void relay(int number, siginfo_t *info, void *context)
{
	if (info->si_code > 0 && end_copy(number, context))
		return;
	ct_self.may_block_faults = true;
	void (*next)(int, siginfo_t *, void *) = (void (*)(int, siginfo_t *, void *))
		__atomic_load_n(&program_handlers[fault_index(number)], __ATOMIC_RELAXED);
	next(number, info, context);
}

static bool is_ours(int number)
{
	struct kernel_sigaction action = {0};
	return kernel_sigaction(number, NULL, &action) == 0 &&
	       (action.handler == handle || action.handler == relay);
}

/* The program's handler, if there is one that `relay` can stand before. Under the lock. */
static void put_relay_before(int number)
{
	enum { RESETS_ITSELF = (int)SA_RESETHAND };
	struct kernel_sigaction action = {0};
	if (kernel_sigaction(number, NULL, &action) != 0 ||
	    (uint64_t)action.handler <= (uint64_t)SIG_IGN || action.handler == handle ||
	    action.handler == relay || action.flags & (unsigned int)RESETS_ITSELF)
		return;
	__atomic_store_n(&program_handlers[fault_index(number)], (void *)action.handler,
			 __ATOMIC_RELAXED);
	wants_info[fault_index(number)] = action.flags & SA_SIGINFO;
	action.handler = relay;
	action.flags |= SA_SIGINFO;
	kernel_sigaction(number, &action, NULL);
}

static void look_again(void)
{
	/* A child of vfork() has actions of its own, but not a memory. */
	if (ct_sys(SYS_getpid) == ct_runtime.pid) {
		put_relay_before(SIGSEGV);
		put_relay_before(SIGBUS);
	}
	__atomic_store_n(&ct_crash_catches_faults, is_ours(SIGSEGV) && is_ours(SIGBUS),
			 __ATOMIC_RELAXED);
}

struct ct_action_change ct_crash_begin_action(int number)
{
	struct ct_action_change change = {
		.matters = ct_runtime.config.capture_args && CT_HAS_VALUES &&
			   (number == SIGSEGV || number == SIGBUS),
	};
	if (!change.matters)
		return change;
	change.saved = ct_sys_block_signals();
	ct_lock_take(&actions_lock);
	__atomic_store_n(&ct_crash_catches_faults, false, __ATOMIC_SEQ_CST);
	return change;
}

void ct_crash_end_action(const struct ct_action_change *change)
{
	if (!change->matters)
		return;
	look_again();
	ct_lock_release(&actions_lock);
	ct_sys_restore_signals(change->saved);
}

void ct_crash_fork_child(void)
{
	actions_lock = (struct ct_lock){0};
}

const void *ct_crash_program_handler(int number, const void *handler, int *flags)
{
	if (handler == (const void *)handle)
		return (const void *)SIG_DFL;
	if (handler != (const void *)relay)
		return handler;
	if (flags && !wants_info[fault_index(number)])
		*flags &= ~SA_SIGINFO;
	return __atomic_load_n(&program_handlers[fault_index(number)], __ATOMIC_RELAXED);
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

void ct_crash_init(void)
{
	if (!end_stack)
		end_stack = ct_sys_map(END_STACK_BYTES);
	for (size_t i = 0; i < sizeof(fatal_signals); i++)
		if (is_default(fatal_signals[i]))
			install(fatal_signals[i]);
	if (ct_runtime.config.capture_args && CT_HAS_VALUES)
		look_again();
}

/* The program has just set the signal's action: put ours behind SIG_DFL. */
void ct_crash_program_set(int number)
{
	enum ct_mode mode = ct_mode();
	if (is_fatal(number) && (mode == CT_MODE_RECORD || mode == CT_MODE_STOPPED) &&
	    is_default(number))
		install(number);
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
	struct ct_thread *thread = ct_self.thread;
	leaves_signal_stacks = true;
	if (thread)
		ct_crash_thread_end(thread);
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
