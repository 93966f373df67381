/* SPDX-License-Identifier: MIT */
/*
 * The terminal as a screen that is drawn again and again, and single keys. One
 * for each process. It is given back however the process ends, but by SIGKILL.
 */
#ifndef CT_CLI_SCREEN_H
#define CT_CLI_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

/* Standard input and output are one. */
bool ct_screen_is_there(void);

void ct_screen_begin(void);
void ct_screen_end(void);

void ct_screen_size(unsigned int *ret_rows, unsigned int *ret_columns);

enum {
	CT_KEY_NONE = -1,    /* the time has passed */
	CT_KEY_RESIZED = -2, /* or the screen is to be drawn again for another reason */
	CT_KEY_END = -3,     /* a signal asks for the end, or there are no keys any more */
};
/* Wait for a key, at most so long. */
int ct_screen_key(uint64_t timeout_ns);

/* The signal that asked for the end, or 0. To be raised after ct_screen_end(). */
int ct_screen_signal(void);

#endif
