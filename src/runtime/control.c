/* SPDX-License-Identifier: MIT */
/*
 * The life of a process's trace: start with the first traced call, stop when
 * it cannot go on, end with the process, start over in a forked child.
 */
#include "runtime/hot.h"
#include "runtime/values.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

struct ct_runtime ct_runtime;

static __thread bool inside_start;

static void set_mode(enum ct_mode mode)
{
	__atomic_store_n(&ct_runtime.mode, mode, __ATOMIC_RELEASE);
	ct_slow_select(mode);
}

/* ---- start ---- */

static const char run_variable[] = "CALLTRACE_RUN";
static bool begins_run;

/* Reads hexadecimal digits up to what is none. */
static uint64_t take_hex(const char **at)
{
	uint64_t number = 0;
	for (; (**at >= '0' && **at <= '9') || (**at >= 'a' && **at <= 'f'); ++*at)
		number = number << 4 | (uint64_t)(**at - (**at <= '9' ? '0' : 'a' - 10));
	return number;
}

/* Take the run's number and start from the environment, or make them and put them there for our
 * children. */
static void join_run(void)
{
	static char entry_bytes[64];
	struct ct_text entry = {entry_bytes, 0, sizeof(entry_bytes), false};
	const char *inherited = ct_config_get(run_variable);
	ct_runtime.run_start_realtime_ns = ct_runtime.start_realtime_ns;
	if (inherited) {
		ct_runtime.run_id = take_hex(&inherited);
		if (*inherited++ == '.')
			ct_runtime.run_start_realtime_ns = take_hex(&inherited);
		return;
	}
	begins_run = true;
	if (ct_sys_failed(ct_sys(SYS_getrandom, &ct_runtime.run_id, sizeof(ct_runtime.run_id), 0)))
		ct_runtime.run_id = ct_runtime.start_realtime_ns ^ (uint64_t)ct_runtime.pid << 44;
	ct_text_printf(&entry, "%s=%lx.%lx", run_variable, ct_runtime.run_id,
		       ct_runtime.run_start_realtime_ns);
	size_t count = 0;
	while (environ && environ[count])
		count++;
	/* setenv() copes with an array that is not its own. */
	char **grown = ct_sys_map((count + 2) * sizeof(*grown));
	if (!grown)
		return;
	if (count)
		ct_copy(grown, environ, count * sizeof(*grown));
	grown[count] = entry_bytes;
	environ = grown;
}

/* Code that runs before libc's own start finds no environment there yet. */
static void find_environment(void)
{
	enum { MOST_BYTES = 1 << 20 };
	if (environ)
		return;
	char *bytes = ct_sys_map(MOST_BYTES);
	if (!bytes)
		return;
	long length = ct_sys_read_file("/proc/self/environ", bytes, MOST_BYTES - 1);
	char **entries = ct_sys_map((MOST_BYTES / 8) * sizeof(*entries));
	if (length <= 0 || !entries)
		return;
	size_t count = 0;
	for (long at = 0; at < length && count + 1 < MOST_BYTES / 8;
	     at += (long)ct_string_length(bytes + at) + 1)
		entries[count++] = bytes + at;
	char **saved = environ;
	environ = entries;
	ct_config_read(&ct_runtime.config);
	join_run();
	environ = saved; /* libc sets it when it starts */
}

static void end_at_quick_exit(void)
{
	ct_control_end(CT_STATE_EXITED);
}

void ct_control_capture_start(void)
{
	if (ct_runtime.start_captured)
		return;
	ct_runtime.start_captured = true;
	ct_interpose_init();
	ct_log_init();
	ct_runtime.pid = (pid_t)ct_sys(SYS_getpid);
	ct_runtime.privileged = getauxval(AT_SECURE) != 0;
	ct_runtime.start_realtime_ns = ct_clock_realtime_ns();
	if (ct_runtime.privileged) {
		set_mode(CT_MODE_OFF);
		return;
	}
	long length = ct_sys(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", ct_runtime.executable,
			     sizeof(ct_runtime.executable) - 1);
	ct_runtime.executable[length > 0 ? length : 0] = '\0';
	if (ct_sys(SYS_getcwd, ct_runtime.start_directory, sizeof(ct_runtime.start_directory)) <= 0)
		ct_copy(ct_runtime.start_directory, "/", 2);
	ct_clock_init();
	ct_hooks_init();
	if (!environ) {
		find_environment();
	} else {
		ct_config_read(&ct_runtime.config);
		join_run();
	}
	if (!ct_runtime.config.enabled) {
		ct_debug("off, since CALLTRACE_ENABLED is 0");
		set_mode(CT_MODE_OFF);
		return;
	}
	if (ct_runtime.config.capture_args)
		ct_values_init();
	ct_thread_init();
	pthread_atfork(ct_thread_before_fork, ct_thread_after_fork_parent,
		       ct_thread_after_fork_child);
	/* Registered first, called last. */
	at_quick_exit(end_at_quick_exit);
}

