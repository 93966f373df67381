/* SPDX-License-Identifier: MIT */
/*
 * What was found damaged of the traces that this process has read, kept until
 * somebody asks: most of it shows only when the calls are read, by any thread. In
 * the calltrace command. Memory: a bit for each block of a damaged trace while it
 * is open, and a line for each damaged trace.
 */
#ifndef CT_READER_DAMAGE_H
#define CT_READER_DAMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/file.h"

struct ct_damage; /* of one trace */

/* In place of a block's type. */
enum {
	CT_DAMAGE_HEADER = 0,		      /* of a block of any type */
	CT_DAMAGE_CLOCK = CT_BLOCK_PLANS + 1, /* the first block, with nothing left of it */
};

/* NULL without memory, which the others put up with. `path` is copied. In a packed trace a block
 * is at no byte of a file. */
struct ct_damage *ct_damage_begin(const char *path, bool is_packed);
/* The trace is closed; what was found is kept. */
void ct_damage_end(struct ct_damage *damage);
/* The trace was not opened, and an error tells why: nothing is kept. */
void ct_damage_drop(struct ct_damage *damage);

/* Something is wrong, without a place. */
void ct_damage_add(struct ct_damage *damage);
/* The block is not what was written; it is used for what it may be worth, or not at all. */
void ct_damage_add_block(struct ct_damage *damage, uint32_t block, uint16_t type);
/* The records of this block are left out: so many bytes of thread `tid`'s (0: not known). */
void ct_damage_add_records(struct ct_damage *damage, uint32_t block, uint32_t tid,
			   uint64_t records_bytes);
/* This trace is left out, and an error told why. */
void ct_damage_add_unread(const char *path);
/* Blocks of records that were left out until now, and their bytes. */
uint32_t ct_damage_records(struct ct_damage *damage, uint64_t *ret_bytes);

/* Call `tell` with one sentence for each trace that is damaged, and forget them. True: there was
 * one, or one that was left out. Not while traces are open. */
bool ct_damage_tell_all(void (*tell)(const char *sentence));

#endif
