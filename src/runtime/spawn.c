/* SPDX-License-Identifier: MIT */
/*
 * Starting the `calltrace` command from the process that ends, and waiting for
 * it. The child is made so that the program does not notice: no SIGCHLD, not
 * seen by wait(), no fork handlers, no LD_PRELOAD.
 */
#include "runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CHILD_STACK_BYTES = 65536,
	MOST_VARIABLES = 16384,
	NOT_STARTED = 127,
	/* The program waits for plans: a damaged file must not make that for ever. */
	PLANNER_SECONDS = 300,
};

typedef int clone_function(int (*)(void *), void *, int, void *, ...);

struct child {
	clone_function *clone; /* libc's own: sanitizers have theirs, for forks they know of */
	const char *path;
	char **arguments;
	char **variables;
	char *stack;  /* upper end, of the command's process until it executes */
	int fd;	      /* left open for the command; -1: none */
	bool quiet;   /* what it says has been said */
	bool limited; /* in time and memory */
	dev_t device; /* of `fd` */
	ino_t inode;
	long pid;
	int error;  /* of execve; the memory is shared */
	int status; /* as wait4 gives it */
};

/* The program's handlers would run in here, in the program's memory. Ignored stays ignored. */
static void reset_handlers(void)
{
	enum { LAST_SIGNAL = 64, ACTION_WORDS = 4 };
	uint64_t default_action[ACTION_WORDS] = {0};
	for (int number = 1; number <= LAST_SIGNAL; number++) {
		uint64_t action[ACTION_WORDS] = {0};
		ct_sys(SYS_rt_sigaction, number, 0, action, sizeof(ct_sigset));
		if (action[0] > (uint64_t)SIG_IGN)
			ct_sys(SYS_rt_sigaction, number, default_action, 0, sizeof(ct_sigset));
	}
}

/* The descriptor made for the command, in this process of its own: the program may have closed it
 * and opened something else in the meantime, which is none of the command's business. */
static bool pass_descriptor(const struct child *child)
{
	struct stat status;
	return ct_sys(SYS_newfstatat, child->fd, "", &status, AT_EMPTY_PATH) == 0 &&
	       status.st_dev == child->device && status.st_ino == child->inode &&
	       ct_sys(SYS_fcntl, child->fd, F_SETFD, 0) == 0;
}

static void set_limit(int resource, uint64_t soft, uint64_t hard)
{
	struct rlimit limit;
	if (ct_sys(SYS_prlimit64, 0, resource, 0, &limit) != 0)
		return;
	limit.rlim_max = hard < limit.rlim_max ? hard : limit.rlim_max;
	soft = soft < limit.rlim_cur ? soft : limit.rlim_cur;
	limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
	ct_sys(SYS_prlimit64, 0, resource, &limit, 0);
}

/*
 * Debug information may be made to use up everything. The timer ends a command
 * that sleeps, and outlives execve, as the limits do; these are for processes
 * that the command starts, too. Files that are only read do not count as data.
 */
static void limit_command(void)
{
	enum { GRACE_SECONDS = 5 };
	uint64_t default_action[4] = {0};
	struct sysinfo system;
	struct itimerval timer = {.it_value.tv_sec = PLANNER_SECONDS};
	ct_sys(SYS_rt_sigaction, SIGALRM, default_action, 0, sizeof(ct_sigset));
	ct_sys(SYS_rt_sigaction, SIGXCPU, default_action, 0, sizeof(ct_sigset));
	ct_sys(SYS_setitimer, ITIMER_REAL, &timer, 0);
	set_limit(RLIMIT_CPU, PLANNER_SECONDS, PLANNER_SECONDS + GRACE_SECONDS);
	/* A core file of the command would be taken for the program's. */
	set_limit(RLIMIT_CORE, 0, 0);
	if (ct_sys(SYS_sysinfo, &system) == 0) {
		uint64_t half_bytes = system.totalram / 2 * system.mem_unit;
		set_limit(RLIMIT_DATA, half_bytes, half_bytes);
	}
}

