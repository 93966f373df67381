/* SPDX-License-Identifier: MIT */
/* The calltrace command: finds the command asked for, and prints its error. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "calltrace/version.h"
#include "cli/command.h"
#include "cli/manual.h"
#include "cli/term.h"
#include "export/output.h"

/* The table also is the help. clang-format would put several on a line. */
/* clang-format off */
static const struct ct_command *const commands[] = {
	&ct_command_record,
	&ct_command_report,
	&ct_command_replay,
	&ct_command_slow,
	&ct_command_tree,
	&ct_command_graph,
	&ct_command_diff,
	&ct_command_check,
	&ct_command_export,
	&ct_command_top,
	&ct_command_info,
	&ct_command_doctor,
	&ct_command_json,
	&ct_command_recover,
	&ct_command_pack,
	&ct_command_unpack,
	&ct_command_merge,
	&ct_command_dump,
	&ct_command_plan,
	&ct_command_cc,
	&ct_command_cxx,
	NULL,
};
/* clang-format on */

static const struct ct_command *find_command(const char *name)
{
	for (int i = 0; commands[i]; i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	}
	return NULL;
}

/* Under the name calltrace-cc the command is `calltrace cc`, for builds that want one word. */
static const struct ct_command *find_by_program(const char *path)
{
	static const char prefix[] = "calltrace-";
	const char *slash = path ? strrchr(path, '/') : NULL;
	const char *name = slash ? slash + 1 : path;
	return name && strncmp(name, prefix, sizeof(prefix) - 1) == 0
		       ? find_command(name + sizeof(prefix) - 1)
		       : NULL;
}

static void print_help(FILE *to)
{
	fputs("usage: calltrace COMMAND [ARGUMENT]...\n"
	      "\n"
	      "Reads what libcalltrace.so recorded of a program's calls.\n"
	      "\n",
	      to);
	for (int i = 0; commands[i]; i++)
		fprintf(to, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\n"
	      "  calltrace help COMMAND    what a command does, and its options\n"
	      "  calltrace completion SHELL\n"
	      "                            a script for bash, zsh or fish\n"
	      "  calltrace --version       the version\n"
	      "\n"
	      "Exit status: 0; 1 after a failure; 2 for arguments that make no sense; 3 if a trace\n"
	      "is damaged, or one of several cannot be read, and all was done with the rest.\n"
	      "Those of check, and of diff with --exit-code, answer: their help says how.\n",
	      to);
}

/* Extensions as the user may write them: ".a|.b" as "NAME.a, NAME.b". */
static void print_extensions(FILE *to, const char *extensions)
{
	for (const char *separator = "NAME"; *extensions; separator = ", NAME") {
		int length = (int)strcspn(extensions, "|");
		fprintf(to, "%s%.*s", separator, length, extensions);
		extensions += length + (extensions[length] == '|');
	}
}

static void print_list(const struct ct_command *command, FILE *to)
{
	const char *name, *text, *extensions;
	fprintf(to, "%s:\n", command->list_title);
	for (size_t i = 0; command->list_item(i, &name, &text, &extensions); i++) {
		fprintf(to, "  %-12s%s\n%14s", name, text, "");
		print_extensions(to, extensions);
		fputc('\n', to);
	}
	fputc('\n', to);
}

static void print_command(const struct ct_command *command, FILE *to)
{
	fprintf(to, "usage: calltrace %s %s\n\n", command->name, command->synopsis);
	ct_options_wrap(to, command->description, 0, 0, 79);
	fputc('\n', to);
	if (command->list_title)
		print_list(command, to);
	ct_options_print(to, command->groups, command->group_count);
	if (command->exit_status) {
		fputs("\nExit status: ", to);
		ct_options_wrap(to, command->exit_status, strlen("Exit status: "), 0, 79);
	}
}

static int report_unknown(const char *name)
{
	ct_term_say("there is no command '%s'; see 'calltrace --help'", name);
	return CT_EXIT_USAGE;
}

static int finish_stdout(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return CT_EXIT_OK;
	ct_term_say("writing to standard output failed: %s", strerror(errno));
	return CT_EXIT_FAILURE;
}

/* help --man [COMMAND]: what the build makes manual pages of. */
static int print_manual(int argc, char **argv)
{
	const struct ct_command *command = argc > 2 ? find_command(argv[2]) : NULL;
	if (argc > 2 && !command)
		return report_unknown(argv[2]);
	ct_manual_print(stdout, commands, command);
	return finish_stdout();
}

