/* SPDX-License-Identifier: MIT */
/*
 * What is mapped where in the traced process, from /proc: the loader's own
 * lists would need its lock, which a thread that waits for us may hold. Any
 * thread, signals blocked; all but ct_module_mapping() under ct_runtime.lock.
 */
#include "runtime/values.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

/*
 * The first that is not empty. The second is for when the main thread has left
 * through pthread_exit: then /proc/self/maps is empty. Under qemu-user only the
 * first shows the program's mappings; the second shows the emulator's.
 */
static const char *const maps_paths[] = {"/proc/self/maps", "/proc/thread-self/maps"};

/* ---- lines of the maps file ---- */

struct map_line {
	struct ct_range range;
	uint64_t offset;
	uint64_t device; /* major << 32 | minor */
	uint64_t inode;
	bool executable;
	char path[PATH_MAX]; /* may be "" */
};

struct map_reader {
	long fd;
	size_t at, length;
	char buffer[4096];
};

/* False at the end. */
static bool refill(struct map_reader *reader)
{
	long count;
	do
		count = ct_sys(SYS_read, reader->fd, reader->buffer, sizeof(reader->buffer));
	while (count == -EINTR);
	if (count <= 0)
		return false;
	reader->length = (size_t)count;
	reader->at = 0;
	return true;
}

static int next_char(struct map_reader *reader)
{
	if (reader->at == reader->length && !refill(reader))
		return -1;
	return (unsigned char)reader->buffer[reader->at++];
}

/* The hexadecimal or decimal number that ends at the next other character, which is taken too. */
static uint64_t next_number(struct map_reader *reader, unsigned int base)
{
	uint64_t value = 0;
	for (;;) {
		int c = next_char(reader);
		if (c >= '0' && c <= '9')
			value = value * base + (uint64_t)(c - '0');
		else if (base == 16 && c >= 'a' && c <= 'f')
			value = value * base + (uint64_t)(c - 'a' + 10);
		else
			return value;
	}
}

/* A newline in a path reads as \012; nothing else is written so. */
static void undo_newlines(char *path)
{
	char *to = path;
	for (const char *at = path; *at; to++) {
		bool is_newline = at[0] == '\\' && at[1] == '0' && at[2] == '1' && at[3] == '2';
		*to = is_newline ? '\n' : *at;
		at += is_newline ? 4 : 1;
	}
	*to = '\0';
}

/* "low-high rwxp offset major:minor inode   path" */
static bool next_line(struct map_reader *reader, struct map_line *ret)
{
	ret->range.low = next_number(reader, 16);
	ret->range.high = next_number(reader, 16);
	if (!ret->range.high)
		return false;
	next_char(reader);
	next_char(reader);
	ret->executable = next_char(reader) == 'x';
	next_char(reader);
	next_char(reader);
	ret->offset = next_number(reader, 16);
	uint64_t device_major = next_number(reader, 16);
	ret->device = device_major << 32 | next_number(reader, 16);
	/* The inode ends with the line's spaces, or with the line. */
	uint64_t inode = 0;
	int c = next_char(reader);
	for (; c >= '0' && c <= '9'; c = next_char(reader))
		inode = inode * 10 + (uint64_t)(c - '0');
	ret->inode = inode;
	while (c == ' ')
		c = next_char(reader);
	size_t length = 0;
	for (; c >= 0 && c != '\n'; c = next_char(reader))
		if (length < sizeof(ret->path) - 1)
			ret->path[length++] = (char)c;
	ret->path[length] = '\0';
	undo_newlines(ret->path);
	return true;
}

static bool open_maps(struct map_reader *reader)
{
	for (size_t i = 0; i < ct_array_length(maps_paths); i++) {
		reader->at = reader->length = 0;
		reader->fd = ct_sys(SYS_openat, AT_FDCWD, maps_paths[i], O_RDONLY | O_CLOEXEC);
		if (reader->fd == -EMFILE) {
			ct_file_lend_descriptor();
			reader->fd = ct_sys(SYS_openat, AT_FDCWD, maps_paths[i],
					    O_RDONLY | O_CLOEXEC);
		}
		if (ct_sys_failed(reader->fd))
			continue;
		if (refill(reader))
			return true;
		ct_sys(SYS_close, reader->fd);
	}
	return false;
}

