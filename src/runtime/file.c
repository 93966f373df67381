/* SPDX-License-Identifier: MIT */
/*
 * The trace file of this process: creating it under a name no other process
 * of the run has, mapping its blocks, appending pieces. In the traced process;
 * signals blocked. The descriptor lives in somebody else's table: it is kept
 * high, stepped aside for the program, checked before each append, and opened
 * anew when it was lost.
 */
#include "runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "format/output_name.h"

enum { MAX_TABLE_BLOCKS = 8193 }; /* 2^24 sites */

/* Mapped blocks of a table, by seq. */
struct table {
	struct ct_block_header **blocks;
	uint32_t count;
	uint32_t capacity;
};

static struct {
	int fd; /* -1: none */
	dev_t device;
	ino_t inode;
	uint64_t file_id;
	uint64_t next_block; /* atomic */
	struct ct_block_header *first;
	struct table sites, modules, threads, plans;
	struct ct_lock descriptor_lock; /* moving and reopening `fd` */
	uint32_t users; /* of `fd` at the moment: its number is not given up before they are done */
	bool is_held;	/* nobody may use `fd` before descriptor_lock is free */
} file = {.fd = -1};

int ct_file_descriptor(void)
{
	return __atomic_load_n(&file.fd, __ATOMIC_ACQUIRE);
}

uint64_t ct_file_bytes(void)
{
	return __atomic_load_n(&file.next_block, __ATOMIC_RELAXED) * CT_BLOCK_BYTES;
}

/* ---- the descriptor ---- */

static bool is_ours(int fd)
{
	struct stat status;
	return fd >= 0 && !ct_sys_failed(ct_sys(SYS_newfstatat, fd, "", &status, AT_EMPTY_PATH)) &&
	       status.st_dev == file.device && status.st_ino == file.inode;
}

/* A copy with a number programs do not meet; closes `fd`. */
static int move_high(int fd)
{
	struct rlimit limit = {0, 0};
	ct_sys(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &limit);
	/* Not higher than 4096: the kernel's table grows with the largest number. */
	uint64_t top = limit.rlim_cur < 4096 ? limit.rlim_cur : 4096;
	/* Never one of the standard three, which may be free. */
	for (uint64_t least = top > 32 ? top - 16 : 3; least >= 3; least /= 2) {
		long high = ct_sys(SYS_fcntl, fd, F_DUPFD_CLOEXEC, least);
		if (ct_sys_failed(high))
			continue;
		ct_sys(SYS_close, fd);
		return (int)high;
	}
	return fd;
}

/* Open the file by its name again, if it is still the same. */
static bool reopen(void)
{
	ct_lock_take(&file.descriptor_lock);
	int fd = ct_file_descriptor();
	if (!is_ours(fd)) {
		long opened = ct_sys(SYS_openat, AT_FDCWD, ct_runtime.raw_path,
				     O_RDWR | O_CLOEXEC | O_NOFOLLOW);
		fd = -1;
		if (!ct_sys_failed(opened)) {
			if (is_ours((int)opened))
				fd = move_high((int)opened);
			else
				ct_sys(SYS_close, opened);
		}
		ct_debug("the trace's file descriptor is gone; %s",
			 fd < 0 ? "it cannot be opened again" : "opened again");
		__atomic_store_n(&file.fd, fd, __ATOMIC_SEQ_CST);
	}
	ct_lock_release(&file.descriptor_lock);
	return fd >= 0;
}

static void release_descriptor(void)
{
	__atomic_sub_fetch(&file.users, 1, __ATOMIC_SEQ_CST);
}

/* The descriptor, surely ours until release_descriptor(); -1: it is not, or others hold it. */
static int try_descriptor(void)
{
	__atomic_add_fetch(&file.users, 1, __ATOMIC_SEQ_CST);
	int fd = __atomic_load_n(&file.fd, __ATOMIC_SEQ_CST);
	if (ct_likely(!__atomic_load_n(&file.is_held, __ATOMIC_SEQ_CST) && is_ours(fd)))
		return fd;
	release_descriptor();
	return -1;
}

/* The same, opened anew when it was lost; -1: the file cannot be reached. */
static int use_descriptor(void)
{
	enum { TRIES = 8 }; /* a program may take our number again and again */
	for (int i = 0; i < TRIES; i++) {
		int fd = try_descriptor();
		if (ct_likely(fd >= 0))
			return fd;
		if (!reopen())
			return -1;
	}
	return -1;
}

