/* SPDX-License-Identifier: MIT */
/*
 * What to capture at which hook, from plan files (format/plan.h): out of the
 * user's cache, or made by `calltrace plan` when a module's first call is seen.
 * Each plan is checked when its hook is first called, made ready for values.c,
 * and copied into the trace. In the traced process, with signals blocked, under
 * ct_runtime.lock.
 *
 * A module's plans are never read through a mapping of the cache's file: a file
 * that somebody cuts short would end the program. What is kept here is private
 * memory, which a forked child inherits.
 */
#include "runtime/values.h"

#include "format/module_identity.h"
#include "format/planner_identity.h"
#include "runtime/hot.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum {
	FIRST_EXIT_SLOTS = 4096,
	WHOLE_FILE_BYTES =
		4 << 20, /* larger files: the index alone, and each plan when it is used */
	MOST_INDEX = 1 << 26,
	PLAN_BYTES_MAX = sizeof(struct ct_plan) + 2 * CT_PLAN_OPS_MAX * sizeof(struct ct_plan_op) +
			 CT_PLAN_DESCRIPTION_MAX + 8,
	ARENA_BYTES = 65536,
	LOADER_STACK_BYTES = 131072, /* the program's may be small */
};

/* Memory for captures, of one module's. */
struct arena {
	struct arena *previous;
	size_t used_bytes;
	char bytes[];
};

/* A plan file as it was when its header was read. */
struct plan_file {
	char path[PATH_MAX];
	dev_t device;
	ino_t inode;
	int64_t size_bytes;
	struct timespec changed;
};

enum image_state {
	IMAGE_READY = 1,
	IMAGE_NO_DEBUG_INFO,
	IMAGE_NO_DEBUG_FILE, /* the same, which the command has explained */
	IMAGE_LINES_ONLY,    /* debug information without parameters */
	IMAGE_COMPRESSED,    /* its debug information, in a way that cannot be read */
	IMAGE_NO_HOOKS,	     /* its hooks are called in a way that the command does not know */
	IMAGE_FAILED,	     /* no plan file could be had */
};

/* The plans of one module, where it is mapped now. */
struct image {
	struct image *next;
	uint32_t ordinal; /* in this trace; 0: in a forked parent's */
	enum image_state state;
	struct ct_range range;
	uint64_t bias;
	uint64_t path_hash;
	uint16_t build_id_bytes;
	uint64_t identity; /* of its file: module_identity.h */
	bool is_identified;
	uint8_t build_id[32];
	const char *bytes; /* of the whole file; or NULL, and `file` says where it is */
	uint64_t size_bytes;
	struct plan_file *file;
	char *index_memory;
	uint64_t index_memory_bytes;
	const struct ct_plan_index *index;
	uint64_t index_count;
	uint64_t misses_bytes; /* behind the index */
	bool is_made_anew;
	const struct ct_capture **captures; /* by index; NULL: not made ready yet */
	struct arena *arena;
};

static struct image *images;
static bool said_failure;

/* Stands for a plan that is none. */
static const struct ct_capture no_capture;

/* ---- exit hooks by their return address ---- */

struct ct_exit_table *ct_exit_table;
static uint64_t used_exit_slots;

static uint64_t last_exit_slot(const struct ct_exit_table *table)
{
	return table->byte_mask / sizeof(table->slots[0]);
}

static struct ct_exit_table *create_table(uint64_t slots)
{
	struct ct_exit_table *table =
		ct_sys_map(sizeof(*table) + slots * sizeof(struct ct_exit_slot));
	if (table)
		table->byte_mask = (slots - 1) * sizeof(struct ct_exit_slot);
	return table;
}

/* The site's slot, or the empty one where it belongs. */
static struct ct_exit_slot *exit_slot(struct ct_exit_table *table, uint64_t site)
{
	uint64_t at = ct_site_hash(0, site) & table->byte_mask;
	for (;; at = (at + sizeof(struct ct_exit_slot)) & table->byte_mask) {
		struct ct_exit_slot *slot = (void *)((char *)table->slots + at);
		uint64_t there = __atomic_load_n(&slot->site, __ATOMIC_ACQUIRE);
		if (!there || there == site)
			return slot;
	}
}

bool ct_exit_find(uint64_t site, const struct ct_capture **ret)
{
	struct ct_exit_table *table = __atomic_load_n(&ct_exit_table, __ATOMIC_ACQUIRE);
	const struct ct_exit_slot *slot = exit_slot(table, site);
	/* An empty slot may become another site's at any time, and that one's capture is there
	 * first. */
	if (__atomic_load_n(&slot->site, __ATOMIC_ACQUIRE) != site)
		return false;
	uint64_t capture = __atomic_load_n(&slot->capture, __ATOMIC_ACQUIRE);
	*ret = capture == CT_CAPTURE_NONE ? NULL : (const struct ct_capture *)capture;
	return capture != 0;
}

/* Old tables stay mapped: hooks on other threads may be looking. */
static bool grow_exit_table(void)
{
	struct ct_exit_table *old = ct_exit_table;
	struct ct_exit_table *table = create_table((last_exit_slot(old) + 1) * 2);
	if (!table)
		return false;
	for (uint64_t i = 0; i <= last_exit_slot(old); i++)
		if (old->slots[i].site)
			*exit_slot(table, old->slots[i].site) = old->slots[i];
	__atomic_store_n(&ct_exit_table, table, __ATOMIC_RELEASE);
	return true;
}

static void add_exit(uint64_t site, const struct ct_capture *capture)
{
	if (used_exit_slots * 2 > last_exit_slot(ct_exit_table) && !grow_exit_table() &&
	    used_exit_slots + 1 >= last_exit_slot(ct_exit_table))
		return;
	struct ct_exit_slot *slot = exit_slot(ct_exit_table, site);
	if (!slot->site)
		used_exit_slots++;
	__atomic_store_n(&slot->capture, capture ? (uint64_t)capture : CT_CAPTURE_NONE,
			 __ATOMIC_RELEASE);
	__atomic_store_n(&slot->site, site, __ATOMIC_RELEASE);
}

/* ---- settings and names ---- */

static uint64_t fnv(const char *bytes, size_t length)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static struct ct_plan_settings settings(void)
{
	const struct ct_config *config = &ct_runtime.config;
	return (struct ct_plan_settings){
		.max_string = config->max_string,
		.max_pointee = config->max_pointee,
		.filter_hash = config->args_filter[0] ? fnv(config->args_filter,
							    ct_string_length(config->args_filter))
						      : 0,
	};
}

static void add_hex(struct ct_text *text, uint64_t value, int digits)
{
	while (digits-- > 0)
		ct_text_add_bytes(text, &"0123456789abcdef"[value >> (4 * digits) & 15], 1);
}

