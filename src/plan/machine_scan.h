/* SPDX-License-Identifier: MIT */
/* Looks through code without running it. */
#ifndef CT_PLAN_MACHINE_SCAN_H
#define CT_PLAN_MACHINE_SCAN_H

#include "plan/machine.h"

/* Does an instruction from `from` to `to` name memory at a register + low up to high? */
bool ct_machine_names_memory(const struct ct_machine *machine, const struct ct_code *code,
			     uint64_t from, uint64_t to, unsigned int number, int64_t low,
			     int64_t high);

#endif
