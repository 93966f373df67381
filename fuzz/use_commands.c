/* SPDX-License-Identifier: MIT */
/* Runs commands within the test: see use_commands.h. */
#include "use_commands.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/term.h"

/* Those that read traces. */
static const struct ct_command *const commands[] = {
	&ct_command_report, &ct_command_tree,	 &ct_command_graph, &ct_command_slow,
	&ct_command_replay, &ct_command_info,	 &ct_command_dump,  &ct_command_json,
	&ct_command_export, &ct_command_recover, &ct_command_pack,  &ct_command_unpack,
	&ct_command_merge,  &ct_command_diff,	 &ct_command_check,
};

static const struct ct_command *find(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

/* Abort, so that a fuzzer keeps the input. */
#define ended_badly(...)            \
	do {                        \
		warnx(__VA_ARGS__); \
		abort();            \
	} while (0)

static void check_error(const char *name, enum ct_exit status, const struct ct_error *error)
{
	bool is_done = status == CT_EXIT_OK || status == CT_EXIT_DAMAGED;
	if (!is_done && status != CT_EXIT_FAILURE && status != CT_EXIT_USAGE)
		ended_badly("exit status %d", (int)status);
	/* A rule is broken, or cannot be judged. */
	if (!is_done && !error && strcmp(name, "check") == 0)
		return;
	if (!is_done != (error != NULL))
		ended_badly("status %d and %s", (int)status, error ? error->message : "no error");
	if (error && (!error->message[0] || strchr(error->message, '\n')))
		ended_badly("not a sentence: '%s'", error->message);
}

static void check_lines(const char *said)
{
	static const char head[] = "calltrace: ";
	while (*said) {
		const char *end = strchr(said, '\n');
		if (!end || strncmp(said, head, sizeof(head) - 1) != 0)
			ended_badly("said: '%s'", said);
		said = end + 1;
	}
}

/* Where standard output went until now. Not all writes go through stdio. */
static int drop_output(void)
{
	fflush(stdout);
	int own = dup(STDOUT_FILENO);
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (own < 0 || null < 0 || dup2(null, STDOUT_FILENO) < 0)
		err(1, "/dev/null");
	close(null);
	return own;
}

static void restore_output(int own)
{
	fflush(stdout);
	if (dup2(own, STDOUT_FILENO) < 0)
		err(1, "standard output");
	close(own);
}

int use_command(char *const *words)
{
	const struct ct_command *command = find(words[0]);
	if (!command)
		errx(1, "there is no command '%s'", words[0]);
	int count = 0;
	while (words[count])
		count++;
	char **arguments = calloc((size_t)count + 1, sizeof(*arguments));
	char *said = NULL;
	size_t length;
	FILE *own_stderr = stderr;
	FILE *listener = open_memstream(&said, &length);
	if (!arguments || !listener)
		err(1, "memory");
	memcpy(arguments, words, (size_t)count * sizeof(*arguments));
	stderr = listener;
	int output = drop_output();
	struct ct_error *error = NULL;
	enum ct_exit status = ct_term_tell_damage(command->run(count, arguments, &error));
	restore_output(output);
	stderr = own_stderr;
	fclose(listener);
	check_error(words[0], status, error);
	check_lines(said);
	ct_error_destroy(error);
	free(said);
	free(arguments);
	return (int)status;
}
