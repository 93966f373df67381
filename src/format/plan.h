/* SPDX-License-Identifier: MIT */
/*
 * Capture plans: what to copy when a hook is called, and what the copied bytes
 * mean. docs/format.md, "Plans", is the contract. A plan file is made by
 * `calltrace plan` from a module's debug information, once per build, and kept
 * in the user's cache; the runtime follows its operations; the plans a process
 * used are copied into its trace, so that a reader needs nothing else. Every
 * byte is untrusted, in the cache as in the trace. Little-endian.
 *
 * A plan's operations run in order and append to the call's *payload*. Each
 * one that appends makes the next *block* (from 0), whose length a reader finds
 * from the operation and the payload alone. The *description* says which
 * parameter is where in which block.
 */
#ifndef CT_FORMAT_PLAN_H
#define CT_FORMAT_PLAN_H

#include <stdint.h>

#include "format/checksum.h"

enum {
	CT_PLAN_MAGIC = 0x4c505443, /* "CTPL" */
	CT_PLAN_VERSION = 4, /* of the file, and of what is planned: an older plan may be wrong */
	CT_PLAN_OPS_MAX = 256,
	CT_PLAN_BLOCKS_MAX = 128,
	CT_PLAN_STACK_MAX = 8,	    /* of the operations' own stack of values */
	CT_PLAN_PAYLOAD_MAX = 8192, /* bytes a call, and a return, may append */
	CT_PLAN_DESCRIPTION_MAX = 32768,
	CT_PLAN_NESTING_MAX = 32,   /* of nodes in a description */
	CT_PLAN_MEMBERS_MAX = 4096, /* with names, of a struct in a description */
	CT_PLAN_STRING_MAX = 4096,  /* greatest CALLTRACE_MAX_STRING */
	CT_PLAN_STRING_DEFAULT = 64,
	CT_PLAN_POINTEE_MAX = 4, /* greatest CALLTRACE_MAX_POINTEE */
	CT_PLAN_POINTEE_DEFAULT = 1,
	CT_PLAN_MISSES_MAX = 4096, /* bytes */
};

/*
 * What a plan depends on besides the module; part of the cache file's name:
 *	<cache>/plans/<build-id>.<file>-<version>.<planner>-<max_string>-<max_pointee>-<filter_hash>.plan
 * with the build-id in lower-case hex, the file's identity (module_identity.h)
 * as 16, the three numbers in decimal, the planner's identity as 8 and the hash
 * as 16 lower-case hex digits. The library
 * and the command have the identity from the same build; where they have not,
 * the command is asked each time. <cache> is $XDG_CACHE_HOME/calltrace when
 * that is an absolute path, else $HOME/.cache/calltrace. For a module without a
 * build-id "none-" and 16 hex digits stand for it, which only `calltrace plan`
 * knows to make (plan/cache.c). A folder or file that is not the effective
 * user's, or that others may write, is not used.
 */
struct ct_plan_settings {
	uint32_t max_string;  /* bytes of a string, 1 to CT_PLAN_STRING_MAX */
	uint32_t max_pointee; /* levels of pointers that are followed */
	uint64_t filter_hash; /* FNV-1a, 64 bits, of CALLTRACE_ARGS_FILTER; 0: no filter */
};

/* Head of a plan file. Index and plans follow, each 8-byte aligned. */
struct ct_plan_header {
	uint32_t magic;
	uint32_t version;
	uint64_t total_bytes; /* of the file */
	struct ct_plan_settings settings;
	uint32_t build_id_bytes; /* 0: the module has none */
	uint32_t flags;		 /* enum ct_plan_flags */
	uint8_t build_id[32];
	uint64_t index_offset; /* index_count struct ct_plan_index, ascending by site */
	uint64_t index_count;
	uint64_t checksum; /* ct_plan_file_checksum() */
	/* Behind the index: the filter's patterns that fit no function, each ended by a NUL, and
	 * filled up with NULs to a multiple of 8 */
	uint64_t misses_bytes;
};
_Static_assert(sizeof(struct ct_plan_header) == 104, "part of the file format");

enum ct_plan_flags {
	CT_PLAN_NO_DEBUG_INFO = 1,  /* the module has none: nothing is planned */
	CT_PLAN_NO_HOOKS = 2,	    /* no instrumented code in the module */
	CT_PLAN_INCOMPLETE = 4,	    /* a .dwo file or package is not there */
	CT_PLAN_COMPRESSED = 8,	    /* with NO_DEBUG_INFO: there is some, compressed in a way that
				     * the command cannot read */
	CT_PLAN_NO_DEBUG_FILE = 32, /* with NO_DEBUG_INFO: it is in a file of its own, which is not
				     * there; the command has said which */
	CT_PLAN_LINES_ONLY = 16, /* with NO_DEBUG_INFO: there is some, without parameters (-g1) */
};