/* Under descriptor_lock: have nobody use the number any more, and close it. */
static void give_up_number(int number, int replacement)
{
	__atomic_store_n(&file.fd, replacement, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&file.users, __ATOMIC_SEQ_CST))
		ct_sys(SYS_sched_yield);
	ct_sys(SYS_close, number);
}

void ct_file_lend_descriptor(void)
{
	ct_lock_take(&file.descriptor_lock);
	int fd = ct_file_descriptor();
	if (!ct_runtime.nameless && is_ours(fd))
		give_up_number(fd, -1);
	ct_lock_release(&file.descriptor_lock);
}

/* The program is about to close or replace `number`: if it is ours, step aside. */
void ct_file_leave_number(int number)
{
	/* A vfork child shares our memory, but not our descriptors. */
	if (number < 0 || number != ct_file_descriptor() || ct_sys(SYS_getpid) != ct_runtime.pid)
		return;
	ct_sigset saved = ct_sys_block_signals();
	ct_lock_take(&file.descriptor_lock);
	if (is_ours(number)) {
		long other = ct_sys(SYS_fcntl, number, F_DUPFD_CLOEXEC,
				    number > 64 ? number - 32 : 3);
		if (ct_sys_failed(other))
			other = ct_sys(SYS_fcntl, number, F_DUPFD_CLOEXEC, 3);
		if (!ct_sys_failed(other))
			give_up_number(number, (int)other);
	}
	ct_lock_release(&file.descriptor_lock);
	ct_sys_restore_signals(saved);
}

/* ---- blocks ---- */

/* A number for a new block at the end of the file, or -errno. */
static int take_block(uint64_t *ret)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
	uint64_t block = __atomic_fetch_add(&file.next_block, 1, __ATOMIC_RELAXED);
	/* Writing past the limit would send the program SIGXFSZ. */
	ct_sys(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, &limit);
	if (limit.rlim_cur != RLIM_INFINITY && (block + 1) * CT_BLOCK_BYTES > limit.rlim_cur)
		return -EFBIG;
	*ret = block;
	return 0;
}

/* Reserve the disk space, so that a full disk shows here and not as SIGBUS in a hook. */
static int reserve(int fd, uint64_t offset)
{
	long error;
	do
		error = ct_sys(SYS_fallocate, fd, 0, offset, CT_BLOCK_BYTES);
	while (error == -EINTR);
	if (error != -EOPNOTSUPP && error != -ENOSYS)
		return (int)error;
	static const char zeros[4096];
	for (size_t at = 0; at < CT_BLOCK_BYTES; at += sizeof(zeros)) {
		error = ct_sys(SYS_pwrite64, fd, zeros, sizeof(zeros), offset + at);
		if (error != (long)sizeof(zeros))
			return ct_sys_failed(error) ? (int)error : -ENOSPC;
	}
	return 0;
}

static void *map_block_number(int fd, uint64_t block, int *ret_error)
{
	*ret_error = reserve(fd, block * CT_BLOCK_BYTES);
	if (*ret_error)
		return NULL;
	long memory = ct_sys(SYS_mmap, 0, CT_BLOCK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			     block * CT_BLOCK_BYTES);
	if (ct_sys_failed(memory)) {
		*ret_error = (int)memory;
		return NULL;
	}
	return (void *)memory;
}

/* A new block of the file, mapped and zero but for its header. NULL: *ret_error says why. */
struct ct_block_header *ct_file_map_block(enum ct_block_type type, uint32_t stream, uint64_t seq,
					  int *ret_error)
{
	uint64_t block;
	*ret_error = take_block(&block);
	if (*ret_error)
		return NULL;
	int fd = use_descriptor();
	if (fd < 0) {
		*ret_error = -EBADF;
		return NULL;
	}
	struct ct_block_header *header = map_block_number(fd, block, ret_error);
	release_descriptor();
	if (!header)
		return NULL;
	header->type = (uint16_t)type;
	header->version = 1;
	header->stream = stream;
	header->seq = seq;
	header->file_id = file.file_id;
	header->block = (uint32_t)block;
	if (type != CT_BLOCK_RECORDS) {
		struct ct_block_header whole = *header;
		whole.magic = CT_BLOCK_MAGIC;
		header->head_sum = ct_block_head_sum(&whole);
	}
	__atomic_store_n(&header->magic, CT_BLOCK_MAGIC, __ATOMIC_RELEASE);
	return header;
}

