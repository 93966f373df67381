/* SPDX-License-Identifier: MIT */
/*
 * Can a trace be made on this machine, by this user, here? What can be tried is
 * tried: a process with a few calls is recorded, and its trace is read.
 */
#include "cli/doctor.h"

#include <ctype.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "calltrace/version.h"
#include "cli/library.h"
#include "reader/trace.h"
#include "symbols/elf_file.h"

static void cleanup_file(struct ct_elf_file **file)
{
	ct_elf_file_destroy(*file);
}

static void cleanup_trace(struct ct_trace **trace)
{
	ct_trace_destroy(*trace);
}

static void cleanup_walk(struct ct_walk **walk)
{
	ct_walk_destroy(*walk);
}

/* ---- the library ---- */

/* From its note (runtime/version.c). */
static bool read_version(const struct ct_elf_file *library, char *ret, size_t size_bytes)
{
	static const char owner[] = "CallTrace";
	Elf_Scn *section = ct_elf_file_section(library, ".note.calltrace");
	Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
	GElf_Nhdr note;
	size_t name_at, text_at;
	if (!data || gelf_getnote(data, 0, &note, &name_at, &text_at) == 0 ||
	    note.n_namesz != sizeof(owner) || note.n_descsz == 0 || note.n_descsz > size_bytes ||
	    memcmp((const char *)data->d_buf + name_at, owner, sizeof(owner)) != 0)
		return false;
	memcpy(ret, (const char *)data->d_buf + text_at, note.n_descsz);
	ret[note.n_descsz - 1] = '\0';
	return true;
}

static struct ct_elf_file *check_library(const char *path, struct ct_findings *ret)
{
	struct ct_elf_file *library = NULL;
	char version[64];
	struct statvfs system;
	if (!path) {
		ct_findings_add(ret, CT_MARK_PROBLEM, "library",
				"libcalltrace.so is not where the command looks: beside it, or in "
				"../lib or " CT_LIBRARY_PLACE " from there.");
		ct_findings_remedy(ret, "install both with one 'cmake --install', or name the "
					"library with calltrace record --library.");
		return NULL;
	}
	struct ct_error *err = ct_elf_file_open(path, &library);
	if (err) {
		ct_findings_add(ret, CT_MARK_PROBLEM, "library", "%s.", err->message);
		ct_findings_remedy(ret, "install CallTrace again.");
		ct_error_destroy(err);
		return NULL;
	}
	if (!read_version(library, version, sizeof(version)))
		strcpy(version, "unknown");
	if (strcmp(version, CALLTRACE_VERSION) == 0) {
		ct_findings_add(ret, CT_MARK_OK, "version",
				"Command and library are of version " CALLTRACE_VERSION ": %s.",
				path);
	} else {
		ct_findings_add(ret, CT_MARK_PROBLEM, "version",
				"The command is of version " CALLTRACE_VERSION
				", the library %s of version %s.",
				path, version);
		ct_findings_remedy(ret, "install both from one build.");
	}
	if (statvfs(path, &system) == 0 && system.f_flag & ST_NOEXEC) {
		ct_findings_add(ret, CT_MARK_PROBLEM, "noexec",
				"The file system of %s is mounted with noexec: the loader cannot "
				"map its code.",
				path);
		ct_findings_remedy(ret, "install CallTrace elsewhere.");
	}
	return library;
}

/* ---- settings ---- */

enum { NAME_BYTES = 40, NAMES_MAX = 64 };
static const char setting_prefix[] = "CALLTRACE_";

struct names {
	char names[NAMES_MAX][NAME_BYTES];
	size_t count;
};

static void add_name(struct names *names, const char *name, size_t length)
{
	if (length >= NAME_BYTES || names->count == NAMES_MAX)
		return;
	snprintf(names->names[names->count++], NAME_BYTES, "%.*s", (int)length, name);
}