struct ct_plan_index {
	uint64_t site;	     /* return address of the hook call, as in the ELF file */
	uint32_t offset;     /* of the struct ct_plan from the start of the file, / 8 */
	uint32_t size_bytes; /* of the plan with all that follows it */
};
_Static_assert(sizeof(struct ct_plan_index) == 16, "part of the file format");

enum ct_plan_kind {
	CT_PLAN_ENTER = 1,
	CT_PLAN_EXIT = 2,      /* the operations give the return value at the exit hook */
	CT_PLAN_EXIT_STUB = 3, /* they give it when the function has returned: the hook puts a
				* stub in place of the return address at `return_slot`, and they
				* see the registers the function returned with */
};

/* A plan. op_count operations follow, then shape_count, then the description. */
struct ct_plan {
	uint32_t size_bytes;	      /* of all that belongs to it, a multiple of 8 */
	uint8_t kind;		      /* enum ct_plan_kind */
	uint8_t return_slot_register; /* EXIT_STUB: the return address is at register + offset */
	uint16_t op_count;
	uint16_t shape_count; /* ENTER: the operations a return of this function appends by; here
			       * for the reader, which splits a return's payload by them */
	uint16_t payload_max; /* bytes these operations can append; checked when it is loaded */
	int32_t return_slot_offset;
	/* ELF address the hook must be told as the function; another one: the plan is not for it.
	 * 0: for none, since the linker has folded several functions there */
	uint64_t function;
	uint16_t description_bytes; /* ENTER only; 0 in others */
	uint16_t function_is_slot;  /* 1: `function` is the address of a pointer, to a function
				     * that may be another module's; else 0 */
	uint32_t checksum;	    /* ct_plan_checksum() */
};
_Static_assert(sizeof(struct ct_plan) == 32, "part of the file format");

/* Of the header, with 0 in place of the sum, the index, and what misses. */
static inline uint64_t ct_plan_file_checksum(const struct ct_plan_header *header,
					     const struct ct_plan_index *index)
{
	struct ct_plan_header head = *header;
	head.checksum = 0;
	return ct_checksum(ct_checksum(0, &head, sizeof(head)), index,
			   head.index_count * sizeof(*index) + head.misses_bytes);
}

/* Of a plan with all that follows it, as above. Never 0 or 1: what a trace has there that was
 * recorded before there were sums. */
static inline uint32_t ct_plan_checksum(const struct ct_plan *plan)
{
	struct ct_plan head = *plan;
	head.checksum = 0;
	uint64_t sum = ct_checksum(ct_checksum(0, &head, sizeof(head)), plan + 1,
				   plan->size_bytes - sizeof(head));
	uint32_t half = (uint32_t)sum;
	return half > 1 ? half : half + 2;
}

/* Registers as an operation sees them. The first seven are those of the instrumented function at
 * the hook call, as they will be when the hook has returned; the rest exist in EXIT_STUB only. */
enum ct_plan_register {
	CT_PLAN_RSP = 0,
	CT_PLAN_RBX,
	CT_PLAN_RBP,
	CT_PLAN_R12,
	CT_PLAN_R13,
	CT_PLAN_R14,
	CT_PLAN_R15,
	CT_PLAN_HOOK_REGISTERS,
	CT_PLAN_RAX = CT_PLAN_HOOK_REGISTERS,
	CT_PLAN_RDX,
	CT_PLAN_XMM0, /* low 8 bytes, then high 8 bytes */
	CT_PLAN_XMM0_HIGH,
	CT_PLAN_XMM1,
	CT_PLAN_XMM1_HIGH,
	CT_PLAN_ST0, /* 10 bytes in two words */
	CT_PLAN_ST0_HIGH,
	CT_PLAN_ST1,
	CT_PLAN_ST1_HIGH,
	CT_PLAN_REGISTERS,
};

/*
 * Operations. "push" and "pop" speak of a stack of 64-bit values. A value that
 * could not be read makes all that is computed from it unreadable.
 */
