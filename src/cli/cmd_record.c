/* SPDX-License-Identifier: MIT */
/*
 * calltrace record: run a program with libcalltrace.so preloaded, see to it
 * that what it leaves is whole, and end as it ended. The program is a child in
 * the same process group and terminal; nothing stands between the two.
 */
#include "cli/command.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/pattern.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "cli/doctor.h"
#include "cli/inputs.h"
#include "cli/library.h"
#include "cli/options.h"
#include "cli/term.h"
#include "export/output.h"
#include "exporter/exporter.h"
#include "format/file.h"
#include "format/plan.h"
#include "reader/trace.h"

enum { NOT_EXECUTABLE = 126, NOT_FOUND = 127 };

static const char raw_ending[] = ".ctrace";

struct record_options {
	const char *output;
	const char *max_depth, *clock, *max_string, *max_pointee, *args_filter, *layout;
	const char *library;
	bool args, pretty, debug, quiet;
};

#define OFFSET(member) offsetof(struct record_options, member)
static const struct ct_option options_table[] = {
	{.kind = CT_OPTION_TEXT,
	 .letter = 'o',
	 .name = "output",
	 .value = "WHERE",
	 .choices = "file",
	 .help = "a folder for the raw traces of all processes; default: " CT_DEFAULT_FOLDER
		 ". Or a file: NAME.ctrace, NAME.json for a document, or another extension that "
		 "'calltrace help export' names",
	 .offset = OFFSET(output)},
	{.kind = CT_OPTION_FLAG,
	 .letter = 'a',
	 .name = "args",
	 .help = "capture arguments and return values (CALLTRACE_CAPTURE_ARGS)",
	 .offset = OFFSET(args)},
	{.kind = CT_OPTION_TEXT,
	 .name = "args-filter",
	 .value = "PATTERNS",
	 .help = "of these functions alone; implies --args (CALLTRACE_ARGS_FILTER)",
	 .offset = OFFSET(args_filter)},
	{.kind = CT_OPTION_TEXT,
	 .name = "max-string",
	 .value = "BYTES",
	 .low = 1,
	 .high = CT_PLAN_STRING_MAX,
	 .help = "of a string that are captured, 1 to 4096; default 64 (CALLTRACE_MAX_STRING)",
	 .offset = OFFSET(max_string)},
	{.kind = CT_OPTION_TEXT,
	 .name = "max-pointee",
	 .value = "N",
	 .high = CT_PLAN_POINTEE_MAX,
	 .help = "levels of pointers that are followed, 0 to 4; default 1 "
		 "(CALLTRACE_MAX_POINTEE)",
	 .offset = OFFSET(max_pointee)},
	{.kind = CT_OPTION_TEXT,
	 .name = "max-depth",
	 .value = "N",
	 .high = CT_DEPTH_MAX,
	 .help = "levels of calls that are recorded; default: all (CALLTRACE_MAX_DEPTH)",
	 .offset = OFFSET(max_depth)},
	{.kind = CT_OPTION_TEXT,
	 .name = "clock",
	 .value = "CLOCK",
	 .choices = "tsc|monotonic|none",
	 .help = "tsc, monotonic or none (CALLTRACE_CLOCK)",
	 .offset = OFFSET(clock)},
	{.kind = CT_OPTION_TEXT,
	 .name = "layout",
	 .value = "LAYOUT",
	 .choices = "nested|flat",
	 .help = "of a document: nested or flat (CALLTRACE_JSON_LAYOUT)",
	 .offset = OFFSET(layout)},
	{.kind = CT_OPTION_FLAG,
	 .name = "pretty",
	 .help = "indent a document (CALLTRACE_PRETTY_JSON)",
	 .offset = OFFSET(pretty)},
	{.kind = CT_OPTION_FLAG,
	 .name = "debug",
	 .help = "let the library tell what it does (CALLTRACE_DEBUG)",
	 .offset = OFFSET(debug)},
	{.kind = CT_OPTION_TEXT,
	 .name = "library",
	 .value = "FILE",
	 .choices = "file",
	 .help = "this libcalltrace.so, not the one that belongs to the command",
	 .offset = OFFSET(library)},
	{.kind = CT_OPTION_FLAG,
	 .letter = 'q',
	 .name = "quiet",
	 .help = "do not tell at the end what was recorded",
	 .offset = OFFSET(quiet)},
};
static const struct ct_option_group own_group = {
	.options = options_table,
	.count = sizeof(options_table) / sizeof(options_table[0]),
};
static const struct ct_option_group *const groups[] = {&own_group};

