/* SPDX-License-Identifier: MIT */
/*
 * Functions of libc and the unwinder this library stands in front of, to see
 * what the hooks cannot: frames that are left without a return, switches of
 * stacks, the end of the process, its descriptors and libraries. Each does
 * what the original does, through the original. In the traced process, on any
 * thread; as async-signal-safe as what it stands for.
 *
 * pthread_create is in thread.c.
 */
#include "runtime/hot.h"
#include "runtime/values.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <ucontext.h>
#include <unistd.h>

#define CT_INTERPOSE __attribute__((visibility("default")))

/*
 * The originals. All are looked up when the library is loaded: dlsym() takes
 * the loader's lock, which a thread that waits for us may hold. Code that runs
 * before finds its own.
 */
#define CT_ORIGINALS(F)    \
	F(longjmp)         \
	F(_longjmp)        \
	F(siglongjmp)      \
	F(__longjmp_chk)   \
	F(swapcontext)     \
	F(setcontext)      \
	F(execve)          \
	F(execvpe)         \
	F(fexecve)         \
	F(_Fork)           \
	F(clone)           \
	F(syscall)         \
	F(close)           \
	F(dup2)            \
	F(dup3)            \
	F(close_range)     \
	F(closefrom)       \
	F(dlclose)         \
	F(sigaction)       \
	F(signal)          \
	F(sysv_signal)     \
	F(pthread_sigmask) \
	F(sigprocmask)     \
	F(sigsuspend)      \
	F(pselect)         \
	F(ppoll)           \
	F(epoll_pwait)     \
	F(epoll_pwait2)    \
	F(__ppoll_chk)     \
	F(sigaltstack)     \
	F(sigpause)        \
	F(__sigpause)      \
	F(sigblock)        \
	F(sigsetmask)      \
	F(sigset)          \
	F(sigignore)       \
	F(siginterrupt)    \
	F(sighold)         \
	F(mprotect)        \
	F(pkey_mprotect)

static struct {
#define CT_DECLARE(name) void *name;
	CT_ORIGINALS(CT_DECLARE)
#undef CT_DECLARE
} originals;

void ct_interpose_init(void)
{
#define CT_LOOK_UP(name) originals.name = ct_next(#name);
	CT_ORIGINALS(CT_LOOK_UP)
#undef CT_LOOK_UP
}