enum ct_plan_code {
	/*
	 * Append; each makes a block. The first three, with CT_PLAN_JOINED set in `code`,
	 * lengthen the last block instead, which one of the three has made. A reader need not
	 * tell these three from each other, so the shape of a return may use any of them.
	 */
	CT_PLAN_JOINED = 0x80,
	CT_PLAN_APPEND_REGISTER = 1, /* `size` (1 to 8) low bytes of register `from` + offset.
				      * Block: `size` bytes */
	CT_PLAN_APPEND_STACK = 2,    /* `size` bytes of the thread's stack at register `from` +
				      * offset; not on the stack: the whole payload is dropped.
				      * Block: `size` bytes */
	CT_PLAN_APPEND_VALUE = 3,    /* pop; `size` (1 to 8) low bytes; unreadable: the whole
				      * payload is dropped. Block: `size` bytes */
	CT_PLAN_APPEND_MEMORY = 4,   /* pop an address; `size` bytes there. Block: a status byte
				      * (enum ct_plan_status), then `size` bytes when it is OK. `from`
				      * is 1: volatile, which only the kernel may read for us: it
				      * refuses where a device's registers are */
	CT_PLAN_APPEND_STRING = 5,   /* pop an address; the bytes up to a NUL, at most `size`.
				      * Block: uint16 head (below), then its bytes */
	CT_PLAN_APPEND_TEXT = 6,     /* pop an address, pop a length; that many bytes, at most
				      * `size`. Block: as STRING */
	CT_PLAN_APPEND_SEQUENCE = 7, /* pop end, pop begin; elements of `size` bytes, at most
				      * `operand` of them. Block: status byte; when OK uint32
				      * elements there are, then the bytes of the first ones. An
				      * end before begin, or not a multiple away: UNREADABLE */
	CT_PLAN_LAST_APPEND = CT_PLAN_APPEND_SEQUENCE,

	CT_PLAN_PUSH_REGISTER = 16, /* register `from` + offset */
	CT_PLAN_PUSH_CONSTANT = 17, /* operand */
	CT_PLAN_PUSH_BLOCK = 18,    /* the 8 bytes at `offset` of what block `from` holds after its
				     * status; not there: unreadable */
	CT_PLAN_LOAD = 19,	    /* pop an address, push the `size` (1, 2, 4, 8) bytes there,
				     * zero-extended */
	CT_PLAN_ADD_CONSTANT = 20,  /* to the top */
	CT_PLAN_SIGN_EXTEND = 21,   /* the low `size` (1, 2, 4) bytes of the top */
	CT_PLAN_ZERO_EXTEND = 22,
	CT_PLAN_NEGATE = 23,
	CT_PLAN_NOT = 24,
	CT_PLAN_PUSH_ADDRESS =
		25, /* operand: an address in the ELF file; as it is in the process */
	/* pop right, pop left, push left OP right */
	CT_PLAN_ADD = 32,
	CT_PLAN_SUBTRACT = 33,
	CT_PLAN_MULTIPLY = 34,
	CT_PLAN_AND = 35,
	CT_PLAN_OR = 36,
	CT_PLAN_XOR = 37,
	CT_PLAN_SHIFT_LEFT = 38, /* by 64 or more: 0 */
	CT_PLAN_SHIFT_RIGHT = 39,
	CT_PLAN_SHIFT_RIGHT_SIGNED = 40, /* by 64 or more: the sign */
	CT_PLAN_LESS = 41,		 /* unsigned; 0 or 1 */
	CT_PLAN_LESS_SIGNED = 42,
	CT_PLAN_EQUAL = 43,
};

struct ct_plan_op {
	uint8_t code; /* enum ct_plan_code */
	uint8_t from; /* register, or block */
	uint16_t size;
	int32_t offset;
	int64_t operand;
};
_Static_assert(sizeof(struct ct_plan_op) == 16, "part of the file format");

enum ct_plan_status {
	CT_PLAN_OK = 0,
	CT_PLAN_NULL = 1,
	CT_PLAN_UNREADABLE = 2,
};

/* Head of a string's block. NULL and UNREADABLE alone have length 0. */
enum {
	CT_PLAN_STRING_LENGTH = 0x1fff, /* bytes that follow */
	CT_PLAN_STRING_TRUNCATED = 0x2000,
	CT_PLAN_STRING_NULL = 0x4000,
	CT_PLAN_STRING_UNREADABLE = 0x8000,
	/* The memory ends behind these bytes, and the string has not. */
	CT_PLAN_STRING_ENDS = CT_PLAN_STRING_TRUNCATED | CT_PLAN_STRING_UNREADABLE,
};

/* ---- descriptions ---- */

/*
 * A description is:
 *	u8 parameter count, then for each: text name, text type, node
 *	u8 1 when the function returns a value, and then: text type, node
 *	   (the node of a return speaks of the blocks of the shape)
 * A text is a uint16 length and that many bytes. Numbers are unaligned.
 *
 * A node says what a value is. It is read in a *context*: some bytes, which
 * offsets count from. A parameter's context is empty: its node is BLOCK,
 * CONSTANT, PIECES or ABSENT.
 */