/*
 * Disk space ahead of the writing makes it cheaper by a quarter. Not for small
 * files: what is left of it when the process is killed stays, at most a quarter.
 */
enum { AHEAD_BLOCKS = 16, FIRST_AHEAD = 4 * AHEAD_BLOCKS };

static void reserve_ahead(int fd, uint64_t block)
{
	enum { KEEP_SIZE = 1 };
	/* Should it fail, the writing will tell. */
	if (block % AHEAD_BLOCKS == 0 && block >= FIRST_AHEAD)
		ct_sys(SYS_fallocate, fd, KEEP_SIZE, block * CT_BLOCK_BYTES,
		       AHEAD_BLOCKS * CT_BLOCK_BYTES);
}

void ct_file_give_back(void)
{
	struct stat status;
	if (__atomic_load_n(&file.next_block, __ATOMIC_RELAXED) <= FIRST_AHEAD)
		return;
	/* Nobody writes between the two calls: use_descriptor() waits for the lock. */
	ct_lock_take(&file.descriptor_lock);
	__atomic_store_n(&file.is_held, true, __ATOMIC_SEQ_CST);
	int fd = ct_file_descriptor();
	if (!__atomic_load_n(&file.users, __ATOMIC_SEQ_CST) && is_ours(fd) &&
	    ct_sys(SYS_newfstatat, fd, "", &status, AT_EMPTY_PATH) == 0)
		ct_sys(SYS_ftruncate, fd, status.st_size);
	__atomic_store_n(&file.is_held, false, __ATOMIC_SEQ_CST);
	ct_lock_release(&file.descriptor_lock);
}

/* Append a piece; its header's used_bytes is set. 0 or -errno. */
int ct_file_append(struct ct_block_header *header, const void *records)
{
	static const char zeros[4096];
	size_t total = sizeof(*header) + header->used_bytes;
	size_t rest = CT_BLOCK_BYTES - total;
	/* A whole block at a time: the kernel may keep it in one piece, at a third less. */
	struct iovec parts[] = {
		{header, sizeof(*header)},
		{(void *)records, header->used_bytes},
		{(void *)zeros, rest <= sizeof(zeros) ? rest : 0},
	};
	uint64_t block;
	int error = take_block(&block);
	if (error)
		return error;
	header->block = (uint32_t)block;
	header->head_sum = ct_block_head_sum(header);
	header->sum = ct_block_sum(header, records);
	int fd = use_descriptor();
	if (fd < 0)
		return -EBADF;
	reserve_ahead(fd, block);
	long count;
	do
		count = ct_sys(SYS_pwritev, fd, parts, ct_array_length(parts),
			       block * CT_BLOCK_BYTES, 0);
	while (count == -EINTR);
	release_descriptor();
	if (count >= (long)total)
		return 0;
	return ct_sys_failed(count) ? (int)count : -ENOSPC;
}

/* ---- the end of the file's blocks ---- */

void ct_file_seal(uint32_t block)
{
	static union {
		struct ct_block_header header;
		char bytes[CT_BLOCK_BYTES];
	} copy; /* one thread ends the trace */
	enum { SUMS_AT = offsetof(struct ct_block_header, head_sum) };
	uint64_t offset = (uint64_t)block * CT_BLOCK_BYTES;
	int fd = try_descriptor();
	if (fd < 0)
		return;
	long length = ct_sys(SYS_pread64, fd, &copy, sizeof(copy), offset);
	if (length == (long)sizeof(copy) && copy.header.magic == CT_BLOCK_MAGIC &&
	    copy.header.block == block) {
		copy.header.head_sum = ct_block_head_sum(&copy.header);
		copy.header.sum = ct_block_sum(&copy.header, &copy.header + 1);
		ct_sys(SYS_pwrite64, fd, copy.bytes + SUMS_AT, sizeof(copy.header) - SUMS_AT,
		       offset + SUMS_AT);
	}
	release_descriptor();
}

