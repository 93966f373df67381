/* SPDX-License-Identifier: MIT */
/* What was found damaged: see damage.h. */
#include "reader/damage.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"

struct ct_damage {
	struct ct_damage *next;
	char *path;
	bool is_packed;
	bool is_damaged;
	bool is_unread;
	bool has_place; /* `block` and `type` mean something */
	uint32_t block; /* the first that was found */
	uint16_t type;
	uint32_t tid; /* RECORDS: whose */
	uint32_t left_out_blocks;
	uint64_t left_out_bytes;
	unsigned char *told; /* a bit for each block up to told_bytes * 8 */
	size_t told_bytes;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ct_damage *all, **end = &all;

struct ct_damage *ct_damage_begin(const char *path, bool is_packed)
{
	struct ct_damage *damage = calloc(1, sizeof(*damage));
	char *copy = strdup(path);
	if (!damage || !copy) {
		free(damage);
		free(copy);
		return NULL;
	}
	damage->path = copy;
	damage->is_packed = is_packed;
	return damage;
}

static void destroy(struct ct_damage *damage)
{
	free(damage->path);
	free(damage->told);
	free(damage);
}

void ct_damage_drop(struct ct_damage *damage)
{
	if (damage)
		destroy(damage);
}

static void keep(struct ct_damage *damage)
{
	pthread_mutex_lock(&lock);
	*end = damage;
	end = &damage->next;
	pthread_mutex_unlock(&lock);
}

void ct_damage_end(struct ct_damage *damage)
{
	if (!damage)
		return;
	if (!damage->is_damaged) {
		destroy(damage);
		return;
	}
	free(damage->told);
	damage->told = NULL;
	keep(damage);
}

void ct_damage_add_unread(const char *path)
{
	struct ct_damage *damage = ct_damage_begin(path, false);
	if (!damage)
		return;
	damage->is_unread = true;
	keep(damage);
}

void ct_damage_add(struct ct_damage *damage)
{
	if (!damage)
		return;
	pthread_mutex_lock(&lock);
	damage->is_damaged = true;
	pthread_mutex_unlock(&lock);
}

/* Is the block found for the first time? A block is told again when there is no memory. */
static bool is_new(struct ct_damage *damage, uint32_t block)
{
	size_t byte = block / 8;
	unsigned char bit = (unsigned char)(1 << block % 8);
	if (byte >= damage->told_bytes) {
		size_t wanted = (byte + 1) * 2;
		unsigned char *larger = realloc(damage->told, wanted);
		if (!larger)
			return true;
		memset(larger + damage->told_bytes, 0, wanted - damage->told_bytes);
		damage->told = larger;
		damage->told_bytes = wanted;
	}
	bool was_told = damage->told[byte] & bit;
	damage->told[byte] |= bit;
	return !was_told;
}

static bool add(struct ct_damage *damage, uint32_t block, uint16_t type, uint32_t tid)
{
	damage->is_damaged = true;
	if (!is_new(damage, block))
		return false;
	/* The first in the file, whichever thread comes first. */
	if (!damage->has_place || block < damage->block) {
		damage->has_place = true;
		damage->block = block;
		damage->type = type;
		damage->tid = tid;
	}
	return true;
}

void ct_damage_add_block(struct ct_damage *damage, uint32_t block, uint16_t type)
{
	if (!damage)
		return;
	pthread_mutex_lock(&lock);
	add(damage, block, type, 0);
	pthread_mutex_unlock(&lock);
}

void ct_damage_add_records(struct ct_damage *damage, uint32_t block, uint32_t tid,
			   uint64_t records_bytes)
{
	if (!damage)
		return;
	pthread_mutex_lock(&lock);
	if (add(damage, block, CT_BLOCK_RECORDS, tid)) {
		damage->left_out_blocks++;
		damage->left_out_bytes += records_bytes;
	}
	pthread_mutex_unlock(&lock);
}

uint32_t ct_damage_records(struct ct_damage *damage, uint64_t *ret_bytes)
{
	*ret_bytes = 0;
	if (!damage)
		return 0;
	pthread_mutex_lock(&lock);
	uint32_t blocks = damage->left_out_blocks;
	*ret_bytes = damage->left_out_bytes;
	pthread_mutex_unlock(&lock);
	return blocks;
}

static void add_place(const struct ct_damage *damage, struct ct_strbuf *sentence)
{
	static const char *const names[] = {
		[CT_DAMAGE_HEADER] = "the head of a block",
		[CT_BLOCK_FILE] = "the first block",
		[CT_BLOCK_SITES] = "the table of functions",
		[CT_BLOCK_MODULES] = "the table of loaded files",
		[CT_BLOCK_THREADS] = "the table of threads",
		[CT_BLOCK_PLANS] = "the table of what was captured",
		[CT_DAMAGE_CLOCK] = "the first block, so times are ticks of an unknown clock",
	};
	if (!damage->has_place) {
		ct_strbuf_printf(sentence, "'%s' was cut short or is damaged", damage->path);
		return;
	}
	ct_strbuf_printf(sentence, "'%s' is damaged", damage->path);
	if (!damage->is_packed)
		ct_strbuf_printf(sentence, " at byte %" PRIu64,
				 (uint64_t)damage->block * CT_BLOCK_BYTES);
	ct_strbuf_add_string(sentence, ", in ");
	if (damage->type != CT_BLOCK_RECORDS)
		ct_strbuf_printf(sentence, "%s", names[damage->type]);
	else if (damage->tid)
		ct_strbuf_printf(sentence, "the calls of thread %u", damage->tid);
	else
		ct_strbuf_printf(sentence, "the calls of a thread");
}

static void make_sentence(const struct ct_damage *damage, struct ct_strbuf *sentence)
{
	add_place(damage, sentence);
	if (damage->left_out_blocks)
		ct_strbuf_printf(sentence,
				 "; %u block%s with %" PRIu64 " bytes of calls left out, what "
				 "else can be read is shown",
				 damage->left_out_blocks, damage->left_out_blocks == 1 ? "" : "s",
				 damage->left_out_bytes);
	else
		ct_strbuf_printf(sentence, "; what can be read is shown");
}

/* Was the same trace told already, which was open twice? */
static bool is_repeated(const struct ct_damage *damage)
{
	for (const struct ct_damage *other = all; other != damage; other = other->next)
		if (!other->is_unread && strcmp(other->path, damage->path) == 0)
			return true;
	return false;
}

bool ct_damage_tell_all(void (*tell)(const char *sentence))
{
	struct ct_strbuf sentence = {0};
	bool is_any = all != NULL;
	for (const struct ct_damage *damage = all; damage; damage = damage->next) {
		sentence.length = 0;
		if (damage->is_unread)
			continue;
		make_sentence(damage, &sentence);
		if (!is_repeated(damage))
			tell(sentence.failed ? "a trace is damaged" : sentence.bytes);
	}
	ct_strbuf_deinit(&sentence);
	while (all) {
		struct ct_damage *next = all->next;
		destroy(all);
		all = next;
	}
	end = &all;
	return is_any;
}
