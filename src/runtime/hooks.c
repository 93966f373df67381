/* SPDX-License-Identifier: MIT */
/*
 * The entry points that code compiled with -finstrument-functions calls, in
 * the traced process, on any thread and in any signal handler: see hot.h. On
 * x86-64 they are in hooks_x86_64.S.
 */
#include "runtime/hot.h"
#include "runtime/values.h"

__thread struct ct_self ct_self = {.word = CT_OFFSET_NONE};

int64_t ct_rseq_offset;

#define CT_CHECK_OFFSET(type, member, offset) \
	_Static_assert(offsetof(type, member) == (offset), "the assembly hooks rely on it")
CT_CHECK_OFFSET(struct ct_self, word, CT_SELF_WORD);
CT_CHECK_OFFSET(struct ct_self, window, CT_SELF_WINDOW);
CT_CHECK_OFFSET(struct ct_self, frames, CT_SELF_FRAMES);
CT_CHECK_OFFSET(struct ct_self, epoch, CT_SELF_EPOCH);
CT_CHECK_OFFSET(struct ct_self, depth_limit, CT_SELF_DEPTH_LIMIT);
CT_CHECK_OFFSET(struct ct_self, thread, CT_SELF_THREAD);
CT_CHECK_OFFSET(struct ct_self, counted_calls, CT_SELF_COUNTED);
CT_CHECK_OFFSET(struct ct_self, values_bytes, CT_SELF_VALUES_BYTES);
CT_CHECK_OFFSET(struct ct_self, stack_high, CT_SELF_STACK_HIGH);
CT_CHECK_OFFSET(struct ct_self, stack_span, CT_SELF_STACK_SPAN);
CT_CHECK_OFFSET(struct ct_site_table, byte_mask, CT_TABLE_BYTE_MASK);
CT_CHECK_OFFSET(struct ct_site_table, slots, CT_TABLE_SLOTS);
CT_CHECK_OFFSET(struct ct_site_slot, site, CT_SLOT_SITE);
CT_CHECK_OFFSET(struct ct_site_slot, call_site, CT_SLOT_CALL_SITE);
CT_CHECK_OFFSET(struct ct_site_slot, record, CT_SLOT_RECORD);
CT_CHECK_OFFSET(struct ct_site_slot, capture, CT_SLOT_CAPTURE);
_Static_assert(sizeof(struct ct_site_slot) == CT_SLOT_BYTES && sizeof(struct ct_frame) == 16,
	       "the assembly hooks rely on it");
_Static_assert(CT_OFFSET_LIMIT == CT_BLOCK_BYTES - 128 && CT_ENTER_BYTES == 6 &&
		       CT_RETURN_BYTES == 3 && CT_EPOCH_SHIFT == 22 && CT_WORD_DEPTH_SHIFT == 40,
	       "the assembly hooks rely on it");

#if defined(__x86_64__)

CT_CHECK_OFFSET(struct ct_exit_table, byte_mask, CT_TABLE_BYTE_MASK);
CT_CHECK_OFFSET(struct ct_exit_table, slots, CT_TABLE_SLOTS);
CT_CHECK_OFFSET(struct ct_exit_slot, site, CT_EXIT_SLOT_SITE);
CT_CHECK_OFFSET(struct ct_exit_slot, capture, CT_EXIT_SLOT_CAPTURE);
_Static_assert(sizeof(struct ct_exit_slot) == CT_EXIT_SLOT_BYTES &&
		       sizeof(struct ct_registers) == CT_HOOK_REGISTERS_BYTES && CT_PLAN_RBX == 1 &&
		       CT_PLAN_R15 == 6 && CT_PLAN_RAX == 7 && CT_PLAN_XMM0 == 9 &&
		       CT_PLAN_ST0 == 13 && CT_PLAN_REGISTERS == 17,
	       "the assembly hooks rely on it");
CT_CHECK_OFFSET(struct ct_capture, function, CT_CAPTURE_FUNCTION);
CT_CHECK_OFFSET(struct ct_capture, steps, CT_CAPTURE_STEPS);
CT_CHECK_OFFSET(struct ct_capture, rsp_end, CT_CAPTURE_RSP_END);
CT_CHECK_OFFSET(struct ct_capture, rbp_span, CT_CAPTURE_RBP_SPAN);
CT_CHECK_OFFSET(struct ct_capture, rbp_low, CT_CAPTURE_RBP_LOW);
CT_CHECK_OFFSET(struct ct_capture, quick_bytes, CT_CAPTURE_QUICK_BYTES);
CT_CHECK_OFFSET(struct ct_quick_step, offset, CT_QUICK_STEP_OFFSET);
CT_CHECK_OFFSET(struct ct_quick_step, at, CT_QUICK_STEP_AT);
CT_CHECK_OFFSET(struct ct_capture, quick_head, CT_CAPTURE_QUICK_HEAD);
_Static_assert(sizeof(struct ct_quick_step) == CT_QUICK_STEP_BYTES,
	       "the assembly hooks rely on it");
CT_CHECK_OFFSET(struct ct_planted, slot, CT_PLANTED_SLOT);
CT_CHECK_OFFSET(struct ct_planted, x87_values, CT_PLANTED_X87);
_Static_assert(sizeof(struct ct_stub_entry) == CT_STUB_BYTES, "the stubs rely on it");

/* libc registers every thread, since 2.35; the kernel knows how since 4.18. */
void ct_hooks_init(void)
{
	enum { RSEQ_CS_OFFSET = 8 }; /* of struct rseq's rseq_cs */
	const unsigned int *size_bytes = ct_next("__rseq_size");
	const ptrdiff_t *offset = ct_next("__rseq_offset");
	if (size_bytes && offset && *size_bytes)
		ct_rseq_offset = *offset + RSEQ_CS_OFFSET;
}

#else

void ct_hooks_init(void)
{
}

#define CT_HOOK __attribute__((visibility("default")))

CT_HOOK void __cyg_profile_func_enter(void *function, void *call_site);
CT_HOOK void __cyg_profile_func_exit(void *function, void *call_site);

void __cyg_profile_func_enter(void *function, void *call_site)
{
	const struct ct_registers registers = {.sp = (uint64_t)__builtin_dwarf_cfa()};
	ct_enter_hook((uint64_t)function, (uint64_t)call_site,
		      (uint64_t)__builtin_return_address(0), &registers);
}

void __cyg_profile_func_exit(void *function, void *call_site)
{
	const struct ct_registers registers = {.sp = (uint64_t)__builtin_dwarf_cfa()};
	ct_exit_hook((uint64_t)function, (uint64_t)call_site, (uint64_t)__builtin_return_address(0),
		     &registers);
}

#endif