/* One line that says what failed, where, and what to do. */
static void say_no_trace(long error)
{
	const char *path = ct_runtime.config.output;
	switch (error) {
	case -EISDIR:
		ct_log("CALLTRACE_OUTPUT: '%s' is a directory; name a file in it; this program is "
		       "not traced",
		       path);
		break;
	case -ENOENT:
		ct_log("CALLTRACE_OUTPUT: cannot write '%s': its directory does not exist, or takes "
		       "no files; create it, or choose another; this program is not traced",
		       path);
		break;
	default:
		ct_log("CALLTRACE_OUTPUT: cannot write '%s': %s; choose another place; this "
		       "program is not traced",
		       path, ct_errno_text(error));
	}
}

static int create_trace(void)
{
	int error = ct_config_expand_output(&ct_runtime.config);
	if (!error)
		error = ct_file_create();
	if (!error && ct_site_init() != 0) {
		ct_file_remove();
		error = -ENOMEM;
	}
	return error;
}

static const char *clock_name(void)
{
	static const char *const names[] = {"?", "tsc", "monotonic", "none"};
	return names[ct_runtime.config.clock_kind];
}

/* Under the lock, with signals blocked. */
static void start_locked(void)
{
	ct_control_capture_start();
	if (ct_mode() != CT_MODE_UNSET)
		return; /* found to be off */
	ct_config_report();
	if (ct_runtime.config.output_is_null) {
		ct_debug("counting calls only, since CALLTRACE_OUTPUT is /dev/null");
		set_mode(CT_MODE_COUNT);
		return;
	}
	int error = create_trace();
	if (error) {
		say_no_trace(error);
		set_mode(CT_MODE_OFF);
		return;
	}
	ct_debug("process %d: recording to '%s', clock %s, depth limit %u", ct_runtime.pid,
		 ct_runtime.raw_path, clock_name(), ct_runtime.config.max_depth);
	ct_crash_init();
	set_mode(CT_MODE_RECORD);
}

bool ct_control_start(void)
{
	if (inside_start)
		return false;
	ct_sigset saved = ct_sys_block_signals();
	inside_start = true;
	ct_lock_take(&ct_runtime.lock);
	if (ct_mode() == CT_MODE_UNSET)
		start_locked();
	ct_lock_release(&ct_runtime.lock);
	inside_start = false;
	ct_sys_restore_signals(saved);
	return true;
}

/* ---- stop ---- */

