/* SPDX-License-Identifier: MIT */
/*
 * The entry points that code compiled with -finstrument-functions calls, in
 * the traced process, on any thread and in any signal handler: see hot.h.
 */
#include "runtime/hot.h"

__thread struct ct_self ct_self = {
	.words = { CT_OFFSET_NONE, CT_OFFSET_NONE },
};

/* Which slow path runs depends on the mode, so that "off" is one indirect jump to a return. */
static inline void enter_slow(uint64_t function, uint64_t call_site, uint64_t site, uint64_t sp)
{
	ct_enter_slow(function, call_site, site, sp);
}

static inline void exit_slow(uint64_t function, uint64_t call_site, uint64_t site, uint64_t sp)
{
	ct_exit_slow(function, call_site, site, sp);
}

#define CT_HOOK __attribute__((visibility("default"), no_instrument_function))

CT_HOOK void __cyg_profile_func_enter(void *function, void *call_site);
CT_HOOK void __cyg_profile_func_exit(void *function, void *call_site);

void __cyg_profile_func_enter(void *function, void *call_site)
{
	ct_hot_enter(&ct_self.words[CT_LANE_CYCLES], (uint64_t)function, (uint64_t)call_site,
		     (uint64_t)__builtin_return_address(0), (uint64_t)__builtin_dwarf_cfa(),
		     ct_clock_cycles, true, enter_slow);
}

void __cyg_profile_func_exit(void *function, void *call_site)
{
	ct_hot_exit(&ct_self.words[CT_LANE_CYCLES], (uint64_t)function, (uint64_t)call_site,
		    (uint64_t)__builtin_return_address(0), (uint64_t)__builtin_dwarf_cfa(),
		    ct_clock_cycles, true, exit_slow);
}