/* ---- where it goes ---- */

struct target {
	char *path; /* absolute; a folder or a file */
	bool is_folder;
	char *old, *older; /* what was in the folder before, and before that; NULL: nothing was */
	char *setting;	   /* CALLTRACE_OUTPUT */
	struct timespec start; /* of the recording: older files are of others */
};

static void target_deinit(struct target *target)
{
	free(target->path);
	free(target->old);
	free(target->older);
	free(target->setting);
}

static bool ends_with(const char *text, const char *ending)
{
	size_t length = strlen(text), end = strlen(ending);
	return length > end && strcmp(text + length - end, ending) == 0;
}

static char *absolute(const char *path)
{
	char folder[PATH_MAX], *ret = NULL;
	if (path[0] == '/')
		ret = strdup(path);
	else if (!getcwd(folder, sizeof(folder)) || asprintf(&ret, "%s/%s", folder, path) < 0)
		return NULL;
	for (size_t end = ret ? strlen(ret) : 0; end > 1 && ret[end - 1] == '/'; end--)
		ret[end - 1] = '\0';
	return ret;
}

/* A trace, or a document that was made of one which is there still. */
static bool belongs_to_a_trace(int folder, const char *name)
{
	static const char document_ending[] = ".json";
	ct_cleanup(ct_cleanup_free) char *raw = NULL;
	if (ends_with(name, raw_ending))
		return true;
	return ends_with(name, document_ending) &&
	       asprintf(&raw, "%.*s%s", (int)(strlen(name) - strlen(document_ending)), name,
			raw_ending) >= 0 &&
	       faccessat(folder, raw, F_OK, 0) == 0;
}

/* What another recording may replace: a folder with nothing but traces, or empty. */
static bool holds_traces_alone(const char *path)
{
	DIR *entries = opendir(path);
	bool is_ours = entries != NULL;
	for (struct dirent *entry; entries && (entry = readdir(entries));)
		is_ours &= strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
			   belongs_to_a_trace(dirfd(entries), entry->d_name);
	if (entries)
		closedir(entries);
	return is_ours;
}

static bool remove_folder(const char *path)
{
	DIR *entries = holds_traces_alone(path) ? opendir(path) : NULL;
	for (struct dirent *entry; entries && (entry = readdir(entries));)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(entries), entry->d_name, 0);
	if (entries)
		closedir(entries);
	return rmdir(path) == 0;
}

static struct ct_error *holds_more(const char *path)
{
	struct stat status;
	if (stat(path, &status) == 0 && !S_ISDIR(status.st_mode))
		return ct_error_create("'%s' is there and is no folder: name a folder with -o, or "
				       "a file that ends in .ctrace or .json",
				       path);
	return ct_error_create("'%s' holds more than traces: move it away, or name another "
			       "place with -o",
			       path);
}

/* The recording before this one is kept under another name. The one before that goes, once
 * something was recorded. */
static struct ct_error *move_aside(struct target *target)
{
	if (asprintf(&target->older, "%s.older", target->path) < 0) {
		target->older = NULL;
		return ct_error_nomem;
	}
	if (asprintf(&target->old, "%s.old", target->path) < 0) {
		target->old = NULL;
		return ct_error_nomem;
	}
	if (access(target->old, F_OK) == 0 && !holds_traces_alone(target->old))
		return holds_more(target->old);
	/* Left by a command that was killed. */
	if (access(target->older, F_OK) == 0 && !remove_folder(target->older))
		return holds_more(target->older);
	if ((rename(target->old, target->older) != 0 && errno != ENOENT) ||
	    rename(target->path, target->old) != 0) {
		struct ct_error *err = ct_error_errno(errno, "cannot move '%s' out of the way",
						      target->path);
		rename(target->older, target->old);
		return err;
	}
	return NULL;
}

/* What cannot be made, the folder itself will tell. */
static void make_parents(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0777);
		*slash = '/';
	}
}

