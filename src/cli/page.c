/* SPDX-License-Identifier: MIT */
/* Pager, colour, JSON: see page.h. */
#include "cli/page.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "base/plain_text.h"
#include "cli/term.h"

enum { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };

#define OFFSET(member) offsetof(struct ct_page_options, member)
static const struct ct_option options_table[] = {
	{.kind = CT_OPTION_FLAG,
	 .name = "json",
	 .help = "print JSON, with times in nanoseconds, for programs to read",
	 .offset = OFFSET(json)},
	{.kind = CT_OPTION_CHOICE,
	 .name = "color",
	 .value = "WHEN",
	 .choices = "auto|always|never",
	 .help = "auto: on a terminal, unless NO_COLOR is set",
	 .offset = OFFSET(colour)},
	{.kind = CT_OPTION_FLAG,
	 .name = "full-names",
	 .help = "do not shorten names that are too long for the terminal",
	 .offset = OFFSET(full_names)},
	{.kind = CT_OPTION_FLAG,
	 .name = "no-pager",
	 .help = "do not show the result in $PAGER (less) when it goes to a terminal",
	 .offset = OFFSET(no_pager)},
};
const struct ct_option_group ct_page_group = {
	.title = "Output",
	.options = options_table,
	.count = sizeof(options_table) / sizeof(options_table[0]),
};

static struct {
	bool is_json;
	bool has_colour;
	bool is_terminal;
	bool cuts_names;
	unsigned int columns; /* of the terminal; 0: not known */
	pid_t pager;
	int error; /* errno of the first write that failed */
	struct ct_sink sink;
	char buffer[2 * CT_SINK_ROOM_BYTES];
	struct ct_json_writer writer;
} page;

/* ---- the pager ---- */

static void run_pager(const char *command)
{
	/* As git has it: quit when it fits, keep colours, leave the screen. */
	setenv("LESS", "FRX", 0);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

/* The name of the program in a shell's command, which settings ("LESS=R less") may precede;
 * false: it is more than a word. */
static bool find_program(const char *command, const char **ret, size_t *ret_length)
{
	static const char blanks[] = " \t\n";
	do {
		*ret = command += strspn(command, blanks);
		*ret_length = strcspn(command, blanks);
		command += *ret_length;
	} while (*ret_length && memchr(*ret, '=', *ret_length));
	return *ret_length && strcspn(*ret, "\"'\\`$;|&()<>{}~*?[#!") >= *ret_length;
}

/* Asked before anything is written, which would be lost. Of what only a shell understands it is
 * not known. */
static bool can_start(const char *command)
{
	const char *program;
	size_t length;
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf question = {0};
	if (!find_program(command, &program, &length))
		return true;
	if (memchr(program, '/', length)) {
		ct_strbuf_add(&question, program, length);
		return question.failed || access(question.bytes, X_OK) == 0;
	}
	ct_strbuf_printf(&question, "command -v -- %.*s >/dev/null 2>&1", (int)length, program);
	return question.failed || system(question.bytes) == 0;
}

static void start_pager(void)
{
	const char *command = getenv("PAGER");
	int ends[2];
	if (!command)
		command = "less";
	if (!*command || strcmp(command, "cat") == 0)
		return;
	if (!can_start(command)) {
		if (getenv("PAGER"))
			ct_term_say("the pager '%s' cannot be started; see PAGER", command);
		return;
	}
	if (pipe(ends) != 0)
		return;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGPIPE, SIG_DFL);
		dup2(ends[0], STDIN_FILENO);
		close(ends[0]);
		close(ends[1]);
		run_pager(command);
	}
	if (pid > 0) {
		dup2(ends[1], STDOUT_FILENO);
		page.pager = pid;
	}
	close(ends[0]);
	close(ends[1]);
}