/* The library's own strings are the list that is always up to date. */
static void find_settings(const struct ct_elf_file *library, struct names *ret)
{
	Elf_Scn *section = ct_elf_file_section(library, ".rodata");
	Elf_Data *data = section ? elf_rawdata(section, NULL) : NULL;
	const char *at = data ? data->d_buf : NULL, *end = at ? at + data->d_size : NULL;
	while (at &&
	       (at = memmem(at, (size_t)(end - at), setting_prefix, sizeof(setting_prefix) - 1))) {
		size_t length = sizeof(setting_prefix) - 1;
		while (at + length < end &&
		       (isupper((unsigned char)at[length]) || isdigit((unsigned char)at[length]) ||
			at[length] == '_'))
			length++;
		if (length > sizeof(setting_prefix) - 1)
			add_name(ret, at, length);
		at += length;
	}
	add_name(ret, "CALLTRACE_CC", strlen("CALLTRACE_CC"));
	add_name(ret, "CALLTRACE_CXX", strlen("CALLTRACE_CXX"));
}

/* Letters to insert, leave out or change to make one of the other. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[NAME_BYTES];
	size_t width = strlen(b);
	for (size_t j = 0; j <= width; j++)
		row[j] = (unsigned int)j;
	for (size_t i = 1; *a; i++, a++) {
		unsigned int diagonal = row[0];
		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= width; j++) {
			unsigned int change = diagonal + (*a != b[j - 1]);
			unsigned int shift = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
			diagonal = row[j];
			row[j] = change < shift ? change : shift;
		}
	}
	return row[width];
}

static void check_name(const struct names *known, const char *name, struct ct_findings *ret)
{
	enum { FAR = 4 };
	unsigned int nearest_distance = FAR;
	const char *nearest = NULL;
	for (size_t i = 0; i < known->count; i++) {
		unsigned int own = distance(name, known->names[i]);
		if (own == 0)
			return;
		if (own < nearest_distance) {
			nearest_distance = own;
			nearest = known->names[i];
		}
	}
	ct_findings_add(ret, CT_MARK_NOTE, "environment",
			"The environment has %s, which is no setting.", name);
	if (nearest)
		ct_findings_remedy(ret, "did you mean %s?", nearest);
	else
		ct_findings_remedy(ret, "unset it; the user guide lists the settings.");
}

static void check_environment(const struct ct_elf_file *library, struct ct_findings *ret)
{
	struct names known = {.count = 0};
	find_settings(library, &known);
	for (char **entry = environ; entry && *entry; entry++) {
		size_t length = strcspn(*entry, "=");
		/* Without the last letter: a misspelling may be there. */
		if (strncasecmp(*entry, setting_prefix, sizeof(setting_prefix) - 2) != 0 ||
		    length >= NAME_BYTES)
			continue;
		char name[NAME_BYTES];
		snprintf(name, sizeof(name), "%.*s", (int)length, *entry);
		check_name(&known, name, ret);
	}
	const char *enabled = getenv("CALLTRACE_ENABLED");
	if (enabled && strcmp(enabled, "0") == 0) {
		ct_findings_add(
			ret, CT_MARK_NOTE, "environment",
			"CALLTRACE_ENABLED is 0: a program that is started with the library "
			"preloaded by hand is not recorded.");
		ct_findings_remedy(ret, "unset it, or use calltrace record, which does not heed "
					"it.");
	}
	const char *preload = getenv("LD_PRELOAD");
	const char *other = preload ? strstr(preload, "libcalltrace.so") : NULL;
	if (other && !strstr(preload, library->path)) {
		ct_findings_add(ret, CT_MARK_NOTE, "environment",
				"LD_PRELOAD names another libcalltrace.so: %s.", preload);
		ct_findings_remedy(ret, "unset LD_PRELOAD.");
	}
}

/* ---- the trial ---- */

/* What libc answers to where nothing is preloaded. */
void __cyg_profile_func_enter(void *function, void *call_site);
void __cyg_profile_func_exit(void *function, void *call_site);

static __attribute__((noinline)) void make_call(void)
{
	__cyg_profile_func_enter((void *)make_call, __builtin_return_address(0));
	__cyg_profile_func_exit((void *)make_call, __builtin_return_address(0));
}

