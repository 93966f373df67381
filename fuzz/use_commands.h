/* SPDX-License-Identifier: MIT */
/* The commands that read traces, run within the test, and what they promise of any trace. */
#ifndef CT_FUZZ_USE_COMMANDS_H
#define CT_FUZZ_USE_COMMANDS_H

/*
 * Run a command: `words` begins with its name and ends with NULL. What it prints on standard
 * output is dropped, what it says is checked: the status is 0, 1, 2 or 3, an error is one sentence,
 * each line on standard error begins with "calltrace: ". Anything else ends the test. Gives the
 * status.
 */
int use_command(char *const *words);

#endif