enum ct_node_kind {
	CT_NODE_ABSENT = 0,	/* u8 enum ct_why */
	CT_NODE_BLOCK = 1,	/* u8 block, node: the context is what the block holds */
	CT_NODE_CONSTANT = 2,	/* u16 length, bytes, node: the context is these bytes */
	CT_NODE_PIECES = 3,	/* u16 total, u8 count, count * {u16 at, u16 size, u8 block or 0xff:
				 * optimized out, u16 offset in the block}, node: the context is put
				 * together from pieces of blocks */
	CT_NODE_SIGNED = 4,	/* u16 offset, u8 size (1, 2, 4, 8, 16) */
	CT_NODE_UNSIGNED = 5,	/* the same */
	CT_NODE_BOOL = 6,	/* the same */
	CT_NODE_CHAR = 7,	/* u16 offset, u8 size (1, 2, 4): a character */
	CT_NODE_FLOAT = 8,	/* u16 offset, u8 format: 2, 4, 8 IEEE; 10 x87; 16 IEEE quad */
	CT_NODE_COMPLEX = 9,	/* u16 offset, u8 format of each half, u8 stride */
	CT_NODE_ENUM = 10,	/* u16 offset, u8 size, u8 1 when signed, u16 count, count * {i64
				 * value, text name} */
	CT_NODE_BITS = 11,	/* u32 bit offset, u8 bit count, u8 1 when signed, node: its context
				 * is the value in 8 bytes, extended */
	CT_NODE_POINTER = 12,	/* u16 offset (8 bytes); u8 1 when followed, then u8 block, node */
	CT_NODE_STRING = 13,	/* u16 offset of the pointer, u8 block: a STRING or TEXT one */
	CT_NODE_FUNCTION = 14,	/* u16 offset: the address of code */
	CT_NODE_REFERENCE = 15, /* u16 offset, u8 block, node: shown as what it refers to */
	CT_NODE_STRUCT = 16,	/* u16 count, count * {text name, node}; a base class's name is its
				 * type; an unnamed member's is empty */
	CT_NODE_UNION = 17,	/* the same */
	CT_NODE_ARRAY = 18,    /* u16 offset, u16 stride, u32 elements, u32 shown, node: its context
				* is each element in turn */
	CT_NODE_CHARS = 19,    /* u16 offset, u32 elements, u32 there: an array of char, shown as a
				* string up to its first NUL */
	CT_NODE_TEXT = 20,     /* u8 block: std::string, std::string_view */
	CT_NODE_SEQUENCE = 21, /* u8 block, u16 stride, node: std::vector */
	CT_NODE_OPAQUE = 22,   /* u16 offset, u16 size: bytes in hexadecimal */
	CT_NODE_AT = 23,       /* u16 offset, node: the context from there on */
	CT_NODE_ADDRESS = 24,  /* u16 offset: a pointer to shared data of a smart pointer; as
				* POINTER not followed */
	CT_NODE_SHORT_TEXT = 25, /* u16 offset, u8 there, u8 block or 0xff: std::string of libc++.
				  * Bit 0 of the byte at `offset` set: the text is the block's
				  * (0xff: left out). Clear: its other bits are the length of the
				  * text in the bytes behind it, of which `there` are shown */
	CT_NODE_LIST = 26,	 /* u32 elements, u8 shown, node for each that is shown: an array
				  * whose elements have nodes of their own, all in the context
				  * of the list */
	CT_NODE_SEQUENCE_LIST = 27, /* u8 block, u16 stride, u8 shown, node for each that can be: as
				     * SEQUENCE; the context of all is what the block holds */
};

/* Why a value is not there; the words are in docs/user-guide.md. */
enum ct_why {
	CT_WHY_OPTIMIZED_OUT = 1,
	CT_WHY_ENTRY_VALUE = 2,
	CT_WHY_NO_DEBUG_INFO = 3,
	CT_WHY_PLAN_UNSURE = 4,
	CT_WHY_UNREADABLE = 5,
	CT_WHY_INLINED = 6,
	CT_WHY_LEFT_OUT = 7, /* "left out": members of a large struct, all in one, named "..." */
};

/* ---- in the trace ---- */

/* An entry of a PLANS block; entries follow each other, `size_bytes` apart, until one is 0. */
struct ct_plan_row {
	uint32_t size_bytes; /* with what follows, a multiple of 8; written last */
	uint32_t module;     /* ordinal */
	uint64_t site;	     /* run-time address of the ENTER site it is for */
	uint32_t why;	     /* enum ct_why when there is no plan; else 0, and the struct ct_plan
			      * with its operations, shape and description follows */
	uint32_t reserved;
};
_Static_assert(sizeof(struct ct_plan_row) == 24, "part of the file format");

#endif