#define CT_NEXT(function)                                        \
	({                                                       \
		if (ct_unlikely(!originals.function))            \
			originals.function = ct_next(#function); \
		(__typeof__(function) *)originals.function;      \
	})

/* For spawn.c: sanitizers have a clone() of their own, for forks they know of. */
void *ct_interpose_clone(void)
{
	return (void *)CT_NEXT(clone);
}

static bool is_recording(void)
{
	return ct_self.thread && ct_mode() == CT_MODE_RECORD;
}

/* The kernel's masks are the first word of libc's. */
static void note_mask(const sigset_t *set)
{
	if (set)
		ct_crash_note_mask(set->__val[0]);
}

/* ---- frames left behind: longjmp ---- */

/*
 * libc keeps the stack pointer in the jmp_buf scrambled with a secret of the
 * thread. On one's own stack pointer the scrambled and the plain value are
 * both known: that gives the secret.
 */
#if defined(__x86_64__)
enum { JMP_BUF_SP = 6 };
static uint64_t unscramble(uint64_t value, uint64_t secret)
{
	return (value >> 17 | value << 47) ^ secret;
}

static uint64_t pointer_secret(void)
{
	uint64_t secret;
	/* tcbhead_t.pointer_guard, as libc's own PTR_MANGLE reads it. */
	__asm__("mov %%fs:0x30, %0" : "=r"(secret));
	return secret;
}
#else
enum { JMP_BUF_SP = 13 };
static uint64_t unscramble(uint64_t value, uint64_t secret)
{
	return value ^ secret;
}

static uint64_t pointer_secret(void)
{
	/* __pointer_chk_guard is private to libc: found by a setjmp of our own. */
	static uint64_t secret;
	if (!secret) {
		jmp_buf here;
		uint64_t sp = (uint64_t)__builtin_frame_address(0);
		if (_setjmp(here) == 0) {
			uint64_t scrambled = ((const uint64_t *)here)[JMP_BUF_SP];
			__asm__("mov %0, sp" : "=r"(sp));
			secret = scrambled ^ sp;
		}
	}
	return secret;
}
#endif

static void leave_frames(const void *environment)
{
	if (!is_recording())
		return;
	uint64_t scrambled = ((const uint64_t *)environment)[JMP_BUF_SP];
	ct_slow_settle(unscramble(scrambled, pointer_secret()), CT_UNWIND_LONGJMP);
}

typedef void jump_function(struct __jmp_buf_tag *, int);
void __longjmp_chk(struct __jmp_buf_tag *environment, int value) __attribute__((noreturn));

static __attribute__((noreturn)) void leave_and_jump(jump_function *next,
						     struct __jmp_buf_tag *environment, int value)
{
	leave_frames(environment->__jmpbuf);
	next(environment, value);
	__builtin_unreachable();
}

CT_INTERPOSE void longjmp(jmp_buf environment, int value)
{
	leave_and_jump((jump_function *)CT_NEXT(longjmp), environment, value);
}

CT_INTERPOSE void _longjmp(jmp_buf environment, int value)
{
	leave_and_jump((jump_function *)CT_NEXT(_longjmp), environment, value);
}

CT_INTERPOSE void siglongjmp(sigjmp_buf environment, int value)
{
	leave_and_jump((jump_function *)CT_NEXT(siglongjmp), environment, value);
}

CT_INTERPOSE void __longjmp_chk(struct __jmp_buf_tag *environment, int value)
{
	leave_and_jump((jump_function *)CT_NEXT(__longjmp_chk), environment, value);
}

/* ---- frames left behind: exceptions ---- */

struct _Unwind_Context;
void _Unwind_SetIP(struct _Unwind_Context *context, uintptr_t address);
uintptr_t _Unwind_GetCFA(struct _Unwind_Context *context);

/*
 * A language's unwinding code calls this when it has found a landing pad, for
 * a handler or a cleanup. The context's CFA is the stack pointer the landing
 * frame had at its call: what lies below has been left.
 */
static void *find_in_unwinder(const char *name)
{
	static const char *const libraries[] = {"libgcc_s.so.1", "libunwind.so.1"};
	void *found = ct_next(name);
	/* Brought by a plug-in, the unwinder is in the plug-in's scope, not in the program's. */
	for (size_t i = 0; !found && i < ct_array_length(libraries); i++) {
		void *library = dlopen(libraries[i], RTLD_LAZY | RTLD_NOLOAD);
		if (library)
			found = dlsym(library, name);
	}
	return found;
}

CT_INTERPOSE void _Unwind_SetIP(struct _Unwind_Context *context, uintptr_t address)
{
	static __typeof__(_Unwind_GetCFA) *get_cfa;
	static __typeof__(_Unwind_SetIP) *set_ip;
	if (!set_ip) {
		get_cfa = (__typeof__(_Unwind_GetCFA) *)find_in_unwinder("_Unwind_GetCFA");
		set_ip = (__typeof__(_Unwind_SetIP) *)find_in_unwinder("_Unwind_SetIP");
	}
	if (get_cfa && is_recording())
		ct_slow_settle(get_cfa(context), CT_UNWIND_EXCEPTION);
	if (set_ip)
		set_ip(context, address);
}

/* ---- other stacks ---- */

static uint64_t context_sp(const ucontext_t *context)
{
#if defined(__x86_64__)
	return (uint64_t)context->uc_mcontext.gregs[REG_RSP];
#else
	return context->uc_mcontext.sp;
#endif
}

static void go_to_context(const ucontext_t *target)
{
	note_mask(&target->uc_sigmask);
	if (!is_recording())
		return;
	uint64_t sp = context_sp(target);
	uint64_t low = (uint64_t)target->uc_stack.ss_sp;
	uint64_t high = low + target->uc_stack.ss_size;
	/* Only makecontext's stacks have bounds; at their start the stack pointer is `high`. */
	if (low && sp > low && sp <= high)
		ct_stack_announce(low, high);
	ct_slow_settle(sp, CT_UNWIND_LONGJMP);
}

CT_INTERPOSE int swapcontext(ucontext_t *restrict current, const ucontext_t *restrict target)
{
	go_to_context(target);
	return CT_NEXT(swapcontext)(current, target);
}

CT_INTERPOSE int setcontext(const ucontext_t *target)
{
	go_to_context(target);
	return CT_NEXT(setcontext)(target);
}

/* ---- the end of the process ---- */

CT_INTERPOSE void _exit(int status)
{
	ct_control_end(CT_STATE_EXITED);
	for (;;)
		ct_sys(SYS_exit_group, status);
}

CT_INTERPOSE void _Exit(int status)
{
	_exit(status);
}

/* ---- another program in our place ---- */

typedef int execve_function(const char *, char *const *, char *const *);

static int exec_with(execve_function *function, const char *path, char *const *arguments,
		     char *const *variables)
{
	ct_control_before_exec();
	int result = function(path, arguments, variables);
	ct_control_exec_failed();
	return result;
}

/* What cannot be executed should not cost a document. */
static bool may_execute(const char *path)
{
	return ct_sys(SYS_faccessat2, AT_FDCWD, path, X_OK, AT_EACCESS) != -ENOENT;
}

CT_INTERPOSE int execve(const char *path, char *const *arguments, char *const *variables)
{
	execve_function *next = CT_NEXT(execve);
	if (!may_execute(path))
		return next(path, arguments, variables);
	return exec_with(next, path, arguments, variables);
}

CT_INTERPOSE int execv(const char *path, char *const *arguments)
{
	return execve(path, arguments, environ);
}

CT_INTERPOSE int execvpe(const char *file, char *const *arguments, char *const *variables)
{
	return exec_with(CT_NEXT(execvpe), file, arguments, variables);
}

CT_INTERPOSE int execvp(const char *file, char *const *arguments)
{
	return execvpe(file, arguments, environ);
}

CT_INTERPOSE int fexecve(int fd, char *const *arguments, char *const *variables)
{
	ct_control_before_exec();
	int result = CT_NEXT(fexecve)(fd, arguments, variables);
	ct_control_exec_failed();
	return result;
}

/* How many arguments up to the NULL. */
static size_t count_arguments(va_list arguments)
{
	size_t count = 1;
	while (va_arg(arguments, char *))
		count++;
	return count;
}

static void collect_arguments(char **ret, const char *first, va_list arguments)
{
	*ret = (char *)first;
	while (*ret)
		*++ret = va_arg(arguments, char *);
}

/* Declare `list`, the array of a variadic exec's arguments, on this function's stack. */
#define CT_COLLECT(list, first)                                          \
	va_list ct_counted, ct_taken;                                    \
	va_start(ct_counted, first);                                     \
	size_t ct_count = count_arguments(ct_counted);                   \
	va_end(ct_counted);                                              \
	char **list = __builtin_alloca((ct_count + 1) * sizeof(char *)); \
	va_start(ct_taken, first);                                       \
	collect_arguments(list, first, ct_taken)

CT_INTERPOSE int execl(const char *path, const char *first, ...)
{
	CT_COLLECT(list, first);
	va_end(ct_taken);
	return execve(path, list, environ);
}

CT_INTERPOSE int execlp(const char *file, const char *first, ...)
{
	CT_COLLECT(list, first);
	va_end(ct_taken);
	return execvpe(file, list, environ);
}

CT_INTERPOSE int execle(const char *path, const char *first, ...)
{
	CT_COLLECT(list, first);
	char *const *variables = va_arg(ct_taken, char *const *);
	va_end(ct_taken);
	return execve(path, list, variables);
}

/* ---- forks that run no fork handlers ---- */

CT_INTERPOSE pid_t _Fork(void)
{
	ct_thread_before_fork();
	pid_t pid = CT_NEXT(_Fork)();
	if (pid == 0)
		ct_thread_after_fork_child();
	else
		ct_thread_after_fork_parent();
	return pid;
}

struct clone_note {
	int (*start)(void *);
	void *argument;
};

static int start_clone(void *argument)
{
	/* On the parent's stack, of which this process has its own copy. */
	const struct clone_note *note = argument;
	ct_thread_after_fork_child();
	int result = note->start(note->argument);
	/* libc ends the process with a system call of its own. */
	ct_control_end(CT_STATE_EXITED);
	return result;
}

/* Without CLONE_VM a fork by another name. */
CT_INTERPOSE int clone(int (*start)(void *), void *stack, int flags, void *argument, ...)
{
	va_list rest;
	va_start(rest, argument);
	pid_t *parent_tid = va_arg(rest, pid_t *);
	void *tls = va_arg(rest, void *);
	pid_t *child_tid = va_arg(rest, pid_t *);
	va_end(rest);
	if (flags & CLONE_VM)
		return CT_NEXT(clone)(start, stack, flags, argument, parent_tid, tls, child_tid);
	struct clone_note note = {start, argument};
	ct_thread_before_fork();
	int pid = CT_NEXT(clone)(start_clone, stack, flags, &note, parent_tid, tls, child_tid);
	ct_thread_after_fork_parent();
	return pid;
}

/* Does the system call make a process that returns from it on a copy of this stack? */
static bool is_fork(long number, const long *arguments)
{
#ifdef SYS_fork
	if (number == SYS_fork)
		return true;
#endif
	if (number == SYS_clone3 && arguments[0]) {
		/* struct clone_args: flags first, stack sixth */
		const uint64_t *asked = (const uint64_t *)arguments[0];
		return !(asked[0] & CLONE_VM) && !asked[5];
	}
	return number == SYS_clone && !(arguments[0] & CLONE_VM) && !arguments[1];
}

/* Where libc does not look at the mask, it may be nowhere. */
static void note_kernel_mask(const void *set)
{
	ct_sigset mask;
	if (set && ct_sys_peek(set, &mask, sizeof(mask)))
		ct_crash_note_mask(mask);
}

static long system_sigaction(int number, const void *action, void *old, size_t size_bytes);

CT_INTERPOSE long syscall(long number, ...)
{
	long arguments[6];
	va_list list;
	va_start(list, number);
	for (size_t i = 0; i < ct_array_length(arguments); i++)
		arguments[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_exit_group)
		ct_control_end(CT_STATE_EXITED);
	bool forks = is_fork(number, arguments);
	if (forks)
		ct_thread_before_fork();
	if (number == SYS_rt_sigprocmask)
		note_kernel_mask((const void *)arguments[1]);
	if (number == SYS_rt_sigaction)
		return system_sigaction((int)arguments[0], (const void *)arguments[1],
					(void *)arguments[2], (size_t)arguments[3]);
	if (number == SYS_sigaltstack)
		return sigaltstack((const stack_t *)arguments[0], (stack_t *)arguments[1]);
	long result = CT_NEXT(syscall)(number, arguments[0], arguments[1], arguments[2],
				       arguments[3], arguments[4], arguments[5]);
	if (forks && result == 0)
		ct_thread_after_fork_child();
	else if (forks)
		ct_thread_after_fork_parent();
	if (number == SYS_userfaultfd && result >= 0)
		ct_memory_faults_are_served();
	return result;
}

/* libc's own leaves the parent without anything we could see. */
CT_INTERPOSE int daemon(int keep_directory, int keep_descriptors)
{
	pid_t pid = fork();
	if (pid < 0)
		return -1;
	if (pid > 0)
		_exit(0);
	if (setsid() < 0)
		return -1;
	if (!keep_directory && chdir("/") < 0)
		return -1;
	if (keep_descriptors)
		return 0;
	int null = open("/dev/null", O_RDWR);
	if (null < 0)
		return -1;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	if (null > STDERR_FILENO)
		close(null);
	return 0;
}

/* ---- descriptors: ours is not the program's to close or to use ---- */

CT_INTERPOSE int close(int fd)
{
	if (ct_unlikely(fd >= 0 && fd == ct_file_descriptor() &&
			ct_sys(SYS_getpid) == ct_runtime.pid)) {
		/* As for any number the program has not opened. */
		errno = EBADF;
		return -1;
	}
	return CT_NEXT(close)(fd);
}

CT_INTERPOSE int dup2(int from, int to)
{
	ct_file_leave_number(to);
	return CT_NEXT(dup2)(from, to);
}

CT_INTERPOSE int dup3(int from, int to, int flags)
{
	ct_file_leave_number(to);
	return CT_NEXT(dup3)(from, to, flags);
}

typedef int close_range_function(unsigned int, unsigned int, int);

CT_INTERPOSE int close_range(unsigned int first, unsigned int last, int flags)
{
	close_range_function *next = (close_range_function *)CT_NEXT(close_range);
	unsigned int ours = (unsigned int)ct_file_descriptor();
	if (ours > INT_MAX || ours < first || ours > last || first > last ||
	    ct_sys(SYS_getpid) != ct_runtime.pid)
		return next(first, last, flags);
	if (ours > first) {
		int error = next(first, ours - 1, flags);
		if (error)
			return error;
	}
	return ours < last ? next(ours + 1, last, flags) : 0;
}

CT_INTERPOSE void closefrom(int first)
{
	/* An older kernel has no such call: libc knows another way, and we get our file back. */
	if (close_range(first < 0 ? 0 : (unsigned int)first, ~0U, 0) != 0)
		CT_NEXT(closefrom)(first);
}

/* ---- libraries ---- */

CT_INTERPOSE int dlclose(void *handle)
{
	int result = CT_NEXT(dlclose)(handle);
	if (ct_mode() == CT_MODE_RECORD) {
		ct_sigset saved = ct_sys_block_signals();
		ct_lock_take(&ct_runtime.lock);
		ct_module_rescan();
		ct_lock_release(&ct_runtime.lock);
		ct_sys_restore_signals(saved);
	}
	return result;
}

/* ---- memory that cannot be read any more ---- */

static void note_protection(const void *memory, size_t size_bytes, int protection)
{
	if (!(protection & PROT_READ))
		ct_memory_lost((uint64_t)memory, (uint64_t)memory + size_bytes);
}

CT_INTERPOSE int mprotect(void *memory, size_t size_bytes, int protection)
{
	note_protection(memory, size_bytes, protection);
	return CT_NEXT(mprotect)(memory, size_bytes, protection);
}

CT_INTERPOSE int pkey_mprotect(void *memory, size_t size_bytes, int protection, int key)
{
	/* A key may forbid what the protection allows. */
	note_protection(memory, size_bytes, key > 0 ? PROT_NONE : protection);
	return CT_NEXT(pkey_mprotect)(memory, size_bytes, protection, key);
}

/* ---- signal actions and stacks: the program does not see ours ---- */

/* libc's struct is another than the kernel's; of the mask the first word is the same. */
static struct ct_action to_kernel(const struct sigaction *action)
{
	return (struct ct_action)
	{
		.handler = (const void *)action->sa_sigaction,
		.flags = (unsigned int)action->sa_flags,
#if defined(__x86_64__)
		.restorer = action->sa_restorer,
#endif
		.mask = action->sa_mask.__val[0],
	};
}

static void from_kernel(const struct ct_action *action, struct sigaction *ret)
{
	ret->sa_sigaction = (void (*)(int, siginfo_t *, void *))action->handler;
	ret->sa_flags = (int)action->flags;
#if defined(__x86_64__)
	ret->sa_restorer = action->restorer;
#endif
	ret->sa_mask.__val[0] = action->mask;
}

static void replace_action(const struct ct_action_change *change, struct sigaction *action)
{
	struct ct_action kernel = to_kernel(action);
#if defined(__x86_64__)
	/* libc adds its own, which both show. */
	kernel.flags |= CT_ACTION_RESTORER;
	kernel.restorer = NULL;
#endif
	ct_crash_replace_action(change, &kernel);
	from_kernel(&kernel, action);
}

static void restore_action(const struct ct_action_change *change, struct sigaction *old)
{
	struct ct_action kernel = to_kernel(old);
	ct_crash_restore_action(change, &kernel);
	from_kernel(&kernel, old);
}

CT_INTERPOSE int sigaction(int number, const struct sigaction *restrict action,
			   struct sigaction *restrict old)
{
	struct sigaction replaced, before;
	/* Where the pointers lead nowhere, the fault is here or at the end: the lock is not held.
	 */
	if (action) {
		replaced = *action;
		if (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN &&
		    action->sa_flags & SA_ONSTACK)
			ct_crash_leave_signal_stacks();
	}
	struct ct_action_change change = ct_crash_begin_action(number);
	if (action)
		replace_action(&change, &replaced);
	int result = CT_NEXT(sigaction)(number, action ? &replaced : NULL, old ? &before : NULL);
	if (result == 0 && old)
		restore_action(&change, &before);
	ct_crash_end_action(&change, result != 0);
	if (result == 0 && old)
		*old = before;
	return result;
}

/* The same, by libc's own name. */
int __sigaction(int number, const struct sigaction *restrict action,
		struct sigaction *restrict old);
CT_INTERPOSE int __sigaction(int number, const struct sigaction *restrict action,
			     struct sigaction *restrict old)
{
	return sigaction(number, action, old);
}

/* rt_sigaction by way of syscall(). */
static long system_sigaction(int number, const void *action, void *old, size_t size_bytes)
{
	struct ct_action replaced, before;
	const void *set = action;
	/* The kernel finds out that it cannot write there when it has set the action. */
	bool is_lost = old &&
		       CT_NEXT(syscall)(SYS_rt_sigaction, number, NULL, old, size_bytes) != 0;
	bool has_action = action && ct_sys_peek(action, &replaced, sizeof(replaced));
	if (has_action) {
		if ((uint64_t)replaced.handler > (uint64_t)SIG_IGN && replaced.flags & SA_ONSTACK)
			ct_crash_leave_signal_stacks();
		set = &replaced;
	}
	struct ct_action_change change = ct_crash_begin_action(number);
	if (has_action)
		ct_crash_replace_action(&change, &replaced);
	long result = CT_NEXT(syscall)(SYS_rt_sigaction, number, set, &before, size_bytes);
	if (result == 0)
		ct_crash_restore_action(&change, &before);
	ct_crash_end_action(&change, result != 0);
	if (result != 0 || !old)
		return result;
	if (is_lost) {
		errno = EFAULT;
		return -1;
	}
	ct_copy(old, &before, sizeof(before));
	return 0;
}

typedef __sighandler_t signal_function(int, __sighandler_t);

/* Signals whose handlers signal() sets without SA_RESTART. */
static uint64_t interrupting;

/* The ways to set a handler that are older than sigaction(), by what they set. */
static __sighandler_t signal_with(signal_function *next, int flags, int number,
				  __sighandler_t handler)
{
	if (number <= 0 || number >= NSIG || handler == SIG_ERR ||
	    !ct_crash_replaces(number, (const void *)handler)) {
		__sighandler_t before = next(number, handler);
		struct sigaction old = {.sa_handler = before};
		const struct ct_action_change change = {.number = number};
		if (before != SIG_ERR)
			restore_action(&change, &old);
		return old.sa_handler;
	}
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags}, old;
	if (flags & SA_RESTART &&
	    __atomic_load_n(&interrupting, __ATOMIC_RELAXED) & UINT64_C(1) << (number - 1))
		action.sa_flags &= ~SA_RESTART;
	if (flags & SA_RESTART)
		action.sa_mask.__val[0] = UINT64_C(1) << (number - 1);
	return sigaction(number, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}

enum { ONCE = (int)SA_RESETHAND | SA_NODEFER };

CT_INTERPOSE __sighandler_t signal(int number, __sighandler_t handler)
{
	return signal_with(CT_NEXT(signal), SA_RESTART, number, handler);
}

__sighandler_t bsd_signal(int number, __sighandler_t handler);
CT_INTERPOSE __sighandler_t bsd_signal(int number, __sighandler_t handler)
{
	return signal_with(CT_NEXT(signal), SA_RESTART, number, handler);
}

CT_INTERPOSE __sighandler_t ssignal(int number, __sighandler_t handler)
{
	return signal_with(CT_NEXT(signal), SA_RESTART, number, handler);
}

CT_INTERPOSE __sighandler_t sysv_signal(int number, __sighandler_t handler)
{
	return signal_with(CT_NEXT(sysv_signal), ONCE, number, handler);
}

__sighandler_t __sysv_signal(int number, __sighandler_t handler);
CT_INTERPOSE __sighandler_t __sysv_signal(int number, __sighandler_t handler)
{
	return signal_with(CT_NEXT(sysv_signal), ONCE, number, handler);
}

/* Of the stack we gave the thread the program knows nothing. */
static void hide_our_stack(stack_t *old)
{
	if (old && ct_crash_is_own_stack(old->ss_sp))
		*old = (stack_t){.ss_flags = SS_DISABLE};
}

CT_INTERPOSE int sigaltstack(const stack_t *restrict stack, stack_t *restrict old)
{
	int result = CT_NEXT(sigaltstack)(stack, old);
	if (result == 0)
		hide_our_stack(old);
	/* It takes its own away, and does not use signal stacks: ours again. */
	if (result == 0 && stack && stack->ss_flags & SS_DISABLE && ct_self.thread)
		ct_crash_thread_init(ct_self.thread);
	return result;
}

/* ---- signal masks: where our faults would be deadly ---- */

CT_INTERPOSE int pthread_sigmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
	note_mask(set);
	return CT_NEXT(pthread_sigmask)(how, set, old);
}