/* What is written into the mapped block from now on stays in the process. */
static void freeze(struct ct_block_header *header)
{
	uint32_t block = header->block;
	int fd = try_descriptor();
	if (fd < 0)
		return;
	long memory = ct_sys(SYS_mmap, header, CT_BLOCK_BYTES, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_FIXED, fd, (uint64_t)block * CT_BLOCK_BYTES);
	release_descriptor();
	if (!ct_sys_failed(memory))
		ct_file_seal(block);
}

static void freeze_table(const struct table *table)
{
	uint32_t count = __atomic_load_n(&table->count, __ATOMIC_ACQUIRE);
	for (uint32_t i = 0; i < count; i++)
		freeze(table->blocks[i]);
}

void ct_file_freeze(void)
{
	freeze_table(&file.sites);
	freeze_table(&file.modules);
	freeze_table(&file.threads);
	freeze_table(&file.plans);
	freeze(file.first);
}

/* ---- tables; under ct_runtime.lock ---- */

static struct ct_block_header *table_block(struct table *table, enum ct_block_type type,
					   uint32_t seq)
{
	if (seq < table->count)
		return table->blocks[seq];
	if (seq != table->count || seq >= MAX_TABLE_BLOCKS)
		return NULL;
	if (table->count == table->capacity) {
		uint32_t capacity = table->capacity ? table->capacity * 4 : 512;
		struct ct_block_header **grown = ct_sys_map(capacity * sizeof(*grown));
		if (!grown)
			return NULL;
		/* In this order, for a fork on another thread in the middle. */
		struct ct_block_header **old = table->blocks;
		uint32_t old_capacity = table->capacity;
		if (old)
			ct_copy(grown, old, table->count * sizeof(*grown));
		__atomic_store_n(&table->blocks, grown, __ATOMIC_RELEASE);
		__atomic_store_n(&table->capacity, capacity, __ATOMIC_RELEASE);
		if (old)
			ct_sys_unmap(old, old_capacity * sizeof(*old));
	}
	int error;
	struct ct_block_header *header = ct_file_map_block(type, 0, seq, &error);
	if (header)
		table->blocks[table->count++] = header;
	return header;
}

/* Row `number`, from 1, of a table; the table grows by a block when it is the next. */
static void *table_row(struct table *table, enum ct_block_type type, uint32_t number,
		       uint32_t per_block, size_t row_bytes)
{
	struct ct_block_header *header = table_block(table, type, (number - 1) / per_block);
	if (!header)
		return NULL;
	return (char *)header + CT_BLOCK_HEADER_BYTES + (number - 1) % per_block * row_bytes;
}

struct ct_site *ct_file_site_row(uint32_t number)
{
	return table_row(&file.sites, CT_BLOCK_SITES, number, CT_SITES_PER_BLOCK,
			 sizeof(struct ct_site));
}

struct ct_thread_row *ct_file_thread_row(uint32_t stream)
{
	return table_row(&file.threads, CT_BLOCK_THREADS, stream, CT_THREADS_PER_BLOCK,
			 sizeof(struct ct_thread_row));
}

/*
 * Entries of MODULES and PLANS follow each other; the first field of each is
 * its size, 0 behind the last one. The place behind the last one of a block, or
 * NULL when `size_bytes` more, and the zero behind, do not fit.
 */
static void *entry_slot(struct ct_block_header *header, size_t size_bytes)
{
	char *at = (char *)header + CT_BLOCK_HEADER_BYTES;
	char *end = (char *)header + CT_BLOCK_BYTES;
	while (*(uint32_t *)at)
		at += *(uint32_t *)at;
	return at + size_bytes + sizeof(struct ct_module) <= end ? at : NULL;
}

static void *table_entry(struct table *table, enum ct_block_type type, size_t size_bytes)
{
	void *slot = NULL;
	if (table->count)
		slot = entry_slot(table->blocks[table->count - 1], size_bytes);
	if (slot)
		return slot;
	struct ct_block_header *header = table_block(table, type, table->count);
	return header ? entry_slot(header, size_bytes) : NULL;
}

bool ct_file_add_plan(const struct ct_plan_row *row, const struct ct_plan *plan)
{
	size_t size_bytes = sizeof(*row) + (plan ? plan->size_bytes : 0);
	struct ct_plan_row *slot = table_entry(&file.plans, CT_BLOCK_PLANS, size_bytes);
	if (!slot)
		return false;
	*slot = *row;
	slot->size_bytes = 0;
	if (plan)
		ct_copy(slot + 1, plan, plan->size_bytes);
	__atomic_store_n(&slot->size_bytes, (uint32_t)size_bytes, __ATOMIC_RELEASE);
	return true;
}