/* <cache>/plans; false: there is none, or it may be somebody else's. */
static bool find_folder(struct ct_text *ret)
{
	const char *cache = ct_config_get("XDG_CACHE_HOME");
	const char *home = ct_config_get("HOME");
	if (cache && cache[0] == '/') {
		ct_text_printf(ret, "%s/calltrace/plans", cache);
	} else {
		if (!home || home[0] != '/')
			return false;
		ct_text_printf(ret, "%s/.cache/calltrace/plans", home);
	}
	struct stat status;
	return !ret->cut &&
	       ct_sys(SYS_newfstatat, AT_FDCWD, ret->bytes, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(status.st_mode) && status.st_uid == (uid_t)ct_sys(SYS_geteuid) &&
	       !(status.st_mode & (S_IWGRP | S_IWOTH));
}

static bool find_cached(const struct image *image, struct ct_text *ret)
{
	struct ct_plan_settings wanted = settings();
	if (!image->build_id_bytes || !image->is_identified || !find_folder(ret))
		return false;
	ct_text_add(ret, "/");
	for (unsigned int i = 0; i < image->build_id_bytes; i++)
		add_hex(ret, image->build_id[i], 2);
	ct_text_add(ret, ".");
	add_hex(ret, image->identity, 16);
	ct_text_printf(ret, "-%d." CT_PLANNER_IDENTITY "-%u-%u-", CT_PLAN_VERSION,
		       wanted.max_string, wanted.max_pointee);
	add_hex(ret, wanted.filter_hash, 16);
	ct_text_add(ret, ".plan");
	return !ret->cut;
}

/* ---- plan files ---- */

static bool read_at(int fd, void *ret, uint64_t size_bytes, uint64_t offset)
{
	char *at = ret;
	while (size_bytes) {
		long count = ct_sys(SYS_pread64, fd, at, size_bytes, offset);
		if (count == -EINTR)
			continue;
		if (count <= 0)
			return false;
		at += count;
		offset += (uint64_t)count;
		size_bytes -= (uint64_t)count;
	}
	return true;
}

/* Is it a plan file of `size_bytes` for this module and these settings, whole as far as the
 * header says? */
static bool accepts_header(const struct image *image, const struct ct_plan_header *header,
			   uint64_t size_bytes)
{
	struct ct_plan_settings wanted = settings();
	return header->magic == CT_PLAN_MAGIC && header->version == CT_PLAN_VERSION &&
	       header->total_bytes == size_bytes &&
	       ct_same_bytes(&header->settings, &wanted, sizeof(wanted)) &&
	       header->build_id_bytes == image->build_id_bytes &&
	       ct_same_bytes(header->build_id, image->build_id, image->build_id_bytes) &&
	       header->index_count <= MOST_INDEX && header->index_offset % 8 == 0 &&
	       header->index_offset >= sizeof(*header) && header->index_offset <= size_bytes &&
	       header->misses_bytes % 8 == 0 && header->misses_bytes <= CT_PLAN_MISSES_MAX &&
	       header->index_count * sizeof(struct ct_plan_index) + header->misses_bytes <=
		       size_bytes - header->index_offset;
}

static bool make_captures(struct image *image)
{
	if (!image->index_count)
		return true;
	image->captures = ct_sys_map(image->index_count * sizeof(*image->captures));
	return image->captures != NULL;
}

static void set_state(struct image *image, const struct ct_plan_header *header)
{
	if (header->flags & CT_PLAN_COMPRESSED)
		image->state = IMAGE_COMPRESSED;
	else if (header->flags & CT_PLAN_LINES_ONLY)
		image->state = IMAGE_LINES_ONLY;
	else if (header->flags & CT_PLAN_NO_DEBUG_FILE)
		image->state = IMAGE_NO_DEBUG_FILE;
	else if (header->flags & CT_PLAN_NO_DEBUG_INFO)
		image->state = IMAGE_NO_DEBUG_INFO;
	else if (header->flags & CT_PLAN_NO_HOOKS)
		image->state = IMAGE_NO_HOOKS; /* though one was called */
	else
		image->state = IMAGE_READY;
}

/* All of a file that is in private memory. */
static bool use_bytes(struct image *image, const char *bytes, uint64_t size_bytes)
{
	struct ct_plan_header header;
	if (size_bytes < sizeof(header))
		return false;
	ct_copy(&header, bytes, sizeof(header));
	if (!accepts_header(image, &header, size_bytes))
		return false;
	const struct ct_plan_index *index = (const void *)(bytes + header.index_offset);
	if (header.checksum != ct_plan_file_checksum(&header, index))
		return false;
	image->bytes = bytes;
	image->size_bytes = size_bytes;
	image->index = index;
	image->index_count = header.index_count;
	image->misses_bytes = header.misses_bytes;
	set_state(image, &header);
	return make_captures(image);
}

/* The index of a large file; its plans are read one by one. */
static bool use_index(struct image *image, int fd, const struct stat *status, const char *path)
{
	struct ct_plan_header header;
	uint64_t size_bytes = (uint64_t)status->st_size;
	if (!read_at(fd, &header, sizeof(header), 0) ||
	    !accepts_header(image, &header, size_bytes) || !header.index_count)
		return false;
	image->index_memory_bytes = header.index_count * sizeof(struct ct_plan_index) +
				    header.misses_bytes;
	image->index_memory = ct_sys_map(image->index_memory_bytes);
	image->file = ct_sys_map(sizeof(*image->file));
	if (!image->index_memory || !image->file ||
	    !read_at(fd, image->index_memory, image->index_memory_bytes, header.index_offset) ||
	    header.checksum != ct_plan_file_checksum(&header, (const void *)image->index_memory))
		return false;
	ct_copy(image->file->path, path, ct_string_length(path) + 1);
	image->file->device = status->st_dev;
	image->file->inode = status->st_ino;
	image->file->size_bytes = status->st_size;
	image->file->changed = status->st_mtim;
	image->size_bytes = size_bytes;
	image->index = (const void *)image->index_memory;
	image->index_count = header.index_count;
	image->misses_bytes = header.misses_bytes;
	set_state(image, &header);
	return make_captures(image);
}

static void free_image_memory(struct image *image)
{
	if (image->bytes)
		ct_sys_unmap((void *)image->bytes, image->size_bytes);
	if (image->file)
		ct_sys_unmap(image->file, sizeof(*image->file));
	if (image->index_memory)
		ct_sys_unmap(image->index_memory, image->index_memory_bytes);
	if (image->captures)
		ct_sys_unmap(image->captures, image->index_count * sizeof(*image->captures));
	while (image->arena) {
		struct arena *previous = image->arena->previous;
		ct_sys_unmap(image->arena, ARENA_BYTES);
		image->arena = previous;
	}
	image->bytes = image->index_memory = NULL;
	image->index_memory_bytes = 0;
	image->file = NULL;
	image->captures = NULL;
	image->index = NULL;
	image->index_count = 0;
	image->size_bytes = 0;
	image->state = IMAGE_FAILED;
}

/* Open what the cache has under the name: a file of our own that nobody else may write. Fd, or
 * -errno. */
static long open_cached(const char *path, struct stat *ret)
{
	long fd = ct_sys(SYS_openat, AT_FDCWD, path,
			 O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd == -EMFILE) {
		ct_file_lend_descriptor();
		fd = ct_sys(SYS_openat, AT_FDCWD, path,
			    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	}
	if (ct_sys_failed(fd))
		return fd;
	if (ct_sys(SYS_newfstatat, fd, "", ret, AT_EMPTY_PATH) == 0 && S_ISREG(ret->st_mode) &&
	    ret->st_uid == (uid_t)ct_sys(SYS_geteuid) && !(ret->st_mode & (S_IWGRP | S_IWOTH)) &&
	    ret->st_size >= (int64_t)sizeof(struct ct_plan_header))
		return fd;
	ct_sys(SYS_close, fd);
	return -EPERM;
}

/* From the file as it was when its index was read. */
static bool read_from_file(const struct plan_file *file, void *ret, uint64_t size_bytes,
			   uint64_t offset)
{
	struct stat status;
	long fd = open_cached(file->path, &status);
	if (ct_sys_failed(fd))
		return false;
	bool whole = status.st_dev == file->device && status.st_ino == file->inode &&
		     status.st_size == file->size_bytes &&
		     status.st_mtim.tv_sec == file->changed.tv_sec &&
		     status.st_mtim.tv_nsec == file->changed.tv_nsec &&
		     read_at((int)fd, ret, size_bytes, offset);
	ct_sys(SYS_close, fd);
	return whole;
}

/* The plan's bytes as the index has them, aligned; good until the next one is read. NULL: they are
 * not there, or not as they were written. */
static const struct ct_plan *read_plan(const struct image *image, const struct ct_plan_index *index)
{
	static char buffer[PLAN_BYTES_MAX] __attribute__((aligned(8)));
	uint64_t offset = (uint64_t)index->offset * 8;
	if (index->size_bytes < sizeof(struct ct_plan) || index->size_bytes > sizeof(buffer) ||
	    index->size_bytes % 8 != 0 || offset > image->size_bytes ||
	    index->size_bytes > image->size_bytes - offset)
		return NULL;
	if (!image->bytes && !read_from_file(image->file, buffer, index->size_bytes, offset))
		return NULL;
	const struct ct_plan *plan = image->bytes ? (const void *)(image->bytes + offset)
						  : (const void *)buffer;
	return plan->size_bytes == index->size_bytes && plan->checksum == ct_plan_checksum(plan)
		       ? plan
		       : NULL;
}

/* Of a file that is in memory: of a large one, those that are used are looked at. */
static bool plans_are_whole(const struct image *image)
{
	for (uint64_t i = 0; i < image->index_count; i++)
		if (!read_plan(image, &image->index[i]))
			return false;
	return true;
}

static bool load_cached(struct image *image)
{
	char path_bytes[PATH_MAX];
	struct ct_text path = {path_bytes, 0, sizeof(path_bytes), false};
	struct stat status;
	if (!find_cached(image, &path))
		return false;
	long fd = open_cached(path_bytes, &status);
	if (ct_sys_failed(fd))
		return false;
	bool used = false;
	if (status.st_size > WHOLE_FILE_BYTES) {
		used = use_index(image, (int)fd, &status, path_bytes);
	} else {
		size_t size_bytes = (size_t)status.st_size;
		char *bytes = ct_sys_map(size_bytes);
		used = bytes && read_at((int)fd, bytes, size_bytes, 0) &&
		       use_bytes(image, bytes, size_bytes) && plans_are_whole(image);
		if (bytes && !image->bytes)
			ct_sys_unmap(bytes, size_bytes);
	}
	ct_sys(SYS_close, fd);
	if (!used) {
		ct_debug("the plans in '%s' are damaged; they are made anew", path_bytes);
		free_image_memory(image);
	}
	return used;
}

/* ---- making one ---- */

/* The descriptor we made, if nobody has closed it and got the number. */
static bool is_still(long fd, const struct stat *made)
{
	struct stat now;
	return ct_sys(SYS_newfstatat, fd, "", &now, AT_EMPTY_PATH) == 0 &&
	       now.st_dev == made->st_dev && now.st_ino == made->st_ino;
}

/* Where the command finds the module: a program that was replaced while it ran is still there. */
static const char *module_file(const char *path, struct ct_text *executable)
{
	if (ct_sys(SYS_faccessat, AT_FDCWD, path, R_OK) == 0 ||
	    !ct_string_starts(path, ct_runtime.executable))
		return path;
	ct_text_printf(executable, "/proc/%d/exe", ct_runtime.pid);
	return executable->bytes;
}

/* Were the plans not accepted because the file on the disk was replaced since it was mapped? */
static bool is_other_build(const struct image *image, const char *bytes, uint64_t size_bytes)
{
	const struct ct_plan_header *header = (const struct ct_plan_header *)bytes;
	return size_bytes >= sizeof(*header) && header->magic == CT_PLAN_MAGIC &&
	       header->version == CT_PLAN_VERSION &&
	       (header->build_id_bytes != image->build_id_bytes ||
		!ct_same_bytes(header->build_id, image->build_id, image->build_id_bytes));
}

static const char *map_result(struct image *image, long fd, const struct stat *made)
{
	/* SHRINK, GROW, WRITE: it stays as it is while we use it. */
	enum { SEALS = 2 | 4 | 8, ADD_SEALS = 1033 };
	struct stat status;
	if (!is_still(fd, made) || ct_sys(SYS_fcntl, fd, ADD_SEALS, SEALS) != 0 ||
	    ct_sys(SYS_newfstatat, fd, "", &status, AT_EMPTY_PATH) != 0)
		return "its result was taken away";
	if (!status.st_size)
		return "the command `calltrace` made nothing";
	/* It has put them into the cache, too: then they need not stay in memory. */
	if (status.st_size > WHOLE_FILE_BYTES && load_cached(image))
		return NULL;
	long bytes = ct_sys(SYS_mmap, 0, status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (ct_sys_failed(bytes))
		return "out of memory";
	if (use_bytes(image, (const char *)bytes, (uint64_t)status.st_size))
		return NULL;
	const char *problem = is_other_build(image, (const char *)bytes, (uint64_t)status.st_size)
				      ? "the file is another build than the one that runs"
				      : "the command `calltrace` is of another version";
	if (!image->bytes)
		ct_sys_unmap((void *)bytes, (size_t)status.st_size);
	free_image_memory(image);
	return problem;
}

/* NULL, or what went wrong. */
static const char *make_plans(struct image *image, const char *path)
{
	enum { CLOSE_ON_EXEC = 1, ALLOW_SEALING = 2 };
	char executable_bytes[64];
	struct ct_text executable = {executable_bytes, 0, sizeof(executable_bytes), false};
	struct stat made;
	long fd = ct_sys(SYS_memfd_create, "calltrace-plans", CLOSE_ON_EXEC | ALLOW_SEALING);
	if (fd == -EMFILE) {
		ct_file_lend_descriptor();
		fd = ct_sys(SYS_memfd_create, "calltrace-plans", CLOSE_ON_EXEC | ALLOW_SEALING);
	}
	if (ct_sys_failed(fd))
		return ct_errno_text(fd);
	const char *problem = NULL;
	if (ct_sys(SYS_newfstatat, fd, "", &made, AT_EMPTY_PATH) != 0)
		problem = "the kernel refused";
	if (!problem)
		problem = ct_spawn_planner(module_file(path, &executable), (int)fd, said_failure);
	if (!problem)
		problem = map_result(image, fd, &made);
	if (is_still(fd, &made))
		ct_sys(SYS_close, fd);
	return problem;
}

/* Plans are found by what the file is; without that, the command is asked. */
static void identify(struct image *image, const char *path)
{
	char executable_bytes[64];
	struct ct_text executable = {executable_bytes, 0, sizeof(executable_bytes), false};
	struct stat status = {0};
	char *buffer = image->build_id_bytes ? ct_sys_map(CT_IDENTITY_BUFFER_BYTES) : NULL;
	if (!buffer)
		return;
	const char *file = module_file(path, &executable);
	long fd = ct_sys(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd == -EMFILE) {
		ct_file_lend_descriptor();
		fd = ct_sys(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	}
	if (!ct_sys_failed(fd)) {
		image->is_identified =
			ct_sys(SYS_newfstatat, fd, "", &status, AT_EMPTY_PATH) == 0 &&
			S_ISREG(status.st_mode) &&
			ct_module_identity((int)fd, &status, read_at, buffer, &image->identity);
		ct_sys(SYS_close, fd);
	}
	ct_sys_unmap(buffer, CT_IDENTITY_BUFFER_BYTES);
}

static const char *file_name(const char *path)
{
	const char *slash = ct_string_last(path, '/');
	return slash ? slash + 1 : path;
}

static void load(struct image *image, const char *path)
{
	identify(image, path);
	if (!load_cached(image)) {
		const char *problem = make_plans(image, path);
		if (problem) {
			image->state = IMAGE_FAILED;
			/* What the command found wrong it has said. */
			if (!said_failure && problem != ct_spawn_failed)
				ct_log("arguments are not captured in '%s': %s; its calls are "
				       "recorded without",
				       path, problem);
			said_failure = true;
			return;
		}
	}
	if (image->state == IMAGE_NO_DEBUG_INFO)
		ct_log("'%s' has no debug information, so arguments are not captured; build it "
		       "with -g",
		       file_name(path));
	if (image->state == IMAGE_NO_HOOKS)
		ct_log("the hooks of '%s' are called in a way that is not followed, as with "
		       "-mcmodel=large, so arguments are not captured; build it without that",
		       file_name(path));
	if (image->state == IMAGE_LINES_ONLY)
		ct_log("the debug information of '%s' has no parameters, as -g1 makes it, so "
		       "arguments are not captured; build it with -g",
		       file_name(path));
	if (image->state == IMAGE_COMPRESSED)
		ct_log("the debug information of '%s' is compressed with zstd, which this "
		       "`calltrace` cannot read, so arguments are not captured; link it with "
		       "-gz=zlib",
		       file_name(path));
}

/* ---- what the filter misses ---- */

/* Patterns that fit no function of the modules so far, as a plan file has them. */
static struct {
	char texts[CT_PLAN_MISSES_MAX + 1];
	size_t bytes;
	bool has_begun;
	bool is_unknown; /* some module's functions are not known */
} misses;

static bool has_text(const char *texts, size_t bytes, const char *wanted)
{
	for (size_t at = 0; at < bytes && texts[at]; at += ct_string_length(texts + at) + 1)
		if (ct_string_equal(texts + at, wanted))
			return true;
	return false;
}

static void note_misses(const struct image *image)
{
	const char *texts = image->index ? (const char *)(image->index + image->index_count) : "";
	size_t kept = 0;
	if (image->state != IMAGE_READY || (image->misses_bytes && texts[image->misses_bytes - 1]))
		misses.is_unknown = true;
	if (misses.is_unknown)
		return;
	if (!misses.has_begun) {
		ct_copy(misses.texts, texts, image->misses_bytes);
		misses.bytes = image->misses_bytes;
		misses.has_begun = true;
	}
	for (size_t at = 0; at < misses.bytes && misses.texts[at];) {
		size_t size_bytes = ct_string_length(misses.texts + at) + 1;
		if (has_text(texts, image->misses_bytes, misses.texts + at)) {
			for (size_t i = 0; i < size_bytes; i++)
				misses.texts[kept + i] = misses.texts[at + i];
			kept += size_bytes;
		}
		at += size_bytes;
	}
	misses.texts[kept] = '\0';
	misses.bytes = kept;
}

void ct_plan_report_misses(void)
{
	enum { MOST = 5 };
	if (misses.is_unknown)
		return;
	size_t at = 0;
	for (int i = 0; i < MOST && at < misses.bytes && misses.texts[at]; i++) {
		ct_log("'%s' in CALLTRACE_ARGS_FILTER fits no function with debug information of "
		       "'%s' and its libraries",
		       misses.texts + at, file_name(ct_runtime.executable));
		at += ct_string_length(misses.texts + at) + 1;
	}
	misses.is_unknown = true;
}

/* ---- the modules that are known ---- */

struct loading {
	struct image *image;
	char path[PATH_MAX];
};

static void load_on_own_stack(long argument)
{
	struct loading *loading = (struct loading *)argument;
	load(loading->image, loading->path);
}

/* What the module's row in the trace says, which is what the cache goes by. */
static bool is_module(const struct image *image, const struct ct_module *row, uint64_t path_hash)
{
	return image->bias == row->bias && image->range.low == row->low &&
	       image->path_hash == path_hash && image->build_id_bytes == row->build_id_bytes &&
	       ct_same_bytes(image->build_id, row->build_id, sizeof(image->build_id));
}

static bool load_module(struct image *image, const struct ct_module *row)
{
	size_t size_bytes = LOADER_STACK_BYTES + sizeof(struct loading);
	char *memory = ct_sys_map(size_bytes);
	if (!memory)
		return false;
	struct loading *loading = (void *)(memory + LOADER_STACK_BYTES);
	loading->image = image;
	struct ct_text path = {loading->path, 0, sizeof(loading->path), false};
	ct_text_add_bytes(&path, (const char *)(row + 1), row->path_bytes);
	ct_sys_call_on_stack(memory + LOADER_STACK_BYTES, load_on_own_stack, (long)loading);
	ct_sys_unmap(memory, size_bytes);
	return true;
}

static struct image *add_image(const struct ct_module *row, uint64_t path_hash)
{
	struct image *image = ct_sys_map(sizeof(*image));
	if (!image)
		return NULL;
	image->ordinal = row->ordinal;
	image->range = (struct ct_range){.low = row->low, .high = row->high};
	image->bias = row->bias;
	image->path_hash = path_hash;
	image->build_id_bytes = row->build_id_bytes;
	ct_copy(image->build_id, row->build_id, sizeof(image->build_id));
	if (!load_module(image, row)) {
		ct_sys_unmap(image, sizeof(*image));
		return NULL;
	}
	note_misses(image);
	/* Whole only now: a thread that forks meanwhile must not leave half of it to its child. */
	image->next = images;
	__atomic_store_n(&images, image, __ATOMIC_RELEASE);
	return image;
}

static struct image *image_of(uint32_t ordinal)
{
	for (struct image *image = images; image; image = image->next)
		if (image->ordinal == ordinal)
			return image;
	const struct ct_module *row = ct_file_module(ordinal);
	if (!row)
		return NULL;
	uint64_t path_hash = fnv((const char *)(row + 1), row->path_bytes);
	for (struct image *image = images; image; image = image->next) {
		if (image->ordinal || !is_module(image, row, path_hash))
			continue;
		image->ordinal = ordinal;
		return image;
	}
	return add_image(row, path_hash);
}

static struct image *image_at(uint64_t address)
{
	for (struct image *image = images; image; image = image->next)
		if (image->ordinal && address >= image->range.low && address < image->range.high)
			return image;
	return NULL;
}

/* ---- a plan ---- */

static const struct ct_plan_index *find_index(const struct image *image, uint64_t site)
{
	uint64_t low = 0, high = image->index_count;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		if (image->index[middle].site < site)
			low = middle + 1;
		else
			high = middle;
	}
	return low < image->index_count && image->index[low].site == site ? &image->index[low]
									  : NULL;
}

/* While a plan's operations are checked and made ready. */
struct building {
	const struct image *image;
	unsigned int registers; /* that there are */
	unsigned int depth;	/* of the operations' stack */
	unsigned int block_count;
	uint64_t payload_bytes; /* at most, so far */
	bool may_join;
	uint8_t x87_values;
	struct {
		uint8_t code;  /* that made it */
		uint64_t held; /* as PUSH_BLOCK's operand: see CT_BLOCK_ELEMENTS */
	} blocks[CT_PLAN_BLOCKS_MAX];
};

static bool pop(struct building *build, unsigned int count)
{
	if (build->depth < count)
		return false;
	build->depth -= count;
	return true;
}

static bool push(struct building *build)
{
	return build->depth++ < CT_PLAN_STACK_MAX;
}

static bool is_one_of(unsigned int size_bytes, unsigned int most)
{
	return size_bytes == 1 || size_bytes == 2 || size_bytes == 4 ||
	       (size_bytes == 8 && most == 8);
}

static bool check_register(struct building *build, const struct ct_plan_op *op)
{
	if (op->from >= build->registers)
		return false;
	if (op->from == CT_PLAN_ST0 || op->from == CT_PLAN_ST0_HIGH)
		build->x87_values |= 1;
	if (op->from == CT_PLAN_ST1 || op->from == CT_PLAN_ST1_HIGH)
		build->x87_values |= 2;
	return true;
}

/* What the operation takes and gives is right; the bytes it appends are counted. */
static bool check_append(struct building *build, const struct ct_plan_op *op, uint64_t *ret_held)
{
	uint64_t head_bytes = 0, held = op->size;
	switch (op->code & ~CT_PLAN_JOINED) {
	case CT_PLAN_APPEND_REGISTER:
		if (!check_register(build, op) || op->size < 1 || op->size > 8)
			return false;
		break;
	case CT_PLAN_APPEND_STACK:
		if (!check_register(build, op) || op->size < 1)
			return false;
		break;
	case CT_PLAN_APPEND_VALUE:
		if (!pop(build, 1) || op->size < 1 || op->size > 8)
			return false;
		break;
	case CT_PLAN_APPEND_MEMORY:
		if (!pop(build, 1) || op->from > 1)
			return false;
		head_bytes = 1;
		break;
	case CT_PLAN_APPEND_STRING:
	case CT_PLAN_APPEND_TEXT:
		if (!pop(build, op->code == CT_PLAN_APPEND_TEXT ? 2 : 1) ||
		    op->size > CT_PLAN_STRING_MAX)
			return false;
		head_bytes = 2;
		break;
	case CT_PLAN_APPEND_SEQUENCE:
		if (!pop(build, 2) || op->size < 1 || op->operand < 0 ||
		    op->operand > CT_PLAN_PAYLOAD_MAX)
			return false;
		head_bytes = 5;
		held = (uint64_t)op->operand * op->size;
		*ret_held = (uint64_t)op->operand << 16 | op->size;
		build->payload_bytes += head_bytes + held;
		return true;
	default:
		return false;
	}
	*ret_held = held;
	build->payload_bytes += head_bytes + held;
	return true;
}

static bool check_other(struct building *build, const struct ct_plan_op *op)
{
	switch (op->code) {
	case CT_PLAN_PUSH_REGISTER:
		return check_register(build, op) && push(build);
	case CT_PLAN_PUSH_BLOCK:
		return op->from < build->block_count && op->offset >= 0 && push(build);
	case CT_PLAN_PUSH_CONSTANT:
	case CT_PLAN_PUSH_ADDRESS:
		return push(build);
	case CT_PLAN_LOAD:
		return build->depth >= 1 && is_one_of(op->size, 8);
	case CT_PLAN_SIGN_EXTEND:
	case CT_PLAN_ZERO_EXTEND:
		return build->depth >= 1 && is_one_of(op->size, 4);
	case CT_PLAN_ADD_CONSTANT:
	case CT_PLAN_NEGATE:
	case CT_PLAN_NOT:
		return build->depth >= 1;
	default:
		return op->code >= CT_PLAN_ADD && op->code <= CT_PLAN_EQUAL && build->depth >= 2 &&
		       pop(build, 1);
	}
}

/* One operation checked. Of an append, what makes or lengthens a block is noted. */
static bool check_op(struct building *build, const struct ct_plan_op *op)
{
	unsigned int code = op->code & ~CT_PLAN_JOINED;
	bool is_append = code >= CT_PLAN_APPEND_REGISTER && code <= CT_PLAN_LAST_APPEND;
	bool is_joined = op->code & CT_PLAN_JOINED;
	bool may_join = code >= CT_PLAN_APPEND_REGISTER && code <= CT_PLAN_APPEND_VALUE;
	uint64_t held;
	if (!is_append)
		return check_other(build, op);
	if (!check_append(build, op, &held) || build->payload_bytes > CT_PLAN_PAYLOAD_MAX)
		return false;
	if (is_joined) {
		if (!may_join || !build->may_join)
			return false;
		build->blocks[build->block_count - 1].held += held;
		return true;
	}
	if (build->block_count == CT_PLAN_BLOCKS_MAX)
		return false;
	build->blocks[build->block_count].code = (uint8_t)code;
	build->blocks[build->block_count].held = held;
	build->block_count++;
	build->may_join = may_join;
	return true;
}

/* How many of the operations ask for the block later: it is marked when it is made. */
static bool is_asked_for(const struct ct_plan_op *ops, unsigned int count, unsigned int block)
{
	for (unsigned int i = 0; i < count; i++)
		if (ops[i].code == CT_PLAN_PUSH_BLOCK && ops[i].from == block)
			return true;
	return false;
}

static struct ct_plan_op ready_stack_op(struct ct_plan_op op)
{
	switch (op.size) {
	case 1:
		op.code = CT_CAPTURE_STACK_1;
		break;
	case 2:
		op.code = CT_CAPTURE_STACK_2;
		break;
	case 4:
		op.code = CT_CAPTURE_STACK_4;
		break;
	case 8:
		op.code = CT_CAPTURE_STACK_8;
		break;
	default:
		break;
	}
	return op;
}

static struct ct_plan_op ready_op(const struct building *build, struct ct_plan_op op)
{
	op.code &= (uint8_t)~CT_PLAN_JOINED;
	switch (op.code) {
	case CT_PLAN_APPEND_STACK:
		return ready_stack_op(op);
	case CT_PLAN_PUSH_ADDRESS:
		op.code = CT_PLAN_PUSH_CONSTANT;
		op.operand += (int64_t)build->image->bias;
		return op;
	case CT_PLAN_PUSH_BLOCK:
		op.size = build->blocks[op.from].code;
		op.operand = (int64_t)build->blocks[op.from].held;
		return op;
	default:
		return op;
	}
}

/* Check all operations; and, with `ret`, make them ready there. Their count with the end, or 0:
 * they are not right. */
static unsigned int build_ops(struct building *build, const struct ct_plan_op *ops,
			      unsigned int count, struct ct_plan_op *ret)
{
	unsigned int made = 0;
	for (unsigned int i = 0; i < count; i++) {
		unsigned int blocks = build->block_count;
		if (!check_op(build, &ops[i]))
			return 0;
		if (build->block_count > blocks && is_asked_for(ops, count, blocks)) {
			if (ret)
				ret[made] = (struct ct_plan_op){.code = CT_CAPTURE_MARK,
								.from = (uint8_t)blocks};
			made++;
		}
		if (ret)
			ret[made] = ready_op(build, ops[i]);
		made++;
	}
	if (ret)
		ret[made] = (struct ct_plan_op){.code = CT_CAPTURE_END};
	return made + 1;
}

static void *take_memory(struct image *image, size_t size_bytes)
{
	size_t room = image->arena ? ARENA_BYTES - sizeof(*image->arena) - image->arena->used_bytes
				   : 0;
	if (!image->arena || size_bytes > room) {
		struct arena *arena = ct_sys_map(ARENA_BYTES);
		if (!arena)
			return NULL;
		arena->previous = image->arena;
		image->arena = arena;
	}
	void *taken = image->arena->bytes + image->arena->used_bytes;
	image->arena->used_bytes += size_bytes;
	return taken;
}

/* ---- quick ones ---- */

/* While the steps of a plan are made, until something is not quick. */
struct quick_building {
	const int32_t *code; /* by enum ct_quick_code */
	struct ct_quick_step steps[CT_QUICK_STEPS_MAX];
	unsigned int count;
	uint32_t at; /* bytes of the VALUES record so far */
	bool may_add;
	bool has_sum;
	uint32_t rsp_end;
	int64_t rbp_low, rbp_end; /* equal: nothing from there */
};

static bool add_step(struct quick_building *quick, unsigned int code, int32_t offset)
{
	if (quick->count == CT_QUICK_STEPS_MAX)
		return false;
	quick->steps[quick->count++] = (struct ct_quick_step){
		.code = (uint64_t)quick->code + (uint64_t)(int64_t)quick->code[code],
		.offset = offset,
		.at = quick->at,
	};
	return true;
}

static bool add_stack_steps(struct quick_building *quick, const struct ct_plan_op *op)
{
	enum { MOST_OFFSET = 1 << 24, PIECES = 6 };
	if (op->offset > MOST_OFFSET || op->offset < -MOST_OFFSET)
		return false;
	int64_t end = (int64_t)op->offset + op->size;
	unsigned int code = CT_QUICK_STACK_RBP;
	if (op->from == CT_PLAN_RSP && op->offset >= 0) {
		code = CT_QUICK_STACK_RSP;
		if (end > quick->rsp_end)
			quick->rsp_end = (uint32_t)end;
	} else if (op->from == CT_PLAN_RBP) {
		bool first = quick->rbp_low == quick->rbp_end;
		if (first || op->offset < quick->rbp_low)
			quick->rbp_low = op->offset;
		if (first || end > quick->rbp_end)
			quick->rbp_end = end;
	} else {
		return false;
	}
	int32_t offset = op->offset;
	uint32_t left = op->size;
	for (int piece = PIECES - 1; piece >= 0; piece--) {
		for (uint32_t size_bytes = 1U << piece; left >= size_bytes; left -= size_bytes) {
			if (!add_step(quick, code + (unsigned int)piece, offset))
				return false;
			offset += (int32_t)size_bytes;
			quick->at += size_bytes;
		}
	}
	return true;
}

/* A sum of registers and constants is quick, where the hook has a register for it. */
static bool add_sum_step(struct quick_building *quick, const struct ct_plan_op *op)
{
	struct ct_quick_step *last = quick->count ? &quick->steps[quick->count - 1] : NULL;
	int64_t sum;
	switch (op[0].code) {
	case CT_PLAN_PUSH_REGISTER:
		if (quick->has_sum && op[1].code != CT_PLAN_ADD)
			return false;
		if (!add_step(quick, (quick->has_sum ? CT_QUICK_ADD : CT_QUICK_SET) + op->from,
			      op->offset))
			return false;
		quick->has_sum = true;
		return true;
	case CT_PLAN_ADD: /* with the PUSH_REGISTER before it */
		return quick->has_sum && op[-1].code == CT_PLAN_PUSH_REGISTER;
	case CT_PLAN_ADD_CONSTANT:
		if (!quick->has_sum || !last)
			return false;
		sum = last->offset + op->operand;
		if (sum != (int32_t)sum)
			return false;
		last->offset = (int32_t)sum;
		return true;
	case CT_PLAN_APPEND_VALUE:
		if (!quick->has_sum || !add_step(quick, CT_QUICK_STORE, 0))
			return false;
		quick->has_sum = false;
		quick->at += op->size;
		return true;
	default:
		return false;
	}
}

/* `op` is one of checked operations, which CT_CAPTURE_END follows. */
static bool add_quick_op(struct quick_building *quick, const struct ct_plan_op *op)
{
	switch (op->code) {
	case CT_PLAN_APPEND_REGISTER:
		if (!add_step(quick, CT_QUICK_REGISTER + op->from, op->offset))
			return false;
		quick->at += op->size;
		return true;
	case CT_PLAN_APPEND_STACK:
	case CT_CAPTURE_STACK_1:
	case CT_CAPTURE_STACK_2:
	case CT_CAPTURE_STACK_4:
	case CT_CAPTURE_STACK_8:
		return add_stack_steps(quick, op);
	case CT_PLAN_PUSH_REGISTER:
	case CT_PLAN_ADD:
	case CT_PLAN_ADD_CONSTANT:
	case CT_PLAN_APPEND_VALUE:
		return quick->may_add && add_sum_step(quick, op);
	default:
		return false;
	}
}

static const int32_t *quick_code(bool is_enter)
{
	if (ct_runtime.config.clock_kind == CT_CLOCK_NONE)
		return is_enter ? ct_order_values_enter_steps : ct_order_values_exit_steps;
	return is_enter ? ct_cycles_values_enter_steps : ct_cycles_values_exit_steps;
}

/* Steps for the capture, when it is a quick one; it appends `payload_bytes`. */
static void make_quick(struct image *image, struct ct_capture *capture, uint64_t payload_bytes)
{
	bool is_short = payload_bytes <= CT_VALUES_SHORT_MAX;
	static struct quick_building quick; /* the program's stack may be small */
	ct_zero(&quick, sizeof(quick));
	quick.code = quick_code(capture->kind == CT_PLAN_ENTER);
	quick.may_add = capture->kind == CT_PLAN_EXIT;
	quick.at = is_short ? CT_VALUES_SHORT_HEAD_BYTES : CT_VALUES_HEAD_BYTES;
	if (capture->kind == CT_PLAN_EXIT_STUB || payload_bytes > CT_QUICK_PAYLOAD_MAX)
		return;
	for (const struct ct_plan_op *op = capture->ops; op->code != CT_CAPTURE_END; op++)
		if (!add_quick_op(&quick, op))
			return;
	if (!add_step(&quick, CT_QUICK_END, 0))
		return;
	struct ct_quick_step *steps = take_memory(image, quick.count * sizeof(*steps));
	if (!steps)
		return;
	ct_copy(steps, quick.steps, quick.count * sizeof(*steps));
	capture->steps = steps;
	capture->rsp_end = quick.rsp_end;
	capture->rbp_low = (int32_t)quick.rbp_low;
	capture->rbp_span = (uint32_t)(quick.rbp_end - quick.rbp_low);
	capture->quick_bytes = quick.at;
	capture->quick_head = is_short ? CT_VALUES_SHORT_HEAD | (uint32_t)payload_bytes << 2
				       : CT_VALUES_HEAD | quick.at << 8;
}

/* Do the parts of the plan fit into it, as the index has it? */
static bool accepts_plan(const struct ct_plan *plan, uint64_t size_bytes)
{
	uint64_t parts_bytes = sizeof(*plan) +
			       ((uint64_t)plan->op_count + plan->shape_count) *
				       sizeof(struct ct_plan_op) +
			       plan->description_bytes;
	return plan->size_bytes == size_bytes && size_bytes % 8 == 0 && parts_bytes <= size_bytes &&
	       size_bytes - parts_bytes < 8 && plan->op_count <= CT_PLAN_OPS_MAX &&
	       plan->shape_count <= CT_PLAN_OPS_MAX &&
	       plan->description_bytes <= CT_PLAN_DESCRIPTION_MAX &&
	       plan->payload_max <= CT_PLAN_PAYLOAD_MAX && plan->kind >= CT_PLAN_ENTER &&
	       plan->kind <= CT_PLAN_EXIT_STUB &&
	       (plan->kind != CT_PLAN_EXIT_STUB ||
		plan->return_slot_register < CT_PLAN_HOOK_REGISTERS);
}

static void begin_building(struct building *build, const struct image *image,
			   const struct ct_plan *plan)
{
	ct_zero(build, sizeof(*build));
	build->image = image;
	build->registers = plan->kind == CT_PLAN_EXIT_STUB ? CT_PLAN_REGISTERS
							   : CT_PLAN_HOOK_REGISTERS;
}

/* What the hook must be told as the function. */
static uint64_t function_of(const struct image *image, const struct ct_plan *plan)
{
	uint64_t function = plan->function + image->bias;
	if (!plan->function_is_slot)
		return function;
	uint64_t pointer;
	return ct_sys_peek((const void *)function, &pointer, sizeof(pointer)) ? pointer : 0;
}

/* Ready to be followed; NULL: the plan is not right. &no_capture: it appends nothing. */
static const struct ct_capture *build_capture(struct image *image, const struct ct_plan *plan)
{
	enum { SLACK_BYTES = 24 }; /* behind the payload: see follow() in values.c */
	const struct ct_plan_op *ops = (const void *)(plan + 1);
	static struct building build; /* as above */
	begin_building(&build, image, plan);
	unsigned int count = build_ops(&build, ops, plan->op_count, NULL);
	if (!count || build.payload_bytes > plan->payload_max)
		return NULL;
	if (!build.payload_bytes)
		return &no_capture;
	struct ct_capture *capture =
		take_memory(image, sizeof(*capture) + count * sizeof(struct ct_plan_op));
	if (!capture)
		return NULL;
	begin_building(&build, image, plan);
	build_ops(&build, ops, plan->op_count, capture->ops);
	ct_zero(capture, sizeof(*capture));
	uint64_t room_bytes = CT_VALUES_HEAD_BYTES + build.payload_bytes + SLACK_BYTES;
	capture->function = function_of(image, plan);
	capture->room_bytes = (uint32_t)((room_bytes + 7) & ~UINT64_C(7));
	capture->kind = plan->kind;
	capture->return_slot_register = plan->return_slot_register;
	capture->return_slot_offset = plan->return_slot_offset;
	capture->x87_values = build.x87_values & 2 ? 2 : build.x87_values;
	make_quick(image, capture, build.payload_bytes);
	return capture;
}

/* Unless somebody has replaced it meanwhile. */
static void remove_damaged(const struct plan_file *file)
{
	struct stat status;
	long fd = open_cached(file->path, &status);
	if (ct_sys_failed(fd))
		return;
	ct_sys(SYS_close, fd);
	if (status.st_dev != file->device || status.st_ino != file->inode)
		return;
	ct_debug("the plans in '%s' are damaged; they are made anew", file->path);
	ct_sys(SYS_unlinkat, AT_FDCWD, file->path, 0);
}

/* A plan of a large file is gone, or not as it was written: the same plans from a new file. */
static bool make_anew(struct image *image)
{
	const struct ct_module *row = ct_file_module(image->ordinal);
	struct image fresh = *image;
	if (!image->file || image->is_made_anew || !row)
		return false;
	image->is_made_anew = true;
	remove_damaged(image->file);
	fresh.bytes = fresh.index_memory = NULL;
	fresh.file = NULL;
	fresh.captures = NULL;
	fresh.arena = NULL;
	fresh.index_count = 0;
	bool same = load_module(&fresh, row) && fresh.index_count == image->index_count &&
		    ct_same_bytes(fresh.index, image->index,
				  image->index_count * sizeof(*image->index));
	if (same) {
		struct image old = *image;
		image->bytes = fresh.bytes;
		image->size_bytes = fresh.size_bytes;
		image->file = fresh.file;
		image->index_memory = fresh.index_memory;
		image->index_memory_bytes = fresh.index_memory_bytes;
		image->index = fresh.index;
		old.captures = fresh.captures;
		old.arena = fresh.arena;
		fresh = old;
	}
	free_image_memory(&fresh);
	return same;
}

/*
 * The plan of the hook that returns to `site`, ready: NULL: there is none, or
 * it is not right. `*ret_plan`, unless NULL: its bytes.
 */
static const struct ct_capture *capture_at(struct image *image, const struct ct_plan_index *index,
					   bool is_enter, const struct ct_plan **ret_plan)
{
	const struct ct_capture **ready = &image->captures[index - image->index];
	if (*ready && !ret_plan)
		return *ready;
	uint64_t at = (uint64_t)(index - image->index);
	const struct ct_plan *plan = read_plan(image, index);
	if (!plan && make_anew(image))
		plan = read_plan(image, &image->index[at]);
	if (!plan || !accepts_plan(plan, image->index[at].size_bytes) ||
	    (plan->kind == CT_PLAN_ENTER) != is_enter)
		return NULL;
	if (!*ready)
		*ready = build_capture(image, plan);
	if (ret_plan)
		*ret_plan = plan;
	return *ready;
}

/* ---- what the others ask ---- */

int ct_plan_init(void)
{
	if (!ct_runtime.config.capture_args)
		return 0;
	/* A forked child's rows have not been written; what is ready stays with the images. */
	struct ct_exit_table *table = create_table(FIRST_EXIT_SLOTS);
	if (!table)
		return -1;
	used_exit_slots = 0;
	__atomic_store_n(&ct_exit_table, table, __ATOMIC_RELEASE);
	return 0;
}

/* The child's modules get numbers of their own; see is_module(). */
void ct_plan_fork_child(void)
{
	misses.is_unknown = true; /* the parent tells */
	for (struct image *image = images; image; image = image->next)
		image->ordinal = 0;
}

void ct_plan_forget_module(uint32_t ordinal)
{
	struct image **link = &images;
	while (*link && (*link)->ordinal != ordinal)
		link = &(*link)->next;
	struct image *image = *link;
	if (!image)
		return;
	for (uint64_t i = 0; i <= last_exit_slot(ct_exit_table); i++) {
		struct ct_exit_slot *slot = &ct_exit_table->slots[i];
		if (slot->site >= image->range.low && slot->site < image->range.high)
			__atomic_store_n(&slot->capture, 0, __ATOMIC_RELEASE);
	}
	__atomic_store_n(link, image->next, __ATOMIC_RELEASE);
	free_image_memory(image);
	ct_sys_unmap(image, sizeof(*image));
}

const struct ct_capture *ct_plan_of_enter(uint64_t site, uint64_t function, uint32_t module)
{
	if (!ct_runtime.config.capture_args || !module)
		return NULL;
	struct image *image = image_of(module);
	if (!image)
		return NULL;
	struct ct_plan_row row = {.module = module, .site = site};
	/* Once for a site: a second call site of an inlined function's, say, finds it here. */
	const struct ct_capture *capture;
	if (ct_exit_find(site, &capture))
		return capture;
	const struct ct_plan *plan = NULL;
	const struct ct_plan_index *index = NULL;
	if (image->state == IMAGE_READY)
		index = find_index(image, site - image->bias);
	capture = index ? capture_at(image, index, true, &plan) : NULL;
	if (!capture || function_of(image, plan) != function) {
		capture = NULL;
		plan = NULL;
		row.why = image->state == IMAGE_FAILED || index ? CT_WHY_PLAN_UNSURE
								: CT_WHY_NO_DEBUG_INFO;
	}
	/* A function the filter leaves out has no row; nor has one where nothing is described. */
	bool is_left_out = image->state == IMAGE_READY ? !index && ct_runtime.config.args_filter[0]
						       : image->state != IMAGE_FAILED;
	if (!is_left_out && !ct_file_add_plan(&row, plan))
		capture = NULL; /* nobody could tell what the values mean */
	if (capture == &no_capture)
		capture = NULL;
	add_exit(site, capture);
	return capture;
}

const struct ct_capture *ct_plan_of_exit(uint64_t site, uint64_t call_site)
{
	const struct ct_capture *capture = NULL;
	if (!ct_runtime.config.capture_args || ct_exit_find(site, &capture))
		return capture;
	ct_lock_take(&ct_runtime.lock);
	/* Where the two are one, the hook was a function's last jump, and it returns nothing.
	 * A module whose enters were not seen has no image. */
	struct image *image = site == call_site ? NULL : image_at(site);
	const struct ct_plan_index *index = NULL;
	if (image && image->state == IMAGE_READY)
		index = find_index(image, site - image->bias);
	if (index)
		capture = capture_at(image, index, false, NULL);
	if (capture == &no_capture)
		capture = NULL;
	add_exit(site, capture);
	ct_lock_release(&ct_runtime.lock);
	return capture;
}
