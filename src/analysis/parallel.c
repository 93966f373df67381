/* SPDX-License-Identifier: MIT */
/* Streams read by several threads: see parallel.h. */
#include "analysis/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "base/cleanup.h"

enum { MOST_WORKERS = 64, LEAST_PIECES = 64 };

enum task_state {
	TASK_IS_WAITING = 0,
	TASK_IS_TAKEN,
	TASK_IS_LEFT, /* whoever reads the part before goes on with it */
};

/* A stream, or a part of one; those of a stream follow each other. */
struct task {
	size_t stream;
	uint32_t from, to; /* pieces */
	bool goes_on;	   /* another part follows */
	/* under the lock */
	enum task_state state;
	bool is_decided; /* whether it is read by itself */
	bool is_known;	 /* it is: `open` is set, and does not change any more */
	struct ct_walk_state open;
};

/* What the workers share. */
struct run {
	const struct ct_parallel *parallel;
	struct task *tasks;
	size_t task_count;
	size_t next_task; /* the next worker takes this one */
	uint64_t calls;	  /* so far, of all workers */
	struct ct_error *err;
	pthread_mutex_t lock;
	pthread_cond_t decided;
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

static uint32_t pieces_of(const struct ct_session *session, size_t stream)
{
	const struct ct_stream *row = &session->streams[stream];
	return ct_part_pieces(session->inputs[row->input].trace, row->stream);
}

unsigned int ct_parallel_workers(const struct ct_session *session, bool has_parts)
{
	unsigned int count = ct_parallel_processors();
	size_t of_use = session->stream_count;
	for (size_t i = 0; has_parts && i < session->stream_count; i++)
		of_use += pieces_of(session, i) / LEAST_PIECES;
	if (count > MOST_WORKERS)
		count = MOST_WORKERS;
	if (count > of_use)
		count = (unsigned int)of_use;
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

static void read_all(const struct worker *worker, struct ct_events *events, size_t stream)
{
	uint64_t count = 0, some = 0;
	while (worker->run->parallel->read(events, worker->state, stream, &some)) {
		count += some;
		if (count >= 2 * CT_PROGRESS_CALLS)
			count_calls(worker, &count);
	}
}

/* ---- parts ---- */

static void decide(struct run *run, struct task *task, bool is_known)
{
	pthread_mutex_lock(&run->lock);
	task->is_known = is_known;
	task->is_decided = true;
	pthread_cond_broadcast(&run->decided);
	pthread_mutex_unlock(&run->lock);
}

/* It was taken before this one, by somebody who decides without waiting for us. */
static bool wait_for(struct run *run, struct task *task)
{
	pthread_mutex_lock(&run->lock);
	while (!task->is_decided)
		pthread_cond_wait(&run->decided, &run->lock);
	bool is_known = task->is_known;
	pthread_mutex_unlock(&run->lock);
	return is_known;
}

/* What is open where the task's part begins; false: it cannot be told. */
static bool find_open(struct run *run, struct task *task)
{
	const struct ct_session *session = run->parallel->session;
	const struct ct_stream *row = &session->streams[task->stream];
	const struct ct_trace *trace = session->inputs[row->input].trace;
	ct_cleanup(ct_part_effect_deinit) struct ct_part_effect effect = {0};
	if (task->from == 0)
		return true;
	struct task *before = task - 1;
	bool is_known = ct_part_scan(trace, row->stream, before->from, before->to, &effect);
	return wait_for(run, before) && is_known &&
	       ct_part_apply(trace, &effect, &before->open, &task->open);
}

/* Is the part behind the task's read by somebody else? If not, nobody will but us. */
static bool is_read_by_others(struct run *run, struct task *task)
{
	pthread_mutex_lock(&run->lock);
	if (task->state == TASK_IS_WAITING) {
		task->state = TASK_IS_LEFT;
		task->is_decided = true;
	}
	pthread_mutex_unlock(&run->lock);
	return wait_for(run, task);
}

/* The task's part, and those behind it that are not read by themselves. */
static struct ct_error *read_parts(const struct worker *worker, struct task *task)
{
	struct run *run = worker->run;
	const struct ct_parallel *parallel = run->parallel;
	ct_cleanup(events_cleanup) struct ct_events *events = NULL;
	const struct ct_events_part part = {task->from, task->to, &task->open};
	struct ct_error *err = ct_events_create_part(parallel->session, task->stream,
						     parallel->selection, parallel->groups, &part,
						     &events);
	if (err)
		return err;
	if (parallel->begin_stream && !parallel->begin_stream(worker->state, task->stream))
		return ct_error_nomem;
	if (task->open.count && !ct_events_resume(events, &task->open, parallel->take_part,
						  worker->state, task->stream))
		return ct_error_nomem;
	read_all(worker, events, task->stream);
	for (struct task *last = task; last->goes_on && !ct_events_failed(events); last++) {
		if (is_read_by_others(run, last + 1)) {
			if (!ct_events_pause(events, parallel->take_part, worker->state,
					     task->stream))
				return ct_error_nomem;
			break;
		}
		ct_events_extend(events, last[1].to);
		read_all(worker, events, task->stream);
	}
	if (ct_events_failed(events))
		return ct_error_nomem;
	if (parallel->end_stream && !parallel->end_stream(worker->state, task->stream))
		return ct_error_nomem;
	return NULL;
}

static struct ct_error *do_task(const struct worker *worker, struct task *task)
{
	bool is_known = find_open(worker->run, task);
	decide(worker->run, task, is_known);
	return is_known ? read_parts(worker, task) : NULL;
}

/* ---- tasks ---- */

/*
 * How many parts a stream of so many pieces of `all` is to have. More than one makes work, for
 * all but the last are looked through before.
 */
static uint32_t part_count(const struct ct_parallel *parallel, uint64_t pieces, uint64_t all)
{
	uint64_t parts = all ? (pieces * parallel->workers + all / 2) / all : 1;
	if (!parallel->take_part || !ct_events_can_part(parallel->selection))
		parts = 1;
	if (parts > pieces / LEAST_PIECES)
		parts = pieces / LEAST_PIECES;
	return parts ? (uint32_t)parts : 1;
}

/*
 * Who reads a part looks through the one before it first, which takes about 5/16 of the time of
 * reading: so parts are not alike, but take as long as each other.
 */
static void add_tasks(struct run *run, size_t stream, uint32_t pieces, uint32_t parts)
{
	enum { WHOLE = 1 << 10 };
	uint64_t sizes[MOST_WORKERS] = {WHOLE}, all = WHOLE, done = WHOLE;
	for (uint32_t i = 1; i < parts; i++) {
		sizes[i] = WHOLE - sizes[i - 1] * 5 / 16;
		all += sizes[i];
	}
	for (uint32_t i = 0, from = 0; i < parts; i++) {
		uint32_t to = i + 1 < parts ? (uint32_t)(pieces * done / all) : pieces;
		run->tasks[run->task_count++] = (struct task){
			.stream = stream,
			.from = from,
			.to = to,
			.goes_on = i + 1 < parts,
		};
		from = to;
		done += i + 1 < parts ? sizes[i + 1] : 0;
	}
}

static bool list_tasks(struct run *run)
{
	const struct ct_parallel *parallel = run->parallel;
	const struct ct_session *session = parallel->session;
	const bool *chosen = parallel->selection ? parallel->selection->streams : NULL;
	uint64_t all = 0;
	run->tasks = calloc(session->stream_count + MOST_WORKERS + 1, sizeof(*run->tasks));
	for (size_t i = 0; i < session->stream_count; i++)
		all += !chosen || chosen[i] ? pieces_of(session, i) : 0;
	for (size_t i = 0; run->tasks && i < session->stream_count; i++) {
		uint32_t pieces = pieces_of(session, i);
		if (!chosen || chosen[i])
			add_tasks(run, i, pieces, part_count(parallel, pieces, all));
	}
	return run->tasks != NULL;
}

/* NULL: there is none left, or somebody failed. */
static struct task *take_task(struct run *run)
{
	struct task *task = NULL;
	pthread_mutex_lock(&run->lock);
	while (!run->err && !task && run->next_task < run->task_count) {
		struct task *next = &run->tasks[run->next_task++];
		if (next->state != TASK_IS_WAITING)
			continue;
		next->state = TASK_IS_TAKEN;
		task = next;
	}
	pthread_mutex_unlock(&run->lock);
	return task;
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct run *run = worker->run;
	struct task *task;
	while ((task = take_task(run)) != NULL) {
		struct ct_error *err = do_task(worker, task);
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

static void run_deinit(struct run *run)
{
	for (size_t i = 0; i < run->task_count; i++)
		ct_walk_state_deinit(&run->tasks[i].open);
	free(run->tasks);
	pthread_cond_destroy(&run->decided);
	pthread_mutex_destroy(&run->lock);
}

struct ct_error *ct_parallel_run(const struct ct_parallel *parallel)
{
	ct_cleanup(run_deinit) struct run run = {
		.parallel = parallel,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.decided = PTHREAD_COND_INITIALIZER,
	};
	struct worker workers[MOST_WORKERS];
	unsigned int started = 0;
	if (!list_tasks(&run))
		return ct_error_nomem;
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
	return run.err;
}
