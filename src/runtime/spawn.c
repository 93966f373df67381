/* SPDX-License-Identifier: MIT */
/*
 * Starting the `calltrace` command from the process that ends, and waiting for
 * it. The child is made so that the program does not notice: no SIGCHLD, not
 * seen by wait(), no fork handlers, no LD_PRELOAD.
 */
#include "runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_STACK_BYTES = 65536, MOST_VARIABLES = 16384 };

typedef int clone_function(int (*)(void *), void *, int, void *, ...);

struct child {
	clone_function *clone; /* libc's own: sanitizers have theirs, for forks they know of */
	const char *path;
	char **arguments;
	char **variables;
	char *stack; /* upper end, of the command's process until it executes */
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

static int run_command(void *argument)
{
	struct child *child = argument;
	ct_sigset none = 0;
	reset_handlers();
	ct_sys(SYS_rt_sigprocmask, SIG_SETMASK, &none, 0, sizeof(none));
	child->error = (int)ct_sys(SYS_execve, child->path, child->arguments, child->variables);
	ct_sys(SYS_exit_group, 127);
	return 127;
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

const char *ct_spawn_converter(const char *raw_path, bool remove_raw)
{
	char command_bytes[PATH_MAX];
	struct ct_text command = {command_bytes, 0, sizeof(command_bytes), false};
	if (!find_command(&command))
		return "the command `calltrace` is neither beside libcalltrace.so nor in PATH";
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
	struct child child = {
		.clone = (clone_function *)ct_interpose_clone(),
		.path = command_bytes,
		.arguments = arguments,
	};
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
		return "the command `calltrace` was killed by a signal";
	return child.error ? "the command `calltrace` could not be started"
			   : "the command `calltrace` failed";
}
