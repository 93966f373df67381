/* SPDX-License-Identifier: MIT */
/*
 * Opening ELF files and finding the debug files that belong to them. What is
 * in a file is hostile: its links lead to regular ELF files whose build-id or
 * checksum fits, or nowhere.
 */
#include "symbols/elf_file.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef CT_HAVE_LZMA
#include <lzma.h>
#endif

#include "base/cleanup.h"
/* A symbol table for a whole distribution's largest library unpacks to less. */
#define MINIDEBUG_MAX_BYTES ((size_t)64 << 20)

static struct ct_error *unusable(const char *path, const char *why)
{
	return ct_error_create("'%s' %s; its functions stay without names", path, why);
}

void ct_elf_file_destroy(struct ct_elf_file *file)
{
	if (!file)
		return;
	elf_end(file->elf);
	ct_cleanup_fd(&file->fd);
	free(file->content);
	free(file->path);
	free(file);
}

static void cleanup_elf_file(struct ct_elf_file **file)
{
	ct_elf_file_destroy(*file);
}

static struct ct_elf_file *create_elf_file(const char *path)
{
	struct ct_elf_file *file = calloc(1, sizeof(*file));
	if (!file)
		return NULL;
	file->fd = -1;
	file->path = strdup(path);
	if (!file->path) {
		free(file);
		return NULL;
	}
	return file;
}

static struct ct_error *open_regular(struct ct_elf_file *file)
{
	/* Not to hang on a FIFO that has the name of a program. */
	file->fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	if (file->fd < 0 || fstat(file->fd, &status) != 0) {
		char why[128];
		if (errno == ENOENT)
			return unusable(file->path, "is not there any more");
		snprintf(why, sizeof(why), "cannot be opened: %s", strerror(errno));
		return unusable(file->path, why);
	}
	if (!S_ISREG(status.st_mode))
		return unusable(file->path, "is not a regular file");
	file->size_bytes = status.st_size;
	file->device = status.st_dev;
	file->inode = status.st_ino;
	return NULL;
}

/* Fill in what the ELF header and the notes tell. */
static struct ct_error *read_identity(struct ct_elf_file *file)
{
	if (elf_kind(file->elf) != ELF_K_ELF)
		return unusable(file->path, "is not an ELF file");
	GElf_Ehdr header;
	if (!gelf_getehdr(file->elf, &header))
		return unusable(file->path, "is a damaged ELF file");
	if (header.e_type != ET_EXEC && header.e_type != ET_DYN)
		return unusable(file->path, "is not an executable or a shared library");
	const void *build_id = NULL;
	ssize_t build_id_bytes = dwelf_elf_gnu_build_id(file->elf, &build_id);
	if (build_id_bytes > 0) {
		file->build_id = build_id;
		file->build_id_bytes = (size_t)build_id_bytes;
	}
	return NULL;
}

struct ct_error *ct_elf_file_open(const char *path, struct ct_elf_file **ret)
{
	if (elf_version(EV_CURRENT) == EV_NONE)
		return ct_error_create("libelf is too old for this tool; install a newer elfutils");
	ct_cleanup(cleanup_elf_file) struct ct_elf_file *file = create_elf_file(path);
	if (!file)
		return ct_error_nomem;
	struct ct_error *err = open_regular(file);
	if (err)
		return err;
	/* Mapped, not read: a debug file may have gigabytes of which a lookup needs a page. */
	file->elf = elf_begin(file->fd, ELF_C_READ_MMAP, NULL);
	if (!file->elf)
		return unusable(path, elf_errmsg(-1));
	err = read_identity(file);
	if (err)
		return err;
	*ret = ct_take(file);
	return NULL;
}

/* As ct_elf_file_open(), where any failure means that there is no such file. */
static struct ct_elf_file *try_open(const char *path)
{
	struct ct_elf_file *file = NULL;
	struct ct_error *err = ct_elf_file_open(path, &file);
	ct_error_destroy(err);
	return file;
}

static bool same_build_id(const struct ct_elf_file *file, const uint8_t *build_id,
			  size_t build_id_bytes)
{
	return file->build_id_bytes == build_id_bytes &&
	       (build_id_bytes == 0 || memcmp(file->build_id, build_id, build_id_bytes) == 0);
}