bool ct_module_mapping(uint64_t address, uint64_t *ret_low, uint64_t *ret_high)
{
	struct map_reader reader;
	struct map_line line;
	bool found = false;
	if (!open_maps(&reader))
		return false;
	while (!found && next_line(&reader, &line))
		found = address >= line.range.low && address < line.range.high;
	ct_sys(SYS_close, reader.fd);
	if (found) {
		*ret_low = line.range.low;
		*ret_high = line.range.high;
	}
	return found;
}

/* ---- the modules that are known ---- */

struct known_module {
	struct ct_range range;
	uint64_t device, inode;
	uint32_t ordinal; /* row in the trace */
	bool gone;
	bool seen; /* during a rescan */
};

static struct known_module *known;
static uint32_t known_count, known_capacity;
static uint32_t last_ordinal;

void ct_module_forget_all(void)
{
	known_count = 0;
	last_ordinal = 0;
}

static struct known_module *add_known(void)
{
	if (known_count == known_capacity) {
		uint32_t capacity = known_capacity ? known_capacity * 2 : 64;
		struct known_module *grown = ct_sys_map(capacity * sizeof(*grown));
		if (!grown)
			return NULL;
		/* In this order, for a fork on another thread in the middle. */
		struct known_module *old = known;
		uint32_t old_capacity = known_capacity;
		if (old)
			ct_copy(grown, old, known_count * sizeof(*old));
		__atomic_store_n(&known, grown, __ATOMIC_RELEASE);
		__atomic_store_n(&known_capacity, capacity, __ATOMIC_RELEASE);
		if (old)
			ct_sys_unmap(old, old_capacity * sizeof(*old));
	}
	return &known[known_count++];
}

/* A module's mappings, gathered line by line. */
struct gathered {
	struct map_line first; /* its range grows */
	bool executable;
	bool any;
};

/* Link-time address of the first byte and build-id, from the headers in memory. */
static void read_elf(const struct gathered *module, struct ct_module *entry)
{
	Elf64_Ehdr header;
	uint64_t low = module->first.range.low;
	entry->bias = low;
	if (module->first.offset != 0 || !ct_sys_peek((void *)low, &header, sizeof(header)) ||
	    !ct_same_bytes(header.e_ident, ELFMAG, SELFMAG) ||
	    header.e_phentsize != sizeof(Elf64_Phdr))
		return;
	bool has_bias = false;
	for (unsigned int i = 0; i < header.e_phnum && i < 64; i++) {
		Elf64_Phdr segment;
		if (!ct_sys_peek((char *)low + header.e_phoff + i * sizeof(segment), &segment,
				 sizeof(segment)))
			return;
		if (segment.p_type == PT_LOAD && !has_bias) {
			entry->bias = low - (segment.p_vaddr & ~UINT64_C(4095));
			has_bias = true;
		}
		if (segment.p_type != PT_NOTE || !has_bias)
			continue;
		uint64_t at = entry->bias + segment.p_vaddr, end = at + segment.p_memsz;
		Elf64_Nhdr note;
		while (at + sizeof(note) <= end && ct_sys_peek((void *)at, &note, sizeof(note))) {
			uint64_t name = at + sizeof(note);
			uint64_t id = name + ((note.n_namesz + 3ULL) & ~3ULL);
			char owner[4] = "";
			if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
			    note.n_descsz <= sizeof(entry->build_id) &&
			    ct_sys_peek((void *)name, owner, 4) && ct_same_bytes(owner, "GNU", 4) &&
			    ct_sys_peek((void *)id, entry->build_id, note.n_descsz)) {
				entry->build_id_bytes = (uint16_t)note.n_descsz;
				break;
			}
			at = id + ((note.n_descsz + 3ULL) & ~3ULL);
		}
	}
}