void ct_control_stop(long error, const char *doing)
{
	enum ct_mode expected = CT_MODE_RECORD;
	if (!__atomic_compare_exchange_n(&ct_runtime.mode, &expected, CT_MODE_STOPPED, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	ct_slow_select(CT_MODE_STOPPED);
	ct_runtime.info->state = CT_STATE_STOPPED;
	ct_log("recording stopped while %s '%s': %s; what was recorded until now is kept, the "
	       "program goes on untraced",
	       doing, ct_runtime.raw_path, ct_errno_text(error));
}

/* ---- end ---- */

static void wait_for_writers(void)
{
	enum { LONGEST_WAIT_MS = 200 };
	struct timespec pause = {0, 1000000};
	for (int waited_ms = 0; waited_ms < LONGEST_WAIT_MS; waited_ms++) {
		bool busy = false;
		for (struct ct_thread *thread = ct_runtime.threads; thread; thread = thread->next)
			busy |= thread != ct_self.thread &&
				__atomic_load_n(&thread->busy, __ATOMIC_ACQUIRE);
		if (!busy)
			return;
		ct_sys(SYS_nanosleep, &pause, 0);
	}
}

/* Thousandths as "12.3". */
static void add_tenths(struct ct_text *text, uint64_t thousandths)
{
	ct_text_printf(text, "%lu.%lu", thousandths / 1000, thousandths % 1000 / 100);
}

static void summarise_count(void)
{
	uint64_t calls = 0;
	unsigned int threads = 0;
	for (struct ct_thread *thread = ct_runtime.threads; thread; thread = thread->next) {
		calls += ct_thread_calls(thread);
		threads++;
	}
	calls += ct_runtime.ended_calls;
	ct_debug("process %d: %lu calls counted in %u thread%s, none recorded", ct_runtime.pid,
		 calls, threads, threads == 1 ? "" : "s");
}

/* With the trace closed: what happened, and what a call costs on this machine. */
static void summarise(void)
{
	char cost_bytes[32] = "?";
	struct ct_text cost = {cost_bytes, 0, sizeof(cost_bytes), false};
	uint64_t calls = 0, suppressed = 0, lost = ct_runtime.info->lost_events;
	for (uint32_t stream = 1; stream <= ct_runtime.thread_count; stream++) {
		const struct ct_thread_row *row = ct_file_thread_row(stream);
		suppressed += row->suppressed_calls;
		lost += row->lost_events;
	}
	for (struct ct_thread *thread = ct_runtime.threads; thread; thread = thread->next)
		calls += ct_thread_calls(thread);
	calls += ct_runtime.ended_calls;
	void *window = ct_sys_map(CT_BLOCK_BYTES);
	struct ct_frame *frames = ct_sys_map(4096);
	if (window && frames) {
		cost.length = 0;
		add_tenths(&cost, ct_slow_measure_ps(window, frames));
	}
	ct_log("process %d: %lu calls in %u thread%s, %lu lost, %lu suppressed, %lu bytes, %s ns "
	       "per call measured",
	       ct_runtime.pid, calls, ct_runtime.thread_count,
	       ct_runtime.thread_count == 1 ? "" : "s", lost, suppressed, ct_file_bytes(),
	       cost_bytes);
}

static void close_trace(enum ct_file_state state)
{
	struct ct_file_info *info = ct_runtime.info;
	wait_for_writers();
	if (ct_self.thread && ct_self.thread->row)
		ct_thread_refresh_row(ct_self.thread);
	info->end = ct_clock_point();
	if (info->state != CT_STATE_STOPPED)
		__atomic_store_n(&info->state, state, __ATOMIC_RELEASE);
	ct_window_freeze_all();
	ct_file_freeze();
	/* A crash may have been anywhere in there. */
	if (state != CT_STATE_CRASHED)
		ct_file_give_back();
}

static bool exists(const char *path)
{
	return ct_sys(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
}

/*
 * The document from the raw trace, which is removed; it stays when that fails.
 * After an exec that failed, or when the program has removed it, the trace has no
 * name but its descriptor's.
 */
static void make_document(void)
{
	char descriptor_bytes[64];
	struct ct_text descriptor = {descriptor_bytes, 0, sizeof(descriptor_bytes), false};
	const char *raw = ct_runtime.raw_path;
	ct_text_printf(&descriptor, "/proc/%d/fd/%d", ct_runtime.pid, ct_file_descriptor());
	/* In another root directory neither is there, but the name is right for who looks. */
	if (!exists(raw) && exists(descriptor_bytes))
		raw = descriptor_bytes;
	bool has_name = raw != descriptor_bytes;
	const char *problem = ct_spawn_converter(raw, has_name);
	if (!problem)
		ct_debug("wrote '%s'", ct_runtime.config.output);
	else if (has_name)
		ct_log("%s; the calls are kept: `calltrace json '%s' -o '%s'` makes the document",
		       problem, raw, ct_runtime.config.output);
	else
		ct_log("%s; the raw trace '%s' had been removed, so its calls are lost", problem,
		       ct_runtime.raw_path);
}

/* Who ends the trace: 0, or the thread's id; and then whether it has done so. */
static struct {
	int tid;
	int done; /* also a futex */
} ending;

bool ct_control_claim_end(void)
{
	int expected = 0;
	int tid = (int)ct_sys(SYS_gettid);
	return __atomic_compare_exchange_n(&ending.tid, &expected, tid, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

/* Another thread ends the trace: the process must not go away under it. */
void ct_control_wait_for_end(void)
{
	if (__atomic_load_n(&ending.tid, __ATOMIC_ACQUIRE) == (int)ct_sys(SYS_gettid))
		return;
	while (!__atomic_load_n(&ending.done, __ATOMIC_ACQUIRE))
		ct_sys(SYS_futex, &ending.done, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0);
}

void ct_control_end_claimed(enum ct_file_state state)
{
	ct_sigset saved = ct_sys_block_signals();
	set_mode(CT_MODE_ENDED);
	close_trace(state);
	if (ct_runtime.config.debug)
		summarise();
	/* The other programs of the run may not have what the filter is meant for. */
	if (begins_run)
		ct_plan_report_misses();
	if (!ct_runtime.config.output_is_raw)
		make_document();
	ct_file_close();
	__atomic_store_n(&ending.done, 1, __ATOMIC_RELEASE);
	ct_sys(SYS_futex, &ending.done, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0);
	ct_sys_restore_signals(saved);
}

void ct_control_end(enum ct_file_state state)
{
	if (ct_sys(SYS_getpid) != ct_runtime.pid)
		return; /* a vfork child */
	enum ct_mode mode = ct_mode();
	if (mode == CT_MODE_COUNT && ct_runtime.config.debug)
		summarise_count();
	if (mode != CT_MODE_RECORD && mode != CT_MODE_STOPPED && mode != CT_MODE_ENDED)
		return;
	if (ct_control_claim_end())
		ct_control_end_claimed(state);
	else
		ct_control_wait_for_end();
}

/* ---- exec ---- */

/*
 * After execve nobody is left to make the document, so it is made before, and
 * the raw trace removed. Should execve fail, recording goes on, in the file that
 * now has no name but our descriptor's, and the document is made again.
 */
void ct_control_before_exec(void)
{
	if (ct_sys(SYS_getpid) != ct_runtime.pid || ct_mode() != CT_MODE_RECORD)
		return;
	ct_sigset saved = ct_sys_block_signals();
	struct ct_file_info *info = ct_runtime.info;
	if (ct_self.thread)
		ct_thread_refresh_row(ct_self.thread);
	info->end = ct_clock_point();
	__atomic_store_n(&info->state, CT_STATE_EXEC, __ATOMIC_RELEASE);
	if (!ct_runtime.config.output_is_raw && !ct_runtime.nameless) {
		make_document();
		ct_runtime.nameless = ct_sys(SYS_faccessat, AT_FDCWD, ct_runtime.raw_path, F_OK) ==
				      -ENOENT;
	}
	ct_sys_restore_signals(saved);
}

void ct_control_exec_failed(void)
{
	if (ct_sys(SYS_getpid) != ct_runtime.pid || ct_mode() != CT_MODE_RECORD)
		return;
	struct ct_file_info *info = ct_runtime.info;
	info->state = CT_STATE_RUNNING;
	ct_zero(&info->end, sizeof(info->end));
}

/* ---- fork ---- */

void ct_control_fork_child(void)
{
	enum ct_mode mode = ct_mode();
	ct_runtime.pid = (pid_t)ct_sys(SYS_getpid);
	ct_runtime.lock.word = 0;
	if (mode == CT_MODE_OFF || mode == CT_MODE_UNSET)
		return;
	ct_runtime.ended_calls = 0;
	ct_runtime.nameless = false;
	ending.tid = ending.done = 0;
	ct_clock_fork_child();
	ct_thread_fork_child();
	ct_file_fork_child();
	ct_module_forget_all();
	ct_plan_fork_child();
	/* The child has a trace of its own from its first call on; one that only execs has none. */
	set_mode(CT_MODE_UNSET);
}

/* ---- load and unload ---- */

__attribute__((constructor)) static void load(void)
{
	ct_control_capture_start();
}

static void end_at_exit(void *unused)
{
	(void)unused;
	ct_control_end(CT_STATE_EXITED);
}

int __cxa_atexit(void (*function)(void *), void *argument, void *library);

/*
 * Destructors of other libraries may run after ours and make calls. What is
 * registered with exit() while it runs comes after everything registered
 * before, the loader's run over all destructors included.
 */
__attribute__((destructor)) static void unload(void)
{
	if (__cxa_atexit(end_at_exit, NULL, NULL) != 0)
		end_at_exit(NULL);
}