bool ct_file_add_module(const struct ct_module *entry, const char *path)
{
	size_t path_bytes = ct_string_length(path);
	size_t size_bytes = (sizeof(*entry) + path_bytes + 7) & ~(size_t)7;
	struct ct_module *slot = table_entry(&file.modules, CT_BLOCK_MODULES, size_bytes);
	if (!slot)
		return false;
	*slot = *entry;
	slot->size_bytes = 0;
	slot->path_bytes = (uint16_t)path_bytes;
	ct_copy(slot + 1, path, path_bytes);
	__atomic_store_n(&slot->size_bytes, (uint32_t)size_bytes, __ATOMIC_RELEASE);
	return true;
}

struct ct_module *ct_file_module(uint32_t ordinal)
{
	for (uint32_t block = 0; block < file.modules.count; block++) {
		char *at = (char *)file.modules.blocks[block] + CT_BLOCK_HEADER_BYTES;
		for (struct ct_module *row = (void *)at; row->size_bytes;
		     row = (void *)((char *)row + row->size_bytes))
			if (row->ordinal == ordinal)
				return row;
	}
	return NULL;
}

/* ---- the name ---- */

/* Who wrote the trace that has the name we would take. */
struct occupant {
	bool is_trace;
	bool is_empty;
	uint64_t run_id;
	uint32_t pid;
	uint32_t state;
};

static bool read_occupant(const char *path, struct occupant *ret)
{
	char head[CT_BLOCK_HEADER_BYTES + sizeof(struct ct_file_info)];
	struct ct_block_header header;
	struct ct_file_info info;
	long length = ct_sys_read_file(path, head, sizeof(head));
	if (ct_sys_failed(length))
		return false;
	*ret = (struct occupant){.is_empty = length == 0};
	if (length < (long)sizeof(head))
		return true;
	ct_copy(&header, head, sizeof(header));
	ct_copy(&info, head + sizeof(header), sizeof(info));
	ret->is_trace = header.magic == CT_BLOCK_MAGIC && header.type == CT_BLOCK_FILE;
	ret->run_id = info.run_id;
	ret->pid = info.pid;
	ret->state = info.state;
	return true;
}

static bool process_exists(uint32_t pid)
{
	return ct_sys(SYS_kill, pid, 0) != -ESRCH;
}

/* Where the extension of a path begins; NULL: it has none. */
static const char *find_extension(const char *path)
{
	static const char *const doubles[] = CT_DOUBLE_EXTENSIONS;
	const char *slash = ct_string_last(path, '/');
	const char *name = slash ? slash + 1 : path;
	const char *dot = ct_string_last(name, '.');
	size_t length = ct_string_length(name);
	for (size_t i = 0; i < ct_array_length(doubles); i++) {
		size_t part = ct_string_length(doubles[i]);
		if (length > part && ct_string_equal(name + length - part, doubles[i]))
			return name + length - part;
	}
	/* A leading dot makes a hidden file, not an extension. */
	return dot && dot != name ? dot : NULL;
}

/* Was the file written since the run began? */
static bool is_of_this_time(const char *path)
{
	struct stat status;
	return !ct_sys_failed(ct_sys(SYS_newfstatat, AT_FDCWD, path, &status, 0)) &&
	       status.st_size > 0 &&
	       (uint64_t)status.st_mtim.tv_sec * 1000000000 + (uint64_t)status.st_mtim.tv_nsec >=
		       ct_runtime.run_start_realtime_ns;
}

/* Does the result at `path` come from a process of this run? The head of a document names the run,
 * other formats do not. */
static bool is_document_of_run(const char *path)
{
	enum { HEAD_BYTES = 1 << 18 }; /* the command line comes before it */
	char wanted_bytes[64];
	struct ct_text wanted = {wanted_bytes, 0, sizeof(wanted_bytes), false};
	const char *extension = find_extension(path);
	if (extension && !ct_string_equal(extension, ".json"))
		return is_of_this_time(path);
	char *head = ct_sys_map(HEAD_BYTES);
	if (!head)
		return false;
	bool found = false;
	long length = ct_sys_read_file(path, head, HEAD_BYTES - 1);
	ct_text_printf(&wanted, "\"0x%lx\"", ct_runtime.run_id);
	for (long at = 0; at < length && !found; at++)
		found = head[at] == '"' && ct_string_starts(head + at, wanted_bytes);
	ct_sys_unmap(head, HEAD_BYTES);
	return found;
}

