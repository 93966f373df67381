/* SPDX-License-Identifier: MIT */
/* Looks through code without running it. */
#ifndef CT_PLAN_MACHINE_SCAN_H
#define CT_PLAN_MACHINE_SCAN_H

#include "plan/machine.h"

/* Memory at a register + low up to high. */
struct ct_machine_range {
	unsigned int number; /* of the register, as in struct ct_expr */
	int64_t low;
	int64_t high;
};

/*
 * Does an instruction from `from` to `to` use memory of the range? Unless
 * `copies_count`, not only to pass it on, by a copy on the stack or by its
 * address.
 */
bool ct_machine_uses_memory(const struct ct_machine *machine, const struct ct_code *code,
			    uint64_t from, uint64_t to, bool copies_count,
			    const struct ct_machine_range *range);

#endif
