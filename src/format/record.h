/* SPDX-License-Identifier: MIT */
/*
 * The records in a RECORDS block: docs/format.md, "Records". The low two bits
 * of the first byte tell the kind; a zero byte ends a live window.
 */
#ifndef CT_FORMAT_RECORD_H
#define CT_FORMAT_RECORD_H

#include <stdint.h>

#include "format/file.h"

enum ct_record_kind {
	CT_RECORD_END = 0,	/* nothing written here yet */
	CT_RECORD_ENTER = 1,	/* 6 bytes: kind 2 bits, time 22, site number 24 */
	CT_RECORD_RETURN = 2,	/* 3 bytes: kind 2 bits, time 22 */
	CT_RECORD_EXTENDED = 3, /* struct ct_extended, `size_bytes` long */
};

enum { CT_ENTER_BYTES = 6, CT_RETURN_BYTES = 3 };

#define CT_TIME_MASK ((UINT64_C(1) << CT_EPOCH_SHIFT) - 1)

/* Eight bytes to store; the last two are zero, and end the window until overwritten. */
static inline uint64_t ct_record_enter(uint64_t ticks, uint64_t site_number)
{
	return CT_RECORD_ENTER | (ticks & CT_TIME_MASK) << 2 | site_number << 24;
}

/* Four bytes to store; the last one is zero. */
static inline uint32_t ct_record_return(uint64_t ticks)
{
	return (uint32_t)(CT_RECORD_RETURN | (ticks & CT_TIME_MASK) << 2);
}

enum ct_extended_kind {
	CT_EXTENDED_SYNC = 0,	/* `ticks` from here on are of this epoch; carries it in `value` */
	CT_EXTENDED_UNWIND = 1, /* calls above `depth` ended without returning; value: reason */
	CT_EXTENDED_STACK = 2,	/* the thread goes on on stack number `value`, `depth` calls deep */
	CT_EXTENDED_CREATE = 3, /* the innermost call creates a thread; value: create_serial */
	CT_EXTENDED_LOST = 4,	/* `value` events are missing here; `depth` calls are open now */
	CT_EXTENDED_VALUES = 5, /* arguments of the enter directly before it, or value of the return
				 * directly before it, in the same piece: see below */
};

/*
 * A VALUES record: a head, and the payload that the site's plan describes
 * (format/plan.h). It carries no time and no depth. The head is a byte and the
 * size of the whole record as uint16, not aligned; or, short, one byte with the
 * upper bit set and the size of the payload in bits 2-6.
 */
enum {
	CT_VALUES_HEAD = CT_RECORD_EXTENDED | CT_EXTENDED_VALUES << 2,
	CT_VALUES_HEAD_BYTES = 3,
	CT_VALUES_SHORT_HEAD = CT_RECORD_EXTENDED | 0x80,
	CT_VALUES_SHORT_HEAD_BYTES = 1,
	CT_VALUES_SHORT_MAX = 31, /* bytes of payload */
};

static inline int ct_values_is_short(uint8_t head)
{
	return (head & CT_VALUES_SHORT_HEAD) == CT_VALUES_SHORT_HEAD;
}

static inline int ct_is_values(uint8_t head)
{
	return head == CT_VALUES_HEAD || ct_values_is_short(head);
}

static inline uint32_t ct_values_head_bytes(uint8_t head)
{
	return ct_values_is_short(head) ? CT_VALUES_SHORT_HEAD_BYTES : CT_VALUES_HEAD_BYTES;
}

enum ct_unwind_reason {
	CT_UNWIND_LONGJMP = 1,
	CT_UNWIND_EXCEPTION = 2,
	CT_UNWIND_STALE = 3, /* frames found gone at a later call or return */
};

/* An extended record but VALUES; a reader skips kinds it does not know by their size. */
struct ct_extended {
	uint8_t head;	    /* CT_RECORD_EXTENDED | kind << 2 */
	uint8_t size_bytes; /* of the whole record, at least 2 */
	uint16_t reserved;
	uint32_t depth; /* of the current stack, after this record; SYNC, CREATE: unchanged */
	uint64_t ticks; /* whole; also sets the epoch for what follows */
	uint64_t value;
};
enum { CT_EXTENDED_BYTES = 24 };
_Static_assert(sizeof(struct ct_extended) == CT_EXTENDED_BYTES, "part of the file format");

#endif
