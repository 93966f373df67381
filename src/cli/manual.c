/* SPDX-License-Identifier: MIT */
/* Manual pages and shell completion: see manual.h. */
#include "cli/manual.h"

#include <string.h>

#include "calltrace/version.h"

/* ---- manual pages ---- */

/* Text as man(1) shows it: hyphens that can be copied, no requests by accident. */
static void put_roff(FILE *to, const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", to);
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", to);
		else if (*text == '-')
			fputs("\\-", to);
		else if (*text == '|')
			fputs(", ", to); /* of choices */
		else
			fputc(*text, to);
	}
}

static void put_option(FILE *to, const struct ct_option *option)
{
	fputs(".TP\n", to);
	if (option->letter)
		fprintf(to, "\\fB\\-%c\\fR, ", option->letter);
	fputs("\\fB", to);
	put_roff(to, "--");
	put_roff(to, option->name);
	fputs("\\fR", to);
	if (option->value)
		fprintf(to, option->kind == CT_OPTION_OPTIONAL ? "[=\\fI%s\\fR]" : " \\fI%s\\fR",
			option->value);
	fputc('\n', to);
	put_roff(to, option->help);
	if (option->kind == CT_OPTION_CHOICE) {
		fputs(" (", to);
		for (const char *at = option->choices; *at; at++) {
			const char one[] = {*at, '\0'};
			put_roff(to, *at == '|' ? ", " : one);
		}
		fputc(')', to);
	}
	fputc('\n', to);
}

static void put_list(FILE *to, const struct ct_command *command)
{
	const char *name, *text, *extensions;
	fputs(".SH ", to);
	put_roff(to, command->list_title);
	fputc('\n', to);
	for (size_t i = 0; command->list_item(i, &name, &text, &extensions); i++) {
		fprintf(to, ".TP\n.B %s\n", name);
		put_roff(to, text);
		fputs(" (", to);
		for (const char *at = extensions; *at; at++) {
			const char one[] = {*at, '\0'};
			if (*at == '.')
				fputc('.',
				      to); /* a control character at the start of lines alone */
			else
				put_roff(to, *at == '|' ? ", " : one);
		}
		fputs(")\n", to);
	}
}

static void put_command(FILE *to, const struct ct_command *command)
{
	fprintf(to,
		".TH CALLTRACE\\-%s 1 \"\" \"calltrace " CALLTRACE_VERSION "\"\n.SH NAME\n"
		"calltrace\\-%s \\- ",
		command->name, command->name);
	put_roff(to, command->summary);
	fprintf(to, "\n.SH SYNOPSIS\n.B calltrace %s\n", command->name);
	put_roff(to, command->synopsis);
	fputs("\n.SH DESCRIPTION\n", to);
	put_roff(to, command->description);
	fputc('\n', to);
	if (command->list_title)
		put_list(to, command);
	for (size_t i = 0; i < command->group_count; i++) {
		const struct ct_option_group *group = command->groups[i];
		if (i == 0 || group->title)
			fprintf(to, ".SH %s\n", group->title ? group->title : "OPTIONS");
		for (size_t j = 0; j < group->count; j++)
			if (group->options[j].help)
				put_option(to, &group->options[j]);
	}
	fputs(".SH EXIT STATUS\n", to);
	put_roff(to, command->exit_status
			     ? command->exit_status
			     : "0; 1 after a failure; 2 for arguments that make no sense; 3 if all "
			       "was done with what could be read of a trace that is damaged or was "
			       "cut short (that of a killed process is not), or without one of "
			       "several that cannot be read.");
	fputs("\n.SH SEE ALSO\n.BR calltrace (1)\n", to);
}

void ct_manual_print(FILE *to, const struct ct_command *const *commands,
		     const struct ct_command *command)
{
	if (command) {
		put_command(to, command);
		return;
	}
	fputs(".TH CALLTRACE 1 \"\" \"calltrace " CALLTRACE_VERSION "\"\n.SH NAME\n"
	      "calltrace \\- record every call of a C or C++ program, and read what was recorded\n"
	      ".SH SYNOPSIS\n.B calltrace\n\\fICOMMAND\\fR [\\fIARGUMENT\\fR]...\n"
	      ".SH DESCRIPTION\n"
	      "A program compiled with \\fB\\-finstrument\\-functions\\fR and run with "
	      "\\fBlibcalltrace.so\\fR preloaded leaves a trace of all its calls. "
	      "\\fBcalltrace\\fR reads it.\n.SH COMMANDS\n",
	      to);
	for (; *commands; commands++) {
		fprintf(to, ".TP\n.BR calltrace\\-%s (1)\n", (*commands)->name);
		put_roff(to, (*commands)->summary);
		fputc('\n', to);
	}
}

/* ---- completion ---- */

/* What a value is completed to: words, files, folders, or nothing. */
enum value_kind { VALUE_ANY, VALUE_WORDS, VALUE_FILE, VALUE_FOLDER };

static enum value_kind value_kind(const struct ct_option *option)
{
	if (!option->choices)
		return VALUE_ANY;
	if (strchr(option->choices, '|'))
		return VALUE_WORDS;
	return strcmp(option->choices, "directory") == 0 ? VALUE_FOLDER : VALUE_FILE;
}