static struct ct_error *make_folder(struct target *target)
{
	struct ct_error *err = NULL;
	make_parents(target->path);
	if (mkdir(target->path, 0777) == 0)
		return NULL;
	if (errno != EEXIST)
		return ct_error_errno(errno, "cannot make the folder '%s'", target->path);
	if (rmdir(target->path) != 0) /* something is in it */
		err = holds_traces_alone(target->path) ? move_aside(target)
						       : holds_more(target->path);
	if (!err && mkdir(target->path, 0777) != 0)
		err = ct_error_errno(errno, "cannot make the folder '%s'", target->path);
	return err;
}

/* False: nothing was recorded, and what was in the folder before is there again. */
static bool keep_folder(const struct target *target)
{
	if (target->is_folder && rmdir(target->path) == 0) {
		if (target->old && rename(target->old, target->path) == 0)
			rename(target->older, target->old);
		return false;
	}
	if (target->older)
		remove_folder(target->older);
	return true;
}

static struct ct_error *choose_target(const struct record_options *options, struct target *ret)
{
	const char *output = options->output ? options->output : CT_DEFAULT_FOLDER;
	if (ends_with(output, ".ctpack"))
		return ct_error_create("'%s' would be a pack, which is made of finished traces: "
				       "record into a folder or a file NAME.ctrace, and use "
				       "'calltrace pack'",
				       output);
	ret->is_folder = !ends_with(output, ".json") && !ends_with(output, raw_ending) &&
			 !ct_exporter_by_path(output);
	ret->path = absolute(output);
	if (!ret->path)
		return ct_error_nomem;
	if (!ret->is_folder) {
		/* Fields are the user's here. */
		ret->setting = strdup(ret->path);
		/* The clock that files are stamped with. */
		clock_gettime(CLOCK_REALTIME_COARSE, &ret->start);
		return ret->setting ? NULL : ct_error_nomem;
	}
	ret->setting = ct_library_output(ret->path, "/%e.%p.ctrace");
	return ret->setting ? make_folder(ret) : ct_error_nomem;
}

/* ---- the library ---- */

static struct ct_error *set_environment(const struct record_options *options,
					const struct target *target)
{
	const struct {
		const char *name, *value;
	} variables[] = {
		{"CALLTRACE_OUTPUT", target->setting},
		{"CALLTRACE_ENABLED", "1"},
		{"CALLTRACE_CAPTURE_ARGS", options->args || options->args_filter ? "1" : NULL},
		{"CALLTRACE_ARGS_FILTER", options->args_filter},
		{"CALLTRACE_MAX_STRING", options->max_string},
		{"CALLTRACE_MAX_POINTEE", options->max_pointee},
		{"CALLTRACE_MAX_DEPTH", options->max_depth},
		{"CALLTRACE_CLOCK", options->clock},
		{"CALLTRACE_JSON_LAYOUT", options->layout},
		{"CALLTRACE_PRETTY_JSON", options->pretty ? "1" : NULL},
		{"CALLTRACE_DEBUG", options->debug ? "1" : NULL},
	};
	ct_cleanup(ct_cleanup_free) char *library = options->library
							    ? realpath(options->library, NULL)
							    : ct_library_find();
	if (!library)
		return ct_error_create("libcalltrace.so is not %s%s; name it with --library",
				       options->library ? "at " : "beside the command",
				       options->library ? options->library : "");
	struct ct_error *err = ct_library_preload(library);
	if (err)
		return err;
	bool done = true;
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		if (variables[i].value)
			done &= setenv(variables[i].name, variables[i].value, 1) == 0;
	/* A recording within one that is recorded is a run of its own. */
	unsetenv("CALLTRACE_RUN");
	return done ? NULL : ct_error_nomem;
}

/* ---- the program ---- */

static volatile pid_t program;
static volatile sig_atomic_t late_signal; /* the program had just ended */
static bool was_ignored[NSIG];		  /* as nohup(1), and shells in the background, have it */

static void forward(int number)
{
	if (program > 0)
		kill(program, number);
	else
		late_signal = number;
}

/*
 * What the terminal sends goes to the program as well: it is in the same group.
 * What is sent to this process alone is meant for the program.
 */
static void install_handlers(void)
{
	static const int ignored[] = {SIGINT, SIGQUIT};
	static const int forwarded[] = {SIGTERM, SIGHUP, SIGUSR1,  SIGUSR2, SIGALRM,
					SIGCONT, SIGURG, SIGWINCH, SIGIO};
	struct sigaction action = {.sa_handler = SIG_IGN}, old;
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		if (sigaction(ignored[i], &action, &old) == 0)
			was_ignored[ignored[i]] = old.sa_handler == SIG_IGN;
	action = (struct sigaction){.sa_handler = forward, .sa_flags = SA_RESTART};
	for (size_t i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++)
		if (sigaction(forwarded[i], &action, &old) == 0)
			was_ignored[forwarded[i]] = old.sa_handler == SIG_IGN;
}