CT_INTERPOSE int sigprocmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
	note_mask(set);
	return CT_NEXT(sigprocmask)(how, set, old);
}

/* Handlers that run while the next four wait inherit the mask. */
CT_INTERPOSE int sigsuspend(const sigset_t *set)
{
	note_mask(set);
	return CT_NEXT(sigsuspend)(set);
}

CT_INTERPOSE int pselect(int count, fd_set *restrict readable, fd_set *restrict writable,
			 fd_set *restrict other, const struct timespec *restrict timeout,
			 const sigset_t *restrict set)
{
	note_mask(set);
	return CT_NEXT(pselect)(count, readable, writable, other, timeout, set);
}

CT_INTERPOSE int ppoll(struct pollfd *files, nfds_t count, const struct timespec *timeout,
		       const sigset_t *set)
{
	note_mask(set);
	return CT_NEXT(ppoll)(files, count, timeout, set);
}

CT_INTERPOSE int epoll_pwait(int epoll, struct epoll_event *events, int count, int timeout_ms,
			     const sigset_t *set)
{
	note_mask(set);
	return CT_NEXT(epoll_pwait)(epoll, events, count, timeout_ms, set);
}

CT_INTERPOSE int epoll_pwait2(int epoll, struct epoll_event *events, int count,
			      const struct timespec *timeout, const sigset_t *set)
{
	note_mask(set);
	return CT_NEXT(epoll_pwait2)(epoll, events, count, timeout, set);
}