void ct_doctor_make_calls(void)
{
	for (int i = 0; i < 3; i++)
		make_call();
}

static void run_trial(const char *library, const char *folder, int log_fd)
{
	enum { PATIENCE_S = 30 };
	const char *capture = getenv("CALLTRACE_CAPTURE_ARGS");
	char *const arguments[] = {"calltrace", "doctor", "--make-calls", NULL};
	char *output = ct_library_output(folder, "/trial.ctrace");
	struct ct_error *err = ct_library_preload(library);
	unsetenv("CALLTRACE_RUN");
	/* Plans for the command itself would take their time. */
	if (capture && strcmp(capture, "1") == 0)
		unsetenv("CALLTRACE_CAPTURE_ARGS");
	if (!output || err || setenv("CALLTRACE_OUTPUT", output, 1) != 0 ||
	    setenv("CALLTRACE_ENABLED", "1", 1) != 0)
		_exit(1);
#ifdef __SANITIZE_ADDRESS__
	setenv("ASAN_OPTIONS", "verify_asan_link_order=0:detect_leaks=0", 1);
#endif
	dup2(log_fd, STDERR_FILENO);
	dup2(log_fd, STDOUT_FILENO);
	alarm(PATIENCE_S);
	execv("/proc/self/exe", arguments);
	_exit(1);
}

static void read_log(int fd, struct ct_strbuf *ret)
{
	enum { LOG_BYTES_MAX = 16384 };
	char bytes[4096];
	ssize_t count;
	while ((count = read(fd, bytes, sizeof(bytes))) > 0 || (count < 0 && errno == EINTR))
		if (count > 0 && ret->length < LOG_BYTES_MAX)
			ct_strbuf_add(ret, bytes, (size_t)count);
}

static uint64_t count_calls(const struct ct_trace *trace)
{
	uint64_t calls = 0;
	for (uint32_t i = 1; i <= ct_trace_thread_count(trace); i++) {
		ct_cleanup(cleanup_walk) struct ct_walk *walk = NULL;
		struct ct_step step;
		struct ct_error *err = ct_walk_create(trace, i, &walk);
		if (err) {
			ct_error_destroy(err);
			continue;
		}
		while (ct_walk_next(walk, &step))
			calls += step.kind == CT_STEP_CALL;
	}
	return calls;
}

static void tell_clock(const struct ct_trace *trace, struct ct_findings *ret)
{
	const char *asked = getenv("CALLTRACE_CLOCK");
	uint32_t kind = ct_trace_info(trace)->clock_kind;
	if (kind == CT_CLOCK_TSC) {
		ct_findings_add(ret, CT_MARK_OK, "clock",
				"Times come from the processor's cycle counter, which is "
				"invariant.");
	} else if (kind == CT_CLOCK_NONE) {
		ct_findings_add(ret, CT_MARK_NOTE, "clock",
				"CALLTRACE_CLOCK is none: calls have an order, but no times.");
		ct_findings_remedy(ret, "unset it, or use calltrace record --clock tsc.");
	} else if (asked && strcmp(asked, "monotonic") == 0) {
		ct_findings_add(ret, CT_MARK_OK, "clock",
				"Times come from CLOCK_MONOTONIC, as CALLTRACE_CLOCK says.");
	} else {
		ct_findings_add(
			ret, CT_MARK_NOTE, "clock",
			"The processor's cycle counter is not invariant, or the kernel does "
			"not trust it: times come from CLOCK_MONOTONIC, and recording takes "
			"longer.");
		ct_findings_remedy(ret, "where only the order of calls is wanted, use "
					"--clock none.");
	}
}