/* <debug_root>/.build-id/xx/yyy.debug */
static struct ct_elf_file *find_by_build_id(const char *debug_root, const uint8_t *build_id,
					    size_t build_id_bytes)
{
	char hex[2 * 64 + 1];
	if (build_id_bytes < 2 || build_id_bytes > 64)
		return NULL;
	for (size_t i = 0; i < build_id_bytes; i++)
		snprintf(hex + 2 * i, 3, "%02x", build_id[i]);
	ct_cleanup(ct_cleanup_free) char *path = NULL;
	if (asprintf(&path, "%s/.build-id/%.2s/%s.debug", debug_root, hex, hex + 2) < 0) {
		path = NULL;
		return NULL;
	}
	ct_cleanup(cleanup_elf_file) struct ct_elf_file *file = try_open(path);
	if (!file || !same_build_id(file, build_id, build_id_bytes))
		return NULL;
	return ct_take(file);
}

/* The CRC-32 of a .gnu_debuglink: polynomial 0xedb88320, as in zlib. */
static uint32_t file_crc32(const struct ct_elf_file *file)
{
	uint32_t table[256];
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t value = i;
		for (int bit = 0; bit < 8; bit++)
			value = value & 1 ? value >> 1 ^ 0xedb88320 : value >> 1;
		table[i] = value;
	}
	size_t size_bytes;
	const unsigned char *bytes = (const unsigned char *)elf_rawfile(file->elf, &size_bytes);
	uint32_t crc = 0xffffffff;
	for (size_t i = 0; bytes && i < size_bytes; i++)
		crc = table[(crc ^ bytes[i]) & 0xff] ^ crc >> 8;
	return ~crc;
}

/* A debug file by name: the build-ids decide; without them the CRC, which reads all of it.
 * *ret_unfit: one is there, and does not fit. */
static struct ct_elf_file *try_debuglink(const struct ct_elf_file *main_file, const char *path,
					 GElf_Word crc, bool *ret_unfit)
{
	ct_cleanup(cleanup_elf_file) struct ct_elf_file *file = try_open(path);
	*ret_unfit = false;
	if (!file || (file->device == main_file->device && file->inode == main_file->inode))
		return NULL;
	bool fits = main_file->build_id_bytes > 0 && file->build_id_bytes > 0
			    ? same_build_id(file, main_file->build_id, main_file->build_id_bytes)
			    : file_crc32(file) == crc;
	*ret_unfit = !fits;
	return fits ? ct_take(file) : NULL;
}

static const char *debuglink_name(const struct ct_elf_file *file, GElf_Word *ret_crc)
{
	const char *name = dwelf_elf_gnu_debuglink(file->elf, ret_crc);
	return name && *name && !strchr(name, '/') ? name : NULL;
}

/* *ret_unfit: the first that is there and does not fit, to be freed; or it stays. */
static struct ct_elf_file *find_by_debuglink(const struct ct_elf_file *file, const char *debug_root,
					     char **ret_unfit)
{
	GElf_Word crc;
	const char *name = debuglink_name(file, &crc);
	if (!name)
		return NULL;
	ct_cleanup(ct_cleanup_free) char *directory = realpath(file->path, NULL);
	if (!directory)
		return NULL;
	*strrchr(directory, '/') = '\0';

	const char *const prefixes[][2] = {
		{"", ""},
		{"", "/.debug"},
		{debug_root, ""},
	};
	struct ct_elf_file *found = NULL;
	for (size_t i = 0; !found && i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		ct_cleanup(ct_cleanup_free) char *path = NULL;
		bool is_unfit;
		if (asprintf(&path, "%s%s%s/%s", prefixes[i][0], directory, prefixes[i][1], name) <
		    0) {
			path = NULL;
			return NULL;
		}
		found = try_debuglink(file, path, crc, &is_unfit);
		if (is_unfit && ret_unfit && !*ret_unfit)
			*ret_unfit = ct_take(path);
	}
	return found;
}

struct ct_elf_file *ct_elf_file_find_debug(const struct ct_elf_file *file, const char *debug_root)
{
	struct ct_elf_file *found = find_by_build_id(debug_root, file->build_id,
						     file->build_id_bytes);
	return found ? found : find_by_debuglink(file, debug_root, NULL);
}

const char *ct_elf_file_missing_debug(const struct ct_elf_file *file, const char *debug_root,
				      char **ret_unfit)
{
	GElf_Word crc;
	*ret_unfit = NULL;
	ct_elf_file_destroy(find_by_debuglink(file, debug_root, ret_unfit));
	return debuglink_name(file, &crc);
}