/* With _FORTIFY_SOURCE. */
int __ppoll_chk(struct pollfd *files, nfds_t count, const struct timespec *timeout,
		const sigset_t *set, size_t files_bytes);
CT_INTERPOSE int __ppoll_chk(struct pollfd *files, nfds_t count, const struct timespec *timeout,
			     const sigset_t *set, size_t files_bytes)
{
	note_mask(set);
	return CT_NEXT(__ppoll_chk)(files, count, timeout, set, files_bytes);
}

static void note_number(int number)
{
	if (number > 0 && number <= 64)
		ct_crash_note_mask(UINT64_C(1) << (number - 1));
}

/* Obsolete, and libc says so. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

int sigblock(int mask);
CT_INTERPOSE int sigblock(int mask)
{
	ct_crash_note_mask((unsigned int)mask);
	return CT_NEXT(sigblock)(mask);
}

int sigsetmask(int mask);
CT_INTERPOSE int sigsetmask(int mask)
{
	ct_crash_note_mask((unsigned int)mask);
	return CT_NEXT(sigsetmask)(mask);
}

/* The BSD's, which takes a mask. To <signal.h> the name stands for X/Open's, which takes one signal
 * out of it. */
__attribute__((visibility("default"))) int bsd_sigpause(int mask) __asm__("sigpause");
int bsd_sigpause(int mask)
{
	ct_crash_note_mask((unsigned int)mask);
	return CT_NEXT(sigpause)(mask);
}

