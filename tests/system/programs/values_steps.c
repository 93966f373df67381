/* SPDX-License-Identifier: MIT */
/*
 * Interrupts functions with values at each of their instructions, those of the
 * hooks too: the processor's trap flag makes every instruction a signal. What
 * the handler does there is argv[1]: "calls" traced functions, "jumps" out,
 * "unwinds" the stack, "cancels" its thread, or "alternates" between two
 * coroutines, as a scheduler would. argv[2]: at each argv[2]th one.
 * argv[3]: the function that is interrupted.
 * With restartable sequences a step never gets past one: they must be off.
 */
#include "values_account.h"
#include "values_ruled.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unwind.h>

enum { TRAP_FLAG = 0x100, FIRST = 5 };

static sigjmp_buf target;
static ucontext_t contexts[2];
static volatile int current;	/* coroutine */
static volatile int unfinished; /* coroutines */
static enum { CALLS, JUMPS, UNWINDS, CANCELS, ALTERNATES } act;
static long stride;
static const char *which;
static volatile bool stepping;
static volatile bool masked; /* the code believes that signals are blocked */
static volatile long steps, stop_at, calls, failures;

int main(int argc, char **argv);

static NOINLINE double in_handler(int n, const char *text)
{
	ruled_sink = ruled_sink + text[0];
	return n * 1.5;
}

static UNTRACED _Unwind_Reason_Code sees_frame(struct _Unwind_Context *context, void *found)
{
	if (_Unwind_FindEnclosingFunction((void *)_Unwind_GetIP(context)) == (void *)main)
		*(bool *)found = true;
	return _URC_NO_REASON;
}

static UNTRACED void switches(void)
{
	int from = current;

	if (unfinished < 2)
		return;
	current = !from;
	swapcontext(&contexts[from], &contexts[!from]);
}

static UNTRACED void acts(void)
{
	bool found = false;

	switch (act) {
	case CALLS:
		in_handler((int)calls, ruled_texts[calls & 3]);
		calls++;
		break;
	case JUMPS:
		stepping = false;
		siglongjmp(target, 1);
	case UNWINDS:
		_Unwind_Backtrace(sees_frame, &found);
		calls++;
		failures += !found;
		break;
	case CANCELS:
		stepping = false;
		pthread_cancel(pthread_self());
		pthread_testcancel();
		break;
	case ALTERNATES:
		calls++;
		switches();
	}
}

/*
 * A trap where SIGTRAP is blocked kills. So these system calls are not made but
 * believed to be; and nothing is done until the signals are free again.
 */
static UNTRACED bool leaves_mask_alone(greg_t *registers)
{
	const unsigned char *code = (const unsigned char *)registers[REG_RIP];

	if (code[0] != 0x0f || code[1] != 0x05 || registers[REG_RAX] != SYS_rt_sigprocmask)
		return false;
	masked = !masked;
	registers[REG_RIP] += 2;
	registers[REG_RAX] = 0;
	if (registers[REG_RDX])
		memset((void *)registers[REG_RDX], 0, 8);
	return true;
}

static UNTRACED void on_trap(int number, siginfo_t *info, void *data)
{
	greg_t *registers = ((ucontext_t *)data)->uc_mcontext.gregs;

	(void)number;
	(void)info;
	if (!stepping) {
		registers[REG_EFL] &= ~TRAP_FLAG;
		return;
	}
	registers[REG_EFL] |= TRAP_FLAG;
	if (leaves_mask_alone(registers) || masked)
		return;
	if (++steps == stop_at) {
		stop_at += stride;
		acts();
	}
}

static UNTRACED bool steps_into(int n)
{
	struct ruled_pair pair = {n * 2L, n * 0.5};

	switch (which[0]) {
	case 's':
		return ruled_sum(n, (long)n * n, (unsigned char)n, n / 2.0) ==
		       n + (long)n * n + (n & 255) + n;
	case 'm':
		return ruled_make(n, ruled_texts[n & 3]).first == n * 2;
	case 'b':
		return ruled_big(n, pair).half == n / 2.0;
	case 'w':
		return ruled_wide(n, &pair) == n * 0.25L;
	case 'r':
		return ruled_real(n, (float)n / 4) == n * 2.0;
	default:
		return ruled_outer(n, ruled_texts[n & 3]) == n * 7 + 3;
	}
}

static UNTRACED void step_through(int n)
{
	masked = false;
	if (act != ALTERNATES)
		steps = 0;
	stepping = true;
	raise(SIGTRAP);
	bool good = steps_into(n);
	stepping = false;
	if (!good)
		_exit(96);
}

static NOINLINE int after(int n, double half)
{
	ruled_sink = ruled_sink + (int)half;
	return n + 1;
}

/* Each time one stride further, until it gets through. */
static NOINLINE void jumps(void)
{
	volatile bool done = false;

	for (volatile long at = FIRST; !done; at += stride) {
		if (sigsetjmp(target, 1) == 0) {
			stop_at = at;
			step_through((int)at);
			done = true;
		}
		calls++;
		after((int)at, (double)at / 2);
	}
}

static UNTRACED void *steps_in_thread(void *at)
{
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	stop_at = (long)at;
	step_through((int)(long)at);
	return at;
}

static NOINLINE void cancels(void)
{
	void *result = PTHREAD_CANCELED;

	for (long at = FIRST; result == PTHREAD_CANCELED; at += stride) {
		pthread_t thread;

		pthread_create(&thread, NULL, steps_in_thread, (void *)at);
		pthread_join(thread, &result);
		calls++;
		after((int)at, (double)at / 2);
	}
}

enum { ALTERNATING_CALLS = 4 };

static UNTRACED void steps_in_coroutine(void)
{
	for (int n = 0; n < ALTERNATING_CALLS; n++)
		step_through(100 * (current + 1) + n);
	unfinished--;
}

static UNTRACED void second_coroutine(void)
{
	steps_in_coroutine();
	current = 0;
	setcontext(&contexts[0]);
	_exit(93);
}

static UNTRACED void alternates(void)
{
	static char stack[1 << 17];

	stop_at = FIRST;
	unfinished = 2;
	getcontext(&contexts[1]);
	contexts[1].uc_stack.ss_sp = stack;
	contexts[1].uc_stack.ss_size = sizeof(stack);
	makecontext(&contexts[1], second_coroutine, 0);
	steps_in_coroutine();
	/* The other one may lie in the middle of a call. */
	while (unfinished) {
		stepping = false;
		current = 1;
		swapcontext(&contexts[0], &contexts[1]);
	}
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_NODEFER};

	if (argc < 4)
		return 1;
	stride = atol(argv[2]);
	which = argv[3];
	/* What happens once has happened then. */
	for (int n = 0; n < 3; n++) {
		ruled_outer(n, ruled_texts[n]);
		in_handler(n, ruled_texts[n]);
		after(n, n / 2.0);
	}
	sigaction(SIGTRAP, &action, NULL);
	if (strcmp(argv[1], "jumps") == 0) {
		act = JUMPS;
		jumps();
	} else if (strcmp(argv[1], "cancels") == 0) {
		act = CANCELS;
		cancels();
	} else if (strcmp(argv[1], "alternates") == 0) {
		act = ALTERNATES;
		alternates();
	} else {
		act = strcmp(argv[1], "calls") == 0 ? CALLS : UNWINDS;
		stop_at = FIRST;
		step_through(1000);
	}
	account_begin(0);
	account_return(account_enter(argv[1], "%s", ""), "%ld", calls);
	printf("%s: failures: %ld\n", argv[1], failures);
	return 0;
}
