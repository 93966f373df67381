/* SPDX-License-Identifier: MIT */
/* The same plans from any number of processes, also when some of them end early. */
#include "unit_test.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plan/workers.h"

enum { ITEMS = 100 };

struct fixture {
	struct ct_plan_writer writer;
	pid_t caller;
	size_t fatal_item; /* for all but the caller */
	bool is_out_of_memory;
};

/* Some items have no plans, some have many. */
static bool run_item(void *context, size_t item)
{
	struct fixture *fixture = context;
	char description[64];
	if (item >= fixture->fatal_item && getpid() != fixture->caller)
		raise(SIGKILL);
	usleep(500);
	for (size_t i = 0; i < item % 7; i++) {
		memset(description, (int)item, sizeof(description));
		ct_plan_writer_add(&fixture->writer, 1000 * item + 7 - i,
				   &(struct ct_plan_content){
					   .head = {.kind = CT_PLAN_ENTER, .function = item},
					   .description = description,
					   .description_bytes = item % sizeof(description),
				   });
	}
	return !fixture->is_out_of_memory;
}

static bool run(struct fixture *fixture, unsigned int workers, struct ct_strbuf *ret)
{
	fixture->caller = getpid();
	struct ct_work work = {ITEMS, run_item, fixture, &fixture->writer, NULL};
	bool is_good = ct_workers_run(&work, workers);
	if (is_good)
		assert_null(ct_plan_writer_finish(&fixture->writer, &(struct ct_plan_header){0},
						  NULL, ret));
	ct_plan_writer_deinit(&fixture->writer);
	/* No child is left, neither running nor as a zombie. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	return is_good;
}

static void assert_same_as_one(struct fixture fixture, unsigned int workers)
{
	struct fixture alone = {.fatal_item = SIZE_MAX};
	struct ct_strbuf expected = {0};
	struct ct_strbuf actual = {0};
	assert_true(run(&alone, 1, &expected));
	assert_true(run(&fixture, workers, &actual));
	assert_int_equal(actual.length, expected.length);
	assert_memory_equal(actual.bytes, expected.bytes, expected.length);
	ct_strbuf_deinit(&expected);
	ct_strbuf_deinit(&actual);
}

static void any_number_makes_the_same(void **state)
{
	(void)state;
	for (unsigned int workers = 0; workers < 6; workers++)
		assert_same_as_one((struct fixture){.fatal_item = SIZE_MAX}, workers);
	assert_same_as_one((struct fixture){.fatal_item = SIZE_MAX}, 1000);
}

static void the_caller_does_what_killed_workers_have_not(void **state)
{
	(void)state;
	assert_same_as_one((struct fixture){.fatal_item = 0}, 4);
	assert_same_as_one((struct fixture){.fatal_item = 30}, 4);
}

static void ignored_children_are_waited_for(void **state)
{
	(void)state;
	void (*before)(int) = signal(SIGCHLD, SIG_IGN);
	assert_same_as_one((struct fixture){.fatal_item = 50}, 3);
	signal(SIGCHLD, before);
}

static void no_memory_is_told(void **state)
{
	(void)state;
	struct ct_strbuf plans = {0};
	struct fixture fixture = {.fatal_item = SIZE_MAX, .is_out_of_memory = true};
	assert_false(run(&fixture, 3, &plans));
	assert_false(run(&fixture, 1, &plans));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_number_makes_the_same),
		cmocka_unit_test(the_caller_does_what_killed_workers_have_not),
		cmocka_unit_test(ignored_children_are_waited_for),
		cmocka_unit_test(no_memory_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
