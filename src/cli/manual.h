/* SPDX-License-Identifier: MIT */
/* Manual pages and shell completion, made from the commands' tables. */
#ifndef CT_CLI_MANUAL_H
#define CT_CLI_MANUAL_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/command.h"

/* calltrace-NAME(1), or calltrace(1) with `command` NULL, for man(1). `commands` ends with NULL. */
void ct_manual_print(FILE *to, const struct ct_command *const *commands,
		     const struct ct_command *command);

/* A script for "bash", "zsh" or "fish"; false: for none of them. */
bool ct_completion_print(FILE *to, const struct ct_command *const *commands, const char *shell);

#endif