static const char shells_text[] = "bash zsh fish";

static void put_words(FILE *to, const char *choices)
{
	for (; *choices; choices++)
		fputc(*choices == '|' ? ' ' : *choices, to);
}

static void put_bash_values(FILE *to, const struct ct_command *command)
{
	for (size_t i = 0; i < command->group_count; i++) {
		for (size_t j = 0; j < command->groups[i]->count; j++) {
			const struct ct_option *option = &command->groups[i]->options[j];
			if (!option->help || option->kind == CT_OPTION_FLAG ||
			    option->kind == CT_OPTION_OPTIONAL)
				continue;
			fprintf(to, "\t%s:--%s", command->name, option->name);
			if (option->letter)
				fprintf(to, " | %s:-%c", command->name, option->letter);
			fputs(") ", to);
			if (value_kind(option) == VALUE_WORDS) {
				fputs("words='", to);
				put_words(to, option->choices);
				fputs("'", to);
			} else {
				fputs(value_kind(option) == VALUE_FILE	   ? "files=-f"
				      : value_kind(option) == VALUE_FOLDER ? "files=-d"
									   : ":",
				      to);
			}
			fputs("; value=1 ;;\n", to);
		}
	}
}

static void put_option_words(FILE *to, const struct ct_command *command)
{
	for (size_t i = 0; i < command->group_count; i++)
		for (size_t j = 0; j < command->groups[i]->count; j++)
			if (command->groups[i]->options[j].help)
				fprintf(to, " --%s", command->groups[i]->options[j].name);
}

static void put_bash(FILE *to, const struct ct_command *const *commands)
{
	fputs("# bash completion for calltrace\n"
	      "_calltrace()\n{\n"
	      "\tlocal current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
	      "\tlocal command=${COMP_WORDS[1]} words= files= value=\n"
	      "\tif ((COMP_CWORD == 1)); then\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -W 'help completion",
	      to);
	for (size_t i = 0; commands[i]; i++)
		fprintf(to, " %s", commands[i]->name);
	fputs("' -- \"$current\")\n\t\treturn\n\tfi\n\tcase $command:$before in\n", to);
	for (size_t i = 0; commands[i]; i++)
		put_bash_values(to, commands[i]);
	fputs("\tesac\n\tif [[ ! $value ]]; then\n\t\tcase $command in\n\t\thelp) words='", to);
	for (size_t i = 0; commands[i]; i++)
		fprintf(to, "%s%s", i ? " " : "", commands[i]->name);
	fprintf(to, "' ;;\n\t\tcompletion) words='%s' ;;\n", shells_text);
	for (size_t i = 0; commands[i]; i++) {
		fprintf(to, "\t\t%s)\n\t\t\tfiles=-f%s\n\t\t\t[[ $current != -* ]] || words='",
			commands[i]->name, commands[i]->takes_program ? "c" : "");
		put_option_words(to, commands[i]);
		fputs("'\n\t\t\t;;\n", to);
	}
	fputs("\t\tesac\n\tfi\n"
	      "\tif [[ $words ]]; then\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
	      "\telif [[ $files ]]; then\n"
	      "\t\tcompopt -o filenames\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen $files -- \"$current\" | sort -u)\n"
	      "\tfi\n}\ncomplete -F _calltrace calltrace\n",
	      to);
}

/* In single quotes, for zsh and fish. */
static void put_quoted(FILE *to, const char *text, const char *escaped)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", to);
		else if (strchr(escaped, *text))
			fprintf(to, "\\%c", *text);
		else
			fputc(*text, to);
	}
}

/* '*' or what excludes it: an option is offered once, unless it may come more than once. */
static void put_zsh_names(FILE *to, const struct ct_option *option)
{
	const char *end = option->kind == CT_OPTION_FLAG       ? ""
			  : option->kind == CT_OPTION_OPTIONAL ? "=-"
							       : "=";
	bool is_list = option->kind == CT_OPTION_LIST;
	if (!option->letter)
		fprintf(to, "\t\t\t'%s--%s%s", is_list ? "*" : "", option->name, end);
	else if (is_list)
		fprintf(to, "\t\t\t'*'{-%c+,--%s%s}'", option->letter, option->name, end);
	else
		fprintf(to, "\t\t\t'(-%c --%s)'{-%c%s,--%s%s}'", option->letter, option->name,
			option->letter, option->kind == CT_OPTION_FLAG ? "" : "+", option->name,
			end);
}

static void put_zsh_option(FILE *to, const struct ct_option *option)
{
	put_zsh_names(to, option);
	fputs("[", to);
	put_quoted(to, option->help, "[]\\:");
	fputs("]", to);
	if (value_kind(option) == VALUE_WORDS) {
		fprintf(to, ":%s:(", option->value);
		put_words(to, option->choices);
		fputs(")", to);
	} else if (option->kind != CT_OPTION_FLAG) {
		fprintf(to, "%s:%s:%s", option->kind == CT_OPTION_OPTIONAL ? ":" : "",
			option->value,
			value_kind(option) == VALUE_FILE     ? "_files"
			: value_kind(option) == VALUE_FOLDER ? "_files -/"
							     : "");
	}
	fputs("' \\\n", to);
}