/* Lines of the library's, and of the loader's when there is no call in the trace. */
static void tell_log(struct ct_strbuf *log, bool is_recorded, struct ct_findings *ret)
{
	static const char prefix[] = "calltrace: ";
	char *rest = NULL;
	for (char *line = log->bytes ? strtok_r(log->bytes, "\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &rest)) {
		bool is_ours = strncmp(line, prefix, sizeof(prefix) - 1) == 0;
		if (!is_ours && is_recorded)
			continue;
		if (is_ours)
			line += sizeof(prefix) - 1;
		if (strncmp(line, setting_prefix, sizeof(setting_prefix) - 1) == 0) {
			ct_findings_add(ret, CT_MARK_NOTE, "environment", "%s.", line);
			ct_findings_remedy(ret, "unset it or give it a value that is accepted.");
		} else if (!is_recorded) {
			ct_findings_add(ret, CT_MARK_PROBLEM, "trial", "The trial said: %s", line);
		}
	}
}

static void judge_trial(const char *folder, struct ct_strbuf *log, int status,
			struct ct_findings *ret)
{
	ct_cleanup(ct_cleanup_free) char *path = NULL;
	ct_cleanup(cleanup_trace) struct ct_trace *trace = NULL;
	if (asprintf(&path, "%s/trial.ctrace", folder) < 0) {
		path = NULL;
		ret->failed = true;
		return;
	}
	struct ct_error *err = ct_trace_open(path, &trace);
	uint64_t calls = err ? 0 : count_calls(trace);
	tell_log(log, calls > 0, ret);
	if (err) {
		ct_findings_add(ret, CT_MARK_PROBLEM, "trial",
				"A trial left no trace that can be read (%s %d): %s.",
				WIFSIGNALED(status) ? "ended by signal" : "exit status",
				WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
				err->message);
		ct_error_destroy(err);
		return;
	}
	if (calls == 0) {
		ct_findings_add(ret, CT_MARK_NOTE, "trial",
				"A trial's trace was made and read, but has none of its calls.");
		ct_findings_remedy(ret, "settings in the environment leave them out: env | grep "
					"CALLTRACE_");
	} else {
		ct_findings_add(ret, CT_MARK_OK, "trial",
				"A trial was recorded here and read back: %" PRIu64 " calls.",
				calls);
	}
	tell_clock(trace, ret);
}

static void remove_folder(const char *path)
{
	DIR *entries = opendir(path);
	for (const struct dirent *entry; entries && (entry = readdir(entries));)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(entries), entry->d_name, 0);
	if (entries)
		closedir(entries);
	rmdir(path);
}

