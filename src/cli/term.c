/* SPDX-License-Identifier: MIT */
/* What the commands say on standard error: see term.h. */
#include "cli/term.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "reader/damage.h"

enum { PATIENCE_MS = 500, INTERVAL_MS = 100 };

/* The progress line: there is one terminal. */
static struct {
	uint64_t first_ms; /* when work began */
	uint64_t shown_ms;
	bool visible;
} progress;

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void ct_term_clear(void)
{
	if (progress.visible)
		fputs("\r\033[K", stderr);
	progress.visible = false;
}

void ct_term_say(const char *format, ...)
{
	va_list args;
	char *sentence = NULL;
	va_start(args, format);
	if (vasprintf(&sentence, format, args) < 0)
		sentence = NULL;
	va_end(args);
	ct_term_clear();
	fprintf(stderr, "calltrace: %s\n", sentence ? ct_error_line(sentence) : "out of memory");
	free(sentence);
}

void ct_term_warn(const char *sentence)
{
	ct_term_say("%s", sentence);
}

enum ct_exit ct_term_tell_damage(enum ct_exit status)
{
	bool is_any = ct_damage_tell_all(ct_term_warn);
	return is_any && status == CT_EXIT_OK ? CT_EXIT_DAMAGED : status;
}

/* Is it time for the line? */
static bool begin_line(void)
{
	uint64_t now = now_ms();
	if (progress.first_ms == 0)
		progress.first_ms = now;
	if (now - progress.first_ms < PATIENCE_MS || now - progress.shown_ms < INTERVAL_MS ||
	    !isatty(STDERR_FILENO))
		return false;
	progress.shown_ms = now;
	progress.visible = true;
	return true;
}

static uint64_t percent(uint64_t done, uint64_t total)
{
	return (done < total ? done : total) * 100 / total;
}

void ct_term_progress(uint64_t calls, uint64_t total)
{
	if (!begin_line())
		return;
	if (total == 0)
		fprintf(stderr, "\r\033[Kcalltrace: read %" PRIu64 ".%" PRIu64 " million calls",
			calls / 1000000, calls / 100000 % 10);
	else
		fprintf(stderr, "\r\033[Kcalltrace: written %" PRIu64 " %%", percent(calls, total));
}

void ct_term_plan_progress(uint64_t done, uint64_t total)
{
	if (begin_line())
		fprintf(stderr,
			"\r\033[Kcalltrace: finding arguments in the debug information, %" PRIu64
			" %%",
			percent(done, total));
}

void ct_term_survey_progress(uint64_t done, uint64_t total)
{
	if (begin_line())
		fprintf(stderr, "\r\033[Kcalltrace: reading debug information, %" PRIu64 " %%",
			percent(done, total));
}
