/* SPDX-License-Identifier: MIT */
/* Offsets and constants that the assembly hooks share with hot.h; checked in hooks.c. */
#ifndef CT_RUNTIME_SELF_LAYOUT_H
#define CT_RUNTIME_SELF_LAYOUT_H

#define CT_SELF_WORD	     0
#define CT_SELF_WINDOW	     8
#define CT_SELF_FRAMES	     16
#define CT_SELF_EPOCH	     24
#define CT_SELF_DEPTH_LIMIT  32
#define CT_SELF_THREAD	     40
#define CT_SELF_COUNTED	     48
#define CT_SELF_VALUES_BYTES 56
#define CT_SELF_STACK_HIGH   64
#define CT_SELF_STACK_SPAN   72

#define CT_TABLE_BYTE_MASK 0
#define CT_TABLE_SLOTS	   16
#define CT_SLOT_SITE	   0
#define CT_SLOT_CALL_SITE  8
#define CT_SLOT_RECORD	   16
#define CT_SLOT_CAPTURE	   24
#define CT_SLOT_BYTES	   32

/* plan.c's table, by the hook's return address alone */
#define CT_EXIT_SLOT_SITE    0
#define CT_EXIT_SLOT_CAPTURE 8
#define CT_EXIT_SLOT_BYTES   16
#define CT_CAPTURE_NONE	     1 /* in place of an address; 0: not known yet */

/* struct ct_capture */
#define CT_CAPTURE_FUNCTION    0
#define CT_CAPTURE_STEPS       8
#define CT_CAPTURE_RSP_END     16
#define CT_CAPTURE_RBP_SPAN    20
#define CT_CAPTURE_RBP_LOW     24
#define CT_CAPTURE_QUICK_BYTES 28
#define CT_CAPTURE_QUICK_HEAD  32
/* struct ct_quick_step */
#define CT_QUICK_STEP_OFFSET 8
#define CT_QUICK_STEP_AT     12
#define CT_QUICK_STEP_BYTES  16

#define CT_HOOK_REGISTERS_BYTES 56 /* struct ct_registers */
/* Registers of a plan, six more, and a word of the caller's; aligned for a call */
#define CT_STUB_FRAME_BYTES 192

/* Return addresses that may be planted at one time; code of each, and entry in the table */
#define CT_STUBS	4096
#define CT_STUB_BYTES	16
#define CT_PLANTED_SLOT 0
#define CT_PLANTED_X87	8
#define CT_PLANTED_BUSY 1 /* in the slot: being planted, or the function has returned */

#define CT_OFFSET_LIMIT_VALUE	 (65536 - 128)
#define CT_STACK_GAP_BYTES_VALUE 16384

/* What libc registers its restartable sequences with. */
#define CT_RSEQ_SIGNATURE 0x53053053

#endif