/* In a folder of its own that is gone afterwards, whatever signal comes meanwhile. */
static void check_trial(const char *library, const char *folder, struct ct_findings *ret)
{
	ct_cleanup(ct_cleanup_free) char *path = NULL;
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf log = {0};
	sigset_t all, before;
	int ends[2], status = 0;
	if (asprintf(&path, "%s/.calltrace-doctor.XXXXXX", folder) < 0) {
		path = NULL;
		ret->failed = true;
		return;
	}
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	if (!mkdtemp(path)) {
		ct_findings_add(ret, CT_MARK_PROBLEM, "folder",
				"Nothing can be written to the folder '%s': %s.", folder,
				strerror(errno));
		ct_findings_remedy(ret, "go to another folder, or name one with -o.");
	} else {
		pid_t pid = pipe(ends) == 0 ? fork() : -1;
		if (pid == 0) {
			sigprocmask(SIG_SETMASK, &before, NULL);
			run_trial(library, path, ends[1]);
		}
		if (pid > 0) {
			close(ends[1]);
			read_log(ends[0], &log);
			close(ends[0]);
			while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
				;
			judge_trial(path, &log, status, ret);
		}
		remove_folder(path);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
}

/* ---- where the trace goes ---- */

enum {
	MEGABYTE = 1000000,
	FEW_MB = 64,	/* no trace of any use */
	SOME_MB = 2000, /* some minutes of a busy program */
};

static void check_space(const char *folder, struct ct_findings *ret)
{
	struct statvfs space;
	if (statvfs(folder, &space) != 0)
		return;
	uint64_t free_mb = space.f_bavail * space.f_frsize / MEGABYTE;
	enum ct_mark mark = free_mb < FEW_MB	? CT_MARK_PROBLEM
			    : free_mb < SOME_MB ? CT_MARK_NOTE
						: CT_MARK_OK;
	ct_findings_add(ret, mark, "space",
			"The disk of '%s' has %" PRIu64 " MB left; a million calls take 9 MB.",
			folder, free_mb);
	if (mark != CT_MARK_OK)
		ct_findings_remedy(ret, "make room, or let the trace go to another disk with -o.");
}

static void check_file_system(const char *folder, struct ct_findings *ret)
{
	static const struct {
		long magic;
		const char *name, *effect;
	} systems[] = {
		{0x6969, "NFS",
		 "each full window goes over the network, and recording takes longer"},
		{0xff534d42, "CIFS",
		 "each full window goes over the network, and recording takes "
		 "longer"},
		{0xfe534d42, "SMB",
		 "each full window goes over the network, and recording takes "
		 "longer"},
		{0x01021997, "9p",
		 "each full window goes to another machine, and recording takes "
		 "longer"},
		{0x65735546, "FUSE", "another process serves it, and recording takes longer"},
		{0x01021994, "tmpfs", "the trace takes memory there"},
	};
	struct statfs status;
	if (statfs(folder, &status) != 0)
		return;
	for (size_t i = 0; i < sizeof(systems) / sizeof(systems[0]); i++) {
		if ((unsigned long)status.f_type != (unsigned long)systems[i].magic)
			continue;
		ct_findings_add(ret, CT_MARK_NOTE, "file-system", "The folder '%s' is on %s: %s.",
				folder, systems[i].name, systems[i].effect);
		ct_findings_remedy(ret, "let the trace go to a local disk with -o.");
	}
}

static void check_limits(struct ct_findings *ret)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
		ct_findings_add(ret, limit.rlim_cur < MEGABYTE ? CT_MARK_PROBLEM : CT_MARK_NOTE,
				"limits",
				"Files may have %" PRIu64 " bytes (ulimit -f), traces too.",
				(uint64_t)limit.rlim_cur);
		ct_findings_remedy(ret, "ulimit -f unlimited");
	}
	if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
		ct_findings_add(ret, CT_MARK_NOTE, "limits",
				"Processes may have %" PRIu64
				" MB of addresses (ulimit -v), of which "
				"the library needs some for each thread.",
				(uint64_t)limit.rlim_cur / MEGABYTE);
		ct_findings_remedy(ret, "ulimit -v unlimited");
	}
}

/* ---- the processor ---- */

/* Where the C library has registered threads for restartable sequences (2.35 and later). */
extern const unsigned int __rseq_size __attribute__((weak));

static void check_machine(struct ct_findings *ret)
{
	struct utsname system;
	cpu_set_t cpus;
	if (uname(&system) != 0)
		return;
	int count = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? CPU_COUNT(&cpus) : 0;
	ct_findings_add(ret, CT_MARK_OK, "machine", "%s %s on %s, %d processor%s.", system.sysname,
			system.release, system.machine, count, count == 1 ? "" : "s");
#if defined(__x86_64__)
	if (!&__rseq_size || __rseq_size == 0) {
		ct_findings_add(ret, CT_MARK_NOTE, "rseq",
				"The C library does not register restartable sequences (rseq): "
				"hooks take a slower way.");
		ct_findings_remedy(ret, "glibc 2.35 and later do, unless GLIBC_TUNABLES has "
					"glibc.pthread.rseq=0.");
	}
#endif
}

struct ct_error *ct_doctor_machine(const char *folder, struct ct_findings *ret)
{
	ct_cleanup(ct_cleanup_free) char *path = ct_library_find();
	ct_cleanup(cleanup_file) struct ct_elf_file *library = check_library(path, ret);
	check_machine(ret);
	if (library) {
		check_environment(library, ret);
		if (strpbrk(path, " :")) {
			ct_findings_add(
				ret, CT_MARK_PROBLEM, "library",
				"The loader cannot preload '%s': there is a space or a colon "
				"in its name.",
				path);
			ct_findings_remedy(ret, "install CallTrace elsewhere.");
		} else {
			check_trial(path, folder, ret);
		}
	}
	check_space(folder, ret);
	check_file_system(folder, ret);
	check_limits(ret);
	return ret->failed ? ct_error_nomem : NULL;
}
