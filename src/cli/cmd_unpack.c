/* SPDX-License-Identifier: MIT */
/* calltrace unpack: the raw traces of a packed file, as they were. */
#include "cli/command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/term.h"
#include "export/output.h"
#include "reader/pack.h"

/* Streams take turns in a trace: that many of their frames are kept. */
enum { KEPT_FRAMES = 64 };

struct unpack_options {
	const char *folder;
	bool check, force, quiet;
};

#define OFFSET(member) offsetof(struct unpack_options, member)
static const struct ct_option options_table[] = {
	{.kind = CT_OPTION_TEXT,
	 .letter = 'o',
	 .name = "output",
	 .value = "DIR",
	 .choices = "directory",
	 .help = "write into the folder DIR, which is made; without it into this one",
	 .offset = OFFSET(folder)},
	{.kind = CT_OPTION_FLAG,
	 .name = "check",
	 .help = "write nothing: read all of FILE and compare it with its checksums",
	 .offset = OFFSET(check)},
	{.kind = CT_OPTION_FLAG,
	 .name = "force",
	 .help = "replace files that are there",
	 .offset = OFFSET(force)},
	{.kind = CT_OPTION_FLAG,
	 .letter = 'q',
	 .name = "quiet",
	 .help = "say nothing but errors",
	 .offset = OFFSET(quiet)},
};
static const struct ct_option_group own_group = {
	.options = options_table,
	.count = sizeof(options_table) / sizeof(options_table[0]),
};
static const struct ct_option_group *const groups[] = {&own_group};

struct unpacking {
	const struct unpack_options *options;
	const char *path;
	struct ct_pack *pack;
	struct ct_pack_cache caches[KEPT_FRAMES];
	uint64_t bytes_done, bytes_all;
	unsigned char block[CT_BLOCK_BYTES];
};

static void unpacking_destroy(struct unpacking **pointer)
{
	struct unpacking *unpacking = *pointer;
	if (!unpacking)
		return;
	for (int i = 0; i < KEPT_FRAMES; i++)
		ct_pack_cache_deinit(&unpacking->caches[i]);
	ct_pack_release(unpacking->pack);
	free(unpacking);
}

static void output_cleanup(struct ct_output **output)
{
	ct_output_destroy(*output);
}

static void tell_progress(struct unpacking *unpacking, uint64_t bytes)
{
	unpacking->bytes_done += bytes;
	if (!unpacking->options->quiet)
		ct_term_progress(unpacking->bytes_done, unpacking->bytes_all);
}

static struct ct_error *damaged_frame(const struct unpacking *unpacking, uint32_t input,
				      uint32_t frame)
{
	uint64_t at = ct_pack_frame_at(unpacking->pack, input, frame)->offset;
	return ct_error_create("'%s' is damaged at byte %" PRIu64
			       ", in '%s': it cannot be given back whole; the other commands show "
			       "what can be read",
			       unpacking->path, at, ct_pack_name(unpacking->pack, input));
}

/* ---- checking ---- */

static struct ct_error *check_input(struct unpacking *unpacking, uint32_t input)
{
	for (uint32_t i = 0; i < ct_pack_frame_count(unpacking->pack, input); i++) {
		const struct ct_pack_frame *frame = ct_pack_frame_at(unpacking->pack, input, i);
		if (!ct_pack_check_frame(unpacking->pack, input, i))
			return damaged_frame(unpacking, input, i);
		tell_progress(unpacking, (uint64_t)frame->block_count * CT_BLOCK_BYTES);
	}
	return NULL;
}

/* ---- writing ---- */

static struct ct_error *write_blocks(struct unpacking *unpacking, uint32_t input,
				     struct ct_output *output)
{
	struct ct_pack *pack = unpacking->pack;
	uint64_t left = ct_pack_trace_bytes(pack, input);
	for (uint32_t block = 0; left > 0 && !ct_output_failed(output); block++) {
		size_t length = left < CT_BLOCK_BYTES ? (size_t)left : CT_BLOCK_BYTES;
		uint32_t frame = ct_pack_frame_of(pack, input, block);
		struct ct_pack_cache *cache = &unpacking->caches[frame % KEPT_FRAMES];
		memset(unpacking->block, 0, sizeof(unpacking->block));
		if (frame != UINT32_MAX && ct_pack_read_block(pack, input, block, unpacking->block,
							      CT_BLOCK_BYTES, cache) != length)
			return damaged_frame(unpacking, input, frame);
		ct_sink_add(ct_output_sink(output), (const char *)unpacking->block, length);
		left -= length;
		tell_progress(unpacking, length);
	}
	return NULL;
}

