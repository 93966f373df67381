/* SPDX-License-Identifier: MIT */
/* Streams read by several threads: see parallel.h. */
#include "analysis/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "base/cleanup.h"

enum { MOST_WORKERS = 64 };

/* What the workers share. */
struct run {
	const struct ct_parallel *parallel;
	size_t next_stream; /* the next worker takes this one */
	uint64_t calls;	    /* so far, of all workers */
	struct ct_error *err;
	pthread_mutex_t lock;
};

struct worker {
	struct run *run;
	void *state;
	bool tells_progress;
	pthread_t thread;
};

unsigned int ct_parallel_processors(void)
{
	cpu_set_t allowed;
	int count = sched_getaffinity(0, sizeof(allowed), &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
	return count < 1 ? 1 : (unsigned int)count;
}

unsigned int ct_parallel_workers(const struct ct_session *session)
{
	unsigned int count = ct_parallel_processors();
	if (count > MOST_WORKERS)
		count = MOST_WORKERS;
	if (count > session->stream_count)
		count = (unsigned int)session->stream_count;
	return count < 1 ? 1 : count;
}

static void events_cleanup(struct ct_events **events)
{
	ct_events_destroy(*events);
}

/* An event is half a call. */
static void count_calls(const struct worker *worker, uint64_t *events)
{
	uint64_t all = __atomic_add_fetch(&worker->run->calls, *events / 2, __ATOMIC_RELAXED);
	*events = 0;
	if (worker->tells_progress && worker->run->parallel->progress)
		worker->run->parallel->progress(all, 0);
}

static struct ct_error *read_stream(const struct worker *worker, size_t stream)
{
	const struct ct_parallel *parallel = worker->run->parallel;
	ct_cleanup(events_cleanup) struct ct_events *events = NULL;
	uint64_t count = 0, some = 0;
	struct ct_error *err = ct_events_create(parallel->session, stream, parallel->selection,
						parallel->groups, &events);
	if (err)
		return err;
	if (parallel->begin_stream && !parallel->begin_stream(worker->state, stream))
		return ct_error_nomem;
	while (parallel->read(events, worker->state, stream, &some)) {
		count += some;
		if (count >= 2 * CT_PROGRESS_CALLS)
			count_calls(worker, &count);
	}
	if (ct_events_failed(events))
		return ct_error_nomem;
	if (parallel->end_stream && !parallel->end_stream(worker->state, stream))
		return ct_error_nomem;
	return NULL;
}

/* UINT64_MAX: there is none left, or somebody failed. */
static size_t take_stream(struct run *run)
{
	const struct ct_parallel *parallel = run->parallel;
	pthread_mutex_lock(&run->lock);
	size_t stream = run->err ? parallel->session->stream_count : run->next_stream;
	while (stream < parallel->session->stream_count && parallel->selection &&
	       !parallel->selection->streams[stream])
		stream++;
	run->next_stream = stream + 1;
	pthread_mutex_unlock(&run->lock);
	return stream;
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct run *run = worker->run;
	size_t stream;
	while ((stream = take_stream(run)) < run->parallel->session->stream_count) {
		struct ct_error *err = read_stream(worker, stream);
		if (!err)
			continue;
		pthread_mutex_lock(&run->lock);
		if (run->err)
			ct_error_destroy(err);
		else
			run->err = err;
		pthread_mutex_unlock(&run->lock);
	}
	return NULL;
}

struct ct_error *ct_parallel_run(const struct ct_parallel *parallel)
{
	struct run run = {.parallel = parallel, .lock = PTHREAD_MUTEX_INITIALIZER};
	struct worker workers[MOST_WORKERS];
	unsigned int started = 0;
	workers[0] = (struct worker){.run = &run};
	for (unsigned int i = 0; i < parallel->workers; i++)
		workers[i] = (struct worker){
			.run = &run,
			.state = parallel->states[i],
			.tells_progress = i == 0,
		};
	/* A thread that cannot be had is one less: this one does what is left. */
	for (unsigned int i = 1; i < parallel->workers; i++, started++)
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			break;
	work(&workers[0]);
	for (unsigned int i = 1; i <= started; i++)
		pthread_join(workers[i].thread, NULL);
	pthread_mutex_destroy(&run.lock);
	return run.err;
}