static void remove_and_die(int number)
{
	ct_output_remove_unfinished();
	raise(number); /* SA_RESETHAND: the default now; delivered on return */
}

/* The program has ended: what comes now is meant for us, and may come while a document is made. */
static void take_signals_back(void)
{
	static const int numbers[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};
	const struct sigaction action = {
		.sa_handler = remove_and_die,
		.sa_flags = (int)SA_RESETHAND,
	};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (!was_ignored[numbers[i]])
			sigaction(numbers[i], &action, NULL);
	if (late_signal == SIGTERM || late_signal == SIGHUP)
		raise(late_signal);
}

static __attribute__((noreturn)) void execute(char **argv, int error_fd)
{
	execvp(argv[0], argv);
	int error = errno;
	ssize_t written = write(error_fd, &error, sizeof(error));
	_exit(written == sizeof(error) && error == ENOENT ? NOT_FOUND : NOT_EXECUTABLE);
}

/* As wait() gives it; *ret_error: why it could not be executed, or 0. */
static struct ct_error *run_program(char **argv, int *ret_status, int *ret_error)
{
	int ends[2];
	sigset_t all, before;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return ct_error_errno(errno, "cannot start '%s'", argv[0]);
	/* No signal is to be forwarded before there is somebody to get it. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	pid_t pid = fork();
	if (pid == 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		execute(argv, ends[1]);
	}
	int fork_error = errno;
	program = pid;
	if (pid > 0)
		install_handlers();
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return ct_error_errno(fork_error, "cannot start '%s'", argv[0]);
	}
	ssize_t count;
	while ((count = read(ends[0], ret_error, sizeof(*ret_error))) < 0 && errno == EINTR)
		;
	if (count != sizeof(*ret_error))
		*ret_error = 0;
	close(ends[0]);
	while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
		;
	program = 0;
	return NULL;
}

/* ---- what was recorded ---- */

struct recorded {
	uint64_t calls, bytes, lost_events;
	uint32_t processes, threads;
	uint32_t live;	 /* processes that still run */
	bool is_counted; /* the calls */
};

/* Files that a recording without a folder left. */
struct made {
	char **names;
	size_t count;
	struct timespec start;
};

static void made_deinit(struct made *made)
{
	for (size_t i = 0; i < made->count; i++)
		free(made->names[i]);
	free(made->names);
}

static void trace_cleanup(struct ct_trace **trace)
{
	ct_trace_destroy(*trace);
}

static void walk_cleanup(struct ct_walk **walk)
{
	ct_walk_destroy(*walk);
}

static void count_stream(const struct ct_trace *trace, uint32_t stream, struct recorded *ret)
{
	ct_cleanup(walk_cleanup) struct ct_walk *walk = NULL;
	struct ct_step step;
	struct ct_error *err = ct_walk_create(trace, stream, &walk);
	ct_error_destroy(err);
	while (!err && ct_walk_next(walk, &step)) {
		ret->calls += step.kind == CT_STEP_CALL;
		if (step.kind == CT_STEP_LOST)
			ret->lost_events += step.value;
	}
}

/* Counting takes a second or two for each gigabyte: not for the largest ones. */
static void count_trace(const char *path, struct recorded *ret)
{
	const uint64_t most_bytes = UINT64_C(1) << 30;
	ct_cleanup(trace_cleanup) struct ct_trace *trace = NULL;
	struct ct_thread_row row;
	struct stat status;
	struct ct_error *err = ct_trace_open(path, &trace);
	if (err) {
		ct_error_destroy(err);
		return;
	}
	if (stat(path, &status) == 0)
		ret->bytes += (uint64_t)status.st_blocks * 512;
	ret->processes++;
	ret->live += ct_trace_is_live(trace);
	ret->is_counted &= ret->bytes <= most_bytes;
	for (uint32_t i = 1; i <= ct_trace_thread_count(trace); i++) {
		if (!ct_trace_thread(trace, i, &row))
			continue;
		ret->threads++;
		if (ret->is_counted)
			count_stream(trace, i, ret);
	}
}

static void count_folder(const char *path, struct recorded *ret)
{
	DIR *entries = opendir(path);
	for (struct dirent *entry; entries && (entry = readdir(entries));) {
		ct_cleanup(ct_cleanup_free) char *file = NULL;
		if (ends_with(entry->d_name, raw_ending) &&
		    asprintf(&file, "%s/%s", path, entry->d_name) >= 0)
			count_trace(file, ret);
	}
	if (entries)
		closedir(entries);
}

/* The file of -o, and those of further processes: with an id, or that and a count, before the
 * extension. */
static bool is_file_of(const char *name, const char *asked)
{
	size_t stem = ends_with(asked, raw_ending) ? strlen(asked) - strlen(raw_ending)
						   : ct_exporter_stem_length(asked);
	if (strncmp(name, asked, stem) != 0)
		return false;
	name += stem;
	for (int i = 0; i < 2 && name[0] == '.' && strspn(name + 1, "0123456789") > 0; i++)
		name += 1 + strspn(name + 1, "0123456789");
	return strcmp(name, asked + stem) == 0;
}

static int compare_names(const void *a, const void *b)
{
	const char *const *left = a, *const *right = b;
	size_t left_length = strlen(*left), right_length = strlen(*right);
	if (left_length != right_length)
		return left_length < right_length ? -1 : 1;
	return strcmp(*left, *right);
}

static bool is_before(const struct stat *status, const struct timespec *start)
{
	return status->st_mtim.tv_sec < start->tv_sec || (status->st_mtim.tv_sec == start->tv_sec &&
							  status->st_mtim.tv_nsec < start->tv_nsec);
}

static void count_file(struct made *made, const char *folder, const char *name,
		       struct recorded *recorded)
{
	struct stat status;
	ct_cleanup(ct_cleanup_free) char *path = NULL;
	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		path = NULL;
		return;
	}
	if (stat(path, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0 ||
	    is_before(&status, &made->start))
		return;
	if (ends_with(name, raw_ending)) {
		count_trace(path, recorded);
	} else {
		recorded->processes++;
		recorded->bytes += (uint64_t)status.st_size;
	}
	char **names = reallocarray(made->names, made->count + 1, sizeof(*names));
	if (!names)
		return;
	made->names = names;
	names[made->count] = strdup(name);
	made->count += names[made->count] != NULL;
}

/* Each process has a file. */
static void count_files(const struct target *target, struct made *made, struct recorded *recorded)
{
	const char *slash = strrchr(target->path, '/');
	ct_cleanup(ct_cleanup_free) char *folder = strndup(target->path,
							   (size_t)(slash - target->path) + 1);
	DIR *entries = folder ? opendir(folder) : NULL;
	made->start = target->start;
	for (struct dirent *entry; entries && (entry = readdir(entries));)
		if (is_file_of(entry->d_name, slash + 1))
			count_file(made, folder, entry->d_name, recorded);
	if (entries)
		closedir(entries);
	if (made->count)
		qsort(made->names, made->count, sizeof(*made->names), compare_names);
}

/* " o.json o.42.json"; many: " o.json o.*.json". */
static void add_names(struct ct_strbuf *ret, const char *place, const struct made *made)
{
	enum { NAMED_MAX = 4 };
	const char *slash = strrchr(place, '/');
	const char *name = slash ? slash + 1 : place;
	int folder = (int)(name - place);
	size_t stem = ends_with(name, raw_ending) ? strlen(name) - strlen(raw_ending)
						  : ct_exporter_stem_length(name);
	for (size_t i = 0; i < made->count && i < NAMED_MAX; i++) {
		if (i == 1 && made->count > NAMED_MAX) {
			ct_strbuf_printf(ret, " %.*s%.*s.*%s", folder, place, (int)stem, name,
					 name + stem);
			break;
		}
		ct_strbuf_printf(ret, " %.*s%s", folder, place, made->names[i]);
	}
}

static void print_bytes(char *ret, size_t size_bytes, uint64_t bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
	double value = (double)bytes;
	size_t unit = 0;
	for (; value >= 999.5 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++)
		value /= 1000;
	snprintf(ret, size_bytes, unit && value < 99.95 ? "%.1f %s" : "%.0f %s", value,
		 units[unit]);
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static void tell(const char *place, size_t files, const struct recorded *recorded)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf calls_of = {0};
	char bytes[32], calls[40] = "";
	char lost[64] = "", more[48] = "";
	print_bytes(bytes, sizeof(bytes), recorded->bytes);
	if (recorded->is_counted)
		snprintf(calls, sizeof(calls), "%" PRIu64 " call%s of ", recorded->calls,
			 plural(recorded->calls));
	if (recorded->lost_events)
		snprintf(lost, sizeof(lost), ", %" PRIu64 " event%s lost", recorded->lost_events,
			 plural(recorded->lost_events));
	if (recorded->threads)
		ct_strbuf_printf(&calls_of, "%s%u thread%s in ", calls, recorded->threads,
				 plural(recorded->threads));
	if (files > 1)
		snprintf(more, sizeof(more), " and %zu file%s beside it", files - 1,
			 plural(files - 1));
	ct_term_say("%s%u process%s, %s in '%s'%s%s",
		    calls_of.failed || !calls_of.bytes ? "" : calls_of.bytes, recorded->processes,
		    recorded->processes == 1 ? "" : "es", bytes, place, more, lost);
	if (recorded->live)
		ct_term_say("%u process%s still run%s, and go%s on being recorded", recorded->live,
			    recorded->live == 1 ? "" : "es", recorded->live == 1 ? "s" : "",
			    recorded->live == 1 ? "es" : "");
}

/* Why, as far as the program's file tells, and who knows more. */
static void tell_nothing(char **argv)
{
	ct_cleanup(ct_findings_deinit) struct ct_findings findings = {0};
	struct ct_error *err = ct_doctor_program(argv[0], &findings);
	const struct ct_finding *problem = err ? NULL : ct_findings_problem(&findings);
	if (problem)
		ct_term_say("no call was recorded: %.*s", (int)strlen(problem->what) - 1,
			    problem->what);
	else
		ct_term_say("no call was recorded");
	ct_term_say("see what to do about it with: calltrace doctor %s", argv[0]);
	ct_error_destroy(err);
}

static void summarize(const struct record_options *options, const struct target *target,
		      char **argv)
{
	struct recorded recorded = {.is_counted = true};
	const char *place = options->output ? options->output : CT_DEFAULT_FOLDER;
	ct_cleanup(made_deinit) struct made made = {0};
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf names = {0};
	ct_cleanup(ct_cleanup_free) char *first = NULL;
	if (target->is_folder)
		count_folder(target->path, &recorded);
	else
		count_files(target, &made, &recorded);
	if (!keep_folder(target)) {
		if (!options->quiet)
			tell_nothing(argv);
		if (!options->quiet && target->old)
			ct_term_say("'%s' is the recording before this one still", place);
		return;
	}
	if (options->quiet)
		return;
	if (recorded.processes == 0) {
		tell_nothing(argv);
		return;
	}
	add_names(&names, place, &made);
	if (names.failed)
		return;
	/* The first process may have found the name taken. */
	const char *slash = strrchr(place, '/');
	if (made.count && asprintf(&first, "%.*s%s", slash ? (int)(slash + 1 - place) : 0, place,
				   made.names[0]) < 0)
		first = NULL;
	tell(first ? first : place, made.count, &recorded);
	if (!options->output)
		ct_term_say("see it with: calltrace report");
	else if (target->is_folder)
		ct_term_say("see it with: calltrace report %s", place);
	else if (ends_with(place, raw_ending))
		ct_term_say("see it with: calltrace report%s", names.bytes);
	else if (ends_with(place, ".json"))
		ct_term_say("see it with: jq .%s", names.bytes);
	else
		ct_term_say("see what shows it with: calltrace help export");
}

/* ---- the end ---- */

/* A program that was killed leaves no document, but all that is needed for one. */
static void make_document(const struct target *target)
{
	ct_cleanup(ct_cleanup_free) char *raw = NULL;
	const char *slash = strrchr(target->path, '/');
	const char *name = slash ? slash + 1 : target->path;
	size_t stem = (size_t)(name - target->path) + ct_exporter_stem_length(name);
	struct stat status;
	if (target->is_folder || ends_with(target->path, raw_ending) ||
	    asprintf(&raw, "%.*s%s", (int)stem, target->path, raw_ending) < 0)
		return;
	/* One of an earlier recording is kept; the library took the other name then. */
	if (stat(raw, &status) == 0 && is_before(&status, &target->start)) {
		free(raw);
		if (asprintf(&raw, "%s%s", target->path, raw_ending) < 0) {
			raw = NULL;
			return;
		}
	}
	if (stat(raw, &status) != 0 || is_before(&status, &target->start))
		return;
	char *arguments[] = {"recover", raw, "-o", target->path, "--quiet", "--remove-raw", NULL};
	struct ct_error *err = NULL;
	ct_command_recover.run(6, arguments, &err);
	if (err)
		ct_term_say("%s", err->message);
	ct_error_destroy(err);
}

/* As the program ended, without a core file of our own. */
static __attribute__((noreturn)) void die_by(int number)
{
	const struct rlimit none = {0, 0};
	sigset_t only;
	setrlimit(RLIMIT_CORE, &none);
	signal(number, SIG_DFL);
	sigemptyset(&only);
	sigaddset(&only, number);
	sigprocmask(SIG_UNBLOCK, &only, NULL);
	raise(number);
	_exit(128 + number);
}

static struct ct_error *explain_start(const char *name, int error)
{
	if (error == ENOENT)
		return ct_error_create("there is no program '%s'", name);
	return ct_error_errno(error, "cannot execute '%s'", name);
}

static struct ct_error *check_patterns(const char *text)
{
	struct ct_patterns *patterns = NULL;
	struct ct_error *err = ct_patterns_create(text, &patterns);
	ct_patterns_destroy(patterns);
	return err ? ct_error_wrap(err, "--args-filter") : NULL;
}

/* Settings of the library that options of the command stand for. */
static void tell_unused_settings(const struct record_options *options)
{
	const char *output = getenv("CALLTRACE_OUTPUT"), *enabled = getenv("CALLTRACE_ENABLED");
	/* Within a recording they are that one's. */
	if (options->quiet || getenv("CALLTRACE_RUN"))
		return;
	if (output && *output && !options->output)
		ct_term_say("CALLTRACE_OUTPUT is not used here; name the output with -o");
	if (enabled && strcmp(enabled, "0") == 0)
		ct_term_say("CALLTRACE_ENABLED=0 is not used here: calls are recorded");
}

static enum ct_exit run(int argc, char **argv, struct ct_error **err)
{
	struct record_options options = {0};
	const struct ct_option_target option_target = {&own_group, &options};
	ct_cleanup(target_deinit) struct target target = {0};
	int operands, status = 0, exec_error = 0;
	*err = ct_options_read(argc, argv, &option_target, 1, true, &operands);
	if (!*err && operands == 0)
		*err = ct_error_create("record: name a program; see 'calltrace help record'");
	if (!*err && options.output && !*options.output)
		*err = ct_error_create("record: the name of the output is empty");
	if (!*err && options.args_filter)
		*err = check_patterns(options.args_filter);
	if (*err)
		return CT_EXIT_USAGE;
	tell_unused_settings(&options);
	*err = choose_target(&options, &target);
	if (*err)
		return CT_EXIT_FAILURE;
	*err = set_environment(&options, &target);
	if (!*err)
		*err = run_program(argv + 1, &status, &exec_error);
	if (*err) {
		keep_folder(&target);
		return CT_EXIT_FAILURE;
	}
	take_signals_back();
	if (exec_error) {
		keep_folder(&target);
		*err = explain_start(argv[1], exec_error);
		return (enum ct_exit)WEXITSTATUS(status);
	}
	make_document(&target);
	summarize(&options, &target, argv + 1);
	if (WIFSIGNALED(status)) {
		target_deinit(&target);
		die_by(WTERMSIG(status));
	}
	return (enum ct_exit)WEXITSTATUS(status);
}

const struct ct_command ct_command_record = {
	.name = "record",
	.run = run,
	.owns_signals = true,
	.summary = "run a program and record its calls",
	.synopsis = "[OPTION]... [--] PROGRAM [ARGUMENT]...",
	.description =
		"Runs PROGRAM with libcalltrace.so preloaded, and all processes it starts. It is to be "
		"compiled with -finstrument-functions, and best with -g. The raw traces go to the "
		"folder " CT_DEFAULT_FOLDER
		", where the other commands look for them; what was there "
		"before is in " CT_DEFAULT_FOLDER ".old then. Signals are passed on, and the exit "
		"status is the program's; 127 or 126 when it could not be executed.",
	.groups = groups,
	.group_count = 1,
	.takes_program = true,
};
