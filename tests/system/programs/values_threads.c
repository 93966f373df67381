/* SPDX-License-Identifier: MIT */
/*
 * Threads by the dozen in functions with values. They end in different ways:
 * returned, left by pthread_exit, cancelled while they wait or while they work.
 */
#include "values_account.h"

#include <pthread.h>
#include <stdbool.h>

enum { THREADS = 24 };

struct job {
	int id;
	double weight;
	const char *text;
};

static volatile int started;

static NOINLINE int leaf(int id, int n)
{
	int call = account_enter("leaf", "'id':%d,'n':%d", id, n);
	int result = id * 1000 + n;

	return RESULT(call, "%d", result);
}

static NOINLINE struct job works(struct job job, int n, const struct job *by_pointer)
{
	int call = account_enter("works",
				 "'job':{'id':%d,'weight':%.17g},'n':%d,'by_pointer':{'id':%d}",
				 job.id, job.weight, n, by_pointer->id);
	struct job result = {leaf(job.id, n), job.weight + n, job.text};

	account_return(call, "{'id':%d,'weight':%.17g,'text':'%s'}", result.id, result.weight,
		       result.text);
	return result;
}

static NOINLINE long leaves(long id, const char *text)
{
	account_enter("leaves", "'id':%ld,'text':'%s'", id, text);
	leaf((int)id, 77);
	pthread_exit((void *)(id + 1));
	return id;
}

static NOINLINE short waits(short id, float weight)
{
	int call = account_enter("waits", "'id':%d,'weight':%.9g", id, (double)weight);

	__atomic_fetch_add(&started, 1, __ATOMIC_SEQ_CST);
	for (;;)
		pause();
	return RESULT(call, "%d", id);
}

/* Cancelled at any instruction of its own: it makes no call while it can be. */
static NOINLINE unsigned char spins(unsigned char id, const char *text)
{
	int call = account_enter("spins", "'id':%d,'text':'%s'", id, text);

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	__atomic_fetch_add(&started, 1, __ATOMIC_SEQ_CST);
	for (;;)
		BARRIER();
	return RESULT(call, "%d", id);
}

static void *thread(void *data)
{
	struct job *job = data;

	account_begin(0);
	int call = account_enter("thread", "%s", "");

	for (volatile int n = 0; n < 20; n++)
		works(*job, n, job);
	switch (job->id % 4) {
	case 0:
		leaves(job->id, job->text);
		break;
	case 1:
		waits((short)job->id, (float)job->weight);
		break;
	case 2:
		spins((unsigned char)job->id, job->text);
		break;
	}
	account_return(call, "null");
	return NULL;
}

static NOINLINE int starts(pthread_t *threads, struct job *jobs, int count)
{
	int call = account_enter("starts", "'count':%d", count);
	int cancelled = 0;

	for (int i = 0; i < count; i++) {
		jobs[i] = (struct job){i, i * 0.25, i % 2 ? "odd" : "even"};
		pthread_create(&threads[i], NULL, thread, &jobs[i]);
	}
	while (started < count / 2)
		usleep(100);
	for (int i = 0; i < count; i++) {
		void *result;

		if (i % 4 == 1 || i % 4 == 2)
			pthread_cancel(threads[i]);
		pthread_join(threads[i], &result);
		cancelled += result == PTHREAD_CANCELED;
	}
	return RESULT(call, "%d", cancelled);
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	struct job jobs[THREADS];

	(void)argv;
	account_begin(0);
	int call = account_enter("main", "'argc':%d", argc);

	printf("%d\n", starts(threads, jobs, THREADS));
	return RESULT(call, "%d", argc);
}