struct ct_elf_file *ct_elf_file_find_alternate(const struct ct_elf_file *debug,
					       const char *debug_root)
{
	/* The section is a file name, NUL, and the build-id of the file that is meant. */
	Elf_Scn *section = ct_elf_file_section(debug, ".gnu_debugaltlink");
	Elf_Data *data = section ? elf_rawdata(section, NULL) : NULL;
	const char *name = data ? data->d_buf : NULL;
	const char *name_end = name ? memchr(name, '\0', data->d_size) : NULL;
	if (!name_end)
		return NULL;
	const uint8_t *build_id = (const uint8_t *)name_end + 1;
	size_t build_id_bytes = data->d_size - (size_t)(name_end + 1 - name);

	struct ct_elf_file *found = find_by_build_id(debug_root, build_id, build_id_bytes);
	if (found)
		return found;
	ct_cleanup(ct_cleanup_free) char *path = realpath(debug->path, NULL);
	if (!path)
		return NULL;
	strrchr(path, '/')[1] = '\0';
	ct_cleanup(ct_cleanup_free) char *full = NULL;
	if (asprintf(&full, "%s%s", *name == '/' ? "" : path, name) < 0) {
		full = NULL;
		return NULL;
	}
	ct_cleanup(cleanup_elf_file) struct ct_elf_file *file = try_open(full);
	if (!file || !same_build_id(file, build_id, build_id_bytes))
		return NULL;
	return ct_take(file);
}

#ifdef CT_HAVE_LZMA

/* Unpack an .xz stream; NULL when it is damaged, or too large to be honest. */
static void *unpack_xz(const void *packed, size_t packed_bytes, size_t *ret_bytes)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	if (lzma_stream_decoder(&stream, MINIDEBUG_MAX_BYTES * 2, 0) != LZMA_OK)
		return NULL;
	stream.next_in = packed;
	stream.avail_in = packed_bytes;

	unsigned char *content = NULL;
	size_t capacity = 64 * 1024;
	lzma_ret status = LZMA_OK;
	while (status == LZMA_OK && capacity < MINIDEBUG_MAX_BYTES) {
		capacity *= 2;
		unsigned char *larger = realloc(content, capacity);
		if (!larger)
			break;
		content = larger;
		stream.next_out = content + stream.total_out;
		stream.avail_out = capacity - (size_t)stream.total_out;
		status = lzma_code(&stream, LZMA_FINISH);
	}
	*ret_bytes = (size_t)stream.total_out;
	lzma_end(&stream);
	if (status != LZMA_STREAM_END) {
		free(content);
		return NULL;
	}
	return content;
}

struct ct_elf_file *ct_elf_file_open_minidebug(const struct ct_elf_file *file)
{
	Elf_Scn *section = ct_elf_file_section(file, ".gnu_debugdata");
	Elf_Data *data = section ? elf_rawdata(section, NULL) : NULL;
	if (!data || !data->d_buf)
		return NULL;
	ct_cleanup(cleanup_elf_file) struct ct_elf_file *mini = create_elf_file(file->path);
	if (!mini)
		return NULL;
	size_t content_bytes;
	mini->content = unpack_xz(data->d_buf, data->d_size, &content_bytes);
	if (!mini->content)
		return NULL;
	mini->elf = elf_memory(mini->content, content_bytes);
	if (!mini->elf)
		return NULL;
	struct ct_error *err = read_identity(mini);
	if (err) {
		ct_error_destroy(err);
		return NULL;
	}
	return ct_take(mini);
}

#else

struct ct_elf_file *ct_elf_file_open_minidebug(const struct ct_elf_file *file)
{
	(void)file;
	return NULL;
}

#endif

Elf_Scn *ct_elf_file_section(const struct ct_elf_file *file, const char *name)
{
	size_t names;
	if (elf_getshdrstrndx(file->elf, &names) != 0)
		return NULL;
	Elf_Scn *section = NULL;
	while ((section = elf_nextscn(file->elf, section))) {
		GElf_Shdr header;
		const char *found = gelf_getshdr(section, &header)
					    ? elf_strptr(file->elf, names, header.sh_name)
					    : NULL;
		if (found && strcmp(found, name) == 0)
			return section;
	}
	return NULL;
}

bool ct_elf_file_code_ranges(const struct ct_elf_file *file, struct ct_range_map *ret)
{
	size_t segment_count;
	if (elf_getphdrnum(file->elf, &segment_count) != 0)
		return true;
	for (size_t i = 0; i < segment_count && i <= INT_MAX; i++) {
		GElf_Phdr segment;
		if (!gelf_getphdr(file->elf, (int)i, &segment))
			break;
		if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X) ||
		    segment.p_memsz > UINT64_MAX - segment.p_vaddr)
			continue;
		if (!ct_range_map_add(ret, segment.p_vaddr, segment.p_vaddr + segment.p_memsz, 0,
				      0))
			return false;
	}
	return ct_range_map_seal(ret);
}