/* `path` with `tag` put before the extension: trace.json, 42 -> trace.42.json */
static void add_tag(struct ct_text *ret, const char *path, const char *tag, const char *extension)
{
	const char *own = find_extension(path);
	size_t stem = own ? (size_t)(own - path) : ct_string_length(path);
	ret->length = 0;
	ct_text_add_bytes(ret, path, stem);
	if (tag[0]) {
		ct_text_add(ret, ".");
		ct_text_add(ret, tag);
	}
	ct_text_add(ret, extension ? extension : own ? own : "");
}

/* A dead run's trace that nobody converted: keep it under its own pid. */
static bool put_aside(const char *path, const struct occupant *occupant)
{
	char aside_bytes[PATH_MAX], tag_bytes[16];
	struct ct_text aside = {aside_bytes, 0, sizeof(aside_bytes), false};
	struct ct_text tag = {tag_bytes, 0, sizeof(tag_bytes), false};
	ct_text_printf(&tag, "%u", occupant->pid);
	add_tag(&aside, path, tag_bytes, ".ctrace");
	if (aside.cut)
		return false;
	/* RENAME_NOREPLACE */
	if (ct_sys_failed(ct_sys(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, aside_bytes, 1)))
		return false;
	ct_log("kept the trace of process %u, which ended without closing it, as '%s'",
	       occupant->pid, aside_bytes);
	return true;
}

