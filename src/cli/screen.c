/* SPDX-License-Identifier: MIT */
/* The terminal as a screen: see screen.h. */
#include "cli/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static struct {
	struct termios before;
	struct sigaction old[4];
	sigset_t old_mask;
} screen;

static volatile sig_atomic_t was_resized, is_to_stop, end_signal;

static const int end_signals[] = {SIGINT, SIGTERM, SIGHUP};
enum { END_SIGNALS = sizeof(end_signals) / sizeof(end_signals[0]) };

static void note_signal(int number)
{
	if (number == SIGWINCH)
		was_resized = 1;
	else if (number == SIGTSTP)
		is_to_stop = 1;
	else
		end_signal = number;
}

static void catch_signal(int number, struct sigaction *old)
{
	const struct sigaction action = {.sa_handler = note_signal};
	sigaction(number, &action, old);
}

bool ct_screen_is_there(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

/* Keys come one by one and are not shown; the shell's screen is kept behind ours. */
static void take_terminal(void)
{
	struct termios raw = screen.before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	fputs("\033[?1049h\033[?25l", stdout);
	fflush(stdout);
}

static void give_terminal_back(void)
{
	fputs("\033[?25h\033[?1049l", stdout);
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSANOW, &screen.before);
}

void ct_screen_begin(void)
{
	/* They are let through while we wait for a key, and at no other time. */
	sigset_t ours;
	sigemptyset(&ours);
	for (int i = 0; i < END_SIGNALS; i++)
		sigaddset(&ours, end_signals[i]);
	sigaddset(&ours, SIGWINCH);
	sigaddset(&ours, SIGTSTP);
	sigprocmask(SIG_BLOCK, &ours, &screen.old_mask);
	for (int i = 0; i < END_SIGNALS; i++)
		catch_signal(end_signals[i], &screen.old[i]);
	catch_signal(SIGWINCH, NULL);
	catch_signal(SIGTSTP, NULL);
	tcgetattr(STDIN_FILENO, &screen.before);
	take_terminal();
}

void ct_screen_end(void)
{
	give_terminal_back();
	for (int i = 0; i < END_SIGNALS; i++)
		sigaction(end_signals[i], &screen.old[i], NULL);
	signal(SIGWINCH, SIG_DFL);
	signal(SIGTSTP, SIG_DFL);
	sigprocmask(SIG_SETMASK, &screen.old_mask, NULL);
}

void ct_screen_size(unsigned int *ret_rows, unsigned int *ret_columns)
{
	struct winsize size = {0};
	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	*ret_rows = size.ws_row ? size.ws_row : 24;
	*ret_columns = size.ws_col ? size.ws_col : 80;
}

/* As Ctrl-Z does without us: stop here, and go on with the screen as it was. */
static void stop(void)
{
	sigset_t only;
	is_to_stop = 0;
	give_terminal_back();
	signal(SIGTSTP, SIG_DFL);
	raise(SIGTSTP);
	sigemptyset(&only);
	sigaddset(&only, SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &only, NULL); /* stops, and comes back on SIGCONT */
	sigprocmask(SIG_BLOCK, &only, NULL);
	catch_signal(SIGTSTP, NULL);
	take_terminal();
	was_resized = 1;
}

int ct_screen_key(uint64_t timeout_ns)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	const struct timespec timeout = {
		.tv_sec = (time_t)(timeout_ns / 1000000000),
		.tv_nsec = (long)(timeout_ns % 1000000000),
	};
	unsigned char key;
	int count = ppoll(&input, 1, &timeout, &screen.old_mask);
	if (end_signal)
		return CT_KEY_END;
	if (is_to_stop)
		stop();
	if (was_resized) {
		was_resized = 0;
		return CT_KEY_RESIZED;
	}
	if (count < 0 && errno == EINTR)
		return CT_KEY_RESIZED;
	if (count <= 0)
		return CT_KEY_NONE;
	return read(STDIN_FILENO, &key, 1) == 1 ? key : CT_KEY_END;
}

int ct_screen_signal(void)
{
	return end_signal;
}
