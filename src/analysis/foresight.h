/* SPDX-License-Identifier: MIT */
/*
 * What calls will return, told when they begin: for conditions on it. The
 * stream is walked to its end once, and of each call that is asked three bits
 * are kept; from a few million on in a nameless temporary file.
 */
#ifndef CT_ANALYSIS_FORESIGHT_H
#define CT_ANALYSIS_FORESIGHT_H

#include <stdint.h>

#include "analysis/selection.h"
#include "analysis/session.h"
#include "base/error.h"

struct ct_foresight;

struct ct_error *ct_foresight_create(const struct ct_input *input, uint32_t stream,
				     const struct ct_selection *selection, struct ct_values *values,
				     struct ct_foresight **ret) __attribute__((warn_unused_result));
void ct_foresight_destroy(struct ct_foresight *foresight);

/* The effects (CT_SELECT_INSIDE and so on) of the conditions that hold for the next call, in the
 * order in which they begin, of the functions with conditions on what they return. */
uint8_t ct_foresight_next(struct ct_foresight *foresight);

#endif
