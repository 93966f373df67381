/* SPDX-License-Identifier: MIT */
/*
 * The workers are forks: they begin with all that the caller has opened and
 * read. A shared counter gives each the next item; the plans go into a file in
 * memory per worker, in pieces, which the caller puts together in the order of
 * the items. A piece is there as a whole or it is run again, so it does not
 * matter how a worker ends.
 */
#include "plan/workers.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"

enum { WORKERS_MAX = 64 };

/* Head of a piece: the index and the plans follow. Multiples of 8 bytes all. */
struct piece {
	uint64_t item;
	uint64_t count; /* of the index */
	uint64_t plans_bytes;
};

struct worker {
	pid_t pid; /* -1: none was started; 0: the caller itself */
	int fd;	   /* of the file with its pieces; -1: none */
	const char *bytes;
	size_t size_bytes;
};

struct team {
	const struct ct_work *work;
	atomic_size_t *next_item; /* shared by all */
	struct worker workers[WORKERS_MAX];
	unsigned int count;
	const char **pieces; /* by item; NULL: not there */
};

unsigned int ct_workers_processors(void)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	int count = CPU_COUNT(&set);
	return count > 0 ? (unsigned int)count : 1;
}

/* ---- in each process ---- */

static bool write_piece(int fd, size_t item, const struct ct_plan_writer *writer)
{
	struct piece piece = {item, writer->count, writer->plans.length};
	return !writer->failed && ct_write_all(fd, &piece, sizeof(piece)) == 0 &&
	       ct_write_all(fd, writer->index, writer->count * sizeof(*writer->index)) == 0 &&
	       ct_write_all(fd, writer->plans.bytes, writer->plans.length) == 0;
}

static void tell(const struct ct_work *work, size_t done)
{
	if (work->progress)
		work->progress(done, work->count);
}

static void work_on_items(const struct team *team, int fd, bool is_caller)
{
	const struct ct_work *work = team->work;
	for (;;) {
		size_t item = atomic_fetch_add(team->next_item, 1);
		if (item >= work->count || !work->run(work->context, item) ||
		    !write_piece(fd, item, work->writer))
			break;
		ct_plan_writer_clear(work->writer);
		if (is_caller)
			tell(work, item);
	}
	ct_plan_writer_clear(work->writer);
}

/* Together they may use what the caller may. */
static void share_memory_limit(unsigned int workers)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_DATA, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
		return;
	limit.rlim_cur /= workers;
	setrlimit(RLIMIT_DATA, &limit);
}

/* ---- the caller ---- */

static bool start_worker(struct team *team, struct worker *worker, unsigned int workers)
{
	*worker = (struct worker){.pid = -1, .fd = memfd_create("calltrace-plans", MFD_CLOEXEC)};
	if (worker->fd < 0)
		return false;
	bool is_caller = worker == team->workers;
	pid_t caller = getpid();
	worker->pid = is_caller ? 0 : fork();
	if (worker->pid != 0 || is_caller)
		return worker->pid >= 0;
	/* The caller may be gone before it is asked to tell of its end. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	share_memory_limit(workers);
	if (getppid() == caller)
		work_on_items(team, worker->fd, false);
	_exit(0);
}

static void wait_for(const struct worker *worker)
{
	if (worker->pid > 0)
		while (waitpid(worker->pid, NULL, 0) < 0 && errno == EINTR)
			;
}

static void find_pieces(struct team *team, struct worker *worker)
{
	struct stat status;
	struct piece piece;
	if (fstat(worker->fd, &status) != 0 || status.st_size <= 0)
		return;
	size_t size_bytes = (size_t)status.st_size;
	void *bytes = mmap(NULL, size_bytes, PROT_READ, MAP_PRIVATE, worker->fd, 0);
	if (bytes == MAP_FAILED)
		return;
	worker->bytes = bytes;
	worker->size_bytes = size_bytes;
	for (size_t at = 0; size_bytes - at >= sizeof(piece);) {
		memcpy(&piece, worker->bytes + at, sizeof(piece));
		size_t there = size_bytes - at - sizeof(piece);
		if (piece.item >= team->work->count ||
		    piece.count > there / sizeof(struct ct_plan_index) ||
		    piece.plans_bytes > there - piece.count * sizeof(struct ct_plan_index))
			break;
		team->pieces[piece.item] = worker->bytes + at;
		at += sizeof(piece) + piece.count * sizeof(struct ct_plan_index) +
		      piece.plans_bytes;
	}
}

static bool join_pieces(const struct team *team)
{
	const struct ct_work *work = team->work;
	for (size_t item = 0; item < work->count; item++) {
		struct piece piece;
		const char *at = team->pieces[item];
		if (!at) {
			if (!work->run(work->context, item))
				return false;
			tell(work, item);
			continue;
		}
		memcpy(&piece, at, sizeof(piece));
		at += sizeof(piece);
		ct_plan_writer_append(work->writer, (const struct ct_plan_index *)at, piece.count,
				      at + piece.count * sizeof(struct ct_plan_index),
				      piece.plans_bytes);
	}
	return !work->writer->failed;
}

static void close_worker(struct worker *worker)
{
	if (worker->bytes)
		munmap((void *)worker->bytes, worker->size_bytes);
	if (worker->fd >= 0)
		close(worker->fd);
}

static void work_together(struct team *team, unsigned int workers)
{
	/* The first is the caller, which works when all others do. */
	while (team->count < workers && start_worker(team, &team->workers[team->count++], workers))
		;
	if (team->workers[0].fd >= 0)
		work_on_items(team, team->workers[0].fd, true);
	for (unsigned int i = 0; i < team->count; i++)
		wait_for(&team->workers[i]);
	for (unsigned int i = 0; i < team->count; i++)
		find_pieces(team, &team->workers[i]);
}

bool ct_workers_run(const struct ct_work *work, unsigned int workers)
{
	struct team team = {.work = work};
	if (workers > WORKERS_MAX)
		workers = WORKERS_MAX;
	if (workers > work->count)
		workers = (unsigned int)work->count;
	team.pieces = calloc(work->count + 1, sizeof(*team.pieces));
	if (!team.pieces)
		return false;
	void *shared = workers > 1 ? mmap(NULL, sizeof(*team.next_item), PROT_READ | PROT_WRITE,
					  MAP_SHARED | MAP_ANONYMOUS, -1, 0)
				   : MAP_FAILED;
	if (shared != MAP_FAILED) {
		team.next_item = shared;
		work_together(&team, workers);
		munmap(shared, sizeof(*team.next_item));
	}
	bool is_good = join_pieces(&team);
	for (unsigned int i = 0; i < team.count; i++)
		close_worker(&team.workers[i]);
	free(team.pieces);
	return is_good;
}
