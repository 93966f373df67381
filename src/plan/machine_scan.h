/* SPDX-License-Identifier: MIT */
/* Looks through code without running it. */
#ifndef CT_PLAN_MACHINE_SCAN_H
#define CT_PLAN_MACHINE_SCAN_H

#include "plan/machine.h"

/*
 * Does an instruction from `from` to `to` use memory at a register + low up to
 * high? Not only to pass it on: in an argument by value that ends in a function
 * which does not read it, Clang's callers put nothing, though all of them copy it.
 */
bool ct_machine_uses_memory(const struct ct_machine *machine, const struct ct_code *code,
			    uint64_t from, uint64_t to, unsigned int number, int64_t low,
			    int64_t high);

#endif