static int run_command(void *argument)
{
	struct child *child = argument;
	ct_sigset none = 0;
	reset_handlers();
	/* The planner has no business with files of the program, which may be locked or pipes. */
	if (child->fd >= 0)
		ct_sys(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
	if (child->fd >= 0 && !pass_descriptor(child))
		ct_sys(SYS_exit_group, NOT_STARTED);
	if (child->limited)
		limit_command();
	if (child->quiet) {
		long null = ct_sys(SYS_openat, AT_FDCWD, "/dev/null", O_WRONLY);
		ct_sys(SYS_dup3, null, STDERR_FILENO, 0);
	}
	ct_sys(SYS_rt_sigprocmask, SIG_SETMASK, &none, 0, sizeof(none));
	child->error = (int)ct_sys(SYS_execve, child->path, child->arguments, child->variables);
	ct_sys(SYS_exit_group, NOT_STARTED);
	return NOT_STARTED;
}

/*
 * A process between the program and the command: whatever it was cloned with,
 * a process that has executed a file sends SIGCHLD when it ends. This one
 * executes nothing, ends without a signal, and is nobody's to wait for.
 */
static int run_between(void *argument)
{
	struct child *child = argument;
	uint64_t default_action[4] = {0};
	/* A program that ignores SIGCHLD would have the status thrown away. */
	ct_sys(SYS_rt_sigaction, SIGCHLD, default_action, 0, sizeof(ct_sigset));
	child->pid = child->clone(run_command, child->stack, CLONE_VM | CLONE_VFORK | SIGCHLD,
				  child);
	long waited;
	while (child->pid > 0 && (waited = ct_sys(SYS_wait4, child->pid, &child->status, __WALL, 0),
				  waited == -EINTR))
		;
	ct_sys(SYS_exit_group, 0);
	return 0;
}

/* The program's environment without what would trace the command. */
static char **clean_environment(void)
{
	char **variables = ct_sys_map((MOST_VARIABLES + 1) * sizeof(*variables));
	size_t count = 0;
	for (char **entry = environ; variables && entry && *entry && count < MOST_VARIABLES;
	     entry++)
		if (!ct_string_starts(*entry, "LD_PRELOAD=") &&
		    !ct_string_starts(*entry, "LD_AUDIT=") &&
		    !ct_string_starts(*entry, "CALLTRACE_"))
			variables[count++] = *entry;
	return variables;
}

/* Where the command is looked for, seen from the library's folder. */
static const char *const places[] = {"/calltrace", "/../bin/calltrace", "/../../bin/calltrace"};

static bool is_executable(const char *path)
{
	return ct_sys(SYS_faccessat, AT_FDCWD, path, X_OK) == 0;
}

static bool find_in_path(struct ct_text *ret)
{
	const char *path = ct_config_get("PATH");
	while (path && *path) {
		const char *end = path;
		while (*end && *end != ':')
			end++;
		ret->length = 0;
		ct_text_add_bytes(ret, path, (size_t)(end - path));
		ct_text_add(ret, "/calltrace");
		if (ret->bytes[0] == '/' && !ret->cut && is_executable(ret->bytes))
			return true;
		path = *end ? end + 1 : end;
	}
	return false;
}

/* Beside the library, as built or installed; then in PATH. */
static bool find_command(struct ct_text *ret)
{
	char folder[PATH_MAX];
	if (ct_module_own_path(folder, sizeof(folder))) {
		char *slash = (char *)ct_string_last(folder, '/');
		*slash = '\0';
		for (size_t i = 0; i < ct_array_length(places); i++) {
			ret->length = 0;
			ret->cut = false;
			ct_text_add(ret, folder);
			ct_text_add(ret, places[i]);
			if (!ret->cut && is_executable(ret->bytes))
				return true;
		}
	}
	/* Never a stranger's command in a process with rights its user does not have. */
	return !ct_runtime.privileged && find_in_path(ret);
}

static bool run_and_wait(struct child *child)
{
	char *stacks = ct_sys_map(2 * CHILD_STACK_BYTES);
	if (!stacks)
		return false;
	child->stack = stacks + 2 * CHILD_STACK_BYTES;
	child->status = -1;
	int pid = child->clone(run_between, stacks + CHILD_STACK_BYTES, CLONE_VM | CLONE_VFORK,
			       child);
	while (pid > 0 && ct_sys(SYS_wait4, pid, 0, __WALL, 0) == -EINTR)
		;
	ct_sys_unmap(stacks, 2 * CHILD_STACK_BYTES);
	return pid > 0 && child->pid > 0 && !child->error && WIFEXITED(child->status) &&
	       WEXITSTATUS(child->status) == 0;
}

const char ct_spawn_failed[] = "the command `calltrace` failed";

/* Run `calltrace` with these arguments, and wait; `fd` stays open for it, unless -1. */
static const char *run_calltrace(char **arguments, int fd, bool quiet)
{
	char command_bytes[PATH_MAX];
	struct ct_text command = {command_bytes, 0, sizeof(command_bytes), false};
	if (!find_command(&command))
		return "the command `calltrace` is neither beside libcalltrace.so nor in PATH";
	struct child child = {
		.clone = (clone_function *)ct_interpose_clone(),
		.path = command_bytes,
		.arguments = arguments,
		.fd = fd,
		.quiet = quiet,
		.limited = fd >= 0,
	};
	struct stat status;
	if (fd >= 0 && ct_sys(SYS_newfstatat, fd, "", &status, AT_EMPTY_PATH) == 0) {
		child.device = status.st_dev;
		child.inode = status.st_ino;
	}
	child.variables = clean_environment();
	if (!child.variables)
		return "there is no memory to start the command `calltrace`";
	/* clone() is libc's, and sets errno. */
	int saved_errno = errno;
	bool done = run_and_wait(&child);
	errno = saved_errno;
	ct_sys_unmap(child.variables, (MOST_VARIABLES + 1) * sizeof(*child.variables));
	if (done)
		return NULL;
	if (child.pid > 0 && !child.error && WIFSIGNALED(child.status))
		return child.limited && (WTERMSIG(child.status) == SIGALRM ||
					 WTERMSIG(child.status) == SIGXCPU)
			       ? "the command `calltrace` took more than five minutes"
			       : "the command `calltrace` was killed by a signal";
	return child.error ? "the command `calltrace` could not be started" : ct_spawn_failed;
}

const char *ct_spawn_converter(const char *raw_path, bool remove_raw)
{
	char *arguments[] = {
		(char *)"calltrace",
		(char *)"json",
		(char *)raw_path,
		(char *)"-o",
		ct_runtime.config.output,
		remove_raw ? (char *)"--from-runtime" : (char *)"--quiet",
		remove_raw ? NULL : (char *)"--live",
		NULL,
	};
	return run_calltrace(arguments, -1, false);
}

const char *ct_spawn_planner(const char *module, int fd, bool quiet)
{
	/* Later the program may have put something on the terminal. */
	static bool has_begun;
	char numbers[3][16];
	uint32_t values[] = {(uint32_t)fd, ct_runtime.config.max_string,
			     ct_runtime.config.max_pointee};
	for (size_t i = 0; i < ct_array_length(values); i++) {
		struct ct_text number = {numbers[i], 0, sizeof(numbers[i]), false};
		ct_text_printf(&number, "%u", values[i]);
	}
	char *filter = ct_runtime.config.args_filter;
	char *arguments[] = {
		(char *)"calltrace",
		(char *)"plan",
		(char *)module,
		(char *)"--fd",
		numbers[0],
		(char *)"--max-string",
		numbers[1],
		(char *)"--max-pointee",
		numbers[2],
		has_begun ? (char *)"--quiet" : (char *)"--from-runtime",
		filter[0] ? (char *)"--args-filter" : NULL,
		filter,
		NULL,
	};
	has_begun = true;
	return run_calltrace(arguments, fd, quiet);
}