/* False: the shell could not start it. */
static bool wait_for_pager(void)
{
	enum { NOT_EXECUTABLE = 126, NOT_FOUND = 127 };
	int status = 0;
	fclose(stdout);
	while (page.pager && waitpid(page.pager, &status, 0) < 0 && errno == EINTR)
		;
	page.pager = 0;
	return !WIFEXITED(status) ||
	       (WEXITSTATUS(status) != NOT_EXECUTABLE && WEXITSTATUS(status) != NOT_FOUND);
}

/* ---- the whole ---- */

/* The next write that succeeds, or fails in another way, hides it. */
static void note_failure(void)
{
	if (!page.error)
		page.error = errno;
}

static void write_out(struct ct_sink *sink)
{
	size_t length = (size_t)(sink->at - page.buffer);
	if (fwrite(page.buffer, 1, length, stdout) != length)
		note_failure();
	sink->at = page.buffer;
	sink->end = page.buffer + sizeof(page.buffer);
}

void ct_page_begin(const struct ct_page_options *options)
{
	const char *no_colour = getenv("NO_COLOR");
	struct winsize size;
	page.is_terminal = isatty(STDOUT_FILENO);
	if (page.is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		page.columns = size.ws_col;
	page.is_json = options->json;
	page.cuts_names = page.is_terminal && !options->json && !options->full_names;
	page.has_colour = !options->json && (options->colour == COLOUR_ALWAYS ||
					     (options->colour == COLOUR_AUTO && page.is_terminal &&
					      !(no_colour && *no_colour)));
	page.sink = (struct ct_sink){page.buffer, page.buffer + sizeof(page.buffer), write_out};
	page.writer = (struct ct_json_writer){.sink = &page.sink, .pretty = page.is_terminal};
	if (page.is_terminal && !options->no_pager)
		start_pager();
}

/* The write that failed may have been one of the table's, whose errno is gone. */
static bool nobody_reads(void)
{
	struct pollfd output = {.fd = STDOUT_FILENO};
	return poll(&output, 1, 0) == 1 && output.revents & POLLERR;
}

bool ct_page_flush(void)
{
	write_out(&page.sink);
	if (fflush(stdout) != 0)
		note_failure();
	return !ferror(stdout);
}

enum ct_exit ct_page_end(struct ct_error **err)
{
	bool failed = !ct_page_flush();
	if (page.pager) {
		failed = false; /* who quits the pager has seen enough */
		if (!wait_for_pager() && !*err)
			*err = ct_error_create("the pager '%s' cannot be started, and nothing was "
					       "shown: see PAGER, or use --no-pager",
					       getenv("PAGER"));
	}
	if (*err)
		return CT_EXIT_FAILURE;
	if (!failed)
		return CT_EXIT_OK;
	if (page.error == EPIPE || nobody_reads())
		return CT_EXIT_ABANDONED;
	*err = ct_error_errno(page.error ? page.error : EIO, "writing to standard output failed");
	return CT_EXIT_FAILURE;
}

bool ct_page_is_json(void)
{
	return page.is_json;
}

unsigned int ct_page_columns(void)
{
	const char *columns = getenv("COLUMNS");
	int number = columns ? atoi(columns) : 0;
	if (number <= 0)
		number = (int)page.columns;
	return number >= 40 && number <= 1000 ? (unsigned int)number : 80;
}

void ct_page_put_text(const char *bytes, size_t length)
{
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf text = {0};
	ct_plain_text_add(&text, bytes, length);
	fwrite(text.bytes ? text.bytes : "", 1, text.length, stdout);
}

bool ct_page_cuts_names(void)
{
	return page.cuts_names;
}

const char *ct_page_style(enum ct_style style)
{
	static const char *const codes[] = {
		[CT_STYLE_PLAIN] = "\033[m",  [CT_STYLE_HEAD] = "\033[1m",
		[CT_STYLE_NAME] = "\033[36m", [CT_STYLE_DIM] = "\033[2m",
		[CT_STYLE_GOOD] = "\033[32m", [CT_STYLE_BAD] = "\033[31m",
	};
	return page.has_colour ? codes[style] : "";
}

struct ct_json_writer *ct_page_json(void)
{
	return &page.writer;
}