static void put_zsh(FILE *to, const struct ct_command *const *commands)
{
	fputs("#compdef calltrace\n"
	      "_calltrace()\n{\n\tlocal -a subcommands=(\n",
	      to);
	for (size_t i = 0; commands[i]; i++) {
		fprintf(to, "\t\t'%s:", commands[i]->name);
		put_quoted(to, commands[i]->summary, "\\:");
		fputs("'\n", to);
	}
	fputs("\t\t'help:what a command does, and its options'\n"
	      "\t\t'completion:a script for bash, zsh or fish'\n"
	      "\t)\n\tif ((CURRENT == 2)); then\n"
	      "\t\t_describe command subcommands\n\t\treturn\n\tfi\n"
	      "\tcase $words[2] in\n\thelp) _describe command subcommands ;;\n",
	      to);
	fprintf(to, "\tcompletion) _values shell %s ;;\n", shells_text);
	for (size_t i = 0; commands[i]; i++) {
		fprintf(to, "\t%s)\n\t\tshift words\n\t\t((CURRENT--))\n\t\t_arguments \\\n",
			commands[i]->name);
		for (size_t j = 0; j < commands[i]->group_count; j++)
			for (size_t k = 0; k < commands[i]->groups[j]->count; k++)
				if (commands[i]->groups[j]->options[k].help)
					put_zsh_option(to, &commands[i]->groups[j]->options[k]);
		fputs(commands[i]->takes_program
			      ? "\t\t\t'(-):program: _command_names -e' '*::arguments:_normal'\n"
				"\t\t;;\n"
			      : "\t\t\t'*:file:_files'\n\t\t;;\n",
		      to);
	}
	fputs("\tesac\n}\n_calltrace \"$@\"\n", to);
}

/* As the description of what was written before, and the end of its line. */
static void put_fish_text(FILE *to, const char *text)
{
	fputs(" -d '", to);
	for (; *text; text++)
		fprintf(to, *text == '\'' || *text == '\\' ? "\\%c" : "%c", *text);
	fputs("'\n", to);
}

static void put_fish_option(FILE *to, const char *command, const struct ct_option *option)
{
	fprintf(to, "complete -c calltrace -n '__fish_seen_subcommand_from %s' -l %s", command,
		option->name);
	if (option->letter)
		fprintf(to, " -s %c", option->letter);
	if (value_kind(option) == VALUE_WORDS) {
		fputs(" -x -a '", to);
		put_words(to, option->choices);
		fputs("'", to);
	} else if (option->kind != CT_OPTION_FLAG && option->kind != CT_OPTION_OPTIONAL) {
		fputs(value_kind(option) == VALUE_FILE ? " -r"
		      : value_kind(option) == VALUE_FOLDER
			      ? " -x -a '(__fish_complete_directories)'"
			      : " -x",
		      to);
	}
	put_fish_text(to, option->help);
}

static void put_fish(FILE *to, const struct ct_command *const *commands)
{
	fputs("# fish completion for calltrace\n", to);
	for (size_t i = 0; commands[i]; i++) {
		fprintf(to, "complete -c calltrace -f -n __fish_use_subcommand -a %s",
			commands[i]->name);
		put_fish_text(to, commands[i]->summary);
		fputs("complete -c calltrace -f -n '__fish_seen_subcommand_from help'", to);
		fprintf(to, " -a %s", commands[i]->name);
		put_fish_text(to, commands[i]->summary);
		if (commands[i]->takes_program)
			fprintf(to,
				"complete -c calltrace -n '__fish_seen_subcommand_from %s' -a "
				"'(__fish_complete_subcommand)'\n",
				commands[i]->name);
	}
	fputs("complete -c calltrace -f -n __fish_use_subcommand -a help"
	      " -d 'what a command does, and its options'\n"
	      "complete -c calltrace -f -n __fish_use_subcommand -a completion"
	      " -d 'a script for bash, zsh or fish'\n"
	      "complete -c calltrace -f -n '__fish_seen_subcommand_from completion'",
	      to);
	fprintf(to, " -a '%s'\n", shells_text);
	for (size_t i = 0; commands[i]; i++)
		for (size_t j = 0; j < commands[i]->group_count; j++)
			for (size_t k = 0; k < commands[i]->groups[j]->count; k++)
				if (commands[i]->groups[j]->options[k].help)
					put_fish_option(to, commands[i]->name,
							&commands[i]->groups[j]->options[k]);
}

bool ct_completion_print(FILE *to, const struct ct_command *const *commands, const char *shell)
{
	static const struct {
		const char *name;
		void (*put)(FILE *to, const struct ct_command *const *commands);
	} shells[] = {{"bash", put_bash}, {"zsh", put_zsh}, {"fish", put_fish}};
	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		if (strcmp(shells[i].name, shell) != 0)
			continue;
		shells[i].put(to, commands);
		return true;
	}
	return false;
}