static struct ct_error *write_input(struct unpacking *unpacking, uint32_t input, const char *path)
{
	ct_cleanup(output_cleanup) struct ct_output *output = NULL;
	struct ct_error *err = ct_output_create(path, &output);
	if (!err)
		err = write_blocks(unpacking, input, output);
	for (int i = 0; i < KEPT_FRAMES; i++)
		ct_pack_cache_deinit(&unpacking->caches[i]);
	return err ? err : ct_output_commit(output);
}

static char *path_of(const struct unpacking *unpacking, uint32_t input)
{
	const char *folder = unpacking->options->folder;
	char *path = NULL;
	if (asprintf(&path, "%s/%s", folder ? folder : ".", ct_pack_name(unpacking->pack, input)) <
	    0)
		return NULL;
	return path;
}

static struct ct_error *refuse_to_replace(const struct unpacking *unpacking)
{
	uint32_t count = ct_pack_input_count(unpacking->pack);
	for (uint32_t i = 0; i < count && !unpacking->options->force; i++) {
		ct_cleanup(ct_cleanup_free) char *path = path_of(unpacking, i);
		if (!path)
			return ct_error_nomem;
		if (access(path, F_OK) == 0)
			return ct_error_create("'%s' is there already; name another folder with "
					       "-o, or replace it with --force",
					       path);
	}
	return NULL;
}

static struct ct_error *make_folder(const char *folder, bool *is_new)
{
	*is_new = folder && mkdir(folder, 0777) == 0;
	if (!folder || *is_new || errno == EEXIST)
		return NULL;
	return ct_error_errno(errno, "making the folder '%s'", folder);
}

/* All or, where one fails, none of them. */
static struct ct_error *write_all(struct unpacking *unpacking)
{
	uint32_t count = ct_pack_input_count(unpacking->pack);
	bool is_new = false;
	struct ct_error *err = refuse_to_replace(unpacking);
	if (!err)
		err = make_folder(unpacking->options->folder, &is_new);
	uint32_t done = 0;
	for (; done < count && !err; done++) {
		ct_cleanup(ct_cleanup_free) char *path = path_of(unpacking, done);
		err = path ? write_input(unpacking, done, path) : ct_error_nomem;
		if (err)
			break;
	}
	for (uint32_t i = 0; i < done && err; i++) {
		ct_cleanup(ct_cleanup_free) char *path = path_of(unpacking, i);
		if (path)
			unlink(path);
	}
	if (err && is_new)
		rmdir(unpacking->options->folder);
	return err;
}

static struct ct_error *check_all(struct unpacking *unpacking)
{
	struct ct_error *err = NULL;
	for (uint32_t i = 0; i < ct_pack_input_count(unpacking->pack) && !err; i++)
		err = check_input(unpacking, i);
	return err;
}

static enum ct_exit run(int argc, char **argv, struct ct_error **err)
{
	ct_cleanup(unpacking_destroy) struct unpacking *unpacking = calloc(1, sizeof(*unpacking));
	struct unpack_options options = {0};
	const struct ct_option_target target = {&own_group, &options};
	int count;
	if (!unpacking) {
		*err = ct_error_nomem;
		return CT_EXIT_FAILURE;
	}
	unpacking->options = &options;
	*err = ct_options_read(argc, argv, &target, 1, false, &count);
	if (!*err)
		*err = ct_options_one(argv, count, "the packed file to read", &unpacking->path);
	if (*err)
		return CT_EXIT_USAGE;
	*err = ct_pack_open(unpacking->path, &unpacking->pack);
	if (!*err && ct_pack_damage(unpacking->pack))
		*err = ct_error_create("'%s' is cut short or damaged: it cannot be given back "
				       "whole; the other commands show what can be read",
				       unpacking->path);
	uint32_t inputs = *err ? 0 : ct_pack_input_count(unpacking->pack);
	for (uint32_t i = 0; i < inputs; i++)
		unpacking->bytes_all += ct_pack_trace_bytes(unpacking->pack, i);
	if (!*err)
		*err = options.check ? check_all(unpacking) : write_all(unpacking);
	ct_term_clear();
	if (*err)
		return CT_EXIT_FAILURE;
	if (!options.quiet)
		ct_term_say("%u trace%s in '%s' %s", inputs, inputs == 1 ? "" : "s",
			    unpacking->path,
			    options.check ? (inputs == 1 ? "is whole" : "are whole") : "unpacked");
	return CT_EXIT_OK;
}

const struct ct_command ct_command_unpack = {
	.name = "unpack",
	.run = run,
	.summary = "give back the raw traces of a packed file",
	.synopsis = "FILE [-o DIR] [OPTION]...",
	.description =
		"Writes the raw traces in the packed file FILE, as they were before they were packed, "
		"byte for byte; each part is compared with its checksum. Only holes in the files, "
		"which read as zeros, become zeros. With --check FILE is read and compared, and "
		"nothing written.",
	.groups = groups,
	.group_count = 1,
};