static int print_completion(int argc, char **argv)
{
	if (argc == 2 && ct_completion_print(stdout, commands, argv[1]))
		return finish_stdout();
	ct_term_say("completion: name a shell: bash, zsh or fish");
	return CT_EXIT_USAGE;
}

/* What are no commands of the table. */
static const struct {
	const char *name, *text;
} own_help[] = {
	{"completion",
	 "usage: calltrace completion SHELL\n"
	 "\n"
	 "Prints a script that completes calltrace's commands and options, for the SHELL\n"
	 "bash, zsh or fish.\n"},
	{"help", "usage: calltrace help [COMMAND]\n"
		 "\n"
		 "Lists the commands, or tells what COMMAND does, and its options. 'calltrace\n"
		 "COMMAND --help' is the same.\n"},
};

static int help(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--man") == 0)
		return print_manual(argc, argv);
	if (argc > 2) {
		ct_term_say("help: '%s' is one argument too many", argv[2]);
		return CT_EXIT_USAGE;
	}
	if (argc < 2) {
		print_help(stdout);
		return finish_stdout();
	}
	const struct ct_command *command = find_command(argv[1]);
	for (size_t i = 0; !command && i < sizeof(own_help) / sizeof(own_help[0]); i++) {
		if (strcmp(argv[1], own_help[i].name) == 0) {
			fputs(own_help[i].text, stdout);
			return finish_stdout();
		}
	}
	if (!command)
		return report_unknown(argv[1]);
	print_command(command, stdout);
	return finish_stdout();
}

/* Nothing half-written stays behind; then the signal does what it always does. */
static void remove_and_die(int signal_number)
{
	ct_output_remove_unfinished();
	raise(signal_number); /* SA_RESETHAND: the default now; delivered on return */
}

static void install_handlers(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct sigaction old;
		const struct sigaction action = {
			.sa_handler = remove_and_die,
			.sa_flags = (int)SA_RESETHAND,
		};
		/* nohup(1) and shells that run us in the background ignore some on purpose. */
		if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
	}
}

static int run_with_handlers(const struct ct_command *command, int argc, char **argv,
			     struct ct_error **err)
{
	void (*old_handler)(int) = signal(SIGPIPE, SIG_IGN);
	install_handlers();
	enum ct_exit status = ct_term_tell_damage(command->run(argc, argv, err));
	if (status != CT_EXIT_ABANDONED)
		return status;
	signal(SIGPIPE, old_handler);
	raise(SIGPIPE);
	return CT_EXIT_FAILURE;
}

static int run_command(const struct ct_command *command, int argc, char **argv)
{
	struct ct_error *err = NULL;
	int status = command->owns_signals ? (int)command->run(argc, argv, &err)
					   : run_with_handlers(command, argc, argv, &err);
	if (err)
		ct_term_say("%s", err->message);
	if (err && err->is_usage)
		status = CT_EXIT_USAGE;
	ct_error_destroy(err);
	return status;
}

/* `--help` may stand anywhere but among words that are another program's. */
static bool asks_for_help(const struct ct_command *command, int count, char **words)
{
	if (count == 1)
		return strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0;
	for (int i = 0; i < count && !command->owns_signals && strcmp(words[i], "--") != 0; i++)
		if (strcmp(words[i], "--help") == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const struct ct_command *by_name = find_by_program(argv[0]);
	if (by_name)
		return run_command(by_name, argc, argv);
	if (argc < 2) {
		print_help(stderr);
		return CT_EXIT_USAGE;
	}
	const char *name = argv[1];
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
		print_help(stdout);
		return finish_stdout();
	}
	if (strcmp(name, "--version") == 0) {
		puts("calltrace " CALLTRACE_VERSION);
		return finish_stdout();
	}
	bool is_of_help = argc == 3 && strcmp(argv[2], "--help") == 0;
	if (is_of_help && (strcmp(name, "help") == 0 || strcmp(name, "completion") == 0))
		return help(2, argv);
	if (strcmp(name, "help") == 0)
		return help(argc - 1, argv + 1);
	if (strcmp(name, "completion") == 0)
		return print_completion(argc - 1, argv + 1);
	const struct ct_command *command = find_command(name);
	if (!command)
		return report_unknown(name);
	if (asks_for_help(command, argc - 2, argv + 2)) {
		print_command(command, stdout);
		return finish_stdout();
	}
	return run_command(command, argc - 1, argv + 1);
}