int __sigpause(int number_or_mask, int is_number);
CT_INTERPOSE int __sigpause(int number_or_mask, int is_number)
{
	if (!is_number)
		ct_crash_note_mask((unsigned int)number_or_mask);
	return CT_NEXT(__sigpause)(number_or_mask, is_number);
}

__sighandler_t sigset(int number, __sighandler_t handler);
CT_INTERPOSE __sighandler_t sigset(int number, __sighandler_t handler)
{
	if (handler == SIG_HOLD) {
		note_number(number);
		return CT_NEXT(sigset)(number, handler);
	}
	__sighandler_t before = signal_with(CT_NEXT(sigset), 0, number, handler);
	if (before == SIG_ERR || !ct_crash_replaces(number, (const void *)handler))
		return before;
	sigset_t one = {{0}}, blocked;
	one.__val[0] = UINT64_C(1) << (number - 1);
	if (CT_NEXT(sigprocmask)(SIG_UNBLOCK, &one, &blocked) != 0)
		return SIG_ERR;
	return blocked.__val[0] & one.__val[0] ? SIG_HOLD : before;
}

int sigignore(int number);
CT_INTERPOSE int sigignore(int number)
{
	const struct sigaction action = {.sa_handler = SIG_IGN};
	if (number <= 0 || number >= NSIG || !ct_crash_replaces(number, (const void *)SIG_IGN))
		return CT_NEXT(sigignore)(number);
	return sigaction(number, &action, NULL);
}

CT_INTERPOSE int siginterrupt(int number, int interrupts)
{
	int result = CT_NEXT(siginterrupt)(number, interrupts);
	if (result != 0 || number <= 0 || number >= NSIG)
		return result;
	uint64_t bit = UINT64_C(1) << (number - 1);
	if (interrupts)
		__atomic_fetch_or(&interrupting, bit, __ATOMIC_RELAXED);
	else
		__atomic_fetch_and(&interrupting, ~bit, __ATOMIC_RELAXED);
	return result;
}

int sighold(int number);
CT_INTERPOSE int sighold(int number)
{
	note_number(number);
	return CT_NEXT(sighold)(number);
}

#pragma GCC diagnostic pop