/* An empty file made for us (mktemp) is ours when nobody holds it. Fd, or -errno. */
static long take_empty_file(const char *path)
{
	struct stat held, named;
	long fd = ct_sys(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (ct_sys_failed(fd))
		return fd;
	if (!ct_sys_failed(ct_sys(SYS_flock, fd, LOCK_EX | LOCK_NB)) &&
	    !ct_sys_failed(ct_sys(SYS_newfstatat, fd, "", &held, AT_EMPTY_PATH)) &&
	    !ct_sys_failed(ct_sys(SYS_newfstatat, AT_FDCWD, path, &named, 0)) &&
	    held.st_size == 0 && held.st_ino == named.st_ino && held.st_dev == named.st_dev)
		return fd;
	ct_sys(SYS_close, fd);
	return -EBUSY;
}

/*
 * The name is taken. True: it is free now, and to be tried again, or *ret_fd is
 * its file, made ours. False: take another name.
 */
static bool occupy_name(const char *raw, long *ret_fd)
{
	struct occupant occupant;
	*ret_fd = -1;
	if (!read_occupant(raw, &occupant))
		return false;
	if (occupant.is_empty && ct_runtime.config.output_is_raw) {
		*ret_fd = take_empty_file(raw);
		return *ret_fd >= 0;
	}
	/* Somebody's file that only has a trace's name. */
	if (!occupant.is_trace)
		return false;
	if (occupant.run_id == ct_runtime.run_id || process_exists(occupant.pid))
		return false;
	if (occupant.state == CT_STATE_RUNNING)
		return put_aside(raw, &occupant);
	/* A recording that somebody keeps is replaced by another, not by what a document needs. */
	if (!ct_runtime.config.output_is_raw)
		return false;
	return !ct_sys_failed(ct_sys(SYS_unlinkat, AT_FDCWD, raw, 0));
}

/* A trace that another run closed: a document of the same name can do without that name. */
static bool is_closed_trace(const char *raw)
{
	struct occupant occupant;
	return read_occupant(raw, &occupant) && occupant.is_trace &&
	       occupant.run_id != ct_runtime.run_id && occupant.state != CT_STATE_RUNNING &&
	       !process_exists(occupant.pid);
}

static bool is_special_file(const char *path)
{
	struct stat status;
	return !ct_sys_failed(ct_sys(SYS_newfstatat, AT_FDCWD, path, &status, 0)) &&
	       !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

static bool is_directory(const char *path)
{
	struct stat status;
	return !ct_sys_failed(ct_sys(SYS_newfstatat, AT_FDCWD, path, &status, 0)) &&
	       S_ISDIR(status.st_mode);
}

/*
 * Open a new raw trace, and settle the names of it and of the document: as
 * given, or with this process's id, or with that and a count. Fd or -errno.
 */
static int claim_name(void)
{
	struct ct_config *config = &ct_runtime.config;
	struct ct_text raw = {ct_runtime.raw_path, 0, sizeof(ct_runtime.raw_path), false};
	char asked[PATH_MAX], name_bytes[PATH_MAX], tag_bytes[32];
	struct ct_text name = {name_bytes, 0, sizeof(name_bytes), false};

	const char *extension = find_extension(config->output);
	bool is_folder = extension && ct_string_equal(extension, CT_FOLDER_EXTENSION);
	if (!is_folder && is_directory(config->output))
		return -EISDIR;
	ct_copy(asked, config->output, ct_string_length(config->output) + 1);
	bool special = is_special_file(asked);
	for (unsigned int attempt = 0; attempt < 1000; attempt++) {
		struct ct_text tag = {tag_bytes, 0, sizeof(tag_bytes), false};
		tag_bytes[0] = '\0';
		if (attempt == 1)
			ct_text_printf(&tag, "%d", ct_runtime.pid);
		if (attempt > 1)
			ct_text_printf(&tag, "%d.%u", ct_runtime.pid, attempt);
		if (special) {
			/* A pipe or a terminal takes the document; the raw trace needs a place. */
			raw.length = 0;
			ct_text_printf(&raw, "/tmp/calltrace-%lx-%d.%u.ctrace", ct_runtime.run_id,
				       ct_runtime.pid, attempt);
			name.length = 0;
			ct_text_add(&name, asked);
		} else {
			add_tag(&name, asked, tag_bytes, NULL);
			add_tag(&raw, asked, tag_bytes, config->output_is_raw ? NULL : ".ctrace");
		}
		if (raw.cut || name.cut)
			return -ENAMETOOLONG;
		bool has_document = !special && !config->output_is_raw;
		/* q.svg.ctrace where q.ctrace is kept: the same for all who want this document. */
		if (has_document && is_closed_trace(ct_runtime.raw_path)) {
			raw.length = 0;
			ct_text_add(&raw, name_bytes);
			ct_text_add(&raw, ".ctrace");
			if (raw.cut)
				return -ENAMETOOLONG;
		}
		if (has_document && is_document_of_run(name_bytes))
			continue;
		for (int retry = 0; retry < 8; retry++) {
			long fd = ct_sys(SYS_openat, AT_FDCWD, ct_runtime.raw_path,
					 O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
			if (fd == -EEXIST) {
				if (!occupy_name(ct_runtime.raw_path, &fd))
					break;
				if (fd < 0)
					continue;
			}
			if (fd < 0)
				return (int)fd;
			/* For as long as it is open: whoever finds it empty knows it is taken. */
			ct_sys(SYS_flock, fd, LOCK_EX | LOCK_NB);
			/* Its owner may have finished the document between the two looks. */
			if (has_document && is_document_of_run(name_bytes)) {
				ct_sys(SYS_unlinkat, AT_FDCWD, ct_runtime.raw_path, 0);
				ct_sys(SYS_close, fd);
				break;
			}
			ct_copy(config->output, name_bytes, name.length + 1);
			return (int)fd;
		}
	}
	return -EEXIST;
}

/* ---- the first block ---- */

struct string_area {
	char *block;
	size_t at;
};

static struct ct_string_ref add_string(struct string_area *area, const char *bytes, size_t length)
{
	size_t room = CT_BLOCK_BYTES - area->at;
	struct ct_string_ref ref = {(uint32_t)area->at, (uint32_t)(length < room ? length : room)};
	ct_copy(area->block + area->at, bytes, ref.length);
	area->at += ref.length;
	return ref;
}

static struct ct_string_ref add_text(struct string_area *area, const char *string)
{
	return add_string(area, string, ct_string_length(string));
}

static void fill_info(struct ct_file_info *info, struct string_area *area)
{
	const struct ct_config *config = &ct_runtime.config;
	char hostname[256] = "";
	info->format_version = CT_FORMAT_VERSION;
	info->block_bytes = CT_BLOCK_BYTES;
#if defined(__x86_64__)
	info->machine = 62;
#else
	info->machine = 183;
#endif
	info->clock_kind = config->clock_kind;
	info->epoch_shift = CT_EPOCH_SHIFT;
	info->pid = (uint32_t)ct_runtime.pid;
	info->ppid = (uint32_t)ct_sys(SYS_getppid);
	info->run_id = ct_runtime.run_id;
	info->max_depth = config->max_depth;
	info->capture_args = config->capture_args;
	info->max_string = config->capture_args ? config->max_string : 0;
	info->max_pointee = config->capture_args ? config->max_pointee : 0;
	info->debug = config->debug;
	info->pretty_json = config->pretty_json;
	info->json_layout = config->json_layout;
	info->executable = add_text(area, ct_runtime.executable);
	info->working_directory = add_text(area, ct_runtime.start_directory);
	long length = ct_sys_read_file("/proc/sys/kernel/hostname", hostname, sizeof(hostname) - 1);
	while (length > 0 && hostname[length - 1] == '\n')
		length--;
	info->hostname = add_string(area, hostname, length > 0 ? (size_t)length : 0);
	info->output = add_text(area, config->output);
	info->output_setting = add_text(area, config->output_setting);
	info->args_filter = add_text(area, config->capture_args ? config->args_filter : "");
	/* Last: it may be long, and is cut to what fits. */
	length = ct_sys_read_file("/proc/thread-self/cmdline", area->block + area->at,
				  CT_BLOCK_BYTES - area->at);
	info->command_line = (struct ct_string_ref){(uint32_t)area->at,
						    length > 0 ? (uint32_t)length : 0};
	info->ticks_per_second = ct_clock_ticks_per_second();
	info->start = ct_clock_point();
	__atomic_store_n(&info->state, CT_STATE_RUNNING, __ATOMIC_RELEASE);
}

int ct_file_create(void)
{
	struct stat status;
	int fd = claim_name();
	if (fd < 0)
		return fd;
	fd = move_high(fd);
	ct_sys(SYS_newfstatat, fd, "", &status, AT_EMPTY_PATH);
	file.device = status.st_dev;
	file.inode = status.st_ino;
	file.next_block = 0;
	if (ct_sys_failed(ct_sys(SYS_getrandom, &file.file_id, sizeof(file.file_id), 0)))
		file.file_id = ct_clock_realtime_ns() * UINT64_C(0x9e3779b97f4a7c15) ^
			       (uint64_t)ct_runtime.pid << 40;
	__atomic_store_n(&file.fd, fd, __ATOMIC_RELEASE);
	int error;
	file.first = ct_file_map_block(CT_BLOCK_FILE, 0, 0, &error);
	if (!file.first) {
		ct_file_remove();
		return error;
	}
	struct string_area area = {
		(char *)file.first,
		CT_BLOCK_HEADER_BYTES + sizeof(struct ct_file_info),
	};
	ct_runtime.info = (void *)(file.first + 1);
	fill_info(ct_runtime.info, &area);
	/* Now: later a program may have left no second descriptor while we read its mappings. */
	table_block(&file.modules, CT_BLOCK_MODULES, 0);
	return 0;
}

void ct_file_remove(void)
{
	ct_sys(SYS_unlinkat, AT_FDCWD, ct_runtime.raw_path, 0);
	ct_file_close();
}

void ct_file_close(void)
{
	int fd = ct_file_descriptor();
	if (is_ours(fd))
		ct_sys(SYS_close, fd);
	__atomic_store_n(&file.fd, -1, __ATOMIC_RELEASE);
}

static void forget_table(struct table *table)
{
	for (uint32_t i = 0; i < table->count; i++)
		ct_sys_unmap(table->blocks[i], CT_BLOCK_BYTES);
	table->count = 0;
}

/* In a forked child: everything here is the parent's. */
void ct_file_fork_child(void)
{
	file.descriptor_lock.word = 0;
	file.users = 0;
	file.is_held = false;
	ct_file_close();
	forget_table(&file.sites);
	forget_table(&file.modules);
	forget_table(&file.threads);
	forget_table(&file.plans);
	if (file.first)
		ct_sys_unmap(file.first, CT_BLOCK_BYTES);
	file.first = NULL;
	ct_runtime.info = NULL;
}