static void register_module(const struct gathered *module, uint64_t ticks)
{
	if (!module->any || !module->executable)
		return;
	for (uint32_t i = 0; i < known_count; i++) {
		struct known_module *old = &known[i];
		if (old->gone || old->range.low != module->first.range.low ||
		    old->inode != module->first.inode || old->device != module->first.device)
			continue;
		old->seen = true;
		old->range.high = module->first.range.high;
		return;
	}
	struct ct_module entry = {
		.ordinal = last_ordinal + 1,
		.low = module->first.range.low,
		.high = module->first.range.high,
		.load_ticks = ticks,
	};
	struct known_module *added = add_known();
	if (!added)
		return;
	read_elf(module, &entry);
	last_ordinal++;
	*added = (struct known_module){
		.range = module->first.range,
		.device = module->first.device,
		.inode = module->first.inode,
		.ordinal = last_ordinal,
		.seen = true,
	};
	/* Without a row the sites keep their number; their names are missing. */
	ct_file_add_module(&entry, module->first.path);
}

/* Bring the known modules up to date; sites of those that are gone lose their numbers. */
void ct_module_rescan(void)
{
	static struct map_reader reader;
	static struct map_line line;
	static struct gathered module;
	if (!open_maps(&reader))
		return;
	uint64_t ticks = ct_slow_ticks();
	for (uint32_t i = 0; i < known_count; i++)
		known[i].seen = known[i].gone;
	module.any = false;
	while (next_line(&reader, &line)) {
		bool is_file = line.inode != 0 || line.path[0] == '[';
		bool same = module.any && line.inode == module.first.inode &&
			    line.device == module.first.device &&
			    ct_string_equal(line.path, module.first.path);
		/* The same file once more from its start: loaded twice. */
		if (same && line.offset == 0 && module.executable)
			same = false;
		if (same) {
			module.first.range.high = line.range.high;
			module.executable |= line.executable;
			continue;
		}
		if (!is_file)
			continue; /* .bss between a library's mappings, or anonymous */
		register_module(&module, ticks);
		module.first = line;
		module.executable = line.executable;
		module.any = true;
	}
	register_module(&module, ticks);
	ct_sys(SYS_close, reader.fd);
	for (uint32_t i = 0; i < known_count; i++) {
		if (known[i].seen)
			continue;
		known[i].gone = true;
		struct ct_module *row = ct_file_module(known[i].ordinal);
		if (row)
			row->unload_ticks = ticks ? ticks : 1;
		ct_site_forget_module(known[i].ordinal);
		ct_plan_forget_module(known[i].ordinal);
		ct_memory_lost(known[i].range.low, known[i].range.high);
	}
}

static uint32_t find_known(uint64_t address)
{
	for (uint32_t i = known_count; i-- > 0;)
		if (!known[i].gone && address >= known[i].range.low &&
		    address < known[i].range.high)
			return known[i].ordinal;
	return 0;
}

uint32_t ct_module_of(uint64_t address)
{
	uint32_t ordinal = find_known(address);
	if (ordinal)
		return ordinal;
	ct_module_rescan();
	return find_known(address);
}

/* Where libcalltrace.so itself lies; "" is never returned. */
bool ct_module_own_path(char *ret, size_t size_bytes)
{
	struct map_reader reader;
	struct map_line line;
	bool found = false;
	if (!open_maps(&reader))
		return false;
	uint64_t own = (uint64_t)&ct_module_own_path;
	while (!found && next_line(&reader, &line))
		found = own >= line.range.low && own < line.range.high;
	ct_sys(SYS_close, reader.fd);
	size_t length = found ? ct_string_length(line.path) : 0;
	if (!length || line.path[0] != '/' || length >= size_bytes)
		return false;
	ct_copy(ret, line.path, length + 1);
	return true;
}
